"""Under autocast layers and losses have PyTorch's dtypes; numbers beside bfloat16 go through every
interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import chainrule as torch
from chainrule import nn
from chainrule.nn import functional as F

pytest.importorskip("ml_dtypes")

LOW, FULL = torch.bfloat16, torch.float32

# What PyTorch 2.13 answers for b, a (2, 2) product under autocast.
DTYPES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "number on the right": (lambda b: (b / 2 + 1.5) ** 2, LOW),
    "number on the left": (lambda b: 2 - 3 * b, LOW),
    "compared with a number": (lambda b: b > 1, torch.bool),
    "where with a number": (lambda b: torch.where(b > 0, b, 0.0), LOW),
    "two layers": (lambda b: nn.Linear(2, 3)(nn.Linear(2, 2)(b.float())), LOW),
    "two convolutions": (lambda b: nn.Conv1d(2, 2, 1)(nn.Conv1d(2, 2, 1)(b.float()[None])), LOW),
    "lstm": (lambda b: nn.LSTM(2, 3)(b)[0], LOW),
    "einsum": (lambda b: torch.einsum("ij,kj->ik", b.float(), b.float()), LOW),
    "attention layer": (lambda b: nn.MultiheadAttention(2, 1)(b, b, b)[0], LOW),
    "layer_norm": (lambda b: nn.LayerNorm(2)(b), LOW),
    "group_norm": (lambda b: nn.GroupNorm(1, 2)(b), LOW),
    "batch_norm": (lambda b: nn.BatchNorm1d(2)(b), LOW),
    "cross_entropy": (lambda b: F.cross_entropy(b, torch.tensor([0, 1])), FULL),
    "nll_loss": (lambda b: F.nll_loss(b, torch.tensor([0, 1])), FULL),
    "l1_loss": (lambda b: F.l1_loss(b, b * 2), FULL),
    "smooth_l1_loss": (lambda b: F.smooth_l1_loss(b, b * 2), FULL),
    "logits": (lambda b: F.binary_cross_entropy_with_logits(b, b), FULL),
    "kl_div": (lambda b: F.kl_div(b, b, reduction="sum"), FULL),
    "poisson_nll_loss": (lambda b: F.poisson_nll_loss(b, b), FULL),
    "hinge_embedding_loss": (lambda b: F.hinge_embedding_loss(b, torch.ones(2, 2)), FULL),
    "cosine_embedding_loss": (lambda b: F.cosine_embedding_loss(b, b * b, torch.ones(2)), FULL),
    "margin_ranking_loss": (lambda b: F.margin_ranking_loss(b, b * 2, torch.ones(2, 2)), FULL),
    "triplet_margin_loss": (lambda b: F.triplet_margin_loss(b, b * 2, b * 3), FULL),
    "soft_margin_loss": (lambda b: F.soft_margin_loss(b, torch.ones(2, 2)), FULL),
}


@pytest.fixture
def product() -> Iterator[Any]:
    a = torch.ones(2, 2, requires_grad=True)
    with torch.autocast("cpu", dtype=LOW):
        yield a, a @ a


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_are_pytorch_s(name: str, product: Any) -> None:
    a, b = product
    call, dtype = DTYPES[name]
    made = call(b)
    assert made.dtype is dtype
    if dtype is not torch.bool:
        assert torch.autograd.grad(made.float().sum(), a)[0].dtype is FULL


def test_a_loss_keeps_its_digits(product: Any) -> None:
    _, b = product
    logits = b.detach() * torch.tensor([[0.3, 1.7]])
    exact = F.cross_entropy(logits.float(), torch.tensor([0, 1])).item()
    assert F.cross_entropy(logits, torch.tensor([0, 1])).item() == exact


def test_switched_off_inside(product: Any) -> None:
    _, b = product
    with torch.autocast("cpu", enabled=False):
        assert nn.Linear(2, 2)(b.float()).dtype is FULL
        assert F.l1_loss(b, b).dtype is LOW


def test_numbers_beside_bfloat16_under_transforms() -> None:
    x = torch.ones(3, 2, dtype=LOW)
    rows = torch.vmap(lambda v: (v * 2 + 1) ** 2 / 3 - 1)(x)
    assert rows.dtype is LOW
    assert rows.tolist() == [[2.0, 2.0]] * 3
    slope = torch.func.grad(lambda v: ((v * 2 + 1.5) / 4).sum())(x)
    assert slope.dtype is LOW
    assert slope.tolist() == [[0.5, 0.5]] * 3
    y = x.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        (y * y * 3).sum().backward()
    assert y.grad.tolist() == [[6.0, 6.0]] * 3
