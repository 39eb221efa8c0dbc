"""Reductions and running reductions of arrays.

Half precision and float32 lose digits when many numbers are added one after the other. NumPy adds
pairwise only along memory, so sums along other axes are made in blocks here; float16 and bfloat16
are summed in float32, running sums and products in float64, as PyTorch does. A small sum is a dot
product with ones: `np.add.reduce` takes 0.6 us before it adds anything, BLAS 0.2 us. Axes are None,
or a tuple of numbers from 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .blas import MANY, alone
from .blocks import LIMITS, no_nan, number
from .compiled import compiled

__all__ = [
    "all_",
    "amax",
    "amin",
    "aminmax",
    "any_",
    "argmax",
    "argmin",
    "count",
    "count_nonzero",
    "count_numbers",
    "cummax",
    "cummin",
    "cumprod",
    "cumprod_back",
    "cumsum",
    "cumsum_back",
    "divisible",
    "extreme_back",
    "logcumsumexp",
    "logsumexp",
    "max_dim",
    "mean",
    "min_dim",
    "nansum",
    "norm",
    "norm_back",
    "one_axis",
    "prod",
    "products_over_each",
    "recurrence",
    "spread",
    "spread_sums",
    "std",
    "std_mean",
    "sum",
    "sum_squares",
    "var",
    "var_back",
    "var_mean",
]

_ndarray = np.ndarray
_add: Any = np.add.reduce
_multiply: Any = np.multiply.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce
_and: Any = np.logical_and.reduce
_or: Any = np.logical_or.reduce
_exp, _subtract, _divide = np.exp, np.subtract, np.divide
F32, F64, I64 = np.dtype("float32"), np.dtype("float64"), np.dtype("int64")
_SMALL, _LONG, _BLOCK = 64, 4096, 128
_ONES32 = [np.ones(_SMALL, F32)[:n] for n in range(_SMALL + 1)]
_ONES64 = [np.ones(_SMALL, F64)[:n] for n in range(_SMALL + 1)]
_LONG32, _LONG64 = np.ones(_LONG, F32), np.ones(_LONG, F64)
_COLUMNS: dict[Any, Any] = {F32: _LONG32.reshape(-1, 1), F64: _LONG64.reshape(-1, 1)}
_SQUARE, _WIDE = 32, 512
_SQUARES: dict[Any, dict[int, Any]] = {F32: {}, F64: {}}
Axes = Any  # None or a tuple of ints


def one_axis(dim: Axes) -> Any:
    """A tuple of one axis as that axis, which NumPy handles faster."""
    return dim[0] if type(dim) is tuple and len(dim) == 1 else dim


def _is_half(dtype: Any) -> bool:
    return dtype.itemsize == 2 and dtype.kind in "fV"


# ---------------------------------------------------------------- sums


@compiled
def sum(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """The sum; of integers in int64."""
    dtype = x.dtype
    if type(x) is not _ndarray:
        if x.ndim:  # a sparse cotangent
            return x.sum(dim, keepdim)
        return x if dtype.kind not in "bui" else I64.type(x)
    if dtype is F32 or dtype is F64:
        if dim is None:
            if x.size <= _SMALL and not keepdim:
                ones = (_ONES32 if dtype is F32 else _ONES64)[x.size]
                return (x if x.ndim == 1 else x.ravel()).dot(ones)
            if not keepdim and x.flags.c_contiguous:
                if x.size <= _LONG:
                    ones = (_LONG32 if dtype is F32 else _LONG64)[: x.size]
                    return (x if x.ndim == 1 else x.ravel()).dot(ones)
                return _sum_of_many(x.reshape(-1), _LONG32 if dtype is F32 else _LONG64)
        elif x.ndim == 2 and len(dim) == 1 and x.size <= 4096 and x.shape[dim[0]] <= _SMALL:
            return _small_sum(x, dim[0], keepdim, _ONES32 if dtype is F32 else _ONES64)
        elif dim == (x.ndim - 1,) and 0 < x.shape[-1] <= _LONG and x.flags.c_contiguous:
            n = x.shape[-1]
            made = _times(x.reshape(-1, n), (_LONG32 if dtype is F32 else _LONG64)[:n])
            return made.reshape((*x.shape[:-1], 1) if keepdim else x.shape[:-1])[()]
        return _floating_sum(x, dim, keepdim)
    if dtype.kind in "bui":
        return _add(x, one_axis(dim), I64, None, keepdim)
    if _is_half(dtype):
        return _floating_sum(x.astype(F32), dim, keepdim).astype(dtype)
    return _floating_sum(x, dim, keepdim)


def _sum_of_many(x: Any, ones: Any) -> Any:
    """Of a vector: rows of one length by BLAS, then the sums of rows pairwise."""
    whole = x.size // _LONG * _LONG
    made = _add(_times(x[:whole].reshape(-1, _LONG), ones))
    return made if whole == x.size else made + x[whole:].dot(ones[: x.size - whole])


def _times(x: Any, v: Any) -> Any:
    """A matrix times a vector."""
    return x.dot(v) if x.size <= MANY else alone(x.dot, v)


def _small_sum(x: Any, axis: int, keepdim: bool, ones: Any) -> Any:
    n = x.shape[axis]
    y = x.dot(ones[n]) if axis else ones[n].dot(x)
    return y if not keepdim else y.reshape((x.shape[0], 1) if axis else (1, x.shape[1]))


def _floating_sum(x: Any, dim: Axes, keepdim: bool) -> Any:
    dim = one_axis(dim)
    if dim is None or x.dtype.itemsize > 4 or x.size < 4 * _BLOCK:
        return _add(x, dim, None, None, keepdim)
    axes = (dim,) if type(dim) is int else dim
    if all(x.shape[a] <= 4 * _BLOCK or x.strides[a] == x.dtype.itemsize for a in axes):
        return _add(x, dim, None, None, keepdim)
    y = x
    for a in sorted(
        axes, key=lambda a: x.strides[a]
    ):  # along memory first, where NumPy adds pairwise
        y = _blocked(y, a)
    return y if keepdim else y.reshape(tuple(n for i, n in enumerate(x.shape) if i not in axes))


def _blocked(x: Any, axis: int) -> Any:
    """The sum along one axis (kept) in blocks, then of the blocks: the error grows with log n
    instead of n."""
    n = x.shape[axis]
    blocks = n // _BLOCK
    if blocks < 4 or x.strides[axis] == x.dtype.itemsize:
        return _add(x, axis, None, None, True)
    shape = x.shape
    head = x[(slice(None),) * axis + (slice(blocks * _BLOCK),)]
    head = head.reshape((*shape[:axis], blocks, _BLOCK, *shape[axis + 1 :]))
    if axis == x.ndim - 2 and shape[-1] < 32:
        parts = np.matmul(np.ones((1, _BLOCK), x.dtype), head).reshape(
            (*shape[:axis], blocks, shape[-1])
        )
    else:
        parts = _add(head, axis + 1)
    made = _blocked(parts, axis)
    if blocks * _BLOCK < n:
        made += _add(
            x[(slice(None),) * axis + (slice(blocks * _BLOCK, None),)], axis, None, None, True
        )
    return made


def count(shape: tuple[int, ...], dim: Axes) -> int:
    """How many elements are reduced to one."""
    n = 1
    for i in range(len(shape)) if dim is None else dim:
        n *= shape[i] if shape else 1
    return n


@compiled
def mean(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """The arithmetic mean."""
    if type(x) is not _ndarray:
        return x
    n = x.size if dim is None else count(x.shape, dim)
    dtype = x.dtype
    if _is_half(dtype):
        return (_floating_sum(x.astype(F32), dim, keepdim) / n).astype(dtype)
    y = sum(x, dim, keepdim)
    if type(y) is _ndarray:
        return _divide(y, n, y)
    return y / n if n else y * np.nan


@compiled
def nansum(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """The sum of what is not NaN."""
    if x.dtype.kind in "fcV":
        if type(x) is _ndarray:
            made = sum(x, dim, keepdim)
            if no_nan(made):  # then there was none
                return made
        x = np.where(x == x, x, x.dtype.type(0))
    return sum(x, dim, keepdim)


@compiled
def count_numbers(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """How many elements are not NaN, in the dtype of x."""
    return sum((x == x).astype(x.dtype), dim, keepdim)


@compiled
def prod(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """The product; of integers in int64."""
    kind = x.dtype.kind
    if type(x) is not _ndarray:
        return x if kind not in "bui" else I64.type(x)
    if x.dtype.itemsize == 2 and kind in "fV":
        return _multiply(x.astype(F32), one_axis(dim), None, None, keepdim).astype(x.dtype)
    if kind == "f" and x.size > 8000 and x.flags.c_contiguous:
        if dim is None and not keepdim:
            return _product_of_many(x.reshape(1, -1))[0]
        if dim == (x.ndim - 1,) and x.shape[-1] >= 64:
            made = _product_of_many(x.reshape(-1, x.shape[-1]))
            return made.reshape((*x.shape[:-1], 1) if keepdim else x.shape[:-1])[()]
    return _multiply(x, one_axis(dim), I64 if kind in "bui" else None, None, keepdim)


def products_over_each(x: Any, axis: int) -> Any:
    """The product along an axis over each of its elements: the products of all the others. None
    where a product is 0 or infinite, or so small that it has lost digits."""
    if x.dtype not in LIMITS or not x.size:
        return None
    whole = prod(x, (axis,), True)
    return whole / x if divisible(whole) else None


def divisible(products: Any) -> bool:
    """Whether products may be divided by their factors: floating point numbers of which none is
    0, infinite, NaN, or so small that it has lost digits."""
    if products.dtype not in LIMITS or not products.size:
        return False
    size, info = np.abs(products), np.finfo(products.dtype)
    return bool(size.min() >= info.tiny and size.max() <= info.max)


def _product_of_many(x: Any) -> Any:
    """Of every row: halves multiplied elementwise until little is left, because NumPy multiplies a
    row one number after the other."""
    n = x.shape[1]
    if n > 4 * _WIDE:  # in one pass over memory
        whole = n // _WIDE * _WIDE
        made = _multiply(x[:, :whole].reshape(x.shape[0], -1, _WIDE), 1)
        made[:, : n - whole] *= x[:, whole:]
        x = made
    while x.shape[1] > 32:
        n = x.shape[1]
        half = n // 2
        made = np.multiply(x[:, :half], x[:, half : 2 * half])
        if n % 2:
            made[:, 0] *= x[:, -1]
        x = made
    return _multiply(x, 1)


# ---------------------------------------------------------------- variance


def sum_squares(d: Any, dim: Axes, keepdim: bool) -> Any:
    """The sum of |d|^2."""
    if d.dtype.kind == "c":
        return sum(d.real**2 + d.imag**2, dim, keepdim)
    if d.ndim == 1 and not keepdim and d.size <= 1024:
        return d.dot(d)
    if (d.dtype is F32 or d.dtype is F64) and d.size > _LONG and d.flags.c_contiguous:
        if dim is None and not keepdim:
            return _squares_of_many(d.reshape(-1))
        if dim == (d.ndim - 1,) and d.shape[-1] <= _LONG:
            made = np.vecdot(d, d)
            return made[..., None] if keepdim else made
    return sum(d * d, dim, keepdim)


def _squares_of_many(x: Any) -> Any:
    """Of a vector, without a temporary: rows of one length by BLAS, then pairwise."""
    whole = x.size // _LONG * _LONG
    rows, rest = x[:whole].reshape(-1, _LONG), x[whole:]
    made = _add(np.vecdot(rows, rows))
    return made if whole == x.size else made + rest.dot(rest)


@compiled
def var(x: Any, dim: Axes = None, keepdim: bool = False, correction: float = 1) -> Any:
    """The variance, in two passes: squares of the differences from the mean over n - correction."""
    dtype = x.dtype
    if _is_half(dtype):
        return var(x.astype(F32), dim, keepdim, correction).astype(dtype)
    if type(x) is not _ndarray:
        x, dim = np.asarray(x), None
    n = x.size if dim is None else count(x.shape, dim)
    middle = None if dim is None or len(dim) != 1 or not n else spread_sums(x, dim[0])
    if middle is not None:
        middle = _subtract(x, _divide(middle, number(n, dtype), middle), middle)
    else:
        middle = _subtract(x, mean(x) if dim is None else mean(x, dim, True))
    squares = sum_squares(middle, dim, keepdim)
    left = n - correction if n > correction else 0
    if type(squares) is _ndarray:
        return _divide(squares, number(left, dtype), squares)
    return squares / squares.dtype.type(left)


@compiled
def std(x: Any, dim: Axes = None, keepdim: bool = False, correction: float = 1) -> Any:
    """The standard deviation."""
    made = var(x, dim, keepdim, correction)
    return np.sqrt(made, out=made if type(made) is _ndarray else None)


@compiled
def var_mean(x: Any, dim: Axes = None, keepdim: bool = False, correction: float = 1) -> Any:
    """The variance and the mean."""
    return var(x, dim, keepdim, correction), mean(x, dim, keepdim)


@compiled
def std_mean(x: Any, dim: Axes = None, keepdim: bool = False, correction: float = 1) -> Any:
    """The standard deviation and the mean."""
    return std(x, dim, keepdim, correction), mean(x, dim, keepdim)


def _kept(v: Any, x: Any, dim: Axes) -> Any:
    """What has a number for every reduced part of x, with the reduced axes put back."""
    kept = [1 if dim is None or i in dim else n for i, n in enumerate(x.shape)]
    return np.reshape(v, tuple(kept))


@compiled
def var_back(g: Any, of_mean: Any, x: Any, root: Any, dim: Axes, correction: float) -> Any:
    """The cotangent of x from those of its variance and of its mean (None: nothing): 2 g (x - mean)
    over n - correction, and of_mean over n.

    `root`: the standard deviation, if g belongs to that; where it is 0 it gives nothing. All three
    have a number for every variance, in any shape.
    """
    n = count(x.shape, dim)
    made = _subtract(x, mean(x, dim, True))
    if g is None:
        made *= 0
    else:
        pull = _kept(g, x, dim) * (2 / (n - correction))
        if root is not None:
            root = _kept(root, x, dim)
            pull = np.where(root == 0, root, pull / (2 * root))
        made *= pull
    if of_mean is not None:
        made += _kept(of_mean, x, dim) / n
    return made


# ---------------------------------------------------------------- extremes


@compiled
def amax(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """The largest elements over several axes."""
    if type(x) is not _ndarray:
        return x
    if dim is None and x.ndim == 1 and x.size <= 2048 and not keepdim:
        return x[x.argmax()]
    axis = dim[0] if type(dim) is tuple and len(dim) == 1 else dim
    return _maximum(x, axis, None, None, keepdim)


@compiled
def amin(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """The smallest elements over several axes."""
    if type(x) is not _ndarray:
        return x
    if dim is None and x.ndim == 1 and x.size <= 2048 and not keepdim:
        return x[x.argmin()]
    axis = dim[0] if type(dim) is tuple and len(dim) == 1 else dim
    return _minimum(x, axis, None, None, keepdim)


@compiled
def aminmax(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """Both extremes."""
    return amin(x, dim, keepdim), amax(x, dim, keepdim)


@compiled
def extreme_back(g: Any, x: Any, out: Any, dim: Axes) -> Any:
    """The cotangent of x from that of its extremes `out`, in equal parts to all that are it."""
    g, out = _kept(g, x, dim), _kept(out, x, dim)
    ties = ((x == out) | ((x != x) & (out != out))).astype(x.dtype)
    ties *= g / sum(ties, dim, True)
    return ties


@compiled
def max_dim(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The largest element along an axis and the first place where it is."""
    if not x.ndim:
        return x, I64.type(0)
    at = x.argmax(dim)
    if x.ndim == 1:
        values = x[at]
        return (values.reshape(1), at.reshape(1)) if keepdim else (values, at)
    return _maximum(x, dim, None, None, keepdim), np.expand_dims(at, dim) if keepdim else at


