"""`torch.cuda.nvtx`: ranges for NVIDIA's profiler, which is not here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["mark", "range", "range_pop", "range_push"]


def _refuse() -> NoReturn:
    raise RuntimeError(
        "NVTX functions not installed. Are you sure you have a CUDA build?\n"
        "Hint: torch.autograd.profiler works on the CPU"
    )


def range_push(msg: str) -> Any:
    """Refuses: there is no CUDA here."""
    _refuse()


def range_pop() -> Any:
    """Refuses: there is no CUDA here."""
    _refuse()


def mark(msg: str) -> Any:
    """Refuses: there is no CUDA here."""
    _refuse()


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """Refuses: there is no CUDA here."""
    _refuse()
    yield
