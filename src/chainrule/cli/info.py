"""`chainrule info`: what is installed, in the form a bug report needs."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click
import numpy as np

from ..kernels.compiled import NATIVE

__all__ = ["info", "version_of"]

EXTRAS = {
    "cli": ("click", "rich"),
    "notebook": ("nbformat", "nbclient", "ipykernel"),
    "scipy": ("scipy",),
    "bfloat16": ("ml_dtypes",),
}


@click.command(short_help="Print the versions a bug report needs.")
def info() -> None:
    """Print the versions of chainrule, Python, NumPy, its BLAS and the optional packages, and
    whether kernels are compiled."""
    rows = {
        "chainrule": version_of("chainrule", absent="a source tree"),
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "blas": _blas(),
        "kernels": _kernels(),
    }
    rows |= {
        name: f"{version_of(name)} [{extra}]" for extra, names in EXTRAS.items() for name in names
    }
    rows["torch"] = f"{version_of('torch')} (the real one; never used)"
    for name, value in rows.items():
        click.echo(f"{name:<10} {value}")


def version_of(package: str, absent: str = "not installed") -> str:
    """The installed version of a package, or what to say when there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return absent


def _kernels() -> str:
    count = 0 if NATIVE is None else len(NATIVE.paths())
    return f"NumPy, {count} of them compiled" if count else "NumPy alone (no compiled extension)"


def _blas() -> str:
    config = np.show_config(mode="dicts") or {}
    blas = config.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
