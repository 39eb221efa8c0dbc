"""Which elements depend on which: sets of input elements, one for each element of a value.

`Sets` holds them as NumPy does rows of a sparse matrix (`ptr`, `cols`, sorted within a row), so
unions over a whole array are a few vectorised steps. `Tracing` is a level as those of forward mode
are: a value carries its sets where a dual number carries its tangent, and what an op does to sets
is in `func/spread.py`. Called by `func/sparse.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._state import set_grad
from ..core.interpreter import pop, push
from ..core.levels import Level, Wrapped, is_float, lower, outs_of
from ..core.primitive import Primitive
from ..core.tensor import Tensor
from . import spread_regions  # noqa: F401  # enters its rules into the table
from .spread import spread

__all__ = ["Sets", "Tracing"]

Ints = np.ndarray[Any, Any]


class Sets:
    """One set of columns for each of `len(ptr) - 1` elements.

    Attributes:
        ptr: where the set of each element starts in `cols`.
        cols: the members, ascending within a set.
        n: how many columns there are.
    """

    __slots__ = ("cols", "n", "ptr")

    def __init__(self, ptr: Ints, cols: Ints, n: int) -> None:
        self.ptr, self.cols, self.n = ptr, cols, n

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @staticmethod
    def own(n: int) -> Sets:
        """Each element depends on itself: an input."""
        return Sets(np.arange(n + 1), np.arange(n), n)

    @staticmethod
    def of_pairs(rows: Ints, cols: Ints, size: int, n: int) -> Sets:
        """From (row, column) pairs in any order, duplicates allowed."""
        keys = np.unique(rows * max(n, 1) + cols)
        rows, cols = keys // max(n, 1), keys % max(n, 1)
        return Sets(np.searchsorted(rows, np.arange(size + 1)), cols, n)

    @staticmethod
    def joined(parts: Sequence[Sets]) -> Sets:
        """The elements of several values, one after the other."""
        starts = np.cumsum([0] + [len(p.cols) for p in parts])
        ptr = [p.ptr[:-1] + s for p, s in zip(parts, starts, strict=False)]
        return Sets(
            np.concatenate([*ptr, starts[-1:]]),
            np.concatenate([p.cols for p in parts]),
            parts[0].n,
        )

    def rows(self) -> Ints:
        """The element of every member."""
        return np.repeat(np.arange(len(self)), np.diff(self.ptr))

    def take(self, index: Ints) -> Sets:
        """The sets of the elements `index`, flattened; -1 gives an empty one."""
        index = np.asarray(index).reshape(-1)
        counts = np.append(np.diff(self.ptr), 0)[index]
        ptr = np.concatenate([[0], np.cumsum(counts)])
        starts = np.append(self.ptr[:-1], 0)[index]
        at = np.arange(ptr[-1]) - np.repeat(ptr[:-1] - starts, counts)
        return Sets(ptr, self.cols[at], self.n)

    def onto(self, target: Ints, size: int) -> Sets:
        """Unions: the set of element i goes into that of element `target[i]` (-1: nowhere)."""
        rows = np.asarray(target).reshape(-1)[self.rows()]
        kept = rows >= 0
        return Sets.of_pairs(rows[kept], self.cols[kept], size, self.n)

    def __or__(self, other: Sets) -> Sets:
        """Element by element."""
        if other is self or (
            np.array_equal(self.ptr, other.ptr) and np.array_equal(self.cols, other.cols)
        ):
            return self
        rows = np.concatenate([self.rows(), other.rows()])
        cols = np.concatenate([self.cols, other.cols])
        return Sets.of_pairs(rows, cols, len(self), self.n)


# ---------------------------------------------------------------- the level


class Marked(Wrapped):
    """A value with the sets of its elements (None: it does not depend on the input)."""

    __slots__ = ()
    _sets: Sets | None

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return self._show("MarkedTensor", "")

    def _fall(self) -> None:
        super()._fall()
        self.__dict__.pop("_sets", None)


class Tracing(Level):
    """Carries index sets along."""

    kind = Marked

    def marked(self, t: Tensor, sets: Sets | None) -> Marked:
        """A value of this level."""
        made: Marked = self.wrap(t)
        made._sets = sets
        return made

    def sets(self, t: Any) -> Sets | None:
        """The sets of a value; None for what does not depend on the input."""
        return t._sets if self.owns(t) else None

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate one level down, and work out the sets."""
        inner = tuple([self.inner(t) for t in inputs])
        sets = [self.sets(t) for t in inputs]
        pop(self)
        before = set_grad(False)
        try:
            custom = prim.kind == "custom"
            made = prim.call(*inner, params=params) if custom else lower(prim, inner, params)
        finally:
            set_grad(before)
            push(self)
        several = isinstance(made, tuple)
        outs = made if several else outs_of(prim, made)
        view = prim.view and self.owns(inputs[0])
        if all(s is None for s in sets) and not view:
            return made
        found = spread(prim, inner, sets, params, outs)
        marked = tuple(
            self.marked(o, s) if is_float(o) and (view or s is not None) else o
            for o, s in zip(outs, found, strict=True)
        )
        if view:
            inputs[0]._data = inner[0]._data
            self.link(prim, marked, inputs[0], params)
        return marked if several else marked[0]

    def adopt(self, t: Any, new: Tensor) -> None:
        """The sets of `new`."""
        t._sets = self.sets(new)

    def _lift(self, x: Tensor) -> None:
        super()._lift(x)
        base = x if x._view is None else x._view[0]
        views = [r() for r in (base._meta.views if base._meta is not None else ())]
        for t in (base, x, *views):
            if t is not None:
                t.__dict__.setdefault("_sets", None)
