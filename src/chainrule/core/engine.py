"""The one backward walk.

`backward` and `grad` (autograd) come here with tensors and cotangents. Nodes wait in a heap by
creation number, the
latest first, so a node is visited when everything computed from it has delivered: no recursion, no
counting pass.
A rule is read in one of two ways: `raw` on arrays (plain backward, no Tensor is made) or `rec` on
tensors (recorded, for higher derivatives). Cotangents that the walk itself summed are marked as its
own: the first sum allocates, later ones add in place; everything else is never written to.
Gradients reach `.grad` only when the whole walk succeeded, so an error changes no leaf (but those
with hooks, which are served in time). Saved
values are released as the walk passes, unless the graph is retained. Nodes with hooks, and walks
that must look at more than nodes, go through `core/watch.py`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .. import errors
from .._state import S, set_grad
from ..kernels.arithmetic import add, add_into
from .aim import Aim, aimed
from .hooks import ACTIVE, RemovableHandle
from .node import LEAF, GradientEdge, Node, Output, edge_of
from .tensor import Tensor, wrap
from .watch import Watch, _lock, accumulate, attach, register_hook, undefined, visit, warn_of_cycle

__all__ = ["ONE", "RemovableHandle", "backward", "grad", "handed", "register_hook", "towards"]

_ndarray, _refs = np.ndarray, sys.getrefcount
OF_BATCHES: list[Any] = []  # `grad` of values of batches, where a tape runs (core/tape.py)


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
    watch: Watch | None = None,
    aim: dict[int, tuple[Any, bool, bool]] | None = None,
) -> dict[int, tuple[Any, Any, bool]]:
    """Walk from `node` with cotangent `g`, and from the further roots `pairs` (edge, cotangent), to
    the leaves.

    Long because: it is the one hot loop; a call for delivering an edge would cost a third more.

    Args:
        node: the first root; None starts from `pairs` alone.
        keep: do not release saved values.
        recorded: read the rules on tensors, and record that.
        watch: what to look at besides nodes, and which nodes to follow (None: all).
        aim: the nodes to visit, with the edges to follow (core/aim.py; None: all).

    Returns:
        For every leaf reached and every node aimed at, by identity: itself, its cotangent, and
            whether the walk owns that buffer.
    """
    leaves: dict[int, tuple[Any, Any, bool]] = {}
    wanted = None
    plain = watch is None and aim is None
    if watch is not None:
        wanted, watch.leaves = watch.wanted, leaves
    waiting: dict[int, tuple[Any, Any, bool]] = {}
    heap: list[int] = []
    try:
        while True:
            if node is not None:
                if plain and node.hooks is None:
                    gs = node.rec(g, keep) if recorded else node.raw(g, keep)
                    edge = node.e
                else:
                    edge, part = node.e, False
                    if aim is not None:
                        edge, part, asked = aim[node.k]
                        if asked:
                            leaves[id(node)] = (node, g, False)
                    if edge is None:
                        gs = None
                    elif node.hooks is not None or watch is not None:
                        gs = visit(node, g, keep, recorded, watch, waiting, heap)
                    elif part:
                        gs = node.some(g, keep, recorded, edge)
                    else:
                        gs = node.rec(g, keep) if recorded else node.raw(g, keep)
                if gs is not None:
                    if type(edge) is tuple:
                        pairs = zip(edge, gs, strict=True)  # type: ignore[assignment]
                    elif not heap and edge.k and wanted is None:
                        node, g = edge, gs  # a chain: nothing else waits
                        continue
                    else:
                        pairs = ((edge, gs),)
            held: Any = None  # the newest node reached now: it may be next without waiting
            held_g: Any = None
            for edge, g in pairs:
                if edge is None:
                    continue
                if g is None:
                    if node is not None and node.asks:  # of a custom Function
                        undefined(edge, held, waiting, heap, watch)
                    continue
                k = edge.k
                if k:
                    if edge is held:
                        held_g = add(held_g, g)
                        continue
                    store = waiting
                    if k not in waiting:
                        if wanted is None or k in wanted:
                            if held is None:
                                held, held_g = edge, g
                                continue
                            if k < held.k:
                                edge, held, g, held_g = held, edge, held_g, g
                                k = edge.k
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
                    add_into(have, g)
                else:
                    total = add(have, g)
                    store[k] = (edge, total, type(total) is _ndarray)
            pairs = ()
            if held is not None:
                k = held.k
                if not heap or k < heap[0]:
                    node, g = held, held_g
                    continue
                waiting[k] = (held, held_g, False)
                heappush(heap, k)
            elif not heap:
                return leaves
            node, g, _ = waiting.pop(heappop(heap))
    except errors.SavedFreed:
        if S.anomaly:
            warnings.warn(errors.forward_of(node), UserWarning, stacklevel=4)
        raise errors.second_backward(node) from None
    except Exception as error:
        if isinstance(node, Node) and type(node) is not Output:
            if S.anomaly:
                warnings.warn(errors.forward_of(node), UserWarning, stacklevel=4)
            if hasattr(error, "add_note"):
                error.add_note(f"in the backward rule of {node.prim.name} ({node.name()})")
        raise


# ---------------------------------------------------------------- entries


def backward(
    tensors: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Accumulate d(tensors)/d(leaf) into `.grad`: see `Tensor.backward`."""
    if create_graph:
        warn_of_cycle()
    keep = create_graph if retain_graph is None else retain_graph
    recorded = create_graph or _leveled(tensors, cotangents)
    if inputs is None and len(tensors) == 1 and not recorded and not ACTIVE:
        edge, g = _root(0, tensors[0], cotangents[0], False)
        leaves = _run(edge, g, (), keep) if edge.k else {0: (edge, g, False)}
        _deliver(leaves, False)
        return
    roots = _roots(tensors, cotangents, recorded)
    if inputs is None:
        watch = Watch([e for e, _ in roots], None, recorded) if ACTIVE else None
        leaves = _walk(roots, keep, recorded, watch, create_graph)
        if recorded and not create_graph:  # values of a level: the gradient is kept without facts
            leaves = {k: (t, g.detach(), False) for k, (t, g, _) in leaves.items()}
        _deliver(leaves, recorded)
        return
    targets = _as_inputs(inputs)
    for t in targets:
        if isinstance(t, Tensor) and t._node is not LEAF:
            t.retain_grad()  # the walk then fills its `.grad`; or it says why not, as in PyTorch
    if not ACTIVE and all(isinstance(t, Tensor) and t._node is LEAF for t in targets):
        gs = towards(roots, targets, keep, recorded, create_graph)
        for i, t in enumerate(dict.fromkeys(targets)):
            g, gs[i] = gs[i], None
            if g is not None:
                shared = recorded or _refs(g) > _UNSHARED
                accumulate(t, g, recorded, shared)
        return
    watch = Watch([e for e, _ in roots], targets, recorded)
    leaves = _walk(roots, keep, recorded, watch, create_graph)
    for t in targets:
        leaf, node, _ = edge_of(t)
        if node is not None and isinstance(t, Tensor):
            continue
        entry = leaves.pop(id(leaf), None) if node is None else (t, watch.of(t))
        if entry is not None and entry[1] is not None:
            if isinstance(entry[0], GradientEdge):
                raise errors.edge_without_tensor(entry[0])
            accumulate(entry[0], entry[1], recorded, True)


