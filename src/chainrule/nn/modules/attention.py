"""`MultiheadAttention`."""

from __future__ import annotations

from typing import Any

from ...ops.make.create import empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .linear import Linear
from .module import Module
from .utils import new_parameter

__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear"]


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear` under the name by which PyTorch shows the output projection.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MultiheadAttention(4, 2).out_proj
        NonDynamicallyQuantizableLinear(in_features=4, out_features=4, bias=True)
    """


class MultiheadAttention(Module):
    """Several attentions side by side, each on a part of the width, then mixed.

    Args:
        embed_dim: width of the query and of the output.
        num_heads: how many; it divides embed_dim.
        dropout: of the attention weights while training.
        bias: whether the projections have one.
        add_bias_kv: one more learned key and value.
        add_zero_attn: one more key and value of zeros.
        kdim, vdim: widths of key and value, if others.
        batch_first: batch before sequence: (N, L, E) instead of (L, N, E).

    Source: Vaswani et al. (2017), Attention Is All You Need, section 3.2.2.

    Example:
        >>> import chainrule as torch
        >>> attention = torch.nn.MultiheadAttention(4, 2, batch_first=True)
        >>> x = torch.ones(3, 5, 4)
        >>> output, weights = attention(x, x, x)
        >>> output.shape, weights.shape
        (torch.Size([3, 5, 4]), torch.Size([3, 5, 5]))
    """

    __constants__ = ["batch_first"]  # noqa: RUF012
    in_proj_weight: Any
    in_proj_bias: Any
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    bias_k: Any
    bias_v: Any

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads, self.dropout, self.batch_first = num_heads, dropout, batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        options = {"device": device, "dtype": dtype}
        self._make_projections(bias, options)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **options)
        for name in ("bias_k", "bias_v"):
            made = Parameter(empty((1, 1, embed_dim), **options)) if add_bias_kv else None
            setattr(self, name, made)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _make_projections(self, bias: bool, options: dict[str, Any]) -> None:
        n = self.embed_dim
        widths = {"q_proj_weight": n, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        if self._qkv_same_embed_dim:
            self.in_proj_weight = new_parameter(3 * n, n, **options)
            for name in widths:
                self.register_parameter(name, None)
        else:
            for name, width in widths.items():
                setattr(self, name, new_parameter(n, width, **options))
            self.register_parameter("in_proj_weight", None)
        if bias:
            self.in_proj_bias = new_parameter(3 * n, **options)
        else:
            self.register_parameter("in_proj_bias", None)

    def _reset_parameters(self) -> None:
        if self._qkv_same_embed_dim:
            init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for added in (self.bias_k, self.bias_v):
            if added is not None:
                init.xavier_normal_(added)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attention of query over key and value.

        Args:
            query, key, value: (L, N, E), (S, N, E), (S, N, E); batch first if so; or without N.
            key_padding_mask: (N, S): keys to leave out (True), or numbers added to the scores.
            need_weights: also return the attention weights.
            attn_mask: (L, S) or (N num_heads, L, S): the same for pairs.
            average_attn_weights: weights averaged over the heads.
            is_causal: a hint that attn_mask is the causal mask.

        Returns:
            (output like query, weights (N, L, S) or None).
        """
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = _turned(query, key, value)
        same = self._qkv_same_embed_dim
        own, out = self.__dict__["_parameters"], self.out_proj
        both = ("in_proj_weight", "in_proj_bias")
        if both[0] not in own or both[1] not in own:  # parametrized, say
            own = {name: getattr(self, name) for name in both}
        output, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            own["in_proj_weight"],
            own["in_proj_bias"],
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            out.weight,
            out.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not same,
            q_proj_weight=None if same else self.q_proj_weight,
            k_proj_weight=None if same else self.k_proj_weight,
            v_proj_weight=None if same else self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (output.transpose(1, 0) if turned else output), weights

    def merge_masks(
        self, attn_mask: Any, key_padding_mask: Any, query: Any
    ) -> tuple[Any, int | None]:
        """Both masks as one, (N, num_heads, L, S), and its kind: 0 pairs, 1 keys, 2 both."""
        kind, merged = None, None
        if key_padding_mask is not None:
            kind, merged = 1, key_padding_mask
        if attn_mask is not None:
            n, length = query.shape[:2]
            kind = 2
            if attn_mask.dim() == 3:
                pairs = attn_mask.view(n, -1, length, length)
            else:
                pairs = attn_mask.view(1, 1, length, length).expand(n, self.num_heads, -1, -1)
            merged = pairs
            if key_padding_mask is not None:
                keys = key_padding_mask.view(n, 1, 1, length).expand(-1, self.num_heads, -1, -1)
                merged = pairs + keys
        return merged, kind


def _turned(query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
    """Sequence before batch; what is one tensor stays one (so that one product projects all)."""
    if key is value:
        if query is key:
            query = key = value = query.transpose(1, 0)
        else:
            query, key = query.transpose(1, 0), key.transpose(1, 0)
            value = key
        return query, key, value
    return query.transpose(1, 0), key.transpose(1, 0), value.transpose(1, 0)
