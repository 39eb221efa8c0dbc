"""Choosing between values: `where`, `maximum` and its kin, `clamp`; binary functions with kinks.

At ties PyTorch decides: `maximum` shares the cotangent half and half, `clamp` passes it at a bound.
`clamp` with numbers stands in many training loops, so it has a short way of its own, like the lanes
in `core/primitive.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.blame import no_combination
from ...core.declare import (
    METHODS,
    POSITIVE,
    SAME,
    TO_FLOAT,
    elementwise,
    general,
    public,
    renamed,
    spelled,
)
from ...core.lanes import one_lane
from ...core.primitive import F32, F64, PUBLIC, cast
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...core.views import inplace
from ...errors import ABSENT
from ...kernels import elementwise as kernels
from ...kernels import masks
from ...kernels.blocks import number
from ..fast import Lane
from .arithmetic import number_first, refuse, unsupported

LN2, BOOL = math.log(2), np.dtype(bool)
_NUMBERS = (int, float, bool, complex, np.generic)

# ---------------------------------------------------------------- where

_where = general(
    "where", kernels.where, ("condition", "a", "b"),
    rules={
        "a": lambda xp, g, condition: xp.where(condition, g, 0.0),
        "b": lambda xp, g, condition: xp.where(condition, 0.0, g),
    },
    broadcasts=True, method=False, doc="a where the condition holds, else b.",
)  # fmt: skip
_where.prim.kind = "elementwise"
_where_lane = Lane(_where)


@spelled(_where)
def where(condition: Any, input: Any = ABSENT, other: Any = ABSENT, *, out: Any = None) -> Any:
    if not isinstance(condition, Tensor):
        raise errors.wrong_type("where", "condition", 1, condition)
    if input is ABSENT and other is ABSENT:
        if out is not None:
            raise no_combination("where", (condition,), {"out": out})
        return OPS.nonzero(condition, as_tuple=True)
    if out is None and S.mode is None and type(input) is Tensor and type(other) is Tensor:
        c, x, y = condition._data, input._data, other._data
        dtype = x.dtype
        if (
            (dtype is F32 or dtype is F64) and y.dtype is dtype and c.dtype is BOOL
            and c.shape == x.shape == y.shape
        ):  # fmt: skip
            r = wrap(kernels.where(c, x, y))
            if (input._node is not None or other._node is not None) and (S.grad or grad_enabled()):
                _where_lane.hang(r, (condition, input, other), ())
            return r
    if condition._data.dtype.kind != "b":
        if input is None or input is ABSENT or other is None or other is ABSENT:
            raise no_combination("where", (condition, input, other), {})
        condition = _as_condition(condition)
    if type(other) is float and type(input) is Tensor and input._data.dtype in (F32, F64):
        c, x = condition._data, input._data
        if (
            input._node is None and S.mode is None and out is None
            and type(x) is np.ndarray and c.dtype is BOOL and c.shape == x.shape
        ):  # fmt: skip
            return wrap(kernels.where(c, x, number(other, x.dtype)))
        other = wrap(x.dtype.type(other))
    elif not (
        isinstance(input, Tensor) and isinstance(other, Tensor)
        and input._data.dtype == other._data.dtype
    ):  # fmt: skip
        input, other = _common(input, other)
    return _where.prim.call(condition, input, other, out=out)


def _as_condition(condition: Tensor) -> Tensor:
    if condition.dtype is dtypes.uint8:
        return cast(condition, dtypes.bool_)
    raise RuntimeError(
        errors.hinted(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{errors.LEGACY[condition.dtype.name]}",
            hint="compare it, as in condition != 0",
        )
    )


def _common(a: Any, b: Any) -> tuple[Any, Any]:
    """Two operands, tensors or numbers, as tensors of their common dtype."""
    dims: list[Any] = []
    zeros: list[Any] = []
    numbers: list[Any] = []
    for i, t in enumerate((a, b)):
        if isinstance(t, Tensor):
            (dims if t._data.ndim else zeros).append(t.dtype)
        elif isinstance(t, _NUMBERS):
            numbers.append(dtypes.scalar_type(t))
        else:
            if t is ABSENT:
                t = None
            raise errors.wrong_type("where", ("input", "other")[i], i + 2, t)
    target = dtypes.result_type_of(dims, zeros, numbers)
    return tuple(  # type: ignore[return-value]
        cast(t, target) if isinstance(t, Tensor) else wrap(target.np.type(t)) for t in (a, b)
    )


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Any:
    """`self` where `condition` holds, else `other`."""
    return where(condition, self, other)


METHODS["where"] = _where_method

# ---------------------------------------------------------------- maximum and minimum


def _no_complex(name: str) -> Any:
    return refuse("c", f"{name} not implemented for complex tensors.", RuntimeError)


maximum = elementwise(
    "maximum", kernels.maximum,
    a=lambda xp, g, a, b: xp.where(a < b, 0.0, xp.where(a == b, g / 2, g)),
    b=lambda xp, g, a, b: xp.where(a > b, 0.0, xp.where(a == b, g / 2, g)),
    has_inplace=False, numbers=False, check=_no_complex("maximum"),
    doc="The larger of a and b, NaN if one is; at ties each gets half of the cotangent.",
)  # fmt: skip
minimum = elementwise(
    "minimum", kernels.minimum,
    a=lambda xp, g, a, b: xp.where(a > b, 0.0, xp.where(a == b, g / 2, g)),
    b=lambda xp, g, a, b: xp.where(a < b, 0.0, xp.where(a == b, g / 2, g)),
    has_inplace=False, numbers=False, check=_no_complex("minimum"),
    doc="The smaller of a and b, NaN if one is; at ties each gets half of the cotangent.",
)  # fmt: skip
fmax = elementwise(
    "fmax", np.fmax,
    a=lambda xp, g, a, b: xp.where((a >= b) | (b != b), g, 0.0),
    b=lambda xp, g, a, b: xp.where((a >= b) | (b != b), 0.0, g),
    has_inplace=False, numbers=False, check=_no_complex("fmax"),
    doc="The larger of a and b, the other where one is NaN; at ties a gets the cotangent.",
)  # fmt: skip
fmin = elementwise(
    "fmin", np.fmin,
    a=lambda xp, g, a, b: xp.where((a <= b) | (b != b), g, 0.0),
    b=lambda xp, g, a, b: xp.where((a <= b) | (b != b), 0.0, g),
    has_inplace=False, numbers=False, check=_no_complex("fmin"),
    doc="The smaller of a and b, the other where one is NaN; at ties a gets the cotangent.",
)  # fmt: skip

# ---------------------------------------------------------------- clamp


def _inside(x: Any, min: Any, max: Any) -> Any:
    """Where x passes unchanged: a mask, which NaN is not in."""
    if max is None:
        return x >= min
    return x <= max if min is None else (x >= min) & (x <= max)


_refuse_complex = refuse("c", "clamp is not supported for complex types")
_clamp = elementwise(
    "clamp", kernels.clamp,
    lambda xp, g, x, min, max: xp.where(_inside(x, min, max), g, 0.0),
    grad_fn="ClampBackward1", aliases=("clip",), check=_refuse_complex,
    doc="x not below `min` and not above `max` (numbers or tensors; None: no bound; `max` wins). "
    "The derivative is 1 between the bounds and at them, else 0.",
)  # fmt: skip


_clamp.prim.holomorphic = False  # it refuses complex operands
_clamp_lane = one_lane(_clamp.prim)
_clamp_tensor = general(
    "clamp_tensor", kernels.clamp_tensor, ("x", "min", "max"),
    rules={
        "x": lambda xp, g, x, min, max: xp.where(_inside(x, min, max), g, 0.0),
        "min": lambda xp, g, x, min, max: xp.where(_below(x, min, max), g, 0.0),
        "max": lambda xp, g, x, min, max: xp.where(_above(x, min, max), g, 0.0),
    },
    promote=SAME, broadcasts=True, method=False,
    names=("_clamp_tensor",), grad_fn="ClampBackward0", check=_refuse_complex,
    doc="`clamp` with tensors as bounds: cotangents go to whichever of the three is the result.",
)  # fmt: skip
_clamp_tensor.prim.kind = "elementwise"


def _below(x: Any, min: Any, max: Any) -> Any:
    return x < min if max is None else (x < min) & (min < max)


def _above(x: Any, min: Any, max: Any) -> Any:
    return x > max if min is None else (x > max) | (max < min)


@spelled(_clamp)
def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    if type(input) is Tensor and S.mode is None and out is None:
        x = input._data
        dtype = x.dtype
        low, high = type(min), type(max)
        if (
            (dtype is F32 or dtype is F64)
            and (low is float or low is int or (min is None and max is not None))
            and (high is float or high is int or max is None)
        ):
            return _clamp_lane(input, (min, max))
    prim, operands, params = _clamp_plan(input, min, max)
    return prim.call(*operands, params=params, out=out)


def _clamp_plan(x: Any, low: Any, high: Any) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Which op clamps, with its operands and parameters, after promotion."""
    if not isinstance(x, Tensor):
        raise errors.wrong_type("clamp", "input", 1, x)
    if low is None and high is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    bounds = [b for b in (low, high) if b is not None]
    if len({isinstance(b, Tensor) for b in bounds}) > 1:  # a 0-d tensor beside a number is one too
        low, high = (b.item() if _is_number(b) else b for b in (low, high))
        bounds = [low, high]
    if isinstance(x, Tensor) and all(isinstance(b, Tensor) for b in bounds):
        return _clamp_tensor.prim, (x, low, high), ()
    if not isinstance(x, Tensor) or not all(isinstance(b, _NUMBERS) for b in bounds):
        kinds = map(errors.kind_name, (x, *bounds))
        raise TypeError(
            f"clamp() received an invalid combination of arguments - got ({', '.join(kinds)})\n"
            "Hint: the bounds are two numbers or two tensors (or None)"
        )
    low, high = (b.item() if isinstance(b, np.generic) else b for b in (low, high))
    numbers = [dtypes.scalar_type(b) for b in (low, high) if b is not None]
    dims, zeros = ([x.dtype], []) if x._data.ndim else ([], [x.dtype])
    return _clamp.prim, (cast(x, dtypes.result_type_of(dims, zeros, numbers)),), (low, high)


