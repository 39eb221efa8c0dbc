"""`DistributedSampler`: each of several processes reads its own share of the data."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

from ...ops.make.random import Generator, randperm
from .sampler import Sampler

__all__ = ["DistributedSampler"]


def _group() -> Any:
    """The distributed package, if the program has set up a process group with it."""
    package = sys.modules.get(__name__.partition(".")[0] + ".distributed")
    if package is None or not package.is_initialized():
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group.\nHint: without a process group say num_replicas= and rank="
        )
    return package


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th index, from number `rank` on, of one order all processes agree on.

    Args:
        dataset: what has a length.
        num_replicas, rank: how many processes, and which is this one; by default the process
            group's.
        shuffle: a permutation of the data, made from `seed` + epoch: call `set_epoch` before each.
        drop_last: leave out the tail that does not divide evenly; otherwise some samples are read
            twice.

    Example:
        >>> from chainrule.utils.data import DistributedSampler
        >>> list(DistributedSampler(range(7), num_replicas=2, rank=1, shuffle=False))
        [1, 3, 5, 0]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.num_replicas: int = _group().get_world_size() if num_replicas is None else num_replicas
        self.rank: int = _group().get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"Invalid rank {self.rank}, rank should be in the interval "
                f"[0, {self.num_replicas - 1}]"
            )
        self.dataset = dataset
        self.epoch = 0
        self.drop_last = drop_last
        n = len(dataset)
        self.num_samples = n // self.num_replicas if drop_last else math.ceil(n / self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = list(range(n))
        if self.shuffle:
            source = Generator().manual_seed(self.seed + self.epoch)
            order = randperm(n, generator=source).tolist()
        if n:  # the order again from its start, as far as it takes for equal shares
            order = (order * math.ceil(self.total_size / n))[: self.total_size]
        return iter(order[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass's order that of this epoch."""
        self.epoch = epoch
