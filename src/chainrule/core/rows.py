"""One walk for many cotangents: the rows of a Jacobian, without recording.

The cotangents carry one more dimension in front. Where a node can take that as it is (elementwise
rules broadcast) it works on bare arrays (`Node.rows`); ops that are frequent in Jacobians say how
(`Primitive.rows`, a function of node, cotangents and edges that may answer None); any other rule is
read under a `Batch` level. Called by `autograd/` and `func/` for what `vmap` over a
backward walk would do several times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .. import _state, errors
from .._state import set_grad
from . import node as nodes
from .aim import Aim, aimed
from .batch import Batch
from .hooks import ACTIVE, OUTPUT
from .node import LEAF, Output
from .tensor import Tensor, wrap

__all__ = ["rows"]


def rows(
    roots: Sequence[tuple[Any, Any]],
    targets: Sequence[Tensor],
    size: int,
    known: Aim | None = None,
) -> list[Any] | None:
    """The cotangents of the targets, as arrays; None for a target that nothing reaches.

    Args:
        roots: (edge, array of shape (size, *shape of the tensor there)).
        known: what `aimed` says of these roots and targets, if the caller has asked.

    Returns:
        None altogether where the walk needs more than rules: hooks, custom Functions, running
        interpreters.
    """
    if ACTIVE or _state.modes():
        return None
    aim = known or aimed(roots, targets)
    if aim is None:
        return None
    reached = _walk(roots, aim[0], size)
    if reached is None:
        return None
    return [reached.get(id(t if t._node is LEAF else t._node)) for t in targets]


def _walk(roots: Any, aim: dict[int, Any], size: int) -> dict[int, Any] | None:
    found: dict[int, Any] = {}  # by identity of the leaf or node aimed at
    waiting: dict[int, Any] = {}
    heap: list[int] = []
    pairs: Any = [(e, g) for e, g in roots if not e.k or e.k in aim]
    waits = waiting.get
    while True:
        for edge, g in pairs:
            if edge is None or g is None:
                continue
            k = edge.k
            if not k:
                have = found.get(id(edge))
                found[id(edge)] = g if have is None else have + g
            else:
                have = waits(k)
                if have is None:
                    waiting[k] = edge, g
                    heappush(heap, k)
                else:
                    waiting[k] = edge, have[1] + g
        if not heap:
            return found
        node, g = waiting.pop(heappop(heap))
        if type(node) is Output:
            _collect(node, g, waiting, heap)
            pairs = ()
            continue
        if node.hooks is not None and node.hooks is not OUTPUT:
            return None
        edges, _, asked = aim[node.k]
        if asked:
            found[id(node)] = g
        if edges is None:
            pairs = ()
            continue
        try:
            gs = node.rows(g, edges, size)
        except errors.SavedFreed:
            raise errors.second_backward(node) from None
        pairs = zip(edges, gs, strict=True) if type(edges) is tuple else ((edges, gs),)


def _collect(out: Output, g: Any, waiting: dict[int, Any], heap: list[int]) -> None:
    node = out.node
    if node.k not in waiting:
        waiting[node.k] = node, [None] * node.prim.count(node)
        heappush(heap, node.k)
    gs = waiting[node.k][1]
    gs[out.number] = g if gs[out.number] is None else gs[out.number] + g


def any_rows(node: Any, g: Any, edges: Any, size: int) -> Any:
    """The op's own way (`Primitive.rows`), or any rule read on batches."""
    own = node.prim.rows
    found = None if own is None else own(node, g, edges)
    if found is not None:
        return (found,) if type(edges) is tuple and type(found) is not tuple else found
    before = set_grad(False)
    try:
        with Batch(size) as level:
            if type(g) is list:
                given: Any = [None if x is None else level.wrap(wrap(x)) for x in g]
            else:
                given = level.wrap(wrap(g))
            if type(edges) is tuple:
                return [_bare(x, level) for x in node.some(given, True, True, edges)]
            return _bare(node.rec(given, True), level)
    finally:
        set_grad(before)


def _bare(t: Any, level: Batch) -> Any:
    if t is None:
        return None
    if level.owns(t):
        return t._inner._data
    return np.broadcast_to(t._data, (level.size, *t._data.shape))


nodes.Node.rows = any_rows  # type: ignore[method-assign, assignment]
