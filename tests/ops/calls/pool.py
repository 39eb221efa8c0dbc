"""Calls of pooling."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from ops.calls.sample import Sample, i64, on, values

plane, space = values(2, 2, 4, 5), values(1, 2, 4, 4, 4)
# size of the result, kernel, stride, padding, dilation
APART = ((2, 2), (2, 2), (2, 2), (0, 0), (1, 1))
OVER = ((2, 3), (3, 3), (2, 2), (1, 1), (1, 1))
DILATED = ((2, 1), (2, 3), (1, 1), (0, 0), (2, 2))
CUBES = ((2, 2, 2), (2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1))
SQUEEZED = ((2, 2, 1), (3, 2, 3), (2, 2, 3), (1, 0, 1), (1, 1, 1))

samples2 = values(2, 2, 2, low=0.05, high=0.95)
samples3 = values(1, 2, 3, low=0.05, high=0.95)


# ---------------------------------------------------------------- what they should give


def windows(spatial: Any, size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """(output, inputs in the window) of each window."""
    for o in product(*map(range, size)):
        corner = [s * i - p for s, i, p in zip(stride, o, padding, strict=True)]
        at = [
            tuple(c + d * j for c, d, j in zip(corner, dilation, t, strict=True))
            for t in product(*map(range, kernel))
        ]
        yield o, [a for a in at if all(0 <= i < h for i, h in zip(a, spatial, strict=True))]


def intervals(spatial: Any, size: Any) -> Any:
    """The same for adaptive pooling."""
    for o in product(*map(range, size)):
        spans = [
            range(i * h // n, -(-(i + 1) * h // n))
            for i, h, n in zip(o, spatial, size, strict=True)
        ]
        yield o, list(product(*spans))


def largest(x: Any, found: Any, size: Any) -> tuple[Any, Any]:
    """Maxima and their places, over (output, inputs)."""
    spatial = x.shape[-len(size) :]
    lead = x.shape[: -len(size)]
    out, places = np.empty((*lead, *size), x.dtype), np.empty((*lead, *size), np.int64)
    for o, at in found:
        for n in np.ndindex(lead):
            best = max(at, key=lambda a, n=n: x[(*n, *a)])
            out[(*n, *o)] = x[(*n, *best)]
            places[(*n, *o)] = np.ravel_multi_index(best, spatial)
    return out, places


def max_by_hand(x: Any, size: Any, *geometry: Any) -> Any:
    return largest(x, windows(x.shape[-len(size) :], size, *geometry), size)


def scatter_by_hand(g: Any, places: Any, spatial: Any) -> Any:
    lead = g.shape[: -len(spatial)]
    made = np.zeros((*lead, *spatial), g.dtype)
    for at in np.ndindex(g.shape):
        made[(*at[: len(lead)], *np.unravel_index(places[at], spatial))] += g[at]
    return made


def gather_by_hand(x: Any, places: Any, n: int) -> Any:
    lead = x.ndim - n
    made = np.empty(places.shape, x.dtype)
    for at in np.ndindex(places.shape):
        made[at] = x[(*at[:lead], *np.unravel_index(places[at], x.shape[lead:]))]
    return made


def avg_by_hand(x: Any, size: Any, kernel: Any, stride: Any, padding: Any, *rest: Any) -> Any:
    include, divisor = rest
    spatial = x.shape[-len(size) :]
    made = np.empty((*x.shape[: -len(size)], *size), x.dtype)
    for o, at in windows(spatial, size, kernel, stride, padding, (1,) * len(size)):
        if divisor is not None:
            count = divisor
        elif include:
            ends = zip(o, stride, padding, kernel, spatial, strict=True)
            count = np.prod([min(i * s - p + k, h + p) - (i * s - p) for i, s, p, k, h in ends])
        else:
            count = len(at)
        made[(..., *o)] = sum(x[(..., *a)] for a in at) / count
    return made


def adaptive_avg_by_hand(x: Any, size: Any) -> Any:
    made = np.empty((*x.shape[: -len(size)], *size), x.dtype)
    for o, at in intervals(x.shape[-len(size) :], size):
        made[(..., *o)] = sum(x[(..., *a)] for a in at) / len(at)
    return made


def transposed(function: Any, g: Any, spatial: Any, *params: Any) -> Any:
    """The adjoint of a linear function, one unit at a time."""
    lead = g.shape[: -len(spatial)]
    made = np.zeros((*lead, *spatial), g.dtype)
    for at in np.ndindex(tuple(spatial)):
        unit = np.zeros(spatial)
        unit[at] = 1
        image = function(unit, *params)
        made[(..., *at)] = (g * image).sum(tuple(range(len(lead), g.ndim)))
    return made


def fractional_by_hand(x: Any, samples: Any, kernel: Any, size: Any) -> Any:
    n = len(size)
    spatial, lead = x.shape[-n:], x.shape[:-n]
    out, places = np.empty((*lead, *size), x.dtype), np.empty((*lead, *size), np.int64)
    for at in np.ndindex(lead):
        u = samples[at][::-1] if n == 2 else samples[at]
        starts = []
        for h, s, k, v in zip(spatial, size, kernel, u, strict=True):
            alpha = (h - k) / (s - 1)
            first = [int((i + v) * alpha) - int(v * alpha) for i in range(s - 1)]
            starts.append([*first, h - k])
        found = (
            (o, list(product(*(range(f[i], f[i] + k) for f, i, k in zip(starts, o, kernel)))))  # noqa: B905
            for o in product(*map(range, size))
        )
        out[at], places[at] = largest(x[at], found, size)
    return out, places


def unpool_by_hand(x: Any, places: Any, spatial: Any) -> Any:
    return scatter_by_hand(x, places, spatial)


# ---------------------------------------------------------------- calls

AVERAGES = [
    (plane, (2, 2), (2, 2), (2, 2), (0, 0), True, None),
    (plane, (2, 3), (3, 3), (2, 2), (1, 1), True, None),
    (plane, (3, 3), (3, 2), (2, 2), (1, 0), False, None),
    (plane, (2, 2), (2, 2), (2, 2), (0, 0), True, 3),
]
VOLUMES = [
    (space, (2, 2, 2), (2, 2, 2), (2, 2, 2), (0, 0, 0), True, None),
    (space, (2, 3, 2), (3, 2, 2), (2, 1, 2), (1, 0, 0), False, None),
]


def adjoint(calls: Any) -> list[Sample]:
    return [
        Sample((values(*x.shape[:2], *size),), (x.shape[2:], size, *rest))
        for x, size, *rest in calls
    ]


def compared(geometry: Any, x: Any, picked: bool) -> Sample:
    top = max_by_hand(x, *geometry)[0]
    first = values(*(x.shape if picked else top.shape), seed=3)
    return Sample((first, x, top), geometry, constant=(1, 2))  # `top` must be the maxima of x


places2 = i64([[[[0, 7], [12, 19]], [[3, 4], [15, 11]]]])

BY_HAND: dict[str, list[Sample]] = {
    "max_pool2d": [on(plane)(*g) for g in (APART, OVER, DILATED)],
    "max_pool3d": [on(space)(*g) for g in (CUBES, SQUEEZED)],
    "max_pool2d_with_indices": [on(plane)(*g) for g in (APART, OVER, DILATED)],
    "max_pool3d_with_indices": [on(space)(*g) for g in (CUBES, SQUEEZED)],
    "max_pool_backward": [compared(g, plane, False) for g in (APART, OVER)],
    "max_pool_pick": [compared(g, plane, True) for g in (APART, OVER)],
    "adaptive_max_pool2d": [on(plane)((3, 2)), on(plane)((2, 5))],
    "adaptive_max_pool3d": [on(space)((3, 2, 1))],
    "fractional_max_pool2d": [on(plane, samples2)((2, 2), (3, 3))._replace(constant=(1,))],
    "fractional_max_pool3d": [on(space, samples3)((2, 2, 1), (2, 3, 2))._replace(constant=(1,))],
    "pool_scatter": [on(values(1, 2, 2, 2), places2)((4, 5))],
    "pool_gather": [on(values(1, 2, 4, 5), places2)(2)],
    "max_unpool2d": [on(values(1, 2, 2, 2), places2)((4, 5))],
    "max_unpool3d": [on(values(1, 1, 2, 1, 1), i64([[[[[3]], [[17]]]]]))((3, 3, 2))],
    "avg_pool2d": [Sample((x,), tuple(rest)) for x, *rest in AVERAGES],
    "avg_pool3d": [Sample((x,), tuple(rest)) for x, *rest in VOLUMES],
    "avg_pool_backward": adjoint(AVERAGES),
    "adaptive_avg_pool2d": [on(plane)((3, 2)), on(plane)((2, 5))],
    "adaptive_avg_pool3d": [on(space)((3, 2, 1))],
    "adaptive_avg_pool_backward": [
        on(values(2, 2, 3, 2))((4, 5), (3, 2)), on(values(2, 2, 2, 5))((4, 5), (2, 5))
    ],
}  # fmt: skip


def back_by_hand(g: Any, x: Any, top: Any, size: Any, *geometry: Any) -> Any:
    return scatter_by_hand(g, max_by_hand(x, size, *geometry)[1], x.shape[-len(size) :])


def pick_by_hand(h: Any, x: Any, top: Any, size: Any, *geometry: Any) -> Any:
    return gather_by_hand(h, max_by_hand(x, size, *geometry)[1], len(size))


REFERENCES = {
    "max_pool_backward": back_by_hand,
    "max_pool_pick": pick_by_hand,
    "pool_scatter": scatter_by_hand,
    "pool_gather": gather_by_hand,
    "avg_pool_backward": lambda g, spatial, *rest: transposed(avg_by_hand, g, spatial, *rest),
    "adaptive_avg_pool_backward": lambda g, spatial, size: transposed(
        adaptive_avg_by_hand, g, spatial, size
    ),
}
for _n in "23":
    REFERENCES |= {
        f"max_pool{_n}d": lambda *a: max_by_hand(*a)[0],
        f"max_pool{_n}d_with_indices": max_by_hand,
        f"adaptive_max_pool{_n}d": lambda x, size: largest(
            x, intervals(x.shape[-len(size) :], size), size
        ),
        f"fractional_max_pool{_n}d": fractional_by_hand,
        f"max_unpool{_n}d": unpool_by_hand,
        f"avg_pool{_n}d": avg_by_hand,
        f"adaptive_avg_pool{_n}d": adaptive_avg_by_hand,
    }
