"""Makers of tensors in C (native/tensors.c) against the Python functions they stand for."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import chainrule as torch
from chainrule.core import tensor as core
from chainrule.kernels.compiled import NATIVE
from chainrule.ops.shape import views

pytestmark = pytest.mark.skipif(NATIVE is None, reason="installed without a C compiler")
LINKED = [views.linked, getattr(views.linked, "__wrapped__", None)]
LINKED_ALL = [views.linked_all, getattr(views.linked_all, "__wrapped__", None)]
SLOTS = ("_node", "_grad", "_vc", "_view", "_meta")


def _linked(function: Any, x: Any, data: Any) -> Any:
    return function(torch.t.prim, x, data, ())  # type: ignore[attr-defined]


def test_a_new_tensor_is_outside_the_graph() -> None:
    array = torch.ones(3).numpy()
    for wrap in (core.wrap, core.wrap.__wrapped__):  # type: ignore[attr-defined]
        t = wrap(array)
        assert type(t) is torch.Tensor
        assert t._data is array
        assert [getattr(t, slot) for slot in SLOTS] == [None] * 5
        assert vars(t) == {}
        t.note = 3
        assert vars(t) == {"note": 3}


def test_tensors_are_collected() -> None:
    t = core.wrap(torch.ones(3).numpy())
    t.itself = t
    gone = weakref.ref(t)
    del t
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("function", LINKED)
def test_a_view_shares_memory_and_version(function: Any) -> None:
    x = torch.zeros(2, 3)
    t = _linked(function, x, x.numpy().T)
    assert t._base is x
    assert t._view == (x, x, torch.t.prim, ())  # type: ignore[attr-defined]
    assert t._vc is x._vc
    x.add_(1)
    assert t._version == 1
    assert t.tolist() == [[1.0, 1.0]] * 3
    inner = _linked(function, t, t._data[0])
    assert inner._base is x
    assert inner._view[1] is t
    assert [r() for r in x._meta.views] == [t, inner]


@pytest.mark.parametrize("function", LINKED)
def test_the_base_forgets_views_that_are_gone(function: Any) -> None:
    x = torch.zeros(4)
    for _ in range(1000):
        _linked(function, x, x.numpy()[:2])
    assert len(x._meta.views) == 1
    kept = [_linked(function, x, x.numpy()[:2]) for _ in range(100)]
    del kept
    again = [_linked(function, x, x.numpy()[:2]) for _ in range(100)]
    assert len(x._meta.views) < 300
    assert sum(r() is not None for r in x._meta.views) == len(again)


@pytest.mark.parametrize("function", LINKED)
def test_integers_are_not_remembered(function: Any) -> None:
    x = torch.arange(4)
    t = _linked(function, x, x.numpy()[:2])
    assert t._base is x
    assert x._meta is None


def test_what_is_recorded_is_left_to_python() -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    with torch.no_grad():
        t = x.t()
    with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad|no_grad"):
        t.add_(1)
    assert x.t().requires_grad


@pytest.mark.parametrize("function", LINKED_ALL)
def test_several_views(function: Any) -> None:
    x = torch.arange(6.0)
    parts = _linked(function, x, (x.numpy()[:2], x.numpy()[2:]))
    assert [t.tolist() for t in parts] == [[0.0, 1.0], [2.0, 3.0, 4.0, 5.0]]
    assert all(t._base is x for t in parts)
