"""The nodes of the fast lanes: what `GeneralNode` does, in fewer steps, for the hot cases.

`UnaryNode` (one tensor), `BinaryNode` (two), `HalfNode` (two, of which one requires grad),
`NumberNode` (a tensor and a Python number), `OneNode` (one tensor and parameters, as sum) and
`PairNode` (two tensors, not elementwise, as matmul). Each class is made once per op, with a `raw`
written out for what the op's rule saves. Recorded by `core/lanes.py`, read by `core/engine.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import errors
from .node import Node
from .record import RAW, REC, is_complex, stand_in, sum_to

if TYPE_CHECKING:
    from .primitive import Primitive


_FEW = 4096  # BLAS adds more than that with less accuracy than pairwise sums


class _FreedTensor:
    """`FREED` for the fast nodes: reading its version says that it was backward before."""

    @property
    def _vc(self) -> Any:
        raise errors.SavedFreed


_GONE: Any = _FreedTensor()


def _checked(node: Node, name: str, t: Any, version: int) -> Any:
    if t is None:
        return None
    vc = t._vc
    if (0 if vc is None else vc[0]) != version:
        raise errors.modified_saved(node, name, t, version)
    return t


class UnaryNode(Node):
    """One tensor in, one out, no parameters. s0: x; s1: the array of out; v1: the counter of
    out."""

    __slots__ = ()
    saves_x = saves_out = False

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        return self.raw(g, True)  # elementwise rules broadcast

    def rec(self, g: Any, keep: bool) -> Any:
        values = self._tensors()
        if not keep:
            self.release()
        return self.prim.rules[0].fn(REC, g, *values)  # type: ignore[union-attr]

    def _tensors(self) -> list[Any]:
        values = []
        for name in self.prim.rules[0].names:  # type: ignore[union-attr]
            if name == "x":
                values.append(_checked(self, name, self.s0, self.v0))
            else:
                counter = self._out_counter()
                t = stand_in(self.s1, counter)
                t._node = self
                values.append(t)
        return values

    def _out_counter(self) -> list[int]:
        if self.v1 is None:
            raise errors.SavedFreed
        if self.v1[0]:
            raise errors.modified_saved(self, "out", stand_in(self.s1, self.v1), 0)
        return self.v1  # type: ignore[no-any-return]

    def saved(self) -> dict[str, Any]:
        return dict(zip(self.prim.rules[0].names, self._tensors(), strict=True))  # type: ignore[union-attr]

    def release(self) -> None:
        if self.saves_x:
            self.s0 = _GONE
        if self.saves_out:
            self.s1 = self.v1 = None


def unary_node(prim: Primitive, title: str) -> type[UnaryNode]:
    """The node class of a unary op, its `raw` written for what its rule saves."""
    rule = prim.rules[0]
    assert rule is not None
    fn, names = rule.fn, rule.names

    def raw_nothing(node: Any, g: Any, keep: bool) -> Any:
        return fn(RAW, g)

    def raw_x(node: Any, g: Any, keep: bool) -> Any:
        x = node.s0
        vc = x._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "x", x, node.v0)
        if not keep:
            node.s0 = _GONE
        return fn(RAW, g, x._data)

    def raw_out(node: Any, g: Any, keep: bool) -> Any:
        if node.v1 is None or node.v1[0]:
            node._out_counter()
        y = node.s1
        if not keep:
            node.s1 = node.v1 = None
        return fn(RAW, g, y)

    def raw_both(node: Any, g: Any, keep: bool) -> Any:
        if node.v1 is None or node.v1[0]:
            node._out_counter()
        values = {"x": _checked(node, "x", node.s0, node.v0)._data, "out": node.s1}
        if not keep:
            node.release()
        return fn(RAW, g, *[values[n] for n in names])

    def rec_nothing(node: Any, g: Any, keep: bool) -> Any:
        return fn(REC, g)

    def rec_x(node: Any, g: Any, keep: bool) -> Any:
        x = node.s0
        vc = x._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "x", x, node.v0)
        if not keep:
            node.s0 = _GONE
        return fn(REC, g, x)

    def rec_out(node: Any, g: Any, keep: bool) -> Any:
        counter = node.v1
        if counter is None or counter[0]:
            node._out_counter()
        t = stand_in(node.s1, counter)
        t._node = node
        if not keep:
            node.s1 = node.v1 = None
        return fn(REC, g, t)

    raw = {(): raw_nothing, ("x",): raw_x, ("out",): raw_out}.get(names, raw_both)
    rec = {(): rec_nothing, ("x",): rec_x, ("out",): rec_out}.get(names, UnaryNode.rec)
    body = {
        "prim": prim,
        "raw": raw,
        "rec": rec,
        "saves_x": "x" in names,
        "saves_out": "out" in names,
        "__slots__": (),
    }
    return type(title, (UnaryNode,), body)


class OneNode(UnaryNode):
    """One tensor in, one out, static parameters. s0: x, or its shape; s1, v1: as `UnaryNode`; p:
    the parameters."""

    __slots__ = ()

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        if self.prim.kind == "elementwise":
            return self.raw(g, True)
        return Node.rows(self, g, edges, size)

    def _tensors(self) -> list[Any]:
        known = dict(zip(self.prim.params, self.p, strict=True))
        values = []
        for name in self.prim.rules[0].names:  # type: ignore[union-attr]
            if name in known:
                values.append(known[name])
            elif name == "out":
                values.append(stand_in(self.s1, self._out_counter()))
                values[-1]._node = self
            else:
                x = _checked(self, "x", self.s0, self.v0) if self.saves_x else None
                values.append(x if name == "x" else self.s0 if x is None else x._data.shape)
        return values

    def saved(self) -> dict[str, Any]:
        return super().saved() | dict(zip(self.prim.params, self.p, strict=True))


def one_node(prim: Primitive, title: str) -> type[OneNode]:
    """The node class of an op of one operand with parameters, its `raw` written for what its rule
    wants."""
    rule = prim.rules[0]
    assert rule is not None and not prim.joint and not prim.holomorphic
    fn, names = rule.fn, rule.names
    saves_x, saves_out, saves_shape = "x" in names, "out" in names, "x_shape" in names
    where = {n: i for i, n in enumerate(("x", "x_shape", "out", *prim.params))}
    picks = [where[n] for n in names]

    def raw_params(node: Any, g: Any, keep: bool) -> Any:
        return fn(RAW, g, *node.p)

    def raw_shape(node: Any, g: Any, keep: bool) -> Any:
        return fn(RAW, g, node.s0, *node.p)

    def raw_any(node: Any, g: Any, keep: bool) -> Any:
        x = out = None
        if saves_x:
            x = _checked(node, "x", node.s0, node.v0)._data
        shape = x.shape if x is not None else node.s0 if saves_shape else None
        if saves_out:
            if node.v1 is None or node.v1[0]:
                node._out_counter()
            out = node.s1
        if not keep:
            node.release()
        values = (x, shape, out, *node.p)
        return fn(RAW, g, *[values[i] for i in picks])

    def raw_x(node: Any, g: Any, keep: bool) -> Any:
        x = node.s0
        vc = x._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "x", x, node.v0)
        if not keep:
            node.s0 = _GONE
        return fn(RAW, g, x._data, *node.p)

    def rec_params(node: Any, g: Any, keep: bool) -> Any:
        return fn(REC, g, *node.p)

    def rec_shape(node: Any, g: Any, keep: bool) -> Any:
        return fn(REC, g, node.s0, *node.p)

    lean = {
        prim.params: (raw_params, rec_params),
        ("x_shape", *prim.params): (raw_shape, rec_shape),
        ("x", *prim.params): (raw_x, OneNode.rec),
    }
    raw, rec = lean.get(names, (raw_any, OneNode.rec))
    body = {
        "prim": prim,
        "raw": raw,
        "rec": rec,
        "saves_x": saves_x,
        "saves_out": saves_out,
        "__slots__": (),
    }
    return type(title, (OneNode,), body)


class BinaryNode(Node):
    """Two tensors in, one out. s0, s1: a and b where needed; p: their shapes if they were
    broadcast."""

    __slots__ = ()

    def raw(self, g: Any, keep: bool) -> Any:
        values = {n: None if t is None else t._data for n, t in self._tensors().items()}
        if not keep:
            self.release()
        return self._apply(RAW, g, values, self.e)

    def rec(self, g: Any, keep: bool) -> Any:
        values = self._tensors()
        if not keep:
            self.release()
        return self._apply(REC, g, values, self.e)

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        if self.prim.kind != "elementwise" or (self.p is not None and g.ndim == 1):
            return Node.rows(self, g, edges, size)
        bare = {n: None if t is None else t._data for n, t in self._tensors().items()}
        shapes = self.p
        if type(edges) is not tuple:  # HalfNode
            rule: Any = self.prim.rules[self.side]
            g = rule.fn(RAW, g, *[bare[n] for n in rule.names])
            return g if shapes is None else rows_to(g, shapes)
        gs = [
            None if e is None else r.fn(RAW, g, *[bare[n] for n in r.names])  # type: ignore[union-attr]
            for r, e in zip(self.prim.rules, edges, strict=True)
        ]
        if shapes is None:
            return gs
        return [None if x is None else rows_to(x, s) for x, s in zip(gs, shapes, strict=True)]

    def some(self, g: Any, keep: bool, recorded: bool, edges: tuple[Any, ...]) -> Any:
        values = self._tensors()
        if not keep:
            self.release()
        if recorded:
            return self._apply(REC, g, values, edges)
        bare = {n: None if t is None else t._data for n, t in values.items()}
        return self._apply(RAW, g, bare, edges)

    def _tensors(self) -> dict[str, Any]:
        return {
            "a": None if self.s0 is None else _checked(self, "a", self.s0, self.v0),
            "b": None if self.s1 is None else _checked(self, "b", self.s1, self.v1),
        }

    def _apply(self, xp: Any, g: Any, values: dict[str, Any], edges: Any) -> Any:
        (ra, rb), (ea, eb) = self.prim.rules, edges
        ga = None if ea is None else ra.fn(xp, g, *[values[n] for n in ra.names])  # type: ignore[union-attr]
        gb = None if eb is None else rb.fn(xp, g, *[values[n] for n in rb.names])  # type: ignore[union-attr]
        if self.p is not None:
            ga = None if ga is None else sum_to(xp, ga, self.p[0])
            gb = None if gb is None else sum_to(xp, gb, self.p[1])
        return ga, gb

    def saved(self) -> dict[str, Any]:
        return {n: t for n, t in self._tensors().items() if t is not None}

    def release(self) -> None:
        if self.s0 is not None:
            self.s0 = _GONE
        if self.s1 is not None:
            self.s1 = _GONE


def rows_to(g: Any, shape: tuple[int, ...]) -> Any:
    """`sum_to` for many cotangents: `shape` without the dimension that counts them."""
    extra = g.ndim - 1 - len(shape)
    if extra:
        g = g.sum(axis=tuple(range(1, 1 + extra)))
    dims = tuple([i for i, n in enumerate(shape, 1) if n == 1 and g.shape[i] != 1])
    return g.sum(axis=dims, keepdims=True) if dims else g


def _summed(fn: Any, g: Any, other: Any, shape: tuple[int, ...], product: bool) -> Any:
    """The cotangent of an operand that was broadcast; for a product with a 0-d operand the sum of
    g * other is one inner product."""
    if product and not shape and g.ndim == 1 and g.shape == other.shape and g.size <= _FEW:
        return g.dot(other)
    return sum_to(RAW, fn(RAW, g, other), shape)


def binary_node(prim: Primitive, title: str) -> type[BinaryNode]:
    """The node class of a binary op: `raw` is written out for rules that save nothing or the other
    operand."""
    rule_a, rule_b = prim.rules
    assert rule_a is not None and rule_b is not None
    fn_a, fn_b = rule_a.fn, rule_b.fn

    def raw_nothing(node: Any, g: Any, keep: bool) -> Any:
        shapes = node.p
        ga, gb = fn_a(RAW, g), fn_b(RAW, g)
        if shapes is None:
            return ga, gb
        return sum_to(RAW, ga, shapes[0]), sum_to(RAW, gb, shapes[1])

    product = prim.product

    def raw_cross(node: Any, g: Any, keep: bool) -> Any:
        a, b, shapes = node.s0, node.s1, node.p
        vc = b._vc
        if (0 if vc is None else vc[0]) != node.v1:
            raise errors.modified_saved(node, "b", b, node.v1)
        vc = a._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "a", a, node.v0)
        if not keep:
            node.s0 = node.s1 = _GONE
        if shapes is None:
            return fn_a(RAW, g, b._data), fn_b(RAW, g, a._data)
        return (
            _summed(fn_a, g, b._data, shapes[0], product),
            _summed(fn_b, g, a._data, shapes[1], product),
        )

    def rec_nothing(node: Any, g: Any, keep: bool) -> Any:
        shapes = node.p
        ga, gb = fn_a(REC, g), fn_b(REC, g)
        if shapes is None:
            return ga, gb
        return sum_to(REC, ga, shapes[0]), sum_to(REC, gb, shapes[1])

    def rec_cross(node: Any, g: Any, keep: bool) -> Any:
        a, b, shapes = node.s0, node.s1, node.p
        vc = b._vc
        if (0 if vc is None else vc[0]) != node.v1:
            raise errors.modified_saved(node, "b", b, node.v1)
        vc = a._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "a", a, node.v0)
        if not keep:
            node.s0 = node.s1 = _GONE
        ga, gb = fn_a(REC, g, b), fn_b(REC, g, a)
        if shapes is None:
            return ga, gb
        return sum_to(REC, ga, shapes[0]), sum_to(REC, gb, shapes[1])

    def raw_left(node: Any, g: Any, keep: bool) -> Any:
        if node.p is not None:
            return BinaryNode.raw(node, g, keep)
        b = _checked(node, "b", node.s1, node.v1)._data
        a = _checked(node, "a", node.s0, node.v0)._data
        if not keep:
            node.s0 = node.s1 = _GONE
        return fn_a(RAW, g, b), fn_b(RAW, g, a, b)

    def rec_left(node: Any, g: Any, keep: bool) -> Any:  # b has to do with both
        a, b, shapes = node.s0, node.s1, node.p
        if shapes is not None:
            return BinaryNode.rec(node, g, keep)
        _checked(node, "b", b, node.v1)
        _checked(node, "a", a, node.v0)
        if not keep:
            node.s0 = node.s1 = _GONE
        return fn_a(REC, g, b), fn_b(REC, g, a, b)

    def some_cross(node: Any, g: Any, keep: bool, recorded: bool, edges: Any) -> Any:
        xp: Any = REC if recorded else RAW
        first = edges[0] is not None
        at = ("b", node.s1, node.v1) if first else ("a", node.s0, node.v0)
        t = _checked(node, *at)
        if not keep:
            node.s0 = node.s1 = _GONE
        g = (fn_a if first else fn_b)(xp, g, t if recorded else t._data)
        if node.p is not None:
            g = sum_to(xp, g, node.p[0 if first else 1])
        return (g, None) if first else (None, g)

    body: dict[str, Any] = {"prim": prim, "__slots__": ()}
    names = rule_a.names, rule_b.names
    if names == ((), ()):
        body |= {"raw": raw_nothing, "rec": rec_nothing}
    elif names == (("b",), ("a", "b")):
        body |= {"raw": raw_left, "rec": rec_left}
    elif names == (("b",), ("a",)):
        body |= {"raw": raw_cross, "rec": rec_cross, "some": some_cross}
    return type(title, (BinaryNode,), body)


class HalfNode(BinaryNode):
    """Two tensors in, of which only operand `side` requires grad: one edge, as for a unary op.
    p: the shape of that operand if it was broadcast."""

    __slots__ = ()
    side = 0

    def edges(self) -> tuple[Any, ...]:
        return (None, self.e) if self.side else (self.e, None)

    def _apply(self, xp: Any, g: Any, values: dict[str, Any], edges: Any) -> Any:
        rule: Any = self.prim.rules[self.side]
        g = rule.fn(xp, g, *[values[n] for n in rule.names])
        return g if self.p is None else sum_to(xp, g, self.p)


def half_node(prim: Primitive, title: str, side: int) -> type[HalfNode]:
    """The node class of a binary op when only operand `side` requires grad."""
    rule = prim.rules[side]
    assert rule is not None
    fn, names = rule.fn, rule.names

    product = prim.product

    def raw_nothing(node: Any, g: Any, keep: bool) -> Any:
        g = fn(RAW, g)
        return g if node.p is None else sum_to(RAW, g, node.p)

    def raw_b(node: Any, g: Any, keep: bool) -> Any:
        b = node.s1
        vc = b._vc
        if (0 if vc is None else vc[0]) != node.v1:
            raise errors.modified_saved(node, "b", b, node.v1)
        if not keep:
            node.s1 = _GONE
        if node.p is None:
            return fn(RAW, g, b._data)
        return _summed(fn, g, b._data, node.p, product)

    def raw_a(node: Any, g: Any, keep: bool) -> Any:
        a = node.s0
        vc = a._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "a", a, node.v0)
        if not keep:
            node.s0 = _GONE
        if node.p is None:
            return fn(RAW, g, a._data)
        return _summed(fn, g, a._data, node.p, product)

    def rec_nothing(node: Any, g: Any, keep: bool) -> Any:
        g = fn(REC, g)
        return g if node.p is None else sum_to(REC, g, node.p)

    def rec_b(node: Any, g: Any, keep: bool) -> Any:
        b = node.s1
        vc = b._vc
        if (0 if vc is None else vc[0]) != node.v1:
            raise errors.modified_saved(node, "b", b, node.v1)
        if not keep:
            node.s1 = _GONE
        g = fn(REC, g, b)
        return g if node.p is None else sum_to(REC, g, node.p)

    def rec_a(node: Any, g: Any, keep: bool) -> Any:
        a = node.s0
        vc = a._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "a", a, node.v0)
        if not keep:
            node.s0 = _GONE
        g = fn(REC, g, a)
        return g if node.p is None else sum_to(REC, g, node.p)

    body: dict[str, Any] = {"prim": prim, "side": side, "__slots__": ()}
    lean = {(): (raw_nothing, rec_nothing), ("a",): (raw_a, rec_a), ("b",): (raw_b, rec_b)}
    if names in lean:
        body["raw"], body["rec"] = lean[names]
    return type(title, (HalfNode,), body)


class PairNode(BinaryNode):
    """Two tensors in, one out, of an op that does not broadcast elementwise (matmul). p: their
    shapes, for the rules."""

    __slots__ = ()

    def _apply(self, xp: Any, g: Any, values: dict[str, Any], edges: Any) -> Any:
        values = values | {"a_shape": self.p[0], "b_shape": self.p[1]}
        conj = (
            (np.conjugate if xp is RAW else xp.conj)
            if self.prim.holomorphic and is_complex(g)
            else None
        )
        g = g if conj is None else conj(g)
        gs = [
            None if e is None else r.fn(xp, g, *[values[n] for n in r.names])  # type: ignore[union-attr]
            for r, e in zip(self.prim.rules, edges, strict=True)
        ]
        return tuple(x if x is None or conj is None else conj(x) for x in gs)


def pair_node(prim: Primitive, title: str) -> type[PairNode]:
    """The node class of an op of two operands whose rules want the other operand and the two
    shapes."""
    rule_a, rule_b = prim.rules
    assert rule_a is not None and rule_b is not None
    fn_a, fn_b = rule_a.fn, rule_b.fn

    def raw(node: Any, g: Any, keep: bool) -> Any:
        if g.dtype.kind == "c":
            return some(node, g, keep, False, node.e)
        ea, eb = node.e
        ga = gb = None
        if ea is not None:
            b = node.s1
            vc = b._vc
            if (0 if vc is None else vc[0]) != node.v1:
                raise errors.modified_saved(node, "b", b, node.v1)
            ga = fn_a(RAW, g, b._data, *node.p)
        if eb is not None:
            a = node.s0
            vc = a._vc
            if (0 if vc is None else vc[0]) != node.v0:
                raise errors.modified_saved(node, "a", a, node.v0)
            gb = fn_b(RAW, g, a._data, *node.p)
        if not keep:
            node.s0 = node.s1 = _GONE
        return ga, gb

    def rec(node: Any, g: Any, keep: bool) -> Any:
        return some(node, g, keep, True, node.e)

    def some(node: Any, g: Any, keep: bool, recorded: bool, edges: Any) -> Any:
        ea, eb = edges
        shapes = node.p
        ga = gb = None
        xp: Any = REC if recorded else RAW
        conj: Any = None
        if is_complex(g):
            conj = xp.conj if recorded else np.conjugate
            g = conj(g)
        if ea is not None:
            b = _checked(node, "b", node.s1, node.v1)
            ga = fn_a(xp, g, b if recorded else b._data, *shapes)
        if eb is not None:
            a = _checked(node, "a", node.s0, node.v0)
            gb = fn_b(xp, g, a if recorded else a._data, *shapes)
        if not keep:
            node.s0 = node.s1 = _GONE
        if conj is not None:
            return ga if ga is None else conj(ga), gb if gb is None else conj(gb)
        return ga, gb

    body: dict[str, Any] = {"prim": prim, "__slots__": ()}
    if (rule_a.names, rule_b.names) == (
        ("b", "a_shape", "b_shape"),
        ("a", "a_shape", "b_shape"),
    ) and prim.holomorphic:
        body |= {"raw": raw, "rec": rec, "some": some}
    return type(title, (PairNode,), body)


class NumberNode(Node):
    """A tensor and a Python number. s0: the tensor if saved; s1: the number as the kernel took it;
    p: the number."""

    __slots__ = ()
    saves_a = False

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        return self.raw(g, True)

    def rec(self, g: Any, keep: bool) -> Any:
        values = self._values().values()
        if not keep:
            self.release()
        return self.prim.rules[0].fn(REC, g, *values)  # type: ignore[union-attr]

    def _values(self) -> dict[str, Any]:
        values = {"b": self.p}
        if self.saves_a:
            values["a"] = _checked(self, "a", self.s0, self.v0)
        return {n: values[n] for n in self.prim.rules[0].names}  # type: ignore[union-attr]

    def saved(self) -> dict[str, Any]:
        return self._values()

    def release(self) -> None:
        if self.saves_a:
            self.s0 = _GONE


def number_node(prim: Primitive, title: str) -> type[NumberNode]:
    """The node class of a binary op whose second operand is a Python number."""
    rule = prim.rules[0]
    assert rule is not None
    fn, names = rule.fn, rule.names

    def raw_nothing(node: Any, g: Any, keep: bool) -> Any:
        return fn(RAW, g)

    def raw_number(node: Any, g: Any, keep: bool) -> Any:
        return fn(RAW, g, node.s1)

    def raw_any(node: Any, g: Any, keep: bool) -> Any:
        a = node.s0
        vc = a._vc
        if (0 if vc is None else vc[0]) != node.v0:
            raise errors.modified_saved(node, "a", a, node.v0)
        if not keep:
            node.s0 = _GONE
        values = {"a": a._data, "b": node.s1}
        return fn(RAW, g, *[values[n] for n in names])

    def rec_nothing(node: Any, g: Any, keep: bool) -> Any:
        return fn(REC, g)

    def rec_number(node: Any, g: Any, keep: bool) -> Any:
        return fn(REC, g, node.p)

    raw = {(): raw_nothing, ("b",): raw_number}.get(names, raw_any)
    rec = {(): rec_nothing, ("b",): rec_number}.get(names, NumberNode.rec)
    body = {"prim": prim, "raw": raw, "rec": rec, "saves_a": "a" in names, "__slots__": ()}
    if prim.number_as_tensor:
        body["unseen"] = 1
    return type(title, (NumberNode,), body)
