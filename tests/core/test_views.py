"""Views and in-place operations: memory, versions, and gradients through them.

Values and gradients are compared with the same program written out of place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as torch


def start() -> tuple[Any, Any]:
    """A leaf [2, 3] and a non-leaf copy that may be written."""
    x = torch.arange(1.0, 7.0).reshape(2, 3).requires_grad_()
    return x, x * 1


def gradient(x: Any, loss: Any) -> list[Any]:
    x.grad = None
    loss.backward()
    return x.grad.tolist()  # type: ignore[no-any-return]


WEIGHTS = torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])

# ---------------------------------------------------------------- views share memory

VIEWS: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda t: t.reshape(3, 2),
    "view": lambda t: t.view(6),
    "t": lambda t: t.t(),
    "transpose": lambda t: t.transpose(0, 1),
    "permute": lambda t: t.permute(1, 0),
    "unsqueeze": lambda t: t.unsqueeze(1),
    "squeeze": lambda t: t.unsqueeze(0).squeeze(0),
    "select": lambda t: t[1],
    "element": lambda t: t[1, 2],
    "slice": lambda t: t[:, ::2],
    "narrow": lambda t: t.narrow(1, 1, 2),
    "diagonal": lambda t: t.diagonal(),
    "expand": lambda t: t.unsqueeze(0).expand(1, 2, 3),
    "as_strided": lambda t: t.as_strided((2, 2), (3, 1), 1),
    "view of a view": lambda t: t.t()[1:].reshape(2, 2).t(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_view_shares_memory_and_version(name: str) -> None:
    base = torch.arange(6.0).reshape(2, 3).clone()
    view = VIEWS[name](base)
    assert np.shares_memory(view.numpy(), base.numpy())
    assert view._base is base and view._is_view()
    view.mul_(10)
    assert base._version == view._version == 1
    assert base.sum().item() != 15.0


@pytest.mark.parametrize("name", VIEWS)
def test_gradient_through_view(name: str) -> None:
    x, y = start()
    a = gradient(x, (VIEWS[name](y) * 3).sum())
    x2, y2 = start()
    mask = torch.zeros(2, 3)
    VIEWS[name](mask).add_(1)
    assert a == gradient(x2, (y2 * mask * 3).sum())


@pytest.mark.parametrize("name", VIEWS)
def test_writing_through_view(name: str) -> None:
    """v.mul_(v's numbers) seen from the base: y * (1 outside the view, factor inside)."""
    x, y = start()
    view = VIEWS[name](y)
    view.mul_(5)
    found = y.tolist(), gradient(x, (y * WEIGHTS).sum())
    x2, y2 = start()
    factor = torch.ones(2, 3)
    VIEWS[name](factor).mul_(5)
    out = y2 * factor
    assert found == (out.tolist(), gradient(x2, (out * WEIGHTS).sum()))


@pytest.mark.parametrize("name", VIEWS)
def test_view_after_writing_the_base(name: str) -> None:
    x, y = start()
    view = VIEWS[name](y)
    y.mul_(y.detach() + 1)
    found = view.tolist(), gradient(x, (view * 2).sum())
    x2, y2 = start()
    out = VIEWS[name](y2 * (y2.detach() + 1))
    assert found == (out.tolist(), gradient(x2, (out * 2).sum()))


@pytest.mark.parametrize("name", VIEWS)
def test_sibling_views_see_each_other(name: str) -> None:
    x, y = start()
    other, view = y.view(6), VIEWS[name](y)
    view.mul_(3)
    found = other.tolist(), gradient(x, (other * WEIGHTS.view(6)).sum())
    x2, y2 = start()
    factor = torch.ones(2, 3)
    VIEWS[name](factor).mul_(3)
    out = (y2 * factor).view(6)
    assert found == (out.tolist(), gradient(x2, (out * WEIGHTS.view(6)).sum()))


def test_repeated_writes_through_several_views() -> None:
    x, y = start()
    row, column = y[0], y[:, 1]
    row.mul_(2)
    column.add_(10)
    row.mul_(row.detach().clone())
    y[1, 2] = 7.0
    column.mul_(3)
    found = y.tolist(), gradient(x, (y * WEIGHTS).sum())
    x2 = start()[0]
    r = x2[0] * 2
    r = r + torch.tensor([0.0, 10.0, 0.0])
    r = r * r.detach()
    s = x2[1] + torch.tensor([0.0, 10.0, 0.0])
    s = s * torch.tensor([1.0, 1.0, 0.0]) + torch.tensor([0.0, 0.0, 7.0])
    out = torch.stack([r, s]) * torch.tensor([1.0, 3.0, 1.0])
    assert found == (out.tolist(), gradient(x2, (out * WEIGHTS).sum()))


# ---------------------------------------------------------------- in-place operations


def test_writing_a_tracked_tensor_into_a_constant() -> None:
    x = torch.ones(3, requires_grad=True)
    buffer = torch.zeros(2, 3)
    row = buffer[1]
    buffer[0] = x * 2
    assert buffer.requires_grad and row.requires_grad
    (buffer * WEIGHTS).sum().backward()
    assert x.grad.tolist() == [2.0, -4.0, 6.0]


def test_in_place_chain_equals_out_of_place_chain() -> None:
    x, y = start()
    y.sin_().mul_(2).add_(x).exp_().div_(3)
    found = y.tolist(), gradient(x, (y * WEIGHTS).sum())
    x2 = start()[0]
    out = ((x2.sin() * 2) + x2).exp() / 3
    assert found == (out.tolist(), gradient(x2, (out * WEIGHTS).sum()))


def test_second_derivative_through_in_place() -> None:
    x, y = start()
    y.pow_(3)
    y[0].mul_(2)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    assert h.tolist() == [[12.0, 24.0, 36.0], [24.0, 30.0, 36.0]]


def test_leaf_untouched_when_in_place_fails() -> None:
    x = torch.ones(3)
    for f in (lambda: x.add_(torch.ones(4)), lambda: x.add_("a"), lambda: x.mul_(1j)):
        with pytest.raises((RuntimeError, TypeError)):
            f()
    assert x.tolist() == [1.0, 1.0, 1.0] and x._version == 0


def test_scalar_tensor_is_aliased_when_asked() -> None:
    s = torch.tensor(2.0) * 1
    view = s.view(1)
    s.mul_(3)
    view.add_(1)
    assert (s.item(), view.tolist()) == (7.0, [7.0])
    alias = s.detach()
    alias.zero_()
    assert s.item() == 0.0 and s._version == 3


def test_numpy_shares_memory() -> None:
    x = torch.zeros(3)
    array = x.numpy()
    array[0] = 5.0
    x[1] = 6.0
    assert (x.tolist(), array.tolist()) == ([5.0, 6.0, 0.0], [5.0, 6.0, 0.0])


def test_expanded_memory_is_not_writable() -> None:
    x = torch.ones(1, 3).expand(2, 3)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x.add_(1)
    assert x.clone().add_(1).tolist() == [[2.0] * 3] * 2


def test_augmented_assignment_keeps_the_object() -> None:
    y = torch.ones(3) * 1
    same = y
    y += 1
    y *= 2
    y -= torch.ones(3)
    y /= 3
    assert y is same and y.tolist() == [1.0, 1.0, 1.0] and y._version == 4


def test_overlapping_read_and_write() -> None:
    x = torch.arange(5.0).clone()
    shared = "some elements of the input tensor and the written-to tensor refer to a single memory"
    with pytest.raises(RuntimeError, match=shared):
        x[1:] = x[:-1]
    with pytest.raises(RuntimeError, match=shared):
        x[1:] += x[:-1]
    with pytest.raises(RuntimeError, match=shared):
        x[1:].copy_(x[:-1])
    x[1:] = x[:-1].clone()
    assert x.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
    x[:2] += x[:2]
    x[::2] -= x[::2]
    x[3:] *= x[:2]
    assert x.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0]


def test_in_place_under_no_grad_then_recorded() -> None:
    x, y = start()
    with torch.no_grad():
        y.mul_(2)
    assert gradient(x, (y * WEIGHTS).sum()) == WEIGHTS.tolist()


def test_retained_gradient_follows_the_tensor() -> None:
    _, y = start()
    y.retain_grad()
    y.mul_(2)
    y.sum().backward()
    assert y.grad.tolist() == [[1.0] * 3] * 2


def test_version_is_counted_once_per_write() -> None:
    y = torch.zeros(4)
    view = y[1:3]
    counts = []
    for write in (
        lambda: view.add_(1),
        lambda: y.zero_(),
        lambda: y.__setitem__(0, 1.0),
        lambda: view.copy_(y[:2].clone()),
    ):
        write()
        counts.append((y._version, view._version))
    assert counts == [(1, 1), (2, 2), (3, 3), (4, 4)]
