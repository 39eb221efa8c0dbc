"""Manipulation functions of the standard."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._ops import dims_of, op

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "moveaxis",
    "permute_dims", "repeat", "reshape", "roll", "squeeze", "stack", "tile", "unstack",
]  # fmt: skip


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """All arrays in their common shape."""
    return list(op("broadcast_tensors")(*arrays)) if arrays else []


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """x in a larger shape, without a copy."""
    return op("broadcast_to")(x, tuple(shape))


def concat(arrays: Any, /, *, axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis; flattened before where it is None."""
    if axis is None:
        return op("cat")([x.reshape(-1) for x in arrays], 0)
    return op("cat")(list(arrays), axis)


def expand_dims(x: Tensor, /, *, axis: int = 0) -> Tensor:
    """x with a new axis of size one."""
    return x.unsqueeze(axis)


def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    """x in reverse order along axes, all of them by default."""
    return op("flip")(x, dims_of(x, axis))


def moveaxis(x: Tensor, source: Any, destination: Any, /) -> Tensor:
    """x with some axes at other places."""
    return op("movedim")(x, source, destination)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """x with its axes in another order."""
    return x.permute(tuple(axes))


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Every element several times."""
    return op("repeat_interleave")(x, repeats, axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """x in another shape; copied always, never, or where it must.

    Raises:
        ValueError: `copy=False` and a copy is needed.
    """
    made: Tensor = x.reshape(tuple(shape))
    if copy:
        return made.clone()
    if copy is False and made.numel() and made.data_ptr() != x.data_ptr():
        raise ValueError("reshape: a copy is needed\nHint: leave out copy=False")
    return made


def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    """x with its elements moved along, the last coming first."""
    return op("roll")(x, shift, axis)


def squeeze(x: Tensor, /, axis: Any) -> Tensor:
    """x without axes of size one.

    Raises:
        ValueError: an axis of another size.
    """
    dims = dims_of(x, axis)
    for dim in dims:
        if x.shape[dim] != 1:
            raise ValueError(
                f"squeeze: axis {dim} has size {x.shape[dim]}, not 1\nshape: {tuple(x.shape)}"
            )
    return x.squeeze(dims)


def stack(arrays: Any, /, *, axis: int = 0) -> Tensor:
    """Arrays joined along a new axis."""
    return op("stack")(list(arrays), axis)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """x repeated along its axes."""
    return op("tile")(x, tuple(repetitions))


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along an axis."""
    return tuple(op("unbind")(x, axis))
