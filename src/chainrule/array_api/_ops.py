"""The ops by name, and the checks that all chapters share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..core.primitive import PUBLIC
from ..core.tensor import Tensor
from ..ops.late import FAMILY_OF, load

__all__ = ["dims_of", "from_scalar", "is_float", "is_integer", "op", "pair"]


def op(path: str) -> Callable[..., Any]:
    """The public function `torch.<path>`."""
    if path not in PUBLIC:
        load(FAMILY_OF[path])
    return PUBLIC[path]


def is_float(x: Tensor) -> bool:
    """Whether it holds real floating point numbers."""
    return x.dtype.is_floating_point


def is_integer(x: Tensor) -> bool:
    """Whether it holds integers."""
    return x.dtype.category == 1


def dims_of(x: Tensor, axis: Any) -> tuple[int, ...]:
    """The axes as a tuple, all of them for None."""
    if axis is None:
        return tuple(range(x.ndim))
    return (axis,) if isinstance(axis, int) else tuple(axis)


def from_scalar(value: Any, like: Tensor) -> Tensor:
    """A Python number as an array of the other operand's type, as the standard's scalars are."""
    kind = like.dtype
    if isinstance(value, complex) and not kind.is_complex:
        kind = kind.to_complex() if kind.is_floating_point else dtypes.complex128
    if isinstance(value, bool) and kind.category != 0:
        raise TypeError("Python bool scalars can only be combined with bool arrays")
    if isinstance(value, float) and kind.category < 2:
        raise TypeError("Python float scalars can only be combined with floating-point arrays")
    return op("full")((), value, dtype=kind)


def pair(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two operands, of which one may be a Python number."""
    if not isinstance(x1, Tensor):
        return from_scalar(x1, x2), x2
    if not isinstance(x2, Tensor):
        return x1, from_scalar(x2, x1)
    return x1, x2
