"""Learning to learn two ways, gradients per sample, ensembles, influence functions."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import (
    functional_call,
    grad,
    hessian,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 20), nn.ReLU(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
params = dict(net.named_parameters())
opt = torch.optim.Adam(net.parameters(), 1e-2)


def inner(p, x, y):
    return F.mse_loss(functional_call(net, p, (x,)), y)


def meta(p, xs, ys, xq, yq):
    for _ in range(2):
        g = grad(inner)(p, xs, ys)
        p = {k: p[k] - 0.1 * g[k] for k in p}
    return inner(p, xq, yq)


def task(n):
    A = torch.rand(n, 1, 1) * 4.9 + 0.1
    ph = torch.rand(n, 1, 1) * 3.14
    x = torch.rand(n, 20, 1) * 10 - 5
    y = A * torch.sin(x + ph)
    return x[:, :10], y[:, :10], x[:, 10:], y[:, 10:]


for it in range(6):
    l = vmap(meta, in_dims=(None, 0, 0, 0, 0))(params, *task(4)).mean()
    opt.zero_grad()
    l.backward()
    opt.step()
    print(it, f"{l.item():.5f}")
# the manual way
w = [p.clone().detach().requires_grad_() for p in net.parameters()]


def fwd(w, x):
    return F.linear(torch.tanh(F.linear(F.relu(F.linear(x, w[0], w[1])), w[2], w[3])), w[4], w[5])


xs, ys, xq, yq = (q[0] for q in task(1))
fast = w
for _ in range(3):
    g = torch.autograd.grad(F.mse_loss(fwd(fast, xs), ys), fast, create_graph=True)
    fast = [a - 0.05 * b for a, b in zip(fast, g, strict=False)]
o = F.mse_loss(fwd(fast, xq), yq)
gs = torch.autograd.grad(o, w)
print(f"{o:.5f}", [f"{q.norm().item():.5f}" for q in gs])
# per sample gradients, ensembles, hvp
ps = vmap(grad(inner), in_dims=(None, 0, 0))({k: v.detach() for k, v in params.items()}, xs, ys)
print({k: tuple(v.shape) for k, v in ps.items()}, ps["0.bias"][0, :4])
models = [nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)) for _ in range(3)]
P, B = stack_module_state(models)
base = models[0]
X = torch.randn(5, 3)
print(
    vmap(lambda p, b, x: functional_call(base, (p, b), (x,)), (0, 0, None), randomness="error")(
        P, B, X
    )[:, 0]
)


def f(v):
    return (v.sin() * v.flip(0)).sum() + v.prod()


v = torch.tensor([0.3, 0.5, 1.2])
print(hessian(f)(v), jvp(grad(f), (v,), (torch.ones(3),))[1], vjp(grad(f), v)[1](torch.ones(3))[0])
print(
    torch.autograd.functional.hvp(f, v, torch.ones(3)),
    torch.autograd.functional.jacobian(lambda a: a.exp() * a.sum(), v),
)
# influence
logit = nn.Linear(3, 1)
Xt = torch.randn(30, 3)
yt = (Xt @ torch.tensor([1.0, -1, 0.5]) > 0).float()


def tot(p):
    return F.binary_cross_entropy_with_logits(Xt @ p[:3] + p[3], yt) + 0.01 * p.dot(p)


p = torch.zeros(4, requires_grad=True)
for _ in range(8):
    (g,) = torch.autograd.grad(tot(p), p)
    H = torch.autograd.functional.hessian(tot, p)
    p = (p - torch.linalg.solve(H, g)).detach().requires_grad_()
G = vmap(
    grad(lambda p, x, y: F.binary_cross_entropy_with_logits(x @ p[:3] + p[3], y)), (None, 0, 0)
)(p.detach(), Xt, yt)
inf = -G @ torch.linalg.solve(H, G[0])
print(p, inf.topk(3).indices, inf[:4])
