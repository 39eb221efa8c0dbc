"""What the draws need to know of a dtype, and the aliases of all these files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

__all__ = [
    "C64",
    "C128",
    "F32",
    "F64",
    "I64",
    "INT64_MAX",
    "INT64_MIN",
    "Array",
    "DType",
    "Facts",
    "Shape",
    "facts",
]


Array: TypeAlias = np.ndarray[Any, Any]
DType: TypeAlias = np.dtype[Any]
Shape: TypeAlias = Sequence[int]

F32, F64, I64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
C64, C128 = np.dtype(np.complex64), np.dtype(np.complex128)

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# dtype name: (PyTorch's scalar-type name, C++ name)
_NAMES = {
    "bool": ("Bool", "bool"), "uint8": ("Byte", "unsigned char"), "int8": ("Char", "signed char"),
    "int16": ("Short", "short int"), "int32": ("Int", "int"), "int64": ("Long", "long int"),
    "uint16": ("UInt16", "short unsigned int"), "uint32": ("UInt32", "unsigned int"),
    "uint64": ("UInt64", "long unsigned int"), "float16": ("Half", "c10::Half"),
    "bfloat16": ("BFloat16", "c10::BFloat16"), "float32": ("Float", "float"),
    "float64": ("Double", "double"), "complex64": ("ComplexFloat", "c10::complex<float>"),
    "complex128": ("ComplexDouble", "c10::complex<double>"),
}  # fmt: skip
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_EXPONENT = {"float16": 15, "bfloat16": 127, "float32": 127, "float64": 1023}


class Facts(NamedTuple):
    """What the draws ask of a dtype; `digits` is 0 for anything but a real float."""

    name: str
    torch: str
    cpp: str
    digits: int
    reduced: bool
    smallest: float
    largest: float


@lru_cache(maxsize=64)
def facts(dtype: DType) -> Facts:
    """The facts of a dtype (cached: `dtype.name` alone costs a microsecond)."""
    name, digits = dtype.name, _DIGITS.get(dtype.name, 0)
    smallest: float = 0
    largest: float = 1
    if digits:
        largest = (2.0 - 2.0 ** (1 - digits)) * 2.0 ** _EXPONENT[name]
        smallest = -largest
    elif dtype.kind in "iu":
        smallest, largest = int(np.iinfo(dtype).min), min(int(np.iinfo(dtype).max), INT64_MAX)
    torch, cpp = _NAMES.get(name, (name, name))
    return Facts(name, torch, cpp, digits, 0 < digits < 24, smallest, largest)
