"""Tensors from Python and NumPy data: `tensor`, `as_tensor`, `from_numpy`; and the arguments that
all makers of tensors share (`dtype`, `device`, `requires_grad`).

None of this is differentiable, so none is a primitive; leaves are made here. `torch.tensor(3.0)` is
the first thing a user types and stands in every loop of a notebook, so a float takes a short way.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, inference_enabled
from ...core.declare import public
from ...core.node import INFERENCE
from ...core.primitive import F32
from ...core.tensor import Tensor, wrap
from ...kernels.make import floats32

# ---------------------------------------------------------------- arguments all of them share


def checked_dtype(op: str, dtype: Any) -> np.dtype[Any] | None:
    """The NumPy dtype of a `dtype=` argument; None stays None."""
    if dtype is None:
        return None
    if not isinstance(dtype, dtypes.dtype):
        found = _python_type(dtype)
        if found is None:
            raise TypeError(
                f"{op}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}\nHint: "
                "dtype=torch.float32"
            )
        dtype = found
    return dtype.np


def _python_type(value: Any) -> dtypes.dtype | None:
    if not isinstance(value, type):
        return None
    return {
        float: dtypes.float64,
        int: dtypes.int64,
        bool: dtypes.bool_,
        complex: dtypes.complex128,
    }.get(value)


def check_device(device: Any) -> None:
    """Only the CPU holds tensors."""
    if device is None:
        return
    if isinstance(device, (bool, float, tuple, list, Tensor)):
        raise TypeError(f"argument 'device' must be torch.device, not {errors.kind_name(device)}")
    if isinstance(device, int):
        said = "Cannot access accelerator device when none is available."
        raise RuntimeError("Device index must not be negative" if device < 0 else said)
    kind = dtypes.device(device)
    if kind.type == "cuda":
        raise AssertionError(
            "Torch not compiled with CUDA enabled\nHint: chainrule computes on the CPU; use "
            "device='cpu'"
        )
    if kind.type != "cpu":
        raise RuntimeError(
            f"device '{kind}' is not available\nHint: chainrule computes on the CPU; use "
            "device='cpu'"
        )


def check_options(layout: Any, pin_memory: bool) -> None:
    """`layout` must be strided; pinned memory there is none of."""
    errors.check_option("tensor", "pin_memory", pin_memory)
    if layout is not None and layout is not dtypes.strided:
        if not isinstance(layout, dtypes.layout):
            kind = errors.kind_name(layout)
            raise TypeError(f"argument 'layout' must be torch.layout, not {kind}")
        raise RuntimeError(
            f"layout {layout!r} is not supported\n"
            "Hint: torch.sparse_coo_tensor(size=(2, 3)) makes a sparse tensor without entries"
        )


def finished(data: Any, requires_grad: bool) -> Tensor:
    """Wrap, and make it a leaf that requires grad if asked."""
    t = wrap(data)
    if S.mode is not None and inference_enabled():
        t._vc = INFERENCE
    if requires_grad is not False and requires_grad is not None:
        errors.checked_bool("tensor", "requires_grad", requires_grad)
        if data.dtype.kind not in "fcV":
            raise errors.float_only(
                "Only Tensors of floating point and complex dtype can require gradients", t.dtype
            )
        t.requires_grad_()
    return t


# ---------------------------------------------------------------- from data


@public("tensor")
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new leaf that holds a copy of `data`.

    Args:
        data: a number, nested sequences of numbers, an ndarray, or a tensor (copied, with a
            warning).
        dtype: of the result; by default bool, int64, the default dtype or its complex one for
            Python numbers, and the dtype of arrays and tensors.
        requires_grad: record operations on it (floating point and complex only).

    Raises:
        TypeError, ValueError, RuntimeError: ragged or non-numeric data; a number the dtype cannot
            hold.

    Example:
        >>> import chainrule as torch
        >>> torch.tensor([[1, 2], [3, 4]]), torch.tensor(3.0, requires_grad=True)
        (tensor([[1, 2],
                [3, 4]]), tensor(3., requires_grad=True))
    """
    if requires_grad is not False or pin_memory is not False:
        errors.checked_bool("tensor", "requires_grad", requires_grad)
        errors.checked_bool("tensor", "pin_memory", pin_memory)
        errors.check_option("tensor", "pin_memory", pin_memory)
    if type(data) is float and dtype is None and device is None:
        default = S.default_dtype.np
        return finished(np.float32(data) if default is F32 else default.type(data), requires_grad)
    if type(data) is list and dtype is None and device is None and S.default_dtype.np is F32:
        made = floats32(data)
        if made is not None:
            return finished(made, requires_grad)
    check_device(device)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than "
            "torch.tensor(sourceTensor).",
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
        return (
            np.array(data, dtype=target or known, copy=copy or None)[()]
            if data.ndim == 0
            else (np.array(data, dtype=target or known, copy=copy or None, order="K"))
        )
    if isinstance(data, (bool, int, float, complex)):
        return _number(data, target or dtypes.scalar_type(data).np)
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        return as_array(np.asarray(data), target, copy)
    if isinstance(data, (str, bytes)):
        raise TypeError(
            f"new(): invalid data type '{errors.kind_name(data)}'\nHint: tensors hold numbers"
        )
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")) or isinstance(data, dict):
        raise RuntimeError(
            f"Could not infer dtype of {type(data).__name__}\nHint: tensors hold numbers, nested "
            "in lists"
        )
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
        raise RuntimeError(
            f"value cannot be converted to type {dtypes.from_numpy_dtype(target).name} without "
            "overflow"
        )
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
    if made.kind in "iu" and (made.itemsize < 8 or float in kinds):
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
        raise TypeError(
            f"new(): invalid data type '{errors.kind_name(value)}'\nHint: tensors hold numbers"
        )
    raise RuntimeError(
        f"Could not infer dtype of {errors.kind_name(value)}\nHint: tensors hold numbers"
    )


def _is_sequence(value: Any) -> bool:
    return (
        hasattr(value, "__len__")
        and hasattr(value, "__getitem__")
        and not isinstance(value, (str, bytes, dict, Tensor, np.generic))
    )


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
        below = [
            leaf
            for item in level
            for leaf in (item if not isinstance(item, np.ndarray) else item.tolist())
        ]
        if isinstance(level[0], np.ndarray) and level[0].ndim:
            below = [leaf for item in level for leaf in list(np.asarray(item))]
        level = below
    for item in level:
        if _is_sequence(item):
            raise TypeError(
                f"'{type(item).__name__}' object cannot be interpreted as a number\nHint: rows "
                "are ragged"
            )
    return tuple(shape), level


@public("as_tensor")
def as_tensor(data: Any, *, dtype: Any = None, device: Any = None, **options: Any) -> Tensor:
    """`data` as a tensor, sharing memory where it can (tensors and ndarrays of the right dtype)."""
    errors.only("as_tensor", options)
    check_device(device)
    target = checked_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return data if target is None or data._data.dtype == target else data.to(dtype)
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
        raise TypeError(
            f"expected np.ndarray (got {type(ndarray).__name__})\nHint: torch.tensor takes lists "
            "and numbers"
        )
    dtypes.from_numpy_dtype(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not "
            "currently supported. (You can probably work around this by making a copy of your "
            "array  with array.copy().) "
        )
    return wrap(ndarray.view(np.ndarray))
