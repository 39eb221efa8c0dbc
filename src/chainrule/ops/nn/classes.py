"""Losses against class labels: negative log likelihood, cross entropy, and the margins between
classes.

`nll_loss` is linear in its input; it and its transpose `nll_loss_backward` name each other, so
every derivative is there. `cross_entropy` is `nll_loss` of `log_softmax`, as PyTorch records it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.declare import general, public
from ...core.interpreter import composing, widened
from ...core.primitive import F32, F64
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...kernels import loss as kernels
from ...kernels.index import inside
from ..fast import Lane, T, bare, floats, not_implemented
from .loss import REDUCTIONS, bad_reduction, constant, legacy, reduce_by

# ---------------------------------------------------------------- the ops

_DTYPES = (np.dtype("int64"), np.dtype("uint8"))


_nll_kernel = floats("nll_loss_out_frame", kernels.nll)


def _nll_rule(
    xp: Any, g: Any, target: Any, weight: Any, reduction: str, ignore_index: int, input_shape: Any
) -> Any:
    return xp.nll_loss_backward(g, target, weight, input_shape, reduction, ignore_index)


_OPERANDS = ("input", "target", "weight")
_nll = Lane(
    general(
        "nll_loss",
        _nll_kernel,
        _OPERANDS,
        rules={"input": _nll_rule},
        names=("_nll_loss",),
        method=False,
        grad_fn="NllLossBackward0",
        doc="-weight input at the target class; linear in the input.",
    ),
    kernels.nll,
)
_nll_spatial = Lane(
    general(
        "nll_loss2d",
        _nll_kernel,
        _OPERANDS,
        rules={"input": _nll_rule},
        names=("_nll_loss2d",),
        method=False,
        grad_fn="NllLoss2DBackward0",
        doc="-weight input at the target class of every place; linear in the input.",
    ),
    kernels.nll,
)
general(
    "nll_loss_backward",
    kernels.nll_backward,
    ("g", "target", "weight"),
    rules={
        "g": lambda xp, g, target, weight, reduction, ignore_index: xp.nll_loss(
            g, target, weight, reduction, ignore_index
        )
    },
    names=("_nll_loss_backward",),
    method=False,
    doc="The transpose of nll_loss: -weight g at the target class.",
)

_class_mask = general(
    "class_mask",
    lambda target, classes: np.arange(classes) == np.asarray(target)[..., None],
    ("target",),
    names=("_class_mask",),
    method=False,
    doc="True at the target class of every sample.",
)
_label_counts = general(
    "label_counts",
    kernels.label_counts,
    ("target",),
    names=("_label_counts",),
    method=False,
    doc="How often every class is in the labels, which end at -1.",
)


def _per_sample(xp: Any, g: Any, reduction: str, shape: tuple[int, ...], rank: int) -> Any:
    """The cotangent of every sample's loss over its classes, with `rank` dimensions of size 1
    behind.
    """
    batch = shape[:-1]
    if reduction == "none":
        return xp.reshape(g, (*batch, *(1,) * rank)) / shape[-1]
    return g / (shape[-1] * (batch[0] if batch and reduction == "mean" else 1))


def _multi_margin_rule(
    xp: Any,
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    p: int,
    margin: float,
    input_shape: Any,
) -> Any:
    shape = input_shape or (1,)
    if xp is RAW and len(shape) == 2 and shape[0] and g.dtype == input.dtype:
        return kernels.multi_margin_back(g, input, target, weight, reduction, p, margin)
    x = xp.reshape(input, shape)
    t = xp.reshape(target, shape[:-1])
    right = xp.class_mask(t, shape[-1])
    z = margin - xp.sum(xp.where(right, x, 0.0), (len(shape) - 1,), True) + x
    slope = xp.where(right | (z <= 0), 0.0, (2 * z if p == 2 else z * 0 + 1))
    if weight is not None:
        slope = slope * xp.sum(xp.where(right, weight, 0.0), (len(shape) - 1,), True)
    slope = slope - xp.where(right, xp.sum(slope, (len(shape) - 1,), True), 0.0)
    return xp.reshape(_per_sample(xp, g, reduction, shape, 1) * slope, input_shape)


_multi_margin = Lane(
    general(
        "multi_margin_loss",
        kernels.multi_margin,
        _OPERANDS,
        rules={"input": _multi_margin_rule},
        names=("_multi_margin_loss",),
        method=False,
        doc="The mean over classes of max(0, margin - x[target] + x)^p without the target's own.",
    )
)


def _multilabel_rule(
    xp: Any,
    g: Any,
    input: Any,
    target: Any,
    reduction: str,
    input_shape: Any,
    input_dtype: Any,
) -> Any:
    *batch, classes = input_shape
    if xp is RAW and input_shape and 0 not in input_shape and g.dtype == input.dtype:
        return kernels.multilabel_margin_back(g, input, target, reduction)
    counts = xp.label_counts(target, classes)
    label, other = (
        xp.reshape(counts, (*batch, classes, 1)),
        xp.reshape(counts, (*batch, 1, classes)),
    )
    x_label, x_other = (
        xp.reshape(input, (*batch, classes, 1)),
        xp.reshape(input, (*batch, 1, classes)),
    )
    active = (1 - x_label + x_other > 0) & (other == 0)
    labels = xp.to_dtype(xp.where(active, label, 0), input_dtype)
    pairs = labels * _per_sample(xp, g, reduction, input_shape, 2)
    n = len(batch)
    return xp.sum(pairs, (n,), False) - xp.sum(pairs, (n + 1,), False)


_multilabel_margin = Lane(
    general(
        "multilabel_margin_loss",
        kernels.multilabel_margin,
        ("input", "target"),
        rules={"input": _multilabel_rule},
        names=("_multilabel_margin_loss",),
        method=False,
        doc="The sum over labels j and other classes i of max(0, 1 - x_j + x_i), over the number "
        "of classes.",
    )
)


# ---------------------------------------------------------------- negative log likelihood


@public("nn.functional.nll_loss")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """-input[n, target[n]]: the negative log likelihood of the target classes.

    Args:
        input: log-probabilities, (C), (N, C) or (N, C, d1, ...).
        target: class indices of int64 or uint8, (), (N) or (N, d1, ...).
        weight: (C), multiplies each class; the mean divides by the sum of the weights used.
        size_average, reduce: deprecated, use `reduction`.
        ignore_index: a target that counts for nothing.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        IndexError: a target is no class.
        ValueError: another number of targets than of inputs.

    Example:
        >>> import chainrule as torch
        >>> logp = torch.tensor([[0.9, 0.1], [0.5, 0.5]]).log()
        >>> torch.nn.functional.nll_loss(logp, torch.tensor([0, 1]))
        tensor(0.3993)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    try:
        _ = input._data, target._data
    except AttributeError:
        raise _no_tensor("nll_loss_nd", input, target) from None
    if type(ignore_index) is not int:
        errors.need_int("nll_loss_nd", ignore_index=ignore_index)
    return _nll_any(input, target, weight, reduction, ignore_index)


