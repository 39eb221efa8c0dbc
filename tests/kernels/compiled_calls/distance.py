"""Euclidean distances."""

import numpy as np
from kernels.compiled_calls import numbers

PAIRS = [
    (numbers(3, 5), numbers(4, 5, seed=1)),
    (numbers(2, 3, 40), numbers(2, 20, 40, seed=1)),
    (numbers(30, 7), numbers(2, 7, seed=1)),
    (numbers(1, 1), numbers(1, 1)),
]


def _back(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    d = a[..., :, None, :] - b[..., None, :, :]
    out = np.sqrt((d * d).sum(-1))
    return numbers(*out.shape, seed=2), a, b, out


def _pulled(x: np.ndarray) -> tuple[np.ndarray, ...]:
    i, j = np.triu_indices(len(x), 1)
    out = np.sqrt(((x[i] - x[j]) ** 2).sum(-1))
    return numbers(*out.shape, seed=2), x, out


_ROWS = [numbers(33, 5), numbers(5, 3), numbers(2, 40), numbers(1, 3), np.zeros((3, 2), np.float32)]
CALLS = {
    "euclidean": PAIRS,
    "euclidean_back": [_back(a, b) for a, b in PAIRS],
    "pair_differences": [(x,) for x in _ROWS],
    "pair_totals": [(numbers(10, 3), 5), (numbers(1, 40), 2), (numbers(0, 3), 1)],
    "pairs_apart": [(x,) for x in _ROWS],
    "pairs_apart_back": [_pulled(x) for x in _ROWS],
}
TOLERANCE = dict.fromkeys(CALLS, 1e-5)
CANCELS = tuple(CALLS)
