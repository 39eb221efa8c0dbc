"""One step of a recorded program: `Node`, and the walk over the arguments of a node.

A node knows the nodes it reads (`all_input_nodes`) and those that read it (`users`); both follow
when `args` or `kwargs` is assigned. Who may call: users; the other files of this room.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..overrides import resolve_name

if TYPE_CHECKING:
    from .graph import Graph

__all__ = ["Node", "has_side_effect", "map_aggregate", "map_arg"]

OPS = (
    "placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root",
)  # fmt: skip
_effects: set[Any] = set()


def has_side_effect(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Say that calls of this function stay in a graph although nobody reads their result."""
    _effects.add(fn)
    return fn


def map_aggregate(a: Any, fn: Callable[[Any], Any]) -> Any:
    """`a` with `fn` applied to every leaf of its tuples, lists, dicts and slices."""
    if isinstance(a, tuple):
        items = [map_aggregate(e, fn) for e in a]
        return type(a)(*items) if hasattr(a, "_fields") else tuple(items)
    if isinstance(a, list):
        return [map_aggregate(e, fn) for e in a]
    if isinstance(a, dict):
        return {k: map_aggregate(v, fn) for k, v in a.items()}
    if isinstance(a, slice):
        return slice(*(map_aggregate(e, fn) for e in (a.start, a.stop, a.step)))
    return fn(a)


def map_arg(a: Any, fn: Callable[[Node], Any]) -> Any:
    """`a` with `fn` applied to every Node in it.

    Example:
        >>> import chainrule as torch
        >>> graph = torch.fx.Graph()
        >>> x = graph.placeholder("x")
        >>> torch.fx.map_arg((x, [2, x]), lambda n: n.name)
        ('x', [2, 'x'])
    """
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


def qualified_name(function: Any) -> str:
    """The dotted name of a function, torch.* for those of this package."""
    known = resolve_name(function)
    if known is not None:
        return known
    name = getattr(function, "__name__", type(function).__name__)
    if getattr(builtins, name, None) is function:
        return str(name)
    module = str(getattr(function, "__module__", None) or "builtins")
    module = "operator" if module == "_operator" else module
    package = __name__.partition(".")[0]
    if module.split(".")[0] == package:
        module = "torch" + module[len(package) :]
    return f"{module}.{name}"


def type_text(kind: Any) -> str:
    """How an annotation is written."""
    if isinstance(kind, str):
        return kind
    if not isinstance(kind, type) or hasattr(kind, "__origin__"):
        return str(kind)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    package = __name__.partition(".")[0]
    if kind.__module__.split(".")[0] in (package, "torch"):
        return f"torch.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _shown(a: Any) -> str:
    if isinstance(a, list):
        return "[" + ", ".join(map(_shown, a)) + "]"
    if isinstance(a, tuple):
        return "(" + ", ".join(map(_shown, a)) + (",)" if len(a) == 1 else ")")
    if isinstance(a, dict):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in a.items()) + "}"
    return f"%{a.name}" if isinstance(a, Node) else str(a)


