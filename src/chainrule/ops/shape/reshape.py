"""Shapes: the same elements under other indices. Most results are views that share the memory of
the operand.

The machine itself needs `reshape`, `expand`, `transpose`, `permute`, `zeros`, `as_strided` and
`copy_slices`; their
canonical forms are positional (`xp.expand(g, shape)`). Adjoints come in pairs: reshape and reshape,
transpose and
transpose, expand and sum, as_strided and strided_sum.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import general, linear, movement, public, spelled
from ...core.interpreter import composing
from ...core.lane_nodes import rows_to
from ...core.lanes import one_lane
from ...core.primitive import PUBLIC
from ...core.record import OPS, RAW, sum_to
from ...core.tensor import Tensor, own, wrap
from ...kernels import moves
from ...kernels import shape as kernels
from ...kernels.shape import reshaped
from .views import ViewLane, reshaped_rows

Ints = tuple[int, ...]


# ---------------------------------------------------------------- arguments


MISSING: Any = type("nothing", (), {})()  # stands for sizes that were not given


def sizes_of(sizes: tuple[Any, ...], op: str = "reshape", argument: str = "shape") -> Ints:
    """`f(2, 3)` and `f((2, 3))` alike, as a tuple of ints."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for n in sizes:
        if type(n) is not int:
            at = next(i for i, s in enumerate(sizes) if type(s) is not int)
            return _indexed(sizes, op, argument, at)
    return sizes


def _indexed(sizes: tuple[Any, ...], op: str, argument: str, at: int) -> Ints:
    try:
        if type(sizes[0]) is bool:  # later ones pass for numbers, in PyTorch too
            raise TypeError
        return tuple(map(operator.index, sizes))
    except TypeError:
        found = errors.kind_name(sizes[at])
        what = (
            f"not {found}" if len(sizes) == 1 else f"but found element of type {found} at pos {at}"
        )
        raise TypeError(
            f"{op}(): argument '{argument}' (position 1) must be tuple of ints, {what}"
        ) from None


