"""`ExponentialFamily`: densities h(x) exp(<t(x), theta> - F(theta)), with an entropy by
autograd."""

from __future__ import annotations

from typing import Any

from ..autograd import grad
from ._torch import Tensor
from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """The base of distributions with density h(x) exp(<t(x), theta> - F(theta)).

    A subclass gives the natural parameters theta, the log normaliser F and the mean of log h; the
    entropy then is F - <theta, grad F> - E log h.
    Source: Nielsen, Nock, "Entropies and cross-entropies of exponential families", ICIP 2010.

    Args:
        batch_shape, event_shape, validate_args: as of `Distribution`.

    Example:
        >>> import chainrule as torch
        >>> d = torch.distributions.Exponential(torch.tensor(2.0))
        >>> isinstance(d, torch.distributions.ExponentialFamily)
        True
        >>> torch.isclose(torch.distributions.ExponentialFamily.entropy(d), d.entropy())
        tensor(True)
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy by the derivative of the log normaliser."""
        result = -self._mean_carrier_measure
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        log_normalizer = self._log_normalizer(*natural)
        slopes = grad(log_normalizer.sum(), natural, create_graph=True)
        result = log_normalizer + result
        for theta, slope in zip(natural, slopes, strict=True):
            result = result - (theta * slope).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
