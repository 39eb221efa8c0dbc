"""How a rule is read: from its parameter names to what is saved, and from what was saved to the
gradient.

A rule is `rule(xp, g, *named)`. Its parameter names are looked up once, at declaration: a tensor
argument's name (it is saved), `out` or an output's name (saved too), `<argument>_shape`,
`<argument>_dtype`, or a static parameter.
`Layout` holds the result for one op: what to save, and where each rule finds its values.
`GeneralNode` is the node of any op; `UnaryNode`, `BinaryNode` and `NumberNode` are the same for the
hot cases (one tensor; two; a tensor and a number) with fewer steps, used by the fast lanes in
`core/primitive.py`; `OneNode` and `PairNode` likewise for ops that are not elementwise (one tensor
and parameters, as sum; two tensors, as matmul).
Each has the two readings: `raw` on arrays, `rec` on tensors. Un-broadcasting happens here, never in
a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, errors
from .node import LEAF, Node, Output, next_k
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = [
    "OPS",
    "RAW",
    "BinaryNode",
    "GeneralNode",
    "Layout",
    "NumberNode",
    "Rule",
    "UnaryNode",
    "sum_to",
]

_new = object.__new__


class Namespace:
    """What a rule sees as `xp`: every op by name."""

    def __init__(self, title: str) -> None:
        self._title = title

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a rule asked {self._title} for '{name}', which is not a declared op")


RAW: Any = Namespace("the kernels")  # ndarray in, ndarray out
OPS: Any = Namespace("the recording ops")  # Tensor in, Tensor out


class Rule:
    """A derivative rule with the names of what it wants."""

    __slots__ = ("fn", "names", "pick", "picks", "written")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.names = _parameters(fn)[2:]
        self.bind(())
        self.written = fn  # what the author wrote, when the machine wrapped it

    def bind(self, picks: tuple[int, ...]) -> None:
        """Say at which positions of the saved values and parameters this rule finds its own."""
        self.picks = picks
        self.pick: Callable[[Any], tuple[Any, ...]]
        if len(picks) > 1:
            self.pick = itemgetter(*picks)
        else:
            self.pick = itemgetter(slice(picks[0], picks[0] + 1) if picks else slice(0))


def _parameters(fn: Any) -> tuple[str, ...]:
    """Parameter names; `inspect.signature` would take half the time of importing chainrule."""
    given = getattr(fn, "__signature__", None)
    if given is not None:
        return tuple(given.parameters)
    code = fn.__code__
    return tuple(code.co_varnames[: code.co_argcount])


class Layout:
    """What an op saves when recorded, worked out from the parameter names of its rules.

    Attributes:
        saves: (kind, input or output index, name) of each saved value; kinds: x, out, shape, dtype.
        masks: for each operand, the positions in `saves` that its rule uses, as bits; None without.
    """

    __slots__ = ("masks", "saves")

    def __init__(self, prim: Primitive) -> None:
        self.saves: list[tuple[str, int, str]] = []
        where: dict[str, int] = {}
        rules = [r for r in prim.rules if r is not None]
        for name in dict.fromkeys(n for r in rules for n in r.names if n not in prim.params):
            where[name] = len(self.saves)
            self.saves.append((*self._source(prim, name), name))
        for i, name in enumerate(prim.params):
            where[name] = len(self.saves) + i
        for r in rules:
            r.bind(tuple(where[n] for n in r.names))
        count = len(self.saves)
        masks = [sum(1 << i for i in set(r.picks) if i < count) if r else None for r in prim.rules]
        self.masks = masks * len(prim.args) if prim.joint else masks

    @staticmethod
    def _source(prim: Primitive, name: str) -> tuple[str, int]:
        if name in prim.args:
            return "x", prim.args.index(name)
        if name in prim.outputs:
            return "out", prim.outputs.index(name)
        stem, _, what = name.rpartition("_")
        if what in ("shape", "dtype") and stem in prim.args:
            return what, prim.args.index(stem)
        raise TypeError(
            f"rule of {prim.name}: parameter '{name}' is no argument {prim.args}, output "
            f"{prim.outputs}, "
            f"<argument>_shape, <argument>_dtype or static parameter {prim.params}"
        )


def sum_to(xp: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over what broadcasting added, so that it has `shape`."""
    have = tuple(g.shape)
    if have == shape:
        return g
    if not shape:
        return xp.sum(g, None, False)
    extra = len(have) - len(shape)
    dims = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and have[i + extra] != 1
    )
    if dims:
        g = xp.sum(g, dims, True)
    return xp.reshape(g, shape) if extra else g


