"""Writes docs/ops.md from the registry: what every op is, and what follows from its declaration.

    python tools/write_ops.py [--check]        (python3 dev.py docs does the same)

Only the part between the two marks is written; what stands outside is kept. `--check` writes
nothing and fails when the page is not what the registry says (tests/meta/test_ops_page.py).
"""

from __future__ import annotations

import argparse
import dis
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent.parent
PAGE = HERE / "docs" / "ops.md"
sys.path[:0] = [str(HERE / "src"), str(HERE / "tests")]

from ops.calls import COMPLEX  # noqa: E402

from chainrule.core import batch_rules, batching, forward  # noqa: E402
from chainrule.core.declare import METHODS  # noqa: E402
from chainrule.core.primitive import PUBLIC, REGISTRY, Primitive  # noqa: E402
from chainrule.ops import late  # noqa: E402

BEGIN, END = "<!-- written by tools/write_ops.py: begin -->", "<!-- end -->"
START = """# The ops

Every op is declared once (`src/chainrule/ops/`); the columns below are read from the declarations.

"""
LEGEND = """\
- **kind**: elementwise, linear, bilinear, reduction, movement, general; it decides how the op is
  differentiated forward and batched.
- **derivative in**: the operands that get a gradient. Rules are written in ops, so gradients of
  gradients follow; *first order* is said where a rule uses an op that has none.
- **jvp**: *rule* (the vjp's own rule read forwards), *linear*, *bilinear*, *reduction* (by kind),
  *vjp twice* (the transpose of the vjp).
- **vmap**: *rule*, *by kind*, or *loop* (element after element, with a warning).
- **in place**: there is `name_`. **complex**: the derivative is tested with complex numbers too.
- **family**: the file in `ops/` that is imported when the op is first named; empty: with
  `import chainrule`.
"""
COLUMNS = (
    "op", "names", "kind", "derivative in", "jvp", "vmap", "in place", "complex", "grad_fn",
    "family",
)  # fmt: skip


def paths_of() -> dict[str, list[str]]:
    """Public functions and methods by op."""
    found: dict[str, list[str]] = {name: [] for name in REGISTRY}
    for path, function in PUBLIC.items():
        prim = getattr(function, "prim", None)
        if prim is not None and not path.rpartition(".")[2].startswith("_"):
            found[prim.name].append(path)
    for name, method in METHODS.items():
        prim = getattr(method, "prim", None)
        if prim is not None and not name.startswith("_") and name not in found[prim.name]:
            found[prim.name].append("Tensor." + name)
    return {name: sorted(paths, key=lambda p: (p.count("."), p)) for name, paths in found.items()}


def used_ops(fn: Any, seen: set[Any]) -> set[str]:
    """The ops that a rule asks `xp` for, itself or through the functions it calls."""
    code = getattr(fn, "__code__", None)
    if code is None or code in seen:
        return set()
    seen.add(code)
    found: set[str] = set()
    called = [c.cell_contents for c in fn.__closure__ or () if _filled(c)]
    codes = [code]
    while codes:
        inner = codes.pop()
        codes += [c for c in inner.co_consts if hasattr(c, "co_names")]
        before = None
        for step in dis.get_instructions(inner):
            if before == "xp" and step.argval in REGISTRY:
                found.add(step.argval)
            before = step.argval
        called += [fn.__globals__.get(n) for n in inner.co_names]
    for other in called:
        room = getattr(other, "__module__", None) or ""
        if room.startswith("chainrule") and hasattr(other, "__code__"):
            found |= used_ops(other, seen)
    return found


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def counts_only(prim: Primitive) -> bool:
    """Whether an op gives truth or integers, or is constant between jumps: nothing to
    differentiate."""
    made = []
    for value in (0.5, 0.75):
        try:
            out = prim.kernel(*[np.full((2, 2), value) for _ in prim.args], *prim.defaults)
        except Exception:  # it takes other operands
            return True
        made.append(np.asarray(out[0] if isinstance(out, tuple) else out))
    return made[0].dtype.kind in "biu" or bool(np.array_equal(*made))


def derivative(prim: Primitive) -> str:
    """The operands with a gradient, and whether second derivatives stop somewhere."""
    if not prim.differentiable:
        return ""
    rules = [r for r in prim.rules if r is not None]
    named = [a for a, r in zip(prim.args, prim.rules, strict=False) if r is not None]
    said = "all" if prim.joint or len(named) == len(prim.args) else ", ".join(named)
    stops = sorted(
        n
        for r in rules
        for n in used_ops(r.written, set())
        if not REGISTRY[n].differentiable and not counts_only(REGISTRY[n])
    )
    return said + (f" (first order: {stops[0]})" if stops else "")


def jvp(prim: Primitive) -> str:
    """How tangents are computed; see core/forward.py."""
    if not prim.differentiable:
        return ""
    if prim.kind == "elementwise":
        return "rule"
    if prim.kind in ("linear", "movement"):
        return "linear"
    if prim.kind in ("bilinear", "reduction"):
        return prim.kind
    return "linear" if prim.name in forward.LINEAR_IN else "vjp twice"


def batches(prim: Primitive) -> str:
    """How vmap evaluates it; see core/batching.py."""
    rule = batching.RULES.get(prim.name)
    if rule is None:
        return "by kind" if prim.kind == "elementwise" else "loop"
    if rule in (batching.loop, batching.looped):
        return "loop"
    return "rule" if rule.__module__ == batch_rules.__name__ else "by kind"


def family(paths: list[str]) -> str:
    """The late family, if it is one."""
    return next((late.FAMILY_OF[p] for p in paths if p in late.FAMILY_OF), "")


def row(prim: Primitive, paths: list[str]) -> str:
    """One line of the table."""
    names = ", ".join(f"`{p}`" for p in paths if p != prim.name) if paths else "only in rules"
    in_place = any(p.rpartition(".")[2] + "_" in METHODS for p in [prim.name, *paths])
    internal = [p for p, f in PUBLIC.items() if getattr(f, "prim", None) is prim]
    cells = (
        f"`{prim.name}`", names, prim.kind, derivative(prim), jvp(prim), batches(prim),
        "yes" if in_place else "", "yes" if prim.name in COMPLEX else "",
        prim.grad_fn if prim.differentiable else "", family(paths + internal),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def written() -> str:
    """The part of the page between the marks."""
    late.load_all()
    paths = paths_of()
    head = "| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS)
    rows = [row(REGISTRY[name], paths[name]) for name in sorted(REGISTRY)]
    functions = sorted(
        path
        for path, function in PUBLIC.items()
        if not hasattr(function, "prim")
        and not path.rpartition(".")[2].startswith("_")
        and not path.startswith("return_types.")
    )
    differentiable = sum(REGISTRY[name].differentiable for name in REGISTRY)
    return "\n".join(
        (
            BEGIN,
            f"{len(REGISTRY)} ops, {differentiable} of them with a derivative; "
            f"{len(functions)} functions written in ops.\n",
            LEGEND,
            head,
            *rows,
            "\n## Functions written in ops\n",
            "Their gradients, tangents and batches are those of the ops they call.\n",
            ", ".join(f"`{f}`" for f in functions) + "\n",
            END,
        )
    )


def page() -> str:
    """The whole page as it should be."""
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else START + BEGIN + "\n" + END + "\n"
    before, _, rest = old.partition(BEGIN)
    return before + written() + rest.partition(END)[2]


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    made = page()
    if parser.parse_args().check:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
            return 0
        print("docs/ops.md is not what the registry says; run: python tools/write_ops.py")
        return 1
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
