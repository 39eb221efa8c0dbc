"""Padding by a number, and the transpose of padding by elements."""

import numpy as np
from kernels.compiled_calls import numbers

V, M, CUBE = numbers(6), numbers(4, 5), numbers(2, 3, 4)

CALLS = {
    "constant_pad": [
        (x, pads, value)
        for x, many in (
            (V, [((1, 2),), ((-1, 3),), ((0, 0),), ((-2, -4),)]),
            (M, [((1, 1),), ((2, 0), (0, 3)), ((-1, 2), (1, -2)), ((0, -4), (-5, 0))]),
            (CUBE, [((1, 2), (3, 4)), ((1, 1), (1, 1), (1, 1))]),
            (M.astype(float), [((1, 1), (2, 2))]),
        )
        for pads in many
        for value in (0.0, 1.5, -0.0)
    ],
}
CALLS["folded"] = [
    (abs(x), axis, np.array([1, 0, 1, 2, 3, 3]), 4)
    for x, axis in (
        (V, 0),
        (numbers(6, 3), 0),
        (numbers(2, 6, 5), 1),
        (numbers(3, 6).astype(float), 1),
    )
]
EXACT = ("constant_pad",)
