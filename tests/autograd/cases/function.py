"""Custom Functions: forward and backward, the context, what may be returned, errors.

Long because: every case is one small program, and together they are one recorded family.
"""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def _square(torch: Any) -> Any:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x

    return Square


def _with(torch: Any, forward: Any, backward: Any, name: str = "Mine", **more: Any) -> Any:
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    body.update({k: staticmethod(v) if callable(v) else v for k, v in more.items()})
    return type(name, (torch.autograd.Function,), body)


def simple(torch):
    x = _leaf(torch, 1, 2, 3)
    y = _square(torch).apply(x)
    y.sum().backward()
    return y, x.grad, y.grad_fn.name(), type(y.grad_fn).__name__, y.output_nr, y.is_leaf


def zero_dim(torch):
    x = torch.tensor(3.0, requires_grad=True)
    y = _square(torch).apply(x)
    y.backward()
    return y, x.grad


def double_backward(torch):
    x = _leaf(torch, 1, 2)
    (g,) = torch.autograd.grad(_square(torch).apply(x).sum(), x, create_graph=True)
    (gg,) = torch.autograd.grad(g.sum(), x)
    return g, gg


def triple_backward_of_cube(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x * x

    x = _leaf(torch, 2.0)
    values = []
    y = _with(torch, forward, backward).apply(x).sum()
    for _ in range(4):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        values.append(y.sum())
        y = y.sum()
    return values


def double_backward_through_saved_output(torch):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y

    x = _leaf(torch, 0.5, 1)
    y = _with(torch, forward, backward, "Exp").apply(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (gg,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    (ggg,) = torch.autograd.grad(gg.sum(), x)
    return g, gg, ggg


def grad_mode_seen(torch):
    seen = []

    def forward(ctx, x):
        seen.append(("forward", torch.is_grad_enabled(), x.requires_grad, (x * 2).requires_grad))
        ctx.save_for_backward(x)
        return x * 1

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        seen.append((torch.is_grad_enabled(), g.requires_grad, (x * g).requires_grad))
        return g * x

    f = _with(torch, forward, backward)
    x = _leaf(torch, 1.0)
    f.apply(x).sum().backward()
    torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    return seen


def two_inputs_and_a_number(torch):
    def forward(ctx, a, n, b):
        ctx.save_for_backward(a, b)
        ctx.n = n
        return a * b * n

    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b * ctx.n, None, g * a * ctx.n

    a, b = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    y = _with(torch, forward, backward).apply(a, 5, b)
    y.sum().backward()
    return y, a.grad, b.grad


def needs_input_grad(torch):
    seen = []

    def forward(ctx, *args):
        seen.append(ctx.needs_input_grad)
        return args[0] * args[1]

    def backward(ctx, g):
        seen.append(ctx.needs_input_grad)
        return (g if ctx.needs_input_grad[0] else None), g, None, None

    f = _with(torch, forward, backward)
    a, b = torch.ones(2), _leaf(torch, 3, 4)
    y = f.apply(a, b, "text", None)
    y.sum().backward()
    y2 = f.apply(a, b, 3, None)
    with torch.no_grad():
        f.apply(a, b, "text", None)
    return seen, b.grad, a.grad, y2.grad_fn.needs_input_grad


def setup_context(torch):
    seen = []

    def forward(x, n):
        return x * n, x + n

    def setup(ctx, inputs, output):
        seen.append((inputs, output, torch.is_grad_enabled()))
        ctx.n = inputs[1]

    def backward(ctx, g, h):
        return g * ctx.n + h, None

    x = _leaf(torch, 1, 2)
    a, b = _with(torch, forward, backward, setup_context=setup).apply(x, 3)
    (a * b).sum().backward()
    return seen, a, b, x.grad, a.output_nr, b.output_nr


def setup_context_default_arguments(torch):
    def forward(x, n=4):
        return x * n

    def setup(ctx, inputs, output):
        ctx.n = inputs[1]
        ctx.count = len(inputs)

    def backward(ctx, g):
        return g * ctx.n, None

    x = _leaf(torch, 1, 2)
    f = _with(torch, forward, backward, setup_context=setup)
    y = f.apply(x)
    y.sum().backward()
    return y, x.grad, y.grad_fn.count, attempt(lambda: f.apply()), attempt(lambda: f.apply(x, 1, 2))


def keyword_arguments(torch):
    x = _leaf(torch, 1, 2)
    return attempt(lambda: _square(torch).apply(x=x))


def several_outputs(torch):
    seen = []

    def forward(ctx, x):
        return x * 2, x * 3, x * 4

    def backward(ctx, a, b, c):
        seen.append((a, b, c))
        return a * 2 + b * 3 + c * 4

    f = _with(torch, forward, backward)
    x = _leaf(torch, 1, 2)
    a, _b, c = f.apply(x)
    (a + c).sum().backward()
    return seen, x.grad, type(f.apply(x)) is tuple


def no_materialized_grads(torch):
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, a, b):
        seen.append((a, b))
        return None if a is None else a * 2

    f = _with(torch, forward, backward)
    x = _leaf(torch, 1, 2)
    f.apply(x)[0].sum().backward()
    first = x.grad.clone()
    f.apply(x)[1].sum().backward()
    return seen, first, x.grad


def list_of_outputs(torch):
    f = _with(torch, lambda ctx, x: [x * 2, x * 3], lambda ctx, a, b: a + b)
    return attempt(lambda: f.apply(_leaf(torch, 1.0)))


def outputs_that_are_not_tensors(torch):
    seen = []

    def forward(ctx, x):
        return x * 2, "text", None, 3

    def backward(ctx, *gs):
        seen.append(gs)
        return gs[0] * 2

    x = _leaf(torch, 1, 2)
    out = _with(torch, forward, backward).apply(x)
    out[0].sum().backward()
    return out, seen, x.grad


def one_output_not_a_tensor(torch):
    return attempt(
        lambda: _with(torch, lambda ctx, x: 3, lambda ctx, g: g).apply(_leaf(torch, 1.0))
    )


def integer_output(torch):
    seen = []

    def forward(ctx, x):
        return x * 2, (x * 2).long()

    def backward(ctx, g, h):
        seen.append((g, h))
        return g * 2

    x = _leaf(torch, 1.5, 2)
    y, n = _with(torch, forward, backward).apply(x)
    y.sum().backward()
    return y, n, n.requires_grad, n.grad_fn, seen, x.grad


def mark_non_differentiable(torch):
    seen = []

    def forward(ctx, x):
        a, b = x * 2, x * 3
        ctx.mark_non_differentiable(b)
        return a, b

    def backward(ctx, g, h):
        seen.append((g, h))
        return g * 2

    x = _leaf(torch, 1, 2)
    a, b = _with(torch, forward, backward).apply(x)
    a.sum().backward()
    return a, b, b.requires_grad, seen, x.grad


def returning_the_input(torch):
    f = _with(torch, lambda ctx, x: x, lambda ctx, g: g * 5)
    x = _leaf(torch, 1, 2)
    y = f.apply(x)
    y.sum().backward()
    return y, y is x, x.grad, y.data_ptr() == x.data_ptr(), y._is_view(), x.requires_grad, x.is_leaf


def returning_the_input_of_no_gradient(torch):
    f = _with(torch, lambda ctx, x: x, lambda ctx, g: g * 5)
    x = torch.ones(2)
    y = f.apply(x)
    with torch.no_grad():
        z = f.apply(_leaf(torch, 1.0))
    return y, y is x, y._is_view(), z, z.requires_grad


def returning_the_input_twice(torch):
    f = _with(torch, lambda ctx, x: (x, x), lambda ctx, g, h: g * 5 + h)
    x = _leaf(torch, 1, 2)
    a, b = f.apply(x)
    (a * 2 + b).sum().backward()
    return a, b, a is b, x.grad


def returning_the_input_marked_non_differentiable(torch):
    def forward(ctx, x):
        ctx.mark_non_differentiable(x)
        return x

    f = _with(torch, forward, lambda ctx, g: g * 5)
    x = _leaf(torch, 1, 2)
    y = f.apply(x)
    return y, y is x, y.requires_grad, x.requires_grad


def returning_a_view(torch):
    f = _with(torch, lambda ctx, x: x[:2], lambda ctx, g: torch.cat([g, g[:1] * 0]))
    x = _leaf(torch, 1, 2, 3)
    base = x * 1
    y = f.apply(base)
    y.sum().backward()

    def write():
        y2 = f.apply(x * 1)
        y2.mul_(2)
        return y2

    return y, x.grad, y._is_view(), attempt(write)


def returning_a_view_then_writing_the_base(torch):
    f = _with(torch, lambda ctx, x: x.view(3), lambda ctx, g: g * 7)
    base = _leaf(torch, 1, 2, 3) * 1
    y = f.apply(base)
    base.mul_(2)
    return attempt(lambda: y.grad_fn), attempt(lambda: (y * 2).sum().backward()), y.detach()


def returning_two_views(torch):
    f = _with(torch, lambda ctx, x: (x[:1], x[1:]), lambda ctx, g, h: torch.cat([g, h]))
    x = _leaf(torch, 1, 2, 3)
    a, b = f.apply(x * 1)
    return a, b, attempt(lambda: a.mul_(2))


def mark_dirty(torch):
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    f = _with(torch, forward, lambda ctx, g: g * 3)
    x = _leaf(torch, 1, 2)
    mid = x * 1
    before = mid._version
    y = f.apply(mid)
    y.sum().backward()
    return y, y is mid, x.grad, before, mid._version, mid.grad_fn.name()


def mark_dirty_leaf(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x

    f = _with(torch, forward, lambda ctx, g: g * 3)
    return attempt(lambda: f.apply(_leaf(torch, 1, 2))), f.apply(torch.ones(2))


def mark_dirty_not_returned(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x * 2

    f = _with(torch, forward, lambda ctx, g: g * 3)
    return attempt(lambda: f.apply(_leaf(torch, 1, 2) * 1))


def mark_dirty_not_an_input(torch):
    def forward(ctx, x):
        y = x * 2
        ctx.mark_dirty(y)
        return y

    f = _with(torch, forward, lambda ctx, g: g * 3)
    return warned(lambda: f.apply(_leaf(torch, 1, 2) * 1))


def mark_dirty_not_a_tensor(torch):
    def forward(ctx, x):
        ctx.mark_dirty("text")
        return x * 2

    f = _with(torch, forward, lambda ctx, g: g * 3)
    return attempt(lambda: f.apply(_leaf(torch, 1, 2) * 1))


def mark_dirty_view(torch):
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    f = _with(torch, forward, lambda ctx, g: g * 3)
    x = _leaf(torch, 1, 2, 3)
    base = x * 1
    part = base[:2]
    y = f.apply(part)
    base.sum().backward()
    return y, y is part, base, x.grad, part.grad_fn.name()


def mark_dirty_view_with_two_outputs(torch):
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x, x * 2

    f = _with(torch, forward, lambda ctx, g, h: g * 3)
    return attempt(lambda: f.apply((_leaf(torch, 1, 2, 3) * 1)[:2]))


def mark_dirty_that_was_saved_before(torch):
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    f = _with(torch, forward, lambda ctx, g: g * 3)
    mid = _leaf(torch, 1, 2) * 1
    y = mid * mid
    f.apply(mid)
    return attempt(lambda: y.sum().backward())


def in_place_without_mark_dirty(torch):
    def forward(ctx, x):
        x.mul_(3)
        return x

    f = _with(torch, forward, lambda ctx, g: g * 3)
    x = _leaf(torch, 1, 2)
    mid = x * 1
    y = f.apply(mid)
    y.sum().backward()
    return y, y is mid, x.grad


def saved_modified(torch):
    mid = _leaf(torch, 1, 2) * 1
    y = _square(torch).apply(mid)
    mid.add_(1)
    return attempt(lambda: y.sum().backward()), attempt(lambda: y.grad_fn.saved_tensors)


def saved_output_modified(torch):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    y = _with(torch, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(_leaf(torch, 1, 2))
    y.add_(1)
    return attempt(lambda: y.sum().backward())


def backward_twice(torch):
    y = _square(torch).apply(_leaf(torch, 1, 2)).sum()
    y.backward()
    return attempt(y.backward), attempt(lambda: y.grad_fn.next_functions[0][0].saved_tensors)


def backward_twice_with_nothing_saved(torch):
    f = _with(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 2)
    x = _leaf(torch, 1, 2)
    y = f.apply(x)
    y.backward(torch.ones(2))
    second = attempt(lambda: y.backward(torch.ones(2)))
    return second, x.grad, attempt(lambda: y.grad_fn.saved_tensors)


def retained(torch):
    x = _leaf(torch, 1, 2)
    y = _square(torch).apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def saved_tensors_seen(torch):
    x = _leaf(torch, 1, 2)
    mid = x * 2
    y = _square(torch).apply(mid)
    (saved,) = y.grad_fn.saved_tensors
    leaf = _square(torch).apply(x).grad_fn.saved_tensors[0]
    return saved, leaf is x, y.grad_fn.next_functions, y.grad_fn.needs_input_grad


def save_none(torch):
    def forward(ctx, x):
        ctx.save_for_backward(None, x, None)
        return x * x

    def backward(ctx, g):
        a, x, b = ctx.saved_tensors
        return g * 2 * x if a is None and b is None else None

    x = _leaf(torch, 1, 2)
    _with(torch, forward, backward).apply(x).sum().backward()
    return x.grad


def save_not_a_tensor(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x, 3)
        return x * x

    f = _with(torch, forward, lambda ctx, g: g)
    return attempt(lambda: f.apply(_leaf(torch, 1, 2))), f.apply(torch.ones(1))


def save_intermediate(torch):
    def forward(ctx, x):
        mid = x * 2
        ctx.save_for_backward(mid)
        return mid * mid

    def backward(ctx, g):
        (mid,) = ctx.saved_tensors
        return g * 4 * mid

    x = _leaf(torch, 1, 2)
    y = _with(torch, forward, backward).apply(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return g, g.requires_grad, attempt(lambda: torch.autograd.grad(g.sum(), x))


def save_twice_keeps_the_last(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_backward(x * 2)
        return x * x

    x = _leaf(torch, 1, 2)
    y = _with(torch, forward, lambda ctx, g: g).apply(x)
    return y.grad_fn.saved_tensors


def saved_in_forward(torch):
    seen = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        seen.append(attempt(lambda: ctx.saved_tensors))
        seen.append(attempt(lambda: ctx.to_save))
        return x * x

    _with(torch, forward, lambda ctx, g: g).apply(_leaf(torch, 1, 2))
    return seen


def saved_without_recording(torch):
    contexts = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        contexts.append(ctx)
        return x * x

    f = _with(torch, forward, lambda ctx, g: g)
    f.apply(torch.ones(2))
    return attempt(lambda: contexts[0].saved_tensors), contexts[0].needs_input_grad


def setup_context_saving_the_returned_input(torch):
    def setup(ctx, inputs, output):
        ctx.save_for_backward(output)

    f = _with(torch, lambda x: x, lambda ctx, g: g, setup_context=setup)
    return attempt(lambda: f.apply(_leaf(torch, 1, 2)))


def too_few_gradients(torch):
    f = _with(torch, lambda ctx, a, b: a * b, lambda ctx, g: g)
    y = f.apply(_leaf(torch, 1, 2), _leaf(torch, 1, 2))
    return attempt(lambda: y.sum().backward())


def too_many_gradients(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: (g, g))
    x = _leaf(torch, 1, 2)
    wrong = attempt(lambda: f.apply(x).sum().backward())
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: (g, None, None))
    f.apply(x).sum().backward()
    return wrong, x.grad


def gradient_for_a_number(torch):
    f = _with(torch, lambda ctx, a, n: a * n, lambda ctx, g: (g, g))
    return attempt(lambda: f.apply(_leaf(torch, 1, 2), 3).sum().backward())


def gradient_for_a_tensor_that_needs_none(torch):
    f = _with(torch, lambda ctx, a, b: a * b, lambda ctx, g: (g, g))
    a, b = _leaf(torch, 1, 2), torch.ones(2)
    f.apply(a, b).sum().backward()
    return a.grad, b.grad


def gradient_of_the_wrong_shape(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: torch.ones(3))
    return attempt(lambda: f.apply(_leaf(torch, 1, 2)).sum().backward())


def gradient_that_broadcast(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: torch.ones(5, 2))
    x = _leaf(torch, 1, 2)
    f.apply(x).sum().backward()
    g = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: torch.tensor(1.0))
    small = attempt(lambda: g.apply(_leaf(torch, 1, 2)).sum().backward())
    h = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: torch.ones(1, 2))
    z = _leaf(torch, 1, 2)
    h.apply(z).sum().backward()
    return x.grad, small, z.grad


def gradient_of_another_dtype(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: g.double())
    x = _leaf(torch, 1, 2)
    f.apply(x).sum().backward()
    h = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: torch.ones(2, dtype=torch.int64))
    z = _leaf(torch, 1, 2)
    h.apply(z).sum().backward()
    return x.grad, z.grad


def complex_gradient_of_a_real_input(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: g * (1 + 2j))
    x = _leaf(torch, 1, 2)
    return attempt(lambda: f.apply(x).sum().backward()), x.grad


def gradient_that_is_no_tensor(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: 3.0)
    return attempt(lambda: f.apply(_leaf(torch, 1, 2)).sum().backward())


def gradient_none(torch):
    f = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: None)
    x = _leaf(torch, 1, 2)
    f.apply(x).sum().backward()
    f.apply(x * 2).sum().backward()
    return (
        x.grad,
        attempt(lambda: torch.autograd.grad(f.apply(x).sum(), x)),
        torch.autograd.grad(f.apply(x).sum(), x, allow_unused=True),
    )


def gradient_none_into_a_function(torch):
    seen = []

    def backward(ctx, g):
        seen.append(g)
        return g * 2

    inner = _with(torch, lambda ctx, a: a * 2, backward)
    outer = _with(torch, lambda ctx, a: a * 2, lambda ctx, g: None)
    x = _leaf(torch, 1, 2)
    outer.apply(inner.apply(x)).sum().backward()
    return seen, x.grad


def gradients_as_a_list(torch):
    f = _with(torch, lambda ctx, a, b: a * b, lambda ctx, g: [g, g])
    a, b = _leaf(torch, 1, 2), _leaf(torch, 1, 2)
    return attempt(lambda: f.apply(a, b).sum().backward()), a.grad, b.grad


def error_in_forward(torch):
    def forward(ctx, x):
        raise KeyError("mine")

    f = _with(torch, forward, lambda ctx, g: g)
    return attempt(lambda: f.apply(_leaf(torch, 1.0))), torch.is_grad_enabled()


def error_in_backward(torch):
    def backward(ctx, g):
        raise KeyError("mine")

    f = _with(torch, lambda ctx, x: x * 2, backward)
    x = _leaf(torch, 1.0)
    return attempt(lambda: f.apply(x).sum().backward()), torch.is_grad_enabled(), x.grad


def no_backward(torch):
    f = type("Half", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x / 2)})
    return attempt(lambda: f.apply(_leaf(torch, 1.0)).sum().backward())


