"""Products of Householder reflections, which QR leaves: geqrf, ormqr, householder_product.

H_i = 1 - tau_i v_i v_i^H, where v_i is column i of A below its diagonal, with a one on it. The
derivative walks through the reflections one by one.
"""

from __future__ import annotations

from typing import Any

from ... import errors
from ...core.declare import METHODS, general, spelled
from ...core.record import sum_to
from ...core.tensor import Tensor
from ...kernels import lapack
from ..reduce.extremes import return_type
from .matrices import (
    batched,
    batched_together,
    called,
    is_complex,
    mH,
    mm,
    need_lapack,
    need_tensors,
)

_Geqrf = return_type("geqrf", "a", "tau")

# ---------------------------------------------------------------- the derivative


def reflection_vjp(xp: Any, g: Any, A: Any, tau: Any, C: Any, adjoint: bool) -> Any:
    """The cotangents of A, tau and C of H_1 ... H_k C (of its inverse order with conjugate factors
    if adjoint)."""
    k, m = tau.shape[-1], C.shape[-2]
    last = A.ndim - 1
    v = xp.unit_lower(xp.slice(A, last, 0, k, 1))
    factors = xp.conj(tau) if adjoint and is_complex(tau) else tau
    order = range(k) if adjoint else range(k - 1, -1, -1)
    states = [C]  # what each reflection was applied to
    vs = {i: xp.slice(v, last, i, i + 1, 1) for i in range(k)}
    ts = {i: xp.unsqueeze(xp.slice(factors, last - 1, i, i + 1, 1), last) for i in range(k)}
    for i in list(order)[:-1]:
        states.append(states[-1] - ts[i] * mm(xp, vs[i], mm(xp, mH(xp, vs[i]), states[-1])))
    gv: dict[int, Any] = {}
    gt: dict[int, Any] = {}
    for i, r in zip(reversed(order), reversed(states), strict=False):
        vh = mH(xp, vs[i])
        rh, sh = mH(xp, mm(xp, vh, r)), mH(xp, mm(xp, vh, g))  # columns R^H v and G^H v
        gt[i] = -mm(xp, mH(xp, sh), rh)
        th = xp.conj(ts[i]) if is_complex(ts[i]) else ts[i]
        gv[i] = -(th * mm(xp, g, rh)) - ts[i] * mm(xp, r, sh)
        g = g - th * mm(xp, vs[i], mH(xp, sh))
    if not k:
        return A * 0, tau * 0, g
    gA = xp.tril(xp.cat([gv[i] for i in range(k)], last), -1)
    if A.shape[-1] > k:
        gA = xp.slice_backward(gA, (*gA.shape[:-2], m, A.shape[-1]), last, 0, k, 1)
    gtau = xp.cat([xp.reshape(gt[i], (*gt[i].shape[:-2], 1)) for i in range(k)], last - 1)
    return gA, (xp.conj(gtau) if adjoint and is_complex(gtau) else gtau), g


# ---------------------------------------------------------------- householder_product


def _product_kernel(A: Any, tau: Any) -> Any:
    return lapack.reflections(A, tau)


def _product_vjp(xp: Any, g: Any, A: Any, tau: Any) -> Any:
    gA, gtau, _ = reflection_vjp(xp, g, A, tau, xp.identity_like(A), False)
    return gA, gtau


_product = general(
    "linalg_householder_product",
    _product_kernel,
    ("A", "tau"),
    vjp=_product_vjp,
    names=("linalg.householder_product",),
    aliases=("orgqr",),
    method=False,
    doc="The first columns of H_1 H_2 ... H_k.",
)
batched_together("linalg_householder_product")


def _need_reflections(op: str, A: Any, tau: Any) -> None:
    x, t = A._data, tau._data
    if x.ndim < 2:
        raise RuntimeError(f"{op}: input must have at least 2 dimensions.")
    if op.endswith("product"):
        if x.shape[-2] < x.shape[-1]:
            raise RuntimeError(
                f"{op}: input.shape[-2] must be greater than or equal to input.shape[-1]"
            )
        if t.ndim and x.shape[-1] < t.shape[-1]:
            raise RuntimeError(
                f"{op}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
            )


def _need_batch(op: str, name: str, t: Any, A: Any, less: int) -> None:
    x, y = A._data, t._data
    if x.ndim - y.ndim != less:
        relation = (
            "one dimension less than input" if less else "the same number of dimensions as input"
        )
        raise RuntimeError(
            f"{op}: Expected {name} to have {relation}, but got {name}.ndim equal to {y.ndim} and "
            f"input.ndim is equal to {x.ndim}"
        )
    lead = y.shape[:-1] if less else y.shape[:-2]
    if x.shape[:-2] != lead:
        raise RuntimeError(
            f"{op}: Expected batch dimensions of {name} to be equal to input.shape[:-2], but got "
            f"{list(lead)}"
        )


