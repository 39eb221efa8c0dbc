"""The four operations."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_HALVES = np.array([-np.inf, 0.0, 1.0, 6e4, 3.0], np.float16)
_TWO = [
    (numbers(9), numbers(9, seed=1)),
    (numbers(5, 33), numbers(5, 33, seed=1)),
    (numbers(7).astype(np.float64), numbers(7, seed=1).astype(np.float64)),
    (numbers(4), np.array(2.5, np.float32)),
    (np.array(2.5), numbers(4).astype(np.float64)),
    (SPECIAL, SPECIAL[::-1].copy()),
    (numbers(3, 4), numbers(4)),
    (numbers(3), numbers(3).astype(np.float64)),
    (np.float32(3), np.float32(4)),
    (numbers(3), 2.5),
    (numbers(0, 3), numbers(0, 3)),
    (numbers(99).astype(np.float16), 1000 * numbers(99, seed=1).astype(np.float16)),
    (np.array([np.inf, -0.0, np.nan, 6e4, 6e-8], np.float16), _HALVES),
    (numbers(3).astype(np.float16), np.array(0.3, np.float16)),
]
_SUMS = [(numbers(9), numbers(9, seed=1)), (numbers(4, 5), numbers(5)), (SPECIAL, SPECIAL)]
CALLS = {**dict.fromkeys(("add", "sub", "mul", "div"), _TWO), "add_into": _SUMS}
WRITES = {"add_into": (0,)}
EXACT = tuple(CALLS)
