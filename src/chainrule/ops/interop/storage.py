"""`Tensor.untyped_storage()`: the bytes that a tensor and its views share.

What lives here: `UntypedStorage`, a window on memory that programs ask for its address and size.
Who may call: users. Storages of one memory are equal; nothing here owns memory but what
`UntypedStorage(n)` makes. Differs from PyTorch: the size cannot change; a view that was detached
(`x[1].detach()`) has forgotten what it is a view of, and its storage is its own part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.blame import no_combination
from ...core.declare import METHODS, guarded, public
from ...core.tensor import Tensor, own
from ...dtypes import device as _device

__all__ = ["UntypedStorage"]


def _need_numbers(source: Any) -> None:
    """A size, bytes or a sequence of integers."""
    if isinstance(source, (Tensor, float, np.floating)) and not (
        isinstance(source, Tensor) and source._data.size == 1 and source._data.dtype.kind in "iu"
    ):
        raise RuntimeError(
            "torch.UntypedStorage(): Expected a sequence type, but got "
            f"{errors.kind_name(source)}\nHint: x.untyped_storage() is the memory of a tensor"
        )
    if isinstance(source, (list, tuple, str)):
        for i, item in enumerate(source):
            if not hasattr(item, "__index__") or (isinstance(item, Tensor) and item._data.ndim):
                raise RuntimeError(
                    "torch.UntypedStorage(): tried to construct a storage from a sequence "
                    f"({type(source).__name__}), but one of the items was of type "
                    f"{type(item).__name__} instead of int\nitem: {i}"
                )


@public("UntypedStorage")
class UntypedStorage:
    """Bytes in memory.

    Args:
        source: how many bytes, or a sequence of their values.

    Example:
        >>> import chainrule as torch
        >>> x = torch.zeros(2, 3)
        >>> storage = x[1].untyped_storage()
        >>> storage.nbytes(), storage == x.untyped_storage()
        (24, True)
    """

    __slots__ = ("_bytes",)

    def __init__(self, source: Any = 0, *more: Any, device: Any = None, **unknown: Any) -> None:
        if more or unknown:
            raise no_combination("torch.UntypedStorage", (source, *more), unknown)
        if device is not None:
            _device(device)
        _need_numbers(source)
        made = np.zeros(source, np.uint8) if isinstance(source, int) else source
        made = np.frombuffer(made, np.uint8) if isinstance(made, bytes) else made
        self._bytes: Any = np.array(made, np.uint8)

    def data_ptr(self) -> int:
        """The address of the first byte; 0 for none."""
        address: int = self._bytes.__array_interface__["data"][0]
        return address if self._bytes.size else 0

    def nbytes(self) -> int:
        """How many bytes there are."""
        return int(self._bytes.size)

    size = __len__ = nbytes

    def element_size(self) -> int:
        """1."""
        return 1

    @property
    def device(self) -> _device:
        """The CPU."""
        return _device("cpu")

    is_cuda = is_sparse = False

    def is_shared(self) -> bool:
        """False: the memory is this process's own."""
        return False

    def cpu(self) -> UntypedStorage:
        """The storage itself."""
        return self

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        return [int(b) for b in self._bytes]

    def __getitem__(self, index: Any) -> Any:
        self._check(index)
        found = self._bytes[index]
        return _over(found) if isinstance(index, slice) else int(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._check(index)
        self._bytes[index] = value

    def _check(self, index: Any) -> None:
        if isinstance(index, int) and not -self.nbytes() <= index < self.nbytes():
            raise IndexError(f"index {index} out of range for storage of size {self.nbytes()}")

    def clone(self) -> UntypedStorage:
        """A copy."""
        return UntypedStorage(self._bytes)

    def copy_(self, source: UntypedStorage, non_blocking: Any = None) -> UntypedStorage:
        """Take the bytes of another storage of this size.

        Raises:
            RuntimeError: it has another size.
        """
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                errors.hinted(
                    "size mismatch, the two storages have different sizes",
                    f"sizes: {self.nbytes()} and {source.nbytes()}",
                    hint="a storage is copied to one of its own size",
                )
            )
        self._bytes[:] = source._bytes
        return self

    def fill_(self, value: int) -> UntypedStorage:
        """Set every byte."""
        self._bytes[:] = value
        return self

    def __bytes__(self) -> bytes:
        return bytes(self._bytes.tobytes())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, UntypedStorage)
            and self.data_ptr() == other.data_ptr()
            and self.nbytes() == other.nbytes()
        )

    def __hash__(self) -> int:
        return hash((self.data_ptr(), self.nbytes()))

    def __deepcopy__(self, memo: Any) -> UntypedStorage:
        return self.clone()

    def __repr__(self) -> str:
        kind = f"[torch.storage.UntypedStorage(device=cpu) of size {self.nbytes()}]"
        return "".join(f" {b}\n" for b in self.tolist()) + kind


def _over(window: Any) -> UntypedStorage:
    made = UntypedStorage.__new__(UntypedStorage)
    made._bytes = window
    return made


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The bytes that this tensor and those it is a view of share.

    Returns:
        A window on them: writing to it changes the tensors, unseen by their version counters.

    Example:
        >>> import chainrule as torch
        >>> x = torch.zeros(3, 2)
        >>> x.t().untyped_storage().data_ptr() == x.data_ptr()
        True
    """
    data = own(self._view[0] if self._view is not None else self)
    if not data.size:
        return UntypedStorage(0)
    first = data[(slice(1),) * data.ndim].reshape(-1).view(np.uint8)
    low, high = np.lib.array_utils.byte_bounds(data)
    return _over(np.lib.stride_tricks.as_strided(first, (high - low,), (1,)))


METHODS["untyped_storage"] = guarded(untyped_storage)
