"""Worker processes: the same batches, errors that arrive, nothing left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    get_worker_info,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="these data sets are inherited by fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


def load(dataset: Any, **options: Any) -> DataLoader[Any]:
    return DataLoader(dataset, **{"num_workers": 2, "multiprocessing_context": "fork", **options})


class Numbers(Dataset[Any]):
    """Sample i is i, unless `at(i)` does something else."""

    def __init__(self, n: int = 8, at: Any = None) -> None:
        self.n, self.at = n, at

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        return i if self.at is None else self.at(i)


class Streams(IterableDataset[Any]):
    """Worker w counts from 100 w, a different number of steps each."""

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        worker = 0 if info is None else info.id
        return iter(range(worker * 100, worker * 100 + (7, 2, 4)[worker]))


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No process, no descriptor, no block with a name after a test."""
    resource_tracker.ensure_running()  # spawn starts it, and it stays
    gc.collect()
    before = descriptors(), named_blocks()
    yield
    gc.collect()
    assert multiprocessing.active_children() == []
    assert (descriptors(), named_blocks()) == before


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def named_blocks() -> set[str]:
    return set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()


def arrays() -> TensorDataset:
    """32 kB a row: these travel in shared memory."""
    return TensorDataset(torch.randn(10, 8192), torch.arange(10))


def same(a: Any, b: Any) -> bool:
    pairs = [(x, y) for one, two in zip(a, b, strict=True) for x, y in zip(one, two, strict=True)]
    return all(x.dtype is y.dtype and torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"drop_last": True}], ids=str)
def test_two_workers_give_the_batches_of_none(options: dict[str, Any]) -> None:
    data = arrays()
    torch.manual_seed(3)
    alone = list(DataLoader(data, batch_size=3, **options))
    torch.manual_seed(3)
    assert same(list(load(data, batch_size=3, **options)), alone)


def test_batches_are_writable_and_outlive_the_workers() -> None:
    batches = list(load(arrays(), batch_size=5))
    x = batches[0][0]
    x += 1
    assert x._data.flags.writeable
    assert float((x * 0).sum()) == 0


def test_memory_orders_dtypes_and_nesting_survive() -> None:
    sample = {
        "f": np.asfortranarray(np.arange(40000.0).reshape(200, 200)),
        "c": torch.ones(3000, dtype=torch.complex128),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.5),
        "text": ("a", b"b", None),
    }
    (home,) = load([sample], batch_size=None, collate_fn=lambda x: x, num_workers=1)
    assert home["f"].flags.f_contiguous and (home["f"] == sample["f"]).all()
    assert torch.equal(home["c"], sample["c"]) and home["c"].dtype is torch.complex128
    assert home["empty"].shape == (0, 3) and home["text"] == sample["text"]
    assert float(home["scalar"]) == 2.5


def test_many_batches_do_not_use_up_descriptors() -> None:
    data = TensorDataset(torch.zeros(300, 8192))
    batches = list(load(data, num_workers=1))
    assert len(batches) == 300
    assert descriptors() < 300


def test_streams_take_turns_until_each_has_ended() -> None:
    batches = [b.tolist() for b in load(Streams(), num_workers=3, batch_size=2)]
    assert batches == [[0, 1], [100, 101], [200, 201], [2, 3], [202, 203], [4, 5], [6]]
    whole = [b.tolist() for b in load(Streams(), num_workers=3, batch_size=2, drop_last=True)]
    assert whole == batches[:-1]
    single = list(load(Streams(), num_workers=3, batch_size=None))
    assert single == [0, 100, 200, 1, 101, 201, 2, 202, 3, 203, 4, 5, 6]


def test_persistent_workers_are_the_same_processes() -> None:
    loader = load(Numbers(), batch_size=4, persistent_workers=True)
    pids, batches = [], []
    for _ in range(3):
        batches.append([b.tolist() for b in loader])
        pids.append([w.pid for w in loader._iterator._workers])
    assert pids[0] == pids[1] == pids[2]
    assert batches == [[[0, 1, 2, 3], [4, 5, 6, 7]]] * 3
    next(iter(loader))  # a pass given up half-way does not leak into the next one
    assert [b.tolist() for b in loader] == batches[0]
    del loader


def test_persistent_streams_begin_again() -> None:
    loader = load(Streams(), num_workers=3, batch_size=2, persistent_workers=True)
    first = [b.tolist() for b in loader]
    assert [b.tolist() for b in loader] == first
    del loader


def test_without_persistence_workers_are_new() -> None:
    loader = load(Numbers(2, at=lambda i: os.getpid()), batch_size=None)
    assert not set(loader) & set(loader)


def test_an_early_break_leaves_nothing() -> None:
    for x, _ in load(arrays(), prefetch_factor=4):
        assert x.shape == (1, 8192)
        break
    gc.collect()
    assert multiprocessing.active_children() == []


