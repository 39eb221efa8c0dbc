"""Fits the polynomials of native/fitted.h and prints that file.

Every polynomial is a weighted minimax fit: least squares on Chebyshev nodes, the weights moved
towards the largest errors until these are level (Lawson's iteration); then the coefficients are
rounded to float32 one after the other, the lowest power first, and those that are left are fitted
again, so that later ones take up the rounding of earlier ones.

Run: python tools/fit_polynomials.py > src/chainrule/kernels/native/fitted.h
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NODES, ROUNDS = 1000, 40
HALF_LOG_2 = math.log(2.0) / 2.0
ROOT = math.sqrt(2.0)


@dataclass(frozen=True)
class Fit:
    """p with value(x) = p(x) on [low, high]; an error counts as much as `weight` says, which turns
    it into the relative error of the function that the polynomial serves.
    """

    name: str
    comment: str
    degree: int
    low: float
    high: float
    value: Callable[[float], float]
    weight: Callable[[float], float]


def _series(x: float, start: int, terms: int = 30) -> float:
    """The sum of x^k/(k + start)! over k: what is left of exp(x) behind its first terms."""
    return math.fsum(x**k / math.factorial(k + start) for k in range(terms))


def _log_rest(f: float) -> float:
    """(log(1 + f) - f + f^2/2)/f^3, by its series where that is better."""
    if abs(f) < 0.05:
        return math.fsum((-f) ** k / (k + 3) for k in range(40))
    return (math.log1p(f) - f + f * f / 2) / f**3


def _log1p_rest(e: float) -> float:
    """(log(1 + e) - e)/e^2, by its series where that is better."""
    if e < 0.05:
        return -math.fsum((-e) ** k / (k + 2) for k in range(40))
    return (math.log1p(e) - e) / (e * e)


def _erfc_scaled(a: float) -> float:
    """exp(a^2) erfc(a)."""
    if a < 5.0:
        return math.exp(a * a) * math.erfc(a)
    rest = 0.0  # the continued fraction, from its end
    for k in range(120, 0, -1):
        rest = (k / 2) / (a + rest)
    return 1.0 / (math.sqrt(math.pi) * (a + rest))


def _erf_exponent(a: float) -> float:
    """-log(erfc(a))/a - 1."""
    return (-math.log1p(-math.erf(a)) if a < 1 else -math.log(math.erfc(a))) / a - 1.0


def _erfinv(w: float) -> tuple[float, float]:
    """x and erfinv(x) for w = -log(1 - x^2), by Newton's method on erfc."""
    x = math.sqrt(-math.expm1(-w))
    rest = math.exp(-w) / (1.0 + x)  # 1 - x
    y = math.sqrt(max(w - 0.5 * math.log(math.pi * max(w, 0.4)), 1e-3)) if w > 1 else 0.886 * x
    for _ in range(60):
        away = (math.erf(y) - x) if y < 1 else (rest - math.erfc(y))
        step = away * math.sqrt(math.pi) / 2 * math.exp(y * y)
        y -= max(min(step, 0.3), -0.3)
    return x, y


def _erfinv_ratio(w: float) -> float:
    x, y = _erfinv(w)
    return y / x


def _erfc_over_t(w: float) -> float:
    """exp(a^2) erfc(a)/t for t = 1/(1 + a/2) and w = 1/2 - t."""
    t = 0.5 - w
    return _erfc_scaled((1.0 / t - 1.0) * 2.0) / t


SPLIT = 5.0  # of w, in erfinv

