"""Reading and writing along one dimension (gather, scatter, index_*), in the flattened tensor (take, put), by masks.

In rules these are called in PyTorch's order (`xp.gather(g, dim, index)`), both on arrays and on tensors: see
`_in_torch_order`. Pairs: gather and scatter_add, index_select and index_add, take and put, masked_select and
masked_scatter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import errors
from ..core.declare import METHODS, general, public
from ..core.primitive import PUBLIC, Primitive, cast
from ..core.record import OPS, RAW, sum_to
from ..core.tensor import Tensor, own, wrap
from ..core.views import inplace
from ..kernels import index as kernels
from .arrange import diagonal
from .index import narrow
from .shape import as_strided, expand, need_tensor, reshape

Ints = tuple[int, ...]


def _in_torch_order(declared: Any, raw: Callable[..., Any]) -> Callable[[Any], Any]:
    """Decorator: the public function, whose operands and parameters come in PyTorch's order, also for rules.

    Args:
        raw: the kernel with its arguments in that order.
    """
    prim: Primitive = declared.prim

    def replace(new: Any) -> Any:
        new.prim, new.__module__, new.__doc__ = prim, "chainrule", prim.doc
        new.__name__ = new.__qualname__ = prim.name
        prim.public = new
        setattr(OPS, prim.name, new)
        setattr(RAW, prim.name, raw)
        PUBLIC[prim.name] = METHODS[prim.name] = new
        return new

    return replace


def _inplace_form(function: Any) -> Any:
    """`x.op_(...)`: the public function computes the operands, `inplace` writes."""
    name = function.__name__ + "_"

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        prim, rest, params = function.operands(self, *args, **kwargs)
        return inplace(prim, self, *rest, params=params)

    method.__name__, method.__doc__ = name, f"`{name[:-1]}` in place."
    METHODS[name] = method
    return method


def _both(declared: Any, raw: Callable[..., Any], *, has_inplace: bool = True) -> Callable[[Any], Any]:
    """Decorator for a function that gives (prim, further operands, params): makes the op and its in-place form."""

    def make(operands: Any) -> Any:
        def function(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
            need_tensor(declared.prim.name, input)
            prim, rest, params = operands(input, *args, **kwargs)
            return prim.call(input, *rest, params=params, out=out)

        function.operands = operands  # type: ignore[attr-defined]
        _in_torch_order(declared, raw)(function)
        if has_inplace:
            _inplace_form(function)
        return function

    return make


# ---------------------------------------------------------------- checks


def _need_index(op: str, index: Any, position: int = 2, kinds: str = "int32/int64") -> None:
    if not isinstance(index, Tensor):
        raise errors.wrong_type(op, "index", position, index)
    if index._data.dtype not in (np.int64, np.int32) and index._data.size:
        raise RuntimeError(f"{op}(): Expected dtype {kinds} for index")


def _need_out(x: Tensor, out: Any, *others: Tensor) -> None:
    """These ops write into `out` directly: its dtype must be that of `x`, its memory nobody else's."""
    if isinstance(out, Tensor) and any(np.may_share_memory(out._data, t._data) for t in (x, *others)):
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
            "memory location. Please clone() the tensor before performing the operation."
        )
    if isinstance(out, Tensor) and out._data.dtype != x._data.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {x.dtype!r}, but got {out.dtype!r} instead")


def _legacy(t: Tensor) -> str:
    return errors.LEGACY[t.dtype.name]


def _need_number(x: Tensor, value: Any) -> Any:
    if isinstance(value, complex) and x.dtype.category < 3:
        kind = {"float32": "float", "float64": "double"}.get(x.dtype.name, x.dtype.name)
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"argument 'value' must be Number, not {type(value).__name__}")
    return x._data.dtype.type(value).item()


def _fits_along(op: str, x: Tensor, index: Tensor, dim: int, src: Tensor | None = None) -> None:
    """The sizes that gather and scatter ask for."""
    if not index._data.size:
        return
    have, want = x._data.shape or (1,), index._data.shape or (1,)
    if len(want) != len(have):
        what = "input" if op == "gather" else "self"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {what} tensor")
    if src is not None and len(src._data.shape or (1,)) != len(want):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    too_large = any(d != dim and i > n for d, (i, n) in enumerate(zip(want, have, strict=True)))
    if op == "gather" and too_large:
        at = next(d for d, (i, n) in enumerate(zip(want, have, strict=True)) if d != dim and i > n)
        raise RuntimeError(
            f"Size does not match at dimension {at} expected index {list(want)} to be no larger than self {list(have)} "
            f"apart from dimension {dim}"
        )
    beyond = src is not None and any(i > n for i, n in zip(want, src._data.shape or (1,), strict=True))
    if too_large or beyond:
        more = f" and to be no larger size than src {list(src._data.shape)}" if src is not None else ""
        raise RuntimeError(
            f"Expected index {list(want)} to be no larger than self {list(have)} apart from dimension {dim}{more}"
        )


