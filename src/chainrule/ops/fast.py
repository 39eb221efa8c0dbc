"""The short way of a call for ops with static parameters: losses, activations, normalisations.

`core/primitive.py` has lanes for ops of one or two operands without parameters; an op declared with parameters takes
the general path, which costs 8 us. `Lane` is its shortcut for the usual case: no interpreter, float32 or float64.
It runs the kernel and hangs a `FastNode` on the result; in every other case it goes the general way.
`FastNode` is the general node with a shorter reading of its rules on arrays. Called by `ops/loss.py`,
`ops/activation.py` and `ops/norm.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from .._state import S, grad_enabled
from ..core.node import LEAF, next_k
from ..core.primitive import F32, F64, PUBLIC, Primitive
from ..core.record import RAW, GeneralNode, sum_to
from ..core.tensor import Tensor, wrap

_new = object.__new__


class FastNode(GeneralNode):
    """The node of an op with one real output: `GeneralNode.raw` without what such an op cannot have."""

    __slots__ = ()

    def raw(self, g: Any, keep: bool) -> Any:
        values = []
        for value, version in zip(self.s0, self.v0, strict=True):
            if isinstance(value, Tensor):
                vc = value._vc
                if (0 if vc is None else vc[0]) != version:
                    return GeneralNode.raw(self, g, keep)  # which says what is wrong
                value = value._data
            elif type(version) is list and version[0]:
                return GeneralNode.raw(self, g, keep)
            values.append(value)
        if not keep:
            self.release()
        values += self.p
        prim = self.prim
        if prim.joint:
            gs = prim.rules[0].fn(RAW, g, *[values[i] for i in prim.rules[0].picks])  # type: ignore[union-attr]
        else:
            gs = [
                None if e is None or r is None else r.fn(RAW, g, *[values[i] for i in r.picks])
                for r, e in zip(prim.rules, self.e, strict=True)
            ]
        if self.s1 is not None:
            gs = [None if x is None else sum_to(RAW, x, s) for x, s in zip(gs, self.s1, strict=True)]
        return gs


class Lane:
    """The shortcut of one op; it also gives the op its `FastNode`.

    Attributes:
        prim: the op.
        raw: its kernel for float32 and float64, where the declared one also knows half precision.
    """

    __slots__ = ("node_class", "plan", "prim", "raw")

    def __init__(self, op: Any, raw: Any = None) -> None:
        self.prim: Primitive = op.prim
        self.raw = raw or self.prim.kernel
        self.node_class: Any = type(self.prim.grad_fn, (FastNode,), {"prim": self.prim, "__slots__": ()})
        self.prim.general_node = self.node_class
        self.plan = tuple((kind, index) for kind, index, _ in self.prim.layout.saves)

    def one(self, x: Any, params: tuple[Any, ...] = ()) -> Any:
        """Call an op of one operand."""
        if isinstance(x, Tensor) and S.mode is None:
            data = x._data
            dtype = data.dtype
            if dtype is F32 or dtype is F64:
                r = wrap(self.raw(data, *params))
                if x._node is not None and (S.grad or grad_enabled()):
                    self.hang(r, (x,), params)
                return r
        return self.prim.call(x, params=params)

    def pair(self, a: Tensor, b: Tensor, params: tuple[Any, ...], rest: tuple[Any, ...] = ()) -> Any:
        """Call an op on two tensors of one shape and dtype, and on further operands that are None."""
        if S.mode is None:
            x, y = a._data, b._data
            dtype = x.dtype
            if dtype is y.dtype and (dtype is F32 or dtype is F64) and x.shape == y.shape:
                r = wrap(self.raw(x, y, *rest, *params))
                if (a._node is not None or b._node is not None) and (S.grad or grad_enabled()):
                    self.hang(r, (a, b, *rest), params)
                return r
        return self.prim.call(a, b, *rest, params=params)

    def hang(self, r: Tensor, operands: tuple[Any, ...], params: tuple[Any, ...]) -> None:
        """Record: operands are tensors or None; those that broadcast are not for this way."""
        n = _new(self.node_class)
        n.k = next_k()
        n.hooks = n.s1 = n.v1 = None
        n.p = params
        n.e = tuple(
            [None if t is None or t._node is None else t if t._node is LEAF else t._node for t in operands]
        )
        saved, versions = [], []
        for kind, index in self.plan:
            value, version = None, 0
            if kind == "out":
                value, version = r._data, [0]
                r._vc = version
            elif operands[index] is not None:
                value = operands[index]
                if kind == "x":
                    vc = value._vc
                    if vc is not None:
                        version = vc[0]
                else:
                    value = getattr(value._data, kind)
            saved.append(value)
            versions.append(version)
        n.s0, n.v0 = tuple(saved), tuple(versions)
        r._node = n


def not_implemented(kernel: str, dtype: Any) -> NotImplementedError:
    """PyTorch's error for a dtype that a kernel does not take."""
    return NotImplementedError(
        errors.hinted(
            f'"{kernel}" not implemented for \'{errors.LEGACY[dtype.name]}\'',
            hint="convert it first, as in x.float()",
        )
    )


def widened(kernel: Any) -> Any:
    """`kernel` for half precision as well: computed in float32, rounded once, as PyTorch does."""

    def wide(x: Any, *rest: Any) -> Any:
        if x.dtype.itemsize == 2 and x.dtype.kind in "fV":
            rest = tuple(r.astype(np.float32) if getattr(r, "dtype", None) == x.dtype else r for r in rest)
            return kernel(x.astype(np.float32), *rest).astype(x.dtype)
        return kernel(x, *rest)

    wide.__wrapped__ = kernel  # type: ignore[attr-defined]
    return wide


class _Public:
    """Public functions of other families by attribute, looked up when first used: `T.clamp_min`, `T("linalg.norm")`."""

    def __getattr__(self, name: str) -> Any:
        found = PUBLIC.get(name)
        if found is None:
            raise AttributeError(f"no public function torch.{name} is declared")
        setattr(self, name, found)
        return found

    def __call__(self, path: str) -> Any:
        return PUBLIC[path]


T: Any = _Public()
