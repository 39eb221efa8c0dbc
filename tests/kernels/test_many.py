"""Kernels that take another way for many elements give NumPy's bits there too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.kernels import masks
from chainrule.kernels.moves import tril, triu

rng = np.random.default_rng(0)
ODD = np.array(
    [0, -0.0, 1, -1, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3.4028235e38, -3.4028235e38, 0.5], "f"
)
NAMES = ("copysign", "hypot", "nextafter", "logical_and", "logical_or", "logical_xor")


def same_bits(a: Any, b: Any) -> bool:
    """Whether both have one dtype and the same bits, but for those of NaN."""
    numbers = (a == a) & (b == b)
    return (
        a.dtype == b.dtype
        and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        and a[numbers].tobytes() == b[numbers].tobytes()
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [50, 5000, 60_000])
def test_of_two(name: str, size: int) -> None:
    kernel, numpy = getattr(masks, name), getattr(np, name)
    for draw in (lambda: rng.choice(ODD, size), lambda: rng.uniform(-3, 3, size).astype("f")):
        x, y = draw(), draw()
        with np.errstate(all="ignore"):
            assert same_bits(kernel(x, y), numpy(x, y))
            assert same_bits(kernel(x[::2], y[1::2]), numpy(x[::2], y[1::2]))
            assert same_bits(kernel(x, y.astype("d")), numpy(x, y.astype("d")))


@pytest.mark.parametrize("shape", [(5, 7), (70, 90), (200, 65), (65, 200), (2, 130, 70)])
def test_triangles(shape: tuple[int, ...]) -> None:
    x = rng.standard_normal(shape)
    x.reshape(-1)[::3] = np.nan
    for k in (-300, -64, -1, 0, 1, 63, 64, 65, 300):
        assert same_bits(tril(x, k), np.tril(x, k))
        assert same_bits(triu(x, k), np.triu(x, k))
