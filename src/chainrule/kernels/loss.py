"""Losses on arrays: the elements, then their mean or sum in the same kernel.

Lives here: the kernels of `ops/nn/loss.py`. Operands are ndarrays or NumPy scalars of one shape;
weights may be None or broadcast. `reduced` ends each of them. The sum is that of
`kernels/reduce.py`, which is quick for few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import at_least, at_most, number
from .compiled import compiled
from .index import inside
from .reduce import sum

__all__ = [
    "bce",
    "bce_with_logits",
    "cosine",
    "huber",
    "label_counts",
    "mse",
    "multi_margin",
    "multi_margin_back",
    "multilabel_margin",
    "multilabel_margin_back",
    "nll",
    "nll_backward",
    "reduced",
    "smooth_l1",
    "soft_margin",
    "softplus",
]

Array = Any
_ndarray = np.ndarray
_FEW = 64
_ZERO = {np.dtype(name): np.zeros((), name) for name in ("float32", "float64")}
_STARTS = [np.arange(n) for n in range(_FEW + 1)]
_INDEX = np.dtype(np.int64)
_LOG_LIMIT = -100.0


def reduced(z: Array, reduction: str) -> Array:
    """`z` itself, its mean or its sum."""
    if reduction == "mean":
        return sum(z) / z.size
    return sum(z) if reduction == "sum" else z


@compiled
def mse(input: Array, target: Array, reduction: str = "mean") -> Array:
    """(input - target)^2."""
    d = input - target
    return reduced(d * d, reduction)


def _parabola(d: Array, delta: float) -> Array:
    """near (d - near/2) with near = min(d, delta); `d` is overwritten if it is an array."""
    near = at_most(d, delta)
    d -= near * number(0.5, d.dtype)
    near *= d
    return near


def _distance(a: Array, b: Array) -> Array:
    """|a - b|."""
    d = a - b
    return np.abs(d, out=d if d.ndim else None)


@compiled
def huber(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0) -> Array:
    """d^2/2 where |d| <= delta, else delta (|d| - delta/2)."""
    return reduced(_parabola(_distance(input, target), delta), reduction)


@compiled
def smooth_l1(input: Array, target: Array, reduction: str = "mean", beta: float = 1.0) -> Array:
    """d^2/(2 beta) where |d| < beta, else |d| - beta/2: the Huber loss over beta."""
    z = _parabola(_distance(input, target), beta)
    if beta != 1:
        z /= number(beta, z.dtype)
    return reduced(z, reduction)


@compiled
def soft_margin(input: Array, target: Array, reduction: str = "mean") -> Array:
    """log(1 + exp(-target input))."""
    return reduced(softplus(-(target * input)), reduction)


def softplus(x: Array) -> Array:
    """log(1 + e^x) without overflow."""
    if x.size <= _FEW and x.dtype in _ZERO:
        return np.logaddexp(_ZERO[x.dtype], x)
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


def _check_probabilities(name: str, x: Array) -> None:
    if x.size and not (x.item(x.argmin()) >= 0 and x.item(x.argmax()) <= 1):
        raise RuntimeError(
            f"all elements of {name} should be between 0 and 1\n"
            "Hint: binary_cross_entropy takes probabilities: use torch.sigmoid on logits, or "
            "better binary_cross_entropy_with_logits"
        )


@compiled
def bce(input: Array, target: Array, weight: Array, reduction: str = "mean") -> Array:
    """-target log(input) - (1 - target) log(1 - input); logarithms end at -100."""
    _check_probabilities("input", input)
    _check_probabilities("target", target)
    yes = at_least(np.log(input), _LOG_LIMIT)
    no = at_least(np.log1p(-input), _LOG_LIMIT)
    z = no * (target - number(1, target.dtype)) - yes * target  # they may broadcast
    return reduced(z if weight is None else z * weight, reduction)


@compiled
def bce_with_logits(
    input: Array, target: Array, weight: Array, pos_weight: Array, reduction: str = "mean"
) -> Array:
    """The cross entropy of sigmoid(input): softplus(input) - target input, positives times
    `pos_weight`.
    """
    if pos_weight is None:
        z = softplus(input) - input * target
    else:
        z = (1 - target) * input + ((pos_weight - 1) * target + 1) * softplus(-input)
    return reduced(z if weight is None else z * weight, reduction)


@compiled
def cosine(a: Array, b: Array, dim: int, eps: float) -> Array:
    """a . b/(max(|a|, eps) max(|b|, eps)) along `dim`."""
    norms = [np.sqrt(np.add.reduce(x * x, dim, keepdims=True)) for x in (a, b)]
    first, second = (x / at_least(n, eps) for x, n in zip((a, b), norms, strict=True))
    return np.add.reduce(first * second, dim)


# ---------------------------------------------------------------- one class a sample


def _checked(target: Array, classes: int, ignore_index: int) -> tuple[Array, Array]:
    """Indices that can be used, and where they are meant (None: everywhere)."""
    if target.dtype != _INDEX:
        target = target.astype(_INDEX)
    if not 0 <= ignore_index < classes:
        if target.size <= _FEW and target.ndim == 1:
            known = target.tolist()
            if not known or (min(known) >= 0 and max(known) < classes):
                return target, None
        elif target.size == 0 or inside(target, classes):
            return target, None
    valid = target != ignore_index
    wrong = valid & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(
            f"Target {target[wrong].flat[0] if target.ndim else target} is out of bounds.\n"
            f"classes: {classes} (dimension 1 of the input), so targets are 0 to {classes - 1}\n"
            f"Hint: ignore_index={ignore_index} is the one other value allowed; check the labels"
        )
    return np.where(valid, target, 0), None if valid.all() else valid


def _weights(target: Array, valid: Array, weight: Array, dtype: Any) -> Array:
    """The weight of every sample; None when all are 1."""
    if weight is None:
        return None if valid is None else valid.astype(dtype)
    w = weight[target]
    return w if valid is None else w * valid


def _divisor(w: Array, target: Array, dtype: Any) -> Any:
    """What the mean divides by: the weights, or how many there are; 0 as an array, so that 0/0 is
    NaN.
    """
    return (target.size if w is None else sum(w)) or dtype.type(0)


def _places(target: Array, classes: int) -> Array:
    """Where the target class of every row lies in the flat (rows, classes) array."""
    n = target.size
    return target + (_STARTS[n] if n <= _FEW else np.arange(n)) * classes


def _along(target: Array, ndim: int, axis: int) -> Array:
    """The targets with the class dimension put back."""
    return np.expand_dims(target, axis) if target.ndim == ndim - 1 else target


@compiled
def nll(
    input: Array, target: Array, weight: Array, reduction: str = "mean", ignore_index: int = -100
) -> Array:
    """-input at the target class (dimension 1, or 0 of a vector), weighted; the mean is over the
    weights.
    """
    axis = 1 if input.ndim > 1 else 0
    target, valid = _checked(target, input.shape[axis], ignore_index)
    if input.ndim == 2:
        picked = input.reshape(-1)[_places(target, input.shape[1])]
    else:
        picked = np.take_along_axis(input, _along(target, input.ndim, axis), axis)
        picked = picked.reshape(target.shape if input.ndim > 1 else ())
    w = _weights(target, valid, weight, input.dtype)
    if w is not None:
        w = w.reshape(picked.shape)
        picked = picked * w if valid is None else np.where(valid.reshape(w.shape), picked * w, w)
    if reduction == "none":
        return 0 - picked  # no -0.0 for what is ignored
    all_ = sum(picked)
    return -all_ / _divisor(w, target, input.dtype) if reduction == "mean" else -all_


@compiled
def nll_backward(
    g: Array,
    target: Array,
    weight: Array,
    shape: tuple[int, ...],
    reduction: str = "mean",
    ignore_index: int = -100,
) -> Array:
    """The transpose of `nll`: zeros, and -weight g at the target class."""
    axis = 1 if len(shape) > 1 else 0
    target, valid = _checked(target, shape[axis], ignore_index)
    w = _weights(target, valid, weight, g.dtype)
    values = -g / _divisor(w, target, g.dtype) if reduction == "mean" else -g
    if w is not None:
        values = values * w if valid is None else np.where(valid, values * w, w)
    out = np.zeros(shape, g.dtype)
    if len(shape) == 2:
        out.reshape(-1)[_places(target, shape[1])] = values
    else:
        at = _along(target, len(shape), axis)
        np.put_along_axis(out, at, np.broadcast_to(values, target.shape).reshape(at.shape), axis)
    return out


def label_counts(target: Array, classes: int) -> Array:
    """How often each class is in the row of `target`, which ends at the first -1: (..., classes) of
    int64.
    """
    rows = target.reshape(-1, target.shape[-1])
    open_ = np.logical_and.accumulate(rows >= 0, axis=1)
    at = np.where(open_, rows, classes)
    counts = np.zeros((rows.shape[0], classes + 1), np.int64)
    np.add.at(counts, (np.arange(rows.shape[0])[:, None], at), 1)
    return counts[:, :classes].reshape(*target.shape[:-1], classes)


@compiled
def multi_margin(
    input: Array,
    target: Array,
    weight: Array,
    reduction: str = "mean",
    p: int = 1,
    margin: float = 1.0,
) -> Array:
    """The sum over wrong classes of weight max(0, margin - right + wrong)^p, over the number of
    classes.
    """
    x = input.reshape(-1, input.shape[-1] if input.ndim else 1)
    t = target.reshape(-1)
    if t.size and not inside(t, x.shape[1]):
        raise RuntimeError(
            f"target out of range\nHint: targets are classes from 0 to {x.shape[1] - 1}"
        )
    at = _places(t, x.shape[1])
    right = number(margin, x.dtype) - x.reshape(-1).take(at)
    z = x + right[:, None]
    z = np.ascontiguousarray(np.fmax(z, 0.0, dtype=x.dtype))  # a NaN counts for nothing
    z.reshape(-1)[at] = 0
    if p == 2:
        z *= z
    if weight is not None:
        z *= weight[t][:, None]
    if reduction == "mean":
        return sum(z) / z.size
    each = sum(z, (1,)) / number(x.shape[1], x.dtype)
    return reduced(each, reduction) if reduction != "none" else each.reshape(target.shape)


@compiled
def multi_margin_back(
    g: Array, input: Array, target: Array, weight: Array, reduction: str, p: int, margin: float
) -> Array:
    """The cotangent of `multi_margin` for a matrix of floats."""
    n, classes = input.shape
    at = np.arange(n), target
    z = input + (margin - input[at])[:, None]
    slope = 2 * np.maximum(z, 0) if p == 2 else (z > 0).astype(z.dtype)
    slope[at] = 0
    share = g / (classes * (n if reduction == "mean" else 1))
    if weight is not None:
        share = share * weight[target]
    slope *= share[:, None] if getattr(share, "ndim", 0) else share
    slope[at] = -np.add.reduce(slope, 1)
    return slope


@compiled
def multilabel_margin(input: Array, target: Array, reduction: str = "mean") -> Array:
    """The sum over labels j and other classes i of max(0, 1 - input_j + input_i), over the number
    of classes.
    """
    counts = label_counts(target, input.shape[-1])
    z = np.fmax(1 - input[..., :, None] + input[..., None, :], 0)  # NaN counts for nothing
    pairs = counts[..., :, None] * (counts[..., None, :] == 0)
    each = np.add.reduce(z * pairs.astype(z.dtype), axis=(-2, -1)) / input.shape[-1]
    return reduced(each, reduction)


@compiled
def multilabel_margin_back(g: Array, input: Array, target: Array, reduction: str) -> Array:
    """The cotangent of `multilabel_margin` for floats."""
    *batch, classes = input.shape
    counts = label_counts(target, classes)[..., :, None]
    other = np.swapaxes(counts, -1, -2) == 0
    active = (1 - input[..., :, None] + input[..., None, :] > 0) & other
    share = g / (classes * (batch[0] if batch and reduction == "mean" else 1))
    if getattr(share, "ndim", 0):
        share = share[:, None, None]
    pairs = np.where(active, counts, 0).astype(input.dtype) * share
    return np.add.reduce(pairs, -2) - np.add.reduce(pairs, -1)
