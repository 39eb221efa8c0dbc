"""Muon: momentum made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.primitive import bump
from ..core.tensor import Tensor, own
from ..kernels.blas import product
from .elementwise import check_lr, evaluate, number, sparse_refused, zeros_of
from .optimizer import Optimizer

__all__ = ["Muon"]


class Muon(Optimizer):
    """Muon, for the matrices inside of networks.

    With gradient g of matrix w:

        b = momentum b + (1 - momentum) g      u = (1 - momentum) g + momentum b  (or b)
        w = w - lr weight_decay w              w = w - s lr orthogonal(u)

    orthogonal(u) moves the singular values of u towards 1 by a few steps of a polynomial of degree
    five, in the precision of bfloat16. s is sqrt(max(1, rows / columns)), or
    0.2 sqrt(max(rows, columns)).

    Args:
        params: matrices, (name, matrix) pairs or groups: see `Optimizer`.
        lr: learning rate.
        weight_decay: decoupled decay.
        momentum: how much of b is kept.
        nesterov: look ahead.
        ns_coefficients: of the polynomial a x + b x^3 + c x^5.
        eps: smallest norm that is divided by.
        ns_steps: steps of the polynomial, below 100.
        adjust_lr_fn: "original" (None) or "match_rms_adamw": which s.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); Liu et
        al., Muon is scalable for LLM training (2025), for the second s.

    Example:
        >>> import chainrule as torch
        >>> w = torch.eye(2, requires_grad=True)
        >>> optimizer = torch.optim.Muon([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> bool((w.diagonal() < 1).all())
        True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        for wrong, text in (
            (not lr >= 0.0, f"Learning rate should be >= 0 but is: {lr}"),
            (not momentum >= 0.0, f"momentum should be >= 0 but is: {momentum}"),
            (not weight_decay >= 0.0, f"weight decay should be >= 0 but is: {weight_decay}"),
            (
                adjust_lr_fn not in (None, "original", "match_rms_adamw"),
                f"Adjust learning rate function {adjust_lr_fn} is not supported",
            ),
        ):
            if wrong:
                raise ValueError(text)
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}\nHint: give vectors and tables to AdamW"
                    )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss (and the gradients) again; it is called first.

        Returns:
            What the closure returned, or None.
        """
        loss = None if closure is None else evaluate(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is not None:
                    self._one(p, group)
        return loss

    def _one(self, p: Tensor, group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        grad: Any = p._grad
        if grad.is_sparse:
            raise sparse_refused("Muon")
        state, momentum, lr = self.state[p], group["momentum"], number(group["lr"])
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_of(p)
        x, g, buffer = own(p), grad._data, own(state["momentum_buffer"])
        buffer += (g - buffer) * (1 - momentum)
        update = g + (buffer - g) * momentum if group["nesterov"] else buffer
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = x.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * math.sqrt(max(rows, columns))
        else:
            scale = math.sqrt(max(1, rows / columns))
        x *= 1 - lr * group["weight_decay"]
        x -= (update * (lr * scale)).astype(x.dtype)
        bump(p)


def _orthogonal(u: Any, coefficients: Any, steps: int, eps: float) -> Any:
    """Singular values of u towards 1; every result is rounded to bfloat16, held in float32."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = u.shape[0] > u.shape[1]
    x = _rounded(u.astype(np.float32))
    x = x.T if tall else x
    norm = _rounded(np.sqrt(np.sum(x * x, dtype=np.float32, keepdims=True)))
    x = _rounded(x / np.maximum(norm, _rounded(np.full((1, 1), eps, np.float32))))
    for _ in range(steps):
        gram = _rounded(product(x, x.T))
        x = _rounded(a * x + product(_rounded(b * gram + c * product(gram, gram)), x))
    return x.T if tall else x


def _rounded(x: Any) -> Any:
    """float32 numbers rounded to the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + (odd + np.uint32(0x7FFF))) & np.uint32(0xFFFF0000)).view(np.float32)
