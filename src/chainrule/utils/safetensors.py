"""Tensors in the safetensors format, through its own library.

`save_file` and `load_file` have the signatures of `safetensors.torch`; a file is replaced whole or
not at all. Loaded when named; needs the package safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import dtypes, errors
from ..core.tensor import Tensor, wrap
from ..serialization.atomic import replacing

__all__ = ["load_file", "save_file"]


_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32",
    "U64": "uint64", "BOOL": "bool",
}  # fmt: skip


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "the package safetensors is not installed\n"
            'Hint: pip install "chainrule[safetensors]", or use torch.save'
        ) from None
    return safetensors


def save_file(tensors: Mapping[str, Tensor], filename: Any, metadata: Any = None) -> None:
    """Write named tensors to a safetensors file.

    Args:
        tensors: by name; each is written with memory of its own.
        filename: a path.
        metadata: a dict of texts, kept in the file's header.

    Raises:
        ValueError: something is no tensor, or has a dtype that the format lacks (complex).
        ImportError: the package safetensors is not installed.

    Example:
        >>> import tempfile, os
        >>> import chainrule as torch
        >>> from chainrule.utils.safetensors import load_file, save_file
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "w.safetensors")
        ...     save_file({"w": torch.ones(2)}, path)
        ...     load_file(path)
        {'w': tensor([1., 1.])}
    """
    library = _library()
    arrays = {}
    for name, t in tensors.items():
        if not isinstance(t, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but got {type(t)}")
        if t.dtype.is_complex:
            raise ValueError(
                errors.hinted(
                    f"safetensors has no dtype for {t.dtype}",
                    f"tensor: {name}",
                    hint="torch.view_as_real makes two real numbers of a complex one",
                )
            )
        arrays[name] = np.array(t.detach().numpy(), order="C")
    content = library.numpy.save(arrays, metadata=metadata)
    with replacing(filename) as file:
        file.write(content)


def load_file(filename: Any, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name.

    Args:
        filename: a path.
        device: only "cpu".

    Raises:
        FileNotFoundError: no such file.
        RuntimeError: the file is damaged.
        ImportError: the package safetensors is not installed.
    """
    library = _library()
    if dtypes.device(device).type != "cpu":
        raise RuntimeError(f"there is no device {device!r} here\nHint: device='cpu'")
    with open(filename, "rb") as file:
        content = file.read()
    try:
        found = library.deserialize(content)
    except library.SafetensorError as error:
        raise RuntimeError(f"{filename} is no safetensors file, or is damaged: {error}") from None
    made = {}
    for name, entry in found:
        if entry["dtype"] not in _DTYPES:
            raise RuntimeError(f"{filename}: tensor {name} has the dtype {entry['dtype']}")
        dtype = dtypes.DTYPES[_DTYPES[entry["dtype"]]]
        array = np.frombuffer(bytearray(entry["data"]), dtype.np)
        made[name] = wrap(array.reshape(entry["shape"]))
    return made
