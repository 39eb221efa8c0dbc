"""RMS norm: one op, while PyTorch composes it; under interpreters a composition too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import public
from ...core.interpreter import composing
from ...core.record import OPS, RAW
from ...kernels import norm as kernels
from ..fast import T, not_implemented
from . import norm


def _rms_norm_back(
    xp: Any, g: Any, x: Any, weight: Any, rank: int, eps: float, x_shape: Any
) -> tuple[Any, Any]:
    if xp is RAW:
        return kernels.rms_norm_back(g, x, weight, rank, eps)
    first = len(x_shape) - rank
    dims, batch = tuple(range(first, len(x_shape))), tuple(range(first))
    n = math.prod(x_shape[first:])
    scale = xp.rsqrt(xp.sum(x * x, dims, True) / n + eps)
    h, unit = g if weight is None else g * weight, x * scale
    gx = scale * (h - unit * (xp.sum(h * unit, dims, True) / n))
    return gx, None if weight is None else xp.sum(g * unit, batch, False) if batch else g * unit


_rms_norm = norm.declared(
    "rms_norm",
    "rms_norm",
    kernels.rms_norm,
    ("x", "weight"),
    _rms_norm_back,
    "weight x/sqrt(mean of x^2 + eps) over the last dimensions.",
    "MulBackward0",  # where PyTorch's composition ends
)


@public("nn.functional.rms_norm", "rms_norm")
def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """x/sqrt(mean(x^2) + eps) over the last dimensions, times weight.

    Args:
        input: floating point, (..., *normalized_shape).
        normalized_shape: the sizes of the last dimensions.
        weight: of that shape, or None.
        eps: default: the machine epsilon of the dtype.

    Source: Zhang, Sennrich, Root Mean Square Layer Normalization (2019), eq. 4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.rms_norm(torch.tensor([3.0, 4.0]), (2,))
        tensor([0.8485, 1.1314])
    """
    shape = norm.check_shape("rms_norm", normalized_shape)
    if input._data.ndim < len(shape):
        raise ValueError(
            f"Input tensor must have at least {len(shape)} dimensions, but got {input._data.ndim}"
        )
    norm.check_tail(input, shape, weight, None, "")
    if input._data.dtype.kind not in "fcV":
        raise not_implemented("rms_norm", input.dtype)
    if input._data.dtype.itemsize == 2:  # as PyTorch: in float32, rounded at the end
        wide = None if weight is None else weight.float()
        return rms_norm(input.float(), shape, wide, eps).to(input.dtype)
    if eps is None:
        eps = float(np.finfo(input._data.dtype).eps)
    elif type(eps) is not float:
        errors.need_float("rms_norm", eps=eps)
    if input._data.dtype.kind == "f" and input._data.size and not composing():
        params = (len(shape), float(eps))
        if weight is None or weight._data.dtype is input._data.dtype:
            return norm.run(_rms_norm, (input, weight), params)
        return _rms_norm.prim.call(input, weight, params=params)
    ndim = input._data.ndim
    dims = tuple(range(ndim - len(shape), ndim))
    y = input * OPS.rsqrt(T.mean(input**2, dims, True) + eps)
    return y if weight is None else y * weight
