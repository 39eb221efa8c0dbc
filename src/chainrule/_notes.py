"""Notes that are given once: what a program asked for that has no effect here."""

from __future__ import annotations

import warnings

__all__ = ["once"]

_given: set[str] = set()


def once(topic: str, text: str) -> None:
    """Warn with `text`, the first time for this topic in this process."""
    if topic not in _given:
        _given.add(topic)
        warnings.warn(text, UserWarning, stacklevel=3)
