"""Joining and splitting: cat and split are each other's adjoints, and so are stack and unbind."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.declare import SAME, general, movement, public, spelled
from ...core.node import LEAF, Output, next_k
from ...core.primitive import given_out
from ...core.record import OPS, record
from ...core.tensor import Tensor, own, wrap
from ...kernels import moves
from ...kernels import shape as kernels
from ..index.indexing import select, slice_dim, slice_lane
from .arrange import atleast_1d, atleast_2d, atleast_3d, squeeze, unsqueeze, unsqueeze_lane
from .diagonal import unfold
from .reshape import as_strided, expand, need_tensor, permute, reshape, transpose, view
from .views import linked_all

_new = object.__new__
Ints = tuple[int, ...]


# ---------------------------------------------------------------- arguments


def _listed(op: str, tensors: Any) -> list[Tensor]:
    """The tensors of a list or tuple, checked."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, (tuple, list)):
        raise TypeError(
            f"{op}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{errors.kind_name(tensors)}\n"
            f"Hint: put them in a list, as in torch.{op}([a, b])"
        )
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {errors.kind_name(t)}"
            )
    return list(tensors)


def _stackable(op: str, tensors: Any) -> list[Tensor]:
    many = _listed(op, tensors)
    if not many:
        raise RuntimeError(f"{op} expects a non-empty TensorList")
    return many


# ---------------------------------------------------------------- cat, stack


def _cat_back(xp: Any, g: Any, xs_shape: Any, dim: int) -> tuple[Any, ...]:
    made, start = [], 0
    for shape in xs_shape:
        made.append(xp.slice(g, dim, start, start + shape[dim], 1))
        start += shape[dim]
    return tuple(made)


def _joined(prim: Any, join: Any, tensors: Any, dim: int) -> Tensor | None:
    """The short way of cat and stack: tensors of one dtype that NumPy joins; None otherwise, which
    says why."""
    if type(dim) is not int or (type(tensors) is not list and type(tensors) is not tuple):
        return None
    arrays, recorded, dtype = [], False, None
    for t in tensors:
        if not isinstance(t, Tensor):
            return None
        data = t._data
        if data.dtype is not dtype:
            if dtype is not None:
                return None
            dtype = data.dtype
        recorded = recorded or t._node is not None
        arrays.append(data)
    try:
        made = wrap(join(arrays, dim))
    except (ValueError, TypeError, IndexError, NotImplementedError, MemoryError):
        return None
    if recorded and (S.grad or grad_enabled()):
        record(prim, (made,), tuple(tensors), (dim if dim >= 0 else dim + made._data.ndim,))
    return made


_cat = general(
    "cat",
    lambda xs, dim=0: moves.joined(xs, dim),
    ("xs",),
    vjp=_cat_back,
    variadic=True,
    promote=SAME,
    aliases=("concat", "concatenate"),
    method=False,
    doc="Tensors one after the other along `dim`; each gets its part of the cotangent.",
)


@spelled(_cat)
def cat(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Any = None) -> Any:
    if S.mode is None and out is None and axis is None:
        made = _joined(_cat.prim, moves.joined, tensors, dim)
        if made is not None:
            return made
    many = _listed("cat", tensors)
    if not many:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    ranks = {t._data.ndim for t in many}
    if len(ranks) > 1 or 0 in ranks:
        many = _same_rank(many)
    first = many[0]._data.shape
    if axis is not None:
        dim = errors.one_dim("cat", dim or None, axis)
    dim = errors.checked_dim(dim, len(first))
    for i, t in enumerate(many):
        shape = t._data.shape
        if shape[:dim] != first[:dim] or shape[dim + 1 :] != first[dim + 1 :]:
            raise _unequal(dim, first, shape, i)
    if out is not None and not isinstance(out, Tensor):
        raise errors.wrong_type("cat", "out", 3, out)
    if out is not None and any(
        out is t or np.may_share_memory(out._data, t._data) for t in tensors
    ):
        raise RuntimeError(
            "unsupported operation: the input tensors cannot refer to any of the output memory "
            "locations. "
            "Found overlap in input tensor 0"
        )
    if out is not None:
        _check_joined(many, out)
    return _cat.prim.call(*many, params=(dim,), out=out)


def _check_joined(many: list[Tensor], out: Tensor) -> None:
    if any(t.dtype.category > out.dtype.category for t in many):
        raise TypeError(
            "torch.cat(): input types can't be cast to the desired output type "
            + errors.LEGACY[out.dtype.name]
        )


