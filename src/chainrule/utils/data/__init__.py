"""`torch.utils.data`: data sets, their order, batches, and processes that read ahead.

What lives here: `dataset` (what there is), `sampler` and `distributed` (in which order), `_utils`
(how samples become a batch, what a worker does, how its tensors come back), `dataloader` (the loop
that brings these together). Who may call: users. Where a value goes: sampler -> indices ->
`_utils/fetch` -> `_utils/collate` -> a batch; with workers the middle happens in another process
(`_utils/worker`), and the batch comes home in shared memory (`_utils/transport`).
"""

from __future__ import annotations

from .dataloader import (
    DataLoader,
    _DatasetKind,
    default_collate,
    default_convert,
    get_worker_info,
)
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .distributed import DistributedSampler
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "_DatasetKind",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
