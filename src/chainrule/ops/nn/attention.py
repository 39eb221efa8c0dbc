"""Scaled dot-product attention: one op with its own vjp, and the composition for the rest (dropout,
a mask that requires grad).

`attention_backward` is an op too; its vjp is written with the ordinary ops, so every order is
there. Masks are added to the scores: 0 where one may look, -inf where not. Source of the op:
Vaswani et al., Attention Is All You Need (2017), eq. 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ..._state import ATTENTION, S, grad_enabled
from ...core.batching import RULES, front, ranked
from ...core.declare import general, public
from ...core.interpreter import composing
from ...core.levels import lower
from ...core.primitive import F32, F64
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import attention as kernels
from ..fast import Lane, T
from ..shape.reshape import need_tensor

# ---------------------------------------------------------------- the ops


def _half(kernel: Any) -> Any:
    """In single precision for half precision."""

    def checked(*operands: Any) -> Any:
        dtype = operands[0].dtype
        if dtype.itemsize > 2:
            return kernel(*operands)
        up = [t.astype(np.float32) if getattr(t, "dtype", None) == dtype else t for t in operands]
        made = kernel(*up)
        if type(made) is tuple:
            return tuple(t.astype(dtype) for t in made)
        return made.astype(dtype)

    checked.__wrapped__ = kernel  # type: ignore[attr-defined]
    return checked


def _attention_back(
    xp: Any, g: Any, q: Any, k: Any, v: Any, mask: Any, scale: float
) -> tuple[Any, ...]:
    return (*xp.attention_backward(g, q, k, v, mask, scale), None)


_attention = Lane(
    general(
        "attention",
        _half(kernels.attention),
        ("q", "k", "v", "mask"),
        vjp=_attention_back,
        grad_fn="ScaledDotProductFlashAttentionForCpuBackward0",
        names=("_attention",),
        method=False,
        doc="softmax(q k^T scale + mask) v.",
    ),
    kernels.attention,
)


def _weights(xp: Any, q: Any, k: Any, mask: Any, scale: float, rank: int) -> Any:
    """softmax(q k^T scale + mask)."""
    scores = xp.matmul(q * scale, xp.transpose(k, rank - 2, rank - 1))
    return xp._safe_softmax(scores if mask is None else scores + mask, rank - 1)


def _back_back(
    xp: Any, gs: Any, g: Any, q: Any, k: Any, v: Any, mask: Any, scale: float, q_shape: Any
) -> tuple[Any, ...]:
    """With P the weights, D = g v^T, R the row sums of P D and dS = P (D - R), the cotangents a, b,
    c of dS k scale, dS^T q scale and P^T g go back to g, q, k, v."""
    a, b, c = gs
    n = len(q_shape)

    def t(x: Any) -> Any:
        return xp.transpose(x, n - 2, n - 1)

    def mm(x: Any, y: Any) -> Any:
        return xp.matmul(x, y)

    def rows(x: Any) -> Any:
        return xp.sum(x, (n - 1,), True)

    p, d = _weights(xp, q, k, mask, scale, n), mm(g, t(v))
    around = d - rows(p * d)
    ds = p * around
    to_ds = (mm(a, t(k)) + mm(q, t(b))) * scale
    to_d = p * (to_ds - rows(to_ds * p))
    to_p = to_ds * around - d * rows(to_ds * p) + mm(g, t(c))
    to_s = p * (to_p - rows(to_p * p))
    to_g = mm(to_d, v) + mm(p, c)
    to_q = (mm(ds, b) + mm(to_s, k)) * scale
    to_k = (mm(t(ds), a) + mm(t(to_s), q)) * scale
    return to_g, to_q, to_k, mm(t(to_d), g), None


general(
    "attention_backward",
    _half(kernels.attention_backward),
    ("g", "q", "k", "v", "mask"),
    vjp=_back_back,
    outputs=("gq", "gk", "gv"),
    names=("_attention_backward",),
    method=False,
    doc="The cotangents of q, k and v in attention.",
)


def _softmax_rule(xp: Any, g: Any, out: Any, dim: int) -> Any:
    weighted = g * out
    return weighted - out * xp.sum(weighted, (dim,), True)


general(
    "_safe_softmax",
    _half(kernels.safe_softmax),
    ("x",),
    rules={"x": _softmax_rule},
    grad_fn="SafeSoftmaxBackward0",
    method=False,
    doc="softmax along `dim`, zeros where all are -inf.",
)


def _heads(prim: Any, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The batch is one more leading dimension of the heads."""
    *operands, mask = inputs
    made = [front(t, b, size) for t, b in zip(operands, batched, strict=False)]
    if mask is not None:
        mask = ranked(mask, batched[-1], made[0]._data.ndim - 1)
    return lower(prim, (*made, mask), params)