def grad(
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """The gradients themselves, None where an input was not used."""
    if S.tapes and any(getattr(t, "_wrapped", False) for t in inputs):
        of_values = OF_BATCHES[0](outputs, inputs, cotangents, retain_graph, create_graph)
        if of_values is not None:
            return of_values  # type: ignore[no-any-return]
    keep = create_graph if retain_graph is None else retain_graph
    for t in inputs:
        if getattr(t, "_node", LEAF) is None:
            raise errors.input_without_grad(t)
    recorded = create_graph or _leveled(outputs, cotangents)
    roots = _roots(outputs, cotangents, recorded)
    found = towards(roots, inputs, keep, recorded, create_graph)
    return found if recorded else handed(found, cotangents)


def handed(found: list[Any], given: Sequence[Any] = ()) -> list[Tensor | None]:
    """Tensors of cotangents that the walk leaves behind (`found` is emptied); a buffer that
    somebody else holds is copied, but not the memory of the `given` cotangents themselves."""
    made: list[Tensor | None] = []
    while found:
        g = found.pop()
        if type(g) is _ndarray and (g.base is not None or _refs(g) > _UNSHARED):
            lent = _lent(g, given)
            if lent is not None:
                made.append(lent)
                continue
            g = g.copy()
        made.append(None if g is None else wrap(g))
    return made[::-1]


def _lent(g: Any, given: Sequence[Any]) -> Tensor | None:
    """`g` as a tensor that shares memory and version with the cotangent it is, or is a view of (the
    gradient of `x.t()`, of `x + y`), as PyTorch hands it out; None for other memory."""
    for c in given:
        data = c._data if isinstance(c, Tensor) and g.flags.writeable else None
        if data is not None and (g is data or g.base is data or g.base is data.base is not None):
            t: Tensor = c.detach()
            t._data = g
            return t
    return None


def towards(
    roots: list[tuple[Any, Any]],
    targets: Sequence[Any],
    keep: bool,
    recorded: bool,
    recording: bool,
    known: Aim | None = None,
) -> list[Any]:
    """The cotangents of the targets, None where nothing arrives; `roots` is emptied. `known`: what
    `aimed` says of these roots and targets, if the caller has asked."""
    found = None if ACTIVE else known or aimed(roots, targets)
    if found is None:
        starts = [e for e, _ in roots]
        watch = Watch(starts, targets, recorded)
        watch.capturing = True
        leaves = _walk(roots, keep, recorded, watch, recording)
        watch.found.update((i, entry[1]) for i, entry in leaves.items())
        leaves.clear()
        roots.clear()
        made = [watch.of(t) for t in targets]
        watch.captured, watch.found = {}, {}
        return made
    aim = found[0]
    for i in range(len(roots) - 1, -1, -1):
        k = roots[i][0].k
        if k and k not in aim:
            del roots[i]
    leaves = _walk(roots, keep, recorded, None, recording, aim)
    roots.clear()
    made = []
    for t in targets:
        node = t._node
        entry = leaves.get(id(t if node is LEAF else node))
        made.append(None if entry is None else entry[1])
    return made


def _leveled(outputs: Sequence[Any], cotangents: Sequence[Any]) -> bool:
    """Whether values of a level of func go into the walk: its rules are then read on tensors."""
    for given in (outputs, cotangents):
        for t in given:
            if t is not None and getattr(t, "_wrapped", False):
                return True
    return False


def _as_inputs(inputs: Any) -> list[Any]:
    if isinstance(inputs, dict):
        inputs = inputs.values()
    if not isinstance(inputs, (Tensor, GradientEdge)) and not hasattr(inputs, "__iter__"):
        inputs = (inputs,)
    targets = [inputs] if isinstance(inputs, (Tensor, GradientEdge)) else list(inputs)
    for t in targets:
        if not isinstance(t, (Tensor, GradientEdge)):
            raise RuntimeError(
                "all inputs have to be Tensors or GradientEdges, but got " + type(t).__name__
            )
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    return targets


def _roots(
    outputs: Sequence[Any], cotangents: Sequence[Any], recorded: bool
) -> list[tuple[Any, Any]]:
    if len(outputs) == 1:
        return [_root(0, outputs[0], cotangents[0], recorded)]
    return [
        _root(i, t, c, recorded) for i, (t, c) in enumerate(zip(outputs, cotangents, strict=True))
    ]


ONE: dict[Any, Any] = {np.dtype(n): np.dtype(n).type(1) for n in ("float32", "float64")}


def _root(index: int, t: Tensor, cotangent: Any, recorded: bool) -> tuple[Any, Any]:
    """Edge and seed for one output, checked."""
    if isinstance(t, GradientEdge):
        return _edge_root(t, cotangent, recorded)
    node = t._node
    if node is None:
        raise errors.no_grad_needed(index, t)
    data = t._data
    if cotangent is None:
        if data.size != 1 or data.dtype.kind == "c":
            raise errors.implicit_grad(t)
        seed = (
            ONE.get(data.dtype) if type(data) is not _ndarray else np.ones(data.shape, data.dtype)
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
        if (seed.dtype.kind == "c") != (data.dtype.kind == "c"):
            raise RuntimeError(
                "For complex Tensors, both grad_output and output are required to have the same "
                "dtype. Mismatch in "
                f"dtype: grad_output[{index}] has a dtype of {cotangent.dtype} and "
                f"output[{index}] has a dtype of "
                f"{t.dtype}."
            )
        if recorded:
            if seed.dtype != data.dtype:
                cotangent = cotangent.to(t.dtype)
            return (t if node is LEAF else node), cotangent
        if seed.dtype != data.dtype:
            seed = seed.astype(data.dtype)
    return (t if node is LEAF else node), (wrap(seed) if recorded else seed)


def _edge_root(place: GradientEdge, cotangent: Any, recorded: bool) -> tuple[Any, Any]:
    leaf, node, number = edge_of(place)
    edge = leaf if node is None else Output.of(node, number) if node.is_several() else node
    if cotangent is not None:
        return edge, cotangent if recorded else cotangent._data
    shape, dtype = place.ownership_token or ((0,), None)
    if 0 in shape or any(n != 1 for n in shape):
        raise RuntimeError(
            "grad can be implicitly created only for scalar outputs\n"
            "Hint: give grad_outputs, the cotangent of the edge"
        )
    seed = np.ones(shape, dtype)
    return edge, wrap(seed) if recorded else seed


def _walk(
    roots: Sequence[tuple[Any, Any]],
    keep: bool,
    recorded: bool,
    watch: Watch | None,
    recording: bool = False,
    aim: dict[int, tuple[Any, bool, bool]] | None = None,
) -> dict[int, tuple[Any, Any, bool]]:
    """Walk from several roots, rules read on tensors if `recorded` (and that recorded if
    `recording`); leaves that are due last are served."""
    before = set_grad(recording) if recorded else None
    if watch is not None:
        watch.__enter__()
    try:
        leaves = _run(None, None, roots, keep, recorded, watch, aim)
        if watch is not None:
            watch.arrive(1)
        return leaves
    finally:
        if watch is not None:
            watch.__exit__()
        if before is not None:
            set_grad(before)


# ---------------------------------------------------------------- the end of the graph


def _deliver(leaves: dict[int, tuple[Any, Any, bool]], recorded: bool) -> None:
    """Hand every leaf its cotangent, and say whether somebody else still holds that buffer."""
    with _lock:
        while leaves:
            leaf, g, _ = leaves.popitem()[1]
            shared = recorded or _refs(g) > _UNSHARED  # before g is an argument too
            own = type(g) is not _ndarray or not (shared or g.base is not None)
            if own and leaf._grad is None and leaf._node is LEAF and not recorded:
                leaf._grad = wrap(g)
                continue
            accumulate(leaf, g, recorded, shared)


# ---------------------------------------------------------------- methods of Tensor


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
    node = self._node
    if gradient is None and inputs is None and not create_graph and not ACTIVE:
        seed = ONE.get(self._data.dtype) if type(self._data) is not _ndarray else None
        if seed is not None and node is not None and node is not LEAF:  # a loss: no list of one
            _deliver(_run(node, seed, (), bool(retain_graph)), False)
            return
    backward((self,), (gradient,), retain_graph, create_graph, inputs)


attach((_backward,))
