"""Sorting, selecting and searching arrays along one axis. NaN counts as larger than every
number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import no_nan
from .compiled import compiled
from .index import MANY, gather, scatter_add

__all__ = [
    "kthvalue",
    "median",
    "median_all",
    "mode",
    "nanmedian",
    "nanmedian_all",
    "placed",
    "searchsorted",
    "sort",
    "topk",
    "unique",
    "unique_consecutive",
]

I64 = np.dtype("int64")
_VECTOR = frozenset(map(np.dtype, ("float32", "float64", "int32", "int64")))
_SHORT, _MANY = 64, 4000  # elements of a row, of all: fewer are sorted stably as quickly as not


def order(x: Any, dim: int, descending: bool) -> Any:
    """The places of the elements in sorted order; equal ones keep theirs."""
    if descending:
        kind = x.dtype.kind
        if kind in "iub":
            x = ~x
        elif kind == "f" and no_nan(x):
            x = -x
        else:  # NaN comes first
            back = (slice(None),) * dim + (slice(None, None, -1),)
            return x.shape[dim] - 1 - x[back].argsort(dim, kind="stable")[back]
    few = x.size <= _MANY or x.shape[dim] <= _SHORT
    if few or x.dtype not in _VECTOR or not _without_nan(x):
        return x.argsort(dim, kind="stable")
    return _order_of_many(x, dim)


def _order_of_many(x: Any, dim: int) -> Any:
    """The same for long rows without NaN. NumPy sorts with vector instructions when it need not be
    stable, five to fourteen times as fast; then runs of equal elements are put in order."""
    if dim != x.ndim - 1:
        return _order_of_many(np.ascontiguousarray(x.swapaxes(dim, -1)), x.ndim - 1).swapaxes(
            dim, -1
        )
    at = x.argsort(dim)
    values, n = read(x, at, dim), x.shape[dim]
    new = np.ones(x.shape, bool)  # begins a run
    np.not_equal(values[..., 1:], values[..., :-1], new[..., 1:])
    new = new.reshape(-1)
    if np.count_nonzero(new) == new.size:
        return at
    alone = new.copy()
    alone[:-1] &= new[1:]
    some = np.flatnonzero(~alone)
    if some.size > new.size // 4:
        return x.argsort(dim, kind="stable")
    flat = at.reshape(-1)
    first = np.cumsum(new[some]) * n  # sorted within each run, and runs stay where they are
    key = first + flat[some]
    key.sort()
    flat[some] = key - first
    return at


def read(x: Any, at: Any, dim: int) -> Any:
    """The elements at these places along an axis."""
    if x.ndim == 1:
        return x[at]
    if at.size <= MANY and x.flags.c_contiguous:
        return gather(x, at, dim)
    if dim == x.ndim - 1 and x.flags.c_contiguous and x.size:
        n = x.shape[dim]
        rows = np.arange(0, x.size, n).reshape((*x.shape[:-1], 1))
        return x.reshape(-1)[at + rows]
    return np.take_along_axis(x, at, dim)


@compiled
def sort(x: Any, dim: int, descending: bool = False) -> Any:
    """Values in order, and where they were."""
    if not x.ndim:
        return x, I64.type(0)
    at = np.ascontiguousarray(order(x, dim, descending))
    return read(x, at, dim), at


@compiled
def argsort(x: Any, dim: int, descending: bool = False) -> Any:
    """Where the elements in order were."""
    return np.ascontiguousarray(order(x, dim, descending)) if x.ndim else I64.type(0)


@compiled
def topk(x: Any, k: int, dim: int, largest: bool = True) -> Any:
    """The k largest (or smallest) in order, and where they were."""
    if not x.ndim:
        return (x, I64.type(0)) if k else (np.empty(0, x.dtype), np.empty(0, I64))
    n = x.shape[dim]
    if n > 64 and k * 8 < n and x.dtype.kind == "f":
        return _topk_of_many(x, k, dim, largest)
    at = np.ascontiguousarray(order(x, dim, largest)[(slice(None),) * dim + (slice(k),)])
    return read(x, at, dim), at


def _topk_of_many(x: Any, k: int, dim: int, largest: bool) -> Any:
    n = x.shape[dim]
    kth = n - k if largest else k - 1
    if x.ndim == 1:
        some = x.argpartition(max(kth, 0))
        some = some[n - k :] if largest else some[:k]
        some.sort()  # so that equal elements keep their order
        at = some[order(x[some], 0, largest)]
        return x[at], at
    if dim != x.ndim - 1:
        values, at = _topk_of_many(
            np.ascontiguousarray(x.swapaxes(dim, -1)), k, x.ndim - 1, largest
        )
        return tuple(np.ascontiguousarray(v.swapaxes(dim, -1)) for v in (values, at))
    if x.size <= _MANY:
        at = x.argsort(dim)  # as quick as a partition
        at = np.ascontiguousarray(at[..., : n - k - 1 : -1] if largest else at[..., :k])
        values = read(x, at, dim)
        if not np.count_nonzero(values[..., 1:] == values[..., :-1]) and no_nan(values):
            return values, at
    some = x.argpartition(max(kth, 0), dim)
    some = np.ascontiguousarray(some[..., n - k :] if largest else some[..., :k])
    some.sort(dim)  # so that equal elements keep their order
    at = read(some, order(read(x, some, dim), dim, largest), dim)
    return read(x, at, dim), at


def _slice(x: Any, i: int, dim: int) -> Any:
    """The i-th slice along an axis, which is kept."""
    return x[(slice(None),) * dim + (slice(i, i + 1),)]


def _at_place(x: Any, at: Any, dim: int, keepdim: bool) -> Any:
    """Value and index where `at` (with the axis kept) says."""
    if not keepdim:
        if x.ndim == 1:
            at = at[0]
            return x[at], at
        at = np.ascontiguousarray(at)  # lets go of the order of all the others
        if x.flags.c_contiguous and at.size <= MANY:
            return gather(x, at, dim).reshape(shape := _dropped(x.shape, dim)), at.reshape(shape)
        return read(x, at, dim).squeeze(dim), at.squeeze(dim)
    return read(x, at, dim), at


def _dropped(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return shape[:dim] + shape[dim + 1 :]


@compiled
def kthvalue(x: Any, k: int, dim: int, keepdim: bool = False) -> Any:
    """The k-th smallest element along an axis, and where it is."""
    if not x.ndim:
        return x, I64.type(0)
    if x.ndim == 1 and x.size > _FEW and x.dtype.kind in "iuf":
        at = _kth_of_vector(x, k - 1)
        return (x[at : at + 1].copy(), np.array([at])) if keepdim else (x[at], I64.type(at))
    if x.shape[dim] > _SHORT and x.dtype in _VECTOR and _without_nan(x):
        at = _kth_of_rows(x, k - 1, dim)
        if at is not None:
            return _at_place(x, at, dim, keepdim)
    return _at_place(x, _slice(order(x, dim, False), k - 1, dim), dim, keepdim)


_FEW = 100  # elements that are sorted as quickly as selected from


def _kth_of_vector(x: Any, k: int) -> int:
    """Where the k-th smallest (from 0) is: of equal ones the same as sorting would give."""
    value = np.partition(x, k)[k]
    if value != value:
        return int(np.flatnonzero(x != x)[k - x.size])
    return int(np.flatnonzero(x == value)[k - np.count_nonzero(x < value)])


def _kth_of_rows(x: Any, k: int, dim: int) -> Any:
    """The same along an axis, which is kept; None where equal elements leave a choice."""
    same = x == _slice(np.partition(x, k, dim), k, dim)
    if np.count_nonzero(same) * x.shape[dim] > x.size:
        return None
    return same.argmax(dim, keepdims=True)


def _without_nan(x: Any) -> bool:
    kind = x.dtype.kind
    return kind in "iu" or (kind == "f" and no_nan(x))


@compiled
def median(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The middle element (the lower of two), and where it is; NaN if there is one."""
    if not x.ndim:
        return x, I64.type(0)
    n = x.shape[dim]
    if _without_nan(x):
        return kthvalue(x, (n - 1) // 2 + 1, dim, keepdim)
    at = _slice(order(x, dim, False), (n - 1) // 2, dim)
    bad = x != x
    at = np.where(bad.any(dim, keepdims=True), bad.argmax(dim, keepdims=True), at)
    return _at_place(x, at, dim, keepdim)


@compiled
def nanmedian(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The middle of the elements that are not NaN, and where it is."""
    if not x.ndim or _without_nan(x):
        return median(x, dim, keepdim)
    count = (x == x).sum(dim, keepdims=True)
    middle = np.maximum(count - 1, 0) // 2
    return _at_place(x, np.take_along_axis(order(x, dim, False), middle, dim), dim, keepdim)


@compiled
def median_all(x: Any) -> Any:
    """The middle element of all; NaN if there is one, or nothing."""
    return _of_all(x, median)


@compiled
def nanmedian_all(x: Any) -> Any:
    """The middle of all elements that are not NaN."""
    return _of_all(x, nanmedian)


def _of_all(x: Any, along: Any) -> Any:
    if not x.ndim:
        return x
    if not x.size:
        return x.dtype.type(np.nan if x.dtype.kind in "fV" else np.iinfo(x.dtype).min)
    flat = x.ravel()
    if flat.size > _FEW and _without_nan(flat):
        return np.partition(flat, (flat.size - 1) // 2)[(flat.size - 1) // 2]
    return along(flat, 0)[0]


@compiled
def mode(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The most frequent element along an axis (the smallest of several), and its last place."""
    if not x.ndim:
        return x, I64.type(0)
    if dim != x.ndim - 1:
        made = mode(np.ascontiguousarray(x.swapaxes(dim, -1)), x.ndim - 1, True)
        made = tuple(np.ascontiguousarray(m.swapaxes(dim, -1)) for m in made)
        return made if keepdim else tuple(m.squeeze(dim) for m in made)
    at = order(x, dim, False)
    values = read(x, at, dim)
    places = np.arange(x.shape[dim])
    new = np.zeros(x.shape, bool)  # begins a run of equal elements
    a, b = values[..., 1:], values[..., :-1]
    np.not_equal(a, b, new[..., 1:])
    if not _without_nan(x):
        new[..., 1:] &= (a == a) | (b == b)
    longest = (places - np.maximum.accumulate(new * places, dim)).argmax(dim, keepdims=True)
    return _at_place(x, read(at, longest, dim), dim, keepdim)


@compiled
def placed(g: Any, shape: tuple[int, ...], places: Any, dim: int) -> Any:
    """Zeros of this shape with `g` added at the places along an axis, which the two may lack: the
    cotangent of elements that were read there."""
    if places.ndim < len(shape):
        g, places = np.expand_dims(g, dim), np.expand_dims(places, dim)
    return scatter_add(np.zeros(shape, g.dtype), places, g, dim)


# ---------------------------------------------------------------- unique


def unique(x: Any, dim: int | None = None, values_only: bool = False) -> tuple[Any, Any, Any]:
    """Distinct elements (or slices) in order, the number of each element's, and counts; the latter
    two empty where nobody asks for them."""
    x = np.asarray(x)
    if values_only and dim is None and x.dtype.kind in "iuf":
        flat = x.flatten()
        flat.sort()
        new = np.ones(flat.size, bool)
        np.not_equal(flat[1:], flat[:-1], new[1:])
        return flat[new], np.empty(0, I64), np.empty(0, I64)
    values, inverse, counts = np.unique(
        x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False
    )
    return values, inverse.reshape(x.shape if dim is None else -1).astype(I64), counts.astype(I64)


@compiled
def unique_consecutive(
    x: Any, dim: int | None = None, values_only: bool = False
) -> tuple[Any, Any, Any]:
    """One of every run of equal neighbours, the number of each element's run, and lengths of runs;
    the latter two empty where nobody asks for them."""
    x = np.asarray(x)
    rows = x.ravel() if dim is None else np.moveaxis(x, dim, 0)
    n = rows.shape[0]
    flat = rows.reshape(n, -1) if rows.size else rows.reshape(n, 0)
    new = np.ones(n, bool)
    if n:
        new[1:] = (flat[1:] != flat[:-1]).any(1)
    starts = np.flatnonzero(new)
    inverse = np.cumsum(new) - 1
    counts = np.diff(np.append(starts, n))
    values = rows[starts]
    if values_only:
        inverse, counts = np.empty(0, I64), np.empty(0, I64)
    if dim is None and values_only:
        return values, inverse, counts
    if dim is None:
        return values, inverse.reshape(x.shape), counts
    return np.ascontiguousarray(np.moveaxis(values, 0, dim)), inverse, counts


# ---------------------------------------------------------------- searching


@compiled
def searchsorted(sorted: Any, values: Any, right: bool = False) -> Any:
    """Where values would have to be put in sorted rows: before equal ones, or after them."""
    side: Any = "right" if right else "left"
    if sorted.ndim == 1:
        return sorted.searchsorted(values, side)
    made = np.empty(values.shape, I64)
    for i in np.ndindex(values.shape[:-1]):
        made[i] = np.searchsorted(sorted[i], values[i], side)
    return made
