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
bitwise_not = elementwise(
    "bitwise_not", np.invert, lane=False, check=unsupported("bitwise_not_cpu", "fcV"),
    doc="Every bit flipped; not, for bools.",
)  # fmt: skip


def _invert(self: Tensor) -> Any:
    if self.dtype.category > 1:
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors\n"
            f"dtype: {self.dtype!r}\nHint: compare first, as in ~(x > 0), or use logical_not()"
        )
    return bitwise_not(self)


METHODS["__invert__"] = _invert


def _reflected(operator: Any) -> Any:
    def reflected(self: Tensor, other: Any) -> Any:
        if not isinstance(self, Tensor):
            raise TypeError(f"a Tensor was expected, not {type(self).__name__}")
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
