"""Products that are no matmul."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_A, _B = numbers(7, 3), numbers(7, 3, seed=1)
_D = _A.astype("float64")


_PAIRS = [
    (_A, numbers(3, 4)),
    (_A, numbers(4, 3).T),
    (_A.T, _B),
    (_A, numbers(3)),
    (numbers(7), _A),
    (numbers(31, 31), numbers(31)),
    (numbers(31, 31).T, numbers(31)),
    (numbers(4, 2, 2), numbers(4, 2, 3)),
    (numbers(4, 5, 6), numbers(4, 7, 6).transpose(0, 2, 1)),
    (_D, _D.T),
    (numbers(50, 60), numbers(60, 50)),
    (numbers(1, 40), numbers(40, 1)),
    (numbers(2, 0), numbers(0, 3)),
]


def _kron(a, b):
    return a, b, a.shape, b.shape


CALLS = {
    "kron": [
        _kron(numbers(5), numbers(7)),
        _kron(_A, _B),
        _kron(_D, _D),
        (numbers(4), _A, (1, 4), (7, 3)),
        _kron(numbers(2, 3, 4), numbers(2, 3, 4)),
        _kron(SPECIAL, SPECIAL),
    ],
    "cross": [
        (_A, _B, 1),
        (_A, _B, -1),
        (_D, _D, 1),
        (numbers(3, 50), numbers(3, 50, seed=1), 0),
        (numbers(4, 3, 5), numbers(4, 3, 5, seed=1), 1),
        (_A, numbers(3), -1),
        (_A, _A, 1),
    ],
    "matmul": _PAIRS,
    "added_product": [
        (y, a, b, beta, alpha)
        for a, b in _PAIRS
        for beta, alpha in ((1, 1), (0.5, -2.0))
        for y in (numbers(*np.matmul(a, b).shape, seed=9).astype(a.dtype),)
    ]
    + [(numbers(4), _A, numbers(3, 4), 1, 1), (numbers(1), _A, numbers(3, 4), 2, 1)],
    "outer": [
        (numbers(5), numbers(7)),
        (numbers(1), numbers(4)),
        (numbers(100), numbers(90)),
        (numbers(3).astype(float), numbers(4).astype(float)),
    ],
    "vander": [(numbers(5), 4), (_A, 3), (_D, 6), (numbers(3), 1)],
    "shortened": [
        (x, dim, most)
        for x in (_A, _D, numbers(2, 3, 20), numbers(0, 3))
        for dim in range(x.ndim)
        for most in (0.5, 2)
    ],
    "trace": [(_A,), (_D,), (numbers(9, 9),), (numbers(9, 9).T,), (numbers(0, 3),)],
}
EXACT = ("kron", "cross")
CANCELS = ("matmul", "added_product")
