"""Transforms of sizes with all factors, along one dimension or several."""

import numpy as np
from kernels.compiled_calls import numbers

_SIZES = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    13,
    16,
    25,
    31,
    36,
    37,
    61,
    62,
    67,
    77,
    100,
    1000,
    1024,
)
_C = (numbers(4, 6, 5) + 1j * numbers(4, 6, 5, seed=1)).astype(np.complex64)
_R = numbers(4, 6, 5)
_MODES = ((0, True), (1, False), (2, True), (2, False))


def _row(n, seed=0):
    return (numbers(n, seed=seed) + 1j * numbers(n, seed=seed + 1)).astype(np.complex64)


_DIMS = ((2,), (0,), (1, 2), (2, 0), (0, 1, 2))

CALLS = {
    "c2c": [(_row(n), (0,), 0, forward) for n in _SIZES for forward in (True, False)]
    + [(x, d, m, f) for x in (_C, _C.astype(complex)) for d in _DIMS for m, f in _MODES]
    + [(_row(70000), (0,), 0, True)],
    "r2c": [(numbers(n), (0,), 0, half) for n in _SIZES for half in (True, False)]
    + [(x, d, m, f) for x in (_R, _R.astype(float)) for d in _DIMS for m, f in _MODES],
    "c2r": [(_row(n // 2 + 1), (0,), 2, n) for n in _SIZES]
    + [
        (x, d, m, n)
        for x in (_C, _C.astype(complex))
        for d in _DIMS
        for m in (0, 1, 2)
        for n in (2 * x.shape[d[-1]] - 2, 2 * x.shape[d[-1]] - 1)
    ],
}
CANCELS = ("c2c", "r2c", "c2r")
TOLERANCE = dict.fromkeys(CANCELS, 3e-6)
