"""What each op does on batches.

A rule is `rule(prim, inputs, batched, params, size)`: operands one level down, which of them carry
the batch as dimension 0, the static parameters as the function under vmap gave them. It evaluates
ops one level down and returns outputs that all carry the batch as dimension 0.
Elementwise ops line up ranks; ops that work along dimensions get them shifted by one; ops on
several tensors get the batch expanded where it is missing; some fold the batch into another
dimension. Ops named in no table here are evaluated element by element (`loop`), with one warning.
The tables know ops by name only. Called by `core/batch.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors
from .levels import lower, outs_of
from .primitive import REGISTRY, Primitive
from .record import OPS
from .tensor import Tensor, wrap

__all__ = ["RULES", "align", "batch_rule", "front", "loop", "moved", "rule_of"]

Rule = Callable[[Primitive, tuple[Any, ...], Sequence[bool], tuple[Any, ...], int], Any]
RULES: dict[str, Rule] = {}


def batch_rule(*names: str) -> Callable[[Rule], Rule]:
    """Decorator: the rule of these ops."""

    def add(rule: Rule) -> Rule:
        for name in names:
            RULES[name] = rule
        return rule

    return add


def rule_of(prim: Primitive) -> Rule:
    """The rule of an op: its own, that of its kind, or the loop."""
    rule = RULES.get(prim.name)
    if rule is None:
        rule = aligned if prim.kind == "elementwise" else loop
        RULES[prim.name] = rule
    return rule


# ---------------------------------------------------------------- bringing operands into line


def front(t: Any, has: bool, size: int) -> Any:
    """`t` with the batch as dimension 0, repeated without copying if it has none."""
    if has or not isinstance(t, Tensor):
        return t
    return OPS.expand(t, (size, *t._data.shape))


def ranked(t: Any, has: bool, rank: int) -> Any:
    """A batched `t` with ones after the batch, so that each element has `rank` dimensions."""
    if not has or len(t._data.shape) > rank:
        return t
    shape = t._data.shape
    return OPS.reshape(t, (shape[0], *(1,) * (rank + 1 - len(shape)), *shape[1:]))


def rank_of(t: Any, has: bool) -> int:
    """The rank of one element."""
    return t._data.ndim - has if isinstance(t, Tensor) else 0


def align(inputs: tuple[Any, ...], batched: Sequence[bool]) -> tuple[Any, ...]:
    """Operands that broadcast together for each element, so that they do with the batch."""
    ranks = [rank_of(t, b) for t, b in zip(inputs, batched, strict=True)]
    top = max(ranks)
    if min(ranks) == top:
        return inputs
    return tuple(ranked(t, b, top) for t, b in zip(inputs, batched, strict=True))


def shifted(d: Any) -> Any:
    """Dimensions one further on; those counted from the end stay."""
    if type(d) is int:
        return d + 1 if d >= 0 else d
    return d if d is None else tuple([i + 1 if i >= 0 else i for i in d])


def moved(t: Tensor, source: int, target: int) -> Tensor:
    order = [d for d in range(t._data.ndim) if d != source]
    order.insert(target, source)
    return OPS.permute(t, tuple(order))  # type: ignore[no-any-return]


# ---------------------------------------------------------------- the loop


_warned: set[str] = set()


def loop(
    prim: Primitive, inputs: tuple[Any, ...], batched: Sequence[bool], params: Any, size: int
) -> Any:
    """One element after the other, stacked."""
    if prim.name not in _warned:
        _warned.add(prim.name)
        warnings.warn(
            "There is a performance drop because we have not yet implemented the batching rule for "
            f"aten::{prim.name}. Please file us an issue on GitHub so that we can prioritize its "
            "implementation.",
            UserWarning,
            stacklevel=6,
        )
    return looped(prim, inputs, batched, params, size)


def looped(
    prim: Primitive, inputs: tuple[Any, ...], batched: Sequence[bool], params: Any, size: int
) -> Any:
    """`loop` without the warning: for ops that are used rarely or are slow anyway."""
    if not size:
        return _none(prim, inputs, batched, params)
    parts = [OPS.unbind(t, 0) if b else (t,) * size for t, b in zip(inputs, batched, strict=True)]
    made = [outs_of(prim, lower(prim, one, params)) for one in zip(*parts, strict=True)]
    stacked = tuple(OPS.stack(list(many), 0) for many in zip(*made, strict=True))
    return stacked if prim.several else stacked[0]


def _none(prim: Primitive, inputs: Any, batched: Any, params: Any) -> Any:
    """The outputs for a batch of no elements: empty, in the shapes that an element would have."""
    one = [
        OPS.zeros(t._data.shape[1:], t.dtype) if b else t
        for t, b in zip(inputs, batched, strict=True)
    ]
    made = outs_of(prim, lower(prim, tuple(one), params))
    outs = tuple(OPS.zeros((0, *t._data.shape), t.dtype) for t in made)
    return outs if prim.several else outs[0]


# ---------------------------------------------------------------- elementwise, and what broadcasts


@batch_rule("complex", "polar", "masked_fill")
def aligned(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """Operands that broadcast against each other."""
    return lower(prim, align(inputs, batched) if len(inputs) > 1 else inputs, params)


@batch_rule("copy")
def _copy(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    (a, b), (has_a, has_b) = inputs, batched
    return lower(prim, align((front(a, has_a, size), b), (True, has_b)), params)


@batch_rule("fill")
def _fill(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    (a, value), (has_a, has_value) = inputs, batched
    if not has_value:
        return lower(prim, inputs, params)
    a = front(a, has_a, size)
    value = OPS.to_dtype(value, a.dtype) if value.dtype is not a.dtype else value
    return OPS.copy.prim.call(a, ranked(value, True, a._data.ndim - 1))


@batch_rule("masked_fill_tensor")
def _masked_fill_tensor(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    x, mask, value = inputs
    if batched[2]:
        value = OPS.to_dtype(value, x.dtype) if value.dtype is not x.dtype else value
        x, mask, value = align((x, mask, value), batched)
        return OPS.where(mask, value, x)
    x, mask = align((x, mask), batched[:2])
    return lower(prim, (x, mask, value), params)


# ---------------------------------------------------------------- along dimensions

# operands with the batch in front, and parameters of these names shifted or prefixed
DIMS = {"dim", "dims", "dim0", "dim1", "dim2", "dimension"}
SHAPES = {"shape", "size"}
ALONG = [
    "glu",
    "sum",
    "mean",
    "nansum",
    "prod",
    "var",
    "std",
    "var_mean",
    "std_mean",
    "all",
    "any",
    "count_nonzero",
    "transpose",
    "select",
    "select_backward",
    "slice",
    "slice_backward",
    "flip",
    "split",
    "split_with_sizes",
    "unbind",
    "diagonal",
    "diagonal_copy",
    "diagonal_backward",
    "diag_embed",
    "unfold",
    "unfold_backward",
    "linalg_vector_norm",
    "amax",
    "amin",
    "aminmax",
    "max_dim",
    "min_dim",
    "argmax",
    "argmin",
    "cummax",
    "cummin",
    "cumsum",
    "cumprod",
    "logcumsumexp",
    "softmax",
    "log_softmax",
    "logsumexp",
    "squeeze_dim",
    "squeeze_dims",
    "unsqueeze",
    "rot90",
    "gather",
    "scatter",
    "scatter_value",
    "scatter_add",
    "scatter_reduce",
    "select_scatter",
    "slice_scatter",
    "diagonal_scatter",
    "recurrence",
    "cat",
    "stack",
    "sort",
    "argsort",
    "topk",
    "kthvalue",
    "mode",
    "median_dim",
    "nanmedian_dim",
    "renorm",
]
WHOLE = [
    "to_dtype",
    "_view_dtype",
    "alias",
    "contiguous",
    "tril",
    "triu",
    "conj",
    "conj_physical",
    "real",
    "imag",
    "view_as_real",
    "view_as_complex",
    "frexp",
    "reshape",
    "_unsafe_view",
]  # nothing to shift but a shape


def _shifted_params(prim: Primitive, params: tuple[Any, ...], size: int) -> tuple[Any, ...]:
    return tuple(
        [
            shifted(p) if n in DIMS else (size, *p) if n in SHAPES and type(p) is tuple else p
            for n, p in zip(prim.params, params, strict=True)
        ]
    )


# in stack, diag_embed and unsqueeze `dim` counts dimensions of the result
_GROWING = {"unsqueeze", "stack", "select_backward"}


@batch_rule(*ALONG)
def along(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """Every operand gets the batch in front, every dimension parameter one more."""
    operands = tuple(front(t, b, size) for t, b in zip(inputs, batched, strict=True))
    whole = prim.params and prim.params[0] == "dim" and params[0] is None
    if whole:
        return _of_everything(prim, operands, params)
    if not rank_of(operands[0], True) and prim.name not in _GROWING:
        return _of_numbers(prim, operands, params, size)
    return lower(prim, operands, _shifted_params(prim, params, size))


_INT_DIM = {"argmax", "argmin", "aminmax"}


def _of_everything(prim: Primitive, operands: Any, params: Any) -> Any:
    """A reduction over all dimensions of one element."""
    x = operands[0]
    shape = x._data.shape
    known = dict(zip(prim.params, params, strict=True))
    keepdim = known.get("keepdim", False)
    flat = OPS.reshape(x, (shape[0], _count(shape[1:])))
    known |= {"dim": 1 if prim.name in _INT_DIM else (1,)} | ({"keepdim": False} if keepdim else {})
    made = lower(prim, (flat,), tuple(known.values()))
    if not keepdim:
        return made
    kept = (shape[0], *(1,) * (len(shape) - 1))
    outs = tuple(OPS.reshape(t, kept) for t in outs_of(prim, made))
    return outs if prim.several else outs[0]


def _prim(name: str) -> Primitive:
    return REGISTRY[name]


def _count(shape: Sequence[int]) -> int:
    n = 1
    for d in shape:
        n *= d
    return n


def _of_numbers(prim: Primitive, operands: Any, params: Any, size: int) -> Any:
    """Elements without dimensions count as vectors of one."""
    vectors = tuple(
        OPS.reshape(t, (size, 1)) if isinstance(t, Tensor) and t._data.ndim == 1 else t
        for t in operands
    )
    made = lower(prim, vectors, _shifted_params(prim, params, size))
    if prim.name == "unfold":  # windows of a number are a vector
        return OPS.squeeze(made, 1)
    one = operands[-1] if prim.name == "gather" else operands[0]
    shape = tuple(one._data.shape)
    outs = tuple(
        OPS.reshape(t, shape) if t._data.shape == (size, 1) else t for t in outs_of(prim, made)
    )
    return outs if prim.several else outs[0]


@batch_rule(*WHOLE)
def whole(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The op takes any number of leading dimensions."""
    return lower(prim, inputs, _shifted_params(prim, params, size))


