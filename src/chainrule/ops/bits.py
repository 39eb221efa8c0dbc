"""Integers and truth: bitwise and logical operators, shifts, gcd and lcm. None has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.declare import METHODS, elementwise
from ..core.tensor import Tensor
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


left_shift, right_shift = number_first(left_shift), number_first(right_shift)
bitwise_and, bitwise_or = number_first(bitwise_and), number_first(bitwise_or)
bitwise_xor = number_first(bitwise_xor)
METHODS["__rlshift__"], METHODS["__rrshift__"] = _shifted(left_shift), _shifted(right_shift)

# ---------------------------------------------------------------- truth


def _logical(name: str, kernel: Any, title: str) -> Any:
    return elementwise(name, kernel, a=None, b=None, lane=False, numbers=False, doc=title)


logical_and = _logical("logical_and", np.logical_and, "Whether both are nonzero.")
logical_or = _logical("logical_or", np.logical_or, "Whether one of the two is nonzero.")
logical_xor = _logical("logical_xor", np.logical_xor, "Whether exactly one is nonzero.")
logical_not = elementwise("logical_not", np.logical_not, doc="Whether it is zero.")
