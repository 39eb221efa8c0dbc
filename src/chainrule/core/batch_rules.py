"""Batching rules of ops that need one of their own: products, indexing, losses, normalisation.

A product keeps one matrix product where one side is the same for all elements; index tensors that
carry the batch get one more index that counts the elements; losses are reduced per element; a
normalisation folds the batch into samples or channels. See `core/batching.py`, whose table these
rules are entered into. Called by `core/batch.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import errors
from .batching import (
    RULES,
    Rule,
    align,
    batch_rule,
    front,
    loop,
    looped,
    moved,
    op_named,
    rank_of,
    ranked,
    shifted,
)
from .levels import lower
from .primitive import Primitive
from .record import OPS
from .tensor import Tensor, wrap

__all__ = ["product"]

# ---------------------------------------------------------------- products


@batch_rule("matmul")
def _matmul(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return product(inputs, batched, size)


def product(inputs: Any, batched: Any, size: int) -> Any:
    """`a @ b` for each element: one product of matrices where one side is the same for all."""
    (a, b), (has_a, has_b) = inputs, batched
    na, nb = rank_of(a, has_a), rank_of(b, has_b)
    if not has_b and nb <= 2:
        return lower(op_named("matmul"), (a, b), ())
    if not has_a and na <= 2:
        if nb == 1:
            a = lower(op_named("transpose"), (a,), (0, 1)) if na == 2 else a
            return lower(op_named("matmul"), (b, a), ())
        return lower(op_named("matmul"), (a, b), ())
    a, b = front(a, has_a, size), front(b, has_b, size)
    if na == nb == 1:
        return OPS.sum(a * b, (1,), False)
    a = OPS.unsqueeze(a, 1) if na == 1 else a
    b = OPS.unsqueeze(b, 2) if nb == 1 else b
    rank = max(na, nb, 2)
    made = OPS.matmul(ranked(a, True, rank), ranked(b, True, rank))
    if na > 1 and nb > 1:
        return made
    return OPS.squeeze(made, rank if nb == 1 else rank - 1)


@batch_rule("vdot")
def _vdot(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    a, b = inputs
    a = OPS.conj(a) if a._data.dtype.kind == "c" else a
    return OPS.sum(a * b, (1,), False)


@batch_rule("outer")
def _outer(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    (a, b), (has_a, has_b) = inputs, batched
    return OPS.unsqueeze(a, 1 + has_a) * OPS.unsqueeze(b, int(has_b))


@batch_rule("linear", "affine", "affine_any")
def _linear(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    *bias, x, weight = inputs
    has_x, has_weight = batched[-2:]
    if has_x and has_weight and weight._data.ndim == 3:  # weights of its own for each element
        rank = x._data.ndim
        rows = tuple(range(rank - 1))
        dims = (*rows, rank), (0, rank + 1, rank), (*rows, rank + 1)
        made = lower(op_named("contract"), (x, weight), dims)
    else:
        turned = OPS.transpose(weight, int(has_weight), 1 + has_weight)
        made = product((x, turned), (has_x, has_weight), size)
    if not bias:
        return made
    made = front(made, has_x or has_weight, size)
    return made + ranked(bias[0], batched[0], made._data.ndim - 1)


@batch_rule("addmm", "addmv", "baddbmm", "addr")
def _added(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    (x, a, b), (beta, alpha) = inputs, params
    has_x, has_a, has_b = batched
    if prim.name == "addr":
        made = OPS.unsqueeze(a, 1 + has_a) * OPS.unsqueeze(b, int(has_b))
        made = front(made, has_a or has_b, size)
    elif has_a or has_b:
        made = product((a, b), (has_a, has_b), size)
    else:
        made = front(OPS.matmul(a, b), False, size)
    made = made if alpha == 1 else made * alpha
    x = ranked(x, has_x, made._data.ndim - 1)
    return made if beta == 0 else made + (x if beta == 1 else x * beta)


@batch_rule("contract")
def _contract(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The batch is one more label."""
    a_dims, b_dims, out_dims = params
    label = 1 + max((*a_dims, *b_dims), default=0)
    dims = [(label, *d) if has else d for d, has in zip((a_dims, b_dims), batched, strict=True)]
    return lower(prim, inputs, (*dims, (label, *out_dims)))


