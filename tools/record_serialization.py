"""Makes tests/data/pytorch.pt: run it with a Python that has PyTorch 2.13."""

from __future__ import annotations

from pathlib import Path

import torch

torch.manual_seed(0)
x = torch.arange(6.0).reshape(2, 3)
layers = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
optimizer = torch.optim.Adam(layers.parameters())
layers(torch.ones(1, 2)).sum().backward()
optimizer.step()
torch.save(
    {
        "a": x,
        "view": x[1],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "bfloat16": torch.ones(2, dtype=torch.bfloat16),
        "uint16": torch.tensor([1, 2], dtype=torch.uint16),
        "complex": torch.tensor([1 + 2j]),
        "size": x.shape,
        "dtype": torch.float16,
        "weights": layers.state_dict(),
        "state": optimizer.state_dict(),
    },
    Path(__file__).resolve().parent.parent / "tests" / "data" / "pytorch.pt",
)