def inferred(shape: Ints, numel: int) -> Ints:
    """`shape` with its one -1 filled in."""
    known, holes = 1, 0
    for i, n in enumerate(shape):
        if n >= 0:
            known *= n
        elif n == -1:
            holes += 1
        else:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    if holes == 0 and known == numel:
        return shape
    if holes > 1:
        raise RuntimeError("only one dimension can be inferred")
    if holes and not known and not numel:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the "
            "unspecified dimension "
            "size -1 can be any value and is ambiguous"
        )
    if not holes or not known or numel % known:
        raise RuntimeError(
            errors.hinted(
                f"shape '{list(shape)}' is invalid for input of size {numel}",
                f"elements of the shape: {known}"
                if not holes
                else f"{numel} is not a multiple of {known}",
                hint="the product of the sizes must be the number of elements; one size may be -1",
            )
        )
    return tuple(numel // known if n == -1 else n for n in shape)


def need_tensor(op: str, x: Any, argument: str = "input", position: int = 1) -> None:
    """TypeError in PyTorch's words when `x` is no tensor."""
    if not isinstance(x, Tensor):
        raise errors.wrong_type(op, argument, position, x)


def only_methods(*names: str) -> None:
    """These are methods, not functions of `torch`."""
    for name in names:
        PUBLIC.pop(name, None)


# ---------------------------------------------------------------- reshape, view


_reshape = movement(
    "reshape",
    lambda x, shape: x.reshape(shape),
    lambda xp, g, x_shape: xp.reshape(g, x_shape),
    view=True,
    grad_fn="ViewBackward0",
    doc="x in another shape; its transpose reshapes the cotangent back.",
)
_unsafe_view = movement(
    "_unsafe_view",
    lambda x, shape: x.reshape(shape),
    lambda xp, g, x_shape: xp.reshape(g, x_shape),
    grad_fn="UnsafeViewBackward0",
    method=False,
    doc="A fresh copy in another shape.",
)
_unsafe_view_lane = one_lane(_unsafe_view.prim)


_view_lane = ViewLane(_reshape)
viewed = _view_lane.on
_reshape.prim.rows = reshaped_rows


@spelled(_reshape)
def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    if type(input) is not Tensor:
        need_tensor("reshape", input)
    if shape is not None:
        sizes = (*sizes, shape)
    data = input._data
    if S.mode is None and type(data) is np.ndarray:
        made = reshaped(data, sizes)
        if made is not None:
            return viewed(input, made, (made.shape,))
    if not sizes:
        raise TypeError('reshape() missing 1 required positional arguments: "shape"')
    wanted = inferred(sizes_of(sizes), data.size)
    if type(data) is np.ndarray and not data.flags.c_contiguous and not composing():
        return _reshape_apart(input, wanted)
    return _view_lane(input, (wanted,))


def _reshape_apart(x: Tensor, sizes: Ints) -> Tensor:
    """What does not lie in order: a view if the strides allow it, else a copy with PyTorch's two
    nodes."""
    if kernels.reshaped_view(x._data, sizes) is not None:
        return _view_lane(x, (sizes,))
    if x._node is not None:
        x = contiguous(x)
    return _unsafe_view_lane(x, (sizes,))


@public("view", method=True)
def view(input: Tensor, *shape: Any, dtype: Any = None, size: Any = None) -> Tensor:
    """The same memory in another shape, or read as another dtype.

    Args:
        shape: sizes, one of which may be -1; or a dtype of the same size in bytes (or another:
            the last dimension
            then grows or shrinks).

    Raises:
        RuntimeError: the strides do not allow it (use `reshape`, which copies then).

    Example:
        >>> import chainrule as torch
        >>> torch.arange(6).view(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], dtypes.dtype)):
        if dtype is not None and (shape or size is not None):
            raise no_combination("view", shape, {"dtype": dtype})
        return _view_dtype(input, dtype or shape[0])
    if size is not None:
        shape = (*shape, size)
    data = input._data
    if S.mode is None and type(data) is np.ndarray:
        made = reshaped(data, shape)
        if made is not None:
            return viewed(input, made, (made.shape,))
    sizes = inferred(sizes_of(shape, "view", "size"), data.size)
    if (
        type(data) is np.ndarray
        and not data.flags.c_contiguous
        and kernels.reshaped_view(data, sizes) is None
    ):
        raise RuntimeError(
            errors.hinted(
                "view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead.",
                f"shape: {list(data.shape)}, strides: {list(input.stride())}, wanted: "
                f"{list(sizes)}",
                hint="x.reshape(...) copies where it must; x.contiguous() puts memory in order",
            )
        )
    return _view_lane(input, (sizes,))


def _view_dtype_kernel(x: Any, dtype: Any) -> Any:
    return x.view(dtype.np)


_view_as_dtype = movement(
    "_view_dtype", _view_dtype_kernel, lambda xp, g, x_dtype: xp._view_dtype(g, x_dtype),
    view=True, grad_fn="ViewBackward0", method=False, doc="The same bytes as another dtype.",
)  # fmt: skip


def _view_dtype(x: Tensor, dtype: dtypes.dtype) -> Tensor:
    if not isinstance(dtype, dtypes.dtype):
        raise errors.wrong_kind("view", "dtype", "torch.dtype", dtype)
    old, new, data = x._data.dtype.itemsize, dtype.itemsize, own(x)
    if dtype is x.dtype:
        return alias(x)
    if old != new:
        if not data.ndim:
            raise RuntimeError(f"self.dim() cannot be 0 to view {_scalar_name(x.dtype)} as "
                               f"{_scalar_name(dtype)} (different element sizes)")  # fmt: skip
        if data.strides[-1] != old:
            raise RuntimeError(
                f"self.stride(-1) must be 1 to view {_scalar_name(x.dtype)} as "
                f"{_scalar_name(dtype)} "
                f"(different element sizes), but got {data.strides[-1] // old}"
            )
        if new > old and data.shape[-1] % (new // old):
            raise RuntimeError(
                f"self.size(-1) must be divisible by {new // old} to view "
                f"{_scalar_name(x.dtype)} as "
                f"{_scalar_name(dtype)} (different element sizes), but got {data.shape[-1]}"
            )
    if not (dtype.is_floating_point or dtype.is_complex):
        x = _unrecorded(x)
    elif x._node is not None:
        raise NotImplementedError(
            f"view of {x.dtype} as {dtype} is not differentiable here\nHint: detach() first, or "
            "use .to(dtype)"
        )
    return _view_as_dtype.prim.call(x, params=(dtype,))


def _scalar_name(d: dtypes.dtype) -> str:
    return {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}.get(
        d.name, errors.LEGACY[d.name]
    )


def _unrecorded(x: Tensor) -> Tensor:
    return x.detach() if x._node is not None else x


@public("view_as", method=True)
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`input.view(other.size())`."""
    need_tensor("view_as", other, "other")
    return view(input, other._data.shape)


@public("reshape_as", method=True)
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`input.reshape(other.size())`."""
    need_tensor("reshape_as", other, "other")
    return reshape(input, other._data.shape)


_alias = movement(
    "alias",
    lambda x: x[...],
    lambda xp, g: g,
    view=True,
    method=False,
    names=("_alias",),
    doc="The same, as a view.",
)
_alias_lane = ViewLane(_alias)
_alias.prim.rows = lambda node, g, edges: g


@spelled(_alias)
def alias(input: Any) -> Any:
    return _alias_lane(input, ())


# ---------------------------------------------------------------- expand


_expand = movement(
    "expand", kernels.expand, lambda xp, g, x_shape: sum_to(xp, g, x_shape), view=True,
    doc="Dimensions of size 1 repeated without copying; the cotangent is summed over them.",
)  # fmt: skip


_expand_lane = ViewLane(_expand)
expanded = _expand_lane.on
_expand.prim.rows = lambda node, g, edges: rows_to(g, node.s0) if type(node.s0) is tuple else None


def _repeated(x: Any, sizes: tuple[Any, ...]) -> Any:
    """The usual sizes; None for what must be looked at."""
    for n in sizes:
        if type(n) is not int:
            return None
    try:
        return kernels.expand(x, sizes)
    except ValueError:
        return None


@spelled(_expand)
def expand(input: Any, *shape: Any, implicit: bool = False, size: Any = None) -> Any:
    if type(input) is not Tensor:
        need_tensor("expand", input)
    data = input._data
    if S.mode is None and type(data) is np.ndarray and size is None:
        made = _repeated(data, shape)
        if made is not None:
            return expanded(input, made, (made.shape,))
    have = data.shape
    sizes = sizes_of(shape if size is None else (size,), "expand", "size")
    if len(sizes) < len(have):
        raise RuntimeError(
            f"expand({errors.type_name(input.dtype)}{{{list(have)}}}, size={list(sizes)}): the "
            "number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(have)})"
        )
    if sizes != have:
        sizes = _expanded(have, sizes)
    return _expand_lane(input, (sizes,))


def _expanded(have: Ints, sizes: Ints) -> Ints:
    extra = len(sizes) - len(have)
    if sizes[extra:] == have and min(sizes) >= 0:
        return sizes
    made = list(sizes)
    for i, n in enumerate(sizes):
        if n == -1 and i >= extra:
            made[i] = have[i - extra]
        elif n < 0 and i < extra:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, "
                f"non-existing dimension {i}"
            )
        elif i >= extra and have[i - extra] not in (1, n):
            raise RuntimeError(
                errors.hinted(
                    f"The expanded size of the tensor ({n}) must match the existing size "
                    f"({have[i - extra]}) at "
                    f"non-singleton dimension {i}.  Target sizes: {list(sizes)}.  Tensor sizes: "
                    f"{list(have)}",
                    hint="only dimensions of size 1 can be expanded; repeat() copies",
                )
            )
    return tuple(made)


@public("expand_as", method=True)
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`input.expand(other.size())`."""
    need_tensor("expand_as", other, "other")
    return expand(input, other._data.shape)


# ---------------------------------------------------------------- the order of dimensions


_transpose = movement(
    "transpose",
    lambda x, dim0, dim1: x.swapaxes(dim0, dim1) if x.ndim else x,
    lambda xp, g, dim0, dim1: xp.transpose(g, dim0, dim1),
    view=True,
    aliases=("swapaxes", "swapdims"),
    doc="x with two dimensions exchanged; so is the cotangent.",
)


_transpose_lane = ViewLane(_transpose)
_transpose.prim.rows = lambda node, g, edges: g.swapaxes(node.p[0] + 1, node.p[1] + 1)


@spelled(_transpose)
def transpose(input: Any, dim0: Any = None, dim1: Any = None, **other: Any) -> Any:
    if type(input) is not Tensor:
        need_tensor("transpose", input)
    if other:
        errors.only("transpose", other, "axis0", "axis1")
        dim0, dim1 = other.get("axis0", dim0), other.get("axis1", dim1)
    if dim0 is None or dim1 is None:
        raise TypeError(
            f'transpose() missing 1 required positional arguments: "dim{0 if dim0 is None else 1}"'
        )
    n = input._data.ndim
    if type(dim0) is int is type(dim1) and -n <= dim0 < n and -n <= dim1 < n:
        dims = (dim0 if dim0 >= 0 else dim0 + n, dim1 if dim1 >= 0 else dim1 + n)
        return _transpose_lane(input, dims)
    return _transpose_lane(input, (errors.checked_dim(dim0, n), errors.checked_dim(dim1, n)))


_permute = movement(
    "permute",
    lambda x, dims: x.transpose(dims),
    lambda xp, g, dims: xp.permute(g, inverse(dims)),
    view=True,
    doc="x with its dimensions in another order; the cotangent is put back.",
)


def inverse(dims: Ints) -> Ints:
    """The permutation that undoes `dims`."""
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


permute_lane = ViewLane(_permute)
_permuted = permute_lane.on


@spelled(_permute)
def permute(input: Any, *dims: Any, **other: Any) -> Any:
    if type(input) is not Tensor:
        need_tensor("permute", input)
    if other:
        errors.only("permute", other, "dims")
    order = sizes_of((other["dims"],) if other else dims, "permute", "dims")
    data = input._data
    if order and min(order) >= 0 and type(data) is np.ndarray and S.mode is None:
        try:
            made = data.transpose(order)
        except ValueError:
            pass  # said properly below
        else:
            return _permuted(input, made, (order,))
    n = data.ndim
    if len(order) != n:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            "length of the desired "
            f"ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = "
            f"{len(order)}"
        )
    if n and (min(order) < 0 or max(order) >= n):
        order = tuple([errors.checked_dim(d, n) for d in order])
    if len(set(order)) != n:
        raise RuntimeError(f"permute(): duplicate dims are not allowed.\ndims: {list(order)}")
    return permute_lane(input, (order,))


