"""`PixelShuffle` and `PixelUnshuffle`: channels as pixels, and back."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .module import Module

__all__ = ["PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """(*, C r^2, H, W) becomes (*, C, H r, W r).

    Args:
        upscale_factor: r.

    Source: Shi et al. (2016), Real-Time Single Image and Video Super-Resolution.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.PixelShuffle(2)(torch.ones(1, 8, 3, 3)).shape
        torch.Size([1, 2, 6, 6])
    """

    __constants__ = ["upscale_factor"]  # noqa: RUF012

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Any:
        """`F.pixel_shuffle`."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(*, C, H r, W r) becomes (*, C r^2, H, W).

    Args:
        downscale_factor: r.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.PixelUnshuffle(2)(torch.ones(1, 2, 6, 6)).shape
        torch.Size([1, 8, 3, 3])
    """

    __constants__ = ["downscale_factor"]  # noqa: RUF012

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Any:
        """`F.pixel_unshuffle`."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"