def version_of(t: Tensor) -> int:
    """The version to remember when `t` is saved."""
    vc = t._vc
    return 0 if vc is None else vc[0]


# ---------------------------------------------------------------- the general node


class GeneralNode(Node):
    """The node of any op.

    s0: saved values in the order of `layout.saves` (None where not needed); v0: their versions (the
    counter list itself for outputs); s1: shapes of the inputs if the op broadcast; v1: (shape,
    dtype) of the outputs if several.
    """

    __slots__ = ()

    def raw(self, g: Any, keep: bool) -> Any:
        prim = self.prim
        if self.v1 is not None or (prim.holomorphic and g.dtype.kind == "c"):
            return self._read(RAW, g, keep, np.conjugate)
        values = []
        for value, version in zip(self.s0, self.v0):  # noqa: B905  # strict= costs 100 ns
            if isinstance(value, Tensor):
                vc = value._vc
                if (0 if vc is None else vc[0]) != version:
                    self._unpack(False)  # says what is wrong
                value = value._data
            elif type(version) is list:
                value = self._unpack_listed(value, version)
            values.append(value)
        if not keep and values:
            self.release()
        values += self.p
        if prim.joint:
            rule: Any = prim.rules[0]
            gs = rule.fn(RAW, g, *rule.pick(values))
        else:
            gs = [
                None if e is None else r.fn(RAW, g, *r.pick(values))  # type: ignore[union-attr]
                for r, e in zip(prim.rules, self.e)  # noqa: B905
            ]
        if self.s1 is not None:
            gs = [None if x is None else sum_to(RAW, x, s) for x, s in zip(gs, self.s1, strict=True)]
        return gs

    def _unpack_listed(self, value: Any, version: list[Any]) -> Any:
        """A saved output (its counter must still say 0), or a list of saved operands."""
        if type(value) is list:
            return [self._checked("xs", v, n, False) for v, n in zip(value, version, strict=True)]
        if version[0]:
            self._unpack(False)  # says what is wrong
        return value

    def rec(self, g: Any, keep: bool) -> Any:
        return self._read(OPS, g, keep, OPS.conj)

    def _read(self, xp: Any, g: Any, keep: bool, conj: Any) -> tuple[Any, ...]:
        prim = self.prim
        values = [*self._unpack(xp is OPS), *self.p]
        if not keep:
            self.release()
        if self.v1 is not None:
            g = self._several(xp, g)
        complex_ = prim.holomorphic and _is_complex(g)
        if complex_:
            g = conj(g)
        if prim.joint:
            gs = prim.rules[0].fn(xp, g, *prim.rules[0].pick(values))  # type: ignore[union-attr]
        else:
            gs = tuple(
                r.fn(xp, g, *r.pick(values))
                if e is not None and r is not None
                else None
                for r, e in zip(prim.rules, self.e, strict=True)
            )
        if complex_:
            gs = tuple(None if x is None else conj(x) for x in gs)
        if self.s1 is not None:
            gs = tuple(
                None if x is None else sum_to(xp, x, s) for x, s in zip(gs, self.s1, strict=True)
            )
        return gs  # type: ignore[no-any-return]

    def _unpack(self, recorded: bool) -> list[Any]:
        values = []
        for (kind, index, name), value, version in zip(
            self.prim.layout.saves, self.s0, self.v0, strict=True
        ):
            if kind == "x":
                value = self._checked(name, value, version, recorded)
            elif kind == "out" and value is not None:
                if version[0]:
                    raise errors.modified_saved(self, name, _stand_in(value, version), 0)
                value = self.as_output(value, index) if recorded else value
            elif kind == "dtype" and recorded and value is not None:
                value = dtypes.from_numpy_dtype(value)
            values.append(value)
        return values

    def _checked(self, name: str, value: Any, version: Any, recorded: bool) -> Any:
        if isinstance(value, Tensor):
            if version_of(value) != version:
                raise errors.modified_saved(self, name, value, version)
            return value if recorded else value._data
        if type(value) is list:
            return [
                self._checked(name, v, n, recorded) for v, n in zip(value, version, strict=True)
            ]
        return value

    def as_output(self, array: Any, index: int) -> Tensor:
        """A saved output as the tensor it was: made by this node."""
        t = wrap(array)
        if array.dtype.kind in "fcV":
            t._node = self if self.v1 is None else Output.of(self, index)
        return t

    def _several(self, xp: Any, g: Any) -> Any:
        """The cotangents of the outputs that have one, zeros for those nobody used."""
        filled = [
            xp.zeros(shape, dtype if xp is RAW else dtypes.from_numpy_dtype(dtype))
            if x is None
            else x
            for x, (shape, dtype) in zip(g, self.v1, strict=True)
            if dtype.kind in "fcV"
        ]
        return filled[0] if len(filled) == 1 and self.prim.outputs != ("outs",) else tuple(filled)

    def saved(self) -> dict[str, Any]:
        values = self._unpack(True)
        found = {
            name: v
            for (_, _, name), v in zip(self.prim.layout.saves, values, strict=True)
            if v is not None
        }
        return found | dict(zip(self.prim.params, self.p, strict=True))

    def release(self) -> None:
        for value in self.s0:
            if isinstance(value, (Tensor, np.ndarray, np.generic, list)):
                self.s0 = _FREED
                return


