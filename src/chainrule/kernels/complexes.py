"""Complex numbers from polar coordinates, and the same memory as pairs of reals and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import compiled
from .elementwise import joined

__all__ = ["conj", "from_pairs", "pairs", "polar"]


@compiled
def conj(x: Any) -> Any:
    """Re z - i Im z."""
    return np.conjugate(x)


@compiled
def polar(abs: Any, angle: Any) -> Any:
    """abs (cos angle + i sin angle)."""
    return joined(abs * np.cos(angle), abs * np.sin(angle))


@compiled
def pairs(x: Any) -> Any:
    """Complex numbers as pairs in a last dimension of size 2, sharing memory."""
    if type(x) is not np.ndarray:  # a NumPy scalar has no memory to share
        return np.array((x.real, x.imag))
    parts = x.real
    step = parts.dtype.itemsize
    return np.lib.stride_tricks.as_strided(parts, (*x.shape, 2), (*x.strides, step))


@compiled
def from_pairs(x: Any) -> Any:
    """Pairs in a last dimension of size 2 as complex numbers, sharing memory where they lie
    together."""
    if x.strides[-1] != x.dtype.itemsize:
        x = np.ascontiguousarray(x)
    return x.view(np.complex64 if x.dtype.itemsize == 4 else np.complex128)[..., 0]