class Node:
    """One step of a Graph; made by the graph's methods.

    Attributes:
        op: "placeholder", "get_attr", "call_function", "call_method", "call_module" or "output".
        target: the function, or the name of the method, module, attribute or argument.
        users: the nodes that read this one (a dict without values, in order).
        meta: anything a pass wants to keep.

    Example:
        >>> import chainrule as torch
        >>> graph = torch.fx.Graph()
        >>> x = graph.placeholder("x")
        >>> y = graph.call_function(torch.sin, (x,))
        >>> y.args, x.users, y.format_node()
        ((x,), {sin: None}, '%sin : [num_users=0] = call_function[target=torch.sin](args = (%x,), kwargs = {})')
    """  # noqa: E501

    def __init__(
        self,
        graph: Graph,
        name: str,
        op: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        return_type: Any = None,
    ) -> None:
        assert op in OPS, f"op '{op}' is not in _legal_ops"
        if op == "call_function":
            if not callable(target):
                raise ValueError(
                    f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                    f"{type(target)} but a Callable is expected"
                )
        elif not isinstance(target, str):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                f"{type(target)} but a str is expected"
            )
        self.graph, self.name, self.op, self.target = graph, name, op, target
        self.type = return_type
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._input_nodes: dict[Node, None] = {}
        self._prev = self._next = self
        self._erased = False
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        self._read(args, kwargs)

    def _read(self, args: Any, kwargs: Any) -> None:
        """Take these arguments, and tell the nodes in them who reads them."""
        for old in self._input_nodes:
            old.users.pop(self, None)
        self._input_nodes = {}

        def seen(n: Node) -> Node:
            self._input_nodes.setdefault(n)
            n.users.setdefault(self)
            return n

        self._args = map_arg(tuple(args), seen)
        self._kwargs = map_arg(dict(kwargs), seen)

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments; values, nodes, and containers of them."""
        return self._args

    @args.setter
    def args(self, a: Any) -> None:
        self._read(a, self._kwargs)

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, k: Any) -> None:
        self._read(self._args, k)

    @property
    def next(self) -> Node:
        """The node after this one."""
        return self._next

    @property
    def prev(self) -> Node:
        """The node before this one."""
        return self._prev

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes that this one reads."""
        return list(self._input_nodes)

    def update_arg(self, idx: int, arg: Any) -> None:
        """Replace one positional argument."""
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Any) -> None:
        """Insert a positional argument before that index."""
        assert 0 <= idx <= len(self.args), "insert_args index must be between 0 and len(self.args)"
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg: Any) -> None:
        """Replace one keyword argument."""
        self.kwargs = {**self.kwargs, key: arg}

    def _unlink(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev

    def prepend(self, x: Node) -> None:
        """Move `x` to the place before this node."""
        assert self.graph is x.graph, "Attempting to move a Node into a different Graph"
        if x is self:
            return
        x._unlink()
        before = self._prev
        before._next, x._prev, x._next, self._prev = x, before, self, x

    def append(self, x: Node) -> None:
        """Move `x` to the place after this node."""
        if x is not self and x is not self._next:
            self._next.prepend(x)

    def replace_all_uses_with(
        self,
        replace_with: Node,
        delete_user_cb: Callable[[Node], bool] = lambda user: True,
        *,
        propagate_meta: bool = False,
    ) -> list[Node]:
        """Let the users of this node read `replace_with`; the users that were changed.

        Args:
            replace_with: the node to read instead.
            delete_user_cb: asked for every user; False leaves it as it is.
            propagate_meta: copy `meta` to `replace_with`, which must have none.
        """
        if propagate_meta:
            assert not replace_with.meta, (
                "Called node.replace_all_uses_with(replace_with, propagate_meta=True), but "
                "replace_with already has .meta keys"
            )
            replace_with.meta.update(self.meta)
        changed = [user for user in self.users if delete_user_cb(user)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Read `new_input` wherever this node reads `old_input`."""

        def other(n: Node) -> Node:
            return new_input if n is old_input else n

        self._read(map_arg(self.args, other), map_arg(self.kwargs, other))

    def is_impure(self) -> bool:
        """Whether the step matters although nobody reads it: inputs, the output, assertions,
        in-place functions, and what `has_side_effect` names."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_module" and self.graph.owning_module is not None:
            return bool(
                getattr(self.graph.owning_module.get_submodule(self.target), "_is_impure", False)
            )
        name = self.target if isinstance(self.target, str) else qualified_name(self.target)
        if self.op not in ("call_function", "call_method"):
            return False
        in_place = name.endswith("_") and not name.startswith("operator.")
        return (
            in_place
            or name in ("torch._assert", "operator.setitem", "setattr", "__setitem__")
            or (name.startswith("operator.i") and name not in ("operator.inv", "operator.invert",
               "operator.index", "operator.is_", "operator.is_not", "operator.indexOf",
               "operator.itemgetter"))
            or any(self.target is f for f in _effects)
        )  # fmt: skip

    def format_node(self) -> str:
        """The line of this node in `str(graph)`."""
        kind = f"{type_text(self.type)} " if self.type else ""
        if self.op == "output":
            return f"return {self.args[0]}"
        start = f"%{self.name} : {kind}[num_users={len(self.users)}] = {self.op}"
        if self.op == "placeholder":
            default = f"(default={self.args[0]})" if self.args else ""
            return f"{start}[target={self.target}]{default}"
        if self.op == "get_attr":
            return f"{start}[target={self.target}]"
        return (
            f"{start}[target={self.target_text()}]"
            f"(args = {_shown(self.args)}, kwargs = {_shown(self.kwargs)})"
        )

    def target_text(self) -> str:
        """The target as a dotted name."""
        if isinstance(self.target, str):
            return self.target
        name = qualified_name(self.target)
        return name if "." in name else f"builtins.{name}"

    def __repr__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other
