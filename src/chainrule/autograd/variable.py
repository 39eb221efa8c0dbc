"""`torch.autograd.variable`: Variable, the name tensors with a gradient had before PyTorch 0.4."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

import numpy as np

from ..core.tensor import Tensor, wrap

__all__ = ["Variable", "VariableMeta", "variable"]


class VariableMeta(type):
    """Every tensor is an instance of `Variable`."""

    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=VariableMeta):
    """The old way to make a leaf: a tensor of the same memory, outside of the graph.

    Args:
        data: the tensor; an empty one by default.
        requires_grad: as for `torch.tensor`. volatile, name: without effect.

    Example:
        >>> import chainrule as torch
        >>> x = torch.autograd.Variable(torch.ones(2), requires_grad=True)
        >>> x, isinstance(x, torch.autograd.Variable)
        (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(  # type: ignore[misc]
        cls,
        data: Any = None,
        requires_grad: bool = False,
        volatile: Any = None,
        *,
        name: Any = None,
    ) -> Tensor:
        """Gives a Tensor."""
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                UserWarning,
                stacklevel=2,
            )
        if data is None:
            data = wrap(np.empty(0, np.float32))
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        made = data.detach()
        wanted = bool(requires_grad)
        return made.requires_grad_() if wanted else made


def variable(*args: Any, **kwargs: Any) -> NoReturn:
    """What this name was, a maker of tensors, is gone.

    Raises:
        RuntimeError: always, as in PyTorch.
    """
    raise RuntimeError("torch.autograd.variable(...) is deprecated, use torch.tensor(...) instead")
