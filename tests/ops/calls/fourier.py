"""Calls of the Fourier family."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls.sample import Sample, numbers, on, values

z35, x35, z234 = numbers(3, 5), values(3, 5), numbers(2, 3, 4)

BY_HAND: dict[str, list[Sample]] = {
    "fft_c2c": [on(z35)((1,), 0, True), on(z35)((0,), 1, False), on(z234)((0, 2), 2, False)],
    "fft_r2c": [
        on(x35)((1,), 0, True),
        on(values(3, 4))((1,), 2, True),
        on(x35)((0, 1), 1, True),
        on(x35)((1,), 0, False),
    ],
    "fft_c2r": [
        on(z35)((1,), 0, 8),
        on(z35)((1,), 2, 9),
        on(z35)((1, 0), 1, 5),
        on(numbers(4))((0,), 0, 6),
    ],
    "fft_resize": [on(x35)((1,), (3,)), on(x35)((0, 1), (4, 2)), on(z35)((1,), (7,))],
    "fft_weigh": [on(z35)((1,), 8, 2.0), on(z35)((0,), 5, 0.5)],
}
COMPLEX = {"fft_c2c", "fft_resize", "fft_weigh"}

FORWARD, BACKWARD = ("backward", "ortho", "forward"), ("forward", "ortho", "backward")


def _c2c(x: Any, dim: Any, mode: int, forward: bool) -> Any:
    """By the sum itself, one dimension after the other."""
    for d in dim:
        n = x.shape[d]
        k = np.arange(n)
        waves = np.exp((-2j if forward else 2j) * np.pi * np.outer(k, k) / n) * n ** (-mode / 2)
        x = np.moveaxis(np.tensordot(x, waves, (d, 0)), -1, d)
    return x


def _r2c(x: Any, dim: Any, mode: int, onesided: bool) -> Any:
    made = _c2c(x, dim, mode, True)
    return np.take(made, range(x.shape[dim[-1]] // 2 + 1), dim[-1]) if onesided else made


REFERENCES = {"fft_c2c": _c2c, "fft_r2c": _r2c}
