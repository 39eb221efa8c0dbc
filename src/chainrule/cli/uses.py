"""Finds by `ast` which of torch's names a program uses, and under which name it knows each module.

Followed: `import torch`, `import torch as t`, `import torch.nn.functional as F`, `from torch
import nn`, and assignments such as `nn = torch.nn`. A name bound to something else is forgotten;
a function's own names stay inside it. A method called on anything else may be a tensor's: it is
noted as possible. So is whatever stands in a `try` that expects it to be missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Use", "UseFinder"]

ROOTS = ("torch", "chainrule")
EXPECTED_MISSING = {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception"}
LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple)


@dataclass(frozen=True)
class Use:
    """A dotted torch name at a line; `sure` unless it may be something else or may be missing."""

    name: str
    line: int
    sure: bool = True


class UseFinder(ast.NodeVisitor):
    """Walks through modules in order, collects `uses`; what one cell bound, the next one knows."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.known: dict[str, str] = {}  # a name of the program -> torch's dotted name
        self.foreign: set[str] = {"self", "cls"}  # roots whose methods are no tensor's
        self.expected_missing = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            bound = alias.asname or root
            if root not in ROOTS:
                self._forget(bound)
                self.foreign.add(bound)
                continue
            name = _canonical(alias.name)
            self._use(name, node.lineno)
            self._bind(bound, name if alias.asname else "torch")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        ours = node.level == 0 and module.partition(".")[0] in ROOTS
        for alias in node.names:
            bound = alias.asname or alias.name
            if not ours:
                self._forget(bound)
                self.foreign.add(bound)
            elif alias.name == "*":
                self._use(_canonical(module), node.lineno)
            else:
                name = f"{_canonical(module)}.{alias.name}"
                self._use(name, node.lineno)
                self._bind(bound, name)

    def visit_Assign(self, node: ast.Assign) -> None:
        name = self._dotted(node.value)
        self.generic_visit(node)
        if name is not None:
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._bind(target.id, name)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._forget(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._dotted(node)
        if name is None:
            self.generic_visit(node)
        elif isinstance(node.ctx, ast.Load):
            self._use(name, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        method = node.func
        if isinstance(method, ast.Attribute) and self._may_be_tensor(method.value):
            self.uses.append(Use(f"torch.Tensor.{method.attr}", method.end_lineno or 0, sure=False))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        with self._scope(node.args):
            self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_Lambda = visit_FunctionDef

    def visit_Try(self, node: ast.Try) -> None:
        before = self.expected_missing
        self.expected_missing = before or any(map(_expects_missing, node.handlers))
        for statement in node.body:
            self.visit(statement)
        self.expected_missing = before
        for rest in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(rest)

    def _use(self, name: str, line: int) -> None:
        self.uses.append(Use(name, line, sure=not self.expected_missing))

    def _bind(self, name: str, dotted: str) -> None:
        self.known[name] = dotted
        self.foreign.discard(name)

    def _forget(self, name: str) -> None:
        self.known.pop(name, None)
        self.foreign.discard(name)

    def _dotted(self, node: ast.expr) -> str | None:
        """torch's dotted name of `a.b.c` where `a` is known; None for anything else."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._dotted(node.value)
            return base and f"{base}.{node.attr}"
        return None

    def _may_be_tensor(self, node: ast.expr) -> bool:
        """Not a literal, not something imported from elsewhere, not a module of torch."""
        if isinstance(node, LITERALS) or self._dotted(node) is not None:
            return False
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id in self.foreign:
            return root is not node and root.id == "self"
        return True

    @contextmanager
    def _scope(self, args: ast.arguments) -> Iterator[None]:
        """What a function binds, its parameters first, is forgotten at its end."""
        known, foreign = dict(self.known), set(self.foreign)
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        for arg in every:
            if arg is not None and arg.arg not in ("self", "cls"):
                self._forget(arg.arg)
        yield
        self.known, self.foreign = known, foreign


def _canonical(name: str) -> str:
    return "torch" + name[len(name.partition(".")[0]) :]


def _expects_missing(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(each, ast.Name) and each.id in EXPECTED_MISSING for each in types)
