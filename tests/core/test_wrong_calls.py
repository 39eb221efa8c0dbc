"""Wrong arguments raise PyTorch's class of error, name the argument, and leave the state alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from core import wrong_calls

import chainrule as torch
from chainrule import _state

ROWS = json.loads(wrong_calls.DATA.read_text("utf-8"))
ODD = json.loads(wrong_calls.ODD.read_text("utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=[r[0] for r in ROWS])
def test_as_recorded(row: list[Any]) -> None:
    call, raises, says, same_words = row
    before = _state.snapshot()
    found = wrong_calls.answer(call, torch)
    assert (found if same_words else found[:1]) == ([raises, says] if same_words else [raises])
    assert _state.snapshot() == before


@pytest.mark.parametrize("row", ODD, ids=[r[0] for r in ODD])
def test_an_odd_spelling_is_taken(row: list[Any]) -> None:
    call, given = row
    found = wrong_calls.result(call, torch)
    assert wrong_calls.close(given, found), f"PyTorch: {given}, here: {found}"


@pytest.mark.parametrize(
    "call",
    ["torch.flip(3, (0,))", "torch.trapezoid(F(), 'a')", "F().nan_to_num([0])", "torch.logit('a')"],
)
def test_tells_what_to_do(call: str) -> None:
    with pytest.raises(TypeError) as caught:
        eval(call, wrong_calls.names(torch))
    assert str(caught.value).split("\n")[-1].startswith("Hint: ")


def test_an_error_of_the_callers_code_is_left_alone() -> None:
    def wrong(*values: float) -> float:
        raise AttributeError("mine")

    with pytest.raises(AttributeError, match="mine"):
        torch.ones(2).map_(torch.ones(2), wrong)


def test_a_failed_call_changes_nothing() -> None:
    x = torch.ones(2, 3)
    version = x._version
    for call in (lambda: x.add_("a"), lambda: x.nan_to_num_("a"), lambda: x.random_(0.5)):
        with pytest.raises(TypeError):
            call()
    assert x._version == version and bool((x == 1).all())
