"""One update in four ways (gathered, in pieces, on copies, recorded), and what a step must notice:
parameters, data, gradients, state and groups that are others than before.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import chainrule as torch

CASES: list[tuple[str, dict[str, Any]]] = [
    ("Adam", {"weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"maximize": True}),
    ("NAdam", {"weight_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adamax", {"weight_decay": 0.1}),
    ("Adadelta", {"weight_decay": 0.1}),
    ("Adagrad", {"lr_decay": 0.1, "maximize": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Rprop", {}),
    ("ASGD", {"t0": 3, "weight_decay": 0.1}),
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "maximize": True}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]
SIZE = 100_000


def gradients(shape: tuple[int, ...], dtype: Any, steps: int = 8) -> list[Any]:
    rng = np.random.default_rng(0)
    made = rng.standard_normal((steps, *shape))
    if dtype.is_complex:
        made = made + 1j * rng.standard_normal((steps, *shape))
    return [torch.from_numpy(g).to(dtype) for g in made]


def run(name: str, options: dict[str, Any], p: Any, grads: list[Any], **more: Any) -> Any:
    optimizer = getattr(torch.optim, name)([p], lr=0.01, **options, **more)
    for g in grads:
        p.grad = g.clone()
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_pieces_and_the_recorded_step_agree(name: str, options: dict[str, Any], dtype: str) -> None:
    kind = getattr(torch, dtype)
    grads = gradients((SIZE,), kind, 4)
    start = torch.linspace(-1, 1, SIZE, dtype=torch.float64).to(kind)
    p, q = start.clone().requires_grad_(), start.clone()
    run(name, options, p, grads)
    run(name, options, q, grads, differentiable=True)
    single = dtype == "float32"
    np.testing.assert_allclose(
        p.detach().numpy(), q.detach().numpy(), rtol=1e-5 if single else 1e-6, atol=1e-6
    )


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_pieces_and_gathered_agree(name: str, options: dict[str, Any]) -> None:
    grads = gradients((SIZE,), torch.float64)
    large = torch.linspace(-1, 1, SIZE, dtype=torch.float64).requires_grad_()
    small = [large.detach()[i : i + 10].clone().requires_grad_() for i in (0, 99_990)]
    run(name, options, large, grads)
    optimizer = getattr(torch.optim, name)(small, lr=0.01, **options)
    for g in grads:
        for p, i in zip(small, (0, 99_990), strict=True):
            p.grad = g[i : i + 10]
        optimizer.step()
    for p, i in zip(small, (0, 99_990), strict=True):
        np.testing.assert_allclose(p.tolist(), large.detach()[i : i + 10].tolist(), rtol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("shape", [(3, 5), (200, 150)])
def test_odd_orders_in_memory(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    grads = gradients(shape, torch.float64)
    start = gradients(shape, torch.float64, 1)[0]
    p = start.clone().requires_grad_()
    q = torch.from_numpy(np.asfortranarray(start.numpy())).requires_grad_()
    run(name, options, p, grads)
    run(name, options, q, [torch.from_numpy(np.asfortranarray(g.numpy())) for g in grads])
    np.testing.assert_allclose(p.tolist(), q.tolist(), rtol=1e-10, atol=1e-13)


def two(name: str = "Adam", **options: Any) -> tuple[Any, list[Any]]:
    params = [torch.ones(3, requires_grad=True), torch.ones(2, 2, requires_grad=True)]
    return getattr(torch.optim, name)(params, lr=0.1, **options), params


def step(optimizer: Any, params: list[Any], value: float = 1.0) -> None:
    for p in params:
        p.grad = torch.full(tuple(p.shape), value)
    optimizer.step()


def test_writes_into_the_memory_of_the_parameter() -> None:
    optimizer, params = two()
    memory = params[0].detach().numpy()
    step(optimizer, params)
    step(optimizer, params)
    np.testing.assert_allclose(memory, 0.8, rtol=1e-5)
    assert params[0]._version == 2 and params[0].is_leaf and params[0].requires_grad


def test_a_saved_parameter_is_protected() -> None:
    optimizer, params = two()
    loss = (params[0] * params[0]).sum()
    step(optimizer, params)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_other_data_is_noticed() -> None:
    optimizer, params = two()
    step(optimizer, params)
    params[0].data = torch.zeros(3)
    step(optimizer, params)
    np.testing.assert_allclose(params[0].tolist(), -0.1, rtol=1e-5)


def test_a_missing_gradient_leaves_parameter_and_state() -> None:
    optimizer, params = two()
    step(optimizer, params)
    before = params[1].tolist()
    params[0].grad, params[1].grad = torch.ones(3), None
    optimizer.step()
    assert params[1].tolist() == before
    assert [optimizer.state[p]["step"].item() for p in params] == [2.0, 1.0]
    step(optimizer, params)
    assert [optimizer.state[p]["step"].item() for p in params] == [3.0, 2.0]


def test_changed_state_is_noticed() -> None:
    optimizer, params = two()
    step(optimizer, params)
    optimizer.state[params[0]]["exp_avg"] = torch.full((3,), 100.0)
    optimizer.state[params[1]]["exp_avg"].zero_()
    optimizer.state[params[0]]["step"].fill_(50.0)
    held = optimizer.state[params[0]]["exp_avg"]
    step(optimizer, params)
    np.testing.assert_allclose(held.tolist(), 90.1, rtol=1e-5)
    assert optimizer.state[params[0]]["exp_avg"] is held
    np.testing.assert_allclose(optimizer.state[params[1]]["exp_avg"].tolist(), 0.1, rtol=1e-5)
    assert [optimizer.state[p]["step"].item() for p in params] == [51.0, 2.0]


def test_an_alias_of_the_state_follows() -> None:
    optimizer, params = two()
    step(optimizer, params)
    state = optimizer.state[params[0]]
    average, count = state["exp_avg"].numpy(), state["step"].numpy()
    step(optimizer, params)
    step(optimizer, params)
    np.testing.assert_allclose(average, state["exp_avg"].tolist())
    assert count == 3.0 and state["step"].item() == 3.0


def test_a_parameter_is_exchanged_with_its_state() -> None:
    """What programs do that grow a parameter."""
    optimizer, params = two()
    step(optimizer, params)
    group = optimizer.param_groups[0]
    state = optimizer.state.pop(params[0])
    grown = torch.ones(4, requires_grad=True)
    for name in ("exp_avg", "exp_avg_sq"):
        state[name] = torch.cat([state[name], torch.zeros(1)])
    group["params"][0] = grown
    optimizer.state[grown] = state
    step(optimizer, [grown, params[1]])
    assert list(optimizer.state) == [params[1], grown] and state["step"].item() == 2.0
    assert grown.tolist()[3] != grown.tolist()[0]


def test_options_and_groups_change_between_steps() -> None:
    optimizer, params = two("SGD")
    step(optimizer, params)
    optimizer.param_groups[0]["lr"] = 1.0
    step(optimizer, params)
    np.testing.assert_allclose(params[0].tolist(), -0.1, rtol=1e-5)
    optimizer.param_groups[0]["momentum"] = 0.5
    other = torch.zeros(2, requires_grad=True)
    optimizer.add_param_group({"params": [other], "lr": 0.5})
    step(optimizer, [*params, other])
    step(optimizer, [*params, other])
    np.testing.assert_allclose(params[0].tolist(), -2.6, rtol=1e-5)
    np.testing.assert_allclose(other.tolist(), -1.0, rtol=1e-6)


def test_amsgrad_switched_on_later_needs_its_state() -> None:
    optimizer, params = two()
    step(optimizer, params)
    optimizer.param_groups[0]["amsgrad"] = True
    with pytest.raises(KeyError, match="max_exp_avg_sq"):
        step(optimizer, params)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("way", ["load", "deepcopy", "pickle"])
def test_continues_from_what_was_saved(name: str, options: dict[str, Any], way: str) -> None:
    grads = gradients((7,), torch.float64)
    p = torch.linspace(-1, 1, 7, dtype=torch.float64).requires_grad_()
    whole = p.detach().clone().requires_grad_()
    run(name, options, whole, grads)
    optimizer = run(name, options, p, grads[:4])
    if way == "load":
        saved = copy.deepcopy(optimizer.state_dict())
        p = p.detach().clone().requires_grad_()
        optimizer = getattr(torch.optim, name)([p], lr=0.01, **options)
        optimizer.load_state_dict(saved)
    else:
        copied = copy.deepcopy if way == "deepcopy" else lambda x: pickle.loads(pickle.dumps(x))
        optimizer = copied(optimizer)
        p = optimizer.param_groups[0]["params"][0]
    for g in grads[4:]:
        p.grad = g.clone()
        optimizer.step()
    # NAdam's product of momenta is loaded in the dtype of the parameter, as in PyTorch
    np.testing.assert_allclose(p.tolist(), whole.tolist(), rtol=1e-8 if name == "NAdam" else 1e-13)


def test_the_same_parameter_twice_is_stepped_twice() -> None:
    p = torch.ones(3, requires_grad=True)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = torch.optim.SGD([p, p], lr=0.1)
    step(optimizer, [p])
    np.testing.assert_allclose(p.tolist(), 0.8, rtol=1e-6)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_half_precision(name: str, options: dict[str, Any]) -> None:
    grads = gradients((5,), torch.float16, 4)
    p = torch.ones(5, dtype=torch.float16).requires_grad_()
    optimizer = run(name, options, p, grads)
    assert p.dtype == torch.float16 and bool(p.isfinite().all())
    for name in optimizer._arrays(optimizer.param_groups[0]):
        assert optimizer.state[p][name].dtype == torch.float16


def test_scalars_empty_ones_and_the_dtype_of_the_counter() -> None:
    params = [torch.tensor(1.0), torch.zeros(0), torch.ones(2, dtype=torch.float64)]
    for p in params:
        p.requires_grad_()
        p.grad = torch.ones_like(p)
    optimizer = torch.optim.Adam(params, lr=0.1)
    for _ in range(3):
        optimizer.step()
    assert params[0].ndim == 0 and abs(params[0].item() - 0.7) < 1e-5
    assert optimizer.state[params[2]]["exp_avg"].dtype == torch.float64
    assert all(s["step"].dtype == torch.float32 for s in optimizer.state.values())


def test_gradients_flow_through_a_differentiable_step() -> None:
    lr = torch.tensor(0.1, requires_grad=True)
    p = torch.ones(3, requires_grad=True).clone()
    p.retain_grad()
    optimizer = torch.optim.SGD([p], lr=lr, differentiable=True)
    p.grad = torch.full((3,), 2.0)
    optimizer.step()
    p.sum().backward()
    assert lr.grad is not None and lr.grad.item() == -6.0


def test_capturable_is_refused_by_the_step() -> None:
    optimizer, params = two(capturable=True)
    with pytest.raises(AssertionError, match="If capturable=True, params and state_steps must be"):
        step(optimizer, params)


@pytest.mark.parametrize("size", [3, 50_000])
def test_a_parameter_that_becomes_double(size: int) -> None:
    p = torch.ones(size, requires_grad=True)
    optimizer = torch.optim.Adam([p], lr=0.1)
    step(optimizer, [p])
    p.data = p.data.double()
    p.grad = torch.ones(size, dtype=torch.float64)
    optimizer.step()
    np.testing.assert_allclose(p.tolist(), 0.8, rtol=1e-5)
    assert optimizer.state[p]["exp_avg"].dtype == torch.float32


def test_hooks_of_all_optimizers_run_once_for_a_subclass() -> None:
    from chainrule.optim.optimizer import (
        register_optimizer_step_post_hook,
        register_optimizer_step_pre_hook,
    )

    class Mine(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    seen: list[str] = []
    optimizer = Mine([torch.ones(1, requires_grad=True)])
    handles = [
        register_optimizer_step_pre_hook(lambda *_: seen.append("all before")),
        register_optimizer_step_post_hook(lambda *_: seen.append("all after")),
        optimizer.register_step_pre_hook(lambda *_: seen.append("before")),
        optimizer.register_step_post_hook(lambda *_: seen.append("after")),
    ]
    optimizer.step()
    assert seen == ["all before", "before", "after", "all after"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(seen) == 4


def test_other_parameters_and_state_for_a_while() -> None:
    optimizer, params = two()
    swapped = torch.optim.swap_in_optimizer_params_and_state
    others = {"a": torch.zeros(3), "b": torch.zeros(2, 2)}
    with (
        pytest.raises(RuntimeError, match="requires initialized optimizer state"),
        swapped(optimizer, others, optimizer.state_dict()),
    ):
        raise AssertionError("not reached")
    step(optimizer, params)
    saved = copy.deepcopy(optimizer.state_dict())
    saved["param_groups"][0]["lr"] = 1.0
    with swapped(optimizer, others, saved):
        step(optimizer, list(others.values()))
    np.testing.assert_allclose(others["a"].tolist(), -1.0, rtol=1e-5)
    assert saved["state"][0]["step"].item() == 2.0
    assert optimizer.param_groups[0]["params"] == params and optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state[params[0]]["step"].item() == 1.0
