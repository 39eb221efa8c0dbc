"""Reading and writing along one dimension (gather, scatter, index_*), in the flattened tensor
(take, put), by masks.

In rules these are called in PyTorch's order (`xp.gather(g, dim, index)`), both on arrays and on
tensors: see
`in_torch_order`. Pairs: gather and scatter_add, index_select and index_add, take and put,
masked_select and
masked_scatter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import METHODS, general, public
from ...core.node import LEAF
from ...core.primitive import F32, F64, I64, INSTEAD, PUBLIC, Primitive
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...core.views import inplace
from ...kernels import index as kernels
from ...kernels.blocks import number
from ..late import load
from ..shape.reshape import expand, need_tensor, reshape
from .indexing import narrow

Ints = tuple[int, ...]
_REFUSED = (ValueError, TypeError, OverflowError, AttributeError)


def in_torch_order(declared: Any, raw: Callable[..., Any]) -> Callable[[Any], Any]:
    """Decorator: the public function, whose operands and parameters come in PyTorch's order, also
    for rules.

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


def run(prim: Primitive, operands: tuple[Any, ...], params: tuple[Any, ...], out: Any) -> Any:
    """`prim.call` of operands that have been looked at, in fewer steps where no interpreter
    runs."""
    if S.mode is not None or out is not None or INSTEAD:
        return prim.call(*operands, params=params, out=out)
    try:
        r = wrap(prim.kernel(*[t._data for t in operands], *params))
    except _REFUSED:
        return prim.evaluate(operands, params)  # says why
    for t in operands:
        if t._node is not None:
            prim._recorded((r,), operands, params)
            break
    return r


def run_pair(prim: Primitive, x: Tensor, index: Tensor, *params: Any) -> Any:
    """The same for a tensor and an index where no interpreter runs."""
    if INSTEAD:
        return prim.evaluate((x, index), params)
    r = wrap(prim.kernel(x._data, index._data, *params))
    if x._node is not None:
        prim._recorded((r,), (x, index), params)
    return r


def _inplace_form(function: Any) -> Any:
    """`x.op_(...)`: the public function computes the operands, `inplace` writes."""
    name = function.__name__ + "_"

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        prim, rest, params = function.operands(self, *args, **kwargs)
        return inplace(prim, self, *rest, params=params)

    method.__name__, method.__doc__ = name, f"`{name[:-1]}` in place."
    METHODS[name] = method
    return method


def both(
    declared: Any, raw: Callable[..., Any], *, has_inplace: bool = True
) -> Callable[[Any], Any]:
    """Decorator for a function that gives (prim, further operands, params): makes the op and its
    in-place form."""

    def make(operands: Any) -> Any:
        def function(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
            if type(input) is not Tensor:
                need_tensor(declared.prim.name, input)
            prim, rest, params = operands(input, *args, **kwargs)
            return run(prim, (input, *rest), params, out)

        function.operands = operands  # type: ignore[attr-defined]
        in_torch_order(declared, raw)(function)
        if has_inplace:
            _inplace_form(function)
        return function

    return make


# ---------------------------------------------------------------- checks


def need_index(op: str, index: Any, position: int = 2, kinds: str = "int32/int64") -> None:
    """Refuse an index that is no tensor of int64 or int32."""
    if type(index) is Tensor and index._data.dtype is I64:
        return
    if not isinstance(index, Tensor):
        raise errors.wrong_type(op, "index", position, index)
    if index._data.dtype not in (np.int64, np.int32) and index._data.size:
        raise RuntimeError(f"{op}(): Expected dtype {kinds} for index")


def need_out(x: Tensor, out: Any, *others: Tensor) -> None:
    """Refuse an `out` of another dtype than `x`, or that shares memory with an operand."""
    if out is None:
        return
    if isinstance(out, Tensor) and any(
        np.may_share_memory(out._data, t._data) for t in (x, *others)
    ):
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to "
            "tensor refer to a single "
            "memory location. Please clone() the tensor before performing the operation."
        )
    if isinstance(out, Tensor) and out._data.dtype != x._data.dtype:
        raise RuntimeError(
            f"Expected out tensor to have dtype {x.dtype!r}, but got {out.dtype!r} instead"
        )


def legacy(t: Tensor) -> str:
    """`Float` for a float32 tensor, the name in PyTorch's messages."""
    return errors.LEGACY[t.dtype.name]


