"""ASGD: stochastic gradient descent and the average of its path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..kernels.optim import mix, raised
from .elementwise import Elementwise, check_options, counter, number, zeros_of

__all__ = ["ASGD"]


class ASGD(Elementwise):
    """Averaged stochastic gradient descent; the average is `state[w]["ax"]`.

    With gradient g of parameter w, in step t:

        w = (1 - lambd eta) w - eta g          ax = ax + mu (w - ax)
        eta = lr / (1 + lambd lr t)^alpha      mu = 1 / max(1, t - t0)     (for the next step)

    Args:
        params, lr, maximize, foreach, capturable, differentiable: see `Adam`.
        lambd: decay of w.
        alpha: power of the decay of eta.
        t0: the step at which averaging starts.
        weight_decay: L2 penalty.

    Source: Polyak, Juditsky, Acceleration of stochastic approximation by averaging (1992); Bottou,
        Stochastic gradient descent tricks (2012), section 5, for eta.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.ASGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.8000, 1.6000], requires_grad=True)
    """

    _counters = ("step", "eta", "mu")
    _on_devices = "params, mus, etas, and state_steps"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_options(lr=lr, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(foreach=None, maximize=False, differentiable=False, capturable=False)

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("ax",)

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "step": counter(0.0),
            "eta": counter(number(group["lr"])),
            "mu": counter(1.0),
            "ax": zeros_of(p),
        }

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        t, decay = counters[0] + 1, group["weight_decay"]
        eta, mu = counters[1].item(), counters[2].item()
        flags = group["maximize"], decay != 0, mu != 1
        after = t, *(type(t)(v) for v in _rates(group, t.item()))
        return flags, (decay, 1 - group["lambd"] * eta, eta, mu), after

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, keep, eta, mu = n
        g = raised(x, g, flags, decay, t, u)
        mix(x, g, keep, -eta, t)
        average = arrays[0]
        if flags[2]:
            np.subtract(x, average, t)
            np.multiply(t, mu, t)
            np.add(average, t, average)
        else:
            average[...] = x

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        state["step"] += 1
        g = self._decayed(p, g, group)
        eta, mu = state["eta"].item(), state["mu"].item()
        p.mul_(1 - group["lambd"] * eta)
        p.sub_(g * eta)
        average = state["ax"]
        average.copy_(p if mu == 1 else average + (p - average) * mu)
        eta, mu = _rates(group, state["step"].item())
        state["eta"], state["mu"] = counter(eta), counter(mu)


def _rates(group: dict[str, Any], step: float) -> tuple[float, float]:
    """eta and mu of the next step."""
    lr, lambd = number(group["lr"]), group["lambd"]
    eta: float = lr / ((1 + lambd * lr * step) ** group["alpha"])
    return eta, 1 / max(1, step - group["t0"])
