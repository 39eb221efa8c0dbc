"""Conversions and memory: `to`, `float()`, `type`, `copy_`, `fill_`, `zero_`, `clone`-free odds and
ends of Tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.blame import no_combination
from ...core.declare import METHODS, general, guarded, public, spelled
from ...core.node import INFERENCE, LEAF
from ...core.primitive import INSTEAD, bump, cast
from ...core.record import OPS
from ...core.tensor import Tensor, own, wrap
from ...core.views import check_writable, inplace, recording, refuse_overlap
from ...kernels import writing
from ..shape.reshape import sizes_of
from .from_data import check_device, checked_dtype

_ndarray, _clear = np.ndarray, writing.clear


def _method(function: Any) -> Any:
    METHODS[function.__name__] = guarded(function)
    return function


# ---------------------------------------------------------------- dtype and device


@_method
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The tensor in another dtype (recorded); itself when nothing changes.

    Takes a dtype, a device (the CPU), both, or another tensor to be like; `copy=True` always
    copies.

    Example:
        >>> import chainrule as torch
        >>> torch.tensor([1, 2]).to(torch.float64)
        tensor([1., 2.], dtype=torch.float64)
    """
    if len(args) == 1 and not kwargs and S.mode is None and self._node is None:
        target, data = args[0], self._data
        if isinstance(target, dtypes.dtype) and data.__class__ is np.ndarray and (
            data.dtype.kind in "fbiu"
        ):  # the usual case  # fmt: skip
            wanted = target.np
            return self if data.dtype == wanted else wrap(data.astype(wanted))
    target, copy = None, kwargs.pop("copy", False)
    kinds = (Tensor, dtypes.dtype)
    if len(args) > 1 and (
        (isinstance(args[0], kinds) and not all(isinstance(a, bool) for a in args[1:]))
        or not all(isinstance(a, bool) for a in args[2:])
    ):
        raise no_combination("to", args, kwargs)
    if args and isinstance(args[0], Tensor) and "dtype" in kwargs:
        raise no_combination("to", args, kwargs)
    for name in ("non_blocking", "memory_format"):
        kwargs.pop(name, None)
    errors.only("to", kwargs, "dtype", "device", "other")
    for arg in (*args, *kwargs.values()):
        if isinstance(arg, Tensor):
            target = arg.dtype
        elif isinstance(arg, dtypes.dtype) or arg in (float, int, bool, complex):
            target = dtypes.from_numpy_dtype(checked_dtype("to", arg))  # type: ignore[arg-type]
        elif isinstance(arg, (str, dtypes.device)) or (
            isinstance(arg, int) and not isinstance(arg, bool)
        ):
            check_device(arg)
        elif isinstance(arg, bool):
            copy = copy or (arg and arg is args[-1] and len(args) > 2)
        elif arg is not None:
            raise TypeError(
                "to() received an invalid combination of arguments - got "
                f"({arg.__class__.__name__})\n"
                "Hint: x.to(torch.float64), x.to('cpu'), x.to(other)"
            )
    same = target is None or target is self.dtype
    if same:
        return self.clone() if copy else self
    return OPS.to_dtype(self, target)


def _conversion(name: str, target: dtypes.dtype) -> None:
    def method(self: Tensor, *, memory_format: Any = None) -> Tensor:
        return cast(self, target)

    method.__name__, method.__doc__ = name, f"The tensor as {target!r}."
    METHODS[name] = method


for _name, _dtype in (
    ("float", dtypes.float32),
    ("double", dtypes.float64),
    ("half", dtypes.float16),
    ("bfloat16", dtypes.bfloat16),
    ("long", dtypes.int64),
    ("int", dtypes.int32),
    ("short", dtypes.int16),
    ("char", dtypes.int8),
    ("byte", dtypes.uint8),
    ("bool", dtypes.bool_),
    ("cfloat", dtypes.complex64),
    ("cdouble", dtypes.complex128),
):
    _conversion(_name, _dtype)


@_method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of `other`."""
    if not isinstance(other, Tensor):
        raise errors.wrong_type("type_as", "other", 1, other)
    return cast(self, other.dtype)


@_method
def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The legacy type name (`torch.FloatTensor`), or the tensor converted to `dtype`."""
    if dtype is None:
        name = errors.type_name(self.dtype)
        return name if not self.is_sparse else name.replace("torch.", "torch.sparse.")
    if isinstance(dtype, str):
        names = {errors.type_name(d): d for d in dtypes.DTYPES.values()}
        if dtype not in names:
            raise ValueError(f"invalid type: '{dtype}'\nHint: x.to(torch.float64)")
        dtype = names[dtype]
    elif isinstance(dtype, Tensor):
        raise TypeError("dtype must be a type, str, or dtype object\nHint: x.type(other.dtype)")
    elif not hasattr(dtype, "dtype") and dtype not in (float, int, bool, *dtypes.DTYPES.values()):
        raise errors.wrong_kind("type", "dtype", "torch.dtype", dtype)
    return cast(self, getattr(dtype, "dtype", dtype))


