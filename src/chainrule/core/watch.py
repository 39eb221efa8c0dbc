"""What a walk does besides reading rules: hooks, captured cotangents, leaves that are due, checks.

The engine comes here only at nodes that have hooks (or are one output of several), and in walks
that carry a `Watch`: those towards given inputs, and those while `hooks.ACTIVE` is not empty. The
order is PyTorch's: at a node the hooks of its outputs in the order of their registration, then
`retain_grad`, then its pre-hooks, the rule, its hooks; whoever asked for its cotangent gets it
before all of them, or after the hooks of its outputs if the walk ends there. A leaf
with hooks is served as soon as its last contribution has arrived; other leaves are served when the
walk is over. Hooks run with recording off, unless the walk is recorded.
"""

from __future__ import annotations

import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from heapq import heappush
from typing import Any

import numpy as np

from .. import errors
from .._state import S, set_grad
from .hooks import ACTIVE, Hooks, RemovableHandle, add, watch_leaf
from .node import LEAF, UNDEFINED, Forbidden, Output, edge_of, walk
from .record import OPS
from .tensor import Tensor, wrap

__all__ = [
    "Watch",
    "accumulate",
    "check_nan",
    "current_node",
    "current_watch",
    "register_hook",
    "undefined",
    "visit",
    "warn_of_cycle",
]

_ndarray, _add = np.ndarray, np.add
_lock = threading.RLock()  # of all `.grad`: several threads may walk at once


class _Local(threading.local):
    watch: Watch | None = None
    node: Any = None


_local = _Local()


def current_watch() -> Watch | None:
    """The watch of the walk that this thread is in, if it has one."""
    return _local.watch


def current_node() -> Any:
    """The node whose rule this thread reads, in a walk that carries a watch."""
    return _local.node


