"""Dropout and its relatives: multiplication by noise that PyTorch's generator draws, so that masks
are PyTorch's.

Every function here draws from the default generator with the calls PyTorch makes, in the same order
and dtype, and then only multiplies and adds; nothing of it is a rule of its own, except
`rrelu_with_noise`."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ... import dtypes, errors
from ..._state import S
from ...core.declare import _declare, elementwise, public
from ...core.primitive import F32
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...core.views import inplace as in_place
from ...kernels import activation as kernels
from ...kernels.blocks import NUMBERS, number
from ..fast import Lane, T, floats
from ..make.random import default_generator as DRAWS


def _check_probability(p: float, error: type[Exception] = ValueError) -> None:
    if p != p:
        error = RuntimeError  # said by PyTorch's kernel
    if not 0.0 <= p <= 1.0:
        shown = p if error is ValueError else f"{p:g}"
        raise error(f"dropout probability has to be between 0 and 1, but got {shown}")


def _multiplied(input: Any, noise: Any, inplace: bool) -> Any:
    return input.mul_(noise) if inplace else input * noise


def _noise(input: Any, p: float, feature: bool) -> Any:
    """Ones and zeros, ones with probability 1 - p; one number per channel for feature dropout."""
    shape = tuple(input._data.shape)
    if isinstance(p, Tensor):
        p = p.item()
    if feature:
        if len(shape) < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        shape = (*shape[:2], *(1,) * (len(shape) - 2))
    elif S.mode is None and not input.is_contiguous():
        return _in_memory_order(input, shape, 1 - p)
    return T.empty(shape, dtype=input.dtype).bernoulli_(1 - p)


def _in_memory_order(input: Any, shape: tuple[int, ...], keep: float) -> Any:
    """The noise of a transposed tensor, drawn in the order in which its elements lie in memory, as
    PyTorch does (what `MultiheadAttention` with batch_first returns is one)."""
    strides = input._data.strides
    order = sorted(range(len(shape)), key=lambda d: -strides[d])
    drawn = T.empty(tuple(shape[d] for d in order), dtype=input.dtype).bernoulli_(keep)
    return drawn.permute(*[order.index(d) for d in range(len(order))])


def _dropped(input: Any, p: float, train: bool, inplace: bool, *, feature: bool = False) -> Any:
    if p == 0 or not train or not input._data.size:
        return input
    if p == 1:
        return _multiplied(input, T.zeros((), dtype=input.dtype), inplace)
    data = input._data
    plain = S.mode is None and not feature and type(p) is float  # the usual case
    if plain and data.dtype is F32 and data.ndim and data.flags.c_contiguous:
        return _multiplied(input, wrap(DRAWS.draw("dropout", data.shape, F32, p)), inplace)
    noise = _noise(input, p, feature)
    if S.mode is None and noise._data.dtype in NUMBERS:
        noise._data /= number(1 - p, noise._data.dtype)  # nobody else has seen it
    else:
        noise.div_(1 - p)
    return _multiplied(input, noise, inplace)


def _alpha_dropped(
    input: Any, p: float, train: bool, inplace: bool, *, feature: bool = False
) -> Any:
    """Dropout towards SELU's negative limit, then scaled and shifted so that mean and variance
    stay.
    """
    if p == 0 or not train or not input._data.size:
        return input
    if p == 1:
        return _multiplied(input, T.zeros((), dtype=input.dtype), inplace)
    noise = _noise(input, p, feature)
    alpha = 1.7580993408473766
    a = 1.0 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    b = noise.add(-1).mul_(alpha * a).add_(alpha * a * p)
    noise.mul_(a)
    return input.mul_(noise).add_(b) if inplace else input * noise + b


@public("nn.functional.dropout")
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero each element with probability p, and multiply the others by 1/(1 - p).

    Args:
        input: floating point, any shape.
        p: between 0 and 1.
        training: without it, the input is returned as it is.
        inplace: write the result into `input`.

    Raises:
        ValueError: p is no probability.

    Source: Srivastava et al., Dropout (2014), section 4.

    Example:
        >>> import chainrule as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.nn.functional.dropout(torch.ones(4), 0.5)
        tensor([0., 0., 2., 0.])
    """
    _check_probability(p)
    if training is not True and training is not False:
        raise errors.wrong_kind("dropout", "train", "bool", training, 3)
    if not isinstance(input, Tensor):
        raise errors.wrong_type("dropout", "input", 1, input)
    return _dropped(input, p, training, inplace)


def _need_tensor(op: str, input: Any) -> None:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op, "input", 1, input)


