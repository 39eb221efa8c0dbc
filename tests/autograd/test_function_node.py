"""Custom Functions beyond PyTorch's answers: memory, interpreters, what our messages add."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import chainrule as torch
from chainrule.core.interpreter import Interpreter, below


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What dies here dies by reference counting."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Square(torch.autograd.Function):
    """Saves an input and its output."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x * x
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, _ = ctx.saved_tensors
        return 2 * g * x


class Scale(torch.autograd.Function):
    """With setup_context and an argument that is no tensor."""

    @staticmethod
    def forward(x: Any, n: int) -> Any:
        return x * n

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.n = inputs[1]

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.n, None


def leaf(*values: float) -> Any:
    return torch.tensor(values, requires_grad=True)


@pytest.mark.usefixtures("no_collector")
def test_a_node_that_saves_its_output_is_no_cycle() -> None:
    y = Square.apply(leaf(1.0, 2.0))
    node, ctx = weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.ctx)
    del y
    assert node() is None and ctx() is None


@pytest.mark.usefixtures("no_collector")
def test_saved_tensors_are_freed_by_backward() -> None:
    x = leaf(1.0, 2.0)
    mid = x * 1
    held = weakref.ref(mid)
    y = Square.apply(mid).sum()
    del mid
    y.backward()
    assert held() is None


def test_a_chain_of_50000_functions() -> None:
    x = y = leaf(1.0)
    for _ in range(50_000):
        y = Scale.apply(y, 1)
    y.backward()
    assert x.grad.tolist() == [1.0]


class Seen(Interpreter):
    """Notes what passes and evaluates it below."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        self.calls.append((prim, inputs, params))
        with below(self):
            return prim.call(*inputs, params=params)


def test_an_interpreter_sees_one_op_with_the_tensors_as_operands() -> None:
    x = leaf(1.0, 2.0)
    seen = Seen()
    with seen:
        y = Scale.apply(x, 3)
    ((prim, inputs, params),) = seen.calls
    assert prim.kind == "custom" and prim.name == "Scale" and prim.function is Scale
    assert inputs == (x,) and prim.arguments(inputs, params) == ((x, 3), ())
    assert prim is Scale.primitive and prim.separate
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_combined_form_is_refused_where_setup_context_is_needed() -> None:
    Scale.primitive.need_setup_context()
    with pytest.raises(RuntimeError, match="it must override the setup_context staticmethod"):
        Square.primitive.need_setup_context()


def test_names_of_the_machine_are_free_in_ctx() -> None:
    class Named(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.k, ctx.e, ctx.p, ctx.s0, ctx.hooks, ctx.prim = 1, 2, 3, 4, 5, 6
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * (ctx.k + ctx.e + ctx.p + ctx.s0 + ctx.hooks + ctx.prim)

    x = leaf(1.0)
    Named.apply(x).backward()
    assert x.grad.tolist() == [21.0]


def test_ctx_knows_its_node() -> None:
    contexts = []

    class Noted(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            contexts.append(ctx)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    y = Noted.apply(leaf(1.0) * 1)
    (ctx,) = contexts
    assert ctx.name() == "NotedBackward"
    assert ctx.next_functions[0][0].name() == "MulBackward0"
    ctx.metadata["a"] = 1
    assert y.grad_fn.metadata == {"a": 1}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ctx.nothing
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        y.grad_fn.nothing


@pytest.mark.parametrize(
    ("backward", "hint"),
    [
        (lambda ctx, g: (g, g, g), "one gradient for each argument of forward"),
        (lambda ctx, g: torch.ones(5), "the gradient must have the shape of the input"),
        (lambda ctx, g: g + 1j, "return the real part"),
    ],
)
def test_wrong_gradients_come_with_a_repair(backward: Any, hint: str) -> None:
    body = {"forward": staticmethod(lambda ctx, x: x * 2), "backward": staticmethod(backward)}
    wrong = type("Wrong", (torch.autograd.Function,), body)
    with pytest.raises(RuntimeError, match=hint):
        wrong.apply(leaf(1.0, 2.0)).sum().backward()


def test_grad_mode_is_restored_after_errors() -> None:
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            raise ValueError("forward")

    with pytest.raises(ValueError, match="forward"):
        Fails.apply(leaf(1.0))
    assert torch.is_grad_enabled()


def test_a_subclass_of_tensor_is_a_tensor() -> None:
    class Mine(torch.Tensor):
        pass

    x = Mine([1.0, 2.0]).requires_grad_()
    Square.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_keyword_only_arguments_with_setup_context() -> None:
    class Power(torch.autograd.Function):
        @staticmethod
        def forward(x: Any, *, n: int = 2) -> Any:
            return x * n

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.n = inputs[1]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.n, None

    x = leaf(1.0)
    Power.apply(x, n=5).backward()
    assert x.grad.tolist() == [5.0]
