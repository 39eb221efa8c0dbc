"""Bad input refused in one line with exit code 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["BadInput", "is_notebook", "parse_notebook", "program"]

SUFFIXES = (".py", ".ipynb")


class BadInput(click.ClickException):
    """What the user gave cannot be used; printed as `Error: ...`."""

    exit_code = 2


def program(name: str) -> Path:
    """The path of an existing script or notebook."""
    path = Path(name)
    if path.is_dir():
        raise BadInput(f"{name} is a directory; give a .py script or an .ipynb notebook")
    if not path.exists():
        raise BadInput(f"no such file: {name}")
    if path.suffix not in SUFFIXES:
        raise BadInput(f"{name}: neither a .py script nor an .ipynb notebook")
    return path


def is_notebook(path: Path) -> bool:
    """Whether the suffix says notebook."""
    return path.suffix == ".ipynb"


def parse_notebook(path: Path) -> dict[str, Any]:
    """The JSON of a notebook, known to hold a list of cells."""
    import json

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not a notebook: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise BadInput(f"{path} is not a notebook of format 4: it has no list of cells")
    if not all(isinstance(cell, dict) and "cell_type" in cell for cell in content["cells"]):
        raise BadInput(f"{path} is not a notebook: one of its cells has no cell_type")
    return content
