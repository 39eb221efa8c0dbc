"""Shapes and strides of arrays: expanding, reshaping without a copy, memory seen through other
strides.

Strides and offsets are counted in elements, as PyTorch counts them. `base_stride` says how the
array that the
indices refer to lies in memory (None: in C order): an array that lies otherwise is copied into that
layout first, so
a cotangent or a tangent can be read with the geometry of the tensor it belongs to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import compiled

__all__ = [
    "as_strided",
    "copy_slices",
    "diagonal",
    "expand",
    "extent",
    "part",
    "pieces",
    "reshaped",
    "reshaped_view",
    "select",
    "storage",
    "strided",
    "strided_sum",
    "strides_of",
    "unbind",
    "unfolded",
]

_ndarray = np.ndarray
_ALL = slice(None)
Ints = tuple[int, ...]


@compiled
def select(x: Any, dim: int, index: int) -> Any:
    """The slice at one index of a dimension, without that dimension."""
    return x[(*(_ALL,) * dim, index, ...)]


@compiled
def part(x: Any, dim: int, start: int, end: int, step: int) -> Any:
    """A range of one dimension."""
    return x[(*(_ALL,) * dim, slice(start, end, step))]


@compiled
def pieces(x: Any, sizes: Ints, dim: int) -> tuple[Any, ...]:
    """Parts of these sizes along a dimension, one after the other."""
    made, start, lead = [], 0, (_ALL,) * dim
    for n in sizes:
        made.append(x[(*lead, slice(start, start + n))])
        start += n
    return tuple(made)


@compiled
def unbind(x: Any, dim: int) -> tuple[Any, ...]:
    """All slices along a dimension, without it."""
    lead = (_ALL,) * dim
    return tuple([x[(*lead, i, ...)] for i in range(x.shape[dim])])


@compiled
def unfolded(x: Any, dimension: int, size: int, step: int) -> Any:
    """Windows of `size` elements along a dimension, `step` apart, as a last dimension."""
    have, strides = x.shape, x.strides
    apart, windows = strides[dimension], (have[dimension] - size) // step + 1
    after = dimension + 1
    shape = (*have[:dimension], windows, *have[after:], size)
    stride = (*strides[:dimension], apart * step, *strides[after:], apart)
    if x.flags.c_contiguous and x.size:
        return _ndarray(shape, x.dtype, x, 0, stride)
    one = x.dtype.itemsize
    return as_strided(x, shape, tuple(s // one for s in stride), 0, strides_of(x))


@compiled
def diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    """The diagonal of two dimensions, as the last one."""
    made = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        made.setflags(True)
    return made


@compiled
def reshaped(x: Any, sizes: tuple[Any, ...]) -> Any:
    """A view of an array in C order with these sizes (one number, several, or one tuple of them);
    None where PyTorch's rules must be asked."""
    if not x.flags.c_contiguous:
        return None
    wanted = sizes[0] if len(sizes) == 1 else sizes
    many = isinstance(wanted, (tuple, list))
    try:
        if many or type(wanted) is int:
            least: Any = min(wanted) if many else wanted
            return x.reshape(wanted) if least >= -1 else None
    except (ValueError, TypeError, RuntimeError):
        return None
    return None


@compiled
def expand(x: Any, shape: Ints) -> Any:
    """`np.broadcast_to`, ten times faster for what lies in C order; read-only where elements are
    repeated. A size of -1 stays as it is."""
    have: Ints = x.shape
    if -1 in shape:
        lead = len(shape) - len(have)
        kept = [m if n == -1 else n for n, m in zip(shape[lead:], have, strict=True)]
        shape = (*shape[:lead], *kept)
    if have == shape:
        return x
    if type(x) is not _ndarray:
        if x.dtype.isbuiltin != 1:
            return np.broadcast_to(x, shape)
        return _ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    extra = len(shape) - len(have)
    if not x.flags.c_contiguous or extra < 0:
        return np.broadcast_to(x, shape)
    strides = (0,) * extra + x.strides
    if shape[extra:] != have:
        strides = (0,) * extra + _repeated(have, shape[extra:], x.strides)
        if len(strides) != len(shape):
            return np.broadcast_to(x, shape)  # says what is wrong
    made = _ndarray(shape, x.dtype, x, 0, strides)
    if made.size != x.size:
        made.flags.writeable = False
    return made


def _repeated(have: Ints, shape: Ints, strides: Ints) -> Ints:
    """The strides of an array whose dimensions of size 1 are repeated; fewer if others differ."""
    return tuple(
        [
            step if n == wanted else 0
            for n, wanted, step in zip(have, shape, strides, strict=True)
            if n == wanted or n == 1
        ]
    )


def reshaped_view(x: Any, shape: Ints) -> Any:
    """`x` in another shape sharing its memory, or None when its strides do not allow that."""
    made = x.reshape(shape)
    if x.flags.c_contiguous or not x.size or np.may_share_memory(made, x):
        return made
    return None


