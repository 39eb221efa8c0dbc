"""Reverse transforms on the plain tape: what `torch.func.grad` and `jacrev` run a function under
when no interpreter is in the way.

Under `vmap` the tape lies below the batches: an argument is spread over the batch, so that every
element has a gradient of its own, and gradients are those of the sum over the batch.

`Reverse` (core/reverse.py) keeps a tape of its own and wraps every value; that is needed where
values are batched or dual. Where they are plain tensors, the plain tape will do for any number of
nested transforms: every argument gets an `Origin`, a node that stands between it and what it was
outside, and the walk of a level stops there. So each op is recorded once, by the fast lanes, and
not once per level. When a level is over, tensors that the function kept are taken off the graph
(`Tape.close`), unless the graph goes on outside.
Called by `func/`; `Tensor` asks `node.levels_of` of what levels it is a value.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import _state, errors
from .._state import grad_enabled, set_grad
from . import engine
from .aim import Aim, aimed
from .batch import Batch
from .hooks import ACTIVE
from .node import LEAF, Node, next_k
from .record import OPS
from .reverse import Reverse
from .rows import rows
from .tensor import Tensor, wrap
from .vmap import vmap

__all__ = ["Origin", "Tape", "differentiating", "ones_like"]

_new, _array = object.__new__, np.ndarray


class Origin(Node):
    """The end of a level's graph at an argument; outside of the level it passes on to what the
    argument was computed from.

    e: one edge, or none.
    """

    __slots__ = ("tape",)
    prim = OPS.alias.prim
    end = True
    tape: Tape

    def raw(self, g: Any, keep: bool) -> Any:
        self.tape.refuse_while_alive()
        return (g,) if self.e else ()

    rec = raw

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        return self.raw(g, True)


class Tape:
    """One level; used as `Reverse` is.

    Attributes:
        number: 1 for the outermost.
        alive: its function is running.
        origins: of its arguments.
    """

    def __init__(self) -> None:
        self.alive = True
        self.origins: list[Origin] = []

    def __enter__(self) -> Tape:
        self.outer = set_grad(True)
        tapes = _state.tapes()
        tapes.append(self)
        self.levels: tuple[Any, ...] = tuple(_state.modes())
        self.number = len(tapes) + len(self.levels)
        _state.count_tapes(1)
        return self

    def __exit__(self, *exc: object) -> None:
        self.alive = False
        _state.tapes().remove(self)
        _state.count_tapes(-1)
        set_grad(self.outer)

    def refuse_while_alive(self) -> None:
        """The walk of `backward()` has come to an argument of a function that still runs."""
        if self.alive:
            raise errors.backward_inside()

    # ------------------------------------------------------------ values

    def leaf(self, t: Tensor) -> Tensor:
        """An argument to differentiate with respect to."""
        if t._data.dtype.kind not in "fcV":
            raise errors.float_only(
                "only Tensors of floating point dtype can require gradients", t.dtype
            )
        levels = self.levels
        if not levels:
            return self._origin(t, wrap(t._data))
        x = t._data
        if len(levels) == 1 and t._node is None and type(x) is _array and x.flags.c_contiguous:
            made = wrap(_spread(x, levels[0].size))  # the same for all elements, and constant
            return levels[0].wrap(self._origin(made, made))  # type: ignore[no-any-return]
        below = self._sunk(t, len(levels))
        return self.lifted(self._origin(below, wrap(below._data)))  # type: ignore[no-any-return]

    def _sunk(self, t: Tensor, depth: int) -> Tensor:
        """`t` for every element of the batches of the `depth` outermost levels, below them."""
        if not depth:
            return t
        level = self.levels[depth - 1]
        if level.owns(t):
            return t._inner if depth == 1 else self._sunk(t._inner, depth - 1)
        below = t if depth == 1 else self._sunk(t, depth - 1)
        if depth == 1 and below._node is None and isinstance(below._data, np.ndarray):
            x = below._data
            if x.flags.c_contiguous:
                return wrap(_spread(x, level.size))
        sizes = tuple([n.size for n in self.levels[: depth - 1]])
        data = below._data
        shape = (*sizes, level.size, *data.shape[depth - 1 :])
        data = data.reshape((*sizes, 1, *data.shape[depth - 1 :]))
        made = wrap(np.broadcast_to(data, shape))
        if below._node is not None and self.outer:
            column = OPS.unsqueeze.prim.evaluate((below,), (depth - 1,))
            return OPS.expand.prim.evaluate((column,), (shape,))  # type: ignore[no-any-return]
        return made

    def lifted(self, t: Tensor) -> Any:
        """A tensor of all batches as a value of the innermost level."""
        for level in self.levels:
            t = level.wrap(t)
        return t

    def bottom(self, t: Any) -> Any:
        """The tensor of all batches that stands behind a value; None if it is the same for all
        elements of some batch (so it does not depend on the arguments)."""
        for level in self.levels[::-1]:
            if not level.owns(t):
                return None
            t = t._inner
        return t

    def _origin(self, t: Tensor, made: Tensor) -> Tensor:
        """`made`, a tensor on the memory of `t`, as the end of the level's graph."""
        vc = t._vc
        if vc is None:
            vc = t._vc = [0]
        made._vc = vc
        node = _new(Origin)
        edge = t._node if self.outer else None
        node.k, node.hooks, node.tape = next_k(), None, self
        node.e = () if edge is None else (t if edge is LEAF else edge,)
        made._node = node
        self.origins.append(node)
        return made

    def edge(self, t: Any) -> Any:
        """Where a walk from `t` starts."""
        t = self.bottom(t)
        return None if t is None or t._node is LEAF else t._node

    def inner(self, t: Any) -> Any:
        """What a value of the level is outside of it."""
        bottom = self.bottom(t) if isinstance(t, Tensor) else None
        if bottom is None or bottom._node is None or bottom._node is LEAF:
            return t
        ours, outside = self.survey([bottom._node])
        return t.detach() if ours and not (outside and self.outer) else t

    def survey(self, edges: Iterable[Any]) -> tuple[bool, bool]:
        """Whether these nodes were computed from the arguments, and whether from anything outside
        of the level that requires grad."""
        if not self.origins:
            return False, True
        oldest = self.origins[0].k
        seen: set[int] = set()
        stack = list(edges)
        ours = outside = False
        while stack:
            node = stack.pop()
            if node is None:
                continue
            k = node.k
            if not k or k > oldest:
                outside = True
            elif k not in seen:
                seen.add(k)
                e = node.e
                if type(node) is Origin and node.tape is self:
                    ours = True
                    outside = outside or bool(e)
                elif type(e) is tuple:
                    stack += e
                else:
                    stack.append(e)
        return ours, outside

    # ------------------------------------------------------------ the walk

    def pull(
        self,
        edges: Sequence[Any],
        gs: Sequence[Tensor | None],
        leaves: Sequence[Tensor],
        keep: bool = True,
    ) -> list[Tensor | None]:
        """The cotangents of `leaves`, given those of `edges`; recorded if anything outside of the
        level follows. Without `keep` the level is over: see `close`."""
        ends = [self.bottom(t) for t in leaves]
        gs = [None if e is None else self.bottom(g) for e, g in zip(edges, gs, strict=True)]
        found = self._pulled(edges, gs, ends, keep)
        return [None if g is None else self.lifted(g) for g in found]

    def _pulled(self, edges: Any, gs: Any, leaves: Any, keep: bool) -> list[Tensor | None]:
        roots = [(e, g) for e, g in zip(edges, gs, strict=True) if e is not None and g is not None]
        if not roots:
            return [None] * len(leaves)
        leveled = recording = False
        for _, g in roots:
            leveled = leveled or g._wrapped
            recording = recording or g._node is not None
        aim = None if ACTIVE else aimed(roots, leaves)
        recording = grad_enabled() and (recording or self._beyond(aim, roots))
        if recording or leveled:
            return engine.towards(roots, leaves, True, True, recording, aim)
        raw = [(e, g._data) for e, g in roots]
        return engine.handed(engine.towards(raw, leaves, keep, False, False, aim))

    def _beyond(self, aim: Aim | None, roots: Any) -> bool:
        """Whether anything outside of the level that requires grad leads to the roots; `aim`: what
        is known of the way from there to the arguments."""
        return self.survey([e for e, _ in roots])[1] if aim is None else aim[1]

    def rows(
        self, edges: Sequence[Any], outs: Sequence[Tensor], leaves: Sequence[Tensor]
    ) -> list[Tensor]:
        """The rows of the Jacobian of `outs` (whose nodes are `edges`): for every leaf a tensor of
        shape (all elements of all outputs, *leaf); recorded if anything outside follows."""
        count = sum(t._data.size for t in outs)
        basis = unit_vectors([t._data for t in outs], count)
        roots = [(e, g) for e, g in zip(edges, basis, strict=True) if e is not None]
        found: list[Any] = [None] * len(leaves)
        if roots:
            aim = None if ACTIVE else aimed(roots, leaves)
            recording = grad_enabled() and self._beyond(aim, roots)
            found = self._walked(roots, leaves, count, recording, aim)
        return [
            wrap(np.zeros((count, *t._data.shape), t._data.dtype)) if g is None else g
            for g, t in zip(found, leaves, strict=True)
        ]

    def _walked(
        self,
        roots: list[Any],
        leaves: Sequence[Tensor],
        count: int,
        recording: bool,
        aim: Aim | None,
    ) -> list[Tensor | None]:
        if not recording:
            found = rows(roots, leaves, count, aim)
            if found is not None:
                return [None if g is None else wrap(g) for g in found]
        edges = [e for e, _ in roots]
        if count == 1:
            one = [(e, wrap(g[0])) for e, g in roots]
            gs = engine.towards(one, leaves, True, True, recording, aim)
            return [None if g is None else OPS.unsqueeze(g, 0) for g in gs]
        used: list[bool] = []

        def pull(*gs: Tensor) -> tuple[Tensor, ...]:
            pairs = list(zip(edges, gs, strict=True))
            found = engine.towards(pairs, leaves, True, True, recording)
            used[:] = [g is not None for g in found]
            return tuple([g for g in found if g is not None])

        made = iter(vmap(pull)(*[wrap(g) for _, g in roots]))
        return [next(made) if u else None for u in used]

    def close(self, leaves: list[Tensor]) -> None:
        """Take tensors that the function kept somewhere off a graph that nobody follows.

        `leaves` is emptied. If nothing was kept, nobody holds the origins any more.
        """
        leaves.clear()
        origins, self.origins = self.origins, []
        held = [node for node in origins if sys.getrefcount(node) > _HELD]
        if held and not any(node.e for node in held):
            _sever({node.k for node in held}, origins[0].k)


