"""How a case's result is written down, so that PyTorch's answer and ours can be compared.

A case is a function `name(torch)` in `cases/`, which gets the module to use (PyTorch or chainrule)
and returns something. `answer` runs it and turns what it returned into plain JSON: tensors with
their values, dtype and graph, exceptions with their class and first line, warnings likewise.
`tools/record_autograd.py` keeps PyTorch's answers in `tests/data/autograd.json`.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

__all__ = ["answer", "attempt", "shown", "warned"]

ADDRESS = re.compile(r"0x[0-9a-f]{4,}")


def shown(value: Any) -> Any:
    """A value as JSON."""
    if hasattr(type(value), "grad_fn"):
        found = attempt(lambda: _tensor(value))
        return _error(found) if isinstance(found, Exception) else found
    if isinstance(value, dict):
        return {str(k): shown(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [shown(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return ADDRESS.sub("0x", value) if isinstance(value, str) else value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, BaseException):
        return _error(value)
    if hasattr(value, "next_functions"):
        return f"<{value.name()}>"
    return str(value)


def _tensor(t: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"values": _numbers(t.detach().tolist())}
    if str(t.dtype) != "torch.float32":
        found["dtype"] = str(t.dtype)
    if t.requires_grad:
        found["made by"] = t.grad_fn.name() if t.grad_fn is not None else "leaf"
    return found


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    return _number(value) if isinstance(value, float) else _complex(value)


def _number(value: float) -> Any:
    """Rounded to five digits; what JSON has no number for becomes text."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return float(f"{value:.5g}") + 0.0


def _complex(value: Any) -> Any:
    return [_number(value.real), _number(value.imag)] if isinstance(value, complex) else value


def _error(error: BaseException) -> str:
    text = str(error).split("\n")[0].strip()
    return f"{type(error).__name__}: {ADDRESS.sub('0x', text)}"


def attempt(f: Callable[[], Any]) -> Any:
    """What `f()` returns, or the exception it raises."""
    try:
        return f()
    except Exception as error:
        return error


def warned(f: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What `f()` returns and the first lines of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's own
        value = attempt(f)
    lines = [f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in caught]
    lines = [line.partition(" (Triggered internally")[0] for line in lines]
    return value, [ADDRESS.sub("0x", line.strip()) for line in lines]


def answer(case: Callable[[Any], Any], torch: Any) -> Any:
    """The JSON of one case, run with this module in a thread-safe, warning-free way."""
    before = threading.active_count()
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = shown(attempt(lambda: case(torch)))
    assert threading.active_count() <= max(before, 64)
    return found
