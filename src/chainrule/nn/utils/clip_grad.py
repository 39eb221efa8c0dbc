"""Gradients clipped by their norm or their values, in place."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from ...autograd.grad_mode import no_grad
from ...core.tensor import Tensor
from ...ops.make.create import zeros
from ...ops.reduce.vector_norm import vector_norm
from ...ops.shape.join import stack

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]


def _listed(parameters: Any) -> list[Any]:
    if isinstance(parameters, Tensor):
        return [parameters]
    found = list(parameters)
    if not found and not isinstance(parameters, (list, tuple)):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    return found


def get_total_norm(
    tensors: Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors together, as if they were one vector.

    Args:
        tensors: one tensor or several.
        norm_type: which norm; inf for the largest magnitude.
        error_if_nonfinite: raise for NaN and infinity.
        foreach: accepted; there is one way here.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.utils.get_total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
        tensor(5.)
    """
    each = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not each:
        return zeros(())
    norms = [vector_norm(t, float(norm_type)) for t in each]
    total: Tensor = vector_norm(stack(norms, 0), float(norm_type))
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is "
            "non-finite, so it cannot be clipped. To disable this error and scale the gradients "
            "by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by max_norm/total_norm where that is below 1.

    Args:
        parameters: tensors with gradients.
        max_norm: the largest norm.
        total_norm: the norm they have.

    Example:
        >>> import chainrule as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> (4 * w).sum().backward()
        >>> torch.nn.utils.clip_grads_with_norm_(w, 1.0, torch.tensor(4.0))
        >>> w.grad
        tensor([1.0000])
    """
    with no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for p in _listed(parameters):
            if p.grad is not None:
                p.grad.mul_(factor)


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients so that their norm together is at most `max_norm`.

    Args:
        parameters: one tensor or several; those without gradient do not count.
        max_norm: the largest norm.
        norm_type: which norm.
        error_if_nonfinite: raise for NaN and infinity.

    Returns:
        The norm before.

    Source: Pascanu, Mikolov, Bengio (2013).

    Example:
        >>> import chainrule as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> (4 * w).sum().backward()
        >>> torch.nn.utils.clip_grad_norm_([w], max_norm=1.0), w.grad
        (tensor(4.), tensor([1.0000]))
    """
    params = _listed(parameters)
    with no_grad():
        grads = [p.grad for p in params if p.grad is not None]
        total = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(params, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """The old name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clip every element of all gradients to [-clip_value, clip_value].

    Args:
        parameters: one tensor or several.
        clip_value: the largest magnitude.

    Example:
        >>> import chainrule as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> (4 * w).sum().backward()
        >>> torch.nn.utils.clip_grad_value_([w], 1.0)
        >>> w.grad
        tensor([1.])
    """
    clip_value = float(clip_value)
    with no_grad():
        for p in _listed(parameters):
            if p.grad is not None:
                p.grad.clamp_(min=-clip_value, max=clip_value)
