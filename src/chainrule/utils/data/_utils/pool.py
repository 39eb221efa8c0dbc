"""The worker processes of one iterator, seen from the parent.

Each worker has a pipe of its own, and nothing is shared: no lock, no queue. So a worker that is
killed, at any moment, leaves the others as they are, and the parent sees the end of its pipe.
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from typing import TYPE_CHECKING, Any

from .transport import receive
from .worker import Job, worker_loop

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Pool"]

_PATIENCE = 5.0  # seconds: for workers to end by themselves, and between looks whether they live
_ends: set[Any] = set()  # this process's ends of all pipes: a forked worker must close its copies


def _main(job: Job, pipe: Connection, parent: int) -> None:
    """Where a worker process begins."""
    for end in list(_ends):
        end.close()
    try:
        worker_loop(job, pipe, parent)
    except KeyboardInterrupt:  # the parent has it too, and tells the user
        pass


class Pool:
    """Running workers: `send` a task, `receive` an answer, `close`."""

    def __init__(self, context: Any, jobs: list[Job]) -> None:
        self.owner = os.getpid()
        self.processes: list[Any] = []
        self.pipes: list[Any] = []
        self.failure: str | None = None
        self.closed = False
        try:
            for job in jobs:
                self._start(context, job)
        except BaseException:
            self.close()
            raise

    def _start(self, context: Any, job: Job) -> None:
        here, there = context.Pipe(duplex=True)
        self.pipes.append(here)
        _ends.add(here)
        process = context.Process(target=_main, args=(job, there, self.owner), daemon=True)
        try:
            process.start()
        except (TypeError, AttributeError, ValueError) as error:
            warnings.warn(
                "Got pickle error when attempting to start a worker Process. This might be because "
                f"the worker Process arguments are not picklable: {error}. "
                "You can also try multiprocessing.set_start_method('fork').",
                UserWarning,
                stacklevel=6,
            )
            raise
        finally:
            there.close()
        self.processes.append(process)

    def send(self, worker: int, task: Any) -> None:
        """Hand a task to a worker; that it is dead is noticed by `receive`."""
        try:
            self.pipes[worker].send(task)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def receive(self, timeout: float) -> tuple[int, Any, Any]:
        """(worker, key, answer) of the next answer there is.

        Raises:
            RuntimeError: none came within `timeout` seconds (0: no limit), or a worker died.
        """
        from multiprocessing.connection import wait

        if self.failure:
            raise RuntimeError(self.failure)
        while True:
            ready = wait(self.pipes, timeout or _PATIENCE)
            for pipe in ready:
                worker = self.pipes.index(pipe)
                try:
                    return (worker, *receive(pipe))  # type: ignore[arg-type]
                except (EOFError, ConnectionResetError):
                    self._fail([worker])
            dead = [i for i, process in enumerate(self.processes) if not process.is_alive()]
            if dead:
                self._fail(dead)
            if timeout:
                raise RuntimeError(
                    f"DataLoader timed out after {timeout} seconds\n"
                    "Hint: a larger timeout=, or 0 to wait as long as it takes"
                )

    def _fail(self, workers: list[int]) -> None:
        """Report dead workers, now and whenever an answer is asked for again."""
        dead = [self.processes[i] for i in workers]
        for process in dead:
            process.join(_PATIENCE)  # its pipe closes a moment before it has ended
        facts = [f"pid {process.pid}: {_ending(process.exitcode)}" for process in dead]
        self.failure = "\n".join((
            f"DataLoader worker (pid(s) {', '.join(str(p.pid) for p in dead)}) exited unexpectedly",
            *facts,
            "Hint: with num_workers=0 what happens there happens in this process",
        ))  # fmt: skip
        self.close()
        raise RuntimeError(self.failure)

    def close(self) -> None:
        """End the workers: their pipes end, so they do; those that do not are terminated."""
        if self.closed or self.owner != os.getpid():  # a forked worker holds a copy of this
            return
        self.closed = True
        for pipe in self.pipes:
            _ends.discard(pipe)
            pipe.close()
        until = time.monotonic() + _PATIENCE
        for end in ("terminate", "kill", ""):
            for process in self.processes:
                process.join(max(until - time.monotonic(), 0))
            left = [process for process in self.processes if process.is_alive()]
            if not left or not end:
                return
            for process in left:
                getattr(process, end)()
            until = time.monotonic() + _PATIENCE


def _ending(code: int | None) -> str:
    if code is None:
        return "still running, its pipe closed"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
