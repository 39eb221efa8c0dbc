"""Cholesky factors of random correlation matrices."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.grad_mode import no_grad
from . import constraints
from ._torch import Size, Tensor, torch
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices M with density proportional to
    det(M)^(concentration - 1).

    Source: Lewandowski, Kurowicka, Joe, "Generating random correlation matrices based on vines and
    extended onion method", 2009; samples by the onion method.

    Args:
        dim: the size of the matrices, 2 or more.
        concentration: positive; 1 is uniform over correlation matrices.
        validate_args: check parameters and samples.

    Example:
        >>> import chainrule as torch
        >>> torch.distributions.LKJCholesky(3).sample().shape
        torch.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: Any = None) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        shape, dtype = self.concentration.size(), self.concentration.dtype
        # row i: the squared length before the diagonal is beta distributed
        rows = torch.arange(dim - 1, dtype=dtype)
        before = torch.cat([torch.zeros((1,), dtype=dtype), rows])
        last = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(before + 0.5, last.unsqueeze(-1) - 0.5 * before)
        super().__init__(shape, Size((dim, dim)), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(LKJCholesky, _instance)
        new.dim = self.dim
        new._beta = self._beta.expand(Size(batch_shape) + (self.dim,))
        return self._expanded(LKJCholesky, batch_shape, new, "concentration")

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            squared = self._beta.sample(sample_shape).unsqueeze(-1)
            normals = torch.randn(self._extended_shape(sample_shape), dtype=squared.dtype).tril(-1)
            sphere = normals / normals.norm(dim=-1, keepdim=True)
            sphere[..., 0, :].fill_(0.0)
            lower = torch.sqrt(squared) * sphere
            tiny = torch.finfo(lower.dtype).tiny
            diagonal = torch.clamp(1 - torch.sum(lower**2, dim=-1), min=tiny).sqrt()
            return lower + torch.diag_embed(diagonal)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = torch.arange(2, self.dim + 1)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        density = torch.sum(order * diagonal.log(), dim=-1)
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        scale = 0.5 * n * math.log(math.pi) + torch.mvlgamma(alpha - 0.5, n)
        return density - (scale - torch.lgamma(alpha) * n)
