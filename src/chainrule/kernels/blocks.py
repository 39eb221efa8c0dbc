"""Large arrays through chains of ufuncs, piece by piece.

A kernel of many passes reads and writes every temporary once a pass, and fresh memory costs more
than the pass itself. `blocked` and `blocked_into` run such a kernel on pieces whose temporaries
stay in the cache. That pays from about ten passes on, or where temporaries are in float64; fewer
passes are quicker in one piece. `at_least` and `at_most` are NumPy's maximum and minimum with a
number, which its vector loops know only for two arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign
from typing import Any

import numpy as np

from .blas import LONG, alone

__all__ = [
    "LIMITS",
    "NUMBERS",
    "at_least",
    "at_most",
    "between",
    "blocked",
    "blocked_into",
    "clip",
    "finite",
    "no_nan",
    "number",
    "typed",
]

Array = Any
PIECE, MANY = 16384, 40_000
_ndarray = np.ndarray
F32, F64 = np.dtype("float32"), np.dtype("float64")
LIMITS = {d: (np.array(-np.inf, d), np.array(np.inf, d)) for d in (F32, F64)}
_ZEROS = {d: np.zeros((), d) for d in (F32, F64)}
NUMBERS: dict[Any, dict[Any, Any]] = {F32: {}, F64: {}}  # see `number`

try:  # the ufunc behind np.clip, which itself costs five times as much on small arrays
    from numpy._core.umath import clip  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover

    def clip(x: Any, low: Any, high: Any, out: Any = None) -> Any:
        return np.minimum(np.maximum(x, low, out=out), high, out=out)


def blocked(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """`kernel` of arrays of one shape and dtype (numbers between them stay as they are), whose
    result has that shape and dtype too."""

    def whole(x: Array, *rest: Any) -> Array:
        if type(x) is not _ndarray or x.size < MANY or not x.flags.c_contiguous:
            return kernel(x, *rest)
        at = [i for i, r in enumerate(rest) if type(r) is _ndarray and r.ndim]
        shape, dtype = x.shape, x.dtype
        if any(
            rest[i].shape != shape or rest[i].dtype != dtype or not rest[i].flags.c_contiguous
            for i in at
        ):
            return kernel(x, *rest)
        flat, parts = x.reshape(-1), list(rest)
        others = [(i, rest[i].reshape(-1)) for i in at]
        out = np.empty(x.size, dtype)
        for start in range(0, x.size, PIECE):
            stop = start + PIECE
            for i, other in others:
                parts[i] = other[start:stop]
            out[start:stop] = kernel(flat[start:stop], *parts)
        return out.reshape(shape)

    whole.__wrapped__ = kernel  # type: ignore[attr-defined]
    whole.__name__, whole.__module__ = kernel.__name__, kernel.__module__
    whole.__doc__ = kernel.__doc__
    return whole


def blocked_into(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The same for `kernel(x, out, *numbers)`, which has all its passes in `out`: one array is
    allocated, none copied."""

    def whole(x: Array, *rest: Any) -> Array:
        if type(x) is not _ndarray or not x.ndim:
            return kernel(x, None, *rest)
        out = np.empty_like(x)
        if x.size < MANY or not x.flags.c_contiguous:
            return kernel(x, out, *rest)
        flat, made = x.reshape(-1), out.reshape(-1)
        for start in range(0, x.size, PIECE):
            kernel(flat[start : start + PIECE], made[start : start + PIECE], *rest)
        return out

    whole.__wrapped__ = _without_out(kernel)  # type: ignore[attr-defined]
    whole.__name__, whole.__module__ = kernel.__name__, kernel.__module__
    whole.__doc__ = kernel.__doc__
    return whole


def _without_out(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the parameters of a kernel but `out`: declarations read them."""
    names = [n for n in kernel.__code__.co_varnames[: kernel.__code__.co_argcount] if n != "out"]
    if len(names) == 1:
        return lambda x: kernel(x, None)
    raise TypeError(f"a kernel of blocked_into takes (x, out), not {names}")


def number(value: Any, dtype: Any) -> Any:
    """A Python number as a 0-d array, remembered, for float32 and float64: NumPy combines it with
    an array in half the time. As it is for other dtypes."""
    numbers = NUMBERS.get(dtype)
    if numbers is None:
        return value
    made = numbers.get(value)
    if made is None:
        if not value and copysign(1.0, value) > 0:  # one key with -0.0: neither is remembered
            return _ZEROS[dtype]
        made = np.array(value, dtype)
        if value and value == value:  # NaN is no key
            if len(numbers) > 500:
                numbers.clear()
            numbers[value] = made
    return made


def typed(value: Any, dtype: Any) -> Any:
    """A number as a 0-d array of any dtype."""
    return number(value, dtype) if dtype in NUMBERS else np.array(value, dtype)


def at_least(x: Array, low: float) -> Array:
    """max(x, low); NaN stays."""
    limits = LIMITS.get(x.dtype)
    if limits is None or type(x) is not _ndarray:
        return np.maximum(x, low)
    return clip(x, number(low, x.dtype), limits[1])


def at_most(x: Array, high: float, out: Array = None) -> Array:
    """min(x, high); NaN stays."""
    limits = LIMITS.get(x.dtype)
    if limits is None or type(x) is not _ndarray:
        return np.minimum(x, high, out=out)
    return clip(x, limits[0], number(high, x.dtype), out)


def between(x: Array, low: float, high: float, out: Array = None) -> Array:
    """min(max(x, low), high); NaN stays."""
    if x.dtype not in LIMITS or type(x) is not _ndarray:
        return np.minimum(np.maximum(x, low, out=out), high, out=out)
    return clip(x, number(low, x.dtype), number(high, x.dtype), out)


def no_nan(x: Array) -> bool:
    """Whether there is surely no NaN among floating point numbers: by the sum of squares, a third
    of the cost of looking at each."""
    flat = x if x.ndim == 1 else x.reshape(-1)
    total = flat.dot(flat) if flat.size <= LONG else alone(flat.dot, flat)
    return bool(total == total)


def finite(x: Array) -> bool:
    """Whether there is surely neither NaN nor infinity (False also where squares overflow)."""
    flat = x if x.ndim == 1 else x.reshape(-1)
    total = flat.dot(flat) if flat.size <= LONG else alone(flat.dot, flat)
    return bool(total - total == 0)
