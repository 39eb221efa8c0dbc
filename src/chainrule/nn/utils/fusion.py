"""A batch norm in evaluation is affine: here it goes into the layer before it."""

from __future__ import annotations

import copy
from typing import Any

from ...ops.fast import T
from ..parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """One convolution that does what `conv` and then `bn` do in evaluation.

    Args:
        conv, bn: both in evaluation mode; they stay as they are.
        transpose: `conv` is a transposed convolution.

    Example:
        >>> import chainrule as torch
        >>> conv, bn = torch.nn.Conv1d(1, 2, 1).eval(), torch.nn.BatchNorm1d(2).eval()
        >>> fused = torch.nn.utils.fuse_conv_bn_eval(conv, bn)
        >>> x = torch.ones(1, 1, 3)
        >>> torch.allclose(fused(x), bn(conv(x)))
        True
    """
    _need_eval(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias,
        transpose,
    )  # fmt: skip
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """One linear layer that does what `linear` and then `bn` do in evaluation.

    Example:
        >>> import chainrule as torch
        >>> linear, bn = torch.nn.Linear(3, 2).eval(), torch.nn.BatchNorm1d(2).eval()
        >>> fused = torch.nn.utils.fuse_linear_bn_eval(linear, bn)
        >>> x = torch.ones(4, 3)
        >>> torch.allclose(fused(x), bn(linear(x)))
        True
    """
    _need_eval(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def _need_eval(layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("Only support fusing BatchNorm with running statistics")


def fuse_conv_bn_weights(
    conv_w: Any,
    conv_b: Any,
    bn_rm: Any,
    bn_rv: Any,
    bn_eps: float,
    bn_w: Any,
    bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused convolution.

    Args:
        conv_w, conv_b: of the convolution (bias or None).
        bn_rm, bn_rv, bn_eps, bn_w, bn_b: statistics and parameters of the batch norm.
        transpose: channels are dimension 1 of the weight.
    """
    scale, bias = _scale_and_bias(conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    return _as_parameters(conv_w * scale.reshape(shape), bias, conv_w, conv_b)


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused linear layer; arguments as for `fuse_conv_bn_weights`."""
    scale, bias = _scale_and_bias(linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    return _as_parameters(linear_w * scale.unsqueeze(-1), bias, linear_w, linear_b)


def _scale_and_bias(
    bias: Any, mean: Any, variance: Any, eps: float, bn_w: Any, bn_b: Any
) -> tuple[Any, Any]:
    bias = T.zeros_like(mean) if bias is None else bias
    bn_w = T.ones_like(mean) if bn_w is None else bn_w
    bn_b = T.zeros_like(mean) if bn_b is None else bn_b
    scale = bn_w * (variance + eps).rsqrt()
    return scale, (bias - mean) * scale + bn_b


def _as_parameters(w: Any, b: Any, old_w: Any, old_b: Any) -> tuple[Parameter, Parameter]:
    asked = old_w.requires_grad if old_b is None else old_b.requires_grad
    return (
        Parameter(w.detach().to(old_w.dtype), old_w.requires_grad),
        Parameter(b.detach().to(old_w.dtype), asked),
    )
