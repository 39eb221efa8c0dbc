"""Distances between vectors, covariances, and what is composed of norms and products of that
kind."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.declare import METHODS, general, guarded, linear, public
from ...core.interpreter import composing
from ...core.lanes import bare, one_lane
from ...core.primitive import F32, F64
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import distance as kernels
from ...kernels.linalg import matmul as product
from ...kernels.linalg import shortened
from ..reduce.sums import plain
from ..reduce.vector_norm import vector_norm
from .einsum import einsum
from .products import matmul, need


@public("dist", method=True)
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other.

    Args:
        input, other: tensors that broadcast.
        p: a number or inf.

    Returns:
        A 0-d tensor; where it is 0, so is its gradient.

    Example:
        >>> import chainrule as torch
        >>> torch.dist(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 6.0]))
        tensor(5.)
    """
    need("dist", input, other)
    return vector_norm(OPS.sub(input, other), float(p))


def _euclidean_rule(xp: Any, g: Any, a: Any, b: Any, out: Any) -> Any:
    if plain(xp, out):
        return kernels.euclidean_back(g, a, b, out)
    apart = out > 0
    pull = xp.where(apart, g / xp.where(apart, out, 1.0), 0.0)  # at distance 0: nothing
    last = len(out.shape) - 1
    back = xp.transpose(pull, last - 1, last)
    ga = a * xp.sum(pull, (last,), True) - xp.matmul(pull, b)
    return ga, b * xp.sum(back, (last,), True) - xp.matmul(back, a)


_euclidean = general(
    "euclidean_dist",
    kernels.euclidean,
    ("a", "b"),
    vjp=_euclidean_rule,
    method=False,
    names=("_euclidean_dist",),
    grad_fn="CdistBackward0",
    doc="Euclidean distances of all rows of a from all rows of b.",
)


def _at_once(a: Tensor, b: Tensor, mode: str) -> bool:
    """Whether one op does it: always but where a product of matrices, which many rows are worth,
    was ruled out."""
    x, y = a._data, b._data
    if x.dtype is not y.dtype or not (x.dtype is F32 or x.dtype is F64):
        return False
    if x.shape[:-2] != y.shape[:-2] or not x.size or not y.size:
        return False
    return mode != "donot_use_mm_for_euclid_dist" or kernels.few_rows(x, y)


def _need_floats(op: str, **operands: Tensor) -> None:
    for name, t in operands.items():
        if t._data.dtype.kind not in "fV":
            got = f", {name} got: {errors.LEGACY[t.dtype.name]}" if len(operands) > 1 else ""
            raise RuntimeError(f"{op} only supports floating-point dtypes{got}")


_MODES = ["use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
          "donot_use_mm_for_euclid_dist"]  # fmt: skip


