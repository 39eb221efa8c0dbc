"""Rows of a table, summed, averaged or maximised by bag: `embedding_bag`.

One op for sums and means (a mean is a sum with weights 1/count) and one for maxima; both are
differentiated with gathers and `embedding_dense_backward`, so every order is there. `bag_numbers`
says to which bag every row belongs (-1 for padding), `bag_argmax` which row is the largest."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.batching import RULES, looped
from ...core.declare import general, public
from ...core.node import LEAF
from ...core.primitive import I64
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...kernels.compiled import compiled_as
from ...kernels.index import inside
from ..fast import bare, floats, not_implemented
from ..late import load
from .embedding import _renormalise

# ---------------------------------------------------------------- which bag


@partial(compiled_as, "ops.nn.embedding_bag._numbers_kernel")
def _numbers_kernel(indices: Any, offsets: Any, last: bool, padding_idx: int) -> Any:
    """The bag of every index; -1 where it is padding or behind the last bag."""
    bags = np.searchsorted(offsets, np.arange(indices.size), "right") - 1
    if last:
        bags = np.where(bags >= offsets.size - 1, -1, bags)
    bags = bags.astype(np.int64)
    return bags if padding_idx < 0 else np.where(indices == padding_idx, -1, bags)


@partial(compiled_as, "ops.nn.embedding_bag._weights_kernel")
def _weights_kernel(bags: Any, like: Any, count: int, mean: bool) -> Any:
    """1, or 1 over the number of indices in the bag; 0 for those that do not count."""
    inside = bags >= 0
    if not mean:
        return inside.astype(like.dtype)
    sizes = np.bincount(bags[inside], minlength=max(count, 1))
    return np.where(inside, 1.0 / np.maximum(sizes[bags], 1), 0.0).astype(like.dtype)


general(
    "bag_numbers", _numbers_kernel, ("indices", "offsets"), method=False,
    names=("_bag_numbers",), doc="The bag of every index, -1 for none.",
)  # fmt: skip

general(
    "_bag_weights", _weights_kernel, ("bags", "like"), method=False,
    doc="The weight of every index in the mean or sum over its bag.",
)  # fmt: skip

# ---------------------------------------------------------------- sums


@partial(compiled_as, "ops.nn.embedding_bag._sum_kernel")
def _sum_kernel(
    weight: Any, scales: Any, indices: Any, bags: Any, count: int, by_frequency: bool = False
) -> Any:
    out = np.zeros((count, weight.shape[1]), weight.dtype)
    if not indices.size or not count:
        return out
    rows = weight[indices] * scales[:, None]
    inside = np.flatnonzero(bags >= 0)
    if inside.size:
        used = bags[inside]
        starts = np.flatnonzero(np.concatenate(([True], used[1:] != used[:-1])))
        out[used[starts]] = np.add.reduceat(rows[inside], starts, axis=0)
    return out


@partial(compiled_as, "ops.nn.embedding_bag._to_rows")
def _to_rows(g: Any, scales: Any, bags: Any) -> Any:
    return _spread_kernel(g, bags) * scales[:, None]


def _to_weight(
    xp: Any, g: Any, scales: Any, indices: Any, bags: Any, by_frequency: bool, weight_shape: Any
) -> Any:
    if xp is RAW:
        rows = _to_rows(g, scales, bags)
    else:
        rows = xp.bag_spread(g, bags) * xp.unsqueeze(scales, 1)
    return xp.embedding_dense_backward(rows, indices, weight_shape[0], -1, by_frequency)


def _to_scales(xp: Any, g: Any, weight: Any, indices: Any, bags: Any, by_frequency: bool) -> Any:
    rows = xp.embedding_gather(weight, indices, -1, False)
    return xp.sum(xp.bag_spread(g, bags) * rows, (1,), False)


_sum = general(
    "embedding_bag_sum", floats("embedding_bag", _sum_kernel),
    ("weight", "scales", "indices", "bags"),
    rules={"weight": _to_weight, "scales": _to_scales},
    grad_fn="EmbeddingBagBackward0", method=False, names=("_embedding_bag_sum",),
    doc="The sum over every bag of scale times row.",
)  # fmt: skip


def _spread_kernel(g: Any, bags: Any) -> Any:
    rows = g[np.maximum(bags, 0)] if g.shape[0] else np.zeros((bags.size, g.shape[1]), g.dtype)
    if bags.size and bags.min() < 0:
        rows[bags < 0] = 0
    return rows


def _gathered_kernel(x: Any, bags: Any, count: int) -> Any:
    ones = np.ones(bags.size, x.dtype)
    return _sum_kernel(x, ones, np.arange(bags.size), bags, count)


general(
    "bag_spread", _spread_kernel, ("g", "bags"),
    rules={"g": lambda xp, g, bags, g_shape: xp.bag_sum(g, bags, g_shape[0])},
    method=False, names=("_bag_spread",),
    doc="The row of every index's bag, zeros where it has none.",
)  # fmt: skip
general(
    "bag_sum", _gathered_kernel, ("x", "bags"),
    rules={"x": lambda xp, g, bags: xp.bag_spread(g, bags)},
    method=False, names=("_bag_sum",), doc="The sum of the rows of every bag.",
)  # fmt: skip

# ---------------------------------------------------------------- maxima


def _argmax_kernel(weight: Any, indices: Any, bags: Any, count: int) -> Any:
    """For every bag and column the number of the row that is largest, the first of them."""
    made = np.full((count, weight.shape[1]), -1, np.int64)
    inside = np.flatnonzero(bags >= 0)
    if not inside.size:
        return made
    used, at = bags[inside], indices[inside]
    rows = weight[at]
    starts = np.flatnonzero(np.concatenate(([True], used[1:] != used[:-1])))
    tops = np.maximum.reduceat(rows, starts, axis=0)
    segment = np.repeat(np.arange(starts.size), np.diff(np.append(starts, used.size)))
    order = np.where(rows == tops[segment], np.arange(used.size)[:, None], used.size)
    first = np.minimum(np.minimum.reduceat(order, starts, axis=0), used.size - 1)
    made[used[starts]] = at[first]
    return made


def _picked_kernel(weight: Any, at: Any) -> Any:
    if not weight.shape[0]:
        return np.zeros(at.shape, weight.dtype)
    rows = np.take_along_axis(weight, np.maximum(at, 0), 0)
    return np.where(at < 0, rows.dtype.type(0), rows)


def _placed_kernel(g: Any, at: Any, rows: int) -> Any:
    made = np.zeros((rows, g.shape[1]), g.dtype)
    bag, column = np.nonzero(at >= 0)
    np.add.at(made, (at[bag, column], column), g[bag, column])
    return made


general(
    "bag_argmax", _argmax_kernel, ("weight", "indices", "bags"), method=False,
    names=("_bag_argmax",), doc="The number of the largest row of every bag and column.",
)  # fmt: skip
_max = general(
    "embedding_bag_max", floats("embedding_bag", _picked_kernel), ("weight", "at"),
    rules={"weight": lambda xp, g, at, weight_shape: xp.embedding_bag_put(g, at, weight_shape[0])},
    grad_fn="EmbeddingBagBackward0", method=False, names=("_embedding_bag_max",),
    doc="The elements in the rows `at`, 0 where that is -1.",
)  # fmt: skip
general(
    "embedding_bag_put", _placed_kernel, ("g", "at"),
    rules={"g": lambda xp, g, at: xp.embedding_bag_max(g, at)},
    method=False, names=("_embedding_bag_put",), doc="The transpose of embedding_bag_max.",
)  # fmt: skip
for _name in (
    "bag_numbers", "_bag_weights", "embedding_bag_sum", "bag_spread", "bag_sum", "bag_argmax",
    "embedding_bag_max", "embedding_bag_put",
):  # fmt: skip
    RULES[_name] = looped

# ---------------------------------------------------------------- public

_MODES = ("sum", "mean", "max")


@public("nn.functional.embedding_bag")
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The sum, mean or maximum over bags of rows of a table.

    Args:
        input: row numbers, (B, N): B bags; or (N), with `offsets`.
        weight: the table, (rows, width).
        offsets: where in `input` every bag starts, (B); the first is 0.
        max_norm, norm_type, scale_grad_by_freq: as for `embedding`.
        mode: 'sum', 'mean' or 'max'; an empty bag gives zeros.
        sparse: the gradient of `weight` is sparse, as for `embedding`; not for 'max'.
        per_sample_weights: of the shape of `input`, multiplies the rows; only for 'sum'.
        include_last_offset: `offsets` has one more number, the end of the last bag.
        padding_idx: a row that does not count.

    Returns:
        (B, width).

    Raises:
        ValueError, RuntimeError: shapes, dtypes, offsets or row numbers that do not fit.

    Example:
        >>> import chainrule as torch
        >>> table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> torch.nn.functional.embedding_bag(torch.tensor([[0, 1]]), table)
        tensor([[2., 3.]])
    """
    if padding_idx is not None:
        errors.need_int("embedding_bag", padding_idx=padding_idx)
    if weight.dtype.name == "int64" and input.is_floating_point():
        input, weight = weight, input  # the order of old versions, which PyTorch still takes
    if weight.dim() != 2:
        raise ValueError(
            f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}"
        )
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then "
            f"it must have the same shape as the input ({input.shape})"
        )
    include_last_offset = include_last_offset and input.dim() != 2
    input, offsets = _flat(input, offsets)
    if per_sample_weights is not None:
        per_sample_weights = OPS.reshape(per_sample_weights, (per_sample_weights._data.size,))
    _check_mode(mode, scale_grad_by_freq, sparse, per_sample_weights)
    if max_norm is not None:
        _need_whole(input, 2, "embedding_renorm_")
        _renormalise(weight, input, float(max_norm), norm_type)
    return _bagged(
        weight, input, offsets, scale_grad_by_freq, _MODES.index(mode), per_sample_weights,
        include_last_offset, padding_idx, sparse,
    )[0]  # fmt: skip


