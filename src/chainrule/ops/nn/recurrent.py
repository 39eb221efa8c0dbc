"""Recurrent layers: the whole time loop of one layer in one direction as one node.

The kernels (`kernels/recurrent.py`) also return what their rules need (cells, gates): these are
outputs like any others, so a derivative of a derivative is exact. The rules walk the steps in the
opposite order and leave the products with weights and inputs to the end, one for all steps.
`layer` is what `nn.RNN`, `nn.LSTM` and `nn.GRU` call; while an interpreter runs, with a projection,
and for other dtypes it is a composition. The single steps (`lstm_cell`, ...) are compositions.
"""

from __future__ import annotations

from typing import Any

from ..._state import S
from ...core.declare import general, public
from ...core.primitive import F32, F64
from ...core.record import OPS, RAW
from ...kernels import recurrent as kernels
from ..fast import T
from ..linalg.affine import linear

# ---------------------------------------------------------------- what the rules share


def _previous(xp: Any, y: Any, first: Any, sizes: tuple[int, ...], backwards: bool) -> list[Any]:
    """The state before every step, in the order of the steps: the first rows of the step before,
    and of the first state where a sequence begins."""
    found, have, before = [], 0, (0, 0)
    for start, stop in kernels.spans(sizes, backwards):
        rows = stop - start
        if not have:
            found.append(first[:rows])
        elif rows <= have:
            found.append(y[before[0] : before[0] + rows])
        else:
            found.append(xp.cat([y[before[0] : before[1]], first[have:rows]], 0))
        have, before = rows, (start, stop)
    return found


def _in_order(xp: Any, parts: list[Any], backwards: bool) -> Any:
    """The rows of all steps, made in the order of a backward walk, in their places."""
    return xp.cat(parts if backwards else parts[::-1], 0)


def _spread(xp: Any, head: Any, whole: Any, rows: int) -> Any:
    """`whole` with its first rows replaced by `head`."""
    return head if rows == whole.shape[0] else xp.cat([head, whole[rows:]], 0)


def _weights(
    xp: Any, x: Any, before: list[Any], d_in: Any, d_h: Any, w_ih: Any, biases: bool, back: bool
) -> tuple[Any, ...]:
    """Cotangents of x, w_ih, w_hh, b_ih, b_hh from those of the products with input and state."""
    earlier = xp.cat(before[::-1] if back else before, 0)
    d_b = xp.sum(d_in, (0,), False) if biases else None
    d_bh = (d_b if d_h is d_in else xp.sum(d_h, (0,), False)) if biases else None
    return (
        xp.matmul(d_in, w_ih),
        xp.matmul(xp.transpose(d_in, 0, 1), x),
        xp.matmul(xp.transpose(d_h, 0, 1), earlier),
        d_b,
        d_bh,
    )


# ---------------------------------------------------------------- LSTM


