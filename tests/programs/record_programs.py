"""Writes tests/data/programs.json: what every program of this folder prints in PyTorch. Run it
where PyTorch is installed:

    python tests/programs/record_programs.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "programs.json"
HELPERS = {"conftest", "record_programs", "test_programs"}
NAMES = [path.stem for path in sorted(HERE.glob("*.py")) if path.stem not in HELPERS]

if __name__ == "__main__":
    printed = {}
    for name in NAMES:
        command = [sys.executable, str(HERE / f"{name}.py")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        printed[name] = done.stdout.splitlines()
    DATA.write_text(json.dumps(printed, indent=0) + "\n", encoding="utf-8")
