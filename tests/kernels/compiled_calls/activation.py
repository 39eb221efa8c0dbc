"""Activation functions."""

import numpy as np
from kernels.compiled_calls import SPECIAL, UNARY, numbers


def _with(*parameters: float | str) -> list[tuple[object, ...]]:
    return [(*operands, *parameters) for operands in UNARY]


def _back(*parameters: float | str) -> list[tuple[object, ...]]:
    """Cotangents of the operand's shape, and one number broadcast, as sums hand it back."""
    made: list[tuple[object, ...]] = []
    for (x,) in UNARY:
        one = np.broadcast_to(np.float32(-0.75), x.shape)
        made += [(numbers(*x.shape, seed=9), x, *parameters), (one, x, *parameters)]
    return made


_ABOVE = numbers(1000, low=-1.0)
CALLS = {
    "silu": UNARY,
    "mish": UNARY,
    "log_sigmoid": UNARY,
    "hardsigmoid": UNARY,
    "hardswish": UNARY,
    "elu": [*_with(1.0, 1.0, 1.0), *_with(1.5, 2.0, 0.5), *_with(0.7, 1, -1.0)],
    # the twin loses digits where the distribution function is near 0
    "gelu": [
        (x, how) for x in (_ABOVE, numbers(3, 7, low=-1.0), SPECIAL) for how in ("none", "tanh")
    ],
    "elu_back": [*_back(1.0, 1.0, 1.0), *_back(1.5, 2.0, 0.5)],
    "gelu_back": [*_back("none"), *_back("tanh")],
    "glu_back": [
        (numbers(3, seed=9), numbers(6), 0),
        (numbers(4, 33, seed=9), numbers(4, 66), 1),
        (numbers(2, 66, seed=9), numbers(4, 66), 0),
        (np.broadcast_to(np.float32(2.0), (2, 3, 5)), numbers(2, 6, 5), 1),
        (numbers(2, 3, 4, seed=9).transpose(0, 2, 1), numbers(2, 4, 6), 2),
    ],
    "hardsigmoid_back": _back(),
    "hardswish_back": _back(),
    "mish_back": _back(),
    "silu_back": _back(),
    "glu": [
        (numbers(6), 0),
        (numbers(4, 66), 1),
        (numbers(4, 66), 0),
        (numbers(2, 6, 5), 1),
        (SPECIAL, 0),
    ],
    "hardshrink": [*_with(0.5), *_with(0.0), *_with(-1.0), *_with(2)],
    "hardtanh": [*_with(-1.0, 1.0), *_with(0.0, 6.0), *_with(-1, 2)],
    "leaky_relu": [*_with(0.01), *_with(0.0), *_with(1.5), *_with(-0.5), *_with(1)],
    "prelu": [
        (numbers(1000), np.float32([0.25])),
        (numbers(4, 3), numbers(1, 3, seed=1)),
        (numbers(2, 3, 4, 5), numbers(1, 3, 1, 1, seed=1)),
        (numbers(2, 3), np.float32([[-0.5]])),
        (numbers(2, 3), np.float32(0.25)),
        (numbers(2, 3), numbers(2, 1, seed=1)),
        (SPECIAL, np.float32([0.0])),
        (numbers(2, 3), numbers(2, 3, seed=1)),
        (numbers(3), numbers(2, 3, seed=1)),
        (numbers(0, 3), numbers(1, 3, seed=1)),
    ],
    "softplus": [*_with(1.0, 20.0), *_with(2.5, 3.0), *_with(-1.0, 20.0)],
    "softshrink": [*_with(0.5), *_with(0.0), *_with(2)],
    "threshold": [*_with(0.1, 20.0), *_with(-1, 0)],
}
TOLERANCE = {
    "gelu": -1e-6,
    "gelu_back": -1e-6,
    "silu_back": -1e-6,
    "mish_back": -1e-6,
    "mish": 2e-6,
    "log_sigmoid": 2e-6,
    "softplus": 2e-6,
}
EXACT = ("hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "prelu", "softshrink")
EXACT += ("threshold",)
