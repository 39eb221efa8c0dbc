"""Determinants: det, slogdet, logdet.

The derivative of det is its cofactors, which exist for singular matrices too; they and their
derivative are ops of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.declare import general, public, spelled
from ...core.lanes import one_lane
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels import matrix_functions as kernels
from ...kernels.blas import factored
from ..reduce.extremes import return_type
from . import solve  # noqa: F401  # the rules below use its ops
from .matrices import (
    batched,
    batched_together,
    is_complex,
    mH,
    mm,
    mT,
    need_floating,
    need_lapack,
    need_square,
    need_tensors,
    need_width,
)

_Slogdet, _Short = (return_type(n, "sign", "logabsdet") for n in ("linalg_slogdet", "slogdet"))


def _spread(xp: Any, v: Any) -> Any:
    """Numbers as matrices of one element."""
    return xp.reshape(v, (*v.shape, 1, 1))


def _det_kernel(x: Any) -> Any:
    return factored(np.linalg.det, x)


_det = general(
    "linalg_det",
    _det_kernel,
    ("x",),
    rules={"x": lambda xp, g, x: _spread(xp, g) * xp.conj(xp.cofactor(x))},
    names=("linalg.det",),
    method=False,
    doc="The determinant of each matrix; d = sum(cofactors * dA).",
)
_cofactor = general(
    "cofactor",
    kernels.cofactor,
    ("A",),
    rules={"A": lambda xp, g, A: xp.conj(xp.cofactor_vjp(xp.conj(g), A))},
    names=("_cofactor",),
    method=False,
    doc="det(A) A^-T: what the determinant changes by with each element.",
)


def _cofactor_vjp_g(xp: Any, u: Any, A: Any) -> Any:
    return xp.conj(xp.cofactor_vjp(xp.conj(u), A)) if is_complex(A) else xp.cofactor_vjp(u, A)


def _cofactor_vjp_a(xp: Any, u: Any, g: Any, A: Any) -> Any:
    """The derivative of sum(u * (d T)), T = (g . B) B - B g^T B with B = A^-T and d = det A."""
    u = xp.conj(u)
    B = mT(xp, xp.linalg_inv(A))
    d = _spread(xp, xp.linalg_det(A))
    gB, uB = (_spread(xp, xp.sum(x * B, (B.ndim - 2, B.ndim - 1), False)) for x in (g, u))
    gT, BT = mT(xp, g), mT(xp, B)
    value = _spread(xp, xp.sum(u * (gB * B - mm(xp, B, gT, B)), (B.ndim - 2, B.ndim - 1), False))
    # cotangent of B, then of A through B = A^-T
    cB = uB * g + gB * u - mm(xp, u, BT, g) - mm(xp, g, BT, u)
    return xp.conj(d * (value * B - mm(xp, B, mT(xp, cB), B)))


general(
    "cofactor_vjp",
    kernels.cofactor_vjp,
    ("g", "A"),
    rules={"g": _cofactor_vjp_g, "A": _cofactor_vjp_a},
    names=("_cofactor_vjp",),
    method=False,
    doc="The vjp of the cofactors, singular matrices included; its own needs A^-1.",
)
batched("linalg_det", "cofactor")
batched_together("cofactor_vjp")
_det_lane = one_lane(_det.prim)


def _check(op: str, A: Any) -> None:
    need_square(op, A)
    need_floating(op, A)
    if op == "linalg.det":
        need_lapack("lu_cpu", A)
    else:
        need_width(op, A)


@spelled(_det)
def det(A: Any, *, out: Any = None) -> Any:
    need_tensors("linalg_det", A=A)
    _check("linalg.det", A)
    return _det_lane(A, ()) if out is None else _det.prim.call(A, out=out)


@public("det", method=True)
def short_det(input: Tensor) -> Tensor:
    """The determinant of each matrix: `torch.linalg.det`.

    Example:
        >>> import chainrule as torch
        >>> torch.det(torch.tensor([[2.0, 1.0], [1.0, 3.0]]))
        tensor(5.)
    """
    need_tensors("det", input=input)
    return det(input)


# ---------------------------------------------------------------- sign and logarithm


def _slogdet_rule(xp: Any, g: Any, A: Any, sign: Any) -> Any:
    """A^-H times the cotangent of log det A = logabsdet + i angle."""
    gsign, glog = g
    c = glog
    if is_complex(A):
        c = glog - xp.imag(xp.conj(gsign) * sign) * 1j
    return _spread(xp, c) * mH(xp, xp.linalg_inv_ex(A)[0])


_slogdet = general(
    "linalg_slogdet",
    kernels.slogdet,
    ("A",),
    rules={"A": _slogdet_rule},
    outputs=("sign", "logabsdet"),
    names=("linalg.slogdet",),
    method=False,
    doc="det(A) / |det(A)| and log |det(A)|; d log det = trace(A^-1 dA).",
)
batched("linalg_slogdet")


@spelled(_slogdet)
def slogdet(A: Any, *, out: Any = None) -> Any:
    need_tensors("linalg_slogdet", A=A)
    _check("linalg.slogdet", A)
    return _Slogdet(_slogdet.prim.call(A, out=out))


@public("slogdet", method=True)
def short_slogdet(input: Tensor, *, out: Any = None) -> Any:
    """Sign and log |det|: `torch.linalg.slogdet`.

    Example:
        >>> import chainrule as torch
        >>> torch.slogdet(torch.eye(2)).logabsdet
        tensor(0.)
    """
    need_tensors("slogdet", input=input)
    return _Short(slogdet(input, out=out))


@public("logdet", method=True)
def logdet(input: Tensor) -> Tensor:
    """log det of each matrix: nan where a real determinant is negative, -inf where it is 0.

    Args:
        input: (*, n, n).

    Example:
        >>> import chainrule as torch
        >>> torch.logdet(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        tensor(0.6931)
    """
    need_tensors("logdet", input=input)
    _check("logdet", input)
    sign, value = _slogdet.prim.call(input)
    if is_complex(input):
        return OPS.add(value, OPS.log(sign))
    return OPS.where(sign == -1.0, float("nan"), value)