def _is_number(b: Any) -> bool:
    return isinstance(b, Tensor) and not b._data.ndim and not b.requires_grad


def _clamp_inplace(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    prim, operands, params = _clamp_plan(input, min, max)
    if operands[0]._data.dtype != input._data.dtype:
        raise errors.not_castable(operands[0].dtype, input.dtype)
    return inplace(prim, input, *operands[1:], params=params)


METHODS["clamp_"] = METHODS["clip_"] = _clamp_inplace
PUBLIC["clamp_"] = PUBLIC["clip_"] = _clamp_inplace

clamp_min = elementwise(
    "clamp_min", kernels.maximum,
    a=lambda xp, g, a, b: xp.where(a >= b, g, 0.0), b=lambda xp, g, a, b: xp.where(a < b, g, 0.0),
    constants=True, grad_fn="ClampMinBackward1", number_grad_fn="ClampMinBackward0",
    check=unsupported("maximum_cpu", "c"), doc="a where it is at least b, else b.",
)  # fmt: skip
clamp_max = elementwise(
    "clamp_max", kernels.minimum,
    a=lambda xp, g, a, b: xp.where(a <= b, g, 0.0), b=lambda xp, g, a, b: xp.where(a > b, g, 0.0),
    constants=True, grad_fn="ClampMaxBackward1", number_grad_fn="ClampMaxBackward0",
    check=unsupported("minimum_cpu", "c"), doc="a where it is at most b, else b.",
)  # fmt: skip
for _name, _bound in (("clamp_min", "min"), ("clamp_max", "max")):
    PUBLIC[_name] = renamed(PUBLIC[_name], other=_bound)
    for _method in (_name, f"{_name}_"):
        METHODS[_method] = renamed(METHODS[_method], other=_bound)

# ---------------------------------------------------------------- signs and sizes of two


def _ratio(xp: Any, g: Any, a: Any, out: Any) -> Any:
    return g * xp.where(a == 0, 0.0, out / a)


_copysign = elementwise(
    "copysign", masks.copysign, a=lambda xp, g, a, out: _ratio(xp, g, a, out),
    b=lambda xp, g: xp.zeros(g.shape, g.dtype), promote=TO_FLOAT,
    grad_fn="CopysignBackward0", number_grad_fn="CopysignBackward1",
    check=unsupported("copysign_cpu", "c"),
    doc="|a| with the sign of b; d = sign(a) sign(b) da, 0 at 0.",
)  # fmt: skip
heaviside = elementwise(
    "heaviside", kernels.heaviside, a=None, b=None, numbers=False,
    check=refuse("c", "heaviside is not yet implemented for complex tensors.", RuntimeError),
    doc="0 where a < 0, b where a = 0, 1 where a > 0.",
)  # fmt: skip


@spelled(heaviside)
def _heaviside(input: Any, values: Any, *, out: Any = None) -> Any:
    for i, t in enumerate((input, values)):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("heaviside", ("input", "values")[i], i + 1, t)
    if input.dtype is not values.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes.\n"
            "Hint: convert one of them"
        )
    return heaviside(input, values, out=out)