@spelled(_product)
def householder_product(A: Any, tau: Any = None, *, out: Any = None) -> Any:
    op = "torch.linalg.householder_product"
    if not isinstance(A, Tensor):
        raise errors.wrong_type("linalg_householder_product", "input", 1, A)
    if tau is None:
        raise TypeError(
            'linalg_householder_product() missing 1 required positional arguments: "tau"'
        )
    if not isinstance(tau, Tensor):
        need_tensors("linalg_householder_product", input=A, tau=tau)
    _need_reflections(op, A, tau)
    _need_batch(op, "tau", tau, A, 1)
    if A._data.dtype != tau._data.dtype:
        raise RuntimeError(
            f"{op}: tau dtype {errors.LEGACY[tau.dtype.name]} does not match input dtype "
            f"{errors.LEGACY[A.dtype.name]}"
        )
    need_lapack("householder_product_cpu", A)
    return called(_product.prim, (A, tau), (), out)


METHODS["orgqr"] = householder_product

# ---------------------------------------------------------------- ormqr


def _ormqr_kernel(A: Any, tau: Any, C: Any, left: bool = True, transpose: bool = False) -> Any:
    if left:
        return lapack.reflect(A, tau, C, transpose)
    return lapack.hermitian(lapack.reflect(A, tau, lapack.hermitian(C), not transpose))


def _ormqr_vjp(
    xp: Any, g: Any, A: Any, tau: Any, C: Any, C_shape: Any, A_shape: Any,
    left: bool, transpose: bool,
) -> Any:  # fmt: skip
    if left:
        gA, gtau, gC = reflection_vjp(xp, g, A, tau, C, transpose)
    else:  # C Q is (Q^H C^H)^H
        gA, gtau, gC = reflection_vjp(xp, mH(xp, g), A, tau, mH(xp, C), not transpose)
        gC = mH(xp, gC)
    return sum_to(xp, gA, A_shape), gtau, sum_to(xp, gC, C_shape)


_ormqr = general(
    "ormqr",
    _ormqr_kernel,
    ("A", "tau", "C"),
    vjp=_ormqr_vjp,
    doc="Q C (C Q, Q^H C) with Q = H_1 H_2 ... H_k.",
)
batched_together("ormqr")


@spelled(_ormqr)
def ormqr(
    input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False, *, out: Any = None
) -> Any:
    need_tensors("ormqr", input=input, input2=tau, input3=other)
    op, x, t, c = "torch.ormqr", input._data, tau._data, other._data
    _need_reflections(op, input, tau)
    if c.ndim < 2:
        raise RuntimeError(f"{op}: other must have at least 2 dimensions.")
    side = -2 if left else -1
    if c.shape[side] < t.shape[-1]:
        raise RuntimeError(
            f"{op}: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
        )
    if c.shape[side] != x.shape[-2]:
        raise RuntimeError(f"{op}: other.shape[{side}] must be equal to input.shape[-2]")
    if t.shape[-1] != min(x.shape[-2:]):
        raise RuntimeError(
            f"{op}: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])"
        )
    _need_batch(op, "tau", tau, input, 1)
    _need_batch(op, "other", other, input, 0)
    for name, o in (("tau", tau), ("other", other)):
        if o._data.dtype != x.dtype:
            raise RuntimeError(
                f"{op}: Expected input and {name} to have the same dtype, but input has dtype"
                f"{errors.LEGACY[input.dtype.name]} and {name} has dtype "
                f"{errors.LEGACY[o.dtype.name]}"
            )
    need_lapack("ormqr_cpu", input)
    return _ormqr.prim.call(input, tau, other, params=(bool(left), bool(transpose)), out=out)


# ---------------------------------------------------------------- geqrf


def _no_derivative(xp: Any, g: Any) -> Any:
    raise NotImplementedError(
        "the derivative for 'geqrf' is not implemented.\nHint: torch.linalg.qr has one"
    )


_geqrf = general(
    "geqrf",
    lambda A: lapack.geqrf(A),
    ("A",),
    rules={"A": _no_derivative},
    outputs=("a", "tau"),
    doc="The reflections whose product is the Q of QR, and R; has no derivative.",
)
batched("geqrf")


@spelled(_geqrf)
def geqrf(input: Any, *, out: Any = None) -> Any:
    need_tensors("geqrf", input=input)
    if input._data.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    need_lapack("geqrf_cpu", input)
    return _Geqrf(_geqrf.prim.call(input, out=out))
