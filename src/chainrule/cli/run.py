"""`chainrule run`: a script or a notebook written for PyTorch, executed by chainrule."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from . import files, script

__all__ = ["run"]

NOTEBOOK_NEEDS = ("nbformat", "nbclient", "ipykernel")


class _RunCommand(click.Command):
    """After a script everything is the script's own; after a notebook options may still follow."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        program = next((arg for arg in args if arg.endswith(files.SUFFIXES)), "")
        ctx.allow_interspersed_args = program.endswith(".ipynb")
        return super().parse_args(ctx, args)


@click.command(cls=_RunCommand, short_help="Run a script or a notebook written for PyTorch.")
@click.argument("file")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("--check", is_flag=True, help="Compare the new outputs with the stored ones.")
@click.option("--show", is_flag=True, help="Print the prose and the code too, not only outputs.")
@click.option("--timeout", type=click.IntRange(min=1), help="Seconds that one cell may run.")
@click.option("-o", "--output", type=Path, help="Write the executed notebook here.")
def run(
    file: str,
    args: tuple[str, ...],
    check: bool,
    show: bool,
    timeout: int | None,
    output: Path | None,
) -> None:
    """Run FILE, a .py script or an .ipynb notebook; in it, `import torch` is chainrule.

    A script gets ARGS as its sys.argv. A notebook runs in a kernel of its own, in its own folder,
    and its outputs are printed as they come; --check compares them with the stored ones: only
    white space and object addresses may differ, and a stored error is an expected error. Cells
    are counted from 1, prose included.
    """
    path = files.program(file)
    if not files.is_notebook(path):
        if check or show or timeout or output:
            raise click.UsageError("--check, --show, --timeout and -o are for notebooks")
        raise SystemExit(script.run_script(path, args))
    if args:
        raise click.UsageError(f"a notebook takes no arguments: {' '.join(args)}")
    _need_jupyter()
    from . import notebook

    raise SystemExit(
        notebook.run_notebook(path, check=check, show=show, timeout=timeout, output=output)
    )


def _need_jupyter() -> None:
    lacking = [name for name in NOTEBOOK_NEEDS if importlib.util.find_spec(name) is None]
    if lacking:
        need = " and ".join(lacking)
        raise click.ClickException(f'notebooks need {need}: pip install "chainrule[notebook]"')
