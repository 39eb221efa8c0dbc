"""Tensors against each other: broadcasting, grids of coordinates, products and choices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import public
from ...core.lanes import bare
from ...core.record import OPS
from ...core.tensor import Size, Tensor, own, wrap
from ...kernels import shape as kernels
from .arrange import flatten, warn_once
from .reshape import expand, view
from .views import linked

# ---------------------------------------------------------------- broadcasting


@public("broadcast_to", method=True)
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """`input.expand(size)`."""
    return expand(input, size)


@public("broadcast_shapes")
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to.

    Example:
        >>> import chainrule as torch
        >>> torch.broadcast_shapes((2, 1), (3,))
        torch.Size([2, 3])
    """
    result: list[int] = []
    for i, given in enumerate(shapes):
        if given is None:
            continue
        if not isinstance(given, (int, tuple, list)):
            raise RuntimeError(
                "Input shapes should be of type ints, a tuple of ints, or a list of ints, got "
                f"{given}"
            )
        shape = (given,) if isinstance(given, int) else tuple(given)
        result = [1] * (len(shape) - len(result)) + result
        for back in range(1, len(shape) + 1):
            n = shape[-back]
            if n < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            if n != 1 and result[-back] not in (1, n):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {n} at {-back}! Mismatching "
                    f"argument at index {i} "
                    f"had {shape}; but expected shape should be broadcastable to {result}"
                )
            if n != 1:
                result[-back] = n
    return Size(result)


@public("broadcast_tensors")
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to their common shape; views."""
    many = (
        tuple(tensors[0])
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list))
        else tensors
    )
    shapes = [x._data.shape for x in many]
    try:
        common = np.broadcast_shapes(*shapes)
    except ValueError:
        raise errors.broadcast("broadcast_tensors", shapes) from None
    return tuple(expand(x, common) for x in many)


@public("meshgrid")
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid, given the values on its axes.

    Args:
        tensors: vectors (or numbers).
        indexing: "ij": dimension k runs along tensor k; "xy": the first two dimensions exchanged.

    Example:
        >>> import chainrule as torch
        >>> torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4, 5]), indexing="ij")[0]
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    many = (
        list(tensors[0])
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list))
        else list(tensors)
    )
    if indexing is None:
        warn_once(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
            "argument."
        )
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if not many:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in many:
        if x._data.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x!r}"
            )
        if x._data.dtype is not many[0]._data.dtype and x._data.dtype != many[0]._data.dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(many) >= 2
    if swapped:
        many[0], many[1] = many[1], many[0]
    shape, n = tuple([x._data.size for x in many]), len(many)
    grids = []
    for i, x in enumerate(many):
        along = (*(1,) * i, -1, *(1,) * (n - 1 - i))
        if S.mode is None and x._node is None:  # two views as one, as nothing is recorded
            made = kernels.expand(own(x).reshape(along), shape)
            grids.append(linked(OPS.alias.prim, x, made, ()))
        else:
            grids.append(expand(view(x, along), *shape))
    if swapped:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def _need_vector(x: Tensor) -> None:
    if x._data.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(x._data.shape)}")


def _tuples(vectors: list[Any]) -> Any:
    """One element of each vector in every row."""
    k = len(vectors)
    made = np.empty((*[len(v) for v in vectors], k), vectors[0].dtype)
    for i, v in enumerate(vectors):
        made[..., i] = v.reshape((-1, *(1,) * (k - 1 - i)))
    return made.reshape(-1, k)


@public("cartesian_prod")
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples with one element of each vector, one tuple a row."""
    for x in tensors:
        _need_vector(x)
    if len(tensors) == 1:
        return tensors[0]
    if bare(*tensors) and len({x._data.dtype for x in tensors}) == 1:
        return wrap(_tuples([x._data for x in tensors]))
    if len({x._data.dtype for x in tensors}) == 1 and S.mode is None:
        places = np.indices([x._data.size for x in tensors]).reshape(len(tensors), -1)
        chosen = zip(tensors, places, strict=True)
        return OPS.stack([OPS.index_select(x, 0, wrap(at)) for x, at in chosen], 1)
    return OPS.stack([flatten(x) for x in meshgrid(*tensors, indexing="ij")], 1)


@public("combinations")
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, one a row.

    Example:
        >>> import chainrule as torch
        >>> torch.combinations(torch.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    _need_vector(input)
    if type(r) is not int:
        errors.need_int("combinations", r=r)
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return wrap(np.empty(0, input._data.dtype))
    n = input.numel()
    where = np.arange(n)
    apart = np.full((n,) * r, True)
    for a, b in zip(range(r - 1), range(1, r), strict=True):
        first, second = (where.reshape((1,) * k + (-1,) + (1,) * (r - 1 - k)) for k in (a, b))
        apart &= first <= second if with_replacement else first < second
    return OPS.stack([OPS.index_select(input, 0, wrap(at)) for at in np.nonzero(apart)], 1)
