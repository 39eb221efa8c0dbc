"""Which arguments the functions take that PyTorch reads in C, form by form.

Lives here: the reader of `forms.txt` (written by `tools/record_forms.py` from what PyTorch says of
itself) and `misfit`, which says in PyTorch's words why a call fits no form of its function. Called
by `core/blame.py` and `Primitive`'s `out=` after a call has failed and never before: a failed call
whose arguments fit no form is a TypeError, whatever went wrong first.

A line of the table is `name: form | form`; a form is its parameters, those after `*` by keyword
only. `I2? size=` is a tuple of ints that may be one int for two (`I2`), may be None (`?`) and may
be left out (`=`). A form after `~` is an old one, taken and never shown. Methods that are no
functions stand under `.name`, without their tensor.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes, errors
from .tensor import Tensor

__all__ = ["forms_of", "known", "misfit"]

KINDS = {
    "T": "Tensor", "A": "Tensor", "Q": "tuple of Tensors", "N": "Number", "i": "int",
    "I": "tuple of ints", "f": "float", "F": "tuple of floats", "b": "bool", "s": "str",
    "t": "torch.dtype", "l": "torch.layout", "d": "torch.device", "m": "torch.memory_format",
    "g": "torch.Generator", "S": "tuple of Scalars", "o": "object",
}  # fmt: skip
# Other names of an argument.
_NUMPY = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}


class Parameter(NamedTuple):
    """One parameter of a form: `code` as in `KINDS`; `size` is how many ints one int is for."""

    name: str
    code: str
    size: int
    none: bool
    left_out: bool
    keyword: bool

    def text(self) -> str:
        """As PyTorch shows it."""
        return f"{KINDS[self.code]} {self.name}{' = ...' if self.left_out else ''}"


class Form(NamedTuple):
    """One way to call a function; a hidden one is taken, but not shown."""

    parameters: tuple[Parameter, ...]
    hidden: bool

    def text(self) -> str:
        """As PyTorch shows it."""
        first = [p.text() for p in self.parameters if not p.keyword]
        by_name = [p.text() for p in self.parameters if p.keyword]
        return f" * ({', '.join([*first, *(['*'] if by_name else []), *by_name])})"

    def may_have(self, count: int) -> bool:
        """Whether it may take so many arguments."""
        least = sum(not p.left_out for p in self.parameters)
        return not self.hidden and least <= count <= len(self.parameters)

    def of_method(self) -> Form:
        """As the method has it."""
        apart = ("input", "out")
        return Form(tuple(p for p in self.parameters if p.name not in apart), self.hidden)


@cache
def _lines() -> dict[str, str]:
    with open(__file__.rpartition(".")[0] + ".txt", encoding="utf-8") as table:
        return dict(line.rstrip("\n").split(": ", 1) for line in table)


@cache
def forms_of(path: str) -> tuple[Form, ...]:
    """The forms of the function at `path` below torch, or of the method `.name`; none if PyTorch
    reads its arguments in Python."""
    lines = _lines()
    if path in lines:
        return tuple(map(_parsed, lines[path].split(" | ")))
    if not path.startswith("."):
        return ()
    for name in (path[1:], path[1:].removesuffix("_")):
        if name in lines:  # as the function, without `out`
            return tuple(_parsed(text).of_method() for text in lines[name].split(" | "))
    return ()


def _parsed(text: str) -> Form:
    found, keyword = [], False
    for part in filter(None, text.lstrip("~").split(", ")):
        if part == "*":
            keyword = True
            continue
        code, name = part.split(" ")
        size = int("0" + code[1:].rstrip("?"))
        left_out = name.endswith("=")
        none = "?" in code
        found.append(Parameter(name.rstrip("="), code[0], size, none, left_out, keyword))
    return Form(tuple(found), text.startswith("~"))


def known(paths: Iterable[str]) -> bool:
    """Whether the table has the function at each of the paths."""
    names = list(paths)
    return bool(names) and all(map(forms_of, names))


def misfit(paths: Iterable[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TypeError | None:
    """The TypeError of a call that fits no form at any of the paths; None if it fits one, or if a
    path is not in the table.

    Args:
        paths: public names of one function, and `.name` where it is a method too.
        args, kwargs: the arguments, the tensor of a method first.
    """
    error = None
    for path in paths:
        given = args
        if path.startswith("."):
            if not args or not isinstance(args[0], Tensor):
                continue
            given = args[1:]
        forms = forms_of(path)
        if not forms:
            return None
        reasons = [_why_not(form, given, kwargs) for form in forms]
        if None in reasons:
            return None
        new = _refusal(path, forms, reasons, given, kwargs)
        if error is None or "unexpected keyword" in str(new):  # a method with too much
            error = new
    return error


def _refusal(
    path: str, known: tuple[Form, ...], reasons: list[Any], args: Any, kwargs: dict[str, Any]
) -> TypeError:
    name = path.removeprefix("nn.functional.").removeprefix(".").replace(".", "_")
    hint = f"see the help on {path.lstrip('.')} for what it takes"
    count = len(args) + len(kwargs)
    near = [r for form, r in zip(known, reasons, strict=True) if form.may_have(count)]
    pairs = zip(known, reasons, strict=True)
    shown = [f"{f.text()}\n{_aside(reason)}" for f, reason in pairs if not f.hidden]
    if len(shown) == 1 or len(near) == 1:
        first, _, apart = (near or reasons)[0].partition("\n")
        return TypeError(errors.hinted(f"{name}{first}", hint=apart or hint))
    given = [errors.kind_name(v) for v in args]
    given += [f"{k}={errors.kind_name(v)}" for k, v in kwargs.items()]
    first = f"{name}() received an invalid combination of arguments - got ({', '.join(given)})"
    return TypeError(errors.hinted(f"{first}, but expected one of:", *shown, hint=hint))


def _aside(reason: str) -> str:
    said = reason.partition("\n")[0].removeprefix("()").lstrip(": ")
    return f"      not this one: {said}"


def _why_not(form: Form, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """What PyTorch says of arguments that do not fit the form, after the function's name, and
    perhaps a hint in a line of its own; None where they fit."""
    parameters = form.parameters
    places = sum(not p.keyword for p in parameters)
    spread = places == 1 and parameters[0].code == "I"  # x.view(2, 3) for x.view((2, 3))
    if len(args) > places and not spread:
        s = "" if places == 1 else "s"
        were = "was" if len(args) == 1 else "were"
        return f"() takes {places} positional argument{s} but {len(args)} {were} given"
    left, at = dict(kwargs), 0
    for p in parameters:
        by_name = p.keyword or at >= len(args)
        if not by_name:
            value, at = args[at], at + 1
        else:
            names = [n for n in (p.name, *_NUMPY.get(p.name, ())) if n in left]
            if not names:
                if p.left_out:
                    continue
                return f'() missing 1 required positional arguments: "{p.name}"'
            value = left.pop(names[0])
        if value is None and p.none:
            continue
        if spread and at == 1 and len(args) > 1 and not _is_int(value):
            return f"() takes 1 positional argument but {len(args)} were given"
        if spread and at == 1 and not by_name and _is_int(value):
            at = len(args)
            if not all(_is_int(v) or isinstance(v, bool) for v in args):
                return _must_be(p, 1, args)
            continue
        if not _CHECKS[p.code](value, p.size):
            return _must_be(p, 0 if by_name else at, value)
    if left:
        return f"() got an unexpected keyword argument '{next(iter(left))}'"
    return None


def _must_be(p: Parameter, position: int, value: Any) -> str:
    where = f" (position {position})" if position else ""
    kind, given = KINDS[p.code], errors.kind_name(value)
    hint = "\n" + errors.as_tensor_hint(value) if p.code in "TA" else ""
    return f"(): argument '{p.name}'{where} must be {kind}, not {given}{hint}"


# ---------------------------------------------------------------- the types


def _is_tensor(value: Any, size: int = 0) -> bool:
    return isinstance(value, Tensor) or hasattr(type(value), "__torch_function__")


def _plain_zero(value: Any) -> bool:
    return isinstance(value, Tensor) and not value._data.ndim and not value.requires_grad


def _is_int(value: Any, size: int = 0) -> bool:
    if isinstance(value, Tensor):
        return value._data.size == 1 and value._data.dtype.kind in "iub"
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _is_ints(value: Any, size: int) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_int, value))
    return size > 0 and _is_int(value)


def _is_float(value: Any, size: int = 0) -> bool:
    return isinstance(value, (float, int, np.number, np.bool_)) or _plain_zero(value)


def _is_number(value: Any, size: int = 0) -> bool:
    return isinstance(value, (float, int, complex, np.number, np.bool_)) or _plain_zero(value)


def _is_dtype(value: Any, size: int) -> bool:
    python = (float, int, bool, complex)
    return isinstance(value, dtypes.dtype) or any(value is kind for kind in python)


def _is_tensors(value: Any, size: int) -> bool:
    listed = isinstance(value, (tuple, list))
    return listed and all(v is None or _is_tensor(v) for v in value)


def _named(*names: str) -> Any:
    return lambda value, size: type(value).__name__ in names


_CHECKS: dict[str, Any] = {
    "T": _is_tensor,
    "A": lambda v, n: _is_tensor(v) or _is_number(v),
    "Q": _is_tensors,
    "N": _is_number,
    "i": _is_int,
    "I": _is_ints,
    "f": _is_float,
    "F": lambda v, n: isinstance(v, (tuple, list)) and all(map(_is_float, v)),
    "b": lambda v, n: isinstance(v, bool),
    "s": lambda v, n: isinstance(v, str),
    "t": _is_dtype,
    "l": _named("layout"),
    "d": lambda v, n: isinstance(v, str) or _is_int(v) or type(v).__name__ == "device",
    "m": _named("memory_format"),
    "g": _named("Generator"),
    "S": lambda v, n: isinstance(v, (tuple, list)) and all(map(_is_number, v)),
    "o": lambda v, n: True,
}
