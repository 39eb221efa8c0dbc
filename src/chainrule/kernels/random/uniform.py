"""Uniform draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import fills
from .checks import uniform_error
from .engine import _DENSE, Words
from .floats import cast
from .types import C64, F32, F64, Array, DType, Shape, facts

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


__all__ = ["Uniform"]


def _check(low: float, high: float, dtype: DType) -> None:
    kind = facts(dtype)
    top = kind.largest
    if not (kind.digits and -top <= low <= high <= top and high - low <= top):
        uniform_error(low, high, dtype)


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
        if dtype in _DENSE:
            out = np.empty(shape, dtype)
            self.into_uniform(out, low, high)
            return out
        dtype = np.dtype(dtype)
        n = math.prod(shape)
        if dtype.kind == "c" and n:
            return self._complex(self.uniform, shape, dtype, low, high)
        if dtype.kind == "c":
            return np.empty(shape, dtype)
        _check(low, high, dtype)
        u = cast(self.uniform(shape, F32, low, high), dtype)
        number: Any = dtype.type
        np.putmask(u, u == number(np.float32(high)), number(np.float32(low)))  # rounded once more
        return u

    def into_uniform(self, out: Array, low: float = 0.0, high: float = 1.0) -> None:
        """`uniform` written to a float32 or float64 array."""
        if not -1e38 <= low <= high <= 1e38:
            _check(low, high, out.dtype)
        if self._fresh:
            self._drawn(out.size)
        fills.uniform(self._bits, out, low, high)

    def _complex(self, draw: Callable[..., Array], shape: Shape, dtype: DType, *args: Any) -> Array:
        """A complex draw is a real draw of shape (*shape, 2)."""
        real = draw((*shape, 2), F32 if dtype == C64 else F64, *args)
        return real.view(dtype).reshape(shape)
