"""Pixels and channels shuffled; elements of several sizes."""

import numpy as np
from kernels.compiled_calls import numbers

_X = [numbers(2, 8, 3, 5), numbers(4, 2, 3), np.arange(48).reshape(1, 12, 2, 2), numbers(2, 3, 0)]
CALLS = {
    "_pixel_shuffle_kernel": [(x, 2) for x in _X[:3]] + [(numbers(9, 1, 2), 3)],
    "_pixel_unshuffle_kernel": [(numbers(2, 3, 4, 6), 2), (np.arange(36).reshape(1, 6, 6), 3)],
    "_channel_shuffle_kernel": [(x, g) for x in _X for g in (1, 2) if x.shape[1] % g == 0],
}
EXACT = tuple(CALLS)
