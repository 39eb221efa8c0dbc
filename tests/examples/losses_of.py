"""Runs an example's dry run with chainrule or with PyTorch, and prints the losses as JSON after
what the example itself prints:

    python losses_of.py NAME chainrule|torch
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"
IMPORT = re.compile(r"^(import|from) chainrule( as torch)?", re.MULTILINE)


def source_for(name: str, library: str) -> str:
    """The example's source; for PyTorch with other import lines."""
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    return IMPORT.sub(r"\1 torch", source) if library == "torch" else source


def main() -> None:
    """Run one example."""
    name, library = sys.argv[1:]
    sys.path.insert(0, str(EXAMPLES))
    module = ModuleType(name)
    exec(compile(source_for(name, library), f"{name}.py", "exec"), module.__dict__)
    print(json.dumps(module.main(dry_run=True)))


if __name__ == "__main__":
    main()
