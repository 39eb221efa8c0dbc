"""The bytes behind tensors: what a file calls a storage, and tensors on it.

Tensors that are views of one memory share one storage in the file, and again when it is loaded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..core.node import LEAF
from ..core.tensor import Size, Tensor, own, wrap
from ..ops import later

__all__ = [
    "OF_DTYPE",
    "Storages",
    "Taken",
    "layout_of",
    "sparse_parts",
    "sparse_tensor",
    "tensor_on",
]

# PyTorch's names of typed storages; other dtypes name UntypedStorage and say their dtype apart
OF_DTYPE = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "complex64": "ComplexFloatStorage",
    "complex128": "ComplexDoubleStorage",
}
DTYPE_OF = {storage: name for name, storage in OF_DTYPE.items()}


class Taken:
    """The storages of tensors that are being saved.

    Attributes:
        data: the bytes of each, in the order of their numbers.
    """

    def __init__(self) -> None:
        self.data: list[Any] = []
        self._numbers: dict[int, int] = {}  # by address
        self._held: list[Any] = []  # so that addresses stay taken

    def of(self, t: Tensor) -> tuple[int, int, tuple[int, ...], tuple[int, ...], int]:
        """(number of the storage, its elements, shape, strides in elements, offset) of a tensor."""
        array = own(t) if isinstance(t._data, np.generic) else t._data
        item = array.itemsize
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        fits = root.flags.c_contiguous or root.flags.f_contiguous
        if not fits or any(s < 0 or s % item for s in array.strides):
            array = root = np.ascontiguousarray(array)
        start = root.__array_interface__["data"][0]
        offset = array.__array_interface__["data"][0] - start
        if offset % item or root.nbytes % item:
            array = root = np.ascontiguousarray(array)
            start, offset = root.__array_interface__["data"][0], 0
        number = self._numbers.get(start) if root.nbytes else None
        if number is None:
            number = len(self.data)
            if root.nbytes:
                self._numbers[start] = number
            self._held.append(root)
            self.data.append(np.ravel(root, order="K").view(np.uint8))
        strides = tuple([s // item for s in array.strides])
        return number, root.nbytes // item, array.shape, strides, offset // item


class Storages:
    """The storages of a file, read when a tensor asks for one.

    Args:
        archive: the opened container.
        path: the file, to map the bytes instead of reading them.
    """

    def __init__(self, archive: Any, path: Any = None) -> None:
        self._archive, self._path = archive, path
        self._read: dict[str, Any] = {}

    def get(self, key: str, dtype: dtypes.dtype, count: int) -> Any:
        """A storage of `count` elements, as an array of bytes.

        Raises:
            ValueError: the file has other bytes for it.
        """
        data = self._read.get(key)
        if data is None:
            data = self._read[key] = self._load(f"data/{key}")
            if self._archive.swapped and dtype.itemsize > 1:
                half = 2 if dtype.is_complex else 1
                data.view(f"u{dtype.itemsize // half}").byteswap(inplace=True)
        if data.nbytes != count * dtype.itemsize:
            raise ValueError(
                f"storage {key!r} has {data.nbytes} bytes, {count} elements of {dtype} are "
                f"{count * dtype.itemsize}"
            )
        return data

    def _load(self, name: str) -> Any:
        if self._path is None:
            return np.frombuffer(bytearray(self._archive.content(name)), np.uint8)
        start, size = self._archive.place(name)
        if not size:
            return np.empty(0, np.uint8)
        return np.memmap(self._path, np.uint8, "c", start, (size,)).view(np.ndarray)


def sparse_parts(t: Tensor) -> tuple[Any, ...]:
    """What PyTorch writes of a sparse tensor: indices, values, size, whether it is coalesced."""
    c = t._data
    return wrap(c.indices), wrap(c.values), Size(c.shape), c.coalesced


def sparse_tensor(layout: Any, parts: Any) -> Tensor:
    """A sparse tensor from its parts, every index checked.

    Raises:
        ValueError: another layout, or parts that do not fit.
    """
    if layout is not dtypes.sparse_coo or type(parts) is not tuple or not 3 <= len(parts) <= 4:
        raise ValueError(f"a sparse tensor of layout {layout!r}: only torch.sparse_coo is here")
    indices, values, size, *coalesced = parts
    if not (isinstance(indices, Tensor) and isinstance(values, Tensor) and type(size) is Size):
        raise ValueError("a sparse tensor whose parts are no tensors")
    rebuilt: Any = later("", {})("_sparse_rebuilt")
    try:
        made: Tensor = rebuilt(indices, values, size, coalesced == [True])
    except RuntimeError as error:
        raise ValueError(f"a sparse tensor: {error}") from None
    return made


def layout_of(name: Any) -> dtypes.layout:
    """The layout that PyTorch writes as this name."""
    found = {f"torch.{each.name}": each for each in (dtypes.strided, dtypes.sparse_coo)}
    if name not in found:
        raise ValueError(f"a layout {name!r}")
    return found[name]


def tensor_on(
    data: Any, dtype: dtypes.dtype, offset: Any, shape: Any, strides: Any, requires_grad: Any
) -> Tensor:
    """A tensor on a storage, every number checked: nothing outside of the storage can be reached.

    Raises:
        ValueError: shape, strides and offset do not fit the storage.
    """
    shape, strides = tuple(shape), tuple(strides)
    numbers = (offset, *shape, *strides)
    if any(type(n) is not int or n < 0 for n in numbers) or len(shape) != len(strides):
        raise ValueError(f"a tensor of shape {shape}, strides {strides} and offset {offset}")
    if len(shape) > 64:
        raise ValueError(f"a tensor of {len(shape)} dimensions")
    elements = data.view(dtype.np)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if 0 not in shape and last >= elements.size:
        raise ValueError(
            f"shape {shape}, strides {strides} and offset {offset} reach element {last} of a "
            f"storage of {elements.size}"
        )
    if 0 in shape:
        array = np.empty(shape, dtype.np)
    else:
        steps = tuple([s * dtype.itemsize for s in strides])
        array = np.lib.stride_tricks.as_strided(elements[offset:], shape, steps)
    made = wrap(array)
    if requires_grad and array.dtype.kind in "fcV":
        made._node = LEAF
    return made
