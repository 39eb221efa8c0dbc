"""Element-wise functions of the standard: the ops of the same meaning, under its names.

Where the standard's special cases differ from the op's, the function here says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ._ops import from_scalar, is_float, is_integer, op, pair

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "clip",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "divide",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "real",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
]  # fmt: skip


def _unary(name: str, path: str | None = None) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor, /) -> Tensor:
        return op(path or name)(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The standard's `{name}`: `torch.{path or name}`."
    return function


def _binary(name: str, path: str | None = None) -> Callable[[Any, Any], Tensor]:
    def function(x1: Any, x2: Any, /) -> Tensor:
        return op(path or name)(*pair(x1, x2))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The standard's `{name}`: `torch.{path or name}`; one may be a number."
    return function


abs, acos, acosh = _unary("abs"), _unary("acos"), _unary("acosh")
asin, asinh, atan, atanh = _unary("asin"), _unary("asinh"), _unary("atan"), _unary("atanh")
bitwise_invert, cos, cosh = _unary("bitwise_invert", "bitwise_not"), _unary("cos"), _unary("cosh")
exp, expm1, isfinite = _unary("exp"), _unary("expm1"), _unary("isfinite")
isinf, isnan, log, log10 = _unary("isinf"), _unary("isnan"), _unary("log"), _unary("log10")
log1p, log2, logical_not = _unary("log1p"), _unary("log2"), _unary("logical_not")
negative, positive = _unary("negative"), _unary("positive")
reciprocal, signbit, sin, sinh = (
    _unary("reciprocal"), _unary("signbit"), _unary("sin"), _unary("sinh"),
)  # fmt: skip
sqrt, square, tan, tanh = _unary("sqrt"), _unary("square"), _unary("tan"), _unary("tanh")

add, atan2, bitwise_and = _binary("add"), _binary("atan2"), _binary("bitwise_and")
bitwise_left_shift, bitwise_or = _binary("bitwise_left_shift"), _binary("bitwise_or")
bitwise_right_shift, bitwise_xor = _binary("bitwise_right_shift"), _binary("bitwise_xor")
copysign, divide, equal = _binary("copysign"), _binary("divide", "div"), _binary("equal", "eq")
greater, greater_equal = _binary("greater", "gt"), _binary("greater_equal", "ge")
hypot, less, less_equal = _binary("hypot"), _binary("less", "lt"), _binary("less_equal", "le")
logaddexp, logical_and = _binary("logaddexp"), _binary("logical_and")
logical_or, logical_xor = _binary("logical_or"), _binary("logical_xor")
maximum, minimum, multiply = _binary("maximum"), _binary("minimum"), _binary("multiply", "mul")
nextafter, not_equal = _binary("nextafter"), _binary("not_equal", "ne")
pow, remainder, subtract = _binary("pow"), _binary("remainder"), _binary("subtract", "sub")


def floor_divide(x1: Any, x2: Any, /) -> Tensor:
    """x1 / x2 rounded down; x1 / 0 is an infinity or NaN for floating point numbers."""
    a, b = pair(x1, x2)
    return op("floor_divide")(a, b)


def _whole(name: str) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor, /) -> Tensor:
        return x.clone() if is_integer(x) else op(name)(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The standard's `{name}`; integers stay as they are."
    return function


ceil, floor, trunc = _whole("ceil"), _whole("floor"), _whole("trunc")


def round(x: Tensor, /) -> Tensor:
    """To the nearest integer, halves to the even one; real and imaginary part of a complex."""
    if is_integer(x):
        return x.clone()
    if x.dtype.is_complex:
        return op("complex")(op("round")(op("real")(x)), op("round")(op("imag")(x)))
    return op("round")(x)


def sign(x: Tensor, /) -> Tensor:
    """-1, 0 or 1, NaN for NaN; x / |x| of a complex number, 0 for 0.

    Example:
        >>> from chainrule import array_api as xp
        >>> xp.sign(xp.asarray([-2.0, 0.0, float("nan")]))
        tensor([-1., 0., nan])
    """
    if x.dtype.is_complex:
        return op("sgn")(x)
    found = op("sign")(x)
    return op("where")(op("isnan")(x), x, found) if is_float(x) else found


def conj(x: Tensor, /) -> Tensor:
    """The complex conjugate; real numbers as they are."""
    return op("conj_physical")(x) if x.dtype.is_complex else x.clone()


def real(x: Tensor, /) -> Tensor:
    """The real part; real numbers as they are."""
    return op("real")(x) if x.dtype.is_complex else x.clone()


def imag(x: Tensor, /) -> Tensor:
    """The imaginary part; zeros of real numbers."""
    return op("imag")(x) if x.dtype.is_complex else op("zeros_like")(x)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max], in the dtype of x; either may be left out.

    Raises:
        TypeError: a float limit of an integer array.
    """

    def limit(value: Any) -> Any:
        if value is None or isinstance(value, Tensor):
            return value if value is None else value.to(x.dtype)
        return from_scalar(value, x)

    low, high = limit(min), limit(max)
    if low is None and high is None:
        return x.clone()
    return op("clamp")(x, low, high)
