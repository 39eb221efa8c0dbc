"""Complex numbers: parts, conjugate, argument, and the ways between them and pairs of reals.

Gradients follow PyTorch's convention: that of a real loss L at z is dL/d(Re z) + i dL/d(Im z).
The conjugate is computed at once (PyTorch may put it off); the results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, errors
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
from ...core.tensor import Tensor
from ...kernels import elementwise as kernels
from .arithmetic import is_complex, zeros

# ---------------------------------------------------------------- conjugate

_conj = linear(
    "conj", np.conjugate, lambda xp, g: xp.conj(g), doc="Re z - i Im z; real tensors as they are."
)
_conj_physical = linear(
    "conj_physical", lambda x: np.conjugate(x) if x.dtype.kind == "c" else x.copy(),
    lambda xp, g: xp.conj(g), has_inplace=True,
    doc="Re z - i Im z, computed at once.",
)  # fmt: skip


def _tensor(op: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op, "input", 1, input)
    return input


@spelled(_conj)
def conj(input: Any) -> Any:
    return _conj.prim.call(input) if _tensor("conj", input).is_complex() else input


@spelled(_conj_physical)
def conj_physical(input: Any, *, out: Any = None) -> Any:
    if out is None and not _tensor("conj_physical", input).is_complex():
        return input
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
    return _real.prim.call(input) if _tensor("real", input).is_complex() else input


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


def _pairs(x: Any) -> Any:
    if type(x) is not np.ndarray:  # a NumPy scalar has no memory to share
        return np.array((x.real, x.imag))
    parts = x.real
    step = parts.dtype.itemsize
    return np.lib.stride_tricks.as_strided(parts, (*x.shape, 2), (*x.strides, step))


def _from_pairs(x: Any) -> Any:
    if x.strides[-1] != x.dtype.itemsize:
        x = np.ascontiguousarray(x)
    return x.view(np.complex64 if x.dtype.itemsize == 4 else np.complex128)[..., 0]


_view_as_real = movement(
    "view_as_real", _pairs, lambda xp, g: xp.view_as_complex(g), view=True, method=False,
    doc="Complex numbers as pairs in a last dimension of size 2, sharing memory.",
)  # fmt: skip
_view_as_complex = movement(
    "view_as_complex", _from_pairs, lambda xp, g: xp.view_as_real(g), view=True, method=False,
    doc="Pairs in a last dimension of size 2 as complex numbers, sharing memory.",
)  # fmt: skip


@spelled(_view_as_real)
def view_as_real(input: Any) -> Any:
    if not _tensor("view_as_real", input).is_complex():
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _view_as_real.prim.call(input)


@spelled(_view_as_complex)
def view_as_complex(input: Any) -> Any:
    x = _tensor("view_as_complex", input)
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


@spelled(_complex)
def complex(real: Any, imag: Any, *, out: Any = None) -> Any:
    _check_parts(real, imag, ("real", "imag"), "complex")
    if isinstance(out, Tensor) and out.dtype is not real.dtype.to_complex():
        raise RuntimeError(
            f"Expected object of scalar type {errors.LEGACY[real.dtype.to_complex().name]} but got "
            f"scalar type {errors.LEGACY[out.dtype.name]} for argument 'out'"
        )
    return _complex.prim.call(real, imag, out=out)


def _polar_kernel(abs: Any, angle: Any) -> Any:
    return kernels.joined(abs * np.cos(angle), abs * np.sin(angle))


_polar = general(
    "polar", _polar_kernel, ("abs", "angle"),
    rules={
        "abs": lambda xp, g, out: xp.real(xp.conj(g) * xp.sgn(out)),
        "angle": lambda xp, g, out: xp.imag(g) * xp.real(out) - xp.real(g) * xp.imag(out),
    },
    broadcasts=True, method=False, doc="abs (cos angle + i sin angle).",
)  # fmt: skip


@spelled(_polar)
def polar(abs: Any, angle: Any, *, out: Any = None) -> Any:
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