def _cropped(src: Tensor, index: Tensor) -> Tensor:
    """The part of `src` that `index` speaks of."""
    for d, n in enumerate(index._data.shape):
        if src._data.ndim and src._data.shape[d] != n:
            src = narrow(src, d, 0, n)
    return src


def _as_long(index: Tensor, src: Tensor | None = None) -> Tensor:
    """As int64, and 0-d where `src` is: a vector of one element passes for a number."""
    if src is not None and not src._data.ndim and index._data.ndim:
        index = reshape(index, ())
    return index if index._data.dtype == np.int64 else wrap(index._data.astype(np.int64))


# ---------------------------------------------------------------- gather, scatter


_gather = general(
    "gather", lambda x, index, dim: kernels.gather(x, index, dim), ("x", "index"),
    rules={"x": lambda xp, g, x_shape, index, dim: xp.scatter_add(xp.zeros(x_shape, g.dtype), dim, index, g)},
    doc="out[i][j] = x[index[i][j]][j] (for dim 0); cotangents are added where they were read.",
)  # fmt: skip


@_in_torch_order(_gather, lambda x, dim, index: kernels.gather(x, index, dim))
def gather(input: Any, dim: Any = None, index: Any = None, *, sparse_grad: bool = False, out: Any = None) -> Any:
    need_tensor("gather", input)
    if index is None:
        raise TypeError('gather() missing 1 required positional arguments: "index"')
    _need_index("gather", index, 3)
    dim = errors.checked_dim(dim, input._data.ndim)
    _fits_along("gather", input, index, dim)
    _need_out(input, out, index)
    return _gather.prim.call(input, _as_long(index), params=(dim,), out=out)


_scatter = general(
    "scatter", lambda x, index, src, dim: kernels.scatter(x, index, src, dim), ("x", "index", "src"),
    rules={
        "x": lambda xp, g, index, dim: xp.scatter(g, dim, index, 0.0),
        "src": lambda xp, g, index, dim: xp.gather(g, dim, index),
    },
    doc="x with src written where gather would read.",
)  # fmt: skip
_scatter_value = general(
    "scatter_value", lambda x, index, dim, value: kernels.scatter(x, index, x.dtype.type(value), dim), ("x", "index"),
    rules={"x": lambda xp, g, index, dim: xp.scatter(g, dim, index, 0.0)},
    grad_fn="ScatterBackward1", method=False, names=("_scatter_value",), doc="x with a number written where gather would read.",
)  # fmt: skip
_scatter_add = general(
    "scatter_add", lambda x, index, src, dim: kernels.scatter_add(x, index, src, dim), ("x", "index", "src"),
    rules={"x": lambda xp, g: g, "src": lambda xp, g, index, dim: xp.gather(g, dim, index)},
    doc="x with src added where gather would read.",
)  # fmt: skip


def _raw_scatter(x: Any, dim: int, index: Any, src: Any) -> Any:
    return kernels.scatter(x, index, src if isinstance(src, np.ndarray) else x.dtype.type(src), dim)


@_both(_scatter, _raw_scatter)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Any:
    src = value if src is None else src
    dim = errors.checked_dim(dim, input._data.ndim)
    _need_index("scatter", index)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if not isinstance(src, Tensor):
            src = wrap(np.full(index._data.shape, src, input._data.dtype))
        return _scatter_reduce_operands(input, dim, index, src, {"add": "sum", "multiply": "prod"}[reduce])
    if not isinstance(src, Tensor):
        _fits_along("scatter", input, index, dim)
        return _scatter_value.prim, (_as_long(index),), (dim, _need_number(input, src))
    _need_src(input, src)
    _fits_along("scatter", input, index, dim, src)
    return _scatter.prim, (_as_long(index, src), _cropped(src, index)), (dim,)


