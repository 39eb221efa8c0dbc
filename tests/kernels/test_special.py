"""erf and erfc against the C library, on both sides of every limit of the approximations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule.kernels import special
from chainrule.kernels.masks import select

POINTS = np.concatenate(
    [np.linspace(-7, 7, 30011), np.logspace(-30, 1.5, 501), [0.46875, 0.9, 4.0, -4.0, 26.5, 28.0]]
)


def exact(function: Any, x: Any) -> Any:
    return np.array([function(float(v)) for v in x])


@pytest.mark.parametrize(
    ("name", "dtype", "ulps"),
    [("erf", "float32", 2), ("erfc", "float32", 4), ("erf", "float64", 8), ("erfc", "float64", 8)],
)
def test_accuracy(name: str, dtype: str, ulps: int) -> None:
    x = POINTS.astype(dtype)
    want = exact(getattr(math, name), x)
    got = getattr(special, name)(x)
    assert got.dtype == dtype
    normal = np.abs(want) > np.finfo(dtype).tiny
    unit = np.spacing(np.abs(want).astype(dtype)).astype(float)
    assert (np.abs(got - want)[normal] / unit[normal]).max() <= ulps


def test_erf_is_within_1e15_in_float64() -> None:
    assert np.abs(special.erf(POINTS) - exact(math.erf, POINTS)).max() <= 1e-15


@pytest.mark.parametrize("many", [1, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limits(many: int, dtype: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0] * many, dtype)
    erf, erfc = special.erf(x)[:5], special.erfc(x)[:5]
    np.testing.assert_array_equal(erf, [np.nan, 1, -1, 0, 0])
    assert np.signbit(erf[4]) and not np.signbit(erf[3])
    np.testing.assert_array_equal(erfc, [np.nan, 0, 2, 1, 1])


def test_scalars_shapes_and_strides() -> None:
    assert special.erf(np.float32(0.5)) == np.float32(math.erf(0.5))
    assert type(special.erf(np.float32(0.5))) is np.float32
    assert special.erf(np.empty((0, 3), "float32")).shape == (0, 3)
    x = np.linspace(-2, 2, 2000).reshape(40, 50).T
    np.testing.assert_allclose(
        special.erf(x), exact(math.erf, x.ravel()).reshape(50, 40), rtol=1e-14
    )


@pytest.mark.parametrize("n", [3, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_select_is_where(n: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=n) * 100).astype(dtype), rng.normal(size=n).astype(dtype)
    if dtype != "int64":
        a[:3] = [np.nan, np.inf, -0.0]
        b[:3] = [-np.inf, np.nan, 0.0]
    c = rng.random(n) < 0.5
    for x, y in ((a, b), (a, dtype == "int64" or a.dtype.type(-2.5)), (a[::-1], b)):
        got, want = select(c, x, y), np.where(c, x, y)
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype
        assert (np.signbit(got) == np.signbit(want)).all()
