"""Meeting other array libraries: buffers, DLPack, and Python's protocols that few programs use.

Memory is shared wherever the protocol can share it; what NumPy does with a tensor is in
`numpy_protocol.py`. Exporting is NumPy's own, so what NumPy can exchange, a tensor can.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ... import dtypes
from ..._state import S
from ...core.declare import METHODS, guarded, public
from ...core.node import LEAF
from ...core.tensor import Tensor, own, wrap
from ..make.from_data import as_array, check_device, checked_dtype, finished, from_numpy

# ---------------------------------------------------------------- DLPack


class _Capsule:
    """A bare capsule with the two methods that a consumer asks for."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


@public("from_dlpack")
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's array.

    Args:
        ext_tensor: an object with `__dlpack__`, or a capsule that such a method returned.
        device: the CPU or None.
        copy: True copies always, False never; None only where it must.

    Raises:
        RuntimeError: neither; BufferError: the array is not in the memory of the CPU.

    Example:
        >>> import numpy, chainrule as torch
        >>> a = numpy.zeros(2)
        >>> torch.from_dlpack(a).add_(1)
        tensor([1., 1.], dtype=torch.float64)
        >>> a
        array([1., 1.])
    """
    check_device(device)
    if type(ext_tensor).__name__ == "PyCapsule" and '"used_' not in repr(ext_tensor):
        ext_tensor = _Capsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise RuntimeError(
            "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed "
            "only once, so you might have already constructed a tensor from it once.\n"
            f"type: {type(ext_tensor).__name__}\n"
            "Hint: pass the array itself; it needs a method __dlpack__"
        )
    made = np.from_dlpack(ext_tensor) if copy is None else np.from_dlpack(ext_tensor, copy=copy)
    return from_numpy(made)


@public("to_dlpack")
def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule of the tensor's memory, to be consumed once."""
    return __dlpack__(tensor)


def _method(function: Any) -> Any:
    METHODS[function.__name__] = guarded(function)
    return function


