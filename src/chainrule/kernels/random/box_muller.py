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

import numpy as np

from .floats import cos_sin, fma32, fma64, libm
from .types import F32, F64, Array

__all__ = ["box_muller32", "box_muller64"]


_LOG = tuple(float(np.float32(c)) for c in (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1))  # fmt: skip
_LN2_LOW, _LN2_HIGH = np.float32(-2.12194440e-4), np.float32(0.693359375)
_SQRT_HALF, _HALF, _ONE = np.float32(0.707106781186547524), np.float32(0.5), np.float32(1)
_FOUR_OVER_PI, _TWO_PI32 = np.float32(1.27323954473516), np.float32(2 * math.pi)
_PI_OVER_4 = tuple(float(np.float32(c)) for c in (
    -0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8))  # fmt: skip
_COS = tuple(float(np.float32(c)) for c in (
    2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2))  # fmt: skip
_SIN = tuple(float(np.float32(c)) for c in (
    -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))  # fmt: skip
_BLOCK = 1024  # groups of 16 in one pass: 8192 pairs keep the buffers in the level-2 cache


def _fused(y: Array, x: Array, c: Array | float, t: Array) -> None:
    """y <- fma(y, x, c): y float32, x and the scratch t float64, c float32 values."""
    np.multiply(y, x, out=t)
    t += c
    y[...] = t


def _horner(x: Array, coefficients: Sequence[float], t: Array) -> Array:
    """A float32 polynomial by fused steps, highest coefficient first; x and scratch t float64."""
    np.multiply(x, coefficients[0], out=t)
    t += coefficients[1]
    y = t.astype(F32)
    for c in coefficients[2:]:
        _fused(y, x, c, t)
    return y


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
    y = _horner(wide, _LOG, t)
    y *= x
    z = x * x
    wide[...] = z
    _fused(y, wide, e * _LN2_LOW, t)
    z *= _HALF
    y -= z
    x += y
    e *= _LN2_HIGH
    x += e
    x *= np.float32(-2)
    return np.sqrt(x, out=x)


def _cos_sin32(u: Array) -> tuple[Array, Array]:
    """cos and sin of 2 pi u for float32 u in [0, 1).

    The angle comes into [-pi/4, pi/4] by subtracting j pi/4 in three parts, j even; bits of j
    say which polynomial is which function, and the signs.
    """
    x = u * _TWO_PI32
    j = (x * _FOUR_OVER_PI).astype(np.int32)
    j += 1
    j &= -2
    wide = j.astype(F64)
    t = np.empty_like(wide)
    for part in _PI_OVER_4:
        np.multiply(wide, part, out=t)
        t += x
        x[...] = t
    c, s = _cos_sin_parts(x, wide, t)
    cos, sin = c.view(np.int32), s.view(np.int32)
    swap = cos ^ sin
    swap &= -((j >> 1) & 1)
    cos ^= swap
    sin ^= swap
    sin ^= (j & 4) << 29
    j += 2
    cos ^= (j & 4) << 29
    return c, s


def _cos_sin_parts(x: Array, wide: Array, t: Array) -> tuple[Array, Array]:
    """cos x and sin x for float32 x in [-pi/4, pi/4]; wide and t are float64 scratch."""
    z = x * x
    wide[...] = z
    c, s = _horner(wide, _COS, t), _horner(wide, _SIN, t)
    c *= z
    s *= z
    z *= -_HALF
    _fused(c, wide, z, t)
    c += _ONE
    wide[...] = x
    _fused(s, wide, x, t)
    return c, s


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
        u += np.float32(0)  # PyTorch scales here too, by an FMA, which makes +0 of -0
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
