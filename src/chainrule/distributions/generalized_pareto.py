"""The generalised Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

from . import constraints
from ._torch import Tensor, torch
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold: survival (1 + concentration z)^(-1 / concentration) with
    z = (x - loc) / scale, and exp(-z) where the concentration is 0.

    Args:
        loc: the threshold; a number or a tensor.
        scale: positive.
        concentration: the shape; negative ones have a bounded support.
        validate_args: check parameters and samples.

    Example:
        >>> import chainrule as torch
        >>> torch.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
        tensor(2.)
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: Any = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        names = ("loc", "scale", "concentration")
        return self._expanded(GeneralizedPareto, batch_shape, _instance, *names)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _shape(self) -> tuple[Tensor, Tensor]:
        """Where the concentration is 0, and it with 1 in these places."""
        flat = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return flat, torch.where(flat, torch.ones_like(self.concentration), self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        flat, shape = self._shape()
        y = 1 / shape + torch.ones_like(z)
        curved = torch.where(y == 0, y, y * torch.log1p(shape * z))
        return torch.where(flat, -z, -curved) - self.scale.log().expand_as(z)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of a sample above `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        flat, shape = self._shape()
        return torch.where(flat, -z, -torch.log1p(shape * z) / shape)

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of `cdf`."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Tensor) -> Tensor:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        flat, shape = self._shape()
        log_rest = torch.log1p(-value)
        curved = self.loc + self.scale / shape * torch.expm1(-shape * log_rest)
        return torch.where(flat, self.loc - self.scale * log_rest, curved)

    @property
    def mean(self) -> Tensor:
        valid = self.concentration < 1
        shape = torch.where(valid, self.concentration, 0.5)
        return torch.where(valid, self.loc + self.scale / (1 - shape), math.inf)

    @property
    def variance(self) -> Tensor:
        valid = self.concentration < 0.5
        shape = torch.where(valid, self.concentration, 0.25)
        value = self.scale**2 / ((1 - shape) ** 2 * (1 - 2 * shape))
        return torch.where(valid, value, math.inf)

    def entropy(self) -> Tensor:
        return (torch.log(self.scale) + self.concentration + 1).expand(self._batch_shape)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        bound = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, torch.where(self.concentration < 0, bound, math.inf))
