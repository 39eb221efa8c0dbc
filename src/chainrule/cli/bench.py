"""`chainrule bench`: runs the benchmarks of a source checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

__all__ = ["bench"]


@click.command(
    short_help="Run the benchmarks of a source checkout.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("names", nargs=-1, type=click.UNPROCESSED)
def bench(names: tuple[str, ...]) -> None:
    """Run the benchmarks NAMES (all without one) of the source checkout; ratios, not seconds."""
    runner = _runner()
    if runner is None:
        raise click.ClickException(
            "no benchmarks/run.py: benchmarks come with a source checkout, not with the package"
        )
    raise SystemExit(subprocess.call([sys.executable, str(runner), *names]))


def _runner() -> Path | None:
    """`benchmarks/run.py` of the checkout that holds this file, or of the present folder."""
    for folder in (Path(__file__).resolve().parents[3], Path.cwd()):
        found = folder / "benchmarks" / "run.py"
        if found.is_file():
            return found
    return None
