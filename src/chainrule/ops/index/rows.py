"""Slices of one dimension by index (index_select, index_add, index_copy, index_fill), elements by
flat position (take,
put), and what is not zero (nonzero).

Pairs: index_select and index_add, take and put.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.declare import general, public, spelled
from ...core.primitive import I64, PUBLIC, cast
from ...core.tensor import Tensor
from ...kernels import index as kernels
from ..shape.reshape import expand, need_tensor, reshape
from .scatter import both, gather, in_torch_order, legacy, need_index, need_number, need_out, run

Ints = tuple[int, ...]


# ---------------------------------------------------------------- index_select, index_add, index_co


def _index_select_kernel(x: Any, index: Any, dim: int) -> Any:
    if not x.ndim:
        return x.copy()
    try:
        made = x.take(index, dim)
    except IndexError:
        raise IndexError("index out of range in self") from None
    if index.size and index.item(index.argmin()) < 0:  # NumPy counts from the end
        raise IndexError("index out of range in self")
    return made


def _vector(index: Any) -> Any:
    return index.reshape(1) if not index.ndim else index


def _added(x: Any, index: Any, source: Any, dim: int, alpha: Any = 1) -> Any:
    made = kernels.copied(x)
    if alpha != 1:
        source = (source * alpha).astype(made.dtype, copy=False)
    view = made if made.ndim else made.reshape(1)
    rows, shape = _vector(index), list(view.shape)
    shape[dim] = rows.size
    try:
        kernels.add_rows(view, rows, np.asarray(source).reshape(shape), dim)
    except IndexError:
        kernels.checked_along(view.shape, rows, dim)
        raise
    return made


def _copied(x: Any, index: Any, source: Any, dim: int) -> Any:
    made = kernels.copied(x)
    view = made if made.ndim else made.reshape(1)
    rows, shape = _vector(index), list(view.shape)
    shape[dim] = rows.size
    _write(view, rows, np.asarray(source).reshape(shape), dim, "index_copy_(): ")
    return made


def _write(x: Any, rows: Any, value: Any, dim: int, title: str = "") -> None:
    """`x[..., rows, ...] = value`."""
    try:
        x[(*(slice(None),) * dim, rows) if dim else rows] = value
    except IndexError:
        n = x.shape[dim]
        outside = rows[(rows < -n) | (rows >= n)]
        raise IndexError(
            f"{title}index {int(outside[0])} is out of bounds for dimension {dim} with size {n}"
        ) from None


def _filled(x: Any, index: Any, value: Any, dim: int) -> Any:
    made = kernels.copied(x)
    _write(made if made.ndim else made.reshape(1), _vector(index), value, dim)
    return made


def _like_slice(xp: Any, g: Any, shape: Ints) -> Any:
    return g if tuple(g.shape) == tuple(shape) else xp.reshape(g, shape)


def _fill_back_value(xp: Any, g: Any, index: Any, dim: int) -> Any:
    """The sum over what was filled, each element once however often its index comes."""
    kept = xp.eq(xp.index_fill(xp.zeros(tuple(g.shape), g.dtype), dim, index, 1.0), 0)
    return xp.sum(xp.masked_fill(g, kept, 0.0), None, False)


_index_select = general(
    "index_select",
    _index_select_kernel,
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
    "index_add", _added, ("x", "index", "source"),
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
    _copied,
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
    "index_fill", lambda x, index, dim, value: _filled(x, index, value, dim), ("x", "index"),
    rules={"x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0)},
    doc="x with the slices at the given indices filled with a number.",
)  # fmt: skip
_index_fill_tensor = general(
    "index_fill_tensor",
    lambda x, index, value, dim: _filled(x, index, value, dim),
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


@in_torch_order(_index_select, lambda x, dim, index: _index_select_kernel(x, index, dim))
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Any:
    need_tensor("index_select", input)
    need_index("index_select", index, 2, "int32 or int64")
    dim = errors.checked_dim(dim, input._data.ndim)
    if index._data.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    index = index if index._data.ndim else reshape(index, (1,))
    need_out(input, out, index)
    return run(_index_select.prim, (input, index), (dim,), out)


@both(_index_add, lambda x, dim, index, source, alpha=1: _added(x, index, source, dim, alpha))
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
    if source._data.dtype != input._data.dtype:
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


@both(_index_copy, lambda x, dim, index, source: _copied(x, index, source, dim))
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_copy", index, "index", 2)
    need_tensor("index_copy", source, "source", 3)
    if index._data.ndim > 1:
        raise IndexError(
            f"index_copy_(): Index should have dimension 1 or 0 (got {index._data.ndim})"
        )
    if index._data.dtype is not I64 and index._data.dtype != I64:
        raise IndexError(
            f"index_copy_(): Expected a long tensor for index, but got {legacy(index)}"
        )
    if source._data.dtype != input._data.dtype:
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


@both(_index_fill, lambda x, dim, index, value: _filled(x, index, value, dim))
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


def _checked_flat(size: int, index: Any) -> None:
    if kernels.inside(index, size):
        return
    outside = index[(index < -size) | (index >= size)]
    if outside.size:
        raise IndexError(
            f"out of range: tried to access index {int(outside.flat[0])} on a tensor of {size} "
            "elements."
        )


def _take_kernel(x: Any, index: Any) -> Any:
    if index.size and not x.size:
        raise IndexError("take(): tried to take from an empty tensor")
    try:
        return x.reshape(-1).take(index)
    except IndexError:
        _checked_flat(x.size, np.asarray(index))
        raise


def _put_kernel(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    made = kernels.copied(x)
    flat, index = made.reshape(-1), np.asarray(index)
    _checked_flat(made.size, index)
    source = np.asarray(source).reshape(index.shape)
    if accumulate:
        np.add.at(flat, index.reshape(-1), source.reshape(-1))
    else:
        flat[index] = source
    return made


_take = general(
    "take", _take_kernel, ("x", "index"),
    rules={"x": lambda xp, g, x_shape, index: xp.put(xp.zeros(x_shape, g.dtype), index, g, True)},
    doc="The elements at positions in the flattened x.",
)  # fmt: skip
_put = general(
    "put", _put_kernel, ("x", "index", "source"),
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


@in_torch_order(_take, _take_kernel)
def take(input: Any, index: Any, *, out: Any = None) -> Any:
    need_tensor("take", input)
    _need_long("take", index)
    need_out(input, out, index)
    return run(_take.prim, (input, index), (), out)


@both(_put, _put_kernel)
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
    if indices._data.dtype is not I64 and indices._data.dtype != I64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {legacy(indices)}"
        )
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
