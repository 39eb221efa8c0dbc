"""Questions about distributions that PyTorch and chainrule are asked alike: `answers(torch)`.

Every answer is plain data for JSON; `record_distributions.py` keeps PyTorch's."""

from __future__ import annotations

import math
import warnings
from typing import Any

# The parameters of every distribution; a Python int stays one, all else becomes a tensor.
CASES: dict[str, list[dict[str, Any]]] = {
    "Normal": [{"loc": [0.5, -1.0], "scale": [[0.3], [2.0]]}, {"loc": 0.2, "scale": 1.5}],
    "Bernoulli": [{"probs": [0.2, 0.7]}, {"logits": [[-1.0, 0.0, 2.0]]}, {"probs": 0.3}],
    "Beta": [
        {"concentration1": [0.5, 2.0, 30.0], "concentration0": [3.0, 0.7, 20.0]},
        {"concentration1": 2.0, "concentration0": 3.0},
    ],
    "Binomial": [
        {"total_count": [3.0, 40.0], "probs": [0.3, 0.6]},
        {"total_count": 7, "logits": [-0.5, 1.0]},
    ],
    "Categorical": [{"probs": [[0.2, 0.5, 0.3], [1.0, 2.0, 3.0]]}, {"logits": [0.3, -1.0, 2.0]}],
    "Cauchy": [{"loc": [0.5, -1.0], "scale": [0.3, 2.0]}, {"loc": 0.0, "scale": 1.0}],
    "Chi2": [{"df": [0.5, 3.0, 12.0]}, {"df": 2.0}],
    "ContinuousBernoulli": [{"probs": [0.2, 0.5, 0.9]}, {"logits": [-1.0, 0.001, 2.0]}],
    "Dirichlet": [
        {"concentration": [[0.4, 2.0, 5.0], [1.0, 1.0, 1.0]]},
        {"concentration": [3.0, 0.5]},
    ],
    "Exponential": [{"rate": [0.5, 3.0]}, {"rate": 2.0}],
    "FisherSnedecor": [{"df1": [1.5, 6.0], "df2": [5.0, 9.0]}],
    "Gamma": [
        {"concentration": [0.3, 2.0, 50.0], "rate": [1.0, 0.5, 3.0]},
        {"concentration": 1.5, "rate": 2.0},
    ],
    "GeneralizedPareto": [
        {"loc": [0.0, 1.0, 0.0], "scale": [1.0, 2.0, 1.5], "concentration": [0.3, -0.4, 0.0]}
    ],
    "Geometric": [{"probs": [0.2, 0.9]}, {"logits": [-1.0, 1.0]}],
    "Gumbel": [{"loc": [0.5, -1.0], "scale": [0.3, 2.0]}],
    "HalfCauchy": [{"scale": [0.5, 2.0]}],
    "HalfNormal": [{"scale": [0.5, 2.0]}],
    "InverseGamma": [{"concentration": [0.7, 3.0, 2.5], "rate": [1.0, 0.5, 2.0]}],
    "Kumaraswamy": [{"concentration1": [0.7, 3.0], "concentration0": [2.0, 0.5]}],
    "LKJCholesky": [{"dim": 3, "concentration": [0.5, 2.0]}, {"dim": 2, "concentration": 1.0}],
    "Laplace": [{"loc": [0.5, -1.0], "scale": [0.3, 2.0]}],
    "LogNormal": [{"loc": [0.5, -1.0], "scale": [0.3, 1.0]}],
    "LogisticNormal": [{"loc": [[0.5, -1.0], [0.0, 0.2]], "scale": [0.3, 1.0]}],
    "LowRankMultivariateNormal": [
        {
            "loc": [0.5, -1.0, 0.0],
            "cov_factor": [[1.0, 0.2], [0.3, -0.5], [0.0, 1.0]],
            "cov_diag": [0.5, 1.0, 2.0],
        },
        {"loc": [[0.5, -1.0], [0.0, 1.0]], "cov_factor": [[1.0], [0.3]], "cov_diag": [0.5, 1.0]},
    ],
    "Multinomial": [
        {"total_count": 6, "probs": [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]},
        {"total_count": 3, "logits": [0.2, -1.0]},
    ],
    "MultivariateNormal": [
        {"loc": [0.5, -1.0], "covariance_matrix": [[2.0, 0.3], [0.3, 1.0]]},
        {"loc": [[0.5, -1.0], [1.0, 0.0]], "precision_matrix": [[2.0, 0.3], [0.3, 1.0]]},
        {"loc": [0.5, -1.0], "scale_tril": [[[2.0, 0.0], [0.3, 1.0]], [[1.0, 0.0], [-0.3, 0.5]]]},
    ],
    "NegativeBinomial": [
        {"total_count": [3.0, 1.5], "probs": [0.3, 0.6]},
        {"total_count": 4.0, "logits": [0.2, -1.0]},
    ],
    "OneHotCategorical": [{"probs": [[0.2, 0.5, 0.3], [1.0, 2.0, 3.0]]}],
    "OneHotCategoricalStraightThrough": [{"logits": [0.2, 0.5, 0.3]}],
    "Pareto": [{"scale": [0.5, 1.0], "alpha": [3.0, 1.5]}],
    "Poisson": [{"rate": [0.5, 4.0, 30.0]}],
    "RelaxedBernoulli": [
        {"temperature": [0.7], "probs": [0.2, 0.6]},
        {"temperature": [2.0], "logits": [0.2, -0.6]},
    ],
    "RelaxedOneHotCategorical": [
        {"temperature": [0.7], "probs": [[0.2, 0.5, 0.3], [1.0, 2.0, 3.0]]}
    ],
    "StudentT": [{"df": [3.0, 0.8, 1.5], "loc": [0.0, 1.0, 2.0], "scale": [1.0, 0.5, 2.0]}],
    "Uniform": [{"low": [0.0, -1.0], "high": [1.0, 3.0]}],
    "VonMises": [{"loc": [0.0, 2.0], "concentration": [0.5, 4.0]}],
    "Weibull": [{"scale": [0.5, 1.0], "concentration": [3.0, 1.5]}],
    "Wishart": [
        {"df": [3.0, 5.0], "covariance_matrix": [[2.0, 0.3], [0.3, 1.0]]},
        {"df": 4.0, "scale_tril": [[1.0, 0.0, 0.0], [0.2, 1.5, 0.0], [-0.3, 0.1, 0.7]]},
        {"df": 4.0, "precision_matrix": [[2.0, 0.3], [0.3, 1.0]]},
    ],
}

