"""Colourings: which columns of a sparse matrix one product may compute together.

Columns of one colour share no row, so the product with the sum of their unit vectors holds each
entry by itself (`columns`). A symmetric matrix needs fewer: in a star colouring neighbours differ
and no path over four vertices has only two colours; then of each entry (i, j) at least one of the
two places in the products holds it alone (`star`). All are greedy. Called by `func/sparse.py`.

Source: Curtis, Powell, Reid 1974 (columns); Coleman, More 1984 (star colourings of symmetric
matrices); the greedy algorithm is 4.1 of Gebremedhin, Tarafdar, Manne, Pothen, SIAM J. Sci. Comput.
29 (2007).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["alone", "columns", "star"]

Ints = np.ndarray[Any, Any]


def _rows_of(index: Ints, others: Ints, size: int) -> list[Ints]:
    """For each of `size` numbers in `index`, the entries of `others` beside it."""
    order = np.argsort(index, kind="stable")
    return np.split(others[order], np.searchsorted(index[order], np.arange(1, size)))


def columns(rows: Ints, cols: Ints, shape: tuple[int, int]) -> Ints:
    """A colour from 0 for every column, so that columns with a common row differ.

    Columns without entries get -1. Two orders are tried (as they stand, most entries first) and the
    better one is taken.
    """
    m, n = shape
    if not len(rows):
        return np.full(n, -1)
    by_row, by_col = _rows_of(rows, cols, m), _rows_of(cols, rows, n)
    counts = np.array([len(r) for r in by_col])
    widest = max(len(r) for r in by_row)
    used = np.flatnonzero(counts)
    if widest == len(used):  # a full row: no two columns may have one colour
        made = np.full(n, -1)
        made[used] = np.arange(len(used))
        return made
    best = _greedy(by_row, by_col, used, n)
    if best.max() + 1 > widest:
        order = used[np.argsort(-counts[used], kind="stable")]
        best = min(best, _greedy(by_row, by_col, order, n), key=np.max)
    return best


def _greedy(by_row: list[Ints], by_col: list[Ints], order: Ints, n: int) -> Ints:
    colour = np.full(n, -1)
    seen = np.full(n + 2, -1)  # seen[c + 1] == j: colour c is taken for column j
    for j in order:
        for r in by_col[j]:
            seen[colour[by_row[r]] + 1] = j
        colour[j] = int(np.argmax(seen[1:] != j))
    return colour


def star(rows: Ints, cols: Ints, n: int) -> Ints:
    """A star colouring of the graph of a symmetric pattern; -1 for what has no entry."""
    near = _rows_of(rows, cols, n)
    colour = [-1] * n
    neighbours = [[int(w) for w in near[v] if w != v] for v in range(n)]
    for v in range(n):
        if not len(near[v]):
            continue
        taken = set()
        for w in neighbours[v]:
            taken.add(colour[w])
            for x in neighbours[w]:
                if x == v or colour[x] < 0 or colour[x] in taken:
                    continue
                if colour[w] < 0 or any(y != w and colour[y] == colour[w] for y in neighbours[x]):
                    taken.add(colour[x])
        c = 0
        while c in taken:
            c += 1
        colour[v] = c
    return np.array(colour)


def alone(rows: Ints, cols: Ints, colour: Ints) -> Ints:
    """Whether each entry is the only one of its row and its column's colour: then the product of
    that colour shows it."""
    keys = rows * (int(colour.max(initial=-1)) + 2) + colour[cols]
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)] == 1
