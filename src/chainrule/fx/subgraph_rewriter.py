"""`replace_pattern`: every place of a graph that computes what a pattern computes, rewritten.

What lives here: finding a pattern in a graph and putting a copy of its replacement there. Who may
call: users. A pattern's inputs stand for any value; every other node must be equal, and must be
read by nobody outside the place, because it disappears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..core.tensor import Tensor
from ..nn.modules.module import Module
from ._symbolic_trace import symbolic_trace
from .graph import Graph
from .graph_module import GraphModule
from .node import Node

__all__ = ["Match", "replace_pattern"]


class Match(NamedTuple):
    """One place where a pattern was found.

    Attributes:
        anchor: the pattern's node that gives its (first) value.
        nodes_map: from the pattern's nodes to those of the graph.
    """

    anchor: Node
    nodes_map: dict[Node, Node]


Map = dict[Node, Node]
_ABSENT = object()


def replace_pattern(
    gm: GraphModule,
    pattern: Callable[..., Any] | GraphModule | Graph,
    replacement: Callable[..., Any] | GraphModule | Graph,
) -> list[Match]:
    """Replace what computes as `pattern` does by `replacement`, wherever it stands in `gm`.

    Places that overlap are rewritten once, the first of them.

    Args:
        gm: changed, and recompiled.
        pattern: a function or module of as many arguments as `replacement`.
        replacement: what to compute instead; its submodules and parameters are taken along.

    Returns:
        The places, in order.

    Raises:
        AssertionError: the two have different numbers of arguments or results.

    Example:
        >>> import chainrule as torch
        >>> traced = torch.fx.symbolic_trace(lambda x: torch.sin(x) ** 2 + torch.cos(x) ** 2)
        >>> def pattern(x):
        ...     return torch.sin(x) ** 2 + torch.cos(x) ** 2
        >>> len(torch.fx.replace_pattern(traced, pattern, lambda x: torch.ones_like(x)))
        1
        >>> print(traced.code.strip())
        def forward(self, x):
            ones_like = torch.ones_like(x);  x = None
            return ones_like
    """
    wanted, instead = _graph(pattern), _graph(replacement)
    both = [g.find_nodes(op="placeholder") for g in (wanted, instead)]
    if len(both[0]) != len(both[1]):
        raise AssertionError(f"Placeholder count mismatch: {len(both[0])} vs {len(both[1])}")
    anchors = _results(wanted)
    if len(anchors) != len(_results(instead)):
        raise AssertionError(f"Result count mismatch: {len(anchors)} vs {len(_results(instead))}")
    done: list[Match] = []
    now: Map = {}  # what a node that was replaced has become
    for place in _places(gm, wanted, anchors, pattern):
        values = {new: now.get(place[old], place[old]) for old, new in zip(*both, strict=True)}
        old = [place[a] for a in anchors]
        before = _insertion(gm.graph, old, values)
        if before is None:
            continue
        with gm.graph.inserting_before(before):
            gm.graph.graph_copy(instead, values)
        for gone, made in zip(old, _results(instead), strict=True):
            now[gone] = values[made]
            gone.replace_all_uses_with(values[made])
        _erase(gm.graph, {g for p, g in place.items() if p.op != "placeholder"})
        done.append(Match(anchors[0], place))
    if isinstance(replacement, Module):
        _take_along(gm, replacement)
    gm.recompile()
    return done


def _graph(program: Any) -> Graph:
    if isinstance(program, Graph):
        return program
    return (program if isinstance(program, GraphModule) else symbolic_trace(program)).graph


def _results(graph: Graph) -> list[Node]:
    return graph.output_node().all_input_nodes


# ---------------------------------------------------------------- finding


def _places(gm: GraphModule, wanted: Graph, anchors: list[Node], pattern: Any) -> list[Map]:
    """The places that do not overlap."""
    owner = pattern if isinstance(pattern, Module) else wanted.owning_module
    nodes = [n for n in gm.graph.nodes if n.op not in ("placeholder", "output")]
    found: list[Map] = []
    used: set[Node] = set()
    for start in nodes:
        for place in _matches(anchors, start, nodes, _Equal(owner, gm), {}):
            own = {g for p, g in place.items() if p.op != "placeholder"}
            if _closed(place, own, anchors) and not own & used:
                used |= own
                found.append(place)
                break
    return found


def _matches(
    anchors: list[Node], start: Node | None, nodes: list[Node], equal: _Equal, place: Map
) -> Iterator[Map]:
    """All ways to put the results of a pattern on nodes, the first of them on `start`."""
    if not anchors:
        yield place
        return
    for candidate in nodes if start is None else [start]:
        trial = dict(place)
        if equal.nodes(anchors[0], candidate, trial):
            yield from _matches(anchors[1:], None, nodes, equal, trial)


def _closed(place: Map, own: set[Node], anchors: list[Node]) -> bool:
    """Whether what lies between inputs and results is read inside only."""
    inner = (g for p, g in place.items() if p.op != "placeholder" and p not in anchors)
    return all(user in own for node in inner for user in node.users)


class _Equal:
    """Compares a pattern's nodes and arguments with those of a graph, and notes what is where."""

    def __init__(self, pattern: Any, module: Any) -> None:
        self.pattern, self.module = pattern, module

    def nodes(self, p: Node, g: Node, place: Map) -> bool:
        """Whether `g` computes what `p` does; `place` is extended."""
        if p in place:
            return place[p] is g
        if g in place.values():
            return False
        if p.op != "placeholder":
            if p.op != g.op or not self._targets(p, g):
                return False
            if not (self.values(p.args, g.args, place) and self.values(p.kwargs, g.kwargs, place)):
                return False
        place[p] = g
        return True

    def _targets(self, p: Node, g: Node) -> bool:
        if p.op != "get_attr":
            return p.target == g.target
        mine, theirs = (_at(m, n.target) for m, n in ((self.pattern, p), (self.module, g)))
        return type(mine) is type(theirs) and isinstance(mine, Tensor)

    def values(self, p: Any, g: Any, place: Map) -> bool:
        """The same for arguments: nodes, numbers and containers of them."""
        if isinstance(p, Node):
            return isinstance(g, Node) and self.nodes(p, g, place)
        if isinstance(p, dict):
            return (
                isinstance(g, dict)
                and p.keys() == g.keys()
                and all(self.values(v, g[k], place) for k, v in p.items())
            )
        if isinstance(p, list | tuple):
            return (
                isinstance(g, list | tuple)
                and len(p) == len(g)
                and all(self.values(a, b, place) for a, b in zip(p, g, strict=True))
            )
        return type(p) is type(g) and bool(p == g)


def _at(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name, _ABSENT)
    return module


# ---------------------------------------------------------------- replacing


def _insertion(graph: Graph, results: list[Node], values: Map) -> Node | None:
    """The first reader of the results; None when an input comes after it, or nobody reads."""
    order = {node: i for i, node in enumerate(graph.nodes)}
    readers = sorted((u for r in results for u in r.users), key=order.__getitem__)
    if not readers or any(order[readers[0]] <= order[v] for v in values.values()):
        return None
    return readers[0]


def _erase(graph: Graph, nodes: set[Node]) -> None:
    for node in reversed(list(graph.nodes)):
        if node in nodes:
            graph.erase_node(node)


def _take_along(gm: GraphModule, replacement: Module) -> None:
    """Give `gm` the attributes that the new nodes name, and forget the submodules unread now."""
    for node in gm.graph.nodes:
        if node.op in ("call_module", "get_attr") and _at(gm, node.target) is _ABSENT:
            gm.take(node.target, _at(replacement, node.target))
    gm.delete_all_unused_submodules()
