"""The time loops of recurrent layers on arrays: LSTM, GRU and the plain RNN.

`x` holds the rows of all time steps one after the other; `sizes` says how many rows each step has
(never more than the step before: sequences sorted by length), so a padded batch and a packed one
are the same thing. A step updates the first rows of the state; `backwards` begins with the last
step. The products with the input are one matrix product for all steps. Called by
`ops/recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["gru", "lstm", "plain", "spans"]

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
    """(outputs, cells, gates i f g o after their functions) of all rows, last h, last c."""
    n = h0.shape[1]
    scale, shift = _to_sigmoids(n, x.dtype)
    bias = None if b_ih is None else (b_ih + b_hh) * scale
    acts = _gates(x, w_ih * scale[:, None], bias)
    y, cells = np.empty((len(x), n), x.dtype), np.empty((len(x), n), x.dtype)
    h, c, turned = h0.copy(), c0.copy(), np.multiply(w_hh.T, scale, order="C")
    tanh, multiply = np.tanh, np.multiply
    for start, stop in spans(sizes, backwards):
        rows = stop - start
        z = acts[start:stop]
        z += h[:rows].dot(turned)
        tanh(z, z)
        z *= scale
        z += shift
        cell = multiply(z[:, n : 2 * n], c[:rows], cells[start:stop])
        cell += z[:, :n] * z[:, 2 * n : 3 * n]
        c[:rows] = cell
        out = tanh(cell, y[start:stop])
        out *= z[:, 3 * n :]
        h[:rows] = out
    return y, cells, acts, h, c


def _to_sigmoids(n: int, dtype: Any) -> tuple[Array, Array]:
    """What makes one tanh the functions of all gates, since sigmoid(x) = (tanh(x/2) + 1)/2: the
    scale, before and after, and the shift."""
    scale, shift = np.full(4 * n, 0.5, dtype), np.full(4 * n, 0.5, dtype)
    scale[2 * n : 3 * n], shift[2 * n : 3 * n] = 1, 0
    return scale, shift


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
