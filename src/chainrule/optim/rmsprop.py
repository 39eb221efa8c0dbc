"""RMSprop: steps over the root of the mean square of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..kernels.optim import descend, follow, follow_square, raised
from .elementwise import Elementwise, check_options, counter, number, zeros_of

__all__ = ["RMSprop"]


class RMSprop(Elementwise):
    """RMSprop.

    With gradient g of parameter w:

        v = alpha v + (1 - alpha) g^2          s = sqrt(v) + eps
        w = w - lr g / s                       with momentum: b = momentum b + g / s, w = w - lr b
        centered: a = alpha a + (1 - alpha) g, and sqrt(v - a^2) for sqrt(v)

    Args:
        params, lr, eps, maximize, foreach, capturable, differentiable: see `Adam`.
        alpha: how much of the averages is kept.
        weight_decay: L2 penalty.
        momentum: how much of the velocity b is kept.
        centered: divide by the standard deviation.

    Source: Hinton, Neural networks for machine learning, lecture 6e (2012); Graves, Generating
        sequences with recurrent neural networks (2013), for the centered form.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.RMSprop([w], lr=0.01)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9000, 1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(
            momentum=0, centered=False, foreach=None, maximize=False, differentiable=False,
            capturable=False,
        )  # fmt: skip

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return _ARRAYS[group["momentum"] > 0, bool(group["centered"])]

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter(0.0), **{n: zeros_of(p) for n in self._arrays(group)}}

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        alpha, decay, momentum = group["alpha"], group["weight_decay"], group["momentum"]
        return (
            (group["maximize"], decay != 0, momentum > 0, group["centered"]),
            (decay, alpha, 1 - alpha, group["eps"], momentum, number(group["lr"])),
            (counters[0] + 1,),
        )

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, keep, take, eps, momentum, lr = n
        g = raised(x, g, flags, decay, t, u)
        squares = arrays[0]
        follow_square(squares, g, keep, take, t)
        if flags[3]:
            mean = arrays[-1]
            follow(mean, g, take, t)
            np.multiply(mean, mean, t)
            np.subtract(squares, t, t)
            np.sqrt(t, t)
        else:
            np.sqrt(squares, t)
        np.add(t, eps, t)
        np.divide(g, t, t)
        if flags[2]:
            velocity = arrays[1]
            np.multiply(velocity, momentum, velocity)
            np.add(velocity, t, velocity)
            descend(x, velocity, lr, t)
        else:
            descend(x, t, lr, t)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        alpha = group["alpha"]
        state["step"] += 1
        g = self._decayed(p, g, group)
        squares = state["square_avg"]
        squares.mul_(alpha).add_(g * g * (1 - alpha))
        spread = squares
        if group["centered"]:
            mean = state["grad_avg"]
            mean.add_((g - mean) * (1 - alpha))
            spread = squares - mean * mean
        change = g / (spread.sqrt() + group["eps"])
        if group["momentum"] > 0:
            velocity = state["momentum_buffer"]
            velocity.mul_(group["momentum"]).add_(change)
            change = velocity
        p.sub_(change * group["lr"])


_ARRAYS = {
    (False, False): ("square_avg",),
    (True, False): ("square_avg", "momentum_buffer"),
    (False, True): ("square_avg", "grad_avg"),
    (True, True): ("square_avg", "momentum_buffer", "grad_avg"),
}
