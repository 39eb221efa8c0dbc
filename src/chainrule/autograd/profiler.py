"""`torch.autograd.profiler`: where the time goes, and what is saved for backward, by op and line.

`profile` is an interpreter that times each op as it passes down, notes the line of the user's
program at its node, and has the walk time every rule (`core/watch.py`). Ops are timed one level
down, so what profiling itself costs is not counted, but the fast lanes are not taken either: an op
on small tensors shows about a microsecond more than it takes without.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from typing import Any, NamedTuple

from .. import errors
from .._state import modes
from ..core.hooks import ACTIVE
from .following import Follower, line_of
from .graph import _memory, _saved_arrays, _size
from .profiler_events import EventList, FunctionEvent, FunctionEventAvg

__all__ = [
    "Event",
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "emit_itt",
    "emit_nvtx",
    "profile",
    "record_function",
]


class Event(NamedTuple):
    """One op, rule or named range.

    Attributes:
        phase: forward, backward or range.
        start, duration: in nanoseconds, from the start of the profile.
        saved: bytes kept for backward by this op, not counting memory kept already.
    """

    name: str
    phase: str
    line: str
    start: int
    duration: int
    saved: int
    shapes: tuple[Any, ...]
    thread: int


# what PyTorch's profiler takes besides; it decides nothing here
_ELSEWHERE = set(
    "use_cuda use_device with_flops profile_memory with_stack with_modules use_kineto use_cpu "
    "experimental_config acc_events custom_trace_id post_processing_timeout_s".split()
)


class profile(Follower):
    """Within it, every op and every rule of backward is timed.

    Args:
        enabled: False makes it do nothing.
        record_shapes: also keep the shapes of the operands.
        options: the other options of PyTorch's profiler, which decide nothing here.

    Example:
        >>> import chainrule as torch
        >>> x = torch.ones(100, requires_grad=True)
        >>> with torch.autograd.profiler.profile() as prof:
        ...     x.exp().sum().backward()
        >>> [(e.name, e.phase, e.saved) for e in prof.events()][:2]
        [('exp', 'forward', 400), ('sum', 'forward', 0)]
        >>> "ExpBackward0" in prof.table()
        True
    """

    def __init__(
        self, enabled: bool = True, *, record_shapes: bool = False, **options: Any
    ) -> None:
        for name in options:
            if name not in _ELSEWHERE:
                raise TypeError(f"profile.__init__() got an unexpected keyword argument '{name}'")
        self.enabled, self.record_shapes = enabled, record_shapes
        self._events: list[Event] = []
        self._kept: dict[int, Any] = {}
        self._saved = 0
        self.origin = 0

    def __enter__(self) -> profile:
        if self.enabled:
            if self.origin:
                raise RuntimeError("Profiler context manager is not reentrant")
            if "timer" in ACTIVE:
                raise RuntimeError("can't start a profiler inside another\nHint: one is enough")
            self.origin = time.perf_counter_ns()
            ACTIVE["timer"] = self._rule
            super().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.enabled:
            super().__exit__(*exc)
            ACTIVE.pop("timer", None)
            self._kept.clear()

    # ------------------------------------------------------------ while it runs

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        self._saved = 0
        start = time.perf_counter_ns()
        out = super().process(prim, inputs, params)
        end = time.perf_counter_ns()
        line = errors.line_of(errors.user_location())
        shapes: tuple[Any, ...] = ()
        if self.record_shapes:
            shapes = tuple(list(t.shape) for t in inputs if hasattr(t, "shape"))
        self._note(prim.name, "forward", line, start, end, self._saved, shapes)
        return out

    def made(self, node: Any, prim: Any, out: Any) -> None:
        node.metadata.setdefault("line_", errors.user_location())
        for array in _saved_arrays(node):
            owner = _memory(array) if array.ndim else array
            if id(owner) not in self._kept:
                self._kept[id(owner)] = owner
                self._saved += owner.nbytes

    def _rule(self, node: Any, start: int, end: int) -> None:
        self._note(node.name(), "backward", line_of(node), start, end, 0, ())

    def _note(self, name: str, phase: str, line: str, start: int, end: int, *rest: Any) -> None:
        thread = threading.get_ident()
        saved, shapes = rest
        begin = start - self.origin
        self._events.append(Event(name, phase, line, begin, end - start, saved, shapes, thread))

    # ------------------------------------------------------------ afterwards

    def events(self) -> list[Event]:
        """Everything that was timed, in the order in which it ended."""
        return list(self._events)

    def total(self) -> int:
        """Nanoseconds in ops and rules."""
        return sum(e.duration for e in self._events if e.phase != "range")

    def rows(self, by: str = "op") -> list[tuple[str, int, int, int]]:
        """(what, calls, nanoseconds, saved bytes), the slowest first.

        Args:
            by: "op", "line" or "op and line".
        """
        names = {
            "op": lambda e: e.name,
            "line": lambda e: e.line or "(unknown)",
            "op and line": lambda e: f"{e.name}  {e.line}".rstrip(),
        }
        if by not in names:
            raise ValueError(f"by must be one of {', '.join(map(repr, names))}, not {by!r}")
        found: dict[str, list[int]] = {}
        for e in self._events:
            if e.phase == "range" and by != "op":
                continue  # what is in it has lines of its own
            row = found.setdefault(names[by](e), [0, 0, 0])
            row[0] += 1
            row[1] += e.duration
            row[2] += e.saved
        rows = [(name, n, spent, saved) for name, (n, spent, saved) in found.items()]
        return sorted(rows, key=lambda row: -row[2])

    @property
    def function_events(self) -> EventList:
        """Everything that was timed, under PyTorch's names."""
        return EventList.of(self._events, self.record_shapes)

    def key_averages(self, group_by_input_shape: bool = False, **options: Any) -> EventList:
        """One entry for each op, rule and named range; its `table()` prints them.

        Example:
            >>> import chainrule as torch
            >>> with torch.autograd.profiler.profile() as prof:
            ...     y = torch.ones(3).sin().sin()
            >>> [(e.key, e.count) for e in prof.key_averages()]
            [('aten::sin', 2)]
        """
        return self.function_events.key_averages(group_by_input_shape)

    def total_average(self) -> FunctionEventAvg:
        """Everything in one entry."""
        return self.function_events.total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in ops, rules and named ranges."""
        return self.function_events.self_cpu_time_total

    def table(self, by: str = "op", row_limit: int = 100, **options: Any) -> str:
        """The rows as text; with one of PyTorch's options (`sort_by=` ...) as `EventList.table`."""
        if options:
            return self.function_events.table(row_limit=row_limit, **options)
        rows = self.rows(by)[:row_limit]
        total = self.total()
        ranges = {e.name for e in self._events if e.phase == "range"}  # no part of the total
        width = max([len(row[0]) for row in rows] + [len(by)])
        lines = [f"{by:{width}}  {'calls':>7} {'time':>10} {'each':>10} {'share':>6} {'saved':>10}"]
        for name, calls, spent, saved in rows:
            size = _size(saved) if saved else ""
            share = "" if name in ranges or not total else f"{spent / total:.1%}"
            lines.append(
                f"{name:{width}}  {calls:>7} {_time(spent):>10} {_time(spent / calls):>10} "
                f"{share:>6} {size:>10}".rstrip()
            )
        kept = sum(e.saved for e in self._events)
        lines.append(f"{_time(total)} in ops and rules, {_size(kept)} saved for backward")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: Any) -> None:
        """Write the events as JSON for chrome://tracing or ui.perfetto.dev."""
        import json  # as long to load as all of this room

        events = [
            {
                "name": e.name,
                "cat": e.phase,
                "ph": "X",
                "ts": e.start / 1000,
                "dur": e.duration / 1000,
                "pid": os.getpid(),
                "tid": e.thread,
                "args": {"line": e.line, "saved bytes": e.saved, "shapes": list(e.shapes)},
            }
            for e in self._events
        ]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, file)