@public("cdist")
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norm distance of every row of x1 from every row of x2.

    Args:
        x1: shape (*, n, k).
        x2: shape (*, m, k).
        p: not negative.

    Returns:
        Shape (*, n, m).

    Raises:
        RuntimeError: rows of different length, fewer than two dimensions, negative `p`.

    Example:
        >>> import chainrule as torch
        >>> torch.cdist(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [1.0, 0.0]]))
        tensor([[5., 1.]])
    """
    if p == 2 and type(x1) is Tensor and type(x2) is Tensor and compute_mode == _MODES[0]:
        shape, other = x1._data.shape, x2._data.shape  # the usual case
        fits = len(shape) == len(other) > 1 and shape[-1] == other[-1]
        if fits and _at_once(x1, x2, compute_mode) and not composing():
            return _euclidean.prim.call(x1, x2)
    need("cdist", x1, x2, names=("x1", "x2"))
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for name, t in (("X1", x1), ("X2", x2)):
        if t._data.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {t._data.ndim}D"
            )
    _need_floats("cdist", X1=x1, X2=x2)
    errors.need_same_dtype(x1, x2)
    k, m = x1._data.shape[-1], x2._data.shape[-1]
    if k != m:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {k} X2: {m}")
    if not p >= 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if p == 2 and not composing() and _at_once(x1, x2, compute_mode):
        return _euclidean.prim.call(x1, x2)
    a, b = OPS.unsqueeze(x1, -2), OPS.unsqueeze(x2, -3)
    return vector_norm(OPS.sub(a, b), float(p), -1)


_pair_differences = linear(
    "pair_differences",
    kernels.pair_differences,
    lambda xp, g, x_shape: xp.pair_totals(g, x_shape[0]),
    method=False,
    names=("_pair_differences",),
    grad_fn="SubBackward0",
    doc="The differences of all pairs of rows.",
)
linear(
    "pair_totals",
    kernels.pair_totals,
    lambda xp, g: xp.pair_differences(g),
    method=False,
    names=("_pair_totals",),
    grad_fn="IndexAddBackward0",
    doc="The transpose of pair_differences.",
)
_differences = one_lane(_pair_differences.prim)


def _pdist_rule(xp: Any, g: Any, x: Any, out: Any, x_shape: Any) -> Any:
    if plain(xp, x):
        return kernels.pairs_apart_back(g, x, out)
    apart = out > 0
    pull = xp.where(apart, g / xp.where(apart, out, 1.0), 0.0)  # at distance 0: nothing
    pulled = xp.reshape(pull, (*out.shape, 1)) * xp.pair_differences(x)
    return xp.pair_totals(pulled, x_shape[0])


_pdist_lane = one_lane(general(
    "pdist_euclidean", kernels.pairs_apart, ("x",), rules={"x": _pdist_rule},
    grad_fn="PdistBackward0", method=False, names=("_pdist_euclidean",),
    doc="Euclidean distances of all pairs of rows.",
).prim)  # fmt: skip


@public("pdist", "nn.functional.pdist")
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows, as a vector: (0, 1), (0, 2), ..., (1, 2), ...

    Example:
        >>> import chainrule as torch
        >>> torch.pdist(torch.tensor([[0.0], [1.0], [3.0]]))
        tensor([1., 3., 2.])
    """
    usual = p == 2 and type(input) is Tensor and S.mode is None and input._data.ndim == 2
    if usual and (input._data.dtype is F32 or input._data.dtype is F64):
        return _pdist_lane(input, ())
    need("pdist", input)
    if input._data.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input._data.ndim}D")
    if not p >= 0:
        raise RuntimeError("pdist only supports non-negative p values")
    _need_floats("pdist", input=input)
    if input._data.dtype.char not in "fd":
        name = errors.LEGACY[input.dtype.name]
        raise NotImplementedError(f"\"pdist\" not implemented for '{name}'")
    if p == 2:
        return _pdist_lane(input, ())
    return vector_norm(_differences(input, ()), float(p), -1)


@public("renorm", method=True)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Every slice along `dim` whose p-norm exceeds `maxnorm` scaled down to it.

    Raises:
        RuntimeError: fewer than two dimensions, `p` not positive, `maxnorm` negative.

    Example:
        >>> import chainrule as torch
        >>> torch.renorm(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), 2, 0, 2.5)
        tensor([[1.5000, 2.0000],
                [0.0000, 1.0000]])
    """
    need("renorm", input)
    if not p > 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if not maxnorm >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    n = input._data.ndim
    if n < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {n} dimensions")
    at = errors.checked_dim(dim, n)
    if input.dtype.name in ("float16", "bfloat16"):  # in float32, rounded at the end
        return renorm(input.float(), p, dim, maxnorm).to(input.dtype)
    if p == 2 and bare(input) and type(maxnorm) in (int, float):
        return wrap(shortened(input._data, at, maxnorm))
    norms = vector_norm(input, float(p), tuple(i for i in range(n) if i != at), True)
    factor = OPS.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return input * factor


def _renorm_(self: Any, p: float, dim: int, maxnorm: float) -> Tensor:
    """`renorm` in place."""
    return self.copy_(renorm(OPS.clone(self), p, dim, maxnorm))


METHODS["renorm_"] = guarded(_renorm_)


# ---------------------------------------------------------------- covariance


@public("cov", method=True)
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Any = None,
    aweights: Any = None,
) -> Tensor:
    """The covariances of variables (rows) over observations (columns).

    Args:
        input: shape (variables, observations), or a vector of one variable.
        correction: subtracted from the number of observations.
        fweights: how often every observation counts (integers).
        aweights: how much every observation weighs.

    Returns:
        Shape (variables, variables); 0-d for one variable.

    Raises:
        RuntimeError: more than two dimensions, weights that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.cov(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    need("cov", input)
    if input._data.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input._data.ndim} dimensions"
        )
    if input.dtype is dtypes.bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    if type(correction) is not int:
        errors.need_int("cov", correction=correction)
    rows = input if input._data.ndim == 2 else OPS.reshape(input, (1, input._data.size))
    n = rows._data.shape[1]
    _check_weights(n, fweights, aweights)
    weights = (
        fweights if aweights is None else aweights if fweights is None else fweights * aweights
    )
    total: Any = n if weights is None else weights.sum()
    if weights is not None and n and float(total.item()) == 0:
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    counted: Any = rows if weights is None else rows * weights
    mean = counted.sum(1, keepdim=True) / total
    norm = _normaliser(total, weights, fweights, aweights, correction)
    centred = rows - mean
    other = centred if weights is None else centred * weights
    made = matmul(centred, OPS.conj(OPS.transpose(other, 0, 1))) / norm
    return OPS.squeeze(made)


