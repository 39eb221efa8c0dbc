"""Slices of one dimension by index (index_select, index_add, index_copy, index_fill), elements by
flat position (take,
put), and what is not zero (nonzero).

Pairs: index_select and index_add, take and put.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import general, public, spelled, take_no_out
from ...core.primitive import I64, PUBLIC, cast
from ...core.tensor import Tensor
from ...kernels import index as kernels
from ..shape.reshape import expand, need_tensor, reshape
from .scatter import (
    both,
    gather,
    in_torch_order,
    legacy,
    need_index,
    need_number,
    need_out,
    run,
    run_pair,
)

Ints = tuple[int, ...]


# ---------------------------------------------------------------- index_select, index_add, index_co


def _like_slice(xp: Any, g: Any, shape: Ints) -> Any:
    return g if tuple(g.shape) == tuple(shape) else xp.reshape(g, shape)


def _fill_back_value(xp: Any, g: Any, index: Any, dim: int) -> Any:
    """The sum over what was filled, each element once however often its index comes."""
    kept = xp.eq(xp.index_fill(xp.zeros(tuple(g.shape), g.dtype), dim, index, 1.0), 0)
    return xp.sum(xp.masked_fill(g, kept, 0.0), None, False)


_index_select = general(
    "index_select",
    kernels.index_select,
    ("x", "index"),
    rules={
        "x": lambda xp, g, x_shape, index, dim: xp.index_add(
            xp.zeros(x_shape, g.dtype), dim, index, g
        )
    },
    doc=(
        "The slices at the given indices of a dimension; cotangents are added where they were read."
    ),
)
_index_add = general(
    "index_add", kernels.index_add, ("x", "index", "source"),
    rules={
        "x": lambda xp, g: g,
        "source": lambda xp, g, index, source_shape, dim, alpha: _like_slice(
            xp, xp.index_select(g, dim, index) * alpha, source_shape
        ),
    },
    doc="x with alpha times source added to the slices at the given indices.",
)  # fmt: skip
_index_copy = general(
    "index_copy",
    kernels.index_copy,
    ("x", "index", "source"),
    rules={
        "x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0),
        "source": lambda xp, g, index, source_shape, dim: _like_slice(
            xp, xp.index_select(g, dim, index), source_shape
        ),
    },
    doc="x with the slices at the given indices replaced by those of source.",
)
_index_fill = general(
    "index_fill",
    lambda x, index, dim, value: kernels.index_fill(x, index, value, dim),
    ("x", "index"),
    rules={"x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0)},
    doc="x with the slices at the given indices filled with a number.",
)  # fmt: skip
_index_fill_tensor = general(
    "index_fill_tensor",
    lambda x, index, value, dim: kernels.index_fill(x, index, value, dim),
    ("x", "index", "value"),
    rules={
        "x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0),
        "value": _fill_back_value,
    },
    grad_fn="IndexFillBackward1",
    method=False,
    names=("_index_fill_tensor",),
    doc="The same with a 0-d tensor.",
)


_index_select_prim = _index_select.prim


@in_torch_order(_index_select, lambda x, dim, index: kernels.index_select(x, index, dim))
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Any:
    if (
        type(input) is Tensor is type(index)
        and type(dim) is int
        and 0 <= dim < input._data.ndim
        and index._data.ndim == 1
        and index._data.dtype is I64
        and out is None
        and S.mode is None
    ):
        return run_pair(_index_select_prim, input, index, dim)
    need_tensor("index_select", input)
    need_tensor("index_select", index, "index", 3)
    dim = errors.checked_dim(dim, input._data.ndim)
    if index._data.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    need_index("index_select", index, 2, "int32 or int64")
    if not input._data.ndim and index._data.size > 1:
        given = index._data.size
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {given} value(s)"
        )
    index = index if index._data.ndim else reshape(index, (1,))
    need_out(input, out, index)
    return run(_index_select.prim, (input, index), (dim,), out)


def _raw_index_add(x: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> Any:
    return kernels.index_add(x, index, source, dim, alpha)


@both(_index_add, _raw_index_add)
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_add", index, "index", 2)
    need_tensor("index_add", source, "source", 3)
    if index._data.ndim > 1:
        raise IndexError(
            f"index_add_(): Index is supposed to be a vector, but got dim: {index._data.ndim} "
            "with type: "
            f"{legacy(index)} and size: {list(index._data.shape)}"
        )
    need_index("index_add_", index)
    if source._data.dtype is not input._data.dtype and source._data.dtype != input._data.dtype:
        raise RuntimeError(
            f"index_add_(): self ({legacy(input)}) and source ({legacy(source)}) must have the "
            "same scalar type"
        )
    _check_slices(input, dim, index, source)
    return _index_add.prim, (index, source), (dim, alpha)


def _check_slices(x: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
    a, b, n = x._data.shape or (1,), source._data.shape or (1,), index._data.size
    if len(a) == len(b) and a[:dim] + a[dim + 1 :] == b[:dim] + b[dim + 1 :] and b[dim] == n:
        return
    if len(a) == len(b) and b[dim] != n:
        raise RuntimeError(
            f"index_add_(): Number of indices ({n}) should be equal to source.size(dim): "
            f"({b[dim]}), for dim: {dim}"
        )
    raise RuntimeError(
        "source tensor shape must match self tensor shape, excluding the specified dimension. "
        f"Got self.shape = {list(x._data.shape)} source.shape = {list(source._data.shape)}"
    )


@both(_index_copy, lambda x, dim, index, source: kernels.index_copy(x, index, source, dim))
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_copy", index, "index", 2)
    need_tensor("index_copy", source, "source", 3)
    if index._data.ndim > 1:
        raise IndexError(
            f"index_copy_(): Index should have dimension 1 or 0 (got {index._data.ndim})"
        )
    if index._data.dtype is not I64 and index._data.dtype != I64:
        raise RuntimeError(
            f"index_copy_(): Expected a long tensor for index, but got {legacy(index)}"
        )
    if source._data.dtype is not input._data.dtype and source._data.dtype != input._data.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, "
            f"but got (self) {legacy(input)} and (source) {legacy(source)}"
        )
    a, b, n = input._data.shape, source._data.shape, index._data.size
    if a and b and len(a) != len(b):
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality "
            "must match. "
            f"Source dimensionality ({len(b)}), destination dimensionality ({len(a)})"
        )
    if not b and n != 1:
        raise IndexError(
            f"index_copy_(): When source is scalar, index should have one element (got {n})"
        )
    if not a and b and source._data.size != n:
        raise RuntimeError("index_copy_(): Source/destination tensor must have same slice shapes.")
    if a and b and a[:dim] + a[dim + 1 :] != b[:dim] + b[dim + 1 :]:
        cut = [list(s[:dim] + s[dim + 1 :]) for s in (a, b)]
        first, second = (" ".join(map(str, s)) for s in cut)
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            "slice shape: "
            f"{first} at dimension {dim} and source slice shape: {second} at dimension 0."
        )
    if b and b[dim] != n:
        raise IndexError(
            f"index_copy_(): Number of indices ({n}) should be equal to source.size(dim) ({b[dim]})"
        )
    return _index_copy.prim, (index, source), (dim,)


@both(_index_fill, lambda x, dim, index, value: kernels.index_fill(x, index, value, dim))
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_fill", index, "index", 2)
    if index._data.dtype is not I64 and index._data.dtype not in (np.int64, np.int32):
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index._data.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, "
                f"but got tensor with {value._data.ndim} dimension(s)."
            )
        return _index_fill_tensor.prim, (index, cast(value, input.dtype)), (dim,)
    if isinstance(value, complex) and input.dtype.category < 3:
        raise RuntimeError(
            "index_fill_(): Converting complex Scalar to non-complex type is not supported"
        )
    return _index_fill.prim, (index,), (dim, need_number(input, value))


# ---------------------------------------------------------------- take, put


_take = general(
    "take", kernels.take, ("x", "index"),
    rules={"x": lambda xp, g, x_shape, index: xp.put(xp.zeros(x_shape, g.dtype), index, g, True)},
    doc="The elements at positions in the flattened x.",
)  # fmt: skip
_put = general(
    "put", kernels.put, ("x", "index", "source"),
    rules={
        "x": lambda xp, g, index, accumulate: (
            g if accumulate else xp.put(g, index, xp.zeros(tuple(index.shape), g.dtype), False)
        ),
        "source": lambda xp, g, index, source_shape: xp.reshape(xp.take(g, index), source_shape),
    },
    doc="x with source written (or added) at positions in the flattened tensor.",
)  # fmt: skip


def _need_long(op: str, index: Any) -> None:
    need_tensor(op, index, "index", 2)
    if index._data.dtype is not I64 and index._data.dtype != I64:
        raise RuntimeError(f"{op}(): Expected a long tensor for index, but got {legacy(index)}")


@in_torch_order(_take, kernels.take)
def take(input: Any, index: Any, *, out: Any = None) -> Any:
    if (
        type(input) is Tensor is type(index)
        and index._data.dtype is I64
        and out is None
        and S.mode is None
    ):
        return run_pair(_take.prim, input, index)
    need_tensor("take", input)
    _need_long("take", index)
    need_out(input, out, index)
    return run(_take.prim, (input, index), (), out)


@both(_put, kernels.put)
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    _need_long("put_", index)
    need_tensor("put_", source, "source", 3)
    if source._data.dtype != input._data.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, "
            f"but got self.dtype = {legacy(input)} and source.dtype = {legacy(source)}"
        )
    if source._data.size != index._data.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, "
            f"but got source.numel() = {source._data.size}, index.numel() = {index._data.size}"
        )
    return _put.prim, (index, source), (errors.checked_bool("put_", "accumulate", accumulate),)


PUBLIC.pop("put_", None)


@public("take_along_dim", method=True)
def take_along_dim(
    input: Tensor, indices: Tensor, dim: int | None = None, *, out: Any = None
) -> Tensor:
    """`gather`, with input and indices broadcast; over the flattened tensors when `dim` is None."""
    if dim is not None and indices._data.dtype is not I64 and indices._data.dtype != I64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {legacy(indices)}"
        )
    try:
        return _along(input, indices, dim, out)
    except RuntimeError:
        known = dim is not None and -input._data.ndim <= dim < input._data.ndim
        n = input._data.shape[dim] if known else 0
        if not n or not (indices._data < 0).any() or indices._data.min() < -n:
            raise
    counted = indices + (indices < 0).long() * n  # below 0 they count from the end
    return _along(input, counted, dim, out)


def _along(input: Tensor, indices: Tensor, dim: int | None, out: Any) -> Tensor:
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)), out=out)
    a, b = input._data.shape, indices._data.shape
    if len(a) != len(b):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {len(a)} dimensions for input, and {len(b)} dimensions for indices"
        )
    dim = errors.checked_dim(dim, len(a))
    if a[:dim] == b[:dim] and a[dim + 1 :] == b[dim + 1 :]:
        return gather(input, dim, indices, out=out)
    try:
        common = np.broadcast_shapes(*[(*s[:dim], 1, *s[dim + 1 :]) for s in (a, b)])
    except ValueError:
        raise errors.broadcast("take_along_dim", (a, b)) from None
    wide = [
        expand(t, (*common[:dim], s[dim], *common[dim + 1 :]))
        for t, s in ((input, a), (indices, b))
    ]
    return gather(wide[0], dim, wide[1], out=out)


# ---------------------------------------------------------------- where is it not zero


def _nonzero_kernel(x: Any) -> Any:
    if x.ndim == 1:
        return x.nonzero()[0].reshape(-1, 1)
    return np.argwhere(np.asarray(x)) if x.ndim else np.zeros((int(bool(x)), 0), np.int64)


_nonzero = general(
    "nonzero",
    _nonzero_kernel,
    ("x",),
    doc="The indices of the elements that are not zero, one a row.",
)


@in_torch_order(_nonzero, _nonzero.prim.kernel)
def nonzero(input: Any, *, out: Any = None, as_tuple: bool = False) -> Any:
    need_tensor("nonzero", input)
    if as_tuple:
        found = _nonzero.prim.call(input if input._data.ndim else reshape(input, (1,)))
        return found.unbind(1)
    return _nonzero.prim.call(input, out=out)


def _static_kernel(x: Any, size: int, fill_value: int) -> Any:
    found = _nonzero_kernel(x)[:size]
    made = np.full((size, found.shape[1]), fill_value, np.int64)
    made[: len(found)] = found
    return made


_nonzero_static = general(
    "nonzero_static",
    _static_kernel,
    ("x",),
    doc="The indices of the first `size` elements that are not zero, one a row.",
)


@spelled(_nonzero_static)
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """`nonzero` with exactly `size` rows: the first ones, or filled up with `fill_value`."""
    need_tensor("nonzero_static", input)
    return _nonzero_static.prim.call(input, params=(size, fill_value))


@public("argwhere", method=True)
def argwhere(input: Tensor) -> Tensor:
    """The indices of the elements that are not zero, one a row."""
    return nonzero(input)


take_no_out("put")