def _time(nanoseconds: float) -> str:
    for unit in ("ns", "us", "ms"):
        if nanoseconds < 1000:
            return f"{nanoseconds:.1f} {unit}"
        nanoseconds /= 1000
    return f"{nanoseconds:.2f} s"


class record_function:
    """Names a range of the program in the profile that is running.

    Example:
        >>> import chainrule as torch
        >>> with torch.autograd.profiler.profile() as prof:
        ...     with torch.autograd.profiler.record_function("my part"):
        ...         y = torch.ones(3) * 2
        >>> prof.events()[-1].name
        'my part'
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __call__(self, function: Any) -> Any:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return named

    def __enter__(self) -> record_function:
        self.start = time.perf_counter_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        end = time.perf_counter_ns()
        line = errors.line_of(errors.user_location())
        for mode in modes():
            if isinstance(mode, profile):
                mode._note(self.name, "range", line, self.start, end, 0, ())


class _Emitter:
    """Would show every op to another program's profiler, which is not here."""

    why = ""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self) -> Any:
        if self.enabled:
            raise AssertionError(
                f"{self.why}\nHint: torch.autograd.profiler.profile() times ops on the CPU"
            )
        return self

    def __exit__(self, *exc: object) -> None:
        pass


class emit_nvtx(_Emitter):
    """Ranges for NVIDIA's profiler: refused when entered, unless `enabled` is False."""

    why = "Torch not compiled with CUDA enabled"


class emit_itt(_Emitter):
    """Ranges for Intel's VTune: refused when entered, unless `enabled` is False."""

    why = "emit_itt: Intel's instrumentation (ITT) is not part of chainrule"
