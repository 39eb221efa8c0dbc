"""Record what PyTorch answers for losses, activations and normalisations: values, gradients, second
derivatives.

Run with an interpreter that has torch:

    python tools/record_losses.py                  writes tests/data/losses.json

A case is a line of Python. It is evaluated with `F` (torch.nn.functional), `torch`, and the inputs
that `inputs` makes from a fixed stream of numbers, in float64; every input named in the line whose
name does not end in `_` requires grad. `tests/nn/test_recorded.py` loads this file and evaluates
the same lines with chainrule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "losses.json"
DIGITS = 10

# name: (shape, low, high)
FLOATS = {
    "x": ((3, 4), -3, 3),
    "y": ((3, 4), -3, 3),
    "z": ((3, 4), -3, 3),
    "p": ((3, 4), 0.1, 0.9),
    "q": ((3, 4), 0.1, 0.9),
    "v": ((3, 4), 0.2, 3),
    "y_": ((3, 4), -3, 3),
    "v3": ((3, 1), 0.2, 3),
    "x1": ((4,), -3, 3),
    "y1": ((4,), -3, 3),
    "x3": ((2, 3, 4), -3, 3),
    "x4": ((2, 4, 2, 3), -3, 3),
    "x5": ((2, 3, 2, 2, 2), -3, 3),
    "x0": ((), 0.1, 0.9),
    "p3": ((2, 3, 4), 0.1, 0.9),
    "w": ((4,), 0.2, 2),
    "b": ((4,), -1, 1),
    "w_": ((4,), 0.2, 2),
    "pw_": ((4,), 0.2, 2),
    "w3_": ((3,), 0.2, 2),
    "m_": ((4,), -1, 1),
    "s2_": ((4,), 0.5, 2),
    "e": ((5, 3), -2, 2),
    "a1": ((1,), 0.1, 0.5),
    "w34": ((3, 4), 0.2, 2),
    "b34": ((3, 4), -1, 1),
}
INTEGERS = {
    "t_": [0, 2, 1],
    "t1_": 2,
    "ti_": [0, -100, 3],
    "t3_": [[0, 2, 1, 1], [2, 2, 0, 1]],
    "t4_": [[[0, 1, 2], [3, 0, 1]], [[1, 1, 3], [2, 0, 0]]],
    "i_": [[0, 4, 4], [2, 0, 0]],
    "t5_": [[[[0, 1], [2, 0]], [[1, 1], [0, 2]]], [[[2, 1], [0, 0]], [[1, 2], [0, 1]]]],
    "l_": [[3, 0, -1, 1], [1, 1, -1, 0], [2, -1, -1, -1]],
    "bits_": [[0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]],
}
SIGNS = {"s_": [[1, -1, 1, -1], [-1, -1, 1, 1], [1, 1, -1, 1]], "s3_": [1, -1, 1]}

REDUCED = [
    "F.mse_loss(x, y{})",
    "F.l1_loss(x, y{})",
    "F.smooth_l1_loss(x, y, beta=0.7{})",
    "F.smooth_l1_loss(x, y{})",
    "F.huber_loss(x, y, delta=1.3{})",
    "F.binary_cross_entropy(p, q{})",
    "F.binary_cross_entropy(p, q, weight=w_{})",
    "F.binary_cross_entropy_with_logits(x, q{})",
    "F.binary_cross_entropy_with_logits(x, q, weight=w_{})",
    "F.binary_cross_entropy_with_logits(x, q, weight=w_, pos_weight=pw_{})",
    "F.nll_loss(x, t_{})",
    "F.nll_loss(x, t_, weight=w_{})",
    "F.nll_loss(x, ti_, weight=w_{})",
    "F.nll_loss(x1, t1_{})",
    "F.nll_loss(x3, t3_{})",
    "F.nll_loss(x4, t4_, weight=w_{})",
    "F.nll_loss(x5, t5_, ignore_index=1{})",
    "F.cross_entropy(x, t_{})",
    "F.cross_entropy(x, ti_, weight=w_{})",
    "F.cross_entropy(x1, t1_{})",
    "F.cross_entropy(x3, t3_{})",
    "F.cross_entropy(x4, t4_, weight=w_{})",
    "F.cross_entropy(x, q{})",
    "F.cross_entropy(x, q, weight=w_, label_smoothing=0.1{})",
    "F.cross_entropy(x3, p3, weight=w3_{})",
    "F.cross_entropy(x, t_, label_smoothing=0.2{})",
    "F.cross_entropy(x, ti_, weight=w_, label_smoothing=0.2{})",
    "F.cross_entropy(x3, t3_, label_smoothing=0.2{})",
    "F.cross_entropy(x1, y1.abs(){})",
    "F.kl_div(x, q, log_target=True{})",
    "F.poisson_nll_loss(x, q{})",
    "F.poisson_nll_loss(p, v, log_input=False, full=True{})",
    "F.gaussian_nll_loss(x, y, v{})",
    "F.gaussian_nll_loss(x, y, v3, full=True{})",
    "F.hinge_embedding_loss(x, s_{})",
    "F.hinge_embedding_loss(x, s_, margin=0.5{})",
    "F.cosine_embedding_loss(x, y, s3_, margin=0.1{})",
    "F.margin_ranking_loss(x, y, s_, margin=0.3{})",
    "F.multilabel_margin_loss(x, l_{})",
    "F.multilabel_margin_loss(x1, l_[0]{})",
    "F.multilabel_soft_margin_loss(x, q{})",
    "F.multilabel_soft_margin_loss(x, bits_, weight=w_{})",
    "F.soft_margin_loss(x, s_{})",
    "F.multi_margin_loss(x, t_{})",
    "F.multi_margin_loss(x, t_, p=2, margin=0.7, weight=w_{})",
    "F.multi_margin_loss(x1, t1_{})",
    "F.triplet_margin_loss(x, y, z{})",
    "F.triplet_margin_loss(x, y, z, margin=0.5, p=3, swap=True{})",
    "F.triplet_margin_with_distance_loss(x, y, z{})",
    "F.mse_loss(x, y, weight=v{})",
    "F.l1_loss(x, y, weight=v{})",
    "F.huber_loss(x, y, weight=v{})",
    "F.mse_loss(x0, x0.sin(){})",
]
ONCE = [
    "F.kl_div(x, q, reduction='batchmean')",
    "F.smooth_l1_loss(x, y, beta=0.0)",
    "F.nll_loss(x, t_, reduction='mean') * 2",
    "F.leaky_relu(x)",
    "F.leaky_relu(x, 0.3)",
    "F.leaky_relu(x, -0.3)",
    "F.relu6(x * 3)",
    "F.elu(x, 0.7)",
    "F.selu(x)",
    "F.celu(x, 1.3)",
    "F.gelu(x)",
    "F.gelu(x, approximate='tanh')",
    "F.silu(x)",
    "F.mish(x)",
    "F.softplus(x)",
    "F.softplus(x, 2.0, 1.5)",
    "F.softsign(x)",
    "F.softmin(x, 1)",
    "F.logsigmoid(x)",
    "F.hardtanh(x)",
    "F.hardtanh(x, -2, 0.5)",
    "F.hardsigmoid(x * 2)",
    "F.hardswish(x * 2)",
    "F.hardshrink(x)",
    "F.softshrink(x, 0.8)",
    "F.tanhshrink(x)",
    "F.threshold(x, 0.1, 20.0)",
    "F.prelu(x, w)",
    "F.prelu(x, a1)",
    "F.prelu(x4, w)",
    "F.prelu(x1, a1)",
    "F.glu(x)",
    "F.glu(x4, 1)",
    "F.rrelu(x)",
    "F.gelu(x0)",
    "F.elu(x0)",
    "F.softplus(x0)",
    "F.mish(x0)",
    "F.hardswish(x0)",
    "F.prelu(x0, a1)",
    "F.elu_(x * 1, 0.7)",
    "F.selu_(x * 1)",
    "F.leaky_relu_(x * 1)",
    "F.hardtanh_(x * 1)",
    "F.threshold_(x * 1, 0.1, 20.0)",
    "F.celu_(x * 1, 1.3)",
    "F.silu(x * 1, inplace=True)",
    "F.hardswish(x * 1, inplace=True)",
    "F.mish(x * 1, inplace=True)",
    "F.relu6(x * 1, inplace=True)",
    "F.relu(x * 1, inplace=True)",
    "F.relu_(x * 1)",
    "F.normalize(x)",
    "F.normalize(x, p=3.0, dim=0)",
    "F.cosine_similarity(x, y)",
    "F.cosine_similarity(x3, x, dim=2)",
    "F.pairwise_distance(x, y)",
    "F.pairwise_distance(x, y, p=1, keepdim=True)",
    "F.one_hot(t_, 4)",
    "F.one_hot(t_)",
    "F.embedding(i_, e)",
    "F.embedding(i_, e, padding_idx=0)",
    "F.embedding(i_, e, scale_grad_by_freq=True)",
    "F.embedding(t1_, e, padding_idx=-3)",
    "F.layer_norm(x, (4,))",
    "F.layer_norm(x, (4,), w, b)",
    "F.layer_norm(x3, (4,), w)",
    "F.layer_norm(x3, (3, 4), w34, b34, 0.1)",
    "F.layer_norm(x, (4,), None, b)",
    "F.batch_norm(x, None, None, training=True)",
    "F.batch_norm(x4, None, None, w, b, training=True)",
    "F.batch_norm(x4, m_, s2_, w, b)",
    "F.batch_norm(x, m_, s2_, eps=0.1)",
    "F.batch_norm(x4, m_, s2_, w, b, True, 0.3)",
    "F.group_norm(x4, 2)",
    "F.group_norm(x4, 2, w, b, 0.1)",
    "F.group_norm(x, 2, w)",
    "F.instance_norm(x4)",
    "F.instance_norm(x4, weight=w, bias=b)",
    "F.instance_norm(x4, m_, s2_, w, b, use_input_stats=False)",
    "F.instance_norm(x4, m_, s2_, momentum=0.3)",
    "F.rms_norm(x, (4,))",
    "F.rms_norm(x, (4,), w)",
    "F.rms_norm(x3, (3, 4), eps=0.1)",
    "F.local_response_norm(x4, 2)",
    "F.local_response_norm(x3, 3, 0.1, 0.5, 2.0)",
    "F.dropout(x, 0.3)",
    "F.dropout(x, 1.0)",
    "F.dropout(x, 0.3, training=False)",
    "F.dropout(x * 1, 0.3, inplace=True)",
    "F.alpha_dropout(x, 0.3, training=True)",
    "F.dropout2d(x4, 0.5)",
    "F.dropout1d(x3, 0.5)",
    "F.dropout3d(x5, 0.5)",
    "F.feature_alpha_dropout(x4, 0.5, training=True)",
    "F.rrelu(x, training=True)",
    "F.gumbel_softmax(x, 0.7)",
    "F.gumbel_softmax(x, hard=True)",
    "torch.dropout(x, 0.5, True)",
]


# PyTorch's second derivative of this one leaves the frequencies out
WRONG_SECOND = {"F.embedding(i_, e, scale_grad_by_freq=True)"}


def cases() -> list[str]:
    """The lines, those with a reduction three times."""
    rest = [""] + [f", reduction='{r}'" for r in ("sum", "none")]
    return [line.format(r) for line in REDUCED for r in rest] + ONCE


def stream(seed: int) -> Iterator[float]:
    """Uniform numbers in [0, 1), the same everywhere (a 64-bit linear congruential generator)."""
    state = (seed * 2862933555777941757 + 3037000493) % 2**64
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 11) / 2**53


def nested(shape: tuple[int, ...], draw: Iterator[float]) -> Any:
    """Nested lists of one shape from a stream."""
    return next(draw) if not shape else [nested(shape[1:], draw) for _ in range(shape[0])]


def inputs(torch: Any, line: str) -> dict[str, Any]:
    """The inputs that a line names, as tensors of `torch` (PyTorch or chainrule)."""
    made = {}
    for name in dict.fromkeys(re.findall(r"\b[a-z]\w*", line)):
        if name in FLOATS:
            shape, low, high = FLOATS[name]
            draw = (low + (high - low) * u for u in stream(1 + list(FLOATS).index(name)))
            made[name] = torch.tensor(nested(shape, draw), dtype=torch.float64)
            made[name].requires_grad_(not name.endswith("_"))
        elif name in INTEGERS:
            made[name] = torch.tensor(INTEGERS[name])
        elif name in SIGNS:
            made[name] = torch.tensor(SIGNS[name], dtype=torch.float64)
    return made


def cotangents(torch: Any, shapes: list[Any], seed: int) -> list[Any]:
    """Fixed cotangents in (-1, 1)."""
    draw = (2 * u - 1 for u in stream(seed))
    return [torch.tensor(nested(tuple(s), draw), dtype=torch.float64) for s in shapes]


def answer(torch: Any, line: str, names: dict[str, Any]) -> dict[str, Any]:
    """Value, node, gradients and second derivatives of a line."""
    torch.manual_seed(0)
    out = eval(line, {"torch": torch, "F": torch.nn.functional}, names)
    found: dict[str, Any] = {"value": out.tolist()}
    found |= {n: t.tolist() for n, t in names.items() if n in ("m_", "s2_")}  # running statistics
    leaves = [t for t in names.values() if t.requires_grad]
    if not out.requires_grad:
        return found
    if out.grad_fn is not None:
        found["node"] = out.grad_fn.name()
    (g,) = cotangents(torch, [out.shape], 100)
    g.requires_grad_()
    first = torch.autograd.grad(out, leaves, g, create_graph=True, allow_unused=True)
    found["grad"] = listed(first)
    linked = [t for t in first if t is not None and t.requires_grad]
    if linked:
        vs = cotangents(torch, [t.shape for t in linked], 200)
        try:
            found["second"] = listed(
                torch.autograd.grad(linked, [*leaves, g], vs, allow_unused=True)
            )
        except RuntimeError as error:  # PyTorch has no second derivative of some
            found["no second"] = str(error)
    return found


def listed(gradients: Any) -> list[Any]:
    """Gradients as lists; zeros are None: nothing tells whether a rule or nobody made them."""
    return [None if t is None or not (t != 0).any() else t.tolist() for t in gradients]


def rounded(value: Any) -> Any:
    """Numbers with DIGITS digits, which is what can be compared."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def main() -> None:
    import torch

    recorded = {}
    for line in cases():
        try:
            recorded[line] = rounded(answer(torch, line, inputs(torch, line)))
            if line in WRONG_SECOND:
                del recorded[line]["second"]
        except RuntimeError as error:
            recorded[line] = {"error": str(error).partition("\n")[0]}
            print(line, error)
    tight = (",", ":")
    text = ",\n".join(
        f"{json.dumps(k)}: {json.dumps(v, separators=tight)}" for k, v in recorded.items()
    )
    DATA.write_text("{\n" + text + "\n}\n", encoding="utf-8")
    print(f"{len(recorded)} cases, {DATA.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
