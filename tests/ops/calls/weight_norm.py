"""Calls of the op behind weight norm."""

from __future__ import annotations

from ops.calls.sample import Sample, on, values

BY_HAND: dict[str, list[Sample]] = {
    "weight_norm": [
        on(values(3, 4), values(3, 1, seed=1))(0),
        on(values(3, 4), values(1, 4, seed=1))(1),
        on(values(3, 2, 2), values(3, 1, 1, seed=1))(0),
    ],
}
