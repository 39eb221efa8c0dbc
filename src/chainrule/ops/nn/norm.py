"""Normalisation layers: layer, batch, group and instance norm, one node each, as PyTorch has.

With xhat = (x - mean)/sigma over n elements and h the cotangent of xhat, the cotangent of x is (h -
mean(h) - xhat mean(h xhat))/sigma: `_pulled`, used by all. xhat is computed again in the backward
pass, so only the input and the weight are saved. While an interpreter runs, the public functions
are compositions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled, set_grad
from ...core.declare import general, public
from ...core.interpreter import composing, current
from ...core.node import INFERENCE
from ...core.primitive import bump, cast
from ...core.record import OPS, RAW
from ...core.tensor import own, wrap
from ...kernels import norm as kernels
from ..fast import Lane, T, floats

# ---------------------------------------------------------------- the mathematics


def _standard(
    xp: Any, x: Any, shape: Sequence[int], dims: tuple[int, ...], eps: float
) -> tuple[Any, Any]:
    """xhat and 1/sigma over `dims`."""
    n = math.prod(shape[d] for d in dims)
    d = x - xp.sum(x, dims, True) / n
    scale = xp.rsqrt(xp.sum(d * d, dims, True) / n + eps)
    return d * scale, scale


def _pulled(
    xp: Any, h: Any, xhat: Any, scale: Any, shape: Sequence[int], dims: tuple[int, ...]
) -> Any:
    """The cotangent of x from that of xhat."""
    n = math.prod(shape[d] for d in dims)
    return scale * (h - xp.sum(h, dims, True) / n - xhat * (xp.sum(h * xhat, dims, True) / n))


def _per_channel(xp: Any, v: Any, rank: int) -> Any:
    return xp.reshape(v, (1, v.shape[0], *(1,) * (rank - 2)))


def declared(
    name: str,
    title: str,
    kernel: Any,
    args: tuple[str, ...],
    vjp: Any,
    doc: str,
    grad_fn: str | None = None,
) -> Lane:
    """The lane of a normalisation declared as one op; `title` is its kernel's name in errors."""
    grad_fn = grad_fn or "".join(w.title() for w in name.split("_")) + "Backward0"
    return Lane(
        general(
            name,
            floats(title, kernel),
            args,
            vjp=vjp,
            grad_fn=grad_fn,
            names=("_" + name,),
            method=False,
            doc=doc,
        ),
        kernel,
    )


def _refuse_mixed(x: Any, parameter: Any) -> None:
    """Parameters beside another dtype are for half precision."""
    if x.dtype.kind == "f" and x.dtype.itemsize > 2:
        first = (
            "all inputs must share same datatype."
            if parameter.dtype == np.float32
            else "expect parameter to have scalar type of Float"
        )
        raise RuntimeError(
            errors.hinted(
                f"mixed dtype (CPU): {first}",
                f"input: {x.dtype.name}, parameter or statistic: {parameter.dtype.name}",
                hint="convert one of them, as in x.to(torch.float32) or module.double()",
            )
        )


