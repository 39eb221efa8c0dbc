"""Functions of the top level that layers are made of, with all their outputs: native_layer_norm,
native_group_norm, native_batch_norm, batch_norm_update_stats, native_dropout; and losses of
`nn.functional` that `torch` has with numbers for the reduction.

Compositions: the normalised tensor comes from the op of `ops/nn/norm.py`, the statistics beside
it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ..._state import set_grad
from ...core.declare import public
from ...core.record import OPS
from ...core.tensor import Tensor
from ..fast import T, not_implemented
from ..shape.reshape import need_tensor
from . import norm
from .embedding import _renormalise
from .loss import reduce_by
from .margin import _need_tensors

# ---------------------------------------------------------------- statistics


def _statistics(x: Any, dims: tuple[int, ...], eps: float, keepdim: bool) -> tuple[Any, Any]:
    """The mean and 1/sqrt(variance + eps) over `dims`."""
    n = max(math.prod(x._data.shape[d] for d in dims), 1)
    mean = OPS.sum(x, dims, True) / n
    d = x - mean
    scale = OPS.rsqrt(OPS.sum(d * d, dims, True) / n + eps)
    if keepdim:
        return mean, scale
    kept = tuple(m for i, m in enumerate(x._data.shape) if i not in dims)
    return OPS.reshape(mean, kept), OPS.reshape(scale, kept)


def _constant_statistics(
    x: Any, dims: tuple[int, ...], eps: float, keepdim: bool
) -> tuple[Any, Any]:
    before = set_grad(False)
    try:
        return _statistics(x.detach(), dims, eps, keepdim)
    finally:
        set_grad(before)


@public("native_layer_norm")
def native_layer_norm(
    input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float
) -> tuple[Any, Any, Any]:
    """`nn.functional.layer_norm`, and the mean and 1/sqrt(variance + eps) it divided by.

    Args:
        input: (..., *normalized_shape).
        normalized_shape, weight, bias, eps: as for `layer_norm`.

    Returns:
        The normalised tensor; mean and scale, of size 1 in the normalised dimensions, without
        gradient.

    Example:
        >>> import chainrule as torch
        >>> torch.native_layer_norm(torch.tensor([[1.0, 3.0]]), (2,), None, None, 0.0)
        (tensor([[-1.,  1.]]), tensor([[2.]]), tensor([[1.]]))
    """
    need_tensor("native_layer_norm", input)
    made = norm.layer_norm(input, normalized_shape, weight, bias, eps)
    ndim = input._data.ndim
    dims = tuple(range(ndim - len(normalized_shape), ndim))
    return made, *_constant_statistics(input, dims, eps, True)


@public("native_group_norm")
def native_group_norm(
    input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Any, Any, Any]:
    """`nn.functional.group_norm`, and the mean and 1/sqrt(variance + eps) of every group.

    Args:
        input: (N, C, ...) of N C HxW elements.
        weight, bias: (C), or None.
        group: how many groups; divides C.
        eps: added to the variance.

    Returns:
        The normalised tensor; mean and scale, (N, group).

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[1.0, 3.0]])
        >>> torch.native_group_norm(x, None, None, 1, 2, 1, 1, 0.0)
        (tensor([[-1.,  1.]]), tensor([[2.]]), tensor([[1.]]))
    """
    need_tensor("native_group_norm", input)
    shape = input._data.shape
    if math.prod(shape) != N * C * HxW:
        raise RuntimeError(
            "Expected X.numel() == N * C * HxW to be true, but got false.\n"
            f"input: {list(shape)}, N: {N}, C: {C}, HxW: {HxW}"
        )
    made = norm._group_norm_checked(input, group, weight, bias, eps)
    grouped = OPS.reshape(input, (N, group, C // group * HxW))
    return made, *_statistics(grouped, (2,), eps, False)


@public("native_batch_norm")
def native_batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Any, Any, Any]:
    """`nn.functional.batch_norm`, and the mean and 1/sqrt(variance + eps) of the batch.

    Args:
        input: (N, C, ...).
        weight, bias, running_mean, running_var: (C), or None.
        training: use, and return, the statistics of the batch; they have no gradient.
        momentum: how far the running statistics move.
        eps: added to the variance.

    Returns:
        The normalised tensor; mean and scale, (C), or empty when not training.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> torch.native_batch_norm(x, None, None, None, None, True, 0.1, 0.0)[1:]
        (tensor([2.]), tensor([1.]))
    """
    need_tensor("native_batch_norm", input)
    shape = input._data.shape
    norm._check_statistics(shape, running_mean, running_var, weight, bias, training)
    if training and 0 in shape:
        raise RuntimeError(
            f"input tensor must have at least one element, but got input_sizes = {list(shape)}"
        )
    made = norm._batch_norm_any(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )
    if not training:
        return made, OPS.zeros((0,), input.dtype), OPS.zeros((0,), input.dtype)
    dims = tuple(d for d in range(len(shape)) if d != 1)
    return made, *_constant_statistics(input, dims, eps, False)


@public("batch_norm_update_stats")
def batch_norm_update_stats(
    input: Any, running_mean: Any, running_var: Any, momentum: float
) -> tuple[Any, Any]:
    """The mean and the variance of every channel; running statistics move towards them.

    Example:
        >>> import chainrule as torch
        >>> torch.batch_norm_update_stats(torch.tensor([[1.0], [3.0]]), None, None, 0.1)
        (tensor([2.]), tensor([1.]))
    """
    need_tensor("batch_norm_update_stats", input)
    shape = input._data.shape
    norm._move_statistics(input, running_mean, running_var, momentum)
    dims = tuple(d for d in range(len(shape)) if d != 1)
    n = max(math.prod(shape) // max(shape[1], 1), 1)
    mean = OPS.sum(input, dims, True) / n
    d = input - mean
    return OPS.reshape(mean, shape[1:2]), OPS.sum(d * d, dims, False) / n


# ---------------------------------------------------------------- dropout, embedding, losses


@public("native_dropout")
def native_dropout(input: Any, p: float, train: bool | None) -> tuple[Any, Any]:
    """`nn.functional.dropout`, and the mask of what stayed.

    Args:
        input: any shape.
        p: the probability of 0.
        train: None or True: drop; False: keep everything.

    Example:
        >>> import chainrule as torch
        >>> torch.native_dropout(torch.ones(2), 0.5, False)
        (tensor([1., 1.]), tensor([True, True]))
    """
    need_tensor("native_dropout", input)
    shape = tuple(input._data.shape)
    if train is False or p == 0:
        return input.clone(), T.ones(shape, dtype=T.ones(1).bool().dtype)
    ones = T.ones(shape, dtype=input.dtype)
    kept = T("nn.functional.dropout")(ones, p) != 0
    return OPS.where(kept, input * (1 / (1 - p) if p < 1 else 0.0), 0.0), kept


@public("embedding_renorm_")
def embedding_renorm_(input: Any, indices: Any, max_norm: float, norm_type: float) -> Any:
    """Scale the rows with these numbers down to `max_norm`, in place and not recorded.

    Example:
        >>> import chainrule as torch
        >>> table = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
        >>> torch.embedding_renorm_(table, torch.tensor([0, 1]), 1.0, 2.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    need_tensor("embedding_renorm_", input)
    _renormalise(input, indices, float(max_norm), norm_type)
    return input


_REDUCTIONS = ("none", "mean", "sum")


def _reduction(number: int) -> str:
    """What a number means; 0 and all unknown ones are 'none'."""
    if type(number) is not int:
        errors.need_int("loss", reduction=number)
    return _REDUCTIONS[number if number in (1, 2) else 0]


@public("kl_div")
def kl_div(input: Any, target: Any, reduction: int = 0, *, log_target: bool = False) -> Any:
    """`nn.functional.kl_div` with 0, 1, 2 for 'none', 'mean' (over all elements), 'sum'.

    Example:
        >>> import chainrule as torch
        >>> torch.kl_div(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor([0.])
    """
    each = T("nn.functional.kl_div")(input, target, reduction="none", log_target=log_target)
    how = _reduction(reduction)
    return each if how == "none" else T.mean(each) if how == "mean" else OPS.sum(each)


@public("poisson_nll_loss")
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int
) -> Any:
    """`nn.functional.poisson_nll_loss` with 0, 1, 2 for 'none', 'mean', 'sum'.

    Example:
        >>> import chainrule as torch
        >>> torch.poisson_nll_loss(torch.tensor([0.0]), torch.tensor([1.0]), True, False, 1e-8, 1)
        tensor(1.)
    """
    loss = T("nn.functional.poisson_nll_loss")
    how = _reduction(reduction)
    return loss(input, target, log_input=log_input, full=full, eps=eps, reduction=how)


