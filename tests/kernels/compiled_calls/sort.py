"""Sorting, selecting, searching."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_SHAPES = ((1,), (7,), (64,), (65,), (1500,), (3, 5), (70, 33), (2, 1100), (4, 3, 5))
_ODD = np.where(np.arange(90).reshape(9, 10) % 7, np.round(numbers(9, 10)), np.float32(np.nan))
ARRAYS = [numbers(*shape) for shape in _SHAPES] + [np.round(numbers(70, 33) / 2), _ODD, SPECIAL]
ARRAYS += [np.full(100, np.nan, np.float32), np.zeros((80, 2), np.float32) * np.float32(-1)]
ALONG = [(x, d) for x in ARRAYS for d in range(x.ndim)]
BOTH = [(*c, flag) for c in ALONG for flag in (False, True)]
APART = [(x, d) for x, d in ALONG if np.unique(x).size == x.size]  # ties are anybody's choice
_SORTED = [np.sort(numbers(n)) for n in (1, 9, 63, 64, 500, 1024, 5000)] + [np.sort(_ODD.ravel())]
_SOUGHT = [numbers(40, 3), np.concatenate([numbers(20), SPECIAL])]
_RUNS = [np.round(numbers(500) / 3), np.arange(12).reshape(3, 4) // 5, _ODD, SPECIAL]


def _read(x: np.ndarray, dim: int, k: int) -> tuple:
    """A cotangent, the shape, and places along a dimension."""
    shape = (*x.shape[:dim], k, *x.shape[dim + 1 :])
    places = np.random.default_rng(k).integers(0, x.shape[dim], shape)
    return np.round(numbers(*shape)), x.shape, places, dim


def _without(g: np.ndarray, shape: tuple, places: np.ndarray, dim: int) -> tuple:
    return g.squeeze(dim), shape, places.squeeze(dim), dim


CALLS = {
    "sort": BOTH,
    "argsort": BOTH,
    "topk": [
        (x, k, d, largest)
        for x, d in APART
        for k in {1, min(3, x.shape[d]), x.shape[d]}
        for largest in (False, True)
    ],
    "kthvalue": [(x, k, d, keep) for x, d, keep in BOTH for k in {1, x.shape[d] // 2 + 1}],
    "median": BOTH,
    "nanmedian": BOTH,
    "median_all": [(x,) for x in ARRAYS],
    "nanmedian_all": [(x,) for x in ARRAYS],
    "mode": BOTH,
    "placed": [_read(x, d, k) for x, d in ALONG for k in (1, 4)]
    + [_without(*_read(x, d, 1)) for x, d in ALONG]
    + [(np.float32(2), (5,), np.int64(3), 0), (np.array(2, np.float32), (5,), np.int64(3), 0)],
    "searchsorted": [(a, v, right) for a in _SORTED for v in _SOUGHT for right in (False, True)],
    "unique_consecutive": [(x, None, only) for x in _RUNS for only in (False, True)],
}
EXACT = tuple(CALLS)