@compiled
def min_dim(x: Any, dim: int, keepdim: bool = False) -> Any:
    """The smallest element along an axis and the first place where it is."""
    if not x.ndim:
        return x, I64.type(0)
    at = x.argmin(dim)
    if x.ndim == 1:
        values = x[at]
        return (values.reshape(1), at.reshape(1)) if keepdim else (values, at)
    return _minimum(x, dim, None, None, keepdim), np.expand_dims(at, dim) if keepdim else at


@compiled
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The first place of the largest element; in the flattened array when `dim` is None."""
    if not x.ndim:
        return I64.type(0)
    return x.argmax(dim, keepdims=True) if keepdim else x.argmax(dim)


@compiled
def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The first place of the smallest element; in the flattened array when `dim` is None."""
    if not x.ndim:
        return I64.type(0)
    return x.argmin(dim, keepdims=True) if keepdim else x.argmin(dim)


# ---------------------------------------------------------------- truth


def all_(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """Whether all elements are nonzero; uint8 for uint8."""
    made = _and(x, one_axis(dim) if np.ndim(x) else None, None, None, keepdim)
    return made if x.dtype != np.uint8 else made.astype(np.uint8)


def any_(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """Whether any element is nonzero; uint8 for uint8."""
    made = _or(x, one_axis(dim) if np.ndim(x) else None, None, None, keepdim)
    return made if x.dtype != np.uint8 else made.astype(np.uint8)


def count_nonzero(x: Any, dim: Axes = None) -> Any:
    """How many elements are not zero."""
    made: Any = np.asarray(np.count_nonzero(x, one_axis(dim) if np.ndim(x) else None), I64)
    return made[()]


# ---------------------------------------------------------------- exponentials


def _peak(x: Any, dim: Axes) -> Any:
    """The largest element along the axes (kept), 0 where it is infinite."""
    real = x.real if x.dtype.kind == "c" else x
    peak = _maximum(real, dim, None, None, True)
    return np.where(np.isfinite(peak), peak, peak.dtype.type(0))


@compiled
def logsumexp(x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    """log of the sum of exponentials, without overflow."""
    dtype = x.dtype
    x = np.asarray(x.astype(F32) if _is_half(dtype) else x)
    if not x.ndim:
        dim = None
    if not x.size and count(x.shape, dim) == 0:
        return np.log(sum(x, dim, keepdim))
    peak = _peak(x, one_axis(dim))
    made = np.log(sum(_exp(x - peak), dim, True)) + peak
    if not keepdim:
        made = made.squeeze(dim)[()] if dim is not None else made.reshape(())[()]
    return made.astype(dtype) if made.dtype != dtype else made


def spread_sums(e: Any, dim: int) -> Any:
    """The sums along one axis of a small matrix, at every place that they are sums of: one product
    with ones (0.3 us), where NumPy takes 0.9 us to broadcast a column. None for others."""
    squares = _SQUARES.get(e.dtype)
    if squares is None or e.ndim != 2 or e.size > 2048 or (n := e.shape[dim]) > _SQUARE:
        return None
    square = squares.get(n)
    if square is None:
        square = squares[n] = np.ones((n, n), e.dtype)
    return e.dot(square) if dim else square.dot(e)


def spread(v: Any, n: int, dim: int) -> Any:
    """A column (or a row, for `dim` 0) of a small matrix n times side by side, by a product with
    ones as in `spread_sums`."""
    ones = _COLUMNS.get(v.dtype)
    if ones is None or n > _SQUARE or v.ndim != 2 or v.size * n > 2048:
        return v
    return v.dot(ones[:n].T) if dim else ones[:n].dot(v)


# ---------------------------------------------------------------- norms


@compiled
def norm(x: Any, dim: Axes = None, keepdim: bool = False, ord: float = 2.0) -> Any:
    """(sum |x|^ord)^(1/ord) and its limits: the largest or smallest |x|, the number of nonzeros."""
    dtype = x.dtype
    x = np.asarray(x.astype(F32) if _is_half(dtype) else x)
    if not x.ndim:
        dim = None
    if ord == 2:
        made = np.sqrt(sum_squares(x.ravel() if dim is None and not keepdim else x, dim, keepdim))
    elif ord == 1:
        made = sum(np.abs(x), dim, keepdim)
    elif ord == 0:
        made = sum((x != 0).astype(x.real.dtype), dim, keepdim)
    elif ord in (np.inf, -np.inf):
        made = (_maximum if ord > 0 else _minimum)(np.abs(x), one_axis(dim), None, None, keepdim)
    else:
        made = sum(np.abs(x) ** ord, dim, keepdim) ** (1 / ord)
    return made.astype(dtype) if _is_half(dtype) else made


@compiled
def norm_back(g: Any, x: Any, out: Any, dim: Axes, ord: float) -> Any:
    """The cotangent of x from that of its norms `out`, for ord 1, 2, 3, inf, -inf; nothing where a
    norm is 0."""
    g, out = _kept(g, x, dim), _kept(out, x, dim)
    if ord in (np.inf, -np.inf):
        return np.sign(x) * extreme_back(g, np.abs(x), out, dim)
    if ord == 1:
        return np.sign(x) * g
    nothing = out == 0
    unit = x / np.where(nothing, out.dtype.type(1), out)
    if ord == 3:
        unit *= np.abs(unit)
    return unit * np.where(nothing, out, g)


# ---------------------------------------------------------------- running reductions


def _running(ufunc: Any, x: Any, axis: int) -> Any:
    kind = x.dtype.kind
    if not x.ndim:
        return x if kind not in "bui" else I64.type(x)
    if kind in "bui":
        return ufunc.accumulate(x, axis, I64)
    wide = F64 if kind in "fV" else np.dtype("complex128")
    if x.dtype == wide:
        return ufunc.accumulate(x, axis)
    if x.dtype is F32 and x.ndim > 1 and x.size > 5000 and x.flags.c_contiguous:
        n = x.shape[axis]
        if axis == x.ndim - 1 and x.size // n > 8:  # rows side by side, which NumPy adds at once
            across = x.reshape(-1, n).T.astype(F64, order="C")
            ufunc.accumulate(across, 0, None, across)
            return across.T.astype(F32, order="C").reshape(x.shape)
    return ufunc.accumulate(x.astype(wide), axis).astype(x.dtype)


@compiled
def cumsum(x: Any, dim: int) -> Any:
    """Sums of the first 1, 2, ... elements along an axis."""
    return _running(np.add, x, dim)


@compiled
def cumprod(x: Any, dim: int) -> Any:
    """Products of the first 1, 2, ... elements along an axis."""
    return _running(np.multiply, x, dim)


@compiled
def logcumsumexp(x: Any, dim: int) -> Any:
    """log of the running sum of exponentials."""
    if not x.ndim:
        return x
    if _is_half(x.dtype):
        return np.logaddexp.accumulate(x.astype(F32), dim).astype(x.dtype)
    if x.dtype.kind == "c":
        return _complex_logcumsumexp(x, dim)
    return np.logaddexp.accumulate(x, dim)


def _complex_logcumsumexp(x: Any, dim: int) -> Any:
    """Step by step from the larger of two, so that the angle goes on where it was, as in
    PyTorch."""
    made = np.moveaxis(x.copy(), dim, 0)
    for i in range(1, len(made)):
        a, b = made[i - 1], made[i]
        low, high = np.where(a.real < b.real, a, b), np.where(a.real < b.real, b, a)
        made[i] = high + np.log1p(_exp(low - high))
    return np.ascontiguousarray(np.moveaxis(made, 0, dim))


def _running_extreme(ufunc: Any, x: Any, axis: int) -> Any:
    if not x.ndim:
        return x, I64.type(0)
    values = ufunc.accumulate(x, axis)
    many = axis == x.ndim - 1 and x.size > 200 and x.dtype.kind in "iuf"
    if many and values.flags.c_contiguous and no_nan(values):
        records = (x == values).reshape(-1).nonzero()[0]  # every row begins with one
        lasting = np.empty_like(records)
        np.subtract(records[1:], records[:-1], lasting[:-1])
        lasting[-1] = x.size - records[-1]
        at = records.repeat(lasting).reshape(x.shape)
        if x.ndim > 1:
            at -= np.arange(0, x.size, x.shape[-1]).reshape((*x.shape[:-1], 1))
        return values, at
    places = np.arange(x.shape[axis])
    if x.ndim > 1:
        places = places.reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    record = x == values
    if x.dtype.kind in "fcV" and not (x.dtype.kind == "f" and no_nan(values)):
        record |= x != x
    return values, np.maximum.accumulate(record * places, axis)


@compiled
def cummax(x: Any, dim: int) -> Any:
    """The largest of the first 1, 2, ... elements, and the last place where it is."""
    return _running_extreme(np.maximum, x, dim)


@compiled
def cummin(x: Any, dim: int) -> Any:
    """The smallest of the first 1, 2, ... elements, and the last place where it is."""
    return _running_extreme(np.minimum, x, dim)


@compiled
def recurrence(u: Any, a: Any, dim: int) -> Any:
    """h[i] = u[i] + a[i] h[i-1] along an axis, from h[-1] = 0.

    By doubling: after step s, h[i] holds the contributions of the last 2s terms; log2(n) steps, no
    division.
    Source: Hillis and Steele, Data Parallel Algorithms, Communications of the ACM 29 (1986), p.
    1170.
    """
    if not u.ndim:
        return u
    h, a = np.moveaxis(u.copy(), dim, 0), np.moveaxis(a.copy(), dim, 0)
    step, n = 1, h.shape[0]
    while step < n:
        h[step:] += a[step:] * h[:-step]
        a[step:] *= a[:-step]
        step *= 2
    return np.ascontiguousarray(np.moveaxis(h, 0, dim))


@compiled
def cumsum_back(g: Any, dim: int) -> Any:
    """Running sums that start at the other end: the cotangent of `cumsum`."""
    back = (slice(None),) * dim + (slice(None, None, -1),)
    return np.ascontiguousarray(cumsum(g[back], dim)[back])


@compiled
def cumprod_back(g: Any, x: Any, out: Any, dim: int) -> Any:
    """The cotangent of `cumprod`: r[i] = g[i] + x[i+1] r[i+1], times the product before i."""
    every = (slice(None),) * dim
    back, but_first, but_last = (
        (*every, part) for part in (slice(None, None, -1), slice(1, None), slice(-1))
    )
    factors = np.zeros(x.shape, x.dtype)
    np.conjugate(x[but_first], factors[but_last])
    r: Any = np.ascontiguousarray(recurrence(g[back], factors[back], dim)[back])
    r[but_first] *= np.conjugate(out[but_last])
    return r
