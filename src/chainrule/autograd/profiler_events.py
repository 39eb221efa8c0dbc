"""What a profile is asked for under PyTorch's names: events with parents, averages, the table.

`EventList` is a list of `FunctionEvent` (one call each) or `FunctionEventAvg` (calls of one name).
Times are in microseconds. An event's parent is the shortest that contains it in the same thread;
its self time leaves its children out. Called by `autograd/profiler.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]


class Interval(NamedTuple):
    """From when to when, in microseconds since the profile began."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """How long."""
        return self.end - self.start


class _Timed:
    """What an event and an average share.

    Attributes:
        key: the name. count: how many calls.
        cpu_time_total, self_cpu_time_total: microseconds with and without what happened inside.
        saved_bytes: kept for backward. input_shapes: of the operands, if they were recorded.
    """

    key: str
    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    saved_bytes: int
    input_shapes: Any

    @property
    def cpu_time(self) -> float:
        """Microseconds a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_total_str(self) -> str:
        """The total as text."""
        return time_text(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """The time without what happened inside, as text."""
        return time_text(self.self_cpu_time_total)

    @property
    def cpu_time_str(self) -> str:
        """The time of a call, as text."""
        return time_text(self.cpu_time)


class FunctionEvent(_Timed):
    """One op (`aten::sin`), rule (`SinBackward0`) or named range.

    Attributes:
        name, id, thread: which it is. time_range: when it was.
        cpu_parent, cpu_children: what it happened in, and what happened in it.
        phase, line: forward, backward or range; the line of the program, where it is known.
    """

    count = 1

    def __init__(self, number: int, event: Any) -> None:
        self.id, self.phase, self.line, self.thread = number, event.phase, event.line, event.thread
        self.name = self.key = "aten::" * (event.phase == "forward") + event.name
        if event.phase == "range" and self.name.startswith("ProfilerStep#"):
            self.key = "ProfilerStep*"  # the steps of one schedule (profiler.py)
        self.time_range = Interval(event.start / 1e3, (event.start + event.duration) / 1e3)
        self.input_shapes, self.saved_bytes = list(event.shapes), event.saved
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds without the children."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    def __repr__(self) -> str:
        start, end = self.time_range
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} "
            f"start_us={start:.3f} end_us={end:.3f} "
            f"cpu_children={[c.id for c in self.cpu_children]} thread={self.thread} "
            f"input_shapes={self.input_shapes}>"
        )


class FunctionEventAvg(_Timed):
    """All calls of one name."""

    def __init__(self, key: str) -> None:
        self.key, self.count, self.saved_bytes = key, 0, 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.input_shapes: Any = ""

    def add(self, event: Any) -> FunctionEventAvg:
        """Count one more event."""
        self.count += event.count
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        self.saved_bytes += event.saved_bytes
        return self

    def __iadd__(self, event: Any) -> FunctionEventAvg:
        return self.add(event)

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} input_shapes={self.input_shapes}>"
        )


class EventList(list):
    """Events, or averages of them. Prints as the table."""

    def __init__(self, events: Iterable[Any], *, shapes: bool = False) -> None:
        super().__init__(events)
        self.shapes = shapes

    @staticmethod
    def of(events: Iterable[Any], shapes: bool) -> EventList:
        """The events of a profile, in the order in which they began, each in its parent."""
        made = [FunctionEvent(i + 1, e) for i, e in enumerate(sorted(events, key=_begin))]
        inside: dict[int, list[FunctionEvent]] = {}
        for e in made:
            stack = inside.setdefault(e.thread, [])
            while stack and stack[-1].time_range.end < e.time_range.end:
                stack.pop()
            if stack:
                e.cpu_parent = stack[-1]
                stack[-1].cpu_children.append(e)
            stack.append(e)
        return EventList(made, shapes=shapes)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in all."""
        return sum(e.self_cpu_time_total for e in self)

    def key_averages(self, group_by_input_shapes: bool = False, **options: Any) -> EventList:
        """One entry for each name (and shapes of operands, if asked)."""
        found: dict[Any, FunctionEventAvg] = {}
        for e in self:
            which = (e.key, str(e.input_shapes) if group_by_input_shapes else "")
            average = found.setdefault(which, FunctionEventAvg(e.key)).add(e)
            if group_by_input_shapes:
                average.input_shapes = e.input_shapes
        return EventList(found.values(), shapes=group_by_input_shapes)

    def total_average(self) -> FunctionEventAvg:
        """All of them in one."""
        total = FunctionEventAvg("Total")
        for e in self:
            total.add(e)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        **options: Any,
    ) -> str:
        """The entries as text.

        Args:
            sort_by: an attribute, such as "self_cpu_time_total", "cpu_time_total", "count" or
                "saved_bytes"; the largest come first. Else in their order.
            row_limit: how many rows (-1: all).
            header: a line above. top_level_events_only: leave out what happened inside others.
        """
        if not self:
            return ""
        rows = list(self) if sort_by is None else _sorted(self, sort_by)
        if top_level_events_only:
            rows = [e for e in rows if getattr(e, "cpu_parent", None) is None]
        rows = rows[:row_limit] if row_limit != -1 else rows
        total = self.self_cpu_time_total or 1.0
        width = min(max(max(len(e.key) for e in rows) + 4, 10), max_name_column_width)
        heads = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
        cells = [[_short(e.key, width), *_numbers(e, total)] for e in rows]
        heads += ["# of Calls", "Saved"]
        widths = [width] + [12] * 7
        if self.shapes:
            heads.append("Input Shapes")
            shown = [_short(str(e.input_shapes), max_shapes_column_width) for e in rows]
            cells = [[*row, s] for row, s in zip(cells, shown, strict=True)]
            widths.append(max([12, *map(len, shown)]))
        line = "  ".join("-" * w for w in widths)
        body = ["  ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in cells]
        top = "  ".join(f"{h:>{w}}" for h, w in zip(heads, widths, strict=True))
        lines = [line, top, line, *body, line, f"Self CPU time total: {time_text(total)}", ""]
        return "\n".join(["=" * len(line), header, *lines] if header else lines)

    def __str__(self) -> str:
        return self.table()


def _begin(e: Any) -> tuple[int, int]:
    return e.start, -e.duration  # of two that begin together the longer is outside


def _sorted(events: Iterable[Any], by: str) -> list[Any]:
    return sorted(events, key=lambda e: getattr(e, by), reverse=True)


def _numbers(e: Any, total: float) -> list[str]:
    return [
        f"{e.self_cpu_time_total / total:.2%}",
        time_text(e.self_cpu_time_total),
        f"{e.cpu_time_total / total:.2%}",
        time_text(e.cpu_time_total),
        time_text(e.cpu_time),
        str(e.count),
        f"{e.saved_bytes} b",
    ]


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def time_text(microseconds: float) -> str:
    """`1.234ms`."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3f}{unit}"
    return f"{microseconds:.3f}us"
