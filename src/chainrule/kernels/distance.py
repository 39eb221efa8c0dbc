"""Euclidean distances between all rows of two arrays, and their derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import compiled
from .linalg import matmul

__all__ = [
    "euclidean",
    "euclidean_back",
    "few_rows",
    "pair_differences",
    "pair_totals",
    "pairs_apart",
    "pairs_apart_back",
]

Array = Any
_FEW = 25  # rows, up to which PyTorch takes differences: exact also where rows are near


def few_rows(a: Array, b: Array) -> bool:
    """Whether differences are taken, not a product of matrices."""
    return bool(max(a.shape[-2], b.shape[-2]) <= _FEW)


@compiled
def euclidean(a: Array, b: Array) -> Array:
    """(..., n, m) distances of (..., n, k) from (..., m, k): from differences, or as the root of
    |a|^2 + |b|^2 - 2 a b by one product of matrices."""
    if few_rows(a, b):
        d = a[..., :, None, :] - b[..., None, :, :]
        return np.sqrt(np.vecdot(d, d))
    made = matmul(a, np.swapaxes(b, -1, -2))
    made *= -2
    made += (a * a).sum(-1, keepdims=True)
    made += (b * b).sum(-1)[..., None, :]
    np.maximum(made, 0, out=made)
    return np.sqrt(made, made)


@compiled
def euclidean_back(g: Array, a: Array, b: Array, out: Array) -> tuple[Array, Array]:
    """The cotangents of a and b: with pull = g / out, 0 where out is, that of a row of a is the sum
    of pull (a - b), that of a row of b the sum of pull (b - a)."""
    pull = np.where(out > 0, g, 0) / np.where(out > 0, out, out.dtype.type(1))
    if few_rows(a, b):
        d = a[..., :, None, :] - b[..., None, :, :]
        d *= pull[..., None]
        return d.sum(-2), -d.sum(-3)
    ga = a * pull.sum(-1, keepdims=True) - matmul(pull, b)
    back = np.swapaxes(pull, -1, -2)
    return ga, b * back.sum(-1, keepdims=True) - matmul(back, a)


@compiled
def pair_differences(x: Array) -> Array:
    """x[i] - x[j] for all pairs of rows (0, 1), (0, 2), ..., (1, 2), ...: (pairs, columns)."""
    i, j = np.triu_indices(len(x), 1)
    return x[i] - x[j]


@compiled
def pair_totals(d: Array, n: int) -> Array:
    """The transpose of `pair_differences` of n rows: what a row is subtracted from, less what is
    subtracted from it."""
    made = np.zeros((n, *d.shape[1:]), d.dtype)
    i, j = np.triu_indices(n, 1)
    np.add.at(made, i, d)
    np.subtract.at(made, j, d)
    return made


@compiled
def pairs_apart(x: Array) -> Array:
    """The Euclidean distances of all pairs of rows."""
    d = pair_differences(x)
    return np.sqrt(np.vecdot(d, d))


@compiled
def pairs_apart_back(g: Array, x: Array, out: Array) -> Array:
    """The cotangent of x: each pair pulls with g / out along its difference, where out is not 0."""
    pull = np.where(out > 0, g, 0) / np.where(out > 0, out, out.dtype.type(1))
    return pair_totals(pull[:, None] * pair_differences(x), len(x))
