"""Adamax: Adam with the largest gradient in place of the root of the mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..kernels.optim import descend, follow, raised
from .elementwise import Elementwise, check_options, number

__all__ = ["Adamax"]


class Adamax(Elementwise):
    """Adam in the infinity norm.

    With gradient g of parameter w, m as in Adam, in step t:

        u = max(beta2 u, |g| + eps)            w = w - lr / (1 - beta1^t) m / u

    Args:
        params, lr, betas, eps, maximize, foreach, capturable, differentiable: see `Adam`.
        weight_decay: L2 penalty.

    Source: Kingma, Ba, Adam: a method for stochastic optimization (2015), algorithm 2.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.Adamax([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9000, 1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
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
        return ("exp_avg", "exp_inf")

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        t = counters[0] + 1
        beta1, beta2 = group["betas"]
        decay = group["weight_decay"]
        size = number(group["lr"]) / (1 - beta1 ** t.item())
        return (
            (group["maximize"], decay != 0), (decay, 1 - beta1, beta2, group["eps"], size), (t,)
        )  # fmt: skip

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, take1, keep2, eps, size = n
        g = raised(x, g, flags, decay, t, u)
        m, largest = arrays
        follow(m, g, take1, t)
        np.absolute(g, t)
        np.add(t, eps, t)
        np.multiply(largest, keep2, largest)
        np.maximum(largest, t, out=largest)
        np.divide(m, largest, t)
        descend(x, t, size, t)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        state["step"] += 1
        step = state["step"].item()
        g = self._decayed(p, g, group)
        m, largest = state["exp_avg"], state["exp_inf"]
        m.add_((g - m) * (1 - beta1))
        largest.copy_((largest * beta2).maximum(g.abs() + group["eps"]))
        p.sub_(m * (group["lr"] / (1 - beta1**step)) / largest.clone())
