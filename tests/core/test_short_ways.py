"""The short ways of frequent calls do what the general ones do."""

import math

import numpy as np
import pytest

import chainrule as torch


def test_counters_are_written_in_place() -> None:
    n = torch.tensor(3)
    same = n
    n += 2
    n.mul_(4).sub_(1)
    assert n is same and n.item() == 19 and n.dtype is torch.int64 and n._version == 3
    x = torch.arange(4)
    x[1:3].add_(10)
    assert x.tolist() == [0, 11, 12, 3] and x._version == 1
    with pytest.raises(RuntimeError, match="single memory location"):
        torch.tensor([1]).expand(3).add_(1)


def test_where_with_a_number_keeps_its_sign_and_dtype() -> None:
    made = torch.where(torch.tensor([True, False]), torch.tensor([1.0, 2.0]), -0.0)
    assert made.dtype is torch.float32 and math.copysign(1.0, made[1].item()) == -1.0
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    torch.where(x > 1, x, 0.5).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_copy_counts_a_version_and_refuses_overlapping_memory() -> None:
    x = torch.zeros(5)
    x.copy_(torch.arange(5.0))
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0] and x._version == 1
    with pytest.raises(RuntimeError, match="single memory location"):
        x[1:].copy_(x[:-1])
    with pytest.raises(RuntimeError, match="single memory location"):
        torch.zeros(1).expand(2).copy_(torch.ones(2))


@pytest.mark.parametrize("flag", [1, "yes", None])
def test_flags_are_looked_at_by_position_and_by_name(flag: object) -> None:
    x = torch.tensor([[2.0, 1.0]])
    with pytest.raises(TypeError, match="must be bool"):
        torch.sort(x, descending=flag)
    with pytest.raises(TypeError):
        torch.sort(x, 1, flag)


def test_rows_of_softmax_are_the_same_in_any_number_of_dimensions() -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32"))
    flat = torch.softmax(x.reshape(12, 5), 1).reshape(3, 4, 5)
    assert torch.equal(torch.softmax(x, 2), flat)
