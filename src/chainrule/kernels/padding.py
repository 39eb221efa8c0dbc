"""Padding of arrays by constants, reflection, repetition of the edge or wrapping around, and the
transposes of these.

A pad is a tuple of (before, after) for the last dimensions, first of them first. Negative numbers
cut. The transposes fold what was added back where it came from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .compiled import compiled
from .resample import weighted

__all__ = ["constant_pad", "folded", "padded", "unpadded"]

Array = Any
Pads = tuple[tuple[int, int], ...]


def _along(ndim: int, axis: int, start: int | None, stop: int | None, step: int = 1) -> Any:
    key: list[Any] = [slice(None)] * ndim
    key[axis] = slice(start, stop, step)
    return tuple(key)


@compiled
def constant_pad(x: Array, pads: Pads, value: float) -> Array:
    """The last dimensions longer by a constant, or shorter."""
    lead = x.ndim - len(pads)
    shape, inner, outer = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for i, (before, after) in enumerate(pads, lead):
        n = x.shape[i]
        shape[i] = n + before + after
        inner[i] = slice(max(-before, 0), n - max(-after, 0))
        outer[i] = slice(max(before, 0), shape[i] - max(after, 0))
    out = np.zeros(shape, x.dtype)
    if value != 0:
        out[...] = value
    out[tuple(outer)] = x[tuple(inner)]
    return out


@lru_cache(1024)
def _steps(mode: str, pads: Pads, sizes: tuple[int, ...]) -> list[tuple[int, int, Any]]:
    """Of each dimension that is padded: where it is from the end, its size, and its sources."""
    each = enumerate(zip(sizes, pads, strict=True), -len(pads))
    return [(i, n, _sources(mode, n, *pad)) for i, (n, pad) in each if any(pad)]


def _sources(mode: str, n: int, before: int, after: int) -> Any:
    """For every place of the padded dimension the place of x that it copies."""
    at = np.arange(-before, n + after)
    if mode == "replicate":
        return np.minimum(np.maximum(at, 0), n - 1)
    if mode == "circular":
        kept = np.arange(max(-before, 0), n - max(-after, 0))
        if not kept.size:
            return kept
        return at % n if kept.size == n else _wrapped(kept, before, after)
    period = max(2 * (n - 1), 1)
    at = np.abs(at) % period
    return np.where(at >= n, period - at, at)


def _wrapped(kept: Any, before: int, after: int) -> Any:
    """Wrapping around what a negative pad has left."""
    return kept[np.arange(-max(before, 0), kept.size + max(after, 0)) % kept.size]


def padded(x: Array, pads: Pads, mode: str) -> Array:
    """The last dimensions longer by elements of x."""
    for i, _, sources in _steps(mode, pads, x.shape[x.ndim - len(pads) :]):
        x = weighted(x, x.ndim + i, sources[None], None)
    return x


def unpadded(g: Array, pads: Pads, mode: str, sizes: tuple[int, ...]) -> Array:
    """The transpose of `padded`: every element gets the sum of what was copied from it."""
    for i, n, sources in reversed(_steps(mode, pads, tuple(sizes[len(sizes) - len(pads) :]))):
        g = folded(g, g.ndim + i, sources, n)
    return g


@compiled
def folded(g: Array, axis: int, sources: Any, n: int) -> Array:
    """Each element added where it came from: the identity stretch is copied, the rest goes place by
    place."""
    shape = list(g.shape)
    shape[axis] = n
    out = np.zeros(shape, g.dtype)
    if not sources.size:
        return out
    ones = np.flatnonzero(np.diff(sources) == 1)
    start, length = _longest_run(ones)
    first = int(sources[start])
    out[_along(g.ndim, axis, first, first + length)] = g[
        _along(g.ndim, axis, start, start + length)
    ]
    for i in (*range(start), *range(start + length, sources.size)):
        at = int(sources[i])
        out[_along(g.ndim, axis, at, at + 1)] += g[_along(g.ndim, axis, i, i + 1)]
    return out


def _longest_run(steps: Any) -> tuple[int, int]:
    """Start and length of the longest stretch that counts up by one."""
    if not steps.size:
        return 0, 1
    breaks = np.flatnonzero(np.diff(steps) != 1) + 1
    runs = np.split(steps, breaks)
    best = max(runs, key=len)
    return int(best[0]), len(best) + 1
