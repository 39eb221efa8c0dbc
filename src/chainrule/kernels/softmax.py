"""softmax and log_softmax on arrays, and their derivatives: without overflow, one pass over memory
for long rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blas import MANY, alone
from .blocks import PIECE
from .compiled import compiled
from .reduce import F32, F64, spread, spread_sums, sum

__all__ = ["log_softmax", "log_softmax_back", "softmax", "softmax_back"]

_exp, _subtract, _divide = np.exp, np.subtract, np.divide
_maximum: Any = np.maximum.reduce
_LONG = 4096
_COLUMNS: dict[Any, Any] = {t: np.ones((_LONG, 1), t) for t in (F32, F64)}


def _times(x: Any, v: Any) -> Any:
    """A matrix times a vector."""
    return x.dot(v) if x.size <= MANY else alone(x.dot, v)


def _row_sums(e: Any, dim: int) -> Any:
    """Sums along one axis, which is kept; of a vector as a 0-d array, which NumPy broadcasts in a
    third of the time."""
    made = spread_sums(e, dim)
    if made is not None:
        return made
    n = e.shape[dim]
    if e.ndim > 2 and dim == e.ndim - 1 and e.size <= 2048 and e.flags.c_contiguous and n:
        made = spread_sums(e.reshape(-1, n), 1)
        if made is not None:
            return made.reshape(e.shape)
    if e.ndim <= 2 and dim == e.ndim - 1 and n <= _LONG:
        column = _COLUMNS.get(e.dtype)
        if column is not None:
            made = _times(e, column[:n])
            return made if dim else made[0, ...]
    return sum(e, (dim,), True)


def _lowered(x: Any, dim: int) -> Any:
    """x less its largest element along an axis, in memory of its own."""
    if x.ndim == 1 and x.size <= 1024:
        return _subtract(x, x[x.argmax(), ...])
    return _subtract(x, spread(_maximum(x, dim, None, None, True), x.shape[dim], dim))


_HARMLESS = 4000.0  # sum of squares: exp of these numbers, and the sum of them, cannot overflow


@compiled
def softmax(x: Any, dim: int) -> Any:
    """exp(x) over its sum along an axis, without overflow."""
    if not x.ndim or not x.size or x.dtype.itemsize == 2:
        return _unusual(softmax, x, dim)
    if x.size <= _LONG:
        flat = x.ravel()
        if flat.dot(flat) < _HARMLESS:  # then nothing need be subtracted
            e = _exp(x)
            return _divide(e, _row_sums(e, dim), e)
    elif _in_rows(x, dim):
        return _by_rows(_softmax_rows, x)
    e = _lowered(x, dim)
    _exp(e, e)
    return _divide(e, _row_sums(e, dim), e)


def _by_rows(rows: Any, *xs: Any) -> Any:
    """`rows(*pieces, out)` on some rows at a time, whose temporaries stay in the cache."""
    out = np.empty_like(xs[0])
    n = out.shape[-1]
    flat, step = [x.reshape(-1, n) for x in (*xs, out)], max(1, 2 * PIECE // n)
    for i in range(0, flat[0].shape[0], step):
        rows(*[x[i : i + step] for x in flat])
    return out


def _in_rows(x: Any, dim: int) -> bool:
    """Whether `_by_rows` may take it, and it is worth it."""
    long = x.size > _LONG and dim == x.ndim - 1 and x.shape[-1] <= PIECE
    return long and bool(x.flags.c_contiguous)


def _softmax_rows(x: Any, out: Any) -> None:
    _subtract(x, _maximum(x, 1, None, None, True), out)
    _exp(out, out)
    _divide(out, _row_sums(out, 1), out)


def _log_softmax_rows(x: Any, out: Any) -> None:
    _subtract(x, _maximum(x, 1, None, None, True), out)
    _subtract(out, np.log(_row_sums(_exp(out), 1)), out)


@compiled
def log_softmax(x: Any, dim: int) -> Any:
    """log of softmax: x less the log of the sum of exponentials."""
    if not x.ndim or not x.size or x.dtype.itemsize == 2:
        return _unusual(log_softmax, x, dim)
    if _in_rows(x, dim):
        return _by_rows(_log_softmax_rows, x)
    d = x if _moderate(x) else _lowered(x, dim)
    sums = _row_sums(_exp(d), dim)
    np.log(sums, sums)
    return _subtract(d, sums, sums if sums.shape == d.shape else None if d is x else d)


@compiled
def softmax_back(g: Any, out: Any, dim: int) -> Any:
    """The cotangent of softmax: out (g - sum of g out)."""
    if _in_rows(out, dim) and g.flags.c_contiguous:
        return _by_rows(lambda g, out, made: _softmax_back(g, out, 1, made), g, out)
    return _softmax_back(g, out, dim, None)


def _softmax_back(g: Any, out: Any, dim: int, made: Any) -> Any:
    made = np.multiply(g, out, made)
    _subtract(g, _row_sums(made, dim), made)
    made *= out
    return made


@compiled
def log_softmax_back(g: Any, out: Any, dim: int) -> Any:
    """The cotangent of log_softmax: g - e^out (sum of g)."""
    if _in_rows(out, dim) and g.flags.c_contiguous:
        return _by_rows(lambda g, out, made: _log_softmax_back(g, out, 1, made), g, out)
    return _log_softmax_back(g, out, dim, None)


def _log_softmax_back(g: Any, out: Any, dim: int, made: Any) -> Any:
    made = _exp(out, made)
    made *= _row_sums(g, dim)
    return _subtract(g, made, made)


def _moderate(x: Any) -> bool:
    """Whether there are few numbers, between -4 and 4: their exponentials add up to something whose
    log is as exact as that of numbers at 0."""
    if x.size > 1024:
        return False
    flat = x.ravel()
    item = flat.item
    return item(flat.argmax()) < 4.0 and item(flat.argmin()) > -4.0  # type: ignore[no-any-return]


def _unusual(kernel: Any, x: Any, dim: int) -> Any:
    """The same of half precision, of one number, of nothing."""
    if not x.size:
        return x.copy()
    if not x.ndim:
        return kernel(np.asarray(x).reshape(1), 0)[0]
    return kernel(x.astype(F32), dim).astype(x.dtype)