def _lstm_back(
    xp: Any,
    g: Any,
    x: Any,
    h0: Any,
    c0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih_shape: Any,
    x_dtype: Any,
    y: Any,
    cells: Any,
    acts: Any,
    sizes: tuple[int, ...],
    backwards: bool,
) -> tuple[Any, ...]:
    if xp is RAW:  # the same in place
        *made, d_b = kernels.lstm_backward(
            g, x, h0, c0, w_ih, w_hh, y, cells, acts, sizes, backwards
        )
        d_b = None if b_ih_shape is None else d_b
        return *made, d_b, d_b
    gy, g_cells, g_acts, dh, dc = g
    n = h0.shape[1]
    dh, dc, turned = (xp.transpose(t, 0, 1) for t in (dh, dc, w_hh))
    zero = xp.zeros(dc.shape, x_dtype)
    one = xp.cat([zero, zero, zero + 1, zero], 0)  # (a + one)(1 - a): slopes of all gates
    before_c = _cells_before(xp, cells, xp.transpose(c0, 0, 1), sizes, backwards)
    steps = list(kernels.spans(sizes, backwards))
    parts = []
    # small operands at each step: products over all steps at once would leave the cache
    for (start, stop), c in zip(reversed(steps), reversed(before_c), strict=True):
        rows = stop - start
        at = slice(4 * n * start, 4 * n * stop)
        a, bent = xp.reshape(acts[at], (4 * n, rows)), xp.tanh(_part(xp, cells, n, start, stop))
        d = dh[:, :rows] + xp.transpose(gy[start:stop], 0, 1)
        into_cell = d * a[3 * n :]
        dcell = into_cell - into_cell * bent * bent + dc[:, :rows]
        dcell = dcell + _part(xp, g_cells, n, start, stop)
        into = [dcell * a[2 * n : 3 * n], dcell * c, dcell * a[:n], d * bent]
        gates = xp.cat(into, 0) + xp.reshape(g_acts[at], (4 * n, rows))
        gates = gates * ((a + one[:, :rows]) * (1 - a))
        parts.append(gates)
        dh = _widened(xp, xp.matmul(turned, gates), dh, rows)
        dc = _widened(xp, dcell * a[n : 2 * n], dc, rows)
    d_gates = xp.cat(parts if backwards else parts[::-1], 1)
    before_h = _previous(xp, y, h0, sizes, backwards)
    d_b = None if b_ih_shape is None else xp.sum(d_gates, (1,), False)
    return (
        xp.matmul(xp.transpose(d_gates, 0, 1), w_ih),
        xp.transpose(dh, 0, 1),
        xp.transpose(dc, 0, 1),
        xp.matmul(d_gates, x),
        xp.matmul(d_gates, xp.cat(before_h[::-1] if backwards else before_h, 0)),
        d_b,
        d_b,
    )


def _part(xp: Any, flat: Any, n: int, start: int, stop: int) -> Any:
    """One step of cells, (hidden, rows)."""
    return xp.reshape(flat[n * start : n * stop], (n, stop - start))


def _cells_before(
    xp: Any, cells: Any, first: Any, sizes: tuple[int, ...], backwards: bool
) -> list[Any]:
    """`_previous` of the cells, which lie as (hidden, rows)."""
    n = first.shape[0]
    found: list[Any] = []
    before = first[:, :0]
    for start, stop in kernels.spans(sizes, backwards):
        rows, have = stop - start, before.shape[1]
        if rows <= have:
            found.append(before[:, :rows])
        else:
            found.append(xp.cat([before, first[:, have:rows]], 1) if have else first[:, :rows])
        before = _part(xp, cells, n, start, stop)
    return found


def _widened(xp: Any, head: Any, whole: Any, rows: int) -> Any:
    """`whole` with its first columns replaced by `head`."""
    return head if rows == whole.shape[1] else xp.cat([head, whole[:, rows:]], 1)


_lstm = general(
    "lstm_layer",
    kernels.lstm,
    ("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh"),
    vjp=_lstm_back,
    outputs=("y", "cells", "acts", "hn", "cn"),
    names=("_lstm_layer",),
    method=False,
    doc="All steps of one direction of one LSTM layer: outputs, cells, gates, last h, last c.",
)


# ---------------------------------------------------------------- GRU


def _gru_back(
    xp: Any,
    g: Any,
    x: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih_shape: Any,
    y: Any,
    acts: Any,
    sizes: tuple[int, ...],
    backwards: bool,
) -> tuple[Any, ...]:
    gy, g_acts, dh = g
    n = h0.shape[1]
    before = _previous(xp, y, h0, sizes, backwards)
    steps = list(kernels.spans(sizes, backwards))
    from_x, from_h = [], []
    for (start, stop), h in zip(reversed(steps), reversed(before), strict=True):
        rows = stop - start
        at = slice(start, stop)
        a, ga = acts[at], g_acts[at]
        gates, new = a[:, : 2 * n], a[:, 2 * n : 3 * n]
        d = dh[:rows] + gy[at]
        kept = d * a[:, n : 2 * n]
        d_new = (d - kept + ga[:, 2 * n : 3 * n]) * (1 - new * new)
        into = xp.cat([d_new * a[:, 3 * n :], d * (h - new)], 1)
        d_gates = (into + ga[:, : 2 * n]) * (gates - gates * gates)
        d_h = xp.cat([d_gates, d_new * a[:, :n] + ga[:, 3 * n :]], 1)
        from_x.append(xp.cat([d_gates, d_new], 1))
        from_h.append(d_h)
        dh = _spread(xp, xp.matmul(d_h, w_hh) + kept, dh, rows)
    gx, *rest = _weights(
        xp,
        x,
        before,
        _in_order(xp, from_x, backwards),
        _in_order(xp, from_h, backwards),
        w_ih,
        b_ih_shape is not None,
        backwards,
    )
    return gx, dh, *rest


