"""Products of vectors, matrices and batches of matrices.

`ndarray.dot` calls BLAS in 0.3 us where `np.matmul` takes 0.7, so it serves up to two dimensions,
and batches of rows against one matrix. Large products are computed by `kernels/blas.py`. Half
precision is multiplied in float32, as PyTorch does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .blas import LONG, MANY, product, products
from .compiled import compiled
from .reduce import sum

__all__ = [
    "added_product", "affine", "contract", "contraction", "cross", "kron", "linear", "matmul",
    "outer", "rows_times", "shortened", "trace", "vander", "weighted",
]  # fmt: skip

F32, F64 = np.dtype("float32"), np.dtype("float64")
_NEXT, _AFTER = np.array([1, 2, 0]), np.array([2, 0, 1])
_matmul = np.matmul
Ints = tuple[int, ...]


def is_half(x: Any) -> bool:
    """Whether elements have two bytes."""
    return x.dtype.itemsize == 2 and x.dtype.kind in "fV"


@compiled
def matmul(a: Any, b: Any) -> Any:
    """`a @ b` for one, two or more dimensions."""
    dtype = a.dtype
    if dtype is F32 or dtype is F64:
        if a.ndim <= 2 and b.ndim <= 2:
            n = b.size
            return a.dot(b) if n <= LONG and len(a) * n <= MANY else product(a, b)
    elif is_half(a):
        return matmul(a.astype(F32), b.astype(F32)).astype(dtype)
    elif a.ndim <= 2 and b.ndim <= 2:
        return product(a, b)
    if b.ndim <= 2 and a.flags.c_contiguous and a.size:
        shape = a.shape
        return product(a.reshape(-1, shape[-1]), b).reshape(shape[:-1] + b.shape[1:])
    n = a.size
    return _matmul(a, b) if n <= LONG and n * b.shape[-1] <= MANY else products(a, b)


def linear(x: Any, weight: Any) -> Any:
    """`x @ weight.T`."""
    return matmul(x, weight.T)


def rows_times(x: Any, weight: Any) -> Any:
    """`x @ weight.T` of matrices of any size.

    Few rows are the transpose of weight @ x^T: OpenBLAS copies both operands into the order it
    needs, and a weight that is not transposed faster. In float32 its kernels for AVX-512 take three
    quarters of the time at 64 rows and less than half at 16; its others take as long as before.
    """
    n, k = x.shape
    if 1 < n <= 64 and k >= 256 and len(weight) >= 2 * n and x.dtype is F32:
        return np.ascontiguousarray(product(weight, x.T).T)
    return product(x, weight.T)


def affine(bias: Any, x: Any, weight: Any) -> Any:
    """`x @ weight.T + bias`."""
    made = matmul(x, weight.T)
    if type(made) is np.ndarray and made.dtype == bias.dtype:
        made += bias
        return made
    return made + bias


def weighted(added: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """beta added + alpha product, of which `product` may be overwritten; `added` is ignored when
    beta is 0."""
    if product.dtype.kind in "bui":
        beta, alpha = int(beta), int(alpha)
    if type(product) is not np.ndarray:
        product = np.asarray(product)
    if alpha != 1:
        product *= alpha
    if beta != 0:
        product += added if beta == 1 else added * added.dtype.type(beta)
    return product


@compiled
def added_product(added: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta added + alpha (a @ b)."""
    made = matmul(a, b)
    if beta == 1 == alpha and made.dtype is added.dtype and type(made) is np.ndarray:
        made += added
        return made
    return weighted(
        added, made.astype(added.dtype) if made.dtype != added.dtype else made, beta, alpha
    )


@compiled
def outer(a: Any, b: Any) -> Any:
    """The products of all elements of two vectors."""
    if a.dtype.kind == "f" and a.size * b.size <= 4096:  # BLAS broadcasts faster than a ufunc
        return a.reshape(-1, 1).dot(b.reshape(1, -1))
    return a.reshape(-1, 1) * b


# ---------------------------------------------------------------- contractions