def _spread(x: Any, size: int) -> Any:
    """What broadcast_to makes of an array in C order, in a tenth of the time."""
    return _array((size, *x.shape), x.dtype, x, 0, (0, *x.strides))


def unit_vectors(arrays: Sequence[Any], count: int) -> list[Any]:
    """The unit vectors of the space of all arrays together, cut as the arrays are."""
    column, made = 0, []
    for x in arrays:
        n = x.size
        unit = np.zeros((count, n), x.dtype)
        unit.reshape(-1)[column * n : (column + n) * n : n + 1] = 1
        made.append(unit.reshape((count, *x.shape)))
        column += n
    return made


def _probe() -> int:
    held = [node for node in [_new(Origin)] if sys.getrefcount(node) > 0]
    origins = held
    return max(sys.getrefcount(node) for node in origins)


_HELD = _probe()


def _sever(origins: set[int], oldest: int) -> None:
    """Take living tensors computed from the origins, and from nothing older, off the graph. They
    were made a moment ago: the collector lists the youngest objects first."""
    for generation in range(3):
        for t in gc.get_objects(generation):
            # isinstance would ask foreign objects, dead weak proxies among them, for their class
            node = t._node if issubclass(type(t), Tensor) else None
            if node is None or node is LEAF or node.k > oldest:
                continue
            if _ends_only_in(node, origins, oldest):
                t._node = None


