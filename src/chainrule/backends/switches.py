"""Switches of libraries that are not here: they keep what they are set to and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["flags_of", "switch"]


def flags_of(space: dict[str, Any], **standard: Any) -> Callable[..., Any]:
    """The context manager `flags(enabled=..., ...)` of a module with this `globals()`.

    Args:
        standard: what an argument that is left out is set to inside; None leaves it as it is.
    """

    @contextmanager
    def flags(**settings: Any) -> Iterator[None]:
        unknown = set(settings) - set(standard)
        if unknown:
            raise TypeError(f"flags() got an unexpected keyword argument '{min(unknown)}'")
        before = {name: space[name] for name in standard}
        chosen = {**standard, **settings}
        space.update({k: v for k, v in chosen.items() if v is not None})
        try:
            yield
        finally:
            space.update(before)

    flags.__doc__ = "Inside its `with` the switches of this module are set; they change nothing."
    return flags


def switch(state: dict[str, Any], name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """A pair of functions that reads and sets `state[name]`."""

    def read() -> Any:
        return state[name]

    def write(enabled: Any) -> None:
        state[name] = bool(enabled)

    read.__doc__ = "What it was set to; it changes nothing here."
    write.__doc__ = "Keep the setting; it changes nothing here."
    return read, write
