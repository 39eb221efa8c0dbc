"""Programs about `torch.library`: operators of a program's own."""

from __future__ import annotations

from typing import Any

from surface.asked import attempt, module, program


def library(torch: Any) -> Any:
    return module(torch, "library")


def annotated(f: Any, returned: Any, **kinds: Any) -> Any:
    """`f` with annotations that belong to the torch that is asked."""
    f.__annotations__ = {**kinds, "return": returned}
    return f


def power(torch: Any, name: str) -> Any:
    """x**k with a derivative."""

    def f(x: Any, k: float = 2.0) -> Any:
        return torch.from_numpy(x.detach().numpy() ** k)

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * ctx.k * x ** (ctx.k - 1), None

    f = annotated(f, torch.Tensor, x=torch.Tensor, k=float)
    made = library(torch).custom_op(f"asked::{name}", f, mutates_args=())
    made.register_autograd(backward, setup_context=setup)
    return made


@program
def operator_of_ones_own(torch: Any) -> Any:
    op = power(torch, "power")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = op(x, 3.0)
    first = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
    return [
        repr(op),
        y,
        first,
        torch.autograd.grad(first.sum(), x),
        torch.ops.asked.power(x),
        torch.ops.asked.power.default(x, k=1.0),
        torch.func.vmap(op)(torch.arange(6.0).reshape(3, 2)),
        torch.func.vmap(op, in_dims=(1, None))(torch.arange(6.0).reshape(3, 2), 3.0),
        attempt(lambda: torch.ops.asked.nothing),
    ]


@program
def operator_without_derivative(torch: Any) -> Any:
    f = annotated(lambda x: x * 2, torch.Tensor, x=torch.Tensor)
    op = library(torch).custom_op("asked::plain", f, mutates_args=())
    x = torch.ones(2, requires_grad=True)
    y = op(x)
    refused = attempt(lambda: y.sum().backward())
    library(torch).register_autograd("asked::plain", lambda ctx, g: g * 2)
    return [y.requires_grad, refused, torch.autograd.grad(op(x).sum(), x)]


@program
def operator_with_lists(torch: Any) -> Any:
    def f(xs: Any, n: int, name: str) -> Any:
        return sum(xs) * n, xs[0] * 5

    def described(xs: Any, sizes: Any, y: Any = None, flag: bool = True) -> Any:
        return xs[0]

    more = {"xs": list[torch.Tensor], "sizes": list[int], "y": torch.Tensor | None, "flag": bool}
    kinds = {"xs": list[torch.Tensor], "n": int, "name": str}
    f = annotated(f, tuple[torch.Tensor, torch.Tensor], **kinds)
    op = library(torch).custom_op("asked::lists", f, mutates_args=())

    def backward(ctx: Any, a: Any, b: Any) -> Any:
        return [a * ctx.n + b * 5, a * ctx.n], None, None

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.n = inputs[1]

    op.register_autograd(backward, setup_context=setup)
    xs = [torch.ones(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True)]
    made = op(xs, 4, "a")
    return [
        made,
        torch.autograd.grad((made[0] + made[1]).sum(), xs),
        library(torch).infer_schema(f, mutates_args=()),
        library(torch).infer_schema(annotated(described, torch.Tensor, **more), mutates_args=()),
    ]


@program
def operator_that_writes(torch: Any) -> Any:
    def f(x: Any) -> None:
        x.mul_(2)

    op = library(torch).custom_op(
        "asked::writes", annotated(f, None, x=torch.Tensor), mutates_args={"x"}
    )
    x = torch.ones(2)
    before = x._version
    return [
        op(x),
        x,
        x._version > before,
        library(torch).infer_schema(f, mutates_args={"x"}),
        attempt(lambda: op.register_autograd(lambda ctx: None)).__class__.__name__,
    ]


@program
def operator_refusals(torch: Any) -> Any:
    op, make = power(torch, "refusing"), library(torch).custom_op
    same = annotated(lambda x: x, torch.Tensor, x=torch.Tensor)
    alias = make("asked::same", same, mutates_args=())
    x = torch.ones(2)
    return [
        attempt(lambda: make("asked::bare", lambda x: x, mutates_args=())),
        attempt(lambda: make("nameless", same, mutates_args=())).__class__.__name__,
        attempt(lambda: make("asked::f", same)),
        attempt(lambda: alias(x)).__class__.__name__,
        attempt(lambda: op(3)),
        attempt(lambda: op(x, q=1)),
        attempt(op),
        attempt(lambda: op(x, "a")),
        op(x, 3),
    ]
