"""The short way of a call for losses and normalisations, and what their families share.

`core/primitive.py` has the lanes of ops with one or two operands. `Lane` is the same for ops on two
tensors of one shape and dtype with static parameters (`pair`), and `hang` records the result of any
kernel call that was made directly; in every other case the call goes the general way. Called by the
families of losses, activations, norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from .._state import S, grad_enabled
from ..core.lanes import one_lane
from ..core.node import LEAF, next_k
from ..core.primitive import F32, F64, PUBLIC, Primitive
from ..core.record import record
from ..core.tensor import Tensor, wrap
from .late import FAMILY_OF, load

_new = object.__new__


def bare(x: Any) -> bool:
    """Whether `x` is a tensor of float32 or float64 and nothing is recorded of a call and nobody
    looks at it, so that the kernel is all."""
    if type(x) is not Tensor or S.mode is not None:
        return False
    if x._node is not None and (S.grad or grad_enabled()):
        return False
    dtype = x._data.dtype
    return dtype is F32 or dtype is F64


class Lane:
    """The shortcuts of one op.

    Attributes:
        prim: the op.
        raw: its kernel for float32 and float64, where the declared one also knows other dtypes.
        one: `one(x, params)`: the call of an op of one operand.
    """

    __slots__ = ("_plans", "one", "prim", "raw")

    def __init__(self, op: Any, raw: Any = None) -> None:
        self.prim: Primitive = op.prim
        self.raw = raw or self.prim.kernel
        simple = len(self.prim.args) == 1 and not self.prim.joint and not self.prim.holomorphic
        self._plans: dict[int, tuple[Any, ...]] = {}
        self.one: Any = one_lane(self.prim, raw=raw) if simple else self._one

    def _one(self, x: Any, params: tuple[Any, ...] = ()) -> Any:
        if isinstance(x, Tensor) and S.mode is None:
            dtype = x._data.dtype
            if dtype is F32 or dtype is F64:
                r = wrap(self.raw(x._data, *params))
                if x._node is not None and (S.grad or grad_enabled()):
                    self.hang(r, (x,), params)
                return r
        return self.prim.call(x, params=params)

    def pair(
        self, a: Tensor, b: Tensor, params: tuple[Any, ...], rest: tuple[Any, ...] = ()
    ) -> Any:
        """Call an op on two tensors of one shape and dtype, and further operands that are None."""
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
        """Record a kernel call made directly; the operands did not broadcast. As `record` does it,
        for an op with one output and several operands that are tensors or None."""
        live, bit = 0, 1
        edges: list[Any] = []
        for t in operands:
            edge = None if t is None else t._node
            if edge is not None:
                live |= bit
                edge = t if edge is LEAF else edge
            edges.append(edge)
            bit <<= 1
        plan = self._plans.get(live)
        if plan is None:
            plan = self._plans[live] = self._plan(live)
        node_class, side, count, tensors, facts = plan
        if node_class is None:
            return record(self.prim, (r,), operands, params, True)
        n = _new(node_class)
        n.k = next_k()
        n.e = edges[side] if side >= 0 else tuple(edges)
        n.hooks = n.s1 = n.v1 = None
        n.p = params
        n.s0, n.v0 = saved, versions = [None] * count, [0] * count
        for at, index in tensors:
            saved[at] = t = operands[index]
            if t is not None and t._vc is not None:
                versions[at] = t._vc[0]
        for at, index, kind in facts:
            t = operands[index]
            if t is not None:
                saved[at] = t._data.shape if kind == "shape" else t._data.dtype
        r._node = n
        return None

    def _plan(self, live: int) -> tuple[Any, ...]:
        """What `hang` needs to know where these operands require grad: node class, side, and what
        is saved; no class where it is left to `record`."""
        prim = self.prim
        left = len(prim.args) < 2 or prim.joint or prim.variadic or prim.several
        if left or prim.number_node is not None or live == 0:
            return (None,) * 5
        if any(rule is None and live >> i & 1 for i, rule in enumerate(prim.rules)):
            return (None,) * 5
        node_class, side, saves = prim.layout.plan(prim, live)
        tensors = tuple((at, index) for at, kind, index in saves if kind == "x")
        facts = tuple((at, index, kind) for at, kind, index in saves if kind in ("shape", "dtype"))
        if len(tensors) + len(facts) < len(saves):
            return (None,) * 5
        return node_class, side, len(prim.layout.saves), tensors, facts


def not_implemented(kernel: str, dtype: Any) -> RuntimeError:
    """PyTorch's error for a dtype that a kernel does not take."""
    if (kernel, dtype.name) == ("hardtanh_cpu", "bool"):
        return RuntimeError("Bool inputs not supported for hardtanh\nHint: convert it first")
    return NotImplementedError(
        errors.hinted(
            f"\"{kernel}\" not implemented for '{errors.LEGACY[dtype.name]}'",
            hint="convert it first, as in x.float()",
        )
    )


def floats(title: str, kernel: Any, kinds: str = "fV") -> Any:
    """`kernel`, refusing other dtypes than `kinds`, and in float32 for half precision, rounded once
    as in PyTorch.

    Args:
        title: the kernel's name in PyTorch's error.
        kinds: NumPy's letters of the kinds it takes (V: bfloat16).
    """

    def checked(x: Any, *rest: Any) -> Any:
        dtype = x.dtype
        if dtype.kind not in kinds:
            raise not_implemented(title, wrap(x).dtype)
        if dtype.itemsize > 2 or dtype.kind not in "fV":
            return kernel(x, *rest)
        up = [r.astype(np.float32) if _is_half(r) else r for r in rest]
        return kernel(x.astype(np.float32), *up).astype(dtype)

    checked.__wrapped__ = kernel  # type: ignore[attr-defined]
    return checked


def _is_half(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and dtype.itemsize == 2 and dtype.kind in "fV"


class _Public:
    """Public functions of other families by attribute, looked up when first used: `T.clamp_min`,
    `T("linalg.norm")`.
    """

    def __getattr__(self, name: str) -> Any:
        found = PUBLIC.get(name)
        if found is None:
            raise AttributeError(f"no public function torch.{name} is declared")
        setattr(self, name, found)
        return found

    def __call__(self, path: str) -> Any:
        found = PUBLIC.get(path)
        if found is None:  # of a late family
            load(FAMILY_OF[path])
            found = PUBLIC[path]
        return found


T: Any = _Public()
