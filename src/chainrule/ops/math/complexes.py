"""Complex numbers: parts, conjugate, argument, and the ways between them and pairs of reals.

Gradients follow PyTorch's convention: that of a real loss L at z is dL/d(Re z) + i dL/d(Im z).
The conjugate is computed at once (PyTorch may put it off); the results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.declare import (
    METHODS,
    TO_FLOAT,
    elementwise,
    general,
    linear,
    movement,
    public,
    spelled,
)
from ...core.lanes import bare, one_lane
from ...core.record import REC
from ...core.tensor import Tensor, wrap
from ...kernels import complexes
from ...kernels import elementwise as kernels
from ..shape.views import ViewLane, linked
from .arithmetic import is_complex, zeros

# ---------------------------------------------------------------- conjugate

_conj = linear(
    "conj", complexes.conj, lambda xp, g: xp.conj(g), doc="Re z - i Im z; real tensors as they are."
)
_conj_physical = linear(
    "conj_physical", lambda x: complexes.conj(x) if x.dtype.kind == "c" else x.copy(),
    lambda xp, g: xp.conj(g), has_inplace=True,
    doc="Re z - i Im z, computed at once.",
)  # fmt: skip


_conj_lane, _conj_physical_lane = (one_lane(f.prim) for f in (_conj, _conj_physical))
_ndarray = np.ndarray


def _tensor(op: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op, "input", 1, input)
    return input


@spelled(_conj)
def conj(input: Any) -> Any:
    if _tensor("conj", input)._data.dtype.kind != "c":
        return input
    if S.mode is None and input._node is None and type(input._data) is _ndarray:
        return wrap(complexes.conj(input._data))
    return _conj_lane(input, ())


@spelled(_conj_physical)
def conj_physical(input: Any, *, out: Any = None) -> Any:
    if out is None:
        complex_ = _tensor("conj_physical", input)._data.dtype.kind == "c"
        return _conj_physical_lane(input, ()) if complex_ else input
    return _conj_physical.prim.call(input, out=out)


def _itself(name: str) -> None:
    def function(input: Any) -> Any:
        return _tensor(name, input)

    function.__name__, function.__doc__ = name, "The tensor itself: nothing is put off here."
    public(name, method=True)(function)


_itself("resolve_conj")
_itself("resolve_neg")


@public("is_conj", method=True)
def is_conj(input: Any) -> bool:
    """False: the conjugate is computed at once."""
    return not isinstance(_tensor("is_conj", input), Tensor)


def _is_neg(self: Tensor) -> bool:
    """False: negation is never postponed here."""
    return False


METHODS["is_neg"] = _is_neg

# ---------------------------------------------------------------- parts

_real = movement(
    "real", lambda x: x.real, lambda xp, g, x_dtype: xp.to_dtype(g, x_dtype), view=True,
    grad_fn="SelectBackward0", method=False, doc="The real part, sharing memory.",
)  # fmt: skip
_imag = movement(
    "imag", lambda x: x.imag, lambda xp, g, x_dtype: xp.to_dtype(g, x_dtype) * 1j, view=True,
    grad_fn="SelectBackward0", method=False, doc="The imaginary part, sharing memory.",
)  # fmt: skip


@spelled(_real)
def real(input: Any) -> Any:
    if _tensor("real", input)._data.dtype.kind != "c":
        return input
    data = input._data
    if S.mode is None and input._node is None and type(data) is _ndarray:
        return linked(_real.prim, input, data.real, ())
    return _real.prim.call(input)


@spelled(_imag)
def imag(input: Any) -> Any:
    if not _tensor("imag", input).is_complex():
        raise RuntimeError(
            errors.hinted(
                "imag is not implemented for tensors with non-complex dtypes.",
                f"dtype: {input.dtype!r}",
                hint="the imaginary part of a real tensor is torch.zeros_like(x)",
            )
        )
    return _imag.prim.call(input)


def _part(read: Any, name: str) -> Any:
    def write(self: Tensor, value: Any) -> None:
        part = read(self)
        part.copy_(value) if isinstance(value, Tensor) else part.fill_(value)

    return property(read, write, doc=f"The {name} part, sharing memory.")


METHODS["real"], METHODS["imag"] = _part(real, "real"), _part(imag, "imaginary")


_view_as_real = movement(
    "view_as_real", complexes.pairs, lambda xp, g: xp.view_as_complex(g), view=True, method=False,
    doc="Complex numbers as pairs in a last dimension of size 2, sharing memory.",
)  # fmt: skip
_view_as_complex = movement(
    "view_as_complex", complexes.from_pairs, lambda xp, g: xp.view_as_real(g), view=True,
    method=False, doc="Pairs in a last dimension of size 2 as complex numbers, sharing memory.",
)  # fmt: skip


_view_as_real_lane = ViewLane(_view_as_real)
_taken = REC.view_as_complex  # rules call it on what may have to be copied, which is no view
_view_as_complex_lane = ViewLane(_view_as_complex).on
REC.view_as_complex = _taken
_view_as_complex.prim.short = None


@spelled(_view_as_real)
def view_as_real(input: Any) -> Any:
    if _tensor("view_as_real", input)._data.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _view_as_real_lane(input, ())


@spelled(_view_as_complex)
def view_as_complex(input: Any) -> Any:
    x = _tensor("view_as_complex", input)
    data = x._data
    if S.mode is None and type(data) is _ndarray and data.dtype.char in "fd" and data.ndim > 1:
        step = data.dtype.itemsize
        if data.shape[-1] == 2 and data.strides[-1] == step and data.flags.c_contiguous:
            return _view_as_complex_lane(x, complexes.from_pairs(data), ())
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {errors.LEGACY[x.dtype.name]}"
        )
    if not x.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if x.size(-1) != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if x.stride(-1) != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    return _view_as_complex.prim.call(x)


# ---------------------------------------------------------------- from reals

_complex = general(
    "complex", kernels.joined, ("real", "imag"),
    rules={"real": lambda xp, g: xp.real(g), "imag": lambda xp, g: xp.imag(g)},
    broadcasts=True, method=False, doc="real + i imag.",
)  # fmt: skip


def _check_parts(first: Any, second: Any, names: tuple[str, str], op: str) -> None:
    for i, t in enumerate((first, second)):
        if not isinstance(t, Tensor):
            raise errors.wrong_type(op, names[i], i + 1, t)
    title = [errors.LEGACY[t.dtype.name] for t in (first, second)]
    if not all(t in ("Half", "Float", "Double") for t in title):
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{title[0]} and {title[1]}\nHint: convert them with .float()"
        )
    if title[0] != title[1]:
        raise RuntimeError(
            f"Expected object of scalar type {title[0]} but got scalar type {title[1]} for second "
            "argument\nHint: convert one of them"
        )


def _alike(first: Any, second: Any) -> bool:
    """Whether the kernel takes both as they are, and is all there is to do."""
    if not bare(first, second):
        return False
    x, y = first._data, second._data
    return x.dtype is y.dtype and x.shape == y.shape


@spelled(_complex)
def complex(real: Any, imag: Any, *, out: Any = None) -> Any:
    if out is None and _alike(real, imag):
        return wrap(kernels.joined(real._data, imag._data))
    _check_parts(real, imag, ("real", "imag"), "complex")
    if isinstance(out, Tensor) and out.dtype is not real.dtype.to_complex():
        raise RuntimeError(
            f"Expected object of scalar type {errors.LEGACY[real.dtype.to_complex().name]} but got "
            f"scalar type {errors.LEGACY[out.dtype.name]} for argument 'out'"
        )
    return _complex.prim.call(real, imag, out=out)


_polar = general(
    "polar", complexes.polar, ("abs", "angle"),
    rules={
        "abs": lambda xp, g, out: xp.real(xp.conj(g) * xp.sgn(out)),
        "angle": lambda xp, g, out: xp.imag(g) * xp.real(out) - xp.real(g) * xp.imag(out),
    },
    broadcasts=True, method=False, doc="abs (cos angle + i sin angle).",
)  # fmt: skip


@spelled(_polar)
def polar(abs: Any, angle: Any, *, out: Any = None) -> Any:
    if out is None and _alike(abs, angle):
        return wrap(complexes.polar(abs._data, angle._data))
    _check_parts(abs, angle, ("abs", "angle"), "polar")
    return _polar.prim.call(abs, angle, out=out)


# ---------------------------------------------------------------- argument


def _angle_rule(xp: Any, g: Any, x: Any) -> Any:
    if not is_complex(x):
        return zeros(xp, g)
    square = xp.real(x * xp.conj(x))
    return xp.where(square == 0, 0.0, (g / square) * (x * 1j))


angle = elementwise(
    "angle", kernels.angle, _angle_rule, promote=TO_FLOAT, has_inplace=False,
    doc="The argument of z; for real numbers 0, or pi where negative.",
)  # fmt: skip
angle.prim.holomorphic = False
