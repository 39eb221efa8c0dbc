"""`torch.utils._pytree`: nested containers taken apart and put together.

What lives here: the public names over `core/pytree.py`, and what only they need (the ways to
leaves, `tree_map_only`, dataclasses). Tuples, lists, dicts, OrderedDicts, defaultdicts, deques,
named tuples, `torch.Size` and `torch.return_types` are containers; everything else is a leaf, None
included, until `register_pytree_node` says how it is taken apart, here and by the transforms of
`torch.func` alike. `optree` has the same functions; classes registered there are not known here.
Differs from PyTorch: no serialization of structures (they can be pickled); a registration of a
named tuple's class counts.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any

from ..core.pytree import (
    LEAF_SPEC,
    NODES,
    TreeSpec,
    broadcast_prefix,
    flatten,
    kind_of,
    register,
)
from ..core.pytree import is_namedtuple as is_namedtuple_class

__all__ = [
    "Context", "FlattenFn", "GetAttrKey", "KeyEntry", "KeyPath", "LeafSpec", "MappingKey",
    "PyTree", "PyTreeSpec", "SequenceKey", "TreeSpec", "UnflattenFn", "arg_tree_leaves",
    "is_constant_class", "is_namedtuple", "is_namedtuple_class", "is_namedtuple_instance",
    "is_structseq", "is_structseq_class", "is_structseq_instance", "key_get", "keystr", "map_only",
    "register_constant", "register_dataclass", "register_pytree_node", "tree_all", "tree_all_only",
    "tree_any", "tree_any_only", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf",
    "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only",
    "tree_map_only_", "tree_map_with_path", "tree_structure", "tree_unflatten", "treespec_dict",
    "treespec_leaf", "treespec_pprint", "treespec_tuple",
]  # fmt: skip

PyTree = Any
Context = Any
FlattenFn = Callable[[Any], tuple[list[Any], Any]]
UnflattenFn = Callable[[Iterable[Any], Any], Any]
PyTreeSpec = TreeSpec
_Stop = Callable[[Any], bool] | None

# ---------------------------------------------------------------- the way to a leaf


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """The way to an item of a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Sequence[Any]) -> Any:
        """The item."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """The way to a value of a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Mapping[Any, Any]) -> Any:
        """The value."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """The way to an attribute, such as a field of a named tuple."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """The attribute."""
        return getattr(obj, self.name)


KeyEntry = Any
KeyPath = tuple[Any, ...]
_Keys = Callable[[Any], list[Any]]
_WITH_KEYS: dict[Any, _Keys] = {
    namedtuple: lambda t: [GetAttrKey(n) for n in t._fields],
    **{kind: lambda t: [MappingKey(k) for k in t] for kind in (dict, OrderedDict, defaultdict)},
}


def keystr(kp: KeyPath) -> str:
    """The way to a leaf as text: `['a'][0].b`."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What stands at the end of a way."""
    for k in kp:
        obj = k.get(obj)
    return obj


def _keys(tree: Any, kind: Any, count: int) -> list[Any]:
    with_keys = _WITH_KEYS.get(kind)
    if with_keys is not None:
        return with_keys(tree)
    if kind in _USERS:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {kind}. Please pass a "
            "flatten_with_keys_fn argument to register_pytree_node."
        )
    return [SequenceKey(i) for i in range(count)]


# ---------------------------------------------------------------- classes made containers

_USERS: set[type] = set()
_CONSTANTS: set[type] = set()


def register_pytree_node(
    cls: type,
    flatten_fn: FlattenFn,
    unflatten_fn: UnflattenFn,
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Callable[[Any], Any] | None = None,
    from_dumpable_context: Callable[[Any], Any] | None = None,
    flatten_with_keys_fn: Callable[[Any], tuple[list[tuple[Any, Any]], Any]] | None = None,
) -> None:
    """Say how values of a class are taken apart, by this module and by `torch.func`.

    Args:
        cls: the class itself; derived classes stay leaves.
        flatten_fn: value -> (children, context).
        unflatten_fn: (children, context) -> value.
        serialized_type_name, to_dumpable_context, from_dumpable_context: taken as PyTorch takes
            them; nothing here serializes a structure.
        flatten_with_keys_fn: value -> (pairs of a key and a child, context), for the functions
            that tell the way to each leaf.

    Raises:
        ValueError: the class is registered already.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils import _pytree as pytree
        >>> class Pair:
        ...     def __init__(self, a, b):
        ...         self.a, self.b = a, b
        >>> pytree.register_pytree_node(Pair, lambda p: ([p.a, p.b], None), lambda ab, _: Pair(*ab))
        >>> torch.func.grad(lambda p: p.a * p.b)(Pair(torch.tensor(2.0), torch.tensor(3.0))).a
        tensor(3.)
    """
    register(cls, flatten_fn, unflatten_fn)
    _USERS.add(cls)
    if flatten_with_keys_fn is not None:
        _WITH_KEYS[cls] = lambda value: [k for k, _ in flatten_with_keys_fn(value)[0]]


