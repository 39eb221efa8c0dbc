"""Kullback-Leibler divergences between different families.

Each is the mean under p of log p - log q: minus the entropy of p, less the mean of log q, which
needs a few moments of p. Where p reaches outside of q's support it is infinite."""

from __future__ import annotations

import math
from typing import Any

from ._torch import Tensor, torch
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl_registry import infinite_like, register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

# ---------------------------------------------------------------- infinite

_OUTSIDE: dict[Any, tuple[Any, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}
_SHAPED = {
    Beta: "concentration1", ContinuousBernoulli: "probs", Exponential: "rate",
    Gamma: "concentration", Gumbel: "loc", Laplace: "loc", Normal: "loc", Pareto: "scale",
    Poisson: "rate",
}  # fmt: skip


def _never(type_p: Any, type_q: Any) -> None:
    name = _SHAPED[type_p]

    @register_kl(type_p, type_q)
    def infinite(p: Any, q: Any) -> Tensor:
        return infinite_like(getattr(p, name))


for _p, _others in _OUTSIDE.items():
    for _q in _others:
        _never(_p, _q)


def _unless(inside: Tensor, value: Tensor) -> Tensor:
    return torch.where(inside, value, math.inf)


# ---------------------------------------------------------------- means of log q


def _to_normal(q: Any, mean: Tensor, second: Tensor) -> Tensor:
    """Minus the mean of log q from the first two moments."""
    variance = q.scale.pow(2)
    squared = second - 2 * mean * q.loc + q.loc.pow(2)
    return _HALF_LOG_2PI + q.scale.log() + 0.5 * squared / variance


def _to_gamma(q: Any, mean: Tensor, mean_log: Tensor) -> Tensor:
    a = q.concentration
    return -a * q.rate.log() + a.lgamma() - (a - 1) * mean_log + q.rate * mean


def _second(p: Any) -> Tensor:
    return p.variance + p.mean.pow(2)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()


@register_kl(Beta, Exponential)
def _beta_exponential(p: Any, q: Any) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Tensor:
    total = p.concentration1 + p.concentration0
    mean_log = p.concentration1.digamma() - total.digamma()
    return -p.entropy() + _to_gamma(q, p.mean, mean_log)


@register_kl(Beta, Normal)
def _beta_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _to_normal(q, p.mean, _second(p))


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Tensor:
    return _unless((q.low <= 0) & (q.high >= 1), -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p: Any, q: Any) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _to_normal(q, p.mean, _second(p))


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Tensor:
    return _unless((q.low <= 0) & (q.high >= 1), -p.entropy() + (q.high - q.low).log())


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Tensor:
    mean_log = -p.rate.log() - euler_constant
    return -p.entropy() + _to_gamma(q, p.mean, mean_log)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Tensor:
    product, loc = p.rate * q.scale, q.loc / q.scale
    tail = torch.exp(loc) * product / (product + 1)
    return product.log() - 1 - loc + product.reciprocal() + tail


@register_kl(Exponential, Normal)
def _exponential_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _to_normal(q, p.mean, _second(p))


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Any, q: Any) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Tensor:
    product, loc = p.rate * q.scale, q.loc / q.scale
    tail = torch.exp(loc) * (1 + product.reciprocal()).pow(-p.concentration)
    return -p.entropy() + q.scale.log() + p.concentration / product - loc + tail


@register_kl(Gamma, Normal)
def _gamma_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _to_normal(q, p.mean, _second(p))


@register_kl(Gumbel, Normal)
def _gumbel_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _to_normal(q, p.mean, _second(p))


@register_kl(Laplace, Normal)
def _laplace_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + _to_normal(q, p.loc, _second(p))


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Tensor:
    mean, loc = p.loc / q.scale, q.loc / q.scale
    half_variance = 0.5 * (p.scale / q.scale).pow(2)
    return -p.entropy() + q.scale.log() + mean - loc + torch.exp(loc - mean + half_variance)


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Tensor:
    step = p.loc - q.loc
    steps = step / p.scale
    near = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * steps.pow(2))
    distance = near + step * torch.erf(math.sqrt(0.5) * steps)  # the mean of |x - q.loc|
    return -p.entropy() + (2 * q.scale).log() + distance / q.scale


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Tensor:
    a = p.alpha
    kl = -p.entropy() - q.rate.log() + q.rate * a * p.scale / (a - 1)
    return _unless(a > 1, kl)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Tensor:
    a = p.alpha
    mean_log = p.scale.log() + a.reciprocal()
    return _unless(a > 1, -p.entropy() + _to_gamma(q, a * p.scale / (a - 1), mean_log))


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Tensor:
    a = p.alpha
    mean, second = a * p.scale / (a - 1), a * p.scale.pow(2) / (a - 2)
    return _unless(a > 2, -p.entropy() + _to_normal(q, mean, second))


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Tensor:
    a, b, width = q.concentration1, q.concentration0, p.high - p.low

    def primitive(x: Tensor) -> Tensor:
        """The integral of log: x log x - x."""
        return torch.special.xlogy(x, x) - x

    mean_log = (primitive(p.high) - primitive(p.low)) / width
    mean_log_rest = (primitive(1 - p.low) - primitive(1 - p.high)) / width
    scale = a.lgamma() + b.lgamma() - (a + b).lgamma()
    kl = -width.log() - (a - 1) * mean_log - (b - 1) * mean_log_rest + scale
    return _unless((p.high <= 1) & (p.low >= 0), kl)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    kl = -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()
    return _unless((p.high <= 1) & (p.low >= 0), kl)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Tensor:
    kl = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return _unless(p.low >= 0, kl)


def _mean_log(p: Any) -> Tensor:
    """The mean of log x for uniform x."""
    ends = torch.special.xlogy(p.high, p.high) - torch.special.xlogy(p.low, p.low)
    return ends / (p.high - p.low) - 1


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Tensor:
    return _unless(p.low >= 0, -p.entropy() + _to_gamma(q, p.mean, _mean_log(p)))


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Tensor:
    width = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    tail = width * (torch.exp(-low) - torch.exp(-high))
    return width.log() + 0.5 * (high + low) + tail


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    middle = ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    spread = (width.pow(2) / 12 + middle) / (2 * q.scale.pow(2))
    return (math.sqrt(2 * math.pi) * q.scale / width).log() + spread


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Tensor:
    kl = -p.entropy() - q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * _mean_log(p)
    return _unless(p.low >= q.support.lower_bound, kl)