@_method
def cpu(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """The tensor itself: it is on the CPU."""
    return self


@_method
def cuda(self: Tensor, device: Any = None, **options: Any) -> Tensor:
    """Refuses: there is no CUDA here."""
    check_device("cuda")
    return self


@_method
def get_device(self: Tensor) -> int:
    """-1: the CPU."""
    return -1


@_method
def pin_memory(self: Tensor) -> Tensor:
    """The tensor itself: pinned memory matters only with a GPU."""
    return self


# ---------------------------------------------------------------- writing


_overwritten = general(
    "copy",
    lambda a, b: (b if b.shape == a.shape else np.broadcast_to(b, a.shape)).astype(a.dtype),
    ("a", "b"),
    rules={
        "a": lambda xp, g, a_shape, a_dtype: xp.zeros(a_shape, a_dtype),
        "b": lambda xp, g, b_dtype: xp.to_dtype(g, b_dtype),
    },
    broadcasts=True,
    grad_fn="CopyBackwards",
    method=False,
    names=("_copy",),
    doc="b in the shape and dtype of a: what `a.copy_(b)` writes.",
)


@_method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite with the values of `src`, broadcast and converted; recorded.

    Raises:
        RuntimeError: the shapes do not broadcast; `self` is a leaf that requires grad.
    """
    if S.mode is None and isinstance(src, Tensor) and self._node is None and src._node is None:
        data, new = self._data, src._data
        if (
            data.__class__ is np.ndarray is new.__class__ and data.dtype is new.dtype
            and data.shape == new.shape and data.flags.writeable and self._vc is not INFERENCE
            and (src._vc is None or src._vc is not self._vc)
        ):  # the usual case  # fmt: skip
            writing.overwrite(data, new)
            bump(self)
            return self
    if isinstance(src, (int, float, complex, np.generic)):
        src = wrap(np.asarray(src))
    if not isinstance(src, Tensor):
        raise errors.wrong_type("copy_", "other", 1, src)
    have, given = self._data.shape, src._data.shape
    try:
        fits = have == given or np.broadcast_shapes(given, have) == have
    except ValueError:
        fits = False
    if not fits:
        raise errors.broadcast("copy_", (have, given)) from None
    if src._vc is self._vc is not None:
        refuse_overlap(self, (src,), "copy_")
    if (
        S.mode is None
        and isinstance(self._data, np.ndarray)
        and not recording(self, (src,))
        and not (INSTEAD and src.is_sparse)
    ):
        check_writable(self, "copy_", (src,))
        np.copyto(self._data, src._data, casting="unsafe")
        if self._vc is not INFERENCE:
            bump(self)
        return self
    return inplace(_overwritten.prim, self, src)


_filled = general(
    "fill",
    lambda a, value: np.full(a.shape, value, a.dtype),
    ("a", "value"),
    rules={
        "a": lambda xp, g, a_shape, a_dtype: xp.zeros(a_shape, a_dtype),
        "value": lambda xp, g: xp.sum(g, None, False),
    },
    numbers=True,
    grad_fn="FillBackward0",
    method=False,
    names=("fill",),
    doc="The shape of a, filled with one value.",
)


@spelled(_filled)
def fill(input: Any, value: Any) -> Any:
    if not isinstance(value, Tensor):
        errors.need_number("fill", value=value)
    elif value._data.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value._data.ndim} dimensions."
        )
    return _filled.prim.call(input, value)


_zeroed = general(
    "zero",
    lambda x: np.zeros(x.shape, x.dtype),
    ("x",),
    rules={"x": lambda xp, g: xp.zeros(g.shape, g.dtype)},
    grad_fn="ZeroBackward0",
    method=False,
    names=("_zero",),
    doc="The shape of x, filled with zeros.",
)


@_method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Overwrite every element with one number or 0-d tensor."""
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value._data.ndim} dimensions."
            )
        if value._node is None and S.mode is None:
            value = value.item()
    elif isinstance(value, complex) and self._data.dtype.kind != "c":
        raise RuntimeError(f"value cannot be converted to type {self.dtype.name} without overflow")
    else:
        errors.need_number("fill_", 1, value=value)
    if isinstance(value, float) and self._data.dtype.kind in "iub":
        value = self._data.dtype.type(value)
    return _set_all(self, value)


