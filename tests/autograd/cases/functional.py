"""`torch.autograd.functional`: every documented argument, and forward mode beside reverse mode."""

from __future__ import annotations

import importlib
from typing import Any

from autograd.answers import attempt, warned


def _v(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values])


def _fwad(torch: Any) -> Any:
    return importlib.import_module(torch.__name__ + ".autograd.forward_ad")


def products(torch):
    F = torch.autograd.functional
    x, y, v = _v(torch, 1, 2), _v(torch, 3, 4), _v(torch, 1, -1)
    two = lambda a, b: (a * b, a.sin())  # noqa: E731
    scalar = lambda a, b: (a**3 * b).sum()  # noqa: E731
    return [
        F.vjp(two, (x, y), (v, v)),
        F.jvp(two, (x, y), (v, v)),
        F.vjp(lambda a: (a * a).sum(), x),
        F.jvp(lambda a: a * 2, torch.tensor(2.0)),
        F.vhp(scalar, (x, y), (v, v)),
        F.hvp(scalar, (x, y), (v, v)),
        F.hvp(lambda a: (a**3).sum(), x, v),
        F.vhp(lambda a: a**3, torch.tensor(2.0)),
    ]


def jacobians(torch):
    F = torch.autograd.functional
    x, y = _v(torch, 1, 2), _v(torch, 3, 4, 5)
    f = lambda a, b: (a[:, None] * b, b.sum())  # noqa: E731
    found = []
    for options in (
        {},
        {"vectorize": True},
        {"vectorize": True, "strategy": "forward-mode"},
        {"create_graph": True},
        {"strategy": "reverse-mode"},
    ):
        found.append(F.jacobian(f, (x, y), **options))
        found.append(F.jacobian(lambda a: a.exp(), x, **options))
        found.append(F.jacobian(lambda a: a.exp().sum(), x, **options))
    return [[_plain(t) for t in _flat(j)] for j in found]


def _flat(j: Any) -> Any:
    return [t for part in j for t in _flat(part)] if isinstance(j, (tuple, list)) else [j]


def _plain(t: Any) -> Any:
    return t.detach()


