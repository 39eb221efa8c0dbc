"""Programs about what autograd means: leaves, accumulation, arguments of backward, hooks, modes.

Each is a function of `torch`; see `asking.py`. `graph_programs.py` has more.
"""

from __future__ import annotations

import threading
from typing import Any

from core.asking import Program, attempt

PROGRAMS: dict[str, Program] = {}


def program(f: Program) -> Program:
    PROGRAMS[f.__name__] = f
    return f


def leaf(torch: Any, *numbers: float) -> Any:
    return torch.tensor(list(numbers) if len(numbers) > 1 else numbers[0], requires_grad=True)


# ---------------------------------------------------------------- leaves and requires_grad


@program
def leaves(torch: Any) -> Any:
    x, c = leaf(torch, 1.0, 2.0), torch.tensor([1.0, 2.0])
    y, d = x * 2, c * 2
    return [(t.is_leaf, t.requires_grad, t.grad_fn, t.grad) for t in (x, c, d)] + [
        y.is_leaf,
        y.requires_grad,
        y,
    ]


@program
def requires_grad_spreads(torch: Any) -> Any:
    x, c = leaf(torch, 1.0), torch.tensor(2.0)
    values = [
        x + c,
        c + x,
        c + c,
        x.detach() + c,
        (x > 0),
        x.sign(),
        x.round(),
        x.floor(),
        (x * 0).sum(),
    ]
    return [v.requires_grad for v in values]


@program
def requires_grad_setting(torch: Any) -> Any:
    x = torch.ones(2)
    first = x.requires_grad_() is x
    x.requires_grad = False
    y = leaf(torch, 1.0) * 2
    failing = attempt(lambda: y.requires_grad_(False))
    return [
        first,
        x.requires_grad,
        failing,
        attempt(lambda: torch.ones(2, dtype=torch.int64).requires_grad_()),
    ]


