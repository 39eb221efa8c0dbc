"""Attention with functions of scores: gradients, and masks made of blocks, which PyTorch has not on
a CPU without its compiler."""

from __future__ import annotations

import pytest

import chainrule as torch
from chainrule.nn.attention import bias
from chainrule.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention


def operands(*shape: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for _ in range(3)]


def test_gradients_reach_what_the_function_closes_over() -> None:
    slopes = torch.tensor([0.5, -0.25], dtype=torch.float64, requires_grad=True)

    def run(*tensors: torch.Tensor) -> torch.Tensor:
        *qkv, s = tensors
        mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 4, 4)
        return flex_attention(*qkv, lambda score, b, h, i, j: score + s[h] * (j - i), mask)

    leaves = [*operands(1, 2, 4, 3), slopes]
    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves)


def test_rows_that_see_nothing_have_zero_gradients() -> None:
    q, k, v = operands(1, 1, 3, 2)
    mask = create_block_mask(lambda b, h, i, j: (i > 0) & (j < 2), None, None, 3, 3)
    flex_attention(q, k, v, block_mask=mask).sum().backward()
    assert not q.grad[0, 0, 0].any() and q.grad[0, 0, 1:].all()
    assert not k.grad[0, 0, 2].any() and not v.grad[0, 0, 2].any()
    assert not torch.isnan(q.grad).any()


def test_a_table_of_blocks_is_a_mask() -> None:
    q, k, v = (t.detach() for t in operands(1, 1, 6, 2))
    counts = torch.tensor([[[1, 2]]], dtype=torch.int32)
    columns = torch.tensor([[[[1, 0], [0, 1]]]], dtype=torch.int32)
    table = BlockMask.from_kv_blocks(counts, columns, BLOCK_SIZE=3)
    dense = torch.ones(6, 6, dtype=torch.bool)
    dense[:3, :3] = False
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=dense)
    torch.testing.assert_close(flex_attention(q, k, v, block_mask=table), expected)
    assert table.to_dense().tolist() == [[[[0, 1], [1, 1]]]]
    assert table.q_num_blocks.tolist() == [[[1, 2]]]


def test_an_adjusted_mask_serves_the_shorter_length() -> None:
    q, k, v = (t.detach() for t in operands(1, 1, 3, 2))
    mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 8, 8, BLOCK_SIZE=2)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(flex_attention(q, k, v, block_mask=mask._adjust(3, 3)), expected)


def test_a_causal_bias_is_a_boolean_mask() -> None:
    mask = bias.causal_lower_right(2, 4)
    assert type(mask) is bias.CausalBias and mask.dtype == torch.bool
    assert (mask.seq_len_q, mask.seq_len_kv) == (2, 4)
    assert type(mask & mask) is torch.Tensor
    assert type(torch.sin(torch.ones(2))) is torch.Tensor
    with pytest.raises(AssertionError, match="must be CausalVariant"):
        bias.CausalBias("lower", 2, 4)
