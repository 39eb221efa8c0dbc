"""Reductions over one, several or all dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, errors
from .._state import S
from ..core.declare import linear, reduction, spelled, unreduced
from ..core.primitive import cast

Dims = Any  # None, an int, or a tuple of ints


def dims_of(dim: Dims, ndim: int) -> tuple[int, ...] | None:
    """`dim` as a user writes it (int, list, None) as a tuple of numbers from 0; None for all."""
    if dim is None:
        return None
    if not isinstance(dim, (tuple, list)):
        return (errors.checked_dim(dim, ndim),) if ndim else _zero_dim(dim)
    if len(dim) == 0:
        return None
    dims = tuple(errors.checked_dim(d, ndim) for d in dim)
    if len(set(dims)) != len(dims):
        repeated = next(d for i, d in enumerate(dims) if d in dims[:i])
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return dims if ndim else None


def _zero_dim(dim: int) -> None:
    errors.checked_dim(dim, 0)


def _sum_kernel(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    return np.add.reduce(x, axis=dim, keepdims=keepdim) if type(x) is np.ndarray else x


_sum = linear(
    "sum", _sum_kernel, lambda xp, g, x_shape, dim, keepdim: xp.expand(unreduced(xp, g, x_shape, dim, keepdim), x_shape),
    doc="The sum of the elements, over `dim` or all.",
)  # fmt: skip


@spelled(_sum)
def sum(input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, out: Any = None) -> Any:
    x = input
    if dtype is not None:
        x = cast(x, dtype)
    elif x._data.dtype.kind in "bui":
        x = cast(x, dtypes.int64)
    dims = dims_of(dim if axis is None else axis, x._data.ndim)
    return _sum.prim.call(x, params=(dims, bool(keepdim)), out=out)
