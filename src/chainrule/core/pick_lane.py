"""The short way of ops that choose elements: sort, topk, max, median, cummax along one dimension,
maxima of windows with their places.

They give values and the places these were read from. Only the values have a gradient, so their node
has one output, as PyTorch's has: the cotangent goes back to the places. Anything but float32 and
float64 outside of interpreters goes the way of all ops (`Primitive.call`).
Called by `ops/reduce/` and `ops/nn/pool_ops.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import errors
from .._state import S, grad_enabled
from ..kernels.sort import placed
from .node import LEAF, Node, next_k
from .primitive import F32, F64
from .record import REC, stand_in
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["pick_lane"]

_new, _make = object.__new__, tuple.__new__
_REFUSED = (ValueError, TypeError, OverflowError)


class PickNode(Node):
    """Elements chosen along a dimension. s0: the shape of x; s1: the array of places; v1: their
    counter; p: the parameters."""

    __slots__ = ()
    dim_at = 0  # of the subclass: which of the parameters is the dimension

    def is_several(self) -> bool:
        return False

    def raw(self, g: Any, keep: bool) -> Any:
        counter, places = self.v1, self.s1
        if counter is None or counter[0]:
            self._places()  # says what is wrong
        if not keep:
            self.s1 = self.v1 = None
        return placed(g, self.s0, places, self.p[self.dim_at])

    def rec(self, g: Any, keep: bool) -> Any:
        values = {"x_shape": self.s0, "indices": self._places(), **self._parameters()}
        if not keep:
            self.release()
        rule: Any = self.prim.rules[0]
        return rule.fn(REC, g, *[values[n] for n in rule.names])

    def _places(self) -> Tensor:
        if self.v1 is None:
            raise errors.SavedFreed
        places = stand_in(self.s1, self.v1)
        if self.v1[0]:
            raise errors.modified_saved(self, "indices", places, 0)
        return places

    def _parameters(self) -> dict[str, Any]:
        return dict(zip(self.prim.params, self.p, strict=True))

    def saved(self) -> dict[str, Any]:
        return {"x_shape": self.s0, "indices": self._places(), **self._parameters()}

    def release(self) -> None:
        self.s1 = self.v1 = None


class WindowNode(PickNode):
    """Elements chosen from windows of the last dimensions; the same slots."""

    __slots__ = ()
    back: Any = None  # of the subclass: (g, places, shape of x) -> the cotangent

    def raw(self, g: Any, keep: bool) -> Any:
        counter, places = self.v1, self.s1
        if counter is None or counter[0]:
            self._places()  # says what is wrong
        if not keep:
            self.s1 = self.v1 = None
        return self.back(g, places, self.s0)


def pick_lane(prim: Primitive, result: Any, back: Any = None) -> Callable[..., Any]:
    """`call(x, params)` of an op with the outputs (values, indices), as a `result`: a named tuple.

    What a `spelled` function returns instead of `prim.call(x, params=params)`.

    Args:
        back: how a cotangent goes back where there is no `dim`: (g, places, shape of x).
    """
    kernel, call_general = prim.kernel, prim.call
    body: dict[str, Any] = {"prim": prim, "__slots__": ()}
    if back is None:
        body["dim_at"] = prim.params.index("dim")
    else:
        body["back"] = staticmethod(back)
    node_class: Any = type(prim.grad_fn, (WindowNode if back else PickNode,), body)

    def call(x: Any, params: tuple[Any, ...], *others: Any) -> Any:
        """`others`: tensors that the op takes besides, which have no gradient."""
        if S.mode is None and type(x) is Tensor:
            data = x._data
            dtype = data.dtype
            if dtype is F32 or dtype is F64:
                try:
                    y, at = (
                        kernel(data, *[t._data for t in others], *params)
                        if others
                        else kernel(data, *params)
                    )
                except _REFUSED:
                    return _make(result, call_general(x, *others, params=params))
                values, places = wrap(y), wrap(at)
                edge = x._node
                if edge is not None and (S.grad or grad_enabled()):
                    values._node = n = _new(node_class)
                    n.k = next_k()
                    n.e = x if edge is LEAF else edge
                    n.hooks = None
                    n.s0, n.s1, n.p = data.shape, at, params
                    places._vc = n.v1 = [0]
                return _make(result, (values, places))
        return _make(result, call_general(x, *others, params=params))

    return call
