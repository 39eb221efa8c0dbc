"""`torch.compile` and `torch.compiler`: the function itself, run by Python.

What lives here: `compile` and what programs say around it. Who may call: users. Nothing is compiled
by these; results are those of the function, and one note in a process says so.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .._notes import once

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable",
    "is_compiling", "is_dynamo_compiling", "is_exporting", "list_backends", "reset",
    "set_stance",
]  # fmt: skip

_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs", None)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
    **more: Any,
) -> Any:
    """`model` itself: the function or module runs as Python, with one note in a process.

    Used as a decorator, with or without arguments.

    Args:
        model: a function or module.
        mode: one of PyTorch's; the others have no effect.

    Raises:
        RuntimeError: both mode and options, or an unknown mode.

    Example:
        >>> import warnings
        >>> import chainrule as torch
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     f = torch.compile(lambda x: x.sin())
        >>> f(torch.zeros(1))
        tensor([0.])
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if mode not in _MODES:
        raise RuntimeError(
            f"Unrecognized mode={mode}, should be one of: {', '.join(map(str, _MODES[:-1]))}"
        )
    if model is None:
        return functools.partial(compile, mode=mode, disable=disable)
    if not callable(model):
        raise TypeError(
            f"torch.compile expects a callable object, got {type(model).__name__}\n"
            "Hint: a function or an nn.Module"
        )
    if not disable:
        once(
            "compile",
            "torch.compile returns its argument: chainrule runs Python as it is, so results are "
            "the same and nothing is compiled\nHint: this note is given once",
        )
    return model


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """`fn` itself; as a decorator with or without arguments."""
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """`fn` itself."""
    return fn


def assume_constant_result(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself."""
    return fn


def is_compiling() -> bool:
    """False."""
    return False


def is_dynamo_compiling() -> bool:
    """False."""
    return False


def is_exporting() -> bool:
    """False."""
    return False


def reset() -> None:
    """Nothing is kept."""


def cudagraph_mark_step_begin() -> None:
    """Nothing: there are no CUDA graphs."""


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """No compilers."""
    return []


class set_stance:
    """`set_stance("...")`, as a call, context or decorator, changes nothing: Python runs."""

    def __init__(self, stance: str = "default", **options: Any) -> None:
        self.stance = stance

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        return fn

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass
