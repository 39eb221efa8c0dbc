"""Linear algebra against PyTorch's recorded answers (`linalg_programs.py` makes the file)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ops.linalg_programs import PROGRAMS, answer

import chainrule as torch

DATA = Path(__file__).parents[1] / "data" / "linalg.json"
RECORDED: dict[str, list[str]] = json.loads(DATA.read_text(encoding="utf-8"))
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]\d+)?")


def unsigned(text: str) -> str:
    """Without the signs of numbers and of zeros: vectors are known up to sign."""
    return re.sub(r"\s+", " ", re.sub("(?<!e)-", " ", text))


def close(mine: str, theirs: str) -> bool:
    """Same text but for the last digit of numbers."""
    if NUMBER.sub("#", mine) != NUMBER.sub("#", theirs):
        return False
    pairs = zip(NUMBER.findall(mine), NUMBER.findall(theirs), strict=True)
    return all(abs(float(a) - float(b)) <= 2e-4 * max(1.0, abs(float(b))) for a, b in pairs)


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_as_recorded(name: str) -> None:
    kind, text = RECORDED[name]
    found_kind, found = answer(torch, PROGRAMS[name])
    assert found_kind == kind, found
    assert unsigned(found) == unsigned(text) or close(unsigned(found), unsigned(text))
