"""From indices to a batch: ask the data set, then collate."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

__all__ = ["IterableFetcher", "MapFetcher"]


class MapFetcher:
    """Asks a data set for the samples of a batch, or for one."""

    def __init__(
        self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
    ) -> None:
        self.dataset, self.batched, self.collate_fn = dataset, batched, collate_fn

    def fetch(self, index: Any) -> Any:
        """The collated samples of a list of indices; of one index without batches."""
        if not self.batched:
            return self.collate_fn(self.dataset[index])
        if getattr(self.dataset, "__getitems__", None):
            return self.collate_fn(self.dataset.__getitems__(index))
        return self.collate_fn([self.dataset[i] for i in index])


class IterableFetcher:
    """Takes the next samples of a stream; StopIteration when it has ended."""

    def __init__(
        self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
    ) -> None:
        self.stream, self.batched, self.collate_fn = iter(dataset), batched, collate_fn
        self.drop_last, self.ended = drop_last, False

    def fetch(self, index: Any) -> Any:
        """The next len(index) samples collated, or the next one without batches."""
        if self.ended:
            raise StopIteration
        if not self.batched:
            return self.collate_fn(next(self.stream))
        batch = list(islice(self.stream, len(index)))
        self.ended = len(batch) < len(index)
        if not batch or (self.drop_last and self.ended):
            raise StopIteration
        return self.collate_fn(batch)