def _rows(prim: Any, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    return lower(prim, inputs, (params[0] + 1,))


RULES["attention"] = RULES["attention_backward"] = _heads
RULES["_safe_softmax"] = _rows

# ---------------------------------------------------------------- public


@public("nn.functional.scaled_dot_product_attention")
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query key^T scale + mask) value.

    The probabilities are not kept for the backward pass; they are computed again.

    Args:
        query: (..., L, E); a floating dtype, the same for all.
        key: (..., S, E). value: (..., S, Ev).
        attn_mask: broadcasts to (..., L, S); bool: True where one may look; floating: added.
        dropout_p: drop probabilities (also outside of training).
        is_causal: row i sees columns up to i only.
        scale: default 1/sqrt(E).
        enable_gqa: the heads of key and value are repeated to the number of heads of query.

    Returns:
        (..., L, Ev); zeros in rows that see nothing.

    Raises:
        RuntimeError: shapes or dtypes that do not fit; a mask and `is_causal` where PyTorch cannot
            do both (less or more than 4 dimensions, dropout).

    Source: Vaswani et al., Attention Is All You Need (2017), eq. 1.

    Example:
        >>> import chainrule as torch
        >>> q = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> torch.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True)
        tensor([[1.0000, 0.0000],
                [0.3302, 0.6698]])
    """
    if (
        attn_mask is scale is None and dropout_p == 0 and enable_gqa is False
        and (is_causal is False or is_causal is True) and _is_usual(query, key, value)
    ):  # fmt: skip
        return _usual(query, key, value, is_causal)
    _check(query, key, value, attn_mask, dropout_p)
    if is_causal and hasattr(attn_mask, "variant"):
        raise ValueError("CausalBias should not be used with causal=True")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, (int, float))):
        raise TypeError(
            "scaled_dot_product_attention(): argument 'scale' must be float, not "
            f"{errors.kind_name(scale)}"
        )
    if enable_gqa:
        key, value = _repeated(query, key), _repeated(query, value)
    query, key, value = _same_heads(query, key, value)
    width = query._data.shape[-1]
    factor = float(scale) if scale is not None else 1 / math.sqrt(width) if width else 0.0
    learned = attn_mask is not None and attn_mask.requires_grad and grad_enabled()
    plain = query._data.ndim == 4 and width == value._data.shape[-1]
    if not ATTENTION["math"]:
        _check_backends(dropout_p <= 0.0 and not learned and plain)
    if dropout_p <= 0.0 and not learned and plain:
        return _run(query, key, value, _mask(query, key, attn_mask, is_causal), factor)
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    # PyTorch has these cases as several nodes too
    mask = _mask(query, key, attn_mask, is_causal)
    p = _weights(OPS, query, key, mask, factor, query._data.ndim)
    return OPS.matmul(T("nn.functional.dropout")(p, dropout_p) if dropout_p > 0.0 else p, value)


def _is_usual(q: Any, k: Any, v: Any) -> bool:
    """One dtype and shapes that fit, no interpreter, nothing switched off: no question is left.
    Where PyTorch would record several nodes (not four dimensions), also nothing to record."""
    if S.mode is not None or not (type(q) is type(k) is type(v) is Tensor and ATTENTION["math"]):
        return False
    x, y, z = q._data, k._data, v._data
    dtype, shape, other = x.dtype, x.shape, y.shape
    return (
        (dtype is F32 or dtype is F64) and dtype is y.dtype is z.dtype and other == z.shape
        and len(shape) > 1 and shape[:-2] == other[:-2] and shape[-1] == other[-1] > 0
        and (len(shape) == 4 or not _live(q, k, v))
    )  # fmt: skip


def _live(q: Any, k: Any, v: Any) -> bool:
    """Whether the call is to be recorded."""
    some = q._node is not None or k._node is not None or v._node is not None
    return some and bool(S.grad or grad_enabled())


def _usual(q: Any, k: Any, v: Any, is_causal: bool) -> Any:
    x, y = q._data, k._data
    rows, width = x.shape[-2:]
    scale = 1 / math.sqrt(width)
    mask = kernels.causal_mask(rows, y.shape[-2], x.dtype) if is_causal else None
    r = wrap(kernels.attention(x, y, v._data, mask, scale))
    if _live(q, k, v):
        added = None if mask is None else wrap(mask)
        _attention.hang(r, (q, k, v, added), (scale,))
    return r


def _check_backends(fused: bool) -> None:
    """With MATH switched off, calls that PyTorch's fused kernel on CPUs takes are left."""
    if not ATTENTION["flash"]:
        raise RuntimeError(
            "No viable backend for scaled_dot_product_attention was found. This is likely due to "
            "turning off both the math kernel and the fused kernels.\n"
            "Hint: on a CPU there are SDPBackend.MATH and SDPBackend.FLASH_ATTENTION"
        )
    if not fused:
        raise RuntimeError(
            "No available kernel.  Aborting execution.\n"
            "Hint: SDPBackend.FLASH_ATTENTION takes 4 dimensions and as wide values as keys, no "
            "dropout and no mask that requires grad; SDPBackend.MATH takes everything"
        )


