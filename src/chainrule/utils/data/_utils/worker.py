"""What a worker process does: take tasks, fetch, send batches home; and how its errors travel."""

from __future__ import annotations

import os
import pickle
import random
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ....kernels.blas import set_num_threads
from ....ops.make.random import default_generator
from .fetch import IterableFetcher
from .transport import send

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["ExceptionWrapper", "Job", "StreamEnd", "WorkerInfo", "get_worker_info", "worker_loop"]

_WATCH = 5.0  # seconds between looks whether the parent lives; its pipe's end tells sooner


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker one is in.

    Attributes:
        id: 0 ... num_workers - 1.
        num_workers: how many there are.
        seed: what `random`, torch and (together with id) NumPy were seeded with here.
        dataset: this process's copy.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker of a DataLoader, which one it is; elsewhere None.

    Example:
        >>> from chainrule.utils.data import get_worker_info
        >>> get_worker_info() is None
        True
    """
    return _worker_info


@dataclass
class Job:
    """All that a worker is told at its start."""

    fetcher: Callable[..., Any]  # the class; a stream's is made anew for each epoch
    dataset: Any
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    init_fn: Callable[[int], Any] | None
    base_seed: int
    id: int
    num_workers: int

    def seed(self) -> int:
        """Seed `random`, NumPy and the default generator, each worker differently."""
        import numpy as np

        seed = self.base_seed + self.id
        random.seed(seed)
        default_generator._lock = threading.Lock()  # a thread of the parent may have held it
        default_generator.manual_seed(seed)
        entropy = [self.id, self.base_seed & 0xFFFFFFFF, self.base_seed >> 32, 0]
        np.random.seed(np.random.SeedSequence(entropy).generate_state(4))
        return seed

    def start(self) -> Any:
        """A fetcher at the beginning of the data."""
        return self.fetcher(self.dataset, self.batched, self.collate_fn, self.drop_last)


@dataclass(frozen=True)
class StreamEnd:
    """Sent in place of a batch: this worker's stream has no more."""


class _Verbatim(str):
    """A message that prints as it is even where its repr is asked for, as KeyError does."""

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """The exception being handled, as text that can be sent to another process."""

    def __init__(self, where: str) -> None:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        text = "".join(traceback.format_exception(kind, error, trace))
        self.message = f"Caught {kind.__name__} {where}.\nOriginal {text}"
        self.kind: Any = kind
        try:
            pickle.dumps(kind)
        except (pickle.PicklingError, AttributeError, TypeError):  # a class made in a function
            self.kind = RuntimeError

    def reraise(self) -> None:
        """Raise an exception of the same class with the whole story as its message; a RuntimeError
        if the class wants other arguments."""
        message = _Verbatim(self.message) if self.kind is KeyError else self.message
        try:
            if getattr(self.kind, "message", None):
                error = self.kind(message=message)
            else:
                error = self.kind(message)
        except Exception:
            raise RuntimeError(message) from None
        raise error


def worker_loop(job: Job, pipe: Connection, parent: int) -> None:
    """A worker's life: until the pipe's other end is closed or its process dead."""
    global _worker_info
    set_num_threads(1)
    _worker_info = WorkerInfo(job.id, job.num_workers, job.seed(), job.dataset)
    where = f"in DataLoader worker process {job.id}"
    inbox: SimpleQueue[Any] = SimpleQueue()
    newest = [0]
    threading.Thread(target=_listen, args=(pipe, inbox, newest, parent), daemon=True).start()
    fetcher: Any = None
    failure: ExceptionWrapper | None = None
    try:
        if job.init_fn is not None:
            job.init_fn(job.id)
    except Exception:
        failure = ExceptionWrapper(where)
    epoch = -1
    while (task := inbox.get()) is not None:
        now, number, index = task
        if now < newest[0]:  # of an epoch nobody waits for any more
            continue
        answer: Any = failure
        try:
            if failure is None:
                if now != epoch:
                    epoch, fetcher = now, job.start()
                answer = fetcher.fetch(index)
        except Exception as error:
            ended = isinstance(error, StopIteration) and job.fetcher is IterableFetcher
            answer = StreamEnd() if ended else ExceptionWrapper(where)
        _answer(pipe, (now, number), answer, parent, where)
        del answer, task, index  # the memory is wanted for the next batch


def _answer(pipe: Connection, key: Any, answer: Any, parent: int, where: str) -> None:
    """Send; where the answer cannot be pickled, say so instead."""
    try:
        send(pipe, key, answer, parent)
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)  # nobody listens any more
    except Exception:
        send(pipe, key, ExceptionWrapper(where), parent)


def _listen(pipe: Connection, inbox: SimpleQueue[Any], newest: list[int], parent: int) -> None:
    """Read tasks as they come, so that the parent never waits for a busy worker to take one."""
    child = os.getppid() == parent  # of a fork server's workers the parent is the server
    try:
        while not child or os.getppid() == parent:
            if pipe.poll(_WATCH):
                task = pipe.recv()
                newest[0] = max(newest[0], task[0])
                inbox.put(task)
    except (EOFError, OSError):
        pass
    inbox.put(None)