def _is_complex(g: Any) -> bool:
    data = g._data if isinstance(g, Tensor) else g
    return not isinstance(data, tuple) and data.dtype.kind == "c"


def _stand_in(array: Any, counter: list[int]) -> Tensor:
    t = wrap(array)
    t._vc = counter
    return t


def record(
    prim: Primitive, outs: tuple[Tensor, ...], inputs: tuple[Any, ...], params: tuple[Any, ...]
) -> None:
    """Make the node of one evaluated op and hang it on its outputs; nothing if none of its
    operands that have a rule requires grad."""
    layout = prim.layout
    masks = layout.masks if not prim.variadic else layout.masks * len(inputs)
    edges: list[Any] = []
    needed, found = 0, False
    for t, mask in zip(inputs, masks):  # noqa: B905
        edge = t._node if mask is not None and isinstance(t, Tensor) else None
        if edge is not None:
            needed |= mask  # type: ignore[operator]
            found = True
            if edge is LEAF:
                edge = t
        edges.append(edge)
    if not found:
        return
    numbered = prim.number_node is not None and not isinstance(inputs[-1], Tensor)
    node: Any = _new(prim.number_node if numbered else prim.general_node)  # type: ignore[arg-type]
    node.k, node.hooks, node.p, node.e = next_k(), None, params, tuple(edges)
    saved: list[Any] = []
    versions: list[Any] = []
    for kind, index, _ in layout.saves:
        value, version = None, 0
        if needed & 1:
            value, version = _save(prim, kind, index, outs, inputs)
        needed >>= 1
        saved.append(value)
        versions.append(version)
    node.s0, node.v0, node.s1, node.v1 = saved, versions, None, None
    if prim.broadcasts:
        shape = outs[0]._data.shape
        shapes = tuple([t._data.shape if isinstance(t, Tensor) else () for t in inputs])
        if any([s != shape for s, e in zip(shapes, edges, strict=True) if e is not None]):
            node.s1 = shapes
    if prim.several:
        node.v1 = tuple((t._data.shape, t._data.dtype) for t in outs)
        for i, t in enumerate(outs):
            if t._data.dtype.kind in "fcV":
                t._node = Output.of(node, i)
    elif outs[0]._data.dtype.kind in "fcV":
        outs[0]._node = node


