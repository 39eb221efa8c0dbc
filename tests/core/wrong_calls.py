"""Calls with wrong arguments, asked of two libraries: the error's class and its first sentence.

A call is an expression of `torch` and the short makers of operands below, as text. What PyTorch
answered is in `tests/data/wrong_calls.json`, a row a call: [call, class, sentence, same words].
Where PyTorch's sentence lists overloads or C++ names, only the class is compared. Run this file in
an environment with torch to ask PyTorch again (after adding a row with empty answers, say):

    python tests/core/wrong_calls.py
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]
from core.asking import raised  # noqa: E402

DATA = Path(__file__).parents[1] / "data" / "wrong_calls.json"


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


def main() -> None:
    """Write PyTorch's answers into the file, one row a line."""
    import torch

    rows = [[r[0], *answer(r[0], torch), r[3]] for r in json.loads(DATA.read_text("utf-8"))]
    DATA.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    print(f"{DATA.name}: {len(rows)} calls")


if __name__ == "__main__":
    main()
