"""`utils.scipy.minimize`: SciPy's methods with derivatives from here."""

from __future__ import annotations

from typing import Any

import pytest

import chainrule as torch
from chainrule.utils.scipy import minimize

pytest.importorskip("scipy")

METHODS = (
    "BFGS CG L-BFGS-B TNC SLSQP Newton-CG trust-ncg trust-krylov trust-constr dogleg trust-exact "
    "Nelder-Mead Powell"
).split()


def bowl(x: Any) -> Any:
    return ((x - torch.tensor([1.0, -2.0], dtype=torch.float64)) ** 4).sum() + (
        (x[0] + 0.5 * x[1]) ** 2
    )


def quadratic(x: Any) -> Any:
    return ((x - 3) ** 2).sum() + x[0] * x[1] * 0.5


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_minimum(method: str) -> None:
    found = minimize(quadratic, torch.zeros(2, dtype=torch.float64), method=method)
    torch.testing.assert_close(
        found.x, torch.full((2,), 2.4, dtype=torch.float64), rtol=1e-3, atol=1e-3
    )


def test_shapes_and_dtypes_come_back() -> None:
    start = (torch.zeros(2, 3), {"b": torch.zeros(())})

    def fun(x: Any) -> Any:
        return ((x[0] - 1) ** 2).sum() + (x[1]["b"] + 2) ** 2

    seen: list[Any] = []
    found = minimize(fun, start, method="Newton-CG", callback=seen.append)
    torch.testing.assert_close(found.x, (torch.ones(2, 3), {"b": torch.tensor(-2.0)}))
    assert seen and seen[0][0].shape == (2, 3)
    assert found.jac[0].shape == (2, 3)


def test_products_are_the_hessians() -> None:
    from chainrule.utils.scipy import _Problem

    x = torch.tensor([0.3, -0.4], dtype=torch.float64)
    problem = _Problem(bowl, x, ())
    hessian = torch.func.hessian(bowl)(x)
    torch.testing.assert_close(torch.from_numpy(problem.matrix(x.numpy())), hessian)


def test_arguments_and_options_are_passed() -> None:
    def fun(x: Any, a: float) -> Any:
        return (x - a) ** 2

    found = minimize(fun, torch.tensor(0.0), args=(5.0,), bounds=[(0, 4)], options={"maxiter": 50})
    torch.testing.assert_close(found.x, torch.tensor(4.0))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(TypeError, match="x0 must hold floating point tensors"):
        minimize(quadratic, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(RuntimeError, match="must return a tensor of one element"):
        minimize(lambda x: x, torch.zeros(2))
    with pytest.raises(RuntimeError, match="does not depend on x"):
        minimize(lambda x: x.detach().sum(), torch.zeros(2), method="BFGS")