class Watch:
    """What one walk must look at besides its nodes.

    Attributes:
        captured: cotangents that were asked for, by node number; filled in.
        only: numbers of the nodes that are asked for and lead to nothing that is.
        wanted: numbers of the nodes to visit; None: all.
        due: (node number, edge number, leaf): the leaf has everything after that node; the first
            that happens stands last.
        found: cotangents of leaves asked for, after their hooks, by identity.
    """

    def __init__(self, roots: Sequence[Any], targets: Sequence[Any] | None, recorded: bool) -> None:
        self.roots, self.recorded = roots, recorded
        self.capturing = False  # `grad`: leaves are asked for, nothing is accumulated
        self.captured: dict[int, Any] = {}
        self.found: dict[int, Any] = {}
        self.wanted: frozenset[int] | None = None
        self.only: frozenset[int] = frozenset()
        self.leaf_ids: frozenset[int] | None = None
        self._nodes: dict[int, Any] | None = None
        if targets is not None:
            self._aim([edge_of(t) for t in targets])
        watched = any(type(k) is int for k in tuple(ACTIVE))  # a leaf may die meanwhile
        self.due = self._schedule() if watched else []
        self.anomaly, self.timer = S.anomaly and ACTIVE.get("nan", False), ACTIVE.get("timer")
        self.leaves: dict[int, Any] = {}
        self._outer: Watch | None = None

    # ------------------------------------------------------------ before the walk

    def nodes(self) -> dict[int, Any]:
        """Every node that can be reached from the roots, by number."""
        if self._nodes is None:
            self._nodes = {}
            for root in self.roots:
                if root.k and root.k not in self._nodes:
                    self._nodes.update((n.k, n) for n in walk(root))
        return self._nodes

    def _aim(self, targets: list[tuple[Any, Any, int]]) -> None:
        """Find which nodes lead to the targets: in order of creation, inputs come before."""
        self.leaf_ids = leaf_ids = frozenset(id(leaf) for leaf, _, _ in targets if leaf is not None)
        self.captured = {node.k: None for _, node, _ in targets if node is not None}
        leading: set[int] = set()
        found = self.nodes()
        for k in sorted(found, reverse=True):
            for edge in found[k].edges():
                if edge is not None and (
                    (edge.k in leading or edge.k in self.captured)
                    if edge.k
                    else id(edge) in leaf_ids
                ):
                    leading.add(k)
                    break
        self.wanted = frozenset(leading) | frozenset(self.captured)
        self.only = frozenset(self.captured) - leading

    def _schedule(self) -> list[tuple[int, int, Any]]:
        last: dict[int, tuple[int, int, Any]] = {}
        for root in self.roots:
            if not root.k and id(root) in ACTIVE:
                last[id(root)] = (-1 << 62, 0, root)
        for k, node in self.nodes().items():
            if self.wanted is None or k in self.wanted:
                for i, edge in enumerate(node.edges()):
                    if edge is not None and not edge.k and id(edge) in ACTIVE:
                        known = last.get(id(edge))
                        if known is None or known[:2] < (k, i):
                            last[id(edge)] = (k, i, edge)
        if self.leaf_ids is not None:
            last = {i: entry for i, entry in last.items() if i in self.leaf_ids}
        return sorted(last.values(), key=lambda entry: entry[:2], reverse=True)

    def reaches(self, place: Any) -> bool:
        """Whether this walk goes to a tensor (or GradientEdge)."""
        leaf, node, _ = edge_of(place)
        if node is not None:
            return node.k in self.nodes() and (self.wanted is None or node.k in self.wanted)
        if self.leaf_ids is not None and id(leaf) not in self.leaf_ids:
            return False
        nodes = self.nodes().values()
        return any(leaf is r for r in self.roots) or any(
            edge is leaf for node in nodes for edge in node.edges()
        )

    # ------------------------------------------------------------ the walk

    def __enter__(self) -> Watch:
        self._outer, _local.watch = _local.watch, self
        return self

    def __exit__(self, *exc: object) -> None:
        _local.watch = self._outer

    def arrive(self, k: int) -> None:
        """The walk is at node `k`: leaves that get nothing more are served."""
        due = self.due
        while due and due[-1][0] < k:
            entry = self.leaves.pop(id(due.pop()[2]), None)
            if entry is not None:
                self._serve(entry[0], entry[1])

    def read(self, node: Any, g: Any, keep: bool) -> Any:
        """The rule of a node: timed for a profiler, checked in anomaly mode."""
        outer, _local.node = _local.node, node
        start = time.perf_counter_ns() if self.timer is not None else 0
        try:
            gs = node.rec(g, keep) if self.recorded else node.raw(g, keep)
        finally:
            _local.node = outer
        if self.timer is not None:
            self.timer(node, start, time.perf_counter_ns())
        if self.anomaly:
            check_nan(node, gs)
        return gs

    def _serve(self, leaf: Any, g: Any) -> None:
        hooks = leaf._meta.hooks
        g = None if g is UNDEFINED else g
        g = _run_tensor_hooks(hooks, g, self.recorded)
        if self.capturing:
            self.found[id(leaf)] = g
        else:
            deliver(leaf, g, self.recorded, hooks)

    def of(self, place: Any) -> Any:
        """The cotangent of a target, None if nothing arrived."""
        leaf, node, number = edge_of(place)
        if node is None:
            return self.found.get(id(leaf))
        g = self.captured[node.k]
        return g[number] if type(g) is list else g


def deliver(leaf: Any, g: Any, recorded: bool, hooks: Hooks) -> None:
    """Everything that happens at a leaf after the hooks on its gradient."""
    if hooks.pre:
        g = _run_pre_hooks(hooks.pre, g, recorded)
    if g is not None:
        with _lock:
            accumulate(leaf, g, recorded, True)
    if hooks.after:
        for hook in list(hooks.after.values()):
            if _quietly(hook, recorded, leaf) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")
    if hooks.post:
        _run_post_hooks(hooks.post, (), g, recorded)


def accumulate(t: Tensor, g: Any, recorded: bool, shared: bool) -> None:
    """Add a cotangent to `.grad`; a buffer that nobody else holds is taken as it is."""
    if t._node is None:
        return  # requires_grad was switched off since
    have = t._grad
    if recorded:
        t._grad = _copied(g) if have is None else have + g
        return
    if have is None:
        if type(g) is _ndarray and (shared or g.base is not None):
            g = g.copy()
        t._grad = wrap(g)
        return
    data = have._data
    if type(data) is _ndarray and (have._node is None or data.flags.writeable):
        _add(data, g, data)
    else:
        total = _add(data, g) if data.ndim else data + g
        if type(total) is _ndarray and type(data) is not type(g) and data.ndim:
            t._grad = wrap(total)  # a sparse gradient is not made dense in its place
            return
        have._data = total
    if have._vc is None:
        have._vc = [1]
    else:
        have._vc[0] += 1


