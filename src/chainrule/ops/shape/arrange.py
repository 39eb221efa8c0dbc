"""Rearranging: dimensions added, dropped, moved. What can be a view is one (squeeze, unsqueeze, and
everything made of reshape and permute); elements are moved in `ops/shape/order.py`.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.blame import no_combination
from ...core.declare import METHODS, movement, public, spelled
from ...core.primitive import bump
from ...core.record import OPS
from ...core.tensor import Size, Tensor
from ...errors import ABSENT
from ...kernels.shape import reshaped
from ..reduce.sums import dims_of
from .reshape import (
    as_strided,
    contiguous,
    need_tensor,
    permute,
    permute_lane,
    reshape,
    sizes_of,
    transpose,
    view,
    viewed,
)
from .views import ViewLane, reshaped_rows

Ints = tuple[int, ...]
_FLAT = (-1,)


# ---------------------------------------------------------------- dimensions of size 1


def _squeeze_kernel(x: Any, dim: Any = None) -> Any:
    return x.squeeze(dim) if x.ndim else x


def _squeezed_back(xp: Any, g: Any, x_shape: Ints) -> Any:
    return xp.reshape(g, x_shape)


_squeeze = movement(
    "squeeze",
    _squeeze_kernel,
    _squeezed_back,
    view=True,
    grad_fn="SqueezeBackward0",
    doc="x without its dimensions of size 1.",
)
_squeeze_dim = movement(
    "squeeze_dim",
    lambda x, dim: _squeeze_kernel(x, dim),
    _squeezed_back,
    view=True,
    grad_fn="SqueezeBackward1",
    method=False,
    names=("_squeeze_dim",),
    doc="x without one dimension of size 1.",
)
_squeeze_dims = movement(
    "squeeze_dims",
    lambda x, dim: _squeeze_kernel(x, dim),
    _squeezed_back,
    view=True,
    grad_fn="SqueezeBackward2",
    method=False,
    names=("_squeeze_dims",),
    doc="x without some dimensions of size 1.",
)


_squeeze_lane, _squeeze_dim_lane, _squeeze_dims_lane = map(
    ViewLane, (_squeeze, _squeeze_dim, _squeeze_dims)
)


@spelled(_squeeze)
def squeeze(input: Any, dim: Any = ABSENT, *more: Any, axis: Any = None) -> Any:
    if type(input) is not Tensor:
        need_tensor("squeeze", input)
    if more:
        dim = (dim, *more)
    if dim is ABSENT:
        if axis is None:
            return _squeeze_lane(input, (None,))
        dim = axis
    elif axis is not None or dim is None:
        raise no_combination("squeeze", (input, dim), {})
    shape = input._data.shape
    if type(dim) is int and -len(shape) <= dim < len(shape):
        one: Ints = (dim % len(shape),) if shape[dim] == 1 else ()
        return _squeeze_dim_lane(input, (one,))
    dims = (
        dims_of(tuple(dim), len(shape))
        if isinstance(dim, (tuple, list))
        else (errors.checked_dim(dim, len(shape)),)
    )
    gone = tuple(d for d in dims or () if shape and shape[d] == 1)
    chosen = _squeeze_dims_lane if isinstance(dim, (tuple, list)) else _squeeze_dim_lane
    return chosen(input, (gone,))


_NEW_AT: Any = tuple((*(slice(None),) * dim, None) for dim in range(8))
_unsqueeze = movement(
    "unsqueeze",
    lambda x, dim: x[_NEW_AT[dim]] if dim < 8 else np.expand_dims(x, dim),
    lambda xp, g, x_shape: xp.reshape(g, x_shape),
    view=True,
    doc="x with a dimension of size 1 put in at `dim`.",
)


unsqueeze_lane = ViewLane(_unsqueeze)
for _op in (_squeeze, _squeeze_dim, _squeeze_dims, _unsqueeze):
    _op.prim.rows = reshaped_rows


@spelled(_unsqueeze)
def unsqueeze(input: Any, dim: int) -> Any:
    if type(input) is not Tensor:
        need_tensor("unsqueeze", input)
    n = input._data.ndim
    if type(dim) is not int or not 0 <= dim <= n:
        dim = errors.checked_dim(dim, n + 1)
    return unsqueeze_lane(input, (dim,))


@public("flatten", method=True)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions `start_dim` to `end_dim` (included) made one.

    Example:
        >>> import chainrule as torch
        >>> torch.zeros(2, 3, 4).flatten(1).shape
        torch.Size([2, 12])
    """
    if type(input) is not Tensor:
        need_tensor("flatten", input)
    data = input._data
    if start_dim == 0 and end_dim == -1 and data.ndim > 1:
        made = reshaped(data, _FLAT) if S.mode is None and type(data) is np.ndarray else None
        if made is not None:
            return viewed(input, made, (made.shape,))
        return reshape(input, -1) if data.size else reshape(input, 0)
    shape = data.shape
    start, end = errors.checked_dim(start_dim, len(shape)), errors.checked_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, (1,))
    if start == end:
        return input
    return reshape(input, (*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :]))


