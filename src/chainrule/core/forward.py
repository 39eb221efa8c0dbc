"""The forward level: values with tangents, for `jvp`, `jacfwd` and `autograd.forward_ad`.

A `Dual` wraps a primal and carries its tangent. What an op does to tangents follows from its kind:
an elementwise op adds up its rules read at the tangents, a linear or movement op is applied to the
tangent, a bilinear one twice, a reduction sums its weighted tangents, and the ops of `LINEAR_IN`
are linear in several operands together. Any other op is transposed: its vjp is linear in the
cotangent, so running our own reverse mode over the vjp gives the jvp; hence every op with a
differentiable rule has forward mode. Called by `func/` and `autograd/forward_ad.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._state import S
from . import declare, engine, printing
from .custom_levels import pushed
from .interpreter import pop, push
from .level_nodes import hang_dual, tracked
from .levels import Level, Wrapped, is_float, lower, outs_of
from .primitive import Primitive
from .record import OPS, parameters_of
from .reverse import Reverse, cotangents, pull
from .tensor import Tensor

__all__ = ["Dual", "Forward", "jvp_of"]


class Dual(Wrapped):
    """A primal (`_inner`) with its tangent (None: zero)."""

    __slots__ = ()
    _tangent: Tensor | None

    def _title(self) -> tuple[str, str] | None:
        return None if self._level.taped else ("GradTrackingTensor", "")  # type: ignore[attr-defined]

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        if not self._level.taped:  # type: ignore[attr-defined]
            return super().__repr__()
        if self._tangent is None or self._inner._wrapped:
            return repr(self._inner)
        tangent = self._tangent
        suffixes = []
        if self._node is not None:
            fn = self.grad_fn
            suffixes.append("requires_grad=True" if fn is None else f"grad_fn=<{fn.name()}>")
        shown = repr(tangent) if tangent._data.ndim else format(tangent, "")
        return printing.tensor_repr(
            self._inner._data,
            suffixes=[*suffixes, f"tangent={shown}"],
            default_dtype=S.default_dtype.name,
        )

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        if not self._level.taped:  # type: ignore[attr-defined]
            Wrapped.backward(self)
        engine.backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if not self._level.taped:  # type: ignore[attr-defined]
            return Wrapped.requires_grad_(self, requires_grad)
        if not self._inner._wrapped:
            self._inner.requires_grad_(requires_grad)
        return Tensor.requires_grad_(self, requires_grad)


class Forward(Level):
    """Carries tangents along.

    Attributes:
        taped: also record for plain `backward()` (`forward_ad.dual_level`; inside `func.jvp` the
            level below does that alone).
    """

    kind = Dual

    def __init__(self, taped: bool = False) -> None:
        super().__init__()
        self.taped = taped

    @staticmethod
    def check(primal: Tensor, tangent: Tensor) -> None:
        """What must hold for a tangent."""
        for name, t in (("primal", primal), ("tangent", tangent)):
            if not is_float(t):
                raise ValueError(
                    f"Expected {name} to be floating point or complex, but got: {t.dtype!r}"
                )
        if primal._data.shape != tangent._data.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                "original Tensor, this is not supported. Tensor is of size "
                f"{list(primal._data.shape)} while the given forward gradient is of size "
                f"{list(tangent._data.shape)}."
            )

    def dual(self, primal: Tensor, tangent: Tensor | None) -> Dual:
        """A value of this level."""
        made: Dual = self.wrap(primal)
        made._tangent = tangent
        return made

    def tangent(self, t: Any) -> Tensor | None:
        """The tangent of a value; None for what does not depend on the inputs."""
        return t._tangent if t.__class__ is Dual and t._level is self else None

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate one level down; give the result its tangent if an operand has one."""
        if prim.kind == "custom":
            return pushed(self, prim, inputs, params)  # type: ignore[arg-type]
        primals, tangents = list(inputs), [None] * len(inputs)
        mine = moving = False
        for i, t in enumerate(inputs):
            if t.__class__ is Dual and t._level is self:
                primals[i], tangents[i], mine = t._inner, t._tangent, True  # type: ignore[assignment]
                if t._tangent is not None:
                    moving = True
        if not (prim.several or prim.view or self.taped):
            return self._one(prim, tuple(primals), tangents, params, moving)
        pop(self)
        try:
            made = lower(prim, tuple(primals), params)
            outs = outs_of(prim, made)
            moved = (
                jvp_of(prim, tuple(primals), tangents, params, outs)
                if moving
                else [None] * len(outs)
            )
        finally:
            push(self)
        view = mine and prim.view and self.owns(inputs[0])
        taped = mine and self.taped and tracked(inputs, prim)
        if not view and not taped and all(t is None for t in moved):
            return made
        duals = tuple(
            self.dual(o, t) if is_float(o) and (view or taped or t is not None) else o
            for o, t in zip(outs, moved, strict=True)
        )
        if taped:
            hang_dual(self, prim, duals, inputs, params)
        if view:
            inputs[0]._data = primals[0]._data
            self.link(prim, duals, inputs[0], params)
        return duals if prim.several else duals[0]

    def _one(
        self, prim: Primitive, primals: Any, tangents: Any, params: Any, moving: bool
    ) -> Tensor:
        """`process` of an op with one output that is no view, without a tape: the usual case."""
        pop(self)
        try:
            made: Tensor = lower(prim, primals, params)
            if not moving:
                return made
            if prim.kind == "elementwise" and _real(made, primals):
                (moved,) = _elementwise(prim, primals, tangents, params, (made,))
            else:
                (moved,) = jvp_of(prim, primals, tangents, params, (made,))
        finally:
            push(self)
        return made if moved is None else self.dual(made, moved)

    def again(self, primal: Tensor, edge: Any, tangent: Tensor | None = None) -> Tensor:
        """A saved output: with its tangent as long as the level is alive."""
        if not self.alive or not is_float(primal):
            return primal
        t = self.dual(primal, tangent)
        t._node = edge
        return t

    def adopt(self, t: Any, new: Tensor) -> None:
        """The tangent and the node of `new`."""
        mine = self.owns(new)
        had = getattr(t, "_tangent", None)
        constant = None if had is None else zeros_like(had)  # zeros are a tangent too
        t._tangent = new._tangent if mine else constant
        t._node = new._node if mine and self.taped else None

    def _lift(self, x: Tensor) -> None:
        super()._lift(x)
        base = x if x._view is None else x._view[0]
        for ref in [*(base._meta.views if base._meta is not None else ())]:
            t = ref()
            if t is not None:
                t.__dict__.setdefault("_tangent", None)
        base.__dict__.setdefault("_tangent", None)
        x.__dict__.setdefault("_tangent", None)


