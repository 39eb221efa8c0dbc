"""Padding layers: more elements around the last dimensions.

`padding` is one number for all sides, or (left, right), (left, right, top, bottom), ... beginning
with the last dimension; negative numbers cut off.
"""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .module import Module
from .utils import _ntuple, _pair, _quadruple

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    """What the padding layers share."""

    __constants__ = ["padding"]  # noqa: RUF012
    spread: Any = staticmethod(_pair)
    mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = type(self).spread(padding)

    def forward(self, input: Any) -> Any:
        """`F.pad`."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """How much on each side."""
        return f"{self.padding}"


class _ConstantPadNd(_Pad):
    """What the constant pads share."""

    __constants__ = ["padding", "value"]  # noqa: RUF012

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        """`F.pad` with a value."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """How much on each side, and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPadNd):
    """What the zero pads share."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """How much on each side."""
        return f"{self.padding}"


class _CircularPadNd(_Pad):
    """What the circular pads share."""

    mode = "circular"

    def _check_input_dim(self, input: Any) -> None:
        n = len(self.padding) // 2
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")

    def forward(self, input: Any) -> Any:
        """`F.pad`."""
        self._check_input_dim(input)
        return F.pad(input, self.padding, "circular")


class _ReflectionPadNd(_Pad):
    """What the reflecting pads share."""

    mode = "reflect"


class _ReplicationPadNd(_Pad):
    """What the replicating pads share."""

    mode = "replicate"


class ConstantPad1d(_ConstantPadNd):
    """Pads with one value.

    Args:
        padding: one number, or 2.
        value: what stands there.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ConstantPad1d(1, 1.5)(torch.ones(1, 1, 3)).shape
        torch.Size([1, 1, 5])
    """


class ConstantPad2d(_ConstantPadNd):
    """Pads with one value.

    Args:
        padding: one number, or 4.
        value: what stands there.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ConstantPad2d(1, 1.5)(torch.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 5, 5])
    """

    spread = staticmethod(_quadruple)


class ConstantPad3d(_ConstantPadNd):
    """Pads with one value.

    Args:
        padding: one number, or 6.
        value: what stands there.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ConstantPad3d(1, 1.5)(torch.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 5, 5, 5])
    """

    spread = staticmethod(_ntuple(6))


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Pads with zeros.

    Args:
        padding: one number, or 2.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ZeroPad1d(1)(torch.ones(1, 1, 3)).shape
        torch.Size([1, 1, 5])
    """


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Pads with zeros.

    Args:
        padding: one number, or 4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ZeroPad2d(1)(torch.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 5, 5])
    """


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Pads with zeros.

    Args:
        padding: one number, or 6.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ZeroPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 5, 5, 5])
    """


class ReflectionPad1d(_ReflectionPadNd):
    """Pads with the mirror image, the border not repeated.

    Args:
        padding: one number, or 2.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReflectionPad1d(1)(torch.ones(1, 1, 3)).shape
        torch.Size([1, 1, 5])
    """


class ReflectionPad2d(_ReflectionPadNd):
    """Pads with the mirror image, the border not repeated.

    Args:
        padding: one number, or 4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReflectionPad2d(1)(torch.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 5, 5])
    """

    spread = staticmethod(_quadruple)


class ReflectionPad3d(_ReflectionPadNd):
    """Pads with the mirror image, the border not repeated.

    Args:
        padding: one number, or 6.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReflectionPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 5, 5, 5])
    """

    spread = staticmethod(_ntuple(6))


class ReplicationPad1d(_ReplicationPadNd):
    """Pads with the values at the border.

    Args:
        padding: one number, or 2.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReplicationPad1d(1)(torch.ones(1, 1, 3)).shape
        torch.Size([1, 1, 5])
    """


class ReplicationPad2d(_ReplicationPadNd):
    """Pads with the values at the border.

    Args:
        padding: one number, or 4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReplicationPad2d(1)(torch.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 5, 5])
    """

    spread = staticmethod(_quadruple)


class ReplicationPad3d(_ReplicationPadNd):
    """Pads with the values at the border.

    Args:
        padding: one number, or 6.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReplicationPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 5, 5, 5])
    """

    spread = staticmethod(_ntuple(6))


class CircularPad1d(_CircularPadNd):
    """Pads with the values at the other end.

    Args:
        padding: one number, or 2.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CircularPad1d(1)(torch.ones(1, 1, 3)).shape
        torch.Size([1, 1, 5])
    """


class CircularPad2d(_CircularPadNd):
    """Pads with the values at the other end.

    Args:
        padding: one number, or 4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CircularPad2d(1)(torch.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 5, 5])
    """

    spread = staticmethod(_quadruple)


class CircularPad3d(_CircularPadNd):
    """Pads with the values at the other end.

    Args:
        padding: one number, or 6.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CircularPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 5, 5, 5])
    """

    spread = staticmethod(_ntuple(6))
