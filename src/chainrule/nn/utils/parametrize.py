"""Parametrisations: a parameter computed from another by modules, wherever it is used.

`register_parametrization(layer, "weight", module)` moves the parameter to
`layer.parametrizations.weight.original` and gives the layer a class of its own in which `weight` is
a property: reading it calls the modules on the original, setting it calls their `right_inverse`.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd.grad_mode import no_grad
from ...core.tensor import Tensor
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_caching = [0]  # how many `cached()` are open
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Inside, every parametrised tensor is computed once and kept.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import parametrize
        >>> layer = torch.nn.Linear(2, 2)
        >>> parametrize.register_parametrization(layer, "weight", torch.nn.Tanh(), unsafe=True)
        ParametrizedLinear(
          in_features=2, out_features=2, bias=True
          (parametrizations): ModuleDict(
            (weight): ParametrizationList(
              (0): Tanh()
            )
          )
        )
        >>> with parametrize.cached():
        ...     print(layer.weight is layer.weight)
        True
    """
    _caching[0] += 1
    try:
        yield
    finally:
        _caching[0] -= 1
        if not _caching[0]:
            _cache.clear()


def _register(module: Module, name: str, t: Any) -> None:
    if isinstance(t, Parameter):
        module.register_parameter(name, t)
    else:
        module.register_buffer(name, t)


def _kept(made: Any, old: Any) -> Any:
    """What `right_inverse` returned, as a parameter if the old tensor was one."""
    if isinstance(old, Parameter):
        return Parameter(made.detach(), old.requires_grad)
    return made