# Evaluated with t = torch.tensor; their repr, or the error and its first lines.
EXPRESSIONS = [
    "N(t([0.,1.]),t([1.,-1.]))",
    "N(0.,-1.)",
    "N(t([0.,1.,2.]),t([1.,1.]))",
    "N(0,1).log_prob('a')",
    "N(0.,1.).log_prob(1.0)",
    "N(t([0.,1.]),1.).log_prob(t([0.,1.,2.]))",
    "N(t([0.,1.]),1.).log_prob(t([0.,math.nan]))",
    "D.Bernoulli(t([.5])).log_prob(t([0.5]))",
    "D.Bernoulli()",
    "D.Bernoulli(.5,.5)",
    "D.Bernoulli('x')",
    "D.Categorical()",
    "D.Categorical(t(.5))",
    "D.Categorical(logits=t(.5))",
    "D.Categorical(t([.5,-.5]))",
    "D.Categorical(t([.5,.5])).log_prob(t(3))",
    "D.Categorical(t([.5,.5])).log_prob(t([0.5]))",
    "D.Uniform(1.,0.)",
    "D.Uniform(0.,1.).log_prob(t(2.))",
    "D.Uniform(0.,1.).log_prob(t(1.))",
    "D.Dirichlet(t(.5))",
    "D.Dirichlet(t([.5,-1]))",
    "D.Dirichlet(t([.5,1])).log_prob(t([.5,.6]))",
    "D.Multinomial(1.5,t([.5,.5]))",
    "D.Multinomial(t([1,2]),t([.5,.5]))",
    "D.Multinomial(3,t([.5,.5])).log_prob(t([1.,1.]))",
    "D.Multinomial(3,t([.5,.5])).entropy()",
    "D.Binomial(3)",
    "D.Binomial(t([2,3]),t([.5,.5])).enumerate_support()",
    "D.MultivariateNormal(t(0.),torch.eye(1))",
    "D.MultivariateNormal(torch.zeros(2))",
    "D.MultivariateNormal(torch.zeros(2),torch.zeros(2))",
    "D.MultivariateNormal(torch.zeros(2),scale_tril=torch.zeros(2))",
    "D.MultivariateNormal(torch.zeros(2),precision_matrix=torch.zeros(2))",
    "D.MultivariateNormal(torch.zeros(2),torch.zeros(2,2))",
    "D.MultivariateNormal(torch.zeros(3),torch.eye(2))",
    "D.LowRankMultivariateNormal(t(0.),torch.zeros(2,1),torch.ones(2))",
    "D.LowRankMultivariateNormal(torch.zeros(2),torch.zeros(2),torch.ones(2))",
    "D.LowRankMultivariateNormal(torch.zeros(2),torch.zeros(3,1),torch.ones(2))",
    "D.LowRankMultivariateNormal(torch.zeros(2),torch.zeros(2,1),torch.ones(3))",
    "D.LowRankMultivariateNormal(torch.zeros(2),torch.zeros(2,1),t(1.))",
    "D.LKJCholesky(1)",
    "D.LKJCholesky(3,-1.)",
    "D.Wishart(t(1.),torch.eye(2))",
    "D.Wishart(t(0.5),torch.eye(2))",
    "D.Wishart(t(3.))",
    "D.Wishart(t(3.),torch.eye(2)[0])",
    "D.Wishart('a',torch.eye(2))",
    "D.Independent(N(0.,1.),1)",
    "D.Independent(N(torch.zeros(2,3),1.),1)",
    "D.MixtureSameFamily(N(0.,1.),N(0.,1.))",
    "D.MixtureSameFamily(D.Categorical(torch.ones(3)),3)",
    "D.MixtureSameFamily(D.Categorical(torch.ones(3)),N(torch.zeros(2),1.))",
    "D.MixtureSameFamily(D.Categorical(torch.ones(2,3)),N(torch.zeros(4,3),1.))",
    "D.MixtureSameFamily(D.Categorical(torch.ones(3)),N(torch.zeros(3),1.))",
    "D.TransformedDistribution(N(0.,1.),3)",
    "D.TransformedDistribution(N(0.,1.),[3])",
    "D.TransformedDistribution(N(0.,1.),D.StickBreakingTransform())",
    "D.TransformedDistribution(N(torch.zeros(2),1.),D.StickBreakingTransform())",
    "D.TransformedDistribution(N(torch.zeros(2),1.),D.StickBreakingTransform()).event_shape",
    "D.kl_divergence(N(0.,1.),D.Gamma(1.,1.))",
    "D.kl_divergence(N(0.,1.),D.Cauchy(1.,1.))",
    "D.kl_divergence(D.Independent(N(torch.zeros(2),1.),1),D.Independent(N(torch.zeros(2),1.),0))",
    "D.register_kl(1,2)",
    "N(0.,1.).enumerate_support()",
    "D.Distribution(validate_args=False).log_prob(1)",
    "D.Distribution(validate_args=False).support",
    "D.Distribution(validate_args=False).mode",
    "D.Distribution(validate_args=False).expand((2,))",
    "D.Poisson(t(1.)).entropy()",
    "D.Poisson(t(1.)).rsample()",
    "D.Beta(t([1.,2.]),3.).cdf(t(.5))",
    "D.Distribution.set_default_validate_args(3)",
    "D.Geometric(t([0.,.5]))",
    "D.Geometric(t([0.,.5]),validate_args=False)",
    "D.Geometric()",
    "D.NegativeBinomial(3.)",
    "D.NegativeBinomial(3.,t([1.]))",
    "D.ContinuousBernoulli()",
    "D.ContinuousBernoulli(.5,lims=(.6,.7))",
    "D.RelaxedBernoulli(t(1.))",
    "D.RelaxedBernoulli(t(1.),.5)",
    "D.RelaxedOneHotCategorical(t(1.),t([.5,.5]))",
    "D.OneHotCategorical(t([.5,.5])).log_prob(t([1.,1.]))",
    "D.utils.broadcast_all(1,'a')",
    "D.utils.broadcast_all(1,2)",
    "D.GeneralizedPareto(0.,1.,.1)",
    "D.VonMises(t(0.),t(1.))",
    "D.MultivariateNormal(torch.zeros(2),torch.eye(2))",
    "D.Wishart(t(3.),torch.eye(2))",
    "D.LKJCholesky(3)",
    "D.Chi2(3.)",
    "D.StudentT(3.)",
    "D.OneHotCategorical(t([.5,.5]))",
    "D.OneHotCategoricalStraightThrough(logits=t([.5,.5]))",
    "D.Binomial(3,t([.5,.5]))",
    "D.Multinomial(3,t([.5,.5]))",
    "D.LogNormal(0.,1.)",
    "D.LogisticNormal(t([0.]),t([1.]))",
    "D.Gumbel(0.,1.)",
    "D.HalfCauchy(1.)",
    "D.Pareto(1.,2.)",
    "D.Weibull(1.,2.)",
    "D.InverseGamma(1.,2.)",
    "D.Kumaraswamy(1.,2.)",
    "D.Beta(1.,2.)",
    "D.Dirichlet(t([1.,2.]))",
    "D.FisherSnedecor(1.,2.)",
    "D.Uniform(1.,2.)",
    "D.Poisson(2.)",
    "D.Geometric(.5)",
    "D.LowRankMultivariateNormal(torch.zeros(2),torch.zeros(2,1),torch.ones(2))",
    "D.Normal(t([1,2]),t([1,2])).loc.dtype",
    "D.Bernoulli(1)",
    "D.Beta(1,2).concentration1",
    "D.Gamma(1,2).concentration",
    "D.Normal(0,1).loc",
    "T.Transform(2)",
    "T.Transform()",
    "T.ExpTransform(cache_size=2)",
    "T.AbsTransform().sign",
    "T.SoftmaxTransform().log_abs_det_jacobian(t([1.]),t([1.]))",
    "T.AbsTransform().log_abs_det_jacobian(t([1.]),t([1.]))",
    "T.ReshapeTransform((2,3),(4,))",
    "T.ReshapeTransform((2,3),(6,)).forward_shape((4,))",
    "T.ReshapeTransform((2,3),(6,)).forward_shape((4,5))",
    "T.ReshapeTransform((2,3),(6,)).inverse_shape((5,))",
    "T.ReshapeTransform((2,3),(6,)).inverse_shape(())",
    "T.IndependentTransform(T.ExpTransform(),2).forward_shape((4,))",
    "T.IndependentTransform(T.ExpTransform(),2)(t([1.]))",
    "T.SoftmaxTransform().forward_shape(())",
    "T.StickBreakingTransform().forward_shape(())",
    "T.StickBreakingTransform().inverse_shape(())",
    "T.CorrCholeskyTransform().forward_shape((4,))",
    "T.CorrCholeskyTransform().forward_shape(())",
    "T.CorrCholeskyTransform().inverse_shape((3,))",
    "T.CorrCholeskyTransform().inverse_shape((3,2))",
    "T.ComposeTransform([T.ExpTransform()])==T.ComposeTransform([T.ExpTransform()])",
    "T.AffineTransform(0.,1.)==T.AffineTransform(0,1)",
    "T.ExpTransform().inv==T.ExpTransform().inv",
    "T.PowerTransform(t(2.))==T.PowerTransform(t(2.))",
    "T.SoftmaxTransform().inv.inv",
    "T.TanhTransform().domain",
    "T.TanhTransform().inv.domain",
    "T.CatTransform([T.ExpTransform(),T.ExpTransform()],dim=0,lengths=[1,1])(t([1.,2.,3.]))",
    "T.CatTransform([3])",
    "T.StackTransform([T.ExpTransform()])(t([1.,2.]))",
    "D.biject_to(C.real)",
    "D.biject_to(C.positive)",
    "D.biject_to(C.interval(1,3))",
    "D.biject_to(C.unit_interval)",
    "D.biject_to(C.less_than(3))",
    "D.biject_to(C.simplex)",
    "D.biject_to(C.corr_cholesky)",
    "D.biject_to(C.lower_cholesky)",
    "D.biject_to(C.boolean)",
    "D.biject_to(C.real_vector)",
    "D.biject_to(C.independent(C.positive,1))",
    "D.biject_to(C.half_open_interval(0,1))",
    "D.biject_to(C.cat([C.positive,C.real]))",
    "D.biject_to(C.stack([C.positive,C.real]))",
    "D.biject_to(C.greater_than(2))",
    "D.biject_to(C.greater_than_eq(2))",
    "D.transform_to(C.simplex)",
    "D.transform_to(C.lower_cholesky)",
    "D.transform_to(C.positive_definite)",
    "D.transform_to(C.positive_semidefinite)",
    "D.transform_to(C.corr_cholesky)",
    "D.transform_to(C.boolean)",
    "D.transform_to(C.symmetric)",
    "D.biject_to(3)",
    "C.dependent.check(1)",
    "C.dependent.event_dim",
    "C.dependent.is_discrete",
    "C.is_dependent(C.dependent)",
    "C.Constraint().check(1)",
    "C.independent(C.real,1).check(t(1.))",
    "C.cat([3])",
]


