"""Losses that PyTorch composes out of smaller ops, and so does this file: pairs, triplets,
embeddings, likelihoods.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.declare import public
from ...core.interpreter import widened
from ...core.record import OPS
from ...core.tensor import Tensor
from ..fast import T
from .loss import REDUCTIONS, bad_reduction, legacy, reduce_by


def _reduction(size_average: Any, reduce: Any, reduction: Any, allowed: Any = REDUCTIONS) -> str:
    if size_average is not None or reduce is not None:
        return legacy(size_average, reduce)
    if reduction not in allowed:
        raise bad_reduction(reduction)
    return reduction


def _need_tensors(op: str, **operands: Any) -> None:
    for i, (name, value) in enumerate(operands.items()):
        if not isinstance(value, Tensor):
            raise errors.wrong_type(op, name, i + 1, value)


def _mean_of_floats(z: Any) -> None:
    """PyTorch's refusal of the mean of integers, before anything is computed."""
    if z.dtype.category < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            "complex dtype. "
            f"Got: {errors.LEGACY[z.dtype.name]}"
        )


# ---------------------------------------------------------------- likelihoods


@public("nn.functional.kl_div")
def kl_div(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """target (log target - input): the Kullback-Leibler divergence, elementwise before the
    reduction.

    Args:
        input: log-probabilities.
        target: probabilities, or log-probabilities with `log_target`; broadcasts.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'batchmean' (the definition: sum over dimension 0's size), 'mean', 'sum' or
            'none'.
        log_target: whether the target is a logarithm.

    Example:
        >>> import chainrule as torch
        >>> p = torch.tensor([[0.5, 0.5]])
        >>> torch.nn.functional.kl_div(torch.tensor([[0.9, 0.1]]).log(), p, reduction="batchmean")
        tensor(0.5108)
    """
    if S.mode is not None:
        input, target = widened(input, target)
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            UserWarning,
            stacklevel=2,
        )
    if reduction not in REDUCTIONS and reduction != "batchmean":
        raise bad_reduction(reduction)
    _need_tensors("kl_div", input=input, target=target)
    if input.dtype.category == 3 or target.dtype.category == 3:
        raise RuntimeError("kl_div: Complex inputs not supported.")
    if input.dtype.category < 2 or target.dtype.category < 2:
        raise RuntimeError(
            "kl_div: Integral inputs not supported.\nHint: convert them with .float()"
        )
    z = (
        OPS.exp(target) * (target - input)
        if log_target
        else T.xlogy(target, target) - target * input
    )
    if reduction == "batchmean" and input._data.ndim:
        return OPS.sum(z) / input._data.shape[0]
    return reduce_by(z, "sum" if reduction == "batchmean" else reduction)


@public("nn.functional.poisson_nll_loss")
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """exp(input) - target input: the negative log likelihood of a Poisson distribution.

    Args:
        input: the logarithm of the rate, or the rate itself.
        target: counts; broadcasts.
        log_input: whether the input is a logarithm; else the loss is input - target log(input +
            eps).
        full: add Stirling's approximation of log(target!) for targets above 1.
        size_average, reduce: deprecated, use `reduction`.
        eps: keeps the logarithm finite.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.poisson_nll_loss(torch.zeros(2), torch.tensor([1.0, 2.0]))
        tensor(1.)
    """
    if S.mode is not None:
        input, target = widened(input, target)
    reduction = _reduction(size_average, reduce, reduction)
    _need_tensors("poisson_nll_loss", input=input, target=target)
    if type(eps) is not float:
        errors.need_float("poisson_nll_loss", eps=eps)
    if full is not True and full is not False:
        raise errors.wrong_kind("poisson_nll_loss", "full", "bool", full, 4)
    if log_input:
        z = OPS.exp(input) - target * input
    else:
        z = input - target * OPS.log(input + eps)
    if full:
        stirling = target * OPS.log(target) - target + 0.5 * OPS.log(2 * math.pi * target)
        z = z + T.masked_fill(stirling, target <= 1, 0)
    return reduce_by(z, reduction)


