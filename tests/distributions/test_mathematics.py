"""What must hold of distributions without asking PyTorch: densities integrate to one, samples have
the moments that are promised, gradients are derivatives, KL is a mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special as sp

import chainrule as torch
from chainrule.kernels.gamma_draws import beta_grad, gamma_grad

D = torch.distributions


def t(*numbers: float) -> Any:
    return torch.tensor(numbers, dtype=torch.float64)


MAKERS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "Normal": (D.Normal, (t(0.5, -1.0), t(0.7, 2.0))),
    "Beta": (D.Beta, (t(1.5, 3.0), t(2.0, 4.0))),
    "Cauchy": (D.Cauchy, (t(0.5), t(2.0))),
    "Exponential": (D.Exponential, (t(0.5, 2.0),)),
    "Gamma": (D.Gamma, (t(1.5, 9.0), t(2.0, 0.5))),
    "GeneralizedPareto": (D.GeneralizedPareto, (t(0.0), t(1.0), t(0.2))),
    "Gumbel": (D.Gumbel, (t(0.5), t(2.0))),
    "HalfNormal": (D.HalfNormal, (t(0.7),)),
    "Laplace": (D.Laplace, (t(0.5), t(2.0))),
    "LogNormal": (D.LogNormal, (t(0.5), t(0.4))),
    "Kumaraswamy": (D.Kumaraswamy, (t(2.0), t(3.0))),
    "StudentT": (D.StudentT, (t(5.0), t(0.5), t(2.0))),
    "Uniform": (D.Uniform, (t(-1.0), t(2.0))),
    "Weibull": (D.Weibull, (t(2.0), t(1.5))),
    "InverseGamma": (D.InverseGamma, (t(6.0), t(2.0))),
    "ContinuousBernoulli": (D.ContinuousBernoulli, (t(0.2, 0.7),)),
}


def leaves(name: str) -> tuple[Any, list[Any]]:
    maker, parameters = MAKERS[name]
    return maker, [p.clone().requires_grad_() for p in parameters]


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_log_prob_has_the_right_gradient(name: str) -> None:
    maker, parameters = leaves(name)
    torch.manual_seed(0)
    x = maker(*parameters).sample((2,))
    assert torch.autograd.gradcheck(lambda *p: maker(*p).log_prob(x), parameters)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_the_density_is_the_slope_of_the_distribution_function(name: str) -> None:
    maker, parameters = MAKERS[name]
    d = maker(*parameters)
    torch.manual_seed(1)
    x = d.sample((5,)).requires_grad_()
    try:
        (slope,) = torch.autograd.grad(d.cdf(x).sum(), [x])
    except NotImplementedError:
        pytest.skip("it has no distribution function")
    np.testing.assert_allclose(slope.numpy(), d.log_prob(x).exp().detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_quantiles_are_the_inverse(name: str) -> None:
    maker, parameters = MAKERS[name]
    d, q = maker(*parameters), t(0.1, 0.5, 0.8).unsqueeze(-1)
    try:
        back = d.cdf(d.icdf(q))
    except NotImplementedError:
        pytest.skip("it has no quantiles")
    np.testing.assert_allclose(back.numpy(), np.broadcast_to(q.numpy(), back.shape), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(set(MAKERS) - {"Cauchy"}))
def test_samples_have_the_mean_and_its_gradient(name: str) -> None:
    """The mean over samples of f = x has the derivative of the mean: reparameterisation."""
    maker, parameters = leaves(name)
    torch.manual_seed(2)
    d, count = maker(*parameters), 4000
    x = d.rsample((count,))
    spread = d.stddev.detach().numpy() / count**0.5
    assert (abs(x.detach().mean(0) - d.mean.detach()).numpy() < 5 * spread).all()
    drawn = torch.autograd.grad(x.mean(0).sum(), parameters, retain_graph=True, allow_unused=True)
    exact = torch.autograd.grad(d.mean.sum(), parameters, allow_unused=True)
    for a, b in zip(drawn, exact, strict=True):
        expected = np.zeros(a.shape) if b is None else b.numpy()
        np.testing.assert_allclose(a.numpy(), expected, atol=0.15 * max(1.0, abs(expected).max()))


@pytest.mark.parametrize("a", [0.05, 0.7, 3.0, 15.5, 40.0, 2000.0])
@pytest.mark.parametrize("q", [0.01, 0.3, 0.9, 0.999])
def test_gamma_numbers_move_along_their_quantiles(a: float, q: float) -> None:
    x, h = sp.gammaincinv(a, q), 1e-4 * a
    far = [sp.gammaincinv(a + k * h, q) for k in (-2, -1, 1, 2)]
    slope = (far[0] - 8 * far[1] + 8 * far[2] - far[3]) / (12 * h)
    assert gamma_grad(np.float64(a), np.float64(x)) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("a", [0.2, 1.0, 7.0, 300.0])
@pytest.mark.parametrize("b", [0.3, 2.0, 40.0])
@pytest.mark.parametrize("q", [0.01, 0.4, 0.95])
def test_beta_numbers_move_along_their_quantiles(a: float, b: float, q: float) -> None:
    x, h = sp.betaincinv(a, b, q), 1e-4 * a
    far = [sp.betaincinv(a + k * h, b, q) for k in (-2, -1, 1, 2)]
    slope = (far[0] - 8 * far[1] + 8 * far[2] - far[3]) / (12 * h)
    found = beta_grad(np.float64(x), np.float64(a), np.float64(a + b)) * (1 - x)
    assert found == pytest.approx(slope, rel=1e-5)


def test_draws_work_under_transforms() -> None:
    a = torch.full((3, 2), 2.0)
    made = torch.func.vmap(
        lambda v: D.Gamma(v, 1.0, validate_args=False).rsample(), randomness="different"
    )(a)
    assert made.shape == (3, 2)


def test_second_derivatives_of_draws_say_that_they_do_not_exist() -> None:
    a = t(2.0).requires_grad_()
    (g,) = torch.autograd.grad(D.Gamma(a, 1.0).rsample().sum(), [a], create_graph=True)
    with pytest.raises(NotImplementedError, match="_standard_gamma_grad"):
        g.sum().backward()


def test_transforms_remember_what_they_were_given() -> None:
    f, x = D.TanhTransform(cache_size=1), t(20.0)
    assert f.inv(f(x)) is x
    assert f.inv.inv is f


def test_registering_a_divergence() -> None:
    class Mine(D.Normal):
        pass

    @D.register_kl(Mine, D.Normal)
    def kl(p: Any, q: Any) -> Any:
        return torch.zeros(())

    assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(3.0, 1.0)) == 0
    assert D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0)) == 0.5
