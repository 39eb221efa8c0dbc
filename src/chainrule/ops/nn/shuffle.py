"""Elements moved between channels and places: pixel_shuffle, its inverse, channel_shuffle.

All three are permutations; `pixel_shuffle` and `pixel_unshuffle` are each other's transposes, and
channel_shuffle is undone by channel_shuffle with the other factor of the channels."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ...core.batching import RULES, whole
from ...core.declare import movement, spelled
from ...core.lanes import one_lane
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels.compiled import compiled_as
from ..shape.reshape import need_tensor

# ---------------------------------------------------------------- pixels


@partial(compiled_as, "ops.nn.shuffle._pixel_shuffle_kernel")
def _pixel_shuffle_kernel(x: Any, upscale_factor: int) -> Any:
    *lead, c, h, w = x.shape
    r, n = upscale_factor, len(lead)
    parts = x.reshape(*lead, c // (r * r), r, r, h, w)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return parts.transpose(order).reshape(*lead, c // (r * r), h * r, w * r)


@partial(compiled_as, "ops.nn.shuffle._pixel_unshuffle_kernel")
def _pixel_unshuffle_kernel(x: Any, downscale_factor: int) -> Any:
    *lead, c, h, w = x.shape
    r, n = downscale_factor, len(lead)
    parts = x.reshape(*lead, c, h // r, r, w // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return parts.transpose(order).reshape(*lead, c * r * r, h // r, w // r)


_pixel_shuffle = movement(
    "pixel_shuffle", _pixel_shuffle_kernel,
    lambda xp, g, upscale_factor: xp.pixel_unshuffle(g, upscale_factor),
    method=False, names=("pixel_shuffle", "nn.functional.pixel_shuffle"),
)  # fmt: skip
_pixel_unshuffle = movement(
    "pixel_unshuffle", _pixel_unshuffle_kernel,
    lambda xp, g, downscale_factor: xp.pixel_shuffle(g, downscale_factor),
    method=False, names=("pixel_unshuffle", "nn.functional.pixel_unshuffle"),
)  # fmt: skip
_pixel_shuffle_lane = one_lane(_pixel_shuffle.prim)
_pixel_unshuffle_lane = one_lane(_pixel_unshuffle.prim)


def _need_int(op: str, name: str, value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, Tensor) and not value._data.ndim and value._data.dtype.kind in "iu":
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{op}(): argument '{name}' (position 2) must be int, not {type(value).__name__}"
        )
    return int(value)


def _checked(op: str, name: str, x: Any, factor: Any) -> int:
    need_tensor(op, x)
    factor = _need_int(op, name, factor)
    shape = x._data.shape
    if len(shape) < 3:
        raise RuntimeError(
            f"{op} expects input to have at least 3 dimensions, but got input with {len(shape)} "
            "dimension(s)\nHint: the last three are channels, height and width"
        )
    if factor <= 0:
        raise RuntimeError(f"{op} expects a positive {name}, but got {factor}")
    return factor


@spelled(_pixel_shuffle)
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Every r^2 channels become one of r times the height and width.

    Args:
        input: (..., C r^2, H, W).
        upscale_factor: r.

    Returns:
        (..., C, H r, W r).

    Raises:
        RuntimeError: r^2 does not divide the channels.

    Source: Shi et al., Real-Time Single Image and Video Super-Resolution (2016), eq. 4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.pixel_shuffle(torch.arange(4.0).view(4, 1, 1), 2)
        tensor([[[0., 1.],
                 [2., 3.]]])
    """
    r = _checked("pixel_shuffle", "upscale_factor", input, upscale_factor)
    channels = input._data.shape[-3]
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    return _pixel_shuffle_lane(input, (r,))


