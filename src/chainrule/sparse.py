"""`torch.sparse`: small sparse tensors in coordinates (COO), with gradients in their values.

A sparse tensor holds indices, one column an entry, and values, an ordinary tensor; everything is
computed from these two by recorded operations, so gradients flow to the values and to dense
partners. Only what is listed in `SparseTensor` works; all else says so and names `to_dense()`.
Making one switches `overrides` on, so `torch.mm(s, d)` and `torch.add(d, s)` find it.
Differs from PyTorch: it is no instance of `torch.Tensor`; other layouts (CSR, ...) do not exist.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes, overrides
from .core.tensor import Size, Tensor, wrap
from .ops import namespace

__all__ = ["SparseTensor", "addmm", "mm", "softmax", "sparse_coo_tensor", "sum"]

_T = namespace("")
_METHODS = frozenset(
    "add sub mul div neg abs sqrt mm matmul mv sum t transpose clone detach to_dense coalesce "
    "is_floating_point is_complex numel".split()
)


class SparseTensor:
    """A sparse tensor: `sparse_coo_tensor` and `Tensor.to_sparse` make them.

    Attributes:
        shape: of the tensor it stands for.
    """

    is_sparse, layout, is_cuda = True, dtypes.sparse_coo, False
    is_quantized = is_nested = is_meta = False
    __array_priority__ = 2000

    def __init__(
        self, indices: Tensor, values: Tensor, shape: Any, coalesced: bool = False
    ) -> None:
        self._i, self._v, self.shape, self._coalesced = indices, values, Size(shape), coalesced

    # ------------------------------------------------------------ facts

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the values."""
        return self._v.dtype

    @property
    def device(self) -> dtypes.device:
        """The CPU."""
        return self._v.device

    @property
    def requires_grad(self) -> bool:
        """Whether operations on the values are recorded."""
        return self._v.requires_grad

    @property
    def is_leaf(self) -> bool:
        """Whether the values are a leaf."""
        return self._v.is_leaf

    @property
    def grad_fn(self) -> Any:
        """The node of the values."""
        return self._v.grad_fn

    @property
    def grad(self) -> SparseTensor | None:
        """The gradient of the values, at the same places."""
        g = self._v.grad
        return None if g is None else SparseTensor(self._i, g, self.shape, self._coalesced)

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Ask for gradients of the values."""
        self._v.requires_grad_(requires_grad)
        return self

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of a dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def numel(self) -> int:
        """The number of elements of the tensor it stands for."""
        return self.shape.numel()

    def sparse_dim(self) -> int:
        """The number of dimensions that the indices have."""
        return int(self._i.shape[0])

    def dense_dim(self) -> int:
        """The number of dimensions that every value has."""
        return self._v.ndim - 1

    def _nnz(self) -> int:
        return int(self._i.shape[1])

    def is_coalesced(self) -> bool:
        """Whether its indices are sorted and each there once."""
        return self._coalesced

    def _indices(self) -> Tensor:
        return self._i

    def _values(self) -> Tensor:
        return self._v

    def indices(self) -> Tensor:
        """The indices of a coalesced tensor, a row a dimension."""
        self._need_coalesced("indices")
        return self._i

    def values(self) -> Tensor:
        """The values of a coalesced tensor."""
        self._need_coalesced("values")
        return self._v

    def _need_coalesced(self, what: str) -> None:
        if not self._coalesced:
            raise RuntimeError(
                f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
            )

    # ------------------------------------------------------------ other forms

    def coalesce(self) -> SparseTensor:
        """The same with sorted indices, values of equal indices summed."""
        if self._coalesced:
            return self
        flat = self._flat_indices()
        places, inverse = np.unique(flat, return_inverse=True)
        shape = tuple(self.shape[: self.sparse_dim()])
        found = np.stack(np.unravel_index(places, shape)) if shape else np.zeros((0, len(places)))
        zero = _T["zeros"]((len(places), *self._v.shape[1:]), dtype=self.dtype)
        summed = zero.index_add(0, wrap(inverse.reshape(-1)), self._v)
        return SparseTensor(wrap(found.astype("int64")), summed, self.shape, True)

    def _flat_indices(self) -> Any:
        shape = tuple(self.shape[: self.sparse_dim()])
        return np.ravel_multi_index(tuple(self._i.numpy()), shape) if shape else np.zeros(
            self._nnz(), "int64")  # fmt: skip

    def to_dense(self, dtype: Any = None, *, masked_grad: Any = None) -> Tensor:
        """The tensor it stands for, recorded."""
        sizes = tuple(self.shape[: self.sparse_dim()])
        zero = _T["zeros"]((int(np.prod(sizes)), *self._v.shape[1:]), dtype=self.dtype)
        made = zero.index_add(0, wrap(self._flat_indices()), self._v).reshape(tuple(self.shape))
        return made if dtype is None else made.to(dtype)

    def to_sparse(self, *args: Any) -> SparseTensor:
        """Itself."""
        return self

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """With values of another dtype."""
        return self._with(self._v.to(*args, **kwargs))

    def _with(self, values: Tensor) -> SparseTensor:
        return SparseTensor(self._i, values, self.shape, self._coalesced)

    def float(self) -> SparseTensor:
        """With values in float32."""
        return self._with(self._v.float())

    def double(self) -> SparseTensor:
        """With values in float64."""
        return self._with(self._v.double())

    def cpu(self) -> SparseTensor:
        """Itself."""
        return self

    def clone(self) -> SparseTensor:
        """A copy, recorded."""
        return SparseTensor(self._i.clone(), self._v.clone(), self.shape, self._coalesced)

    def detach(self) -> SparseTensor:
        """The same memory, outside the graph."""
        return self._with(self._v.detach())

    def numpy(self, *, force: bool = False) -> Any:
        """Refuses: an array is dense."""
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        """Two sparse dimensions exchanged."""
        order = list(range(self.sparse_dim()))
        a, b = dim0 % self.ndim, dim1 % self.ndim
        order[a], order[b] = order[b], order[a]
        shape = [self.shape[d] for d in order] + list(self.shape[len(order) :])
        return SparseTensor(self._i[order], self._v, shape)

    def t(self) -> SparseTensor:
        """The transpose of a matrix."""
        return self.transpose(0, 1)

    @property
    def T(self) -> SparseTensor:
        """The transpose of a matrix."""
        return self.t()

    # ------------------------------------------------------------ arithmetic

    def _partner(self, other: Any, op: str) -> SparseTensor:
        if not isinstance(other, SparseTensor):
            raise RuntimeError(
                f"{op}(sparse, dense) is not supported. Use {op}(dense, sparse) instead.\n"
                "Hint: s.to_dense() is an ordinary tensor"
            )
        if other.shape != self.shape:
            raise RuntimeError(
                f"{op}: expected sizes of 'self' and 'other' to match, but {list(self.shape)} != "
                f"{list(other.shape)}"
            )
        return other

    def add(self, other: Any, *, alpha: Any = 1) -> SparseTensor:
        """The sum with another sparse tensor."""
        b = self._partner(other, "add")
        indices = _T["cat"]([self._i, b._i], 1)
        scaled = b._v if alpha == 1 else b._v * alpha
        return SparseTensor(indices, _T["cat"]([self._v, scaled]), self.shape).coalesce()

    def sub(self, other: Any, *, alpha: Any = 1) -> SparseTensor:
        """The difference from another sparse tensor."""
        return self.add(other, alpha=-alpha)

    def mul(self, other: Any) -> SparseTensor:
        """Times a number, or element by element a tensor, dense or sparse."""
        if isinstance(other, (int, float, complex)) or (
            isinstance(other, Tensor) and other.ndim == 0
        ):
            return self._with(self._v * other)
        a = self.coalesce()
        dense = other.to_dense() if isinstance(other, SparseTensor) else other
        picked = dense.expand(tuple(self.shape))[tuple(a._i[d] for d in range(a.sparse_dim()))]
        if isinstance(other, SparseTensor):
            keep = np.isin(a._flat_indices(), other._flat_indices())
            where = wrap(np.flatnonzero(keep))
            return SparseTensor(a._i[:, where], (a._v * picked)[where], self.shape, True)
        return SparseTensor(a._i, a._v * picked, self.shape, True)

    def div(self, other: Any) -> SparseTensor:
        """Divided by a number."""
        return self._with(self._v / other)

    def neg(self) -> SparseTensor:
        """With the other sign."""
        return self._with(-self._v)

    def abs(self) -> SparseTensor:
        """The absolute values."""
        a = self.coalesce()
        return a._with(a._v.abs())

    def sqrt(self) -> SparseTensor:
        """The square roots."""
        a = self.coalesce()
        return a._with(a._v.sqrt())

    def sum(self, dim: Any = None) -> Any:
        """The sum of all elements, or over dimensions."""
        return self._v.sum() if dim is None else sum(self, dim)

    def matmul(self, other: Tensor) -> Tensor:
        """The product of this matrix and a dense matrix or vector, dense."""
        if isinstance(other, SparseTensor):
            raise NotImplementedError(
                "the product of two sparse matrices is not here\nHint: other.to_dense()"
            )
        if self.sparse_dim() != 2 or self.dense_dim() or other.ndim not in (1, 2):
            raise RuntimeError("matmul: expected a sparse matrix and a dense matrix or vector")
        if self.shape[1] != other.shape[0]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({self.shape[0]}x{self.shape[1]} and "
                f"{'x'.join(map(str, other.shape))})"
            )
        rows = other.index_select(0, self._i[1])
        terms = rows * (self._v if other.ndim == 1 else self._v.unsqueeze(1))
        zero = _T["zeros"]((self.shape[0], *other.shape[1:]), dtype=terms.dtype)
        return zero.index_add(0, self._i[0], terms)

    mm = mv = __matmul__ = matmul
    __neg__, __abs__ = neg, abs

    def __add__(self, other: Any) -> SparseTensor:
        return self.add(other)

    def __radd__(self, other: Any) -> Tensor:
        return other + self.to_dense()

    def __sub__(self, other: Any) -> SparseTensor:
        return self.sub(other)

    def __rsub__(self, other: Any) -> Tensor:
        return other - self.to_dense()

    def __mul__(self, other: Any) -> SparseTensor:
        return self.mul(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> SparseTensor:
        return self.div(other)

    def __rmatmul__(self, other: Tensor) -> Tensor:
        return self.t().matmul(other.t()).t()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(Tensor, name):
            raise AttributeError(f"'Tensor' object has no attribute '{name}'", name=name)
        raise NotImplementedError(
            f"Could not run '{name}' with arguments from the 'SparseCPU' backend.\n"
            "Hint: s.to_dense() is an ordinary tensor"
        )

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """`torch.mm(s, d)` is `s.mm(d)`; `torch.add(d, s)` is `d + s`."""
        name, kwargs = func.__name__, kwargs or {}
        if isinstance(args[0], SparseTensor) and name in _METHODS:
            return getattr(args[0], name)(*args[1:], **kwargs)
        if name in ("add", "sub", "mul") and len(args) == 2:
            op = {"add": "__radd__", "sub": "__rsub__", "mul": "__rmul__"}[name]
            return getattr(args[1], op)(args[0])
        if name in ("mm", "matmul") and len(args) == 2:
            return args[1].__rmatmul__(args[0])
        raise NotImplementedError(
            f"Could not run '{name}' with arguments from the 'SparseCPU' backend.\n"
            "Hint: s.to_dense() is an ordinary tensor"
        )

    def __repr__(self) -> str:
        values = repr(self._v.detach()).replace("\n", "\n" + " " * 7)
        indices = repr(self._i).replace("\n", "\n" + " " * 15)
        dtype = "" if f"dtype={self.dtype}" not in values else f", dtype={self.dtype}"
        values = values.replace(f", dtype={self.dtype}", "")
        end = ""
        if self.requires_grad:
            node = self.grad_fn
            end = ", requires_grad=True" if node is None else f", grad_fn=<{type(node).__name__}>"
        return (
            f"tensor(indices={indices},\n       values={values},\n       "
            f"size={tuple(self.shape)}, nnz={self._nnz()}{dtype}, layout=torch.sparse_coo{end})"
        )


def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None,
    device: Any = None, requires_grad: bool = False, check_invariants: bool | None = None,
    is_coalesced: bool | None = None, pin_memory: bool = False,
) -> SparseTensor:  # fmt: skip
    """A sparse tensor of given indices and values; values of equal indices add up.

    Args:
        indices: (dimensions, entries), integers.
        values: (entries, ...): a tensor (recorded, if it requires grad) or nested numbers.
        size: of the tensor; by default the smallest that holds all indices.
        requires_grad: make the values a leaf that requires grad.

    Raises:
        RuntimeError: the shapes of indices, values and size disagree, or an index is outside.

    Example:
        >>> import chainrule as torch
        >>> v = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> s = torch.sparse_coo_tensor([[0, 1], [2, 0]], v, (2, 3))
        >>> (s @ torch.ones(3)).sum().backward()
        >>> s.to_dense().detach(), v.grad
        (tensor([[0., 0., 3.],
                [4., 0., 0.]]), tensor([1., 1.]))
    """
    overrides.switch_on()
    _T["empty"](0, device=device)  # refuses other devices
    if indices is None:
        sizes = tuple(size)
        none = wrap(np.zeros((len(sizes), 0), "int64"))
        return SparseTensor(none, _T["zeros"](0, dtype=dtype), sizes)
    places = _T["as_tensor"](indices).detach().long()
    given = values if isinstance(values, Tensor) else _T["tensor"](values)
    given = given if dtype is None else given.to(dtype)
    if requires_grad and not given.requires_grad:
        given = given.detach().requires_grad_()
    return SparseTensor(places, given, _checked(places, given, size), bool(is_coalesced))


def _checked(places: Tensor, values: Tensor, size: Any) -> tuple[int, ...]:
    if places.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(places.shape)}")
    if places.shape[1] != values.shape[0]:
        raise RuntimeError(
            "indices and values must have same nnz, but got nnz from indices: "
            f"{places.shape[1]}, nnz from values: {values.shape[0]}"
        )
    array = places.numpy()
    if size is None:
        most = array.max(axis=1) + 1 if array.size else np.zeros(len(array), int)
        return (*(int(n) for n in most), *values.shape[1:])
    size = tuple(size)
    if len(size) != len(array) + values.ndim - 1:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {len(array)}, dense_dim = {values.ndim - 1}"
        )
    limits = np.array(size[: len(array)], int)[:, None]
    if array.size and ((array < 0) | (array >= limits)).any():
        raise RuntimeError(
            f"found index that is out of bounds for the size {size}\n"
            f"largest index a dimension: {array.max(axis=1).tolist()}"
        )
    return size


def from_dense(x: Tensor) -> SparseTensor:
    """The elements of x that are not zero, recorded: `Tensor.to_sparse`."""
    overrides.switch_on()
    places = wrap(np.stack(np.nonzero(x.numpy(force=True))))
    return SparseTensor(places, x[tuple(places[d] for d in range(x.ndim))], x.shape, True)


def mm(mat1: Any, mat2: Tensor) -> Tensor:
    """The product of a sparse and a dense matrix; gradients for both."""
    return mat1 @ mat2


def addmm(
    mat: Tensor, mat1: SparseTensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0
) -> Tensor:
    """beta mat + alpha mat1 @ mat2."""
    return beta * mat + alpha * (mat1 @ mat2)


def sum(input: SparseTensor, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of all elements (dense), or over sparse dimensions (sparse)."""
    input = input if dtype is None else input.to(dtype)
    if dim is None:
        return input._v.sum()
    dims = {d % input.ndim for d in ((dim,) if isinstance(dim, int) else dim)}
    if any(d >= input.sparse_dim() for d in dims):
        raise NotImplementedError("sum over dense dimensions\nHint: to_dense() first")
    kept = [d for d in range(input.sparse_dim()) if d not in dims]
    if not kept:
        return input._v.sum(0)
    shape = [input.shape[d] for d in kept] + list(input.shape[input.sparse_dim() :])
    return SparseTensor(input._i[kept], input._v, shape).coalesce()


def softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """The softmax of the entries that are there, along a sparse dimension."""
    s = (input if dtype is None else input.to(dtype)).coalesce()
    others = [d for d in range(s.sparse_dim()) if d != dim % s.ndim]
    shape = tuple(s.shape[d] for d in others)
    flat = np.ravel_multi_index(tuple(s._i.numpy()[others]), shape) if shape else np.zeros(
        s._nnz(), "int64")  # fmt: skip
    top = np.full(int(np.prod(shape)), -np.inf)
    np.maximum.at(top, flat, s._v.numpy(force=True))
    group = wrap(np.asarray(flat))
    weights = (s._v - wrap(top[flat].astype(s._v.numpy(force=True).dtype))).exp()
    zero = _T["zeros"](len(top), dtype=s.dtype)
    return s._with(weights / zero.index_add(0, group, weights)[group])
