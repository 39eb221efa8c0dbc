"""`generate_vmap_rule`: a custom Function of whole batches, made of one of elements.

`Whole` has the methods of a Function; each runs the user's own under a batch level, and takes whole
batches in and out. It is applied one level down, so that whatever is there (a tape, tangents,
another batch) sees one Function with a derivative. Called by `core/custom_levels.py`.
"""

from __future__ import annotations

from typing import Any

from .custom import CustomPrimitive, FunctionCtx
from .record import OPS
from .tensor import Tensor

__all__ = ["ForwardCtx", "Whole"]


class ForwardCtx(FunctionCtx):
    """The context that `jvp` gets: what was saved for forward mode."""

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return self.__dict__.get("saved_for_forward", ())  # type: ignore[no-any-return]


class _ElementCtx(FunctionCtx):
    """The context of one element."""

    _saved: Any = ()

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return tuple(self._saved)


# what a context keeps for the machine; the rest are the user's own attributes
_MACHINE = {
    "to_save",
    "saved_for_forward",
    "dirty_tensors",
    "non_differentiable",
    "needs_input_grad",
}


def _unset(*args: Any) -> Any:
    raise NotImplementedError


_unset._is_default = True  # type: ignore[attr-defined]


class Whole:
    """The Function whose arguments are whole batches.

    Attributes:
        function: the user's, of one element.
        has: for each tensor argument, whether it carries the batch (as dimension 0).
    """

    generate_vmap_rule = True
    vjp = vmap = staticmethod(_unset)

    def __init__(self, function: Any, level: Any, has: list[bool]) -> None:
        self.function, self.has = function, has
        self.size, self._new_level = level.size, lambda: type(level)(level.size, level.randomness)
        self.__name__ = f"Vmapped{function.__name__}"

    # ------------------------------------------------------------ in and out

    def _flags(self, args: Any) -> list[bool]:
        found = iter(self.has)
        return [isinstance(a, Tensor) and next(found) for a in args]

    @staticmethod
    def _inside(level: Any, values: Any, flags: Any) -> list[Any]:
        return [
            level.wrap(v) if f and isinstance(v, Tensor) else v
            for v, f in zip(values, flags, strict=True)
        ]

    def _outside(self, found: list[tuple[Any, bool]]) -> tuple[Any, ...]:
        """Results as whole batches; those that are the same for all elements are repeated."""
        return tuple(
            OPS.expand(t, (self.size, *t._data.shape)) if isinstance(t, Tensor) and not own else t
            for t, own in found
        )

    def _element(self, ctx: Any, level: Any, which: int) -> _ElementCtx:
        """The context of one element, from that of the whole batch."""
        inner = _ElementCtx()
        inner.__dict__.update(ctx.user)
        inner.needs_input_grad = ctx.needs_input_grad
        inner._saved = self._inside(level, ctx.saved_tensors, ctx.flags[which])
        return inner

    # ------------------------------------------------------------ the methods of a Function

    def forward(self, *args: Any) -> Any:
        """The user's forward on all elements."""
        with self._new_level() as level:  # type: ignore[no-untyped-call]
            made = self.function.forward(*self._inside(level, args, self._flags(args)))
            many = isinstance(made, tuple)
            found = [(level.inner(t), level.owns(t)) for t in (made if many else (made,))]
        outs = self._outside(found)
        return outs if many else outs[0]

    def setup_context(self, ctx: Any, inputs: Any, output: Any) -> None:
        """The user's setup_context on one element; what it saves is saved whole."""
        inner = _ElementCtx()
        flags = self._flags(inputs)
        with self._new_level() as level:  # type: ignore[no-untyped-call]
            many = isinstance(output, tuple)
            given = output if many else (output,)
            outs = self._inside(level, given, [True] * len(given))
            args = tuple(self._inside(level, inputs, flags))
            self.function.setup_context(inner, args, tuple(outs) if many else outs[0])
            kept, ahead, fixed = (
                [(level.inner(t), level.owns(t)) for t in tensors]
                for tensors in (
                    inner.to_save,
                    inner.__dict__.get("saved_for_forward", ()),
                    inner.non_differentiable,
                )
            )
        ctx.save_for_backward(*[t for t, _ in kept])
        ctx.save_for_forward(*[t for t, _ in ahead])
        ctx.mark_non_differentiable(*[t for t, _ in fixed])
        ctx.set_materialize_grads(inner.materialize_grads)
        ctx.flags = [f for _, f in kept], [f for _, f in ahead]
        ctx.arguments = [(f, isinstance(a, Tensor)) for f, a in zip(flags, inputs, strict=True)]
        ctx.user = {k: v for k, v in inner.__dict__.items() if k not in _MACHINE}

    def backward(self, ctx: Any, *gs: Any) -> Any:
        """The user's backward on all elements; what all elements share gets the sum."""
        with self._new_level() as level:  # type: ignore[no-untyped-call]
            inner = self._element(ctx, level, 0)
            backward = CustomPrimitive.backward_of(self)  # type: ignore[arg-type]
            made = backward(inner, *self._inside(level, gs, [True] * len(gs)))
            made = made if isinstance(made, tuple) else (made,)
            found = [(level.inner(t), level.owns(t)) for t in made]
        return tuple(
            self._gradient(t, own, *arg)
            for (t, own), arg in zip(found, ctx.arguments, strict=False)
        )

    def _gradient(self, t: Any, own: bool, batched: bool, tensor: bool) -> Any:
        if t is None or not tensor:
            return t
        if batched:
            return self._outside([(t, own)])[0]
        return OPS.sum(t, (0,), False) if own else t * self.size

    def jvp(self, ctx: Any, *tangents: Any) -> Any:
        """The user's jvp on all elements."""
        with self._new_level() as level:  # type: ignore[no-untyped-call]
            inner = self._element(ctx, level, 1)
            flags = [f for f, _ in ctx.arguments]
            made = self.function.jvp(inner, *self._inside(level, tangents, flags))
            many = isinstance(made, tuple)
            found = [(level.inner(t), level.owns(t)) for t in (made if many else (made,))]
        outs = self._outside(found)
        return outs if many else outs[0]
