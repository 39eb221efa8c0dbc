"""Normalisation on arrays: subtract the mean, divide by the deviation, over some axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .reduce import mean

__all__ = ["batch_norm", "embedding_backward", "group_norm", "layer_norm", "normalised"]

Array = Any
_SHORT = 512
_ONES = {np.dtype(name): np.ones(_SHORT, name) for name in ("float32", "float64")}


def normalised(x: Array, axes: Sequence[int], eps: float) -> Array:
    """(x - mean)/sqrt(variance + eps) over `axes`; a new array."""
    axes = tuple(axes)
    if axes == (x.ndim - 1,) and 0 < x.shape[-1] <= _SHORT and x.dtype in _ONES:
        return _short_rows(x, eps)
    d = x - mean(x, axes, True)
    variance = mean(d * d, axes, True)
    variance += eps
    d /= np.sqrt(variance)
    return d


def _short_rows(x: Array, eps: float) -> Array:
    """`normalised` over a short last axis: BLAS sums quicker than a reduction starts."""
    n, dtype = x.shape[-1], x.dtype
    ones, count = _ONES[dtype][:n], np.array(n, dtype)
    d = x - (x.dot(ones) / count)[..., None]
    d /= np.sqrt((d * d).dot(ones) / count + np.array(eps, dtype))[..., None]
    return d


def _affine(y: Array, weight: Array, bias: Array) -> Array:
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def layer_norm(x: Array, weight: Array, bias: Array, rank: int = 1, eps: float = 1e-5) -> Array:
    """Normalised over the last `rank` axes, times weight, plus bias."""
    return _affine(normalised(x, range(x.ndim - rank, x.ndim), eps), weight, bias)


def _channels(v: Array, ndim: int) -> Array:
    return None if v is None else v.reshape(1, -1, *(1,) * (ndim - 2))


def batch_norm(
    x: Array,
    weight: Array,
    bias: Array,
    center: Array,
    variance: Array,
    eps: float = 1e-5,
) -> Array:
    """Normalised over all axes but 1, or by a given mean and variance of every channel."""
    if center is None:
        y = normalised(x, [a for a in range(x.ndim) if a != 1], eps)
    else:
        y = (x - _channels(center, x.ndim)) * _channels(1.0 / np.sqrt(variance + eps), x.ndim)
    return _affine(y, _channels(weight, x.ndim), _channels(bias, x.ndim))


def group_norm(x: Array, weight: Array, bias: Array, groups: int = 1, eps: float = 1e-5) -> Array:
    """Normalised over every group of channels of every sample."""
    grouped = x.reshape(x.shape[0], groups, -1 if x.size else 0)
    y = normalised(grouped, (2,), eps).reshape(x.shape)
    return _affine(y, _channels(weight, x.ndim), _channels(bias, x.ndim))


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
    if at.size < 64:
        np.add.at(out, at, g)
    else:  # sorted, so that the rows of one index lie together
        order = np.argsort(at, kind="stable")
        at = at[order]
        starts = np.flatnonzero(np.concatenate(([True], at[1:] != at[:-1])))
        out[at[starts]] = np.add.reduceat(g[order], starts, axis=0)
    return out
