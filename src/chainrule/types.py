"""`torch.types`: names for annotations."""

from __future__ import annotations

import os
from typing import IO, Any, TypeAlias, Union

from .core.tensor import Size, Tensor
from .dtypes import device, dtype, layout

__all__ = ["Device", "FileLike", "Number", "Storage"]

Number: TypeAlias = int | float | bool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = Union[str, "os.PathLike[str]", IO[bytes]]
Storage: TypeAlias = Any

_bool, _int, _float, _complex = bool, int, float, complex
_dtype, _device, _layout = dtype, device, layout
_size: TypeAlias = Union[Size, "list[int]", "tuple[int, ...]"]
_symint: TypeAlias = int
_TensorOrTensors: TypeAlias = Union[Tensor, "tuple[Tensor, ...]"]
