"""Operands for every op of the registry: from its kind and domain, or written by hand where that is
not enough.

`samples_of(prim)` gives a list of `Sample`s. Floating operands are float64 (complex128 for ops that
need complex numbers); the tests make float32 of them. Values are away from kinks and ties, so
differences along a direction exist. To test a new op with static parameters, add an entry to
`BY_HAND` in `calls/<family>.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls import BY_HAND, COMPLEX, INTEGERS, RANDOM, Sample, numbers, values

from chainrule.core.declare import REQUIRED
from chainrule.core.primitive import Primitive
from chainrule.ops import load_all

load_all()  # every op of the registry is tested

__all__ = ["RANDOM", "Sample", "complex_samples", "samples_of"]

EMPTY = REQUIRED


def samples_of(prim: Primitive) -> list[Sample]:
    """The calls on which `prim` is tested; LookupError when nobody has said how to call it."""
    if prim.name in BY_HAND:
        return BY_HAND[prim.name]
    if EMPTY not in prim.defaults:
        if prim.kind == "elementwise":
            return elementwise_samples(prim)
        if len(prim.args) == 1 and not prim.variadic:
            return default_samples(prim)
    raise LookupError(
        f"op '{prim.name}' has no sample: add an entry to BY_HAND in tests/ops/calls/<family>.py"
    )


def elementwise_samples(prim: Primitive) -> list[Sample]:
    if prim.name in INTEGERS:
        return integer_samples(prim)
    low, high = prim.domain or (-2.0, 2.0)

    def made(*shapes: tuple[int, ...]) -> Sample:
        operands = (values(*s, low=low, high=high, seed=i) for i, s in enumerate(shapes))
        return Sample(tuple(operands), prim.defaults)

    if len(prim.args) == 1:
        return [made((2, 3)), made(())]
    same = [(2, 3)] * len(prim.args)
    return [made(*same), made((3,), *same[1:]), made((2, 1), (3,), *same[2:]), made((), *same[1:])]


def default_samples(prim: Primitive) -> list[Sample]:
    """An op of one operand whose parameters all have defaults; reductions over other dimensions
    too."""
    low, high = prim.domain or (-2.0, 2.0)
    x = values(2, 3, low=low, high=high)
    made = [Sample((x,), prim.defaults)]
    if prim.params[:2] == ("dim", "keepdim"):
        rest = prim.defaults[2:]
        made += [Sample((x,), ((1,), False, *rest)), Sample((x,), ((0, 1), True, *rest))]
    return made


def complex_samples(prim: Primitive) -> list[Sample]:
    """The calls of an op that takes complex numbers, with complex operands."""
    if prim.name not in COMPLEX:
        return []
    try:
        samples = samples_of(prim)
    except LookupError:
        return []
    return [s._replace(operands=tuple(map(_complex, s.operands))) for s in samples]


def _complex(value: Any) -> Any:
    if getattr(value, "dtype", None) is None or value.dtype.kind != "f":
        return value
    return value * (1 + 0.3j) + 0.2j * numbers(*value.shape, seed=3)


def integer_samples(prim: Primitive) -> list[Sample]:
    """An elementwise op on whole numbers."""
    operands = [np.random.default_rng(i).integers(1, 60, (2, 3)) for i in range(len(prim.args))]
    return [Sample(tuple(operands), prim.defaults)]
