"""`autograd.Function` under transforms, and what the documentation says beside the examples."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt


def _v(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values])


def _cube(torch: Any, **more: Any) -> Any:
    """x ** 3 with everything, as a class; `more` replaces or adds."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x**3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

        @staticmethod
        def jvp(ctx, t):
            (x,) = ctx.saved_tensors
            return 3 * x * x * t

        @staticmethod
        def vmap(info, in_dims, x):
            return Cube.apply(x), in_dims[0]

    for name, value in more.items():
        setattr(Cube, name, value)
    return Cube


def under_every_transform(torch):
    F = torch.func
    C, x = _cube(torch).apply, _v(torch, 1, 2)
    return [
        F.grad(lambda t: C(t).sum())(x),
        F.grad(lambda t: F.grad(lambda u: C(u).sum())(t).sum())(x),
        F.vmap(C)(x.reshape(1, 2)),
        F.jvp(C, (x,), (torch.ones(2),)),
        F.jacrev(C)(x),
        F.jacfwd(C)(x),
        F.vmap(F.grad(C))(x),
        F.vjp(C, x)[1](torch.ones(2)),
        attempt(lambda: F.hessian(lambda t: C(t).sum())(x)),
        F.vmap(F.vmap(C))(x.reshape(1, 2)),
    ]


def generated_rule_under_every_transform(torch):
    F = torch.func
    C = _cube(torch, generate_vmap_rule=True, vmap=torch.autograd.Function.vmap).apply
    x = _v(torch, 1, 2)
    return [
        F.vmap(C)(x.reshape(1, 2)),
        F.vmap(F.grad(C))(x),
        F.jacrev(C)(x),
        F.jacfwd(C)(x),
        F.vmap(F.vmap(C))(x.reshape(1, 2)),
        F.grad(lambda t: F.vmap(C)(t).sum())(x),
        F.jvp(F.vmap(C), (x,), (torch.ones(2),)),
    ]


def combined_form_refused(torch):
    class Old(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = _v(torch, 1, 2)
    return [
        attempt(lambda: torch.func.grad(lambda t: Old.apply(t).sum())(x)),
        attempt(lambda: torch.vmap(Old.apply)(x)),
        attempt(lambda: torch.func.jvp(Old.apply, (x,), (x,))),
    ]


def rules_missing(torch):
    base = torch.autograd.Function
    x = _v(torch, 1, 2)
    return [
        attempt(lambda: torch.vmap(_cube(torch, vmap=base.vmap).apply)(x)),
        attempt(lambda: torch.vmap(_cube(torch, generate_vmap_rule=True).apply)(x)),
        attempt(lambda: torch.func.jvp(_cube(torch, jvp=base.jvp).apply, (x,), (x,))),
        attempt(
            lambda: torch.func.grad(
                lambda t: _cube(torch, backward=base.backward, vjp=base.vjp).apply(t).sum()
            )(x)
        ),
    ]


def vmap_staticmethod_is_told(torch):
    seen = []

    def rule(info, in_dims, x):
        seen.append([info.batch_size, info.randomness, list(in_dims), list(x.shape)])
        return x.movedim(in_dims[0], 0) ** 3, 0

    C = _cube(torch, vmap=staticmethod(rule)).apply
    a = torch.arange(6.0).reshape(2, 3)
    return [
        torch.vmap(C, randomness="same")(a),
        torch.vmap(C)(a),
        seen,
    ]


def vmap_staticmethod_wrong(torch):
    x = _v(torch, 1, 2)

    def of(rule):
        return attempt(lambda: torch.vmap(_cube(torch, vmap=staticmethod(rule)).apply)(x))

    return [
        str(of(lambda info, in_dims, x: x)).split(" Got a")[0],
        of(lambda info, in_dims, x: (x, 0, 0)),
        of(lambda info, in_dims, x: (x, None)),
        of(lambda info, in_dims, x: (x, in_dims)),
    ]


def vmap_with_constants_and_several_outputs(torch):
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(x, w, n):
            return x * w * n, x + w

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, w, ctx.n = inputs
            ctx.save_for_backward(x, w)

        @staticmethod
        def backward(ctx, g, h):
            x, w = ctx.saved_tensors
            return g * w * ctx.n + h, g * x * ctx.n + h, None

        @staticmethod
        def vmap(info, in_dims, x, w, n):
            assert in_dims[2] is None
            out = Scale.apply(x, w, n)
            return out, (0, 0)

    a, w = torch.arange(6.0).reshape(2, 3), _v(torch, 1, 2, 3)
    return [
        torch.vmap(lambda t: Scale.apply(t, w, 2.0))(a),
        torch.func.grad(lambda u: sum(o.sum() for o in torch.vmap(
            lambda t: Scale.apply(t, u, 2.0))(a)))(w),
    ]  # fmt: skip


def needs_input_grad_under_transforms(torch):
    seen = []

    class Mul(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, y):
            return x * y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            seen.append(list(ctx.needs_input_grad))
            x, y = ctx.saved_tensors
            return g * y, g * x

    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    return [
        torch.func.grad(lambda t: Mul.apply(t, y).sum())(x),
        torch.func.grad(lambda t: Mul.apply(x, t).sum())(y),
        torch.vmap(torch.func.grad(lambda t, u: Mul.apply(t, u)))(x, y),
        seen,
    ]


def saved_for_forward_and_backward(torch):
    """The two lists are apart."""

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.save_for_forward(x * 2)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0].cos()

        @staticmethod
        def jvp(ctx, t):
            return t * ctx.saved_tensors[0]

    fw = torch.autograd.forward_ad
    x = _v(torch, 1, 2).requires_grad_()
    Both.apply(x).sum().backward()
    with fw.dual_level():
        made = fw.unpack_dual(Both.apply(fw.make_dual(_v(torch, 1, 2), torch.ones(2))))
    return x.grad, made


