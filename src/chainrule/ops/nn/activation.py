"""Activation functions: each one node, as PyTorch records them; those with parameters too.
Long because: twenty activations, each with its rule and an example.

The declarations come first, then the public functions with `inplace=`, then those that are
compositions. PyTorch names a node `EluBackward1` when the op ran in place and its derivative is
taken from the result; such ops are declared twice (`_in_place`). `relu`, `sigmoid` and `tanh` are
in `ops/math/elementwise.py`, `softmax` in `ops/reduce/sums.py`."""

from __future__ import annotations

import math
from typing import Any

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.declare import _declare, elementwise, public
from ...core.record import OPS, RAW
from ...core.tensor import Tensor
from ...core.views import inplace
from ...kernels import activation as kernels
from ...kernels.blocks import NUMBERS
from ..fast import Lane, floats


def _activation(
    name: str,
    title: str,
    kernel: Any,
    rule: Any,
    *,
    grad_fn: str | None = None,
    kinds: str = "fV",
    path: str | None = None,
    doc: str = "",
) -> Lane:
    """Declare an elementwise op of one tensor with parameters."""
    op = _declare(
        name,
        "elementwise",
        floats(title, kernel, kinds),
        ("x",),
        (rule,),
        grad_fn=grad_fn,
        method=False,
        names=(path or "_" + name,),
        domain=(-3.0, 3.0),
        holomorphic="c" in kinds,
        doc=doc,
    )
    return Lane(op, kernel)


def _fused(xp: Any, g: Any, x: Any) -> bool:
    """Whether a rule is evaluated on two arrays for which there is a kernel of the whole rule."""
    return xp is RAW and x.ndim > 0 and g.dtype == x.dtype and x.dtype in NUMBERS


# ---------------------------------------------------------------- the ops

_ANY = "fViu"


