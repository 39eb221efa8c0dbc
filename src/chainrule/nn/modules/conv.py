"""Convolutions and their transposes."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from .. import functional as F
from .. import init
from ..parameter import UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module
from .utils import _pair, _reverse_repeat_tuple, _single, _triple, new_parameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]

_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share."""

    __constants__ = [  # noqa: RUF012
        "stride", "padding", "dilation", "groups", "padding_mode", "output_padding",
        "in_channels", "out_channels", "kernel_size",
    ]  # fmt: skip
    rank = 1
    transposed = False
    weight: Any
    bias: Any
    in_channels: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        transposed: bool,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check(in_channels, out_channels, stride, padding, groups, padding_mode)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = kernel_size, stride
        self.padding, self.dilation = padding, dilation
        self.transposed, self.output_padding = transposed, output_padding
        self.groups, self.padding_mode = groups, padding_mode
        self._reversed_padding_repeated_twice = self._around()
        shape = (out_channels, in_channels // groups)
        if transposed:
            shape = (in_channels, out_channels // groups)
        self.weight = new_parameter(*shape, *kernel_size, device=device, dtype=dtype)
        if bias:
            self.bias = new_parameter(out_channels, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _around(self) -> list[int]:
        """The padding as `F.pad` takes it."""
        if not isinstance(self.padding, str):
            return list(_reverse_repeat_tuple(self.padding, 2))
        around: list[int] = []
        for d, k in zip(reversed(self.dilation), reversed(self.kernel_size), strict=True):
            total = d * (k - 1) if self.padding == "same" else 0
            around += [total // 2, total - total // 2]
        return around

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The options that are not the usual ones."""
        n = len(self.kernel_size)
        shown = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * n:
            shown += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            shown += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            shown += f", output_padding={self.output_padding}"
        if self.groups != 1:
            shown += f", groups={self.groups}"
        if self.bias is None:
            shown += ", bias=False"
        if self.padding_mode != "zeros":
            shown += f", padding_mode={self.padding_mode}"
        return shown

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")


def _check(
    in_channels: int, out_channels: int, stride: Any, padding: Any, groups: int, padding_mode: str
) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    for name, n in (("in_channels", in_channels), ("out_channels", out_channels)):
        if n % groups != 0:
            raise ValueError(f"{name} must be divisible by groups")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}"
            )
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _MODES:
        raise ValueError(
            f"padding_mode must be one of {set(_MODES)}, but got padding_mode='{padding_mode}'"
        )


class _Conv(_ConvNd):
    """What the convolutions that are not transposed share."""

    spread: Any = staticmethod(_single)
    function = "conv1d"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        spread = type(self).spread
        super().__init__(
            in_channels,
            out_channels,
            spread(kernel_size),
            spread(stride),
            padding if isinstance(padding, str) else spread(padding),
            spread(dilation),
            False,
            spread(0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
            padding = type(self).spread(0)
        conv = getattr(F, self.function)
        return conv(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Any) -> Any:
        """The convolution with weight, plus bias."""
        return self._conv_forward(input, self.weight, self.bias)


class _ConvTransposeNd(_ConvNd):
    """What the transposed convolutions share."""

    spread: Any = staticmethod(_single)
    function = "conv_transpose1d"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        spread = type(self).spread
        super().__init__(
            in_channels,
            out_channels,
            spread(kernel_size),
            spread(stride),
            spread(padding),
            spread(dilation),
            True,
            spread(output_padding),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """What must be added at the end for an output of `output_size`."""
        if output_size is None:
            return tuple(self.output_padding)
        n = len(self.kernel_size)
        extra = input.dim() - n
        if not hasattr(output_size, "__len__"):
            raise errors.wrong_kind("forward", "output_size", "tuple of ints", output_size)
        size = list(output_size)
        if len(size) == input.dim():
            size = size[extra:]
        if len(size) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or "
                f"{input.dim()} elements (got {len(size)})"
            )
        smallest = [
            (input.shape[extra + i] - 1) * self.stride[i]
            - 2 * self.padding[i]
            + self.dilation[i] * (self.kernel_size[i] - 1)
            + 1
            for i in range(n)
        ]
        largest = [m + s - 1 for m, s in zip(smallest, self.stride, strict=True)]
        if any(not m <= s <= x for m, s, x in zip(smallest, size, largest, strict=True)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from "
                f"{smallest} to {largest} (for an input of {input.size()[2:]})"
            )
        return tuple(s - m for s, m in zip(size, smallest, strict=True))

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """The transposed convolution with weight, plus bias.

        Args:
            input: (N, C, ...) or (C, ...).
            output_size: one of the sizes that a convolution maps to the input's.
        """
        return getattr(F, self.function)(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )


class _LazyConvXdMixin(LazyModuleMixin):
    """What the lazy convolutions share."""

    def _make_lazy(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        me: Any = self
        if not isinstance(me.groups, int):
            raise TypeError(f"groups must be int, not {type(me.groups).__name__}")
        if me.groups <= 0:
            raise ValueError("groups must be a positive integer")
        me.weight = UninitializedParameter(device=device, dtype=dtype)
        me.out_channels = out_channels
        if bias:
            me.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_channels != 0:  # type: ignore[attr-defined]
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Any, *args: Any, **kwargs: Any) -> None:
        """Make weight and bias for the channels of this input."""
        me: Any = self
        if not self.has_uninitialized_params():
            return
        n = len(me.kernel_size)
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        me.in_channels = input.shape[1 if input.dim() == n + 2 else 0]
        if me.in_channels % me.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        shape = (me.out_channels, me.in_channels // me.groups)
        if me.transposed:
            shape = (me.in_channels, me.out_channels // me.groups)
        me.weight.materialize((*shape, *me.kernel_size))
        if me.bias is not None:
            me.bias.materialize((me.out_channels,))
        self.reset_parameters()


class Conv1d(_Conv):
    """Cross-correlation of (N, C, L) with a kernel for every pair of channels.

    Args:
        in_channels, out_channels: C of input and output.
        kernel_size: size of the kernel.
        stride: how far the kernel moves.
        padding: zeros on both sides, or "same", "valid".
        dilation: distance between the elements of the kernel.
        groups: channels are connected within groups only.
        bias: whether to add one.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Conv1d(3, 4, 3)(torch.ones(1, 3, 5)).shape
        torch.Size([1, 4, 3])
    """

    rank = 1
    spread = staticmethod(_single)
    function = "conv1d"


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of the convolution `Conv1d`: from (N, C, L) to a larger size.

    Args:
        in_channels, out_channels: C of input and output.
        kernel_size: size of the kernel.
        stride: how far apart the copies of the kernel are.
        padding: cut from both ends.
        output_padding: added at one end.
        dilation: distance between the elements of the kernel.
        groups: channels are connected within groups only.
        bias: whether to add one.
        padding_mode: "zeros".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ConvTranspose1d(3, 4, 3)(torch.ones(1, 3, 5)).shape
        torch.Size([1, 4, 7])
    """

    rank = 1
    spread = staticmethod(_single)
    function = "conv_transpose1d"


class Conv2d(_Conv):
    """Cross-correlation of (N, C, H, W) with a kernel for every pair of channels.

    Args:
        in_channels, out_channels: C of input and output.
        kernel_size: size of the kernel.
        stride: how far the kernel moves.
        padding: zeros on both sides, or "same", "valid".
        dilation: distance between the elements of the kernel.
        groups: channels are connected within groups only.
        bias: whether to add one.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 5, 5)).shape
        torch.Size([1, 4, 3, 3])
    """

    rank = 2
    spread = staticmethod(_pair)
    function = "conv2d"


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of the convolution `Conv2d`: from (N, C, H, W) to a larger size.

    Args:
        in_channels, out_channels: C of input and output.
        kernel_size: size of the kernel.
        stride: how far apart the copies of the kernel are.
        padding: cut from both ends.
        output_padding: added at one end.
        dilation: distance between the elements of the kernel.
        groups: channels are connected within groups only.
        bias: whether to add one.
        padding_mode: "zeros".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ConvTranspose2d(3, 4, 3)(torch.ones(1, 3, 5, 5)).shape
        torch.Size([1, 4, 7, 7])
    """

    rank = 2
    spread = staticmethod(_pair)
    function = "conv_transpose2d"


class Conv3d(_Conv):
    """Cross-correlation of (N, C, D, H, W) with a kernel for every pair of channels.

    Args:
        in_channels, out_channels: C of input and output.
        kernel_size: size of the kernel.
        stride: how far the kernel moves.
        padding: zeros on both sides, or "same", "valid".
        dilation: distance between the elements of the kernel.
        groups: channels are connected within groups only.
        bias: whether to add one.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Conv3d(3, 4, 3)(torch.ones(1, 3, 5, 5, 5)).shape
        torch.Size([1, 4, 3, 3, 3])
    """

    rank = 3
    spread = staticmethod(_triple)
    function = "conv3d"


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of the convolution `Conv3d`: from (N, C, D, H, W) to a larger size.

    Args:
        in_channels, out_channels: C of input and output.
        kernel_size: size of the kernel.
        stride: how far apart the copies of the kernel are.
        padding: cut from both ends.
        output_padding: added at one end.
        dilation: distance between the elements of the kernel.
        groups: channels are connected within groups only.
        bias: whether to add one.
        padding_mode: "zeros".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ConvTranspose3d(3, 4, 3)(torch.ones(1, 3, 5, 5, 5)).shape
        torch.Size([1, 4, 7, 7, 7])
    """

    rank = 3
    spread = staticmethod(_triple)
    function = "conv_transpose3d"


class LazyConv1d(_LazyConvXdMixin, Conv1d):
    """A `Conv1d` that learns `in_channels` at its first call.

    Args:
        out_channels: C of the output.
        kernel_size, stride, padding, dilation, groups, bias, padding_mode: as for `Conv1d`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyConv1d(4, 3)(torch.ones(1, 3, 5)).shape
        torch.Size([1, 4, 3])
    """

    cls_to_become = Conv1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, 1, False, padding_mode)
        self.groups = groups
        self._make_lazy(out_channels, bias, device, dtype)


class LazyConvTranspose1d(_LazyConvXdMixin, ConvTranspose1d):
    """A `ConvTranspose1d` that learns `in_channels` at its first call.

    Args:
        out_channels: C of the output.
        kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode: as for
            `ConvTranspose1d`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyConvTranspose1d(4, 3)(torch.ones(1, 3, 5)).shape
        torch.Size([1, 4, 7])
    """

    cls_to_become = ConvTranspose1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, 1, False, dilation, padding_mode
        )
        self.groups = groups
        self._make_lazy(out_channels, bias, device, dtype)


class LazyConv2d(_LazyConvXdMixin, Conv2d):
    """A `Conv2d` that learns `in_channels` at its first call.

    Args:
        out_channels: C of the output.
        kernel_size, stride, padding, dilation, groups, bias, padding_mode: as for `Conv2d`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyConv2d(4, 3)(torch.ones(1, 3, 5, 5)).shape
        torch.Size([1, 4, 3, 3])
    """

    cls_to_become = Conv2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, 1, False, padding_mode)
        self.groups = groups
        self._make_lazy(out_channels, bias, device, dtype)


class LazyConvTranspose2d(_LazyConvXdMixin, ConvTranspose2d):
    """A `ConvTranspose2d` that learns `in_channels` at its first call.

    Args:
        out_channels: C of the output.
        kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode: as for
            `ConvTranspose2d`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyConvTranspose2d(4, 3)(torch.ones(1, 3, 5, 5)).shape
        torch.Size([1, 4, 7, 7])
    """

    cls_to_become = ConvTranspose2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, 1, False, dilation, padding_mode
        )
        self.groups = groups
        self._make_lazy(out_channels, bias, device, dtype)


class LazyConv3d(_LazyConvXdMixin, Conv3d):
    """A `Conv3d` that learns `in_channels` at its first call.

    Args:
        out_channels: C of the output.
        kernel_size, stride, padding, dilation, groups, bias, padding_mode: as for `Conv3d`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyConv3d(4, 3)(torch.ones(1, 3, 5, 5, 5)).shape
        torch.Size([1, 4, 3, 3, 3])
    """

    cls_to_become = Conv3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, 1, False, padding_mode)
        self.groups = groups
        self._make_lazy(out_channels, bias, device, dtype)


class LazyConvTranspose3d(_LazyConvXdMixin, ConvTranspose3d):
    """A `ConvTranspose3d` that learns `in_channels` at its first call.

    Args:
        out_channels: C of the output.
        kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode: as for
            `ConvTranspose3d`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyConvTranspose3d(4, 3)(torch.ones(1, 3, 5, 5, 5)).shape
        torch.Size([1, 4, 7, 7, 7])
    """

    cls_to_become = ConvTranspose3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, 1, False, dilation, padding_mode
        )
        self.groups = groups
        self._make_lazy(out_channels, bias, device, dtype)