def _flat(input: Any, offsets: Any) -> tuple[Any, Any]:
    if input.dim() == 2:
        if input._data.dtype.kind in "bc":
            raise not_implemented("arange_cpu", input.dtype)
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        bags, each = input.shape
        at = np.arange(0, bags * each, each) if each else np.zeros(bags, np.int64)
        return OPS.reshape(input, (bags * each,)), wrap(at.astype(input._data.dtype))
    if input.dim() != 1:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}"
        )
    if not isinstance(offsets, Tensor):
        raise ValueError(f"offsets has to be a 1D Tensor but got {offsets}")
    if offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    return input, offsets


def _check_mode(mode: str, by_frequency: bool, sparse: bool, scales: Any) -> None:
    if mode not in _MODES:
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and by_frequency:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if mode != "sum" and scales is not None:
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
        )


@public("embedding_bag")
def _torch_embedding_bag(
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Any, Any, Any, Any]:
    """`nn.functional.embedding_bag` with 0, 1, 2 for 'sum', 'mean', 'max', and what it worked out.

    Returns:
        The bags; the bag of every index; the size of every bag; and the numbers of the largest
        rows for 'max', else the sizes again. The middle two are empty or zero for a plain sum.

    Example:
        >>> import chainrule as torch
        >>> table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> torch.embedding_bag(table, torch.tensor([0, 1]), torch.tensor([0]))[0]
        tensor([[4., 6.]])
    """
    if mode not in (0, 1, 2):
        raise RuntimeError("embedding_bag: mode must be 0 (sum), 1 (mean) or 2 (max)")
    out, bags, at = _bagged(
        weight, indices, offsets, scale_grad_by_freq, mode, per_sample_weights,
        include_last_offset, padding_idx, sparse,
    )  # fmt: skip
    seen = (indices, offsets, bags, bags if at is None else at)
    if not all(isinstance(t._data, np.ndarray) for t in seen):
        return out, bags, bags, bags if at is None else at  # a batch: nobody can look inside
    padding = _padding(padding_idx, weight)
    return out, *_facts(indices, offsets, bags, mode, padding, include_last_offset, at)


