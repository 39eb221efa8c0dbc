"""The compiled twins of kernels, where the install has them.

A kernel is a NumPy function that one can read; `@compiled` puts a function in C of the same name
(`native/`) before it, which does the usual case (dense float32, mostly) in one pass and leaves
every other call to the NumPy function. The extension is optional: without a compiler at install
time, or with `CHAINRULE_NATIVE=0` in the environment, the NumPy functions are all there is, and
everything works as well, only slower. Both are tested against each other.
Called by the other files of `kernels/`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["NATIVE", "compiled", "compiled_as"]

Function = TypeVar("Function", bound=Callable[..., Any])

NATIVE: Any = None  # the extension module, if there is one
if os.environ.get("CHAINRULE_NATIVE") != "0":
    try:
        from . import _native as NATIVE  # type: ignore[attr-defined, no-redef]
    except ImportError as error:
        if error.name != __package__:  # it is there and broken; else installed without a compiler
            warnings.warn(
                f"the compiled kernels of chainrule cannot be loaded ({error}); NumPy does their "
                "work. Installing chainrule again compiles them for this Python and NumPy.",
                RuntimeWarning,
                stacklevel=2,
            )


def compiled(function: Function) -> Function:
    """`function`, or the kernel in C of the same file and name, which falls back to it."""
    path = function.__module__.partition(".kernels.")[2] + "." + function.__name__
    return compiled_as(path, function)


def compiled_as(path: str, function: Function) -> Function:
    """The kernel in C of that path before `function`, or `function` where there is none."""
    # an extension that was built before a function was written has no kernel for it
    kernel = None if NATIVE is None else NATIVE.kernel(path, function)
    return function if kernel is None else kernel