def _save(prim: Primitive, kind: str, index: int, outs: Any, inputs: Any) -> tuple[Any, Any]:
    if kind == "out":
        t = outs[index]
        if t._vc is None:
            t._vc = [0]
        return t._data, t._vc
    if prim.variadic:
        if kind == "x":
            return list(inputs), [version_of(t) for t in inputs]
        return tuple(getattr(t._data, kind) for t in inputs), 0
    t = inputs[index]
    if kind == "x":
        return t, version_of(t) if isinstance(t, Tensor) else 0
    return (getattr(t._data, kind) if isinstance(t, Tensor) else None), 0


# ---------------------------------------------------------------- the nodes of the fast lanes


class _FreedTuple:
    """`FREED` for the general node: unpacking it says that it was backward before."""

    def __iter__(self) -> Any:
        raise errors.SavedFreed


_FREED: Any = _FreedTuple()


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

    def rec(self, g: Any, keep: bool) -> Any:
        values = self._tensors()
        if not keep:
            self.release()
        return self.prim.rules[0].fn(OPS, g, *values)  # type: ignore[union-attr]

    def _tensors(self) -> list[Any]:
        values = []
        for name in self.prim.rules[0].names:  # type: ignore[union-attr]
            if name == "x":
                values.append(_checked(self, name, self.s0, self.v0))
            else:
                counter = self._out_counter()
                t = _stand_in(self.s1, counter)
                t._node = self
                values.append(t)
        return values

    def _out_counter(self) -> list[int]:
        if self.v1 is None:
            raise errors.SavedFreed
        if self.v1[0]:
            raise errors.modified_saved(self, "out", _stand_in(self.s1, self.v1), 0)
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

    raw = {(): raw_nothing, ("x",): raw_x, ("out",): raw_out}.get(names, raw_both)
    body = {
        "prim": prim,
        "raw": raw,
        "saves_x": "x" in names,
        "saves_out": "out" in names,
        "__slots__": (),
    }
    return type(title, (UnaryNode,), body)


