"""`torch.nn.init`: first values of parameters, with PyTorch's draws.

Every function overwrites its tensor, unrecorded, and returns it.
Sources: Glorot, Bengio (2010) for `xavier_`; He et al. (2015) for `kaiming_`; Saxe, McClelland,
Ganguli (2014) for `orthogonal_`; Martens (2010) for `sparse_`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..core.tensor import wrap
from ..kernels.blas import factored
from ..ops.fast import T, not_implemented
from ..ops.make.random import randperm

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended factor of the deviation for a nonlinearity.

    Args:
        nonlinearity: name of the function in `nn.functional`.
        param: the slope, for leaky_relu.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.calculate_gain("tanh")
        1.6666666666666667
    """
    if not isinstance(nonlinearity, str):
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "selu":
        return 3.0 / 4
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


_LINEAR = frozenset(["linear", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3))])


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Uniform numbers of [a, b).

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.init.uniform_(torch.empty(100), -1, 1)
        >>> bool((w.abs() <= 1).all())
        True
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Normal numbers.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.normal_(torch.empty(2), 1.0, 0.0)
        tensor([1., 1.])
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Any:
    """Normal numbers, those outside [a, b] drawn again.

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.init.trunc_normal_(torch.empty(100))
        >>> bool((w.abs() <= 2).all())
        True
    """

    def below(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )
    with no_grad():
        if below((b - mean) / std) - below((a - mean) / std) > 0.3:
            return _redrawn(tensor, mean, std, a, b, generator)
        return _accepted(tensor, mean, std, a, b, generator)


def _redrawn(tensor: Any, mean: float, std: float, a: float, b: float, generator: Any) -> Any:
    """Normal numbers; those outside [a, b] are drawn again until none is."""
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
    made = tensor.normal_(mean, std, generator=generator)
    while True:
        outside = (made < low) | (made > high)
        if not outside.any():
            return tensor if made is tensor else tensor.copy_(made)
        again = T.empty_like(made).normal_(mean, std, generator=generator)
        made = T.where(outside, again, made)


def _accepted(tensor: Any, mean: float, std: float, a: float, b: float, generator: Any) -> Any:
    """Uniform numbers of [a, b), each accepted with the density there over the largest: where
    [a, b] holds little of the distribution, drawing from it again would take long."""
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

    def refused(candidates: Any) -> Any:
        log_density = ((candidates - mean) / std) ** 2 * -0.5 - peak
        chance = T.empty_like(candidates).uniform_(generator=generator)
        return chance.log_() > log_density

    made = tensor.uniform_(a, b, generator=generator).clone()
    pending = refused(made)
    while pending.any():
        candidates = T.empty_like(made).uniform_(a, b, generator=generator)
        made = T.where(pending, candidates, made)
        pending = pending & refused(candidates)
    return tensor.copy_(made)


def constant_(tensor: Any, val: float) -> Any:
    """One number everywhere.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.constant_(torch.empty(2), 0.5)
        tensor([0.5000, 0.5000])
    """
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Any) -> Any:
    """Ones.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.ones_(torch.empty(2))
        tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Any) -> Any:
    """Zeros.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.zeros_(torch.empty(2))
        tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def eye_(tensor: Any) -> Any:
    """The identity matrix.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.eye_(torch.empty(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        tensor.zero_()
        for i in range(min(tensor.shape)):
            tensor[i, i] = 1.0
    return tensor


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Weights of a convolution that passes its channels through.

    Args:
        tensor: (out channels, in channels, ...), 3 to 5 dimensions.
        groups: of the convolution.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.dirac_(torch.empty(1, 1, 3))
        tensor([[[0., 1., 0.]]])
    """
    n = tensor.ndimension()
    if n not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    sizes = tensor.size()
    if sizes[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    out_each = sizes[0] // groups
    middle = tuple(s // 2 for s in sizes[2:])
    with no_grad():
        tensor.zero_()
        for g in range(groups):
            for d in range(min(out_each, sizes[1])):
                tensor[(g * out_each + d, d, *middle)] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Uniform numbers of [-b, b], b = gain sqrt(6/(fan_in + fan_out)).

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.init.xavier_uniform_(torch.empty(3, 3))
        >>> bool((w.abs() <= 1).all())
        True
    """
    std = gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))
    a = math.sqrt(3.0) * std
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Normal numbers of deviation gain sqrt(2/(fan_in + fan_out)).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.xavier_normal_(torch.empty(3, 5)).shape
        torch.Size([3, 5])
    """
    std = gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Any, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    """Uniform numbers of [-b, b], b = gain sqrt(3/fan).

    Args:
        tensor: two or more dimensions.
        a: negative slope of the rectifier that follows.
        mode: fan_in keeps the variance forward, fan_out backward.
        nonlinearity: what follows.

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.init.kaiming_uniform_(torch.empty(4, 6))
        >>> bool((w.abs() <= 1).all())
        True
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    """Normal numbers of deviation gain/sqrt(fan).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.init.kaiming_normal_(torch.empty(4, 6)).shape
        torch.Size([4, 6])
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """A (semi-)orthogonal matrix; further dimensions count as columns.

    Example:
        >>> import chainrule as torch
        >>> q = torch.nn.init.orthogonal_(torch.empty(3, 3))
        >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-6)
        True
    """
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.size(0)
    cols = tensor.numel() // rows
    with no_grad():
        if tensor.dtype.itemsize == 2:
            raise not_implemented("geqrf_cpu", tensor.dtype)
        flat = tensor.new_empty((rows, cols)).normal_(0, 1, generator=generator)
        if rows < cols:
            flat = flat.t()
        tensor.view(rows, cols).copy_(_orthogonal(flat, rows < cols)).mul_(gain)
    return tensor


def _orthogonal(flat: Any, turned: bool) -> Any:
    """The orthogonal factor of a matrix, made unique by positive diagonal elements of R."""
    q, r = factored(np.linalg.qr, flat.numpy())
    q = q * np.sign(np.diag(r))
    return wrap(q.T if turned else q)


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Normal numbers, and a fraction `sparsity` of every column zero.

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.init.sparse_(torch.empty(4, 2), 0.5)
        >>> (w == 0).sum(0)
        tensor([2, 2])
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, cols = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for col in range(cols):
            tensor[randperm(rows)[:zeros], col] = 0
    return tensor


def _old(name: str, new: Callable[..., Any]) -> Callable[..., Any]:
    """The form of a name without underscore, which warns."""

    def old(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.",
            FutureWarning,
            stacklevel=2,
        )
        return new(*args, **kwargs)

    old.__name__ = name
    old.__doc__ = f"The old name of `{name}_`."
    return old


uniform, normal = _old("uniform", uniform_), _old("normal", normal_)
constant = _old("constant", constant_)
eye, dirac = _old("eye", eye_), _old("dirac", dirac_)
xavier_uniform = _old("xavier_uniform", xavier_uniform_)
xavier_normal = _old("xavier_normal", xavier_normal_)
kaiming_uniform = _old("kaiming_uniform", kaiming_uniform_)
kaiming_normal = _old("kaiming_normal", kaiming_normal_)
orthogonal, sparse = _old("orthogonal", orthogonal_), _old("sparse", sparse_)
