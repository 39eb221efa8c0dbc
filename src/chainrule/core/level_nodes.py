"""The tape of a level: nodes whose saved values are tensors, read by rules on ordinary ops.

`LevelLeaf` is the end of a level's graph at an argument. `LevelNode` is the node of any op at a
reverse level: it saves values of the level *below* (so it holds no wrappers, and none of its own
outputs), and hands them out as values of the level while that is alive, so that the walk can be
differentiated from inside. `DualNode` is the node of plain `backward()` on dual tensors
(`forward_ad`): it saves the dual tensors themselves, so that gradients have tangents.
Called by `core/reverse.py` and `core/forward.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import errors
from .._state import S, grad_enabled
from .node import LEAF, Node, Output, next_k
from .primitive import Primitive
from .record import OPS, REC, GeneralNode, is_complex, sum_to, version_of
from .tensor import Tensor, wrap

__all__ = ["DualNode", "LevelLeaf", "LevelNode", "hang", "hang_dual", "operand_fact"]

_new = object.__new__


class LevelLeaf(Node):
    """The end of a level's graph at an argument.

    It is the node of the argument and of whatever object the argument is wrapped in: a plain leaf
    is known by identity, but values of levels are copied when levels end.
    """

    __slots__ = ()

    def __new__(cls) -> LevelLeaf:
        node = _new(cls)
        node.k, node.e, node.hooks, node.v1 = next_k(), (), None, None
        return node

    def raw(self, g: Any, keep: bool) -> Any:
        return ()

    def rec(self, g: Any, keep: bool) -> Any:
        return ()

    def edges(self) -> tuple[Any, ...]:
        return ()


class LevelNode(GeneralNode):
    """The node of an op at a reverse level.

    s0: saved operands and outputs, one level down (None where not needed); v0: their versions.
    """

    __slots__ = ("level",)
    level: Any

    def raw(self, g: Any, keep: bool) -> Any:
        gs = self.rec(wrap(g), keep)
        return tuple(None if x is None else x._data for x in gs)

    def rec(self, g: Any, keep: bool) -> Any:
        prim = self.prim
        values = self._unpack(True)
        values += self.p
        if self.v1 is not None:
            g = self._several(OPS, g)
        flip = prim.holomorphic and is_complex(g)
        if flip:
            g = OPS.conj(g)
        if prim.joint:
            rule: Any = prim.rules[0]
            gs = rule.fn(REC, g, *rule.pick(values))
        else:
            gs = [
                None if e is None else r.fn(REC, g, *r.pick(values))  # type: ignore[union-attr]
                for r, e in zip(prim.rules, self.e)  # noqa: B905
            ]
        if flip:
            gs = [None if x is None else OPS.conj(x) for x in gs]
        if self.s1 is not None:
            shapes = self.s1
            gs = [None if x is None else sum_to(REC, x, s) for x, s in zip(gs, shapes)]  # noqa: B905
        return gs

    def _unpack(self, recorded: bool) -> list[Any]:
        values = []
        alive = self.level.alive
        saves = self.prim.layout.saves
        for (kind, index, name), value, version in zip(saves, self.s0, self.v0):  # noqa: B905
            if isinstance(value, Tensor):
                vc = value._vc
                if (0 if vc is None else vc[0]) != version:
                    raise errors.modified_saved(self, name, value, version)
                if alive:
                    value = self._inside(kind, index, value)
            elif type(value) is list:
                value = [
                    self._checked(name, t, v, True) for t, v in zip(value, version, strict=True)
                ]
                if alive:
                    value = [self._inside(kind, i, t) for i, t in enumerate(value)]
            values.append(value)
        return values

    def _inside(self, kind: str, index: int, inner: Tensor) -> Tensor:
        """A saved tensor as the value of the level that it was."""
        if kind == "out":
            return self.level.again(inner, self if self.v1 is None else Output.of(self, index))  # type: ignore[no-any-return]
        edge = self.e[index]
        return inner if edge is None else self.level.again(inner, edge)

    def release(self) -> None:
        """What a level saves lives as long as its node."""


_CLASSES: dict[tuple[type, Any], Any] = {}


def class_of(base: type, prim: Any) -> Any:
    """The node class of an op, named as PyTorch names its node."""
    made = _CLASSES.get((base, prim))
    if made is None:
        made = type(prim.grad_fn, (base,), {"prim": prim, "__slots__": ()})
        _CLASSES[base, prim] = made
    return made


def hang(
    level: Any,
    prim: Primitive,
    outs: Sequence[Any],
    inner: Sequence[Any],
    edges: Sequence[Any],
    needed: int,
    params: tuple[Any, ...],
) -> None:
    """Hang a node on outputs of a reverse level.

    Args:
        outs: the outputs, those with a gradient wrapped.
        inner: the operands one level down.
        edges: their nodes at this level, None without.
        needed: which of `prim.layout.saves` a rule will ask for, as bits.
    """
    node: Any = _new(_CLASSES.get((LevelNode, prim)) or class_of(LevelNode, prim))
    node.k, node.hooks, node.p, node.e, node.level = next_k(), None, params, edges, level
    node.s1 = node.v1 = None
    saved: list[Any] = []
    versions: list[Any] = []
    for kind, index, _ in prim.layout.saves:
        value: Any = None
        version: Any = 0
        if needed & 1:
            if kind == "out":
                value = level.inner(outs[index])
                version = version_of(value)
            elif kind == "x":
                value = list(inner) if prim.variadic else inner[index]
                if isinstance(value, Tensor):
                    version = version_of(value)
                elif type(value) is list:
                    version = [version_of(t) for t in value]
            else:
                value = operand_fact(prim, kind, index, inner)
        needed >>= 1
        saved.append(value)
        versions.append(version)
    node.s0, node.v0 = saved, versions
    _finish(node, prim, outs, inner)


def _finish(node: Any, prim: Primitive, outs: Sequence[Any], inputs: Sequence[Any]) -> None:
    """Shapes of operands that were broadcast, facts of several outputs, and the node on them."""
    if S.anomaly:
        errors.note_forward(node)
    if prim.broadcasts:
        shape = outs[0]._data.shape
        for t, e in zip(inputs, node.e, strict=True):
            if e is not None and t._data.shape != shape:
                node.s1 = tuple([i._data.shape if isinstance(i, Tensor) else () for i in inputs])
                break
    if not prim.several:
        outs[0]._node = node
        return
    node.v1 = tuple([(t._data.shape, t._data.dtype) for t in outs])
    for i, t in enumerate(outs):
        if node.level.owns(t):
            t._node = Output.of(node, i)


def operand_fact(prim: Primitive, kind: str, index: int, inputs: Sequence[Any]) -> Any:
    """The operand, or its shape or dtype, that a rule asks for by name."""
    if prim.variadic:
        return list(inputs) if kind == "x" else tuple([_fact(t, kind) for t in inputs])
    return _fact(inputs[index], kind)


def _fact(t: Any, kind: str) -> Any:
    if kind == "x":
        return t
    if not isinstance(t, Tensor):
        return None
    return t._data.shape if kind == "shape" else t.dtype


# ---------------------------------------------------------------- the plain tape on dual tensors


class DualNode(LevelNode):
    """The node of plain backward for an op on dual tensors.

    s0: saved operands as they are; saved outputs as (primal, tangent).
    """

    __slots__ = ()

    def _unpack(self, recorded: bool) -> list[Any]:
        values = []
        saves = self.prim.layout.saves
        for (kind, index, name), value, version in zip(saves, self.s0, self.v0, strict=True):
            if kind == "x":
                value = self._checked(name, value, version, True)
            elif kind == "out" and value is not None:
                primal, tangent = value
                if version_of(primal) != version:
                    raise errors.modified_saved(self, name, primal, version)
                edge = self if self.v1 is None else Output.of(self, index)
                value = self.level.again(primal, edge, tangent)
            values.append(value)
        return values


def hang_dual(
    level: Any, prim: Primitive, outs: Sequence[Any], inputs: Sequence[Any], params: tuple[Any, ...]
) -> None:
    """Record an op on dual tensors for plain backward."""
    masks = prim.layout.masks if not prim.variadic else prim.layout.masks * len(inputs)
    edges, needed = [], 0
    for t, mask in zip(inputs, masks, strict=True):
        edge = t._node if mask is not None and isinstance(t, Tensor) else None
        if edge is not None:
            needed |= mask  # type: ignore[operator]
            edge = t if edge is LEAF else edge
        edges.append(edge)
    node: Any = _new(class_of(DualNode, prim))
    node.k, node.hooks, node.p, node.e, node.level = next_k(), None, params, tuple(edges), level
    node.s1 = node.v1 = None
    node.s0, node.v0 = [], []
    for kind, index, _ in prim.layout.saves:
        value: Any = None
        version: Any = 0
        if needed & 1:
            if kind == "out":
                value = (level.inner(outs[index]), level.tangent(outs[index]))
                version = version_of(value[0])
            else:
                value = operand_fact(prim, kind, index, inputs)
                if kind == "x":
                    version = _versions(value)
        needed >>= 1
        node.s0.append(value)
        node.v0.append(version)
    _finish(node, prim, outs, inputs)


def _versions(value: Any) -> Any:
    if type(value) is list:
        return [version_of(t) for t in value]
    return version_of(value) if isinstance(value, Tensor) else 0


def tracked(inputs: Sequence[Any], prim: Primitive) -> bool:
    """Whether one of the operands that have a rule requires grad, and recording is on."""
    if not grad_enabled():
        return False
    rules = prim.rules * len(inputs) if prim.joint else prim.rules
    return any(
        r is not None and isinstance(t, Tensor) and t._node is not None
        for t, r in zip(inputs, rules, strict=False)
    )
