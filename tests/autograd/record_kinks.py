"""Fills the tables of docs/numerics.md between its marks: the gradient at kinks and ties.

Run where PyTorch is installed, with chainrule on the path: `python tests/autograd/record_kinks.py`.
The test beside it (`test_kinks.py`) reads the tables and needs no PyTorch.
"""

# ruff: noqa: E501

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

DOC = Path(__file__).parents[2] / "docs" / "numerics.md"
MARKS = ("<!-- kinks -->", "<!-- end of kinks -->")
INF, NAN = float("inf"), float("nan")

# title -> (expression in torch, F, x; points)
ROWS: dict[str, list[tuple[str, list[float]]]] = {
    "Kinks of elementwise functions": [
        ("torch.abs(x)", [-1, 0, 1]), ("torch.sign(x)", [-1, 0, 1]), ("torch.sgn(x)", [0, 2]),
        ("torch.relu(x)", [-1, 0, 1]), ("F.relu6(x)", [0, 3, 6]), ("F.leaky_relu(x, 0.1)", [-1, 0, 1]),
        ("F.elu(x, 2.0)", [-1, 0, 1]), ("F.celu(x, 2.0)", [-1, 0, 1]), ("F.selu(x)", [0]),
        ("F.prelu(x, torch.tensor([0.25], dtype=x.dtype))", [-1, 0, 1]),
        ("F.rrelu(x, 0.2, 0.2)", [-1, 0, 1]),
        ("F.hardtanh(x)", [-1, 0, 1]), ("F.hardsigmoid(x)", [-3, 0, 3]), ("F.hardswish(x)", [-3, 0, 3]),
        ("F.hardshrink(x, 0.5)", [-0.5, 0, 0.5, 1]), ("F.softshrink(x, 0.5)", [-0.5, 0, 0.5, 1]),
        ("F.threshold(x, 1.0, 0.0)", [0, 1, 2]), ("F.softplus(x, 1.0, 20.0)", [20, 21]),
        ("F.logsigmoid(x)", [0]), ("F.softsign(x)", [-1, 0, 1]),
        ("torch.floor(x)", [0, 1.5]), ("torch.ceil(x)", [0, 1.5]), ("torch.round(x)", [0.5, 1]),
        ("torch.trunc(x)", [0, 1]), ("torch.frac(x)", [0, 1.5]),
        ("torch.fmod(x, 1.0)", [0, 1]), ("torch.remainder(x, 1.0)", [0, 1]),
        ("torch.nan_to_num(x, 0.0, 1.0, -1.0)", [NAN, INF, -INF, 1]),
        ("torch.copysign(x, -x)", [0, 1]),
        ("torch.sinc(x)", [0]), ("torch.special.entr(x)", [0, 1]), ("torch.xlogy(x, x)", [0, 1]),
    ],
    "Edges of the domain": [
        ("torch.sqrt(x)", [0, 1]), ("torch.rsqrt(x)", [0, 1]), ("torch.reciprocal(x)", [0]),
        ("torch.log(x)", [0, -1]), ("torch.log1p(x)", [-1]), ("torch.log2(x)", [0]),
        ("x ** 0.5", [0]), ("x ** 0", [0, 1]), ("x ** 1", [0]), ("x ** 2", [0]), ("x ** 3.5", [0, -1]),
        ("x ** -1", [0]), ("torch.pow(0.0, x)", [0, 1, 2]), ("torch.pow(x, x)", [0, 1]),
        ("torch.asin(x)", [-1, 0, 1]), ("torch.acos(x)", [-1, 1]), ("torch.acosh(x)", [1]),
        ("torch.atanh(x)", [-1, 1]), ("torch.logit(x)", [0, 1]), ("torch.logit(x, 0.1)", [0.05, 0.1, 0.5, 0.9]),
        ("torch.erfinv(x)", [-1, 0, 1]), ("torch.digamma(x)", [0]), ("torch.lgamma(x)", [0, 1]),
        ("torch.hypot(x[0], x[1])", [0, 0]), ("torch.atan2(x[0], x[1])", [0, 0]),
        ("torch.atan2(x[0], x[1])", [0, -1]),
        ("torch.logaddexp(x[0], x[1])", [-INF, 0]), ("torch.logaddexp(x[0], x[1])", [-INF, -INF]),
        ("torch.logaddexp(x[0], x[1])", [INF, 0]), ("x[0] / x[1]", [0, 0]), ("x[0] * x[1]", [0, INF]),
    ],
    "The larger, the smaller, the middle: ties": [
        ("torch.max(x)", [1, 2, 2]), ("torch.min(x)", [1, 1, 2]), ("torch.amax(x)", [1, 2, 2]),
        ("torch.amin(x)", [1, 1, 2]), ("torch.max(x, 0).values", [1, 2, 2]),
        ("torch.min(x, 0).values", [1, 1, 2]), ("torch.aminmax(x).max", [1, 2, 2]),
        ("torch.maximum(x[0], x[1])", [1, 1]), ("torch.minimum(x[0], x[1])", [1, 1]),
        ("torch.fmax(x[0], x[1])", [1, 1]), ("torch.fmin(x[0], x[1])", [1, 1]),
        ("torch.fmax(x[0], x[1])", [NAN, 1]), ("torch.maximum(x[0], x[1])", [NAN, 1]),
        ("torch.max(x)", [NAN, 1, NAN]), ("torch.amax(x)", [NAN, 1, NAN]),
        ("torch.clamp(x, -1, 1)", [-2, -1, 0, 1, 2]), ("torch.clamp_min(x, 0)", [-1, 0, 1]),
        ("torch.clamp_max(x, 0)", [-1, 0, 1]),
        ("torch.clamp(torch.zeros_like(x[0]), x[0], x[1])", [0, 1]),
        ("torch.clamp(torch.zeros_like(x[0]), x[0], x[1])", [2, 1]),
        ("torch.median(x)", [1, 2, 2, 3]), ("torch.median(x, 0).values", [2, 1, 2]),
        ("torch.nanmedian(x)", [NAN, 1, 1]), ("torch.mode(x, 0).values", [2, 1, 2]),
        ("torch.kthvalue(x, 2, 0).values", [1, 1, 1]), ("torch.quantile(x, 0.5)", [1, 2, 2, 3]),
        ("torch.sort(x).values", [2, 1, 2]), ("torch.sort(x, descending=True, stable=True).values", [1, 2, 2]),
        ("torch.topk(x, 1).values", [1, 2, 2]), ("torch.topk(x, 2).values", [2, 2, 1]),
        ("torch.cummax(x, 0).values", [1, 2, 2, 1]), ("torch.cummin(x, 0).values", [2, 1, 1, 2]),
        ("torch.logcumsumexp(x, 0)", [-INF, -INF, 0]),
    ],
    "Reductions": [
        ("torch.norm(x)", [0, 0]), ("torch.linalg.vector_norm(x)", [0, 0]),
        ("torch.linalg.vector_norm(x, 1)", [0, 1]), ("torch.linalg.vector_norm(x, 0)", [0, 1]),
        ("torch.linalg.vector_norm(x, 3)", [0, 1]), ("torch.linalg.vector_norm(x, 1.5)", [0, 1]),
        ("torch.linalg.vector_norm(x, 0.5)", [0, 1]),
        ("torch.linalg.vector_norm(x, float('inf'))", [1, -1, 0]),
        ("torch.linalg.vector_norm(x, -float('inf'))", [1, -1, 2]),
        ("torch.linalg.vector_norm(x, float('inf'))", [0, 0]),
        ("torch.prod(x)", [0, 2, 3]), ("torch.prod(x)", [0, 0, 3]), ("torch.prod(x, 0)", [0, 2, 3]),
        ("torch.cumprod(x, 0)", [2, 0, 3]), ("torch.cumprod(x, 0)", [0, 0, 3]),
        ("torch.std(x)", [1, 1, 1]), ("torch.var(x)", [1, 1, 1]), ("torch.std(x)", [1]), ("torch.var(x)", [1]),
        ("torch.std(x, correction=0)", [1]), ("torch.var(x, correction=0)", [1]),
        ("torch.logsumexp(x, 0)", [-INF, 0]), ("torch.logsumexp(x, 0)", [-INF, -INF]),
        ("torch.logsumexp(x, 0)", [INF, 0]),
        ("torch.softmax(x, 0)", [-INF, 0]), ("torch.softmax(x, 0)", [-INF, -INF]),
        ("torch.log_softmax(x, 0)", [-INF, 0]), ("torch.log_softmax(x, 0)[1:]", [-INF, 0, 0]),
        ("F.normalize(x, dim=0)", [0, 0]), ("torch.nansum(x)", [NAN, 1]), ("torch.nanmean(x)", [NAN, 1, 3]),
    ],
    "Choosing": [
        ("torch.where(x > 0, x.sqrt(), torch.zeros_like(x))", [0, -1, 4]),
        ("torch.where(x > 0, torch.where(x > 0, x, 1.0).sqrt(), 0.0)", [0, -1, 4]),
        ("torch.where(x != 0, x.sin() / x, torch.ones_like(x))", [0, 1]),
        ("x.log().masked_fill(x <= 0, 0.0)", [0, 1]),
        ("(x.sqrt() * (x > 0))", [0, 4]), ("x.sqrt()[x > 0]", [0, 4]),
    ],
    "Distances": [
        ("torch.dist(x[:2], x[2:])", [1, 2, 1, 2]), ("torch.dist(x[:2], x[2:], 1)", [1, 2, 1, 3]),
        ("torch.dist(x[:2], x[2:], float('inf'))", [1, 2, 2, 3]),
        ("torch.cdist(x[:2][None], x[2:][None])", [1, 2, 1, 2]),
        ("torch.cdist(x[:2][None], x[2:][None], p=1.0)", [1, 2, 1, 3]),
        ("torch.cdist(x[:2][None], x[2:][None], p=float('inf'))", [1, 2, 2, 3]),
        ("torch.pdist(x[:, None])", [1, 1, 2]),
        ("F.pairwise_distance(x[:2], x[2:], eps=0.0)", [1, 2, 1, 2]),
        ("F.cosine_similarity(x[:2], x[2:], dim=0)", [0, 0, 1, 2]),
    ],
    "Losses at their joins": [
        ("F.l1_loss(x, torch.zeros_like(x), reduction='sum')", [-1, 0, 1]),
        ("F.smooth_l1_loss(x, torch.zeros_like(x), reduction='sum')", [-1, 0, 1]),
        ("F.smooth_l1_loss(x, torch.zeros_like(x), reduction='sum', beta=0.0)", [-1, 0, 1]),
        ("F.huber_loss(x, torch.zeros_like(x), reduction='sum', delta=2.0)", [-2, 0, 2]),
        ("F.hinge_embedding_loss(x, -torch.ones_like(x), reduction='sum')", [0, 1, 2]),
        ("F.margin_ranking_loss(x, torch.zeros_like(x), torch.ones_like(x), 1.0, reduction='sum')", [0, 1, 2]),
        ("F.multi_margin_loss(x[None], torch.tensor([0]))", [1, 0, 2]),
        ("F.relu(1 - x).sum()", [0, 1, 2]),
        ("F.binary_cross_entropy(x, torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=x.dtype), reduction='sum')", [0, 1, 0, 1]),
        ("F.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction='sum')", [0, INF]),
        ("F.kl_div(x.log(), torch.tensor([0.0, 1.0], dtype=x.dtype), reduction='sum')", [0, 1]),
        ("F.kl_div(torch.zeros_like(x), x, reduction='sum')", [0, 1]),
        ("F.poisson_nll_loss(x, torch.zeros_like(x), log_input=False, reduction='sum', eps=0.0)", [0, 1]),
        ("F.gaussian_nll_loss(torch.zeros_like(x), torch.zeros_like(x), x, reduction='sum', eps=0.5)", [0.1, 0.5, 1]),
        ("F.triplet_margin_loss(x[None, :1], x[None, 1:2], x[None, 2:], 1.0, eps=0.0)", [0, 0, 1]),
    ],
}  # fmt: skip


