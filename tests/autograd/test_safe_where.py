"""safe_where: no NaN from the branch not taken, and nothing else is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule._state import S
from chainrule.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

F = torch.nn.functional
D = torch.float64

# expression, x, what the gradient must be
BRANCHES: dict[str, tuple[Callable[[Any], Any], list[float], list[float]]] = {
    "sqrt": (lambda x: torch.where(x > 0, x.sqrt(), 0.0), [0, -1, 4], [0, 0, 0.25]),
    "log": (lambda x: torch.where(x > 0, x.log(), 0.0), [0, -1, 4], [0, 0, 0.25]),
    "power": (lambda x: torch.where(x > 0, x**0.5, 0.0), [0, -1, 4], [0, 0, 0.25]),
    "chain": (lambda x: torch.where(x > 0, 1 / x.sqrt(), 0.0), [0, -1, 4], [0, 0, -1 / 16]),
    "quotient": (lambda x: torch.where(x != 0, x.sin() / x, 1.0), [0], [0]),
    "overflow": (lambda x: torch.where(x < 10, x.exp(), 0.0), [1000, 0], [0, 1]),
    "both sides": (
        lambda x: torch.where(x > 0, x.sqrt(), (-x).sqrt()), [4, -4], [0.25, -0.25],
    ),
    "masked_fill": (lambda x: x.log().masked_fill(x <= 0, 0.0), [0, -2, 4], [0, 0, 0.25]),
    "mask by product": (lambda x: x.sqrt() * (x > 0), [0, 4], [0, 0.25]),
    "index": (lambda x: x.sqrt()[x > 0], [0, 4], [0, 0.25]),
    "reduction": (
        lambda x: torch.where(x.sum() > 0, x.log().sum(), 0.0), [0, -1], [0, 0],
    ),
    "norm": (
        lambda x: torch.where((x > 0).all(), torch.hypot(x[0], x[1]), 0.0), [0, 0], [0, 0],
    ),
    "logsumexp": (
        lambda x: torch.where(torch.isfinite(x).any(), torch.logsumexp(x, 0), 0.0),
        [-np.inf, -np.inf], [0, 0],
    ),
    "nested": (
        lambda x: torch.where(x > 1, (x - 1).sqrt(), torch.where(x > 0, x.sqrt(), 0.0)),
        [0, 0.25, 1.25, -1], [0, 1, 1, 0],
    ),
}  # fmt: skip


def leaf(values: list[float]) -> torch.Tensor:
    return torch.tensor([float(v) for v in values], dtype=D, requires_grad=True)


@pytest.mark.parametrize("name", BRANCHES)
def test_the_branch_not_taken_leaves_no_nan(name: str) -> None:
    f, point, expected = BRANCHES[name]
    x = leaf(point)
    with torch.safe_where():
        y = f(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected)


@pytest.mark.parametrize("name", BRANCHES)
def test_values_do_not_change(name: str) -> None:
    f, point, _ = BRANCHES[name]
    with torch.safe_where():
        inside = f(leaf(point))
    np.testing.assert_array_equal(inside.detach().numpy(), f(leaf(point)).detach().numpy())


@pytest.mark.parametrize("name", [n for n in BRANCHES if n != "index"])
def test_the_transforms_agree(name: str) -> None:
    f, point, expected = BRANCHES[name]
    x = leaf(point).detach()
    total = lambda x: f(x).sum()  # noqa: E731
    with torch.safe_where():
        found = [grad(total)(x), vjp(total, x)[1](torch.tensor(1.0, dtype=D))[0]]
        found.append(jacrev(total)(x))
        assert np.isfinite(hessian(total)(x).numpy()).all()
    within = lambda x: torch.safe_where()(total)(x)  # noqa: E731
    found.append(grad(within)(x))
    for g in found:
        np.testing.assert_allclose(g.numpy(), expected)


def test_forward_mode() -> None:
    x = torch.tensor([0.0, -1.0, 4.0], dtype=D)
    f = BRANCHES["sqrt"][0]
    with torch.safe_where():
        _, t = jvp(f, (x,), (torch.ones(3, dtype=D),))
        np.testing.assert_allclose(t.numpy(), [0, 0, 0.25])
        np.testing.assert_allclose(np.diag(jacfwd(f)(x).numpy()), [0, 0, 0.25])
        second = jacfwd(jacfwd(f))(x).numpy()
        assert second[2, 2, 2] == -1 / 32 and np.isfinite(second).all()


def test_under_vmap() -> None:
    x = torch.tensor([0.0, -1.0, 4.0], dtype=D)
    f = BRANCHES["sqrt"][0]
    with torch.safe_where():
        np.testing.assert_allclose(vmap(grad(f))(x).numpy(), [0, 0, 0.25])


def test_every_order() -> None:
    x = leaf([0, -1, 4])
    with torch.safe_where():
        y = torch.where(x > 0, x.sqrt(), 0.0).sum()
    for expected in (0.25, -1 / 32, 3 / 256, -15 / 2048):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        np.testing.assert_allclose(y.detach().numpy(), [0, 0, expected])
        y = y.sum()


def test_second_derivatives_where_the_first_is_zero() -> None:
    """A cotangent that happens to be 0 still depends on x."""
    f = lambda x: ((x.sin() - np.sin(1.0)) ** 2).sum()  # noqa: E731
    x = torch.tensor([1.0, 1.0], dtype=D)
    with torch.safe_where():
        inside = hessian(f)(x)
    np.testing.assert_allclose(inside.numpy(), hessian(f)(x).numpy())
    assert inside[0, 0] > 0.5


def test_along_a_dimension_whole_rows_are_kept() -> None:
    scores = torch.full((2, 3), -float("inf"), dtype=D)
    scores[1] = torch.tensor([1.0, 2.0, 3.0], dtype=D)
    scores.requires_grad_()
    weight = torch.tensor([[1.0], [2.0]], dtype=D) * torch.arange(3, dtype=D)
    alive = torch.tensor([[False], [True]])
    with torch.safe_where():
        p = torch.where(alive, torch.softmax(scores, 1), 0.0)
    (p * weight).sum().backward()
    assert (scores.grad[0] == 0).all()
    plain = scores[1].detach().requires_grad_()
    (torch.softmax(plain, 0) * weight[1]).sum().backward()
    np.testing.assert_allclose(scores.grad[1].numpy(), plain.grad.numpy())


def test_what_is_taken_stays_as_it_is() -> None:
    x = leaf([0, 1])
    with torch.safe_where():
        y = x.sqrt()
    y.sum().backward()
    assert x.grad.tolist() == [float("inf"), 0.5]


def test_outside_nothing_changes() -> None:
    x = leaf([0, 4])
    torch.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert np.isnan(x.grad.numpy()[0])
    before = x.sqrt()
    x.grad = None
    with torch.safe_where():
        y = torch.where(x > 0, before, 0.0)
    y.sum().backward()
    assert np.isnan(x.grad.numpy()[0])  # the square root was recorded outside


def test_it_is_off_when_left_and_can_be_switched_off_inside() -> None:
    assert S.mode is None
    with torch.safe_where():
        assert S.mode is not None
        x = leaf([0, 4])
        with torch.safe_where(False):
            torch.where(x > 0, x.sqrt(), 0.0).sum().backward()
        assert np.isnan(x.grad.numpy()[0])
    assert S.mode is None
    with pytest.raises(ZeroDivisionError):
        with torch.safe_where():
            1 / 0
    assert S.mode is None


def test_switched_off_inside_a_transform() -> None:
    def f(x: torch.Tensor) -> torch.Tensor:
        with torch.safe_where(False):
            return torch.where(x > 0, x.sqrt(), 0.0).sum()

    with torch.safe_where():
        assert np.isnan(grad(f)(torch.tensor([0.0, 1.0])).numpy()[0])


def test_as_a_decorator() -> None:
    @torch.safe_where()
    def f(x: torch.Tensor) -> torch.Tensor:
        """Doc."""
        return torch.where(x > 0, x.sqrt(), 0.0).sum()

    x = leaf([0, 4])
    f(x).backward()
    assert x.grad.tolist() == [0, 0.25]
    assert (f.__name__, f.__doc__) == ("f", "Doc.")


def test_nodes_keep_their_names_and_saved_values() -> None:
    x = leaf([1, 4])
    with torch.safe_where():
        y = x.sqrt() * 2
    assert y.grad_fn.name() == "MulBackward0"
    root = y.grad_fn.next_functions[0][0]
    assert root.name() == "SqrtBackward0"
    assert root._saved_result.tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:Anomaly")
def test_with_saved_tensor_hooks_and_anomaly_mode() -> None:
    packed = []
    x = leaf([0, 4])
    with torch.safe_where():
        with torch.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
            y = torch.where(x > 0, x.sqrt(), 0.0).sum()
    assert packed
    y.backward()
    assert x.grad.tolist() == [0, 0.25]
    with torch.autograd.detect_anomaly():
        with torch.safe_where():
            torch.where(x > 0, x.sqrt(), 0.0).sum().backward()


def test_a_network_has_the_same_gradients() -> None:
    torch.manual_seed(0)
    w = torch.randn(4, 3, dtype=D, requires_grad=True)
    x = torch.randn(5, 4, dtype=D)

    def loss() -> Any:
        y = F.layer_norm(F.relu(x @ w).cumsum(1), (3,))
        z = torch.cat([y, y.sort(1).values], 1)
        return F.cross_entropy(z, torch.tensor([0, 1, 2, 3, 4])) + z.std() + z.norm() + y.prod()

    (plain,) = torch.autograd.grad(loss(), w)
    with torch.safe_where():
        (inside,) = torch.autograd.grad(loss(), w)
        assert torch.autograd.gradgradcheck(lambda w: (x @ w).tanh().cumprod(1).logsumexp(0), w)
    np.testing.assert_allclose(inside.numpy(), plain.numpy(), atol=1e-13)


def test_in_place_and_complex() -> None:
    x = leaf([0, 4])
    with torch.safe_where():
        y = x.clone()
        y[:] = y.sqrt()
        z = torch.where(x > 0, y, 0.0)
    z.sum().backward()
    assert x.grad.tolist() == [0, 0.25]
    c = torch.tensor([0.0 + 0j, 4.0 + 0j], dtype=torch.complex128, requires_grad=True)
    with torch.safe_where():
        z = torch.where(c.real > 0, c.sqrt(), 0.0)
    z.real.sum().backward()
    assert c.grad.tolist() == [0, 0.25]
