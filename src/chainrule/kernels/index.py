"""Indexing of arrays with arrays: reading, writing, adding, along one dimension or with several
index arrays.

Keys are what NumPy takes (slices and index arrays). Adding is exact where an element is met several
times, by
`np.add.at` on positions in the flattened array (five times faster than sorting rows and summing
runs). Indices out of range raise
IndexError or RuntimeError in PyTorch's words.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from .blocks import typed
from .compiled import compiled

__all__ = [
    "REDUCTIONS", "add_at", "add_rows", "along", "checked_along", "copied", "fill_at", "flat_along",
    "gather", "index", "index_add", "index_copy", "index_fill", "index_key", "index_put",
    "index_select", "inside", "masked_fill", "masked_scatter", "put", "put_at", "reduce_at",
    "scatter", "scatter_add", "scatter_reduce", "take",
]  # fmt: skip

_ndarray = np.ndarray
FEW = 100  # elements, up to which adding slice after slice is as quick
MANY = 2000  # elements, up to which the positions of the other dimensions are remembered
NOWHERE = 1 << 60  # a position outside of any array: NumPy raises IndexError
Ints = tuple[int, ...]


def copied(x: Any) -> Any:
    """A copy in C order that can be written, also of a NumPy scalar."""
    return x.copy() if type(x) is _ndarray else np.array(x)


# ---------------------------------------------------------------- several index arrays


def index_key(indices: tuple[Any, ...], dims: Ints) -> tuple[Any, ...]:
    """The NumPy key with `indices[k]` at dimension `dims[k]` (a mask fills as many dimensions as it
    has)."""
    key: list[Any] = []
    at = 0
    for i, d in zip(indices, dims, strict=False):
        key += [slice(None)] * (d - at)
        key.append(i)
        at = d + (i.ndim if i.dtype.kind == "b" else 1)
    return tuple(key)


@compiled
def index(x: Any, indices: tuple[Any, ...], dims: Ints) -> Any:
    """`x[...]` with index arrays; out of range says where."""
    try:
        if dims == (0,):
            i = indices[0]
            if i.dtype.kind == "b" or type(x) is not _ndarray:
                return x[i]
            return x.take(i, 0)
        return x[index_key(indices, dims)]
    except IndexError:
        raise index_error(x.shape, indices, dims) from None


def index_error(shape: Ints, indices: tuple[Any, ...], dims: Ints) -> IndexError:
    """What is wrong with these indices, in PyTorch's words."""
    masks = []
    for i, d in zip(indices, dims, strict=False):
        if i.dtype.kind == "b":
            for k, n in enumerate(i.shape):
                if d + k >= len(shape) or shape[d + k] != n:
                    return IndexError(
                        f"The shape of the mask {list(i.shape)} at index {k} does not match the "
                        "shape of the indexed "
                        f"tensor {list(shape)} at index {d + k}\nHint: a mask has the sizes of "
                        "the dimensions it selects from"
                    )
            masks += [(int(i.sum()),)] * i.ndim
        else:
            masks.append(i.shape)
    try:
        np.broadcast_shapes(*masks)
    except ValueError:
        return IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(s)) for s in masks)
        )
    number = 0  # PyTorch counts the index tensors, a mask of k dimensions as k
    for i, d in zip(indices, dims, strict=False):
        if i.dtype.kind != "b" and i.size:
            n = shape[d] if d < len(shape) else 0
            outside = i[(i < -n) | (i >= n)]
            if outside.size:
                if not n:
                    return IndexError("index is out of bounds for dimension with size 0")
                return IndexError(
                    f"index {int(outside.flat[0])} is out of bounds for dimension {number} with "
                    f"size {n}"
                )
        number += i.ndim if i.dtype.kind == "b" else 1
    return IndexError(f"too many indices for tensor of dimension {len(shape)}")


@compiled
def index_put(x: Any, value: Any, indices: tuple[Any, ...], dims: Ints, accumulate: bool) -> Any:
    """A copy of `x` with `value` written (or added) at the indices."""
    made = copied(x)
    put_at(made, value, indices, dims, accumulate)
    return made


@compiled
def put_at(
    x: np.ndarray[Any, Any], value: Any, indices: tuple[Any, ...], dims: Ints, accumulate: bool
) -> None:
    """Write (or add) `value` into `x` itself."""
    try:
        if accumulate:
            _add_key(x, value, indices, dims)
        else:
            x[index_key(indices, dims)] = value
    except IndexError:
        raise index_error(x.shape, indices, dims) from None
    except (ValueError, TypeError):
        raise _unfitting(x, value, indices, dims) from None


