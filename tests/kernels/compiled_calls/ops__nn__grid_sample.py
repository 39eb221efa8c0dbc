"""Reading images and volumes at places inside, at the border, outside and nowhere (NaN)."""

import itertools

import numpy as np
from kernels.compiled_calls import numbers


def _places(*shape: int) -> np.ndarray:
    made = numbers(*shape, low=-1.7, high=1.7, seed=5)
    made.reshape(-1)[:4] = (1.0, -1.0, 0.0, 40.0)
    return made


_CASES = [
    (numbers(2, 3, 5, 4), _places(2, 3, 6, 2)),
    (numbers(1, 2, 3, 4, 5), _places(1, 2, 2, 7, 3)),
]
_CASES += [(x.astype(np.float64), grid.astype(np.float64)) for x, grid in _CASES]
_MODES = [
    *itertools.product(("bilinear", "nearest"), ("zeros", "border", "reflection"), (False, True))
]
CALLS = {
    "_kernel": [(x, grid, *modes) for x, grid in _CASES for modes in _MODES],
    "_back": [
        (numbers(*x.shape[:2], *grid.shape[1:-1], seed=7).astype(x.dtype), x, grid, *modes)
        for x, grid in _CASES
        for modes in _MODES
    ],
}
_SIZES = [(2, 1, 3, 4), (2, 1, 1, 5), (2, 1, 2, 3, 4)]
for _size in _SIZES:
    _n = len(_size) - 2
    for _aligned in (False, True):
        _theta, _g = numbers(2, _n, _n + 1), numbers(2, *_size[2:], _n, seed=3)
        CALLS.setdefault("_affine_kernel", []).append((_theta, _size, _aligned))
        CALLS.setdefault("_affine_back_kernel", []).append((_g, _size, _aligned))
TOLERANCE = dict.fromkeys(CALLS, 1e-5)
CANCELS = tuple(CALLS)
