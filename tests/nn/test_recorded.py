"""Losses, activations and normalisations against PyTorch's recorded answers
(tools/record_losses.py).
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.core.interpreter import Interpreter, below

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
    """The same numbers to 2e-7 (PyTorch has some constants in float32); None is a gradient of
    zeros.
    """
    if theirs is None or mine is None:
        assert mine is None or not np.any(mine), what
        assert theirs is None, what
        return
    np.testing.assert_allclose(
        np.array(mine, float), np.array(theirs, float), 2e-7, 2e-8, err_msg=what
    )


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


class Through(Interpreter):
    """An interpreter that sees every op and changes nothing."""

    def process(self, prim: Any, inputs: Any, params: Any) -> Any:
        with below(self):
            return prim.call(*inputs, params=params)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("line", [n for n in RECORDED if "_(" not in n and "inplace" not in n])
def test_composition_is_the_same(line: str) -> None:
    """While an interpreter runs, losses and norms are compositions of smaller ops."""
    want, names = RECORDED[line], recorder.inputs(torch, line)
    with Through():
        torch.manual_seed(0)
        out = eval(line, {"torch": torch, "F": torch.nn.functional}, names)
    agree(out.tolist(), want["value"], "value")
    leaves = [t for t in names.values() if t.requires_grad]
    if "grad" in want:
        (g,) = recorder.cotangents(torch, [out.shape], 100)
        grads = torch.autograd.grad(out, leaves, g, allow_unused=True)
        for mine, theirs in zip(recorder.listed(grads), want["grad"], strict=True):
            agree(mine, theirs, "grad")


def test_every_line_is_recorded() -> None:
    assert list(RECORDED) == recorder.cases()
