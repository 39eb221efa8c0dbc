"""`x[...]` and `x[...] = v`, and what they are made of: select, slice, index, index_put.

An index is read as PyTorch reads it: numbers, slices, None and Ellipsis are applied one after the
other as views;
lists, tensors and masks that are left make one `index` (which copies). Where nothing is recorded, a
number, a slice
or a tuple of them goes to NumPy in one step. Writing without recording goes straight into the
memory; recorded, the
view (or `index_put`) is what `core/views.py` hangs under the base.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.declare import METHODS, general, linear, movement, public, spelled
from ...core.lanes import one_lane
from ...core.node import LEAF, next_k
from ...core.record import OPS, REC, GeneralNode, sum_to
from ...core.tensor import Tensor, wrap
from ...kernels import index as kernels
from ...kernels import shape as shapes
from ..shape.arrange import unsqueeze, unsqueeze_lane
from ..shape.reshape import alias, need_tensor
from ..shape.views import ViewLane, linked

_new, _ndarray = object.__new__, np.ndarray
_ALL = slice(None)
Ints = tuple[int, ...]


# ---------------------------------------------------------------- one dimension: select, slice


def _select_backward_kernel(g: Any, shape: Ints, dim: int, index: int) -> Any:
    made = np.zeros(shape, g.dtype)
    key: Any = (*(_ALL,) * dim, index)
    made[key] = g
    return made


_select = movement(
    "select",
    shapes.select,
    lambda xp, g, x_shape, dim, index: xp.select_backward(g, x_shape, dim, index),
    view=True,
    doc="The slice at one index of a dimension, without that dimension; a view.",
)
linear(
    "select_backward", _select_backward_kernel, lambda xp, g, dim, index: xp.select(g, dim, index),
    method=False, names=("_select_backward",), grad_fn="SelectBackwardBackward0",
    doc="Zeros with x at one index of a dimension: the transpose of select.",
)  # fmt: skip


_select_lane = ViewLane(_select)


@spelled(_select)
def select(input: Any, dim: int, index: int) -> Any:
    need_tensor("select", input)
    shape = input._data.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    if type(index) is not int:
        index = errors.checked_int("select", "index", index)
    dim = errors.checked_dim(dim, len(shape))
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at "
            f"dimension {dim}"
        )
    return _select_lane(input, (dim, index % shape[dim]))


def _slice_backward_kernel(g: Any, shape: Ints, dim: int, start: int, end: int, step: int) -> Any:
    made = np.zeros(shape, g.dtype)
    made[(*(_ALL,) * dim, slice(start, end, step))] = g
    return made


_slice = movement(
    "slice",
    shapes.part,
    lambda xp, g, x_shape, dim, start, end, step: xp.slice_backward(
        g, x_shape, dim, start, end, step
    ),
    view=True,
    method=False,
    names=("_slice",),
    doc="A range of one dimension; a view.",
)
linear(
    "slice_backward", _slice_backward_kernel,
    lambda xp, g, dim, start, end, step: xp.slice(g, dim, start, end, step),
    method=False, names=("_slice_backward",), grad_fn="SliceBackwardBackward0",
    doc="Zeros with x in a range of one dimension: the transpose of slice.",
)  # fmt: skip


slice_lane = ViewLane(_slice)


def _rows_back(node: Any, g: Any, edges: Any) -> Any:
    """The vjp of select or slice for many cotangents."""
    shape = node.s0
    if type(shape) is not tuple:
        return None
    made = np.zeros((len(g), *shape), g.dtype)
    node.prim.kernel(made, node.p[0] + 1, *node.p[1:])[...] = g
    return made


def _of_rules(name: str) -> None:
    """The short way of `xp.<name>` in rules that are read on tensors."""
    lane = one_lane(getattr(OPS, name).prim)
    setattr(REC, name, lambda x, *params: lane(x, params))


_of_rules("select_backward")
_of_rules("slice_backward")
_select.prim.rows = _slice.prim.rows = _rows_back
OPS.select_backward.prim.rows = lambda node, g, edges: shapes.select(g, node.p[1] + 1, *node.p[2:])
OPS.slice_backward.prim.rows = lambda node, g, edges: shapes.part(g, node.p[1] + 1, *node.p[2:])


def slice_dim(x: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: Any = 1) -> Tensor:
    """`x[..., start:end:step, ...]` at dimension `dim`, limits as Python takes them."""
    dim = errors.checked_dim(dim, x._data.ndim)
    if type(step) is not int:
        step = errors.checked_int("slice", "step", step)
    for limit in (start, end):
        if limit is True or limit is False:
            raise errors.wrong_kind("slice", "start" if limit is start else "end", "int", limit)
    if step < 0:
        raise RuntimeError("slice step must be positive")
    try:
        start, end, step = slice(start, end, step).indices(x._data.shape[dim])
    except TypeError:
        given = {"start": start, "end": end, "step": step}
        errors.need_int("slice", **{n: v for n, v in given.items() if v is not None})
        raise
    except IndexError:
        raise IndexError("slice() cannot be applied to a 0-dim tensor") from None
    return slice_lane(x, (dim, start, max(start, end), step))


@public("narrow", method=True)
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` elements of a dimension from `start` on; a view.

    Example:
        >>> import chainrule as torch
        >>> torch.arange(5).narrow(0, 1, 3)
        tensor([1, 2, 3])
    """
    need_tensor("narrow", input)
    shape = input._data.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if type(length) is not int:
        errors.need_int("narrow", length=length)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if isinstance(start, Tensor) and (start._data.ndim or start._data.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    if type(start) is not int:
        start = errors.checked_int("narrow", "start", start)
    dim = errors.checked_dim(dim, len(shape))
    n = shape[dim]
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start += n if start < 0 else 0
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_lane(input, (dim, start, start + length, 1))


@public("narrow_copy", method=True)
def narrow_copy(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`narrow`, with memory of its own."""
    need_tensor("narrow_copy", input)
    shape = input._data.shape
    if shape and dim >= len(shape):
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false."
            f"\ndim: {dim}, dimensions of the tensor: {len(shape)}"
        )
    if shape and length < 0 and -len(shape) <= dim:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({shape[dim]})."
        )
    return OPS.clone(narrow(input, dim, start, length))


# ---------------------------------------------------------------- index tensors

# An op has a fixed number of operands: up to eight index tensors, the rest None.
_SLOTS = ("i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7")


def _index_kernel(
    x: Any, i0: Any, i1: Any, i2: Any, i3: Any, i4: Any, i5: Any, i6: Any, i7: Any, dims: Ints
) -> Any:
    return kernels.index(x, (i0, i1, i2, i3, i4, i5, i6, i7)[: len(dims)], dims)


def _index_put_kernel(
    x: Any,
    v: Any,
    i0: Any,
    i1: Any,
    i2: Any,
    i3: Any,
    i4: Any,
    i5: Any,
    i6: Any,
    i7: Any,
    dims: Ints,
    accumulate: bool,
) -> Any:
    return kernels.index_put(x, v, (i0, i1, i2, i3, i4, i5, i6, i7)[: len(dims)], dims, accumulate)


def _index_back(
    xp: Any,
    g: Any,
    x_shape: Ints,
    i0: Any,
    i1: Any,
    i2: Any,
    i3: Any,
    i4: Any,
    i5: Any,
    i6: Any,
    i7: Any,
    dims: Ints,
) -> Any:
    return xp.index_put_canonical(
        xp.zeros(x_shape, g.dtype), g, i0, i1, i2, i3, i4, i5, i6, i7, dims, True
    )


def _put_base_back(
    xp: Any,
    g: Any,
    i0: Any,
    i1: Any,
    i2: Any,
    i3: Any,
    i4: Any,
    i5: Any,
    i6: Any,
    i7: Any,
    dims: Ints,
    accumulate: bool,
) -> Any:
    if accumulate:
        return g
    return xp.index_put_canonical(
        g, xp.zeros((), g.dtype), i0, i1, i2, i3, i4, i5, i6, i7, dims, False
    )


def _put_value_back(
    xp: Any,
    g: Any,
    v_shape: Ints,
    i0: Any,
    i1: Any,
    i2: Any,
    i3: Any,
    i4: Any,
    i5: Any,
    i6: Any,
    i7: Any,
    dims: Ints,
) -> Any:
    got = xp.index(g, i0, i1, i2, i3, i4, i5, i6, i7, dims)
    if len(v_shape) > len(got.shape):  # leading ones
        return xp.reshape(got, v_shape)
    return sum_to(xp, got, v_shape)


_index = general(
    "index",
    _index_kernel,
    ("x", *_SLOTS),
    rules={"x": _index_back},
    method=False,
    names=("_index",),
    doc="The elements at index tensors; cotangents are added where they were read.",
)
_index_put = general(
    "index_put_canonical",
    _index_put_kernel,
    ("x", "v", *_SLOTS),
    rules={"x": _put_base_back, "v": _put_value_back},
    grad_fn="IndexPutBackward0",
    method=False,
    names=("_index_put",),
    doc="x with v written (or added) at index tensors.",
)


def padded(indices: Sequence[Tensor]) -> tuple[Any, ...]:
    """The index tensors as the eight operands of `index`, None where there are fewer."""
    if len(indices) > 8:
        raise NotImplementedError("more than eight index tensors\nHint: index in two steps")
    return (*indices, *(None,) * (8 - len(indices)))


def checked_indices(x: Tensor, found: list[tuple[int, Tensor]]) -> tuple[list[Tensor], Ints]:
    """The tensors and their dimensions, after what must hold before NumPy sees them."""
    n, used = x._data.ndim, 0
    for d, i in found:
        data = i._data
        if data.dtype.kind == "b":
            used += data.ndim
            if data.shape != x._data.shape[d : d + data.ndim] and d + data.ndim <= n:
                raise kernels.index_error(x._data.shape, (data,), (d,))
        else:
            used += 1
        if d + (data.ndim if data.dtype.kind == "b" else 1) > n:
            used = n + 1
    if used > n:
        raise IndexError(f"too many indices for tensor of dimension {n}")
    return [i for _, i in found], tuple(d for d, _ in found)


# ---------------------------------------------------------------- reading an index


def as_index(item: Any) -> Tensor:
    """A list, ndarray or tensor as an index tensor: int64 or a mask."""
    if isinstance(item, Tensor):
        kind = item._data.dtype
    else:
        array = np.asarray(item)
        item = wrap(array.astype(np.int64) if not array.size and array.dtype.kind == "f" else array)
        kind = item._data.dtype
    if kind == np.uint8:
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool "
            "instead.",
            UserWarning,
            stacklevel=4,
        )
        return item != 0
    if kind.kind == "b" or kind == np.int64:
        return item
    if kind.kind != "i":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return OPS.to_dtype(item, dtypes.int64)


def _as_tuple(index: Any) -> tuple[Any, ...]:
    """The index as a tuple; a list that holds sequences, slices or tensors counts as one."""
    if type(index) is tuple:
        return index
    if isinstance(index, list) and len(index) < 32:
        for item in index:
            if (
                isinstance(item, (list, tuple, slice, Tensor, _ndarray))
                or item is None
                or item is Ellipsis
            ):
                return tuple(index)
    return (index,)


def _uses(item: Any) -> int:
    """How many dimensions of the tensor an item takes."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    data = item._data if isinstance(item, Tensor) else item
    if isinstance(data, (_ndarray, np.generic)) and (
        data.dtype.kind == "b" or data.dtype == np.uint8
    ):
        return data.ndim
    if isinstance(item, list):
        array = np.asarray(item)
        return array.ndim if array.dtype.kind == "b" else 1
    return 1


def apply_index(
    x: Tensor, index: Any, writing: bool = False
) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """All that can be views applied one after the other; the index tensors that are left, with
    their dimensions.

    A slice that takes everything is left out, unless it is the whole index and read.
    """
    items, alone = _as_tuple(index), type(index) is slice and not writing
    n, used = x._data.ndim, sum(map(_uses, items))
    if used > n:
        raise _too_many(x, items)
    result, dim, found = x, 0, []
    for item in items:
        if item is Ellipsis:
            dim += n - used
            used = n  # a second one takes nothing
        elif item is None:
            result = unsqueeze(result, dim)
            dim += 1
        elif isinstance(item, slice):
            result = _sliced(result, dim, item, alone)
            dim += 1
        elif isinstance(item, (bool, np.bool_)) or (_is_zero_dim(item) and _kind(item) == "b"):
            result = unsqueeze(result, dim)
            found.append((dim, wrap(np.zeros(1 if item else 0, np.int64))))
            dim += 1
        elif isinstance(item, (int, np.integer)) or (
            _is_zero_dim(item) and _kind(item) in "iu" and not getattr(item, "_wrapped", False)
        ):
            result = _selected(result, dim, int(item))
        elif isinstance(item, (Tensor, _ndarray, list, tuple, range)):
            index = as_index(item)
            found.append((dim, index))
            dim += index._data.ndim if index._data.dtype.kind == "b" else 1
        else:
            raise _no_index(item)
    return result, found


def _is_zero_dim(item: Any) -> bool:
    return isinstance(item, (Tensor, _ndarray)) and item.ndim == 0


def _kind(item: Any) -> str:
    return (item._data if isinstance(item, Tensor) else item).dtype.kind


def _too_many(x: Tensor, items: tuple[Any, ...]) -> IndexError:
    n = x._data.ndim
    if not n and isinstance(items[0], (int, np.integer)):
        return IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
            "`tensor.item<T>()` in C++ to convert "
            "a 0-dim tensor to a number"
        )
    if not n and isinstance(items[0], slice):
        return IndexError("slice() cannot be applied to a 0-dim tensor.")
    return IndexError(f"too many indices for tensor of dimension {n}\nshape: {list(x._data.shape)}")


def _no_index(item: Any) -> Exception:
    if isinstance(item, str):
        return TypeError("new(): invalid data type 'str'")
    return IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
        "valid indices "
        f"(got {errors.kind_name(item)})"
    )


