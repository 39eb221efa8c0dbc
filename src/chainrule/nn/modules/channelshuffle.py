"""`ChannelShuffle`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .module import Module

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """Mixes the channels of groups: (N, g, C/g, ...) becomes (N, C/g, g, ...).

    Args:
        groups: how many groups the channels form.

    Source: Zhang et al. (2017), ShuffleNet.

    Example:
        >>> import chainrule as torch
        >>> x = torch.arange(4.0).reshape(1, 4, 1, 1)
        >>> torch.nn.ChannelShuffle(2)(x).flatten()
        tensor([0., 2., 1., 3.])
    """

    __constants__ = ["groups"]  # noqa: RUF012

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        """`F.channel_shuffle`."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """How many groups."""
        return f"groups={self.groups}"
