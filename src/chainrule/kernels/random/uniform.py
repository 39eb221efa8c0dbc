"""Uniform draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .checks import uniform_error
from .engine import Words
from .floats import cast, fma32, fma64
from .types import C64, F32, F64, Array, DType, Shape, facts

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


__all__ = ["Uniform"]


class Uniform(Words):
    """Uniform draws of floats."""

    __slots__ = ()

    def rand(self, shape: Shape, dtype: DTypeLike = F32) -> Array:
        """Uniform on [0, 1); see `uniform`."""
        return self.uniform(shape, dtype)

    def uniform(
        self, shape: Shape, dtype: DTypeLike = F32, low: float = 0.0, high: float = 1.0
    ) -> Array:
        """Uniform on [low, high): low + (high - low) u, in one FMA.

        float64 takes two words a number, other dtypes one; complex numbers draw real, imaginary.

        Raises:
            RuntimeError: a bound does not fit the dtype, or low > high.
            NotImplementedError: the dtype is not floating point or complex.
        """
        dtype, n = np.dtype(dtype), math.prod(shape)
        if dtype is F32 and low == 0.0 and high == 1.0:
            return self._uniform24(n).reshape(shape)
        if dtype.kind == "c" and n:
            return self._complex(self.uniform, shape, dtype, low, high)
        if dtype.kind == "c":
            return np.empty(shape, dtype)
        kind = facts(dtype)
        top = kind.largest
        if not (kind.digits and -top <= low <= high <= top and high - low <= top):
            uniform_error(low, high, dtype)
        if n == 0:
            return np.empty(shape, dtype)
        plain = low == 0.0 and high == 1.0
        u = self._uniform53(n) if kind.digits == 53 else self._uniform24(n)
        if plain and not kind.reduced:
            return u.reshape(shape)
        if kind.digits == 53:
            u = fma64(u, high - low, low)
        elif not plain:
            start = np.float32(low)
            fma32(u, float(np.float32(high) - start), float(start))
        u = cast(u, dtype)
        number: Any = dtype.type
        narrow: Any = np.float32 if kind.reduced else float
        end, first = number(narrow(high)), number(narrow(low))
        np.putmask(u, u == end, first)  # rounding may have reached the excluded end
        return u.reshape(shape)

    def _complex(self, draw: Callable[..., Array], shape: Shape, dtype: DType, *args: Any) -> Array:
        """A complex draw is a real draw of shape (*shape, 2)."""
        real = draw((*shape, 2), F32 if dtype == C64 else F64, *args)
        return real.view(dtype).reshape(shape)