def _run(q: Any, k: Any, v: Any, mask: Any, scale: float) -> Any:
    if S.mode is not None or q._data.dtype.itemsize == 2:
        return _attention.prim.call(q, k, v, mask, params=(scale,))
    added = None if mask is None else mask._data
    r = wrap(kernels.attention(q._data, k._data, v._data, added, scale))
    if _live(q, k, v):
        _attention.hang(r, (q, k, v, mask), (scale,))
    return r


_C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "int64": "long int", "int32": "int", "int16": "short int", "uint8": "unsigned char",
    "int8": "signed char", "bool": "bool",
}  # fmt: skip


def _c_name(t: Any) -> str:
    return _C_NAMES.get(t.dtype.name, t.dtype.name)


def _check(q: Any, k: Any, v: Any, mask: Any, dropout_p: float) -> None:
    for i, (name, t) in enumerate((("query", q), ("key", k), ("value", v)), 1):
        need_tensor("scaled_dot_product_attention", t, name, i)
    if mask is not None and not isinstance(mask, Tensor):
        raise TypeError(
            "scaled_dot_product_attention(): argument 'attn_mask' must be Tensor, not "
            f"{errors.kind_name(mask)}"
        )
    x, y, z = q._data, k._data, v._data
    if not x.dtype == y.dtype == z.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{_c_name(q)} key.dtype: {_c_name(k)} and value.dtype: {_c_name(v)} instead."
        )
    if min(x.ndim, y.ndim, z.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{x.ndim} key.dim: {y.ndim} and value.dim: {z.ndim} instead."
        )
    if mask is not None:
        _check_mask(q, mask)
    if x.dtype.kind not in "fVc":
        raise RuntimeError(
            f"expected scalar type Float but found {errors.LEGACY[q.dtype.name]}\n"
            "Hint: query.float()"
        )
    if dropout_p > 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p:g}")
    if x.shape[-1] != y.shape[-1] or y.shape[-2] != z.shape[-2]:
        raise _product(x, y, z)


