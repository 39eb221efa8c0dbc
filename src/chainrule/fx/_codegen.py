"""A graph as Python source: the text of `forward` and the globals that it names.

Who may call: `graph.py`. A value is set to None after its last use, so that running the code holds
no more memory than needed. Functions of this package are written `torch.*`; all others become a
global of their own.
"""

from __future__ import annotations

import builtins
import sys
from dataclasses import dataclass
from typing import Any

from .node import Node, qualified_name, type_text

PACKAGE = __name__.partition(".")[0]
GLOBALS: dict[str, Any] = {
    "inf": float("inf"), "nan": float("nan"), "NoneType": type(None),
    "torch": sys.modules[PACKAGE],
}  # fmt: skip
BINARY = {
    "add": "+", "sub": "-", "mul": "*", "floordiv": "//", "truediv": "/", "mod": "%", "pow": "**",
    "lshift": "<<", "rshift": ">>", "and_": "&", "xor": "^", "or_": "|", "matmul": "@",
    "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
}  # fmt: skip
UNARY = {"pos": "+", "neg": "-", "invert": "~"}


@dataclass
class PythonCode:
    """Source and what it needs.

    Attributes:
        src: the source.
        globals: from names in the source to their values.
    """

    src: str
    globals: dict[str, Any]


def at_path(start: str, target: str) -> str:
    """The expression for an attribute at a dotted path."""
    made = start
    for name in target.split("."):
        made = f"{made}.{name}" if name.isidentifier() else f'getattr({made}, "{name}")'
    return made


def public(path: str) -> Any:
    """What stands at `torch.<path>`; None for nothing."""
    found = GLOBALS["torch"]
    for name in path.split(".")[1:]:
        found = getattr(found, name, None)
    return found


class _Writer:
    """The state of writing one graph."""

    def __init__(self) -> None:
        self.globals: dict[str, Any] = dict(GLOBALS)
        self.wrapped: dict[str, None] = {}

    def global_name(self, value: Any, wish: str | None = None) -> str:
        name = wish or qualified_name(value)
        if self._is_at(name, value):
            return name
        if getattr(builtins, name, None) is value:
            return name
        name = base = "".join(c if c.isalnum() else "_" for c in name)
        count = 0
        while name in self.globals and self.globals[name] is not value:
            count += 1
            name = f"{base}_{count}"
        self.globals[name] = value
        return name

    def annotation(self, kind: Any) -> str:
        name = type_text(kind)
        return name if self._is_at(name, kind) else self.global_name(kind)

    def _is_at(self, path: str, value: Any) -> bool:
        return path.startswith("torch.") and public(path) is value

    def text(self, a: Any) -> str:
        """An argument as an expression."""
        if isinstance(a, Node):
            return a.name
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return f"{self.global_name(type(a))}({', '.join(map(self.text, a))})"
        if type(a) is tuple:
            return "(" + ", ".join(map(self.text, a)) + (",)" if len(a) == 1 else ")")
        if isinstance(a, tuple):  # torch.Size
            return f"{self.global_name(type(a))}({self.text(tuple(a))})"
        if isinstance(a, list):
            return "[" + ", ".join(map(self.text, a)) + "]"
        if isinstance(a, dict):
            return "{" + ", ".join(f"{k!r}: {self.text(v)}" for k, v in a.items()) + "}"
        if isinstance(a, slice):
            return f"slice({', '.join(map(self.text, (a.start, a.stop, a.step)))})"
        if a is None or a is ... or isinstance(a, bool | int | float | complex | str | bytes):
            return "Ellipsis" if a is ... else repr(a)
        shown = repr(a)
        if self._is_at(shown, a):
            return shown  # a dtype, layout or memory format
        if isinstance(a, type) or (callable(a) and hasattr(a, "__name__")):
            return self.global_name(a)
        return self.global_name(a, f"_{type(a).__name__}_constant")

    def call(self, args: Any, kwargs: Any) -> str:
        given = [self.text(a) for a in args]
        given += [f"{k} = {self.text(v)}" for k, v in kwargs.items()]
        return f"({', '.join(given)})"

    def function(self, node: Node) -> str:
        """The expression of a call_function node."""
        name = qualified_name(node.target)
        room, _, word = name.rpartition(".")
        texts = [self.text(a) for a in node.args]
        if room == "operator" and not node.kwargs:
            if word in BINARY and len(texts) == 2:
                left = f"({texts[0]})" if texts[0][0] == "-" else texts[0]
                return f"{left} {BINARY[word]} {texts[1]}"
            if word in UNARY and len(texts) == 1:
                return UNARY[word] + texts[0]
            if word == "getitem" and len(texts) == 2:
                return f"{texts[0]}[{texts[1]}]"
        if node.target is getattr and len(node.args) == 2 and isinstance(node.args[0], Node):
            return at_path(texts[0], str(node.args[1]))
        name = self.global_name(node.target)
        if node.meta.get("is_wrapped"):
            self.wrapped.setdefault(name)
        return name + self.call(node.args, node.kwargs)


def python_code(nodes: Any, root: str) -> PythonCode:
    """The source of `forward` for these nodes."""
    writer = _Writer()
    last: dict[Node, list[Node]] = {}
    seen: set[Node] = set()
    for node in reversed(nodes):
        for read in node.all_input_nodes:
            if read not in seen:
                seen.add(read)
                last.setdefault(node, []).append(read)
    parameters, returns, body = [root], "", []
    for node in nodes:
        if node.op == "placeholder":
            kind = f" : {writer.annotation(node.type)}" if node.type else ""
            default = f" = {writer.text(node.args[0])}" if node.args else ""
            parameters.append(f"{node.target}{kind}{default}")
            raw = node.target.replace("*", "")
            if raw != node.name:
                body.append(f"{node.name} = {raw}")
            continue
        if node.op == "output":
            returns = f" -> {writer.annotation(node.type)}" if node.type else ""
            body.append(f"return {writer.text(node.args[0])}")
            continue
        if node.op == "call_function":
            made = writer.function(node)
        elif node.op == "call_method":
            made = f"{at_path(writer.text(node.args[0]), node.target)}"
            made += writer.call(node.args[1:], node.kwargs)
        else:
            made = at_path(root, node.target)
            made += writer.call(node.args, node.kwargs) if node.op == "call_module" else ""
        done = [n.name for n in last.get(node, [])] + ([] if node.users else [node.name])
        freed = f";  {' = '.join(done)} = None" if done else ""
        body.append(f"{node.name} = {made}{freed}")
    wraps = "\n".join(f'torch.fx._symbolic_trace.wrap("{n}")' for n in writer.wrapped)
    lines = "".join(f"    {line}\n" for line in body or ["pass"])
    src = f"\n{wraps}\n\ndef forward({', '.join(parameters)}){returns}:\n{lines}    "
    return PythonCode(src, writer.globals)
