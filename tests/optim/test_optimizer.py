"""The base of all optimizers: what it takes, prints, saves and loads, and its hooks."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest

import chainrule as torch
from chainrule.optim import SGD, Optimizer


def leaf(*values: float) -> Any:
    return torch.tensor(values, requires_grad=True)


def test_takes_tensors_generators_pairs_and_groups() -> None:
    a, b = leaf(1.0), leaf(2.0)
    assert SGD([a, b]).param_groups[0]["params"] == [a, b]
    assert SGD(p for p in (a, b)).param_groups[0]["params"] == [a, b]
    assert SGD({a, b}).param_groups[0]["params"]
    named = SGD([("a", a), ("b", b)])
    assert named.param_groups[0]["params"] == [a, b]
    assert named.param_groups[0]["param_names"] == ["a", "b"]
    groups = SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.1).param_groups
    assert [g["lr"] for g in groups] == [0.1, 0.5] and groups[0]["params"] == [a]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            lambda: leaf(1.0),
            TypeError,
            "should be an iterable of Tensors or dicts, but got torch.FloatTensor",
        ),
        (lambda: torch.zeros(2, dtype=torch.float64), TypeError, "but got torch.DoubleTensor"),
        (lambda: [], ValueError, "optimizer got an empty parameter list"),
        (lambda: [leaf(1.0) * 2], ValueError, "can't optimize a non-leaf Tensor"),
        (
            lambda: [1.0],
            TypeError,
            "optimizer can only optimize Tensors, but one of the params is float",
        ),
        (
            lambda: [{"params": {leaf(1.0)}}],
            TypeError,
            "need to be organized in ordered collections",
        ),
        (lambda: [("a", leaf(1.0)), leaf(2.0)], ValueError, "Some param names are missing"),
        (lambda: [{"lr": 1.0}], KeyError, "params"),
        (lambda: None, TypeError, "'NoneType' object is not iterable"),
    ],
)
def test_refuses(params: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SGD(params())


def test_a_parameter_twice() -> None:
    a = leaf(1.0)
    with pytest.warns(UserWarning, match="parameter group with duplicate parameters"):
        SGD([a, a])
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        SGD([{"params": [a]}, {"params": [a]}])


def test_names_in_all_groups_or_none() -> None:
    optimizer = SGD([("a", leaf(1.0))])
    with pytest.raises(ValueError, match="cannot add param group without names"):
        optimizer.add_param_group({"params": leaf(1.0)})
    with pytest.raises(TypeError, match="param_group must be a dict, but got <class 'list'>"):
        optimizer.add_param_group([leaf(1.0)])


def test_missing_required_option() -> None:
    from chainrule.optim.optimizer import required

    with pytest.raises(
        ValueError, match="didn't specify a value of required optimization parameter lr"
    ):
        Optimizer([leaf(1.0)], {"lr": required})


def test_repr() -> None:
    text = repr(SGD([{"params": leaf(1.0)}, {"params": leaf(1.0), "lr": 0.5}], lr=0.1))
    assert text == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: "
        "None\n    fused: None\n"
        "    lr: 0.1\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: "
        "0\n\n"
        "Parameter Group 1\n    dampening: 0\n    differentiable: False\n    foreach: None\n    "
        "fused: None\n"
        "    lr: 0.5\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: "
        "0\n)"
    )


def test_zero_grad() -> None:
    a, b = leaf(1.0), leaf(2.0)
    optimizer = SGD([a, b])
    (a * a).sum().backward()
    held = a.grad
    optimizer.zero_grad(set_to_none=False)
    assert a.grad is held and held.tolist() == [0.0] and b.grad is None
    optimizer.zero_grad()
    assert a.grad is None


def test_zero_grad_takes_a_recorded_gradient_out_of_its_graph() -> None:
    a = leaf(2.0)
    (a**3).sum().backward(create_graph=True)
    SGD([a]).zero_grad(set_to_none=False)
    assert a.grad.grad_fn is None and a.grad.tolist() == [0.0]


def trained(steps: int, optimizer: Any = None, a: Any = None) -> tuple[Any, Any]:
    a = leaf(1.0, -2.0) if a is None else a
    optimizer = optimizer or SGD([a], lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        (a**2).sum().backward()
        optimizer.step()
    return a, optimizer


def test_state_dict_has_pytorchs_layout() -> None:
    _, optimizer = trained(1)
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert saved["state"][0]["momentum_buffer"].tolist() == [2.0, -4.0]
    assert list(saved["param_groups"][0]) == [
        "lr",
        "momentum",
        "dampening",
        "weight_decay",
        "nesterov",
        "maximize",
        "foreach",
        "differentiable",
        "fused",
        "params",
    ]
    assert saved["param_groups"][0]["params"] == [0]


def test_continue_from_state_dict() -> None:
    a, optimizer = trained(3)
    b = a.detach().clone().requires_grad_()
    other = SGD([b], lr=9.0)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert other.param_groups[0]["lr"] == 0.1 and other.param_groups[0]["params"] == [b]
    trained(2, optimizer, a)
    trained(2, other, b)
    assert a.tolist() == b.tolist()


def test_load_converts_to_the_parameters_dtype() -> None:
    _, optimizer = trained(1)
    b = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    other = SGD([b], momentum=0.9)
    other.load_state_dict(optimizer.state_dict())
    assert other.state[b]["momentum_buffer"].dtype is torch.float64


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "loaded state dict has a different number of parameter groups"),
        (
            [{"params": [0, 1]}],
            "contains a parameter group that doesn't match the size of optimizer's group",
        ),
    ],
)
def test_load_refuses(groups: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SGD([leaf(1.0)]).load_state_dict({"state": {}, "param_groups": groups})


def test_pickle_and_copy() -> None:
    _, optimizer = trained(2)
    for other in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        (p,) = other.param_groups[0]["params"]
        p.grad = torch.ones(2)
        other.step()
        assert other.state[p]["momentum_buffer"].shape == (2,)


def test_step_hooks() -> None:
    a, optimizer = trained(0)
    seen: list[str] = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    after = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    trained(1, optimizer, a)
    before.remove()
    after.remove()
    trained(1, optimizer, a)
    assert seen == ["before", "after"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 5)
    with pytest.raises(
        RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 5"
    ):
        optimizer.step()


def test_state_dict_hooks() -> None:
    _, optimizer = trained(1)
    seen: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("pre"))
    optimizer.register_state_dict_post_hook(lambda o, d: {**d, "extra": 1})
    saved = optimizer.state_dict()
    assert saved["extra"] == 1 and seen == ["pre"]
    optimizer.register_load_state_dict_pre_hook(lambda o, d: seen.append("load"))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(saved)
    assert seen == ["pre", "load", "loaded"]


def test_the_base_has_no_step() -> None:
    with pytest.raises(NotImplementedError):
        Optimizer([leaf(1.0)], {}).step()


def test_nothing_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(2)
