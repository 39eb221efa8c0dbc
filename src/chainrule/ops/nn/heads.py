"""Multi-head attention as one function: projections in, attention of every head, projection out.

A composition of ordinary ops and `scaled_dot_product_attention`; with `need_weights` the
probabilities are made, so they are then ordinary tensors of the graph. Source: Vaswani et al.,
Attention Is All You Need (2017), section 3.2.2."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.declare import public
from ...core.record import OPS
from ...core.tensor import Tensor
from ..fast import T
from . import padding
from .attention import scaled_dot_product_attention

# ---------------------------------------------------------------- checks


def _refuse(text: str) -> AssertionError:
    return AssertionError(text)


def _batched(query: Any, key: Any, value: Any, padding_mask: Any, mask: Any, heads: int) -> bool:
    """Whether there is a batch dimension; shapes that do not go with it are refused."""
    n = query.dim()
    if n not in (2, 3):
        raise _refuse(
            f"query should be unbatched 2D or batched 3D tensor but received {n}-D query tensor"
        )
    start = f"For {'batched (3-D)' if n == 3 else 'unbatched (2-D)'} `query`, expected "
    if key.dim() != n or value.dim() != n:
        raise _refuse(
            f"{start}`key` and `value` to be {n}-D but found {key.dim()}-D and {value.dim()}-D "
            "tensors respectively"
        )
    if padding_mask is not None and padding_mask.dim() != n - 1:
        raise _refuse(
            f"{start}`key_padding_mask` to be `None` or {n - 1}-D but found "
            f"{padding_mask.dim()}-D tensor instead"
        )
    if mask is not None and mask.dim() not in (2, 3):
        raise _refuse(
            f"{start}`attn_mask` to be `None`, 2-D or 3-D but found {mask.dim()}-D tensor instead"
        )
    if n == 2 and mask is not None and mask.dim() == 3:
        want = (heads, query.shape[0], key.shape[0])
        if mask.shape != want:
            raise _refuse(f"Expected `attn_mask` shape to be {want} but got {mask.shape}")
    return n == 3


def _added(mask: Any, name: str, dtype: Any) -> Any:
    """A mask as numbers to add: True becomes -inf."""
    if mask is None or mask.is_floating_point():
        return mask
    if mask.dtype.name != "bool":
        raise _refuse(f"only bool and floating types of {name} are supported")
    return OPS.where(mask, -math.inf, OPS.zeros((), dtype))


def _check_sizes(
    query: Any, key: Any, value: Any, expected: int, heads: int, separate: bool
) -> None:
    width = query.shape[2]
    if width != expected:
        raise _refuse(f"was expecting embedding dimension of {expected}, but got {width}")
    if width % heads:
        raise _refuse(f"embed_dim {width} not divisible by num_heads {heads}")
    if separate and key.shape[:2] != value.shape[:2]:
        raise _refuse(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not separate and key.shape != value.shape:
        raise _refuse(f"key shape {key.shape} does not match value shape {value.shape}")


def _check_mask(mask: Any, batch: int, heads: int, rows: int, columns: int) -> Any:
    """The mask with a leading dimension: 1, or one for every head of every sample."""
    if mask is None:
        return None
    want: tuple[int, ...] = (rows, columns)
    if mask.dim() == 3:
        want = (batch * heads, rows, columns)
    if mask.dim() not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.dim()} is not supported")
    if mask.shape != want:
        raise RuntimeError(
            f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be {want}."
        )
    return mask.unsqueeze(0) if mask.dim() == 2 else mask


# ---------------------------------------------------------------- projections


def _projected(inputs: Any, weight: Any, bias: Any) -> Any:
    """q, k, v by three weights, or by one of three blocks: then with one product where the inputs
    are the same."""
    query, key, value = inputs
    if type(weight) is tuple:
        return _apart(inputs, weight, bias)
    if weight is None:
        raise _refuse("use_separate_proj_weight is False but in_proj_weight is None")
    linear, width = T("nn.functional.linear"), query.shape[-1]
    if query is key and key is value:
        return T("chunk")(linear(query, weight, bias), 3, -1)
    blocks = T("split")(weight, width)
    biases = (None,) * 3 if bias is None else T("split")(bias, width)
    if key is value:
        both = linear(key, weight[width:], None if bias is None else bias[width:])
        return linear(query, blocks[0], biases[0]), *T("chunk")(both, 2, -1)
    return tuple(
        linear(x, w, b) for x, w, b in zip((query, key, value), blocks, biases, strict=True)
    )


def _apart(inputs: Any, weights: Any, bias: Any) -> Any:
    names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
    for name, w in zip(names, weights, strict=True):
        if w is None:
            raise _refuse(f"use_separate_proj_weight is True but {name} is None")
    biases = (None,) * 3 if bias is None else T("chunk")(bias, 3)
    linear = T("nn.functional.linear")
    return tuple(linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True))


def _heads(x: Any, batch: int, heads: int, each: int) -> Any:
    """(length, batch, width of all) -> (batch, heads, length, width)."""
    return OPS.permute(OPS.reshape(x, (x._data.shape[0], batch, heads, each)), (1, 2, 0, 3))


def _own_heads(x: Any, weight: Any, bias: Any, batch: int, heads: int, each: int) -> Any:
    """q, k and v of one input by head: one product, of which they are parts."""
    made = T("nn.functional.linear")(x, weight, bias)
    made = OPS.reshape(made, (x._data.shape[0], batch, 3, heads, each))
    return T("unbind")(OPS.permute(made, (2, 1, 3, 0, 4)))


def _in_heads(
    inputs: Any, weights: Any, bias: Any, more: Any, with_nothing: bool, masks: Any, size: Any
) -> tuple[Any, Any, Any, Any]:
    """q, k and v, projected, by head; `more`: one more key and value, or k and v as they are."""
    query, key, value = inputs
    bias_k, bias_v, static_k, static_v = more
    plain = static_k is static_v is None and not with_nothing
    itself = query is key is value and bias_k is bias_v is None
    if plain and itself and isinstance(weights, Tensor):
        return *_own_heads(query, weights, bias, *size), masks
    q, k, v = _projected(inputs, weights, bias)
    k, v, masks = _with_bias(k, v, bias_k, bias_v, (static_k, static_v), masks, size[0])
    if plain:
        k, v = _heads(k, *size), _heads(v, *size)
    else:
        k, v, masks = _given_heads(k, v, static_k, static_v, masks, with_nothing, size)
    return _heads(q, *size), k, v, masks


def _by_sample(mask: Any, size: Any) -> Any:
    """A mask of all heads, or of every head of every sample, with a dimension for each of both."""
    if mask is None:
        return None
    if mask.shape[0] == 1:
        return mask.unsqueeze(0)
    return mask.reshape(size[0], size[1], -1, mask.shape[2])


def _given_heads(
    k: Any, v: Any, static_k: Any, static_v: Any, masks: Any, with_nothing: bool, size: Any
) -> tuple[Any, Any, Any]:
    """k and v by head, of which one may be given as it is, or with one more of zeros."""
    batch, heads, each = size
    k = _by_head(k, static_k, "static_k", batch * heads, each)
    v = _by_head(v, static_v, "static_v", batch * heads, each)
    if with_nothing:
        k, v, masks = _with_nothing(k, v, masks)
    k, v = (OPS.reshape(t, (batch, heads, t._data.shape[1], each)) for t in (k, v))
    return k, v, masks


def _by_head(x: Any, static: Any, name: str, count: int, width: int) -> Any:
    """(length, batch, width of all) -> (batch heads, length, width)."""
    if static is None:
        return x.reshape(x.shape[0], count, width).transpose(0, 1)
    for dim, want in ((0, count), (2, width)):
        if static.size(dim) != want:
            raise _refuse(f"expecting {name}.size({dim}) of {want}, but got {static.size(dim)}")
    return static


def _longer(mask: Any) -> Any:
    return None if mask is None else padding.pad(mask, (0, 1))


def _merged(mask: Any, padding_mask: Any, batch: int, heads: int, columns: int) -> Any:
    """Both masks in one."""
    if padding_mask is None:
        return mask
    for dim, want in ((0, batch), (1, columns)):
        if padding_mask.shape[dim] != want:
            raise _refuse(
                f"Expected key_padded_mask.shape[{dim}] to be {want}, but got "
                f"{padding_mask.shape[dim]}"
            )
    spread = OPS.expand(padding_mask.reshape(batch, 1, 1, columns), (batch, heads, 1, columns))
    spread = spread.reshape(batch * heads, 1, columns)
    return spread if mask is None else mask + spread


def _visible(q: Any, k: Any, v: Any, mask: Any, dropout_p: float, is_causal: bool) -> Any:
    """The attention of every head, (batch, heads, length, width), and its probabilities."""
    if is_causal and mask is None:
        raise _refuse("FIXME: is_causal not implemented for need_weights")
    scores = OPS.matmul(q * math.sqrt(1.0 / q._data.shape[3]), OPS.transpose(k, 2, 3))
    weights = OPS.softmax(scores if mask is None else scores + mask, 3)
    weights = T("nn.functional.dropout")(weights, dropout_p) if dropout_p > 0.0 else weights
    return OPS.matmul(weights, v), weights


# ---------------------------------------------------------------- public


@public("nn.functional.multi_head_attention_forward")
def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:
    """Attention with several heads, all projections included.

    Args:
        query: (L, N, E) or (L, E). key, value: (S, N, ...) or (S, ...).
        embed_dim_to_check: E. num_heads: divides E.
        in_proj_weight, in_proj_bias: (3 E, E) and (3 E) for q, k and v, or None.
        bias_k, bias_v: (1, 1, E), one more key and value; both or neither.
        add_zero_attn: one more key and value of zeros.
        dropout_p: of the probabilities, when `training`.
        out_proj_weight, out_proj_bias: (E, E) and (E).
        key_padding_mask: (N, S) or (S); True, or -inf added: nobody looks there.
        need_weights: return the probabilities too.
        attn_mask: (L, S) or (N num_heads, L, S); True, or -inf added: may not look.
        use_separate_proj_weight: take `q_proj_weight`, `k_proj_weight`, `v_proj_weight`.
        static_k, static_v: (N num_heads, S, E/num_heads), instead of the projections.
        average_attn_weights: the mean of the probabilities over the heads.
        is_causal: says that `attn_mask` is the causal one.

    Returns:
        (L, N, E) or (L, E), and the probabilities (N, L, S), (N, num_heads, L, S) or without N, or
        None.

    Raises:
        AssertionError: shapes that do not fit.
        RuntimeError: a mask of the wrong shape; `is_causal` without mask.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.

    Example:
        >>> import chainrule as torch
        >>> x, eye = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.eye(2)
        >>> out, weights = torch.nn.functional.multi_head_attention_forward(
        ...     x, x, x, 2, 1, torch.cat([eye, eye, eye]), None, None, None, False, 0.0, eye, None
        ... )
        >>> out
        tensor([[1., 0.],
                [1., 0.]])
        >>> weights
        tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]])
    """
    batched = _batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = _with_batch(query, key, value)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    rows, batch, width = query.shape
    key_padding_mask, attn_mask, is_causal = _masks(
        key_padding_mask, attn_mask, is_causal, need_weights, query.dtype
    )
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    masks = _check_mask(attn_mask, batch, num_heads, rows, key.shape[0]), key_padding_mask
    apart = q_proj_weight, k_proj_weight, v_proj_weight
    weights = apart if use_separate_proj_weight else in_proj_weight
    size = batch, num_heads, width // num_heads
    more = bias_k, bias_v, static_k, static_v
    inputs = query, key, value
    q, k, v, masks = _in_heads(inputs, weights, in_proj_bias, more, add_zero_attn, masks, size)
    mask = _by_sample(_merged(masks[0], masks[1], batch, num_heads, k._data.shape[2]), size)
    dropout_p, probabilities = dropout_p if training else 0.0, None
    if need_weights:
        made, probabilities = _visible(q, k, v, mask, dropout_p, is_causal)
        probabilities = T.mean(probabilities, 1) if average_attn_weights else probabilities
    else:
        made = scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
    made = OPS.reshape(OPS.permute(made, (2, 0, 1, 3)), (rows * batch, width))
    made = T("nn.functional.linear")(made, out_proj_weight, out_proj_bias)
    made = made.reshape(rows, batch, -1)
    if batched:
        return made, probabilities
    return made.squeeze(1), None if probabilities is None else probabilities.squeeze(0)


def _with_batch(query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
    """A batch dimension in the middle; what was the same tensor stays it."""
    same_key, same_value = query is key, key is value
    query = query.unsqueeze(1)
    key = query if same_key else key.unsqueeze(1)
    return query, key, key if same_value else value.unsqueeze(1)


def _with_nothing(k: Any, v: Any, masks: Any) -> tuple[Any, Any, Any]:
    """One more key and value of zeros."""
    nothing = OPS.zeros((k.shape[0], 1, k.shape[2]), k.dtype)
    return OPS.cat([k, nothing], 1), OPS.cat([v, nothing], 1), tuple(map(_longer, masks))


def _with_bias(
    k: Any, v: Any, bias_k: Any, bias_v: Any, static: Any, masks: Any, batch: int
) -> tuple[Any, Any, Any]:
    """One more key and value, which everybody sees."""
    if bias_k is None and bias_v is None:
        return k, v, masks
    if bias_k is None or bias_v is None:
        names = ("bias_v", "bias_k") if bias_k is None else ("bias_k", "bias_v")
        raise _refuse(f"{names[0]} is set but {names[1]} is None")
    for name, t in zip(("key", "value"), static, strict=True):
        if t is not None:
            raise _refuse(f"bias cannot be added to static {name}.")
    k = OPS.cat([k, OPS.repeat(bias_k, (1, batch, 1))], 0)
    v = OPS.cat([v, OPS.repeat(bias_v, (1, batch, 1))], 0)
    return k, v, tuple(map(_longer, masks))


def _masks(padding_mask: Any, mask: Any, is_causal: bool, need_weights: bool, dtype: Any) -> Any:
    """Both masks as numbers, and whether the causal one is still just a hint."""
    if padding_mask is not None and mask is not None and mask.dtype is not padding_mask.dtype:
        warnings.warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type "
            "for both instead.",
            stacklevel=4,
        )
    padding_mask = _added(padding_mask, "key_padding_mask", dtype)
    if is_causal and mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding_mask is None and not need_weights:
        return None, None, True
    return padding_mask, _added(mask, "attn_mask", dtype), is_causal and padding_mask is None
