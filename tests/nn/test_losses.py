"""Losses: what they refuse, what they warn of, dtypes, and the edges of their domains."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as torch

F: Any = torch.nn.functional
X, Y = torch.tensor([[0.1, 0.7], [0.4, 0.2]]), torch.tensor([[0.3, 0.6], [0.9, 0.5]])
T = torch.tensor([0, 1])
LOSSES = [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss]
PROBABILITIES = [F.binary_cross_entropy, F.binary_cross_entropy_with_logits]


@pytest.mark.parametrize("loss", [*LOSSES, *PROBABILITIES, F.soft_margin_loss])
def test_wrong_reduction(loss: Any) -> None:
    with pytest.raises(ValueError, match="foo is not a valid value for reduction"):
        loss(X, Y, reduction="foo")


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, *PROBABILITIES])
@pytest.mark.parametrize(
    ("flags", "reduction"),
    [
        ({"size_average": False}, "sum"),
        ({"size_average": True}, "mean"),
        ({"reduce": False}, "none"),
        ({"size_average": True, "reduce": True}, "mean"),
    ],
)
def test_deprecated_flags(loss: Any, flags: dict[str, bool], reduction: str) -> None:
    first = f"size_average and reduce args will be deprecated, please use reduction='{reduction}'"
    with pytest.warns(UserWarning, match=first):
        got = loss(X, Y, **flags)
    assert got.tolist() == loss(X, Y, reduction=reduction).tolist()


@pytest.mark.parametrize("loss", LOSSES)
def test_other_target_size_warns(loss: Any) -> None:
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[1, 2\]\)\)"):
        loss(X, Y[:1])
    with pytest.warns(UserWarning), pytest.raises(RuntimeError, match=r"size of tensor a \(2\)"):
        loss(X, torch.zeros(3, 2))


def test_other_target_size_is_an_error_for_probabilities() -> None:
    with pytest.raises(ValueError, match=r"is deprecated\. Please ensure they have the same size"):
        F.binary_cross_entropy(X, Y[:1])
    with pytest.raises(ValueError, match="must be the same as input size"):
        F.binary_cross_entropy_with_logits(X, Y[:1])


@pytest.mark.parametrize("loss", [*LOSSES, *PROBABILITIES])
def test_no_tensor(loss: Any) -> None:
    with pytest.raises(
        AttributeError, match=r"'list' object has no attribute 'size'\n.*torch\.tensor"
    ):
        loss([0.5], Y)
    with pytest.raises(AttributeError, match="'list' object has no attribute 'size'"):
        loss(X, [0.5])


@pytest.mark.parametrize(
    ("loss", "kernel"),
    [
        (F.mse_loss, "mse_cpu"),
        (F.smooth_l1_loss, "smooth_l1_cpu"),
        (F.huber_loss, "huber_cpu"),
        (F.binary_cross_entropy, "binary_cross_entropy"),
        (F.binary_cross_entropy_with_logits, "log_sigmoid_cpu"),
    ],
)
def test_integers_are_refused(loss: Any, kernel: str) -> None:
    ones = torch.ones(2, dtype=torch.int64)
    with pytest.raises(NotImplementedError, match=f"\"{kernel}\" not implemented for 'Long'"):
        loss(ones, ones)


@pytest.mark.parametrize("loss", [*LOSSES, *PROBABILITIES, F.soft_margin_loss])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_dtype_is_kept(loss: Any, dtype: Any) -> None:
    x = X.clone().to(dtype).requires_grad_()
    out = loss(x, Y.to(dtype))
    out.backward()
    assert out.dtype is dtype and x.grad.dtype is dtype
    np.testing.assert_allclose(out.item(), loss(X, Y).item(), rtol=2e-3)


@pytest.mark.parametrize("loss", [*LOSSES, *PROBABILITIES])
def test_empty(loss: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert np.isnan(loss(X[:0], Y[:0]).item())
    assert loss(X[:0], Y[:0], reduction="sum").item() == 0.0
    assert loss(X[:0], Y[:0], reduction="none").shape == (0, 2)


@pytest.mark.parametrize("loss", [*LOSSES, *PROBABILITIES])
def test_saved_operands_are_protected(loss: Any) -> None:
    x = (X * 1).requires_grad_()
    y = Y.clone()
    out = loss(x, y) if loss.__name__ != "l1_loss" else loss(x * x, y)
    if loss.__name__ == "l1_loss":
        return
    y.mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_second_backward() -> None:
    x = (X * 1).requires_grad_()
    out = F.mse_loss(x, Y)
    out.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        out.backward()


def test_limits_of_huber_and_smooth_l1() -> None:
    with pytest.raises(RuntimeError, match="huber_loss does not support non-positive values"):
        F.huber_loss(X, Y, delta=0.0)
    with pytest.raises(RuntimeError, match="smooth_l1_loss does not support negative values"):
        F.smooth_l1_loss(X, Y, beta=-1.0)


def test_probabilities_are_checked() -> None:
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        F.binary_cross_entropy(X + 1, Y)
    with pytest.raises(RuntimeError, match="all elements of target should be between 0 and 1"):
        F.binary_cross_entropy(X, Y - 1)
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        F.binary_cross_entropy(X, Y.double())


def test_logits_far_from_zero() -> None:
    x = torch.tensor([500.0, -500.0, 500.0, -500.0], requires_grad=True)
    y = torch.tensor([1.0, 0.0, 0.0, 1.0])
    out = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    assert out.tolist() == [0.0, 0.0, 500.0, 500.0]
    out.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0, -1.0]


def test_binary_cross_entropy_at_the_ends() -> None:
    x = torch.tensor([0.0, 1.0, 0.0], requires_grad=True)
    out = F.binary_cross_entropy(x, torch.tensor([1.0, 1.0, 0.0]), reduction="none")
    assert out.tolist() == [100.0, 0.0, 0.0]
    out.sum().backward()
    assert np.isfinite(x.grad.tolist()).all()


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_weights_have_no_gradient(name: str) -> None:
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=f"not differentiable with respect to argument '{name}'"):
        F.binary_cross_entropy_with_logits(X, Y, **{name: w})


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((X, T.double()), RuntimeError, "expected target dtype to be Long or Byte, but got Double"),
        ((X, torch.tensor([0, 2])), IndexError, "Target 2 is out of bounds"),
        ((X, torch.tensor([-1, 0])), IndexError, "Target -1 is out of bounds"),
        (
            (X, T[:1]),
            ValueError,
            r"Expected input batch_size \(2\) to match target batch_size \(1\)",
        ),
        ((X[0], torch.tensor([0, 1, 1])), ValueError, "1D target must have size 1, but got target"),
        ((X, T, torch.ones(3)), RuntimeError, "defined either for all 2 classes or no classes"),
        (
            (X, T, torch.ones(2).double()),
            RuntimeError,
            "expected scalar type Float but found Double",
        ),
        (
            (torch.zeros(2, 3, 4), torch.zeros(2, 5).long()),
            RuntimeError,
            r"Expected target size \[2, 4\], got \[2, 5\]",
        ),
        (
            (torch.zeros(1, 2, 2, 2), torch.zeros(1, 2).long()),
            RuntimeError,
            "only batches of spatial targets supported",
        ),
    ],
)
def test_class_targets(loss: Any, args: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        loss(*args)


def test_all_ignored() -> None:
    x = (X * 1).requires_grad_()
    out = F.nll_loss(x, torch.tensor([-100, -100]), reduction="sum")
    out.backward()
    assert out.item() == 0.0 and not np.any(x.grad.tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert np.isnan(F.nll_loss(X, torch.tensor([-100, -100])).item())


def test_soft_targets() -> None:
    with pytest.raises(RuntimeError, match="Expected floating point type for target with class"):
        F.cross_entropy(X, Y.long())
    with pytest.raises(RuntimeError, match="ignore_index is not supported for floating point"):
        F.cross_entropy(X, Y, ignore_index=1)
    with pytest.raises(RuntimeError, match=r"between 0.0 and 1.0. Got: 1.5"):
        F.cross_entropy(X, T, label_smoothing=1.5)


def test_kl_div_warns_of_its_mean() -> None:
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        F.kl_div(X, Y)


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("F.margin_ranking_loss(X, X[0], T)", RuntimeError, "should have same dimension"),
        ("F.cosine_embedding_loss(X, X, X)", RuntimeError, "0D or 1D target tensor expected"),
        ("F.cosine_embedding_loss(X[0], X, T)", RuntimeError, "1D target tensor expects 2D input"),
        ("F.triplet_margin_loss(X, X, X, margin=-1)", ValueError, "margin must be greater than 0"),
        ("F.triplet_margin_loss(X, X, X[0])", RuntimeError, "the same number of dimensions"),
        ("F.gaussian_nll_loss(X, Y, -1.0)", ValueError, "var has negative entry/entries"),
        ("F.gaussian_nll_loss(X, Y, torch.ones(3))", ValueError, "var is of incorrect size"),
        ("F.multi_margin_loss(X, T, p=3)", ValueError, "only p == 1 and p == 2 supported"),
        ("F.multi_margin_loss(X, T + 5)", RuntimeError, "target out of range"),
        ("F.multilabel_margin_loss(X, T)", RuntimeError, "inconsistent target size"),
        (
            "F.soft_margin_loss(X, Y.clone().requires_grad_())",
            RuntimeError,
            "is not differentiable",
        ),
        ("F.mse_loss(X, Y, weight=T)", ValueError, "Weights and input must have the same size"),
    ],
)
def test_refused(line: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(line)
