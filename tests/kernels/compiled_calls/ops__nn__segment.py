"""Stretches of a dimension; empty ones, rows that are left over, NaN."""

import numpy as np
from kernels.compiled_calls import numbers

_NAN = numbers(6, 2)
_NAN[4, 1] = np.nan
_CASES = [
    (numbers(40), np.array([3, 0, 30, 7]), 0),
    (_NAN, np.array([1, 4, 0]), 0),
    (numbers(2, 5, 3), np.array([[2, 3], [5, 0]]), 1),
]
CALLS = {
    "_reduce_kernel": [
        (x, lengths, reduce, axis, initial)
        for x, lengths, axis in _CASES
        for reduce in ("sum", "mean", "prod", "max", "min")
        for initial in (None, 0.5)
    ],
    "_spread_kernel": [
        (numbers(4), np.array([3, 0, 30, 7]), 0, 40),
        (numbers(3, 2), np.array([1, 4, 0]), 0, 6),
        (numbers(2, 2, 3), np.array([[2, 3], [5, 0]]), 1, 5),
    ],
}
CANCELS = tuple(CALLS)
