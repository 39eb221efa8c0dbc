"""What a call of an op is, and the makers of operands that the tables of calls use.

Operands come first in the order of the op's `args`, then `(param, ...)` in canonical form
(dimensions counted from 0, tuples), as `Primitive.call` takes them. Two or three calls an op: the
usual one, another dimension, a corner.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Sample(NamedTuple):
    """One call.

    Attributes:
        operands: arrays, numbers, None.
        params: the static parameters in their order.
        constant: positions of floating operands that by definition get no gradient from a joint
            rule.
        exact: the rule is the derivative (some options of PyTorch scale or drop gradients on
            purpose).
    """

    operands: tuple[Any, ...]
    params: tuple[Any, ...] = ()
    constant: tuple[int, ...] = ()
    exact: bool = True


def values(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Any:
    """Distinct numbers in the range (others for every seed), in random order, away from
    integers."""
    count = int(np.prod(shape))
    made = np.linspace(low, high, count + 2)[1:-1] + (high - low) * (0.0031 + 0.0067 * seed)
    return np.random.default_rng(seed + count).permutation(made).reshape(shape)


def positive(*shape: int, seed: int = 0) -> Any:
    return values(*shape, low=0.3, high=2.4, seed=seed)


def numbers(*shape: int, seed: int = 0) -> Any:
    """Complex numbers."""
    return values(*shape, seed=seed) + 1j * values(*shape, seed=seed + 1)


def i64(*listed: Any) -> Any:
    return np.array(*listed, dtype=np.int64)


def mask(*shape: int) -> Any:
    return np.random.default_rng(7).random(shape) < 0.5


def on(*operands: Any) -> Any:
    """`on(x, y)(dim, keepdim)`: the call with these operands and parameters."""
    return lambda *params: Sample(operands, params)
