"""Calls of special functions, polynomials and counting ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sp
from ops.calls.sample import Sample, i64, on, positive, values

b23 = positive(2, 3, seed=1)
orders = i64([[1, 2, 3], [2, 1, 5]])  # integers: PyTorch has no derivative in these operands
x23, counts = values(2, 3), i64([[0, 3, 1], [7, 10, 2]])

BY_HAND: dict[str, list[Sample]] = {
    name: [on(orders, b23)(), on(orders[0], b23)()] for name in ("igamma", "igammac")
}
BY_HAND |= {
    "zeta": [on(orders + 1, b23)()],
    "mvlgamma": [on(values(2, 3, low=2.2, high=4.0))(1), on(values(2, 3, low=2.2, high=4.0))(4)],
    "zero": [on(x23)()],
    "histc": [on(x23)(3, -1.0, 1.5)],
    "histogramdd_counts": [
        on(x23.T, None)((np.linspace(-2, 2, 4), np.linspace(-1, 2, 3)), False),
        on(x23.T, positive(3))((np.linspace(-2, 2, 4), np.linspace(-1, 2, 3)), True),
    ],
    "bincount": [on(i64([1, 2, 1, 5]), None)(0), on(i64([1, 2]), None)(8)],
    "unravel_index": [on(counts)((3, 4)), on(counts)((11,))],
    "isin": [on(counts, i64([1, 7]))(False), on(x23, x23[0])(True)],
    "hash_tensor": [on(x23)((0, 1), False), on(counts)((1,), True)],
}
POLYNOMIALS = tuple(
    f"{start}chebyshev_polynomial_{kind}" for start in ("", "shifted_") for kind in "tuvw"
)
POLYNOMIALS += (
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
)
BY_HAND |= {name: [on(x23, counts.astype(float))(), on(x23, 4)()] for name in POLYNOMIALS}


def _angles(f: Any) -> Any:
    """A Chebyshev polynomial by angles, in complex numbers outside of the interval."""
    return lambda x, n: np.real(f(np.arccos(x + 0j), np.asarray(n)))


def _shifted(f: Any) -> Any:
    return lambda x, n: f(2 * x - 1, n)


_T = _angles(lambda a, n: np.cos(n * a))
_U = _angles(lambda a, n: np.sin((n + 1) * a) / np.sin(a))
_V = _angles(lambda a, n: np.cos((n + 0.5) * a) / np.cos(a / 2))
_W = _angles(lambda a, n: np.sin((n + 0.5) * a) / np.sin(a / 2))

REFERENCES: dict[str, Any] = {
    "chebyshev_polynomial_t": _T,
    "chebyshev_polynomial_u": _U,
    "chebyshev_polynomial_v": _V,
    "chebyshev_polynomial_w": _W,
    "shifted_chebyshev_polynomial_t": _shifted(_T),
    "shifted_chebyshev_polynomial_u": _shifted(_U),
    "shifted_chebyshev_polynomial_v": _shifted(_V),
    "shifted_chebyshev_polynomial_w": _shifted(_W),
    "hermite_polynomial_h": lambda x, n: sp.eval_hermite(np.int64(n), x),
    "hermite_polynomial_he": lambda x, n: sp.eval_hermitenorm(np.int64(n), x),
    "laguerre_polynomial_l": lambda x, n: sp.eval_laguerre(n, x),
    "legendre_polynomial_p": lambda x, n: sp.eval_legendre(n, x),
    "mvlgamma": lambda x, p: np.vectorize(lambda v: sp.multigammaln(v, p))(x),
    "spherical_bessel_j0": lambda x: sp.spherical_jn(0, x),
    "histc": lambda x, bins, low, high: np.histogram(x, bins, (low, high))[0],
    "isin": lambda a, b, invert: np.vectorize(lambda v: (v in b) != invert)(a),
}