def _same_rank(many: list[Tensor]) -> list[Tensor]:
    """Without the empty vectors that PyTorch lets pass beside tensors of any rank."""
    for i, t in enumerate(many):
        if not t._data.ndim:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated\nHint: use "
                "torch.stack"
            )
    kept = [t for t in many if t._data.shape != (0,)]
    for t in kept:
        if t._data.ndim != kept[0]._data.ndim:
            raise RuntimeError(
                "Tensors must have same number of dimensions: "
                f"got {kept[0]._data.ndim} and {t._data.ndim}\n"
                f"shapes: {', '.join(str(list(k._data.shape)) for k in kept)}"
            )
    return kept


def _unequal(dim: int, first: Ints, shape: Ints, number: int) -> RuntimeError:
    at = next(d for d, (a, b) in enumerate(zip(first, shape, strict=True)) if a != b and d != dim)
    return RuntimeError(
        errors.hinted(
            f"Sizes of tensors must match except in dimension {dim}. Expected size {first[at]} "
            "but got size "
            f"{shape[at]} for tensor number {number} in the list.",
            f"shapes: {list(first)} and {list(shape)}",
            hint="all sizes but the one along `dim` must agree",
        )
    )


_stack = general(
    "stack",
    lambda xs, dim=0: moves.stacked(xs, dim),
    ("xs",),
    vjp=lambda xp, g, dim: xp.unbind(g, dim),
    variadic=True,
    promote=SAME,
    method=False,
    doc="Tensors of one shape along a new dimension.",
)


@spelled(_stack)
def stack(tensors: Any, dim: int = 0, *, out: Any = None, axis: Any = None) -> Any:
    if axis is not None:
        dim = errors.one_dim("stack", dim or None, axis)
    if S.mode is None and out is None:
        made = _joined(_stack.prim, moves.stacked, tensors, dim)
        if made is not None:
            return made
    many = _stackable("stack", tensors)
    first = many[0]._data.shape
    dim = errors.checked_dim(dim, len(first) + 1)
    for i, t in enumerate(many):
        if t._data.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(t._data.shape)} at entry {i}"
            )
    return _stack.prim.call(*many, params=(dim,), out=out)


