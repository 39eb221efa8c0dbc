"""Exponential, geometric, Cauchy, log-normal and Poisson draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .checks import fail, not_implemented
from .floats import c_exp, c_log, cast, fma64, guarded, libm
from .normal import Normal
from .types import F32, F64, INT64_MIN, Array, Shape, facts

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


__all__ = ["Others"]


class Others(Normal):
    """Draws of other distributions."""

    __slots__ = ()

    def exponential(self, shape: Shape, dtype: DTypeLike = F32, lambd: float = 1.0) -> Array:
        """Exponential of rate lambd: -log1p(-u) / lambd, in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not lambd > 0.0:
            fail(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
        if n == 0:
            return np.empty(shape, dtype)
        kind = facts(dtype)
        if not kind.digits:
            fail(
                "Exponential distribution is a continuous probability distribution. dtype must be "
                f"a floating point but you specified {kind.torch}"
            )
        x, factor = -self._uniform53(n), -1.0 / lambd
        if kind.digits == 53 or n < 64:
            return cast(factor * libm(math.log1p, x), dtype).reshape(shape)
        return guarded(np.log1p, math.log1p, x, lambda y: cast(factor * y, dtype)).reshape(shape)

    def geometric(self, shape: Shape, dtype: DTypeLike = F32, p: float = 0.5) -> Array:
        """Number of trials to the first success: ceil(log u / log1p(-p)), in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not 0 < p < 1:
            fail(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        if n and (dtype.kind in "bc" or facts(dtype).name in ("uint16", "uint32", "uint64")):
            not_implemented("geometric_cpu", dtype)
        scale = math.log1p(-p)
        trials = guarded(np.log, c_log, self._uniform53(n), lambda y: np.ceil(y / scale))
        return cast(trials, dtype).reshape(shape)

    def cauchy(
        self, shape: Shape, dtype: DTypeLike = F32, median: float = 0.0, sigma: float = 1.0
    ) -> Array:
        """Cauchy: median + sigma tan(pi (u - 1/2)), in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not sigma > 0.0:
            fail(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        if not facts(dtype).digits:
            fail(
                "Cauchy distribution is a continuous probability distribution. dtype must be a "
                f"floating point but you specified {facts(dtype).cpp}"
            )
        x = libm(math.tan, math.pi * (self._uniform53(n) - 0.5))
        return cast(fma64(x, sigma, median), dtype).reshape(shape)

    def log_normal(
        self, shape: Shape, dtype: DTypeLike = F32, mean: float = 1.0, std: float = 2.0
    ) -> Array:
        """exp of a float64 normal of the pairwise path (it shares that path's cached sample)."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not std > 0.0:
            fail(f"log_normal_ expects std > 0.0, but found std={std:g}")
        if n == 0:
            return np.empty(shape, dtype)
        if not facts(dtype).digits:
            not_implemented("log_normal_cpu", dtype)
        return cast(libm(c_exp, self._pairwise(n, mean, std)), dtype).reshape(shape)

    def poisson(self, rates: Array) -> Array:
        """Poisson counts of each rate, in the dtype of `rates`.

        A count takes as many uniforms as it needs, so counts are drawn one by one (about 2 us
        each). Below rate 10 uniforms are multiplied up; from 10 on, transformed rejection.
        Source: W. Hoermann, "The transformed rejection method for generating Poisson random
        variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.

        Raises:
            RuntimeError: a rate is negative or NaN.
        """
        rates = np.asarray(rates)
        if not facts(rates.dtype).digits:
            not_implemented("poisson_cpu", rates.dtype)
        counts = [self._poisson(rate) for rate in rates.astype(F64).ravel().tolist()]
        return cast(np.array(counts, F64), rates.dtype).reshape(rates.shape)

    def _poisson(self, rate: float) -> int:
        if not rate >= 0:
            fail("invalid Poisson rate, expected rate to be non-negative")
        if rate >= 10:
            return self._poisson_large(rate)
        if rate == 0:
            return 0
        limit, product, count = math.exp(-rate), self._double(), 0
        while product > limit:
            count += 1
            product *= self._double()
        return count

    def _poisson_large(self, rate: float) -> int:
        """Hoermann's PTRS; the constants are the paper's."""
        log_rate = math.log(rate)
        b = 0.931 + 2.53 * math.sqrt(rate)
        a = -0.059 + 0.02483 * b
        log_inverse_alpha, v_r = math.log(1.1239 + 1.1328 / (b - 3.4)), 0.9277 - 3.6224 / (b - 2)
        while True:
            u, v = self._double() - 0.5, self._double()
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
