"""`torch.profiler`: cycles of waiting, warming up and recording, on top of `autograd.profiler`.

`profile` asks its `schedule` at every `step()` what to do, makes one `autograd.profiler.profile` a
cycle, and hands itself to `on_trace_ready` when a cycle is complete. There is one activity, the
CPU: what is asked of another device is refused.
"""

from __future__ import annotations

import enum
import json
import os
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from .autograd import profiler as timing
from .autograd.profiler import record_function

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What can be asked for; only the CPU is here."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What to do in one step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """The CPU alone."""
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """False: the times come from this package's own profiler."""
    return False


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """A function from the number of a step to what is done in it: cycles of waiting, warming up and
    recording.

    Args:
        wait, warmup, active: steps of each kind in one cycle.
        repeat: how many cycles; 0: as long as there are steps.
        skip_first: steps before the first cycle.
        skip_first_wait: not 0: the first cycle does not wait.

    Raises:
        AssertionError: a negative number, or nothing to record.

    Example:
        >>> import chainrule as torch
        >>> what = torch.profiler.schedule(wait=1, warmup=1, active=2)
        >>> [what(i).name for i in range(4)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE']
    """
    if not (min(wait, warmup, repeat, skip_first) >= 0 and active > 0):
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} "
            f"(need >= 0), active={active} (need > 0), repeat={repeat} (need >= 0), "
            f"skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results",
            UserWarning,
            stacklevel=2,
        )
    cycle = wait + warmup + active

    def what(step: int) -> ProfilerAction:
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        step += wait if skip_first_wait else 0
        done, at = divmod(step, cycle)
        if at < wait or (repeat and done >= repeat):
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return what


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """An `on_trace_ready` that writes each trace to a file of its own in `dir_name`.

    Args:
        dir_name: made if it is not there.
        worker_name: starts the name of the files; the host and process by default.
        use_gzip: compress them.
    """
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def write(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        end = ".pt.trace.json.gz" if use_gzip else ".pt.trace.json"
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}{end}"))

    return write


# what PyTorch's profiler takes besides; it decides nothing here
_ELSEWHERE = set(
    "profile_memory with_stack with_flops with_modules experimental_config "
    "post_processing_timeout_s custom_trace_id_callback".split()
)


class profile:
    """Times every op and every rule of backward, in the steps that `schedule` says.

    Args:
        activities: what to time; must hold `ProfilerActivity.CPU`, which is the default.
        schedule: what to do in which step (`schedule(...)`, or any such function); by default
            everything is recorded.
        on_trace_ready: called with this profile whenever a cycle is complete, and at the end.
        record_shapes: also keep the shapes of the operands.
        acc_events: keep the events of earlier cycles.
        options: the other options of PyTorch's profiler, which decide nothing here.

    Attributes:
        step_num: the number of the step. profiler: that of the last cycle; None before the first.

    Raises:
        AssertionError: no activity, or none that is here.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.profiler import ProfilerActivity, profile, record_function
        >>> with profile(activities=[ProfilerActivity.CPU]) as prof:
        ...     with record_function("mine"):
        ...         y = torch.ones(3).sin()
        >>> [e.key for e in prof.key_averages()]
        ['mine', 'aten::sin']
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        acc_events: bool = False,
        **options: Any,
    ) -> None:
        for name in options:
            if name not in _ELSEWHERE:
                raise TypeError(f"profile.__init__() got an unexpected keyword argument '{name}'")
        self.activities = supported_activities() if activities is None else set(activities)
        if not self.activities:
            raise AssertionError("No valid profiler activities found")
        if ProfilerActivity.CPU not in self.activities:
            names = ", ".join(sorted(getattr(a, "name", str(a)) for a in self.activities))
            raise AssertionError(
                f"No activities specified for the profiler\ngiven: {names}\n"
                "Hint: chainrule runs on the CPU, activities=[ProfilerActivity.CPU]"
            )
        self.record_steps = schedule is not None
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.on_trace_ready, self.record_shapes = on_trace_ready, record_shapes
        self.acc_events = acc_events
        self.step_num = 0
        self.current_action = self.schedule(0)
        self.profiler: timing.profile | None = None
        self._running = False
        self._step: record_function | None = None
        self._metadata: dict[str, Any] = {}

    # ------------------------------------------------------------ while it runs

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with the step that is next."""
        if self.current_action in _RECORDING:
            self._begin()
        self._name_step()

    def step(self) -> None:
        """The step is over; do what the next one asks for."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._end(ready=True)
        elif before is ProfilerAction.RECORD and self.current_action not in _RECORDING:
            warnings.warn(
                f"Incorrect schedule: RECORD followed by {self.current_action.name}",
                UserWarning,
                stacklevel=2,
            )
            self._end(ready=False)
        if self.current_action in _RECORDING and not self._running:
            self._begin()
        self._name_step()

    def stop(self) -> None:
        """End; what was recorded since the last complete cycle is handed over too."""
        self._end_step()
        self._end(ready=True)

    def _begin(self) -> None:
        made = timing.profile(record_shapes=self.record_shapes)
        made.__enter__()
        if self.acc_events and self.profiler is not None:
            made.origin = self.profiler.origin
            made._events = self.profiler.events()
        self.profiler, self._running = made, True

    def _end(self, ready: bool) -> None:
        if self._running and self.profiler is not None:
            self._running = False
            self.profiler.__exit__()
            if ready and self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def _name_step(self) -> None:
        if self.record_steps:
            self._step = record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__()
            self._step = None

    # ------------------------------------------------------------ afterwards

    def _need(self, doing: str) -> timing.profile:
        if self.profiler is None:
            raise AssertionError(
                f"Profiler must be initialized before {doing}\n"
                "Hint: nothing was recorded; the schedule did not come to a step that records"
            )
        return self.profiler

    def events(self) -> timing.EventList:
        """Everything that was timed in the last cycle."""
        return self._need("accessing events").function_events

    def key_averages(self, group_by_input_shape: bool = False, **options: Any) -> timing.EventList:
        """One entry for each op, rule and named range; its `table()` prints them."""
        return self._need("getting key averages").key_averages(group_by_input_shape, **options)

    def add_metadata(self, key: str, value: str) -> None:
        """Text that `export_chrome_trace` writes beside the events."""
        self._metadata[key] = str(value)

    def add_metadata_json(self, key: str, value: str) -> None:
        """The same with a value that is JSON."""
        self._metadata[key] = json.loads(value)

    def export_chrome_trace(self, path: str) -> None:
        """Write the last cycle as JSON for chrome://tracing or ui.perfetto.dev; compressed if the
        name ends in `.gz`."""
        made = self._need("exporting chrome trace")
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "trace.json")
            made.export_chrome_trace(plain)
            with open(plain, encoding="utf-8") as file:
                trace = json.load(file)
        text = json.dumps(self._metadata | trace)
        if str(path).endswith(".gz"):
            import gzip

            with gzip.open(path, "wt", encoding="utf-8") as file:
                file.write(text)
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
