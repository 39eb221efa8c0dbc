"""Levels: interpreters whose values are tensors around tensors of the level below.

`grad`, `jvp` and `vmap` each enter a level. Its values are `Wrapped` tensors: one holds the tensor
it stands for one level down (`_inner`) and its level (`_level`). An op goes to the innermost level,
which takes its own wrappers off, evaluates the op one level down and wraps the result; whatever
belongs to another level is a constant to it, so perturbations of different levels cannot be
confused. When a level is left, wrappers that are still held collapse to what they wrap (a batched
one, which stands for many tensors, becomes unusable and says so).
In-place: the new value is computed out of place, written into the wrapped tensor one level down,
and the level's own facts (node, tangent) of the base and its views follow (`Level.overwrite`).
Called by `core/reverse.py`, `core/forward.py`, `core/batch.py`; `core/views.py` asks a level to
write.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from .. import _state, errors
from .._state import S, grad_enabled, set_grad
from . import printing, views
from .become import alike, become, copied
from .interpreter import Interpreter, current, pop, push
from .level_nodes import LevelLeaf
from .node import LEAF, levels_of
from .primitive import Primitive, cast, link_view
from .record import OPS
from .tensor import Meta, Tensor

__all__ = ["Level", "Wrapped", "is_float", "lower", "outs_of"]

_new = object.__new__


def lower(prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """Evaluate with whoever is innermost now; the operands are already promoted."""
    mode = current() if S.mode is not None else None
    if mode is not None:
        return mode.process(prim, inputs, params)
    short = prim.short
    return prim.evaluate(inputs, params) if short is None else short(inputs[0], params)


def is_float(t: Any) -> bool:
    """Whether it is a tensor whose dtype can have a derivative."""
    return isinstance(t, Tensor) and t._data.dtype.kind in "fcV"


def outs_of(prim: Primitive, made: Any) -> tuple[Tensor, ...]:
    """The outputs of a call as a tuple."""
    return made if prim.several else (made,)


class Wrapped(Tensor):
    """A tensor of a level: it stands for the tensor `_inner` one level down."""

    __slots__ = ()
    _wrapped = True
    _inner: Tensor
    _level: Level

    @property
    def is_leaf(self) -> bool:
        return self._node is None or self._node is LEAF or type(self._node) is LevelLeaf

    @property
    def grad_fn(self) -> Any:
        return None if self.is_leaf else Tensor.grad_fn.fget(self)  # type: ignore[attr-defined]

    # ------------------------------------------------------------ reading elements

    def item(self) -> Any:
        return self._inner.item()

    def tolist(self) -> Any:
        return self._inner.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        if self._node is not None and not force:
            raise errors.numpy_of_graph(self)
        return self._inner.numpy(force=force)

    def __bool__(self) -> bool:
        return bool(self._inner)

    def __index__(self) -> int:
        return self._inner.__index__()

    def data_ptr(self) -> int:
        return self._inner.data_ptr()

    def stride(self, dim: int | None = None) -> Any:
        return self._inner.stride(dim)

    def storage_offset(self) -> int:
        return self._inner.storage_offset()

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return self._inner.is_contiguous()

    def __format__(self, spec: str) -> str:
        return str(self) if not spec else format(self.item(), spec)

    def _title(self) -> tuple[str, str] | None:
        """How this level is shown: a name and facts; None if not as a level."""
        return "GradTrackingTensor", ""

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        """All levels that it is a value of, the innermost outermost. Transforms on the plain tape
        stand below the batches, and are shown where they were entered."""
        levels: list[tuple[int, str, str]] = []
        t: Any = self
        while t._wrapped:
            title = t._title()
            if title is None:
                break
            levels.append((t._level.number, *title))
            t = t._inner
        if t._wrapped:
            shown = repr(t)
        else:
            tapes = levels_of(t)
            shown = Tensor._repr(t, bool(tapes))
            levels += [(n, "GradTrackingTensor", "") for n in tapes]
        return printing.of_levels(levels, shown)

    # ------------------------------------------------------------ leaving the graph

    def detach(self) -> Tensor:
        return self._inner.detach()

    @property
    def data(self) -> Tensor:
        return self._inner.data

    @data.setter
    def data(self, value: Tensor) -> None:
        raise _not_inside("assigning `.data`")

    def detach_(self) -> Tensor:
        raise _not_inside("detach_()")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        raise errors.requires_grad_inside()

    def set_(self, *args: Any) -> Tensor:
        raise _not_inside("set_()")

    def resize_(self, *args: Any, **kwargs: Any) -> Tensor:
        raise _not_inside("resize_()")

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise errors.backward_inside()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        made: Tensor = OPS.clone(self)
        memo[id(self)] = made
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise _not_inside("pickling a tensor")

    # ------------------------------------------------------------ the end of the level

    def _fall(self) -> None:
        """The level is over: become what was wrapped."""
        become(self, self._inner)


def _not_inside(what: str) -> RuntimeError:
    return RuntimeError(
        errors.hinted(
            f"{what} is not supported inside a function transform",
            hint="do it before, outside of the function given to torch.func",
        )
    )


# ---------------------------------------------------------------- the interpreter


class Level(Interpreter):
    """One level: pushed by a transform, left when the function has run.

    Attributes:
        number: 1 for the outermost.
        alive: it has not been left.
        kind: the class of its wrappers.
        above: an interpreter that must stay innermost (`Interpreter.innermost`), entered with it.
        differentiates: its wrappers have facts (node, tangent) that views and bases share.
    """

    writes = True
    differentiates = True
    kind: type[Wrapped] = Wrapped
    above: Interpreter | None = None

    def __init__(self) -> None:
        self.number, self.alive = 0, True
        self._made: list[weakref.ref[Wrapped]] = []
        self._limit = 256

    def __enter__(self) -> Any:
        self.stack = _state.modes()
        self.number, self.above = 1 + len(_state.tapes()), None
        for m in self.stack:
            if isinstance(m, Level):
                self.number += 1
            elif m.innermost:
                self.above = m
        push(self)
        if self.above is not None:
            self.above = self.above.renewed()
            push(self.above)
        return self

    def __exit__(self, *exc: object) -> None:
        if self.above is not None:
            pop(self.above)
        pop(self)
        self.alive = False
        for ref in self._made:
            t = ref()
            if t is not None and t.__dict__.get("_level") is self:
                t._fall()
        self._made.clear()

    def draw_from(self, make: Any, operands: tuple[Any, ...]) -> Any:
        """Random numbers do not depend on the level's facts: a constant."""
        return super().draw_from(make, tuple([self.inner(t) for t in operands]))

    def alike(self, t: Any, make: Callable[[Any], Tensor], shape: tuple[int, ...]) -> Tensor:
        """See `alike`."""
        return alike(t._inner, make, shape)

    def owns(self, t: Any) -> bool:
        """Whether `t` is a value of this level."""
        return t.__class__ is self.kind and t._level is self

    def inner(self, t: Any) -> Any:
        """`t` one level down."""
        return t._inner if t.__class__ is self.kind and t._level is self else t

    def wrap(self, inner: Tensor) -> Any:
        """A value of this level around a tensor of the level below."""
        t = _new(self.kind)
        t._data = inner._data
        t._node = t._grad = t._view = t._meta = None
        vc = inner._vc
        if vc is None:
            vc = inner._vc = [0]
        t._vc = vc
        t._inner, t._level = inner, self
        made = self._made
        made.append(weakref.ref(t))
        if len(made) > self._limit:
            self._made = [r for r in made if r() is not None]
            self._limit = 2 * len(self._made) + 256
        return t

    def link(self, prim: Primitive, outs: Sequence[Any], x: Any, params: tuple[Any, ...]) -> None:
        """Say of which tensor the outputs of a view op are views, as the level below says."""
        for t in outs:
            if self.owns(t) and t._inner._view is not None:
                link_view(prim, t, x, params)

    # ------------------------------------------------------------ in place

    def inplace(
        self, prim: Primitive, x: Tensor, rest: tuple[Any, ...], params: tuple[Any, ...]
    ) -> Tensor:
        """`x.op_(*rest)` while this level is innermost."""
        saves = any(kind == "x" and index == 0 for kind, index, _ in prim.layout.saves)
        before = OPS.clone(x) if saves else x
        value = prim.call(before, *rest, params=params)
        views._check_fits(x, value)
        return self.overwrite(x, cast(value, x.dtype))

    def overwrite(self, x: Tensor, value: Tensor) -> Tensor:
        """`x` now holds `value`, at this level and below."""
        if not self.owns(x) and not self.owns(value):
            self._write(x, value)
            return x
        if not self._follows(value):
            self._write(self.inner(x), self.inner(value))
            return x
        if not self.owns(x):
            self._lift(x)
        base = x if x._view is None else x._view[0]
        news = self._rebased(base, x, value)
        self._write(x._inner, self.inner(value))
        for t, new in news:
            t._data = t._inner._data
            self.adopt(t, new)
        return x

    def _follows(self, value: Tensor) -> bool:
        """Whether the level's facts change with a write of `value`."""
        return is_float(value)

    def adopt(self, t: Any, new: Tensor) -> None:
        """`t` takes the level's facts from `new`."""
        raise NotImplementedError

    def _write(self, x: Tensor, value: Tensor) -> None:
        pop(self)
        before = set_grad(self.outer_grad())
        try:
            views.check_writable(x, "copy", (value,))
            if current() is None and not views.recording(x, (value,)):
                views._write(x, value._data)
            else:
                views.overwrite(x, value)
        finally:
            set_grad(before)
            push(self)

    def outer_grad(self) -> bool:
        """Whether the level below records."""
        return grad_enabled()

    def _rebased(self, base: Tensor, x: Tensor, value: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What the base and all its views hold once the view `x` holds `value`, as values of this
        level."""
        new, t = value, x
        while t is not base:
            _, parent, prim, params = t._view  # type: ignore[misc]
            new, t = put_back(prim, params, parent, new), parent
        found = {id(base): new}
        news = [(base, new)]
        for view in views.live_views(base):
            if view is x:
                made = value
            else:
                _, parent, prim, params = view._view  # type: ignore[misc]
                source = found.get(id(parent))
                if source is None:
                    continue
                made = prim.call(source, params=params)
                if prim.several:
                    made = next(m for m in made if m._data.shape == view._data.shape)
            found[id(view)] = made
            news.append((view, made))
        return news

    def _lift(self, x: Tensor) -> None:
        """Make `x`, its base and the base's views, which so far belong to a level below, values of
        this one."""
        base = x if x._view is None else x._view[0]
        family = [base, *views.live_views(base)]
        if not any(t is x for t in family):
            family.append(x)
        for t in family:
            if t._vc is None:
                t._vc = [0]
        inners = {id(t): copied(t) for t in family}
        for t in family:
            inner = inners[id(t)]
            if t._view is not None:
                _, parent, prim, params = t._view
                inner._view = (inners[id(base)], inners.get(id(parent), parent), prim, params)
            t.__dict__.clear()
            t.__class__ = self.kind
            t._inner, t._level, t._node, t._grad = inner, self, None, None  # type: ignore[union-attr, union-attr]
            self._made.append(weakref.ref(t))  # type: ignore[arg-type]
        if base._meta is not None:
            below = inners[id(base)]._meta = Meta()
            below.views = [weakref.ref(inners[id(t)]) for t in family[1:]]
            base.__dict__["_views_below"] = list(inners.values())  # the inner views live as long


def put_back(prim: Primitive, params: tuple[Any, ...], parent: Tensor, value: Tensor) -> Tensor:
    """`parent` with the region that the view `prim(parent, *params)` shows replaced by `value`."""
    rule: Any = prim.rules[0]
    known = {"x_shape": parent._data.shape, "x_dtype": parent.dtype}
    known |= dict(zip(prim.params, params, strict=True))

    def transposed(g: Tensor) -> Tensor:
        made: Tensor = rule.fn(OPS, g, *[known[n] for n in rule.names])
        return made

    if value._data.size == parent._data.size and prim.name not in ("as_strided", "real", "imag"):
        return transposed(value)
    region = transposed(wrap_ones(value))
    return OPS.where(OPS.ne(region, 0), transposed(value), parent)  # type: ignore[no-any-return]


def wrap_ones(t: Tensor) -> Tensor:
    """Ones in the shape and dtype of `t`."""
    return OPS.zeros(t._data.shape, t.dtype) + 1  # type: ignore[no-any-return]
