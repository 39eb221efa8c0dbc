"""Nested values: tuples, lists, dicts and named tuples of tensors, taken apart and put together.

`flatten(tree)` gives the leaves and a `Spec`; `spec.build(leaves)` is the way back. Everything that
is not a tuple, list, dict, OrderedDict, defaultdict, deque or named tuple is a leaf, None included
(as in `torch.utils._pytree`). Called by the transforms (`core/batch.py`, `func/`, `autograd/`).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["LEAF_SPEC", "Spec", "broadcast_prefix", "flatten", "leaves", "tree_map"]


class Spec:
    """The structure of a tree; equal when kind, keys and children are. Prints as PyTorch's.

    Attributes:
        kind: the container's class; None for a leaf.
        context: keys of a dict, the default factory and keys of a defaultdict, the class of a named
            tuple, the length limit of a deque.
        children: the specs below.
        count: how many leaves there are.
    """

    __slots__ = ("children", "context", "count", "kind")
    count: int

    def __init__(self, kind: Any, context: Any, children: Sequence[Spec]) -> None:
        self.kind, self.context, self.children = kind, context, tuple(children)
        self.count = 1 if kind is None else sum(c.count for c in self.children)

    def build(self, values: Sequence[Any]) -> Any:
        """The tree of this structure with these leaves."""
        return self._build(iter(values))

    def _build(self, values: Any) -> Any:
        if self.kind is None:
            return next(values)
        made = [c._build(values) for c in self.children]
        if self.kind is namedtuple_:
            return self.context(*made)
        if self.kind is defaultdict:
            factory, keys = self.context
            return defaultdict(factory, zip(keys, made, strict=True))
        if self.kind in (dict, OrderedDict):
            return self.kind(zip(self.context, made, strict=True))
        if self.kind is deque:
            return deque(made, self.context)
        return self.kind(made)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Spec)
            and self.kind is other.kind
            and self.context == other.context
            and self.children == other.children
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.count, self.children))

    def __repr__(self) -> str:
        return self._text(0)

    def _text(self, indent: int) -> str:
        if self.kind is None:
            return "*"
        start = f"TreeSpec({self.kind.__name__}, {self.context}, ["
        inner = ",\n".join(
            (" " * (indent + 2) if i else "") + c._text(indent + 2)
            for i, c in enumerate(self.children)
        )
        return f"{start}{inner}])"

    def short(self) -> str:
        """The structure as a Python literal with `*` for leaves: `(*, [*, *])`."""
        if self.kind is None:
            return "*"
        parts = [c.short() for c in self.children]
        if self.kind is list:
            return f"[{', '.join(parts)}]"
        if self.kind in (dict, OrderedDict):
            return (
                f"{{{', '.join(f'{k!r}: {p}' for k, p in zip(self.context, parts, strict=True))}}}"
            )
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"


class namedtuple_:  # stands for the class of all named tuples in Spec.kind
    """The kind of a named tuple."""


namedtuple_.__name__ = "namedtuple"
LEAF_SPEC = Spec(None, None, ())


def _opened(tree: Any) -> tuple[Any, Any, Sequence[Any]] | None:
    """(kind, context, children) of a container; None for a leaf."""
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind, None, tree
    if kind is dict or kind is OrderedDict:
        return kind, list(tree), list(tree.values())
    if kind is defaultdict:
        return kind, [tree.default_factory, list(tree)], list(tree.values())
    if kind is deque:
        return kind, tree.maxlen, list(tree)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return namedtuple_, kind, tree
    return None


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves from left to right, and the structure."""
    found: list[Any] = []
    return found, _flatten(tree, found)


def _flatten(tree: Any, found: list[Any]) -> Spec:
    opened = _opened(tree)
    if opened is None:
        found.append(tree)
        return LEAF_SPEC
    kind, context, children = opened
    return Spec(kind, context, [_flatten(c, found) for c in children])


def leaves(tree: Any) -> list[Any]:
    """The leaves from left to right."""
    return flatten(tree)[0]


def tree_map(f: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with `f` applied to every leaf."""
    found, spec = flatten(tree)
    return spec.build([f(v) for v in found])


def broadcast_prefix(prefix: Any, spec: Spec) -> list[Any] | None:
    """For every leaf of `spec` the leaf of `prefix` above it; None when the structures disagree."""
    found: list[Any] = []
    return found if _broadcast(prefix, spec, found) else None


def _broadcast(prefix: Any, spec: Spec, found: list[Any]) -> bool:
    opened = _opened(prefix)
    if opened is None:
        found.extend([prefix] * spec.count)
        return True
    kind, context, children = opened
    if kind is not spec.kind or context != spec.context or len(children) != len(spec.children):
        return False
    return all(_broadcast(c, s, found) for c, s in zip(children, spec.children, strict=True))
