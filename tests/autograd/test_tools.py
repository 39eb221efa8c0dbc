"""gradcheck, anomaly mode, profiler and checkpoint: what they say, beyond PyTorch's answers."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

import chainrule as torch
from chainrule.utils.checkpoint import CheckpointError, checkpoint

autograd = torch.autograd


def leaf(*values: float, dtype: Any = None) -> Any:
    return torch.tensor(values, dtype=dtype or torch.float64, requires_grad=True)


class Tripled(autograd.Function):
    """Has the wrong gradient for its second element."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * torch.tensor([2.0, 3.0], dtype=torch.float64)


# ---------------------------------------------------------------- gradcheck


def test_the_worst_element_is_named() -> None:
    with pytest.raises(autograd.gradcheck.__globals__["GradcheckError"]) as caught:
        autograd.gradcheck(lambda a, b: a * Tripled.apply(b), (leaf(1.0, 1.0), leaf(5.0, 6.0)))
    text = str(caught.value)
    assert text.startswith("Jacobian mismatch for output 0 with respect to input 1,\nnumerical:")
    assert "d output 0[1] / d input 1[1]: analytical 3, numerical 2 (1 of 4 disagree)" in text
    assert "Hint: the backward is wrong there" in text


def test_a_kink_is_told() -> None:
    with pytest.raises(RuntimeError, match="a kink or a jump there: slope 0 on the left, 1 on the"):
        autograd.gradcheck(torch.relu, leaf(0.0, 1.0))


def test_float32_is_told() -> None:
    with pytest.warns(UserWarning, match="not a double precision"):
        with pytest.raises(RuntimeError, match="use float64 inputs"):
            autograd.gradcheck(torch.exp, leaf(3.0, dtype=torch.float32))


@pytest.mark.parametrize("fast", [False, True])
def test_forward_mode_is_checked(fast: bool) -> None:
    x, y = leaf(0.5, 1.5), leaf(2.0, -1.0)
    options = {"check_forward_ad": True, "fast_mode": fast, "check_batched_grad": True}
    assert autograd.gradcheck(lambda a, b: (a * b.sin(), a.exp()), (x, y), **options)


def test_fast_mode_finds_what_the_slow_one_finds() -> None:
    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0"):
        autograd.gradcheck(Tripled.apply, leaf(1.0, 2.0), fast_mode=True)
    assert not autograd.gradcheck(
        Tripled.apply, leaf(1.0, 2.0), fast_mode=True, raise_exception=False
    )


def test_inputs_are_left_as_they_were() -> None:
    x = leaf(0.25, 1.5)
    autograd.gradcheck(torch.exp, x)
    autograd.gradgradcheck(torch.exp, x, fast_mode=True)
    assert x.tolist() == [0.25, 1.5] and x.grad is None


# ---------------------------------------------------------------- anomaly mode


def test_forward_stops_at_the_first_nan() -> None:
    x = leaf(1.0, -1.0)
    with autograd.set_detect_anomaly(True, forward=True):
        y = x * 2
        with pytest.raises(RuntimeError, match="Operation 'log' returned nan values") as caught:
            y.log().exp()
    assert "test_tools.py" in str(caught.value)
    assert (x * 2).log().isnan().any()  # and not any more


def test_forward_lets_old_nans_pass() -> None:
    x = leaf(float("nan"), 1.0)
    with autograd.set_detect_anomaly(True, forward=True):
        assert (x * 2).sum().isnan()


