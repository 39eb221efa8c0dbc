"""`torch.utils.checkpoint`: gradients, how often a part runs, randomness, errors."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def _module(torch: Any) -> Any:
    import importlib

    return importlib.import_module(f"{torch.__name__}.utils.checkpoint")


def _counted(torch: Any, calls: list[str]) -> Any:
    def f(x, w=None):
        calls.append("run")
        y = (x * x).exp().sin()
        return y if w is None else y * w

    return f


def gradients(torch):
    found = []
    for reentrant in (True, False):
        calls = []
        x, w = _leaf(torch, 0.5, 1), _leaf(torch, 2, 3)
        y = _module(torch).checkpoint(_counted(torch, calls), x, w, use_reentrant=reentrant)
        before = len(calls)
        y.sum().backward()
        found.append((y, x.grad, w.grad, before, len(calls)))
    return found


def several_outputs(torch):
    found = []
    for reentrant in (True, False):
        x = _leaf(torch, 0.5, 1)
        a, b = _module(torch).checkpoint(lambda t: (t.sin(), t * 2), x, use_reentrant=reentrant)
        (a.sum() + (b * b).sum()).backward()
        found.append(x.grad)
    return found


def closures(torch):
    found = []
    for reentrant in (True, False):
        x, w = _leaf(torch, 0.5, 1), _leaf(torch, 2, 3)
        y = _module(torch).checkpoint(lambda t, w=w: t * w, x, use_reentrant=reentrant)
        y.sum().backward()
        found.append((x.grad, w.grad))
    return found


def keyword_arguments(torch):
    x, w = _leaf(torch, 0.5, 1), _leaf(torch, 2, 3)
    c = _module(torch).checkpoint
    y = c(_counted(torch, []), x, w=w, use_reentrant=False)
    y.sum().backward()
    return w.grad, attempt(lambda: c(_counted(torch, []), x, w=w, use_reentrant=True))


def not_given(torch):
    x = _leaf(torch, 1.0)
    return warned(lambda: _module(torch).checkpoint(torch.sin, x))


def no_input_requires_grad(torch):
    return warned(lambda: _module(torch).checkpoint(torch.sin, torch.ones(2), use_reentrant=True))


def options_of_the_other_way(torch):
    c = _module(torch).checkpoint
    x = _leaf(torch, 1.0)
    return attempt(lambda: c(torch.sin, x, use_reentrant=True, debug=True))


def grad_function(torch):
    c = _module(torch).checkpoint
    x = _leaf(torch, 1.0)
    return (
        attempt(lambda: torch.autograd.grad(c(torch.sin, x, use_reentrant=True), x)),
        attempt(lambda: torch.autograd.grad(c(torch.sin, x, use_reentrant=False), x)),
        attempt(lambda: c(torch.sin, x, use_reentrant=True).backward(inputs=[x])),
        attempt(lambda: c(torch.sin, x, use_reentrant=False).backward(inputs=[x])),
    )


def double_backward(torch):
    x = _leaf(torch, 0.5, 1)
    y = _module(torch).checkpoint(lambda t: t.exp().sin(), x, use_reentrant=False)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


def retained(torch):
    calls = []
    x = _leaf(torch, 0.5, 1)
    y = _module(torch).checkpoint(_counted(torch, calls), x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    first = x.grad.clone()
    y.backward()
    return first, x.grad, attempt(y.backward)


def randomness(torch):
    found = []
    for reentrant in (True, False):
        torch.manual_seed(3)
        x = torch.ones(8, requires_grad=True)
        y = _module(torch).checkpoint(
            lambda t: torch.nn.functional.dropout(t, 0.5) * t, x, use_reentrant=reentrant
        )
        after = torch.rand(2)
        y.sum().backward()
        found.append((y, x.grad, after, torch.rand(2)))
    return found


def nested(torch):
    c = _module(torch).checkpoint
    found = []
    for reentrant in (True, False):
        x = _leaf(torch, 0.5, 1)

        def inner(t):
            return t.sin() * t

        def outer(t, reentrant=reentrant):
            return c(inner, t.exp(), use_reentrant=reentrant).cos()

        c(outer, x, use_reentrant=reentrant).sum().backward()
        found.append(x.grad)
    return found


def sequential(torch):
    found = []
    functions = [torch.sin, torch.exp, torch.cos, torch.tanh, torch.sin]
    for segments in (1, 2, 3):
        for reentrant in (True, False):
            x = _leaf(torch, 0.5, 1)
            y = _module(torch).checkpoint_sequential(
                functions, segments, x, use_reentrant=reentrant
            )
            y.sum().backward()
            found.append(x.grad)
    return found


def another_computation(torch):
    c = _module(torch).checkpoint
    found = []
    for name in ("shape", "fewer", "more"):
        again = []

        def f(t, name=name, again=again):
            again.append(1)
            if len(again) == 1:
                return (t * t).sin() if name != "more" else t.sin()
            if name == "shape":
                return (t[:1] * t[:1]).sin()
            return t.sin() if name == "fewer" else (t * t).sin()

        x = _leaf(torch, 0.5, 1)
        y = c(f, x, use_reentrant=False, early_stop=False)
        found.append(attempt(lambda y=y: y.sum().backward()))
    return found


def not_checked(torch):
    again = []

    def f(t):
        again.append(1)
        return t.sin() if len(again) == 1 else t.double().sin().float()

    x = _leaf(torch, 0.5, 1)
    y = _module(torch).checkpoint(f, x, use_reentrant=False, determinism_check="none")
    return attempt(lambda: y.sum().backward())


def bad_check(torch):
    x = _leaf(torch, 0.5)
    return attempt(
        lambda: _module(torch).checkpoint(
            torch.sin, x, use_reentrant=False, determinism_check="some"
        )
    ).__class__.__name__


def early_stop(torch):
    m = _module(torch)
    found = []
    for stop in (True, False):
        steps = []

        def f(t, steps=steps):
            steps.append("a")
            y = t.sin()
            steps.append("b")
            return y + 1

        x = _leaf(torch, 0.5)
        with m.set_checkpoint_early_stop(stop):
            y = m.checkpoint(f, x, use_reentrant=False)
        y.sum().backward()
        found.append(steps)
    return found


def contexts(torch):
    import contextlib

    seen = []

    @contextlib.contextmanager
    def note(name):
        seen.append("enter " + name)
        yield
        seen.append("leave " + name)

    x = _leaf(torch, 0.5)
    y = _module(torch).checkpoint(
        lambda t: t.sin().exp(),
        x,
        use_reentrant=False,
        context_fn=lambda: (note("forward"), note("again")),
        early_stop=False,
    )
    y.sum().backward()
    return seen, x.grad


def under_no_grad(torch):
    x = _leaf(torch, 0.5)
    with torch.no_grad():
        return [_module(torch).checkpoint(torch.sin, x, use_reentrant=r) for r in (True, False)]


def nothing_to_differentiate(torch):
    x = _leaf(torch, 0.5)
    y = _module(torch).checkpoint(lambda t: t.detach() * 2, x, use_reentrant=True)
    return attempt(lambda: y.sum().backward())


def numbers_and_none(torch):
    found = []
    for reentrant in (True, False):
        x = _leaf(torch, 0.5, 1)
        y = _module(torch).checkpoint(
            lambda n, t, nothing: t * n if nothing is None else t,
            3,
            x,
            None,
            use_reentrant=reentrant,
        )
        y.sum().backward()
        found.append(x.grad)
    return found


def hook_on_the_output(torch):
    found = []
    for reentrant in (True, False):
        x = _leaf(torch, 0.5, 1)
        y = _module(torch).checkpoint(torch.sin, x, use_reentrant=reentrant)
        y.register_hook(lambda g: g * 10)
        y.sum().backward()
        found.append(x.grad)
    return found
