"""The registry of Kullback-Leibler divergences: which function for which pair of types."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from ._torch import Tensor, torch
from .distribution import Distribution

__all__ = ["infinite_like", "kl_divergence", "register_kl"]

_REGISTRY: dict[tuple[type, type], Callable[..., Any]] = {}
_FOUND: dict[tuple[type, type], Callable[..., Any] | None] = {}  # for types asked for before


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """A decorator that registers a function `f(p, q)` for two types and their subclasses.

    The most special pair wins; where one is more special in p and another in q, there is a
    warning, and the one that is more special in p is taken.

    Raises:
        TypeError: not subclasses of `Distribution`.

    Example:
        >>> import chainrule as torch
        >>> D = torch.distributions
        >>> class Mine(D.Normal):
        ...     pass
        >>> @D.register_kl(Mine, Mine)
        ... def kl(p, q):
        ...     return torch.zeros(())
        >>> D.kl_divergence(Mine(0.0, 1.0), Mine(1.0, 1.0))
        tensor(0.)
    """
    for name, given in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(given, type) and issubclass(given, Distribution):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {given}")

    def decorator(function: Any) -> Any:
        _REGISTRY[type_p, type_q] = function
        _FOUND.clear()
        return function

    return decorator


def infinite_like(tensor: Tensor) -> Tensor:
    """inf in the shape of a tensor."""
    return torch.full_like(tensor, math.inf)


def _found(type_p: type, type_q: type) -> Callable[..., Any] | None:
    """The function of the nearest registered ancestors."""
    pairs = [(a, b) for a, b in _REGISTRY if issubclass(type_p, a) and issubclass(type_q, b)]
    if not pairs:
        return None
    near_p, near_q = type_p.__mro__.index, type_q.__mro__.index
    left = min(pairs, key=lambda pair: (near_p(pair[0]), near_q(pair[1])))
    right = min(pairs, key=lambda pair: (near_q(pair[1]), near_p(pair[0])))
    if _REGISTRY[left] is not _REGISTRY[right]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl("
            f"{left[0].__name__}, {right[1].__name__})",
            RuntimeWarning,
            stacklevel=4,
        )
    return _REGISTRY[left]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The Kullback-Leibler divergence KL(p || q): the mean under p of log p(x) - log q(x).

    Args:
        p, q: distributions of types for which it is registered, with batches that broadcast.

    Returns:
        a tensor of the batch's shape.

    Raises:
        NotImplementedError: nothing is registered for the two types.

    Example:
        >>> import chainrule as torch
        >>> D = torch.distributions
        >>> D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0))
        tensor(0.5000)
    """
    types = type(p), type(q)
    if types not in _FOUND:
        _FOUND[types] = _found(*types)
    function = _FOUND[types]
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {types[0].__name__} and q type "
            f"{types[1].__name__}"
        )
    return function(p, q)
