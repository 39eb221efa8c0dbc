"""Hooks, saved-tensor hooks and reports beyond PyTorch's answers: memory, order, our own parts."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import chainrule as torch
from chainrule.core.hooks import ACTIVE
from chainrule.utils.hooks import RemovableHandle, unserializable_hook, warn_if_has_hooks

graph = torch.autograd.graph


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What dies here dies by reference counting."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf(*values: float) -> Any:
    return torch.tensor(values, requires_grad=True)


# ---------------------------------------------------------------- memory


@pytest.mark.usefixtures("no_collector")
def test_hooks_keep_nothing_alive() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    handle = y.register_hook(lambda g: None)
    tensor, node = weakref.ref(y), weakref.ref(y.grad_fn)
    y.sum().backward()
    del y
    assert tensor() is None and node() is None
    handle.remove()


@pytest.mark.usefixtures("no_collector")
def test_a_walk_is_plain_again_when_the_hooked_leaf_is_gone() -> None:
    before = len(ACTIVE)
    x = leaf(1.0)
    x.register_hook(lambda g: g)
    assert len(ACTIVE) == before + 1
    del x
    assert len(ACTIVE) == before


def test_a_removed_multi_grad_hook_is_forgotten() -> None:
    before = len(ACTIVE)
    x, y = leaf(1.0), leaf(2.0)
    handle = graph.register_multi_grad_hook((x, y), lambda gs: None)
    handle.remove()
    assert len(ACTIVE) <= before + 2  # the leaves, until they are gone
    (x * y).backward()


def test_hooks_on_a_chain_of_20000_nodes() -> None:
    x = y = leaf(1.0)
    for _ in range(20_000):
        y = y * 1.0
        y.register_hook(lambda g: None)
    y.backward()
    assert x.grad.tolist() == [1.0]


# ---------------------------------------------------------------- handles


def test_a_handle_takes_its_hook_out_of_every_table() -> None:
    from collections import OrderedDict

    hooks: Any = OrderedDict()
    others: Any = OrderedDict()
    handle = RemovableHandle(hooks, extra_dict=[others])
    hooks[handle.id] = others[handle.id] = print
    with handle:
        assert hooks and others
    assert not hooks and not others
    handle.remove()


def test_unmarked_hooks_are_warned_about() -> None:
    x = leaf(1.0)
    x.register_hook(unserializable_hook(lambda g: g))
    warn_if_has_hooks(x)
    x.register_hook(lambda g: g)
    with pytest.warns(UserWarning, match="will not be serialized"):
        warn_if_has_hooks(x)
    warn_if_has_hooks(torch.ones(1))


def test_errors_of_hooks_name_the_hook() -> None:
    def doubled(g: Any) -> Any:
        return torch.ones(5)

    y = leaf(1.0) * 2
    y.register_hook(doubled)
    with pytest.raises(
        RuntimeError, match="hook 'doubled' has changed the size of value"
    ) as caught:
        y.backward()
    assert "given: [1], returned: [5]" in str(caught.value)


def test_an_error_in_backward_changes_no_leaf() -> None:
    x, w = leaf(1.0), leaf(2.0)

    def fails(g: Any) -> Any:
        raise KeyError("mine")

    y = x * 2
    y.register_hook(fails)
    with pytest.raises(KeyError):
        (y * w).backward()
    assert x.grad is None and w.grad is None


def test_requires_grad_switched_off_after_the_forward() -> None:
    x = leaf(1.0)
    y = x * 2
    x.requires_grad_(False)
    y.backward()
    assert x.grad is None


# ---------------------------------------------------------------- saved tensors


@pytest.mark.usefixtures("no_collector")
def test_packed_values_are_freed() -> None:
    class Box:
        def __init__(self, t: Any) -> None:
            self.t = t

    boxes = []

    def pack(t: Any) -> Any:
        box = Box(t.detach())
        boxes.append(weakref.ref(box))
        return box

    with graph.saved_tensors_hooks(pack, lambda box: box.t):
        y = leaf(1.0, 2.0).exp().sin().sum()
    assert boxes and all(b() is not None for b in boxes)
    y.backward()
    assert all(b() is None for b in boxes)


def test_saved_lists_go_through_the_hooks() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0)
    sizes = []

    def pack(t: Any) -> Any:
        sizes.append(t.numel())
        return t.detach().double()

    with graph.saved_tensors_hooks(pack, lambda t: t.float()):
        y = torch.einsum("i,j->", a, b)
    y.backward()
    assert sizes
    assert a.grad.tolist() == [3.0, 3.0] and b.grad.tolist() == [3.0]


def test_outer_hooks_rest_while_inner_ones_serve() -> None:
    seen = []

    def pair(name: str) -> Any:
        def pack(t: Any) -> Any:
            seen.append((name, (t * 2).requires_grad))
            return t.detach()

        return graph.saved_tensors_hooks(pack, lambda t: t)

    x = leaf(1.0)
    with pair("outer"), pair("inner"):
        y = x.sin()
    y.backward()
    assert seen == [("inner", False)]


def test_mutation_is_allowed_also_through_views_of_views() -> None:
    with graph.allow_mutation_on_saved_tensors():
        x = leaf(1.0, 2.0, 3.0)
        y = x.clone()
        out = (y * y).sum() + (y[1:] ** 3).sum()
        y[1:][:1].mul_(100)
        y.zero_()
        out.backward()
    assert x.grad.tolist() == [2.0, 16.0, 33.0]


def _out(y: Any) -> None:
    with torch.no_grad():
        torch.mul(torch.ones(3), 2, out=y)


WRITES: dict[str, Any] = {
    "setitem": lambda y: y.__setitem__(0, 5.0),
    "mask": lambda y: y.__setitem__(y > 1, 0.0),
    "iadd": lambda y: y.__iadd__(1),
    "zero": lambda y: y.zero_(),
    "copy": lambda y: y.copy_(torch.ones(3)),
    "masked_fill": lambda y: y.masked_fill_(y > 1, 9.0),
    "view": lambda y: y.view(3, 1)[1].mul_(4),
    "detached": lambda y: y.detach().zero_(),
    "data": lambda y: y.data.mul_(2),
    "random": lambda y: y.uniform_(),
    "out": _out,
}


@pytest.mark.parametrize("name", list(WRITES))
def test_every_way_of_writing_is_noticed(name: str) -> None:
    with graph.allow_mutation_on_saved_tensors():
        x = leaf(1.0, 2.0, 3.0)
        y = x.clone()
        out = (y * y).sum()
        WRITES[name](y)
        out.backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


# ---------------------------------------------------------------- reports


def test_report_counts_memory_once() -> None:
    x = torch.ones(1000, requires_grad=True)
    e = x.exp()
    y = (e * e).sum()
    report = graph.saved_report(y)
    assert report.total == 4000  # exp's result, saved by exp and twice by mul
    assert str(report).startswith("3.9 KB saved for backward")
    y.backward()
    assert graph.saved_report(y).total == 0


def test_report_of_a_function_knows_the_lines() -> None:
    x = torch.ones(10, requires_grad=True)

    def model(t: Any) -> Any:
        a = t.sin()
        return a.exp().sum()

    report = graph.saved_report(model, x)
    lines = {line for _, line, _, _ in report.rows}
    assert len(lines) == 2 and all("test_hooks_and_graph.py" in line for line in lines)
    assert report.total == 80


def test_report_of_packed_values_and_constants() -> None:
    x = torch.ones(10, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.detach().double(), lambda t: t.float()):
        y = x.exp()
    assert graph.saved_report(y).total == 80
    assert graph.saved_report(torch.ones(3)).total == 0


def test_gradient_edge_of_a_constant_is_refused() -> None:
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(torch.ones(1))


def test_backward_into_an_edge_that_is_no_leaf() -> None:
    y = leaf(1.0, 2.0) * 2
    edge = graph.get_gradient_edge(y)
    with pytest.raises(RuntimeError, match="not a leaf's"):
        y.sum().backward(inputs=[edge])
