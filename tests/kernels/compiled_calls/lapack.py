"""Factors of small matrices, and systems solved with them."""

import numpy as np
from kernels.compiled_calls import numbers


def _square(n, seed=0):
    return numbers(n, n, seed=seed) + 2 * np.eye(n, dtype=np.float32) * n**0.5


def _definite(n):
    a = numbers(n, n)
    return a @ a.T + np.eye(n, dtype=np.float32)


def _both(*arrays):
    yield arrays
    yield tuple(a.astype(float) if a.dtype == np.float32 else a for a in arrays)


_SIZES = (1, 2, 3, 8, 17, 31, 64)
_TRIANGULAR = [_square(n) for n in _SIZES]
_FLAGS = [(u, left, one) for u in (False, True) for left in (True, False) for one in (False, True)]


def _factors(n):
    pivots = np.arange(n, dtype=np.int32)[::-1].copy() + 1
    return _square(n), np.maximum(pivots, np.arange(n, dtype=np.int32) + 1)


CALLS = {
    "lu_factor": [
        (a,)
        for n in _SIZES
        for x in (_square(n), numbers(n, 5), numbers(5, n), numbers(n, n).T)
        for (a,) in _both(x)
    ]
    + [(np.zeros((3, 3), np.float32),), (np.ones((4, 3), np.float32),), (numbers(2, 3, 3),)],
    "triangles": [
        (a,)
        for x in (numbers(4, 4), numbers(4, 2), numbers(2, 4), numbers(2, 3, 3))
        for (a,) in _both(x)
    ],
    "permutation_matrix": [
        (np.array(pivots, np.int32), m, np.dtype(kind))
        for pivots, m in (([1], 1), ([3, 3, 3], 3), ([2, 3], 5), ([4, 2, 3, 4], 4))
        for kind in ("f", "d")
    ],
    "cholesky": [
        (a, upper) for n in _SIZES for (a,) in _both(_definite(n)) for upper in (False, True)
    ]
    + [(_definite(4) + np.triu(numbers(4, 4), 1),), (_definite(4)[None], False)],
    "solve_triangular": [
        (a, b if flags[1] else b.T, *flags)
        for x in _TRIANGULAR
        for a, b in _both(x, numbers(len(x), 3))
        for flags in _FLAGS
    ]
    + [(_square(4), numbers(4, 1), True), (_square(4).T, numbers(4, 200), False, True)]
    + [(np.diag([1.0, 0.0]), np.ones((2, 2)), True), (numbers(2, 3, 3), numbers(2, 3, 3), True)],
    "lu_solve": [
        (a, _factors(n)[1], b, adjoint)
        for n in _SIZES
        for a, b in _both(_factors(n)[0], numbers(n, 4))
        for adjoint in (False, True)
    ]
    + [(*_factors(5), numbers(5, 1))],
    "cholesky_solve": [
        (b, a, upper)
        for n in _SIZES
        for a, b in _both(_square(n), numbers(n, 4))
        for upper in (False, True)
    ],
    "cholesky_inverse": [
        (a, upper) for n in _SIZES for (a,) in _both(_square(n)) for upper in (False, True)
    ],
    "inv": [(a,) for n in _SIZES for (a,) in _both(_square(n))] + [(_square(3)[None],)],
    "solve": [
        (a, b, b.ndim == 1)
        for n in _SIZES
        for y in (numbers(n, 3), numbers(n, 1), numbers(n))
        for a, b in _both(_square(n), y)
    ]
    + [(_square(3)[None], numbers(3, 3), False)],
    "qr": [
        (a, mode)
        for n in _SIZES
        for x in (numbers(n, n), numbers(n, 5), numbers(5, n), numbers(n, 5).T)
        for (a,) in _both(x)
        for mode in ("reduced", "complete")
    ]
    + [(np.zeros((3, 3), np.float32), "reduced"), (np.triu(_square(3)), "reduced")],
    "reflections": [
        (a, tau)
        for n in _SIZES
        for k in {n, max(1, n - 2)}
        for a, tau in _both(np.tril(numbers(n, n)) / n, abs(numbers(k)))
    ]
    + [(numbers(9, 4), numbers(4)), (numbers(9, 4), numbers(2)), (numbers(2, 3, 3), numbers(2, 3))],
}
CANCELS = tuple(CALLS)
TOLERANCE = dict.fromkeys(CALLS, 3e-5)
