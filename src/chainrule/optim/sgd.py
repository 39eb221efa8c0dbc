"""Stochastic gradient descent, with momentum, dampening, weight decay and Nesterov's variant.

The first step of a parameter takes the whole gradient as its velocity, whatever the dampening."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.primitive import F32, F64, bump
from ..core.tensor import Tensor, own
from ..kernels.blocks import number as constant
from ..kernels.optim import descend, mix, raised
from .elementwise import Elementwise, check_fused, check_options, not_the_shape, number, zeros_of

__all__ = ["SGD"]

_ndarray = np.ndarray


class SGD(Elementwise):
    """Stochastic gradient descent.

    With gradient g (negated for `maximize`) of parameter w:

        g = g + weight_decay w
        b = momentum b + (1 - dampening) g     (b = g in the first step)
        w = w - lr b                           (nesterov: w - lr (g + momentum b);
                                                without momentum: w - lr g)

    Args:
        params: tensors, (name, tensor) pairs or groups: see `Optimizer`.
        lr: learning rate, a number or a tensor of one element.
        momentum, dampening, weight_decay: numbers.
        nesterov: look ahead; needs momentum and no dampening.
        maximize: climb instead of descending.
        foreach, fused: accepted; the update is the same.
        differentiable: record the step, so that gradients flow through it.

    Sparse gradients are taken, without weight decay: only their rows change.

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

    _counters = ()

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
        check_options(lr=lr, momentum=momentum, weight_decay=weight_decay)
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
        check_fused(differentiable, foreach, fused)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(
            nesterov=False, maximize=False, foreach=None, differentiable=False, fused=False
        )

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _step_plain(self, group: dict[str, Any], plan: Any) -> Any:
        if group["momentum"] != 0 or group["maximize"] or number(group["weight_decay"]) != 0:
            return super()._step_plain(group, plan)
        lr, odd = number(group["lr"]), []  # without state there is nothing to remember
        lr32, lr64 = constant(lr, F32), constant(lr, F64)
        for p in group["params"]:
            grad = p._grad
            if grad is None:
                continue
            x, g = p._data, grad._data
            size = lr32 if x.dtype is F32 else lr64
            if type(x) is not _ndarray or x.dtype is not size.dtype or g.dtype is not size.dtype:
                odd.append(p)
                continue
            if x.shape != g.shape:
                raise not_the_shape(p, grad)
            descend(x, g, size)
            vc = p._vc
            if vc is None:
                p._vc = [1]
            else:
                vc[0] += 1
        if odd:
            self._step_recorded(group, odd)
        return None

    def _fresh(self, p: Tensor, group: dict[str, Any]) -> bool:
        if group["momentum"] == 0:
            return False
        state = self.state[p]
        if state.get("momentum_buffer") is not None:
            return False
        state["momentum_buffer"] = zeros_of(p)
        return True

    def _numbers(
        self, group: dict[str, Any], counters: tuple[Any, ...], fresh: bool = False
    ) -> tuple[Any, Any, Any]:
        momentum, decay = group["momentum"], number(group["weight_decay"])
        flags = group["maximize"], decay != 0, momentum != 0, group["nesterov"]
        take = 1.0 if fresh else 1 - group["dampening"]
        return flags, (decay, momentum, take, number(group["lr"])), ()

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, momentum, take, lr = n
        g = raised(x, g, flags, decay, t, u)
        if flags[2]:
            velocity = arrays[0]
            mix(velocity, g, momentum, take, t)
            if flags[3]:
                np.multiply(velocity, momentum, t)
                g = np.add(g, t, u)
            else:
                g = velocity
        descend(x, g, lr, t)

    def _check_sparse(self, group: dict[str, Any]) -> None:
        if group["fused"]:
            raise RuntimeError("`_fused_sgd` does not support sparse gradients")

    def _sparse_one(self, p: Tensor, grad: Any, group: dict[str, Any]) -> None:
        """A step along a sparse gradient: only its rows of the parameter are touched. The velocity
        is sparse too."""
        g: Any = self._decayed(p, grad, group)  # refuses weight decay
        momentum = group["momentum"]
        if momentum != 0:
            state = self.state[p]
            kept = state.get("momentum_buffer")
            velocity = g.clone() if kept is None else kept * momentum + g * (1 - group["dampening"])
            velocity = velocity.coalesce() if velocity.is_sparse else velocity
            state["momentum_buffer"] = velocity
            g = velocity * momentum + g if group["nesterov"] else velocity
        if g.is_sparse and not p.is_sparse:
            (g * -number(group["lr"]))._data.add_to(own(p))
            bump(p)
        else:
            p.sub_(g * group["lr"])

    def _recorded_one(self, p: Tensor, group: dict[str, Any]) -> None:
        grad: Any = p._grad
        if grad.is_sparse:
            self._check_sparse(group)
            self._sparse_one(p, grad, group)
            return
        momentum, fresh = group["momentum"], self._fresh(p, group)
        g: Any = self._decayed(p, grad, group)
        if momentum != 0:
            state = self.state[p]
            kept = state["momentum_buffer"]
            velocity = g.clone() if fresh else kept * momentum + g * (1 - group["dampening"])
            if group["differentiable"] or fresh:
                state["momentum_buffer"] = velocity
            else:
                kept.copy_(velocity)
            g = g + velocity * momentum if group["nesterov"] else velocity
        p.sub_(g * group["lr"])
