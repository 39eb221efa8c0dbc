"""Activations: kinks, special values, dtypes, in-place forms, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch

F: Any = torch.nn.functional
INF, NAN = float("inf"), float("nan")
FUNCTIONS = [
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "logsigmoid",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "hardshrink",
    "softshrink",
    "relu6",
    "softsign",
    "tanhshrink",
    "rrelu",
]
INPLACE = [
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "relu6",
    "rrelu",
]


def slopes(function: Any, *points: float) -> list[float]:
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "points", "expected"),
    [
        ("relu6", (0.0, 6.0, NAN), [0, 0, 1]),
        ("leaky_relu", (0.0, -0.0), [0.01, 0.01]),
        ("elu", (0.0, INF, -INF), [1, 1, 0]),
        ("hardtanh", (-1.0, 1.0, 0.5), [0, 0, 1]),
        ("hardsigmoid", (-3.0, 3.0, NAN), [0, 0, 0]),
        ("hardswish", (-3.0, 3.0), [0, 1]),
        ("hardshrink", (-0.5, 0.5, NAN), [0, 0, 1]),
        ("softshrink", (-0.5, 0.5, NAN), [0, 0, 1]),
        ("softplus", (25.0, -1000.0), [1, 0]),
        ("logsigmoid", (1000.0, -1000.0), [0, 1]),
    ],
)
def test_slope_at_the_kinks(name: str, points: Any, expected: list[float]) -> None:
    """As PyTorch 2.13 has them."""
    assert slopes(getattr(F, name), *points) == expected


@pytest.mark.parametrize(
    ("name", "points", "expected"),
    [
        ("silu", (1000.0, -1000.0), [1000, 0]),
        ("mish", (1000.0, -1000.0), [1000, 0]),
        ("softplus", (1000.0, -1000.0, -INF), [1000, 0, 0]),
        ("logsigmoid", (1000.0, -1000.0, -INF), [0, -1000, -INF]),
        ("gelu", (100.0, -100.0), [100, 0]),
        ("elu", (1000.0, -1000.0), [1000, -1]),
        ("hardshrink", (0.5, NAN, -0.6), [0, NAN, -0.6]),
    ],
)
def test_no_overflow(name: str, points: Any, expected: list[float]) -> None:
    got = getattr(F, name)(torch.tensor(points, dtype=torch.float64))
    np.testing.assert_array_equal(got.tolist(), expected)


def test_second_derivative_stays_finite() -> None:
    """exp of a large positive number is computed nowhere."""
    x = torch.tensor([800.0], dtype=torch.float64, requires_grad=True)
    for name in ("elu", "selu", "celu", "mish", "softplus"):
        (g,) = torch.autograd.grad(getattr(F, name)(x).sum(), x, create_graph=True)
        assert torch.autograd.grad(g.sum(), x)[0].tolist() == [0.0], name


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (5000,)])
def test_dtypes_and_shapes(name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    x = torch.tensor(values.tolist(), dtype=dtype).requires_grad_()
    y = getattr(F, name)(x)
    (g,) = torch.autograd.grad(y.sum(), x)
    assert y.shape == shape == g.shape and y.dtype is dtype is g.dtype
    exact = getattr(F, name)(x.detach().double())
    tolerance = {torch.float16: 3e-3, torch.float32: 2e-6, torch.float64: 0}[dtype]
    np.testing.assert_allclose(y.tolist(), exact.tolist(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", INPLACE)
def test_in_place(name: str) -> None:
    function = getattr(F, name)
    leaf = torch.tensor([-1.5, -0.2, 0.3, 4.0], dtype=torch.float64, requires_grad=True)
    x = leaf * 1
    y = function(x, inplace=True)
    assert y is x and x._version == 1
    z = function(leaf * 1)
    assert y.tolist() == z.tolist()
    g = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    (mine,), (want,) = (torch.autograd.grad(t, leaf, g) for t in (y, z))
    np.testing.assert_allclose(mine.tolist(), want.tolist(), rtol=1e-14)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        function(leaf, inplace=True)


@pytest.mark.parametrize(
    ("name", "kernel"),
    [
        ("leaky_relu", "leaky_relu_cpu"),
        ("elu", "elu_cpu"),
        ("gelu", "GeluKernelImpl"),
        ("silu", "silu_cpu"),
        ("mish", "mish_cpu"),
        ("softplus", "softplus_cpu"),
        ("logsigmoid", "log_sigmoid_cpu"),
        ("hardswish", "hardswish_cpu"),
        ("glu", "glu_cpu"),
        ("softshrink", "softshrink_check"),
    ],
)
def test_integers_are_refused(name: str, kernel: str) -> None:
    with pytest.raises(NotImplementedError, match=f"\"{kernel}\" not implemented for 'Long'"):
        getattr(F, name)(torch.ones(2, dtype=torch.int64))


def test_integers_are_taken() -> None:
    x = torch.tensor([-9, 2, 9])
    assert F.hardtanh(x).tolist() == [-1, 1, 1] and F.relu6(x).tolist() == [0, 2, 6]
    assert F.threshold(x, 2, 7).tolist() == [7, 7, 9] and F.threshold(x, 2, 7).dtype is torch.int64


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("F.gelu(x, approximate='x')", RuntimeError, "must be either none or tanh"),
        ("F.hardtanh(x, 1.0, -1.0)", ValueError, "min_val cannot be greater than max_val"),
        (
            "F.glu(x[:, :3])",
            RuntimeError,
            "Halving dimension must be even, but dimension 1 is size 3",
        ),
        ("F.glu(x[0, 0])", RuntimeError, "glu does not support scalars"),
        ("F.softshrink(x, -1.0)", RuntimeError, "lambda must be in range"),
        ("F.celu(x, 0.0)", RuntimeError, "alpha cannot be 0 for CELU"),
        ("F.prelu(x, torch.ones(3))", RuntimeError, "parameter numbers = 3 and channel size = 4"),
        ("F.prelu(x, torch.ones(2, 2))", RuntimeError, "to be a scalar or 1D tensor"),
        ("F.prelu(x, torch.ones(4).double())", RuntimeError, "Type promoting not supported"),
        ("F.rrelu(x, 0.5, 0.2)", RuntimeError, "Lower bound should be less than or equal"),
        ("F.dropout(x, 1.5)", ValueError, "has to be between 0 and 1, but got 1.5"),
        ("F.elu([1.0])", TypeError, "must be Tensor, not list"),
        (
            "F.leaky_relu(x.requires_grad_() * 1, -0.1, inplace=True)",
            RuntimeError,
            "In-place leakyReLu backward",
        ),
    ],
)
def test_refused(line: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(line, {"F": F, "torch": torch, "x": torch.zeros(3, 4)})
