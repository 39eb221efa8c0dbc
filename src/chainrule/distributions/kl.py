"""`kl_divergence(p, q)`: the mean under p of log(p / q), in closed form for registered pairs.

`kl_pairs` has the pairs of different families, this file those of one family and the registry."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import grad
from . import kl_pairs as kl_pairs  # registers the pairs of different families
from ._torch import Tensor, torch
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .kl_registry import kl_divergence, register_kl
from .laplace import Laplace
from .lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    lowrank_log_det,
    lowrank_mahalanobis,
)
from .multivariate_normal import MultivariateNormal, mahalanobis
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import euler_constant, sum_rightmost

__all__ = ["kl_divergence", "register_kl"]


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    one = p.probs * (torch.F.softplus(-q.logits) - torch.F.softplus(-p.logits))
    zero = (1 - p.probs) * (torch.F.softplus(q.logits) - torch.F.softplus(p.logits))
    one = torch.where(q.probs == 0, math.inf, one)
    one = torch.where(p.probs == 0, 0.0, one)
    zero = torch.where(q.probs == 1, math.inf, zero)
    zero = torch.where(p.probs == 1, 0.0, zero)
    return one + zero


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    total_p = p.concentration1 + p.concentration0
    total_q = q.concentration1 + q.concentration0
    scales = (
        q.concentration1.lgamma()
        + q.concentration0.lgamma()
        + total_p.lgamma()
        - (p.concentration1.lgamma() + p.concentration0.lgamma() + total_q.lgamma())
    )
    return (
        scales
        + (p.concentration1 - q.concentration1) * torch.digamma(p.concentration1)
        + (p.concentration0 - q.concentration0) * torch.digamma(p.concentration0)
        + (total_q - total_p) * torch.digamma(total_p)
    )


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return torch.where(p.total_count > q.total_count, math.inf, kl)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    t = p.probs * (p.logits - q.logits)
    t = torch.where((q.probs == 0).expand_as(t), math.inf, t)
    t = torch.where((p.probs == 0).expand_as(t), 0.0, t)
    return t.sum(-1)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Tensor:
    slopes = p.mean * (p.logits - q.logits)
    ours = p._cont_bern_log_norm() + torch.log1p(-p.probs)
    theirs = -q._cont_bern_log_norm() - torch.log1p(-q.probs)
    return slopes + ours + theirs


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    total_p, total_q = p.concentration.sum(-1), q.concentration.sum(-1)
    scales = total_p.lgamma() - total_q.lgamma()
    scales = scales - (p.concentration.lgamma() - q.concentration.lgamma()).sum(-1)
    mean_log = p.concentration.digamma() - total_p.digamma().unsqueeze(-1)
    return scales + ((p.concentration - q.concentration) * mean_log).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Tensor:
    """The Bregman divergence of the log normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed "
            "using Bregman divergences"
        )
    natural_p = [n.detach().requires_grad_() for n in p._natural_params]
    log_normalizer = p._log_normalizer(*natural_p)
    slopes = grad(log_normalizer.sum(), natural_p, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - log_normalizer
    for a, b, slope in zip(natural_p, q._natural_params, slopes, strict=True):
        result = result - sum_rightmost((b - a) * slope, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    return (
        q.concentration * (p.rate / q.rate).log()
        + torch.lgamma(q.concentration)
        - torch.lgamma(p.concentration)
        + (p.concentration - q.concentration) * torch.digamma(p.concentration)
        + (q.rate - p.rate) * (p.concentration / p.rate)
    )


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio, loc_p, loc_q = p.scale / q.scale, p.loc / q.scale, q.loc / q.scale
    below = loc_q - loc_p
    tail = torch.exp(below + (1 + ratio).lgamma()) - (1 + euler_constant)
    return -below - ratio.log() + ratio * euler_constant + tail


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * torch.exp(-distance / p.scale) - 1


def _trace_of_solved(lower: Tensor, root: Tensor) -> Tensor:
    """trace((L L^T)^-1 R R^T)."""
    lead = torch.broadcast_shapes(lower.shape[:-2], root.shape[:-2])
    lower, root = (m.expand(lead + m.shape[-2:]) for m in (lower, root))
    return torch.linalg.solve_triangular(lower, root, upper=False).pow(2).sum((-2, -1))


def _half_log_det(lower: Tensor) -> Tensor:
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _same_event(p: Any, q: Any, what: str) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {what} with different event shapes cannot be computed"
        )


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank_lowrank(p: Any, q: Any) -> Tensor:
    _same_event(p, q, "Low Rank Multivariate Normals")
    return _normal_to_lowrank(p, q, _log_det(p), _roots(p))


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_lowrank(p: Any, q: Any) -> Tensor:
    _same_event(p, q, "(Low Rank) Multivariate Normals")
    return _normal_to_lowrank(p, q, _log_det(p), _roots(p))


def _log_det(p: Any) -> Tensor:
    if isinstance(p, MultivariateNormal):
        return 2 * _half_log_det(p._unbroadcasted_scale_tril)
    return lowrank_log_det(p._unbroadcasted_cov_diag, p._capacitance_tril)


def _roots(p: Any) -> list[Tensor]:
    """Matrices whose R R^T sum to the covariance."""
    if isinstance(p, MultivariateNormal):
        return [p._unbroadcasted_scale_tril]
    diagonal = torch.diag_embed(p._unbroadcasted_cov_diag.sqrt())
    return [p._unbroadcasted_cov_factor, diagonal]


def _normal_to_lowrank(p: Any, q: Any, log_det: Tensor, roots: list[Tensor]) -> Tensor:
    factor, diagonal = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
    distance = lowrank_mahalanobis(factor, diagonal, q.loc - p.loc, q._capacitance_tril)
    weighed = factor.mT / diagonal.unsqueeze(-2)
    trace = 0.0
    for root in roots:  # trace(Sigma_q^-1 R R^T) by Woodbury
        plain = (root.pow(2) / diagonal.unsqueeze(-1)).sum((-2, -1))
        trace = trace + plain - _trace_of_solved(q._capacitance_tril, weighed @ root)
    log_det_q = lowrank_log_det(diagonal, q._capacitance_tril)
    return 0.5 * (log_det_q - log_det + trace + distance - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_full(p: Any, q: Any) -> Tensor:
    _same_event(p, q, "(Low Rank) Multivariate Normals")
    return _normal_to_full(p, q)


@register_kl(MultivariateNormal, MultivariateNormal)
def _full_full(p: Any, q: Any) -> Tensor:
    _same_event(p, q, "Multivariate Normals")
    return _normal_to_full(p, q)


def _normal_to_full(p: Any, q: Any) -> Tensor:
    lower = q._unbroadcasted_scale_tril
    trace: Any = 0.0
    for root in _roots(p):
        trace = trace + _trace_of_solved(lower, root)
    distance = mahalanobis(lower, q.loc - p.loc)
    return 0.5 * (2 * _half_log_det(lower) - _log_det(p) + trace + distance - p.event_shape[0])


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return torch.where(p.support.lower_bound < q.support.lower_bound, math.inf, kl)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    return torch.where((q.low > p.low) | (q.high < p.high), math.inf, kl)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    """Source: Chyzak, Nielsen, "A closed-form formula for the KL divergence between Cauchy
    distributions", 2019."""
    squared = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return squared.log() - (4 * p.scale * q.scale).log()
