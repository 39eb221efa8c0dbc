"""Padding: `nn.functional.pad` in all modes and `constant_pad_nd`.

`constant_pad_nd` is undone by the opposite pad. Reflection, replication and wrapping around are
linear maps; `pad_transpose` is the transpose of all of them, and theirs is `pad_by`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import errors
from ...core.batching import RULES, whole
from ...core.declare import general, linear, public, spelled
from ...core.primitive import F32, F64
from ...core.tensor import Tensor
from ...kernels.padding import constant_pad, padded, unpadded
from ..fast import Lane, not_implemented
from ..index.scatter import need_number
from ..shape.reshape import need_tensor

Pads = tuple[tuple[int, int], ...]

# ---------------------------------------------------------------- the ops


def _opposite(pads: Pads) -> Pads:
    return tuple((-before, -after) for before, after in pads)


_constant_pad = general(
    "constant_pad_nd",
    constant_pad,
    ("x",),
    rules={"x": lambda xp, g, pads: xp.constant_pad_nd(g, _opposite(pads), 0.0)},
    method=False,
)
_constant = Lane(_constant_pad)


def _modes(mode: str, name: str, title: str) -> dict[int, Any]:
    """The ops of one mode, by the number of dimensions padded; PyTorch names them apart."""

    def kernel(x: Any, pads: Pads) -> Any:
        return padded(x, pads, mode)

    def transpose(xp: Any, g: Any, pads: Pads, x_shape: Any) -> Any:
        return xp.pad_transpose(g, pads, mode, tuple(x_shape[-len(pads) :]))

    made = {}
    for n in (1, 2, 3):
        prim = linear(
            f"{name}{n}d", kernel, transpose, method=False, names=(f"_{name}{n}d",),
            grad_fn=f"{title}{n}DBackward0" if title else "CopySlices",
            doc=f"The last {n} dimension(s) longer in the mode '{mode}'.",
        )  # fmt: skip
        RULES[prim.prim.name] = whole
        made[n] = Lane(prim)
    return made


_OPS = {
    "reflect": _modes("reflect", "reflection_pad", "ReflectionPad"),
    "replicate": _modes("replicate", "replication_pad", "ReplicationPad"),
    "circular": _modes("circular", "circular_pad", ""),
}
linear(
    "pad_by",
    padded,
    lambda xp, g, pads, mode, x_shape: xp.pad_transpose(
        g, pads, mode, tuple(x_shape[-len(pads) :])
    ),
    method=False,
    names=("_pad_by",),
    doc="The last dimensions longer by elements of x.",
)
linear(
    "pad_transpose",
    unpadded,
    lambda xp, g, pads, mode: xp.pad_by(g, pads, mode),
    method=False,
    names=("_pad_transpose",),
    doc="The transpose of padding: every element gets the sum over its copies.",
)
for _name in ("constant_pad_nd", "pad_by", "pad_transpose"):
    RULES[_name] = whole

# ---------------------------------------------------------------- public


def _checked_pad(op: str, pad: Any) -> tuple[int, ...]:
    if not isinstance(pad, (tuple, list)):
        raise TypeError(
            f"{op}(): argument 'pad' (position 2) must be tuple of ints, not "
            f"{errors.kind_name(pad)}\n"
            "Hint: two numbers for every dimension, the last first: (left, right, top, bottom)"
        )
    for i, p in enumerate(pad):
        if isinstance(p, (bool, float, str)) or not hasattr(p, "__index__"):
            raise TypeError(
                f"{op}(): argument 'pad' (position 2) must be tuple of ints, but found element of "
                f"type {errors.kind_name(p)} at pos {i}"
            )
    return tuple(int(p) for p in pad)


def _grown(pad: Any, ndim: int) -> Pads | None:
    """The usual pads, a tuple of numbers none of which cuts; None for others."""
    if type(pad) is not tuple or len(pad) % 2 or not 0 < len(pad) <= 2 * ndim:
        return None
    for p in pad:
        if type(p) is not int or p < 0:
            return None
    return (pad,) if len(pad) == 2 else _by_dimension(pad)


def _by_dimension(pad: tuple[int, ...]) -> Pads:
    """PyTorch counts from the last dimension, the kernels from the first padded one."""
    return tuple((pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2))


@spelled(_constant_pad)
def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    """The last dimensions longer by a number.

    Args:
        input: any tensor.
        pad: (before, after) of the last dimension, then of the one before it, ...; negative cuts.
        value: the number.

    Raises:
        RuntimeError: an odd number of pads, or more than dimensions.

    Example:
        >>> import chainrule as torch
        >>> torch.constant_pad_nd(torch.ones(2), (1, 2), 0.5)
        tensor([0.5000, 1.0000, 1.0000, 0.5000, 0.5000])
    """
    need_tensor("constant_pad_nd", input)
    if type(pad) is tuple and pad and type(pad[0]) is tuple:  # as rules call it
        return _constant.one(input, (pad, value))
    pads = _checked_pad("constant_pad_nd", pad)
    ndim = input._data.ndim
    if len(pads) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pads)}")
    if len(pads) > 2 * ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad "
            f"length is {len(pads)}while the input has {ndim}dimensions."
        )
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(
            "constant_pad_nd(): argument 'value' (position 3) must be Number, not "
            f"{errors.kind_name(value)}"
        )
    return _constant_checked(input, pads, value)


def _constant_checked(x: Any, pad: tuple[int, ...], value: Any) -> Any:
    pads = _by_dimension(pad)
    shape = x._data.shape
    for (before, after), n in zip(pads, shape[len(shape) - len(pads) :], strict=True):
        if n + before + after < 0 or n + min(before, 0) < 0 or n + min(after, 0) < 0:
            raise RuntimeError(
                "narrow(): length must be non-negative.\n"
                f"pad: ({before}, {after}) of a dimension of {n} elements"
            )
    return _constant.one(x, (pads, need_number(x, value)))


@public("nn.functional.pad")
def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """The last dimensions longer, or shorter where a pad is negative.

    Args:
        input: any shape for 'constant'; otherwise the padded dimensions after one or two others.
        pad: (before, after) of the last dimension, then of the one before it, ...
        mode: 'constant', 'reflect' (mirrored, without the edge itself), 'replicate' (the edge
            again) or 'circular' (from the other end).
        value: the number of the mode 'constant', default 0.

    Raises:
        RuntimeError: an odd number of pads, more than dimensions, more than there is to mirror.
        NotImplementedError: an unknown mode, or another number of dimensions.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[1.0, 2.0, 3.0]])
        >>> torch.nn.functional.pad(x, (1, 1))
        tensor([[0., 1., 2., 3., 0.]])
        >>> torch.nn.functional.pad(x, (1, 1), mode="reflect")
        tensor([[2., 1., 2., 3., 2.]])
    """
    if mode == "constant" and value is None and type(input) is Tensor:
        grown = _grown(pad, input._data.ndim)
        if grown is not None:
            return _constant.one(input, (grown, 0.0))
    key = None
    if type(pad) is tuple and type(mode) is str and type(input) is Tensor and value is None:
        dtype = input._data.dtype
        if (dtype is F32 or dtype is F64) and {*map(type, pad)} == _ONLY_INT:
            key = mode, input._data.shape, pad
            known = _KNOWN.get(key)
            if known is not None:
                return known[0](input, known[1])
    need_tensor("pad", input)
    pads = _checked_pad("pad", pad)
    ndim = input._data.ndim
    if len(pads) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pads) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pads)} and input of dimension {ndim}"
        )
    if mode == "constant":
        return _constant_checked(input, pads, 0.0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    one, params = _pad_by_elements(input, pads, mode)
    if key is not None:
        if len(_KNOWN) > 500:
            _KNOWN.clear()
        _KNOWN[key] = one, params
    return one(input, params)


_ONLY_INT = {int}
_KNOWN: dict[Any, tuple[Any, Any]] = {}  # (mode, shape, pads) that passed the checks


def _pad_by_elements(x: Any, pads: tuple[int, ...], mode: str) -> tuple[Any, Any]:
    """The call that pads and its parameters, checked."""
    ndim = x._data.ndim
    if len(pads) not in (2, 4, 6) or ndim - len(pads) // 2 not in (1, 2):
        raise NotImplementedError(
            errors.hinted(
                f"Padding size {len(pads)} is not supported for {ndim}D input tensor.",
                "Supported combinations for non-constant padding:",
                "  - 2D or 3D input: padding size = 2 (pads last dimension)",
                "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)",
                "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)",
                hint="unsqueeze(0) adds a dimension in front",
            )
        )
    if not isinstance(mode, str):
        raise errors.wrong_kind("pad", "mode", "str", mode)
    if mode not in _OPS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    n = len(pads) // 2
    by_dimension = _by_dimension(pads)
    _CHECKS[mode](x, by_dimension, n)
    return _OPS[mode][n].one, (by_dimension,)


_SHAPES = {1: "2D or 3D", 2: "3D or 4D", 3: "4D or 5D"}
_LETTERS = {1: "W", 2: "HW", 3: "DHW"}


def _check_filled(x: Any, n: int) -> None:
    shape = x._data.shape
    first = 1 if len(shape) == n + 2 else 0
    if 0 in shape[first:]:
        raise RuntimeError(
            f"Expected {_SHAPES[n]} (batch mode) tensor with possibly 0 batch size and other "
            f"non-zero dimensions for input, but got: {list(shape)}"
        )


def _check_reflect(x: Any, pads: Pads, n: int) -> None:
    shape = x._data.shape
    if x._data.dtype.kind == "b":
        raise not_implemented(f"reflection_pad{n}d", x.dtype)
    _check_filled(x, n)
    for number, (axis, (before, after)) in enumerate(
        reversed(list(enumerate(pads, len(shape) - n)))
    ):
        if before >= shape[axis] or after >= shape[axis]:
            raise RuntimeError(
                f"Argument #{4 + 2 * number}: Padding size should be less than the corresponding "
                f"input dimension, but got: padding ({before}, {after}) at dimension {axis} of "
                f"input {list(shape)}"
            )
    _check_size(shape, pads, n)


def _check_size(shape: Sequence[int], pads: Pads, n: int) -> None:
    have = shape[len(shape) - n :]
    made = [m + before + after for m, (before, after) in zip(have, pads, strict=True)]
    if max(made) < 1:
        old, new = (
            " ".join(f"{k}: {v}" for k, v in zip(_LETTERS[n], sizes, strict=True))
            for sizes in (have, made)
        )
        raise RuntimeError(f"input ({old}) is too small. Calculated output {new}")
    if min(made) < 0:
        lead = list(shape[: len(shape) - n])
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(made)}: {lead + made}"
        )


def _check_replicate(x: Any, pads: Pads, n: int) -> None:
    if x._data.dtype.kind == "b":
        raise not_implemented(f"replication_pad{n}d", x.dtype)
    _check_filled(x, n)
    _check_size(x._data.shape, pads, n)


def _check_circular(x: Any, pads: Pads, n: int) -> None:
    shape = x._data.shape
    for (before, after), m in zip(pads, shape[len(shape) - n :], strict=True):
        if before > m or after > m:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if m + before + after < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")


_CHECKS: dict[str, Any] = {
    "reflect": _check_reflect,
    "replicate": _check_replicate,
    "circular": _check_circular,
}
