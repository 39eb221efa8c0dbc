"""`torch.gradient`, the derivative of sampled functions, and `torch.vander`: composites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import public
from ...core.lanes import bare
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ..index.indexing import slice_dim

# ---------------------------------------------------------------- gradient


def _dims(x: Tensor, dim: Any) -> list[int]:
    rank = x._data.ndim
    given = range(rank) if dim is None else [dim] if hasattr(dim, "__index__") else list(dim)
    dims = [errors.checked_dim(d, rank) for d in given]
    for i, d in enumerate(dims):
        if d in dims[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return dims


def _spacings(x: Tensor, spacing: Any, dim: Any, dims: Sequence[int]) -> list[Any]:
    """What lies between samples along each dimension: a number or a vector of coordinates."""
    if spacing is None:
        return [1] * len(dims)
    if isinstance(spacing, Tensor) and not spacing._data.ndim:
        spacing = spacing.item()
    if isinstance(spacing, (int, float, complex)):
        return [spacing] * len(dims)
    if isinstance(spacing, Tensor):
        raise TypeError(
            "gradient() received an invalid combination of arguments - got (Tensor, "
            "spacing=Tensor)\nHint: spacing=(coordinates,)"
        )
    each = list(spacing)
    if dim is None and len(each) != x._data.ndim:
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'self.dim() = {x._data.ndim}', since dim argument was not given, but got a "
            f"list of length {len(each)}"
        )
    if len(each) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim "
            "arguments to have the same length, but got a spacing argument of length "
            f"{len(each)} and a dim argument of length {len(dims)}."
        )
    for s in each:
        if isinstance(s, Tensor) and s._data.ndim != 1:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one dimension, but got an "
                f"element with {s._data.ndim} dimensions!"
            )
    return each


def _central(x: Any, dim: int, h: float) -> Any:
    """Differences of arrays: central ones inside, one-sided ones at the ends."""
    y = np.empty_like(x)
    to, of = (a if not dim else a.swapaxes(0, dim) for a in (y, x))
    np.subtract(of[2:], of[:-2], to[1:-1])
    to[1:-1] /= 2 * h
    to[0] = (of[1] - of[0]) / h
    to[-1] = (of[-1] - of[-2]) / h
    return y


def _evenly(x: Tensor, dim: int, h: Any, order: int) -> Tensor:
    if order == 1 and type(h) in (int, float) and bare(x):
        return wrap(_central(x._data, dim, h))

    def at(i: int) -> Tensor:
        return slice_dim(x, dim, i, i + 1 if i != -1 else None)

    inner = (slice_dim(x, dim, 2) - slice_dim(x, dim, 0, -2)) / (2 * h)
    if order == 1:
        ends = (at(1) - at(0)) / h, (at(-1) - at(-2)) / h
    else:
        ends = (
            (-1.5 * at(0) + 2 * at(1) - 0.5 * at(2)) / h,
            (0.5 * at(-3) - 2 * at(-2) + 1.5 * at(-1)) / h,
        )
    return OPS.cat([ends[0], inner, ends[1]], dim)


def _at_coordinates(x: Tensor, dim: int, places: Tensor, order: int) -> Tensor:
    """Differences of second order between samples that are not evenly spaced."""
    if places._data.shape[0] != x._data.shape[dim]:
        raise RuntimeError(
            errors.hinted(
                "torch.gradient expected one coordinate for each sample",
                f"coordinates: {places._data.shape[0]}, samples: {x._data.shape[dim]}",
                hint="spacing=(coordinates of dim 0, ...)",
            )
        )
    shape = (-1, *(1,) * (x._data.ndim - dim - 1))
    steps = slice_dim(places, 0, 1) - slice_dim(places, 0, 0, -1)

    def part(t: Tensor, d: int, i: int, n: int) -> Tensor:
        return slice_dim(t, d, i, i + n if i + n else None)

    def three(i: int, n: int, weights: Any) -> Tensor:
        """Weighted samples i, i + 1, i + 2, for n places."""
        first = part(steps, 0, i if i >= 0 else i + 1, n).reshape(shape)
        second = part(steps, 0, i + 1 if i >= 0 else i + 2, n).reshape(shape)
        a, b, c = weights(first, second)
        return a * part(x, dim, i, n) + b * part(x, dim, i + 1, n) + c * part(x, dim, i + 2, n)

    def middle(p: Any, q: Any) -> Any:
        return -q / (p * (p + q)), (q - p) / (p * q), p / (q * (p + q))

    def start(p: Any, q: Any) -> Any:
        return -(2 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q))

    def end(p: Any, q: Any) -> Any:
        return q / (p * (p + q)), -(p + q) / (p * q), (2 * q + p) / (q * (p + q))

    count = x._data.shape[dim]
    inner = three(0, count - 2, middle) if count > 2 else slice_dim(x, dim, 0, 0)
    if order == 2:
        ends = three(0, 1, start), three(count - 3, 1, end)
    else:
        last = count - 1
        ends = (
            (part(x, dim, 1, 1) - part(x, dim, 0, 1)) / part(steps, 0, 0, 1).reshape(shape),
            (part(x, dim, last, 1) - part(x, dim, last - 1, 1))
            / part(steps, 0, last - 1, 1).reshape(shape),
        )
    return OPS.cat([ends[0], inner, ends[1]], dim)


@public("gradient")
def gradient(
    input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivative of a function from its samples, along each of `dim`.

    Central differences of second order inside, one-sided ones of `edge_order` at the ends.

    Args:
        input: the samples.
        spacing: their distance: a number, one for each dimension, or a vector of coordinates for
            each dimension (default 1).
        dim: an int or ints (default: all dimensions).
        edge_order: 1 or 2.

    Returns:
        One tensor of the shape of `input` for each of `dim`.

    Raises:
        RuntimeError: fewer than edge_order + 1 samples; spacings that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.gradient(torch.tensor([1.0, 4.0, 9.0, 16.0]))
        (tensor([3., 4., 6., 7.]),)
    """
    if not isinstance(input, Tensor):
        raise errors.wrong_type("gradient", "input", 1, input)
    dims = _dims(input, dim)
    each = _spacings(input, spacing, dim, dims)
    if input._data.dtype == np.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if type(edge_order) is not int:
        errors.need_int("gradient", edge_order=edge_order)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for d in dims:
        if input._data.shape[d] < edge_order + 1:
            raise RuntimeError(
                errors.hinted(
                    "torch.gradient expected each dimension size to be at least edge_order+1",
                    f"dimension {d} has size {input._data.shape[d]}",
                    hint="dim= chooses the dimensions",
                )
            )
    return tuple(
        _at_coordinates(input, d, s, edge_order)
        if isinstance(s, Tensor) and s._data.ndim
        else _evenly(input, d, s.item() if isinstance(s, Tensor) else s, edge_order)
        for d, s in zip(dims, each, strict=True)
    )


# ---------------------------------------------------------------- vander


@public("vander")
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of the elements of a vector, one row each.

    Args:
        x: a vector of n elements.
        N: how many powers (default n).
        increasing: from x^0 on, instead of down to it.

    Returns:
        A matrix (n, N).

    Raises:
        RuntimeError: not a vector; negative N.

    Example:
        >>> import chainrule as torch
        >>> torch.vander(torch.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [4, 2, 1],
                [9, 3, 1]])
    """
    if not isinstance(x, Tensor):
        raise errors.wrong_type("vander", "x", 1, x)
    if x._data.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x._data.shape[0]
    columns = n if N is None else N
    if columns < 0:
        raise RuntimeError("N must be non-negative.")
    integral = x._data.dtype.kind in "biu"
    kind = np.dtype(np.int64) if integral else x._data.dtype
    ones = wrap(np.ones((n, min(columns, 1)), kind))
    if columns < 2:
        return ones
    powers = OPS.cumprod(OPS.expand(OPS.unsqueeze(x, 1), (n, columns - 1)), 1)
    made = OPS.cat([ones, powers], 1)
    return made if increasing else OPS.flip(made, (1,))