def _normaliser(total: Any, weights: Any, fweights: Any, aweights: Any, correction: int) -> Any:
    if weights is None or aweights is None or correction == 0:
        left = total - correction
    else:
        squares = (
            (weights * aweights).sum() if fweights is not None else (aweights * aweights).sum()
        )
        left = total - correction * squares / total
    number = left if isinstance(left, (int, float)) else float(left.item())
    if number <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than "
            "the number of observations.",
            UserWarning,
            stacklevel=4,
        )
        return 0 if isinstance(left, (int, float)) else left * 0
    return left


def _check_weights(n: int, fweights: Tensor | None, aweights: Tensor | None) -> None:
    for name, w, kinds, what in (
        ("fweights", fweights, "iu", "integral"),
        ("aweights", aweights, "f", "floating point"),
    ):
        if w is None:
            continue
        if w._data.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                f"{w._data.ndim} dimensions"
            )
        if w._data.dtype.kind not in kinds:
            raise RuntimeError(
                f"cov(): expected {name} to have {what} dtype but got {name} with "
                f"{errors.LEGACY[w.dtype.name]} dtype"
            )
        if w._data.size != n:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the "
                f"input but got {w._data.size} != {n}"
            )
        if n and (w._data < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")


@public("corrcoef", method=True)
def corrcoef(input: Tensor) -> Tensor:
    """The correlations of variables (rows) over observations (columns).

    Example:
        >>> import chainrule as torch
        >>> torch.corrcoef(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    need("corrcoef", input)
    if input._data.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input._data.ndim} dimensions"
        )
    c = cov(input)
    if not c._data.ndim:
        return c / c
    if bare(c):
        root = np.sqrt(c._data.diagonal())
        return wrap((c._data / root[:, None] / root).clip(-1, 1))
    d = OPS.diagonal(c, 0, 0, 1)
    scale = OPS.sqrt(OPS.real(d) if c.is_complex() else d)
    made = c / OPS.reshape(scale, (-1, 1)) / scale
    return made if c.is_complex() else OPS.clamp(made, -1, 1)


# ---------------------------------------------------------------- bilinear layers


def _bilinear(a: Any, b: Any, w: Any) -> Any:
    """a w[o] b for every o, of arrays."""
    o, n, m = w.shape
    part = product(b.reshape(-1, m), w.reshape(-1, m).T)  # (rows, o n)
    made = product(part.reshape(-1, o, n), a.reshape(-1, n, 1))
    return made.reshape(*a.shape[:-1], o)


@public("nn.functional.bilinear")
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A bilinear layer: input1 W[o] input2 + bias[o] for every output o.

    Args:
        input1: shape (*, n).
        input2: shape (*, m).
        weight: shape (o, n, m).
        bias: shape (o,).

    Returns:
        Shape (*, o).

    Raises:
        RuntimeError: sizes that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.bilinear(torch.ones(2), torch.ones(3), torch.ones(1, 2, 3))
        tensor([6.])
    """
    need("bilinear", input1, input2, weight, names=("input1", "input2", "weight"))
    a, b, w = input1._data.shape, input2._data.shape, weight._data.shape
    if not input1.dtype is input2.dtype is weight.dtype:
        names = [errors.CPP[t.dtype.name] for t in (input1, input2, weight)]
        raise RuntimeError(
            "All tensors must have the same dtype, got input1: {}, input2: {}, weight: {}".format(
                *names
            )
        )
    if len(a) != len(b):
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {len(a)} and {len(b)}")
    for dim, (m, n) in enumerate(zip(a[:-1], b[:-1], strict=True)):
        if m != n:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: got {m} and {n}"
            )
    for i, n in ((1, a[-1]), (2, b[-1])):
        if n != w[i]:
            raise RuntimeError(
                f"bilinear(): input{i} size does not match weight size: got {n} but expected {w[i]}"
            )
    plain = S.mode is None and input1._node is input2._node is weight._node is None
    if plain and weight._data.size:
        made = wrap(_bilinear(input1._data, input2._data, weight._data))
        return made if bias is None else made + bias
    made = einsum("...on,...n->...o", einsum("...m,onm->...on", input2, weight), input1)
    return made if bias is None else made + bias
