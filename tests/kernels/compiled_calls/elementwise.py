"""Elementwise functions of one to three operands."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_A, _B = np.meshgrid(SPECIAL, SPECIAL)
_A, _B = np.ascontiguousarray(_A), np.ascontiguousarray(_B)
_WIDE = numbers(1000), numbers(1000, seed=1)
_MASK = np.random.default_rng(2).random(1000) < 0.5
_INTEGERS = np.arange(-500, 500)

UNARY = [(numbers(7),), (numbers(5, 33),), (numbers(1000).astype(np.float64),), (SPECIAL,)]
BINARY = [
    _WIDE,
    (_WIDE[0].astype(np.float64), _WIDE[1].astype(np.float64)),
    (_A, _B),
    (numbers(5, 3), numbers(3)),  # broadcast: the twin
    (numbers(9), np.array(2.5, np.float32)),
    (numbers(9), -0.7),
]
PARTS = [
    (numbers(1000, low=-50, high=50), numbers(1000, seed=1)),
    (numbers(1000, low=-50, high=50), np.array(-1.3, np.float32)),
    (numbers(9, low=-1e30, high=1e30), numbers(9, seed=1)),
    (_A, _B),
    (np.array([6.0, -6.0, 0.3, -0.3], np.float32), np.array([3.0, 3.0, 0.1, 0.1], np.float32)),
]
_LOGS = [
    (numbers(1000, low=0.2, high=3), numbers(1000, low=0.2, high=3, seed=1)),
    (_A, _B),
    (numbers(5, 3), numbers(3, low=0.2, high=3)),  # broadcast: the twin
]
_THREE = [numbers(1000, low=1.0, high=2.0, seed=i) for i in range(3)]
_DOUBLES = [a.astype(np.float64) for a in _THREE]

CALLS = {
    **dict.fromkeys(
        ("rsqrt", "reciprocal", "sign", "frac", "floor", "ceil", "trunc", "rint", "angle"), UNARY
    ),
    "round_decimals": [(a, d) for (a,) in UNARY for d in (2, -1, 0)],
    **dict.fromkeys(("remainder", "fmod", "floor_divide"), PARTS),
    **dict.fromkeys(
        ("tanh_backward", "sigmoid_backward", "maximum", "minimum"), BINARY
    ),
    "heaviside": BINARY[:5],
    "joined": BINARY[:4],
    "clamp": [
        (a, *bounds)
        for (a,) in UNARY
        for bounds in ((-0.5, 0.5), (None, 1), (0, None), (1.0, -1.0), (np.nan, 0.5), (0.5, np.nan))
    ],
    "nan_to_num": [
        call
        for (a,) in UNARY
        for call in ((a,), (a, None, None, None), (a, 1.5, 2.0, -3), (a, np.nan, np.inf, None))
    ],
    "where": [
        (_MASK, *_WIDE),
        (_MASK, _WIDE[0], 0.0),
        (_MASK, -2.5, _WIDE[0].astype(np.float64)),
        (_MASK, _WIDE[0], np.array(2.0, np.float32)),
        (_MASK, _INTEGERS, -_INTEGERS),
        (_MASK, _MASK, ~_MASK),
        (_MASK, _WIDE[0], np.arange(1000.0)),  # promoted: the twin
        (_MASK.reshape(100, 10), numbers(10), 1.0),  # broadcast: the twin
    ],
    "sinc": [*UNARY, (numbers(99, low=-2e6, high=2e6),)],
    "sigmoid": UNARY,
    "logit": [(numbers(1000, low=0, high=1), eps) for eps in (None, 1e-3, 0.3)] + [(SPECIAL,)],
    "entr": [(numbers(1000, low=0, high=3),), *UNARY],
    **dict.fromkeys(("xlogy", "xlog1py", "logaddexp", "logaddexp2"), _LOGS),
    "addcmul": [(*_THREE, 0.5), (*_THREE,), (*_DOUBLES, -2), (_A, _B, _A, 0.0)],
    "addcdiv": [(*_THREE, 0.5), (*_THREE,), (*_DOUBLES, -2)],
    "lerp": [
        (*_THREE[:2], 0.3), (*_THREE[:2], 0.7), (*_THREE[:2], -2), (*_THREE[:2], 0.5),
        (*_THREE[:2], numbers(1000, seed=5)), (*_DOUBLES[:2], 0.8), tuple(_DOUBLES),
        (_A, _B, 1.0), (_A, _B, 0.0),
    ],
}  # fmt: skip
EXACT = (
    "rsqrt", "reciprocal", "sign", "frac", "floor", "ceil", "trunc", "rint", "remainder", "fmod",
    "floor_divide", "maximum", "minimum", "heaviside", "clamp", "nan_to_num", "where",
)  # fmt: skip
TOLERANCE = {"lerp": 1e-4, "tanh_backward": 1e-5, "sigmoid_backward": 1e-5}  # one rounding less