def run(lane: Lane, operands: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """The short way when all operands have the input's dtype."""
    x = operands[0]._data
    dtype = x.dtype
    if S.mode is None and dtype.kind == "f" and dtype.itemsize > 2:
        arrays, recorded = [], False
        for t in operands:
            a = None if t is None else t._data
            if a is not None:
                if a.dtype != dtype:
                    _refuse_mixed(x, a)
                    return lane.prim.call(*operands, params=params)
                recorded = recorded or t._node is not None
            arrays.append(a)
        r = wrap(lane.raw(*arrays, *params))
        if recorded and (S.grad or grad_enabled()):
            lane.hang(r, operands, params)
        return r
    return lane.prim.call(*operands, params=params)


# ---------------------------------------------------------------- layer norm


def _layer_norm_back(
    xp: Any,
    g: Any,
    x: Any,
    weight: Any,
    weight_shape: Any,
    bias_shape: Any,
    rank: int,
    eps: float,
    x_shape: Any,
) -> tuple[Any, Any, Any]:
    if xp is RAW:
        made = kernels.layer_norm_back(g, x, weight, bias_shape is not None, rank, eps)
        if made is not None:
            return made
    first = len(x_shape) - rank
    dims, batch = tuple(range(first, len(x_shape))), tuple(range(first))
    xhat, scale = _standard(xp, x, x_shape, dims, eps)
    gx = _pulled(xp, g if weight is None else g * weight, xhat, scale, x_shape, dims)
    gw = None if weight_shape is None else xp.sum(g * xhat, batch, False) if batch else g * xhat
    gb = None if bias_shape is None else xp.sum(g, batch, False) if batch else g
    return gx, gw, gb


_layer_norm = declared(
    "native_layer_norm",
    "LayerNormKernelImpl",
    kernels.layer_norm,
    ("x", "weight", "bias"),
    _layer_norm_back,
    "weight (x - mean)/sqrt(variance + eps) + bias over the last dimensions.",
)


def check_shape(op: str, normalized_shape: Any) -> tuple[int, ...]:
    """The sizes of the dimensions to normalise over."""
    if not isinstance(normalized_shape, (tuple, list)):
        raise TypeError(
            f"{op}(): argument 'normalized_shape' (position 2) must be tuple of ints, not "
            f"{errors.kind_name(normalized_shape)}\nHint: write ({normalized_shape},)"
        )
    shape = tuple(map(int, normalized_shape))
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, "
            "but got normalized_shape = []"
        )
    return shape


def check_tail(input: Any, shape: tuple[int, ...], weight: Any, bias: Any, star: str) -> None:
    """RuntimeError unless the last dimensions of all have this shape."""
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t._data.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(t._data.shape)} and normalized_shape = {list(shape)}"
            )
    have = input._data.shape
    if have[-len(shape) :] != shape or len(have) < len(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*{star}{', '.join(map(str, shape))}], but got input of size{list(have)}"
        )


@public("nn.functional.layer_norm")
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x - mean)/sqrt(variance + eps) over the last dimensions, times weight, plus bias.

    Args:
        input: floating point, (..., *normalized_shape).
        normalized_shape: the sizes of the last dimensions, which are normalised together.
        weight, bias: of that shape, or None.
        eps: added to the variance (which divides by n).

    Raises:
        RuntimeError: the shapes do not fit.

    Source: Ba, Kiros, Hinton, Layer Normalization (2016), eq. 3.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.layer_norm(torch.tensor([1.0, 2.0, 3.0]), (3,))
        tensor([-1.2247,  0.0000,  1.2247])
    """
    shape = check_shape("layer_norm", normalized_shape)
    check_tail(input, shape, weight, bias, ", ")
    if composing():
        ndim = input._data.ndim
        dims = tuple(range(ndim - len(shape), ndim))
        y, _ = _standard(OPS, input, input._data.shape, dims, eps)
        y = y if weight is None else y * weight
        return cast(y if bias is None else y + bias, input.dtype)
    return run(_layer_norm, (input, weight, bias), (len(shape), float(eps)))


@public("layer_norm")
def _torch_layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    """See `torch.nn.functional.layer_norm`."""
    return layer_norm(input, normalized_shape, weight, bias, eps)


# ---------------------------------------------------------------- batch norm


def _batch_norm_back(
    xp: Any,
    g: Any,
    x: Any,
    weight: Any,
    bias_shape: Any,
    mean: Any,
    variance: Any,
    eps: float,
    x_shape: Any,
) -> tuple[Any, ...]:
    rank = len(x_shape)
    if xp is RAW:
        if mean is None:
            made = kernels.cells_back(g, x, weight, 0, eps)
        else:
            made = kernels.batch_norm_eval_back(g, x, weight, mean, variance, eps)
        if made is not None:
            return (*made, None, None)
    dims = tuple(d for d in range(rank) if d != 1)
    if mean is None:
        xhat, scale = _standard(xp, x, x_shape, dims, eps)
    else:
        scale = _per_channel(xp, xp.rsqrt(variance + eps), rank)
        xhat = (x - _per_channel(xp, mean, rank)) * scale
    h = g if weight is None else g * _per_channel(xp, weight, rank)
    gx = h * scale if mean is not None else _pulled(xp, h, xhat, scale, x_shape, dims)
    gw = None if weight is None else xp.sum(g * xhat, dims, False)
    return gx, gw, None if bias_shape is None else xp.sum(g, dims, False), None, None


_batch_norm = declared(
    "native_batch_norm",
    "batch_norm",
    kernels.batch_norm,
    ("x", "weight", "bias", "mean", "variance"),
    _batch_norm_back,
    "weight (x - mean)/sqrt(variance + eps) + bias for every channel (dimension 1).",
)


@public("nn.functional.batch_norm")
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Every channel (dimension 1) normalised: by the batch's own mean and variance, or by the
    running ones.

    Args:
        input: (N, C) or (N, C, ...).
        running_mean, running_var: (C); used when not training, and moved towards the batch's when
            training.
        weight, bias: (C), or None.
        training: use the statistics of the batch.
        momentum: how far the running statistics move (the variance as n/(n - 1)).
        eps: added to the variance.

    Raises:
        ValueError: training with one value per channel.
        RuntimeError: no statistics, or of another size.

    Source: Ioffe, Szegedy, Batch Normalization (2015), algorithm 1.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> torch.nn.functional.batch_norm(x, None, None, training=True)
        tensor([[-1.0000],
                [ 1.0000]])
    """
    shape = input._data.shape
    if type(momentum) is not float:
        errors.need_float("batch_norm", momentum=momentum)
    if eps < 0 or (training and eps == 0):
        need = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {need}, but got {eps}")
    if not input._data.size:
        return _empty(input, weight, bias)
    if training:
        _check_enough(shape)
    _check_statistics(shape, running_mean, running_var, weight, bias, training)
    return _batch_norm_any(input, running_mean, running_var, weight, bias, training, momentum, eps)


