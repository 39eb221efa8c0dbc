"""Record 50 steps of PyTorch's SGD with every combination of options that changes the update.

Run with an interpreter that has torch:

    python tools/record_optim.py                  writes tests/data/optim.json

`trajectory` runs with PyTorch or chainrule; `tests/optim/test_sgd.py` loads this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "optim.json"
STEPS, KEEP = 50, (0, 1, 9, 49)

OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.01},
    {"lr": 0.01, "weight_decay": 0.1},
    {"lr": 0.002, "maximize": True},
    {"lr": 0.01, "momentum": 0.9},
    {"lr": 0.01, "momentum": 0.9, "dampening": 0.3},
    {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.05, "nesterov": True},
    {"lr": 0.002, "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.05, "maximize": True},
]


def loss_of(w: Any, b: Any, torch: Any) -> Any:
    """A smooth function with curvature in every direction."""
    x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]], dtype=torch.float64)
    y = torch.tensor([1.0, -2.0], dtype=torch.float64)
    r = (x * w).sum(1) + b - y
    return (r * r).sum() + (w**4).sum() * 0.1 + b.cos()


def trajectory(torch: Any, options: dict[str, Any]) -> list[Any]:
    """Parameters (one vector, one 0-d) after the steps in KEEP, the state, and the last loss."""
    w = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    groups = [{"params": [w]}, {"params": [b], "lr": options["lr"] * 2}]
    optimizer = torch.optim.SGD(groups, **options)
    found = []
    for i in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(w, b, torch)
        loss.backward()
        optimizer.step()
        if i in KEEP:
            found.append([w.tolist(), b.item(), loss.item()])
    state = optimizer.state_dict()["state"]
    return [found, {str(k): v["momentum_buffer"].tolist() for k, v in state.items() if v}]


def main() -> None:
    import torch

    text = json.dumps([trajectory(torch, options) for options in OPTIONS], indent=0)
    DATA.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
