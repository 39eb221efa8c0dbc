"""The restricted pickle machine: reads a checkpoint without running anything of it.

The standard library takes the pickle apart into opcodes; this machine executes them on a stack of
its own. A name in the file becomes a `Named`, which is no class and no function: calling it looks
into the table of what is allowed (`_MAKERS`), and only what the user added with `add_safe_globals`
is ever really called. Whatever else a file asks for is refused by name.
"""

from __future__ import annotations

import contextlib
import pickle
import pickletools
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import dtypes
from ..core.tensor import Size, Tensor
from ..nn.parameter import Parameter
from . import saving
from .storages import DTYPE_OF, Storages, layout_of, sparse_tensor, tensor_on

__all__ = [
    "add_safe_globals",
    "allowed",
    "clear_safe_globals",
    "get_safe_globals",
    "names_in",
    "run",
    "safe_globals",
]

_HELP = (
    "Check the documentation of torch.load to learn more about types accepted by default with "
    "weights_only https://pytorch.org/docs/stable/generated/torch.load.html."
)

# ---------------------------------------------------------------- what is allowed

_added: list[Any] = []


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Allow classes and functions in `torch.load(weights_only=True)`: they are called as the file
    says.

    Args:
        safe_globals: classes and functions, or pairs (of one, and its full name in files).

    Example:
        >>> import chainrule as torch
        >>> torch.serialization.add_safe_globals([complex])
        >>> torch.serialization.get_safe_globals()
        [<class 'complex'>]
        >>> torch.serialization.clear_safe_globals()
    """
    _added.extend(each for each in safe_globals if each not in _added)


def get_safe_globals() -> list[Any]:
    """What was added with `add_safe_globals`."""
    return list(_added)


def clear_safe_globals() -> None:
    """Forget what was added with `add_safe_globals`."""
    _added.clear()


@contextlib.contextmanager
def safe_globals(safe_globals: Iterable[Any]) -> Iterator[None]:
    """Allow classes and functions within a `with` block only.

    Example:
        >>> import chainrule as torch
        >>> with torch.serialization.safe_globals([complex]):
        ...     print(torch.serialization.get_safe_globals())
        [<class 'complex'>]
    """
    before = list(_added)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _added[:] = before


def _users() -> dict[str, Any]:
    """What the user allowed, by full name."""
    found = {}
    for each in _added:
        thing, name = each if isinstance(each, tuple) else (each, None)
        found[name or f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


class Named:
    """A name in the file; not what it names."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _tensor_v2(storage: Any, offset: Any, shape: Any, strides: Any, grad: Any, *rest: Any) -> Any:
    data, dtype = _is_storage(storage)
    return tensor_on(data, dtype, offset, shape, strides, grad is True)


def _tensor_v3(
    storage: Any, offset: Any, shape: Any, strides: Any, grad: Any, hooks: Any, dtype: Any,
    *rest: Any,
) -> Any:  # fmt: skip
    data, _ = _is_storage(storage)
    if not isinstance(dtype, dtypes.dtype):
        raise ValueError("a tensor whose dtype is none")
    return tensor_on(data, dtype, offset, shape, strides, grad is True)


def _is_storage(value: Any) -> Any:
    if type(value) is not _Storage:
        raise ValueError("a tensor on something that is no storage")
    return value.data, value.dtype


def _parameter(data: Any, requires_grad: Any, hooks: Any, state: Any = None) -> Any:
    if type(data) is not Tensor:
        raise ValueError("a parameter of something that is no tensor")
    made = Parameter(data, requires_grad is True)
    if state is not None:
        _set_state(made, state)
    return made


def _with_type(function: Any, kind: Any, args: Any, state: Any) -> Any:
    """A tensor with attributes, or of a subclass."""
    if type(function) is not Named or not function.name.startswith("torch._utils._rebuild"):
        raise ValueError("a tensor made by something else than PyTorch's functions")
    made = _called(function, args)
    name = kind.name if type(kind) is Named else "?"
    if name not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
        raise _Refused(name)
    _set_state(made, state)
    return made


def _set_state(made: Any, state: Any) -> None:
    if type(state) is tuple and len(state) == 2 and not state[1]:
        state = state[0]
    if not state:
        return
    if type(state) is not dict or not all(type(k) is str for k in state):
        raise ValueError("a state that is no dict of attributes")
    made.__dict__.update(state)


def _named_dict(*args: Any) -> Any:
    return OrderedDict(*_pairs(args))


def _pairs(args: Any) -> Any:
    if len(args) > 1 or (args and type(args[0]) not in (list, dict, OrderedDict)):
        raise ValueError("an OrderedDict of something that is no dict")
    return args


def _set_of(*args: Any) -> set[Any]:
    if len(args) > 1 or (args and type(args[0]) is not list):
        raise ValueError("a set of something that is no list")
    return set(*args)


