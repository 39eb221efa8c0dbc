"""`torch.autograd.graph`: the recorded graph as users see it, and what is saved in it.

Nodes and gradient edges are those of `core/node.py`. Saved-tensor hooks are an interpreter: while
one is on, each op's node hands its saved values to the pack hook as soon as it is recorded
(`Node.pack`), and asks the unpack hook when its rule needs them.
"""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._state import modes, set_grad
from ..core.hooks import ACTIVE, RemovableHandle
from ..core.interpreter import below
from ..core.node import AccumulateGrad, GradientEdge, Node, Output, accumulator_of, edge_of, walk
from ..core.primitive import bump
from ..core.record import Packed, version_of
from ..core.tensor import Tensor, wrap
from ..core.watch import current_watch, register_hook
from .following import Follower, Lines, line_of

__all__ = [
    "AccumulateGrad",
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_report",
    "saved_tensors_hooks",
]


# ---------------------------------------------------------------- edges and versions


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Where in the graph the gradient of `tensor` arrives; `grad` and `backward` take it instead.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * 3
        >>> edge = torch.autograd.graph.get_gradient_edge(y)
        >>> out = (y * y).sum()
        >>> del y
        >>> torch.autograd.grad(out, edge)
        (tensor([ 6., 12.]),)
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor "
            "that does not require gradients"
        )
    leaf, node, number = edge_of(tensor)
    shape = (tensor._data.shape, tensor._data.dtype)
    return GradientEdge(accumulator_of(leaf) if node is None else node, number, shape)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that tensors were written in a way that could not be seen, so that backward can tell."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        if not t.is_inference():
            bump(t)


# ---------------------------------------------------------------- hooks on saved tensors


class _Local(threading.local):
    serving: Any = None  # the innermost pair of hooks, while an op is on its way down
    disabled: str | None = None
    active = 0


_local = _Local()


