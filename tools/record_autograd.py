"""Record what PyTorch answers to the cases of `tests/autograd/cases`.

Run with an interpreter that has torch:

    python tools/record_autograd.py                  writes tests/data/autograd.json
    python tools/record_autograd.py --show NAME      prints the answers whose name contains NAME

A case is a function `name(torch)`; `tests/autograd/answers.py` says how its result is written down
and `tests/autograd/test_recorded.py` runs the same cases with chainrule.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests"
DATA = TESTS / "data" / "autograd.json"


def cases() -> dict[str, Callable[[Any], Any]]:
    """Every case by `module.function`."""
    sys.path.insert(0, str(TESTS))
    found = {}
    for path in sorted((TESTS / "autograd" / "cases").glob("*.py")):
        module = importlib.import_module(f"autograd.cases.{path.stem}")
        for name, value in vars(module).items():
            mine = getattr(value, "__module__", "") == module.__name__
            if mine and inspect.isfunction(value) and not name.startswith("_"):
                found[f"{path.stem}.{name}"] = value
    return found


def main(arguments: list[str]) -> int:
    """Record all cases, or show some."""
    torch = importlib.import_module("torch")
    all_cases = cases()
    answer = importlib.import_module("autograd.answers").answer
    torch.set_num_threads(1)
    wanted = arguments[1] if arguments[:1] == ["--show"] else ""
    found = {name: answer(case, torch) for name, case in all_cases.items() if wanted in name}
    if arguments[:1] == ["--show"]:
        for name, value in found.items():
            print(name, json.dumps(value))
        return 0
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
    DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(found)} answers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
