"""Counting: histograms, `bincount`, and what finds places and members (`unravel_index`, `isin`).

No gradients: counts are piecewise constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import general, public, spelled
from ...core.primitive import I64, fill_out
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ...kernels import histogram as kernels
from ..make.create import _spaced
from .extremes import return_type
from .sums import dims_of

_Histogram = return_type("histogram", "hist", "bin_edges")
_Histogramdd = return_type("histogramdd", "hist", "bin_edges")


def _tensor(op: str, name: str, position: int, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise errors.wrong_type(op, name, position, value)
    return value


def _title(x: Tensor) -> str:
    return errors.LEGACY[x.dtype.name]


def _refuse(kernel: str, x: Tensor, hint: str = "convert it with .float()") -> None:
    raise NotImplementedError(
        errors.hinted(f"\"{kernel}\" not implemented for '{_title(x)}'", hint=hint)
    )


def _check_bins(bins: int, dim: int = 0) -> None:
    if bins <= 0:
        raise RuntimeError(
            f"torch.histogram(): bins must be > 0, but got {bins} for dimension {dim}"
        )


# ---------------------------------------------------------------- histc

_histc = general(
    "histc", kernels.in_range, ("x",),
    doc="How many elements lie in each of `bins` equal parts of [low, high].",
)  # fmt: skip


def _histc_range(x: Tensor, low: float, high: float) -> tuple[float, float]:
    errors.need_number("histc", 3, min=low, max=high)
    if low == high and x._data.size:
        item = x._data.item
        low, high = float(item(x._data.argmin())), float(item(x._data.argmax()))
    if low == high:
        low, high = low - 1, high + 1
    if not math.isfinite(high - low):
        raise RuntimeError(f"torch.histc: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    return low, high


@spelled(_histc)
def histc(
    input: Any, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None
) -> Tensor:
    x = _tensor("histc", "input", 1, input)
    if not hasattr(bins, "__index__") or bins is True or bins is False:
        name = errors.kind_name(bins)
        raise TypeError(f"histc(): argument 'bins' (position 2) must be int, not {name}")
    if x.dtype.category != 2:
        kernel = {"b": "linspace_cpu", "c": "aminmax_cpu"}.get(x._data.dtype.kind, "histogram_cpu")
        _refuse(kernel, x)
    _check_bins(bins)
    low, high = _histc_range(x, min, max)
    return _histc.prim.call(x, params=(int(bins), low, high), out=out)


# ---------------------------------------------------------------- histogram, histogramdd

_counts = general(
    "histogramdd_counts", lambda x, weight, *rest: kernels.counted(x, weight, *rest),
    ("x", "weight"), method=False, names=("_histogramdd",),
    doc="How many rows of x lie between the edges of each dimension, weighted.",
)  # fmt: skip


def _edges_between(x: Tensor, counts: Sequence[int], span: Any) -> list[Any]:
    """Equal parts of a range that is given, or that of the data."""
    n = len(counts)
    if span is not None and len(span) != 2 * n:
        raise RuntimeError(
            f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} "
            f"elements, but got {len(span)}"
        )
    edges = []
    for d, count in enumerate(counts):
        _check_bins(count, d)
        low, high = _span(x, d) if span is None else (float(v) for v in span[2 * d : 2 * d + 2])
        if not (np.isfinite(low) and np.isfinite(high)):
            shown = f"[{low:g}, {high:g}]"
            raise RuntimeError(f"torch.histogramdd: dimension {d}'s range {shown} is not finite")
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} "
                f"for dimension {d}"
            )
        if low == high:
            low, high = (low, low + 1) if not x._data.size else (low - 0.5, high + 0.5)
        edges.append(_spaced(low, high, count + 1, x._data.dtype))
    return edges


def _span(x: Tensor, d: int) -> tuple[float, float]:
    if not x._data.size:
        return 0.0, 0.0
    column = x._data[:, d]
    return float(column.min()), float(column.max())


def _edges_given(x: Tensor, given: Sequence[Tensor]) -> list[Any]:
    n = x._data.shape[1]
    if len(given) != n:
        raise RuntimeError(
            f"torch.histogramdd: expected {n} sequences of bin edges for a {n}-dimensional "
            f"histogram but got {len(given)}"
        )
    for d, e in enumerate(given):
        if e.dtype is not x.dtype:
            names = [_C_NAMES.get(t.dtype.name, t.dtype.name) for t in (x, e)]
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but "
                f"got input with dtype {names[0]} and bins for dimension {d} with dtype {names[1]}"
            )
        if e._data.ndim != 1:
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have one dimension, but got {e._data.ndim} "
                f"dimensions in the bins tensor for dimension {d}"
            )
        if not e._data.size:
            raise RuntimeError(
                "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements "
                f"in the bins tensor for dimension {d}"
            )
        _check_bins(e._data.size - 1, d)
    return [e._data for e in given]


_C_NAMES = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}


def _histogram(x: Tensor, bins: Any, span: Any, weight: Any, density: bool) -> tuple[Any, Any]:
    """(counts, edges) of points (..., dimensions), and the checks of both functions."""
    shape = list(x._data.shape)
    points = OPS.reshape(x, (int(np.prod(shape[:-1])), shape[-1]))
    if weight is not None:
        if weight.dtype is not x.dtype:
            names = [_C_NAMES.get(t.dtype.name, t.dtype.name) for t in (x, weight)]
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor "
                f"should have the same dtype, but got input({names[0]}), and weight({names[1]})"
            )
        if list(weight._data.shape) != shape[:-1]:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided it should have the same shape as "
                f"the input tensor excluding its innermost dimension, but got input with shape "
                f"{shape} and weight with shape {list(weight._data.shape)}"
            )
        weight = OPS.reshape(weight, (points._data.shape[0],))
    given = isinstance(bins[0], Tensor) if len(bins) else False
    if not given and x.dtype.name in ("float32", "float64"):
        edges = _edges_between(points, bins, span)
    else:
        edges = _edges_given(points, bins) if given else []
    if x.dtype.name not in ("float32", "float64"):
        _refuse("histogramdd", x)
    counts = _counts.prim.call(points, weight, params=(tuple(edges), density))
    return counts, [wrap(e) for e in edges]


@public("histogram", method=True)
def histogram(
    input: Tensor,
    bins: Any = 100,
    *,
    range: Any = ABSENT,
    weight: Tensor | None = None,
    density: bool = False,
    out: Any = None,
) -> Any:
    """How many elements lie in each bin.

    Args:
        input: float32 or float64.
        bins: how many bins of equal width, or their edges in order (a vector).
        range: (low, high) of the bins (default: that of the data).
        weight: counted instead of ones, of the shape of `input`.
        density: divide by the total and by the widths, so that the integral is 1.

    Returns:
        A named tuple (hist, bin_edges).

    Raises:
        RuntimeError: no bins; a range that is not finite; edges or weights that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.histogram(torch.tensor([1.0, 2.0, 1.0]), 2).hist
        tensor([2., 1.])
    """
    x = _tensor("histogram", "input", 1, input)
    edges = isinstance(bins, Tensor)
    if not isinstance(bins, (int, Tensor)) or isinstance(bins, bool) or (
        edges and range is not ABSENT
    ):  # fmt: skip
        raise TypeError(
            "histogram() received an invalid combination of arguments - got (Tensor, "
            f"{errors.kind_name(bins)})\nHint: bins is an int or a tensor of edges"
        )
    range = None if range is ABSENT else range
    column = OPS.reshape(x, (x._data.size, 1))
    weight = None if weight is None else OPS.reshape(weight, (weight._data.size,))
    counts, (edges,) = _histogram(column, (bins,), range, weight, density)
    return _filled(_Histogram((counts, edges)), out)


def _filled(made: Any, out: Any) -> Any:
    if out is None:
        return made
    for target, value in zip(out, made, strict=True):
        fill_out(target, value)
    return out


@public("histogramdd")
def histogramdd(
    input: Tensor,
    bins: Any,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """How many points lie in each cell of a grid.

    Args:
        input: points (..., d), float32 or float64.
        bins: how many bins in all dimensions, or in each, or the edges of each (d vectors).
        range: the bounds of the first dimension, of the second, ... (default: those of the data).
        weight: counted instead of ones, of shape (...).
        density: divide by the total and by the volumes.

    Returns:
        A named tuple (hist, bin_edges): a tensor of d dimensions, a tuple of d vectors.

    Raises:
        RuntimeError: as for `histogram`.

    Example:
        >>> import chainrule as torch
        >>> torch.histogramdd(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), 2).hist
        tensor([[0., 1.],
                [1., 0.]])
    """
    x = _tensor("histogramdd", "input", 1, input)
    if x._data.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    if isinstance(bins, bool):
        raise no_combination("histogramdd", (x, bins), {})
    each = [bins] * x._data.shape[-1] if isinstance(bins, int) else list(bins)
    if len(each) != x._data.shape[-1] and not (each and isinstance(each[0], Tensor)):
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input."
        )
    counts, edges = _histogram(x, each, range, weight, density)
    return _Histogramdd((counts, tuple(edges)))


# ---------------------------------------------------------------- bincount


def _weights_rule(xp: Any, g: Any) -> Any:
    if isinstance(g, (np.ndarray, np.generic, Tensor)):
        raise NotImplementedError("derivative for aten::bincount is not implemented")
    return g * float("nan")  # a symbol: the formula says that there is none


_bincount = general(
    "bincount", kernels.bincount, ("x", "weights"), rules={"weights": _weights_rule},
    grad_fn="NotImplemented",
    doc="How often each integer occurs, or the sum of its weights.",
)  # fmt: skip


@spelled(_bincount)
def bincount(input: Any, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    if weights is None and S.mode is None and type(input) is Tensor and type(minlength) is int:
        data = input._data
        if data.dtype is I64 and data.ndim == 1 and data.size and minlength >= 0:
            try:
                return wrap(kernels.bincount(data, None, minlength))  # the usual case
            except ValueError:
                pass  # of negative numbers, as is said below
    x = _tensor("bincount", "input", 1, input)
    if x._data.dtype.kind not in "iu":
        _refuse("bincount_cpu", x, "convert it with .long()")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    empty = x._data.ndim == 1 and not x._data.size
    if x._data.ndim != 1 or (not empty and x._data.min() < 0):
        raise RuntimeError(
            errors.hinted(
                "bincount only supports 1-d non-negative integral inputs.",
                f"shape: {list(x._data.shape)}",
                hint="x.flatten() makes it a vector",
            )
        )
    if empty:
        return wrap(np.zeros(minlength, np.int64))
    if weights is not None and weights._data.shape != x._data.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    return _bincount.prim.call(x, weights, params=(minlength,))


# ---------------------------------------------------------------- places and members

_unravel = general(
    "unravel_index", kernels.unraveled, ("x",), method=False, names=("_unravel_index",),
    doc="The coordinates of flat positions in a tensor of this shape.",
)  # fmt: skip


@public("unravel_index")
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates of flat positions in a tensor of `shape`.

    Args:
        indices: integers.
        shape: ints.

    Returns:
        One int64 tensor a dimension, of the shape of `indices`.

    Raises:
        TypeError: indices or a shape that are not integers.
        ValueError: a negative size.

    Example:
        >>> import chainrule as torch
        >>> torch.unravel_index(torch.tensor([1, 4]), (2, 3))
        (tensor([0, 1]), tensor([1, 1]))
    """
    x = _tensor("unravel_index", "indices", 1, indices)
    if x._data.dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {x.dtype!r}")
    if isinstance(shape, dict):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        if not hasattr(n, "__index__"):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n)}")
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if x._data.size and 0 in sizes:
        raise RuntimeError(f"no position exists in a tensor of shape {sizes}")
    made = OPS.unravel_index(x, sizes)
    return tuple(OPS.unbind(made, made._data.ndim - 1)) if sizes else ()


