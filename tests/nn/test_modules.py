"""Modules against PyTorch's recorded answers (`record_modules.py`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nn.learning_programs import losses
from nn.module_programs import EXPRESSIONS, LAYERS, answers

import chainrule as torch

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "modules.json").read_text(encoding="utf-8")
)
# The name of a node that PyTorch has fused
OTHERWISE = {"WeightNormInterfaceBackward0": "MulBackward0"}


@pytest.fixture(scope="module")
def mine() -> Any:
    return answers(torch)


@pytest.mark.parametrize("name", sorted(RECORDED["answers"]))
def test_answers_are_pytorchs(name: str, mine: Any) -> None:
    for at, (ours, theirs) in enumerate(zip(mine[name], RECORDED["answers"][name], strict=True)):
        for old, new in OTHERWISE.items():
            theirs = theirs.replace(old, new)
        asked = {"expressions": EXPRESSIONS, "layers": LAYERS}.get(name)
        assert ours == theirs, asked[at] if asked else f"question {at} of {name}"


def test_networks_learn_as_pytorchs_do() -> None:
    ours = losses(torch)
    for name, theirs in RECORDED["losses"].items():
        np.testing.assert_allclose(ours[name], theirs, rtol=2e-4, atol=2e-5, err_msg=name)
