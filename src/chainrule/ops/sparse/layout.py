"""Making sparse tensors, taking them apart, and the way to dense ones and back.

The ops here are declared like all others but kept out of the registry: what reads the registry
(`vmap`, the docs, tests) is about dense operands. Their rules are closed among themselves: what
`sparse_coo` puts together `coo_at` looks up, `coo_values` takes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import METHODS, general, public
from ...core.primitive import REGISTRY
from ...core.printing import sparse_repr
from ...core.tensor import Size, Tensor, own, wrap
from ...kernels import coo
from ...kernels.coo import Coo
from ..make.from_data import as_tensor, checked_dtype, tensor

# ---------------------------------------------------------------- ops


# what an op does on the arrays of sparse operands: see `instead.py`
ON_ARRAYS: dict[str, Callable[..., Any]] = {}


def unlisted(name: str, kernel: Callable[..., Any], args: Sequence[str], **options: Any) -> Any:
    """Declare an op of sparse operands: not in the registry, not public."""
    function = general(name, kernel, args, method=False, **options)
    for table, key in function.places:
        del table[key]
    del REGISTRY[name]
    ON_ARRAYS[name] = kernel
    return function.prim.call


def is_sparse(x: Any) -> bool:
    """Whether an array or a tensor (either reading of a rule) is sparse."""
    return getattr(x, "is_sparse", False)


def _made_kernel(indices: Any, values: Any, size: Any, coalesced: bool) -> Coo:
    return Coo(np.asarray(indices), np.asarray(values), size, coalesced)


def _of_dense(x: Any, split: int) -> Coo:
    x = np.asarray(x)
    found = x if split == x.ndim else (x != 0).any(tuple(range(split, x.ndim)))
    indices = np.stack(np.nonzero(found)) if split else np.zeros((0, int(bool(found))), np.int64)
    return Coo(indices, coo.at(x, indices), x.shape, True)


def _masked(x: Any, mask: Any) -> Coo:
    return mask.like(coo.at(x, mask.indices))


def _put_back(xp: Any, g: Any, x: Any, indices: Any) -> Any:
    """A sparse cotangent for a sparse operand only: rules of dense ops know nothing of them."""
    made = xp.sparse_coo(indices, g, tuple(x.shape), False)
    return made if is_sparse(x) else xp.coo_dense(made)


make = unlisted(
    "sparse_coo", _made_kernel, ("indices", "values"),
    rules={"values": lambda xp, g, indices: xp.coo_at(g, indices)},
    grad_fn="SparseCooTensorWithDimsAndTensorsBackward0",
)  # fmt: skip
at = unlisted(
    "coo_at", lambda x, indices: coo.at(x, indices), ("x", "indices"),
    rules={"x": _put_back},
)  # fmt: skip
indices_of = unlisted("coo_indices", lambda x: x.indices, ("x",))
values_of = unlisted(
    "coo_values", lambda x: x.values, ("x",),
    rules={
        "x": lambda xp, g, x: xp.sparse_coo(xp.coo_indices(x), g, tuple(x.shape), True)
    },
    grad_fn="ValuesBackward0",
)  # fmt: skip
coalesced = unlisted(
    "coalesce", lambda x: coo.coalesce(x), ("x",), rules={"x": lambda xp, g: g}
)  # fmt: skip
dense = unlisted(
    "coo_dense", lambda x: coo.to_dense(x), ("x",),
    rules={"x": lambda xp, g, x: xp.sparse_mask(g, xp.coalesce(x))},
    grad_fn="ToDenseBackward0",
)  # fmt: skip
unmasked = unlisted(  # to_dense(masked_grad=False)
    "coo_unmasked", lambda x: coo.to_dense(x), ("x",), rules={"x": lambda xp, g: g},
    grad_fn="ToDenseBackward0",
)  # fmt: skip
masked = unlisted(
    "sparse_mask", _masked, ("x", "mask"),
    rules={"x": lambda xp, g, x: g if is_sparse(x) else xp.coo_dense(g)},
)  # fmt: skip
of_dense = unlisted(
    "to_sparse", _of_dense, ("x",),
    rules={"x": lambda xp, g: xp.coo_dense(g) if is_sparse(g) else g},
    grad_fn="ToSparseBackward0",
)  # fmt: skip
permuted = unlisted(
    "coo_permute", lambda x, dims: coo.permute(x, dims), ("x",),
    rules={
        "x": lambda xp, g, dims: (xp.coo_permute if is_sparse(g) else xp.permute)(
            g, tuple(sorted(range(len(dims)), key=dims.__getitem__))
        )
    },
    grad_fn="PermuteBackward0",
)  # fmt: skip


@cache
def _titled_class(kind: Any, title: str) -> Any:
    return type(title, (kind,), {"__slots__": ()})


def titled(t: Tensor, title: str) -> Tensor:
    """A composed result whose node is named as PyTorch's."""
    node = t._node
    if node is not None and not node.end:
        kind: Any = type(node)
        node.__class__ = _titled_class(kind, title)
    return t


