"""Functions by tables of cubics against the functions themselves, inside and outside of the
tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.kernels import tables
from chainrule.kernels.compiled import NATIVE

special = pytest.importorskip("scipy.special")


def one(x: Any) -> Any:
    return x


NAMES = {
    "i0": (special.i0, -16, 16, 64, None),
    "i1e": (special.i1e, -16, 16, 64, one),
    "k1": (special.k1, 0.25, 32, 256, None),
    "erfcx": (special.erfcx, -4, 16, 256, None),
    "erfinv": (special.erfinv, -0.96875, 0.96875, 1024, one),
    "lgamma": (special.gammaln, 0.125, 32, 256, lambda x: (x - 1) * (x - 2)),
    "ndtri": (special.ndtri, 1 / 64, 63 / 64, 2048, lambda x: x - 0.5),
}


def off_by(found: Any, exact: Any) -> Any:
    """The largest difference, in units of the last place of float32."""
    unit = np.spacing(np.abs(exact).astype("f")).astype("d")
    return (np.abs(found.astype("d") - exact) / unit).max()


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_rounded_once(name: str) -> None:
    exact, low, high, *_ = NAMES[name]
    x = np.linspace(low, high, 100_003)[1:-1].astype("f")
    found = tables.tabulated(*NAMES[name])(x)
    assert found.dtype == np.float32
    assert off_by(found, exact(x.astype("d"))) < 0.6


@pytest.mark.parametrize("n", [1, 2, 5])
def test_polygamma_has_its_pole(n: int) -> None:
    x = np.concatenate([np.geomspace(1e-5, 40, 5000), [-0.5, -1.25, np.inf]]).astype("f")
    found = tables.polygamma(x, n)
    wide = tables.polygamma(x.astype("d"), n)
    with np.errstate(over="ignore"):
        assert np.array_equal(np.isinf(found), np.isinf(wide.astype("f")))
    near = np.isfinite(found) & (found != 0)
    assert off_by(found[near], wide[near]) < 0.6


def _positive(low: float, high: float) -> Any:
    return np.geomspace(low, high, 20_001).astype("f")


COMPILED = {
    "i0": (special.i0, [np.linspace(-80, 80, 20_001)]),
    "i0e": (special.i0e, [np.linspace(-80, 80, 20_001), _positive(1, 1e30)]),
    "i1": (special.i1, [np.linspace(-80, 80, 20_001)]),
    "i1e": (special.i1e, [np.linspace(-80, 80, 20_001), _positive(1e-30, 1e30)]),
    "k0": (special.k0, [_positive(1e-30, 80)]),
    "k1": (special.k1, [_positive(1e-30, 80)]),
    "k0e": (special.k0e, [_positive(1e-30, 1e30)]),
    "k1e": (special.k1e, [_positive(1e-30, 1e30)]),
    "erfcx": (special.erfcx, [np.linspace(-9, 30, 20_001), _positive(1, 1e30)]),
    "log_ndtr": (special.log_ndtr, [np.linspace(-100, 12, 20_001)]),
    "ndtri": (special.ndtri, [np.linspace(0, 1, 20_001)[1:-1], _positive(1e-37, 0.1)]),
    "lgamma": (special.gammaln, [_positive(1e-30, 1e30), np.linspace(-20, 3, 20_001)]),
    "digamma": (special.psi, [_positive(2, 1e30), np.linspace(-0.9, 1.4, 20_000)]),
}


@pytest.mark.skipif(NATIVE is None, reason="installed without a C compiler")
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_is_rounded_once_as_well(name: str) -> None:
    exact, places = COMPILED[name]
    for x in places:
        x = x.astype("f")
        with np.errstate(over="ignore"):
            wanted = exact(x.astype("d"))
            usual = np.isfinite(wanted.astype("f")) & (abs(wanted) > 1e-37)
        found = getattr(tables, name)(x)
        assert off_by(found[usual], wanted[usual]) < 0.6


@pytest.mark.skipif(NATIVE is None, reason="installed without a C compiler")
def test_compiled_of_two_operands() -> None:
    rng = np.random.default_rng(0)
    a, x = rng.uniform(0.02, 60, (2, 20_000)).astype("f")
    wide = a.astype("d"), x.astype("d")
    for name, exact in (("igamma", special.gammainc), ("igammac", special.gammaincc)):
        wanted = exact(*wide)
        usual = wanted > 1e-37
        assert off_by(getattr(tables, name)(a, x)[usual], wanted[usual]) < 0.6
    s = rng.uniform(1.01, 19.9, 20_000).astype("f")
    assert off_by(tables.zeta(s, x), special.zeta(s.astype("d"), wide[1])) < 0.6


def test_what_lies_outside_goes_to_the_function() -> None:
    seen = []

    def exact(x: Any) -> Any:
        seen.append(x)
        return np.tanh(x)

    kernel = tables.tabulated(exact, 0, 1, 64)
    x = np.linspace(0, 1, 1000, endpoint=False).astype("f").reshape(10, 100)
    kernel(x)
    seen.clear()
    assert np.allclose(kernel(x), np.tanh(x.astype("d")), rtol=1e-7, atol=1e-9)
    assert seen == []
    x[1, 2], x[3, 4], x[5, 6], x[7, 8] = 2.0, -1.0, np.nan, 1e30
    found = kernel(x)
    assert np.array_equal(seen[0], np.array([2.0, -1.0, np.nan, 1e30], "f"), equal_nan=True)
    assert np.array_equal(found[x > 1], np.tanh(x[x > 1]))
    assert np.isnan(found[5, 6])


@pytest.mark.parametrize("given", [np.float32(0.5), np.full(10, 0.5, "f"), np.full(1000, 0.5)])
def test_few_numbers_and_other_dtypes_go_to_the_function(given: Any) -> None:
    called = []
    kernel = tables.tabulated(lambda x: called.append(x) or np.tanh(x), 0, 1, 64)
    assert kernel(given).dtype == given.dtype
    assert called[0] is given
