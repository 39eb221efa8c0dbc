"""Arithmetic: the operators, powers, quotients and remainders, and the conversions between dtypes.

Integer and logical operators are in `ops/math/bits.py`, signs in `ops/math/elementwise.py`, complex
numbers in `ops/math/complexes.py`.

Long because: each op has its rule, and the spellings that old programs use, side by side.
"""

from __future__ import annotations

import cmath
import math
import operator as op
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.blame import no_combination
from ...core.declare import METHODS, TO_FLOAT, elementwise, linear, public, spelled
from ...core.lanes import binary_lane
from ...core.primitive import F32, F64, cast
from ...core.record import OPS, record
from ...core.tensor import Tensor, wrap
from ...core.views import inplace
from ...kernels import arithmetic as basic
from ...kernels import elementwise as kernels
from ...kernels import writing
from ..fast import Lane

_NUMBERS = (int, float, bool, complex)
_ONE = (*_NUMBERS, np.generic)
Operands = tuple[Any, ...]
Check = Callable[[Operands, Operands], None]

# ---------------------------------------------------------------- what an op refuses


_HINTS = {
    "c": "take a real part first: x.real, x.imag, x.abs()",
    "f": "convert it first, as in x.long() or x > 0",
    "i": "convert it first, as in x.float()",
}


def refuse(
    kinds: str, sentence: str, error: type[Exception] = NotImplementedError, also: Any = None
) -> Check:
    """A `check`: operands of these NumPy kinds raise; `{}` in the sentence is the dtype's name."""

    def check(operands: Operands, given: Operands) -> None:
        if operands[0]._data.dtype.kind in kinds:
            need_one_shape(operands, sentence.split('"')[1] if '"' in sentence else "elementwise")
            dtype = operands[0].dtype
            name = errors.LEGACY[dtype.name]
            hint = _HINTS["c" if dtype.is_complex else "f" if dtype.is_floating_point else "i"]
            raise error(errors.hinted(sentence.format(name), f"dtype: {dtype!r}", hint=hint))
        if also is not None:
            also(operands, given)

    return check


def need_one_shape(operands: Operands, kernel: str) -> None:
    """What does not broadcast is said before a dtype is refused, as in PyTorch."""
    shapes = [t._data.shape for t in operands if isinstance(t, Tensor)]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise errors.broadcast(kernel, shapes) from None


def unsupported(kernel: str, kinds: str, also: Any = None) -> Check:
    """A `check` with PyTorch's sentence for a dtype that its kernel does not take."""
    return refuse(kinds, f"\"{kernel}\" not implemented for '{{}}'", also=also)


def zeros(xp: Any, g: Any) -> Any:
    """The cotangent of an operand that a function does not vary with (piecewise constant)."""
    return xp.zeros(g.shape, g.dtype)


def is_complex(x: Any) -> bool:
    """Whether an array or tensor is complex: a static fact, so a rule may branch on it."""
    return getattr(x, "_data", x).dtype.kind == "c"


# ---------------------------------------------------------------- + - * /


def _no_bool_sub(operands: Operands, given: Operands) -> None:
    bools = [
        t._data.dtype.kind == "b" if isinstance(t, Tensor) else isinstance(t, bool) for t in given
    ]
    if True not in bools:
        return
    if all(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
        )
    raise RuntimeError(
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
        "to invert a mask, use the `~` or `logical_not()` operator instead."
    )


_no_bool_neg = refuse(
    "b",
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
    "mask, use the `~` or `logical_not()` operator instead.",
    RuntimeError,
)

