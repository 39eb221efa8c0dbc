"""Which public function it was: the names of a function, and what a running one was called with.

Asked after something has failed and never before: by the guards of the public functions
(`core/declare.py`), which want the names for the table of forms, and by `Tensor` when one of many
elements is read as a number or as a truth. The functions that are called most stand behind no
guard; then the arguments are read off the frame.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from .. import errors
from .blame import forms
from .primitive import METHODS, PUBLIC

__all__ = ["paths_of"]

_PACKAGE = __name__.partition(".")[0] + "."
_VARARGS, _VARKEYWORDS = 4, 8  # of code.co_flags


def paths_of(function: Any) -> list[str]:
    """The public names of a function; `.name` where it is a method."""
    return [path for path, shown in _shown() if shown is function]


def _shown() -> Iterator[tuple[str, Any]]:
    """All public functions with their names, and what is behind guards and wrappers."""
    for table, start in ((PUBLIC, ""), (METHODS, ".")):
        for name, function in table.items():
            shown: Any = function
            while shown is not None:
                yield start + name, shown
                shown = getattr(shown, "__wrapped__", None)


def misread() -> Exception | None:
    """The TypeError of a running public function for a tensor that stands where it takes none.

    Called by what Python asks of a tensor (`__bool__`, `__int__`, ...), two calls above.
    """
    frame: Any = sys._getframe(3)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        found = [(p, f) for p, f in _shown() if getattr(f, "__code__", None) is frame.f_code]
        if found:
            args, kwargs = _given(frame, found[0][1])
            error: TypeError | None = forms.misfit([path for path, _ in found], args, kwargs)
            if error is not None:
                return error
        frame = frame.f_back
    return None


def _given(frame: Any, function: Callable[..., Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a running function was called with; arguments that have their default are left out."""
    code, values = frame.f_code, frame.f_locals
    count, more, names = code.co_argcount, code.co_kwonlyargcount, code.co_varnames
    args = [values[n] for n in names[:count]]
    defaults = list(function.__defaults__ or ())
    while defaults and args[-1] is defaults[-1]:
        args.pop()
        defaults.pop()
    usual = function.__kwdefaults__ or {}
    kwargs = {n: values[n] for n in names[count : count + more]}
    kwargs = {n: v for n, v in kwargs.items() if n not in usual or v is not usual[n]}
    at = count + more
    if code.co_flags & _VARARGS:
        args += values[names[at]]
        at += 1
    if code.co_flags & _VARKEYWORDS:
        kwargs |= values[names[at]]
    return tuple(args), kwargs


errors.MISREAD.append(misread)
