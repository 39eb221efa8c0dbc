"""torch.autograd.functional against torch.func, and its strict mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule import func
from chainrule.autograd import functional

x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
y = torch.tensor([[0.5, 1.0, 2.0], [1.0, 0.0, 1.0]], dtype=torch.float64)


def close(a: Any, b: Any) -> None:
    if isinstance(a, (tuple, list)):
        assert len(a) == len(b)
        for p, q in zip(a, b, strict=True):
            close(p, q)
        return
    np.testing.assert_allclose(a._data, b._data, rtol=1e-10)


def f(x: Any) -> Any:
    return (x * x).sin()


def g(x: Any, y: Any) -> Any:
    return (y @ x).sin(), (x * x).sum()


def s(x: Any, y: Any) -> Any:
    return ((y @ x).sin() * x[:2]).sum()


def constant(x: Any) -> Any:
    return torch.ones(2, dtype=torch.float64)


def linear(x: Any) -> Any:
    return x.sum()


def test_products() -> None:
    v = (torch.ones(2, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64))
    outs, made = functional.vjp(g, (x, y), v)
    close(outs, g(x, y))
    close(made, func.vjp(g, x, y)[1](v))
    close(functional.jvp(g, (x, y), (x, y)), func.jvp(g, (x, y), (x, y)))
    close(functional.jvp(f, x, x)[1], func.jvp(f, (x,), (x,))[1])
    moved = func.jvp(func.grad(s, argnums=(0, 1)), (x, y), (x, y))[1]
    close(functional.hvp(s, (x, y), (x, y))[1], moved)
    close(functional.vhp(s, (x, y), (x, y))[1], moved)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vectorize": True},
        {"vectorize": True, "strategy": "forward-mode"},
        {"create_graph": True},
    ],
)
def test_jacobians(options: dict[str, Any]) -> None:
    close(functional.jacobian(f, x, **options), func.jacrev(f)(x))
    close(functional.jacobian(g, (x, y), **options), func.jacrev(g, argnums=(0, 1))(x, y))
    close(functional.jacobian(constant, x, **options), torch.zeros(2, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    "options",
    [{}, {"vectorize": True}, {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}],
)
def test_hessians(options: dict[str, Any]) -> None:
    close(
        functional.hessian(lambda x: f(x).sum(), x, **options),
        func.hessian(lambda x: f(x).sum())(x),
    )
    close(functional.hessian(s, (x, y), **options), func.hessian(s, argnums=(0, 1))(x, y))


def test_create_graph() -> None:
    leaf = x.clone().requires_grad_()
    for made in (
        functional.vjp(f, leaf, x, create_graph=True)[1],
        functional.jvp(f, leaf, x, create_graph=True)[1],
        functional.jacobian(f, leaf, create_graph=True).sum(0),
    ):
        (again,) = torch.autograd.grad(made.sum(), leaf)
        assert again.abs().sum() > 0
    assert not functional.vjp(f, leaf, x)[1].requires_grad


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: functional.vjp(f, x),
            RuntimeError,
            "The vector v can only be None if the user-provided function",
        ),
        (lambda: functional.jvp(f, x), RuntimeError, "The vector v can only be None if the input"),
        (lambda: functional.vjp(f, x, x[:2]), RuntimeError, "v has invalid size: should be"),
        (
            lambda: functional.jvp(g, (x, y), (x,)),
            RuntimeError,
            "v is a tuple of invalid length: should be 2 but got 1",
        ),
        (lambda: functional.jvp(g, (x, y), (y, x)), RuntimeError, "Entry 0 in v has invalid size"),
        (
            lambda: functional.vjp(f, 1.0, x),
            TypeError,
            "inputs given to vjp must be either a Tensor or a tuple",
        ),
        (
            lambda: functional.jacobian(lambda x: (x, 1.0), x),
            TypeError,
            "value at index 1 has type <class 'float'>",
        ),
        (
            lambda: functional.vjp(constant, x, x[:2], strict=True),
            RuntimeError,
            "does not require gradients",
        ),
        (
            lambda: functional.jacobian(constant, x, strict=True),
            RuntimeError,
            "does not require gradients",
        ),
        (
            lambda: functional.jacobian(lambda a, b: a, (x, x), strict=True),
            RuntimeError,
            "is independent of input 1",
        ),
        (
            lambda: functional.hvp(linear, x, x, strict=True),
            RuntimeError,
            "jacobian of the user-provided function",
        ),
        (lambda: functional.vhp(f, x, x), RuntimeError, "should contain a single element"),
        (
            lambda: functional.hessian(lambda x: (x.sum(),), x),
            RuntimeError,
            "should return a single Tensor",
        ),
        (
            lambda: functional.jacobian(f, x, strategy="sideways"),
            AssertionError,
            "Expected strategy to be either",
        ),
        (
            lambda: functional.jacobian(f, x, strict=True, vectorize=True),
            RuntimeError,
            "not supported together",
        ),
        (
            lambda: functional.jacobian(f, x, strategy="forward-mode"),
            NotImplementedError,
            "vectorize=True",
        ),
        (
            lambda: functional.jacobian(f, x, create_graph=True, strategy="forward-mode"),
            NotImplementedError,
            "not supported together",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
