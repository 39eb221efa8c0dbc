"""Bags of rows: empty ones, padding, indices behind the last bag."""

import numpy as np
from kernels.compiled_calls import numbers

_AT = np.array([3, 0, 4, 4, 1, 2, 0])
_BAGS = np.array([0, 0, -1, 2, 2, 2, -1])
CALLS = {
    "_numbers_kernel": [
        (_AT, np.array(offsets), last, padding)
        for offsets in ([0, 2, 2, 5], [0], [0, 7])
        for last in (False, True)
        for padding in (-1, 4)
    ],
    "_weights_kernel": [(_BAGS, numbers(5, 3), 3, mean) for mean in (False, True)],
    "_sum_kernel": [(numbers(5, 3), numbers(7, seed=1), _AT, _BAGS, 3)],
    "_to_rows": [(numbers(3, 4), numbers(7, seed=1), _BAGS)],
}
CANCELS = tuple(CALLS)
