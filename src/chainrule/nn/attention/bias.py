"""`torch.nn.attention.bias`: the two causal masks of attention with more keys than queries.

What lives here: `CausalBias`, a boolean mask that knows its corner, and its two makers. Who may
call: users; it goes to `scaled_dot_product_attention` as `attn_mask`.
Differs from PyTorch: the mask is there at once, and is an ordinary boolean tensor for all functions
(in PyTorch it is made when attention asks for it, and other functions fail or read no values).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ...core.tensor import Tensor
from ...ops.fast import T

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(IntEnum):
    """From which corner of the matrix of scores the triangle is drawn."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask: bool[seq_len_q, seq_len_kv], True where one may look.

    Args:
        variant: the corner.
        seq_len_q, seq_len_kv: numbers of queries and keys.

    Raises:
        AssertionError: `variant` is no CausalVariant.
    """

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> Any:
        """The mask."""
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be CausalVariant, got {type(variant).__name__}")
        lower = variant is CausalVariant.LOWER_RIGHT
        mask = T.ones(seq_len_q, seq_len_kv, dtype=bool).tril(
            seq_len_kv - seq_len_q if lower else 0
        )
        return mask.as_subclass(cls)

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv

    def _materialize(self, device: Any = None) -> Tensor:
        return self.as_subclass(Tensor)


def causal_upper_left(*size: int) -> CausalBias:
    """The mask of `is_causal=True`: query i sees keys 0 to i.

    Args:
        size: numbers of queries and keys.

    Returns:
        bool[queries, keys].

    Raises:
        AssertionError: not two numbers.

    Example:
        >>> from chainrule.nn.attention.bias import causal_upper_left
        >>> causal_upper_left(2, 3)
        tensor([[ True, False, False],
                [ True,  True, False]])
    """
    return _made("causal_upper_left", CausalVariant.UPPER_LEFT, size)


def causal_lower_right(*size: int) -> CausalBias:
    """The mask under which the last query sees all keys; a query may see none.

    Args:
        size: numbers of queries and keys.

    Returns:
        bool[queries, keys].

    Raises:
        AssertionError: not two numbers.

    Example:
        >>> from chainrule.nn.attention.bias import causal_lower_right
        >>> causal_lower_right(2, 3)
        tensor([[ True,  True, False],
                [ True,  True,  True]])
    """
    return _made("causal_lower_right", CausalVariant.LOWER_RIGHT, size)


def _made(name: str, variant: CausalVariant, size: tuple[int, ...]) -> CausalBias:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors")
    return CausalBias(variant, *size)
