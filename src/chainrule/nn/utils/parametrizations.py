"""Parametrisations that are used often: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import linalg
from ...autograd.grad_mode import no_grad
from ...core.tensor import Tensor, wrap
from ...kernels.blas import factored
from ...ops.fast import T
from ...ops.linalg.householder import geqrf
from ...ops.make.create import eye
from ...ops.nn.weight_norm import weight_norm as scaled
from ...ops.shape.join import cat
from .. import functional as F
from ..modules.module import Module
from .parametrize import register_parametrization
from .spectral_norm import default_dim
from .weight_norm import norm_except_dim

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_MAPS = ("matrix_exp", "cayley", "householder")


def _weight_of(module: Any, name: str) -> Any:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# ---------------------------------------------------------------- weight norm


class _WeightNorm(Module):
    """g v/|v|."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        """The weight."""
        return scaled(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """Norm and direction."""
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Parametrise a weight by its norm (`original0`) and direction (`original1`).

    Args:
        module: the layer.
        name: of the weight.
        dim: norms are taken over all other dimensions; None: one norm of all.

    Source: Salimans, Kingma (2016), Weight Normalization.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
        >>> layer.parametrizations.weight.original0.shape
        torch.Size([2, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def read_old_names(state_dict: Any, prefix: str, *rest: Any) -> None:
        for old, new in (("_g", "original0"), ("_v", "original1")):
            if f"{prefix}{name}_g" in state_dict or f"{prefix}{name}{old}" in state_dict:
                key = f"{prefix}parametrizations.{name}.{new}"
                state_dict[key] = state_dict.pop(f"{prefix}{name}{old}")

    module._register_load_state_dict_pre_hook(read_old_names)
    return module


# ---------------------------------------------------------------- spectral norm


class _SpectralNorm(Module):
    """A weight over its largest singular value."""

    def __init__(
        self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        rank = weight.dim()
        if not -rank <= dim < rank:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{rank}, {rank - 1}] but "
                f"got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim if dim >= 0 else dim + rank, eps
        if rank > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            with no_grad():
                rows, cols = matrix.shape
                u = matrix.new_empty(rows).normal_(0, 1)
                v = matrix.new_empty(cols).normal_(0, 1)
                self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
                self._power_method(matrix, 15)

    def _matrix(self, weight: Any) -> Any:
        if self.dim != 0:
            order = [self.dim, *(d for d in range(weight.dim()) if d != self.dim)]
            weight = weight.permute(*order)
        return weight.flatten(1)

    def _power_method(self, matrix: Any, steps: int) -> None:
        with no_grad():
            u, v = self._u, self._v
            for _ in range(steps):  # u first, unlike `power_step`
                u = F.normalize(matrix.mv(v), dim=0, eps=self.eps)
                v = F.normalize(matrix.t().mv(u), dim=0, eps=self.eps)
            self._u.copy_(u)
            self._v.copy_(v)

    def forward(self, weight: Any) -> Any:
        """The weight over its largest singular value."""
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Any) -> Any:
        """The value itself."""
        return value


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Parametrise a weight so that its largest singular value is about 1.

    Args:
        module: the layer.
        name: of the weight.
        n_power_iterations: steps of the power method for every use while training.
        eps: the smallest norm.
        dim: the dimension of outputs.

    Source: Miyato et al. (2018), Spectral Normalization for GANs.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 2))
        >>> bool(layer.weight.norm() <= 2)
        True
    """
    weight = _weight_of(module, name)
    made = _SpectralNorm(weight, n_power_iterations, default_dim(module, dim), eps)
    register_parametrization(module, name, made)
    return module


# ---------------------------------------------------------------- orthogonal


def _made_orthogonal(a: Any) -> Any:
    """The orthogonal factor of a matrix; its R has a positive diagonal."""
    q, r = factored(np.linalg.qr, a.detach().numpy())
    return wrap(np.ascontiguousarray(q * np.sign(np.diagonal(r, 0, -2, -1))[..., None, :]))


def _is_orthogonal(q: Any) -> bool:
    n = q.shape[-1]
    gap = np.abs(np.swapaxes(q.detach().numpy(), -1, -2).conj() @ q.detach().numpy() - np.eye(n))
    return bool(gap.max() < 100 * n * np.finfo(q.detach().numpy().dtype).eps)


class _Orthogonal(Module):
    """A matrix with orthonormal columns (or rows), from any matrix of its shape."""

    base: Any

    def __init__(self, weight: Any, orthogonal_map: str, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.dtype.is_complex and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Any) -> Any:
        """The orthogonal matrix."""
        turned = x.size(-2) < x.size(-1)
        x = x.mT if turned else x
        n, k = x.size(-2), x.size(-1)
        if self.orthogonal_map == "householder":
            below = x.tril(diagonal=-1)
            tau = 2.0 / (1.0 + (below * below).sum(-2))
            q = linalg.householder_product(below, tau)
            q = q * x.detach().diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = cat([x, x.new_zeros((*x.shape[:-1], n - k))], -1)
            skew = x - x.mH
            q = self._map(skew, n)
            q = q if n == k else q[..., :k]
        if "base" in self._buffers:
            q = self.base @ q
        return q.mT if turned else q

    def _map(self, skew: Any, n: int) -> Any:
        if self.orthogonal_map == "matrix_exp":
            return linalg.matrix_exp(skew)
        one = eye(n, dtype=skew.dtype)
        return linalg.solve(one - 0.5 * skew, one + 0.5 * skew)

    def right_inverse(self, q: Any) -> Any:
        """The matrix that gives `q`, or the nearest that this map can begin with."""
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of "
                f"shape {q.shape}."
            )
        first, turned = q, q.size(-2) < q.size(-1)
        q = q.mT if turned else q
        n, k = q.size(-2), q.size(-1)
        if "base" not in self._buffers:
            return self._without_base(q, turned)
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _made_orthogonal(q)
        else:  # complete it to a square matrix
            more = T.randn(*q.shape[:-2], n, n - k, dtype=q.dtype)
            q = _made_orthogonal(cat([q, more], -1))
        self.base = q
        minus_one = T.zeros_like(first)
        minus_one.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return minus_one

    def _without_base(self, q: Any, turned: bool) -> Any:
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        a, tau = geqrf(q)
        diagonal = a.diagonal(dim1=-2, dim2=-1)
        diagonal.copy_(diagonal.sign())
        diagonal[tau == 0.0] *= -1
        return a.mT if turned else a


def orthogonal(
    module: Any,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Any:
    """Parametrise a matrix so that its columns (or rows) are orthonormal.

    Args:
        module: the layer.
        name: of the weight.
        orthogonal_map: "matrix_exp", "cayley" or "householder"; by default the first for square
            matrices, the last for others.
        use_trivialization: keep a base matrix, so that any value can be assigned.

    Source: Lezcano-Casado, Martinez-Rubio (2019), Cheap Orthogonal Constraints.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 3), "weight",
        ...                                                    "cayley")
        >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(3), atol=1e-5)
        True
    """
    weight = _weight_of(module, name)
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.dtype.is_complex else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
            f"{orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    register_parametrization(module, name, made, unsafe=True)
    return module
