"""`torch._C`: the few names of PyTorch's extension module that programs use directly."""

from __future__ import annotations

from .core.tensor import Size
from .ops.make.random import Generator
from .overrides import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)

__all__ = [
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "Generator",
    "Size",
    "_disabled_torch_function_impl",
]
