"""L-BFGS: a quasi-Newton method with limited memory, with or without a strong Wolfe line search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.primitive import bump
from ..core.tensor import Tensor, own, wrap
from ..errors import hinted
from ..kernels.blas import product
from .elementwise import check_options, evaluate, number
from .optimizer import Optimizer

__all__ = ["LBFGS"]

Array = Any
Objective = Callable[[float], tuple[float, Array]]  # step length -> loss and gradient there


class LBFGS(Optimizer):
    """L-BFGS. One step makes up to max_iter iterations and calls the closure in each.

    The direction is -H g, where H approximates the inverse Hessian by the last `history_size`
    changes of the gradient.

    Args:
        params: tensors, all in one group.
        lr: the step length (with a line search: its first trial), a number or a tensor of one
            element.
        max_iter: iterations of one step.
        max_eval: closure calls of one step; None for max_iter * 5 // 4.
        tolerance_grad: stop where the largest element of the gradient is below it.
        tolerance_change: stop where the loss or the parameters change less.
        history_size: how many changes are remembered.
        line_search_fn: None or "strong_wolfe".

    Raises:
        ValueError: more than one group.
        RuntimeError: another line search.

    Source: Nocedal, Wright, Numerical optimization (2006), algorithms 7.4, 3.5 and 3.6, with the
        safeguards of Schmidt's minFunc (2005).

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (w * w).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure)
        tensor(5., grad_fn=<SumBackward0>)
        >>> bool(w.abs().max() < 1e-5)
        True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_options(lr=lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                hinted(
                    "LBFGS doesn't support per-parameter options (parameter groups)",
                    hint="the direction belongs to all parameters together: give one list",
                )
            )

    @property
    def _params(self) -> list[Tensor]:
        params: list[Tensor] = self.param_groups[0]["params"]
        return params

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Up to max_iter iterations.

        Args:
            closure: sets the gradients to zero, computes the loss and its gradients, and returns
                the loss.

        Returns:
            The loss before the step.
        """
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = evaluate(closure)
        state["func_evals"] += 1
        g = self._gradient()
        if _largest(g) > group["tolerance_grad"]:
            self._iterate(closure, float(first), g, state, group)
        return first

    def _iterate(
        self, closure: Any, loss: float, g: Array, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        lr, change = number(group["lr"]), group["tolerance_change"]
        evals, memory = 1, _Memory(state, group["history_size"])
        for n in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            start = state["n_iter"] == 1
            d = memory.begin(g) if start else memory.direction(g)
            before = memory.prev_loss = loss
            memory.t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr if start else lr
            slope = float(product(g, d))
            if slope > -change:
                break
            last = n == group["max_iter"]
            loss, g, used = self._search(closure, loss, g, slope, memory, group, last)
            evals += used
            state["func_evals"] += used
            if (
                last
                or evals >= group["max_eval"]
                or _largest(g) <= group["tolerance_grad"]
                or _largest(d) * abs(memory.t) <= change
                or abs(loss - before) < change
            ):
                break
        memory.save(state, group["lr"])

    def _search(
        self, closure: Any, loss: float, g: Array, slope: float, memory: _Memory,
        group: dict[str, Any], last: bool,
    ) -> tuple[float, Array, int]:  # fmt: skip
        """Move along the direction; the new loss and gradient and how often the closure ran."""
        start, d = [np.array(p._data) for p in self._params], memory.d

        def objective(t: float) -> tuple[float, Array]:
            self._move(start, t, d)
            return float(evaluate(closure)), self._gradient()

        if group["line_search_fn"] is None:
            self._move(start, memory.t, d)
            if last:
                return loss, g, 0
            return float(evaluate(closure)), self._gradient(), 1
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        here = _Point(0.0, loss, g, slope)
        point, used = _strong_wolfe(objective, here, memory.t, d)
        memory.t = point.t
        self._move(start, point.t, d)
        return point.loss, point.g, used

    def _gradient(self) -> Array:
        """All gradients as one vector, complex ones as pairs; zeros for None."""
        grads = []
        for p in self._params:
            data = p._data if p._grad is None else p._grad.to_dense()._data
            flat = np.ascontiguousarray(data).reshape(-1)
            flat = np.zeros_like(flat) if p._grad is None else flat
            grads.append(flat.view(flat.real.dtype))
        return np.concatenate(grads)

    def _move(self, start: list[Array], t: float, d: Array) -> None:
        """parameters = start + t d"""
        at = 0
        for p, x in zip(self._params, start, strict=True):
            size = x.size * (2 if x.dtype.kind == "c" else 1)
            step = np.multiply(d[at : at + size], t).astype(x.real.dtype, copy=False)
            own(p)[...] = x + step.view(x.dtype).reshape(x.shape)
            bump(p)
            at += size


class _Memory:
    """The changes of parameters (s) and gradients (y) that stand for the inverse Hessian."""

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.size = size
        self.d = _array(state.get("d"))
        self.t = float(state.get("t") or 0.0)
        self.ys = [_array(y) for y in state.get("old_dirs") or []]
        self.ss = [_array(s) for s in state.get("old_stps") or []]
        self.ro = [_array(r) for r in state.get("ro") or []]
        self.diagonal = _array(state.get("H_diag"))
        self.kept: Tensor | None = state.get("prev_flat_grad")  # written in place, as in PyTorch
        self.prev_loss = state.get("prev_loss")
        self.al: list[Any] | None = state.get("al")

    def begin(self, g: Array) -> Array:
        """Steepest descent, with an empty memory."""
        self.ys, self.ss, self.ro, self.diagonal = [], [], [], 1
        self._keep(g)
        self.d = -g
        return self.d

    def _keep(self, g: Array) -> None:
        if self.kept is None:
            self.kept = wrap(g.copy())
        else:
            own(self.kept)[...] = g

    def direction(self, g: Array) -> Array:
        """-H g, with the last change remembered (two-loop recursion)."""
        assert self.kept is not None
        y, s = g - own(self.kept), self.d * _same(self.t, g)
        ys = product(y, s)
        if ys > 1e-10:
            if len(self.ys) == self.size:
                self.ys.pop(0), self.ss.pop(0), self.ro.pop(0)
            self.ys.append(y)
            self.ss.append(s)
            self.ro.append(1 / ys)
            self.diagonal = ys / product(y, y)
        if self.al is None:
            self.al = [None] * self.size
        q, factors = -g, []
        for y, s, r in zip(self.ys[::-1], self.ss[::-1], self.ro[::-1], strict=True):
            factors.append(product(s, q) * r)
            q -= y * factors[-1]
        q *= self.diagonal
        for i, (y, s, r) in enumerate(zip(self.ys, self.ss, self.ro, strict=True)):
            self.al[i] = wrap(factors[-1 - i])
            q += s * (factors[-1 - i] - product(y, q) * r)
        self._keep(g)
        self.d = q
        return q

    def save(self, state: dict[str, Any], lr: Any) -> None:
        """Into the optimizer's state, under PyTorch's names."""
        if self.al is not None:
            state["al"] = self.al
        given = isinstance(lr, Tensor) and float(lr) == self.t
        state["d"], state["t"] = wrap(self.d), lr if given else self.t
        state["old_dirs"] = [wrap(y) for y in self.ys]
        state["old_stps"] = [wrap(s) for s in self.ss]
        state["ro"] = [wrap(r) for r in self.ro]
        h = self.diagonal
        state["H_diag"] = h if isinstance(h, int) else wrap(h)
        state["prev_flat_grad"], state["prev_loss"] = self.kept, self.prev_loss


@dataclass
class _Point:
    """A place on the line: step length, loss, gradient, slope along the line."""

    t: float
    loss: float
    g: Array
    slope: float


def _strong_wolfe(
    objective: Objective, here: _Point, t: float, d: Array, enough: float = 1e-4,
    flat: float = 0.9, change: float = 1e-9, most: int = 25,
) -> tuple[_Point, int]:  # fmt: skip
    """A point with enough decrease and a slope that is flat enough; and the number of trials."""
    trials = 0

    def at(t: float) -> _Point:
        nonlocal trials
        trials += 1
        loss, g = objective(t)
        return _Point(t, loss, g, float(product(g, d)))

    def too_high(p: _Point) -> bool:
        return p.loss > here.loss + enough * p.t * here.slope

    def good(p: _Point) -> bool:
        return abs(p.slope) <= -flat * here.slope

    before, new = here, at(t)
    for rounds in range(most):  # go further until a minimum lies between two points
        if too_high(new) or (rounds > 1 and new.loss >= before.loss):
            break
        if good(new):
            return new, trials
        if new.slope >= 0:
            break
        bounds = new.t + 0.01 * (new.t - before.t), new.t * 10
        before, new = new, at(_cubic_minimum(before, new, bounds))
    else:
        return (here, trials) if here.loss <= new.loss else (new, trials)
    low, high = (before, new) if before.loss <= new.loss else (new, before)
    first, second = before, new  # in the order in which the interpolation takes them
    stuck, size = False, _largest(d)
    while rounds < most and abs(second.t - first.t) * size >= change:
        t, stuck = _inside(_cubic_minimum(first, second), first.t, second.t, stuck)
        new = at(t)
        rounds += 1
        low_is_first = low is first
        if too_high(new) or new.loss >= low.loss:
            first, second = (first, new) if low_is_first else (new, second)
            low, high = (first, second) if first.loss <= second.loss else (second, first)
            continue
        done = good(new)
        if not done and new.slope * (high.t - low.t) >= 0:
            high = low
        low = new
        first, second = (low, high) if low_is_first else (high, low)
        if done:
            break
    return low, trials


def _inside(t: float, a: float, b: float, stuck: bool) -> tuple[float, bool]:
    """A trial that is not again close to an end of the interval; and whether it was close."""
    low, high = min(a, b), max(a, b)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if not stuck and low < t < high:
        return t, True
    return (high - margin if abs(t - high) < abs(t - low) else low + margin), False


def _cubic_minimum(a: _Point, b: _Point, bounds: tuple[float, float] | None = None) -> float:
    """The minimum of the cubic through two points with their slopes, within bounds."""
    low, high = bounds if bounds is not None else (min(a.t, b.t), max(a.t, b.t))
    if a.t > b.t:
        a, b = b, a
    middle = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else math.nan
    square = middle * middle - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    below = b.slope - a.slope + 2 * root
    if not below:
        return (low + high) / 2
    t = b.t - (b.t - a.t) * ((b.slope + root - middle) / below)
    return min(max(t, low), high)


def _largest(x: Array) -> float:
    return float(np.abs(x).max()) if x.size else 0.0


def _array(value: Any) -> Any:
    return value._data if isinstance(value, Tensor) else value


def _same(t: float, like: Array) -> Any:
    return like.dtype.type(t)
