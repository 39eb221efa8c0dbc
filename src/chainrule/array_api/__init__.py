"""The Array API standard's namespace (2024.12): `x.__array_namespace__()`.

What lives here: the standard's functions under the standard's names and signatures, one file a
chapter (`creation`, `elementwise`, `manipulation`, `reductions`, `searching`, `datatypes`), and
the extensions `linalg` and `fft`. Who may call: users and libraries written to the standard
(array-api-compat, SciPy, scikit-learn). Arrays are tensors, so everything stays differentiable.
Differs from the standard: `x.size` is PyTorch's method, not a number; use `math.prod(x.shape)`.
"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from . import fft, linalg
from .creation import *  # noqa: F403
from .creation import __all__ as _creation
from .datatypes import *  # noqa: F403
from .datatypes import __all__ as _datatypes
from .elementwise import *  # noqa: F403
from .elementwise import __all__ as _elementwise
from .linalg import matmul, matrix_transpose, tensordot, vecdot
from .manipulation import *  # noqa: F403
from .manipulation import __all__ as _manipulation
from .reductions import *  # noqa: F403
from .reductions import __all__ as _reductions
from .searching import *  # noqa: F403
from .searching import __all__ as _searching

__array_api_version__ = "2024.12"

bool = dtypes.bool_
int8, int16, int32, int64 = dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64
uint8, uint16, uint32, uint64 = dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64
float32, float64 = dtypes.float32, dtypes.float64
complex64, complex128 = dtypes.complex64, dtypes.complex128
e, pi = 2.718281828459045, 3.141592653589793
inf, nan, newaxis = float("inf"), float("nan"), None

__all__ = [
    *_creation, *_datatypes, *_elementwise, *_manipulation, *_reductions, *_searching,
    "bool", "complex128", "complex64", "e", "fft", "float32", "float64", "inf", "int16", "int32",
    "int64", "int8", "linalg", "matmul", "matrix_transpose", "nan", "newaxis", "pi", "tensordot",
    "uint16", "uint32", "uint64", "uint8", "vecdot",
]  # fmt: skip


def checked_version(api_version: str | None) -> Any:
    """This module, for a version of the standard that it is written to.

    Raises:
        ValueError: another version.
    """
    import sys

    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        raise ValueError(
            f"unsupported version of the array API: {api_version!r}\n"
            f"Hint: {__array_api_version__} or an earlier one"
        )
    return sys.modules[__name__]