@public("nn.functional.alpha_dropout")
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout for SELU networks: keeps mean 0 and variance 1.

    Source: Klambauer et al., Self-Normalizing Neural Networks (2017), section 2.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.alpha_dropout(torch.ones(2), 0.5)
        tensor([1., 1.])
    """
    _check_probability(p)
    _need_tensor("alpha_dropout", input)
    return _alpha_dropped(input, p, training, inplace)


@public("nn.functional.feature_alpha_dropout")
def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    """`alpha_dropout` of whole channels.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.feature_alpha_dropout(torch.ones(1, 2), 0.5)
        tensor([[1., 1.]])
    """
    _check_probability(p)
    _need_tensor("feature_alpha_dropout", input)
    return _alpha_dropped(input, p, training, inplace, feature=True)


@public("nn.functional.dropout1d")
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, L) or (C, L).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.dropout1d(torch.ones(1, 1, 2), 0.0)
        tensor([[[1., 1.]]])
    """
    _check_probability(p)
    ndim = input._data.ndim
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. "
            "Note that dropout1d exists to provide channel-wise dropout on inputs with 1 "
            "spatial dimension, a channel dimension, and an optional batch dimension "
            "(i.e. 2D or 3D inputs)."
        )
    return _batched(input, p, training, inplace, ndim == 3)


@public("nn.functional.dropout2d")
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, H, W).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.dropout2d(torch.ones(1, 1, 1, 2), 0.0)
        tensor([[[[1., 1.]]]])
    """
    _check_probability(p)
    ndim = input._data.ndim
    if ndim not in (3, 4):
        _unusual("dropout2d", ndim, 2, "3D or 4D")
    if ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise "
            "1D dropout behavior is desired - input is interpreted as shape (N, C, L), where C "
            "is the channel dim. This behavior will change in a future release to interpret the "
            "input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D "
            "channel-wise dropout behavior, please switch to using dropout1d instead.",
            UserWarning,
            stacklevel=2,
        )
    return _dropped(input, p, training, inplace, feature=True)


@public("nn.functional.dropout3d")
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.dropout3d(torch.ones(1, 1, 1, 1, 2), 0.0)
        tensor([[[[[1., 1.]]]]])
    """
    _check_probability(p)
    ndim = input._data.ndim
    if ndim not in (4, 5):
        _unusual("dropout3d", ndim, 3, "4D or 5D")
    return _batched(input, p, training, inplace, ndim == 5)


def _batched(input: Any, p: float, training: bool, inplace: bool, batched: bool) -> Any:
    """Feature dropout with a batch dimension put in front where there is none."""
    if batched:
        return _dropped(input, p, training, inplace, feature=True)
    x = input.unsqueeze(0)
    out = _dropped(x, p, training, inplace, feature=True).squeeze(0)
    return input if inplace else out


def _unusual(op: str, ndim: int, spatial: int, usual: str) -> None:
    warnings.warn(
        f"{op}: Received a {ndim}-D input to {op}, which is deprecated "
        "and will result in an error in a future release. To retain the behavior "
        "and silence this warning, please use dropout instead. Note that "
        f"{op} exists to provide channel-wise dropout on inputs with {spatial} spatial dimensions, "
        f"a channel dimension, and an optional batch dimension (i.e. {usual} inputs).",
        UserWarning,
        stacklevel=3,
    )


def _torch_form(name: str, dropped: Any, feature: bool) -> None:
    """`torch.<name>(input, p, train)` and its in-place form."""

    def function(input: Any, p: float, train: bool) -> Any:
        _check_probability(p, RuntimeError)
        return dropped(input, p, train, False, feature=feature)

    def function_(input: Any, p: float, train: bool) -> Any:
        _check_probability(p, RuntimeError)
        return dropped(input, p, train, True, feature=feature)

    for path, made in ((name, function), (name + "_", function_)):
        made.__name__ = made.__qualname__ = path
        made.__doc__ = f"See `torch.nn.functional.{name}`."
        public(path)(made)


_torch_form("dropout", _dropped, False)
_torch_form("feature_dropout", _dropped, True)
_torch_form("alpha_dropout", _alpha_dropped, False)
_torch_form("feature_alpha_dropout", _alpha_dropped, True)


# ---------------------------------------------------------------- random slopes and choices

