"""Rearranging: dimensions added, dropped, moved; elements flipped, rolled, repeated, broadcast.

What can be a view is one (squeeze, unsqueeze, and everything made of reshape and permute); flip,
roll, rot90 and
repeat copy, as in PyTorch.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.declare import METHODS, movement, public, spelled
from ...core.lanes import one_lane
from ...core.primitive import bump
from ...core.record import OPS
from ...core.tensor import Size, Tensor, wrap
from ..reduce.sums import dims_of
from .reshape import (
    MISSING,
    as_strided,
    contiguous,
    expand,
    need_tensor,
    only_methods,
    permute,
    permute_lane,
    reshape,
    sizes_of,
    transpose,
    view,
)
from .views import ViewLane, reshaped_rows

Ints = tuple[int, ...]
_ALL = (slice(None),) * 8
_BACKWARDS = slice(None, None, -1)


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
def squeeze(input: Any, dim: Any = None, *more: Any, axis: Any = None) -> Any:
    if type(input) is not Tensor:
        need_tensor("squeeze", input)
    if more:
        dim = (dim, *more)
    if dim is None:
        if axis is None:
            return _squeeze_lane(input, (None,))
        dim = axis
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


_unsqueeze = movement(
    "unsqueeze",
    lambda x, dim: x[(*_ALL[:dim], None)] if dim < 8 else np.expand_dims(x, dim),
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
    return unsqueeze_lane(input, (errors.checked_dim(dim, input._data.ndim + 1),))


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
    shape = input._data.shape
    if start_dim == 0 and end_dim == -1 and len(shape) > 1:
        return reshape(input, -1) if input._data.size else reshape(input, 0)
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
    shape, sizes = input._data.shape, sizes_of((sizes,), "unflatten", "sizes")
    made = _unflattened(input, shape, dim, sizes) if type(dim) is int else None
    if made is not None:
        return made
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


def _unflattened(x: Tensor, shape: Ints, dim: int, sizes: Ints) -> Tensor | None:
    """`unflatten` where the number of elements says that the sizes are right."""
    if not (sizes and 0 <= dim < len(shape) and x._data.size):
        return None
    holes = sizes.count(-1)
    known = Size(sizes).numel()
    if holes > 1 or (shape[dim] % known if holes else known != shape[dim]):
        return None
    return view(x, (*shape[:dim], *sizes, *shape[dim + 1 :]))


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
                f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}"
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
_matrix_t.prim.rows = lambda node, g, edges: g.transpose(0, *range(g.ndim - 1, 0, -1))


@spelled(_matrix_t)
def t(input: Any) -> Any:
    if type(input) is not Tensor:
        need_tensor("t", input)
    if input._data.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input._data.ndim}D"
        )
    return _matrix_t_lane(input, ())


def _reversed(x: Tensor) -> Tensor:
    """All dimensions in reverse order."""
    data = x._data
    n = data.ndim
    if n == 2 and S.mode is None and type(data) is np.ndarray:
        return permute_lane.on(x, data.transpose(), ((1, 0),))
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
        order = list(range(n))
        order.insert(errors.checked_dim(destination, n), order.pop(errors.checked_dim(source, n)))
        return permute_lane(input, (tuple(order),))
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


METHODS["moveaxis"] = movedim


# ---------------------------------------------------------------- the order of elements


def _flip_kernel(x: Any, dims: Ints) -> Any:
    if not x.ndim or not dims:
        return x.copy()
    return _reversed_along(x, dims).copy()


def _reversed_along(x: Any, dims: Ints) -> Any:
    """A view of `x` with the elements in reverse order along `dims`."""
    key = [slice(None)] * x.ndim
    for d in dims:
        key[d] = _BACKWARDS
    return x[tuple(key)]


def _rot90_kernel(x: Any, k: int, dims: Ints) -> Any:
    """Quarter turns are a flip and an exchange of two dimensions, half a turn two flips."""
    first, second = dims
    if k % 4 == 2:
        return _reversed_along(x, dims).copy()
    if k % 4:
        x = x.swapaxes(first, second)
        x = _reversed_along(x, (first if k % 4 == 1 else second,))
    return np.array(x, order="C")


_flip = movement(
    "flip",
    _flip_kernel,
    lambda xp, g, dims: xp.flip(g, dims),
    doc="The elements in reverse order along `dims`.",
)
_flip_lane = one_lane(_flip.prim)


@spelled(_flip)
def flip(input: Any, *dims: Any, **other: Any) -> Any:
    need_tensor("flip", input)
    if other or not dims:
        errors.only("flip", other, "dims")
        dims = (other.get("dims", MISSING),)
    given = sizes_of(dims, "flip", "dims")
    return _flip_lane(input, (dims_of(given, input._data.ndim) or (),))


@public("fliplr", method=True)
def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("fliplr", "input", 1, input)
    if input._data.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@public("flipud", method=True)
def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("flipud", "input", 1, input)
    if input._data.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def _roll_kernel(x: Any, shifts: Ints, dims: Ints) -> Any:
    if not dims:
        return _roll_kernel(x.reshape(-1), shifts, (0,)).reshape(x.shape)
    for shift, d in zip(shifts, dims, strict=True):
        at = -shift % (x.shape[d] or 1)
        lead = (slice(None),) * d
        x = np.concatenate((x[(*lead, slice(at, None))], x[(*lead, slice(None, at))]), d)
    return x


_roll = movement(
    "roll", _roll_kernel,
    lambda xp, g, shifts, dims: xp.roll(g, tuple(-s for s in shifts), dims),
    doc="The elements shifted along `dims`, those pushed out coming in at the other end.",
)  # fmt: skip
_roll_lane = one_lane(_roll.prim)


@spelled(_roll)
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    need_tensor("roll", input)
    shifts = sizes_of((shifts,), "roll", "shifts")
    dims = () if dims is None else sizes_of((dims,), "roll", "dims")
    if not shifts:
        raise RuntimeError("`shifts` required")
    if len(shifts) != len(dims) and not (not dims and len(shifts) == 1):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if dims and not input._data.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    dims = tuple(errors.checked_dim(d, input._data.ndim) for d in dims)
    return _roll_lane(input, (shifts, dims))


_rot90 = movement(
    "rot90",
    _rot90_kernel,
    lambda xp, g, k, dims: xp.rot90(g, -k, dims),
    doc="The plane of two dimensions turned by k right angles, from the first towards the second.",
)
_rot90_lane = one_lane(_rot90.prim)


@spelled(_rot90)
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    need_tensor("rot90", input)
    if not hasattr(k, "__index__") or type(k) is bool:
        raise errors.wrong_kind("rot90", "k", "int", k)
    n, dims = input._data.ndim, sizes_of((dims,), "rot90", "dims")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if n < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {n}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == n:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    first, second = dims
    return _rot90_lane(
        input, (k % 4, (errors.checked_dim(first, n), errors.checked_dim(second, n)))
    )


# ---------------------------------------------------------------- repeating


def _repeat_back(xp: Any, g: Any, x_shape: Ints, repeats: Ints) -> Any:
    padded = (1,) * (len(repeats) - len(x_shape)) + tuple(x_shape)
    split = tuple(n for pair in zip(repeats, padded, strict=True) for n in pair)
    dims = tuple(range(0, len(split), 2))
    return xp.reshape(xp.sum(xp.reshape(g, split), dims, False), x_shape) if dims else g


_repeat = movement(
    "repeat", lambda x, repeats: np.tile(x, repeats) if repeats else x.copy(), _repeat_back,
    doc="x repeated as often as `repeats` says, dimension by dimension.",
)  # fmt: skip
_repeat_lane = one_lane(_repeat.prim)


@spelled(_repeat)
def repeat(input: Any, *repeats: Any, **other: Any) -> Any:
    need_tensor("repeat", input)
    if other:
        errors.only("repeat", other, "repeats")
    times = sizes_of((other["repeats"],) if other else repeats, "repeat", "repeats")
    shape = input._data.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions "
            "of tensor"
        )
    if any(n < 0 for n in times):
        made = [n * k for n, k in zip((1,) * (len(times) - len(shape)) + shape, times, strict=True)]
        wrong = next(n for n, k in zip(made, times, strict=True) if k < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {wrong}: {made}")
    return _repeat_lane(input, (times,))


@public("tile", method=True)
def tile(input: Tensor, *dims: Any, **other: Any) -> Tensor:
    """`repeat`, with ones put in front of `dims` where there are fewer than dimensions."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("tile", "input", 1, input)
    if other or not dims:
        errors.only("tile", other, "dims")
        dims = (other.get("dims", MISSING),)
    times = sizes_of(dims, "tile", "dims")
    return repeat(input, (1,) * (input._data.ndim - len(times)) + times)