_isin = general(
    "isin", kernels.isin, ("a", "b"), method=False,
    doc="Whether each element of a is one of b.",
)  # fmt: skip


@spelled(_isin)
def isin(
    elements: Any = None,
    test_elements: Any = None,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    element: Any = None,
    test_element: Any = None,
    out: Any = None,
) -> Tensor:
    if element is not None or test_element is not None:
        pairs = ((elements, element), (test_elements, test_element))
        if any(n is not None and (t is not None or isinstance(n, Tensor)) for t, n in pairs):
            raise no_combination("isin", pairs[0], {"test_element": test_element})
    if type(elements) is type(test_elements) is Tensor and S.mode is None:
        data = elements._data
        if data.dtype is test_elements._data.dtype is I64 and out is None and type(invert) is bool:
            return wrap(kernels.isin(data, test_elements._data, invert))  # the usual case
    a = elements if element is None else element
    b = test_elements if test_element is None else test_element
    kinds = (Tensor, int, float, bool, complex)
    strange = not (isinstance(a, kinds) and isinstance(b, kinds))
    if strange or not (isinstance(a, Tensor) or isinstance(b, Tensor)):
        raise TypeError(
            "isin() received an invalid combination of arguments - got "
            f"({errors.kind_name(a)}, {errors.kind_name(b)})\n"
            "Hint: at least one of them is a tensor"
        )
    a, b = (v if isinstance(v, Tensor) else wrap(np.array(v)) for v in (a, b))
    for t in (a, b):
        if t._data.dtype.kind in "bc":
            raise RuntimeError(f"Unsupported input type encountered for isin(): {_title(t)}")
    return _isin.prim.call(a, b, params=(invert,), out=out)


# ---------------------------------------------------------------- a checksum

_hash = general(
    "hash_tensor", kernels.xor_sum, ("x",),
    doc="The exclusive or of the bits of all elements, as float64 or int64; an uint64.",
)  # fmt: skip


@spelled(_hash)
def hash_tensor(
    input: Any, dim: Any = (), *, keepdim: bool = False, mode: int = 0, out: Any = None
) -> Tensor:
    x = _tensor("hash_tensor", "input", 1, input)
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    if x.is_complex():
        _refuse("xor_sum_cpu", x, "hash the parts: torch.view_as_real(x)")
    rank, shape = x._data.ndim, x._data.shape
    dims = dims_of(None if dim == () else dim, rank)
    every = tuple(range(rank)) if dims is None else dims
    for d in every:
        if not x._data.size and not shape[d]:
            if dim == ():
                raise RuntimeError(
                    "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            raise IndexError(f"hash_tensor: Expected reduction dim {d} to have non-zero size.")
    return _hash.prim.call(x, params=(every, keepdim), out=out)