def _bytearray(*args: Any) -> bytearray:
    if not args:
        return bytearray()
    if type(args[0]) is bytes and len(args) == 1:
        return bytearray(args[0])
    if type(args[0]) is str and args[1:] == ("latin-1",):
        return bytearray(args[0], "latin-1")
    raise ValueError("a bytearray of something else than bytes")


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes in another encoding than latin1")
    return text.encode("latin1")


def _device(name: Any, index: Any = None) -> Any:
    if type(name) is not str or not (index is None or type(index) is int):
        raise ValueError("a device whose name is no text")
    return dtypes.device(name) if index is None else dtypes.device(name, index)


def _counter(items: Any = None) -> Any:
    if items is not None and type(items) is not dict:
        raise ValueError("a Counter of something that is no dict")
    return Counter(items or {})


def _size(items: Any) -> Size:
    if type(items) not in (tuple, list) or any(type(n) is not int for n in items):
        raise ValueError("a Size of something else than whole numbers")
    return Size(items)


_MAKERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_sparse_tensor": sparse_tensor,
    "torch.serialization._get_layout": layout_of,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _with_type,
    "collections.OrderedDict": _named_dict,
    "collections.Counter": _counter,
    "builtins.set": _set_of,
    "builtins.bytearray": _bytearray,
    "_codecs.encode": _encoded,
    "torch.Size": _size,
    "torch.device": _device,
}
_VALUES = {f"torch.{name}": d for name, d in dtypes.DTYPES.items()}
# names that stand for themselves in other calls
_BARE = {
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
    "torch.storage.UntypedStorage",
    *(f"torch.{name}" for name in DTYPE_OF),
}


def allowed(name: str) -> bool:
    """Whether a full name may stand in a file."""
    return name in _MAKERS or name in _VALUES or name in _BARE or name in _users()


def full_name(module: str, name: str) -> str:
    """The full name of a global; protocol 2 spells some modules as Python 2 did."""
    return f"{_PYTHON_2.get(module, module)}.{name}"


_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins"}


def names_in(content: bytes) -> Iterator[str]:
    """The full names in a pickle."""
    last: list[str] = []
    for opcode, argument, _ in _opcodes(content):
        if opcode == "GLOBAL":
            yield full_name(*str(argument).split(" ", 1))
        elif opcode == "STACK_GLOBAL":
            yield full_name(*last[-2:])
        elif isinstance(argument, str):
            last.append(argument)


# ---------------------------------------------------------------- the machine


class _Refused(Exception):
    """A name that is not allowed."""


class _Storage:
    __slots__ = ("data", "dtype")

    def __init__(self, data: Any, dtype: Any) -> None:
        self.data, self.dtype = data, dtype


_MARK: Any = Named("(")


def run(content: bytes, storages: Storages) -> Any:
    """The object that a pickle describes.

    Raises:
        pickle.UnpicklingError: it names what is not allowed, or is no valid pickle.
    """
    try:
        return _Machine(storages).run(content)
    except _Refused as error:
        name = str(error)
        raise pickle.UnpicklingError(
            "Weights only load failed. This file can still be loaded, but only if you trust where "
            "it comes from.\n"
            f"WeightsUnpickler error: Unsupported global: GLOBAL {name} was not an allowed global "
            f"by default. Please use `torch.serialization.add_safe_globals([{name}])` or the "
            f"`torch.serialization.safe_globals([{name}])` context manager to allowlist this "
            "global if you trust this class/function.\n"
            "Hint: torch.load(..., weights_only=False) runs whatever the file says\n" + _HELP
        ) from None
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, RecursionError) as error:
        raise pickle.UnpicklingError(
            f"Weights only load failed. WeightsUnpickler error: {error or type(error).__name__}\n"
            "Hint: the file is damaged, or was made to be\n" + _HELP
        ) from None


def _opcodes(content: bytes) -> Iterator[tuple[str, Any, int]]:
    for opcode, argument, position in pickletools.genops(content):
        yield opcode.name, argument, position or 0


