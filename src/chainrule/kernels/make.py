"""Arrays from numbers: ranges, identity matrices, one number everywhere, lists of floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import F32, F64
from .compiled import compiled

__all__ = ["arange", "eye", "filled", "floats32", "full", "linspace32", "logspace32", "triangle"]

Array = Any
_PLAIN = (int, float)


@compiled
def arange(start: int, end: int, step: int) -> Array:
    """start, start + step, ... below `end`, int64."""
    return np.arange(start, end, step, dtype=np.int64)


@compiled
def linspace32(start: float, end: float, steps: int) -> Array:
    """`steps` values in float32, whose multiplying and adding PyTorch rounds once: so in float64;
    the second half is counted from the end."""
    first, last = np.float32(start), np.float32(end)
    step = (last - first) / np.float32(max(steps - 1, 1))
    half = steps // 2
    ramp = np.arange(steps - half, dtype=F64)
    ramp *= float(step)
    values = np.empty(steps, F32)
    np.add(ramp[:half], float(first), values[:half])
    np.subtract(float(last), ramp[::-1], values[half:])
    return values


@compiled
def logspace32(start: float, end: float, steps: int, base: float) -> Array:
    """base ** linspace(start, end, steps), in float64 and rounded at the end."""
    first, last = float(start), float(end)
    step = (last - first) / max(steps - 1, 1)
    index = np.arange(steps, dtype=F64)
    half = steps // 2
    values = np.concatenate((first + step * index[:half], last - step * index[::-1][half:]))
    return (base**values).astype(F32)


@compiled
def triangle(n: int, m: int, offset: int, lower: bool) -> Array:
    """Rows and columns of the elements of an n x m matrix on and below (or on and above) a
    diagonal: (2, elements)."""
    return np.stack((np.tril_indices if lower else np.triu_indices)(n, offset, m))


@compiled
def eye(n: int, m: int, dtype: Any) -> Array:
    """Ones on the diagonal of an n x m matrix."""
    return np.eye(n, m, dtype=dtype)


@compiled
def full(shape: Any, value: Any, dtype: Any) -> Array:
    """`np.full`, in half the time for floating point numbers."""
    if (dtype is F32 or dtype is F64) and type(value) in _PLAIN:
        made = np.empty(shape, dtype)
        made.fill(value)
        return made
    return np.full(shape, value, dtype)


@compiled
def filled(shape: Any, value: float, dtype: Any) -> Array | None:
    """The same, or None where the sizes must be looked at first."""
    if not isinstance(shape, tuple) or {*map(type, shape)} != {int} or min(shape) < 0:
        return None
    return full(shape, value, dtype)


@compiled
def floats32(data: Any) -> Array | None:
    """A list of floats, or of such lists, in float32; None for any other, which must be read
    number by number."""
    if type(data) is not list or not data:
        return None
    rows = data if type(data[0]) is list else [data]
    n = len(rows[0])
    for row in rows:
        if type(row) is not list or len(row) != n or not n or {*map(type, row)} != {float}:
            return None
    return np.array(data, F32)
