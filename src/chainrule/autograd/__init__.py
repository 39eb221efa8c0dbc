"""`torch.autograd`: what users call to differentiate.

What lives here: `backward` and `grad` (checked entries to the one walk in `core/engine.py`), the
grad modes, and names that PyTorch keeps in this module. Who may call: users, `nn`, `optim`,
`compat`. A value comes from a user's tensors and goes to the engine; nothing here computes a
derivative itself.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import errors
from ..core import engine
from ..core.node import GradientEdge
from ..core.tensor import Tensor, wrap
from . import grad_mode, graph
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .gradcheck import gradcheck, gradgradcheck
from .variable import Variable, variable

if TYPE_CHECKING:
    from . import anomaly_mode, function, profiler
    from .anomaly_mode import detect_anomaly, set_detect_anomaly
    from .function import Function
    from .threads import is_multithreading_enabled, set_multithreading_enabled

__all__ = [
    "Function",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_multithreading_enabled",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
    "variable",
]


# What few programs use is loaded when it is named: everybody would pay for it at import.
_LOADED_WHEN_NAMED = {
    "branches": ("safe_where",),
    "implicit": ("implicit_function",),
    "rule_check": ("check_rules",),
    "anomaly_mode": ("anomaly_mode", "detect_anomaly", "set_detect_anomaly"),
    "forward_ad": ("forward_ad",),
    "function": ("function", "Function", "NestedIOFunction"),
    "functional": ("functional",),
    "profiler": ("profiler",),
    "threads": ("is_multithreading_enabled", "set_multithreading_enabled"),
}


def __getattr__(name: str) -> Any:
    for file, names in _LOADED_WHEN_NAMED.items():
        if name in names:
            module = importlib.import_module("." + file, __name__)
            globals().update({n: getattr(module, n, module) for n in names})
            return globals()[name]
    raise AttributeError(f"module 'torch.autograd' has no attribute '{name}'", name=name)


def _listed(tensors: Any, what: str) -> list[Any]:
    if isinstance(tensors, (Tensor, GradientEdge)):
        return [tensors]
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(f"{what} must be Tensors or a tuple of them, not {type(tensors).__name__}")
    for i, t in enumerate(tensors):
        if not isinstance(t, (Tensor, GradientEdge)):
            raise TypeError(f"element {i} of {what} is not a Tensor but {type(t).__name__}")
    return list(tensors)


def _cotangents(given: Any, n: int) -> list[Any]:
    if given is None:
        return [None] * n
    listed = [given] if isinstance(given, Tensor) else list(given)
    if len(listed) < n:
        raise RuntimeError(f"got {n} tensors and {len(listed)} gradients")
    return listed[:n]


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Accumulate the gradients of `tensors`, weighted with `grad_tensors`, into the leaves.

    Args:
        tensors: one or several outputs.
        grad_tensors: their cotangents, of the same shapes; None for scalars.
        retain_graph, create_graph, inputs: as in `Tensor.backward`.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> torch.autograd.backward([x.sum(), (x * x).sum()])
        >>> x.grad
        tensor([3., 5.])
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. "
                "Please only use `grad_tensors`."
            )
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        grad_tensors = grad_variables
    outputs = _listed(tensors, "tensors")
    engine.backward(
        outputs, _cotangents(grad_tensors, len(outputs)), retain_graph, create_graph, inputs
    )


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Any,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`, returned instead of accumulated.

    Args:
        outputs, inputs: tensors or sequences of them (or of GradientEdges); inputs may be a dict.
        grad_outputs: the cotangents of the outputs; None for scalars.
        retain_graph, create_graph: as in `Tensor.backward`.
        only_inputs: must be True.
        allow_unused: None instead of an error for an input that was not used.
        is_grads_batched: the first dimension of every cotangent counts vectors; the gradients of
            all are computed in one walk (with `vmap`), and returned with the same first dimension.
        materialize_grads: zeros instead of None.

    Returns:
        One gradient per input, of its shape: a tuple, or a dict if `inputs` is one.

    Raises:
        RuntimeError: a non-scalar output without cotangent, a cotangent of another shape, an input
            that was not used.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (first,) = torch.autograd.grad(x ** 3, x, create_graph=True)
        >>> torch.autograd.grad(first, x)
        (tensor(12.),)
        >>> v = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> torch.autograd.grad(v * v, v, torch.eye(2), is_grads_batched=True)  # the Jacobian
        (tensor([[2., 0.],
                [0., 4.]]),)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    if isinstance(inputs, dict):
        values = list(inputs.values())
        found = _grad(outputs, values, grad_outputs, retain_graph, create_graph, allow_unused,
                      is_grads_batched, materialize_grads)  # fmt: skip
        return dict(zip(inputs, found, strict=True))
    return _grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused,
                 is_grads_batched, materialize_grads)  # fmt: skip


def _grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool | None,
    batched: bool,
    zeros: bool,
) -> tuple[Any, ...]:
    outs, ins = _listed(outputs, "outputs"), _listed(inputs, "inputs")
    if not ins:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    gs = _cotangents(grad_outputs, len(outs))
    if batched:
        batch = importlib.import_module(".batched", __name__)  # vmap is loaded when it is used
        found = batch.grads_of_batch(outs, ins, gs, retain_graph, create_graph)
    else:
        found = engine.grad(outs, ins, gs, retain_graph, create_graph)
    if zeros:
        return tuple(
            wrap(np.zeros(*_shape_of(t))) if g is None else g
            for g, t in zip(found, ins, strict=True)
        )
    if not allow_unused:
        for i, g in enumerate(found):
            if g is None:
                raise errors.unused_input(i, ins[i])
    return tuple(found)


def _shape_of(t: Any) -> Any:
    if isinstance(t, GradientEdge):
        raise RuntimeError(
            "materialize_grads cannot be used when the given input is a GradientEdge\n"
            "Hint: give the tensor itself"
        )
    return t._data.shape, t._data.dtype
