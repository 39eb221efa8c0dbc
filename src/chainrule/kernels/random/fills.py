"""Draws written to the memory of an array, from the words of NumPy's MT19937.

The compiled functions have a twin in C (`native/random.c`) that works on the same state, so that
the two may take turns. `out` is a float32 or float64 array (of `integers` int64), best in C order;
arguments were checked by the classes of the other files, which call these.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import compiled
from .box_muller import box_muller32, box_muller64
from .checks import check_weights, fail
from .floats import c_log, cast, cos_sin, fma32, fma64, guarded, libm
from .types import F32, F64, I64, INT64_MIN, Array

if TYPE_CHECKING:
    from numpy.random import MT19937
    from numpy.typing import NDArray


__all__ = [
    "bernoulli",
    "exponential",
    "integers",
    "normal_groups",
    "normal_pairs",
    "poisson",
    "races",
    "sample",
    "uniform",
    "uniform24",
    "uniform53",
    "words64",
]

# 0-d arrays, which NumPy combines with arrays quicker than numbers
_LOW_24, _UNIT_24 = np.array(0xFFFFFF, np.int32), np.array(2.0**-24, F32)
_LOW_53, _UNIT_53 = np.array(0x1FFFFFFFFFFFFF, np.uint64), np.array(2.0**-53)
_HALF_WORD = np.array(32, np.uint64)


def words64(bits: MT19937, n: int) -> NDArray[np.uint64]:
    """n 64-bit words, each of two 32-bit ones, high word first."""
    raw: NDArray[np.uint64] = bits.random_raw(2 * n)
    pairs = raw.reshape(n, 2)
    words = pairs[:, 0] << _HALF_WORD
    words |= pairs[:, 1]
    return words


def uniform24(bits: MT19937, n: int) -> Array:
    """n float32 multiples of 2**-24 in [0, 1): the low 24 bits of a word each."""
    words = bits.random_raw(n).astype(np.int32)
    words &= _LOW_24
    u = words.astype(F32)
    u *= _UNIT_24
    return u


def uniform53(bits: MT19937, n: int) -> Array:
    """n float64 multiples of 2**-53 in [0, 1): the low 53 bits of a 64-bit word each."""
    words = words64(bits, n)
    words &= _LOW_53
    u = words.view(I64).astype(F64)
    u *= _UNIT_53
    return u


@compiled
def uniform(bits: MT19937, out: Array, low: float, high: float) -> None:
    """low + (high - low) u in one FMA; float64 takes two words a number, float32 one."""
    number = out.dtype.type
    if out.dtype == F64:
        u = uniform53(bits, out.size)
        if low != 0.0 or high != 1.0:
            u = fma64(u, high - low, low)
    else:
        u, start = uniform24(bits, out.size), np.float32(low)
        if low != 0.0 or high != 1.0:
            fma32(u, float(np.float32(high) - start), float(start))
    np.putmask(u, u == number(high), number(low))  # rounding may have reached the excluded end
    out[...] = u.reshape(out.shape)


@compiled
def bernoulli(bits: MT19937, out: Array, p: float | Array, one: float) -> None:
    """`one` where u < p, else 0; float32 chances are compared with uniforms of 24 bits."""
    if isinstance(p, np.ndarray) and not ((p >= 0) & (p <= 1)).all():
        fail(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
            "message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    if isinstance(p, np.ndarray) and p.dtype == F32:
        u = uniform24(bits, out.size)
    else:
        u = uniform53(bits, out.size)
    np.multiply(u.reshape(out.shape) < p, out.dtype.type(one), out, casting="unsafe")


@compiled
def integers(bits: MT19937, out: Array, low: int, span: int) -> None:
    """word % span + low, wrapped to int64; from a span of 2**28 on the words have 64 bits."""
    if span >= 1 << 28:
        wide = words64(bits, out.size)
        wide %= np.uint64(span)
        value = wide.view(I64)
    else:
        words = bits.random_raw(out.size).astype(np.uint32)
        words %= np.uint32(span)
        value = words.astype(I64)
    if low:
        value += low
    out[...] = value.reshape(out.shape)


@compiled
def exponential(bits: MT19937, out: Array, lambd: float) -> None:
    """-log1p(-u) / lambd, in float64."""
    x, factor, dtype = -uniform53(bits, out.size), -1.0 / lambd, out.dtype
    if dtype == F64 or out.size < 64:
        x = cast(factor * libm(math.log1p, x), dtype)
    else:
        x = guarded(np.log1p, math.log1p, x, lambda y: cast(factor * y, dtype))
    out[...] = x.reshape(out.shape)


@compiled
def sample(bits: MT19937, weights: Array, n: int) -> NDArray[np.int64]:
    """Places drawn without replacement with these float32 weights (or rows of them)."""
    check_weights(weights)
    exponentials = np.empty(weights.shape, F32)
    exponential(bits, exponentials, 1.0)
    return races(weights, exponentials, n)


def races(weights: Array, exponentials: Array, n: int) -> NDArray[np.int64]:
    """The places of the n largest of weights / exponential numbers, the largest first."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        scores = np.divide(weights, exponentials).astype(weights.dtype).astype(F64)
    if n == 1:
        return np.asarray(scores.argmax(-1, keepdims=True))
    return np.argsort(-scores, axis=-1, kind="stable")[..., :n].copy()