_told: list[bool] = []


def warn_of_cycle() -> None:
    """Once: what `backward(create_graph=True)` leaves in `.grad` is the parameter's graph."""
    if not _told:
        _told.append(True)
        warnings.warn(
            "Using backward() with create_graph=True will create a reference cycle between the "
            "parameter and its gradient which can cause a memory leak. We recommend using "
            "autograd.grad when creating the graph to avoid this. If you have to use this "
            "function, make sure to reset the .grad fields of your parameters to None after use "
            "to break the cycle and avoid the leak.",
            UserWarning,
            stacklevel=errors.stacklevel(),
        )


def _copied(g: Tensor) -> Tensor:
    """A recorded gradient as `.grad` gets it: a copy of its own, which is recorded too."""
    if g._node is None or g._wrapped:
        return g
    before = set_grad(True)
    try:
        return OPS.copy(g.detach(), g)  # type: ignore[no-any-return]
    finally:
        set_grad(before)


def visit(
    node: Any,
    g: Any,
    keep: bool,
    recorded: bool,
    watch: Watch | None,
    waiting: dict[int, Any],
    heap: list[int],
) -> Any:
    """A node that needs more than its rule: the gradients of its inputs, None to pass nothing on.

    One output of several hands its cotangent (`g`) to its node, where they wait as a list.
    """
    if type(node) is Output:
        _collect(node, g, waiting, heap)
        return None
    if watch is not None and watch.due:
        watch.arrive(node.k)
    hooks = node.hooks
    g = None if g is UNDEFINED else g
    asked = watch is not None and node.k in watch.captured
    if asked and node.k not in watch.only:  # type: ignore[union-attr]
        watch.captured[node.k], asked = g, False  # type: ignore[union-attr]
    if hooks is not None and (hooks.tensor or hooks.retained):
        g = _run_tensor_hooks(hooks, g, recorded)
    if asked:  # the walk ends here: whoever asked sees what the hooks made of it
        watch.captured[node.k] = g  # type: ignore[union-attr]
        return None
    if hooks is not None and hooks.pre:
        g = _run_pre_hooks(hooks.pre, g, recorded)
    if not node.asks and (g is None or (type(g) is list and not any(x is not None for x in g))):
        if hooks is not None and hooks.post:
            nothing = (None,) * len(node.edges()) if type(node.e) is tuple else None
            return _run_post_hooks(hooks.post, nothing, g, recorded, node)
        return None
    if watch is None:
        gs = node.rec(g, keep) if recorded else node.raw(g, keep)
    else:
        gs = watch.read(node, g, keep)
    if hooks is not None and hooks.post:
        gs = _run_post_hooks(hooks.post, gs, g, recorded, node)
    return gs


def _collect(output: Any, g: Any, waiting: dict[int, Any], heap: list[int]) -> None:
    several = output.node
    k = several.k
    if k not in waiting:
        waiting[k] = (several, [None] * several.prim.count(several), False)
        heappush(heap, k)
    gs = waiting[k][1]
    gs[output.number] = g if gs[output.number] is None else gs[output.number] + g


def undefined(
    edge: Any, held: Any, waiting: dict[int, Any], heap: list[int], watch: Watch | None
) -> None:
    """A custom Function has no gradient for `edge`. As in PyTorch that does not end the walk there:
    the Functions behind it get zeros (or None, as they asked), and hooks see None.

    Args:
        held: the node that the walk keeps beside the heap; it has a cotangent.
    """
    seen: set[int] = set()
    stack = [edge]
    while stack:
        edge = stack.pop()
        if edge is None or type(edge) is Forbidden:
            continue
        if not edge.k:
            if watch is not None and any(leaf is edge for _, _, leaf in watch.due):
                watch.leaves.setdefault(id(edge), (edge, UNDEFINED, False))
            continue
        node = edge.node if type(edge) is Output else edge
        k = node.k
        wanted = None if watch is None else watch.wanted
        if k in seen or node.end or (wanted is not None and k not in wanted):
            continue
        seen.add(k)
        if (node.asks or node.hooks is not None) and node is not held and k not in waiting:
            nothing = [None] * node.prim.count(node) if node.is_several() else UNDEFINED
            waiting[k] = (node, nothing, False)
            heappush(heap, k)
        if not node.asks:
            stack += node.edges()


