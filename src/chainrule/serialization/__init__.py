"""`torch.save` and `torch.load`: PyTorch's own checkpoint files, written and read.

Lives here: the container (`archive`, a zip file), the bytes behind tensors (`storages`), writing
(`saving`), the machine that reads a pickle without running anything of it (`machine`), and files
that are replaced whole or not at all (`atomic`). Who may call: users and `cli`. A value comes from
a file through `archive` -> `machine` -> `storages`; nothing else constructs objects, unless the
user says `weights_only=False`.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterable
from typing import Any

from .. import dtypes, errors
from . import archive, atomic, machine, saving
from .machine import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .storages import Storages

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "safe_globals",
    "save",
]


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write an object with its tensors to a file that `torch.load`, PyTorch's too, can read.

    A file is written beside the old one and takes its place only when it is complete and on the
    disk: whatever happens, either the old or the new file is there.

    Args:
        obj: tensors in any nesting of containers (`module.state_dict()`), or anything that pickles.
            Views of one memory stay views of one memory.
        f: a path, or an object with `write`.
        pickle_module: only the standard one.
        pickle_protocol: only 2, the one that PyTorch's restricted reader knows.

    Raises:
        RuntimeError: the directory does not exist.
        AttributeError: `f` is neither.

    Example:
        >>> import io
        >>> import chainrule as torch
        >>> buffer = io.BytesIO()
        >>> torch.save({"w": torch.arange(3.0)}, buffer)
        >>> _ = buffer.seek(0)
        >>> torch.load(buffer)
        {'w': tensor([0., 1., 2.])}
    """
    if pickle_module not in (None, pickle) or pickle_protocol != 2:
        raise ValueError(
            errors.hinted(
                "torch.save: chainrule writes with the standard pickle, protocol 2",
                hint="leave pickle_module and pickle_protocol out",
            )
        )
    if not _use_new_zipfile_serialization:
        raise ValueError(
            errors.hinted(
                "torch.save: the format from before PyTorch 1.6 is not written",
                hint="every PyTorch since 1.4 reads the zip format",
            )
        )
    if isinstance(f, (str, os.PathLike)):
        content, storages = saving.pickled(obj)
        name = os.path.splitext(os.path.basename(os.fspath(f)))[0]
        with atomic.replacing(f) as file:
            archive.write(file, name, content, storages)
    elif hasattr(f, "write"):
        content, storages = saving.pickled(obj)
        whole = io.BytesIO()  # a stream may not be seekable
        archive.write(whole, "archive", content, storages)
        f.write(whole.getvalue())
    else:
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read a file of `torch.save`, of chainrule or of PyTorch.

    With `weights_only`, the default, nothing but tensors, plain containers and numbers is ever
    constructed; everything else in the file is refused by name, before anything of it ran.

    Args:
        f: a path, or an object with `read` and `seek`.
        map_location: where tensors go; everything is on the CPU here, so a device that is not there
            is an error and a function is not asked.
        weights_only: False runs the pickle as it is. Only for files you trust.
        mmap: map the tensors' bytes instead of reading them (a path only); writing to such a tensor
            does not change the file.

    Raises:
        FileNotFoundError, EOFError: no such file; an empty one.
        RuntimeError: not a zip file of this format, cut off, or with parts that cannot be.
        pickle.UnpicklingError: it names something that is not allowed, or is no valid pickle.

    Example:
        >>> import io
        >>> import chainrule as torch
        >>> buffer = io.BytesIO()
        >>> torch.save(torch.ones(2), buffer)
        >>> _ = buffer.seek(0)
        >>> torch.load(buffer, weights_only=True)
        tensor([1., 1.])
    """
    if map_location is not None and not callable(map_location):
        _check_location(map_location)
    if weights_only is None:
        weights_only = pickle_module is None
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError(
            "f must be a file path in order to use the mmap argument\n"
            "Hint: an open file is read; torch.load(path, mmap=True) maps it"
        )
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, weights_only, os.fspath(f) if mmap else None, pickle_load_args)
    if not (hasattr(f, "read") and hasattr(f, "seek")):
        missing = "seek" if not hasattr(f, "seek") else "read"
        raise AttributeError(
            f"'{type(f).__name__}' object has no attribute '{missing}'. You can only torch.load "
            "from a file that is seekable. Please pre-load the data into a buffer like io.BytesIO "
            "and try to load from it instead."
        )
    return _read(f, weights_only, None, pickle_load_args)


def _read(file: Any, weights_only: bool, path: Any, more: dict[str, Any]) -> Any:
    with archive.opened(file) as found:
        storages = Storages(found, path)
        if weights_only:
            return machine.run(found.pickle(), storages)
        return saving.Unpickler(io.BytesIO(found.pickle()), storages, **more).load()


def _check_location(place: Any) -> None:
    if isinstance(place, dict):
        places: Iterable[Any] = place.values()
    else:
        places = [place]
    for p in places:
        kind = dtypes.device(p).type
        if kind == "cuda":
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() "
                "is False. If you are running on a CPU-only machine, please use torch.load with "
                "map_location=torch.device('cpu') to map your storages to the CPU."
            )
        if kind not in ("cpu", "meta"):
            raise RuntimeError(
                errors.hinted(f"there is no device {p!r} here", hint="map_location='cpu'")
            )


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The names in a file that `torch.load(f, weights_only=True)` would refuse.

    Example:
        >>> import io
        >>> import chainrule as torch
        >>> buffer = io.BytesIO()
        >>> torch.save({"kind": complex, "w": torch.ones(1)}, buffer)
        >>> _ = buffer.seek(0)
        >>> torch.serialization.get_unsafe_globals_in_checkpoint(buffer)
        ['builtins.complex']
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return get_unsafe_globals_in_checkpoint(file)
    with archive.opened(f) as found:
        names = dict.fromkeys(machine.names_in(found.pickle()))
    f.seek(0)
    return [name for name in names if not machine.allowed(name)]
