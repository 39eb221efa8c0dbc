"""Logistic regression by hand: parameters, sigmoid, cross-entropy of logarithms, update.

Two clouds of points in the plane; nothing of `nn` or `optim`. It runs in PyTorch when the import
line says `import torch`.

    python examples/logistic_regression.py [--dry-run]
"""

import argparse

from textplot import curve
from tqdm import tqdm

import chainrule as torch


def clouds(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """2n points, the first n of class 0 around (-1, -1), the others of class 1 around (1, 1)."""
    x = torch.randn(2 * n, 2)
    y = torch.cat([torch.zeros(n), torch.ones(n)])
    return x + (2 * y - 1).unsqueeze(1), y


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    steps = 20 if dry_run else 2000
    x, y = clouds(200)
    w = torch.zeros(2, requires_grad=True)
    b = torch.tensor(0.0, requires_grad=True)
    losses = []
    for _ in tqdm(range(steps), desc="logistic regression"):
        p = torch.clamp(torch.sigmoid(x @ w + b), 1e-8, 1 - 1e-8)
        loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            b -= 0.1 * b.grad
        w.grad.zero_()
        b.grad.zero_()
        losses.append(loss.item())

    test_x, test_y = clouds(1000)
    with torch.no_grad():
        right = ((test_x @ w + b > 0).float() == test_y).float().mean().item()
    print(curve(losses, "cross-entropy"))
    print(f"boundary: {w[0].item():.3f} x1 + {w[1].item():.3f} x2 + {b.item():.3f} = 0")
    print(f"final: test accuracy {100 * right:.2f} % of 2,000 points")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="a few steps only")
    main(parser.parse_args().dry_run)
