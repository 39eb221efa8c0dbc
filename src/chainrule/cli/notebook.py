"""Runs a notebook with nbclient in a kernel where `import torch` is chainrule.

The kernel is started with the Python that runs this command, so none has to be registered; it
works in the notebook's folder. The file that was read is never changed: `output` writes another
one, at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import warnings
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import click
import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from . import compare
from .files import BadInput, parse_notebook
from .show import Screen

__all__ = ["read", "run_notebook"]

INTERRUPTED = 130
PACKAGE_PARENT = str(Path(__file__).absolute().parents[2])
START = (
    f"import sys; sys.path[0] = {PACKAGE_PARENT!r}; "
    "from chainrule.compat import kernel; sys.path[0] = ''; kernel.main()"
)
QUIET = ("--log-level=CRITICAL",)  # the kernel's own log; what cells print is not concerned


class Failure(Exception):
    """The run stopped early; the message is for the user."""

    exit_code = 1


class Interrupted(Failure):
    """Control-C."""

    exit_code = INTERRUPTED


class _Kernels(AsyncKernelManager):
    """Starts this very Python, with this very chainrule, whatever kernels the machine knows."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-c", START, "-f", "{connection_file}", *QUIET]
        return KernelSpec(argv=argv, display_name="chainrule", language="python")


class _Client(NotebookClient):
    """Prints cells and outputs as they come, and remembers where it is."""

    screen: Screen
    position = 0
    interrupted = False

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **kw: Any) -> Any:
        self.position = cell_index + 1
        self.screen.cell(cell, self.code_cells_executed + 1)
        self._listen_for_interrupt()
        return await super().async_execute_cell(cell, cell_index, *args, **kw)

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        output = super().output(outs, msg, display_id, cell_index)
        if output is not None:
            self.screen.output(output)
        return output

    def _listen_for_interrupt(self) -> None:
        """Control-C ends the run in order: what ran is kept and the kernel is shut down."""
        task = asyncio.current_task()

        def on_interrupt() -> None:
            self.interrupted = True
            if task is not None:
                task.cancel()

        with suppress(RuntimeError):  # Windows, or a thread: Control-C is then a KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, on_interrupt)


def run_notebook(
    path: Path, *, check: bool, show: bool, timeout: int | None, output: Path | None
) -> int:
    """Execute the notebook, print, write and compare as asked; returns the exit code."""
    if output is not None and not output.absolute().parent.is_dir():
        raise BadInput(f"cannot write {output}: its folder does not exist")
    notebook = read(path)
    stored = [deepcopy(cell.get("outputs", [])) for cell in notebook.cells]
    screen = Screen(outputs=show or not check, cells=show or (not check and sys.stdout.isatty()))
    failure = _execute(notebook, path.absolute().parent, screen, timeout, allow_errors=check)
    if output is not None:
        write(notebook, output)
    if failure is not None:
        click.echo(f"Error: {path}: {failure}", err=True)
        return failure.exit_code
    return _compare(path, notebook, stored) if check else 0


def read(path: Path) -> Any:
    """The notebook in the present format; its language must be Python."""
    parse_notebook(path)  # refuses what is not JSON, in words for a user
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about cells without an id: harmless here
        try:
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
        except Exception as error:  # nbformat raises whatever its converters raise
            reason = str(error).strip().partition("\n")[0]
            raise BadInput(f"{path} is not a notebook: {reason}") from None
    language = notebook.metadata.get("kernelspec", {}).get("language") or "python"
    if language.lower() != "python":
        raise BadInput(f"{path} is written for {language}, not Python")
    return notebook


def write(notebook: Any, target: Path) -> None:
    """Write the notebook whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=target.absolute().parent, suffix=".ipynb.part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            nbformat.write(notebook, file)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _execute(
    notebook: Any, folder: Path, screen: Screen, timeout: int | None, allow_errors: bool
) -> Failure | None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = _Client(
        notebook,
        kernel_name="python3",
        kernel_manager_class=_Kernels,
        resources={"metadata": {"path": str(folder)}},
        timeout=timeout,
        allow_errors=allow_errors,
        coalesce_streams=True,
        record_timing=False,
    )
    client.screen = screen
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return _failure(client, error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return Interrupted(f"interrupted in cell {client.position}")
    return None


def _failure(client: _Client, error: Exception) -> Failure:
    cell = f"cell {client.position}"
    if client.interrupted:
        return Interrupted(f"interrupted in {cell}")
    if isinstance(error, CellExecutionError):
        return Failure(f"{cell} raised {error.ename}: {error.evalue}")
    if isinstance(error, CellTimeoutError):
        return Failure(f"{cell} ran longer than {client.timeout} s")
    return Failure(f"the kernel died in {cell}")


def _compare(path: Path, notebook: Any, stored: list[Any]) -> int:
    """Report every cell whose outputs differ."""
    cells = reproduced = differing = 0
    for number, (cell, outputs) in enumerate(zip(notebook.cells, stored, strict=True), 1):
        if cell.cell_type != "code":
            continue
        expected, got = compare.items(outputs), compare.items(cell.outputs)
        cells += 1
        if compare.same(expected, got):
            reproduced += len(expected)
        else:
            differing += 1
            click.echo(_report(path, number, cell.source, compare.difference(expected, got)))
    if differing:
        click.echo(f"Error: {path}: {differing} of {cells} cells differ", err=True)
        return 1
    click.echo(f"OK: {cells} cells, {reproduced} outputs reproduced")
    return 0


def _report(path: Path, number: int, source: str, diff: str) -> str:
    head = source.strip().splitlines()
    shown = [*head[:3], "..."] if len(head) > 3 else head
    return "\n".join([f"{path}: cell {number} differs:", *(f"    {s}" for s in shown), diff, ""])
