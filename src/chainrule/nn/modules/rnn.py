"""Recurrent layers: RNN, LSTM and GRU over sequences, and their single steps.

A layer in one direction is one op with the whole time loop (`ops/nn/recurrent.py`); here are the
parameters, the shapes, the stacking of layers and directions, and packed sequences.
"""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ...core.interpreter import casting
from ...ops.make.create import zeros
from ...ops.nn.recurrent import gru_cell, layer, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from ...ops.shape.join import cat, stack
from .. import functional as F
from .. import init
from ..utils.rnn import PackedSequence
from .module import Module
from .utils import new_parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` share.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size:
            as for `LSTM`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.RNNBase("GRU", 3, 4).weight_ih_l0.shape
        torch.Size([12, 3])
    """

    __constants__ = [  # noqa: RUF012
        "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
        "bidirectional", "proj_size",
    ]  # fmt: skip

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_types(input_size, hidden_size, bias, batch_first)
        _check_options(mode, hidden_size, num_layers, dropout, proj_size)
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.dropout, self.bidirectional, self.proj_size = float(dropout), bidirectional, proj_size
        self._all_weights: list[list[str]] = []
        directions = 2 if bidirectional else 1
        rows, width = _GATES[mode] * hidden_size, proj_size or hidden_size
        for depth in range(num_layers):
            columns = input_size if depth == 0 else width * directions
            shapes = {"weight_ih": (rows, columns), "weight_hh": (rows, width)}
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}  # type: ignore[dict-item]
            if proj_size:
                shapes["weight_hr"] = (proj_size, hidden_size)
            for suffix in ("", "_reverse")[:directions]:
                names = []
                for kind, shape in shapes.items():
                    names.append(f"{kind}_l{depth}{suffix}")
                    setattr(self, names[-1], new_parameter(*shape, device=device, dtype=dtype))
                self._all_weights.append(names)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform in [-k, k], k = 1/sqrt(hidden_size)."""
        k = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -k, k)

    @property
    def all_weights(self) -> list[list[Any]]:
        """The weights of every layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Any]:
        return [weight for weights in self.all_weights for weight in weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    def flatten_parameters(self) -> None:
        """Nothing: weights need no special place in memory here."""

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the usual ones."""
        shown = f"{self.input_size}, {self.hidden_size}"
        usual = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0,
            "bidirectional": False,
        }  # fmt: skip
        for name, value in usual.items():
            if getattr(self, name) != value:
                shown += f", {name}={getattr(self, name)}"
        return shown

    # ------------------------------------------------------------ the call

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """All layers over a sequence.

        Args:
            input: (L, N, input_size), batch first if so, (L, input_size), or a PackedSequence.
            hx: the first state: (layers times directions, N, hidden_size); zeros by default.

        Returns:
            (output, last state).
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead"
            )
        batched = input.dim() == 3
        state = self._given_state(hx, batched)
        if not batched:
            input = input.unsqueeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        length, n, _ = input.shape
        self._check_input(input)
        state = self._checked_state(state, n, input)
        if not length:
            raise RuntimeError(
                "Expected sequence length to be larger than 0 in RNN\n"
                f"input: {tuple(input.shape)}, steps first"
            )
        rows = input.reshape(length * n, input.shape[2])
        out, last = self._layers(rows, state, (n,) * length)
        out = out.reshape(length, n, out.shape[1])
        if not batched:
            out, last = out.squeeze(1), tuple(t.squeeze(1) for t in last)
        elif self.batch_first:
            out = out.transpose(0, 1)
        return out, last if self.mode == "LSTM" else last[0]

    def _forward_packed(self, input: Any, hx: Any) -> tuple[Any, Any]:
        data, batch_sizes, sorted_indices, unsorted_indices = input
        sizes = tuple(batch_sizes.tolist())
        state = None if hx is None else hx if self.mode == "LSTM" else (hx,)
        if state is not None and sorted_indices is not None:
            state = tuple(t.index_select(1, sorted_indices) for t in state)
        if data.shape[-1] != self.input_size:
            raise _wrong_size(self.input_size, data.shape[-1])
        state = self._checked_state(state, sizes[0], data)
        out, last = self._layers(data, state, sizes)
        if unsorted_indices is not None:
            last = tuple(t.index_select(1, unsorted_indices) for t in last)
        packed = PackedSequence(out, batch_sizes, sorted_indices, unsorted_indices)
        return packed, last if self.mode == "LSTM" else last[0]

    def _layers(
        self, rows: Any, state: tuple[Any, ...], sizes: tuple[int, ...]
    ) -> tuple[Any, tuple[Any, ...]]:
        directions = 2 if self.bidirectional else 1
        last: list[tuple[Any, ...]] = []
        weights = iter(self._all_weights)
        for depth in range(self.num_layers):
            outs = []
            for back in range(directions):
                at = len(last)
                first = tuple(t[at] for t in state)
                out, end = layer(
                    self.mode, rows, first, self._weights(next(weights)), sizes, bool(back)
                )
                outs.append(out)
                last.append(end)
            rows = outs[0] if directions == 1 else cat(outs, 1)
            if self.dropout and depth < self.num_layers - 1:
                rows = F.dropout(rows, self.dropout, self.training)
        return rows, tuple(stack(each, 0) for each in zip(*last, strict=True))

    def _weights(self, names: list[str]) -> tuple[Any, ...]:
        own = [getattr(self, name) for name in names]
        projection = own.pop() if self.proj_size else None
        return (*own, *(() if self.bias else (None, None)), projection)

    # ------------------------------------------------------------ checks

    def _check_input(self, input: Any) -> None:
        weight = getattr(self, self._all_weights[0][0])
        if input.dtype != weight.dtype and not casting():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        if input.shape[-1] != self.input_size:
            raise _wrong_size(self.input_size, input.shape[-1])

    def _given_state(self, hx: Any, batched: bool) -> tuple[Any, ...] | None:
        """The first state with a batch dimension."""
        if hx is None:
            return None
        lstm = self.mode == "LSTM"
        state = (hx[0], hx[1]) if lstm else (hx,)
        ranks = [t.dim() for t in state]
        wanted = 3 if batched else 2
        if any(r != wanted for r in ranks):
            words = f"{'' if batched else 'un'}batched {wanted}-D input"
            shown = f"({ranks[0]}-D, {ranks[1]}-D) tensors" if lstm else f"{ranks[0]}-D tensor"
            raise RuntimeError(
                f"For {words}, {'hx and cx' if lstm else 'hx'} should also be {wanted}-D but got "
                f"{shown}"
            )
        return state if batched else tuple(t.unsqueeze(1) for t in state)

    def _checked_state(self, state: tuple[Any, ...] | None, n: int, input: Any) -> tuple[Any, ...]:
        count = self.num_layers * (2 if self.bidirectional else 1)
        widths = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            widths.append(self.hidden_size)
        if state is None:
            return tuple(zeros((count, n, w), dtype=input.dtype) for w in widths)
        for i, (t, w) in enumerate(zip(state, widths, strict=True)):
            if tuple(t.shape) != (count, n, w):
                which = f"[{i}]" if self.mode == "LSTM" else ""
                raise RuntimeError(
                    f"Expected hidden{which} size {(count, n, w)}, got {list(t.shape)}"
                )
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("proj_size", 0)


def _wrong_size(expected: int, got: int) -> RuntimeError:
    return RuntimeError(
        f"input.size(-1) must be equal to input_size. Expected {expected}, got {got}"
    )


def _check_types(input_size: Any, hidden_size: Any, bias: Any, batch_first: Any) -> None:
    named = (("input_size", input_size, int), ("hidden_size", hidden_size, int),
             ("bias", bias, bool), ("batch_first", batch_first, bool))  # fmt: skip
    for name, value, kind in named:
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
    for name, value, _ in named[:2]:
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")


def _check_options(
    mode: str, hidden_size: Any, num_layers: int, dropout: Any, proj_size: int
) -> None:
    if mode not in _GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)
    dropout = float(dropout) if isinstance(dropout, str) else dropout
    if not isinstance(dropout, numbers.Number) or not 0 <= dropout <= 1 or dropout is True:  # type: ignore[operator]
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an "
            "element being zeroed"
        )
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=4,
        )
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNN(RNNBase):
    """Plain recurrent layers: h' = tanh(W x + b + U h + c).

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        num_layers: layers, each on the outputs of the one below.
        nonlinearity: "tanh" or "relu".
        bias, batch_first, dropout, bidirectional: as for `LSTM`.

    Shapes: as for `LSTM`, with one state h instead of (h, c).

    Example:
        >>> import chainrule as torch
        >>> output, h = torch.nn.RNN(3, 4)(torch.ones(5, 2, 3))
        >>> output.shape, h.shape
        (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:  # the fourth is the nonlinearity, unlike in the other classes
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory layers.

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        num_layers: layers, each on the outputs of the one below.
        bias: whether to add biases.
        batch_first: (N, L, features) instead of (L, N, features).
        dropout: between layers, while training.
        bidirectional: also from the end to the beginning; outputs side by side.
        proj_size: width to which the state is projected, if not 0.

    Shapes: input (L, N, input_size); states (layers times directions, N, hidden_size); output
        (L, N, directions times hidden_size). Without N everywhere for one sequence.

    Returns:
        (output, (h, c)): the last layer's outputs, and the last states of all layers.

    Source: Hochreiter, Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    Example:
        >>> import chainrule as torch
        >>> output, (h, c) = torch.nn.LSTM(3, 4, num_layers=2)(torch.ones(5, 2, 3))
        >>> output.shape, h.shape
        (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent layers.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional: as for
            `LSTM`.

    Shapes: as for `LSTM`, with one state h instead of (h, c).

    Source: Cho et al. (2014), Learning Phrase Representations.

    Example:
        >>> import chainrule as torch
        >>> output, h = torch.nn.GRU(3, 4, bidirectional=True)(torch.ones(5, 2, 3))
        >>> output.shape, h.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """What the single steps share.

    Args:
        input_size, hidden_size: features of input and state.
        bias: whether to add biases.
        num_chunks: gates.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.RNNCellBase(3, 4, True, 2).weight_ih.shape
        torch.Size([8, 3])
    """

    __constants__ = ["input_size", "hidden_size", "bias"]  # noqa: RUF012

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        options = {"device": device, "dtype": dtype}
        rows = num_chunks * hidden_size
        self.weight_ih = new_parameter(rows, input_size, **options)
        self.weight_hh = new_parameter(rows, hidden_size, **options)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, new_parameter(rows, **options) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform in [-k, k], k = 1/sqrt(hidden_size)."""
        k = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -k, k)

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the usual ones."""
        shown = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            shown += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return shown if nonlinearity == "tanh" else f"{shown}, nonlinearity={nonlinearity}"

    def _step(self, cell: Any, input: Any, hx: Any, states: int) -> Any:
        """One step of a batch, or of one sequence without batch dimension."""
        name = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        given = () if hx is None else tuple(hx) if states == 2 else (hx,)
        for i, t in enumerate(given):
            if t.dim() not in (1, 2):
                which = f"hx[{i}]" if states == 2 else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {t.dim()}D instead")
        single = input.dim() == 1
        x = input.unsqueeze(0) if single else input
        if not given:
            state = tuple(
                zeros((x.shape[0], self.hidden_size), dtype=input.dtype) for _ in range(states)
            )
        else:
            state = tuple(t.unsqueeze(0) if single else t for t in given)
        made = cell(
            x,
            state if states == 2 else state[0],
            self.weight_ih,
            self.weight_hh,
            self.bias_ih,
            self.bias_hh,
        )
        if not single:
            return made
        return tuple(t.squeeze(0) for t in made) if states == 2 else made.squeeze(0)


class RNNCell(RNNCellBase):
    """One step of a plain RNN.

    Args:
        input_size, hidden_size: features of input and state.
        bias: whether to add biases.
        nonlinearity: "tanh" or "relu".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.RNNCell(3, 4)(torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """

    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]  # noqa: RUF012

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state; `hx` is zeros by default."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        cell = rnn_tanh_cell if self.nonlinearity == "tanh" else rnn_relu_cell
        return self._step(cell, input, hx, 1)


class LSTMCell(RNNCellBase):
    """One step of an LSTM.

    Args:
        input_size, hidden_size: features of input and state.
        bias: whether to add biases.

    Example:
        >>> import chainrule as torch
        >>> h, c = torch.nn.LSTMCell(3, 4)(torch.ones(2, 3))
        >>> h.shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The next (h, c); `hx` is zeros by default."""
        return self._step(lstm_cell, input, hx, 2)


class GRUCell(RNNCellBase):
    """One step of a GRU.

    Args:
        input_size, hidden_size: features of input and state.
        bias: whether to add biases.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.GRUCell(3, 4)(torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next h; `hx` is zeros by default."""
        return self._step(gru_cell, input, hx, 1)
