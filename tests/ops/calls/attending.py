"""Calls of attention, bags of rows, segments and the alignment of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls.sample import Sample, i64, on, values

import chainrule as torch  # noqa: F401

BY_HAND: dict[str, list[Sample]] = {}

# ---------------------------------------------------------------- attention

q, k, v = values(2, 3, 4), values(2, 5, 4, seed=1), values(2, 5, 4, seed=2)
g = values(2, 3, 4, seed=3)
hidden = np.where(np.tri(3, 5, 1) > 0, 0.0, -np.inf)
large = q * 40


def attend(*operands: Any) -> Any:
    """The mask, the last operand, is a constant."""
    at = len(operands) - 1
    return lambda *params: Sample(operands, params, (at,) if operands[at] is not None else ())


BY_HAND |= {
    "attention": [
        attend(q, k, v, None)(0.5),
        attend(q, k, v, hidden)(0.5),
        attend(large, k, v, None)(0.01),
    ],
    "attention_backward": [attend(g, q, k, v, None)(0.5), attend(g, q, k, v, hidden)(0.5)],
    "_safe_softmax": [on(values(2, 3))(1), on(values(2, 3))(0)],
}

# ---------------------------------------------------------------- bags

table, rows = values(4, 3), i64([0, 2, 1, 2, 0])
offsets, bags = i64([0, 2, 2]), i64([0, 0, -1, 2, 2])
scales = values(5, low=0.3, high=2.0)
at = i64([[0, 1, 2], [-1, 3, 0]])

BY_HAND |= {
    "bag_numbers": [on(rows, offsets)(False, -1), on(rows, i64([0, 2, 5]))(True, 2)],
    "_bag_weights": [on(bags, table)(3, True), on(bags, table)(3, False)],
    "embedding_bag_sum": [on(table, scales, rows, bags)(3, False)],
    "bag_spread": [on(values(3, 2), bags)()],
    "bag_sum": [on(values(5, 2), bags)(3)],
    "bag_argmax": [on(table, rows, bags)(3)],
    "embedding_bag_max": [on(table, at)()],
    "embedding_bag_put": [on(values(2, 3), at)(4)],
}

# ---------------------------------------------------------------- segments

lengths, many = i64([2, 0, 3]), i64([[1, 2], [3, 0]])
x5 = values(5, 2, low=0.4, high=2.0)
BY_HAND |= {
    "segment_fold": [
        on(x5, lengths)("sum", 0, None),
        on(x5, lengths)("mean", 0, 0.0),
        on(x5, lengths)("max", 0, 0.0),
        on(x5, lengths)("min", 0, 3.0),
        on(x5, i64([2, 3]))("prod", 0, 1.5),
        on(values(2, 3, 2), many)("sum", 1, None),
    ],
    "segment_spread": [on(values(3, 2), lengths)(0, 5)],
    "segment_sum": [on(x5, lengths)(0), on(values(2, 3, 2), many)(1)],
    "segment_prod_others": [on(x5, lengths)(0, None)],
}

# ---------------------------------------------------------------- alignment

y = values(4, 2, 5)
y = y - np.log(np.exp(y).sum(-1, keepdims=True))
labels, steps, counts = i64([[1, 2], [3, 3]]), i64([4, 3]), i64([2, 2])


def align(*params: Any) -> Sample:
    """The rule gives the gradient for logits, as PyTorch's does."""
    return Sample((y, labels, steps, counts), params, exact=False)


BY_HAND |= {
    "ctc_lattice": [on(labels, counts)(0, i) for i in range(4)],
    "ctc_loss_each": [align(0, False), align(4, True)],
    "ctc_posterior": [align(0)],
    "ctc_counts": [align(0, True)],
}
