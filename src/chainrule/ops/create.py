"""Tensors from nothing, from Python and from NumPy: `tensor`, `zeros`, `arange`, `from_numpy`, ...

None of these is differentiable, so none is a primitive; they make leaves. `torch.tensor(3.0)` is the first thing a
user types and stands in every loop of a notebook, so numbers take a short way (`_number`).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dtypes, errors
from .._state import S
from ..core.declare import METHODS, public
from ..core.primitive import F32, F64
from ..core.record import OPS, RAW
from ..core.tensor import Tensor, wrap
from .shape import sizes_of

# ---------------------------------------------------------------- arguments all of them share


def checked_dtype(op: str, dtype: Any) -> np.dtype[Any] | None:
    """The NumPy dtype of a `dtype=` argument; None stays None."""
    if dtype is None:
        return None
    if not isinstance(dtype, dtypes.dtype):
        found = _python_type(dtype)
        if found is None:
            raise TypeError(
                f"{op}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}\nHint: dtype=torch.float32"
            )
        dtype = found
    return dtype.np  # type: ignore[no-any-return]


def _python_type(value: Any) -> dtypes.dtype | None:
    return {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}.get(value)


def check_device(device: Any) -> None:
    """Only the CPU holds tensors."""
    if device is None:
        return
    kind = dtypes.device("cuda", device) if isinstance(device, int) else dtypes.device(device)
    if kind.type == "cuda":
        raise AssertionError("Torch not compiled with CUDA enabled\nHint: chainrule computes on the CPU; use device='cpu'")
    if kind.type != "cpu":
        raise RuntimeError(
            f"device '{kind}' is not available\nHint: chainrule computes on the CPU; use device='cpu'"
        )


def check_options(layout: Any, pin_memory: bool) -> None:
    """`layout` must be strided; pinned memory means nothing here."""
    if layout is not None and layout is not dtypes.strided:
        raise RuntimeError(f"layout {layout!r} is not supported\nHint: only torch.strided tensors exist here")


def finished(data: Any, requires_grad: bool) -> Tensor:
    """Wrap, and make it a leaf that requires grad if asked."""
    t = wrap(data)
    if requires_grad:
        if data.dtype.kind not in "fcV":
            raise errors.float_only(
                "Only Tensors of floating point and complex dtype can require gradients", t.dtype
            )
        t.requires_grad_()
    return t


# ---------------------------------------------------------------- from data


@public("tensor")
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A new leaf that holds a copy of `data`.

    Args:
        data: a number, nested sequences of numbers, an ndarray, or a tensor (copied, with a warning).
        dtype: of the result; by default bool, int64, the default dtype or its complex one for Python numbers, and
            the dtype of arrays and tensors.
        requires_grad: record operations on it (floating point and complex only).

    Raises:
        TypeError, ValueError, RuntimeError: ragged or non-numeric data; a number the dtype cannot hold.

    Example:
        >>> import chainrule as torch
        >>> torch.tensor([[1, 2], [3, 4]]), torch.tensor(3.0, requires_grad=True)
        (tensor([[1, 2],
                [3, 4]]), tensor(3., requires_grad=True))
    """
    if type(data) is float and dtype is None and device is None:
        default = S.default_dtype.np
        return finished(np.float32(data) if default is F32 else default.type(data), requires_grad)
    check_device(device)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        array = data._data.copy()
        target = checked_dtype("tensor", dtype)
        return finished(array if target is None else array.astype(target), requires_grad)
    return finished(as_array(data, checked_dtype("tensor", dtype), copy=True), requires_grad)


def as_array(data: Any, target: np.dtype[Any] | None, copy: bool) -> Any:
    """`data` as ndarray or NumPy scalar of a dtype that tensors have."""
    if isinstance(data, (np.ndarray, np.generic)):
        known = dtypes.from_numpy_dtype(data.dtype).np
        return np.array(data, dtype=target or known, copy=copy or None)[()] if data.ndim == 0 else (
            np.array(data, dtype=target or known, copy=copy or None, order="K")
        )  # fmt: skip
    if isinstance(data, (bool, int, float, complex)):
        return _number(data, target or dtypes.scalar_type(data).np)
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        return as_array(np.asarray(data), target, copy)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'\nHint: tensors hold numbers")
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")) or isinstance(data, dict):
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}\nHint: tensors hold numbers, nested in lists")
    return _nested(data, target)


def _number(value: Any, target: np.dtype[Any]) -> Any:
    if target.kind in "iu" and isinstance(value, float):
        value = int(value)
    if target.kind in "iu" and type(value) is int:
        info = np.iinfo(target)
        if not info.min <= value <= info.max:
            if target.itemsize == 8:
                raise ValueError("Overflow when unpacking long long")
            raise RuntimeError(f"value cannot be converted to type {target.name} without overflow")
    if target.kind not in "c" and isinstance(value, complex):
        raise RuntimeError(f"value cannot be converted to type {dtypes.from_numpy_dtype(target).name} without overflow")
    return target.type(value)


