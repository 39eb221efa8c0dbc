"""The same questions as were put to PyTorch (`tools/record_semantics.py`), put to chainrule: the
answers are equal.

A failing test shows the two answers; the question is the function of that name in `programs.py`,
`wrong_programs.py` or `tables.py`.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from core import asking, graph_programs, programs, tables, wrong_programs

import chainrule as torch
from chainrule.core.primitive import PUBLIC

assert graph_programs.program is programs.program  # imported: its programs are in the list

DATA = Path(__file__).parents[1] / "data" / "semantics.json"
ANSWERS = json.loads(DATA.read_text(encoding="utf-8"))


# Where chainrule gives another answer, and why. (A test that passes although listed here fails:
# delete the line.)
DIFFERS = {
    "in_place_relu_network": "relu_ saves a copy, so overwriting the tensor again is harmless",
    "python_numbers": "to do: floor division's node is NotImplemented, float() warns",
    "written view": "to do: the node of the written value is inside CopySlices",
}


def listed(names: Any) -> list[Any]:
    """Test parameters; strictly expected to fail where chainrule differs."""
    marks = {n: [pytest.mark.xfail(strict=True, reason=why)] for n, why in DIFFERS.items()}
    return [pytest.param(n, marks=marks.get(n, [])) for n in names]


@pytest.mark.parametrize("name", listed(programs.PROGRAMS))
def test_program(name: str) -> None:
    assert asking.answer(programs.PROGRAMS[name], torch) == ANSWERS["programs"][name]


@pytest.mark.parametrize("name", listed(wrong_programs.WRONG))
def test_wrong_program(name: str) -> None:
    found = asking.answer(wrong_programs.WRONG[name], torch)
    wanted = ANSWERS["wrong"][name]
    if name in WORDED_OTHERWISE:
        found, wanted = found["raises"], wanted["raises"]
    assert found == wanted


# Sentences that name PyTorch's overloads, devices or C++ arguments: the class is the same, the
# words are chainrule's.
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
    missing = (
        "complex32",
        "NotImplementedError",
    )  # half precision complex numbers, which NumPy has not
    answers = ANSWERS["promotion"].items()
    wanted = {k: v for k, v in answers if k.split()[1] == first and v not in missing}
    found = {k: promotion[k] for k in wanted}
    assert found == wanted


@pytest.fixture(scope="module")
def nodes() -> dict[str, Any]:
    return tables.nodes(torch)


@pytest.mark.parametrize("expression", listed(tables.NODES))
def test_nodes(expression: str, nodes: dict[str, Any]) -> None:
    assert nodes[expression] == ANSWERS["nodes"][expression]


RECORDED = sorted({key.split()[0] for key in ANSWERS["dtypes"]})


@pytest.mark.parametrize("name", [n for n in RECORDED if n in PUBLIC and not n.startswith("_")])
def test_dtype_of_results(name: str) -> None:
    if importlib.util.find_spec("ml_dtypes") is None:
        pytest.skip("bfloat16 needs ml_dtypes")
    wanted = {
        k: v
        for k, v in ANSWERS["dtypes"].items()
        if k.split()[0] == name and v != "NotImplementedError"
    }
    found = tables.result_dtypes(torch, [name])
    assert {k: found.get(k) for k in wanted} == wanted  # where PyTorch has no kernel, anything goes
