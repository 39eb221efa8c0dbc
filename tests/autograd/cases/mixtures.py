"""Parts of autograd used together: checkpoints and precision, transforms and hooks."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def _module(torch: Any, name: str) -> Any:
    import importlib

    return importlib.import_module(f"{torch.__name__}.{name}")


# ---------------------------------------------------------------- checkpoint


def a_checkpointed_argument_was_written(torch):
    checkpoint = _module(torch, "utils.checkpoint").checkpoint
    found = []
    for reentrant in (True, False):
        x = _leaf(torch, 1, 2)
        z = x * 1
        y = checkpoint(lambda a: a.sin() * a, z, use_reentrant=reentrant)
        z.mul_(3)
        found.append(attempt(lambda y=y: y.sum().backward()))
        w = torch.ones(2)
        y = checkpoint(lambda a, b: a * b, x, w, use_reentrant=reentrant)
        w.add_(1)
        found.append(attempt(lambda y=y: y.sum().backward()))
        z = x * 1
        y = checkpoint(lambda a: a.mul_(2).sin(), z, use_reentrant=reentrant)
        found.append(attempt(lambda y=y: y.sum().backward()))
    return found


def the_second_run_has_the_precision_of_the_first(torch):
    checkpoint = _module(torch, "utils.checkpoint").checkpoint
    found = []
    for reentrant in (True, False):
        x = torch.ones(2, 2, requires_grad=True)
        seen = []

        def f(a, seen=seen):
            seen.append(str((a @ a).dtype))
            return a @ a

        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = checkpoint(f, x, use_reentrant=reentrant)
        y.sum().backward()
        z = checkpoint(f, x, use_reentrant=reentrant)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z.sum().backward()
        found.append((seen, x.grad))
    return found


def determinism_check_of_another_kind(torch):
    checkpoint = _module(torch, "utils.checkpoint").checkpoint
    x = _leaf(torch, 1)
    return attempt(lambda: checkpoint(torch.sin, x, use_reentrant=False, determinism_check="some"))


def checkpoint_of_a_checkpoint_of_a_function(torch):
    checkpoint = _module(torch, "utils.checkpoint").checkpoint

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    def f(a):
        b = Square.apply(a)
        return checkpoint(lambda q: Square.apply(q).sin(), b, use_reentrant=False) * a

    x = _leaf(torch, 1, 2)
    seen = []
    y = checkpoint(f, x, use_reentrant=False)
    y.register_hook(lambda g: seen.append(g.clone()))
    y.sum().backward()
    y = checkpoint(f, x, use_reentrant=False)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    second = torch.autograd.grad(g.sum(), x)
    hessian = torch.autograd.functional.hessian(
        lambda a: checkpoint(f, a, use_reentrant=False).sum(), x.detach()
    )
    return seen, x.grad, g, second, hessian


# ---------------------------------------------------------------- precision


def functions_under_autocast(torch):
    seen = []

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            seen.append((str((a @ a).dtype), torch.is_autocast_enabled("cpu")))
            ctx.save_for_backward(a)
            return a @ a

        @staticmethod
        def backward(ctx, g):
            (a,) = ctx.saved_tensors
            seen.append((str(g.dtype), str((a @ a).dtype)))
            return g.to(a.dtype)

    x = torch.ones(2, 2, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = Product.apply(x)
        with torch.autocast("cpu", enabled=False):
            z = Product.apply(x)
        same = lambda t: t  # noqa: E731
        with torch.autograd.graph.saved_tensors_hooks(same, same):
            Product.apply(x)
    y.sum().backward()
    return seen, str(y.dtype), str(z.dtype), x.grad


def the_precision_of_the_running_autocast(torch):
    found = []
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast("cpu", dtype=dtype):
            found.append(str(torch.get_autocast_dtype("cpu")))
            with torch.autocast("cpu"):
                found.append(str(torch.get_autocast_dtype("cpu")))
    return [*found, str(torch.get_autocast_dtype("cpu"))]


# ---------------------------------------------------------------- inference mode


def writing_and_views_in_inference_mode(torch):
    x = _leaf(torch, 1, 2)
    b = x * 1
    with torch.inference_mode():
        v = b[:1]
        b.add_(1)
        v.mul_(2)
    b.sum().backward()
    with torch.inference_mode():
        w = torch.ones(2, requires_grad=True)
        part = w.view(2, 1)
        w.add_(1)
        texts = [repr(part), repr(w)]
    return b, x.grad, part.requires_grad, part.detach().clone(), texts


# ---------------------------------------------------------------- forward mode


def writing_dual_tensors(torch):
    fw = _module(torch, "autograd.forward_ad")
    x, t = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    found = []
    with fw.dual_level():
        for write in (
            lambda d: d.zero_(),
            lambda d: d.copy_(x),
            lambda d: d.fill_(1.0),
            lambda d: d[:1].mul_(5),
            lambda d: d.__setitem__(1, 0.0),
            lambda d: d.floor_(),
            lambda d: d.mul_(0.0),
        ):
            d = fw.make_dual(x.clone(), t.clone())
            write(d)
            found.append(tuple(fw.unpack_dual(d)))
        out = torch.zeros(2)
        found.append(attempt(lambda: torch.sin(fw.make_dual(x, t), out=out)))
    f = lambda a: torch.sin(a, out=torch.zeros(2))  # noqa: E731
    found.append(attempt(lambda: torch.func.jvp(f, (x,), (t,))))
    return found


def a_function_that_writes_a_dual_argument(torch):
    fw = _module(torch, "autograd.forward_ad")
    runs = []

    def function(rule):
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a):
                runs.append("forward")
                ctx.mark_dirty(a)
                return a.mul_(2)

            jvp = staticmethod(rule)

        return Double

    x = torch.tensor([1.0, 2.0])
    with fw.dual_level():
        d = fw.make_dual(x.clone(), x.clone())
        r = function(lambda ctx, t: t.mul_(2)).apply(d)
        found = [r is d, tuple(fw.unpack_dual(d)), list(runs)]
        d = fw.make_dual(x.clone(), x.clone())
        found.append(attempt(lambda: function(lambda ctx, t: t * 2).apply(d)))
    return found


def tangents_that_do_not_fit(torch):
    fw = _module(torch, "autograd.forward_ad")
    x = torch.tensor([1.0, 2.0])

    def tried(rule):
        class Two(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a, n):
                return a * 2, a * 3

            @staticmethod
            def jvp(ctx, *ts):
                return rule(ts[0])

        with fw.dual_level():
            return attempt(lambda: Two.apply(fw.make_dual(x, x), 3))

    return [
        tried(rule)
        for rule in (
            lambda t: t,
            lambda t: (t, t, t),
            lambda t: (t[:1], t),
            lambda t: (t.view(2, 1), t),
            lambda t: (3, t),
        )
    ]


# ---------------------------------------------------------------- transforms


def hooks_in_transforms(torch):
    x = torch.tensor([1.0, 2.0])

    def f(a):
        u, v = a.unbind()
        u.register_hook(lambda g: g * 2)
        w = u * v
        w.register_hook(lambda g: g * 3)
        w.grad_fn.register_prehook(lambda g: (g[0] + 1,))
        w.grad_fn.register_hook(lambda gi, go: (gi[0], gi[1] * 5))
        return w

    _, pull = torch.func.vjp(f, x)
    same = lambda t: t  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(same, same):
        pass
    return (
        pull(torch.tensor(1.0)),
        torch.func.grad(f)(x),
        torch.func.jvp(torch.func.grad(f), (x,), (x,)),
    )


def nan_in_transforms(torch):
    x = torch.tensor([-1.0, 4.0])

    def within(f, **settings):
        def run():
            with torch.autograd.detect_anomaly(**settings):
                return f()

        return attempt(run)

    root = lambda a: a.sqrt().sum()  # noqa: E731
    return [
        within(lambda: torch.func.grad(root)(x)),
        within(lambda: torch.func.vmap(torch.func.grad(torch.sqrt))(x)),
        within(lambda: torch.func.hessian(root)(x)),
        within(lambda: torch.func.vjp(torch.sqrt, x)[1](x)),
        within(lambda: torch.func.vjp(torch.sqrt, x)[1](x), check_nan=False),
    ]


def chunks_draw_the_same(torch):
    x = torch.zeros(5, 2)
    found = []
    for randomness in ("same", "different", "error"):
        torch.manual_seed(0)
        f = torch.vmap(lambda a: a + torch.rand(2), chunk_size=2, randomness=randomness)
        found.append(attempt(lambda f=f: f(x)))
    return found, torch.rand(1)


def values_of_transforms_looked_at(torch):
    look, found = torch.func.debug_unwrap, []

    def f(a):
        found.append([repr(look(a)), repr(look(a, recurse=False)), repr(look(a * 2))])
        return (a * a).sum()

    torch.func.grad(f)(torch.tensor([1.0, 2.0]))
    torch.vmap(torch.func.grad(f))(torch.ones(2, 2))
    torch.vmap(f)(torch.ones(2, 2))
    torch.func.jvp(f, (torch.ones(2),), (torch.ones(2),))
    return found


def cotangents_of_another_dtype(torch):
    x = torch.tensor([1.0, 2.0])
    _, pull = torch.func.vjp(lambda d: d["a"] * 2, {"a": x})
    return pull(x.double()), torch.func.vjp(torch.sin, x.double())[1](x)


# ---------------------------------------------------------------- the graph


def nodes_called(torch):
    x = _leaf(torch, 1, 2)
    node = (x * 2).grad_fn
    leaf = node.next_functions[0][0]
    return (
        attempt(lambda: node(torch.ones(2), torch.ones(2))),
        node(torch.ones(2)),
        attempt(lambda: leaf(torch.ones(2))),
        x.grad,
        attempt(lambda: x.split(1)[0].grad_fn(torch.ones(1))),
    )


def names_of_what_products_save(torch):
    a, b = torch.ones(2, 3, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    v = torch.ones(3, requires_grad=True)
    found = []
    for t in (a @ b, a[None].bmm(b[None]), a @ v, v @ v, torch.addmm(torch.ones(2), a, b)):
        node = t.grad_fn
        names = [n for n in dir(node) if n.startswith("_saved_")]
        found.append([n for n in names if isinstance(getattr(node, n), torch.Tensor)])
    return found


def what_is_kept_in_pinned_memory_may_be_written(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.graph.save_on_cpu(pin_memory=True):
        b = x * 1
        y = b.sin()
    b.mul_(5)
    y.sum().backward()
    return x.grad


def gradcheck_of_what_is_no_tensor(torch):
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradcheck
    return [attempt(lambda f=f: check(f, x)) for f in (lambda t: 3, lambda t: (t, None))]


def warnings_of_a_checkpoint_without_gradients(torch):
    checkpoint = _module(torch, "utils.checkpoint").checkpoint
    return warned(lambda: checkpoint(torch.sin, torch.ones(2), use_reentrant=True))


# ---------------------------------------------------------------- one saved value


def _programs(torch: Any) -> list[Any]:
    return [
        lambda x: x.sin(),
        lambda x: x.exp(),
        lambda x: x * x,
        lambda x: x * x.detach(),
        lambda x: x**2,
        lambda x: x / x.exp(),
        lambda x: x.softmax(0),
        lambda x: x.std(),
        lambda x: x[None] @ x[:, None],
        lambda x: x.max(0)[0],
        lambda x: x.clamp(0, 1.5),
        lambda x: torch.atan2(x, x + 1),
        lambda x: x.logsumexp(0),
    ]


def hooks_on_one_saved_value(torch):
    found = []
    for program in _programs(torch):
        x, seen = _leaf(torch, 1, 2), []

        def pack(t, seen=seen):
            seen.append("pack")
            return t.clone()

        def unpack(t, seen=seen):
            seen.append("unpack")
            return t

        y = program(x)
        node = y.grad_fn
        names = [n for n in dir(node) if n.startswith("_saved_")]
        name = next(n for n in names if isinstance(getattr(node, n), torch.Tensor))
        raw = getattr(node, "_raw" + name)
        raw.register_hooks(pack, unpack)
        again = attempt(lambda raw=raw: raw.register_hooks(pack, unpack))
        y.sum().backward(retain_graph=True)
        y.sum().backward()
        late = attempt(lambda raw=raw: raw.register_hooks(pack, unpack))
        freed = attempt(lambda y=y: y.sum().backward())
        found.append((node.name(), x.grad, seen.count("pack"), "unpack" in seen))
        found.append((again, late, freed))
    return found


def what_hooks_on_one_saved_value_do(torch):
    double, same = lambda t: t * 2, lambda t: t
    x = _leaf(torch, 1, 2)
    y = x.sin()
    y.grad_fn._raw_saved_self.register_hooks(double, same)
    y.sum().backward()
    z = x * x
    z.grad_fn._raw_saved_self.register_hooks(double, same)
    z.grad_fn._raw_saved_other.register_hooks(same, double)
    (g,) = torch.autograd.grad(z.sum(), x, create_graph=True)
    second = torch.autograd.grad(g.sum(), x)
    a = x * 1
    b = a.sin()
    b.grad_fn._raw_saved_self.register_hooks(lambda t: t.clone(), same)
    a.mul_(3)  # what was saved is kept elsewhere
    kept = torch.autograd.grad(b.sum(), x)
    c = x.exp()
    c.grad_fn._raw_saved_result.register_hooks(lambda t: t.clone(), same)
    d = c * 1
    c.mul_(3)
    out_kept = torch.autograd.grad(d.sum(), x)
    n = (x * 2).grad_fn
    refused = [
        attempt(lambda: n._raw_saved_self.register_hooks(same, same)),
        attempt(lambda: x.sin().grad_fn._raw_saved_self.register_hooks(lambda t: t.mul_(2), same)),
        attempt(lambda: x.sin().grad_fn._raw_saved_foo),
    ]
    with torch.autograd.graph.saved_tensors_hooks(same, same):
        w = x.sin()
    refused.append(attempt(lambda: w.grad_fn._raw_saved_self.register_hooks(same, same)))
    return x.grad, g, second, kept, out_kept, refused


def hooks_on_one_value_of_a_function(torch):
    class Keeps(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a, None, a * 2)
            return a * 2

        @staticmethod
        def backward(ctx, g):
            a, _, b = ctx.saved_tensors
            return g * a * b

    x = _leaf(torch, 1, 2)
    y = Keeps.apply(x)
    first, second, _ = y.grad_fn._raw_saved_tensors
    same = lambda t: t  # noqa: E731
    first.register_hooks(same, lambda t: t * 10)
    refused = attempt(lambda: second.register_hooks(same, same))
    y.sum().backward()
    return x.grad, refused


def batches_of_cotangents_where_hooks_keep_a_value(torch):
    x = _leaf(torch, 1, 2)
    y = x.sin()
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t * 1, lambda t: t)
    return torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)


def an_argument_given_back_unrecorded(torch):
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a

        @staticmethod
        def backward(ctx, g):
            return g

    x, t = _leaf(torch, 1, 2), torch.ones(2)
    with torch.no_grad():
        y = Same.apply(x)
    z = Same.apply(t)
    return y is x, y._is_view(), y.requires_grad, z is t, z._is_view()


def the_switch_for_threads_in_grad_mode(torch):
    switch = _module(torch, "autograd.grad_mode").set_multithreading_enabled
    with switch(False) as nothing:
        return nothing, switch(False).prev, switch(True).prev


# ---------------------------------------------------------------- autograd inside of transforms


def autograd_inside_vmap_of_grad(torch):
    vmap, grad = torch.func.vmap, torch.func.grad
    x = torch.arange(6.0).reshape(3, 2) / 4

    def penalty(t):
        y = t.sin() * t
        (g,) = torch.autograd.grad(y.sum(), t, create_graph=True)
        return (g * g).sum()

    def weighted(t):
        (g,) = torch.autograd.grad(t.exp(), t, torch.ones(2), create_graph=True)
        return (g * t).sum()

    def jacobian(t):
        f = torch.autograd.functional.jacobian
        return f(lambda u: u * u.sum(), t, create_graph=True).sum()

    def not_a_number(t):
        return torch.autograd.grad(t * t, t)[0].sum()

    return [
        *[vmap(grad(f))(x) for f in (penalty, weighted, jacobian)],
        attempt(lambda: vmap(grad(not_a_number))(x)),
    ]


def hooks_inside_vmap_of_grad(torch):
    seen = []

    def f(t):
        t.register_hook(lambda g: g * 10)
        y = t * t
        y.register_hook(lambda g: seen.append(tuple(g.shape)))
        y.register_hook(lambda g: torch.full((2,), 3.0))
        return y.sum()

    return [torch.func.vmap(torch.func.grad(f))(torch.ones(3, 2)), seen]


def writing_under_vmap_with_saved_tensor_hooks(torch):
    def f(t):
        with torch.autograd.graph.saved_tensors_hooks(lambda s: s * 1, lambda s: s):
            y = t * t
            y.mul_(2)
            y[0] = 5
            return y

    return torch.func.vmap(f)(torch.ones(3, 2))


def gradients_kept_and_asked_for(torch):
    x = _leaf(torch, 1, 2)
    y = x * 3
    y.retain_grad()
    y.sum().backward(inputs=[y])
    first = [y.grad, x.grad]
    z = x * 3
    z.sum().backward(inputs=[z, x], retain_graph=True)
    z.sum().backward(inputs=[z])
    return [*first, z.grad, x.grad, z.retains_grad]


def recording_switched_on_in_inference_mode(torch):
    x = _leaf(torch, 1, 2)
    with torch.inference_mode(), torch.enable_grad():
        made, view = x.exp(), x[0]
        made.add_(1)
        return [made.requires_grad, view.requires_grad, made.is_inference(), view.is_inference(),
                torch.is_grad_enabled()]  # fmt: skip