def _ends_only_in(node: Any, origins: set[int], oldest: int) -> bool:
    found = False
    seen: set[int] = set()
    stack = [node]
    while stack:
        n = stack.pop()
        if n is None or n.k in seen:
            continue
        if not n.k or n.k > oldest:
            return False
        seen.add(n.k)
        found = found or n.k in origins
        stack += n.edges()
    return found


def gradients(
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    cotangents: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
) -> list[Any] | None:
    """`engine.grad` of values of batches below which a tape lies, in a function that differentiates
    for itself; None where that is not what they are."""
    tape = _state.tapes()[-1]
    if tape.levels != tuple(_state.modes()):
        return None
    ins, outs = [tape.bottom(t) for t in inputs], [tape.bottom(t) for t in outputs]
    if any(t is None or t._node is None for t in ins) or any(t is None for t in outs):
        return None
    gs = []
    for t, c in zip(outputs, cotangents, strict=True):
        if c is None and t._data.ndim:
            raise errors.implicit_grad(t)
        given = ones_like(tape, t) if c is None else tape.lifted(tape._sunk(c, len(tape.levels)))
        gs.append(tape.bottom(given))
    found = engine.grad(outs, ins, gs, retain_graph, create_graph)
    return [None if g is None else tape.lifted(g) for g in found]


engine.OF_BATCHES.append(gradients)


def differentiating() -> Any:
    """The level for a reverse transform: on the plain tape if no interpreter runs, or only `vmap`
    (whose levels the tape then lies below)."""
    for mode in _state.modes():
        if type(mode) is not Batch:
            return Reverse()
    return Tape()


def ones_like(tape: Tape, t: Tensor) -> Tensor:
    """The cotangent of a number with respect to itself."""
    bottom = tape.bottom(t)
    data = t._data if bottom is None else bottom._data
    one = engine.ONE.get(data.dtype) if isinstance(data, np.generic) else None
    if one is None:
        one = np.empty(data.shape, data.dtype)
        one.fill(1)
    made = wrap(one)
    return made if bottom is None else tape.lifted(made)
