"""`import torch` means chainrule, in this process only.

`install()` enters the chainrule module itself as `sys.modules["torch"]` and puts a finder in
front of `sys.meta_path` that answers for `torch.*`: `torch.nn.functional` is the very module
`chainrule.nn.functional`, never a second copy of it (two copies would mean two Tensor classes).
Nothing is written to disk and no other process is touched; `uninstall()` takes it all back.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from .names import missing_module

__all__ = ["install", "load_ipython_extension", "uninstall", "watch_einops"]

ENGINE = __name__.partition(".")[0]
STAND_IN = "torch"


class TorchFinder:
    """The meta path finder that leads `torch.a.b` to `chainrule.a.b`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: Any = None
    ) -> ModuleSpec | None:
        """The spec of a `torch.*` module; None for every other name."""
        if not fullname.startswith(f"{STAND_IN}."):
            return None
        ours = ENGINE + fullname[len(STAND_IN) :]
        if ours in sys.modules or PathFinder.find_spec(ours, path) is not None:
            loader: Any = _AliasLoader(ours)
            return ModuleSpec(fullname, loader)
        if _only_asked():
            return None
        raise missing_module(fullname, sys.modules[ENGINE])


class _EinopsFinder:
    """Waits, once, for the module in which einops looks for backends (compat/einops.py)."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: Any = None
    ) -> ModuleSpec | None:
        """The ordinary spec of that module, which will get ours; None for every other name."""
        if fullname != _BACKENDS:
            return None
        sys.meta_path.remove(self)
        found: ModuleSpec | None = _einops().with_backend(path)
        return found


_BACKENDS = "einops._backends"


def _einops() -> Any:
    return importlib.import_module(".einops", __package__)


def watch_einops() -> None:
    """Give einops its backend: now if it is imported, otherwise as soon as it is."""
    if _BACKENDS in sys.modules:
        _einops().add_backend(sys.modules[_BACKENDS])
    elif not any(isinstance(f, _EinopsFinder) for f in sys.meta_path):
        sys.meta_path.insert(0, _EinopsFinder())


class _AliasLoader:
    """Loads the module `ours` under the other name, without making a second one."""

    def __init__(self, ours: str) -> None:
        self.ours = ours
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The chainrule module, imported now if it was not yet."""
        module = importlib.import_module(self.ours)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to execute; gives the module back the spec which the import system replaced."""
        module.__spec__ = self.spec


def _only_asked() -> bool:
    """Whether `importlib.util.find_spec` asks (answer: None), not an import (answer: an error)."""
    return sys._getframe(3).f_code.co_name == "find_spec"


def install() -> ModuleType:
    """Make `import torch` mean chainrule in this process; calling it again changes nothing.

    Returns:
        The chainrule module, so `torch = chainrule.install()` reads well too.

    Raises:
        ImportError: the real PyTorch was imported before, so objects of both would meet.

    Example:
        >>> import sys
        >>> from chainrule import compat
        >>> engine = compat.install()
        >>> import torch
        >>> torch is engine is sys.modules["chainrule"]
        True
        >>> compat.uninstall()
        >>> "torch" in sys.modules
        False
    """
    engine = importlib.import_module(ENGINE)
    present = sys.modules.get(STAND_IN)
    if present is not None and present is not engine:
        raise ImportError(_already_imported(present), name=STAND_IN)
    sys.modules[STAND_IN] = engine
    _enter_hidden()
    if not any(isinstance(finder, TorchFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, TorchFinder())
    return engine


def _enter_hidden() -> None:
    """Enter modules that a function of their parent hides (`torch.autograd.gradcheck`) under their
    other name: importing one later would put it in the function's place."""
    for name, module in list(sys.modules.items()):
        parent, _, child = name.rpartition(".")
        inside = sys.modules.get(parent) if parent.partition(".")[0] == ENGINE else None
        if inside is not None and getattr(inside, child, module) is not module:
            sys.modules[STAND_IN + name[len(ENGINE) :]] = module


def _already_imported(present: ModuleType) -> str:
    version = getattr(present, "__version__", "of unknown version")
    return (
        f"chainrule cannot stand in for torch: the real torch ({version}) is already imported\n"
        "Hint: call chainrule.install() before the first `import torch`, "
        "or use `import chainrule as torch` in a fresh process."
    )


def uninstall() -> None:
    """Take back `install()`: from now on `import torch` finds what is installed on this machine."""
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, TorchFinder)]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == STAND_IN and _is_ours(module):
            del sys.modules[name]


def _is_ours(module: ModuleType) -> bool:
    return getattr(module, "__name__", "").partition(".")[0] == ENGINE


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext chainrule` in a notebook: from the next cell on, `import torch` is chainrule."""
    install()
