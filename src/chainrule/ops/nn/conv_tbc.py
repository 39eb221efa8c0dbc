"""`conv_tbc`: convolution of sequences whose dimensions are (time, batch, channels)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.batching import batch_rule, looped
from ...core.declare import general, public
from ...core.tensor import Tensor
from ...kernels import conv as kernels
from . import conv  # noqa: F401  # the rules are made of its ops

Ints = tuple[int, ...]


_IN, _KERNEL, _BACK = (1, 2, 0), (2, 1, 0), (2, 0, 1)  # to (n, c, t), (o, c, k), (t, n, c)


def _tbc_kernel(input: Any, weight: Any, bias: Any, pad: int) -> Any:
    x, w = input.transpose(_IN), weight.transpose(_KERNEL)
    size = (x.shape[2] + 2 * pad - w.shape[2] + 1,)
    made = kernels.convolution(x, w, size, (1,), (pad,), (1,), 1, bias)
    return np.ascontiguousarray(made.transpose(_BACK))


def _tbc_input(xp: Any, g: Any, weight: Any, input_shape: Ints, pad: int) -> Any:
    g, w = xp.permute(g, _IN), xp.permute(weight, _KERNEL)
    made = xp.convolution_input(g, w, (input_shape[0],), (1,), (pad,), (1,), 1)
    return xp.permute(made, _BACK)


def _tbc_weight(xp: Any, g: Any, input: Any, weight_shape: Ints, pad: int) -> Any:
    g, x = xp.permute(g, _IN), xp.permute(input, _IN)
    made = xp.convolution_weight(g, x, (weight_shape[0],), (1,), (pad,), (1,), 1)
    return xp.permute(made, _KERNEL)


_tbc = general(
    "conv_tbc",
    _tbc_kernel,
    ("input", "weight", "bias"),
    rules={
        "input": _tbc_input,
        "weight": _tbc_weight,
        "bias": lambda xp, g: xp.sum(g, (0, 1), False),
    },
    holomorphic=True,
    method=False,
    names=("_conv_tbc",),
    doc="Convolution of sequences (time, batch, channels).",
).prim
batch_rule("conv_tbc")(looped)


@public("conv_tbc", "nn.functional.conv_tbc")
def conv_tbc(input: Any, weight: Any, bias: Any, pad: int = 0) -> Any:
    """Convolution of sequences whose dimensions are (time, batch, channels).

    Args:
        input: (t, n, c). weight: (kernel, c, o). bias: (o,). pad: zeros on either side in time.

    Example:
        >>> import chainrule as torch
        >>> torch.conv_tbc(torch.ones(4, 1, 2), torch.ones(3, 2, 1), torch.zeros(1)).flatten()
        tensor([6., 6.])
    """
    for i, (name, t) in enumerate((("input", input), ("weight", weight), ("bias", bias))):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("conv_tbc", name, i + 1, t)
    x, w, b = input._data.shape, weight._data.shape, bias._data.shape
    if len(x) != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if len(w) != 3:
        raise RuntimeError(
            "Weight tensor must have 3 dims: kernel_width, in_channels, out_channels."
        )
    if len(b) != 1:
        raise RuntimeError("Bias must be 1-D")
    if x[2] != w[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if b[0] != w[2]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    return _tbc.call(input, weight, bias, params=(pad,))
