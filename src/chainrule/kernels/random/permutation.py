"""Random permutations."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..blas import _libraries
from ..compiled import compiled
from .checks import check_randperm
from .engine import Words
from .floats import cast
from .types import F64, I64, Array

if TYPE_CHECKING:
    from numpy.random import MT19937
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Permutation", "resolve_swaps", "shuffle", "swapper"]

_FEW = 64  # up to here a loop over a list is faster than a call of LAPACK
Swaps = Callable[["NDArray[np.int64]"], "NDArray[np.int64]"]


@cache
def swapper() -> Swaps:
    """What turns `targets` into the array 0..n-1 after swapping places i and targets[i] >= i for
    i = 0, 1, ...: LAPACK's row exchanges where NumPy's LAPACK can be reached, else `resolve_swaps`.
    """
    witness = np.array([3, 1, 4, 3, 4])
    for library in _libraries():
        for name in ("scipy_dlaswp_64_", "dlaswp_64_", "scipy_dlaswp_", "dlaswp_"):
            found = getattr(library, name, None)
            if found is not None:
                swaps = _row_exchanges(found, I64 if "64" in name else np.dtype(np.int32))
                if swaps(witness).tolist() == [3, 1, 4, 0, 2]:
                    return swaps
    return resolve_swaps


def _row_exchanges(laswp: Callable[..., object], integer: np.dtype[np.signedinteger]) -> Swaps:
    """`swapper` by LAPACK's dlaswp on a matrix of one column; float64 holds indices exactly.

    Its arguments are addresses: of the number of columns, the matrix, its leading dimension, the
    first and the last row to be exchanged, the rows they go to (from 1), and their stride.
    """

    def swaps(targets: NDArray[np.int64]) -> NDArray[np.int64]:
        column = np.arange(targets.size, dtype=F64)
        rows = np.add(targets, 1, dtype=integer, casting="same_kind")
        numbers = np.array([1, targets.size], integer)
        one = numbers.ctypes.data
        size = one + integer.itemsize
        pointers = (one, column.ctypes.data, size, one, size, rows.ctypes.data, one)
        laswp(*map(ctypes.c_void_p, pointers))
        return column.astype(I64)

    return swaps


def resolve_swaps(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The array 0..n-1 after swapping places i and targets[i] >= i for i = 0, 1, ..., vectorised.

    Step i fixes place i to what place targets[i] holds: the value moved there by the last earlier
    step with the same target, else its own number. The value step k moves is what place k holds
    then, by the same rule; so moves form a forest, resolved by pointer doubling.
    """
    n = targets.size
    place = np.arange(n)
    order = targets << 32
    order |= place
    order.sort()
    target, step = order >> 32, order & 0xFFFFFFFF
    same = target[1:] == target[:-1]
    previous, last = np.full(n, -1), np.full(n, -1)
    previous[step[1:][same]] = step[:-1][same]
    last[target] = step  # of repeated indices the last one stays
    parent = np.where(last == place, previous, last)
    root = np.where(parent < 0, place, parent)
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return np.where(previous >= 0, root[previous], targets)
        root = further


@compiled
def shuffle(bits: MT19937, out: Array) -> None:
    """A permutation of 0..n-1 by Fisher-Yates, written to `out`.

    Swaps depend on each other, one after the other: over a list for few, else `swapper`.
    """
    n = out.size
    words = bits.random_raw(max(n - 1, 0)).astype(np.uint32)
    words %= np.arange(n, 1, -1, dtype=np.uint32)
    targets = np.arange(n)
    targets[: n - 1] += words
    if n > _FEW:
        out[...] = swapper()(targets)
        return
    items = list(range(n))
    for i, j in enumerate(targets.tolist()):
        items[i], items[j] = items[j], items[i]
    out[...] = items


class Permutation(Words):
    """Permutations by Fisher-Yates."""

    __slots__ = ()

    def randperm(self, n: int, dtype: DTypeLike = I64) -> Array:
        """A permutation of 0..n-1, of shape (n,).

        Raises:
            RuntimeError: n is negative or the dtype cannot hold n - 1.
            NotImplementedError: bool, complex, uint16, uint32, uint64.
        """
        dtype = np.dtype(dtype)
        if dtype is not I64 or n < 0:
            check_randperm(n, dtype)
        if n >= (2**32 - 1) // 20:
            return cast(self._long_randperm(n), dtype)
        made = np.empty(n, I64)
        shuffle(self._drawn(max(n - 1, 0)), made)
        return made if dtype is I64 else cast(made, dtype)

    def _long_randperm(self, n: int) -> NDArray[np.int64]:
        """So long that a 32-bit remainder is biased: 64-bit words, the inside-out shuffle.

        A plain loop of minutes and gigabytes; never compared with PyTorch, for its size.
        """
        targets = self._words64(n)
        targets %= np.arange(1, n + 1, dtype=np.uint64)
        items = np.arange(n)
        for i, j in enumerate(targets.tolist()):
            items[i] = items[j]
            items[j] = i
        return items
