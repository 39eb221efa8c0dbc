"""Distributions against PyTorch's recorded answers (`record_distributions.py`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributions.programs import EXPRESSIONS, answers

import chainrule as torch

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "distributions.json").read_text(encoding="utf-8")
)
FITTED = 5e-3  # PyTorch's gradients of gamma and Dirichlet samples are fitted polynomials
TOLERANCE = {
    "rsample": FITTED,
    "samples32": 1e-5,
    "entropy": 1e-7,  # its trigamma
    "perplexity": 1e-7,
}
CANCELS = {("LKJCholesky 0", "samples32"): 1e-4}  # sqrt(1 - |row|^2) of rows near the sphere
OTHERWISE = {
    ("GeneralizedPareto 0", "log_prob"): "PyTorch fails in float64",
    ("GeneralizedPareto 0", "log_prob_x"): "PyTorch fails in float64",
    ("GeneralizedPareto 0", "cdf"): "PyTorch fails in float64",
    ("GeneralizedPareto 0", "expanded"): "PyTorch fails in float64",
    ("Kumaraswamy 0", "mode"): "NaN has NaN as its gradient",
    **{(f"Wishart {i}", "rsample"): "PyTorch has no gradient" for i in range(3)},
}


def same(ours: Any, theirs: Any, rtol: float) -> None:
    """Equal words, close numbers, wherever they stand."""
    if isinstance(theirs, dict) and "numbers" in theirs:
        assert isinstance(ours, dict), ours
        assert ours["dtype"] == theirs["dtype"]
        assert ours["shape"] == theirs["shape"]
        a, b = (np.array(each["numbers"], float) for each in (ours, theirs))
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 0.1 * scale)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            same(ours[key], theirs[key], rtol)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b, rtol)
    else:
        assert ours == theirs


@pytest.fixture(scope="module")
def mine() -> Any:
    return answers(torch)


@pytest.mark.parametrize("name", list(RECORDED["distributions"]))
def test_distribution(name: str, mine: Any) -> None:
    ours, theirs = mine["distributions"][name], RECORDED["distributions"][name]
    assert ours.keys() == theirs.keys()
    by_polynomials = 1e-5 if name.startswith("VonMises") else 1e-8  # PyTorch's Bessel functions
    for question in theirs:
        if (name, question) not in OTHERWISE:
            rtol = max(TOLERANCE.get(question, 1e-8), by_polynomials)
            same(ours[question], theirs[question], CANCELS.get((name, question), rtol))


@pytest.mark.parametrize("kind", ["divergences", "mixtures", "transforms"])
def test_what_is_built_on_them(kind: str, mine: Any) -> None:
    for name, theirs in RECORDED[kind].items():
        same(mine[kind][name], theirs, 1e-8)


@pytest.mark.parametrize("at", range(len(EXPRESSIONS)), ids=lambda at: EXPRESSIONS[at])
def test_words_and_errors(at: int, mine: Any) -> None:
    ours, theirs = mine["expressions"][at], RECORDED["expressions"][at]
    assert ours == theirs or ours.startswith(theirs + "\n"), EXPRESSIONS[at]
