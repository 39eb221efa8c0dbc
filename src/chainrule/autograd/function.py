"""`torch.autograd.Function`: operations with a forward and a backward of the user's own.

Here is the class that users derive from; what happens when it is applied, recorded and
differentiated is in `core/custom.py`.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from .._state import grad_enabled, set_grad
from ..core.custom import CustomPrimitive, FunctionCtx, FunctionNode
from ..core.node import LEAF
from ..core.tensor import Tensor, wrap

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "NestedIOFunction",
    "once_differentiable",
]

BackwardCFunction = FunctionNode


def _default(function: Any) -> Any:
    """Marks what a subclass has not written itself."""
    function._is_default = True
    return staticmethod(function)


class FunctionMeta(type):
    """Gives every Function class its op, made when it is first applied."""

    @property
    def primitive(cls) -> CustomPrimitive:
        """The op of this class, as interpreters see it."""
        made = cls.__dict__.get("_primitive")
        if made is None:
            made = CustomPrimitive(cls)
            type.__setattr__(cls, "_primitive", made)
        return made

    @property
    def _backward_cls(cls) -> type:
        return cls.primitive.node_class


class Function(metaclass=FunctionMeta):
    """Base class of operations that bring their own derivative.

    Write `forward(ctx, *args)` and `backward(ctx, *grad_outputs)` as static methods and call
    `apply(*args)`. Or write `forward(*args)` without ctx and `setup_context(ctx, inputs, output)`,
    which function transforms (`torch.func`) need. `forward` runs unrecorded; `backward` is
    recorded when it is itself differentiated (`create_graph=True`).

    Example:
        >>> import chainrule as torch
        >>> class Cube(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x ** 3
        ...
        ...     @staticmethod
        ...     def backward(ctx, grad_output):
        ...         (x,) = ctx.saved_tensors
        ...         return grad_output * 3 * x ** 2
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> y = Cube.apply(x)
        >>> y
        tensor(8., grad_fn=<CubeBackward>)
        >>> y.backward()
        >>> x.grad
        tensor(12.)
    """

    generate_vmap_rule = False
    clear_saved_tensors_on_access = False
    boxed_grads_call = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions "
            "are all static, so you should invoke them on the class itself. "
            "Instantiating an autograd function will raise an "
            "error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. "
            "Please use new-style autograd function with static forward method. "
            "(Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @_default
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The operation: `forward(ctx, *args)`, or `forward(*args)` beside `setup_context`."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @_default
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """What to keep for backward, when `forward` takes no ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @_default
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments (None where there is none), from those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @_default
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs from those of the arguments: forward mode."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @_default
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The operation on batches: returns (output, out_dims)."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the "
            "vmap staticmethod or set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run the operation, and record it when an argument requires grad."""
        prim = cls.primitive
        if prim.separate:
            args, kwargs = _bound(cls.forward, args, kwargs)
        return prim.apply(args, kwargs)


def _bound(function: Any, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the defaults of the signature filled in."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


class InplaceFunction(Function):
    """The old name for Functions that work in place."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """The old name for Functions of nested tensors; `forward_extended` cannot be applied any more.

    In PyTorch, too, applying it raises AttributeError unless a class writes the static `forward`
    and `backward` of every Function, which take nested arguments as they are.
    """

    @_default
    def forward(ctx: Any, *args: Any) -> Any:
        """Refuses."""
        raise AttributeError(
            f"'{type(ctx).__name__}' object has no attribute '_nested_input'\n"
            "Hint: write the static methods forward(ctx, ...) and backward(ctx, ...) instead of "
            "forward_extended and backward_extended"
        )


# ---------------------------------------------------------------- once differentiable


class _Error(Function):
    """Gives its arguments back, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        return tuple(None if t is None else t.detach() for t in args)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> NoReturn:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable\n"
            "Hint: write its backward with recorded operations only, and without the mark"
        )


_Error.primitive.node_class.__name__ = "Error"


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot be differentiated again: trying to raises.

    Its body runs with recording off, so that it may use NumPy.
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        recording = set_grad(False)
        try:
            outputs = fn(ctx, *args, **kwargs)
        finally:
            set_grad(recording)
        tracked = any(isinstance(a, Tensor) and a._node is not None for a in args)
        if not grad_enabled() or not tracked:
            return outputs
        given = outputs if isinstance(outputs, tuple) else (outputs,)
        return _Error.apply(*map(_as_leaf, given))

    return wrapper


def _as_leaf(t: Any) -> Any:
    if t is None:
        return None
    leaf = wrap(t._data)
    leaf._node = LEAF
    return leaf