def _batch_norm_any(
    input: Any,
    mean: Any,
    variance: Any,
    weight: Any,
    bias: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    if training:
        if _movable(input, mean) and _movable(input, variance) and S.mode is None:
            made = _trained(input, mean, variance, weight, bias, momentum, eps)
            if made is not None:
                return made
        _move_statistics(input, mean, variance, momentum)
        mean = variance = None
    if composing():
        return _batch_norm_composed(input, mean, variance, weight, bias, eps)
    return run(_batch_norm, (input, weight, bias, mean, variance), (float(eps),))


def _batch_norm_composed(
    x: Any, mean: Any, variance: Any, weight: Any, bias: Any, eps: float
) -> Any:
    rank = x._data.ndim
    if mean is None:
        y, _ = _standard(OPS, x, x._data.shape, tuple(d for d in range(rank) if d != 1), eps)
    else:
        scale = _per_channel(OPS, OPS.rsqrt(variance + eps), rank)
        y = (x - _per_channel(OPS, mean, rank)) * scale
    y = y if weight is None else y * _per_channel(OPS, weight, rank)
    return cast(y if bias is None else y + _per_channel(OPS, bias, rank), x.dtype)


def _empty(input: Any, weight: Any, bias: Any) -> Any:
    """No elements, nothing to normalise; the gradients of all operands are zeros, not None."""
    out = input.clone()
    out = out if weight is None else out * weight[0]
    return out if bias is None else out + bias[0]


def _check_enough(shape: tuple[int, ...]) -> None:
    errors.checked_dim(1, len(shape))
    if math.prod(shape) // max(shape[1], 1) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(shape)})\n"
            "Hint: use a batch of at least 2, or training=False"
        )


def _check_statistics(
    shape: tuple[int, ...], mean: Any, variance: Any, weight: Any, bias: Any, training: bool
) -> None:
    n = shape[errors.checked_dim(1, len(shape))]
    for t in (mean, variance, weight, bias):
        if (t._data.size != n) if t is not None else not training:
            break
    else:
        return
    given = {"running_mean": mean, "running_var": variance, "weight": weight, "bias": bias}
    for name, t in given.items():
        if t is None:
            if not training and name.startswith("running"):
                raise RuntimeError(f"{name} must be defined in evaluation mode")
        elif t._data.size != shape[1]:
            raise RuntimeError(f"{name} should contain {shape[1]} elements not {t._data.size}")


