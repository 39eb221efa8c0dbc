"""Normalisation on arrays: subtract the mean, divide by the deviation, over some axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .blas import product
from .blocks import MANY, PIECE, number
from .compiled import compiled
from .reduce import mean, spread_sums, sum

__all__ = [
    "batch_norm",
    "batch_norm_eval_back",
    "batch_norm_training",
    "cells_back",
    "embedding_backward",
    "group_norm",
    "layer_norm",
    "layer_norm_back",
    "moved",
    "normalised",
    "rms_norm",
    "rms_norm_back",
]

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
    out, step = np.empty(rows.shape, x.dtype), max(1, 4 * PIECE // n)
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
        np.divide(d, _deviation(squares, count, eps), d)
    else:
        d, sigma = _centered(x, out, eps)
        np.divide(d, sigma[:, None], d)
    if weight is not None:
        d = np.multiply(d, weight, d) if weight.dtype == dtype else d * weight
    if bias is not None:
        d = np.add(d, bias, d) if bias.dtype == d.dtype else d + bias
    return d


def _deviation(squares: Array, count: Array, eps: float) -> Array:
    """sqrt(squares/count + eps), in the memory of `squares`."""
    np.divide(squares, count, squares)
    squares += number(eps, squares.dtype)
    return np.sqrt(squares, squares)


def _centered(x: Array, out: Array, eps: float) -> tuple[Array, Array]:
    """Rows less their means, and the deviation of each."""
    n, dtype = x.shape[1], x.dtype
    count = _count(n, dtype)
    middle = x.dot(_ONES[dtype][:n])
    np.divide(middle, count, middle)
    d = np.subtract(x, middle[:, None], out)
    return d, _deviation(np.vecdot(d, d), count, eps)


@compiled
def layer_norm_back(
    g: Array, x: Array, weight: Array, has_bias: bool, rank: int, eps: float
) -> tuple[Array, Array, Array] | None:
    """The cotangents of `layer_norm`, or None for what has no short way.

    With d = x - mean, s = 1/sigma, h = g weight and p = g d, that of x is s (h - mean(h) -
    d s^2 mean(h d)), and every sum over a row or a column of g and of p is one product by BLAS.
    """
    row = x.shape[x.ndim - rank :]
    n, x = math.prod(row), np.ascontiguousarray(x)
    if not _short(x, n) or g.dtype != x.dtype or not _alike(x, weight):
        return None
    rows, g = x.reshape(-1, n), np.ascontiguousarray(g).reshape(-1, n)
    w = _ONES[x.dtype][:n] if weight is None else weight.reshape(n)
    gx, step = np.empty(rows.shape, x.dtype), max(1, 4 * PIECE // n)
    gw, gb = np.zeros((2, n), x.dtype)
    count = _count(n, x.dtype)
    for i in range(0, rows.shape[0], step):
        piece, out = g[i : i + step], gx[i : i + step]
        d, sigma = _centered(rows[i : i + step], None, eps)
        scale = np.divide(number(1.0, x.dtype), sigma, sigma)
        p = np.multiply(piece, d, out)
        if weight is not None:
            gw += scale.dot(p)
        if has_bias:
            gb += _ONES[x.dtype][: len(d)].dot(piece) if len(d) <= _SHORT else piece.sum(0)
        d *= (p.dot(w) * (scale * scale / count))[:, None]
        d += (piece.dot(w) / count)[:, None]
        if weight is None:
            np.subtract(piece, d, out)
        else:
            np.multiply(piece, w, out)
            out -= d
        out *= scale[:, None]
    return (
        gx.reshape(x.shape),
        None if weight is None else gw.reshape(row),
        gb.reshape(row) if has_bias else None,
    )


def _affine(y: Array, weight: Array, bias: Array) -> Array:
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def _alike(x: Array, *others: Array) -> bool:
    dtype = x.dtype
    for o in others:  # noqa: SIM110  # a generator costs three times as much
        if o is not None and o.dtype != dtype:
            return False
    return True


@compiled
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


@compiled
def rms_norm(x: Array, weight: Array, rank: int = 1, eps: float = 1e-5) -> Array:
    """Divided by the root of the mean square over the last `rank` axes, times weight."""
    axes = tuple(range(x.ndim - rank, x.ndim))
    squares = mean(x * x, axes, True)
    squares += number(eps, squares.dtype)
    y = x / np.sqrt(squares)
    return y if weight is None else y * weight


@compiled
def rms_norm_back(g: Array, x: Array, weight: Array, rank: int, eps: float) -> tuple[Array, Array]:
    """The cotangents of x and of the weight: with s = 1/sqrt(mean(x^2) + eps) and h = g weight,
    that of x is s (h - x s^2 mean(h x))."""
    first = x.ndim - rank
    axes = tuple(range(first, x.ndim))
    scale = 1 / np.sqrt(mean(x * x, axes, True) + number(eps, x.dtype))
    h = g if weight is None else g * weight
    gx = scale * (h - x * (scale * scale * mean(h * x, axes, True)))
    return gx, None if weight is None else sum(g * (x * scale), tuple(range(first)))


def _channels(v: Array, ndim: int) -> Array:
    return None if v is None else v.reshape(1, -1, *(1,) * (ndim - 2))


# What follows sees (N, C, ...) as (N, C, P). A statistic belongs to a cell: a channel of all
# samples (groups 0: batch norm) or a group of channels of one sample. It is kept at every channel
# of its cell, in shape (C) or (N, C), so that with one more axis it broadcasts against (N, C, P).


def _of_channels(a: Array, b: Array = None) -> Array:
    """The sums over the places of every channel, of `a` or of `a b`: (N, C)."""
    samples, channels, places = a.shape
    if places == 1:
        return (a if b is None else a * b).reshape(samples, channels)
    if places > _SHORT:
        return sum(a if b is None else a * b, (2,))
    if b is not None:
        return np.vecdot(a, b)
    return product(a.reshape(-1, places), _ONES[a.dtype][:places]).reshape(samples, channels)


def _of_cells(v: Array, groups: int) -> Array:
    """The sums of (N, C) over the channels of every cell."""
    samples, channels = v.shape
    if not groups:
        return _ONES[v.dtype][:samples].dot(v) if samples <= _SHORT else sum(v, (0,))
    size = channels // groups
    if size == 1:
        return v
    return sum(v.reshape(-1, size), (1,)).repeat(size).reshape(samples, channels)


def _cells(wide: Array, groups: int) -> tuple[Array, Array, Array, int]:
    """(N, C, P) less the means of the cells, the means, the sums of the squares of what is left,
    and how many elements a cell has."""
    samples, channels, places = wide.shape
    n = places * (channels // groups if groups else samples)
    middle = _of_cells(_of_channels(wide), groups) / _count(n, wide.dtype)
    d = wide - middle[..., None]
    return d, middle, _of_cells(_of_channels(d, d), groups), n


def _scale(squares: Array, n: int, eps: float) -> Array:
    """One over the deviation, in the memory of `squares`."""
    sigma = _deviation(squares, _count(n, squares.dtype), eps)
    return np.divide(number(1.0, sigma.dtype), sigma, sigma)


def _plain(x: Array, *others: Array) -> bool:
    return x.dtype in _ONES and bool(x.size) and _alike(x, *others)


def _as_places(x: Array) -> Array:
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _by_cells(x: Array, weight: Array, bias: Array, groups: int, eps: float) -> Array:
    d, _, squares, n = _cells(_as_places(x), groups)
    return _scaled(d, _scale(squares, n, eps), weight, bias).reshape(x.shape)


def _scaled(d: Array, scale: Array, weight: Array, bias: Array) -> Array:
    """d scale weight + bias, in the memory of `d`."""
    d *= (scale if weight is None else scale * weight)[..., None]
    if bias is not None:
        d += bias[:, None]
    return d


@compiled
def batch_norm(
    x: Array,
    weight: Array,
    bias: Array,
    center: Array,
    variance: Array,
    eps: float = 1e-5,
) -> Array:
    """Normalised over all axes but 1, or by a given mean and variance of every channel."""
    if not _plain(x, weight, bias, center, variance):
        return _any_batch_norm(x, weight, bias, center, variance, eps)
    if center is None:
        return _by_cells(x, weight, bias, 0, eps)
    factor = _given_scale(variance, eps)
    if weight is not None:
        factor *= weight
    shift = center * factor
    if bias is None:
        np.negative(shift, shift)
    else:
        np.subtract(bias, shift, shift)
    y = _as_places(x) * factor[:, None]
    y += shift[:, None]
    return y.reshape(x.shape)


def _given_scale(variance: Array, eps: float) -> Array:
    scale = variance + number(eps, variance.dtype)
    np.sqrt(scale, scale)
    return np.divide(number(1.0, scale.dtype), scale, scale)


@compiled
def batch_norm_eval_back(
    g: Array, x: Array, weight: Array, center: Array, variance: Array, eps: float
) -> tuple[Array, Array, Array] | None:
    """The cotangents of `batch_norm` by a given mean and variance: of x, of the weight and of the
    bias, wanted or not; None for what has no short way."""
    if not _plain(x, weight, center, variance) or g.dtype != x.dtype:
        return None
    g3, scale = _as_places(np.ascontiguousarray(g)), _given_scale(variance, eps)
    products = _of_channels(g3, _as_places(x) - center[:, None])
    gw = sum(products, (0,)) * scale
    if weight is not None:
        scale *= weight
    return (g3 * scale[:, None]).reshape(x.shape), gw, sum(_of_channels(g3), (0,))


@compiled
def batch_norm_training(
    x: Array, weight: Array, bias: Array, eps: float
) -> tuple[Array, Array, Array] | None:
    """`batch_norm` by the batch's own statistics, its mean, and its variance over n - 1; None for
    what has no short way."""
    if not _plain(x, weight, bias):
        return None
    d, middle, squares, n = _cells(_as_places(x), 0)
    variance = squares / _count(max(n - 1, 1), x.dtype)
    return _scaled(d, _scale(squares, n, eps), weight, bias).reshape(x.shape), middle, variance


@compiled
def moved(running: Array, now: Array, momentum: float) -> None:
    """running = (1 - momentum) running + momentum now, in place."""
    running *= number(1 - momentum, running.dtype)
    running += now * number(momentum, now.dtype)


def _any_batch_norm(
    x: Array, weight: Array, bias: Array, center: Array, variance: Array, eps: float
) -> Array:
    if center is None:
        y = normalised(x, [a for a in range(x.ndim) if a != 1], eps)
    else:
        y = (x - _channels(center, x.ndim)) * _channels(1.0 / np.sqrt(variance + eps), x.ndim)
    return _affine(y, _channels(weight, x.ndim), _channels(bias, x.ndim))


@compiled
def group_norm(x: Array, weight: Array, bias: Array, groups: int = 1, eps: float = 1e-5) -> Array:
    """Normalised over every group of channels of every sample."""
    plain = _plain(x, weight, bias)
    if plain and x.size >= MANY:
        return _by_cells(x, weight, bias, groups, eps)
    grouped = x.reshape(x.shape[0], groups, -1 if x.size else 0)
    y = normalised(grouped, (2,), eps).reshape(x.shape)
    if plain:
        if weight is not None:
            y *= _channels(weight, x.ndim)
        if bias is not None:
            y += _channels(bias, x.ndim)
        return y
    return _affine(y, _channels(weight, x.ndim), _channels(bias, x.ndim))


@compiled
def cells_back(
    g: Array, x: Array, weight: Array, groups: int, eps: float
) -> tuple[Array, Array, Array] | None:
    """The cotangents of `batch_norm` by the batch's own statistics (groups 0) and `group_norm`: of
    x, of the weight and of the bias, wanted or not; None for what has no short way. As in
    `layer_norm_back`."""
    if not _plain(x, weight) or g.dtype != x.dtype:
        return None
    g3 = _as_places(np.ascontiguousarray(g))
    d, _, squares, n = _cells(_as_places(x), groups)
    scale, count = _scale(squares, n, eps), _count(n, x.dtype)
    sums, products = _of_channels(g3), _of_channels(g3, d)
    hs, hd = (sums, products) if weight is None else (sums * weight, products * weight)
    d *= (_of_cells(hd, groups) * (scale * scale / count))[..., None]
    d += (_of_cells(hs, groups) / count)[..., None]
    gx = np.subtract(g3 if weight is None else g3 * weight[:, None], d, d)
    gx *= scale[..., None]
    return gx.reshape(x.shape), sum(products * scale, (0,)), sum(sums, (0,))


@compiled
def embedding_backward(
    g: Array, indices: Array, rows: int, padding_idx: int = -1, by_frequency: bool = False
) -> Array:
    """The sum of the cotangents of every row of the table; (rows, width)."""
    at = indices.reshape(-1)
    g = g.reshape(at.size, g.shape[-1])
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