def need_number(x: Tensor, value: Any) -> Any:
    """A number that the dtype of `x` can hold, rounded to it."""
    if type(value) is float and (x._data.dtype is F32 or x._data.dtype is F64):
        return number(value, x._data.dtype).item()
    if isinstance(value, complex) and x.dtype.category < 3:
        kind = {"float32": "float", "float64": "double"}.get(x.dtype.name, x.dtype.name)
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    if isinstance(value, Tensor) and not value._data.ndim:
        value = value.item()
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"argument 'value' must be Number, not {errors.kind_name(value)}")
    return x._data.dtype.type(value).item()


def _fits_along(op: str, x: Tensor, index: Tensor, dim: int, src: Tensor | None = None) -> None:
    """The sizes that gather and scatter ask for."""
    if index._data.shape == x._data.shape and (src is None or src._data.shape == x._data.shape):
        return
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
            f"Size does not match at dimension {at} expected index {list(want)} to be no larger "
            f"than self {list(have)} "
            f"apart from dimension {dim}"
        )
    beyond = src is not None and any(
        i > n for i, n in zip(want, src._data.shape or (1,), strict=True)
    )
    if too_large or beyond:
        more = (
            f" and to be no larger size than src {list(src._data.shape)}" if src is not None else ""
        )
        raise RuntimeError(
            f"Expected index {list(want)} to be no larger than self {list(have)} apart from "
            f"dimension {dim}{more}"
        )


def _plain_along(x: Any, dim: Any, index: Any, src: Any = None) -> bool:
    """The usual case, of which nothing need be asked: tensors of one shape (`x` may be longer
    along `dim`, where it is only read), int64 numbers."""
    if not (type(x) is Tensor is type(index) and type(dim) is int):
        return False
    data, where = x._data, index._data
    if where.dtype is not I64 or not 0 <= dim < data.ndim:
        return False
    if src is None:
        return where.shape == data.shape
    if type(src) is not Tensor:
        return False
    given = src._data
    same: bool = given.dtype is data.dtype and given.shape == where.shape == data.shape
    return same


def _cropped(src: Tensor, index: Tensor) -> Tensor:
    """The part of `src` that `index` speaks of."""
    if src._data.shape == index._data.shape:
        return src
    for d, n in enumerate(index._data.shape):
        if src._data.ndim and src._data.shape[d] != n:
            src = narrow(src, d, 0, n)
    return src


def _as_long(index: Tensor, src: Tensor | None = None) -> Tensor:
    """As int64, and 0-d where `src` is: a vector of one element passes for a number."""
    if src is not None and not src._data.ndim and index._data.ndim:
        index = reshape(index, ())
    dtype = index._data.dtype
    return index if dtype is I64 or dtype == I64 else wrap(index._data.astype(np.int64))


# ---------------------------------------------------------------- gather, scatter


_gather = general(
    "gather",
    kernels.gather,
    ("x", "index"),
    rules={
        "x": lambda xp, g, x_shape, index, dim: xp.scatter_add(
            xp.zeros(x_shape, g.dtype), dim, index, g
        )
    },
    doc="out[i][j] = x[index[i][j]][j] (for dim 0); cotangents are added where they were read.",
)


_gather_prim = _gather.prim


@in_torch_order(_gather, lambda x, dim, index: kernels.gather(x, index, dim))
def gather(
    input: Any, dim: Any = None, index: Any = None, *, sparse_grad: bool = False, out: Any = None
) -> Any:
    if out is None and sparse_grad is False and S.mode is None and _plain_along(input, dim, index):
        return run_pair(_gather_prim, input, index, dim)
    need_tensor("gather", input)
    errors.checked_bool("gather", "sparse_grad", sparse_grad)
    if index is None:
        raise TypeError('gather() missing 1 required positional arguments: "index"')
    need_index("gather", index, 3)
    dim = errors.checked_dim(dim, input._data.ndim)
    _fits_along("gather", input, index, dim)
    need_out(input, out, index)
    if sparse_grad and out is None and input._node is LEAF and input._data.ndim:
        if not hasattr(OPS, "gather_sparse"):
            load("sparse.gradients")
        return OPS.gather_sparse(input, _as_long(index), dim)
    return run(_gather.prim, (input, _as_long(index)), (dim,), out)