def _bagged(
    weight: Any, indices: Any, offsets: Any, by_frequency: bool, mode: int, scales: Any,
    last: bool, padding_idx: int | None, sparse: bool,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """The bags, the bag of every index, and the largest rows if they were asked for."""
    padding = _padding(padding_idx, weight)
    _check(weight, indices, offsets, scales, mode == 2)
    count = offsets._data.shape[0] - (1 if last else 0)
    if S.mode is None:
        bags = wrap(_numbers_kernel(indices._data, offsets._data, bool(last), padding))
    else:
        bags = OPS.bag_numbers(indices, offsets, bool(last), padding)
    if mode == 2:
        at = OPS.bag_argmax(weight, indices, bags, count)
        out = _max.prim.call(weight, at)
    else:
        if S.mode is None:
            ones = wrap(_weights_kernel(bags._data, weight._data, count, mode == 1))
        else:
            ones = OPS._bag_weights(bags, weight, count, mode == 1)
        scales = ones if scales is None else scales * ones if padding >= 0 or last else scales
        params = (count, bool(by_frequency))
        if bare(weight) and scales._node is None:
            arrays = weight._data, scales._data, indices._data, bags._data
            return wrap(_sum_kernel(*arrays, *params)), bags, None
        if sparse and weight._node is LEAF:
            if not hasattr(OPS, "embedding_bag_sparse"):
                load("sparse.gradients")
            out = OPS.embedding_bag_sparse(weight, scales, indices, bags, *params, padding)
        else:
            out = _sum.prim.call(weight, scales, indices, bags, params=params)
        at = None
    return out, bags, at


def _facts(
    indices: Any, offsets: Any, bags: Any, mode: int, padding: int, last: bool, at: Any
) -> tuple[Any, Any, Any]:
    """What PyTorch returns beside the bags."""
    numbers, kind = bags._data, offsets._data.dtype
    count = offsets._data.shape[0] - (1 if last else 0)
    whole = _numbers_kernel(indices._data, offsets._data, bool(last), -1)
    whole = np.where(whole < 0, count, whole).astype(kind)
    sizes = np.bincount(numbers[numbers >= 0], minlength=count)[:count].astype(kind)
    if mode == 0:
        empty = whole[:0] if padding < 0 else whole
        nothing = np.zeros(offsets._data.shape, kind)
        return wrap(empty), wrap(nothing), wrap(nothing.copy())
    if mode == 2:
        return wrap(whole), wrap(sizes), wrap(np.maximum(at._data, 0).astype(kind))
    return wrap(whole), wrap(sizes), wrap(sizes.copy())


def _padding(padding_idx: int | None, weight: Any) -> int:
    rows = weight._data.shape[0]
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise RuntimeError(
            "padding_idx must be within the number of embeddings, "
            f"-{rows} through {rows - 1}, but got {padding_idx}"
        )
    return padding_idx % rows


def _need_whole(t: Any, position: int, op: str) -> None:
    if t._data.dtype not in (np.dtype("int64"), np.dtype("int32")):
        raise RuntimeError(
            f"Expected tensor for argument #{position} 'indices' to have one of the following "
            f"scalar types: Long, Int; but got {errors.type_name(t.dtype)} instead (while checking "
            f"arguments for {op})\nHint: input.long()"
        )


def _check(weight: Any, indices: Any, offsets: Any, scales: Any, maxima: bool) -> None:
    for t in (indices, offsets):
        if t._data.dtype is not I64:
            _need_whole(t, 1, "embedding_bag")
    if weight._data.dtype.kind not in "fV":
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: "
            f"Half, BFloat16, Float, Double; but got {errors.type_name(weight.dtype)} instead "
            "(while checking arguments for embedding_bag)"
        )
    if scales is not None and scales._data.dtype != weight._data.dtype:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have the same type as tensor for argument "
            f"#1 'per_sample_weights'; but type {errors.type_name(weight.dtype)} does not equal "
            f"{errors.type_name(scales.dtype)} (while checking arguments for embedding_bag)"
        )
    at, starts = indices._data, offsets._data
    if not (isinstance(at, np.ndarray) and isinstance(starts, np.ndarray)):
        return  # a batch: nobody can look at the numbers
    if starts.size and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {starts[0]}"
        )
    if starts.size and starts[-1] > at.size:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {at.size} but got offsets[-1] of "
            f"{starts[-1]}"
        )
    rows = weight._data.shape[0]
    if at.size and not inside(at, rows):
        i = int(np.flatnonzero((at < 0) | (at >= rows))[0])
        first = (
            f"Index {i} of input takes value {at[i]} which is not in the valid range [0, {rows})"
        )
        if maxima or weight.dtype.name == "float64":
            first = (
                "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be "
                f"{at[i]}"
            )
        raise RuntimeError(f"{first}\nrows: {rows}\nHint: look for a wrong index")
