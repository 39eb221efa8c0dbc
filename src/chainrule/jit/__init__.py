"""`torch.jit`: functions and modules stay Python; `script` and `trace` hand them back.

What lives here: everything of `torch.jit` that annotates or compiles, as the identity with one
note in a process; refusals for files of compiled programs. Who may call: users. A scripted function
computes the same here as in PyTorch, only through Python.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from .._notes import once
from ..nn import Module
from .annotations import (
    Attribute,
    Final,
    Future,
    annotate,
    export,
    final,
    fork,
    ignore,
    interface,
    isinstance,
    unused,
    wait,
)  # fmt: skip

__all__ = [
    "Attribute", "CompilationUnit", "Error", "Final", "Future", "ScriptFunction", "ScriptModule",
    "annotate", "enable_onednn_fusion", "export", "final", "fork", "freeze", "fuser", "ignore",
    "interface", "is_scripting", "is_tracing", "isinstance", "load", "onednn_fusion_enabled",
    "optimize_for_inference", "optimized_execution", "save", "script", "script_if_tracing",
    "script_method", "set_fusion_strategy", "trace", "trace_module", "unused", "wait",
]  # fmt: skip

Error = RuntimeError
_NOTE = (
    "torch.jit.{} returns its argument: chainrule runs Python as it is, so results are the same "
    "and nothing is compiled\nHint: this note is given once"
)


class ScriptFunction:
    """What `script` would make of a function; never made here, for isinstance only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("ScriptFunction")


class CompilationUnit:
    """Refuses: there is no TorchScript here."""

    def __init__(self, lang: str | None = None, _frames_up: int = 0) -> None:
        _refuse("CompilationUnit")


class ScriptModule(Module):
    """A base class for modules: a plain `nn.Module`, which is what runs here."""


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"torch.jit.{name}: there is no TorchScript here\n"
        "Hint: keep the Python class and torch.save(module.state_dict(), path)"
    )


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """`obj` itself, with one note in a process.

    Example:
        >>> import warnings
        >>> import chainrule as torch
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     double = torch.jit.script(lambda x: 2 * x)
        >>> double(torch.ones(1))
        tensor([2.])
    """
    once("jit", _NOTE.format("script"))
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`func` itself, after it ran once on the example inputs; with one note in a process.

    Args:
        func: a function or module.
        example_inputs: a tensor or tuple of tensors; or `example_kwarg_inputs=`, a dict.
    """
    once("jit", _NOTE.format("trace"))
    named = kwargs.get("example_kwarg_inputs")
    if named is not None:
        func(**named)
    elif example_inputs is not None:
        inputs = example_inputs if type(example_inputs) in (tuple, list) else (example_inputs,)
        func(*inputs)
    return func


def trace_module(mod: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """`mod` itself, after its methods ran once on the example inputs; with one note."""
    once("jit", _NOTE.format("trace_module"))
    for name, values in inputs.items():
        getattr(mod, name)(*(values if type(values) in (tuple, list) else (values,)))
    return mod


def script_if_tracing(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself: nothing is traced."""
    return fn


def script_method(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself."""
    return fn


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Any:
    """`mod` itself, which must be in evaluation mode.

    Raises:
        RuntimeError: it is in training mode.
    """
    if getattr(mod, "training", False):
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() "
            "on your module before freezing."
        )
    return mod


def optimize_for_inference(mod: Any, other_methods: Any = None) -> Any:
    """`mod` in evaluation mode."""
    return mod.eval()


def is_scripting() -> bool:
    """False: code runs in Python."""
    return False


def is_tracing() -> bool:
    """False: nothing is traced."""
    return False


def save(m: Any, f: Any, _extra_files: Any = None) -> None:
    """Refuses: there is no TorchScript here."""
    _refuse("save")


def load(f: Any, map_location: Any = None, _extra_files: Any = None) -> Any:
    """Refuses: there is no TorchScript here."""
    _refuse("load")


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Nothing is fused; returns the strategy."""
    return strategy


def enable_onednn_fusion(enabled: bool) -> None:
    """Nothing is fused."""


def onednn_fusion_enabled() -> bool:
    """False."""
    return False


@contextmanager
def fuser(name: str) -> Iterator[None]:
    """`with torch.jit.fuser(name):` changes nothing: nothing is fused."""
    yield


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """`with torch.jit.optimized_execution(flag):` changes nothing."""
    yield


strict_fusion = functools.partial(fuser, "strict")