def _no_tensor(op: str, input: Any, target: Any) -> TypeError:
    wrong = 1 if isinstance(input, Tensor) else 0
    return errors.wrong_type(op, ("input", "target")[wrong], wrong + 1, (input, target)[wrong])


def _nll_any(input: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    x, t = input._data, target._data
    if (
        x.ndim == 2
        and t.ndim == 1
        and weight is None
        and S.mode is None
        and x.shape[0] == t.shape[0]
    ):
        dtype = x.dtype
        if (dtype is F32 or dtype is F64) and t.dtype == _DTYPES[0]:
            r = wrap(kernels.nll(x, t, None, reduction, ignore_index))
            if input._node is not None and (S.grad or grad_enabled()):
                _nll.hang(r, (input, target, None), (reduction, ignore_index))
            return r
    _check_nll(input, target, weight)
    if composing():
        input, weight = widened(input, weight)
        return _nll_composed(input, target, weight, reduction, ignore_index)
    params = (reduction, ignore_index)
    if x.ndim <= 2:
        return _nll.prim.call(input, target, weight, params=params)
    if x.ndim == 4:
        return _nll_spatial.prim.call(input, target, weight, params=params)
    n, c = x.shape[:2]
    flat = OPS.reshape(input, (n, c, 1, t.size // n if n else 0))
    out = _nll_spatial.prim.call(
        flat, OPS.reshape(target, (n, 1, t.size // n if n else 0)), weight, params=params
    )
    return OPS.reshape(out, t.shape) if reduction == "none" else out


def _nll_composed(input: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    """The same out of gather and where."""
    axis = 1 if input.ndim > 1 else 0
    valid = target != ignore_index
    safe = OPS.where(valid, target, 0)
    picked = -OPS.gather(input, axis, safe.unsqueeze(axis)).squeeze(axis)
    w = OPS.to_dtype(valid, input.dtype) if weight is None else OPS.where(valid, weight[safe], 0.0)
    z = OPS.where(valid, picked * w, 0.0)
    return OPS.sum(z) / OPS.sum(w) if reduction == "mean" else reduce_by(z, reduction)


def _check_nll(input: Any, target: Any, weight: Any) -> None:
    x, t = input._data.shape, target._data.shape
    if not x:
        raise ValueError(
            "Expected 1 or more dimensions (got 0)\nHint: input is (C), (N, C) or (N, C, d1, ...)"
        )
    if len(x) > 1 and (not t or x[0] != t[0]):
        raise ValueError(
            f"Expected input batch_size ({x[0]}) to match target batch_size ({t[0] if t else 1}).\n"
            f"shapes: input {list(x)}, target {list(t)}\nHint: one target for every row of the "
            f"input"
        )
    if len(x) == 1 and len(t) == 1 and t[0] != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {t[0]}")
    if len(x) <= 2 and len(t) > 1:
        raise RuntimeError(
            "0D or 1D target tensor expected, multi-target not supported\n"
            f"target: {list(t)}\nHint: class indices, one for each row; or probabilities of the "
            f"input's shape"
        )
    if len(x) > 2:
        _check_spatial(x, t)
    if target._data.dtype not in _DTYPES:
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got "
            f"{errors.LEGACY[target.dtype.name]}\n"
            "Hint: target.long()"
        )
    if weight is not None:
        _check_class_weight(input, weight, x[1 if len(x) > 1 else 0])


def _check_spatial(x: tuple[int, ...], t: tuple[int, ...]) -> None:
    expected = (x[0], *x[2:])
    if t == expected:
        return
    if len(x) != 4:
        first = f"Expected target size {list(expected)}, got {list(t)}"
    elif len(t) != 3:
        first = (
            "only batches of spatial targets supported (3D tensors) but got targets of dimension: "
            f"{len(t)}"
        )
    else:
        first = f"size mismatch (got input: {list(x)} , target: {list(t)}"
    raise RuntimeError(
        errors.hinted(first, hint="the target has the input's shape without the class dimension")
    )


def _check_class_weight(input: Any, weight: Any, classes: int) -> None:
    constant("nll_loss_forward", weight=weight)
    have = weight._data.shape
    if have != (classes,):
        what = f"all {classes} classes or no classes but got weight tensor of shape: {list(have)}"
        if input._data.ndim > 2:
            what = "all or no classes"
        raise RuntimeError(f"weight tensor should be defined either for {what}")
    if weight._data.dtype != input._data.dtype:
        expected, found = (errors.LEGACY[t.dtype.name] for t in (input, weight))
        raise RuntimeError(
            f"expected scalar type {expected} but found {found}\nHint: weight.to(input.dtype)"
        )


# ---------------------------------------------------------------- cross entropy


@public("nn.functional.cross_entropy")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-log softmax(input) at the target class, or weighted with target probabilities.

    Args:
        input: logits, (C), (N, C) or (N, C, d1, ...).
        target: class indices as for `nll_loss`, or probabilities of the shape of `input`.
        weight: (C), multiplies each class.
        size_average, reduce: deprecated, use `reduction`.
        ignore_index: a target index that counts for nothing.
        reduction: 'mean', 'sum' or 'none'.
        label_smoothing: between 0 and 1; this part of the target is spread over all classes.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.cross_entropy(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
        tensor(0.1269)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    try:
        shape, labels = input._data.shape, target._data.shape
    except AttributeError:
        raise _no_tensor("cross_entropy_loss", input, target) from None
    if S.mode is not None:
        input, target, weight = widened(input, target, weight)
    axis = 0 if len(shape) == 1 else 1
    if not shape:
        raise IndexError("Dimension specified as 1 but tensor has no dimensions")
    if shape == labels:
        return _soft_targets(input, target, weight, axis, ignore_index, reduction, label_smoothing)
    if label_smoothing:
        return _smoothed(input, target, weight, axis, ignore_index, reduction, label_smoothing)
    return _nll_any(OPS.log_softmax(input, axis), target, weight, reduction, ignore_index)


def _check_smoothing(value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {value}")


def _soft_targets(
    input: Any,
    target: Any,
    weight: Any,
    axis: int,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Any:
    """Cross entropy with class probabilities."""
    _check_smoothing(smoothing)
    shape = input._data.shape
    if not target.is_floating_point():
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{errors.LEGACY[target.dtype.name]}\n"
            "Hint: a target of the input's shape holds probabilities; class indices lack the class "
            "dimension"
        )
    if ignore_index >= 0:
        errors.need_int("cross_entropy_loss", ignore_index=ignore_index)
        raise RuntimeError("ignore_index is not supported for floating point target")
    if weight is not None and weight._data.shape != shape[axis : axis + 1]:
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {shape[axis]} classes "
            f"or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}"
        )
    if smoothing:
        target = target * (1 - smoothing) + smoothing / shape[axis]
    z = OPS.log_softmax(input, axis) * target
    if weight is not None:
        z = z * weight.view([n if i == axis else 1 for i, n in enumerate(shape)])
    if reduction == "none":
        return -OPS.sum(z, axis)
    total = -OPS.sum(z)
    return total / (input._data.size // shape[axis]) if reduction == "mean" else total


def _smoothed(
    input: Any,
    target: Any,
    weight: Any,
    axis: int,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Any:
    """Cross entropy with class indices, a part of each spread over all classes."""
    _check_smoothing(smoothing)
    logp = OPS.log_softmax(input, axis)
    main = _nll_any(logp, target, weight, reduction, ignore_index)
    classes, labels = input._data.shape[axis], target._data
    plain = weight is None and reduction != "none" and labels.size and not composing()
    if plain and not (labels == ignore_index).any():
        share = smoothing / (classes * labels.size if reduction == "mean" else classes)
        return main * (1 - smoothing) + OPS.sum(logp) * -share
    spread = logp
    if weight is not None:
        spread = spread * weight.view([-1 if i == axis else 1 for i in range(input._data.ndim)])
    ignored = target == ignore_index
    spread = T.masked_fill(-OPS.sum(spread, axis), ignored, 0.0)
    if reduction == "mean":
        if weight is None:
            count: Any = OPS.sum(OPS.to_dtype(~ignored, input.dtype))
        else:
            safe = T.masked_fill(target, ignored, 0)
            count = OPS.sum(T.masked_fill(weight[safe], ignored, 0.0))
        spread = OPS.sum(spread) / count
    elif reduction == "sum":
        spread = OPS.sum(spread)
    return main * (1 - smoothing) + spread * (smoothing / classes)


# ---------------------------------------------------------------- margins between classes


@public("nn.functional.multi_margin_loss")
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """The mean over classes i of max(0, margin - input[target] + input[i])^p, without i = target.

    Args:
        input: scores, (C) or (N, C).
        target: class indices (int64), () or (N).
        p: 1 or 2.
        margin: how far the right class must lead.
        weight: (C), multiplies by the weight of the target class.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.multi_margin_loss(torch.tensor([[0.1, 0.8]]), torch.tensor([1]))
        tensor(0.1500)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if p != 1 and p != 2:
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is None and reduction in REDUCTIONS and type(margin) is float:  # the usual case
        made = _matrix_margin(input, target, (reduction, p, margin))
        if made is not None:
            return made
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    _check_margin("multi_margin_loss", input, target)
    shape = input._data.shape
    if target._data.dtype.kind == "c":
        _check_long(target)
    _check_margin_target(target, shape)
    if weight is not None:
        constant("multi_margin_loss", weight=weight)
        if weight._data.shape != (shape or (1,))[-1:]:
            raise RuntimeError(
                f"inconsistent weight size, expected {(shape or (1,))[-1]} but got "
                f"{list(weight.shape)}"
            )
    if input._data.dtype.char not in "fd":
        raise not_implemented("multi_margin_loss_cpu_kernel", input.dtype)
    if type(margin) is not float:
        errors.need_number("multi_margin_loss", 4, margin=margin)
    _check_long(target)
    return _multi_margin.prim.call(input, target, weight, params=(reduction, p, margin))


def _matrix_margin(input: Any, target: Any, params: tuple[Any, ...]) -> Any:
    """A matrix and its class indices, checked in the kernel; None for anything else."""
    if type(input) is not Tensor or type(target) is not Tensor or S.mode is not None:
        return None
    x, t = input._data, target._data
    if x.ndim != 2 or t.ndim != 1 or x.shape[0] != t.shape[0] or not x.size:
        return None
    if (x.dtype is not F32 and x.dtype is not F64) or t.dtype != _DTYPES[0]:
        return None
    r = wrap(kernels.multi_margin(x, t, None, *params))
    if input._node is not None and (S.grad or grad_enabled()):
        _multi_margin.hang(r, (input, target, None), params)
    return r


def _check_margin(op: str, input: Any, target: Any) -> None:
    for i, t in enumerate((input, target)):
        if not isinstance(t, Tensor):
            raise errors.wrong_type(op, ("input", "target")[i], i + 1, t)
    shape = input._data.shape
    if len(shape) > 2 or (shape and shape[-1] == 0):
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)}"
        )


def _check_long(target: Any) -> None:
    if target._data.dtype != _DTYPES[0]:
        raise RuntimeError(
            f"expected scalar type Long but found {errors.LEGACY[target.dtype.name]}\nHint: "
            f"target.long()"
        )


def _check_margin_target(target: Any, shape: tuple[int, ...]) -> None:
    batch = shape[0] if len(shape) == 2 else 1
    t = target._data
    if t.ndim > 1 or t.size != batch:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input "
            "samples "
            f"(batch size). Expected target size [{batch}], but got {list(t.shape)}. Input has "
            f"shape {list(shape)}."
        )
    classes = shape[-1] if shape else 1
    if t.size and not inside(t, classes):
        raise RuntimeError(
            f"target out of range\nHint: targets are classes from 0 to {classes - 1}"
        )


@public("nn.functional.multilabel_margin_loss")
def multilabel_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """The sum over labels j and other classes i of max(0, 1 - input[j] + input[i]), over the number
    of classes.

    Args:
        input: scores, (C) or (N, C).
        target: class indices (int64) of the shape of `input`; each row ends at its first -1.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Example:
        >>> import chainrule as torch
        >>> x, y = torch.tensor([[0.1, 0.2, 0.4, 0.8]]), torch.tensor([[3, 0, -1, 1]])
        >>> torch.nn.functional.multilabel_margin_loss(x, y)
        tensor(0.8500)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    _check_margin("multilabel_margin_loss", input, target)
    x, t = input._data, target._data
    if x.shape != t.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(t.shape)} for input of size: {list(x.shape)}"
        )
    if x.dtype.char not in "fd":
        raise not_implemented("multilabel_margin_loss_forward_out_frame", input.dtype)
    _check_long(target)
    classes = x.shape[-1] if x.ndim else 1
    if t.size and not (t.item(t.argmin()) >= -1 and t.item(t.argmax()) < classes):
        raise RuntimeError(
            "argument #2 'target' is out of range\nHint: labels are classes; -1 ends a row"
        )
    if not x.ndim:
        out = multilabel_margin_loss(
            OPS.reshape(input, (1,)), OPS.reshape(target, (1,)), reduction=reduction
        )
        return OPS.reshape(out, ())
    if bare(input):
        return wrap(kernels.multilabel_margin(x, t, reduction))
    return _multilabel_margin.prim.call(input, target, params=(reduction,))
