"""`x[...] = v` and `index_put`: writing where an index says.

Without recording it goes straight into the memory. Recorded, the region is a view that
`core/views.py` hangs under its
base (`CopySlices`), or, where index tensors are left, `index_put` in place.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled, inference_enabled
from ...core.declare import METHODS, public
from ...core.node import INFERENCE, LEAF, Output
from ...core.primitive import INSTEAD, bump, cast
from ...core.record import OPS
from ...core.tensor import Tensor, own, wrap
from ...core.views import inplace, overwrite, refuse_overlap
from ...kernels import index as kernels
from ..shape.reshape import expand, need_tensor
from .indexing import BOOL, INT64, apply_index, as_index, checked_indices, padded

_ndarray = np.ndarray
Ints = tuple[int, ...]
_index_put = OPS.index_put_canonical


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`: broadcast, in the dtype of `x`; recorded when either side is."""
    recorded = S.mode is not None or (
        (self._node is not None or (type(value) is Tensor and value._node is not None))
        and (S.grad or grad_enabled())
    )
    data = self._data
    if not recorded and type(data) is _ndarray and self._vc is not INFERENCE:
        kind = type(value)
        y = value
        if kind is Tensor:
            y = value._data
            plain = y.dtype is data.dtype
        else:
            plain = (kind is float or kind is int) and data.dtype.kind == "f"
        key = index._data if type(index) is Tensor and index._data.dtype in (INT64, BOOL) else index
        if plain and (_basic(index) or (key is not index and key.ndim and not np.ndim(y))):
            if kind is Tensor and value._vc is self._vc is not None and key is index:
                target = wrap(data[key])
                target._vc = self._vc
                refuse_overlap(target, (value,), "x[...] = v")
            try:
                if key.__class__ is _ndarray and kind is not Tensor and key.dtype is BOOL:
                    kernels.fill_at(data, key, y)
                else:
                    data[key] = y
                bump(self)
                return
            except (ValueError, IndexError, TypeError, OverflowError):
                pass  # said properly below
    _setitem(self, index, value, recorded)


def _basic(index: Any) -> bool:
    """Whether NumPy takes this index as PyTorch does, without index tensors."""
    kind = type(index)
    if kind is int or index is Ellipsis:
        return True
    if kind is slice:
        return index.step is None or (type(index.step) is int and index.step > 0)
    if kind is tuple:
        return all(
            i is Ellipsis or i is None or (type(i) in (int, slice) and _basic(i)) for i in index
        )
    return False


def _setitem(x: Tensor, index: Any, value: Any, recorded: bool) -> None:
    value = _value_for(x, value)
    if recorded and S.mode is None:
        target, found = apply_index(x, index, writing=True)
    else:
        target, found = _unrecorded_apply(x, index)
    _check_assignable(x, view=not found and target is not x)
    if found:
        return _put(target, found, value, recorded)
    if not recorded:
        return _write_region(target, value)
    return _assign(x, target, value)


def _unrecorded_apply(x: Tensor, index: Any) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    if S.mode is not None:
        return apply_index(x, index, writing=True)
    plain = wrap(own(x))
    plain._vc = x._vc if x._vc is not None else [0]
    x._vc = plain._vc
    return apply_index(plain, index, writing=True)


def _check_assignable(x: Tensor, view: bool) -> None:
    if x._vc is INFERENCE and not inference_enabled():
        raise errors.inference_inplace()
    if S.grad or grad_enabled():
        base = x if x._view is None else x._view[0]
        if base._node is LEAF:
            raise errors.leaf_inplace(x, "x[...] = v", view=view or x._view is not None)
        if type(x._node) is Output and x._view is not None:
            raise errors.multi_output_view_inplace(x)


def _value_for(x: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (bool, int, float, complex, np.generic)) and not isinstance(value, str):
        number = value.item() if isinstance(value, np.generic) else value
        if isinstance(number, complex) and x.dtype.category < 3:
            raise RuntimeError(
                f"value cannot be converted to type {_c_name(x.dtype)} without overflow"
            )
        return wrap(np.array(number).astype(x._data.dtype))
    name = errors.kind_name(value)
    if isinstance(value, _ndarray):
        name = "numpy.ndarray"
    raise TypeError(
        f"can't assign a {name} to a {errors.type_name(x.dtype)}\nHint: torch.tensor(value) "
        "makes a tensor of it"
    )


def _c_name(d: dtypes.dtype) -> str:
    return {
        "float32": "float",
        "float64": "double",
        "int64": "int64_t",
        "int32": "int",
        "float16": "at::Half",
        "bool": "bool",
        "uint8": "uint8_t",
        "int16": "int16_t",
        "int8": "int8_t",
    }.get(d.name, d.name)


def _fitted(target: Tensor, value: Tensor) -> Tensor:
    """`value` without leading ones that `target` has no dimensions for, in its dtype."""
    have, wanted = value._data.shape, target._data.shape
    extra = len(have) - len(wanted)
    if extra > 0 and all(n == 1 for n in have[:extra]):
        value = OPS.reshape(value, have[extra:])
        have = have[extra:]
    if have != wanted:
        value = expand(value, wanted)  # says what does not fit
    if value._data.dtype.kind == "c" and target._data.dtype.kind != "c":
        warnings.warn(
            "Casting complex values to real discards the imaginary part", UserWarning, stacklevel=5
        )
    return cast(value, target.dtype)