# ---------------------------------------------------------------- what an op does to tangents

# general ops that are linear in these operands together (in the others they are constant)
LINEAR_IN: dict[str, tuple[str, ...]] = {
    "cat": ("xs",), "stack": ("xs",), "block_diag": ("xs",),
    "index": ("x",), "gather": ("x",), "index_select": ("x",), "take": ("x",),
    "masked_select": ("x",),
    "index_put_canonical": ("x", "v"), "scatter": ("x", "src"), "scatter_add": ("x", "src"),
    "index_add": ("x", "source"), "index_copy": ("x", "source"), "put": ("x", "source"),
    "masked_scatter": ("x", "source"), "select_scatter": ("x", "src"),
    "slice_scatter": ("x", "src"),
    "diagonal_scatter": ("x", "src"), "copy_slices": ("base", "value"), "copy": ("a", "b"),
    "complex": ("real", "imag"), "embedding": ("weight",), "embedding_gather": ("weight",),
}  # fmt: skip

# elementwise rules that are linear over the real numbers only
REAL_LINEAR = {"sgn"}


def _real(out: Tensor, primals: Any) -> bool:
    """Whether an op on these gives real numbers of real numbers."""
    if out._data.dtype.kind != "f":
        return False
    for t in primals:  # noqa: SIM110  # all() takes three times as long
        if isinstance(t, Tensor) and t._data.dtype.kind == "c":
            return False
    return True


def jvp_of(
    prim: Primitive,
    primals: tuple[Any, ...],
    tangents: Sequence[Any],
    params: tuple[Any, ...],
    outs: tuple[Tensor, ...],
) -> list[Tensor | None]:
    """The tangents of the outputs; None where they are zero because nothing flows there."""
    if not prim.differentiable or not any(map(is_float, outs)):
        return [None] * len(outs)
    complex_ = any(is_float(t) and t._data.dtype.kind == "c" for t in (*primals, *outs))
    rule = None
    if prim.kind == "elementwise":
        if not complex_ or (prim.holomorphic and prim.name not in REAL_LINEAR):
            rule = _elementwise
    elif prim.kind in ("linear", "movement"):
        rule = _linear
    elif prim.kind == "bilinear":
        rule = _bilinear
    elif prim.kind == "reduction" and not complex_:
        rule = _reduction
    elif prim.jvp is not None:
        return prim.jvp(primals, tangents, params, outs)
    elif prim.name in LINEAR_IN:
        rule = _linear_in
    return (rule or _transposed)(prim, primals, tangents, params, outs)


