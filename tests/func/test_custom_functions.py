"""autograd.Function under the transforms: its own backward, jvp and vmap are what is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule import func

x = torch.tensor([1.0, 2.0, 3.0])
y = torch.tensor([2.0, 0.5, 1.0])


def close(a: Any, b: Any) -> None:
    if isinstance(a, (tuple, list)):
        for p, q in zip(a, b, strict=True):
            close(p, q)
        return
    np.testing.assert_allclose(np.asarray(a._data), np.asarray(getattr(b, "_data", b)), rtol=1e-5)


class Marked(torch.autograd.Function):
    """x**3 whose derivatives are scaled, so that one sees which rule ran."""

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0], output)
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 10 * ctx.saved_tensors[0] ** 2

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        return t * 100 * ctx.saved_tensors[0] ** 2

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        assert info.batch_size == 3
        return Marked.apply(x), in_dims[0]


class General(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, y: Any, n: int) -> Any:
        return x**n * y, x + y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0], inputs[1], output[0])
        ctx.save_for_forward(inputs[0], inputs[1])
        ctx.n = inputs[2]

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        x, y, _ = ctx.saved_tensors
        return g * ctx.n * x ** (ctx.n - 1) * y + h, g * x**ctx.n + h, None

    @staticmethod
    def jvp(ctx: Any, t: Any, u: Any, _: Any) -> Any:
        x, y = ctx.saved_tensors
        return t * ctx.n * x ** (ctx.n - 1) * y + u * x**ctx.n, t + u


def marked(x: Any) -> Any:
    return Marked.apply(x).sum()


def general(x: Any, y: Any) -> Any:
    return sum(o.sum() for o in General.apply(x, y, 3))


def plain(x: Any, y: Any) -> Any:
    return (x**3 * y).sum() + (x + y).sum()


def test_own_rules_are_used() -> None:
    close(func.grad(marked)(x), 10 * x**2)
    close(func.jvp(marked, (x,), (y,))[1], (100 * x**2 * y).sum())
    close(func.grad(lambda x: func.grad(marked)(x).sum())(x), 20 * x)
    close(func.vmap(Marked.apply)(x), x**3)
    close(func.vmap(func.grad(Marked.apply))(x), 10 * x**2)
    close(func.grad(lambda x: func.vmap(Marked.apply)(x).sum())(x), 10 * x**2)
    close(func.jacrev(Marked.apply)(x), torch.diag(10 * x**2))
    close(func.jacfwd(Marked.apply)(x), torch.diag(100 * x**2))


def test_generated_vmap_rule() -> None:
    both = lambda x, y: General.apply(x, y, 3)  # noqa: E731
    close(func.vmap(both)(x, y), (x**3 * y, x + y))
    close(func.vmap(both, in_dims=(0, None))(x, y[0]), (x**3 * 2, x + 2))
    close(func.vmap(func.grad(general, argnums=(0, 1)))(x, y), (3 * x**2 * y + 1, x**3 + 1))
    shared = func.grad(
        lambda x, y: sum(o.sum() for o in func.vmap(both, in_dims=(0, None))(x, y)), argnums=(0, 1)
    )
    close(shared(x, y[0]), (3 * x**2 * 2 + 1, (x**3 + 1).sum()))
    close(
        func.vmap(lambda x, y: func.jvp(both, (x, y), (y, x)))(x, y)[1],
        func.jvp(both, (x, y), (y, x))[1],
    )
    close(
        func.jvp(lambda x, y: func.vmap(both)(x, y), (x, y), (y, x))[1],
        func.jvp(both, (x, y), (y, x))[1],
    )
    close(func.hessian(general)(x, y), func.hessian(plain)(x, y))
    leaf = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(func.vmap(both)(leaf, y)[0].sum(), leaf)
    close(g, 3 * x**2 * y)


def test_refusals() -> None:
    class Old(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class Bare(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x * 1

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class Both(General):
        @staticmethod
        def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
            return None

    for transform in (func.vmap, lambda f: func.grad(lambda x: f(x).sum())):
        with pytest.raises(RuntimeError, match="it must override the setup_context staticmethod"):
            transform(Old.apply)(x)
    with pytest.raises(RuntimeError, match="it does not have vmap support"):
        func.vmap(Bare.apply)(x)
    with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
        func.jvp(Bare.apply, (x,), (y,))
    with pytest.raises(RuntimeError, match="overridden vmap staticmethod"):
        func.vmap(lambda a, b: Both.apply(a, b, 2))(x, y)
