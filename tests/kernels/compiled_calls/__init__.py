"""Calls of the compiled kernels, a module for each file of `kernels/` that has some.

`CALLS` maps a function's name to lists of arguments; `TOLERANCE` (optional) to the relative
difference allowed between the function in C and its NumPy twin, `EXACT` (optional) names those
that must agree to the last bit, `WRITES` (optional) to the positions of the arguments in which the
result is left, where that is not what is returned. `CANCELS` (optional) names those whose results
are differences: there the tolerance is meant of the largest number of the result; `DENSE`
(optional) those that are only for arrays in C order.
"""

import numpy as np

SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, -1e-39, 1e-20, 88.0, -87.5, 104.0, -104.0, 1e38, -1e38]
    + [np.inf, -np.inf, np.nan, 3.0, -3.0, 6.0, 20.0, -20.0],
    np.float32,
)


def numbers(*shape: int, seed: int = 0, low: float = -4.0, high: float = 4.0) -> np.ndarray:
    """float32 numbers between low and high, the same each time."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


UNARY = [(numbers(7),), (numbers(1000),), (numbers(5, 33),), (SPECIAL,)]
