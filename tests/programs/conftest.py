"""The programs are run by `test_programs.py`; they are no modules to import."""

from __future__ import annotations

from pathlib import Path

collect_ignore = [
    path.name for path in Path(__file__).parent.glob("*.py") if path.stem != "test_programs"
]
