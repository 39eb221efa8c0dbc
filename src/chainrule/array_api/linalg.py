"""Linear algebra of the standard."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import dtypes
from ..core.tensor import Tensor
from ._ops import op

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve",
    "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _same_type(*arrays: Tensor) -> tuple[Tensor, ...]:
    common = arrays[0].dtype
    for x in arrays[1:]:
        common = dtypes.promote(common, x.dtype)
    return tuple(x.to(common) for x in arrays)


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product."""
    return op("matmul")(*_same_type(x1, x2))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two axes exchanged."""
    return x.mT


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """Products summed over axes of both."""
    return op("tensordot")(*_same_type(x1, x2), dims=axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Inner products along an axis; the first is conjugated.

    Raises:
        RuntimeError: the axis has different sizes.
    """
    if x1.shape[axis] != x2.shape[axis]:
        raise RuntimeError(
            f"vecdot: the sizes along axis {axis} differ: {x1.shape[axis]} and {x2.shape[axis]}"
        )
    a, b = _same_type(x1, x2)
    if a.dtype.category < 2:
        return op("sum")(a * b, axis).to(a.dtype)
    return op("linalg.vecdot")(a, b, dim=axis)


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The Cholesky factor."""
    return op("linalg.cholesky")(x, upper=upper)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The cross product of vectors of three along an axis."""
    return op("linalg.cross")(*_same_type(x1, x2), dim=axis)


def det(x: Tensor, /) -> Tensor:
    """The determinant."""
    return op("linalg.det")(x)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """The diagonal of the last two axes."""
    return op("diagonal")(x, offset, -2, -1)


def eigh(x: Tensor, /) -> EighResult:
    """Eigenvalues and eigenvectors of a Hermitian matrix."""
    return EighResult(*op("linalg.eigh")(x))


def eigvalsh(x: Tensor, /) -> Tensor:
    """Eigenvalues of a Hermitian matrix."""
    return op("linalg.eigvalsh")(x)


def inv(x: Tensor, /) -> Tensor:
    """The inverse."""
    return op("linalg.inv")(x)


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """A norm of matrices."""
    return op("linalg.matrix_norm")(x, ord, (-2, -1), keepdims)


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """A square matrix to an integer power."""
    return op("linalg.matrix_power")(x, n)


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """How many singular values are not small."""
    return op("linalg.matrix_rank")(x, rtol=rtol)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """All products of an element of the one and one of the other."""
    return op("outer")(*_same_type(x1, x2))


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverse."""
    return op("linalg.pinv")(x, rtol=rtol)


def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal columns times an upper triangle."""
    return QRResult(*op("linalg.qr")(x, mode))


def slogdet(x: Tensor, /) -> SlogdetResult:
    """The sign of the determinant, and the logarithm of its absolute value."""
    return SlogdetResult(*op("linalg.slogdet")(x))


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The solution of x1 @ x = x2; only a 1-D x2 is a vector."""
    a, b = _same_type(x1, x2)
    if b.ndim == 1:
        return op("linalg.solve")(a, b.unsqueeze(-1)).squeeze(-1)
    shape = op("broadcast_shapes")(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    wide = b.expand((*shape, *b.shape[-2:]))
    return op("linalg.solve")(a.expand((*shape, *a.shape[-2:])), wide)


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """The singular value decomposition."""
    return SVDResult(*op("linalg.svd")(x, full_matrices))


def svdvals(x: Tensor, /) -> Tensor:
    """The singular values."""
    return op("linalg.svdvals")(x)


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of the diagonal of the last two axes."""
    return op("sum")(diagonal(x, offset=offset), -1, dtype=dtype)


def vector_norm(x: Tensor, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """A norm of vectors."""
    return op("linalg.vector_norm")(x, ord, axis, keepdims)
