"""Factorisations into orthogonal and triangular factors, eigenvalues, singular values.

Vectors of eigh, eig and svd are known up to a phase, those of repeated values up to a rotation:
a loss must not depend on it. As in PyTorch, a complex loss that does is refused, and a gap of zero
between values gives inf or nan where the loss uses the vectors.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import errors
from ...core.batching import batch_rule
from ...core.declare import METHODS, general, public, spelled
from ...core.lanes import one_lane
from ...core.levels import lower
from ...core.primitive import given_out
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels import lapack
from ...kernels import matrix_functions as kernels
from ...kernels.blas import factored
from ..reduce.extremes import named, return_type
from . import solve  # noqa: F401  # the rules below use its ops
from .matrices import (
    batched,
    called,
    column,
    diag,
    diagonal,
    is_complex,
    mH,
    mm,
    need_floating,
    need_lapack,
    need_matrix,
    need_square,
    need_tensors,
    real,
    row,
    value_of,
)

_CholeskyEx = return_type("linalg_cholesky_ex", "L", "info")
_Qr, _LegacyQr = (return_type(n, "Q", "R") for n in ("linalg_qr", "qr"))
_Eigh, _Eig = (return_type(n, "eigenvalues", "eigenvectors") for n in ("linalg_eigh", "linalg_eig"))
_Svd = return_type("linalg_svd", "U", "S", "Vh")
_LegacySvd = return_type("svd", "U", "S", "V")

# ---------------------------------------------------------------- Cholesky


def _cholesky_rule(xp: Any, g: Any, out: Any, upper: bool) -> Any:
    """A = L L^H: half of L^-H (tril(P) + tril(P, -1)^H) L^-1 with P = L^H g."""
    L = mH(xp, out) if upper else out
    g = mH(xp, g) if upper else g
    p = mm(xp, mH(xp, L), g)
    p = xp.tril(p, 0) + mH(xp, xp.tril(p, -1))
    p = xp.linalg_solve_triangular(mH(xp, L), p, True, True, False)
    return xp.linalg_solve_triangular(L, p, False, False, False) * 0.5


def _cholesky_ex_rule(xp: Any, g: Any, L: Any, upper: bool) -> Any:
    return _cholesky_rule(xp, g, L, upper)


def _cholesky_kernel(A: Any, upper: bool = False) -> Any:
    return lapack.cholesky(A, upper)


def _legacy_cholesky_kernel(A: Any, upper: bool = False) -> Any:
    return lapack.cholesky(A, upper, "cholesky")


def _cholesky_ex_kernel(A: Any, upper: bool = False) -> Any:
    return lapack.cholesky_ex(A, upper)


_cholesky = general(
    "linalg_cholesky",
    _cholesky_kernel,
    ("A",),
    rules={"A": _cholesky_rule},
    grad_fn="LinalgCholeskyExBackward0",
    names=("linalg.cholesky",),
    method=False,
    doc="L with A = L L^H of Hermitian positive-definite matrices; dL = L tril'(L^-1 dA L^-H).",
)
_legacy_cholesky = general(
    "legacy_cholesky",
    _legacy_cholesky_kernel,
    ("A",),
    rules={"A": _cholesky_rule},
    grad_fn="CholeskyBackward0",
    names=("cholesky",),
    method=False,
    doc="L with A = L L^H: the older name of linalg.cholesky.",
)
_cholesky_ex = general(
    "linalg_cholesky_ex",
    _cholesky_ex_kernel,
    ("A",),
    rules={"A": _cholesky_ex_rule},
    outputs=("L", "info"),
    names=("linalg.cholesky_ex",),
    method=False,
    doc="L with A = L L^H, and the order of the first minor that is not definite (0: none).",
)
_cholesky_lane, _legacy_cholesky_lane = (one_lane(f.prim) for f in (_cholesky, _legacy_cholesky))
batched("linalg_cholesky", "legacy_cholesky", "linalg_cholesky_ex")


def _ready(op: str, A: Any) -> bool:
    """Whether A is a batch of square matrices that LAPACK takes; tells what is wrong with it."""
    x = A._data
    if x.dtype.char in "fdFD" and x.ndim >= 2 and x.shape[-1] == x.shape[-2]:
        return True
    if op != "cholesky":
        need_floating(op, A)
    need_square(op, A)
    need_lapack("cholesky_cpu", A)
    return False


@spelled(_cholesky)
def cholesky(A: Any, *, upper: bool = False, out: Any = None) -> Any:
    if not isinstance(A, Tensor):
        need_tensors("linalg_cholesky", input=A)
    _ready("linalg.cholesky", A)
    if out is None:
        return _cholesky_lane(A, (errors.checked_bool("linalg_cholesky", "upper", upper),))
    upper = errors.checked_bool("linalg_cholesky", "upper", upper)
    return _cholesky.prim.call(A, params=(upper,), out=out)


@spelled(_cholesky_ex)
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    need_tensors("linalg_cholesky_ex", input=A)
    _ready("linalg.cholesky", A)
    upper = errors.checked_bool("linalg_cholesky_ex", "upper", upper)
    made = _cholesky_ex.prim.call(A, params=(upper,), out=out)
    info = value_of(made[1]) if check_errors else None
    if info is not None and info.any():
        raise lapack.not_definite("linalg.cholesky_ex", info)
    return _CholeskyEx(made)


_told: set[str] = set()


def deprecated(name: str, text: str) -> None:
    """PyTorch's warning, once."""
    if name not in _told:
        _told.add(name)
        warnings.warn(text, UserWarning, stacklevel=3)


