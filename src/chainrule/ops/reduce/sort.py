"""Order: sort, topk, medians, quantiles, distinct elements, searching in sorted ones.

Values carry gradients to the places they were read from; places and counts have none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import general, public, spelled
from ...core.lanes import one_lane
from ...core.pick_lane import pick_lane
from ...core.primitive import F32, I64, given_out
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ...kernels import sort as kernels
from .extremes import chosen, named, need_size, return_type
from .sums import need_tensor, no_overload

_PAIR = ("values", "indices")
_Sort, _Topk, _Mode, _Kthvalue, _Median, _Nanmedian = (
    return_type(n, *_PAIR) for n in ("sort", "topk", "mode", "kthvalue", "median", "nanmedian")
)


def _along(xp: Any, g: Any, x_shape: Any, indices: Any, dim: int) -> Any:
    return chosen(xp, g, x_shape, indices, dim)


def _picked(name: str, kernel: Any, grad_fn: str | None = None, **options: Any) -> Any:
    rule = _along if name in ("sort", "topk") else chosen
    return general(
        name, kernel, ("x",), rules={"x": rule}, outputs=_PAIR, grad_fn=grad_fn, **options
    )


# ---------------------------------------------------------------- sort, topk

_sort = _picked("sort", kernels.sort, doc="The elements in order along `dim`, and where they were.")
_topk = _picked(
    "topk", kernels.topk, doc="The k largest elements along `dim` in order, and where they were."
)
_argsort = general(
    "argsort", kernels.argsort, ("x",), doc="Where the elements in order along `dim` were."
)
_argsort_lane = one_lane(_argsort.prim)
_sort_lane, _topk_lane = pick_lane(_sort.prim, _Sort), pick_lane(_topk.prim, _Topk)


def _plain_dim(x: Any, dim: Any) -> int:
    """The dimension from 0 in the usual case: floating point numbers, a number in range; else
    -1."""
    if type(x) is Tensor and type(dim) is int:
        data = x._data
        n = data.ndim
        if -n <= dim < n and data.dtype.kind == "f" and data.size:
            return dim if dim >= 0 else dim + n
    return -1


def _need_order(x: Any) -> None:
    if x._data.dtype.kind == "c":
        raise RuntimeError(" Sort does not support complex dtypes on CPU")


@spelled(_sort)
def sort(
    input: Any, dim: int = -1, descending: bool = False, stable: Any = None, *, out: Any = None
) -> Any:
    if stable is out is None and type(descending) is bool and (at := _plain_dim(input, dim)) >= 0:
        return _sort_lane(input, (at, descending))
    need_tensor("sort", input)
    _need_order(input)
    descending = errors.checked_bool("sort", "descending", descending)
    if stable is not None:
        errors.checked_bool("sort", "stable", stable)
    params = (errors.checked_dim(dim, input._data.ndim), descending)
    if out is None:
        return _sort_lane(input, params)
    return named(_Sort, _sort.prim.call(input, params=params, out=out))


@spelled(_argsort)
def argsort(
    input: Any, dim: int = -1, descending: bool = False, stable: Any = None, **more: Any
) -> Any:
    if stable is None and not more and type(descending) is bool:
        at = _plain_dim(input, dim)
        if at >= 0:
            return _argsort_lane(input, (at, descending))
    need_tensor("argsort", input)
    for name in more:
        if name != "axis":
            raise TypeError(f"argsort() got an unexpected keyword argument '{name}'")
        dim = errors.one_dim("argsort", None if dim == -1 else dim, more[name])
    _need_order(input)
    descending = errors.checked_bool("argsort", "descending", descending)
    if stable is not None:
        errors.checked_bool("argsort", "stable", stable)
    return _argsort_lane(input, (errors.checked_dim(dim, input._data.ndim), descending))


@public("msort", method=True)
def msort(input: Tensor, *, out: Any = None) -> Tensor:
    """The elements in order along the first dimension.

    Example:
        >>> import chainrule as torch
        >>> torch.msort(torch.tensor([3, 1, 2]))
        tensor([1, 2, 3])
    """
    made = sort(input, 0)[0]
    return given_out("msort", out, made)


@spelled(_topk)
def topk(
    input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None
) -> Any:
    if out is None and sorted is True and type(largest) is bool and type(k) is int:
        at = _plain_dim(input, dim)
        if at >= 0 and 0 <= k <= input._data.shape[at]:
            return _topk_lane(input, (k, at, largest))
    need_tensor("topk", input)
    at = errors.checked_dim(dim, input._data.ndim)
    size = input._data.shape[at] if input._data.ndim else 1
    if type(k) is not int:
        errors.need_int("topk", k=k)
        k = int(k)
    if input._data.dtype.kind in "bc":
        kind = "bool" if input._data.dtype.kind == "b" else "complex"
        raise RuntimeError(f"topk does not support {kind} dtypes on CPU")
    largest = errors.checked_bool("topk", "largest", largest)
    errors.checked_bool("topk", "sorted", sorted)
    if not 0 <= k <= size:
        raise RuntimeError(
            f"selected index k out of range\nk: {k}, elements along dimension {at}: {size}"
        )
    if out is None:
        return _topk_lane(input, (k, at, largest))
    return named(_Topk, _topk.prim.call(input, params=(k, at, largest), out=out))


# -------------------------------------------------------- one of the middle, the most frequent


def _middle_rule(xp: Any, g: Any, x: Any, out: Any) -> Any:
    ties = xp.to_dtype(xp.same(x, out), x.dtype)
    return ties * (g / xp.sum(ties, None, False))


_kthvalue = _picked(
    "kthvalue", kernels.kthvalue, doc="The k-th smallest element along `dim`, and where it is."
)
_mode = _picked(
    "mode", kernels.mode, doc="The most frequent element along `dim`, and its last place."
)
_median_dim = _picked(
    "median_dim",
    kernels.median,
    "MedianBackward1",
    method=False,
    names=("_median_dim",),
    doc="The lower middle element along `dim`, and where it is.",
)
_nanmedian_dim = _picked(
    "nanmedian_dim",
    kernels.nanmedian,
    "NanmedianBackward1",
    method=False,
    names=("_nanmedian_dim",),
    doc="The lower middle of the elements along `dim` that are not NaN.",
)
_median = general(
    "median", kernels.median_all, ("x",), rules={"x": _middle_rule}, doc="The lower middle element."
)
_nanmedian = general(
    "nanmedian",
    kernels.nanmedian_all,
    ("x",),
    rules={"x": _middle_rule},
    doc="The lower middle of the elements that are not NaN.",
)


_kthvalue_lane = pick_lane(_kthvalue.prim, _Kthvalue)
_mode_lane = pick_lane(_mode.prim, _Mode)


def _check_out(input: Tensor, out: Any) -> None:
    """PyTorch wants the exact dtypes here."""
    if all(isinstance(o, Tensor) for o in out):
        if np.may_share_memory(out[0]._data, input._data):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. Please clone() the tensor before "
                "performing the operation."
            )
        if out[0].dtype is not input.dtype:
            raise RuntimeError("output values must be of same type as input")
        if out[1].dtype is not dtypes.int64:
            raise RuntimeError("output indices must be of scalar type Long")


@spelled(_kthvalue)
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    if out is None and type(keepdim) is bool and type(k) is int:
        at = _plain_dim(input, dim)
        if at >= 0 and 1 <= k <= input._data.shape[at]:
            return _kthvalue_lane(input, (k, at, keepdim))
    need_tensor("kthvalue", input)
    at = errors.checked_dim(dim, input._data.ndim)
    if input._data.ndim:
        need_size("kthvalue", input, at)
    size = input._data.shape[at] if input._data.ndim else 1
    if not hasattr(k, "__index__") or type(k) is bool:
        raise errors.wrong_kind("kthvalue", "k", "int", k)
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {at}")
    if out is not None:
        _check_out(input, out)
    if input._data.dtype.kind in "bc":
        raise NotImplementedError(f"\"kthvalue_cpu\" not implemented for '{_name(input)}'")
    keepdim = errors.checked_bool("kthvalue", "keepdim", keepdim)
    return named(_Kthvalue, _kthvalue.prim.call(input, params=(int(k), at, keepdim), out=out))


@spelled(_mode)
def mode(input: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    if out is None and type(keepdim) is bool and (at := _plain_dim(input, dim)) >= 0:
        return _mode_lane(input, (at, keepdim))
    need_tensor("mode", input)
    at = errors.checked_dim(dim, input._data.ndim)
    need_size("mode", input, at)
    if input._data.dtype.kind == "c":
        raise NotImplementedError(f"\"mode_cpu\" not implemented for '{_name(input)}'")
    keepdim = errors.checked_bool("mode", "keepdim", keepdim)
    return named(_Mode, _mode.prim.call(input, params=(at, keepdim), out=out))


def _spell_median(whole: Any, along: Any, result: Any) -> None:
    name, lane, picked = whole.prim.name, one_lane(whole.prim), pick_lane(along.prim, result)

    def spelling(input: Any, dim: Any = ABSENT, keepdim: bool = False, *, out: Any = None) -> Any:
        if dim is ABSENT:
            plain = out is None and keepdim is False and type(input) is Tensor
            if plain and input._data.dtype.kind == "f":  # the usual case
                return lane(input, ())
        elif out is None and type(keepdim) is bool and (at := _plain_dim(input, dim)) >= 0:
            return picked(input, (at, keepdim))
        need_tensor(name, input)
        if out is not None and dim is ABSENT:
            raise TypeError(f'{name}() missing 1 required positional arguments: "dim"')
        if input._data.dtype.kind in "bc":
            raise NotImplementedError(f"\"{name}_out\" not implemented for '{_name(input)}'")
        if dim is ABSENT and keepdim is False:
            return lane(input, ()) if out is None else whole.prim.call(input, out=out)
        if not hasattr(dim, "__index__"):
            raise no_overload(name, input, dim)
        at = errors.checked_dim(dim, input._data.ndim)
        need_size(name, input, at)
        keepdim = errors.checked_bool(name, "keepdim", keepdim)
        return named(result, along.prim.call(input, params=(at, keepdim), out=out))

    spelling.__name__ = name
    spelled(whole)(spelling)


def _name(x: Tensor) -> str:
    return errors.LEGACY[x.dtype.name]


_spell_median(_median, _median_dim, _Median)
_spell_median(_nanmedian, _nanmedian_dim, _Nanmedian)


# ---------------------------------------------------------------- quantiles

_WAYS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(op: str, x: Any, q: Any, dim: Any, keepdim: bool, way: str, skip_nan: bool) -> Tensor:
    need_tensor(op, x)
    q = _checked_q(op, x, q, way)
    at = None if dim is None else errors.checked_dim(dim, x._data.ndim)
    ranks = x._data.ndim
    rows = OPS.reshape(x, (x._data.size,)) if at is None or not ranks else x.movedim(at, -1)
    ordered = sort(rows, -1)[0]
    n = ordered._data.shape[-1]
    if not q._data.ndim and S.mode is None and not keepdim and not _ends_in_nan(ordered):
        return _at_level(ordered, q._data * (n - 1), way)
    last = (~OPS.isnan(ordered)).sum(-1, keepdim=True) - 1 if skip_nan else None
    levels = OPS.reshape(q, (q._data.size,))
    where = levels * (n - 1) if last is None else levels * OPS.maximum(last, last * 0)
    made = _between(ordered, where, way, skip_nan, n)
    made = made.movedim(-1, 0) if q._data.ndim else OPS.squeeze(made, -1)
    if keepdim:
        start = q._data.ndim
        if at is None:
            made = OPS.reshape(made, made._data.shape[:start] + (1,) * ranks)
        else:
            made = OPS.unsqueeze(made, start + at) if ranks else made
    return made


def _ends_in_nan(ordered: Tensor) -> bool:
    last = ordered._data[..., -1]
    return bool((last != last).any())


def _at_level(ordered: Tensor, where: Any, way: str) -> Any:
    """The usual case of `_between`: one level, no NaN, so the places are known numbers."""
    if way in ("lower", "higher", "nearest"):
        pick: Any = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}[way]
        return OPS.squeeze(_column(ordered, int(pick(where))), -1)
    below = np.floor(where)
    part = where - below if way == "linear" else where.dtype.type(0.5)
    low, high = _column(ordered, int(below)), _column(ordered, int(np.ceil(where)))
    return OPS.squeeze(OPS.lerp(low, high, wrap(np.full(low._data.shape, part))), -1)


def _column(x: Tensor, i: int) -> Any:
    return OPS.slice(x, x._data.ndim - 1, i, i + 1, 1)


def _between(ordered: Tensor, where: Tensor, way: str, skip_nan: bool, n: int) -> Any:
    """The elements of sorted rows at places that may lie between two of them."""
    shape = (*ordered._data.shape[:-1], where._data.shape[-1])
    where = OPS.expand(where, shape)
    if not skip_nan:  # one NaN makes everything NaN: it was sorted to the end
        bad = OPS.isnan(OPS.slice(ordered, ordered._data.ndim - 1, n - 1, n, 1))
        where = OPS.masked_fill(where, bad, float(n - 1))
    if way in ("lower", "higher", "nearest"):
        pick = {"lower": OPS.floor, "higher": OPS.ceil, "nearest": OPS.round}[way](where)
        return OPS.gather(ordered, -1, OPS.to_dtype(pick, dtypes.int64))
    below = OPS.floor(where)
    low = OPS.gather(ordered, -1, OPS.to_dtype(below, dtypes.int64))
    high = OPS.gather(ordered, -1, OPS.to_dtype(OPS.ceil(where), dtypes.int64))
    part = where - below if way == "linear" else (where - below) * 0 + 0.5
    return OPS.lerp(low, high, part)


def _checked_q(op: str, x: Tensor, q: Any, way: str) -> Tensor:
    if way not in _WAYS:
        raise RuntimeError(
            f"{op}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {way}"
        )
    if not x._data.size:
        raise RuntimeError(f"{op}() input tensor must be non-empty")
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{op}() input tensor must be either float or double dtype")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{op}() q must be in the range [0, 1] but got {q:g}")
        return wrap(x._data.dtype.type(q))
    if q.dtype is not x.dtype:
        raise RuntimeError(f"{op}() q tensor must be same dtype as the input tensor")
    if q._data.ndim > 1:
        raise RuntimeError(f"{op}() q must be a scalar or 1D tensor")
    if not q._wrapped and not np.all((q._data >= 0) & (q._data <= 1)):
        raise RuntimeError(f"{op}() q values must be in the range [0, 1]")
    return q


@public("quantile", method=True)
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor:
    """The element below which a share `q` of the elements lies, between two by interpolation.

    Args:
        input: float32 or float64.
        q: a number in [0, 1], or a vector of them (its dimension comes first in the result).
        dim: along which (default: all elements).
        keepdim: keep the dimension with size 1.
        interpolation: linear, lower, higher, midpoint or nearest.

    Raises:
        RuntimeError: `q` outside [0, 1], an empty or integer tensor.

    Example:
        >>> import chainrule as torch
        >>> torch.quantile(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
        tensor(1.5000)
    """
    made = _quantile("quantile", input, q, dim, keepdim, interpolation, False)
    return given_out("quantile", out, made)


@public("nanquantile", method=True)
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor:
    """`quantile` of the elements that are not NaN.

    Example:
        >>> import chainrule as torch
        >>> torch.nanquantile(torch.tensor([1.0, float("nan"), 3.0]), 0.5)
        tensor(2.)
    """
    made = _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
    return given_out("nanquantile", out, made)


# ---------------------------------------------------------------- distinct elements

_unique = general(
    "unique",
    kernels.unique,
    ("x",),
    outputs=("output", "inverse_indices", "counts"),
    doc="The distinct elements, or slices along `dim`, in order.",
)
_unique_consecutive = general(
    "unique_consecutive",
    kernels.unique_consecutive,
    ("x",),
    outputs=("output", "inverse_indices", "counts"),
    doc="One of every run of equal neighbours.",
)


_PLAIN = (F32, I64)


def _parts(made: Any, return_inverse: bool, return_counts: bool) -> Any:
    if not (return_inverse or return_counts):
        return made[0]
    chosen = [made[0], *made[1:2] * bool(return_inverse), *made[2:] * bool(return_counts)]
    return tuple(chosen)


@spelled(_unique)
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    _need_real("unique", input, dim)
    at = None if dim is None else errors.checked_dim(dim, input._data.ndim)
    params = (at, not return_inverse and not return_counts)
    return _parts(_unique.prim.call(input, params=params), return_inverse, return_counts)


def _need_real(op: str, x: Any, dim: Any) -> None:
    need_tensor(op, x)
    if x._data.dtype.kind == "c":
        kernel = "unique" if dim is None else "unique_dim"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{_name(x)}'")


@spelled(_unique_consecutive)
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    if dim is None and S.mode is None and type(input) is Tensor:
        data = input._data
        if data.dtype in _PLAIN and type(data) is np.ndarray and data.size:  # the usual case
            made = kernels.unique_consecutive(data, None, not (return_inverse or return_counts))
            return _parts(tuple([wrap(part) for part in made]), return_inverse, return_counts)
    _need_real("unique_consecutive", input, dim)
    at = None if dim is None else errors.checked_dim(dim, input._data.ndim)
    params = (at, not return_inverse and not return_counts)
    made = _unique_consecutive.prim.call(input, params=params)
    return _parts(made, return_inverse, return_counts)


# ---------------------------------------------------------------- searching

_searchsorted = general(
    "searchsorted",
    kernels.searchsorted,
    ("sorted_sequence", "values"),
    method=False,
    doc="Where values would have to be put in sorted rows to keep them sorted.",
)


@spelled(_searchsorted)
def searchsorted(
    sorted_sequence: Any,
    input: Any = None,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
    out: Any = None,
    values: Any = None,
) -> Any:
    if sorter is side is out is values is None and out_int32 is False:
        found = _found(sorted_sequence, input, right)  # the usual case
        if found is not None:
            return found
    need_tensor("searchsorted", sorted_sequence)
    value = values if input is None else input
    if not isinstance(value, Tensor):
        if not isinstance(value, (int, float, np.number)):
            raise no_combination("searchsorted", (sorted_sequence, value), {})
        value = wrap(np.asarray(value, sorted_sequence._data.dtype)[()])
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while "
            "right was True"
        )
    for t in (sorted_sequence, value):
        if t._data.dtype.kind == "c":
            raise NotImplementedError(f"\"searchsorted_out_cpu\" not implemented for '{_name(t)}'")
    if sorter is not None:
        sorted_sequence = OPS.gather(sorted_sequence, -1, sorter)
    _check_search(sorted_sequence, value)
    made = _searchsorted.prim.call(sorted_sequence, value, params=(bool(right or side == "right"),))
    made = OPS.to_dtype(made, dtypes.int32) if out_int32 else made
    return given_out("searchsorted", out, made)


def _found(rows: Any, values: Any, right: Any) -> Tensor | None:
    """Where float32 numbers have to be put in a vector; None in other cases."""
    if S.mode is not None or not type(rows) is type(values) is Tensor or type(right) is not bool:
        return None
    a, b = rows._data, values._data
    if a.dtype is b.dtype is F32 and a.ndim == 1 and type(b) is np.ndarray:
        return wrap(kernels.searchsorted(a, b, right))
    return None


def _check_search(rows: Tensor, values: Tensor) -> None:
    a, b = rows._data.shape, values._data.shape
    if not a:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            "dimension is 1"
        )
    if len(a) > 1 and (len(a) != len(b) or a[:-1] != b[:-1]):
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions "
            "of boundaries tensor and input value tensor must match, but we got boundaries "
            f"tensor {list(a)} "
            f"and input value tensor {list(b)}"
        )


@public("bucketize", method=True)
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False, out: Any = None
) -> Tensor:
    """The number of the bucket, between sorted boundaries, that every element falls into.

    Args:
        input: values, or one number.
        boundaries: a sorted vector.
        out_int32: int32 instead of int64.
        right: a value on a boundary belongs to the bucket after it.

    Example:
        >>> import chainrule as torch
        >>> torch.bucketize(torch.tensor([0.5, 2.0]), torch.tensor([1.0, 2.0, 3.0]))
        tensor([0, 1])
    """
    if out is None and out_int32 is False:
        found = _found(boundaries, input, right)  # the usual case
        if found is not None:
            return found
    if not isinstance(input, (Tensor, int, float, np.number)):
        raise no_combination("bucketize", (input, boundaries), {})
    if boundaries._data.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries._data.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)
