"""The parts of an optimizer's step, in place on flat arrays: each is one pass where it is compiled.

Numbers are 0-d arrays of the arrays' dtype; `t` and `u` are scratch of the same size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import compiled

__all__ = ["adam", "descend", "follow", "follow_square", "mix", "raised"]

Array = Any


def raised(x: Array, g: Array, flags: Any, decay: Array, t: Array, u: Array) -> Array:
    """The gradient to follow: negated for `maximize` (flags[0]), with the L2 penalty's
    (flags[1])."""
    if flags[0]:
        g = np.negative(g, u)
    if flags[1]:
        np.multiply(x, decay, t)
        g = np.add(g, t, u)
    return g


@compiled
def mix(y: Array, x: Array, keep: Array, take: Array, t: Array) -> None:
    """y = keep y + take x; t may be x."""
    np.multiply(x, take, t)
    np.multiply(y, keep, y)
    np.add(y, t, y)


@compiled
def follow(average: Array, g: Array, weight: Array, t: Array) -> None:
    """average += weight (g - average)"""
    np.subtract(g, average, t)
    np.multiply(t, weight, t)
    np.add(average, t, average)


@compiled
def follow_square(average: Array, g: Array, keep: Array, take: Array, t: Array) -> None:
    """average = keep average + take g^2"""
    np.multiply(g, g, t)
    np.multiply(t, take, t)
    np.multiply(average, keep, average)
    np.add(average, t, average)


@compiled
def descend(x: Array, d: Array, size: Array, t: Array = None) -> None:
    """x = x - size d; t may be d."""
    np.subtract(x, np.multiply(d, size, t), x)


@compiled
def adam(
    x: Array, g: Array, m: Array, v: Array,
    take1: Array, keep2: Array, take2: Array, eps: Array, size: Array, t: Array,
) -> None:  # fmt: skip
    """m += take1 (g - m), v = keep2 v + take2 g^2, x -= size m / (sqrt(v) + eps)."""
    follow(m, g, take1, t)
    follow_square(v, g, keep2, take2, t)
    np.sqrt(v, t)
    np.add(t, eps, t)
    np.divide(m, t, t)
    descend(x, t, size, t)
