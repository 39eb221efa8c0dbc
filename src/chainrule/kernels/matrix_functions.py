"""Functions of whole matrices: exponential, cofactors, pseudoinverse, least squares; SVD and
eigenvalues with PyTorch's errors. Batches of any leading dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blas import factored, products
from .lapack import Failure, LinAlgError, hermitian, inv, of_one, qr, transposed

__all__ = ["cofactor", "cofactor_vjp", "eig", "eigh", "lstsq", "matrix_exp", "pinv", "svd"]

# ---------------------------------------------------------------- exponential

# Coefficients of the numerators of the diagonal Pade approximants of exp, and the norms up to which
# each is exact to rounding. Source: Higham, The scaling and squaring method for the matrix
# exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005), pp. 1183-1185.
_PADE = {
    3: (120, 60, 12, 1),
    5: (30240, 15120, 3360, 420, 30, 1),
    7: (17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1),
    9: (17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1),
    13: (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800,
         129060195264000, 10559470521600, 670442572800, 33522128640, 1323241920, 40840800,
         960960, 16380, 182, 1),
}  # fmt: skip
_DOUBLE = {3: 1.495585217958292e-2, 5: 2.539398330063230e-1, 7: 9.504178996162932e-1,
           9: 2.097847961257068, 13: 5.371920351148152}  # fmt: skip
_SINGLE = {3: 4.258730016922831e-1, 5: 1.880152677804762, 7: 3.925724783138660}


def matrix_exp(x: Any) -> Any:
    """The exponential of each matrix: a rational approximation of exp(x / 2^s), squared s times."""
    if x.dtype.itemsize == 2:
        return matrix_exp(x.astype(np.float32)).astype(x.dtype)
    if not x.size or x.shape[-1] == 1:
        return np.exp(x)
    bounds = _SINGLE if x.dtype.char in "fF" else _DOUBLE
    norm = abs(x).sum(-2).max(-1)
    largest = float(norm.max())
    for degree, bound in bounds.items():
        if largest <= bound:
            return _pade(x, degree)
    if not largest < np.inf:
        return _exp_of_finite(x, norm)
    squarings = np.maximum(np.frexp(norm / bound)[1], 0)
    scale = np.ldexp(np.ones_like(norm), -squarings)
    made = _pade(x * scale[..., None, None], degree)
    for i in range(int(squarings.max())):
        more = squarings > i
        if made.ndim == 2 or more.all():
            made = products(made, made)
        else:
            made[more] = products(made[more], made[more])
    return made


def _exp_of_finite(x: Any, norm: Any) -> Any:
    """NaN for matrices with elements that are not finite; the others as usual."""
    made = np.full_like(x, np.nan)
    good = np.isfinite(norm)
    if good.any():
        made[good] = matrix_exp(x[good])
    return made


def _pade(x: Any, degree: int) -> Any:
    """p(x) / p(-x) for the numerator p of this degree, from the powers of x^2."""
    b = _PADE[degree]
    eye = np.eye(x.shape[-1], dtype=x.dtype)
    x2 = products(x, x)
    powers = [x2]
    while 2 * len(powers) + 1 < min(degree, 7) or (degree == 9 and len(powers) < 4):
        powers.append(products(powers[-1], x2))
    if degree == 13:
        x4, x6 = powers[1], powers[2]
        odd = products(x6, b[13] * x6 + b[11] * x4 + b[9] * x2)
        even = products(x6, b[12] * x6 + b[10] * x4 + b[8] * x2)
        odd += b[7] * x6 + b[5] * x4 + b[3] * x2
        even += b[6] * x6 + b[4] * x4 + b[2] * x2
    else:
        odd, even = b[3] * x2, b[2] * x2
        for i, power in enumerate(powers[1:], 2):
            odd += b[2 * i + 1] * power
            even += b[2 * i] * power
    odd += b[1] * eye
    even += b[0] * eye
    odd = products(x, odd)
    return factored(np.linalg.solve, even - odd, even + odd)


# ---------------------------------------------------------------- determinants


def cofactor(x: Any) -> Any:
    """det(A) A^-T, which exists for every A: the derivative of the determinant."""
    det = factored(np.linalg.det, x)
    if np.all(det) and x.size:
        try:
            return det[..., None, None] * transposed(factored(np.linalg.inv, x))
        except Failure:  # a pivot that underflows only in the inverse
            pass
    if not x.size or not np.all(np.isfinite(x)):
        return x * det[..., None, None]
    u, vh, sign, nonzero, s, product, zeros = _singular(x)
    rest = np.where((zeros - ~nonzero) == 0, product / s, 0).astype(s.dtype)
    return sign[..., None, None] * products(u.conj() * rest[..., None, :], vh.conj())


def _singular(x: Any) -> Any:
    """The SVD, the determinant of its unitary factors, and the product of the singular values
    without the zeros among them, which are replaced by 1."""
    u, s, vh = factored(np.linalg.svd, x)
    sign = factored(np.linalg.det, products(u, vh))
    nonzero = s != 0
    s = np.where(nonzero, s, 1).astype(s.dtype)
    return u, vh, sign, nonzero, s, s.prod(-1, keepdims=True), (~nonzero).sum(-1, keepdims=True)


def cofactor_vjp(g: Any, x: Any) -> Any:
    """The derivative of sum(g * cofactor(A)) by A, singular A too: products of all singular values
    but two take the place of det(A) / (s_i s_j)."""
    if not x.size or not np.all(np.isfinite(x)):
        return g * x
    u, vh, sign, nonzero, s, product, zeros = _singular(x)
    left = zeros[..., None] - ~nonzero[..., None] - (~nonzero)[..., None, :]
    rest = np.where(left == 0, product[..., None] / (s[..., None] * s[..., None, :]), 0)
    i = np.arange(x.shape[-1])
    rest = rest.astype(s.dtype)
    rest[..., i, i] = 0
    h = products(products(hermitian(u), g), hermitian(vh))
    middle = -rest * transposed(h)
    middle[..., i, i] = products(rest, h[..., i, i, None])[..., 0]
    return sign[..., None, None] * products(products(u.conj(), middle), vh.conj())


def slogdet(x: Any) -> tuple[Any, Any]:
    """Sign and logarithm of the absolute value of the determinant."""
    sign, logabs = factored(np.linalg.slogdet, x)
    return sign, logabs


# ---------------------------------------------------------------- spectra


def _finite(x: Any) -> bool:
    """Whether there is neither inf nor NaN: the sum of squares says so, unless it overflows."""
    total = np.vdot(x, x)
    return bool(total - total == 0 or np.isfinite(x).all())


def _there(values: Any) -> bool:
    """Whether LAPACK has found them: otherwise all are NaN."""
    first = values.item(0)
    return bool(first == first)


def svd(x: Any, full_matrices: bool = True) -> Any:
    """U, S, V^H."""
    one = of_one("svd_f" if full_matrices else "svd_s", x)
    if one is not None:
        made = one(x)
        if _there(made[1]):
            return made
    if not _finite(x):  # with an inf in a corner LAPACK does not come back
        raise _diverged("linalg.svd", x)
    try:
        return tuple(factored(np.linalg.svd, x, full_matrices))
    except Failure:
        raise _diverged("linalg.svd", x) from None


def svdvals(x: Any) -> Any:
    """The singular values; NaN where a matrix has an inf."""
    one = of_one("svd", x)
    if one is not None:
        made = one(x)
        if _there(made):
            return made
    if not _finite(x):
        if np.isnan(x).any():
            raise _diverged("linalg.svd", x)
        bad = np.isinf(x).any((-2, -1), keepdims=True)
        made = factored(np.linalg.svd, np.where(bad, 0, x), compute_uv=False)
        return np.where(bad[..., 0], made.dtype.type(np.nan), made)
    try:
        return factored(np.linalg.svd, x, compute_uv=False)
    except Failure:
        raise _diverged("linalg.svd", x) from None


def eigh(x: Any, UPLO: Any = "L") -> Any:
    """Eigenvalues and eigenvectors of a Hermitian matrix, of which one triangle is read."""
    one = of_one("eigh_lo" if UPLO == "L" else "eigh_up", x)
    if one is not None:
        made = one(x)
        if _there(made[0]):
            return made
    try:
        return tuple(factored(np.linalg.eigh, x, UPLO))
    except Failure:
        raise _diverged("linalg.eigh", x) from None


def eigvalsh(x: Any, UPLO: Any = "L") -> Any:
    """The eigenvalues of a Hermitian matrix."""
    one = of_one("eigvalsh_lo" if UPLO == "L" else "eigvalsh_up", x)
    if one is not None:
        made = one(x)
        if _there(made):
            return made
    try:
        return factored(np.linalg.eigvalsh, x, UPLO)
    except Failure:
        raise _diverged("linalg.eigh", x) from None


def eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors of any square matrix, complex."""
    one = of_one("eig", x)
    if one is not None:
        made = one(x)
        if _there(made[0]):
            return made
    try:
        values, vectors = factored(np.linalg.eig, x)
    except Failure:
        raise _no_spectrum(x) from None
    to = np.complex64 if x.dtype.char in "fF" else np.complex128
    return values.astype(to, copy=False), vectors.astype(to, copy=False)