def register_dataclass(
    cls: type,
    *,
    field_names: list[str] | None = None,
    drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:
    """Make a dataclass a container of its fields; those that are None stay out of the leaves.

    Args:
        cls: a dataclass, or with `field_names` any class whose constructor takes them by name.
        field_names: the fields that are children; by default all that the constructor takes.
        drop_field_names: fields that are left out, and so have their defaults when put together.
        serialized_type_name: taken as PyTorch takes it.

    Raises:
        ValueError: neither a dataclass nor `field_names`; the two lists are not all fields.

    Example:
        >>> import dataclasses
        >>> import chainrule as torch
        >>> from chainrule.utils import _pytree as pytree
        >>> Point = dataclasses.make_dataclass("Point", ["x", "y"])
        >>> pytree.register_dataclass(Point)
        >>> pytree.tree_map(lambda v: v + 1, Point(1, 2))
        Point(x=2, y=3)
    """
    names = _fields(cls, field_names, drop_field_names or [])

    def opened(value: Any) -> tuple[list[Any], Any]:
        there = [n for n in names if getattr(value, n) is not None]
        empty = [n for n in names if getattr(value, n) is None]
        return [getattr(value, n) for n in there], [there, empty]

    def build(children: Iterable[Any], context: Any) -> Any:
        return cls(**dict(zip(context[0], children, strict=True)), **dict.fromkeys(context[1]))

    def with_keys(value: Any) -> tuple[list[tuple[Any, Any]], Any]:
        children, context = opened(value)
        return [(GetAttrKey(n), c) for n, c in zip(context[0], children, strict=True)], context

    register_pytree_node(cls, opened, build, flatten_with_keys_fn=with_keys)


def _fields(cls: type, chosen: list[str] | None, dropped: list[str]) -> list[str]:
    if not dataclasses.is_dataclass(cls):
        if chosen is None:
            raise ValueError(
                "field_names must be specified with a list of all fields used to initialize "
                f"{cls}, as it is not a dataclass."
            )
        return chosen
    fields = [f.name for f in dataclasses.fields(cls) if f.init]
    if chosen is None:
        chosen = [n for n in fields if n not in dropped]
    missing, extra = set(fields) - {*chosen, *dropped}, {*chosen, *dropped} - set(fields)
    if missing:
        raise ValueError(
            "field_names does not include all dataclass fields.\n"
            f"Missing fields in `field_names`: {missing}. If you want to include these fields in "
            "the pytree, please add them to `field_names`, otherwise please add them to "
            "`drop_field_names`."
        )
    if extra:
        raise ValueError(
            "field_names includes fields that are not fields of the dataclass.\n"
            f"Extra fields: {extra}"
        )
    return chosen


@dataclasses.dataclass(frozen=True)
class _Constant:
    value: Any


def register_constant(cls: type) -> None:
    """Make values of a class part of the structure: containers without leaves.

    Raises:
        TypeError: the class does not say when two values are equal, or has no hash.
    """
    if cls.__eq__ is object.__eq__:
        raise TypeError(
            "register_constant(cls) expects `cls` to have a non-default `__eq__` implementation."
        )
    if cls.__hash__ is None:
        raise TypeError(
            "register_constant(cls) expects `cls` to have a non-default `__hash__` implementation."
        )
    register_pytree_node(
        cls,
        lambda value: ([], _Constant(value)),
        lambda _, context: context.value,
        flatten_with_keys_fn=lambda value: ([], _Constant(value)),
    )
    _CONSTANTS.add(cls)


def is_constant_class(cls: type) -> bool:
    """Whether `register_constant` was called with it."""
    return cls in _CONSTANTS


# ---------------------------------------------------------------- structures


class _LeafSpec(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, TreeSpec) and value.is_leaf()


class LeafSpec(TreeSpec, metaclass=_LeafSpec):
    """The structure of a leaf; `treespec.is_leaf()` tells it."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, None, ())


def treespec_leaf() -> TreeSpec:
    """The structure of a leaf."""
    return LEAF_SPEC


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The structure of a tuple of values of these structures."""
    specs = list(iterable)
    if not all(isinstance(s, TreeSpec) for s in specs):
        raise ValueError(f"Expected a tuple of TreeSpec values, got: {specs}.")
    return TreeSpec(tuple, None, specs)


def treespec_dict(mapping: Any = (), /, **kwargs: TreeSpec) -> TreeSpec:
    """The structure of a dict of values of these structures."""
    specs = dict(mapping, **kwargs)
    if not all(isinstance(s, TreeSpec) for s in specs.values()):
        raise ValueError(f"Expected a dictionary of TreeSpec values, got: {specs}.")
    return TreeSpec(dict, list(specs), list(specs.values()))


def treespec_pprint(treespec: TreeSpec) -> str:
    """The structure as the tree with `*` for its leaves."""
    return treespec.short()


def is_namedtuple(obj: Any) -> bool:
    """Whether it is a named tuple or the class of one."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_instance(obj: Any) -> bool:
    """Whether it is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_structseq(obj: Any) -> bool:
    """Whether it is a struct sequence (`torch.return_types`, `time.struct_time`) or the class."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls: type) -> bool:
    """Whether a class is one of struct sequences."""
    return issubclass(cls, tuple) and hasattr(cls, "n_fields") and cls is not tuple


def is_structseq_instance(obj: Any) -> bool:
    """Whether it is a struct sequence."""
    return is_structseq_class(type(obj))


# ---------------------------------------------------------------- taking apart


def tree_flatten(tree: Any, is_leaf: _Stop = None) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the structure.

    Args:
        is_leaf: says of a container whether it is a leaf all the same.

    Example:
        >>> from chainrule.utils import _pytree as pytree
        >>> leaves, spec = pytree.tree_flatten({"a": [1, 2], "b": None})
        >>> leaves, pytree.tree_unflatten([4, 5, 6], spec)
        ([1, 2, None], {'a': [4, 5], 'b': 6})
    """
    return flatten(tree, is_leaf)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a structure with these leaves.

    Raises:
        ValueError: another number of leaves.
        TypeError: `treespec` is no structure.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            "Expected `treespec` to be an instance of PyTreeSpec but got item of type "
            f"{type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: _Stop = None) -> list[Any]:
    """The leaves from left to right."""
    return flatten(tree, is_leaf)[0]


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list[Any]:
    """The leaves of the arguments of a call."""
    return tree_leaves((args, kwargs))


def tree_iter(tree: Any, is_leaf: _Stop = None) -> Iterator[Any]:
    """The leaves, one after the other."""
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree: Any, is_leaf: _Stop = None) -> TreeSpec:
    """The structure."""
    return flatten(tree, is_leaf)[1]