def _unfitting(x: Any, value: Any, indices: tuple[Any, ...], dims: Ints) -> RuntimeError:
    wanted = list(x[index_key(indices, dims)].shape)
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(np.shape(value))} cannot be broadcast to "
        "indexing result of "
        f"shape {wanted}"
    )


def _add_key(x: Any, value: Any, indices: tuple[Any, ...], dims: Ints) -> None:
    if len(dims) == 1 and indices[0].dtype.kind != "b":
        i = indices[0]
        d = dims[0]
        shape = (*x.shape[:d], *i.shape, *x.shape[d + 1 :])
        if np.shape(value) != shape:
            value = np.broadcast_to(value, shape)
        rows = i.reshape(-1)
        if i.ndim != 1:
            value = value.reshape((*x.shape[:d], rows.size, *x.shape[d + 1 :]))
        add_rows(x, rows, value, d)
    elif len(dims) == 1:
        x[index_key(indices, dims)] += value
    else:
        np.add.at(x, index_key(indices, dims), value)


def add_rows(x: np.ndarray[Any, Any], rows: np.ndarray[Any, Any], value: Any, dim: int) -> None:
    """`x[..., rows, ...] += value`, counting rows that come several times.

    `np.add.at` is quick only for one vector of positions in one vector, so `x` (in C order) is
    taken as one.
    """
    n = x.shape[dim]
    if not rows.size:
        return
    if not inside(rows, n):
        if rows.min() < -n or rows.max() >= n:
            raise IndexError
        rows = np.where(rows < 0, rows + n, rows)
    if x.size <= FEW or not x.flags.c_contiguous:
        key: Any = (*(slice(None),) * dim, rows) if dim else rows
        np.add.at(x, key, value)
        return
    if rows.size * 8 > n and np.bincount(rows, minlength=n).max() == 1:  # no row comes twice
        once: Any = (*(slice(None),) * dim, rows)
        x[once] += value
        return
    if x.ndim > 1:
        inner = math.prod(x.shape[dim + 1 :])
        where = (rows * inner)[:, None] + np.arange(inner)
        if dim:
            where = where + (np.arange(math.prod(x.shape[:dim])) * (n * inner))[:, None, None]
        rows = where.reshape(-1)
    np.add.at(x.reshape(-1), rows, np.ascontiguousarray(value).reshape(-1))


# ---------------------------------------------------------------- along one dimension


def inside(index: Any, n: int) -> bool:
    """Whether there are only numbers from 0 to n - 1, and any: `argmin` and `argmax` cost a third
    of what `min` and `max` do on few elements."""
    if not index.size:
        return False
    item = index.item
    return item(index.argmin()) >= 0 and item(index.argmax()) < n  # type: ignore[no-any-return]


def checked_along(shape: Ints, index: Any, dim: int) -> None:
    """RuntimeError in PyTorch's words where an index is out of range."""
    n = shape[dim] if shape else 1
    if index.size and not inside(index, n):  # nothing is counted from the end here
        outside = index[(index < 0) | (index >= n)]
        raise RuntimeError(
            f"index {int(outside.flat[0])} is out of bounds for dimension {dim} with size {n}"
        )


def along(index: Any, dim: int) -> tuple[Any, ...]:
    """The key that reads `x[i0, ..., index[i], ..., in]` for every position of `index`."""
    n = index.ndim
    return tuple(
        index if d == dim else np.arange(size).reshape((1,) * d + (-1,) + (1,) * (n - 1 - d))
        for d, size in enumerate(index.shape)
    )


def flat_along(shape: Ints, index: Any, dim: int) -> Any:
    """The same as positions in the flattened array; those of an index out of range are `NOWHERE`,
    or IndexError is raised."""
    if index.size <= MANY:
        ramp, rest = _others(shape, index.shape, dim)
        where = ramp.take(index)
        return where if rest is None else where + rest
    checked_along(shape, index, dim)
    steps = _steps(shape)
    where = index if steps[dim] == 1 else index * steps[dim]
    for d, size in enumerate(index.shape):
        if d != dim and size > 1:
            offsets = np.arange(0, size * steps[d], steps[d])
            where = where + offsets.reshape((size,) + (1,) * (index.ndim - 1 - d))
    return where