def eigvals(x: Any) -> Any:
    """The eigenvalues of any square matrix, complex."""
    one = of_one("eigvals", x)
    if one is not None:
        made = one(x)
        if _there(made):
            return made
    try:
        values = factored(np.linalg.eigvals, x)
    except Failure:
        raise _no_spectrum(x) from None
    return values.astype(np.complex64 if x.dtype.char in "fF" else np.complex128, copy=False)


def _no_spectrum(x: Any) -> RuntimeError:
    if _finite(x):
        return _diverged("linalg.eig", x)
    return RuntimeError(
        "torch.linalg.eig: input tensor should not contain infs or NaNs.\n"
        f"shape: {list(x.shape)}\nHint: x.isfinite() says where they are"
    )


def _diverged(op: str, x: Any) -> LinAlgError:
    bad = np.flatnonzero(~np.isfinite(x).all((-1, -2)))
    batch = f"(Batch element {bad[0] if bad.size else 0}): " if x.ndim > 2 else ""
    if bad.size and op == "linalg.svd":
        what = "because the input matrix contained non-finite values."
    elif op == "linalg.svd":
        what = (
            "because the input matrix is ill-conditioned or has too many repeated singular values"
        )
    else:
        what = "because the input matrix is ill-conditioned or has too many repeated eigenvalues"
    hint = "look for NaN or inf in the matrix" if bad.size else "add a little noise"
    return LinAlgError(f"{op}: {batch}The algorithm failed to converge {what}\nHint: {hint}")


