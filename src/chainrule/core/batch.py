"""The batch level: one run of a function on all elements of a batch at once, for `vmap`.

A `Batched` wraps a tensor whose dimension 0 is the batch; to the function it has the shape of one
element. Its elements cannot be read (`item`, `if x > 0`), since they are many: where an array would
be there is only its shape (`ShapeOnly`). What an op does on batches is in `core/batching.py`, by
kind and by name; an op without a rule is evaluated element by element, with one warning.
Called by `func/` and `autograd/`; `ops/make/random.py` asks `draw` how many numbers to make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .. import errors
from . import batch_rules  # noqa: F401  # enters its rules into the table
from .batching import RULES, front, rule_of
from .become import alike
from .custom_levels import batched_
from .interpreter import drawn, drawn_from, pop, push
from .levels import Level, Wrapped, outs_of
from .primitive import Primitive, cast
from .record import OPS
from .tensor import Tensor

__all__ = ["Batch", "Batched", "ShapeOnly"]

_ITEM = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling "
    ".item() on a Tensor, please try to rewrite what you're doing with other operations. If error "
    "is occurring somewhere inside PyTorch internals, please file a bug report."
)
_BOOL = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We "
    "don't support that yet, please file an issue at https://github.com/pytorch/pytorch/issues ."
)
_STORAGE = "Cannot access data pointer of Tensor that doesn't have storage"
_ESCAPED = (
    "Either your tensor may have escaped from inside a function being vmapped and this is a user "
    "error (see https://pytorch.org/functorch/stable/ux_limitations.html), or there is an internal "
    "functorch error in `gen_vmap_plumbing` Please file an issue if it looks like the latter"
)
_LOOP = "torch.where chooses by value; vmap(f, fallback='loop') runs f on one element at a time"


def _refused(first: str, hint: str = _LOOP) -> RuntimeError:
    return RuntimeError(errors.hinted(first, hint=hint))


class ShapeOnly:
    """Stands where the array of a batched tensor would be: shape and dtype, but no elements."""

    __slots__ = ("dtype", "level", "ndim", "shape")
    is_sparse = False
    stands_for_many = True

    def __init__(self, shape: tuple[int, ...], dtype: Any, level: Any) -> None:
        self.shape, self.dtype, self.level, self.ndim = shape, dtype, level, len(shape)

    @property
    def size(self) -> int:
        """The number of elements of one element of the batch."""
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return self.dtype.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Bytes of one element of the batch."""
        return self.size * self.itemsize

    base = None

    @property
    def flags(self) -> Any:
        """Those of an ordinary array."""
        return _FLAGS

    def __len__(self) -> int:
        return self.shape[0]

    def refuse(self, first: str) -> NoReturn:
        """Say why the elements cannot be read."""
        if not self.level.alive:
            raise _refused(_ESCAPED, "return it from the function; vmap stacks what is returned")
        raise _refused(first)

    def item(self) -> NoReturn:
        """Refused: there are many."""
        self.refuse(_ITEM)

    def __bool__(self) -> NoReturn:
        self.refuse(_BOOL)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        self.refuse(_STORAGE)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse(_STORAGE)


def _no_elements(self: ShapeOnly, *others: Any) -> NoReturn:
    self.refuse(_STORAGE)


for _name in [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "and",
    "rand",
    "or",
    "ror",
    "neg",
]:
    setattr(ShapeOnly, f"__{_name}__", _no_elements)
ShapeOnly.__getitem__ = _no_elements  # type: ignore[misc]
ShapeOnly.__hash__ = object.__hash__  # type: ignore[method-assign]

_FLAGS = np.empty(1).flags
_new = object.__new__


class Batched(Wrapped):
    """One element of a batch, standing for all of them."""

    __slots__ = ()

    def item(self) -> NoReturn:
        raise _refused(_ITEM)

    def __bool__(self) -> NoReturn:
        raise _refused(_BOOL)

    def __index__(self) -> NoReturn:
        raise _refused(_ITEM)

    def tolist(self) -> NoReturn:
        raise _refused(_STORAGE)

    def numpy(self, *, force: bool = False) -> NoReturn:
        raise _refused(_STORAGE)

    def data_ptr(self) -> NoReturn:
        raise _refused(_STORAGE)

    def stride(self, dim: int | None = None) -> Any:
        steps = self._inner.stride()[1:]
        return steps if dim is None else steps[errors.checked_dim(dim, len(steps))]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return True

    def detach(self) -> Tensor:
        return self._level.wrap(self._inner.detach())  # type: ignore[no-any-return]

    @property  # type: ignore[misc]
    def data(self) -> Tensor:
        raise _refused("accessing `data` under vmap transform is not allowed", "use detach()")

    @property
    def is_leaf(self) -> bool:
        return self._inner.is_leaf

    @property
    def requires_grad(self) -> bool:
        return self._inner.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        raise errors.requires_grad_inside()

    @property
    def grad_fn(self) -> Any:
        return Tensor.grad_fn.fget(self._inner)  # type: ignore[attr-defined]

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        """The gradient that the hook sees is that of one element of the batch, as every value."""
        level: Any = self._level

        def of_all(g: Tensor) -> Any:
            made = hook(level.wrap(g))
            if not isinstance(made, Tensor):
                return made
            return made._inner if level.owns(made) else front(made, False, level.size)

        return self._inner.register_hook(of_all)

    def _title(self) -> tuple[str, str] | None:
        return "BatchedTensor", "bdim=0, "

    def _fall(self) -> None:
        """It stays what it is; reading it says that it has escaped."""