def _move_statistics(input: Any, mean: Any, variance: Any, momentum: float) -> None:
    """running = (1 - momentum) running + momentum (of this batch), in place and not recorded."""
    if mean is None and variance is None:
        return
    level: Any = current() if S.mode is not None else None
    if (
        hasattr(level, "randomness")  # a batch of vmap
        and level.owns(input)
        and not all(t is None or level.owns(t) for t in (mean, variance))
    ):
        raise RuntimeError(
            "Batch norm got a batched tensor as input while the running_mean or running_var, which "
            "will be updated in place, were not batched.\n"
            "Hint: torch.func.replace_all_batch_norm_modules_(model) lets them have none"
        )
    before = set_grad(False)
    try:
        shape = input._data.shape
        dims = tuple(d for d in range(len(shape)) if d != 1)
        n = math.prod(shape) // max(shape[1], 1)
        m = OPS.sum(input, dims, True) / n
        if mean is not None:
            mean.mul_(1 - momentum).add_(OPS.reshape(m, mean._data.shape) * momentum)
        if variance is not None:
            d = input - m
            v = OPS.sum(d * d, dims, False) / max(n - 1, 1)
            variance.mul_(1 - momentum).add_(v * momentum)
    finally:
        set_grad(before)


def _movable(input: Any, running: Any) -> bool:
    """Whether a running statistic may be written without further questions."""
    return (
        running is not None and running._node is None and running._view is None
        and running._vc is not INFERENCE and running._data.dtype is input._data.dtype
    )  # fmt: skip


def _trained(
    input: Any, mean: Any, variance: Any, weight: Any, bias: Any, momentum: float, eps: float
) -> Any:
    """Batch norm while training, with the statistics that it needs anyway moved on."""
    w, b = (None if t is None else t._data for t in (weight, bias))
    made = kernels.batch_norm_training(input._data, w, b, float(eps))
    if made is None:
        return None
    for running, now in ((mean, made[1]), (variance, made[2])):
        kernels.moved(own(running), now, momentum)
        bump(running)
    r = wrap(made[0])
    if S.grad or grad_enabled():
        _batch_norm.hang(r, (input, weight, bias, None, None), (float(eps),))
    return r


@public("batch_norm")
def _torch_batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Any:
    """See `torch.nn.functional.batch_norm`."""
    _check_statistics(input._data.shape, running_mean, running_var, weight, bias, training)
    return _batch_norm_any(input, running_mean, running_var, weight, bias, training, momentum, eps)


