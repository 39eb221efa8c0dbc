"""Arithmetic: the operators, and the conversions between dtypes.

Kernels are Python's own operators, which serve ndarrays and NumPy scalars alike (a ufunc call on a NumPy scalar is
ten times slower than the operator).
"""

from __future__ import annotations

import operator as op
from typing import Any

import numpy as np

from .. import dtypes
from ..core.declare import METHODS, TO_FLOAT, elementwise, linear, spelled
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


# ---------------------------------------------------------------- public spellings: alpha, rounding_mode, reversed operands


def _scaled(op_name: str, other: Any, alpha: Any) -> Any:
    """`alpha * other` for add and sub."""
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float, complex)):
        raise TypeError(f"{op_name}(): argument 'alpha' must be Number, not {type(alpha).__name__}")
    if isinstance(other, Tensor) and isinstance(alpha, float) and other.dtype.category < 2:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return other * alpha


@spelled(_add)
def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    if alpha != 1:
        other = _scaled("add", other, alpha)
    return _add(input, other) if out is None else _add(input, other, out=out)


@spelled(_sub)
def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    if alpha != 1:
        other = _scaled("sub", other, alpha)
    return _sub(input, other) if out is None else _sub(input, other, out=out)


def _scaled_inplace(plain: Any) -> Any:
    def method(self: Tensor, other: Any, *, alpha: Any = 1) -> Any:
        return plain(self, other if alpha == 1 else _scaled(plain.__name__, other, alpha))

    return method


for _name in ("add_", "sub_", "subtract_"):
    METHODS[_name] = _scaled_inplace(METHODS[_name])


@spelled(_div)
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    if rounding_mode is None:
        return _div(input, other) if out is None else _div(input, other, out=out)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    chosen = OPS.floor_divide if rounding_mode == "floor" else OPS.trunc_divide
    return chosen(input, other) if out is None else chosen(input, other, out=out)


METHODS["__radd__"], METHODS["__rmul__"] = METHODS["__add__"], METHODS["__mul__"]


def _reversed(forward: Any) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (int, float, complex, np.generic, np.ndarray)):
            return NotImplemented
        return forward(self, other if not isinstance(other, np.ndarray) else wrap(np.array(other)))

    return operator


METHODS["__rsub__"] = _reversed(lambda x, n: rsub(x, n))
METHODS["__rtruediv__"] = _reversed(lambda x, n: OPS.reciprocal(x) * n)


# ---------------------------------------------------------------- between dtypes


def _to_dtype_kernel(x: Any, dtype: Any) -> Any:
    target = dtype.np if isinstance(dtype, dtypes.dtype) else dtype
    if x.dtype.kind == "c" and target.kind != "c":
        x = x.real
    return x.astype(target)


to_dtype = linear(
    "to_dtype", _to_dtype_kernel, lambda xp, g, x_dtype: xp.to_dtype(g, x_dtype),
    grad_fn="ToCopyBackward0", method=False, names=("_to_dtype",), doc="x in another dtype.",
)  # fmt: skip