def no_forward(torch):
    f = type("Empty", (torch.autograd.Function,), {})
    return attempt(lambda: f.apply(_leaf(torch, 1.0)))


def instantiated(torch):
    f = _square(torch)
    made, lines = warned(f)
    return lines and lines[0].split("should")[1], attempt(lambda: made(_leaf(torch, 1.0)))


def vjp_instead_of_backward(torch):
    def vjp(ctx, g):
        return g * 3

    f = type(
        "V",
        (torch.autograd.Function,),
        {"forward": staticmethod(lambda ctx, x: x * 3), "vjp": staticmethod(vjp)},
    )
    x = _leaf(torch, 1, 2)
    f.apply(x).sum().backward()
    both = _with(torch, lambda ctx, x: x * 3, lambda ctx, g: g, vjp=vjp)
    return x.grad, attempt(lambda: both.apply(x).sum().backward())


def once_differentiable(torch):
    mark = torch.autograd.function.once_differentiable

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x

    f = _with(torch, forward, mark(backward))
    x = _leaf(torch, 1, 2)
    f.apply(x).sum().backward()
    (g,) = torch.autograd.grad((f.apply(x) * x).sum(), x, create_graph=True)
    return x.grad, g, attempt(lambda: g.sum().backward())


def once_differentiable_of_two(torch):
    mark = torch.autograd.function.once_differentiable
    f = _with(torch, lambda ctx, a, b: a * b, mark(lambda ctx, g: (g, g * 2)))
    a, b = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    out = (f.apply(a, b) * a).sum()
    ga, gb = torch.autograd.grad(out, (a, b), create_graph=True)
    return ga, gb, gb.grad_fn.name(), attempt(lambda: gb.sum().backward())