def _out_of_bounds(index: int, dim: int, size: int) -> IndexError:
    return IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")


def _selected(x: Tensor, dim: int, index: int) -> Tensor:
    size = x._data.shape[dim]
    if not -size <= index < size:
        raise _out_of_bounds(index, dim, size)
    return _select_lane(x, (dim, index if index >= 0 else index + size))


def _bound(value: Any) -> Any:
    return value if value is None or type(value) is int else value.__index__()


def _sliced(x: Tensor, dim: int, item: slice, alone: bool) -> Tensor:
    try:
        start, end, step = _bound(item.start), _bound(item.stop), _bound(item.step)
    except AttributeError:
        raise TypeError(
            "slice indices must be integers or None or have an __index__ method"
        ) from None
    if step is not None and step <= 0:
        raise ValueError("step must be greater than zero" if step else "slice step cannot be zero")
    n = x._data.shape[dim]
    if not start and (end is None or end >= n) and (step is None or step == 1) and not alone:
        return x
    return slice_dim(x, dim, start, end, 1 if step is None else step)


def _getitem(x: Tensor, index: Any) -> Tensor:
    """Any index, any state."""
    result, found = apply_index(x, index)
    if not found:
        return alias(result) if result is x else result
    indices, dims = checked_indices(result, found)
    return _index.prim.call(result, *padded(indices), params=(dims,))


