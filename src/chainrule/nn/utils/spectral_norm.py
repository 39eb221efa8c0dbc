"""`spectral_norm` in its old form: weight over its largest singular value, computed by a hook."""

from __future__ import annotations

from typing import Any

from ...autograd.grad_mode import no_grad
from .. import functional as F
from ..modules.module import Module
from ..parameter import Parameter, is_lazy

__all__ = ["SpectralNorm", "default_dim", "power_step", "remove_spectral_norm", "spectral_norm"]


def default_dim(module: Any, dim: int | None) -> int:
    """The dimension of outputs: 1 for transposed convolutions, else 0.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.spectral_norm import default_dim
        >>> default_dim(torch.nn.ConvTranspose1d(1, 1, 1), None)
        1
    """
    if dim is not None:
        return dim
    return 1 if getattr(module, "transposed", False) else 0


def power_step(matrix: Any, u: Any, v: Any, steps: int, eps: float) -> tuple[Any, Any]:
    """`steps` steps of the power method towards the largest singular value's vectors.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.spectral_norm import power_step
        >>> u, v = power_step(torch.eye(1), torch.ones(1), torch.ones(1), 1, 1e-12)
        >>> u, v
        (tensor([1.]), tensor([1.]))
    """
    for _ in range(steps):
        v = F.normalize(matrix.t().mv(u), dim=0, eps=eps)
        u = F.normalize(matrix.mv(v), dim=0, eps=eps)
    return u, v


class SpectralNorm:
    """The hook that computes the weight.

    Attributes:
        name: of the weight. n_power_iterations, dim, eps: see `spectral_norm`.

    Example:
        >>> from chainrule.nn.utils.spectral_norm import SpectralNorm
        >>> SpectralNorm().name
        'weight'
    """

    _version = 1

    def __init__(
        self,
        name: str = "weight",
        n_power_iterations: int = 1,
        dim: int = 0,
        eps: float = 1e-12,
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name, self.dim, self.eps = name, dim, eps
        self.n_power_iterations = n_power_iterations

    def reshape_weight_to_matrix(self, weight: Any) -> Any:
        """The weight with outputs as rows."""
        if self.dim != 0:
            order = [self.dim, *(d for d in range(weight.dim()) if d != self.dim)]
            weight = weight.permute(*order)
        return weight.reshape(weight.size(0), -1)

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """weight over its largest singular value; a step of the power method first, while
        training."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with no_grad():
                new_u, new_v = power_step(matrix, u, v, self.n_power_iterations, self.eps)
                u.copy_(new_u)
                v.copy_(new_v)
                u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))

    def remove(self, module: Any) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, False)
        delattr(module, self.name)
        for end in ("_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))

    @staticmethod
    def apply(module: Any, name: str, n_power_iterations: int, dim: int, eps: float) -> Any:
        """Hang the hook on a module."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        made = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make "
                "sure to run the dummy forward before applying spectral normalization"
            )
        with no_grad():
            rows, cols = made.reshape_weight_to_matrix(weight).size()
            u = F.normalize(weight.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
            v = F.normalize(weight.new_empty(cols).normal_(0, 1), dim=0, eps=eps)
        del module._parameters[name]
        module.register_parameter(name + "_orig", weight)
        setattr(module, name, weight.data)  # a plain attribute
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        module.register_forward_pre_hook(made)
        return made


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value before every call; returns the module.

    The old form; `parametrizations.spectral_norm` is the new one.

    Args:
        module: the layer.
        name: of the weight.
        n_power_iterations: steps of the power method for every call while training.
        eps: the smallest norm.
        dim: the dimension of outputs.

    Source: Miyato et al. (2018), Spectral Normalization for GANs.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.utils.spectral_norm(torch.nn.Linear(3, 2))
        >>> list(layer.state_dict())
        ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    SpectralNorm.apply(module, name, n_power_iterations, default_dim(module, dim), eps)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Any:
    """Take back `spectral_norm`; returns the module."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