def like(s: Tensor, values: Tensor) -> Tensor:
    """A sparse tensor of other values at the indices of a coalesced one, recorded."""
    c = s._data
    return make(wrap(c.indices), values, params=(c.shape, c.coalesced))


# ---------------------------------------------------------------- the public maker


@public("sparse_coo_tensor")
def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Any = None, *more: Any, dtype: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None, is_coalesced: bool | None = None,
) -> Any:  # fmt: skip
    """A sparse tensor of given indices and values; values of equal indices add up.

    Args:
        indices: (sparse dimensions, entries), whole numbers.
        values: (entries, *dense sizes): a tensor (recorded, if it requires grad) or nested numbers.
        size: of the tensor, sparse dimensions before dense ones; by default the smallest that
            holds all indices.
        dtype: of the values; that of `values` by default.
        requires_grad: make it a leaf that requires grad.
        check_invariants: accepted; indices are always checked.
        is_coalesced: promise that the indices are sorted and each there once.

    Returns:
        A tensor with `layout` `torch.sparse_coo`.

    Raises:
        RuntimeError: the shapes of indices, values and size disagree, or an index is outside
            (PyTorch finds that only with `check_invariants=True`).

    Example:
        >>> import chainrule as torch
        >>> v = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> s = torch.sparse_coo_tensor([[0, 1], [2, 0]], v, (2, 3))
        >>> (s @ torch.ones(3)).sum().backward()
        >>> s.to_dense().detach(), v.grad
        (tensor([[0., 0., 3.],
                [4., 0., 0.]]), tensor([1., 1.]))
    """
    dtypes.device("cpu" if device is None else device)
    if isinstance(indices, dict):
        raise errors.wrong_kind("sparse_coo_tensor", "size", "tuple of ints", indices, 1)
    if _whole(indices):  # the sizes of an empty one
        checked_dtype("sparse_coo_tensor", dtype)
        if is_coalesced is not None:
            raise no_combination("sparse_coo_tensor", (indices,), {"is_coalesced": is_coalesced})
        if values is None and (size is not None or more):
            raise no_combination("sparse_coo_tensor", (indices, values, size, *more), {})
        if size is None and values is not None:
            raise RuntimeError("indices must be sparse_dim x nnz, but got: []")
        sizes = (indices,) if values is None else (indices, values, size, *more)
        errors.need_int("sparse_coo_tensor", **{f"size[{i}]": n for i, n in enumerate(sizes)})
        if any(n < 0 for n in sizes):
            raise RuntimeError(f"Trying to create tensor with negative dimension: {list(sizes)}")
        return _empty(sizes, dtype, requires_grad)
    if more:
        raise TypeError(f"sparse_coo_tensor() takes 3 positional arguments, not {3 + len(more)}")
    if values is None:
        return _empty(indices if size is None else size, dtype, requires_grad)
    places = as_tensor(indices).detach().long()
    given = values if isinstance(values, Tensor) else tensor(values)
    given = given if dtype is None else given.to(dtype)
    if given._data.ndim == 0:
        given = given.reshape(1)
    shape = _checked(places, given, size)
    made = make(places, given, params=(shape, bool(is_coalesced)))
    return made.detach().requires_grad_() if requires_grad else made


def _whole(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value._data.ndim and value._data.dtype.kind in "iu"
    return hasattr(value, "__index__") and not isinstance(value, (bool, np.ndarray))


def _empty(size: Any, dtype: Any, requires_grad: bool) -> Tensor:
    if isinstance(size, Tensor) or not hasattr(size, "__iter__"):
        raise errors.wrong_kind("sparse_coo_tensor", "size", "tuple of ints", size)
    shape = tuple(int(n) for n in size)
    kind = (S.default_dtype if dtype is None else dtype).np
    made = wrap(Coo(np.zeros((len(shape), 0), np.int64), np.zeros(0, kind), shape))
    return made.requires_grad_() if requires_grad else made


def _checked(places: Tensor, values: Tensor, size: Any) -> tuple[int, ...]:
    array = own(places)
    if array.ndim != 2 and size is not None:
        raise RuntimeError(
            errors.hinted(
                "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = "
                f"{len(tuple(size))}, sparse_dim = {array.shape[0] if array.ndim else 0}, "
                f"dense_dim = {values._data.ndim - 1}",
                f"indices: {list(array.shape)}",
                hint="indices have a row for every dimension and a column for every entry",
            )
        )
    if array.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(array.shape)}")
    count = values._data.shape[0]
    if array.shape[1] != count:
        raise RuntimeError(
            "indices and values must have same nnz, but got nnz from indices: "
            f"{array.shape[1]}, nnz from values: {count}"
        )
    if size is None:
        most = array.max(axis=1) + 1 if array.size else np.zeros(len(array), int)
        size = (*(int(n) for n in most), *values._data.shape[1:])
    size = tuple(int(n) for n in size)
    if len(size) != len(array) + values._data.ndim - 1:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {len(array)}, dense_dim = {values._data.ndim - 1}"
        )
    if size[len(array) :] != values._data.shape[1:]:
        raise RuntimeError(
            f"values has incorrect size, expected {[count, *size[len(array) :]]}, got "
            f"{list(values._data.shape)}"
        )
    limits = np.array(size[: len(array)], np.int64)[:, None]
    if array.size and (array < 0).any():
        dim = int((array < 0).any(1).argmax())
        raise RuntimeError(f"found negative index {array[dim].min()} for dim {dim}")
    if array.size and (array >= limits).any():
        dim = int((array >= limits).any(1).argmax())
        raise RuntimeError(
            f"size is inconsistent with indices: for dim {dim}, size is {size[dim]} but found "
            f"index {array[dim].max()}"
        )
    return size


