"""Normal draws: in groups of 16 in the dtype's own precision, else pair by pair in float64."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .box_muller import box_muller32, box_muller64
from .checks import fail, not_implemented
from .floats import cast, cos_sin, fma64, libm
from .order import arithmetic
from .types import F32, F64, Array, Facts, Shape, facts
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
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not std >= 0.0:
            fail(f"normal expects std >= 0.0, but found std {std:g}")
        if dtype.kind == "c":
            return self._complex(self.normal, shape, dtype, mean, std / math.sqrt(2), contiguous)
        if n == 0:
            return np.empty(shape, dtype)
        kind = facts(dtype)
        if not kind.digits:
            not_implemented("normal_kernel_cpu", dtype)
        if n < 16 or not contiguous:
            return cast(self._pairwise(n, mean, std), dtype).reshape(shape)
        return cast(self._grouped(n, kind, mean, std), dtype).reshape(shape)

    def _grouped(self, n: int, kind: Facts, mean: float, std: float) -> Array:
        """n >= 16 normals; float64 for float64, else float32.

        float32 and float64 draw all n uniforms and then 16 for the tail; 16-bit floats go group
        by group, so the uniforms of the incomplete group are never drawn.
        """
        tail = n % 16
        count = n if not tail else n - tail + 16 if kind.reduced else n + 16
        u = self._uniform53(count) if kind.digits == 53 else self._uniform24(count)
        if tail and not kind.reduced:
            u = np.concatenate((u[: n - tail], u[n:]))
        x = (box_muller64 if kind.digits == 53 else box_muller32)(u, mean, std)
        return np.concatenate((x[: n - 16], x[n - tail :])) if tail else x

    def _pairwise(self, n: int, mean: float, std: float) -> Array:
        """n float64 normals, starting with the cached one and caching a spare one."""
        x = np.empty(n, F64)
        start = 0
        if self._normal is not None:
            x[0], self._normal, start = self._normal, None, 1
        need = n - start
        if need:
            pairs = self._pairs((need + 1) // 2)
            x[start:] = pairs[:need]
            if need % 2:
                self._normal = float(pairs[-1])
        return x if mean == 0.0 and std == 1.0 else fma64(x, std, mean)

    def _pairs(self, n: int) -> Array:
        """2n standard normals: r cos, r sin with r = sqrt(-2 log1p(-u2)), angle 2 pi u1."""
        u = self._uniform53(2 * n).reshape(n, 2)
        if n <= 8:  # Python floats beat ufunc calls here
            few: list[float] = []
            for u1, u2 in u.tolist():
                radius, angle = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
                few += (radius * math.cos(angle), radius * math.sin(angle))
            return np.array(few)
        x = np.empty((n, 2), F64)
        radii = np.sqrt(-2.0 * libm(math.log1p, -u[:, 1]))
        cos, sin = cos_sin((2.0 * math.pi) * u[:, 0])
        np.multiply(radii, cos, out=x[:, 0])
        np.multiply(radii, sin, out=x[:, 1])
        return x.ravel()

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
