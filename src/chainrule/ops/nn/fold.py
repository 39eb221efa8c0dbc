"""`unfold` and `fold`: patches of images as columns, and back.

Each is linear and the other's vjp. The kernels are those that build columns for convolution.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ... import errors
from ...core.batching import batch_rule
from ...core.declare import linear, public
from ...core.lanes import one_lane
from ...core.levels import lower
from ...core.primitive import Primitive
from ...core.tensor import Tensor
from ...kernels import conv as kernels
from .conv import errors_of_dtype

Ints = tuple[int, ...]


def _folded(
    xp: Any, g: Any, x_shape: Ints, kernel: Ints, size: Ints, stride: Ints, padding: Ints,
    dilation: Ints,
) -> Any:  # fmt: skip
    return xp.col2im(g, x_shape[-2:], kernel, size, stride, padding, dilation)


def _unfolded(
    xp: Any, g: Any, kernel: Ints, size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Any:
    return xp.im2col(g, kernel, size, stride, padding, dilation)


_im2col = linear(
    "im2col", kernels.im2col, _folded, method=False, names=("_im2col",),
    grad_fn="Im2ColBackward0", doc="Patches as columns; its vjp sums them back.",
)  # fmt: skip
_col2im = linear(
    "col2im", kernels.col2im, _unfolded, method=False, names=("_col2im",),
    grad_fn="Col2ImBackward0", doc="Columns summed into an image; its vjp takes the patches.",
)  # fmt: skip
_im2col_lane, _col2im_lane = one_lane(_im2col.prim), one_lane(_col2im.prim)


@batch_rule("im2col", "col2im")
def _leading(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The kernels take any number of leading dimensions."""
    return lower(prim, inputs, params)


def _pair(op: str, name: str, value: Any, position: int) -> Ints:
    if type(value) is int:
        return (value, value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return (int(value), int(value))
    if not isinstance(value, (tuple, list)) or not all(isinstance(v, int) for v in value):
        several = value if isinstance(value, (tuple, list)) else (value,)
        at, wrong = next(
            (i, v) for i, v in enumerate(several) if not isinstance(v, int) or v is value
        )
        raise TypeError(
            f"{op}(): argument '{name}' (position {position}) must be tuple of ints, but found "
            f"element of type {errors.kind_name(wrong)} at pos {at}"
        )
    if len(value) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(value)}")
    return tuple(value)


@lru_cache(maxsize=256)
def _check_window(kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> None:
    for what, short, values in (
        ("kernel size", "kernel", kernel), ("stride", "stride", stride),
        ("dilation", "dilation", dilation),
    ):  # fmt: skip
        if min(values) <= 0:
            raise RuntimeError(
                f"{what} should be greater than zero, but got {short}_height: {values[0]} "
                f"{short}_width: {values[1]}"
            )
    if min(padding) < 0:
        raise RuntimeError(
            f"padding should be non-negative, but got pad_height: {padding[0]} pad_width: "
            f"{padding[1]}"
        )


@lru_cache(maxsize=1024)
def _blocks_of(spatial: Any, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Ints:
    return tuple(
        (h + 2 * p - d * (k - 1) - 1) // s + 1
        for h, k, s, p, d in zip(spatial, kernel, stride, padding, dilation, strict=True)
    )


def _window(op: str, dilation: Any, kernel_size: Any, padding: Any, stride: Any, at: int) -> Any:
    kernel = _pair(op, "kernel_size", kernel_size, at)
    dilation = _pair(op, "dilation", dilation, at + 1)
    padding = _pair(op, "padding", padding, at + 2)
    stride = _pair(op, "stride", stride, at + 3)
    _check_window(kernel, stride, padding, dilation)
    return kernel, stride, padding, dilation


@public("nn.functional.unfold")
def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Patches of images as columns.

    Args:
        input: (n, c, h, w) or (c, h, w).
        kernel_size, dilation, padding, stride: ints or pairs.

    Returns:
        (n, c * kernel, patches): channels, then the taps of the kernel, row by row.

    Raises:
        RuntimeError: another rank, or no patch fits.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.unfold(torch.arange(9.0).reshape(1, 1, 3, 3), 2)[0]
        tensor([[0., 1., 3., 4.],
                [1., 2., 4., 5.],
                [3., 4., 6., 7.],
                [4., 5., 7., 8.]])
    """
    if not isinstance(input, Tensor):
        raise errors.wrong_type("im2col", "input", 1, input)
    kernel, stride, padding, dilation = _window("im2col", dilation, kernel_size, padding, stride, 2)
    shape = input._data.shape
    if len(shape) < 3:
        errors.checked_dim(2 if len(shape) == 2 else 3, len(shape))
    if len(shape) not in (3, 4) or 0 in shape[len(shape) - 3 :]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(shape)}"
        )
    blocks = _blocks_of(shape[-2:], kernel, stride, padding, dilation)
    if min(blocks) < 1:
        raise RuntimeError(
            f"Given input with spatial size {shape[-2:]}, kernel_size={kernel}, dilation="
            f"{dilation}, padding={padding}, calculated shape of the array of sliding blocks as "
            f"{blocks}, but its components must be at least one."
        )
    if input._data.dtype.kind in "iu":
        raise errors_of_dtype("im2col_out_cpu", input)
    return _im2col_lane(input, (kernel, blocks, stride, padding, dilation))


@public("nn.functional.fold")
def fold(
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Columns summed into images where their patches overlap: the adjoint of `unfold`.

    Args:
        input: (n, c * kernel, patches) or without n.
        output_size: (h, w) of the result.

    Returns:
        (n, c, h, w).

    Raises:
        RuntimeError: the number of rows or of patches does not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.fold(torch.ones(1, 4, 4), (3, 3), 2)[0, 0]
        tensor([[1., 2., 1.],
                [2., 4., 2.],
                [1., 2., 1.]])
    """
    if not isinstance(input, Tensor):
        raise errors.wrong_type("col2im", "input", 1, input)
    spatial = _pair("col2im", "output_size", output_size, 2)
    kernel, stride, padding, dilation = _window("col2im", dilation, kernel_size, padding, stride, 3)
    shape = input._data.shape
    if len(shape) not in (2, 3) or 0 in shape[len(shape) - 2 :]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(shape)}"
        )
    if shape[-2] % (kernel[0] * kernel[1]):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={shape[-2]} and kernel_size={kernel}."
        )
    blocks = _blocks_of(spatial, kernel, stride, padding, dilation)
    count = blocks[0] * blocks[1]
    if shape[-1] != count or min(blocks) < 1:
        raise RuntimeError(
            f"Given output_size={spatial}, kernel_size={kernel}, dilation={dilation}, padding="
            f"{padding}, stride={stride}, expected size of input's dimension 2 to match the "
            f"calculated number of sliding blocks {blocks[0]} * {blocks[1]} = {count}, but got "
            f"input.size(2)={shape[-1]}."
        )
    if input._data.dtype.kind in "iu":
        raise errors_of_dtype("col2im_out_cpu", input)
    return _col2im_lane(input, (spatial, kernel, blocks, stride, padding, dilation))
