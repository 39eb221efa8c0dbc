"""Kernels of the Fourier family: NumPy's transforms with PyTorch's parameters.

`dim` is a tuple of dimensions, `normalization` 0, 1 or 2 (no factor, one over the root of the
number of points, one over it). Called through `ops/signal/fourier.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import fft

from .compiled import compiled

__all__ = ["c2c", "c2r", "r2c", "resize", "weigh"]

Array = Any
Dims = tuple[int, ...]

FORWARD = ("backward", "ortho", "forward")  # NumPy's words for the factor of either direction
BACKWARD = ("forward", "ortho", "backward")


@compiled
def c2c(x: Array, dim: Dims, normalization: int, forward: bool) -> Array:
    """Complex to complex over `dim`."""
    if len(dim) == 1:
        if forward:
            return fft.fft(x, axis=dim[0], norm=FORWARD[normalization])  # type: ignore[arg-type]
        return fft.ifft(x, axis=dim[0], norm=BACKWARD[normalization])  # type: ignore[arg-type]
    if not dim:
        return x.copy()
    if forward:
        return fft.fftn(x, axes=dim, norm=FORWARD[normalization])  # type: ignore[arg-type]
    return fft.ifftn(x, axes=dim, norm=BACKWARD[normalization])  # type: ignore[arg-type]


@compiled
def r2c(x: Array, dim: Dims, normalization: int, onesided: bool) -> Array:
    """Real to complex over `dim`; `onesided`: half of the last of them."""
    norm: Any = FORWARD[normalization]
    if len(dim) == 1:
        return (fft.rfft if onesided else fft.fft)(x, axis=dim[0], norm=norm)
    return (fft.rfftn if onesided else fft.fftn)(x, axes=dim, norm=norm)


@compiled
def c2r(x: Array, dim: Dims, normalization: int, last_dim_size: int) -> Array:
    """Half a spectrum to the real signal of `last_dim_size` points along the last of `dim`."""
    norm: Any = BACKWARD[normalization]
    if len(dim) == 1:
        return fft.irfft(x, last_dim_size, axis=dim[0], norm=norm)
    sizes = [*(x.shape[d] for d in dim[:-1]), last_dim_size]
    return fft.irfftn(x, sizes, axes=dim, norm=norm)


def resize(x: Array, dim: Dims, sizes: Dims) -> Array:
    """The first `sizes` elements along `dim`, zeros where there are none."""
    shape, part = list(x.shape), [slice(None)] * x.ndim
    for d, n in zip(dim, sizes, strict=True):
        part[d] = slice(0, min(n, shape[d]))
        shape[d] = n
    made = np.zeros(shape, x.dtype)
    made[tuple(part)] = x[tuple(part)]
    return made


def weigh(x: Array, dim: Dims, n: int, weight: float) -> Array:
    """Half a spectrum of `n` points, times `weight` except where a coefficient mirrors itself."""
    y = x.copy()
    part = [slice(None)] * x.ndim
    part[dim[0]] = slice(1, (n + 1) // 2)
    y[tuple(part)] *= weight
    return y
