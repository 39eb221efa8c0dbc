"""Corners of autograd: gradients that are not there, hooks before writes, memory read and written
at once."""

from __future__ import annotations

import importlib
from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


# ---------------------------------------------------------------- undefined gradients


def _pair(torch: Any, seen: list[Any], materialize: bool) -> tuple[Any, Any]:
    """A Function that passes on and notes what its backward gets, and one that gives None."""

    class Passing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            seen.append(None if g is None else g.tolist())
            return g

    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return None

    return Passing, Nothing


def _undefined(torch: Any, materialize: bool) -> list[Any]:
    seen: list[Any] = []
    p, n = _pair(torch, seen, materialize)
    found = []

    def run(f: Any, **options: Any) -> None:
        x = _leaf(torch, 1, 2)
        f(x).sum().backward(**options)
        found.append((seen[:], x.grad))
        seen.clear()

    run(lambda x: n.apply(x))
    run(lambda x: n.apply(x.sin()))
    run(lambda x: n.apply(p.apply(x)))
    run(lambda x: n.apply(p.apply(x).sin()))
    run(lambda x: n.apply(p.apply(p.apply(x).exp()).sin()))
    run(lambda x: n.apply(p.apply(x).split(1)[0] * x))
    run(lambda x: n.apply(p.apply(x).sin()), create_graph=True)

    def joined(x):
        y = p.apply(x)
        return n.apply(y.sin()) + y

    run(joined)

    def apart(x):
        y = x.exp()
        return n.apply(y) + p.apply(y) * y

    run(apart)
    return found


def none_goes_on_as_zeros(torch):
    return _undefined(torch, True)


def none_goes_on_as_none(torch):
    return _undefined(torch, False)


def hooks_see_none(torch):
    seen: list[Any] = []
    p, n = _pair(torch, seen, True)
    x = _leaf(torch, 1, 2)
    y = p.apply(x).sin()
    y.retain_grad()
    y.register_hook(lambda g: seen.append(("tensor", g)))
    y.grad_fn.register_prehook(lambda go: seen.append(("before", go)))
    y.grad_fn.register_hook(lambda gi, go: seen.append(("after", gi, go)))
    x.register_hook(lambda g: seen.append(("leaf", g)))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(("accumulated", t.grad)))
    n.apply(y).sum().backward()
    z = _leaf(torch, 1, 2)
    z.register_hook(lambda g: seen.append(("leaf", g)))
    z.register_post_accumulate_grad_hook(lambda t: seen.append(("accumulated", t.grad)))
    n.apply(z.sin()).sum().backward()
    return seen, x.grad, y.grad, z.grad


def asking_for_what_gets_nothing(torch):
    seen: list[Any] = []
    p, n = _pair(torch, seen, True)
    x, y = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    found = [
        attempt(lambda: torch.autograd.grad(n.apply(p.apply(x).sin()).sum(), x)),
        attempt(lambda: torch.autograd.grad(n.apply(x.sin()).sum(), x)),
        attempt(lambda: torch.autograd.grad(n.apply(p.apply(x) * y).sum(), y)),
        torch.autograd.grad(n.apply(p.apply(x) * y).sum(), (x, y), allow_unused=True),
    ]
    n.apply(p.apply(x) * y).sum().backward(inputs=[y])
    return found, seen, x.grad, y.grad


# ---------------------------------------------------------------- hooks and writes


def a_hook_on_a_view_that_is_written(torch):
    seen: list[Any] = []
    x = _leaf(torch, 1, 2)
    b = x * 1
    v = b[:1]
    v.register_hook(lambda g: seen.append(("before", g)))
    v.mul_(3)
    v.register_hook(lambda g: seen.append(("after", g)))
    (v.sum() + b.sum()).backward()
    return seen, x.grad


def a_hook_on_a_view_whose_base_is_written(torch):
    seen: list[Any] = []
    x = _leaf(torch, 1, 2)
    b = x * 1
    v = b[:1]
    v.register_hook(lambda g: seen.append(g))
    v.retain_grad()
    b.mul_(3)
    (v.sum() + b.sum()).backward()
    return seen, x.grad, v.grad


def hooks_in_a_hessian(torch):
    seen: list[Any] = []

    def f(a):
        y = a.sin()
        y.register_hook(lambda g: seen.append(g.requires_grad))
        return (y * y).sum()

    x = _leaf(torch, 1, 2)
    found = [torch.autograd.functional.hessian(f, x)]
    found.append(torch.autograd.functional.hvp(f, x, torch.ones(2)))
    return found, seen


def the_hooks_of_a_tensor(torch):
    x = _leaf(torch, 1)
    found = [x._backward_hooks]
    first = x.register_hook(lambda g: g * 2)
    second = x.register_hook(lambda g: g * 3)
    found.append(list(x._backward_hooks) == [first.id, second.id])
    x.sum().backward()
    x._backward_hooks.clear()
    x.sum().backward()
    y = x * 2
    found.append(y._backward_hooks)
    y.register_hook(lambda g: None)
    return *found, len(y._backward_hooks), x.grad


# ---------------------------------------------------------------- memory read and written