def hessians(torch):
    F = torch.autograd.functional
    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    f = lambda a, b: (a**3 * b).sum()  # noqa: E731
    found = []
    for options in (
        {},
        {"vectorize": True},
        {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
        {"create_graph": True},
    ):
        found.append(_flat(F.hessian(f, (x, y), **options)))
        found.append(_flat(F.hessian(lambda a: (a**3).sum(), x, **options)))
    return [[_plain(t) for t in h] for h in found]


def graphs_created(torch):
    F = torch.autograd.functional
    x = _v(torch, 1, 2).requires_grad_()
    found = []
    for make in (
        lambda: F.jacobian(lambda a: a**3, x, create_graph=True),
        lambda: F.hessian(lambda a: (a**3).sum(), x, create_graph=True),
        lambda: F.vjp(lambda a: a**3, x, torch.ones(2), create_graph=True)[1],
        lambda: F.jvp(lambda a: a**3, x, torch.ones(2), create_graph=True)[1],
        lambda: F.hvp(lambda a: (a**3).sum(), x, torch.ones(2), create_graph=True)[1],
        lambda: F.vhp(lambda a: (a**3).sum(), x, torch.ones(2), create_graph=True)[1],
    ):
        made = make()
        found.append((made.detach(), made.requires_grad, torch.autograd.grad(made.sum(), x)))
    plain = F.jacobian(lambda a: a**3, x)
    return found, plain.requires_grad, x.grad


def outputs_keep_their_graph(torch):
    F = torch.autograd.functional
    x = _v(torch, 1, 2).requires_grad_()
    return [
        F.vjp(lambda a: a**2, x, torch.ones(2))[0].requires_grad,
        F.vjp(lambda a: a**2, x, torch.ones(2), create_graph=True)[0].requires_grad,
        F.hvp(lambda a: (a**2).sum(), x, torch.ones(2))[0].requires_grad,
    ]


def strict(torch):
    F = torch.autograd.functional
    x, v = _v(torch, 1, 2), torch.ones(2)
    constant = lambda a: torch.ones(2)  # noqa: E731
    linear = lambda a: (a * 2).sum()  # noqa: E731
    independent = lambda a, b: (a * 2).sum()  # noqa: E731
    return [
        attempt(lambda: F.vjp(constant, x, v, strict=True)),
        attempt(lambda: F.jvp(constant, x, v, strict=True)),
        attempt(lambda: F.jacobian(constant, x, strict=True)),
        attempt(lambda: F.jacobian(lambda a, b: a, (x, v), strict=True)),
        attempt(lambda: F.hessian(linear, x, strict=True)),
        attempt(lambda: F.hessian(independent, (x, v), strict=True)),
        attempt(lambda: F.vhp(linear, x, v, strict=True)),
        attempt(lambda: F.hvp(linear, x, v, strict=True)),
        attempt(lambda: F.vjp(lambda a: a.detach(), x, v, strict=True)),
        attempt(lambda: F.jacobian(lambda a: a, x, strict=True, vectorize=True)),
        attempt(lambda: F.hessian(linear, x, strict=True, vectorize=True)),
        attempt(lambda: F.jvp(lambda a: a * 2, x, v, strict=True, create_graph=True)),
        F.vjp(constant, x, v),
        F.jvp(constant, x, v),
        F.jacobian(constant, x),
        F.hessian(linear, x),
        F.vhp(linear, x, v),
        F.hvp(linear, x, v),
        F.jacobian(lambda a, b: a, (x, v)),
    ]


def refused(torch):
    F = torch.autograd.functional
    x, v = _v(torch, 1, 2), torch.ones(2)
    return [
        attempt(lambda: F.vjp(lambda a: a, x)),
        attempt(lambda: F.jvp(lambda a: a, x)),
        attempt(lambda: F.vjp(lambda a: a, x, torch.ones(3))),
        attempt(lambda: F.jvp(lambda a: a, x, torch.ones(3))),
        attempt(lambda: F.jvp(lambda a: a, (x, x), x)),
        attempt(lambda: F.vjp(lambda a: 3, x, v)),
        attempt(lambda: F.vjp(lambda a: a, 3, v)),
        attempt(lambda: F.jacobian(lambda a: [a, 3], x)),
        attempt(lambda: F.hessian(lambda a: a, x)),
        attempt(lambda: F.hessian(lambda a: (a.sum(), a.sum()), x)),
        attempt(lambda: F.hvp(lambda a: a, x, v)),
        attempt(lambda: F.hvp(lambda a: a.sum(), x)),
        attempt(lambda: F.jacobian(lambda a: a, x, strategy="forward-mode")),
        attempt(lambda: F.jacobian(lambda a: a, x, strategy="other")),
        attempt(
            lambda: F.jacobian(
                lambda a: a, x, vectorize=True, strategy="forward-mode", create_graph=True
            )
        ),
        attempt(
            lambda: F.jacobian(lambda a: a, x, vectorize=True, strategy="forward-mode", strict=True)
        ),
        attempt(lambda: F.hessian(lambda a: a.sum(), x, outer_jacobian_strategy="forward-mode")),
        attempt(lambda: F.hessian(lambda a: a.sum(), x, outer_jacobian_strategy="other")),
    ]


def dual_numbers(torch):
    fw = _fwad(torch)
    x, t = _v(torch, 1, 2), _v(torch, 1, -1)
    with fw.dual_level():
        d = fw.make_dual(x, t)
        y = d.sin() * 2
        inside = fw.unpack_dual(y)
        plain = fw.unpack_dual(x)
        second = attempt(lambda: fw.make_dual(d, t * 3))
        detached = fw.unpack_dual(d.detach())
    outside = attempt(lambda: fw.unpack_dual(y))
    return inside, plain, second, detached, outside, y, type(inside).__name__


def dual_levels_refused(torch):
    fw = _fwad(torch)
    x = torch.ones(2)

    def nested():
        with fw.dual_level(), fw.dual_level():
            pass

    def wrong_shape():
        with fw.dual_level():
            fw.make_dual(x, torch.ones(3))

    def integers():
        with fw.dual_level():
            fw.make_dual(torch.arange(2), x)

    def integer_tangent():
        with fw.dual_level():
            fw.make_dual(x, torch.arange(2))

    def another_dtype():
        with fw.dual_level():
            fw.make_dual(x, x.double())

    return [
        attempt(nested),
        attempt(lambda: fw.make_dual(x, x)),
        attempt(wrong_shape),
        attempt(integers),
        attempt(integer_tangent),
        attempt(another_dtype),
        attempt(lambda: fw.exit_dual_level()),
    ]


def levels_by_hand(torch):
    fw = _fwad(torch)
    fw.enter_dual_level()
    d = fw.make_dual(torch.tensor(2.0), torch.tensor(1.0))
    tangent = fw.unpack_dual(d**3).tangent
    fw.exit_dual_level()
    return tangent, fw.unpack_dual(d).tangent


def tangents_and_in_place(torch):
    fw = _fwad(torch)
    x, t = _v(torch, 1, 2, 3), _v(torch, 1, 10, 100)
    with fw.dual_level():
        d = fw.make_dual(x, t)
        y = torch.zeros(3)
        y[1:] = d[:2]
        y.mul_(2)
        z = d.clone()
        z[0] = 5
        w = torch.stack([y, z]).t()[1]
        return [fw.unpack_dual(v) for v in (y, z, w)]


def reverse_through_duals(torch):
    fw = _fwad(torch)
    x, t = _v(torch, 1, 2).requires_grad_(), _v(torch, 1, -1)
    with fw.dual_level():
        d = fw.make_dual(x, t)
        y = (d**3).sum()
        (g,) = torch.autograd.grad(y, d, create_graph=True)
        hvp = fw.unpack_dual(g).tangent
        primal, tangent = fw.unpack_dual(y)
    return hvp.detach(), primal.detach(), torch.autograd.grad(tangent, x)


def gradients_of_tangents(torch):
    fw = _fwad(torch)
    x, t = _v(torch, 1, 2).requires_grad_(), _v(torch, 1, -1).requires_grad_()
    with fw.dual_level():
        tangent = fw.unpack_dual((fw.make_dual(x, t) ** 3).sum()).tangent
    return torch.autograd.grad(tangent, (x, t))


def gradient_mode_of_tangents(torch):
    fw = _fwad(torch)
    x, t = _v(torch, 1, 2), _v(torch, 1, -1)
    with fw.dual_level():
        d = fw.make_dual(x, t)
        with torch.no_grad():
            quiet = fw.unpack_dual(d * 2).tangent
    return quiet


def printed_duals(torch):
    fw = _fwad(torch)
    with fw.dual_level():
        d = fw.make_dual(_v(torch, 1, 2), _v(torch, 3, 4))
        return [str(d), str(d * 2), str(d.sum())]


def function_with_jvp(torch):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(x)
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

        @staticmethod
        def jvp(ctx, t):
            return 3 * ctx.saved_tensors[0] ** 2 * t

    class NoJvp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g

    fw = _fwad(torch)
    with fw.dual_level():
        d = fw.make_dual(_v(torch, 1, 2), _v(torch, 3, 4))
        good = fw.unpack_dual(Cube.apply(d))
        bad = attempt(lambda: NoJvp.apply(d))
    return good, bad


def warnings_of_jvp(torch):
    F = torch.autograd.functional
    return warned(lambda: F.jvp(lambda a: a, torch.ones(2), torch.ones(2)))
