"""Long because: twenty-nine activations with examples.

Activation functions as layers, and `MultiheadAttention` (in `attention.py`).

Elementwise maps apply to tensors of any shape; the softmax family normalises along a dimension.
"""

from __future__ import annotations

import warnings
from typing import Any

from ...ops.math.elementwise import sigmoid, tanh
from .. import functional as F
from .. import init as _init
from .attention import MultiheadAttention
from .module import Module
from .utils import new_parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "MultiheadAttention",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


def _in_place(module: Any) -> str:
    return ", inplace=True" if module.inplace else ""


class Threshold(Module):
    """x where it is above `threshold`, else `value`.

    Args:
        threshold, value: see above.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Threshold(0.5, 20)(torch.tensor([0.0, 1.0]))
        tensor([20.,  1.])
    """

    __constants__ = ["threshold", "value", "inplace"]  # noqa: RUF012

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Any:
        """`F.threshold`."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"threshold={self.threshold}, value={self.value}{_in_place(self)}"


class ReLU(Module):
    """max(x, 0).

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    __constants__ = ["inplace"]  # noqa: RUF012

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """`F.relu`."""
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return "inplace=True" if self.inplace else ""


class RReLU(Module):
    """`LeakyReLU` whose slope is drawn from [lower, upper) for each element while training.

    Args:
        lower, upper: bounds of the slope; evaluation takes their mean.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.RReLU(0.1, 0.3).eval()(torch.tensor([-1.0, 2.0]))
        tensor([-0.2000,  2.0000])
    """

    __constants__ = ["lower", "upper", "inplace"]  # noqa: RUF012

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Any:
        """`F.rrelu`."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"lower={self.lower}, upper={self.upper}{_in_place(self)}"


class Hardtanh(Module):
    """x clipped to [min_val, max_val].

    Args:
        min_val, max_val: the bounds.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Hardtanh()(torch.tensor([-2.0, 0.5]))
        tensor([-1.0000,  0.5000])
    """

    __constants__ = ["min_val", "max_val", "inplace"]  # noqa: RUF012

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, value in (("min_value", min_value), ("max_value", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{old[:7]}`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"max_val must be larger than min_val, got {self.max_val} and {self.min_val}"
            )

    def forward(self, input: Any) -> Any:
        """`F.hardtanh`."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"min_val={self.min_val}, max_val={self.max_val}{_in_place(self)}"


class ReLU6(Hardtanh):
    """x clipped to [0, 6].

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ReLU6()(torch.tensor([-2.0, 7.0]))
        tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def forward(self, input: Any) -> Any:
        """`F.relu6`."""
        return F.relu6(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1/(1 + exp(-x)).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Sigmoid()(torch.zeros(1))
        tensor([0.5000])
    """

    def forward(self, input: Any) -> Any:
        """`torch.sigmoid`."""
        return sigmoid(input)


class Hardsigmoid(Module):
    """clip(x/6 + 1/2, 0, 1).

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Hardsigmoid()(torch.zeros(1))
        tensor([0.5000])
    """

    __constants__ = ["inplace"]  # noqa: RUF012

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """`F.hardsigmoid`."""
        return F.hardsigmoid(input, self.inplace)


class Tanh(Module):
    """The hyperbolic tangent.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Tanh()(torch.zeros(1))
        tensor([0.])
    """

    def forward(self, input: Any) -> Any:
        """`torch.tanh`."""
        return tanh(input)


class SiLU(Module):
    """x sigmoid(x), also called swish.

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.SiLU()(torch.zeros(1))
        tensor([0.])
    """

    __constants__ = ["inplace"]  # noqa: RUF012

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """`F.silu`."""
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return "inplace=True" if self.inplace else ""


