"""The click group: which commands there are."""

from __future__ import annotations

import click

from .bench import bench
from .check import check
from .info import info, version_of
from .run import run

__all__ = ["app"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    version_of("chainrule", absent="(a source tree)"), message="chainrule %(version)s"
)
def app() -> None:
    """PyTorch's autograd in Python on NumPy: run programs written for PyTorch without PyTorch."""


for _command in (run, check, info, bench):
    app.add_command(_command)
