"""Pooling on arrays: the last n dimensions are pooled, any number stands before them.

A window is a product of intervals, so maxima and sums go dimension by dimension: kh + kw steps on
whole arrays instead of kh * kw, the outer dimensions first because their runs are contiguous.
Taps that fall into the padding are left out, so nothing is padded. Which element a maximum came
from is worked out only when somebody asks: by its position (`select`, `gather`, `scatter`), or in a
backward pass by comparing each tap with the maximum (`max_back`, `max_pick`). The first maximum in
a window wins, row by row; a NaN wins over everything, the last one over the others, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from .compiled import compiled
from .conv import tap_range
from .linalg import is_half

__all__ = [
    "adaptive_average",
    "adaptive_average_back",
    "adaptive_maximum",
    "average",
    "average_back",
    "gather",
    "max_back",
    "max_pick",
    "max_places",
    "maximum",
    "regions",
    "scatter",
    "select",
    "starts",
    "unpool",
    "windows",
]

Ints = tuple[int, ...]
F32 = np.dtype("float32")
WORDS: dict[int, Any] = {4: np.dtype("int32"), 8: np.dtype("int64")}


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


@lru_cache(maxsize=1024)
def _taps(
    n: int, out: int, kernel: int, stride: int, padding: int, dilation: int
) -> tuple[tuple[slice, slice], ...]:
    """(outputs, inputs) of each tap of one dimension that meets the input at all."""
    found = (tap_range(n, out, j * dilation - padding, stride) for j in range(kernel))
    return tuple(f for f in found if f is not None)


def _at(axis: int, part: Any) -> tuple[Any, ...]:
    """The index of `part` in dimension `axis`, counted from the end (-1, -2, ...)."""
    return (Ellipsis, part, *(slice(None),) * (-axis - 1))


def _combined(
    x: Any, taps: Sequence[Any], axis: int, size: int, join: Callable[..., Any], empty: Any
) -> Any:
    """One dimension of windows joined by `np.maximum` or `np.add`."""
    whole = slice(0, size)
    if taps and all(o == whole for o, _ in taps):
        parts = [x[_at(axis, i)] for _, i in taps]
        if len(parts) == 1:
            return parts[0]
        made = join(parts[0], parts[1])
        for part in parts[2:]:
            join(made, part, out=made)
        return made
    shape = list(x.shape)
    shape[axis] = size
    made = np.full(shape, empty, x.dtype)
    for o, i in taps:
        at = made[_at(axis, o)]
        join(at, x[_at(axis, i)], out=at)
    return made


@lru_cache(maxsize=1024)
def _per_dim(spatial: Ints, size: Ints, *rest: Ints) -> list[tuple[int, int, Any]]:
    """(axis counted from the end, size, taps) of each pooled dimension, outermost first."""
    n = len(size)
    return [(d - n, size[d], _taps(spatial[d], size[d], *(r[d] for r in rest))) for d in range(n)]


@lru_cache(maxsize=1024)
def _every_tap(spatial: Ints, *geometry: Ints) -> list[tuple[Any, Any]]:
    """(outputs, inputs) of each tap, row by row."""
    return [
        ((Ellipsis, *(t[0] for t in taps)), (Ellipsis, *(t[1] for t in taps)))
        for taps in product(*(t for _, _, t in _per_dim(spatial, *geometry)))
    ]


@lru_cache(maxsize=1024)
def _inside(spatial: Ints, *geometry: Ints) -> bool:
    """Whether no window reaches out of the input."""
    size, kernel = geometry[:2]
    per_dim = zip(size, kernel, _per_dim(spatial, *geometry), strict=True)
    return all(
        len(taps) == k and all(o == slice(0, n) for o, _ in taps) for n, k, (_, _, taps) in per_dim
    )


@lru_cache(maxsize=1024)
def _tiled(spatial: Ints, size: Ints, kernel: Ints, stride: Ints, *rest: Ints) -> bool:
    """Whether every element is in exactly one window."""
    exact = spatial == tuple(n * k for n, k in zip(size, kernel, strict=True))
    return exact and stride == kernel and _inside(spatial, size, kernel, stride, *rest)


def _owned(made: Any, x: Any) -> Any:
    """`made`, copied if it is still part of `x`."""
    return made.copy() if made is x or made.base is not None else made


# ---------------------------------------------------------------- maxima over equal windows


@compiled
def maximum(
    x: Any, size: Ints, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Any:
    """The maximum of each window."""
    if is_half(x):
        args = (size, kernel_size, stride, padding, dilation)
        return maximum(x.astype(F32), *args).astype(x.dtype)
    spatial = x.shape[-len(size) :]
    made, lowest = x, _lowest(x.dtype)
    for axis, n, taps in _per_dim(spatial, size, kernel_size, stride, padding, dilation):
        made = _combined(made, taps, axis, n, np.maximum, lowest)
    return _owned(made, x)


def _masks(x: Any, out: Any, geometry: tuple[Ints, ...]) -> Iterator[tuple[Any, Any, Any]]:
    """(outputs, inputs, where this tap is the first maximum) of each tap, row by row. A mask is
    good until the next one is asked for."""
    spatial = x.shape[-len(geometry[0]) :]
    taps, full, done = _every_tap(spatial, *geometry), _inside(spatial, *geometry), None
    for o, i in taps:
        if full and done is not None and i is taps[-1][1]:
            yield o, i, np.logical_not(done, out=done)  # one of them must be it
            return
        mask = x[i] == out[o]
        if done is None:
            if full:
                done = mask
            else:
                done = np.zeros(out.shape, bool)
                done[o] = mask
        else:
            seen = done[o]
            np.greater(mask, seen, out=mask)
            seen |= mask
        yield o, i, mask


@compiled
def max_places(
    x: Any, size: Ints, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> tuple[Any, Any]:
    """The maximum of each window and its place: that of the window's corner and the tap's offset.

    Five times faster than `select`, which does the cases with NaN.
    """
    geometry = (size, kernel_size, stride, padding, dilation)
    spatial = x.shape[-len(size) :]
    out = x if is_half(x) else maximum(x, *geometry)
    if is_half(x) or _any_nan(out):
        return select(x, windows(spatial, *geometry))
    corner: Any = 0
    for h, n, s, p in zip(spatial, size, stride, padding, strict=True):
        corner = np.add.outer(corner * h, np.arange(n) * s - p)
    places = np.empty(out.shape, np.int64)
    places[...] = corner
    for o, i, mask in _masks(x, out, geometry):
        first = [a.start - b.start * s for a, b, s in zip(i[1:], o[1:], stride, strict=True)]
        at = 0
        for f, h, p in zip(first, spatial, padding, strict=True):
            at = at * h + f + p
        if at:
            part = places[o]
            part += np.multiply(mask, at, dtype=np.int64)
    return out, places


def _any_nan(x: Any) -> bool:
    return bool(x.dtype.kind == "f" and np.isnan(np.add.reduce(x, axis=None)) and
                np.isnan(x).any())  # fmt: skip


@compiled
def max_back(
    g: Any, x: Any, out: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Any:
    """Each cotangent at the place of the maximum of its window, zero elsewhere."""
    geometry = (size, kernel, stride, padding, dilation)
    spatial = x.shape[-len(size) :]
    if is_half(g) or _any_nan(out):
        _, places = select(x, windows(spatial, *geometry))
        return scatter(g, places, spatial)
    made = (np.empty if _tiled(spatial, *geometry) else np.zeros)(x.shape, g.dtype)
    words = WORDS[g.dtype.itemsize]  # numbers times a mask would spread inf and NaN
    bits, g_bits = made.view(words), np.ascontiguousarray(g).view(words)
    apart = all(s >= (k - 1) * d + 1 for s, k, d in zip(stride, kernel, dilation, strict=True))
    for o, i, mask in _masks(x, out, geometry):
        if apart:
            np.multiply(g_bits[o], mask, out=bits[i])
        else:
            part = made[i]
            part += np.multiply(g_bits[o], mask).view(g.dtype)
    return made


@compiled
def max_pick(
    x: Any,
    like: Any,
    out: Any,
    size: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> Any:
    """The element of `x` at the place where `like` has the maximum `out` of its window."""
    geometry = (size, kernel, stride, padding, dilation)
    if is_half(x) or _any_nan(out):
        _, places = select(like, windows(like.shape[-len(size) :], *geometry))
        return gather(x, places, len(size))
    made = np.zeros(out.shape, x.dtype)
    words = WORDS[x.dtype.itemsize]
    bits, x_bits = made.view(words), np.ascontiguousarray(x).view(words)
    for o, i, mask in _masks(like, out, geometry):
        part = bits[o]
        part += np.multiply(x_bits[i], mask)
    return made


# ---------------------------------------------------------------- maxima over any intervals


@lru_cache(maxsize=256)
def windows(
    spatial: Ints, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> tuple[Any, ...]:
    """For each dimension the positions (taps, outputs) of equal windows; a tap in the padding
    repeats the nearest one inside, which changes no maximum."""
    made = []
    for h, n, k, s, p, d in zip(spatial, size, kernel, stride, padding, dilation, strict=True):
        at = np.arange(k)[:, None] * d + np.arange(n) * s - p
        inside = (at >= 0) & (at < h)
        first = np.where(inside, at, h).min(0)
        last = np.where(inside, at, -1).max(0)
        made.append(np.where(at < 0, first, np.minimum(at, last)))
    return tuple(made)


@lru_cache(maxsize=256)
def regions(spatial: Ints, size: Ints) -> tuple[Any, ...]:
    """The same for `size` intervals that cover each dimension evenly (adaptive pooling)."""
    made = []
    for h, n in zip(spatial, size, strict=True):
        o = np.arange(n)
        start, end = o * h // max(n, 1), -(-(o + 1) * h // max(n, 1))
        longest = int((end - start).max()) if n else 0
        made.append(np.minimum(start + np.arange(longest)[:, None], end - 1))
    return tuple(made)


def starts(samples: Any, h: int, n: int, kernel: int, dtype: Any) -> Any:
    """Positions (*, taps, outputs) of n random intervals of length `kernel` in h elements.

    Source: Graham, Fractional max-pooling (2014), section 2.1, the pseudorandom sequence.
    """
    first = np.full((*samples.shape, n), h - kernel, np.int64)
    if n > 1:
        alpha = dtype.type(h - kernel) / dtype.type(n - 1)
        u = samples.astype(dtype)[..., None]
        steps = (np.arange(n - 1, dtype=dtype) + u) * alpha
        first[..., :-1] = steps.astype(np.int64) - (u * alpha).astype(np.int64)
    return first[..., None, :] + np.arange(kernel)[:, None]


@compiled
def fractional_maximum(x: Any, samples: Any, kernel: Ints, size: Ints) -> tuple[Any, Any]:
    """The maxima of windows that start at random places, and their places; samples: (*, n)."""
    n = len(size)
    spatial = x.shape[-n:]
    order = (1, 0) if n == 2 else (0, 1, 2)  # PyTorch's first number of two is for the width
    at = [starts(samples[..., order[d]], spatial[d], size[d], kernel[d], x.dtype) for d in range(n)]
    return select(x, at)


@compiled
def adaptive_maximum(x: Any, size: Ints) -> tuple[Any, Any]:
    """The maxima of `size` intervals that cover each dimension evenly, and their places."""
    return select(x, regions(x.shape[-len(size) :], size))


def _taken(x: Any, at: Any, axis: int) -> Any:
    """The elements at positions `at` of one dimension; `at` may have leading dimensions."""
    if at.ndim == 1:
        return np.take(x, at, axis)
    return np.take_along_axis(x, at.reshape((*at.shape, *(1,) * (-axis - 1))), axis)


def select(x: Any, positions: Sequence[Any]) -> tuple[Any, Any]:
    """The maximum over each window and its place in the flattened pooled dimensions.

    Args:
        positions: for each pooled dimension (*, taps, outputs), in rising order of taps.
    """
    if is_half(x):
        made, places = select(x.astype(F32), positions)
        return made.astype(x.dtype), places
    n = len(positions)
    best, places = x, None
    step = 1
    for axis in range(-1, -n - 1, -1):
        at = positions[axis]
        if at.ndim > 2:  # per plane: as many dimensions as x has, so that they line up
            lead = (*at.shape[:-2], *(1,) * (x.ndim - (at.ndim - 2) + axis))
            at = at.reshape((*lead, *at.shape[-2:]))
        best, places = _selected(best, places, at, axis, step)
        step *= x.shape[axis]
    return best, places


def _selected(x: Any, places: Any, positions: Any, axis: int, step: int) -> tuple[Any, Any]:
    """One dimension of `select`; `places` are those in the dimensions after it."""
    best: Any = None
    for j in range(positions.shape[-2]):
        at = positions[..., j, :]
        value = _taken(x, at, axis)
        place = at.reshape((*at.shape, *(1,) * (-axis - 1))) * step
        place = place + _taken(places, at, axis) if places is not None else place
        if best is None:
            best, found = value, np.array(np.broadcast_to(place, value.shape))
            continue
        better = value > best
        if value.dtype.kind == "f":
            better |= value != value
        np.copyto(best, value, where=better)
        np.copyto(found, place, where=better)
    if best is None:
        shape = list(x.shape)
        shape[axis] = positions.shape[-1]
        return np.empty(shape, x.dtype), np.empty(shape, np.int64)
    return best, found


def _flat(x: Any, n: int) -> Any:
    return x.reshape((*x.shape[: x.ndim - n], -1)) if x.size else x.reshape(
        (*x.shape[: x.ndim - n], int(np.prod(x.shape[x.ndim - n :])))
    )  # fmt: skip


@compiled
def gather(x: Any, places: Any, n: int) -> Any:
    """The elements at these places of the n flattened last dimensions."""
    if not places.size:
        return np.empty(places.shape, x.dtype)
    return np.take_along_axis(_flat(x, n), _flat(places, n), -1).reshape(places.shape)


@compiled
def scatter(g: Any, places: Any, spatial: Ints) -> Any:
    """The adjoint of `gather`: elements added up at their places."""
    n = len(spatial)
    lead = g.shape[: g.ndim - n]
    made_shape = (*lead, *spatial)
    count = int(np.prod(spatial))
    planes = int(np.prod(lead))
    if not g.size or not count:
        return np.zeros(made_shape, g.dtype)
    at = places.reshape(planes, -1) + np.arange(planes)[:, None] * count
    if g.dtype.kind != "f":
        made = np.zeros(planes * count, g.dtype)
        np.add.at(made, at.reshape(-1), g.reshape(-1))
        return made.reshape(made_shape)
    made = np.bincount(at.reshape(-1), g.reshape(-1), planes * count)
    return made.reshape(made_shape).astype(g.dtype, copy=False)


@compiled
def unpool(x: Any, places: Any, spatial: Ints) -> Any:
    """Zeros with the elements of x written at their places."""
    n = len(spatial)
    made = np.zeros((*x.shape[: x.ndim - n], *spatial), x.dtype)
    if x.size:
        flat = _flat(made, n)
        np.put_along_axis(flat, _flat(places, n), _flat(x, n), -1)
    return made


# ---------------------------------------------------------------- averages


@lru_cache(maxsize=256)
def _divisors(
    spatial: Ints, size: Ints, kernel: Ints, stride: Ints, padding: Ints, include: bool
) -> Any:
    """How many elements each window has: a number, or an array over outputs."""
    made: Any = 1
    for h, n, k, s, p in zip(spatial, size, kernel, stride, padding, strict=True):
        start = np.arange(n) * s - p
        end = np.minimum(start + k, h + p)
        if not include:
            start, end = np.maximum(start, 0), np.minimum(end, h)
        made = np.multiply.outer(made, end - start)
    return int(made.flat[0]) if made.size and (made == made.flat[0]).all() else made


def _divided(x: Any, divisor: Any) -> Any:
    """x / divisor in the dtype of x, of integers towards zero."""
    if x.dtype.kind != "f":
        return np.trunc(x / divisor).astype(x.dtype)
    if isinstance(divisor, np.ndarray):
        divisor = divisor.astype(x.dtype)
    return x if type(divisor) is int and divisor == 1 else x / divisor


@compiled
def average(
    x: Any,
    size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    include: bool = True,
    divisor: int | None = None,
) -> Any:
    """The mean of each window."""
    if is_half(x):
        args = (size, kernel_size, stride, padding, include, divisor)
        return average(x.astype(F32), *args).astype(x.dtype)
    spatial = x.shape[-len(size) :]
    made, ones = x, (1,) * len(size)
    for axis, n, taps in _per_dim(spatial, size, kernel_size, stride, padding, ones):
        made = _combined(made, taps, axis, n, np.add, 0)
    if divisor is None:
        divisor = _divisors(spatial, size, kernel_size, stride, padding, include)
    return _owned(_divided(made, divisor), x)


@compiled
def average_back(
    g: Any,
    spatial: Ints,
    size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    include: bool = True,
    divisor: int | None = None,
) -> Any:
    """The adjoint of `average`: each cotangent shared out over its window."""
    if is_half(g):
        args = (spatial, size, kernel_size, stride, padding, include, divisor)
        return average_back(g.astype(F32), *args).astype(g.dtype)
    if divisor is None:
        divisor = _divisors(spatial, size, kernel_size, stride, padding, include)
    made = _divided(g, divisor)
    ones = (1,) * len(size)
    for axis, _, taps in reversed([*_per_dim(spatial, size, kernel_size, stride, padding, ones)]):
        made = _spread(made, taps, axis, spatial[axis])
    return _owned(made, g)


def _spread(g: Any, taps: Sequence[Any], axis: int, size: int) -> Any:
    """The adjoint of `_combined` with sums."""
    shape = list(g.shape)
    shape[axis] = size
    made = np.zeros(shape, g.dtype)
    for o, i in taps:
        at = made[_at(axis, i)]
        at += g[_at(axis, o)]
    return made


def _even(spatial: Ints, size: Ints) -> Any:
    """Kernel (and stride) of adaptive pooling where it has equal windows, or None."""
    if all(n and h % n == 0 for h, n in zip(spatial, size, strict=True)):
        return tuple(h // n for h, n in zip(spatial, size, strict=True))
    return None


def _bounds(h: int, n: int) -> list[tuple[int, int]]:
    return [(o * h // n, -(-(o + 1) * h // n)) for o in range(n)]


@compiled
def adaptive_average(x: Any, size: Ints) -> Any:
    """The means of `size` intervals that cover each dimension evenly."""
    spatial = x.shape[-len(size) :]
    even = _even(spatial, size)
    if even is not None:
        return average(x, size, even, even, (0,) * len(size))
    if is_half(x):
        return adaptive_average(x.astype(F32), size).astype(x.dtype)
    made = x
    for d in range(len(size)):
        axis = d - len(size)
        shape = list(made.shape)
        shape[axis] = size[d]
        sums = np.empty(shape, x.dtype)
        for o, (start, end) in enumerate(_bounds(spatial[d], size[d])):
            np.add.reduce(made[_at(axis, slice(start, end))], axis, out=sums[_at(axis, o)])
            sums[_at(axis, o)] /= end - start
        made = sums
    return made


@compiled
def adaptive_average_back(g: Any, spatial: Ints) -> Any:
    """The adjoint of `adaptive_average`."""
    size = g.shape[-len(spatial) :]
    even = _even(spatial, size)
    if even is not None:
        return average_back(g, spatial, size, even, even, (0,) * len(size))
    if is_half(g):
        return adaptive_average_back(g.astype(F32), spatial).astype(g.dtype)
    made = g
    for d in reversed(range(len(size))):
        axis = d - len(size)
        shape = list(made.shape)
        shape[axis] = spatial[d]
        spread = np.zeros(shape, g.dtype)
        for o, (start, end) in enumerate(_bounds(spatial[d], size[d])):
            part = spread[_at(axis, slice(start, end))]
            part += made[_at(axis, slice(o, o + 1))] / (end - start)
        made = spread
    return made
