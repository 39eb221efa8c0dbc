"""Dropout layers: random zeros while training, nothing in evaluation."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]


class _DropoutNd(Module):
    """What the dropout layers share: a probability, and whether to write in place."""

    __constants__ = ["p", "inplace"]  # noqa: RUF012

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """The probability, and whether it writes in place."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """While training, sets every element to zero with probability p and divides by 1 - p.

    Args:
        p: probability of a zero.
        inplace: overwrite the input.

    Source: Hinton et al. (2012), Improving neural networks by preventing co-adaptation.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Dropout(0.2).eval()(torch.ones(3))
        tensor([1., 1., 1.])
    """

    def forward(self, input: Any) -> Any:
        """`F.dropout`."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """`Dropout` of whole channels of (N, C, L) or (C, L).

    Args:
        p: probability of a zero.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Dropout1d().eval()(torch.ones(1, 2, 3)).shape
        torch.Size([1, 2, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.dropout1d`."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """`Dropout` of whole channels of (N, C, H, W).

    Args:
        p: probability of a zero.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Dropout2d().eval()(torch.ones(1, 2, 3, 3)).shape
        torch.Size([1, 2, 3, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.dropout2d`."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """`Dropout` of whole channels of (N, C, D, H, W).

    Args:
        p: probability of a zero.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Dropout3d().eval()(torch.ones(1, 2, 3, 3, 3)).shape
        torch.Size([1, 2, 3, 3, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.dropout3d`."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance after SELU.

    Args:
        p: probability of the negative saturation value.
        inplace: overwrite the input.

    Source: Klambauer et al. (2017), Self-Normalizing Neural Networks.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AlphaDropout(0.2).eval()(torch.ones(3))
        tensor([1., 1., 1.])
    """

    def forward(self, input: Any) -> Any:
        """`F.alpha_dropout`."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels.

    Args:
        p: probability of the negative saturation value.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.FeatureAlphaDropout(0.2).eval()(torch.ones(1, 2, 3)).shape
        torch.Size([1, 2, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.feature_alpha_dropout`."""
        return F.feature_alpha_dropout(input, self.p, self.training)