@public("unflatten", method=True)
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Dimension `dim` made several, of the given sizes (one may be -1).

    Example:
        >>> import chainrule as torch
        >>> torch.zeros(2, 12).unflatten(1, (3, -1)).shape
        torch.Size([2, 3, 4])
    """
    data = input._data
    shape, sizes = data.shape, sizes_of((sizes,), "unflatten", "sizes")
    if S.mode is None and type(dim) is int and 0 <= dim < len(shape) and type(data) is np.ndarray:
        made = _unflattened(data, shape, dim, sizes)
        if made is not None:
            return viewed(input, made, (made.shape,))
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    dim = errors.checked_dim(dim, len(shape))
    size = shape[dim] if shape else 1
    if sizes.count(-1) > 1:
        raise RuntimeError("unflatten got an unexpected error:\nonly one dimension can be inferred")
    known = Size(n for n in sizes if n != -1).numel()
    if (known != size) if -1 not in sizes else (not known or size % known):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim "
            f"{dim} ({size}) "
            "in the input tensor"
        )
    sizes = tuple(size // known if n == -1 else n for n in sizes)
    return view(input, (*shape[:dim], *sizes, *shape[dim + 1 :]))


def _unflattened(x: Any, shape: Ints, dim: int, sizes: Ints) -> Any:
    """The array where the number of elements says that the sizes are right, else None."""
    known, holes = 1, 0
    for n in sizes:
        if n < 0:
            holes += 1
        else:
            known *= n
    size = shape[dim]
    if not size or holes > 1 or (size % known if holes and known else known != size):
        return None
    return reshaped(x, (*shape[:dim], *sizes, *shape[dim + 1 :]))


@public("ravel", method=True)
def ravel(input: Tensor) -> Tensor:
    """All elements as a vector; a view where the memory allows it."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("ravel", "input", 1, input)
    return view(contiguous(input), -1)


def _atleast(input: tuple[Any, ...], grown: Any) -> Any:
    if len(input) == 1 and isinstance(input[0], (tuple, list)):
        input = tuple(input[0])
        single = False
    else:
        single = len(input) == 1
    for i, t in enumerate(input):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {errors.kind_name(t)}"
            )
    return grown(input[0]) if single else tuple(map(grown, input))


@public("atleast_1d")
def atleast_1d(*tensors: Any) -> Any:
    """0-d tensors as vectors of one element; others as they are."""
    return _atleast(tensors, lambda x: x if x._data.ndim else reshape(x, (1,)))


@public("atleast_2d")
def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dimensions: a vector becomes one row."""

    def grown(x: Tensor) -> Any:
        n = x._data.ndim
        return x if n > 1 else unsqueeze(x, 0) if n else reshape(x, (1, 1))

    return _atleast(tensors, grown)


@public("atleast_3d")
def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three dimensions: n becomes 1 x n x 1, m x n becomes m x n x 1."""

    def grown(x: Tensor) -> Tensor:
        n = x._data.ndim
        if not n:
            return reshape(x, (1, 1, 1))
        x = unsqueeze(x, 0) if n == 1 else x
        return unsqueeze(x, -1) if n < 3 else x

    return _atleast(tensors, grown)


# ---------------------------------------------------------------- the order of dimensions


_matrix_t = movement(
    "t",
    lambda x: x.transpose(),
    lambda xp, g: xp.t(g),
    view=True,
    doc="The transpose of a matrix; vectors and numbers as they are.",
)


_matrix_t_lane = ViewLane(_matrix_t)
_matrix_t_on = _matrix_t_lane.on
_matrix_t.prim.rows = lambda node, g, edges: g.transpose(0, *range(g.ndim - 1, 0, -1))


@spelled(_matrix_t)
def t(input: Any) -> Any:
    if type(input) is not Tensor:
        need_tensor("t", input)
    data = input._data
    if data.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input._data.ndim}D"
        )
    if S.mode is None and type(data) is np.ndarray:
        return _matrix_t_on(input, data.transpose(), ())
    return _matrix_t_lane(input, ())


_permuted, _TURNED = permute_lane.on, ((1, 0),)


def _reversed(x: Tensor) -> Tensor:
    """All dimensions in reverse order."""
    data = x._data
    n = data.ndim
    if n == 2 and S.mode is None and type(data) is np.ndarray:
        return _permuted(x, data.transpose(), _TURNED)
    if n != 1 and n != 2:
        _warn_reversed(n)
    return permute(x, tuple(range(n - 1, -1, -1)))


_warned: set[str] = set()


