"""Sample calls of the recurrent layers' time loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls.sample import Sample, on, values

rows, h, c = values(7, 2), values(3, 2, seed=1), values(3, 2, seed=2)
SIZES = (3, 3, 1)


def weights(gates: int) -> tuple[Any, ...]:
    """w_ih, w_hh, b_ih, b_hh for two features in and two of state."""
    shapes = ((2 * gates, 2), (2 * gates, 2), (2 * gates,), (2 * gates,))
    return tuple(values(*s, low=-0.9, high=0.9, seed=i) for i, s in enumerate(shapes))


BY_HAND: dict[str, list[Sample]] = {
    "lstm_layer": [
        on(rows, h, c, *weights(4))(SIZES, False, True),
        on(rows, h, c, *weights(4)[:2], None, None)(SIZES, True, True),
    ],
    "gru_layer": [
        on(rows, h, *weights(3))(SIZES, False),
        on(rows, h, *weights(3)[:2], None, None)(SIZES, True),
    ],
    "rnn_layer": [
        on(rows, h, *weights(1))(False, SIZES, False),
        on(rows, h, *weights(1)[:2], None, None)(False, SIZES, True),
        on(rows, np.abs(h), *map(np.abs, weights(1)))(True, (3, 2, 2), False),
    ],
}
