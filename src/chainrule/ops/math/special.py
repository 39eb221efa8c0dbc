"""Special functions of `torch.special` that SciPy computes, loaded when one is called (of float32
the compiled kernels, where there are any).

Gamma functions, Bessel functions, the normal distribution. They have gradients where PyTorch has
them, by rules that name each other (i0/i1, ndtri, zeta); the others are constants to autograd.
The common special functions (erf, lgamma, digamma, sinc, ...) are in `ops/math/elementwise.py`,
polynomials in `ops/math/polynomials.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import METHODS, POSITIVE, TO_FLOAT, elementwise, public, renamed, spelled
from ...core.primitive import PUBLIC
from ...core.tensor import Tensor
from ...kernels import tables
from ...kernels.tables import lgamma
from .arithmetic import as_operand, unsupported
from .elementwise import half_too
from .polynomials import only_single

# ---------------------------------------------------------------- modified Bessel functions


def _i1_rule(xp: Any, g: Any, x: Any, out: Any) -> Any:
    away = x != 0
    safe = xp.where(away, x, 1.0)
    return g * xp.where(away, xp.i0(safe) - out / safe, 0.5)


def _i1e_rule(xp: Any, g: Any, x: Any, out: Any) -> Any:
    away = x != 0
    safe = xp.where(away, x, 1.0)
    return g * xp.where(away, xp.i0e(safe) - out * xp.sgn(safe) - out / safe, 0.5)


_BESSEL: dict[str, tuple[str, str, Any, str]] = {
    "i0": ("i0_vml_cpu", "I0Backward0", lambda xp, g, x: g * xp.i1(x),
           "The modified Bessel function I_0; d = I_1(x) dx."),
    "i0e": ("i0e_cpu", "SpecialI0EBackward0",
            lambda xp, g, x, out: g * (xp.i1e(x) - xp.sgn(x) * out), "I_0(x) e^-|x|."),
    "i1": ("i1_cpu", "SpecialI1Backward0", _i1_rule,
           "The modified Bessel function I_1; d = (I_0(x) - I_1(x)/x) dx."),
    "i1e": ("i1e_cpu", "SpecialI1EBackward0", _i1e_rule, "I_1(x) e^-|x|."),
}  # fmt: skip


for _name, (_title, _node, _rule, _doc) in _BESSEL.items():
    _common = _name == "i0"
    elementwise(
        _name, half_too(getattr(tables, _name)), _rule, promote=TO_FLOAT,
        names=("i0", "special.i0") if _common else (f"special.{_name}",), method=_common,
        has_inplace=_common, grad_fn=_node, check=unsupported(_title, "c"),
        doc=f"{_doc} Needs SciPy.",
    )  # fmt: skip

# ---------------------------------------------------------------- the normal distribution

elementwise(
    "ndtri", tables.ndtri,
    lambda xp, g, out: g * (math.sqrt(2 * math.pi) * xp.exp(out * out * 0.5)),
    promote=TO_FLOAT, domain=(0.05, 0.95), names=("special.ndtri",), method=False,
    has_inplace=False, grad_fn="SpecialNdtriBackward0", check=only_single("ndtri_cpu"),
    doc="The inverse of ndtr: the quantile of the normal distribution; d = sqrt(2 pi) e^(y^2/2) "
    "dx. Needs SciPy.",
)  # fmt: skip
elementwise(
    "log_ndtr", tables.log_ndtr,
    lambda xp, g, x: g / xp.erfcx(x * -math.sqrt(0.5)) * math.sqrt(2 / math.pi),
    promote=TO_FLOAT, names=("special.log_ndtr",), method=False, has_inplace=False,
    grad_fn="SpecialLogNdtrBackward0", check=only_single("log_ndtr_cpu"),
    doc="log ndtr(x), accurate far to the left; d = the density over ndtr(x) dx. Needs SciPy.",
)  # fmt: skip
elementwise(
    "erfcx", tables.erfcx,
    lambda xp, g, x, out: g * (2 * x * out - 2 / math.sqrt(math.pi)),
    promote=TO_FLOAT, names=("special.erfcx",), method=False, has_inplace=False,
    grad_fn="SpecialErfcxBackward0", check=only_single("erfcx_cpu"),
    doc="e^(x^2) erfc x; d = (2 x erfcx x - 2/sqrt(pi)) dx. Needs SciPy.",
)  # fmt: skip

# ---------------------------------------------------------------- gamma functions


def _underivable(what: str) -> Any:
    """The rule of an operand in which PyTorch has no derivative."""

    def rule(xp: Any, g: Any) -> Any:
        if isinstance(g, (np.ndarray, np.generic, Tensor)):
            raise NotImplementedError(f"the derivative for '{what}' is not implemented.")
        return g * math.nan  # a symbol: the formula says that there is none

    return rule


def _density(xp: Any, a: Any, b: Any) -> Any:
    """The density of the gamma distribution at b."""
    return xp.exp((a - 1) * xp.log(b) - b - xp.lgamma(a))


elementwise(
    "igamma", half_too(tables.igamma),
    a=_underivable("igamma: input"), b=lambda xp, g, a, b: g * _density(xp, a, b),
    numbers=False, domain=POSITIVE, names=("igamma", "special.gammainc"),
    check=unsupported("igamma_cpu", "buic"),
    doc="The lower incomplete gamma function of order a at b, over gamma(a); d = the gamma density "
    "db. Needs SciPy.",
)  # fmt: skip
elementwise(
    "igammac", half_too(tables.igammac),
    a=_underivable("igammac: input"), b=lambda xp, g, a, b: -g * _density(xp, a, b),
    numbers=False, domain=POSITIVE, names=("igammac", "special.gammaincc"),
    check=unsupported("igammac_cpu", "buic"),
    doc="1 - igamma(a, b), accurate where that is near 1. Needs SciPy.",
)  # fmt: skip


_zeta = elementwise(
    "zeta", tables.zeta,
    a=_underivable("zeta"), b=lambda xp, g, a, b: -g * a * xp.zeta(a + 1, b),
    promote=TO_FLOAT, domain=(1.2, 3.0), numbers=False, names=("special.zeta",), method=False,
    has_inplace=False, grad_fn="SpecialZetaBackward0", check=only_single("zeta_cpu"),
    doc="The zeta function of Hurwitz: the sum of (b + k)^-a over k = 0, 1, ...; "
    "d = -a zeta(a + 1, b) db. Needs SciPy.",
)  # fmt: skip


@spelled(_zeta)
def zeta(input: Any, other: Any, *, out: Any = None) -> Any:
    if out is None and type(input) is Tensor and type(other) is Tensor:
        return _zeta(input, other)
    numbers = [isinstance(v, (int, float, complex, np.generic)) for v in (input, other)]
    if all(numbers):
        kinds = f"({errors.kind_name(input)}, {errors.kind_name(other)})"
        raise TypeError(
            f"special_zeta() received an invalid combination of arguments - got {kinds}\n"
            "Hint: one of the two is a tensor"
        )
    if numbers[0] and isinstance(other, Tensor):
        input = as_operand(input, other)
    elif numbers[1] and isinstance(input, Tensor):
        other = as_operand(other, input)
    return _zeta.prim.call(input, other, out=out)


def _multigammaln(x: Any, p: int) -> Any:
    total = x.dtype.type(p * (p - 1) / 4 * math.log(math.pi))
    for j in range(p):
        total = total + lgamma(x - j / 2)
    return total.astype(x.dtype)  # a table of lgamma may have widened it


def _multigammaln_rule(xp: Any, g: Any, x: Any, p: int) -> Any:
    total = xp.digamma(x)
    for j in range(1, p):
        total = total + xp.digamma(x - j / 2)
    return g * total


_mvlgamma = elementwise(
    "mvlgamma", _multigammaln, _multigammaln_rule,
    promote=TO_FLOAT, domain=(2.2, 4.0), check=unsupported("arange_cpu", "c"),
    doc="The logarithm of the gamma function of p dimensions; d = the sum of digamma(x - j/2). "
    "Needs SciPy.",
)  # fmt: skip


@public("mvlgamma", "special.multigammaln", method=True)
def mvlgamma(input: Any, p: int, *, out: Any = None) -> Any:
    """The logarithm of the multivariate gamma function of dimension `p`; needs SciPy.

    Args:
        input: a tensor; elements above (p - 1) / 2.
        p: the dimension, 1 or more.

    Raises:
        RuntimeError: p is below 1.

    Example:
        >>> import chainrule as torch
        >>> torch.mvlgamma(torch.tensor([3.0]), 2)
        tensor([1.5502])
    """
    errors.need_int("mvlgamma", p=p)
    if isinstance(input, Tensor) and input._data.dtype.kind == "b":
        raise RuntimeError("The input tensor may not be a boolean tensor.")
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    return _mvlgamma.prim.call(input, params=(p,), out=out)


METHODS["mvlgamma"] = mvlgamma

# ---------------------------------------------------------------- without gradients

_CONSTANT = {
    "bessel_j0": ("j0", "The Bessel function of the first kind of order 0."),
    "bessel_j1": ("j1", "The Bessel function of the first kind of order 1."),
    "bessel_y0": ("y0", "The Bessel function of the second kind of order 0."),
    "bessel_y1": ("y1", "The Bessel function of the second kind of order 1."),
    "modified_bessel_i0": ("i0", "The modified Bessel function of the first kind of order 0."),
    "modified_bessel_i1": ("i1", "The modified Bessel function of the first kind of order 1."),
    "modified_bessel_k0": ("k0", "The modified Bessel function of the second kind of order 0."),
    "modified_bessel_k1": ("k1", "The modified Bessel function of the second kind of order 1."),
    "scaled_modified_bessel_k0": ("k0e", "e^x times `modified_bessel_k0`."),
    "scaled_modified_bessel_k1": ("k1e", "e^x times `modified_bessel_k1`."),
}


def _constant(name: str, kernel: Any, doc: str, domain: Any = POSITIVE) -> None:
    elementwise(
        name, kernel, None, promote=TO_FLOAT, domain=domain, names=(f"special.{name}",),
        method=False, has_inplace=False, check=only_single(f"{name}_cpu"), doc=doc,
    )  # fmt: skip


for _name, (_scipy, _doc) in _CONSTANT.items():
    _kernel = getattr(tables, _name, None) or tables.modified(f"special.{_name}", _scipy)
    _constant(_name, _kernel, f"{_doc} PyTorch has no gradient of it. Needs SciPy.")


_constant(
    "airy_ai", tables.airy_ai,
    "The Airy function Ai. Needs SciPy.", (-3.0, 3.0),
)  # fmt: skip
_constant(
    "spherical_bessel_j0",
    tables.spherical_bessel_j0,
    "The spherical Bessel function of order 0: sin x / x.",
)
for (
    _name
) in "airy_ai spherical_bessel_j0 scaled_modified_bessel_k0 scaled_modified_bessel_k1".split():
    PUBLIC[f"special.{_name}"] = renamed(PUBLIC[f"special.{_name}"], input="x")
