"""The nodes of the fast lanes: what `GeneralNode` does, in fewer steps, for the hot cases.

`UnaryNode` (one tensor), `BinaryNode` (two), `HalfNode` (two, of which one requires grad),
`NumberNode` (a tensor and a Python number), `OneNode` (one tensor and parameters, as sum) and
`PairNode` (two tensors, not elementwise, as matmul). Each class is made once per op, with a `raw`
written out for what the op's rule saves. Recorded by `core/lanes.py`, read by `core/engine.py`.
"""

from __future__ import annotations

from collections.abc import Callable
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


Reading = Callable[[Any, Any, bool], Any]


def _both(readings: Callable[[Any], dict[Any, Reading]], names: Any) -> dict[str, Reading]:
    """`raw` and `rec` written out for a rule that wants `names`: one text read with the kernels on
    arrays and with the recording ops on tensors. Empty where there is none: the class has its own,
    which works for any rule."""
    raw = readings(RAW)
    return {"raw": raw[names], "rec": readings(REC)[names]} if names in raw else {}


class UnaryNode(Node):
    """One tensor in, one out, no parameters. s0: x; s1: the array of out; v1: the counter of
    out."""

    __slots__ = ()
    saves_x = saves_out = False

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        return self.raw(g, True)  # elementwise rules broadcast

    def raw(self, g: Any, keep: bool) -> Any:
        values = [t._data for t in self._tensors()]
        if not keep:
            self.release()
        return self.prim.rules[0].fn(RAW, g, *values)  # type: ignore[union-attr]

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
    """The node class of a unary op."""
    rule = prim.rules[0]
    assert rule is not None
    fn, names = rule.fn, rule.names

    def readings(xp: Any) -> dict[Any, Reading]:
        bare = xp is RAW

        def of_nothing(node: Any, g: Any, keep: bool) -> Any:
            return fn(xp, g)

        def of_x(node: Any, g: Any, keep: bool) -> Any:
            x = node.s0
            vc = x._vc
            if (0 if vc is None else vc[0]) != node.v0:
                raise errors.modified_saved(node, "x", x, node.v0)
            if not keep:
                node.s0 = _GONE
            return fn(xp, g, x._data if bare else x)

        def of_out(node: Any, g: Any, keep: bool) -> Any:
            counter = node.v1
            if counter is None or counter[0]:
                node._out_counter()
            y = node.s1
            if not bare:
                y = stand_in(y, counter)
                y._node = node
            if not keep:
                node.s1 = node.v1 = None
            return fn(xp, g, y)

        return {(): of_nothing, ("x",): of_x, ("out",): of_out}

    body = {"saves_x": "x" in names, "saves_out": "out" in names, **_both(readings, names)}
    return type(title, (UnaryNode,), {"prim": prim, "__slots__": (), **body})


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
    """The node class of an op of one operand with parameters."""
    rule = prim.rules[0]
    assert rule is not None and not prim.joint and not prim.holomorphic
    fn, names = rule.fn, rule.names
    saves_x, saves_out, saves_shape = "x" in names, "out" in names, "x_shape" in names
    where = {n: i for i, n in enumerate(("x", "x_shape", "out", *prim.params))}
    picks = [where[n] for n in names]

    def readings(xp: Any) -> dict[Any, Reading]:
        bare = xp is RAW

        def of_any(node: Any, g: Any, keep: bool) -> Any:
            x = shape = out = None
            if saves_x:
                x = _checked(node, "x", node.s0, node.v0)
                shape = x._data.shape
                x = x._data if bare else x
            elif saves_shape:
                shape = node.s0
            if saves_out:
                counter = node.v1
                if counter is None or counter[0]:
                    node._out_counter()
                out = node.s1
                if not bare:
                    out = stand_in(out, counter)
                    out._node = node
            if not keep:
                node.release()
            values = (x, shape, out, *node.p)
            return fn(xp, g, *[values[i] for i in picks])

        return {
            names: of_any,
            prim.params: lambda node, g, keep: fn(xp, g, *node.p),
            ("x_shape", *prim.params): lambda node, g, keep: fn(xp, g, node.s0, *node.p),
        }

    body = {"saves_x": saves_x, "saves_out": saves_out, **_both(readings, names)}
    return type(title, (OneNode,), {"prim": prim, "__slots__": (), **body})


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
        shapes = self.p
        if shapes is None and (type(edges) is not tuple or edges is self.e):
            return self.raw(g, True)  # elementwise rules broadcast
        bare = {n: None if t is None else t._data for n, t in self._tensors().items()}
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