def _need_src(x: Tensor, src: Any) -> None:
    need_tensor("scatter", src, "src", 3)
    if src._data.dtype != x._data.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")


@_both(_scatter_add, lambda x, dim, index, src: kernels.scatter_add(x, index, src, dim))
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    _need_index("scatter", index)
    _need_src(input, src)
    _fits_along("scatter_add", input, index, dim, src)
    return _scatter_add.prim, (_as_long(index, src), _cropped(src, index)), (dim,)


# ---------------------------------------------------------------- scatter_reduce

_NEUTRAL = {"sum": 0, "mean": 0, "prod": 1}
_UFUNC = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _scatter_reduce_kernel(x: Any, index: Any, src: Any, dim: int, reduce: str, include_self: bool = True) -> Any:
    made = np.array(x, order="C")
    if not include_self and index.size:
        start = _NEUTRAL.get(reduce)
        if start is None:
            start = _extreme(made.dtype, reduce == "amax")
        made = kernels.scatter(made, index, made.dtype.type(start), dim)
    kernels.reduce_at(_UFUNC[reduce], made, index, src, dim)
    if reduce == "mean":
        count = np.full(made.shape, 1 if include_self else 0)
        kernels.add_at(count, index, np.ones(index.shape, count.dtype), dim)
        count = np.maximum(count, 1)
        made = (made / count if made.dtype.kind in "fc" else np.floor_divide(made, count)).astype(made.dtype)
    return made


def _extreme(dtype: Any, lowest: bool) -> Any:
    if dtype.kind == "f":
        return -np.inf if lowest else np.inf
    if dtype.kind == "b":
        return not lowest
    return np.iinfo(dtype).min if lowest else np.iinfo(dtype).max


def _counts(xp: Any, g: Any, index: Any, dim: int, include_self: bool, x_shape: Ints) -> Any:
    """How many numbers went into every element (at least 1), in the dtype of `g`."""
    zeros = xp.zeros(x_shape, g.dtype)
    n = xp.scatter_add(zeros + 1 if include_self else zeros, dim, index, xp.zeros(index.shape, g.dtype) + 1)
    return xp.masked_fill(n, xp.eq(n, 0), 1.0)


