"""Small differences that whole programs brought to light, each by itself."""

from __future__ import annotations

import pytest

import chainrule as torch
from chainrule import nn
from chainrule.nn.utils.rnn import unpad_sequence


@pytest.mark.parametrize("strided", [False, True])
def test_gradgradcheck_draws_from_the_default_generator(strided: bool) -> None:
    x = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    torch.rand(8 if strided else 4, dtype=torch.float64)
    expected = torch.rand(3)
    torch.manual_seed(0)
    assert torch.autograd.gradgradcheck(torch.sin, x, gen_non_contig_grad_outputs=strided)
    assert torch.rand(3).equal(expected)


def test_sequences_without_padding_are_indexed() -> None:
    padded = torch.arange(6.0).view(3, 2).requires_grad_()
    long, short = unpad_sequence(padded, torch.tensor([3, 1]))
    assert long.tolist() == [0.0, 2.0, 4.0] and short.tolist() == [1.0]
    assert short.grad_fn.name() == "IndexBackward0"
    short.sum().backward()
    assert padded.grad.tolist() == [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]


def test_a_module_beside_a_changed_tensor_does_not_hide_the_error() -> None:
    net = nn.Linear(2, 2)
    x = torch.ones(2, requires_grad=True)
    w = x.exp()
    w += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        w.sum().backward()
    assert net.in_features == 2
