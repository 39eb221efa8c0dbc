"""`torch.overrides`: functions that ask their arguments' classes first (`__torch_function__`).

What lives here: `switch_on`, which puts dispatching functions in the place of the public functions
and of Tensor's methods; the questions PyTorch has about them; `TorchFunctionMode`. Who may call:
users; `ops/interop/subclasses.py` when a program defines a subclass of Tensor.
A value comes from the public function, whose dispatching form looks at the arguments' types, and
goes to the `__torch_function__` of the first one that has it, or to the function itself. Nothing
of this exists until a program defines a subclass, imports this module or enters a mode: plain
programs run the functions themselves.
Differs from PyTorch: a class that is no subclass of Tensor (duck typing) is asked only after
`import torch.overrides`; modes do not see properties (`x.shape`).
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .core.declare import METHODS
from .core.primitive import PUBLIC
from .core.tensor import Tensor
from .ops.interop.subclasses import ours, renamed
from .ops.late import FAMILY_OF, SHOWN, attach, load_all

__all__ = [
    "BaseTorchFunctionMode",
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "TorchFunctionMode",
    "enable_reentrant_dispatch",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]

PACKAGE = __name__.partition(".")[0]
SPACES = ("", "nn.functional", "linalg", "fft", "special", "signal.windows")
NOT_DISPATCHED = frozenset(  # of the top level: they make tensors of data, or ask nothing of one
    "is_tensor is_same_size set_default_dtype get_default_dtype promote_types can_cast "
    "manual_seed seed initial_seed get_rng_state set_rng_state safe_where typename "
    "is_storage from_numpy set_grad_enabled".split()
)
NOT_DISPATCHED_METHODS = frozenset(
    "__init_subclass__ __torch_function__ as_subclass _make_subclass _make_wrapper_subclass "
    "__array_ufunc__ __array_function__ __array_wrap__ __reduce_ex__ __setstate__ __dlpack__ "
    "__dlpack_device__ __array_namespace__ __delitem__ name grad_dtype".split()
)
OPERATORS = {  # the method that PyTorch names when an operator is used
    "__add__": "add", "__radd__": "add", "__sub__": "sub", "__mul__": "mul", "__rmul__": "mul",
    "__truediv__": "div", "__rtruediv__": "__rdiv__", "__matmul__": "matmul", "__neg__": "neg",
    "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__mod__": "remainder",
    "__abs__": "abs", "__pow__": "pow", "__iadd__": "add_", "__isub__": "sub_",
    "__imul__": "mul_", "__itruediv__": "div_",
}  # fmt: skip
OF_TENSOR = (  # methods that core/tensor.py and core/engine.py write themselves
    "size dim numel nelement ndimension stride storage_offset data_ptr is_contiguous "
    "requires_grad_ detach detach_ item tolist numpy backward retain_grad register_hook "
    "is_floating_point is_complex is_signed __len__ __bool__ __float__ __int__ __index__ "
    "__complex__ __repr__ __format__"
).split()
PLAIN: set[type] = {
    Tensor, int, float, bool, complex, str, type(None), slice, type(Ellipsis),
}  # fmt: skip


class _Local(threading.local):
    """One thread's switches."""

    def __init__(self) -> None:
        self.quiet = 0  # inside DisableTorchFunction: classes are not asked
        self.modes: list[TorchFunctionMode] = []


_local = _Local()
_ORIGINAL: dict[Any, Any] = {}  # dispatching function -> the function itself
_NAME_OF: dict[Any, str] = {}  # dispatching function -> its dotted path


# ---------------------------------------------------------------- who is asked


def _asks(kind: Any) -> bool:
    """Whether values of this class are asked; remembered for those that are not."""
    if getattr(kind, "__torch_function__", None) is None:
        return False
    if issubclass(kind, Tensor) and ours(kind):
        PLAIN.add(kind)
        return False
    return kind.__torch_function__ is not _disabled_torch_function_impl


def _overloaded(values: Iterable[Any], found: list[Any]) -> list[Any]:
    """The arguments to ask, subclasses before their bases, else from left to right."""
    for value in values:
        kind = type(value)
        if kind in PLAIN:
            continue
        if kind is list or kind is tuple:
            _overloaded(value, found)
        elif _asks(kind) and not any(type(o) is kind for o in found):
            place = next((i for i, o in enumerate(found) if issubclass(kind, type(o))), len(found))
            found.insert(place, value)
    return found


