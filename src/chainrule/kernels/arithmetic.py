"""The four operations on arrays and NumPy scalars: Python's own operators, compiled where one can.

A ufunc call on a NumPy scalar takes ten times as long as the operator, so the twins are those.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .compiled import compiled, compiled_as

__all__ = ["add", "add_into", "div", "mul", "sub"]

add = compiled_as("arithmetic.add", operator.add)
sub = compiled_as("arithmetic.sub", operator.sub)
mul = compiled_as("arithmetic.mul", operator.mul)
div = compiled_as("arithmetic.div", operator.truediv)


@compiled
def add_into(total: Any, g: Any) -> Any:
    """total += g, in the array `total`."""
    return np.add(total, g, total)
