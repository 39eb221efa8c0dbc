"""Sums, means, products and variances over one, several or all dimensions, and the truth of all.

The canonical parameters of a reduction are (dim, keepdim): `dim` is None for all dimensions or a
tuple of numbers from 0. Extremes are in `ops/reduce/extremes.py`, norms in
`ops/reduce/vector_norm.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.declare import (
    METHODS,
    POSITIVE,
    general,
    guarded,
    linear,
    public,
    reduction,
    spelled,
    take_no_out,
)
from ...core.lanes import one_lane
from ...core.primitive import F32, F64, Primitive, cast, given_out
from ...core.record import OPS, RAW, REC, record
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ...kernels import reduce as kernels

Dims = Any  # None, an int, or a tuple of ints
Ints = tuple[int, ...]
ALL: Any = type("_All", (), {"__repr__": lambda self: "all dimensions"})()  # no `dim` was given
EVERY: Any = (None, False)  # the parameters of a reduction of everything


# ---------------------------------------------------------------- arguments


def dims_of(dim: Dims, ndim: int, op: str = "sum") -> Ints | None:
    """`dim` as a user writes it (int, list, None) as a tuple of numbers from 0; None for all."""
    if type(dim) is int:
        at = errors.checked_dim(dim, ndim)
        return (at,) if ndim else None
    if dim is None:
        return None
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    for i, d in enumerate(dim):
        if not hasattr(d, "__index__") or (type(d) is bool and not i):
            raise no_overload(op, d)
    if len(dim) == 0:
        return None
    dims = tuple(errors.checked_dim(d, ndim) for d in dim)
    if len(set(dims)) != len(dims):
        repeated = next(d for i, d in enumerate(dims) if d in dims[:i])
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return dims if ndim else None


def no_overload(op: str, *got: Any) -> TypeError:
    """The arguments fit no form of the function."""
    return TypeError(
        errors.hinted(
            f"{op}() received an invalid combination of arguments - got "
            f"({', '.join(errors.kind_name(g) for g in got)})",
            hint=f"{op}(input), {op}(input, dim, keepdim=False)",
        )
    )


def numpy_names(op: str, dim: Dims, keepdim: Any, more: dict[str, Any]) -> tuple[Dims, Any]:
    """`axis` and `keepdims`, NumPy's names of `dim` and `keepdim`."""
    for name, value in more.items():
        if name == "axis":
            dim = errors.one_dim(op, None if dim is ALL or dim is ABSENT else dim, value)
        elif name == "keepdims":
            keepdim = value
        else:
            raise TypeError(f"{op}() got an unexpected keyword argument '{name}'")
    return dim, keepdim


def need_tensor(op: str, x: Any) -> None:
    """TypeError in PyTorch's words when `x` is no tensor."""
    if not isinstance(x, Tensor):
        raise errors.wrong_type(op, "input", 1, x)


def legacy(x: Any) -> str:
    """`Long` for a tensor of int64: the name in PyTorch's messages."""
    name = x.dtype.name
    return {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}.get(
        name, errors.LEGACY[name]
    )