class OneNode(UnaryNode):
    """One tensor in, one out, static parameters. s0: x, or its shape; s1, v1: as `UnaryNode`; p:
    the parameters."""

    __slots__ = ()

    def _tensors(self) -> list[Any]:
        known = dict(zip(self.prim.params, self.p, strict=True))
        values = []
        for name in self.prim.rules[0].names:  # type: ignore[union-attr]
            if name in known:
                values.append(known[name])
            elif name == "out":
                values.append(_stand_in(self.s1, self._out_counter()))
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
    saves_x, saves_out = "x" in names, "out" in names
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
        shape = node.s0 if x is None else x.shape
        if saves_out:
            if node.v1 is None or node.v1[0]:
                node._out_counter()
            out = node.s1
        if not keep:
            node.release()
        values = (x, shape, out, *node.p)
        return fn(RAW, g, *[values[i] for i in picks])

    lean = {prim.params: raw_params, ("x_shape", *prim.params): raw_shape}
    body = {
        "prim": prim,
        "raw": lean.get(names, raw_any),
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
        return self._apply(RAW, g, values)

    def rec(self, g: Any, keep: bool) -> Any:
        values = self._tensors()
        if not keep:
            self.release()
        return self._apply(OPS, g, values)

    def _tensors(self) -> dict[str, Any]:
        return {
            "a": _checked(self, "a", self.s0, self.v0),
            "b": _checked(self, "b", self.s1, self.v1),
        }

    def _apply(self, xp: Any, g: Any, values: dict[str, Any]) -> tuple[Any, Any]:
        (ra, rb), (ea, eb) = self.prim.rules, self.e
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


def binary_node(prim: Primitive, title: str) -> type[BinaryNode]:
    """The node class of a binary op: `raw` is written out for rules that save nothing or the other
    operand."""
    rule_a, rule_b = prim.rules
    assert rule_a is not None and rule_b is not None
    fn_a, fn_b = rule_a.fn, rule_b.fn

    def raw_nothing(node: Any, g: Any, keep: bool) -> Any:
        ea, eb = node.e
        ga = None if ea is None else fn_a(RAW, g)
        gb = None if eb is None else fn_b(RAW, g)
        shapes = node.p
        if shapes is not None:
            ga = None if ea is None else sum_to(RAW, ga, shapes[0])
            gb = None if eb is None else sum_to(RAW, gb, shapes[1])
        return ga, gb

    def raw_cross(node: Any, g: Any, keep: bool) -> Any:
        ea, eb = node.e
        ga = gb = None
        if ea is not None:
            b = node.s1
            vc = b._vc
            if (0 if vc is None else vc[0]) != node.v1:
                raise errors.modified_saved(node, "b", b, node.v1)
            ga = fn_a(RAW, g, b._data)
        if eb is not None:
            a = node.s0
            vc = a._vc
            if (0 if vc is None else vc[0]) != node.v0:
                raise errors.modified_saved(node, "a", a, node.v0)
            gb = fn_b(RAW, g, a._data)
        if not keep:
            node.s0 = node.s1 = _GONE
        shapes = node.p
        if shapes is not None:
            ga = None if ea is None else sum_to(RAW, ga, shapes[0])
            gb = None if eb is None else sum_to(RAW, gb, shapes[1])
        return ga, gb

    body: dict[str, Any] = {"prim": prim, "__slots__": ()}
    raw = {((), ()): raw_nothing, (("b",), ("a",)): raw_cross}.get((rule_a.names, rule_b.names))
    if raw is not None:
        body["raw"] = raw
    return type(title, (BinaryNode,), body)


class PairNode(BinaryNode):
    """Two tensors in, one out, of an op that does not broadcast elementwise (matmul). p: their
    shapes, for the rules."""

    __slots__ = ()

    def _apply(self, xp: Any, g: Any, values: dict[str, Any]) -> tuple[Any, Any]:
        values = values | {"a_shape": self.p[0], "b_shape": self.p[1]}
        conj = (
            (np.conjugate if xp is RAW else xp.conj)
            if self.prim.holomorphic and _is_complex(g)
            else None
        )
        g = g if conj is None else conj(g)
        gs = [
            None if e is None else r.fn(xp, g, *[values[n] for n in r.names])  # type: ignore[union-attr]
            for r, e in zip(self.prim.rules, self.e, strict=True)
        ]
        return tuple(x if x is None or conj is None else conj(x) for x in gs)  # type: ignore[return-value]


def pair_node(prim: Primitive, title: str) -> type[PairNode]:
    """The node class of an op of two operands whose rules want the other operand and the two
    shapes."""
    rule_a, rule_b = prim.rules
    assert rule_a is not None and rule_b is not None
    fn_a, fn_b = rule_a.fn, rule_b.fn

    def raw(node: Any, g: Any, keep: bool) -> Any:
        ea, eb = node.e
        shapes = node.p
        ga = gb = None
        conj = np.conjugate if g.dtype.kind == "c" else None
        if conj is not None:
            g = conj(g)
        if ea is not None:
            ga = fn_a(RAW, g, _checked(node, "b", node.s1, node.v1)._data, *shapes)
        if eb is not None:
            gb = fn_b(RAW, g, _checked(node, "a", node.s0, node.v0)._data, *shapes)
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
        body["raw"] = raw
    return type(title, (PairNode,), body)


class NumberNode(Node):
    """A tensor and a Python number. s0: the tensor if saved; s1: the number as the kernel took it;
    p: the number."""

    __slots__ = ()
    saves_a = False

    def rec(self, g: Any, keep: bool) -> Any:
        values = self._values().values()
        if not keep:
            self.release()
        return self.prim.rules[0].fn(OPS, g, *values)  # type: ignore[union-attr]

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

    raw = {(): raw_nothing, ("b",): raw_number}.get(names, raw_any)
    return type(
        title, (NumberNode,), {"prim": prim, "raw": raw, "saves_a": "a" in names, "__slots__": ()}
    )
