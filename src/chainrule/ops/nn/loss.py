"""Losses of `torch.nn.functional` that PyTorch records as one node.

An op here computes the elements and reduces them in one kernel (`kernels/loss.py`); its rule is the
derivative of the reduced loss, so that a training step costs two calls. While an interpreter runs
(vmap, jvp, compile), the public function takes the composition out of smaller ops instead, which
every interpreter understands; it is the tests' oracle as well. Losses that PyTorch composes are in
`ops/nn/margin.py`."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import SAME, general, public
from ...core.interpreter import composing, widened
from ...core.primitive import F32, F64, cast
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels import loss as kernels
from ..fast import Lane, T, floats, not_implemented

REDUCTIONS = frozenset(("none", "mean", "sum"))


# ---------------------------------------------------------------- arguments


def legacy(size_average: Any, reduce: Any) -> str:
    """The reduction that the deprecated pair of flags means, with PyTorch's warning."""
    average = size_average is None or size_average
    reduction = ("mean" if average else "sum") if reduce is None or reduce else "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' "
        f"instead.",
        UserWarning,
        stacklevel=3,
    )
    return reduction


def bad_reduction(reduction: Any) -> ValueError:
    """A reduction that is none of the three."""
    return ValueError(
        errors.hinted(
            f"{reduction} is not a valid value for reduction", hint="'none', 'mean' or 'sum'"
        )
    )


def reduce_by(z: Tensor, reduction: str) -> Tensor:
    """A recorded loss reduced."""
    if reduction == "mean":
        return T.mean(z)
    return OPS.sum(z) if reduction == "sum" else z


def _no_tensor(*values: Any) -> Exception:
    wrong = next(v for v in values if not isinstance(v, Tensor))
    if hasattr(wrong, "size"):
        return TypeError(
            errors.hinted(
                f"a loss must be given Tensors, not {errors.kind_name(wrong)}",
                hint=errors.as_tensor_hint(wrong),
            )
        )
    return AttributeError(
        errors.hinted(
            f"'{errors.kind_name(wrong)}' object has no attribute 'size'",
            hint="a loss takes tensors; torch.tensor(value) makes one of numbers and lists",
        )
    )


