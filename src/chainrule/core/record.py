"""How a rule is read: from its parameter names to what is saved, and from what was saved to the
gradient.

A rule is `rule(xp, g, *named)`. Its parameter names are looked up once, at declaration: a tensor
argument's name (it is saved), `out` or an output's name (saved too), `<argument>_shape`,
`<argument>_dtype`, or a static parameter.
`Layout` holds the result for one op: what to save, and where each rule finds its values.
`GeneralNode` is the node of any op; `core/lane_nodes.py` has leaner ones for the hot cases.
Each has the two readings: `raw` on arrays, `rec` on tensors. Un-broadcasting happens here, never in
a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, errors
from .._state import set_grad
from .node import LEAF, Node, Output, next_k
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = [
    "OPS",
    "RAW",
    "REC",
    "GeneralNode",
    "Layout",
    "Packed",
    "Rule",
    "is_complex",
    "packed_class",
    "parameters_of",
    "record",
    "stand_in",
    "sum_to",
]

_new = object.__new__


class Namespace:
    """What a rule sees as `xp`: every op by name."""

    def __init__(self, title: str) -> None:
        self._title = title

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a rule asked {self._title} for '{name}', which is not a declared op")


class Canonical(Namespace):
    """The recording ops as rules call them: canonical parameters, so nothing need be checked. An op
    without a short way of its own is the one of `OPS`."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(OPS, name)
        if name in self.__dict__:
            return self.__dict__[name]
        self.__dict__[name] = found = getattr(found, "canonical", found)
        return found


RAW: Any = Namespace("the kernels")  # ndarray in, ndarray out
OPS: Any = Namespace("the recording ops")  # Tensor in, Tensor out
REC: Any = Canonical("the recording ops")  # the same for rules


class Rule:
    """A derivative rule with the names of what it wants."""

    __slots__ = ("fn", "names", "pick", "picks", "written")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.names = parameters_of(fn)[2:]
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


def parameters_of(fn: Any) -> tuple[str, ...]:
    """Parameter names; `inspect.signature` would take half the time of importing chainrule."""
    given: tuple[str, ...] | None = getattr(fn, "parameter_names", None)
    if given is not None:
        return given
    code = fn.__code__
    return tuple(code.co_varnames[: code.co_argcount])


class Layout:
    """What an op saves when recorded, worked out from the parameter names of its rules.

    Attributes:
        saves: (kind, input or output index, name) of each saved value; kinds: x, out, shape, dtype.
        masks: for each operand, the positions in `saves` that its rule uses, as bits; None without.
    """

    __slots__ = ("_plans", "masks", "saves")

    def __init__(self, prim: Primitive) -> None:
        self.saves: list[tuple[str, int, str]] = []
        self._plans: dict[int, tuple[Any, int, tuple[tuple[int, str, int], ...]]] = {}
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

    def plan(self, prim: Primitive, live: int) -> tuple[Any, int, tuple[tuple[int, str, int], ...]]:
        """For a call in which the operands of these bits require grad: the node class, the only
        such operand (-1: several), and (position, kind, index) of what to save."""
        found = self._plans.get(live)
        if found is None:
            needed = 0
            for i, mask in enumerate(self.masks):
                if live >> i & 1:
                    needed |= mask  # type: ignore[operator]
            saves = tuple(
                (i, kind, index) for i, (kind, index, _) in enumerate(self.saves) if needed >> i & 1
            )
            side = live.bit_length() - 1 if live & (live - 1) == 0 and not prim.joint else -1
            node_class: Any = prim.general_node
            if side >= 0 and len(prim.args) > 1:
                body = {"side": side, "rule": prim.rules[side], "__slots__": (), "prim": prim}
                node_class = type(prim.grad_fn, (SingleNode,), body)
            elif side >= 0:
                side = -1
            found = self._plans[live] = (node_class, side, saves)
        return found

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
    have = g.shape
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


