"""Index sets of ops with windows (convolution, pooling, padding), of matrices in batches, and of
linear ops that only their kernel knows. Enters its rules into the table of `func/spread.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .spread import KINDS, RULES, Call, Ints, dense, moved, numbers, over, placed, united

__all__ = ["windows"]

_PROBED = 2_000_000  # entries of a matrix that may be found by trying every unit vector


def windows(spatial: Any, size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Ints:
    """(outputs, taps): the number of the input position that each tap of each output reads, -1
    outside."""
    made, inside = np.zeros((1, 1), int), np.ones((1, 1), bool)
    for n, out, k, s, p, d in zip(spatial, size, kernel, stride, padding, dilation, strict=True):
        at = np.arange(out)[:, None] * s - p + np.arange(k) * d
        good = (at >= 0) & (at < n)
        shape = (len(made) * out, made.shape[1] * k)
        made = (made[:, None, :, None] * n + at[None, :, None, :]).reshape(shape)
        inside = (inside[:, None, :, None] & good[None, :, None, :]).reshape(shape)
    return np.where(inside, made, -1)


def _read(table: Ints, index: Ints) -> Ints:
    """`table[..., index]`, -1 where the index is."""
    return np.where(index < 0, -1, table[..., np.maximum(index, 0)])


# ---------------------------------------------------------------- convolution


def convolution(call: Call, number: int) -> Any:
    """Each output: the taps of its window in the channels of its group, and its own weights."""
    p, w = call.p, call.shapes[1]
    n, c, *spatial = call.shapes[0]
    at = windows(spatial, p["size"], w[2:], p["stride"], p["padding"], p["dilation"])
    at = _used(call, at)
    groups, count = p["groups"], len(at)
    parts = [_channels(call, 1)] + [_channels(call, i) for i in range(2, len(call.sets))]
    if call.sets[0] is not None:
        source = _read(numbers(call.shapes[0]).reshape(n, groups, c // groups, -1), at)
        target = np.broadcast_to(numbers((n, groups, 1, count, 1)), source.shape)
        rows = call.sets[0].take(source).onto(target, n * groups * count)
        parts.append(_stretched(call, rows, (n, groups, 1, count)))
    return united(parts)


def convolution_input(call: Call, number: int) -> Any:
    """The adjoint: each output position is reached from the windows that read it."""
    p, w = call.p, call.shapes[1]
    n, o, *spatial = call.shapes[0]
    at = windows(p["size"], spatial, w[2:], p["stride"], p["padding"], p["dilation"])
    at = _used(call, at)
    groups, count = p["groups"], int(np.prod(p["size"]))
    parts = [None if call.sets[1] is None else _everything(call, 1)]
    parts += [_channels(call, i) for i in range(2, len(call.sets))]
    if call.sets[0] is not None:
        source = numbers(call.shapes[0]).reshape(n, groups, o // groups, -1, 1)
        target = _read(numbers((n, groups, 1, count)), at)
        both = np.broadcast_arrays(source, target)
        rows = call.sets[0].take(both[0]).onto(both[1], n * groups * count)
        parts.append(_stretched(call, rows, (n, groups, 1, count)))
    return united(parts)


def _used(call: Call, at: Ints) -> Ints:
    """The windows without the taps at which a constant weight is 0 in every channel."""
    if call.sets[1] is not None:
        return at
    taps = (np.asarray(call.array(1)) != 0).any((0, 1)).reshape(-1)
    return np.where(taps, at, -1)


def _stretched(call: Call, rows: Any, shape: tuple[int, ...]) -> Any:
    """Rows of (n, groups, 1, positions) for all channels of the groups."""
    n, groups, _, count = shape
    full = (n, groups, call.out[1] // groups, count)
    return rows.take(np.broadcast_to(numbers(shape), full))


def _channels(call: Call, i: int) -> Any:
    """An operand whose first dimension is the result's channel."""
    sets, shape = call.sets[i], call.shapes[i]
    if sets is None:
        return None
    rows = over(sets, shape, tuple(range(1, len(shape))))[0] if len(shape) > 1 else sets
    at = np.arange(call.out[1]).reshape(-1, *[1] * (len(call.out) - 2))
    return rows.take(np.broadcast_to(at, call.out))


def _everything(call: Call, i: int) -> Any:
    sets = call.sets[i]
    return sets.onto(np.zeros(len(sets), int), 1).take(np.zeros(call.size, int))


