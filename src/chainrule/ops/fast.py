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
from ..core.primitive import F32, F64, PUBLIC, Primitive
from ..core.record import record
from ..core.tensor import Tensor, wrap


class Lane:
    """The shortcuts of one op.

    Attributes:
        prim: the op.
        raw: its kernel for float32 and float64, where the declared one also knows other dtypes.
        one: `one(x, params)`: the call of an op of one operand.
    """

    __slots__ = ("one", "prim", "raw")

    def __init__(self, op: Any, raw: Any = None) -> None:
        self.prim: Primitive = op.prim
        self.raw = raw or self.prim.kernel
        simple = len(self.prim.args) == 1 and not self.prim.joint and not self.prim.holomorphic
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
        """Record a kernel call made directly; the operands did not broadcast."""
        record(self.prim, (r,), operands, params, True)


def not_implemented(kernel: str, dtype: Any) -> NotImplementedError:
    """PyTorch's error for a dtype that a kernel does not take."""
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
        return PUBLIC[path]


T: Any = _Public()