def _nested(data: Any, target: np.dtype[Any] | None) -> Any:
    """Nested sequences: checked shape, then one conversion by NumPy."""
    shape, leaves = _measured(data)
    if not leaves:
        return np.zeros(shape, target or S.default_dtype.np)
    kinds = {type(v) for v in leaves}
    if not kinds <= {float, int, bool, complex}:
        leaves = [_plain_number(v) for v in leaves]
        kinds = {type(v) for v in leaves}
        tensors = {v.dtype for v in leaves if isinstance(v, np.generic)}
        found = [dtypes.from_numpy_dtype(d) for d in tensors]
        found += [dtypes.scalar_type(k()) for k in kinds if k in (float, int, bool, complex)]
    else:
        found = [dtypes.scalar_type(k()) for k in kinds]
    common = found[0]
    for d in found[1:]:
        common = dtypes.promote(common, d)
    made = target or common.np
    if made.kind in "iu" and made.itemsize < 8 or (float in kinds and made.kind in "iu"):
        return np.array([_number(v, made) for v in leaves], made).reshape(shape)
    if complex in kinds and made.kind != "c":
        raise RuntimeError(f"value cannot be converted to type {made.name} without overflow")
    try:
        return np.array(leaves, made).reshape(shape)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None


def _plain_number(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value._data.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars\n"
                "Hint: torch.stack(list) joins tensors of the same shape"
            )
        return value._data.dtype.type(value._data.item())
    if isinstance(value, np.generic):
        return value
    if isinstance(value, (bool, int, float, complex)):
        return value
    if isinstance(value, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'\nHint: tensors hold numbers")
    raise RuntimeError(f"Could not infer dtype of {type(value).__name__}\nHint: tensors hold numbers")


def _is_sequence(value: Any) -> bool:
    return hasattr(value, "__len__") and hasattr(value, "__getitem__") and not isinstance(value, (str, bytes, dict)) and (
        not isinstance(value, (Tensor, np.generic)) or value.ndim > 0
    )  # fmt: skip


def _measured(data: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and leaves of nested sequences, level by level; ragged ones raise."""
    shape: list[int] = []
    level = [data]
    while level and _is_sequence(level[0]):
        n = len(level[0])
        for item in level:
            if not _is_sequence(item):
                raise TypeError("not a sequence\nHint: every row must be a list of the same length")
            if len(item) != n:
                raise ValueError(
                    f"expected sequence of length {n} at dim {len(shape)} (got {len(item)})\n"
                    "Hint: rows must have the same length; pad them, or keep a list of tensors"
                )
        shape.append(n)
        below = [leaf for item in level for leaf in (item if not isinstance(item, np.ndarray) else item.tolist())]
        if isinstance(level[0], (Tensor, np.ndarray)) and level[0].ndim:
            below = [leaf for item in level for leaf in list(np.asarray(item._data if isinstance(item, Tensor) else item))]
        level = below
    for item in level:
        if _is_sequence(item):
            raise TypeError(f"'{type(item).__name__}' object cannot be interpreted as a number\nHint: rows are ragged")
    return tuple(shape), level


@public("as_tensor", "asarray")
def as_tensor(data: Any, dtype: Any = None, device: Any = None, **options: Any) -> Tensor:
    """`data` as a tensor, sharing memory where it can (tensors and ndarrays of the right dtype)."""
    check_device(device)
    target = checked_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return data if target is None or data._data.dtype == target else data.to(dtype)  # type: ignore[attr-defined,no-any-return]
    if isinstance(data, np.ndarray) and (target is None or data.dtype == target):
        return from_numpy(data)
    return wrap(as_array(data, target, copy=False))


@public("from_numpy")
def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of `ndarray`.

    Example:
        >>> import numpy, chainrule as torch
        >>> a = numpy.zeros(2)
        >>> torch.from_numpy(a).add_(1)
        tensor([1., 1.], dtype=torch.float64)
        >>> a
        array([1., 1.])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})\nHint: torch.tensor takes lists and numbers")
    dtypes.from_numpy_dtype(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array  with array.copy().) "
        )
    return wrap(ndarray.view(np.ndarray))


# ---------------------------------------------------------------- of a given size


def _filled(op: str, make: Callable[[tuple[int, ...], Any], Any]) -> Callable[..., Tensor]:
    def function(
        *size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False, names: Any = None, memory_format: Any = None, **shape: Any
    ) -> Tensor:  # fmt: skip
        dims = checked_size(op, size or (shape.pop("size", ()),))
        if shape:
            raise TypeError(f"{op}() got an unexpected keyword argument '{next(iter(shape))}'")
        check_device(device)
        check_options(layout, pin_memory)
        if out is not None:
            out._data = make(dims, out._data.dtype)
            return out  # type: ignore[no-any-return]
        return finished(make(dims, checked_dtype(op, dtype) or S.default_dtype.np), requires_grad)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"""A tensor of the given size, of {op}.

    Args:
        size: ints, or one tuple of ints.
        dtype, device, requires_grad: as in `torch.tensor`; the dtype is the default dtype unless given.

    Example:
        >>> import chainrule as torch
        >>> torch.{op}(2, 3).shape
        torch.Size([2, 3])
    """
    return public(op)(function)


def checked_size(op: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    """A size as users write it, checked."""
    try:
        dims = sizes_of(size)
    except (TypeError, AttributeError):
        wrong = next(s for s in (size[0] if isinstance(size[0], (tuple, list)) else size) if not hasattr(s, "__index__"))
        raise TypeError(
            f"{op}(): argument 'size' (position 1) must be tuple of ints, not {type(wrong).__name__}\n"
            f"Hint: torch.{op}(2, 3) or torch.{op}((2, 3))"
        ) from None
    if any(n < 0 for n in dims):
        raise RuntimeError(f"{op}: Dimension size must be non-negative.\nsize: {list(dims)}")
    return dims


zeros = _filled("zeros", np.zeros)
ones = _filled("ones", np.ones)
empty = _filled("empty", np.empty)


@public("full")
def full(
    size: Any, fill_value: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of `size` filled with one number, whose type decides the dtype unless given."""
    check_device(device)
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    target = checked_dtype("full", dtype) or dtypes.scalar_type(value).np
    return finished(np.full(checked_size("full", (size,)), value, target), requires_grad)


def _like(op: str, make: Callable[..., Any]) -> None:
    def function(
        input: Tensor, *args: Any, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, memory_format: Any = None, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        if not isinstance(input, Tensor):
            raise errors.wrong_type(op, "input", 1, input)
        check_device(device)
        target = checked_dtype(op, dtype) or input._data.dtype
        return finished(make(input._data.shape, *args, target), requires_grad)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"`torch.{op.removesuffix('_like')}` with the shape and dtype of `input`."
    public(op)(function)


_like("zeros_like", np.zeros)
_like("ones_like", np.ones)
_like("empty_like", np.empty)
_like("full_like", np.full)


def _new_of(op: str, make: Callable[..., Any]) -> None:
    def method(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
               fill_value: Any = None, **options: Any) -> Tensor:  # fmt: skip
        check_device(device)
        target = checked_dtype(op, dtype) or self._data.dtype
        if op == "new_full":
            if fill_value is None:
                *size, fill_value = size  # type: ignore[assignment]
            value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
            return finished(np.full(checked_size(op, tuple(size)), value, target), requires_grad)
        return finished(make(checked_size(op, size or (options.get("size", ()),)), target), requires_grad)

    method.__name__ = op
    method.__doc__ = f"`torch.{op.removeprefix('new_')}` with the dtype of this tensor."
    METHODS[op] = method


for _op, _make in (("new_zeros", np.zeros), ("new_ones", np.ones), ("new_empty", np.empty), ("new_full", np.full)):
    _new_of(_op, _make)


@public("empty_strided", method=False)
def empty_strided(size: Any, stride: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """An uninitialised tensor with the given strides, in elements."""
    target = checked_dtype("empty_strided", dtype) or S.default_dtype.np
    extent = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if math.prod(size) else 0
    flat = np.empty(extent, target)
    steps = tuple(s * target.itemsize for s in stride)
    return finished(np.lib.stride_tricks.as_strided(flat, tuple(size), steps), requires_grad)


METHODS["new_tensor"] = lambda self, data, *, dtype=None, device=None, requires_grad=False: finished(
    as_array(data._data if isinstance(data, Tensor) else data, checked_dtype("new_tensor", dtype) or self._data.dtype, True),
    requires_grad,
)


@public("scalar_tensor")
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """A 0-d tensor of the default dtype unless given."""
    check_device(device)
    return finished((checked_dtype("scalar_tensor", dtype) or S.default_dtype.np).type(s), requires_grad)


# ---------------------------------------------------------------- ranges


@public("arange")
def arange(
    start: Any, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """start, start + step, ... below `end`; int64 for integers, else the default dtype.

    Example:
        >>> import chainrule as torch
        >>> torch.arange(3), torch.arange(0.0, 1.0, 0.25)
        (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    check_device(device)
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    integers = all(isinstance(v, int) for v in (start, end, step))
    target = checked_dtype("arange", dtype) or (dtypes.int64.np if integers else S.default_dtype.np)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign\nstart: {start}, end: {end}, step: {step}"
        )
    if integers and target.kind in "iu":
        return finished(np.arange(start, end, step, dtype=target), requires_grad)
    n = math.ceil((end - start) / step)
    values = start + np.arange(n, dtype=np.float64) * step
    return finished(values.astype(target), requires_grad)


@public("range")
def range_(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, **options: Any) -> Tensor:
    """Like `arange`, but with `end` included, and always in the default dtype (deprecated in PyTorch)."""
    n = math.floor((end - start) / step) + 1
    target = checked_dtype("range", dtype) or S.default_dtype.np
    return finished((start + np.arange(n, dtype=np.float64) * step).astype(target), options.get("requires_grad", False))


@public("linspace")
def linspace(
    start: Any, end: Any, steps: int, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` values from `start` to `end`, both included, symmetric about the middle.

    Example:
        >>> import chainrule as torch
        >>> torch.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    check_device(device)
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    target = checked_dtype("linspace", dtype)
    if target is None:
        target = (S.default_complex if complex in (type(start), type(end)) else S.default_dtype).np
    return finished(_spaced(start, end, steps, target), requires_grad)


def _spaced(start: Any, end: Any, steps: int, target: np.dtype[Any]) -> Any:
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative.")
    if steps == 1:
        return np.array([start], target)
    work = target if target.kind in "fc" and target.itemsize > 2 else np.dtype("float32" if target.kind == "f" else "float64")
    first, last = np.array(start, work), np.array(end, work)
    index = np.arange(steps)
    step = (last - first) / np.array(max(steps - 1, 1), work)
    low, high = index.astype(work), (steps - 1 - index).astype(work)
    if work is F32:  # PyTorch's kernel fuses multiply and add: one rounding
        wide = np.float64(step)
        values = np.where(index < steps // 2, np.float64(first) + wide * low, np.float64(last) - wide * high)
    else:
        values = np.where(index < steps // 2, first + step * low, last - step * high)
    return values.astype(target)


@public("logspace")
def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, **options: Any
) -> Tensor:  # fmt: skip
    """base ** linspace(start, end, steps)."""
    check_device(device)
    target = checked_dtype("logspace", dtype) or S.default_dtype.np
    exponents = _spaced(start, end, steps, F64 if target.kind != "c" else target)
    return finished((base**exponents).astype(target), requires_grad)


@public("eye")
def eye(n: int, m: int | None = None, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """The n x m identity matrix."""
    check_device(device)
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    return finished(np.eye(n, m, dtype=checked_dtype("eye", dtype) or S.default_dtype.np), requires_grad)


# ---------------------------------------------------------------- facts about dtypes and tensors


def _operands(tensors: Sequence[Any]) -> dtypes.dtype:
    dims: list[Any] = []
    zeros_: list[Any] = []
    numbers: list[Any] = []
    for t in tensors:
        if isinstance(t, Tensor):
            (dims if t._data.ndim else zeros_).append(t.dtype)
        else:
            numbers.append(dtypes.scalar_type(t))
    return dtypes.result_type_of(dims, zeros_, numbers)


@public("result_type")
def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype an arithmetic operation on both has."""
    return _operands((tensor1, tensor2))


@public("promote_types")
def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """The smallest dtype that holds both."""
    return dtypes.promote(type1, type2)


@public("can_cast")
def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether PyTorch's rules allow this conversion in place."""
    if from_.category > to.category:
        return False
    return not (from_.category == 1 and from_.is_signed and to.category == 1 and not to.is_signed)


@public("is_tensor")
def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


@public("is_floating_point")
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating point type."""
    return input.is_floating_point()


@public("is_complex")
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


@public("numel")
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@public("is_nonzero", method=True)
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    return bool(input)


@public("set_default_dtype")
def set_default_dtype(d: dtypes.dtype) -> None:
    """The dtype of Python floats, and of tensors made without `dtype`."""
    if not isinstance(d, dtypes.dtype):
        raise TypeError(f"invalid dtype object: {d!r}\nHint: torch.set_default_dtype(torch.float64)")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    S.default_dtype, S.default_complex = d, d.to_complex()


@public("get_default_dtype")
def get_default_dtype() -> dtypes.dtype:
    """The dtype of Python floats."""
    return S.default_dtype  # type: ignore[no-any-return]


def _zeros_tensor(shape: tuple[int, ...], dtype: dtypes.dtype) -> Tensor:
    return wrap(np.zeros(shape, dtype.np))


RAW.zeros, OPS.zeros = np.zeros, _zeros_tensor  # constants, for rules
