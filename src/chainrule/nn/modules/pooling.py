"""Long because: six kinds of pools, each for one, two and three dimensions, with examples.

Pooling layers: the maximum, mean or norm of sliding windows.

Inputs are (N, C, ...) or (C, ...) with as many dimensions after the channels as the name says.
"""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .module import Module
from .utils import _pair, _single, _triple

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPoolNd(Module):
    """What the max pools share."""

    __constants__ = [  # noqa: RUF012
        "kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"
    ]  # fmt: skip

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _MaxUnpoolNd(Module):
    """What the unpools share."""

    def extra_repr(self) -> str:
        """The options."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    """What the mean pools share."""

    __constants__ = [  # noqa: RUF012
        "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"
    ]  # fmt: skip

    def extra_repr(self) -> str:
        """The options."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPoolNd(Module):
    """What the norm pools share."""

    __constants__ = ["norm_type", "kernel_size", "stride", "ceil_mode"]  # noqa: RUF012

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class _AdaptiveAvgPoolNd(Module):
    """What the adaptive mean pools share."""

    __constants__ = ["output_size"]  # noqa: RUF012

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPoolNd(Module):
    """What the adaptive max pools share."""

    __constants__ = ["output_size", "return_indices"]  # noqa: RUF012

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class MaxPool1d(_MaxPoolNd):
    """The maximum of every window of (N, C, L).

    Args:
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        padding: minus infinity on both sides.
        dilation: distance between the elements of a window.
        return_indices: also return where the maxima were.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MaxPool1d(2)(torch.ones(1, 1, 6)).shape
        torch.Size([1, 1, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.max_pool1d`."""
        return F.max_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts maxima back where they were, zeros elsewhere: takes what `MaxPool1d` returned.

    Args:
        kernel_size, stride, padding: of the pool.

    Example:
        >>> import chainrule as torch
        >>> y, where = torch.nn.MaxPool1d(2, return_indices=True)(torch.ones(1, 1, 6))
        >>> torch.nn.MaxUnpool1d(2)(y, where).shape
        torch.Size([1, 1, 6])
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = _single(kernel_size if stride is None else stride)
        self.padding = _single(padding)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """`F.max_unpool1d`."""
        return F.max_unpool1d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class AvgPool1d(_AvgPoolNd):
    """The mean of every window of (N, C, L).

    Args:
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        padding: zeros on both sides.
        ceil_mode: windows may reach beyond the end.
        count_include_pad: whether the zeros count.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AvgPool1d(2)(torch.ones(1, 1, 6)).shape
        torch.Size([1, 1, 3])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = _single(kernel_size if stride is None else stride)
        self.padding = _single(padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Any) -> Any:
        """`F.avg_pool1d`."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class LPPool1d(_LPPoolNd):
    """The p-norm of every window of (N, C, L).

    Args:
        norm_type: p.
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LPPool1d(2, 2)(torch.ones(1, 1, 6)).shape
        torch.Size([1, 1, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.lp_pool1d`."""
        return F.lp_pool1d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """`MaxPool1d` with windows that give an output of a wanted size.

    Args:
        output_size: of the output.
        return_indices: also return where the maxima were.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AdaptiveMaxPool1d(2)(torch.ones(1, 1, 5)).shape
        torch.Size([1, 1, 2])
    """

    def forward(self, input: Any) -> Any:
        """`F.adaptive_max_pool1d`."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """`AvgPool1d` with windows that give an output of a wanted size.

    Args:
        output_size: of the output.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AdaptiveAvgPool1d(2)(torch.ones(1, 1, 5)).shape
        torch.Size([1, 1, 2])
    """

    def forward(self, input: Any) -> Any:
        """`F.adaptive_avg_pool1d`."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class MaxPool2d(_MaxPoolNd):
    """The maximum of every window of (N, C, H, W).

    Args:
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        padding: minus infinity on both sides.
        dilation: distance between the elements of a window.
        return_indices: also return where the maxima were.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MaxPool2d(2)(torch.ones(1, 1, 6, 6)).shape
        torch.Size([1, 1, 3, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.max_pool2d`."""
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts maxima back where they were, zeros elsewhere: takes what `MaxPool2d` returned.

    Args:
        kernel_size, stride, padding: of the pool.

    Example:
        >>> import chainrule as torch
        >>> y, where = torch.nn.MaxPool2d(2, return_indices=True)(torch.ones(1, 1, 6, 6))
        >>> torch.nn.MaxUnpool2d(2)(y, where).shape
        torch.Size([1, 1, 6, 6])
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(kernel_size if stride is None else stride)
        self.padding = _pair(padding)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """`F.max_unpool2d`."""
        return F.max_unpool2d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class AvgPool2d(_AvgPoolNd):
    """The mean of every window of (N, C, H, W).

    Args:
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        padding: zeros on both sides.
        ceil_mode: windows may reach beyond the end.
        count_include_pad: whether the zeros count.
        divisor_override: divide by this instead of the size of the window.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AvgPool2d(2)(torch.ones(1, 1, 6, 6)).shape
        torch.Size([1, 1, 3, 3])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Any) -> Any:
        """`F.avg_pool2d`."""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _FractionalMaxPoolNd(Module):
    """What the fractional pools share."""

    __constants__ = [  # noqa: RUF012
        "kernel_size", "return_indices", "output_size", "output_ratio"
    ]  # fmt: skip
    rank = 2

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:
        super().__init__()
        spread = _pair if self.rank == 2 else _triple
        name = type(self).__name__
        sizes = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,)
        if self.rank == 3 and any(isinstance(k, int) and k <= 0 for k in sizes):
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        self.kernel_size = spread(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else spread(output_size)
        self.output_ratio = None if output_ratio is None else spread(output_ratio)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The maximum of windows whose places are drawn, so that the size shrinks by a fraction.

    Args:
        kernel_size: size of the windows.
        output_size: of the output, or
        output_ratio: of the output to the input.
        return_indices: also return where the maxima were.

    Source: Graham (2014), Fractional Max-Pooling.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.FractionalMaxPool2d(2, output_size=3)(torch.ones(1, 1, 6, 6)).shape
        torch.Size([1, 1, 3, 3])
    """

    rank = 2

    def forward(self, input: Any) -> Any:
        """`F.fractional_max_pool2d`."""
        return F.fractional_max_pool2d(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class LPPool2d(_LPPoolNd):
    """The p-norm of every window of (N, C, H, W).

    Args:
        norm_type: p.
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LPPool2d(2, 2)(torch.ones(1, 1, 6, 6)).shape
        torch.Size([1, 1, 3, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.lp_pool2d`."""
        return F.lp_pool2d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """`MaxPool2d` with windows that give an output of a wanted size.

    Args:
        output_size: of the output, one number or one for each dimension (None: as the input).
        return_indices: also return where the maxima were.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AdaptiveMaxPool2d(2)(torch.ones(1, 1, 5, 5)).shape
        torch.Size([1, 1, 2, 2])
    """

    def forward(self, input: Any) -> Any:
        """`F.adaptive_max_pool2d`."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """`AvgPool2d` with windows that give an output of a wanted size.

    Args:
        output_size: of the output, one number or one for each dimension (None: as the input).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AdaptiveAvgPool2d(2)(torch.ones(1, 1, 5, 5)).shape
        torch.Size([1, 1, 2, 2])
    """

    def forward(self, input: Any) -> Any:
        """`F.adaptive_avg_pool2d`."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class MaxPool3d(_MaxPoolNd):
    """The maximum of every window of (N, C, D, H, W).

    Args:
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        padding: minus infinity on both sides.
        dilation: distance between the elements of a window.
        return_indices: also return where the maxima were.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MaxPool3d(2)(torch.ones(1, 1, 6, 6, 6)).shape
        torch.Size([1, 1, 3, 3, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.max_pool3d`."""
        return F.max_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts maxima back where they were, zeros elsewhere: takes what `MaxPool3d` returned.

    Args:
        kernel_size, stride, padding: of the pool.

    Example:
        >>> import chainrule as torch
        >>> y, where = torch.nn.MaxPool3d(2, return_indices=True)(torch.ones(1, 1, 6, 6, 6))
        >>> torch.nn.MaxUnpool3d(2)(y, where).shape
        torch.Size([1, 1, 6, 6, 6])
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = _triple(kernel_size)
        self.stride = _triple(kernel_size if stride is None else stride)
        self.padding = _triple(padding)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """`F.max_unpool3d`."""
        return F.max_unpool3d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class AvgPool3d(_AvgPoolNd):
    """The mean of every window of (N, C, D, H, W).

    Args:
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        padding: zeros on both sides.
        ceil_mode: windows may reach beyond the end.
        count_include_pad: whether the zeros count.
        divisor_override: divide by this instead of the size of the window.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AvgPool3d(2)(torch.ones(1, 1, 6, 6, 6)).shape
        torch.Size([1, 1, 3, 3, 3])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Any) -> Any:
        """`F.avg_pool3d`."""
        return F.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The maximum of windows whose places are drawn, so that the size shrinks by a fraction.

    Args:
        kernel_size: size of the windows.
        output_size: of the output, or
        output_ratio: of the output to the input.
        return_indices: also return where the maxima were.

    Source: Graham (2014), Fractional Max-Pooling.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.FractionalMaxPool3d(2, output_size=3)(torch.ones(1, 1, 6, 6, 6)).shape
        torch.Size([1, 1, 3, 3, 3])
    """

    rank = 3

    def forward(self, input: Any) -> Any:
        """`F.fractional_max_pool3d`."""
        return F.fractional_max_pool3d(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class LPPool3d(_LPPoolNd):
    """The p-norm of every window of (N, C, D, H, W).

    Args:
        norm_type: p.
        kernel_size: size of the window.
        stride: how far it moves; its size by default.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LPPool3d(2, 2)(torch.ones(1, 1, 6, 6, 6)).shape
        torch.Size([1, 1, 3, 3, 3])
    """

    def forward(self, input: Any) -> Any:
        """`F.lp_pool3d`."""
        return F.lp_pool3d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """`MaxPool3d` with windows that give an output of a wanted size.

    Args:
        output_size: of the output, one number or one for each dimension (None: as the input).
        return_indices: also return where the maxima were.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AdaptiveMaxPool3d(2)(torch.ones(1, 1, 5, 5, 5)).shape
        torch.Size([1, 1, 2, 2, 2])
    """

    def forward(self, input: Any) -> Any:
        """`F.adaptive_max_pool3d`."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """`AvgPool3d` with windows that give an output of a wanted size.

    Args:
        output_size: of the output, one number or one for each dimension (None: as the input).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.AdaptiveAvgPool3d(2)(torch.ones(1, 1, 5, 5, 5)).shape
        torch.Size([1, 1, 2, 2, 2])
    """

    def forward(self, input: Any) -> Any:
        """`F.adaptive_avg_pool3d`."""
        return F.adaptive_avg_pool3d(input, self.output_size)