def _elementwise(
    prim: Primitive, primals: Any, tangents: Any, params: Any, outs: Any
) -> list[Tensor | None]:
    out = outs[0]
    shape = out._data.shape
    values = [
        out if kind == "out" else primals[index] if kind == "x" else _fact(primals[index], kind)
        for kind, index, _ in prim.layout.saves
    ]
    values += params
    total: Any = None
    for rule, t in zip(prim.rules, tangents, strict=True):
        if t is None or rule is None:
            continue
        if t._data.shape != shape:
            t = OPS.expand(t, shape)
        part = rule.fn(OPS, t, *rule.pick(values))
        total = part if total is None else total + part
    if total is not None and total._data.shape != shape:
        total = OPS.expand(total, shape)
    return [total]


def _fact(t: Any, kind: str) -> Any:
    if not isinstance(t, Tensor):
        return None
    return t._data.shape if kind == "shape" else t.dtype


def _linear(
    prim: Primitive, primals: Any, tangents: Any, params: Any, outs: Any
) -> list[Tensor | None]:
    return list(outs_of(prim, lower(prim, tuple(tangents), params)))


def _bilinear(
    prim: Primitive, primals: Any, tangents: Any, params: Any, outs: Any
) -> list[Tensor | None]:
    (a, b), (ta, tb) = primals, tangents
    total = None if ta is None else lower(prim, (ta, b), params)
    if tb is not None:
        part = lower(prim, (a, tb), params)
        total = part if total is None else total + part
    return [total]


def _reduction(
    prim: Primitive, primals: Any, tangents: Any, params: Any, outs: Any
) -> list[Tensor | None]:
    """Each element's weight times its tangent, summed."""
    (x,), (t,) = primals, tangents
    rule: Any = prim.rules[0]
    known = dict(zip(prim.params, params, strict=True))
    shape = x._data.shape
    dim, keepdim = known["dim"], known["keepdim"]
    names = tuple(parameters_of(rule.written)[2:])
    known |= {"x": x, "x_shape": shape, "x_dtype": x.dtype}
    if "out" in names:
        known["out"] = declare.unreduced(OPS, outs[0], shape, dim, keepdim)
    weighted = rule.written(OPS, t, *[known[n] for n in names])
    dims = tuple(range(len(shape))) if dim is None else (dim,) if isinstance(dim, int) else dim
    return [OPS.sum(weighted, dims, keepdim) if dims else weighted]


def _linear_in(
    prim: Primitive, primals: Any, tangents: Any, params: Any, outs: Any
) -> list[Tensor | None]:
    names = prim.args * len(primals) if prim.variadic else prim.args
    moving = LINEAR_IN[prim.name]
    operands = [
        p if name not in moving or not is_float(p) else zeros_like(p) if t is None else t
        for name, p, t in zip(names, primals, tangents, strict=True)
    ]
    return list(outs_of(prim, lower(prim, tuple(operands), params)))


def zeros_like(t: Tensor) -> Tensor:
    """Zeros in the shape and dtype of `t`."""
    return OPS.zeros(t._data.shape, t.dtype)  # type: ignore[no-any-return]


def _transposed(
    prim: Primitive, primals: Any, tangents: Any, params: Any, outs: Any
) -> list[Tensor | None]:
    """The vjp is linear in the cotangent; its own vjp at the tangents is the jvp."""
    floats = [is_float(o) for o in outs]
    with Reverse() as level:
        us = [level.leaf(zeros_like(o)) for o, f in zip(outs, floats, strict=True) if f]  # type: ignore[attr-defined]
        g = us[0] if len(us) == 1 and prim.outputs != ("outs",) else tuple(us)
        gs = cotangents(prim, primals, outs, params, g, [t is not None for t in tangents])
        edges = [level.edge(x) for x in gs]  # type: ignore[attr-defined]
        leaves = [u._node for u in us]
    found = iter(pull(edges, tangents, leaves))
    return [next(found) if f else None for f in floats]
