"""`weight_norm` in its old form: weight = g v/|v|, computed by a hook before every call."""

from __future__ import annotations

import warnings
from typing import Any

from ...core.tensor import Tensor
from ...ops.nn.weight_norm import weight_norm as scaled
from ...ops.reduce.vector_norm import vector_norm
from ..modules.module import Module
from ..parameter import Parameter, is_lazy

__all__ = ["WeightNorm", "norm_except_dim", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norm over all dimensions but `dim`, kept with size 1; -1 for the norm of all.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.weight_norm import norm_except_dim
        >>> norm_except_dim(torch.tensor([[3.0, 4.0]]))
        tensor([[5.]])
    """
    if dim == -1:
        return vector_norm(v, pow)
    dim = dim % v.dim()
    dims = tuple(d for d in range(v.dim()) if d != dim)
    return vector_norm(v, pow, dims, True) if dims else v.abs()


class WeightNorm:
    """The hook that computes the weight.

    Attributes:
        name: of the weight. dim: over which norms are not taken; -1: one norm of all.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.weight_norm import WeightNorm
        >>> WeightNorm("weight", None).dim
        -1
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """g v/|v|."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return scaled(v, g, self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Split the weight of a module into g and v."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two weight_norm hooks on the same parameter {name}"
                )
        made = WeightNorm(name, dim)
        weight = getattr(module, name)
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure "
                "to run the dummy forward before applying weight normalization"
            )
        del module._parameters[name]
        norm = norm_except_dim(weight, 2, made.dim).detach()
        module.register_parameter(name + "_g", Parameter(norm.clone()))
        module.register_parameter(name + "_v", Parameter(weight.data))
        setattr(module, name, made.compute_weight(module))
        module.register_forward_pre_hook(made)
        return made

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight: Tensor = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"], module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Split a weight into its norm (`weight_g`) and direction (`weight_v`); returns the module.

    The old form; `parametrizations.weight_norm` is the new one.

    Source: Salimans, Kingma (2016), Weight Normalization.
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Take back `weight_norm`; returns the module."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
