"""Counting."""

import numpy as np
from kernels.compiled_calls import numbers

_INTEGERS = np.random.default_rng(0).integers(0, 50, 300)

CALLS = {
    "in_range": [
        (x, bins, low, high)
        for x in (numbers(9), numbers(30, 40), np.round(numbers(200)))
        for bins in (1, 10, 100)
        for low, high in ((-4.0, 4.0), (0.1, 0.7), (-1.0, 2.0))
    ],
    "isin": [
        (_INTEGERS[:n].reshape(2, -1) - 5, _INTEGERS[-m:] * 3 % 61, invert)
        for n in (2, 300)
        for m in (1, 10, 16, 17, 200)
        for invert in (False, True)
    ],
    "bincount": [(x, None, n) for x in (_INTEGERS, _INTEGERS[:1]) for n in (0, 100)],
}
EXACT = tuple(CALLS)
