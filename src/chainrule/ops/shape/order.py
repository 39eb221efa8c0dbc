"""Elements in another order, and repeated: flip, roll, rot90, repeat, tile, repeat_interleave. All
copy, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import movement, public, spelled
from ...core.lanes import one_lane
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ...kernels import moves
from ..reduce.sums import dims_of
from .arrange import flatten, unsqueeze_lane
from .reshape import (
    MISSING,
    contiguous_lane,
    expand,
    need_tensor,
    only_methods,
    reshape,
    sizes_of,
    view,
)

Ints = tuple[int, ...]

# ---------------------------------------------------------------- the order of elements


_flip = movement(
    "flip",
    moves.flip,
    lambda xp, g, dims: xp.flip(g, dims),
    doc="The elements in reverse order along `dims`.",
)
_flip_lane = one_lane(_flip.prim)


@spelled(_flip)
def flip(input: Any, *dims: Any, **other: Any) -> Any:
    if len(dims) == 1 and type(input) is Tensor and not other:
        given = dims[0]
        one = type(given) is tuple and len(given) == 1 and type(given[0]) is int
        if one and 0 <= given[0] < input._data.ndim:
            return _flip_lane(input, (given,))
    need_tensor("flip", input)
    if other or not dims:
        errors.only("flip", other, "dims")
        dims = (other.get("dims", MISSING),)
    given = sizes_of(dims, "flip", "dims")
    return _flip_lane(input, (dims_of(given, input._data.ndim) or (),))


@public("fliplr", method=True)
def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("fliplr", "input", 1, input)
    if input._data.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@public("flipud", method=True)
def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("flipud", "input", 1, input)
    if input._data.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


_roll = movement(
    "roll", moves.roll,
    lambda xp, g, shifts, dims: xp.roll(g, tuple(-s for s in shifts), dims),
    doc="The elements shifted along `dims`, those pushed out coming in at the other end.",
)  # fmt: skip
_roll_lane = one_lane(_roll.prim)


@spelled(_roll)
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    need_tensor("roll", input)
    shifts = sizes_of((shifts,), "roll", "shifts")
    dims = () if dims is None else sizes_of((dims,), "roll", "dims")
    if not shifts:
        raise RuntimeError("`shifts` required")
    if len(shifts) != len(dims) and not (not dims and len(shifts) == 1):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if dims and not input._data.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    try:
        dims = tuple(errors.checked_dim(d, input._data.ndim) for d in dims)
    except IndexError:
        if input._data.size:
            raise
        shifts, dims = (0,), ()  # nothing to turn: the dimensions are not looked at
    return _roll_lane(input, (shifts, dims))


_rot90 = movement(
    "rot90",
    moves.rot90,
    lambda xp, g, k, dims: xp.rot90(g, -k, dims),
    doc="The plane of two dimensions turned by k right angles, from the first towards the second.",
)
_rot90_lane = one_lane(_rot90.prim)


@spelled(_rot90)
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    need_tensor("rot90", input)
    if type(k) is not int:
        errors.need_int("rot90", k=k)
    n, dims = input._data.ndim, sizes_of((dims,), "rot90", "dims")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if n < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {n}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == n:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    first, second = dims
    return _rot90_lane(
        input, (k % 4, (errors.checked_dim(first, n), errors.checked_dim(second, n)))
    )


# ---------------------------------------------------------------- repeating


def _repeat_back(xp: Any, g: Any, x_shape: Ints, repeats: Ints) -> Any:
    padded = (1,) * (len(repeats) - len(x_shape)) + tuple(x_shape)
    split = tuple(n for pair in zip(repeats, padded, strict=True) for n in pair)
    dims = tuple(range(0, len(split), 2))
    return xp.reshape(xp.sum(xp.reshape(g, split), dims, False), x_shape) if dims else g


_repeat = movement(
    "repeat", lambda x, repeats: np.tile(x, repeats) if repeats else x.copy(), _repeat_back,
    doc="x repeated as often as `repeats` says, dimension by dimension.",
)  # fmt: skip
_repeat_lane = one_lane(_repeat.prim)


@spelled(_repeat)
def repeat(input: Any, *repeats: Any, **other: Any) -> Any:
    need_tensor("repeat", input)
    if other:
        errors.only("repeat", other, "repeats")
    times = sizes_of((other["repeats"],) if other else repeats, "repeat", "repeats")
    shape = input._data.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions "
            "of tensor"
        )
    if any(n < 0 for n in times):
        made = [n * k for n, k in zip((1,) * (len(times) - len(shape)) + shape, times, strict=True)]
        wrong = next(n for n, k in zip(made, times, strict=True) if k < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {wrong}: {made}")
    return _repeat_lane(input, (times,))


@public("tile", method=True)
def tile(input: Tensor, *dims: Any, **other: Any) -> Tensor:
    """`repeat`, with ones put in front of `dims` where there are fewer than dimensions."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("tile", "input", 1, input)
    if other or not dims:
        errors.only("tile", other, "dims")
        dims = (other.get("dims", MISSING),)
    times = sizes_of(dims, "tile", "dims")
    return repeat(input, (1,) * (input._data.ndim - len(times)) + times)


