"""`GraphModule`: a module whose `forward` is the code of a graph.

Who may call: users; `symbolic_trace`. Every instance has a class of its own, because `forward`
belongs to a class; the source stands in `linecache`, so that tracebacks show its lines.
"""

from __future__ import annotations

import copy
import itertools
import linecache
from typing import Any

from ..core.tensor import Tensor
from ..nn.modules.module import Module
from ..nn.parameter import Parameter
from .graph import Graph, PythonCode

__all__ = ["GraphModule"]
_count = itertools.count()


def _give(module: Module, target: str, value: Any) -> None:
    """Put `value` at a dotted path, with plain modules on the way."""
    *path, name = target.split(".")
    here = module
    for step in path:
        if step not in here._modules:
            here.add_module(step, Module())
        here = here._modules[step]
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        here.register_buffer(name, value)
    else:
        setattr(here, name, value)


def _unpickled(graph: Graph, name: str, state: dict[str, Any]) -> GraphModule:
    made = GraphModule.__new__(GraphModule)
    Module.__init__(made)
    type(made).__name__ = name
    made.__setstate__(state)
    made.graph = graph
    return made


class GraphModule(Module):
    """A module made of a graph and of the modules and tensors that the graph names.

    Args:
        root: the module (or a dict from paths to values) that has them.
        graph: the program.
        class_name: the name of the class in `repr`.

    Example:
        >>> import chainrule as torch
        >>> traced = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Identity()))
        >>> print(traced.code.strip())
        def forward(self, input):
            input_1 = input
            _0 = getattr(self, "0")(input_1);  input_1 = None
            return _0
        >>> for node in traced.graph.nodes:
        ...     if node.op == "call_module":
        ...         node.op, node.target = "call_function", torch.neg
        >>> code = traced.recompile()
        >>> traced(torch.ones(2))
        tensor([-1., -1.])
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        base = next(c for c in cls.__mro__ if "_one_instance" not in vars(c))
        return object.__new__(type(base.__name__, (base,), {"_one_instance": True}))

    def __init__(self, root: Any, graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        type(self).__name__ = class_name
        targets = [n.target for n in graph.nodes if n.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            self.training = root.training
            for target in dict.fromkeys(targets):
                value: Any = root
                for step in target.split("."):
                    value = getattr(value, step)
                _give(self, target, value)
        else:
            for target in dict.fromkeys(targets):
                if target not in root:
                    raise RuntimeError(
                        f"Node references target {target} but that target was not provided in "
                        "``root``!"
                    )
            for target in sorted(dict.fromkeys(targets), key=lambda t: t.count(".")):
                _give(self, target, root[target])
        self.graph = graph

    @property
    def graph(self) -> Graph:
        """The program; call `recompile` after changing it, or assign another one."""
        return self.__dict__["_graph"]

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        if g.owning_module not in (None, self):
            g = copy.deepcopy(g)
        g.owning_module = self
        self.__dict__["_graph"] = g
        self.recompile()

    @property
    def code(self) -> str:
        """The source of `forward`."""
        return self.__dict__["_code"]

    def recompile(self) -> PythonCode:
        """Write the code of the graph again; needed after the graph was changed."""
        made = self.graph.python_code("self")
        file = f"<eval_with_key>.{next(_count)}"
        linecache.cache[file] = (len(made.src), None, made.src.splitlines(True), file)
        space = dict(made.globals)
        exec(compile(made.src, file, "exec"), space)
        self.__dict__["_code"] = made.src
        type(self).forward = space["forward"]  # type: ignore[method-assign]
        return made

    def print_readable(self, print_output: bool = True) -> str:
        """The module as the source of a class; printed, and returned."""
        body = self.code.strip("\n").rstrip().replace("\n", "\n    ")
        text = f"class {type(self).__name__}(torch.nn.Module):\n    {body}\n"
        if print_output:
            print(text)
        return text

    def take(self, target: str, value: Any) -> None:
        """Put a tensor or module at a dotted path."""
        _give(self, target, value)

    def add_submodule(self, target: str, m: Module) -> bool:
        """Put a module at a dotted path; False when something else is in the way."""
        here: Any = self
        for step in target.split(".")[:-1]:
            here = getattr(here, step, None)
            if here is None:
                break
            if not isinstance(here, Module):
                return False
        _give(self, target, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Take away the module at a dotted path; False when there is none."""
        path, _, name = target.rpartition(".")
        try:
            parent = self.get_submodule(path)
        except AttributeError:
            return False
        if name not in parent._modules:
            return False
        delattr(parent, name)
        return True

    def _has(self, target: str) -> bool:
        return any(name == target for name, _ in self.named_modules())

    def delete_all_unused_submodules(self) -> None:
        """Take away the modules that no node of the graph calls or looks into."""
        used: set[str] = set()
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                path = node.target.split(".")
                used.update(".".join(path[: i + 1]) for i in range(len(path)))
                if node.op == "call_module" and self._has(node.target):
                    below = self.get_submodule(node.target).named_modules()
                    used.update(f"{node.target}.{name}" for name, _ in below if name)
        for name in [name for name, _ in self.named_modules() if name and name not in used]:
            self.delete_submodule(name)

    def __copy__(self) -> GraphModule:
        return GraphModule(self, self.graph, type(self).__name__)

    def __reduce__(self) -> tuple[Any, ...]:
        state = {k: v for k, v in self.__dict__.items() if k not in ("_graph", "_code")}
        return _unpickled, (self.graph, type(self).__name__, state)

    def __deepcopy__(self, memo: Any) -> GraphModule:
        make, (_, name, state) = self.__reduce__()
        return make(copy.deepcopy(self.graph), name, copy.deepcopy(state, memo))

    def __str__(self) -> str:
        note = "# To see more debug info, please use `graph_module.print_readable()`"
        return "\n".join([super().__repr__(), self.code, note])
