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

from .levels import lower, outs_of
from .primitive import REGISTRY, Primitive
from .record import OPS
from .tensor import Tensor

__all__ = [
    "RULES",
    "Rule",
    "align",
    "batch_rule",
    "front",
    "loop",
    "looped",
    "moved",
    "op_named",
    "rank_of",
    "ranked",
    "rule_of",
    "shifted",
]

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
    """`t` with dimension `source` moved to `target`."""
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
    "fft_c2c",
    "fft_r2c",
    "fft_c2r",
    "fft_resize",
    "fft_weigh",
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
    "zero",
    "unravel_index",
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
    operands = inputs
    if False in batched:
        operands = tuple([front(t, b, size) for t, b in zip(inputs, batched, strict=True)])
    if params and params[0] is None and prim.params[0] == "dim":
        return _of_everything(prim, operands, params)
    if not rank_of(operands[0], True) and prim.name not in _GROWING:
        return _of_numbers(prim, operands, params, size)
    return lower(prim, operands, _shifted_params(prim, params, size))


_INT_DIM = {"argmax", "argmin", "aminmax"}
_OVER_ANY = {"sum", "mean"}  # whose rules take several dimensions as well as one


def _of_everything(prim: Primitive, operands: Any, params: Any) -> Any:
    """A reduction over all dimensions of one element."""
    x = operands[0]
    shape = x._data.shape
    if prim.name in _OVER_ANY:
        if len(shape) == 1 and x._data.dtype.kind == "f":  # of one number
            return OPS.clone(x)
        if len(shape) > 1:
            return lower(prim, operands, (tuple(range(1, len(shape))), *params[1:]))
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


def op_named(name: str) -> Primitive:
    """The op of this name."""
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


@batch_rule("as_strided")
def _as_strided(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return looped(prim, (OPS.contiguous(inputs[0]),), batched, params, size)


for _name in ("class_mask",):
    RULES[_name] = whole
for _name in (
    "strided_sum", "copy_slices", "take", "put", "masked_scatter",
    "masked_scatter_backward", "fill_diagonal", "block_diag", "index_fill_tensor", "label_counts",
    "multi_margin_loss", "multilabel_margin_loss", "addbmm", "median", "nanmedian", "searchsorted",
):  # fmt: skip
    RULES[_name] = looped
