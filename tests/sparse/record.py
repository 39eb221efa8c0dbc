"""Record what PyTorch answers about sparse tensors, for the tests beside this file.

Run with an interpreter that has torch:

    python tests/sparse/record.py              writes tests/data/sparse.json
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

DATA = Path(__file__).resolve().parents[1] / "data" / "sparse.json"


def main() -> None:
    import torch
    from sparse.programs import (
        OPTIMIZERS,
        REFUSING,
        TABLES,
        answer,
        expressions,
        refusal,
        trajectory,
    )  # fmt: skip

    warnings.simplefilter("ignore")
    found = {
        "answers": {e: answer(torch, e) for e in expressions()},
        "trajectories": {
            f"{case} {table}": trajectory(torch, case, table)
            for case in range(len(OPTIMIZERS))
            for table in range(len(TABLES))
        },
        "refusals": {name: refusal(torch, name) for name in REFUSING},
    }
    DATA.write_text(json.dumps(found, indent=0), encoding="utf-8")


if __name__ == "__main__":
    main()
