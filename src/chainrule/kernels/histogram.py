"""Kernels that count: bins of a range, bins between edges in several dimensions, integers.

Elements outside of the edges, and NaN, are not counted; the last bin has both its edges. Called
through `ops/reduce/histogram.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .blocks import typed
from .compiled import compiled

__all__ = ["bincount", "counted", "in_range", "isin", "unraveled", "xor_sum"]

Array = Any


@compiled
def in_range(x: Array, bins: int, low: float, high: float) -> Array:
    """How many elements lie in each of `bins` equal parts of [low, high]."""
    flat = np.ravel(x)
    dtype = flat.dtype
    if flat.size and not (flat[flat.argmin()] >= low and flat[flat.argmax()] <= high):
        flat = flat[(flat >= low) & (flat <= high)]
    at = flat - typed(low, dtype)
    at *= typed(bins, dtype)
    at /= typed(high - low, dtype)
    places = at.astype(np.int64)
    np.minimum(places, bins - 1, out=places)
    return np.bincount(places, minlength=bins).astype(dtype)


def counted(x: Array, weight: Array, edges: Sequence[Array], density: bool) -> Array:
    """How many points (rows of x) lie between the edges of each dimension, weighted."""
    inside = np.ones(len(x), bool)
    at = np.zeros(len(x), np.int64)
    shape = tuple(len(e) - 1 for e in edges)
    for values, e, n in zip(x.T, edges, shape, strict=True):
        inside &= (values >= e[0]) & (values <= e[-1])
        place = np.searchsorted(e, values, "right") - 1
        at = at * n + np.minimum(place, n - 1)
    size = int(np.prod(shape))
    weights = None if weight is None else weight[inside]
    made = np.bincount(at[inside], weights, minlength=size).reshape(shape).astype(x.dtype)
    if density:
        made = made / made.sum()
        for i, e in enumerate(edges):
            made = made / np.diff(e).reshape([-1 if j == i else 1 for j in range(len(shape))])
    return made.astype(x.dtype)


@compiled
def bincount(x: Array, weights: Array, minlength: int) -> Array:
    """How often each integer occurs, or the sum of its weights."""
    if weights is None:
        return np.bincount(x, minlength=minlength)
    made = np.bincount(x, weights.astype(np.float64), minlength=minlength)
    return made.astype(np.float32) if weights.dtype == np.float32 else made


@compiled
def isin(a: Array, b: Array, invert: bool = False) -> Array:
    """Whether each element of a is one of b."""
    return np.isin(a, b, invert=invert)


def unraveled(x: Array, sizes: tuple[int, ...]) -> Array:
    """The coordinates of flat positions, in a new last dimension; beyond the end they go round."""
    made = np.empty((*x.shape, len(sizes)), np.int64)
    rest = x.astype(np.int64)
    for d in reversed(range(len(sizes))):
        rest, made[..., d] = np.divmod(rest, sizes[d]) if x.size else (rest, 0)
    return made


def xor_sum(x: Array, dim: tuple[int, ...] = (), keepdim: bool = False) -> Array:
    """The exclusive or of the bits of the elements, as float64 or as 64-bit integers."""
    wide = x.astype(np.float64 if x.dtype.kind in "fV" else np.int64)
    bits: Any = np.ascontiguousarray(wide).view(np.uint64).reshape(np.shape(x))
    made: Any = np.bitwise_xor.reduce(bits, axis=dim, keepdims=keepdim)  # type: ignore[call-overload]
    return made
