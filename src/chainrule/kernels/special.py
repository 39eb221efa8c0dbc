"""Special functions that PyTorch has without SciPy, on NumPy alone.

Lives here: `erf` and `erfc`. Few elements go one by one through the C library's own function (a
Python call costs 60 ns, the vector formula 15 us before its first element). More are computed by
rational approximations in float64 (a float32 `erfc` is correctly rounded), `erf` of float32 by a
polynomial and tanh in float32; block by block, so that the temporaries stay in the cache.

Source: W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969),
631-637: erf(x) = x R(x^2) for |x| <= 0.46875, erfc(x) = exp(-x^2) R(x) up to 4, and exp(-x^2)/x
(1/sqrt(pi) + R(1/x^2)/x^2) beyond. Relative error below 6e-19 before rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import tables
from .blocks import at_most, blocked_into
from .compiled import compiled
from .tables import tabulated

__all__ = ["erf", "erfc", "erfinv"]

Array = Any  # an ndarray or a NumPy scalar

FEW, FEW_32, BLOCK = 512, 120, 8192
NEAR, FAR = 0.46875, 4.0
BEYOND = 27.3  # erfc is 0 in float64
_INV_SQRT_PI = 5.6418958354775628695e-1

# numerator and denominator, the highest power first
_NEAR = (
    (
        1.85777706184603153e-1,
        3.16112374387056560,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (
        1.0,
        2.36012909523441209e1,
        2.44024637934444173e2,
        1.28261652607737228e3,
        2.84423683343917062e3,
    ),
)
_MIDDLE = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
_FAR = (
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242,
        1.87295284992346725,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)

# erf(x) = tanh(u(x)): weighted minimax fit of u(x)/x - 1 in x^2 up to x^2 = 15.6, where erf is 1 in
# float32; the highest power first, as 0-d float32 arrays, which NumPy combines with arrays quicker
# than Python's numbers. NumPy's tanh is a vector loop, and errors of u shrink on their way through.
_U_32 = [
    np.array(c, np.float32)
    for c in (
        -1.6406441439102342e-09,
        5.3913338044137725e-08,
        -5.150604150352794e-07,
        -1.8612371439727754e-06,
        7.64900437200761e-05,
        -0.0006036815644265433,
        -0.0002021515246887108,
        0.102771314910199,
        0.1283792023215233,
    )
]
_LIMIT_32 = 15.6


@compiled
def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; float32 or float64 in and out."""
    if x.dtype == np.float32 and x.size > FEW_32:
        return _erf_32(x)
    return _mapped(math.erf, _erf_block, x)


@compiled
def erfc(x: Array) -> Array:
    """1 - erf(x), accurate where erf(x) is near 1."""
    return _erfc_from_table(x)


def _erfc(x: Array) -> Array:
    return _mapped(math.erfc, _erfc_block, x)


_erfc_from_table = tabulated(_erfc, -6, 10, 512)


@compiled
def erfinv(x: Array) -> Array:
    """The y with erf(y) = x; infinite at -1 and 1, NaN beyond."""
    return tables.erfinv(x)


def _mapped(one: Callable[[float], float], block: Callable[[Any], Any], x: Array) -> Array:
    """`one` on each of few elements, `block` on blocks of many."""
    dtype = x.dtype
    if x.ndim == 0:
        made = dtype.type(one(float(x)))
        return made if type(x) is not np.ndarray else np.asarray(made)
    if x.size <= FEW:
        return np.array([one(v) for v in x.ravel().tolist()], dtype).reshape(x.shape)
    return _by_blocks(block, x, BLOCK, np.dtype(np.float64))


def _by_blocks(block: Callable[[Any], Any], x: Array, size: int, work: Any) -> Array:
    """`block` on pieces that stay in the cache, computed in the dtype `work`."""
    flat, out = x.reshape(-1), np.empty(x.size, x.dtype)
    for i in range(0, x.size, size):
        out[i : i + size] = block(flat[i : i + size].astype(work, copy=False))
    return out.reshape(x.shape)


def _horner(coefficients: Sequence[Any], x: Any) -> Any:
    """A polynomial at `x`, the highest power first, in one buffer."""
    y = x * coefficients[0]
    for c in coefficients[1:-1]:
        y += c
        y *= x
    y += coefficients[-1]
    return y


@blocked_into
def _erf_32(x: Any, out: Any) -> Any:
    """erf in float32 as tanh(x + x P(x^2)); error below 2.1 ulp."""
    z = np.multiply(x, x)
    at_most(z, _LIMIT_32, z)
    np.multiply(z, _U_32[0], out)
    for c in _U_32[1:-1]:
        np.add(out, c, out)
        np.multiply(out, z, out)
    np.add(out, _U_32[-1], out)
    np.multiply(out, x, out)
    np.add(out, x, out)
    return np.tanh(out, out)


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], x: Any) -> Any:
    """Numerator over denominator at `x`."""
    up = _horner(coefficients[0], x)
    up /= _horner(coefficients[1], x)
    return up


def _gauss(y: Any) -> Any:
    """exp(-y^2); y is split at 1/16 so that the rounding of y^2 is not blown up by exp."""
    head = np.trunc(y * 16.0) / 16.0
    return np.exp(-head * head) * np.exp(-(y - head) * (y + head))


def _complement(y: Any) -> Any:
    """erfc(y) for y > NEAR."""
    out = np.empty_like(y)
    middle = y <= FAR
    m = y[middle]
    out[middle] = _gauss(m) * _ratio(_MIDDLE, m)
    far = ~middle
    f = np.minimum(y[far], BEYOND)
    if f.size:
        z = 1.0 / (f * f)
        out[far] = _gauss(f) * ((_INV_SQRT_PI - z * _ratio(_FAR, z)) / f)
    return out


def _erf_block(x: Any) -> Any:
    near = np.abs(x) <= NEAR
    out = np.empty_like(x)
    z = x[near]
    out[near] = z * _ratio(_NEAR, z * z)
    away = ~near
    f = x[away]
    out[away] = np.copysign(1.0 - _complement(np.abs(f)), f)
    return out


def _erfc_block(x: Any) -> Any:
    near = np.abs(x) <= NEAR
    out = np.empty_like(x)
    z = x[near]
    out[near] = 1.0 - z * _ratio(_NEAR, z * z)
    away = ~near
    f = x[away]
    c = _complement(np.abs(f))
    out[away] = np.where(f < 0, 2.0 - c, c)
    return out