def storage(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """All the memory that `x` lies in, as a vector."""
    root: Any = x
    while isinstance(root.base, _ndarray):
        root = root.base
    if not root.flags.c_contiguous:
        root = root.transpose(sorted(range(root.ndim), key=lambda i: -root.strides[i]))
    if root.flags.c_contiguous:
        return root.reshape(-1)  # type: ignore[no-any-return]
    step = root.dtype.itemsize
    length = extent(root.shape, strides_of(root))
    return np.lib.stride_tricks.as_strided(root, (length,), (step,))


def strides_of(x: Any) -> Ints:
    """The strides of an array, in elements."""
    step = x.dtype.itemsize
    return tuple(s // step for s in x.strides)


def extent(size: Ints, stride: Ints) -> int:
    """How many elements from the first to the last one, both counted."""
    return 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0


def _contiguous_strides(size: Ints) -> Ints:
    strides, step = [], 1
    for n in reversed(size):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def _lies_as(x: Any, stride: Ints | None) -> bool:
    if stride is None:
        return bool(x.flags.c_contiguous)
    return all(n <= 1 or a == b for n, a, b in zip(x.shape, strides_of(x), stride, strict=True))


def _laid_out(x: Any, stride: Ints | None) -> Any:
    """A copy of `x` with these strides."""
    if stride is None:
        return np.array(x, order="C")
    memory = np.zeros(extent(x.shape, stride), x.dtype)
    made = _seen(memory, x.shape, stride, 0)
    made[...] = x
    return made


def _seen(memory: Any, size: Ints, stride: Ints, offset: int) -> Any:
    """A window on a vector."""
    if 0 in size:
        return np.empty(size, memory.dtype)
    step = memory.dtype.itemsize
    return _ndarray(size, memory.dtype, memory, offset * step, tuple(s * step for s in stride))


def as_strided(
    x: Any, size: Ints, stride: Ints, storage_offset: int = 0, base_stride: Ints | None = None
) -> Any:
    """The memory of `x` through other strides; the offset counts from the first element of `x`."""
    x = np.asarray(x)
    if not _lies_as(x, base_stride):
        x = _laid_out(x, base_stride)
    memory = storage(x)
    if memory.dtype != x.dtype:
        memory = memory.view(x.dtype)
    start = (
        x.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    ) // x.dtype.itemsize
    made = _seen(memory, size, stride, start + storage_offset)
    if made.size and any(n > 1 and not s for n, s in zip(size, stride, strict=True)):
        made.flags.writeable = False
    return made


@compiled
def strided(x: Any, size: Ints, stride: Ints, offset: int) -> Any:
    """`as_strided` of an array as it lies; None where that would leave its memory, or where the
    sizes must be looked at."""
    for n in (*size, *stride):
        if type(n) is not int or n < 0:
            return None
    memory, step = storage(x), x.dtype.itemsize
    start = x.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    first = start // step + offset
    if len(size) != len(stride) or first < 0 or 0 in size:
        return None
    if (first + extent(size, stride)) * step > memory.nbytes:
        return None
    layout = None if x.flags.c_contiguous else strides_of(x)
    return as_strided(x, size, stride, offset, layout)


def copy_slices(
    base: Any,
    value: Any,
    size: Ints,
    stride: Ints,
    storage_offset: int = 0,
    base_stride: Ints | None = None,
) -> Any:
    """A copy of `base`, in the same layout, with the region that `as_strided` would give replaced
    by `value`."""
    made = _laid_out(np.asarray(base), base_stride)
    region = as_strided(made, size, stride, storage_offset, base_stride)
    region.flags.writeable = True
    region[...] = value
    return made


def strided_sum(
    g: Any, shape: Ints, stride: Ints, storage_offset: int = 0, base_stride: Ints | None = None
) -> Any:
    """The transpose of `as_strided`: every element of `g` is added where it was read; shape and
    layout of the base.

    Source: the adjoint of a gather is a scatter-add; where the base itself has overlapping
        elements (an expanded
    tensor), each gets its share, so that the sum over what was one number is that number's
    gradient.
    """
    g = np.asarray(g)
    if base_stride is None:
        if storage_offset >= 0 and not _may_overlap(g.shape, stride):
            made = np.zeros(shape, g.dtype)
            if storage_offset + extent(g.shape, stride) <= made.size:  # all inside of the base
                _seen(made.reshape(-1), g.shape, stride, storage_offset)[...] = g
                return made
        base_stride = _contiguous_strides(shape)
    low = min(0, storage_offset)
    high = max(extent(shape, base_stride), storage_offset + extent(g.shape, stride))
    memory = np.zeros(high - low, g.dtype)
    if _may_overlap(g.shape, stride):
        np.add.at(memory, _positions(g.shape, stride, storage_offset - low), g)
    else:
        _seen(memory, g.shape, stride, storage_offset - low)[...] = g
    made = _seen(memory, shape, base_stride, -low)
    if _may_overlap(shape, base_stride):
        where = _positions(shape, base_stride, -low)
        made = made / np.bincount(where.ravel(), minlength=memory.size)[where].astype(g.real.dtype)
    return made


def _may_overlap(size: Ints, stride: Ints) -> bool:
    """Whether two indices may meet in one element: False is certain."""
    reach = 0
    for s, n in sorted((s, n) for n, s in zip(size, stride, strict=True) if n > 1):
        if s <= reach:
            return True
        reach += (n - 1) * s
    return False


def _positions(size: Ints, stride: Ints, offset: int) -> np.ndarray[Any, Any]:
    """For every index, where in memory it is."""
    where = np.full(size, offset)
    for i, (n, s) in enumerate(zip(size, stride, strict=True)):
        where += (np.arange(n) * s).reshape(n, *(1,) * (len(size) - 1 - i))
    return where
