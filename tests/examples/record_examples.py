"""Writes tests/data/examples.json: the losses of every example's dry run in PyTorch. Run it where
PyTorch, scikit-learn and tqdm are installed:

    python tests/examples/record_examples.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "examples.json"
# the text of char_gpt is Python's own, and differs between its versions
NAMES = [
    path.stem
    for path in sorted((HERE.parents[1] / "examples").glob("*.py"))
    if path.stem not in ("textplot", "char_gpt")
]

if __name__ == "__main__":
    losses = {}
    for name in NAMES:
        command = [sys.executable, str(HERE / "losses_of.py"), name, "torch"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        losses[name] = json.loads(done.stdout.splitlines()[-1])
    DATA.write_text(json.dumps(losses, indent=0) + "\n", encoding="utf-8")
