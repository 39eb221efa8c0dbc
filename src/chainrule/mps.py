"""`torch.mps`: Apple's GPU is not used here, and programs that ask are told so."""

from __future__ import annotations

from typing import NoReturn

__all__ = [
    "current_allocated_memory", "device_count", "empty_cache", "is_available", "manual_seed",
    "synchronize",
]  # fmt: skip


def _refuse(function: str) -> NoReturn:
    raise RuntimeError(
        f"Cannot execute {function}() without MPS backend.\n"
        "Hint: chainrule computes on the CPU; ask torch.backends.mps.is_available() first"
    )


def is_available() -> bool:
    """False.

    Example:
        >>> import chainrule as torch
        >>> torch.mps.is_available(), torch.mps.device_count()
        (False, 0)
    """
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: no device has a generator."""
    int(seed)


def synchronize() -> None:
    """Refuses: there is no MPS here."""
    _refuse("deviceSynchronize")


def empty_cache() -> None:
    """Refuses: there is no MPS here."""
    _refuse("emptyCache")


def current_allocated_memory() -> int:
    """Refuses: there is no MPS here."""
    _refuse("currentAllocatedMemory")