@spelled(_legacy_cholesky)
def legacy_cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    need_tensors("cholesky", input=input)
    if not input._data.size and input._data.shape[-2:-1] != input._data.shape[-1:]:
        return given_out("cholesky", out, OPS.clone(input))  # PyTorch looks at nothing else
    _ready("cholesky", input)
    deprecated(
        "cholesky",
        "torch.cholesky is deprecated in favor of torch.linalg.cholesky and will be removed in a "
        "future PyTorch release.\nL = torch.cholesky(A)\nshould be replaced with\n"
        "L = torch.linalg.cholesky(A)\nand\nU = torch.cholesky(A, upper=True)\nshould be replaced "
        "with\nU = torch.linalg.cholesky(A).mH",
    )
    if out is None:
        return _legacy_cholesky_lane(input, (errors.checked_bool("cholesky", "upper", upper),))
    upper = errors.checked_bool("cholesky", "upper", upper)
    return _legacy_cholesky.prim.call(input, params=(upper,), out=out)


METHODS["cholesky"] = legacy_cholesky

# ---------------------------------------------------------------- QR


def _qr_kernel(A: Any, mode: Any = "reduced") -> Any:
    if mode == "r":
        return np.empty(0, A.dtype), factored(np.linalg.qr, A, "r")
    return lapack.qr(A, mode)


def _upper_part(xp: Any, g: Any, Q: Any, R: Any) -> Any:
    """The cotangent of a matrix with rows >= columns, before R^-H is applied."""
    gQ, gR = g
    w = mm(xp, gR, mH(xp, R)) - mm(xp, mH(xp, Q), gQ)
    strict = xp.triu(w, 1)
    return gQ + mm(xp, Q, strict + mH(xp, strict) + diag(xp, real(xp, diagonal(xp, w))))


def _qr_rule(xp: Any, g: Any, Q: Any, R: Any, A_shape: Any, mode: str) -> Any:
    m, n = A_shape[-2:]
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
            "Please use linalg.qr(A, mode='reduced') if you are going to differentiate through "
            "linalg.qr."
        )
    if mode == "complete" and m > n:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.\n"
            "Hint: mode='reduced' is"
        )
    gQ, gR = g
    if m >= n:
        return _divided(xp, _upper_part(xp, g, Q, R), R)
    last = len(A_shape) - 1  # A = Q [R1, R2]
    r1, g1 = (xp.slice(x, last, 0, m, 1) for x in (R, gR))
    r2, g2 = (xp.slice(x, last, m, n, 1) for x in (R, gR))
    gQ = gQ + mm(xp, Q, r2, mH(xp, g2))
    first = _divided(xp, _upper_part(xp, (gQ, g1), Q, r1), r1)
    return xp.cat([first, mm(xp, Q, g2)], last)


def _divided(xp: Any, g: Any, R: Any) -> Any:
    """g R^-H."""
    return xp.linalg_solve_triangular(mH(xp, R), g, False, False, False)


_qr = general(
    "linalg_qr",
    _qr_kernel,
    ("A",),
    rules={"A": _qr_rule},
    outputs=("Q", "R"),
    names=("linalg.qr",),
    method=False,
    doc="A = Q R with Q^H Q = 1 and R upper triangular.",
)


@batch_rule("linalg_qr")
def _batched_qr(prim: Any, inputs: Any, has: Any, params: Any, size: int) -> Any:
    """The empty Q of mode 'r' is empty for every element."""
    Q, R = lower(prim, inputs, params)
    return (OPS.reshape(Q, (size, 0)) if params == ("r",) else Q), R