# ---------------------------------------------------------------- x[...]


class IndexNode(GeneralNode):
    """The node of `x[i]` or `x[i, j]`: s0: the shape of x; s1, v1: the index tensors and their
    versions; e: one edge."""

    __slots__ = ()
    prim = _index.prim

    def _where(self) -> tuple[Tensor, ...]:
        where: tuple[Tensor, ...] | None = self.s1
        if where is None:
            raise errors.SavedFreed
        for i, version in zip(where, self.v1):  # noqa: B905  # strict= costs 100 ns
            if i._version != version:
                raise errors.modified_saved(self, "indices", i, version)
        return where

    def raw(self, g: Any, keep: bool) -> Any:
        where = tuple([i._data for i in self._where()])
        if not keep:
            self.s1 = None
        made = np.zeros(self.s0, g.dtype)
        kernels.put_at(made, g, where, self.p[0], True)
        return made

    def rec(self, g: Any, keep: bool) -> Any:
        where = self._where()
        if not keep:
            self.s1 = None
        return _index_back(OPS, g, self.s0, *padded(where), *self.p)

    def saved(self) -> dict[str, Any]:
        return {"self_sym_sizes": self.s0, "indices": self._where()}

    def release(self) -> None:
        self.s1 = None


_index_node: Any = type("IndexBackward0", (IndexNode,), {"__slots__": ()})
INT64, BOOL = np.dtype("int64"), np.dtype("bool")
_FIRST, _PAIR = (0,), (0, 1)
_slice_prim, _alias_prim = _slice.prim, alias.prim