_gru = general(
    "gru_layer",
    kernels.gru,
    ("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh"),
    vjp=_gru_back,
    outputs=("y", "acts", "hn"),
    names=("_gru_layer",),
    method=False,
    doc="All steps of one direction of one GRU layer: outputs, gates, last h.",
)


# ---------------------------------------------------------------- the plain RNN


def _plain_back(
    xp: Any,
    g: Any,
    x: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih_shape: Any,
    y: Any,
    relu: bool,
    sizes: tuple[int, ...],
    backwards: bool,
) -> tuple[Any, ...]:
    gy, dh = g
    slope = xp.sign(y) if relu else 1 - y * y
    parts = []
    for start, stop in reversed(list(kernels.spans(sizes, backwards))):
        rows = stop - start
        d = (dh[:rows] + gy[start:stop]) * slope[start:stop]
        parts.append(d)
        dh = _spread(xp, xp.matmul(d, w_hh), dh, rows)
    before = _previous(xp, y, h0, sizes, backwards)
    d = _in_order(xp, parts, backwards)
    gx, *rest = _weights(xp, x, before, d, d, w_ih, b_ih_shape is not None, backwards)
    return gx, dh, *rest


_plain = general(
    "rnn_layer",
    kernels.plain,
    ("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh"),
    vjp=_plain_back,
    outputs=("y", "hn"),
    names=("_rnn_layer",),
    method=False,
    doc="All steps of one direction of one plain recurrent layer: outputs, last h.",
)


# ---------------------------------------------------------------- single steps


def _check_cell(input: Any, hidden: Any, w_ih: Any, w_hh: Any, which: int) -> None:
    size, width = w_ih.shape[1], w_hh.shape[1]
    if input.shape[-1] != size:
        raise RuntimeError(
            f"input has inconsistent input_size: got {input.shape[-1]} expected {size}"
        )
    if hidden.shape[-1] != width:
        raise RuntimeError(
            f"hidden{which} has inconsistent hidden_size: got {hidden.shape[-1]}, expected {width}"
        )
    if input.dim() == 2 and input.shape[0] != hidden.shape[0]:
        raise RuntimeError(
            f"Input batch size {input.shape[0]} doesn't match hidden{which} batch size "
            f"{hidden.shape[0]}"
        )


@public("lstm_cell")
def lstm_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Any, Any]:
    """One step of an LSTM.

    Args:
        input: (N, input size).
        hx: (h, c), each (N, hidden size).
        w_ih, w_hh, b_ih, b_hh: weights and biases of the gates i, f, g, o.

    Returns:
        The next (h, c).

    Source: Hochreiter, Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    Example:
        >>> import chainrule as torch
        >>> state = torch.zeros(1, 2), torch.zeros(1, 2)
        >>> h, c = torch.lstm_cell(torch.ones(1, 3), state, torch.ones(8, 3), torch.ones(8, 2))
        >>> h.shape
        torch.Size([1, 2])
    """
    h, c = hx
    _check_cell(input, h, w_ih, w_hh, 0)
    _check_cell(input, c, w_ih, w_hh, 1)
    return _lstm_step(linear(input, w_ih, b_ih) + linear(h, w_hh, b_hh), c)


def _lstm_step(gates: Any, c: Any) -> tuple[Any, Any]:
    i, f, g, o = T.chunk(gates, 4, -1)
    c = OPS.sigmoid(f) * c + OPS.sigmoid(i) * OPS.tanh(g)
    return OPS.sigmoid(o) * OPS.tanh(c), c