def writing_what_is_read(torch):
    def t():
        return torch.arange(4.0) + 1

    def assigned(b):
        b[1:] = b[:-1]
        return b

    def augmented(b):
        b[:2] *= b[1:3]
        return b

    tries = [
        assigned,
        augmented,
        lambda b: b[:2].copy_(b[1:3]),
        lambda b: b[:2].addcmul_(b[1:3], b[1:3]),
        lambda b: b[:2].clamp_(min=b[1:3]),
        lambda b: b.view(2, 2).add_(b.view(2, 2).t()),
        lambda b: b.add_(b[1:2]),
        lambda b: b.add_(b),
        lambda b: b.add_(b[:]),
        lambda b: b[::2].sub_(b[1::2]),
        lambda b: b[:2].sub_(b[2:]),
        lambda b: augmented(b * _leaf(torch, 1, 2, 3, 4)),
    ]
    return [attempt(lambda f=f: f(t())) for f in tries]


def setting_all_of_an_expanded_tensor(torch):
    b = torch.ones(2)
    e = b[:1].expand(3)
    return (
        e.zero_(), b.clone(), e.fill_(5), b, e._version,
        attempt(lambda: e.add_(1)), attempt(lambda: e.copy_(torch.ones(3))),
    )  # fmt: skip


# ---------------------------------------------------------------- anomaly mode, vmap, modules


def anomaly_shows_the_forward_line(torch):
    x = _leaf(torch, -1, 2)

    def second():
        y = x.exp().sum()
        y.backward()
        y.backward()

    def inside():
        return torch.func.grad(lambda t: t.sqrt().sum())(x.detach())

    found = []
    for f in (second, inside):
        with torch.autograd.set_detect_anomaly(True):
            error, texts = warned(f)
        found.append((error, texts))
    return found


def vmap_of_what_has_no_rule_of_its_own(torch):
    functional = importlib.import_module(f"{torch.__name__}.nn.functional")
    x = torch.tensor([[1, 0, 2], [0, 0, 3]])
    mean, var = torch.zeros(3), torch.ones(3)

    def norm(t):
        return functional.batch_norm(t, mean, var, training=True)

    found = [
        torch.func.vmap(lambda t: torch.nonzero_static(t, size=2))(x),
        attempt(lambda: torch.func.vmap(norm)(torch.ones(2, 4, 3))),
    ]
    return found, mean, var


def converting_a_module(torch):
    future = importlib.import_module(f"{torch.__name__}.__future__")
    found = []
    for overwrite in (False, True):
        future.set_overwrite_module_params_on_conversion(overwrite)
        m = torch.nn.Linear(2, 2)
        m(torch.ones(1, 2)).sum().backward()
        w, g = m.weight, m.weight.grad
        m.double()
        found.append((m.weight is w, m.weight.grad is g, str(w.dtype), str(m.weight.dtype)))
        found.append((str(g.dtype), str(m.weight.grad.dtype), m.weight.requires_grad))
    future.set_overwrite_module_params_on_conversion(False)
    found.append(future.get_overwrite_module_params_on_conversion())
    found.append(future.get_swap_module_params_on_conversion())
    return found


def the_node_of_weight_norm(torch):
    utils = importlib.import_module(f"{torch.__name__}.nn.utils.parametrizations")
    m = utils.weight_norm(torch.nn.Linear(2, 3))
    v = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    g = torch.tensor([[1.0], [2.0]], requires_grad=True)
    w = torch._weight_norm(v, g, 0)
    first = torch.autograd.grad((w**2 * v.detach()).sum(), (v, g), create_graph=True)
    other = torch._weight_norm(v, torch.tensor([[1.0, 2.0]]), 1)
    whole = torch._weight_norm(v, torch.tensor(2.0), -1)
    return m.weight.grad_fn, len(m.weight.grad_fn.next_functions), w, first, other, whole


def schedules_of_the_profiler(torch):
    profiler = importlib.import_module(f"{torch.__name__}.profiler")
    found: list[Any] = []
    for numbers in (
        {"wait": 1, "warmup": 1, "active": 2, "repeat": 1, "skip_first": 1},
        {"wait": 2, "warmup": 0, "active": 2, "repeat": 2, "skip_first_wait": 1},
        {"wait": -1, "warmup": 1, "active": 2},
        {"wait": 1, "warmup": 1, "active": 0},
    ):
        what = attempt(lambda n=numbers: profiler.schedule(**n))
        found.append([what(i).name for i in range(12)] if callable(what) else what)
    log = []

    def ready(p):
        averages = {e.key: e.count for e in p.key_averages()}
        log.append((p.step_num, averages.get("aten::sin"), averages.get("ProfilerStep*")))

    cycles = profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    for options, steps in (({"schedule": cycles}, 9), ({}, 2), ({"schedule": cycles}, 3)):
        with profiler.profile(on_trace_ready=ready, **options) as p:
            for _ in range(steps):
                torch.ones(2).sin()
                p.step()
        found.append(p.step_num)
    found.append(attempt(lambda: profiler.profile().events()))
    found.append(attempt(lambda: profiler.profile(activities=[])))
    return found, log


def gradients_of_duals(torch):
    forward_ad = importlib.import_module(f"{torch.__name__}.autograd.forward_ad")
    functional = torch.autograd.functional
    with forward_ad.dual_level():
        x = _leaf(torch, 1, 2)
        d = forward_ad.make_dual(x, torch.ones(2))
        (d**3).sum().backward()
        found = [d.grad_fn, x.grad, forward_ad.unpack_dual(x.grad).tangent]
        (g,) = torch.autograd.grad((d**3).sum(), x)
        found.append(forward_ad.unpack_dual(g))
        d = forward_ad.make_dual(torch.tensor([1.0, 2.0]), torch.ones(2))
        _, g = functional.hvp(lambda t: (t**3).sum(), d, torch.ones(2))
        found.append(forward_ad.unpack_dual(g))
    return [list(f) if isinstance(f, tuple) else f for f in found]
