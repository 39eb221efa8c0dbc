"""Kernels of orthogonal polynomials: three-term recurrences run once for all degrees.

Each function takes arrays (or NumPy scalars) `x` and degrees `n`, which broadcast; a degree is cut
to an integer, and a polynomial of negative degree is 0. The values at the ends of the interval are
exact, and Chebyshev polynomials of high degree inside it are cosines. Called through
`ops/math/polynomials.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .blocks import number
from .compiled import compiled_as

__all__ = ["POLYNOMIALS"]

Array = Any
_TOO_LARGE = 2.0**63


def _recurrence(
    x: Array, n: Array, first: Array, step: Callable[[int, Array, Array], Array]
) -> Array:
    """P_n where P_0 = 1, P_1 = `first` and P_(k+1) = `step(k, P_k, P_(k-1))`; 0 below degree 0."""
    dtype = n.dtype
    result = np.asarray((n == number(0, dtype)).astype(first.dtype))
    before, now = number(1, first.dtype), first
    last = highest(n)
    for k in range(1, last + 1):
        if k > 1:
            before, now = now, step(k - 1, now, before)
        if not k % 32 and not (now == now).any():  # all that follow are NaN as well
            result[n >= k] = np.nan
            break
        np.copyto(result, now, where=n == number(k, dtype))
    return result


def highest(n: Array) -> int:
    """The highest degree, at least 0."""
    return max(int(n.item(n.argmax())), 0) if n.size else 0


def _operands(x: Any, n: Any) -> tuple[Array, Array]:
    """Arrays of one shape, the degrees without fraction; what no integer can hold is below 0."""
    if type(x) is not np.ndarray or type(n) is not np.ndarray:
        x, n = np.asarray(x, getattr(x, "dtype", None) or n.dtype), np.asarray(n)
    if n.dtype.kind != "i":
        n = np.asarray(np.trunc(n))
        if n.size and not n.item(n.argmax()) < _TOO_LARGE:  # argmax finds NaN
            n = np.where(n < _TOO_LARGE, n, -1)
    if x.shape != n.shape:
        x, n = np.broadcast_arrays(x, n)
    return x, n


def _sign(n: Array) -> Array:
    """1 for even degrees, -1 for odd ones."""
    return 1 - 2 * (n & 1)


def _less(a: Array, b: Array) -> Array:
    """a - b, in the memory of `a`, which is fresh."""
    return np.subtract(a, b, a) if type(a) is np.ndarray else a - b


def _chebyshev(
    first: Callable[[Array, Array, Array], Array],
    right: Callable[[Array], Array],
    left: Callable[[Array], Array],
    trigonometric: Callable[[Array, Array], Array],
    enough: int,
    shifted: bool,
) -> Callable[..., Array]:
    """A family with P_(k+1) = 2 x P_k - P_(k-1).

    Args:
        first: P_1 at (x, 2 x, 1).
        right, left: the values at the ends 1 and -1 of the interval, by degree.
        trigonometric: the closed form at (n, arccos x) inside, for degrees above `enough`.
        shifted: the interval is [0, 1].
    """

    def inside(x: Array, n: Array) -> Array:
        one = number(1, x.dtype)
        t = x + x - one if shifted else x
        twice = t + t
        return _recurrence(t, n, first(t, twice, one), lambda k, p, q: _less(twice * p, q))

    def kernel(x: Any, n: Any) -> Array:
        x, n = _operands(x, n)
        if highest(n) <= enough:  # exact at the ends as well
            return inside(x, n)[()]
        n = n.astype(np.int64)
        ends = (x == 1, x == 0 if shifted else x == -1)
        t = 2 * x - 1 if shifted else x
        angle = np.arccos(np.where(np.abs(t) < 1, t, 0))
        closed = np.where(ends[0], right(n), np.where(ends[1], left(n), trigonometric(n, angle)))
        direct = (ends[0] | ends[1] | ((n > enough) & (np.abs(t) < 1))) & (n > 0)
        degrees = np.where(direct, 0, n)
        result = inside(x, degrees)
        return np.where(direct, closed, result).astype(x.dtype)[()]

    return kernel


_T = (
    lambda x, twice, one: x, lambda n: 1, _sign, lambda n, a: np.cos(n * a), 6,
)  # fmt: skip
_U = (
    lambda x, twice, one: twice, lambda n: n + 1, lambda n: _sign(n) * (n + 1),
    lambda n, a: np.sin((n + 1) * a) / np.sin(a), 8,
)  # fmt: skip
_V = (
    lambda x, twice, one: twice - one, lambda n: 1, lambda n: _sign(n) * (2 * n + 1),
    lambda n, a: np.cos((n + 0.5) * a) / np.cos(a / 2), 8,
)  # fmt: skip
_W = (
    lambda x, twice, one: twice + one, lambda n: 2 * n + 1, _sign,
    lambda n, a: np.sin((n + 0.5) * a) / np.sin(a / 2), 8,
)  # fmt: skip


def _hermite(scale: int) -> Callable[..., Array]:
    """P_(k+1) = s (x P_k - k P_(k-1)): of the physicists (s = 2), of the probabilists (s = 1)."""

    def doubled(v: Array) -> Array:
        return v + v if scale == 2 else v

    def kernel(x: Any, n: Any) -> Array:
        x, n = _operands(x, n)
        limit = 128 if x.dtype.itemsize == 4 else 512
        far = n > limit if highest(n) > limit else None
        made = _recurrence(
            x,
            n if far is None else np.where(far, 0, n),
            doubled(x),
            lambda k, p, q: doubled(_less(x * p, number(k, x.dtype) * q)),
        )
        if far is None:
            return made[()]
        return np.where(far, x.dtype.type(np.nan), made)[()]

    return kernel


def _laguerre(x: Any, n: Any) -> Array:
    x, n = _operands(x, n)
    c = partial(number, dtype=x.dtype)
    return _recurrence(
        x, n, c(1) - x,
        lambda k, p, q: _less((c(2 * k + 1) - x) * p, c(k) * q) / c(k + 1),
    )[()]  # fmt: skip


def _legendre(x: Any, n: Any) -> Array:
    x, n = _operands(x, n)
    c = partial(number, dtype=x.dtype)
    made = _recurrence(x, n, x, lambda k, p, q: _less(c(2 * k + 1) * x * p, c(k) * q) / c(k + 1))
    return made[()]


def _named(name: str, kernel: Callable[..., Array]) -> Callable[..., Array]:
    """`kernel` under its name in `torch.special`, before it the compiled one."""
    return compiled_as(f"polynomials.{name}", kernel)


chebyshev_polynomial_t = _named("chebyshev_polynomial_t", _chebyshev(*_T, shifted=False))
chebyshev_polynomial_u = _named("chebyshev_polynomial_u", _chebyshev(*_U, shifted=False))
chebyshev_polynomial_v = _named("chebyshev_polynomial_v", _chebyshev(*_V, shifted=False))
chebyshev_polynomial_w = _named("chebyshev_polynomial_w", _chebyshev(*_W, shifted=False))
shifted_chebyshev_polynomial_t = _named(
    "shifted_chebyshev_polynomial_t", _chebyshev(*_T, shifted=True)
)
shifted_chebyshev_polynomial_u = _named(
    "shifted_chebyshev_polynomial_u", _chebyshev(*_U, shifted=True)
)
shifted_chebyshev_polynomial_v = _named(
    "shifted_chebyshev_polynomial_v", _chebyshev(*_V, shifted=True)
)
shifted_chebyshev_polynomial_w = _named(
    "shifted_chebyshev_polynomial_w", _chebyshev(*_W, shifted=True)
)
hermite_polynomial_h = _named("hermite_polynomial_h", _hermite(2))
hermite_polynomial_he = _named("hermite_polynomial_he", _hermite(1))
laguerre_polynomial_l = _named("laguerre_polynomial_l", _laguerre)
legendre_polynomial_p = _named("legendre_polynomial_p", _legendre)

POLYNOMIALS: dict[str, Callable[..., Array]] = {
    "chebyshev_polynomial_t": chebyshev_polynomial_t,
    "chebyshev_polynomial_u": chebyshev_polynomial_u,
    "chebyshev_polynomial_v": chebyshev_polynomial_v,
    "chebyshev_polynomial_w": chebyshev_polynomial_w,
    "shifted_chebyshev_polynomial_t": shifted_chebyshev_polynomial_t,
    "shifted_chebyshev_polynomial_u": shifted_chebyshev_polynomial_u,
    "shifted_chebyshev_polynomial_v": shifted_chebyshev_polynomial_v,
    "shifted_chebyshev_polynomial_w": shifted_chebyshev_polynomial_w,
    "hermite_polynomial_h": hermite_polynomial_h,
    "hermite_polynomial_he": hermite_polynomial_he,
    "laguerre_polynomial_l": laguerre_polynomial_l,
    "legendre_polynomial_p": legendre_polynomial_p,
}
