"""Kernels of elementwise ops: what takes more than one ufunc, or must be exact for one number.

Arrays go through NumPy's ufuncs in as few passes as possible. One float32 number (a 0-d result)
goes through the C library in float64 and is rounded once (`exact`): that is closer to PyTorch than
NumPy's vector approximations, and as fast. Constants are 0-d arrays made once, because a Python
number beside an array costs a conversion. Called through the declarations in
`ops/math/arithmetic.py`, `ops/math/elementwise.py`, `ops/math/select.py` and their neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .blocks import LIMITS, between, blocked, clip, finite, no_nan, number, typed
from .compiled import compiled
from .masks import matching, select

Array = Any  # an ndarray or a NumPy scalar
Kernel = Callable[..., Any]

F32, F64 = np.dtype("float32"), np.dtype("float64")
_ndarray, _float32, _float64 = np.ndarray, np.float32, np.float64
ONE32, ONE64 = np.float32(1), np.float64(1)
_ZERO32, _ZERO64 = np.array(0, F32), np.array(0, F64)
_UNIT32, _UNIT64 = np.array(1, F32), np.array(1, F64)
(_LOW32, _TOP32), (_LOW64, _TOP64) = LIMITS[F32], LIMITS[F64]
MANY = 3000  # elements, above which a longer way that never branches is quicker
_exp, _reciprocal, _maximum, _minimum = np.exp, np.reciprocal, np.maximum, np.minimum
_math_exp = math.exp


def exact(ufunc: Kernel, one: Callable[[float], float]) -> Kernel:
    """A kernel: `ufunc` on arrays, on one float32 number `one` in float64, rounded once.

    `on_arrays` is the ufunc itself, for the lane that has looked at the type already.
    """

    def kernel(x: Array) -> Array:
        if type(x) is _float32:
            try:
                return ONE32 * one(x)  # type: ignore[arg-type]
            except (ValueError, OverflowError):  # poles and domains: NumPy knows inf and NaN
                pass
        return ufunc(x)

    kernel.on_arrays = ufunc  # type: ignore[attr-defined]
    return kernel


def is_half(x: Array) -> bool:
    """Whether `x` has two bytes an element: formulas of several steps go through float32."""
    return bool(x.dtype.itemsize == 2 and x.dtype.kind in "fV")


# ---------------------------------------------------------------- powers and roots


@compiled
def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    y = np.sqrt(x)
    if type(y) is not _ndarray:
        return 1 / y
    return np.divide(_UNIT32, y, y) if y.dtype is F32 else _reciprocal(y, y)


@compiled
def reciprocal(x: Array) -> Array:
    """1 / x."""
    if type(x) is not _ndarray:
        return 1 / x
    if x.size > MANY and x.dtype is F32:
        return np.divide(_UNIT32, x)
    return _reciprocal(x)


_POWERS: dict[Any, Kernel] = {
    2: lambda a: a * a,
    3: lambda a: a * a * a,
    -2: lambda a: reciprocal(a * a),
    -0.5: rsqrt,
}


def power(a: Array, b: Any) -> Array:
    """a ** b for an array or number `b`; the usual exponents by multiplication, as PyTorch does."""
    kind = type(b)
    if kind is int or kind is float:
        short = _POWERS.get(b)
        return a**b if short is None else short(a)
    if a.dtype.kind in "iu" and not isinstance(b, (int, float, complex)):
        return _integer_power(a, b)
    if a.dtype.kind == "b":  # with a bool exponent; others are promoted before
        return a | (not b)
    return a**b


def _integer_power(a: Array, b: Array) -> Array:
    """Integers to integer powers: 1 / a^n rounded towards zero for negative n."""
    if b.dtype.kind == "u" or not (b < 0).any():
        return a**b
    sign = np.where(a == -1, 1 - 2 * (b & 1), np.where(a == 1, 1, 0))
    return np.where(b < 0, sign, a ** np.where(b < 0, 0, b)).astype(a.dtype)[()]


def reversed_power(a: Array, b: Any) -> Array:
    """b ** a for a number `b`."""
    return b**a if a.dtype.kind not in "iu" else power(a.dtype.type(b), a)


# ---------------------------------------------------------------- rounding and dividing


def _quotients(a: Array, b: Any) -> Any:
    """a, b and a / b in float64, where that gives whole parts and remainders of float32 numbers
    exactly; None where it may not, or where NumPy's own functions are as quick (few numbers).

    Below 2^28 a quotient that is no integer is at least 2^-24 away from one, and the product of its
    whole part with b is exact.
    """
    if a.dtype is not F32 or a.size < 5000:
        return None
    if type(b) is not float:
        if getattr(b, "dtype", None) is not F32 or b.shape not in ((), a.shape):
            return None
        b = b.astype(F64)
    wide = a.astype(F64)
    q = wide / b
    usual = max(q.max(), -q.min()) < 2.0**28 and np.isfinite(b).all()  # NaN is not
    return (wide, b, q) if usual else None


@compiled
@blocked
def floor_divide(a: Array, b: Any) -> Array:
    """The largest integer not above a / b."""
    exact = _quotients(a, b)
    if exact is None:
        return np.floor_divide(a, b)
    return np.floor(exact[2], exact[2]).astype(F32)


@compiled
@blocked
def remainder(a: Array, b: Any) -> Array:
    """a - b floor(a / b): it has the sign of b."""
    exact = _quotients(a, b)
    if exact is None:
        return np.remainder(a, b)
    made = _left(exact, np.floor)
    return made if made.all() else np.copysign(made, a, out=made, where=made == 0)


@compiled
@blocked
def fmod(a: Array, b: Any) -> Array:
    """a - b trunc(a / b): it has the sign of a."""
    exact = _quotients(a, b)
    if exact is None:
        return np.fmod(a, b)
    made = _left(exact, np.trunc)
    return made if made.all() else np.copysign(made, a, out=made, where=made == 0)


def _left(exact: Any, whole: Kernel) -> Array:
    """a - b whole(a / b), from `_quotients`."""
    wide, b, q = exact
    whole(q, q)
    q *= b
    np.subtract(wide, q, q)
    return q.astype(F32)


def trunc_divide(a: Array, b: Any) -> Array:
    """a / b without its fraction."""
    if a.dtype.kind not in "iu":
        return np.trunc(a / b)
    q = a // b
    return q + ((q * b != a) & ((a < 0) != (np.asarray(b) < 0)))


@compiled
def trunc(x: Array) -> Array:
    """x without its fraction; integers as they are (NumPy before 2.1 makes float64 of them)."""
    return np.trunc(x) if x.dtype.kind not in "iu" else x.copy()


@compiled
def floor(x: Array) -> Array:
    """The largest integer not above x."""
    return np.floor(x) if x.dtype.kind not in "iu" else x.copy()


@compiled
def ceil(x: Array) -> Array:
    """The smallest integer not below x."""
    return np.ceil(x) if x.dtype.kind not in "iu" else x.copy()


@compiled
def rint(x: Array) -> Array:
    """The nearest integer, halves to even."""
    return np.rint(x) if x.dtype.kind not in "iu" else x.copy()


@compiled
def round_decimals(x: Array, decimals: int = 0) -> Array:
    """The nearest number with so many decimals."""
    if decimals == 0:
        return np.rint(x)
    scale = number(10.0 ** abs(decimals), x.dtype)
    there, back = (np.multiply, np.divide) if decimals > 0 else (np.divide, np.multiply)
    y = there(x, scale)
    if type(y) is not _ndarray:
        return back(np.rint(y), scale)
    return back(np.rint(y, y), scale, y)


@compiled
def frac(x: Array) -> Array:
    """x minus trunc(x)."""
    y = np.trunc(x)
    return np.subtract(x, y, y) if type(y) is _ndarray else x - y


# ---------------------------------------------------------------- signs


@compiled
def sign(x: Array) -> Array:
    """-1, 0 or 1; 0 for NaN, as in PyTorch; z/|z| for complex numbers."""
    kind = x.dtype.kind
    if kind == "b":
        return x.copy()
    if kind not in "fV":
        return np.sign(x)
    if not x.ndim:
        return x.dtype.type(1 if x > 0 else -1 if x < 0 else 0)
    if kind == "f" and x.size > 500:
        return _sign_of_many(x)
    s = np.sign(x)
    if kind == "f" and no_nan(s):
        return s
    np.copyto(s, 0, where=s != s)
    return s


def _sign_of_many(x: Array) -> Array:
    """(x > 0) - (x < 0): comparisons are quick, and False for NaN."""
    s = (x > 0).view(np.int8)
    s -= (x < 0).view(np.int8)
    return s.astype(x.dtype)


def positive(x: Array) -> Array:
    """x."""
    return x


def clone(x: Array) -> Array:
    """A copy with the same layout; a NumPy scalar is its own copy."""
    return x.copy("K") if type(x) is _ndarray else x


@compiled
def heaviside(a: Array, b: Array) -> Array:
    """b where a is 0, 1 where positive, 0 elsewhere."""
    if type(a) is _ndarray and a.dtype.kind == "f":
        made = np.heaviside(a, b)
        if made.dtype is b.dtype and no_nan(made):
            return made
    return where(a == 0, b, (a > 0).astype(b.dtype))


# ---------------------------------------------------------------- sigmoid and its relatives


@compiled
def tanh_backward(a: Any, b: Any) -> Any:
    """a (1 - b^2)."""
    t = b * b
    if type(t) is not np.ndarray:
        return a * (1 - t)
    np.subtract(1, t, t)
    return np.multiply(a, t, t) if a.shape == t.shape and a.dtype is t.dtype else a * t


@compiled
def sigmoid_backward(a: Any, b: Any) -> Any:
    """a b (1 - b)."""
    t = 1 - b
    if type(t) is not np.ndarray or a.shape != t.shape or a.dtype is not t.dtype:
        return a * t * b
    np.multiply(a, t, t)
    t *= b
    return t


@compiled
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)): four passes, one temporary; overflow of exp gives the right 0."""
    dtype = x.dtype
    if dtype is F32 or dtype is F64:
        if type(x) is not _ndarray or not x.ndim:
            return _sigmoid_of_one(x, ONE32 if dtype is F32 else ONE64)
        unit = _UNIT32 if dtype is F32 else _UNIT64
        y = -x
        _exp(y, y)
        y += unit
        return _reciprocal(y, y) if x.size < MANY else np.divide(unit, y, y)
    if is_half(x):
        return sigmoid(x.astype(F32)).astype(dtype)
    return 1 / (1 + np.exp(-x))