_PUSHED = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (),
}  # fmt: skip
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_NEW: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """The stack, the memo, and one method for every opcode that does more than push."""

    def __init__(self, storages: Storages) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        for name, argument, _ in _opcodes(content):
            if name in _LITERALS:
                self.stack.append(argument)
            elif name in _PUSHED:
                self.stack.append(_PUSHED[name])
            elif name in _NEW:
                self.stack.append(_NEW[name]())
            elif name in _TUPLES:
                n = _TUPLES[name]
                self.stack[-n:] = [tuple(self._top(n))]
            elif name == "STOP":
                return _finished(self.stack.pop())
            elif name not in ("PROTO", "FRAME"):
                method = getattr(self, "op_" + name.lower(), None)
                if method is None:
                    raise ValueError(f"opcode {name} is not allowed")
                method(argument)
        raise ValueError("the pickle has no end")

    def _top(self, n: int) -> list[Any]:
        if len(self.stack) < n:
            raise ValueError("the stack is empty")
        return self.stack[-n:]

    def _marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        at = len(self.stack) - 1
        while at >= 0 and self.stack[at] is not _MARK:
            at -= 1
        if at < 0:
            raise ValueError("there is no mark")
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    # ------------------------------------------------------------ stack and memo

    def op_mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def op_pop(self, _: Any) -> None:
        self.stack.pop()

    def op_pop_mark(self, _: Any) -> None:
        self._marked()

    def op_dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def op_binput(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    op_long_binput = op_put = op_binput

    def op_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def op_binget(self, index: int) -> None:
        self.stack.append(self.memo[index])

    op_long_binget = op_get = op_binget

    # ------------------------------------------------------------ containers

    def op_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def op_list(self, _: Any) -> None:
        self.stack.append(_whole(self._marked()))

    def op_dict(self, _: Any) -> None:
        items = _whole(self._marked())
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def op_frozenset(self, _: Any) -> None:
        self.stack.append(frozenset(_whole(self._marked())))

    def op_append(self, _: Any) -> None:
        value = self.stack.pop()
        self._a(list, of=[value]).append(value)

    def op_appends(self, _: Any) -> None:
        values = self._marked()
        self._a(list, of=values).extend(values)

    def op_additems(self, _: Any) -> None:
        values = self._marked()
        self._a(set, of=values).update(values)

    def op_setitem(self, _: Any) -> None:
        key, value = self._top(2)
        del self.stack[-2:]
        self._a(dict, OrderedDict, defaultdict, Counter, of=(key, value))[key] = value

    def op_setitems(self, _: Any) -> None:
        items = self._marked()
        target = self._a(dict, OrderedDict, defaultdict, Counter, of=items)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key] = value

    def _a(self, *kinds: type, of: Any) -> Any:
        _whole(of)
        if type(self.stack[-1]) not in kinds:
            raise ValueError(f"items for a {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    # ------------------------------------------------------------ names, calls, states

    def op_global(self, name: str) -> None:
        self._push_name(full_name(*str(name).split(" ", 1)))

    def op_stack_global(self, _: Any) -> None:
        module, name = self._top(2)
        del self.stack[-2:]
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name that is no text")
        self._push_name(full_name(module, name))

    def _push_name(self, name: str) -> None:
        if not allowed(name):
            raise _Refused(name)
        if name in _VALUES:
            self.stack.append(_VALUES[name])
        else:
            self.stack.append(_users().get(name) or Named(name))

    def op_reduce(self, _: Any) -> None:
        function, args = self._top(2)
        del self.stack[-2:]
        self.stack.append(_called(function, args))

    def op_newobj(self, _: Any) -> None:
        kind, args = self._top(2)
        del self.stack[-2:]
        if isinstance(kind, type) and _is_users(kind):
            self.stack.append(kind.__new__(kind, *args))
        elif type(kind) is Named and kind.name == "collections.OrderedDict" and args == ():
            self.stack.append(OrderedDict())
        else:
            self.stack.append(_called(kind, args))

    def op_build(self, _: Any) -> None:
        state = self.stack.pop()
        made = self.stack[-1]
        kind = type(made)
        if kind in (Tensor, Parameter, OrderedDict):
            _set_state(made, state)
        elif _is_users(kind):
            if hasattr(made, "__setstate__"):
                made.__setstate__(state)
            else:
                _set_state(made, state)
        else:
            raise ValueError(f"a state for a {kind.__name__}")

    def op_binpersid(self, _: Any) -> None:
        pid = self.stack.pop()
        data, dtype = saving.stored(self.storages, pid, _storage_name)
        self.stack.append(_Storage(data, dtype))


def _storage_name(kind: Any) -> str:
    name = kind.name if type(kind) is Named else ""
    if name != "torch.storage.UntypedStorage" and name.removeprefix("torch.") not in DTYPE_OF:
        raise ValueError("a storage of no kind")
    return name.rpartition(".")[2]


def _is_users(thing: Any) -> bool:
    """Whether the user allowed exactly this."""
    return any(thing is each for each in _users().values())


def _called(function: Any, args: Any) -> Any:
    if type(args) is tuple and _is_users(function):
        return function(*args)
    if type(function) is not Named or type(args) is not tuple:
        raise ValueError(f"a call of a {type(function).__name__}")
    made = _MAKERS.get(function.name)
    if made is None:
        raise _Refused(function.name)
    return made(*args)


def _part(value: Any) -> bool:
    """Whether it is a part of the machine, or a tuple that holds one."""
    return type(value) in (Named, _Storage) or (type(value) is tuple and any(map(_part, value)))


def _whole(values: Any) -> Any:
    """The values of a container, none of which is a part of the machine."""
    if any(map(_part, values)):
        raise ValueError("a name, where an object is meant, in a container")
    return values


def _finished(value: Any) -> Any:
    """The object, unless it is a part of the machine."""
    if _part(value):
        raise ValueError("the file holds no object")
    return value