class Packed:
    """A saved tensor in the keeping of saved-tensor hooks.

    Attributes:
        held: what the pack hook returned. unpack: gives the tensor for it.
        edge: where the tensor's gradient goes: the tensor it was if that was an operand, its
            number if it was an output of the node itself.
    """

    __slots__ = ("edge", "held", "unpack")

    def __init__(self, held: Any, unpack: Callable[[Any], Any], edge: Any) -> None:
        self.held, self.unpack = held, unpack
        if isinstance(edge, Tensor):
            edge = None if edge._node is None else edge if edge._node is LEAF else edge._node
        self.edge = edge

    def get(self, node: Any, recorded: bool) -> Any:
        """The array, or the tensor at its place in the graph."""
        before = set_grad(False)
        try:
            t = self.unpack(self.held)
        finally:
            set_grad(before)
        if not isinstance(t, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                f"type {type(t).__name__}"
            )
        if not recorded:
            return t._data
        made = wrap(t._data)
        if isinstance(self.edge, Tensor):
            before = set_grad(True)
            record(OPS.reshape.prim, (made,), (self.edge,), (made._data.shape,))
            set_grad(before)
        elif type(self.edge) is int:
            if made._data.dtype.kind in "fcV":
                made._node = node if node.v1 is None else Output.of(node, self.edge)
        else:
            made._node = self.edge
        return made


# ---------------------------------------------------------------- the general node


