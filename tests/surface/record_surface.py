"""Record PyTorch's answers to the programs of this folder, for `test_recorded.py`.

Run with an interpreter that has torch and numpy: python tests/surface/record_surface.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    os.environ["OMP_NUM_THREADS"] = "1"  # PyTorch's process group and its threads can block
    import torch
    from surface import programs_of_all
    from surface.asked import answers

    assert programs_of_all.__doc__
    lines = [f"{json.dumps(k)}:{json.dumps(v)}" for k, v in answers(torch).items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (TESTS / "data" / "surface.json").write_text(text, encoding="utf-8")
