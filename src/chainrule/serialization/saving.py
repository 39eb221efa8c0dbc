"""Writing: an ordinary pickle in which tensors are references to storages, under PyTorch's names.

Our functions and classes are pickled by the name under which PyTorch knows them, so either side
reads what the other wrote: `chainrule.nn...Linear` is `torch.nn...Linear` in the file.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections import OrderedDict
from typing import Any

from .. import dtypes
from ..core.tensor import Size, Tensor
from ..nn.parameter import Parameter
from . import storages as _storages
from .storages import OF_DTYPE, Storages, Taken, layout_of, sparse_parts, sparse_tensor, tensor_on

__all__ = ["Unpickler", "pickled"]

ENGINE = __name__.partition(".")[0]


class _Reference:
    """Stands for a storage: becomes its persistent id."""

    def __init__(self, kind: type, key: int, count: int) -> None:
        self.kind, self.key, self.count = kind, key, count


# Classes and functions that are pickled by name only; `_TORCH` says which.
class UntypedStorage:
    """PyTorch's name for a storage whose dtype is said apart."""


_KINDS = {name: type(name, (), {"__module__": __name__}) for name in OF_DTYPE.values()}
globals().update(_KINDS)


def _rebuild_tensor_v2(*args: Any) -> Tensor:
    (data, dtype), offset, shape, strides, requires_grad, *_ = args
    return tensor_on(data, dtype, offset, shape, strides, requires_grad)


def _rebuild_tensor_v3(*args: Any) -> Tensor:
    (data, _), offset, shape, strides, requires_grad, _, dtype, *_ = args
    return tensor_on(data, dtype, offset, shape, strides, requires_grad)


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Any:
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data: Tensor, requires_grad: bool, hooks: Any, state: Any) -> Any:
    made = Parameter(data, requires_grad)
    made.__dict__.update(state)
    return made


def _rebuild_sparse_tensor(layout: Any, data: Any) -> Tensor:
    return sparse_tensor(layout, data)


def _get_layout(name: str) -> dtypes.layout:
    return layout_of(name)


_TORCH = {
    f"{__name__} {ours.__name__}": f"torch._utils {ours.__name__}"
    for ours in (
        _rebuild_tensor_v2,
        _rebuild_tensor_v3,
        _rebuild_parameter,
        _rebuild_parameter_with_state,
        _rebuild_sparse_tensor,
    )
}
_TORCH[f"{__name__} _get_layout"] = "torch.serialization _get_layout"
_TORCH |= {f"{__name__} {name}": f"torch {name}" for name in _KINDS}
_TORCH |= {
    f"{__name__} UntypedStorage": "torch.storage UntypedStorage",
    f"{Size.__module__} Size": "torch Size",
    f"{dtypes.__name__} device": "torch device",
    f"{Tensor.__module__} Tensor": "torch Tensor",
}


def _name_of(d: dtypes.dtype) -> str:
    """Its name in `dtypes`, under which it is pickled."""
    return "bool_" if d.name == "bool" else d.name


_TORCH |= {f"{dtypes.__name__} {_name_of(d)}": f"torch {d.name}" for d in dtypes.DTYPES.values()}
_OURS = {torch: ours for ours, torch in _TORCH.items()}


class _Pickler(pickle.Pickler):
    """Tensors become references, dtypes global names."""

    def __init__(self, file: Any, taken: Taken) -> None:
        super().__init__(file, 2)
        self.taken = taken

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is _Reference:
            return ("storage", obj.kind, str(obj.key), "cpu", obj.count)
        return None

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is dtypes.dtype:
            return _name_of(obj)
        if type(obj) is Parameter:
            return self._parameter(obj)
        if type(obj) is Tensor:
            if obj.is_sparse:
                return _rebuild_sparse_tensor, (obj.layout, sparse_parts(obj))
            return self._tensor(obj)
        if type(obj) is dtypes.layout:
            return _get_layout, (str(obj),)
        return NotImplemented

    def _tensor(self, t: Tensor) -> Any:
        key, count, shape, strides, offset = self.taken.of(t)
        name, requires_grad = t.dtype.name, t._node is not None
        rest: tuple[Any, ...] = (offset, tuple(shape), strides, requires_grad, OrderedDict())
        kind = OF_DTYPE.get(name)
        if kind is None:
            reference = _Reference(UntypedStorage, key, count * t.dtype.itemsize)
            return _rebuild_tensor_v3, (reference, *rest, t.dtype)
        return _rebuild_tensor_v2, (_Reference(_KINDS[kind], key, count), *rest)

    def _parameter(self, p: Any) -> Any:
        arguments: tuple[Any, ...] = (p.data, p._node is not None, OrderedDict())
        if p.__dict__:
            return _rebuild_parameter_with_state, (*arguments, dict(p.__dict__))
        return _rebuild_parameter, arguments


def pickled(obj: Any) -> tuple[bytes, list[Any]]:
    """The pickle of an object under PyTorch's names, and the bytes of its storages."""
    file, taken = io.BytesIO(), Taken()
    _Pickler(file, taken).dump(obj)
    return _renamed(file.getvalue()), taken.data


def _renamed(content: bytes) -> bytes:
    """The pickle with our names replaced by PyTorch's."""
    parts, start = [], 0
    for opcode, name, position in pickletools.genops(content):
        if opcode.name != "GLOBAL" or not str(name).startswith(ENGINE):
            continue
        module, _, rest = str(name).partition(" ")
        new = _TORCH.get(str(name), f"torch{module[len(ENGINE) :]} {rest}")
        old = f"c{module}\n{rest}\n".encode()
        parts += [content[start:position], f"c{new.replace(' ', chr(10))}\n".encode()]
        start = (position or 0) + len(old)
    return b"".join([*parts, content[start:]])


class Unpickler(pickle.Unpickler):
    """The ordinary pickle machine with storages and our names: it runs whatever the file says."""

    def __init__(self, file: Any, storages: Storages, **more: Any) -> None:
        super().__init__(file, **more)
        self.storages = storages

    def persistent_load(self, pid: Any) -> Any:
        return stored(self.storages, pid, lambda kind: kind.__name__)

    def find_class(self, module: str, name: str) -> Any:
        ours = _OURS.get(f"{module} {name}")
        if ours is not None:
            module, name = ours.split(" ")
        elif module == "torch" or module.startswith("torch."):
            module = ENGINE + module[len("torch") :]
        return super().find_class(module, name)


def stored(storages: Storages, pid: Any, name_of: Any) -> tuple[Any, dtypes.dtype]:
    """(bytes, dtype) of the storage that a persistent id names.

    Raises:
        ValueError: it is no id of a storage, or the file has no such bytes.
    """
    if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage":
        raise ValueError(f"a persistent id that is no storage: {str(pid)[:100]}")
    _, kind, key, _, count = pid
    name = name_of(kind)
    dtype = dtypes.DTYPES[_storages.DTYPE_OF.get(name, "uint8")]
    if type(key) is not str or type(count) is not int or not key.isalnum():
        raise ValueError(f"storage {str(key)[:40]!r} of {str(count)[:40]} elements")
    return storages.get(key, dtype, count), dtype
