"""Steps of optimizers alone: ten million parameters, where memory is waited for, and few small
ones, where calls are.

The gradients are given and stay. `torch` is written once and runs on PyTorch and on chainrule,
which has one update for PyTorch's default, foreach and fused ones.

    python benchmarks/run.py optimizers --against torch
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[], Any]
MILLIONS = [(1_000_000,)] * 10
SMALL = [(500,)] * 4
MLP = [(256, 784), (256,), (10, 256), (10,)]


def steps(name: str, shapes: list[tuple[int, ...]], **options: Any) -> dict[str, Any]:
    """A step of an optimizer over parameters of these shapes."""

    def setup(torch: Any) -> Step:
        torch.manual_seed(0)
        params = [torch.randn(*shape).requires_grad_() for shape in shapes]
        for p in params:
            p.grad = torch.randn(*p.shape)
        step: Step = getattr(torch.optim, name)(params, lr=1e-3, **options).step
        return step

    return {"torch": setup}


PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "adam_ten_million": ("Adam, 10 tensors of 1e6", steps("Adam", MILLIONS)),
    "adam_ten_million_foreach": (
        "Adam(foreach=True), 10 tensors of 1e6",
        steps("Adam", MILLIONS, foreach=True),
    ),
    "adam_ten_million_fused": (
        "Adam(fused=True), 10 tensors of 1e6",
        steps("Adam", MILLIONS, fused=True),
    ),
    "sgd_ten_million": (
        "SGD with momentum, 10 tensors of 1e6",
        steps("SGD", MILLIONS, momentum=0.9),
    ),
    "adam_mlp": ("AdamW, 784-256-10", steps("AdamW", MLP)),
    "adam_small": ("Adam, 4 tensors of 500", steps("Adam", SMALL)),
    "adam_small_fused": ("Adam(fused=True), 4 tensors of 500", steps("Adam", SMALL, fused=True)),
    "sgd_small": ("SGD, 4 tensors of 500", steps("SGD", SMALL)),
    "sgd_small_momentum": (
        "SGD with momentum, 4 tensors of 500",
        steps("SGD", SMALL, momentum=0.9),
    ),
}
