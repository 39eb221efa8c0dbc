"""Calls of the draws that move with their parameters: their value is the last operand, so that
differences along the other ones know nothing of the rule (tests/distributions looks at those)."""

from __future__ import annotations

from ops.calls.sample import Sample, i64, on, positive, values

orders, numbers = i64([[1, 2, 3], [2, 1, 5]]), i64([[1, 3, 2], [2, 1, 9]])
x23, p23 = positive(2, 3), values(2, 3, low=0.1, high=0.9)

BY_HAND: dict[str, list[Sample]] = {
    "standard_gamma_grad": [on(orders, numbers)(), on(orders[0], numbers)()],
    "dirichlet_grad": [on(numbers * 0, orders, orders + 1)()],
    "standard_gamma_of": [on(x23, positive(2, 3, seed=1))()._replace(exact=False)],
    "dirichlet_of": [on(x23, p23)()._replace(exact=False)],
    "binomial_of": [on(x23, p23, values(2, 3, seed=1))()],
}
