"""A twin of the engine in eighty lines: scalars, a tape of local derivatives, arrays of scalars as
NumPy objects.

Nothing of chainrule is used: it is the other side of the comparison in `test_programs.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Scalar:
    """A number that knows what it was computed from: pairs (scalar, local derivative)."""

    def __init__(self, value: float, before: tuple[tuple[Scalar, float], ...] = ()) -> None:
        self.value, self.before, self.grad = value, before, 0.0

    def __add__(self, other: Any) -> Scalar:
        other = lifted(other)
        return Scalar(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Any) -> Scalar:
        other = lifted(other)
        return Scalar(self.value * other.value, ((self, other.value), (other, self.value)))

    def __truediv__(self, other: Any) -> Scalar:
        other = lifted(other)
        local = ((self, 1 / other.value), (other, -self.value / other.value**2))
        return Scalar(self.value / other.value, local)

    def __neg__(self) -> Scalar:
        return Scalar(-self.value, ((self, -1.0),))

    def __sub__(self, other: Any) -> Scalar:
        return self + -lifted(other)

    def __rsub__(self, other: Any) -> Scalar:
        return lifted(other) - self

    def __lt__(self, other: Any) -> bool:
        return self.value < lifted(other).value

    __radd__, __rmul__ = __add__, __mul__

    def map(self, value: float, derivative: float) -> Scalar:
        return Scalar(value, ((self, derivative),))


def lifted(value: Any) -> Scalar:
    return value if isinstance(value, Scalar) else Scalar(float(value))


FUNCTIONS = {
    "sin": lambda s: s.map(math.sin(s.value), math.cos(s.value)),
    "cos": lambda s: s.map(math.cos(s.value), -math.sin(s.value)),
    "tanh": lambda s: s.map(math.tanh(s.value), 1 - math.tanh(s.value) ** 2),
    "sigmoid": lambda s: s.map(
        1 / (1 + math.exp(-s.value)), math.exp(-s.value) / (1 + math.exp(-s.value)) ** 2
    ),
    "atan": lambda s: s.map(math.atan(s.value), 1 / (1 + s.value**2)),
    "relu": lambda s: s.map(max(s.value, 0.0), 1.0 if s.value > 0 else 0.0),
    "square": lambda s: s * s,
    "neg": lambda s: -s,
}


def mapped(name: str, array: Any) -> Any:
    """A function on every scalar of an object array."""
    made = np.empty(array.shape, object)
    for at in np.ndindex(*array.shape):
        made[at] = FUNCTIONS[name](array[at])
    return made


def of(array: Any) -> Any:
    """An object array of scalars with these values."""
    made = np.empty(array.shape, object)
    for at in np.ndindex(*array.shape):
        made[at] = Scalar(float(array[at]))
    return made


def value(array: Any) -> Any:
    return np.array([s.value for s in np.ravel(array)], np.float64).reshape(np.shape(array))


def backward(root: Scalar) -> None:
    """Gradients of `root` into every scalar before it, in reverse topological order."""
    order: list[Scalar] = []
    seen: set[int] = set()
    stack: list[tuple[Scalar, bool]] = [(root, False)]
    while stack:
        s, done = stack.pop()
        if done:
            order.append(s)
        elif id(s) not in seen:
            seen.add(id(s))
            stack.append((s, True))
            stack += [(b, False) for b, _ in s.before]
    root.grad = 1.0
    for s in reversed(order):
        for b, local in s.before:
            b.grad += local * s.grad


def gradient(array: Any) -> Any:
    return np.array([s.grad for s in np.ravel(array)], np.float64).reshape(array.shape)
