"""Gamma, Dirichlet and binomial draws, differentiable by implicit reparameterisation.

A draw is one op whose last operand is what was drawn; its rule moves the number along its quantile
(`kernels/gamma_draws.py` has both). `torch.distributions` is built on these. As in PyTorch, second
derivatives do not exist and say so."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.declare import TO_FLOAT, elementwise, general, public
from ...core.interpreter import drawn_from
from ...core.tensor import Tensor, wrap
from ...kernels import gamma_draws as kernels
from ..math.special import _underivable
from .random import _constant_in, _given_by, _scalar, _source

# ---------------------------------------------------------------- how draws move


elementwise(
    "standard_gamma_grad", kernels.gamma_grad,
    a=_underivable("_standard_gamma_grad"), b=_underivable("_standard_gamma_grad"),
    names=("_standard_gamma_grad",), method=False, has_inplace=False, numbers=False,
    domain=(0.3, 3.0), grad_fn="StandardGammaGradBackward0", promote=TO_FLOAT,
    doc="d b / d a of a gamma number b of shape a. Not differentiable, as in PyTorch. Needs SciPy.",
)  # fmt: skip
_dirichlet_grad = general(
    "dirichlet_grad", kernels.beta_grad, ("x", "alpha", "total"),
    rules={n: _underivable("_dirichlet_grad") for n in ("x", "alpha", "total")},
    broadcasts=True, method=False, names=("_dirichlet_grad",), grad_fn="NotImplemented",
    doc="(d x / d alpha) / (1 - x) of a beta number x with parameters alpha and total - alpha. Not "
    "differentiable, as in PyTorch. Needs SciPy.",
)  # fmt: skip
_dirichlet_grad.prim.kind = "elementwise"


def _kept(alpha: Any, drawn: Any) -> Any:
    shape = np.broadcast_shapes(np.shape(alpha), np.shape(drawn))
    return drawn.copy() if shape == drawn.shape else np.broadcast_to(drawn, shape).copy()


def _dirichlet_rule(xp: Any, g: Any, alpha: Any, drawn: Any) -> Any:
    """Component i grows at the cost of the others, in proportion."""
    total = xp.sum(alpha, (alpha.ndim - 1,), True)
    speed = xp.dirichlet_grad(drawn, alpha, total)
    return speed * (g - xp.sum(drawn * g, (g.ndim - 1,), True))


_gamma_of = elementwise(
    "standard_gamma_of", _kept,
    a=lambda xp, g, a, out: g * xp.standard_gamma_grad(a, out), b=lambda xp, g: g,
    method=False, has_inplace=False, numbers=False, domain=(0.3, 3.0),
    names=("_standard_gamma_of",), grad_fn="StandardGammaBackward0",
    doc="Gamma numbers b that were drawn with shapes a; they move with a along their quantiles.",
)  # fmt: skip
_dirichlet_of = general(
    "dirichlet_of", _kept, ("alpha", "drawn"),
    rules={"alpha": _dirichlet_rule, "drawn": lambda xp, g: g},
    method=False, names=("_dirichlet_of",), grad_fn="_DirichletBackward",
    doc="Dirichlet numbers that were drawn with parameters alpha, along the last dimension.",
)  # fmt: skip
_binomial_of = _constant_in("binomial_of", "NotImplemented", "count", "prob")

# ---------------------------------------------------------------- draws


def _checked(op: str, kernel: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op, "input", 1, input)
    if not input.is_floating_point():
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for '{errors.LEGACY[input.dtype.name]}'\n"
            "Hint: give the parameters as floating point numbers"
        )
    return input


@public("_standard_gamma")
def _standard_gamma(input: Tensor, generator: Any = None) -> Tensor:
    """Gamma numbers of rate 1 with the shapes in `input`; differentiable in them.

    Args:
        input: shapes (concentrations), positive floats of any shape.
        generator: where the numbers come from; the default generator.

    Example:
        >>> import chainrule as torch
        >>> _ = torch.manual_seed(0)
        >>> torch._standard_gamma(torch.tensor([0.5, 2.0])).shape
        torch.Size([2])
    """
    alpha, source = _checked("_standard_gamma", "gamma_cpu", input), _source(generator)

    def make(a: Tensor) -> Tensor:
        with source._lock:
            return wrap(_scalar(kernels.standard_gamma(source._engine, np.asarray(a._data))))

    return _given_by(_gamma_of, drawn_from(make, alpha), alpha)


@public("_sample_dirichlet")
def _sample_dirichlet(input: Tensor, generator: Any = None) -> Tensor:
    """Dirichlet numbers along the last dimension; differentiable in the concentrations `input`.

    Example:
        >>> import chainrule as torch
        >>> torch._sample_dirichlet(torch.ones(2, 3)).sum(-1).round(decimals=4)
        tensor([1., 1.])
    """
    alpha, source = _checked("_sample_dirichlet", "dirichlet", input), _source(generator)

    def make(a: Tensor) -> Tensor:
        with source._lock:
            return wrap(kernels.dirichlet(source._engine, np.asarray(a._data)))

    return _given_by(_dirichlet_of, drawn_from(make, alpha), alpha)


@public("binomial")
def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """Numbers of successes in `count` trials of probability `prob` each.

    Args:
        count: numbers of trials, floating point.
        prob: probabilities of the same dtype, broadcast with `count`.

    Raises:
        ValueError: the counts are not floating point.
        RuntimeError: the dtypes differ.

    Example:
        >>> import chainrule as torch
        >>> torch.binomial(torch.tensor([10.0, 4.0]), torch.tensor([1.0, 0.0]))
        tensor([10.,  0.])
    """
    for place, (name, value) in enumerate((("count", count), ("prob", prob)), 1):
        if not isinstance(value, Tensor):
            raise errors.wrong_type("binomial", name, place, value)
        if not value.is_floating_point():
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: "
                f"{errors.LEGACY[value.dtype.name]}"
            )
    if count.dtype is not prob.dtype:
        names = [errors.LEGACY[t.dtype.name] for t in (prob, count)]
        raise RuntimeError(f"Found dtype {names[0]} but expected {names[1]}")
    source = _source(generator)

    def make(n: Tensor, p: Tensor) -> Tensor:
        pair = np.broadcast_arrays(np.asarray(n._data), np.asarray(p._data))
        with source._lock:
            return wrap(_scalar(kernels.binomial(source._engine, *pair)))

    return _given_by(_binomial_of, drawn_from(make, count, prob), count, prob)
