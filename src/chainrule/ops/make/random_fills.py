"""Draws written into a tensor: `normal_`, `uniform_`, `random_`, `bernoulli_`, `exponential_`, ...

What a tensor held before gets zero gradient (`random._fill`). A dense float32 or float64 tensor
outside of the graph is written right away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import METHODS, guarded
from ...core.node import INFERENCE
from ...core.primitive import F32, F64
from ...core.tensor import Tensor
from .random import _fill, default_generator

_ndarray = np.ndarray


def _memory(x: Any, generator: Any) -> Any:
    """Where draws of the default generator may be written at once: the array of `x`, if that is
    float32 or float64 in C order, outside of the graph and of interpreters; else None."""
    if generator is None and S.mode is None and type(x) is Tensor and x._node is None:
        data = x._data
        dtype = data.dtype
        if (dtype is F32 or dtype is F64) and type(data) is _ndarray and x._vc is not INFERENCE:
            return data if data.flags.carray else None
    return None


def _method(function: Any) -> Any:
    METHODS[function.__name__] = guarded(function)
    return function


@_method
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with normal numbers."""
    data = _memory(self, generator)
    if data is not None:
        with default_generator._lock:
            default_generator._engine.into_normal(data, float(mean), float(std))
        counter = self._vc
        if counter is None:  # `bump`, without its call
            self._vc = [1]
        else:
            counter[0] += 1
        return self
    return _fill(self, generator, "normal", float(mean), float(std))


@_method
def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **bounds: Any
) -> Tensor:
    """Overwrite with uniform numbers of [from, to)."""
    if bounds:
        errors.only("uniform_", bounds, "from")
        from_ = bounds.pop("from", from_)
    data = _memory(self, generator)
    if data is not None:
        with default_generator._lock:
            default_generator._engine.into_uniform(data, float(from_), float(to))
        counter = self._vc
        if counter is None:  # `bump`, without its call
            self._vc = [1]
        else:
            counter[0] += 1
        return self
    return _fill(self, generator, "uniform", float(from_), float(to))


def _fraction(n: Any) -> bool:
    return isinstance(n, Tensor) and n._data.dtype.kind not in "iub"


@_method
def random_(self: Tensor, *args: Any, generator: Any = None, **bounds: Any) -> Tensor:
    """Overwrite with integers: `random_()` of the dtype's whole range, `random_(to)` of [0, to),
    `random_(from, to)` of [from, to), where `to` = None means the dtype's largest."""
    errors.only("random_", bounds, "from", "to")
    if len(args) > 2:
        raise TypeError(f"random_() takes 2 positional arguments but {len(args)} were given")
    for i, n in enumerate((*args, *bounds.values())):
        if n is None and i:
            continue
        if not hasattr(n, "__index__") or isinstance(n, bool) or _fraction(n):
            raise errors.wrong_kind("random_", "to", "int", n)
    low = bounds.get("from", args[0] if len(args) > 1 else None)
    to = bounds.get("to", args[-1] if args else None)
    if low is None and to is not None:
        low = 0
    return _fill(self, generator, "random", low, to)


@_method
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Overwrite with 0 or 1, where `p` is the probability of 1 (a number or a tensor)."""
    if isinstance(p, Tensor):
        if p._data.shape != self._data.shape:
            p = p.expand(self._data.shape)
        p = np.asarray(p._data)
    return _fill(self, generator, "bernoulli", p)


@_method
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with exponential numbers of rate `lambd`."""
    data = _memory(self, generator)
    if data is not None:
        with default_generator._lock:
            default_generator._engine.into_exponential(data, float(lambd))
        counter = self._vc
        if counter is None:  # `bump`, without its call
            self._vc = [1]
        else:
            counter[0] += 1
        return self
    return _fill(self, generator, "exponential", float(lambd))


@_method
def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Overwrite with the number of trials to the first success."""
    return _fill(self, generator, "geometric", p)


@_method
def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Overwrite with Cauchy numbers."""
    return _fill(self, generator, "cauchy", float(median), float(sigma))


@_method
def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
) -> Tensor:
    """Overwrite with exp of normal numbers."""
    return _fill(self, generator, "log_normal", float(mean), float(std))
