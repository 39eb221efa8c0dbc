"""Nodes, views, writes and hooks: what the documentation notes, and combinations of them."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


# ---------------------------------------------------------------- nodes


def rules_called_by_hand(torch):
    x = _leaf(torch, 1, 2)
    z = x.exp()
    z.sum().backward()
    return [
        (x * 3).grad_fn(torch.ones(2)),
        (x**3).grad_fn(torch.ones(2)),
        x.sum().grad_fn(torch.tensor(2.0)),
        (x * x).grad_fn(torch.ones(2)),
        attempt(lambda: z.grad_fn(torch.ones(2))),
    ]


def saved_by_name(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    cube = (x**3).grad_fn
    return [
        cube._saved_self,
        cube._saved_exponent,
        attempt(lambda: cube._saved_nothing),
        x.sum(0).grad_fn._saved_self_sym_sizes,
        x.sum(0).grad_fn._saved_keepdim,
        (x**w).grad_fn._saved_exponent,
        x.sigmoid().grad_fn._saved_result,
        (x / w).grad_fn._saved_other,
        torch.where(x > 1, x, w).grad_fn._saved_condition,
    ]


def first_gradient_with_graph_is_a_copy(torch):
    x = _leaf(torch, 1, 2)
    (x**3).sum().backward(create_graph=True)
    first = [x.grad.detach(), x.grad.grad_fn.name(), len(x.grad.grad_fn.next_functions)]
    (x**2).sum().backward(create_graph=True)
    w = torch.tensor(2.0, requires_grad=True)
    (w * 2).backward(create_graph=True)
    return first, x.grad.detach(), x.grad.grad_fn.name(), w.grad


def hooks_and_grad_of_inner_nodes(torch):
    x = _leaf(torch, 1, 2)
    z = x * 3
    z.register_hook(lambda g: g * 10)
    out = (z * z).sum()
    grad = torch.autograd.grad
    return [
        grad(out, [z, x], retain_graph=True),
        grad(out, z, retain_graph=True),
        grad(out, x, retain_graph=True),
        grad(out, [x, z], create_graph=True)[1].detach(),
    ]


def sequence_numbers(torch):
    x = _leaf(torch, 1, 2)
    a = x * 2
    b = a.sin()
    return a.grad_fn._sequence_nr() < b.grad_fn._sequence_nr()


# ---------------------------------------------------------------- views


def view_facts(torch):
    x = torch.arange(6.0).reshape(2, 3)
    y = torch.arange(6.0)
    made = [y.view(2, 3), y[1:], y.reshape(3, 2), y.unsqueeze(0), y.detach(), y.expand(2, 6),
            y.t(), y.clone(), y + 0, x.t(), x.diagonal(), x.unbind()[0], x.chunk(2)[0],
            x.real]  # fmt: skip
    return [(t._is_view(), t._base is y) for t in made]


def in_place_through_four_views(torch):
    x = _leaf(torch, *range(12))
    y = x * 1
    v = y.view(3, 4).t()[1:].unsqueeze(0).squeeze(0)[:, 1]
    v.mul_(10).add_(1)
    (y * y).sum().backward()
    return y, v, v.grad_fn.name(), y.grad_fn.name(), x.grad


def every_multi_output_view(torch):
    found = []
    for f in (
        lambda t: t.unbind(0)[0],
        lambda t: t.split(1)[0],
        lambda t: t.chunk(2)[0],
        lambda t: t.split([1, 1])[0],
        lambda t: torch.tensor_split(t, 2)[0],
        lambda t: next(iter(t)),
        lambda t: t.hsplit(2)[0],
    ):
        x = torch.ones(2, 2, requires_grad=True)
        v = f(x * 1)
        found.append(attempt(lambda v=v: v.mul_(2)))
        u = f(torch.ones(2, 2))
        found.append(attempt(lambda u=u: u.mul_(2)))
    return found


def no_grad_views_of_every_kind(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    with torch.no_grad():
        v = y[:2]
        c = x[:2]
    return [
        attempt(lambda: v.mul_(2)),
        attempt(lambda: c.mul_(2)),
        v.requires_grad,
        c.requires_grad,
        v._is_view(),
        attempt(lambda: v.detach().mul_(3)),
        y,
    ]


def writing_a_view_with_a_recorded_value(torch):
    a, b = _leaf(torch, 1, 2, 3), _leaf(torch, 10)
    base = torch.zeros(3)
    base[1:2] = b
    base[0] = a[2] * 2
    base[torch.tensor([2])] += a[:1]
    base.sum().backward()
    return base, a.grad, b.grad


def writing_under_no_grad_keeps_the_graph(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    with torch.no_grad():
        y.mul_(10)
    y.sum().backward()
    return y, x.grad, y._version


def leaves_and_views_of_leaves(torch):
    x = _leaf(torch, 1, 2)
    return [
        attempt(lambda: x.add_(1)),
        attempt(lambda: x[0].add_(1)),
        attempt(lambda: x.view(1, 2).zero_()),
        attempt(lambda: x.__setitem__(0, 5.0)),
        attempt(lambda: x.detach().add_(1)),
        attempt(lambda: x.data.add_(1)),
        x,
        x._version,
    ]


def detach_in_place_of_views(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    return [
        attempt(lambda: y[:1].detach_()),
        attempt(lambda: y.detach_().requires_grad),
        y.is_leaf,
        attempt(lambda: y[:1].detach_().requires_grad),
    ]


def requires_grad_of_views(torch):
    x = torch.ones(3)
    v = x[:2]
    v.requires_grad_()
    y = v * 2
    y.sum().backward()
    return [
        v.is_leaf,
        x.requires_grad,
        v.grad,
        x.grad,
        attempt(lambda: v.mul_(2)),
        attempt(lambda: x.mul_(2)),
        attempt(lambda: (x * 1).requires_grad_(False).requires_grad),
        attempt(lambda: y.requires_grad_(False)),
        attempt(lambda: setattr(y, "requires_grad", False)),
        attempt(lambda: torch.ones(2, dtype=torch.int64).requires_grad_()),
    ]


def gradient_assignments(torch):
    x = _leaf(torch, 1, 2)

    def assign(value):
        x.grad = value
        return x.grad

    return [
        attempt(lambda: assign(torch.ones(2))),
        attempt(lambda: assign(None)),
        attempt(lambda: assign(torch.ones(3))),
        attempt(lambda: assign(torch.ones(2, dtype=torch.float64))),
        attempt(lambda: assign(3.0)),
        attempt(lambda: assign(x)),
        attempt(lambda: assign(torch.ones(2, requires_grad=True)).requires_grad),
        attempt(lambda: assign(torch.ones(2, dtype=torch.int64))),
        warned(lambda: (x * 2).grad),
    ]


def data_assignments(torch):
    x = _leaf(torch, 1, 2)

    def assign(value):
        x.data = value
        return x

    return [
        attempt(lambda: assign(torch.tensor([5.0, 6.0]))),
        attempt(lambda: assign(torch.ones(3))),
        attempt(lambda: assign(torch.ones(2, dtype=torch.float64)).dtype),
        attempt(lambda: assign(torch.ones(2, dtype=torch.int64))),
        attempt(lambda: assign([1.0, 2.0])),
        x._version,
        attempt(lambda: torch.ones(2).set_(torch.arange(3.0))),
        attempt(lambda: _leaf(torch, 1, 2).set_(torch.arange(3.0))),
    ]


def out_arguments(torch):
    x, o = _leaf(torch, 1, 2), torch.empty(2)
    r = torch.empty(2, requires_grad=True)
    return [
        attempt(lambda: torch.sin(x, out=o)),
        attempt(lambda: torch.add(torch.ones(2), 1, out=r)),
        attempt(lambda: torch.matmul(torch.eye(2), x, out=o)),
        attempt(lambda: torch.cat([x, x], out=torch.empty(4))),
        attempt(lambda: torch.sin(x.detach(), out=o)),
    ]


def saved_and_written_in_every_way(torch):
    def program(write):
        x = _leaf(torch, 1, 2, 3)
        y = x * 1
        z = y * y
        write(y)
        return attempt(lambda: z.sum().backward())

    return [
        program(lambda y: y.add_(1)),
        program(lambda y: y[0].zero_()),
        program(lambda y: y.view(3, 1).fill_(1)),
        program(lambda y: y.detach().mul_(2)),
        program(lambda y: y.data.mul_(2)),
        program(lambda y: y.__setitem__(slice(1), 0.0)),
        program(lambda y: y.copy_(torch.zeros(3))),
        program(lambda y: torch.autograd.graph.increment_version(y)),
        program(lambda y: y.clone().mul_(2)),
    ]


# ---------------------------------------------------------------- hooks


def handles_in_every_way(torch):
    x = _leaf(torch, 1, 2)
    seen = []
    with x.register_hook(lambda g: seen.append("inside")):
        x.sum().backward()
    x.sum().backward()
    handle = x.register_hook(lambda g: seen.append("again"))
    other = x.register_hook(lambda g: seen.append("other"))
    x.sum().backward()
    handle.remove()
    handle.remove()
    x.sum().backward()
    other.remove()
    x.sum().backward()
    return seen


def hooks_of_views_and_written_tensors(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(["y before", g.tolist()]))
    v = y[:2]
    v.register_hook(lambda g: seen.append(["v before", g.tolist()]))
    y.mul_(2)
    y.register_hook(lambda g: seen.append(["y after", g.tolist()]))
    (y.sum() + v.sum()).backward()
    return seen, x.grad


def multi_grad_hooks(torch):
    a, b, c = _leaf(torch, 1), _leaf(torch, 2), _leaf(torch, 3)
    seen = []
    show = lambda gs: seen.append([None if g is None else g.tolist() for g in gs])  # noqa: E731
    handle = torch.autograd.graph.register_multi_grad_hook((a, b, c), show)
    first = torch.autograd.graph.register_multi_grad_hook(
        (a, b), lambda g: seen.append(["any", g.tolist()]), mode="any"
    )
    (a * b).sum().backward()
    (a * b * c).sum().backward()
    c.sum().backward()
    handle.remove()
    first.remove()
    (a * b).sum().backward()
    return seen


def post_accumulate_and_tensor_hooks(torch):
    x = _leaf(torch, 1, 2)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(["post", t.grad.tolist()]))
    x.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: seen.append(["hook", g.tolist()]))
    (x * x).sum().backward()
    (x * x).sum().backward()
    torch.autograd.grad((x * x).sum(), x)
    return seen, x.grad


# ---------------------------------------------------------------- anomaly mode


def anomaly_switches(torch):
    found = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    with torch.autograd.detect_anomaly(check_nan=False):
        found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    with torch.autograd.set_detect_anomaly(True):
        found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.autograd.set_detect_anomaly(True, check_nan=False)
    found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.autograd.set_detect_anomaly(False)
    return [*found, torch.is_anomaly_enabled()]


def anomaly_finds_the_first_nan(torch):
    x = _leaf(torch, 0, 1)

    def run():
        with torch.autograd.detect_anomaly():
            (x.sqrt() * 0).sum().backward()

    value, warnings = warned(run)
    return value, [w.split(" Traceback")[0][:60] for w in warnings]


# ---------------------------------------------------------------- modes


def modes_as_decorators_and_functions(torch):
    x = _leaf(torch, 1, 2)

    @torch.no_grad()
    def quiet(t):
        return t * 2

    @torch.no_grad
    def bare(t):
        return t * 2

    @torch.enable_grad()
    def loud(t):
        return t * 2

    @torch.set_grad_enabled(False)
    def off(t):
        return t * 2

    @torch.inference_mode()
    def inference(t):
        return t * 2

    with torch.no_grad():
        inside = loud(x).requires_grad
    return [
        quiet(x).requires_grad,
        bare(x).requires_grad,
        inside,
        off(x).requires_grad,
        inference(x).is_inference(),
        torch.is_grad_enabled(),
    ]


def inference_tensors(torch):
    with torch.inference_mode():
        t = torch.ones(2)
        u = t * 2
    x = _leaf(torch, 1, 2)
    return [
        t.is_inference(),
        u.is_inference(),
        attempt(lambda: (x * t).sum().backward()),
        attempt(lambda: t.requires_grad_()),
        attempt(lambda: t.add_(1)),
        attempt(lambda: t._version),
        attempt(lambda: t.clone().requires_grad_().requires_grad),
        attempt(lambda: t.view(2, 1).is_inference()),
        (x + t).requires_grad,
    ]


def grad_mode_in_generators(torch):
    @torch.no_grad()
    def numbers():
        for _ in range(2):
            yield torch.is_grad_enabled()

    return [(inside, torch.is_grad_enabled()) for inside in numbers()]
