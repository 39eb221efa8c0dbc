"""Statistical and utility functions of the standard."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..core.tensor import Tensor
from ._ops import dims_of, op

__all__ = [
    "all", "any", "cumulative_prod", "cumulative_sum", "diff", "max", "mean", "min", "prod",
    "std", "sum", "var",
]  # fmt: skip


def _widened(x: Tensor, dtype: Any) -> Tensor:
    """x in the dtype of its sum: integers in int64 (unsigned in uint64) unless said otherwise."""
    if dtype is not None:
        return x.to(dtype)
    if x.dtype.category == 1 and not x.dtype.is_signed:
        return x.to(dtypes.uint64)
    return x


def _kept(made: Tensor, x: Tensor, dtype: Any) -> Tensor:
    wanted = dtype or (dtypes.uint64 if x.dtype is dtypes.uint64 else None)
    return made if wanted is None or made.dtype is wanted else made.to(wanted)


def sum(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over axes; of no elements 0."""
    x = _widened(x, dtype)
    dims = dims_of(x, axis)
    if not dims:
        return x.clone()
    return _kept(op("sum")(x, dims, keepdims), x, dtype)


def prod(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over axes; of no elements 1."""
    x = made = _widened(x, dtype)
    for dim in sorted((d % x.ndim for d in dims_of(x, axis)), reverse=True):
        made = op("prod")(made, dim, keepdims)
    return _kept(made, x, dtype)


def _extreme(path: str, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if 0 in [x.shape[d] for d in dims_of(x, axis)]:
        raise ValueError("zero-size array to a reduction that has no identity")
    return op(path)(x, dims_of(x, axis), keepdims) if x.ndim else x.clone()


def max(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element over axes; NaN where there is one."""
    return _extreme("amax", x, axis, keepdims)


def min(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element over axes; NaN where there is one."""
    return _extreme("amin", x, axis, keepdims)


def mean(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over axes; NaN of no elements."""
    dims = dims_of(x, axis)
    return op("mean")(x, dims, keepdims) if dims else x.clone()


def var(
    x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The variance over axes, divided by the number of elements less `correction`."""
    if x.ndim == 0:
        return op("var")(x.reshape(1), 0, correction=correction)
    return op("var")(x, dims_of(x, axis), correction=correction, keepdim=keepdims)


def std(
    x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The square root of the variance."""
    if x.ndim == 0:
        return op("std")(x.reshape(1), 0, correction=correction)
    return op("std")(x, dims_of(x, axis), correction=correction, keepdim=keepdims)


def _running(path: str, x: Tensor, axis: int | None, dtype: Any, first: int | None) -> Tensor:
    if axis is None:
        if x.ndim != 1:
            raise ValueError("axis must be given for arrays that have not one dimension")
        axis = 0
    x = _widened(x, dtype)
    made = op(path)(x, axis)
    if first is not None:
        shape = tuple(1 if d == axis % x.ndim else n for d, n in enumerate(x.shape))
        made = op("cat")([op("full")(shape, first, dtype=made.dtype), made], axis)
    return _kept(made, x, dtype)


def cumulative_sum(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running sums along an axis, with 0 in front if asked.

    Example:
        >>> from chainrule import array_api as xp
        >>> xp.cumulative_sum(xp.asarray([1, 2, 3]), include_initial=True)
        tensor([0, 1, 3, 6])
    """
    return _running("cumsum", x, axis, dtype, 0 if include_initial else None)


def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running products along an axis, with 1 in front if asked."""
    return _running("cumprod", x, axis, dtype, 1 if include_initial else None)


def all(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over axes are true; true of none."""
    dims = dims_of(x, axis)
    return op("all")(op("ne")(x, 0), dims, keepdims) if dims else op("ne")(x, 0)


def any(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element over axes is true; false of none."""
    dims = dims_of(x, axis)
    return op("any")(op("ne")(x, 0), dims, keepdims) if dims else op("ne")(x, 0)


def diff(
    x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
) -> Tensor:
    """The n-th differences along an axis."""
    return op("diff")(x, n, axis, prepend, append)
