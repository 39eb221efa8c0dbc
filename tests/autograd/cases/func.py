"""`torch.func`: every documented argument, what it returns and what it refuses."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _v(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values])


def grad_arguments(torch):
    grad = torch.func.grad
    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    f = lambda a, b: (a * a * b).sum()  # noqa: E731
    return [
        grad(f)(x, y),
        grad(f, argnums=1)(x, y),
        grad(f, argnums=-1)(x, y),
        grad(f, argnums=(0, 1))(x, y),
        grad(f, argnums=(1,))(x, y),
        grad(lambda a, b: (f(a, b), b * 2), has_aux=True)(x, y),
        grad(lambda a, b: (f(a, b), {"k": [a, b]}), (0, 1), True)(x, y),
        grad(lambda d: (d["a"] * d["b"][0]).sum())({"a": x, "b": [y]}),
        grad(lambda a, *, b: f(a, b))(x, b=y),
        attempt(lambda: grad(f)(x, b=y)),
    ]


def grad_refused(torch):
    grad = torch.func.grad
    x = _v(torch, 1, 2)
    f = lambda a: (a * a).sum()  # noqa: E731
    return [
        attempt(lambda: grad(lambda a: a * a)(x)),
        attempt(lambda: grad(lambda a: 3.0)(x)),
        attempt(lambda: grad(lambda a: (a.sum(), a))(x)),
        attempt(lambda: grad(f, argnums=1)(x)),
        attempt(lambda: grad(f, argnums=(0, 0))(x)),
        attempt(lambda: grad(f, argnums=())(x)),
        attempt(lambda: grad(f, argnums=[0])(x)),
        attempt(lambda: grad(f, argnums=("0",))(x)),
        attempt(lambda: grad(f, has_aux=True)(x)),
        attempt(lambda: grad(lambda a: (a.sum(), a, a), has_aux=True)(x)),
        attempt(lambda: grad(f)(3.0)),
        attempt(lambda: grad(f)(torch.arange(3))),
        attempt(lambda: grad(lambda a: a.long().sum())(x)),
        attempt(lambda: grad(lambda a: a.sum().reshape(1))(x)),
        grad(lambda a: torch.tensor(3.0))(x),
        attempt(lambda: grad(lambda a: a.sum() * 1j)(x)),
    ]


def grad_and_value_arguments(torch):
    f = torch.func.grad_and_value
    x = _v(torch, 1, 2)
    return [
        f(lambda a: (a * a).sum())(x),
        f(lambda a: ((a * a).sum(), a + 1), has_aux=True)(x),
        f(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, x),
    ]


def vjp_arguments(torch):
    vjp = torch.func.vjp
    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    out, pull = vjp(lambda a, b: {"s": a * b, "t": [b.sum()]}, x, y)
    one, pull_aux, aux = vjp(lambda a: (a.sin(), a + 1), x, has_aux=True)
    _, pull_none = vjp(lambda a, b: a * 2, x, y)
    return [
        out,
        pull({"s": torch.ones(2), "t": [torch.tensor(2.0)]}),
        one,
        pull_aux(torch.ones(2)),
        aux,
        pull_none(torch.ones(2)),
        pull(cotangents={"s": torch.ones(2), "t": [torch.tensor(2.0)]}),
    ]


def vjp_refused(torch):
    vjp = torch.func.vjp
    x = _v(torch, 1, 2)
    _, pull = vjp(lambda a: (a * 2, a.sum()), x)
    return [
        attempt(lambda: vjp(lambda a: 3, x)),
        attempt(lambda: vjp(lambda a: None, x)),
        attempt(lambda: vjp(lambda a: (), x)),
        attempt(lambda: vjp(lambda a: a.long(), x)),
        attempt(lambda: vjp(lambda a: a, 3.0)),
        attempt(lambda: vjp(lambda a: a, x, has_aux=True)),
        attempt(lambda: pull(torch.ones(2))),
        attempt(lambda: pull([torch.ones(2), torch.ones(())])),
        attempt(lambda: vjp(lambda a: a)),
    ]


def jvp_arguments(torch):
    jvp = torch.func.jvp
    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    return [
        jvp(torch.sin, (x,), (torch.ones(2),)),
        jvp(lambda a, b: (a * b, {"s": a.sum()}), (x, y), (y, x)),
        jvp(lambda a: (a.exp(), a - 1), (x,), (y,), has_aux=True),
        jvp(lambda d: d["a"] * d["b"], ({"a": x, "b": y},), ({"a": y, "b": x},)),
        jvp(lambda a: torch.ones(2), (x,), (y,)),
        attempt(lambda: jvp(lambda a: torch.ones(2), (x,), (y,), strict=True)),
    ]


def jvp_refused(torch):
    jvp = torch.func.jvp
    x = _v(torch, 1, 2)
    return [
        attempt(lambda: jvp(torch.sin, x, x)),
        attempt(lambda: jvp(torch.sin, (x,), x)),
        attempt(lambda: jvp(torch.sin, (x,), (torch.ones(3),))),
        attempt(lambda: jvp(torch.sin, (x,), (x, x))),
        attempt(lambda: jvp(torch.sin, (), ())),
        attempt(lambda: jvp(torch.sin, (3.0,), (1.0,))),
        attempt(lambda: jvp(torch.sin, (torch.arange(2),), (torch.ones(2),))),
        attempt(lambda: jvp(lambda a: 3, (x,), (x,))),
        attempt(lambda: jvp(lambda a: (a, 3), (x,), (x,))),
        attempt(lambda: jvp(torch.sin, (x,), (x.double(),))),
    ]


def linearize_arguments(torch):
    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    out, push = torch.func.linearize(lambda a, b: (a * b, a.sin().sum()), x, y)
    return [
        out,
        push(torch.ones(2), torch.zeros(2)),
        push(y, x),
        attempt(lambda: push(torch.ones(2))),
        attempt(lambda: push(torch.ones(3), torch.ones(2))),
        attempt(lambda: push(torch.ones(2).double(), torch.ones(2))),
    ]


def jacobian_arguments(torch):
    x, y = _v(torch, 1, 2), _v(torch, 3, 4, 5)
    found = []
    for jac in (torch.func.jacrev, torch.func.jacfwd):
        outer = lambda a, b: a[:, None] * b.sin()  # noqa: E731
        found += [
            jac(outer)(x, y),
            jac(outer, argnums=1)(x, y),
            jac(outer, argnums=(0, 1))(x, y),
            jac(lambda a, b: {"s": a * 2, "t": b.sum()}, argnums=(0, 1))(x, y),
            jac(lambda a: (a * a, a + 1), has_aux=True)(x),
            jac(lambda d: d["a"] ** 2)({"a": x}),
            jac(lambda a: torch.ones(2))(x),
            jac(lambda a: a.sum())(torch.tensor(2.0)),
            jac(lambda a: a)(torch.ones(0)),
        ]
    jac = torch.func.jacrev
    found += [
        jac(lambda a: a**2, chunk_size=1)(x),
        jac(lambda a: a**2, chunk_size=3)(x),
        attempt(lambda: jac(lambda a: a**2, chunk_size=0)(x)),
        torch.func.jacfwd(lambda a: a**2, randomness="same")(x),
    ]
    return found


def jacobians_refused(torch):
    x = _v(torch, 1, 2)
    found = []
    for jac in (torch.func.jacrev, torch.func.jacfwd):
        found += [
            attempt(lambda jac=jac: jac(lambda a: 3)(x)),
            attempt(lambda jac=jac: jac(lambda a: a)(torch.ones(2, dtype=torch.complex64))),
            attempt(lambda jac=jac: jac(lambda a: a * 1j)(x)),
            attempt(lambda jac=jac: jac(lambda a: a, argnums=2)(x)),
            attempt(lambda jac=jac: jac(lambda a: a, argnums=(0, 0))(x)),
            attempt(lambda jac=jac: jac(lambda a: a, has_aux=True)(x)),
            attempt(lambda jac=jac: jac(lambda a: a)(torch.arange(2))),
        ]
    return found


def hessians(torch):
    x, y = _v(torch, 1, 2), _v(torch, 3, 4)
    f = lambda a, b: (a**3 * b).sum()  # noqa: E731
    h = torch.func.hessian
    return [
        h(f)(x, y),
        h(f, argnums=1)(x, y),
        h(f, argnums=(0, 1))(x, y),
        torch.func.jacrev(torch.func.jacrev(f))(x, y),
        torch.func.jacfwd(torch.func.jacfwd(f))(x, y),
        torch.func.jacrev(torch.func.jacfwd(f, 1), 0)(x, y),
    ]


def vmap_arguments(torch):
    vmap = torch.func.vmap
    a, b = torch.arange(6.0).reshape(2, 3), torch.arange(6.0, 12).reshape(3, 2)
    return [
        vmap(torch.dot, in_dims=(0, 1))(a, b),
        vmap(lambda t: t * 2, in_dims=1)(a),
        vmap(lambda t: t * 2, in_dims=1, out_dims=1)(a),
        vmap(lambda t: (t, t.sum()), out_dims=(1, 0))(a),
        vmap(lambda t, n: t * n, in_dims=(0, None))(a, 3.0),
        vmap(lambda t, n: t * n, in_dims=(0, None))(a, torch.tensor([1.0, 2, 3])),
        vmap(lambda d: d["x"] + d["y"], in_dims=({"x": 0, "y": None},))({"x": a, "y": a[0]}),
        vmap(lambda d: d["x"] + d["y"][0], in_dims=({"x": 0, "y": [1]},))({"x": a, "y": [b]}),
        vmap(lambda t: {"k": t.sum()}, out_dims={"k": 0})(a),
        vmap(lambda t: t + 1, in_dims=-1, out_dims=-1)(a),
        vmap(lambda t: 3 * t, chunk_size=1)(a),
        vmap(vmap(lambda t: t * t))(a),
        vmap(lambda t: torch.ones(2), out_dims=None)(a),
        vmap(lambda t: torch.ones(2))(a),
        vmap(lambda t, *, k: t + k)(a, k=torch.ones(3)),
        torch.vmap(lambda t: t)(torch.zeros(0, 3)),
    ]


def vmap_refused(torch):
    vmap = torch.vmap
    a = torch.arange(6.0).reshape(2, 3)
    return [
        attempt(lambda: vmap(lambda t: t)(3)),
        attempt(lambda: vmap(lambda: 3)()),
        attempt(lambda: vmap(lambda t: t, in_dims=None)(a)),
        attempt(lambda: vmap(lambda t, u: t)(a, torch.ones(3))),
        attempt(lambda: vmap(lambda t: t, in_dims=2)(a)),
        attempt(lambda: vmap(lambda t: t, in_dims="0")(a)),
        attempt(lambda: vmap(lambda t: t, in_dims=[0])(a)),
        attempt(lambda: vmap(lambda t: t, in_dims=(0, 0))(a)),
        attempt(lambda: vmap(lambda t: t, in_dims=(0.0,))(a)),
        attempt(lambda: vmap(lambda t: 3)(a)),
        attempt(lambda: vmap(lambda t: (t, None))(a)),
        attempt(lambda: vmap(lambda t: (t, t), out_dims=(0,))(a)),
        attempt(lambda: vmap(lambda t: t, out_dims="0")(a)),
        attempt(lambda: vmap(lambda t: t, out_dims=2)(a)),
        attempt(lambda: vmap(lambda t: t, out_dims=None)(a)),
        attempt(lambda: vmap(lambda t: t, randomness="other")(a)),
        attempt(lambda: vmap(lambda t: t, chunk_size=0)(a)),
        attempt(lambda: vmap(lambda t: t + torch.rand(3))(a)),
        attempt(lambda: vmap(lambda t: t if t.sum() > 0 else -t)(a)),
        attempt(lambda: vmap(lambda t: t[t > 0])(a)),
        attempt(lambda: vmap(lambda t: t.item())(a[:, 0])),
    ]


def vmap_randomness(torch):
    a = torch.zeros(4, 2)
    same = torch.vmap(lambda t: t + torch.rand(2), randomness="same")(a)
    different = torch.vmap(lambda t: t + torch.rand(2), randomness="different")(a)
    dropped = torch.vmap(lambda t: torch.dropout(t + 1, 0.5, True), randomness="same")(a)
    return [
        bool((same == same[0]).all()),
        bool((different == different[0]).all()),
        bool((dropped == dropped[0]).all()),
    ]


def vmap_in_place(torch):
    a, b = torch.zeros(3), torch.arange(6.0).reshape(2, 3)

    def writes_into_a_constant(t):
        a.add_(t)
        return a

    def writes_into_a_batch(t):
        c = t.clone()
        c[0] = 9
        c += 1
        return c

    def writes_into_its_argument(t):
        return t.mul_(2)

    return [
        type(attempt(lambda: torch.vmap(writes_into_a_constant)(b))).__name__,
        torch.vmap(writes_into_a_batch)(b),
        torch.vmap(writes_into_its_argument)(b),
        b,
    ]


def per_sample_gradients(torch):
    w, x, y = torch.ones(3), torch.arange(6.0).reshape(2, 3), _v(torch, 1, 2)
    loss = lambda w, x, y: ((w * x).sum() - y) ** 2  # noqa: E731
    return torch.vmap(torch.func.grad(loss), (None, 0, 0))(w, x, y)


def nesting(torch):
    F = torch.func
    x = _v(torch, 0.5, 1.5)
    f = lambda t: (t.sin() * t).sum()  # noqa: E731
    return [
        F.grad(lambda t: F.grad(f)(t).sum())(x),
        F.jvp(F.grad(f), (x,), (torch.ones(2),)),
        F.grad(lambda t: F.jvp(f, (t,), (torch.ones(2),))[1])(x),
        F.vmap(F.jacrev(lambda t: t.sin()))(torch.stack([x, x])),
        F.jacrev(F.vmap(lambda t: t * t))(x),
        F.vmap(F.grad(lambda t: F.vmap(lambda u: u * u * 3)(t).sum()))(torch.stack([x, x])),
        F.vjp(F.vmap(F.grad(lambda t: t**3)), x)[1](torch.ones(2)),
        F.hessian(lambda t: F.vmap(lambda u: u**3)(t).sum())(x),
        F.functionalize(F.grad(lambda t: (t.clone().mul_(t)).sum()))(x),
    ]


def together_with_plain_autograd(torch):
    x = _v(torch, 0.5, 1.5).requires_grad_()
    g = torch.func.grad(lambda t: (t**3).sum())(x)
    g.sum().backward()
    w = _v(torch, 2, 3).requires_grad_()
    h = torch.func.grad(lambda t: (t * t * w).sum())(_v(torch, 1, 1))
    h.sum().backward()
    return g.detach(), g.requires_grad, x.grad, w.grad


def closures_and_no_grad(torch):
    grad = torch.func.grad
    x = _v(torch, 1, 2)

    def inside(t):
        with torch.no_grad():
            c = t * t
        return (t - c).sum()

    with torch.no_grad():
        outside = grad(lambda t: (t * t).sum())(x)
    return grad(inside)(x), outside, outside.requires_grad


def autograd_refused_inside(torch):
    x = _v(torch, 1, 2)

    def backward(t):
        (t * t).sum().backward()
        return t.sum()

    def requires(t):
        return t.requires_grad_().sum()

    return [
        attempt(lambda: torch.func.grad(backward)(x)),
        attempt(lambda: torch.func.grad(requires)(x)),
        torch.func.grad(lambda t: (t.detach() * t).sum())(x),
    ]


def in_place_under_grad(torch):
    def f(t):
        y = t.clone()
        y.mul_(t)
        y[0] = 0
        v = y[1:]
        v.add_(t[1:])
        return y.sum()

    return torch.func.grad(f)(_v(torch, 1, 2, 3)), attempt(
        lambda: torch.func.grad(lambda t: t.mul_(2).sum())(_v(torch, 1, 2))
    )


def functionalized(torch):
    functionalize = torch.func.functionalize
    x = torch.arange(4.0)

    def written(t):
        b = t.view(-1)[1:]
        b.mul_(3)
        t[0] = 7
        return b, t.sum()

    def intermediate(a):
        b = a + 1
        b.view(-1).add_(1)
        return b

    def nested(a, d):
        d["k"].mul_(a)
        return {"z": a * 2, "n": 3}

    y, z, d = x.reshape(2, 2).clone(), x.reshape(2, 2).clone(), {"k": torch.ones(4)}
    first = functionalize(written)(y)
    second = functionalize(written, remove="mutations_and_views")(z)
    return [
        first,
        y,
        second,
        z,
        functionalize(intermediate)(x),
        x,
        functionalize(nested)(x, d),
        d,
        attempt(lambda: functionalize(intermediate, remove="other")(x)),
        attempt(lambda: functionalize(lambda t: t.add_(1))(x.clone().requires_grad_())),
        torch.func.grad(lambda t: functionalize(intermediate)(t).pow(2).sum())(x),
        torch.vmap(functionalize(intermediate))(x.reshape(2, 2)),
        functionalize(lambda t: t)(x) is x,
        functionalize(lambda t, n: t * n)(x, 3),
    ]


def unwrapped(torch):
    seen = []

    def f(t):
        seen.append(torch.func.debug_unwrap(t))
        return t * 2

    return torch.vmap(f)(torch.arange(3.0)), seen


def printed_inside(torch):
    seen = []

    def f(t):
        seen.append(str(t).replace(" ", "").replace("\n", ""))
        return t.sum()

    x = torch.arange(2.0)
    torch.func.grad(f)(x)
    torch.vmap(f)(x.reshape(1, 2))
    torch.func.jvp(f, (x,), (x,))
    return seen


def complex_functions(torch):
    z = torch.tensor([1 + 2j, 3 - 1j])
    return [
        torch.func.grad(lambda t: (t * t.conj()).real.sum())(z),
        torch.func.jvp(lambda t: t * t, (z,), (torch.ones(2, dtype=torch.complex64),)),
        torch.func.vjp(lambda t: t * t, z)[1](torch.ones(2, dtype=torch.complex64)),
        torch.vmap(lambda t: t.abs())(z),
    ]


def warnings_of_vmap(torch):
    return warned(lambda: torch.vmap(torch.sin)(torch.zeros(2)))
