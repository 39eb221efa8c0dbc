"""`autograd.grad` and `backward`: batches of cotangents, dicts of inputs, edges, odd arguments."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def jacobian_in_one_walk(torch):
    x = _leaf(torch, 0, 1, 2)
    y = x * x
    grad = torch.autograd.grad
    return [
        grad(y, x, torch.eye(3), is_grads_batched=True, retain_graph=True),
        grad(y, x, [torch.eye(3)[:2]], is_grads_batched=True, retain_graph=True),
        grad(y.sum(), x, torch.ones(4), is_grads_batched=True, retain_graph=True),
        grad((y, y * 2), x, (torch.eye(3), torch.ones(3, 3)), is_grads_batched=True),
        attempt(lambda: grad(y, x, torch.eye(3), is_grads_batched=True)),
    ]


def unused_inputs_in_a_batch(torch):
    x, z = _leaf(torch, 0, 1, 2), _leaf(torch, 1, 1)
    y = x.sin()
    grad = torch.autograd.grad

    def run(**options):
        return attempt(
            lambda: grad(
                y, (x, z), torch.eye(3), is_grads_batched=True, retain_graph=True, **options
            )
        )

    return run(), run(allow_unused=True), run(materialize_grads=True), run(allow_unused=False)


def batches_of_the_wrong_shape(torch):
    x = _leaf(torch, 0, 1, 2)
    y = x * x
    grad = torch.autograd.grad

    def run(out, g):
        return attempt(lambda: grad(out, x, g, is_grads_batched=True, retain_graph=True))

    return [
        str(run(y, torch.ones(2, 2))).split(" has a shape")[0],
        run(y, None),
        str(run(y.sum(), None)).split(" so expected")[0],
        run((y, y * 2), (torch.eye(3), None)),
        run((y, y * 2), (torch.eye(3), torch.ones(2, 3))),
    ]


def batch_with_graph(torch):
    x = _leaf(torch, 0.5, 1)
    e = torch.eye(2, requires_grad=True)
    y = x**3
    (rows,) = torch.autograd.grad(y, x, e, is_grads_batched=True, create_graph=True)
    rows.sum().backward()
    return rows.detach(), rows.requires_grad, x.grad, e.grad


def batch_of_another_dtype(torch):
    x = _leaf(torch, 0.5, 1)
    return [
        torch.autograd.grad(x * x, x, torch.eye(2, dtype=torch.float64), is_grads_batched=True),
        torch.autograd.grad(x * x, x, torch.ones(2, dtype=torch.float64)),
        torch.autograd.grad(x * x, x, torch.ones(2, dtype=torch.float64), create_graph=True)[
            0
        ].detach(),
    ]


def hooks_see_one_vector(torch):
    x = _leaf(torch, 0.5, 1, 2)
    seen = []
    x.register_hook(lambda g: seen.append(list(g.shape)))
    y = x.exp()
    y.register_hook(lambda g: g * 2)
    return torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True), seen


def function_in_a_batch(torch):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = _leaf(torch, 1, 2, 3)
    return torch.autograd.grad(Double.apply(x), x, torch.eye(3), is_grads_batched=True)


def reading_elements_in_a_batch(torch):
    class Reads(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g if g.sum() > 0 else -g

    x = _leaf(torch, 1, 2)
    found = attempt(
        lambda: torch.autograd.grad(Reads.apply(x), x, torch.eye(2), is_grads_batched=True)
    )
    return isinstance(found, RuntimeError)


def in_place_and_indexing_in_a_batch(torch):
    x = _leaf(torch, 1, 2, 3, 4)
    y = x * 1
    y[1:3] = y[:2] * 2
    z = torch.cat([y, x[[0, 0]]]).reshape(2, 3).t().max(0).values
    return torch.autograd.grad(z, x, torch.eye(2), is_grads_batched=True)


def inputs_in_a_dict(torch):
    a, b, c = _leaf(torch, 1, 2), _leaf(torch, 3, 4), _leaf(torch, 5)
    y = (a * b).sum()
    grad = torch.autograd.grad
    found = [
        grad(y, {"a": a, "b": b}, retain_graph=True),
        grad(y, {"a": a, "c": c}, allow_unused=True, retain_graph=True),
        attempt(lambda: grad(y, {"a": a, "c": c}, retain_graph=True)),
        attempt(lambda: grad(y, {}, retain_graph=True)),
        attempt(lambda: grad(y, [], retain_graph=True)),
    ]
    y.backward(inputs={"b": b})
    return found, a.grad, b.grad


def deprecated_arguments(torch):
    x = _leaf(torch, 1, 2)
    found = [
        warned(lambda: torch.autograd.grad((x * x).sum(), x, only_inputs=False)),
        warned(lambda: torch.autograd.backward((x * x).sum(), grad_variables=torch.tensor(2.0))),
        x.grad,
        attempt(
            lambda: torch.autograd.backward(
                (x * x).sum(), torch.tensor(2.0), grad_variables=torch.tensor(2.0)
            )
        ),
        torch.autograd.grad((x * x).sum(), x, None, None, False, True, None),
    ]
    return found


def odd_arguments_of_grad(torch):
    x, c = _leaf(torch, 1, 2), torch.ones(2)
    grad = torch.autograd.grad
    y = (x * x).sum()
    return [
        attempt(lambda: grad(y, c, retain_graph=True)),
        attempt(lambda: grad(c.sum(), x)),
        attempt(lambda: grad(c, x, torch.ones(2))),
        attempt(lambda: grad(x * x, x)),
        attempt(lambda: grad((y, c), x, (None, None), retain_graph=True)),
        attempt(lambda: grad((y, c.sum()), x, (None, None), retain_graph=True)),
        attempt(lambda: grad(y, x, torch.ones(2))),
        attempt(lambda: grad(y, x, torch.ones(()), retain_graph=True)),
        attempt(lambda: grad(y, x, (torch.ones(()), torch.ones(())), retain_graph=True)),
        attempt(lambda: grad((y, y), x, (torch.ones(()),), retain_graph=True)),
        attempt(lambda: grad(y, x, materialize_grads=True, allow_unused=False)),
        attempt(lambda: grad(y, (x, y), retain_graph=True)),
        attempt(lambda: grad(x, x, torch.ones(2))),
        attempt(lambda: grad((x * 2).long().sum(), x)),
        attempt(lambda: grad(x * torch.tensor(1 + 1j), x, torch.ones(2))),
        attempt(lambda: grad((x * torch.tensor(1 + 1j)).sum(), x)),
    ]


def materialized_edges(torch):
    x, z = _leaf(torch, 1, 2), _leaf(torch, 3)
    edge = torch.autograd.graph.get_gradient_edge
    grad = torch.autograd.grad
    return [
        attempt(lambda: grad((x * x).sum(), edge(z), materialize_grads=True)),
        attempt(lambda: grad((x * x).sum(), edge(x), materialize_grads=True)),
        attempt(lambda: grad((x * x).sum(), edge(z))),
        attempt(lambda: grad((x * x).sum(), (edge(x), z), allow_unused=True)),
        attempt(lambda: grad(x * x, edge(x), torch.eye(2), is_grads_batched=True)),
    ]


def odd_arguments_of_backward(torch):
    x, c = _leaf(torch, 1, 2), torch.ones(2)
    backward = torch.autograd.backward
    return [
        attempt(lambda: backward(c)),
        attempt(lambda: backward(c.sum())),
        attempt(lambda: backward((x * x, x * 2))),
        attempt(lambda: backward((x * x).sum(), inputs=[])),
        attempt(lambda: backward((x * x).sum(), inputs=[c])),
        attempt(lambda: backward([(x * x).sum(), c.sum()])),
        attempt(lambda: (x * x).backward(torch.ones(3))),
        attempt(lambda: (x * x).backward(torch.ones(2, 1))),
        attempt(lambda: (x * x).sum().backward(torch.tensor([1.0]))),
        attempt(lambda: backward(((x * x).sum(), (x * 3).sum()), (torch.tensor(2.0), None))),
        x.grad,
    ]


def graphs_kept(torch):
    x = _leaf(torch, 1, 2)
    y = (x.exp() * x).sum()
    first = torch.autograd.grad(y, x, retain_graph=True)
    second = torch.autograd.grad(y, x, create_graph=True)[0].detach()
    third = torch.autograd.grad(y, x, retain_graph=False, create_graph=True)[0].detach()
    return first, second, third, attempt(lambda: torch.autograd.grad(y, x))


def variables(torch):
    Variable = torch.autograd.Variable
    x = _leaf(torch, 1, 2)
    return [
        Variable(torch.ones(2), requires_grad=True),
        Variable(x).requires_grad,
        Variable(x * 2).is_leaf,
        isinstance(x, Variable),
        isinstance(3, Variable),
        attempt(lambda: Variable([1.0])),
        attempt(lambda: torch.autograd.variable(1.0)),
        Variable(data=x).data_ptr() == x.data_ptr(),
    ]
