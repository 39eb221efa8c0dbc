"""`torch.utils._pytree`: nested containers taken apart and put together (`core/pytree.py`).

Tuples, lists, dicts, OrderedDicts, defaultdicts, deques and named tuples are containers; everything
else is a leaf, None included, until `register_pytree_node` says how it is taken apart here.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..core import pytree
from ..core.pytree import LEAF_SPEC, Spec

__all__ = [
    "LeafSpec", "MappingKey", "PyTree", "SequenceKey", "TreeSpec", "is_namedtuple_instance",
    "keystr", "register_pytree_node", "tree_all", "tree_all_only", "tree_any", "tree_any_only",
    "tree_flatten", "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves",
    "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only", "tree_map_only_",
    "tree_map_with_path", "tree_structure", "tree_unflatten",
]  # fmt: skip

PyTree = Any


class _Node(NamedTuple):
    flatten: Callable[[Any], tuple[Any, Any]]
    unflatten: Callable[[Any, Any], Any]


_NODES: dict[type, _Node] = {}


class TreeSpec:
    """The structure of a tree.

    Attributes:
        num_leaves: how many leaves it has.
        type, context, children_specs: the container, what else it needs, and the specs below.
    """

    num_leaves: int

    def __init__(self, type: Any, context: Any, children_specs: list[TreeSpec]) -> None:
        self.type, self.context, self.children_specs = type, context, children_specs
        self.num_leaves = 1 if type is None else sum(c.num_leaves for c in children_specs)
        self.num_children = len(children_specs)

    def is_leaf(self) -> bool:
        """Whether it stands for a leaf."""
        return self.type is None

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with these leaves."""
        return tree_unflatten(leaves, self)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TreeSpec)
            and self.type is other.type
            and self.context == other.context
            and self.children_specs == other.children_specs
        )

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves, len(self.children_specs)))

    def __repr__(self, indent: int = 0) -> str:
        if self.type is None:
            return "*"
        start = f"TreeSpec({self.type.__name__}, {self.context}, ["
        inner = ",\n".join(
            (" " * (indent + 2) if i else "") + c.__repr__(indent + 2)
            for i, c in enumerate(self.children_specs)
        )
        return f"{start}{inner}])"


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    def __init__(self) -> None:
        super().__init__(None, None, [])


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Any, Any]],
    unflatten_fn: Callable[[Any, Any], Any],
    **options: Any,
) -> None:
    """Say how values of a class are taken apart by the functions of this module.

    Args:
        flatten_fn: value -> (children, context).
        unflatten_fn: (children, context) -> value.

    Raises:
        ValueError: the class is registered already.
    """
    if cls in _NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _NODES[cls] = _Node(flatten_fn, unflatten_fn)


_Stop = Callable[[Any], bool] | None


def _opened(tree: Any, is_leaf: _Stop) -> tuple[Any, Any, list[Any], list[Any]] | None:
    """(container, context, children, keys); None for a leaf."""
    if is_leaf is not None and is_leaf(tree):
        return None
    node = _NODES.get(type(tree))
    if node is not None:
        children, context = node.flatten(tree)
        children = list(children)
        return type(tree), context, children, [SequenceKey(i) for i in range(len(children))]
    opened = pytree._opened(tree)
    if opened is None:
        return None
    kind, context, children = opened
    if isinstance(tree, (dict, OrderedDict, defaultdict)):
        keys: list[Any] = [MappingKey(k) for k in tree]
    else:
        keys = [SequenceKey(i) for i in range(len(children))]
    return kind, context, list(children), keys


def tree_flatten(tree: Any, is_leaf: _Stop = None) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the structure.

    Example:
        >>> from chainrule.utils import _pytree as pytree
        >>> leaves, spec = pytree.tree_flatten({"a": [1, 2], "b": 3})
        >>> leaves, pytree.tree_unflatten([4, 5, 6], spec)
        ([1, 2, 3], {'a': [4, 5], 'b': 6})
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, is_leaf, (), lambda path, leaf: leaves.append(leaf))


