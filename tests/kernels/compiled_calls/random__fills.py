"""Draws: both leave the same numbers, to the last bit, and the same state."""

import numpy as np
from kernels.compiled_calls import numbers
from numpy.random import MT19937

_SIZES = ((1,), (7,), (15,), (16,), (17,), (623,), (625,), (5, 33), (1040,), (5000,))
_CHANCES = [np.random.default_rng(1).random(shape, np.float32) for shape in _SIZES]
_WEIGHTS = [np.abs(numbers(*shape)) for shape in ((1,), (7,), (200,), (3, 20))]


def _fills(dtypes: tuple, parameters: tuple, least: int = 0) -> list:
    return [
        (MT19937(seed), np.zeros(shape, dtype), *more)
        for seed, shape in enumerate(_SIZES)
        for dtype in dtypes
        for more in parameters
        if np.prod(shape) >= least
    ]


_FLOATS = (np.float32, np.float64)
_NORMAL = ((0.0, 1.0), (0.5, 2.0), (-1e-3, 0.02), (100.0, 1e-5), (1.0, 0.0))

CALLS = {
    "uniform": _fills(_FLOATS, ((0.0, 1.0), (-1.0, 1.0), (0.1, 0.3), (-3.7e5, 1e-3), (5.0, 5.0))),
    "bernoulli": _fills((np.float32,), ((0.5, 2.0), (0.1, 1.0), (0.0, 1.0), (1.0, 1.0)))
    + [(MT19937(3), np.zeros_like(p), p, 1.0) for p in _CHANCES],
    "integers": _fills(
        (np.int64,),
        ((0, 10), (-5, 7), (0, 1), (3, 2**28 - 1), (0, 2**28), (-(2**61), 2**62), (1, 2**63 - 2)),
    ),
    "exponential": _fills(_FLOATS, ((1.0,), (0.3,))),
    "normal_groups": _fills(_FLOATS, _NORMAL, 16),
    "normal_pairs": _fills(_FLOATS, tuple((*p, s) for p in _NORMAL for s in (None, 0.25))),
    "poisson": [
        (MT19937(n), (rates * scale).astype(dtype))
        for n, rates in enumerate(_CHANCES)
        for scale in (2, 9, 400)
        for dtype in _FLOATS
    ],
    "sample": [(MT19937(4), w, n) for w in _WEIGHTS for n in {1, min(5, w.shape[-1])}],
}
EXACT = tuple(CALLS)
WRITES = dict.fromkeys(CALLS, (0, 1)) | {"sample": (0,), "poisson": (0,)}
