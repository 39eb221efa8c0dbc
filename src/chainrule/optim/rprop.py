"""Rprop: steps whose sizes follow the signs of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..errors import hinted
from .elementwise import Elementwise, check_options, counter, number, zeros_of

__all__ = ["Rprop"]


class Rprop(Elementwise):
    """Resilient backpropagation, for gradients of the whole data.

    Every element has its own step size: times etas[1] (at most step_sizes[1]) where the gradient
    kept its sign, times etas[0] (at least step_sizes[0]) where it changed, and there nothing moves
    in this step.

        w = w - step_size sign(g)

    Args:
        params, maximize, foreach, capturable, differentiable: see `Adam`.
        lr: the first step size.
        etas: the factors, (below 1, above 1).
        step_sizes: (smallest, largest).

    Source: Riedmiller, Braun, A direct adaptive method for faster backpropagation learning (1993).

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.Rprop([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9000, 1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(
                hinted(
                    f"Invalid eta values: {etas[0]}, {etas[1]}",
                    hint="0 < etas[0] < 1 < etas[1] is needed",
                )
            )
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
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
        return ("prev", "step_size")

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        lr = number(group["lr"])
        size = zeros_of(p, complex(lr, lr) if p.is_complex() else lr)
        return {"step": counter(0.0), "prev": zeros_of(p), "step_size": size}

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        return (group["maximize"],), (*group["etas"], *group["step_sizes"]), (counters[0] + 1,)

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        less, more, smallest, largest = n
        previous, size = arrays
        np.multiply(g, previous, t)
        if flags[0]:
            np.negative(t, t)
        same, changed = t > 0, t < 0
        np.multiply(size, more, size, where=same)
        np.multiply(size, less, size, where=changed)
        np.maximum(size, smallest, out=size)
        np.minimum(size, largest, out=size)
        (np.negative if flags[0] else np.positive)(g, previous)
        previous[changed] = 0
        np.sign(previous, t)
        np.multiply(t, size, t)
        np.subtract(x, t, x)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        (less, more), (smallest, largest) = group["etas"], group["step_sizes"]
        state["step"] += 1
        g = -g if group["maximize"] else g
        previous, size = state["prev"], state["step_size"]
        turn = (g * previous.clone()).sign()
        same, changed = turn.gt(0), turn.lt(0)
        one = turn * 0 + 1
        factor = (one * more).where(same, (one * less).where(changed, one))
        size.mul_(factor).clamp_(smallest, largest)
        g = g * changed.logical_not()
        p.sub_(g.sign() * size)
        previous.copy_(g)
