"""`safe_where`: what was not chosen cannot spoil a gradient.

`where(x > 0, x.sqrt(), 0)` hands the square root a cotangent that is exactly 0 where `x <= 0`, and
the chain rule multiplies it by an infinite derivative: 0 * inf is NaN. `safe_where` is an
interpreter that records a twin of each op: the same op, whose rules say that a cotangent of
exactly 0 gives 0 where the rule itself gives NaN. The twins live in the graph, so backward may run
later and at any order: the rules of the twins are evaluated under the interpreter again. While none
is on, nothing of this runs. It stays innermost (`Interpreter.innermost`): the transforms of `func`
record on tapes of their own and must see the twins.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..core.declare import unreduced
from ..core.interpreter import Interpreter, below
from ..core.primitive import Primitive
from ..core.record import OPS, RAW, GeneralNode, Layout, Rule, parameters_of
from ..core.tensor import Tensor

__all__ = ["safe_where"]

F = TypeVar("F", bound=Callable[..., Any])


class safe_where(Interpreter):
    """Within it, the branch that `where` (or `masked_fill`) did not take makes no NaN in gradients.

    d/dx where(x > 0, sqrt(x), 0) is NaN at x = 0: the square root gets the cotangent 0 there and
    multiplies it by an infinite derivative. Of what is computed within `safe_where`, a cotangent of
    exactly 0 stays 0 on its way back, also through infinite and undefined derivatives. Every other
    number is as it is without. It holds for `backward`, for `create_graph` to any order, and for
    the transforms of `func`; it is decided where the program is computed, so `backward` may run
    outside. It works as a decorator too.

    The zero is followed element by element through elementwise ops and reductions; through ops
    along a dimension (`softmax`, `cumprod`, ...) where the whole row of the cotangent is 0; through
    other ops (`matmul`, losses, ...) where all of it is 0. Custom Functions are left as they are,
    and so is what was computed outside. It does not ask whose zero it is: `0 * x.sqrt()` has the
    gradient 0 at 0, too, and a NaN that this would have told about is not seen.

    Args:
        enabled: False switches off what is on around it.

    Differs from PyTorch: PyTorch has nothing like it; there one writes `where` twice
    (`where(c, where(c, x, 1).sqrt(), 0)`), which works here as well.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)
        >>> torch.where(x > 0, x.sqrt(), 0.0).sum().backward()
        >>> x.grad
        tensor([   nan,    nan, 0.2500])
        >>> x.grad = None
        >>> with torch.safe_where():
        ...     y = torch.where(x > 0, x.sqrt(), 0.0).sum()
        >>> y.backward()
        >>> x.grad
        tensor([0.0000, 0.0000, 0.2500])
    """

    innermost = True

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = bool(enabled)

    def renewed(self) -> safe_where:
        """The same for the next level, so that it stays innermost."""
        return safe_where(self.enabled)

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        prim = twin_of(prim, self.enabled)
        with below(self):
            return prim.call(*inputs, params=params)

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            with self.renewed():
                return function(*args, **kwargs)

        return within  # type: ignore[return-value]


# ---------------------------------------------------------------- twins


class Twin(Primitive):
    """An op whose rules keep an exact zero; or (`safe` False) the op as it is, out of the reach of
    an outer `safe_where`. `plain`: the op as declared."""

    __slots__ = ("plain",)
    plain: Primitive

    def __init__(self, plain: Primitive, safe: bool) -> None:
        for name in Primitive.__slots__:
            if hasattr(plain, name):
                setattr(self, name, getattr(plain, name))
        self.plain = plain
        if safe:
            self.rules = tuple([r and _guarded(plain, r) for r in plain.rules])
        self.layout = Layout(self)
        self._general_node = None
        if plain.number_node is not None:
            body = {"prim": self, "__slots__": ()}
            self.number_node = type(plain.number_node.__name__, (GeneralNode,), body)


_ARRAYS = (np.ndarray, np.generic)  # else the explanation reads the rule: on symbols
_TWINS: dict[Any, Any] = {}
_KINDS = ("elementwise", "reduction", "bilinear", "general")  # the others multiply by no derivative


def twin_of(prim: Any, safe: bool) -> Any:
    """The op that keeps exact zeros (or, not `safe`, does not); the op itself if it is a twin, or
    its rules cannot make NaN of a zero."""
    found = _TWINS.get((prim, safe))
    if found is not None:
        return found
    if type(prim) is not Primitive or prim.view or not prim.differentiable:
        return prim
    return _TWINS.setdefault((prim, safe), Twin(prim, safe)) if prim.kind in _KINDS else prim


def _guarded(prim: Primitive, rule: Rule) -> Rule:
    """The rule with exact zeros kept."""
    fn = rule.fn
    where = {n: i for i, n in enumerate(rule.names)}
    zeros = _zeros_of(prim, where)

    def guarded(xp: Any, g: Any, *values: Any) -> Any:
        first = g[0] if isinstance(g, (tuple, list)) else g
        if isinstance(first, Tensor):
            with safe_where():
                return _kept_ops(fn(xp, g, *values), g, values, zeros)
        made = fn(xp, g, *values)
        return _kept_raw(made, g, values, zeros) if isinstance(first, _ARRAYS) else made

    guarded.parameter_names = parameters_of(fn)  # type: ignore[attr-defined]
    made = Rule(guarded)
    if rule.written is not fn:  # a reduction's rule for one element, which forward mode reads
        made.written = rule.written
    return made


def _zeros_of(prim: Primitive, where: dict[str, int]) -> Callable[..., Any]:
    """`zeros(xp, g, r, values)`: where the cotangent is exactly 0, to broadcast against the
    gradient `r`."""
    kind = prim.kind
    reduced = kind == "reduction"
    along = where.get("dim", -1) if kind == "general" and not prim.joint else -1

    def zeros(xp: Any, g: Any, r: Any, values: Any) -> Any:
        if isinstance(g, (tuple, list)):
            masks = [_all(xp, xp.eq(t, 0), None) for t in g]
            return functools.reduce(xp.logical_and, masks)
        if reduced:
            shape, dim, keepdim = (values[where[n]] for n in ("x_shape", "dim", "keepdim"))
            return xp.eq(unreduced(xp, g, shape, dim, keepdim), 0)
        mask = xp.eq(g, 0)
        if tuple(g.shape) == tuple(r.shape):
            if kind == "elementwise" or not g.shape:
                return mask
            if along >= 0 and isinstance(values[along], int):
                return _all(xp, mask, values[along])
        return _all(xp, mask, None)

    return zeros


def _all(xp: Any, mask: Any, dim: int | None) -> Any:
    return xp.all(mask, dim, dim is not None)


def _kept_raw(r: Any, g: Any, values: Any, zeros: Any) -> Any:
    if isinstance(r, tuple):
        return tuple([_kept_raw(one, g, values, zeros) for one in r])
    if r is None:
        return None
    nan = np.isnan(r)
    if not nan.any():
        return r
    return RAW.where(np.logical_and(nan, zeros(RAW, g, r, values)), r.dtype.type(0), r)


def _kept_ops(r: Any, g: Any, values: Any, zeros: Any) -> Any:
    if isinstance(r, tuple):
        return tuple([_kept_ops(one, g, values, zeros) for one in r])
    if r is None:
        return None
    mask = OPS.logical_and(OPS.isnan(r), zeros(OPS, g, r, values))
    return OPS.where(mask, 0.0, r)
