"""The time loops of recurrent layers on arrays: LSTM, GRU and the plain RNN.

`x` holds the rows of all time steps one after the other; `sizes` says how many rows each step has
(never more than the step before: sequences sorted by length), so a padded batch and a packed one
are the same thing. A step updates the first rows of the state; `backwards` begins with the last
step. The products with the input are one matrix product for all steps (in an LSTM they are part of
each step's). Called by `ops/nn/recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from itertools import groupby
from math import prod
from typing import Any

import numpy as np

from .blas import alone, product

__all__ = ["gru", "lstm", "lstm_backward", "plain", "spans"]

Array = Any


def spans(sizes: tuple[int, ...], backwards: bool) -> Iterator[tuple[int, int]]:
    """(first row, behind the last row) of every step, in the order in which they are done."""
    ends, total = [], 0
    for n in sizes:
        ends.append((total, total + n))
        total += n
    return reversed(ends) if backwards else iter(ends)


def _on_one_thread(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A time loop of small products: the BLAS is asked for one thread but once."""

    @wraps(kernel)
    def run(*args: Any) -> Any:
        return alone(kernel, *args)

    return run


def _gates(x: Array, w: Array, b: Array) -> Array:
    made = product(x, w.T)
    if b is not None:
        made += b
    return made


@_on_one_thread
def lstm(
    x: Array,
    h0: Array,
    c0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array,
    b_hh: Array,
    sizes: tuple[int, ...] = (),
    backwards: bool = False,
    x_wanted: bool = True,
) -> tuple[Array, Array, Array, Array, Array]:
    """(outputs of all rows; last h; last c; two workspaces for `lstm_backward`, as bytes).

    Every step has its part of both workspaces: six blocks (rows, hidden), the gates i, f, o, g
    after their functions, the cell before the step, and tanh of the cell after it; and the rows
    [x, h before, 1], whose product with the weights of a gate is that gate.
    """
    n, width, dtype = h0.shape[1], x.shape[1], x.dtype
    work, inputs = np.empty(6 * n * len(x), dtype), np.empty((len(x), width + n + 1), dtype)
    inputs[:, :width], inputs[:, -1] = x, 1
    weights = _by_gates(w_ih, w_hh, b_ih, b_hh)
    y, h, c, half = np.empty((len(x), n), dtype), h0.copy(), c0.copy(), _HALVES[dtype]
    add, matmul, multiply, tanh = np.add, np.matmul, np.multiply, np.tanh
    for start, stop, steps, rows in _runs(sizes, backwards):
        blocks = work[6 * n * start : 6 * n * stop].reshape(steps, 6, rows, n)
        seen = inputs[start:stop].reshape(steps, rows, width + n + 1)
        outs, both = y[start:stop].reshape(steps, rows, n), np.empty((2, rows, n), dtype)
        state, cell = h[:rows], c[:rows]
        views = (
            seen, seen[:, :, width:-1], blocks[:, :4], blocks[:, :3], blocks[:, :2],
            blocks[:, 3:5], blocks[:, 2], blocks[:, 4], blocks[:, 5], outs,
        )  # fmt: skip
        for now, before, gates, sigmoids, i_f, g_c, o, kept, bent, out in _each(views, backwards):
            before[...] = state
            kept[...] = cell
            matmul(now, weights, gates)
            tanh(gates, gates)
            multiply(sigmoids, half, sigmoids)  # sigmoid(x) = (tanh(x/2) + 1)/2
            add(sigmoids, half, sigmoids)
            multiply(i_f, g_c, both)
            add(both[0], both[1], cell)
            tanh(cell, bent)
            multiply(o, bent, state)
            out[...] = state
    return y, h, c, work.view("u1"), inputs.reshape(-1).view("u1")


