"""Orthogonal polynomials of `torch.special`, by degree and argument; PyTorch has no gradients of
them.

Called as `torch.special.legendre_polynomial_p(x, n)`: `x` and the degrees `n` broadcast, and one of
them may be a number. See `kernels/polynomials.py` for how they are computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.declare import TO_FLOAT, elementwise, spelled
from ...core.tensor import Tensor
from ...kernels.polynomials import POLYNOMIALS
from .arithmetic import as_first, need_one_shape

_WHAT = {
    "chebyshev_polynomial_t": "The Chebyshev polynomials of the first kind: cos(n arccos x).",
    "chebyshev_polynomial_u": "The Chebyshev polynomials of the second kind.",
    "chebyshev_polynomial_v": "The Chebyshev polynomials of the third kind.",
    "chebyshev_polynomial_w": "The Chebyshev polynomials of the fourth kind.",
    "shifted_chebyshev_polynomial_t": "T_n(2 x - 1), on the interval [0, 1].",
    "shifted_chebyshev_polynomial_u": "U_n(2 x - 1), on the interval [0, 1].",
    "shifted_chebyshev_polynomial_v": "V_n(2 x - 1), on the interval [0, 1].",
    "shifted_chebyshev_polynomial_w": "W_n(2 x - 1), on the interval [0, 1].",
    "hermite_polynomial_h": "The Hermite polynomials of physics.",
    "hermite_polynomial_he": "The Hermite polynomials of probability.",
    "laguerre_polynomial_l": "The Laguerre polynomials.",
    "legendre_polynomial_p": "The Legendre polynomials.",
}


def only_single(kernel: str) -> Any:
    """A `check`: float32 and float64 only, as PyTorch's kernels of rare functions."""

    def check(operands: tuple[Any, ...], given: tuple[Any, ...]) -> None:
        dtype = operands[0].dtype
        if dtype.name not in ("float32", "float64"):
            need_one_shape(operands, kernel)
            raise NotImplementedError(
                errors.hinted(
                    f"\"{kernel}\" not implemented for '{errors.LEGACY[dtype.name]}'",
                    hint="convert it with .float()",
                )
            )

    return check


def _declare(name: str) -> None:
    function = elementwise(
        name, POLYNOMIALS[name], a=None, b=None, promote=TO_FLOAT, names=(f"special.{name}",),
        method=False, has_inplace=False, check=only_single(f"{name}_cpu"),
    )  # fmt: skip
    prim, plain = function.prim, function

    def polynomial(x: Any, n: Any, *, out: Tensor | None = None) -> Any:
        if not isinstance(x, Tensor) and not isinstance(n, Tensor):
            raise TypeError(
                f"special_{name}() received an invalid combination of arguments - got "
                f"({errors.kind_name(x)}, {errors.kind_name(n)})\n"
                "Hint: one of the argument and the degree is a tensor"
            )
        if isinstance(x, Tensor) and isinstance(n, (Tensor, int, float)) and out is None:
            return plain(x, n)
        if not isinstance(n, (Tensor, int, float, np.generic)):
            raise errors.wrong_type(f"special_{name}", "n", 2, n)
        return prim.call(as_first(x, n), n, out=out)

    prim.doc = f"""{_WHAT[name]}

    Args:
        x: where, a tensor or a number.
        n: the degrees, a tensor or a number; broadcast against `input`.

    Example:
        >>> import chainrule as torch
        >>> torch.special.{name}(torch.tensor([1.0]), 0)
        tensor([1.])
    """
    polynomial.__name__ = polynomial.__qualname__ = name
    spelled(function)(polynomial)


for _name in POLYNOMIALS:
    _declare(_name)
