"""Recording a module or function: `Tracer`, `symbolic_trace` and `wrap`.

While a trace runs, `Module.__call__`, the reading of a module's attributes and the wrapped
functions are replaced for the whole process, and put back at its end. Who may call: users.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType, ModuleType
from typing import Any

from ..core.tensor import Tensor
from ..nn.modules.container import Sequential
from ..nn.modules.module import Module
from ..nn.parameter import Parameter
from .graph import Graph
from .graph_module import GraphModule
from .node import has_side_effect
from .proxy import Proxy, TracerBase, proxies_in

__all__ = ["Tracer", "symbolic_trace", "wrap"]

_ABSENT = object()
_wrapped: dict[tuple[int, str], dict[str, Any]] = {}  # the globals that hold a wrapped name


@contextmanager
def _replaced(space: dict[str, Any], name: str, value: Any) -> Iterator[None]:
    before = space.get(name, _ABSENT)
    space[name] = value
    try:
        yield
    finally:
        if before is _ABSENT:
            del space[name]
        else:
            space[name] = before


@contextmanager
def _patched(name: str, value: Any) -> Iterator[None]:
    """`Module.<name>` is `value`."""
    before = vars(Module)[name]
    setattr(Module, name, value)
    try:
        yield
    finally:
        setattr(Module, name, before)


def _recording(function: Callable[..., Any], marked: bool) -> Callable[..., Any]:
    """`function`, recorded as one step when an argument is a Proxy."""

    @functools.wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        found = proxies_in((args, kwargs))
        if not found:
            return function(*args, **kwargs)
        made = found[0].tracer.create_proxy("call_function", function, args, kwargs)
        if marked:
            made.node.meta["is_wrapped"] = True
        return made

    return recorded


def wrap(fn_or_name: str | Callable[..., Any]) -> Any:
    """Say, at the top of a file, that a function of that file (or a builtin) is one step.

    Args:
        fn_or_name: its name, or the function, so that `wrap` serves as a decorator.

    Example:
        >>> import chainrule as torch
        >>> @torch.fx.wrap
        ... def clipped(x):
        ...     return x if x.sum() > 0 else -x
        >>> def f(x):
        ...     return clipped(x) * 2
        >>> torch.fx.symbolic_trace(f)(torch.tensor([-1.0]))
        tensor([2.])
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError(
            "Unsupported type for global function! Must be either a callable or string name"
        )
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    frame = inspect.currentframe()
    caller = frame.f_back if frame is not None else None
    if caller is None or caller.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped[id(caller.f_globals), name] = caller.f_globals
    return fn_or_name


