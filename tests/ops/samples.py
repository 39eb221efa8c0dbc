"""Operands for every op of the registry: from its kind and domain, or written by hand where that is not enough.

`samples_of(prim)` gives a list of `Sample`s. Floating operands are float64 (complex128 for ops that need complex
numbers); the tests make float32 of them. Values are away from kinks and ties, so differences along a direction
exist. To test a new op with static parameters, add an entry to `BY_HAND`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule import dtypes
from chainrule.core.primitive import Primitive


class Sample(NamedTuple):
    """One call: operands (arrays, numbers, None) and the static parameters in their order."""

    operands: tuple[Any, ...]
    params: tuple[Any, ...] = ()


def values(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Any:
    """Distinct numbers in the range, in random order, away from integers."""
    count = int(np.prod(shape))
    made = np.linspace(low, high, count + 2)[1:-1] + 0.0123
    return np.random.default_rng(seed + count).permutation(made).reshape(shape)


def positive(*shape: int, seed: int = 0) -> Any:
    return values(*shape, low=0.3, high=2.4, seed=seed)


def numbers(*shape: int, seed: int = 0) -> Any:
    """Complex numbers."""
    return values(*shape, seed=seed) + 1j * values(*shape, seed=seed + 1)


def elementwise_samples(prim: Primitive) -> list[Sample]:
    low, high = prim.domain
    count = len(prim.args)

    def made(*shapes: tuple[int, ...]) -> Sample:
        return Sample(tuple(values(*s, low=low, high=high, seed=i) for i, s in enumerate(shapes)))

    if count == 1:
        return [made((2, 3)), made(())]
    same = [(2, 3)] * count
    return [made(*same), made((3,), *same[1:]), made((2, 1), (3,), *same[2:]), made((), *same[1:])]


def default_samples(prim: Primitive) -> list[Sample]:
    """An op of one operand whose parameters all have defaults."""
    low, high = prim.domain or (-2.0, 2.0)
    x = values(2, 3, low=low, high=high)
    made = [Sample((x,), prim.defaults)]
    if prim.params[:2] == ("dim", "keepdim"):
        rest = prim.defaults[2:]
        made += [Sample((x,), ((1,), False, *rest)), Sample((x,), ((0, 1), True, *rest))]
    return made


BY_HAND: dict[str, Callable[[], list[Sample]]] = {}


def samples_of(prim: Primitive) -> list[Sample]:
    """The calls on which `prim` is tested; LookupError when nobody has said how to call it."""
    if prim.name in BY_HAND:
        return BY_HAND[prim.name]()
    if prim.kind == "elementwise":
        return elementwise_samples(prim)
    if len(prim.args) == 1 and not prim.variadic and all(d is not _EMPTY for d in prim.defaults):
        return default_samples(prim)
    raise LookupError(f"op '{prim.name}' has no sample: add an entry to BY_HAND in {__name__}")


_EMPTY = __import__("inspect").Parameter.empty


def by_hand(*calls: Sample) -> Callable[[], list[Sample]]:
    return lambda: list(calls)
