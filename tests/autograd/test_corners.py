"""What the recorded cases of `cases/corners.py` cannot say: files, refusals, and where chainrule is
right and PyTorch is not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import chainrule as torch
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.core import watch


def test_weight_norm_twice() -> None:
    torch.manual_seed(0)
    for shape, dim in (((3, 2), 0), ((3, 2), 1), ((2, 3, 2), 0), ((2, 3, 2), 1), ((4,), 0)):
        v = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        kept = [n if i == dim else 1 for i, n in enumerate(shape)]
        g = torch.randn(kept, dtype=torch.float64, requires_grad=True)

        def f(v: Any, g: Any, dim: int = dim) -> Any:
            return torch._weight_norm(v, g, dim) ** 2

        assert gradcheck(f, (v, g), check_forward_ad=True)
        assert gradgradcheck(f, (v, g))
        others = [i for i in range(len(shape)) if i != dim]
        norm = (v * v).sum(others, keepdim=True).sqrt() if others else v.abs()
        assert torch.allclose(torch._weight_norm(v, g, dim), v * g / norm)


def test_a_trace_is_written(tmp_path: Path) -> None:
    profiler = torch.profiler
    handler = profiler.tensorboard_trace_handler(str(tmp_path / "traces"), "worker", use_gzip=True)
    with profiler.profile(on_trace_ready=handler) as p:
        p.add_metadata("run", "first")
        p.add_metadata_json("sizes", "[1, 2]")
        with profiler.record_function("mine"):
            torch.ones(3).sin()
    (path,) = (tmp_path / "traces").iterdir()
    assert path.name.startswith("worker.") and path.name.endswith(".pt.trace.json.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        trace = json.load(file)
    assert trace["run"] == "first" and trace["sizes"] == [1, 2]
    assert {"sin", "mine"} <= {e["name"] for e in trace["traceEvents"]}
    p.export_chrome_trace(str(tmp_path / "plain.json"))
    assert json.loads((tmp_path / "plain.json").read_text()) == trace


def test_a_profile_of_other_devices_is_refused() -> None:
    activity = torch.profiler.ProfilerActivity
    with pytest.raises(AssertionError, match="No activities specified for the profiler"):
        torch.profiler.profile(activities=[activity.CUDA])
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        torch.profiler.profile(colour=1)
    assert torch.profiler.supported_activities() == {activity.CPU}


def test_events_of_all_cycles() -> None:
    schedule = torch.profiler.schedule(wait=0, warmup=1, active=1)
    seen = []

    def ready(p: Any) -> None:
        seen.append(sum(e.name == "aten::sin" for e in p.events()))

    with torch.profiler.profile(schedule=schedule, on_trace_ready=ready, acc_events=True) as p:
        for _ in range(6):
            torch.ones(2).sin()
            p.step()
    assert seen == [1, 2, 3]
    starts = [e.time_range.start for e in p.events()]
    assert starts == sorted(starts) and starts[0] >= 0


@pytest.mark.parametrize("name", ["emit_nvtx", "emit_itt"])
def test_emitters_are_refused(name: str) -> None:
    emit = getattr(torch.autograd.profiler, name)
    with pytest.raises(AssertionError, match="Hint: torch"), emit():
        raise RuntimeError("entered")
    with emit(enabled=False):
        pass


def test_the_cycle_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_told", [])
    x = torch.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="will create a reference cycle") as caught:
        (x**2).sum().backward(create_graph=True)
        (x**2).sum().backward(create_graph=True)
        torch.autograd.grad((x**2).sum(), x, create_graph=True)
    assert [w.filename for w in caught] == [__file__]


def test_swapping_parameters_keeps_the_objects() -> None:
    from chainrule import __future__ as future

    future.set_swap_module_params_on_conversion(True)
    future.set_overwrite_module_params_on_conversion(True)
    try:
        layer = torch.nn.Linear(2, 2)
        weight = layer.weight
        assert layer.double().weight is weight and weight.dtype is torch.float64
        assert future.get_swap_module_params_on_conversion()
    finally:
        future.set_swap_module_params_on_conversion(False)
        future.set_overwrite_module_params_on_conversion(False)