@public("nn.functional.instance_norm")
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Every channel of every sample normalised on its own: batch norm of (1, N C, ...).

    Args:
        input: (N, C, ...).
        running_mean, running_var, weight, bias: (C), or None.
        use_input_stats: normalise by the input's own statistics, not the running ones.
        momentum, eps: as for `batch_norm`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.instance_norm(torch.tensor([[[1.0, 3.0], [0.0, 8.0]]]))
        tensor([[[-1.0000,  1.0000],
                 [-1.0000,  1.0000]]])
    """
    shape = input._data.shape
    if type(momentum) is not float:
        errors.need_float("instance_norm", momentum=momentum)
    if use_input_stats and (len(shape) < 3 or math.prod(shape[2:]) == 1):
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size "
            f"torch.Size({list(shape)})"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    n, c = shape[:2]

    def repeated(v: Any) -> Any:
        return None if v is None else OPS.repeat(v, (n,))

    mean, variance = repeated(running_mean), repeated(running_var)
    x = OPS.reshape(input, (1, n * c, *shape[2:]))
    y = _batch_norm_any(
        x, mean, variance, repeated(weight), repeated(bias), use_input_stats, momentum, eps
    )
    if use_input_stats:
        _averaged(running_mean, mean, n)
        _averaged(running_var, variance, n)
    return OPS.reshape(y, shape)


def _averaged(running: Any, each: Any, n: int) -> None:
    """Put the mean over the samples into the running statistic."""
    if running is not None:
        before = set_grad(False)
        try:
            running.copy_(T.mean(OPS.reshape(each, (n, running._data.size)), 0))
        finally:
            set_grad(before)


@public("instance_norm")
def _torch_instance_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Any:
    """See `torch.nn.functional.instance_norm`."""
    return instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


# ---------------------------------------------------------------- group norm


def _group_norm_back(
    xp: Any, g: Any, x: Any, weight: Any, bias_shape: Any, groups: int, eps: float, x_shape: Any
) -> tuple[Any, Any, Any]:
    if xp is RAW:
        made = kernels.cells_back(g, x, weight, groups, eps)
        if made is not None:
            return made
    rank = len(x_shape)
    grouped = (x_shape[0], groups, math.prod(x_shape[1:]) // groups)
    xhat, scale = _standard(xp, xp.reshape(x, grouped), grouped, (2,), eps)
    h = g if weight is None else g * _per_channel(xp, weight, rank)
    gx = _pulled(xp, xp.reshape(h, grouped), xhat, scale, grouped, (2,))
    dims = tuple(d for d in range(rank) if d != 1)
    gw = None if weight is None else xp.sum(g * xp.reshape(xhat, x_shape), dims, False)
    return xp.reshape(gx, x_shape), gw, None if bias_shape is None else xp.sum(g, dims, False)


_group_norm = declared(
    "native_group_norm",
    "GroupNormKernelImpl",
    kernels.group_norm,
    ("x", "weight", "bias"),
    _group_norm_back,
    "weight (x - mean)/sqrt(variance + eps) + bias over every group of channels.",
)


@public("nn.functional.group_norm")
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """The channels in groups, each group of each sample normalised on its own.

    Args:
        input: (N, C) or (N, C, ...).
        num_groups: divides C.
        weight, bias: (C), or None.
        eps: added to the variance.

    Source: Wu, He, Group Normalization (2018), eq. 1 to 3.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.group_norm(torch.tensor([[1.0, 3.0, 0.0, 8.0]]), 2)
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    shape = input._data.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    rows = shape[0] * shape[1] // num_groups
    if rows * math.prod(shape[2:]) == 1:
        grouped = [rows, num_groups, *shape[2:]]
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {grouped}"
        )
    return _group_norm_checked(input, num_groups, weight, bias, eps)


@public("group_norm")
def _torch_group_norm(
    input: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Any:
    """See `torch.nn.functional.group_norm`."""
    return _group_norm_checked(input, num_groups, weight, bias, eps)


def _group_norm_checked(input: Any, groups: int, weight: Any, bias: Any, eps: float) -> Any:
    shape = input._data.shape
    if shape[1] % groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            "shape "
            f"{list(shape)} and num_groups={groups}"
        )
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t._data.shape != shape[1:2]:
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, "
                f"but got {name} "
                f"of shape {list(t._data.shape)} and input of shape {list(shape)}"
            )
    if composing():
        rank, grouped = len(shape), (shape[0], groups, math.prod(shape[1:]) // groups)
        y, _ = _standard(OPS, OPS.reshape(input, grouped), grouped, (2,), eps)
        y = OPS.reshape(y, shape)
        y = y if weight is None else y * _per_channel(OPS, weight, rank)
        return cast(y if bias is None else y + _per_channel(OPS, bias, rank), input.dtype)
    return run(_group_norm, (input, weight, bias), (groups, float(eps)))


@public("nn.functional.local_response_norm")
def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """x/(k + alpha mean(x^2 over `size` neighbouring channels))^beta.

    Source: Krizhevsky, Sutskever, Hinton, ImageNet Classification (2012), section 3.3.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.local_response_norm(torch.ones(1, 1, 2), 1, alpha=3.0, beta=0.5)
        tensor([[[0.5000, 0.5000]]])
    """
    shape = input._data.shape
    if len(shape) < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got "
            f"{len(shape)} dimensions)"
        )
    if not input._data.size:
        return input
    square = input * input
    before, after = size // 2, (size - 1) // 2
    pads = [T.zeros((shape[0], n, *shape[2:]), dtype=input.dtype) for n in (before, after)]
    padded = OPS.cat([pads[0], square, pads[1]], 1)
    total = T.narrow(padded, 1, 0, shape[1])
    for i in range(1, size):
        total = total + T.narrow(padded, 1, i, shape[1])
    return input / (total / size * alpha + k) ** beta
