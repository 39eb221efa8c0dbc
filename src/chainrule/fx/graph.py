"""`Graph`: a recorded program, a list of nodes that read each other.

What lives here: making, placing, erasing and checking nodes, and their names. Who may call: users;
the tracer. The nodes are a ring through `_root`, which is no step, so that inserting and erasing
cost the same everywhere.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import _codegen
from .node import Node, map_aggregate, map_arg, qualified_name

__all__ = ["Graph", "PythonCode"]
PythonCode = _codegen.PythonCode


def _taken(name: str, target: Any) -> bool:
    """Whether generated code may not use this name for a value."""
    if name in keyword.kwlist or name in _codegen.GLOBALS:
        return True
    return hasattr(builtins, name) and getattr(builtins, name) is not target


class _Names:
    """Gives every node a name of its own."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.count: dict[str, int] = {}

    def new(self, candidate: str) -> str:
        candidate = re.sub(r"[^0-9a-zA-Z_]+", "_", candidate) or "_unnamed"
        if candidate[0].isdigit():
            candidate = f"_{candidate}"
        match = re.match(r"(.*)_(\d+)$", candidate)
        base, number = (match[1], int(match[2])) if match else (candidate, None)
        if not base:
            base, number = candidate, None
        name = candidate
        counted = self.count.get(base, 0)
        while name in self.used or _taken(name, None):
            counted = max(counted, number or 0) + 1
            number = None
            name = f"{base}_{counted}"
        self.used.add(name)
        self.count[base] = counted if number is None else max(counted, number)
        return name


class _Place:
    """Stands for a node in a pickle: its number."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Path:
    """Stands for a function of this package in a pickle: where it is."""

    def __init__(self, path: str) -> None:
        self.path = path


def _written(target: Any) -> Any:
    """A target as a pickle holds it; a function that has no name fails to be pickled."""
    if isinstance(target, str):
        return target
    path = qualified_name(target)
    there = path.startswith("torch.") and _codegen.public(path) is target
    return _Path(path) if there else target


def _unpickled(tracer_cls: Any, steps: list[Any]) -> Graph:
    graph = Graph(tracer_cls=tracer_cls)
    made: list[Node] = []

    def node(a: Any) -> Any:
        return made[a.number] if isinstance(a, _Place) else a

    for op, target, args, kwargs, name, kind in steps:
        args, kwargs = map_aggregate(args, node), map_aggregate(kwargs, node)
        target = _codegen.public(target.path) if isinstance(target, _Path) else target
        made.append(graph.create_node(op, target, args, kwargs, name, kind))
    return graph


class _Nodes:
    """The nodes of a graph in order; `reversed`, `len` and iteration."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __len__(self) -> int:
        return self.graph._len

    def __iter__(self) -> Iterator[Node]:
        return self._walk("_next")

    def __reversed__(self) -> Iterator[Node]:
        return self._walk("_prev")

    def _walk(self, step: str) -> Iterator[Node]:
        root = self.graph._root
        node = getattr(root, step)
        while node is not root:
            if not node._erased:
                yield node
            node = getattr(node, step)


