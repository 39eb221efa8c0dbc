"""The cases of `cases/`, run with chainrule and compared with what PyTorch answered.

The answers stand in `tests/data/autograd.json` (tools/record_autograd.py).
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chainrule as torch
from autograd.answers import answer

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "autograd.json"
RECORDED: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))


def case(name: str) -> Callable[[Any], Any]:
    module, _, function = name.partition(".")
    found: Callable[[Any], Any] = getattr(
        importlib.import_module(f"autograd.cases.{module}"), function
    )
    return found


def agree(mine: Any, theirs: Any) -> bool:
    """The same, with numbers to one in 10,000; an error's or warning's first sentence may go on."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(agree(mine[k], theirs[k]) for k in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(agree, mine, theirs))
    if isinstance(mine, float) and isinstance(theirs, (int, float)):
        return abs(mine - theirs) <= 1e-4 * max(1.0, abs(theirs))
    if isinstance(mine, str) and isinstance(theirs, str):
        wanted = first_sentence(theirs)
        is_message = "Error: " in wanted or "Warning: " in wanted
        return mine.startswith(wanted) if is_message else mine == theirs
    return bool(mine == theirs)


def first_sentence(text: str) -> str:
    """PyTorch's own hints and places are left off; ours stand on lines of their own."""
    for end in (" Hint: ", " (Triggered internally", " See github.com", "  (Could this error"):
        text = text.partition(end)[0]
    return text.rstrip(". ")


@pytest.mark.parametrize("name", list(RECORDED))
def test_as_pytorch(name: str) -> None:
    mine = json.loads(json.dumps(answer(case(name), torch)))
    assert agree(mine, RECORDED[name]), f"\nchainrule: {mine}\nPyTorch:   {RECORDED[name]}"


def test_every_case_is_recorded() -> None:
    for path in sorted((HERE / "cases").glob("*.py")):
        module = importlib.import_module(f"autograd.cases.{path.stem}")
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                assert name.startswith("_") or f"{path.stem}.{name}" in RECORDED, name
