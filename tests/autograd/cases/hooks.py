"""Hooks on tensors, leaves and nodes: when they run, what they may change, what they refuse."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def leaf_hook(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    x.register_hook(seen.append)
    (x * x).sum().backward()
    (x * x).sum().backward()
    return seen, x.grad


def leaf_hook_runs_once_on_the_sum(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    x.register_hook(seen.append)
    (x * 2 + x * 3 + x).sum().backward()
    return seen, x.grad


def leaf_hook_replaces(torch):
    x = _leaf(torch, 1, 2)
    x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: None)
    (x * x).sum().backward()
    return x.grad, torch.autograd.grad((x * x).sum(), x)


def non_leaf_hook(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 3
    y.register_hook(lambda g: seen.append(g))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g))
    (y * y).sum().backward()
    return seen, x.grad, torch.autograd.grad((x * 3).sum(), x)


def hook_order_along_a_chain(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    a = x * 2
    b = a.sin()
    for name, t in (("x", x), ("a", a), ("b", b)):
        t.register_hook(lambda g, name=name: seen.append(name))
        t.register_hook(lambda g, name=name: seen.append(name + "2"))
    b.sum().backward()
    return seen


def leaf_hook_runs_as_soon_as_it_can(torch):
    seen = []
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    x.register_hook(lambda g: seen.append("x"))
    w.register_hook(lambda g: seen.append("w"))
    a = x * 2
    a.register_hook(lambda g: seen.append("a"))
    b = a * w
    b.register_hook(lambda g: seen.append("b"))
    b.sum().backward()
    return seen


def post_accumulate(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    x.register_post_accumulate_grad_hook(
        lambda p: seen.append((p is x, p.grad.clone(), torch.is_grad_enabled()))
    )
    x.register_hook(lambda g: g * 10)
    (x * x).sum().backward()
    (x * x).sum().backward()
    torch.autograd.grad((x * x).sum(), x)
    return seen, x.grad


def post_accumulate_stepping_and_clearing(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    seen = []

    def step(p):
        with torch.no_grad():
            p -= 0.1 * p.grad
        seen.append(p.grad)
        p.grad = None

    for p in (x, w):
        p.register_post_accumulate_grad_hook(step)
    (x * w).sum().backward()
    return x, w, x.grad, w.grad, len(seen)


def post_accumulate_order(torch):
    seen = []
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    a = x * 2
    b = a * w
    x.register_post_accumulate_grad_hook(lambda p: seen.append("x"))
    w.register_post_accumulate_grad_hook(lambda p: seen.append("w"))
    w.register_post_accumulate_grad_hook(lambda p: seen.append("w again"))
    a.register_hook(lambda g: seen.append("a"))
    b.sum().backward()
    return seen


def post_accumulate_refused(torch):
    x = _leaf(torch, 1, 2)
    return (
        attempt(lambda: (x * 2).register_post_accumulate_grad_hook(print)),
        attempt(lambda: torch.ones(2).register_post_accumulate_grad_hook(print)),
    )


def post_accumulate_returning(torch):
    x = _leaf(torch, 1, 2)
    x.register_post_accumulate_grad_hook(lambda p: torch.ones(2))
    return attempt(lambda: x.sum().backward()), x.grad


def post_accumulate_with_inputs(torch):
    seen = []
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    x.register_post_accumulate_grad_hook(lambda p: seen.append("x"))
    w.register_post_accumulate_grad_hook(lambda p: seen.append("w"))
    (x * w).sum().backward(inputs=[x])
    return seen, x.grad, w.grad


def hook_refused(torch):
    x = torch.ones(2)
    return attempt(lambda: x.register_hook(print))


def handle_removed(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    first = x.register_hook(lambda g: seen.append("first"))
    second = x.register_hook(lambda g: seen.append("second"))
    first.remove()
    x.sum().backward()
    first.remove()
    with x.register_hook(lambda g: seen.append("third")):
        x.sum().backward()
    x.sum().backward()
    second.remove()
    x.sum().backward()
    return seen, second.id > first.id


def hook_removed_while_running(torch):
    seen = []
    x = _leaf(torch, 1, 2)

    def once(g):
        seen.append("once")
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda g: seen.append("always"))
    x.sum().backward()
    x.sum().backward()
    return seen


def hook_of_wrong_shape(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.register_hook(lambda g: torch.ones(3))
    return attempt(lambda: y.sum().backward()), x.grad


def hook_of_wrong_type(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.register_hook(lambda g: 3.0)
    return attempt(lambda: y.sum().backward())


def hook_of_wrong_dtype(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.register_hook(lambda g: g.double())
    return attempt(lambda: y.sum().backward()), x.grad


def hook_raising(torch):
    x = _leaf(torch, 1, 2)

    def fails(g):
        raise KeyError("mine")

    y = x * 2
    y.register_hook(fails)
    first = attempt(lambda: y.sum().backward())
    z = _leaf(torch, 1, 2)
    z.register_hook(fails)
    return first, x.grad, attempt(lambda: (z * 2).sum().backward()), z.grad


def grad_mode_in_hooks(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * x
    y.register_hook(
        lambda g: seen.append((torch.is_grad_enabled(), g.requires_grad, (g * x).requires_grad))
    )
    x.register_hook(
        lambda g: seen.append((torch.is_grad_enabled(), g.requires_grad, (g * x).requires_grad))
    )
    y.sum().backward(retain_graph=True)
    torch.autograd.grad((y * y).sum(), x, create_graph=True)
    return seen


def hook_in_create_graph(torch):
    x = _leaf(torch, 1, 2)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


def hooks_and_in_place(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", g)))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", g)))
    y.sum().backward()
    return seen, x.grad


def retain_grad_and_in_place(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * 5).sum().backward()
    return y.grad, x.grad, y.retains_grad


def retain_grad_runs_after_hooks(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    z = x * 2
    z.register_hook(lambda g: g * 10)
    z.retain_grad()
    z.retain_grad()
    z.sum().backward()
    return y.grad, z.grad, x.grad


def retain_grad_accumulates(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.retain_grad()
    out = (y * y).sum()
    out.backward(retain_graph=True)
    first = y.grad
    out.backward()
    return y.grad, first is y.grad, x.retains_grad, attempt(lambda: torch.ones(1).retain_grad())


def retain_grad_of_a_leaf(torch):
    x = _leaf(torch, 1, 2)
    return x.retain_grad(), x.retains_grad


def hook_on_a_view(torch):
    seen = []
    x = _leaf(torch, 1, 2, 3)
    base = x * 1
    part = base[:2]
    part.register_hook(lambda g: seen.append(("part", g)))
    base.register_hook(lambda g: seen.append(("base", g)))
    (part * 2).sum().backward(retain_graph=True)
    (base * 5).sum().backward()
    return seen, x.grad


def hook_on_a_view_and_in_place(torch):
    seen = []
    x = _leaf(torch, 1, 2, 3)
    base = x * 1
    part = base[:2]
    base.register_hook(lambda g: seen.append(("base before", g)))
    part.mul_(3)
    part.register_hook(lambda g: seen.append(("part after", g)))
    base.register_hook(lambda g: seen.append(("base after", g)))
    (base.sum() + part.sum()).backward()
    return seen, x.grad


def hook_on_an_unused_output(torch):
    seen = []
    x = _leaf(torch, 1, 2, 3, 4)
    a, b = x.split(2)
    a.register_hook(lambda g: seen.append(("a", g)))
    b.register_hook(lambda g: seen.append(("b", g)))
    a.sum().backward()
    return seen, x.grad


def hooks_of_two_outputs(torch):
    seen = []
    x = _leaf(torch, 1, 2, 3, 4)
    a, b = x.split(2)
    a.register_hook(lambda g: g * 10)
    b.register_hook(lambda g: seen.append(("b", g)))
    (a.sum() + b.sum() * 2).backward()
    return seen, x.grad


def hook_after_forward(torch):
    x = _leaf(torch, 1, 2)
    y = x * x
    out = y.sum()
    y.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: g * 3)
    out.backward()
    return x.grad


def hook_on_the_root(torch):
    x = _leaf(torch, 1, 2)
    out = x.sum()
    out.register_hook(lambda g: g * 7)
    out.backward()
    y = _leaf(torch, 1.0)
    y.register_hook(lambda g: g * 7)
    y.backward()
    return x.grad, y.grad


def hook_of_an_input_of_grad(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append("x"))
    return torch.autograd.grad((y * y).sum(), y), seen


def backward_with_non_leaf_inputs(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    out = (y * y).sum()
    return attempt(lambda: out.backward(inputs=[y])), warned(lambda: y.grad)[0], x.grad


def node_hook(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 3
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    y.sum().backward()
    return seen, x.grad


def node_hook_replaces(torch):
    x = _leaf(torch, 1, 2)
    w = _leaf(torch, 3, 4)
    y = x * w
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, gi[1] * 100))
    y.sum().backward()
    return x.grad, w.grad


def node_hook_wrong(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    found = []
    for hook in (
        lambda gi, go: gi[0],
        lambda gi, go: (gi[0],),
        lambda gi, go: (gi[0], 3),
        lambda gi, go: (gi[0], torch.ones(3)),
        lambda gi, go: [gi[0], gi[1]],
        lambda gi, go: (gi[0], None),
        lambda gi: None,
    ):
        y = x * w
        y.grad_fn.register_hook(hook)
        found.append(attempt(lambda y=y: y.sum().backward()))
    z = x * 3
    z.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, torch.ones(2)))
    found.append(attempt(lambda: z.sum().backward()))
    return found


def node_prehook(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 3
    y.grad_fn.register_prehook(lambda go: seen.append(go))
    y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
    y.grad_fn.register_prehook(lambda go: seen.append(go))
    y.sum().backward()
    return seen, x.grad


def node_prehook_wrong(torch):
    x = _leaf(torch, 1, 2)
    found = []
    for hook in (
        lambda go: (),
        lambda go: go[0] * 2,
        lambda go: 3,
        lambda go: (torch.ones(3),),
        lambda go: (None,),
    ):
        y = x * 3
        y.grad_fn.register_prehook(hook)
        found.append(attempt(lambda y=y: y.sum().backward()))
    return found, x.grad


def order_of_all_kinds(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 3
    node = y.grad_fn
    node.register_hook(lambda gi, go: seen.append("post"))
    node.register_prehook(lambda go: seen.append("pre"))
    y.register_hook(lambda g: seen.append("tensor"))
    x.register_post_accumulate_grad_hook(lambda p: seen.append("after"))
    end = node.next_functions[0][0]
    end.register_prehook(lambda go: seen.append(("end pre", len(go))))
    end.register_hook(lambda gi, go: seen.append(("end post", len(gi), len(go))))
    x.register_hook(lambda g: seen.append("leaf"))
    y.sum().backward()
    return seen, x.grad


def accumulator_hook_replaces(torch):
    x = _leaf(torch, 1, 2)
    end = (x * 3).grad_fn.next_functions[0][0]
    end.register_prehook(lambda go: (go[0] * 10,))
    (x * 3).sum().backward()
    return x.grad, end.variable is x, end.name()


def node_hook_of_several_outputs(torch):
    seen = []
    x = _leaf(torch, 1, 2, 3, 4)
    a, b = x.split(2)
    a.grad_fn.register_prehook(lambda go: seen.append(go))
    a.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    (a * 2).sum().backward()
    return seen, a.grad_fn is b.grad_fn


def node_hook_handle(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 3
    handle = y.grad_fn.register_hook(lambda gi, go: seen.append("post"))
    pre = y.grad_fn.register_prehook(lambda go: seen.append("pre"))
    y.sum().backward(retain_graph=True)
    handle.remove()
    y.sum().backward(retain_graph=True)
    pre.remove()
    y.sum().backward()
    return seen


def node_hook_grad_mode(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * x
    y.grad_fn.register_hook(
        lambda gi, go: seen.append((torch.is_grad_enabled(), gi[0].requires_grad))
    )
    y.sum().backward(retain_graph=True)
    torch.autograd.grad(y.sum(), x, create_graph=True)
    return seen


def multi_all(torch):
    seen = []
    a, b = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    c, d = a * b, a * b
    handle = torch.autograd.graph.register_multi_grad_hook((a, b, c, d), lambda gs: seen.append(gs))
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=(a,), retain_graph=True)
    (c.sum() + d.sum()).backward(retain_graph=True)
    handle.remove()
    c.sum().backward()
    return seen


def multi_any(torch):
    seen = []
    a, b = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    c = a * b
    handle = torch.autograd.graph.register_multi_grad_hook(
        (a, b, c, torch.ones(1)), lambda g: seen.append(g), mode="any"
    )
    c.sum().backward(retain_graph=True)
    c.sum().backward(retain_graph=True)
    handle.remove()
    c.sum().backward()
    return seen


def multi_refused(torch):
    f = torch.autograd.graph.register_multi_grad_hook
    x = _leaf(torch, 1)
    return attempt(lambda: f((x,), print, mode="some")), attempt(lambda: f((torch.ones(1),), print))


def multi_order(torch):
    seen = []
    a, b = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    c = a * 2
    d = c * b
    torch.autograd.graph.register_multi_grad_hook((b, d), lambda gs: seen.append("multi"))
    c.register_hook(lambda g: seen.append("c"))
    a.register_hook(lambda g: seen.append("a"))
    d.sum().backward()
    return seen


def hook_calling_backward(torch):
    x, z = _leaf(torch, 1, 2), _leaf(torch, 5, 6)
    y = x * 2

    def inner(g):
        with torch.enable_grad():
            (z * z).sum().backward()

    y.register_hook(inner)
    y.sum().backward()
    return x.grad, z.grad


def leaves_in_order(torch):
    seen = []
    leaves = [_leaf(torch, i, i) for i in range(4)]
    for i, t in enumerate(leaves):
        t.register_hook(lambda g, i=i: seen.append(i))
    a, b, c, d = leaves
    ((a * b) + (c * d)).sum().backward()
    (d * c * b * a).sum().backward()
    return seen


def hooks_kept_by_the_graph(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    y = x * 2
    y.register_hook(lambda g: seen.append(1))
    z = y * 3
    del y
    z.sum().backward()
    return seen


def hook_of_a_leaf_made_later(torch):
    x = torch.ones(2)
    y = x.detach().requires_grad_()
    y.register_hook(lambda g: g * 2)
    y.requires_grad_(False)
    y.requires_grad_()
    (y * 3).sum().backward()
    return y.grad, x.grad


def zero_dim_hook(torch):
    seen = []
    x = torch.tensor(2.0, requires_grad=True)
    y = x * x
    y.register_hook(lambda g: seen.append(g))
    y.backward()
    return seen, x.grad


def hook_mutating_its_gradient(torch):
    x = _leaf(torch, 1, 2)
    y = x * 3
    y.register_hook(lambda g: g.mul_(2))
    y.sum().backward()
    return x.grad
