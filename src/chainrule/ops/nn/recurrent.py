"""Recurrent layers: the whole time loop of one layer in one direction as one node.

The kernels (`kernels/recurrent.py`) also return what their rules need. GRU's gates are an output
like any other, so a derivative of a derivative is exact; LSTM's workspaces are bytes, and its
rule in recorded operations computes gates and cells anew. The rules walk the steps in the opposite
order and leave the products with weights and inputs to the end, one for all steps.
`layer` is what `nn.RNN`, `nn.LSTM` and `nn.GRU` call; while an interpreter runs, with a projection,
and for other dtypes it is a composition. The single steps (`lstm_cell`, ...) are compositions.
"""

from __future__ import annotations

from typing import Any

from ..._state import S
from ...core.declare import general, public
from ...core.interpreter import composing, lowered
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
    b_ih: Any,
    b_hh: Any,
    y: Any,
    work: Any,
    inputs: Any,
    sizes: tuple[int, ...],
    backwards: bool,
    x_wanted: bool,
) -> tuple[Any, ...]:
    if xp is RAW:  # the same in place, from what the kernel has kept
        *made, d_b = kernels.lstm_backward(g, w_ih, w_hh, work, inputs, sizes, backwards, x_wanted)
        d_b = None if b_ih is None else d_b
        return *made, d_b, d_b
    gy, dh, dc = g
    n = h0.shape[1]
    before_h = _previous(xp, y, h0, sizes, backwards)
    earlier = xp.cat(before_h[::-1] if backwards else before_h, 0)
    z = xp.matmul(x, xp.transpose(w_ih, 0, 1)) + xp.matmul(earlier, xp.transpose(w_hh, 0, 1))
    z = z if b_ih is None else z + (b_ih + b_hh)
    i, f, new, o = (
        (xp.tanh if k == 2 else xp.sigmoid)(z[:, k * n : (k + 1) * n]) for k in range(4)
    )
    steps = list(kernels.spans(sizes, backwards))
    cells, kept = [], c0  # before and after every step
    for start, stop in steps:
        rows, at = stop - start, slice(start, stop)
        c = f[at] * kept[:rows] + i[at] * new[at]
        cells.append((kept[:rows], xp.tanh(c)))
        kept = _spread(xp, c, kept, rows)
    parts = []
    for (start, stop), (c, bent) in zip(reversed(steps), reversed(cells), strict=True):
        rows, at = stop - start, slice(start, stop)
        d = dh[:rows] + gy[at]
        d_cell = d * o[at] * (1 - bent * bent) + dc[:rows]
        d_i = d_cell * new[at] * (i[at] - i[at] * i[at])
        d_f = d_cell * c * (f[at] - f[at] * f[at])
        d_new = d_cell * i[at] * (1 - new[at] * new[at])
        parts.append(xp.cat([d_i, d_f, d_new, d * bent * (o[at] - o[at] * o[at])], 1))
        dh = _spread(xp, xp.matmul(parts[-1], w_hh), dh, rows)
        dc = _spread(xp, d_cell * f[at], dc, rows)
    d_gates = _in_order(xp, parts, backwards)
    gx, *rest = _weights(xp, x, before_h, d_gates, d_gates, w_ih, b_ih is not None, backwards)
    return gx, dh, dc, *rest


_lstm = general(
    "lstm_layer",
    kernels.lstm,
    ("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh"),
    vjp=_lstm_back,
    outputs=("y", "hn", "cn", "work", "inputs"),
    names=("_lstm_layer",),
    method=False,
    doc="All steps of one direction of one LSTM layer: outputs, last h, last c, workspaces.",
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
    size, width = w_ih._data.shape[1], w_hh._data.shape[1]
    x, h = input._data.shape, hidden._data.shape
    if x[-1] != size:
        raise RuntimeError(f"input has inconsistent input_size: got {x[-1]} expected {size}")
    if h[-1] != width:
        raise RuntimeError(
            f"hidden{which} has inconsistent hidden_size: got {h[-1]}, expected {width}"
        )
    if len(x) == 2 and x[0] != h[0]:
        raise RuntimeError(f"Input batch size {x[0]} doesn't match hidden{which} batch size {h[0]}")


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
    if S.mode is not None:
        x, *rest = lowered(x, *state, *weights)
        state, weights = tuple(rest[: len(state)]), tuple(rest[len(state) :])
    *main, projection = weights
    dtype = x._data.dtype
    if composing() or projection is not None or not (dtype is F32 or dtype is F64):
        return _composed(mode, x, state, weights, sizes, backwards)
    if mode == "LSTM":
        wanted = x.requires_grad
        y, h, c, *_ = _lstm.prim.call(x, *state, *main, params=(sizes, backwards, wanted))
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
