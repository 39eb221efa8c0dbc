"""Record what PyTorch's samplers and loaders give for a seed: run with torch installed.

The same expressions run in `test_recorded.py` on chainrule. Answers: tests/data/loading.json.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parents[2] / "data" / "loading.json"
EXPRESSIONS = """
list(D.RandomSampler(range(10)))
list(D.RandomSampler(range(10), num_samples=25))
list(D.RandomSampler(range(10), replacement=True, num_samples=70))
list(D.RandomSampler(range(10), generator=g))
list(D.RandomSampler(range(10), num_samples=7, generator=g))
list(D.RandomSampler(range(10), replacement=True, num_samples=40, generator=g))
list(D.RandomSampler(range(1500), generator=g))[:20]
list(D.SubsetRandomSampler([10, 20, 30, 40]))
list(D.SubsetRandomSampler([10, 20, 30, 40], generator=g))
list(D.WeightedRandomSampler([1.0, 2.0, 3.0], 8))
list(D.WeightedRandomSampler([1.0, 2.0, 3.0], 3, False, generator=g))
list(D.DistributedSampler(range(11), 3, 1))
list(D.DistributedSampler(range(11), 3, 2, seed=4, drop_last=True))
list(D.DistributedSampler(range(2), 5, 4, shuffle=False))
[p.indices for p in D.random_split(range(10), [7, 3])]
[p.indices for p in D.random_split(range(10), [0.25, 0.25, 0.5], generator=g)]
[b.tolist() for b in D.DataLoader(list(range(12)), batch_size=5)]
[b.tolist() for b in D.DataLoader(list(range(12)), batch_size=5, shuffle=True)]
[b.tolist() for b in D.DataLoader(list(range(12)), batch_size=5, shuffle=True, generator=g)]
[[b.tolist() for b in loader] for loader in [D.DataLoader(list(range(5)), 2, True)] for _ in "12"]
""".strip().splitlines()


def answer(torch: Any, data: Any, expression: str) -> Any:
    """The value, and the next numbers of both streams."""
    torch.manual_seed(5)
    g = torch.Generator().manual_seed(6)
    value = eval(expression, {"D": data, "g": g, "torch": torch})
    return [value, torch.rand(1).item(), torch.rand(1, generator=g).item()]


def seen_by_workers(torch: Any, data: Any) -> list[Any]:
    """What random, NumPy and torch draw in two workers, and their seeds."""

    class Draws(data.Dataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, i: int) -> list[Any]:
            info = data.get_worker_info()
            numbers = [random.random(), float(np.random.rand()), torch.rand(1).item()]
            return [i, info.id, info.num_workers, info.seed, torch.initial_seed(), *numbers]

    torch.manual_seed(7)
    loader = data.DataLoader(Draws(), batch_size=None, num_workers=2, shuffle=True)
    return [*loader, torch.rand(1).item()]


if __name__ == "__main__":
    import torch
    from torch.utils import data

    answers = {e: answer(torch, data, e) for e in EXPRESSIONS}
    recorded = {"answers": answers, "workers": seen_by_workers(torch, data)}
    FILE.write_text(json.dumps(recorded, indent=0) + "\n")
