"""Adam and, for AdamW, its decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..errors import hinted
from ..kernels.optim import adam, descend, follow, follow_square, raised
from .elementwise import Elementwise, check_fused, check_options, number

__all__ = ["Adam"]


class Adam(Elementwise):
    """Adam: steps scaled by running averages of the gradient and of its square.

    With gradient g of parameter w, in step t:

        m = beta1 m + (1 - beta1) g            v = beta2 v + (1 - beta2) g^2
        w = w - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    Args:
        params: tensors, (name, tensor) pairs or groups: see `Optimizer`.
        lr: learning rate, a number or a tensor of one element.
        betas: (beta1, beta2), numbers in [0, 1) or tensors of one element.
        eps: added to the denominator.
        weight_decay: L2 penalty, added to g; with decoupled_weight_decay w shrinks by
            lr * weight_decay instead.
        amsgrad: divide by the largest v so far.
        maximize: climb instead of descending.
        foreach, fused: accepted; the update is the same, one pass over the memory.
        capturable: for CUDA graphs; a step on the CPU refuses it, as in PyTorch.
        differentiable: record the step, so that gradients flow through it.
        decoupled_weight_decay: see weight_decay.

    Raises:
        ValueError: an option outside its range.

    Source: Kingma, Ba, Adam: a method for stochastic optimization (2015), algorithm 1; Reddi, Kale,
        Kumar, On the convergence of Adam and beyond (2018), for amsgrad.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.Adam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9000, 1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        blind = foreach and not capturable
        if isinstance(lr, Tensor) and blind:
            raise _no_tensor("lr")
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        _check_tensor_betas(betas, blind)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        check_fused(differentiable, foreach, fused)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._complete(
            amsgrad=False, maximize=False, foreach=None, capturable=False, differentiable=False,
            fused=None, decoupled_weight_decay=False,
        )  # fmt: skip

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return _WITH_MAXIMUM if group["amsgrad"] else _AVERAGES

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        t = counters[0] + 1
        step = t.item()
        beta1, beta2 = group["betas"]
        beta1, beta2, lr = number(beta1), number(beta2), number(group["lr"])
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        root = (1 - beta2**step) ** 0.5
        flags = (
            group["maximize"], decay != 0 and not decoupled, decay != 0 and decoupled,
            group["amsgrad"],
        )  # fmt: skip
        # sqrt(v) / root + eps is (sqrt(v) + eps root) / root: one pass less
        shrink = 1 - lr * decay if decoupled else decay
        return (
            flags,
            (shrink, 1 - beta1, beta2, 1 - beta2, group["eps"] * root,
             float(lr / (1 - beta1**step)) * root),
            (t,),
        )  # fmt: skip

    @staticmethod
    def _update(x: Any, g: Any, arrays: Any, flags: Any, n: Any, t: Any, u: Any) -> None:
        decay, take1, keep2, take2, eps, size = n
        g = raised(x, g, flags, decay, t, u)
        if flags[2]:
            np.multiply(x, decay, x)
        m, v = arrays[0], arrays[1]
        if not flags[3]:
            adam(x, g, m, v, take1, keep2, take2, eps, size, t)
            return
        follow(m, g, take1, t)
        follow_square(v, g, keep2, take2, t)
        v = np.maximum(arrays[2], v, out=arrays[2])
        np.sqrt(v, t)
        np.add(t, eps, t)
        np.divide(m, t, t)
        descend(x, t, size, t)

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        lr, decay = group["lr"], group["weight_decay"]
        state["step"] += 1
        step = state["step"] if group["differentiable"] else state["step"].item()
        if group["decoupled_weight_decay"]:
            g = -g if group["maximize"] else g
            if decay:
                p.mul_(1 - lr * decay)
        else:
            g = self._decayed(p, g, group)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.add_((g - m) * (1 - beta1))
        v.mul_(beta2).add_(g * g * (1 - beta2))
        v = v.clone() if group["differentiable"] else v
        if group["amsgrad"]:
            state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].clone().maximum(v))
            v = state["max_exp_avg_sq"]
        root = (1 - beta2**step) ** 0.5
        p.sub_(m * (lr / (1 - beta1**step)) / (v.sqrt() / root + group["eps"]))


_AVERAGES = ("exp_avg", "exp_avg_sq")
_WITH_MAXIMUM = (*_AVERAGES, "max_exp_avg_sq")


def _check_tensor_betas(betas: Any, blind: Any) -> None:
    kinds = [isinstance(b, Tensor) for b in betas]
    if any(kinds) and not all(kinds):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if isinstance(beta, Tensor):
            if blind:
                raise _no_tensor(f"betas[{i}]")
            if beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")


def _no_tensor(what: str) -> ValueError:
    return ValueError(
        hinted(
            f"{what} as a Tensor is not supported for capturable=False and foreach=True",
            hint="leave foreach out; the update is the same",
        )
    )
