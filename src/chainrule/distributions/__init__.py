"""`torch.distributions`: distributions with samples, densities and gradients.

Lives here: one file a distribution, on the base `distribution`; `constraints` (what values may be),
`transforms` (maps with their Jacobians), `constraint_registry` (from all numbers into a
constraint), `kl` (divergences), `utils`. All is loaded when it is named. Built on public functions
only, which `_torch` finds by name. Who may call: user code.
A sample comes from the generator of `ops/random` and `ops/gamma_draws` and is differentiable
(`rsample`) by the rules of the ops it is made with."""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "Bernoulli": "bernoulli",
    "Beta": "beta",
    "Binomial": "binomial",
    "Categorical": "categorical",
    "Cauchy": "cauchy",
    "Chi2": "chi2",
    "ContinuousBernoulli": "continuous_bernoulli",
    "Dirichlet": "dirichlet",
    "Distribution": "distribution",
    "Exponential": "exponential",
    "ExponentialFamily": "exp_family",
    "FisherSnedecor": "fishersnedecor",
    "Gamma": "gamma",
    "GeneralizedPareto": "generalized_pareto",
    "Geometric": "geometric",
    "Gumbel": "gumbel",
    "HalfCauchy": "half_cauchy",
    "HalfNormal": "half_normal",
    "Independent": "independent",
    "InverseGamma": "inverse_gamma",
    "Kumaraswamy": "kumaraswamy",
    "LKJCholesky": "lkj_cholesky",
    "Laplace": "laplace",
    "LogNormal": "log_normal",
    "LogisticNormal": "logistic_normal",
    "LowRankMultivariateNormal": "lowrank_multivariate_normal",
    "MixtureSameFamily": "mixture_same_family",
    "Multinomial": "multinomial",
    "MultivariateNormal": "multivariate_normal",
    "NegativeBinomial": "negative_binomial",
    "Normal": "normal",
    "OneHotCategorical": "one_hot_categorical",
    "OneHotCategoricalStraightThrough": "one_hot_categorical",
    "Pareto": "pareto",
    "Poisson": "poisson",
    "RelaxedBernoulli": "relaxed_bernoulli",
    "RelaxedOneHotCategorical": "relaxed_categorical",
    "StudentT": "studentT",
    "TransformedDistribution": "transformed_distribution",
    "Uniform": "uniform",
    "VonMises": "von_mises",
    "Weibull": "weibull",
    "Wishart": "wishart",
    "biject_to": "constraint_registry",
    "transform_to": "constraint_registry",
    "kl_divergence": "kl",
    "register_kl": "kl",
}
_PLACES |= dict.fromkeys(
    "AbsTransform AffineTransform CatTransform ComposeTransform CorrCholeskyTransform "
    "CumulativeDistributionTransform ExpTransform IndependentTransform LowerCholeskyTransform "
    "PositiveDefiniteTransform PowerTransform ReshapeTransform SigmoidTransform SoftmaxTransform "
    "SoftplusTransform StackTransform StickBreakingTransform TanhTransform Transform "
    "identity_transform".split(),
    "transforms",
)
_FILES = {*_PLACES.values(), "constraints", "transforms", "utils"}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        found = getattr(importlib.import_module("." + _PLACES[name], __name__), name)
    elif name in _FILES:
        found = importlib.import_module("." + name, __name__)
    else:
        raise AttributeError(f"module 'torch.distributions' has no attribute '{name}'", name=name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_FILES})
