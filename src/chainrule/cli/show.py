"""Prints a notebook while it runs: with rich on a terminal, as plain text into a file or a pipe."""

from __future__ import annotations

import re
import sys
from typing import Any

__all__ = ["Screen"]

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Screen:
    """Where cells and outputs are printed.

    Args:
        outputs: print what the cells print and return.
        cells: print prose and code too, with Jupyter's prompts.
    """

    def __init__(self, outputs: bool, cells: bool) -> None:
        self.outputs, self.cells = outputs, cells
        self.console = _console()

    def cell(self, cell: Any, count: int) -> None:
        """A cell begins: its prose or its code; `count` is the prompt's number."""
        if not self.cells or not cell.source.strip():
            return
        if cell.cell_type == "code":
            self._code(cell.source, count)
        elif cell.cell_type == "markdown":
            self._prose(cell.source)

    def output(self, output: Any) -> None:
        """One output of the running cell."""
        if not self.outputs:
            return
        if output.output_type == "stream":
            _write(output.text, sys.stderr if output.name == "stderr" else sys.stdout)
        elif output.output_type == "error":
            _write("\n".join(output.traceback) + "\n", sys.stderr)
        else:
            self._result(output)

    def _code(self, source: str, count: int) -> None:
        if self.console is None:
            prompt = f"In [{count}]: "
            rest = "...: ".rjust(len(prompt))
            _write(f"\n{prompt}" + source.replace("\n", f"\n{rest}") + "\n", sys.stdout)
        else:
            from rich.syntax import Syntax

            self.console.print(f"\n[green]In \\[[bold]{count}[/bold]]:[/green]", highlight=False)
            self.console.print(Syntax(source, "python", background_color="default"))

    def _prose(self, source: str) -> None:
        if self.console is None:
            _write(f"\n{source}\n", sys.stdout)
        else:
            from rich.markdown import Markdown

            self.console.print()
            self.console.print(Markdown(source))

    def _result(self, output: Any) -> None:
        text = output.data.get("text/plain") or f"[{', '.join(output.data)}]"
        prompt = ""
        if self.cells and output.get("execution_count"):
            prompt = f"Out[{output.execution_count}]:" + ("\n" if "\n" in text else " ")
        _write(f"{prompt}{text}\n", sys.stdout)


def _console() -> Any:
    """rich's console on a terminal; None where the text goes elsewhere or rich is not installed."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console()


def _write(text: str, stream: Any) -> None:
    stream.write(text if stream.isatty() else ANSI.sub("", text))
    stream.flush()
