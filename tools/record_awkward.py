"""Record what PyTorch answers to the calls of `tests/ops/awkward_calls.py` in
`tests/data/awkward.json`. Needs PyTorch:

    python tools/record_awkward.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

from ops import awkward_calls  # noqa: E402


def main() -> None:
    rows = [[call, awkward_calls.answer(call, torch)] for call, _ in awkward_calls.listed()]
    text = "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"
    awkward_calls.DATA.write_text(text, encoding="utf-8")
    print(f"{awkward_calls.DATA.name}: {len(rows)} calls")


if __name__ == "__main__":
    main()
