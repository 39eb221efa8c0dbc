"""Connectionist temporal classification: `ctc_loss`.

With l' the labels with blanks before, between and after, alpha_t(s) is the log probability of all
ways to have written l'_1..l'_s in t steps, beta_t(s) that of writing the rest from there. Both are
one step after the other in time, all samples and labels at once. The gradient with respect to the
log probabilities y is exp(y) minus the posterior of every class (as in PyTorch: the gradient for
logits, of which y is the log softmax). Source: Graves et al., Connectionist Temporal Classification
(2006), eq. 6 to 16.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.batching import RULES, looped
from ...core.declare import general, public, spelled
from ...core.interpreter import composing
from ...core.primitive import I64
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...kernels.compiled import compiled_as
from ..fast import not_implemented
from . import padding  # noqa: F401  # the recursions below shift with constant_pad_nd
from .loss import REDUCTIONS, bad_reduction

# ---------------------------------------------------------------- the lattice


def _labels_kernel(targets: Any, target_lengths: Any, blank: int) -> Any:
    """l': blank, label, blank, ...; behind a sample's end blanks. (N, 2 longest + 1)"""
    n, longest = target_lengths.size, int(target_lengths.max(initial=0))
    made = np.full((n, 2 * longest + 1), blank, np.int64)
    inside = np.arange(longest) < target_lengths[:, None]
    if targets.ndim == 2:
        labels = np.where(inside, targets[:, :longest], blank)
    else:
        labels = np.full((n, longest), blank, np.int64)
        labels[inside] = targets[: int(target_lengths.sum())]
    made[:, 1::2] = labels
    return made


def _facts(labels: Any, target_lengths: Any, blank: int) -> tuple[Any, Any]:
    """Where the step over a blank is allowed, and the places that exist."""
    jump = np.zeros(labels.shape, bool)
    jump[:, 2:] = labels[:, 2:] != labels[:, :-2]
    return jump, np.arange(labels.shape[1]) <= 2 * target_lengths[:, None]


def _end(labels: Any, target_lengths: Any) -> Any:
    """The places where a sample may end."""
    at, last = np.arange(labels.shape[1]), 2 * target_lengths[:, None]
    return (at == last) | (at == last - 1)


def _log(mask: Any) -> Any:
    return np.where(mask, 0.0, -np.inf)


def _lattice_kernel(targets: Any, target_lengths: Any, blank: int, part: int) -> Any:
    """Part 0: l'; 1: the allowed jumps; 2: the places that exist; 3: the places at the end."""
    labels = _labels_kernel(targets, target_lengths, blank)
    if part == 0:
        return labels
    if part == 3:
        return _end(labels, target_lengths)
    return _facts(labels, target_lengths, blank)[part - 1]


general(
    "ctc_lattice", _lattice_kernel, ("targets", "target_lengths"), method=False,
    names=("_ctc_lattice",), doc="The labels with blanks, and which steps between them exist.",
)  # fmt: skip


# ---------------------------------------------------------------- kernels


def _emitted(log_probs: Any, labels: Any) -> Any:
    """The log probability of every label at every time; (T, N, places)."""
    return log_probs[:, np.arange(len(labels))[:, None], labels]


def _sum3(a: Any, b: Any, c: Any) -> Any:
    top = np.maximum(np.maximum(a, b), c)
    low = np.where(top == -np.inf, 0.0, top)
    return low + np.log(np.exp(a - low) + np.exp(b - low) + np.exp(c - low))


def _shifted(a: Any, by: int) -> Any:
    """a moved right by so many places (left if negative), -inf where nothing comes from."""
    made = np.full_like(a, -np.inf)
    if by > 0:
        made[:, by:] = a[:, :-by]
    else:
        made[:, :by] = a[:, -by:]
    return made


def _alphas(emitted: Any, jump: Any, exists: Any) -> Any:
    made = np.empty_like(emitted)
    made[0] = -np.inf
    made[0, :, :2] = emitted[0, :, :2] + exists[:, :2]
    for t in range(1, len(emitted)):
        a = made[t - 1]
        made[t] = _sum3(a, _shifted(a, 1), _shifted(a, 2) + jump) + emitted[t] + exists
    return made


