"""Adagrad: steps that shrink with the sum of squared gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.primitive import bump
from ..core.tensor import Tensor, own
from ..kernels.optim import descend, raised
from .elementwise import Elementwise, check_fused, check_options, counter, number, zeros_of

__all__ = ["Adagrad"]


class Adagrad(Elementwise):
    """Adagrad.

    With gradient g of parameter w, in step t:

        s = s + g^2              w = w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    Args:
        params, lr, eps, maximize, foreach, differentiable, fused: see `Adam`.
        lr_decay: how fast the learning rate falls.
        weight_decay: L2 penalty.
        initial_accumulator_value: s before the first step.

    Sparse gradients are taken, without weight decay: only their rows change.

    Source: Duchi, Hazan, Singer, Adaptive subgradient methods (2011), figure 1.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9000, 1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_options(
            lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(differentiable, foreach, fused)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].update(self._begin(p, group))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(foreach=None, maximize=False, differentiable=False, fused=None)

    def share_memory(self) -> None:
        """Let other processes see the state; memory is not shared between processes here, so there
        is nothing to do."""

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        start = group["initial_accumulator_value"]
        value = complex(start, start) if p.is_complex() else start
        return {"step": counter(0.0), "sum": zeros_of(p, value)}

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        decay, before = group["weight_decay"], counters[0].item()
        size = number(group["lr"]) / (1 + before * group["lr_decay"])
        return (
            (group["maximize"], decay != 0), (decay, group["eps"], size), (counters[0] + 1,)
        )  # fmt: skip

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, eps, size = n
        g = raised(x, g, flags, decay, t, u)
        total = arrays[0]
        np.multiply(g, g, t)
        np.add(total, t, total)
        np.sqrt(total, t)
        np.add(t, eps, t)
        np.divide(g, t, t)
        descend(x, t, size, t)

    def _check_sparse(self, group: dict[str, Any]) -> None:
        if group["fused"]:
            raise RuntimeError("`fused` does not support sparse grad or complex param")
        if group["weight_decay"] != 0:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")

    def _recorded_one(self, p: Tensor, group: dict[str, Any]) -> None:
        grad: Any = p._grad
        if not grad.is_sparse:
            super()._recorded_one(p, group)
            return
        self._check_sparse(group)
        self._fresh(p, group)
        state = self.state[p]
        state["step"] += 1
        c = grad._data.coalesce()
        g, rows = -c.values if group["maximize"] else c.values, tuple(c.indices)
        total, x = own(state["sum"]), own(p)
        total[rows] += g * g
        size = number(group["lr"]) / (1 + (state["step"].item() - 1) * group["lr_decay"])
        x[rows] -= (g / (np.sqrt(total[rows]) + group["eps"]) * size).astype(x.dtype, copy=False)
        bump(state["sum"])
        bump(p)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        state["step"] += 1
        step = state["step"].item()
        g = self._decayed(p, g, group)
        size = group["lr"] / (1 + (step - 1) * group["lr_decay"])
        total = state["sum"]
        total.add_(g * g)
        scale = total.sqrt() + group["eps"]
        p.sub_(g / scale * size)
