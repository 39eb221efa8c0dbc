"""`torch.autograd.graph`: nodes, gradient edges, saved-tensor hooks."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def node_facts(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    y = (x * w).sin()
    node = y.grad_fn
    before = node.next_functions[0][0]
    return (
        node.name(),
        node.next_functions,
        before.next_functions,
        before.next_functions[0][0].variable is x,
        before.next_functions[0][0] is before.next_functions[0][0],
        node.metadata,
        isinstance(node, torch.autograd.graph.Node),
        isinstance(before.next_functions[0][0], torch.autograd.graph.Node),
        y.grad_fn is node,
        issubclass(type(node), torch.autograd.graph.Node),
    )


def next_functions_of_numbers(torch):
    x = _leaf(torch, 1, 2)
    ys = [x + 1, x * 2, x - 1, x / 2, 1 + x, x**2, x.sin(), x[0], x.clamp(0, 1)]
    return [(y.grad_fn.name(), y.grad_fn.next_functions) for y in ys]


def saved_attributes(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    y = x * w
    e = x.exp()
    before = (y.grad_fn._saved_self, y.grad_fn._saved_other, e.grad_fn._saved_result)
    same = y.grad_fn._saved_self is x
    (y + e).sum().backward()
    return (
        before,
        same,
        attempt(lambda: y.grad_fn._saved_self),
        attempt(lambda: e.grad_fn._saved_result),
    )


def metadata_is_kept(torch):
    y = _leaf(torch, 1, 2) * 2
    y.grad_fn.metadata["a"] = 1
    return y.grad_fn.metadata


def edge_of_a_leaf(torch):
    x = _leaf(torch, 1, 2)
    y = (x * x).sum()
    edge = torch.autograd.graph.get_gradient_edge(x)
    return (
        edge.node.name(),
        edge.output_nr,
        edge.node.variable is x,
        torch.autograd.grad(y, edge, retain_graph=True),
        torch.autograd.grad(y, [edge, x]),
    )


def edge_of_a_non_leaf(torch):
    x = _leaf(torch, 1, 2)
    mid = x * 2
    edge = torch.autograd.graph.get_gradient_edge(mid)
    y = (mid * mid).sum()
    del mid
    return edge.node.name(), edge.output_nr, torch.autograd.grad(y, edge)


def edge_of_one_output_of_several(torch):
    x = _leaf(torch, 1, 2, 3, 4)
    a, b = x.split(2)
    edge = torch.autograd.graph.get_gradient_edge(b)
    y = (a * b).sum()
    return (
        edge.output_nr,
        torch.autograd.grad(y, edge, retain_graph=True),
        torch.autograd.grad(y, b),
    )


def edge_by_hand(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    mid = x * w
    y = mid.sin()
    node, number = y.grad_fn.next_functions[0]
    edge = torch.autograd.graph.GradientEdge(node, number)
    return torch.autograd.grad(y.sum(), edge)


def edge_as_output(torch):
    x = _leaf(torch, 1, 2)
    y = x * x
    edge = torch.autograd.graph.get_gradient_edge(y)
    found = torch.autograd.grad(edge, x, grad_outputs=torch.tensor([1.0, 10.0]), retain_graph=True)
    torch.autograd.backward(edge, torch.ones(2), retain_graph=True)
    return found, x.grad, attempt(lambda: torch.autograd.grad(edge, x))


def edge_as_scalar_output(torch):
    x = _leaf(torch, 1, 2)
    y = (x * x).sum()
    edge = torch.autograd.graph.get_gradient_edge(y)
    return attempt(lambda: torch.autograd.grad(edge, x))


def edge_in_backward_inputs(torch):
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    y = (x * w).sum()
    y.backward(inputs=[torch.autograd.graph.get_gradient_edge(x)])
    return x.grad, w.grad


def edge_refused(torch):
    return attempt(lambda: torch.autograd.graph.get_gradient_edge(torch.ones(1)))


def edge_with_create_graph(torch):
    x = _leaf(torch, 1, 2)
    mid = x * x
    edge = torch.autograd.graph.get_gradient_edge(mid)
    (g,) = torch.autograd.grad((mid**3).sum(), edge, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


def increment_version(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    z = y * y
    torch.autograd.graph.increment_version(y)
    first = y._version
    torch.autograd.graph.increment_version([y, y])
    return first, y._version, attempt(lambda: z.sum().backward())


def _hooks(torch: Any, seen: list[Any]) -> Any:
    def pack(t):
        seen.append(("pack", t.detach().clone(), t.requires_grad, t.is_leaf))
        return t.detach() * 2

    def unpack(t):
        seen.append(("unpack", t))
        return t / 2

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


def pack_and_unpack(torch):
    seen = []
    x, w = _leaf(torch, 1, 2), _leaf(torch, 3, 4)
    with _hooks(torch, seen):
        y = x * w
    y.sum().backward()
    return seen, x.grad, w.grad


def pack_of_a_result(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    with _hooks(torch, seen):
        y = x.exp()
    y.sum().backward()
    return seen, x.grad


def pack_of_a_non_leaf(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    mid = x * 3
    with _hooks(torch, seen):
        y = mid.sin()
    y.sum().backward()
    return seen, x.grad


def pack_nothing_needed(torch):
    seen = []
    x, w = _leaf(torch, 1, 2), torch.ones(2)
    with _hooks(torch, seen):
        y = x + w
        z = x * w
        torch.ones(2) * torch.ones(2)
        with torch.no_grad():
            x * x
    (y + z).sum().backward()
    return seen, x.grad


def pack_of_a_chain(torch):
    x = _leaf(torch, 0.5, 1.0)
    seen = []
    with _hooks(torch, seen):
        y = torch.tanh(x.exp().matmul(torch.ones(2, 2)) * x).sum()
    y.backward()
    return len(seen), x.grad


def hooks_change_the_gradient(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 10):
        y = x * x
    y.sum().backward()
    return x.grad


def hooks_nested(torch):
    seen = []
    x = _leaf(torch, 1, 2)

    def pair(name):
        def pack(t):
            seen.append(name)
            return t

        return torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t)

    with pair("outer"):
        x.sin()
        with pair("inner"):
            x.sin()
        x.sin()
    x.sin()
    return seen


def hooks_and_double_backward(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    with _hooks(torch, seen):
        y = x.sin() * x
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


def hooks_and_saved_attributes(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach() + 1, lambda t: t):
        y = x.sin()
    return y.grad_fn._saved_self.detach()


def hooks_and_versions(torch):
    x = _leaf(torch, 1, 2)
    mid = x * 1
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = mid * mid
    mid.add_(5)
    y.sum().backward()
    return x.grad


def unpack_of_wrong_type(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: 3, lambda n: n):
        y = x * x
    return attempt(lambda: y.sum().backward())


def pack_raising(torch):
    x = _leaf(torch, 1, 2)

    def fails(t):
        raise KeyError("mine")

    def run():
        with torch.autograd.graph.saved_tensors_hooks(fails, lambda t: t):
            return x * x

    return attempt(run), (x * x).requires_grad


def unpack_raising(torch):
    x = _leaf(torch, 1, 2)

    def fails(t):
        raise KeyError("mine")

    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, fails):
        y = x * x
    return attempt(lambda: y.sum().backward())


def pack_in_place(torch):
    x = _leaf(torch, 1, 2)

    def run():
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t):
            return (x * 1).sin()

    return attempt(run)


def hooks_of_a_function(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, None, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, _nothing, y = ctx.saved_tensors
            return 2 * x * g + 0 * y

    seen = []
    x = _leaf(torch, 1, 2)
    with _hooks(torch, seen):
        y = Square.apply(x)
    y.sum().backward()
    return seen, x.grad


def hooks_and_in_place(torch):
    seen = []
    x = _leaf(torch, 1, 2)
    with _hooks(torch, seen):
        y = x * 1
        y.mul_(y.detach())
        y[0] = 5.0
    y.sum().backward()
    return x.grad


def hooks_backward_twice(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = (x * x).sum()
    y.backward()
    return attempt(y.backward)


def save_on_cpu(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.graph.save_on_cpu():
        y = x * x
    with torch.autograd.graph.save_on_cpu(pin_memory=False):
        z = x.exp()
    (y + z).sum().backward()
    return x.grad


def disabled(torch):
    x = _leaf(torch, 1, 2)
    g = torch.autograd.graph

    def inside():
        with g.disable_saved_tensors_hooks("not here"):
            with g.saved_tensors_hooks(lambda t: t, lambda t: t):
                return x * x

    def outside():
        with g.saved_tensors_hooks(lambda t: t, lambda t: t):
            with g.disable_saved_tensors_hooks("not here either"):
                return x * x

    def nested():
        with g.disable_saved_tensors_hooks("outer"):
            with g.disable_saved_tensors_hooks("inner"):
                with g.saved_tensors_hooks(lambda t: t, lambda t: t):
                    return x * x

    @g.disable_saved_tensors_hooks("decorated")
    def decorated():
        with g.saved_tensors_hooks(lambda t: t, lambda t: t):
            return x * x

    def afterwards():
        with g.disable_saved_tensors_hooks("over"):
            pass
        with g.saved_tensors_hooks(lambda t: t, lambda t: t):
            return x * x

    return [attempt(f) for f in (inside, outside, nested, decorated, afterwards)]


def mutation_allowed(torch):
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        a = torch.ones(2, 3, requires_grad=True)
        b = a.clone()
        out = (b**2).sum()
        b.sin_()
        out.sum().backward()
        return a.grad, b


def mutation_through_views(torch):
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        a = _leaf(torch, 1, 2, 3)
        b = a.clone()
        out = (b * b).sum()
        b[0].zero_()
        b[1:].mul_(5)
        b.add_(1)
        out.backward()
        return a.grad, b


def mutation_of_results(torch):
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        a = _leaf(torch, 1, 2)
        e = a.exp()
        out = e.sum()
        e.mul_(100)
        out.backward()
        return a.grad


def mutation_nested(torch):
    def run():
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            with torch.autograd.graph.allow_mutation_on_saved_tensors():
                pass

    return attempt(run)


def mutation_backward_outside(torch):
    a = _leaf(torch, 1, 2)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        out = (b * b).sum()
        b.zero_()
    return attempt(out.backward)


def graph_through_several_outputs(torch):
    x = torch.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    values, indices = x.sort(dim=1)
    found = (
        values.grad_fn.name(),
        values.output_nr,
        indices.requires_grad,
        values.grad_fn.next_functions,
    )
    (values * torch.tensor([1.0, 10.0])).sum().backward()
    return found, x.grad


def gradients_of_computed_tensors(torch):
    x = _leaf(torch, 1, 2)
    a = x * 2
    b = a.sin()
    c = (b * a).sum()
    return torch.autograd.grad(c, (a, b, x))


def grad_stops_at_its_inputs(torch):
    calls = []

    class Noted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            calls.append(g)
            return g * 2

    x = _leaf(torch, 1, 2)
    mid = Noted.apply(x)
    y = (mid * mid).sum()
    found = torch.autograd.grad(y, mid, retain_graph=True)
    return found, calls, torch.autograd.grad(y, x), len(calls)
