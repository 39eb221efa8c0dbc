"""Adam for sparse gradients: moments and parameters change only where the gradient has entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.primitive import bump
from ..core.tensor import Tensor, own
from ..errors import hinted
from .elementwise import check_lr, evaluate, number, zeros_of
from .optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam whose averages skip the rows that a gradient does not have: those neither move nor
    forget.

    With the coalesced gradient g of parameter w, in step t, at the indices of g only:

        m = m + (1 - beta1) (g - m)            v = v + (1 - beta2) (g^2 - v)
        w = w - lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps)

    Args:
        params: dense tensors with sparse gradients, such as the tables of `nn.Embedding(...,
            sparse=True)`; tensors, (name, tensor) pairs or groups: see `Optimizer`.
        lr: learning rate, positive: a number or a tensor of one element.
        betas: (beta1, beta2), numbers in [0, 1).
        eps: added to the denominator; positive.
        maximize: climb instead of descending.

    Raises:
        ValueError: an option outside its range, or a sparse parameter.
        RuntimeError: in `step`: a dense gradient.

    Source: Kingma, Ba, Adam: a method for stochastic optimization (2015), algorithm 1.

    Example:
        >>> import chainrule as torch
        >>> table = torch.nn.Embedding.from_pretrained(torch.ones(3, 2), freeze=False, sparse=True)
        >>> optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.1)
        >>> table(torch.tensor([2, 2])).sum().backward()
        >>> optimizer.step()
        >>> table.weight.detach()
        tensor([[1.0000, 1.0000],
                [1.0000, 1.0000],
                [0.9000, 0.9000]])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        for phrase, value in (("learning rate", lr), ("epsilon value", eps)):
            if not value > 0.0:
                raise ValueError(hinted(f"Invalid {phrase}: {value}", hint="it must be positive"))
        for i in (0, 1):
            beta = betas[i]
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        sparse = [
            [i, j]
            for i, group in enumerate(self.param_groups)
            for j, p in enumerate(group["params"])
            if p.is_sparse
        ]
        if sparse:
            raise ValueError(
                f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors"
            )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the rows of every parameter that its gradient has.

        Args:
            closure: computes the loss (and the gradients) again; it is called first.

        Returns:
            What the closure returned, or None.
        """
        loss = None if closure is None else evaluate(closure)
        for group in self.param_groups:
            ready = [p for p in group["params"] if p._grad is not None]
            if not all(p._grad.is_sparse for p in ready):
                raise RuntimeError(
                    "SparseAdam does not support dense gradients, please consider Adam instead\n"
                    "Hint: nn.Embedding(..., sparse=True) has sparse gradients"
                )
            for p in ready:
                self._one(p, p._grad._data.coalesce(), group)
        return loss

    def _one(self, p: Tensor, g: Any, group: dict[str, Any]) -> None:
        """Update one parameter: `g` is its gradient, coalesced."""
        state = self.state[p]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = zeros_of(p), zeros_of(p)
        state["step"] += 1
        if not g.nnz:
            return
        (beta1, beta2), t = group["betas"], state["step"]
        rows, values = tuple(g.indices), -g.values if group["maximize"] else g.values
        first, second = own(state["exp_avg"]), own(state["exp_avg_sq"])
        m, v = first[rows], second[rows]
        m = m + (values - m) * (1 - beta1)
        v = v + (values * values - v) * (1 - beta2)
        first[rows], second[rows] = m, v
        size = number(group["lr"]) * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        x = own(p)
        x[rows] -= (m / (np.sqrt(v) + group["eps"]) * size).astype(x.dtype, copy=False)
        for t_ in (p, state["exp_avg"], state["exp_avg_sq"]):
            bump(t_)
