"""Arguments that were once taken silently and are refused as in PyTorch; numbers that were wrong.

The sentences and numbers are PyTorch's. Many more calls are in `test_wrong_calls.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import chainrule as torch

X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize("name", "sin add sum amax norm clamp softmax matmul sort cumsum".split())
def test_methods_take_no_out(name: str) -> None:
    more = {"add": (X,), "clamp": (0,), "softmax": (0,), "matmul": (X.T,), "cumsum": (0,)}
    with pytest.raises(TypeError, match=r"argument .out.|invalid combination"):
        getattr(X, name)(*more.get(name, ()), out=torch.empty(0))


def test_functions_still_take_out() -> None:
    target = torch.empty(2, 3)
    assert torch.sin(X, out=target) is target
    assert torch.equal(target, X.sin())
    assert torch.equal(torch.amax(X, 1, out=torch.empty(2)), X.amax(1))


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: torch.isnan(X, out=torch.empty(0)), TypeError, "unexpected keyword argument 'out'"),
    (lambda: torch.all(X, out=torch.empty(0)), RuntimeError, "only supports bool tensor"),
    (lambda: torch.argmax(X, out=torch.empty(0)), RuntimeError, "dtype long int, but got float"),
    (lambda: torch.zeros(), TypeError, "missing 1 required positional arguments"),
    (lambda: torch.zeros(size=3), TypeError, "must be tuple of ints, not int"),
    (lambda: torch.full(7, 0.5), TypeError, "must be tuple of ints, not int"),
    (lambda: torch.zeros(3, pin_memory=0), TypeError, "'pin_memory' must be bool, not int"),
    (lambda: torch.zeros(3, pin_memory=True), RuntimeError, "pin_memory=True requires"),
    (lambda: torch.empty(3, memory_format=0), TypeError, "must be torch.memory_format"),
    (lambda: torch.arange(), TypeError, "invalid combination"),
    (lambda: torch.tensor([X, X]), ValueError, "only one element tensors"),
    (lambda: torch.sum(X, 0, axis=0), TypeError, "axis|invalid combination"),
    (lambda: torch.softmax(X, 0, axis=0), TypeError, "axis"),
    (lambda: torch.prod(X, None), TypeError, "invalid combination"),
    (lambda: torch.diagonal(X, True), TypeError, "'offset'.* must be int, not bool"),
    (lambda: torch.nn.functional.dropout(X, training=1), TypeError, "must be bool, not int"),
    (lambda: torch.lerp(X, 3, X), TypeError, "invalid combination|must be Tensor"),
    (lambda: torch.add(X, X, alpha=True), RuntimeError, "Boolean alpha only supported"),
    (lambda: torch.trapezoid(X, dx=None), TypeError, "invalid combination|must be"),
    (lambda: torch.topk(X > 2, 1), RuntimeError, "topk does not support bool dtypes"),
    (lambda: torch.unique(X * 1j), NotImplementedError, '"unique" not implemented'),
    (lambda: X.abs().mul(1j).abs_(), RuntimeError, "In-place abs is not supported"),
    (lambda: X.cumsum_(0, dtype=torch.float64), RuntimeError, "Bad in-place call"),
    (
        lambda: torch.nn.functional.layer_norm(X.double(), (3,), torch.ones(3)),
        RuntimeError,
        "mixed dtype .CPU.: all inputs must share same datatype",
    ),
    (lambda: torch.cdist(X, X, float("nan")), RuntimeError, "non-negative p values"),
    (lambda: torch.nn.GRU(3, 4)(torch.ones(0, 2, 3)), RuntimeError, "sequence length to be larger"),
]


@pytest.mark.parametrize("at", range(len(REFUSED)))
def test_refused(at: int) -> None:
    call, kind, words = REFUSED[at]
    with pytest.raises(kind, match=words):
        call()


def test_a_tensor_of_one_element_in_a_list_is_a_number() -> None:
    assert torch.tensor([torch.tensor([1.0]), torch.tensor([[2.0]])]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_nan_scores_count_for_nothing_in_margin_losses(reduction: str) -> None:
    F = torch.nn.functional
    bad = X * float("nan")
    labels = torch.tensor([[0, -1, 0], [1, -1, 0]])
    loss = F.multilabel_margin_loss(bad, labels, reduction=reduction)
    assert loss.sum().item() == 0.0


def test_nan_limits_give_nan() -> None:
    made = torch.nn.functional.hardtanh(X, float("nan"), 1.0)
    assert made.isnan().all()


def test_half_precision_is_rounded_as_in_pytorch() -> None:
    y = (X / 7).bfloat16()
    assert torch.trapezoid(y).tolist() == [0.5703125, 1.4296875]
    assert torch.renorm(y, 2, 0, 1)[1].tolist() == [0.455078125, 0.5703125, 0.68359375]