def getitem(self: Tensor, index: Any) -> Tensor:
    """`x[index]`: numbers, slices, None and ... give views; lists, tensors and masks copy."""
    data = self._data
    if S.mode is None and type(data) is _ndarray:
        kind = type(index)
        if kind is int:
            if data.ndim:
                try:
                    made = data[index, ...]
                except IndexError:
                    raise _out_of_bounds(index, 0, data.shape[0]) from None
                return _select_lane.on(
                    self, made, (0, index if index >= 0 else index + data.shape[0])
                )
        elif kind is Tensor:
            if data.ndim and index._data.ndim:
                return _taken(self, data, index)
        elif index is None:
            return unsqueeze_lane(self, (0,))
        elif kind is tuple and len(index) == 2 and data.ndim > 1 and type(index[0]) is Tensor:
            found = _pair(self, data, index)
            if found is not None:
                return found
            if self._node is None or not (S.grad or grad_enabled()):
                return _tuple_item(self, data, index)
        elif self._node is None or not (S.grad or grad_enabled()):
            if kind is slice:
                step = index.step
                if data.ndim and (step is None or (type(step) is int and step > 0)):
                    try:
                        start, end, step = index.indices(data.shape[0])
                    except TypeError:
                        return _getitem(self, index)
                    end = end if end > start else start
                    return linked(_slice_prim, self, data[index], (0, start, end, step))
            elif kind is tuple:
                return _tuple_item(self, data, index)
        elif kind is slice and data.ndim:
            return _sliced(self, 0, index, True)
    return _getitem(self, index)


