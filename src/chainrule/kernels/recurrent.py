"""The time loops of recurrent layers on arrays: LSTM, GRU and the plain RNN.

`x` holds the rows of all time steps one after the other; `sizes` says how many rows each step has
(never more than the step before: sequences sorted by length), so a padded batch and a packed one
are the same thing. A step updates the first rows of the state; `backwards` begins with the last
step. The products with the input are one matrix product for all steps. Called by
`ops/nn/recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["gru", "lstm", "lstm_backward", "plain", "spans"]

Array = Any


def spans(sizes: tuple[int, ...], backwards: bool) -> Iterator[tuple[int, int]]:
    """(first row, behind the last row) of every step, in the order in which they are done."""
    ends, total = [], 0
    for n in sizes:
        ends.append((total, total + n))
        total += n
    return reversed(ends) if backwards else iter(ends)


def _gates(x: Array, w: Array, b: Array) -> Array:
    made = x.dot(w.T)
    if b is not None:
        made += b
    return made


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
) -> tuple[Array, Array, Array, Array, Array]:
    """(outputs of all rows; cells; gates i f g o after their functions; last h; last c).

    Cells and gates lie in flat arrays, each step's part as (hidden, rows) and (4 hidden, rows): one
    product of the weights with [x; h; 1] gives all gates, and every gate is one contiguous block.
    """
    n, width = h0.shape[1], x.shape[1]
    weights = _side_by_side(w_ih, w_hh, b_ih, b_hh)
    half = _HALVES[x.dtype]
    acts, cells = np.empty(4 * n * len(x), x.dtype), np.empty(n * len(x), x.dtype)
    y, h, c = np.empty((len(x), n), x.dtype), h0.T.copy("C"), c0.T.copy("C")
    tanh, multiply, inputs = np.tanh, np.multiply, np.empty((0, 0))
    for start, stop in spans(sizes, backwards):
        rows = stop - start
        if inputs.shape[1] != rows:
            inputs = np.ones((width + n + 1, rows), x.dtype)
        inputs[:width] = x[start:stop].T
        inputs[width:-1] = h[:, :rows]
        z = acts[4 * n * start : 4 * n * stop].reshape(4 * n, rows)
        tanh(np.dot(weights, inputs, z), z)
        for gates in (z[: 2 * n], z[3 * n :]):  # sigmoid(x) = (tanh(x/2) + 1)/2
            gates *= half
            gates += half
        cell = cells[n * start : n * stop].reshape(n, rows)
        multiply(z[n : 2 * n], c[:, :rows], cell)
        cell += z[:n] * z[2 * n : 3 * n]
        c[:, :rows] = cell
        out = tanh(cell)
        out *= z[3 * n :]
        h[:, :rows] = out
        y[start:stop] = out.T
    return y, cells, acts, h.T.copy("C"), c.T.copy("C")


def lstm_backward(
    g: tuple[Array, ...],
    x: Array,
    h0: Array,
    c0: Array,
    w_ih: Array,
    w_hh: Array,
    y: Array,
    cells: Array,
    acts: Array,
    sizes: tuple[int, ...],
    backwards: bool,
) -> tuple[Array, ...]:
    """The cotangents of x, h0, c0, w_ih, w_hh and of one bias: the rule of `ops/nn/recurrent.py` in
    buffers that stay in the cache."""
    gy, g_cells, g_acts, dh, dc = g
    inner = bool(g_cells.any() or g_acts.any())  # only in derivatives of derivatives
    n, dtype = h0.shape[1], x.dtype
    dh, dc, turned, unit = dh.T.copy("C"), dc.T.copy("C"), w_hh.T, np.ones((), dtype)
    gates, before_h = np.empty((4 * n, len(x)), dtype), np.empty((len(x), n), dtype)
    multiply, subtract = np.multiply, np.subtract
    d = np.empty((n, 0), dtype)
    for (start, stop), (first, last) in _pairs_back(sizes, backwards):
        rows, have = stop - start, last - first
        if d.shape[1] != rows:
            d, bent, c, into = (np.empty((k * n, rows), dtype) for k in (1, 1, 1, 4))
            slope = np.empty((4 * n, rows), dtype)
        shared = min(have, rows)
        before_h[start : start + shared] = y[first : first + shared]
        before_h[start + shared : stop] = h0[shared:rows]
        c[:, :shared] = cells[n * first : n * last].reshape(n, have)[:, :shared]
        c[:, shared:] = c0[shared:rows].T
        a = acts[4 * n * start : 4 * n * stop].reshape(4 * n, rows)
        np.tanh(cells[n * start : n * stop].reshape(n, rows), bent)
        np.add(dh[:, :rows], gy[start:stop].T, d)
        multiply(d, bent, into[3 * n :])
        d *= a[3 * n :]
        multiply(bent, bent, bent)
        subtract(unit, bent, bent)
        d *= bent
        d += dc[:, :rows]
        if inner:
            d += g_cells[n * start : n * stop].reshape(n, rows)
        multiply(d, a[2 * n : 3 * n], into[:n])
        multiply(d, c, into[n : 2 * n])
        multiply(d, a[:n], into[2 * n : 3 * n])
        dc[:, :rows] = multiply(d, a[n : 2 * n], d)
        if inner:
            into += g_acts[4 * n * start : 4 * n * stop].reshape(4 * n, rows)
        subtract(unit, a, slope)  # a (1 - a) of the sigmoid gates, (1 + a)(1 - a) of g
        slope[: 2 * n] *= a[: 2 * n]
        slope[2 * n : 3 * n] *= np.add(a[2 * n : 3 * n], unit, bent)
        slope[3 * n :] *= a[3 * n :]
        into *= slope
        gates[:, start:stop] = into
        dh[:, :rows] = turned.dot(into)
    d_b = gates.dot(np.ones(len(x), dtype))
    return gates.T.dot(w_ih), dh.T, dc.T, gates.dot(x), gates.dot(before_h), d_b


def _pairs_back(
    sizes: tuple[int, ...], backwards: bool
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Every step and the one done before it, the last one first; (0, 0) before the first."""
    steps = [(0, 0), *spans(sizes, backwards)]
    return zip(steps[:0:-1], steps[-2::-1], strict=True)


_HALVES = {np.dtype(d): np.array(0.5, d) for d in ("float32", "float64")}


def _side_by_side(w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    """[w_ih, w_hh, b_ih + b_hh], those of the sigmoid gates halved."""
    n, width = w_hh.shape[1], w_ih.shape[1]
    made = np.empty((4 * n, width + n + 1), w_ih.dtype)
    made[:, :width], made[:, width:-1] = w_ih, w_hh
    made[:, -1] = 0 if b_ih is None else b_ih + b_hh
    made[: 2 * n] *= 0.5
    made[3 * n :] *= 0.5
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
        from_h = state.dot(turned)
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
        z += state.dot(turned)
        if relu:
            np.maximum(z, 0, out=z)
        else:
            np.tanh(z, z)
        state[...] = z
    return y, h
