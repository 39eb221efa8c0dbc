"""`torch.FloatTensor` and its kin: classes that make tensors of one dtype and answer isinstance.

They are no classes of tensors: `type(torch.FloatTensor(2))` is `torch.Tensor`, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes, errors
from .core.tensor import Tensor, wrap

__all__ = ["DTYPE_OF", "tensor_class", "tensortype"]

DTYPE_OF = {
    "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
    "BFloat16Tensor": dtypes.bfloat16, "LongTensor": dtypes.int64, "IntTensor": dtypes.int32,
    "ShortTensor": dtypes.int16, "CharTensor": dtypes.int8, "ByteTensor": dtypes.uint8,
    "BoolTensor": dtypes.bool_,
}  # fmt: skip


class tensortype(type):
    """The class of `torch.FloatTensor` and its kin."""

    dtype: dtypes.dtype
    device_type: str

    def __instancecheck__(cls, instance: Any) -> bool:
        here = cls.device_type == "cpu" and isinstance(instance, Tensor)
        return here and instance.dtype is cls.dtype

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        """A tensor of given sizes (uninitialised), of data, or of no elements."""
        if cls.device_type != "cpu":
            raise TypeError(
                f"type torch.{cls.device_type}.{cls.__name__} not available. Torch not compiled "
                "with CUDA enabled.\nHint: chainrule computes on the CPU; "
                f"torch.{cls.__name__} does too"
            )
        if device is not None and dtypes.device(device).type != "cpu":
            kind = dtypes.device(device).type
            raise RuntimeError(
                f"legacy constructor expects device type: cpu but device type: {kind} was passed"
            )
        return _made(cls.dtype, args)

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


def _made(dtype: dtypes.dtype, args: tuple[Any, ...]) -> Tensor:
    if not args:
        return wrap(np.empty((0,), dtype.np))
    first = args[0]
    if len(args) > 1 or isinstance(first, int) or (hasattr(first, "numel") and isinstance(
        first, tuple
    )):  # fmt: skip
        sizes = args if len(args) > 1 or isinstance(first, int) else first
        return wrap(np.empty(tuple(int(n) for n in sizes), dtype.np))
    if isinstance(first, Tensor):
        if first.dtype is not dtype:
            raise TypeError(
                f"expected {errors.type_name(dtype)} (got {errors.type_name(first.dtype)})\n"
                f"Hint: x.to({dtype!r})"
            )
        return first.detach()
    if not hasattr(first, "__len__"):
        raise TypeError(
            f"new(): data must be a sequence (got {type(first).__name__})\n"
            "Hint: torch.tensor(value) takes numbers"
        )
    return wrap(np.array(first, dtype.np))


def tensor_class(name: str, device_type: str = "cpu") -> tensortype:
    """The class of that name, for tensors on `device_type`."""
    place = "torch" if device_type == "cpu" else f"torch.{device_type}"
    doc = f"Makes tensors of {DTYPE_OF[name]!r}; `isinstance(x, {place}.{name})` asks for it."
    return tensortype(
        name,
        (),
        {
            "__module__": place,
            "__doc__": doc,
            "dtype": DTYPE_OF[name],
            "device_type": device_type,
            "layout": dtypes.strided,
            "is_cuda": device_type == "cuda",
            "is_sparse": False,
        },
    )


def __getattr__(name: str) -> Any:
    if name in DTYPE_OF:
        found = globals()[name] = tensor_class(name)
        return found
    raise AttributeError(f"module 'torch' has no attribute '{name}'", name=name)
