"""Every public name of PyTorch 2.13, and the message for one that is not there.

The names stand in `pytorch_names.txt`, recorded from PyTorch by `tests/compat/record_names.py`:
a line `[torch.nn]` opens a module or class, the words below it are its public names.
The file and difflib are loaded when the first name is missing, never by `import chainrule`.
A message has PyTorch's own first sentence, then whether PyTorch has the name, then the nearest
one that exists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any, NoReturn

__all__ = [
    "exists_in_pytorch",
    "explain_missing",
    "missing_module",
    "missing_name",
    "nearest",
    "pytorch_names",
]

PYTORCH = "PyTorch 2.13"
NAMES_FILE = os.path.join(os.path.dirname(__file__), "pytorch_names.txt")
MODULES = "modules"
CLASSES = ("torch.Tensor",)


@lru_cache(maxsize=1)
def _sections() -> dict[str, frozenset[str]]:
    with open(NAMES_FILE, encoding="utf-8") as file:
        text = file.read()
    parts = [part.partition("]") for part in text.partition("\n[")[2].split("\n[")]
    return {head: frozenset(body.split()) for head, _, body in parts}


def pytorch_names(space: str) -> frozenset[str]:
    """The public names of one of PyTorch's modules or classes; empty where none were recorded.

    Example:
        >>> "relu" in pytorch_names("torch.nn.functional")
        True
    """
    return _sections().get(space, frozenset())


def exists_in_pytorch(dotted: str) -> bool | None:
    """Whether PyTorch has this name; None where its module was not recorded.

    Example:
        >>> exists_in_pytorch("torch.sin"), exists_in_pytorch("torch.sinn")
        (True, False)
    """
    space, _, name = dotted.rpartition(".")
    if dotted in pytorch_names(MODULES):
        return True
    known = pytorch_names(space)
    return name in known if known else None


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that looks most like `name`, upper and lower case taken as the same.

    Example:
        >>> nearest("crossentropyloss", ["CrossEntropyLoss", "NLLLoss"])
        'CrossEntropyLoss'
    """
    import difflib

    folded = {each.lower(): each for each in candidates if not each.startswith("_")}
    found = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def missing_name(module_name: str, name: str, candidates: Iterable[str]) -> AttributeError:
    """The error for `module.name`, to be raised by a module's `__getattr__` (or Tensor's).

    Args:
        module_name: the module in either spelling, `torch.nn` or `chainrule.nn`; or `torch.Tensor`.
        name: the name that is not there.
        candidates: the names that are, for the hint: usually `globals()` or `dir(cls)`.

    Example:
        >>> print(missing_name("chainrule", "sinn", ["sin", "cos"]))
        module 'torch' has no attribute 'sinn'
        PyTorch 2.13 has no torch.sinn either.
        Hint: did you mean torch.sin?
    """
    space = as_torch(module_name)
    first = _first_sentence(space, name)
    if name.startswith("_"):  # asked for by machinery (copy, IPython), not typed by somebody
        return AttributeError(first, name=name)
    lines = [first, *_facts(f"{space}.{name}"), *_hint(space, name, candidates)]
    return AttributeError("\n".join(lines), name=name)


def explain_missing(spaces: Iterable[ModuleType | type]) -> None:
    """Give modules and classes a `__getattr__` that raises `missing_name`, after the one they may
    have."""
    for space in spaces:
        setattr(space, "__getattr__", _getattr_of(space))  # noqa: B010


def _getattr_of(space: ModuleType | type) -> Callable[..., Any]:
    if isinstance(space, ModuleType):
        before = getattr(space, "__getattr__", None)

        def of_module(name: str) -> Any:
            if before is not None:
                try:
                    return before(name)
                except AttributeError:
                    pass
            raise missing_name(space.__name__, name, dir(space))

        return of_module
    return lambda _, name: _raise(missing_name(f"torch.{space.__name__}", name, dir(space)))


def _raise(error: AttributeError) -> NoReturn:
    raise error


def missing_module(fullname: str, engine: ModuleType) -> ModuleNotFoundError:
    """The error for `import torch.a.b` where chainrule has no module `a.b`."""
    space, _, name = fullname.rpartition(".")
    lines = [f"No module named {fullname!r}", *_facts(fullname)]
    lines += _hint(space, name, _names_under(space, engine))
    return ModuleNotFoundError("\n".join(lines), name=fullname)


def as_torch(name: str) -> str:
    """`chainrule.nn` as a PyTorch program spells it: `torch.nn`."""
    head, dot, rest = name.partition(".")
    return ("torch" if head == __name__.partition(".")[0] else head) + dot + rest


def _first_sentence(space: str, name: str) -> str:
    if space in CLASSES:
        return f"{space.rpartition('.')[2]!r} object has no attribute {name!r}"
    return f"module {space!r} has no attribute {name!r}"


def _facts(dotted: str) -> Iterator[str]:
    known = exists_in_pytorch(dotted)
    if known:
        yield f"{PYTORCH} has {dotted}; chainrule does not have it yet."
    elif known is False:
        yield f"{PYTORCH} has no {dotted} either."


def _hint(space: str, name: str, candidates: Iterable[str]) -> Iterator[str]:
    near = nearest(name, candidates)
    if near is None:
        return
    if exists_in_pytorch(f"{space}.{name}"):
        yield f"Hint: the nearest name that chainrule has is {space}.{near}."
    else:
        yield f"Hint: did you mean {space}.{near}?"


def _names_under(space: str, engine: ModuleType) -> list[str]:
    """What chainrule has in the module `space`, submodules that are not imported yet included."""
    import pkgutil

    module: Any = engine
    for part in space.split(".")[1:]:
        module = getattr(module, part, None)
    found = [each.name for each in pkgutil.iter_modules(getattr(module, "__path__", ()))]
    return found + list(vars(module)) if isinstance(module, ModuleType) else found
