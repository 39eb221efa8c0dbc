"""Diagonals, triangles and windows: parts of a tensor read by rule, and their adjoints, which put
them back into zeros."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ... import dtypes, errors
from ...core.declare import linear, movement, public, spelled
from ...core.tensor import Tensor, wrap
from ...kernels import shape as kernels
from ...kernels.blocks import typed
from .reshape import contiguous, need_tensor, only_methods, view
from .views import ViewLane

Ints = tuple[int, ...]


# ---------------------------------------------------------------- diagonals and triangles


def _diagonal_kernel(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    made = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        made.flags.writeable = True
    return made


def _diagonal_backward_kernel(
    g: Any, shape: Ints, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Any:
    made = np.zeros(shape, g.dtype)
    _diagonal_kernel(made, offset, dim1, dim2)[...] = g
    return made


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
    "diagonal_backward", _diagonal_backward_kernel,
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
    if dim1 == 0 and dim2 == 1 and input._data.ndim > 1:
        return _diagonal_lane(input, (offset, 0, 1))
    return _diagonal_lane(input, (offset, *_checked_diagonal(input._data.ndim, dim1, dim2)))


def _diag_embed_kernel(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    n = x.shape[-1] + abs(offset)
    shape = list(x.shape[:-1])
    for d in sorted((dim1, dim2)):
        shape.insert(d, n)
    return _diagonal_backward_kernel(x, tuple(shape), offset, dim1, dim2)


_diag_embed = linear(
    "diag_embed",
    _diag_embed_kernel,
    lambda xp, g, offset, dim1, dim2: xp.diagonal(g, offset, dim1, dim2),
    doc="Square matrices with the last dimension of x on their diagonals, zeros elsewhere.",
)


@spelled(_diagonal_copy)
def diagonal_copy(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    need_tensor("diagonal_copy", input)
    return _diagonal_copy.prim.call(
        input, params=(offset, *_checked_diagonal(input._data.ndim, dim1, dim2))
    )


@spelled(_diag_embed)
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    need_tensor("diag_embed", input)
    return _diag_embed.prim.call(
        input, params=(offset, *_checked_diagonal(input._data.ndim + 1, dim1, dim2))
    )


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


@lru_cache(16)
def _small_triangle(m: int, n: int, diagonal: int) -> Any:
    return np.tri(m, n, diagonal, bool)


def _triangle_mask(shape: Ints, diagonal: int) -> Any:
    """True on and below a diagonal."""
    m, n = shape[-2:]
    return _small_triangle(m, n, diagonal) if m * n <= 1 << 14 else np.tri(m, n, diagonal, bool)


def _tril_kernel(x: Any, diagonal: int = 0) -> Any:
    return np.where(_triangle_mask(x.shape, diagonal), x, typed(0, x.dtype))


def _triu_kernel(x: Any, diagonal: int = 0) -> Any:
    return np.where(_triangle_mask(x.shape, diagonal - 1), typed(0, x.dtype), x)


_tril = linear(
    "tril", _tril_kernel, lambda xp, g, diagonal: xp.tril(g, diagonal), has_inplace=True,
    doc="The lower triangles, zeros above `diagonal`.",
)  # fmt: skip
_triu = linear(
    "triu", _triu_kernel, lambda xp, g, diagonal: xp.triu(g, diagonal), has_inplace=True,
    doc="The upper triangles, zeros below `diagonal`.",
)  # fmt: skip


def _need_matrix(op: str, x: Any) -> None:
    if type(x) is not Tensor:
        need_tensor(op, x)
    if x._data.ndim < 2:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions")


@spelled(_tril)
def tril(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    _need_matrix("tril", input)
    return _tril.prim.call(input, params=(diagonal,), out=out)


@spelled(_triu)
def triu(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    _need_matrix("triu", input)
    return _triu.prim.call(input, params=(diagonal,), out=out)


def _triangle(name: str, of: Any, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    for what, n in (("row", row), ("col", col), ("offset", offset)):
        if not hasattr(n, "__index__") or type(n) is bool:
            raise errors.wrong_kind(name, what, "int", n)
        if n < 0 and what != "offset":
            raise RuntimeError(f"{what} must be non-negative, got{n}")
    target: dtypes.dtype = dtypes.int64 if dtype is None else dtype
    if target.category != 1:
        raise NotImplementedError(f"\"{name}\" not implemented for '{errors.LEGACY[target.name]}'")
    return wrap(np.stack(of(row, offset, col)).astype(target.np, copy=False))


@public("tril_indices")
def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """Rows and columns of the elements on and below a diagonal, as a tensor of two rows."""
    return _triangle("tril_indices", np.tril_indices, row, col, offset, dtype)


@public("triu_indices")
def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """Rows and columns of the elements on and above a diagonal, as a tensor of two rows."""
    return _triangle("triu_indices", np.triu_indices, row, col, offset, dtype)


# ---------------------------------------------------------------- windows


def _unfold_kernel(x: Any, dimension: int, size: int, step: int) -> Any:
    x = np.asarray(x)
    if not x.ndim:
        return x.reshape(1)[:size]
    strides = kernels.strides_of(x)
    windows = (x.shape[dimension] - size) // step + 1
    shape = (*x.shape[:dimension], windows, *x.shape[dimension + 1 :], size)
    stride = (
        *strides[:dimension],
        strides[dimension] * step,
        *strides[dimension + 1 :],
        strides[dimension],
    )
    if x.flags.c_contiguous and x.size:
        step_bytes = x.dtype.itemsize
        return np.ndarray(shape, x.dtype, x, 0, tuple(s * step_bytes for s in stride))
    return kernels.as_strided(x, shape, stride, 0, strides)


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
    need_tensor("unfold", input)
    shape = input._data.shape
    dimension = errors.checked_dim(dimension, len(shape))
    limit = shape[dimension] if shape else 1
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
