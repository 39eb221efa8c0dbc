"""Creation functions of the standard."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from .._state import S
from ..core.tensor import Tensor
from ._ops import op

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like",
    "linspace", "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip

Shape = int | tuple[int, ...]


def _sizes(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def arange(
    start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """Evenly spaced values in [start, stop); [0, start) where stop is None.

    Example:
        >>> from chainrule import array_api as xp
        >>> xp.arange(3), xp.arange(1, 0)
        (tensor([0, 1, 2]), tensor([], dtype=torch.int64))
    """
    if stop is None:
        start, stop = 0, start
    if (step > 0 and stop <= start) or (step < 0 and stop >= start):
        if dtype is None:
            whole = all(isinstance(v, int) for v in (start, stop, step))
            dtype = dtypes.int64 if whole else S.default_dtype
        return op("empty")(0, dtype=dtype, device=device)
    made: Tensor = op("arange")(start, stop, step, dtype=dtype, device=device)
    return made


def asarray(
    obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
) -> Tensor:
    """An array of a Python scalar, nested sequence, buffer or array."""
    grad = isinstance(obj, Tensor) and obj.requires_grad
    if grad:
        made = obj if dtype is None else obj.to(dtype)
        return made.clone() if copy and made is obj else made
    return op("asarray")(obj, dtype=dtype, device=device, copy=copy)


def empty(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An uninitialised array."""
    return op("empty")(_sizes(shape), dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An uninitialised array of the shape of x."""
    return op("empty_like")(x, dtype=dtype, device=device)


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """Ones on the k-th diagonal, zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    made: Tensor = op("zeros")((n_rows, columns), dtype=dtype, device=device)
    if -n_rows < k < columns:
        made.diagonal(k).fill_(1)
    return made


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """An array that shares the memory of another library's."""
    return op("from_dlpack")(x, device=device, copy=copy)


def full(shape: Shape, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of one value."""
    return op("full")(_sizes(shape), fill_value, dtype=dtype, device=device)


def full_like(x: Tensor, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of one value, of the shape of x."""
    return op("full_like")(x, fill_value, dtype=dtype, device=device)


def linspace(
    start: complex, stop: complex, /, num: int, *, dtype: Any = None, device: Any = None,
    endpoint: bool = True,
) -> Tensor:  # fmt: skip
    """`num` evenly spaced values from start to stop, with stop or without it."""
    if not endpoint:
        return linspace(start, stop, num + 1, dtype=dtype, device=device)[:num]
    return op("linspace")(start, stop, num, dtype=dtype, device=device)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinate matrices of coordinate vectors."""
    return tuple(op("meshgrid")(*arrays, indexing=indexing)) if arrays else ()


def ones(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of ones."""
    return op("ones")(_sizes(shape), dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones, of the shape of x."""
    return op("ones_like")(x, dtype=dtype, device=device)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The lower triangle, zeros above the k-th diagonal."""
    return op("tril")(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The upper triangle, zeros below the k-th diagonal."""
    return op("triu")(x, k)


def zeros(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of zeros."""
    return op("zeros")(_sizes(shape), dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros, of the shape of x."""
    return op("zeros_like")(x, dtype=dtype, device=device)
