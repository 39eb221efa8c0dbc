"""Scaled dot-product attention."""

import numpy as np
from kernels.compiled_calls import numbers

INF = float("inf")


def _operands(*shape: int, columns: int, deep: int) -> tuple[np.ndarray, ...]:
    """q, k, v and a cotangent; `shape` is that of q."""
    *lead, rows, width = shape
    k, v = numbers(*lead, columns, width, seed=1), numbers(*lead, columns, deep, seed=2)
    return numbers(*shape), k, v, numbers(*lead, rows, deep, seed=3)


def _mask(*shape: int) -> np.ndarray:
    """Some places masked, all of the first row."""
    mask = numbers(*shape, seed=4)
    mask[mask > 2] = -INF
    mask[..., 0, :] = -INF
    return mask


SHAPES = [
    (_operands(2, 3, 4, 5, columns=4, deep=5), (None, _mask(4, 4), _mask(2, 3, 4, 4))),
    (_operands(2, 7, 20, columns=33, deep=17), (None, _mask(7, 33), _mask(1, 7, 33))),
    (_operands(3, 2, columns=2, deep=1), (None, numbers(3, 2))),
    (_operands(1, 1, 64, 32, columns=64, deep=32), (None, numbers(1, 1, 1, 64))),
]

CALLS = {
    "attention": [(q, k, v, m, 0.4) for (q, k, v, _), masks in SHAPES for m in masks],
    "attention_backward": [(g, q, k, v, m, 0.4) for (q, k, v, g), masks in SHAPES for m in masks],
}
TOLERANCE = dict.fromkeys(CALLS, 1e-5)
CANCELS = tuple(CALLS)
