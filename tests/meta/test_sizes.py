"""Files and functions stay small enough to be read: 700 lines a file, 60 lines a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LONGEST_FILE, LONGEST_FUNCTION = 700, 60
EXCUSE, EXCUSE_WITHIN = "Long because:", 15


def sources(repository: Path) -> Iterator[Path]:
    """All Python files of the package and of its tests."""
    for folder in ("src", "tests"):
        yield from sorted((repository / folder).rglob("*.py"))


def long_files(repository: Path) -> list[str]:
    """Files above the limit whose first lines give no reason."""
    found = []
    for path in sources(repository):
        lines = path.read_text(encoding="utf-8").splitlines()
        excused = any(EXCUSE in line for line in lines[:EXCUSE_WITHIN])
        if len(lines) > LONGEST_FILE and not excused:
            found.append(f"{path.relative_to(repository).as_posix()}: {len(lines)} lines")
    return found


def long_functions(repository: Path) -> list[str]:
    """Functions above the limit whose docstring gives no reason; docstrings do not count."""
    found = []
    for path in sources(repository):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = code_lines(node)
                if length > LONGEST_FUNCTION and EXCUSE not in (ast.get_docstring(node) or ""):
                    where = f"{path.relative_to(repository).as_posix()}:{node.lineno}"
                    found.append(f"{where}: {node.name} has {length} lines")
    return found


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    docstring = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        docstring = (first.end_lineno or 0) - first.lineno + 1
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_files_are_small_or_say_why_not() -> None:
    assert long_files(REPOSITORY) == []


def test_functions_are_small() -> None:
    assert long_functions(REPOSITORY) == []


def test_what_is_too_long_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n" * 701)
    (folder / "b.py").write_text('"""Long because: tables."""\n' + "x = 1\n" * 701)
    (folder / "c.py").write_text(
        'def f():\n    """Doc.\n\n    More.\n    """\n' + "    x = 1\n" * 60
    )
    (folder / "d.py").write_text("def g():\n" + "    x = 1\n" * 59)
    assert long_files(tmp_path) == ["src/a.py: 701 lines"]
    assert long_functions(tmp_path) == ["src/c.py:1: f has 61 lines"]