def _check_mask(q: Any, mask: Any) -> None:
    dtype = mask._data.dtype
    if dtype != q._data.dtype and dtype.kind != "b" and dtype != np.float32:
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {_c_name(mask)} and  query.dtype: {_c_name(q)} instead."
        )


def _product(x: Any, y: Any, z: Any) -> RuntimeError:
    """The inner sizes of one of the two matrix products differ."""
    heads = math.prod(x.shape[:-2])
    if x.shape[-1] != y.shape[-1]:
        want, got, hint = x.shape[-1], y.shape[-1], "query and key have vectors of one length"
    else:
        want, got, hint = y.shape[-2], z.shape[-2], "one vector of value for every one of key"
    if x.ndim == 2:
        first = (
            f"mat1 and mat2 shapes cannot be multiplied ({x.shape[0]}x{want} and {got}x"
            f"{y.shape[0] if want == x.shape[-1] else z.shape[-1]})"
        )
    else:
        first = (
            f"Expected size for first two dimensions of batch2 tensor to be: [{heads}, {want}] but "
            f"got: [{heads}, {got}]."
        )
    return RuntimeError(
        errors.hinted(
            first,
            f"query: {list(x.shape)}, key: {list(y.shape)}, value: {list(z.shape)}",
            hint=hint,
        )
    )


def _repeated(q: Any, t: Any) -> Any:
    """The heads (third dimension from the end) repeated to those of q."""
    errors.checked_dim(-3, q._data.ndim)
    errors.checked_dim(-3, t._data.ndim)
    want, have = q._data.shape[-3], t._data.shape[-3]
    if want % max(have, 1):
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in \n"
            f"query: {want}, key or value: {have}"
        )
    return t if want == have else T.repeat_interleave(t, want // have, -3)


def _same_heads(q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
    """Leading dimensions broadcast."""
    leads = [t._data.shape[:-2] for t in (q, k, v)]
    if leads[0] == leads[1] == leads[2]:
        return q, k, v
    try:
        lead = np.broadcast_shapes(*leads)
    except ValueError:
        clashing = leads[1] if _clash(leads[0], leads[1]) else leads[2]
        raise errors.broadcast("attention", (leads[0], clashing)) from None
    q, k, v = (
        t if tuple(have) == lead else OPS.expand(t, (*lead, *t._data.shape[-2:]))
        for t, have in zip((q, k, v), leads, strict=True)
    )
    return q, k, v


def _clash(a: Any, b: Any) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return True
    return False


def _mask(q: Any, k: Any, mask: Any, is_causal: bool) -> Any:
    """What is added to the scores."""
    rows, columns = q._data.shape[-2], k._data.shape[-2]
    dtype = q._data.dtype
    if mask is None:
        return wrap(kernels.causal_mask(rows, columns, dtype)) if is_causal else None
    full = (*q._data.shape[:-2], rows, columns)
    try:
        fits = np.broadcast_shapes(full, mask._data.shape) == tuple(full)
    except ValueError:
        raise errors.broadcast("attention", (full, mask._data.shape)) from None
    if not fits:
        raise errors.broadcast("attention", (full, mask._data.shape))
    if mask._data.dtype.kind != "b":
        added = mask if mask._data.dtype == dtype else OPS.to_dtype(mask, q.dtype)
    elif composing():
        added = OPS.where(mask, OPS.zeros((), q.dtype), -math.inf)
    else:
        added = wrap(np.where(mask._data, dtype.type(0), dtype.type(-np.inf)))
    return added + wrap(kernels.causal_mask(rows, columns, dtype)) if is_causal else added
