"""SGD against PyTorch's recorded trajectories (tools/record_optim.py), and what a step does to
memory and graph.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as torch

ROOT = Path(__file__).parents[2]


def load_recorder() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "_record_optim", ROOT / "tools" / "record_optim.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = load_recorder()
RECORDED = json.loads(recorder.DATA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", range(len(RECORDED)), ids=lambda i: str(recorder.OPTIONS[i]))
def test_trajectory(case: int) -> None:
    (steps, state), (want, want_state) = (
        recorder.trajectory(torch, recorder.OPTIONS[case]),
        RECORDED[case],
    )
    for mine, theirs in zip(steps, want, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
    assert state.keys() == want_state.keys()
    for key, value in want_state.items():
        np.testing.assert_allclose(state[key], value, rtol=1e-12, atol=1e-13)


def leaf(*values: float, dtype: Any = torch.float32) -> Any:
    return torch.tensor(values, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("options", recorder.OPTIONS[1:])
def test_differentiable(options: dict[str, Any]) -> None:
    """The recorded step gives the same values, and gradients flow through it."""
    start = leaf(0.5, -1.0, dtype=torch.float64)
    plain = start.detach().clone().requires_grad_()
    p = start.clone()
    p.retain_grad()
    optimizers = [
        torch.optim.SGD([plain], **options),
        torch.optim.SGD([p], differentiable=True, **options),
    ]
    for _ in range(3):
        for q, optimizer in zip((plain, p), optimizers, strict=True):
            q.grad = (q.detach() ** 2 + 1).clone()
            optimizer.step()
    np.testing.assert_allclose(p.tolist(), plain.tolist(), rtol=1e-14)
    (g,) = torch.autograd.grad(p.sum(), start)
    assert all(v != 0 for v in g.tolist())


def test_step_writes_in_place_and_counts() -> None:
    w = leaf(1.0, 2.0)
    memory = w.detach().numpy()
    w.grad = torch.ones(2)
    torch.optim.SGD([w], lr=0.5).step()
    assert memory.tolist() == [0.5, 1.5]
    assert w._version == 1 and w.grad.tolist() == [1.0, 1.0] and w.is_leaf


def test_saved_value_is_protected() -> None:
    w = leaf(1.0, 2.0)
    y = (w * w).sum()
    w.grad = torch.ones(2)
    torch.optim.SGD([w], lr=0.5).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_parameters_without_gradient_are_left_alone() -> None:
    w, v = leaf(1.0), leaf(2.0)
    w.grad = torch.ones(1)
    optimizer = torch.optim.SGD([w, v], lr=1.0, momentum=0.9)
    optimizer.step()
    assert w.tolist() == [0.0] and v.tolist() == [2.0] and list(optimizer.state) == [w]


def test_zero_dimensional_parameter() -> None:
    b = torch.tensor(2.0, requires_grad=True)
    optimizer = torch.optim.SGD([b], lr=0.25, momentum=0.5)
    for expected in (1.0, 0.0):
        optimizer.zero_grad()
        (b * b).backward()
        optimizer.step()
        assert b.item() == expected
    assert b.dtype is torch.float32


def test_float32_stays_float32() -> None:
    w = leaf(1.0, 2.0)
    w.grad = torch.ones(2)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True)
    optimizer.step()
    optimizer.step()
    assert w.dtype is torch.float32
    assert optimizer.state[w]["momentum_buffer"].dtype is torch.float32


def test_gradient_is_not_changed_by_momentum() -> None:
    w = leaf(1.0, 2.0)
    w.grad = torch.ones(2)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    optimizer.step()
    optimizer.step()
    assert w.grad.tolist() == [1.0, 1.0]


def test_closure_runs_with_grad_and_its_loss_is_returned() -> None:
    w = leaf(1.0)
    optimizer = torch.optim.SGD([w], lr=0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert w.tolist() == [0.0]


def test_learning_rate_as_tensor() -> None:
    w = leaf(1.0)
    w.grad = torch.ones(1)
    optimizer = torch.optim.SGD([w], lr=torch.tensor(0.5))
    optimizer.step()
    assert w.tolist() == [0.5] and "lr: 0.5" in repr(optimizer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "Invalid learning rate: -1"),
        ({"momentum": -1}, "Invalid momentum value: -1"),
        ({"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ({"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ({"momentum": 0.9, "dampening": 0.1, "nesterov": True}, "Nesterov momentum requires"),
        ({"lr": torch.tensor([0.1, 0.2])}, "Tensor lr must be 1-element"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        torch.optim.SGD([leaf(1.0)], **options)


def test_fused_and_its_limits() -> None:
    torch.optim.SGD([leaf(1.0)], fused=True)
    torch.optim.SGD([leaf(1.0)], foreach=True)
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        torch.optim.SGD([leaf(1.0)], fused=True, foreach=True)
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        torch.optim.SGD([leaf(1.0)], fused=True, differentiable=True)
