"""`grad` and `grad_and_value`: the gradient of a scalar function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import errors
from ..core.reverse import pull
from ..core.tape import Tape, differentiating, ones_like
from ..core.tensor import Tensor
from .arguments import chosen, inside, outside, replaced, split_aux, transformed, zeros_like

__all__ = ["grad", "grad_and_value"]

_WHO = "grad_and_value(f)(*args)"


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes the gradient of `func`: d func / d argument.

    Args:
        func: takes tensors, returns a tensor with one number (0-d); with `has_aux` a pair of that
            and anything else.
        argnums: which positional arguments (nested tensors allowed) to differentiate with respect
            to; a tuple gives a tuple of gradients.
        has_aux: `func` returns (output, aux); the result is (gradient, aux).

    Returns:
        A function of the same arguments. It can be differentiated itself.

    Raises:
        RuntimeError: the output is not a 0-d tensor; an argument is not floating point.

    Example:
        >>> import chainrule as torch
        >>> f = lambda x: torch.sin(x)
        >>> torch.func.grad(torch.func.grad(f))(torch.tensor(1.0))  # -sin(1)
        tensor(-0.8415)
    """

    @transformed(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = _grad_and_value(func, argnums, has_aux, args, kwargs, valued=False)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As `grad`, but the function returns (gradient, value), or (gradient, (value, aux)).

    Example:
        >>> import chainrule as torch
        >>> torch.func.grad_and_value(lambda x: x**2)(torch.tensor(3.0))
        (tensor(6.), tensor(9.))
    """

    @transformed(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        return _grad_and_value(func, argnums, has_aux, args, kwargs)

    return both


def _grad_and_value(
    func: Any,
    argnums: Any,
    has_aux: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    valued: bool = True,
) -> tuple[Any, Any]:
    primals = chosen(args, argnums)
    with differentiating() as level:
        new, leaves, spec = inside(primals, level.leaf)
        output, aux = split_aux(func(*replaced(args, new, argnums), **kwargs), has_aux, _WHO)
        _check_scalar(output)
        edge, aux = level.edge(output), outside(level, aux) if has_aux else None
        taped = type(level) is Tape
        value: Any = level.inner(output) if valued or not taped else None
        seed: Any = ones_like(level, output) if taped else None
        ends = [t._node for t in leaves]
    del new, output
    if taped:
        found = level.pull([edge], [seed], leaves, keep=has_aux or valued)
        gs = [zeros_like(t) if g is None else g for g, t in zip(found, leaves, strict=True)]
        del edge, ends, found
        level.close(leaves)
    else:
        found = pull([edge], [zeros_like(value) + 1], ends)
        gs = [zeros_like(t) if g is None else g for g, t in zip(found, leaves, strict=True)]
    return spec.build(gs), (value, aux) if has_aux else value


def _check_scalar(output: Any) -> None:
    if not isinstance(output, Tensor):
        raise RuntimeError(f"{_WHO}: Expected f(*args) to return a Tensor, got {type(output)}")
    if output._data.ndim:
        raise RuntimeError(
            errors.hinted(
                f"{_WHO}: Expected f(*args) to return a scalar Tensor, got tensor with "
                f"{output._data.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs "
                "instead?",
                f"shape: {list(output._data.shape)}",
                hint="reduce it, as in .sum(); torch.func.jacrev differentiates every element",
            )
        )
    if output._data.dtype.kind == "c":
        raise RuntimeError(
            errors.hinted(
                "grad can be implicitly created only for real scalar outputs but got "
                f"{output.dtype}",
                hint="return a real number, as .abs() or .real",
            )
        )
