"""What the transforms share: `argnums`, values of a level in nested results, checks of what a
function returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..core.node import levels_of
from ..core.pytree import flatten
from ..core.tensor import Tensor, wrap
from ..core.vmap import named

__all__ = ["chosen", "inside", "outside", "replaced", "split_aux", "transformed", "zeros_like"]


def transformed(func: Callable[..., Any]) -> Callable[[Any], Any]:
    """Decorator: name and docstring of `func`, where it has them."""

    def decorate(new: Any) -> Any:
        return named(new, func)

    return decorate


def positions(argnums: Any, count: int) -> tuple[int, ...]:
    """`argnums` as numbers from 0, checked."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if isinstance(argnums, int):
        return (_position(argnums, count),)
    found = tuple(_position(n, count) for n in argnums)
    if not found:
        raise RuntimeError("argnums must be non-empty")
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {found}")
    return found


def _position(n: Any, count: int) -> int:
    if not isinstance(n, int):
        raise RuntimeError(f"argnum must be int, got: {type(n)}")
    if not -count <= n < count:
        raise RuntimeError(f"Got argnum={n}, but only {count} positional inputs")
    return n % count


def chosen(args: tuple[Any, ...], argnums: Any) -> Any:
    """The arguments that `argnums` names: one, or a tuple of them."""
    if type(argnums) is int and 0 <= argnums < len(args):
        return args[argnums]
    found = positions(argnums, len(args))
    return args[found[0]] if isinstance(argnums, int) else tuple(args[i] for i in found)


def replaced(args: tuple[Any, ...], new: Any, argnums: Any) -> tuple[Any, ...]:
    """The arguments with those that `argnums` names replaced."""
    if type(argnums) is int and 0 <= argnums < len(args):
        return (*args[:argnums], new, *args[argnums + 1 :])
    found = positions(argnums, len(args))
    values = list(args)
    for i, value in zip(found, (new,) if isinstance(argnums, int) else new, strict=True):
        values[i] = value
    return tuple(values)


def inside(tree: Any, make: Callable[[Tensor], Any]) -> tuple[Any, list[Any], Any]:
    """The tree with `make` applied to its tensors; (tree, what was made, structure).

    Raises:
        ValueError: a leaf is no tensor.
    """
    found, spec = flatten(tree)
    for t in found:
        if not isinstance(t, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
    made = [make(t) for t in found]
    return spec.build(made), made, spec


def outside(level: Any, tree: Any) -> Any:
    """The tree with values of the level taken one level down."""
    found, spec = flatten(tree)
    return spec.build([level.inner(t) for t in found])


def split_aux(made: Any, has_aux: bool, who: str) -> tuple[Any, Any]:
    """(output, aux) of a function that returns both."""
    if not has_aux:
        return made, None
    if not (isinstance(made, tuple) and len(made) == 2):
        raise RuntimeError(
            f"{who}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return made


def zeros_like(t: Tensor) -> Tensor:
    """Zeros in the shape and dtype of `t`, the same for a whole batch."""
    return wrap(np.zeros(t._data.shape, t._data.dtype))


def need_tensors(outs: list[Any], who: str) -> None:
    """The outputs of a function must be tensors, at least one."""
    if not outs or (len(outs) == 1 and outs[0] is None):
        raise RuntimeError(
            f"{who}: Expected f to be a function that has non-empty output (got output = {outs})"
        )
    for t in outs:
        if not isinstance(t, Tensor):
            raise RuntimeError(
                f"{who}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(t)}"
            )


def need_real(who: str, tree: Any, what: str) -> None:
    """Jacobians are of real tensors."""
    for i, t in enumerate(flatten(tree)[0]):
        if isinstance(t, Tensor) and t._data.dtype.kind == "c":
            raise RuntimeError(
                f"{who}: Expected all {what} to be real but received complex tensor at flattened "
                f"input idx: {i}"
            )


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """What a tensor of a transform stands for, to be looked at in a debugger; any other as it is.

    Args:
        recurse: down to the ordinary tensor, through all levels.

    Example:
        >>> import chainrule as torch
        >>> def f(x):
        ...     print(torch.func.debug_unwrap(x))
        ...     return x * 2
        >>> torch.vmap(f)(torch.ones(2))
        tensor([1., 1.])
        tensor([2., 2.])
    """
    inner = tensor
    while inner._wrapped:
        inner = inner._inner
    if levels_of(inner):  # reverse transforms have no values of their own
        inner = inner.detach()
        if not recurse:
            return tensor.detach()
    return inner if recurse or not tensor._wrapped else tensor._inner


def floating(dtype: dtypes.dtype) -> bool:
    """Whether tensors of this dtype have derivatives."""
    return dtype.is_floating_point or dtype.is_complex


__all__ += ["debug_unwrap", "floating", "need_real", "need_tensors", "positions"]
