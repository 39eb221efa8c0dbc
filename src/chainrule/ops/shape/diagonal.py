"""Diagonals, triangles and windows: parts of a tensor read by rule, and their adjoints, which put
them back into zeros."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ... import dtypes, errors
from ...core.declare import linear, movement, public, spelled
from ...core.lanes import one_lane
from ...core.tensor import Tensor, wrap
from ...kernels import shape as kernels
from ...kernels.blocks import typed
from ...kernels.masks import select
from ..make.from_data import check_device
from .reshape import contiguous, need_tensor, only_methods, view
from .views import ViewLane

Ints = tuple[int, ...]


# ---------------------------------------------------------------- diagonals and triangles


def _diagonal_kernel(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    made = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        made.setflags(True)
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
    if x.ndim == 1 and not offset:
        made = np.zeros((n, n), x.dtype)
        made.reshape(-1)[:: n + 1] = x
        return made
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
_diag_embed_lane = one_lane(_diag_embed.prim)


@spelled(_diagonal_copy)
def diagonal_copy(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    need_tensor("diagonal_copy", input)
    return _diagonal_copy.prim.call(
        input, params=(offset, *_checked_diagonal(input._data.ndim, dim1, dim2))
    )


@spelled(_diag_embed)
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    need_tensor("diag_embed", input)
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


_ROWS = 64


def _tril_kernel(x: Any, diagonal: int = 0) -> Any:
    if x.shape[-2] * x.shape[-1] > 1 << 12:
        return _by_rows(x, diagonal, True)
    return select(_triangle_mask(x.shape, diagonal), x, typed(0, x.dtype))


def _triu_kernel(x: Any, diagonal: int = 0) -> Any:
    if x.shape[-2] * x.shape[-1] > 1 << 12:
        return _by_rows(x, diagonal - 1, False)
    return select(_triangle_mask(x.shape, diagonal - 1), typed(0, x.dtype), x)


def _by_rows(x: Any, diagonal: int, lower: bool) -> Any:
    """A triangle of large matrices: of some rows at a time what stays is copied, and only the
    columns that the diagonal crosses are masked."""
    m, n = x.shape[-2:]
    made = np.zeros(x.shape, x.dtype)
    for start in range(0, m, _ROWS):
        stop = min(start + _ROWS, m)
        left, right = (min(max(i + diagonal, 0), n) for i in (start, stop))
        kept = slice(0, left) if lower else slice(right, n)
        made[..., start:stop, kept] = x[..., start:stop, kept]
        crossed = np.tri(stop - start, right - left, start + diagonal - left, bool)
        part = made[..., start:stop, left:right]
        np.copyto(part, x[..., start:stop, left:right], where=crossed if lower else ~crossed)
    return made


_tril = linear(
    "tril", _tril_kernel, lambda xp, g, diagonal: xp.tril(g, diagonal), has_inplace=True,
    doc="The lower triangles, zeros above `diagonal`.",
)  # fmt: skip
_triu = linear(
    "triu", _triu_kernel, lambda xp, g, diagonal: xp.triu(g, diagonal), has_inplace=True,
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


def _triangle(name: str, of: Any, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    for what, n in (("row", row), ("col", col), ("offset", offset)):
        errors.need_int(name, **{what: n})
        if n < 0 and what != "offset":
            raise RuntimeError(f"{what} must be non-negative, got{n}")
    target: dtypes.dtype = dtypes.int64 if dtype is None else dtype
    if target.category != 1:
        raise NotImplementedError(f"\"{name}\" not implemented for '{errors.LEGACY[target.name]}'")
    row, col, offset = (n.__index__() for n in (row, col, offset))
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
    check_device(device)
    errors.check_option("tril_indices", "layout", layout)
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
    check_device(device)
    errors.check_option("triu_indices", "layout", layout)
    return _triangle("triu_indices", np.triu_indices, row, col, offset, dtype)


# ---------------------------------------------------------------- windows


def _unfold_kernel(x: Any, dimension: int, size: int, step: int) -> Any:
    x = np.asarray(x)
    if not x.ndim:
        return x.reshape(1)[:size]
    have, strides = x.shape, x.strides
    apart, windows = strides[dimension], (have[dimension] - size) // step + 1
    after = dimension + 1
    shape = (*have[:dimension], windows, *have[after:], size)
    stride = (*strides[:dimension], apart * step, *strides[after:], apart)
    if x.flags.c_contiguous and x.size:
        return np.ndarray(shape, x.dtype, x, 0, stride)
    one = x.dtype.itemsize
    return kernels.as_strided(x, shape, tuple(s // one for s in stride), 0, kernels.strides_of(x))


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
