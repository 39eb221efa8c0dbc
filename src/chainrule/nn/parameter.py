"""`torch.nn.parameter`: tensors that a module registers when they are assigned to it.

A `Parameter` is a leaf tensor with another class and no slots of its own, so every op takes it as
it takes a tensor; arithmetic on it gives plain tensors. A `Buffer` stays a plain tensor with a
mark.
The uninitialised forms stand in lazy modules until the first call tells their shape: their array is
kept behind a property that refuses, so no op can use them by mistake.
Who may call: users, `nn/modules`, `nn/utils`. A value comes from a tensor, whose memory it shares.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from .. import dtypes
from ..core.node import LEAF
from ..core.tensor import Size, Tensor, own, wrap
from ..ops.make.create import empty

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]

_new = object.__new__
_SLOTS = ("_data", "_node", "_grad", "_vc", "_view", "_meta")
_DATA = Tensor.__dict__["_data"]  # the slot itself, which uninitialised tensors hide


def _as(cls: Any, data: Tensor, requires_grad: bool) -> Any:
    """The memory of `data` as a leaf of class `cls`; the version counter is shared too."""
    if requires_grad and data._data.dtype.kind not in "fcV":
        raise RuntimeError(
            "Only Tensors of floating point and complex dtype can require gradients\n"
            f"dtype: {data.dtype}\nHint: nn.Parameter(x, requires_grad=False), or x.float() first"
        )
    made = _new(cls)
    made._data = own(data)
    if data._vc is None:
        data._vc = [0]
    made._vc = data._vc
    made._node = LEAF if requires_grad else None
    made._grad = made._view = made._meta = None
    return made


class _ParameterMeta(type(Tensor)):  # type: ignore[misc]
    """Subclasses of Tensor keep their class when wrapped by `Parameter`, and count as one."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return (
            cls is Parameter
            and isinstance(instance, Tensor)
            and instance.__dict__.get("_is_param", False)
        )


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that a module learns: assigned to a module it appears in `parameters()`.

    Args:
        data: the values, shared; an empty tensor by default.
        requires_grad: whether gradients are asked for.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Parameter(torch.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()
    _is_param = True

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        """A parameter with the values of `data`."""
        if data is None:
            data = empty(0)
        elif not isinstance(data, Tensor):
            raise AttributeError(
                f"'{type(data).__name__}' object has no attribute 'detach'\n"
                "Hint: a parameter is made of a tensor: nn.Parameter(torch.tensor(...))"
            )
        if type(data) is Tensor or isinstance(data, Parameter) or cls is not Parameter:
            return _as(cls, data, requires_grad)
        made = _as(type(data), data, requires_grad)
        made.__dict__.update(data.__dict__)
        made._is_param = True
        return made

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        pass

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + Tensor.__repr__(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        known = memo.get(id(self))
        if known is None:
            copied = wrap(np.array(self._data))
            known = memo[id(self)] = type(self)(copied, self._node is not None)
        return known

    def __reduce_ex__(self, protocol: Any) -> Any:
        arguments: tuple[Any, ...] = (self.data, self.requires_grad, OrderedDict())
        state = self.__dict__
        if state:
            return _rebuild_parameter_with_state, (*arguments, dict(state))
        return _rebuild_parameter, arguments


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Parameter:
    made: Parameter = Parameter(data, requires_grad)
    return made


def _rebuild_parameter_with_state(
    data: Tensor, requires_grad: bool, hooks: Any, state: dict[str, Any]
) -> Parameter:
    made = _rebuild_parameter(data, requires_grad, hooks)
    made.__dict__.update(state)
    return made


class _BufferMeta(type(Tensor)):  # type: ignore[misc]
    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return (
            cls is Buffer
            and isinstance(instance, Tensor)
            and instance.__dict__.get("_is_buffer", False)
        )


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that a module keeps but does not learn: assigned to a module it is a buffer.

    Args:
        data: the values, shared.
        persistent: whether `state_dict` holds it.

    Example:
        >>> import chainrule as torch
        >>> m = torch.nn.Module()
        >>> m.mean = torch.nn.Buffer(torch.zeros(2))
        >>> list(m.state_dict())
        ['mean']
    """

    __slots__ = ()

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        """A plain tensor, marked as buffer."""
        made: Any = (empty(0) if data is None else data).detach()
        if data is not None and data.requires_grad:
            made.requires_grad_()
        made.persistent = persistent
        made._is_buffer = True
        return made


class UninitializedTensorMixin:
    """What uninitialised parameters and buffers share: they refuse until `materialize` is called.

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.UninitializedParameter()
        >>> w.materialize((2,))
        >>> w.shape
        torch.Size([2])
    """

    __slots__ = ()
    cls_to_become: Any = None
    _vc: Any
    _node: Any

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of this shape; the values are not set."""
        wanted = self.dtype if dtype is None else dtype
        self.__class__ = self.cls_to_become
        _DATA.__set__(self, empty(tuple(shape), dtype=wanted)._data)

    @property
    def _data(self) -> Any:
        raise _unusable("a function of torch")

    @_data.setter
    def _data(self, value: Any) -> None:
        _DATA.__set__(self, value)

    @property
    def data(self) -> Tensor:
        """An empty tensor of the dtype; setting it gives the dtype to what is to come."""
        return wrap(_DATA.__get__(self))

    @data.setter
    def data(self, value: Any) -> None:
        _DATA.__set__(self, value._data)

    @property
    def dtype(self) -> dtypes.dtype:
        """The dtype it will have."""
        return dtypes.from_numpy_dtype(_DATA.__get__(self).dtype)

    @property
    def shape(self) -> Size:
        """Not known yet: raises RuntimeError."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Ask for gradients of what is to come."""
        self._node = LEAF if requires_grad else None
        return self

    def detach(self) -> Any:
        """Itself without gradient."""
        return type(self)(requires_grad=False)  # type: ignore[call-arg]

    def share_memory_(self) -> Any:
        """Refused: there is no memory yet."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        known = memo.get(id(self))
        if known is None:
            known = memo[id(self)] = self._again()
        return known

    def _again(self) -> Any:
        made = _uninitialized(type(self), self.dtype)
        made._node = self._node
        made.__dict__.update(self.__dict__)
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _uninitialized, (type(self), self.dtype, self._node is not None, dict(self.__dict__))


def _unusable(what: str) -> ValueError:
    return ValueError(
        f"Attempted to use an uninitialized parameter in {what}. This error happens when you are "
        "using a `LazyModule` or explicitly manipulating `torch.nn.parameter."
        "UninitializedParameter` objects. When using LazyModules Call `forward` with a dummy batch "
        "to initialize the parameters before calling torch functions"
    )


def _uninitialized(
    cls: Any,
    dtype: Any = None,
    requires_grad: bool = False,
    state: Any = None,
    device: Any = None,
) -> Any:
    made = _new(cls)
    kind = wrap(empty(0, dtype=dtype, device=device)._data)._data.dtype
    _DATA.__set__(made, np.empty(0, kind))
    if requires_grad and kind.kind not in "fcV":
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    made._node = LEAF if requires_grad else None
    made._grad = made._vc = made._view = made._meta = None
    if state:
        made.__dict__.update(state)
    return made


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter whose shape is not known yet; lazy modules have them until their first call.

    Args:
        requires_grad: whether gradients are asked for.
        device, dtype: of what is to come.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyLinear(3).weight
        <UninitializedParameter>
    """

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        """A parameter without values."""
        return _uninitialized(cls, dtype, requires_grad, device=device)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass


class UninitializedBuffer(UninitializedTensorMixin, Tensor):  # type: ignore[misc]
    """A buffer whose shape is not known yet.

    Args:
        requires_grad: whether gradients are asked for.
        device, dtype: of what is to come.
        persistent: whether `state_dict` holds it.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LazyBatchNorm1d().running_mean
        <UninitializedBuffer>
    """

    __slots__ = ()
    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Any:
        """A buffer without values."""
        made = _uninitialized(cls, dtype, requires_grad, device=device)
        made.persistent = persistent
        made._is_buffer = True
        return made


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer has no shape yet.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.parameter.is_lazy(torch.nn.LazyLinear(3).weight)
        True
    """
    return isinstance(param, UninitializedTensorMixin)
