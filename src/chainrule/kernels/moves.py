"""Elements in other places: reversed, turned, shifted, cut to triangles, put on a diagonal, joined.

Everything here copies, into C order (flip and rot90 in the order of the memory they read, as in
PyTorch); views are made in `kernels/shape.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .blocks import typed
from .compiled import compiled
from .masks import select
from .shape import diagonal

__all__ = [
    "contiguous", "diag_embed", "diagonal_backward", "flip", "joined", "roll", "rot90", "stacked",
    "tril", "triu",
]  # fmt: skip

Array = Any
Ints = tuple[int, ...]
_ALL = slice(None)
_BACKWARDS = slice(None, None, -1)
_ROWS = 64


@compiled
def contiguous(x: Array) -> Array:
    """A copy with its elements in order in memory."""
    return np.array(x, order="C")


@compiled
def flip(x: Array, dims: Ints) -> Array:
    """The elements in reverse order along `dims`."""
    if not x.ndim or not dims:
        return x.copy()
    return _reversed_along(x, dims).copy("K")


def _reversed_along(x: Array, dims: Ints) -> Array:
    """A view of `x` with the elements in reverse order along `dims`."""
    key = [_ALL] * x.ndim
    for d in dims:
        key[d] = _BACKWARDS
    return x[tuple(key)]


@compiled
def rot90(x: Array, k: int, dims: Ints) -> Array:
    """Quarter turns are a flip and an exchange of two dimensions, half a turn two flips."""
    first, second = dims
    if k % 4 == 2:
        return _reversed_along(x, dims).copy("K")
    if k % 4:
        x = x.swapaxes(first, second)
        x = _reversed_along(x, (first if k % 4 == 1 else second,))
    return x.copy("K")


@compiled
def roll(x: Array, shifts: Ints, dims: Ints) -> Array:
    """The elements shifted along `dims` (without any: of the flattened array)."""
    if not dims:
        return roll(x.reshape(-1), shifts, (0,)).reshape(x.shape)
    for shift, d in zip(shifts, dims, strict=True):
        at = -shift % (x.shape[d] or 1)
        lead = (_ALL,) * d
        x = np.concatenate((x[(*lead, slice(at, None))], x[(*lead, slice(None, at))]), d)
    return x


# ---------------------------------------------------------------- triangles and diagonals


@lru_cache(16)
def _small_triangle(m: int, n: int, diagonal: int) -> Array:
    return np.tri(m, n, diagonal, bool)


def _triangle_mask(shape: Ints, diagonal: int) -> Array:
    """True on and below a diagonal."""
    m, n = shape[-2:]
    return _small_triangle(m, n, diagonal) if m * n <= 1 << 14 else np.tri(m, n, diagonal, bool)


@compiled
def tril(x: Array, diagonal: int = 0) -> Array:
    """The lower triangles, zeros above a diagonal."""
    if _area("tril", x) > 1 << 12:
        return _by_rows(x, diagonal, True)
    return select(_triangle_mask(x.shape, diagonal), x, typed(0, x.dtype))


@compiled
def triu(x: Array, diagonal: int = 0) -> Array:
    """The upper triangles, zeros below a diagonal."""
    if _area("triu", x) > 1 << 12:
        return _by_rows(x, diagonal - 1, False)
    return select(_triangle_mask(x.shape, diagonal - 1), typed(0, x.dtype), x)


def _area(op: str, x: Array) -> int:
    try:
        return int(x.shape[-2] * x.shape[-1])
    except IndexError:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions") from None


def _by_rows(x: Array, diagonal: int, lower: bool) -> Array:
    """A triangle of large matrices: of some rows at a time what stays is copied, and only the
    columns that the diagonal crosses are masked."""
    m, n = x.shape[-2:]
    made = np.zeros(x.shape, x.dtype)
    for start in range(0, m, _ROWS):
        stop = min(start + _ROWS, m)
        left, right = (min(max(i + diagonal, 0), n) for i in (start, stop))
        kept = slice(0, left) if lower else slice(right, n)
        made[..., start:stop, kept] = x[..., start:stop, kept]
        crossed = np.tri(stop - start, right - left, start + diagonal - left, bool)
        part = made[..., start:stop, left:right]
        np.copyto(part, x[..., start:stop, left:right], where=crossed if lower else ~crossed)
    return made


def diagonal_backward(
    g: Array, shape: Ints, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Array:
    """Zeros with `g` on the diagonal: the transpose of `diagonal`."""
    made = np.zeros(shape, g.dtype)
    diagonal(made, offset, dim1, dim2)[...] = g
    return made


@compiled
def diag_embed(x: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """Square matrices with the last dimension of `x` on their diagonals, zeros elsewhere."""
    n = x.shape[-1] + abs(offset)
    if x.ndim == 1 and not offset:
        made = np.zeros((n, n), x.dtype)
        made.reshape(-1)[:: n + 1] = x
        return made
    shape = list(x.shape[:-1])
    for d in sorted((dim1, dim2)):
        shape.insert(d, n)
    return diagonal_backward(x, tuple(shape), offset, dim1, dim2)


# ---------------------------------------------------------------- joining


@compiled
def joined(arrays: Any, dim: int) -> Array:
    """Arrays one after the other along a dimension."""
    return np.concatenate(arrays, dim)


@compiled
def stacked(arrays: Any, dim: int) -> Array:
    """`np.stack`, which takes three times as long."""
    if dim < 0:
        dim += arrays[0].ndim + 1
    key = (*(_ALL,) * dim, None)
    if not 0 <= dim <= arrays[0].ndim:
        raise ValueError("dim is out of range")
    return np.concatenate([x[key] for x in arrays], dim)
