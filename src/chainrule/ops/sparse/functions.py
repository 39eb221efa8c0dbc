"""Products, sums and softmax of sparse tensors: `torch.sparse`.

Products are ops of their own; the rest is composed of recorded operations on the values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import bilinear, public
from ...core.primitive import REGISTRY
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import coo
from ..fast import not_implemented
from ..linalg.products import matmul_a, unequal_dtypes
from .layout import (
    ON_ARRAYS,
    coalesced,
    is_sparse,
    like,
    make,
    need_coo,
    permuted,
    titled,
    unlisted,
    values_of,
)

# ---------------------------------------------------------------- products


def _product(name: str, grad_fn: str, a: Any, b: Any) -> Any:
    function = bilinear(name, coo.matmul, a, b, grad_fn=grad_fn, method=False)
    for table, key in function.places:
        del table[key]
    del REGISTRY[name]
    ON_ARRAYS[name] = coo.matmul
    return function.prim.call


def _to_sparse_operand(xp: Any, g: Any, a: Any, b: Any) -> Any:
    """g b^T at the indices of a, and nowhere else computed."""
    a = xp.coalesce(a)
    at = xp.coo_indices(a)
    rows, columns = (xp.select(at, 0, i) for i in (0, 1))
    terms = xp.index_select(g, 0, rows) * xp.index_select(b, 0, columns)
    return xp.sparse_coo(at, xp.sum(terms, (1,), False), tuple(a.shape), True)


def _to_dense_operand(xp: Any, g: Any, a: Any) -> Any:
    return xp.coo_mm(xp.coo_permute(a, (1, 0)), g)


# PyTorch's `mm` of a sparse matrix gives it a dense gradient, `sparse.mm` a sparse one
_mm = _product("coo_mm", "MmBackward0", matmul_a, _to_dense_operand)
_mv = _product("coo_mv", "MvBackward0", matmul_a, _to_dense_operand)
_masked_mm = _product(
    "coo_masked_mm", "SparseAddmmBackward0", _to_sparse_operand, _to_dense_operand
)


def _to_left(xp: Any, g: Any, a: Any, b: Any) -> Any:
    if is_sparse(g):
        whole = xp.coo_coo_mm(g, xp.coo_permute(b, (1, 0)))
    else:
        whole = xp.transpose(xp.coo_mm(b, xp.transpose(g, 0, 1)), 0, 1)
    return xp.sparse_mask(whole, xp.coalesce(a))


def _to_right(xp: Any, g: Any, a: Any, b: Any) -> Any:
    turned = xp.coo_permute(a, (1, 0))
    whole = xp.coo_coo_mm(turned, g) if is_sparse(g) else xp.coo_mm(turned, g)
    return xp.sparse_mask(whole, xp.coalesce(b))


_both_sparse = _product("coo_coo_mm", "SparseSparseMatmulBackward0", _to_left, _to_right)


def product(a: Tensor, b: Tensor, masked: bool = False) -> Tensor:
    """The product of two matrices, or of a matrix and a vector, of which one at least is sparse."""
    x, y = a._data, b._data
    for t in (a, b):
        if t.is_sparse and (t._data.split != 2 or t._data.ndim != 2):
            raise RuntimeError(
                errors.hinted(
                    "reshape is not implemented for sparse tensors",
                    f"a sparse matrix is expected, got {t._data.split} sparse and "
                    f"{t._data.ndim - t._data.split} dense dimensions",
                    hint="x.to_dense()",
                )
            )
    if x.dtype != y.dtype:
        raise unequal_dtypes(a, b)
    if x.ndim != 2 or y.ndim not in (1, 2):
        raise RuntimeError(
            f"a matrix times a matrix or vector is expected, got {x.ndim}-D and {y.ndim}-D"
        )
    if x.shape[1] != y.shape[0]:
        first = f"addmm: Argument #3 (dense): Expected dim 0 size {x.shape[1]}, got {y.shape[0]}"
        if y.ndim == 1:
            first = "mv: expected self.size(-1) == vec.size(-1)"
        raise RuntimeError(f"{first}\nshapes: {list(x.shape)} and {list(y.shape)}")
    if a.is_sparse and b.is_sparse:
        return _both_sparse(a, b)
    if b.is_sparse:
        turned = product(permuted(b, params=((1, 0),)), OPS.permute(a, (1, 0)), masked)
        return titled(OPS.permute(turned, (1, 0)), turned.grad_fn.name() if turned.grad_fn else "")
    op = _mv if y.ndim == 1 else _masked_mm if masked else _mm
    return op(a, b)


@public("sparse.mm")
def mm(mat1: Any, mat2: Any, reduce: str = "sum") -> Any:
    """The product of a sparse and a dense matrix (dense), or of two sparse ones (sparse).

    The gradient of a sparse operand is sparse: it is computed where that has indices.

    Args:
        mat1: (n, k), sparse or dense.
        mat2: (k, m), sparse or dense, of the same dtype.
        reduce: only 'sum'.

    Raises:
        RuntimeError: shapes or dtypes that do not fit.

    Example:
        >>> import chainrule as torch
        >>> s = torch.eye(2).to_sparse().requires_grad_()
        >>> torch.sparse.mm(s, torch.ones(2, 3)).sum().backward()
        >>> s.grad.values()
        tensor([3., 3.])
    """
    for i, (name, t) in enumerate((("sparse", mat1), ("dense", mat2))):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("_sparse_mm", name, i + 1, t)
    if not isinstance(reduce, str):
        raise errors.wrong_kind("_sparse_mm", "reduce", "str", reduce, 3)
    if reduce != "sum":
        raise NotImplementedError(f"sparse.mm: reduce={reduce!r} is not here, only 'sum'")
    if not (mat1.is_sparse or mat2.is_sparse):
        return mat1.mm(mat2)
    return product(mat1, mat2, masked=True)


@public("sparse.addmm")
def addmm(mat: Any, mat1: Any, mat2: Any, *, beta: float = 1.0, alpha: float = 1.0) -> Any:
    """beta mat + alpha mat1 @ mat2.

    Args:
        mat: (n, m), dense.
        mat1: (n, k), sparse.
        mat2: (k, m), dense.

    Example:
        >>> import chainrule as torch
        >>> torch.sparse.addmm(torch.ones(2, 2), torch.eye(2).to_sparse(), torch.ones(2, 2))
        tensor([[2., 2.],
                [2., 2.]])
    """
    if not isinstance(mat, Tensor):
        raise errors.wrong_type("_sparse_addmm", "input", 1, mat)
    if mat.dtype is not mat2.dtype:
        have, other = (errors.LEGACY[t.dtype.name] for t in (mat, mat2))
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {have} and {other}")
    made = mm(mat1, mat2)
    made = (mat if beta == 1 else beta * mat) + (made if alpha == 1 else alpha * made)
    return titled(made, "SparseAddmmBackward0")


# ---------------------------------------------------------------- sums

_whole = unlisted(
    "coo_sum", lambda x: x.values.sum(dtype=x.values.dtype), ("x",),
    rules={"x": lambda xp, g, x_shape: xp.expand(g, x_shape)},
    grad_fn="SumBackward0",
)  # fmt: skip


def whole_sum(s: Tensor) -> Tensor:
    """`s.sum()`: its gradient is dense, as in PyTorch."""
    return _whole(s)


def _need_sparse(name: str, s: Any) -> None:
    if not is_sparse(s):
        raise NotImplementedError(
            f"Could not run 'aten::{name}' with arguments from the 'CPU' backend.\n"
            "Hint: a sparse tensor is expected: x.to_sparse()"
        )


@public("sparse.sum")
def sum(input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of all elements, or over some dimensions.

    Args:
        input: sparse.
        dim: dimensions, sparse or dense; all by default.
        dtype: to convert to first.

    Returns:
        Dense where no sparse dimension is left, else sparse. The gradient of `input` is sparse.

    Example:
        >>> import chainrule as torch
        >>> s = torch.eye(3).to_sparse()
        >>> torch.sparse.sum(s), torch.sparse.sum(s, 0).to_dense()
        (tensor(3.), tensor([1., 1., 1.]))
    """
    if dim is None:
        need_coo("coalesce", input)
    _need_sparse("_indices", input)
    s = input if dtype is None else input.to(dtype)
    if dim is None:
        return OPS.sum(values_of(coalesced(s)))
    return titled(sum_over(s, dim), "SparseSumBackward0")


