"""Stochastic gradient descent, with momentum, dampening, weight decay and Nesterov's variant.

A step writes into the arrays of the parameters: two NumPy calls per parameter without momentum.
When the step itself is to be recorded (`differentiable=True`) or an interpreter runs, the same
update is written in public operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._state import S, set_grad
from ..core.primitive import bump
from ..core.tensor import Tensor, wrap
from .optimizer import Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent.

    With gradient g (negated for `maximize`) of parameter w:

        g = g + weight_decay w b = momentum b + (1 - dampening) g        (b = g in the first step) w
        = w - lr b                              (nesterov: w - lr (g + momentum b); without
        momentum: w - lr g)

    Args:
        params: tensors, (name, tensor) pairs or groups: see `Optimizer`.
        lr: learning rate, a number or a tensor of one element.
        momentum, dampening, weight_decay: numbers.
        nesterov: look ahead; needs momentum and no dampening.
        maximize: climb instead of descending.
        foreach, fused: accepted; the update is the same.
        differentiable: record the step, so that gradients flow through it.

    Source: Sutskever, Martens, Dahl, Hinton, On the importance of initialization and momentum
        (2013), section 2;
    the learning rate multiplies the velocity, as in PyTorch.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.8000, 1.6000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        value: Any
        for name, value in (
            ("learning rate", lr),
            ("momentum value", momentum),
            ("weight_decay value", weight_decay),
        ):
            if value < 0:
                raise ValueError(
                    f"Invalid {name}: {value}\nHint: it cannot be negative; maximize=True climbs"
                )
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in (
                ("nesterov", False),
                ("maximize", False),
                ("foreach", None),
                ("differentiable", False),
                ("fused", False),
            ):
                group.setdefault(name, default)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss (and the gradients) again; it is called first.

        Returns:
            What the closure returned, or None.
        """
        loss = None
        if closure is not None:
            before = set_grad(True)
            try:
                loss = closure()
            finally:
                set_grad(before)
        before = set_grad(bool(self.defaults["differentiable"]))
        try:
            for group in self.param_groups:
                self._step_group(group)
        finally:
            set_grad(before)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        plain = S.mode is None and not group["differentiable"]
        momentum, state = group["momentum"], self.state
        lr, decay = _number(group["lr"], plain), _number(group["weight_decay"], plain)
        for p in group["params"]:
            grad = p._grad
            if grad is None:
                continue
            own = state[p] if momentum else None
            if plain:
                _update(p, grad._data, lr, decay, group, own)
            else:
                _update_recorded(p, grad, lr, decay, group, own)


def _number(value: Any, plain: bool) -> Any:
    return value.item() if plain and isinstance(value, Tensor) else value


def _update(p: Tensor, g: Any, lr: float, decay: float, group: dict[str, Any], state: Any) -> None:
    """One parameter, in its own memory."""
    x = p._data
    if group["maximize"]:
        g = -g
    if decay:
        g = g + x * decay
    if state is not None:
        g = _momentum(g, group, state)
    if type(x) is np.ndarray:
        np.subtract(x, g * lr, x)
    else:
        p._data = x - g * lr
    bump(p)


def _momentum(g: Any, group: dict[str, Any], state: dict[str, Any]) -> Any:
    """What is subtracted, with the velocity of this parameter moved on."""
    momentum, dampening = group["momentum"], group["dampening"]
    buffer = state.get("momentum_buffer")
    if buffer is None:
        state["momentum_buffer"] = buffer = wrap(g.copy() if type(g) is np.ndarray else g)
    else:
        b, fresh = buffer._data, g * (1 - dampening) if dampening else g
        if type(b) is np.ndarray:
            b *= momentum
            b += fresh
        else:
            buffer._data = b * momentum + fresh
        bump(buffer)
    return g + buffer._data * momentum if group["nesterov"] else buffer._data


def _update_recorded(
    p: Any, g: Any, lr: Any, decay: Any, group: dict[str, Any], state: Any
) -> None:
    """The same in public operations."""
    momentum = group["momentum"]
    g = -g if group["maximize"] else g
    if isinstance(decay, Tensor) or decay:
        g = g + p * decay
    if state is not None:
        buffer = state.get("momentum_buffer")
        buffer = g.clone() if buffer is None else buffer * momentum + g * (1 - group["dampening"])
        state["momentum_buffer"] = buffer
        g = g + buffer * momentum if group["nesterov"] else buffer
    p.sub_(g * lr)