# ---------------------------------------------------------------- memory through other strides


_as_strided = movement(
    "as_strided",
    kernels.as_strided,
    lambda xp, g, x_shape, stride, storage_offset, base_stride: xp.strided_sum(
        g, x_shape, stride, storage_offset, base_stride
    ),
    view=True,
    doc="The memory of x through other strides; cotangents are added where they were read.",
)
_strided_lane = ViewLane(_as_strided)
_strided_sum = linear(
    "strided_sum",
    kernels.strided_sum,
    lambda xp, g, x_shape, stride, storage_offset, base_stride: xp.as_strided(
        g, x_shape, stride, storage_offset, base_stride
    ),
    method=False,
    names=("_strided_sum",),
    grad_fn="AsStridedBackwardBackward0",
    doc="The transpose of as_strided.",
)
_copy_slices = general(
    "copy_slices", kernels.copy_slices, ("base", "value"),
    rules={
        "base": lambda xp, g, size, stride, storage_offset, base_stride: xp.copy_slices(
            g, xp.zeros(size, g.dtype), size, stride, storage_offset, base_stride
        ),
        "value": lambda xp, g, size, stride, storage_offset, base_stride: xp.as_strided(
            g, size, stride, storage_offset, base_stride
        ),
    },
    grad_fn="CopySlices", method=False, names=("_copy_slices",),
    doc=(
        "base with the region of a view replaced by value: what writing into a view does to "
        "its base."
    ),
)  # fmt: skip


