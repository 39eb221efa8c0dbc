"""Resizing of arrays: one linear map for every dimension, and its transpose.

A map is a table: for every output place up to K input places and their weights. A step of a plan,
(kind, n_in, n_out, scale, aligned), names a table; a plan has one step for each of the last
dimensions. A transposed table has the roles exchanged, so one function applies both. Tables of few
weights are applied by gathering, long ones by a matrix product.
Sources: R. Keys, Cubic convolution interpolation (1981), eq. 4 and 8 (a = -3/4, with antialiasing
a = -1/2); C. Duchon, Lanczos filtering (1979).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .compiled import compiled

F32, F64 = np.dtype("float32"), np.dtype("float64")

__all__ = ["resample", "resample_transpose", "weighted"]

Array = Any
Step = tuple[str, int, int, Any, bool]
_FEW = 8  # weights up to which gathering beats a product
_DENSE = 1 << 20  # entries of a matrix that is worth making


# ---------------------------------------------------------------- tables: (K, n_out) each


def _ratio(n_in: int, n_out: int, scale: Any, aligned: bool) -> float:
    """Input places for one output place."""
    if aligned:
        return (n_in - 1) / (n_out - 1) if n_out > 1 else 0.0
    return 1.0 / scale if scale is not None and scale > 0 else n_in / n_out


def _nearest(n_in: int, n_out: int, scale: Any, exact: bool) -> Any:
    # in single precision for every dtype, as PyTorch does: the floor shows it
    ratio = np.float32(_ratio(n_in, n_out, scale, False))
    at = np.arange(n_out, dtype=np.float32)
    at = (at + np.float32(0.5)) * ratio if exact else at * ratio
    return np.minimum(np.floor(at).astype(np.intp), n_in - 1)[None], None


def _centers(n_in: int, n_out: int, scale: Any, aligned: bool) -> Any:
    ratio = _ratio(n_in, n_out, scale, aligned)
    at = np.arange(n_out, dtype=np.float64)
    return ratio * at if aligned else ratio * (at + 0.5) - 0.5


def _linear(n_in: int, n_out: int, scale: Any, aligned: bool) -> Any:
    at = np.maximum(_centers(n_in, n_out, scale, aligned), 0.0)
    low = np.minimum(at.astype(np.intp), n_in - 1)
    high = np.minimum(low + 1, n_in - 1)
    part = np.clip(at - low, 0.0, 1.0)
    return np.stack((low, high)), np.stack((1.0 - part, part))


def cubic(d: Any, a: float) -> Any:
    """Keys' kernel at distance d."""
    d = np.abs(d)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _cubic(n_in: int, n_out: int, scale: Any, aligned: bool) -> Any:
    at = _centers(n_in, n_out, scale, aligned)
    low = np.floor(at)
    steps = np.arange(-1, 3)[:, None]
    places = np.clip(low.astype(np.intp) + steps, 0, n_in - 1)
    return places, cubic(at - low - steps, -0.75)


def _area(n_in: int, n_out: int) -> Any:
    at = np.arange(n_out)
    start, stop = at * n_in // n_out, -((at + 1) * n_in // -n_out)
    return _ranges(start, stop, 1.0 / (stop - start))


def _ranges(start: Any, stop: Any, weight: Any) -> Any:
    steps = np.arange(int((stop - start).max(initial=1)))[:, None]
    inside = start + steps < stop
    return np.where(inside, start + steps, start), np.where(inside, weight, 0.0)


_FILTERS: dict[str, tuple[float, Any]] = {  # half width, kernel
    "linear": (1.0, lambda d: np.maximum(1.0 - np.abs(d), 0.0)),
    "cubic": (2.0, lambda d: cubic(d, -0.5)),
    "lanczos": (3.0, lambda d: np.where(np.abs(d) < 3, np.sinc(d) * np.sinc(d / 3), 0.0)),
}


def _smooth(kind: str, n_in: int, n_out: int, scale: Any, aligned: bool) -> Any:
    """With antialiasing: the filter is as wide as an output place."""
    half, weigh = _FILTERS[kind]
    ratio = _ratio(n_in, n_out, scale, aligned)
    wide = max(ratio, 1.0)
    center = ratio * (np.arange(n_out) + 0.5)  # also with aligned corners, as in PyTorch
    start = np.maximum((center - half * wide + 0.5).astype(np.intp), 0)
    stop = np.minimum((center + half * wide + 0.5).astype(np.intp), n_in)
    places, inside = _ranges(start, stop, np.ones(n_out))
    weights = np.where(inside > 0, weigh((places - center + 0.5) / wide), 0.0)
    return places, weights / weights.sum(0)


def _table(step: Step) -> Any:
    kind, n_in, n_out, scale, aligned = step
    if kind in ("nearest", "exact"):
        return _nearest(n_in, n_out, scale, kind == "exact")
    if kind == "area":
        return _area(n_in, n_out)
    if kind.startswith("smooth "):
        return _smooth(kind[7:], n_in, n_out, scale, aligned)
    return (_linear if kind == "linear" else _cubic)(n_in, n_out, scale, aligned)


