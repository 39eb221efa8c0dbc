"""`Interpreter`: runs a GraphModule node by node, each kind of node by a method of its own.
`Transformer`: the same with proxies, so that the run is a new program.

Who may call: users, who override the methods to look at values or to change what a node does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._symbolic_trace import Tracer
from .graph import Graph
from .graph_module import GraphModule
from .node import Node, map_aggregate, map_arg
from .proxy import Proxy

__all__ = ["Interpreter", "Transformer"]


class Interpreter:
    """Runs a graph node by node.

    Args:
        module: the module that has the graph's modules and tensors.
        garbage_collect_values: forget a value after its last use.
        graph: the graph; by default that of the module.

    Example:
        >>> import chainrule as torch
        >>> class Shapes(torch.fx.Interpreter):
        ...     def run_node(self, n):
        ...         made = super().run_node(n)
        ...         print(n.name, tuple(made.shape))
        ...         return made
        >>> traced = torch.fx.symbolic_trace(lambda x: x.sum(0) + 1)
        >>> Shapes(traced).run(torch.ones(2, 3))
        x (2, 3)
        sum_1 (3,)
        add (3,)
        output (3,)
        tensor([3., 3., 3.])
    """

    def __init__(
        self, module: Any, garbage_collect_values: bool = True, graph: Graph | None = None
    ) -> None:
        self.module = module
        self.graph = module.graph if graph is None else graph
        self.garbage_collect_values = garbage_collect_values
        self.env: dict[Node, Any] = {}
        self.args_iter: Iterator[Any] = iter(())

    def run(self, *args: Any, initial_env: dict[Node, Any] | None = None) -> Any:
        """Run the graph; what its output node gives.

        Args:
            args: the values of the placeholders in order.
            initial_env: values of nodes that need not run.
        """
        self.env = dict(initial_env or {})
        self.args_iter = iter(args)
        last: dict[Node, list[Node]] = {}
        seen: set[Node] = set()
        for node in reversed(self.graph.nodes) if self.garbage_collect_values else ():
            for read in node.all_input_nodes:
                if read not in seen:
                    seen.add(read)
                    last.setdefault(node, []).append(read)
        for node in self.graph.nodes:
            if node in self.env:
                continue
            try:
                self.env[node] = self.run_node(node)
            except Exception as error:
                if hasattr(error, "add_note"):  # Python 3.11
                    error.add_note(f"While executing {node.format_node()}")
                raise
            if node.op == "output":
                return self.env[node]
            for done in last.get(node, ()):
                del self.env[done]
        return None

    def run_node(self, n: Node) -> Any:
        """Run one node by the method of its kind."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        return getattr(self, n.op)(n.target, args, kwargs)

    def placeholder(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The next argument of `run`, or the default."""
        if target.startswith("**"):
            return {}  # `run` takes no keywords
        if target.startswith("*"):
            return tuple(self.args_iter)
        for value in self.args_iter:
            return value
        if args:
            return args[0]
        raise RuntimeError(
            f"Expected positional argument for parameter {target}, but one was not passed in!"
        )

    def get_attr(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The attribute of the module."""
        return self.fetch_attr(target)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function."""
        return target(*args, **kwargs)

    def call_method(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the method of `args[0]`."""
        return getattr(args[0], target)(*args[1:], **kwargs)

    def call_module(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the submodule."""
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the program returns."""
        return args[0]

    def fetch_attr(self, target: str) -> Any:
        """The attribute of the module at a dotted path."""
        found = self.module
        for i, name in enumerate(target.split(".")):
            if not hasattr(found, name):
                raise RuntimeError(
                    f"Node referenced nonexistent target {'.'.join(target.split('.')[: i + 1])}"
                )
            found = getattr(found, name)
        return found

    def fetch_args_kwargs_from_env(self, n: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a node, with values for nodes."""
        return self.map_nodes_to_values(n.args, n), self.map_nodes_to_values(n.kwargs, n)

    def map_nodes_to_values(self, args: Any, n: Node) -> Any:
        """`args` with the value of every node in it."""

        def value(node: Node) -> Any:
            if node not in self.env:
                raise RuntimeError(
                    f"Node {n} referenced nonexistent value {node}! Run Graph.lint() to diagnose "
                    "such issues"
                )
            return self.env[node]

        return map_arg(args, value)


class _Steps(Tracer):
    """Every module and function that is called is a step."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:
        """True."""
        return True


class Transformer(Interpreter):
    """Runs a GraphModule on proxies: what its methods do is recorded as a new GraphModule.

    Args:
        module: the module.

    Example:
        >>> import chainrule as torch
        >>> class Swapped(torch.fx.Transformer):
        ...     def call_function(self, target, args, kwargs):
        ...         target = {torch.sigmoid: torch.tanh}.get(target, target)
        ...         return super().call_function(target, args, kwargs)
        >>> traced = torch.fx.symbolic_trace(lambda x: torch.sigmoid(x) + 1)
        >>> print(Swapped(traced).transform().code.strip())
        def forward(self, x):
            tanh = torch.tanh(x);  x = None
            add = tanh + 1;  tanh = None
            return add
    """

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self.new_graph = Graph(tracer_cls=module.graph._tracer_cls)
        self.tracer = _Steps(self.new_graph)
        self.tracer.root = module

    def placeholder(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Proxy:
        """A new input."""
        node = self.new_graph.placeholder(target, default_value=args[0] if args else ...)
        return Proxy(node, self.tracer)

    def get_attr(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Proxy:
        """A step that reads the attribute."""
        return self.tracer.create_proxy("get_attr", target, args, kwargs)

    def call_module(self, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A step that calls the submodule."""
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A step that calls the function."""
        return self.tracer.create_proxy("call_function", target, args, kwargs)

    def transform(self) -> GraphModule:
        """Run, and return what was recorded as a module."""
        made = super().run()

        def node(a: Any) -> Any:
            return a.node if isinstance(a, Proxy) else a

        if made is not None:
            self.new_graph.output(map_aggregate(made, node))
        return GraphModule(self.module, self.new_graph)
