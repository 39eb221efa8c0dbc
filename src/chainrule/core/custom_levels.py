"""Custom Functions inside the transforms of `torch.func`.

What a level does when a Function is applied to its values: the Function runs one level down (so
every level sees it), and this level gives the outputs their facts. `reversed_` hangs a node with
the user's backward on them, `pushed` calls the user's `jvp`, `batched_` the user's `vmap`, or makes
a Function of whole batches (`generate_vmap_rule`). Functions need `setup_context` for this.
Called by the levels' `process`.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import errors
from .._state import grad_enabled, set_grad
from .custom import CustomPrimitive, FunctionCtx, FunctionNode
from .custom_whole import ForwardCtx, Whole
from .interpreter import pop, push
from .node import LEAF, Output
from .pytree import broadcast_prefix, flatten
from .record import OPS, version_of
from .tensor import Tensor, wrap

__all__ = ["VmapInfo", "batched_", "pushed", "reversed_"]


class VmapInfo(NamedTuple):
    """What the `vmap` staticmethod of a Function is told.

    Attributes:
        batch_size: the number of elements.
        randomness: "error", "different" or "same".
    """

    batch_size: int
    randomness: str


def _tuple(made: Any) -> tuple[Any, ...]:
    return made if isinstance(made, tuple) else (made,)


def _lower(level: Any, prim: Any, inputs: Sequence[Any], params: Any) -> Any:
    pop(level)
    before = set_grad(level.outer_grad())
    try:
        return prim.call(*inputs, params=params)
    finally:
        set_grad(before)
        push(level)


# ---------------------------------------------------------------- the tape of a level


class LevelFunctionNode(FunctionNode):
    """The node of a Function at a level: saved tensors are values of the level."""

    __slots__ = ("level",)
    level: Any

    def save(self, tensors: Sequence[Any], outs: Sequence[Any]) -> None:
        entries: list[Any] = []
        for t in tensors:
            number = next((i for i, o in enumerate(outs) if o is t), None)
            if number is None or not self.level.owns(t):
                entries.append(None if t is None else (t, version_of(t)))
            else:
                entries.append((_Saved(t), version_of(t._inner), number))
        self.s0 = entries

    def _unpacked(self, i: int, entry: Any) -> Any:
        if entry is None or not isinstance(entry[0], _Saved):
            return super()._unpacked(i, entry)
        saved, version, number = entry
        if version_of(saved.facts[0]) != version:
            raise errors.modified_saved(self, f"saved_tensors[{i}]", saved.facts[0], version)
        inner, tangent = saved.facts
        edge = self if self.v1 is None else Output.of(self, number)
        if not self.level.alive:
            return inner
        return (
            self.level.again(inner, edge, tangent)
            if tangent is not None
            else self.level.again(inner, edge)
        )

    def release(self) -> None:
        """What a level saves lives as long as its node."""


class _Saved:
    """An output of the Function, as what it is made of: the node must not hold its own output."""

    __slots__ = ("facts",)

    def __init__(self, t: Any) -> None:
        self.facts = (t._inner, t.__dict__.get("_tangent"))


_CLASSES: dict[Any, Any] = {}


def _class_of(prim: Any) -> Any:
    made = _CLASSES.get(prim)
    if made is None:
        body = {"prim": prim, "__slots__": ()}
        made = _CLASSES[prim] = type(prim.grad_fn, (LevelFunctionNode,), body)
    return made


def _record(level: Any, prim: Any, args: Any, made: Any, nodes: dict[int, Any]) -> Any:
    """Hang the node on the outputs that can have a gradient; returns what the user gets."""
    ctx = FunctionCtx()
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) and id(a) in nodes for a in args)
    before = set_grad(False)
    try:
        prim.function.setup_context(ctx, args, made)
        if ctx.dirty_tensors:
            raise _no_dirty(prim)
        outs = _tuple(made)
        node = prim._node(ctx, args, outs)
        node.__class__ = _class_of(prim)
    except TypeError:
        node = _again(prim, ctx, args, outs)
    finally:
        set_grad(before)
    node.level = level
    tensors = [a for a in args if isinstance(a, Tensor)]
    node.e = tuple(
        [(t if nodes[id(t)] is LEAF else nodes[id(t)]) if id(t) in nodes else None for t in tensors]
    )
    fixed = [id(t) for t in ctx.non_differentiable]
    given = tuple(level.inner(t) if id(t) in fixed else t for t in outs)
    for i, t in enumerate(given):
        if level.owns(t):
            t._node = node if node.v1 is None else Output.of(node, i)
    node.save(ctx.to_save, given)
    ctx._node = weakref.ref(node)
    ctx.to_save = ctx.non_differentiable = ()
    return given if isinstance(made, tuple) else given[0]


def _again(prim: Any, ctx: Any, args: Any, outs: Any) -> Any:
    """The node in its class of the level (the two classes differ in layout)."""
    plain = prim._node(ctx, args, outs)
    node = object.__new__(_class_of(prim))
    for name in ("k", "hooks", "ctx", "s0", "s1", "e", "p", "v0", "v1"):
        setattr(node, name, getattr(plain, name))
    return node


def _no_dirty(prim: Any) -> RuntimeError:
    return RuntimeError(
        errors.hinted(
            f"{prim.name}: mark_dirty is not supported inside function transforms",
            hint="return a new tensor instead of writing into an argument",
        )
    )


def reversed_(level: Any, prim: CustomPrimitive, inputs: tuple[Any, ...], params: Any) -> Any:
    """A Function at a reverse level."""
    prim.need_setup_context()
    made = _lower(level, prim, [level.inner(t) for t in inputs], params)
    nodes = {id(t): t._node for t in inputs if level.owns(t) and t._node is not None}
    if not nodes or not grad_enabled():
        return made
    wrapped = [
        level.wrap(t) if isinstance(t, Tensor) and t._data.dtype.kind in "fcV" else t
        for t in _tuple(made)
    ]
    outs = tuple(wrapped) if isinstance(made, tuple) else wrapped[0]
    return _record(level, prim, prim.arguments(inputs, params)[0], outs, nodes)


# ---------------------------------------------------------------- tangents


def pushed(level: Any, prim: CustomPrimitive, inputs: tuple[Any, ...], params: Any) -> Any:
    """A Function at a forward level."""
    if not level.taped:
        prim.need_setup_context()
    inner = [level.inner(t) for t in inputs]
    moving = [level.tangent(t) for t in inputs]
    if not any(t is not None for t in moving):
        return _lower(level, prim, inner, params)
    args, _ = prim.arguments(inner, params)
    pop(level)
    try:
        made, ctx = _with_context(prim, inner, params, args)
        tangents = _tangents(prim, ctx, args, inner, moving)
        moved = _tuple(prim.function.jvp(ctx, *tangents))
    finally:
        push(level)
    outs = _tuple(made)
    if len(moved) != len(outs):
        raise RuntimeError(
            "Function's jvp returned an invalid number of forward gradients (expected "
            f"{len(outs)} but got {len(moved)})\n"
            f"Function: {prim.name}\n"
            "Hint: jvp returns one tangent for each output of forward, None for those without"
        )
    for i, (o, t) in enumerate(zip(outs, moved, strict=True)):
        if not isinstance(t, Tensor) and t is not None:
            raise RuntimeError(
                f"expected Variable or None (got {type(t).__name__}) for grad output {i}.\n"
                f"Function: {prim.name}\n"
                "Hint: a tangent is a tensor of the shape of its output, or None"
            )
        if t is not None and isinstance(o, Tensor) and o._data.dtype.kind in "fcV":
            level.check(o, t)
    duals = tuple(
        o if not isinstance(o, Tensor) or t is None else _dual(level, o, t, inputs, inner, moving)
        for o, t in zip(outs, moved, strict=True)
    )
    result = duals if isinstance(made, tuple) else duals[0]
    nodes = {id(t): t._node for t in inputs if t._node is not None}
    if not (level.taped and nodes and grad_enabled() and prim.separate):
        return result
    return _record(level, prim, prim.arguments(inputs, params)[0], result, nodes)


def _dual(level: Any, o: Tensor, t: Tensor, inputs: Any, inner: Any, moving: Any) -> Any:
    """An output with its tangent: the argument itself if forward wrote that in place."""
    for x, primal, tangent in zip(inputs, inner, moving, strict=True):
        if primal is o and level.owns(x):
            if t is not tangent:
                raise RuntimeError(
                    "An inplace custom Function is not modifying the forward mode gradients "
                    "inplace. If the forward is modifying an input inplace, then the jvp function "
                    "must modify the corresponding gradient inplace.\n"
                    "Hint: t.mul_(2); return t"
                )
            x._data = o._data
            return x
    return level.dual(o, t)


def _with_context(prim: Any, inner: Any, params: Any, args: Any) -> tuple[Any, Any]:
    """The result one level down, and the context of that run as `jvp` sees it."""
    ctx = ForwardCtx()
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) for a in args)
    if prim.separate:
        made = prim.call(*inner, params=params)
        before = set_grad(False)
        try:
            prim.function.setup_context(ctx, args, made)
        finally:
            set_grad(before)
        return made, ctx
    once = prim.remembering()
    made = once.call(*inner, params=params)
    ctx.__dict__.update(once.contexts[0].__dict__)
    return made, ctx


def _tangents(prim: Any, ctx: Any, args: Any, inner: Any, moving: Any) -> list[Any]:
    """One tangent for every argument: None for what is no tensor or has none."""
    found = iter(zip(inner, moving, strict=True))
    made: list[Any] = []
    for a in args:
        if not isinstance(a, Tensor):
            made.append(None)
            continue
        t, v = next(found)
        if v is None and ctx.materialize_grads and t._data.dtype.kind in "fcV":
            v = wrap(np.zeros(t._data.shape, t._data.dtype))
        made.append(v)
    return made


# ---------------------------------------------------------------- batches


def batched_(level: Any, prim: CustomPrimitive, inputs: tuple[Any, ...], params: Any) -> Any:
    """A Function at a batch level."""
    prim.need_setup_context()
    function = prim.function
    own_rule = not hasattr(function.vmap, "_is_default")
    inner = [level.inner(t) for t in inputs]
    has = [level.owns(t) for t in inputs]
    if not any(has):
        return _lower(level, prim, inner, params)
    if function.generate_vmap_rule:
        if own_rule:
            raise RuntimeError(
                f"You tried to vmap over {prim.name}, but it has both generate_vmap_rule=True and "
                "an overridden vmap staticmethod. Please set generate_vmap_rule=False or delete "
                "the overridden vmap staticmethod to avoid ambiguity. For more details, please see "
                "https://pytorch.org/docs/main/notes/extending.func.html"
            )
        whole = CustomPrimitive(Whole(function, level, has))
        made = _lower(level, whole, inner, params)
        return _map(made, lambda t: level.wrap(t) if isinstance(t, Tensor) else t)
    if not own_rule:
        raise RuntimeError(
            f"You tried to vmap over {prim.name}, but it does not have vmap support. Please "
            "override and implement the vmap staticmethod or set generate_vmap_rule=True. For more "
            "details, please see https://pytorch.org/docs/main/notes/extending.func.html"
        )
    return _by_user(level, prim, inputs, inner, has, params)


def _by_user(level: Any, prim: Any, inputs: Any, inner: Any, has: Any, params: Any) -> Any:
    args, _ = prim.arguments(inner, params)
    flags = iter(has)
    in_dims = tuple(0 if isinstance(a, Tensor) and next(flags) else None for a in args)
    pop(level)
    try:
        made = prim.function.vmap(VmapInfo(level.size, level.randomness), in_dims, *args)
        if not isinstance(made, tuple):
            raise RuntimeError(f"{_TWO_RETURNS} Got a {type(made)} instead")
        if len(made) != 2:
            raise RuntimeError(f"{_TWO_RETURNS} Got {len(made)} returns instead")
        output, out_dims = made
        found, spec = flatten(output)
        dims = broadcast_prefix(tuple(out_dims) if isinstance(out_dims, list) else out_dims, spec)
        if dims is None:
            raise RuntimeError(
                f"The autograd.Function's vmap staticmethod returned an incompatible (output, "
                f"out_dims) tuple. Expected out_dims={out_dims} to be compatible with the "
                f"structure of `output`. out_dims has structure {flatten(out_dims)[1]} but output "
                f"has structure {spec}. For more details, please see "
                "https://pytorch.org/docs/main/notes/extending.func.html"
            )
        fronts = [t if not d else _moved(t, d) for t, d in zip(found, dims, strict=True)]
    finally:
        push(level)
    given = {id(t): original for t, original in zip(inner, inputs, strict=True)}
    return spec.build(
        [
            given[id(o)] if id(o) in given else t if d is None else level.wrap(t)
            for o, t, d in zip(found, fronts, dims, strict=True)
        ]
    )


_TWO_RETURNS = (
    "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree "
    "structure compatible with the output."
)


def _moved(t: Tensor, d: int) -> Tensor:
    n = t._data.ndim
    d %= n
    return OPS.permute(t, (d, *[i for i in range(n) if i != d]))  # type: ignore[no-any-return]


def _map(made: Any, f: Any) -> Any:
    return tuple(map(f, made)) if isinstance(made, tuple) else f(made)