def _reduce_back_x(
    xp: Any, g: Any, x: Any, index: Any, src: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    if not include_self and reduce != "prod":
        g_kept = xp.scatter(g, dim, index, 0.0)
        return g_kept
    if reduce == "sum":
        return g
    if reduce == "mean":
        return g / _counts(xp, g, index, dim, True, tuple(x.shape))
    if reduce == "prod":
        safe = xp.masked_fill(x, xp.eq(x, 0), 1.0)
        made = g * xp.scatter_reduce(safe, dim, index, src, "prod", include_self) / safe
        return made if include_self else xp.scatter(made, dim, index, 0.0)
    mine, _, share = _ties(xp, g, x, index, src, out, dim)
    return mine * share


def _reduce_back_src(
    xp: Any, g: Any, x: Any, index: Any, src: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    if reduce == "sum":
        return xp.gather(g, dim, index)
    if reduce == "mean":
        return xp.gather(g / _counts(xp, g, index, dim, include_self, tuple(x.shape)), dim, index)
    if reduce == "prod":
        zero = xp.eq(src, 0)
        zeros = xp.zeros(tuple(src.shape), g.dtype)
        per_element = xp.scatter_add(xp.zeros(tuple(x.shape), g.dtype), dim, index, xp.masked_fill(zeros, zero, 1.0))
        only = xp.eq(xp.gather(per_element, dim, index) + xp.masked_fill(zeros + 1, zero, 0.0), 1)
        others = xp.scatter_reduce(x, dim, index, xp.masked_fill(src, only & zero, 1.0), "prod", include_self)
        plain = xp.gather(g * out, dim, index) / xp.masked_fill(src, zero, 1.0)
        return xp.where(only & zero, xp.gather(g * others, dim, index), plain)
    _, theirs, share = _ties(xp, g, x, index, src, out, dim)
    return theirs * xp.gather(share, dim, index)


def _ties(xp: Any, g: Any, x: Any, index: Any, src: Any, out: Any, dim: int) -> tuple[Any, Any, Any]:
    """Which of `x` and `src` are the extreme, and the cotangent shared among them."""
    zeros = xp.zeros(tuple(x.shape), g.dtype)
    mine = xp.masked_fill(zeros, xp.eq(x, out), 1.0)
    theirs = xp.masked_fill(xp.zeros(tuple(src.shape), g.dtype), xp.eq(src, xp.gather(out, dim, index)), 1.0)
    count = xp.scatter_add(mine, dim, index, theirs)
    return mine, theirs, g / xp.masked_fill(count, xp.eq(count, 0), 1.0)


_scatter_reduce = general(
    "scatter_reduce", _scatter_reduce_kernel, ("x", "index", "src"), rules={"x": _reduce_back_x, "src": _reduce_back_src},
    doc="x and the src that meet in an element summed, multiplied, averaged, or their largest or smallest.",
)  # fmt: skip


def _scatter_reduce_operands(
    input: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> tuple[Primitive, tuple[Any, ...], tuple[Any, ...]]:
    dim = errors.checked_dim(dim, input._data.ndim)
    _need_index("scatter", index)
    if reduce not in _UFUNC:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    _need_src(input, src)
    _fits_along("scatter_reduce", input, index, dim, src)
    return _scatter_reduce.prim, (_as_long(index, src), _cropped(src, index)), (dim, reduce, bool(include_self))


_both(
    _scatter_reduce,
    lambda x, dim, index, src, reduce, include_self=True: _scatter_reduce_kernel(x, index, src, dim, reduce, include_self),
)(lambda input, dim, index, src, reduce, include_self=True: _scatter_reduce_operands(
    input, dim, index, src, reduce, include_self))  # fmt: skip


def _index_reduce_operands(
    input: Tensor, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> tuple[Primitive, tuple[Any, ...], tuple[Any, ...]]:
    """`index` along `dim` for all other positions: what `scatter_reduce` takes."""
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_reduce", index, "index", 2)
    need_tensor("index_reduce", source, "source", 3)
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    if index._data.ndim > 1:
        raise IndexError("index_reduce_(): Index is supposed to be a vector")
    if source._data.ndim:
        shape = (1,) * dim + (-1,) + (1,) * (source._data.ndim - 1 - dim)
        index = expand(reshape(index, shape), source._data.shape)
    return _scatter_reduce_operands(input, dim, index, source, reduce, include_self)


@public("index_reduce", method=True)
def index_reduce(
    input: Tensor, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Tensor:
    """The slices of `source` that meet at an index of `dim` multiplied, averaged, or their largest or smallest."""
    prim, rest, params = _index_reduce_operands(input, dim, index, source, reduce, include_self=include_self)
    return prim.call(input, *rest, params=params, out=out)  # type: ignore[no-any-return]


index_reduce.operands = _index_reduce_operands  # type: ignore[attr-defined]
_inplace_form(index_reduce)


# ---------------------------------------------------------------- index_select, index_add, index_copy, index_fill


def _index_select_kernel(x: Any, index: Any, dim: int) -> Any:
    if not x.ndim:
        return x.copy()
    try:
        return x.take(index, dim)
    except IndexError:
        raise IndexError("index out of range in self") from None


def _vector(index: Any) -> Any:
    return index.reshape(1) if not index.ndim else index


def _added(x: Any, index: Any, source: Any, dim: int, alpha: Any = 1) -> Any:
    made = np.array(x, order="C")
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
    made = np.array(x, order="C")
    view = made if made.ndim else made.reshape(1)
    rows, shape = _vector(index), list(view.shape)
    shape[dim] = rows.size
    outside = rows[(rows < -view.shape[dim]) | (rows >= view.shape[dim])]
    if outside.size:
        raise IndexError(
            f"index_copy_(): index {int(outside[0])} is out of bounds for dimension {dim} with size {view.shape[dim]}"
        )
    view[(slice(None),) * dim + (rows,)] = np.asarray(source).reshape(shape)
    return made


def _filled(x: Any, index: Any, value: Any, dim: int) -> Any:
    made = np.array(x, order="C")
    view = made if made.ndim else made.reshape(1)
    rows = _vector(index)
    outside = rows[(rows < -view.shape[dim]) | (rows >= view.shape[dim])]
    if outside.size:
        raise IndexError(f"index {int(outside[0])} is out of bounds for dimension {dim} with size {view.shape[dim]}")
    view[(slice(None),) * dim + (rows,)] = value
    return made


def _like_slice(xp: Any, g: Any, shape: Ints) -> Any:
    return g if tuple(g.shape) == tuple(shape) else xp.reshape(g, shape)


def _fill_back_value(xp: Any, g: Any, index: Any, dim: int) -> Any:
    """The sum over what was filled, each element once however often its index comes."""
    kept = xp.eq(xp.index_fill(xp.zeros(tuple(g.shape), g.dtype), dim, index, 1.0), 0)
    return xp.sum(xp.masked_fill(g, kept, 0.0), None, False)


_index_select = general(
    "index_select", _index_select_kernel, ("x", "index"),
    rules={"x": lambda xp, g, x_shape, index, dim: xp.index_add(xp.zeros(x_shape, g.dtype), dim, index, g)},
    doc="The slices at the given indices of a dimension; cotangents are added where they were read.",
)  # fmt: skip
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
    "index_copy", _copied, ("x", "index", "source"),
    rules={
        "x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0),
        "source": lambda xp, g, index, source_shape, dim: _like_slice(xp, xp.index_select(g, dim, index), source_shape),
    },
    doc="x with the slices at the given indices replaced by those of source.",
)  # fmt: skip
_index_fill = general(
    "index_fill", lambda x, index, dim, value: _filled(x, index, value, dim), ("x", "index"),
    rules={"x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0)},
    doc="x with the slices at the given indices filled with a number.",
)  # fmt: skip
_index_fill_tensor = general(
    "index_fill_tensor", lambda x, index, value, dim: _filled(x, index, value, dim), ("x", "index", "value"),
    rules={
        "x": lambda xp, g, index, dim: xp.index_fill(g, dim, index, 0.0),
        "value": _fill_back_value,
    },
    grad_fn="IndexFillBackward1", method=False, names=("_index_fill_tensor",), doc="The same with a 0-d tensor.",
)  # fmt: skip


@_in_torch_order(_index_select, lambda x, dim, index: _index_select_kernel(x, index, dim))
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Any:
    need_tensor("index_select", input)
    _need_index("index_select", index, 2, "int32 or int64")
    dim = errors.checked_dim(dim, input._data.ndim)
    if index._data.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index._data.size and index._data.min() < 0:
        raise IndexError("index out of range in self")
    index = index if index._data.ndim else reshape(index, (1,))
    _need_out(input, out, index)
    return _index_select.prim.call(input, index, params=(dim,), out=out)


@_both(_index_add, lambda x, dim, index, source, alpha=1: _added(x, index, source, dim, alpha))
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_add", index, "index", 2)
    need_tensor("index_add", source, "source", 3)
    if index._data.ndim > 1:
        raise IndexError(
            f"index_add_(): Index is supposed to be a vector, but got dim: {index._data.ndim} with type: "
            f"{_legacy(index)} and size: {list(index._data.shape)}"
        )
    _need_index("index_add_", index)
    if source._data.dtype != input._data.dtype:
        raise RuntimeError(
            f"index_add_(): self ({_legacy(input)}) and source ({_legacy(source)}) must have the same scalar type"
        )
    _check_slices(input, dim, index, source)
    return _index_add.prim, (index, source), (dim, alpha)


def _check_slices(x: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
    a, b, n = x._data.shape or (1,), source._data.shape or (1,), index._data.size
    if len(a) == len(b) and a[:dim] + a[dim + 1 :] == b[:dim] + b[dim + 1 :] and b[dim] == n:
        return
    if len(a) == len(b) and b[dim] != n:
        raise RuntimeError(
            f"index_add_(): Number of indices ({n}) should be equal to source.size(dim): ({b[dim]}), for dim: {dim}"
        )
    raise RuntimeError(
        "source tensor shape must match self tensor shape, excluding the specified dimension. "
        f"Got self.shape = {list(x._data.shape)} source.shape = {list(source._data.shape)}"
    )


@_both(_index_copy, lambda x, dim, index, source: _copied(x, index, source, dim))
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_copy", index, "index", 2)
    need_tensor("index_copy", source, "source", 3)
    if index._data.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index._data.ndim})")
    if index._data.dtype != np.int64:
        raise IndexError(f"index_copy_(): Expected a long tensor for index, but got {_legacy(index)}")
    if source._data.dtype != input._data.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, "
            f"but got (self) {_legacy(input)} and (source) {_legacy(source)}"
        )
    a, b, n = input._data.shape, source._data.shape, index._data.size
    if a and b and len(a) != len(b):
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. "
            f"Source dimensionality ({len(b)}), destination dimensionality ({len(a)})"
        )
    if not b and n != 1:
        raise IndexError(f"index_copy_(): When source is scalar, index should have one element (got {n})")
    if a and b and a[:dim] + a[dim + 1 :] != b[:dim] + b[dim + 1 :]:
        cut = [list(s[:dim] + s[dim + 1 :]) for s in (a, b)]
        first, second = (" ".join(map(str, s)) for s in cut)
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{first} at dimension {dim} and source slice shape: {second} at dimension 0."
        )
    if b and b[dim] != n:
        raise IndexError(
            f"index_copy_(): Number of indices ({n}) should be equal to source.size(dim) ({b[dim]})"
        )
    return _index_copy.prim, (index, source), (dim,)


@_both(_index_fill, lambda x, dim, index, value: _filled(x, index, value, dim))
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_fill", index, "index", 2)
    if index._data.dtype not in (np.int64, np.int32):
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
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    return _index_fill.prim, (index,), (dim, _need_number(input, value))


# ---------------------------------------------------------------- take, put


def _checked_flat(size: int, index: Any) -> None:
    outside = index[(index < -size) | (index >= size)]
    if outside.size:
        raise IndexError(
            f"out of range: tried to access index {int(outside.flat[0])} on a tensor of {size} elements."
        )


def _take_kernel(x: Any, index: Any) -> Any:
    if index.size and not x.size:
        raise IndexError("take(): tried to take from an empty tensor")
    _checked_flat(x.size, np.asarray(index))
    return x.reshape(-1)[index]


def _put_kernel(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    made = np.array(x, order="C")
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
    if index._data.dtype != np.int64:
        raise RuntimeError(f"{op}(): Expected a long tensor for index, but got {_legacy(index)}")


@_in_torch_order(_take, _take_kernel)
def take(input: Any, index: Any, *, out: Any = None) -> Any:
    need_tensor("take", input)
    _need_long("take", index)
    _need_out(input, out, index)
    return _take.prim.call(input, index, out=out)


@_both(_put, _put_kernel)
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    _need_long("put_", index)
    need_tensor("put_", source, "source", 3)
    if source._data.dtype != input._data.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, "
            f"but got self.dtype = {_legacy(input)} and source.dtype = {_legacy(source)}"
        )
    if source._data.size != index._data.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, "
            f"but got source.numel() = {source._data.size}, index.numel() = {index._data.size}"
        )
    return _put.prim, (index, source), (bool(accumulate),)