def _betas(emitted: Any, jump: Any, end: Any, input_lengths: Any) -> Any:
    """Without the emission at t itself; every sample starts at its own last step."""
    made = np.empty_like(emitted)
    b = np.full_like(end, -np.inf)
    for t in range(len(emitted) - 1, -1, -1):
        if t + 1 < len(emitted):
            c = b + emitted[t + 1]
            b = _sum3(c, _shifted(c, -1), _shifted(c + jump, -2))
        made[t] = b = np.where((input_lengths == t + 1)[:, None], end, b)
    return made


@partial(compiled_as, "ops.nn.ctc._ctc_kernel")
def _ctc_kernel(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int,
    zero_infinity: bool,
) -> Any:  # fmt: skip
    """The negative log likelihood of every sample; `zero_infinity` is for the derivative."""
    if log_probs.dtype.kind != "f" or log_probs.dtype.itemsize == 2:
        raise not_implemented("ctc_loss_cpu", wrap(log_probs).dtype)
    labels = _labels_kernel(targets, target_lengths, blank)
    jump, exists = map(_log, _facts(labels, target_lengths, blank))
    n = len(labels)
    if not len(log_probs):
        return np.where(target_lengths == 0, 0.0, np.inf).astype(log_probs.dtype)
    alphas = _alphas(_emitted(log_probs, labels).astype(np.float64), jump, exists)
    last = alphas[np.maximum(input_lengths - 1, 0), np.arange(n)]
    end = _log(_end(labels, target_lengths))
    low = last + end
    top = low.max(1, keepdims=True)
    safe = np.where(top == -np.inf, 0.0, top)
    made = -(safe[:, 0] + np.log(np.exp(low - safe).sum(1)))
    made = np.where(input_lengths == 0, np.where(target_lengths == 0, 0.0, np.inf), made)
    return made.astype(log_probs.dtype)


def _posterior_kernel(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int
) -> Any:
    """The probability of every class at every time, given the labels; NaN if they are impossible,
    0 behind a sample's end."""
    labels = _labels_kernel(targets, target_lengths, blank)
    jump, exists = map(_log, _facts(labels, target_lengths, blank))
    emitted = _emitted(log_probs, labels).astype(np.float64)
    end = _log(_end(labels, target_lengths))
    both = _alphas(emitted, jump, exists) + _betas(emitted, jump, end, input_lengths)
    n = np.arange(len(labels))
    steps = np.arange(len(log_probs))
    total = np.logaddexp.reduce(both, axis=2)
    at = total[np.maximum(input_lengths - 1, 0), n]
    each = np.exp(both - at[:, None])
    made = np.zeros(log_probs.shape)
    flat = (steps[:, None, None] * log_probs.shape[1] + n[:, None]) * log_probs.shape[2] + labels
    np.add.at(made.reshape(-1), flat.reshape(-1), each.reshape(-1))
    made[:, at == -np.inf] = np.nan
    made[steps[:, None] >= input_lengths] = 0
    return made.astype(log_probs.dtype)


# ---------------------------------------------------------------- the ops

_OPERANDS = ("log_probs", "targets", "input_lengths", "target_lengths")


def _slopes(
    xp: Any, g: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any,
    blank: int, zero_infinity: bool, log_probs_shape: Any,
) -> Any:  # fmt: skip
    steps, samples, _ = log_probs_shape
    operands = log_probs, targets, input_lengths, target_lengths
    each = xp.exp(log_probs) - xp.ctc_posterior(*operands, blank)
    counts = xp.ctc_counts(*operands, blank, zero_infinity)
    each = xp.where(xp.reshape(counts, (steps, samples, 1)), each, 0.0)
    return xp.reshape(g, (1, samples, 1)) * each


@partial(compiled_as, "ops.nn.ctc._back_kernel")
def _back_kernel(
    g: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int,
    zero_infinity: bool,
) -> Any:  # fmt: skip
    operands = log_probs, targets, input_lengths, target_lengths
    return _slopes(RAW, g, *operands, blank, zero_infinity, log_probs.shape)