@batch_rule("linalg_cross")
def _cross(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    rank = max(rank_of(t, b) for t, b in zip(inputs, batched, strict=True))
    dim = params[0]
    return lower(prim, align(inputs, batched), (dim - rank if dim >= 0 else dim,))


@batch_rule("trace")
def _trace(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return OPS.sum(OPS.diagonal(inputs[0], 0, 1, 2), (1,), False)


# ---------------------------------------------------------------- by index


def _refuse_masks(batched: Sequence[bool], masks: Sequence[bool]) -> None:
    if any(b and m for b, m in zip(batched, masks, strict=True)):
        raise RuntimeError(
            errors.hinted(
                "vmap: We do not support batching operators that can support dynamic shape. "
                "Attempting to batch over indexing with a boolean mask.",
                hint="torch.where(mask, x, 0) keeps the shape",
            )
        )


class _Indices:
    """Index tensors of one call: how the result of one element looks.

    Attributes:
        rank: of their common broadcast shape. together: they stand side by side, so the result has
            their dimensions at `first`, else in front. before: dimensions of x before the first.
    """

    def __init__(
        self, indices: Sequence[Any], batched: Sequence[bool], dims: Sequence[int]
    ) -> None:
        self.masks = [i._data.dtype.kind == "b" for i in indices]
        ranks = [rank_of(i, b) for i, b in zip(indices, batched, strict=True)]
        self.rank = max(1 if m else r for r, m in zip(ranks, self.masks, strict=True))
        self.used = sum(r if m else 1 for r, m in zip(ranks, self.masks, strict=True))
        ends = [d + (r if m else 1) for d, r, m in zip(dims, ranks, self.masks, strict=True)]
        self.together = list(ends[:-1]) == list(dims[1:])
        self.first = dims[0] if self.together else 0


def _split_slots(inputs: Any, batched: Any, start: int, count: int) -> tuple[Any, Any]:
    return inputs[start : start + count], batched[start : start + count]


def _slots(indices: Sequence[Any]) -> tuple[Any, ...]:
    return (*indices, *(None,) * (8 - len(indices)))


def _counted(size: int, rank: int) -> Tensor:
    """0, 1, ... along the batch, with `rank` ones after it."""
    return wrap(np.arange(size).reshape((size, *(1,) * rank)))


@batch_rule("index")
def _index(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    dims = params[0]
    indices, has = _split_slots(inputs, batched, 1, len(dims))
    found = _Indices(indices, has, dims)
    _refuse_masks(has, found.masks)
    x = inputs[0]
    if not any(has):
        made = lower(prim, (x, *_slots(indices)), (shifted(dims),))
        return made if found.together else moved(made, found.rank, 0)
    indices = [ranked(i, b, found.rank) for i, b in zip(indices, has, strict=True)]
    if not batched[0]:
        made = lower(prim, (x, *_slots(indices)), params)
        return moved(made, found.first, 0) if found.together else made
    if len(indices) > 7:
        return loop(prim, inputs, batched, params, size)
    indices = [_counted(size, found.rank), *indices]
    made = lower(prim, (x, *_slots(indices)), ((0, *shifted(dims)),))
    return _indices_to(made, found) if found.first else made


def _indices_to(t: Tensor, found: _Indices) -> Tensor:
    """(batch, indices, before, after) -> (batch, before, indices, after)."""
    r, k = found.rank, found.first
    n = t._data.ndim
    order = (0, *range(1 + r, 1 + r + k), *range(1, 1 + r), *range(1 + r + k, n))
    return OPS.permute(t, order)  # type: ignore[no-any-return]


def _indices_from(t: Tensor, found: _Indices) -> Tensor:
    """(batch, before, indices, after) -> (batch, indices, before, after)."""
    r, k = found.rank, found.first
    n = t._data.ndim
    order = (0, *range(1 + k, 1 + k + r), *range(1, 1 + k), *range(1 + k + r, n))
    return OPS.permute(t, order)  # type: ignore[no-any-return]


@batch_rule("index_put_canonical")
def _index_put(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    dims, accumulate = params
    x, v = inputs[:2]
    indices, has = _split_slots(inputs, batched, 2, len(dims))
    found = _Indices(indices, has, dims)
    if any(b and m for b, m in zip(has, found.masks, strict=True)):
        return _put_masked(inputs, batched, params, size, found)
    if len(indices) > 7:
        return loop(prim, inputs, batched, params, size)
    rank = rank_of(x, batched[0]) - found.used + found.rank
    x = front(x, batched[0], size)
    v = _value_of_rank(v, batched[1], rank)
    if not any(has) and found.together:
        return lower(prim, (x, v, *_slots(indices)), (shifted(dims), accumulate))
    if found.first and rank_of(v, batched[1]) == rank:
        v = _indices_from(front(v, batched[1], size), found)
    indices = [ranked(i, b, found.rank) for i, b in zip(indices, has, strict=True)]
    indices = [_counted(size, found.rank), *indices]
    return lower(prim, (x, v, *_slots(indices)), ((0, *shifted(dims)), accumulate))


def _value_of_rank(v: Any, has: bool, rank: int) -> Any:
    """The values with as many dimensions as the place they go to; a number stays one."""
    shape = v._data.shape[has:]
    if len(shape) > rank:
        lead = v._data.shape[:has]
        return OPS.reshape(v, (*lead, *shape[len(shape) - rank :]))
    if has:
        return ranked(v, True, rank)
    return OPS.reshape(v, (*(1,) * (rank - len(shape)), *shape)) if shape else v


def _put_masked(inputs: Any, batched: Any, params: Any, size: int, found: _Indices) -> Any:
    """One mask from the first dimension on, and one value: a choice, not an index."""
    dims, accumulate = params
    x, v, mask = inputs[:3]
    if len(dims) > 1 or dims != (0,) or rank_of(v, batched[1]):
        _refuse_masks([True], [True])
    x = front(x, batched[0], size)
    rank, extra = x._data.ndim - 1, x._data.ndim - mask._data.ndim
    mask = OPS.reshape(mask, (*mask._data.shape, *(1,) * extra))
    v = ranked(v, batched[1], rank)
    return OPS.where(mask, x + v if accumulate else v, x)


@batch_rule("index_select")
def _index_select(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    (x, index), (dim,) = inputs, params
    if not batched[1] and rank_of(x, True):
        return lower(prim, inputs, (dim + 1,))
    if not rank_of(x, batched[0]) or not rank_of(index, batched[1]):
        return looped(prim, inputs, batched, params, size)
    x, index = front(x, batched[0], size), front(index, batched[1], size)
    shape = list(x._data.shape)
    k = index._data.shape[1]
    ones = [size, *(1,) * (len(shape) - 1)]
    ones[dim + 1] = shape[dim + 1] = k
    return OPS.gather(x, dim + 1, OPS.expand(OPS.reshape(index, tuple(ones)), tuple(shape)))


@batch_rule("index_add", "index_copy", "index_fill")
def _index_write(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    x, index, *source = inputs
    rank = rank_of(x, batched[0])
    if batched[1] or not rank or (source and rank_of(source[0], batched[2]) != rank):
        return looped(prim, inputs, batched, params, size)
    source = [front(s, b, size) for s, b in zip(source, batched[2:], strict=True)]
    dim = params[prim.params.index("dim")]
    params = tuple(dim + 1 if n == "dim" else p for n, p in zip(prim.params, params, strict=True))
    return lower(prim, (front(x, batched[0], size), index, *source), params)


@batch_rule("embedding", "embedding_gather")
def _embedding(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    weight, indices = inputs
    if not batched[0]:
        return lower(prim, inputs, params)
    if not batched[1] and params[prim.params.index("padding_idx")] < 0:
        return _rows_of(weight, indices)
    return looped(prim, inputs, batched, params, size)


def _rows_of(weight: Any, indices: Any) -> Tensor:
    shape = indices._data.shape
    flat = OPS.index_select(weight, 1, OPS.reshape(indices, (indices._data.size,)))
    return OPS.reshape(flat, (weight._data.shape[0], *shape, *weight._data.shape[2:]))  # type: ignore[no-any-return]


@batch_rule("embedding_dense_backward")
def _embedding_backward(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The rows of all elements one below the other, in one table."""
    g, indices = (front(t, b, size) for t, b in zip(inputs, batched, strict=True))
    known = dict(zip(prim.params, params, strict=True))
    rows, padding = known["rows"], known["padding_idx"]
    if padding >= 0 or known["by_frequency"] or g._data.ndim == 2:
        return looped(prim, inputs, batched, params, size)
    moved = indices + _counted(size, indices._data.ndim - 1) * rows
    known["rows"] = rows * size
    made = lower(prim, (g, moved), tuple(known.values()))
    return OPS.reshape(made, (size, rows, *made._data.shape[1:]))


def _dynamic(name: str, text: str) -> Rule:
    def refuse(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
        raise RuntimeError(errors.hinted(text, hint="torch.where(condition, x, 0) keeps the shape"))

    RULES[name] = refuse
    return refuse


for _name, _aten in (
    ("nonzero", "nonzero"), ("unique", "_unique2"), ("unique_dim", "unique_dim"),
    ("unique_consecutive", "unique_consecutive"),
):  # fmt: skip
    _dynamic(
        _name,
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to "
        f"vmap over aten::{_aten}. Please file an issue at "
        "https://github.com/pytorch/pytorch/issues if you need this feature.",
    )
_refuse_mask = _dynamic(
    "masked_select",
    "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We cannot support this "
    "because for each batch this would return a differently shaped Tensor. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues if you need this feature.",
)


@batch_rule("masked_select")
def _masked_select(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """With one mask for all elements it is an index."""
    x, mask = inputs
    if batched[1]:
        return _refuse_mask(prim, inputs, batched, params, size)
    common = np.broadcast_shapes(x._data.shape[1:], mask._data.shape) or (1,)
    x = OPS.expand(ranked(x, True, len(common)), (size, *common))
    mask = OPS.expand(mask, common)
    return lower(OPS.index.prim, (x, mask, *(None,) * 7), ((1,),))


# ---------------------------------------------------------------- losses


@batch_rule(
    "mse_loss", "huber_loss", "smooth_l1_loss", "soft_margin_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)  # fmt: skip
def _loss(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """Without reduction, which then is over the dimensions of one element."""
    reduction, *rest = params
    made = lower(prim, align(inputs, batched), ("none", *rest))
    if made._data.ndim == 1 or reduction == "none":
        return made
    dims = tuple(range(1, made._data.ndim))
    return (OPS.mean if reduction == "mean" else OPS.sum)(made, dims, False)


def _classes_flat(t: Any, size: int) -> Any:
    """(batch, samples, ...) -> (batch * samples, ...)."""
    shape = t._data.shape
    return OPS.reshape(t, (size * shape[1], *shape[2:]))


@batch_rule("nll_loss", "nll_loss2d")
def _nll(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    x, target, weight = inputs
    reduction, ignored = params
    if batched[2]:
        return looped(prim, inputs, batched, params, size)
    x, target = front(x, batched[0], size), front(target, batched[1], size)
    if x._data.ndim == 2:  # one sample each: (batch, classes)
        made = lower(prim, (x, target, weight), ("none", ignored))
        counted = OPS.zeros(x._data.shape, x.dtype) - 1
        if reduction != "mean":
            return made
        return made / lower(prim, (counted, target, weight), ("none", ignored))
    flat, labels = _classes_flat(x, size), _classes_flat(target, size)
    made = lower(prim, (flat, labels, weight), ("none", ignored))
    made = OPS.reshape(made, (size, *target._data.shape[1:]))
    if reduction == "none":
        return made
    dims = tuple(range(1, made._data.ndim))
    total = OPS.sum(made, dims, False)
    return (
        total / _counts(prim, flat, labels, weight, ignored, target, size)
        if reduction == "mean"
        else total
    )


def _counts(
    prim: Any, flat: Any, labels: Any, weight: Any, ignored: int, target: Any, size: int
) -> Any:
    """The sum of the weights of the targets that count."""
    ones = OPS.zeros(flat._data.shape, flat.dtype) - 1
    counted = lower(prim, (ones, labels, weight), ("none", ignored))
    counted = OPS.reshape(counted, (size, *target._data.shape[1:]))
    return OPS.sum(counted, tuple(range(1, counted._data.ndim)), False)


@batch_rule("nll_loss_backward")
def _nll_backward(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    g, target, weight = inputs
    shape, reduction, ignored = params
    if batched[2] or len(shape) < 2:
        return looped(prim, inputs, batched, params, size)
    g, target = front(g, batched[0], size), front(target, batched[1], size)
    labels = _classes_flat(target, size)
    flat = (size * shape[0], *shape[1:])
    if reduction == "mean":
        loss = OPS.nll_loss.prim if len(shape) == 2 else OPS.nll_loss2d.prim
        like = OPS.zeros(flat, g.dtype)
        g = g / _counts(loss, like, labels, weight, ignored, target, size)
    if reduction != "none":
        g = OPS.expand(ranked(g, True, target._data.ndim - 1), tuple(target._data.shape))
    g = OPS.reshape(g, tuple(labels._data.shape))
    made = lower(prim, (g, labels, weight), (flat, "none", ignored))
    return OPS.reshape(made, (size, *shape))


# ---------------------------------------------------------------- normalisation


@batch_rule("native_layer_norm")
def _layer_norm(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """Batched weights are applied afterwards."""
    x, weight, bias = inputs
    x = front(x, batched[0], size)
    if not batched[1] and not batched[2]:
        return lower(prim, (x, weight, bias), params)
    made = lower(prim, (x, None, None), params)
    rank = made._data.ndim - 1
    if weight is not None:
        made = made * ranked(weight, batched[1], rank)
    return made if bias is None else made + ranked(bias, batched[2], rank)


@batch_rule("native_group_norm")
def _group_norm(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    x, weight, bias = inputs
    x = front(x, batched[0], size)
    shape = tuple(x._data.shape)
    flat = _classes_flat(x, size)
    if not batched[1] and not batched[2]:
        return OPS.reshape(lower(prim, (flat, weight, bias), params), shape)
    made = OPS.reshape(lower(prim, (flat, None, None), params), shape)
    for t, has, op in ((weight, batched[1], OPS.mul), (bias, batched[2], OPS.add)):
        if t is not None:
            lead = (size, 1) if has else (1, 1)
            made = op(made, OPS.reshape(t, (*lead, shape[2], *(1,) * (len(shape) - 3))))
    return made


@batch_rule("native_batch_norm")
def _batch_norm(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The channels of all elements side by side."""
    x, *rest = inputs
    x = front(x, batched[0], size)
    shape = x._data.shape
    channels = shape[2]
    flat = OPS.reshape(moved(x, 0, 1), (shape[1], size * channels, *shape[3:]))
    wide = [
        t if t is None else OPS.reshape(front(t, b, size), (size * channels,))
        for t, b in zip(rest, batched[1:], strict=True)
    ]
    made = lower(prim, (flat, *wide), params)
    return moved(OPS.reshape(made, (shape[1], size, channels, *shape[3:])), 1, 0)
