"""Reading and writing where an index says."""

import numpy as np
from kernels.compiled_calls import numbers


def integers(high: int, *shape: int, seed: int = 1) -> np.ndarray:
    """int64 numbers from 0 to high - 1."""
    return np.random.default_rng(seed).integers(0, high, shape)


def mask(*shape: int, seed: int = 2) -> np.ndarray:
    """True here and there."""
    return np.random.default_rng(seed).random(shape) < 0.4


M, W, V = numbers(5, 7), numbers(5, 7, seed=3), numbers(40)
CUBE, NAN = numbers(3, 4, 5), np.where(mask(5, 7), np.float32(np.nan), M)
LONG = numbers(3, 5000)
ROWS, COLS = integers(5, 5, 7), integers(7, 5, 7)
ALONG = [
    (M, ROWS, 0),
    (M, COLS, 1),
    (V, integers(40, 40), 0),
    (CUBE, integers(4, 3, 4, 5), 1),
    (LONG, integers(5000, 3, 5000), 1),
    (LONG.T.copy(), integers(5000, 5000, 3), 0),
    (M.astype(float), COLS, 1),
]
AT = np.array([4, 0, 4, 2])
INTO = numbers(4, 7, seed=4)

CALLS = {
    "gather": [
        *ALONG,
        (M, integers(7, 5, 3), 1),
        (ROWS, COLS, 1),
        (M[:, :3], integers(3, 5, 3), 1),
        (M, COLS[:2, :2], 1),
    ],
    "scatter": [(x, i, numbers(*i.shape, seed=5).astype(x.dtype), d) for x, i, d in ALONG]
    + [(M, COLS, 1.5, 1), (M.astype(float), ROWS, -2, 0)],
    "scatter_add": [(x, i, numbers(*i.shape, seed=5).astype(x.dtype), d) for x, i, d in ALONG],
    "scatter_reduce": [
        (x, i, s, 1, how, kept)
        for how in ("sum", "prod", "amax", "amin", "mean")
        for x, i, s in (
            (M, COLS, W),
            (NAN, COLS, W),
            (M, COLS, NAN),
            (M.astype(float), COLS, W.astype(float)),
        )
        for kept in (True, False)
    ],
    "take": [
        (M, integers(35, 20)),
        (M, integers(35, 3, 4)),
        (V, integers(40, 50) - 20),
        (ROWS, integers(35, 9)),
        (LONG, integers(15000, 20000)),
    ],
    "put": [(M, AT, numbers(4), False), (M, AT, numbers(4), True), (M, -AT, numbers(4), True)],
    "index_select": [
        (M, AT, 0),
        (M, AT, 1),
        (CUBE, np.array([3, 0]), 1),
        (ROWS, AT, 0),
        (M.astype(float), AT, 1),
        (V, AT, 0),
    ],
    "index_add": [
        (M, AT, INTO, 0),
        (M, AT, INTO, 0, 2.5),
        (M, AT, W[:, :4].copy(), 1),
        (V, AT, numbers(4), 0),
        (M.astype(float), AT, INTO.astype(float), 0, 1),
    ],
    "index_copy": [
        (M, np.array([3, 0, 1, 2]), INTO, 0),
        (M, np.array([3, 0]), W[:, :2].copy(), 1),
        (V, AT[1:], numbers(3), 0),
    ],
    "index_fill": [(M, AT, 1.5, 0), (M, AT, np.float32(2.5), 1), (V, AT - 1, 0, 0)],
    "index": [
        (M, (AT,), (0,)),
        (M, (AT.reshape(2, 2),), (0,)),
        (M, (AT,), (1,)),
        (M, (AT, AT), (0, 1)),
        (CUBE, (np.array([2, 0]), np.array([3, 3])), (0, 1)),
        (CUBE, (np.array([2, 0]), np.array([3, 3])), (1, 2)),
        (M, (mask(5, 7),), (0,)),
        (CUBE, (np.array([2, 0]), np.array([3, 3])), (0, 2)),
        (M, (-AT,), (0,)),
        (M, (AT, AT[:1]), (0, 1)),
    ],
    "index_put": [
        (M, value, (AT,), (0,), add) for value in (INTO, np.float32(1.0)) for add in (True, False)
    ]
    + [
        (M, numbers(4), (AT, AT), (0, 1), True),
        (M, numbers(4), (AT, AT - 1), (0, 1), True),
        (M, numbers(7), (AT,), (0,), True),
        (M, np.zeros((), np.float32), (AT, AT), (0, 1), False),
    ],
    "masked_fill": [
        (M, mask(5, 7), 2.5),
        (M.astype(float), mask(5, 7), -1),
        (M, mask(7), 2.5),
        (ROWS, mask(5, 7), 2),
        (LONG, mask(3, 5000), float("nan")),
    ],
    "masked_scatter": [
        (M, mask(5, 7), W),
        (M, mask(5, 7), V),
        (M.astype(float), mask(5, 7), W.astype(float)),
        (M, mask(7), V),
        (LONG, mask(3, 5000), numbers(9000)),
    ],
    "put_at": [
        (M, INTO, (AT,), (0,), True),
        (M, INTO, (AT,), (0,), False),
        (M, 2.5, (AT,), (0,), False),
        (M, numbers(4), (AT, AT), (0, 1), True),
        (M, numbers(4), (AT,), (1,), True),
        (M, numbers(5, 4), (AT,), (1,), True),
        (M, 2.5, (mask(5, 7),), (0,), False),
    ],
    "fill_at": [(M, mask(5, 7), 2.5), (M.astype(float), mask(5, 7), 1), (ROWS, mask(5, 7), 1)],
}
WRITES = {"put_at": (0,), "fill_at": (0,)}
EXACT = (
    "gather",
    "scatter",
    "take",
    "index_select",
    "index_copy",
    "index_fill",
    "index",
    "masked_fill",
    "masked_scatter",
)