PUBLIC.pop("put_", None)


@public("take_along_dim", method=True)
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None, *, out: Any = None) -> Tensor:
    """`gather`, with input and indices broadcast; over the flattened tensors when `dim` is None."""
    if indices._data.dtype != np.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {_legacy(indices)}"
        )
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)), out=out)  # type: ignore[no-any-return]
    a, b = input._data.shape, indices._data.shape
    if len(a) != len(b):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {len(a)} dimensions for input, and {len(b)} dimensions for indices"
        )
    dim = errors.checked_dim(dim, len(a))
    try:
        common = np.broadcast_shapes(a[:dim] + (1,) + a[dim + 1 :], b[:dim] + (1,) + b[dim + 1 :])
    except ValueError:
        raise errors.broadcast("take_along_dim", (a, b)) from None
    wide = [expand(t, (*common[:dim], s[dim], *common[dim + 1 :])) for t, s in ((input, a), (indices, b))]
    return gather(wide[0], dim, wide[1], out=out)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- masks


def _masked_fill_kernel(x: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, x.dtype.type(value), x)


def _masked_fill_tensor_kernel(x: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, value, x)


def _masked_select_kernel(x: Any, mask: Any) -> Any:
    if x.shape != mask.shape:
        x, mask = np.broadcast_arrays(x, mask)
    return np.asarray(x)[mask]


