"""`DataLoader`: a data set in batches, read here or ahead of time by worker processes."""

from __future__ import annotations

import itertools
import os
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ...ops.make.random import Generator
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import IterableFetcher, MapFetcher
from ._utils.pool import Pool
from ._utils.worker import ExceptionWrapper, Job, StreamEnd, get_worker_info
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, drawn_seed

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)
_FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class _DatasetKind:
    """How the samples are asked for."""

    Map = 0
    Iterable = 1


class _InfiniteConstantSampler(Sampler[None]):
    """Stands for the sampler of a stream, which has its own order."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Iterate over a data set in batches.

    Args:
        dataset: something with `__getitem__` (and `__len__`), or an `IterableDataset`.
        batch_size: samples in a batch; None for samples one by one, not collated.
        shuffle: a new random order in each pass; not for streams.
        sampler: the order: an iterable of indices. Excludes shuffle.
        batch_sampler: an iterable of lists of indices. Excludes batch_size, shuffle, sampler and
            drop_last.
        num_workers: processes that read ahead; 0 reads in this process.
        collate_fn: makes a batch of a list of samples; `default_collate` by default
            (`default_convert` without batches).
        pin_memory, pin_memory_device: for accelerators; there is none here, so iterating warns.
        drop_last: leave out an incomplete last batch.
        timeout: seconds to wait for a worker's batch; 0 for as long as it takes.
        worker_init_fn: called in each worker with its id, after seeding.
        multiprocessing_context: "fork", "spawn", "forkserver" or a context of `multiprocessing`.
        generator: gives the order and the workers' base seed; the default generator if None.
        prefetch_factor: batches each worker reads ahead (2 by default).
        persistent_workers: keep the workers for the next pass.
        in_order: False gives batches as they come.

    Worker i is seeded with base seed + i, the same numbers as in PyTorch. Batches come home in
    shared memory (`_utils/transport.py`).

    Raises:
        ValueError: options that exclude each other.
        RuntimeError: while iterating, a worker died or took longer than `timeout`. An exception in
            a worker is raised with its own class, its traceback in the message.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils.data import DataLoader, TensorDataset
        >>> data = TensorDataset(torch.arange(5), torch.arange(5) ** 2)
        >>> for x, y in DataLoader(data, batch_size=2):
        ...     print(x, y)
        tensor([0, 1]) tensor([0, 1])
        tensor([2, 3]) tensor([4, 9])
        tensor([4]) tensor([16])
    """

    _iterator: _MultiProcessingDataLoaderIter | None = None
    __initialized = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        stream = isinstance(dataset, IterableDataset)
        self._dataset_kind = _DatasetKind.Iterable if stream else _DatasetKind.Map
        if stream:
            _check_stream(shuffle, sampler, batch_sampler)
        _check_batches(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            sampler = self._order(stream, bool(shuffle), generator)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        plain = default_convert if batch_sampler is None else default_collate
        self.collate_fn = plain if collate_fn is None else collate_fn
        self.persistent_workers = persistent_workers
        self._IterableDataset_len_called: int | None = None
        self.__initialized = True
        self.check_worker_number_rationality()

    def _order(self, stream: bool, shuffle: bool, generator: Any) -> Sampler[Any]:
        if stream:
            return _InfiniteConstantSampler()
        if shuffle:
            return RandomSampler(self.dataset, generator=generator)
        return SequentialSampler(self.dataset)

    @property
    def multiprocessing_context(self) -> Any:
        """The context workers are started in; None for the default one."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, value: Any) -> None:
        if value is not None:
            if self.num_workers <= 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            value = _checked_context(value)
        self.__multiprocessing_context = value

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> _BaseDataLoaderIter:
        if not (self.persistent_workers and self.num_workers > 0):
            return self._get_iterator()
        if self._iterator is None or self._iterator._pool.closed:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def _get_iterator(self) -> Any:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        return _MultiProcessingDataLoaderIter(self)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self) -> int:
        if self._dataset_kind == _DatasetKind.Map:
            return len(self._index_sampler)
        samples = self._IterableDataset_len_called = len(self.dataset)
        if self.batch_size is None:
            return samples
        whole, rest = divmod(samples, self.batch_size)
        return whole if self.drop_last else whole + (rest > 0)

    def check_worker_number_rationality(self) -> None:
        """Warn about more workers than processors."""
        if not self.num_workers:
            return
        bound = hasattr(os, "sched_getaffinity")
        processors = len(os.sched_getaffinity(0)) if bound else os.cpu_count()
        if processors is not None and self.num_workers <= processors:
            return
        suggested = "DataLoader is not able to compute a suggested max number of worker in current"
        suggested += " system."
        if processors is not None:
            unsure = "" if bound else " (`cpuset` is not taken into account)"
            suggested = (
                f"Our suggested max number of worker in current system is {processors}{unsure}, "
                "which is smaller than what this DataLoader is going to create."
            )
        warnings.warn(
            f"This DataLoader will create {self.num_workers} worker processes in total. "
            f"{suggested} Please be aware that excessive worker creation might get DataLoader "
            "running slow or even freeze, lower the worker number to avoid potential "
            "slowness/freeze if necessary.",
            UserWarning,
            stacklevel=3,
        )


def _check_workers(workers: Any, timeout: Any, prefetch: Any, persistent: Any) -> None:
    if workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if workers == 0 and prefetch is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch is not None and prefetch < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent and workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """A stream has its own order."""
    unwanted = {
        "shuffle": shuffle or None,
        "sampler": sampler,
        "batch_sampler": batch_sampler,
    }
    for name, value in unwanted.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )


def _check_batches(
    batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    """Options that exclude each other."""
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (
        batch_size != 1 or shuffle or sampler is not None or drop_last
    ):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
            "drop_last"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


def _checked_context(value: Any) -> Any:
    import multiprocessing
    from multiprocessing.context import BaseContext

    if isinstance(value, str):
        methods = multiprocessing.get_all_start_methods()
        if value not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={value!r}"
            )
        value = multiprocessing.get_context(value)
    if not isinstance(value, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={value}"
        )
    return value


# ---------------------------------------------------------------- one pass


class _BaseDataLoaderIter:
    """One pass over the data."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                UserWarning,
                stacklevel=5,
            )
        self._dataset = loader.dataset
        self._dataset_kind = loader._dataset_kind
        self._index_sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        stream = self._dataset_kind == _DatasetKind.Iterable
        self._fetcher: Any = IterableFetcher if stream else MapFetcher
        self._begin(loader)
        self._base_seed = drawn_seed(loader.generator)

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._sampler_iter = iter(self._index_sampler)
        self._num_yielded = 0
        self._expected = loader._IterableDataset_len_called

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __next__(self) -> Any:
        data = self._next_data()
        self._num_yielded += 1
        if self._expected is not None and self._num_yielded > self._expected:
            self._longer_than_said()
        return data

    def _next_data(self) -> Any:
        raise NotImplementedError

    def _longer_than_said(self) -> None:
        shared = (
            "For multiprocessing data-loading, this could be caused by not properly configuring "
            "the IterableDataset replica at each worker. Please see "
            "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for "
            "examples."
        )
        warnings.warn(
            f"Length of IterableDataset {self._dataset} was reported to be {self._expected}"
            f"(when accessing len(dataloader)), but {self._num_yielded} samples have been fetched. "
            + (shared if self._num_workers else ""),
            UserWarning,
            stacklevel=3,
        )

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Reads in this process, when asked."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._source = self._fetcher(
            self._dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
        )

    def _next_data(self) -> Any:
        return self._source.fetch(next(self._sampler_iter))


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Tasks numbered in the sampler's order go to the workers in turn, a few ahead of what has been
    given out; answers are kept until it is their turn.

    Attributes:
        _waiting: the worker of each task without answer.
        _ready: answers whose turn has not come.
        _active: the workers with more to give, the next one first.
        _sent, _due: how many tasks were sent; the number of the one to be given out next.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.prefetch_factor is None or loader.prefetch_factor <= 0:
            raise AssertionError(
                "prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter"
            )
        import multiprocessing

        count = int(self._num_workers)
        self._persistent, self._timeout = loader.persistent_workers, loader.timeout
        self._in_order, self._ahead = loader.in_order, loader.prefetch_factor
        jobs = [
            Job(self._fetcher, self._dataset, loader._auto_collation, loader.collate_fn,
                loader.drop_last, loader.worker_init_fn, self._base_seed, i, count)
            for i in range(count)
        ]  # fmt: skip
        context = loader.multiprocessing_context or multiprocessing.get_context()
        self._pool = Pool(context, jobs)
        self._end = weakref.finalize(self, self._pool.close)
        self._epoch = -1
        self._fill()

    @property
    def _workers(self) -> list[Any]:
        return self._pool.processes

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Begin another pass with the same workers; answers for the old one will be dropped."""
        self._begin(loader)
        self._fill()

    def _fill(self) -> None:
        self._epoch += 1
        self._waiting: dict[int, int] = {}
        self._ready: dict[int, Any] = {}
        self._active = deque(range(len(self._workers)))
        self._sent = self._due = 0
        for _ in range(self._ahead * len(self._workers)):
            self._send()

    def _send(self) -> None:
        """Give the next task to the worker whose turn it is (out of order: that has least)."""
        if not self._active:
            return
        try:
            index = next(self._sampler_iter)
        except StopIteration:
            return
        worker = self._active[0]
        if not self._in_order:
            load = list(self._waiting.values())
            worker = min(self._active, key=load.count)
        self._active.remove(worker)
        self._active.append(worker)
        self._pool.send(worker, (self._epoch, self._sent, index))
        self._waiting[self._sent] = worker
        self._sent += 1

    def _next_data(self) -> Any:
        while True:
            while self._due < self._sent and self._due not in self._waiting:
                if self._due in self._ready:
                    answer = self._ready.pop(self._due)
                    self._due += 1
                    return self._given(answer)
                self._due += 1  # given out already, or the worker's stream had ended
            if self._due == self._sent:
                if not self._persistent:
                    self._end()
                raise StopIteration
            worker, (epoch, number), answer = self._pool.receive(self._timeout)
            if epoch != self._epoch or self._waiting.pop(number, None) is None:
                continue
            if isinstance(answer, StreamEnd):
                self._ended(worker)
            elif self._in_order:
                self._ready[number] = answer
            else:
                return self._given(answer)

    def _given(self, answer: Any) -> Any:
        self._send()
        if isinstance(answer, ExceptionWrapper):
            answer.reraise()
        return answer

    def _ended(self, worker: int) -> None:
        """Forget the tasks of a worker whose stream has ended, and let the others go on."""
        self._active.remove(worker)
        lost = [number for number, whose in self._waiting.items() if whose == worker]
        for number in lost:
            del self._waiting[number]
        for _ in range(len(lost) + 1):
            self._send()