def _sigmoid_of_one(x: Array, unit: Any) -> Array:
    try:
        return unit / (unit + unit * _math_exp(-x))
    except OverflowError:
        return unit * 0.0


def relu(x: Array) -> Array:
    """max(x, 0)."""
    if type(x) is _ndarray:
        dtype = x.dtype
        if dtype is F32:
            return clip(x, _ZERO32, _TOP32) if x.size > 100 else _maximum(x, _ZERO32)
        if dtype is F64:
            return clip(x, _ZERO64, _TOP64) if x.size > 100 else _maximum(x, _ZERO64)
        return _maximum(x, 0)
    return x if x > 0 or x != x else x.dtype.type(0)


@compiled
def logit(x: Array, eps: float | None = None) -> Array:
    """log(x / (1 - x)), x first clamped to [eps, 1 - eps] if eps is given."""
    if is_half(x):
        return logit(x.astype(F32), eps).astype(x.dtype)
    if eps is not None:
        high = x.dtype.type(1) - x.dtype.type(eps)
        if eps <= 0.5 and type(x) is _ndarray:
            x = between(x, eps, float(high))
            return np.log(x / (number(1.0, x.dtype) - x))
        x = where(x < eps, x.dtype.type(eps), where(x > high, high, x))
    return np.log(x / (1 - x))


