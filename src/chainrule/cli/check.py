"""`chainrule check`: which torch names a program uses and chainrule lacks, without running it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import click

from ..compat import names
from . import files
from .source import Block, read_blocks
from .uses import Use, UseFinder

__all__ = ["check"]

TENSOR = "torch.Tensor"


@dataclass(frozen=True)
class Gap:
    """A name that chainrule lacks and what can be said about it."""

    place: str
    name: str
    sure: bool
    near: str | None

    def __str__(self) -> str:
        known = names.exists_in_pytorch(self.name)
        fact = f"{names.PYTORCH} has it" if known else f"{names.PYTORCH} has no such name either"
        facts = [fact] if known is not None else []
        facts += [f"Hint: nearest is {self.near}"] if self.near else []
        label = "missing" if self.sure else "possibly missing"
        return f"{self.place}: {label}: {self.name}" + "".join(f"; {each}" for each in facts)


@click.command(short_help="List the torch names a program uses that chainrule lacks.")
@click.argument("file")
def check(file: str) -> None:
    """List the torch names that FILE uses and chainrule lacks; FILE is read, not run.

    A method called on something that may be a tensor is listed as possibly missing, and so is a
    name used where its absence is expected (try ... except ImportError). The exit code is 1 when
    a name is missing for sure, 2 when FILE cannot be read.
    """
    path = files.program(file)
    found, gaps = survey(read_blocks(path))
    for gap in gaps:
        click.echo(str(gap))
    missing = sum(gap.sure for gap in gaps)
    if gaps:
        click.echo(
            f"{path}: {missing} missing, {len(gaps) - missing} possibly missing, of {found} names"
        )
    else:
        click.echo(f"OK: {path}: chainrule has all {found} torch names in it")
    raise SystemExit(1 if missing else 0)


def survey(blocks: list[Block]) -> tuple[int, list[Gap]]:
    """How many different torch names are used, and the gaps in order of appearance."""
    finder = UseFinder()
    gaps: dict[tuple[str, str], Gap] = {}
    sure_names: set[str] = set()
    for block in blocks:
        finder.uses.clear()
        finder.visit(block.tree)
        sure_names.update(use.name for use in finder.uses if use.sure)
        for use in finder.uses:
            gap = _gap(use, block.at(use.line))
            if gap is not None:
                gaps.setdefault((gap.place, gap.name), gap)
    return len(sure_names), list(gaps.values())


def _gap(use: Use, place: str) -> Gap | None:
    """None when chainrule has the name, or when nobody says that it is a tensor's method."""
    space, _, method = use.name.rpartition(".")
    if space == TENSOR and not use.sure and method not in names.pytorch_names(TENSOR):
        return None
    owner, lacking = resolve(use.name)
    if lacking is None:
        return None
    parent, _, last = lacking.rpartition(".")
    near = names.nearest(last, dir(owner))
    return Gap(place, lacking, use.sure, near and f"{parent}.{near}")


def resolve(dotted: str) -> tuple[Any, str | None]:
    """Follow a torch name in chainrule: the last owner, and the first missing part (or None).

    Example:
        >>> resolve("torch.no_such_room.name")[1]
        'torch.no_such_room'
    """
    engine = __name__.partition(".")[0]
    owner: Any = importlib.import_module(engine)
    path = "torch"
    for part in dotted.split(".")[1:]:
        path += f".{part}"
        found = _member(owner, part, engine + path[len("torch") :])
        if found is _NOTHING:
            return owner, path
        owner = found
    return owner, None


_NOTHING = object()


def _member(owner: Any, name: str, module: str) -> Any:
    """An attribute, or a submodule that was not imported yet."""
    found = getattr(owner, name, _NOTHING)
    if found is _NOTHING and isinstance(owner, ModuleType):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError:
            return _NOTHING
    return found