class saved_tensors_hooks(Follower):
    """Within it, `pack_hook(tensor)` decides what is kept for backward, and `unpack_hook` turns it
    back into the tensor when backward needs it.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> def pack(t):
        ...     return t.detach().to(torch.float16)
        >>> with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept.float()):
        ...     y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        tensor([2., 4.])
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        for hook, name in ((pack_hook, "pack_hook"), (unpack_hook, "unpack_hook")):
            if not callable(hook):
                raise TypeError(
                    f"saved_tensors_hooks(): argument '{name}' must be callable, not "
                    f"{type(hook).__name__}"
                )
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _local.disabled is not None:
            raise RuntimeError(_local.disabled)
        super().__enter__()
        _local.active += 1

    def __exit__(self, *exc: object) -> None:
        _local.active -= 1
        super().__exit__(*exc)

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        if _local.serving is not None:  # an inner pair of hooks packs
            with below(self):
                return prim.call(*inputs, params=params)
        _local.serving = self
        try:
            return super().process(prim, inputs, params)
        finally:
            _local.serving = None

    def made(self, node: Any, prim: Any, out: Any) -> None:
        if hasattr(node, "pack"):
            node.pack(self._packed)

    def _packed(self, t: Tensor, edge: Any) -> Packed:
        version = version_of(t)
        before = set_grad(False)
        _local.serving = None
        try:
            with below(self):
                held = self.pack_hook(t)
        finally:
            set_grad(before)
        if version_of(t) != version:
            raise pack_hook_wrote()
        return Packed(held, self.unpack_hook, edge)


def pack_hook_wrote() -> RuntimeError:
    """The pack hook wrote the tensor it was given."""
    return RuntimeError(
        "A saved tensor pack hook is modifying its input in place. Tensors provided as "
        "input to pack hook cannot be modified by in-place operations as this can lead to "
        "unexpected side-effects. Please open an issue if you need to perform in-place "
        "operations on the input to a pack hook.\nHint: clone() it in the hook"
    )


class save_on_cpu(saved_tensors_hooks):
    """Keep what is saved on the CPU: here, where it is anyway.

    Args:
        pin_memory: keep copies, as the transfer of pinned memory does, so that what was saved may
            be written.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(t: Any) -> Any:
            return t.device, t.detach().clone() if pin_memory else t.cpu()

        super().__init__(pack, lambda kept: kept[1].to(kept[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Within it, entering `saved_tensors_hooks` raises RuntimeError with this message."""
    if _local.active:
        raise RuntimeError(error_message)
    before, _local.disabled = _local.disabled, error_message
    try:
        yield
    finally:
        _local.disabled = before


def _raw_saved(self: Node, name: Any) -> Any:
    """The object behind `_raw_saved_x`, whose `register_hooks` is for this value alone."""
    return importlib.import_module(".raw_saved", __package__).SavedTensor(self, name)


Node.raw_saved = _raw_saved  # type: ignore[method-assign]


# ---------------------------------------------------------------- writing what was saved


class _Kept:
    """One saved array; copied before somebody writes its memory."""

    __slots__ = ("__weakref__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array


class _Mutation(saved_tensors_hooks):
    """Keeps saved arrays by the memory they stand in, and copies them in time."""

    def __init__(self) -> None:
        super().__init__(self._keep, self._give)
        self.kept: dict[int, list[weakref.ref[_Kept]]] = {}
        self.open = True

    def _keep(self, t: Tensor) -> _Kept:
        kept = _Kept(t._data)
        if type(t._data) is np.ndarray:
            self.kept.setdefault(id(_memory(t._data)), []).append(weakref.ref(kept))
        return kept

    def _give(self, kept: _Kept) -> Tensor:
        if not self.open:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                "in which the graph was originally recorded."
            )
        return wrap(kept.array)

    def writing(self, target: Tensor) -> None:
        if type(target._data) is np.ndarray:
            for reference in self.kept.pop(id(_memory(target._data)), ()):
                kept = reference()
                if kept is not None:
                    kept.array = kept.array.copy()

    def clear(self) -> None:
        """Forget everything."""
        self.kept.clear()
        self.open = False


def _memory(array: np.ndarray[Any, Any]) -> Any:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[Any]:
    """Within it, what was saved for backward may be written in place: it is copied first.

    Forward and backward must both be within. Views are followed.

    Example:
        >>> import chainrule as torch
        >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
        ...     x = torch.tensor([1.0, 2.0], requires_grad=True)
        ...     y = x.clone()
        ...     out = (y ** 2).sum()
        ...     y = y.sin_()
        ...     out.backward()
        >>> x.grad
        tensor([2., 4.])
    """
    if any(isinstance(m, _Mutation) for m in modes()):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    mutation = _Mutation()
    with mutation:
        try:
            yield mutation
        finally:
            mutation.clear()


# ---------------------------------------------------------------- hooks on several gradients


class _Handles(RemovableHandle):
    """Removes several hooks at once."""

    def __init__(self, handles: Sequence[RemovableHandle], key: Any) -> None:
        self.handles, self.key = tuple(handles), key
        self.id = self.handles[0].id if self.handles else -1

    def remove(self) -> None:
        ACTIVE.pop(self.key, None)
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all"
) -> RemovableHandle:
    """Call `fn` once per backward, when the gradients of all these tensors are known, or of the
    first.

    Args:
        tensors: whose gradients to wait for; those a backward does not reach are not waited for.
        fn: "all": gets a list of the gradients, None for tensors not reached; "any": gets the
            first gradient.
        mode: "all" or "any".

    Returns:
        A handle; `remove()` takes the hook away.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        >>> hook = lambda gs: print([g is not None for g in gs])
        >>> handle = torch.autograd.graph.register_multi_grad_hook((a, b), hook)
        >>> (a * 2).sum().backward()
        [True, False]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "all" and not all(t.requires_grad for t in tensors):
        raise AssertionError(
            "Expected gradient function to be set\nHint: every tensor must require grad"
        )
    places = [get_gradient_edge(t) if t.requires_grad else None for t in tensors]
    hook = _All(places, fn) if mode == "all" else _Any(fn)
    handles = [register_hook(t, hook.of(i)) for i, t in enumerate(tensors) if places[i] is not None]
    ACTIVE[hook] = hook
    return _Handles(handles, hook)


class _All:
    """Waits for every gradient that the walk will bring."""

    def __init__(self, places: Sequence[Any], fn: Callable[..., Any]) -> None:
        self.places, self.fn = places, fn
        self.lock = threading.Lock()
        self.walks: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()

    def of(self, i: int) -> Callable[[Tensor], None]:
        """The hook of tensor `i`."""

        def hook(g: Tensor) -> None:
            watch = current_watch()
            with self.lock:
                entry = self.walks.get(watch)
                if entry is None:
                    expected = sum(watch.reaches(p) for p in self.places)  # type: ignore[union-attr]
                    entry = self.walks[watch] = [expected, [None] * len(self.places)]
                entry[0] -= 1
                entry[1][i] = g
            if not entry[0]:
                self.fn(entry[1])

        return hook


class _Any:
    """Calls once per walk."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.lock = threading.Lock()
        self.done: weakref.WeakSet[Any] = weakref.WeakSet()

    def of(self, i: int) -> Callable[[Tensor], None]:
        """The hook, the same for every tensor."""

        def hook(g: Tensor) -> None:
            watch = current_watch()
            with self.lock:
                first = watch not in self.done
                self.done.add(watch)
            if first:
                self.fn(g)

        return hook


# ---------------------------------------------------------------- what is saved


class SavedReport:
    """What a graph keeps for backward. Prints as a table.

    Attributes:
        rows: (op, line, values, bytes), the largest first; memory saved by several nodes is counted
            where it is met first.
        total: bytes in all.
    """

    def __init__(self, rows: list[tuple[str, str, int, int]]) -> None:
        self.rows = sorted(rows, key=lambda row: -row[3])
        self.total = sum(row[3] for row in rows)

    def __str__(self) -> str:
        lines = [f"{_size(self.total)} saved for backward"]
        for op, line, count, size in self.rows:
            lines.append(f"{_size(size):>10}  {count:>4} x {op:24} {line}".rstrip())
        return "\n".join(lines)

    __repr__ = __str__


def _size(n: int) -> str:
    for unit in ("B", "KB", "MB"):
        if n < 1024:
            return f"{n:.0f} {unit}" if unit == "B" or n >= 100 else f"{n:.1f} {unit}"
        n /= 1024  # type: ignore[assignment]
    return f"{n:.1f} GB"


def saved_report(target: Any, *args: Any, **kwargs: Any) -> SavedReport:
    """What is saved for backward, by op and by line of the program.

    Args:
        target: a tensor, whose graph is looked at; or a function, which is called with the
            arguments so that the lines are known too. (Of a tensor's graph they are known where it
            was recorded in anomaly mode or under the profiler.)

    Returns:
        A report with `rows` and `total`, which prints as a table.

    Example:
        >>> import chainrule as torch
        >>> x = torch.ones(100, requires_grad=True)
        >>> torch.autograd.graph.saved_report((x.exp() * x).sum())
        800 B saved for backward
             800 B     2 x MulBackward0
    """
    if callable(target) and not isinstance(target, Tensor):
        with Lines():
            target = target(*args, **kwargs)
    tensors = target if isinstance(target, (tuple, list)) else (target,)
    seen: set[int] = set()
    nodes: dict[int, Any] = {}
    for t in tensors:
        root = getattr(t, "_node", None)
        if isinstance(root, Node):
            nodes.update((n.k, n) for n in walk(root) if type(n) is not Output)
    rows: dict[tuple[str, str], list[int]] = {}
    for k in sorted(nodes):
        sizes = [_bytes(a, seen) for a in _saved_arrays(nodes[k])]
        sizes = [n for n in sizes if n]
        if sizes:
            row = rows.setdefault((nodes[k].name(), line_of(nodes[k])), [0, 0])
            row[0] += len(sizes)
            row[1] += sum(sizes)
    return SavedReport([(op, line, n, size) for (op, line), (n, size) in rows.items()])


def _saved_arrays(node: Any) -> Iterator[Any]:
    """The arrays that a node keeps, without unpacking anything."""
    for kept in (getattr(node, "s0", None), getattr(node, "s1", None)):
        for value in kept if isinstance(kept, (list, tuple)) else (kept,):
            for v in value if isinstance(value, (list, tuple)) else (value,):
                v = v.held if type(v) is Packed else v
                v = v._data if type(v) is Tensor or isinstance(v, Tensor) else v
                if isinstance(v, (np.ndarray, np.generic)):
                    yield v


def _bytes(array: Any, seen: set[int]) -> int:
    """The bytes of an array's memory, once."""
    owner = _memory(array) if isinstance(array, np.ndarray) else array
    if id(owner) in seen:
        return 0
    seen.add(id(owner))
    return int(owner.nbytes)