_scatter = general(
    "scatter",
    kernels.scatter,
    ("x", "index", "src"),
    rules={
        "x": lambda xp, g, index, dim: xp.scatter(g, dim, index, 0.0),
        "src": lambda xp, g, index, dim: xp.gather(g, dim, index),
    },
    doc="x with src written where gather would read.",
)
_scatter_value = general(
    "scatter_value",
    lambda x, index, dim, value: kernels.scatter(x, index, value, dim),
    ("x", "index"),
    rules={"x": lambda xp, g, index, dim: xp.scatter(g, dim, index, 0.0)},
    grad_fn="ScatterBackward1",
    method=False,
    names=("_scatter_value",),
    doc="x with a number written where gather would read.",
)
_scatter_add = general(
    "scatter_add",
    kernels.scatter_add,
    ("x", "index", "src"),
    rules={"x": lambda xp, g: g, "src": lambda xp, g, index, dim: xp.gather(g, dim, index)},
    doc="x with src added where gather would read.",
)


def _raw_scatter(x: Any, dim: int, index: Any, src: Any) -> Any:
    return kernels.scatter(x, index, src, dim)


@both(_scatter, _raw_scatter)
def scatter(
    input: Any,
    dim: int,
    index: Any,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Any:
    if src is None:
        src = value
        if src is None or (isinstance(src, Tensor) and src._data.ndim):
            raise no_combination("scatter", (input, dim, index), {"value": src})
    if reduce is None and _plain_along(input, dim, index, src):
        return _scatter.prim, (index, src), (dim,)
    if reduce is None and type(src) is float and _plain_along(input, dim, index):
        return _scatter_value.prim, (index,), (dim, need_number(input, src))
    dim = errors.checked_dim(dim, input._data.ndim)
    need_index("scatter", index)
    if reduce is not None:
        if not isinstance(reduce, str):
            raise no_combination("scatter", (input, dim, index, src), {"reduce": reduce})
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if not isinstance(src, Tensor):
            src = wrap(np.full(index._data.shape, src, input._data.dtype))
        return _scatter_reduce_operands(
            input, dim, index, src, {"add": "sum", "multiply": "prod"}[reduce]
        )
    if not isinstance(src, Tensor):
        _fits_along("scatter", input, index, dim)
        return _scatter_value.prim, (_as_long(index),), (dim, need_number(input, src))
    _need_src(input, src)
    _fits_along("scatter", input, index, dim, src)
    return _scatter.prim, (_as_long(index, src), _cropped(src, index)), (dim,)


def _need_src(x: Tensor, src: Any) -> None:
    need_tensor("scatter", src, "src", 3)
    if src._data.dtype is not x._data.dtype and src._data.dtype != x._data.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")


@both(_scatter_add, lambda x, dim, index, src: kernels.scatter_add(x, index, src, dim))
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    if _plain_along(input, dim, index, src):
        return _scatter_add.prim, (index, src), (dim,)
    dim = errors.checked_dim(dim, input._data.ndim)
    need_index("scatter", index)
    _need_src(input, src)
    _fits_along("scatter_add", input, index, dim, src)
    return _scatter_add.prim, (_as_long(index, src), _cropped(src, index)), (dim,)


# ---------------------------------------------------------------- scatter_reduce


def _counts(xp: Any, g: Any, index: Any, dim: int, include_self: bool, x_shape: Ints) -> Any:
    """How many numbers went into every element (at least 1), in the dtype of `g`."""
    zeros = xp.zeros(x_shape, g.dtype)
    n = xp.scatter_add(
        zeros + 1 if include_self else zeros, dim, index, xp.zeros(index.shape, g.dtype) + 1
    )
    return xp.masked_fill(n, xp.eq(n, 0), 1.0)


def _reduce_back_x(
    xp: Any,
    g: Any,
    x: Any,
    index: Any,
    src: Any,
    out: Any,
    dim: int,
    reduce: str,
    include_self: bool,
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
    xp: Any,
    g: Any,
    x: Any,
    index: Any,
    src: Any,
    out: Any,
    dim: int,
    reduce: str,
    include_self: bool,
) -> Any:
    if reduce == "sum":
        return xp.gather(g, dim, index)
    if reduce == "mean":
        return xp.gather(g / _counts(xp, g, index, dim, include_self, tuple(x.shape)), dim, index)
    if reduce == "prod":
        zero = xp.eq(src, 0)
        zeros = xp.zeros(tuple(src.shape), g.dtype)
        per_element = xp.scatter_add(
            xp.zeros(tuple(x.shape), g.dtype), dim, index, xp.masked_fill(zeros, zero, 1.0)
        )
        only = xp.eq(xp.gather(per_element, dim, index) + xp.masked_fill(zeros + 1, zero, 0.0), 1)
        others = xp.scatter_reduce(
            x, dim, index, xp.masked_fill(src, only & zero, 1.0), "prod", include_self
        )
        plain = xp.gather(g * out, dim, index) / xp.masked_fill(src, zero, 1.0)
        return xp.where(only & zero, xp.gather(g * others, dim, index), plain)
    _, theirs, share = _ties(xp, g, x, index, src, out, dim)
    return theirs * xp.gather(share, dim, index)


def _ties(
    xp: Any, g: Any, x: Any, index: Any, src: Any, out: Any, dim: int
) -> tuple[Any, Any, Any]:
    """Which of `x` and `src` are the extreme, and the cotangent shared among them."""
    zeros = xp.zeros(tuple(x.shape), g.dtype)
    mine = xp.masked_fill(zeros, xp.eq(x, out), 1.0)
    theirs = xp.masked_fill(
        xp.zeros(tuple(src.shape), g.dtype), xp.eq(src, xp.gather(out, dim, index)), 1.0
    )
    count = xp.scatter_add(mine, dim, index, theirs)
    return mine, theirs, g / xp.masked_fill(count, xp.eq(count, 0), 1.0)


_scatter_reduce = general(
    "scatter_reduce",
    kernels.scatter_reduce,
    ("x", "index", "src"),
    rules={"x": _reduce_back_x, "src": _reduce_back_src},
    doc=(
        "x and the src that meet in an element summed, multiplied, averaged, or their largest "
        "or smallest."
    ),
)


def _scatter_reduce_operands(
    input: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> tuple[Primitive, tuple[Any, ...], tuple[Any, ...]]:
    known = include_self is True and reduce in kernels.REDUCTIONS
    if known and _plain_along(input, dim, index, src):
        return _scatter_reduce.prim, (index, src), (dim, reduce, True)
    dim = errors.checked_dim(dim, input._data.ndim)
    need_index("scatter", index)
    if reduce not in kernels.REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    _need_src(input, src)
    _fits_along("scatter_reduce", input, index, dim, src)
    return (
        _scatter_reduce.prim,
        (_as_long(index, src), _cropped(src, index)),
        (dim, reduce, bool(include_self)),
    )


def _raw_scatter_reduce(
    x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> Any:
    return kernels.scatter_reduce(x, index, src, dim, reduce, include_self)


scatter_reduce = both(_scatter_reduce, _raw_scatter_reduce)(_scatter_reduce_operands)


def _index_reduce_operands(
    input: Tensor, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> tuple[Primitive, tuple[Any, ...], tuple[Any, ...]]:
    """`index` along `dim` for all other positions: what `scatter_reduce` takes."""
    dim = errors.checked_dim(dim, input._data.ndim)
    need_tensor("index_reduce", index, "index", 2)
    need_tensor("index_reduce", source, "source", 3)
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    if index._data.ndim > 1:
        raise IndexError("index_reduce_(): Index is supposed to be a vector")
    if source._data.ndim:
        shape = (1,) * dim + (-1,) + (1,) * (source._data.ndim - 1 - dim)
        index = expand(reshape(index, shape), source._data.shape)
    return _scatter_reduce_operands(input, dim, index, source, reduce, include_self)


@public("index_reduce", method=True)
def index_reduce(
    input: Tensor,
    dim: int,
    index: Any,
    source: Any,
    reduce: str,
    *,
    include_self: bool = True,
    out: Any = None,
) -> Tensor:
    """The slices of `source` that meet at an index of `dim` multiplied, averaged, or their largest
    or smallest."""
    prim, rest, params = _index_reduce_operands(
        input, dim, index, source, reduce, include_self=include_self
    )
    try:
        return prim.call(input, *rest, params=params, out=out)
    except RuntimeError as error:
        if "is out of bounds for dimension" in str(error):
            raise IndexError("index out of range in self") from None
        raise


index_reduce.operands = _index_reduce_operands
_inplace_form(index_reduce)
