"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.grad_mode import no_grad
from . import constraints
from ._torch import Size, Tensor, torch
from .distribution import Distribution
from .utils import broadcast_all, lazy_property

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Angles: density proportional to exp(concentration cos(x - loc)).

    Samples by rejection from a wrapped Cauchy distribution, in float64.
    Source: Best, Fisher, "Efficient simulation of the von Mises distribution", 1979.

    Args:
        loc: the mean angle in radians; a number or a tensor.
        concentration: positive; broadcast with `loc`.
        validate_args: check parameters and samples.

    Example:
        >>> import chainrule as torch
        >>> d = torch.distributions.VonMises(torch.tensor(0.0), torch.tensor(1.0))
        >>> d.log_prob(torch.tensor(0.0))
        tensor(-1.0738)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Any, concentration: Any, validate_args: Any = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, Size(()), validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        log_i0 = torch.special.i0e(self.concentration).log() + self.concentration
        powers = self.concentration * torch.cos(value - self.loc)
        return powers - math.log(2 * math.pi) - log_i0

    @lazy_property
    def _loc(self) -> Tensor:
        return self.loc.to(torch.float64)

    @lazy_property
    def _concentration(self) -> Tensor:
        return self.concentration.to(torch.float64)

    @lazy_property
    def _proposal_r(self) -> Tensor:
        kappa = self._concentration
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            loc, kappa = self._loc.detach().expand(shape), self._concentration.expand(shape)
            r = self._proposal_r.expand(shape)
            x = torch.zeros(shape, dtype=loc.dtype)
            done = torch.zeros(shape, dtype=torch.bool)
            while not done.all():
                u1, u2, u3 = torch.rand((3,) + shape, dtype=loc.dtype).unbind()
                z = torch.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = ((c * (2 - c) - u2) > 0) | ((c / u2).log() + 1 - c >= 0)
                if accept.any():
                    x = torch.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                    done = done | accept
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(VonMises, _instance)
        new.loc, new.concentration = (
            self.loc.expand(batch_shape), self.concentration.expand(batch_shape)
        )  # fmt: skip
        return self._expanded(VonMises, batch_shape, new)

    @property
    def mean(self) -> Tensor:
        """The circular mean."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance 1 - I_1 / I_0."""
        k = self.concentration
        return 1 - torch.special.i1e(k) / torch.special.i0e(k)
