"""Normal draws: in groups of 16 in the dtype's own precision, else pair by pair in float64."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from . import fills
from .checks import fail, not_implemented
from .engine import _DENSE
from .floats import cast
from .order import arithmetic
from .types import F32, F64, Array, Shape, facts
from .uniform import Uniform

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


__all__ = ["Normal"]


class Normal(Uniform):
    """Normal draws."""

    __slots__ = ()

    def randn(self, shape: Shape, dtype: DTypeLike = F32) -> Array:
        """Standard normal; see `normal`."""
        return self.normal(shape, dtype)

    def normal(
        self,
        shape: Shape,
        dtype: DTypeLike = F32,
        mean: float = 0.0,
        std: float = 1.0,
        contiguous: bool = True,
    ) -> Array:
        """Normal with the given mean and standard deviation, by Box-Muller.

        From 16 numbers on, uniforms are taken in groups of 16 in the dtype's own precision, and a
        last incomplete group is covered by redrawing the last 16 numbers. Fewer numbers, and
        tensors that are not contiguous, are drawn in float64 one pair at a time; the second of a
        pair is kept for the next such draw, whatever its dtype. Complex numbers have variance
        std**2 / 2 in each part.

        Args:
            contiguous: whether the destination is (False asks for the pairwise path).

        Raises:
            RuntimeError: std is negative.
            NotImplementedError: the dtype is not floating point or complex.
        """
        if dtype in _DENSE:
            out = np.empty(shape, dtype)
            self.into_normal(out, mean, std, contiguous)
            return out
        dtype = np.dtype(dtype)
        if not std >= 0.0:
            fail(f"normal expects std >= 0.0, but found std {std:g}")
        if dtype.kind == "c":
            return self._complex(self.normal, shape, dtype, mean, std / math.sqrt(2), contiguous)
        n = math.prod(shape)
        if n == 0:
            return np.empty(shape, dtype)
        if not facts(dtype).digits:
            not_implemented("normal_kernel_cpu", dtype)
        if n < 16 or not contiguous:
            return cast(self.normal((n,), F64, mean, std, contiguous), dtype).reshape(shape)
        return cast(self._half(n, mean, std), dtype).reshape(shape)

    def into_normal(
        self, out: Array, mean: float = 0.0, std: float = 1.0, contiguous: bool = True
    ) -> None:
        """`normal` written to a float32 or float64 array."""
        if not std >= 0.0:
            fail(f"normal expects std >= 0.0, but found std {std:g}")
        n = out.size
        if n >= 16 and contiguous:
            fills.normal_groups(self._drawn(n), out, mean, std)
        elif n:
            spare = self._normal
            bits = self._drawn(n if spare is None else n - 1)
            self._normal = fills.normal_pairs(bits, out, mean, std, spare)

    def _half(self, n: int, mean: float, std: float) -> Array:
        """n >= 16 float32 normals for 16-bit floats: they go group by group, so the uniforms of
        an incomplete group are never drawn, but a whole group in its place."""
        tail = n % 16
        x = self.normal((n - tail + 16 if tail else n,), F32, mean, std)
        return np.concatenate((x[: n - 16], x[n - tail :])) if tail else x

    def _pairwise(self, n: int, mean: float, std: float) -> Array:
        """n float64 normals, starting with the cached one and caching a spare one."""
        return self.normal((n,), F64, mean, std, False)

    def normal_tensors(self, mean: Array | float, std: Array | float) -> Array:
        """`torch.normal` with a tensor mean, a tensor std or both, broadcast together.

        The dtype is that of `mean` when it is an array, else that of `std`.

        Raises:
            RuntimeError: std is complex or has a negative element.
        """
        scale = 1.0 if isinstance(std, np.ndarray) else float(std)
        if isinstance(std, np.ndarray):
            if std.dtype.kind == "c":
                fail("normal expects standard deviation to be non-complex")
            if not (std >= 0).all():
                fail("normal expects all elements of std >= 0.0")
        model = mean if isinstance(mean, np.ndarray) else np.asarray(std)
        shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
        out = self.normal(shape, model.dtype, 0.0, scale)
        if isinstance(std, np.ndarray):
            out = arithmetic(np.multiply, out, std)
        return arithmetic(np.add, out, mean)