def _zeros(shape: Ints, dtype: Any) -> Tensor:
    return wrap(np.zeros(shape, dtype.np if isinstance(dtype, dtypes.dtype) else dtype))


RAW.zeros, OPS.zeros = np.zeros, _zeros


def layout_of(x: Tensor) -> Ints | None:
    """The strides of `x`, None when it lies in C order."""
    data = own(x)
    return None if data.flags.c_contiguous else kernels.strides_of(data)


@public("as_strided", method=True)
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """The memory of `input` through another size and other strides; a view.

    Args:
        size, stride: one number per dimension; strides count elements.
        storage_offset: elements from the start of the storage (default: where `input` starts).

    Raises:
        RuntimeError: it would leave the storage.

    Example:
        >>> import chainrule as torch
        >>> torch.arange(4).as_strided((3, 2), (1, 1))
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
    """
    if type(size) is not tuple or type(stride) is not tuple:
        for name, value in (("size", size), ("stride", stride)):
            if not isinstance(value, (tuple, list)):
                raise errors.wrong_kind("as_strided", name, "tuple of ints", value)
    if storage_offset is True or storage_offset is False or isinstance(storage_offset, float):
        raise errors.wrong_kind("as_strided", "storage_offset", "int", storage_offset)
    data = input._data
    plain = type(size) is tuple and type(stride) is tuple and storage_offset is None
    if plain and type(data) is np.ndarray and S.mode is None:
        made = kernels.strided(data, size, stride, 0)
        if made is not None:
            return _strided_lane.on(input, made, (size, stride, 0, layout_of(input)))
    size, stride = (
        sizes_of((size,), "as_strided", "size"),
        sizes_of((stride,), "as_strided", "stride"),
    )
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape\nsize: {list(size)}, stride: {list(stride)}"
        )
    if hasattr(input._data, "stands_for_many"):  # under vmap: each element lies in order
        params = (size, stride, storage_offset or 0, None)
        return _as_strided.prim.call(input, params=params)
    if storage_offset is None:
        relative = 0
    else:
        relative = storage_offset - (input.storage_offset() if S.mode is None else 0)
    _check_strided(input, size, stride, relative)
    return _as_strided.prim.call(input, params=(size, stride, relative, layout_of(input)))


