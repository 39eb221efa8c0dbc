"""Rare methods of Tensor: Python functions applied to elements, layouts of memory, old spellings.

`apply_`, `map_` and `map2_` call a Python function for every element, outside the graph, as in
PyTorch; they are slow and only here for programs that use them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.become import alike
from ...core.declare import METHODS, guarded, public
from ...core.primitive import bump
from ...core.record import OPS
from ...core.tensor import Tensor, own
from ..make.create import empty_strided
from ..make.from_data import check_device, checked_dtype, finished

# ---------------------------------------------------------------- Python functions on elements


def _written(name: str, self: Tensor, others: Sequence[Tensor], function: Any) -> Tensor:
    for t in (self, *others):
        if t._node is not None:
            raise RuntimeError(
                f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
                "instead."
            )
    if not callable(function):
        raise TypeError(f"'{errors.kind_name(function)}' object is not callable")
    data = own(self)
    columns = [np.broadcast_to(t._data, data.shape).ravel().tolist() for t in (self, *others)]
    made = np.empty(data.size, data.dtype)
    kind = data.dtype.kind
    for i, values in enumerate(zip(*columns, strict=True)):
        value = function(*values)
        number: Any = value
        if not isinstance(value, (int, float, complex, np.generic)):
            raise TypeError(f"must be real number, not {errors.kind_name(value)}")
        made[i] = int(number) if kind in "iu" else number
    data[...] = made.reshape(data.shape)
    bump(self)
    return self


def _method(function: Any) -> Any:
    METHODS[function.__name__] = guarded(function)
    return function


@_method
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace every element by `callable(element)`; outside the graph."""
    return _written("apply_", self, (), callable)


def _check_partner(op: str, self: Tensor, other: Any, argument: str) -> None:
    if not isinstance(other, Tensor) or other.dtype is not self.dtype:
        got = errors.type_name(other.dtype) if isinstance(other, Tensor) else type(other).__name__
        raise TypeError(f"{op}: expected {errors.type_name(self.dtype)} for {argument} (got {got})")
    if other._data.ndim > self._data.ndim:
        raise RuntimeError(
            f"expand({errors.type_name(other.dtype)}{{{list(other._data.shape)}}}, "
            f"size={list(self._data.shape)}): the number of sizes provided ({self._data.ndim}) "
            "must be greater or equal to the number of dimensions in the tensor "
            f"({other._data.ndim})"
        )


@_method
def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace every element by `callable(element, element of tensor)`; outside the graph."""
    _check_partner("map_", self, tensor, "'other'")
    return _written("map_", self, (tensor,), callable)


@_method
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace every element by `callable(element, of x, of y)`; outside the graph."""
    _check_partner("map2_", self, x, "argument 'x'")
    _check_partner("map2_", self, y, "argument 'y'")
    return _written("map2_", self, (x, y), callable)


# ---------------------------------------------------------------- sizes


@_method
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions that a tensor of `size` would be broadcast along.

    Raises:
        RuntimeError: a tensor of this size does not broadcast to this one.
    """
    if not size or isinstance(size[0], dict):
        raise errors.wrong_kind("sum_to_size", "size", "tuple of ints", size[0] if size else None)
    target = tuple(size[0]) if len(size) == 1 and not hasattr(size[0], "__index__") else size
    for i, n in enumerate(target):
        if type(n) is not int and (n is not True or not i):
            errors.need_int("sum_to_size", **{f"size[{i}]": n})
    shape = self._data.shape
    extra = len(shape) - len(target)
    fits = extra >= 0 and all(
        n in (1, m) for n, m in zip(target, shape[max(extra, 0) :], strict=True)
    )
    if not fits:
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.")
    dims = (
        *range(extra),
        *(i + extra for i, n in enumerate(target) if n == 1 and shape[i + extra] != 1),
    )
    made = OPS.sum(self, dims, True) if dims else self
    return OPS.reshape(made, target) if extra else made


@_method
def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """`resize_` to the size of another tensor."""
    return METHODS["resize_"](self, the_template._data.shape)


def _resized(self: Tensor, shape: tuple[int, ...]) -> Tensor:
    wanted, have = math.prod(shape), self._data.size
    if wanted != have:
        title = "x".join(map(str, shape))
        own_title = "x".join(map(str, self._data.shape))
        raise RuntimeError(
            f"requested resize to {title} ({wanted} elements in total), but the given tensor has a "
            f"size of {own_title} ({have} elements). autograd's resize can only change the shape "
            "of a given tensor, while preserving the number of elements. "
        )
    return OPS.reshape(self, shape)


@_method
def resize(self: Tensor, *sizes: Any) -> Tensor:
    """The elements in another shape (a deprecated spelling of `reshape`)."""
    shape = sizes[0] if len(sizes) == 1 and not hasattr(sizes[0], "__index__") else sizes
    return _resized(self, tuple(shape))


@_method
def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """The elements in the shape of another tensor (a deprecated spelling of `reshape`)."""
    return _resized(self, tuple(tensor._data.shape))


# ---------------------------------------------------------------- layouts


@_method
def new_empty_strided(
    self: Tensor,
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """An uninitialised tensor with these strides, in the dtype of this one."""
    check_device(device)
    kind = self.dtype if dtype is None else dtype
    if self._wrapped:
        target = checked_dtype("new_empty_strided", kind)
        return alike(self, lambda n: finished(np.empty(n, target), requires_grad), tuple(size))
    return empty_strided(size, stride, dtype=kind, requires_grad=requires_grad)


@public("empty_permuted")
def empty_permuted(
    size: Any,
    physical_layout: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """An uninitialised tensor whose dimensions lie in memory in the order of `physical_layout`.

    Example:
        >>> import chainrule as torch
        >>> torch.empty_permuted((2, 3, 4), (1, 0, 2)).stride()
        (4, 8, 1)
    """
    check_device(device)
    rank = len(size)
    if len(physical_layout) != rank:
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {rank} is not equal to len(physical_layout) = {len(physical_layout)}"
        )
    for i, d in enumerate(physical_layout):
        if not 0 <= d < rank:
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {rank - 1}, but got {d} at "
                f"index {i}).  NB: negative dims not currently supported; file an issue if you "
                "want it."
            )
        if d in physical_layout[:i]:
            raise RuntimeError("Duplicate dim not allowed")
    target = checked_dtype("empty_permuted", dtype) or S.default_dtype.np
    made = np.empty([size[d] for d in physical_layout], target)
    return finished(made.transpose(np.argsort(physical_layout)), requires_grad)


@_method
def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions in the order in which they lie in memory, outermost first."""
    steps = self.stride()
    return tuple(sorted(range(len(steps)), key=lambda d: -steps[d]))


@_method
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both are the same elements of the same memory."""
    a, b = own(self), own(tensor)
    return bool(a.shape == b.shape and a.strides == b.strides and a.ctypes.data == b.ctypes.data)


@_method
def const_data_ptr(self: Tensor) -> int:
    """The address of the first element, as `data_ptr`."""
    return self.data_ptr()
