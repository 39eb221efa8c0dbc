"""Marks and helpers of TorchScript programs, with their meaning in Python."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, Final, get_args, get_origin

__all__ = [
    "Attribute", "Final", "Future", "annotate", "export", "final", "fork", "ignore", "interface",
    "isinstance", "unused", "wait",
]  # fmt: skip

final = Final


class Attribute(tuple):
    """A value and its type; in Python the pair is kept and `value` read from it."""

    __slots__ = ()

    def __new__(cls, value: Any, type: Any) -> Attribute:
        return tuple.__new__(cls, (value, type))

    @property
    def value(self) -> Any:
        """The value."""
        return self[0]

    @property
    def type(self) -> Any:
        """The type."""
        return self[1]


def annotate(the_type: Any, the_value: Any) -> Any:
    """`the_value` itself."""
    return the_value


def export(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Decorator, with or without arguments: the function itself."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself."""
    return fn


def interface(obj: type) -> type:
    """`obj` itself."""
    return obj


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether `obj` is of a type such as `List[int]` or `Dict[str, Tensor]`, elements included.

    Example:
        >>> from typing import List
        >>> import chainrule as torch
        >>> torch.jit.isinstance([1, 2], List[int]), torch.jit.isinstance(["a"], List[int])
        (True, False)
    """
    origin, inner = get_origin(target_type), get_args(target_type)
    if builtins.isinstance(target_type, tuple):
        return any(isinstance(obj, t) for t in target_type)
    if origin is None:
        kind = type(None) if target_type is None else target_type
        return builtins.isinstance(obj, kind)
    if origin not in (list, dict, tuple, set):
        return any(isinstance(obj, t) for t in inner)  # Union, Optional
    if not builtins.isinstance(obj, origin):
        return False
    if origin is dict:
        return all(isinstance(k, inner[0]) and isinstance(v, inner[1]) for k, v in obj.items())
    if origin is tuple:
        return len(obj) == len(inner) and all(map(isinstance, obj, inner))
    return all(isinstance(item, inner[0]) for item in obj)


class Future:
    """The result of `fork`, which has run already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def wait(self) -> Any:
        """The result."""
        return self._value

    value = wait

    def done(self) -> bool:
        """True."""
        return True


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Future:
    """Call `func` now; `wait` gives its result."""
    return Future(func(*args, **kwargs))


def wait(future: Future) -> Any:
    """The result of `fork`."""
    return future.wait()
