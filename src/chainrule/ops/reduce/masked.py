"""`torch.masked`: reductions, running reductions and normalisations of the elements a mask keeps.

Composites: elements that the mask drops are replaced by the neutral element of the operation. Where
nothing is kept the result is that element too (NaN for means). Tensors are plain ones; PyTorch's
`MaskedTensor` is not built.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import public
from ...core.primitive import cast
from ...core.record import OPS
from ...core.tensor import Tensor
from ..fast import T

Dims = Any  # int, ints or None

# ---------------------------------------------------------------- masks and dimensions


def _kept(input: Tensor, mask: Any) -> Any:
    """The mask in the shape of the input, as bool; None keeps everything."""
    if mask is None:
        return None
    if mask._data.ndim > input._data.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the "
            "input)"
        )
    if mask._data.dtype.kind != "b":
        mask = mask != 0
    return OPS.expand(mask, tuple(input._data.shape))


def _least(dtype: np.dtype[Any], op: str) -> Any:
    """The least number of a dtype."""
    if dtype.kind == "b":
        raise NotImplementedError(f"identity of {op} on torch.bool input")
    if dtype.kind == "c":
        raise TypeError(
            "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
            f"'torch.iinfo'\nHint: {op} has no neutral element in complex numbers"
        )
    return -math.inf if dtype.kind in "fV" else int(np.iinfo(dtype).min)


def _greatest(dtype: np.dtype[Any], op: str) -> Any:
    return math.inf if _least(dtype, op) == -math.inf else int(np.iinfo(dtype).max)


NEUTRAL: dict[str, Callable[[Any, str], Any]] = {
    "sum": lambda dtype, op: 0,
    "prod": lambda dtype, op: 1,
    "max": _least,
    "exp": lambda dtype, op: -math.inf if dtype.kind == "c" else _least(dtype, op),
    "min": _greatest,
}


def _filled(op: str, input: Any, mask: Any, neutral: Any) -> Tensor:
    """The input with `neutral` (a key of `NEUTRAL`, or a number) where the mask drops it."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op, "input", 1, input)
    kept = _kept(input, mask)
    if kept is None:
        return input
    if isinstance(neutral, str):
        neutral = NEUTRAL[neutral](input._data.dtype, op)
    return OPS.where(kept, input, neutral)


def _dims(input: Any, dim: Dims) -> tuple[int, ...]:
    """The dimensions, counted from 0; None or none is all."""
    rank = input._data.ndim if isinstance(input, Tensor) else 0
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(rank))
    if not (isinstance(dim, int) or hasattr(dim, "__iter__")):
        raise errors.wrong_kind("masked", "dim", "tuple of ints", dim)
    each = [int(d) if isinstance(d, bool) else d for d in ((dim,) if isinstance(dim, int) else dim)]
    made = tuple([errors.checked_dim(d, rank) for d in each])
    for i, d in enumerate(made):
        if d in made[:i]:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
    return made if rank else ()


def _first(input: Any, dim: Dims) -> int:
    """The one dimension of an operation along it."""
    return (*_dims(input, dim), 0)[0]


def _as(made: Tensor, dtype: Any) -> Tensor:
    return made if dtype is None else cast(made, dtype)


# ---------------------------------------------------------------- documentation

_ARGS = {
    "dim": "dim: an int, ints, or None for all.",
    "along": "dim: the dimension.",
    "keepdim": "keepdim: keep dimensions of size 1.",
    "dtype": "dtype: of the result (default: as PyTorch's function without mask).",
    "mask": "mask: bool, broadcast to the input; True keeps an element.",
}


def _documented(what: str, *arguments: str, rest: str = "", call: str = "") -> Callable[[Any], Any]:
    """Decorator: the docstring, and the public name below torch.masked."""

    def add(function: Any) -> Any:
        name = function.__name__
        lines = "\n        ".join([*(_ARGS[a] for a in arguments), *filter(None, [rest])])
        function.__doc__ = f"""{what}

    Args:
        input: a tensor.
        {lines}

    Raises:
        IndexError: a dimension out of range; a mask of more dimensions than the input.

    Example:
        >>> import chainrule as torch
        >>> x, mask = torch.tensor([1.0, 2.0]), torch.tensor([True, False])
        >>> torch.masked.{name}(x{call}, mask=mask).shape
        torch.Size([{"2" if "along" in arguments and name != "median" else ""}])
    """
        return public(f"masked.{name}")(function)

    return add