def _logits_like(input: Tensor, target: Tensor) -> Any:
    """The logits in the shape of the target, as far as they broadcast."""
    a, b = input._data.shape, target._data.shape
    if a == b:
        return input
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise errors.broadcast("mul", (b, a)) from None
    if shape != b:
        raise RuntimeError(
            f"output with shape {list(b)} doesn't match the broadcast shape {list(shape)}\n"
            "Hint: the loss has the shape of the target"
        )
    return OPS.expand(input, shape)


@public("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 0
) -> Any:
    """`nn.functional.binary_cross_entropy_with_logits` with numbers for the reduction.

    Example:
        >>> import chainrule as torch
        >>> torch.binary_cross_entropy_with_logits(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor([0.6931])
    """
    loss = T("nn.functional.binary_cross_entropy_with_logits")
    if isinstance(input, Tensor) and isinstance(target, Tensor):
        if input._data.dtype.kind not in "fV":
            raise not_implemented("log_sigmoid_cpu", input.dtype)
        input = _logits_like(input, target)
    return loss(input, target, weight, reduction=_reduction(reduction), pos_weight=pos_weight)


@public("bilinear")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """See `torch.nn.functional.bilinear`.

    Example:
        >>> import chainrule as torch
        >>> torch.bilinear(torch.ones(1, 2), torch.ones(1, 1), torch.ones(1, 2, 1))
        tensor([[2.]])
    """
    if bias is not None and not isinstance(bias, Tensor):
        raise errors.wrong_type("bilinear", "bias", 4, bias)
    return T("nn.functional.bilinear")(input1, input2, weight, bias)


