"""Calls with wrong or odd arguments, asked of two libraries: the error's class and first sentence,
or the result.

A call is an expression of `torch` and the short makers of operands below, as text. What PyTorch
answered is in `tests/data/wrong_calls.json`, a row a call: [call, class, sentence, same words].
Where PyTorch's sentence lists overloads or C++ names, only the class is compared. Calls that
PyTorch takes in spite of an odd spelling are in `tests/data/odd_calls.json`: [call, result].
`tools/wrong_calls.py --record N` finds rows. Run this file in an environment with torch to ask
PyTorch again (after adding a row with empty answers, say):

    python tests/core/wrong_calls.py
"""

from __future__ import annotations

import json
import math
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]
from core.asking import raised  # noqa: E402

DATA = Path(__file__).parents[1] / "data" / "wrong_calls.json"
ODD = DATA.with_name("odd_calls.json")
_UNFILLED = re.compile(r"(^|\.)(empty|new_empty|Tensor$)")  # their numbers mean nothing


def names(torch: Any) -> dict[str, Any]:
    """What an expression may use."""

    def ramp(*shape: int) -> Any:
        count = int(np.prod(shape))
        return ((torch.arange(float(count)) + 1) / (count + 1)).reshape(shape)

    return {
        "torch": torch,
        "np": np,
        "F": lambda: ramp(2, 3),
        "R": ramp,
        "V": lambda n=3: ramp(n),
        "Q": lambda n=3: torch.eye(n) * 2 + ramp(n, n),
        "I": lambda *shape: torch.zeros(shape, dtype=torch.int64),
        "B": lambda: torch.tensor([[True, False, True], [False, True, True]]),
        "C": lambda: torch.ones(2, 3, dtype=torch.complex64),
    }


def answer(call: str, torch: Any) -> list[str]:
    """Class and first sentence of what the call raises; empty where it raises nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            eval(call, names(torch))
        except Exception as error:
            made = raised(error)
            return [made["raises"], made["says"]]
    return ["", ""]


def result(call: str, torch: Any) -> Any:
    """What the call gives, as plain data."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plain(torch, eval(call, names(torch)), not _UNFILLED.search(call))


def plain(torch: Any, value: Any, filled: bool = True, depth: int = 0) -> Any:
    """Tensors as dtype, shape and their first numbers; other objects by the name of their class."""
    if isinstance(value, torch.Tensor):
        numbers = []
        if filled and value.layout == torch.strided:
            numbers = [_number(x) for x in value.detach().resolve_conj().reshape(-1)[:12].tolist()]
        return ["tensor", str(value.dtype).partition(".")[2], list(value.shape), numbers]
    if isinstance(value, (tuple, list)) and depth < 3:
        return [plain(torch, x, filled, depth + 1) for x in value[:6]]
    if isinstance(value, (bool, int, float, complex)):
        return _number(value)
    return value[:80] if isinstance(value, str) else type(value).__name__


def _number(x: Any) -> Any:
    if isinstance(x, complex):
        return [_number(x.real), _number(x.imag)]
    return x if isinstance(x, int) or math.isfinite(x) else str(x)


def close(a: Any, b: Any) -> bool:
    """Whether two plain results are the same up to rounding."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b or abs(a - b) <= 1e-4 + 2e-3 * abs(a)
    return bool(a == b)


def write(path: Path, rows: list[Any]) -> None:
    """One row a line."""
    path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    print(f"{path.name}: {len(rows)} calls")


def main() -> None:
    """Write PyTorch's answers into the files."""
    import torch

    rows = [[r[0], *answer(r[0], torch), r[3]] for r in json.loads(DATA.read_text("utf-8"))]
    write(DATA, rows)
    write(ODD, [[r[0], result(r[0], torch)] for r in json.loads(ODD.read_text("utf-8"))])


if __name__ == "__main__":
    main()
