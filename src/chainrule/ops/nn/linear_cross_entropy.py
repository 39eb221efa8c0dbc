"""Cross entropy of logits that are a linear map: `linear_cross_entropy`."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.declare import public
from ...core.record import OPS
from ..fast import T
from .classes import cross_entropy


@public("nn.functional.linear_cross_entropy")
def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Any:
    """`cross_entropy(linear(input, linear_weight, linear_bias), target)`.

    Args:
        input: (features) or (N, features).
        linear_weight: (C, features), or (C, d1, ..., features) for a loss in more dimensions.
        target: class indices () or (N) or (N, d1, ...), or probabilities of the logits' shape.
        linear_bias: (C) or (C, d1, ...), or None.
        weight, reduction, label_smoothing: as for `cross_entropy`.
        ignore_index: a target that counts for nothing, default -100; not for probabilities.
        options: how PyTorch would cut the batch into chunks. Differs from PyTorch: accepted, the
            logits are made at once, so every derivative exists.

    Raises:
        RuntimeError: shapes that do not fit; `ignore_index` with probabilities.

    Example:
        >>> import chainrule as torch
        >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> torch.nn.functional.linear_cross_entropy(x, w, torch.tensor([0]))
        tensor(0.1269)
    """
    classes, extra = _check(input, linear_weight, linear_bias)
    shape = (*input.shape[:-1], classes, *extra)
    probabilities = tuple(target.shape) == shape
    if probabilities and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    if options is not None:
        _warn_of_options(target, linear_bias, extra, reduction, label_smoothing)
    if extra:
        linear_weight = linear_weight.reshape(classes * math.prod(extra), input.shape[-1])
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = T("nn.functional.linear")(input, linear_weight, linear_bias)
    return cross_entropy(
        OPS.reshape(logits, shape) if extra else logits,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _check(x: Any, w: Any, bias: Any) -> tuple[int, tuple[int, ...]]:
    """The number of classes and the further dimensions of the loss."""
    if x.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {x.dim()}")
    if w.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {w.dim()}")
    if x.shape[-1] != w.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{x.shape[-1]} and {w.shape[-1]}, respectively"
        )
    outs = tuple(w.shape[:-1])
    if bias is not None and tuple(bias.shape) != outs:
        raise RuntimeError(f"expected linear_bias shape {outs}, got {tuple(bias.shape)}")
    if len(outs) > 1 and x.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(w.shape)} requires batched "
            f"input, (N, {x.shape[0]}), got unbatched input with shape {tuple(x.shape)}"
        )
    return outs[0], outs[1:]


def _warn_of_options(
    target: Any, bias: Any, extra: tuple[int, ...], reduction: str, smoothing: float
) -> None:
    plain = not extra and reduction in ("mean", "sum", "none") and not smoothing
    if plain and target.dtype.name == "int64":
        return
    warnings.warn(
        "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in "
        "{'mean','sum','none'}, label_smoothing == 0, target.dtype == int64, out_features == (). "
        f"Got reduction={reduction!r}, label_smoothing={smoothing}, target.dtype={target.dtype}, "
        f"out_features={extra}, tracing=False, linear_bias.shape="
        f"{tuple(bias.shape) if bias is not None else None}.",
        stacklevel=3,
    )
