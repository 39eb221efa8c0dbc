"""The doors between the rooms: who may import whom (docs/design.md), read from the source."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import chainrule

PACKAGE = Path(chainrule.__file__).parent

# A room imports from rooms left of it. Rooms in braces do not import each other; others in one
# group may, as long as there is no cycle. The public namespaces (torch.linalg, ...) stand right
# of the ops they show.
DOORS = """
    _state dtypes errors version -> kernels -> core -> ops
    -> {linalg fft special masked signal random return_types}
    -> {autograd func compile explain draw} -> nn
    -> _notes _legacy_types _settings _leftovers library overrides _C types sparse array_api cuda
    backends mps xpu cpu accelerator amp jit compiler hub onnx __config__ __future__
    profiler optim utils fx distributions distributed testing serialization
    -> compat -> cli
"""
ENTRANCES = {"__init__", "__main__"}  # these re-export or start; nobody imports them
NEEDED = {"numpy"}  # the only package that may be imported before it is asked for
LAZY_ROOMS = {"cli"}  # a command loads its own optional parts
LOADERS = {
    "cli",
    "distributions",
    "compat",
    "autograd",
    "func",
    "nn",
    "ops",
    "optim",
    "compile",
    "utils",
}  # may use importlib: what few programs use is loaded late


@dataclass(frozen=True)
class Import:
    """One import: the file that has it, where it stands and the absolute module it names."""

    file: Path
    line: int
    target: str
    in_function: bool


def groups() -> list[tuple[bool, list[str]]]:
    """The rooms from left to right, each group with whether it stands in braces."""
    parts = [part.strip() for part in DOORS.split("->")]
    return [(part.startswith("{"), part.strip("{}").split()) for part in parts]


RANK = {room: rank for rank, (_, rooms) in enumerate(groups()) for room in rooms}
BRACED = {room for braced, rooms in groups() if braced for room in rooms}


def imports(root: Path) -> Iterator[Import]:
    """Every import below root that happens at run time (those for type checkers do not)."""
    for file in sorted(root.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node, in_function in walk(tree, in_function=False):
            for target in targets(node, file, root):
                yield Import(file, node.lineno, target, in_function)


def walk(node: ast.AST, in_function: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, in_function
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield from walk(other, in_function)
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, in_function or is_function)


def targets(node: ast.Import | ast.ImportFrom, file: Path, root: Path) -> Iterator[str]:
    """The absolute names of the modules (or of names in them) that the statement loads."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        inside = (root.name, *file.relative_to(root).parts[:-1])
        package = inside[: len(inside) - node.level + 1]
        base = ".".join([*package, *([base] if base else [])])
    yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(file: Path, root: Path) -> str:
    """The top-level folder or module a file belongs to."""
    return file.relative_to(root).parts[0].removesuffix(".py")


def room_imported(target: str, root: Path) -> str | None:
    """The room a target lies in; `__init__` for `import chainrule`, None outside the package."""
    parts = target.split(".")
    if parts[0] != root.name:
        return None
    is_room = len(parts) > 1 and any((root / f"{parts[1]}{end}").exists() for end in ("", ".py"))
    return parts[1] if is_room else "__init__"


def closed_doors(root: Path) -> list[str]:
    """Imports from a room to the right, across braces, or of the package itself."""
    found = []
    for each in imports(root):
        here, there = room_of(each.file, root), room_imported(each.target, root)
        if there is None or there == here or here in ENTRANCES:
            continue
        if not may_import(here, there):
            where = f"{each.file.relative_to(root)}:{each.line}"
            found.append(f"{where}: {here} must not import {each.target}")
    return found


def may_import(here: str, there: str) -> bool:
    if there == "compat":
        return here == "cli"
    if here == "compat" or there not in RANK or here not in RANK:
        return False
    return RANK[there] < RANK[here] or (RANK[there] == RANK[here] and here not in BRACED)


