"""Normals of uniforms by Box-Muller, eight pairs at a time, to the last bit of PyTorch's kernels.

PyTorch runs Cephes' single-precision log, sin and cos eight at a time with AVX2, on every x86-64
machine (its AVX-512 build calls the AVX2 one), and the compiler fuses the Horner steps into FMAs.
Products of float32 numbers are exact in float64, so an FMA is: multiply and add in float64, store
to float32. The rare double rounding of that was checked away: radius, sin and cos equal PyTorch's
on all 2**24 uniforms that exist.
Source: S. Moshier, Cephes Mathematical Library, logf.c, sinf.c (coefficients and reductions).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .floats import cos_sin, fma32, fma64, libm
from .types import F32, F64, Array

__all__ = ["box_muller32", "box_muller64"]


def _constants(dtype: np.dtype[Any], *values: float) -> list[Array]:
    """float32 values as 0-d arrays, which NumPy combines with arrays quicker than its scalars."""
    return [np.array(np.float32(c), dtype) for c in values]


_LOG = _constants(
    F64, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
_LN2_LOW, _LN2_HIGH = _constants(F32, -2.12194440e-4, 0.693359375)
_SQRT_HALF, _HALF, _ONE, _MINUS_TWO = _constants(F32, 0.707106781186547524, 0.5, 1, -2)
_MINUS_HALF, _ZERO = _constants(F32, -0.5, 0)
_FOUR_OVER_PI, _TWO_PI32 = _constants(F32, 1.27323954473516, 2 * math.pi)
_PI_OVER_4 = _constants(F64, -0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS_SIN = [
    np.array([c, s], F32).astype(F64).reshape(2, 1, 1) for c, s in zip(_COS, _SIN, strict=True)
]
_BLOCK = 1024  # groups of 16 in one pass: 8192 pairs keep the buffers in the level-2 cache


def _fused(y: Array, x: Array, c: Array, narrow: Array) -> None:
    """y <- fma(y, x, c) for float64 arrays of float32 values; `narrow` <- the same in float32."""
    np.multiply(y, x, y)
    np.add(y, c, y)
    narrow[...] = y
    y[...] = narrow


def _horner(x: Array, coefficients: Sequence[Array], y: Array, narrow: Array) -> None:
    """y, narrow <- a float32 polynomial at `x` by fused steps, highest coefficient first."""
    y[...] = coefficients[0]
    for c in coefficients[1:]:
        _fused(y, x, c, narrow)


def _radius(u: Array) -> Array:
    """sqrt(-2 log u) for float32 u in (0, 1].

    u = m 2**e with m in [sqrt(1/2), sqrt(2)); log u = e log 2 + log(1 + (m - 1)), a polynomial.
    """
    m, exponent = np.frexp(u)
    low = m < _SQRT_HALF
    exponent -= low
    x = m - _ONE
    m *= low
    x += m
    e = exponent.astype(F32)
    wide, t = x.astype(F64), np.empty(x.shape, F64)
    y = np.empty_like(x)
    _horner(wide, _LOG, t, y)
    y *= x
    z = x * x
    t[...] = y
    wide[...] = z
    _fused(t, wide, e * _LN2_LOW, y)
    z *= _HALF
    y -= z
    x += y
    e *= _LN2_HIGH
    x += e
    x *= _MINUS_TWO
    np.sqrt(x, out=x)
    return x


def _cos_sin32(u: Array) -> Array:
    """cos and sin of 2 pi u for float32 u in [0, 1), of two dimensions.

    The angle comes into [-pi/4, pi/4] by subtracting j pi/4 in three parts, j even; bits of j
    say which polynomial is which function, and the signs.
    """
    x = u * _TWO_PI32
    j = (x * _FOUR_OVER_PI).astype(np.int32)
    j += 1
    j &= -2
    wide, t = j.astype(F64), x.astype(F64)
    for part in _PI_OVER_4:
        t += wide * part
        x[...] = t
        t[...] = x
    both = _cos_sin_parts(x)
    cos, sin = both.view(np.int32)
    swap = cos ^ sin
    swap &= -((j >> 1) & 1)
    cos ^= swap
    sin ^= swap
    sin ^= (j & 4) << 29
    j += 2
    cos ^= (j & 4) << 29
    return both


def _cos_sin_parts(x: Array) -> Array:
    """cos x and sin x for float32 x in [-pi/4, pi/4], one after the other."""
    z = x * x
    both = np.empty((2, *x.shape), F32)
    y, factor, rest = (np.empty(both.shape, F64) for _ in range(3))
    _horner(z.astype(F64), _COS_SIN, y, both)
    both *= z
    y[...] = both
    factor[0], factor[1] = z, x
    z *= _MINUS_HALF
    rest[0], rest[1] = z, x
    _fused(y, factor, rest, both)
    both[0] += _ONE
    return both


def box_muller32(u: Array, mean: float, std: float) -> Array:
    """float32 normals from flat float32 uniforms (a multiple of 16), in place, block by block.

    In a group of 16, uniform k and uniform k + 8 make normal k (cosine) and k + 8 (sine).
    """
    groups = u.reshape(-1, 2, 8)
    for start in range(0, len(groups), _BLOCK):
        block = groups[start : start + _BLOCK]
        radius = _radius(_ONE - block[:, 0])
        cos, sin = _cos_sin32(block[:, 1])
        np.multiply(radius, cos, out=block[:, 0])
        np.multiply(radius, sin, out=block[:, 1])
    if mean == 0.0 and std == 1.0:
        u += _ZERO  # PyTorch scales here too, by an FMA, which makes +0 of -0
        return u
    with np.errstate(over="ignore", invalid="ignore"):
        fma32(u, float(np.float32(std)), float(np.float32(mean)))
    return u


def box_muller64(u: Array, mean: float, std: float) -> Array:
    """float64 normals from flat float64 uniforms, as `box_muller32`, by the C library."""
    groups = u.reshape(-1, 2, 8)
    radius = np.sqrt(-2.0 * libm(math.log, 1.0 - groups[:, 0]))
    cos, sin = cos_sin((2.0 * math.pi) * groups[:, 1])
    np.multiply(radius, cos, out=groups[:, 0])
    np.multiply(radius, sin, out=groups[:, 1])
    return fma64(u, std, mean)