def nested_tensors_are_not_seen(torch):
    def forward(ctx, pair):
        return pair[0] * pair[1]

    f = _with(torch, forward, lambda ctx, g: None)
    y = f.apply((_leaf(torch, 1, 2), _leaf(torch, 3, 4)))
    return y, y.requires_grad


def same_tensor_twice(torch):
    f = _with(torch, lambda ctx, a, b: a * b, lambda ctx, g: (g, g * 10))
    x = _leaf(torch, 1, 2)
    f.apply(x, x).sum().backward()
    return x.grad


def under_no_grad(torch):
    with torch.no_grad():
        y = _square(torch).apply(_leaf(torch, 1, 2))
    return y, y.grad_fn


def chained_with_ops(torch):
    f = _square(torch)
    x = _leaf(torch, 1, 2)
    y = f.apply(f.apply(x).sin() + x)
    y.sum().backward()
    return x.grad


def mutated_output(torch):
    x = _leaf(torch, 1, 2)
    y = _square(torch).apply(x)
    y.mul_(2)
    y.sum().backward()
    return x.grad, y.grad_fn.name()


def requires_grad_inside_enable_grad(torch):
    def forward(ctx, x):
        with torch.enable_grad():
            inner = x.detach().requires_grad_()
            y = (inner * inner).sum()
            (ctx.g,) = torch.autograd.grad(y, inner)
        return y.detach()

    x = _leaf(torch, 1, 2)
    f = _with(torch, forward, lambda ctx, g: g * ctx.g)
    f.apply(x).backward()
    return x.grad