def not_implemented(kernel: str, x: Any) -> NotImplementedError:
    """PyTorch's error for a dtype that a kernel does not take."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{legacy(x)}'")


def two_lane(prim: Primitive) -> Any:
    """`call(x, params)` as `one_lane` gives it, of an op with two outputs."""
    kernel, call_general = prim.kernel, prim.call

    def call(x: Any, params: tuple[Any, ...]) -> Any:
        if S.mode is None and type(x) is Tensor:
            data = x._data
            if type(data) is np.ndarray and (data.dtype is F32 or data.dtype is F64):
                first, second = kernel(data, *params)
                outs = wrap(first), wrap(second)
                if x._node is not None and (S.grad or grad_enabled()):
                    record(prim, outs, (x,), params)
                return outs
        return call_general(x, params=params)

    return call


class Reducer:
    """How a reduction is called: all dimensions or `dim`, perhaps converted, perhaps into `out`.

    Attributes:
        name: of the function, for errors.
        prim: the op, with parameters (dim, keepdim, ...).
        every, along: its lanes for all dimensions and for `dim`, whose nodes have their own names.
    """

    __slots__ = ("along", "every", "name", "prim")

    def __init__(self, function: Any, every: str | None = None, along: str | None = None) -> None:
        self.prim = function.prim
        self.name = self.prim.name
        self.every, self.along = one_lane(self.prim, every), one_lane(self.prim, along)
        setattr(REC, self.name, self._of_rule)

    def _of_rule(self, x: Any, dim: Any = None, keepdim: bool = False, *rest: Any) -> Any:
        if dim is None:
            return self.every(x, (None, keepdim, *rest))
        return self.along(x, ((dim,) if type(dim) is int else dim, keepdim, *rest))

    def __call__(
        self, x: Any, dim: Dims, keepdim: Any, out: Any, rest: tuple[Any, ...] = ()
    ) -> Any:
        if dim is ALL:
            if keepdim is not False:
                raise no_overload(self.name, x, keepdim)
            lane, params = self.every, EVERY
        else:
            if type(dim) is int and 0 <= dim < x._data.ndim:
                dims: Any = (dim,)
            else:
                dims = dims_of(dim, x._data.ndim, self.name)
            if keepdim is not False and keepdim is not True:
                keepdim = errors.checked_bool(self.name, "keepdim", keepdim)
            lane, params = self.along, (dims, keepdim)
        if rest:
            params += rest
        return lane(x, params) if out is None else self.prim.call(x, params=params, out=out)


# ---------------------------------------------------------------- sum and mean


def spread(xp: Any, g: Any, x_shape: Ints, dim: Dims, keepdim: bool) -> Any:
    """The transpose of a sum: `g` repeated over the reduced dimensions."""
    if dim is not None and not keepdim and dim != tuple(range(len(dim))):
        g = xp.reshape(g, tuple([1 if i in dim else n for i, n in enumerate(x_shape)]))
    return xp.expand(g, x_shape)


def _mean_rule(xp: Any, g: Any, x_shape: Ints, dim: Dims, keepdim: bool) -> Any:
    return spread(xp, g / kernels.count(x_shape, dim), x_shape, dim, keepdim)


_sum = linear(
    "sum",
    kernels.sum,
    spread,
    grad_fn="SumBackward1",
    doc="The sum of the elements, of all or over `dim`; its cotangent is repeated over them.",
)
_mean = linear(
    "mean",
    kernels.mean,
    _mean_rule,
    grad_fn="MeanBackward1",
    doc="The sum over the number of elements, of all or over `dim`; d mean = mean of dx.",
)
_nansum = reduction(
    "nansum",
    kernels.nansum,
    lambda xp, g, x: xp.where(xp.eq(x, x), g, 0.0),
    doc="The sum of the elements that are not NaN; the others get no gradient.",
)


def _sum_rows(node: Any, g: Any, edges: Any) -> Any:
    """`spread` with one more dimension in front."""
    (dim, keepdim, *_), shape = node.p, node.s0
    if type(shape) is not tuple:
        return None
    size = len(g)
    if dim is None:
        g = g.reshape((size, *(1,) * len(shape)))
    elif not keepdim:
        dims = (dim,) if type(dim) is int else dim
        g = g.reshape((size, *[1 if i in dims else n for i, n in enumerate(shape)]))
    return np.broadcast_to(g, (size, *shape))


_sum.prim.rows = _sum_rows
_sums = Reducer(_sum, "SumBackward0")
_means = Reducer(_mean, "MeanBackward0")
_nansums = Reducer(_nansum)


@spelled(_sum)
def sum(
    input: Any,
    dim: Dims = ALL,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
    **more: Any,
) -> Any:
    plain = dim is ALL and dtype is None and out is None and keepdim is False and not more
    if plain and type(input) is Tensor and input._data.dtype.kind == "f":  # the usual case
        return _sums.every(input, EVERY)
    if more:
        dim, keepdim = numpy_names("sum", dim, keepdim, more)
    need_tensor("sum", input)
    if out is not None and dim is ALL:
        raise no_overload("sum", input)
    if dtype is not None or out is not None:
        return _in_dtype(_sums, input, dim, keepdim, out, dtype)
    return _sums(input, dim, keepdim, out)


def _in_dtype(reduce: Any, input: Tensor, dim: Any, keepdim: bool, out: Any, dtype: Any) -> Any:
    """Reduce in a dtype (that of `out` if there is no other), and give it: NumPy's sums of small
    integers are int64."""
    name = reduce.prim.name
    if isinstance(out, Tensor):
        dtype = out.dtype if dtype is None else dtype
        errors.check_exact_out(name, dtype, out.dtype)
    made = reduce(input if dtype is None else cast(input, dtype), dim, keepdim, None)
    return given_out(name, out, made if dtype is None else cast(made, dtype))


@spelled(_mean)
def mean(
    input: Any,
    dim: Dims = ALL,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
    **more: Any,
) -> Any:
    plain = dim is ALL and dtype is None and out is None and keepdim is False and not more
    if plain and type(input) is Tensor and input._data.dtype.kind == "f":  # the usual case
        return _means.every(input, EVERY)
    if more:
        dim, keepdim = numpy_names("mean", dim, keepdim, more)
    need_tensor("mean", input)
    if dtype is not None or input._data.dtype.kind in "bui":
        input = _floating("mean", input, dtype)
    if out is not None:
        return _mean_into(input, dim, keepdim, out, dtype)
    return _means(input, dim, keepdim, None)


def _mean_into(input: Tensor, dim: Any, keepdim: bool, out: Any, dtype: Any) -> Tensor:
    """The mean in the dtype of `out`, unless that is smaller: then it is rounded at the end."""
    if not isinstance(out, Tensor):
        raise errors.wrong_kind("mean", "out", "Tensor", out)
    fractions = out.dtype.category >= 2
    if dtype is not None or (fractions and out.dtype.itemsize >= input.dtype.itemsize):
        return _in_dtype(_means, input, dim, keepdim, out, dtype)
    made = _means(input, dim, keepdim, None)
    if not fractions:
        raise errors.not_castable(made.dtype, out.dtype)
    return given_out("mean", out, cast(made, out.dtype))


def _floating(op: str, x: Tensor, dtype: Any) -> Tensor:
    """The operand in `dtype`; what has no fractions has no mean."""
    if dtype is not None and not hasattr(dtype, "category"):
        raise errors.wrong_kind(op, "dtype", "torch.dtype", dtype)
    wanted = x.dtype if dtype is None else dtype
    if wanted.category < 2:
        which = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            errors.hinted(
                f"{op}(): could not infer output dtype. {which} dtype must be either a floating "
                f"point or complex dtype. Got: {errors.LEGACY[wanted.name]}",
                hint="x.float().mean(), or x.mean(dtype=torch.float32)",
            )
        )
    return cast(x, wanted)


@spelled(_nansum)
def nansum(
    input: Any,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
    **more: Any,
) -> Any:
    if more:
        dim, keepdim = numpy_names("nansum", dim, keepdim, more)
    need_tensor("nansum", input)
    if input._data.dtype.kind == "c":
        raise RuntimeError("nansum on CPU does not support complex inputs")
    if isinstance(out, Tensor) and input.dtype.category == 2 != out.dtype.category:
        raise NotImplementedError(
            f"\"nansum_cpu\" not implemented for '{errors.LEGACY[out.dtype.name]}'"
        )
    if dtype is not None or out is not None:
        return _in_dtype(_nansums, input, dim, keepdim, out, dtype)
    return _nansums(input, dim, keepdim, out)


@public("nanmean", method=True)
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """The mean of the elements that are not NaN.

    Args:
        input: floating point or complex tensor.
        dim: the dimensions to reduce (default: all).
        keepdim: keep them with size 1.
        dtype: convert first.

    Returns:
        nansum over the number of elements that are not NaN; NaN where there are none.

    Raises:
        RuntimeError: an integer tensor.

    Example:
        >>> import chainrule as torch
        >>> torch.nanmean(torch.tensor([1.0, float("nan"), 3.0]))
        tensor(2.)
    """
    need_tensor("nanmean", input)
    if input.dtype.category < 2:
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            + errors.LEGACY[input.dtype.name]
        )
    if getattr(dtype, "category", 2) < 2:
        raise RuntimeError(
            "nanmean(): could not infer output dtype. Optional dtype must be either a floating "
            f"point or complex dtype. Got: {errors.LEGACY[dtype.name]}"
        )
    total = nansum(input, dim, keepdim, dtype=dtype)
    x = input._data
    if S.mode is None and type(x) is np.ndarray and total._data.dtype is x.dtype is F32:
        count = wrap(kernels.count_numbers(x, dims_of(dim, x.ndim), keepdim))
    else:
        count = sum(input == input, dim, keepdim)
    return given_out("nanmean", out, total / count)


# ---------------------------------------------------------------- product


def others(xp: Any, x: Any, dim: int) -> Any:
    """The products of all the other elements along a dimension, without a division: exact at
    zeros. Of arrays by one, where there are none."""
    divided = kernels.products_over_each(x, dim) if isinstance(x, np.ndarray) else None
    if divided is not None:
        return divided
    n = x.shape[dim]
    one = xp.expand(
        xp.zeros((1,) * len(x.shape), x.dtype) + 1, (*x.shape[:dim], 1, *x.shape[dim + 1 :])
    )
    if n == 1:
        return one
    before = xp.cumprod(xp.slice(x, dim, 0, n - 1, 1), dim)
    after = xp.flip(xp.cumprod(xp.flip(xp.slice(x, dim, 1, n, 1), (dim,)), dim), (dim,))
    return xp.cat([one, before], dim) * xp.cat([after, one], dim)


def _prod_rule(xp: Any, g: Any, x: Any, x_shape: Ints, dim: Dims, keepdim: bool) -> Any:
    if 0 in x_shape:
        return xp.zeros(x_shape, x.dtype)
    if not x_shape:
        return g
    if dim is None:
        flat = xp.reshape(x, (kernels.count(x_shape, None),))
        return xp.reshape(xp.reshape(g, (1,)) * xp.conj(others(xp, flat, 0)), x_shape)
    (at,) = dim
    if not keepdim:
        g = xp.unsqueeze(g, at)
    return g * xp.conj(others(xp, x, at))


_prod = general(
    "prod",
    kernels.prod,
    ("x",),
    rules={"x": _prod_rule},
    grad_fn="ProdBackward1",
    domain=POSITIVE,
    doc="The product of the elements, of all or along `dim`; d = dx times the other elements.",
)
_prods = Reducer(_prod, "ProdBackward0")


@spelled(_prod)
def prod(
    input: Any,
    dim: Dims = ALL,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
    **more: Any,
) -> Any:
    if more:
        dim, keepdim = numpy_names("prod", dim, keepdim, more)
    need_tensor("prod", input)
    if dim is None or isinstance(dim, (list, tuple)) or (out is not None and dim is ALL):
        raise no_overload("prod", input, dim)
    if dtype is not None or out is not None:
        return _in_dtype(_prods, input, dim, keepdim, out, dtype)
    return _prods(input, dim, keepdim, out)


# ---------------------------------------------------------------- variance


def plain(xp: Any, x: Any) -> bool:
    """Whether a rule is read on an array of float32 or float64, which kernels of derivatives
    take."""
    return xp is RAW and type(x) is np.ndarray and (x.dtype is F32 or x.dtype is F64)


def _var_rule(xp: Any, g: Any, x: Any, x_shape: Ints, dim: Dims, correction: Any) -> Any:
    left = kernels.count(x_shape, dim) - correction
    if left > 0 and plain(xp, x):
        return kernels.var_back(g, None, x, None, dim, correction)
    return g * (2 / left if left > 0 else float("inf")) * (x - xp.mean(x, dim, True))


def _std_rule(xp: Any, g: Any, x: Any, x_shape: Ints, out: Any, dim: Dims, correction: Any) -> Any:
    if plain(xp, x) and kernels.count(x_shape, dim) > correction:
        return kernels.var_back(g, None, x, out, dim, correction)
    half = xp.masked_fill(g / (2 * out), xp.eq(out, 0), 0.0)
    return _var_rule(xp, half, x, x_shape, dim, correction)


def _var_mean_rule(
    xp: Any, gs: Any, x: Any, x_shape: Ints, dim: Dims, keepdim: bool, correction: Any
) -> Any:
    if plain(xp, x) and kernels.count(x_shape, dim) > correction:
        return kernels.var_back(gs[0], gs[1], x, None, dim, correction)
    kept = [spread(xp, g, x_shape, dim, keepdim) for g in gs]
    return _var_rule(xp, kept[0], x, x_shape, dim, correction) + kept[1] / kernels.count(
        x_shape, dim
    )


def _std_mean_rule(
    xp: Any, gs: Any, x: Any, x_shape: Ints, std: Any, dim: Dims, keepdim: bool, correction: Any
) -> Any:
    if plain(xp, x) and kernels.count(x_shape, dim) > correction:
        return kernels.var_back(gs[0], gs[1], x, std, dim, correction)
    kept = [spread(xp, g, x_shape, dim, keepdim) for g in (*gs, std)]
    first = _std_rule(xp, kept[0], x, x_shape, kept[2], dim, correction)
    return first + kept[1] / kernels.count(x_shape, dim)


_var = reduction(
    "var",
    kernels.var,
    _var_rule,
    doc="Squared differences from the mean over n - correction; d = 2 (x - mean) dx / (n - "
    "correction).",
)
_std = reduction(
    "std", kernels.std, _std_rule, doc="The square root of the variance; no gradient where it is 0."
)
_var_mean = general(
    "var_mean",
    kernels.var_mean,
    ("x",),
    rules={"x": _var_mean_rule},
    outputs=("var", "mean"),
    method=False,
    doc="Variance and mean.",
)
_std_mean = general(
    "std_mean",
    kernels.std_mean,
    ("x",),
    rules={"x": _std_mean_rule},
    outputs=("std", "mean"),
    method=False,
    doc="Standard deviation and mean.",
)


def _var_params(
    op: str, x: Any, dim: Any, unbiased: Any, keepdim: Any, correction: Any
) -> tuple[Dims, bool, Any]:
    """(dim, keepdim, correction): `unbiased` is the older way to say correction 1 or 0."""
    need_tensor(op, x)
    if x._data.dtype.kind in "bui":
        raise RuntimeError(
            "std and var only support floating point and complex dtypes\n"
            "Hint: convert it: x.float()"
        )
    if isinstance(dim, bool):  # var(unbiased)
        dim, unbiased = None, dim
    if unbiased is not ABSENT:
        errors.checked_bool(op, "unbiased", unbiased)
    if correction is None:
        correction = 1 if unbiased is ABSENT or unbiased else 0
    dims = None if dim is None else dims_of(dim, x._data.ndim, op)
    return dims, errors.checked_bool(op, "keepdim", keepdim), correction


def _var_like(function: Any) -> None:
    prim = function.prim
    lane: Any = two_lane(prim) if prim.several else one_lane(prim)

    def spelling(
        input: Any,
        dim: Dims = None,
        unbiased: Any = ABSENT,
        keepdim: bool = False,
        *,
        correction: Any = None,
        out: Any = None,
        **more: Any,
    ) -> Any:
        if unbiased is ABSENT and out is correction is None and type(input) is Tensor and not more:
            x = input._data
            if x.dtype.kind == "f" and (keepdim is False or keepdim is True):  # the usual case
                if dim is None:
                    return lane(input, (None, keepdim, 1))
                if type(dim) is int and 0 <= dim < x.ndim:
                    return lane(input, ((dim,), keepdim, 1))
        if more:
            dim, keepdim = numpy_names(prim.name, dim, keepdim, more)
        params = _var_params(prim.name, input, dim, unbiased, keepdim, correction)
        return lane(input, params) if out is None else prim.call(input, params=params, out=out)

    spelling.__name__ = prim.name
    spelled(function)(spelling)


for _function in (_var, _std, _var_mean, _std_mean):
    _var_like(_function)


# ---------------------------------------------------------------- truth and counts

_all = general(
    "all", kernels.all_, ("x",), doc="Whether all elements are nonzero, of all or over `dim`."
)
_any = general(
    "any", kernels.any_, ("x",), doc="Whether any element is nonzero, of all or over `dim`."
)
_count_nonzero = general(
    "count_nonzero",
    kernels.count_nonzero,
    ("x",),
    doc="How many elements are not 0, of all or over `dim`.",
)
_alls, _anys = Reducer(_all), Reducer(_any)


def _truths(op: str, x: Tensor, out: Any) -> Any:
    """Over no dimensions: each element's truth."""
    made = OPS.ne(x, 0)
    return given_out(op, out, cast(made, x.dtype) if x.dtype.name == "uint8" else made)


@spelled(_all)
def all(
    input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **more: Any
) -> Any:
    if more:
        dim, keepdim = numpy_names("all", dim, keepdim, more)
    need_tensor("all", input)
    if isinstance(dim, (tuple, list)) and not dim:
        return _truths("all", input, out)
    return _alls(input, dim, keepdim, out)


@spelled(_any)
def any(
    input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **more: Any
) -> Any:
    if more:
        dim, keepdim = numpy_names("any", dim, keepdim, more)
    need_tensor("any", input)
    if isinstance(dim, (tuple, list)) and not dim:
        return _truths("any", input, out)
    return _anys(input, dim, keepdim, out)


@spelled(_count_nonzero)
def count_nonzero(input: Any, dim: Dims = None) -> Any:
    need_tensor("count_nonzero", input)
    return _count_nonzero.prim.call(input, params=(dims_of(dim, input._data.ndim),))


def _count_nonzero_method(self: Any, *dim: Any, **named: Any) -> Any:
    """`torch.count_nonzero`, with the dimensions one by one if one likes."""
    return count_nonzero(self, *((dim,) if len(dim) > 1 else dim), **named)


METHODS["count_nonzero"] = guarded(_count_nonzero_method)

take_no_out("var_mean", "std_mean")
