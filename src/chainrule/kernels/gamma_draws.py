"""Draws of gamma, Dirichlet and binomial numbers, and how gamma and beta numbers move with their
parameters.

What lives here: PyTorch's CPU numbers for `_standard_gamma`, `_sample_dirichlet` and `binomial`
(each takes as many uniforms and normals as its rejections need, so elements are drawn one by one,
in memory order), and the implicit derivatives `gamma_grad` and `beta_grad`.
Who may call: `ops/gamma_draws`. Where a value goes: ndarray in, ndarray of the same dtype out.

A number x with distribution function F(x; a) moves with a along its quantile: dx/da = -(dF/da)/F'.
PyTorch fits polynomials to this (errors up to 1e-3); here the integral is evaluated, to about
1e-12. The integrand is kept positive by taking the tail of x's own side.
Source: Figurnov, Mohamed, Mnih, "Implicit reparameterization gradients", 2018; Jankowiak,
Obermeyer, "Pathwise derivatives beyond the reparameterization trick", 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .random import F64, MersenneTwister, cast
from .tables import digamma

Array: TypeAlias = np.ndarray[Any, Any]

# PyTorch computes in double with these three written in single precision.
_THIRD, _SQUEEZE = float(np.float32(1) / np.float32(3)), float(np.float32(0.0331))
_SMALL = 1e-300

# ---------------------------------------------------------------- draws


def _normal(engine: MersenneTwister) -> float:
    """One float64 normal, from the engine's cache of the spare one of each pair."""
    kept = engine._normal
    if kept is not None:
        engine._normal = None
        return kept
    u1, u2 = engine._double(), engine._double()
    radius, angle = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
    engine._normal = radius * math.sin(angle)
    return radius * math.cos(angle)


def _single(x: float) -> float:
    return float(np.float32(x))


def _gamma(engine: MersenneTwister, a: float, to: Callable[[float], float] = float) -> float:
    """One gamma number of shape a: squeeze and rejection; below 1 a power of a uniform times one of
    shape a + 1. What depends on a alone is rounded by `to`, as PyTorch computes it.

    Source: Marsaglia, Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000.
    """
    scale = 1.0
    if a < 1.0:
        if a == 0.0:
            return 0.0
        scale = _power(1.0 - engine._double(), to(1.0 / a))
        a = to(a + 1.0)
    d = to(a - _THIRD)
    if math.isnan(d) or d <= 0.0 or math.isinf(d):
        return math.nan if not math.isinf(d) else d
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        y = 0.0
        while y <= 0.0:
            x = _normal(engine)
            y = 1.0 + c * x
        v = y * y * y
        u = 1.0 - engine._double()
        xx = x * x
        if u < 1.0 - _SQUEEZE * xx * xx:
            return scale * d * v
        if math.log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


def _power(u: float, exponent: float) -> float:
    try:
        return math.pow(u, exponent)
    except OverflowError:  # the exponent is negative: PyTorch gives inf
        return math.inf


def standard_gamma(engine: MersenneTwister, alpha: Array) -> Array:
    """Gamma numbers of rate 1 and the given shapes, at least the dtype's smallest normal."""
    to = float if alpha.dtype == F64 else _single
    drawn = [_gamma(engine, a, to) for a in alpha.astype(F64).ravel().tolist()]
    made = cast(np.array(drawn, F64), alpha.dtype).reshape(alpha.shape)
    tiny = np.finfo(alpha.dtype).tiny
    return np.where(made > tiny, made, tiny).astype(alpha.dtype)  # NaN becomes tiny too


def dirichlet(engine: MersenneTwister, alpha: Array) -> Array:
    """Dirichlet numbers along the last dimension: gamma numbers over their sum."""
    drawn = np.array([_gamma(engine, a) for a in alpha.astype(F64).ravel().tolist()], F64)
    drawn = drawn.reshape(alpha.shape)
    tiny = np.finfo(alpha.dtype).tiny
    almost_one = np.nextafter(alpha.dtype.type(1), alpha.dtype.type(0))
    made = cast(drawn / drawn.sum(-1, keepdims=True), alpha.dtype)
    return np.clip(made, tiny, almost_one)


def binomial(engine: MersenneTwister, count: Array, prob: Array) -> Array:
    """Numbers of successes in `count` trials of probability `prob`, arrays of one shape."""
    pairs = zip(count.astype(F64).ravel().tolist(), prob.astype(F64).ravel().tolist(), strict=True)
    drawn = [_binomial(engine, n, p) for n, p in pairs]
    return cast(np.array(drawn, F64), count.dtype).reshape(count.shape)