def dims_in(dim: Any, rank: int) -> set[int]:
    """Dimensions as numbers that are not negative."""
    dims = dim if isinstance(dim, Iterable) else (dim,)
    return {errors.checked_dim(int(d), rank) for d in dims}


def sum_over(s: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The sum over some dimensions: entries whose other indices are equal meet."""
    s = coalesced(s)
    c = s._data
    dims = dims_in(dim, c.ndim)
    values = values_of(s)
    inner = tuple(d - c.split + 1 for d in sorted(dims) if d >= c.split)
    if inner:
        values = OPS.sum(values, inner, keepdim)
    kept = [d for d in range(c.split) if d not in dims]
    if not kept and not keepdim:
        return OPS.sum(values, (0,))
    if keepdim:
        indices = c.indices.copy()
        indices[[d for d in range(c.split) if d in dims]] = 0
        shape = [1 if d in dims else n for d, n in enumerate(c.shape)]
    else:
        indices = c.indices[kept]
        shape = [n for d, n in enumerate(c.shape) if d not in dims]
    same = len(kept) == c.split
    made = make(wrap(indices), values, params=(tuple(shape), same))
    return made if same else coalesced(made)


# ---------------------------------------------------------------- softmax


def _shifted(s: Tensor, dim: int) -> tuple[Tensor, Tensor, int]:
    """The values minus the largest of their row along a sparse dimension, and their rows."""
    c = s._data
    others = [d for d in range(c.split) if d != dim]
    sizes = tuple(c.shape[d] for d in others)
    flat = coo.keys(c.indices[others], sizes)
    found, rows = np.unique(flat, return_inverse=True)
    top = np.full((len(found), *c.values.shape[1:]), -np.inf, c.values.dtype)
    np.maximum.at(top, rows, c.values)
    return values_of(s) - wrap(top[rows]), wrap(rows.reshape(-1)), len(found)


def _row_sums(x: Tensor, rows: Tensor, count: int) -> Tensor:
    """For every entry the sum over its row."""
    zero = wrap(np.zeros((count, *x._data.shape[1:]), x._data.dtype))
    total = OPS.index_add(zero, 0, rows, x)
    return OPS.index_select(total, 0, rows)


def _ready(name: str, input: Any, dtype: Any) -> Tensor:
    _need_sparse(f"_sparse_{name}", input)
    s = input if dtype is None else input.to(dtype)
    if s._data.dtype.kind != "f":
        raise not_implemented(name, s.dtype)
    return coalesced(s)


@public("sparse.softmax")
def softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The softmax along a dimension over the entries that are there: others count as -inf.

    Args:
        input: sparse.
        dim: a sparse or dense dimension.
        dtype: to convert to first.

    Returns:
        Sparse, the pattern of `input`.

    Example:
        >>> import chainrule as torch
        >>> torch.sparse.softmax(torch.eye(2).to_sparse(), 1).values()
        tensor([1., 1.])
    """
    s = _ready("softmax", input, dtype)
    d = errors.checked_dim(dim, s._data.ndim)
    if d >= s._data.split:
        return like(s, OPS.softmax(values_of(s), d - s._data.split + 1))
    x, rows, count = _shifted(s, d)
    weights = x.exp()
    made = like(s, weights / _row_sums(weights, rows, count))
    return titled(made, "SparseSoftmaxBackward0")


@public("sparse.log_softmax")
def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The logarithm of `sparse.softmax`.

    Example:
        >>> import chainrule as torch
        >>> torch.sparse.log_softmax(torch.eye(2).to_sparse(), 1).values()
        tensor([0., 0.])
    """
    s = _ready("log_softmax", input, dtype)
    d = errors.checked_dim(dim, s._data.ndim)
    if d >= s._data.split:
        return like(s, OPS.log_softmax(values_of(s), d - s._data.split + 1))
    x, rows, count = _shifted(s, d)
    made = like(s, x - _row_sums(x.exp(), rows, count).log())
    return titled(made, "SparseLogSoftmaxBackward0")