@compiled
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), 1 at 0."""
    y = x * number(math.pi, x.dtype)
    made = np.sin(y)
    made = np.divide(made, y, made) if type(made) is _ndarray else made / y
    if type(made) is _ndarray and made.dtype.kind == "f" and no_nan(made):  # no 0
        return made
    return where(x == 0, x.dtype.type(1), made)


@compiled
def entr(x: Array) -> Array:
    """-x log x: 0 at 0, -inf below."""
    if type(x) is _ndarray and x.ndim and x.dtype.kind == "f":
        y = np.log(x)
        if finite(y):  # all are positive
            y *= x
            return np.negative(y, y)
    below = where(x < 0, x.dtype.type(-np.inf), x)
    return where(x > 0, -x * np.log(x), where(x == 0, 0 * x, below))


def _typed(number: Any, like: Array) -> Any:
    """A Python number in the dtype of `like` (a ufunc would make float64 of it alone)."""
    return number if hasattr(number, "dtype") else like.dtype.type(number)


@compiled
def xlogy(a: Array, b: Any) -> Array:
    """a log b, 0 where a is 0 (NaN where b is)."""
    return _zero_wins(a, b, a * np.log(_typed(b, a)))


@compiled
def xlog1py(a: Array, b: Any) -> Array:
    """a log(1 + b), 0 where a is 0 (NaN where b is)."""
    return _zero_wins(a, b, a * np.log1p(_typed(b, a)))


def _zero_wins(a: Array, b: Any, product: Array) -> Array:
    """`product`, but 0 where a is 0 and b is no NaN; only then can a finite product be wrong."""
    if type(product) is _ndarray and product.ndim and product.dtype.kind == "f" and finite(product):
        return product
    return where((a == 0) & (b == b), a.dtype.type(0), product)


@compiled
def logaddexp(a: Array, b: Array) -> Array:
    """log(exp a + exp b) without overflow."""
    if a.dtype.kind != "c":
        if a.shape == b.shape and a.size > 300 and a.dtype.kind == "f":
            return _logaddexp_of_many(a, b)
        return np.logaddexp(a, b)
    high: Any = np.where(a.real >= b.real, a, b)
    low: Any = np.where(a.real >= b.real, b, a)
    return (high + np.log1p(np.exp(low - high))).astype(a.dtype)


@compiled
def logaddexp2(a: Array, b: Array) -> Array:
    """log2(2^a + 2^b) without overflow."""
    if a.shape == b.shape and a.size > 300 and a.dtype.kind == "f":
        return _logaddexp2_of_many(a, b)
    return np.logaddexp2(a, b)


def _logaddexp_of_many(a: Array, b: Array) -> Array:
    """The larger plus log(1 + exp(-|a - b|)), by vector loops."""
    return _lifted(a, b, lambda d: np.log1p(_exp(d, d), d))


def _logaddexp2_of_many(a: Array, b: Array) -> Array:
    return _lifted(a, b, lambda d: np.multiply(np.log1p(np.exp2(d, d), d), 1 / math.log(2), d))


def _lifted(a: Array, b: Array, rest: Kernel) -> Array:
    d = a - b
    np.abs(d, d)
    np.negative(d, d)
    rest(d)
    d += _maximum(a, b)
    if not no_nan(d):
        np.copyto(d, a, where=(a == b) & np.isinf(a))  # inf - inf
    return d


def ldexp(a: Array, b: Any) -> Array:
    """a 2^b."""
    return a * np.exp2(_typed(b, a))


def frexp(x: Array) -> tuple[Array, Array]:
    """Mantissa in [0.5, 1) and exponent with x = mantissa 2^exponent."""
    mantissa, exponent = np.frexp(x)
    return mantissa, exponent


@compiled
def lerp(a: Array, end: Array, weight: Any) -> Array:
    """a + weight (end - a), from the nearer end, as PyTorch rounds it."""
    if type(weight) is float or type(weight) is int:
        return _lerp_near(a, end, weight) if abs(weight) < 0.5 else _lerp_far(a, end, weight)
    if type(weight) is _ndarray and weight.size > MANY:
        return _lerp_any(a, end, weight)
    span: Any = end - a
    if isinstance(weight, complex) and type(weight) is not np.complex128:
        return a + weight * span if abs(weight) < 0.5 else end - span * (1 - weight)
    far: Any = np.abs(weight) >= (number(0.5, weight.dtype) if type(weight) is _ndarray else 0.5)
    return where(far, end, a) + (weight - far) * span


def _lerp_near(a: Array, end: Array, weight: float) -> Array:
    span = end - a
    if type(span) is not _ndarray or span.dtype not in LIMITS or a.shape != span.shape:
        return a + weight * span
    span *= number(weight, span.dtype)
    return np.add(a, span, span)


def _lerp_far(a: Array, end: Array, weight: float) -> Array:
    span = end - a
    if type(span) is not _ndarray or span.dtype not in LIMITS or end.shape != span.shape:
        return end - span * (1 - weight)
    span *= number(1 - weight, span.dtype)
    return np.subtract(end, span, span)


def _lerp_any(a: Array, end: Array, weight: Array) -> Array:
    far: Any = np.abs(weight) >= number(0.5, weight.dtype)
    step = weight - far.astype(weight.dtype)
    step *= end - a
    step += select(far, end, a)
    return step


@compiled
def addcmul(a: Array, tensor1: Array, tensor2: Array, value: Any = 1) -> Array:
    """a + value tensor1 tensor2."""
    if value != 1:
        tensor1 = tensor1 * (number(value, tensor1.dtype) if type(value) is float else value)
        if tensor1.size > MANY and matching(tensor1, tensor2):
            return _plus(np.multiply(tensor1, tensor2, tensor1), a)
    return _plus(tensor1 * tensor2, a)


@compiled
def addcdiv(a: Array, tensor1: Array, tensor2: Array, value: Any = 1) -> Array:
    """a + value tensor1 / tensor2."""
    if value != 1:
        tensor1 = tensor1 * (number(value, tensor1.dtype) if type(value) is float else value)
        if tensor1.size > MANY and tensor1.dtype.kind == "f" and matching(tensor1, tensor2):
            return _plus(np.divide(tensor1, tensor2, tensor1), a)
    return _plus(tensor1 / tensor2, a)


def _plus(made: Array, a: Array) -> Array:
    """Their sum, in the memory of the first, which is fresh."""
    if type(made) is _ndarray and made.shape == a.shape and made.dtype == a.dtype:
        made += a
        return made
    return a + made


# ---------------------------------------------------------------- tests of numbers


def _tested(test: Kernel) -> Kernel:
    """`test` for floating point and complex numbers; False for all others."""

    def kernel(x: Array) -> Array:
        return test(x) if x.dtype.kind in "fcV" else np.zeros(x.shape, bool)

    kernel.on_arrays = test  # type: ignore[attr-defined]
    return kernel


_INFINITE = {d: (np.array(np.inf, d), np.array(-np.inf, d)) for d in (F32, F64)}
_NO_NUMBERS = (np.inf, -np.inf)
isnan, isinf = _tested(np.isnan), _tested(np.isinf)
isposinf = _tested(lambda x: x == _INFINITE.get(x.dtype, _NO_NUMBERS)[0])
isneginf = _tested(lambda x: x == _INFINITE.get(x.dtype, _NO_NUMBERS)[1])


def isfinite(x: Array) -> Array:
    """Neither infinite nor NaN."""
    return np.isfinite(x) if x.dtype.kind in "fcV" else np.ones(x.shape, bool)


def isreal(x: Array) -> Array:
    """Whether the imaginary part is 0."""
    if x.dtype.kind == "c":
        return x.imag == 0
    made = np.empty(x.shape, bool)
    made.fill(True)
    return made


def signbit(x: Array) -> Array:
    """Whether the sign bit is set."""
    return np.signbit(x) if x.dtype.kind in "fV" else x < 0


@compiled
def nan_to_num(
    x: Array, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Array:
    """x with NaN, +inf and -inf replaced (0 and the largest numbers by default)."""
    kind = x.dtype.kind
    if kind == "c":
        parts = (nan_to_num(p, nan, posinf, neginf) for p in (x.real, x.imag))
        return joined(*parts)
    if kind not in "fV":
        return x.copy()
    if kind == "f" and type(x) is _ndarray and finite(x):
        return x.copy("K")
    info = np.finfo(x.dtype) if kind == "f" else None
    high = posinf if posinf is not None else float(info.max if info else 3.3895313892515355e38)
    low = neginf if neginf is not None else -float(info.max if info else 3.3895313892515355e38)
    number = x.dtype.type
    y = where(x != x, number(nan or 0.0), where(x == np.inf, number(high), x))
    return where(x == -np.inf, number(low), y)


# ---------------------------------------------------------------- complex numbers


@compiled
def joined(real: Array, imag: Array) -> Array:
    """The complex numbers with these parts."""
    target = np.complex128 if real.dtype == F64 else np.complex64
    out = np.empty(np.broadcast_shapes(real.shape, imag.shape), target)
    out.real, out.imag = real, imag
    return out if out.ndim else out[()]


@compiled
def angle(x: Array) -> Array:
    """The argument of complex numbers; 0 or pi by the sign of real ones."""
    if x.dtype.kind == "c":
        return np.arctan2(x.imag, x.real)
    if x.dtype.kind == "f" and type(x) is _ndarray and x.ndim and no_nan(x):
        below = (x < typed(0.0, x.dtype)).astype(x.dtype)
        below *= typed(math.pi, x.dtype)
        return below
    return where(x != x, x, where(x < 0, x.dtype.type(math.pi), x.dtype.type(0)))


# ---------------------------------------------------------------- choosing


@compiled
def where(condition: Any, a: Any, b: Any) -> Array:
    """a where the condition holds, else b; a and b may be Python numbers, but not both."""
    if type(condition) is not _ndarray and type(a) is not _ndarray and type(b) is not _ndarray:
        picked, other = (a, b) if condition else (b, a)
        return picked if isinstance(picked, np.generic) else other.dtype.type(picked)
    if type(b) is float:
        b = _constant(b, a.dtype)
    elif type(a) is float:
        a = _constant(a, b.dtype)
    if type(condition) is _ndarray and condition.size > MANY:
        return select(condition, a, b)
    return np.where(condition, a, b)


def _constant(number: float, dtype: Any) -> Any:
    """A number beside an array: as a 0-d array it costs half."""
    if number == 0 and (dtype is F32 or dtype is F64):
        return _ZERO32 if dtype is F32 else _ZERO64
    return np.array(number, dtype)


@compiled
def maximum(a: Array, b: Any) -> Array:
    """The larger, NaN if one is; two NumPy scalars (or a scalar and a number) by comparison."""
    if type(a) is _ndarray or type(b) is _ndarray:
        return _maximum(a, b)
    if a >= b or a != a:
        return a
    return b if isinstance(b, np.generic) else a.dtype.type(b)


@compiled
def minimum(a: Array, b: Any) -> Array:
    """The smaller, NaN if one is; two NumPy scalars (or a scalar and a number) by comparison."""
    if type(a) is _ndarray or type(b) is _ndarray:
        return _minimum(a, b)
    if a <= b or a != a:
        return a
    return b if isinstance(b, np.generic) else a.dtype.type(b)


_BOUNDS32: dict[Any, tuple[Any, Any]] = {}
_BOUNDS64: dict[Any, tuple[Any, Any]] = {}


@compiled
def clamp(x: Array, min: Any = None, max: Any = None) -> Array:
    """x not below `min` and not above `max` (which wins); NaN stays, and NaN bounds give NaN."""
    if type(x) is not _ndarray:
        return _clamp_number(x, min, max)
    cache = _BOUNDS32 if x.dtype is F32 else _BOUNDS64 if x.dtype is F64 else None
    bounds = None if cache is None else cache.get((min, max))
    low, high = _bounds(cache, x.dtype, min, max) if bounds is None else bounds
    if high is None:
        if x.dtype is F32:
            return clip(x, low, _TOP32)
        return clip(x, low, _TOP64) if x.dtype is F64 else _maximum(x, low)
    if low is None:
        if x.dtype is F32:
            return clip(x, _LOW32, high)
        return clip(x, _LOW64, high) if x.dtype is F64 else _minimum(x, high)
    if x.dtype.kind == "V":  # bfloat16, which the ufunc does not know
        return _minimum(_maximum(x, low), high)
    return clip(x, low, high)


def _bounds(cache: Any, dtype: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The bounds as 0-d arrays, remembered for float32 and float64."""
    if dtype.kind in "iu":
        made = tuple(None if n is None else np.array(n).astype(dtype) for n in (low, high))
    else:
        made = tuple(None if n is None else np.array(n, dtype) for n in (low, high))
    if cache is not None:
        if len(cache) > 500:
            cache.clear()
        cache[low, high] = made
    return made  # type: ignore[return-value]


def _clamp_number(x: Array, low: Any, high: Any) -> Array:
    if low is not None and not x >= low:
        x = x if x != x else x.dtype.type(low)
    if high is not None and not x <= high:
        x = x if x != x else x.dtype.type(high)
    return x


def clamp_tensor(x: Array, min: Any, max: Any) -> Array:
    """`clamp` with arrays or None as bounds."""
    y = x if min is None else maximum(x, min)
    return y if max is None else minimum(y, max)
