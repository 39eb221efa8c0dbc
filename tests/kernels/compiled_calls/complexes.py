"""Complex numbers from reals, and the same memory seen in both ways."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_M = numbers(3, 4, 2)
_Z = (numbers(3, 4) + 1j * numbers(3, 4, seed=1)).astype(np.complex64)

CALLS = {
    "polar": [
        (numbers(1000), 50 * numbers(1000, seed=1)),
        (numbers(3, 4), numbers(3, 4, seed=1)),
        (numbers(4), np.array([0.0, -0.0, 1.5707964, 3.1415927], np.float32)),
        (numbers(4), np.array([1e7, -9e5, 9.9e5, 1.0], np.float32)),
        (SPECIAL, SPECIAL),
        (numbers(4).astype(float), numbers(4).astype(float)),
    ],
    "conj": [(_Z,), (_Z.astype(complex),), (_Z.T,), (_M,)],
    "pairs": [(_Z,), (_Z.astype(complex),), (_Z.T,), (_Z[0],), (_Z[:0],)],
    "from_pairs": [(_M,), (_M.astype(float),), (_M[0, 0],), (_M[:0],), (np.asfortranarray(_M),)],
}
CANCELS = ("polar",)
EXACT = ("conj", "pairs", "from_pairs")
