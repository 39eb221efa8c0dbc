"""Integers: of a range, of a dtype's whole range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from . import fills
from .checks import check_range, fail, not_implemented, tightened
from .engine import Words
from .floats import cast
from .types import I64, INT64_MIN, Array, DType, Shape, facts

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


__all__ = ["Integers"]

_WIDE = 1 << 62  # bounds up to here fit int64, and their difference does


class Integers(Words):
    """Draws of integers."""

    __slots__ = ()

    def randint(self, shape: Shape, dtype: DTypeLike = I64, low: int = 0, high: int = 1) -> Array:
        """Integers of [low, high) in any real dtype: word % (high - low) + low.

        From a range of 2**28 on, a 64-bit word is used for each number, below a 32-bit word.

        Raises:
            RuntimeError: low >= high, or a bound does not fit the dtype.
        """
        if dtype is I64 and -_WIDE <= low < high <= _WIDE:  # the usual case
            return self._from_to(shape, dtype, low, high - low)
        dtype = np.dtype(dtype)
        if low >= high:
            fail(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        if facts(dtype).digits:
            low, high = tightened(low, high, dtype)
            if low >= high:
                fail(
                    "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                    f"but got from={low} >= to={high}"
                )
        check_range(low, high - 1, dtype)
        return self._from_to(shape, dtype, low, high - low)

    def random(
        self, shape: Shape, dtype: DTypeLike = I64, low: int | None = None, high: int | None = None
    ) -> Array:
        """`Tensor.random_()`: no bounds, or [low, largest value of the dtype], or [low, high).

        Without bounds: non-negative values up to the dtype's largest, for floats up to
        2**mantissa (the integers it holds exactly).
        """
        dtype = np.dtype(dtype)
        if low is None:
            return self._unbounded(shape, dtype)
        if high is not None:
            return self.randint(shape, dtype, low, high)
        if low == INT64_MIN:
            return self._full64(shape, dtype)
        digits = facts(dtype).digits
        last = 1 << digits if digits else int(facts(dtype).largest)
        if digits:
            low = tightened(low, 1, dtype)[0]
            if low >= last:
                fail(
                    "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                    f"casted to dtype, but got from={low} > to_inc={last}"
                )
        elif dtype == np.uint64:
            last = -1  # PyTorch casts the largest uint64 to int64, and then refuses it
        check_range(low, last, dtype)
        return self._from_to(shape, dtype, low, last - low + 1)

    def _from_to(self, shape: Shape, dtype: DType, low: int, span: int) -> Array:
        """(word % span + low) wrapped to int64, then cast."""
        value = np.empty(shape, I64)
        fills.integers(self._drawn(value.size), value, low, span)
        return value if dtype is I64 else cast(value, dtype)

    def _unbounded(self, shape: Shape, dtype: DType) -> Array:
        """`random_()`: the value range depends on the dtype alone."""
        n, kind = math.prod(shape), facts(dtype)
        if n == 0:
            return np.empty(shape, dtype)
        if kind.name in ("int64", "float64"):
            words = self._words64(n)
            words %= np.uint64(2**63 if dtype == I64 else 2**53 + 1)
        elif kind.digits:
            words = self._words(n) % np.uint64((1 << kind.digits) + 1)
        elif kind.name in ("bool", "uint8", "int8", "int16", "int32"):
            words = self._words(n) & np.uint64(kind.largest)
        else:
            not_implemented("random_kernel_cpu", dtype)
        return cast(words.view(I64), dtype).reshape(shape)

    def _full64(self, shape: Shape, dtype: DType) -> Array:
        """`random_(-2**63, None)`: any of the 2**64 values of int64, cast."""
        n, name = math.prod(shape), facts(dtype).name
        if n and name in ("bool", "float16", "uint16", "uint32", "uint64"):
            not_implemented("random_full_64_bits_range_kernel_cpu", dtype)
        if n and name not in ("int64", "float64", "float32", "bfloat16"):
            fail(
                "random_full_64_bits_range_kernel_cpu handles only int64, double, float and "
                "bfloat16"
            )
        return cast(self._words64(n).view(I64), dtype).reshape(shape)