def described(t: Any) -> Any:
    """dtype, shape and numbers of a tensor."""
    numbers = [float(f"{float(x):.12g}") for x in t.detach().reshape(-1).tolist()]
    return {"dtype": str(t.dtype).rpartition(".")[2], "shape": list(t.shape), "numbers": numbers}


def attempt(ask: Any) -> Any:
    try:
        return ask()
    except Exception as error:  # the error is the answer
        text = str(error).replace("chainrule.", "torch.").partition("\n")[0]
        return f"{type(error).__name__}: {' '.join(text.split())}"


def gradients(torch: Any, out: Any, leaves: dict[str, Any]) -> Any:
    """The value, and the gradients of a weighed sum of it."""
    if not out.requires_grad:
        return [described(out)]
    weights = torch.arange(1, out.numel() + 1, dtype=out.dtype).reshape(out.shape)
    found = torch.autograd.grad(
        (out * weights).sum(), list(leaves.values()), allow_unused=True, retain_graph=True
    )
    pairs = zip(leaves, found, strict=True)
    return [described(out), {k: None if g is None else described(g) for k, g in pairs}]


def made(torch: Any, name: str, parameters: dict[str, Any], dtype: Any) -> tuple[Any, Any]:
    leaves = {
        k: v if isinstance(v, int) else torch.tensor(v, dtype=dtype, requires_grad=True)
        for k, v in parameters.items()
    }
    return getattr(torch.distributions, name)(**leaves), {
        k: v for k, v in leaves.items() if not isinstance(v, int)
    }


