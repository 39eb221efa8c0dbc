"""Sorting, selecting and searching arrays along one axis. NaN counts as larger than every
number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import no_nan

__all__ = [
    "kthvalue",
    "median",
    "median_all",
    "mode",
    "nanmedian",
    "nanmedian_all",
    "searchsorted",
    "sort",
    "topk",
    "unique",
    "unique_consecutive",
]

I64 = np.dtype("int64")


def order(x: Any, dim: int, descending: bool) -> Any:
    """The places of the elements in sorted order; equal ones keep theirs."""
    if not descending:
        return x.argsort(dim, kind="stable")
    back = (slice(None),) * dim + (slice(None, None, -1),)
    return x.shape[dim] - 1 - x[back].argsort(dim, kind="stable")[back]


def read(x: Any, at: Any, dim: int) -> Any:
    """The elements at these places along an axis."""
    if x.ndim == 1:
        return x[at]
    if dim == x.ndim - 1 and x.flags.c_contiguous and x.size:
        n = x.shape[dim]
        rows = np.arange(0, x.size, n).reshape((*x.shape[:-1], 1))
        return x.reshape(-1)[at + rows]
    return np.take_along_axis(x, at, dim)


def sort(x: Any, dim: int, descending: bool = False) -> Any:
    """Values in order, and where they were."""
    if not x.ndim:
        return x, I64.type(0)
    at = np.ascontiguousarray(order(x, dim, descending))
    return read(x, at, dim), at


def argsort(x: Any, dim: int, descending: bool = False) -> Any:
    """Where the elements in order were."""
    return np.ascontiguousarray(order(x, dim, descending)) if x.ndim else I64.type(0)


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
    values = read(x, at, dim)
    if keepdim:
        return values, at
    return values.squeeze(dim)[()], at.squeeze(dim)[()]


def kthvalue(x: Any, k: int, dim: int, keepdim: bool = False) -> Any:
    """The k-th smallest element along an axis, and where it is."""
    if not x.ndim:
        return x, I64.type(0)
    if x.ndim == 1 and x.size > _FEW and x.dtype.kind in "iuf":
        at = _kth_of_vector(x, k - 1)
        return (x[at : at + 1].copy(), np.array([at])) if keepdim else (x[at], I64.type(at))
    return _at_place(x, _slice(order(x, dim, False), k - 1, dim), dim, keepdim)


_FEW = 100  # elements that are sorted as quickly as selected from


def _kth_of_vector(x: Any, k: int) -> int:
    """Where the k-th smallest (from 0) is: of equal ones the same as sorting would give."""
    value = np.partition(x, k)[k]
    if value != value:
        return int(np.flatnonzero(x != x)[k - x.size])
    return int(np.flatnonzero(x == value)[k - np.count_nonzero(x < value)])


def _without_nan(x: Any) -> bool:
    kind = x.dtype.kind
    return kind in "iu" or (kind == "f" and no_nan(x))


def median(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The middle element (the lower of two), and where it is; NaN if there is one."""
    if not x.ndim:
        return x, I64.type(0)
    n = x.shape[dim]
    if x.ndim == 1 and n > _FEW and _without_nan(x):
        return kthvalue(x, (n - 1) // 2 + 1, 0, keepdim)
    where = order(x, dim, False)
    at = _slice(where, (n - 1) // 2, dim)
    if x.dtype.kind in "fV":
        bad = x != x
        if bad.any():
            at = np.where(bad.any(dim, keepdims=True), bad.argmax(dim, keepdims=True), at)
    return _at_place(x, at, dim, keepdim)


def nanmedian(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The middle of the elements that are not NaN, and where it is."""
    if not x.ndim:
        return x, I64.type(0)
    count = (x == x).sum(dim, keepdims=True)
    middle = np.maximum(count - 1, 0) // 2
    return _at_place(x, np.take_along_axis(order(x, dim, False), middle, dim), dim, keepdim)


def median_all(x: Any) -> Any:
    """The middle element of all; NaN if there is one, or nothing."""
    return _of_all(x, median)


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


def mode(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The most frequent element along an axis (the smallest of several), and its last place."""
    if not x.ndim:
        return x, I64.type(0)
    rows = np.moveaxis(x, dim, -1)
    at = np.empty(rows.shape[:-1], I64)
    for i in np.ndindex(at.shape):
        values, counts = np.unique(rows[i], return_counts=True)
        most = values[counts.argmax()]
        at[i] = np.flatnonzero((rows[i] == most) | ((rows[i] != rows[i]) & (most != most)))[-1]
    return _at_place(x, np.expand_dims(at, dim), dim, keepdim)


# ---------------------------------------------------------------- unique


def unique(x: Any, dim: int | None = None) -> tuple[Any, Any, Any]:
    """Distinct elements (or slices) in order, the number of each element's, and counts."""
    x = np.asarray(x)
    values, inverse, counts = np.unique(
        x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False
    )
    return values, inverse.reshape(x.shape if dim is None else -1).astype(I64), counts.astype(I64)


def unique_consecutive(x: Any, dim: int | None = None) -> tuple[Any, Any, Any]:
    """One of every run of equal neighbours, the number of each element's run, and lengths of
    runs."""
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
    if dim is None:
        return values, inverse.reshape(x.shape), counts
    return np.ascontiguousarray(np.moveaxis(values, 0, dim)), inverse, counts


# ---------------------------------------------------------------- searching


def searchsorted(sorted: Any, values: Any, right: bool = False) -> Any:
    """Where values would have to be put in sorted rows: before equal ones, or after them."""
    side: Any = "right" if right else "left"
    if sorted.ndim == 1:
        return sorted.searchsorted(values, side)
    made = np.empty(values.shape, I64)
    for i in np.ndindex(values.shape[:-1]):
        made[i] = np.searchsorted(sorted[i], values[i], side)
    return made
