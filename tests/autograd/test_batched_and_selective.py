"""Batched gradients, selective checkpoints, functionalize and the profiler's table: what the
recorded answers of PyTorch do not say."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import pytest

import chainrule as torch
from chainrule.autograd import profiler
from chainrule.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from chainrule.utils import checkpoint as cp


def leaf(*values: float) -> Any:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


# ---------------------------------------------------------------- gradcheck of batches


class ReadsElements(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g if float(g.sum()) != 7 else -g


class AnotherOneInBatches(torch.autograd.Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return Passes.apply(g)


class Passes(torch.autograd.Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        return x * 2, in_dims[0]


def test_a_backward_that_cannot_be_batched_is_found() -> None:
    x = leaf(0.5, 1.5)
    assert gradcheck(ReadsElements.apply, x)
    with pytest.raises(GradcheckError, match="While computing batched gradients, got: vmap"):
        gradcheck(ReadsElements.apply, x, check_batched_grad=True)


def test_a_backward_that_is_another_one_in_batches_is_found() -> None:
    x = leaf(0.5, 1.5)
    assert gradcheck(AnotherOneInBatches.apply, x)
    with pytest.raises(GradcheckError, match="For output 0 and input 0") as caught:
        gradcheck(AnotherOneInBatches.apply, x, check_batched_grad=True)
    assert "Got:" in str(caught.value)
    assert "Expected:" in str(caught.value)


def test_forward_over_reverse_is_checked() -> None:
    assert gradgradcheck(lambda t: (t**3).sin(), leaf(0.3, 0.7), check_fwd_over_rev=True)
    assert gradcheck(torch.exp, leaf(0.3), check_forward_ad=True, check_batched_forward_grad=True)


def test_fast_mode_finds_what_is_not_repeatable() -> None:
    class Noisy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * (1 + 1e-9 * torch.rand((), dtype=torch.float64))

    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(Noisy.apply, leaf(1.0, 2.0), fast_mode=True)
    assert gradcheck(Noisy.apply, leaf(1.0, 2.0), fast_mode=True, nondet_tol=1e-6)


def test_a_batched_walk_releases_the_graph() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp() * x
    eye = torch.eye(2, dtype=torch.float64)
    first = torch.autograd.grad(y, x, eye, is_grads_batched=True, retain_graph=True)
    again = torch.autograd.grad(y, x, eye, is_grads_batched=True)
    assert torch.equal(first[0], again[0])
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(y, x, eye, is_grads_batched=True)
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()


@pytest.mark.parametrize("module", ["gradcheck", "variable"])
def test_a_module_does_not_take_its_function_s_place(module: str) -> None:
    program = (
        "import chainrule; chainrule.install()\n"
        f"import torch, torch.autograd.{module}\n"
        f"from torch.autograd.{module} import __all__\n"
        f"assert not isinstance(torch.autograd.{module}, type(torch)), 'hidden'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# ---------------------------------------------------------------- selective checkpoints


def test_what_is_kept_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []
    kernel = torch.ops.aten.exp.default.function.prim.kernel
    monkeypatch.setattr(
        torch.exp.prim, "kernel", lambda x: (computed.append(x.shape), kernel(x))[1]
    )

    def run(ops: Any) -> int:
        computed.clear()
        x = leaf(0.1, 0.2)
        make = functools.partial(cp.create_selective_checkpoint_contexts, ops)
        y = cp.checkpoint(lambda t: t.exp().sin(), x, use_reentrant=False, context_fn=make)
        y.sum().backward()
        found = len(computed)
        assert torch.allclose(x.grad, x.exp().cos() * x.exp())
        return found

    assert run([torch.sin]) == 2
    assert run([torch.exp]) == 1
    assert run([torch.ops.aten.exp.default]) == 1


def test_a_policy_names_functions() -> None:
    seen = []

    def policy(ctx: Any, op: Any, *args: Any, **kwargs: Any) -> bool:
        seen.append(op)
        return op in (torch.mm, torch.sin)

    make = functools.partial(cp.create_selective_checkpoint_contexts, policy)
    a = torch.ones(2, 2, requires_grad=True)
    cp.checkpoint(
        lambda t: torch.bmm(t[None], t[None]).sin() @ torch.ones(2),
        a,
        use_reentrant=False,
        context_fn=make,
    ).sum().backward()
    assert [str(op) for op in seen if "mm" in str(op)] == ["aten.bmm.default"]
    assert torch.sin in seen
    assert torch.cos not in seen


def test_a_list_with_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected op in `op_list` to be an OpOverload"):
        cp.create_selective_checkpoint_contexts(["mm"])
    with pytest.raises(TypeError, match="must be either a function or a list of ops"):
        cp.create_selective_checkpoint_contexts(3)


def test_there_are_no_other_devices() -> None:
    with pytest.raises(RuntimeError, match="no device"):
        cp.set_device_states([0], [torch.get_rng_state()])


# ---------------------------------------------------------------- functionalize


def test_closures_may_be_written_where_pytorch_fails() -> None:
    total = torch.zeros(2)

    def add(x: Any) -> Any:
        total.add_(x)
        return total * 1

    assert torch.func.functionalize(add)(torch.ones(2)).tolist() == [1, 1]
    assert total.tolist() == [1, 1]


def test_below_functionalize_nothing_is_written() -> None:
    from chainrule.core.interpreter import Interpreter, below

    class Watch(Interpreter):
        written = 0

        def process(self, prim: Any, inputs: Any, params: Any) -> Any:
            with below(self):
                return prim.call(*inputs, params=params)

        def writing(self, target: Any) -> None:
            self.written += 1

    def f(x: Any) -> Any:
        y = x.clone()
        y[0] = 3
        y.view(-1).mul_(x).add_(1)
        return y

    x = torch.ones(3)
    with Watch() as plain:
        expected = f(x)
    with Watch() as pure:
        made = torch.func.functionalize(f)(x)
    assert plain.written
    assert not pure.written
    assert torch.equal(made, expected)


# ---------------------------------------------------------------- profiler


def test_averages_and_parents() -> None:
    x = torch.ones(3, 3, requires_grad=True)

    @profiler.record_function("decorated")
    def part() -> Any:
        return x.sin()

    with profiler.profile(record_shapes=True) as prof:
        with profiler.record_function("outer"):
            y = part()
        y.sum().backward()
    averages = {e.key: e for e in prof.key_averages()}
    assert {"outer", "decorated", "aten::sin", "SinBackward0"} <= set(averages)
    events = {e.name: e for e in prof.function_events}
    assert events["aten::sin"].cpu_parent is events["decorated"]
    assert events["decorated"].cpu_parent is events["outer"]
    assert events["outer"].self_cpu_time_total < events["outer"].cpu_time_total
    assert events["aten::sin"].input_shapes == [[3, 3]]
    table = prof.key_averages(group_by_input_shape=True).table(
        sort_by="cpu_time_total", row_limit=2
    )
    assert table.count("\n") == 7
    assert "[[3, 3]]" in prof.table(sort_by="count")
    assert prof.total_average().count == len(prof.function_events)
    with pytest.raises(AttributeError):
        prof.key_averages().table(sort_by="nothing")
    with pytest.raises(RuntimeError, match="not reentrant"):
        prof.__enter__()
