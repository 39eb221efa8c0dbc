"""`Proxy`: the value that stands for every value while a program is recorded.

What lives here: Proxy, its operators, and `TracerBase`, which turns what is done to a Proxy into
nodes. Who may call: users; `_symbolic_trace.py`. Public functions of torch reach a Proxy through
`__torch_function__` (overrides.py, which this room loads).
"""

from __future__ import annotations

import dis
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

from ..core.tensor import Tensor
from ..dtypes import dtype
from ..overrides import is_tensor_method_or_property
from .graph import Graph
from .node import Node, map_aggregate

__all__ = ["Attribute", "Proxy", "TraceError", "TracerBase"]

BASE_TYPES = (str, bytes, int, float, bool, complex, dtype, type(None), type(...))


class TraceError(ValueError):
    """The program cannot be recorded: it decides by a value that is not there yet."""


class TracerBase:
    """Makes nodes of a graph, and proxies for them."""

    graph: Graph

    def create_node(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        """Add a node to the graph."""
        return self.graph.create_node(kind, target, args, kwargs, name, type_expr)

    def proxy(self, node: Node) -> Proxy:
        """The Proxy for a node."""
        return Proxy(node, self)

    def create_proxy(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any = None,
    ) -> Proxy:
        """Add a node whose arguments may hold proxies; the Proxy for it."""
        node = self.create_node(
            kind, target, self.create_arg(args), self.create_arg(kwargs), name, type_expr
        )
        return self.proxy(node)

    def create_arg(self, a: Any) -> Any:
        """A value as the argument of a node.

        Raises:
            NotImplementedError: a graph cannot hold such a value.
        """
        return map_aggregate(a, self._leaf)

    def _leaf(self, a: Any) -> Any:
        if isinstance(a, Proxy):
            return a.node
        if isinstance(a, (*BASE_TYPES, Node, range, type)) or inspect.isroutine(a):
            return a
        package = type(a).__module__.partition(".")[0]
        if package in (__name__.partition(".")[0], "torch") and not isinstance(a, Tensor):
            return a  # a device, layout, generator ...
        raise NotImplementedError(
            f"argument of type: {type(a)}\n"
            "Hint: a graph holds numbers, strings, dtypes, functions, tensors of the module, and "
            "lists, tuples and dicts of these"
        )

    def to_bool(self, obj: Proxy) -> bool:
        """Called for `bool(proxy)`: `if`, `while`, `and`, `not`."""
        raise TraceError(
            "symbolically traced variables cannot be used as inputs to control flow\n"
            f"value: {obj.node.format_node()}\n"
            "Hint: use torch.where, give the deciding argument as concrete_args, or put the "
            "branch into a function marked with torch.fx.wrap"
        )

    def iter(self, obj: Proxy) -> Iterator[Any]:
        """Called for `iter(proxy)`; unpacking to a known number of names is recorded."""
        values: Any = obj
        frame = inspect.currentframe()
        for _ in range(2):
            frame = frame.f_back if frame is not None else None
        if frame is not None:
            for step in dis.get_instructions(frame.f_code):
                if step.offset == frame.f_lasti and step.opname == "UNPACK_SEQUENCE":
                    return iter([operator.getitem(values, i) for i in range(step.argval)])
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a "
            "loop or as a *args or **kwargs function argument.\n"
            f"value: {obj.node.format_node()}\n"
            "Hint: its length is not known while tracing; index it, or loop over a number"
        )


class Proxy:
    """Stands for a value in a program that is recorded: whatever is done to it becomes a node.

    Args:
        node: the node whose value it stands for.
        tracer: who records; by default a plain one for the node's graph.

    Example:
        >>> import chainrule as torch
        >>> graph = torch.fx.Graph()
        >>> x = torch.fx.Proxy(graph.placeholder("x"))
        >>> y = torch.relu(x).sum(dim=0) + 1
        >>> [n.name for n in graph.nodes]
        ['x', 'relu', 'sum_1', 'add']
    """

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        if tracer is None:
            tracer = TracerBase()
            tracer.graph = node.graph
        self.tracer = tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Any:
        if k.startswith("__") and k.endswith("__"):
            raise AttributeError(f"'Proxy' object has no attribute '{k}'", name=k, obj=self)
        return Attribute(self, k)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Any]:
        return self.tracer.iter(self)

    def __bool__(self) -> bool:
        return self.tracer.to_bool(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be "
            "recorded, please call torch.fx.wrap('len') at module scope"
        )

    def __abs__(self) -> Any:
        return self.tracer.create_proxy("call_function", abs, (self,), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            "'Proxy' object does not support item assignment\n"
            "Hint: build the new value with torch.where, torch.cat or torch.index_put"
        )

    __hash__ = object.__hash__

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = proxies_in((args, kwargs or {}))
        tracer = found[0].tracer
        if any(p.tracer is not tracer for p in found):
            raise RuntimeError(
                f"Found multiple different tracers {[p.tracer for p in found]} while trying to "
                f"trace operations {func}"
            )
        if is_tensor_method_or_property(func):
            return tracer.create_proxy("call_method", func.__name__, args, kwargs or {})
        return tracer.create_proxy("call_function", func, args, kwargs or {})


def proxies_in(values: Any) -> list[Proxy]:
    """The proxies in containers of values."""
    found: list[Proxy] = []

    def see(a: Any) -> Any:
        if isinstance(a, Proxy):
            found.append(a)
        return a

    map_aggregate(values, see)
    return found


class Attribute(Proxy):
    """`proxy.name`: a node of its own only when it is used other than by calling it."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        """The node that reads the attribute, made when somebody asks."""
        if self._node is None:
            made = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {})
            self._node = made.node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


def _operator(target: Callable[..., Any], reflected: bool = False) -> Callable[..., Any]:
    def recorded(self: Proxy, *others: Any) -> Any:
        args = (*others, self) if reflected else (self, *others)
        return self.tracer.create_proxy("call_function", target, args, {})

    return recorded


for _name in (
    "add sub mul floordiv truediv mod pow lshift rshift and or xor matmul getitem "
    "eq ne lt gt le ge pos neg invert"
).split():
    _target = getattr(operator, _name + "_" if _name in ("and", "or") else _name)
    setattr(Proxy, f"__{_name}__", _operator(_target))
    if _name in "add sub mul floordiv truediv mod pow lshift rshift and or xor matmul".split():
        setattr(Proxy, f"__r{_name}__", _operator(_target, reflected=True))