def recorded_output(torch):
    def forward(ctx, x):
        with torch.enable_grad():
            return x * 3

    f = _with(torch, forward, lambda ctx, g: g * 5)
    x = _leaf(torch, 1, 2)
    y = f.apply(x)
    y.sum().backward()
    return y, x.grad


def ctx_attributes(torch):
    contexts = []

    def forward(ctx, x):
        ctx.anything = 5
        ctx.names = ["a"]
        contexts.append(ctx)
        return x * 2

    def backward(ctx, g):
        contexts.append(ctx)
        return g * ctx.anything

    x = _leaf(torch, 1.0)
    y = _with(torch, forward, backward).apply(x)
    y.sum().backward()
    return (
        contexts[0] is contexts[1],
        x.grad,
        y.grad_fn.anything,
        isinstance(y.grad_fn, torch.autograd.graph.Node),
    )


def metadata_and_hooks(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = _square(torch).apply(x)
    y.grad_fn.metadata["mine"] = 3
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
    y.sum().backward()
    return seen, x.grad, y.grad_fn.metadata


def inherited(torch):
    base = _square(torch)

    class Scaled(base):
        @staticmethod
        def backward(ctx, g):
            return 100 * base.backward(ctx, g)

    x = _leaf(torch, 1, 2)
    y = Scaled.apply(x)
    y.sum().backward()
    return x.grad, y.grad_fn.name()


def save_for_forward(torch):
    def forward(ctx, x):
        ctx.save_for_forward(x)
        ctx.save_for_backward(x)
        return x * 2

    def bad(ctx, x):
        ctx.save_for_forward(3)
        return x

    x = _leaf(torch, 1.0)
    return (
        _with(torch, forward, lambda ctx, g: g).apply(x),
        attempt(lambda: _with(torch, bad, lambda ctx, g: g).apply(x)),
    )


def mark_non_differentiable_wrong(torch):
    def text(ctx, x):
        ctx.mark_non_differentiable("text")
        return x * 2

    def other(ctx, x):
        ctx.mark_non_differentiable(torch.ones(1))
        return x * 2

    x = _leaf(torch, 1.0)
    return (
        attempt(lambda: _with(torch, text, lambda ctx, g: g).apply(x)),
        attempt(lambda: _with(torch, other, lambda ctx, g: g).apply(x)),
    )


def complex_function(torch):
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return g * (2 * z).conj()

    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = _with(torch, forward, backward).apply(z)
    y.abs().sum().backward()
    return y, z.grad


def gradient_kept_by_the_user(torch):
    kept = []

    def backward(ctx, g):
        out = g * 2
        kept.append(out)
        return out

    x = _leaf(torch, 1, 2)
    f = _with(torch, lambda ctx, a: a * 2, backward)
    f.apply(x).sum().backward()
    f.apply(x).sum().backward()
    return x.grad, kept


def saved_tensor_returned_as_gradient(torch):
    w = torch.tensor([5.0, 6.0])

    def forward(ctx, a):
        ctx.save_for_backward(w)
        return (a * w).sum()

    x = _leaf(torch, 1, 2)
    f = _with(torch, forward, lambda ctx, g: ctx.saved_tensors[0])
    f.apply(x).backward()
    f.apply(x).backward()
    return x.grad, w


def function_on_inputs_of_grad(torch):
    x, y = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    calls = []

    def backward(ctx, g):
        calls.append(ctx.needs_input_grad)
        return g, g * 2

    out = _with(torch, lambda ctx, a, b: a * b, backward).apply(x * 2, y * 2)
    found = torch.autograd.grad(out.sum(), x)
    return found, calls, y.grad


def default_function_attributes(torch):
    f = torch.autograd.Function
    return (
        f.generate_vmap_rule,
        attempt(lambda: f.jvp(None)),
        attempt(lambda: f.vmap(None, None)),
        attempt(lambda: f.setup_context(None, (), None)),
    )


def clear_saved_on_access(torch):
    f = _square(torch)
    f.clear_saved_tensors_on_access = True
    x = _leaf(torch, 1, 2)
    y = f.apply(x)
    y.sum().backward()
    return x.grad, attempt(lambda: y.grad_fn.saved_tensors)


def boxed_grads(torch):
    f = _with(
        torch,
        lambda ctx, a: (a * 2, a * 3),
        lambda ctx, gs: gs.pop() + gs.pop(),
        boxed_grads_call=True,
    )
    x = _leaf(torch, 1, 2)
    a, b = f.apply(x)
    (a + 2 * b).sum().backward()
    return x.grad
