"""Diagonals, triangles and windows: parts of a tensor read by rule, and their adjoints, which put
them back into zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, errors
from ...core.declare import linear, movement, public, spelled
from ...core.lanes import one_lane
from ...core.tensor import Tensor, wrap
from ...kernels import moves
from ...kernels import shape as kernels
from ...kernels.make import triangle
from ..make.from_data import check_device
from .reshape import contiguous, need_tensor, only_methods, view
from .views import ViewLane

Ints = tuple[int, ...]


# ---------------------------------------------------------------- diagonals and triangles


def _diagonal_kernel(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return kernels.diagonal(x, offset, dim1, dim2)


def _diagonal_back(xp: Any, g: Any, x_shape: Ints, offset: int, dim1: int, dim2: int) -> Any:
    return xp.diagonal_backward(g, x_shape, offset, dim1, dim2)


_diagonal = movement(
    "diagonal",
    _diagonal_kernel,
    _diagonal_back,
    view=True,
    doc="The diagonal of two dimensions, as the last dimension.",
)
_diagonal_copy = movement(
    "diagonal_copy",
    lambda x, offset=0, dim1=0, dim2=1: x.diagonal(offset, dim1, dim2).copy(),
    _diagonal_back,
    grad_fn="DiagonalBackward0_copy",
    method=False,
    doc="A copy of the diagonal.",
)
linear(
    "diagonal_backward", moves.diagonal_backward,
    lambda xp, g, offset, dim1, dim2: xp.diagonal(g, offset, dim1, dim2),
    method=False, names=("_diagonal_backward",), grad_fn="DiagonalBackwardBackward0",
    doc="Zeros with x on the diagonal: the transpose of diagonal.",
)  # fmt: skip


def _checked_diagonal(n: int, dim1: int, dim2: int) -> Ints:
    first, second = errors.checked_dim(dim1, n), errors.checked_dim(dim2, n)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return first, second


_diagonal_lane = ViewLane(_diagonal)


@spelled(_diagonal)
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    if type(input) is not Tensor:
        need_tensor("diagonal", input)
    if type(offset) is not int:
        errors.need_int("diagonal", offset=offset)
    if dim1 == 0 and dim2 == 1 and type(dim1) is type(dim2) is int and input._data.ndim > 1:
        return _diagonal_lane(input, (offset, 0, 1))
    return _diagonal_lane(input, (offset, *_checked_diagonal(input._data.ndim, dim1, dim2)))


_diag_embed = linear(
    "diag_embed",
    moves.diag_embed,
    lambda xp, g, offset, dim1, dim2: xp.diagonal(g, offset, dim1, dim2),
    doc="Square matrices with the last dimension of x on their diagonals, zeros elsewhere.",
)
_diag_embed_lane = one_lane(_diag_embed.prim)


@spelled(_diagonal_copy)
def diagonal_copy(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    need_tensor("diagonal_copy", input)
    if type(offset) is not int:
        errors.need_int("diagonal_copy", offset=offset)
    return _diagonal_copy.prim.call(
        input, params=(offset, *_checked_diagonal(input._data.ndim, dim1, dim2))
    )


@spelled(_diag_embed)
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    need_tensor("diag_embed", input)
    if type(offset) is not int:
        errors.need_int("diag_embed", offset=offset)
    return _diag_embed_lane(input, (offset, *_checked_diagonal(input._data.ndim + 1, dim1, dim2)))


@public("diag", method=True)
def diag(input: Tensor, diagonal: int = 0, *, out: Any = None) -> Tensor:
    """The diagonal of a matrix (a copy), or the matrix with a vector on its diagonal.

    Example:
        >>> import chainrule as torch
        >>> torch.diag(torch.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    if not isinstance(input, Tensor):
        raise errors.wrong_type("diag", "input", 1, input)
    if type(diagonal) is not int:
        errors.need_int("diag", diagonal=diagonal)
    n = input._data.ndim
    if n == 1:
        return _diag_embed.prim.call(input, params=(diagonal, 0, 1), out=out)
    if n == 2:
        return _diagonal_copy.prim.call(input, params=(diagonal, 0, 1), out=out)
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {n}D")


@public("diagflat", method=True)
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements of `input` on its diagonal."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("diagflat", "input", 1, input)
    return diag_embed(view(contiguous(input), -1), offset)


_tril = linear(
    "tril", moves.tril, lambda xp, g, diagonal: xp.tril(g, diagonal), has_inplace=True,
    doc="The lower triangles, zeros above `diagonal`.",
)  # fmt: skip
_triu = linear(
    "triu", moves.triu, lambda xp, g, diagonal: xp.triu(g, diagonal), has_inplace=True,
    doc="The upper triangles, zeros below `diagonal`.",
)  # fmt: skip
_tril_lane, _triu_lane = one_lane(_tril.prim), one_lane(_triu.prim)


def _need_matrix(op: str, x: Any) -> None:
    if type(x) is not Tensor:
        need_tensor(op, x)
    if x._data.ndim < 2:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions")


@spelled(_tril)
def tril(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    _need_matrix("tril", input)
    if type(diagonal) is not int:
        errors.need_int("tril", diagonal=diagonal)
    if out is None:
        return _tril_lane(input, (diagonal,))
    return _tril.prim.call(input, params=(diagonal,), out=out)


@spelled(_triu)
def triu(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    _need_matrix("triu", input)
    if type(diagonal) is not int:
        errors.need_int("triu", diagonal=diagonal)
    if out is None:
        return _triu_lane(input, (diagonal,))
    return _triu.prim.call(input, params=(diagonal,), out=out)


def _triangle(name: str, lower: bool, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    for what, n in (("row", row), ("col", col), ("offset", offset)):
        errors.need_int(name, **{what: n})
        if n < 0 and what != "offset":
            raise RuntimeError(f"{what} must be non-negative, got{n}")
    target: dtypes.dtype = dtypes.int64 if dtype is None else dtype
    if target.category != 1:
        raise NotImplementedError(f"\"{name}\" not implemented for '{errors.LEGACY[target.name]}'")
    row, col, offset = (n.__index__() for n in (row, col, offset))
    return wrap(triangle(row, col, offset, lower).astype(target.np, copy=False))


@public("tril_indices")
def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: Any = None,
) -> Tensor:
    """Rows and columns of the elements on and below a diagonal, as a tensor of two rows."""
    plain = dtype is device is layout is pin_memory is None
    if plain and type(row) is type(col) is type(offset) is int and row >= 0 <= col:
        return wrap(triangle(row, col, offset, True))
    check_device(device)
    errors.check_option("tril_indices", "layout", layout)
    errors.check_option("tril_indices", "pin_memory", pin_memory)
    return _triangle("tril_indices", True, row, col, offset, dtype)


@public("triu_indices")
def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: Any = None,
) -> Tensor:
    """Rows and columns of the elements on and above a diagonal, as a tensor of two rows."""
    plain = dtype is device is layout is pin_memory is None
    if plain and type(row) is type(col) is type(offset) is int and row >= 0 <= col:
        return wrap(triangle(row, col, offset, False))
    check_device(device)
    errors.check_option("triu_indices", "layout", layout)
    errors.check_option("triu_indices", "pin_memory", pin_memory)
    return _triangle("triu_indices", False, row, col, offset, dtype)


# ---------------------------------------------------------------- windows


def _unfold_kernel(x: Any, dimension: int, size: int, step: int) -> Any:
    x = np.asarray(x)
    return kernels.unfolded(x, dimension, size, step) if x.ndim else x.reshape(1)[:size]


def _unfold_backward_kernel(g: Any, shape: Ints, dimension: int, size: int, step: int) -> Any:
    made = np.zeros(shape, g.dtype)
    if not shape:
        return made + g.sum()
    windows = g.shape[dimension]
    for j in range(size):
        key = (slice(None),) * dimension + (slice(j, j + (windows - 1) * step + 1, step),)
        made[key] += g[..., j]
    return made


_unfold = movement(
    "unfold",
    _unfold_kernel,
    lambda xp, g, x_shape, dimension, size, step: xp.unfold_backward(
        g, x_shape, dimension, size, step
    ),
    view=True,
    doc="Windows of `size` elements along a dimension, `step` apart, as a last dimension.",
)
linear(
    "unfold_backward",
    _unfold_backward_kernel,
    lambda xp, g, dimension, size, step: xp.unfold(g, dimension, size, step),
    method=False,
    names=("_unfold_backward",),
    grad_fn="UnfoldBackwardBackward0",
    doc="Windows added where they came from.",
)


_unfold_lane = ViewLane(_unfold)


@spelled(_unfold)
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    if type(input) is not Tensor:
        need_tensor("unfold", input)
    shape = input._data.shape
    dimension = errors.checked_dim(dimension, len(shape))
    limit = shape[dimension] if shape else 1
    if type(size) is not int or type(step) is not int:
        errors.need_int("unfold", size=size, step=step)
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > limit:
        raise RuntimeError(
            f"maximum size for tensor at dimension {dimension} is {limit} but size is {size}"
        )
    return _unfold_lane(input, (dimension, size, step))


only_methods("unfold")