def test_the_state_survives_errors_and_any_order() -> None:
    autograd.set_detect_anomaly(True)
    with torch.inference_mode():
        torch.ones(1)
    with autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        autograd.set_detect_anomaly(False)
    assert not torch.is_anomaly_enabled()
    with pytest.raises(KeyError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with autograd.detect_anomaly():
            raise KeyError
    assert not torch.is_anomaly_enabled()


def test_the_warning_shows_two_forwards_of_a_second_derivative() -> None:
    x = leaf(0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", RuntimeWarning)
        with autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="nan values"):
            (g,) = autograd.grad(x.sqrt().sum(), x, create_graph=True)
            (g * 0).sum().backward()
    text = str(caught[0].message)
    assert "Error detected in" in text and "Previous calculation was induced by" in text


# ---------------------------------------------------------------- profiler


def test_profile_sees_ops_rules_and_ranges(tmp_path: Path) -> None:
    x = torch.ones(100, requires_grad=True)
    with autograd.profiler.profile(record_shapes=True) as prof:
        with autograd.profiler.record_function("part"):
            y = (x.exp() * x).sum()
        y.backward()
    phases = [(e.name, e.phase) for e in prof.events()]
    assert phases[:4] == [
        ("exp", "forward"),
        ("mul", "forward"),
        ("sum", "forward"),
        ("part", "range"),
    ]
    assert {p for _, p in phases[4:]} == {"backward"}
    assert prof.events()[0].shapes == ([100],)
    assert sum(e.saved for e in prof.events()) == 800
    assert all("test_tools.py" in e.line for e in prof.events())
    table = prof.table(by="line")
    assert "test_tools.py" in table and "saved for backward" in table
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(phases) and all(e["ph"] == "X" for e in events)


def test_profile_is_off_outside_and_when_disabled() -> None:
    with autograd.profiler.profile(enabled=False) as prof:
        torch.ones(2, requires_grad=True).sum().backward()
    assert prof.events() == []
    with autograd.profiler.profile() as prof:
        with pytest.raises(RuntimeError, match="inside another"):
            autograd.profiler.profile().__enter__()
    torch.ones(2) * 2
    assert prof.events() == []
    with pytest.raises(ValueError, match="by must be one of"):
        prof.rows(by="thread")


def test_a_range_is_no_part_of_the_total() -> None:
    x = torch.ones(100, requires_grad=True)
    with autograd.profiler.profile() as prof, autograd.profiler.record_function("all of it"):
        x.exp().sum().backward()
    (row,) = [line for line in prof.table().splitlines() if line.startswith("all of it")]
    assert "%" not in row
    assert sum(spent for _, _, spent, _ in prof.rows(by="line")) == prof.total()
    assert "all of it" not in prof.table(by="op and line")
    nothing = autograd.profiler.profile().table()
    assert nothing.endswith("0.0 ns in ops and rules, 0 B saved for backward")


def test_profile_takes_the_options_that_pytorch_has() -> None:
    autograd.profiler.profile(with_stack=True, profile_memory=True, use_kineto=False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'shapes'"):
        autograd.profiler.profile(shapes=True)


# ---------------------------------------------------------------- checkpoint


def test_checkpoint_keeps_nothing_but_the_argument() -> None:
    x = torch.ones(1000, requires_grad=True)

    def part(t: Any) -> Any:
        for _ in range(10):
            t = t.exp().sin()
        return t.sum()

    kept = autograd.graph.saved_report(part(x))
    assert kept.total == 40_000  # the results of exp, which sin saves as well
    assert autograd.graph.saved_report(checkpoint(part, x, use_reentrant=False)).total == 0


def test_another_computation_is_explained() -> None:
    calls = []

    def part(t: Any) -> Any:
        calls.append(1)
        return t.sin() if len(calls) == 1 else t[:1].sin()

    y = checkpoint(part, leaf(1.0, 2.0), use_reentrant=False, debug=True)
    with pytest.raises(CheckpointError, match="must compute the same when it runs again") as caught:
        y.sum().backward()
    assert "forward saved 0" in str(caught.value)


def test_segments_are_counted_from_one() -> None:
    from chainrule.utils.checkpoint import checkpoint_sequential

    with pytest.raises(ValueError, match="segments must be at least 1"):
        checkpoint_sequential([torch.sin], 0, leaf(1.0), use_reentrant=False)


@pytest.mark.parametrize("inner", [True, False])
def test_anomaly_mode_switched_inside_of_other_modes(inner: bool) -> None:
    same = lambda t: t  # noqa: E731
    switch = autograd.set_detect_anomaly
    with switch(True):
        with autograd.graph.saved_tensors_hooks(same, same):
            with switch(inner, check_nan=False):
                y = leaf(1.0, 2.0).exp()
                assert torch.is_anomaly_enabled() is inner
            assert torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        z = leaf(1.0).exp()
    assert not torch.is_anomaly_enabled()
    assert "traceback_" in z.grad_fn.metadata
    assert ("traceback_" in y.grad_fn.metadata) is inner
