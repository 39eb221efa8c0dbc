"""Functions of the top level that belong to no family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .autograd.anomaly_mode import set_detect_anomaly
from .core.tensor import Tensor
from .ops import namespace

__all__ = ["cond", "frobenius_norm", "norm_except_dim", "set_anomaly_enabled"]

_T = namespace("")


def cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Any = ()
) -> Any:
    """true_fn(*operands) if pred, else false_fn(*operands): one of them is called.

    Example:
        >>> import chainrule as torch
        >>> torch.cond(torch.tensor(True), torch.sin, torch.cos, (torch.zeros(1),))
        tensor([0.])
    """
    return (true_fn if pred else false_fn)(*operands)


def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The square root of the sum of squares over dimensions (all of them for [])."""
    dims = tuple(range(input.ndim)) if isinstance(dim, (list, tuple)) and not dim else dim
    return _T["norm"](input, 2, dims, keepdim)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over all dimensions but `dim`, which keep size one; over all for -1."""
    if dim == -1:
        return _T["norm"](v, pow)
    others = tuple(d for d in range(v.ndim) if d != dim % v.ndim)
    return _T["norm"](v, pow, others, True)


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Look for NaN in backward, and say which forward op they come from."""
    set_detect_anomaly(enabled, check_nan)
