"""Small convolutions and their two adjoints."""

import numpy as np
from kernels.compiled_calls import numbers

_FORMS = []  # input, weight, stride, padding, dilation, groups
for _spatial, _kernel in (
    ((9,), (3,)),
    ((21,), (4,)),
    ((5, 19), (2, 3)),
    ((6, 7), (3, 2)),
    ((4, 5, 3), (2, 2, 3)),
    ((5, 5), (1, 1)),
):
    _n = len(_spatial)
    for _s, _p, _d, _g in ((1, 0, 1, 1), (1, 1, 1, 2), (2, 1, 1, 1), (1, 2, 2, 2), (3, 1, 1, 1)):
        _x, _w = numbers(2, 4, *_spatial), numbers(6, 4 // _g, *_kernel, seed=1)
        _FORMS.append((_x, _w, *((v,) * _n for v in (_s, _p, _d)), _g))
_FORMS += [(x.astype(np.float64), w.astype(np.float64), *rest) for x, w, *rest in _FORMS[:7]]


def _size(x: np.ndarray, w: np.ndarray, stride: tuple, padding: tuple, dilation: tuple) -> tuple:
    lists = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    return tuple((h + 2 * p - d * (k - 1) - 1) // s + 1 for h, k, s, p, d in lists)


_FITTING = [(x, w, _size(x, w, *rest[:3]), rest) for x, w, *rest in _FORMS]
_FITTING = [f for f in _FITTING if min(f[2]) > 0]


def _y(x: np.ndarray, w: np.ndarray, size: tuple) -> np.ndarray:
    return numbers(len(x), len(w), *size, seed=2).astype(x.dtype)


CALLS = {
    "convolution": [(x, w, size, *rest) for x, w, size, rest in _FITTING]
    + [(x, w, size, *rest, numbers(6, seed=3).astype(x.dtype)) for x, w, size, rest in _FITTING],
    "convolution_input": [(_y(x, w, size), w, x.shape[2:], *rest) for x, w, size, rest in _FITTING],
    "convolution_weight": [
        (_y(x, w, size), x, w.shape[2:], *rest) for x, w, size, rest in _FITTING
    ],
}
_PATCHES = [(x, w.shape[2:], size, *rest[:3]) for x, w, size, rest in _FITTING if x.ndim == 4]
CALLS["im2col"] = [(x[0], *rest) for x, *rest in _PATCHES] + _PATCHES
CALLS["col2im"] = [
    (
        numbers(2, 3 * kernel[0] * kernel[1], size[0] * size[1]).astype(x.dtype),
        *(x.shape[2:], kernel, size, *rest),
    )
    for x, kernel, size, *rest in _PATCHES
]
CANCELS = tuple(CALLS)
TOLERANCE = dict.fromkeys(CALLS, 2e-6)