_add = elementwise(
    "add", basic.add, a=lambda xp, g: g, b=lambda xp, g: g,
    operator="__add__", inplace_ufunc=writing.add_into, constants=True, number_as_tensor=True,
    doc="a + b, elementwise.",
)  # fmt: skip
_sub = elementwise(
    "sub", basic.sub, a=lambda xp, g: g, b=lambda xp, g: -g, check=_no_bool_sub,
    operator="__sub__", inplace_ufunc=writing.subtract_into, constants=True, number_as_tensor=True,
    aliases=("subtract",), doc="a - b, elementwise.",
)  # fmt: skip
_rsub = elementwise(
    "rsub", lambda a, b: b - a, a=lambda xp, g: -g, b=lambda xp, g: g, check=_no_bool_sub,
    grad_fn="RsubBackward0", number_grad_fn="RsubBackward1", constants=True,
    has_inplace=False, method=False,
    doc="b - a, elementwise.",
)  # fmt: skip
_mul = elementwise(
    "mul", basic.mul, a=lambda xp, g, b: g * b, b=lambda xp, g, a: g * a,
    operator="__mul__", inplace_ufunc=writing.multiply_into, constants=True, number_as_tensor=True,
    product=True, aliases=("multiply",), doc="a b, elementwise; d(ab) = b da + a db.",
)  # fmt: skip
_div = elementwise(
    "div", basic.div, a=lambda xp, g, b: g / b, b=lambda xp, g, a, b: -g * ((a / b) / b),
    promote=TO_FLOAT, operator="__truediv__", inplace_ufunc=writing.divide_into, constants=True,
    number_as_tensor=True, aliases=("divide",), domain=(0.5, 2.0),
    doc="a / b, elementwise; d(a/b) = da/b - a/b^2 db.",
)  # fmt: skip
neg = elementwise(
    "neg", op.neg, lambda xp, g: -g, operator="__neg__", aliases=("negative",), check=_no_bool_neg,
    doc="-x, elementwise.",
)  # fmt: skip
reciprocal = elementwise(
    "reciprocal", kernels.reciprocal, lambda xp, g, out: -g * (out * out), promote=TO_FLOAT,
    domain=(0.5, 2.0), doc="1/x; d(1/x) = -1/x^2 dx.",
)  # fmt: skip


# ------------------------------------------------- spellings: alpha, rounding_mode, reversed


def as_operand(number: Any, like: Tensor) -> Tensor:
    """A number as a 0-d tensor of the dtype that it has beside `like`."""
    kind = dtypes.result_type_of([like.dtype], [], [dtypes.scalar_type(number)]).np
    return wrap(np.array(number).astype(kind)[()])


def as_first(input: Any, other: Any) -> Any:
    """A number in the place of the first operand, where PyTorch takes one beside a tensor."""
    if isinstance(input, _ONE) and isinstance(other, Tensor):
        return as_operand(input, other)
    return input


def _first_number(input: Any, other: Any) -> Any:
    """The same for add, sub, mul and div, which take two numbers as well."""
    if not (isinstance(input, _ONE) and isinstance(other, _ONE)):
        return as_first(input, other)
    one, two = (n.item() if isinstance(n, np.generic) else n for n in (input, other))
    kind = dtypes.result_type_of([], [], [dtypes.scalar_type(one), dtypes.scalar_type(two)])
    return wrap(np.array(one).astype(kind.np)[()])


def number_first(op: Any, first: Any = as_first) -> Any:
    """The spelling of a binary op whose first operand may be a number beside a tensor."""

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        if not isinstance(input, Tensor):
            input = first(input, other)
        return op(input, other) if out is None else op(input, other, out=out)

    return spelled(op)(function)


mul = number_first(_mul, _first_number)


_PLAIN_ALPHA: Any = 1  # the int itself: True and 1.0 are looked at


def _scaled(op_name: str, other: Any, alpha: Any, input: Any) -> Any:
    """`alpha * other` for add and sub."""
    if not isinstance(alpha, _NUMBERS):
        kind = errors.kind_name(alpha)
        raise TypeError(f"{op_name}(): argument 'alpha' must be Number, not {kind}")
    if not isinstance(other, (Tensor, int, float, bool, complex, np.generic)):
        raise errors.wrong_type(op_name, "other", 2, other)
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op_name, "input", 1, input)
    category = max(t.dtype.category for t in (input, other) if isinstance(t, Tensor))
    if isinstance(alpha, bool) and category > 0:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and category < 2 and not isinstance(other, float):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if alpha == 1:
        return other
    factor: Any = bool(alpha) if category == 0 else alpha
    return OPS.mul(other, factor) if isinstance(other, Tensor) else other * factor