def _taken(x: Tensor, data: Any, index: Tensor) -> Tensor:
    """`x[i]` with one tensor of numbers or a mask."""
    where = index._data
    if where.dtype is not INT64 and where.dtype != BOOL:
        return _getitem(x, index)
    return _indexed(x, (index,), wrap(kernels.index(data, (where,), _FIRST)))


def _indexed(x: Tensor, indices: tuple[Tensor, ...], made: Tensor) -> Tensor:
    """`made`, which is `x` read at these index tensors for its first dimensions, recorded."""
    edge = x._node
    if edge is not None and (S.grad or grad_enabled()) and made._data.dtype.kind in "fcV":
        n = _new(_index_node)
        n.k, n.e, n.hooks = next_k(), x if edge is LEAF else edge, None
        n.s0, n.s1, n.p, n.v0 = x._data.shape, indices, (tuple(range(len(indices))),), None
        n.v1 = tuple([i._version for i in indices])
        made._node = n
    return made


def _pair(x: Tensor, data: Any, index: tuple[Any, ...]) -> Tensor | None:
    """`x[i, j]` with two tensors of numbers; None for anything else."""
    for i in index:
        if type(i) is not Tensor or i._data.dtype is not INT64 or not i._data.ndim:
            return None
    return _indexed(x, index, wrap(kernels.index(data, (index[0]._data, index[1]._data), _PAIR)))


def _tuple_item(x: Tensor, data: Any, index: Any) -> Tensor:
    """A tuple, unrecorded: in one step of NumPy where it reads the tuple as PyTorch does."""
    key, views, numbers = [], True, False
    for item in index:
        kind = type(item)
        if kind is Tensor:
            item = item._data
            if not item.ndim or (item.dtype is not INT64 and item.dtype != BOOL):
                return _getitem(x, index)
            views = False
        elif kind is int:
            numbers = True
        elif kind is slice:
            if item.step is not None and not (type(item.step) is int and item.step > 0):
                return _getitem(x, index)
        elif item is not None and item is not Ellipsis:
            return _getitem(x, index)
        key.append(item)
    if not views and numbers:  # NumPy counts the numbers among the index arrays, PyTorch does not
        return _getitem(x, index)
    try:
        if not views:
            return wrap(data[tuple(key)])
        if Ellipsis not in key:
            key.append(Ellipsis)
        return linked(_alias_prim, x, data[tuple(key)], ())
    except (IndexError, TypeError):
        return _getitem(x, index)


METHODS["__getitem__"] = getitem
