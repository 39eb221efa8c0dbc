"""`torch.backends.opt_einsum`: the order of products in `einsum` is chosen by NumPy here."""

from __future__ import annotations

from .switches import flags_of

__all__ = ["flags", "is_available"]

enabled: bool = False
strategy: str | None = None
flags = flags_of(globals(), enabled=None, strategy=None)


def is_available() -> bool:
    """False: opt_einsum is not used."""
    return False


def get_opt_einsum() -> None:
    """None: opt_einsum is not used."""
    return None
