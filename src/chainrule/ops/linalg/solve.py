"""Linear systems and inverses: solve, triangular and Cholesky systems, inv.

Each solution is an op of its own; its derivative solves with the conjugate transpose. NumPy's
LAPACK solves batches; where it refuses a singular matrix, `kernels/lapack.py` finds which one.
"""

from __future__ import annotations

from typing import Any

from ... import errors
from ...core.declare import METHODS, general, public, spelled
from ...core.lanes import one_lane
from ...core.record import OPS, sum_to
from ...core.tensor import Tensor
from ...kernels import lapack
from ..reduce.extremes import named, return_type
from .matrices import (
    answered,
    batched,
    batched_together,
    called,
    column,
    common_batch,
    mH,
    mm,
    mT,
    need_floating,
    need_lapack,
    need_matrix,
    need_pair,
    need_sides,
    need_square,
    need_system,
    need_tensors,
    need_width,
    row,
    value_of,
)

_InvEx = return_type("linalg_inv_ex", "inverse", "info")
_SolveEx = return_type("linalg_solve_ex", "result", "info")
_TriangularSolve = return_type("triangular_solve", "solution", "cloned_coefficient")

# ---------------------------------------------------------------- inverse


def _inv_kernel(A: Any) -> Any:
    return lapack.inv(A)


def _inv_ex_kernel(A: Any) -> Any:
    return lapack.inv_ex(A)


def _inv_rule(xp: Any, g: Any, out: Any) -> Any:
    h = mH(xp, out)
    return -mm(xp, h, g, h)


def _inv_ex_rule(xp: Any, g: Any, inverse: Any) -> Any:
    return _inv_rule(xp, g, inverse)


_inv = general(
    "linalg_inv",
    _inv_kernel,
    ("A",),
    rules={"A": _inv_rule},
    grad_fn="LinalgInvExBackward0",
    names=("linalg.inv",),
    method=False,
    doc="The inverse of each matrix; d = -A^-1 dA A^-1.",
)
_inv_ex = general(
    "linalg_inv_ex",
    _inv_ex_kernel,
    ("A",),
    rules={"A": _inv_ex_rule},
    outputs=("inverse", "info"),
    grad_fn="LinalgInvExBackward0",
    names=("linalg.inv_ex",),
    method=False,
    doc="The inverse of each matrix, and the first pivot that is zero (0: none).",
)
_inv_lane = one_lane(_inv.prim)
batched("linalg_inv", "linalg_inv_ex")


def _checked_inv(A: Any) -> None:
    need_floating("linalg.inv", A)
    need_width("linalg.inv", A)
    need_square("linalg.inv", A)


@spelled(_inv)
def inv(A: Any, *, out: Any = None) -> Any:
    need_tensors("linalg_inv", A=A)
    return _inverse(A, out)


def _inverse(A: Any, out: Any) -> Any:
    x = A._data
    if x.dtype.char not in "fdFD" or x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        _checked_inv(A)
    return _inv_lane(A, ()) if out is None else _inv.prim.call(A, out=out)


@spelled(_inv_ex)
def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    need_tensors("linalg_inv_ex", A=A)
    _checked_inv(A)
    made = called(_inv_ex.prim, (A,), (), out)
    info = value_of(made[1]) if check_errors else None
    if info is not None and info.any():
        raise lapack.singular("linalg.inv_ex", info)
    return named(_InvEx, made)


