"""Layer, group, RMS and response normalisation."""

from __future__ import annotations

import numbers
from typing import Any

from ...ops.shape.join import cat
from .. import functional as F
from .. import init
from .module import Module
from .utils import new_parameter

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class LocalResponseNorm(Module):
    """x over (k + alpha times the mean square of neighbouring channels)^beta.

    Args:
        size: how many channels.
        alpha, beta, k: see above.

    Source: Krizhevsky, Sutskever, Hinton (2012), section 3.3.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LocalResponseNorm(2)(torch.ones(1, 4, 3, 3)).shape
        torch.Size([1, 4, 3, 3])
    """

    __constants__ = ["size", "alpha", "beta", "k"]  # noqa: RUF012

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Any:
        """`F.local_response_norm`."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(Module):
    """`LocalResponseNorm` of images (N, C, H, W).

    Args:
        size: how many channels.
        alpha, beta, k: see there.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CrossMapLRN2d(2)(torch.ones(1, 4, 3, 3)).shape
        torch.Size([1, 4, 3, 3])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Any:
        """The sum over a window of channels, centred, as PyTorch's module computes it."""
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        before = int((self.size - 1) / 2 + 1) - 1  # channels before the middle
        after = self.size - 1 - before
        n = input.shape[1]
        square = input * input
        sums = [
            square[:, max(0, c - before) : min(n, c + max(after, before) + 1)].sum(1, keepdim=True)
            for c in range(n)
        ]
        window = cat(sums, 1)
        return input * (self.k + self.alpha / self.size * window) ** -self.beta

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LayerNorm(Module):
    """(x - mean)/sqrt(variance + eps) over the last dimensions, times weight, plus bias.

    Args:
        normalized_shape: sizes of the last dimensions, or one number.
        eps: added to the variance.
        elementwise_affine: whether there are weight and bias of that shape.
        bias: whether there is a bias.

    Source: Ba, Kiros, Hinton (2016), Layer Normalization.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LayerNorm(3)(torch.tensor([1.0, 2.0, 3.0])).detach()
        tensor([-1.2247,  0.0000,  1.2247])
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]  # noqa: RUF012
    weight: Any
    bias: Any

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if isinstance(normalized_shape, numbers.Integral):
            normalized_shape = (normalized_shape,)
        self.normalized_shape: tuple[int, ...] = tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, wanted in (("weight", True), ("bias", bias)):
            made = None
            if elementwise_affine and wanted:
                made = new_parameter(*self.normalized_shape, device=device, dtype=dtype)
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """`F.layer_norm`."""
        own = self.__dict__["_parameters"]
        if "weight" in own and "bias" in own:  # usually; attributes take half a microsecond each
            return F.layer_norm(input, self.normalized_shape, own["weight"], own["bias"], self.eps)
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """Every group of channels of every sample normalised, times weight, plus bias.

    Args:
        num_groups: how many groups.
        num_channels: C of the input (N, C, ...).
        eps: added to the variance.
        affine: whether there are weight and bias, one for each channel.
        bias: whether there is a bias, if affine.

    Source: Wu, He (2018), Group Normalization.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.GroupNorm(2, 4)(torch.ones(1, 4, 3)).shape
        torch.Size([1, 4, 3])
    """

    __constants__ = ["num_groups", "num_channels", "eps", "affine"]  # noqa: RUF012
    weight: Any
    bias: Any

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = new_parameter(num_channels, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """`F.group_norm`."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """x/sqrt(mean(x^2) + eps) over the last dimensions, times weight.

    Args:
        normalized_shape: sizes of the last dimensions, or one number.
        eps: default: the machine epsilon of the dtype.
        elementwise_affine: whether there is a weight.

    Source: Zhang, Sennrich (2019), Root Mean Square Layer Normalization.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.RMSNorm(2)(torch.tensor([3.0, 4.0])).detach()
        tensor([0.8485, 1.1314])
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]  # noqa: RUF012
    weight: Any

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if isinstance(normalized_shape, numbers.Integral):
            normalized_shape = (normalized_shape,)
        self.normalized_shape: tuple[int, ...] = tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        made = None
        if elementwise_affine:
            made = new_parameter(*self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter("weight", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Any) -> Any:
        """`F.rms_norm`."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )
