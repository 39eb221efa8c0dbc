"""`torch.nn.attention`: which kernel of attention is used, and attention with masks and scores of
one's own.

What lives here: `SDPBackend` and `sdpa_kernel`; `bias` (causal masks by their corner) and
`flex_attention` when named. Who may call: users. The switches are read by
`nn.functional.scaled_dot_product_attention`. There is one kernel here, which computes whatever MATH
or FLASH_ATTENTION would in PyTorch on a CPU; the others are refused, as there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from ..._state import ATTENTION

__all__ = ["SDPBackend", "bias", "flex_attention", "sdpa_kernel"]


class SDPBackend(Enum):
    """The kernels of `scaled_dot_product_attention`; on a CPU MATH and FLASH_ATTENTION."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


_SWITCH = {
    SDPBackend.MATH: "math",
    SDPBackend.FLASH_ATTENTION: "flash",
    SDPBackend.EFFICIENT_ATTENTION: "mem_efficient",
    SDPBackend.CUDNN_ATTENTION: "cudnn",
}


@contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[None]:
    """Inside its `with` (or in the decorated function) only these kernels may be chosen.

    Args:
        backends: one, or a list of them.
        set_priority: the order of the list counts; there is one kernel here, so it does not.

    Raises:
        AssertionError: `backends` is something else.
        RuntimeError: by `scaled_dot_product_attention` inside, where no kernel is left.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.attention import SDPBackend, sdpa_kernel
        >>> q = torch.ones(1, 1, 2, 4)
        >>> with sdpa_kernel(SDPBackend.MATH):
        ...     torch.nn.functional.scaled_dot_product_attention(q, q, q).shape
        torch.Size([1, 1, 2, 4])
    """
    if not isinstance(backends, list | SDPBackend):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    names = {_SWITCH[b] for b in chosen if b in _SWITCH}
    before = dict(ATTENTION)
    ATTENTION.update({name: name in names for name in ATTENTION})
    try:
        yield
    finally:
        ATTENTION.update(before)


def _cur_sdpa_kernel_backends(with_priority: bool = False) -> list[SDPBackend]:
    """The kernels that may be chosen now."""
    return [backend for backend, name in _SWITCH.items() if ATTENTION[name]]


def __getattr__(name: str) -> Any:
    if name in ("bias", "flex_attention"):
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'torch.nn.attention' has no attribute '{name}'", name=name)
