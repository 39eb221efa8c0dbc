"""Batch normalisation: every channel by the mean and variance of the batch, or by running ones."""

from __future__ import annotations

from typing import Any

from ... import dtypes
from ...ops.make.create import ones, zeros
from ...ops.make.from_data import tensor
from .. import functional as F
from .. import init
from ..parameter import UninitializedBuffer, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module
from .utils import new_parameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "SyncBatchNorm",
]


class _NormBase(Module):
    """What batch and instance norms share: weight, bias and running statistics of channels."""

    _version = 2
    __constants__ = ["track_running_stats", "momentum", "eps", "num_features", "affine"]  # noqa: RUF012
    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        options = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(
                name, new_parameter(num_features, **options) if wanted else None
            )
        if track_running_stats:
            self.register_buffer("running_mean", zeros(num_features, **options))
            self.register_buffer("running_var", ones(num_features, **options))
            self.register_buffer("num_batches_tracked", tensor(0, dtype=dtypes.int64))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Running mean 0, running variance 1, no batch seen."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Any) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any
    ) -> None:
        version = local_metadata.get("version", None)
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            counted = self.num_batches_tracked
            state_dict[key] = tensor(0, dtype=dtypes.int64) if counted is None else counted
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """Batch norm of any number of dimensions."""

    def forward(self, input: Any) -> Any:
        """`F.batch_norm`; while training it moves the running statistics."""
        self._check_input_dim(input)
        own, kept = self.__dict__["_parameters"], self.__dict__["_buffers"]
        try:  # usually; attributes take half a microsecond each
            weight, bias, seen = own["weight"], own["bias"], kept["num_batches_tracked"]
            mean, var = kept["running_mean"], kept["running_var"]
        except KeyError:
            weight, bias, seen = self.weight, self.bias, self.num_batches_tracked
            mean, var = self.running_mean, self.running_var
        training, factor = self.training, 0.0 if self.momentum is None else self.momentum
        if training and self.track_running_stats and seen is not None:
            seen.add_(1)
            if self.momentum is None:  # the plain mean of all batches
                factor = 1.0 / float(seen)
        by_batch = training or (mean is None and var is None)
        if training and not self.track_running_stats:
            mean = var = None
        return F.batch_norm(input, mean, var, weight, bias, by_batch, factor, self.eps)


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """What the lazy norms share."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype)
        self.affine, self.track_running_stats = affine, track_running_stats
        options = {"device": device, "dtype": dtype}
        if affine:
            self.weight = UninitializedParameter(**options)
            if bias:
                self.bias = UninitializedParameter(**options)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**options)
            self.running_var = UninitializedBuffer(**options)
            self.num_batches_tracked = tensor(0, dtype=dtypes.int64)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics, once they have a shape."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Make parameters and statistics for the channels of this input."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for t in (self.weight, self.bias) if self.affine else ():
                if t is not None:
                    t.materialize((self.num_features,))
            for t in (self.running_mean, self.running_var) if self.track_running_stats else ():
                t.materialize((self.num_features,))
            self.reset_parameters()


def _need_rank(input: Any, *ranks: int) -> None:
    if input.dim() not in ranks:
        words = " or ".join(f"{r}D" for r in ranks)
        raise ValueError(f"expected {words} input (got {input.dim()}D input)")


class BatchNorm1d(_BatchNorm):
    """Every channel of (N, C) or (N, C, L) normalised over the batch, times weight, plus bias.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move; None for the plain mean of all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ioffe, Szegedy (2015), Batch Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.BatchNorm1d(3)
        >>> layer(torch.ones(4, 3)).shape
        torch.Size([4, 3])
    """

    def _check_input_dim(self, input: Any) -> None:
        _need_rank(input, 2, 3)


class LazyBatchNorm1d(_LazyNormBase, _BatchNorm):
    """A `BatchNorm1d` that learns the number of channels at its first call.

    Args:
        eps: added to the variance.
        momentum: how far the running statistics move; None for the plain mean of all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ioffe, Szegedy (2015), Batch Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyBatchNorm1d()
        >>> layer(torch.ones(4, 3)).shape
        torch.Size([4, 3])
    """

    cls_to_become = BatchNorm1d

    def _check_input_dim(self, input: Any) -> None:
        _need_rank(input, 2, 3)


class BatchNorm2d(_BatchNorm):
    """Every channel of (N, C, H, W) normalised over the batch, times weight, plus bias.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move; None for the plain mean of all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ioffe, Szegedy (2015), Batch Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.BatchNorm2d(3)
        >>> layer(torch.ones(4, 3, 2, 2)).shape
        torch.Size([4, 3, 2, 2])
    """

    def _check_input_dim(self, input: Any) -> None:
        _need_rank(input, 4)


class LazyBatchNorm2d(_LazyNormBase, _BatchNorm):
    """A `BatchNorm2d` that learns the number of channels at its first call.

    Args:
        eps: added to the variance.
        momentum: how far the running statistics move; None for the plain mean of all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ioffe, Szegedy (2015), Batch Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyBatchNorm2d()
        >>> layer(torch.ones(4, 3, 2, 2)).shape
        torch.Size([4, 3, 2, 2])
    """

    cls_to_become = BatchNorm2d

    def _check_input_dim(self, input: Any) -> None:
        _need_rank(input, 4)


class BatchNorm3d(_BatchNorm):
    """Every channel of (N, C, D, H, W) normalised over the batch, times weight, plus bias.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move; None for the plain mean of all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ioffe, Szegedy (2015), Batch Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.BatchNorm3d(3)
        >>> layer(torch.ones(4, 3, 2, 2, 2)).shape
        torch.Size([4, 3, 2, 2, 2])
    """

    def _check_input_dim(self, input: Any) -> None:
        _need_rank(input, 5)


class LazyBatchNorm3d(_LazyNormBase, _BatchNorm):
    """A `BatchNorm3d` that learns the number of channels at its first call.

    Args:
        eps: added to the variance.
        momentum: how far the running statistics move; None for the plain mean of all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether to keep running statistics, which evaluation then uses.
        bias: whether there is a bias, if affine.

    Source: Ioffe, Szegedy (2015), Batch Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyBatchNorm3d()
        >>> layer(torch.ones(4, 3, 2, 2, 2)).shape
        torch.Size([4, 3, 2, 2, 2])
    """

    cls_to_become = BatchNorm3d

    def _check_input_dim(self, input: Any) -> None:
        _need_rank(input, 5)


class SyncBatchNorm(_BatchNorm):
    """Batch norm whose statistics are those of all processes; with one process, `BatchNorm`.

    Args:
        num_features: channels.
        eps, momentum, affine, track_running_stats, bias: as for `BatchNorm1d`.
        process_group: the processes; there is one.

    Example:
        >>> import chainrule as torch
        >>> net = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
        >>> type(torch.nn.SyncBatchNorm.convert_sync_batchnorm(net)[0]).__name__
        'SyncBatchNorm'
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Any, process_group: Any = None) -> Any:
        """The module with every batch norm in it replaced by this one, sharing its tensors."""
        made = module
        if isinstance(module, _BatchNorm):
            made = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            made._parameters.update(module._parameters)
            made._buffers.update(module._buffers)
            made.training = module.training
        for name, child in module.named_children():
            made.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return made
