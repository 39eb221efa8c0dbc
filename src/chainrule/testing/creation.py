"""`make_tensor`: operands for tests, of any dtype, in a range, with gaps in memory if asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..core.tensor import Tensor
from ..ops import namespace
from ..ops.make.create import full
from ..ops.make.from_data import check_device

__all__ = ["make_tensor"]

rand, randint = (namespace("")[name] for name in ("rand", "randint"))


def make_tensor(
    *shape: int | Sequence[int],
    dtype: dtypes.dtype,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random numbers, uniform in [low, high).

    Args:
        shape: sizes, or one sequence of them.
        dtype: bool, integer, floating point or complex.
        low, high: by default -9 and 9 (integers -9 and 10, unsigned 0 and 10, bool 0 and 2).
        requires_grad: of the result; floating point and complex only.
        noncontiguous: every second element of a tensor twice as wide.
        exclude_zero: zeros become the smallest positive number (1 for integers).
        memory_format: of contiguous tensors; the arrays here are contiguous.

    Raises:
        ValueError: low is not below high, or a NaN; requires_grad of integers.

    Example:
        >>> import chainrule as torch
        >>> x = torch.testing.make_tensor(2, 3, dtype=torch.float32, device="cpu", low=0, high=1)
        >>> x.shape, bool((x >= 0).all() and (x < 1).all())
        (torch.Size([2, 3]), True)
    """
    check_device(device)
    sizes: Any = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if requires_grad and dtype.category < 2:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}\nHint: a floating point or complex dtype"
        )
    low, high = _bounds(dtype, low, high)
    wide = (*sizes[:-1], 2 * sizes[-1]) if noncontiguous and sizes else sizes
    made = _drawn(wide, dtype, low, high)
    if wide != sizes:
        made = made[..., ::2]
    if exclude_zero:
        smallest = 1 if dtype.category < 2 else dtypes.finfo(dtype).tiny
        made[made == 0] = smallest
    return made.requires_grad_() if requires_grad else made


def _bounds(dtype: dtypes.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    if dtype.category == 0:
        least, most = 0.0, 2.0
    elif dtype.category == 1:
        least, most = (-9.0 if dtype.is_signed else 0.0), 10.0
    else:
        least, most = -9.0, 9.0
    start, end = least if low is None else low, most if high is None else high
    if math.isnan(start) or math.isnan(end):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if start >= end:
        raise ValueError(f"`low` must be less than `high`, but got {start} >= {end}")
    return start, end


def _drawn(sizes: Any, dtype: dtypes.dtype, low: float, high: float) -> Tensor:
    if dtype.category < 2:
        first, last = math.ceil(low), math.ceil(high)
        if first >= last:
            return full(sizes, first, dtype=dtype)
        return randint(first, last, sizes, dtype=dtypes.int64).to(dtype)
    if dtype.is_complex:
        real = dtype.to_real()
        parts = rand((2, *sizes), dtype=real) * (high - low) + low
        return parts[0] + 1j * parts[1]
    made = rand(sizes, dtype=dtypes.float64) * (high - low) + low
    return made.to(dtype)
