"""Reads a script or a notebook as Python code, without running it.

A notebook's code cells become one block each; IPython's own lines (`%magic`, `!shell`, `name?`) are
blanked in place, so that every line keeps its number.
"""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .files import BadInput, is_notebook, parse_notebook

__all__ = ["Block", "read_blocks"]

IPYTHON_LINE = re.compile(r"^(\s*)(?:[%!?].*|[\w.*]+\s*\?{1,2}\s*)$")
IPYTHON_VALUE = re.compile(r"^(\s*[\w\s,.()\[\]]+=)\s*[%!].*$")
PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")
COMPILE = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True)
class Block:
    """A piece of code and where it stands."""

    place: str
    tree: ast.Module

    def at(self, line: int) -> str:
        """`file.py:12`, or `notebook.ipynb: cell 3 line 2`."""
        return f"{self.place} line {line}" if ": cell " in self.place else f"{self.place}:{line}"


def read_blocks(path: Path) -> list[Block]:
    """The parsed code of a script (one block) or of a notebook (a block for each code cell)."""
    if is_notebook(path):
        return [Block(place, _parse_cell(source, place)) for place, source in _cells(path)]
    try:
        with tokenize.open(path) as file:
            return [Block(str(path), _parse(file.read(), str(path)))]
    except (SyntaxError, ValueError) as error:  # not decodable, or a null byte: ValueError
        raise BadInput(_syntax(str(path), error)) from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error}") from None


def _cells(path: Path) -> Iterator[tuple[str, str]]:
    for number, cell in enumerate(parse_notebook(path)["cells"], 1):
        source = cell.get("source", "")
        if cell["cell_type"] == "code":
            yield f"{path}: cell {number}", source if isinstance(source, str) else "".join(source)


def _parse_cell(source: str, place: str) -> ast.Module:
    """As Python where it is (a line may begin with the operator `%`), else without magics."""
    try:
        return _parse(source, place)
    except SyntaxError:
        pass
    try:
        return _parse(_without_magics(source), place)
    except (SyntaxError, ValueError) as error:
        raise BadInput(_syntax(place, error)) from None


def _without_magics(source: str) -> str:
    lines = source.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(PYTHON_CELLS):
        return ""  # a cell in another language
    return "\n".join(map(_blanked, lines))


def _blanked(line: str) -> str:
    line = IPYTHON_LINE.sub(r"\1pass", line)
    return IPYTHON_VALUE.sub(r"\1 None", line)


def _parse(source: str, place: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # invalid escapes and the like are not this command's matter
        tree = compile(source, place, "exec", COMPILE, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def _syntax(place: str, error: Exception) -> str:
    if not isinstance(error, SyntaxError) or error.lineno is None:
        return f"{place}: {error}"
    where = f"{place} line {error.lineno}" if ": cell " in place else f"{place}:{error.lineno}"
    return f"{where}: syntax error: {error.msg}"
