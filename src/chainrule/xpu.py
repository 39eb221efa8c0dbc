"""`torch.xpu`: Intel's GPU is not used here, and programs that ask are told so."""

from __future__ import annotations

from typing import NoReturn

__all__ = [
    "current_device", "device_count", "empty_cache", "is_available", "is_initialized",
    "manual_seed", "manual_seed_all", "synchronize",
]  # fmt: skip


def _refuse() -> NoReturn:
    raise AssertionError(
        "Torch not compiled with XPU enabled\n"
        "Hint: chainrule computes on the CPU; ask torch.xpu.is_available() first"
    )


def is_available() -> bool:
    """False.

    Example:
        >>> import chainrule as torch
        >>> torch.xpu.is_available()
        False
    """
    return False


def is_initialized() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: no device has a generator."""
    int(seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing: no memory of a device is held."""


def synchronize(device: object = None) -> None:
    """Refuses: there is no XPU here."""
    _refuse()


def current_device() -> int:
    """Refuses: there is no XPU here."""
    _refuse()
