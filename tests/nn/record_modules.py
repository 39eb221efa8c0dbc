"""Writes tests/data/modules.json: what PyTorch answers to `module_programs.py`, and what small
networks lose while they learn. Run it where PyTorch is installed:

    python tests/nn/record_modules.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

DATA = Path(__file__).parents[1] / "data" / "modules.json"

if __name__ == "__main__":
    import torch  # type: ignore[import-not-found]
    from learning_programs import losses
    from module_programs import answers

    recorded = {"answers": answers(torch), "losses": losses(torch)}
    DATA.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")
