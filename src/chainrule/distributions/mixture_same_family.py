"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

from ..autograd.grad_mode import no_grad
from . import constraints
from ._torch import Size, Tensor, torch
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """One of k components, chosen with given probabilities.

    Args:
        mixture_distribution: a `Categorical` over k, which chooses.
        component_distribution: k distributions along the last batch dimension.
        validate_args: check samples.

    Example:
        >>> import chainrule as torch
        >>> D = torch.distributions
        >>> choice = D.Categorical(torch.tensor([0.25, 0.75]))
        >>> D.MixtureSameFamily(choice, D.Normal(torch.tensor([0.0, 4.0]), 1.0)).mean
        tensor(3.)
    """

    arg_constraints: dict[str, Any] = {}
    has_rsample = False

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: Any = None
    ) -> None:
        mixture, component = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of "
                "torch.distributions.Categorical"
            )
        if not isinstance(component, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "torch.distributions.Distribution"
            )
        ours, theirs = mixture.batch_shape, component.batch_shape[:-1]
        for a, b in zip(reversed(ours), reversed(theirs), strict=False):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({ours}) is not compatible with "
                    f"`component_distribution.batch_shape`({theirs})"
                )
        count, given = mixture.logits.shape[-1], component.batch_shape[-1]
        if count != given:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({given})"
            )
        self._mixture_distribution, self._component_distribution = mixture, component
        self._num_component = count
        self._event_ndims = len(component.event_shape)
        super().__init__(theirs, component.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        batch_shape = Size(batch_shape)
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._component_distribution = self._component_distribution.expand(
            batch_shape + (self._num_component,)
        )
        new._num_component, new._event_ndims = self._num_component, self._event_ndims
        return self._expanded(MixtureSameFamily, batch_shape, new)

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """What chooses."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """What is chosen from."""
        return self._component_distribution

    @property
    def _weights(self) -> Tensor:
        """The probabilities of the components, shaped to go with their means."""
        probs = self.mixture_distribution.probs
        return probs.reshape(probs.shape + (1,) * self._event_ndims)

    def _averaged(self, value: Tensor) -> Tensor:
        return torch.sum(self._weights * value, dim=-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return self._averaged(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        within = self._averaged(self.component_distribution.variance)
        away = self.component_distribution.mean - self._pad(self.mean)
        return within + self._averaged(away.pow(2.0))

    def cdf(self, x: Tensor) -> Tensor:
        each = self.component_distribution.cdf(self._pad(x))
        return torch.sum(each * self.mixture_distribution.probs, dim=-1)

    def log_prob(self, x: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(x)
        each = self.component_distribution.log_prob(self._pad(x))
        choice = torch.log_softmax(self.mixture_distribution.logits, dim=-1)
        return torch.logsumexp(each + choice, dim=-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            dim = len(sample_shape) + len(self._batch_shape)
            chosen = self.mixture_distribution.sample(sample_shape)
            each = self.component_distribution.sample(sample_shape)
            ones = (1,) * (self._event_ndims + 1)
            place = chosen.reshape(chosen.shape + ones)
            place = place.expand(chosen.shape + (1,) + self._event_shape)
            if place.shape[:dim] != each.shape[:dim]:
                place = place.expand(each.shape[:dim] + (1,) + self._event_shape)
            return torch.gather(each, dim, place).squeeze(dim)

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    def __repr__(self) -> str:
        inside = f"{self.mixture_distribution},\n  {self.component_distribution}"
        return f"MixtureSameFamily(\n  {inside})"