# the noise is 1 where x is positive
_rrelu_with_noise, _rrelu_with_noise_in_place = (
    elementwise(
        f"rrelu_with_noise{end}",
        lambda a, b: a * b,
        a=lambda xp, g, b: g * b,
        b=None,
        grad_fn=f"RreluWithNoiseBackward{n}",
        method=False,
        has_inplace=False,
        names=(f"_rrelu_with_noise{end}",),
        doc="x, where it is not positive noise x.",
    )
    for n, end in enumerate(("", "_in_place"))
)
_rrelu_slope = Lane(
    _declare(
        "rrelu_slope",
        "elementwise",
        floats("leaky_relu_cpu", kernels.leaky_relu),
        ("x",),
        (lambda xp, g, x, negative_slope: xp.where(x > 0, g, g * negative_slope),),
        grad_fn="RreluWithNoiseBackward0",
        method=False,
        names=("_rrelu_slope",),
        doc="x, below 0 slope x.",
    ),
    kernels.leaky_relu,
)
_rrelu_slope_in_place = _declare(
    "rrelu_slope_in_place",
    "elementwise",
    floats("leaky_relu_cpu", kernels.leaky_relu),
    ("x",),
    (lambda xp, g, out, negative_slope: xp.where(out > 0, g, g * negative_slope),),
    grad_fn="RreluWithNoiseBackward1",
    method=False,
    names=("_rrelu_slope_in_place",),
    doc="x, below 0 slope x.",
)


def _check_bounds(lower: float, upper: float, inplace: bool) -> None:
    for name, bound in (("lower", lower), ("upper", upper)):
        if not inplace and not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {name} bound must be finite, got {bound:g}")
    raise RuntimeError("Lower bound should be less than or equal to the upper bound")


@public("rrelu")
def _rrelu_of(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *,
    generator: Any = None,
) -> Any:  # fmt: skip
    """`torch.nn.functional.rrelu`, never in place."""
    return rrelu(input, lower, upper, training, generator=generator)


@public("nn.functional.rrelu")
def rrelu(
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Any = None,
) -> Any:
    """Leaky ReLU with a slope drawn for every element from (lower, upper); their mean when not
    training.

    Source: Xu et al., Empirical Evaluation of Rectified Activations (2015), section 2.4.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.rrelu(torch.tensor([-1.0, 2.0]))
        tensor([-0.2292,  2.0000])
    """
    if not -math.inf < lower <= upper < math.inf and not (inplace and lower <= upper):
        _check_bounds(lower, upper, inplace)
    if generator is not None and type(generator).__name__ != "Generator":
        raise errors.wrong_kind("rrelu", "generator", "torch.Generator", generator)
    if not training:
        slope = (float(lower) + float(upper)) / 2
        if inplace:
            return in_place(_rrelu_slope_in_place.prim, input, params=(slope,))
        return _rrelu_slope.one(input, (slope,))
    if input._data.dtype.char not in "fd" and input.dtype is not dtypes.bfloat16:
        name = errors.LEGACY[input.dtype.name]
        raise NotImplementedError(f"\"rrelu_with_noise_out_cpu\" not implemented for '{name}'")
    negative = input._data <= 0
    noise = T.ones(tuple(input._data.shape), dtype=dtypes.float64)
    drawn = T.empty((int(negative.sum()),), dtype=dtypes.float64)
    drawn.uniform_(lower, upper, generator=generator)
    noise._data[negative] = drawn._data
    noise = OPS.to_dtype(noise, input.dtype)
    if inplace:
        return in_place(_rrelu_with_noise_in_place.prim, input, noise)
    return _rrelu_with_noise(input, noise)


@public("nn.functional.rrelu_", "rrelu_")
def rrelu_(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *,
    generator: Any = None,
) -> Any:  # fmt: skip
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, True, generator=generator)


@public("nn.functional.gumbel_softmax")
def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Any:
    """Softmax of (logits + Gumbel noise)/tau: a differentiable draw of one class.

    Args:
        logits: unnormalised log-probabilities.
        tau: temperature; the draw is sharper when it is small.
        hard: return the one-hot class; the gradient is that of the soft draw.
        eps: ignored, as in PyTorch.
        dim: the dimension of the classes.

    Source: Jang, Gu, Poole, Categorical Reparameterization with Gumbel-Softmax (2017), eq. 2.

    Example:
        >>> import chainrule as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.nn.functional.gumbel_softmax(torch.zeros(3), hard=True).sum()
        tensor(1.)
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", UserWarning, stacklevel=2)
    gumbels = -T.empty(tuple(logits._data.shape), dtype=logits.dtype).exponential_().log()
    soft = OPS.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one = T.zeros(tuple(soft._data.shape), dtype=soft.dtype).scatter_(dim, index, 1.0)
    return one - soft.detach() + soft