def warn_once(text: str) -> None:
    """Warn, the first time this text comes."""
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, UserWarning, stacklevel=4)


def _warn_reversed(n: int) -> None:
    warn_once(
        "Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases."
        if n == 0
        else "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
        "deprecated and it will throw an error in a future release. Consider `x.mT` to "
        "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to "
        "reverse the dimensions of a tensor."
    )


def _last_two(name: str, x: Tensor) -> Tensor:
    n = x._data.ndim
    if n < 2:
        if n == 0:
            what = "adjoint() is deprecated on 0-D tensors. Consider using x.conj()."
            if name != "adjoint()":
                what = f"Tensor.{name} is deprecated on 0-D tensors. "
                what += "This function is the identity in these cases."
            warn_once(what)
            return x
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got {n}-D tensor."
        )
    return transpose(x, -2, -1)


def _conjugated(x: Tensor) -> Tensor:
    return OPS.conj(x) if x._data.dtype.kind == "c" else x


def _matrix_h(x: Tensor) -> Tensor:
    """The conjugate transpose of a matrix."""
    n = x._data.ndim
    if n not in (0, 2):
        more = " For batches of matrices, consider using tensor.mH" if n > 2 else ""
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {n}-D tensor.{more}"
        )
    return _conjugated(_last_two("H", x))


@public("adjoint", method=True)
def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged, and conjugated."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("adjoint", "input", 1, input)
    return _conjugated(_last_two("adjoint()", input))


METHODS["T"] = property(_reversed, doc="All dimensions in reverse order.")  # type: ignore[assignment]
METHODS["mT"] = property(lambda x: _last_two("mT", x), doc="The last two dimensions exchanged.")  # type: ignore[assignment]
METHODS["H"] = property(_matrix_h, doc="The conjugate transpose of a matrix.")  # type: ignore[assignment]
METHODS["mH"] = property(  # type: ignore[assignment]
    lambda x: _conjugated(_last_two("mH", x)),
    doc="The last two dimensions exchanged, and conjugated.",
)


@lru_cache(64)
def _moved(n: int, source: int, destination: int) -> Ints:
    """The order of `n` dimensions after one of them was moved."""
    order = list(range(n))
    order.insert(errors.checked_dim(destination, n), order.pop(errors.checked_dim(source, n)))
    return tuple(order)


@public("movedim", "moveaxis", method=True)
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places, the rest kept in order.

    Args:
        source, destination: a dimension, or as many as each other.

    Example:
        >>> import chainrule as torch
        >>> torch.zeros(2, 3, 4).movedim(0, -1).shape
        torch.Size([3, 4, 2])
    """
    n = input._data.ndim
    if type(source) is int and type(destination) is int and n:
        return permute_lane(input, (_moved(n, source, destination),))
    if isinstance(source, (tuple, list)) is not isinstance(destination, (tuple, list)):
        raise no_combination("movedim", (input, source, destination), {})
    source = tuple(source) if isinstance(source, (tuple, list)) else (source,)
    destination = tuple(destination) if isinstance(destination, (tuple, list)) else (destination,)
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should "
            "contain the same number "
            f"of dims as destination ({list(destination)} dims)"
        )
    start, end = (tuple(errors.checked_dim(d, n) for d in dims) for dims in (source, destination))
    for name, dims, given in (("source", start, source), ("destination", end, destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
    if not n:
        return OPS.alias(input)
    order = [-1] * n
    for s, d in zip(start, end, strict=True):
        order[d] = s
    rest = iter(d for d in range(n) if d not in start)
    return permute(input, tuple(next(rest) if d == -1 else d for d in order))


METHODS["moveaxis"] = METHODS["movedim"]


# ---------------------------------------------------------------- in place


def _reshaping_method(name: str, function: Any) -> None:
    """`x.unsqueeze_(0)`: the tensor itself takes the other shape; its memory stays."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.is_leaf and self.requires_grad and grad_enabled():
            raise errors.leaf_inplace(self, name, view=False)
        made = function(self, *args, **kwargs)
        if made is not self:
            self._data, self._node = made._data, made._node
            if self._wrapped:  # a value of a level of func keeps what it wraps
                self.__dict__.update(made.__dict__)
            if self._view is not None:
                self._view = made._view and (self._view[0], *made._view[1:])  # None if empty
            bump(self)
        return self

    method.__name__, method.__doc__ = (
        name,
        f"`{name[:-1]}` in place: the same memory in another shape.",
    )
    METHODS[name] = method


for _name, _function in (
    ("unsqueeze_", unsqueeze),
    ("squeeze_", squeeze),
    ("transpose_", transpose),
    ("swapaxes_", transpose),
    ("swapdims_", transpose),
    ("t_", t),
    ("as_strided_", as_strided),
):
    _reshaping_method(_name, _function)