@public("gru_cell")
def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of a GRU: the next h.

    Args:
        input: (N, input size).
        hx: h, (N, hidden size).
        w_ih, w_hh, b_ih, b_hh: weights and biases of the gates r, z, n.

    Source: Cho et al. (2014).

    Example:
        >>> import chainrule as torch
        >>> h = torch.gru_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.ones(6, 3),
        ...                    torch.ones(6, 2))
        >>> h.shape
        torch.Size([1, 2])
    """
    _check_cell(input, hx, w_ih, w_hh, 0)
    return _gru_step(linear(input, w_ih, b_ih), linear(hx, w_hh, b_hh), hx)


def _gru_step(from_x: Any, from_h: Any, h: Any) -> Any:
    (rx, zx, nx), (rh, zh, nh) = T.chunk(from_x, 3, -1), T.chunk(from_h, 3, -1)
    z = OPS.sigmoid(zx + zh)
    new = OPS.tanh(nx + OPS.sigmoid(rx + rh) * nh)
    return new + z * (h - new)


@public("rnn_tanh_cell")
def rnn_tanh_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    """One step of a plain RNN: tanh(W x + U h + biases).

    Example:
        >>> import chainrule as torch
        >>> torch.rnn_tanh_cell(torch.zeros(1, 3), torch.zeros(1, 2), torch.ones(2, 3),
        ...                     torch.ones(2, 2))
        tensor([[0., 0.]])
    """
    _check_cell(input, hx, w_ih, w_hh, 0)
    return OPS.tanh(linear(input, w_ih, b_ih) + linear(hx, w_hh, b_hh))


@public("rnn_relu_cell")
def rnn_relu_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    """One step of a plain RNN: max(W x + U h + biases, 0).

    Example:
        >>> import chainrule as torch
        >>> torch.rnn_relu_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.ones(2, 3),
        ...                     torch.ones(2, 2))
        tensor([[3., 3.]])
    """
    _check_cell(input, hx, w_ih, w_hh, 0)
    return T.relu(linear(input, w_ih, b_ih) + linear(hx, w_hh, b_hh))


# ---------------------------------------------------------------- layers


def layer(
    mode: str,
    x: Any,
    state: tuple[Any, ...],
    weights: tuple[Any, ...],
    sizes: tuple[int, ...],
    backwards: bool,
) -> tuple[Any, tuple[Any, ...]]:
    """One layer in one direction.

    Args:
        mode: LSTM, GRU, RNN_TANH or RNN_RELU.
        x: the rows of all steps, (rows, input size).
        state: (h,) or (h, c).
        weights: w_ih, w_hh, b_ih, b_hh (or None), w_hr (a projection, or None).
        sizes: rows of every step.
        backwards: begin with the last step.

    Returns:
        (outputs of all rows, the last state).
    """
    *main, projection = weights
    dtype = x._data.dtype
    if S.mode is not None or projection is not None or not (dtype is F32 or dtype is F64):
        return _composed(mode, x, state, weights, sizes, backwards)
    if mode == "LSTM":
        y, _, _, h, c = _lstm.prim.call(x, *state, *main, params=(sizes, backwards))
        return y, (h, c)
    if mode == "GRU":
        y, _, h = _gru.prim.call(x, *state, *main, params=(sizes, backwards))
        return y, (h,)
    y, h = _plain.prim.call(x, *state, *main, params=(mode == "RNN_RELU", sizes, backwards))
    return y, (h,)


def _composed(
    mode: str,
    x: Any,
    state: tuple[Any, ...],
    weights: tuple[Any, ...],
    sizes: tuple[int, ...],
    backwards: bool,
) -> tuple[Any, tuple[Any, ...]]:
    """The same of basic ops."""
    w_ih, w_hh, b_ih, b_hh, projection = weights
    from_x = linear(x, w_ih, b_ih)
    parts = []
    for start, stop in kernels.spans(sizes, backwards):
        rows = stop - start
        now = tuple(t[:rows] for t in state)
        gates, from_h = from_x[start:stop], linear(now[0], w_hh, b_hh)
        if mode == "LSTM":
            h, c = _lstm_step(gates + from_h, now[1])
            made: tuple[Any, ...] = (h if projection is None else linear(h, projection), c)
        elif mode == "GRU":
            made = (_gru_step(gates, from_h, now[0]),)
        else:
            made = ((T.relu if mode == "RNN_RELU" else OPS.tanh)(gates + from_h),)
        parts.append(made[0])
        if rows < state[0].shape[0]:
            state = tuple(T.cat((m, t[rows:]), 0) for m, t in zip(made, state, strict=True))
        else:
            state = made
    return T.cat(parts[::-1] if backwards else parts, 0), state
