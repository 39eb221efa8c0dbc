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

__all__ = ["Aim", "aimed"]

Lead = dict[int, tuple[Any, bool, bool]]
Aim = tuple[Lead, bool]


def aimed(roots: Sequence[tuple[Any, Any]], targets: Sequence[Any]) -> Aim | None:
    """For every node to visit, by number: the edges to follow (a tuple where the node has several,
    None where nothing follows), whether some of its edges are left out, and whether its own
    cotangent is asked for. And whether the graph goes on to anything older than all targets.

    Args:
        roots: where the walk starts: (node or leaf, its cotangent).
        targets: tensors that require grad, or gradient edges.

    Returns:
        None where only a `Watch` can do it: targets with hooks, of several outputs, or given as
        edges; nodes of `autograd.Function`, whose backward may ask about the walk.
    """
    ends: set[int] = set()  # identities of the leaves aimed at
    asked: set[int] = set()  # numbers of the nodes
    for t in targets:
        node = getattr(t, "_node", None)
        if node is LEAF:
            ends.add(id(t))
        elif node is None or type(node) is Output or node.hooks is not None:
            return None
        else:
            asked.add(node.k)
    oldest = -1 if ends else max(asked)  # a leaf has no age: everything may lead to it
    found: dict[int, Any] = {}
    older = False
    stack = [edge for edge, _ in roots]
    while stack:
        node = stack.pop()
        while node is not None:
            k = node.k
            if k > oldest:
                older = True
                break
            if k in found:
                break
            if node.asks:
                return None
            found[k] = node
            node = node.e
            if type(node) is tuple:
                if len(node) != 2:
                    stack += node
                    break
                node, other = node
                if other is not None:
                    stack.append(other)
    return _leading(found, ends, asked), older


def _leading(found: dict[int, Any], ends: set[int], asked: set[int]) -> Lead:
    """Those of the nodes found that are aimed at or lead to what is."""
    lead: Lead = {}
    for k in sorted(found, reverse=True):  # inputs come before
        e = found[k].e
        if type(e) is not tuple:
            if e is not None and (e.k in lead or id(e) in ends):
                lead[k] = e, False, k in asked
                continue
        else:
            leads = others = 0
            for x in e:
                if x is not None:
                    if x.k in lead or id(x) in ends:
                        leads += 1
                    else:
                        others += 1
            if leads:
                if others:
                    e = tuple([
                        x if x is not None and (x.k in lead or id(x) in ends) else None for x in e
                    ])  # fmt: skip
                lead[k] = e, others > 0, k in asked
                continue
        if k in asked:
            lead[k] = None, False, True
    return lead
