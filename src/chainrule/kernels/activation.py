"""Activation functions on arrays, NumPy scalars included: as few passes as the formula allows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import F32, F64, at_least, at_most, between, clip, number, typed
from .compiled import compiled
from .elementwise import sigmoid
from .masks import select
from .special import erf

__all__ = [
    "elu",
    "elu_back",
    "gelu",
    "gelu_back",
    "glu",
    "glu_back",
    "hardshrink",
    "hardsigmoid",
    "hardsigmoid_back",
    "hardswish",
    "hardswish_back",
    "hardtanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "mish_back",
    "prelu",
    "silu",
    "silu_back",
    "softplus",
    "softshrink",
    "threshold",
]

Array = Any
_ZERO = {np.dtype(name): np.zeros((), name) for name in ("float32", "float64")}  # quicker than 0
_HALF_ROOT = math.sqrt(0.5)
_INV_ROOT_2_PI = 1.0 / math.sqrt(2.0 * math.pi)
_TANH_SCALE, _CUBIC = math.sqrt(2.0 / math.pi), 0.044715
_HARD = {d: tuple(np.array(v, d) for v in (0.0, 3.0, 6.0)) for d in (F32, F64)}
FEW = 3000  # elements: below, np.where is as quick as arithmetic with the mask


def _limit(x: Array, value: float) -> Any:
    """A limit as a number of the kind of `x`: integers stay integers."""
    return int(value) if x.dtype.kind in "iu" else value


@compiled
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """x between the limits."""
    return between(x, _limit(x, min_val), _limit(x, max_val))


@compiled
def threshold(x: Array, threshold: float, value: float) -> Array:
    """x above the threshold, else `value`."""
    return select(x <= threshold, typed(value, x.dtype), x)  # NaN stays


@compiled
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """x, or slope x where x is negative."""
    if 0.0 <= negative_slope <= 1.0 and negative_slope:
        return np.maximum(x, x * number(negative_slope, x.dtype))  # two arrays: NumPy's vector loop
    return select(x > 0, x, x * negative_slope)


@compiled
def elu(x: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    """scale x, or scale alpha (exp(input_scale x) - 1) where x is negative: their sum."""
    dtype = x.dtype
    if dtype not in _ZERO or not x.ndim:
        high, low = np.maximum(x, 0), np.expm1(np.minimum(x, 0) * input_scale)
        return high * scale + low * (alpha * scale)
    if x.size > 500:
        high, low = at_least(x, 0.0), at_most(x, 0.0)
    else:
        high, low = np.maximum(x, _ZERO[dtype]), np.minimum(x, _ZERO[dtype])
    if input_scale != 1.0:
        low *= number(input_scale, dtype)
    np.expm1(low, low)
    if alpha * scale != 1.0:
        low *= number(alpha * scale, dtype)
    if scale != 1.0:
        high *= number(scale, dtype)
    high += low
    return high


@compiled
def elu_back(g: Array, x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    """The cotangent of `elu`."""
    low = np.exp(np.minimum(x, 0) * input_scale) * (alpha * scale * input_scale)
    return g * select(x <= 0, low, typed(scale, x.dtype))


@compiled
def gelu(x: Array, approximate: str = "none") -> Array:
    """x times the normal distribution function of x, or its tanh approximation."""
    if approximate == "none":
        y = erf(x * number(_HALF_ROOT, x.dtype))
    else:
        y = x * x
        y *= x
        y *= number(_CUBIC, x.dtype)
        y += x
        y *= number(_TANH_SCALE, x.dtype)
        y = np.tanh(y, out=y if y.ndim else None)
    y += number(1.0, x.dtype)
    y *= number(0.5, x.dtype) * x
    return y


@compiled
def gelu_back(g: Array, x: Array, approximate: str) -> Array:
    """The cotangent of `gelu`."""
    if approximate == "none":
        density = np.exp(-0.5 * (x * x)) * _INV_ROOT_2_PI
        return g * (0.5 * (1 + erf(x * _HALF_ROOT)) + x * density)
    t = np.tanh(_TANH_SCALE * (x + _CUBIC * (x * x * x)))
    inner = _TANH_SCALE + (3 * _CUBIC * _TANH_SCALE) * (x * x)
    return g * (0.5 * (1 + t) + (0.5 * x) * ((1 - t * t) * inner))


@compiled
def silu(x: Array) -> Array:
    """x sigmoid(x)."""
    if not x.ndim:
        return x / (1.0 + np.exp(-x))
    y = np.negative(x)
    np.exp(y, y)
    y += number(1.0, x.dtype)
    return np.divide(x, y, y)


@compiled
def silu_back(g: Array, x: Array) -> Array:
    """The cotangent of `silu`."""
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


@compiled
def log_sigmoid(x: Array) -> Array:
    """log(sigmoid(x)) without overflow."""
    return at_most(x, 0.0) - np.log1p(np.exp(-abs(x)))


@compiled
def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta x))/beta, and x where beta x is above the threshold."""
    z = x if beta == 1.0 else x * beta
    small = np.log1p(np.exp(at_most(z, threshold)))
    if beta == 1.0 and threshold >= 20.0 and x.dtype.itemsize == 4:
        return np.maximum(small, x)  # the two round to the same number at 20
    return select(z > threshold, x, small if beta == 1.0 else small / beta)


