"""`set_multithreading_enabled`: a switch that PyTorch has and programs set.

The walk here runs in the thread that called it, so that there is nothing to switch; several threads
may each run one at the same time, over one graph or over several (`.grad` is written under a lock).
"""

from __future__ import annotations

import threading

__all__ = ["is_multithreading_enabled", "set_multithreading_enabled"]


class _Local(threading.local):
    enabled = True


_local = _Local()


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` was last told in this thread."""
    return _local.enabled


class set_multithreading_enabled:
    """Remember the wish, at once; as a context manager, until its end.

    Example:
        >>> import chainrule as torch
        >>> with torch.autograd.set_multithreading_enabled(False):
        ...     torch.autograd.is_multithreading_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        self.mode, self.prev = mode, _local.enabled
        _local.enabled = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _local.enabled = self.prev
