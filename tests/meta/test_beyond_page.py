"""The programs in docs/beyond.md run, and print what it says they print."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "beyond.md").read_text(encoding="utf-8")


def test_programs_print_what_the_page_shows() -> None:
    pairs = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(pairs) == PAGE.count("```python") >= 7
    scope: dict[str, object] = {}
    for program, expected in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "beyond.md", "exec"), scope)
        assert printed.getvalue() == expected
