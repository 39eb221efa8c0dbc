"""Runs the command line as a user does: in a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chainrule

Completed = subprocess.CompletedProcess[str]
SOURCE = str(Path(chainrule.__file__).parents[1])


@pytest.fixture
def environment() -> dict[str, str]:
    """The variables of a process that finds this chainrule, installed or not."""
    path = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def cli(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Completed]:
    """`cli("run", "x.py")` runs the command in `tmp_path`."""

    def run(*args: str | Path) -> Completed:
        return subprocess.run(
            [sys.executable, "-m", "chainrule", *map(str, args)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a small file into the folder in which `cli` runs."""

    def to(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return to


@pytest.fixture
def write_notebook(write: Callable[[str, str], Path]) -> Callable[..., Path]:
    """A notebook of code cells given as text or (text, outputs...); `# %% md` begins prose."""
    nbformat = pytest.importorskip("nbformat")

    def to(name: str, *cells: Any) -> Path:
        notebook = nbformat.v4.new_notebook()
        for number, cell in enumerate(cells):
            source, *outputs = (cell,) if isinstance(cell, str) else cell
            prose = source.startswith("# %% md")
            make = nbformat.v4.new_markdown_cell if prose else nbformat.v4.new_code_cell
            notebook.cells.append(make(source, id=f"cell{number}"))
            if outputs:
                notebook.cells[-1].outputs = [nbformat.from_dict(output) for output in outputs]
        return write(name, nbformat.writes(notebook))

    return to