def check_nan(node: Any, gs: Any) -> None:
    """Raise if a rule made NaN and anomaly mode looks for it."""
    if not ACTIVE.get("nan", False):
        return
    for i, g in enumerate(gs if isinstance(gs, (tuple, list)) else (gs,)):
        while getattr(g, "_wrapped", False):
            g = g._inner
        array = g._data if isinstance(g, Tensor) else g
        if array is not None and array.dtype.kind in "fcV" and np.isnan(array).any():
            raise errors.nan_in_backward(node, i, array)


# ---------------------------------------------------------------- running hooks


def _quietly(hook: Callable[..., Any], recorded: bool, *values: Any) -> Any:
    before = set_grad(recorded)
    try:
        return hook(*values)
    finally:
        set_grad(before)


def _wrapped(g: Any, recorded: bool) -> Any:
    return g if recorded or g is None else wrap(g)


def _bare(t: Any, recorded: bool) -> Any:
    return t if recorded or t is None else t._data


def _run_tensor_hooks(hooks: Hooks, g: Any, recorded: bool) -> Any:
    """The hooks on the cotangents: `g` of a node with one output, a list of them with several."""
    values = [_wrapped(x, recorded) for x in (g if type(g) is list else (g,))]
    for number, hook in list((hooks.tensor or {}).values()):
        new = _quietly(hook, recorded, values[number])
        if new is not None:
            values[number] = _checked(new, values[number], hook)
    for number, reference in list((hooks.retained or {}).values()):
        t = reference()
        if t is not None and values[number] is not None:
            _retain(t, values[number], recorded)
    bare = [_bare(t, recorded) for t in values]
    return bare if type(g) is list else bare[0]


def _retain(t: Tensor, g: Tensor, recorded: bool) -> None:
    if t._grad is None:
        t._grad = g if recorded else wrap(g._data.copy())
    else:
        before = set_grad(recorded)
        t._grad = t._grad + g
        set_grad(before)


def _run_pre_hooks(table: Any, g: Any, recorded: bool) -> Any:
    given = g if type(g) is list else [g]
    values = tuple(_wrapped(x, recorded) for x in given)
    for hook in list(table.values()):
        new = _quietly(hook, recorded, values)
        if new is not None:
            values = _checked_tuple(new, values, hook)
    bare = [_bare(t, recorded) for t in values]
    return bare if type(g) is list else bare[0]


def _run_post_hooks(table: Any, gs: Any, g: Any, recorded: bool, node: Any = None) -> Any:
    several = isinstance(gs, (tuple, list))
    found = gs if several else (gs,)
    if node is not None and not several:  # one edge of perhaps more places
        found = [gs if e is not None else None for e in node.edges()]
    inputs = tuple(_wrapped(x, recorded) for x in found)
    inputs += (None,) * (0 if node is None else node.unseen)
    outputs = tuple(_wrapped(x, recorded) for x in (g if type(g) is list else (g,)))
    for hook in list(table.values()):
        new = _quietly(hook, recorded, inputs, outputs)
        if new is not None:
            inputs = _checked_tuple(new, inputs, hook)
    bare = [_bare(t, recorded) for t in inputs]
    if several:
        return tuple(bare[: len(found)])
    at = next((i for i, e in enumerate(node.edges()) if e is not None), 0) if node else 0
    return bare[at]


def _checked_tuple(new: Any, old: tuple[Any, ...], hook: Any) -> tuple[Any, ...]:
    if not isinstance(new, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(new).__name__}'")
    if len(new) != len(old):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values "
            f"(got {len(new)}, but expected {len(old)})"
        )
    return tuple(None if n is None else _checked(n, o, hook) for n, o in zip(new, old, strict=True))


