"""Reverse transforms on the plain tape (core/tape.py) and rows of Jacobians (core/rows.py)."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import chainrule as torch
from chainrule.autograd import functional
from chainrule.core.node import LEAF
from chainrule.func import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap

F = torch.nn.functional
f64 = torch.float64


def t(*values: Any) -> Any:
    return torch.tensor(*values, dtype=f64)


def close(a: Any, b: Any, tolerance: float = 1e-12) -> None:
    assert a.shape == b.shape
    assert bool(((a - b).abs() <= tolerance * (1 + b.abs())).all())


W = torch.linspace(-1, 1, 12, dtype=f64).reshape(4, 3)
B = torch.linspace(0.1, 0.4, 4, dtype=f64)

# programs of one tensor of shape (3,)
PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "layer": lambda x: torch.tanh(W @ x + B),
    "linear": lambda x: torch.sigmoid(F.linear(x, W, B)) * x.sum(),
    "broadcast": lambda x: x[:, None] * x.exp() + x.mean(),
    "views": lambda x: torch.cat([x[1:], x.flip(0)]).reshape(5).sin(),
    "rows of a matrix": lambda x: (torch.outer(x, x).t() @ x).cos(),
    "select and slice": lambda x: torch.stack([x[0] * x[1], x[2] ** 2, x[:2].prod()]),
    "softmax": lambda x: F.softmax(x * 2, 0).log(),
    "norms": lambda x: torch.stack([x.norm(), (x * W).norm(dim=1).sum()]),
    "sorted": lambda x: x.sort()[0].cumsum(0),
    "gather": lambda x: x[torch.tensor([2, 0, 0])] * x,
    "where": lambda x: torch.where(x > 0.5, x * x, x.exp()),
    "expand": lambda x: x.expand(2, 3).unsqueeze(0).squeeze(0).sum(0) * x,
    "layer norm": lambda x: F.layer_norm(x, (3,)) * 2,
    "independent": lambda x: torch.stack([x.sum(), x.detach().sum()]),
    "itself": lambda x: x,
    "in place": lambda x: (x * 1).mul_(x).add_(1),
    "reversed number": lambda x: 1 / (2 - x) + 3**x,
}
X = t([0.3, 0.9, -0.4])


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_jacobians_agree(name: str) -> None:
    f = PROGRAMS[name]
    expected = jacfwd(f)(X)
    close(jacrev(f)(X), expected)
    close(functional.jacobian(f, X), expected)
    close(functional.jacobian(f, X, vectorize=True), expected)
    close(functional.jacobian(f, X, create_graph=True), expected)
    rows = (
        torch.stack([vjp(f, X)[1](row)[0] for row in torch.eye(expected.shape[0], dtype=f64)])
        if expected.ndim == 2
        else None
    )
    if rows is not None:
        close(rows, expected)


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_hessians_agree(name: str) -> None:
    def f(x: Any) -> Any:
        return (PROGRAMS[name](x) ** 2).sum()

    expected = jacfwd(jacfwd(f))(X)
    close(hessian(f)(X), expected, 1e-10)
    close(jacfwd(jacrev(f))(X), expected, 1e-10)
    close(functional.hessian(f, X), expected, 1e-10)
    close(jvp(grad(f), (X,), (t([1.0, 0, 0]),))[1], expected[:, 0], 1e-10)


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_gradients_of_every_sample_agree_with_a_loop(name: str) -> None:
    many = torch.stack([X, X * 0.5, X + 0.2])

    def f(x: Any, s: Any) -> Any:
        return (PROGRAMS[name](x) * s).sum()

    each = torch.stack([grad(f)(x, x[0]) for x in many])
    close(vmap(grad(f))(many, many[:, 0]), each, 1e-11)
    same = torch.stack([grad(f)(X, x[0]) for x in many])
    close(vmap(grad(f), in_dims=(None, 0))(X, many[:, 0]), same, 1e-11)
    twice = torch.stack([hessian(lambda x: f(x, x[0]))(x) for x in many])
    close(vmap(hessian(lambda x: f(x, x[0])))(many), twice, 1e-9)
    pairs = vmap(lambda x: vmap(lambda s: grad(f)(x, s))(many[:, 0]))(many)
    close(pairs[1, 2], grad(f)(many[1], many[2, 0]), 1e-11)


# ---------------------------------------------------------------- what stays when it is over


def test_values_that_are_kept_leave_the_graph() -> None:
    kept = []

    def f(x: Any) -> Any:
        kept.append(x * 2)
        kept.append(kept[0].sin())  # not on the way to the result
        return (kept[0] ** 2).sum()

    close(grad(f)(X), 8 * X)
    assert [k.requires_grad for k in kept] == [False, False]
    assert kept[1].numpy() is not None
    seen = weakref.ref(kept[0])
    kept.clear()
    gc.collect()
    assert seen() is None


def test_a_buffer_of_the_caller_leaves_the_graph() -> None:
    buffer = torch.zeros(3, dtype=f64)

    def f(x: Any) -> Any:
        buffer[0] = x[0] * 2
        return (buffer * x).sum()

    close(grad(f)(X), t([4 * 0.3, 0, 0]))
    assert not buffer.requires_grad
    assert buffer[0] == 0.6


def test_values_that_are_kept_stay_in_the_callers_graph() -> None:
    w = t([1.0, 2.0, 3.0]).requires_grad_()
    kept = []
    made = grad(lambda x: (kept.append(x * w), (x * x * w).sum())[1])(X)
    made.sum().backward()
    close(w.grad, 2 * X)
    kept[0].sum().backward()
    close(w.grad, 3 * X)
    leaf = X.clone().requires_grad_()
    value = grad_and_value(lambda x: (x**3).sum())(leaf)[1]
    value.backward()
    close(leaf.grad, 3 * X**2)
    assert grad_and_value(lambda x: (x**3).sum())(X)[1].grad_fn is None


def test_nothing_is_left_on_the_argument() -> None:
    leaf = X.clone().requires_grad_()
    before = leaf.grad_fn, leaf._node
    jacrev(torch.sin)(leaf)
    hessian(lambda x: x.sum() ** 2)(leaf)
    assert (leaf.grad_fn, leaf._node) == before
    assert leaf._node is LEAF
    assert leaf.grad is None


# ---------------------------------------------------------------- modes and errors inside


def test_no_grad_outside_and_inside() -> None:
    leaf = X.clone().requires_grad_()
    with torch.no_grad():
        assert not grad(lambda x: (x**3).sum())(leaf).requires_grad
        assert not hessian(lambda x: (x**3).sum())(leaf).requires_grad
    assert hessian(lambda x: (x**3).sum())(leaf).requires_grad

    def inner_constant(x: Any) -> Any:
        with torch.no_grad():
            c = grad(lambda y: (y**2).sum())(x)
        return (c * x).sum()

    close(grad(inner_constant)(X), 2 * X)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: x.add_(1).sum(), "a leaf Variable that requires grad is being used in an in-pl"),
        (lambda x: x[0].mul_(2).sum(), "a view of a leaf Variable that requires grad"),
        (lambda x: (x.sum().backward(), x.sum())[1], "backward\\(\\) called inside a functorch"),
        (lambda x: (x * 2).requires_grad_().sum(), "attempting to call Tensor.requires_grad_"),
        (lambda x: x * 2, "Expected f\\(\\*args\\) to return a scalar"),
    ],
)
def test_refusals_inside(f: Any, said: str) -> None:
    for call in (grad(f), lambda x: vmap(grad(f))(x[None])):
        with pytest.raises(RuntimeError, match=said):
            call(X.clone())
    close(grad(lambda x: x.sum())(X), torch.ones(3, dtype=f64))


def test_nested_levels_are_shown_in_the_order_they_were_entered() -> None:
    shown = []

    def look(x: Any) -> Any:
        shown.append(repr(x))
        return x.sum()

    vmap(grad(look))(torch.ones(1, 2))
    grad(lambda y: vmap(grad(look))(y).sum())(torch.ones(1, 2))
    assert shown[0].startswith("GradTrackingTensor(lvl=2, value=\n    BatchedTensor(lvl=1, bdim=0")
    assert shown[1] == (
        "GradTrackingTensor(lvl=3, value=\n    BatchedTensor(lvl=2, bdim=0, value=\n"
        "        GradTrackingTensor(lvl=1, value=\n            tensor([[1., 1.]])\n        )\n"
        "    )\n)"
    )


def test_hooks_on_values_run() -> None:
    seen = []

    def f(x: Any) -> Any:
        y = x * 2
        y.register_hook(lambda g: seen.append(g.clone()) or g * 10)
        return (y**2).sum()

    close(grad(f)(X), 80 * X)
    close(seen[0], 4 * X)
    close(jacrev(lambda x: f(x).reshape(1))(X), 80 * X[None])


# ---------------------------------------------------------------- walks towards inputs


def test_rules_that_do_not_lead_to_the_inputs_are_not_read() -> None:
    calls = []

    class Watching(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            return a * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls.append("read")
            return g

    a, b = t([1.0, 2.0]).requires_grad_(), t([3.0, 4.0]).requires_grad_()
    c = Watching.apply(a * 2) * (b * 3)
    (g,) = torch.autograd.grad(c.sum(), b, retain_graph=True)
    close(g, 6 * a.detach())
    assert calls == []
    (g,) = torch.autograd.grad(c.sum(), a)
    assert calls == ["read"]


def test_an_operand_without_derivative_is_no_obstacle() -> None:
    a, b = t([0.5, 1.5]).requires_grad_(), t([0.3, 2.0]).requires_grad_()
    y = torch.special.gammainc(a, b)
    (g,) = torch.autograd.grad(y.sum(), b)
    close(g, b.detach() ** (a.detach() - 1) * torch.exp(-b.detach() - torch.lgamma(a.detach())))


def test_targets_that_lead_to_each_other() -> None:
    x = t([1.0, 2.0]).requires_grad_()
    y = x * 3
    z = (y * y + x).sum()
    gy, gx = torch.autograd.grad(z, [y, x], create_graph=True)
    close(gy.detach(), 6 * x.detach())
    close(gx.detach(), 18 * x.detach() + 1)
    (second,) = torch.autograd.grad(gx.sum(), x)
    close(second, t([18.0, 18.0]))


def test_rows_of_a_product_recorded_on_the_general_path() -> None:
    def outer(x: Any) -> Any:
        return (x.unsqueeze(-1) @ x.unsqueeze(-2)).sum(0)

    x = torch.tensor([0.3, -0.6, 0.9], dtype=torch.float64)
    first = jacrev(outer)
    second = jacrev(lambda a: first(a).sum(0))(x)
    assert torch.allclose(second, jacfwd(lambda a: jacfwd(outer)(a).sum(0))(x))
    for a, b in (("d,de->e", (3, 3)), ("ij,jk->ik", (3, 2))):
        w = torch.ones(b, dtype=torch.float64)
        f = lambda t, a=a, w=w: torch.einsum(a, t if a[0] == "d" else t[None], w)  # noqa: E731
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            assert torch.allclose(jacrev(f)(x), jacfwd(f)(x))