def hidden_imports(root: Path) -> list[str]:
    """Imports in functions that are not of the standard library or an optional package."""
    return [
        f"{each.file.relative_to(root)}:{each.line}: {each.target} is imported inside a function"
        for each in imports(root)
        if each.in_function
        and room_of(each.file, root) not in ENTRANCES
        and room_imported(each.target, root) is not None
        and not (
            room_of(each.file, root) in LAZY_ROOMS
            and room_imported(each.target, root) == room_of(each.file, root)
        )
    ]


def eager_packages(root: Path) -> list[str]:
    """Other people's packages, or importlib, imported by a room as soon as it is loaded."""
    found = []
    for each in imports(root):
        package = each.target.partition(".")[0]
        here = room_of(each.file, root)
        known = package in sys.stdlib_module_names or package in NEEDED or package == root.name
        too_early = not known and not each.in_function and here != "cli"
        if too_early or (package == "importlib" and here not in LOADERS | ENTRANCES):
            found.append(f"{each.file.relative_to(root)}:{each.line}: {here} imports {each.target}")
    return found


def file_graph(root: Path) -> dict[str, set[str]]:
    """Which module imports which while it is being loaded."""
    files = {module_name(file, root) for file in root.rglob("*.py")}
    graph: dict[str, set[str]] = {name: set() for name in files}
    for each in imports(root):
        here = module_name(each.file, root)
        there = each.target if each.target in files else each.target.rpartition(".")[0]
        if there in files and there != here and not each.in_function:
            graph[here].add(there)
    return graph


def module_name(file: Path, root: Path) -> str:
    parts = (root.name, *file.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_room_has_its_place() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - ENTRANCES
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert modules | folders <= set(RANK), (
        "give the new room a place in DOORS and in docs/design.md"
    )


def test_imports_go_through_open_doors() -> None:
    assert closed_doors(PACKAGE) == []


def test_only_optional_packages_are_imported_inside_functions() -> None:
    assert hidden_imports(PACKAGE) == []


def test_the_engine_needs_numpy_only() -> None:
    assert eager_packages(PACKAGE) == []


def test_no_file_waits_for_itself() -> None:
    graphlib.TopologicalSorter(file_graph(PACKAGE)).prepare()  # raises CycleError


def small_tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "pkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "pkg"


def test_a_closed_door_is_noticed(tmp_path: Path) -> None:
    tree = small_tree(
        tmp_path,
        {
            "__init__.py": "from .nn import layer\n",
            "core/tensor.py": "from ..ops import add\nfrom .. import _state\n",
            "ops/__init__.py": "from .. import compat\nimport pkg\n",
            "func/vmap.py": "from ..autograd.grad import grad\n",
            "nn/layer.py": "from ..func import vmap\n",
            "compat/__init__.py": "",
            "cli/run.py": "from ..compat import install\n",
            "autograd/grad.py": "if TYPE_CHECKING:\n    from ..nn import layer\n",
            "_state.py": "",
        },
    )
    assert [line.split(": ")[0] for line in closed_doors(tree)] == [
        "core/tensor.py:1",
        "func/vmap.py:1",
        "ops/__init__.py:1",
        "ops/__init__.py:2",
    ]


def test_a_hidden_or_eager_import_is_noticed(tmp_path: Path) -> None:
    tree = small_tree(
        tmp_path,
        {
            "core/a.py": "import numpy, scipy\n\ndef f():\n    from . import b\n    import scipy\n",
            "core/b.py": "import importlib\n",
        },
    )
    assert [line.split(": ")[0] for line in hidden_imports(tree)] == ["core/a.py:4"]
    assert [line.split(": ")[0] for line in eager_packages(tree)] == ["core/a.py:1", "core/b.py:1"]


def test_a_cycle_is_noticed(tmp_path: Path) -> None:
    tree = small_tree(
        tmp_path, {"core/a.py": "from . import b\n", "core/b.py": "from .a import x\n"}
    )
    assert file_graph(tree) == {"pkg.core.a": {"pkg.core.b"}, "pkg.core.b": {"pkg.core.a"}}