def _rule(
    xp: Any, g: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any,
    blank: int, zero_infinity: bool, log_probs_shape: Any,
) -> Any:  # fmt: skip
    operands = log_probs, targets, input_lengths, target_lengths
    if xp is RAW:  # the same text, compiled
        return _back_kernel(g, *operands, blank, zero_infinity)
    return _slopes(xp, g, *operands, blank, zero_infinity, log_probs_shape)


def _counts_kernel(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int,
    zero_infinity: bool,
) -> Any:  # fmt: skip
    """The steps of every sample that its loss depends on; (T, N)."""
    inside = np.arange(len(log_probs))[:, None] < input_lengths
    if zero_infinity:
        operands = log_probs, targets, input_lengths, target_lengths
        inside = inside & (_ctc_kernel(*operands, blank, False) < np.inf)
    return inside


_ctc = general(
    "ctc_loss_each", _ctc_kernel, _OPERANDS, rules={"log_probs": _rule},
    grad_fn="CtcLossBackward0", method=False, names=("_ctc_loss_each",),
    doc="The negative log likelihood of every sample's labels.",
)  # fmt: skip
_posterior = general(
    "ctc_posterior", _posterior_kernel, _OPERANDS, method=False, names=("_ctc_posterior",),
    doc="The probability of every class at every time, given the labels.",
)  # fmt: skip
general(
    "ctc_counts", _counts_kernel, _OPERANDS, method=False, names=("_ctc_counts",),
    doc="The steps of every sample that its loss depends on.",
)  # fmt: skip
for _name in ("ctc_loss_each", "ctc_posterior", "ctc_counts", "ctc_lattice"):
    RULES[_name] = looped


@spelled(_posterior)
def _recorded_posterior(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int
) -> Any:
    operands = log_probs, targets, input_lengths, target_lengths
    if not composing() and not (log_probs.requires_grad and grad_enabled()):
        return _posterior.prim.call(*operands, params=(blank,))
    return _composed(*operands, blank)


def _composed(y: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    """The posterior in ordinary ops, normalised at every step instead of in logarithms."""
    steps, samples, classes = y._data.shape
    parts = [OPS.ctc_lattice(targets, target_lengths, blank, i) for i in range(4)]
    labels, jump, exists, end = parts[0], *(OPS.to_dtype(p, dtypes.float64) for p in parts[1:])
    places = labels._data.shape[-1]
    index = OPS.expand(OPS.unsqueeze(labels, 0), (steps, samples, places))
    wide = OPS.to_dtype(y, dtypes.float64)
    e = OPS.unbind(OPS.exp(OPS.gather(wide, 2, index)), 0)

    def moved(a: Any, by: int) -> Any:
        return OPS.constant_pad_nd(a, ((by, -by),), 0.0)

    def scaled(a: Any) -> Any:
        total = OPS.sum(a, (a._data.ndim - 1,), True)
        return a / OPS.where(total == 0, 1.0, total)

    start = exists * wrap((np.arange(places) < 2).astype(np.float64))
    a = scaled(start * e[0])
    alphas = [a]
    for t in range(1, steps):
        a = scaled((a + moved(a, 1) + moved(a, 2) * jump) * e[t] * exists)
        alphas.append(a)
    b: Any = end * 0
    betas = []
    for t in range(steps - 1, -1, -1):
        if t + 1 < steps:
            c = b * e[t + 1]
            b = scaled(c + moved(c, -1) + moved(c * jump, -2))
        b = OPS.where(OPS.unsqueeze(input_lengths == t + 1, 1), end, b)
        betas.append(b)
    both = scaled(OPS.stack(alphas, 0) * OPS.stack(betas[::-1], 0))
    nothing = OPS.zeros((steps, samples, classes), both.dtype)
    made = OPS.scatter_add(nothing, 2, index, both)
    operands = y.detach(), targets, input_lengths, target_lengths
    inside, finite = (OPS.ctc_counts(*operands, blank, which) for which in (False, True))
    made = OPS.where(OPS.unsqueeze(inside & ~finite, 2), float("nan"), made)
    return OPS.to_dtype(made, y.dtype)


# ---------------------------------------------------------------- public


@public("nn.functional.ctc_loss")
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """The negative log likelihood of label sequences that are not aligned with time.

    Args:
        log_probs: log softmax of the classes at every time, (T, N, C) or (T, C).
        targets: labels, (N, longest) padded, or all one after the other.
        input_lengths: how many steps of every sample count; tensor or tuple.
        target_lengths: how many labels every sample has.
        blank: the class that writes nothing.
        reduction: 'mean' (each loss over its number of labels, then the mean), 'sum' or 'none'.
        zero_infinity: labels that cannot be written in the steps there are give 0, not infinity.

    Raises:
        RuntimeError: lengths or labels that do not fit.

    Differs from PyTorch: higher derivatives exist.

    Source: Graves et al., Connectionist Temporal Classification (2006), eq. 6 to 16.

    Example:
        >>> import chainrule as torch
        >>> y = torch.tensor([[[0.5, 0.5]], [[0.5, 0.5]]]).log()
        >>> torch.nn.functional.ctc_loss(y, torch.tensor([[1]]), (2,), (1,))
        tensor(0.2877)
    """
    if reduction not in REDUCTIONS:
        raise bad_reduction(reduction)
    number = ("none", "mean", "sum").index(reduction)
    return _torch_ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, number, zero_infinity
    )


