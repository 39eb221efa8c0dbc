"""LU with row exchanges, and LDL: factors, their parts, and systems solved with them.

A = P L U. The derivative is worked out for A' = P^T A, whose factors need no exchange; pivots are
whole numbers and have none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.declare import METHODS, general, public, spelled
from ...core.record import OPS, sum_to
from ...core.tensor import Tensor
from ...kernels import lapack, ldl
from ..reduce.extremes import named, return_type
from .decompose import deprecated
from .matrices import (
    batched,
    batched_together,
    called,
    common_batch,
    mH,
    mm,
    need_floating,
    need_lapack,
    need_matrix,
    need_pair,
    need_sides,
    need_square,
    need_tensors,
    value_of,
)

_Lu, _LuUnpack = (return_type(n, "P", "L", "U") for n in ("linalg_lu", "lu_unpack"))
_LuFactor = return_type("linalg_lu_factor", "LU", "pivots")
_LuFactorEx = return_type("linalg_lu_factor_ex", "LU", "pivots", "info")
_LuInfo = return_type("_lu_with_info", "LU", "pivots", "info")
_LdlFactor = return_type("linalg_ldl_factor", "LD", "pivots")
_LdlFactorEx = return_type("linalg_ldl_factor_ex", "LD", "pivots", "info")

# ---------------------------------------------------------------- derivatives


def lu_vjp(xp: Any, gL: Any, gU: Any, L: Any, U: Any, shape: Any) -> Any:
    """The vjp of A' -> L, U for A' = L U of this shape; L has ones on its diagonal.

    With N = L1^-1 dA1 U1^-1 of the square part, dL1 = L1 tril(N, -1) and dU1 = triu(N) U1.
    """
    m, n = shape[-2:]
    k, last = min(m, n), len(shape) - 1
    l1, gl1 = (xp.slice(x, last - 1, 0, k, 1) for x in (L, gL)) if m > k else (L, gL)
    u1, gu1 = (xp.slice(x, last, 0, k, 1) for x in (U, gU)) if n > k else (U, gU)
    below = mm(xp, mH(xp, l1), gl1)
    above = mm(xp, gu1, mH(xp, u1))
    if m > k:
        l2, gl2 = (xp.slice(x, last - 1, k, m, 1) for x in (L, gL))
        above = above - mm(xp, mH(xp, l2), gl2)
    if n > k:
        u2, gu2 = (xp.slice(x, last, k, n, 1) for x in (U, gU))
        below = below - mm(xp, gu2, mH(xp, u2))
    inner = xp.tril(below, -1) + xp.triu(above, 0)
    made = xp.linalg_solve_triangular(mH(xp, l1), inner, True, True, True)
    if m > k:
        made = xp.cat([made, gl2], last - 1)
    made = xp.linalg_solve_triangular(mH(xp, u1), made, False, False, False)
    if n > k:
        right = xp.linalg_solve_triangular(mH(xp, l1), gu2, True, True, True)
        made = xp.cat([made, right], last)
    return made


def parts(xp: Any, LU: Any, shape: Any) -> Any:
    """L and U out of one matrix of this shape."""
    m, n = shape[-2:]
    k, last = min(m, n), len(shape) - 1
    L = xp.slice(LU, last, 0, k, 1) if n > k else LU
    U = xp.slice(LU, last - 1, 0, k, 1) if m > k else LU
    return xp.unit_lower(L), xp.triu(U, 0)


# ---------------------------------------------------------------- factors


def _factor_kernel(A: Any) -> Any:
    return lapack.lu_factor(A)


def _factor_rule(xp: Any, g: Any, LU: Any, pivots: Any, A_shape: Any) -> Any:
    m, n = A_shape[-2:]
    k, last = min(m, n), len(A_shape) - 1
    L, U = parts(xp, LU, A_shape)
    gL = xp.tril(xp.slice(g, last, 0, k, 1), -1)
    gU = xp.triu(xp.slice(g, last - 1, 0, k, 1), 0)
    made = lu_vjp(xp, gL, gU, L, U, A_shape)
    return xp.matmul(xp.permutation_of(pivots, LU), made)


general(
    "permutation_of",
    lambda pivots, LU: lapack.permutation_matrix(pivots, LU.shape[-2], LU.dtype),
    ("pivots", "LU"),
    names=("_permutation_of",),
    method=False,
    doc="P of P L U from the pivots.",
)
_factor = general(
    "linalg_lu_factor_ex",
    _factor_kernel,
    ("A",),
    rules={"A": _factor_rule},
    outputs=("LU", "pivots", "info"),
    names=("linalg.lu_factor_ex",),
    method=False,
    doc="A = P L U; L below and U above the diagonal of one matrix, pivots, the first zero pivot.",
)
batched("linalg_lu_factor_ex")
batched_together("permutation_of")


def _factored(A: Any, pivot: bool, out: Any = None) -> Any:
    x = A._data
    if x.ndim < 2:
        raise RuntimeError(
            "torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: "
            f"{list(x.shape)} instead"
        )
    need_lapack("lu_cpu", A)
    _need_pivot(pivot)
    return called(_factor.prim, (A,), (), out)


def _need_pivot(pivot: bool) -> None:
    if not pivot:
        raise RuntimeError(
            "linalg.lu_factor: LU without pivoting is not implemented on the CPU\n"
            "Hint: leave pivot=True"
        )


def _refuse_zero(op: str, info: Any) -> None:
    if info.any():
        batch, at = lapack.first_failure(info)
        raise RuntimeError(
            f"{op}: {batch}U[{at},{at}] is zero and using it on lu_solve would result in a "
            "division by zero. If you still want to perform the factorization, consider calling "
            "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )


@spelled(_factor)
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    need_tensors("linalg_lu_factor_ex", A=A)
    made = _factored(A, pivot, out)
    if check_errors:
        _refuse_zero("torch.linalg.lu_factor_ex", value_of(made[2]))
    return _LuFactorEx(made)


@public("linalg.lu_factor")
def lu_factor(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """LU with row exchanges, in one matrix.

    Args:
        A: (*, m, n).
        pivot: must be True on a CPU.

    Returns:
        LU (*, m, n): U on and above the diagonal, L below; pivots (*, min(m, n)), from 1.

    Raises:
        RuntimeError: a zero on the diagonal of U.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.lu_factor(torch.tensor([[2.0, 1.0], [4.0, 3.0]])).LU
        tensor([[ 4.0000,  3.0000],
                [ 0.5000, -0.5000]])
    """
    need_tensors("linalg_lu_factor", A=A)
    LU, pivots, info = _factored(A, pivot)
    _refuse_zero("torch.linalg.lu_factor", value_of(info))
    return named(_LuFactor, _written(out, (LU, pivots)))


def _written(out: Any, made: Any) -> Any:
    if out is None:
        return made
    if not isinstance(out, (tuple, list)):
        raise errors.wrong_kind("lu", "out", "tuple of Tensors", out)
    return tuple(OPS.alias.prim.call(m, out=o) for m, o in zip(made, out, strict=True))


@public("lu", method=True)
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """LU in one matrix: the older form of `torch.linalg.lu_factor`.

    Args:
        A: (*, m, n).
        pivot: must be True on a CPU.
        get_infos: a third result: the first pivot that is zero (0: none).

    Example:
        >>> import chainrule as torch
        >>> A = torch.tensor([[2.0, 1.0], [4.0, 3.0]])
        >>> LU, pivots = torch.linalg.lu_factor(A)  # what replaces it
        >>> pivots
        tensor([2, 2], dtype=torch.int32)
    """
    need_tensors("_lu_with_info", input=A)
    errors.checked_bool("_lu_with_info", "pivot", pivot)
    deprecated(
        "lu",
        "torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and "
        "will be removed in a future PyTorch release.\nLU, pivots = torch.lu(A, compute_pivots)\n"
        "should be replaced with\nLU, pivots = torch.linalg.lu_factor(A, compute_pivots)\nand\n"
        "LU, pivots, info = torch.lu(A, compute_pivots, get_infos=True)\nshould be replaced with\n"
        "LU, pivots, info = torch.linalg.lu_factor_ex(A, compute_pivots)",
    )
    made = _written(out, _factored(A, pivot))
    return _LuInfo(made) if get_infos else tuple(made[:2])


def _lu_kernel(A: Any) -> Any:
    LU, pivots, _ = lapack.lu_factor(A)
    return pivots, *lapack.triangles(LU)


def _lu_rule(xp: Any, g: Any, L: Any, U: Any, pivots: Any, A_shape: Any) -> Any:
    gL, gU = g
    made = lu_vjp(xp, gL, gU, L, U, A_shape)
    return xp.matmul(xp.permutation_of(pivots, L), made)


_lu = general(
    "linalg_lu",
    _lu_kernel,
    ("A",),
    rules={"A": _lu_rule},
    outputs=("pivots", "L", "U"),
    names=("_linalg_lu",),
    method=False,
    doc="A = P L U: pivots of P, L with ones on its diagonal, U.",
)
batched("linalg_lu")


@public("linalg.lu")
def linalg_lu(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """A = P L U with a permutation P, unit lower triangular L, upper triangular U.

    Args:
        A: (*, m, n).
        pivot: must be True on a CPU.

    Returns:
        P (*, m, m), L (*, m, k), U (*, k, n), k = min(m, n).

    Example:
        >>> import chainrule as torch
        >>> P, L, U = torch.linalg.lu(torch.tensor([[2.0, 1.0], [4.0, 3.0]]))
        >>> U
        tensor([[ 4.0000,  3.0000],
                [ 0.0000, -0.5000]])
    """
    if not isinstance(A, Tensor):
        need_tensors("linalg_lu", A=A)
    x = A._data
    if x.ndim < 2:
        raise RuntimeError(
            f"linalg.lu: Expected tensor with 2 or more dimensions. Got size: {list(x.shape)} "
            "instead"
        )
    need_lapack("lu_cpu", A)
    _need_pivot(pivot)
    pivots, L, U = called(_lu.prim, (A,))
    P = called(OPS.permutation_of.prim, (pivots, L if L._node is None else L.detach()))
    return named(_Lu, _written(out, (P, L, U)))


# ---------------------------------------------------------------- parts of the factors


def _unpack_kernel(LU: Any) -> Any:
    return lapack.triangles(LU)


def _unpack_rule(xp: Any, g: Any, LU_shape: Any) -> Any:
    gL, gU = g
    m, n = LU_shape[-2:]
    k, last = min(m, n), len(LU_shape) - 1
    gL, gU = xp.tril(gL, -1), xp.triu(gU, 0)
    if n > k:
        gL = xp.slice_backward(gL, LU_shape, last, 0, k, 1)
    if m > k:
        gU = xp.slice_backward(gU, LU_shape, last - 1, 0, k, 1)
    return gL + gU


_unpack = general(
    "lu_unpack",
    _unpack_kernel,
    ("LU",),
    rules={"LU": _unpack_rule},
    outputs=("L", "U"),
    names=("_lu_unpack",),
    method=False,
    doc="L and U out of one matrix.",
)
batched("lu_unpack")


@public("lu_unpack")
def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
    *,
    out: Any = None,
) -> Any:
    """P, L and U out of what `torch.linalg.lu_factor` returns.

    Args:
        LU_data: (*, m, n).
        LU_pivots: (*, min(m, n)), int32.
        unpack_data: whether to make L and U (empty otherwise).
        unpack_pivots: whether to make P (empty otherwise).

    Example:
        >>> import chainrule as torch
        >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[2.0, 1.0], [4.0, 3.0]]))
        >>> torch.lu_unpack(LU, pivots).P
        tensor([[0., 1.],
                [1., 0.]])
    """
    need_tensors("lu_unpack", LU_data=LU_data, LU_pivots=LU_pivots)
    if unpack_pivots and LU_pivots._data.dtype != np.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 "
            "dtype.\nNote: this function is intended to be used with the output produced by "
            "torch.linalg.lu_factor"
        )
    if LU_data._data.ndim < 2:
        raise RuntimeError(
            "torch.lu_unpack: Expected tensor with 2 or more dimensions. Got size: "
            f"{list(LU_data._data.shape)} instead"
        )
    k = min(LU_data._data.shape[-2:])
    pivots = value_of(LU_pivots)
    if (
        unpack_pivots
        and pivots.size
        and (pivots.shape[-1] != k or pivots.min() < 1 or pivots.max() > LU_data._data.shape[-2])
    ):
        raise RuntimeError(
            "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive.Did you "
            "properly pass the result of lu_factor?"
        )
    empty = OPS.zeros((0,), LU_data.dtype)
    P = OPS.permutation_of(LU_pivots, LU_data.detach()) if unpack_pivots else empty
    L, U = _unpack.prim.call(LU_data) if unpack_data else (empty, empty)
    return _LuUnpack(_written(out, (P, L, U)))


# ---------------------------------------------------------------- systems


def _solve_kernel(LU: Any, pivots: Any, B: Any, left: bool = True, adjoint: bool = False) -> Any:
    if left:
        return lapack.lu_solve(LU, pivots, B, adjoint)
    made = lapack.lu_solve(LU, pivots, lapack.hermitian(B), not adjoint)
    return lapack.hermitian(made)


def _solve_vjp(
    xp: Any, g: Any, LU: Any, pivots: Any, out: Any, LU_shape: Any, B_shape: Any,
    left: bool, adjoint: bool,
) -> Any:  # fmt: skip
    """For A X = B, dX = -U^-1 dU X - U^-1 L^-1 dL U X; for A^H X = B the same with P^T X."""
    gB = xp.linalg_lu_solve(LU, pivots, g, left, not adjoint)
    x, flipped = out, adjoint
    if not left:  # X A = B is A^H X^H = B^H
        g, x, flipped = mH(xp, g), mH(xp, x), not adjoint
    L, U = parts(xp, LU, LU_shape)
    if flipped:
        p = mH(xp, xp.permutation_of(pivots, LU))
        y, gy = xp.matmul(p, x), xp.matmul(p, g)
        gy = xp.linalg_solve_triangular(L, gy, False, True, True)
        gL = mm(xp, y, mH(xp, gy))
        y = xp.matmul(mH(xp, L), y)
        gU = mm(xp, y, mH(xp, xp.linalg_solve_triangular(U, gy, True, True, False)))
    else:
        gr = xp.linalg_solve_triangular(mH(xp, U), g, False, True, False)
        gU = mm(xp, gr, mH(xp, x))
        gr = xp.linalg_solve_triangular(mH(xp, L), gr, True, True, True)
        gL = mm(xp, gr, mH(xp, mm(xp, U, x)))
    gLU = -(xp.tril(gL, -1) + xp.triu(gU, 0))
    return sum_to(xp, gLU, LU_shape), None, sum_to(xp, gB, B_shape)


_lu_solve = general(
    "linalg_lu_solve",
    _solve_kernel,
    ("LU", "pivots", "B"),
    vjp=_solve_vjp,
    names=("linalg.lu_solve",),
    method=False,
    doc="X with A X = B (X A = B, A^H X = B), from the factors of A.",
)
batched_together("linalg_lu_solve")


@spelled(_lu_solve)
def lu_solve(
    LU: Any, pivots: Any, B: Any, left: bool = True, adjoint: bool = False, *, out: Any = None
) -> Any:
    need_tensors("linalg_lu_solve", LU=LU, pivots=pivots, B=B)
    op = "linalg.lu_solve"
    need_floating(op, LU)
    need_pair(op, LU, B, ("LU", "B"))
    if pivots._data.dtype != np.int32:
        raise RuntimeError(f"{op}: pivots should be a Tensor of scalar type torch.int32")
    need_square(op, LU)
    need_matrix(op, B, "B")
    need_sides(op, LU._data.shape, B._data.shape, left)
    if pivots._data.ndim < 1 or pivots._data.shape[-1] != LU._data.shape[-1]:
        raise RuntimeError(
            f"{op}: Number of pivots per batch should be same as the dimension of the matrix"
        )
    if pivots._data.shape[:-1] != LU._data.shape[:-2]:
        raise RuntimeError(
            f"{op}: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots._data.shape)} instead"
        )
    common_batch(B._data.shape[:-2], LU._data.shape[:-2])
    return called(_lu_solve.prim, (LU, pivots, B), (bool(left), bool(adjoint)), out)


@public("lu_solve", method=True)
def legacy_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Any = None) -> Tensor:
    """X with A X = b from the factors of A: the older form of `torch.linalg.lu_solve`.

    Args:
        b: (*, n, k).
        LU_data, LU_pivots: from `torch.linalg.lu_factor`.

    Example:
        >>> import chainrule as torch
        >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        >>> torch.linalg.lu_solve(LU, pivots, torch.ones(2, 1))  # what replaces it
        tensor([[0.5000],
                [0.2500]])
    """
    need_tensors("lu_solve", input=b, LU_data=LU_data, LU_pivots=LU_pivots)
    deprecated(
        "lu_solve",
        "torch.lu_solve is deprecated in favor of torch.linalg.lu_solveand will be removed in a "
        "future PyTorch release.\nNote that torch.linalg.lu_solve has its arguments reversed.\n"
        "X = torch.lu_solve(B, LU, pivots)\nshould be replaced with\n"
        "X = torch.linalg.lu_solve(LU, pivots, B)",
    )
    return lu_solve(LU_data, LU_pivots, b, out=out)


# ---------------------------------------------------------------- LDL


def _no_derivative(xp: Any, g: Any) -> Any:
    raise RuntimeError(
        "derivative for aten::linalg_ldl_factor_ex is not implemented\n"
        "Hint: torch.linalg.cholesky and torch.linalg.lu have one"
    )


def _no_solve_derivative(xp: Any, g: Any) -> Any:
    raise RuntimeError(
        "derivative for aten::linalg_ldl_solve is not implemented\nHint: torch.linalg.solve has one"
    )


def _ldl_kernel(A: Any, hermitian: bool = False) -> Any:
    return ldl.ldl_factor(A, hermitian)


_ldl = general(
    "linalg_ldl_factor_ex",
    _ldl_kernel,
    ("A",),
    rules={"A": _no_derivative},
    outputs=("LD", "pivots", "info"),
    grad_fn="NotImplemented",
    names=("linalg.ldl_factor_ex",),
    method=False,
    doc="A = L D L^T (L D L^H) of symmetric (Hermitian) matrices; has no derivative.",
)
_ldl_solve = general(
    "linalg_ldl_solve",
    lambda LD, pivots, B, hermitian=False: ldl.ldl_solve(LD, pivots, B, hermitian),
    ("LD", "pivots", "B"),
    rules={"LD": _no_solve_derivative, "B": _no_solve_derivative},
    grad_fn="NotImplemented",
    names=("linalg.ldl_solve",),
    method=False,
    doc="X with A X = B from the LDL factors of A; has no derivative.",
)
batched("linalg_ldl_factor_ex")
batched_together("linalg_ldl_solve")


def _ldl_factored(A: Any, hermitian: bool, out: Any = None) -> Any:
    op = "torch.linalg.ldl_factor_ex"
    need_square(op, A)
    need_floating(op, A)
    need_lapack("ldl_factor_kernel_cpu", A)
    return called(_ldl.prim, (A,), (bool(hermitian),), out)


def _refuse_zero_block(op: str, info: Any) -> None:
    if info.any():
        batch, at = lapack.first_failure(info)
        raise RuntimeError(
            f"{op}: {batch}D[{at},{at}] is zero, so that the factors cannot solve a system\n"
            "Hint: torch.linalg.ldl_factor_ex returns them all the same"
        )


@spelled(_ldl)
def ldl_factor_ex(
    A: Any, *, hermitian: bool = False, check_errors: bool = False, out: Any = None
) -> Any:
    need_tensors("linalg_ldl_factor_ex", input=A)
    made = _ldl_factored(A, hermitian, out)
    if check_errors:
        _refuse_zero_block("torch.linalg.ldl_factor_ex", value_of(made[2]))
    return _LdlFactorEx(made)


@public("linalg.ldl_factor")
def ldl_factor(A: Tensor, *, hermitian: bool = False, out: Any = None) -> Any:
    """A = L D L^T of symmetric matrices, definite or not.

    Args:
        A: (*, n, n), of which the lower triangle is read.
        hermitian: A = L D L^H of complex matrices.

    Returns:
        LD (*, n, n): D on the diagonal (and beside it where a block has two rows), L below; pivots
        (*, n), from 1, negative in pairs for blocks of two.

    Raises:
        RuntimeError: a block of D is zero.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.ldl_factor(torch.tensor([[2.0, 1.0], [1.0, 3.0]])).LD
        tensor([[2.0000, 0.0000],
                [0.5000, 2.5000]])
    """
    need_tensors("linalg_ldl_factor", input=A)
    LD, pivots, info = _ldl_factored(A, hermitian)
    _refuse_zero_block("torch.linalg.ldl_factor", value_of(info))
    return named(_LdlFactor, _written(out, (LD, pivots)))


@spelled(_ldl_solve)
def ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False, out: Any = None) -> Any:
    need_tensors("linalg_ldl_solve", LD=LD, pivots=pivots, B=B)
    op = "torch.linalg.ldl_solve"
    if B._data.ndim < 2:
        raise errors_of_dim(B._data.ndim)
    need_square(op, LD)
    need_lapack("ldl_solve_cpu", LD)
    if LD._data.shape[-2] != B._data.shape[-2]:
        n, (rows, cols) = LD._data.shape[-1], B._data.shape[-2:]
        raise RuntimeError(
            f"Incompatible matrix sizes for {op}: each A matrix is {n} by {n} but each b matrix is "
            f"{rows} by {cols}"
        )
    if pivots._data.dtype.kind not in "iu":
        raise RuntimeError(
            f"{op}: Expected pivots to be integers. Got {errors.LEGACY[pivots.dtype.name]}"
        )
    need_pair(op, LD, B, ("LD", "B"))
    common_batch(B._data.shape[:-2], LD._data.shape[:-2])
    return _ldl_solve.prim.call(LD, pivots, B, params=(bool(hermitian),), out=out)


def errors_of_dim(n: int) -> IndexError:
    """A second last dimension that is not there."""
    low, high = -max(n, 1), max(n, 1) - 1
    return IndexError(
        f"Dimension out of range (expected to be in range of [{low}, {high}], but got -2)\n"
        "Hint: B has a row for every row of A"
    )


METHODS["lu"] = lu