class Tracer(TracerBase):
    """Records a module or function as a Graph; subclass it to decide what a step is.

    Args:
        autowrap_modules: modules whose functions are steps when they get a Proxy.
        autowrap_functions: functions that are.

    Example:
        >>> import chainrule as torch
        >>> from chainrule import nn
        >>> class Deep(torch.fx.Tracer):
        ...     def is_leaf_module(self, m, module_qualified_name):
        ...         return not isinstance(m, (nn.ReLU, nn.Sequential))
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> [n.op for n in Deep().trace(net).nodes]
        ['placeholder', 'call_module', 'call_function', 'output']
    """

    def __init__(
        self,
        autowrap_modules: tuple[ModuleType, ...] = (math,),
        autowrap_functions: tuple[Callable[..., Any], ...] = (),
    ) -> None:
        self.autowrap_modules = autowrap_modules
        self.autowrap_functions = autowrap_functions
        self.root: Module = Module()
        self._paths: dict[Module, str] = {}
        self._tensors: dict[int, str] = {}
        self._proxies: dict[str, Proxy] = {}

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether a module is one step: those of torch.nn but Sequential."""
        room = type(m).__module__ + "."
        package = __name__.partition(".")[0]
        ours = room.startswith((f"{package}.nn.", "torch.nn."))
        return ours and not isinstance(m, Sequential)

    def path_of_module(self, mod: Module) -> str:
        """The path of a submodule of the root."""
        if mod not in self._paths:
            raise NameError(
                "module is not installed as a submodule\n"
                f"module: {type(mod).__name__}\n"
                "Hint: assign it to an attribute in __init__"
            )
        return self._paths[mod]

    def call_module(
        self, m: Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Called for every call of a submodule: a step, or what its `forward` records."""
        path = self.path_of_module(m)
        if self.is_leaf_module(m, path):
            return self.create_proxy("call_module", path, args, kwargs)
        return forward(*args, **kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Called when a module's attribute is read: a Proxy for parameters."""
        path = self._tensors.get(id(attr_val)) if isinstance(attr_val, Parameter) else None
        if path is None:
            return attr_val
        if path not in parameter_proxy_cache:
            parameter_proxy_cache[path] = self.create_proxy("get_attr", path, (), {})
        return parameter_proxy_cache[path]

    def _leaf(self, a: Any) -> Any:
        if isinstance(a, Tensor):
            path = self._tensors.get(id(a))
            if path is None:
                numbers = iter(range(sys.maxsize))
                names = (f"_tensor_constant{i}" for i in numbers)
                path = next(n for n in names if not hasattr(self.root, n))
                setattr(self.root, path, a)
                self._tensors[id(a)] = path
            return self.create_node("get_attr", path, (), {})
        if isinstance(a, Module):
            return self.create_node("get_attr", self.path_of_module(a), (), {})
        return super()._leaf(a)

    def trace(self, root: Any, concrete_args: dict[str, Any] | None = None) -> Graph:
        """Record `root`.

        Args:
            root: the module or function.
            concrete_args: values for arguments that are no inputs; the graph asserts them.
        """
        if isinstance(root, Module):
            self.root, function = root, type(root).forward
            first = [root]
        else:
            self.root, function, first = Module(), root, []
        self.graph = Graph(tracer_cls=type(self))
        self._paths = {m: path for path, m in self.root.named_modules()}
        self._proxies = {}
        self._tensors = {}
        for prefix, m in self.root.named_modules():
            for table in (vars(m), m._buffers, m._parameters):
                for name, value in table.items():
                    if isinstance(value, Tensor):
                        path = f"{prefix}.{name}" if prefix else name
                        self._tensors.setdefault(id(value), path)
        function, args, kwargs = self._inputs(function, first, concrete_args or {})
        with ExitStack() as stack:
            self._patch(stack, getattr(function, "__globals__", {}))
            result = function(*first, *args, **kwargs)
            self.create_node("output", "output", (self.create_arg(result),), {})
        return self.graph

    def _inputs(
        self, function: Any, first: list[Any], concrete: dict[str, Any]
    ) -> tuple[Any, list[Any], dict[str, Any]]:
        """Placeholders for the parameters: what to call, and with which proxies."""
        starred: dict[Any, str] = {
            inspect.Parameter.VAR_POSITIONAL: "*",
            inspect.Parameter.VAR_KEYWORD: "**",
        }
        parameters = list(inspect.signature(function).parameters.values())[len(first) :]
        stars = [p for p in parameters if p.kind in starred]
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        count = 0
        # the order of a code object's variables
        for p in [p for p in parameters if p not in stars] + stars:
            default = () if p.default is p.empty else (p.default,)
            # words of generics and of `from __future__ import annotations` mean nothing elsewhere
            plain = type(p.annotation) is type or p.annotation is Tensor
            kind = (
                p.annotation if plain and p.annotation is not p.empty and p not in stars else None
            )
            if p.name in concrete:
                count += 1
                value = self._specialized(f"{p.name}_{count}", p.name, concrete[p.name], default)
            else:
                name = starred.get(p.kind, "") + p.name
                value = self.create_proxy("placeholder", name, default, {}, type_expr=kind)
            if p.kind is p.KEYWORD_ONLY and not stars:
                kwargs[p.name] = value
            else:
                args.append(value)
        if not stars:
            return function, args, kwargs
        if not inspect.isfunction(function):
            raise TypeError(f"cannot trace *args or **kwargs of {function!r}, no Python function")
        code = function.__code__  # the same, with *args and **kwargs as plain parameters
        code = code.replace(
            co_flags=code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS),
            co_argcount=len(first) + len(args),
            co_posonlyargcount=0,
            co_kwonlyargcount=0,
        )
        open_function = FunctionType(
            code, function.__globals__, function.__name__, None, function.__closure__
        )
        return open_function, args, kwargs

    def _specialized(self, name: str, shown: str, value: Any, default: tuple[Any, ...]) -> Any:
        """A parameter with a fixed value: the graph has the input, and asserts the value."""
        if not isinstance(value, bool | int | float | str | type(None)):
            raise NotImplementedError(
                f"concrete_args of type {type(value)} ({shown})\n"
                "Hint: give numbers, strings, bools or None; bind other values with "
                "functools.partial or a closure"
            )
        given = self.create_proxy("placeholder", name, default, {})
        text = "None" if value is None else value
        message = f"{shown} has been specialized to have value {text} but got another value"
        same = given == value if value is not None else _is_none(given)
        self.create_proxy("call_function", _assert, (same, message), {})
        return value

    def _patch(self, stack: ExitStack, space: dict[str, Any]) -> None:
        """Replace for the time of the trace what must be recorded."""
        call, read = vars(Module)["__call__"], vars(Module)["__getattr__"]

        def calling(mod: Module, *args: Any, **kwargs: Any) -> Any:
            return self.call_module(mod, functools.partial(call, mod), args, kwargs)

        def reading(mod: Module, name: str) -> Any:
            return self.getattr(name, read(mod, name), self._proxies)

        stack.enter_context(_patched("__call__", calling))
        stack.enter_context(_patched("__getattr__", reading))
        wanted: dict[int, Any] = {id(f): f for f in self.autowrap_functions}
        for module in self.autowrap_modules:
            for name, value in list(vars(module).items()):
                if callable(value) and not isinstance(value, type) and name[0] != "_":
                    wanted[id(value)] = value
                    stack.enter_context(_replaced(vars(module), name, _recording(value, False)))
        for name, value in list(space.items()):
            if id(value) in wanted:
                stack.enter_context(_replaced(space, name, _recording(value, False)))
        for (_, name), other in _wrapped.items():
            value = other.get(name, getattr(builtins, name, None))
            if value is not None:
                stack.enter_context(_replaced(other, name, _recording(value, True)))


