"""Memory formats of weights. NumPy arrays are contiguous here, so these change nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The module itself: kernels here read weights in the order of their dimensions.

    Example:
        >>> import chainrule as torch
        >>> conv = torch.nn.Conv2d(1, 1, 1)
        >>> convert = torch.nn.utils.convert_conv2d_weight_memory_format
        >>> convert(conv, torch.channels_last) is conv
        True
    """
    return module


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The module itself: kernels here read weights in the order of their dimensions.

    Example:
        >>> import chainrule as torch
        >>> conv = torch.nn.Conv3d(1, 1, 1)
        >>> convert = torch.nn.utils.convert_conv3d_weight_memory_format
        >>> convert(conv, torch.channels_last_3d) is conv
        True
    """
    return module