def _masked_scatter_kernel(x: Any, mask: Any, source: Any) -> Any:
    shape = x.shape if x.shape == mask.shape else np.broadcast_shapes(x.shape, mask.shape)
    made = np.array(np.broadcast_to(x, shape), order="C")
    mask = np.broadcast_to(mask, shape)
    count = int(np.count_nonzero(mask))
    source = np.asarray(source)
    if source.size < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    made[mask] = source.reshape(-1)[:count]
    return made


def _masked_scatter_back_kernel(g: Any, mask: Any, shape: Ints) -> Any:
    values = _masked_select_kernel(g, mask)
    made = np.zeros(shape, g.dtype)
    made.reshape(-1)[: values.size] = values
    return made


_masked_fill = general(
    "masked_fill", _masked_fill_kernel, ("x", "mask"),
    rules={"x": lambda xp, g, x_shape, mask: sum_to(xp, xp.masked_fill(g, mask, 0.0), x_shape)},
    doc="x with a number wherever mask is True.",
)  # fmt: skip
_masked_fill_tensor = general(
    "masked_fill_tensor", _masked_fill_tensor_kernel, ("x", "mask", "value"),
    rules={
        "x": lambda xp, g, x_shape, mask: sum_to(xp, xp.masked_fill(g, mask, 0.0), x_shape),
        "value": lambda xp, g, mask: xp.sum(xp.masked_fill(g, xp.logical_not(mask), 0.0), None, False),
    },
    grad_fn="MaskedFillBackward1", method=False, names=("_masked_fill_tensor",), doc="x with a 0-d tensor wherever mask is True.",
)  # fmt: skip
_masked_select = general(
    "masked_select", _masked_select_kernel, ("x", "mask"),
    rules={
        "x": lambda xp, g, x_shape, mask: sum_to(
            xp, xp.masked_scatter(xp.zeros(np.broadcast_shapes(tuple(x_shape), tuple(mask.shape)), g.dtype), mask, g), x_shape
        )
    },
    doc="The elements where mask is True, as a vector.",
)  # fmt: skip
_masked_scatter = general(
    "masked_scatter", _masked_scatter_kernel, ("x", "mask", "source"),
    rules={
        "x": lambda xp, g, x_shape, mask: sum_to(xp, xp.masked_fill(g, mask, 0.0), x_shape),
        "source": lambda xp, g, mask, source_shape: xp.masked_scatter_backward(g, mask, source_shape),
    },
    doc="x with the elements where mask is True replaced by those of source, in order.",
)  # fmt: skip
general(
    "masked_scatter_backward", _masked_scatter_back_kernel, ("x", "mask"),
    rules={"x": lambda xp, g, x_shape, mask: xp.masked_scatter(xp.zeros(x_shape, g.dtype), mask, g)},
    method=False, names=("_masked_scatter_backward",), doc="The cotangent of masked_scatter's source.",
)  # fmt: skip


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
    if mask._data.dtype != np.bool_:
        raise RuntimeError(f"{op} only supports boolean masks, but got mask with dtype {_c_dtype(mask)}")


