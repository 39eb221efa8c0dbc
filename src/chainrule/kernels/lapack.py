"""Factorisations and triangular systems of batches of matrices, and what LAPACK says when it fails.

NumPy's LAPACK works on whole batches but says nothing of where a factorisation stopped and has no
LU. Here an LU is eliminated column by column for all matrices of a batch at once, or by SciPy's
LAPACK, one matrix after the other, where SciPy is installed and that is faster. Everything else is
NumPy. The `where_*` functions run only after a failure and find the matrix and the column.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .blas import ORDER, Gate, door_of, factored, products, substitution
from .compiled import compiled

__all__ = ["LinAlgError", "cholesky", "cholesky_inverse", "cholesky_solve", "inv", "lu_factor",
           "lu_solve", "qr", "reflections", "solve", "solve_triangular"]  # fmt: skip

Failure = np.linalg.LinAlgError


class LinAlgError(RuntimeError):
    """A factorisation cannot be completed: the matrix is singular, not positive-definite, ..."""

    __module__ = "torch.linalg"


def transposed(x: Any) -> Any:
    """The transpose of every matrix of a batch."""
    return x.swapaxes(-1, -2)


def hermitian(x: Any) -> Any:
    """The conjugate transpose of every matrix of a batch."""
    x = x.swapaxes(-1, -2)
    return x.conj() if x.dtype.kind == "c" else x


@lru_cache(None)
def loop(name: str) -> Any:
    """NumPy's loop over matrices below a public function, which converts, sets error states and so
    costs more than small matrices do; None where this NumPy has none of that name."""
    try:
        from numpy.linalg import _umath_linalg
    except ImportError:
        return None
    found = getattr(_umath_linalg, name, None)
    return found if isinstance(found, np.ufunc) else None


def of_one(name: str, x: Any) -> Any:
    """That loop for a small matrix, in its own precision; None if it is none, or has a NaN or inf,
    which the public function is asked about."""
    if x.ndim != 2 or not 0 < x.size <= ORDER or x.dtype.char not in "fdFD":
        return None
    total = np.vdot(x, x)
    return loop(name) if total - total == 0 else None


@lru_cache(None)
def scipy_lapack() -> Any:
    """`scipy.linalg.lapack`; None where SciPy is not installed."""
    try:
        import scipy.linalg.lapack
    except ImportError:
        return None
    return scipy.linalg.lapack


@lru_cache(None)
def routine(name: str, dtype: Any) -> Any:
    """SciPy's LAPACK routine for a dtype, as in `routine("getrf", float32)`, with its BLAS on one
    thread; None without SciPy."""
    found = getattr(scipy_lapack(), "sdcz"["fdFD".index(dtype.char)] + name, None)
    return None if found is None else partial(_scipys().alone, found)


@lru_cache(None)
def _scipys() -> Gate:
    """SciPy's BLAS, seen through the extension that uses it."""
    door = door_of([ctypes.CDLL(scipy_lapack()._flapack.__file__)])
    return Gate(lambda: door)


def few(x: Any) -> bool:
    """Whether a loop over the matrices of a batch beats one over their columns."""
    return bool(x.ndim == 2 or x.size <= 8 * x.shape[-1] ** 3)


def stacked(one: Callable[..., Any], operands: tuple[Any, ...], shapes: Any, dtypes: Any) -> Any:
    """`one` on each matrix of a batch; operands share their leading dimensions.

    Args:
        shapes, dtypes: of each output, without the leading dimensions.
    """
    batch = operands[0].shape[:-2]
    outs = [np.empty((*batch, *s), d) for s, d in zip(shapes, dtypes, strict=True)]
    for at in np.ndindex(batch):
        for out, made in zip(outs, one(*(x[at] for x in operands)), strict=True):
            out[at] = made
    return outs


def flat_batch(x: Any) -> Any:
    """A copy with all leading dimensions made one."""
    rows, cols = x.shape[-2:]
    count = 1
    for n in x.shape[:-2]:
        count *= n
    return np.array(x.reshape(count, rows, cols))


# ---------------------------------------------------------------- LU


@compiled
def lu_factor(x: Any) -> tuple[Any, Any, Any]:
    """PA = LU with rows exchanged: L below and U above the diagonal, pivots from 1, and where the
    first zero is on U's diagonal (0: nowhere)."""
    m, n = x.shape[-2:]
    k = min(m, n)
    getrf = routine("getrf", x.dtype) if k and few(x) else None
    if getrf is None:
        return _eliminated(x)
    if x.ndim == 2:
        lu, pivots, info = _one_lu(getrf, x)
        return lu, pivots + np.int32(1), np.array(info, np.int32)
    lu, pivots, info = stacked(
        lambda a: _one_lu(getrf, a), (x,), ((m, n), (k,), ()), (x.dtype, np.int32, np.int32)
    )
    return lu, pivots + np.int32(1), info


