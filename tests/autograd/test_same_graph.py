"""What looks at ops without changing them (saved-tensor hooks, anomaly mode, the profiler) sees the
graph that would be there without it: the same nodes, fused ops in one piece."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import chainrule as torch
from chainrule.nn import functional as F


def _leaf(*shape: int) -> Any:
    n = 1
    for d in shape:
        n *= d
    return torch.arange(1.0, 1 + n).reshape(shape).div(n).requires_grad_()


def _programs() -> dict[str, Callable[[], Any]]:
    a, b, v, many = _leaf(3, 3), _leaf(3, 3), _leaf(3), _leaf(2, 3, 3)
    classes, bias = torch.tensor([0, 1, 2]), _leaf(4)
    image, kernel = _leaf(2, 4, 6, 6), _leaf(4, 4, 3, 3)
    gru, lstm = torch.nn.GRU(3, 2), torch.nn.LSTM(3, 2)
    return {
        "sum": lambda: a.sum(),
        "sum of rows": lambda: a.sum(1),
        "mean": lambda: a.mean(),
        "prod": lambda: a.prod(),
        "max": lambda: a.max(),
        "matrices": lambda: a @ b,
        "matrix and vector": lambda: a @ v,
        "vectors": lambda: v @ v,
        "vector and matrix": lambda: v @ a,
        "many matrices": lambda: many @ many,
        "outer": lambda: torch.outer(v, v),
        "linear": lambda: F.linear(a, b, v),
        "linear without bias": lambda: F.linear(many, b),
        "reshape that copies": lambda: a.t().reshape(9),
        "layer_norm": lambda: F.layer_norm(a, (3,)),
        "batch_norm": lambda: F.batch_norm(a, None, None, training=True),
        "group_norm": lambda: F.group_norm(image, 2),
        "cross_entropy": lambda: F.cross_entropy(a, classes),
        "mse_loss": lambda: F.mse_loss(a, b),
        "smooth_l1_loss": lambda: F.smooth_l1_loss(a, b),
        "huber_loss": lambda: F.huber_loss(a, b),
        "soft_margin_loss": lambda: F.soft_margin_loss(a, b.detach()),
        "binary_cross_entropy": lambda: F.binary_cross_entropy(a.sigmoid(), b.detach()),
        "with logits": lambda: F.binary_cross_entropy_with_logits(a, b.detach()),
        "convolution": lambda: F.conv2d(image, kernel, bias),
        "attention": lambda: F.scaled_dot_product_attention(many, many, many),
        "GRU": lambda: gru(a)[0],
        "LSTM": lambda: lstm(a)[0],
    }


PROGRAMS = _programs()


@contextlib.contextmanager
def _anomaly() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.autograd.detect_anomaly():
            yield


LOOKING: dict[str, Callable[[], Any]] = {
    "saved tensors": lambda: torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t),
    "anomaly": _anomaly,
    "profiler": torch.autograd.profiler.profile,
}


def _names(out: Any) -> list[str]:
    """The names of all nodes, in the order in which they were made."""
    found, stack = {}, [out.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in found:
            continue
        made = -1 if node.name().endswith("AccumulateGrad") else node._sequence_nr()
        found[node] = (made, node.name())
        stack += [before for before, _ in node.next_functions]
    return [name for _, name in sorted(found.values())]


@pytest.mark.parametrize("how", LOOKING)
@pytest.mark.parametrize("program", PROGRAMS)
def test_looking_changes_no_node(program: str, how: str) -> None:
    make = PROGRAMS[program]
    plain = make()
    with LOOKING[how]():
        seen = make()
    assert _names(seen) == _names(plain)
    assert torch.equal(seen, plain)


@pytest.mark.parametrize("program", ["cross_entropy", "layer_norm", "convolution", "LSTM"])
def test_what_a_fused_op_saves_goes_through_the_hooks(program: str) -> None:
    make = PROGRAMS[program]
    packed: list[Any] = []

    def pack(t: Any) -> Any:
        packed.append(t)
        return t.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        out = make()
    assert packed
    inputs = [t for n in _leaves(out) for t in (n.variable,)]
    hooked = torch.autograd.grad(out.sum(), inputs)
    for g, h in zip(torch.autograd.grad(make().sum(), inputs), hooked, strict=True):
        torch.testing.assert_close(g, h)


def _leaves(out: Any) -> list[Any]:
    found, stack = {}, [out.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and node not in found:
            found[node] = None
            stack += [before for before, _ in node.next_functions]
    return [n for n in found if n.name().endswith("AccumulateGrad")]