def fitted(op: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target of one shape: broadcast, with PyTorch's warning, when theirs differ."""
    try:
        a, b = input._data.shape, target._data.shape
    except AttributeError:
        raise _no_tensor(input, target) from None
    if S.mode is not None:
        input, target = widened(input, target)
    if a == b:
        return input, target
    warnings.warn(
        f"Using a target size ({target.shape}) that is different to the input size "
        f"({input.shape}). "
        "This will likely lead to incorrect results due to broadcasting. Please ensure they have "
        "the same size.",
        UserWarning,
        stacklevel=3,
    )
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise errors.broadcast(op, (a, b)) from None
    return (
        input if a == shape else OPS.expand(input, shape),
        target if b == shape else OPS.expand(target, shape),
    )


def constant(op: str, **operands: Any) -> None:
    """PyTorch's refusal of operands that require grad where the loss has no derivative."""
    for name, value in operands.items():
        if isinstance(value, Tensor) and value._node is not None:
            raise RuntimeError(
                errors.hinted(
                    f"The function '{op}' is not differentiable with respect to argument '{name}'. "
                    "This input cannot have requires_grad True.",
                    hint=f"pass {name}.detach()",
                )
            )


def _declared(
    name: str, title: str, kernel: Any, args: tuple[str, ...], rules: Any, doc: str
) -> Lane:
    """An op on input, target (and constants) with the shortcut."""
    op = general(
        name,
        floats(title, kernel),
        args,
        rules=rules,
        promote=SAME,
        names=("_" + name,),
        method=False,
        doc=doc,
    )
    return Lane(op, kernel)


def _share(g: Any, reduction: str, shape: tuple[int, ...]) -> Any:
    """The cotangent of every element."""
    return g / math.prod(shape) if reduction == "mean" else g


# ---------------------------------------------------------------- squared, Huber, smooth L1, soft
# margin

_mse = _declared(
    "mse_loss",
    "mse_cpu",
    kernels.mse,
    ("input", "target"),
    {
        "input": lambda xp, g, input, target, reduction, input_shape: (
            _share(g, reduction, input_shape) * 2 * (input - target)
        ),
        "target": lambda xp, g, input, target, reduction, input_shape: (
            _share(g, reduction, input_shape) * 2 * (target - input)
        ),
    },
    "(input - target)^2; its derivative is 2 (input - target).",
)


def _huber_slope(xp: Any, g: Any, d: Any, delta: float) -> Any:
    """d, cut off at +-delta, where its slope still is 1."""
    return g * xp.clamp(d, -delta, delta)


_huber = _declared(
    "huber_loss",
    "huber_cpu",
    kernels.huber,
    ("input", "target"),
    {
        "input": lambda xp, g, input, target, reduction, delta, input_shape: _huber_slope(
            xp, _share(g, reduction, input_shape), input - target, delta
        ),
        "target": lambda xp, g, input, target, reduction, delta, input_shape: _huber_slope(
            xp, _share(g, reduction, input_shape), target - input, delta
        ),
    },
    "d^2/2 for |d| <= delta, else delta (|d| - delta/2); its derivative is d cut off at delta.",
)


def _smooth_slope(xp: Any, g: Any, d: Any, beta: float) -> Any:
    """d/beta, cut off at +-1."""
    return g * xp.hardtanh(d / beta, -1.0, 1.0)  # its slope is 0 where the parabola ends


_smooth_l1 = _declared(
    "smooth_l1_loss",
    "smooth_l1_cpu",
    kernels.smooth_l1,
    ("input", "target"),
    {
        "input": lambda xp, g, input, target, reduction, beta, input_shape: _smooth_slope(
            xp, _share(g, reduction, input_shape), input - target, beta
        ),
        "target": lambda xp, g, input, target, reduction, beta, input_shape: _smooth_slope(
            xp, _share(g, reduction, input_shape), target - input, beta
        ),
    },
    "d^2/(2 beta) for |d| < beta, else |d| - beta/2; its derivative is d/beta cut off at 1.",
)

_soft_margin = _declared(
    "soft_margin_loss",
    "soft_margin_loss",
    kernels.soft_margin,
    ("input", "target"),
    {
        "input": lambda xp, g, input, target, reduction, input_shape: (
            _share(g, reduction, input_shape) * (-target * xp.sigmoid(-target * input))
        ),
    },
    "log(1 + exp(-target input)); its derivative is -target sigmoid(-target input).",
)


@public("nn.functional.mse_loss")
def mse_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The squared error (input - target)^2.

    Args:
        input, target: of one shape (a target that broadcasts is taken with a warning).
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.
        weight: of the shape of `input`; then the mean divides by the sum of the weights.

    Returns:
        A 0-d tensor, or one of the common shape for 'none'.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(2.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    input, target = fitted("mse_loss", input, target)
    if weight is not None:
        return _weighted(_mse.pair(input, target, ("none",)), weight, reduction)
    if composing():
        d = input - target
        return reduce_by(d * d, reduction)
    return _mse.pair(input, target, (reduction,))


def _weighted(z: Any, weight: Any, reduction: str) -> Any:
    """A loss times weights; the mean divides by their sum."""
    if weight.shape != z.shape:
        raise ValueError(
            errors.hinted(
                "Weights and input must have the same size.",
                f"weight: {list(weight.shape)}, input: {list(z.shape)}",
                hint="weight.expand_as(input)",
            )
        )
    z = z * weight
    if reduction == "none":
        return z
    return OPS.sum(z) / OPS.sum(weight) if reduction == "mean" else OPS.sum(z)


@public("nn.functional.l1_loss")
def l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The absolute error |input - target|; arguments and result as for `mse_loss`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(1.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    input, target = fitted("l1_loss", input, target)
    z = OPS.abs(input - target)
    return reduce_by(z, reduction) if weight is None else _weighted(z, weight, reduction)


@public("nn.functional.smooth_l1_loss")
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """d^2/(2 beta) where |d| < beta, else |d| - beta/2, with d = input - target.

    Args:
        input, target, size_average, reduce, reduction: as for `mse_loss`.
        beta: where the parabola ends; 0 gives the L1 loss.

    Raises:
        RuntimeError: beta is negative.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([0.5, 3.0])
        >>> torch.nn.functional.smooth_l1_loss(x, torch.zeros(2), reduction="none")
        tensor([0.1250, 2.5000])
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    input, target = fitted("smooth_l1_loss", input, target)
    if beta <= 0:
        if beta < 0:
            raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
        return reduce_by(OPS.abs(input - target), reduction)
    if composing():
        z = OPS.abs(input - target)
        return reduce_by(OPS.where(z < beta, z * z * (0.5 / beta), z - 0.5 * beta), reduction)
    return _smooth_l1.pair(input, target, (reduction, beta))


@public("nn.functional.huber_loss")
def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """d^2/2 where |d| <= delta, else delta (|d| - delta/2), with d = input - target.

    Args:
        input, target, reduction: as for `mse_loss`.
        delta: where the parabola ends; positive.
        weight: of the shape of `input`, multiplies the elements.

    Raises:
        RuntimeError: delta is not positive.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([0.5, 3.0])
        >>> torch.nn.functional.huber_loss(x, torch.zeros(2), reduction="none")
        tensor([0.1250, 2.5000])
    """
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    input, target = fitted("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is not None:
        z = _weighted(huber_loss(input, target, "none", delta), weight, "none")
        return reduce_by(z, reduction)
    if composing():
        z = OPS.abs(input - target)
        return reduce_by(OPS.where(z <= delta, 0.5 * z * z, delta * (z - 0.5 * delta)), reduction)
    return _as_dtype_of(input, target, _huber.pair, (reduction, delta))


def _as_dtype_of(keeper: Any, other: Any, call: Any, params: Any, *, swap: bool = False) -> Any:
    """A loss whose result has the dtype of one operand, whatever the other has."""
    a, b = (other, keeper) if swap else (keeper, other)
    x, y = keeper._data.dtype, other._data.dtype
    if x is not y and x != y and other.dtype.category > keeper.dtype.category:
        raise errors.not_castable(other.dtype, keeper.dtype)
    z = call(a, b, params)
    return z if x is y or x == y else cast(z, keeper.dtype)


@public("nn.functional.soft_margin_loss")
def soft_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """log(1 + exp(-target input)) for targets of -1 and 1; arguments and result as for `mse_loss`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.soft_margin_loss(torch.tensor([0.0, 9.0]), torch.tensor([1.0, 1.0]))
        tensor(0.3466)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    for i, t in enumerate((input, target)):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("soft_margin_loss", ("input", "target")[i], i + 1, t)
    constant("soft_margin_loss", target=target)
    if input._data.shape != target._data.shape:
        shape = input._data.shape
        input, target = T.broadcast_tensors(input, target)
        if input._data.shape != shape:
            raise RuntimeError(
                f"output with shape {list(shape)} doesn't match the broadcast shape "
                f"{list(input._data.shape)}"
            )
    if input._data.dtype.kind in "biu":
        raise errors.not_castable(S.default_dtype, input.dtype)
    if S.mode is not None:
        input, target = widened(input, target)
    if composing():
        return reduce_by(-OPS.log_sigmoid(target * input), reduction)
    return _as_dtype_of(input, target, _soft_margin.pair, (reduction,))


# ---------------------------------------------------------------- binary cross entropy


def _weigh(g: Any, weight: Any, reduction: str, shape: tuple[int, ...]) -> Any:
    """The cotangent of every element, weighted."""
    g = _share(g, reduction, shape)
    return g if weight is None else g * weight


def _bce_input(
    xp: Any, g: Any, input: Any, target: Any, weight: Any, reduction: str, input_shape: Any
) -> Any:
    slope = input * (1 - input)
    slope = xp.where(
        slope > 1e-12, slope, 1e-12
    )  # as in PyTorch: finite where a logarithm was cut off
    return _weigh(g, weight, reduction, input_shape) * ((input - target) / slope)


def _bce_target(xp: Any, g: Any, input: Any, weight: Any, reduction: str, input_shape: Any) -> Any:
    yes, no = xp.log(input), xp.log1p(-input)
    odds = xp.where(no > -100, no, -100.0) - xp.where(yes > -100, yes, -100.0)
    return _weigh(g, weight, reduction, input_shape) * odds


_bce = _declared(
    "binary_cross_entropy",
    "binary_cross_entropy",
    kernels.bce,
    ("input", "target", "weight"),
    {"input": _bce_input, "target": _bce_target},
    "-y log x - (1 - y) log(1 - x); its derivative is (x - y)/(x (1 - x)).",
)


def _logits_input(
    xp: Any,
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    pos_weight: Any,
    reduction: str,
    input_shape: Any,
) -> Any:
    g = _weigh(g, weight, reduction, input_shape)
    if pos_weight is None:
        return g * (xp.sigmoid(input) - target)
    yes = pos_weight * target
    return g * ((yes + 1 - target) * xp.sigmoid(input) - yes)


def _logits_target(
    xp: Any, g: Any, input: Any, weight: Any, pos_weight: Any, reduction: str, input_shape: Any
) -> Any:
    g = _weigh(g, weight, reduction, input_shape)
    if pos_weight is None:
        return g * -input
    return g * ((1 - pos_weight) * xp.log_sigmoid(input) - input)


_bce_logits = _declared(
    "binary_cross_entropy_with_logits",
    "log_sigmoid_cpu",
    kernels.bce_with_logits,
    ("input", "target", "weight", "pos_weight"),
    {"input": _logits_input, "target": _logits_target},
    "softplus(x) - y x, the cross entropy of sigmoid(x); its derivative is sigmoid(x) - y.",
)


@public("nn.functional.binary_cross_entropy")
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """-target log(input) - (1 - target) log(1 - input); a logarithm below -100 counts as -100.

    Args:
        input, target: probabilities, of one shape and dtype.
        weight: broadcasts to the shape of `input`, multiplies the elements.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: the shapes differ.
        RuntimeError: something is no probability.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor(0.6931)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    try:
        a, b = input._data, target._data
    except AttributeError:
        raise _no_tensor(input, target) from None
    if a.shape != b.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. "
            "Please ensure they have the same size.\n"
            "Hint: reshape one of them, often with .squeeze(-1) or .unsqueeze(-1)"
        )
    if weight is not None:
        if not isinstance(weight, Tensor):
            raise _no_tensor(weight)
        constant("binary_cross_entropy", weight=weight)
        _check_weight(weight, a.shape)
        if weight._data.dtype != a.dtype and weight.dtype.category == 2:
            weight = cast(weight, input.dtype)
    if a.dtype != b.dtype:
        found, expected = (errors.LEGACY[t.dtype.name] for t in (target, input))
        raise RuntimeError(
            f"Found dtype {found} but expected {expected}\nHint: target.to(input.dtype)"
        )
    if composing():
        no, yes = T.clamp_min(OPS.log1p(-input), -100.0), T.clamp_min(OPS.log(input), -100.0)
        z = (target - 1) * no - target * yes
        return reduce_by(z if weight is None else z * weight, reduction)
    if weight is None:
        return _bce.pair(input, target, (reduction,), (None,))
    return _bce.prim.call(input, target, weight, params=(reduction,))


def _check_weight(weight: Any, shape: tuple[int, ...], positive: bool = False) -> None:
    try:
        both = np.broadcast_shapes(weight._data.shape, shape)
    except ValueError:
        first, second = (shape, weight._data.shape)[:: -1 if positive else 1]
        raise errors.broadcast("binary_cross_entropy", (first, second)) from None
    if both != shape:
        raise RuntimeError(
            f"output with shape {list(shape)} doesn't match the broadcast shape {list(both)}\n"
            "Hint: a weight must broadcast to the shape of the input"
        )


@public("nn.functional.binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """The binary cross entropy of sigmoid(input): softplus(input) - target input, safe for large
    inputs.

    Args:
        input: logits, any shape.
        target: probabilities, the same shape.
        weight: broadcasts to the shape of `input`, multiplies the elements.
        size_average, reduce: deprecated, use `reduction`.
        reduction: 'mean', 'sum' or 'none'.
        pos_weight: broadcasts to the shape of `input`, multiplies what positive targets contribute.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.binary_cross_entropy_with_logits(torch.zeros(3), torch.ones(3))
        tensor(0.6931)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    try:
        a, b = input._data, target._data
    except AttributeError:
        raise _no_tensor(input, target) from None
    if a.shape != b.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})\n"
            "Hint: reshape one of them, often with .squeeze(-1) or .unsqueeze(-1)"
        )
    if S.mode is not None:
        input, target, weight, pos_weight = widened(input, target, weight, pos_weight)
        a, b = input._data, target._data
    dtype = a.dtype
    if (
        weight is None
        and pos_weight is None
        and dtype is b.dtype
        and (dtype is F32 or dtype is F64)
    ):
        if not composing():
            return _bce_logits.pair(input, target, (reduction,), (None, None))
        return reduce_by((1 - target) * input - OPS.log_sigmoid(input), reduction)
    return _logits_general(input, target, weight, pos_weight, reduction)


def _logits_general(input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    op = "binary_cross_entropy_with_logits"
    for i, (name, w) in enumerate((("weight", weight), ("pos_weight", pos_weight))):
        if w is not None:
            if not isinstance(w, Tensor):
                raise errors.wrong_type(op, name, i + 3, w)
            constant(op, **{name: w})
            _check_weight(w, input._data.shape, name == "pos_weight")
    if input._data.dtype.kind in "biu":
        raise not_implemented("log_sigmoid_cpu", input.dtype)
    if composing():
        factor = 1 if pos_weight is None else (pos_weight - 1) * target + 1
        z = (1 - target) * input - factor * OPS.log_sigmoid(input)
        return reduce_by(z if weight is None else z * weight, reduction)

    def call(a: Any, b: Any, params: Any) -> Any:
        return _bce_logits.prim.call(a, b, weight, pos_weight, params=params)

    return _as_dtype_of(target, input, call, (reduction,), swap=True)