@public("hstack")
def hstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Side by side: along the second dimension, vectors along their only one."""
    if S.mode is None and out is None and type(tensors) is tuple and tensors:
        n = tensors[0]._data.ndim if type(tensors[0]) is Tensor else 0
        made = _joined(_cat.prim, moves.joined, tensors, 0 if n == 1 else 1) if n else None
        if made is not None:
            return made
    many = _stackable("hstack", tensors)
    if min(t._data.ndim for t in many) == 0:
        many = atleast_1d(many)
    return cat(many, 0 if many[0]._data.ndim == 1 else 1, out=out)


@public("vstack", "row_stack")
def vstack(tensors: Any, *, out: Any = None) -> Tensor:
    """One above the other: along the first dimension, vectors as rows."""
    many = _stackable("vstack", tensors)
    plain = S.mode is None and out is None
    for t in many:
        plain = plain and t._node is None and t._data.ndim == 1
    if plain:
        # two nodes as one, as nothing is recorded
        made = _joined(_stack.prim, moves.stacked, many, 0)
        if made is not None:
            return made
    if S.mode is None and out is None:  # `atleast_2d`, in fewer steps
        rows = [unsqueeze_lane(t, (0,)) if t._data.ndim == 1 else t for t in many]
        made = _joined(_cat.prim, moves.joined, rows, 0)
        if made is not None:
            return made
    return cat(atleast_2d(many), 0, out=out)


@public("dstack")
def dstack(tensors: Any, *, out: Any = None) -> Tensor:
    """One behind the other: along the third dimension."""
    return cat(atleast_3d(_stackable("dstack", tensors)), 2, out=out)


@public("column_stack")
def column_stack(tensors: Any, *, out: Any = None) -> Tensor:
    """Side by side, vectors as columns."""
    many = [
        t if t._data.ndim > 1 else reshape(t, (t.numel(), 1))
        for t in _stackable("column_stack", tensors)
    ]
    return cat(many, 1, out=out)


def _block_shape(shape: Ints) -> Ints:
    return shape if len(shape) == 2 else (1,) * (2 - len(shape)) + tuple(shape)


def _block_diag_kernel(xs: Any) -> Any:
    shapes = [_block_shape(x.shape) for x in xs]
    size = sum([m for m, _ in shapes]), sum([n for _, n in shapes])
    made = np.zeros(size, xs[0].dtype)
    row = col = 0
    for x, (m, n) in zip(xs, shapes, strict=True):
        made[row : row + m, col : col + n] = x
        row, col = row + m, col + n
    return made


def _block_diag_back(xp: Any, g: Any, xs_shape: Any) -> tuple[Any, ...]:
    made, row, col = [], 0, 0
    for shape in xs_shape:
        m, n = _block_shape(shape)
        block = xp.slice(xp.slice(g, 0, row, row + m, 1), 1, col, col + n, 1)
        made.append(block if len(shape) == 2 else xp.reshape(block, shape))
        row, col = row + m, col + n
    return tuple(made)


_block_diag = general(
    "block_diag",
    _block_diag_kernel,
    ("xs",),
    vjp=_block_diag_back,
    variadic=True,
    promote=SAME,
    method=False,
    doc="Matrices along the diagonal of a matrix of zeros.",
)


@spelled(_block_diag)
def block_diag(*tensors: Any) -> Any:
    for i, t in enumerate(_listed("block_diag", tensors)):
        if t._data.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} "
                f"has {t._data.ndim} dimensions"
            )
    if not tensors:
        return wrap(np.empty((1, 0), np.float32))
    arrays = [t._data for t in tensors if t._node is None and type(t) is Tensor]
    if S.mode is None and len(arrays) == len(tensors) and len({a.dtype for a in arrays}) == 1:
        return wrap(_block_diag_kernel(arrays))
    return _block_diag.prim.call(*tensors)


# ---------------------------------------------------------------- split, unbind


def _split_kernel(x: Any, split_size: int, dim: int = 0) -> tuple[Any, ...]:
    n = x.shape[dim]
    if not n:
        return (x[...],)
    whole, rest = divmod(n, split_size)
    return kernels.pieces(x, (split_size,) * whole + ((rest,) if rest else ()), dim)


_split = movement(
    "split",
    _split_kernel,
    lambda xp, g, dim: xp.cat(g, dim),
    view=True,
    outputs=("outs",),
    doc="Parts of equal size along `dim`; views.",
)
_split_sizes = movement(
    "split_with_sizes",
    lambda x, split_sizes, dim=0: kernels.pieces(x, split_sizes, dim),
    lambda xp, g, dim: xp.cat(g, dim),
    view=True,
    outputs=("outs",),
    doc="Parts of the given sizes along `dim`; views.",
)


def _views(prim: Any, x: Tensor, params: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """Several views of `x`, the short way where no interpreter runs."""
    data = own(x) if S.mode is None else None
    if type(data) is not np.ndarray:
        return prim.call(x, params=params)
    return _parts(prim, x, prim.kernel(data, *params), params)


def _parts(
    prim: Any, x: Tensor, arrays: tuple[Any, ...], params: tuple[Any, ...]
) -> tuple[Tensor, ...]:
    recording = S.grad or grad_enabled()
    outs = linked_all(prim, x, arrays, params, recording)
    edge = x._node
    if edge is not None and outs and recording:  # `record` with its steps written out
        node: Any = _new(prim.general_node)
        node.k, node.hooks, node.p = next_k(), None, params
        node.e = (x if edge is LEAF else edge,)
        node.s0, node.v0, node.s1 = [], [], None
        node.v1 = tuple([(a.shape, a.dtype) for a in arrays])
        for i, t in enumerate(outs):
            t._node = Output.of(node, i)
    return outs


def _need_dims(op: str, x: Any) -> None:
    if not isinstance(x, Tensor):
        raise errors.wrong_type(op, "tensor", 1, x)
    if not x._data.ndim:
        raise RuntimeError(f"{op} expects at least a 1-dimensional tensor")


@spelled(_split)
def split(
    tensor: Any, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None
) -> Any:
    size = split_size_or_sections if split_size is None else split_size
    if isinstance(size, (tuple, list)):
        return split_with_sizes(tensor, size, dim)
    _need_dims("split", tensor)
    if type(size) is not int and not isinstance(size, Tensor):
        raise TypeError(
            "split_with_sizes(): argument 'split_sizes' (position 2) must be tuple of ints, "
            f"not {errors.kind_name(size)}"
        )
    dim = errors.checked_dim(dim, tensor._data.ndim)
    n = tensor._data.shape[dim]
    if isinstance(size, Tensor):
        if size._data.size != 1:
            raise errors.wrong_kind("split_with_sizes", "split_sizes", "tuple of ints", size, 2)
        size = int(size)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    return _views(_split.prim, tensor, (size, dim))


@spelled(_split_sizes)
def split_with_sizes(tensor: Any, split_sizes: Any, dim: int = 0) -> Any:
    _need_dims("split", tensor)
    if not isinstance(split_sizes, (tuple, list)):
        raise errors.wrong_kind("split_with_sizes", "split_sizes", "tuple of ints", split_sizes)
    dim = errors.checked_dim(dim, tensor._data.ndim)
    n, sizes = tensor._data.shape[dim], tuple(map(int, split_sizes))
    if any(k < 0 for k in sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(sizes)}"
        )
    if sum(sizes) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
            f"at dimension {dim}), "
            f"but got split_sizes={list(sizes)}"
        )
    return _views(_split_sizes.prim, tensor, (sizes, dim))


@public("chunk", method=True)
def chunk(input: Tensor, chunks: int, dim: int = 0, *, axis: Any = None) -> tuple[Tensor, ...]:
    """At most `chunks` parts of equal size (the last may be smaller) along `dim`; views."""
    _need_dims("chunk", input)
    if axis is not None:
        dim = errors.one_dim("chunk", dim or None, axis)
    if type(chunks) is not int:
        chunks = errors.checked_int("chunk", "chunks", chunks)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = errors.checked_dim(dim, input._data.ndim)
    n = input._data.shape[dim]
    if not n:
        return split_with_sizes(input, (0,) * chunks, dim)
    return _views(_split.prim, input, (-(-n // chunks), dim))


@public("tensor_split", method=True)
def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, **other: Any
) -> tuple[Tensor, ...]:
    """As many parts as asked for, sizes differing by at most one, or the parts between given
    indices; views.

    Args:
        indices_or_sections: a number of parts, or a list (or 1-D int64 tensor) of the places to
            cut at.
    """
    where = indices_or_sections
    if other:
        errors.only("tensor_split", other, "indices", "sections")
        where = other.get("indices", other.get("sections", indices_or_sections))
        _need_indices("tensor_split", other)
    if type(where) is bool:
        raise errors.wrong_kind("tensor_split", "sections", "int", where)
    if not input._data.ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    if isinstance(where, Tensor):
        if where._data.dtype != np.int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, "
                f"but got {errors.LEGACY[where.dtype.name]}"
            )
        if where._data.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                "one-dimensional tensor, "
                f"but got a tensor with {where._data.ndim} dims"
            )
        where = where.tolist()
    dim = errors.checked_dim(dim, input._data.ndim)
    n = input._data.shape[dim]
    if isinstance(where, (tuple, list)):
        ends = [*(int(i) if i is True or i is False else i for i in where), n]
    else:
        if type(where) is not int:
            errors.need_int("tensor_split", sections=where)
            where = where.__index__()
        if where <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        small, more = divmod(n, where)
        at, parts = 0, []
        for i in range(where):
            end = at + small + (i < more)
            parts.append(slice_lane(input, (dim, at, end, 1)))
            at = end
        return tuple(parts)
    starts = [0, *ends[:-1]]
    return tuple(slice_dim(input, dim, a, b) for a, b in zip(starts, ends, strict=True))


def _need_indices(op: str, named: dict[str, Any]) -> None:
    """`indices=` takes a list; a number of parts is `sections=`."""
    if "indices" in named and not isinstance(named["indices"], (tuple, list)):
        raise errors.wrong_kind(op, "indices", "tuple of ints", named["indices"])


def _directed(name: str, rank: int) -> Any:
    def function(
        input: Tensor, indices_or_sections: Any = None, *more: Any, **other: Any
    ) -> tuple[Tensor, ...]:
        errors.only(name, other, "indices", "sections")
        _need_indices(name, other)
        if more:
            indices_or_sections = (indices_or_sections, *more)
        n, where = (
            input._data.ndim,
            other.get("indices", other.get("sections", indices_or_sections)),
        )
        for i, at in enumerate(where if more else ()):
            if not hasattr(at, "__index__") or (not i and isinstance(at, bool)):
                raise errors.wrong_kind(name, f"indices[{i}]", "int", at)
        if type(where) is bool:
            raise errors.wrong_kind(name, "sections", "int", where)
        if n < rank:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {rank} dimension, but got a "
                f"tensor with {n} dimensions!"
            )
        dim = 0 if name == "hsplit" and n == 1 else {"hsplit": 1, "vsplit": 0, "dsplit": 2}[name]
        size = input._data.shape[dim]
        if isinstance(where, int) and (where <= 0 or size % where):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                f"dimension {size} is not "
                f"divisible by the split_size {where}!"
            )
        return tensor_split(input, where, dim)

    function.__name__ = function.__qualname__ = name
    along = {"hsplit": "columns", "vsplit": "rows", "dsplit": "depth"}[name]
    function.__doc__ = f"`tensor_split` along the {along}."
    return public(name, method=True)(function)


hsplit, vsplit, dsplit = _directed("hsplit", 1), _directed("vsplit", 2), _directed("dsplit", 3)


_unbind = movement(
    "unbind", lambda x, dim=0: kernels.unbind(x, dim), lambda xp, g, dim: xp.stack(g, dim),
    view=True, outputs=("outs",),
    doc="The slices along `dim`, without it; views.",
)  # fmt: skip


_unbind_prim = _unbind.prim


@spelled(_unbind)
def unbind(input: Any, dim: int = 0) -> Any:
    need_tensor("unbind", input)
    data = input._data
    n = data.ndim
    if not n:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = errors.checked_dim(dim, n)
    if S.mode is None and type(data) is np.ndarray:
        return _parts(_unbind_prim, input, kernels.unbind(data, dim), (dim,))
    return _unbind_prim.call(input, params=(dim,))


def _named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of a copying form: the tensor in front, and `axis` is `dim`."""
    if not args and "input" in kwargs:
        args = (kwargs.pop("input"),)
    if "axis" in kwargs and "dim" not in kwargs:
        kwargs["dim"] = kwargs.pop("axis")
    return args, kwargs