class ParametrizationList(ModuleList):
    """The parametrisations of one tensor and the tensor (or tensors) they are computed from.

    Args:
        modules: the parametrisations, in the order in which they are applied.
        original: the tensor they stand for.
        unsafe: they may change shape and dtype.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.parametrize import ParametrizationList
        >>> w = torch.nn.Parameter(torch.zeros(2))
        >>> ParametrizationList([torch.nn.Tanh()], w, unsafe=True)()
        tensor([0., 0.], grad_fn=<TanhBackward0>)
    """

    original: Any

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with no_grad():
            made = original
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    made = module.right_inverse(made)
        if not isinstance(made, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(made).__name__}"
            )
        self.is_tensor = isinstance(made, Tensor)
        self.ntensors = 1 if self.is_tensor else len(made)
        if self.is_tensor:
            self._keep_one(made, original)
        else:
            for i, each in enumerate(made):
                if not isinstance(each, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                        f"tuple...). Got element {i} of the sequence with type "
                        f"{type(each).__name__}."
                    )
                _register(self, f"original{i}", _kept(each, original))
        if not unsafe:
            self._check_result(shape, dtype)

    def _keep_one(self, made: Any, original: Any) -> None:
        if made.dtype != original.dtype:
            raise ValueError(
                "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {made.dtype}"
            )
        with no_grad():
            original.data = made.data  # the parameter stays the one that an optimizer knows
        _register(self, "original", original)

    def _check_result(self, shape: Any, dtype: Any) -> None:
        made = self()
        if not isinstance(made, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(made).__name__}.")
        for what, before, after in (("dtype", dtype, made.dtype), ("shape", shape, made.shape)):
            if before != after:
                raise ValueError(
                    f"Registering a parametrization may not change the {what} of the tensor, "
                    f"unless `unsafe` flag is enabled.\nunparametrized {what}: {before}\n"
                    f"parametrized {what}: {after}"
                )

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the parametrised tensor becomes `value`."""
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            values = [value] if self.is_tensor else list(value)
            if len(values) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(values)}."
                )
            for t, new in zip(self._originals(), values, strict=True):
                if not isinstance(new, Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(new).__name__}"
                    )
                if t.dtype != new.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {new.dtype} while "
                        f"`original` has dtype {t.dtype}"
                    )
                t.data = new.data

    def _originals(self) -> list[Any]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Any:
        """The parametrised tensor."""
        modules = list(self)
        made = modules[0](*self._originals())
        for module in modules[1:]:
            made = module(made)
        return made


def _inject_new_class(module: Any) -> None:
    """Give the module a class of its own, a subclass, which can have properties of its own."""
    cls = type(module)

    def getstate(self: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See:\n"
            "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
            "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
        )

    def deepcopied(self: Any, memo: dict[int, Any]) -> Any:
        known = memo.get(id(self))
        if known is None:
            known = memo[id(self)] = self.__new__(type(self))
            known.__dict__ = copy.deepcopy(self.__dict__, memo)
        return known

    own: dict[str, Any] = {"__getstate__": getstate}
    if not hasattr(cls, "__deepcopy__"):
        own["__deepcopy__"] = deepcopied
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), own)


def _inject_property(module: Any, name: str) -> None:
    def read(self: Any) -> Any:
        if not _caching[0]:
            return self.parametrizations[name]()
        key = (id(self), name)
        made = _cache.get(key)
        if made is None:
            made = _cache[key] = self.parametrizations[name]()
        return made

    def write(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(read, write))


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Let a parameter or buffer be computed by `parametrization` from what it was.

    Args:
        module: the layer.
        tensor_name: of the parameter or buffer.
        parametrization: a module that takes a tensor and returns one; with `right_inverse` the
            parameter can be set too. Several are applied one after the other.
        unsafe: it may change shape and dtype; no check is made.

    Returns:
        The layer, which now has a class of its own.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import parametrize
        >>> class Symmetric(torch.nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = torch.nn.Linear(3, 3)
        >>> _ = parametrize.register_parametrization(layer, "weight", Symmetric())
        >>> torch.equal(layer.weight, layer.weight.T)
        True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_next(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_new_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _check_next(module: Any, name: str, parametrization: Any) -> None:
    """That one more parametrisation keeps shape and dtype, and its inverse too."""
    before = getattr(module, name)
    after = parametrization(before)
    if not isinstance(after, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    if after.dtype != before.dtype or after.shape != before.shape:
        what = "dtype" if after.dtype != before.dtype else "shape"
        raise ValueError(
            f"Registering a parametrization may not change the {what} of the tensor, unless the "
            f"`unsafe` flag is enabled.\nmodule.{name}.{what}: {getattr(before, what)}\n"
            f"parametrization(module.{name}).{what}: {getattr(after, what)}"
        )
    if hasattr(parametrization, "right_inverse"):
        back = parametrization.right_inverse(after)
        if back.dtype != before.dtype or back.shape != before.shape:
            raise ValueError(
                "The tensor returned by parametrization.right_inverse must have the same shape and "
                f"dtype as module.{name}, unless the `unsafe` flag is enabled."
            )


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether the module has parametrisations, or one of this tensor.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.utils.parametrize.is_parametrized(torch.nn.Linear(2, 2))
        False
    """
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make a parametrised tensor an ordinary one again; returns the module.

    Args:
        leave_parametrized: with the value it has now; else with that of the original.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if not held.is_tensor and not leave_parametrized:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    first = held._originals()[0]
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name)
        if held.is_tensor:
            first.data = value.data
        else:
            asked = any(t.requires_grad for t in held._originals())
            first = Parameter(value.detach()) if asked else value.detach()
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, first)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Any) -> type:
    """The class that the module had before it was parametrised.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.parametrize import type_before_parametrizations
        >>> type_before_parametrizations(torch.nn.Linear(2, 2)).__name__
        'Linear'
    """
    cls = type(module)
    return cls.__bases__[0] if is_parametrized(module) else cls


def transfer_parametrizations_and_params(
    from_module: Any, to_module: Any, tensor_name: str | None = None
) -> Any:
    """Copy parametrisations, and the tensors below them, to another module; returns that.

    Args:
        tensor_name: only this one.
    """
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        held = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(held._originals()[0].detach().clone()))
        for module in held:
            register_parametrization(to_module, name, copy.deepcopy(module))
        target = to_module.parametrizations[name]
        if held.is_tensor != target.is_tensor or held.ntensors != target.ntensors:
            warnings.warn("the parametrizations differ in their originals", stacklevel=2)
            continue
        for old, new in zip(held._originals(), target._originals(), strict=True):
            new.data = old.detach().clone()
    return to_module