def drawn(torch: Any, d: Any) -> dict[str, Any]:
    """Samples after a seed, and where the generator stands then."""
    found = {}
    for shape in ((), (3,), (2, 2)):
        torch.manual_seed(7)
        found[str(shape)] = [described(d.sample(shape)), described(torch.rand(2))]
    return found


def answers_of(torch: Any, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    d, leaves = made(torch, name, parameters, torch.float64)
    torch.manual_seed(7)
    x = d.sample((3,))
    q = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    q = q.reshape((3,) + (1,) * len(d.batch_shape))

    def again() -> Any:
        torch.manual_seed(7)
        return d.rsample((3,))

    def by_value() -> Any:
        y = x.detach().clone().requires_grad_()
        return described(torch.autograd.grad(d.log_prob(y).sum(), [y], retain_graph=True)[0])

    asked: dict[str, Any] = {
        "rsample": again,
        "log_prob": lambda: d.log_prob(x),
        "cdf": lambda: d.cdf(x),
        "icdf": lambda: d.icdf(q),
        "entropy": lambda: d.entropy(),
        "perplexity": lambda: d.perplexity(),
    }
    for each in ("mean", "mode", "variance", "stddev"):
        asked[each] = lambda each=each: getattr(d, each)
    for each in ("covariance_matrix", "precision_matrix", "scale_tril"):
        if hasattr(type(d), each):
            asked[each] = lambda each=each: getattr(d, each)
    found = {k: attempt(lambda f=f: gradients(torch, f(), leaves)) for k, f in asked.items()}
    if x.is_floating_point() and not d.support.is_discrete:
        found["log_prob_x"] = attempt(by_value)
    if d.has_enumerate_support:
        found["support"] = [attempt(lambda e=e: described(d.enumerate_support(e))) for e in (1, 0)]
    found["samples"] = drawn(torch, d)
    found["samples32"] = drawn(torch, made(torch, name, parameters, torch.float32)[0])
    found["words"] = [
        repr(made(torch, name, parameters, torch.float64)[0]), list(d.batch_shape),
        list(d.event_shape), bool(d.has_rsample), bool(d.has_enumerate_support),
    ]  # fmt: skip
    found["expanded"] = expanded(torch, d.expand((2, *d.batch_shape)))
    return found


def expanded(torch: Any, d: Any) -> list[Any]:
    torch.manual_seed(3)
    x = attempt(d.sample)
    asked = (lambda: x, lambda: d.log_prob(x), lambda: d.mean, lambda: d.variance)
    return [repr(d), list(d.batch_shape)] + [attempt(lambda f=f: described(f())) for f in asked]


def pairs(torch: Any) -> dict[str, list[Any]]:
    """Distributions of each family. Long because: it is a table."""
    D = torch.distributions

    def t(v: Any) -> Any:
        return torch.tensor(v, dtype=torch.float64, requires_grad=True)

    return {
        "Bernoulli": [D.Bernoulli(t([0.2, 0.7])), D.Bernoulli(t([0.5, 0.1]))],
        "Beta": [D.Beta(t([0.5, 2.0]), t([3.0, 1.0])), D.Beta(t([1.5, 2.0]), t([0.3, 1.0]))],
        "Binomial": [
            D.Binomial(5, t([0.2, 0.7])),
            D.Binomial(5, t([0.3, 0.6])),
            D.Binomial(4, t([0.3, 0.6])),
        ],
        "Categorical": [
            D.Categorical(t([[0.2, 0.8], [0.5, 0.5]])),
            D.Categorical(t([[0.2, 0.8], [0.1, 0.9]])),
        ],
        "Cauchy": [D.Cauchy(t([0.0, 1.0]), t([1.0, 2.0])), D.Cauchy(t([0.5, 1.0]), t([1.5, 2.0]))],
        "ContinuousBernoulli": [
            D.ContinuousBernoulli(t([0.2, 0.7])),
            D.ContinuousBernoulli(t([0.5, 0.1])),
        ],
        "Dirichlet": [
            D.Dirichlet(t([[0.2, 0.8], [0.5, 0.5]])),
            D.Dirichlet(t([[2.0, 0.8], [1.0, 3.0]])),
        ],
        "Exponential": [D.Exponential(t([0.5, 2.0])), D.Exponential(t([1.5, 2.5]))],
        "Gamma": [D.Gamma(t([0.5, 2.0]), t([1.0, 0.3])), D.Gamma(t([1.5, 2.0]), t([2.0, 0.3]))],
        "Gumbel": [D.Gumbel(t([0.5, -2.0]), t([1.0, 0.3])), D.Gumbel(t([1.5, 2.0]), t([2.0, 0.7]))],
        "Geometric": [D.Geometric(t([0.2, 0.7])), D.Geometric(t([0.5, 0.1]))],
        "HalfNormal": [D.HalfNormal(t([0.2, 0.7])), D.HalfNormal(t([0.5, 0.1]))],
        "Laplace": [
            D.Laplace(t([0.5, -2.0]), t([1.0, 0.3])),
            D.Laplace(t([1.5, 2.0]), t([2.0, 0.7])),
        ],
        "LR": [
            D.LowRankMultivariateNormal(
                t([[0.5, -2.0], [0.0, 1.0]]), t([[1.0], [0.5]]), t([1.0, 0.3])
            ),
            D.LowRankMultivariateNormal(t([0.1, -2.0]), t([[1.0], [-0.5]]), t([2.0, 0.3])),
        ],
        "MVN": [
            D.MultivariateNormal(t([[0.5, -2.0], [0.0, 1.0]]), t([[1.0, 0.2], [0.2, 0.5]])),
            D.MultivariateNormal(t([0.1, -2.0]), t([[2.0, -0.2], [-0.2, 0.5]])),
        ],
        "Normal": [D.Normal(t([0.5, -2.0]), t([1.0, 0.3])), D.Normal(t([1.5, 2.0]), t([2.0, 0.7]))],
        "OneHot": [
            D.OneHotCategorical(t([[0.2, 0.8], [0.5, 0.5]])),
            D.OneHotCategorical(t([[0.2, 0.8], [0.1, 0.9]])),
        ],
        "Pareto": [D.Pareto(t([1.0, 2.0]), t([3.0, 1.5])), D.Pareto(t([0.5, 2.5]), t([2.5, 1.5]))],
        "Poisson": [D.Poisson(t([1.0, 2.0])), D.Poisson(t([3.0, 2.5]))],
        "LogNormal": [
            D.LogNormal(t([0.5, -2.0]), t([1.0, 0.3])),
            D.LogNormal(t([1.5, 2.0]), t([2.0, 0.7])),
        ],
        "Uniform": [
            D.Uniform(t([0.1, 0.2]), t([0.4, 0.9])),
            D.Uniform(t([-0.1, 0.3]), t([1.4, 1.9])),
        ],
        "Indep": [
            D.Independent(D.Normal(t([0.5, -2.0]), t([1.0, 0.3])), 1),
            D.Independent(D.Normal(t([1.5, 2.0]), t([2.0, 0.7])), 1),
        ],
        "Wishart": [
            D.Wishart(t(3.0), t([[1.0, 0.2], [0.2, 0.5]])),
            D.Wishart(t(4.0), t([[2.0, 0.2], [0.2, 0.5]])),
        ],
        "Chi2": [D.Chi2(t([1.0, 2.0])), D.Chi2(t([3.0, 2.5]))],
        "StudentT": [D.StudentT(t([3.0]))],
        "Weibull": [D.Weibull(t([1.0]), t([2.0]))],
    }


def divergences(torch: Any) -> dict[str, Any]:
    """KL of every pair."""
    D, pool = torch.distributions, pairs(torch)
    flat = [(f"{k}{i}", d) for k, ds in pool.items() for i, d in enumerate(ds)]
    return {
        f"{a} {b}": attempt(lambda p=p, q=q: described(D.kl_divergence(p, q)))
        for a, p in flat
        for b, q in flat
    }


def mixtures(torch: Any) -> dict[str, Any]:
    D = torch.distributions

    def t(v: Any) -> Any:
        return torch.tensor(v, dtype=torch.float64)

    one = D.MixtureSameFamily(D.Categorical(t([0.3, 0.7])), D.Normal(t([0.0, 2.0]), t([1.0, 0.5])))
    means = t([[[0.0, 2.0], [1.0, 1.0]], [[0.0, 1.0], [2.0, 2.0]]])
    inner = D.MultivariateNormal(means, t([[1.0, 0.2], [0.2, 0.5]]))
    two = D.MixtureSameFamily(D.Categorical(t([[0.3, 0.7], [0.5, 0.5]])), inner)
    each = {"one": one, "two": two, "wide": one.expand((3,))}
    return {name: of_mixture(torch, d) for name, d in each.items()}


def of_mixture(torch: Any, d: Any) -> list[Any]:
    torch.manual_seed(5)
    x = d.sample((4,))
    asked = (
        lambda: x, lambda: d.log_prob(x), lambda: d.mean, lambda: d.variance, lambda: d.cdf(x)
    )  # fmt: skip
    return [repr(d), *(attempt(lambda f=f: described(f())) for f in asked)]


def transforms(torch: Any) -> dict[str, Any]:
    D, T, C = torch.distributions, torch.distributions.transforms, torch.distributions.constraints

    def t(v: Any) -> Any:
        return torch.tensor(v, dtype=torch.float64)

    maps = {
        "exp": T.ExpTransform(),
        "power": T.PowerTransform(t([2.0, 0.5, -1.0])),
        "sigmoid": T.SigmoidTransform(),
        "tanh": T.TanhTransform(),
        "softplus": T.SoftplusTransform(),
        "abs": T.AbsTransform(),
        "affine": T.AffineTransform(t([1.0, 2.0, 3.0]), t([2.0, -1.0, 0.5])),
        "affine1": T.AffineTransform(t([1.0, 2.0, 3.0]), 2.0, event_dim=1),
        "stick": T.StickBreakingTransform(),
        "softmax": T.SoftmaxTransform(),
        "corr": T.CorrCholeskyTransform(),
        "compose": T.ComposeTransform([T.AffineTransform(0.0, 2.0), T.StickBreakingTransform()]),
        "ind": T.IndependentTransform(T.ExpTransform(), 1),
        "cat": T.CatTransform([T.ExpTransform(), T.identity_transform], dim=-1, lengths=[1, 2]),
        "stack": T.StackTransform(
            [T.ExpTransform(), T.identity_transform, T.TanhTransform()], dim=-1
        ),
        "reshape": T.ReshapeTransform((3,), (3, 1)),
        "cdf": T.CumulativeDistributionTransform(D.Normal(t(0.0), t(2.0))),
    }
    into = {
        "real": C.real,
        "positive": C.positive,
        "interval": C.interval(1, 3),
        "unit": C.unit_interval,
        "less": C.less_than(2.0),
        "simplex": C.simplex,
        "corr": C.corr_cholesky,
        "indep": C.independent(C.positive, 1),
        "half": C.half_open_interval(0, 2),
        "cat": C.cat([C.positive, C.real, C.unit_interval], -1),
        "stack": C.stack([C.positive, C.real, C.unit_interval], -1),
        "gte": C.greater_than_eq(2),
    }
    start = t([[0.3, 0.2, 0.7], [0.9, 0.1, 0.4]])
    found: dict[str, Any] = {name: of_map(torch, f, start) for name, f in maps.items()}
    for name, c in into.items():
        for kind in ("biject_to", "transform_to"):
            reach = getattr(D, kind)
            found[f"{name} {kind}"] = attempt(
                lambda r=reach, c=c: [
                    repr(r(c)),
                    described(r(c)(start)),
                    bool(c.check(r(c)(start)).all()),
                ]
            )
    return found


def of_map(torch: Any, f: Any, start: Any) -> list[Any]:
    x = start.clone().requires_grad_()
    y = f(x)
    asked: list[Any] = [
        lambda: y, lambda: f.inv(y), lambda: f.log_abs_det_jacobian(x, y),
        lambda: f.inv.log_abs_det_jacobian(y, x),
        lambda: torch.autograd.grad((y * y).sum(), [x], retain_graph=True)[0],
    ]  # fmt: skip
    words: list[Any] = [
        lambda: list(f.forward_shape((2, 3))), lambda: list(f.inverse_shape(tuple(y.shape))),
        lambda: repr(f.sign), lambda: repr(f.domain), lambda: repr(f.codomain),
        lambda: bool(f.bijective), lambda: repr(f.with_cache(1)),
    ]  # fmt: skip
    return [attempt(lambda g=g: described(g())) for g in asked] + [attempt(g) for g in words]


def expressions(torch: Any) -> list[str]:
    D = torch.distributions
    space = {
        "torch": torch, "D": D, "N": D.Normal, "t": torch.tensor, "math": math,
        "T": D.transforms, "C": D.constraints,
    }  # fmt: skip
    found = []
    for text in EXPRESSIONS:
        try:
            found.append(repr(eval(text, dict(space))))
        except Exception as error:  # the error is the answer
            found.append(f"{type(error).__name__}: {error}".replace("chainrule.", "torch."))
    return found


def answers(torch: Any) -> dict[str, Any]:
    """All of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "distributions": {
                f"{name} {i}": answers_of(torch, name, parameters)
                for name, listed in CASES.items()
                for i, parameters in enumerate(listed)
            },
            "divergences": divergences(torch),
            "mixtures": mixtures(torch),
            "transforms": transforms(torch),
            "expressions": expressions(torch),
        }