def _c_dtype(t: Tensor) -> str:
    return {"int64": "long", "float32": "float", "float64": "double", "int32": "int"}.get(t.dtype.name, t.dtype.name)


@_both(_masked_fill, _masked_fill_kernel)
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    if not isinstance(value, (Tensor, bool, int, float, complex, np.generic)):
        raise TypeError(
            "masked_fill() received an invalid combination of arguments - "
            f"got ({type(mask).__name__}, {type(value).__name__})"
        )
    _need_mask("masked_fill", input, mask)
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, "
                f"but got tensor with {value._data.ndim} dimension(s)."
            )
        if value.dtype.category == 3 and input.dtype.category < 3:
            _need_number(input, value.item())
        return _masked_fill_tensor.prim, (mask, cast(value, input.dtype)), ()
    return _masked_fill.prim, (mask,), (_need_number(input, value),)


@_in_torch_order(_masked_select, _masked_select_kernel)
def masked_select(input: Any, mask: Any, *, out: Any = None) -> Any:
    need_tensor("masked_select", input)
    need_tensor("masked_select", mask, "mask", 2)
    if mask._data.dtype != np.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    _check_broadcast("masked_select", mask, input)
    _need_out(input, out, mask)
    return _masked_select.prim.call(input, mask, out=out)


@_both(_masked_scatter, _masked_scatter_kernel)
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    need_tensor("masked_scatter", source, "source", 3)
    _check_broadcast("masked_scatter", input, mask)
    if mask._data.dtype != np.bool_:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {_c_dtype(mask)}")
    if source._data.dtype != input._data.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got{_legacy(input)} and {_legacy(source)}"
        )
    return _masked_scatter.prim, (mask, source), ()


# ---------------------------------------------------------------- where is it not zero


_nonzero = general(
    "nonzero", lambda x: np.argwhere(np.asarray(x)) if x.ndim else np.zeros((int(bool(x)), 0), np.int64), ("x",),
    doc="The indices of the elements that are not zero, one a row.",
)  # fmt: skip