def _steps(shape: Ints) -> list[int]:
    """Elements to step over for one step along every dimension, in C order."""
    steps = [1]
    for size in reversed(shape[1:]):
        steps.append(steps[-1] * size)
    steps.reverse()
    return steps


@lru_cache(64)
def _others(shape: Ints, of: Ints, dim: int) -> tuple[Any, Any]:
    """The positions along `dim`, to be looked up, with as many `NOWHERE` behind them, which `take`
    finds for indices below 0; and what the other dimensions of an index of shape `of` add to them
    (None: nothing)."""
    steps = _steps(shape)
    rest = None
    for d, size in enumerate(of):
        if d != dim and size > 1:
            part = np.arange(0, size * steps[d], steps[d]).reshape(
                (size,) + (1,) * (len(of) - 1 - d)
            )
            rest = part if rest is None else rest + part
    ramp = np.arange(0, shape[dim] * steps[dim], steps[dim] or 1)
    ramp = np.concatenate([ramp, np.full(max(shape[dim], 1), NOWHERE)])
    return ramp, None if rest is None else np.ascontiguousarray(np.broadcast_to(rest, of))


@compiled
def gather(x: Any, index: Any, dim: int) -> Any:
    """`out[i][j] = x[index[i][j]][j]`."""
    if not index.size:
        return np.empty(index.shape, x.dtype)
    if not x.ndim:
        checked_along(x.shape, index, dim)
        return np.broadcast_to(x, index.shape).copy()
    if x.ndim > 1 and x.flags.c_contiguous:
        try:
            return x.reshape(-1).take(flat_along(x.shape, index, dim))
        except IndexError:
            checked_along(x.shape, index, dim)
            raise
    checked_along(x.shape, index, dim)
    return x[along(index, dim)] if x.ndim > 1 else x.take(index)


@compiled
def scatter(x: Any, index: Any, src: Any, dim: int) -> Any:
    """A copy of `x` with `src` written where `gather` would read."""
    made = copied(x)
    if index.size and made.ndim:
        src = src if type(src) is _ndarray else made.dtype.type(src)
        try:
            where = flat_along(made.shape, index, dim)
            if where.size > MANY:  # NumPy has a quicker loop for vectors
                where, src = where.reshape(-1), src.reshape(-1) if np.ndim(src) else src
            made.reshape(-1)[where] = src
        except IndexError:
            checked_along(made.shape, index, dim)
            raise
    elif index.size:
        checked_along(made.shape, index, dim)
        made[...] = np.asarray(src).reshape(-1)[-1]
    return made


@compiled
def scatter_add(x: Any, index: Any, src: Any, dim: int) -> Any:
    """A copy of `x` with `src` added where `gather` would read."""
    made = copied(x)
    add_at(made, index, src, dim)
    return made


def add_at(x: np.ndarray[Any, Any], index: Any, src: Any, dim: int) -> None:
    """The same in `x` itself, which lies in C order."""
    reduce_at(np.add if x.dtype.kind != "b" else np.logical_or, x, index, src, dim)


def reduce_at(ufunc: Any, x: np.ndarray[Any, Any], index: Any, src: Any, dim: int) -> None:
    """`x[where] = ufunc(x[where], src)`, element after element, for `x` in C order."""
    if not index.size:
        return
    if not x.ndim:
        checked_along(x.shape, index, dim)
    src = src if type(src) is _ndarray else np.asarray(src)
    try:
        where = flat_along(x.shape, index, dim) if x.ndim else np.zeros(index.shape, np.int64)
        ufunc.at(x.reshape(-1), where.reshape(-1), src.reshape(-1))
    except IndexError:
        checked_along(x.shape, index, dim)
        raise


# ---------------------------------------------------------------- scatter_reduce

_NEUTRAL = {"sum": 0, "mean": 0, "prod": 1}
REDUCTIONS = {
    "sum": np.add,
    "mean": np.add,
    "prod": np.multiply,
    "amax": np.maximum,
    "amin": np.minimum,
}


