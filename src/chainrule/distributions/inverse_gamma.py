"""The inverse gamma distribution."""

from __future__ import annotations

import math
from typing import Any

from . import constraints
from ._torch import Tensor, torch
from .gamma import Gamma
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """1 / x of a gamma number x.

    Args:
        concentration: the shape of x, positive; a number or a tensor.
        rate: the rate of x, positive; broadcast with `concentration`.
        validate_args: check parameters and samples.

    Example:
        >>> import chainrule as torch
        >>> torch.distributions.InverseGamma(torch.tensor(3.0), torch.tensor(4.0)).mean
        tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: Any = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        turn = PowerTransform(torch.tensor(-1.0, dtype=base.rate.dtype))
        super().__init__(base, turn, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(InverseGamma, _instance)
        return super().expand(batch_shape, _instance=new)

    @property
    def concentration(self) -> Tensor:
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        value = self.rate / (self.concentration - 1)
        return torch.where(self.concentration > 1, value, math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        value = self.rate.square() / ((a - 1).square() * (a - 2))
        return torch.where(a > 2, value, math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