# ---------------------------------------------------------------- pooling and padding


def pooled(call: Call, number: int) -> Any:
    """Each window."""
    p, shape = call.p, call.shapes[0]
    rank = len(p["size"])
    ones = (1,) * rank
    at = windows(
        shape[-rank:], p["size"], p["kernel_size"], p["stride"], p["padding"],
        p.get("dilation", ones),
    )  # fmt: skip
    source = _read(numbers(shape).reshape(-1, int(np.prod(shape[-rank:]))), at)
    target = np.broadcast_to(numbers((*source.shape[:2], 1)), source.shape)
    return call.sets[0].take(source).onto(target, call.size)


def adaptive(call: Call, number: int) -> Any:
    """Conservative: the whole plane."""
    rank = len(call.p["size"])
    return _planes(call, rank)


def _planes(call: Call, rank: int) -> Any:
    shape = call.shapes[0]
    dims = tuple(range(len(shape) - rank, len(shape)))
    return call.broadcast(*over(call.sets[0], shape, dims))


def padded(call: Call, number: int) -> Any:
    """Padding with a constant, which depends on nothing."""
    call.params = (call.p["pads"], 0)
    return placed(call, number)


# ---------------------------------------------------------------- matrices in batches, linear ops


def matrices(call: Call, number: int) -> Any:
    """Ops on matrices: each result depends on the whole matrices of its place in the batch."""
    batch = call.shapes[0][:-2]
    k = len(batch)
    if call.out[:k] != batch or any(s[:k] != batch for s in call.shapes if s):
        return dense(call, number)
    parts = []
    for sets, shape in zip(call.sets, call.shapes, strict=True):
        if sets is not None:
            rows = over(sets, shape, tuple(range(k, len(shape))))[0] if len(shape) > k else sets
            at = numbers(batch).reshape((*batch, *[1] * (len(call.out) - k)))
            parts.append(rows.take(np.broadcast_to(at, call.out)))
    return united(parts)


def probed(call: Call, number: int) -> Any:
    """A linear op that no rule knows: its matrix, found with every unit vector; dense where that
    would be large."""
    n, size = int(np.prod(call.shapes[0])), call.size
    if call.prim.several or call.prim.variadic or n * size > _PROBED or not n or not size:
        return dense(call, number)
    rows, cols = [], []
    unit = np.zeros(n)
    for j in range(n):
        unit[j] = 1
        made = np.asarray(call.prim.kernel(unit.reshape(call.shapes[0]), *call.params))
        unit[j] = 0
        reached = np.flatnonzero(made)
        rows.append(reached)
        cols.append(np.full(len(reached), j))
    return call.sets[0].take(np.concatenate(cols)).onto(np.concatenate(rows), size)


def batch_norm(call: Call, number: int) -> Any:
    """Each channel by itself; weight and bias are its own."""
    parts, shape = [], call.shapes[0]
    channels = shape[1]
    at = np.arange(channels).reshape(-1, *[1] * (len(shape) - 2))
    for i, sets in enumerate(call.sets):
        if sets is not None:
            dims = tuple(d for d in range(len(shape)) if d != 1)
            rows = over(sets, shape, dims)[0] if i == 0 else sets
            parts.append(rows.take(np.broadcast_to(at, call.out) if number == 0 else at))
    return united(parts)


KINDS["linear"] = probed
for _rule, _names in (
    (convolution, "convolution convolution_bias"),
    (convolution_input, "convolution_input convolution_input_bias"),
    (pooled, "max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices "
             "avg_pool2d avg_pool3d"),
    (adaptive, "adaptive_max_pool2d adaptive_max_pool3d adaptive_avg_pool2d adaptive_avg_pool3d"),
    (padded, "constant_pad_nd"),
    (moved, "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d "
            "replication_pad2d replication_pad3d circular_pad1d circular_pad2d circular_pad3d"),
    (matrices, "linalg_inv linalg_inv_ex linalg_solve linalg_solve_ex linalg_solve_triangular "
               "linalg_cholesky linalg_cholesky_ex linalg_qr linalg_eigh linalg_svd linalg_det "
               "linalg_slogdet linalg_matrix_exp linalg_pinv attention"),
    (batch_norm, "native_batch_norm"),
    (dense, "phase_free"),  # a check in the shape of a linear op
):  # fmt: skip
    RULES.update(dict.fromkeys(_names.split(), _rule))
