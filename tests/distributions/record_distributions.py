"""Record PyTorch's answers to `programs.py`, for `test_recorded.py`.

Run with an interpreter that has torch: python tests/distributions/record_distributions.py
"""

from __future__ import annotations

import json
from pathlib import Path

PLACE = Path(__file__).parents[1] / "data" / "distributions.json"

if __name__ == "__main__":
    import torch
    import torch.distributions
    from programs import answers

    PLACE.write_text(json.dumps(answers(torch), separators=(",", ":")) + "\n", encoding="utf-8")
