"""Losses, activations and normalisations against PyTorch's recorded answers (tools/record_losses.py)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as torch

ROOT = Path(__file__).parents[2]


def load_recorder() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "_record_losses", ROOT / "tools" / "record_losses.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = load_recorder()
RECORDED: dict[str, Any] = json.loads(recorder.DATA.read_text(encoding="utf-8"))
# views of contiguous memory, which are not made here, and C++'s division by a number
OTHERWISE = {"ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "DivBackward1"}


def agree(mine: Any, theirs: Any, what: str) -> None:
    """The same numbers to 2e-7 (PyTorch has some constants in float32); None is a gradient of zeros."""
    if theirs is None or mine is None:
        assert mine is None or not np.any(mine), what
        assert theirs is None, what
        return
    np.testing.assert_allclose(np.array(mine, float), np.array(theirs, float), 2e-7, 2e-8, err_msg=what)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("line", list(RECORDED))
def test_as_recorded(line: str) -> None:
    want = RECORDED[line]
    names = recorder.inputs(torch, line)
    got = recorder.answer(torch, line, names)
    for key in ("value", "m_", "s2_"):
        if key in want:
            agree(got[key], want[key], key)
    assert got.get("node") == want.get("node") or want["node"] in OTHERWISE
    for key in ("grad", "second"):
        if key in want:
            values = got.get(key, [None] * len(want[key]))
            for mine, theirs in zip(values, want[key], strict=True):
                agree(mine, theirs, key)


def test_every_line_is_recorded() -> None:
    assert list(RECORDED) == recorder.cases()
