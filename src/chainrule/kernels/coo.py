"""Sparse arrays in coordinates: what stands in a tensor where an ndarray would.

A `Coo` has integer `indices` (sparse dimensions, entries) and `values` (entries, *dense sizes); the
element at an index is the sum of the values there. It is never changed, only its values may be
written by those who asked for them. Whatever NumPy would do with an array it refuses with
an error, except what keeps zeros zero: sums, products, numbers times it. Its dtype is equal to
NumPy's own but another object, so that no fast lane takes it, and the general path asks
`ops/sparse/instead.py` what to do.
Called by `ops/sparse/` and, through operators, by the backward walk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "Coo",
    "add",
    "add_into",
    "at",
    "coalesce",
    "divide",
    "is_coo",
    "matmul",
    "multiply",
    "permute",
    "to_dense",
    "unsupported",
]

Array = Any
_PACKAGE = __name__.partition(".")[0]
_TWINS: dict[Any, Any] = {}  # NumPy's dtype -> an equal one that is another object


def unsupported(what: str) -> NotImplementedError:
    """PyTorch's error for an operation that sparse tensors do not have."""
    return NotImplementedError(
        f"Could not run 'aten::{what}' with arguments from the 'SparseCPU' backend.\n"
        "Hint: x.to_dense() is an ordinary tensor"
    )


def _caller(name: str) -> str:
    """The function of this package that the user called, for messages."""
    frame: Any = sys._getframe(2)
    found = name
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        prim = frame.f_locals.get("prim")
        found = getattr(prim, "name", None) or found
        frame = frame.f_back
    return found


class Coo:
    """A sparse array.

    Args:
        indices: (sparse dimensions, entries), int64.
        values: (entries, *dense sizes).
        shape: of the array it stands for.
        coalesced: whether the indices are sorted and each there once.
    """

    __slots__ = ("coalesced", "indices", "shape", "values")
    is_sparse = True

    def __init__(
        self, indices: Array, values: Array, shape: tuple[int, ...], coalesced: bool = False
    ) -> None:
        self.indices, self.values, self.shape = indices, values, tuple(shape)
        self.coalesced = coalesced or indices.shape[1] < 2

    # ------------------------------------------------------------ what an array says of itself

    @property
    def dtype(self) -> Any:
        """Of the values: an equal object, not NumPy's own."""
        kind = self.values.dtype
        twin = _TWINS.get(kind)
        if twin is None:
            twin = _TWINS[kind] = np.dtype(kind, copy=True)
        return twin

    @property
    def ndim(self) -> int:
        """Sparse and dense dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements of the array it stands for."""
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(self.values.dtype.itemsize)

    @property
    def split(self) -> int:
        """The number of sparse dimensions."""
        return int(self.indices.shape[0])

    @property
    def nnz(self) -> int:
        """The number of entries."""
        return int(self.indices.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    # ------------------------------------------------------------ what it can do

    def like(self, values: Array) -> Coo:
        """Other values at the same indices."""
        return Coo(self.indices, values, self.shape, self.coalesced)

    def astype(self, dtype: Any) -> Coo:
        """With values of another dtype."""
        return self.like(self.values.astype(dtype))

    def add_to(self, target: Array) -> None:
        """Add it to a dense array in place."""
        add_into(target, self)

    def coalesce(self) -> Coo:
        """With sorted indices, each once."""
        return coalesce(self)

    def item(self) -> Any:
        """The number in an array of one element."""
        if self.size != 1:
            raise ValueError("more than one element")
        return to_dense(self).item()

    def sum(self, dim: Any = None, keepdim: bool = False) -> Array:
        """The sum over dimensions, dense."""
        kind = self.values.dtype
        if dim is None and not keepdim:
            return self.values.sum(dtype=kind)
        return to_dense(self).sum(dim, kind, keepdims=keepdim)

    def any(self) -> bool:
        """Whether an element is true."""
        return bool(self.values.any())

    def copy(self) -> Coo:
        """With memory of its own."""
        return Coo(self.indices.copy(), self.values.copy(), self.shape, self.coalesced)

    def filled(self, value: Any) -> Coo:
        """Zero everywhere: no entries."""
        if value:
            raise unsupported("fill_.Scalar")
        none = self.indices[:, :0], self.values[:0]
        return Coo(none[0].copy(), none[1].copy(), self.shape, True)

    def __add__(self, other: Any) -> Any:  # in the walk: what came, then what comes
        return add(other, self) if isinstance(other, Coo) else add(self, other)

    def __radd__(self, other: Any) -> Any:
        return add(self, other)

    def __sub__(self, other: Any) -> Any:
        return add(self, -other)

    def __rsub__(self, other: Any) -> Any:
        return add(-self, other)

    def __mul__(self, other: Any) -> Any:
        return multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return divide(self, other)

    def __neg__(self) -> Coo:
        return self.like(-self.values)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **_: Any
    ) -> Any:
        made = _UFUNCS.get(ufunc)
        if method != "__call__" or made is None:
            raise unsupported(_caller(ufunc.__name__))
        if out is None:
            return made(*inputs)
        target = out[0]
        if (
            ufunc in (np.add, np.subtract)
            and inputs[0] is target
            and isinstance(target, np.ndarray)
        ):
            return add_into(target, inputs[1] if ufunc is np.add else -inputs[1])
        result = made(*inputs)
        if isinstance(result, Coo):
            raise unsupported(_caller(ufunc.__name__))
        target[...] = result
        return target

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise unsupported(_caller(func.__name__))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise unsupported(_caller("numpy"))

    def __getattr__(self, name: str) -> Any:
        if (name.startswith("_") and "dlpack" not in name) or not hasattr(np.ndarray, name):
            raise AttributeError(f"'Coo' object has no attribute '{name}'", name=name)
        raise unsupported(_caller(name))

    def __getitem__(self, index: Any) -> Any:
        raise unsupported(_caller("index"))

    def __setitem__(self, index: Any, value: Any) -> Any:
        raise unsupported(_caller("index_put_"))

    def __iter__(self) -> Any:
        raise unsupported(_caller("unbind"))

    def _refused(self, *others: Any) -> Any:
        raise unsupported(_caller("operator"))

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refused
    __rtruediv__ = __pow__ = __rpow__ = __mod__ = __floordiv__ = __abs__ = __invert__ = _refused
    __and__ = __or__ = __xor__ = __float__ = __int__ = __bool__ = __index__ = _refused
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Coo(shape={self.shape}, nnz={self.nnz}, dtype={self.values.dtype})"


