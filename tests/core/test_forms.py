"""The table of forms and what stands on it: the TypeError of a call that fits no form, the
arguments of functions without a guard, and calls that are not tried a second time."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import numpy as np
import pytest
from core import wrong_calls

import chainrule as torch
from chainrule.core import blame, forms
from chainrule.core.declare import METHODS, guarded
from chainrule.core.primitive import PUBLIC
from chainrule.ops import load_all

ODD = json.loads(wrong_calls.ODD.read_text("utf-8"))


def refusal(call: str) -> str:
    with pytest.raises(TypeError) as caught:
        eval(call, wrong_calls.names(torch))
    return str(caught.value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        # one form: the argument, where the form that comes closest by number does
        ("torch.topk(F(), 1, largest=[])", "topk(): argument 'largest' must be bool, not list"),
        ("torch.fft.fft2(F(), F())", "fft_fft2(): argument 's' (position 2) must be tuple of ints"),
        ("torch.linalg.eigh(Q(), 1)", "linalg_eigh(): argument 'UPLO' (position 2) must be str"),
        # several: what was given, and the forms
        ("torch.quantile(F(), 0, interpolation=1)", "quantile() received an invalid combination"),
        ("torch.searchsorted(F(), F(), side=1)", " * (Tensor sorted_sequence, Tensor input"),
        # no guard: the arguments are read off the frame
        ("torch.flatten(F(), F())", "flatten(): argument 'start_dim' (position 2) must be int"),
        ("torch.full((2,), F())", "full(): argument 'fill_value' (position 2) must be Number"),
        ("torch.var(F(), correction=F())", "argument 'correction'"),
    ],
)
def test_a_call_that_fits_no_form(call: str, says: str) -> None:
    assert says in refusal(call)


@pytest.mark.parametrize(
    "call", ["bool(F())", "int(F())", "F().item()", "not F()", "[1] if F() else [2]"]
)
def test_a_tensor_that_the_caller_reads_as_one(call: str) -> None:
    with pytest.raises((RuntimeError, ValueError)) as caught:
        eval(call, wrong_calls.names(torch))
    assert "element" in str(caught.value) or "ambiguous" in str(caught.value)


def test_a_call_that_fits_keeps_its_own_error() -> None:
    with pytest.raises(RuntimeError, match="size of tensor a"):
        torch.add(torch.ones(2), torch.ones(3))
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.cumsum(torch.ones(2), 5)


@pytest.mark.parametrize(
    ("path", "args", "kwargs", "fits"),
    [
        ("sum", (0,), {}, False),
        ("sum", ("T",), {"axis": 0, "keepdims": True}, True),
        ("sum", ("T",), {"out": "T"}, False),
        (".sum", (0,), {}, True),
        (".sum", (0, 1), {}, False),
        (".view", (2, 3), {}, True),
        (".view", (2, 3), {"size": 1}, False),
        ("reshape", ("T", 3), {}, False),
        ("reshape", ("T", np.array([2, 3])), {}, False),
        (".add_", (2,), {"alpha": 3}, True),
        (".add_", (3, "T"), {}, True),  # the old order
        ("avg_pool1d", ("T", 3, None), {}, True),
        ("zeros", (2, 3), {"dtype": float}, True),
        ("zeros", ([2, 3],), {"dtype": "float"}, False),
        ("cat", (["T", "T"],), {}, True),
        ("cat", (["T", 3],), {}, False),
        ("quantile", ("T", np.float32(0.5)), {}, True),
        ("chunk", ("T", True), {}, False),
    ],
)
def test_forms(path: str, args: Any, kwargs: Any, fits: bool) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return list(map(filled, value))
        return torch.ones(2, 3) if isinstance(value, str) and value == "T" else value

    given = tuple(map(filled, args)), {k: filled(v) for k, v in kwargs.items()}
    tensor = () if path[0] != "." else (torch.ones(2, 3),)
    assert (forms.misfit([path], (*tensor, *given[0]), given[1]) is None) is fits


def test_the_table_is_read_as_a_whole_and_names_what_is_here() -> None:
    load_all()
    for path in forms._lines():
        assert forms.forms_of(path), path
        here = path[1:] in METHODS or hasattr(torch.Tensor, path[1:])
        assert path in PUBLIC or here or path.split(".")[0] in ("sparse", "range"), path


# ---------------------------------------------------------------- tried again, or not


def _twice(name: str) -> tuple[Any, list[int]]:
    calls: list[int] = []

    # code of ours that reads what an option has not, as NumPy would
    source = "def function(input, k=1):\n    calls.append(1)\n    return k.no_such_attribute"
    space: dict[str, Any] = {"calls": calls, "__name__": "chainrule.made_up"}
    exec(compile(source, "made_up", "exec"), space)
    made = space["function"]
    made.__name__ = name
    return guarded(made), calls


def test_another_spelling_is_tried_once_where_nothing_was_done() -> None:
    shown, calls = _twice("made_up")
    with pytest.raises((AttributeError, TypeError)):
        shown(torch.ones(2), np.int64(1))
    assert len(calls) == 2


@pytest.mark.parametrize("name", ["dropout1d", "batch_norm", "normal_"])
def test_what_draws_or_writes_is_not_done_twice(name: str) -> None:
    shown, calls = _twice(name)
    with pytest.raises((AttributeError, TypeError)):
        shown(torch.ones(2), np.int64(1))
    assert len(calls) == 1


def test_all_that_draw_are_known() -> None:
    """Every recorded call of a function after which the generator stands elsewhere."""
    missing = set()
    for call, _ in ODD:
        found = re.match(r"torch\.((?:nn\.functional\.)?\w+)\(|[A-Z]\([\d, ]*\)\.(\w+)\(", call)
        if found is None:
            continue
        shown = PUBLIC.get(found[1] or "") or METHODS.get(found[2] or "")
        if shown is None:
            continue
        torch.manual_seed(0)
        before = torch.get_rng_state()
        wrong_calls.answer(call, torch)
        if not torch.equal(before, torch.get_rng_state()):
            missing |= {inspect.unwrap(shown).__name__, shown.__name__} - blame.ACTING
    assert not missing
