"""Symmetric indefinite systems: A = L D L^T with blocks of one and two on the diagonal of D.

In LAPACK's form: D on and beside the diagonal, L below it, pivots from 1, negative in pairs where a
block has two rows. SciPy's LAPACK factors where it is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .blas import products
from .lapack import flat_batch, routine

__all__ = ["ldl_factor", "ldl_solve"]

_ALPHA = (1 + 17**0.5) / 8  # bounds the growth of elements


def ldl_factor(x: Any, hermitian: bool = False) -> tuple[Any, Any, Any]:
    """LD, pivots, and where the first block of D that is zero is (0: nowhere)."""
    n, batch = x.shape[-1], x.shape[:-2]
    hermitian = hermitian and x.dtype.kind == "c"
    found = routine("hetrf" if hermitian else "sytrf", x.dtype) if n else None
    if found is None:
        made = [_bunch_kaufman(a, hermitian) for a in flat_batch(x)]
    else:
        made = [found(a, lower=1) for a in flat_batch(x)]
    ld = np.empty((len(made), n, n), x.dtype)
    pivots, info = np.empty((len(made), n), np.int32), np.empty(len(made), np.int32)
    for i, parts in enumerate(made):
        ld[i], pivots[i], info[i] = parts
    return np.tril(ld).reshape(x.shape), pivots.reshape(*batch, n), info.reshape(batch)


def _size(x: Any) -> Any:
    return abs(x.real) + abs(x.imag) if x.dtype.kind == "c" else abs(x)


def _bunch_kaufman(x: Any, hermitian: bool) -> tuple[Any, Any, int]:
    """One matrix.

    Source: Bunch and Kaufman, Some stable methods for calculating inertia and solving symmetric
    linear systems, Math. Comp. 31 (1977), p. 163 (algorithm A).
    """
    n = len(x)
    below = np.tril(x, -1)
    a = np.tril(x) + (below.conj().T if hermitian else below.T)
    if hermitian:
        np.fill_diagonal(a, a.diagonal().real)
    pivots, info, k = np.empty(n, np.int32), 0, 0
    while k < n:
        row, step = _pivot(a, k)
        if row < 0:
            info, row = info or k + 1, k
            pivots[k] = k + 1
            k += 1
            continue
        last = k + step - 1
        pivots[k : k + step] = row + 1 if step == 1 else -(row + 1)
        if row != last:
            a[[last, row], k:] = a[[row, last], k:]
            a[k:, [last, row]] = a[k:, [row, last]]
        rest = slice(k + step, n)
        columns = a[rest, k : k + step]
        factors = columns @ np.linalg.inv(a[k : k + step, k : k + step])
        a[rest, rest] -= products(factors, (columns.conj() if hermitian else columns).T)
        a[rest, k : k + step] = factors
        k += step
    return a, pivots, info


def _pivot(a: Any, k: int) -> tuple[int, int]:
    """The row to exchange, and the size of the block; row -1 where the column is zero."""
    here = float(_size(a[k, k]))
    column = _size(a[k + 1 :, k])
    largest = float(column.max()) if column.size else 0.0
    if max(here, largest) == 0 or here != here:
        return -1, 1
    if here >= _ALPHA * largest:
        return k, 1
    i = k + 1 + int(column.argmax())
    others = _size(a[i, k:])
    others[i - k] = 0
    row = float(others.max())
    if here * row >= _ALPHA * largest * largest:
        return k, 1
    return i, 1 if float(_size(a[i, i])) >= _ALPHA * row else 2


def ldl_solve(ld: Any, pivots: Any, b: Any, hermitian: bool = False) -> Any:
    """X with A X = B from the factors of A."""
    hermitian = hermitian and ld.dtype.kind == "c"
    batch = np.broadcast_shapes(ld.shape[:-2], b.shape[:-2])
    ld = np.broadcast_to(ld, (*batch, *ld.shape[-2:]))
    pivots = np.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])))
    for at in np.ndindex(batch):
        _substitute(ld[at], pivots[at], x[at], hermitian)
    return x


def _substitute(ld: Any, pivots: Any, x: Any, hermitian: bool) -> None:
    """Overwrite x with the solution: L, D, then L^T."""
    n, k = len(pivots), 0
    blocks = []
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        last, row, block = k + step - 1, abs(int(pivots[k])) - 1, slice(k, k + step)
        blocks.append((last, row, block))
        if row != last:
            x[[last, row]] = x[[row, last]]
        x[k + step :] -= ld[k + step :, block] @ x[block]
        d = ld[block, block].copy()
        if step == 2:
            d[0, 1] = d[1, 0].conj() if hermitian else d[1, 0]
        x[block] = np.linalg.inv(d) @ x[block]
        k += step
    for last, row, block in reversed(blocks):
        rest = ld[block.stop :, block]
        x[block] -= (rest.conj() if hermitian else rest).T @ x[block.stop :]
        if row != last:
            x[[last, row]] = x[[row, last]]
