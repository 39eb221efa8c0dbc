"""Elements along a dimension by a table."""

import numpy as np
from kernels.compiled_calls import numbers

_X, _ROW = numbers(3, 5, 4), numbers(6)
_ONE, _TWO = np.array([[0, 0, 4, 2]]), np.array([[0, 1, 3], [1, 4, 2]])
_WEIGHTS = numbers(2, 3, seed=3)
CALLS = {
    "weighted": [
        (_X, 1, _ONE, None),
        (_ROW, 0, _ONE, None),
        (_X, 1, _TWO, _WEIGHTS),
        (_ROW, 0, _TWO, _WEIGHTS),
        (_X.transpose(0, 2, 1).copy(), 2, _TWO, _WEIGHTS),
        (_X.astype(np.float64), 1, _TWO, _WEIGHTS.astype(np.float64)),
    ]
}
TOLERANCE = {"weighted": 2e-6}
CANCELS = ("weighted",)
