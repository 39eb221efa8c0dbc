"""`torch.utils.watch`: says once, and at which step, that a loss has become NaN or infinite.

A loss is looked at where the program asks for it, one number a step. When it is not finite for the
first time its graph is searched for leaves that are not finite either, so the report says whether
the parameters were spoiled before or the loss went wrong in this step. Called by users; built on
the graph of `core/`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import errors
from ..core.node import LEAF, Output, walk
from ..core.tensor import Tensor

__all__ = ["watch"]


class watch:
    """A function to put around a loss: gives it back unchanged, and reports the first that is NaN
    or infinite.

    Args:
        module: its parameters are named in the report; without it, variables of the program are.
        error: raise RuntimeError instead of a warning.

    Attributes:
        step: how many losses it has seen; the report counts from 0.
        found: the step of the first loss that was not finite; None while there is none.
        last: the last finite loss, as a float; None before there is one.

    Raises:
        TypeError: it is called with anything but a tensor of real numbers.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor(1.0, requires_grad=True)
        >>> watched = torch.utils.watch(error=True)
        >>> for step in range(20):
        ...     loss = watched(w.sqrt())
        ...     loss.backward()
        ...     with torch.no_grad():
        ...         w -= w.grad
        ...         w.grad = None
        Traceback (most recent call last):
        RuntimeError: loss is nan at step 2
        last finite loss: 0.7071067690849304 at step 1
        ...
    """

    def __init__(self, module: Any = None, *, error: bool = False) -> None:
        if module is not None and not hasattr(module, "named_parameters"):
            raise TypeError(f"watch(): module must be an nn.Module, not {type(module).__name__}")
        self.module, self.error = module, error
        self.step = 0
        self.found: int | None = None
        self.last: float | None = None

    def __call__(self, loss: Any) -> Any:
        """The loss itself.

        Args:
            loss: a tensor of real numbers, of any shape.
        """
        if not isinstance(loss, Tensor) or loss._data.dtype.kind == "c":
            kind = loss.dtype if isinstance(loss, Tensor) else type(loss).__name__
            raise TypeError(f"watch(): the loss must be a tensor of real numbers, not {kind}")
        step, self.step = self.step, self.step + 1
        if self.found is not None:
            return loss
        if _finite(loss):
            if loss._data.size == 1:
                self.last = float(loss)
            return loss
        self.found = step
        message = self._report(loss, step)
        if self.error:
            raise RuntimeError(message)
        warnings.warn(message, UserWarning, stacklevel=2)
        return loss

    def _report(self, loss: Tensor, step: int) -> str:
        value = "nan" if np.isnan(loss._data).any() else "infinite"
        before = "" if self.last is None else f"last finite loss: {self.last} at step {step - 1}"
        leaves = _leaves(loss)
        bad = [self._name(t) for t in leaves if not _finite(t)]
        if bad:
            spoiled = f"not finite in its graph: {', '.join(bad)}"
            hint = (
                "they became so in an earlier step: a smaller learning rate, or "
                "torch.nn.utils.clip_grad_norm_ with error_if_nonfinite=True"
            )
        else:
            spoiled = f"all {len(leaves)} leaves of its graph are finite" if leaves else ""
            hint = (
                "it is made in this step: torch.autograd.detect_anomaly(forward=True) stops at "
                "the operation"
            )
        where = errors.line_of(errors.user_location())
        return errors.hinted(
            f"loss is {value} at step {step}", before, spoiled, f"at: {where}" if where else "",
            hint=hint,
        )  # fmt: skip

    def _name(self, leaf: Tensor) -> str:
        if self.module is not None:
            for name, parameter in self.module.named_parameters():
                if parameter is leaf:
                    return f"`{name}`"
        name, _ = errors.named(leaf)
        return f"`{name}`" if name else f"a tensor of shape {list(leaf._data.shape)}"


def _finite(t: Tensor) -> bool:
    return t._data.dtype.kind not in "fV" or bool(np.isfinite(t._data).all())


def _leaves(t: Tensor) -> list[Tensor]:
    """The leaves that require grad from which `t` was computed."""
    if t._node is None or t._node is LEAF:
        return [t] if t._node is LEAF else []
    start = t._node.node if type(t._node) is Output else t._node
    found = {id(e): e for n in walk(start) for e in n.edges() if isinstance(e, Tensor)}
    return list(found.values())
