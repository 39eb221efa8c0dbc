"""Elementwise mathematics of one operand: trigonometry, exponentials, rounding, signs, special.

Every op is one declaration: kernel, rule, names. Rules are complex derivatives where the op takes
complex numbers. Rules of PyTorch decide at kinks: sign(0) = 0, relu'(0) = 0. Pairs whose rules name
each other (sin/cos, sinh/cosh) stand together. Functions that SciPy computes load it when called.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import (
    ABOVE_ONE,
    METHODS,
    POSITIVE,
    TO_FLOAT,
    UNIT,
    elementwise,
    public,
    spelled,
    take_no_out,
)
from ...core.primitive import F32, F64, PUBLIC
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels import elementwise as kernels
from ...kernels import special, tables
from ...kernels.elementwise import exact
from ..fast import Lane
from .arithmetic import is_complex, refuse, unsupported, zeros

LN2, LN10, PI = math.log(2), math.log(10), math.pi
INV_SQRT_PI = 1 / math.sqrt(PI)


def half_too(kernel: Any) -> Any:
    """`kernel` for half precision as well, by way of float32."""

    def wide(x: Any, *rest: Any) -> Any:
        if x.dtype.itemsize != 2:
            return kernel(x, *rest)
        return kernel(x.astype(np.float32), *[y.astype(np.float32) for y in rest]).astype(x.dtype)

    wide.on_arrays = getattr(kernel, "on_arrays", kernel)  # type: ignore[attr-defined]
    return wide


# ---------------------------------------------------------------- trigonometry

sin = elementwise(
    "sin", exact(np.sin, math.sin), lambda xp, g, x: g * xp.cos(x), promote=TO_FLOAT,
    doc="sin x; d sin x = cos x dx.",
)  # fmt: skip
cos = elementwise(
    "cos", exact(np.cos, math.cos), lambda xp, g, x: g * -xp.sin(x), promote=TO_FLOAT,
    doc="cos x; d cos x = -sin x dx.",
)  # fmt: skip
tan = elementwise(
    "tan", np.tan, lambda xp, g, out: g * (1 + out * out), promote=TO_FLOAT, domain=UNIT,
    doc="tan x; d tan x = (1 + tan^2 x) dx.",
)  # fmt: skip
asin = elementwise(
    "asin", exact(np.arcsin, math.asin), lambda xp, g, x: g * xp.rsqrt(1 - x * x),
    promote=TO_FLOAT, domain=UNIT, aliases=("arcsin",),
    doc="The angle whose sine is x; d = dx / sqrt(1 - x^2).",
)  # fmt: skip
acos = elementwise(
    "acos", exact(np.arccos, math.acos), lambda xp, g, x: g * -xp.rsqrt(1 - x * x),
    promote=TO_FLOAT, domain=UNIT, aliases=("arccos",),
    doc="The angle whose cosine is x; d = -dx / sqrt(1 - x^2).",
)  # fmt: skip
atan = elementwise(
    "atan", exact(np.arctan, math.atan), lambda xp, g, x: g / (x * x + 1), promote=TO_FLOAT,
    aliases=("arctan",), doc="The angle whose tangent is x; d = dx / (1 + x^2).",
)  # fmt: skip
sinh = elementwise(
    "sinh", np.sinh, lambda xp, g, x: g * xp.cosh(x), promote=TO_FLOAT,
    doc="sinh x; d sinh x = cosh x dx.",
)  # fmt: skip
cosh = elementwise(
    "cosh", np.cosh, lambda xp, g, x: g * xp.sinh(x), promote=TO_FLOAT,
    doc="cosh x; d cosh x = sinh x dx.",
)  # fmt: skip
tanh = elementwise(
    "tanh", exact(np.tanh, math.tanh), lambda xp, g, out: xp.tanh_backward(g, out),
    promote=TO_FLOAT, doc="tanh x; d tanh x = (1 - tanh^2 x) dx.",
)  # fmt: skip
elementwise(  # one op and not three: higher derivatives repeat it many times
    "tanh_backward", kernels.tanh_backward,
    a=lambda xp, g, b: xp.tanh_backward(g, b), b=lambda xp, g, a, b: g * a * b * -2,
    means=lambda a, b: a * (1 - b * b),
    method=False, has_inplace=False, numbers=False, names=("_tanh_backward",),
    grad_fn="TanhBackwardBackward0", doc="a (1 - b^2): the vjp of tanh where its result is b.",
)  # fmt: skip
asinh = elementwise(
    "asinh", np.arcsinh, lambda xp, g, x: g * xp.rsqrt(x * x + 1), promote=TO_FLOAT,
    aliases=("arcsinh",), doc="The inverse of sinh; d = dx / sqrt(x^2 + 1).",
)  # fmt: skip


def _acosh_rule(xp: Any, g: Any, x: Any) -> Any:
    if is_complex(x):
        return g * (xp.rsqrt(x - 1) * xp.rsqrt(x + 1))
    return g * xp.rsqrt(x * x - 1)


acosh = elementwise(
    "acosh", np.arccosh, _acosh_rule,
    promote=TO_FLOAT, domain=ABOVE_ONE, aliases=("arccosh",),
    doc="The inverse of cosh; d = dx / sqrt((x - 1)(x + 1)).",
)  # fmt: skip
atanh = elementwise(
    "atanh", np.arctanh, lambda xp, g, x: g / (1 - x * x), promote=TO_FLOAT, domain=UNIT,
    aliases=("arctanh",), doc="The inverse of tanh; d = dx / (1 - x^2).",
)  # fmt: skip


def _atan2_slope(xp: Any, g: Any, a: Any, b: Any) -> Any:
    square = a * a + b * b
    return xp.where(square == 0, 0.0, g / square)


atan2 = elementwise(
    "atan2", np.arctan2,
    a=lambda xp, g, a, b: _atan2_slope(xp, g, a, b) * b,
    b=lambda xp, g, a, b: _atan2_slope(xp, g, a, b) * -a,
    promote=TO_FLOAT, domain=POSITIVE, aliases=("arctan2",), check=unsupported("atan2_cpu", "c"),
    numbers=False,
    doc="The angle of the point (b, a); d = (b da - a db) / (a^2 + b^2).",
)  # fmt: skip

# ---------------------------------------------------------------- exponentials and logarithms

exp = elementwise(
    "exp", exact(np.exp, math.exp), lambda xp, g, out: g * out, promote=TO_FLOAT,
    doc="e^x; d e^x = e^x dx.",
)  # fmt: skip
exp2 = elementwise(
    "exp2", exact(np.exp2, lambda x: 2.0 ** float(x)), lambda xp, g, out: g * (out * LN2),
    promote=TO_FLOAT, doc="2^x; d 2^x = 2^x log 2 dx.",
)  # fmt: skip
expm1 = elementwise(
    "expm1", exact(np.expm1, math.expm1), lambda xp, g, out: g * (out + 1), promote=TO_FLOAT,
    doc="e^x - 1, accurate near 0; d = e^x dx.",
)  # fmt: skip
log = elementwise(
    "log", exact(np.log, math.log), lambda xp, g, x: g / x, promote=TO_FLOAT, domain=POSITIVE,
    doc="The natural logarithm; d log x = dx / x.",
)  # fmt: skip
log2 = elementwise(
    "log2", exact(np.log2, math.log2), lambda xp, g, x: g / (x * LN2), promote=TO_FLOAT,
    domain=POSITIVE, doc="The logarithm to base 2; d = dx / (x log 2).",
)  # fmt: skip
log10 = elementwise(
    "log10", exact(np.log10, math.log10), lambda xp, g, x: g / (x * LN10), promote=TO_FLOAT,
    domain=POSITIVE, doc="The logarithm to base 10; d = dx / (x log 10).",
)  # fmt: skip
log1p = elementwise(
    "log1p", exact(np.log1p, math.log1p), lambda xp, g, x: g / (x + 1), promote=TO_FLOAT,
    domain=POSITIVE, grad_fn="Log1PBackward0",
    doc="log(1 + x), accurate near 0; d = dx / (1 + x).",
)  # fmt: skip
sqrt = elementwise(
    "sqrt", exact(np.sqrt, math.sqrt), lambda xp, g, out: g / (2 * out), promote=TO_FLOAT,
    domain=POSITIVE, doc="The square root; d sqrt x = dx / (2 sqrt x).",
)  # fmt: skip
rsqrt = elementwise(
    "rsqrt", kernels.rsqrt, lambda xp, g, out: -0.5 * g * (out * out * out), promote=TO_FLOAT,
    domain=POSITIVE, doc="1 / sqrt x; d = -x^(-3/2) dx / 2.",
)  # fmt: skip

# ---------------------------------------------------------------- sigmoid, relu, sinc

sigmoid = elementwise(
    "sigmoid", kernels.sigmoid, lambda xp, g, out: xp.sigmoid_backward(g, out), promote=TO_FLOAT,
    names=("sigmoid", "special.expit"), doc="s = 1 / (1 + e^-x); ds = s (1 - s) dx.",
)  # fmt: skip
elementwise(
    "sigmoid_backward", kernels.sigmoid_backward,
    a=lambda xp, g, b: xp.sigmoid_backward(g, b), b=lambda xp, g, a, b: g * a * (1 - 2 * b),
    means=lambda a, b: a * (1 - b) * b,
    method=False, has_inplace=False, numbers=False, names=("_sigmoid_backward",),
    grad_fn="SigmoidBackwardBackward0",
    doc="a b (1 - b): the vjp of sigmoid where its result is b.",
)  # fmt: skip
relu = elementwise(
    "relu", kernels.relu, lambda xp, g, out: xp.where(out <= 0, 0.0, g), names=("relu",),
    check=refuse(
        "b", "Boolean inputs not supported for relu", RuntimeError,
        refuse("c", "clamp is not supported for complex types"),
    ),
    doc="max(x, 0); its derivative is 1 where x > 0, else 0.",
)  # fmt: skip


@public("nn.functional.relu")
def _functional_relu(input: Any, inplace: bool = False) -> Any:
    """max(x, 0), in place if asked.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.relu(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return METHODS["relu_"](input) if inplace else relu(input)


@public("relu_", "nn.functional.relu_")
def relu_(input: Any) -> Any:
    """max(x, 0) in place.

    Example:
        >>> import chainrule as torch
        >>> torch.relu_(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return METHODS["relu_"](input)


def _logit_rule(xp: Any, g: Any, x: Any, eps: float | None) -> Any:
    low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
    outside = math.nan if eps is None else 0.0
    return xp.where((x < low) | (x > high), outside, g / (x * (1 - x)))


_logit = elementwise(
    "logit", kernels.logit, _logit_rule, promote=TO_FLOAT, domain=(0.1, 0.9),
    check=unsupported("logit_cpu", "c"),
    doc="log(x / (1 - x)), with x clamped to [eps, 1 - eps] if eps is given; d = dx / (x (1 - x)).",
)  # fmt: skip
_logit.prim.holomorphic = False  # it takes real numbers only
_logit_lane = Lane(_logit)


@spelled(_logit)
def logit(input: Any, eps: float | None = None, *, out: Any = None) -> Any:
    if out is None and isinstance(input, Tensor) and input._data.dtype in (F32, F64):
        return _logit_lane.one(input, (eps,))
    return _logit.prim.call(input, params=(eps,), out=out)


def _sinc_rule(xp: Any, g: Any, x: Any) -> Any:
    y = x * PI
    square = x * x * PI
    return xp.where(square == 0, 0.0, g * ((y * xp.cos(y) - xp.sin(y)) / square))


sinc = elementwise(
    "sinc", half_too(kernels.sinc), _sinc_rule, promote=TO_FLOAT, domain=POSITIVE,
    doc="sin(pi x) / (pi x), 1 at 0; d = (cos(pi x) - sinc x) / x dx.",
)  # fmt: skip

# ---------------------------------------------------------------- rounding


def _no_complex(name: str) -> Any:
    return unsupported(
        f"{name}_vml_cpu", "b", refuse("c", f"{name} is not supported for complex inputs")
    )


floor = elementwise(
    "floor", kernels.floor, zeros, check=_no_complex("floor"),
    doc="The largest integer not above x; piecewise constant, so its derivative is 0.",
)  # fmt: skip
ceil = elementwise(
    "ceil", kernels.ceil, zeros, check=_no_complex("ceil"),
    doc="The smallest integer not below x; piecewise constant, so its derivative is 0.",
)  # fmt: skip
trunc = elementwise(
    "trunc", kernels.trunc, zeros, check=_no_complex("trunc"), aliases=("fix",),
    doc="x without its fraction; piecewise constant, so its derivative is 0.",
)  # fmt: skip
frac = elementwise(
    "frac", kernels.frac, lambda xp, g: g, check=unsupported("frac_cpu", "buic"),
    domain=(0.1, 0.9), doc="x - trunc x; d = dx.",
)  # fmt: skip
_round = elementwise(
    "round", kernels.rint, zeros, check=unsupported("round_vml_cpu", "bc"),
    doc="The nearest integer, halves to even; piecewise constant, so its derivative is 0.",
)  # fmt: skip
_round_decimals = elementwise(
    "round_decimals", kernels.round_decimals, lambda xp, g: zeros(xp, g), grad_fn="RoundBackward1",
    check=unsupported("round_cpu", "buic"), method=False, names=("_round_decimals",),
    doc="The nearest number with so many decimals; piecewise constant, so its derivative is 0.",
)  # fmt: skip


_decimals_lane = Lane(_round_decimals)


@spelled(_round)
def round(input: Any, *, decimals: int = 0, out: Any = None) -> Any:
    if type(decimals) is not int:
        decimals = errors.checked_int("round", "decimals", decimals)
    if decimals == 0:
        return _round(input, out=out)
    if out is None and isinstance(input, Tensor) and input._data.dtype in (F32, F64):
        return _decimals_lane.one(input, (decimals,))
    return _round_decimals.prim.call(input, params=(decimals,), out=out)


_round_ = METHODS["round_"]


def _round_inplace(self: Tensor, *, decimals: int = 0) -> Any:
    if type(decimals) is not int:
        decimals = errors.checked_int("round_", "decimals", decimals)
    if decimals == 0:
        return _round_(self)
    return METHODS["round_decimals_"](self, decimals)


METHODS["round_"] = _round_inplace

# ---------------------------------------------------------------- signs

abs = elementwise(
    "abs", np.abs, lambda xp, g, x: g * xp.sgn(x), operator="__abs__", aliases=("absolute",),
    check=unsupported("abs_cpu", "b"),
    doc="|x|; d|x| = sgn(x) dx, 0 at 0 (complex: the gradient is g z/|z|).",
)  # fmt: skip
abs.prim.holomorphic = False
_plain_abs_ = METHODS["abs_"]


def _abs_in_place(self: Tensor) -> Any:
    if self._data.dtype.kind == "c":
        raise RuntimeError("In-place abs is not supported for complex tensors.")
    return _plain_abs_(self)


METHODS["abs_"] = METHODS["absolute_"] = _abs_in_place
sign = elementwise(
    "sign", kernels.sign, zeros,
    check=refuse(
        "c", "Unlike NumPy, torch.sign is not intended to support complex numbers. "
        "Please use torch.sgn instead.",
    ),
    doc="-1, 0 or 1; piecewise constant, so its derivative is 0.",
)  # fmt: skip


def _sgn_rule(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """The part of g across the direction of z, over |z|; g comes conjugated, see `holomorphic`."""
    if not is_complex(x):
        return zeros(xp, g)
    size = xp.abs(x)
    across = g - xp.conj(out) * xp.real(g * out)
    return xp.where(size == 0, 0.0, across / xp.where(size == 0, 1.0, size))


sgn = elementwise(
    "sgn", kernels.sign, _sgn_rule,
    doc="z/|z|, which is the sign of real numbers; 0 at 0. Piecewise constant for real numbers.",
)  # fmt: skip
positive = elementwise(
    "positive", kernels.positive, lambda xp, g: g, has_inplace=False, method=False,
    check=refuse("b", "The `+` operator, on a bool tensor is not supported.", RuntimeError),
    doc="x itself.",
)  # fmt: skip


@spelled(positive, method=True)
def _positive(input: Any) -> Any:
    if not isinstance(input, Tensor):
        raise errors.wrong_type("positive", "input", 1, input)
    if input._data.dtype.kind != "f":
        positive.prim.prepare((input,))
    return input


METHODS["__pos__"] = _positive

deg2rad = elementwise(
    "deg2rad", lambda x: x * x.dtype.type(PI / 180), lambda xp, g: g * (PI / 180), promote=TO_FLOAT,
    grad_fn="Deg2RadBackward0",
    check=refuse("c", "deg2rad is not supported for complex tensors.", RuntimeError),
    doc="Degrees to radians: x pi / 180.",
)  # fmt: skip
rad2deg = elementwise(
    "rad2deg", lambda x: x * x.dtype.type(180 / PI), lambda xp, g: g * (180 / PI), promote=TO_FLOAT,
    grad_fn="Rad2DegBackward0",
    check=refuse("c", "rad2deg is not supported for complex tensors.", RuntimeError),
    doc="Radians to degrees: x 180 / pi.",
)  # fmt: skip


def _nan_to_num_rule(xp: Any, g: Any, x: Any) -> Any:
    return xp.where(xp.isfinite(x), g, 0.0)


nan_to_num = elementwise(
    "nan_to_num", kernels.nan_to_num, _nan_to_num_rule,
    doc="NaN, +inf and -inf replaced by `nan` (0), `posinf`, `neginf` (the largest numbers); "
    "the derivative is 0 there.",
)  # fmt: skip

_nan_to_num_lane, _general_nan_to_num = Lane(nan_to_num), nan_to_num


@spelled(nan_to_num)
def _nan_to_num(
    input: Any, nan: Any = None, posinf: Any = None, neginf: Any = None, *, out: Any = None
) -> Any:
    if nan is None is posinf and neginf is None is out and type(input) is Tensor:
        return _nan_to_num_lane.one(input, (None, None, None))
    return _general_nan_to_num(input, nan, posinf, neginf, out=out)


# ---------------------------------------------------------------- tests: no derivative

for _name in ("isnan", "isinf", "isfinite", "isreal"):
    elementwise(_name, getattr(kernels, _name), has_inplace=False, doc=f"{_name[2:]}, by element.")
for _name in ("isposinf", "isneginf"):
    elementwise(
        _name, getattr(kernels, _name), has_inplace=False, doc=f"{_name[2:]}, by element.",
        check=refuse("c", f"{_name} does not support complex inputs.", RuntimeError),
    )  # fmt: skip
signbit = elementwise(
    "signbit", kernels.signbit, has_inplace=False, doc="Whether the sign bit is set, by element.",
    check=refuse("c", "signbit is not implemented for complex tensors."),
)  # fmt: skip
isnan, isfinite = OPS.isnan, OPS.isfinite

# ---------------------------------------------------------------- special functions

erf = elementwise(
    "erf", half_too(special.erf), lambda xp, g, x: g * (2 * INV_SQRT_PI * xp.exp(-(x * x))),
    promote=TO_FLOAT, check=unsupported("erf_vml_cpu", "c"),
    doc="2/sqrt(pi) times the integral of e^(-t^2) from 0 to x; d = 2/sqrt(pi) e^(-x^2) dx.",
)  # fmt: skip
erfc = elementwise(
    "erfc", half_too(special.erfc), lambda xp, g, x: g * (-2 * INV_SQRT_PI * xp.exp(-(x * x))),
    promote=TO_FLOAT, check=unsupported("erfc_vml_cpu", "c"),
    doc="1 - erf x, accurate for large x; d = -2/sqrt(pi) e^(-x^2) dx.",
)  # fmt: skip
erfinv = elementwise(
    "erfinv", half_too(special.erfinv),
    lambda xp, g, out: g * (0.5 / INV_SQRT_PI * xp.exp(out * out)), promote=TO_FLOAT, domain=UNIT,
    check=unsupported("erfinv_vml_cpu", "c"),
    doc="The inverse of erf; d = sqrt(pi)/2 e^(y^2) dx. Needs SciPy.",
)  # fmt: skip
lgamma = elementwise(
    "lgamma", tables.lgamma, lambda xp, g, x: g * xp.digamma(x), promote=TO_FLOAT,
    domain=POSITIVE, check=unsupported("lgamma_vml_cpu", "c"),
    doc="log |Gamma(x)|; d = digamma(x) dx. Needs SciPy.",
)  # fmt: skip
digamma = elementwise(
    "digamma", tables.digamma, lambda xp, g, x: g * xp.polygamma_of(x, 1), promote=TO_FLOAT,
    domain=POSITIVE, check=unsupported("digamma", "c"),
    doc="The derivative of lgamma; d = polygamma(1, x) dx. Needs SciPy.",
)  # fmt: skip
_polygamma = elementwise(
    "polygamma_of", tables.polygamma, lambda xp, g, x, n: g * xp.polygamma_of(x, n + 1),
    promote=TO_FLOAT, domain=POSITIVE, grad_fn="PolygammaBackward0", method=False,
    names=("_polygamma",), check=unsupported("polygamma", "c"),
    doc="The n-th derivative of digamma. Needs SciPy.",
)  # fmt: skip


@public("polygamma", "special.polygamma")
def polygamma(n: int, input: Any, *, out: Any = None) -> Any:
    """The n-th derivative of digamma, elementwise; needs SciPy.

    Args:
        n: the order, 0 or more.
        input: a tensor.

    Raises:
        RuntimeError: n is negative.

    Example:
        >>> import chainrule as torch
        >>> torch.polygamma(1, torch.tensor([1.0]))
        tensor([1.6449])
    """
    errors.need_int("polygamma", n=n)
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _polygamma.prim.call(input, params=(int(n),), out=out)


def _polygamma_method(self: Any, n: int) -> Any:
    """The n-th derivative of digamma at the elements."""
    return polygamma(n, self)


METHODS["polygamma"] = _polygamma_method


def _polygamma_in_place(self: Any, n: int) -> Any:
    """`polygamma` in place."""
    errors.need_int("polygamma_", n=n)
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return METHODS["polygamma_of_"](self, int(n))


METHODS["polygamma_"] = _polygamma_in_place

entr = elementwise(
    "entr", half_too(kernels.entr), lambda xp, g, x: g * (-xp.log(x) - 1), promote=TO_FLOAT,
    domain=POSITIVE, names=("special.entr",), method=False, has_inplace=False,
    grad_fn="SpecialEntrBackward0", check=unsupported("entr_cpu", "c"),
    doc="-x log x, 0 at 0 and -inf below; d = (-log x - 1) dx.",
)  # fmt: skip


# ---------------------------------------------------------------- torch.special

_SPECIAL = (
    "digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "log1p", "logit", "sinc",
)  # fmt: skip
for _name in _SPECIAL:
    PUBLIC[f"special.{_name}"] = PUBLIC[_name]
PUBLIC["special.psi"], PUBLIC["special.gammaln"] = digamma, lgamma


@public("special.round")
def special_round(input: Any, *, decimals: int = 0, out: Any = None) -> Any:
    """The nearest number with so many decimals; floating point only.

    Example:
        >>> import chainrule as torch
        >>> torch.special.round(torch.tensor([1.26]), decimals=1)
        tensor([1.3000])
    """
    errors.need_int("special_round", decimals=decimals)
    return _round_decimals.prim.call(input, params=(decimals,), out=out)


take_no_out("relu", "isnan", "isinf", "isfinite", "isreal")
