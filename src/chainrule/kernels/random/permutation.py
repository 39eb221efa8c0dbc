"""Random permutations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .checks import check_randperm
from .engine import Words
from .floats import cast
from .types import I64, Array

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


__all__ = ["Permutation", "resolve_swaps"]


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


class Permutation(Words):
    """Permutations by Fisher-Yates."""

    __slots__ = ()

    def randperm(self, n: int, dtype: DTypeLike = I64) -> Array:
        """A permutation of 0..n-1 by Fisher-Yates, of shape (n,).

        Swaps depend on each other: short ones run over a list, long ones through a forest.

        Raises:
            RuntimeError: n is negative or the dtype cannot hold n - 1.
            NotImplementedError: bool, complex, uint16, uint32, uint64.
        """
        dtype = np.dtype(dtype)
        check_randperm(n, dtype)
        if n >= (2**32 - 1) // 20:
            return cast(self._long_randperm(n), dtype)
        words = self._words(max(n - 1, 0))
        words %= np.arange(n, 1, -1, dtype=np.uint64)
        targets = np.arange(n)
        targets[: n - 1] += words.view(I64)
        if n > 800:
            return cast(resolve_swaps(targets), dtype)
        items = list(range(n))
        for i, j in enumerate(targets.tolist()):
            items[i], items[j] = items[j], items[i]
        return cast(np.array(items, I64), dtype)

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