@spelled(_pixel_unshuffle)
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """The inverse of `pixel_shuffle`: every square of r by r places becomes r^2 channels.

    Args:
        input: (..., C, H r, W r).
        downscale_factor: r.

    Returns:
        (..., C r^2, H, W).

    Raises:
        RuntimeError: r does not divide height and width.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.pixel_unshuffle(torch.arange(4.0).view(1, 2, 2), 2).flatten()
        tensor([0., 1., 2., 3.])
    """
    r = _checked("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    h, w = input._data.shape[-2:]
    for n, name, at in ((h, "height", -2), (w, "width", -1)):
        if n % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({at})={n} is not divisible by {r}"
            )
    return _pixel_unshuffle_lane(input, (r,))


# ---------------------------------------------------------------- channels


@partial(compiled_as, "ops.nn.shuffle._channel_shuffle_kernel")
def _channel_shuffle_kernel(x: Any, groups: int) -> Any:
    n, c, *rest = x.shape
    if not x.size:
        return x.copy()
    parts = x.reshape(n, groups, c // groups, *rest)
    return parts.swapaxes(1, 2).reshape(x.shape)


def _channels_back(xp: Any, g: Any, groups: int, x_shape: Any) -> Any:
    return xp._channel_unshuffle(g, x_shape[1] // groups)


_channel_shuffle = movement(
    "channel_shuffle", _channel_shuffle_kernel, _channels_back, method=False,
    names=("channel_shuffle", "nn.functional.channel_shuffle"),
)  # fmt: skip
_channel_shuffle_lane = one_lane(_channel_shuffle.prim)
_native_channel_shuffle = movement(
    "native_channel_shuffle", _channel_shuffle_kernel, _channels_back, method=False,
    names=("native_channel_shuffle", "nn.functional.native_channel_shuffle"),
)  # fmt: skip
movement(
    "_channel_unshuffle", _channel_shuffle_kernel, _channels_back, method=False,
    grad_fn="ChannelShuffleBackward0",
    doc="channel_shuffle by the other factor of the channels.",
)  # fmt: skip


def _checked_groups(op: str, x: Any, groups: Any) -> int:
    need_tensor(op, x)
    groups = _need_int(op, "groups", groups)
    shape = x._data.shape
    if len(shape) < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {shape[1]} channels and {groups} "
            "groups."
        )
    return groups


@spelled(_channel_shuffle)
def channel_shuffle(input: Any, groups: int) -> Any:
    """Channels in groups, dealt out in turn: channel i of group j becomes channel j of group i.

    Args:
        input: (N, C, ...), at least three dimensions.
        groups: divides C.

    Raises:
        RuntimeError: too few dimensions, or groups that do not divide the channels.

    Source: Zhang et al., ShuffleNet (2018), section 3.1.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.channel_shuffle(torch.arange(4.0).view(1, 4, 1), 2).flatten()
        tensor([0., 2., 1., 3.])
    """
    groups = _checked_groups("channel_shuffle", input, groups)
    return _channel_shuffle_lane(input, (groups,))


@spelled(_native_channel_shuffle)
def native_channel_shuffle(input: Any, groups: int) -> Any:
    """See `torch.nn.functional.channel_shuffle`; here it has a gradient too.

    Example:
        >>> import chainrule as torch
        >>> torch.native_channel_shuffle(torch.arange(4.0).view(1, 4, 1), 2).flatten()
        tensor([0., 2., 1., 3.])
    """
    groups = _checked_groups("native_channel_shuffle", input, groups)
    return _native_channel_shuffle.prim.call(input, params=(groups,))


def _channels_batched(prim: Any, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The batch joins the samples."""
    shape = tuple(inputs[0]._data.shape)
    flat = OPS.reshape(inputs[0], (math.prod(shape[:2]), *shape[2:]))
    return OPS.reshape(getattr(OPS, prim.name).prim.call(flat, params=params), shape)


for _name in ("pixel_shuffle", "pixel_unshuffle"):
    RULES[_name] = whole
for _name in ("channel_shuffle", "native_channel_shuffle", "_channel_unshuffle"):
    RULES[_name] = _channels_batched
