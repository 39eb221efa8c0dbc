"""The one backward walk.

`backward` and `grad` (autograd) come here with tensors and cotangents. Nodes wait in a heap by
creation number, the
latest first, so a node is visited when everything computed from it has delivered: no recursion, no
counting pass.
A rule is read in one of two ways: `raw` on arrays (plain backward, no Tensor is made) or `rec` on
tensors (recorded, for higher derivatives). Cotangents that the walk itself summed are marked as its
own: the first sum allocates, later ones add in place; everything else is never written to.
Gradients reach `.grad` only when the whole walk succeeded, so an error changes no leaf. Saved
values are released as the walk passes, unless the graph is retained.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .. import errors
from .._state import set_grad
from .node import LEAF, Node, Output, walk
from .tensor import Tensor, wrap

__all__ = ["backward", "grad", "register_hook"]

_ndarray, _add, _refs = np.ndarray, np.add, sys.getrefcount


def _probe() -> int:
    """What getrefcount says of an object that one local variable holds (it differs between
    Pythons)."""
    held = np.empty(1)
    return _refs(held)


_UNSHARED = _probe()


def _run(
    node: Any,
    g: Any,
    pairs: Sequence[tuple[Any, Any]],
    keep: bool,
    recorded: bool = False,
    wanted: frozenset[int] | None = None,
    captured: dict[int, Any] | None = None,
) -> dict[int, tuple[Any, Any, bool]]:
    """Walk from `node` with cotangent `g`, and from the further roots `pairs` (edge, cotangent), to
    the leaves.

    Args:
        node: the first root; None starts from `pairs` alone.
        keep: do not release saved values.
        recorded: read the rules on tensors, and record that.
        wanted: follow only nodes with these numbers (None: all).
        captured: the nodes (by number) whose own cotangent is asked for; filled in.

    Returns:
        For every leaf reached, by identity: the leaf, its cotangent, and whether the walk owns that
            buffer.
    """
    leaves: dict[int, tuple[Any, Any, bool]] = {}
    waiting: dict[int, tuple[Any, Any, bool]] = {}
    heap: list[int] = []
    try:
        while True:
            if node is not None:
                if node.hooks is not None or captured is not None:
                    g = _seen(node, g, recorded, captured, waiting, heap)
                if g is not None:
                    gs = node.rec(g, keep) if recorded else node.raw(g, keep)
                    edge = node.e
                    if type(edge) is tuple:
                        pairs = zip(edge, gs, strict=True)  # type: ignore[assignment]
                    elif not heap and edge.k and wanted is None:
                        node, g = edge, gs  # a chain: nothing else waits
                        continue
                    else:
                        pairs = ((edge, gs),)
            for edge, g in pairs:
                if g is None or edge is None:
                    continue
                k = edge.k
                if k:
                    store = waiting
                    if k not in waiting:
                        if wanted is None or k in wanted:
                            waiting[k] = (edge, g, False)
                            heappush(heap, k)
                        continue
                else:
                    k, store = id(edge), leaves
                    if k not in leaves:
                        leaves[k] = (edge, g, False)
                        continue
                _, have, mine = store[k]
                if mine:
                    _add(have, g, have)
                else:
                    total = have + g
                    store[k] = (edge, total, type(total) is _ndarray)
            if not heap:
                return leaves
            node, g, _ = waiting.pop(heappop(heap))
            pairs = ()
    except errors.SavedFreed:
        raise errors.second_backward(node) from None
    except Exception as error:
        if node is not None and hasattr(error, "add_note"):
            error.add_note(f"in the backward rule of {node.prim.name} ({node.name()})")
        raise


def _seen(node: Any, g: Any, recorded: bool, captured: Any, waiting: Any, heap: list[int]) -> Any:
    """What only some nodes need: hooks, being asked for, and being one output of several (then
    None: no rule here)."""
    if node.hooks:
        g = _run_hooks(node, g, recorded)
    if captured is not None and node.k in captured:
        captured[node.k] = g
    if type(node) is not Output:
        return g
    several = node.node
    k = several.k
    if k not in waiting:
        waiting[k] = (several, [None] * several.prim.count(several), False)
        heappush(heap, k)
    gs = waiting[k][1]
    gs[node.number] = g if gs[node.number] is None else gs[node.number] + g
    return None


def _run_hooks(node: Node, g: Any, recorded: bool) -> Any:
    t = g if recorded else wrap(g)
    for hook in list(node.hooks.values()):
        new = hook(t)
        if new is not None:
            t = _checked_hook_result(new, t)
    return t if recorded else t._data


def _checked_hook_result(new: Any, old: Tensor) -> Tensor:
    if not hasattr(new, "_data"):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    if new.shape != old.shape:
        raise RuntimeError(
            f"hook has changed the size of value\ngiven: {list(old.shape)}, returned: "
            f"{list(new.shape)}\n"
            "Hint: a hook returns None, or a gradient of the same shape"
        )
    return new  # type: ignore[no-any-return]


# ---------------------------------------------------------------- entries


def backward(
    tensors: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Accumulate d(tensors)/d(leaf) into `.grad`: see `Tensor.backward`."""
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None and len(tensors) == 1 and not create_graph:
        edge, g = _root(0, tensors[0], cotangents[0], False)
        leaves = _run(edge, g, (), keep) if edge.k else {0: (edge, g, False)}
        _deliver(leaves, False)
        return
    roots = [
        _root(i, t, c, create_graph)
        for i, (t, c) in enumerate(zip(tensors, cotangents, strict=True))
    ]
    if inputs is None:
        leaves = _recorded(roots, keep) if create_graph else _run(None, None, roots, keep)
        _deliver(leaves, create_graph)
        return
    targets = _as_inputs(inputs)
    found = _towards(roots, targets, keep, create_graph)
    for t in reversed(targets):
        g = found.pop()
        if g is not None:
            _accumulate(t, g, create_graph, create_graph or _refs(g) > _UNSHARED)


