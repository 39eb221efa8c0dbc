"""Record what PyTorch's optimizers and schedulers do, for `test_recorded.py`.

Run with an interpreter that has torch:

    python tests/optim/record_all.py              writes tests/data/optim_all.json

The programs run with PyTorch or chainrule.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "data" / "optim_all.json"
STEPS, KEEP = 50, (0, 2, 49)

CASES: list[tuple[str, dict[str, Any]]] = [
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "amsgrad": True, "maximize": True}),
    ("Adam", {"lr": "tensor", "betas": (0.5, 0.8), "eps": 0.1}),
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "fused": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"amsgrad": True, "maximize": True, "foreach": True}),
    ("NAdam", {"weight_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.1, "lr": 0.01}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "betas": (0.8, 0.9)}),
    ("Adamax", {}),
    ("Adamax", {"weight_decay": 0.1, "maximize": True, "lr": "tensor"}),
    ("Adadelta", {}),
    ("Adadelta", {"rho": 0.5, "weight_decay": 0.1, "lr": 2.0}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.1, "lr": 0.001}),
    ("RMSprop", {"centered": True, "maximize": True, "lr": 0.001}),
    ("RMSprop", {"momentum": 0.5, "lr": 0.001}),
    ("Rprop", {}),
    ("Rprop", {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.1), "lr": "tensor"}),
    ("ASGD", {}),
    ("ASGD", {"t0": 5, "lambd": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": "tensor", "momentum": 0.9, "nesterov": True}),
    ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.1, "d": 2.0, "beta2_decay": -0.5}),
    ("Muon", {"lr": 0.01}),
    ("Muon", {"lr": 0.01, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"}),
    ("LBFGS", {"max_iter": 2, "lr": 0.1}),
    ("LBFGS", {"max_iter": 3, "line_search_fn": "strong_wolfe", "history_size": 3}),
]

SCHEDULES = [
    "LambdaLR(o, lambda e: 0.9**e)",
    "MultiplicativeLR(o, lambda e: 0.9)",
    "StepLR(o, 3)",
    "MultiStepLR(o, [2, 2, 5])",
    "ConstantLR(o, 0.5, 4)",
    "LinearLR(o, 0.2, 0.8, 6)",
    "ExponentialLR(o, 0.9)",
    "CosineAnnealingLR(o, 5, 0.01)",
    "PolynomialLR(o, 8, 2.0)",
    "CosineAnnealingWarmRestarts(o, 3, 2, 0.01)",
    "CyclicLR(o, 0.1, 0.5, 3, 2)",
    "CyclicLR(o, 0.1, 0.5, 3, mode='triangular2', cycle_momentum=False)",
    "CyclicLR(o, [0.1, 0.2], 0.5, 3, mode='exp_range', gamma=0.9)",
    "OneCycleLR(o, 0.5, 14)",
    "OneCycleLR(o, [0.5, 1.0], epochs=7, steps_per_epoch=2, three_phase=True)",
    "OneCycleLR(o, 0.5, 14, anneal_strategy='linear', cycle_momentum=False)",
    "SequentialLR(o, [L.ConstantLR(o, 0.1, 2), L.ExponentialLR(o, 0.9), L.StepLR(o, 2)], [3, 7])",
    "ChainedScheduler([L.ConstantLR(o, 0.1, 4), L.ExponentialLR(o, 0.9)])",
    "ReduceLROnPlateau(o, factor=0.5, patience=1, cooldown=1, min_lr=0.03)",
    "ReduceLROnPlateau(o, 'max', 0.5, 1, 0.1, 'abs')",
]

OPTIMIZERS = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "AdamW", "ASGD", "LBFGS", "Muon", "NAdam",
    "RAdam", "RMSprop", "Rprop", "SGD",
]  # fmt: skip


def options_of(torch: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {k: torch.tensor(0.01) if v == "tensor" else v for k, v in options.items()}


def trajectory(
    torch: Any, name: str, options: dict[str, Any], steps: int = STEPS, dtype: str = "float64"
) -> list[Any]:
    """Parameters (a vector, a matrix, a 0-d one) after the steps in KEEP, and the state."""
    d = getattr(torch, dtype)
    w = torch.tensor([0.3, -0.2, 0.9], dtype=d)
    m = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]], dtype=d)
    b = torch.tensor(0.1, dtype=d)
    learned = [m] if name == "Muon" else [w, m, b]
    for p in learned:
        p.requires_grad_()
    optimizer = getattr(torch.optim, name)(learned, **options_of(torch, options))

    def closure() -> Any:
        optimizer.zero_grad()
        r = (m * w).sum(1) - b
        loss = (r * r).sum() + (w * w + b * b).sum() + (m * m).sum() + m.sin().sum()
        loss.backward()
        return loss

    found = []
    for i in range(steps):
        optimizer.step(closure)
        if i in KEEP:
            found.append([p.tolist() for p in learned])
    state = {} if name == "LBFGS" else optimizer.state_dict()["state"]
    kept = {
        str(i): {k: v.tolist() if hasattr(v, "tolist") else v for k, v in s.items()}
        for i, s in state.items()
    }
    return [found, kept]


def schedule(torch: Any, code: str) -> list[Any]:
    """Rates and momenta of two groups over 14 epochs, and the names of what is saved."""
    params = [torch.ones(1, requires_grad=True) for _ in range(2)]
    o = torch.optim.SGD(
        [{"params": params[:1]}, {"params": params[1:], "lr": 0.2}], lr=0.1, momentum=0.9
    )
    L = torch.optim.lr_scheduler
    scheduler = eval("L." + code, {"L": L, "o": o})
    values = []
    for i in range(14):
        o.step()
        scheduler.step(*([[3.0, 2.0, 2.0, 2.0, 2.5, 1.0][i % 6]] if "Plateau" in code else []))
        values.append([[g["lr"], g["momentum"]] for g in o.param_groups])
        assert scheduler.get_last_lr() == [g["lr"] for g in o.param_groups]
    return [values, list(scheduler.state_dict())]


def face(torch: Any, name: str) -> list[Any]:
    """The text and the options of a fresh optimizer."""
    w = torch.zeros(2, 2, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w])
    group = optimizer.state_dict()["param_groups"][0]
    return [repr(optimizer), [[k, repr(v)] for k, v in group.items()]]


def answers(torch: Any) -> dict[str, Any]:
    return {
        "trajectories": [trajectory(torch, n, o, 6 if n == "LBFGS" else STEPS) for n, o in CASES],
        "schedules": [schedule(torch, code) for code in SCHEDULES],
        "faces": [face(torch, name) for name in OPTIMIZERS],
    }


def main() -> None:
    import torch

    DATA.write_text(json.dumps(answers(torch), separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
