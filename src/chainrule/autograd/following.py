"""Interpreters that let every op pass and look at what it recorded.

`Follower` is what saved-tensor hooks, anomaly mode, the profiler and memory reports are made of:
it evaluates the op one level down and is then shown the node, if there is a new one. While none
of these is on, nothing of this runs. Called by `autograd/`.
"""

from __future__ import annotations

from typing import Any

from .. import errors
from ..core.interpreter import Interpreter, below
from ..core.node import Node, Output
from ..core.tensor import Tensor

__all__ = ["Follower", "Lines", "line_of", "new_node"]


class Follower(Interpreter):
    """Evaluates each op below and calls `made(node, prim, out)` when it was recorded."""

    follows = True

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        with below(self):
            out = prim.call(*inputs, params=params)
        node = new_node(prim, out)
        if node is not None:
            self.made(node, prim, out)
        return out

    def made(self, node: Node, prim: Any, out: Any) -> None:
        """Look at the node that `prim` has just made."""


def new_node(prim: Any, out: Any) -> Node | None:
    """The node that one call of `prim` hung on its result; None if it recorded nothing."""
    for t in out if isinstance(out, (tuple, list)) else (out,):
        if isinstance(t, Tensor) and not t._wrapped:
            node = t._node.node if type(t._node) is Output else t._node
            made_by = getattr(node, "prim", None)
            if made_by is not None and (made_by is prim or getattr(made_by, "plain", None) is prim):
                return node
    return None


class Lines(Follower):
    """Notes at every node the line of the user's program that made it."""

    def made(self, node: Node, prim: Any, out: Any) -> None:
        node.metadata.setdefault("line_", errors.user_location())


def line_of(node: Node) -> str:
    """`line 12 of script.py` where the line of a node is known; empty elsewhere."""
    return errors.line_of(node.metadata.get("line_"))
