"""Programs about memory and the graph: versions, in-place operations, views, nodes, saved values.

Each is a function of `torch`; see `asking.py`. They join the list in `programs.py`.
"""

from __future__ import annotations

from typing import Any

from core.asking import attempt
from core.programs import leaf, program

# ---------------------------------------------------------------- versions, in-place


@program
def versions(torch: Any) -> Any:
    x = torch.zeros(4)
    seen = [x._version]
    x.add_(1)
    seen.append(x._version)
    x += 1
    seen.append(x._version)
    x[0] = 3.0
    seen.append(x._version)
    v = x[1:]
    v.mul_(2)
    seen += [x._version, v._version, x.detach()._version, x.data._version]
    x.detach().zero_()
    seen.append(x._version)
    x.data.zero_()
    seen.append(x._version)
    with torch.no_grad():
        x.fill_(7.0)
    seen.append(x._version)
    x.copy_(torch.ones(4))
    return [*seen, x._version, (x * 1)._version]


@program
def in_place_on_leaf(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    results = [
        attempt(lambda: x.add_(1)),
        attempt(lambda: x[:1].add_(1)),
        attempt(lambda: x.__setitem__(0, 1.0)),
    ]
    with torch.no_grad():
        x.add_(1)
    return [*results, x]


@program
def in_place_on_result(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y.add_(1)
    same = z is y
    y *= x
    y.sum().backward()
    return [same, y, x.grad]


@program
def in_place_with_a_leaf_operand(torch: Any) -> Any:
    x, buffer = leaf(torch, 1.0, 2.0), torch.zeros(2)
    buffer.add_(x)
    buffer.mul_(x)
    buffer.sum().backward()
    return [buffer, buffer.is_leaf, x.grad]


@program
def in_place_on_saved_input(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    z = y * y
    y.add_(1)
    return attempt(lambda: z.sum().backward())


@program
def in_place_on_saved_output(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    results = []
    for name in ("exp", "sigmoid", "tanh", "sqrt"):
        y = getattr(x, name)()
        y.add_(1)
        results.append(attempt(y.sum().backward))
    return results


@program
def in_place_on_what_nobody_saved(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 3
    z = y + 1
    y.mul_(2)
    z.sum().backward()
    return x.grad


@program
def in_place_saves_the_old_value(torch: Any) -> Any:
    x = leaf(torch, 0.5, 2.0)
    y = x * 1
    y.sin_()
    y.mul_(3)
    y.add_(1).sum().backward()
    return [y, x.grad]


@program
def in_place_with_itself(torch: Any) -> Any:
    x = leaf(torch, 0.5, 2.0)
    y = x * 1
    y.mul_(y)
    z = x * 1
    z.add_(z).sum().backward()
    return [y, attempt(lambda: y.sum().backward()), z, x.grad]


@program
def optimizer_step_between(torch: Any) -> Any:
    w = leaf(torch, 1.0, 2.0)
    loss = (w * w).sum()
    with torch.no_grad():
        w -= 0.1
    return attempt(loss.backward)


@program
def view_keeps_up_with_base(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * 1
    v = y[1:]
    y.mul_(10)
    name = v.grad_fn
    v.sum().backward()
    return [v, name, x.grad]


@program
def base_keeps_up_with_view(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * 1
    y[1:].mul_(10)
    y[0] = 7.0
    (y * y).sum().backward()
    return [y, x.grad]


@program
def view_of_view(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    v = y.t()[1:]
    w = v[0]
    w.mul_(5)
    (y.sum() + v.sum()).backward()
    return [y, v, w, x.grad, v._base is y, w._base is y]


@program
def writing_a_tensor_into_a_buffer(torch: Any) -> Any:
    x, buffer = leaf(torch, 1.0, 2.0), torch.zeros(2, 2)
    buffer[0] = x
    buffer[1, 1] = x[0] * x[1]
    buffer.sum().backward()
    return [buffer, x.grad, buffer.is_leaf]


@program
def writing_by_mask_and_index(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * 2
    y[y > 3] = 0.0
    z = x * 2
    z[torch.tensor([0, 2])] = x[:2] * 10
    (y.sum() + z.sum()).backward()
    return [y, z, x.grad]


@program
def overlapping_write(torch: Any) -> Any:
    return attempt(lambda: torch.ones(1).expand(3).add_(1))


@program
def in_place_shape_and_type(torch: Any) -> Any:
    return [
        attempt(lambda: torch.ones(2).add_(torch.ones(3, 2))),
        attempt(lambda: torch.ones(2, dtype=torch.int64).add_(0.5)),
        attempt(lambda: torch.ones(2, dtype=torch.int64).div_(2)),
        torch.ones(2, dtype=torch.float64).add_(torch.ones(2, dtype=torch.int64)),
        torch.ones(2, dtype=torch.float32).add_(torch.ones(2, dtype=torch.float64)),
    ]


@program
def unbind_results_are_not_writable(torch: Any) -> Any:
    x = torch.ones(2, 2, requires_grad=True) * 1
    a, _b = x.unbind(0)
    return attempt(lambda: a.add_(1))


@program
def data_escapes_the_check(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    x.data.mul_(10)
    y.sum().backward()
    return [x.grad, x._version]


# ---------------------------------------------------------------- the graph itself


@program
def graph_of_an_expression(torch: Any) -> Any:
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    z = (x * y + 1).sin()
    chain = [z.grad_fn]
    while chain[-1].next_functions:
        chain.append(chain[-1].next_functions[0][0])
    add = z.grad_fn.next_functions[0][0]
    return [
        chain,
        [n for _, n in add.next_functions],
        add.next_functions[-1][0],
        chain[-1].variable is x,
    ]


@program
def constants_in_the_graph(torch: Any) -> Any:
    x, c = leaf(torch, 2.0), torch.tensor(3.0)
    return [
        (x * c).grad_fn.next_functions[1],
        (c * x).grad_fn.next_functions[0],
        (x * 3).grad_fn.next_functions[1:],
    ]


@program
def one_accumulator_per_leaf(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    node = (x * x).grad_fn
    a, b = node.next_functions
    return [a[0] is b[0], a[0].name(), a[0].next_functions, a[0].variable is x]


@program
def output_numbers(torch: Any) -> Any:
    x = torch.ones(3, 2, requires_grad=True)
    parts = x.unbind(0)
    values, _ = x.max(dim=0)
    return [
        [p.output_nr for p in parts],
        [n for _, n in (parts[2] * 1).grad_fn.next_functions],
        values.output_nr,
    ]


@program
def names_of_nodes(torch: Any) -> Any:
    x = leaf(torch, 2.0, 3.0)
    y = x * 2
    y[0] = 1.0
    accumulator = x.sin().grad_fn.next_functions[0][0]
    return [y.grad_fn.name(), accumulator.name(), x.sin().grad_fn.name()]


@program
def metadata_and_identity(torch: Any) -> Any:
    y = leaf(torch, 2.0) * 2
    y.grad_fn.metadata["k"] = 1
    return [y.grad_fn.metadata, y.grad_fn is y.grad_fn, type(y.grad_fn).__name__]


@program
def saved_tensors(torch: Any) -> Any:
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    mul, exp = (x * y).grad_fn, x.exp().grad_fn
    return [
        mul._saved_self,
        mul._saved_other,
        exp._saved_result,
        x.sin().grad_fn._saved_self,
        (x**3).grad_fn._saved_exponent,
    ]


@program
def saved_tensors_after_backward(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x.sin()
    y.backward()
    return [attempt(lambda: y.grad_fn._saved_self), attempt(lambda: y.grad_fn._saved_nothing)]


@program
def saved_only_what_is_needed(torch: Any) -> Any:
    x, c = leaf(torch, 2.0), torch.tensor(3.0)
    node = (x * c).grad_fn
    return [node._saved_self, node._saved_other]


@program
def errors_leave_gradients_alone(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0)
    a, b = x * 1, y * 1
    z = (a * a).sum() + b.exp()
    a.add_(1)
    failing = attempt(z.backward)
    return [failing, x.grad, torch.is_grad_enabled()]


@program
def errors_in_hooks(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    y = x * 2
    y.register_hook(lambda g: 1 / 0)
    return [attempt(y.backward), x.grad, torch.is_grad_enabled()]


@program
def complex_numbers(torch: Any) -> Any:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    first = z.grad.clone()
    z.grad = None
    z.abs().sum().backward()
    second = z.grad.clone()
    z.grad = None
    (z * z).imag.sum().backward()
    return [first, second, z.grad, attempt(lambda: (z * 2).sum().backward())]


@program
def integer_results_stop_gradients(torch: Any) -> Any:
    x = leaf(torch, 1.5, -2.5)
    return [x.argmax(), x.long(), x.int().float(), (x > 0).float()]


@program
def in_place_relu_network(torch: Any) -> Any:
    x, w = (
        torch.tensor([[1.0, -2.0]], requires_grad=True),
        torch.tensor([[1.0, 2.0], [-1.0, 3.0]], requires_grad=True),
    )
    h = x @ w.t()
    h.relu_()
    h.sum().backward()
    g = (x @ w.t()).relu_()
    g += 1
    return [h, x.grad, w.grad, attempt(lambda: g.sum().backward())]


@program
def deep_graph_of_views(torch: Any) -> Any:
    x = torch.arange(6.0).requires_grad_()
    y = x.reshape(2, 3).t().contiguous().view(6)[::2].unsqueeze(0).expand(2, 3).clone()
    (y * torch.arange(6.0).reshape(2, 3)).sum().backward()
    return [y, x.grad]


@program
def python_numbers(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    return [
        float(x),
        int(x.detach()),
        bool(x),
        x.item(),
        3 - x,
        3 / x,
        3**x,
        x // 2,
        x % 2,
        -x,
        abs(-x),
        2 + x,
        +x,
    ]


@program
def comparisons(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    return [
        x > 1,
        x == 2,
        (x == 2).requires_grad,
        x.lt(2),
        bool((x > 0).all()),
        x in [x],
        torch.equal(x, x.clone()),
    ]


@program
def non_contiguous_gradient(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    x.t().backward(torch.arange(6.0).reshape(3, 2))
    return [x.grad, x.grad.is_contiguous()]


@program
def gradient_is_not_shared(torch: Any) -> Any:
    x, y, g = leaf(torch, 1.0, 2.0), leaf(torch, 1.0, 2.0), torch.ones(2)
    (x + y).backward(g)
    x.grad.mul_(7)
    return [x.grad, y.grad, g]


@program
def zero_grad_by_hand(torch: Any) -> Any:
    x = leaf(torch, 3.0)
    (x * x).backward()
    x.grad.zero_()
    (x * 2).backward()
    return [x.grad, x.grad.requires_grad]


@program
def training_by_hand(torch: Any) -> Any:
    w, losses = leaf(torch, 0.0, 0.0), []
    data = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    wanted = torch.tensor([1.0, 2.0, 4.0])
    for _ in range(20):
        loss = ((data @ w - wanted) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
            w.grad.zero_()
        losses.append(loss.item())
    return [w, losses[0], losses[-1]]
