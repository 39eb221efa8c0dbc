"""Instance normalisation: every channel of every sample by its own mean and variance."""

from __future__ import annotations

import warnings
from typing import Any

from .. import functional as F
from .batchnorm import _LazyNormBase, _NormBase

__all__ = [
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
]


class _InstanceNorm(_NormBase):
    """Instance norm of any number of dimensions."""

    rank = 0  # of a batch

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any
    ) -> None:
        version = local_metadata.get("version", None)
        if version is None and not self.track_running_stats:
            keys = [prefix + n for n in ("running_mean", "running_var")]
            found = [k for k in keys if k in state_dict]
            if found:
                rest[3].append(_unexpected_statistics(type(self).__name__, found))
                for key in found:
                    del state_dict[key]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() not in (self.rank - 1, self.rank):
            raise ValueError(
                f"expected {self.rank - 1}D or {self.rank}D input (got {input.dim()}D input)"
            )

    def forward(self, input: Any) -> Any:
        """`F.instance_norm`, also of a single sample without batch dimension."""
        self._check_input_dim(input)
        single = input.dim() == self.rank - 1
        channels = input.shape[0 if single else 1]
        if channels != self.num_features:
            self._wrong_channels(channels, single)
        made = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return made.squeeze(0) if single else made

    def _wrong_channels(self, channels: int, single: bool) -> None:
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={0 if single else 1} to match num_features "
                f"({self.num_features}), but got: {channels}."
            )
        warnings.warn(
            f"input's size at dim={0 if single else 1} does not match num_features. "
            "You can silence this warning by not passing in num_features, which is not used "
            "because affine=False",
            stacklevel=4,
        )


def _unexpected_statistics(name: str, keys: list[str]) -> str:
    listed = " and ".join(f'"{k}"' for k in keys)
    return (
        f"Unexpected running stats buffer(s) {listed} for {name} with track_running_stats=False. "
        "If state_dict is a checkpoint saved before 0.4.0, this may be expected because "
        f"{name} does not track running stats by default since 0.4.0. Please remove these keys "
        "from state_dict. If the running stats are actually needed, instead set "
        f"track_running_stats=True in {name} to enable them. See the documentation of {name} for "
        "details."
    )


class InstanceNorm1d(_InstanceNorm):
    """Every channel of every sample of (N, C, L) or (C, L) normalised.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), Instance Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.InstanceNorm1d(3)
        >>> layer(torch.ones(4, 3, 5)).shape
        torch.Size([4, 3, 5])
    """

    rank = 3


class LazyInstanceNorm1d(_LazyNormBase, _InstanceNorm):
    """An `InstanceNorm1d` that learns the number of channels at its first call.

    Args:
        eps: added to the variance.
        momentum: how far the running statistics move.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), Instance Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyInstanceNorm1d()
        >>> layer(torch.ones(4, 3, 5)).shape
        torch.Size([4, 3, 5])
    """

    cls_to_become = InstanceNorm1d
    rank = 3


class InstanceNorm2d(_InstanceNorm):
    """Every channel of every sample of (N, C, H, W) or (C, H, W) normalised.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), Instance Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.InstanceNorm2d(3)
        >>> layer(torch.ones(4, 3, 2, 2)).shape
        torch.Size([4, 3, 2, 2])
    """

    rank = 4


class LazyInstanceNorm2d(_LazyNormBase, _InstanceNorm):
    """An `InstanceNorm2d` that learns the number of channels at its first call.

    Args:
        eps: added to the variance.
        momentum: how far the running statistics move.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), Instance Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyInstanceNorm2d()
        >>> layer(torch.ones(4, 3, 2, 2)).shape
        torch.Size([4, 3, 2, 2])
    """

    cls_to_become = InstanceNorm2d
    rank = 4


class InstanceNorm3d(_InstanceNorm):
    """Every channel of every sample of (N, C, D, H, W) or (C, D, H, W) normalised.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), Instance Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.InstanceNorm3d(3)
        >>> layer(torch.ones(4, 3, 2, 2, 2)).shape
        torch.Size([4, 3, 2, 2, 2])
    """

    rank = 5


class LazyInstanceNorm3d(_LazyNormBase, _InstanceNorm):
    """An `InstanceNorm3d` that learns the number of channels at its first call.

    Args:
        eps: added to the variance.
        momentum: how far the running statistics move.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), Instance Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyInstanceNorm3d()
        >>> layer(torch.ones(4, 3, 2, 2, 2)).shape
        torch.Size([4, 3, 2, 2, 2])
    """

    cls_to_become = InstanceNorm3d
    rank = 5