def _half_again(prim: Primitive, dtype: Any, gs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cotangents in bfloat16, which times a Python number is float32 to NumPy."""
    if any(kind == "dtype" for kind, _, _ in prim.layout.saves):
        return gs  # a rule that asks for an operand's dtype answers in it
    single = np.float32
    return tuple(
        x.astype(dtype) if getattr(x, "dtype", None) == single else x  # None: no cotangent
        for x in gs
    )


class GeneralNode(Node):
    """The node of any op.

    s0: saved values in the order of `layout.saves` (None where not needed); v0: their versions (the
    counter list itself for outputs); s1: shapes of the inputs if the op broadcast; v1: (shape,
    dtype) of the outputs if several.
    """

    __slots__ = ()

    def raw(self, g: Any, keep: bool) -> Any:
        prim = self.prim
        if prim.holomorphic and (self.v1 is not None or g.dtype.kind in "cV"):
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
        if self.v1 is not None:
            g = self._several(RAW, g)
        if prim.joint:
            rule: Any = prim.rules[0]
            gs = rule.fn(RAW, g, *rule.pick(values))
        else:
            gs = [
                None if e is None else r.fn(RAW, g, *r.pick(values))  # type: ignore[union-attr]
                for r, e in zip(prim.rules, self.e)  # noqa: B905
            ]
        if self.s1 is not None:
            shapes = self.s1
            gs = [None if x is None else sum_to(RAW, x, s) for x, s in zip(gs, shapes)]  # noqa: B905
        if self.v1 is None and g.dtype.kind == "V":
            return _half_again(prim, g.dtype, tuple(gs))
        return gs

    def public_edges(self) -> tuple[Any, ...]:
        edges, rules = self.edges(), self.prim.rules
        if len(edges) != len(rules):  # joint rules and numbers have no rule per operand
            return edges
        return tuple(e for e, r in zip(edges, rules, strict=True) if r is not None)

    def _unpack_listed(self, value: Any, version: list[Any]) -> Any:
        """A saved output (its counter must still say 0), or a list of saved operands."""
        if type(value) is list:
            return [self._checked("xs", v, n, False) for v, n in zip(value, version, strict=True)]
        if version[0]:
            self._unpack(False)  # says what is wrong
        return value

    def rec(self, g: Any, keep: bool) -> Any:
        return self._read(REC, g, keep, OPS.conj)

    def some(self, g: Any, keep: bool, recorded: bool, edges: tuple[Any, ...]) -> Any:
        if recorded:
            return self._read(REC, g, keep, OPS.conj, edges)
        return self._read(RAW, g, keep, np.conjugate, edges)

    def _read(self, xp: Any, g: Any, keep: bool, conj: Any, edges: Any = None) -> tuple[Any, ...]:
        prim = self.prim
        values = [*self._unpack(xp is REC), *self.p]
        if not keep:
            self.release()
        if self.v1 is not None:
            g = self._several(xp, g)
        complex_ = prim.holomorphic and is_complex(g)
        if complex_:
            g = conj(g)
        if prim.joint:
            gs = prim.rules[0].fn(xp, g, *prim.rules[0].pick(values))  # type: ignore[union-attr]
        else:
            gs = tuple(
                r.fn(xp, g, *r.pick(values)) if e is not None and r is not None else None
                for r, e in zip(prim.rules, edges or self.edges(), strict=True)
            )
        if complex_:
            gs = tuple(None if x is None else conj(x) for x in gs)
        if self.s1 is not None:
            gs = tuple(
                None if x is None else sum_to(xp, x, s) for x, s in zip(gs, self.s1, strict=True)
            )
        if xp is RAW and isinstance(g, (np.ndarray, np.generic)) and g.dtype.kind == "V":
            return _half_again(prim, g.dtype, gs)
        return gs  # type: ignore[no-any-return]

    def _unpack(self, recorded: bool) -> list[Any]:
        values = []
        for (kind, index, name), value, version in zip(
            self.prim.layout.saves, self.s0, self.v0, strict=True
        ):
            if kind == "x":
                value = self._checked(name, value, version, recorded)
            elif type(value) is Packed:
                value = value.get(self, recorded)
            elif kind == "out" and value is not None:
                if version[0]:
                    raise errors.modified_saved(self, name, stand_in(value, version), 0)
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
        if type(value) is np.ndarray:  # a number as the kernel took it: rules have it as it was
            return value.item() if recorded else value
        return value.get(self, recorded) if type(value) is Packed else value

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
            if isinstance(value, (Tensor, np.ndarray, np.generic, list, Packed)):
                self.s0 = _FREED
                return

    def pack(self, hook: Callable[[Tensor, Any], Packed]) -> None:
        """Replace the saved tensors by what `hook(tensor, edge)` makes of them."""
        if type(self.s0) is not list:
            return
        for i, ((kind, index, _), value) in enumerate(
            zip(self.prim.layout.saves, self.s0, strict=True)
        ):
            if kind == "out" and value is not None:
                out = self.as_output(value, index)
                out._vc = self.v0[i]
                self.s0[i] = hook(out, index)
            elif isinstance(value, Tensor):
                self.s0[i] = hook(value, value)
            elif type(value) is list:
                self.s0[i] = [hook(v, v) if isinstance(v, Tensor) else v for v in value]
            else:
                continue
            self.__class__ = packed_class(type(self))


_PACKED: dict[type, type] = {}


def packed_class(cls: Any) -> Any:
    """The class of such a node when hooks keep its values: it reads its rules the careful way."""
    made = _PACKED.get(cls)
    if made is None:

        def raw(self: Any, g: Any, keep: bool) -> Any:
            gs = self._read(RAW, g, keep, np.conjugate)
            return gs[self.side] if isinstance(self, SingleNode) else gs

        made = _PACKED[cls] = type(cls.__name__, (cls,), {"raw": raw, "__slots__": ()})
        _PACKED[made] = made
    return made


def is_complex(g: Any) -> bool:
    """Whether a cotangent, of either reading, is complex."""
    data = g._data if isinstance(g, Tensor) else g
    return not isinstance(data, tuple) and data.dtype.kind == "c"


def stand_in(array: Any, counter: list[int]) -> Tensor:
    """A saved output as a tensor again, with its version counter."""
    t = wrap(array)
    t._vc = counter
    return t


class SingleNode(GeneralNode):
    """The node of an op with several operands of which only operand `side` requires grad."""

    __slots__ = ()
    side: int
    rule: Rule

    def edges(self) -> tuple[Any, ...]:
        edges: list[Any] = [None] * len(self.prim.args)
        edges[self.side] = self.e
        return tuple(edges)

    def raw(self, g: Any, keep: bool) -> Any:
        if self.v1 is not None or (self.prim.holomorphic and g.dtype.kind == "c"):
            return self._read(RAW, g, keep, np.conjugate)[self.side]
        values = []
        for value, version in zip(self.s0, self.v0):  # noqa: B905
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
        rule = self.rule
        g = rule.fn(RAW, g, *rule.pick(values))
        return g if self.s1 is None else sum_to(RAW, g, self.s1[self.side])

    def rec(self, g: Any, keep: bool) -> Any:
        return self._read(REC, g, keep, OPS.conj)[self.side]


def record(
    prim: Primitive,
    outs: tuple[Tensor, ...],
    inputs: tuple[Any, ...],
    params: tuple[Any, ...],
    same_shapes: bool = False,
) -> None:
    """Make the node of one evaluated op and hang it on its outputs; nothing if none of its
    operands that have a rule requires grad. `same_shapes`: the caller knows nothing broadcast."""
    live, bit, layout = 0, 1, prim.layout
    edges: list[Any] = []
    masks = layout.masks if not prim.variadic else layout.masks * len(inputs)
    for t, mask in zip(inputs, masks):  # noqa: B905  # strict= costs 100 ns
        edge = t._node if mask is not None and isinstance(t, Tensor) else None
        if edge is not None:
            live |= bit
            edges.append(t if edge is LEAF else edge)
        else:
            edges.append(None)
        bit <<= 1
    if not live:
        return
    node_class, side, saves = layout.plan(prim, 1 if prim.variadic else live)
    if prim.number_node is not None and not isinstance(inputs[-1], Tensor):
        node_class, side = prim.number_node, -1
    node: Any = _new(node_class)
    node.k, node.hooks, node.p = next_k(), None, params
    node.e = edges[side] if side >= 0 else tuple(edges)
    count = len(layout.saves)
    saved: list[Any] = [None] * count
    versions: list[Any] = [0] * count
    for at, kind, index in saves:
        if prim.variadic or kind == "out":
            saved[at], versions[at] = _save(kind, index, outs, inputs)
        elif kind == "x":
            saved[at] = t = inputs[index]
            if isinstance(t, Tensor) and t._vc is not None:
                versions[at] = t._vc[0]
        elif isinstance(t := inputs[index], Tensor):
            saved[at] = t._data.shape if kind == "shape" else t._data.dtype
    node.s0, node.v0, node.s1, node.v1 = saved, versions, None, None
    if prim.broadcasts and not same_shapes:
        shape = outs[0]._data.shape
        shapes = tuple([t._data.shape if isinstance(t, Tensor) else () for t in inputs])
        if any(s != shape for i, s in enumerate(shapes) if live >> i & 1):
            node.s1 = shapes
    if prim.several:
        node.v1 = tuple([(t._data.shape, t._data.dtype) for t in outs])
        for i, t in enumerate(outs):
            if t._data.dtype.kind in "fcV":
                t._node = Output.of(node, i)
    elif outs[0]._data.dtype.kind in "fcV":
        outs[0]._node = node


def _save(kind: str, index: int, outs: Any, inputs: Any) -> tuple[Any, Any]:
    """An output, or what a list of operands has."""
    if kind == "out":
        t = outs[index]
        if t._vc is None:
            t._vc = [0]
        return t._data, t._vc
    if kind == "x":
        return list(inputs), [version_of(t) for t in inputs]
    return tuple(getattr(t._data, kind) for t in inputs), 0


class _FreedTuple:
    """`FREED` for the general node: unpacking it says that it was backward before."""

    def __iter__(self) -> Any:
        raise errors.SavedFreed


_FREED: Any = _FreedTuple()
