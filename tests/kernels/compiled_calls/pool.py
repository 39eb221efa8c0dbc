"""Pooling: windows that fit, overlap, reach into the padding and are dilated; ties and NaN."""

import numpy as np
from kernels.compiled_calls import numbers


def _image(*shape: int) -> np.ndarray:
    made = np.round(numbers(*shape) * 2)  # many equal numbers
    made.reshape(-1)[3] = np.nan
    made.reshape(-1)[5] = -np.inf
    return made


def _windows(x: np.ndarray, n: int) -> list:
    """(size, kernel, stride, padding, dilation) over the last n dimensions."""
    made = []
    for k, s, p, d in ((2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 1, 0, 2), (3, 3, 1, 1)):
        size = tuple((h + 2 * p - d * (k - 1) - 1) // s + 1 for h in x.shape[-n:])
        if min(size) > 0:
            made.append((size, *((v,) * n for v in (k, s, p, d))))
    return made


_INPUTS = [(_image(2, 3, 7, 6), 2), (_image(1, 6, 5, 7), 3), (_image(2, 9), 1)]
_INPUTS += [(x.astype(np.float64), n) for x, n in _INPUTS]
_MAX = [(x, *w) for x, n in _INPUTS for w in _windows(x, n)]
_PLACED = []
for _x, *_w in _MAX:
    _clean = np.nan_to_num(_x)
    _out = np.zeros((*_x.shape[: _x.ndim - len(_w[0])], *_w[0]), _x.dtype)
    _g = (np.arange(_out.size) % 7 - 3).reshape(_out.shape).astype(_x.dtype)
    _PLACED.append((_clean, _g, _w))


def _top(x: np.ndarray, w: list) -> np.ndarray:
    from chainrule.kernels import pool

    return getattr(pool.maximum, "__wrapped__", pool.maximum)(x, *w)


_MEAN = []
for _x, _g, (_size, _k, _s, _p, _d) in _PLACED:
    if set(_d) == {1}:
        for _rest in ((True, None), (False, None), (True, 3)):
            _MEAN.append((_x, _g, (_size, _k, _s, _p, *_rest)))

_SIZES = [(x, size) for x, n in _INPUTS for size in ((1,) * n, (2,) * n, (4,) * n, (3,) * n)]
_AT = np.array([[[0, 5], [5, 3]], [[1, 1], [2, 0]]])
_VALUES = numbers(2, 2, 2)

CALLS = {
    "maximum": _MAX,
    "max_places": _MAX,
    "max_back": [(g, x, _top(x, w), *w) for x, g, w in _PLACED],
    "max_pick": [(x[..., ::-1].copy(), x, _top(x, w), *w) for x, g, w in _PLACED],
    "average": [(x, *w) for x, g, w in _MEAN],
    "average_back": [(abs(g) + 1, x.shape[-len(w[0]) :], *w) for x, g, w in _MEAN],
    "adaptive_maximum": _SIZES,
    "adaptive_average": [(np.nan_to_num(x, neginf=-4.0), size) for x, size in _SIZES],
    "adaptive_average_back": [(numbers(2, 3, 4), (5, 6)), (numbers(2, 2, 2, 3), (4, 7, 9))],
    "fractional_maximum": [
        (x, numbers(*x.shape[:-n], n, low=0.0, high=0.999).astype(x.dtype), kernel[:n], size[:n])
        for x, n in _INPUTS
        for kernel, size in (((2, 3, 2), (3, 2, 3)), ((1, 2, 3), (1, 4, 1)))
        if n > 1
    ],
    "gather": [(numbers(2, 2, 3), _AT, 2), (numbers(2, 2, 3), _AT[..., :1].copy(), 2)],
    "scatter": [(_VALUES, _AT, (2, 3)), (_VALUES, _AT, (6, 1))],
    "unpool": [(_VALUES, _AT, (2, 3))],
}
TOLERANCE = dict.fromkeys(CALLS, 2e-6)
