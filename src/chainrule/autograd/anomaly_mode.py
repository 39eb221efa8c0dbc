"""Anomaly mode: backward errors that show the forward line, and the first NaN.

While it is on, an interpreter (`Anomaly`) keeps at every recorded node the stack of the forward
call; the walk checks every gradient for NaN (`core/watch.py`) and, when a rule fails, warns with
that stack (`errors.forward_of`). With `forward=True` it also stops at the first op whose result has
a NaN that its operands had not. While it is off nothing of this runs.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import errors
from .._state import S, modes
from ..core.hooks import ACTIVE
from ..core.interpreter import push, remove
from ..core.tensor import Tensor
from ..core.watch import current_node
from .following import Follower

__all__ = [
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_detect_anomaly",
]


class Anomaly(Follower):
    """Keeps the forward stack of every node; with `forward`, refuses results with a new NaN."""

    def __init__(self, forward: bool = False) -> None:
        self.forward = forward

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        out = super().process(prim, inputs, params)
        if self.forward:
            _stop_at_nan(prim, inputs, out)
        return out

    def made(self, node: Any, prim: Any, out: Any) -> None:
        known = node.metadata
        if "traceback_" not in known:
            errors.note_forward(node)
            parent = current_node()
            if parent is not None:
                known["parent_"] = parent


def _stop_at_nan(prim: Any, inputs: tuple[Any, ...], out: Any) -> None:
    for i, t in enumerate(out if isinstance(out, (tuple, list)) else (out,)):
        if _has_nan(t) and not any(map(_has_nan, inputs)):
            raise RuntimeError(
                errors.hinted(
                    f"Operation '{prim.name}' returned nan values in its {i}th output.",
                    f"operands: {', '.join(map(errors.described, inputs))}",
                    f"at: {errors.line_of(errors.user_location())}",
                    hint="none of its operands has a NaN: this is where the first one is made",
                )
            )


def _has_nan(t: Any) -> bool:
    if not isinstance(t, Tensor) or t._data.dtype.kind not in "fcV":
        return False
    return bool(np.isnan(t._data).any())


# ---------------------------------------------------------------- switches


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return S.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode checks gradients for NaN."""
    return bool(ACTIVE.get("nan", True))


def _switch(on: bool, check_nan: bool, forward: bool = False, at: int | None = None) -> None:
    """Make it so, in this thread for what is recorded and everywhere for the walks.

    The interpreter stands where one stood before, or at `at`: those above it are left before it.
    """
    stack = modes()
    for mode in [m for m in stack if isinstance(m, Anomaly)]:
        at = stack.index(mode)
        remove(mode)
    S.anomaly = on
    ACTIVE.pop("nan", None)
    if on:
        ACTIVE["nan"] = check_nan
        push(Anomaly(forward))
        if at is not None:
            stack.insert(at, stack.pop())


def _state() -> tuple[bool, bool, bool, int | None]:
    stack = modes()
    mode = next((m for m in stack if isinstance(m, Anomaly)), None)
    on = S.anomaly, is_anomaly_check_nan_enabled()
    return (*on, False, None) if mode is None else (*on, mode.forward, stack.index(mode))


class detect_anomaly:
    """Within it, a backward that fails shows the forward line, and NaN gradients fail.

    Args:
        check_nan: raise when a rule returns NaN.
        forward: also stop at the first NaN made in forward.

    Example:
        >>> import chainrule as torch, warnings
        >>> x = torch.tensor([-1.0], requires_grad=True)
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     with torch.autograd.detect_anomaly():
        ...         torch.sqrt(x).sum().backward()
        Traceback (most recent call last):
        RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
        ...
    """

    def __init__(self, check_nan: bool = True, *, forward: bool = False) -> None:
        self.check_nan, self.forward = check_nan, forward
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            UserWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self.before = _state()
        _switch(True, self.check_nan, self.forward)

    def __exit__(self, *exc: object) -> None:
        _switch(*self.before)


class set_detect_anomaly:
    """Switch anomaly mode on or off, at once; as a context manager, until its end.

    Example:
        >>> import chainrule as torch
        >>> with torch.autograd.set_detect_anomaly(True):
        ...     torch.is_anomaly_enabled()
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True, *, forward: bool = False) -> None:
        self.before = _state()
        _switch(mode, check_nan, forward)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _switch(*self.before)
