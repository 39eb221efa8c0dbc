"""implicit_function: derivatives of solutions against closed forms, of every order and mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.autograd import gradcheck, gradgradcheck, implicit_function
from chainrule.func import grad, hessian, jacfwd, jacrev, jvp, vmap

D = torch.float64
SOLVES = ["dense", "gmres"]


def newton_sqrt(a: torch.Tensor) -> torch.Tensor:
    x = torch.ones_like(a)
    for _ in range(60):
        x = (x + a / x) / 2
    return x


def root(**options: Any) -> Any:
    return implicit_function(newton_sqrt, residual=lambda x, a: x * x - a, **options)


def numpy_solve(matrix: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.linalg.solve(matrix.detach().numpy(), b.detach().numpy()))


@pytest.mark.parametrize("solve", SOLVES)
def test_square_root_by_newton(solve: str) -> None:
    a = torch.tensor([4.0, 9.0, 2.0], dtype=D, requires_grad=True)
    f = root(solve=solve)
    assert gradcheck(f, a, check_forward_ad=True)
    assert gradgradcheck(f, a)
    assert gradgradcheck(f, a, check_fwd_over_rev=True)
    f(a).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), 0.5 * a.detach().numpy() ** -0.5)


@pytest.mark.parametrize("solve", SOLVES)
def test_the_transforms(solve: str) -> None:
    a = torch.tensor([4.0, 9.0, 2.0], dtype=D)
    x, f = a.numpy(), root(solve=solve)
    np.testing.assert_allclose(grad(lambda a: f(a).sum())(a).numpy(), 0.5 * x**-0.5)
    np.testing.assert_allclose(jacrev(f)(a).numpy(), np.diag(0.5 * x**-0.5), atol=1e-12)
    np.testing.assert_allclose(jacfwd(f)(a).numpy(), np.diag(0.5 * x**-0.5), atol=1e-12)
    np.testing.assert_allclose(
        hessian(lambda a: f(a).sum())(a).numpy(), np.diag(-0.25 * x**-1.5), atol=1e-12
    )
    np.testing.assert_allclose(vmap(f)(a).numpy(), np.sqrt(x))
    np.testing.assert_allclose(vmap(grad(f))(a).numpy(), 0.5 * x**-0.5)
    _, t = jvp(f, (a,), (torch.ones(3, dtype=D),))
    np.testing.assert_allclose(t.numpy(), 0.5 * x**-0.5)
    third = grad(grad(grad(f)))(torch.tensor(2.0, dtype=D))
    np.testing.assert_allclose(third.item(), 0.375 * 2**-2.5)


@pytest.mark.parametrize("solve", SOLVES)
def test_linear_solve(solve: str) -> None:
    torch.manual_seed(1)
    matrix = (torch.randn(4, 4, dtype=D) + 4 * torch.eye(4, dtype=D)).requires_grad_()
    b = torch.randn(4, dtype=D, requires_grad=True)
    f = implicit_function(numpy_solve, residual=lambda x, m, b: m @ x - b, solve=solve)
    assert gradcheck(f, (matrix, b), check_forward_ad=True)
    assert gradgradcheck(f, (matrix, b))
    f(matrix, b).sum().backward()
    u = np.linalg.solve(matrix.detach().numpy().T, np.ones(4))
    np.testing.assert_allclose(b.grad.numpy(), u)
    np.testing.assert_allclose(matrix.grad.numpy(), -np.outer(u, f(matrix, b).detach().numpy()))


@pytest.mark.parametrize("solve", ["dense", "gmres", "neumann"])
def test_fixed_point(solve: str) -> None:
    torch.manual_seed(2)
    w = (0.3 * torch.randn(3, 3, dtype=D)).requires_grad_()
    b = torch.randn(3, dtype=D, requires_grad=True)

    def step(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.tanh(w @ x + b)

    def iterate(w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        x = torch.zeros(3, dtype=D)
        for _ in range(200):
            x = step(x, w, b)
        return x

    f = implicit_function(iterate, fixed_point=step, solve=solve)
    by_unrolling = torch.autograd.grad(iterate(w, b).sum(), (w, b))
    implicit = torch.autograd.grad(f(w, b).sum(), (w, b))
    for mine, theirs in zip(implicit, by_unrolling, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-9)
    assert gradgradcheck(f, (w, b))


def test_entropy_regularised_optimum_is_softmax() -> None:
    """argmax of p.c + H(p) on the simplex, by its conditions of optimality."""

    def residual(z: Any, c: torch.Tensor) -> Any:
        return {"p": c - z["p"].log() - 1 - z["nu"], "nu": z["p"].sum() - 1}

    def solver(c: torch.Tensor) -> Any:
        e = (c - c.max()).exp()
        return {"p": e / e.sum(), "nu": torch.logsumexp(c, 0) - 1}

    f = implicit_function(solver, residual=residual)
    c = torch.tensor([0.3, -1.0, 2.0, 0.0], dtype=D, requires_grad=True)
    np.testing.assert_allclose(
        jacrev(lambda c: f(c)["p"])(c.detach()).numpy(),
        jacrev(lambda c: torch.softmax(c, 0))(c.detach()).numpy(),
        atol=1e-12,
    )
    assert gradgradcheck(lambda c: f(c)["p"], c)


def test_ridge_regression_hyperparameter() -> None:
    torch.manual_seed(3)
    x, y = torch.randn(20, 3, dtype=D), torch.randn(20, dtype=D)
    loss = lambda w, lam: ((x @ w - y) ** 2).sum() + lam * (w**2).sum()  # noqa: E731
    closed = lambda lam: np.linalg.solve(  # noqa: E731
        x.numpy().T @ x.numpy() + lam * np.eye(3), x.numpy().T @ y.numpy()
    )
    f = implicit_function(lambda lam: torch.from_numpy(closed(lam.item())), residual=grad(loss))
    lam = torch.tensor(0.7, dtype=D, requires_grad=True)
    f(lam).sum().backward()
    h = 1e-5
    difference = (closed(0.7 + h) - closed(0.7 - h)).sum() / (2 * h)
    np.testing.assert_allclose(lam.grad.item(), difference, rtol=1e-6)


def test_steady_state_of_an_ode() -> None:
    """dx/dt = rate x (1 - x / capacity) - harvest x: x = capacity (1 - harvest / rate)."""

    def flow(x: torch.Tensor, p: dict[str, torch.Tensor]) -> torch.Tensor:
        return p["rate"] * x * (1 - x / p["capacity"]) - p["harvest"] * x

    def march(p: dict[str, torch.Tensor]) -> torch.Tensor:
        x = torch.tensor(1.0, dtype=D)
        for _ in range(4000):
            x = x + 0.05 * flow(x, p)
        return x

    f = implicit_function(march, residual=flow)
    p = {
        name: torch.tensor(v, dtype=D, requires_grad=True)
        for name, v in {"rate": 1.0, "capacity": 3.0, "harvest": 0.4}.items()
    }
    x = f(p)
    np.testing.assert_allclose(x.item(), 1.8)
    x.backward()
    assert p["capacity"].grad.item() == pytest.approx(0.6)
    assert p["harvest"].grad.item() == pytest.approx(-3.0)
    assert p["rate"].grad.item() == pytest.approx(3 * 0.4)


def test_nested_arguments_and_things_that_are_no_tensors() -> None:
    def residual(x: Any, p: Any, power: int) -> Any:
        return {"x": x["x"] ** power - p["a"], "y": x["x"] * x["y"] - p["b"][0]}

    def solver(p: Any, power: int) -> Any:
        x = p["a"] ** (1 / power)
        return {"x": x, "y": p["b"][0] / x}

    f = implicit_function(solver, residual=residual)
    p = {
        "a": torch.tensor([4.0, 1.0], dtype=D, requires_grad=True),
        "b": [torch.tensor([2.0, 3.0], dtype=D, requires_grad=True), "name", torch.tensor([1, 2])],
    }
    made = f(p, 2)
    assert made["y"].tolist() == [1, 3]
    (made["x"].sum() + (made["y"] ** 2).sum()).backward()
    np.testing.assert_allclose(p["a"].grad.numpy(), [0.0, -8.5])
    np.testing.assert_allclose(p["b"][0].grad.numpy(), [1.0, 6.0])


def test_the_solver_is_not_recorded_and_constants_have_no_graph() -> None:
    seen = []

    def solver(a: torch.Tensor) -> torch.Tensor:
        seen.append(torch.is_grad_enabled())
        return torch.from_numpy(np.sqrt(a.detach().numpy()))

    f = implicit_function(solver, residual=lambda x, a: x * x - a)
    assert f(torch.tensor([4.0], requires_grad=True)).requires_grad
    assert not f(torch.tensor([4.0])).requires_grad
    assert seen == [False, False]


def test_float32_and_empty() -> None:
    a = torch.tensor([4.0, 2.0], requires_grad=True)
    for solve in SOLVES:
        a.grad = None
        f = root(solve=solve)
        f(a).sum().backward()
        assert a.grad.dtype is torch.float32
        np.testing.assert_allclose(a.grad.numpy(), [0.25, 0.5 / np.sqrt(2)], rtol=1e-5)
    empty = torch.zeros(0, requires_grad=True)
    root()(empty).sum().backward()
    assert empty.grad.shape == (0,)


def test_a_large_system_from_products_only() -> None:
    n = 1500
    right = lambda x: torch.cat([x[1:], x[:1]])  # noqa: E731
    residual = lambda x, b: 4 * x - right(x) - b  # noqa: E731

    def solver(b: torch.Tensor) -> torch.Tensor:
        x = torch.zeros_like(b)
        for _ in range(60):
            x = (right(x) + b) / 4
        return x

    b = torch.randn(n, dtype=D, requires_grad=True)
    implicit_function(solver, residual=residual)(b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), np.full(n, 1 / 3), rtol=1e-9)


# ---------------------------------------------------------------- what goes wrong


def test_a_solver_that_stopped_too_early_is_told() -> None:
    early = lambda a: a / 2  # noqa: E731
    residual = lambda x, a: x * x - a  # noqa: E731
    a = torch.tensor([16.0])
    with pytest.raises(RuntimeError, match=r"did not converge.*\nresidual: 48 .*tolerance: 0\.04"):
        implicit_function(early, residual=residual)(a)
    with pytest.warns(UserWarning, match="did not converge"):
        implicit_function(early, residual=residual, not_converged="warn")(a)
    assert implicit_function(early, residual=residual, not_converged="ignore")(a).item() == 8
    assert implicit_function(early, residual=residual, tol=100.0)(a).item() == 8
    with pytest.raises(RuntimeError, match="residual: nan"):
        implicit_function(lambda a: a * np.nan, residual=residual)(a)


def test_a_singular_jacobian_is_named() -> None:
    a = torch.tensor(1.0, dtype=D)
    twice = implicit_function(
        lambda a: torch.zeros(2, dtype=D),
        residual=lambda x, a: torch.stack([x[0] + x[1], x[0] + x[1]]) * a,
    )
    with pytest.raises(RuntimeError, match=r"is singular at the solution(.|\n)*rank: 1"):
        grad(lambda a: (twice(a) * torch.tensor([1.0, 2.0])).sum())(a)
    double = implicit_function(lambda a: a * 0, residual=lambda x, a: x * x * a)
    with pytest.raises(RuntimeError, match="is singular"):
        grad(double)(a)
    moving = implicit_function(lambda a: a * 0, residual=lambda x, a: x * x - a + a.detach())
    with pytest.raises(RuntimeError, match="is singular"):
        jvp(moving, (a,), (a,))


def test_an_iteration_that_does_not_converge_says_so() -> None:
    a = torch.tensor(1.0, dtype=D)
    expanding = implicit_function(lambda a: -a, fixed_point=lambda x, a: 2 * x + a, solve="neumann")
    with pytest.raises(RuntimeError, match=r"did not converge \(neumann\)\nrelative residual"):
        grad(expanding)(a)
    b = torch.randn(30, dtype=D, requires_grad=True)
    matrix = torch.randn(30, 30, dtype=D)
    few = implicit_function(
        lambda b: numpy_solve(matrix, b), residual=lambda x, b: matrix @ x - b,
        solve="gmres", max_iterations=5,
    )  # fmt: skip
    with pytest.raises(RuntimeError, match=r"did not converge \(gmres\)(.|\n)*products: 5"):
        few(b).sum().backward()


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({}, TypeError, "exactly one of `residual` and `fixed_point`"),
        ({"residual": len, "fixed_point": len}, TypeError, "exactly one"),
        ({"residual": len, "solve": "cg"}, ValueError, "unknown solve 'cg'"),
        ({"residual": len, "not_converged": "print"}, ValueError, "unknown not_converged 'print'"),
    ],
)
def test_wrong_options(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        implicit_function(newton_sqrt, **options)


def test_wrong_results() -> None:
    a = torch.ones(3)
    with pytest.raises(
        ValueError, match=r"structure and shapes of x\nx: \[\[3\]\]\nreturned: \[\[1"
    ):
        implicit_function(lambda a: a, residual=lambda x, a: x[:1])(a)
    with pytest.raises(TypeError, match="floating point tensors, not int"):
        implicit_function(lambda a: 3, residual=lambda x, a: x)(a)
    with pytest.raises(TypeError, match=r"not a tensor of torch\.int64"):
        implicit_function(lambda a: torch.tensor([1]), residual=lambda x, a: x)(a)
