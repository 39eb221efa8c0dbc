"""Gaussian process regression by Cholesky factors."""

import math

import torch

torch.manual_seed(0)
dt = torch.float64
X = torch.linspace(0, 1, 40, dtype=dt).unsqueeze(-1)
y = torch.sin(X.squeeze() * 2 * math.pi) + 0.1 * torch.randn(40, dtype=dt)
raw = torch.zeros(3, dtype=dt, requires_grad=True)
Xs = torch.linspace(0, 1, 7, dtype=dt)[:, None]


def kern(a, b, l, s):
    return s * torch.exp(-0.5 * torch.cdist(a, b).pow(2) / l**2)


def kern2(a, b, l, s):
    return s * torch.exp(-0.5 * ((a[:, None] - b[None]) ** 2).sum(-1) / l**2)


opt = torch.optim.Adam([raw], lr=0.1)
for i in range(30):
    l, s, n = torch.nn.functional.softplus(raw)
    K = kern2(X, X, l, s) + (n * 0.1 + 1e-4) * torch.eye(40, dtype=dt)
    L = torch.linalg.cholesky(K)
    al = torch.cholesky_solve(y[:, None], L)
    nll = 0.5 * (y[:, None] * al).sum() + L.diagonal().log().sum() + 20 * math.log(2 * math.pi)
    opt.zero_grad()
    nll.backward()
    opt.step()
    if i % 10 == 0:
        print(i, f"{nll.item():.6f}", raw.grad.tolist() and [f"{g:.5f}" for g in raw.grad])
with torch.no_grad():
    Ks = kern(X, Xs, l, s)
    v = torch.linalg.solve_triangular(L, Ks, upper=False)
    mu = Ks.T @ al
    var = s - (v**2).sum(0)
    print(mu.squeeze(), var.sqrt())
    C = kern(Xs, Xs, l, s) - v.T @ v + 1e-6 * torch.eye(7, dtype=dt)
    print(torch.distributions.MultivariateNormal(mu.squeeze(), C).sample((2,)))
m = torch.distributions.MultivariateNormal(torch.zeros(40, dtype=dt), scale_tril=L.detach())
print(
    f"{m.log_prob(y):.6f}", torch.logdet(K.detach()), torch.linalg.slogdet(K)[1].grad_fn is not None
)
lo = torch.distributions.LowRankMultivariateNormal(
    torch.zeros(5), torch.ones(5, 2) * 0.3, torch.ones(5)
)
print(lo.log_prob(torch.arange(5.0)), lo.rsample().shape)