def scaled_by(op: str, factor: Any, tensors: tuple[Any, ...], count: int = 1) -> tuple[Any, ...]:
    """The arguments of the old form, the factor before `count` tensors: (factor, *tensors). The
    factor may be a 0-d tensor; where one tensor follows, it may be a number."""
    if isinstance(factor, np.generic) or (isinstance(factor, Tensor) and not factor._data.ndim):
        factor = factor.item()
    fits = len(tensors) == count and isinstance(factor, _NUMBERS)
    kinds = (Tensor, *_ONE) if count == 1 else (Tensor,)
    if not fits or not all(isinstance(t, kinds) for t in tensors):
        given = len(tensors) + 2
        raise TypeError(f"{op}() takes {count + 1} positional arguments but {given} were given")
    flags = [t is True or (isinstance(t, Tensor) and t.dtype.category == 0) for t in tensors]
    if isinstance(factor, bool) and count == 1 and not all(flags):
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if op == "sub" and (tensors[0] is True or tensors[0] is False):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    import warnings

    warnings.warn(
        f"This overload of {op} is deprecated: give the factor last, by its name",
        UserWarning,
        stacklevel=4,
    )
    return (factor, *tensors)


@spelled(_add)
def add(input: Any, other: Any, *more: Any, alpha: Any = 1, out: Any = None) -> Any:
    if more:
        alpha, other = scaled_by("add", other, more)
    if not isinstance(input, Tensor):
        input = _first_number(input, other)
    if alpha is not _PLAIN_ALPHA:
        other = _scaled("add", other, alpha, input)
    return _add(input, other) if out is None else _add(input, other, out=out)


@spelled(_sub)
def sub(input: Any, other: Any, *more: Any, alpha: Any = 1, out: Any = None) -> Any:
    if more:
        alpha, other = scaled_by("sub", other, more)
    if not isinstance(input, Tensor):
        if isinstance(input, bool):
            _no_bool_sub((), (input, other))
        input = _first_number(input, other)
    if alpha is not _PLAIN_ALPHA:
        other = _scaled("sub", other, alpha, input)
    return _sub(input, other) if out is None else _sub(input, other, out=out)


@spelled(_rsub)
def rsub(input: Any, other: Any, *more: Any, alpha: Any = 1) -> Any:
    if more:  # beside a number, alpha needs no name
        if len(more) > 1 or (isinstance(other, Tensor) and other._data.ndim):
            raise no_combination("rsub", (input, other, *more), {})
        alpha = scaled_by("rsub", more[0], (other,))[0]
    if alpha is not _PLAIN_ALPHA:
        input = _scaled("rsub", input, alpha, input)
    return _rsub(input, other)


def _scaled_inplace(plain: Any, name: str) -> Any:
    def method(self: Tensor, other: Any, *more: Any, alpha: Any = 1) -> Any:
        if more:  # (alpha, other)
            alpha, other = scaled_by(name, other, more)
        return plain(self, other if alpha is _PLAIN_ALPHA else _scaled(name, other, alpha, self))

    return method


for _name in ("add_", "sub_", "subtract_"):
    METHODS[_name] = _scaled_inplace(METHODS[_name], _name[:3])


def _rounded(rounding_mode: str | None) -> Any:
    """The op of a rounding mode."""
    if not isinstance(rounding_mode, str):
        raise errors.wrong_kind("div", "rounding_mode", "str", rounding_mode)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    return OPS.floor_divide if rounding_mode == "floor" else OPS.trunc_divide


@spelled(_div)
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    chosen = _div if rounding_mode is None else _rounded(rounding_mode)
    if not isinstance(input, Tensor):
        input = _first_number(input, other)
    return chosen(input, other) if out is None else chosen(input, other, out=out)


@public("true_divide", method=True)
def true_divide(input: Any, other: Any, *, out: Any = None) -> Any:
    """a / b, elementwise: `div` without rounding.

    Example:
        >>> import chainrule as torch
        >>> torch.true_divide(torch.tensor([1, 2]), 2)
        tensor([0.5000, 1.0000])
    """
    return div(input, other, out=out)


_div_ = METHODS["true_divide_"] = METHODS["div_"]


