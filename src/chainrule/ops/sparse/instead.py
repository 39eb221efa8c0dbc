"""What an op does when an operand is sparse.

The general path of every call asks here when an operand is sparse. The ops of `ON_ARRAYS` know
sparse arrays and are recorded as always; those of `COMPOSED` are written in recorded operations on
the values; any function of elements that maps zero to zero is applied to the values. All else is
refused with PyTorch's sentence and the name of the op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.node import LEAF
from ...core.primitive import INSTEAD, Primitive
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...errors import type_name
from ...kernels import coo
from ...kernels.coo import Coo, unsupported
from .functions import product, sum_over, whole_sum
from .layout import ON_ARRAYS, at, coalesced, is_sparse, like, make, permuted, titled, values_of

# ---------------------------------------------------------------- on sparse arrays


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, Coo) and not isinstance(b, Coo):
        raise RuntimeError(
            "add(sparse, dense) is not supported. Use add(dense, sparse) instead.\n"
            "Hint: s.to_dense() is an ordinary tensor"
        )
    if not isinstance(a, (np.ndarray, np.generic, Coo)):
        a = np.asarray(a)
    return coo.add(a, b)


def _convert(a: Any, dtype: Any) -> Any:
    return a.like(RAW.to_dtype(a.values, dtype))


ON_ARRAYS |= {
    "add": _add,
    "sub": lambda a, b: _add(a, -b),
    "rsub": lambda a, b: _add(b, -a),
    "mul": coo.multiply,
    "div": coo.divide,
    "neg": lambda a: -a,
    "conj": lambda a: a.like(np.conjugate(a.values)),
    "positive": lambda a: a,
    "clone": lambda a: a.copy(),
    "to_dtype": _convert,
    "zero": lambda a: a.filled(0),
}


def _times_computed(a: Any, b: Any) -> Tensor | None:
    """A sparse tensor times a dense one that was computed, whose cotangent must be dense."""
    s, d = (a, b) if is_sparse(a) else (b, a)
    if not isinstance(d, Tensor) or is_sparse(d) or not d._data.ndim:
        return None
    if d._node is None or d._node is LEAF:
        return None
    s = coalesced(s)
    whole = d if d._data.shape == s._data.shape else OPS.expand(d, s._data.shape)
    picked = at(whole, wrap(s._data.indices))
    return titled(like(s, values_of(s) * picked), "MulBackward0")


def _on_arrays(prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Tensor:
    arrays = [t._data if isinstance(t, Tensor) else t for t in inputs]
    made = wrap(ON_ARRAYS[prim.name](*arrays, *params))
    if any(isinstance(t, Tensor) and t._node is not None for t in inputs):
        prim._recorded((made,), inputs, params)
    return made


# ---------------------------------------------------------------- composed


def _permute(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return permuted(x, params=(tuple(dims),))


def _transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    c = x._data
    dim0, dim1 = dim0 % c.ndim, dim1 % c.ndim
    if max(dim0, dim1) >= c.split and dim0 != dim1:
        raise RuntimeError(
            "sparse transpose: transposed dimensions must be sparse Got sparse_dim: "
            f"{c.split}, d0: {dim0}, d1: {dim1}\nHint: x.to_dense() first"
        )
    dims = list(range(c.ndim))
    dims[dim0], dims[dim1] = dim1, dim0
    return _permute(x, tuple(dims))


def _t(x: Tensor) -> Tensor:
    c = x._data
    if c.split > 2 or c.ndim > c.split:
        raise RuntimeError(
            "t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
            f"{c.split} sparse and {c.ndim - c.split} dense dimensions"
        )
    return x if c.ndim < 2 else _transpose(x, 0, 1)


def _sum(x: Tensor, dim: Any = None, keepdim: bool = False, *rest: Any) -> Tensor:
    return sum_over(x, dim, keepdim) if dim is not None else whole_sum(x)


def _picked(s: Tensor, entries: Any, indices: Any, shape: Any, sorted_: bool = False) -> Tensor:
    """Some entries of a coalesced tensor at new indices."""
    values = OPS.index_select(values_of(s), 0, wrap(np.asarray(entries, np.int64)))
    return make(wrap(np.ascontiguousarray(indices)), values, params=(tuple(shape), sorted_))


def _select(x: Tensor, dim: int, index: int) -> Tensor:
    s = coalesced(x)
    c = s._data
    shape = c.shape[:dim] + c.shape[dim + 1 :]
    if dim >= c.split:
        values = OPS.select(values_of(s), dim - c.split + 1, index)
        return make(wrap(c.indices), values, params=(shape, True))
    index = index + c.shape[dim] if index < 0 else index
    entries = np.flatnonzero(c.indices[dim] == index)
    if c.split == 1:
        found = OPS.index_select(values_of(s), 0, wrap(entries))
        return OPS.sum(found, (0,))
    rest = np.delete(c.indices[:, entries], dim, 0)
    return _picked(s, entries, rest, shape, True)


def _index_select(x: Tensor, index: Tensor, dim: int) -> Tensor:
    s = coalesced(x)
    c = s._data
    wanted = np.asarray(index._data).reshape(-1)
    size = c.shape[dim]
    if wanted.size and not (wanted.min() >= 0 and wanted.max() < size):
        raise IndexError("index out of range in self")
    shape = (*c.shape[:dim], len(wanted), *c.shape[dim + 1 :])
    if dim >= c.split:
        values = OPS.index_select(values_of(s), dim - c.split + 1, index)
        return make(wrap(c.indices), values, params=(shape, True))
    order = np.argsort(c.indices[dim], kind="stable")
    have = c.indices[dim][order]
    starts = np.searchsorted(have, wanted)
    counts = np.searchsorted(have, wanted, "right") - starts
    first = np.repeat(np.cumsum(counts) - counts, counts)
    entries = order[np.repeat(starts, counts) + np.arange(int(counts.sum())) - first]
    indices = c.indices[:, entries]
    indices[dim] = np.repeat(np.arange(len(wanted)), counts)
    return coalesced(_picked(s, entries, indices, shape))


def _unbind(x: Tensor, dim: int) -> tuple[Tensor, ...]:
    return tuple([_select(x, dim, i) for i in range(x._data.shape[dim])])


def _unsqueeze(x: Tensor, dim: int) -> Tensor:
    s = coalesced(x)
    c = s._data
    shape = (*c.shape[:dim], 1, *c.shape[dim:])
    if dim > c.split:
        values = OPS.unsqueeze(values_of(s), dim - c.split + 1)
        return make(wrap(c.indices), values, params=(shape, True))
    indices = np.insert(c.indices, dim, 0, axis=0)
    return make(wrap(indices), values_of(s), params=(shape, True))


def _cat(*inputs: Any) -> Tensor:
    *parts, dim = inputs
    all_sparse = all(is_sparse(t) for t in parts)
    splits = {t._data.split for t in parts if is_sparse(t)}
    if not all_sparse or len(splits) > 1 or dim >= min(splits):
        raise RuntimeError(
            "Concatenating sparse tensors, but a dense tensor, another number of sparse "
            "dimensions or a dense dimension was found\nHint: x.to_dense() first"
        )
    indices, at = [], 0
    shapes = {tuple(n for d, n in enumerate(t._data.shape) if d != dim) for t in parts}
    if len(shapes) > 1:
        raise RuntimeError(
            "torch.cat(): all sparse tensors must have the same sizes, but got "
            f"{[list(t._data.shape) for t in parts]}"
        )
    parts = [coalesced(t) for t in parts]
    for t in parts:
        moved = t._data.indices.copy()
        moved[dim] += at
        at += t._data.shape[dim]
        indices.append(moved)
    shape = list(parts[0]._data.shape)
    shape[dim] = at
    values = OPS.cat([values_of(t) for t in parts])
    made = make(wrap(np.concatenate(indices, axis=1)), values, params=(tuple(shape), dim == 0))
    return coalesced(made)


def _stack(*inputs: Any) -> Tensor:
    *parts, dim = inputs
    return _cat(*[_unsqueeze(t, dim) for t in parts], dim)


def _addmm(bias: Tensor, a: Tensor, b: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    made = product(a, b)
    return (bias if beta == 1 else bias * beta) + (made if alpha == 1 else made * alpha)


def _copy(a: Tensor, b: Tensor) -> Tensor:
    if not (a.is_sparse and b.is_sparse):
        names = ("torch.sparse." if t.is_sparse else "torch." for t in (a, b))
        kinds = (type_name(t.dtype).removeprefix("torch.") for t in (a, b))
        own, other = (n + k for n, k in zip(names, kinds, strict=True))
        raise RuntimeError(
            "copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{own} and src type = {other}\nHint: src.to_dense()"
        )
    return OPS.clone(b)


def _any(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    if dim is not None:
        raise unsupported("any.dim")
    return wrap(np.any(x._data.values))


COMPOSED: dict[str, Callable[..., Any]] = {
    "matmul": product,
    "sum": _sum,
    "permute": _permute,
    "transpose": _transpose,
    "t": _t,
    "select": _select,
    "index_select": _index_select,
    "unbind": _unbind,
    "unsqueeze": _unsqueeze,
    "cat": _cat,
    "stack": _stack,
    "addmm": _addmm,
    "addmv": _addmm,
    "copy": _copy,
    "any": _any,
}

# ---------------------------------------------------------------- functions of elements


def _on_values(prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """f(values), where f(0) = 0; None if it is another op."""
    s, *others = inputs
    plain = not any(isinstance(t, Tensor) and t._data.ndim for t in others)
    if prim.kind != "elementwise" or not is_sparse(s) or not plain:
        return None
    zero = wrap(s._data.values.dtype.type(0))
    at_zero = prim.evaluate(
        (zero, *(t.detach() if isinstance(t, Tensor) else t for t in others)), params
    )
    if prim.several or not bool(at_zero._data == 0):
        return None
    s, title = coalesced(s), prim.grad_fn
    if prim.number_node is not None and not isinstance(inputs[-1], Tensor):
        title = prim.number_node.__name__
    return titled(like(s, prim.evaluate((values_of(s), *others), params)), title)


def instead(prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """The result of an op of which an operand is sparse."""
    if prim.name == "mul" and (made := _times_computed(*inputs)) is not None:
        return made
    if prim.name in ON_ARRAYS:
        return _on_arrays(prim, inputs, params)
    composed = COMPOSED.get(prim.name)
    if composed is not None:
        return composed(*inputs, *params)
    made = _on_values(prim, inputs, params)
    if made is None:
        raise unsupported(prim.name)
    return made


INSTEAD += [instead, Coo]
