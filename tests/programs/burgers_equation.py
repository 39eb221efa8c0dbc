"""A physics-informed network: second derivatives, Adam, then LBFGS."""

import torch
import torch.nn as nn

torch.manual_seed(123)
torch.set_default_dtype(torch.float64)
net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
for m in net:
    if isinstance(m, nn.Linear):
        nn.init.xavier_normal_(m.weight)
        nn.init.zeros_(m.bias)
x = torch.rand(50, 1, requires_grad=True)
t = torch.rand(50, 1).requires_grad_()
nu = nn.Parameter(torch.tensor(0.1))


def pde():
    u = net(torch.cat([x, t], dim=1))
    ut = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    ux = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    uxx = torch.autograd.grad(ux, x, grad_outputs=torch.ones_like(ux), create_graph=True)[0]
    return (ut + u * ux - nu * uxx).pow(2).mean()


xb = torch.linspace(-1, 1, 30).unsqueeze(1)
ub = -torch.sin(torch.pi * xb)
opt = torch.optim.Adam([*net.parameters(), nu], lr=1e-2)
for i in range(20):
    opt.zero_grad()
    l = pde() + nn.functional.mse_loss(net(torch.cat([xb, torch.zeros_like(xb)], 1)), ub)
    l.backward()
    opt.step()
    if i % 5 == 0:
        print(f"{i} {l.item():.8f} nu={nu.item():.6f}")
lb = torch.optim.LBFGS(
    [*net.parameters(), nu],
    lr=1.0,
    max_iter=15,
    history_size=10,
    line_search_fn="strong_wolfe",
    tolerance_grad=1e-9,
)
calls = 0


def closure():
    global calls
    calls += 1
    lb.zero_grad()
    l = pde() + ((net(torch.cat((xb, xb * 0), -1)) - ub) ** 2).mean()
    l.backward()
    return l


for _ in range(2):
    print(f"{lb.step(closure).item():.7f}", calls)
torch.set_default_dtype(torch.float32)
