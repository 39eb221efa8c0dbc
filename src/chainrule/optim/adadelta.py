"""Adadelta: steps in the units of the parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..errors import hinted
from ..kernels.optim import descend, follow_square, raised
from .elementwise import Elementwise, check_options, number

__all__ = ["Adadelta"]


class Adadelta(Elementwise):
    """Adadelta: the root mean square of past changes over that of the gradients.

    With gradient g of parameter w:

        v = rho v + (1 - rho) g^2              d = sqrt(a + eps) / sqrt(v + eps) g
        a = rho a + (1 - rho) d^2              w = w - lr d

    Args:
        params, lr, maximize, foreach, capturable, differentiable: see `Adam`.
        rho: how much of the averages is kept, in [0, 1].
        eps: added under the roots.
        weight_decay: L2 penalty.

    Source: Zeiler, ADADELTA: an adaptive learning rate method (2012), algorithm 1.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.Adadelta([w], lr=10.0)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9684, 1.9684], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(hinted(f"Invalid rho value: {rho}", hint="0 <= rho <= 1 is needed"))
        check_options(lr=lr, eps=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(foreach=None, maximize=False, differentiable=False, capturable=False)

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        rho, decay = group["rho"], group["weight_decay"]
        return (
            (group["maximize"], decay != 0),
            (decay, rho, 1 - rho, group["eps"], number(group["lr"])),
            (counters[0] + 1,),
        )

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, keep, take, eps, lr = n
        g = raised(x, g, flags, decay, t, u)
        squares, changes = arrays
        follow_square(squares, g, keep, take, t)
        np.add(squares, eps, t)
        np.sqrt(t, t)
        np.divide(g, t, u)
        np.add(changes, eps, t)
        np.sqrt(t, t)
        np.multiply(u, t, u)
        follow_square(changes, u, keep, take, t)
        descend(x, u, lr, u)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        rho, eps = group["rho"], group["eps"]
        state["step"] += 1
        g = self._decayed(p, g, group)
        squares, changes = state["square_avg"], state["acc_delta"]
        squares.mul_(rho).add_(g * g * (1 - rho))
        change = (changes + eps).sqrt() / (squares + eps).sqrt() * g
        changes.mul_(rho).add_(change * change * (1 - rho))
        p.sub_(change * group["lr"])
