"""Convolution and its two adjoints on arrays: columns of patches and products of matrices.

The three kernels belong to one trilinear form, the sum over g[n, o, p] w[o, c, t] x[n, c, s p - pad
+ d t]: `convolution` leaves out g, `convolution_input` x, `convolution_weight` w. What lies outside
the input counts as zero, so `size`, the spatial size of the result, may be anything.

Columns (channel, taps; outputs) are built in two steps: first the taps of the last dimension, which
costs short runs, then the taps of the others, which are long contiguous runs. Columns are built
for so few images, or rows of one image, that they stay in the second-level cache: that is worth a
factor of three to four over columns of a whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from .blas import LONG, MANY, SPREAD, products, spread
from .compiled import compiled
from .linalg import is_half

__all__ = [
    "col2im",
    "convolution",
    "convolution_input",
    "convolution_weight",
    "im2col",
    "tap_range",
]

F32 = np.dtype("float32")
Ints = tuple[int, ...]
CACHE = 700_000  # bytes of columns of several images: most of a second-level cache
WHOLE = 4_000_000  # bytes of columns of one image up to which it is not split into rows
ROWS = 1_500_000  # bytes of columns of rows of a split image
ALL = slice(None)


@lru_cache(maxsize=4096)
def tap_range(n: int, out: int, at: int, stride: int) -> tuple[slice, slice] | None:
    """Where a tap that reads input `at + stride * o` for output o stays inside n inputs: the
    slices of outputs and of inputs; None if nowhere."""
    first = max(0, -(at // stride))
    last = min(out - 1, (n - 1 - at) // stride)
    if last < first:
        return None
    start = first * stride + at
    return slice(first, last + 1), slice(start, (last - first) * stride + start + 1, stride)


class Plan(NamedTuple):
    """How columns are built for one shape.

    Attributes:
        direct: they are the input as it lies. last: of each tap of the last dimension, the index of
            what it fills in `lead`, and of what it reads. outer: the same from `lead` to columns.
        lead, col: their shapes without batch, groups and channels. sparse: `lead` keeps zeros.
        rows, outputs: how many taps and outputs the columns have.
    """

    direct: bool
    last: tuple[tuple[Any, Any], ...]
    outer: tuple[tuple[Any, Any], ...]
    lead: Ints
    col: Ints
    sparse: bool
    rows: int
    outputs: int


@lru_cache(maxsize=1024)
def plan_of(
    spatial: Ints, kernel: Ints, size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Plan:
    """The plan for input of shape (batch, groups, channels, *spatial)."""
    n = len(spatial) - 1
    ones = all(k == 1 for k in kernel) and all(s == 1 for s in stride)
    direct = ones and not any(padding) and size == spatial
    reach = tuple(
        (o - 1) * s + d * (k - 1) + 1
        for o, s, d, k in zip(size, stride, dilation, kernel, strict=True)
    )[:n]
    rows = [tap_range(h, r, -p, 1) for h, r, p in zip(spatial, reach, padding, strict=False)]
    # -p: position r of `lead` holds input r - p
    last: list[tuple[Any, Any]] = []
    full = all(r is not None and r[0] == slice(0, m) for r, m in zip(rows, reach, strict=True))
    for j in range(kernel[n]):
        found = tap_range(spatial[n], size[n], j * dilation[n] - padding[n], stride[n])
        if found is None or None in rows:
            full = False
            continue
        full = full and found[0] == slice(0, size[n])
        fill = tuple(r[0] for r in rows if r)
        read = tuple(r[1] for r in rows if r)
        head = (ALL, ALL, ALL)
        last.append(((*head, j, *fill, found[0]), (*head, *read, found[1])))
    outer = [
        (
            (ALL, ALL, ALL, *taps),
            (
                *(ALL, ALL, ALL, ALL),
                *(
                    slice(t * d, t * d + (o - 1) * s + 1, s)
                    for t, d, o, s in zip(taps, dilation, size, stride, strict=False)
                ),
            ),
        )
        for taps in product(*map(range, kernel[:n]))
    ]
    if len(outer) == 1 and reach == size[:n]:
        outer = []
    return Plan(
        direct,
        tuple(last),
        tuple(outer),
        (kernel[n], *reach, size[n]),
        (*kernel, *size),
        not full,
        _size(kernel),
        _size(size),
    )


def _size(shape: Ints) -> int:
    n = 1
    for d in shape:
        n *= d
    return n


def _buffer(shape: Ints, dtype: Any, memory: Any) -> Any:
    count = _size(shape)
    if memory is None or memory.size < count:
        return np.empty(shape, dtype)
    return memory[:count].reshape(shape)


class Columns:
    """Buffers for columns of a few images of one shape; `of` fills them.

    Attributes:
        memory: two flat buffers they may lie in, of at least the size needed.
    """

    def __init__(self, plan: Plan, head: Ints, dtype: Any, memory: Any = (None, None)) -> None:
        self.plan = plan
        self.flat = (head[1], head[2] * plan.rows, plan.outputs)
        self.lead = _buffer((*head, *plan.lead), dtype, memory[0])
        if plan.sparse:
            self.lead[...] = 0
        self.col = _buffer((*head, *plan.col), dtype, memory[1]) if plan.outer else self.lead

    def of(self, x: Any) -> Any:
        """The columns of (batch, groups, channels, *spatial), as (batch, groups, rows, outputs)."""
        count, lead, col = len(x), self.lead, self.col
        if count < len(lead):
            lead, col = lead[:count], col[:count]
        for fill, read in self.plan.last:
            lead[fill] = x[read]
        for fill, read in self.plan.outer:
            col[fill] = lead[read]
        return col.reshape((count, *self.flat))

    def back(self, cols: Any, x: Any) -> None:
        """Add columns to what they were made of: the adjoint of `of`."""
        count, lead = len(x), self.lead
        if count < len(lead):
            lead = lead[:count]
        cols = cols.reshape((*x.shape[:3], *self.plan.col))
        if self.plan.outer:
            lead[...] = 0
            for fill, read in self.plan.outer:
                part = lead[read]
                part += cols[fill]
        else:
            lead = cols.reshape(lead.shape)
        for fill, read in self.plan.last:
            part = x[read]
            part += lead[fill]


class Block(NamedTuple):
    """Some images, and some of the first spatial dimension's outputs, that are done at once."""

    images: slice
    rows: slice
    size: Ints
    padding: Ints