@_on_one_thread
def lstm_backward(
    g: tuple[Array, ...],
    w_ih: Array,
    w_hh: Array,
    work: Array,
    inputs: Array,
    sizes: tuple[int, ...],
    backwards: bool,
    x_wanted: bool,
) -> tuple[Array, ...]:
    """The cotangents of x (None if not wanted), h0, c0, w_ih, w_hh and of one bias from those of y
    and of the last h and c."""
    gy, dh, dc = g
    n, width, dtype = w_hh.shape[1], w_ih.shape[1], w_hh.dtype
    work, inputs = work.view(dtype), inputs.view(dtype).reshape(len(gy), width + n + 1)
    dc, unit, parts = dc.copy(), _ONES[dtype], _in_parts(len(dh), 4 * n, n)
    weights = _at_line((parts, 4 * n, n // parts), dtype)
    weights[...] = w_hh.reshape(4 * n, parts, -1).swapaxes(0, 1)
    dh_parts = np.empty((parts, len(dh), n // parts), dtype)  # as the product gives it
    dh_rows = dh_parts.swapaxes(0, 1)
    dh_rows[...] = dh.reshape(dh_rows.shape)
    d_gates = np.empty((len(gy), 4 * n), dtype)
    add, matmul, multiply, subtract = np.add, np.matmul, np.multiply, np.subtract
    for start, stop, steps, rows in _runs(sizes, not backwards):
        blocks = work[6 * n * start : 6 * n * stop].reshape(steps, 6, rows, n)
        products = d_gates[start:stop].reshape(steps, rows, 4 * n)
        outer = gy[start:stop].reshape(steps, rows, parts, n // parts)
        d_product, d_state, d_cell = dh_parts[:, :rows], dh_rows[:rows], dc[:rows]
        out, into = np.empty((rows, n), dtype), np.empty((4, rows, n), dtype)
        slopes, bent = np.empty((3, rows, n), dtype), np.empty((2, rows, n), dtype)
        before, summed, turned = np.empty_like(out), out.reshape(d_state.shape), into.swapaxes(0, 1)
        d_i_f, d_g, d_o = into[:2], into[2], into[3]
        s_i_f, s_o, s_g, s_c = slopes[:2], slopes[2], *bent
        views = (
            blocks[:, :3], blocks[:, 3:], blocks[:, 3::2], blocks[:, :3:2], blocks[:, 1],
            outer, products, products.reshape(steps, rows, 4, n),
        )  # fmt: skip
        for i_f_o, g_c_tanh, tanhs, i_o, f, from_y, product_, gates in _each(views, not backwards):
            subtract(unit, i_f_o, slopes)  # i (1 - i) g, f (1 - f) c, o (1 - o) tanh(c)
            multiply(slopes, i_f_o, slopes)
            multiply(slopes, g_c_tanh, slopes)
            multiply(tanhs, tanhs, bent)  # (1 - g^2) i, (1 - tanh(c)^2) o
            subtract(unit, bent, bent)
            multiply(bent, i_o, bent)
            add(d_state, from_y, summed)
            multiply(out, s_c, before)
            add(before, d_cell, before)
            multiply(before, s_i_f, d_i_f)
            multiply(before, s_g, d_g)
            multiply(out, s_o, d_o)
            multiply(before, f, d_cell)
            gates[...] = turned
            matmul(product_, weights, d_product)
    d_w = product(d_gates.T, inputs)
    dx = product(d_gates, w_ih) if x_wanted else None
    dh = dh_rows.reshape(dh.shape)
    return dx, dh, dc, d_w[:, :width], d_w[:, width:-1], d_w[:, -1]


def _runs(sizes: tuple[int, ...], backwards: bool) -> list[tuple[int, int, int, int]]:
    """(first row, behind the last row, steps, rows of each) of neighbouring steps of one size."""
    found, start = [], 0
    for rows, same in groupby(sizes):
        steps = len(list(same))
        found.append((start, start + steps * rows, steps, rows))
        start += steps * rows
    return found[::-1] if backwards else found


def _each(views: tuple[Array, ...], backwards: bool) -> Iterator[tuple[Array, ...]]:
    """What each step has of every array."""
    return zip(*(v[::-1] for v in views) if backwards else views, strict=True)


_HALVES = {np.dtype(d): np.array(0.5, d) for d in ("float32", "float64")}
_ONES = {np.dtype(d): np.array(1, d) for d in ("float32", "float64")}


def _in_parts(rows: int, inner: int, columns: int) -> int:
    """Into how many pieces of columns a product with weights is cut: OpenBLAS packs both operands
    from a million multiplications on, which takes as long as the product of few rows."""
    for parts in (1, 2, 4):
        if columns % parts == 0 and rows * inner * columns <= parts * 1_000_000:
            return parts
    return 1


def _at_line(shape: tuple[int, ...], dtype: Any) -> Array:
    """Memory that begins at a cache line: weights that are read whole at every step."""
    size = prod(shape)
    room = np.empty(size + 64 // dtype.itemsize, dtype)
    start = -room.ctypes.data % 64 // dtype.itemsize
    return room[start : start + size].reshape(shape)


def _by_gates(w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    """[w_ih, w_hh, b_ih + b_hh] of the gates i, f, o, g, each transposed; those of the sigmoid
    gates halved."""
    n, width = w_hh.shape[1], w_ih.shape[1]
    made = _at_line((4, width + n + 1, n), w_ih.dtype)
    for gate, columns in zip((0, 1, 3, 2), made, strict=True):  # o before g: sigmoids side by side
        rows = slice(gate * n, gate * n + n)
        columns[:width], columns[width:-1] = w_ih[rows].T, w_hh[rows].T
        columns[-1] = 0 if b_ih is None else b_ih[rows] + b_hh[rows]
    made[:3] *= _HALVES[made.dtype]
    return made


def gru(
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array,
    b_hh: Array,
    sizes: tuple[int, ...] = (),
    backwards: bool = False,
) -> tuple[Array, Array, Array]:
    """(outputs, [gates r z n after their functions, W h of n] of all rows, last h)."""
    n = h0.shape[1]
    acts = np.empty((len(x), 4 * n), x.dtype)
    acts[:, : 3 * n] = _gates(x, w_ih, b_ih)
    y, h, turned = np.empty((len(x), n), x.dtype), h0.copy(), np.ascontiguousarray(w_hh.T)
    half, tanh = x.dtype.type(0.5), np.tanh
    for start, stop in spans(sizes, backwards):
        state = h[: stop - start]
        z = acts[start:stop]
        from_h = product(state, turned)
        if b_hh is not None:
            from_h += b_hh
        z[:, 3 * n :] = from_h[:, 2 * n :]
        gates = z[:, : 2 * n]
        gates += from_h[:, : 2 * n]
        gates *= half
        tanh(gates, gates)
        gates += 1
        gates *= half
        new = z[:, 2 * n : 3 * n]
        new += z[:, :n] * z[:, 3 * n :]
        tanh(new, new)
        out = np.subtract(state, new, y[start:stop])
        out *= z[:, n : 2 * n]
        out += new
        state[...] = out
    return y, acts, h


def plain(
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array,
    b_hh: Array,
    relu: bool = False,
    sizes: tuple[int, ...] = (),
    backwards: bool = False,
) -> tuple[Array, Array]:
    """(outputs of all rows, last h)."""
    y = _gates(x, w_ih, None if b_ih is None else b_ih + b_hh)
    h, turned = h0.copy(), np.ascontiguousarray(w_hh.T)
    for start, stop in spans(sizes, backwards):
        state, z = h[: stop - start], y[start:stop]
        z += product(state, turned)
        if relu:
            np.maximum(z, 0, out=z)
        else:
            np.tanh(z, z)
        state[...] = z
    return y, h