def _div_inplace(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return _div_(self, other)
    return inplace(_rounded(rounding_mode).prim, self, other)


METHODS["div_"] = METHODS["divide_"] = _div_inplace

METHODS["__radd__"], METHODS["__rmul__"] = METHODS["__add__"], METHODS["__mul__"]


def reversed_operator(forward: Any) -> Any:
    """The operator with the number (or ndarray) on the left: `forward(tensor, number)`."""

    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, *_NUMBERS, np.generic, np.ndarray)):
            return NotImplemented
        return forward(self, other if not isinstance(other, np.ndarray) else wrap(np.array(other)))

    return operator


METHODS["__rsub__"] = binary_lane(_rsub.prim, constants=True, dunder=True)
METHODS["__rtruediv__"] = METHODS["__rdiv__"] = reversed_operator(lambda x, n: reciprocal(x) * n)


# ---------------------------------------------------------------- powers


def _pow_base(xp: Any, g: Any, a: Any, b: Any) -> Any:
    if isinstance(b, _NUMBERS):
        if b == 0:
            return zeros(xp, g)
        return g * (a + a) if b == 2 else g * (b * xp.pow(a, b - 1))  # a + a is 2a, and faster
    return xp.where(b == 0, 0.0, g * (b * xp.pow(a, b - 1)))


def _pow_exponent(xp: Any, g: Any, a: Any, b: Any) -> Any:
    real = xp.real(b) if is_complex(b) else b
    return xp.where((a == 0) & (real >= 0), 0.0, g * (xp.pow(a, b) * xp.log(a)))


def _rpow_exponent(xp: Any, g: Any, a: Any, b: Any) -> Any:
    slope = g * (xp.rpow(a, b) * _log_of(b, is_complex(a)))
    if b != 0:
        return slope
    return xp.where((xp.real(a) if is_complex(a) else a) >= 0, 0.0, slope)


def _log_of(b: Any, complex_: bool) -> Any:
    """log b of a number, -inf and NaN included."""
    if isinstance(b, complex) or (complex_ and b < 0):
        return cmath.log(b)
    return math.log(b) if b > 0 else -math.inf if b == 0 else math.nan


def _no_negative_power(operands: Operands, given: Operands) -> None:
    a, b = operands[0], given[1]
    if isinstance(b, int) and b < 0 and a.dtype.category == 1:
        raise RuntimeError(
            errors.hinted(
                "Integers to negative integer powers are not allowed.",
                f"exponent: {b}, dtype: {a.dtype!r}",
                hint="use a floating point exponent (x ** -1.0), or convert: x.float() ** -1",
            )
        )
    if isinstance(b, Tensor):
        unsupported("pow", "b")(operands, given)


_pow = elementwise(
    "pow", kernels.power, a=_pow_base, b=_pow_exponent, check=_no_negative_power,
    grad_fn="PowBackward1", number_grad_fn="PowBackward0", operator="__pow__", domain=(0.2, 3.0),
    doc="a^b; d(a^b) = b a^(b-1) da + a^b log a db, 0 where the exponent (or a^b log a) is 0.",
)  # fmt: skip
_rpow = elementwise(
    "rpow", kernels.reversed_power, a=_rpow_exponent, b=None, method=False, names=("_rpow",),
    grad_fn="PowBackward2", has_inplace=False, domain=(0.2, 3.0),
    check=unsupported("pow", "b"),
    doc="b^a for a number b; d(b^a) = b^a log b da.",
)  # fmt: skip


@spelled(_pow)
def pow(input: Any, exponent: Any, *, out: Any = None) -> Any:
    if isinstance(input, Tensor):
        return _pow(input, exponent) if out is None else _pow(input, exponent, out=out)
    if not isinstance(exponent, Tensor) or not isinstance(input, (*_NUMBERS, np.generic)):
        raise TypeError(
            "pow() received an invalid combination of arguments - got "
            f"({errors.kind_name(input)}, {errors.kind_name(exponent)})\n"
            "Hint: one of the two must be a tensor, the other a tensor or a number"
        )
    return _rpow.prim.call(exponent, input, out=out)


METHODS["__rpow__"] = reversed_operator(
    lambda x, n: _rpow(x, n) if not isinstance(n, Tensor) else _pow(n, x)
)


def _two(input: Any, *, out: Any = None) -> Any:
    """x^2, elementwise.

    Example:
        >>> import chainrule as torch
        >>> torch.square(torch.tensor([1.0, -2.0]))
        tensor([1., 4.])
    """
    if not isinstance(input, Tensor):
        raise errors.wrong_type("square", "input", 1, input)
    return _pow(input, 2) if out is None else _pow(input, 2, out=out)


