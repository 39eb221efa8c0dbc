"""Records what PyTorch answers for resizing, padding, reading at places, attention, bags of rows
and the alignment of labels: values, node names, gradients, gradients of gradients, errors.

Run with an interpreter that has PyTorch: `python tests/nn/record_images.py`. The test beside it
evaluates the same lines with chainrule."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parents[1] / "data" / "images.json"

RESIZED = [
    f"F.interpolate({x}, {size}, mode='{mode}'{more})"
    for x, mode, sizes, options in [
        ("x1", "nearest", ("7", "None, 1.7"), ("",)),
        ("x1", "nearest-exact", ("3", "None, 2.0"), ("",)),
        ("x1", "linear", ("8", "None, 0.6"), ("", ", align_corners=True")),
        ("x1", "area", ("3",), ("",)),
        ("x2", "nearest", ("(5, 3)",), ("",)),
        ("x2", "bilinear", ("(7, 2)", "None, (1.3, 2.2)"), ("", ", align_corners=True")),
        ("x2", "bilinear", ("(2, 3)",), (", antialias=True",)),
        ("x2", "bicubic", ("(6, 9)",), ("", ", align_corners=True", ", antialias=True")),
        ("x2", "area", ("(3, 4)",), ("",)),
        ("x3", "trilinear", ("(3, 2, 5)",), ("", ", align_corners=True")),
        ("x3", "nearest", ("2",), ("",)),
        ("x3", "area", ("(2, 1, 2)",), ("",)),
    ]
    for size in sizes
    for more in options
]
PADDED = [
    f"F.pad({x}, {pad}, '{mode}')"
    for mode in ("constant", "reflect", "replicate", "circular")
    for x, pad in (("x1", "(1, 2)"), ("x2", "(1, 0, 2, 1)"), ("x3", "(1, 1, 0, 1, 1, 1)"))
] + ["F.pad(x1, (-1, 2), value=1.5)", "F.pad(x1, (-1, 2), 'reflect')"]
READ = [
    f"F.grid_sample(x2, g2, '{mode}', '{padding}', {aligned})"
    for mode in ("bilinear", "nearest", "bicubic")
    for padding in ("zeros", "border", "reflection")
    for aligned in (False, True)
] + [
    "F.grid_sample(x3, g3, 'bilinear', 'reflection', False)",
    "F.affine_grid(t2, (1, 1, 2, 3), True)",
    "F.affine_grid(t2, (1, 1, 2, 3), False)",
]
ATTENDED = [
    "F.scaled_dot_product_attention(q, k, k)",
    "F.scaled_dot_product_attention(q, q, q, is_causal=True, scale=0.3)",
    "F.scaled_dot_product_attention(q, k, k, torch.tensor([[True, False, True], [False] * 3]))",
    "F.scaled_dot_product_attention(q[0, 0], k[0, 0], k[0, 0])",
]
BAGS = [
    f"F.embedding_bag(rows, table, starts, mode='{mode}'{more})"
    for mode in ("sum", "mean", "max")
    for more in ("", ", padding_idx=2", ", include_last_offset=True")
] + ["F.embedding_bag(rows, table, starts, mode='sum', per_sample_weights=scales)"]
ALIGNED = [
    f"F.ctc_loss(y, labels, {lengths}, blank={blank}, reduction='{how}', zero_infinity={zero})"
    for lengths in ("(4, 3), (2, 1)", "(2, 2), (2, 2)")
    for blank, how, zero in ((0, "mean", False), (0, "none", True), (4, "sum", False))
]
SEGMENTS = [
    f"torch.segment_reduce(table, '{how}', lengths=torch.tensor([1, 3]){more})"
    for how in ("sum", "mean", "max", "min", "prod")
    for more in ("", ", initial=0.5")
]
SHUFFLED = [
    "F.pixel_shuffle(x4, 2)",
    "F.pixel_unshuffle(x2, 2)",
    "F.channel_shuffle(x4, 2)",
]
WRONG = [
    "F.interpolate(x1)",
    "F.interpolate(x1, 3, 2.0)",
    "F.interpolate(x1, (3, 3))",
    "F.interpolate(x1, 3, mode='bilinear')",
    "F.interpolate(x1, 3, mode='foo')",
    "F.interpolate(x1, 3, align_corners=True)",
    "F.interpolate(x1, 0)",
    "F.interpolate(x1, 3, antialias=True)",
    "F.pad(x1, (1,))",
    "F.pad(x1, (1,) * 8)",
    "F.pad(x1, (1, 1), 'foo')",
    "F.pad(x1, (9, 1), 'reflect')",
    "F.pad(x1, (9, 1), 'circular')",
    "F.pad(x2, (1, 1), 'reflect')",
    "F.pad(x1, (-9, 1))",
    "F.pad(x1, (1, 1), 'reflect', 2.0)",
    "F.grid_sample(x2, g2, 'foo')",
    "F.grid_sample(x2, g2, padding_mode='foo')",
    "F.grid_sample(x2, g3)",
    "F.grid_sample(x3, g3, 'bicubic')",
    "F.affine_grid(t2, (1, 1, 2))",
    "F.affine_grid(t2, (1, 1, 0, 2))",
    "F.pixel_shuffle(x1, 2)",
    "F.pixel_unshuffle(x2, 3)",
    "F.channel_shuffle(x4, 3)",
    "F.scaled_dot_product_attention(q[0], k[0], k[0], torch.ones(2, 3) > 0, is_causal=True)",
    "F.scaled_dot_product_attention(q, k.float(), k)",
    "F.scaled_dot_product_attention(q[0, 0, 0], k, k)",
    "F.scaled_dot_product_attention(q, k, k, torch.ones(2, 3).long())",
    "F.embedding_bag(rows, table)",
    "F.embedding_bag(rows, table, starts, mode='foo')",
    "F.embedding_bag(rows, table, starts + 1)",
    "F.embedding_bag(rows + 9, table, starts)",
    "F.embedding_bag(rows, table, starts, mode='mean', per_sample_weights=scales)",
    "F.ctc_loss(y, labels, (9, 1), (2, 2))",
    "F.ctc_loss(y, labels, (4,), (2, 2))",
    "F.ctc_loss(y, labels, (4, 4), (2, 3))",
    "F.ctc_loss(y, labels, (4, 4), (2, 2), blank=7)",
    "F.ctc_loss(y, labels, (4, 4), (2, 2), reduction='foo')",
    "torch.segment_reduce(table, 'sum')",
    "torch.segment_reduce(table, 'sum', lengths=torch.tensor([1, 2]))",
    "torch.segment_reduce(table, 'foo', lengths=torch.tensor([1, 3]))",
    "F.linear_cross_entropy(table, table[0], rows)",
    "F.linear_cross_entropy(table, x1, rows)",
]


def cases() -> list[str]:
    """Every line that has an answer."""
    return [
        *RESIZED, *PADDED, *READ, *ATTENDED, *BAGS, *ALIGNED, *SEGMENTS, *SHUFFLED,
    ]  # fmt: skip


def inputs(torch: Any) -> dict[str, Any]:
    """The operands by name: the floating ones are leaves."""

    def leaf(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
        n = int(np.prod(shape))
        made = np.random.default_rng(n).permutation(np.linspace(low, high, n + 2)[1:-1])
        return torch.tensor(made.reshape(shape).tolist(), dtype=torch.float64, requires_grad=True)

    y = np.log(np.random.default_rng(1).dirichlet(np.ones(5), (4, 2)))
    return {
        "x1": leaf(1, 2, 5), "x2": leaf(1, 2, 4, 6), "x3": leaf(1, 1, 2, 3, 4),
        "x4": leaf(1, 4, 2, 3), "g2": leaf(1, 2, 3, 2, low=-1.3, high=1.3),
        "g3": leaf(1, 1, 2, 1, 3, low=-1.3, high=1.3), "t2": leaf(1, 2, 3),
        "q": leaf(1, 2, 2, 4), "k": leaf(1, 2, 3, 4), "table": leaf(4, 3, low=0.2),
        "scales": leaf(5), "rows": torch.tensor([0, 2, 3, 2, 1]),
        "starts": torch.tensor([0, 2, 5]), "labels": torch.tensor([[1, 2], [3, 3]]),
        "y": torch.tensor(y.tolist(), dtype=torch.float64, requires_grad=True),
    }  # fmt: skip


def cotangent(torch: Any, shape: Any, seed: int) -> Any:
    """Fixed numbers of a shape."""
    made = np.random.default_rng(seed).standard_normal(tuple(shape)).round(3)
    return torch.tensor(made.tolist(), dtype=torch.float64).reshape(tuple(shape))


def answer(torch: Any, line: str) -> dict[str, Any]:
    """Value, node, gradients and their gradients of one line."""
    names = inputs(torch)
    out = eval(line, {"torch": torch, "F": torch.nn.functional}, names)
    leaves = [t for t in names.values() if t.requires_grad]
    found: dict[str, Any] = {"value": out.tolist(), "node": out.grad_fn.name()}
    g = cotangent(torch, out.shape, 0).requires_grad_()
    first = torch.autograd.grad(out, leaves, g, create_graph=True, allow_unused=True)
    found["grad"] = [None if t is None else t.tolist() for t in first]
    used = [t for t in first if t is not None and t.requires_grad]
    try:
        seconds = [cotangent(torch, t.shape, i + 1) for i, t in enumerate(used)]
        second = torch.autograd.grad(used, [*leaves, g], seconds, allow_unused=True)
    except (RuntimeError, NotImplementedError):
        return found  # PyTorch has no second derivative here
    found["second"] = [None if t is None else t.tolist() for t in second]
    return found


def refusal(torch: Any, line: str) -> list[str]:
    """The class and the first line of what is raised."""
    try:
        eval(line, {"torch": torch, "F": torch.nn.functional}, inputs(torch))
    except Exception as error:
        return [type(error).__name__, str(error).split("\n", 1)[0]]
    return ["", ""]


def rounded(value: Any) -> Any:
    """Ten digits are enough."""
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return float(f"{value:.10g}") if isinstance(value, float) else value


def main() -> None:
    """Write the file."""
    import torch

    warnings.simplefilter("ignore")
    found = {line: rounded(answer(torch, line)) for line in cases()}
    wrong = {line: refusal(torch, line) for line in WRONG}
    lines = [f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in found.items()]
    refused = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in wrong.items()]
    text = '{"answers": {\n' + ",\n".join(lines) + '\n},\n"errors": {\n' + ",\n".join(refused)
    DATA.write_text(text + "\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