class Mish(Module):
    """x tanh(softplus(x)).

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Mish()(torch.zeros(1))
        tensor([0.])
    """

    __constants__ = ["inplace"]  # noqa: RUF012

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """`F.mish`."""
        return F.mish(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return "inplace=True" if self.inplace else ""


class Hardswish(Module):
    """x clip(x + 3, 0, 6)/6.

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Hardswish()(torch.tensor([3.0]))
        tensor([3.])
    """

    __constants__ = ["inplace"]  # noqa: RUF012

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """`F.hardswish`."""
        return F.hardswish(input, self.inplace)


class ELU(Module):
    """x above zero, alpha (exp(x) - 1) below.

    Args:
        alpha: the negative saturation value is -alpha.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.ELU()(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    __constants__ = ["alpha", "inplace"]  # noqa: RUF012

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        """`F.elu`."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"alpha={self.alpha}{_in_place(self)}"


class CELU(Module):
    """x above zero, alpha (exp(x/alpha) - 1) below.

    Args:
        alpha: the negative saturation value is -alpha.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CELU()(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    __constants__ = ["alpha", "inplace"]  # noqa: RUF012

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        """`F.celu`."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"alpha={self.alpha}{_in_place(self)}"


class SELU(Module):
    """A scaled `ELU` that keeps mean 0 and variance 1 (Klambauer et al. 2017).

    Args:
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.SELU()(torch.tensor([1.0]))
        tensor([1.0507])
    """

    __constants__ = ["inplace"]  # noqa: RUF012

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """`F.selu`."""
        return F.selu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return "inplace=True" if self.inplace else ""


class GLU(Module):
    """a sigmoid(b), a and b the halves of the input along `dim`.

    Args:
        dim: the dimension that is halved.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.GLU()(torch.tensor([2.0, 0.0]))
        tensor([1.])
    """

    __constants__ = ["dim"]  # noqa: RUF012

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """`F.glu`."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class GELU(Module):
    """x times the normal distribution function of x.

    Args:
        approximate: "none" or "tanh".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.GELU()(torch.zeros(1))
        tensor([0.])
    """

    __constants__ = ["approximate"]  # noqa: RUF012

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """`F.gelu`."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The options."""
        return f"approximate={self.approximate!r}"


class Hardshrink(Module):
    """x where |x| > lambd, else 0.

    Args:
        lambd: the bound.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Hardshrink()(torch.tensor([0.2, 1.0]))
        tensor([0., 1.])
    """

    __constants__ = ["lambd"]  # noqa: RUF012

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """`F.hardshrink`."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.lambd}"


class LeakyReLU(Module):
    """x above zero, negative_slope x below.

    Args:
        negative_slope: see above.
        inplace: overwrite the input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LeakyReLU(0.1)(torch.tensor([-1.0, 2.0]))
        tensor([-0.1000,  2.0000])
    """

    __constants__ = ["negative_slope", "inplace"]  # noqa: RUF012

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Any) -> Any:
        """`F.leaky_relu`."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"negative_slope={self.negative_slope}{_in_place(self)}"


class LogSigmoid(Module):
    """log(sigmoid(x)).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LogSigmoid()(torch.zeros(1))
        tensor([-0.6931])
    """

    def forward(self, input: Any) -> Any:
        """`F.logsigmoid`."""
        return F.logsigmoid(input)


class Softplus(Module):
    """log(1 + exp(beta x))/beta.

    Args:
        beta: see above.
        threshold: above it (of beta x) the function is x.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Softplus()(torch.zeros(1))
        tensor([0.6931])
    """

    __constants__ = ["beta", "threshold"]  # noqa: RUF012

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        """`F.softplus`."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The options."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softshrink(Module):
    """x moved by lambd towards 0, 0 where |x| < lambd.

    Args:
        lambd: the bound, not negative.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Softshrink()(torch.tensor([0.2, 1.0]))
        tensor([0.0000, 0.5000])
    """

    __constants__ = ["lambd"]  # noqa: RUF012

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """`F.softshrink`."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The options."""
        return str(self.lambd)


class Softsign(Module):
    """x/(1 + |x|).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Softsign()(torch.tensor([1.0]))
        tensor([0.5000])
    """

    def forward(self, input: Any) -> Any:
        """`F.softsign`."""
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Tanhshrink()(torch.zeros(1))
        tensor([0.])
    """

    def forward(self, input: Any) -> Any:
        """`F.tanhshrink`."""
        return F.tanhshrink(input)


class Softmin(Module):
    """exp(-x) over its sum along `dim`.

    Args:
        dim: the dimension that sums to 1.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Softmin(0)(torch.zeros(2))
        tensor([0.5000, 0.5000])
    """

    __constants__ = ["dim"]  # noqa: RUF012

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """`F.softmin`."""
        return F.softmin(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class Softmax(Module):
    """exp(x) over its sum along `dim`.

    Args:
        dim: the dimension that sums to 1.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Softmax(0)(torch.zeros(2))
        tensor([0.5000, 0.5000])
    """

    __constants__ = ["dim"]  # noqa: RUF012

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """`F.softmax`."""
        return F.softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class Softmax2d(Module):
    """`Softmax` over the channels of (N, C, H, W) or (C, H, W).

    Example:
        >>> import chainrule as torch
        >>> torch.nn.Softmax2d()(torch.zeros(1, 2, 1, 1)).flatten()
        tensor([0.5000, 0.5000])
    """

    def forward(self, input: Any) -> Any:
        """`F.softmax` over the channels."""
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3, _stacklevel=5)


class LogSoftmax(Module):
    """log(softmax(x)) along `dim`.

    Args:
        dim: the dimension whose exponentials sum to 1.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.LogSoftmax(0)(torch.zeros(2))
        tensor([-0.6931, -0.6931])
    """

    __constants__ = ["dim"]  # noqa: RUF012

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """`F.log_softmax`."""
        return F.log_softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class PReLU(Module):
    """x above zero, weight x below; the weight is learned.

    Args:
        num_parameters: 1, or one for each channel (dimension 1).
        init: first value of the weight.

    Source: He et al. (2015), Delving Deep into Rectifiers.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.PReLU()(torch.tensor([-1.0, 2.0])).tolist()
        [-0.25, 2.0]
    """

    __constants__ = ["num_parameters"]  # noqa: RUF012
    weight: Any

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = new_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to its first value."""
        _init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        """`F.prelu`."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many parameters."""
        return f"num_parameters={self.num_parameters}"