def _heaviside_in_place(self: Tensor, values: Any) -> Tensor:
    if isinstance(values, Tensor) and values.dtype is not self.dtype:
        _heaviside(self, values)
    return _plain_heaviside_in_place(self, values)


_plain_heaviside_in_place = METHODS["heaviside_"]
METHODS["heaviside_"] = _heaviside_in_place


nextafter = elementwise(
    "nextafter", masks.nextafter, numbers=False,
    a=lambda xp, g, a, b: xp.where(a == b, 0.0, g), b=lambda xp, g: xp.zeros(g.shape, g.dtype),
    check=unsupported("nextafter_cpu", "buic"), doc="The next number after a towards b.",
)  # fmt: skip
hypot = elementwise(
    "hypot", masks.hypot, numbers=False,
    a=lambda xp, g, a, out: g * (a / out), b=lambda xp, g, b, out: g * (b / out),
    check=unsupported("hypot_cpu", "buic"), domain=POSITIVE,
    doc="sqrt(a^2 + b^2) without overflow; d = (a da + b db) / sqrt(a^2 + b^2).",
)  # fmt: skip


def _no_truth_as_exponent(operands: Any, given: Any) -> None:
    if isinstance(given[1], Tensor) and given[1]._data.dtype.kind == "b" and (
        given[0].dtype.category == 2
    ):  # fmt: skip
        raise NotImplementedError("\"ldexp_cpu_exp\" not implemented for 'Bool'")


