"""In which order a tensor's elements are visited, and how parameters of other dtypes join in."""

from __future__ import annotations

import numpy as np

from .floats import cast
from .types import F32, Array, facts

__all__ = ["arithmetic", "memory_axes", "memory_order"]


def memory_order(array: Array) -> Array:
    """A view of `array` with its axes sorted by decreasing stride.

    PyTorch's elementwise kernels visit a strided tensor in this order, so a transposed tensor is
    filled along memory, not along its own indices.
    """
    return array.transpose(memory_axes(array))


def memory_axes(array: Array) -> list[int]:
    """The axes by decreasing stride."""
    strides = array.strides
    return sorted(range(array.ndim), key=lambda axis: -abs(strides[axis]))


def arithmetic(operation: np.ufunc, out: Array, other: Array | float) -> Array:
    """`out` (op) `other`, rounded to out's dtype; numbers, 0-d arrays and integers are weak."""
    if not isinstance(other, np.ndarray):
        other = cast(np.asarray(other), out.dtype)
    elif other.ndim == 0 < out.ndim:  # PyTorch keeps a 0-d operand in the kernel's float32
        other = other.astype(F32 if facts(out.dtype).reduced else out.dtype)
    elif other.dtype.kind in "biu":
        other = cast(other, out.dtype)
    return cast(np.asarray(operation(out, other)), out.dtype)
