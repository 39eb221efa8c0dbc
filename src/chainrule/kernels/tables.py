"""Special functions that SciPy computes, which is loaded when one is called; of many float32
numbers by tables of cubics.

SciPy computes a Bessel function in 35 ns, one number after the other. Here the function is computed
in float64 at the Chebyshev points of short equal intervals, once, and a number costs the row of its
interval and a polynomial of degree 3: 4 ns, whatever the function. The tables are fine enough that
float32 results are rounded once, but for the last bit. What lies outside of the table, NaN and few
numbers go to the function itself. Compiled (`native/special.c`), float32 needs no SciPy at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .blocks import F32, F64, blocked, finite, no_nan
from .compiled import compiled, compiled_as
from .elementwise import is_half, where

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "digamma", "erfcx", "erfinv",
    "i0", "i0e", "i1", "i1e", "igamma", "igammac", "k0", "k0e", "k1", "k1e", "lgamma", "log_ndtr",
    "modified", "ndtri", "polygamma", "scipy_special", "spherical_bessel_j0", "tabulated",
    "zeta",
]  # fmt: skip

Array = Any
Kernel = Callable[..., Any]
_ndarray = np.ndarray


def tabulated(
    exact: Kernel,
    low: float,
    high: float,
    per: int,
    factor: Kernel | None = None,
    enough: int = 256,
) -> Kernel:
    """`exact`, by a table for float32 arrays.

    Args:
        exact: the function, of an array.
        low, high: the interval of the table. per: rows for each unit of it.
        factor: what the function is divided by in the table, so that zeros and poles stay exact.
        enough: numbers, from which on the table is quicker.
    """
    rows: Any = None
    ufunc: Any = None
    scale, shift = np.array(float(per)), np.array(1.0 - low * per)

    def piece(x: Array) -> Array:
        wide = x.astype(F64)
        y = wide * scale
        y += shift
        row = np.floor(y)
        y -= row
        c = rows.take(row.astype(np.intp), axis=0, mode="clip")
        made = c[:, 3] * y
        for k in (2, 1):
            made += c[:, k]
            made *= y
        made += c[:, 0]
        if factor is not None:
            made *= factor(wide)
        return made.astype(F32)

    by_pieces = blocked(piece)

    def kernel(x: Array) -> Array:
        nonlocal rows, ufunc
        if x.dtype is not F32 or x.size < enough:
            if ufunc is not None and type(x) is _ndarray:
                return ufunc(x)
            made = exact(x)
            ufunc = getattr(exact, "ufunc", None)
            return made
        if rows is None:
            rows = _rows(exact, low, high, per, factor)
        flat = x.reshape(-1)
        made = by_pieces(flat)
        if not no_nan(made):
            outside = made != made
            made[outside] = exact(flat[outside])
        return made.reshape(x.shape)

    kernel.__wrapped__ = exact  # type: ignore[attr-defined]
    return kernel


def _rows(exact: Kernel, low: float, high: float, per: int, factor: Kernel | None) -> Array:
    """Coefficients of the cubics in the place within each interval, from 0 to 1, the lowest power
    first; a row of NaN at either end, which numbers outside come to."""
    places = np.array([(1 + math.cos((2 * k + 1) * math.pi / 8)) / 2 for k in range(4)])
    at = low + (np.arange(round((high - low) * per))[:, None] + places) / per
    values = exact(at)
    if factor is not None:
        values = values / factor(at)
    rows = np.full((len(at) + 2, 4), np.nan)
    rows[1:-1] = np.linalg.solve(np.vander(places, increasing=True), values.T).T
    return rows


# ---------------------------------------------------------------- SciPy, loaded when called


def scipy_special(op: str, name: str) -> Kernel:
    """A kernel that calls `scipy.special.<name>`; float32 in, float32 out."""
    found: Any = None

    def kernel(*args: Any) -> Array:
        nonlocal found
        if found is None:
            found = _from_scipy(op, name)
            if getattr(found, "nin", 0) == getattr(found, "nout", 0) == 1:
                kernel.ufunc = found  # type: ignore[attr-defined]  # for `tabulated`
        made = found(*args)
        if type(made) is tuple:  # airy gives derivatives as well
            made = made[0]
        first = args[0]
        if type(first) is _ndarray and made.dtype is first.dtype:
            return made
        dtype = next(a.dtype for a in args if isinstance(a, (np.ndarray, np.generic)))
        return made if made.dtype == dtype else made.astype(dtype)

    return kernel


def _from_scipy(op: str, name: str) -> Kernel:
    try:
        import scipy.special
    except ImportError:
        error = ImportError(
            f"torch.{op} needs the optional package SciPy, which is not installed\n"
            'Hint: pip install "chainrule[scipy]"'
        )
        raise error from None
    return getattr(scipy.special, name)  # type: ignore[no-any-return]


def _bessel_i(op: str, name: str) -> Kernel:
    """A modified Bessel function of the first kind; that of order 1 is odd."""
    odd = (lambda x: x) if name[1] == "1" else None
    return tabulated(scipy_special(op, name), -16, 16, 64, odd)


def _bessel_k(op: str, name: str) -> Kernel:
    """A Bessel function with a pole at 0."""
    return tabulated(scipy_special(op, name), 0.25, 32, 256)


def modified(op: str, name: str) -> Kernel:
    """The kernel of a modified Bessel function, by its name in SciPy: i0, i1, i0e, i1e, k0, k1,
    k0e, k1e. `op` needs SciPy where it is not compiled."""
    twin = _bessel_i(op, name) if name[0] == "i" else _bessel_k(op, name)
    return compiled_as(f"tables.{name}", twin)


i0, i0e = modified("i0", "i0"), modified("special.i0e", "i0e")
i1, i1e = modified("special.i1", "i1"), modified("special.i1e", "i1e")
k0 = modified("special.modified_bessel_k0", "k0")
k1 = modified("special.modified_bessel_k1", "k1")
k0e = modified("special.scaled_modified_bessel_k0", "k0e")
k1e = modified("special.scaled_modified_bessel_k1", "k1e")
bessel_j0 = compiled_as("tables.bessel_j0", scipy_special("special.bessel_j0", "j0"))
bessel_j1 = compiled_as("tables.bessel_j1", scipy_special("special.bessel_j1", "j1"))
bessel_y0 = compiled_as("tables.bessel_y0", _bessel_k("special.bessel_y0", "y0"))
bessel_y1 = compiled_as("tables.bessel_y1", _bessel_k("special.bessel_y1", "y1"))
airy_ai = compiled_as(
    "tables.airy_ai", tabulated(scipy_special("special.airy_ai", "airy"), -8, 8, 128)
)
ndtri = compiled_as(
    "tables.ndtri",
    tabulated(
        scipy_special("special.ndtri", "ndtri"), 1 / 64, 63 / 64, 2048, lambda x: x - 0.5, 3000
    ),
)
log_ndtr = compiled_as("tables.log_ndtr", scipy_special("special.log_ndtr", "log_ndtr"))
erfcx = compiled_as(
    "tables.erfcx",
    tabulated(scipy_special("special.erfcx", "erfcx"), -4, 16, 256, None, 1000),
)
igamma = compiled_as("tables.igamma", scipy_special("igamma", "gammainc"))
igammac = compiled_as("tables.igammac", scipy_special("igammac", "gammaincc"))
zeta = compiled_as("tables.zeta", scipy_special("special.zeta", "zeta"))


@compiled
def polygamma(x: Array, n: int = 0) -> Array:
    """The n-th derivative of digamma."""
    return digamma(x) if n == 0 else _polygamma_of(n)(x)


@cache
def _polygamma_of(n: int) -> Kernel:
    """It has a pole of order n + 1 at 0."""
    return tabulated(
        lambda x: _polygamma(n, x.astype(F64)).astype(x.dtype),
        0, 32, 64, lambda x: x ** -(n + 1.0), 64,
    )  # fmt: skip


_digamma = scipy_special("digamma", "psi")
_polygamma = scipy_special("polygamma", "polygamma")
_gammaln = tabulated(  # 0 at 1 and 2
    scipy_special("lgamma", "gammaln"), 0.125, 32, 256, lambda x: (x - 1) * (x - 2), 1500
)
erfinv = tabulated(scipy_special("erfinv", "erfinv"), -0.96875, 0.96875, 1024, lambda x: x, 1500)


@compiled
def digamma(x: Array) -> Array:
    """The derivative of lgamma; NaN at negative integers, -inf at 0 (with its sign)."""
    y = _digamma(x if not is_half(x) else x.astype(F32))
    if type(y) is _ndarray and y.dtype is x.dtype and finite(y):  # no pole
        return y
    y = where(x == 0, np.copysign(np.asarray(np.inf, y.dtype), -x.astype(y.dtype)), y)
    return where((x < 0) & (x == np.floor(x)), y.dtype.type(np.nan), y).astype(x.dtype)


@compiled
def lgamma(x: Array) -> Array:
    """log |gamma(x)|."""
    y = _gammaln(x if not is_half(x) else x.astype(F32)).astype(x.dtype, copy=False)
    return y if type(y) is _ndarray and finite(y) else where(y == -np.inf, -y, y)


@compiled
def spherical_bessel_j0(x: Array) -> Array:
    """sin x / x; 1 at 0, 0 at infinity."""
    if type(x) is _ndarray:
        made = np.sin(x) / x
        if finite(made):
            return made
    safe = where((x == 0) | np.isinf(x), x.dtype.type(1), x)
    inner = where(x == 0, x.dtype.type(1), np.sin(safe) / safe)
    return where(np.isinf(x), x.dtype.type(0), inner)