@_method
def __dlpack__(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[Any, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A DLPack capsule of the tensor's memory (`np.from_dlpack(x)` calls it)."""
    if self.requires_grad:
        raise BufferError(
            "Can't export tensors that require gradient, use tensor.detach()\n"
            "Hint: other.from_dlpack(x.detach())"
        )
    if stream is not None and stream != -1:
        raise BufferError("stream must be None on the CPU\nHint: there is no CUDA here")
    if dl_device is not None and int(dl_device[0]) != 1:
        raise BufferError(
            f"unsupported device requested\ndevice: {dl_device}\nHint: (1, 0), the CPU"
        )
    return own(self).__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)


@_method
def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    """(kDLCPU, 0): the memory of the CPU."""
    return own(self).__dlpack_device__()


@_method
def __array_namespace__(self: Tensor, *, api_version: str | None = None) -> Any:
    """The module of the Array API standard's functions."""
    space = importlib.import_module("...array_api", __package__)
    return space.checked_version(api_version)


@_method
def to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """The tensor on `device` (Array API standard): itself on the CPU, refused elsewhere."""
    check_device(device)
    return self


# ---------------------------------------------------------------- buffers


@_method
def __buffer__(self: Tensor, flags: int, /) -> memoryview:
    """Python's buffer protocol, from Python 3.12 on: `memoryview(x)` shares the tensor's memory.

    Differs from PyTorch, whose tensors have no buffer. Before 3.12: `memoryview(x.numpy())`.
    """
    return memoryview(self.numpy())


@public("frombuffer")
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-D tensor that shares the memory of a buffer (bytearray, memoryview, array, mmap).

    Args:
        buffer: anything with Python's buffer protocol.
        dtype: how its bytes are read.
        count: elements to read; -1 for all.
        offset: bytes to skip.

    Raises:
        ValueError: the bytes do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.frombuffer(bytearray([1, 0, 2, 0]), dtype=torch.int16)
        tensor([1, 2], dtype=torch.int16)
    """
    target = checked_dtype("frombuffer", dtype)
    assert target is not None
    try:
        view = memoryview(buffer)
    except TypeError:
        raise ValueError(
            "object does not implement Python buffer protocol.\n"
            f"type: {type(buffer).__name__}\nHint: bytearray, memoryview, array.array, mmap do"
        ) from None
    _check_extent(view.nbytes, target.itemsize, count, offset)
    if view.readonly:
        _warn_read_only("The given buffer is not writable")
    return finished(np.frombuffer(buffer, target, count, offset), requires_grad)


def _check_extent(size: int, step: int, count: int, offset: int) -> None:
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % step:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({step})"
        )
    if count > 0 and offset + count * step > size:
        raise ValueError(
            f"requested buffer length ({count} * {step} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({size} bytes)"
        )


def _warn_read_only(first: str) -> None:
    import warnings

    warnings.warn(
        f"{first}, and tensors do not know memory that must not be written: writing in place "
        "raises\nHint: copy it first, or use a bytearray",
        UserWarning,
        stacklevel=3,
    )


def _is_buffer(data: Any) -> bool:
    return isinstance(data, (bytes, bytearray, memoryview)) or (
        type(data).__module__ in ("array", "mmap")
    )


@public("asarray")
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`obj` as a tensor that shares its memory where it can.

    Args:
        obj: a tensor, ndarray, DLPack object, buffer (read as `dtype`), number or nested sequence.
        dtype: of the result.
        copy: True copies always, False raises where a copy is needed.
        requires_grad: of the result; a tensor that is recorded on the graph is detached without it.

    Raises:
        ValueError: `copy=False` and a copy is needed.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> torch.asarray(x) is x, torch.asarray([1, 2], dtype=torch.float64)
        (True, tensor([1., 2.], dtype=torch.float64))
    """
    check_device(device)
    target = checked_dtype("asarray", dtype)
    made, shared = _shared(obj, target)
    if shared and target is not None and made._data.dtype != target:
        if copy is False:
            raise ValueError(_cannot_alias(made.dtype, dtypes.from_numpy_dtype(target)))
        made, copy = made.to(dtypes.from_numpy_dtype(target)), None
    if copy is False and not shared:
        raise ValueError(
            "can't alias arbitrary sequence into a tensor.\n"
            f"type: {type(obj).__name__}\nHint: leave out copy=False"
        )
    if copy and shared:
        made = made.clone()
    return _with_grad(made, requires_grad)


def _cannot_alias(have: dtypes.dtype, want: dtypes.dtype) -> str:
    return (
        f"can't alias tensor with dtype '{have.name}' into dtype '{want.name}'.\n"
        "Hint: leave out copy=False"
    )


def _shared(obj: Any, target: Any) -> tuple[Tensor, bool]:
    """`obj` as a tensor, and whether it shares memory."""
    if isinstance(obj, Tensor):
        return obj, True
    if isinstance(obj, np.ndarray):
        return from_numpy(obj), True
    if _is_buffer(obj):
        native = S.default_dtype if target is None else dtypes.from_numpy_dtype(target)
        return frombuffer(obj, dtype=native), True
    if hasattr(obj, "__dlpack__") and not isinstance(obj, np.generic):
        return from_dlpack(obj), True
    return wrap(as_array(obj, target, copy=False)), False


def _with_grad(made: Tensor, requires_grad: bool) -> Tensor:
    """As `requires_grad` says."""
    if requires_grad:
        return made if made._node is not None else made.requires_grad_()
    if made._node is not None and made._node is not LEAF:
        return made.detach()
    return made


# ---------------------------------------------------------------- Python's protocols


@_method
def __contains__(self: Tensor, element: Any) -> bool:
    """`element in x`: whether any element equals it (a tensor is broadcast)."""
    if isinstance(element, (Tensor, int, float, complex, np.generic)):
        equal: Any = element == self
        return bool(equal.any().item())
    raise RuntimeError(
        "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
        f"{type(element)}.\nHint: compare numbers or tensors"
    )


@_method
def __reversed__(self: Tensor) -> Tensor:
    """The slices of the first dimension from last to first (a 0-d tensor as it is)."""
    return self if self.ndim == 0 else self.flip(0)


@_method
def __delitem__(self: Tensor, index: Any) -> None:
    """Refuses: a tensor has a fixed number of elements."""
    raise TypeError(
        "Tensor does not support deleting items\n"
        "Hint: keep the rest: x[mask], or torch.cat of what stands before and after"
    )


@_method
def __long__(self: Tensor) -> int:
    """The Python integer of one element (Python 2's name)."""
    return int(self)


@_method
def __nonzero__(self: Tensor) -> bool:
    """The truth of one element (Python 2's name)."""
    return bool(self)


@_method
def __div__(self: Tensor, other: Any) -> Tensor:
    """`x / other` (Python 2's name)."""
    return self / other


@_method
def __idiv__(self: Tensor, other: Any) -> Tensor:
    """`x /= other` (Python 2's name)."""
    return self.div_(other)


@_method
def __setstate__(self: Tensor, state: Any) -> None:
    """Attributes that a program gave this tensor, from a pickle."""
    self.__dict__.update(state)


# ---------------------------------------------------------------- old and rare methods


@_method
def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """A tensor of this dtype (old: `new_tensor`, `new_empty`): of given sizes or data.

    Example:
        >>> import chainrule as torch
        >>> torch.ones(2, dtype=torch.float64).new([1, 2])
        tensor([1., 2.], dtype=torch.float64)
    """
    check_device(device)
    if len(args) == 1 and not isinstance(args[0], int):
        if isinstance(args[0], tuple) and hasattr(args[0], "numel"):
            return self.new_empty(args[0])
        return self.new_tensor(args[0])
    return self.new_empty(args if args else (0,))


@_method
def share_memory_(self: Tensor) -> Tensor:
    """The tensor itself, its memory moved to where a process that is forked shares it.

    Aliases made before keep the old memory.

    Raises:
        RuntimeError: it is a view; share its base.
    """
    import mmap

    if self._view is not None:
        raise RuntimeError(
            "share_memory_: a view cannot move its base's memory\nHint: share the base first"
        )
    data = own(self)
    if data.nbytes:
        moved = np.frombuffer(mmap.mmap(-1, data.nbytes), data.dtype, data.size)
        moved = moved.reshape(data.shape)
        moved[...] = data
        self._data = moved
    return self


@_method
def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What `Module.load_state_dict` puts in this tensor's place: `other` detached if `assign`,
    else this tensor with the values of `other`."""
    if assign:
        return other.detach()
    return self.copy_(other).detach()


_PROPERTIES: dict[str, Any] = METHODS
_PROPERTIES["grad_dtype"] = property(
    lambda self: self.dtype, doc="The dtype that its gradient has: its own."
)
_PROPERTIES["name"] = property(lambda self: None, doc="None: tensors have no names.")