@public("repeat_interleave", method=True)
def repeat_interleave(
    input: Any = None,
    repeats: Any = ABSENT,
    dim: int | None = ABSENT,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Every element (along `dim`, or of the flattened tensor) repeated in place.

    Args:
        repeats: a number for all, or an integer tensor with one number per element.

    Example:
        >>> import chainrule as torch
        >>> torch.tensor([1, 2]).repeat_interleave(torch.tensor([1, 3]))
        tensor([1, 2, 2, 2])
    """
    if input is None:
        input, repeats = repeats, ABSENT
    if not isinstance(input, Tensor):
        raise errors.wrong_type("repeat_interleave", "repeats", 1, input)
    if repeats is ABSENT:
        return _indices_repeated(input, dim, output_size)
    if repeats is None or repeats is True or repeats is False:
        raise errors.wrong_kind("repeat_interleave", "repeats", "int", repeats)
    x = input
    if dim is None or dim is ABSENT:
        x, dim = flatten(input) if input._data.ndim != 1 else input, 0
    elif not x._data.ndim:
        errors.checked_dim(dim, 0)
        x, dim = reshape(x, (1,)), 0
    dim = errors.checked_dim(dim, x._data.ndim)
    if not isinstance(repeats, Tensor):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        if S.mode is None and x._node is None and type(repeats) is int and output_size is None:
            return wrap(x._data.repeat(repeats, dim))
        shape = x._data.shape
        _need_output_size(output_size, shape[dim] * repeats)
        sizes = (*shape[: dim + 1], repeats, *shape[dim + 1 :])
        wide = contiguous_lane(expand(unsqueeze_lane(x, (dim + 1,)), *sizes), ())
        return view(wide, (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))
    times = _repeats(repeats, dim, x._data.shape[dim])
    return OPS.index_select(x, dim, wrap(np.repeat(np.arange(x._data.shape[dim]), times)))


def _indices_repeated(repeats: Tensor, dim: Any, output_size: Any) -> Tensor:
    """0, 1, 2, ..., each as often as `repeats` says."""
    if dim is not ABSENT:
        raise no_combination("repeat_interleave", (repeats,), {"dim": dim})
    count = repeats._data.size
    if output_size is not None:
        errors.need_int("repeat_interleave", output_size=output_size)
        if output_size < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {output_size}: [{output_size}]"
            )
    times = _repeats(repeats, None, count) if repeats._data.ndim == 1 else _integers(repeats)
    if times.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    made = np.repeat(np.arange(count, dtype=times.dtype), times)
    if output_size is not None and made.size != output_size:
        raise RuntimeError(
            errors.hinted(
                "allocated size does not match required size",
                f"output_size: {output_size}, elements: {made.size}",
                hint="leave output_size out: it is the sum of repeats",
            )
        )
    return wrap(made)


def _need_output_size(given: int | None, size: int) -> None:
    if given is not None and given != size:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {size} but got {given}"
        )


def _integers(repeats: Tensor) -> Any:
    if repeats._data.dtype.char not in "ilq":
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{errors.LEGACY[repeats.dtype.name]}'"
        )
    return repeats._data


def _repeats(repeats: Tensor, dim: int | None, size: int) -> Any:
    data = _integers(repeats)
    if data.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if data.ndim and data.size not in (1, size):
        raise RuntimeError(
            "repeats must have the same size as input along dim, "
            f"but got repeats.size(0) = {data.size} and input.size({dim}) = {size}"
        )
    if (data < 0).any():
        raise RuntimeError("repeats can not be negative")
    return data


only_methods("repeat")