def jvp_details(torch):
    fw = torch.autograd.forward_ad

    def of(jvp, outputs=1):
        class Op(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, y, n):
                return x * y if outputs == 1 else (x * y, x + y)

            @staticmethod
            def backward(ctx, *g):
                return None, None, None

        Op.jvp = staticmethod(jvp)

        def run():
            with fw.dual_level():
                d = fw.make_dual(_v(torch, 1, 2), torch.ones(2))
                made = Op.apply(d, _v(torch, 3, 4), 5)
                made = made if isinstance(made, tuple) else (made,)
                return [fw.unpack_dual(m).tangent for m in made]

        return attempt(run)

    seen = []
    return [
        of(lambda ctx, x, y, n: seen.append([x, y, n]) or x * 2),
        of(lambda ctx, x, y, n: (x, x), 2),
        type(of(lambda ctx, x, y, n: (x, x))).__name__,
        type(of(lambda ctx, x, y, n: x, 2)).__name__,
        type(of(lambda ctx, x, y, n: 3)).__name__,
        seen,
    ]


def jvp_of_a_mutated_argument(torch):
    class Exp_(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.exp_()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_dirty(inputs[0])
            ctx.save_for_backward(output)
            ctx.save_for_forward(output)

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

        @staticmethod
        def jvp(ctx, t):
            return t.mul_(ctx.saved_tensors[0])

    fw = torch.autograd.forward_ad
    x = _v(torch, 0, 1).requires_grad_()
    y = x.clone()
    z = Exp_.apply(y)
    z.sum().backward()
    with fw.dual_level():
        d = fw.make_dual(_v(torch, 0, 1), torch.ones(2))
        made = fw.unpack_dual(Exp_.apply(d * 1))
    return z is y, y.detach(), x.grad, made


def once_differentiable_again(torch):
    from_module = torch.autograd.function.once_differentiable

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @from_module
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * g

    x = _v(torch, 1, 2).requires_grad_()
    (g,) = torch.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    return g.detach(), g.requires_grad, g.grad_fn.name(), attempt(lambda: g.sum().backward())


def double_backward_of_each_path(torch):
    """Through the saved input, the saved output, an intermediate that is also returned."""

    class Inter(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            e = x.exp()
            ctx.save_for_backward(x, e)
            return x * e, e

        @staticmethod
        def backward(ctx, g, h):
            x, e = ctx.saved_tensors
            return (x * e + e) * g + e * h

    x = _v(torch, 0.5, 1).requires_grad_()
    y, _ = Inter.apply(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    return first.detach(), second.detach(), torch.autograd.grad(second.sum(), x)


def context_outside(torch):
    kept = []

    class Keep(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, flag=True):
            kept.append(ctx)
            ctx.flag = flag
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2, None

    x = _v(torch, 1, 2).requires_grad_()
    y = Keep.apply(x)
    node = y.grad_fn
    return [
        kept[0].saved_tensors,
        node.flag,
        node.saved_tensors,
        node.needs_input_grad,
        node.name(),
        attempt(lambda: node.nothing),
        attempt(lambda: Keep.apply(x, flag=False).requires_grad),
        attempt(lambda: Keep.apply()),
        attempt(lambda: Keep.apply(x, 1, 2)),
    ]


def non_differentiable_integer_and_bool_outputs(torch):
    class Parts(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            mask, order = x > 0, x.argsort()
            ctx.mark_non_differentiable(mask, order)
            ctx.set_materialize_grads(False)
            return x * 2, mask, order

        @staticmethod
        def backward(ctx, g, no_mask, no_order):
            return g * 2 if no_mask is None and no_order is None else None

    x = _v(torch, -1, 2).requires_grad_()
    y, mask, order = Parts.apply(x)
    y.sum().backward()
    return y, mask, order, x.grad
