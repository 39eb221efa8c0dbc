"""Chains of products, tensors taken as matrices, Vandermonde matrices: composed of other ops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ... import dtypes, errors
from ...core.declare import public
from ...core.lanes import bare
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels.lapack import singular
from ...kernels.linalg import matmul as product
from ...kernels.linalg import vander as powers_of
from ..shape.arrange import movedim
from .decompose import into
from .matrices import need_tensors, value_of
from .products import matmul
from .solve import solve

# ---------------------------------------------------------------- chains of products


@public("linalg.multi_dot")
def multi_dot(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """The product of several matrices, in the order that takes the fewest multiplications.

    Args:
        tensors: at least two; the first and the last may be vectors.

    Raises:
        RuntimeError: fewer than two, or shapes that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 4), torch.ones(4)])
        tensor([12., 12.])
    """
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(
            "linalg_multi_dot(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            + errors.kind_name(tensors)
        )
    if len(tensors) == 3 and out is None and (short := _three(*tensors)) is not None:
        return short
    ts = _checked_chain(list(tensors))
    if len(ts) == 2:
        return into(out, matmul(*ts))
    first, last = ts[0]._data.ndim == 1, ts[-1]._data.ndim == 1
    if first:
        ts[0] = OPS.unsqueeze(ts[0], 0)
    if last:
        ts[-1] = OPS.unsqueeze(ts[-1], 1)
    made = _chained(ts, _best_order(ts), 0, len(ts) - 1)
    shape = made._data.shape
    made = OPS.reshape(made, shape[1 if first else 0 : 1 if last else 2])
    return into(out, made)


def _three(a: Any, b: Any, c: Any) -> Tensor | None:
    """The usual call: three matrices that fit, of which nothing is recorded; None for others."""
    if not bare(a, b, c):
        return None
    x, y, z = a._data, b._data, c._data
    if not (x.ndim == y.ndim == z.ndim == 2 and x.dtype is y.dtype is z.dtype):
        return None
    (m, k), (k2, n), (n2, p) = x.shape, y.shape, z.shape
    if k != k2 or n != n2:
        return None
    if m * n * (k + p) <= k * p * (n + m):
        return wrap(product(product(x, y), z))
    return wrap(product(x, product(y, z)))


def _checked_chain(ts: list[Any]) -> list[Any]:
    op = "multi_dot()"
    if len(ts) < 2:
        raise RuntimeError(f"{op}: expected at least 2 tensors but got {len(ts)}")
    for i, t in enumerate(ts):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"linalg_multi_dot(): argument 'tensors' (position 1) must be tuple of Tensors, "
                f"but found element of type {errors.kind_name(t)} at pos {i}"
            )
    ranks = [t._data.ndim for t in ts]
    for i, name in ((0, "first"), (-1, "last")):
        if ranks[i] not in (1, 2):
            raise RuntimeError(f"{op}: the {name} tensor must be 1D or 2D but got {ranks[i]}D")
    for i, n in enumerate(ranks[1:-1], 1):
        if n != 2:
            raise RuntimeError(f"{op}: tensor {i} must be 2D but got {n}D")
    for i, t in enumerate(ts[1:], 1):
        if t._data.dtype != ts[0]._data.dtype:
            names = [errors.CPP.get(o.dtype.name, o.dtype.name) for o in (ts[0], t)]
            raise RuntimeError(
                f"{op}: all tensors must have be the same dtype but tensor 0 is {names[0]} and "
                f"tensor {i} {names[1]}"
            )
    for i, (a, b) in enumerate(pairwise(ts)):
        if a._data.shape[-1] != b._data.shape[0]:
            raise RuntimeError(
                f"{op}: tensors {i} and {i + 1} with shapes {list(a._data.shape)} and "
                f"{list(b._data.shape)} cannot be multiplied"
            )
    return ts


def _best_order(ts: list[Any]) -> list[list[int]]:
    """Where to split each part of the chain.

    Source: Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, third edition, section
    15.2.
    """
    n = len(ts)
    sizes = [ts[0]._data.shape[0], *(t._data.shape[1] for t in ts)]
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return split


def _chained(ts: list[Any], split: list[list[int]], i: int, j: int) -> Any:
    if i == j:
        return ts[i]
    k = split[i][j]
    return matmul(_chained(ts, split, i, k), _chained(ts, split, k + 1, j))


@public("chain_matmul")
def chain_matmul(*matrices: Tensor, out: Any = None) -> Tensor:
    """The product of several matrices: the older form of `torch.linalg.multi_dot`.

    Example:
        >>> import chainrule as torch
        >>> torch.chain_matmul(torch.ones(1, 2), torch.ones(2, 3), torch.ones(3, 1))
        tensor([[6.]])
    """
    if len(matrices) == 3 and out is None and (short := _three(*matrices)) is not None:
        return short
    for i, t in enumerate(matrices):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("chain_matmul", "matrices", i + 1, t)
        if t._data.ndim != 2:
            raise RuntimeError(
                f"Tensor dimension is {t._data.ndim}, expected 2 instead.\nargument: {i}"
            )
    if len(matrices) == 1:
        return into(out, matrices[0])
    return multi_dot(list(matrices), out=out)


# ---------------------------------------------------------------- tensors as matrices


@public("linalg.tensorinv")
def tensorinv(A: Tensor, ind: int = 2, *, out: Any = None) -> Tensor:
    """The inverse of a tensor as a map: tensordot(tensorinv(A), B, dims) solves A X = B.

    Args:
        A: shape (*first, *rest) with as many elements in the first `ind` dimensions as in the rest.
        ind: how many dimensions the values of the map have.

    Returns:
        Shape (*rest, *first).

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4), ind=2).shape
        torch.Size([4, 2, 2])
    """
    need_tensors("linalg_tensorinv", input=A)
    shape = A._data.shape
    if type(ind) is not int:
        errors.need_int("linalg_tensorinv", ind=ind)
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    if ind > len(shape):
        raise RuntimeError(
            f"ArrayRef: invalid slice, N = {ind}; size = {len(shape)}\n"
            "Hint: ind is at most the number of dimensions"
        )
    first, rest = shape[:ind], shape[ind:]
    rows, cols = math.prod(first), math.prod(rest)
    if rows != cols:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {cols} != {rows}"
        )
    made, info = OPS.linalg_inv_ex(OPS.reshape(A, (rows, cols)))
    if value_of(info).any():
        raise singular("inv", value_of(info))
    return into(out, OPS.reshape(made, (*rest, *first)))


@public("linalg.tensorsolve")
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None, *, out: Any = None) -> Tensor:
    """X with tensordot(A, X) = B.

    Args:
        A: shape (*B.shape, *rest) with as many elements in `rest` as in B.
        B: the right side.
        dims: dimensions of A to move to the end first.

    Returns:
        Shape `rest`.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
        tensor([1., 1., 1., 1.])
    """
    need_tensors("linalg_tensorsolve", input=A, other=B)
    if dims is not None:
        if not isinstance(dims, (tuple, list)):
            raise errors.wrong_kind("linalg_tensorsolve", "dims", "tuple of ints", dims, 3)
        A = movedim(A, dims, tuple(range(-len(dims), 0)))
    rank = B._data.ndim
    rest = A._data.shape[rank:]
    count, first = math.prod(rest), math.prod(A._data.shape[:rank])
    if count != first:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {count} != {first}"
        )
    made = solve(OPS.reshape(A, (count, count)), OPS.reshape(B, (B._data.size,)))
    return into(out, OPS.reshape(made, rest))


# ---------------------------------------------------------------- Vandermonde matrices


@public("linalg.vander")
def linalg_vander(x: Tensor, *, N: Any = None) -> Tensor:
    """Powers 0, 1, ..., N - 1 of every element, as a last dimension.

    Args:
        x: (*, n).
        N: at least 2; default n.

    Returns:
        (*, n, N); of integers int64.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
        tensor([[1, 2, 4],
                [1, 3, 9]])
    """
    if not isinstance(x, Tensor):
        need_tensors("linalg_vander", x=x)
    if not x._data.ndim:
        x = OPS.reshape(x, (1,))
    shape = x._data.shape
    if x._data.dtype.itemsize == 2 and x._data.dtype.kind in "fV":
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, but got "
            + errors.LEGACY[x.dtype.name]
        )
    if x._data.dtype.kind == "b":
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, but got Bool"
        )
    count = shape[-1] if N is None else int(N)
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    if bare(x):
        return wrap(powers_of(x._data, count))
    powers = OPS.cumprod(OPS.expand(OPS.unsqueeze(x, len(shape)), (*shape, count - 1)), -1)
    ones = OPS.zeros((*shape, 1), powers.dtype) + 1
    return OPS.cat([ones, powers], len(shape))


@public("vander")
def vander(x: Tensor, N: Any = None, increasing: bool = False) -> Tensor:
    """Powers N - 1, ..., 1, 0 of every element of a vector, as rows.

    Args:
        x: (n).
        N: how many columns; default n.
        increasing: powers 0, 1, ..., N - 1 instead.

    Example:
        >>> import chainrule as torch
        >>> torch.vander(torch.tensor([2, 3]))
        tensor([[2, 1],
                [3, 1]])
    """
    need_tensors("vander", x=x)
    if x._data.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is not None:
        errors.need_int("vander", N=N)
    count = x._data.size if N is None else int(N)
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    dtype = x.dtype if x.dtype.category >= 2 else dtypes.int64
    ones = OPS.zeros((x._data.size, min(count, 1)), dtype) + 1
    if count > 1:
        column = OPS.to_dtype(OPS.unsqueeze(x, 1), dtype)
        powers = OPS.cumprod(OPS.expand(column, (x._data.size, count - 1)), 1)
        ones = OPS.cat([ones, powers], 1)
    return ones if increasing else OPS.flip(ones, (1,))