@program
def requires_grad_of_copies(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    made = [
        x.clone(),
        x.detach(),
        x.data,
        x.detach().requires_grad_(),
        torch.zeros_like(x),
        x.new_zeros(2),
        x.float(),
    ]
    return [(t.requires_grad, t.is_leaf) for t in made] + [x.float() is x, x.double()]


@program
def leaf_becomes_constant(torch: Any) -> Any:
    x = leaf(torch, 3.0)
    y = x * x
    x.requires_grad_(False)
    return [x.is_leaf, y.requires_grad, attempt(lambda: y.backward()), x.grad]


@program
def detach_in_place(torch: Any) -> Any:
    x = leaf(torch, 3.0)
    y = x * 2
    same = y.detach_() is y
    return [same, y.requires_grad, y.is_leaf, y.grad_fn]


@program
def detach_shares_memory(torch: Any) -> Any:
    x = torch.ones(2)
    d = x.detach()
    d[0] = 5.0
    return [x, x._version, d._version, d._base is None]


# ---------------------------------------------------------------- backward


@program
def accumulation(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad.clone()
    held = x.grad
    (x * 3).sum().backward()
    return [first, x.grad, held is x.grad, held]


@program
def grad_assigned(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.tensor([10.0, 10.0])
    (x * x).sum().backward()
    return [x.grad, setattr(x, "grad", None), x.grad]


@program
def grad_assigned_wrongly(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    return [
        attempt(lambda: setattr(x, "grad", torch.ones(3))),
        attempt(lambda: setattr(x, "grad", torch.ones(2, dtype=torch.float64))),
        attempt(lambda: setattr(x, "grad", 1.0)),
    ]


@program
def reused_operand(torch: Any) -> Any:
    x = leaf(torch, 3.0)
    y = x * x + x
    (y * y).backward()
    return x.grad


@program
def diamond(torch: Any) -> Any:
    x = leaf(torch, 0.5)
    a, b = x.sin(), x.cos()
    (a * b + a / b).backward()
    return x.grad


@program
def unused_leaf(torch: Any) -> Any:
    x, y = leaf(torch, 1.0), leaf(torch, 2.0)
    (x * 2).backward()
    return [x.grad, y.grad]


@program
def backward_with_gradient(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * x
    y.backward(torch.tensor([1.0, 0.1, 0.01]))
    z = x * 2
    z.backward(gradient=torch.ones(3))
    return x.grad


@program
def backward_on_leaf(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    x.backward()
    x.backward(torch.tensor(5.0))
    return [x.grad, x.grad_fn]


@program
def backward_twice(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    return [x.grad, attempt(lambda: y.backward()), x.grad]


@program
def backward_twice_without_saved(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x + 1
    y.backward()
    y.backward()
    return x.grad


@program
def backward_of_several(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.backward([(x * x).sum(), (x * 3).sum()])
    first = x.grad.clone()
    torch.autograd.backward((x * x, x.sum()), (torch.tensor([1.0, 0.0]), None))
    return [first, x.grad]


@program
def backward_to_inputs(torch: Any) -> Any:
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    z = x * y
    w = z * z
    w.backward(inputs=[x], retain_graph=True)
    first = [x.grad, y.grad]
    w.backward(inputs=z, retain_graph=True)
    return [
        first,
        z.grad,
        x.grad,
        attempt(lambda: w.backward(inputs=[])),
        attempt(lambda: w.backward(inputs=[torch.ones(1)])),
    ]


@program
def backward_into_non_leaf(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 3
    z = y * y
    z.backward(inputs=[x, y])
    return [x.grad, y.grad]


@program
def create_graph(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    (x**3).backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.backward()
    return [g, x.grad]


@program
def higher_derivatives(torch: Any) -> Any:
    x = leaf(torch, 0.7)
    y, found = x.sin() * x.exp(), []
    for _ in range(5):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        found.append(y.item())
    return found


@program
def gradient_dtype_is_the_leafs(torch: Any) -> Any:
    a, b = leaf(torch, 1.0, 2.0), torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    (a * b).sum().backward()
    return [a.grad, b.grad]


@program
def broadcast_gradients(torch: Any) -> Any:
    a, b, c = (
        torch.ones(2, 3, requires_grad=True),
        torch.ones(3, requires_grad=True),
        torch.ones((), requires_grad=True),
    )
    (a * b + c).sum().backward()
    return [a.grad, b.grad, c.grad]


@program
def constants_only(torch: Any) -> Any:
    return attempt(lambda: torch.ones(2).sum().backward())


@program
def implicit_gradient_of_one_element(torch: Any) -> Any:
    x = torch.ones(1, 1, requires_grad=True)
    (x * 3).backward()
    return x.grad


# ---------------------------------------------------------------- autograd.grad


@program
def grad_function(torch: Any) -> Any:
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    z = x * y + y
    return [torch.autograd.grad(z, [x, y]), x.grad, y.grad]


@program
def grad_of_unused(torch: Any) -> Any:
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    z = x * 2
    return [
        attempt(lambda: torch.autograd.grad(z, [x, y], retain_graph=True)),
        torch.autograd.grad(z, [x, y], allow_unused=True, retain_graph=True),
        torch.autograd.grad(z, [x, y], materialize_grads=True, retain_graph=True),
        attempt(lambda: torch.autograd.grad(z, [x, y], materialize_grads=True, allow_unused=False)),
    ]


@program
def grad_of_intermediate(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 3
    z = y * y
    return torch.autograd.grad(z, [y, x])


@program
def grad_of_itself(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 3
    return [
        torch.autograd.grad(x, x),
        torch.autograd.grad(y, y, retain_graph=True),
        torch.autograd.grad([y, y], [y, x]),
    ]


@program
def grad_outputs(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    return torch.autograd.grad([y, x.sum()], [x], grad_outputs=[torch.tensor([1.0, 10.0]), None])


@program
def grad_outputs_with_graph(torch: Any) -> Any:
    x, v = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    (g,) = torch.autograd.grad(x * x, x, v, create_graph=True)
    return [g, torch.autograd.grad(g.sum(), v)]


@program
def same_input_twice(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    return torch.autograd.grad(x * x, [x, x])


@program
def double_backward_through_grad(torch: Any) -> Any:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    penalty = (g * g).sum()
    penalty.backward()
    return [g, x.grad]


# ---------------------------------------------------------------- non-leaf gradients, hooks


@program
def grad_of_non_leaf(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 2
    (y * y).backward()
    return [y.grad, y.retains_grad]


@program
def retain_grad(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 2
    y.retain_grad()
    (y * y).backward()
    return [
        y.grad,
        y.retains_grad,
        x.retains_grad,
        x.grad,
        attempt(lambda: torch.ones(1).retain_grad()),
    ]


@program
def retain_grad_twice(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    (y * y).backward(retain_graph=True)
    x.retain_grad()
    return [y.grad, x.retains_grad]


@program
def retain_grad_after_in_place(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.backward()
    return [y.grad, x.grad]


@program
def hook_on_leaf(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []
    handle = x.register_hook(lambda g: seen.append(g.tolist()))
    (x * x).sum().backward()
    handle.remove()
    handle.remove()
    (x * 3).sum().backward()
    return [seen, x.grad]


@program
def hook_changes_gradient(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    y.sum().backward()
    return x.grad


@program
def hooks_in_order(torch: Any) -> Any:
    x, order = leaf(torch, 1.0), []
    y = x * 2
    z = y * 3
    for name, t in (("x", x), ("y", y), ("z", z)):
        t.register_hook(lambda g, n=name: order.append((n, g.item())))
        t.register_hook(lambda g, n=name: order.append((n + " again", g.item())))
    z.backward()
    return order


@program
def hook_sees_the_sum(torch: Any) -> Any:
    x, seen = leaf(torch, 2.0), []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.item()))
    (y * y + y).backward()
    return seen


@program
def hook_and_retain_grad(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * 3
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    y.register_hook(lambda g: g * 5)
    (y * 1).backward()
    return [y.grad, x.grad]


@program
def hook_on_constant(torch: Any) -> Any:
    return [
        attempt(lambda: torch.ones(1).register_hook(print)),
        attempt(lambda: _bad_hook(torch, lambda g: g.sum())),
    ]


def _bad_hook(torch: Any, hook: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.register_hook(hook)
    y.sum().backward()


@program
def hook_with_grad_function(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    x.register_hook(lambda g: g * 100)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    return torch.autograd.grad(y.sum(), [x, y])


@program
def post_accumulate_hook(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    (x * x).sum().backward()
    (x * x).sum().backward()
    return seen


@program
def node_hooks(torch: Any) -> Any:
    x, seen = leaf(torch, 3.0), []
    y = x * x
    y.grad_fn.register_prehook(lambda gs: seen.append(("pre", len(gs), gs[0].item())))
    y.grad_fn.register_hook(
        lambda gi, go: seen.append(("post", [g.item() for g in gi], go[0].item()))
    )
    y.backward()
    return [seen, x.grad]


# ---------------------------------------------------------------- modes


@program
def no_grad(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    with torch.no_grad():
        y, inside = x * 2, torch.is_grad_enabled()
        with torch.enable_grad():
            z = x * 2
        after = torch.is_grad_enabled()
    return [y.requires_grad, inside, z.requires_grad, after, torch.is_grad_enabled()]


@program
def no_grad_makes_leaves(torch: Any) -> Any:
    with torch.no_grad():
        x = torch.ones(1, requires_grad=True)
        y = x * 2
        y.requires_grad_()
    (x * y).backward()
    return [x.requires_grad, y.is_leaf, x.grad, y.grad]


@program
def no_grad_decorates(torch: Any) -> Any:
    @torch.no_grad()
    def f(x: Any) -> Any:
        """Twice."""
        return x * 2

    @torch.no_grad
    def g(x: Any) -> Any:
        return x * 2

    @torch.enable_grad()
    def h(x: Any) -> Any:
        return x * 2

    x = leaf(torch, 1.0)
    with torch.no_grad():
        inner = h(x).requires_grad
    return [
        f(x).requires_grad,
        g(x).requires_grad,
        inner,
        f.__name__,
        f.__doc__,
        torch.is_grad_enabled(),
    ]


@program
def generators_and_modes(torch: Any) -> Any:
    seen = []

    @torch.no_grad()
    def numbers() -> Any:
        for i in range(2):
            seen.append(("inside", torch.is_grad_enabled()))
            got = yield i
            seen.append(("got", got))
        return "end"

    generator = numbers()
    seen.append(next(generator))
    seen.append(("between", torch.is_grad_enabled()))
    seen.append(generator.send("x"))
    seen.append(attempt(lambda: next(generator)))
    return [*seen[:-1], str(seen[-1]), torch.is_grad_enabled()]


@program
def set_grad_enabled(torch: Any) -> Any:
    states = []
    with torch.set_grad_enabled(False):
        states.append(torch.is_grad_enabled())
    states.append(torch.is_grad_enabled())
    torch.set_grad_enabled(False)
    states.append(torch.is_grad_enabled())
    torch.set_grad_enabled(True)
    f = torch.set_grad_enabled(False)(lambda: torch.is_grad_enabled())
    return [*states, torch.is_grad_enabled(), f(), torch.is_grad_enabled()]


@program
def modes_after_errors(torch: Any) -> Any:
    def failing() -> None:
        with torch.no_grad():
            raise KeyError("x")

    attempt(failing)
    first = torch.is_grad_enabled()
    attempt(torch.no_grad()(lambda: 1 / 0))

    def inference() -> None:
        with torch.inference_mode():
            raise KeyError("x")

    attempt(inference)
    return [first, torch.is_grad_enabled(), torch.is_inference_mode_enabled()]


@program
def grad_mode_is_of_the_thread(torch: Any) -> Any:
    seen = []

    def look() -> None:
        seen.append(torch.is_grad_enabled())
        with torch.no_grad():
            seen.append((torch.ones(1, requires_grad=True) * 2).requires_grad)

    with torch.no_grad():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        seen.append(torch.is_grad_enabled())
    return seen


@program
def inference_mode(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    with torch.inference_mode():
        y = x * 2
        inside = [
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            y.requires_grad,
            y.is_inference(),
        ]
        y.add_(1)
    return [
        inside,
        torch.is_inference_mode_enabled(),
        y.is_inference(),
        x.is_inference(),
        attempt(lambda: x * y),
        attempt(lambda: y.requires_grad_()),
        attempt(lambda: y._version),
        (y.clone() * x),
        y * 2,
        attempt(lambda: y.add_(1)),
    ]


@program
def inference_mode_off(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    with torch.inference_mode():
        with torch.inference_mode(False):
            y = x * 2
        z = x * 2
    with torch.inference_mode(mode=False):
        w = x * 2
    f = torch.inference_mode()(lambda: (x * 2).is_inference())
    return [y.requires_grad, z.requires_grad, w.requires_grad, f()]


@program
def views_in_inference_mode(torch: Any) -> Any:
    x = torch.ones(3)
    with torch.inference_mode():
        v = x[:2]
        w = x.clone()[:2]
    return [v.is_inference(), w.is_inference()]


@program
def views_made_in_no_grad(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    with torch.no_grad():
        v = y[:1]
    return [
        v.requires_grad,
        v._is_view(),
        attempt(lambda: v.mul_(2)),
        attempt(lambda: v.mul_(x[0])),
    ]