@public("ctc_loss")
def _torch_ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Any:
    """`nn.functional.ctc_loss` with 0, 1, 2 for 'none', 'mean', 'sum'.

    Example:
        >>> import chainrule as torch
        >>> y = torch.tensor([[[0.5, 0.5]], [[0.5, 0.5]]]).log()
        >>> torch.ctc_loss(y, torch.tensor([[1]]), (2,), (1,))
        tensor([0.2877])
    """
    inputs, labels = _lengths(input_lengths), _lengths(target_lengths)
    tensors = isinstance(log_probs, Tensor) and isinstance(targets, Tensor)
    if not tensors or inputs is None or labels is None:
        given = (log_probs, targets, input_lengths, target_lengths)
        raise TypeError(
            "ctc_loss() received an invalid combination of arguments - got "
            f"({', '.join(errors.kind_name(t) for t in given)}, ...)\n"
            "Hint: log_probs and targets are tensors, lengths are tensors or tuples of ints"
        )
    single = log_probs._data.ndim != 3
    if type(blank) is not int or type(reduction) is not int:
        errors.need_int("ctc_loss", blank=blank, reduction=reduction)
    y = OPS.unsqueeze(log_probs, 1) if single else log_probs
    if single and targets._data.ndim == 1:
        targets = OPS.unsqueeze(targets, 0)
    _check(y, targets, inputs, labels, blank)
    batch = y._data.shape[1]
    if targets._data.ndim == 2 and targets._data.shape[0] != batch:
        raise RuntimeError(
            f"Expected tensor to have size {batch} at dimension 0, but got size "
            f"{targets._data.shape[0]} for argument #2 'targets' (while checking arguments for "
            "ctc_loss)"
        )
    if targets.dtype is not dtypes.int64:
        targets = OPS.to_dtype(targets, dtypes.int64)
    zero_infinity = bool(zero_infinity)
    if S.mode is None and (y._node is None or not (S.grad or grad_enabled())):
        arrays = y._data, targets._data, inputs._data, labels._data
        each = wrap(_ctc_kernel(*arrays, blank, zero_infinity))
    else:
        each = _ctc.prim.call(y, targets, inputs, labels, params=(blank, zero_infinity))
    if zero_infinity:
        each = OPS.where(each == float("inf"), 0.0, each)
    if reduction == 1:
        counts = wrap(np.maximum(labels._data, 1).astype(each._data.dtype))
        return OPS.mean(each / counts)
    if reduction == 2:
        return OPS.sum(each)
    return OPS.squeeze_dim(each, 0) if single else each