@spelled(_qr)
def qr(A: Any, mode: str = "reduced", *, out: Any = None) -> Any:
    if not isinstance(A, Tensor):
        need_tensors("linalg_qr", A=A)
    return named(_Qr, _factored(A, mode, out))


def _factored(A: Any, mode: str, out: Any) -> Any:
    need_matrix("linalg.qr", A)
    need_floating("linalg.qr", A)
    need_lapack("geqrf_cpu", A)
    if mode not in ("reduced", "r", "complete"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    return called(_qr.prim, (A,), (mode,), out)


@public("qr", method=True)
def legacy_qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """The older form of `torch.linalg.qr`.

    Args:
        input: (*, m, n).
        some: mode 'reduced', else 'complete'.

    Example:
        >>> import chainrule as torch
        >>> Q, R = torch.linalg.qr(torch.eye(2))
        >>> R.abs()
        tensor([[1., 0.],
                [0., 1.]])
    """
    need_tensors("qr", input=input)
    deprecated(
        "qr",
        "torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future "
        "PyTorch release.\nThe boolean parameter 'some' has been replaced with a string parameter "
        "'mode'.\nQ, R = torch.qr(A, some)\nshould be replaced with\n"
        "Q, R = torch.linalg.qr(A, 'reduced' if some else 'complete')",
    )
    return _LegacyQr(_factored(input, "reduced" if some else "complete", out))


# ---------------------------------------------------------------- eigenvalues of Hermitian matrices

_EIGH_PHASE = (
    "linalg_eigh_backward: The eigenvectors in the complex case are specified up to multiplication "
    "by e^{i phi}. The specified loss function depends on this quantity, so it is ill-defined."
)
_EIG_PHASE = _EIGH_PHASE.replace("eigh", "eig")
_SVD_PHASE = (
    "svd_backward: The singular vectors in the complex case are specified up to multiplication by "
    "e^{i phi}. The specified loss function depends on this phase term, making it ill-defined."
)


def gaps(xp: Any, values: Any) -> Any:
    """E with E_ij = values_j - values_i."""
    return row(xp, values) - column(xp, values)


def _eigh_rule(xp: Any, g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """V (diag(gL) + V^H gV / E) V^H, where E_ij = L_j - L_i and 0 / 0 = 0."""
    values, gV = g
    V = eigenvectors
    h = mm(xp, mH(xp, V), gV)
    if is_complex(h):
        h = xp.phase_free(h, _EIGH_PHASE)
    inner = xp.quotient(_off_diagonal(xp, h), gaps(xp, eigenvalues))
    return mm(xp, V, inner + diag(xp, values), mH(xp, V))


def _off_diagonal(xp: Any, x: Any) -> Any:
    return xp.tril(x, -1) + xp.triu(x, 1)


def _eigh_kernel(A: Any, UPLO: str = "L") -> Any:
    return kernels.eigh(A, UPLO)


_eigh = general(
    "linalg_eigh",
    _eigh_kernel,
    ("A",),
    rules={"A": _eigh_rule},
    outputs=("eigenvalues", "eigenvectors"),
    names=("linalg.eigh",),
    method=False,
    doc="A = V diag(L) V^H of Hermitian matrices, L ascending; dL = diag(V^H dA V).",
)
batched("linalg_eigh")


def _hermitian(A: Any, UPLO: str) -> str:
    need_square("linalg.eigh", A)
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    need_lapack("linalg_eigh_cpu", A)
    return UPLO.upper()


@spelled(_eigh)
def eigh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    if not isinstance(A, Tensor):
        need_tensors("linalg_eigh", input=A)
    return named(_Eigh, called(_eigh.prim, (A,), (_hermitian(A, UPLO),), out))


def _eigvalsh_rule(xp: Any, g: Any, x: Any, UPLO: str) -> Any:
    V = xp.linalg_eigh(x, UPLO)[1]
    return mm(xp, V * row(xp, g), mH(xp, V))


_eigvalsh = general(
    "linalg_eigvalsh",
    kernels.eigvalsh,
    ("x",),
    rules={"x": _eigvalsh_rule},
    grad_fn="LinalgEighBackward0",
    names=("_eigvalsh",),
    method=False,
    doc="The eigenvalues of Hermitian matrices, ascending; d = diag(V^H dA V).",
)
_eigvalsh_lane = one_lane(_eigvalsh.prim)
batched("linalg_eigvalsh")


@public("linalg.eigvalsh")
def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending.

    Args:
        A: (*, n, n), symmetric or Hermitian; only one triangle is read.
        UPLO: "L" or "U", the triangle.

    Returns:
        (*, n), real. Its derivative computes the eigenvectors.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.eigvalsh(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
        tensor([1., 3.])
    """
    if not isinstance(A, Tensor):
        need_tensors("linalg_eigvalsh", input=A)
    return into(out, _eigvalsh_lane(A, (_hermitian(A, UPLO),)))


def into(out: Any, made: Tensor) -> Tensor:
    """`made`, or `out` with its values."""
    if out is None:
        return made
    return OPS.alias.prim.call(made, out=out)


# ---------------------------------------------------------------- eigenvalues


def _eig_rule(xp: Any, g: Any, eigenvalues: Any, eigenvectors: Any, A_dtype: Any) -> Any:
    """V^-H (diag(gL) + (V^H gV - V^H V Re(diag(V^H gV))) / conj(E)) V^H."""
    values, gV = g
    V = eigenvectors
    h = mm(xp, mH(xp, V), gV)
    h = xp.phase_free(h, _EIG_PHASE)
    h = h - mm(xp, mH(xp, V), V) * row(xp, xp.real(diagonal(xp, h)))
    inner = xp.quotient(_off_diagonal(xp, h), xp.conj(gaps(xp, eigenvalues)))
    inner = inner + diag(xp, values)
    made = xp.linalg_solve(mH(xp, V), mm(xp, inner, mH(xp, V)), False)
    return made if "complex" in str(A_dtype) else xp.real(made)


_eig = general(
    "linalg_eig",
    lambda A: kernels.eig(A),
    ("A",),
    rules={"A": _eig_rule},
    outputs=("eigenvalues", "eigenvectors"),
    names=("linalg.eig",),
    method=False,
    doc="A V = V diag(L) of any square matrices, complex; dL = diag(V^-1 dA V).",
)
batched("linalg_eig")


def _eigvals_rule(xp: Any, g: Any, x: Any) -> Any:
    V = xp.linalg_eig(x)[1]
    h = mH(xp, V)
    made = xp.linalg_solve(h, column(xp, g) * h, False)
    return made if is_complex(x) else xp.real(made)


_eigvals = general(
    "linalg_eigvals",
    kernels.eigvals,
    ("x",),
    rules={"x": _eigvals_rule},
    grad_fn="LinalgEigBackward0",
    names=("_eigvals",),
    method=False,
    doc="The eigenvalues of square matrices; d = diag(V^-1 dA V).",
)
_eigvals_lane = one_lane(_eigvals.prim)
batched("linalg_eigvals")


def _need_eig(op: str, A: Any) -> None:
    need_square(op, A)
    if A._data.dtype.kind in "biu":
        raise RuntimeError(
            f"Unknown Complex ScalarType for {errors.LEGACY[A.dtype.name]}\n"
            "Hint: convert it first, as in x.double()"
        )
    need_lapack("linalg_eig_out_cpu", A)


@spelled(_eig)
def eig(A: Any, *, out: Any = None) -> Any:
    if not isinstance(A, Tensor):
        need_tensors("linalg_eig", input=A)
    _need_eig("linalg.eig", A)
    return named(_Eig, called(_eig.prim, (A,), (), out))


@public("linalg.eigvals")
def eigvals(A: Tensor, *, out: Any = None) -> Tensor:
    """The eigenvalues of square matrices, complex, in no order.

    Args:
        A: (*, n, n).

    Returns:
        (*, n), complex.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.eigvals(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
        tensor([0.+1.j, 0.-1.j])
    """
    if not isinstance(A, Tensor):
        need_tensors("linalg_eigvals", input=A)
    _need_eig("linalg.eigvals", A)
    return into(out, _eigvals_lane(A, ()))


# ---------------------------------------------------------------- singular values


def _svd_rule(xp: Any, g: Any, U: Any, S: Any, Vh: Any, A_shape: Any) -> Any:
    """U [(skew(U^H gU) / E) S + S (skew(V^H gV) / E) + diag(gS)] V^H and what lies outside of the
    ranges of U and V; E_ij = S_j^2 - S_i^2, skew(X) = X - X^H, 0 / 0 = 0.
    """
    m, n = A_shape[-2:]
    k, last = min(m, n), len(A_shape) - 1
    gU, gS, gVh = g
    if m > k:
        U, gU = (xp.slice(x, last, 0, k, 1) for x in (U, gU))
    if n > k:
        Vh, gVh = (xp.slice(x, last - 1, 0, k, 1) for x in (Vh, gVh))
    V, gV = mH(xp, Vh), mH(xp, gVh)
    u, v = mm(xp, mH(xp, U), gU), mm(xp, Vh, gV)
    inner = diag(xp, gS)
    if is_complex(u):
        inner = inner + diag(xp, xp.quotient(xp.imag(diagonal(xp, u)), S) * 1j)
        u = xp.phase_free(u + v, _SVD_PHASE) - v
    E = gaps(xp, S * S)
    inner = inner + xp.quotient(_off_diagonal(xp, u - mH(xp, u)), E) * row(xp, S)
    inner = inner + column(xp, S) * xp.quotient(_off_diagonal(xp, v - mH(xp, v)), E)
    made = mm(xp, U, inner, Vh)
    if m > k:
        made = made + mm(xp, xp.quotient(gU - mm(xp, U, u), row(xp, S)), Vh)
    if n > k:
        outside = mH(xp, xp.quotient(gV - mm(xp, V, v), row(xp, S)))
        made = made + mm(xp, U, outside)
    return made


_svd = general(
    "linalg_svd",
    kernels.svd,
    ("A",),
    rules={"A": _svd_rule},
    outputs=("U", "S", "Vh"),
    names=("linalg.svd",),
    method=False,
    doc="A = U diag(S) V^H with U^H U = V^H V = 1, S descending; dS = Re diag(U^H dA V).",
)
batched("linalg_svd")


def _svdvals_rule(xp: Any, g: Any, x: Any) -> Any:
    U, _, Vh = xp.linalg_svd(x, False)
    return mm(xp, U * row(xp, g), Vh)


_svdvals = general(
    "linalg_svdvals",
    kernels.svdvals,
    ("x",),
    rules={"x": _svdvals_rule},
    grad_fn="LinalgSvdBackward0",
    names=("_svdvals",),
    method=False,
    doc="The singular values of matrices, descending; d = Re diag(U^H dA V).",
)
_svdvals_lane = one_lane(_svdvals.prim)
batched("linalg_svdvals")


def need_svd(A: Any) -> None:
    """A matrix that has singular values, in a dtype that LAPACK takes."""
    need_floating("linalg.svd", A)
    need_matrix("linalg.svd", A)
    need_lapack("linalg_svd_cpu", A)


@spelled(_svd)
def svd(A: Any, full_matrices: bool = True, *, driver: Any = None, out: Any = None) -> Any:
    if not isinstance(A, Tensor):
        need_tensors("linalg_svd", A=A)
    _no_driver(driver)
    need_svd(A)
    return named(_Svd, called(_svd.prim, (A,), (bool(full_matrices),), out))


def _no_driver(driver: Any) -> None:
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
            "cuSOLVER backend.\nHint: leave it out"
        )


@public("linalg.svdvals")
def svdvals(A: Tensor, *, driver: Any = None, out: Any = None) -> Tensor:
    """The singular values of matrices, descending.

    Args:
        A: (*, m, n).
        driver: must be None on a CPU.

    Returns:
        (*, min(m, n)), real. Its derivative computes the vectors.

    Raises:
        torch.linalg.LinAlgError: NaN or inf in A.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.svdvals(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
        tensor([4., 3.])
    """
    if not isinstance(A, Tensor):
        need_tensors("linalg_svdvals", A=A)
    _no_driver(driver)
    need_svd(A)
    return into(out, _svdvals_lane(A, ()))


@public("svd", method=True)
def legacy_svd(
    input: Tensor, some: bool = True, compute_uv: bool = True, *, out: Any = None
) -> Any:
    """The older form of `torch.linalg.svd`: V in the place of V^H.

    Args:
        input: (*, m, n).
        some: U and V have only min(m, n) columns.
        compute_uv: otherwise U and V are zeros.

    Example:
        >>> import chainrule as torch
        >>> torch.svd(torch.tensor([[3.0, 0.0], [0.0, 4.0]])).S
        tensor([4., 3.])
    """
    need_tensors("svd", input=input)
    shape = input._data.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {len(shape)} dimensions "
            "instead"
        )
    need_svd(input)
    if compute_uv:
        U, S, Vh = _svd.prim.call(input, params=(not some,))
        made: tuple[Any, ...] = (U, S, mH(OPS, Vh))
    else:
        m, n = shape[-2:]
        zeros = (OPS.zeros((*shape[:-2], k, k), input.dtype) for k in (m, n))
        U, V = zeros
        made = (U, svdvals(input), V)
    if out is not None:
        made = tuple(into(o, t) for o, t in zip(out, made, strict=True))
    return _LegacySvd(made)
