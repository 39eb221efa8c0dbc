"""Reductions and their derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

INF = float("inf")
ROWS = [numbers(7), numbers(2, 5), numbers(3, 131), numbers(4, 3, 70), numbers(2, 0), numbers(1, 1)]
DIMS = [None, (0,), (1,), (0, 1), (1, 2)]
SMALL = np.array([1e-45, -1e-39, 1e-20, 0.0, -0.0, 1.0], np.float32)
ODD = np.array([[np.inf, 1, np.nan], [1, -np.inf, 0], [-np.inf, -np.inf, -np.inf]], np.float32)


def _fits(x: np.ndarray, dim: tuple[int, ...] | None) -> bool:
    return dim is None or dim[-1] < x.ndim


PLAIN = [
    (x, dim, keepdim) for x in ROWS for dim in DIMS for keepdim in (False, True) if _fits(x, dim)
]
FULL = [c for c in PLAIN if c[0].size]
PLAIN.append((numbers(9),))
EXTREMES = [*FULL, (ODD, (0,), False), (ODD, (1,), False), (ODD, None, False), (SPECIAL,)]
POWERS = [(*c, p) for c in PLAIN if c[0].size for p in (1.0, 2.0, 3.0, 0.0, 2.5, INF, -INF)]
SPREADS = [(*c, k) for c in FULL for k in (1, 0, 2.5, 200)]
ALONG = [(x, d) for x in (*ROWS, numbers(80, 3), numbers(3, 2000)) for d in range(x.ndim)]


def _derivatives() -> Iterator[tuple[Any, ...]]:
    """A cotangent, another, x, and `dim`."""
    for x, dim, _ in FULL:
        size = np.sum(x, dim).shape
        yield numbers(*size, seed=3), numbers(*size, seed=4), x, dim


VAR_BACK = [
    arguments
    for g, of_mean, x, dim in _derivatives()
    if x.size > 1
    for arguments in ((g, None, x, None, dim, 0), (None, of_mean, x, None, dim, 0.5),
                      (g, of_mean, x, np.std(x, dim), dim, 0))
]  # fmt: skip
EXTREME_BACK = [
    (g, y, y.max(dim), dim) for g, _, x, dim in _derivatives() for y in (x, np.round(x))
]
EXTREME_BACK.append((numbers(3), ODD, ODD.max(1), (1,)))
NORM_BACK = [
    (g, y, np.abs(y).max(dim) if ord in (INF, -INF) else np.sum(np.abs(y) ** ord, dim), dim, ord)
    for g, _, x, dim in _derivatives()
    for y in (x, x * 0)
    for ord in (1.0, 2.0, 3.0, INF, -INF)
]
RUNNING = [*ALONG, (ODD, 0), (ODD, 1), (SPECIAL, 0), (numbers(200, low=-90, high=90), 0)]

PICKED = [(x, d, keepdim) for x, d in (*ALONG, (ODD, 0), (ODD, 1)) if x.size
          for keepdim in (False, True)]  # fmt: skip
PLACES = [*PICKED, *[(x, None, False) for x in (*ROWS, ODD) if x.size], (SPECIAL, 0, False)]
BACK_OF_SUMS = [(x, d) for x, d in ALONG if x.size]
BACK_OF_PRODUCTS = [
    (numbers(*x.shape, seed=1), y, np.cumprod(y, d, dtype=np.float32), d)
    for x, d in BACK_OF_SUMS
    for y in (x / 2, np.round(x))
]
RECURRENCES = [(x, numbers(*x.shape, seed=1, low=-1, high=1), d) for x, d in BACK_OF_SUMS]

CALLS = {
    "sum": [*PLAIN, (ODD, (1,), False), (SMALL,)],
    "mean": [*PLAIN, (ODD, (1,), False)],
    "nansum": [*PLAIN, (ODD, (1,), False), (ODD, (0,), True)],
    "count_numbers": [*PLAIN, (ODD, (1,), False), (ODD, (0,), True)],
    "prod": [*[(x / 2, *rest) for x, *rest in PLAIN], (ODD, (1,), False)],
    "amax": EXTREMES,
    "amin": EXTREMES,
    "aminmax": EXTREMES,
    "norm": POWERS,
    "var": SPREADS,
    "std": SPREADS,
    "var_mean": SPREADS,
    "std_mean": SPREADS,
    "var_back": VAR_BACK,
    "extreme_back": EXTREME_BACK,
    "norm_back": NORM_BACK,
    "logcumsumexp": RUNNING,
    "cumsum": [*RUNNING, (numbers(5000, low=1, high=2), 0)],
    "cumprod": [*[(x / 2, d) for x, d in ALONG], *RUNNING[-4:-1]],
    "cummax": [*RUNNING, *[(np.round(x), d) for x, d in ALONG]],
    "cummin": [*RUNNING, *[(np.round(x), d) for x, d in ALONG]],
    "cumsum_back": BACK_OF_SUMS,
    "cumprod_back": BACK_OF_PRODUCTS,
    "recurrence": RECURRENCES,
    "max_dim": PICKED,
    "min_dim": PICKED,
    "argmax": PLACES,
    "argmin": PLACES,
    "logsumexp": [*FULL, (ODD, (0,), False), (ODD, (1,), False)],
}
TOLERANCE = dict.fromkeys(CALLS, 3e-6)  # the twins sum in single precision
EXACT = ("count_numbers", "amax", "amin", "aminmax", "cummax", "cummin", "max_dim", "min_dim",
         "argmax", "argmin")  # fmt: skip
CANCELS = tuple(CALLS.keys() - set(EXACT))
