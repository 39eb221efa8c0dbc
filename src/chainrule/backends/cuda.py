"""`torch.backends.cuda`: not here; its switches are kept, and only those of attention count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._state import ATTENTION as _state
from .switches import switch

__all__ = ["is_built", "matmul", "sdp_kernel"]


class _Matmul:
    """Switches of CUDA's matrix products."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    fp32_precision = "none"


matmul = _Matmul()
flash_sdp_enabled, enable_flash_sdp = switch(_state, "flash")
mem_efficient_sdp_enabled, enable_mem_efficient_sdp = switch(_state, "mem_efficient")
math_sdp_enabled, enable_math_sdp = switch(_state, "math")
cudnn_sdp_enabled, enable_cudnn_sdp = switch(_state, "cudnn")


def is_built() -> bool:
    """False.

    Example:
        >>> import chainrule as torch
        >>> torch.backends.cuda.is_built()
        False
    """
    return False


def is_flash_attention_available() -> bool:
    """False."""
    return False


def preferred_linalg_library(backend: str | None = None) -> str:
    """ "default": LAPACK through NumPy and SciPy."""
    return "default"


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Inside its `with` the switches are set, as by `nn.attention.sdpa_kernel`."""
    before = dict(_state)
    _state.update(
        flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient,
        cudnn=enable_cudnn,
    )  # fmt: skip
    try:
        yield
    finally:
        _state.update(before)
