"""`torch.backends.mkl`: not used here."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False: NumPy's own BLAS and loops compute."""
    return False