@_in_torch_order(_nonzero, _nonzero.prim.kernel)
def nonzero(input: Any, *, out: Any = None, as_tuple: bool = False) -> Any:
    need_tensor("nonzero", input)
    if as_tuple:
        found = _nonzero.prim.call(input if input._data.ndim else reshape(input, (1,)))
        return found.unbind(1)
    return _nonzero.prim.call(input, out=out)


@public("nonzero_static", method=True)
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """`nonzero` with exactly `size` rows: the first ones, or filled up with `fill_value`."""
    found = nonzero(input)._data[:size]
    made = np.full((size, found.shape[1]), fill_value, np.int64)
    made[: len(found)] = found
    return wrap(made)


@public("argwhere", method=True)
def argwhere(input: Tensor) -> Tensor:
    """The indices of the elements that are not zero, one a row."""
    return nonzero(input)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- select_scatter, slice_scatter, diagonal_scatter


def _select_scatter_kernel(x: Any, src: Any, dim: int, index: int) -> Any:
    made = np.array(x, order="C")
    made[(*(slice(None),) * dim, index)] = src
    return made


def _slice_scatter_kernel(x: Any, src: Any, dim: int, start: int, end: int, step: int) -> Any:
    made = np.array(x, order="C")
    made[(*(slice(None),) * dim, slice(start, end, step))] = src
    return made


def _diagonal_scatter_kernel(x: Any, src: Any, offset: int, dim1: int, dim2: int) -> Any:
    made = np.array(x, order="C")
    view = made.diagonal(offset, dim1, dim2)
    view.flags.writeable = True
    view[...] = src
    return made


_select_scatter = general(
    "select_scatter", _select_scatter_kernel, ("x", "src"),
    rules={
        "x": lambda xp, g, src_shape, dim, index: xp.select_scatter(g, xp.zeros(src_shape, g.dtype), dim, index),
        "src": lambda xp, g, dim, index: xp.select(g, dim, index),
    },
    doc="x with one slice of a dimension replaced by src.",
)  # fmt: skip
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


def _replaced(declared: Any, region: Tensor, x: Tensor, src: Any, params: tuple[Any, ...]) -> Tensor:
    need_tensor(declared.prim.name, src, "src", 2)
    if src._data.shape != region._data.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. "
            f"src size = {list(src._data.shape)}, slice size = {list(region._data.shape)}"
        )
    return declared.prim.call(x, cast(src, x.dtype), params=params)  # type: ignore[no-any-return]


def _plain(x: Tensor) -> Tensor:
    return wrap(own(x)) if isinstance(x, Tensor) else x


@_in_torch_order(_select_scatter, _select_scatter_kernel)
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    need_tensor("select_scatter", input)
    region = OPS.select(_plain(input), dim, index)
    dim = errors.checked_dim(dim, input._data.ndim)
    return _replaced(_select_scatter, region, input, src, (dim, index % input._data.shape[dim]))


@_in_torch_order(_slice_scatter, _slice_scatter_kernel)
def slice_scatter(input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    need_tensor("slice_scatter", input)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    dim = errors.checked_dim(dim, input._data.ndim)
    start, end, step = slice(start, end, step).indices(input._data.shape[dim])
    region = wrap(own(input)[(*(slice(None),) * dim, slice(start, end, step))])
    return _replaced(_slice_scatter, region, input, src, (dim, start, max(start, end), step))


@_in_torch_order(_diagonal_scatter, _diagonal_scatter_kernel)
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    need_tensor("diagonal_scatter", input)
    region = diagonal(_plain(input), offset, dim1, dim2)
    n = input._data.ndim
    dims = errors.checked_dim(dim1, n), errors.checked_dim(dim2, n)
    return _replaced(_diagonal_scatter, region, input, src, (offset, *dims))


@public("as_strided_scatter", method=True)
def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """`input` with the elements that `as_strided(size, stride, storage_offset)` would read replaced by `src`."""
    region = as_strided(_plain(input), size, stride, storage_offset)
    return _replaced(OPS.copy_slices, region, input, src, (*region._view[3],))  # type: ignore[misc]


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
    return inplace(_fill_diagonal.prim, self, params=(_need_number(self, fill_value), wrap))


METHODS["fill_diagonal_"] = _fill_diagonal_