def plain(prim: Primitive, inner: list[Any], batched: list[bool]) -> bool:
    """Whether operands of an elementwise op broadcast as they are."""
    if prim.several:
        return False
    rank = -1
    for t, has in zip(inner, batched):  # noqa: B905
        if has:
            n = t._data.ndim
            if rank >= 0 and n != rank:
                return False
            rank = n
    for t, has in zip(inner, batched):  # noqa: B905
        if not has and isinstance(t, Tensor) and t._data.ndim >= rank:
            return False
    return True


class Batch(Level):
    """Evaluates every op for the whole batch.

    Attributes:
        size: the number of elements.
        randomness: "error", "different" or "same": what random ops give to the elements.
    """

    kind = Batched
    differentiates = False

    def __init__(self, size: int, randomness: str = "error") -> None:
        super().__init__()
        self.size, self.randomness = size, randomness

    def wrap(self, inner: Tensor) -> Any:
        """A value of this level around a tensor whose dimension 0 is the batch.

        Nothing is to be done with it when the level ends (its `ShapeOnly` knows), so it is not
        noted.
        """
        t = _new(Batched)
        data = inner._data
        t._data = shown = _new(ShapeOnly)
        shown.shape = shape = data.shape[1:]
        shown.dtype, shown.level, shown.ndim = data.dtype, self, len(shape)
        t._node = t._grad = t._view = t._meta = None
        vc = inner._vc
        if vc is None:
            vc = inner._vc = [0]
        t._vc = vc
        t._inner, t._level = inner, self
        return t

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate one level down for all elements together."""
        if prim.kind == "custom":
            return batched_(self, prim, inputs, params)  # type: ignore[arg-type]
        inner, batched = list(inputs), [False] * len(inputs)
        mine = False
        for i, t in enumerate(inputs):
            if t.__class__ is Batched and t._level is self:
                inner[i], batched[i], mine = t._inner, True, True
        if not mine or (prim.kind == "elementwise" and plain(prim, inner, batched)):
            stack = self.stack  # nothing but this op: no need to let the fast lanes know
            stack.pop()
            try:
                if stack:
                    made = stack[-1].process(prim, tuple(inner), params)
                elif prim.lane is not None and not params:
                    made = prim.lane(*inner, below=True)
                else:
                    made = prim.evaluate(tuple(inner), params)
            finally:
                stack.append(self)
            return self.wrap(made) if mine else made
        rule = RULES.get(prim.name) or rule_of(prim)
        pop(self)
        try:
            made = rule(prim, tuple(inner), batched, params, self.size)
            if not prim.several and not prim.view:
                return self.wrap(made)
            outs = tuple([self.wrap(t) for t in outs_of(prim, made)])
            if prim.view:
                self.link(prim, outs, inputs[0], params)
            return outs if prim.several else outs[0]
        finally:
            push(self)

    # ------------------------------------------------------------ in place

    def overwrite(self, x: Tensor, value: Tensor) -> Tensor:
        """`x` now holds `value`: written into the whole batch one level down."""
        if self.owns(value) and not self.owns(x):
            raise _unbatched_target()
        target, source = self.inner(x), self.inner(value)
        if target is not x and source is value:
            pop(self)
            try:
                source = OPS.expand(cast(value, x.dtype), tuple(target._data.shape))
            finally:
                push(self)
        self._write(target, source)
        return x

    def alike(self, t: Any, make: Callable[[Any], Tensor], shape: tuple[int, ...]) -> Tensor:
        """New tensors for every element."""
        if not self.alive:
            t._data.refuse(_STORAGE)
        return self.wrap(alike(t._inner, make, (self.size, *shape)))  # type: ignore[no-any-return]

    # ------------------------------------------------------------ random numbers

    def draw(self, make: Callable[[Any], Any], shape: Any) -> Any:
        """Random numbers: refused, the same for all elements, or others for each."""
        self.need_randomness()
        pop(self)
        try:
            if self.randomness == "same":
                return drawn(make, shape)
            return self.wrap(drawn(make, (self.size, *shape)))
        finally:
            push(self)

    def draw_from(self, make: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
        """The same where the distribution is given by tensors."""
        self.need_randomness()
        same, batched = self.randomness == "same", [self.owns(t) for t in operands]
        if same and any(batched):
            raise _refused(
                "Vmap does not currently support same randomness with a batched tensor input. "
                "Please file an issue with functorch",
                "vmap(f, randomness='different') draws for every element",
            )
        inner = tuple([self.inner(t) for t in operands])
        pop(self)
        try:
            if same:
                return drawn_from(make, *inner)
            whole = [front(t, b, self.size) for t, b in zip(inner, batched, strict=True)]
            return self.wrap(drawn_from(make, *whole))
        finally:
            push(self)

    def need_randomness(self) -> None:
        """Refuse random ops where nothing says what they give to the elements."""
        if self.randomness == "error":
            raise _refused(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap",
                "vmap(f, randomness='different') draws for every element",
            )


def _unbatched_target() -> RuntimeError:
    return _refused(
        "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor "
        "`other` in extra_args that has more elements than `self`. This happened due to `other` "
        "being vmapped over but `self` not being vmapped over in a vmap. Please try to use "
        "out-of-place operators instead of inplace arithmetic. If said operator is being called "
        "inside the PyTorch framework, please file a bug report instead.",
        "make `self` from a batched tensor, as in x.new_zeros(...), or return new tensors",
    )
