"""Every optimizer and scheduler against PyTorch's recorded answers (record_all.py)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as torch


def load_recorder() -> ModuleType:
    path = Path(__file__).parent / "record_all.py"
    spec = importlib.util.spec_from_file_location("_record_all", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = load_recorder()
RECORDED = json.loads(recorder.DATA.read_text(encoding="utf-8"))
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(recorder.CASES)]


def close(a: Any, b: Any, tolerance: float) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def tolerance_of(name: str, options: dict[str, Any]) -> float:
    """Muon's products are rounded to bfloat16; a learning rate in float32 to float32."""
    return 1e-7 if name == "Muon" else 1e-10


@pytest.mark.parametrize("i", range(len(recorder.CASES)), ids=IDS)
def test_trajectory(i: int) -> None:
    name, options = recorder.CASES[i]
    steps = 6 if name == "LBFGS" else recorder.STEPS
    found, state = recorder.trajectory(torch, name, options, steps)
    want, want_state = RECORDED["trajectories"][i]
    tolerance = tolerance_of(name, options)
    for mine, theirs in zip(found, want, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            close(a, b, tolerance)
    assert {k: list(v) for k, v in state.items()} == {k: list(v) for k, v in want_state.items()}
    for key, values in want_state.items():
        for what, value in values.items():
            if value is not None:
                close(state[key][what], value, max(tolerance, 1e-9))


@pytest.mark.parametrize("i", range(len(recorder.CASES)), ids=IDS)
def test_float32(i: int) -> None:
    name, options = recorder.CASES[i]
    steps = 6 if name == "LBFGS" else recorder.STEPS
    found, _ = recorder.trajectory(torch, name, options, steps, "float32")
    want = RECORDED["trajectories"][i][0]
    for a, b in zip(found[-1], want[-1], strict=True):
        close(a, b, 5e-2 if name == "Adafactor" else 1e-2 if name == "Muon" else 2e-3)


@pytest.mark.parametrize("i", range(len(recorder.SCHEDULES)), ids=recorder.SCHEDULES)
@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step:UserWarning")
def test_schedule(i: int) -> None:
    values, names = recorder.schedule(torch, recorder.SCHEDULES[i])
    want, want_names = RECORDED["schedules"][i]
    close(values, want, 1e-12)
    assert names == want_names


@pytest.mark.parametrize("i", range(len(recorder.OPTIMIZERS)), ids=recorder.OPTIMIZERS)
def test_text_and_options(i: int) -> None:
    assert recorder.face(torch, recorder.OPTIMIZERS[i]) == RECORDED["faces"][i]
