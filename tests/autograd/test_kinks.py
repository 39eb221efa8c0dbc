"""docs/numerics.md is true: every row of its tables is computed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import chainrule as torch

_spec: Any = importlib.util.spec_from_file_location(
    "record_kinks", Path(__file__).with_name("record_kinks.py")
)
record_kinks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record_kinks)

NUMBERS = {"inf": float("inf"), "nan": float("nan")}
TABLE = record_kinks.read(record_kinks.DOC.read_text(encoding="utf-8"))


def numbers(text: str) -> list[float]:
    """`[0, -inf, nan]` as numbers."""
    return [float(part) for part in text.strip("[]").split(",")]


@pytest.mark.parametrize(("expression", "x", "theirs", "other"), TABLE)
@pytest.mark.filterwarnings("ignore")  # degrees of freedom, shapes of losses
def test_the_gradient_is_as_the_table_says(
    expression: str, x: str, theirs: str, other: str
) -> None:
    made = record_kinks.gradient(torch, expression, numbers(x))
    assert record_kinks.shown(made) == (other or theirs)


def test_the_table_has_every_row_of_its_list() -> None:
    listed = [
        (expression, record_kinks.shown(point))
        for rows in record_kinks.ROWS.values()
        for expression, point in rows
    ]
    assert [(expression, x) for expression, x, _, _ in TABLE] == listed


def test_few_rows_differ_from_pytorch() -> None:
    """A new difference is named in the text, or repaired."""
    different = [expression.partition("(")[0] for expression, _, _, other in TABLE if other]
    assert sorted(different) == ["torch.amax", "torch.cdist", "torch.kthvalue"]