def _elu_rule(xp: Any, g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    if _fused(xp, g, x):
        return kernels.elu_back(g, x, alpha, scale, input_scale)
    low = xp.exp(xp.where(x <= 0, x, 0.0) * input_scale)  # exp of what is not used must stay finite
    return g * xp.where(x <= 0, low * (alpha * scale * input_scale), scale)


def _elu_from_out(xp: Any, g: Any, out: Any, alpha: float, scale: float, input_scale: float) -> Any:
    return g * xp.where(out <= 0, (out + alpha * scale) * input_scale, scale)


_ELU_DOC = "scale x, below 0 scale alpha (e^(input_scale x) - 1)."
_elu = _activation("elu", "elu_cpu", kernels.elu, _elu_rule, doc=_ELU_DOC)
_elu_in_place = _activation(
    "elu_in_place", "elu_cpu", kernels.elu, _elu_from_out, grad_fn="EluBackward1", doc=_ELU_DOC
)
_celu = _activation("celu", "elu_cpu", kernels.elu, _elu_rule, doc=_ELU_DOC)
_celu_in_place = _activation(
    "celu_in_place", "elu_cpu", kernels.elu, _elu_from_out, grad_fn="CeluBackward1", doc=_ELU_DOC
)

_LEAKY_DOC = "x, below 0 negative_slope x."
_leaky_relu = _activation(
    "leaky_relu",
    "leaky_relu_cpu",
    kernels.leaky_relu,
    lambda xp, g, x, negative_slope: xp.where(x > 0, g, g * negative_slope),
    doc=_LEAKY_DOC,
)
_leaky_relu_in_place = _activation(
    "leaky_relu_in_place",
    "leaky_relu_cpu",
    kernels.leaky_relu,
    lambda xp, g, out, negative_slope: xp.where(out > 0, g, g * negative_slope),
    grad_fn="LeakyReluBackward1",
    doc=_LEAKY_DOC,
)

_hardtanh = _activation(
    "hardtanh",
    "hardtanh_cpu",
    kernels.hardtanh,
    lambda xp, g, x, min_val, max_val: xp.where((x <= min_val) | (x >= max_val), 0.0, g),
    kinds=_ANY,
    doc="x between the limits; the derivative is 1 inside.",
)


def _threshold_rule(xp: Any, g: Any, x: Any, threshold: float, value: float) -> Any:
    return xp.where(x <= threshold, 0.0, g)


_THRESHOLD_DOC = "x above the threshold, else value."
_threshold = _activation(
    "threshold", "threshold_cpu", kernels.threshold, _threshold_rule, kinds=_ANY, doc=_THRESHOLD_DOC
)
_threshold_in_place = _activation(
    "threshold_in_place",
    "threshold_cpu",
    kernels.threshold,
    _threshold_rule,
    grad_fn="ThresholdBackward1",
    kinds=_ANY,
    doc=_THRESHOLD_DOC,
)


def _gelu_rule(xp: Any, g: Any, x: Any, approximate: str) -> Any:
    if _fused(xp, g, x):
        return kernels.gelu_back(g, x, approximate)
    if approximate == "none":
        density = xp.exp(-0.5 * (x * x)) * (1 / math.sqrt(2 * math.pi))
        return g * (0.5 * (1 + xp.erf(x * math.sqrt(0.5))) + x * density)
    k, c = math.sqrt(2 / math.pi), 0.044715
    t = xp.tanh(k * (x + c * (x * x * x)))
    return g * (0.5 * (1 + t) + (0.5 * x) * ((1 - t * t) * (k + (3 * c * k) * (x * x))))


_gelu = _activation(
    "gelu",
    "GeluKernelImpl",
    kernels.gelu,
    _gelu_rule,
    doc="x Phi(x), Phi the normal distribution function; its derivative is Phi(x) + x phi(x).",
)


def _silu_rule(xp: Any, g: Any, x: Any) -> Any:
    if _fused(xp, g, x):
        return kernels.silu_back(g, x)
    s = xp.sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


_silu = _activation(
    "silu",
    "silu_cpu",
    kernels.silu,
    _silu_rule,
    kinds="fVc",
    doc="x s, s = sigmoid(x); derivative s (1 + x (1 - s)).",
)


def _mish_rule(xp: Any, g: Any, x: Any) -> Any:
    if _fused(xp, g, x):
        return kernels.mish_back(g, x)
    t, s = xp.tanh(xp.softplus(x, 1.0, 20.0)), xp.sigmoid(x)
    return g * (t + x * s * (1 - t * t))


_mish = _activation("mish", "mish_cpu", kernels.mish, _mish_rule, doc="x tanh(softplus(x)).")
_softplus = _activation(
    "softplus",
    "softplus_cpu",
    kernels.softplus,
    lambda xp, g, x, beta, threshold: g * xp.where(x * beta > threshold, 1.0, xp.sigmoid(x * beta)),
    doc="log(1 + e^(beta x))/beta; its derivative is sigmoid(beta x).",
)
_log_sigmoid = _activation(
    "log_sigmoid",
    "log_sigmoid_cpu",
    kernels.log_sigmoid,
    lambda xp, g, x: g * xp.sigmoid(-x),
    doc="log sigmoid(x); its derivative is sigmoid(-x).",
)


def _hardsigmoid_rule(xp: Any, g: Any, x: Any) -> Any:
    if _fused(xp, g, x):
        return kernels.hardsigmoid_back(g, x)
    return xp.where((x > -3) & (x < 3), g * (1 / 6), 0.0)


_hardsigmoid = _activation(
    "hardsigmoid",
    "hardsigmoid_cpu",
    kernels.hardsigmoid,
    _hardsigmoid_rule,
    doc="x/6 + 1/2 between 0 and 1.",
)


def _hardswish_rule(xp: Any, g: Any, x: Any) -> Any:
    if _fused(xp, g, x):
        return kernels.hardswish_back(g, x)
    return xp.where(x <= -3, 0.0, xp.where(x < 3, g * (x * (1 / 3) + 0.5), g))


_hardswish = _activation(
    "hardswish",
    "hardswish_cpu",
    kernels.hardswish,
    _hardswish_rule,
    doc="x hardsigmoid(x).",
)


def _outside(xp: Any, g: Any, x: Any, lambd: float) -> Any:
    return xp.where((x >= -lambd) & (x <= lambd), 0.0, g)


_hardshrink = _activation(
    "hardshrink", "hardshrink_cpu", kernels.hardshrink, _outside, doc="x, or 0 where |x| <= lambd."
)
_softshrink = _activation(
    "softshrink",
    "softshrink_check",
    kernels.softshrink,
    _outside,
    doc="x moved towards 0 by lambd.",
)
_prelu_kernel = elementwise(
    "prelu_kernel",
    kernels.prelu,
    a=lambda xp, g, a, b: xp.where(a > 0, g, g * b),
    b=lambda xp, g, a: g * xp.where(a > 0, 0.0, a),
    method=False,
    has_inplace=False,
    names=("_prelu_kernel",),
    doc="a, below 0 b a.",
)


def _glu_rule(xp: Any, g: Any, x: Any, dim: int) -> Any:
    if _fused(xp, g, x):
        return kernels.glu_back(g, x, dim)
    before, half = (slice(None),) * dim, x.shape[dim] // 2
    a, s = x[(*before, slice(None, half))], xp.sigmoid(x[(*before, slice(half, None))])
    return xp.cat([g * s, g * (a * (s * (1 - s)))], dim)


_glu = Lane(
    _declare(
        "glu",
        "general",
        floats("glu_cpu", kernels.glu),
        ("x",),
        (_glu_rule,),
        method=False,
        names=("_glu",),
        doc="a sigmoid(b) for the halves a and b.",
    ),
    kernels.glu,
)


# ---------------------------------------------------------------- public functions


def _call(
    name: str,
    lane: Lane,
    input: Any,
    params: tuple[Any, ...],
    in_place: bool,
    own: Lane | None = None,
) -> Any:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(name, "input", 1, input)
    if in_place:
        return inplace((own or lane).prim, input, params=params)
    return lane.one(input, params)


@public("nn.functional.leaky_relu")
def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """x where it is positive, else negative_slope x.

    Args:
        input: floating point, any shape.
        negative_slope: the slope below 0.
        inplace: write the result into `input`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.leaky_relu(torch.tensor([-1.0, 2.0]))
        tensor([-0.0100,  2.0000])
    """
    if inplace and negative_slope < 0 and input.requires_grad and (S.grad or grad_enabled()):
        raise RuntimeError(
            "In-place leakyReLu backward calculation is triggered with a negative slope which is "
            "not supported. "
            "This is caused by calling in-place forward function with a negative slope, please "
            "call out-of-place "
            "version instead."
        )
    if not inplace and type(input) is Tensor:
        return _leaky_relu.one(input, (negative_slope,))
    return _call("leaky_relu", _leaky_relu, input, (negative_slope,), inplace, _leaky_relu_in_place)


@public("nn.functional.leaky_relu_")
def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Any:
    """`leaky_relu` in place."""
    return leaky_relu(input, negative_slope, True)


@public("nn.functional.hardtanh")
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """x, cut off at min_val and max_val; the derivative is 0 at the limits.

    Raises:
        ValueError: min_val is above max_val.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.hardtanh(torch.tensor([-2.0, 0.5]))
        tensor([-1.0000,  0.5000])
    """
    if not min_val <= max_val:
        if min_val > max_val:
            raise ValueError("min_val cannot be greater than max_val")
        return input.mul_(math.nan) if inplace else input * math.nan
    if not inplace and type(input) is Tensor:
        return _hardtanh.one(input, (min_val, max_val))
    return _call("hardtanh", _hardtanh, input, (min_val, max_val), inplace)


@public("nn.functional.hardtanh_")
def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """`hardtanh` in place."""
    errors.need_number("hardtanh_", 2, min_val=min_val, max_val=max_val)
    if min_val != min_val or max_val != max_val:
        return input.mul_(math.nan)
    return _call("hardtanh", _hardtanh, input, (min_val, max_val), True)


@public("nn.functional.relu6")
def relu6(input: Any, inplace: bool = False) -> Any:
    """min(max(x, 0), 6).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.relu6(torch.tensor([-1.0, 2.0, 9.0]))
        tensor([0., 2., 6.])
    """
    if not inplace and type(input) is Tensor:
        return _hardtanh.one(input, (0.0, 6.0))
    return _call("relu6", _hardtanh, input, (0.0, 6.0), inplace)


@public("threshold")
def _threshold_of(input: Any, threshold: float, value: float) -> Any:
    """x where it is above `threshold`, else `value`.

    Example:
        >>> import chainrule as torch
        >>> torch.threshold(torch.tensor([1.0, 3.0]), 2.0, 0.0)
        tensor([0., 3.])
    """
    errors.need_number("threshold", 2, threshold=threshold, value=value)
    if type(input) is Tensor:
        return _threshold.one(input, (threshold, value))
    return _call("threshold", _threshold, input, (threshold, value), False)


@public("nn.functional.threshold")
def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x where it is above `threshold`, else `value`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.threshold(torch.tensor([0.1, 2.0]), 1.0, 20.0)
        tensor([20.,  2.])
    """
    errors.need_number("threshold", 2, threshold=threshold, value=value)
    if not inplace and type(input) is Tensor:
        return _threshold.one(input, (threshold, value))
    return _call("threshold", _threshold, input, (threshold, value), inplace, _threshold_in_place)


@public("nn.functional.threshold_", "threshold_")
def threshold_(input: Any, threshold: float, value: float) -> Any:
    """`threshold` in place."""
    errors.need_number("threshold_", 2, threshold=threshold, value=value)
    return _call("threshold_", _threshold, input, (threshold, value), True, _threshold_in_place)


@public("nn.functional.elu")
def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where it is positive, else alpha (e^x - 1).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.elu(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    if not inplace and type(input) is Tensor:
        return _elu.one(input, (alpha, 1.0, 1.0))
    return _call("elu", _elu, input, (alpha, 1.0, 1.0), inplace, _elu_in_place)


@public("nn.functional.elu_")
def elu_(input: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """`elu` in place: scale x where it is positive, else scale alpha (exp(input_scale x) - 1)."""
    return _call("elu_", _elu, input, (alpha, scale, input_scale), True, _elu_in_place)


_SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0)


@public("nn.functional.selu")
def selu(input: Any, inplace: bool = False) -> Any:
    """1.0507 elu(x, 1.6733): keeps mean 0 and variance 1 from layer to layer.

    Source: Klambauer et al., Self-Normalizing Neural Networks (2017), eq. 2 and appendix.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.selu(torch.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """
    if not inplace and type(input) is Tensor:
        return _elu.one(input, _SELU)
    return _call("selu", _elu, input, _SELU, inplace, _elu_in_place)


@public("nn.functional.selu_", "selu_")
def selu_(input: Any) -> Any:
    """`selu` in place."""
    return selu(input, True)


@public("selu")
def _torch_selu(input: Any) -> Any:
    """1.0507 elu(x, 1.6733): see `torch.nn.functional.selu`."""
    return selu(input)


@public("nn.functional.celu")
def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """max(x, 0) + min(0, alpha (e^(x/alpha) - 1)).

    Raises:
        RuntimeError: alpha is 0.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.celu(torch.tensor([-1.0, 2.0]), alpha=2.0)
        tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    if not inplace and type(input) is Tensor:
        return _celu.one(input, (alpha, 1.0, 1.0 / alpha))
    return _call("celu", _celu, input, (alpha, 1.0, 1.0 / alpha), inplace, _celu_in_place)


@public("nn.functional.celu_", "celu_")
def celu_(input: Any, alpha: float = 1.0) -> Any:
    """`celu` in place."""
    return celu(input, alpha, True)


@public("celu")
def _torch_celu(input: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha (e^(x/alpha) - 1)): see `torch.nn.functional.celu`."""
    return celu(input, alpha)


@public("nn.functional.gelu")
def gelu(input: Any, approximate: str = "none") -> Any:
    """x Phi(x), where Phi is the distribution function of the normal distribution.

    Args:
        input: floating point, any shape.
        approximate: 'none' (by erf) or 'tanh'.

    Source: Hendrycks, Gimpel, Gaussian Error Linear Units (2016), section 2.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.gelu(torch.tensor([-1.0, 2.0]))
        tensor([-0.1587,  1.9545])
    """
    if approximate != "none" and approximate != "tanh":
        raise RuntimeError("approximate argument must be either none or tanh.")
    if type(input) is Tensor:
        return _gelu.one(input, (approximate,))
    return _call("gelu", _gelu, input, (approximate,), False)


@public("nn.functional.silu")
def silu(input: Any, inplace: bool = False) -> Any:
    """x sigmoid(x), also called swish.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.silu(torch.tensor([-1.0, 2.0]))
        tensor([-0.2689,  1.7616])
    """
    if not inplace and type(input) is Tensor:
        return _silu.one(input, ())
    return _call("silu", _silu, input, (), inplace)


@public("nn.functional.mish")
def mish(input: Any, inplace: bool = False) -> Any:
    """x tanh(softplus(x)).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.mish(torch.tensor([-1.0, 2.0]))
        tensor([-0.3034,  1.9440])
    """
    if not inplace and type(input) is Tensor:
        return _mish.one(input, ())
    return _call("mish", _mish, input, (), inplace)


@public("nn.functional.softplus")
def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + e^(beta x))/beta; x itself where beta x is above `threshold`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.softplus(torch.tensor([0.0, 30.0]))
        tensor([ 0.6931, 30.0000])
    """
    if type(input) is Tensor:
        return _softplus.one(input, (float(beta), float(threshold)))
    return _call("softplus", _softplus, input, (float(beta), float(threshold)), False)


@public("nn.functional.logsigmoid")
def logsigmoid(input: Any) -> Any:
    """log(sigmoid(x)), without overflow.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.logsigmoid(torch.tensor([0.0, -100.0]))
        tensor([  -0.6931, -100.0000])
    """
    if type(input) is Tensor:
        return _log_sigmoid.one(input, ())
    return _call("log_sigmoid", _log_sigmoid, input, (), False)


@public("nn.functional.hardsigmoid")
def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """x/6 + 1/2, cut off at 0 and 1.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.hardsigmoid(torch.tensor([-4.0, 0.0, 3.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    if not inplace and type(input) is Tensor:
        return _hardsigmoid.one(input, ())
    return _call("hardsigmoid", _hardsigmoid, input, (), inplace)


@public("nn.functional.hardswish")
def hardswish(input: Any, inplace: bool = False) -> Any:
    """x hardsigmoid(x).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.hardswish(torch.tensor([-4.0, 1.0, 3.0]))
        tensor([-0.0000, 0.6667, 3.0000])
    """
    if not inplace and type(input) is Tensor:
        return _hardswish.one(input, ())
    return _call("hardswish", _hardswish, input, (), inplace)


@public("nn.functional.hardshrink", "hardshrink", method=True)
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, or 0 where |x| <= lambd.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.hardshrink(torch.tensor([-0.2, 1.0]))
        tensor([0., 1.])
    """
    if type(input) is Tensor:
        return _hardshrink.one(input, (lambd,))
    return _call("hardshrink", _hardshrink, input, (lambd,), False)


def _largest(x: Any) -> float:
    """The largest number of its dtype."""
    if not isinstance(x, Tensor):
        raise errors.wrong_type("softshrink", "input", 1, x)
    return float(dtypes.finfo(x.dtype).max)


@public("nn.functional.softshrink")
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x - lambd above lambd, x + lambd below -lambd, else 0.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.softshrink(torch.tensor([-0.2, 1.0]))
        tensor([0.0000, 0.5000])
    """
    if not 0 <= lambd <= 65504 and not 0 <= lambd <= _largest(input):
        largest = _largest(input)
        raise RuntimeError(
            f"lambda must be in range [0, {largest:g}] for input dtype "
            f"{errors.LEGACY[input.dtype.name]}, "
            f"but found {lambd:g}"
        )
    if type(input) is Tensor:
        return _softshrink.one(input, (lambd,))
    return _call("softshrink", _softshrink, input, (lambd,), False)


@public("nn.functional.prelu", "prelu", method=True)
def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, else weight x; `weight` has one element, or one for each channel
    (dimension 1).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.prelu(torch.tensor([[-1.0, 2.0]]), torch.tensor([0.25]))
        tensor([[-0.2500,  2.0000]])
    """
    for i, t in enumerate((input, weight)):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("prelu", ("input", "weight")[i], i + 1, t)
    if input._data.dtype != weight._data.dtype:
        have = " and ".join(errors.LEGACY[t.dtype.name] for t in (input, weight))
        raise RuntimeError(f"prelu: Type promoting not supported. Got {have}")
    w, ndim = weight._data, input._data.ndim
    if w.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}"
        )
    channels = input._data.shape[1] if ndim > 1 else 1
    if w.size != 1 and w.size != channels:
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {w.size} and channel size = {channels}."
        )
    if w.ndim:
        shape = (1, w.size, *(1,) * (ndim - 2)) if ndim > 1 else (1,) * ndim
        weight = OPS.reshape(weight, shape)
    return _prelu_kernel(input, weight)


@public("nn.functional.glu")
def glu(input: Any, dim: int = -1) -> Any:
    """a sigmoid(b), where a and b are the halves of `input` along `dim`.

    Raises:
        RuntimeError: the size of `dim` is odd.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.glu(torch.tensor([1.0, 2.0, 0.0, 0.0]))
        tensor([0.5000, 1.0000])
    """
    if not isinstance(input, Tensor):
        raise errors.wrong_type("glu", "input", 1, input)
    shape = input._data.shape
    if not shape:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    dim = errors.checked_dim(dim, len(shape))
    if shape[dim] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {shape[dim]}"
        )
    return _glu.one(input, (dim,))


# ---------------------------------------------------------------- compositions


@public("nn.functional.softsign")
def softsign(input: Any) -> Any:
    """x/(1 + |x|).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.softsign(torch.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])
    """
    return input / (OPS.abs(input) + 1)


@public("nn.functional.tanhshrink")
def tanhshrink(input: Any) -> Any:
    """x - tanh(x).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.tanhshrink(torch.tensor([0.0, 2.0]))
        tensor([0.0000, 1.0360])
    """
    return input - OPS.tanh(input)
