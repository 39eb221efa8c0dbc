"""Calls of the ops that random numbers are recorded with: their value is the last operand."""

from __future__ import annotations

from ops.calls.sample import Sample, on, positive, values

x23, y23, drawn = positive(2, 3), values(2, 3), values(2, 3, seed=1)

BY_HAND: dict[str, list[Sample]] = {
    "bernoulli_of": [on(values(2, 3, low=0.1, high=0.9), drawn)()],
    "poisson_of": [on(x23, drawn)()],
    "normal_around": [on(y23, drawn)()],
    "normal_spread": [on(x23, drawn)()],
    "normal_of": [on(y23, x23, drawn)(), on(values(3), x23, drawn)()],
}