ldexp = elementwise(
    "ldexp", kernels.ldexp, numbers=False, check=_no_truth_as_exponent,
    a=lambda xp, g, b: g * xp.exp2(b), b=lambda xp, g, out: g * (out * LN2), promote=TO_FLOAT,
    doc="a 2^b; d = 2^b da + a 2^b log 2 db.",
)  # fmt: skip
_frexp = general(
    "frexp", kernels.frexp, ("x",), outputs=("mantissa", "exponent"),
    rules={"x": lambda xp, g, exponent: g * xp.exp2(-xp.to_dtype(exponent, g.dtype))},
    doc="(mantissa, exponent) with x = mantissa 2^exponent; d mantissa = 2^-exponent dx.",
)  # fmt: skip


@spelled(_frexp)
def frexp(input: Any, *, out: Any = None) -> Any:
    if not isinstance(input, Tensor):
        raise errors.wrong_type("frexp", "input", 1, input)
    if input.dtype.category != 2:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return _frexp.prim.call(input, out=out)


# ---------------------------------------------------------------- logarithms of two

logaddexp = elementwise(
    "logaddexp", kernels.logaddexp, numbers=False,
    a=lambda xp, g, a, b: g / (1 + xp.exp(b - a)), b=lambda xp, g, a, b: g / (1 + xp.exp(a - b)),
    has_inplace=False, check=unsupported("logaddexp_cpu", "bui"),
    doc="log(e^a + e^b) without overflow; d = softmax weights of a and b.",
)  # fmt: skip
logaddexp2 = elementwise(
    "logaddexp2", kernels.logaddexp2, numbers=False,
    a=lambda xp, g, a, b: g / (1 + xp.exp2(b - a)), b=lambda xp, g, a, b: g / (1 + xp.exp2(a - b)),
    has_inplace=False, check=unsupported("logaddexp2_cpu", "buic"),
    doc="log2(2^a + 2^b) without overflow.",
)  # fmt: skip


def _xlogy_a(xp: Any, g: Any, a: Any, b: Any) -> Any:
    if isinstance(b, (int, float)) and not isinstance(b, np.generic):
        if b <= 0:
            return xp.where(a == 0, 0.0, g * (math.nan if b < 0 else -math.inf))
        return g * math.log(b)
    return xp.where((a == 0) & (b <= 0), 0.0, xp.xlogy(g, b))


_xlogy = elementwise(
    "xlogy", kernels.xlogy, a=_xlogy_a, b=lambda xp, g, a, b: g * (a / b), promote=TO_FLOAT,
    domain=POSITIVE, grad_fn="XlogyBackward0", number_grad_fn="XlogyBackward2",
    check=unsupported("xlogy_cpu", "c"),
    doc="a log b, 0 where a is 0; d = log b da + a/b db.",
)  # fmt: skip
_xlog1py = elementwise(
    "special_xlog1py", kernels.xlog1py,
    a=lambda xp, g, a, b: xp.where((a == 0) & (b <= -1), 0.0, xp.special_xlog1py(g, b)),
    b=lambda xp, g, a, b: g * (a / (b + 1)), promote=TO_FLOAT, domain=POSITIVE, method=False,
    names=("special.xlog1py",), has_inplace=False, grad_fn="SpecialXlog1PyBackward0",
    number_grad_fn="SpecialXlog1PyBackward2",
    check=unsupported("xlog1py_cpu", "c"),
    doc="a log(1 + b), 0 where a is 0; d = log(1 + b) da + a/(1 + b) db.",
)  # fmt: skip


xlogy, xlog1py = number_first(_xlogy), number_first(_xlog1py)
PUBLIC["special.xlogy"] = PUBLIC["xlogy"]
copysign = _copysign


@public("special.ndtr")
def ndtr(input: Any, *, out: Any = None) -> Any:
    """The area under the standard normal density left of `input`: erfc(-x / sqrt 2) / 2.

    Example:
        >>> import chainrule as torch
        >>> torch.special.ndtr(torch.tensor([0.0, 1.96]))
        tensor([0.5000, 0.9750])
    """
    return OPS.mul(OPS.erfc(OPS.mul(input, -math.sqrt(0.5))), 0.5, out=out)