def _binomial(engine: MersenneTwister, n: float, p: float) -> float:
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if math.isnan(n) or math.isnan(p):
        return math.nan
    if p > 0.5:
        return n - _binomial_half(engine, n, 1.0 - p)
    return _binomial_half(engine, n, p)


def _binomial_half(engine: MersenneTwister, n: float, p: float) -> float:
    if n * p >= 10.0:
        return _transformed_rejection(engine, n, p)
    scale, passed, successes = math.log1p(-p), 0.0, 0  # waiting times between successes
    while True:
        u = engine._double()
        passed += math.ceil(math.log(u) / scale) if u > 0.0 else math.inf
        if passed > n:
            return float(successes)
        successes += 1


def _transformed_rejection(engine: MersenneTwister, n: float, p: float) -> float:
    """Hoermann's BTRS; the constants are the paper's.

    Source: W. Hoermann, "The generation of binomial random variates", J. Stat. Comput. Simul. 46,
    1993.
    """
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c, v_r, ratio = n * p + 0.5, 0.92 - 4.2 / b, p / (1.0 - p)
    alpha, m = (2.83 + 5.1 / b) * spread, math.floor((n + 1.0) * p)
    while True:
        u, v = engine._double() - 0.5, engine._double()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = math.floor((2.0 * a / us + b) * u + c)
        if us >= 0.07 and v <= v_r:
            return float(k)
        if k < 0 or k > n:
            continue
        v = v * alpha / (a / (us * us) + b)
        bound = (
            (m + 0.5) * math.log((m + 1.0) / (ratio * (n - m + 1.0)))
            + (n + 1.0) * math.log((n - m + 1.0) / (n - k + 1.0))
            + (k + 0.5) * math.log(ratio * (n - k + 1.0) / (k + 1.0))
            + (_stirling_tail(m) + _stirling_tail(n - m))
            - (_stirling_tail(k) + _stirling_tail(n - k))
        )
        if v == 0.0 or math.log(v) <= bound:
            return float(k)


def _stirling_tail(k: float) -> float:
    """log k! less the main terms of Stirling's formula; exact below 10."""
    if k <= 9:
        main = (k + 0.5) * math.log(k + 1.0) - (k + 1.0) + 0.5 * math.log(2.0 * math.pi)
        return math.lgamma(k + 1.0) - main
    square = (k + 1.0) * (k + 1.0)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1.0)


# ---------------------------------------------------------------- integrals over half a line

# Nodes v = exp(t - exp(-t)) of the double exponential rule: dense near 0, far out for large v.
_STEP = 0.05
_T = np.arange(-4.0, 8.0, _STEP)
_NODES = np.exp(_T - np.exp(-_T))
_WEIGHTS = _NODES * (1.0 + np.exp(-_T)) * _STEP


def _half_line(f: Callable[..., Array], scale: Array, *args: Array) -> Array:
    """The integral of f(v, *args) over v in (0, inf) for flat arrays; f decays over about `scale`.

    Source: Takahasi, Mori, "Double exponential formulas for numerical integration", 1974.
    """
    made = np.empty(scale.shape, F64)
    for start in range(0, scale.size, 512):
        part = slice(start, start + 512)
        s = scale[part, None]
        values = f(_NODES * s, *[a[part, None] for a in args])
        made[part] = (np.where(np.isfinite(values), values, 0.0) @ _WEIGHTS) * scale[part]
    return made


def _in_parts(choice: list[tuple[Array, Callable[..., Array]]], *args: Array) -> Array:
    """Each function where its condition holds, first come first served; NaN elsewhere."""
    made = np.full(args[0].shape, np.nan)
    free = np.ones(args[0].shape, bool)
    for condition, function in choice:
        here = free & condition
        if here.any():
            made[here] = function(*[a[here] for a in args])
        free &= ~condition
    return made


def _floating(*arrays: Array) -> Any:
    dtype = np.result_type(*arrays)
    return dtype if dtype.kind == "f" else np.dtype(np.float32)


# ---------------------------------------------------------------- gamma


def gamma_grad(alpha: Array, x: Array) -> Array:
    """d x / d alpha of a gamma number x of shape alpha and rate 1."""
    dtype = _floating(alpha, x)
    a, z = (np.asarray(v, F64).ravel() for v in np.broadcast_arrays(alpha, x))
    good = (a > 0) & (z > 0) & np.isfinite(a) & np.isfinite(z)
    made = _in_parts(
        [
            (good & (a < 16) & (z <= a + 1), _gamma_series),
            (good & (z > a - 0.5), _gamma_above),
            (good, _gamma_below),
            (z == 0, lambda a, x: np.zeros(a.shape)),
        ],
        a, z,
    )  # fmt: skip
    return made.reshape(np.broadcast_shapes(np.shape(alpha), np.shape(x))).astype(dtype)


