"""Orthogonal polynomials."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_X = numbers(1000, low=-1.5, high=1.5)
_N = np.random.default_rng(1).uniform(-2, 6.9, 1000).astype(np.float32)
_CALLS = [
    (_X, _N),
    (_X.astype(np.float64), _N.astype(np.float64)),
    (numbers(3, 5), 3),
    (numbers(7), 2.7),
    (numbers(7), 0),
    (SPECIAL, 2),
    (_X[:5], np.array([np.nan, np.inf, -np.inf, 1e30, -0.5], np.float32)),  # the twin
    (_X, np.full(1000, 40, np.float32)),  # with cosines: the twin
]
_LONG = [(numbers(500, low=0.2, high=0.9), np.arange(500, dtype=np.float32) % 60)]
_FAMILIES = [
    f"{shifted}chebyshev_polynomial_{kind}" for shifted in ("", "shifted_") for kind in "tuvw"
]
_OTHERS = [
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l",
    "legendre_polynomial_p",
]  # fmt: skip

CALLS = dict.fromkeys(_FAMILIES, _CALLS) | dict.fromkeys(_OTHERS, _CALLS + _LONG)
EXACT = tuple(CALLS)
