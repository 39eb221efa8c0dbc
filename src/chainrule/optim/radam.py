"""RAdam: Adam that waits until its variance is known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..kernels.optim import descend, follow, follow_square, raised
from .elementwise import Elementwise, check_options, number

__all__ = ["RAdam"]


class RAdam(Elementwise):
    """Rectified Adam: without the denominator while the variance of v is too uncertain.

    With m and v as in Adam, in step t, r_inf = 2 / (1 - beta2) - 1 and
    r = r_inf - 2 t beta2^t / (1 - beta2^t):

        r > 5:  w = w - lr rect (m / (1 - beta1^t)) sqrt(1 - beta2^t) / (sqrt(v) + eps)
                rect^2 = (r - 4) (r - 2) r_inf / ((r_inf - 4) (r_inf - 2) r)
        else:   w = w - lr m / (1 - beta1^t)

    Args:
        params, lr, betas, eps, maximize, foreach, capturable, differentiable: see `Adam`.
        weight_decay: L2 penalty; with decoupled_weight_decay w shrinks by lr * weight_decay.

    Source: Liu et al., On the variance of the adaptive learning rate and beyond (2020), alg. 2.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.RAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.8000, 1.6000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
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

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        t = counters[0] + 1
        step, lr, (beta1, beta2) = t.item(), number(group["lr"]), group["betas"]
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        rectified = _rectification(beta2, step)
        size = float(lr) / (1 - beta1**step)
        if rectified:
            size *= rectified * math.sqrt(1 - beta2**step)
        flags = (
            group["maximize"], decay != 0 and not decoupled, decay != 0 and decoupled,
            rectified > 0,
        )  # fmt: skip
        shrink = 1 - lr * decay if decoupled else decay
        return flags, (shrink, 1 - beta1, beta2, 1 - beta2, group["eps"], size), (t,)

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, take1, keep2, take2, eps, size = n
        g = raised(x, g, flags, decay, t, u)
        if flags[2]:
            np.multiply(x, decay, x)
        m, v = arrays
        follow(m, g, take1, t)
        follow_square(v, g, keep2, take2, t)
        if flags[3]:
            np.sqrt(v, t)
            np.add(t, eps, t)
            np.divide(m, t, t)
            m = t
        descend(x, m, size, t)

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
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.add_((g - m) * (1 - beta1))
        v.mul_(beta2).add_(g * g * (1 - beta2))
        change = m / (1 - beta1**step) * lr
        rectified = _rectification(beta2, step)
        if rectified:
            scale = math.sqrt(1 - beta2**step) / (v.sqrt() + group["eps"])
            change = change * scale * rectified
        p.sub_(change)


def _rectification(beta2: float, step: float) -> float:
    """How much of the adaptive step is taken; 0 while its variance is unknown."""
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return 0.0
    return math.sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
