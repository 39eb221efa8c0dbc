"""Adafactor: the second moment of a matrix from its rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.primitive import bump
from ..core.tensor import Tensor, own, wrap
from ..kernels.blas import product
from .elementwise import check_lr, counter, evaluate, number, sparse_refused, zeros_of
from .optimizer import Optimizer

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Adafactor: the state of an (n, m) matrix is n + m numbers.

    With gradient g of parameter w, in step t, b = t^beta2_decay, rms(x) = |x| / sqrt(numel):

        R = R + b (row means of g^2 - R)       C = C + b (column means of g^2 - C)
        V = R C / mean(R)                      (vectors: V = V + b (g^2 - V))
        U = g / max(sqrt(V), eps[0])
        w = w - max(eps[1], rms(w)) min(lr, 1 / sqrt(t)) U / max(1, rms(U) / d)

    Args:
        params: tensors of at most any dimension, (name, tensor) pairs or groups: see `Optimizer`.
        lr: largest relative step, a number or a tensor of one element.
        beta2_decay: how the averages forget, at most 0.
        eps: (smallest sqrt(V), None for the dtype's eps; smallest scale of a step).
        d: largest rms of U.
        weight_decay: decoupled: w = w - lr weight_decay w before the step.
        foreach: accepted; the update is the same.
        maximize: climb instead of descending.

    Source: Shazeer, Stern, Adafactor: adaptive learning rates with sublinear memory cost (2018),
        algorithms 4 and 5.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        >>> optimizer = torch.optim.Adafactor([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> sorted(optimizer.state[w])
        ['col_var', 'row_var', 'step']
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        low = eps[0]
        for wrong, text in (
            (not lr >= 0.0, f"Learning rate should be >= 0 but is: {lr}"),
            (not beta2_decay <= 0.0, f"beta2_decay should be <= 0 but is: {beta2_decay}"),
            (low is not None and not low >= 0.0, f"epsilon1 should be >= 0 but is: {low}"),
            (not eps[1] >= 0.0, f"epsilon2 should be >= 0 but is: {eps[1]}"),
            (not d >= 1.0, f"Clipping threshold d should be >= 1 but is: {d}"),
            (not weight_decay >= 0.0, f"weight_decay should be >= 0 but is: {weight_decay}"),
        ):
            if wrong:
                raise ValueError(text)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(foreach=None)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss (and the gradients) again; it is called first.

        Returns:
            What the closure returned, or None.
        """
        loss = None if closure is None else evaluate(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is not None:
                    self._one(p, group)
        return loss

    def _one(self, p: Tensor, group: dict[str, Any]) -> None:
        grad: Any = p._grad
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if grad.is_sparse:
            raise sparse_refused("Adafactor")
        state = self.state[p]
        if not state:
            state.update(_begin(p))
        x, g = own(p), np.asarray(grad._data)
        state["step"] += 1
        step, lr = state["step"].item(), number(group["lr"])
        g = -g if group["maximize"] else g
        forget = step ** group["beta2_decay"]
        size = max(group["eps"][1], _norm(x) / x.size**0.5) * min(lr, 1 / step**0.5)
        if group["weight_decay"]:
            x *= 1 - lr * group["weight_decay"]
        low = group["eps"][0]
        low = float(np.finfo(x.dtype).eps) if low is None else low
        update = g / np.sqrt(np.maximum(_variance(g, state, forget, low), low * low))
        update *= size / max(1.0, _norm(update) / (x.size**0.5 * group["d"]))
        x -= update
        bump(p)


def _begin(p: Tensor) -> dict[str, Any]:
    data = np.asarray(p._data)
    made: dict[str, Any] = {"step": counter(0.0)}
    if data.ndim > 1:
        made["row_var"] = wrap(np.zeros((*data.shape[:-1], 1), data.dtype))
        made["col_var"] = wrap(np.zeros((*data.shape[:-2], 1, data.shape[-1]), data.dtype))
    else:
        made["variance"] = zeros_of(p)
    return made


def _variance(g: Any, state: dict[str, Any], forget: float, low: float) -> Any:
    """The estimate of the mean square, with the averages moved on."""
    squares = g * g
    if g.ndim < 2:
        mean = own(state["variance"])
        mean += (squares - mean) * forget
        return mean
    rows, columns = own(state["row_var"]), own(state["col_var"])
    rows += (squares.mean(-1, keepdims=True) - rows) * forget
    columns += (squares.mean(-2, keepdims=True) - columns) * forget
    return rows @ columns / np.maximum(rows.mean(-2, keepdims=True), low)


def _norm(x: Any) -> float:
    flat = x.reshape(-1)
    return float(np.sqrt(product(flat, flat)))
