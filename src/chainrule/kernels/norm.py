"""Normalisation on arrays: subtract the mean, divide by the deviation, over some axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .blocks import MANY, PIECE, number
from .reduce import mean, spread, spread_sums

__all__ = ["batch_norm", "embedding_backward", "group_norm", "layer_norm", "normalised"]

Array = Any
_SHORT = 4096
_ONES = {np.dtype(name): np.ones(_SHORT, name) for name in ("float32", "float64")}
_COUNTS: dict[Any, dict[int, Any]] = {
    dtype: {} for dtype in _ONES
}  # numbers of elements as 0-d arrays, which NumPy likes


def normalised(x: Array, axes: Sequence[int], eps: float) -> Array:
    """(x - mean)/sqrt(variance + eps) over `axes`; a new array."""
    axes = tuple(axes)
    if axes and axes[0] == x.ndim - len(axes) and _short(x, math.prod(x.shape[axes[0] :])):
        return _of_rows(x, x.shape[axes[0] :], None, None, eps)
    d = x - mean(x, axes, True)
    variance = mean(d * d, axes, True)
    variance += eps
    d /= np.sqrt(variance)
    return d


def _short(x: Array, n: int) -> bool:
    """Whether rows of `n` elements may be summed by BLAS, quicker than a reduction starts."""
    return 0 < n <= _SHORT and x.dtype in _ONES and bool(x.size) and x.flags.c_contiguous


def _of_rows(x: Array, row: Any, weight: Array, bias: Array, eps: float) -> Array:
    """`normalised` over the last axes, of shape `row`, then times weight, plus bias; pieces of
    large arrays stay in the cache."""
    n = math.prod(row)
    rows = x.reshape(-1, n)
    weight = None if weight is None else weight.reshape(-1)
    bias = None if bias is None else bias.reshape(-1)
    if x.size < MANY:
        return _rows(rows, None, weight, bias, eps).reshape(x.shape)
    out, step = np.empty(rows.shape, x.dtype), max(1, PIECE // n)
    for i in range(0, rows.shape[0], step):
        _rows(rows[i : i + step], out[i : i + step], weight, bias, eps)
    return out.reshape(x.shape)


def _count(n: int, dtype: Any) -> Array:
    made = _COUNTS[dtype].get(n)
    if made is None:
        made = _COUNTS[dtype][n] = np.array(n, dtype)
    return made


def _rows(x: Array, out: Array, weight: Array, bias: Array, eps: float) -> Array:
    n, dtype = x.shape[1], x.dtype
    count = _count(n, dtype)
    middle = spread_sums(x, 1)
    if middle is not None:
        np.divide(middle, count, middle)
        d = np.subtract(x, middle, middle)
        squares = spread_sums(d * d, 1)
        weight = None if weight is None else spread(weight.reshape(1, n), x.shape[0], 0)
        bias = None if bias is None else spread(bias.reshape(1, n), x.shape[0], 0)
    else:
        ones = _ONES[dtype][:n]
        middle = x.dot(ones)
        np.divide(middle, count, middle)
        d = np.subtract(x, middle[:, None], out)
        squares = (d * d).dot(ones)[:, None]
    np.divide(squares, count, squares)
    squares += number(eps, dtype)
    np.sqrt(squares, squares)
    np.divide(d, squares, d)
    if weight is not None:
        d = np.multiply(d, weight, d) if weight.dtype == dtype else d * weight
    if bias is not None:
        d = np.add(d, bias, d) if bias.dtype == d.dtype else d + bias
    return d


def _affine(y: Array, weight: Array, bias: Array) -> Array:
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def _alike(x: Array, *others: Array) -> bool:
    return all(o is None or o.dtype == x.dtype for o in others)


def layer_norm(x: Array, weight: Array, bias: Array, rank: int = 1, eps: float = 1e-5) -> Array:
    """Normalised over the last `rank` axes, times weight, plus bias."""
    dtype = x.dtype
    if (
        rank == 1 and x.size < MANY and dtype in _ONES and 0 < x.shape[-1] <= _SHORT
        and (weight is None or weight.dtype is dtype) and (bias is None or bias.dtype is dtype)
    ):  # fmt: skip
        if x.ndim == 2:
            return _rows(x, None, weight, bias, eps)
        return _rows(x.reshape(-1, x.shape[-1]), None, weight, bias, eps).reshape(x.shape)
    row = x.shape[x.ndim - rank :]
    if _short(x, math.prod(row)) and _alike(x, weight, bias):
        return _of_rows(x, row, weight, bias, eps)
    return _affine(normalised(x, range(x.ndim - rank, x.ndim), eps), weight, bias)


def _channels(v: Array, ndim: int) -> Array:
    return None if v is None else v.reshape(1, -1, *(1,) * (ndim - 2))


def _channel_means(x: Array) -> Array:
    """Means of a C-contiguous (sample, channel, place) over samples and places."""
    samples, channels, places = x.shape
    ones = _ONES[x.dtype]
    sums = x.reshape(-1, places).dot(ones[:places]).reshape(samples, channels)
    sums = ones[:samples].dot(sums)
    return np.divide(sums, _count(samples * places, x.dtype), sums)


def batch_norm(
    x: Array,
    weight: Array,
    bias: Array,
    center: Array,
    variance: Array,
    eps: float = 1e-5,
) -> Array:
    """Normalised over all axes but 1, or by a given mean and variance of every channel."""
    places = math.prod(x.shape[2:])
    short = _short(x, places) and x.shape[0] <= _SHORT
    if not (short and _alike(x, weight, bias, center, variance)):
        return _any_batch_norm(x, weight, bias, center, variance, eps)
    wide = x.reshape(x.shape[0], x.shape[1], places)
    given = center is not None
    d = wide - (center if given else _channel_means(wide))[:, None]
    scale = (variance if given else _channel_means(d * d)) + eps
    np.sqrt(scale, scale)
    np.divide(1.0 if weight is None else weight, scale, scale)
    d *= scale[:, None]
    if bias is not None:
        d += bias[:, None]
    return d.reshape(x.shape)


def _any_batch_norm(
    x: Array, weight: Array, bias: Array, center: Array, variance: Array, eps: float
) -> Array:
    if center is None:
        y = normalised(x, [a for a in range(x.ndim) if a != 1], eps)
    else:
        y = (x - _channels(center, x.ndim)) * _channels(1.0 / np.sqrt(variance + eps), x.ndim)
    return _affine(y, _channels(weight, x.ndim), _channels(bias, x.ndim))


def group_norm(x: Array, weight: Array, bias: Array, groups: int = 1, eps: float = 1e-5) -> Array:
    """Normalised over every group of channels of every sample."""
    grouped = x.reshape(x.shape[0], groups, -1 if x.size else 0)
    y = normalised(grouped, (2,), eps).reshape(x.shape)
    if not _alike(y, weight, bias):
        return _affine(y, _channels(weight, x.ndim), _channels(bias, x.ndim))
    if weight is not None:
        y *= _channels(weight, x.ndim)
    if bias is not None:
        y += _channels(bias, x.ndim)
    return y


def embedding_backward(
    g: Array, indices: Array, rows: int, padding_idx: int = -1, by_frequency: bool = False
) -> Array:
    """The sum of the cotangents of every row of the table; (rows, width)."""
    at = indices.reshape(-1)
    g = g.reshape(at.size, -1)
    if padding_idx >= 0:
        keep = at != padding_idx
        at, g = at[keep], g[keep]
    if by_frequency and at.size:
        g = g / np.bincount(at, minlength=rows)[at][:, None].astype(g.dtype)
    out = np.zeros((rows, g.shape[1]), g.dtype)
    if at.size and np.bincount(at, minlength=rows).max() == 1:
        out[at] = g
    elif at.size < 64:
        np.add.at(out, at, g)
    else:  # sorted, so that the rows of one index lie together
        order = np.argsort(at, kind="stable")
        at = at[order]
        starts = np.flatnonzero(np.concatenate(([True], at[1:] != at[:-1])))
        out[at[starts]] = np.add.reduceat(g[order], starts, axis=0)
    return out
