"""The programs in README.md run, and print what it says they print."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|0x\.\.\.", "0x", text).strip()


def test_programs_print_what_the_readme_shows(tmp_path: Path) -> None:
    lesson = tmp_path / "lesson.py"  # a file, so that errors can quote its lines
    programs, outputs = blocks("python"), blocks("text")
    assert len(programs) == len(outputs) >= 2
    lesson.write_text("\n".join(programs), encoding="utf-8")
    scope: dict[str, object] = {}
    line = 0
    for program, expected in zip(programs, outputs, strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + program, str(lesson), "exec"), scope)
        assert without_addresses(printed.getvalue()) == without_addresses(expected)
        line += program.count("\n") + 1
