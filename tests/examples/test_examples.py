"""Every program of `examples/` runs, says its final figure, and loses what PyTorch loses."""

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
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples"
RECORDED = json.loads((ROOT / "tests" / "data" / "examples.json").read_text(encoding="utf-8"))
NAMES = [path.stem for path in sorted(EXAMPLES.glob("*.py")) if path.stem != "textplot"]


def source_of(name: str) -> str:
    return (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")


def need_packages(name: str) -> None:
    """Skip when an optional package that the example imports is not installed."""
    imported = set(re.findall(r"^(?:import|from) (\w+)", source_of(name), re.MULTILINE))
    missing = [p for p in sorted(imported & {"sklearn", "tqdm"}) if not importlib.util.find_spec(p)]
    if missing:
        pytest.skip(f'needs {", ".join(missing)}: pip install "chainrule[examples]"')


def run(*command: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, *command], env=env, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_runs_and_loses_what_pytorch_loses(name: str) -> None:
    need_packages(name)
    *printed, losses = run(str(HERE / "losses_of.py"), name, "chainrule").splitlines()
    assert printed[-1].startswith("final: ")
    if name in RECORDED:
        assert json.loads(losses) == pytest.approx(RECORDED[name], rel=2e-5)


def test_command_line() -> None:
    need_packages("logistic_regression")
    printed = run(str(EXAMPLES / "logistic_regression.py"), "--dry-run").splitlines()
    assert printed[-1].startswith("final: test accuracy ")


@pytest.mark.parametrize("name", NAMES)
def test_only_the_import_lines_name_chainrule(name: str) -> None:
    lines = [line for line in source_of(name).splitlines() if "chainrule" in line]
    assert lines and all(re.match(r"(import|from) chainrule\b", line) for line in lines)


def test_every_example_but_the_one_with_python_s_text_is_recorded() -> None:
    assert set(RECORDED) == set(NAMES) - {"char_gpt"}


def test_a_curve_spans_its_values() -> None:
    spec = importlib.util.spec_from_file_location("_textplot", EXAMPLES / "textplot.py")
    assert spec and spec.loader
    textplot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(textplot)
    plot = textplot.curve([3.0, 1.0, 2.0], "title", height=3)
    assert [line.rstrip() for line in plot.splitlines()] == [
        "  title",
        "   3.0000 |*",
        "          |  *",
        "   1.0000 | *",
        " " * 10 + "+---",
    ]
    assert textplot.picture([[0.0, 1.0]]) == ["  @@"]
