"""docs/ops.md says what the registry says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "write_ops.py"


def test_the_page_of_ops_is_up_to_date() -> None:
    # in a process of its own: other tests declare ops of theirs
    done = subprocess.run(
        [sys.executable, str(TOOL), "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
