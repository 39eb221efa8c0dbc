"""functional_call and stack_module_state on a stand-in for a module."""

from __future__ import annotations

from typing import Any

import pytest

import chainrule as torch
from chainrule.func import functional_call, grad, stack_module_state, vmap


class Module:
    """What the two functions ask of a module."""

    training = True

    def __init__(self, **tensors: Any) -> None:
        self._parameters = {k: t for k, t in tensors.items() if t is None or t.requires_grad}
        self._buffers = {k: t for k, t in tensors.items() if t is not None and not t.requires_grad}
        self._modules: dict[str, Any] = {}

    def named_parameters(self) -> Any:
        return [(k, t) for k, t in self._parameters.items() if t is not None]

    def named_buffers(self) -> Any:
        return self._buffers.items()

    def __call__(self, x: Any) -> Any:
        for child in self._modules.values():
            x = child(x)
        return x * self._parameters["w"] + self._buffers["b"] if "w" in self._parameters else x


def layer(w: float) -> Module:
    return Module(w=torch.tensor([w, w], requires_grad=True), b=torch.tensor([1.0, 2.0]), none=None)


def chain(*children: Module) -> Module:
    m = Module()
    m._modules = {str(i): c for i, c in enumerate(children)}
    return m


x = torch.tensor([1.0, 1.0])


def test_other_tensors_are_used_and_taken_out_again() -> None:
    m = chain(layer(2.0), layer(3.0))
    before = m(x)
    made = functional_call(m, {"0.w": torch.zeros(2)}, (x,))
    assert made.tolist() == [4.0, 8.0]
    assert functional_call(m, ({"0.w": torch.zeros(2)}, {"1.b": torch.zeros(2)}), x).tolist() == [
        3.0,
        6.0,
    ]
    assert m(x).tolist() == before.tolist()
    given = {"0.w": torch.ones(2), "1.w": torch.ones(2)}
    g = grad(lambda p: functional_call(m, p, (x,)).sum())(given)
    assert g["1.w"].tolist() == [2.0, 3.0]
    many = vmap(lambda w: functional_call(m, {"0.w": w}, (x,)))(torch.ones(4, 2))
    assert many.shape == (4, 2)
    with pytest.raises(ZeroDivisionError):
        functional_call(m, {"0.w": torch.zeros(2)}, (1 / 0,))
    assert m(x).tolist() == before.tolist()


def test_tied_parameters() -> None:
    shared = layer(2.0)
    m = chain(shared, shared)
    assert functional_call(m, {"0.w": torch.zeros(2)}, x).tolist() == [1.0, 2.0]
    one, other = layer(2.0), layer(2.0)
    other._parameters["w"] = one._parameters["w"]
    tied = chain(one, other)
    assert functional_call(tied, {"1.w": torch.zeros(2)}, x).tolist() == [1.0, 2.0]
    loose = functional_call(tied, {"1.w": torch.zeros(2)}, x, tie_weights=False)
    assert loose.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="which are tied"):
        functional_call(tied, {"0.w": torch.zeros(2), "1.w": torch.ones(2)}, x)


def test_refusals() -> None:
    m = layer(1.0)
    functional_call(m, {"unknown": x}, x)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*'unknown'.*\n.*Missing key.*'b', 'w'"):
        functional_call(m, {"unknown": x}, x, strict=True)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        functional_call(m, [{"w": x}, {"w": x}], x)
    with pytest.raises(ValueError, match="to be a dict, or a list/tuple of dicts"):
        functional_call(m, 3, x)
    with pytest.raises(ValueError, match="to be dictionaries"):
        functional_call(m, [3], x)
    with pytest.raises(TypeError, match=r"is not an instance of torch.Tensor"):
        functional_call(m, {"w": 1.0}, x)


def test_stacked_state() -> None:
    parameters, buffers = stack_module_state([layer(1.0), layer(2.0)])
    assert parameters["w"].shape == (2, 2)
    assert parameters["w"].requires_grad
    assert parameters["w"].is_leaf
    assert not buffers["b"].requires_grad
    with pytest.raises(RuntimeError, match="Expected at least one model, got 0"):
        stack_module_state([])
    eval_mode = layer(1.0)
    eval_mode.training = False
    with pytest.raises(RuntimeError, match="the same training/eval mode"):
        stack_module_state([layer(1.0), eval_mode])

    class Other(Module):
        pass

    with pytest.raises(RuntimeError, match="of the same class"):
        stack_module_state([layer(1.0), Other()])
