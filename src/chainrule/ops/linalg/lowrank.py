"""A few singular or eigenvectors: svd_lowrank, pca_lowrank, lobpcg.

The first two project on a random subspace, as PyTorch does; the last is computed densely.
"""

from __future__ import annotations

from typing import Any

from ...core.declare import public
from ...core.record import OPS
from ...core.tensor import Tensor
from ..fast import T
from .decompose import cholesky, eigh, qr, svd
from .matrices import mH, mT, need_tensors
from .products import matmul
from .solve import solve_triangular

# ---------------------------------------------------------------- random subspaces


def _range_of(A: Tensor, q: int, niter: int, M: Any) -> Tensor:
    """An orthonormal basis of q vectors near the range of A - M.

    Source: Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53 (2011),
    p. 227 (algorithm 4.4).
    """
    random = T.randn(A.shape[-1], q, dtype=A.dtype)
    X = _times(A, random, M)
    Q = qr(X)[0]
    h = mH(OPS, A)
    for _ in range(niter):
        X = matmul(h, Q) if M is None else matmul(h, Q) - matmul(mH(OPS, M), Q)
        Q = qr(X)[0]
        Q = qr(_times(A, Q, M))[0]
    return Q


def _times(A: Tensor, X: Tensor, M: Any) -> Tensor:
    made = matmul(A, X)
    return made if M is None else made - matmul(M, X)


@public("svd_lowrank")
def svd_lowrank(A: Tensor, q: Any = 6, niter: int = 2, M: Any = None) -> Any:
    """The q largest singular values of A - M with their vectors, approximately.

    Args:
        A: (*, m, n).
        q: a little more than the rank expected.
        niter: how often the subspace is improved.
        M: (*, m, n), subtracted from A.

    Returns:
        U (*, m, q), S (*, q), V (*, n, q) with A - M nearly U diag(S) V^H.

    Example:
        >>> import chainrule as torch
        >>> A = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
        >>> torch.svd_lowrank(A, q=2)[1].round(decimals=3)
        tensor([4., 3.])
    """
    need_tensors("svd_lowrank", A=A)
    q = 6 if q is None else q
    if not hasattr(q, "__index__"):
        raise TypeError(f"q must be an integer, not {type(q).__name__}")
    niter = 2 if niter is None else niter
    m, n = A.shape[-2:]
    if M is not None:
        M = OPS.expand(M, tuple(A.shape))
    flipped = m < n
    if flipped:
        A, M = mH(OPS, A), None if M is None else mH(OPS, M)
    Q = _range_of(A, q, niter, M)
    B = _times(mH(OPS, Q), A, None)
    if M is not None:
        B = B - matmul(mH(OPS, Q), M)
    U, S, Vh = svd(B, False)
    V = mH(OPS, Vh)
    U = matmul(Q, U)
    return (V, S, U) if flipped else (U, S, V)


@public("pca_lowrank")
def pca_lowrank(A: Tensor, q: Any = None, center: bool = True, niter: int = 2) -> Any:
    """The q principal components of the rows of A, approximately.

    Args:
        A: (*, m, n), m samples of n numbers.
        q: how many; default min(6, m, n).
        center: subtract the mean of the rows first.
        niter: how often the subspace is improved.

    Returns:
        U (*, m, q), S (*, q), V (*, n, q); the columns of V are the principal directions.

    Example:
        >>> import chainrule as torch
        >>> U, S, V = torch.pca_lowrank(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), q=1)
        >>> V.abs().round(decimals=4)
        tensor([[1.],
                [0.]])
    """
    need_tensors("pca_lowrank", A=A)
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not (q >= 0 and q <= min(m, n)):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if A._data.dtype.kind not in "fc":
        raise ValueError(f"Expected a floating point tensor, got {A.dtype}")
    if center:
        A = A - A.mean((-2,), True)
    return svd_lowrank(A, q, niter, None)


# ---------------------------------------------------------------- lobpcg


@public("lobpcg")
def lobpcg(
    A: Tensor,
    k: Any = None,
    B: Any = None,
    X: Any = None,
    n: Any = None,
    iK: Any = None,
    niter: Any = None,
    tol: Any = None,
    largest: Any = None,
    method: Any = None,
    tracker: Any = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> Any:
    """The k largest (smallest) eigenvalues of A x = lambda B x with their vectors.

    Args:
        A: (*, m, m), symmetric.
        k: how many, at most m / 3; default the columns of X, or 1.
        B: (*, m, m), symmetric and positive-definite; default the identity.
        X: (*, m, n), a first guess, of which only the number of columns matters.
        largest: whether the largest are wanted (default True).

    Returns:
        Eigenvalues (*, k), eigenvectors (*, m, k) with X^T B X = 1.

    Differs from PyTorch:
        All eigenvalues are computed, densely and exactly, so that `iK`, `niter`, `tol`, `method`,
        `tracker` and the `ortho_` parameters change nothing.

    Example:
        >>> import chainrule as torch
        >>> torch.lobpcg(torch.diag(torch.arange(1.0, 7.0)), 2)[0]
        tensor([6., 5.])
    """
    need_tensors("lobpcg", A=A)
    m = A.shape[-1]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    count = (k if X is None else X.shape[-1]) if n is None else n
    if m < 3 * count:
        raise ValueError(
            f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3"
            f" x the number of requested eigenpairs (={count})\nHint: torch.linalg.eigh gives all"
        )
    A = (A + mT(OPS, A)) * 0.5
    if B is None:
        values, vectors = eigh(A)
    else:
        L = cholesky(B)
        inner = solve_triangular(L, A, upper=False)
        inner = solve_triangular(mT(OPS, L), inner, upper=True, left=False)
        values, vectors = eigh(inner)
        vectors = solve_triangular(mT(OPS, L), vectors, upper=True)
    last = values.ndim - 1
    if largest is None or largest:
        values, vectors = OPS.flip(values, (last,)), OPS.flip(vectors, (last + 1,))
    return OPS.slice(values, last, 0, k, 1), OPS.slice(vectors, last + 1, 0, k, 1)