def _write_region(target: Tensor, value: Tensor) -> None:
    _need_writeable(target)
    refuse_overlap(target, (value,), "x[...] = v")
    np.copyto(target._data, _fitted(target, value)._data, casting="unsafe")
    if target._vc is not INFERENCE:
        bump(target)


def _need_writeable(target: Tensor) -> None:
    """Elements that share memory (an expanded tensor) cannot be written one by one."""
    data = target._data
    if type(data) is _ndarray and not data.flags.writeable:
        raise errors.overlapping_inplace("x[...] = v")


def _assign(x: Tensor, target: Tensor, value: Tensor) -> None:
    if target is x and x._data.ndim and not value._data.ndim:
        x.fill_(cast(value, x.dtype))
    elif target is x:
        x.copy_(_fitted(x, value))
    else:
        _need_writeable(target)
        refuse_overlap(target, (value,), "x[...] = v")
        overwrite(target, _fitted(target, value))


def _put(
    target: Tensor,
    found: list[tuple[int, Tensor]],
    value: Tensor,
    recorded: bool,
    accumulate: bool = False,
) -> None:
    indices, dims = checked_indices(target, found)
    if value._data.dtype != target._data.dtype:
        if value._data.ndim:
            raise _put_dtypes(target, value)
        value = cast(value, target.dtype)
    _need_writeable(target)
    if not recorded:
        kernels.put_at(own(target), value._data, tuple(i._data for i in indices), dims, accumulate)
        if target._vc is not INFERENCE:
            bump(target)
        return
    inplace(_index_put.prim, target, value, *padded(indices), params=(dims, accumulate))


def _put_dtypes(x: Tensor, value: Tensor) -> RuntimeError:
    return RuntimeError(
        "Index put requires the source and destination dtypes match, "
        f"got {errors.LEGACY[x.dtype.name]} for the destination and "
        f"{errors.LEGACY[value.dtype.name]} for the source."
    )


METHODS["__setitem__"] = setitem


# ---------------------------------------------------------------- index_put


def _put_operands(
    input: Tensor, indices: Any, values: Tensor
) -> tuple[Tensor, tuple[Any, ...], Ints]:
    if isinstance(indices, Tensor) or not isinstance(indices, (tuple, list)):
        raise TypeError(
            "index_put(): argument 'indices' (position 1) must be tuple of Tensors, not "
            f"{errors.kind_name(indices)}"
        )
    need_tensor("index_put", values, "values", 2)
    found, dim = [], 0
    if len(indices) > input._data.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input._data.ndim} (got {len(indices)})"
        )
    for i in indices:
        if i is not None:
            index = as_index(i)
            found.append((dim, index))
            dim += index._data.ndim if index._data.dtype.kind == "b" else 1
        else:
            dim += 1
    if values._data.dtype != input._data.dtype:
        raise _put_dtypes(input, values)
    tensors, dims = checked_indices(input, found)
    return values, padded(tensors), dims


@public("index_put", method=True)
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with `values` written (or added, where several meet) at `indices`, a tuple of index
    tensors.

    Example:
        >>> import chainrule as torch
        >>> torch.zeros(3).index_put((torch.tensor([0, 0]),), torch.ones(2), accumulate=True)
        tensor([2., 0., 0.])
    """
    if S.mode is None and not INSTEAD:
        made = _short_put(input, indices, values, accumulate)
        if made is not None:
            return made
    values, slots, dims = _put_operands(input, indices, values)
    return _index_put.prim.call(input, values, *slots, params=(dims, bool(accumulate)))


def _short_put(x: Any, indices: Any, values: Any, accumulate: Any) -> Tensor | None:
    """`index_put` with tensors of numbers for the first dimensions; None where something must be
    looked at first."""
    if not (type(x) is Tensor is type(values) and type(indices) is tuple):
        return None
    data, new = x._data, values._data
    if new.dtype is not data.dtype or type(accumulate) is not bool or not indices:
        return None
    where = []
    for i in indices:
        if type(i) is not Tensor or i._data.dtype is not INT64 or not i._data.ndim:
            return None
        where.append(i._data)
    if len(where) > data.ndim or len(where) > 8:
        return None
    dims = _FIRST[len(where)]
    try:
        r = wrap(kernels.index_put(data, new, tuple(where), dims, accumulate))
    except (ValueError, TypeError):
        return None
    if x._node is not None or values._node is not None:
        _index_put.prim._recorded((r,), (x, values, *padded(indices)), (dims, accumulate))
    return r


_FIRST = tuple(tuple(range(n)) for n in range(9))


def _index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """`index_put` in place."""
    values, slots, dims = _put_operands(self, indices, values)
    return inplace(_index_put.prim, self, values, *slots, params=(dims, bool(accumulate)))


METHODS["index_put_"] = _index_put_
