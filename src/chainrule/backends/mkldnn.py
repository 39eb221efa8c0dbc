"""`torch.backends.mkldnn`: not here; its switches are kept and change nothing."""

from __future__ import annotations

from .switches import flags_of

__all__ = ["flags", "is_available"]

enabled, deterministic, allow_tf32 = True, False, True
flags = flags_of(globals(), enabled=False, deterministic=False, allow_tf32=True)


def is_available() -> bool:
    """False: NumPy's own loops compute."""
    return False