@public("repeat_interleave", method=True)
def repeat_interleave(
    input: Any = None,
    repeats: Any = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Every element (along `dim`, or of the flattened tensor) repeated in place.

    Args:
        repeats: a number for all, or an integer tensor with one number per element.

    Example:
        >>> import chainrule as torch
        >>> torch.tensor([1, 2]).repeat_interleave(torch.tensor([1, 3]))
        tensor([1, 2, 2, 2])
    """
    if input is None:
        input, repeats = repeats, None
    if not isinstance(input, Tensor):
        raise errors.wrong_type("repeat_interleave", "repeats", 1, input)
    if repeats is None:
        return wrap(np.repeat(np.arange(input.numel()), _repeats(input, None, input.numel())))
    x = input
    if dim is None:
        x, dim = flatten(input) if input._data.ndim != 1 else input, 0
    elif not x._data.ndim:
        errors.checked_dim(dim, 0)
        x, dim = reshape(x, (1,)), 0
    dim = errors.checked_dim(dim, x._data.ndim)
    if not isinstance(repeats, Tensor):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        if S.mode is None and x._node is None and type(repeats) is int and output_size is None:
            return wrap(x._data.repeat(repeats, dim))
        shape = x._data.shape
        _need_output_size(output_size, shape[dim] * repeats)
        wide = expand(unsqueeze(x, dim + 1), (*shape[: dim + 1], repeats, *shape[dim + 1 :]))
        return view(
            contiguous.prim.call(wide), (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :])
        )
    times = _repeats(repeats, dim, x._data.shape[dim])
    return OPS.index_select(x, dim, wrap(np.repeat(np.arange(x._data.shape[dim]), times)))


def _need_output_size(given: int | None, size: int) -> None:
    if given is not None and given != size:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {size} but got {given}"
        )


def _repeats(repeats: Tensor, dim: int | None, size: int) -> Any:
    data = repeats._data
    if data.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{errors.LEGACY[repeats.dtype.name]}'"
        )
    if data.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if data.ndim and data.size not in (1, size):
        raise RuntimeError(
            "repeats must have the same size as input along dim, "
            f"but got repeats.size(0) = {data.size} and input.size({dim}) = {size}"
        )
    if (data < 0).any():
        raise RuntimeError("repeats can not be negative")
    return data


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

only_methods("repeat")