def grad(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """The gradients themselves, None where an input was not used."""
    keep = create_graph if retain_graph is None else retain_graph
    for t in inputs:
        if t._node is None:
            raise errors.input_without_grad(t)
    roots = [
        _root(i, t, c, create_graph)
        for i, (t, c) in enumerate(zip(outputs, cotangents, strict=True))
    ]
    found = _towards(roots, inputs, keep, create_graph)
    if create_graph:
        return found
    made: list[Tensor | None] = []
    while found:
        g = found.pop()
        if type(g) is _ndarray and (g.base is not None or _refs(g) > _UNSHARED):
            g = g.copy()
        made.append(None if g is None else wrap(g))
    return made[::-1]


def _as_inputs(inputs: Any) -> list[Tensor]:
    targets = [inputs] if hasattr(inputs, "_data") else list(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for t in targets:
        if t._node is None:
            raise errors.input_without_grad(t)
    return targets


_ONE: dict[Any, Any] = {np.dtype(n): np.dtype(n).type(1) for n in ("float32", "float64")}


def _root(index: int, t: Tensor, cotangent: Any, recorded: bool) -> tuple[Any, Any]:
    """Edge and seed for one output, checked."""
    node = t._node
    if node is None:
        raise errors.no_grad_needed(index, t)
    data = t._data
    if cotangent is None:
        if data.size != 1 or data.dtype.kind == "c":
            raise errors.implicit_grad(t)
        seed = (
            _ONE.get(data.dtype) if type(data) is not _ndarray else np.ones(data.shape, data.dtype)
        )
        if seed is None:
            seed = data.dtype.type(1)
    else:
        if not hasattr(cotangent, "_data"):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(cotangent).__name__}\n"
                "Hint: torch.tensor(value) makes a tensor of it"
            )
        seed = cotangent._data
        if seed.shape != data.shape:
            raise errors.cotangent_shape(index, cotangent, t)
        if seed.dtype.kind == "c" and data.dtype.kind != "c":
            raise RuntimeError(
                "For complex Tensors, both grad_output and output are required to have the same "
                "dtype. Mismatch in "
                f"dtype: grad_output[{index}] has a dtype of {cotangent.dtype} and "
                f"output[{index}] has a dtype of "
                f"{t.dtype}."
            )
        if recorded:
            return (t if node is LEAF else node), cotangent
        if seed.dtype != data.dtype:
            seed = seed.astype(data.dtype)
    return (t if node is LEAF else node), (wrap(seed) if recorded else seed)


def _recorded(
    roots: Sequence[tuple[Any, Any]],
    keep: bool,
    wanted: frozenset[int] | None = None,
    captured: dict[int, Any] | None = None,
) -> dict[int, tuple[Any, Any, bool]]:
    before = set_grad(True)
    try:
        return _run(None, None, roots, keep, True, wanted, captured)
    finally:
        set_grad(before)


def _towards(roots: Any, inputs: Sequence[Tensor], keep: bool, recorded: bool) -> list[Any]:
    """The cotangents of `inputs`, walking only where it leads to one of them."""
    captured: dict[int, Any] = {t._node.k: None for t in inputs if t._node is not LEAF}
    leaf_ids = frozenset(id(t) for t in inputs if t._node is LEAF)
    wanted = _leading_to([e for e, _ in roots], captured, leaf_ids)
    if recorded:
        leaves = _recorded(roots, keep, wanted, captured)
    else:
        leaves = _run(None, None, roots, keep, False, wanted, captured)
    out = []
    for t in inputs:
        got = leaves.get(id(t), (None, None))[1] if t._node is LEAF else captured[t._node.k]
        if got is not None and t._node is LEAF and t._meta is not None and t._meta.hooks:
            got = _hooked(t, got, recorded)
        out.append(got)
    return out


