"""The reverse level: what `torch.func.grad` and `vjp` run a function under.

`Reverse` is a tape of its own on values of its own (`Traced`), beside the tape of plain
`backward()`: nodes hang on the wrappers and save values of this level. `pull` walks it from
cotangents to the leaves, after the level is left, with the rules read on ordinary ops; so the walk
itself is seen by whatever levels are outside, and derivatives nest to any depth.
`cotangents` reads the rules of one op without a tape. Called by `func/`, `core/forward.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from .. import errors
from .._state import S, grad_enabled, set_grad
from .custom_levels import reversed_
from .level_nodes import LevelLeaf, hang, operand_fact
from .levels import Level, Wrapped
from .node import Output
from .primitive import Primitive
from .record import OPS, REC, is_complex, sum_to
from .tensor import Tensor
from .watch import check_nan, visit

__all__ = ["Reverse", "Traced", "cotangents", "pull"]


_FOUND = 1 << 60  # beside the bits of what is needed: one operand belongs to the graph


class Traced(Wrapped):
    """A value of a reverse level; its `_node` is the tape of that level."""

    __slots__ = ()


class Reverse(Level):
    """Records what is computed from its leaves."""

    kind = Traced

    def __enter__(self) -> Level:
        self.outer = set_grad(True)
        return super().__enter__()  # type: ignore[no-any-return]

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        set_grad(self.outer)

    def outer_grad(self) -> bool:
        """`no_grad` outside concerns the levels outside, `no_grad` in the function all of them."""
        return self.outer and grad_enabled()

    def leaf(self, t: Tensor) -> Traced:
        """An argument to differentiate with respect to."""
        if t._data.dtype.kind not in "fcV":
            raise errors.float_only(
                "only Tensors of floating point dtype can require gradients", t.dtype
            )
        made: Traced = self.wrap(t)
        made._node = LevelLeaf()
        return made

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate one level down; hang a node on the result if a value of this level went in."""
        if prim.kind == "custom":
            return reversed_(self, prim, inputs, params)  # type: ignore[arg-type]
        inner: list[Any] = []
        edges: list[Any] = []
        needed, mine = 0, False
        masks = prim.layout.masks if not prim.variadic else prim.layout.masks * len(inputs)
        for t, mask in zip(inputs, masks):  # noqa: B905
            edge = None
            if t.__class__ is Traced and t._level is self:
                mine = True
                if mask is not None:
                    edge = t._node
                    if edge is not None:
                        needed |= mask | _FOUND
                t = t._inner
            inner.append(t)
            edges.append(edge)
        made = self._below(prim, tuple(inner), params)
        if not mine:
            return made
        recorded = needed and grad_enabled()
        view = prim.view and self.owns(inputs[0])
        if not recorded and not view:
            return made
        if not prim.several:
            if made._data.dtype.kind not in "fcV":
                return made
            outs: Any = (self.wrap(made),)
        else:
            outs = tuple([self.wrap(t) if t._data.dtype.kind in "fcV" else t for t in made])
        if recorded:
            hang(self, prim, outs, inner, tuple(edges), needed, params)
        if view:
            inputs[0]._data = inner[0]._data
            self.link(prim, outs, inputs[0], params)
        return outs if prim.several else outs[0]

    def _below(self, prim: Primitive, inner: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate with this level set aside (what `pop` and `push` do, without their lock: the
        slot `S.mode` may stay, for no fast lane is asked)."""
        quiet = not self.outer and grad_enabled()
        if quiet:
            set_grad(False)
        stack = self.stack
        stack.pop()
        try:
            return stack[-1].process(prim, inner, params) if stack else prim.evaluate(inner, params)
        finally:
            stack.append(self)
            if quiet:
                set_grad(True)

    def again(self, inner: Tensor, edge: Any) -> Tensor:
        """A saved tensor: a value of this level again."""
        if inner._data.dtype.kind not in "fcV":
            return inner
        t: Traced = self.wrap(inner)
        t._node = edge
        return t

    def _follows(self, value: Tensor) -> bool:
        return super()._follows(value) and grad_enabled()

    def adopt(self, t: Any, new: Tensor) -> None:
        """The tape continues from the node of `new`."""
        t._node = new._node if self.owns(new) else None

    def edge(self, t: Any) -> Any:
        """Where a walk from `t` starts; None if it does not depend on the leaves."""
        return t._node if self.owns(t) else None

    def overwrite(self, x: Tensor, value: Tensor) -> Tensor:
        """`x` now holds `value`; arguments cannot be overwritten."""
        base = x if x._view is None else x._view[0]
        if type(base._node) is LevelLeaf and grad_enabled():
            raise errors.leaf_inplace(x, "copy_", view=x is not base)
        return super().overwrite(x, value)


def pull(
    edges: Sequence[Any], gs: Sequence[Any], leaves: Sequence[LevelLeaf]
) -> list[Tensor | None]:
    """The cotangents of the leaves of a level, given those of `edges`; None where nothing arrives.

    The engine's walk on tensors only.
    """
    waiting: dict[int, tuple[Any, Any]] = {}
    heap: list[int] = []
    pairs: Any = zip(edges, gs, strict=True)
    while True:
        for edge, g in pairs:
            if edge is None or g is None:
                continue
            k = edge.k
            if k in waiting:
                waiting[k] = edge, waiting[k][1] + g
            else:
                waiting[k] = edge, g
                if type(edge) is not LevelLeaf:
                    heappush(heap, k)
        if not heap:
            return [waiting.get(leaf.k, (None, None))[1] for leaf in leaves]
        node, g = waiting.pop(heappop(heap))
        if type(node) is Output:
            pairs = _into_several(node, g, waiting, heap)
        else:
            if node.hooks is None:
                gs = node.rec(g, True)
            else:
                gs = visit(node, g, True, True, None, {}, [])
            if S.anomaly:
                _check(node, gs)
            pairs = zip(node.e, gs or (), strict=gs is not None)


def _check(node: Any, gs: Any) -> None:
    """Anomaly mode: warn and raise where a rule made NaN."""
    try:
        check_nan(node, gs)
    except RuntimeError:
        warnings.warn(errors.forward_of(node), UserWarning, stacklevel=6)
        raise


def _into_several(out: Output, g: Any, waiting: dict[int, Any], heap: list[int]) -> tuple[Any, ...]:
    """The cotangent of one output of several waits with its node."""
    node = out.node
    if node.k not in waiting:
        waiting[node.k] = node, [None] * node.prim.count(node)
        heappush(heap, node.k)
    gs, i = waiting[node.k][1], out.number
    gs[i] = g if gs[i] is None else gs[i] + g
    return ()


def cotangents(
    prim: Primitive,
    inputs: tuple[Any, ...],
    outs: tuple[Any, ...],
    params: tuple[Any, ...],
    g: Any,
    wanted: Sequence[bool],
) -> list[Any]:
    """The vjp of one op read on tensors: a cotangent for each wanted operand, None for the rest.

    Args:
        g: the cotangents of the floating outputs: one, or a tuple if there are several.
    """
    values = [
        outs[index] if kind == "out" else operand_fact(prim, kind, index, inputs)
        for kind, index, _ in prim.layout.saves
    ]
    values += params
    flip = prim.holomorphic and is_complex(g)
    if flip:
        g = OPS.conj(g)
    if prim.joint:
        rule: Any = prim.rules[0]
        gs = [x if w else None for x, w in zip(rule.fn(REC, g, *rule.pick(values)), wanted)]  # noqa: B905
    else:
        gs = [
            r.fn(REC, g, *r.pick(values)) if r is not None and w else None
            for r, w in zip(prim.rules, wanted, strict=True)
        ]
    if flip:
        gs = [None if x is None else OPS.conj(x) for x in gs]
    if prim.broadcasts:
        gs = [
            x if x is None else sum_to(REC, x, tuple(t._data.shape))
            for x, t in zip(gs, inputs, strict=True)
        ]
    return gs