def is_coo(x: Any) -> bool:
    """Whether a cotangent or an operand's array is sparse."""
    return type(x) is Coo


# ---------------------------------------------------------------- indices


def keys(indices: Array, sizes: tuple[int, ...]) -> Array:
    """One number for every index: its place in an array of these sizes."""
    count = 1
    for n in sizes:
        count *= n
    if count >= 1 << 63:
        raise RuntimeError(f"a sparse tensor of sizes {list(sizes)} has too many elements")
    made = np.zeros(indices.shape[1], np.int64)
    for row, n in zip(indices, sizes, strict=True):
        made = made * n + row
    return made


def unravelled(places: Array, sizes: tuple[int, ...]) -> Array:
    """The indices of such numbers, a row a dimension."""
    rows = np.empty((len(sizes), len(places)), np.int64)
    for d in range(len(sizes) - 1, -1, -1):
        rows[d] = places % sizes[d]
        places = places // sizes[d]
    return rows


def _keys(x: Coo) -> Array:
    return keys(x.indices, x.shape[: x.split])


def coalesce(x: Coo) -> Coo:
    """The same array with sorted indices, values of equal indices summed."""
    if x.coalesced:
        return x
    if x.nnz < 2:
        return Coo(x.indices, x.values, x.shape, True)
    flat = _keys(x)
    order = np.argsort(flat, kind="stable")
    flat = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    values = x.values[order]
    if len(starts) < len(order):
        values = np.add.reduceat(values, starts, axis=0, dtype=values.dtype)
    return Coo(x.indices[:, order[starts]], values, x.shape, True)


def at(x: Any, indices: Array) -> Array:
    """The elements (rows of dense dimensions) of an array, sparse or dense, at these indices."""
    if not isinstance(x, Coo):
        found: Array = np.asarray(x)[tuple(indices)]
        return found if len(indices) else np.broadcast_to(found, (indices.shape[1], *found.shape))
    x = coalesce(x)
    count = indices.shape[1]
    if not x.nnz:
        return np.zeros((count, *x.values.shape[1:]), x.values.dtype)
    have, asked = _keys(x), keys(indices, x.shape[: x.split])
    place = np.minimum(np.searchsorted(have, asked), x.nnz - 1)
    hit = have[place] == asked
    return np.where(hit.reshape(-1, *(1,) * (x.values.ndim - 1)), x.values[place], _zero(x))


def _zero(x: Coo) -> Any:
    return x.values.dtype.type(0)


def to_dense(x: Coo) -> Array:
    """The array it stands for."""
    x = coalesce(x)
    made = np.zeros(x.shape, x.values.dtype)
    made[tuple(x.indices)] = x.values if x.split else x.values.sum(0, dtype=x.values.dtype)
    return made


def permute(x: Coo, dims: tuple[int, ...]) -> Coo:
    """Dimensions in another order; sparse ones stay before dense ones."""
    n = x.split
    if sorted(dims[:n]) != list(range(n)):
        raise RuntimeError(
            f"transpose(sparse): dimensions {list(dims)} would mix {n} sparse and "
            f"{x.ndim - n} dense dimensions\nHint: x.to_dense() first"
        )
    values = x.values.transpose(0, *(d - n + 1 for d in dims[n:]))
    shape = tuple(x.shape[d] for d in dims)
    return Coo(
        x.indices[list(dims[:n])], values, shape, x.coalesced and dims[:n] == tuple(range(n))
    )


# ---------------------------------------------------------------- arithmetic


