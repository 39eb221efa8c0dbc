"""Hooks: where they are kept, and the handle that takes one away.

A node has at most one `Hooks` (in `node.hooks`), a leaf that requires grad has one in its `_meta`.
Nothing is kept for a tensor without hooks, so the walk asks one slot. `ACTIVE` says whether a walk
must look at more than its nodes: it is empty, and costs one look, until somebody hooks a leaf,
waits for several gradients, or switches anomaly mode or a profiler on.
Who may call: `core/node.py`, `core/engine.py`, `core/watch.py`, `autograd/`; standard library only.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["ACTIVE", "OUTPUT", "HookTable", "Hooks", "RemovableHandle", "add", "watch_leaf"]

# What makes a walk take the watchful way: hooked leaves by identity, and named switches.
ACTIVE: dict[Any, Any] = {}


class HookTable(dict):  # type: ignore[type-arg]
    """Hooks by the id of their handle, in the order in which they run."""

    __slots__ = ("__weakref__",)


class Hooks:
    """The hooks of a node or leaf, by the moment at which they run; None where there are none.

    Attributes:
        tensor: of its outputs: (output number, hook), before everything else.
        retained: tensors with `retain_grad`: (output number, weak reference), right after those.
        pre: before the rule; they see all cotangents.
        post: after the rule; they see its gradients too.
        after: of a leaf: when its `.grad` has been written.
    """

    __slots__ = ("after", "post", "pre", "retained", "tensor")

    def __init__(self) -> None:
        self.after: HookTable | None = None
        self.post: HookTable | None = None
        self.pre: HookTable | None = None
        self.retained: HookTable | None = None
        self.tensor: HookTable | None = None


OUTPUT = Hooks()  # of every Output: makes the walk stop there; stays empty


class RemovableHandle:
    """What registering a hook returns: `remove()` takes it away; as a context manager, at the end.

    Args:
        hooks_dict: where the hook is kept, under this handle's `id`.
        id: the key; a new one by default.
        extra_dict: a dict, or a list of them, where the same key is removed too.
    """

    next_id = 0

    def __init__(self, hooks_dict: Any, id: int | None = None, *, extra_dict: Any = None) -> None:
        if id is None:
            id = RemovableHandle.next_id
            RemovableHandle.next_id += 1
        self.id = id
        extra = extra_dict if isinstance(extra_dict, list) else [extra_dict] if extra_dict else []
        self._tables = [weakref.ref(d) for d in (hooks_dict, *extra)]

    def remove(self) -> None:
        """Take the hook away; nothing happens the second time."""
        for reference in self._tables:
            table = reference()
            if table is not None:
                table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add(holder: Any, kind: str, hook: Any) -> RemovableHandle:
    """Keep `hook` in `holder.hooks` (a node's or a leaf's meta) among those of one kind."""
    hooks = holder.hooks
    if hooks is None:
        hooks = holder.hooks = Hooks()
    table = getattr(hooks, kind)
    if table is None:
        table = HookTable()
        setattr(hooks, kind, table)
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle


def watch_leaf(leaf: Any) -> None:
    """From now on walks look whether they reach this leaf, to run its hooks in time."""
    key = id(leaf)
    if key not in ACTIVE:
        gone: Callable[[Any], Any] = lambda _: ACTIVE.pop(key, None)  # noqa: E731
        ACTIVE[key] = weakref.ref(leaf, gone)
