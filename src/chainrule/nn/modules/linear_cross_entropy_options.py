"""`LinearCrossEntropyOptions`: how PyTorch splits the work of `LinearCrossEntropyLoss`.

NumPy has one way of computing it, so the options are kept and have no effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["LinearCrossEntropyOptions"]


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """Options that are kept and have no effect.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LinearCrossEntropyOptions(batch_chunk_size=8).batch_chunk_size
        8
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: Any = "auto"
    acc_policy: Any = "auto"
    acc_dtype: Any = None
