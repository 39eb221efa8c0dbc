"""Integers and truth: bitwise and logical operators, shifts, gcd and lcm. None has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import METHODS, elementwise, spelled
from ...core.tensor import Tensor, wrap
from ...kernels import masks
from .arithmetic import number_first, reversed_operator, unsupported


def _integers(name: str, kernel: Any, operator: str | None, refused: str, title: str) -> Any:
    """Declare an op of two integers."""
    return elementwise(
        name, kernel, a=None, b=None, operator=operator, lane=False, doc=title,
        numbers=operator is not None,
        check=unsupported(refused, "fcV" if operator in _ON_BOOL else "bfcV"),
    )  # fmt: skip


_ON_BOOL = ("__and__", "__or__", "__xor__")

bitwise_and = _integers(
    "bitwise_and", np.bitwise_and, "__and__", "bitwise_and_cpu", "The bits set in both."
)
bitwise_or = _integers(
    "bitwise_or", np.bitwise_or, "__or__", "bitwise_or_cpu", "The bits set in a or b."
)
bitwise_xor = _integers(
    "bitwise_xor", np.bitwise_xor, "__xor__", "bitwise_xor_cpu", "The bits set in one of the two."
)
left_shift = _integers(
    "bitwise_left_shift", np.left_shift, "__lshift__", "lshift_cpu", "a 2^b: bits moved left."
)
right_shift = _integers(
    "bitwise_right_shift",
    np.right_shift,
    "__rshift__",
    "rshift_cpu",
    "a / 2^b rounded down: bits moved right.",
)
gcd = _integers("gcd", np.gcd, None, "gcd_cpu", "The greatest common divisor.")
lcm = _integers("lcm", np.lcm, None, "lcm_cpu", "The least common multiple.")
_general_not = elementwise(
    "bitwise_not", masks.bitwise_not, lane=False, check=unsupported("bitwise_not_cpu", "fcV"),
    doc="Every bit flipped; not, for bools.",
)  # fmt: skip


I64, BOOL = np.dtype(np.int64), np.dtype(bool)


@spelled(_general_not)
def bitwise_not(input: Any, *, out: Any = None) -> Any:
    if type(input) is Tensor and S.mode is None and out is None:
        x = input._data
        dtype = x.dtype
        if dtype is I64 or dtype is BOOL:  # there is nothing to record
            return wrap(masks.bitwise_not(x))
    return _general_not(input) if out is None else _general_not(input, out=out)


def _invert(self: Tensor) -> Any:
    if self._data.dtype.kind in "fcV":
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors\n"
            f"dtype: {self.dtype!r}\nHint: compare first, as in ~(x > 0), or use logical_not()"
        )
    return bitwise_not(self)


METHODS["__invert__"] = _invert


def _reflected(operator: Any) -> Any:
    def reflected(self: Tensor, other: Any) -> Any:
        if not isinstance(self, Tensor):
            raise TypeError(f"a Tensor was expected, not {errors.kind_name(self)}")
        return operator(self, other)

    return reflected


for _sign in ("and", "or", "xor"):
    METHODS[f"__r{_sign}__"] = _reflected(METHODS[f"__{_sign}__"])


def _shifted(op: Any) -> Any:
    return reversed_operator(lambda x, n: op(n, x))


def _short(op: Any, kinds: str) -> Any:
    """The spelling with a short way for two tensors of one dtype of these kinds: there is nothing
    to record."""
    general, kernel = number_first(op) if op.prim.numbers else op, op.prim.kernel

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        if type(input) is Tensor and type(other) is Tensor and S.mode is None and out is None:
            x, y = input._data, other._data
            dtype = x.dtype
            if dtype is y.dtype and dtype.kind in kinds:
                try:
                    return wrap(kernel(x, y))
                except ValueError:
                    raise errors.broadcast(op.prim.name, (x.shape, y.shape)) from None
        return general(input, other) if out is None else general(input, other, out=out)

    return spelled(op)(function)


left_shift, right_shift = _short(left_shift, "iu"), _short(right_shift, "iu")
bitwise_and, bitwise_or = _short(bitwise_and, "biu"), _short(bitwise_or, "biu")
bitwise_xor, gcd, lcm = _short(bitwise_xor, "biu"), _short(gcd, "iu"), _short(lcm, "iu")
METHODS["__rlshift__"], METHODS["__rrshift__"] = _shifted(left_shift), _shifted(right_shift)

# ---------------------------------------------------------------- truth


def _logical(name: str, kernel: Any, title: str) -> Any:
    return elementwise(name, kernel, a=None, b=None, lane=False, numbers=False, doc=title)


logical_and = _logical("logical_and", masks.logical_and, "Whether both are nonzero.")
logical_or = _logical("logical_or", masks.logical_or, "Whether one of the two is nonzero.")
logical_xor = _logical("logical_xor", masks.logical_xor, "Whether exactly one is nonzero.")
logical_and, logical_or, logical_xor = (
    _short(op, "biufc") for op in (logical_and, logical_or, logical_xor)
)
logical_not = elementwise("logical_not", masks.logical_not, doc="Whether it is zero.")
