"""Arithmetic: the operators, and the conversions between dtypes.

Kernels are Python's own operators, which serve ndarrays and NumPy scalars alike (a ufunc call on a NumPy scalar is
ten times slower than the operator).
"""

from __future__ import annotations

import operator as op
from typing import Any

import numpy as np

from .. import dtypes, errors
from .._state import S, grad_enabled
from ..core.declare import METHODS, SAME, TO_FLOAT, elementwise, general, linear, public, spelled
from ..core.record import OPS
from ..core.tensor import Tensor, wrap

# ---------------------------------------------------------------- + - * /

_add = elementwise(
    "add", op.add, a=lambda xp, g: g, b=lambda xp, g: g,
    operator="__add__", inplace_ufunc=np.add, constants=True, doc="a + b, elementwise.",
)  # fmt: skip
_sub = elementwise(
    "sub", op.sub, a=lambda xp, g: g, b=lambda xp, g: -g,
    operator="__sub__", inplace_ufunc=np.subtract, constants=True, aliases=("subtract",), doc="a - b, elementwise.",
)  # fmt: skip
rsub = elementwise(
    "rsub", lambda a, b: b - a, a=lambda xp, g: -g, b=lambda xp, g: g,
    grad_fn="RsubBackward1", constants=True, has_inplace=False, method=False, doc="b - a, elementwise.",
)  # fmt: skip
mul = elementwise(
    "mul", op.mul, a=lambda xp, g, b: g * b, b=lambda xp, g, a: g * a,
    operator="__mul__", inplace_ufunc=np.multiply, constants=True, aliases=("multiply",), doc="a b, elementwise.",
)  # fmt: skip
_div = elementwise(
    "div", op.truediv, a=lambda xp, g, b: g / b, b=lambda xp, g, a, b: -g * ((a / b) / b), promote=TO_FLOAT,
    operator="__truediv__", inplace_ufunc=np.divide, constants=True, aliases=("divide", "true_divide"),
    domain=(0.5, 2.0), doc="a / b, elementwise.",
)  # fmt: skip
neg = elementwise(
    "neg", op.neg, lambda xp, g: -g, operator="__neg__", aliases=("negative",), doc="-x, elementwise."
)