square = public("square", method="square")(_two)
METHODS["square_"] = lambda self: METHODS["pow_"](self, 2)


@public("float_power", method=True)
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """`pow` in double precision: operands become float64, or complex128 if one is complex.

    Args:
        input: a tensor, or a number if `exponent` is a tensor.
        exponent: a tensor or a number.

    Example:
        >>> import chainrule as torch
        >>> torch.float_power(torch.tensor([1, 2]), 0.5)
        tensor([1.0000, 1.4142], dtype=torch.float64)
    """
    both = [t for t in (input, exponent) if isinstance(t, Tensor)]
    has_complex = any(t.is_complex() for t in both) or isinstance(input, complex)
    target = dtypes.complex128 if has_complex or isinstance(exponent, complex) else dtypes.float64
    a, b = (cast(t, target) if isinstance(t, Tensor) else t for t in (input, exponent))
    if isinstance(out, Tensor):
        errors.check_exact_out("float_power", target, out.dtype)
    return pow(a, b, out=out)


def _float_power_inplace(self: Tensor, exponent: Any) -> Any:
    made = float_power(self.detach(), exponent).dtype
    if self.dtype is not made:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {errors.LEGACY[self.dtype.name]} but the "
            f"operation's result requires dtype {errors.LEGACY[made.name]}"
        )
    return METHODS["pow_"](self, exponent)


METHODS["float_power_"] = _float_power_inplace


# ---------------------------------------------------------------- quotients and remainders


def _nonzero(operands: Operands, given: Operands) -> None:
    a, b = operands
    if a.dtype.category < 2 and not np.all(b._data if isinstance(b, Tensor) else b):
        raise RuntimeError(
            errors.hinted(
                "ZeroDivisionError",
                "an integer was divided by zero",
                hint="floating point division gives inf or NaN instead: x / y, or x.float() // y",
            )
        )


_floor_divide = elementwise(
    "floor_divide", kernels.floor_divide, a=zeros, b=zeros, operator="__floordiv__",
    grad_fn="DivBackward2", constants=True, domain=(0.5, 2.0),
    check=unsupported("div_floor_cpu", "bc", _nonzero),
    doc="The largest integer not above a / b; piecewise constant, so its derivative is 0.",
)  # fmt: skip
trunc_divide = elementwise(
    "trunc_divide", kernels.trunc_divide, a=zeros, b=zeros, grad_fn="DivBackward2", constants=True,
    method=False, names=("_trunc_divide",), has_inplace=False, domain=(0.5, 2.0),
    check=unsupported("div_trunc_cpu", "bc", _nonzero),
    doc="a / b rounded towards zero; piecewise constant, so its derivative is 0.",
)  # fmt: skip
floor_divide = number_first(_floor_divide, _first_number)
_remainder = elementwise(
    "remainder", kernels.remainder, a=lambda xp, g: g,
    b=lambda xp, g, a, b: -g * xp.floor_divide(a, b), operator="__mod__", constants=True,
    grad_fn="RemainderBackward1", number_grad_fn="RemainderBackward0", domain=(0.5, 2.0),
    check=unsupported("remainder_cpu", "bc", _nonzero),
    doc="a - b floor(a/b), which has the sign of b; d = da - floor(a/b) db.",
)  # fmt: skip
fmod = elementwise(
    "fmod", kernels.fmod, a=lambda xp, g: g, b=lambda xp, g, a, b: -g * xp.trunc_divide(a, b),
    constants=True, grad_fn="FmodBackward1", number_grad_fn="FmodBackward0", domain=(0.5, 2.0),
    check=unsupported("fmod_cpu", "bc", _nonzero),
    doc="a - b trunc(a/b), which has the sign of a; d = da - trunc(a/b) db.",
)  # fmt: skip

remainder = number_first(_remainder)

METHODS["__rfloordiv__"] = reversed_operator(lambda x, n: floor_divide(n, x))
METHODS["__rmod__"] = reversed_operator(lambda x, n: remainder(n, x))


# ---------------------------------------------------------------- products and quotients in one


