"""Nested values: tuples, lists, dicts and named tuples of tensors, taken apart and put together.

`flatten(tree)` gives the leaves and a `TreeSpec`; `spec.build(leaves)` is the way back. Containers
are what `NODES` names (`register` adds to it) and named tuples; everything else is a leaf, None
included (as in `torch.utils._pytree`, which is this file under PyTorch's names). Called by the
transforms (`core/batch.py`, `func/`, `autograd/`), so what a user registers they take apart too.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .tensor import Size

__all__ = [
    "LEAF_SPEC", "NODES", "Container", "TreeSpec", "broadcast_prefix", "flatten", "is_namedtuple",
    "leaves", "register", "tree_map",
]  # fmt: skip


class Container(NamedTuple):
    """How the values of a class are taken apart.

    Attributes:
        open: value -> (children, context).
        build: (children, context) -> value.
    """

    open: Callable[[Any], tuple[Sequence[Any], Any]]
    build: Callable[[list[Any], Any], Any]


NODES: dict[Any, Container] = {
    tuple: Container(lambda t: (t, None), lambda made, _: tuple(made)),
    Size: Container(lambda t: (t, None), lambda made, _: tuple(made)),  # no Size comes back
    list: Container(lambda t: (t, None), lambda made, _: made),
    dict: Container(
        lambda t: (list(t.values()), list(t)), lambda made, keys: dict(zip(keys, made, strict=True))
    ),
    OrderedDict: Container(
        lambda t: (list(t.values()), list(t)),
        lambda made, keys: OrderedDict(zip(keys, made, strict=True)),
    ),
    defaultdict: Container(
        lambda t: (list(t.values()), [t.default_factory, list(t)]),
        lambda made, c: defaultdict(c[0], zip(c[1], made, strict=True)),
    ),
    deque: Container(lambda t: (list(t), t.maxlen), lambda made, limit: deque(made, limit)),
    # the function `namedtuple` stands for the class of all named tuples, as in PyTorch
    namedtuple: Container(lambda t: (t, type(t)), lambda made, kind: kind(*made)),
}


def register(
    cls: type,
    open_: Callable[[Any], tuple[Sequence[Any], Any]],
    build: Callable[[list[Any], Any], Any],
) -> None:
    """Make a class a container.

    Raises:
        ValueError: it is one already.
    """
    if cls in NODES:
        raise ValueError(f"{cls!r} is already registered as pytree node.")
    NODES[cls] = Container(open_, build)


class TreeSpec:
    """The structure of a tree; equal when type, context and children are. Prints as PyTorch's.

    Attributes:
        type: the container's class; `collections.namedtuple` for every named tuple, None for a
            leaf.
        context: what else it needs: keys of a dict, the default factory and keys of a defaultdict,
            the class of a named tuple, the length limit of a deque.
        num_leaves, num_nodes, num_children: how many leaves, how many leaves and containers, how
            many values directly below.
    """

    __slots__ = ("_children", "context", "num_leaves", "num_nodes", "type")
    num_leaves: int
    num_nodes: int

    def __init__(self, type: Any, context: Any, children_specs: Iterable[TreeSpec]) -> None:
        self.type, self.context, self._children = type, context, tuple(children_specs)
        leaves, nodes = int(type is None), 1
        for c in self._children:
            leaves += c.num_leaves
            nodes += c.num_nodes
        self.num_leaves, self.num_nodes = leaves, nodes

    @property
    def num_children(self) -> int:
        """How many values the container has."""
        return len(self._children)

    def is_leaf(self) -> bool:
        """Whether it stands for a leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """The structures of the values below."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """The structure of one value below."""
        return self.children()[index]

    @property
    def children_specs(self) -> list[TreeSpec]:
        """The structures of the values below, under the name of older programs."""
        warnings.warn(
            "`treespec.children_specs` is deprecated. Use `treespec.child(index)` to access a "
            "single child, or `treespec.children()` to get all children.",
            FutureWarning,
            stacklevel=2,
        )
        return self.children()

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with these leaves.

        Raises:
            ValueError: another number of leaves.
        """
        given = list(leaves)
        if len(given) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(given)} but the spec "
                f"refers to a pytree that holds {self.num_leaves} items ({self})."
            )
        return self.build(given)

    def build(self, values: Sequence[Any]) -> Any:
        """The tree of this structure with these leaves, which are as many as they must be."""
        if self.type is None:
            return values[0]
        if self.num_nodes == self.num_leaves + 1:  # nothing but leaves below
            return NODES[self.type].build(list(values), self.context)
        return self._build(iter(values))

    def _build(self, values: Iterator[Any]) -> Any:
        if self.type is None:
            return next(values)
        made = [next(values) if c.type is None else c._build(values) for c in self._children]
        return NODES[self.type].build(made, self.context)

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """What stands in `tree` where this structure has leaves.

        Raises:
            ValueError: `tree` has another structure above them.
        """
        if self.type is None:
            return [tree]
        below = zip(self._children, _children_as(self, tree), strict=True)
        return [x for spec, child in below for x in spec.flatten_up_to(child)]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TreeSpec)
            and self.type is other.type
            and self.context == other.context
            and self._children == other._children
        )

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves, self._children))

    def __repr__(self) -> str:
        return self._text(0)

    def _text(self, indent: int) -> str:
        if self.type is None:
            return "*"
        start = f"TreeSpec({self.type.__name__}, {self.context}, ["
        inner = ",\n".join(
            (" " * (indent + 2) if i else "") + c._text(indent + 2)
            for i, c in enumerate(self._children)
        )
        return f"{start}{inner}])"

    def short(self) -> str:
        """The tree with `*` for its leaves: `(*, [*, *])`."""
        return repr(self.build([_STAR] * self.num_leaves))


