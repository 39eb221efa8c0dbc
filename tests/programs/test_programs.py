"""Programs as tutorials and small research codes write them print what they print in PyTorch.

Words, integers, draws and shapes are equal; decimals agree to a relative 2e-4 or one unit of their
last place, since the order of sums differs.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RECORDED = json.loads((HERE.parent / "data" / "programs.json").read_text(encoding="utf-8"))
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def words(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).split())


def close(told: str, expected: str) -> bool:
    if told == expected or "." not in expected + told:
        return told == expected
    places = len(expected.lower().partition("e")[0].partition(".")[2])
    slack = 1.01 * 10.0**-places if "e" not in expected.lower() else 0.0
    return float(told) == pytest.approx(float(expected), rel=2e-4, abs=slack)


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_prints_what_pytorch_prints(name: str) -> None:
    if name == "lower_precision" and not importlib.util.find_spec("ml_dtypes"):
        pytest.skip('needs ml_dtypes: pip install "chainrule[bfloat16]"')
    command = [sys.executable, "-m", "chainrule", "run", str(HERE / f"{name}.py")]
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "src"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [words(line) for line in lines] == [words(line) for line in RECORDED[name]]
    for line, expected in zip(lines, RECORDED[name], strict=True):
        pairs = zip(NUMBER.findall(line), NUMBER.findall(expected), strict=True)
        assert all(close(a, b) for a, b in pairs), (line, expected)


def test_every_program_is_recorded() -> None:
    helpers = {"conftest", "record_programs", "test_programs"}
    assert {path.stem for path in HERE.glob("*.py")} - helpers == set(RECORDED)