def of_three(lane: Lane, a: Any, b: Any, c: Any, params: tuple[Any, ...]) -> Any:
    """The usual call of an op of three operands, of which the last may be a number: tensors of one
    floating point dtype, of one shape where the call is recorded. None for any other."""
    if S.mode is not None or type(a) is not Tensor or type(b) is not Tensor:
        return None
    x, y = a._data, b._data
    dtype, number = x.dtype, type(c) is float
    if (dtype is not F32 and dtype is not F64) or y.dtype is not dtype:
        return None
    z = c if number else c._data if type(c) is Tensor else None
    if z is None or not (number or z.dtype is dtype):
        return None
    if a._node is None and b._node is None and (number or c._node is None):
        try:
            return wrap(lane.raw(x, y, z, *params))
        except _REFUSED:
            return None  # the general way says why
    if x.shape != y.shape or not (number or z.shape == x.shape):
        return None
    r = wrap(lane.raw(x, y, z, *params))
    if S.grad or grad_enabled():
        if number:
            record(lane.prim, (r,), (a, b, c), params)
        else:
            lane.hang(r, (a, b, c), params)
    return r


_REFUSED = (ValueError, TypeError, OverflowError)


def _same_dtype_kernel(name: str) -> Any:
    """Integers take an integer `value`."""
    kernel = getattr(kernels, name)

    def scaled(a: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
        if a.dtype.kind in "iu":
            value = int(value)
        return kernel(a, tensor1, tensor2, value)

    return scaled


addcmul = elementwise(
    "addcmul", _same_dtype_kernel("addcmul"),
    a=lambda xp, g: g,
    tensor1=lambda xp, g, tensor2, value: g * (tensor2 * value),
    tensor2=lambda xp, g, tensor1, value: g * (tensor1 * value),
    check=unsupported("addcmul_cpu_out", "b"), numbers=False,
    doc="a + value t1 t2; d = da + value (t2 dt1 + t1 dt2).",
)  # fmt: skip


def _no_integers(operands: Operands) -> None:
    if all(t.dtype.category < 2 for t in operands[1:]):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release "
            "addcdiv will perform a true division of tensor1 and tensor2.\n"
            "Hint: convert the operands with .float()"
        )


_addcdiv = elementwise(
    "addcdiv", kernels.addcdiv, numbers=False,
    a=lambda xp, g: g,
    tensor1=lambda xp, g, tensor2, value: g * (value / tensor2),
    tensor2=lambda xp, g, tensor1, tensor2, value: -g * (value * tensor1 / (tensor2 * tensor2)),
    domain=(0.5, 2.0), doc="a + value t1 / t2; d = da + value (dt1 / t2 - t1/t2^2 dt2).",
)  # fmt: skip


@spelled(addcmul)
def _addcmul(
    input: Any, tensor1: Any, tensor2: Any, *more: Any, value: Any = 1, out: Any = None
) -> Any:
    if more:
        value, tensor1, tensor2 = _valued("addcmul", tensor1, tensor2, more)
    if out is None:
        made = of_three(_addcmul_lane, input, tensor1, tensor2, (value,))
        if made is not None:
            return made
    return addcmul.prim.call(input, tensor1, tensor2, params=(value,), out=out)


@spelled(_addcdiv)
def addcdiv(
    input: Any, tensor1: Any, tensor2: Any, *more: Any, value: Any = 1, out: Any = None
) -> Any:
    if more:
        value, tensor1, tensor2 = _valued("addcdiv", tensor1, tensor2, more)
    if out is None:
        made = of_three(_addcdiv_lane, input, tensor1, tensor2, (value,))
        if made is not None:
            return made
    if isinstance(tensor1, Tensor) and isinstance(tensor2, Tensor):
        _no_integers((input, tensor1, tensor2))
    return _addcdiv.prim.call(input, tensor1, tensor2, params=(value,), out=out)


_addcmul_lane, _addcdiv_lane = Lane(addcmul, kernels.addcmul), Lane(_addcdiv)


def _valued(op: str, value: Any, tensor1: Any, more: tuple[Any, ...]) -> tuple[Any, ...]:
    return scaled_by(op, value, (tensor1, *more), 2)