@public("nn.functional.gaussian_nll_loss")
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """(log var + (input - target)^2 / var) / 2: the negative log likelihood of a normal
    distribution.

    Args:
        input, target: mean and observation; they broadcast.
        var: the variance: a tensor of the shape of `input`, of one dimension less, or with last
            size 1; or a number.
        full: add log(2 pi)/2.
        eps: the smallest variance; no gradient flows through the limit.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: var has another size or a negative element.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> torch.nn.functional.gaussian_nll_loss(x, torch.zeros(2), torch.ones(2))
        tensor(1.2500)
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = T.full_like(input, var) if input.is_floating_point() else T.full(input.shape, var)
    elif not isinstance(var, Tensor):
        raise errors.wrong_type("gaussian_nll_loss", "var", 3, var)
    elif var._data.size and bool((var._data < 0).any()):
        raise ValueError("var has negative entry/entries")
    var = _fitting_variance(input, var)
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not valid\nHint: 'none', 'mean' or 'sum'")
    if var.is_complex():
        raise NotImplementedError("clamp is not supported for complex types")
    var = _clamped_below(var, eps)
    z = 0.5 * (OPS.log(var) + (input - target) ** 2 / var)
    if full:
        z = z + 0.5 * math.log(2 * math.pi)
    return reduce_by(z, reduction)


def _fitting_variance(input: Any, var: Any) -> Any:
    shape, have = input._data.shape, var._data.shape
    if have == shape:
        return var
    if shape[:-1] == have:
        return var.unsqueeze(-1)
    if len(shape) == len(have):
        ones = sum(n != v for n, v in zip(shape, have, strict=True))
        if ones == 1 and all(v == n or v == 1 for n, v in zip(shape, have, strict=True)):
            return var
    raise ValueError(
        f"var is of incorrect size\nvar: {list(have)}, input: {list(shape)}\n"
        "Hint: the shape of the input, or without its last dimension, or with 1 there"
    )


def _clamped_below(var: Any, low: float) -> Any:
    """`var`, at least `low` in value; the derivative is that of a copy."""
    copy = var.clone()
    if S.mode is not None or not grad_enabled() or copy._node is None:
        return (
            T.clamp_min(copy, low)
            if copy._node is None
            else copy + T.clamp_min(low - copy, 0.0).detach()
        )
    np.maximum(copy._data, low, out=copy._data) if type(copy._data) is np.ndarray else None
    if type(copy._data) is not np.ndarray:
        copy._data = np.maximum(copy._data, low)
    return copy


# ---------------------------------------------------------------- pairs


@public("nn.functional.hinge_embedding_loss")
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """input where target is 1, max(0, margin - input) where it is -1.

    Args:
        input: distances.
        target: 1 or -1; broadcasts.
        margin: the distance at which dissimilar pairs are left alone.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> distance, same = torch.tensor([0.3, 0.3]), torch.tensor([1.0, -1.0])
        >>> torch.nn.functional.hinge_embedding_loss(distance, same)
        tensor(0.5000)
    """
    if S.mode is not None:
        input, target = widened(input, target)
    reduction = _reduction(size_average, reduce, reduction)
    _need_tensors("hinge_embedding_loss", input=input, target=target)
    if reduction == "mean":
        _mean_of_floats(input)
    if type(margin) is not float:
        errors.need_float("hinge_embedding_loss", margin=margin)
    apart = T.clamp_min(margin - input, 0)
    z = OPS.where(target != 1, apart, 0.0) + OPS.where(target != -1, input, 0.0)
    return reduce_by(z, reduction)


@public("nn.functional.cosine_embedding_loss")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1.

    Args:
        input1, input2: (N, D), or (D).
        target: (N), or ().
        margin: between -1 and 1.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
        >>> torch.nn.functional.cosine_embedding_loss(a, b, torch.tensor([1.0]))
        tensor(0.2929)
    """
    if S.mode is not None:
        input1, input2, target = widened(input1, input2, target)
    reduction = _reduction(size_average, reduce, reduction)
    _need_tensors("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    if type(margin) is not float and type(margin) is not int:
        errors.need_float("cosine_embedding_loss", margin=margin)
    _check_cosine(input1._data.shape, input2._data.shape, target._data.ndim)
    dim = target._data.ndim
    dot = OPS.sum(input1 * input2, dim)
    squares = (OPS.sum(input1 * input1, dim) + 1e-12) * (OPS.sum(input2 * input2, dim) + 1e-12)
    cos = dot / OPS.sqrt(squares)
    z = OPS.where(target == 1, 1 - cos, 0.0) + OPS.where(
        target == -1, T.clamp_min(cos - margin, 0), 0.0
    )
    return reduce_by(z, reduction)


def _check_cosine(a: tuple[int, ...], b: tuple[int, ...], ndim: int) -> None:
    if ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if len(a) != ndim + 1 or len(b) != ndim + 1:
        raise RuntimeError(
            f"{ndim}D target tensor expects {ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(a)} and {list(b)}."
        )


@public("nn.functional.margin_ranking_loss")
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """max(0, -target (input1 - input2) + margin): target 1 says that input1 should be larger.

    Args:
        input1, input2, target: of one number of dimensions; they broadcast.
        margin: by how much.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.tensor([1.0]), torch.tensor([3.0])
        >>> torch.nn.functional.margin_ranking_loss(a, b, torch.tensor([1.0]))
        tensor(2.)
    """
    reduction = _reduction(size_average, reduce, reduction)
    _need_tensors("margin_ranking_loss", input1=input1, input2=input2, target=target)
    if type(margin) is not float:
        errors.need_float("margin_ranking_loss", margin=margin)
    if not input1._data.ndim == input2._data.ndim == target._data.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduce_by(T.clamp_min(-target * (input1 - input2) + margin, 0), reduction)


@public("nn.functional.multilabel_soft_margin_loss")
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """The mean over classes of the binary cross entropy of sigmoid(input).

    Args:
        input: logits, (N, C).
        target: 0 or 1, the same shape.
        weight: (C), multiplies each class.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> x, y = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
        >>> torch.nn.functional.multilabel_soft_margin_loss(x, y)
        tensor(0.6931)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    _need_tensors("log_sigmoid", input=input)
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not valid\nHint: 'none', 'mean' or 'sum'")
    if not input._data.ndim:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    z = -(target * OPS.log_sigmoid(input) + (1 - target) * OPS.log_sigmoid(-input))
    if weight is not None:
        z = z * weight
    return reduce_by(OPS.sum(z, input._data.ndim - 1) / input._data.shape[-1], reduction)


# ---------------------------------------------------------------- triplets


@public("nn.functional.triplet_margin_loss")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm of the difference
    plus eps.

    Args:
        anchor, positive, negative: (N, D) or (D).
        margin: positive.
        p: which norm.
        eps: added to each difference.
        swap: use d(positive, negative) where that is smaller.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
        >>> torch.nn.functional.triplet_margin_loss(a, b, a + 1)
        tensor(4.5858)
    """
    if S.mode is not None:
        anchor, positive, negative = widened(anchor, positive, negative)
    reduction = _reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if type(eps) is not float:
        errors.need_float("triplet_margin_loss", eps=eps)
    if swap is not True and swap is not False:
        raise errors.wrong_kind("triplet_margin_loss", "swap", "bool", swap, 7)
    distance = T("nn.functional.pairwise_distance")
    _same_rank(anchor, positive, negative)
    near, far = distance(anchor, positive, p, eps), distance(anchor, negative, p, eps)
    if swap:
        far = T.minimum(far, distance(positive, negative, p, eps))
    return reduce_by(T.clamp_min(margin + near - far, 0), reduction)


def _same_rank(anchor: Any, positive: Any, negative: Any) -> None:
    _need_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if not anchor._data.ndim == positive._data.ndim == negative._data.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            "dimensions, but got: "
            f"anchor {anchor._data.ndim}D, positive {positive._data.ndim}D, and negative "
            f"{negative._data.ndim}D inputs"
        )


@public("nn.functional.triplet_margin_with_distance_loss")
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """`triplet_margin_loss` with any distance: a function of two tensors (default:
    `pairwise_distance`).

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.zeros(1, 2), torch.ones(1, 2)
        >>> f = lambda x, y: (x - y).abs().sum(-1)
        >>> torch.nn.functional.triplet_margin_with_distance_loss(a, b, b, distance_function=f)
        tensor(1.)
    """
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _same_rank(anchor, positive, negative)
    distance = distance_function
    if distance is None:
        distance = T("nn.functional.pairwise_distance")
    elif not callable(distance):
        raise TypeError(f"'{type(distance).__name__}' object is not callable")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = T.minimum(far, distance(positive, negative))
    return reduce_by(T.clamp_min(margin + near - far, 0), reduction)