def _summed(xp: Any, fn: Any, g: Any, other: Any, shape: tuple[int, ...], product: bool) -> Any:
    """The cotangent of an operand that was broadcast; for a product with a 0-d operand the sum of
    g * other is one inner product."""
    if product and not shape and g.ndim == 1 and g.shape == other.shape and g.size <= _FEW:
        return g.dot(other)
    return sum_to(xp, fn(xp, g, other), shape)


def binary_node(prim: Primitive, title: str) -> type[BinaryNode]:
    """The node class of a binary op."""
    rule_a, rule_b = prim.rules
    assert rule_a is not None and rule_b is not None
    fn_a, fn_b, kernel = rule_a.fn, rule_b.fn, prim.kernel

    def readings(xp: Any) -> dict[Any, Reading]:
        bare = xp is RAW
        product = prim.product and bare

        def of_nothing(node: Any, g: Any, keep: bool) -> Any:
            shapes = node.p
            ga, gb = fn_a(xp, g), fn_b(xp, g)
            if shapes is None:
                return ga, gb
            return sum_to(xp, ga, shapes[0]), sum_to(xp, gb, shapes[1])

        def of_other(node: Any, g: Any, keep: bool) -> Any:
            a, b, shapes = node.s0, node.s1, node.p
            vc = b._vc
            if (0 if vc is None else vc[0]) != node.v1:
                raise errors.modified_saved(node, "b", b, node.v1)
            vc = a._vc
            if (0 if vc is None else vc[0]) != node.v0:
                raise errors.modified_saved(node, "a", a, node.v0)
            if not keep:
                node.s0 = node.s1 = _GONE
            if bare:
                a, b = a._data, b._data
            if shapes is None:
                if product:
                    return kernel(g, b), kernel(g, a)
                return fn_a(xp, g, b), fn_b(xp, g, a)
            return (
                _summed(xp, fn_a, g, b, shapes[0], product),
                _summed(xp, fn_b, g, a, shapes[1], product),
            )

        def of_both(node: Any, g: Any, keep: bool) -> Any:  # the rule of b has to do with both
            if node.p is not None:
                return (BinaryNode.raw if bare else BinaryNode.rec)(node, g, keep)
            b = _checked(node, "b", node.s1, node.v1)
            a = _checked(node, "a", node.s0, node.v0)
            if not keep:
                node.s0 = node.s1 = _GONE
            if bare:
                a, b = a._data, b._data
            return fn_a(xp, g, b), fn_b(xp, g, a, b)

        return {((), ()): of_nothing, (("b",), ("a",)): of_other, (("b",), ("a", "b")): of_both}

    body = _both(readings, (rule_a.names, rule_b.names))
    return type(title, (BinaryNode,), {"prim": prim, "__slots__": (), **body})


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
    kernel = prim.kernel

    def readings(xp: Any) -> dict[Any, Reading]:
        bare = xp is RAW
        product = prim.product and bare

        def of_nothing(node: Any, g: Any, keep: bool) -> Any:
            g = fn(xp, g)
            return g if node.p is None else sum_to(xp, g, node.p)

        def of_a(node: Any, g: Any, keep: bool) -> Any:
            a = node.s0
            vc = a._vc
            if (0 if vc is None else vc[0]) != node.v0:
                raise errors.modified_saved(node, "a", a, node.v0)
            if not keep:
                node.s0 = _GONE
            a = a._data if bare else a
            if node.p is not None:
                return _summed(xp, fn, g, a, node.p, product)
            return kernel(g, a) if product else fn(xp, g, a)

        def of_b(node: Any, g: Any, keep: bool) -> Any:
            b = node.s1
            vc = b._vc
            if (0 if vc is None else vc[0]) != node.v1:
                raise errors.modified_saved(node, "b", b, node.v1)
            if not keep:
                node.s1 = _GONE
            b = b._data if bare else b
            if node.p is not None:
                return _summed(xp, fn, g, b, node.p, product)
            return kernel(g, b) if product else fn(xp, g, b)

        def of_both(node: Any, g: Any, keep: bool) -> Any:
            a, b = _checked(node, "a", node.s0, node.v0), _checked(node, "b", node.s1, node.v1)
            if not keep:
                node.s0 = node.s1 = _GONE
            g = fn(xp, g, a._data, b._data) if bare else fn(xp, g, a, b)
            return g if node.p is None else sum_to(xp, g, node.p)

        return {(): of_nothing, ("a",): of_a, ("b",): of_b, ("a", "b"): of_both}

    body = {"side": side, **_both(readings, names)}
    return type(title, (HalfNode,), {"prim": prim, "__slots__": (), **body})