def test_an_exception_arrives_with_its_traceback_and_the_rest_goes_on() -> None:
    def at(i: int) -> int:
        if i == 5:
            raise ValueError("five is bad")
        return i

    batches = iter(load(Numbers(at=at), batch_size=2))
    assert [next(batches).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(ValueError) as caught:
        next(batches)
    start, *_, last = str(caught.value).strip().split("\n")
    assert start == "Caught ValueError in DataLoader worker process 0."
    assert str(caught.value).split("\n")[1] == "Original Traceback (most recent call last):"
    assert last == "ValueError: five is bad"
    assert next(batches).tolist() == [6, 7]
    with pytest.raises(StopIteration):
        next(batches)


class TwoArguments(Exception):
    """An exception that cannot be made of a message."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)


def raised(error: BaseException) -> Any:
    def at(i: int) -> Any:
        raise error

    return at


def test_exceptions_of_all_sorts() -> None:
    class Local(Exception):
        pass

    with pytest.raises(KeyError) as caught:
        list(load(Numbers(at=raised(KeyError("k")))))
    assert "\nOriginal Traceback" in str(caught.value)
    for error in (TwoArguments(1, 2), Local("here")):
        with pytest.raises(RuntimeError, match=f"Caught {type(error).__name__} in DataLoader"):
            list(load(Numbers(at=raised(error))))


def test_what_cannot_be_sent_says_so() -> None:
    with pytest.raises(Exception, match="in DataLoader worker process 0"):
        list(load(Numbers(at=lambda i: lambda: i), batch_size=None))


def test_an_exception_of_init_arrives() -> None:
    def init(worker: int) -> None:
        raise OSError(f"no disk for {worker}")

    with pytest.raises(OSError, match="Caught OSError in DataLoader worker process 0"):
        list(load(Numbers(), worker_init_fn=init))


def test_init_knows_its_worker() -> None:
    seen: dict[str, Any] = {}

    def init(worker: int) -> None:
        info = get_worker_info()
        assert info is not None and info.dataset is not None
        seen["it"] = (worker, info.id, info.num_workers, info.seed - worker)

    rows = list(load(Numbers(2, at=lambda i: seen["it"]), batch_size=None, worker_init_fn=init))
    assert [r[:3] for r in rows] == [[0, 0, 2], [1, 1, 2]]
    assert rows[0][3] == rows[1][3]
    assert get_worker_info() is None


@pytest.mark.parametrize("how", [signal.SIGKILL, None])
def test_a_dead_worker_is_reported_and_nobody_waits(how: Any) -> None:
    def at(i: int) -> int:
        if i == 5:
            os._exit(3) if how is None else os.kill(os.getpid(), how)
        return i

    batches = iter(load(Numbers(at=at), batch_size=2))
    began, got = time.monotonic(), []
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexp") as e:
        for batch in batches:
            got.append(batch.tolist())
    assert got in ([], [[0, 1]], [[0, 1], [2, 3]])
    assert ("exit code 3" if how is None else "signal SIGKILL") in str(e.value)
    assert time.monotonic() - began < 4
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(batches)


def test_a_worker_killed_while_it_waits() -> None:
    loader = load(Numbers(), batch_size=2, persistent_workers=True)
    assert len(list(loader)) == 4
    victim = loader._iterator._workers[1]
    os.kill(victim.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=f"pid\\(s\\) {victim.pid}\\) exited unexpectedly"):
        list(loader)
    assert len(list(loader)) == 4  # new workers
    del loader


def test_timeout() -> None:
    slow = Numbers(2, at=lambda i: time.sleep(0.8))
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.2 seconds"):
        list(load(slow, timeout=0.2))


def test_out_of_order_gives_what_is_there() -> None:
    quick = Numbers(6, at=lambda i: (time.sleep(0.4), i)[1] if i == 0 else i)
    found = list(load(quick, batch_size=None, in_order=False))
    assert sorted(found) == list(range(6)) and found[0] != 0
    assert list(load(quick, batch_size=None)) == list(range(6))


def test_a_batch_larger_than_the_pipe_and_not_of_arrays() -> None:
    text = Numbers(6, at=lambda i: str(i) * 500_000)
    assert [t[0] for t in load(text, batch_size=None, prefetch_factor=3)] == list("012345")


def test_long_lists_of_indices_do_not_block() -> None:
    indices = [list(range(i, i + 20000)) for i in range(6)]
    rows = load(Numbers(30000), batch_sampler=indices, prefetch_factor=3, collate_fn=lambda b: b)
    assert [row[0] for row in rows] == list(range(6))


def test_spawned_workers() -> None:
    data = arrays()
    alone = list(DataLoader(data, batch_size=5))
    assert same(
        list(load(data, batch_size=5, num_workers=1, multiprocessing_context="spawn")), alone
    )


def test_what_spawn_cannot_pickle_is_explained() -> None:
    loader = load(Numbers(at=lambda i: i), multiprocessing_context="spawn")
    with pytest.warns(UserWarning, match="Got pickle error when attempting to start a worker"):
        with pytest.raises(Exception, match="pickle"):
            iter(loader)


ORPHANS = """
import os, signal, sys
import chainrule as torch
from chainrule.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.zeros(50, 8192))
loader = DataLoader(data, num_workers=2, multiprocessing_context="fork")
batches = iter(loader)
next(batches)
print(*[w.pid for w in batches._workers], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_killed_parent_end() -> None:
    path = os.path.dirname(os.path.dirname(torch.__file__))
    done = subprocess.run(
        [sys.executable, "-c", ORPHANS],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        timeout=60,
    )
    until = time.monotonic() + 5
    left = {int(pid) for pid in done.stdout.split()}
    assert len(left) == 2
    while left and time.monotonic() < until:
        left = {pid for pid in left if alive(pid)}
        time.sleep(0.05)
    assert not left


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_iterators_are_not_pickled() -> None:
    import pickle

    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(iter(DataLoader([1])))
