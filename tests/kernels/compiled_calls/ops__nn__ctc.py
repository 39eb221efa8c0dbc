"""Labels of different lengths, equal neighbours, labels that cannot be written, no labels."""

import itertools

import numpy as np
from kernels.compiled_calls import numbers

_Y = numbers(6, 4, 5, low=-3.0, high=-0.1)
_Y[2, 1, 3] = -np.inf
_LABELS = np.array([[1, 2, 2], [3, 0, 1], [4, 4, 4], [1, 0, 0]])
_LENGTHS = [
    (np.array([6, 6, 6, 6]), np.array([3, 3, 3, 0])),
    (np.array([6, 4, 3, 1]), np.array([2, 3, 3, 1])),  # the third does not fit
    (np.array([0, 0, 5, 2]), np.array([0, 1, 2, 0])),
]
_FLAT = np.array([1, 2, 2, 3, 4, 1])
_OPERANDS = [(_Y, _LABELS, *lengths, 0) for lengths in _LENGTHS]
_OPERANDS += [(_Y, _FLAT, np.array([6, 5, 6, 6]), np.array([3, 1, 2, 0]), 0)]
_OPERANDS += [(_Y, _LABELS[:, :2].copy(), *_LENGTHS[0][:1], np.array([2, 1, 2, 0]), 4)]
_OPERANDS += [(_Y.astype(np.float64), *rest) for _, *rest in _OPERANDS]
_BOTH = [(*o, zero) for o, zero in itertools.product(_OPERANDS, (False, True))]
CALLS = {
    "_ctc_kernel": _BOTH,
    "_back_kernel": [(numbers(4, seed=2).astype(o[0].dtype), *o) for o in _BOTH],
}
TOLERANCE = dict.fromkeys(CALLS, 1e-5)
CANCELS = tuple(CALLS)
