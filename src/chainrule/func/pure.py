"""`functionalize`: a function without in-place writes, made of one that has them.

Its level (`Pure`) hands every op down as it is, and where a tensor is overwritten it writes no
memory: the tensor stands for another one from then on, and so do its base and the base's views. So
whatever is one level down (a tape, a batch, a recorder of programs) sees ops without side effects.
Arguments that were overwritten are written once, when the function has returned. Called by users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import errors
from ..core.interpreter import pop, push
from ..core.levels import Level, Wrapped, lower
from ..core.primitive import Primitive, cast, link_view
from ..core.pytree import flatten
from ..core.record import OPS
from ..core.tensor import Tensor
from ..core.views import _check_fits
from .arguments import outside, transformed

__all__ = ["functionalize"]

_KINDS = ("mutations", "mutations_and_views")


class Functional(Wrapped):
    """A value of a `Pure` level: what it stands for changes when it is overwritten."""

    __slots__ = ()

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"FunctionalTensor(lvl={self._level.number}, value=\\\n{self._inner!r})"


class Pure(Level):
    """Evaluates one level down, without writing.

    Attributes:
        copies: results of view ops are copies.
    """

    kind = Functional
    differentiates = False

    def __init__(self, copies: bool) -> None:
        super().__init__()
        self.copies = copies

    def wrap(self, inner: Tensor) -> Any:
        t = super().wrap(inner)
        t._vc = [0]  # its own: what it stands for is not written
        return t

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate one level down; what comes of a value of this level is one."""
        inner = tuple([self.inner(t) for t in inputs])
        pop(self)
        try:
            custom: Any = prim
            made = (
                custom.call(*inner, params=params)
                if prim.kind == "custom"
                else lower(prim, inner, params)
            )
            if not any(self.owns(t) for t in inputs):
                return made
            many = isinstance(made, tuple)
            outs = made if many else (made,)
            views = [isinstance(t, Tensor) and t._view is not None for t in outs]
            if prim.view and self.copies:
                outs = tuple([OPS.clone(t) if v else t for t, v in zip(outs, views, strict=True)])
        finally:
            push(self)
        found = tuple([self.wrap(t) if isinstance(t, Tensor) else t for t in outs])
        if prim.view and self.owns(inputs[0]):
            for t, is_view in zip(found, views, strict=True):
                if is_view:
                    link_view(prim, t, inputs[0], params)
                    t._need_meta()
        return found if many else found[0]

    def inplace(
        self, prim: Primitive, x: Tensor, rest: tuple[Any, ...], params: tuple[Any, ...]
    ) -> Tensor:
        value = prim.call(x, *rest, params=params)
        _check_fits(x, value)
        return self.overwrite(x, cast(value, x.dtype))

    def overwrite(self, x: Tensor, value: Tensor) -> Tensor:
        """`x`, its base and the base's views stand for what they would hold."""
        if not self.owns(x) and not self.owns(value):
            self._write(x, value)
            return x
        if not self.owns(x):
            self._lift(x)
        if not self.owns(value):
            value = self.wrap(OPS.clone(value))  # somebody may write that memory
        base: Any = x if x._view is None else x._view[0]
        for t, new in self._rebased(base, x, value):
            t._inner = self.inner(new)  # type: ignore[attr-defined]
            t._data = t._inner._data
        base._vc[0] += 1
        return x


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """The same function, in which no tensor is overwritten: `x.add_(1)` computes a new one.

    What was overwritten among the arguments is written once, when the function has returned. Under
    other transforms, and for recorders of programs, the function is then one of ops without side
    effects.

    Args:
        func: takes and returns tensors (nested allowed). Tensors from outside, which are not
            arguments, take on their new value when the function has returned.
        remove: "mutations", or "mutations_and_views": view ops give copies too.

    Returns:
        A function of the same arguments, with the same results.

    Raises:
        RuntimeError: another `remove`.

    Example:
        >>> import chainrule as torch
        >>> def f(a):
        ...     b = a + 1
        ...     b.view(-1).mul_(2)
        ...     return b
        >>> torch.func.functionalize(f)(torch.ones(2, 2))
        tensor([[4., 4.],
                [4., 4.]])
    """
    if remove not in _KINDS:
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. "
            'Valid options are:\n     remove="mutations": all inplace and out= operators will be '
            "removed from the program and replaced with their out-of-place equivalents.\n     "
            'remove="mutations_and_views": In addition to the above, all aliasing operators {view} '
            "will be replaced with their non-aliasing counterparts, {view}_copy."
        )

    @transformed(func)
    def pure(*args: Any, **kwargs: Any) -> Any:
        values, spec = flatten((args, kwargs))
        with Pure(remove == _KINDS[1]) as level:
            new = [level.wrap(t) if isinstance(t, Tensor) else t for t in values]
            pairs = [(t, w) for t, w in zip(values, new, strict=True) if isinstance(t, Tensor)]
            args, kwargs = spec.build(new)
            made = outside(level, func(*args, **kwargs))
            written = [(t, w._inner) for t, w in pairs if w._inner is not t]
        for t, value in written:
            _write_back(t, value)
        return made

    return pure


def _write_back(t: Tensor, value: Tensor) -> None:
    if t._data.shape != value._data.shape:
        raise RuntimeError(
            errors.hinted(
                "functionalize: an argument was given another shape in place",
                f"shape: {list(t._data.shape)}, then {list(value._data.shape)}",
                hint="return a new tensor instead",
            )
        )
    t.copy_(value)
