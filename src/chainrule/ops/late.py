"""Families that are loaded when one of their names is first asked for.

Everybody would pay for them at import and few programs use them. `LATE` lists what each file
brings: public paths below torch, and methods as `Tensor.<name>`. `tests/meta/test_late.py` holds
the table against the files and prints what it should say.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..core.declare import METHODS
from ..core.primitive import PUBLIC
from ..core.tensor import Tensor

# family file -> the names it brings (words, in any order)
LATE: dict[str, str] = {}

FAMILY_OF = {path: family for family, paths in LATE.items() for path in paths.split()}


def load(family: str) -> None:
    """Declare the ops of a late family and attach their methods."""
    importlib.import_module("." + family, __package__)
    attach()


def load_all() -> None:
    """Declare every op there is: for what reads the whole registry (tests, docs)."""
    for family in LATE:
        load(family)


def attach() -> None:
    """Give `Tensor` every method declared so far."""
    for name, method in METHODS.items():
        if Tensor.__dict__.get(name) is not method:
            setattr(Tensor, name, method)


class LateMethod:
    """Stands on `Tensor` for a method of a late family until it is first looked up."""

    def __init__(self, family: str, name: str) -> None:
        self.family, self.name = family, name

    def __get__(self, tensor: Any, owner: type) -> Any:
        load(self.family)
        return getattr(owner if tensor is None else tensor, self.name)


def promise_methods() -> None:
    """Put a `LateMethod` where a method will be."""
    for path, family in FAMILY_OF.items():
        if path.startswith("Tensor."):
            name = path.removeprefix("Tensor.")
            setattr(Tensor, name, LateMethod(family, name))


def later(prefix: str, space: dict[str, Any]) -> Callable[[str], Any]:
    """A module's `__getattr__`: loads the family of `torch.<prefix>.<name>`.

    Args:
        prefix: the path of the module below torch, "" for the top.
        space: the module's `globals()`, where the name is kept.
    """
    start = prefix + "." if prefix else ""

    def find(name: str) -> Any:
        family = FAMILY_OF.get(start + name)
        if family is None:
            raise AttributeError(f"module 'torch.{prefix}' has no attribute '{name}'", name=name)
        load(family)
        found = space[name] = PUBLIC[start + name]
        return found

    return find


def promised(prefix: str) -> list[str]:
    """The names below `torch.<prefix>` that late families bring."""
    start = prefix + "." if prefix else ""
    ours = (path[len(start) :] for path in FAMILY_OF if path.startswith(start))
    return [name for name in ours if "." not in name and not name.startswith("Tensor")]
