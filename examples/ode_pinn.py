"""A network fitted to a differential equation, by double backward.

The damped oscillator u'' + 0.4 u' + 4 u = 0 with u(0) = 1, u'(0) = 0 on [0, 5]: the loss asks the
network's own derivatives to satisfy the equation; there are no data.

    python examples/ode_pinn.py [--dry-run]
"""

import argparse
import math

from textplot import curve
from tqdm import tqdm

import chainrule as torch
from chainrule import nn

DAMPING, STIFFNESS, END = 0.4, 4.0, 5.0


def derivative(u: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """du/dt, itself differentiable."""
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    return du


def solution(t: torch.Tensor) -> torch.Tensor:
    """What the oscillator really does."""
    rate = DAMPING / 2
    w = math.sqrt(STIFFNESS - rate**2)
    return torch.exp(-rate * t) * (torch.cos(w * t) + rate / w * torch.sin(w * t))


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    steps = 5 if dry_run else 5000
    model = nn.Sequential(
        nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )

    def u_of(t: torch.Tensor) -> torch.Tensor:
        return 1 + (1 - torch.exp(-t)) ** 2 * model(t)  # satisfies both initial conditions

    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9992)
    losses = []
    for _ in tqdm(range(steps), desc="ODE"):
        t = (torch.rand(64, 1) * END).requires_grad_()
        u = u_of(t)
        du = derivative(u, t)
        ddu = derivative(du, t)
        loss = ((ddu + DAMPING * du + STIFFNESS * u) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

    with torch.no_grad():
        t = torch.linspace(0, END, 200).unsqueeze(1)
        u, true = u_of(t), solution(t)
        error = (u - true).abs().max().item()
    print(curve([math.log10(v) for v in losses], "log10 of the squared residual"))
    print(curve(u.flatten().tolist(), "u(t) of the network"))
    print(f"final: largest error {error:.2e} against the exact solution")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="five steps only")
    main(parser.parse_args().dry_run)
