"""Every public thing says what it is; every module says what lives there."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import chainrule
from chainrule.core.primitive import PUBLIC
from chainrule.core.tensor import Tensor

PACKAGE = Path(chainrule.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def module_id(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_module_says_what_lives_there(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module docstring is missing"


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_public_definitions_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if (
                not ast.get_docstring(node) and not node.decorator_list
            ):  # `spelled` gives the op's doc
                found.append(f"{node.name} (line {node.lineno})")
            if isinstance(node, ast.ClassDef):
                found += [f"{node.name}.{name}" for name in undocumented_methods(node)]
    assert found == []


def undocumented_methods(node: ast.ClassDef) -> list[str]:
    """Public methods without docstring; decorated ones (setters, overloads) and overrides are
    exempt."""
    return [
        child.name
        for child in node.body
        if isinstance(child, ast.FunctionDef)
        and not child.name.startswith("_")
        and not ast.get_docstring(child)
        and not child.decorator_list
        and not node.bases
    ]


@pytest.mark.parametrize("name", sorted(n for n in PUBLIC if not n.endswith("_")))
def test_public_function_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(PUBLIC[name]), f"torch.{name} has no docstring"


def test_methods_of_tensor_have_docstrings() -> None:
    bare = [
        name
        for name, f in vars(Tensor).items()
        if not name.startswith("_")
        and not name.endswith("_")  # in-place forms say what the op says
        and callable(f)
        and not inspect.getdoc(f)
    ]
    assert bare == []