@lru_cache(maxsize=1024)
def contraction(a: Ints, b: Ints, out: Ints) -> tuple[Ints, Ints, Any, int, int, int]:
    """How to bring operands with these labels to batch matrix product: permutations of a, b and the
    result, and how many labels are in the batch, in the sum, and only in a. Without a sum: the
    operands in the order of the result, and how to index them so that they broadcast."""
    batch = [i for i in out if i in a and i in b]
    only_a = [i for i in out if i in a and i not in b]
    only_b = [i for i in out if i in b and i not in a]
    summed = [i for i in a if i in b and i not in out]
    made = batch + only_a + only_b
    if not summed:  # a product of elements, in the order of the result
        pa, pb = (tuple(x.index(i) for i in out if i in x) for x in (a, b))
        keys = tuple(tuple(slice(None) if i in x else None for i in out) for x in (a, b))
        return pa, pb, keys, len(batch), 0, len(only_a)
    return (
        tuple(a.index(i) for i in batch + only_a + summed),
        tuple(b.index(i) for i in batch + summed + only_b),
        tuple(made.index(i) for i in out),
        len(batch),
        len(summed),
        len(only_a),
    )


def contract(a: Any, b: Any, a_dims: Ints, b_dims: Ints, out_dims: Ints) -> Any:
    """The sum of products over the labels that `a` and `b` share and the result has not."""
    pa, pb, po, nb, ns, na = contraction(a_dims, b_dims, out_dims)
    if nb == ns == na == 1 and len(pa) == len(pb) == 3:  # matrices in a batch, as they are
        return matmul(a.transpose(pa), b.transpose(pb)).transpose(po)
    a, b = a.transpose(pa), b.transpose(pb)
    if not ns:
        return np.multiply(a[po[0]], b[po[1]], order="C")
    batch, rows, inner = a.shape[:nb], a.shape[nb : nb + na], a.shape[nb + na :]
    cols = b.shape[nb + ns :]
    m, k, n = _size(rows), _size(inner), _size(cols)
    if nb:
        made = matmul(a.reshape((*batch, m, k)), b.reshape((*batch, k, n)))
    else:
        made = matmul(a.reshape(m, k), b.reshape(k, n))
    return made.reshape((*batch, *rows, *cols)).transpose(po)


def _size(shape: Ints) -> int:
    n = 1
    for d in shape:
        n *= d
    return n


# ---------------------------------------------------------------- others


@compiled
def cross(a: Any, b: Any, dim: int = -1) -> Any:
    """The vector product along an axis of size 3."""
    if not dim < 0:
        dim -= max(a.ndim, b.ndim)
    if a.size < 2000:
        ahead = a.take(_NEXT, dim) * b.take(_AFTER, dim)
        ahead -= a.take(_AFTER, dim) * b.take(_NEXT, dim)
        return ahead
    a, b = (np.moveaxis(x, dim, 0) for x in (a, b))
    made = np.empty((3, *np.broadcast_shapes(a.shape[1:], b.shape[1:])), a.dtype)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        made[i] = a[j] * b[k] - a[k] * b[j]
    return np.ascontiguousarray(np.moveaxis(made, 0, dim))


@compiled
def kron(a: Any, b: Any, a_shape: Ints, b_shape: Ints) -> Any:
    """Every element of `a` times all of `b`; the shapes have as many dimensions as each other."""
    made = np.multiply.outer(a.reshape(a_shape), b.reshape(b_shape))
    n = len(a_shape)
    if n > 1:
        made = made.transpose([i + k * n for i in range(n) for k in (0, 1)])
    return made.reshape([p * q for p, q in zip(a_shape, b_shape, strict=True)])


@compiled
def trace(x: Any) -> Any:
    """The sum of the main diagonal; of integers in int64."""
    return sum(x.diagonal())


@compiled
def vander(x: Any, count: int) -> Any:
    """The powers 0 to count - 1 of every element, as a last dimension."""
    made = np.empty((*x.shape, count), x.dtype)
    made[..., 0] = 1
    made[..., 1:] = x[..., None]
    return np.multiply.accumulate(made, -1)


@compiled
def shortened(x: Any, dim: int, most: float) -> Any:
    """Slices along a dimension whose Euclidean norm is larger than `most`, scaled down to it."""
    others = tuple(i for i in range(x.ndim) if i != dim)
    norm = np.sqrt((x * x).sum(others, keepdims=True))
    return x * np.where(norm > most, most / (norm + x.dtype.type(1e-7)), x.dtype.type(1))
