"""Objects that stand for another tensor, which ops must know of without knowing levels.

A tensor of a level (core/levels.py) holds another one level down. `become` lets an object stand
for another tensor from now on, `copied` makes a second object for the same one, and `alike` makes
memory that values of its levels can be written into. Called by `core/levels.py`, `core/batch.py`
and the makers of tensors in `ops/`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from .node import LEAF
from .record import OPS
from .tensor import Tensor

__all__ = ["alike", "become", "copied"]

_new = object.__new__
_SLOTS = ("_data", "_node", "_grad", "_vc", "_view", "_meta")


def become(t: Tensor, source: Tensor) -> None:
    """`t` is from now on another name of `source`."""
    for name in ("_inner", "_level", "_tangent"):
        t.__dict__.pop(name, None)
    if source._node is LEAF:  # a plain leaf is one object: this other one is a view of it
        source = OPS.alias.prim.evaluate((source,), ())
    t.__class__ = source.__class__
    for slot in _SLOTS:
        setattr(t, slot, getattr(source, slot))
    for name, value in source.__dict__.items():
        t.__dict__.setdefault(name, value)
    _register(t)


def _register(t: Tensor) -> None:
    """Another object that is a value of a level must fall with it."""
    if t._wrapped:
        t._level._made.append(weakref.ref(t))


def alike(t: Tensor, make: Callable[[Any], Tensor], shape: tuple[int, ...]) -> Tensor:
    """`make(shape)`, with memory for every element of the batches that `t` stands for: what
    `t.new_zeros(shape)` gives, so that values of `t`'s levels can be written into it."""
    return t._level.alike(t, make, shape) if t._wrapped else make(shape)


def copied(t: Tensor) -> Tensor:
    """Another object for the same tensor."""
    made = _new(t.__class__)
    for slot in _SLOTS:
        setattr(made, slot, getattr(t, slot))
    made.__dict__.update(t.__dict__)
    _register(made)
    return made
