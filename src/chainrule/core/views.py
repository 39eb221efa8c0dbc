"""In-place operations and views.

An in-place op is: compute the new value with the ordinary op, write it into the memory, count a
version, and let the tensor continue from the new value's node (`rebind`). On a view, the base
continues from `CopySlices` (the old base with the view's region replaced) and every living view of
the base from `AsStrided` of the new base. Both are ordinary ops, and interpreters are told by one
`assign`, so they need no in-place logic of their own. When nothing is recorded and no interpreter
runs, the kernel's result is written and that is all. Called by `ops/` (which makes `add_`, `+=`,
`x[i] = v`, ... from the ops) and by `core/declare.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from .. import errors
from .._state import S, grad_enabled, inference_enabled, modes
from .interpreter import assigned, below, current
from .node import INFERENCE, Forbidden, Output
from .primitive import F32, F64, I64, NONE, SAME, Primitive, bump, cast
from .record import OPS, record
from .tensor import Tensor, own, wrap

__all__ = [
    "check_writable",
    "geometry",
    "inplace",
    "inplace_method",
    "live_views",
    "overwrite",
    "recording",
    "refuse_overlap",
]

_ndarray = np.ndarray
_TOO_LARGE = 1 << 63


def inplace(prim: Primitive, x: Tensor, *rest: Any, params: tuple[Any, ...] = ()) -> Tensor:
    """`x.op_(*rest)`: compute out of place, then `overwrite`. Nothing is changed when it fails."""
    check_writable(x, prim.name, rest)
    if prim.kind == "elementwise":
        refuse_overlap(x, rest, prim.name + "_")
    if S.mode is not None:
        mode = current()
        if mode is not None and mode.writes:
            return mode.inplace(prim, x, rest, params)  # type: ignore[attr-defined,no-any-return]
        if mode is not None and mode.follows and any(m.writes for m in modes()):
            with below(mode):
                return inplace(prim, x, *rest, params=params)
    try:
        if S.mode is None and not recording(x, rest):
            operands = prim.prepare((x, *rest))
            value = prim.evaluate(operands, params)
            _check_fits(x, value)
            _write(x, value._data)
            return x
        value = prim.call(_before(prim, x), *rest, params=params)
    except NotImplementedError:
        compares = prim.name in ("lt", "le", "gt", "ge")  # the result is a bool
        if (
            prim.promote is not NONE and not compares
        ):  # as PyTorch: what the target cannot hold comes first
            _check_holds(x, prim._promoted((x, *rest))[0].dtype)
        raise
    _check_fits(x, value)
    if S.grad or grad_enabled():
        return overwrite(x, cast(value, x.dtype))
    base = x if x._view is None else x._view[0]
    nodes = [(t, t._node) for t in (x, base, *live_views(base))]
    overwrite(x, cast(value, x.dtype))  # an interpreter runs; the graph stays as it was
    for t, node in nodes:
        t._node = node
    return x


def recording(x: Tensor, rest: tuple[Any, ...]) -> bool:
    """Whether writing `x` from `rest` is to be recorded."""
    if not (S.grad or grad_enabled()):
        return False
    if x._node is not None:
        return True
    for t in rest:  # noqa: SIM110  # a generator costs three times as much
        if isinstance(t, Tensor) and t._node is not None:
            return True
    return False


def _before(prim: Primitive, x: Tensor) -> Tensor:
    """The value of `x` before it is overwritten: a copy if the rule saves it, else the same
    memory."""
    saves = any(kind == "x" and index == 0 for kind, index, _ in prim.layout.saves)
    old = wrap(x._data.copy() if saves and type(x._data) is _ndarray else x._data)
    old._node = x._node
    if x._view is not None and getattr(old._node, "hooks", None) and x._view[0]._node is not None:
        _continue_from(old, x, x._view[0])  # hooks on the view do not see this use of it
    assigned(old, x)
    return old


def _continue_from(made: Tensor, view: Tensor, base: Tensor) -> None:
    """Let `made`, the value of `view`, be a new view of `base` in the graph."""
    if view._data.dtype == base._data.dtype:
        made._node = None
        record(OPS.as_strided.prim, (made,), (base,), geometry(view, base))


def check_writable(x: Tensor, op: str, rest: tuple[Any, ...]) -> None:
    """Refuse what must not be written: leaves that require grad, shared or inference memory."""
    if not isinstance(x, Tensor):
        raise errors.wrong_type(op + "_", "input", 1, x)
    if x._vc is INFERENCE and not inference_enabled():
        raise errors.inference_inplace()
    if (S.grad or grad_enabled()) and recording(x, rest):
        if x._view is not None:
            refuse_view(x)
        base = x if x._view is None else x._view[0]
        if (x._node is not None and x._node.end) or (base._node is not None and base._node.end):
            raise errors.leaf_inplace(x, op + "_", view=x._view is not None)
    data = x._data
    if type(data) is _ndarray and not data.flags.writeable:
        raise errors.overlapping_inplace(op + "_")


def refuse_overlap(x: Tensor, rest: Iterable[Any], op: str) -> None:
    """Raise if `x` is to be written, element by element, from a part of its own memory."""
    vc = x._vc
    if vc is None or vc is INFERENCE:
        return  # nobody shares it
    for t in rest:
        if isinstance(t, Tensor) and t._vc is vc and t is not x:
            a, b = x._data, t._data
            if type(a) is type(b) is _ndarray and _partly_shared(a, b):
                raise errors.overlapping_operand(op, x, t)


def _partly_shared(a: Any, b: Any) -> bool:
    """Whether two blocks without gaps share elements, but not each with its own place."""
    (low, high), (first, last) = byte_bounds(a), byte_bounds(b)
    if low >= last or first >= high or high - low != a.nbytes or last - first != b.nbytes:
        return False
    steps = zip((*a.shape, *b.shape), (*a.strides, *b.strides), strict=True)
    if 0 in [s for n, s in steps if n > 1]:
        return False
    return not (low == first and a.shape == b.shape and a.strides == b.strides)


def refuse_view(x: Tensor) -> None:
    """Raise if the view `x` must not be written while recording."""
    if type(x._node) is Forbidden:
        x._node.refuse()
    creation = creation_of(x)
    if creation:
        raise errors.view_inplace(creation, x.grad_fn, x.output_nr, direct=True)


def creation_of(x: Tensor) -> str:
    """Why the view `x` must not follow in-place writes: how it, or a view it was made from, came
    to be; empty if it may."""
    t = x
    while t._view is not None:
        if t._meta is not None and t._meta.creation:
            return t._meta.creation
        if type(t._node) is Output:
            return "several"
        t = t._view[1]
    return ""


def _check_holds(x: Tensor, new: Any) -> None:
    if new is not x.dtype and new.category > x.dtype.category:
        raise errors.not_castable(new, x.dtype) from None


def _check_fits(x: Tensor, value: Tensor) -> None:
    _check_holds(x, value.dtype)
    if value._data.shape != x._data.shape:
        raise RuntimeError(
            f"output with shape {list(x._data.shape)} doesn't match the broadcast shape "
            f"{list(value._data.shape)}\n"
            "Hint: an in-place operation cannot change the shape; write it out of place"
        )


def _write(x: Tensor, value: Any) -> None:
    """Put an array into the memory of `x` and count the version."""
    if S.mode is not None:
        for mode in modes():
            mode.writing(x)
    data = x._data
    if type(data) is _ndarray:
        np.copyto(data, value, casting="unsafe")
    elif value.dtype is data.dtype and type(value) is not _ndarray:
        x._data = value
    else:
        x._data = data.dtype.type(value)
    if x._vc is None:
        x._vc = [1]
    elif x._vc is not INFERENCE:
        x._vc[0] += 1


def overwrite(x: Tensor, value: Tensor) -> Tensor:
    """`x` now holds `value` (same shape and dtype) and continues from its node; bases and views
    follow."""
    if S.mode is not None:
        mode = current()
        if mode is not None and mode.writes:
            return mode.overwrite(x, value)  # type: ignore[attr-defined,no-any-return]
        if mode is not None and mode.follows and any(m.writes for m in modes()):
            with below(mode):
                return overwrite(x, value)
    base = x if x._view is None else x._view[0]
    if base is x:
        _write(x, value._data)
        assigned(x, value)
        x._node = value._node
    else:
        _overwrite_region(base, x, value)
    _refresh_views(base)
    for t in {id(t): t for t in (x, base, *live_views(base))}.values():
        if t._meta is not None and t._meta.retained is not None and t._node is not None:
            t._meta.retained.remove()
            t._meta.retained = None
            t.retain_grad()
    return x


def _overwrite_region(base: Tensor, x: Tensor, value: Tensor) -> None:
    prim = OPS.copy_slices.prim
    old = wrap(base._data)
    old._node = base._node
    assigned(old, base)
    if x._data.dtype != base._data.dtype:
        _overwrite_parts(base, old, x, value)
        return
    where = geometry(x, base)
    if S.mode is None:
        _write(x, value._data)
        new = wrap(base._data)
        if prim.tracked((old, value)):
            record(prim, (new,), (old, value), where)
    else:
        new = prim.call(old, value, params=where)
        _write(x, value._data)
    assigned(base, new)
    base._node = new._node


def _overwrite_parts(base: Tensor, old: Tensor, x: Tensor, value: Tensor) -> None:
    """`x` is a view of another dtype: of the real and imaginary parts of the complex base, which
    gradients can follow, or of its bytes, which they cannot."""
    if base._data.dtype.kind == "c" and x._data.dtype.kind == "f":
        parts = OPS.view_as_real(old)
        new = OPS.copy_slices.prim.call(parts, value, params=geometry(x, parts))
        new = OPS.view_as_complex(new)
        assigned(base, new)
        base._node = new._node
    _write(x, value._data)


def _refresh_views(base: Tensor) -> None:
    """Give every living view of `base` the node that says: a view of what `base` is now."""
    if base._meta is None or (base._node is None and S.mode is None and not live_views(base)):
        return
    prim = OPS.as_strided.prim
    for view in live_views(base):
        origin = base
        if view._data.dtype != base._data.dtype:
            if base._data.dtype.kind != "c" or view._data.dtype.kind != "f":
                continue
            origin = OPS.view_as_real(base)
        where = geometry(view, origin)
        if S.mode is not None:
            assigned(view, prim.call(origin, params=where))
        creation = creation_of(view)
        if creation and (base._node is not None or view._node is not None):
            if type(view._node) is not Forbidden:
                view._node = Forbidden(creation, view.grad_fn, view.output_nr)
            continue
        made = wrap(view._data)
        if origin._node is not None:
            record(prim, (made,), (origin,), where)
        view._node = made._node


def live_views(base: Tensor) -> list[Tensor]:
    """The differentiable views of `base` that somebody still holds."""
    found = [r() for r in base._meta.views] if base._meta is not None else []
    return [v for v in found if v is not None]


def geometry(
    view: Tensor, base: Tensor
) -> tuple[tuple[int, ...], tuple[int, ...], int, tuple[int, ...] | None]:
    """Size, strides and offset (in elements) of `view` in the memory of `base`, whose own strides
    come last (None: C order)."""
    a, b = own(view), own(base)
    step = a.dtype.itemsize
    offset = (a.__array_interface__["data"][0] - b.__array_interface__["data"][0]) // step
    layout = None if b.flags.c_contiguous else tuple(s // step for s in b.strides)
    return a.shape, tuple(s // step for s in a.strides), offset, layout


def _count(t: Tensor, x: Any, ufunc: Any, n: int) -> bool:
    """int64 and a number, as the counter of a batch norm: written without further questions."""
    if abs(n) >= _TOO_LARGE or t._vc is INFERENCE:
        return False
    if type(x) is not _ndarray:
        t._data = ufunc(x, n)
    elif x.flags.writeable:
        ufunc(x, n, x)
    else:
        return False
    bump(t)
    return True


def inplace_method(
    prim: Primitive, ufunc: Any = None, *, dunder: bool = False
) -> Callable[..., Any]:
    """`x.op_(other)` or `x op= other` of a binary op: straight into the memory when nothing is
    recorded."""

    closed = ufunc is not None and prim.promote is SAME and prim.check is None

    def call(self: Tensor, other: Any) -> Any:
        x = self._data
        if S.mode is None and (self._node is None or not (S.grad or grad_enabled())):
            if (
                type(other) is Tensor
                and type(other._data) is type(x) is np.float32
                and (other._node is None or not (S.grad or grad_enabled()))
            ):  # numbers, as the parameters of a hand-written loop are: no memory to write into
                vc = self._vc
                if vc is None:
                    self._vc = [1]
                else:
                    vc[0] += 1  # refuses inference tensors
                self._data = prim.kernel(x, other._data)
                return self
            dtype = x.dtype
            y = other
            if isinstance(other, Tensor):
                y = other._data if other._node is None or not (S.grad or grad_enabled()) else None
                ok = y is not None and y.dtype is dtype
                if ok and other._vc is self._vc is not None:
                    refuse_overlap(self, (other,), prim.name + "_")
            else:
                ok = type(other) is float or type(other) is int
            if ok and (dtype is F32 or dtype is F64) and self._vc is not INFERENCE:
                if type(x) is not _ndarray:
                    if type(y) is not _ndarray:
                        self._data = prim.kernel(x, y)
                        bump(self)
                        return self
                elif ufunc is not None and x.flags.writeable:
                    try:
                        ufunc(x, y, x)
                    except ValueError:
                        _check_fits(self, prim.evaluate(prim.prepare((self, other))))
                        raise
                    bump(self)
                    return self
            elif closed and dtype is I64 and type(other) is int and _count(self, x, ufunc, other):
                return self
        if dunder and not isinstance(other, (Tensor, int, float, bool, complex, np.generic)):
            if not isinstance(other, _ndarray):
                return NotImplemented
            other = wrap(np.array(other))
        return inplace(prim, self, other)

    call.__name__ = prim.name + "_"
    return call