def _transposed(places: Any, weights: Any, n_in: int) -> Any:
    """For every input place the output places that use it."""
    count, n_out = places.shape
    weights = np.ones(places.shape) if weights is None else weights
    used = weights.reshape(-1) != 0
    inputs = places.reshape(-1)[used]
    outputs = np.tile(np.arange(n_out), count)[used]
    order = np.argsort(inputs, kind="stable")
    inputs = inputs[order]
    rank = np.arange(inputs.size) - np.searchsorted(inputs, inputs)
    shape = (int(rank.max(initial=0)) + 1, n_in)
    back, w = np.zeros(shape, np.intp), np.zeros(shape)
    back[rank, inputs], w[rank, inputs] = outputs[order], weights.reshape(-1)[used][order]
    return back, w


@compiled
def weighted(x: Array, axis: int, places: Array, weights: Array) -> Array:
    """The sum over taps t of weights[t] times the elements of x at places[t] of a dimension; one
    tap without weights."""
    y = x.take(places[0], axis, mode="clip")
    if weights is None:
        return y
    shape = [1] * x.ndim
    shape[axis] = places.shape[1]
    y *= weights[0].reshape(shape)
    for at, weight in zip(places[1:], weights[1:], strict=True):
        part = x.take(at, axis, mode="clip")
        part *= weight.reshape(shape)
        y += part
    return y


class _Map:
    """A table made ready for one dtype."""

    __slots__ = ("matrix", "places", "weights")

    def __init__(self, places: Any, weights: Any, n_in: int, dtype: Any) -> None:
        self.places, self.matrix = places, None  # type: Any, Any
        self.weights = None if weights is None else weights.astype(dtype)
        count, n_out = places.shape
        if count > _FEW and n_in * n_out <= _DENSE:
            matrix = np.zeros((n_out, n_in))
            np.add.at(matrix, (np.arange(n_out)[None], places), weights)
            self.matrix = matrix.astype(dtype)

    def apply(self, x: Array, axis: int) -> Array:
        """x with `axis` resized."""
        if not x.shape[axis]:
            made = (*x.shape[:axis], self.places.shape[1], *x.shape[axis + 1 :])
            return np.zeros(made, x.dtype)
        if self.matrix is not None:
            y = self._product(x, axis)
            if np.isfinite(y.sum()):
                return y  # zeros times infinity would reach places that do not see it
        return weighted(x, axis, self.places, self.weights)

    def _product(self, x: Array, axis: int) -> Array:
        if axis == x.ndim - 1:
            return x @ self.matrix.T
        n_out, n_in = self.matrix.shape
        made = self.matrix @ x.reshape(*x.shape[:axis], n_in, -1 if x.size else 0)
        return made.reshape(*x.shape[:axis], n_out, *x.shape[axis + 1 :])


@functools.lru_cache(512)
def _map(step: Step, transposed: bool, dtype: Any) -> _Map:
    places, weights = _table(step)
    n_in = step[1]
    if transposed:
        places, weights = _transposed(places, weights, n_in)
        n_in = step[2]
    return _Map(places, weights, n_in, dtype)


# ---------------------------------------------------------------- plans


def _applied(x: Array, plan: tuple[Step, ...], transposed: bool) -> Array:
    dtype, first = x.dtype, x.ndim - len(plan)
    if dtype is F32 or dtype is F64:
        for i, table in _maps(plan, transposed, dtype):
            x = table.apply(x, first + i)
        return x
    exact = plan[0][0] in ("nearest", "exact") and not transposed
    small = dtype.itemsize == 2 or dtype.kind not in "fc"
    if small and not exact:
        x = x.astype(np.float32 if dtype.kind in "fV" else np.float64)
    whole = dtype.kind in "iu"
    for i in reversed(range(len(plan))) if whole else _order(plan, transposed):
        step = plan[i]
        if step[1] != step[2] or not _same(step):
            x = _map(step, transposed, x.dtype).apply(x, first + i)
            if whole and not exact:  # PyTorch keeps bytes between the dimensions
                x = np.clip(np.rint(x), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return x.astype(dtype) if small and not exact else x


@functools.lru_cache(512)
def _maps(plan: tuple[Step, ...], transposed: bool, dtype: Any) -> list[tuple[int, _Map]]:
    """The dimensions that change, in the order they are done, with their maps."""
    steps = [(i, plan[i]) for i in _order(plan, transposed)]
    return [(i, _map(s, transposed, dtype)) for i, s in steps if s[1] != s[2] or not _same(s)]


def _same(step: Step) -> bool:
    """Whether equal sizes mean the identity, whatever the scale is."""
    return step[0] in ("linear", "area") or step[0].startswith("smooth") or step[3] in (None, 1.0)


def _order(plan: tuple[Step, ...], transposed: bool) -> list[int]:
    """What shrinks comes first."""
    growth = [s[1] / max(s[2], 1) if transposed else s[2] / max(s[1], 1) for s in plan]
    return sorted(range(len(plan)), key=growth.__getitem__)


def resample(x: Array, plan: tuple[Step, ...]) -> Array:
    """The last dimensions resized."""
    return _applied(x, plan, False)


def resample_transpose(g: Array, plan: tuple[Step, ...]) -> Array:
    """The transpose of `resample`: from the sizes made to the sizes given."""
    return _applied(g, plan, True)
