"""`torch.backends.cpu`: what the processor can do, as NumPy found it."""

from __future__ import annotations

import numpy as np

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """The widest instructions that NumPy's loops use: AVX512, AVX2, NEON, ... or DEFAULT.

    Example:
        >>> import chainrule as torch
        >>> torch.backends.cpu.get_cpu_capability() in {"AVX512", "AVX2", "NEON", "VSX", "DEFAULT"}
        True
    """
    has = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    for name, feature in (
        ("AVX512", "AVX512F"),
        ("AVX2", "AVX2"),
        ("NEON", "NEON"),
        ("VSX", "VSX"),
    ):
        if has.get(feature):
            return name
    return "DEFAULT"
