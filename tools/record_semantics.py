"""Ask PyTorch what autograd means, and keep its answers in tests/data/semantics.json.

    python tools/record_semantics.py     (in an environment with torch and numpy)

The questions are programs in `tests/core`: `programs.py`, `wrong_programs.py`, `tables.py`. The
tests put the same questions to chainrule (`tests/core/test_semantics.py`). Run it again after
adding a question.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data" / "semantics.json"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]


def record() -> dict[str, Any]:
    """All questions with PyTorch's answers."""
    import torch
    from core import asking, graph_programs, programs, tables, wrong_programs

    from chainrule.core.primitive import PUBLIC, REGISTRY

    assert graph_programs.program is programs.program  # imported: its programs are in the list
    elementwise = [
        p for p, f in PUBLIC.items() if getattr(f, "prim", None) in elementwise_ops(REGISTRY)
    ]
    return {
        "torch": torch.__version__,
        "programs": {name: asking.answer(f, torch) for name, f in programs.PROGRAMS.items()},
        "wrong": {name: asking.answer(f, torch) for name, f in wrong_programs.WRONG.items()},
        "promotion": tables.promotion(torch),
        "nodes": tables.nodes(torch),
        "dtypes": tables.result_dtypes(torch, sorted(elementwise)),
    }


def elementwise_ops(registry: dict[str, Any]) -> list[Any]:
    return [p for p in registry.values() if p.kind == "elementwise" and len(p.args) <= 2]


def main() -> int:
    """Write the file, one answer a line."""
    answers = record()
    sections = []
    for title, content in answers.items():
        if isinstance(content, dict):
            rows = (f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in content.items())
            sections.append(f"{json.dumps(title)}: {{\n" + ",\n".join(rows) + "\n}")
        else:
            sections.append(f"{json.dumps(title)}: {json.dumps(content)}")
    DATA.write_text("{\n" + ",\n".join(sections) + "\n}\n", encoding="utf-8")
    print(
        f"{DATA.relative_to(ROOT)}: "
        f"{sum(len(c) for c in answers.values() if isinstance(c, dict))} answers"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
