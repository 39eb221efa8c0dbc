"""Awkward operands: the numbers, dtypes and errors that PyTorch gives (`awkward_calls.py`)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from core.wrong_calls import close
from ops import awkward_calls

import chainrule as torch

ANSWERS = dict(json.loads(awkward_calls.DATA.read_text("utf-8")))


@pytest.mark.parametrize(("call", "words"), awkward_calls.listed())
def test_as_pytorch(call: str, words: bool) -> None:
    if "bfloat16" in call:
        pytest.importorskip("ml_dtypes")
    theirs, ours = ANSWERS[call], awkward_calls.answer(call, torch)
    assert ours[0] == theirs[0], ours
    if theirs[0] == "gives":
        assert close(ours[1], theirs[1]), (ours, theirs)
    else:
        assert ours[1] == theirs[1] and (not words or ours[2] == theirs[2]), (ours, theirs)


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan")])
@pytest.mark.parametrize("place", [(0, 0), (0, 2), (2, 2)])
def test_a_decomposition_comes_back(value: float, place: tuple[int, int]) -> None:
    """LAPACK's SVD of a matrix with an inf in a corner does not."""
    x = torch.eye(3)
    x[place] = value
    with pytest.raises(torch.linalg.LinAlgError, match="non-finite"):
        torch.linalg.svd(x)


def test_large_values_are_finite() -> None:
    """Their squares are not; the decomposition is of the matrix all the same."""
    made = torch.linalg.svd(torch.eye(2) * 1e30)
    assert made.S.tolist() == torch.full((2,), 1e30).tolist()


def test_an_array_that_does_not_fit_is_a_runtime_error() -> None:
    def message(f: Any) -> str:
        with pytest.raises(RuntimeError) as caught:
            f()
        return str(caught.value)

    told = message(lambda: torch.zeros(1 << 50))
    assert "you tried to allocate 4503599627370496 bytes" in told and "Hint: " in told


@pytest.mark.parametrize("name", ["var", "std", "nn.functional.selu", "nn.functional.celu"])
def test_gradients_of_bfloat16_are_bfloat16(name: str) -> None:
    pytest.importorskip("ml_dtypes")
    function: Any = torch
    for part in name.split("."):
        function = getattr(function, part)
    x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.bfloat16, requires_grad=True)
    (g,) = torch.autograd.grad(function(x).sum(), x)
    assert g.dtype is torch.bfloat16