def _gamma_series(a: Array, x: Array) -> Array:
    """Term by term from P(a, x) = x^a e^-x sum_n x^n / gamma(a + n + 1)."""
    term, psi = 1.0 / a, digamma(a) + 1.0 / a
    log_x = np.log(x)
    total = term * (log_x - psi)
    for n in range(1, 400):
        term = term * x / (a + n)
        psi = psi + 1.0 / (a + n)
        total = total + term * (log_x - psi)
        if (term * (psi + 1.0 + abs(log_x)) <= 1e-17 * abs(total)).all():
            break
    return -x * total  # type: ignore[no-any-return]


def _gamma_above(a: Array, x: Array) -> Array:
    """From the upper tail: the integral of (1 + s/x)^(a-1) e^-s (log(x + s) - psi(a)) ds."""

    def f(s: Array, a: Array, x: Array, gap: Array) -> Array:
        log = np.log1p(s / x)
        return np.exp((a - 1.0) * log - s) * (gap + log)  # type: ignore[no-any-return]

    scale = 1.0 / (1.0 - np.minimum((a - 1.0) / x, 1.0) + 1.0 / np.sqrt(x + 1.0))
    return _half_line(f, scale, a, x, np.log(x) - digamma(a))


def _gamma_below(a: Array, x: Array) -> Array:
    """From the lower tail, with t = x e^-v."""

    def f(v: Array, a: Array, x: Array, gap: Array) -> Array:
        return np.exp(-a * v - x * np.expm1(-v)) * (gap + v)  # type: ignore[no-any-return]

    scale = 1.0 / (np.maximum(a - x, 0.0) + np.sqrt(a))
    return x * _half_line(f, scale, a, x, digamma(a) - np.log(x))


# ---------------------------------------------------------------- beta


def beta_grad(x: Array, alpha: Array, total: Array) -> Array:
    """(d x / d alpha) / (1 - x) of a beta number x with parameters alpha and total - alpha, the
    second one held; elementwise over arrays that broadcast."""
    dtype = _floating(x, alpha, total)
    parts = np.broadcast_arrays(x, alpha, total)
    z, a, both = (np.asarray(v, F64).ravel() for v in parts)
    b = both - a
    good = (a > 0) & (b > 0) & (z > 0) & (z < 1)
    gap = np.where(good, digamma(np.where(good, a, 1.0)) - digamma(np.where(good, both, 1.0)), 0.0)
    low = np.where(good, np.log(np.where(good, z, 0.5)), 0.0) < gap
    tiny, full = (a < 1) & (z * (1 + b) < 1), (b < 1) & ((1 - z) * (1 + a) < 1)
    made = _in_parts(
        [
            (good & tiny, _beta_below),
            (good & full, _beta_above),
            (good & low, _beta_below),
            (good, _beta_above),
            (z <= 0, lambda *args: np.zeros(args[0].shape)),
        ],
        z, a, b, gap,
    )  # fmt: skip
    return made.reshape(parts[0].shape).astype(dtype)


def _beta_below(x: Array, a: Array, b: Array, gap: Array) -> Array:
    """From the lower tail, with t = x e^-v; the factor x / (1 - x) is left for the end."""
    odds = x / (1.0 - x)

    def f(v: Array, a: Array, b: Array, odds: Array, lead: Array) -> Array:
        made: Any = np.exp(-a * v + (b - 1.0) * np.log1p(-odds * np.expm1(-v))) * (lead + v)
        return made  # type: ignore[no-any-return]

    steep = np.maximum(a - (b - 1.0) * odds, 0.0) + np.sqrt(a * (1.0 + odds))
    steep = np.where(a < 1.0, a, steep)
    return odds * _half_line(f, 1.0 / steep, a, b, odds, gap - np.log(x))


def _beta_above(x: Array, a: Array, b: Array, gap: Array) -> Array:
    """From the upper tail, with 1 - t = (1 - x) e^-v."""
    odds = (1.0 - x) / x

    def f(v: Array, a: Array, b: Array, odds: Array, lead: Array) -> Array:
        log = np.log1p(-odds * np.expm1(-v))
        return np.exp(-b * v + (a - 1.0) * log) * (lead + log)  # type: ignore[no-any-return]

    steep = np.maximum(b - (a - 1.0) * odds, 0.0) + np.sqrt(b * (1.0 + odds))
    steep = np.where(b < 1.0, b, steep)
    return _half_line(f, 1.0 / steep, a, b, odds, np.log(x) - gap)
