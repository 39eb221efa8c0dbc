"""From a function to a graph of ops, and from the graph to fast code.

Lives here: `record` (an interpreter that writes down every op of one run, forward and backward, as
a functional graph that can be replayed on other inputs). Who may call: `nn` and rooms to its right;
users through `chainrule`. A value comes from `core/interpreter.py`, which shows each op to the
recorder before it is evaluated, and goes into a
`Graph`: inputs, constants, equations, outputs. In-place operations and views are ordinary equations
there.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from .record import Equation, Graph, Var, record

__all__ = ["Equation", "Graph", "Var", "record"]


class _Callable(ModuleType):
    """This room, which once loaded stands where PyTorch has the function `torch.compile`."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return importlib.import_module("..compiler", __name__).compile(*args, **options)


sys.modules[__name__].__class__ = _Callable