def _in_place_with_value(plain: Any, name: str) -> Any:
    def method(self: Tensor, tensor1: Any, tensor2: Any, *more: Any, value: Any = 1) -> Any:
        if len(more) == 1 and isinstance(tensor1, Tensor):
            value = more[0]  # the op's own order
            if isinstance(value, Tensor):
                value, tensor1, tensor2 = _valued(name, tensor1, tensor2, more)
        elif more:
            value, tensor1, tensor2 = _valued(name, tensor1, tensor2, more)
        for i, t in enumerate((tensor1, tensor2)):
            if not isinstance(t, Tensor):
                raise errors.wrong_type(name, f"tensor{i + 1}", i + 1, t)
        if name == "addcdiv_":
            _no_integers((self, tensor1, tensor2))
        return plain(self, tensor1, tensor2, value=value)

    method.__name__ = name
    return method


for _name in ("addcmul_", "addcdiv_"):
    METHODS[_name] = _in_place_with_value(METHODS[_name], _name)


_lerp_refuses = unsupported("lerp_kernel_scalar", "bui")


def _lerp_check(operands: Any, given: Any) -> None:
    _lerp_refuses(given, given)


_lerp = elementwise(
    "lerp", kernels.lerp,
    a=lambda xp, g, weight: g * (1 - weight),
    end=lambda xp, g, weight: g * weight,
    weight=lambda xp, g, a, end: g * (end - a),
    grad_fn="LerpBackward1", number_grad_fn="LerpBackward0",
    check=_lerp_check,
    doc="a + weight (end - a); d = (1 - weight) da + weight d end + (end - a) d weight.",
)  # fmt: skip


def _of_one_dtype(input: Any, end: Any, weight: Any) -> None:
    for t in (end, weight):
        if not (isinstance(t, Tensor) and isinstance(input, Tensor)):
            if t is end and not isinstance(t, Tensor):
                raise errors.wrong_type("lerp", "end", 2, t)
            continue
        if t is weight and not t._data.ndim:  # it stands for a number
            continue
        if t._data.dtype is not input._data.dtype and t.dtype is not input.dtype:
            name = "end" if t is end else "weight"
            raise RuntimeError(
                f"expected dtype {_c_name(input.dtype)} for `{name}` but got dtype "
                f"{_c_name(t.dtype)}\nHint: convert it, as in {name}.to({input.dtype!r})"
            )


def _lerp_in_place(plain: Any) -> Any:
    def lerp_(self: Tensor, end: Any, weight: Any) -> Tensor:
        _of_one_dtype(self, end, weight)
        made: Tensor = plain(self, end, weight)
        return made

    return lerp_


METHODS["lerp_"] = _lerp_in_place(METHODS["lerp_"])


@spelled(_lerp)
def lerp(input: Any, end: Any, weight: Any, *, out: Any = None) -> Any:
    if out is None:
        made = of_three(_lerp_lane, input, end, weight, ())
        if made is not None:
            return made
    _of_one_dtype(input, end, weight)
    return _lerp.prim.call(input, end, weight, out=out)


_lerp_lane = Lane(_lerp)


def _c_name(dtype: Any) -> str:
    names = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}
    return names.get(dtype.name, dtype.name)


# ---------------------------------------------------------------- between dtypes


def _to_dtype_kernel(x: Any, dtype: Any) -> Any:
    target = dtype.np if isinstance(dtype, dtypes.dtype) else dtype
    if x.dtype.kind == "c" and target.kind not in "cb":
        x = x.real
    return x.astype(target)


to_dtype = linear(
    "to_dtype", _to_dtype_kernel, lambda xp, g, x_dtype: xp.to_dtype(g, x_dtype),
    grad_fn="ToCopyBackward0", method=False, names=("_to_dtype",), doc="x in another dtype.",
)  # fmt: skip

_clone = elementwise(
    "clone", kernels.clone, lambda xp, g: g, has_inplace=False,
    doc="A copy, recorded: d clone(x) = dx.",
)  # fmt: skip


@spelled(_clone)
def clone(input: Any, *, memory_format: Any = None) -> Any:
    if memory_format is not None:
        errors.check_option("clone", "memory_format", memory_format)
    if memory_format is dtypes.contiguous_format and not input.is_contiguous():
        return OPS.contiguous(input)
    return _clone(input)
