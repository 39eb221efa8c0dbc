"""The symbols that print rules: parentheses, signs, refusals, and what well known rules look
like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule.explain import formula
from chainrule.explain.symbols import SHOW, Symbol

G, X, Y = (Symbol(n, np.full((2, 2), v)) for n, v in (("g", 1.0), ("x", 2.0), ("y", 3.0)))

TEXTS: dict[str, Callable[[], Any]] = {
    "g * x": lambda: G * X,
    "-g * x": lambda: G * -X,
    "g * x ": lambda: -G * -X,
    "-(g + x)": lambda: -(G + X),
    "g - (x - y)": lambda: G - (X - Y),
    "g + x": lambda: G - -X,
    "x - g": lambda: -G + X,
    "g * (x + y)": lambda: G * (X + Y),
    "g / (x * y)": lambda: G / (X * Y),
    "g / x / y": lambda: G / X / Y,
    "g * x / y": lambda: G * (X / Y),
    "(x + y)**2": lambda: (X + Y) ** 2,
    "(-x)**2": lambda: (-X) ** 2,
    "-x**2": lambda: -(X**2),
    "x**(y - 1)": lambda: X ** (Y - 1),
    "x**-2": lambda: X**-2.0,
    "1 - x**2": lambda: 1 - SHOW.pow(X, 2),
    "g - x @ y": lambda: G - X @ Y,
    "1 / x": lambda: SHOW.reciprocal(X),
    "g * (x > 0)": lambda: G * (X > 0),
    "g * sqrt(2 / pi)": lambda: G * 0.7978845608028654,
    "g * 0.25": lambda: G * 0.25,
    "where(x > 0, g, 0)": lambda: SHOW.where(X > 0, G, 0.0),
    "exp(x - y)": lambda: SHOW.exp(X - Y),
    "|x - y|": lambda: SHOW.abs(X - Y),
    "g @ (x @ y)": lambda: SHOW.matmul(G, SHOW.matmul(X, Y)),
    "(g * x) @ y": lambda: (G * X) @ Y,
    "g * (x @ y)": lambda: G * (X @ Y),
    "(g + x) @ y": lambda: (G + X) @ Y,
    "sum(g, dim=(0,), keepdim=True)": lambda: SHOW.sum(G, (0,), True),
    "sum(g)": lambda: SHOW.sum(G, None, False),
    "expand(g, shape=x.shape)": lambda: SHOW.expand(G, X.shape),
    "x[0]": lambda: X[0],
}


@pytest.mark.parametrize("text", TEXTS)
def test_text(text: str) -> None:
    assert repr(TEXTS[text]()) == text.strip()


@pytest.mark.parametrize("text", TEXTS)
def test_text_means_the_value(text: str) -> None:
    """What is printed, computed again by Python, is what the symbols computed."""
    names = {
        "g": G.value,
        "x": X.value,
        "y": Y.value,
        "sqrt": np.sqrt,
        "pi": np.pi,
        "where": np.where,
        "exp": np.exp,
    }
    names |= {
        "sum": lambda v, dim=None, keepdim=False: np.sum(v, dim, keepdims=keepdim),
        "expand": np.broadcast_to,
    }
    if "|" in text:
        text, found = "abs(x - y)", TEXTS[text]()
    else:
        found = TEXTS[text]()
    np.testing.assert_allclose(found.value, eval(text, names))


FORMULAS = {
    "sin": {"x": "g * cos(x)"},
    "cos": {"x": "-g * sin(x)"},
    "exp": {"x": "g * out"},
    "mul": {"a": "g * b", "b": "g * a"},
    "add": {"a": "g", "b": "g"},
    "sub": {"a": "g", "b": "-g"},
    "div": {"a": "g / b", "b": "-g * a / b / b"},
    "neg": {"x": "-g"},
    "log": {"x": "g / x"},
}


@pytest.mark.parametrize("op", FORMULAS)
def test_well_known_formulas(op: str) -> None:
    assert formula(op) == FORMULAS[op]


def test_formula_of_an_op_without_derivative() -> None:
    assert formula("lt") == {}


def test_formula_with_parameters() -> None:
    assert formula("transpose", np.ones((2, 3)), params=(0, 1)) == {
        "x": "transpose(g, dim0=0, dim1=1)"
    }


@pytest.mark.parametrize(
    "use",
    [
        bool,
        float,
        int,
        list,
        len,
        np.asarray,
        np.sin,
        lambda s: np.sum(s),
        lambda s: np.float64(2) * s,
        lambda s: s * np.float64(2),
        lambda s: np.ones(2) + s,
        lambda s: 1 if s > 0 else 0,
        lambda s: s * "a",
    ],
)
def test_refusals(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        use(X)


def test_unknown_attribute_has_a_hint() -> None:
    with pytest.raises(AttributeError, match=r"uses xp\.exp"):
        X.exp
    with pytest.raises(AttributeError, match="not a declared op"):
        SHOW.no_such_op(X)
