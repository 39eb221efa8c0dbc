"""`torch.backends.cudnn`: not here; its switches are kept and change nothing."""

from __future__ import annotations

from .switches import flags_of

__all__ = ["flags", "is_acceptable", "is_available", "version"]

enabled, benchmark, deterministic, allow_tf32, benchmark_limit = True, False, False, True, 10

flags = flags_of(
    globals(), enabled=False, benchmark=False, benchmark_limit=10, deterministic=False,
    allow_tf32=True,
)  # fmt: skip


def is_available() -> bool:
    """False: cuDNN needs CUDA.

    Example:
        >>> import chainrule as torch
        >>> torch.backends.cudnn.benchmark = True
        >>> torch.backends.cudnn.is_available()
        False
        >>> torch.backends.cudnn.benchmark = False
    """
    return False


def version() -> None:
    """None."""
    return None


def is_acceptable(tensor: object) -> bool:
    """False: no tensor is on a GPU."""
    return False