@batch_rule("expand")
def _expand(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    (x,), (shape,) = inputs, params
    return lower(prim, (ranked(x, True, len(shape)),), ((size, *shape),))


@batch_rule("permute")
def _permute(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return lower(prim, inputs, ((0, *shifted(params[0])),))


@batch_rule("squeeze")
def _squeeze(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    shape = inputs[0]._data.shape
    gone = tuple(i for i, n in enumerate(shape) if i and n == 1)
    return lower(OPS.squeeze_dims.prim, inputs, (gone,))


@batch_rule("t")
def _matrix_t(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    if inputs[0]._data.ndim < 3:
        return OPS.alias(inputs[0])
    return lower(OPS.transpose.prim, inputs, (1, 2))


@batch_rule("roll")
def _roll(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    shifts, dims = params
    x = inputs[0]
    if dims:
        return lower(prim, inputs, (shifts, shifted(dims)))
    shape = x._data.shape
    flat = OPS.reshape(x, (size, _count(shape[1:])))
    return OPS.reshape(lower(prim, (flat,), ((sum(shifts),), (1,))), tuple(shape))


@batch_rule("repeat")
def _repeat(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return lower(prim, (ranked(inputs[0], True, len(params[0])),), ((1, *params[0]),))


# ---------------------------------------------------------------- products


@batch_rule("matmul")
def _matmul(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return product(inputs, batched, size)


def product(inputs: Any, batched: Any, size: int) -> Any:
    """`a @ b` for each element: one product of matrices where one side is the same for all."""
    (a, b), (has_a, has_b) = inputs, batched
    na, nb = rank_of(a, has_a), rank_of(b, has_b)
    if not has_b and nb <= 2:
        return lower(_prim("matmul"), (a, b), ())
    if not has_a and na <= 2:
        if nb == 1:
            a = lower(_prim("transpose"), (a,), (0, 1)) if na == 2 else a
            return lower(_prim("matmul"), (b, a), ())
        return lower(_prim("matmul"), (a, b), ())
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
    return OPS.unsqueeze(a, 1 + has_a) * OPS.unsqueeze(b, has_b)


@batch_rule("linear", "affine", "affine_any")
def _linear(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    *bias, x, weight = inputs
    has_x, has_weight = batched[-2:]
    turned = OPS.transpose(weight, has_weight, 1 + has_weight)
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
        made = OPS.unsqueeze(a, 1 + has_a) * OPS.unsqueeze(b, has_b)
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


for _name in ("class_mask",):
    RULES[_name] = whole
for _name in (
    "as_strided", "strided_sum", "copy_slices", "take", "put", "masked_scatter",
    "masked_scatter_backward", "fill_diagonal", "block_diag", "index_fill_tensor", "label_counts",
    "multi_margin_loss", "multilabel_margin_loss", "addbmm", "median", "nanmedian", "searchsorted",
):  # fmt: skip
    RULES[_name] = looped