def _with_int(args: tuple[Any, ...], kwargs: dict[str, Any], size: Any) -> Any:
    if len(args) > 1:
        return (args[0], int(size), *args[2:]), kwargs
    return args, {**kwargs, "split_size": int(size)}


def _copies(name: str, of: Any) -> Any:
    def function(*args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        if kwargs:
            args, kwargs = _named(args, kwargs)
            if name.endswith("_copy") and kwargs.get("out", 0) is None:
                del kwargs["out"]
        size = args[1] if len(args) > 1 else kwargs.get("split_size")
        if name in ("split_copy", "unsafe_split") and isinstance(size, (tuple, list)):
            raise errors.wrong_kind(name, "split_size", "int", size)
        if isinstance(size, np.integer):
            args, kwargs = _with_int(args, kwargs, size)
        return tuple(OPS.clone(t) for t in of(*args, **kwargs))

    function.__name__ = function.__qualname__ = name
    plain = name.replace("unsafe_", "").replace("_copy", "")
    function.__doc__ = f"`{plain}`, whose parts have memory of their own."
    return function


def _copy(name: str, of: Any) -> None:
    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if kwargs:
            args, kwargs = _named(args, kwargs)
        return given_out(name, out, OPS.clone(of(*args, **kwargs)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name[:-5]}`, with memory of its own."
    public(name)(function)


for _name, _of in (
    ("expand_copy", expand),
    ("view_copy", view),
    ("permute_copy", permute),
    ("transpose_copy", transpose),
    ("squeeze_copy", squeeze),
    ("unsqueeze_copy", unsqueeze),
    ("t_copy", OPS.t),
    ("unfold_copy", unfold),
    ("as_strided_copy", as_strided),
    ("select_copy", select),
    ("slice_copy", slice_dim),
    ("alias_copy", OPS.alias),
):
    _copy(_name, _of)
for _name, _of in (
    ("unbind_copy", unbind),
    ("split_copy", split),
    ("split_with_sizes_copy", split_with_sizes),
):
    public(_name)(_copies(_name, _of))
for _name, _of in (
    ("unsafe_split", split),
    ("unsafe_chunk", chunk),
    ("unsafe_split_with_sizes", split_with_sizes),
):
    public(_name, method=True)(_copies(_name, _of))
