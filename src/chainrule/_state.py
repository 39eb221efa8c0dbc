"""What every room may read at any time: grad mode, the interpreter slot, the default dtype.

Lives here: the few switches an op looks at while it runs, in one object with `__slots__`, because
an attribute of a module-level object is the cheapest thing Python can read (about 5 ns; a
thread-local costs 35).
Who may call: everybody; this file imports the standard library and nothing of ours.
How the slots stay thread-safe: `S.grad` is True while grad mode is on in *all* threads, `S.mode` is
None while *no* thread runs an interpreter. Only when a slot says otherwise is the thread's own
value (`_local`) asked.
"""

from __future__ import annotations

import threading
from typing import Any

__all__ = [
    "ATTENTION",
    "S",
    "count_tapes",
    "grad_enabled",
    "inference_enabled",
    "modes",
    "set_grad",
    "set_inference",
    "snapshot",
    "tapes",
]


# which kernels of attention may be chosen (`backends.cuda`, `nn.attention.sdpa_kernel`)
ATTENTION = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


class _Switches:
    """The slots an op reads: see the module docstring."""

    __slots__ = (
        "anomaly",
        "default_complex",
        "default_dtype",
        "grad",
        "grad_off",
        "mode",
        "mode_count",
        "tapes",
    )

    grad: bool  # no thread has switched recording off
    grad_off: int  # threads that have
    mode: Any  # None, or `current`: asks the thread's own interpreter stack
    mode_count: int  # interpreters running in all threads
    tapes: int  # reverse transforms running on the plain tape, in all threads
    anomaly: bool
    default_dtype: Any  # a dtypes.dtype; set when dtypes is imported
    default_complex: Any


class _Local(threading.local):
    """One thread's own values."""

    grad = True
    inference = False

    def __init__(self) -> None:
        self.modes: list[Any] = []
        self.tapes: list[Any] = []


S = _Switches()
S.grad, S.grad_off, S.mode, S.mode_count, S.anomaly = True, 0, None, 0, False
S.default_dtype = S.default_complex = None
S.tapes = 0
_local = _Local()
_lock = threading.Lock()


def grad_enabled() -> bool:
    """Whether operations of this thread are recorded."""
    return _local.grad


def set_grad(enabled: bool) -> bool:
    """Switch recording on or off in this thread; returns what it was before."""
    before = _local.grad
    if before is not enabled:
        _local.grad = enabled
        with _lock:
            S.grad_off += -1 if enabled else 1
            S.grad = S.grad_off == 0
    return before


def inference_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return _local.inference


def set_inference(enabled: bool) -> bool:
    """Enter or leave inference mode in this thread; returns what it was before."""
    before, _local.inference = _local.inference, enabled
    return before


def modes() -> list[Any]:
    """This thread's stack of interpreters, the innermost last."""
    return _local.modes


def tapes() -> list[Any]:
    """The reverse transforms that this thread runs on the plain tape, the innermost last."""
    return _local.tapes


def count_tapes(change: int) -> None:
    """One more or one less in all threads."""
    with _lock:
        S.tapes += change


def snapshot() -> tuple[Any, ...]:
    """Everything a test or a failed call must leave as it was; compare with `==`."""
    local = _local
    running = tuple(local.modes), tuple(local.tapes)
    return (local.grad, local.inference, running, S.default_dtype, S.anomaly)
