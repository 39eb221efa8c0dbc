"""Calls of the ops behind distances."""

from __future__ import annotations

from ops.calls.sample import Sample, on, values

BY_HAND: dict[str, list[Sample]] = {
    "euclidean_dist": [
        on(values(3, 4), values(5, 4, seed=1))(),
        on(values(2, 3, 4), values(2, 2, 4, seed=1))(),
    ],
    "pair_differences": [on(values(4, 3))()],
    "pair_totals": [on(values(6, 3))(4)],
    "pdist_euclidean": [on(values(4, 3))()],
}
