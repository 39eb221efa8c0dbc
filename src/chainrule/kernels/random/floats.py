"""Float arithmetic that rounds as PyTorch's compiled kernels do: casts, the C library, one FMA."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .types import C128, F32, F64, Array, DType, facts

__all__ = ["c_exp", "c_log", "cast", "cos_sin", "fma32", "fma64", "guarded", "libm"]


def cast(x: Array, dtype: DType) -> Array:
    """`x` as `dtype`; 16-bit floats go through float32, as C++'s conversions do (two roundings)."""
    if x.dtype == dtype:
        return x
    if x.dtype.kind == "b":
        return x.astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(F32).astype(dtype) if facts(dtype).reduced else x.astype(dtype)


def libm(function: Callable[[float], float], x: Array) -> Array:
    """The C library's `function` at each float64 of `x`, about 55 ns each.

    NumPy's own float64 loops are vectorised and differ from the C library in the last bit for up
    to 8% of arguments; PyTorch calls the C library, and `math` is the way to it from Python.
    """
    return np.fromiter(map(function, x.ravel().tolist()), F64, x.size).reshape(x.shape)


def c_log(x: float) -> float:
    """The C library's log, where Python's raises an exception for 0."""
    return math.log(x) if x > 0.0 else -math.inf


def c_exp(x: float) -> float:
    """The C library's exp, where Python's raises an exception for what overflows."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def cos_sin(theta: Array) -> tuple[Array, Array]:
    """The C library's cos and sin; cexp(0 + i t) reaches them in a compiled loop (4x `libm`)."""
    unit = np.zeros(theta.shape, C128)
    unit.imag = theta
    np.exp(unit, out=unit)
    return unit.real, unit.imag


def guarded(
    fast: np.ufunc, exact: Callable[[float], float], x: Array, then: Callable[[Array], Array]
) -> Array:
    """then(exact(x)) for a monotone `then` that rounds, mostly without calling `exact`.

    NumPy's `fast` is within 4 units in the last place. Where `then` gives one result at both ends
    of an interval twice as wide, that is the result; the few other places call the C library.
    """
    with np.errstate(divide="ignore"):
        y = fast(x)
    result, other = then(y * (1.0 - 2.0**-50)), then(y * (1.0 + 2.0**-50))
    doubt = np.flatnonzero(result != other)
    if doubt.size:
        result[doubt] = then(libm(exact, x[doubt]))
    return result


def _round_to_odd(s: Array, error: Array) -> Array:
    """Move each inexact float64 `s` with an even last bit one step towards the exact s + error.

    A later rounding to fewer bits is then correct (no double rounding).
    Source: Boldo & Melquiond, "Emulation of FMA and correctly rounded sums", IEEE TC 57(4), 2008.
    """
    bits = s.view(np.int64)
    step = np.where((error > 0) == (s > 0), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(F64)


def _two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """s = fl(a + b) and the exact error (Knuth's branch-free form)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Array) -> tuple[Array, Array]:
    """a as a sum of two 26-bit halves (Veltkamp)."""
    c = a * 134217729.0
    high = c - (c - a)
    return high, a - high


def fma64(a: Array, b: float, c: float) -> Array:
    """a * b + c with one rounding, in float64, without the hardware FMA NumPy does not offer.

    The product is split exactly (Dekker) and the three terms summed with round-to-odd.
    Source: Boldo & Melquiond 2008, algorithm Fma; exact barring overflow and underflow.
    """
    product = a * b
    if c == 0.0 or b == 1.0 or not (math.isfinite(b) and math.isfinite(c)):
        return product + c
    if max(abs(b), abs(c)) > 1e280:  # the split would overflow
        return fma64(a, b * 2.0**-128, c * 2.0**-128) * 2.0**128
    a1, a2 = _split(a)
    b1, b2 = (float(v) for v in _split(np.asarray(b, F64)))
    low = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2
    t, t_low = _two_sum(low, c)
    v, v_low = _two_sum(product, t)
    return np.asarray(v + _round_to_odd(*_two_sum(t_low, v_low)))


def fma32(a: Array, b: float, c: float) -> None:
    """a <- a * b + c with one rounding, for flat float32 `a` and float32 values b and c.

    float64 holds the product exactly; the sum is rounded twice, which shows only when the first
    rounding lands on a midpoint of float32, and is repaired there. Blocks stay in the cache.
    """
    for start in range(0, a.size, 16384):
        block = a[start : start + 16384]
        product = block.astype(F64)
        product *= b
        s = product + c
        midpoint = (s.view(np.int64) & 0x1FFFFFFF) == 0x10000000
        if midpoint.any():
            s = np.where(midpoint, _round_to_odd(s, _two_sum(product, c)[1]), s)
        block[...] = s
