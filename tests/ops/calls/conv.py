"""Calls of convolutions and of patches as columns."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from ops.calls.sample import Sample, on, values

# (input, weight, size of the result, stride, padding, dilation, groups)
LINE = ((2, 2, 6), (3, 2, 3), (4,), (1,), (0,), (1,), 1)
PLANE = ((2, 2, 5, 4), (4, 1, 3, 2), (3, 3), (2, 1), (1, 0), (1, 1), 2)
DILATED = ((1, 2, 5, 5), (2, 2, 2, 2), (4, 4), (1, 1), (1, 1), (2, 3), 1)
POINTS = ((2, 3, 2, 2), (2, 3, 1, 1), (2, 2), (1, 1), (0, 0), (1, 1), 1)
SPACE = ((1, 1, 3, 3, 4), (2, 1, 2, 2, 2), (2, 1, 3), (1, 2, 1), (0, 0, 0), (1, 1, 1), 1)
LOPSIDED = ((1, 1, 4), (1, 1, 2), (4,), (1,), (0,), (1,), 1)  # the end reads past the input
ALL = (LINE, PLANE, DILATED, POINTS, SPACE, LOPSIDED)


def forward(bias: bool) -> list[Sample]:
    return [
        Sample(
            (values(*x), values(*w, seed=1), *([values(w[0], seed=2)] if bias else [])),
            (size, *rest),
        )
        for x, w, size, *rest in ALL
    ]


def to_input(bias: bool) -> list[Sample]:
    return [
        Sample(
            (
                values(x[0], w[0], *size),
                values(*w, seed=1),
                *([values(x[1], seed=2)] if bias else []),
            ),
            (x[2:], *rest),
        )
        for x, w, size, *rest in ALL
    ]


def to_weight() -> list[Sample]:
    return [
        Sample((values(x[0], w[0], *size), values(*x, seed=1)), (w[2:], *rest))
        for x, w, size, *rest in ALL
    ]


PATCHES = ((3, 2), (2, 3), (2, 1), (1, 0), (1, 1))  # kernel, patches, stride, padding, dilation

BY_HAND: dict[str, list[Sample]] = {
    "convolution": forward(False),
    "convolution_bias": forward(True),
    "convolution_input": to_input(False),
    "convolution_input_bias": to_input(True),
    "convolution_weight": to_weight(),
    "conv_tbc": [on(values(5, 2, 3), values(3, 3, 2, seed=1), values(2, seed=2))(1)],
    "im2col": [
        on(values(2, 2, 4, 4))(*PATCHES),
        on(values(2, 3, 3))((2, 2), (2, 2), (1, 1), (0, 0), (1, 1)),
    ],
    "col2im": [on(values(2, 12, 6))((4, 4), *PATCHES)],
}  # fmt: skip

COMPLEX = set(BY_HAND)


# ---------------------------------------------------------------- what they should give


def terms(size: Any, kernel: Any, spatial: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """(output, tap, input) of every product that counts."""
    for o in product(*map(range, size)):
        for t in product(*map(range, kernel)):
            at = tuple(
                s * i - p + d * j
                for s, i, p, d, j in zip(stride, o, padding, dilation, t, strict=True)
            )
            if all(0 <= a < h for a, h in zip(at, spatial, strict=True)):
                yield o, t, at


def conv_by_hand(x: Any, w: Any, size: Any, *rest: Any) -> Any:
    *geometry, groups = rest
    out = np.zeros((len(x), len(w), *size), x.dtype)
    per, cg = len(w) // groups, w.shape[1]
    for o, t, at in terms(size, w.shape[2:], x.shape[2:], *geometry):
        for k in range(len(w)):
            c = slice(k // per * cg, (k // per + 1) * cg)
            out[(slice(None), k, *o)] += x[(slice(None), c, *at)] @ w[(k, slice(None), *t)]
    return out


def to_input_by_hand(g: Any, w: Any, size: Any, *rest: Any) -> Any:
    *geometry, groups = rest
    per, cg = len(w) // groups, w.shape[1]
    made = np.zeros((len(g), cg * groups, *size), g.dtype)
    for o, t, at in terms(g.shape[2:], w.shape[2:], size, *geometry):
        for k in range(len(w)):
            c = slice(k // per * cg, (k // per + 1) * cg)
            made[(slice(None), c, *at)] += np.outer(
                g[(slice(None), k, *o)], w[(k, slice(None), *t)]
            )
    return made


def to_weight_by_hand(g: Any, x: Any, size: Any, *rest: Any) -> Any:
    *geometry, groups = rest
    count, cg = g.shape[1], x.shape[1] // groups
    made = np.zeros((count, cg, *size), x.dtype)
    for o, t, at in terms(g.shape[2:], size, x.shape[2:], *geometry):
        for k in range(count):
            c = slice(k // (count // groups) * cg, (k // (count // groups) + 1) * cg)
            made[(k, slice(None), *t)] += g[(slice(None), k, *o)] @ x[(slice(None), c, *at)]
    return made


def added(made: Any, bias: Any) -> Any:
    return made + bias.reshape((-1, *(1,) * (made.ndim - 2)))


def tbc_by_hand(x: Any, w: Any, b: Any, pad: Any) -> Any:
    padded = np.pad(x, ((pad, pad), (0, 0), (0, 0)))
    count = len(padded) - len(w) + 1
    return np.stack([sum(padded[t + k] @ w[k] for k in range(len(w))) + b for t in range(count)])


def columns_by_hand(x: Any, kernel: Any, size: Any, *geometry: Any) -> Any:
    *lead, c, h, w = x.shape
    made = np.zeros((*lead, c, *kernel, *size), x.dtype)
    for o, t, at in terms(size, kernel, (h, w), *geometry):
        made[(..., *t, *o)] = x[(..., *at)]
    return made.reshape((*lead, c * np.prod(kernel), np.prod(size)))


def image_by_hand(g: Any, spatial: Any, kernel: Any, size: Any, *geometry: Any) -> Any:
    *lead, rows, _ = g.shape
    g = g.reshape((*lead, rows // np.prod(kernel), *kernel, *size))
    made = np.zeros((*g.shape[: len(lead) + 1], *spatial), g.dtype)
    for o, t, at in terms(size, kernel, spatial, *geometry):
        made[(..., *at)] += g[(..., *t, *o)]
    return made


REFERENCES = {
    "convolution": conv_by_hand,
    "convolution_bias": lambda x, w, b, *rest: added(conv_by_hand(x, w, *rest), b),
    "convolution_input": to_input_by_hand,
    "convolution_input_bias": lambda g, w, b, *rest: added(to_input_by_hand(g, w, *rest), b),
    "convolution_weight": to_weight_by_hand,
    "conv_tbc": tbc_by_hand,
    "im2col": columns_by_hand,
    "col2im": image_by_hand,
}
