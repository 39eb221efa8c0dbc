"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..kernels.optim import follow, follow_square, raised
from .elementwise import Elementwise, check_options, counter, number, zeros_of

__all__ = ["NAdam"]


class NAdam(Elementwise):
    """Adam with Nesterov's momentum.

    With gradient g of parameter w, m and v as in Adam, in step t:

        mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
        w = w - lr (mu_(t+1) m / (1 - mu_1 ... mu_(t+1)) + (1 - mu_t) g / (1 - mu_1 ... mu_t))
                / (sqrt(v / (1 - beta2^t)) + eps)

    Args:
        params, lr, betas, eps, maximize, foreach, capturable, differentiable: see `Adam`.
        weight_decay: L2 penalty; with decoupled_weight_decay w shrinks by lr * weight_decay.
        momentum_decay: how fast mu_t approaches beta1.

    Source: Dozat, Incorporating Nesterov momentum into Adam (2016).

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.8944, 1.8944], requires_grad=True)
    """

    _counters = ("step", "mu_product")
    _on_devices = "params, mu_products and state_steps"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(
            lr=lr, eps=eps, betas=betas, weight_decay=weight_decay, momentum_decay=momentum_decay
        )
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(
            maximize=False, foreach=None, capturable=False, differentiable=False,
            decoupled_weight_decay=False,
        )  # fmt: skip

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "step": counter(0.0),
            "mu_product": counter(1.0),
            "exp_avg": zeros_of(p),
            "exp_avg_sq": zeros_of(p),
        }

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        t = counters[0] + 1
        step, lr, (beta1, beta2) = t.item(), number(group["lr"]), group["betas"]
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        mu, following = _momenta(beta1, step, group["momentum_decay"])
        product = counters[1] * mu
        done = product.item()
        flags = (
            group["maximize"], decay != 0 and not decoupled, decay != 0 and decoupled
        )  # fmt: skip
        shrink = 1 - lr * decay if decoupled else decay
        return (
            flags,
            (shrink, 1 - beta1, beta2, 1 - beta2, 1 / (1 - beta2**step), group["eps"],
             lr * (1 - mu) / (1 - done), lr * following / (1 - done * following)),
            (t, product),
        )  # fmt: skip

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, take1, keep2, take2, unbias, eps, by_g, by_m = n
        g = raised(x, g, flags, decay, t, u)
        if flags[2]:
            np.multiply(x, decay, x)
        m, v = arrays
        follow(m, g, take1, t)
        follow_square(v, g, keep2, take2, t)
        np.multiply(g, by_g, u)
        np.multiply(m, by_m, t)
        np.add(u, t, u)
        np.multiply(v, unbias, t)
        np.sqrt(t, t)
        np.add(t, eps, t)
        np.divide(u, t, t)
        np.subtract(x, t, x)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        lr, decay, (beta1, beta2) = group["lr"], group["weight_decay"], group["betas"]
        state["step"] += 1
        step = state["step"].item()
        if group["decoupled_weight_decay"]:
            g = -g if group["maximize"] else g
            if decay:
                p.mul_(1 - lr * decay)
        else:
            g = self._decayed(p, g, group)
        mu, following = _momenta(beta1, step, group["momentum_decay"])
        state["mu_product"] *= mu
        done = state["mu_product"] if group["differentiable"] else state["mu_product"].item()
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.add_((g - m) * (1 - beta1))
        v.mul_(beta2).add_(g * g * (1 - beta2))
        scale = (v / (1 - beta2**step)).sqrt() + group["eps"]
        p.sub_(g * (lr * (1 - mu) / (1 - done)) / scale)
        p.sub_(m * (lr * following / (1 - done * following)) / scale)


def _momenta(beta1: float, step: Any, decay: float) -> tuple[Any, Any]:
    """mu of this step and of the next."""
    return (
        beta1 * (1 - 0.5 * 0.96 ** (step * decay)),
        beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * decay)),
    )
