"""Which part of the graph leads to the tensors whose gradients are asked for.

`aimed` looks at the graph once, before a walk towards given inputs: nodes that lead to none of them
are not visited, and of a node with several operands only the rules that matter are read. Called by
`core/engine.py`; where hooks or several outputs are in the way it answers None and the engine goes
with a `Watch` (core/watch.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .node import LEAF, Output

__all__ = ["aimed"]


def aimed(
    roots: Sequence[tuple[Any, Any]], targets: Sequence[Any]
) -> dict[int, tuple[Any, bool, bool]] | None:
    """For every node to visit, by number: the edges to follow (a tuple where the node has several,
    None where nothing follows), whether some of its edges are left out, and whether its own
    cotangent is asked for.

    Args:
        roots: where the walk starts: (node or leaf, its cotangent).
        targets: tensors that require grad, or gradient edges.

    Returns:
        None where only a `Watch` can do it: targets with hooks, of several outputs, or given as
        edges; nodes of `autograd.Function`, whose backward may ask about the walk.
    """
    good: set[int] = set()  # identities of what leads to a target
    asked: set[int] = set()
    ages: list[int] = []
    for t in targets:
        node = getattr(t, "_node", None)
        if node is LEAF:
            good.add(id(t))
            ages.append(0)  # a leaf has no age: everything may lead to it
        elif node is None or type(node) is Output or node.hooks is not None:
            return None
        else:
            good.add(id(node))
            asked.add(node.k)
            ages.append(node.k)
    found = _reachable(roots, max(ages))
    if found is None:
        return None
    lead: dict[int, tuple[Any, bool, bool]] = {}
    for k in sorted(found, reverse=True):  # inputs come before
        node = found[k]
        e = node.e
        if type(e) is not tuple:
            if id(e) in good:
                lead[k] = e, False, k in asked
                good.add(id(node))
                continue
        else:
            kept: list[Any] = []
            leads = part = False
            for x in e:
                if id(x) in good:
                    kept.append(x)
                    leads = True
                else:
                    kept.append(None)
                    part = part or x is not None
            if leads:
                lead[k] = (tuple(kept) if part else e), part, k in asked
                good.add(id(node))
                continue
        if asked and k in asked:
            lead[k] = None, False, True
    return lead


def _reachable(roots: Sequence[tuple[Any, Any]], oldest: int) -> dict[int, Any] | None:
    """The nodes below the roots, by number; none older than `oldest`. None: see `aimed`."""
    found: dict[int, Any] = {}
    stack = [edge for edge, _ in roots]
    while stack:
        node = stack.pop()
        while node is not None:
            k = node.k
            if not k or k > oldest or k in found:
                break
            if node.asks:
                return None
            found[k] = node
            node = node.e
            if type(node) is tuple:
                stack += node
                break
    return found
