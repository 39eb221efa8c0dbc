"""gradcheck and gradgradcheck: what passes, what fails and how."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _x(torch: Any, *values: float, dtype: Any = None) -> Any:
    return torch.tensor(list(values), dtype=dtype or torch.float64, requires_grad=True)


def _wrong(torch: Any, factor: float = 3.0) -> Any:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * factor

    return Wrong.apply


def right(torch):
    check = torch.autograd.gradcheck
    x, y = _x(torch, 0.5, 1.5), _x(torch, 2.0, -1.0)
    return (
        check(torch.sin, x),
        check(lambda a, b: a * b, (x, y)),
        check(lambda a, b: (a * b, a.exp()), (x, y)),
        check(lambda a, n: a**n, (x, 3)),
        check(torch.sin, (x,), fast_mode=True),
        check(lambda a: a.sum(), x),
        check(lambda a: (a.sin(), torch.arange(3)), x),
    )


def wrong(torch):
    check = torch.autograd.gradcheck
    x = _x(torch, 0.5, 1.5)
    return (
        attempt(lambda: check(_wrong(torch), x)),
        check(_wrong(torch), x, raise_exception=False),
        attempt(lambda: check(lambda a: (a, _wrong(torch)(a)), x)),
        attempt(lambda: check(lambda a, b: a * _wrong(torch)(b), (x, x))),
        issubclass(torch.autograd.gradcheck.__globals__["GradcheckError"], RuntimeError),
    )


def nothing_to_check(torch):
    return attempt(lambda: torch.autograd.gradcheck(torch.sin, torch.ones(2)))


def float32_warns(torch):
    x = _x(torch, 0.5, dtype=torch.float32)
    return warned(
        lambda: torch.autograd.gradcheck(lambda a: a * 2, x, atol=1e-1, rtol=1e-1, eps=1e-2)
    )


def expanded_input(torch):
    x = torch.ones(1, dtype=torch.float64).expand(3).requires_grad_()
    return attempt(lambda: torch.autograd.gradcheck(torch.sin, x))


def modes(torch):
    check = torch.autograd.gradcheck
    x = _x(torch, 0.5)
    return (
        attempt(lambda: check(torch.sin, x, check_backward_ad=False)),
        attempt(
            lambda: check(
                torch.sin,
                x,
                check_backward_ad=False,
                check_batched_grad=True,
                check_forward_ad=True,
            )
        ),
        attempt(lambda: check(torch.sin, x, check_batched_forward_grad=True)),
    )


def changing_shape(torch):
    x = _x(torch, 0.0, 1.0)
    return attempt(lambda: torch.autograd.gradcheck(lambda a: a[a > 0], x))


def nondeterministic(torch):
    seen = [0]

    class Noisy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen[0] += 1
            return g * 2 + g * 1e-7 * seen[0]

    x = _x(torch, 0.5)
    return (
        attempt(lambda: torch.autograd.gradcheck(Noisy.apply, x)),
        torch.autograd.gradcheck(Noisy.apply, x, nondet_tol=1e-3),
    )


def not_multiplied(torch):
    class Constant(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x * 2).sum()

        @staticmethod
        def backward(ctx, g):
            return torch.full((2,), 2.0, dtype=torch.float64)

    return attempt(lambda: torch.autograd.gradcheck(Constant.apply, _x(torch, 0.5, 1.0)))


def no_differentiable_output(torch):
    x = _x(torch, 0.5)
    return (
        attempt(lambda: torch.autograd.gradcheck(lambda a: a.detach() * 2, x)),
        torch.autograd.gradcheck(lambda a: torch.ones(2, dtype=torch.float64), x),
    )


def complex_functions(torch):
    z = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True)
    x = _x(torch, 0.5, 2.0)

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return g * 2 * z

    check = torch.autograd.gradcheck
    return (
        check(lambda a: a * a, z),
        check(lambda a: a.abs(), z),
        check(lambda a, b: a * b, (z, x)),
        check(torch.real, z),
        attempt(lambda: check(Wrong.apply, z)),
    )


def second(torch):
    check = torch.autograd.gradgradcheck
    x, y = _x(torch, 0.5, 1.5), _x(torch, 2.0, -1.0)

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * (x * x.detach())

    return (
        check(torch.sin, x),
        check(lambda a, b: a * b.exp(), (x, y)),
        check(lambda a: (a**3).sum(), x),
        check(torch.sin, x, gen_non_contig_grad_outputs=True),
        check(torch.sin, x, torch.ones(2, dtype=torch.float64, requires_grad=True)),
        check(torch.sin, x, fast_mode=True),
        attempt(lambda: check(Wrong.apply, x)),
        check(Wrong.apply, x, raise_exception=False),
    )


def undefined_cotangents(torch):
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    x = _x(torch, 0.5)
    return attempt(
        lambda: torch.autograd.gradcheck(lambda a: Fails.apply(a), x, check_undefined_grad=False)
    ).__class__.__name__


def in_place_functions(torch):
    x = _x(torch, 0.5, 1.5)
    return torch.autograd.gradcheck(lambda a: (a * 1).sin_().mul_(2), x)


def closures_see_the_moves(torch):
    x, w = _x(torch, 0.5, 1.5), _x(torch, 2.0, 3.0)
    return torch.autograd.gradcheck(lambda a: a * x * w, (x,))
