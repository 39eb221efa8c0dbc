"""Freed memory is kept for the next array: `keep_freed`, called once at import.

The C library gives large blocks back to the system as soon as they are free, and the next array of
that size begins with a page fault every 4 kilobytes: a fifth of a training step of a small
transformer, half of a sum of two arrays of ten million numbers. Memory that is kept stays with the
process until it ends. `CHAINRULE_KEEP_MEMORY=0` in the environment leaves the C library alone.
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep_freed"]

_TRIM, _TOP_PAD, _MMAP = -1, -2, -3  # names of mallopt(3)
_LARGEST = 1 << 28  # bytes of a block that is kept; larger ones go back to the system
_ALL = 1 << 30  # free bytes at the end of the heap that are kept


def keep_freed() -> bool:
    """Keep freed memory, where the C library is glibc and the environment does not forbid it.

    Returns:
        Whether it will be kept.
    """
    if sys.platform != "linux" or os.environ.get("CHAINRULE_KEEP_MEMORY") == "0":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    set_option = library.mallopt
    older = 1 << 25  # glibc before 2.35 takes no more
    kept = set_option(_MMAP, _LARGEST) or set_option(_MMAP, older)
    return bool(kept and set_option(_TRIM, _ALL) and set_option(_TOP_PAD, 1 << 24))