def gradient(torch: Any, expression: str, point: list[float]) -> list[float]:
    """d (w . expression) / dx with w = 1, 2, 3, ..., in float64."""
    x = torch.tensor([float(v) for v in point], dtype=torch.float64, requires_grad=True)
    y = eval(expression, {"torch": torch, "F": torch.nn.functional, "x": x})
    w = torch.arange(1, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
    if y.requires_grad:
        y.backward(w)
    return [0.0] * len(point) if x.grad is None else (x.grad + 0).tolist()


def shown(values: list[float]) -> str:
    """`[0, 0.5, nan]`."""
    return "[" + ", ".join(f"{v + 0.0:.5g}" for v in values) + "]"


def read(text: str) -> list[tuple[str, str, str, str]]:
    """(expression, x, PyTorch's gradient, chainrule's where it differs) of every row."""
    part = text.partition(MARKS[0])[2].partition(MARKS[1])[0]
    rows = [
        [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in part.splitlines()
        if line.startswith("| `")
    ]
    return [(r[0].strip("`"), *r[1:]) for r in rows]  # type: ignore[misc]


def tables() -> str:
    """The tables, asked of both."""
    import torch

    import chainrule

    lines = []
    for title, rows in ROWS.items():
        lines += [f"### {title}", "", "| expression | x | gradient | chainrule, if other |"]
        lines += ["|---|---|---|---|"]
        for expression, point in rows:
            try:
                theirs = shown(gradient(torch, expression, point))
            except Exception as error:
                print(f"PyTorch: {expression} at {point}: {str(error)[:100]}")
                theirs = "error"
            try:
                mine = shown(gradient(chainrule, expression, point))
            except Exception as error:  # the author of the table wants to see all of them
                print(f"{expression} at {point}: {type(error).__name__}: {str(error)[:100]}")
                mine = "error"
            other = "" if mine == theirs else mine
            if other:
                print(f"{expression} at {shown(point)}: PyTorch {theirs}, chainrule {mine}")
            lines.append(f"| `{expression}` | {shown(point)} | {theirs} | {other} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    made = tables()
    if "--show" not in sys.argv:
        text = DOC.read_text(encoding="utf-8")
        before, _, rest = text.partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        DOC.write_text(f"{before}{MARKS[0]}\n\n{made}\n{MARKS[1]}{after}", encoding="utf-8")
