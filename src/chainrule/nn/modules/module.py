"""`nn.Module`: what all layers and networks are.

Lives here: the registration of parameters, buffers and submodules by assignment; the walks over
them; conversion; the call. Saving and loading is in `_saving.py`, everything about hooks in
`_hooks.py` (a module without hooks runs `forward` and nothing else). When a layer refuses its
input, the error gets a note with the path of the layer and what it was given; the note is built
while the error travels through the calls, so a call that succeeds pays nothing.
"""

from __future__ import annotations

import importlib
import mmap
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ... import dtypes, errors
from ..._state import set_grad
from ...core.tensor import Tensor, own
from ..parameter import Buffer, Parameter, is_lazy
from . import _hooks
from ._hooks import (
    HookedCalls,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from ._saving import Saving

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

M = TypeVar("M", bound="Module")
_set = object.__setattr__
# how `to` and the like treat parameters (torch.__future__)
CONVERSION = {"overwrite": False, "swap": False}
_PLAIN = frozenset((int, float, bool, str, tuple, list, dict, type(None)))
_global = _hooks.GLOBAL


def _type_of(value: Any) -> str:
    """What PyTorch's `typename` says of a value."""
    if isinstance(value, Parameter):
        return "torch.nn.parameter.Parameter"
    if isinstance(value, Tensor):
        return errors.type_name(value.dtype)
    kind = type(value)
    place = "" if kind.__module__ == "builtins" else kind.__module__ + "."
    return f"{place.replace('chainrule.', 'torch.', 1)}{kind.__qualname__}"


def _indented(text: str, spaces: int) -> str:
    return text.replace("\n", "\n" + " " * spaces)


class Module(HookedCalls, Saving):
    """The base of all layers and networks.

    A subclass calls `super().__init__()`, assigns its layers and parameters as attributes, and
    defines `forward`. Calling the module calls `forward`, with the hooks around it.

    Attributes:
        training: whether the module is in training mode (`train()`, `eval()`).

    Example:
        >>> import chainrule as torch
        >>> from chainrule import nn
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = nn.Linear(3, 4)
        ...         self.out = nn.Linear(4, 1)
        ...     def forward(self, x):
        ...         return self.out(torch.tanh(self.hidden(x)))
        >>> net = Net()
        >>> net
        Net(
          (hidden): Linear(in_features=3, out_features=4, bias=True)
          (out): Linear(in_features=4, out_features=1, bias=True)
        )
        >>> net(torch.ones(2, 3)).shape, [name for name, _ in net.named_parameters()]
        (torch.Size([2, 1]), ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias'])
    """

    dump_patches = False
    _version = 1
    call_super_init = False
    training: bool
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        state = self.__dict__
        state["training"] = True
        state["_parameters"], state["_buffers"] = {}, {}
        state["_non_persistent_buffers_set"] = set()
        for hooks in _hooks.TABLES:
            state[hooks] = OrderedDict()
            if hooks == "_backward_hooks":
                state["_is_full_backward_hook"] = None  # here, as in PyTorch
        state["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # ------------------------------------------------------------ the call

    def forward(self, *input: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function\n'
            "Hint: define forward(self, ...) in the class (is its name and indentation right?)"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        state = self.__dict__  # read once: attributes of a class with __getattr__ are slow
        try:
            hooked = (
                state["_forward_hooks"]
                or state["_forward_pre_hooks"]
                or state["_backward_hooks"]
                or state["_backward_pre_hooks"]
                or _global
            )
        except KeyError:
            hooked = self._backward_hooks  # says that __init__ was not called
        if hooked:
            return self._call_hooked(args, kwargs)
        try:
            return self.forward(*args, **kwargs)
        except Exception as error:
            _note_layer(error, self, args)
            raise

    # ------------------------------------------------------------ attributes

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        params, modules, buffers = (state.get(k) for k in ("_parameters", "_modules", "_buffers"))
        if type(value) in _PLAIN and not (
            (params and name in params) or (modules and name in modules)
            or (buffers and name in buffers)
        ):  # fmt: skip
            _set(self, name, value)
        elif isinstance(value, Parameter):
            if params is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, params)
            self.register_parameter(name, value)
        elif params and name in params:
            if value is not None:
                raise self._cannot_assign(name, value, "parameter", "torch.nn.Parameter or None")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, modules)
            modules[name] = _hooks.registered("module", self, name, value)
        elif modules and name in modules:
            if value is not None:
                raise self._cannot_assign(name, value, "child module", "torch.nn.Module or None")
            modules[name] = _hooks.registered("module", self, name, value)
        else:
            self._set_buffer_or_other(name, value, buffers)

    def _set_buffer_or_other(self, name: str, value: Any, buffers: Any) -> None:
        marked: bool = isinstance(value, Buffer) or is_lazy(value)
        tensor: Any = value
        if not (marked or (buffers and name in buffers)):
            _set(self, name, value)
            return
        if buffers is None:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        if value is not None and not isinstance(value, Tensor):
            raise self._cannot_assign(
                name, value, "buffer", "torch.nn.Buffer, torch.Tensor or None"
            )
        if marked:
            self._forget(name, buffers)
            self.register_buffer(name, value, tensor.persistent)
        else:
            buffers[name] = _hooks.registered("buffer", self, name, value)

    def _cannot_assign(self, name: str, value: Any, what: str, expected: str) -> TypeError:
        return TypeError(
            f"cannot assign '{_type_of(value)}' as {what} '{name}' ({expected} expected)\n"
            f"module: {type(self).__name__}\n"
            + (
                f"Hint: wrap it: nn.Parameter(value), or write its values: module.{name}.data = ..."
                if what == "parameter" and isinstance(value, Tensor)
                else f"Hint: to replace it, delete it first: del module.{name}"
            )
        )

    def _forget(self, name: str, keep: dict[str, Any]) -> None:
        """Take `name` out of every table but `keep`."""
        state = self.__dict__
        state.pop(name, None)
        for table in ("_parameters", "_buffers", "_modules"):
            if state[table] is not keep:
                state[table].pop(name, None)
        state["_non_persistent_buffers_set"].discard(name)

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        table = state.get("_parameters")
        if table is not None and name in table:
            return table[name]
        table = state.get("_modules")
        if table is not None and name in table:
            return table[name]
        table = state.get("_buffers")
        if table is not None and name in table:
            return table[name]
        raise AttributeError(
            f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self
        )

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
                return
        try:
            object.__delattr__(self, name)
        except AttributeError:  # in the words of Python 3.11
            kind = type(self).__name__
            raise AttributeError(f"'{kind}' object has no attribute '{name}'") from None

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__]
        names += [*self._parameters, *self._modules, *self._buffers]
        return sorted(n for n in names if n and not n[0].isdigit())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for table in _hooks.TABLES:
            self.__dict__.setdefault(table, OrderedDict())
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)

    # ------------------------------------------------------------ registration

    def _check_name(self, what: str, name: Any, table: str) -> None:
        if table not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {_type_of(name)}")
        if "." in name:
            got = f", got: {name}" if what == "module" else ""
            raise KeyError(f'{what} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if name not in self.__dict__[table] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Any) -> None:
        """Add a parameter (or None, for one that is optional and absent) under this name."""
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_type_of(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
        self._parameters[name] = _hooks.registered("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Add a tensor that is state but no parameter, such as a running mean.

        Args:
            name: the attribute.
            tensor: the tensor, or None.
            persistent: whether `state_dict` holds it.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_type_of(tensor)}' object to buffer '{name}' (torch Tensor or "
                "None required)"
            )
        self._buffers[name] = _hooks.registered("buffer", self, name, tensor)
        (self._non_persistent_buffers_set.discard if persistent
         else self._non_persistent_buffers_set.add)(name)  # fmt: skip

    def add_module(self, name: str, module: Any) -> None:
        """Add a submodule (or None) under this name."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_type_of(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = _hooks.registered("module", self, name, module)

    register_module = add_module

    # ------------------------------------------------------------ by path

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path; itself for ""."""
        found: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(found, name):
                raise AttributeError(f"{type(found).__name__} has no attribute `{name}`")
            found = getattr(found, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return found

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path, in the place of the one there.

        Args:
            target: the path.
            module: the new module.
            strict: there must be one already.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        found = self._at(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{target.rpartition('.')[2]}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        found, (path, _, name) = self._at(target), target.rpartition(".")
        if name not in self.get_submodule(path)._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found

    def _at(self, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        return getattr(module, name)

    # ------------------------------------------------------------ walks

    def _named_members(
        self,
        get_members_fn: Callable[[Module], Any],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in get_members_fn(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; of submodules too unless `recurse` is False."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter) pairs; a shared one appears once unless `remove_duplicate` is False."""
        return self._named_members(
            lambda m: m._parameters.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(path, buffer) pairs."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def children(self) -> Iterator[Module]:
        """The direct submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) pairs of the direct submodules."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """The module itself and all below it, each once, parents first."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(path, module) pairs of the module itself (path "") and all below it."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every submodule, children first, then on this one; returns it."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # ------------------------------------------------------------ modes

    def train(self: M, mode: bool = True) -> M:
        """Training mode on (or off) here and below; returns the module."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: M) -> M:
        """Evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Ask for the gradients of all parameters, or no longer."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with set_to_none=False they become zeros."""
        for param in self.parameters():
            grad = param._grad
            if grad is None:
                continue
            if set_to_none:
                param._grad = None
                continue
            if grad.grad_fn is not None:
                grad.detach_()
            else:
                grad.requires_grad_(False)
            grad.zero_()

    # ------------------------------------------------------------ conversion

    def _apply(self: M, fn: Callable[[Any], Any], recurse: bool = True) -> M:
        """Replace the values of all parameters, gradients and buffers by `fn` of them."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        before = set_grad(False)
        try:
            for name, param in self._parameters.items():
                if param is None:
                    continue
                made = fn(param)
                if CONVERSION["overwrite"] and not CONVERSION["swap"] and not is_lazy(made):
                    new = self._parameters[name] = Parameter(made.detach(), param.requires_grad)
                    new._grad = None if param._grad is None else fn(param._grad)
                    continue
                param.data = made.data if is_lazy(made) else made
                if param._grad is not None:
                    param._grad.data = fn(param._grad)
        finally:
            set_grad(before)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def _cast(self: M, dtype: dtypes.dtype) -> M:
        def converted(t: Any) -> Any:
            if not (t.dtype.is_floating_point or t.dtype.is_complex):
                return t
            return _lazily(t, dtype) if is_lazy(t) else t.to(dtype)

        return self._apply(converted)

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Floating point parameters and buffers in another dtype, in place; returns the module.

        Takes a dtype, a device (the CPU), both, or a tensor to be like.
        """
        kwargs.pop("memory_format", None)
        dtype = None
        for each in (*args, *kwargs.values()):
            if isinstance(each, Tensor):
                dtype = each.dtype
            elif isinstance(each, dtypes.dtype):
                dtype = each
            elif isinstance(each, (str, dtypes.device)):
                _check_device(each)
        if dtype is None:
            return self
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        return self._cast(dtype)

    def type(self: M, dst_type: Any) -> M:
        """All parameters and buffers in this dtype, in place."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: M) -> M:
        """Floating point parameters and buffers as float32."""
        return self._real(dtypes.float32)

    def double(self: M) -> M:
        """Floating point parameters and buffers as float64."""
        return self._real(dtypes.float64)

    def half(self: M) -> M:
        """Floating point parameters and buffers as float16."""
        return self._real(dtypes.float16)

    def bfloat16(self: M) -> M:
        """Floating point parameters and buffers as bfloat16."""
        return self._real(dtypes.bfloat16)

    def _real(self: M, dtype: dtypes.dtype) -> M:
        def converted(t: Any) -> Any:
            if not t.dtype.is_floating_point:
                return t
            return _lazily(t, dtype) if is_lazy(t) else t.to(dtype)

        return self._apply(converted)

    def cpu(self: M) -> M:
        """The module itself: it is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Refused: there is no CUDA here."""
        raise AssertionError(
            "Torch not compiled with CUDA enabled\nchainrule runs on the CPU only\n"
            "Hint: device = torch.device('cpu')"
        )

    xpu = ipu = mtia = cuda

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Parameters and buffers with new memory, whose values are not set."""
        _check_device(device)
        return self._apply(lambda t: t if is_lazy(t) else t.detach().new_empty(t.shape), recurse)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """As `torch.compile`: the options are looked at, and the module runs as it is."""
        importlib.import_module("....compiler", __name__).compile(self, *args, **kwargs)

    def share_memory(self: M) -> M:
        """Put parameters and buffers into memory that forked processes share."""
        for t in (*self.parameters(), *self.buffers()):
            if is_lazy(t):
                t.share_memory_()
            _share(t)
        return self

    # ------------------------------------------------------------ text

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        own_lines = extra.split("\n") if extra else []
        children = [f"({k}): {_indented(repr(m), 2)}" for k, m in self._modules.items()]
        inside = ""
        if own_lines or children:
            if len(own_lines) == 1 and not children:
                inside = own_lines[0]
            else:
                inside = "\n  " + "\n  ".join(own_lines + children) + "\n"
        return f"{self._get_name()}({inside})"

    def _replicate_for_data_parallel(self: M) -> M:
        replica: Any = self.__new__(type(self))
        replica.__dict__.update(self.__dict__)
        for table in ("_parameters", "_buffers", "_modules"):
            replica.__dict__[table] = dict(self.__dict__[table])
        return replica


def _lazily(t: Any, dtype: dtypes.dtype) -> Any:
    made = t._again()
    made.data = Tensor(0).to(dtype)
    return made


def _check_device(device: Any) -> None:
    if dtypes.device(device).type == "cuda":
        raise AssertionError(
            "Torch not compiled with CUDA enabled\nchainrule runs on the CPU only\n"
            "Hint: device = torch.device('cpu')"
        )
    Tensor(0).to(device)  # says what is wrong with any other


def _share(t: Tensor) -> None:
    """Move the memory of `t` into an anonymous mapping, which survives a fork on both sides."""
    array = own(t)
    memory = mmap.mmap(-1, max(array.nbytes, 1))
    shared: Any = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
    shared[...] = array
    t._data = shared


def _note_layer(error: BaseException, module: Module, args: tuple[Any, ...]) -> None:
    """Say at which layer the error happened; the path grows while the error travels outwards."""
    if not hasattr(error, "add_note"):  # Python 3.10
        return
    known: Any = error.__dict__.get("_layer")
    if known is None:
        got = ", ".join(errors.described(a) for a in args)
        path, inner = "", module
        text = _indented(repr(module), 2)
        facts = f": {text if len(text) < 300 else type(module).__name__}\ncalled with: {got}"
        at = len(getattr(error, "__notes__", ()))
        error.add_note("")
    else:
        path, inner, facts, at = known
        name = next((n for n, m in module._modules.items() if m is inner), None)
        if name is None:  # called by a module that does not hold it directly
            name = next((n for n, m in module.named_modules() if m is inner), None)
        if not name:
            return
        path = f"{name}.{path}" if path else name
        inner = module
    error.__dict__["_layer"] = (path, inner, facts, at)
    where = f"'{path}' of {type(module).__name__}" if path else type(module).__name__
    error.__notes__[at] = f"in layer {where}{facts}"
