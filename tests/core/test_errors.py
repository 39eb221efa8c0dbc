"""Errors beyond PyTorch's first sentence: the facts, the hint, the names, and that they leave
nothing changed.

The first sentences themselves are compared with PyTorch in `test_semantics.py`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from core.wrong_programs import WRONG

import chainrule as torch
from chainrule import _state


def failure(f: Callable[[], Any]) -> BaseException:
    """The exception that `f` raises."""
    with pytest.raises(Exception) as caught:
        f()
    return caught.value


HINTED = {
    "backward of a vector",
    "backward of a constant",
    "grad of a constant",
    "grad of an unrelated",
    "integer leaf",
    "in-place on a leaf",
    "numpy of a graph",
    "item of many",
    "bool of many",
    "len of a scalar",
    "shapes that do not fit",
    "expand to another size",
    "view of scattered memory",
    "sum over a wrong dim",
    "float into integers",
    "sin of a number",
    "out with grad",
    "requires_grad of a result",
}


@pytest.mark.parametrize("name", sorted(HINTED))
def test_says_what_to_do(name: str) -> None:
    text = str(failure(lambda: WRONG[name](torch)))
    assert text.split("\n")[-1].startswith("Hint: ")


@pytest.mark.parametrize("name", WRONG)
def test_wrong_program_leaves_the_state_as_it_was(name: str) -> None:
    before = _state.snapshot()
    failure(lambda: WRONG[name](torch))
    assert _state.snapshot() == before


def test_names_the_variable() -> None:
    weights = torch.ones(3, requires_grad=True)
    scaled = weights * 2
    text = str(failure(lambda: scaled.backward()))
    assert "`scaled`" in text and "[3]" in text


def test_names_the_line_of_a_constant() -> None:
    total = torch.ones(3).sum()
    text = str(failure(lambda: total.backward()))
    assert "`total`" in text and "total = torch.ones(3).sum()" in text


def test_modified_value_tells_versions() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    y.add_(1)
    y.add_(1)
    text = str(failure(z.backward))
    assert "is at version 2; expected version 0 instead" in text
    assert "2 in-place writes since" in text and "MulBackward0" in text


def test_second_backward_tells_the_node() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.exp().sum()
    y.backward()
    text = str(failure(y.backward))
    assert "ExpBackward0" in text and "retain_graph=True" in text


def test_shapes_are_told() -> None:
    text = str(failure(lambda: torch.ones(2, 3) + torch.ones(2, 4)))
    assert "op: add" in text and "[2, 3] and [2, 4]" in text


def test_error_in_a_rule_names_the_op() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.sin()
    y.register_hook(lambda g: 1 / 0)
    error = failure(y.sum().backward)
    notes = getattr(error, "__notes__", None)
    assert notes is None or any("sin" in note.lower() for note in notes)


def test_no_internal_exception_leaks() -> None:
    """What NumPy refuses is told as PyTorch's kind of error, without NumPy's traceback as
    context."""
    error = failure(lambda: torch.ones(2, 3).reshape(7))
    shown = "".join(traceback.format_exception(error))
    assert "During handling of the above exception" not in shown


@pytest.mark.parametrize("value", ["a", None, [1.0], (1.0,), {}, object()])
def test_operators_answer_type_error(value: Any) -> None:
    x = torch.ones(2)
    for f in (
        lambda: x + value,
        lambda: value * x,
        lambda: x / value,
        lambda: value - x,
        lambda: x**value,
    ):
        assert isinstance(failure(f), TypeError)


def test_equality_with_strangers() -> None:
    x = torch.ones(2)
    assert (x == None) is False and (x != None) is True  # noqa: E711
    assert (x == "a") is False


def test_missing_names_suggest() -> None:
    error = failure(lambda: torch.sinn)
    assert isinstance(error, AttributeError) and "sin" in str(error)


def test_warning_of_a_non_leaf_grad() -> None:
    x = torch.ones(2, requires_grad=True)
    middle = x * 2
    with pytest.warns(
        UserWarning,
        match="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed",
    ) as seen:
        assert middle.grad is None
    assert "`middle`" in str(seen[0].message) and "retain_grad()" in str(seen[0].message)
