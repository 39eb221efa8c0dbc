"""Normalisations and their derivatives."""

import numpy as np
from kernels.compiled_calls import numbers

EPS = 1e-5


def _rows(*shape: int, rank: int = 1) -> tuple[np.ndarray, ...]:
    """x, weight, bias and a cotangent for a normalisation over the last dimensions."""
    row = shape[len(shape) - rank :]
    return (numbers(*shape), numbers(*row, seed=1), numbers(*row, seed=2), numbers(*shape, seed=3))


def _cells(*shape: int) -> tuple[np.ndarray, ...]:
    """x, weight, bias, mean, variance of the channels, and a cotangent."""
    c = shape[1]
    return (
        *(numbers(*shape), numbers(c, seed=1), numbers(c, seed=2), numbers(c, seed=3)),
        *(numbers(c, seed=4, low=0.1), numbers(*shape, seed=5)),
    )


ROWS = [(_rows(2, 5), 1), (_rows(3, 200), 1), (_rows(7), 1), (_rows(2, 3, 4, rank=2), 2)]
CELLS = [_cells(4, 6), _cells(3, 4, 5), _cells(2, 70), _cells(2, 4, 3, 20), _cells(3, 2, 7)]

CALLS = {
    "layer_norm": [
        arguments
        for (x, w, b, _), rank in ROWS
        for arguments in ((x, w, b, rank, EPS), (x, w, None, rank, EPS), (x, None, b, rank, EPS),
                          (x, None, None, rank, EPS))
    ],
    "layer_norm_back": [
        arguments
        for (x, w, _, g), rank in ROWS
        for arguments in ((g, x, w, True, rank, EPS), (g, x, w, False, rank, EPS),
                          (g, x, None, True, rank, EPS), (g, x, None, False, rank, EPS))
    ],
    "rms_norm": [
        arguments
        for (x, w, _, _), rank in ROWS
        for arguments in ((x, w, rank, EPS), (x, None, rank, EPS))
    ],
    "rms_norm_back": [
        arguments
        for (x, w, _, g), rank in ROWS
        for arguments in ((g, x, w, rank, EPS), (g, x, None, rank, EPS))
    ],
    "batch_norm": [
        arguments
        for x, w, b, m, v, _ in CELLS
        for arguments in ((x, w, b, None, None, EPS), (x, w, b, m, v, EPS),
                          (x, None, b, m, v, EPS), (x, None, None, m, v, EPS))
    ],
    "batch_norm_training": [
        arguments
        for x, w, b, *_ in CELLS
        for arguments in ((x, w, b, EPS), (x, None, None, EPS), (x, w, None, EPS))
    ],
    "moved": [(numbers(7), numbers(7, seed=1), 0.1), (numbers(70), numbers(70, seed=1), 1.0)],
    "batch_norm_eval_back": [
        arguments
        for x, w, _, m, v, g in CELLS
        for arguments in ((g, x, w, m, v, EPS), (g, x, None, m, v, EPS))
    ],
    "group_norm": [
        arguments
        for x, w, b, *_ in CELLS
        for groups in (1, 2)
        for arguments in ((x, w, b, groups, EPS), (x, None, None, groups, EPS))
    ],
    "cells_back": [
        arguments
        for x, w, *_, g in CELLS
        for groups in (0, 1, 2)
        for arguments in ((g, x, w, groups, EPS), (g, x, None, groups, EPS))
    ],
}  # fmt: skip
CALLS["embedding_backward"] = [
    (numbers(*at.shape, 3), at, 5, padding, frequency)
    for at in (np.array([0, 4, 4, 1, 0, 0]), np.array([[1, 2], [3, 1]]))
    for padding, frequency in ((-1, False), (0, False), (-1, True))
]
WRITES = {"moved": (0,)}
TOLERANCE = dict.fromkeys(CALLS, 2e-5)  # the twins sum in single precision
CANCELS = tuple(CALLS)