# ---------------------------------------------------------------- methods


def _method(function: Any) -> Any:
    METHODS[function.__name__] = function
    return function


def need_coo(name: str, s: Tensor, what: str = "sparse coordinate") -> Coo:
    """The sparse array of a tensor; RuntimeError in PyTorch's words for a dense one."""
    if not s.is_sparse:
        raise RuntimeError(
            f"{name} expected {what} tensor layout but got Strided\nHint: x.to_sparse()"
        )
    found: Coo = s._data
    return found


def _inside(name: str, s: Tensor) -> Coo:
    if not s.is_sparse:
        raise NotImplementedError(
            f"Could not run 'aten::{name}' with arguments from the 'CPU' backend.\n"
            "Hint: only sparse tensors have it: x.to_sparse()"
        )
    found: Coo = s._data
    return found


def _need_coalesced(what: str, s: Tensor, layout: str = "sparse coordinate") -> None:
    if not need_coo(what, s, layout).coalesced:
        raise RuntimeError(
            f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
        )


@_method
def indices(self: Tensor) -> Tensor:
    """The indices of a coalesced tensor, a row a dimension."""
    _need_coalesced("indices", self)
    return wrap(self._data.indices)


@_method
def values(self: Tensor) -> Tensor:
    """The values of a coalesced tensor, recorded."""
    _need_coalesced("values", self, "sparse")
    return values_of(self)


@_method
def _indices(self: Tensor) -> Tensor:
    """The indices as they are kept."""
    return wrap(_inside("_indices", self).indices)


@_method
def _values(self: Tensor) -> Tensor:
    """The values as they are kept, outside the graph."""
    return wrap(_inside("_values", self).values)


@_method
def _nnz(self: Tensor) -> int:
    """The number of entries."""
    return _inside("_nnz", self).nnz


@_method
def _coalesced_(self: Tensor, coalesced: bool) -> Tensor:
    """Promise that the indices are sorted and each there once, or take that back."""
    c = _inside("_coalesced_", self)
    self._data = Coo(c.indices, c.values, c.shape, bool(coalesced))
    return self


@_method
def is_coalesced(self: Tensor) -> bool:
    """Whether the indices are sorted and each there once."""
    return need_coo("is_coalesced", self).coalesced


@_method
def sparse_dim(self: Tensor) -> int:
    """How many dimensions the indices have; 0 of a dense tensor."""
    return self._data.split if self.is_sparse else 0


@_method
def dense_dim(self: Tensor) -> int:
    """How many dimensions every value has."""
    return self._data.ndim - (self._data.split if self.is_sparse else 0)


@_method
def coalesce(self: Tensor) -> Tensor:
    """The same with sorted indices, values of equal indices summed."""
    return self if need_coo("coalesce", self).coalesced else coalesced(self)


