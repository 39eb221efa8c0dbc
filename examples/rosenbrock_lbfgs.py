"""LBFGS and Adam on Rosenbrock's function in ten dimensions, minimum 0 at (1, ..., 1).

python examples/rosenbrock_lbfgs.py [--dry-run]
"""

import argparse
import math

from textplot import curve
from tqdm import tqdm

import chainrule as torch


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    """The sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def main(dry_run: bool = False) -> list[float]:
    """Minimise; the value before every step of LBFGS."""
    start = torch.linspace(-1.2, 0.8, 10)
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], lr=1, max_iter=10, line_search_fn="strong_wolfe")
    calls = 0

    def closure() -> torch.Tensor:
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        value = rosenbrock(x)
        value.backward()
        return value

    values = [
        optimizer.step(closure).item() for _ in tqdm(range(2 if dry_run else 12), desc="LBFGS")
    ]

    y = start.clone().requires_grad_()
    adam = torch.optim.Adam([y], lr=0.02)
    for _ in tqdm(range(20 if dry_run else 4000), desc="Adam"):
        adam.zero_grad()
        rosenbrock(y).backward()
        adam.step()

    print(curve([math.log10(max(v, 1e-16)) for v in values], "LBFGS: log10 of the value"))
    print(f"{'method':8s} {'evaluations':>12s} {'value':>12s} {'distance to the minimum':>24s}")
    found = 0.0
    for name, point, count in (("LBFGS", x, calls), ("Adam", y, 20 if dry_run else 4000)):
        value = rosenbrock(point.detach()).item()
        far = (point.detach() - 1).norm().item()
        print(f"{name:8s} {count:12d} {value:12.3e} {far:24.3e}")
        found = value if name == "LBFGS" else found
    print(f"final: LBFGS reached {found:.3e} in {calls} evaluations")
    return values


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="a few steps only")
    main(parser.parse_args().dry_run)