@compiled
def scatter_reduce(
    x: Any, index: Any, src: Any, dim: int, reduce: str, include_self: bool = True
) -> Any:
    """A copy of `x` with the `src` that meet in an element summed, multiplied, averaged, or their
    largest or smallest."""
    made = copied(x)
    if not include_self and index.size:
        start = _NEUTRAL.get(reduce)
        if start is None:
            start = _extreme(made.dtype, reduce == "amax")
        made = scatter(made, index, made.dtype.type(start), dim)
    reduce_at(REDUCTIONS[reduce], made, index, src, dim)
    if reduce == "mean":
        count = np.full(made.shape, 1 if include_self else 0)
        add_at(count, index, np.ones(index.shape, count.dtype), dim)
        count = np.maximum(count, 1)
        made = (made / count if made.dtype.kind in "fc" else np.floor_divide(made, count)).astype(
            made.dtype
        )
    return made


def _extreme(dtype: Any, lowest: bool) -> Any:
    if dtype.kind == "f":
        return -np.inf if lowest else np.inf
    if dtype.kind == "b":
        return not lowest
    return np.iinfo(dtype).min if lowest else np.iinfo(dtype).max


# ---------------------------------------------------------------- slices by index


@compiled
def index_select(x: Any, index: Any, dim: int) -> Any:
    """The slices of `x` at the indices of one dimension."""
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


@compiled
def index_add(x: Any, index: Any, source: Any, dim: int, alpha: Any = 1) -> Any:
    """A copy of `x` with alpha times `source` added to the slices at the indices."""
    made = copied(x)
    if alpha != 1:
        source = (source * alpha).astype(made.dtype, copy=False)
    if not made.size:  # PyTorch looks at no index then
        return made
    view = made if made.ndim else made.reshape(1)
    rows, shape = _vector(index), list(view.shape)
    shape[dim] = rows.size
    checked_along(view.shape, rows, dim)
    try:
        add_rows(view, rows, np.asarray(source).reshape(shape), dim)
    except IndexError:
        checked_along(view.shape, rows, dim)
        raise
    return made


@compiled
def index_copy(x: Any, index: Any, source: Any, dim: int) -> Any:
    """A copy of `x` with the slices at the indices replaced by those of `source`."""
    made = copied(x)
    view = made if made.ndim else made.reshape(1)
    rows, shape = _vector(index), list(view.shape)
    shape[dim] = rows.size
    if rows.size and rows.item(rows.argmin()) < 0:
        raise IndexError(
            f"index_copy_(): index {int(rows.min())} is out of bounds for dimension {dim} with "
            f"size {view.shape[dim]}"
        )
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


@compiled
def index_fill(x: Any, index: Any, value: Any, dim: int) -> Any:
    """A copy of `x` with the slices at the indices filled with a number."""
    made = copied(x)
    _write(made if made.ndim else made.reshape(1), _vector(index), value, dim)
    return made


# ---------------------------------------------------------------- flat positions, masks


def _checked_flat(size: int, index: Any) -> None:
    if inside(index, size):
        return
    outside = index[(index < -size) | (index >= size)]
    if outside.size:
        raise IndexError(
            f"out of range: tried to access index {int(outside.flat[0])} on a tensor of {size} "
            "elements."
        )


@compiled
def take(x: Any, index: Any) -> Any:
    """The elements at positions in the flattened `x`."""
    if index.size and not x.size:
        raise IndexError("take(): tried to take from an empty tensor")
    try:
        return x.reshape(-1).take(index)
    except IndexError:
        _checked_flat(x.size, np.asarray(index))
        raise


@compiled
def put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """A copy of `x` with `source` written (or added) at positions in the flattened array."""
    made = copied(x)
    flat, index = made.reshape(-1), np.asarray(index)
    _checked_flat(made.size, index)
    source = np.asarray(source).reshape(index.shape)
    if accumulate:
        np.add.at(flat, index.reshape(-1), source.reshape(-1))
    else:
        flat[index] = source
    return made


@compiled
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """A copy of `x` with a number wherever the mask is True."""
    return np.where(mask, typed(value, x.dtype), x)


@compiled
def masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    """A copy of `x` with the elements where the mask is True replaced by those of `source`."""
    if x.shape != mask.shape:
        x, mask = np.broadcast_arrays(x, mask)
    made = np.array(x, order="C")
    count = int(np.count_nonzero(mask))
    source = np.asarray(source)
    if source.size < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    made[mask] = source.reshape(-1)[:count]
    return made


@compiled
def fill_at(x: Any, mask: Any, value: Any) -> None:
    """Write a number into `x` itself wherever the mask is True."""
    x[mask] = value