@_method
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor as an ordinary one; its gradient is taken at the stored indices, everywhere with
    masked_grad=False."""
    if dtype is not None and not isinstance(dtype, dtypes.dtype):
        raise errors.wrong_kind("to_dense", "dtype", "torch.dtype", dtype, 1)
    if not self.is_sparse:
        return self if dtype is None else self.to(dtype)
    made = (unmasked if masked_grad is False else dense)(self)
    return made if dtype is None else made.to(dtype)


@_method
def to_sparse(self: Tensor, *args: Any, **options: Any) -> Tensor:
    """The elements that are not zero as a sparse tensor, recorded: `to_sparse(sparse_dim)`."""
    errors.only("to_sparse", options, "sparse_dim", "layout", "blocksize", "dense_dim")
    if len(args) > 1:
        raise TypeError(
            f"to_sparse() takes 1 positional argument but {len(args)} were given\n"
            "Hint: x.to_sparse(2), or x.to_sparse(layout=torch.sparse_coo)"
        )
    first = args[0] if args else options.get("sparse_dim", options.get("layout"))
    if args and first is None:
        raise no_combination("to_sparse", args, options)
    if type(first) is int and first == 0 and self._data.ndim:
        raise RuntimeError(
            "dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0, however "
            "sparse_dim is 0"
        )
    if first is not None and _whole(first):
        first = first.__index__()
    if not (first is None or isinstance(first, (int, type(dtypes.sparse_coo)))):
        raise no_combination("to_sparse", args, options)
    if not (first is None or first is dtypes.sparse_coo or type(first) is int):
        raise NotImplementedError(
            f"to_sparse({first!r}): only coordinates (sparse_coo) are here\nHint: x.to_sparse()"
        )
    if self.is_sparse:
        return self
    rank = self._data.ndim
    split = first if type(first) is int else rank
    if not 0 <= split <= rank:
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{rank}] range, but {split} is "
            "given"
        )
    made: Tensor = of_dense(self, params=(split,))
    return made if type(first) is int else titled(made, "ToSparseBackward1")


@_method
def to_sparse_coo(self: Tensor) -> Tensor:
    """`to_sparse()`."""
    return to_sparse(self)


@_method
def sparse_mask(self: Tensor, mask: Tensor) -> Tensor:
    """The elements at the indices of the sparse `mask`, as a sparse tensor of that pattern."""
    need_coo("sparse_mask", mask)
    if mask._data.shape != self._data.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size "
            f"{list(self._data.shape)} but mask has size {list(mask._data.shape)}"
        )
    return masked(self, mask)


@_method
def sparse_resize_(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> Tensor:
    """Give it another size, at least as large where there are entries."""
    c = _inside("sparse_resize_", self)
    size = tuple(size)
    if len(size) != sparse_dim + dense_dim:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {sparse_dim}, dense_dim = {dense_dim}"
        )
    if c.nnz and sparse_dim != c.split:
        raise RuntimeError(
            f"changing the number of sparse dimensions (from {c.split} to {sparse_dim}) on a "
            "non-empty sparse tensor is not supported."
        )
    for what, part in (("sparse", slice(c.split)), ("dense", slice(c.split, None))):
        have, want = list(c.shape[part]), list(size[part])
        if c.nnz and any(n < m for n, m in zip(want, have, strict=True)):
            raise RuntimeError(
                f"shrinking the size of {what} dimensions (from {have} to {want}) on a non-empty "
                "sparse tensor is not supported."
            )
    if c.nnz:
        values = np.zeros((c.nnz, *size[sparse_dim:]), c.values.dtype)
        values[tuple(slice(n) for n in c.values.shape)] = c.values
        self._data = Coo(c.indices, values, size, c.coalesced)
        return self
    return sparse_resize_and_clear_(self, size, sparse_dim, dense_dim)


@_method
def sparse_resize_and_clear_(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> Tensor:
    """Give it another size and no entries."""
    kind = _inside("sparse_resize_and_clear_", self).values.dtype
    size = tuple(size)
    if len(size) != sparse_dim + dense_dim:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {sparse_dim}, dense_dim = {dense_dim}"
        )
    none = np.zeros((sparse_dim, 0), np.int64), np.zeros((0, *size[sparse_dim:]), kind)
    self._data = Coo(*none, size, False)
    return self


# ---------------------------------------------------------------- printing and pickling


@_method
def _sparse_text(self: Tensor, suffixes: list[str]) -> str:
    """The text of a sparse tensor: indices, values and what they do not show."""
    c: Coo = self._data
    return sparse_repr(c.indices, c.values, c.shape, suffixes, S.default_dtype.name)


@_method
def _sparse_reduced(self: Tensor) -> Any:
    """For pickle: what makes it again."""
    c: Coo = self._data
    return rebuilt, (
        wrap(c.indices),
        wrap(c.values),
        Size(c.shape),
        c.coalesced,
        self.requires_grad,
    )


@public("_sparse_rebuilt")
def rebuilt(
    indices: Tensor, values: Tensor, size: Any, coalesced: bool, requires_grad: bool = False
) -> Tensor:
    """A sparse tensor from its parts, checked."""
    made: Tensor = sparse_coo_tensor(indices, values, size, is_coalesced=coalesced)
    c: Coo = made._data
    if coalesced and (np.diff(coo.keys(c.indices, c.shape[: c.split])) <= 0).any():
        raise RuntimeError("the indices are said to be coalesced and are not in order")
    return made.requires_grad_() if requires_grad else made
