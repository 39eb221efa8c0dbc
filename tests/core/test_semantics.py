"""The same questions as were put to PyTorch (`tools/record_semantics.py`), put to chainrule: the answers are equal.

A failing test shows the two answers; the question is the function of that name in `programs.py`, `wrong_programs.py`
or `tables.py`.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from core import asking, programs, tables, wrong_programs

import chainrule as torch
from chainrule.core.primitive import PUBLIC

DATA = Path(__file__).parents[1] / "data" / "semantics.json"
ANSWERS = json.loads(DATA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", programs.PROGRAMS)
def test_program(name: str) -> None:
    assert asking.answer(programs.PROGRAMS[name], torch) == ANSWERS["programs"][name]


@pytest.mark.parametrize("name", wrong_programs.WRONG)
def test_wrong_program(name: str) -> None:
    found = asking.answer(wrong_programs.WRONG[name], torch)
    wanted = ANSWERS["wrong"][name]
    if name in WORDED_OTHERWISE:
        found, wanted = found["raises"], wanted["raises"]
    assert found == wanted


# Sentences that name PyTorch's overloads, devices or C++ arguments: the class is the same, the words are chainrule's.
WORDED_OTHERWISE = {
    "unknown device",
    "unknown keyword",
    "sin of nothing",
    "where without condition",
    "gradient that is a number",
    "gradient that is a list",
    "index that is a string",
}


@pytest.fixture(scope="module")
def promotion() -> dict[str, str]:
    pytest.importorskip("ml_dtypes")
    return tables.promotion(torch)


@pytest.mark.parametrize("first", tables.DTYPES)
def test_promotion(first: str, promotion: dict[str, str]) -> None:
    wanted = {k: v for k, v in ANSWERS["promotion"].items() if k.split()[1] == first}
    found = {k: promotion[k] for k in wanted}
    assert found == wanted


@pytest.fixture(scope="module")
def nodes() -> dict[str, Any]:
    return tables.nodes(torch)


@pytest.mark.parametrize("expression", tables.NODES)
def test_nodes(expression: str, nodes: dict[str, Any]) -> None:
    assert nodes[expression] == ANSWERS["nodes"][expression]


RECORDED = sorted({key.split()[0] for key in ANSWERS["dtypes"]})


@pytest.mark.parametrize("name", [name for name in RECORDED if name in PUBLIC])
def test_dtype_of_results(name: str) -> None:
    if importlib.util.find_spec("ml_dtypes") is None:
        pytest.skip("bfloat16 needs ml_dtypes")
    wanted = {k: v for k, v in ANSWERS["dtypes"].items() if k.split()[0] == name}
    assert tables.result_dtypes(torch, [name]) == wanted
