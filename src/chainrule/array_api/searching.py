"""Searching, sorting, set and indexing functions of the standard."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.tensor import Tensor, wrap
from ._ops import dims_of, op, pair

__all__ = [
    "argmax", "argmin", "argsort", "count_nonzero", "nonzero", "searchsorted", "sort", "take",
    "take_along_axis", "unique_all", "unique_counts", "unique_inverse", "unique_values", "where",
]  # fmt: skip


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest element."""
    return _arg("argmax", x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element."""
    return _arg("argmin", x, axis, keepdims)


def _arg(path: str, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    if axis is None:
        found = op(path)(x.reshape(-1), 0)
        return found.reshape((1,) * x.ndim) if keepdims else found
    return op(path)(x, axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """How many elements over axes are not zero."""
    found = op("count_nonzero")(x, dims_of(x, axis)) if x.ndim else op("ne")(x, 0).long()
    for dim in sorted(d % x.ndim for d in dims_of(x, axis)) if keepdims else ():
        found = found.unsqueeze(dim)
    return found


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of elements that are not zero, one array an axis."""
    if x.ndim == 0:
        raise ValueError("nonzero: the array has no axes\nHint: reshape(x, (1,)) first")
    return tuple(op("nonzero")(x, as_tuple=True))


def searchsorted(
    x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where the elements of x2 would have to be put in x1 to keep it sorted."""
    return op("searchsorted")(x1, x2, side=side, sorter=sorter)


def where(condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
    """Elements of x1 where the condition holds, else of x2."""
    return op("where")(condition, *pair(x1, x2))


def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The indices that sort x."""
    return op("sort")(x, dim=axis, descending=descending, stable=stable)[1]


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """x sorted along an axis."""
    return op("sort")(x, dim=axis, descending=descending, stable=stable)[0]


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Slices of x along an axis."""
    if axis is None:
        if x.ndim != 1:
            raise ValueError("axis must be given for arrays that have not one dimension")
        axis = 0
    indices = op("where")(indices < 0, indices + x.shape[axis], indices)
    return op("index_select")(x, axis, indices)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Elements of x along an axis, by an index for every other place."""
    indices = op("where")(indices < 0, indices + x.shape[axis], indices)
    return op("take_along_dim")(x, indices, axis)


# ---------------------------------------------------------------- sets


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """The values of x, each once (NaNs count apart), where each stands first, which each element
    is, and how often each is there."""
    found = np.unique(
        x.numpy(force=True), return_index=True, return_inverse=True, return_counts=True,
        equal_nan=False,
    )  # fmt: skip
    values, first, inverse, counts = (wrap(np.asarray(f)) for f in found)
    return UniqueAll(values, first, inverse.reshape(tuple(x.shape)), counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The values of x, each once, and how often each is there."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The values of x, each once, and which each element is."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Tensor, /) -> Tensor:
    """The values of x, each once.

    Example:
        >>> from chainrule import array_api as xp
        >>> xp.unique_values(xp.asarray([2, 1, 2]))
        tensor([1, 2])
    """
    return unique_all(x).values
