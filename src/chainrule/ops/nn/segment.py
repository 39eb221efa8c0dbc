"""Reductions over consecutive stretches of a dimension: `segment_reduce`.

`segment_sum` and `segment_spread` (a value repeated over its stretch) are each other's transposes;
the derivatives of all reductions are written with them, so every order is there."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ... import errors
from ...core.batching import RULES, looped
from ...core.declare import general, public
from ...core.primitive import I64
from ...core.record import OPS
from ...core.tensor import wrap
from ...kernels.compiled import compiled_as
from ..fast import bare, not_implemented
from ..shape.reshape import need_tensor

# ---------------------------------------------------------------- kernels


def _rows(x: Any, lengths: Any, axis: int) -> tuple[Any, Any]:
    """x as (batch, along, rest) and lengths as (batch, segments)."""
    shape = x.shape
    batch = math.prod(shape[:axis])
    flat = x.reshape(batch, shape[axis], math.prod(shape[axis + 1 :]))
    return flat, lengths.reshape(batch, lengths.shape[-1])


_FIRST = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}
_UFUNC: dict[str, Any] = {
    "sum": np.add, "mean": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum,
}  # fmt: skip


@partial(compiled_as, "ops.nn.segment._reduce_kernel")
def _reduce_kernel(x: Any, lengths: Any, reduce: str, axis: int, initial: Any) -> Any:
    flat, sizes = _rows(x, lengths, axis)
    start = _FIRST[reduce] if initial is None else initial
    made = np.full((len(flat), sizes.shape[1], flat.shape[2]), start, x.dtype)
    for row, size, out in zip(flat, sizes, made, strict=True):
        filled = np.flatnonzero(size)
        if filled.size:
            starts = (np.cumsum(size) - size)[filled]
            row = row[: int(size.sum())]
            out[filled] = _UFUNC[reduce](out[filled], _UFUNC[reduce].reduceat(row, starts, axis=0))
    if reduce == "mean":
        count = sizes[..., None]
        none = np.nan if initial is None else made
        made = np.where(count == 0, none, made / np.maximum(count, 1)).astype(x.dtype)
    return made.reshape(*x.shape[:axis], sizes.shape[1], *x.shape[axis + 1 :])


@partial(compiled_as, "ops.nn.segment._spread_kernel")
def _spread_kernel(g: Any, lengths: Any, axis: int, size: int) -> Any:
    flat, sizes = _rows(g, lengths, axis)
    made = np.zeros((len(flat), size, flat.shape[2]), g.dtype)
    for row, n, out in zip(flat, sizes, made, strict=True):
        out[: int(n.sum())] = np.repeat(row, n, axis=0)
    return made.reshape(*g.shape[:axis], size, *g.shape[axis + 1 :])


def _sum_kernel(x: Any, lengths: Any, axis: int) -> Any:
    return _reduce_kernel(x, lengths, "sum", axis, None)


def _prod_others_kernel(x: Any, lengths: Any, axis: int, initial: Any) -> Any:
    """For every element the product of the others of its segment."""
    flat, sizes = _rows(x, lengths, axis)
    made = np.ones_like(flat)
    for row, size, out in zip(flat, sizes, made, strict=True):
        at = 0
        for n in size:
            part = row[at : at + n]
            for i in range(n):
                out[at + i] = np.delete(part, i, 0).prod(0)
            at += n
    made = made if initial is None else made * x.dtype.type(initial)
    return made.reshape(x.shape)


# ---------------------------------------------------------------- the ops


def _rule(
    xp: Any, g: Any, x: Any, lengths: Any, out: Any, reduce: str, axis: int, initial: Any,
    x_shape: Any,
) -> Any:  # fmt: skip
    size = x_shape[axis]
    if reduce == "sum":
        return xp.segment_spread(g, lengths, axis, size)
    if reduce == "mean":
        ones = xp.zeros(x_shape, x.dtype) + 1
        count = xp.segment_sum(ones, lengths, axis)
        return xp.segment_spread(g / xp.where(count == 0, count + 1, count), lengths, axis, size)
    if reduce == "prod":
        others = xp.segment_prod_others(x, lengths, axis, initial)
        return xp.segment_spread(g, lengths, axis, size) * others
    top = xp.segment_spread(out, lengths, axis, size)
    chosen = xp.where(x == top, xp.zeros(x_shape, x.dtype) + 1, 0.0)
    count = xp.segment_sum(chosen, lengths, axis)
    share = g / xp.where(count == 0, count + 1, count)
    return xp.segment_spread(share, lengths, axis, size) * chosen


_reduce = general(
    "segment_fold", _reduce_kernel, ("x", "lengths"), rules={"x": _rule}, method=False,
    grad_fn="SegmentReduceBackward0", names=("_segment_fold",),
    doc="Every segment reduced to one value.",
)  # fmt: skip
general(
    "segment_spread", _spread_kernel, ("g", "lengths"),
    rules={"g": lambda xp, g, lengths, axis: xp.segment_sum(g, lengths, axis)},
    method=False, names=("_segment_spread",), doc="A value repeated over its segment.",
)  # fmt: skip
general(
    "segment_sum", _sum_kernel, ("x", "lengths"),
    rules={
        "x": lambda xp, g, lengths, axis, x_shape: xp.segment_spread(
            g, lengths, axis, x_shape[axis]
        )
    },
    method=False, names=("_segment_sum",), doc="The sum of every segment.",
)  # fmt: skip


def _others_rule(
    xp: Any, g: Any, x: Any, lengths: Any, out: Any, axis: int, initial: Any, x_shape: Any
) -> Any:
    """The product of the others is P/x; where no x is 0: d/dx_j of P/x_i is P/(x_i x_j)."""
    weighted = xp.segment_spread(
        xp.segment_sum(g * out, lengths, axis), lengths, axis, x_shape[axis]
    )
    return (weighted - g * out) / x


general(
    "segment_prod_others", _prod_others_kernel, ("x", "lengths"), rules={"x": _others_rule},
    method=False, names=("_segment_prod_others",),
    doc="For every element the product of the others of its segment; its own derivative is right "
    "where no element is 0.",
)  # fmt: skip
for _name in ("segment_fold", "segment_spread", "segment_sum", "segment_prod_others"):
    RULES[_name] = looped

# ---------------------------------------------------------------- public


@public("segment_reduce")
def segment_reduce(
    data: Any,
    reduce: str,
    *,
    lengths: Any = None,
    indices: Any = None,
    offsets: Any = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Any:
    """The sum, mean, maximum, minimum or product of consecutive stretches of a dimension.

    Args:
        data: floating point.
        reduce: 'sum', 'mean', 'max', 'min' or 'prod'.
        lengths: of every stretch, (..., segments): the dimensions before `axis` are those of data.
        indices: not supported, as in PyTorch.
        offsets: instead of lengths, where every stretch starts, and the end of the last.
        axis: the last dimension of `lengths`.
        unsafe: do not check that the lengths add up.
        initial: what every stretch starts from.

    Returns:
        The shape of data with `segments` in place of the dimension `axis`.

    Raises:
        RuntimeError: neither lengths nor offsets, or lengths that do not fit.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0, 3.0])
        >>> torch.segment_reduce(x, "sum", lengths=torch.tensor([2, 1]))
        tensor([3., 3.])
    """
    need_tensor("segment_reduce", data)
    reduce = {"amax": "max", "amin": "min"}.get(reduce, reduce)
    if reduce not in _FIRST:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if offsets is not None:
        n = offsets._data.shape[-1]
        last = offsets._data.ndim - 1
        lengths = OPS.slice(offsets, last, 1, n, 1) - OPS.slice(offsets, last, 0, n - 1, 1)
    axis = errors.checked_dim(axis, data._data.ndim)
    _check(data, lengths, axis, unsafe or offsets is not None)
    number = None if initial is None else float(initial)
    if bare(data):
        return wrap(_reduce_kernel(data._data, lengths._data, reduce, axis, number))
    return _reduce.prim.call(data, lengths, params=(reduce, axis, number))


def _check(data: Any, lengths: Any, axis: int, unsafe: bool) -> None:
    if axis != lengths._data.ndim - 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of lengths but got {axis}."
        )
    if data._data.dtype.kind not in "fV":
        raise not_implemented("_segment_reduce_cpu", data.dtype)
    if lengths._data.dtype.kind not in "iu":
        raise not_implemented("_segment_reduce_lengths_cpu_kernel1", lengths.dtype)
    sizes = lengths._data
    if sizes.dtype is I64 and sizes.ndim == 1 and 0 < sizes.size < 1000:  # the usual case
        each = sizes.tolist()
        if min(each) >= 0 and sum(each) == data._data.shape[axis]:
            return
    if unsafe or not isinstance(sizes, np.ndarray):
        return
    if sizes.size and sizes.min() < 0:
        raise RuntimeError("lengths contains negative value!")
    if (sizes.sum(-1) != data._data.shape[axis]).any():
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis to sum to "
            "data.size(lengths.dim()-1) when !unsafe."
        )
