"""`einops.rearrange(tensor, ...)`, `reduce`, `repeat`, `einsum` on tensors of chainrule.

einops looks for a backend among classes of its own module, each asked only when its framework is
imported. compat/finder.py waits for that module and comes here, in whichever order the two are
imported; a program that never imports einops pays for one finder that says no. Nothing of einops is
imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

__all__ = ["add_backend", "with_backend"]

ENGINE = __name__.partition(".")[0]
_BACKENDS = "einops._backends"


class _Loader:
    """The ordinary loader, and then `add_backend`."""

    def __init__(self, ordinary: Any) -> None:
        self.ordinary = ordinary

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """What the ordinary loader makes."""
        made: ModuleType | None = self.ordinary.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; its spec names the ordinary loader again."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self.ordinary
        self.ordinary.exec_module(module)
        add_backend(module)


def with_backend(path: Sequence[str] | None) -> ModuleSpec | None:
    """The ordinary spec of the module of backends, with a loader that adds ours when it has run."""
    spec = PathFinder.find_spec(_BACKENDS, path)
    if spec is not None:
        loader: Any = _Loader(spec.loader)
        spec.loader = loader
    return spec


def add_backend(backends: Any) -> None:
    """Add a subclass of AbstractBackend; einops looks at those that somebody holds."""
    members = {"framework_name": ENGINE, **_METHODS}
    backends.ChainruleBackend = type("ChainruleBackend", (backends.AbstractBackend,), members)


def _torch() -> Any:
    return sys.modules[ENGINE]


def _is_appropriate_type(self: Any, tensor: Any) -> bool:
    return isinstance(tensor, _torch().Tensor)


def _from_numpy(self: Any, x: Any) -> Any:
    made = _torch().from_numpy(x)
    return made.requires_grad_() if made.dtype.is_floating_point else made


def _reduce(self: Any, x: Any, operation: str, axes: Any) -> Any:
    if operation in ("min", "max"):
        operation = f"a{operation}"
    if operation in ("sum", "mean", "amin", "amax"):
        return getattr(x, operation)(dim=tuple(axes))
    for axis in sorted(axes, reverse=True):  # prod, any, all take one dimension
        x = getattr(x, operation)(dim=axis)
    return x


def _add_axes(self: Any, x: Any, n_axes: int, pos2len: dict[int, int]) -> Any:
    sizes = [-1] * n_axes
    for place, length in pos2len.items():
        x, sizes[place] = x.unsqueeze(place), length
    return x.expand(sizes)


def _layers(self: Any) -> Any:
    raise NotImplementedError(
        "einops layers are modules of PyTorch\nHint: under `chainrule run`, or after "
        "chainrule.install(), einops.layers.torch has chainrule's; elsewhere call einops.rearrange"
    )


_METHODS: dict[str, Any] = {
    "is_appropriate_type": _is_appropriate_type,
    "from_numpy": _from_numpy,
    "to_numpy": lambda self, x: x.detach().numpy(),
    "arange": lambda self, start, stop: _torch().arange(start, stop),
    "reduce": _reduce,
    "transpose": lambda self, x, axes: x.permute(axes),
    "stack_on_zeroth_dimension": lambda self, tensors: _torch().stack(tensors),
    "add_axis": lambda self, x, new_position: x.unsqueeze(new_position),
    "add_axes": _add_axes,
    "tile": lambda self, x, repeats: x.repeat(repeats),
    "concat": lambda self, tensors, axis: _torch().cat(tensors, dim=axis),
    "is_float_type": lambda self, x: x.dtype.is_floating_point,
    "einsum": lambda self, pattern, *x: _torch().einsum(pattern, *x),
    "layers": _layers,
}
