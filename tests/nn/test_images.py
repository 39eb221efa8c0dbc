"""Resizing, padding, reading at places, attention, bags of rows, alignment of labels: against
PyTorch's recorded answers, and where PyTorch has none."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as torch

F: Any = torch.nn.functional


def load_recorder() -> ModuleType:
    path = Path(__file__).with_name("record_images.py")
    spec = importlib.util.spec_from_file_location("_record_images", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = load_recorder()
RECORDED: dict[str, Any] = json.loads(recorder.DATA.read_text(encoding="utf-8"))


def agree(mine: Any, theirs: Any, what: str) -> None:
    """The same numbers; no gradient is a gradient of zeros."""
    if mine is None or theirs is None:
        assert not np.any(np.array(mine or theirs or 0.0)), what
        return
    np.testing.assert_allclose(np.array(mine), np.array(theirs), 1e-6, 1e-8, err_msg=what)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("line", list(RECORDED["answers"]))
def test_as_recorded(line: str) -> None:
    want = RECORDED["answers"][line]
    got = recorder.answer(torch, line)
    agree(got["value"], want["value"], "value")
    assert got["node"] == want["node"]
    for key in ("grad", "second"):
        for mine, theirs in zip(got.get(key, want.get(key, ())), want.get(key, ()), strict=False):
            agree(mine, theirs, key)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("line", list(RECORDED["errors"]))
def test_errors_as_recorded(line: str) -> None:
    assert recorder.refusal(torch, line) == RECORDED["errors"][line]


def test_every_line_is_recorded() -> None:
    assert list(RECORDED["answers"]) == recorder.cases()
    assert list(RECORDED["errors"]) == recorder.WRONG


# ---------------------------------------------------------------- attention


def by_hand(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
    """The same out of smaller ops."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    return (scores if mask is None else scores + mask).softmax(-1) @ v


def heads(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("size", [1.0, 50.0])
def test_attention_is_its_composition(size: float) -> None:
    torch.manual_seed(0)
    q, k, v = heads(2, 3, 5, 4), heads(2, 3, 6, 4), heads(2, 3, 6, 4)
    mask = torch.randn(5, 6, dtype=torch.float64) * size
    mine, other = (
        F.scaled_dot_product_attention(q * size, k, v, mask),
        by_hand(q * size, k, v, mask),
    )
    assert torch.allclose(mine, other)
    g = torch.randn(*mine.shape, dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad(mine, (q, k, v), g), torch.autograd.grad(other, (q, k, v), g),
        strict=True,
    ):  # fmt: skip
        assert torch.allclose(a, b, atol=1e-9)


def test_many_heads_are_taken_some_at_a_time() -> None:
    torch.manual_seed(0)
    q = torch.randn(1, 40, 48, 4, requires_grad=True)
    mine = F.scaled_dot_product_attention(q, q, q, is_causal=True)
    mask = torch.full((48, 48), -math.inf).triu(1)
    other = by_hand(q, q, q, mask)
    assert torch.allclose(mine, other, atol=1e-5)
    g = torch.randn(*mine.shape)
    (a,), (b,) = torch.autograd.grad(mine, q, g), torch.autograd.grad(other, q, g)
    assert torch.allclose(a, b, atol=1e-4)


def test_rows_that_see_nothing_are_zeros() -> None:
    q = torch.randn(1, 1, 2, 4, requires_grad=True)
    mask = torch.tensor([[True, True], [False, False]])
    out = F.scaled_dot_product_attention(q, q, q, mask)
    assert out[0, 0, 1].tolist() == [0.0] * 4
    out.sum().backward()
    assert q.grad is not None and bool(torch.isfinite(q.grad).all())


def test_attention_without_columns_or_rows() -> None:
    q, none = torch.ones(1, 1, 2, 4), torch.ones(1, 1, 0, 4)
    assert F.scaled_dot_product_attention(q, none, none).tolist() == [[[[0.0] * 4] * 2]]
    assert F.scaled_dot_product_attention(none, q, q).shape == (1, 1, 0, 4)


def test_the_mask_may_learn() -> None:
    q, mask = heads(1, 1, 2, 4), heads(2, 2)
    assert torch.autograd.gradcheck(
        lambda q, m: F.scaled_dot_product_attention(q, q, q, m), (q, mask)
    )


def test_attention_has_second_derivatives() -> None:
    q, k, v = heads(1, 2, 3, 2), heads(1, 2, 4, 2), heads(1, 2, 4, 2)
    assert torch.autograd.gradgradcheck(F.scaled_dot_product_attention, (q, k, v))


def test_repeated_heads() -> None:
    q, k = heads(1, 4, 3, 2), heads(1, 2, 3, 2)
    out = F.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    assert torch.allclose(out, by_hand(q, *(k.repeat_interleave(2, 1),) * 2))


def test_half_precision_is_kept() -> None:
    q = torch.randn(1, 1, 2, 4).half().requires_grad_()
    out = F.scaled_dot_product_attention(q, q, q)
    out.sum().backward()
    assert out.dtype == torch.float16 and q.grad is not None and q.grad.dtype == torch.float16


# ---------------------------------------------------------------- where PyTorch has no answer


def test_ctc_has_second_derivatives() -> None:
    torch.manual_seed(0)
    logits = heads(4, 2, 4)
    labels = torch.tensor([[1, 2], [3, 3]])

    def loss(logits: Any) -> Any:
        return F.ctc_loss(logits.log_softmax(-1), labels, (4, 4), (2, 2), reduction="sum")

    assert torch.autograd.gradcheck(loss, (logits,))
    assert torch.autograd.gradgradcheck(loss, (logits,))


def test_infinity_stays_in_its_place() -> None:
    x = torch.tensor([[[0.0] * 40]])
    x[0, 0, 39] = math.inf
    assert F.interpolate(x, 4, mode="area").tolist() == [[[0.0, 0.0, 0.0, math.inf]]]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_places_that_are_no_numbers() -> None:
    x, grid = torch.ones(1, 1, 2, 2), torch.full((1, 1, 1, 2), math.nan)
    assert F.grid_sample(x, grid).shape == (1, 1, 1, 1)
