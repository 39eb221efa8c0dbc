"""Replacing part of a tensor, out of place: by a mask (masked_fill, masked_select, masked_scatter),
a slice, a diagonal or
strides (select_scatter, slice_scatter, diagonal_scatter, as_strided_scatter); `fill_diagonal_`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import METHODS, general, guarded, public, take_no_out
from ...core.primitive import cast, given_out
from ...core.record import OPS, sum_to
from ...core.tensor import Tensor, own, wrap
from ...core.views import inplace
from ...kernels import index as kernels
from ..index.scatter import both, in_torch_order, legacy, need_number, need_out, run
from .diagonal import diagonal
from .reshape import as_strided, need_tensor

Ints = tuple[int, ...]
BOOL = np.dtype(bool)


# ---------------------------------------------------------------- masks


def _masked_fill_tensor_kernel(x: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, value, x)


def _masked_select_kernel(x: Any, mask: Any) -> Any:
    if x.shape != mask.shape:
        x, mask = np.broadcast_arrays(x, mask)
    return np.asarray(x)[mask]


def _masked_scatter_back_kernel(g: Any, mask: Any, shape: Ints) -> Any:
    values = _masked_select_kernel(g, mask)
    made = np.zeros(shape, g.dtype)
    made.reshape(-1)[: values.size] = values
    return made


_masked_fill = general(
    "masked_fill", kernels.masked_fill, ("x", "mask"),
    rules={"x": lambda xp, g, x_shape, mask: sum_to(xp, xp.masked_fill(g, mask, 0.0), x_shape)},
    doc="x with a number wherever mask is True.",
)  # fmt: skip
_masked_fill_tensor = general(
    "masked_fill_tensor",
    _masked_fill_tensor_kernel,
    ("x", "mask", "value"),
    rules={
        "x": lambda xp, g, x_shape, mask: sum_to(xp, xp.masked_fill(g, mask, 0.0), x_shape),
        "value": lambda xp, g, mask: xp.sum(
            xp.masked_fill(g, xp.logical_not(mask), 0.0), None, False
        ),
    },
    grad_fn="MaskedFillBackward1",
    method=False,
    names=("_masked_fill_tensor",),
    doc="x with a 0-d tensor wherever mask is True.",
)
_masked_select = general(
    "masked_select",
    _masked_select_kernel,
    ("x", "mask"),
    rules={
        "x": lambda xp, g, x_shape, mask: sum_to(
            xp,
            xp.masked_scatter(
                xp.zeros(np.broadcast_shapes(tuple(x_shape), tuple(mask.shape)), g.dtype), mask, g
            ),
            x_shape,
        )
    },
    doc="The elements where mask is True, as a vector.",
)
_masked_scatter = general(
    "masked_scatter",
    kernels.masked_scatter,
    ("x", "mask", "source"),
    rules={
        "x": lambda xp, g, x_shape, mask: sum_to(xp, xp.masked_fill(g, mask, 0.0), x_shape),
        "source": lambda xp, g, mask, source_shape: xp.masked_scatter_backward(
            g, mask, source_shape
        ),
    },
    doc="x with the elements where mask is True replaced by those of source, in order.",
)
general(
    "masked_scatter_backward",
    _masked_scatter_back_kernel,
    ("x", "mask"),
    rules={
        "x": lambda xp, g, x_shape, mask: xp.masked_scatter(xp.zeros(x_shape, g.dtype), mask, g)
    },
    method=False,
    names=("_masked_scatter_backward",),
    doc="The cotangent of masked_scatter's source.",
)


def _check_broadcast(op: str, x: Tensor, mask: Any) -> None:
    need_tensor(op, mask, "mask", 2)
    a, b = x._data.shape, mask._data.shape
    if a != b:
        try:
            np.broadcast_shapes(a, b)
        except ValueError:
            raise errors.broadcast(op, (b, a)) from None


def _need_mask(op: str, x: Tensor, mask: Any) -> None:
    _check_broadcast(op, x, mask)
    if mask._data.dtype is not BOOL:
        raise RuntimeError(
            f"{op} only supports boolean masks, but got mask with dtype {_c_dtype(mask)}"
        )


def _c_dtype(t: Tensor) -> str:
    return {"int64": "long", "float32": "float", "float64": "double", "int32": "int"}.get(
        t.dtype.name, t.dtype.name
    )


@both(_masked_fill, kernels.masked_fill)
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    plain = type(value) is float and type(mask) is Tensor and mask._data.dtype is BOOL
    if plain and mask._data.shape == input._data.shape:
        return _masked_fill.prim, (mask,), (need_number(input, value),)
    if not isinstance(value, (Tensor, bool, int, float, complex, np.generic)):
        raise TypeError(
            "masked_fill() received an invalid combination of arguments - "
            f"got ({errors.kind_name(mask)}, {errors.kind_name(value)})"
        )
    _need_mask("masked_fill", input, mask)
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, "
                f"but got tensor with {value._data.ndim} dimension(s)."
            )
        if value.dtype.category == 3 and input.dtype.category < 3:
            need_number(input, value.item())
        return _masked_fill_tensor.prim, (mask, cast(value, input.dtype)), ()
    return _masked_fill.prim, (mask,), (need_number(input, value),)


@in_torch_order(_masked_select, _masked_select_kernel)
def masked_select(input: Any, mask: Any, *, out: Any = None) -> Any:
    need_tensor("masked_select", input)
    need_tensor("masked_select", mask, "mask", 2)
    if mask._data.dtype is not BOOL:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    _check_broadcast("masked_select", mask, input)
    need_out(input, out, mask)
    return run(_masked_select.prim, (input, mask), (), out)


@both(_masked_scatter, kernels.masked_scatter)
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    if type(mask) is Tensor is type(source) and mask._data.dtype is BOOL:
        x = input._data
        if mask._data.shape == x.shape and source._data.dtype is x.dtype:
            return _masked_scatter.prim, (mask, source), ()
    need_tensor("masked_scatter", source, "source", 3)
    _check_broadcast("masked_scatter", input, mask)
    if mask._data.dtype is not BOOL:
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {_c_dtype(mask)}"
        )
    if source._data.dtype != input._data.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but "
            f"got{legacy(input)} and {legacy(source)}"
        )
    return _masked_scatter.prim, (mask, source), ()


# ---------------------------------------------------------------- select_scatter, slice_scatter, di


def _select_scatter_kernel(x: Any, src: Any, dim: int, index: int) -> Any:
    made = np.array(x, order="C")
    key: Any = (*(slice(None),) * dim, index)
    made[key] = src
    return made


def _slice_scatter_kernel(x: Any, src: Any, dim: int, start: int, end: int, step: int) -> Any:
    made = np.array(x, order="C")
    made[(*(slice(None),) * dim, slice(start, end, step))] = src
    return made


def _diagonal_scatter_kernel(x: Any, src: Any, offset: int, dim1: int, dim2: int) -> Any:
    made = np.array(x, order="C")
    if offset == dim1 == 0 and dim2 == 1 and made.ndim == 2:
        n, m = made.shape
        made.reshape(-1)[: min(n, m) * (m + 1) : m + 1] = src
        return made
    view = made.diagonal(offset, dim1, dim2)
    view.flags.writeable = True
    view[...] = src
    return made


_select_scatter = general(
    "select_scatter",
    _select_scatter_kernel,
    ("x", "src"),
    rules={
        "x": lambda xp, g, src_shape, dim, index: xp.select_scatter(
            g, xp.zeros(src_shape, g.dtype), dim, index
        ),
        "src": lambda xp, g, dim, index: xp.select(g, dim, index),
    },
    doc="x with one slice of a dimension replaced by src.",
)
_slice_scatter = general(
    "slice_scatter", _slice_scatter_kernel, ("x", "src"),
    rules={
        "x": lambda xp, g, src_shape, dim, start, end, step: xp.slice_scatter(
            g, xp.zeros(src_shape, g.dtype), dim, start, end, step
        ),
        "src": lambda xp, g, dim, start, end, step: xp.slice(g, dim, start, end, step),
    },
    doc="x with a range of a dimension replaced by src.",
)  # fmt: skip
_diagonal_scatter = general(
    "diagonal_scatter", _diagonal_scatter_kernel, ("x", "src"),
    rules={
        "x": lambda xp, g, src_shape, offset, dim1, dim2: xp.diagonal_scatter(
            g, xp.zeros(src_shape, g.dtype), offset, dim1, dim2
        ),
        "src": lambda xp, g, offset, dim1, dim2: xp.diagonal(g, offset, dim1, dim2),
    },
    doc="x with a diagonal replaced by src.",
)  # fmt: skip


def _replaced(
    declared: Any, region: Tensor, x: Tensor, src: Any, params: tuple[Any, ...]
) -> Tensor:
    need_tensor(declared.prim.name, src, "src", 2)
    if src._data.shape != region._data.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. "
            f"src size = {list(src._data.shape)}, slice size = {list(region._data.shape)}"
        )
    return declared.prim.call(x, cast(src, x.dtype), params=params)


def _plain(x: Tensor) -> Tensor:
    return x if not isinstance(x, Tensor) or x._wrapped else wrap(own(x))


def _usual(x: Any, src: Any) -> bool:
    """Whether both are tensors of one dtype that no interpreter looks at."""
    plain = S.mode is None and type(x) is type(src) is Tensor
    return plain and x._data.dtype is src._data.dtype


@in_torch_order(_select_scatter, _select_scatter_kernel)
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    if type(dim) is type(index) is int and _usual(input, src):
        shape = input._data.shape
        inside = 0 <= dim < len(shape) and 0 <= index < shape[dim]
        if inside and src._data.shape == shape[:dim] + shape[dim + 1 :]:
            return run(_select_scatter.prim, (input, src), (dim, index), None)
    need_tensor("select_scatter", input)
    region = OPS.select(_plain(input), dim, index)
    dim = errors.checked_dim(dim, input._data.ndim)
    return _replaced(_select_scatter, region, input, src, (dim, index % input._data.shape[dim]))


@in_torch_order(_slice_scatter, _slice_scatter_kernel)
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1, *,
    axis: int | None = None, out: Any = None,
) -> Any:  # fmt: skip
    ints = type(dim) is type(start) is type(end) is type(step) is int
    if axis is out is None and ints and step == 1 and _usual(input, src):
        shape = input._data.shape
        inside = 0 <= dim < len(shape) and 0 <= start <= end <= shape[dim]
        if inside and src._data.shape == (*shape[:dim], end - start, *shape[dim + 1 :]):
            return run(_slice_scatter.prim, (input, src), (dim, start, end, 1), None)
    if axis is not None or out is not None:
        made = slice_scatter(input, src, dim if axis is None else axis, start, end, step)
        return given_out("slice_scatter", out, made)
    need_tensor("slice_scatter", input)
    given = {"start": start, "end": end}
    errors.need_int("slice_scatter", step=step, **{n: v for n, v in given.items() if v is not None})
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    dim = errors.checked_dim(dim, input._data.ndim)
    if not input._data.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor")
    start, end, step = slice(start, end, step).indices(input._data.shape[dim])
    region = OPS.slice(_plain(input), dim, start, max(start, end), step)
    return _replaced(_slice_scatter, region, input, src, (dim, start, max(start, end), step))


@in_torch_order(_diagonal_scatter, _diagonal_scatter_kernel)
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    ints = type(offset) is type(dim1) is type(dim2) is int
    if ints and offset == dim1 == 0 and dim2 == 1 and _usual(input, src):
        shape = input._data.shape
        if len(shape) == 2 and src._data.shape == (min(shape),):
            return run(_diagonal_scatter.prim, (input, src), (0, 0, 1), None)
    need_tensor("diagonal_scatter", input)
    region = diagonal(_plain(input), offset, dim1, dim2)
    n = input._data.ndim
    dims = errors.checked_dim(dim1, n), errors.checked_dim(dim2, n)
    return _replaced(_diagonal_scatter, region, input, src, (offset, *dims))


@public("as_strided_scatter", method=True)
def as_strided_scatter(
    input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None
) -> Tensor:
    """`input` with the elements that `as_strided(size, stride, storage_offset)` would read replaced
    by `src`."""
    region = as_strided(_plain(input), size, stride, storage_offset)
    return _replaced(OPS.copy_slices, region, input, src, (*region._view[3],))


# ---------------------------------------------------------------- fill_diagonal_


def _fill_diagonal_kernel(x: Any, value: Any, wrap: bool = False) -> Any:
    made = np.array(x, order="C")
    np.fill_diagonal(made, value, wrap)
    return made


_fill_diagonal = general(
    "fill_diagonal", _fill_diagonal_kernel, ("x",),
    rules={"x": lambda xp, g, wrap: xp.fill_diagonal(g, 0.0, wrap)},
    method=False, names=("_fill_diagonal",), doc="x with a number on its main diagonal.",
)  # fmt: skip


def _fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number on the main diagonal.

    Args:
        wrap: of a tall matrix, start again below the last row of the first diagonal.
    """
    shape = self._data.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    return inplace(_fill_diagonal.prim, self, params=(need_number(self, fill_value), wrap))


METHODS["fill_diagonal_"] = guarded(_fill_diagonal_)

take_no_out("masked_fill", "masked_scatter")