# From here on NumPy's products, which know of several threads, are faster than SciPy's LAPACK.
_ALONE = 30_000


def _one_lu(getrf: Any, x: Any) -> tuple[Any, Any, int]:
    """One matrix: SciPy's LAPACK for small panels, NumPy's products between them."""
    if x.size < _ALONE:
        lu, pivots, info = getrf(x)
        return lu, pivots.astype(np.int32, copy=False), info
    lu = np.array(x)
    pivots = np.arange(min(x.shape), dtype=np.int32)
    return lu, pivots, _panels(getrf, lu, pivots)


def _panels(getrf: Any, a: Any, pivots: Any) -> int:
    """Overwrite a with its factors: the left half of the columns, then the right.

    Source: Toledo, Locality of reference in LU decomposition with partial pivoting, SIAM J. Matrix
    Anal. Appl. 18 (1997), p. 1067.
    """
    m, n = a.shape
    k = min(m, n) // 2
    if a.size < _ALONE or not k:
        lu, pivots[:], info = getrf(a)
        a[...] = lu
        return int(info)
    first = _panels(getrf, a[:, :k], pivots[:k])
    right = a[:, k:]
    right[...] = right[permutation(pivots[:k] + 1, m)]
    right[:k] = solve_triangular(a[:k, :k], right[:k], False, True, True)
    right[k:] -= products(a[k:, :k], right[:k])
    last = _panels(getrf, right[k:], pivots[k:])
    a[k:, :k] = a[k:, :k][permutation(pivots[k:] + 1, m - k)]
    pivots[k:] += k
    return first or (last and last + k)


def _eliminated(x: Any) -> tuple[Any, Any, Any]:
    """Gaussian elimination with row exchanges, one column of all matrices at a time."""
    m, n = x.shape[-2:]
    k, batch = min(m, n), x.shape[:-2]
    a = flat_batch(x)
    count = np.arange(len(a))
    pivots = np.empty((len(a), k), np.int32)
    info = np.zeros(len(a), np.int32)
    for j in range(k):
        column = a[:, j:, j]
        size = abs(column.real) + abs(column.imag) if a.dtype.kind == "c" else abs(column)
        p = np.argmax(size, 1) + j
        pivots[:, j] = p + 1
        row = a[count, p]
        a[count, p] = a[:, j]
        a[:, j] = row
        top = row[:, j]
        zero = top == 0
        if zero.any():
            info[zero & (info == 0)] = j + 1
            top = np.where(zero, 1, top)
        if j + 1 < m:
            factors = a[:, j + 1 :, j] / top[:, None]
            a[:, j + 1 :, j] = factors
            if j + 1 < n:
                a[:, j + 1 :, j + 1 :] -= factors[:, :, None] * row[:, None, j + 1 :]
    return a.reshape(x.shape), pivots.reshape(*batch, k), info.reshape(batch)


def permutation(pivots: Any, m: int) -> Any:
    """For each row of LU, the row of A that it was."""
    k = pivots.shape[-1]
    if pivots.ndim == 1:
        rows = list(range(m))
        for j, p in enumerate(pivots.tolist()):
            if not 0 < p <= m:
                raise _no_row(p, m)
            rows[j], rows[p - 1] = rows[p - 1], rows[j]
        return np.array(rows, np.int64)
    if pivots.size and not (pivots.min() > 0 and pivots.max() <= m):
        raise _no_row(int(pivots.min()), m)
    flat = pivots.reshape(int(np.prod(pivots.shape[:-1])), k)
    order = np.tile(np.arange(m), (len(flat), 1))
    count = np.arange(len(flat))
    for j in range(k):
        p = flat[:, j] - 1
        moved = order[count, p]
        order[count, p] = order[:, j]
        order[:, j] = moved
    return order.reshape(*pivots.shape[:-1], m)


def _no_row(pivot: int, m: int) -> RuntimeError:
    which = "smaller or equal to LU.size(-2)" if pivot > m else "greater or equal to 1"
    return RuntimeError(
        f"Pivots given to lu_solve must all be {which}. Did you properly pass the result of "
        f"lu_factor?\npivot: {pivot}, rows: {m}"
    )