def _check_strided(x: Tensor, size: Ints, stride: Ints, relative: int) -> None:
    if any(s < 0 for s in stride):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    data, step = own(x), x._data.dtype.itemsize
    memory = kernels.storage(data)
    offset = (
        relative
        + (data.__array_interface__["data"][0] - memory.__array_interface__["data"][0]) // step
    )
    needed = (offset + kernels.extent(size, stride)) * step
    if offset < 0 or (needed > memory.nbytes and 0 not in size):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, "
            f"and itemsize {step} "
            f"requiring a storage size of {needed} are out of bounds for storage of size "
            f"{memory.nbytes}"
        )


# ---------------------------------------------------------------- contiguous


_contiguous = movement(
    "contiguous", moves.contiguous, lambda xp, g: g, grad_fn="CloneBackward0",
    doc="x with its elements in order in memory: itself if they are, else a copy.",
)  # fmt: skip


contiguous_lane = one_lane(_contiguous.prim)


@spelled(_contiguous)
def contiguous(input: Any, *, memory_format: Any = None) -> Any:
    data = input._data
    if type(data) is not np.ndarray or data.flags.c_contiguous:
        return input
    return contiguous_lane(input, ())


only_methods(
    "view",
    "view_as",
    "reshape_as",
    "expand",
    "expand_as",
    "contiguous",
    "_unsafe_view",
    "_view_dtype",
)
