"""Subclasses of Tensor: what a class of a program gets when it is defined.

Functions know nothing of subclasses, so plain tensors pay nothing. The first class of a program
that inherits from Tensor switches `overrides.py` on, which puts dispatching functions in the place
of the public ones; a program without such a class never loads that file.
"""

from __future__ import annotations

import importlib
from typing import Any

from ...core.declare import METHODS
from ...core.record import OPS
from ...core.tensor import Tensor

__all__ = ["ours", "renamed"]

_OURS = tuple(f"{__name__.partition('.')[0]}.{room}." for room in ("core", "func", "nn"))


def ours(cls: type) -> bool:
    """Whether it is a class of the engine or of modules (Parameter), which is never asked."""
    return cls.__module__.startswith(_OURS)


def _init_subclass(cls: type, **options: Any) -> None:
    """Called by Python when a subclass is defined."""
    super(Tensor, cls).__init_subclass__(**options)  # type: ignore[misc]
    if not ours(cls):
        importlib.import_module("...overrides", __package__).prepare(cls)


def _torch_function(cls: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """What a subclass inherits: evaluate `func` without dispatching again; tensors in the result
    get the class."""
    overrides = importlib.import_module("...overrides", __package__)
    return overrides.default(cls, func, types, args, kwargs or {})


def renamed(made: Tensor, cls: type) -> Tensor:
    """A tensor that nobody else has seen, as one of class `cls`."""
    made.__class__ = cls
    return made


def as_subclass(self: Tensor, cls: type) -> Tensor:
    """An alias of the tensor, recorded, of a subclass of Tensor.

    Example:
        >>> import chainrule as torch
        >>> class Metres(torch.Tensor):
        ...     pass
        >>> x = torch.ones(2).as_subclass(Metres)
        >>> type(x + 1).__name__, type(torch.sin(x)).__name__
        ('Metres', 'Metres')
    """
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(
            f"cls must be a type (got {type(cls).__name__})\nHint: a subclass of torch.Tensor"
        )
    return renamed(OPS.alias(self), cls)


def _make_subclass(cls: type, data: Tensor, require_grad: bool = False, **options: Any) -> Tensor:
    """A leaf of class `cls` that shares the memory of `data`."""
    made = renamed(data.detach(), cls)
    return made.requires_grad_() if require_grad else made


def _make_wrapper_subclass(cls: type, *args: Any, **options: Any) -> Tensor:
    """Refuses: a tensor without memory of its own has no meaning here."""
    raise NotImplementedError(
        "_make_wrapper_subclass: tensors without memory (wrapper subclasses with "
        "__torch_dispatch__) do not exist here\n"
        f"class: {cls.__name__}\nHint: torch.Tensor._make_subclass(cls, data) holds the data "
        "itself; __torch_function__ sees every call"
    )


METHODS["as_subclass"] = as_subclass
for _name, _function in (
    ("__init_subclass__", classmethod(_init_subclass)),
    ("__torch_function__", classmethod(_torch_function)),
    ("_make_subclass", staticmethod(_make_subclass)),
    ("_make_wrapper_subclass", staticmethod(_make_wrapper_subclass)),
):
    setattr(Tensor, _name, _function)  # no METHODS: these are not called on a tensor