@compiled
def triangles(lu: Any) -> tuple[Any, Any]:
    """L with ones on its diagonal, and U, out of one matrix."""
    k = min(lu.shape[-2:])
    lower = np.tril(lu[..., :k], -1)
    i = np.arange(k)
    lower[..., i, i] = 1
    return lower, np.triu(lu[..., :k, :])


@compiled
def permutation_matrix(pivots: Any, m: int, dtype: Any) -> Any:
    """P with A = P L U."""
    rows = permutation(pivots, m)
    return (np.arange(m)[:, None] == rows[..., None, :]).astype(dtype)


@compiled
def lu_solve(lu: Any, pivots: Any, b: Any, adjoint: bool = False) -> Any:
    """X with A X = B, or A^H X = B, from the factors of A."""
    n = lu.shape[-1]
    rows = permutation(pivots, n)
    if adjoint:
        h = hermitian(lu)
        y = solve_triangular(h, b, False)
        y = solve_triangular(h, y, True, True, True)
        rows = np.argsort(rows, -1)
    else:
        y = b
    batch = np.broadcast_shapes(rows.shape[:-1], y.shape[:-2])
    rows = np.broadcast_to(rows[..., None], (*batch, n, 1))
    y = np.take_along_axis(np.broadcast_to(y, (*batch, *y.shape[-2:])), rows, -2)
    if adjoint:
        return y
    return solve_triangular(lu, solve_triangular(lu, y, False, True, True), True)


# ---------------------------------------------------------------- triangular systems


@compiled
def solve_triangular(
    a: Any, b: Any, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    """X with A X = B (X A = B if not left), reading one triangle of A."""
    if not left:
        return transposed(
            solve_triangular(transposed(a), transposed(b), not upper, True, unitriangular)
        )
    if not (a.size and b.size):
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return np.zeros((*batch, *b.shape[-2:]), b.dtype)
    solve = None
    if a.dtype is b.dtype and a.dtype.char in "fdFD" and (a.shape[-1] >= 16 or few(a)):
        solve = substitution(a.dtype.char)
    if solve is not None:
        return _one_by_one(solve, a, b, upper, unitriangular)
    try:
        return _by_blocks(a, b, upper, unitriangular)
    except Failure:  # LAPACK refuses a zero on the diagonal; substitution gives inf and nan
        return _substituted(a, b, upper, unitriangular)


def _one_by_one(solve: Any, a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    """One system after the other, by the BLAS."""
    if not _in_order(a):
        a = np.ascontiguousarray(a)
    if a.ndim == 2 and b.ndim == 2:
        x = np.array(b, order="C")
        solve(a, x, upper, unitriangular)
        return x
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])), order="C")
    a = np.broadcast_to(a, (*batch, *a.shape[-2:]))
    for i in np.ndindex(batch):
        solve(a[i], x[i], upper, unitriangular)
    return x


def _in_order(a: Any) -> bool:
    """Whether the rows, or the columns, of every matrix lie in one piece and one after another."""
    apart, along = a.strides[-2:]
    one = a.itemsize
    if along != one:
        apart, along = along, apart
    return bool(along == one and apart >= a.shape[-1] * one and not apart % one)


_BLOCK = 128


@lru_cache(64)
def _mask(n: int, strict: bool) -> Any:
    """Where a matrix has its upper triangle."""
    return np.tri(n, n, 0 if strict else -1, bool).__invert__()


