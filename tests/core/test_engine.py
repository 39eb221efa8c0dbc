"""The one backward walk: depth, order, memory, threads. What PyTorch answers is in
`test_semantics.py`."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule import _state
from chainrule.core import engine
from chainrule.core.node import Node, walk

DEEP = 100_000


def leaf(*numbers: float) -> Any:
    return torch.tensor(numbers if len(numbers) != 1 else numbers[0], requires_grad=True)


# ---------------------------------------------------------------- depth: no recursion anywhere


def deep_chain(x: Any) -> Any:
    y = x
    for _ in range(DEEP):
        y = y + 1
    return y


def test_deep_chain() -> None:
    x = leaf(1.0, 2.0)
    y = deep_chain(x)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    del y


def test_deep_chain_with_create_graph() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(DEEP // 10):
        y = y * 1
    (g,) = torch.autograd.grad(y * y, x, create_graph=True)
    g.backward()
    assert (g.item(), x.grad.item()) == (2.0, 2.0)
    del y, g


def test_deep_chain_is_freed_without_backward() -> None:
    y = deep_chain(leaf(1.0))
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_deep_chain_can_be_walked() -> None:
    y = deep_chain(leaf(1.0))
    assert sum(1 for _ in walk(y.grad_fn)) == DEEP
    del y


def test_deep_ladder_visits_every_node_once() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(200):
        y = y * 0.5 + y * 0.5  # 2 ** 200 ways, 600 nodes
    y.backward()
    assert x.grad.item() == pytest.approx(1.0)


def test_deep_chain_that_is_retained() -> None:
    x = leaf(1.0)
    y = deep_chain(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 2.0
    del y


# ---------------------------------------------------------------- memory


def count_objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_a_training_loop_leaves_nothing_behind() -> None:
    w, x = leaf(0.5, -0.5), torch.tensor([1.0, 2.0])

    def step() -> None:
        loss = ((w * x).sum() - 1.0) ** 2
        loss.backward()
        with torch.no_grad():
            w.sub_(w.grad * 0.01)
        w.grad = None

    for _ in range(10):
        step()
    before = count_objects()
    for _ in range(10_000):
        step()
    assert count_objects() - before < 50


def test_a_loop_makes_no_cycles() -> None:
    w = leaf(0.5, -0.5)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            y = (w.sin() * w.exp()).reshape(2, 1)
            z = y[0] * 3
            z.add_(1)
            (g,) = torch.autograd.grad(z.sum(), w, create_graph=True)
            del y, z, g
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_saved_values_are_freed_as_the_walk_passes() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    z = y * y
    held = weakref.ref(y)
    del y
    assert held() is not None
    z.sum().backward()
    assert held() is None


def test_views_that_died_are_forgotten() -> None:
    y = torch.zeros(3, requires_grad=True) * 1
    for _ in range(1000):
        y[:2]
    assert len(y._meta.views) < 40


# ---------------------------------------------------------------- ownership of buffers


def test_cotangent_is_not_kept_or_written() -> None:
    x, g = leaf(1.0, 2.0), torch.tensor([1.0, 1.0])
    x.backward(g)
    x.backward(g)
    assert (x.grad.tolist(), g.tolist()) == ([2.0, 2.0], [1.0, 1.0])
    assert not np.shares_memory(x.grad.numpy(), g.numpy())


def test_a_cotangent_given_to_grad_is_handed_out_again() -> None:
    x, y = torch.ones(2, 3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    g = torch.arange(6.0).reshape(3, 2)
    (turned,) = torch.autograd.grad(x.t(), x, g)
    assert np.shares_memory(turned.numpy(), g.numpy())
    kept = turned * y  # saves the gradient
    g.zero_()
    assert turned.tolist() == [[0.0] * 3] * 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.sum().backward()
    for found in torch.autograd.grad(x + y, (x, y), torch.ones(2, 3)):
        assert found.tolist() == [[1.0] * 3] * 2
    (whole,) = torch.autograd.grad(x.sum(), x, torch.tensor(2.0))
    assert whole.numpy().flags.writeable


def test_two_leaves_do_not_share_one_gradient() -> None:
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    (x + y).sum().backward()
    x.grad += 1
    assert y.grad.tolist() == [1.0, 1.0]


def test_gradients_in_hooks_are_not_overwritten_later() -> None:
    x, seen = leaf(1.0, 2.0), []
    y = x * 2
    y.register_hook(seen.append)
    (y + y * 3).sum().backward()
    assert seen[0].tolist() == [4.0, 4.0]


def test_sum_of_many_cotangents() -> None:
    x = leaf(1.0, 2.0)
    parts = [x * float(i) for i in range(50)]
    torch.autograd.backward([p.sum() for p in parts])
    assert x.grad.tolist() == [1225.0, 1225.0]


def test_mixed_precision_cotangents_of_one_tensor() -> None:
    x = leaf(1.0, 2.0)
    (x.double() * 2 + x.double() * 3).sum().backward()
    assert x.grad.dtype is torch.float32 and x.grad.tolist() == [5.0, 5.0]


# ---------------------------------------------------------------- order


def test_latest_node_first() -> None:
    x, order = leaf(1.0), []
    a = x * 2
    b = a * 3
    c = a * 5
    for name, t in (("a", a), ("b", b), ("c", c)):
        t.register_hook(lambda g, n=name: order.append(n))
    (b + c).backward()
    assert order == ["c", "b", "a"]


def test_walk_follows_only_what_leads_to_the_inputs() -> None:
    x, y, visited = leaf(1.0), leaf(2.0), []
    a, b = x * 2, y * 3
    b.register_hook(lambda g: visited.append("b"))
    torch.autograd.grad(a + b, x)
    assert visited == []


def test_numbers_of_nodes_grow() -> None:
    x = leaf(1.0)
    a, b = x * 1, x * 1
    assert isinstance(a.grad_fn, Node)
    assert 0 > a.grad_fn.k > b.grad_fn.k


def test_leaves_get_nothing_when_the_walk_fails() -> None:
    x, y = leaf(1.0), leaf(2.0)
    good, bad = x * 2, y.exp()
    bad.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (good * bad).backward()
    assert x.grad is None and y.grad is None


# ---------------------------------------------------------------- state


def test_mode_survives_errors() -> None:
    before = _state.snapshot()
    x = leaf(1.0, 2.0)
    y = x * x
    y.register_hook(lambda g: 1 / 0)
    for create_graph in (False, True):
        with pytest.raises(ZeroDivisionError):
            y.sum().backward(create_graph=create_graph, retain_graph=True)
    assert _state.snapshot() == before


def test_create_graph_inside_no_grad_records() -> None:
    x = leaf(2.0)
    y = x * x * x
    with torch.no_grad():
        (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.requires_grad
    g.backward()
    assert x.grad.item() == 12.0


def test_plain_backward_records_nothing() -> None:
    x = leaf(2.0)
    (g,) = torch.autograd.grad(x * x * x, x)
    assert not g.requires_grad and g.grad_fn is None


def test_threads_have_their_own_graphs() -> None:
    shared, failures = leaf(1.0, 2.0), []

    def work(scale: float) -> None:
        try:
            for _ in range(50):
                x = leaf(1.0, 2.0)
                (x * scale * shared.detach()).sum().backward()
                assert x.grad.tolist() == [scale, 2 * scale]
                with torch.no_grad():
                    assert not (x * 2).requires_grad
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    assert _state.S.grad


def test_backward_may_run_in_another_thread() -> None:
    x = leaf(3.0)
    y = x * x
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert x.grad.item() == 6.0


def test_backward_inside_a_hook() -> None:
    x, inner = leaf(2.0), leaf(5.0)

    def hook(g: Any) -> None:
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            (inner * inner).backward()

    y = x * 3
    y.register_hook(hook)
    y.backward()
    assert (x.grad.item(), inner.grad.item()) == (3.0, 10.0)


# ---------------------------------------------------------------- the entries of the engine


def test_grad_returns_none_for_what_was_not_used() -> None:
    x, y = leaf(1.0), leaf(2.0)
    assert engine.grad([x * 2], [x, y], [None])[1] is None


def test_roots_may_lie_on_one_path() -> None:
    x = leaf(2.0)
    y = x * 3
    z = y * y
    torch.autograd.backward([z, y])
    assert x.grad.item() == 2 * 6 * 3 + 3


def test_one_root_given_twice() -> None:
    x = leaf(2.0)
    y = x * 3
    torch.autograd.backward([y, y])
    assert x.grad.item() == 6.0


def test_several_outputs_of_one_node() -> None:
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    a, _b, c = x.unbind(0)
    (a * 2 + c * 3).sum().backward()
    assert x.grad.tolist() == [[2.0, 2.0], [0.0, 0.0], [3.0, 3.0]]


def test_scalars_and_arrays_mix() -> None:
    x, s = leaf(1.0, 2.0), leaf(3.0)
    ((x * s).sum() * s + s * s).backward()
    assert (x.grad.tolist(), s.grad.item()) == ([9.0, 9.0], 2 * 3.0 * 3.0 + 6.0)


def test_a_number_beside_half_precision_stays_a_number_in_second_derivatives() -> None:
    pytest.importorskip("ml_dtypes")
    x = torch.tensor([1.5, 2.0], dtype=torch.bfloat16, requires_grad=True)
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    assert g.tolist() == [6.75, 12.0]
    (second,) = torch.autograd.grad(g.sum(), x)
    assert (second.dtype, second.tolist()) == (torch.bfloat16, [9.0, 12.0])