def _lengths(given: Any) -> Any:
    """Lengths as an int64 vector; None if they are none."""
    if isinstance(given, Tensor):
        if given._data.dtype.kind not in "iu":
            return given
        if given._data.dtype is I64 and given._data.ndim == 1:
            return given
        return OPS.to_dtype(OPS.reshape(given, (given._data.size,)), dtypes.int64)
    if isinstance(given, (tuple, list)):
        if {*map(type, given)} == {int}:
            return wrap(np.array(given, np.int64))
        if any(isinstance(n, float) for n in given):
            return None
        return wrap(np.array([int(n) for n in given], np.int64))
    return None


def _refuse(what: str) -> RuntimeError:
    return RuntimeError(f"{what} (while checking arguments for ctc_loss_allocate_outputs)")


def _fit(y: Any, targets: Any, inputs: Any, labels: Any, blank: int) -> bool:
    """Whether all is well in the usual case: floats, and labels (N, longest)."""
    at, sizes, counts = targets._data, inputs._data, labels._data
    shape = y._data.shape
    if not y._data.size or len(shape) != 3 or not 0 <= blank < shape[2]:
        return False
    if y._data.dtype.char not in "fd" or at.ndim != 2 or at.dtype.kind not in "iu":
        return False
    if type(sizes) is not np.ndarray or not sizes.shape == counts.shape == shape[1:2]:
        return False
    if sizes.dtype is not I64 or counts.dtype is not I64:
        return False
    steps, many = sizes.tolist(), counts.tolist()
    return min(steps) >= 0 <= min(many) and max(steps) <= shape[0] and max(many) <= at.shape[1]


def _check(y: Any, targets: Any, inputs: Any, labels: Any, blank: int) -> None:
    if _fit(y, targets, inputs, labels, blank):
        return
    if not y._data.size:
        raise RuntimeError("log_probs tensor must not be empty")
    if y._data.ndim != 3:
        raise _refuse(
            f"Expected 3-dimensional tensor, but got {y._data.ndim}-dimensional tensor for "
            "argument #1 'log_probs'"
        )
    steps, samples, classes = y._data.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, lengths in (("input_lengths", inputs), ("target_lengths", labels)):
        if lengths._data.dtype.kind not in "iu":
            raise RuntimeError(f"{name} must be integral")
    if y._data.dtype.kind != "f" or y._data.dtype.itemsize == 2:
        raise not_implemented("ctc_loss_cpu", y.dtype)
    for name, lengths in (("input_lengths", inputs), ("target_lengths", labels)):
        if lengths._data.size != samples:
            raise RuntimeError(f"{name} must be of size batch_size")
    _check_lengths(inputs._data, "input_lengths", steps)
    if targets._data.ndim > 2 or not targets._data.ndim:
        raise _refuse(
            f"Expected 1 to 2 dimensions, but got {targets._data.ndim}-dimensional tensor for "
            "argument #2 'targets'"
        )
    _check_lengths(labels._data, "target_lengths", None)
    counts = labels._data
    if not isinstance(counts, np.ndarray):
        return
    shape = targets._data.shape
    if len(shape) == 1 and shape[0] != counts.sum():
        raise _refuse(
            f"Expected tensor to have size {counts.sum()} at dimension 0, but got size {shape[0]} "
            "for argument #2 'targets'"
        )
    if len(shape) == 2 and shape[1] < counts.max(initial=0):
        raise _refuse(
            f"Expected tensor to have size at least {counts.max()} at dimension 1, but got size "
            f"{shape[1]} for argument #2 'targets'"
        )


def _check_lengths(lengths: Any, name: str, most: int | None) -> None:
    if not isinstance(lengths, np.ndarray):
        return  # a batch: nobody can look at the numbers
    if lengths.min() < 0:
        raise _refuse(f"Expected {name} to have value at least 0, but got value {lengths.min()}")
    if most is not None and lengths.max() > most:
        raise _refuse(
            f"Expected {name} to have value at most {most}, but got value {lengths.max()}"
        )
