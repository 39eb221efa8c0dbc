"""The table of late families (ops/late.py) against what their files bring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chainrule import ops
from chainrule.core.declare import METHODS
from chainrule.core.primitive import PUBLIC
from chainrule.ops.late import LATE, load_all


def asked(program: str, *words: str) -> str:
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_table_names_exactly_what_late_families_bring() -> None:
    before = set(asked(TOP).split())
    load_all()
    names = set(PUBLIC) | {f"Tensor.{name}" for name in METHODS}
    listed = {path for paths in LATE.values() for path in paths.split()}
    missing = sorted(names - before - listed)
    assert not missing, f"ops/late.py lacks: {' '.join(missing)}"
    assert not sorted(listed - names), f"ops/late.py promises too much: {sorted(listed - names)}"


TOP = """
import chainrule
from chainrule import ops
from chainrule.core.declare import METHODS
from chainrule.core.primitive import PUBLIC
print(*PUBLIC, *("Tensor." + m for m in METHODS))
"""

EACH = """
import sys
import chainrule as torch
family = sys.argv[1]
for path in torch.ops.late.LATE[family].split():
    space = torch
    for name in path.split("."):
        space = getattr(space, name)
    assert "Late" not in type(space).__name__, path
"""


@pytest.mark.parametrize("family", sorted(LATE))
def test_every_promised_name_is_found_in_a_fresh_process(family: str) -> None:
    asked(EACH, family)


def test_every_family_is_loaded_at_once_or_late() -> None:
    load_all()
    root = Path(ops.__file__).parent
    files = {".".join(f.relative_to(root).with_suffix("").parts) for f in root.rglob("*.py")}
    families = {f for f in files if "." in f and not f.endswith("__init__")}
    asked_apart = {"interop.aten", "interop.storage"} | {f for f in families if "sparse." in f}
    loaded = {m.removeprefix("chainrule.ops.") for m in sys.modules}
    assert not families - asked_apart - loaded


def test_import_loads_no_late_family() -> None:
    loaded = asked("import sys, chainrule; print(*sys.modules)").split()
    assert not {f"chainrule.ops.{family}" for family in LATE} & set(loaded)