def add(a: Any, b: Any) -> Any:
    """The sum of two arrays of one shape: sparse if both are."""
    if not isinstance(a, Coo):
        a, b = b, a
    if not isinstance(b, Coo):
        if not isinstance(b, (np.ndarray, np.generic)) or b.shape != a.shape:
            shape = list(getattr(b, "shape", ()))
            raise RuntimeError(
                f"add: expected 'self' and 'other' to have same size, but self has size {shape} "
                f"while other has size {list(a.shape)} (FYI: dense-sparse addition does not "
                "currently support broadcasting)"
            )
        return add_into(np.array(b, np.result_type(b.dtype, a.values.dtype), subok=False), a)
    if a.shape != b.shape:
        raise RuntimeError(
            "add: expected sizes of 'self' and 'other' to match, but "
            f"{list(a.shape)} != {list(b.shape)}"
        )
    if a.split != b.split:
        a, b = _with_split(a, min(a.split, b.split)), _with_split(b, min(a.split, b.split))
    if a.indices is b.indices or np.array_equal(a.indices, b.indices):
        return Coo(a.indices, a.values + b.values, a.shape, a.coalesced)
    both = Coo(
        np.concatenate((a.indices, b.indices), axis=1),
        np.concatenate((a.values, b.values)),
        a.shape,
    )
    return coalesce(both) if a.coalesced and b.coalesced else both


def _with_split(x: Coo, split: int) -> Coo:
    """The same array with fewer sparse dimensions."""
    if x.split == split:
        return x
    c = coalesce(x)
    first = keys(c.indices[:split], c.shape[:split])
    places, rows = np.unique(first, return_inverse=True)
    values = np.zeros((len(places), *x.shape[split:]), x.values.dtype)
    values[(rows, *c.indices[split:])] = c.values
    return Coo(unravelled(places, x.shape[:split]), values, x.shape, True)


def add_into(target: Array, x: Coo) -> Array:
    """Add a sparse array to a dense one in place."""
    x = coalesce(x)
    if x.split:
        target[tuple(x.indices)] += x.values
    elif x.nnz:
        target += x.values[0]
    return target


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, complex, np.generic)) or getattr(x, "ndim", 1) == 0


def multiply(a: Any, b: Any) -> Any:
    """Element by element: sparse where either is."""
    if not isinstance(a, Coo):
        a, b = b, a
    if not isinstance(b, Coo) and _is_number(b):
        return a.like(a.values * b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    if shape != a.shape or (isinstance(b, Coo) and b.shape != shape):
        raise RuntimeError(
            f"mul(sparse, dense): sizes {list(a.shape)} and {list(b.shape)} do not fit: the sparse "
            "operand must have the shape of the result\nHint: x.to_dense() first"
        )
    if not isinstance(b, Coo):
        return a.like(a.values * at(np.broadcast_to(b, shape), a.indices))
    a, same = coalesce(a), a is b
    if a.split != b.split:
        split = min(a.split, b.split)
        a, b = _with_split(a, split), _with_split(b, split)
    b = a if same else coalesce(b)
    if a.indices is b.indices or np.array_equal(a.indices, b.indices):
        return a.like(a.values * b.values)
    keep = np.isin(_keys(a), _keys(b), assume_unique=True)
    indices = a.indices[:, keep]
    return Coo(indices, a.values[keep] * at(b, indices), a.shape, True)


def divide(a: Any, b: Any) -> Any:
    """By a number."""
    if not isinstance(a, Coo):
        raise unsupported("reciprocal")
    if not _is_number(b):
        raise RuntimeError(
            "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape "
            f"{list(b.shape)} for divisor)\nHint: multiply by the reciprocal of a dense divisor"
        )
    return a.like(a.values / b)


def matmul(a: Coo, b: Any) -> Any:
    """A sparse matrix times a dense matrix or vector (dense), or a sparse matrix (sparse)."""
    a = coalesce(a)
    if isinstance(b, Coo):
        return _sparse_product(a, coalesce(b))
    made = np.zeros((a.shape[0], *b.shape[1:]), np.result_type(a.values, b))
    if a.nnz:
        rows, columns = a.indices
        terms = b[columns] * a.values.reshape(-1, *(1,) * (b.ndim - 1))
        starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        made[rows[starts]] = np.add.reduceat(terms, starts, axis=0)
    return made


def _sparse_product(a: Coo, b: Coo) -> Coo:
    """Every entry of a meets the entries of one row of b."""
    starts = np.searchsorted(b.indices[0], a.indices[1])
    counts = np.searchsorted(b.indices[0], a.indices[1], "right") - starts
    left = np.repeat(np.arange(a.nnz), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    right = np.repeat(starts, counts) + np.arange(len(left)) - first
    indices = np.stack((a.indices[0][left], b.indices[1][right]))
    product = Coo(indices, a.values[left] * b.values[right], (a.shape[0], b.shape[1]))
    return coalesce(product)


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: add,
    np.subtract: lambda a, b: add(a, -b),
    np.multiply: multiply,
    np.true_divide: divide,
    np.negative: lambda a: -a,
    np.isnan: lambda a: a.like(np.isnan(a.values)),
    np.positive: lambda a: a,
    np.conjugate: lambda a: a.like(np.conjugate(a.values)),
}
