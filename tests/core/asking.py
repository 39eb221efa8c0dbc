"""Programs asked of two libraries: how a program is found, run, and its answer made plain data.

A program is a function of one argument, the module `torch` (PyTorch or chainrule); what it returns
or raises and what it warns of is its answer. `tools/record_semantics.py` asks PyTorch and keeps the
answers in `tests/data/semantics.json`; the tests ask chainrule.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

ONCE = "Using backward() with create_graph=True"  # PyTorch warns of it in the first program only
Program = Callable[[Any], Any]


def answer(program: Program, torch: Any) -> Any:
    """What the program gives, as plain data; `warns` is there when it does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = {"gives": plain(program(torch))}
        except Exception as error:
            made = raised(error)
    found = [first_sentence(str(w.message)) for w in caught if w.category is not RuntimeWarning]
    found = [text for text in found if not text.startswith(ONCE)]
    return made | ({"warns": found} if found else {})


def raised(error: BaseException) -> dict[str, str]:
    """Class and first sentence."""
    return {"raises": type(error).__name__, "says": first_sentence(str(error))}


def first_sentence(text: str) -> str:
    """What stands before the first full stop or line end."""
    line = text.split("\n")[0]
    for stop in (". ", ".See", ".You"):
        line = line.split(stop)[0]
    return line.strip().rstrip(".:")


def attempt(f: Callable[[], Any]) -> Any:
    """The result of `f`, or its error, for programs that go on after one."""
    try:
        return f()
    except Exception as error:
        return error


def plain(value: Any) -> Any:
    """Nested lists, numbers and strings; a tensor as dtype, shape, values and where it came
    from."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, complex):
        return [number(value.real), number(value.imag)]
    if isinstance(value, BaseException):
        return raised(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "next_functions"):
        return type(value).__name__
    if hasattr(value, "requires_grad"):
        return tensor(value)
    return str(value)


def number(value: float) -> Any:
    """A float with seven digits (libraries may differ in the last one), its name when it is not
    finite."""
    if not math.isfinite(value):
        return str(value)
    return float(f"{value:.6g}") + 0.0


def tensor(t: Any) -> str:
    """`float32[2] [1.0, 2.0] SumBackward0`: everything about a tensor that a test compares."""
    kind = str(t.dtype).rpartition(".")[2]
    values = plain(t.detach().tolist())
    origin = (
        "leaf, requires grad"
        if t.is_leaf and t.requires_grad
        else type(t.grad_fn).__name__
        if t.grad_fn
        else "no grad"
    )
    return f"{kind}{list(t.shape)} {values} {origin}"
