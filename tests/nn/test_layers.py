"""Normalisation, embedding, dropout: what they refuse, what they change, and what they leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch

F: Any = torch.nn.functional


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("F.layer_norm(x, (3,))", RuntimeError, r"expected input with shape \[\*, 3\]"),
        ("F.layer_norm(x, 4)", TypeError, "must be tuple of ints, not int"),
        ("F.layer_norm(x, ())", RuntimeError, "at least 1-dimensional"),
        (
            "F.layer_norm(x, (4,), torch.ones(3))",
            RuntimeError,
            "Expected weight to be of same shape",
        ),
        ("F.layer_norm(x.long(), (4,))", NotImplementedError, "LayerNormKernelImpl"),
        ("F.batch_norm(x, None, None)", RuntimeError, "running_mean must be defined in evaluation"),
        (
            "F.batch_norm(x[:1], None, None, training=True)",
            ValueError,
            "more than 1 value per channel",
        ),
        ("F.batch_norm(x, torch.ones(3), torch.ones(4))", RuntimeError, "contain 4 elements not 3"),
        ("F.group_norm(x, 3)", RuntimeError, "to be divisible by num_groups"),
        (
            "F.group_norm(x, 2, torch.ones(3))",
            RuntimeError,
            "Expected weight to be a vector of size",
        ),
        ("F.instance_norm(x)", ValueError, "Expected more than 1 spatial element"),
        ("F.rms_norm(x, (3,))", RuntimeError, r"expected input with shape \[\*3\]"),
        ("F.embedding(torch.tensor([5]), x)", IndexError, "index out of range in self"),
        ("F.embedding(torch.tensor([-1]), x)", IndexError, "index out of range in self"),
        ("F.embedding(torch.tensor([1.0]), x)", RuntimeError, "but got torch.FloatTensor instead"),
        ("F.embedding(torch.tensor([1]), x[0])", RuntimeError, "'weight' must be 2-D"),
        (
            "F.embedding(torch.tensor([1]), x, padding_idx=7)",
            AssertionError,
            "within num_embeddings",
        ),
        ("F.one_hot(torch.tensor([0, 3]), 2)", RuntimeError, "must be smaller than num_classes"),
        ("F.one_hot(torch.tensor([-3]))", RuntimeError, "Class values must be non-negative"),
        ("F.dropout1d(x[0])", RuntimeError, "dropout1d: Expected 2D or 3D input"),
    ],
)
def test_refused(line: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(line, {"F": F, "torch": torch, "x": torch.arange(12.0).reshape(3, 4)})


def test_running_statistics_move_without_graph() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    mean, var = torch.zeros(2), torch.ones(2)
    F.batch_norm(x, mean, var, training=True, momentum=0.5)
    assert mean.tolist() == [1.0, 2.0] and var.tolist() == [1.5, 4.5]
    assert not mean.requires_grad and mean._version == 1


def test_short_and_long_rows_agree() -> None:
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(3.0, 2.0, (4, 600)).tolist(), dtype=torch.float64)
    y = np.array(F.layer_norm(x, (600,)).tolist())
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-12)
    halves = F.layer_norm(x.reshape(8, 300), (300,))
    want = F.group_norm(x.reshape(4, 600), 2)
    np.testing.assert_allclose(halves.reshape(4, 600).tolist(), want.tolist(), rtol=1e-10)


def test_constant_rows_become_zeros() -> None:
    x = torch.full((2, 3), 0.1)
    assert F.layer_norm(x, (3,)).tolist() == [[0.0] * 3] * 2


def test_embedding_limits_the_norm_in_place() -> None:
    table = torch.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    F.embedding(torch.tensor([0, 0, 1]), table, max_norm=1.0)
    np.testing.assert_allclose(table.tolist(), [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]], rtol=1e-6)
    assert table._version == 1


def test_many_rows_of_an_embedding() -> None:
    """Sorted sums give what adding one by one gives."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, 7, 300)
    table = torch.zeros((7, 2), dtype=torch.float64, requires_grad=True)
    g = rng.normal(size=(300, 2))
    F.embedding(torch.tensor(at.tolist()), table).backward(
        torch.tensor(g.tolist(), dtype=torch.float64)
    )
    want = np.zeros((7, 2))
    np.add.at(want, at, g)
    np.testing.assert_allclose(table.grad.tolist(), want, rtol=1e-12)


def test_dropout_passes_the_input_through() -> None:
    x = torch.ones(3, requires_grad=True)
    assert F.dropout(x, 0.5, training=False) is x and F.dropout(x, 0.0) is x


def test_dropout_scales_what_stays() -> None:
    torch.manual_seed(1)
    x = torch.ones(1000, requires_grad=True)
    y = F.dropout(x, 0.25)
    assert set(y.tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_dropout2d_warns_of_other_dimensions() -> None:
    with pytest.warns(UserWarning, match="dropout2d: Received a 2-D input"):
        F.dropout2d(torch.ones(2, 2))
    with pytest.warns(UserWarning, match="assuming that channel-wise 1D dropout"):
        F.dropout2d(torch.ones(2, 2, 2))