def _by_blocks(a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    """Halves, one after the other. LAPACK's solver exchanges no rows of an upper triangle, so it
    does nothing but substitute; a lower one is turned around. NumPy's BLAS is used throughout:
    SciPy's is another one, whose idle threads stand in its way."""
    n = a.shape[-1]
    if n > _BLOCK:
        k = n // 2
        first, last = slice(0, k), slice(k, n)
        one, two = (last, first) if upper else (first, last)
        x = _by_blocks(a[..., one, one], b[..., one, :], upper, unitriangular)
        rest = b[..., two, :] - products(a[..., two, one], x)
        y = _by_blocks(a[..., two, two], rest, upper, unitriangular)
        return np.concatenate((y, x) if upper else (x, y), -2)
    if not upper:
        a, b = a[..., ::-1, ::-1], b[..., ::-1, :]
    a = np.where(_mask(n, unitriangular), a, _zero_or_eye(n, unitriangular, a.dtype))
    x = factored(np.linalg.solve, a, b)
    return x if upper else x[..., ::-1, :]


@lru_cache(64)
def _zero_or_eye(n: int, eye: bool, dtype: Any) -> Any:
    return np.eye(n, dtype=dtype) if eye else np.zeros((), dtype)


def _substituted(a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    """Substitution, one row of all systems at a time."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])))
    n = a.shape[-1]
    for i in range(n - 1, -1, -1) if upper else range(n):
        if not unitriangular:
            x[..., i, :] /= a[..., i, i, None]
        rest = slice(0, i) if upper else slice(i + 1, n)
        x[..., rest, :] -= a[..., rest, i, None] * x[..., i, None, :]
    return x


# ---------------------------------------------------------------- systems with a Cholesky factor


@compiled
def cholesky_solve(b: Any, factor: Any, upper: bool) -> Any:
    """X with L L^H X = B, where L is `factor`, or L^H if upper."""
    first = hermitian(factor) if upper else factor
    return solve_triangular(hermitian(first), solve_triangular(first, b, False), True)


@compiled
def cholesky_inverse(x: Any, upper: bool) -> Any:
    """The inverse of L L^H, where L is x, or L^H if upper."""
    zero = (x == 0).diagonal(0, -2, -1)
    if zero.any():
        info = (zero.argmax(-1) + 1) * zero.any(-1)
        raise singular("cholesky_inverse", info)
    eye = np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape)
    return cholesky_solve(eye, x, upper)


# ---------------------------------------------------------------- with checks


def first_failure(info: Any) -> tuple[str, int]:
    """Where the first matrix that failed is, as PyTorch writes it, and its code."""
    at = np.flatnonzero(info)
    i = int(at[0]) if at.size else 0
    code = int(np.ravel(info)[i])
    return (f"(Batch element {i}): " if np.ndim(info) else ""), code


def singular(op: str, info: Any) -> LinAlgError:
    """The error of an inverse that does not exist."""
    batch, at = first_failure(info)
    return LinAlgError(
        f"{op}: {batch}The diagonal element {at} is zero, the inversion could not be completed "
        "because the input matrix is singular.\n"
        "Hint: torch.linalg.pinv(A) exists for every matrix"
    )


def unsolvable(op: str, info: Any) -> LinAlgError:
    """The error of a system without solution."""
    batch, at = first_failure(info)
    return LinAlgError(
        f"{op}: {batch}The solver failed because the input matrix is singular.\n"
        f"pivot: element {at} of the diagonal of U is zero\n"
        "Hint: torch.linalg.lstsq(A, B) solves in the sense of least squares"
    )


def not_definite(op: str, info: Any) -> LinAlgError:
    """The error of a Cholesky factor that does not exist."""
    batch, at = first_failure(info)
    return LinAlgError(
        f"{op}: {batch}The factorization could not be completed because the input is not "
        f"positive-definite (the leading minor of order {at} is not positive-definite).\n"
        "Hint: add a small multiple of the identity, or use torch.linalg.eigh"
    )


def info_of_lu(x: Any) -> Any:
    """Where the pivots of LU vanish."""
    return lu_factor(np.broadcast_to(x, x.shape))[2]


def _spread_nan(x: Any, made: Any) -> Any:
    """An answer that depends on all of `x`, NaN everywhere where `x` has one: LAPACK does not
    divide by a pivot that is NaN, so only the rows before it are. The first always is."""
    if not made.size:
        return made
    if x.ndim == 2 and made.ndim <= 2:
        first = made.item(0)
        if first == first:
            return made
    else:
        corner = made[..., 0, 0]
        if (corner == corner).all():
            return made
    bad = np.isnan(x).any((-2, -1), keepdims=x.ndim > 2)
    return np.where(bad, made.dtype.type(np.nan), made)


@compiled
def inv(x: Any, op: str = "linalg.inv") -> Any:
    """The inverse of each matrix."""
    try:
        return _spread_nan(x, factored(np.linalg.inv, x))
    except Failure:
        raise singular(op, info_of_lu(x)) from None


def inv_ex(x: Any) -> tuple[Any, Any]:
    """The inverse of each matrix, with what division by zero leaves of it, and where it failed."""
    try:
        return inv(x), np.zeros(x.shape[:-2], np.int32)
    except LinAlgError:
        lu, pivots, info = lu_factor(x)
    eye = np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape)
    return lu_solve(lu, pivots, eye), info


@compiled
def solve(a: Any, b: Any, vector: bool = False, op: str = "torch.linalg.solve") -> Any:
    """X with A X = B; B and X may be vectors."""
    try:
        if not vector or b.ndim == 1:
            return _spread_nan(a, factored(np.linalg.solve, a, b))
        return _spread_nan(a, factored(np.linalg.solve, a, b[..., None]))[..., 0]
    except Failure:
        raise unsolvable(op, info_of_lu(a)) from None


def solve_ex(a: Any, b: Any, vector: bool = False) -> tuple[Any, Any]:
    """`solve` with what division by zero leaves, and where it failed."""
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        return solve(a, b, vector), info
    except LinAlgError:
        lu, pivots, info = lu_factor(a)
    made = lu_solve(lu, pivots, b[..., None] if vector else b)
    return (made[..., 0] if vector else made), info


@compiled
def cholesky(x: Any, upper: bool = False, op: str = "linalg.cholesky") -> Any:
    """L with A = L L^H (U with U^H U), from one triangle of A."""
    try:
        made = factored(np.linalg.cholesky, x, upper=upper)
    except Failure:
        raise not_definite(op, _cholesky_by_columns(x, upper)[1]) from None
    if x.size:
        last = made[..., -1, -1]  # a NaN anywhere comes down to it, and some LAPACKs let it pass
        bad = last != last
        if bad if made.ndim == 2 else bad.any():
            raise not_definite(op, _cholesky_by_columns(x, upper)[1])
    return made


def cholesky_ex(x: Any, upper: bool = False) -> tuple[Any, Any]:
    """The factor as far as it goes, and the order of the first minor that is not definite (0:
    all are)."""
    try:
        return cholesky(x, upper), np.zeros(x.shape[:-2], np.int32)
    except LinAlgError:
        return _cholesky_by_columns(x, upper)


def _cholesky_by_columns(x: Any, upper: bool) -> tuple[Any, Any]:
    """Cholesky's algorithm, one column of all matrices at a time; it stops, for each matrix, where
    its pivot is not positive."""
    n, batch = x.shape[-1], x.shape[:-2]
    a = flat_batch(hermitian(x) if upper else x)
    info = np.zeros(len(a), np.int32)
    for j in range(n):
        pivot = a[:, j, j].real
        info[(info == 0) & ~(pivot > 0)] = j + 1
        going = info == 0
        root = np.sqrt(np.where(going, pivot, 1))
        a[going, j, j] = root[going]
        column = a[:, j + 1 :, j] / root[:, None]
        a[going, j + 1 :, j] = column[going]
        update = column[:, :, None] * column.conj()[:, None, :]
        a[going, j + 1 :, j + 1 :] -= update[going]
    made = np.tril(a).reshape(x.shape)
    return (hermitian(made) if upper else made), info.reshape(batch)


# ---------------------------------------------------------------- Householder reflections


@compiled
def qr(x: Any, mode: str) -> tuple[Any, Any]:
    """Q and R; mode "reduced", or "complete": Q square."""
    q, r = factored(np.linalg.qr, x, mode)
    return q, r


def geqrf(x: Any) -> tuple[Any, Any]:
    """The reflections whose product is Q below the diagonal, R on and above it; their factors."""
    m, n = x.shape[-2:]
    if not x.size:
        return x.copy(), np.zeros((*x.shape[:-2], min(m, n)), x.dtype)
    h, tau = factored(np.linalg.qr, x, "raw")
    return np.ascontiguousarray(transposed(h)), tau


def reflectors(a: Any, count: int) -> Any:
    """The vectors of the reflections: below the diagonal of A, with a one on it."""
    v = np.tril(a[..., :, :count], -1)
    i = np.arange(count)
    v[..., i, i] = 1
    return v


def reflect(a: Any, tau: Any, c: Any, adjoint: bool = False) -> Any:
    """H_1 H_2 ... H_k C with H_i = 1 - tau_i v_i v_i^H; H_k^H ... H_1^H C if adjoint."""
    k = tau.shape[-1]
    v = reflectors(a, k)
    batch = np.broadcast_shapes(a.shape[:-2], tau.shape[:-1], c.shape[:-2])
    made = np.array(np.broadcast_to(c, (*batch, *c.shape[-2:])))
    factors = tau.conj() if adjoint else tau
    for i in range(k) if adjoint else range(k - 1, -1, -1):
        column = v[..., i:, i, None]
        row = products(hermitian(column), made[..., i:, :])
        made[..., i:, :] -= (factors[..., i, None, None] * column) * row
    return made


@compiled
def reflections(a: Any, tau: Any) -> Any:
    """The first columns of H_1 H_2 ... H_k, as many as A has."""
    return reflect(a, tau, np.eye(*a.shape[-2:], dtype=a.dtype))