def _flatten(tree: Any, is_leaf: _Stop, path: tuple[Any, ...], found: Any) -> TreeSpec:
    opened = _opened(tree, is_leaf)
    if opened is None:
        found(path, tree)
        return LeafSpec()
    kind, context, children, keys = opened
    pairs = zip(children, keys, strict=True)
    return TreeSpec(kind, context, [_flatten(c, is_leaf, (*path, k), found) for c, k in pairs])


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a structure with these leaves.

    Raises:
        ValueError: another number of leaves.
    """
    given = list(leaves)
    if len(given) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(given)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items"
        )
    return _build(iter(given), treespec)


def _build(values: Iterator[Any], spec: TreeSpec) -> Any:
    if spec.type is None:
        return next(values)
    children = [_build(values, c) for c in spec.children_specs]
    node = _NODES.get(spec.type)
    if node is not None:
        return node.unflatten(children, spec.context)
    return Spec(spec.type, spec.context, [LEAF_SPEC] * len(children)).build(children)


# ---------------------------------------------------------------- walking


def tree_leaves(tree: Any, is_leaf: _Stop = None) -> list[Any]:
    """The leaves from left to right."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: Any, is_leaf: _Stop = None) -> Iterator[Any]:
    """The leaves, one after the other."""
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree: Any, is_leaf: _Stop = None) -> TreeSpec:
    """The structure."""
    return tree_flatten(tree, is_leaf)[1]


def tree_is_leaf(tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether it is a leaf."""
    return _opened(tree, is_leaf) is None


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _Stop = None) -> Any:
    """The tree with `func` applied to its leaves (and those of trees of the same structure)."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [_children(r, spec) for r in rests]
    return tree_unflatten([func(*each) for each in zip(leaves, *others, strict=True)], spec)


def _children(tree: Any, spec: TreeSpec) -> list[Any]:
    """What stands in `tree` where `spec` has leaves."""
    if spec.type is None:
        return [tree]
    opened = _opened(tree, None)
    if opened is None or opened[0] is not spec.type or len(opened[2]) != spec.num_children:
        raise ValueError(f"Node type mismatch; expected {spec.type}, but got {type(tree)}.")
    return [x for c, s in zip(opened[2], spec.children_specs, strict=True) for x in _children(c, s)]


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _Stop = None) -> Any:
    """Call `func` on the leaves; returns the tree as it is."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _chooses(kind: Any) -> Callable[[Any], bool]:
    if isinstance(kind, (type, tuple)):
        return lambda x: isinstance(x, kind)
    return kind


def tree_map_only(
    type_or_types_or_pred: Any, /, func: Any, tree: Any, is_leaf: _Stop = None
) -> Any:
    """The tree with `func` applied to the leaves of some types; others as they are."""
    chosen = _chooses(type_or_types_or_pred)
    return tree_map(lambda x: func(x) if chosen(x) else x, tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Any, /, func: Any, tree: Any, is_leaf: _Stop = None
) -> Any:
    """Call `func` on the leaves of some types; returns the tree as it is."""
    tree_map_only(type_or_types_or_pred, func, tree, is_leaf)
    return tree


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(kind: Any, /, pred: Any, tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for every leaf of some types."""
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, kind))


def tree_any_only(kind: Any, /, pred: Any, tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for some leaf of some types."""
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, kind))


# ---------------------------------------------------------------- with the way to each leaf


class SequenceKey(NamedTuple):
    """The way to an item of a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


class MappingKey(NamedTuple):
    """The way to a value of a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"


def tree_flatten_with_path(
    tree: Any, is_leaf: _Stop = None
) -> tuple[list[tuple[tuple[Any, ...], Any]], TreeSpec]:
    """The leaves with the ways to them, and the structure."""
    found: list[tuple[tuple[Any, ...], Any]] = []
    return found, _flatten(tree, is_leaf, (), lambda path, leaf: found.append((path, leaf)))


def tree_leaves_with_path(tree: Any, is_leaf: _Stop = None) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves with the ways to them."""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _Stop = None
) -> Any:
    """The tree with `func(way, leaf)` applied to its leaves."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    others = [_children(r, spec) for r in rests]
    return tree_unflatten(
        [func(*each, *more) for each, *more in zip(found, *others, strict=True)], spec
    )


def keystr(kp: tuple[Any, ...]) -> str:
    """The way to a leaf as text: `['a'][0]`."""
    return "".join(map(str, kp))


def is_namedtuple_instance(tree: Any) -> bool:
    """Whether it is a named tuple."""
    return isinstance(tree, tuple) and hasattr(tree, "_fields")
