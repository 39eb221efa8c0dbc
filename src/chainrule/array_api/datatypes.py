"""Data type functions of the standard, and what `__array_namespace_info__` tells."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from .._state import S
from ..core.tensor import Tensor
from ..dtypes import finfo, iinfo

__all__ = ["__array_namespace_info__", "astype", "can_cast", "finfo", "iinfo", "isdtype",
           "result_type"]  # fmt: skip

_D = dtypes.DTYPES
_SIGNED = tuple(_D[n] for n in ("int8", "int16", "int32", "int64"))
_UNSIGNED = tuple(_D[n] for n in ("uint8", "uint16", "uint32", "uint64"))
_REAL = (dtypes.float32, dtypes.float64)
_COMPLEX = (dtypes.complex64, dtypes.complex128)
KINDS: dict[str, tuple[dtypes.dtype, ...]] = {
    "bool": (dtypes.bool_,), "signed integer": _SIGNED, "unsigned integer": _UNSIGNED,
    "integral": _SIGNED + _UNSIGNED, "real floating": _REAL, "complex floating": _COMPLEX,
    "numeric": _SIGNED + _UNSIGNED + _REAL + _COMPLEX,
}  # fmt: skip


def astype(x: Tensor, dtype: dtypes.dtype, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """x in another dtype; a copy unless told otherwise."""
    if x.dtype.is_complex and not dtype.is_complex and dtype.category != 0:
        raise TypeError(
            f"astype: a complex array has no values in {dtype!r}\nHint: real(x), imag(x) or abs(x)"
        )
    return x.to(dtype, copy=copy)


def can_cast(from_: Any, to: dtypes.dtype, /) -> bool:
    """Whether promotion leads from one dtype (or array) to the other.

    Example:
        >>> from chainrule import array_api as xp
        >>> xp.can_cast(xp.int8, xp.int16), xp.can_cast(xp.float64, xp.float32)
        (True, False)
    """
    source = from_.dtype if isinstance(from_, Tensor) else from_
    if source is to:
        return True
    if {source, to} & {dtypes.uint16, dtypes.uint32, dtypes.uint64} and 1 in (
        source.category,
        to.category,
    ):
        return _between_integers(source, to)
    return dtypes.promote(source, to) is to


def _between_integers(source: dtypes.dtype, to: dtypes.dtype) -> bool:
    if source.category != to.category:
        return False
    wider = to.itemsize > source.itemsize
    return wider and (to.is_signed or not source.is_signed)


def isdtype(dtype: dtypes.dtype, kind: Any) -> bool:
    """Whether a dtype is of a kind: another dtype, a name such as "integral", or a tuple of them.

    Example:
        >>> from chainrule import array_api as xp
        >>> xp.isdtype(xp.int8, "integral"), xp.isdtype(xp.float32, ("bool", xp.float64))
        (True, False)
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in KINDS:
            raise ValueError(
                f"isdtype: unrecognized data type kind: {kind!r}\nHint: one of {', '.join(KINDS)}"
            )
        return dtype in KINDS[kind]
    return dtype is kind


def result_type(*arrays_and_dtypes: Any) -> dtypes.dtype:
    """The dtype of an operation on arrays, dtypes and Python scalars; shapes do not matter."""
    found: list[dtypes.dtype] = []
    numbers: list[dtypes.dtype] = []
    for each in arrays_and_dtypes:
        if isinstance(each, Tensor):
            found.append(each.dtype)
        elif isinstance(each, dtypes.dtype):
            found.append(each)
        else:
            numbers.append(dtypes.scalar_type(each))
    if not found:
        raise ValueError("at least one array or dtype is required")
    return dtypes.result_type_of(found, [], numbers)


class _Info:
    """What this namespace can do."""

    def capabilities(self) -> dict[str, Any]:
        """Shapes that depend on values are computed; arrays have up to 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Any:
        """The CPU."""
        return dtypes.device("cpu")

    def default_dtypes(self, *, device: Any = None) -> dict[str, dtypes.dtype]:
        """The dtypes of Python numbers."""
        return {
            "real floating": S.default_dtype,
            "complex floating": S.default_complex,
            "integral": dtypes.int64,
            "indexing": dtypes.int64,
        }

    def devices(self) -> list[Any]:
        """The CPU."""
        return [dtypes.device("cpu")]

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, dtypes.dtype]:
        """The dtypes of the standard, those of a kind only where it is given."""
        names = [d.name for group in (KINDS["bool"], KINDS["numeric"]) for d in group]
        return {n: _D[n] for n in names if kind is None or isdtype(_D[n], kind)}


def __array_namespace_info__() -> _Info:
    """What this namespace can do: dtypes, devices, capabilities."""
    return _Info()
