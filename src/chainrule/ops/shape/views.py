"""The short way of a call for ops that give views: transpose, reshape, select, slice, ...

`core/primitive.py` takes any op; a view costs 2 us there. `ViewLane` does the same for the usual
case (no
interpreter): run the kernel, say whose memory the result shares (`linked`), hang a `ViewNode` on
it. What a view's
rule needs is the shape of the operand and the parameters, so the node saves nothing that could go
stale.
Called by the other files of the shape family.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

import numpy as np

from ..._state import S, grad_enabled
from ...core.node import LEAF, next_k
from ...core.primitive import F32, F64, Primitive, mark_unrecorded
from ...core.record import RAW, REC, GeneralNode
from ...core.tensor import Tensor, blank, own
from ...kernels.compiled import compiled_as

__all__ = ["ViewLane", "ViewNode", "linked", "linked_all", "reshaped_rows"]

_new, _ndarray, _ref = object.__new__, np.ndarray, weakref.ref


class ViewNode(GeneralNode):
    """The node of a view. s0: the shape of the operand; p: the parameters; e: one edge."""

    __slots__ = ()

    def raw(self, g: Any, keep: bool) -> Any:
        values = (self.s0, *self.p)
        return self.prim.rules[0].fn(RAW, g, *[values[i] for i in self.picks])  # type: ignore[union-attr]

    def rec(self, g: Any, keep: bool) -> Any:
        values = (self.s0, *self.p)
        return self.prim.rules[0].fn(REC, g, *[values[i] for i in self.picks])  # type: ignore[union-attr]

    def saved(self) -> dict[str, Any]:
        return {"x_shape": self.s0} | dict(zip(self.prim.params, self.p, strict=True))

    def release(self) -> None:
        """Nothing that could be released."""


def view_node(prim: Primitive) -> Any:
    """The node class of a view op, its rule called with what it wants written out."""
    rule = prim.rules[0]
    assert rule is not None and not {"x", "out", "x_dtype"} & set(rule.names)
    fn, names = rule.fn, ("x_shape", *prim.params)
    body: dict[str, Any] = {"prim": prim, "__slots__": ()}
    body["picks"] = tuple(names.index(n) for n in rule.names)
    if rule.names == ("x_shape",):
        body["raw"] = lambda node, g, keep: fn(RAW, g, node.s0)
        body["rec"] = lambda node, g, keep: fn(REC, g, node.s0)
    elif rule.names == prim.params:
        body["raw"] = lambda node, g, keep: fn(RAW, g, *node.p)
        body["rec"] = lambda node, g, keep: fn(REC, g, *node.p)
    return type(prim.grad_fn, (ViewNode,), body)


@partial(compiled_as, "ops.shape.views.linked")
def linked(
    prim: Primitive, x: Tensor, data: Any, params: tuple[Any, ...], recording: bool = False
) -> Tensor:
    """A new tensor on `data`, part of the memory of `x`: `link_view` of the core with its steps
    written out. `recording`: the caller knows that grad mode is on."""
    if not data.flags.writeable:
        _as_writeable_as_can_be(data, x._data)
    t = blank()
    t._data = data
    t._node = t._grad = t._meta = None
    view = x._view
    base = x if view is None else view[0]
    vc = base._vc
    if vc is None:
        vc = base._vc = [0]
    t._vc = vc
    t._view = (base, x, prim, params)
    dtype = data.dtype
    if dtype is F32 or dtype is F64 or dtype.kind in "fcV":
        meta = base._meta
        if meta is None:
            meta = base._need_meta()
        views = meta.views
        if views and views[-1]() is None:  # most views are gone before the next one
            views[-1] = _ref(t)
        else:
            views.append(_ref(t))
            if len(views) > meta.views_limit:
                meta.views = [r for r in views if r() is not None]
                meta.views_limit = 2 * len(meta.views) + 8
    if x._node is not None and not (recording or S.grad or grad_enabled()):
        mark_unrecorded(t)
    return t


@partial(compiled_as, "ops.shape.views.linked_all")
def linked_all(
    prim: Primitive,
    x: Tensor,
    arrays: tuple[Any, ...],
    params: tuple[Any, ...],
    recording: bool = False,
) -> tuple[Tensor, ...]:
    """New tensors on parts of the memory of `x`."""
    return tuple([linked(prim, x, made, params, recording) for made in arrays])


def _as_writeable_as_can_be(data: Any, of: Any) -> None:
    """A part of an expanded tensor may be written where its own elements do not share memory."""
    if 0 in of.strides and not any(
        n > 1 and not s for n, s in zip(data.shape, data.strides, strict=True)
    ):
        try:
            data.flags.writeable = True
        except ValueError:  # the memory itself is read-only
            return


def reshaped_rows(node: Any, g: Any, edges: Any) -> Any:
    """`Primitive.rows` of views whose transpose is a reshape."""
    shape = node.s0
    return g.reshape((len(g), *shape)) if type(shape) is tuple else None


def ViewLane(op: Any) -> Any:
    """The shortcut of one view op: `lane(x, params)`, with parameters that are already checked;
    rules come the same way, as `xp.<op>(x, *params)`. `lane.on(x, made, params)` is the tensor on
    `made`, which is the kernel's result."""
    prim: Primitive = op.prim
    kernel, call_general, node_class = prim.kernel, prim.call, view_node(prim)

    def on(x: Tensor, made: Any, params: tuple[Any, ...]) -> Tensor:
        edge = x._node
        if edge is None:
            return linked(prim, x, made, params)
        recording = S.grad or grad_enabled()
        t = linked(prim, x, made, params, recording)
        if recording and made.dtype.kind in "fcV":
            n = _new(node_class)
            n.k = next_k()
            n.e = x if edge is LEAF else edge
            n.hooks = n.v1 = n.s1 = None
            n.s0, n.p = x._data.shape, params
            t._node = n
        return t

    def lane(x: Any, params: tuple[Any, ...]) -> Any:
        if S.mode is None and isinstance(x, Tensor):
            data = x._data
            if type(data) is not _ndarray:
                data = own(x)
            if type(data) is _ndarray:
                if x._node is None:
                    return linked(prim, x, kernel(data, *params), params)
                return on(x, kernel(data, *params), params)
        return call_general(x, params=params)  # an interpreter runs, or it is sparse

    lane.on = on  # type: ignore[attr-defined]
    prim.short = lane
    setattr(REC, prim.name, lambda x, *params: lane(x, params))
    return lane