@has_side_effect
def _assert(condition: Any, message: str) -> None:
    """Stop unless `condition`."""
    assert condition, message


def _is_none(value: Any) -> Any:
    if isinstance(value, Proxy):
        return value.tracer.create_proxy("call_function", _is_none, (value,), {})
    return value is None


def symbolic_trace(
    root: Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None
) -> GraphModule:
    """Record a module or function, and make a GraphModule of it.

    Args:
        root: the module or function.
        concrete_args: values (numbers, strings, None) for arguments that are no inputs.

    Raises:
        TraceError: it decides by values that are not there yet.

    Example:
        >>> import chainrule as torch
        >>> def f(x, y):
        ...     return torch.relu(x) + y
        >>> traced = torch.fx.symbolic_trace(f)
        >>> print(traced.graph)
        graph():
            %x : [num_users=1] = placeholder[target=x]
            %y : [num_users=1] = placeholder[target=y]
            %relu : [num_users=1] = call_function[target=torch.relu](args = (%x,), kwargs = {})
            %add : [num_users=1] = call_function[target=operator.add](args = (%relu, %y), kwargs = {})
            return add
        >>> traced(torch.tensor([-1.0, 2.0]), 1)
        tensor([1., 3.])
    """  # noqa: E501
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, Module) else getattr(root, "__name__", "f")
    return GraphModule(tracer.root, graph, name)