def _disabled_torch_function_impl(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """As `__torch_function__` of a class: it is never asked."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))


def _ask(public_api: Any, overloaded: list[Any], args: Any, kwargs: Any) -> Any:
    types = tuple(map(type, overloaded))
    modes = _local.modes
    if modes:
        mode = modes.pop()
        try:
            result = mode.__torch_function__(public_api, types, args, kwargs)
        finally:
            modes.append(mode)
        if result is not NotImplemented:
            return result
    for value in overloaded:
        result = type(value).__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    lines = "\n".join(f"  - tensor subclass {kind}" for kind in types)
    raise TypeError(
        f"Multiple dispatch failed for '{resolve_name(public_api) or public_api}'; all "
        f"__torch_function__ handlers returned NotImplemented:\n\n{lines}\n\n"
        "Hint: one of these classes must handle the function, or call "
        "super().__torch_function__"
    )


def default(cls: type, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """`Tensor.__torch_function__`."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        made = func(*args, **kwargs)
    if func in _not_converted():
        return made
    return _converted(made, cls, (*args, *kwargs.values()))


@functools.cache
def _not_converted() -> tuple[Any, ...]:
    return tuple(Tensor.__dict__[n].__get__ for n in ("grad", "_base"))


def _converted(made: Any, cls: type, args: Any) -> Any:
    if isinstance(made, Tensor):
        if cls is Tensor or isinstance(made, cls):
            return made
        if type(made) is not Tensor or any(made is a for a in args):
            return made.as_subclass(cls)
        return renamed(made, cls)
    if type(made) in (tuple, list):
        return type(made)(_converted(m, cls, args) for m in made)
    if isinstance(made, tuple) and any(isinstance(m, Tensor) for m in made):
        items = [_converted(m, cls, args) for m in made]
        return type(made)(*items) if hasattr(made, "_fields") else type(made)(items)
    return made


# ---------------------------------------------------------------- dispatching functions


def _dispatching(path: str, function: Any) -> Any:
    """`function` in the form that asks first; itself where it is not dispatched."""
    name = path.rpartition(".")[2]
    if function in _ORIGINAL or not callable(function) or isinstance(function, type):
        return function
    if path.startswith("Tensor."):
        if name in NOT_DISPATCHED_METHODS or isinstance(function, (classmethod, staticmethod)):
            return function
    elif path in NOT_DISPATCHED or path.rpartition(".")[0] not in SPACES:
        return function

    @functools.wraps(function)
    def asking(*args: Any, **kwargs: Any) -> Any:
        if not _local.quiet:
            found = _overloaded((*args, *kwargs.values()) if kwargs else args, [])
            if found or _local.modes:
                return _ask(shown, found, args, kwargs or None)
        return function(*args, **kwargs)

    asking.__name__, asking.__qualname__ = name, path
    shown: Any = asking
    operator = OPERATORS.get(name) if path.startswith("Tensor.") else None
    if operator is not None and hasattr(Tensor, operator):
        shown = getattr(Tensor, operator)
    _ORIGINAL[asking] = function
    _NAME_OF[asking] = "torch." + path
    return asking


def switch_on() -> None:
    """Put dispatching functions in the place of the public ones; a second call changes nothing."""
    if SHOWN:
        return
    SHOWN.append(_dispatching)
    spaces = {path: sys.modules.get(f"{PACKAGE}.{path}".rstrip(".")) for path in SPACES}
    for path, function in list(PUBLIC.items()):
        space, _, name = path.rpartition(".")
        module = spaces.get(space)
        if module is not None and vars(module).get(name) is function:
            setattr(module, name, _dispatching(path, function))
    # named methods before operators, which show themselves under the methods' names
    for name in sorted({*METHODS, *OF_TENSOR}, key=lambda n: (n in OPERATORS, n)):
        method = METHODS.get(name) or Tensor.__dict__.get(name)
        if method is not None:
            asking = _dispatching(f"Tensor.{name}", method)
            setattr(Tensor, name, asking)
            if name in METHODS:
                METHODS[name] = asking
    attach()


def prepare(cls: type) -> None:
    """A program has defined this subclass of Tensor: from now on its classes are asked, also when
    a property is read."""
    switch_on()
    if any(issubclass(b, Tensor) and b is not Tensor and not ours(b) for b in cls.__bases__):
        return  # inherited
    for name, value in vars(Tensor).items():
        if isinstance(value, property) and name not in cls.__dict__ and name[0] != "_":
            setattr(cls, name, _asking_property(name, value))


def _asking_property(name: str, value: property) -> property:
    def read(self: Any) -> Any:
        if _local.quiet or not _asks(type(self)):
            return value.__get__(self)
        return _ask(Tensor.__dict__[name].__get__, [self], (self,), None)

    return property(read, value.fset, value.fdel, value.__doc__)


# ---------------------------------------------------------------- switching it off, and modes


class DisableTorchFunctionSubclass:
    """`with DisableTorchFunctionSubclass():` functions run as if no class had
    `__torch_function__`; modes too are not asked."""

    def __enter__(self) -> None:
        _local.quiet += 1

    def __exit__(self, *exc: object) -> None:
        _local.quiet -= 1


DisableTorchFunction = DisableTorchFunctionSubclass


class TorchFunctionMode:
    """Sees every call of a public function inside its `with`, whatever the arguments.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.overrides import TorchFunctionMode
        >>> class Names(TorchFunctionMode):
        ...     def __torch_function__(self, func, types, args=(), kwargs=None):
        ...         print(func.__name__)
        ...         return func(*args, **(kwargs or {}))
        >>> with Names():
        ...     x = torch.sin(torch.ones(2)) + 1
        ones
        sin
        add
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        switch_on()
        _local.modes.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.modes.pop()


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Inside, classes are asked again although a handler is running."""
    before, _local.quiet = _local.quiet, 0
    try:
        yield
    finally:
        _local.quiet = before


# ---------------------------------------------------------------- questions


def has_torch_function(args: Iterable[Any]) -> bool:
    """Whether one of these arguments wants to be asked."""
    return not _local.quiet and bool(_overloaded(args, []) or _local.modes)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Ask the arguments' classes to evaluate `public_api(*args, **kwargs)`.

    Args:
        public_api: the function that the user called.
        relevant_args: the arguments whose classes are asked.

    Raises:
        TypeError: all of them answered NotImplemented.

    Example:
        >>> from chainrule.overrides import handle_torch_function, has_torch_function
        >>> def double(x):
        ...     if has_torch_function((x,)):
        ...         return handle_torch_function(double, (x,), x)
        ...     return x + x
        >>> class Three:
        ...     @classmethod
        ...     def __torch_function__(cls, func, types, args=(), kwargs=None):
        ...         return func.__name__, len(args)
        >>> double(Three())
        ('double', 1)
    """
    return _ask(public_api, _overloaded(relevant_args, []), args, kwargs or None)


def wrap_torch_function(dispatcher: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a function that asks the arguments that `dispatcher(*args)` returns."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return wrap


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or of a class with `__torch_function__`."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def is_tensor_method_or_property(func: Any) -> bool:
    """Whether `func`, as a handler sees it, is a method of Tensor or reads one of its
    properties."""
    name = getattr(func, "__name__", "")
    return name == "__get__" or _NAME_OF.get(func, "").startswith("torch.Tensor.")


def resolve_name(f: Any) -> str | None:
    """The dotted name of a function that can be overridden.

    Example:
        >>> import chainrule as torch
        >>> torch.overrides.resolve_name(torch.sin)
        'torch.sin'
    """
    known = _NAME_OF.get(f)
    if known is None and getattr(f, "__name__", "") == "__get__":
        owner = getattr(f, "__self__", None)
        found = [n for n, v in vars(Tensor).items() if v is owner]
        known = f"torch.Tensor.{found[0]}.__get__" if found else None
    return known


@functools.cache
def _every() -> dict[str, Any]:
    """All functions that can be overridden, by dotted path."""
    switch_on()
    load_all()
    for path in (*PUBLIC, *FAMILY_OF):
        space, _, name = path.rpartition(".")
        module = sys.modules.get(f"{PACKAGE}.{space}".rstrip("."))
        if space in SPACES and module is not None:
            getattr(module, name, None)
    return {path: f for f, path in _NAME_OF.items()}


def get_overridable_functions() -> dict[Any, list[Any]]:
    """The functions that can be overridden, by the module or class they are in."""
    found: dict[Any, list[Any]] = {}
    for path, function in _every().items():
        space = path.rpartition(".")[0].removeprefix("torch").removeprefix(".")
        owner = Tensor if space == "Tensor" else sys.modules.get(f"{PACKAGE}.{space}".rstrip("."))
        found.setdefault(owner, []).append(function)
    return found


def get_testing_overrides() -> dict[Any, Callable[..., Any]]:
    """For every function that can be overridden, one of the same signature that returns -1."""

    def answer(function: Any) -> Callable[..., Any]:
        signature = inspect.signature(_ORIGINAL[function])

        def minus_one(*args: Any, **kwargs: Any) -> int:
            signature.bind(*args, **kwargs)
            return -1

        minus_one.__signature__ = signature  # type: ignore[attr-defined]
        return minus_one

    return {f: answer(f) for f in _every().values()}


def get_ignored_functions() -> set[Any]:
    """Public functions that never ask."""
    here = sys.modules[PACKAGE]
    return {getattr(here, n) for n in NOT_DISPATCHED if hasattr(here, n)}


switch_on()
