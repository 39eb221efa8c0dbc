"""Sparse tensors and sparse gradients against what PyTorch answered (see record.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sparse.programs import (
    OPTIMIZERS,
    REFUSING,
    TABLES,
    answer,
    expressions,
    refusal,
    trajectory,
)

import chainrule as torch

FOUND = json.loads(
    (Path(__file__).resolve().parents[1] / "data" / "sparse.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("expression", expressions())
def test_answer(expression: str) -> None:
    assert answer(torch, expression) == FOUND["answers"][expression]


@pytest.mark.parametrize("table", range(len(TABLES)))
@pytest.mark.parametrize("case", range(len(OPTIMIZERS)))
def test_trajectory(case: int, table: int) -> None:
    found, expected = trajectory(torch, case, table), FOUND["trajectories"][f"{case} {table}"]
    assert _difference(found, expected) < 1e-10


def _difference(a: Any, b: Any) -> float:
    if isinstance(a, list):
        return max(_difference(x, y) for x, y in zip(a, b, strict=True))
    return abs(a - b) / (1 + abs(b))


@pytest.mark.parametrize("name", REFUSING)
def test_refusal(name: str) -> None:
    assert refusal(torch, name) == FOUND["refusals"][name]
    assert "sparse" in FOUND["refusals"][name]
