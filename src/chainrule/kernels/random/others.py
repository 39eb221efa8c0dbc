"""Exponential, geometric, Cauchy, log-normal and Poisson draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from . import fills
from .checks import fail, not_implemented
from .floats import c_exp, c_log, cast, fma64, guarded, libm
from .normal import Normal
from .types import F32, F64, Array, Shape, facts

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
        made = np.empty(shape, F64 if kind.digits == 53 else F32)
        self.into_exponential(made, lambd)
        return cast(made, dtype)

    def into_exponential(self, out: Array, lambd: float = 1.0) -> None:
        """`exponential` written to a float32 or float64 array."""
        if not lambd > 0.0:
            fail(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
        fills.exponential(self._drawn(out.size), out, lambd)

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

        Raises:
            RuntimeError: a rate is negative or NaN.
        """
        rates = np.asarray(rates)
        if not facts(rates.dtype).digits:
            not_implemented("poisson_cpu", rates.dtype)
        known = rates if rates.dtype in (F32, F64) else rates.astype(F64)
        counts = fills.poisson(self._drawn(0), known)
        self._drawn(rates.size)
        return cast(counts, rates.dtype)
