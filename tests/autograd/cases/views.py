"""Views and in-place operations: who follows whom, and what is refused."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def _grid(torch: Any) -> Any:
    return torch.arange(6.0).reshape(2, 3).requires_grad_()


def write_through_a_view(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 2
    v = y[:2]
    v.mul_(10)
    y.sum().backward()
    return y, v, x.grad, v._base is y, v._is_view(), y._version, v._version


def write_the_base_under_a_view(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 2
    v = y[:2]
    y.mul_(10)
    v.sum().backward()
    return y, v, x.grad


def chain_of_views(torch):
    x = _grid(torch)
    y = x * 1
    a = y.t()
    b = a[1:]
    c = b[:, 0]
    c.mul_(100)
    names = [t.grad_fn.name() for t in (y, a, b, c)]
    (y.sum() + b.sum() + c.sum()).backward()
    return y, a, b, c, names, x.grad, c._base is y


def two_views_overlapping(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    a, b = y[:2], y[1:]
    a.mul_(2)
    b.mul_(3)
    a.mul_(5)
    (y.sum() + a.sum() + b.sum()).backward()
    return y, a, b, x.grad, y._version


def write_a_tensor_that_requires_grad_into_a_view(torch):
    w = _leaf(torch, 5, 6)
    y = torch.zeros(3)
    v = y[:2]
    v.copy_(w)
    (y * 2).sum().backward()
    return y, v, w.grad, y.requires_grad, y.grad_fn.name(), v.grad_fn.name()


def write_before_the_view_requires(torch):
    w = _leaf(torch, 5)
    y = torch.zeros(3)
    v = y[1:]
    y[0] = 1.0
    y[:1].add_(w)
    return y, v, v.requires_grad


def leaf_refused(torch):
    x = _leaf(torch, 1, 2)
    return (
        attempt(lambda: x.mul_(2)),
        attempt(lambda: x[:1].mul_(2)),
        attempt(lambda: x.detach().mul_(2)),
        x,
    )


def leaf_under_no_grad(torch):
    x = _leaf(torch, 1, 2)
    with torch.no_grad():
        x.mul_(2)
        x[:1].add_(1)
    return x, x._version


def setitem_on_a_leaf(torch):
    x = _leaf(torch, 1, 2)

    def write():
        x[0] = 3.0

    return attempt(write)


def view_of_leaf_then_no_grad_write(torch):
    x = _leaf(torch, 1, 2)
    v = x[:1]
    with torch.no_grad():
        v.mul_(5)
    (v * 2).sum().backward()
    return x, v.detach(), x.grad


def no_grad_view_written_with_grad(torch):
    y = _leaf(torch, 1, 2, 3) * 2
    with torch.no_grad():
        v = y[:2]
    return v.requires_grad, attempt(lambda: v.mul_(2))


def no_grad_view_of_a_leaf_written(torch):
    x = _leaf(torch, 1, 2, 3)
    with torch.no_grad():
        v = x[:2]
    return attempt(lambda: v.mul_(2)), attempt(lambda: v.requires_grad)


def no_grad_view_after_the_base_was_written(torch):
    y = _leaf(torch, 1, 2, 3) * 2
    with torch.no_grad():
        v = y[:2]
    y.mul_(2)
    return attempt(lambda: v.requires_grad), attempt(lambda: v.grad_fn)


def enable_grad_view_of_no_grad_view(torch):
    y = _leaf(torch, 1, 2, 3) * 2
    with torch.no_grad():
        v = y[:2]
    w = v[:1]
    return w.requires_grad, attempt(lambda: w.mul_(2))


def unbind_output_written(torch):
    y = _grid(torch) * 1
    a, b = y.unbind(0)
    return attempt(lambda: a.mul_(2)), a.grad_fn.name(), b.output_nr


def split_output_written(torch):
    y = _leaf(torch, 1, 2, 3, 4) * 1
    found = []
    for name in ("split", "chunk", "tensor_split"):
        parts = getattr(y, name)(2)
        found.append((attempt(lambda parts=parts: parts[1].mul_(2)), parts[0].grad_fn.name()))
    return found


def iterated_output_written(torch):
    y = _grid(torch) * 1
    return [attempt(lambda row=row: row.mul_(2)) for row in y]


def unbind_then_base_written(torch):
    y = _grid(torch) * 1
    a, b = y.unbind(0)
    y.mul_(2)
    return attempt(lambda: a.grad_fn), attempt(lambda: (b * 2).sum().backward())


def unbind_output_viewed_and_written(torch):
    y = _grid(torch) * 1
    a, _ = y.unbind(0)
    v = a[:1]
    return attempt(lambda: v.mul_(2))


def unbind_under_no_grad(torch):
    y = _grid(torch) * 1
    with torch.no_grad():
        a, _ = y.unbind(0)
        a.mul_(2)
    return y, attempt(lambda: a.mul_(2))


def detach_of_a_view(torch):
    y = _leaf(torch, 1, 2, 3) * 1
    v = y[:2]
    d = v.detach()
    d.mul_(5)
    return y, d.requires_grad, d._is_view(), y._version, v._version, d._version


def detach_shares_the_version(torch):
    x = _leaf(torch, 1, 2)
    y = x * x
    x.detach().mul_(2)
    return attempt(lambda: y.sum().backward())


def data_does_not_share_the_version(torch):
    x = _leaf(torch, 1, 2)
    y = x * x
    x.data.mul_(2)
    return attempt(lambda: y.sum().backward()), x, x.grad, x._version


def detach_in_place(torch):
    x = _leaf(torch, 1, 2)
    y = x * 2
    z = y * 3
    same = y.detach_()
    z.sum().backward()
    return same is y, y.requires_grad, y.is_leaf, x.grad, x.detach_().requires_grad


def detach_in_place_of_a_view(torch):
    y = _leaf(torch, 1, 2, 3) * 1
    v = y[:2]
    plain = torch.zeros(3)[:2]
    return attempt(v.detach_), attempt(plain.detach_), attempt(_leaf(torch, 1, 2)[:1].detach_)


def requires_grad_on_views(torch):
    y = torch.zeros(3)
    v = y[:2]
    v.requires_grad_()
    (v * 3).sum().backward()
    z = _leaf(torch, 1, 2) * 1
    w = z[:1]
    return (
        v.grad,
        y.requires_grad,
        v.is_leaf,
        attempt(lambda: w.requires_grad_(False)),
        attempt(lambda: v.mul_(2)),
        attempt(lambda: y.mul_(2)),
    )


def requires_grad_setter(torch):
    x = torch.ones(2)
    x.requires_grad = True
    y = x * 2

    def off():
        y.requires_grad = False

    def integer():
        torch.arange(2).requires_grad = True

    return x, attempt(off), attempt(integer), attempt(lambda: torch.arange(2).requires_grad_())


def data_setter(torch):
    x = _leaf(torch, 1, 2)
    before = x._version
    x.data = torch.tensor([5.0, 6.0, 7.0])
    (x * x).sum().backward()

    def other_dtype():
        x.data = torch.arange(3)

    def not_a_tensor():
        x.data = 3

    return x, x.grad, x._version - before, attempt(other_dtype), attempt(not_a_tensor)


def grad_setter(torch):
    x = _leaf(torch, 1, 2)

    def put(value):
        x.grad = value

    x.grad = torch.tensor([1.0, 1.0])
    (x * x).sum().backward()
    kept = x.grad
    found = [
        attempt(lambda v=v: put(v))
        for v in (
            torch.ones(3),
            torch.ones(2, dtype=torch.float64),
            3,
            torch.arange(2),
            x,
            torch.ones(2, 1),
        )
    ]
    put(None)
    return kept, found, x.grad


def grad_of_a_non_leaf(torch):
    y = _leaf(torch, 1, 2) * 2
    return warned(lambda: y.grad), warned(lambda: torch.ones(1).grad)


def accumulation_is_in_place(torch):
    x = _leaf(torch, 1, 2)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    same = first is x.grad
    (x * x).sum().backward(create_graph=True)
    return same, first, x.grad, x.grad is first


def out_refused(torch):
    x = _leaf(torch, 1, 2)
    out = torch.empty(2)
    needs = _leaf(torch, 1, 2)
    return (
        attempt(lambda: torch.mul(x, x, out=out)),
        attempt(lambda: torch.mul(out, out, out=needs)),
        attempt(lambda: torch.sum(x, 0, out=torch.empty(()))),
    )


def out_under_no_grad(torch):
    x = _leaf(torch, 1, 2)
    out = torch.zeros(2)
    with torch.no_grad():
        back = torch.mul(x, x, out=out)
    return out, back is out, out._version


def index_assignment(torch):
    x = _leaf(torch, 1, 2, 3)
    w = _leaf(torch, 10)
    y = x * 1
    y[1] = 7.0
    y[2:] = w
    (y * y).sum().backward()
    return y, x.grad, w.grad, y.grad_fn.name(), y._version


def mask_assignment(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    y[y > 1.5] = 0.0
    y.sum().backward()
    z = x * 1
    z[torch.tensor([0, 2])] = torch.tensor([5.0, 6.0])
    return y, x.grad, z, y.grad_fn.name(), z.grad_fn.name()


def assignment_through_a_view(torch):
    x = _grid(torch)
    y = x * 1
    row = y[1]
    row[0] = 50.0
    y[0, 1:] = row[:2]
    (y * y).sum().backward()
    return y, row, x.grad


def augmented_assignment_of_an_index(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    y[0] += 5
    y[1:] *= 2
    (y * y).sum().backward()
    return y, x.grad


def copy_in_place(torch):
    x = _leaf(torch, 1, 2)
    y = torch.zeros(2, dtype=torch.float64)
    y.copy_(x)
    y.sum().backward()
    z = torch.zeros(3, 2)
    z.copy_(x)
    z.sum().backward()
    return y, z, x.grad, y.grad_fn.name(), attempt(lambda: torch.zeros(2).copy_(torch.ones(3)))


def fill_and_zero(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * x
    y[:2].zero_()
    y[2:].fill_(5)
    y.sum().backward()
    z = x * x
    z.zero_()
    return y, x.grad, z.detach()


def saved_then_written(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    z = y * y
    e = y.exp()
    y.add_(1)
    w = y.sin()
    e.mul_(2)
    return (
        attempt(lambda: z.sum().backward()),
        attempt(lambda: w.sum().backward()),
        attempt(lambda: e.sum().backward()),
    )


def saved_through_a_view(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    z = y * y
    y[:1].add_(1)
    return attempt(lambda: z.sum().backward())


def saved_view_and_base_written(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    z = y[:1] * y[1:]
    y.add_(1)
    return attempt(lambda: z.sum().backward())


def expanded_written(torch):
    x = _leaf(torch, 1.0)
    y = (x * 1).expand(3)
    return attempt(lambda: y.mul_(2)), attempt(lambda: torch.ones(1).expand(3).add_(1))


def other_shapes_and_dtypes(torch):
    y = torch.ones(2)
    n = torch.arange(2)
    return (
        attempt(lambda: y.add_(torch.ones(3, 2))),
        attempt(lambda: n.add_(0.5)),
        attempt(lambda: n.mul_(torch.ones(2))),
        attempt(lambda: y.add_(torch.ones(2, dtype=torch.float64))),
        attempt(lambda: y.add_(torch.ones(2, dtype=torch.complex64))),
    )


def reshape_view_written(torch):
    x = _grid(torch)
    y = x * 1
    v = y.view(6)
    v[::2].mul_(3)
    y.sum().backward()
    return y, v, x.grad, v.grad_fn.name(), y.grad_fn.name()


def view_names(torch):
    x = _grid(torch)
    y = x * 1
    views = [
        y.t(),
        y.view(6),
        y[0],
        y[:, 1:],
        y.transpose(0, 1),
        y.unsqueeze(0),
        y.diagonal(),
        y.expand(2, 2, 3),
    ]
    views += [
        y.permute(1, 0),
        y.narrow(1, 0, 2),
        y.select(0, 1),
        y.view_as(y),
        y.flatten(),
        y.reshape(3, 2),
        y.squeeze(),
    ]
    return [(v.grad_fn.name(), v._is_view(), v._base is y) for v in views]


def as_strided_written(torch):
    x = _leaf(torch, 1, 2, 3, 4)
    y = x * 1
    v = y.as_strided((2, 2), (1, 2), 0)
    v[0].mul_(5)
    (y * y).sum().backward()
    return y, v, x.grad


def view_keeps_following(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    v = y[:2]
    y.mul_(2)
    v.add_(1)
    y.mul_(v.sum())
    (v * v).sum().backward()
    return y, v, x.grad


def in_place_chain(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    y.sin_().mul_(2).add_(1).exp_()
    y.sum().backward()
    return y, x.grad, y._version, y.grad_fn.name()


def in_place_of_itself(torch):
    x = _leaf(torch, 1, 2)
    y = x * 1
    y.mul_(y)
    out = y.sum()
    return y, attempt(out.backward), x.grad


def double_backward_through_in_place(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * x
    y[1:].mul_(x[:2])
    (g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    return g, torch.autograd.grad(g.sum(), x)


def write_a_detached_result(torch):
    x = _leaf(torch, 1, 2)
    y = torch.zeros(2)
    y.add_(x)
    y.detach_()
    y.add_(x)
    y.sum().backward()
    return y, x.grad


def inference_tensors(torch):
    with torch.inference_mode():
        t = torch.ones(2)
        u = t * 2
        u.add_(1)
    x = _leaf(torch, 1, 2)

    def view_then_write():
        with torch.inference_mode():
            v = x[:1]
        v.add_(1)

    return (
        u.tolist(),
        attempt(lambda: x + u),
        attempt(lambda: u.clone().add_(1)),
        u.is_inference(),
        attempt(lambda: u.add_(1)),
        attempt(lambda: x * u),
        attempt(lambda: u._version),
        attempt(lambda: u.requires_grad_()),
        attempt(view_then_write),
    )


def base_and_is_view(torch):
    y = torch.arange(4.0)
    v = y[1:]
    w = v[1:]
    d = v.detach()
    return (
        v._base is y,
        w._base is y,
        d._is_view(),
        y._base,
        y.data._is_view(),
        v.clone()._is_view(),
    )


def storage_facts(torch):
    y = torch.arange(6.0).reshape(2, 3)
    v = y[1, 1:]
    return v.storage_offset(), v.stride(), y.t().stride(), y.t().is_contiguous(), v.is_contiguous()


def swap_halves_in_place(torch):
    x = _leaf(torch, 1, 2, 3, 4)
    y = x * 1
    a, b = y[:2], y[2:]
    keep = a.clone()
    a.copy_(b)
    b.copy_(keep * 2)
    (y * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    return y, x.grad


def retained_grad_of_a_written_view(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    v = y[:2]
    v.retain_grad()
    y.retain_grad()
    v.mul_(3)
    (y * 2).sum().backward()
    return warned(lambda: v.grad)[0], y.grad, x.grad


def view_of_a_view_after_the_base_is_gone(torch):
    x = _leaf(torch, 1, 2, 3)

    def make():
        y = x * 2
        return y[1:]

    v = make()
    v.mul_(3)
    v.sum().backward()
    return v, x.grad, v._base.grad_fn.name()


def set_data_of_a_view(torch):
    y = torch.arange(4.0)
    v = y[1:]
    v.data = torch.zeros(3)
    v.add_(1)
    return y, v


def zero_dim_views(torch):
    x = _leaf(torch, 1, 2, 3)
    y = x * 1
    s = y[1]
    s.mul_(10)
    y.sum().backward()
    t = torch.tensor(2.0)
    u = t.view(1)
    u.add_(1)
    return y, s, x.grad, t, u


def complex_parts(torch):
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = z * 1
    y.real.mul_(10)
    y.imag.zero_()
    torch.view_as_real(y)[:, 1].add_(1)
    y.abs().sum().backward()
    return y.detach(), z.grad
