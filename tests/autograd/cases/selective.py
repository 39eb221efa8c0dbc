"""`torch.utils.checkpoint`: selective policies, groups of backward calls, device states."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from autograd.answers import attempt


def _module(torch: Any) -> Any:
    return importlib.import_module(torch.__name__ + ".utils.checkpoint")


def _xy(torch: Any) -> Any:
    x = torch.linspace(0.1, 1, 9).reshape(3, 3).requires_grad_()
    return x, torch.linspace(-1, 1, 9).reshape(3, 3).requires_grad_()


def _products(torch: Any) -> Any:
    return lambda x, y: torch.sigmoid(torch.matmul(torch.matmul(x, y), y)) * y


def _run(torch: Any, what: Any, f: Any = None, **options: Any) -> Any:
    m, (x, y) = _module(torch), _xy(torch)
    make = functools.partial(m.create_selective_checkpoint_contexts, what, **options)

    def go():
        out = m.checkpoint(f or _products(torch), x, y, use_reentrant=False, context_fn=make)
        out.sum().backward()
        return x.grad, y.grad

    return attempt(go)


def lists_of_ops(torch):
    aten = torch.ops.aten
    lists = [
        [],
        [aten.mm.default],
        [aten.sigmoid.default, aten.mul.Tensor],
        [aten.mm.default, aten.sigmoid.default, aten.mul.Tensor],
    ]
    return [_run(torch, ops) for ops in lists]


def policies(torch):
    P = _module(torch).CheckpointPolicy
    return [
        _run(torch, lambda ctx, op, *args, said=said, **kwargs: said)
        for said in (True, False, P.MUST_SAVE, P.PREFER_SAVE, P.MUST_RECOMPUTE, P.PREFER_RECOMPUTE)
    ], [p.name for p in P]


def what_a_policy_sees(torch):
    seen = []

    def policy(ctx, op, *args, **kwargs):
        seen.append([str(op), ctx.is_recompute, ctx.op_output.detach(), len(args)])
        return op == torch.ops.aten.mm.default

    found = _run(torch, policy)
    return found, seen


def what_is_computed_again(torch):
    """How often a Function inside the part runs, and how often its result is kept."""
    runs = []

    def f(x, y):
        runs.append("run")
        return torch.mm(x, y).sin()

    _run(torch, [torch.ops.aten.mm.default], f)
    return runs


def refused(torch):
    aten = torch.ops.aten
    return [
        str(_run(torch, [aten.mm])).split(" of type")[0],
        _run(torch, 3),
        str(_run(torch, ["mm"])).split(" of type")[0],
        attempt(lambda: aten.no_such_op),
        attempt(lambda: aten.mm.no_such_overload),
    ]


def backward_twice(torch):
    m, (x, y) = _module(torch), _xy(torch)
    make = functools.partial(m.create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
    out = m.checkpoint(_products(torch), x, y, use_reentrant=False, context_fn=make)
    out.sum().backward(retain_graph=True)
    return attempt(lambda: out.sum().backward())


def kept_and_then_written(torch):
    def f(x, y):
        a = torch.mm(x, y)
        b = a.sin()
        a.detach().mul_(2)
        return b

    keep = [torch.ops.aten.mm.default]
    return _run(torch, keep, f), _run(torch, keep, f, allow_cache_entry_mutation=True)


def another_computation(torch):
    runs = []

    def f(x, y):
        runs.append(0)
        product = torch.mm(x, y)
        return product.sin() if len(runs) == 1 else product.exp().sin()

    return _run(torch, [torch.ops.aten.mm.default], f)


def dropout_inside(torch):
    torch.manual_seed(3)
    return _run(
        torch, [torch.ops.aten.mm.default], lambda x, y: torch.dropout(torch.mm(x, y), 0.5, True)
    )


def several_outputs_and_views(torch):
    def f(x, y):
        values, where = torch.mm(x, y).max(1)
        return values * y[0] + torch.cat([x[0, :2], y[2, :1]]).t() + where.float()

    return _run(torch, lambda *a, **k: True, f), _run(torch, lambda *a, **k: False, f)


def ops_of_aten(torch):
    mm = torch.ops.aten.mm.default
    return [
        str(mm),
        repr(mm),
        mm.name(),
        torch.ops.aten.add.Tensor.name(),
        str(torch.ops.aten.mm),
        mm == torch.ops.aten.mm.default,
        mm == torch.ops.aten.bmm.default,
        mm in {torch.ops.aten.mm.default: 1},
        mm(torch.eye(2), torch.ones(2, 2)),
        torch.ops.aten.detach.default in _module(torch).SAC_IGNORED_OPS,
    ]


def groups(torch):
    m = _module(torch)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    runs = []

    def f(t):
        runs.append(0)
        return t.exp(), t.sin()

    a, b = m.checkpoint(f, x, use_reentrant=False)
    with m.GraphExecGroup():
        a.sum().backward()
        b.sum().backward()

    def nested():
        with m.GraphExecGroup(), m.GraphExecGroup():
            pass

    return x.grad, len(runs), str(attempt(nested)).split(" <")[0]


def device_states(torch):
    m = _module(torch)
    return [
        m.get_device_states(torch.ones(2), [torch.ones(2)], 3),
        m.set_device_states([], []),
        m.DefaultDeviceType.get_device_type(),
    ]
