"""`torch.cpu`: the device that is here. Calls are finished when they return, so streams and
synchronisation have nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "Stream", "StreamContext", "current_device", "current_stream", "device_count",
    "is_available", "is_initialized", "set_device", "stream", "synchronize",
]  # fmt: skip


class Stream:
    """The order in which calls run: the order in which they are made."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Nothing to wait for."""

    def synchronize(self) -> None:
        """Nothing to wait for."""


_current = Stream()


def is_available() -> bool:
    """True.

    Example:
        >>> import chainrule as torch
        >>> torch.cpu.is_available(), torch.cpu.device_count(), torch.cpu.current_device()
        (True, 1, 'cpu')
    """
    return True


is_initialized = is_available


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """'cpu'."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing: there is one."""


def synchronize(device: Any = None) -> None:
    """Nothing: calls are finished when they return."""


def current_stream(device: Any = None) -> Stream:
    """The one order of calls."""
    return _current


@contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """`with torch.cpu.stream(s):` changes nothing."""
    yield


StreamContext = stream