@public("nn.functional.sigmoid")
def sigmoid(input: Any) -> Any:
    """1/(1 + e^-x): `torch.sigmoid`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.sigmoid(torch.tensor(0.0))
        tensor(0.5000)
    """
    return OPS.sigmoid(input)


@public("nn.functional.tanh")
def tanh(input: Any) -> Any:
    """The hyperbolic tangent: `torch.tanh`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.tanh(torch.tensor(0.0))
        tensor(0.)
    """
    return OPS.tanh(input)


@public("hinge_embedding_loss")
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: int = 0) -> Any:
    """`nn.functional.hinge_embedding_loss` with 0, 1, 2 for 'none', 'mean', 'sum'.

    Example:
        >>> import chainrule as torch
        >>> torch.hinge_embedding_loss(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor([0.5000])
    """
    how = _reduction(reduction)
    return T("nn.functional.hinge_embedding_loss")(input, target, margin, reduction=how)


@public("cosine_embedding_loss")
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0
) -> Any:
    """`nn.functional.cosine_embedding_loss` with 0, 1, 2 for 'none', 'mean', 'sum'.

    Example:
        >>> import chainrule as torch
        >>> a = torch.tensor([[1.0, 0.0]])
        >>> torch.cosine_embedding_loss(a, a, torch.tensor([-1.0]))
        tensor([1.])
    """
    how = _reduction(reduction)
    return T("nn.functional.cosine_embedding_loss")(input1, input2, target, margin, reduction=how)


@public("margin_ranking_loss")
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0
) -> Any:
    """`nn.functional.margin_ranking_loss` with 0, 1, 2 for 'none', 'mean', 'sum'.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.tensor([1.0]), torch.tensor([3.0])
        >>> torch.margin_ranking_loss(a, b, torch.tensor([1.0]))
        tensor([2.])
    """
    how = _reduction(reduction)
    _need_tensors("margin_ranking_loss", input1=input1, input2=input2, target=target)
    return reduce_by(OPS.clamp_min(-target * (input1 - input2) + margin, 0), how)


@public("triplet_margin_loss")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Any:
    """`nn.functional.triplet_margin_loss` with 0, 1, 2 for 'none', 'mean', 'sum'.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
        >>> torch.triplet_margin_loss(a, b, a + 1)
        tensor([4.5858])
    """
    how = _reduction(reduction)
    return T("nn.functional.triplet_margin_loss")(
        anchor, positive, negative, margin, p, eps, swap, reduction=how
    )
