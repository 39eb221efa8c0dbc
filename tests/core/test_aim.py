"""What `aimed` finds of the graph before a walk towards given inputs, and who relies on it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import chainrule as torch
from chainrule.core.aim import aimed
from chainrule.core.record import OPS, REC
from chainrule.kernels.linalg import contract


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_edges_that_lead_nowhere_are_left_out() -> None:
    a, b = leaf(1.0), leaf(2.0)
    y = (a * b).sin()
    lead, _ = aimed([(y.grad_fn, None)], [a])
    product = y.grad_fn.next_functions[0][0]
    assert lead[product.k] == ((a, None), True, False)
    assert lead[y.grad_fn.k] == (product, False, False)
    assert aimed([(y.grad_fn, None)], [leaf(3.0)])[0] == {}


def test_what_is_asked_for_ends_the_way() -> None:
    x = leaf(1.0)
    y = x * 3
    z = y.exp()
    lead, older = aimed([(z.grad_fn, None)], [y])
    assert lead[y.grad_fn.k] == (None, False, True)
    assert older  # x is older than y
    assert aimed([(z.grad_fn, None)], [y, x])[0][y.grad_fn.k] == (x, False, True)


def test_a_node_with_three_operands() -> None:
    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    y = torch.addcmul(a, b, c)
    lead, _ = aimed([(y.grad_fn, None)], [b])
    assert lead[y.grad_fn.k] == ((None, b, None), True, False)


def test_a_gradient_is_recorded_if_anything_outside_leads_to_it() -> None:
    w, x = leaf(2.0, 3.0), torch.tensor([1.0, 4.0], dtype=torch.float64)
    gradient = torch.func.grad(lambda x: (w * x * x).sum())
    assert gradient(x).requires_grad
    assert torch.autograd.grad(gradient(x).sum(), w)[0].tolist() == [2.0, 8.0]
    assert not torch.func.grad(lambda x: (w.detach() * x * x).sum())(x).requires_grad
    rows = torch.func.jacrev(lambda x: w * x)(x)
    assert rows.requires_grad
    assert not torch.func.jacrev(lambda x: x * x)(x).requires_grad


@pytest.mark.parametrize("reduce", [torch.sum, torch.mean])
@pytest.mark.parametrize("keepdim", [False, True])
def test_reductions_of_everything_under_vmap(reduce: object, keepdim: bool) -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    for batch in (x, x[..., 0], x[:, 0, 0]):
        made = torch.vmap(lambda t: reduce(t, None, keepdim))(batch)
        wanted = torch.stack([reduce(t, None, keepdim) for t in batch])
        assert made.shape == wanted.shape
        assert torch.equal(made, wanted)


def test_the_sum_of_one_number_is_no_view_of_it() -> None:
    x = torch.tensor([1.0, 2.0])
    assert torch.vmap(lambda t: t.sum().mul_(5))(x).tolist() == [5.0, 10.0]
    assert x.tolist() == [1.0, 2.0]


def test_products_without_a_sum_come_in_the_order_of_the_result() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((2, 4))
    for order in permutations(range(3)):
        made = contract(a, b, (0, 1), (0, 2), order)
        wanted = np.einsum("ij,ik->" + "".join("ijk"[i] for i in order), a, b)
        assert made.shape == wanted.shape
        assert made.flags.c_contiguous
        np.testing.assert_array_equal(made, wanted)


def test_rules_call_ops_with_parameters_that_are_not_looked_at_again() -> None:
    x = torch.ones(2, requires_grad=True)
    for xp in (OPS, REC):
        made = xp.slice_backward(x, (4,), 0, 1, 3, 1)
        assert made.tolist() == [0.0, 1.0, 1.0, 0.0]
        assert made.grad_fn.name() == "SliceBackwardBackward0"
        assert xp.slice(made, 0, 1, 3, 1).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError):
        OPS.slice_backward(x, (4,), "0", 1, 3, 1)