def blocks(
    count: int, bytes_of_row: int, size: Ints, stride: Ints, padding: Ints
) -> tuple[int, list[Block]]:
    """The largest number of images in a block, and the blocks."""
    rows = size[0]
    whole = bytes_of_row * rows
    if whole <= WHOLE or rows == 1:
        step = max(1, min(count, CACHE // max(whole, 1)))
        every = slice(0, rows)
        return step, [
            Block(slice(i, min(i + step, count)), every, size, padding)
            for i in range(0, count, step)
        ]
    step = max(1, ROWS // bytes_of_row)
    parts = -(-rows // step)
    step = -(-rows // parts)
    return 1, [
        Block(
            slice(i, i + 1),
            slice(r, min(r + step, rows)),
            (min(step, rows - r), *size[1:]),
            (padding[0] - r * stride[0], *padding[1:]),
        )
        for i in range(count)
        for r in range(0, rows, step)
    ]


@lru_cache(maxsize=512)
def schedule(
    head: Ints, spatial: Ints, kernel: Ints, geometry: tuple[Ints, ...], itemsize: int
) -> tuple[int, list[tuple[slice, slice, Plan]]]:
    """How one convolution is done: the largest number of images at once, and for each block its
    images, its part of the flattened outputs, and how its columns are built."""
    size, stride, padding, dilation = geometry
    row = head[1] * head[2] * _size(kernel) * _size(size[1:]) * itemsize
    step, found = blocks(head[0], row, size, stride, padding)
    per_row = _size(size[1:])
    return step, [
        (
            b.images,
            slice(b.rows.start * per_row, b.rows.stop * per_row),
            plan_of(spatial, kernel, b.size, stride, b.padding, dilation),
        )
        for b in found
    ]


def work(
    head: Ints,
    spatial: Ints,
    kernel: Ints,
    geometry: tuple[Ints, ...],
    dtype: Any,
    which: slice = slice(None),
) -> Iterator[tuple[slice, slice, Columns]]:
    """(images, part of the flattened outputs, columns) of each block, or of some of them; the
    buffers are shared."""
    step, parts = schedule(head, spatial, kernel, geometry, dtype.itemsize)
    columns: Any = None
    memory: Any = (None, None)
    for images, outputs, plan in parts[which]:
        if columns is None or columns.plan is not plan:
            columns = Columns(plan, (step, *head[1:]), dtype, memory)
            if memory[0] is None:
                memory = columns.lead.reshape(-1), columns.col.reshape(-1)
        yield images, outputs, columns


def _grouped(x: Any, groups: int) -> Any:
    """(n, channels, *spatial) -> (n, groups, channels of one, *spatial)."""
    shape = x.shape
    return x.reshape((shape[0], groups, shape[1] // groups, *shape[2:]))


def _matrix(w: Any, groups: int) -> Any:
    """(out, in, *kernel) -> (groups, out of one, in * kernel)."""
    return w.reshape((groups, w.shape[0] // groups, _size(w.shape[1:])))


def _is_direct(spatial: Ints, kernel: Ints, geometry: Any) -> bool:
    return plan_of(spatial, kernel, *geometry).direct


@compiled
def convolution(
    x: Any,
    w: Any,
    size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
    bias: Any = None,
) -> Any:
    """out[n, o, p] = bias[o] + the sum over c, t of w[o, c, t] x[n, c, stride p - padding +
    dilation t].

    Args:
        x: (n, c, *spatial). w: (o, c / groups, *kernel). size: the spatial size of the result.
            bias: (o,).
    """
    if is_half(x):
        wide = bias if bias is None else bias.astype(F32)
        made = convolution(
            x.astype(F32), w.astype(F32), size, stride, padding, dilation, groups, wide
        )
        return made.astype(x.dtype)
    dtype = x.dtype
    out = np.empty((x.shape[0], w.shape[0], *size), dtype)
    if not out.size:
        return out
    if not x.size or not w.size:
        out[...] = 0 if bias is None else bias.reshape((-1, *(1,) * len(size)))
        return out
    xg, wm = _grouped(x, groups), _matrix(w, groups)
    flat = out.reshape((*xg.shape[:2], wm.shape[1], -1))
    kernel, spatial, geometry = w.shape[2:], x.shape[2:], (size, stride, padding, dilation)
    if _is_direct(spatial, kernel, geometry):
        products(wm, xg.reshape((*xg.shape[:3], -1)), flat)
        if bias is not None:
            out += bias.reshape((-1, *(1,) * len(size)))
        return out
    if bias is not None:
        bias = bias.reshape((groups, -1, 1))

    def some(which: slice) -> None:
        for images, outputs, columns in work(head, spatial, kernel, geometry, dtype, which):
            part = flat[images, ..., outputs]
            matmul(wm, columns.of(xg[images]), part)
            if bias is not None:
                np.add(part, bias, part)  # while it is in the cache

    head, inner = xg.shape[:3], wm.shape[-1]
    multiplications = flat.size * inner
    matmul = np.matmul if multiplications <= MANY and inner <= LONG else products
    if multiplications < SPREAD:
        some(slice(0, None))
    else:
        count = len(schedule(head, spatial, kernel, geometry, dtype.itemsize)[1])
        spread(some, count, multiplications)
    return out


@compiled
def convolution_input(
    g: Any, w: Any, size: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Any:
    """The adjoint of `convolution` in x, of spatial size `size`; `conv_transpose` is this."""
    if is_half(g):
        args = (size, stride, padding, dilation, groups)
        return convolution_input(g.astype(F32), w.astype(F32), *args).astype(g.dtype)
    dtype = g.dtype
    shape = (g.shape[0], w.shape[1] * groups, *size)
    kernel, geometry = w.shape[2:], (g.shape[2:], stride, padding, dilation)
    if not _size(shape) or not g.size or not w.size:
        return np.zeros(shape, dtype)
    gg = _grouped(g, groups)
    gg = gg.reshape((*gg.shape[:3], -1))
    turned = _matrix(w, groups).swapaxes(1, 2)
    if _is_direct(size, kernel, geometry):
        return products(turned, gg).reshape(shape)
    if all(s == 1 for s in stride):
        if w.shape[0] < 2 * shape[1]:
            return _as_convolution(g, w, size, padding, dilation, groups)
        shifts = shifts_of(size, kernel, g.shape[2:], padding, dilation)
        if shape[1] * kernel[-1] * shifts.length * dtype.itemsize <= CACHE:
            return _by_shifts(gg, w, shifts, groups).reshape(shape)
    made = np.zeros(shape, dtype)
    xg = _grouped(made, groups)
    one = turned.shape[2] == 1  # BLAS is slow at products with inner dimension 1
    for images, outputs, columns in work(xg.shape[:3], size, kernel, geometry, dtype):
        part = gg[images, ..., outputs]
        columns.back(turned * part if one else products(turned, part), xg[images])
    return made


def _as_convolution(g: Any, w: Any, size: Ints, padding: Ints, dilation: Ints, groups: int) -> Any:
    """`convolution_input` with stride 1: a convolution with the kernel turned around, which moves
    fewer columns unless there are many more outputs than inputs."""
    kernel = w.shape[2:]
    turned = w.reshape((groups, w.shape[0] // groups, *w.shape[1:])).swapaxes(1, 2)
    turned = turned.reshape((w.shape[1] * groups, w.shape[0] // groups, *kernel))
    turned = turned[(ALL, ALL, *(slice(None, None, -1),) * len(kernel))]
    reach = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    padding = tuple(r - p for r, p in zip(reach, padding, strict=True))
    ones = (1,) * len(kernel)
    return convolution(g, np.ascontiguousarray(turned), size, ones, padding, dilation, groups)


class Shifts(NamedTuple):
    """Stride 1 on images that lie in wider ones, padding and all: a tap is a shift of the flattened
    image.

    Attributes:
        wide: the spatial size with padding. inside: where the image lies in it. rows: the spatial
            size of the outputs, in rows as wide. outputs: where they lie in it. length: of the
            flattened outputs. taps: for each tap of the outer dimensions the shifts of the last.
    """

    wide: Ints
    inside: tuple[slice, ...]
    rows: Ints
    outputs: tuple[slice, ...]
    length: int
    taps: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=512)
def shifts_of(spatial: Ints, kernel: Ints, size: Ints, padding: Ints, dilation: Ints) -> Shifts:
    """The shifts of a convolution of `spatial` to `size`."""
    reach = (o + d * (k - 1) for o, d, k in zip(size, dilation, kernel, strict=True))
    wide = tuple(max(r, p + s) for r, p, s in zip(reach, padding, spatial, strict=True))
    steps = [_size(wide[i + 1 :]) for i in range(len(wide))]
    taps = tuple(
        tuple(
            sum(t * d * s for t, d, s in zip((*outer, j), dilation, steps, strict=True))
            for j in range(kernel[-1])
        )
        for outer in product(*map(range, kernel[:-1]))
    )
    return Shifts(
        wide,
        tuple(slice(p, p + s) for p, s in zip(padding, spatial, strict=True)),
        (size[0], *wide[1:]),
        tuple(slice(0, o) for o in size),
        sum((o - 1) * s for o, s in zip(size, steps, strict=True)) + 1,
        taps,
    )


def _by_shifts(gg: Any, w: Any, shifts: Shifts, groups: int) -> Any:
    """`convolution_input` with stride 1 and few inputs: no columns; the product for the taps of the
    last dimension is added to the image at each tap's shift."""
    count, _, outs, _ = gg.shape
    c, width, length = w.shape[1], w.shape[-1], shifts.length
    gg = gg.reshape((count, groups, outs, *(o.stop for o in shifts.outputs)))
    weights = w.reshape((groups, outs, c, -1, width)).transpose(3, 0, 4, 2, 1)
    weights = np.ascontiguousarray(weights).reshape((-1, groups, width * c, outs))
    made = np.zeros((count, groups, c, *shifts.wide), w.dtype)
    flat = made.reshape((count, groups, c, -1))
    step = max(1, min(count, CACHE // (groups * (outs + width * c) * length * w.itemsize)))

    def some(which: slice) -> None:
        wide = np.zeros((step, groups, outs, *shifts.rows), w.dtype)
        inside = wide[(ALL, ALL, ALL, *shifts.outputs)]
        wide = wide.reshape((step, groups, outs, -1))[..., :length]
        parts = np.empty((step, groups, width, c, length), w.dtype)
        whole = parts.reshape((step, groups, -1, length))
        for start in range(which.start * step, min(which.stop * step, count), step):
            images = flat[start : start + step]
            n = len(images)
            inside[:n] = gg[start : start + step]
            for tap, places in zip(weights, shifts.taps, strict=True):
                products(tap, wide[:n], whole[:n])
                for j, at in enumerate(places):
                    part = images[..., at : at + length]
                    np.add(part, parts[:n, :, j], part)

    spread(some, -(-count // step), gg.size * _size(w.shape[1:]))
    return np.ascontiguousarray(made[(ALL, ALL, ALL, *shifts.inside)])


@compiled
def convolution_weight(
    g: Any, x: Any, size: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Any:
    """The adjoint of `convolution` in w, for a kernel of spatial size `size`."""
    if is_half(x):
        args = (size, stride, padding, dilation, groups)
        return convolution_weight(g.astype(F32), x.astype(F32), *args).astype(x.dtype)
    dtype = x.dtype
    shape = (g.shape[1], x.shape[1] // groups, *size)
    if not g.size or not x.size or not _size(shape):
        return np.zeros(shape, dtype)
    gg, xg = _grouped(g, groups), _grouped(x, groups)
    gg = gg.reshape((*gg.shape[:3], -1))
    spatial, geometry = x.shape[2:], (g.shape[2:], stride, padding, dilation)
    if _is_direct(spatial, size, geometry):
        cols = xg.reshape((*xg.shape[:3], -1))
        return _summed(products(cols, gg.swapaxes(2, 3))).swapaxes(1, 2).reshape(shape)
    gt, head = gg.swapaxes(2, 3), xg.shape[:3]
    total = _InOrder()

    def some(which: slice) -> None:
        parts = work(head, spatial, size, geometry, dtype, which)
        for i, (images, outputs, columns) in enumerate(parts, which.start):
            total.add(i, _summed(products(columns.of(xg[images]), gt[images, :, outputs])))

    multiplications = g.size * _size(shape[1:])
    if multiplications < SPREAD:
        some(slice(0, None))
    else:
        count = len(schedule(head, spatial, size, geometry, dtype.itemsize)[1])
        kept = count * _size(shape) * dtype.itemsize
        spread(some, count, multiplications if kept <= _KEPT else 0)
    return total.made.swapaxes(1, 2).reshape(shape)


_KEPT = 1 << 25  # bytes of parts of a sum that may wait for their turn


class _InOrder:
    """The sum of numbered parts in the order of their numbers, whoever comes first: `made`."""

    def __init__(self) -> None:
        self.made: Any = None
        self.next, self.waiting, self.lock = 0, {}, Lock()  # type: ignore[var-annotated]

    def add(self, i: int, part: Any) -> None:
        """Part i, which is ours to overwrite."""
        with self.lock:
            self.waiting[i] = part
            while (part := self.waiting.pop(self.next, None)) is not None:
                self.made = part if self.made is None else np.add(self.made, part, self.made)
                self.next += 1


def _summed(parts: Any) -> Any:
    return parts[0] if len(parts) == 1 else np.add.reduce(parts, 0)


# ---------------------------------------------------------------- columns as such


@compiled
def im2col(x: Any, kernel: Ints, size: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Any:
    """Patches as columns: (*, c, *spatial) -> (*, c * kernel, outputs), zeros outside."""
    n = len(kernel)
    lead, (c, *spatial) = x.shape[: -n - 1], x.shape[-n - 1 :]
    count = _size(lead)
    plan = plan_of(tuple(spatial), kernel, size, stride, padding, dilation)
    shape = (*lead, c * _size(kernel), _size(size))
    if not _size(shape) or not x.size:
        return np.zeros(shape, x.dtype)
    columns = Columns(plan, (count, 1, c), x.dtype)
    return columns.of(x.reshape((count, 1, c, *spatial))).reshape(shape)


@compiled
def col2im(
    g: Any, spatial: Ints, kernel: Ints, size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Any:
    """The adjoint of `im2col`: patches summed where they overlap."""
    lead, rows = g.shape[:-2], g.shape[-2]
    c, count = rows // _size(kernel), _size(lead)
    made = np.zeros((*lead, c, *spatial), g.dtype)
    if g.size and made.size:
        plan = plan_of(spatial, kernel, size, stride, padding, dilation)
        columns = Columns(plan, (count, 1, c), g.dtype)
        columns.back(np.ascontiguousarray(g), made.reshape((count, 1, c, *spatial)))
    return made