class Graph:
    """A program as a list of nodes.

    Args:
        owning_module: the GraphModule whose graph this is.

    Attributes:
        nodes: the nodes in order.

    Example:
        >>> import chainrule as torch
        >>> graph = torch.fx.Graph()
        >>> x = graph.placeholder("x")
        >>> y = graph.call_function(torch.sin, (x,))
        >>> out = graph.output(y)
        >>> print(graph)
        graph():
            %x : [num_users=1] = placeholder[target=x]
            %sin : [num_users=1] = call_function[target=torch.sin](args = (%x,), kwargs = {})
            return sin
        >>> with graph.inserting_after(x):
        ...     twice = graph.call_method("mul", (x, 2))
        >>> y.args = (twice,)
        >>> torch.fx.GraphModule(torch.nn.Module(), graph)(torch.zeros(2))
        tensor([0., 0.])
    """

    def __init__(self, owning_module: Any = None, tracer_cls: Any = None) -> None:
        self._tracer_cls = tracer_cls
        self._root = Node(self, "", "root", "", (), {})
        self._len = 0
        self._names = _Names()
        self._insert: Callable[[Node], None] = self._root.prepend
        self.owning_module = owning_module

    @property
    def nodes(self) -> _Nodes:
        """The nodes in order."""
        return _Nodes(self)

    # ------------------------------------------------------------ making nodes

    def create_node(
        self,
        op: str,
        target: Any,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        """Add a node at the point of insertion, which is the end if nothing else is said.

        Args:
            op: one of the words at `Node.op`.
            target: the function, or the name of a method, module, attribute or argument.
            args: the positional arguments.
            kwargs: the keyword arguments.
            name: a wish; made unique.
            type_expr: the annotation of the value.
        """
        if name is None:
            word = target if isinstance(target, str) else getattr(target, "__name__", "function")
            if word.startswith("__") and word.endswith("__"):
                word = word[2:-2]
            name = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", word).lower()
        for value in ((args or ()), (kwargs or {})):
            map_arg(value, self._check_mine)
        node = Node(self, self._names.new(name), op, target, args or (), kwargs or {}, type_expr)
        self._insert(node)
        self._len += 1
        return node

    def _check_mine(self, node: Node) -> Node:
        if node._erased:
            raise RuntimeError(f"Node {node} was erased from its graph and cannot be used")
        return node

    def placeholder(self, name: str, type_expr: Any = None, default_value: Any = ...) -> Node:
        """Add an input of the program."""
        args = () if default_value is ... else (default_value,)
        return self.create_node("placeholder", name, args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr: Any = None) -> Node:
        """Add the reading of a parameter, buffer or other attribute of the module."""
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_function(
        self,
        the_function: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        type_expr: Any = None,
        name: str | None = None,
    ) -> Node:
        """Add the call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name, type_expr)

    def call_method(
        self,
        method_name: str,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        type_expr: Any = None,
    ) -> Node:
        """Add the call of a method of `args[0]`."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_module(
        self,
        module_name: str,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        type_expr: Any = None,
    ) -> Node:
        """Add the call of a submodule, named by its path."""
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def output(self, result: Any, type_expr: Any = None) -> Node:
        """Add the end of the program and what it returns."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def node_copy(self, node: Node, arg_transform: Callable[[Node], Any] = lambda x: x) -> Node:
        """Add a copy of a node, of another graph as a rule.

        Args:
            node: the node.
            arg_transform: from a node that it reads to the one that the copy reads.
        """
        copied = self.create_node(
            node.op, node.target, map_arg(node.args, arg_transform),
            map_arg(node.kwargs, arg_transform), node.name, node.type,
        )  # fmt: skip
        copied.meta = dict(node.meta)
        return copied

    def graph_copy(
        self, g: Graph, val_map: dict[Node, Node], return_output_node: bool = False
    ) -> Any:
        """Add copies of all nodes of `g` but its output; what that returned, in copies."""
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], lambda n: val_map[n])
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def __deepcopy__(self, memo: Any = None) -> Graph:
        copied = Graph(tracer_cls=self._tracer_cls)
        values: dict[Node, Node] = {}
        for node in self.nodes:
            values[node] = copied.node_copy(node, lambda n: values[n])
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        place = {node: i for i, node in enumerate(self.nodes)}

        def numbered(a: Any) -> Any:
            return map_arg(a, lambda n: _Place(place[n]))

        steps = [
            (n.op, _written(n.target), numbered(n.args), numbered(n.kwargs), n.name, n.type)
            for n in self.nodes
        ]
        return _unpickled, (self._tracer_cls, steps)

    # ------------------------------------------------------------ where they go

    @contextmanager
    def _inserting(self, place: Callable[[Node], None]) -> Iterator[None]:
        before, self._insert = self._insert, place
        try:
            yield
        finally:
            self._insert = before

    def inserting_before(self, n: Node | None = None) -> Any:
        """`with graph.inserting_before(n):` new nodes go before `n` (the start without one)."""
        if n is None:
            return self.inserting_after(self._root)
        assert n.graph is self, "Node to insert before is not in graph."
        return self._inserting(n.prepend)

    def inserting_after(self, n: Node | None = None) -> Any:
        """`with graph.inserting_after(n):` new nodes go after `n`, in the order they are made."""
        if n is None:
            return self.inserting_before(self._root)
        assert n.graph is self, "Node to insert after is not in graph."
        return self._inserting(n.next.prepend)

    def erase_node(self, to_erase: Node) -> None:
        """Take out a node that nobody reads."""
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in "
                f"the graph: {to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            return
        to_erase.args, to_erase.kwargs = (), {}
        to_erase._unlink()
        to_erase._erased = True
        self._len -= 1

    # ------------------------------------------------------------ questions and passes

    def output_node(self) -> Node:
        """The output node."""
        return next(n for n in reversed(self.nodes) if n.op == "output")

    def find_nodes(self, *, op: str, target: Any = None) -> list[Node]:
        """The nodes of this kind and, where it is given, of this target."""
        return [n for n in self.nodes if n.op == op and (target is None or n.target == target)]

    def eliminate_dead_code(self, is_impure_node: Callable[[Node], bool] | None = None) -> bool:
        """Erase the nodes that nobody reads and that do nothing else; whether there were any."""
        self.lint()
        impure = is_impure_node or Node.is_impure
        dead = 0
        for node in reversed(self.nodes):
            if not node.users and not impure(node):
                self.erase_node(node)
                dead += 1
        return dead > 0

    def lint(self) -> None:
        """Check that names differ, that every node reads only earlier nodes of this graph, and
        that the targets exist in the module.

        Raises:
            RuntimeError: what is wrong.
        """
        seen: set[Node] = set()
        names: set[str] = set()

        def check(arg: Node, node: Node) -> None:
            if arg.graph is not self:
                raise RuntimeError(
                    f"Argument '{arg}' of Node '{node}' does not belong to this Graph, but was "
                    "used as an argument! If you are copying nodes from another graph, make sure "
                    "to use ``arg_transform`` on node_copy() to remap values\n"
                    f"{self}"
                )
            if arg not in seen:
                raise RuntimeError(
                    f"Argument '{arg}' of Node '{node}' was used before it has been defined! "
                    f"Please check that Nodes in the graph are topologically ordered\n{self}"
                )

        for node in self.nodes:
            for arg in node.all_input_nodes:
                check(arg, node)
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            seen.add(node)
            names.add(node.name)
            if self.owning_module is not None and node.op in ("get_attr", "call_module"):
                self._check_target(node)

    def _check_target(self, node: Node) -> None:
        found = self.owning_module
        for i, name in enumerate(node.target.split(".")):
            if not hasattr(found, name):
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {name} of "
                    f"{'.'.join(node.target.split('.')[:i])}"
                )
            found = getattr(found, name)

    # ------------------------------------------------------------ as text

    def python_code(self, root_module: str) -> PythonCode:
        """The program as the source of `forward`, with the globals it needs.

        Args:
            root_module: the name for the module in the code, "self" as a rule.
        """
        return _codegen.python_code(self.nodes, root_module)

    def print_tabular(self) -> None:
        """Print the nodes as a table."""
        rows = [["opcode", "name", "target", "args", "kwargs"]]
        rows += [[n.op, n.name, str(n.target), str(n.args), str(n.kwargs)] for n in self.nodes]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        rows.insert(1, ["-" * w for w in widths])
        for row in rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())

    def __str__(self) -> str:
        return "graph():" + "".join("\n    " + n.format_node() for n in self.nodes)