FITS = (
    Fit(
        "exp_tail",
        "(exp(r) - 1 - r)/r^2 for |r| <= log(2)/2 and a little more",
        5,
        -HALF_LOG_2 - 0.03,
        HALF_LOG_2 + 0.03,
        lambda r: _series(r, 2),
        lambda r: r * r / (r * _series(r, 1)),
    ),
    Fit(
        "log_tail",
        "(log(1 + f) - f + f^2/2)/f^3 for 1 + f from sqrt(1/2) to sqrt(2)",
        8,
        1 / ROOT - 1,
        ROOT - 1,
        _log_rest,
        lambda f: f**3 / math.log1p(f),
    ),
    Fit(
        "log1p_tail",
        "(log(1 + e) - e)/e^2 as a polynomial of e - 1/2 for 0 <= e <= 1",
        9,
        -0.5 + 1e-6,
        0.5,
        lambda w: _log1p_rest(w + 0.5),
        lambda w: (w + 0.5) ** 2 / math.log1p(w + 0.5),
    ),
    Fit(
        "erf_exponent",
        "-log(erfc(a))/a - 1 for 0 <= a <= 3.93, where erf is 1",
        10,
        1e-6,
        3.93,
        _erf_exponent,
        lambda a: a * math.erfc(a) / math.erf(a),
    ),
    Fit(
        "erfc_over_t",
        "exp(a^2) erfc(a)/t as a polynomial of 1/2 - t for t = 1/(1 + a/2), 0 <= a <= 10.1",
        10,
        -0.5,
        0.5 - 1 / 6.05,
        _erfc_over_t,
        lambda w: 1 / _erfc_over_t(w),
    ),
    Fit(
        "erfinv_near",
        "erfinv(x)/x as a polynomial of w - 2.5 for w = -log(1 - x^2) <= 5",
        9,
        -2.5 + 1e-7,
        SPLIT - 2.5,
        lambda v: _erfinv_ratio(v + 2.5),
        lambda v: 1 / _erfinv_ratio(v + 2.5),
    ),
    Fit(
        "erfinv_far",
        "the same as a polynomial of sqrt(w) - 3 for w from 5 to 16.7",
        9,
        math.sqrt(SPLIT) - 3,
        math.sqrt(16.7) - 3,
        lambda v: _erfinv_ratio((v + 3) ** 2),
        lambda v: 1 / _erfinv_ratio((v + 3) ** 2),
    ),
)


def nodes(fit: Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chebyshev nodes, the values there, the weights there."""
    at = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    x = 0.5 * (fit.low + fit.high) + 0.5 * (fit.high - fit.low) * at
    values = np.array([fit.value(v) for v in x.tolist()])
    return x, values, np.abs([fit.weight(v) for v in x.tolist()])


def _level(basis: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Coefficients whose largest weighted error is least."""
    lawson = np.full(wanted.size, 1.0)
    best, least = np.zeros(basis.shape[1]), math.inf
    for _ in range(ROUNDS):
        w = weight * np.sqrt(lawson)
        found = np.linalg.lstsq(basis * w[:, None], wanted * w, rcond=None)[0]
        error = np.abs(basis @ found - wanted) * weight
        if error.max() < least:
            best, least = found, float(error.max())
        lawson *= error / error.max() + 1e-3
        lawson /= lawson.mean()
    return best


def coefficients(fit: Fit) -> tuple[np.ndarray, float]:
    """The float32 coefficients, the lowest power first, and the largest weighted error."""
    x, wanted, weight = nodes(fit)
    scale = max(abs(fit.low), abs(fit.high))
    basis = (x / scale)[:, None] ** np.arange(fit.degree + 1)
    made = np.zeros(fit.degree + 1, np.float32)
    rest = wanted.copy()
    for k in range(fit.degree + 1):
        made[k] = np.float32(_level(basis[:, k:], rest, weight)[0] / scale**k)
        rest = rest - float(made[k]) * x**k
    return made, float((np.abs(rest) * weight).max())


HEADER = """\
/* Printed by tools/fit_polynomials.py: minimax fits with float32 coefficients. Errors are those
   of the function they serve, before its own rounding. */

#ifndef CHAINRULE_FITTED_H
#define CHAINRULE_FITTED_H

#include "kernel.h"
"""


def text() -> str:
    """native/fitted.h."""
    parts = [HEADER]
    for fit in FITS:
        found, error = coefficients(fit)
        lines = [f"/* {fit.comment}; relative error {error:.1e} */"]
        lines += [f"INLINE float {fit.name}(float x)", "{"]
        lines += [f"    float p = {found[-1]:.9e}f;"]
        lines += [f"    p = p * x + {c:.9e}f;" for c in found[-2::-1]]
        parts.append("\n".join([*lines, "    return p;", "}", ""]))
    return "\n".join([*parts, "#endif"])


if __name__ == "__main__":
    print(text())