def _checked(new: Any, old: Any, hook: Any) -> Tensor:
    if not isinstance(new, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    if old is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    if new.dtype is not old.dtype:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value (was "
            f"{errors.type_name(old.dtype)} got {errors.type_name(new.dtype)})"
        )
    if new.shape != old.shape:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the size of value\ngiven: {list(old.shape)}, "
            f"returned: {list(new.shape)}\n"
            "Hint: a hook returns None, or a gradient of the same shape"
        )
    return new


def _name(hook: Any) -> str:
    return getattr(hook, "__name__", type(hook).__name__)


# ---------------------------------------------------------------- registering on tensors


def register_hook(t: Tensor, hook: Callable[..., Any]) -> RemovableHandle:
    """A hook on the gradient of a leaf (kept with the tensor) or of a non-leaf (kept at its
    node)."""
    leaf, node, number = edge_of(t)
    if node is not None:
        return add(node, "tensor", (number, hook))
    watch_leaf(leaf)
    return add(leaf._need_meta(), "tensor", (0, hook))


def _register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call `hook(grad)` when this tensor's gradient is known; what it returns replaces the
    gradient.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
    """
    _need_gradient(self)
    return register_hook(self, hook)


def _register_post_accumulate_grad_hook(
    self: Tensor, hook: Callable[[Tensor], None]
) -> RemovableHandle:
    """Call `hook(self)` when backward has written `.grad` of this leaf.

    Example:
        >>> import chainrule as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> def step(w):
        ...     with torch.no_grad():
        ...         w -= 0.1 * w.grad
        ...     w.grad = None
        >>> handle = w.register_post_accumulate_grad_hook(step)
        >>> (w * w).sum().backward()
        >>> w
        tensor([0.8000, 1.6000], requires_grad=True)
    """
    _need_gradient(self)
    if self._node is not LEAF:
        raise RuntimeError(
            "post accumulate grad hooks cannot be registered on non-leaf tensors\n"
            "Hint: register_hook sees the gradient of a computed tensor"
        )
    watch_leaf(self)
    return add(self._need_meta(), "after", hook)


def _need_gradient(t: Tensor) -> None:
    if t._node is None:
        raise RuntimeError(
            "cannot register a hook on a tensor that doesn't require gradient\n"
            "Hint: call requires_grad_() before computing with it"
        )


def _retain_grad(self: Tensor) -> None:
    """Ask a non-leaf to keep its gradient in `.grad`; nothing happens on a leaf."""
    if self._node is None:
        raise RuntimeError(
            "can't retain_grad on Tensor that has requires_grad=False\n"
            "Hint: it is not part of a graph; call requires_grad_() before computing with it"
        )
    if self._node is not LEAF and not self.retains_grad:
        _, node, number = edge_of(self)
        self._need_meta().retained = add(node, "retained", (number, weakref.ref(self)))


def attach(methods: Iterable[Callable[..., Any]]) -> None:
    """Make functions named `_x` methods `x` of Tensor."""
    for method in methods:
        method.__name__ = method.__name__[1:]
        method.__qualname__ = "Tensor." + method.__name__
        setattr(Tensor, method.__name__, method)


class _TensorHooks(OrderedDict[int, Any]):
    """The hooks of one tensor by the ids of their handles; what is taken away does not run."""

    def __init__(self, table: Any, number: int) -> None:
        super().__init__((i, hook) for i, (n, hook) in table.items() if n == number)
        self._table = table

    def __delitem__(self, key: int) -> None:
        super().__delitem__(key)
        self._table.pop(key, None)

    def pop(self, key: int, *default: Any) -> Any:
        """Take one away."""
        self._table.pop(key, None)
        return super().pop(key, *default)

    def clear(self) -> None:
        """Take all away."""
        for key in self:
            self._table.pop(key, None)
        super().clear()


def _backward_hooks(self: Tensor) -> OrderedDict[int, Any] | None:
    """The hooks of `register_hook`, by the ids of their handles; None without."""
    if self._node is None:
        return None
    leaf, node, number = edge_of(self)
    hooks = node.hooks if node is not None else leaf._meta and leaf._meta.hooks
    table = hooks.tensor if hooks else None
    return None if table is None else _TensorHooks(table, number)


Tensor._backward_hooks = property(_backward_hooks)  # type: ignore[attr-defined]

attach((_register_hook, _register_post_accumulate_grad_hook, _retain_grad))