def tree_is_leaf(tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether it is a leaf."""
    return (is_leaf is not None and is_leaf(tree)) or kind_of(tree) is None


def tree_flatten_with_path(
    tree: Any, is_leaf: _Stop = None
) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """The leaves with the ways to them, and the structure.

    Raises:
        ValueError: a class was registered without `flatten_with_keys_fn`.
    """
    return list(_ways(tree, is_leaf, ())), tree_structure(tree, is_leaf)


def _ways(tree: Any, is_leaf: _Stop, way: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if tree_is_leaf(tree, is_leaf):
        yield way, tree
        return
    kind = kind_of(tree)
    children = list(NODES[kind].open(tree)[0])
    for key, child in zip(_keys(tree, kind, len(children)), children, strict=True):
        yield from _ways(child, is_leaf, (*way, key))


def tree_leaves_with_path(tree: Any, is_leaf: _Stop = None) -> list[tuple[KeyPath, Any]]:
    """The leaves with the ways to them."""
    return list(_ways(tree, is_leaf, ()))


def _broadcast_to_and_flatten(
    tree: Any, treespec: TreeSpec, is_leaf: _Stop = None
) -> list[Any] | None:
    """For every leaf of a structure what stands above it in `tree`, a prefix of it."""
    return broadcast_prefix(tree, treespec)


# ---------------------------------------------------------------- functions of leaves


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _Stop = None) -> Any:
    """The tree with `func` applied to its leaves (and what stands there in trees beside it).

    Raises:
        ValueError: a tree beside it has another structure.

    Example:
        >>> from chainrule.utils import _pytree as pytree
        >>> pytree.tree_map(lambda a, b: a + b, {"x": 1, "y": (2,)}, {"y": (3,), "x": 4})
        {'x': 5, 'y': (5,)}
    """
    leaves, spec = flatten(tree, is_leaf)
    return spec.unflatten(map(func, leaves, *(spec.flatten_up_to(r) for r in rests)))


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _Stop = None) -> Any:
    """Call `func` on the leaves; returns the tree as it is."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_with_path(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: _Stop = None
) -> Any:
    """The tree with `func(way, leaf)` applied to its leaves."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    ways, leaves = [w for w, _ in found], [v for _, v in found]
    return spec.unflatten(map(func, ways, leaves, *(spec.flatten_up_to(r) for r in rests)))


def _chooses(kind: Any) -> Callable[[Any], bool]:
    if isinstance(kind, type | tuple | UnionType):
        return lambda x: isinstance(x, kind)
    if callable(kind):
        return kind
    raise TypeError("Argument must be a type, a tuple of types, or a callable.")


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Any], Any]:
    """A decorator: the function, and for arguments of other types the argument as it is."""
    chosen = _chooses(type_or_types_or_pred)
    return lambda func: lambda x: func(x) if chosen(x) else x


def tree_map_only(
    type_or_types_or_pred: Any, /, func: Any, tree: Any, is_leaf: _Stop = None
) -> Any:
    """The tree with `func` applied to the leaves of some types; others as they are.

    Args:
        type_or_types_or_pred: a class, a tuple or union of classes, or a function that says which.

    Raises:
        TypeError: it is none of these.
    """
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Any, /, func: Any, tree: Any, is_leaf: _Stop = None
) -> Any:
    """Call `func` on the leaves of some types; returns the tree as it is."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(type_or_types: Any, /, pred: Any, tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for every leaf of some types."""
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types: Any, /, pred: Any, tree: Any, is_leaf: _Stop = None) -> bool:
    """Whether `pred` holds for some leaf of some types."""
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))