@compiled
def normal_groups(bits: MT19937, out: Array, mean: float, std: float) -> None:
    """16 normals or more, in groups of 16 of as many uniforms in the precision of `out`; a last
    incomplete group is covered by drawing the last 16 again."""
    n = out.size
    tail = n % 16
    wide = out.dtype == F64
    u = (uniform53 if wide else uniform24)(bits, n + 16 if tail else n)
    if tail:
        u = np.concatenate((u[: n - tail], u[n:]))
    x = (box_muller64 if wide else box_muller32)(u, mean, std)
    if tail:
        x = np.concatenate((x[: n - 16], x[n - tail :]))
    out[...] = x.reshape(out.shape)


@compiled
def normal_pairs(
    bits: MT19937, out: Array, mean: float, std: float, spare: float | None
) -> float | None:
    """Normals in float64 two at a time, beginning with `spare` if there is one; returns the one
    that is left over."""
    x = np.empty(out.size, F64)
    start = 0
    if spare is not None and out.size:
        x[0], spare, start = spare, None, 1
    need = out.size - start
    if need:
        pairs = _pairs(bits, (need + 1) // 2)
        x[start:] = pairs[:need]
        if need % 2:
            spare = float(pairs[-1])
    if mean != 0.0 or std != 1.0:
        x = fma64(x, std, mean)
    with np.errstate(over="ignore"):
        out[...] = x.reshape(out.shape)
    return spare


def _pairs(bits: MT19937, n: int) -> Array:
    """2n standard normals: r cos, r sin with r = sqrt(-2 log1p(-u2)), angle 2 pi u1."""
    u = uniform53(bits, 2 * n).reshape(n, 2)
    if n <= 8:  # Python floats beat ufunc calls here
        few: list[float] = []
        for u1, u2 in u.tolist():
            radius, angle = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
            few += (radius * math.cos(angle), radius * math.sin(angle))
        return np.array(few)
    x = np.empty((n, 2), F64)
    radii = np.sqrt(-2.0 * libm(math.log1p, -u[:, 1]))
    cos, sin = cos_sin((2.0 * math.pi) * u[:, 0])
    np.multiply(radii, cos, out=x[:, 0])
    np.multiply(radii, sin, out=x[:, 1])
    return x.ravel()


@compiled
def poisson(bits: MT19937, rates: Array) -> Array:
    """Poisson counts of each rate, in the dtype of `rates`.

    A count takes as many uniforms as it needs, so counts are drawn one by one (about 2 us each).
    Below rate 10 uniforms are multiplied up; from 10 on, transformed rejection.
    Source: W. Hoermann, "The transformed rejection method for generating Poisson random
    variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.
    """
    if not (rates >= 0).all():
        fail("invalid Poisson rate, expected rate to be non-negative")
    counts = [_poisson(bits, rate) for rate in rates.ravel().tolist()]
    return np.array(counts, rates.dtype).reshape(rates.shape)


def _double(bits: MT19937) -> float:
    """One float64 uniform as a Python float."""
    draw: Any = bits.random_raw
    high: int = draw() & 0x1FFFFF
    low: int = draw()
    return (high << 32 | low) * 2.0**-53


def _poisson(bits: MT19937, rate: float) -> int:
    if rate >= 10:
        return _poisson_large(bits, rate)
    if rate == 0:
        return 0
    limit, product, count = math.exp(-rate), _double(bits), 0
    while product > limit:
        count += 1
        product *= _double(bits)
    return count


def _poisson_large(bits: MT19937, rate: float) -> int:
    """Hoermann's PTRS; the constants are the paper's."""
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha, v_r = math.log(1.1239 + 1.1328 / (b - 3.4)), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = _double(bits) - 0.5, _double(bits)
        us = 0.5 - abs(u)
        x = (2 * a / us + b) * u + rate + 0.43 if us else -math.inf
        k = math.floor(x) if abs(x) < 2.0**63 else INT64_MIN  # as C converts
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        ratio = c_log(v) + log_inverse_alpha - math.log(a / (us * us) + b)
        if ratio <= -rate + k * log_rate - math.lgamma(k + 1.0):
            return k