class _Star:
    def __repr__(self) -> str:
        return "*"


_STAR = _Star()
LEAF_SPEC = TreeSpec(None, None, ())

# ---------------------------------------------------------------- taking apart


def is_namedtuple(kind: type) -> bool:
    """Whether a class was made by `collections.namedtuple` or derives from such a one."""
    fields = getattr(kind, "_fields", None)
    return issubclass(kind, tuple) and type(fields) is tuple and hasattr(kind, "_make")


def kind_of(tree: Any) -> Any:
    """The key in NODES of a container; None for a leaf."""
    kind = type(tree)
    if kind in NODES:
        return kind
    if isinstance(tree, tuple):
        if is_namedtuple(kind):
            return namedtuple
        if hasattr(kind, "n_fields"):  # one of torch.return_types
            register(kind, lambda values: (values, None), lambda parts, _: kind(parts))
            return kind
    return None


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the structure.

    Args:
        is_leaf: says of a value whether it is a leaf although it is a container.
    """
    found: list[Any] = []
    return found, _flatten(tree, found, is_leaf)


def _flatten(tree: Any, found: list[Any], is_leaf: Callable[[Any], bool] | None) -> TreeSpec:
    kind = kind_of(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        found.append(tree)
        return LEAF_SPEC
    children, context = NODES[kind].open(tree)
    specs, flat = [], context is None
    for c in children:
        if type(c) not in NODES and not isinstance(c, tuple):
            found.append(c)
            specs.append(LEAF_SPEC)
        else:
            specs.append(_flatten(c, found, is_leaf))
            flat = flat and specs[-1] is LEAF_SPEC
    return _spec_of(kind, len(specs)) if flat else TreeSpec(kind, context, specs)


@lru_cache(maxsize=256)
def _spec_of(kind: Any, count: int) -> TreeSpec:
    """The structure of a container of leaves that has no context."""
    return TreeSpec(kind, None, [LEAF_SPEC] * count)


def leaves(tree: Any) -> list[Any]:
    """The leaves from left to right."""
    return flatten(tree)[0]


def tree_map(f: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with `f` applied to every leaf."""
    found, spec = flatten(tree)
    return spec.build([f(v) for v in found])


# ---------------------------------------------------------------- one tree beside another


def broadcast_prefix(prefix: Any, spec: TreeSpec) -> list[Any] | None:
    """For every leaf of `spec` the leaf of `prefix` above it; None when the structures disagree."""
    found: list[Any] = []
    return found if _broadcast(prefix, spec, found) else None


def _broadcast(prefix: Any, spec: TreeSpec, found: list[Any]) -> bool:
    kind = kind_of(prefix)
    if kind is None:
        found.extend([prefix] * spec.num_leaves)
        return True
    if kind is not spec.type:
        return False
    children, context = NODES[kind].open(prefix)
    if context != spec.context or len(children) != len(spec._children):
        return False
    for c, s in zip(children, spec._children, strict=True):
        if type(c) not in NODES and not isinstance(c, tuple):
            found.extend([c] * s.num_leaves)
        elif not _broadcast(c, s, found):
            return False
    return True


_DICTS = (dict, OrderedDict, defaultdict)
_BUILTIN = (tuple, list, *_DICTS, deque, namedtuple)


def _children_as(spec: TreeSpec, tree: Any) -> list[Any]:
    """The values of a container that must be of the structure's type; of a dict in its order."""
    kind = kind_of(tree)
    dicts = kind in _DICTS and spec.type in _DICTS
    if kind is not spec.type and not dicts:
        what = "Node type" if spec.type in _BUILTIN else "Type"
        raise ValueError(
            f"{what} mismatch; expected {spec.type!r}, but got {kind or type(tree)!r}."
        )
    opened, context = NODES[kind].open(tree)
    children = list(opened)
    if len(children) != spec.num_children:
        raise ValueError(
            f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}."
        )
    if dicts:
        return _by_key(spec, tree)
    if kind not in _BUILTIN and context != spec.context:
        raise ValueError(f"Node context mismatch for custom node type {spec.type!r}.")
    if context != spec.context and kind is not deque:
        raise ValueError(
            f"Node context mismatch for node type {spec.type!r}; expected {spec.context!r}, "
            f"but got {context!r}."
        )
    return children


def _by_key(spec: TreeSpec, tree: Any) -> list[Any]:
    keys = spec.context[1] if spec.type is defaultdict else spec.context
    missing, extra = set(keys) - set(tree), set(tree) - set(keys)
    if missing:
        raise ValueError(f"Node keys mismatch; missing key(s): {missing}; extra key(s): {extra}.")
    return [tree[k] for k in keys]