def _leading_to(roots: list[Any], nodes: dict[int, Any], leaves: frozenset[int]) -> frozenset[int]:
    """The numbers of all nodes from which one of `nodes` or `leaves` can be reached."""
    reachable: dict[int, Node] = {}
    for root in roots:
        if root.k and root.k not in reachable:
            reachable.update((n.k, n) for n in walk(root))
    leading = set(nodes)
    for k in sorted(
        reachable, reverse=True
    ):  # earliest made first: the inputs of a node come before it
        if k in leading:
            continue
        for edge in reachable[k].edges():
            if edge is not None and (edge.k in leading if edge.k else id(edge) in leaves):
                leading.add(k)
                break
    return frozenset(leading)


# ---------------------------------------------------------------- the end of the graph


def _deliver(leaves: dict[int, tuple[Any, Any, bool]], recorded: bool) -> None:
    """Hand every leaf its cotangent, and say whether somebody else still holds that buffer."""
    while leaves:
        leaf, g, _ = leaves.popitem()[1]
        _accumulate(leaf, g, recorded, recorded or _refs(g) > _UNSHARED)


def _accumulate(t: Tensor, g: Any, recorded: bool, shared: bool) -> None:
    """Add a cotangent to `.grad`; a buffer that nobody else holds is taken as it is."""
    if t._node is LEAF and t._meta is not None and t._meta.hooks:
        g, shared = _hooked(t, g, recorded), True
    have = t._grad
    if recorded:
        t._grad = g if have is None else have + g  # type: ignore[operator]
        return
    if have is None:
        if type(g) is _ndarray and (shared or g.base is not None):
            g = g.copy()
        t._grad = wrap(g)
        return
    if have._node is not None:  # a gradient with a graph (create_graph earlier): out of place
        t._grad = have + wrap(g)  # type: ignore[operator]
        return
    if type(have._data) is _ndarray:
        _add(have._data, g, have._data)
    else:
        have._data = have._data + g
    if have._vc is None:
        have._vc = [1]
    else:
        have._vc[0] += 1


def _hooked(t: Tensor, g: Any, recorded: bool) -> Any:
    value = g if recorded else wrap(g)
    for hook in list(t._meta.hooks.values()):  # type: ignore[union-attr]
        new = hook(value)
        if new is not None:
            value = _checked_hook_result(new, value)
    return value if recorded else value._data


# ---------------------------------------------------------------- hooks of tensors


class RemovableHandle:
    """What `register_hook` returns: `remove()` takes the hook away."""

    def __init__(self, hooks: dict[int, Callable[..., Any]], key: int) -> None:
        self._dict, self._key = hooks, key

    def remove(self) -> None:
        """Take the hook away; nothing happens the second time."""
        self._dict.pop(self._key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_hook(t: Tensor, hook: Callable[..., Any]) -> RemovableHandle:
    """A hook on the gradient of a leaf (kept with the tensor) or of a non-leaf (kept at its
    node)."""
    if t._node is LEAF:
        meta = t._need_meta()
        if meta.hooks is None:
            meta.hooks = {}
        hooks = meta.hooks
    else:
        if t._node.hooks is None:
            t._node.hooks = {}
        hooks = t._node.hooks
    key = max(hooks, default=-1) + 1
    hooks[key] = hook
    return RemovableHandle(hooks, key)


def _retain(t: Tensor) -> None:
    """Keep the gradient of the non-leaf `t` in its `.grad`."""
    held = weakref.ref(t)

    def keep(g: Tensor) -> None:
        target = held()
        if target is not None:
            g = wrap(g._data.copy()) if g._node is None else g
            target._grad = g if target._grad is None else target._grad + g

    t._need_meta().retained = register_hook(t, keep)


# ---------------------------------------------------------------- methods of Tensor


def _retain_grad(self: Tensor) -> None:
    """Ask a non-leaf to keep its gradient in `.grad`; nothing happens on a leaf."""
    if self._node is None:
        raise RuntimeError(
            "can't retain_grad on Tensor that has requires_grad=False\n"
            "Hint: it is not part of a graph; call requires_grad_() before computing with it"
        )
    if self._node is not LEAF and not self.retains_grad:
        _retain(self)


def _register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> Any:
    """Call `hook(grad)` when this tensor's gradient is known; what it returns replaces the
    gradient."""
    if self._node is None:
        raise RuntimeError(
            "cannot register a hook on a tensor that doesn't require gradient\n"
            "Hint: call requires_grad_() before computing with it"
        )
    return register_hook(self, hook)


def _backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Add d(self)/d(leaf), times `gradient`, to the `.grad` of every leaf this was computed from.

    Args:
        gradient: the cotangent, shape of `self`; may be left out when `self` has one element.
        retain_graph: keep the saved values, so that backward can run again (default:
            `create_graph`).
        create_graph: record the backward itself, for higher derivatives.
        inputs: accumulate only into these tensors.

    Raises:
        RuntimeError: not a scalar and no gradient; nothing requires grad; backward ran before.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> (x ** 2).backward()
        >>> x.grad
        tensor(6.)
    """
    backward((self,), (gradient,), retain_graph, create_graph, inputs)


for _method in (_backward, _retain_grad, _register_hook):
    _method.__name__ = _method.__name__[1:]
    _method.__qualname__ = "Tensor." + _method.__name__
    setattr(Tensor, _method.__name__, _method)