@_method
def zero_(self: Tensor) -> Tensor:
    """Overwrite every element with zero."""
    if S.mode is None and self._node is None:
        data, vc = self._data, self._vc
        if data.__class__ is _ndarray and vc is not INFERENCE:
            try:
                _clear(data)
            except ValueError:  # it may be expanded, which the general way looks at
                return _set_all(self, 0, _zeroed.prim, ())
            if vc is None:
                self._vc = [1]
            else:
                vc[0] += 1
            return self
    return _set_all(self, 0, _zeroed.prim, ())


def _set_all(self: Tensor, value: Any, prim: Any = _filled.prim, rest: Any = None) -> Tensor:
    data = self._data
    if (
        S.mode is None
        and (self._node is None or not (S.grad or grad_enabled()))
        and self._vc is not INFERENCE
        and (not isinstance(value, Tensor))
    ):
        if isinstance(data, np.generic):
            self._data = data.dtype.type(value)
        elif not isinstance(data, np.ndarray):
            self._data = data.filled(value)
        else:
            _all_of(data).fill(value)
        bump(self)
        return self
    return inplace(prim, self, *((value,) if rest is None else rest))


def _all_of(data: Any) -> Any:
    """The elements of an array, to be written all alike: each element of an expanded one once."""
    if not data.flags.writeable:
        data = data[tuple([slice(None) if s else slice(1) for s in data.strides])]
        try:
            data.flags.writeable = True
        except ValueError:  # the memory itself is read-only
            raise errors.overlapping_inplace("fill_") from None
    return data


@_method
def set_(self: Tensor, source: Tensor | None = None) -> Tensor:
    """Make this tensor share the memory of `source` (outside the graph)."""
    if (S.grad or grad_enabled()) and self._node is LEAF:
        raise errors.leaf_inplace(self, "set_", view=False)
    if source is not None and source.dtype is not self.dtype:
        own_type, other = (errors.CPP.get(t.dtype.name, t.dtype.name) for t in (self, source))
        raise RuntimeError(f"Could not set tensor of type {other} to a tensor of type {own_type}")
    self._data = np.empty(0, self._data.dtype) if source is None else own(source)
    bump(self)
    return self


@_method
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the size in place, keeping the elements in memory order; new ones are
    uninitialised."""
    if self._node is not None:
        raise RuntimeError(
            "cannot resize variables that require grad\nHint: use reshape, or detach() first"
        )
    shape = sizes_of(sizes)
    flat = np.asarray(self._data).reshape(-1)
    made = np.empty(int(np.prod(shape)), flat.dtype)
    n = min(made.size, flat.size)
    made[:n] = flat[:n]
    self._data = made.reshape(shape)
    bump(self)
    return self


# ---------------------------------------------------------------- copies for Python


@_method
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if self._node is not None and self._node is not LEAF:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment.  "
            "If you were attempting to deepcopy a module, this may be because of a "
            "torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001\nHint: x.detach().clone() copies "
            "the values"
        )
    made = wrap(_copied(self._data, memo))
    made._node = self._node
    if self._grad is not None:
        made._grad = __deepcopy__(self._grad, memo)
    made.__dict__.update(self.__dict__)
    memo[id(self)] = made
    return made


def _copied(data: Any, memo: dict[int, Any]) -> Any:
    """A copy of an array with its strides; arrays of one memory share the copy of it."""
    if not isinstance(data, np.ndarray):
        return data.copy()
    owner = data
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if not owner.flags.c_contiguous:
        return data.copy(order="K")
    if id(owner) not in memo:
        memo[id(owner)] = np.array(owner, order="C")
    memory = memo[id(owner)].reshape(-1).view(np.uint8)
    start = data.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    return np.ndarray(data.shape, data.dtype, memory, start, data.strides)


@_method
def __reduce_ex__(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    if self.is_sparse:
        return self._sparse_reduced()
    return _rebuilt, (np.asarray(self._data), self._node is not None)


def _rebuilt(array: Any, requires_grad: bool) -> Tensor:
    t = wrap(array)
    return t.requires_grad_() if requires_grad else t


@public("is_same_size", method=True)
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return bool(input._data.shape == other._data.shape)