# ---------------------------------------------------------------- pseudoinverse, least squares


def cutoff(s: Any, atol: Any, rtol: Any) -> Any:
    """Below which singular values count as zero: the larger of atol and rtol times the largest."""
    largest = s.max(-1, initial=0) if s.size else np.zeros(s.shape[:-1], s.dtype)
    return np.maximum(atol, rtol * largest)[..., None]


def pinv(x: Any, atol: Any, rtol: Any, is_hermitian: bool = False) -> Any:
    """The inverse on the range of A, 0 on its complement."""
    if not x.size:
        return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    if is_hermitian:
        values, vectors = eigh(x)
        size = abs(values)
        u, vh = vectors, hermitian(vectors)
    else:
        u, values, vh = svd(x, False)
        size = values
    kept = size > cutoff(size, atol, rtol)
    inverse = np.where(kept, 1 / np.where(kept, values, 1), 0).astype(values.dtype)
    return products(hermitian(vh) * inverse[..., None, :], hermitian(u))


def lstsq(a: Any, b: Any, rcond: float, driver: str = "gelsy") -> Any:
    """The shortest X with the least |A X - B|; residuals, rank and singular values where the driver
    gives them."""
    m, n = a.shape[-2:]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    real = a.real.dtype
    if driver in ("gels", "gelsy") and m >= n:
        x = _by_qr(a, b, rcond)
        if x is not None:
            rank = np.full(a.shape[:-2], n, np.int64)
            return _answer(a, b, x, rank, np.zeros(0, real), driver)
    u, s, vh = svd(a, False)
    kept = s > cutoff(s, 0, rcond if driver != "gels" else 0)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(real)
    x = products(hermitian(vh) * inverse[..., None, :], products(hermitian(u), b))
    x = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    values = s if driver in ("gelss", "gelsd") else np.zeros(0, real)
    return _answer(a, b, x, np.asarray(kept.sum(-1), np.int64), values, driver)


def _by_qr(a: Any, b: Any, rcond: float) -> Any:
    """The solution where the rank is full beyond doubt, else None."""
    q, r = qr(a, "reduced")
    try:
        inverse = inv(r)
    except LinAlgError:
        return None
    condition = abs(r).sum(-2).max(-1, initial=0) * abs(inverse).sum(-2).max(-1, initial=0)
    if not np.all(condition * rcond < 1e-2):
        return None
    return products(inverse, products(hermitian(q), b))


def _answer(a: Any, b: Any, x: Any, rank: Any, values: Any, driver: str) -> Any:
    """Solution, residuals, rank and singular values, empty where the driver does not give them."""
    m, n = a.shape[-2:]
    residuals = np.zeros(0, values.dtype)
    if m > n and driver != "gelsy" and np.all(rank == n):
        rest = products(a, x) - b
        residuals = (rest * rest.conj()).real.sum(-2)
    return x, residuals, np.zeros(0, np.int64) if driver == "gels" else rank, values