@compiled
def mish(x: Array) -> Array:
    """x tanh(softplus(x)): with e = exp(x) and n = e (e + 2), this is x n/(n + 2)."""
    e = np.exp(at_most(x, 20.0))
    two = number(2.0, x.dtype)
    n = e + two
    n *= e
    m = n + two
    n /= m
    n *= x
    return n


@compiled
def mish_back(g: Array, x: Array) -> Array:
    """The cotangent of `mish`."""
    e = np.exp(at_most(x, 20.0))
    n = e * (e + 2)
    t = n / (n + 2)
    return g * (t + x * (e / (1 + e)) * (1 - t * t))


@compiled
def hardsigmoid(x: Array) -> Array:
    """x/6 + 1/2 between 0 and 1."""
    zero, three, six = _HARD.get(x.dtype, (0.0, 3.0, 6.0))
    if not x.ndim:
        return clip(x + three, zero, six) / six
    y = x + three
    clip(y, zero, six, y)
    y /= six
    return y


@compiled
def hardsigmoid_back(g: Array, x: Array) -> Array:
    """The cotangent of `hardsigmoid`."""
    return select((x > -3) & (x < 3), g / 6, x.dtype.type(0))


@compiled
def hardswish(x: Array) -> Array:
    """x hardsigmoid(x)."""
    if not x.ndim or x.dtype.itemsize < 4:
        return x * between(x + 3.0, 0.0, 6.0) / 6.0
    zero, three, six = _HARD.get(x.dtype, (0.0, 3.0, 6.0))
    y = x + three
    clip(y, zero, six, y)
    y *= x
    y /= six
    return y


@compiled
def hardswish_back(g: Array, x: Array) -> Array:
    """The cotangent of `hardswish`."""
    return select(x <= -3, x.dtype.type(0), select(x < 3, g * (x / 3 + 0.5), g))


@compiled
def hardshrink(x: Array, lambd: float = 0.5) -> Array:
    """x, or 0 where |x| <= lambd."""
    if x.ndim and x.dtype in _ZERO and lambd >= 0:
        size = np.abs(x)
        over = size > number(lambd, x.dtype)
        made = np.multiply(x, over, size)  # NaN times False is NaN
        made += _ZERO[x.dtype]  # no -0.0
        return made
    return select(~(abs(x) <= lambd), x, x.dtype.type(0))  # NaN stays


@compiled
def softshrink(x: Array, lambd: float = 0.5) -> Array:
    """x moved towards 0 by lambd."""
    return x - between(x, -lambd, lambd)


@compiled
def prelu(a: Array, b: Array) -> Array:
    """a, or b a where a is not positive."""
    if a.size > FEW and a.dtype in _ZERO and b.size and b.min() > 0.0 and b.max() <= 1.0:
        return np.maximum(a, a * b)  # two arrays: NumPy's vector loop
    return select(a > number(0, a.dtype), a, a * b)


@compiled
def glu(x: Array, dim: int = -1) -> Array:
    """The first half along `dim` times the sigmoid of the second."""
    half = x.shape[dim] // 2
    lead = (slice(None),) * (dim % x.ndim)
    e = np.exp(-x[(*lead, slice(half, None))])
    e += number(1.0, x.dtype)
    return np.divide(x[(*lead, slice(half))], e, e)


@compiled
def glu_back(g: Array, x: Array, dim: int) -> Array:
    """The cotangent of `glu`."""
    a, b = np.split(x, 2, dim)
    s = sigmoid(b)
    return np.concatenate((g * s, g * (a * (s * (1 - s)))), dim)