class PairNode(BinaryNode):
    """Two tensors in, one out, of an op that does not broadcast elementwise (matmul). p: their
    shapes, for the rules."""

    __slots__ = ()

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        own = self.prim.rows
        found = None if own is None else own(self, g, edges)
        return Node.rows(self, g, edges, size) if found is None else found

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
    usual = ("b", "a_shape", "b_shape"), ("a", "a_shape", "b_shape")

    def readings(xp: Any) -> dict[Any, Reading]:
        bare = xp is RAW

        def of_other(node: Any, g: Any, keep: bool, edges: Any = None) -> Any:
            if is_complex(g):
                return BinaryNode.some(node, g, keep, not bare, edges or node.e)
            ea, eb = edges or node.e
            ga = gb = None
            if ea is not None:
                b = node.s1
                vc = b._vc
                if (0 if vc is None else vc[0]) != node.v1:
                    raise errors.modified_saved(node, "b", b, node.v1)
                ga = fn_a(xp, g, b._data if bare else b, *node.p)
            if eb is not None:
                a = node.s0
                vc = a._vc
                if (0 if vc is None else vc[0]) != node.v0:
                    raise errors.modified_saved(node, "a", a, node.v0)
                gb = fn_b(xp, g, a._data if bare else a, *node.p)
            if not keep:
                node.s0 = node.s1 = _GONE
            return ga, gb

        return {usual: of_other}

    def some(node: Any, g: Any, keep: bool, recorded: bool, edges: Any) -> Any:
        return (node.rec if recorded else node.raw)(g, keep, edges)

    body: dict[str, Any] = _both(readings, (rule_a.names, rule_b.names)) if prim.holomorphic else {}
    if body:
        body["some"] = some
    return type(title, (PairNode,), {"prim": prim, "__slots__": (), **body})


class NumberNode(Node):
    """A tensor and a Python number. s0: the tensor if saved; s1: the number as the kernel took it;
    p: the number."""

    __slots__ = ()
    saves_a = False

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        return self.raw(g, True)

    def raw(self, g: Any, keep: bool) -> Any:
        values = self._values() | {"b": self.s1}
        rule: Any = self.prim.rules[0]
        if not keep:
            self.release()
        return rule.fn(RAW, g, *[getattr(values[n], "_data", values[n]) for n in rule.names])

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
    fn, names, kernel = rule.fn, rule.names, prim.kernel

    def readings(xp: Any) -> dict[Any, Reading]:
        bare = xp is RAW
        product = prim.product and bare

        def of_both(node: Any, g: Any, keep: bool) -> Any:
            a = node.s0
            vc = a._vc
            if (0 if vc is None else vc[0]) != node.v0:
                raise errors.modified_saved(node, "a", a, node.v0)
            if not keep:
                node.s0 = _GONE
            return fn(xp, g, a._data, node.s1) if bare else fn(xp, g, a, node.p)

        def of_number(node: Any, g: Any, keep: bool) -> Any:
            if product:
                return kernel(g, node.s1)  # s1: the number as the kernel took it
            return fn(xp, g, node.s1 if bare else node.p)

        return {(): lambda node, g, keep: fn(xp, g), ("b",): of_number, ("a", "b"): of_both}

    body = {"saves_a": "a" in names, **_both(readings, names)}
    if prim.number_as_tensor:
        body["unseen"] = 1
    return type(title, (NumberNode,), {"prim": prim, "__slots__": (), **body})