@public("inverse", method=True)
def inverse(input: Tensor, *, out: Any = None) -> Tensor:
    """The inverse of each matrix: `torch.linalg.inv`.

    Args:
        input: (*, n, n), floating point or complex.

    Raises:
        torch.linalg.LinAlgError: a singular matrix.

    Example:
        >>> import chainrule as torch
        >>> torch.inverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    need_tensors("inverse", input=input)
    return _inverse(input, out)


# ---------------------------------------------------------------- solve


def _solve_kernel(A: Any, B: Any, vector: bool = False) -> Any:
    return lapack.solve(A, B, vector)


def _solve_ex_kernel(A: Any, B: Any, vector: bool = False) -> Any:
    return lapack.solve_ex(A, B, vector)


def _solve_vjp(xp: Any, g: Any, A: Any, out: Any, A_shape: Any, B_shape: Any, vector: bool) -> Any:
    gB = xp.linalg_solve(mH(xp, A), g, vector)
    outer = column(xp, gB) * row(xp, xp.conj(out)) if vector else mm(xp, gB, mH(xp, out))
    return sum_to(xp, -outer, A_shape), sum_to(xp, gB, B_shape)


def _solve_ex_vjp(
    xp: Any, g: Any, A: Any, result: Any, A_shape: Any, B_shape: Any, vector: bool
) -> Any:
    return _solve_vjp(xp, g, A, result, A_shape, B_shape, vector)


_solve = general(
    "linalg_solve",
    _solve_kernel,
    ("A", "B"),
    vjp=_solve_vjp,
    grad_fn="LinalgSolveExBackward0",
    names=("linalg.solve",),
    method=False,
    doc="X with A X = B; dX = A^-1 (dB - dA X).",
)
_solve_ex = general(
    "linalg_solve_ex",
    _solve_ex_kernel,
    ("A", "B"),
    vjp=_solve_ex_vjp,
    outputs=("result", "info"),
    grad_fn="LinalgSolveExBackward0",
    names=("linalg.solve_ex",),
    method=False,
    doc="X with A X = B, and the first pivot of A that is zero (0: none).",
)
batched_together("linalg_solve", "linalg_solve_ex")


def _is_vector(a: Any, b: Any) -> bool:
    """Whether B is a batch of vectors: one, or shaped as A without its last dimension."""
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and a.shape[:-1] == b.shape)


def _solved(prim: Any, A: Any, B: Any, left: bool, out: Any) -> Any:
    need_tensors("linalg_solve_ex", A=A, B=B)
    need_floating("linalg.solve", A)
    need_width("linalg.solve", A)
    need_pair("linalg.solve", A, B)
    need_square("linalg.solve", A)
    x, y = A._data, B._data
    vector = _is_vector(x, y)
    if not vector:
        need_matrix("linalg.solve", B, "B")
    elif not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    shape = (*y.shape, 1) if vector else y.shape
    need_sides("linalg.solve", x.shape, shape, left)
    if x.shape[:-2] != shape[:-2]:
        common_batch(shape[:-2], x.shape[:-2])
    if left:
        return called(prim, (A, B), (vector,), out)
    made = prim.call(mT(OPS, A), mT(OPS, B), params=(False,))
    if not prim.several:
        return answered(out, mT(OPS, made))
    return answered(out, (mT(OPS, made[0]), made[1]))


@spelled(_solve)
def solve(A: Any, B: Any, vector: Any = None, *, left: bool = True, out: Any = None) -> Any:
    if vector is not None:  # a rule's call
        if not isinstance(vector, bool):
            raise TypeError("linalg_solve() takes 2 positional arguments but 3 were given")
        return _solve.prim.call(A, B, params=(vector,))
    return _solved(_solve.prim, A, B, left, out)


@spelled(_solve_ex)
def solve_ex(
    A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None
) -> Any:
    made = _solved(_solve_ex.prim, A, B, left, out)
    info = value_of(made[1]) if check_errors else None
    if info is not None and info.any():
        raise lapack.unsolvable("linalg.solve_ex", info)
    return _SolveEx(made)


# ---------------------------------------------------------------- triangular systems


def _triangular_kernel(
    A: Any, B: Any, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    return lapack.solve_triangular(A, B, upper, left, unitriangular)


def triangle(xp: Any, x: Any, upper: bool, strict: bool = False) -> Any:
    """The triangle of each matrix, without the diagonal if strict."""
    return xp.triu(x, 1 if strict else 0) if upper else xp.tril(x, -1 if strict else 0)


def _triangular_vjp(
    xp: Any, g: Any, A: Any, out: Any, A_shape: Any, B_shape: Any,
    upper: bool, left: bool, unitriangular: bool,
) -> Any:  # fmt: skip
    gB = xp.linalg_solve_triangular(mH(xp, A), g, not upper, left, unitriangular)
    gA = mm(xp, gB, mH(xp, out)) if left else mm(xp, mH(xp, out), gB)
    gA = triangle(xp, -gA, upper, unitriangular)
    return sum_to(xp, gA, A_shape), sum_to(xp, gB, B_shape)


_triangular = general(
    "linalg_solve_triangular",
    _triangular_kernel,
    ("A", "B"),
    vjp=_triangular_vjp,
    names=("linalg.solve_triangular",),
    method=False,
    doc="X with A X = B (X A = B), of A one triangle; dX = A^-1 (dB - dA X).",
)
batched_together("linalg_solve_triangular")


@spelled(_triangular)
def solve_triangular(
    A: Any, B: Any, upper: Any = None, left: bool = True, unitriangular: bool = False,
    *, out: Any = None,
) -> Any:  # fmt: skip
    if not isinstance(A, Tensor) or not isinstance(B, Tensor):
        need_tensors("linalg_solve_triangular", A=A, B=B)
    if upper is None:
        raise TypeError(
            'linalg_solve_triangular() missing 1 required positional arguments: "upper"'
        )
    need_system("linalg.solve_triangular", A, B, left)
    need_pair("linalg.solve_triangular", A, B)
    need_lapack("triangular_solve_cpu", A)
    common_batch(B._data.shape[:-2], A._data.shape[:-2])
    params = (bool(upper), bool(left), bool(unitriangular))
    return called(_triangular.prim, (A, B), params, out)


def _legacy_kernel(
    b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    a = lapack.transposed(A) if transpose else A
    made = lapack.solve_triangular(a, b, upper != transpose, True, unitriangular)
    return made, A.copy()


def _legacy_vjp(
    xp: Any, g: Any, A: Any, solution: Any, A_shape: Any, b_shape: Any,
    upper: bool, transpose: bool, unitriangular: bool,
) -> Any:  # fmt: skip
    g, clone = g
    a = xp.conj(A) if transpose else mH(xp, A)
    gb = xp.linalg_solve_triangular(a, g, upper == transpose, True, unitriangular)
    gA = mm(xp, gb, mH(xp, solution))
    gA = mT(xp, gA) if transpose else gA
    gA = sum_to(xp, triangle(xp, -gA, upper, unitriangular), A_shape)
    return sum_to(xp, gb, b_shape), gA + sum_to(xp, clone, A_shape)


_legacy = general(
    "triangular_solve",
    _legacy_kernel,
    ("b", "A"),
    vjp=_legacy_vjp,
    outputs=("solution", "cloned_coefficient"),
    doc="X with A X = b, and a copy of A.",
)
batched_together("triangular_solve")


@spelled(_legacy)
def triangular_solve(
    b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False,
    *, out: Any = None,
) -> Any:  # fmt: skip
    need_tensors("triangular_solve", b=b, A=A)
    for name, t in (("b", b), ("A", A)):
        if t._data.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it "
                f"has {t._data.ndim} dimensions instead"
            )
    if b._data.dtype != A._data.dtype:
        found = [errors.LEGACY[t.dtype.name] for t in (b, A)]
        raise RuntimeError(
            "Expected b and A to have the same dtype, but found b of type "
            f"{found[0]} and A of type {found[1]} instead."
        )
    _need_legacy_pair("triangular_solve", b, A)
    need_lapack("triangular_solve_cpu", A)
    params = (bool(upper), bool(transpose), bool(unitriangular))
    return _TriangularSolve(_legacy.prim.call(b, A, params=params, out=out))


def _need_legacy_pair(op: str, b: Any, A: Any) -> None:
    """A square, with as many rows as b."""
    need_square("", A)
    x, y = A._data.shape, b._data.shape
    if x[-2] != y[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {op}: each A matrix is {x[-1]} by {x[-1]} but each b "
            f"matrix is {y[-2]} by {y[-1]}"
        )
    common_batch(y[:-2], x[:-2])


# ---------------------------------------------------------------- systems with a Cholesky factor


def _cholesky_solve_kernel(B: Any, L: Any, upper: bool = False) -> Any:
    return lapack.cholesky_solve(B, L, upper)


def _cholesky_solve_vjp(
    xp: Any, g: Any, L: Any, out: Any, B_shape: Any, L_shape: Any, upper: bool
) -> Any:
    gB = xp.cholesky_solve(g, L, upper)
    common = mm(xp, gB, mH(xp, out))
    common = common + mH(xp, common)
    gL = -mm(xp, L, common) if upper else -mm(xp, common, L)
    return sum_to(xp, gB, B_shape), sum_to(xp, gL, L_shape)


_cholesky_solve = general(
    "cholesky_solve",
    _cholesky_solve_kernel,
    ("B", "L"),
    vjp=_cholesky_solve_vjp,
    doc="X with L L^H X = B; dX = A^-1 (dB - dA X).",
)
batched_together("cholesky_solve")


@spelled(_cholesky_solve)
def cholesky_solve(input: Any, L: Any, upper: bool = False, *, out: Any = None) -> Any:
    if not isinstance(input, Tensor) or not isinstance(L, Tensor):
        need_tensors("cholesky_solve", input=input, input2=L)
    for name, t in (("b", input), ("u", L)):
        if t._data.ndim < 2:
            raise RuntimeError(
                f"{name} should have at least 2 dimensions, but has {t._data.ndim} dimensions "
                "instead"
            )
    _need_legacy_pair("cholesky_solve", input, L)
    need_lapack("cholesky_solve_cpu", L)
    need_pair("cholesky_solve", L, input, ("A", "b"))
    upper = errors.checked_bool("cholesky_solve", "upper", upper)
    return called(_cholesky_solve.prim, (input, L), (upper,), out)


def _cholesky_inverse_kernel(x: Any, upper: bool = False) -> Any:
    return lapack.cholesky_inverse(x, upper)


def _cholesky_inverse_rule(xp: Any, g: Any, x: Any, out: Any, upper: bool) -> Any:
    common = mm(xp, out, g + mH(xp, g), out)
    return -mm(xp, x, common) if upper else -mm(xp, common, x)


_cholesky_inverse = general(
    "cholesky_inverse",
    _cholesky_inverse_kernel,
    ("x",),
    rules={"x": _cholesky_inverse_rule},
    doc="The inverse of L L^H (U^H U if upper).",
)
_cholesky_inverse_lane = one_lane(_cholesky_inverse.prim)
batched("cholesky_inverse")


@spelled(_cholesky_inverse)
def cholesky_inverse(L: Any, upper: bool = False, *, out: Any = None) -> Any:
    if not isinstance(L, Tensor):
        need_tensors("cholesky_inverse", input=L)
    need_square("cholesky_inverse", L)
    need_lapack("cholesky_inverse_out_cpu", L)
    params = (errors.checked_bool("cholesky_inverse", "upper", upper),)
    if out is None:
        return _cholesky_inverse_lane(L, params)
    return _cholesky_inverse.prim.call(L, params=params, out=out)


METHODS["inverse"] = inverse
