"""What stands around tensors and modules, against PyTorch's answers (`record_surface.py`).

A failing test shows the two answers; the question is the function of that name in a file of
programs in this folder.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from core.asking import answer
from surface import programs_of_all
from surface.asked import PROGRAMS

import chainrule as torch

assert programs_of_all.__doc__
DATA = Path(__file__).parents[1] / "data" / "surface.json"
ANSWERS = json.loads(DATA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    assert answer(PROGRAMS[name], torch) == ANSWERS[name]