_EACH = ("dim", "keepdim", "dtype", "mask")

# ---------------------------------------------------------------- reductions


@_documented("The sum of the elements that are kept; 0 of none.", *_EACH)
def sum(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    x = _filled("sum", input, mask, "sum")
    return T.sum(x, _dims(x, dim), bool(keepdim), dtype=dtype)


@_documented("The product of the elements that are kept; 1 of none.", *_EACH)
def prod(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    x = _filled("prod", input, mask, "prod")
    if dtype is not None:
        x = cast(x, dtype)
    for d in sorted(_dims(x, dim), reverse=True):
        x = T.prod(x, d, bool(keepdim))
    return T.prod(x) if not x._data.ndim else x


def _extreme(name: str, neutral: str, what: str) -> None:
    def function(
        input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: Any = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        x = _filled(name, input, mask, neutral)
        made = T(name)(x, _dims(x, dim), bool(keepdim))
        return cast(made, x.dtype if dtype is None else dtype)

    function.__name__ = function.__qualname__ = name
    _documented(what, *_EACH)(function)


_extreme("amax", "max", "The largest element that is kept; the least number of none.")
_extreme("amin", "min", "The smallest element that is kept; the greatest number of none.")
_extreme("logsumexp", "exp", "log of the sum of exp of the elements that are kept.")


def _place(name: str, neutral: str, what: str) -> None:
    def function(
        input: Tensor, dim: int | None = None, *, keepdim: bool | None = False,
        dtype: Any = None, mask: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        if isinstance(dim, Tensor) and not dim._data.ndim and dim._data.dtype.kind in "iu":
            dim = int(dim)
        if dim is not None and (not isinstance(dim, int) or isinstance(dim, bool)):
            kind = errors.kind_name(dim)
            raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {kind}")
        x = _filled(name, input, mask, neutral)
        return cast(T(name)(x, dim, bool(keepdim)), x.dtype if dtype is None else dtype)

    function.__name__ = function.__qualname__ = name
    _documented(what, *_EACH)(function)


_place("argmax", "max", "Where the largest kept element is, in the dtype of the input.")
_place("argmin", "min", "Where the smallest kept element is, in the dtype of the input.")


def _count(input: Tensor, dims: tuple[int, ...], mask: Any) -> Tensor:
    """How many elements are kept."""
    kept = _kept(input, mask)
    ones = T.ones_like(input, dtype=T("result_type")(0, 0)) if kept is None else kept
    return T.sum(ones, dims, True)


def _dropped_dims(x: Tensor, dims: tuple[int, ...], keepdim: Any) -> Tensor:
    return x if keepdim or not dims else OPS.squeeze_dims(x, dims)


@_documented("The mean of the elements that are kept; NaN of none.", *_EACH)
def mean(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    x = _filled("mean", input, mask, "sum")
    if dtype is None and input.dtype.category < 2:
        raise ValueError(
            "mean(): Could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {input.dtype!r}"
        )
    if getattr(dtype, "category", 2) < 2:
        raise ValueError(
            "mean(): Could not infer output dtype. Optional dtype must be either a floating point "
            f"or complex dtype. Got: {dtype!r}"
        )
    dims = _dims(x, dim)
    made = T.sum(x, dims, True, dtype=dtype) / _count(input, dims, mask)
    return _dropped_dims(made, dims, keepdim)


@_documented(
    "The median of the elements that are kept; NaN of none.", "along", "keepdim", "mask",
    call=", 0",
)  # fmt: skip
def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    x = _filled("median", input, None, "sum")
    floating = x.dtype.category >= 2
    wide = x if floating else x.double()
    wide = _filled("median", wide, _kept(x, mask), math.nan)
    made = T.nanmedian(wide, _first(x, dim), bool(keepdim))[0]
    if floating:
        return made
    if np.isnan(made._data).any():
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating point"
        )
    return cast(made, dtype or x.dtype)


@_documented("The norm of the elements that are kept.", *_EACH, rest="ord: which norm.")
def norm(
    input: Tensor, ord: Any = 2.0, dim: Dims = None, *, keepdim: bool | None = False,
    dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    x = _filled("norm", input, mask, math.inf if _number(ord) < 0 else 0)
    return T("linalg.vector_norm")(x, ord, _dims(x, dim), bool(keepdim), dtype=dtype)


def _number(ord: Any) -> float:
    if isinstance(ord, str):
        raise TypeError("linalg_vector_norm(): argument 'ord' (position 2) must be Number, not str")
    return 2.0 if ord is None else float(ord)


def _correction(unbiased: bool | None, correction: Any) -> Any:
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if correction is not None:
        errors.need_number("var", correction=correction)
        return correction
    return 1 if unbiased is None or unbiased else 0


def _spread(op: str, input: Any, dim: Dims, by: Any, keepdim: Any, dtype: Any, mask: Any) -> Tensor:
    """The sum of squared distances from the mean over the number of elements less `by`."""
    x = _filled(op, input, mask, "sum")
    if x._data.dtype.kind == "b":
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    dims, kept = _dims(x, dim), _kept(input, mask)
    count = _count(input, dims, mask)
    center = T.sum(_as(x, dtype), dims, True) / count
    off = _as(input, dtype) - center
    square = off * OPS.conj(off)
    square = square if kept is None else OPS.where(kept, square, 0)
    made = T.sum(square, dims, True) / OPS.clamp(count - by, 0, None)
    return _as(_dropped_dims(made, dims, keepdim), dtype)


@_documented(
    "The variance of the elements that are kept; NaN of too few.", *_EACH,
    rest="unbiased: divide by the count less 1. correction: less this number.",
)  # fmt: skip
def var(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: Any = None,
    keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    return _spread("var", input, dim, _correction(unbiased, correction), keepdim, dtype, mask)


@_documented(
    "The standard deviation of the elements that are kept; NaN of too few.", *_EACH,
    rest="unbiased: divide by the count less 1. correction: less this number.",
)  # fmt: skip
def std(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: Any = None,
    keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    by = _correction(unbiased, correction)
    return OPS.sqrt(_spread("std", input, dim, by, keepdim, dtype, mask))


# ---------------------------------------------------------------- along a dimension


def _along(name: str, neutral: str, what: str) -> None:
    def function(
        input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None
    ) -> Tensor:
        x = _filled(name, input, mask, neutral)
        if name == "softmin":
            return T.softmax(-x, _first(x, dim), dtype=dtype)
        whole = name in ("cumsum", "cumprod") and dtype is None and x.dtype.name != "bool"
        return T(name)(x, _first(x, dim), dtype=x.dtype if whole else dtype)

    function.__name__ = function.__qualname__ = name
    _documented(what, "along", "dtype", "mask", call=", 0")(function)


_along("cumsum", "sum", "Running sums of the elements that are kept.")
_along("cumprod", "prod", "Running products of the elements that are kept.")
_along("softmax", "max", "The softmax of the elements that are kept; 0 elsewhere.")
_along("log_softmax", "max", "The logarithm of `softmax`; -inf elsewhere.")
_along("softmin", "min", "The softmax of the negative elements that are kept; 0 elsewhere.")


@_documented(
    "The elements that are kept over their norm; 0 elsewhere.", "along", "dtype", "mask",
    rest="ord: which norm. eps: the norm is at least this.", call=", 2.0, 0",
)  # fmt: skip
def normalize(
    input: Tensor, ord: Any, dim: int, *, eps: float = 1e-12, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    x = _filled("normalize", input, mask, "sum")
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _as(x, dtype) / OPS.clamp(size, eps, None)


@public("masked.logaddexp")
def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: Any = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """log(exp(input) + exp(other)), where a mask drops one of them the other.

    Args:
        input, other: tensors that broadcast.
        dtype: of the result.
        input_mask, other_mask: bool; True keeps an element.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> torch.masked.logaddexp(x, x, other_mask=torch.tensor([False, False]))
        tensor([1., 2.])
    """
    a = _filled("logaddexp", input, input_mask, -math.inf)
    b = _filled("logaddexp", other, other_mask, -math.inf)
    return _as(T.logaddexp(a, b), dtype)
