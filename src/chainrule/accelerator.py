"""`torch.accelerator`: there is none, and programs that ask are told so."""

from __future__ import annotations

from typing import Any, NoReturn

from . import dtypes

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "current_stream",
    "device_count", "empty_cache", "is_available", "memory_allocated", "set_device_idx",
    "set_device_index", "synchronize",
]  # fmt: skip


def _refuse() -> NoReturn:
    raise RuntimeError(
        "Cannot access accelerator device when none is available.\n"
        "Hint: chainrule computes on the CPU; ask torch.accelerator.is_available() first"
    )


def is_available() -> bool:
    """False.

    Example:
        >>> import chainrule as torch
        >>> torch.accelerator.current_accelerator() or torch.device("cpu")
        device(type='cpu')
    """
    return False


def current_accelerator(check_available: bool = False) -> dtypes.device | None:
    """None."""
    return None


def device_count() -> int:
    """0."""
    return 0


def empty_cache() -> None:
    """Refuses: there is no accelerator here."""
    _refuse()


def current_device_index() -> int:
    """Refuses: there is no accelerator here."""
    _refuse()


def set_device_index(device: Any, /) -> None:
    """Refuses: there is no accelerator here."""
    _refuse()


def synchronize(device: Any = None, /) -> None:
    """Refuses: there is no accelerator here."""
    _refuse()


def current_stream(device: Any = None, /) -> Any:
    """Refuses: there is no accelerator here."""
    _refuse()


def memory_allocated(device_index: Any = None, /) -> int:
    """Refuses: there is no accelerator here."""
    _refuse()


current_device_idx, set_device_idx = current_device_index, set_device_index
