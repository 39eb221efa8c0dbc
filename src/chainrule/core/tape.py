"""Reverse transforms on the plain tape: what `torch.func.grad` and `jacrev` run a function under
when no interpreter is in the way.

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
from .node import LEAF, Node, next_k
from .record import OPS
from .reverse import Reverse
from .tensor import Tensor, wrap

__all__ = ["Origin", "Tape", "differentiating", "ones_like"]

_new = object.__new__


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
        self.number = len(tapes)
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
        data = t._data
        if data.dtype.kind not in "fcV":
            raise errors.float_only(
                "only Tensors of floating point dtype can require gradients", t.dtype
            )
        made = wrap(data)
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
        return None if t._node is LEAF else t._node

    def inner(self, t: Any) -> Any:
        """What a value of the level is outside of it."""
        if not isinstance(t, Tensor) or t._node is None or t._node is LEAF:
            return t
        ours, outside = self.survey([t._node])
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
        roots = [(e, g) for e, g in zip(edges, gs, strict=True) if e is not None and g is not None]
        leveled = any(g._wrapped for _, g in roots)  # type: ignore[union-attr]
        recording = grad_enabled() and (
            any(g._node is not None for _, g in roots)  # type: ignore[union-attr]
            or self.survey([e for e, _ in roots])[1]
        )
        if recording or leveled:
            return engine.towards(roots, leaves, True, True, recording)
        raw = [(e, g._data) for e, g in roots]  # type: ignore[union-attr]
        return engine.handed(engine.towards(raw, leaves, keep, False, False))

    def close(self, leaves: list[Tensor]) -> None:
        """Take tensors that the function kept somewhere off a graph that nobody follows.

        `leaves` is emptied. If nothing was kept, nobody holds the origins any more.
        """
        leaves.clear()
        origins, self.origins = self.origins, []
        held = [node for node in origins if sys.getrefcount(node) > _HELD]
        if held and not any(node.e for node in held):
            _sever({node.k for node in held}, origins[0].k)


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
            if isinstance(t, Tensor) and t._node is not None and t._node is not LEAF:
                if t._node.k < oldest and _ends_only_in(t._node, origins, oldest):
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


def differentiating() -> Any:
    """The level for a reverse transform: on the plain tape if no interpreter runs."""
    return Reverse() if _state.modes() else Tape()


def ones_like(t: Tensor) -> Tensor:
    """The cotangent of a number with respect to itself."""
    data = t._data
    one = engine.ONE.get(data.dtype) if type(data) is not np.ndarray else None
    return wrap(np.ones(data.shape, data.dtype) if one is None else one)
