"""Long because: twenty-two losses with examples.

Loss functions as layers: how far a prediction is from its target.

`reduction` is "mean", "sum" or "none"; `size_average` and `reduce` are its old spellings.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from .. import functional as F
from .distance import PairwiseDistance
from .linear import Linear
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "NLLLoss2d",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


def _reduction(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction that the old spellings mean."""
    if size_average is None and reduce is None:
        return reduction
    average, reduced = (flag is None or bool(flag) for flag in (size_average, reduce))
    made = ("mean" if average else "sum") if reduced else "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{made}' instead.",
        stacklevel=4,
    )
    return made


class _Loss(Module):
    """What all losses share."""

    __constants__ = ["reduction"]  # noqa: RUF012
    reduction: str

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = _reduction(size_average, reduce, reduction)


def _buffer(module: Module, name: str) -> Any:
    """`module.name` of a buffer, which takes half a microsecond as an attribute."""
    own = module.__dict__["_buffers"]
    return own[name] if name in own else getattr(module, name)


class _WeightedLoss(_Loss):
    """What the losses with weights share."""

    weight: Any

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """|x - y|.

    Args:
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.L1Loss()(torch.tensor([1.0]), torch.tensor([3.0]))
        tensor(2.)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def forward(self, input: Any, target: Any) -> Any:
        """`F.l1_loss`."""
        return F.l1_loss(input, target, reduction=self.reduction)


class NLLLoss(_WeightedLoss):
    """Minus the log-probability of the target class: takes what `LogSoftmax` returns.

    Args:
        weight: one for each class.
        ignore_index: targets that do not count.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.NLLLoss()(torch.tensor([[-0.5, -1.0]]), torch.tensor([1]))
        tensor(1.)
    """

    __constants__ = ["ignore_index", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """`F.nll_loss`."""
        return F.nll_loss(
            input,
            target,
            weight=_buffer(self, "weight"),
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class NLLLoss2d(NLLLoss):
    """The old name of `NLLLoss` for images.

    Example:
        >>> import chainrule as torch
        >>> issubclass(torch.nn.NLLLoss2d, torch.nn.NLLLoss)
        True
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        warnings.warn(
            "NLLLoss2d has been deprecated. Please use NLLLoss instead as a drop-in replacement "
            "and see https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(weight, size_average, ignore_index, reduce, reduction)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts whose logarithm of the mean is predicted.

    Args:
        log_input: whether the input is the logarithm.
        full: add Stirling's term.
        eps: keeps log(0) away.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.PoissonNLLLoss()(torch.zeros(1), torch.ones(1))
        tensor(1.)
    """

    __constants__ = ["log_input", "full", "eps", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: Any = None,
        eps: float = 1e-8,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Any, target: Any) -> Any:
        """`F.poisson_nll_loss`."""
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of a normal distribution whose mean and variance are predicted.

    Args:
        full: add the constant.
        eps: the smallest variance.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.GaussianNLLLoss()(torch.zeros(1), torch.ones(1), torch.ones(1))
        tensor(0.5000)
    """

    __constants__ = ["full", "eps", "reduction"]  # noqa: RUF012

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        """`F.gaussian_nll_loss`."""
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )


class KLDivLoss(_Loss):
    """y (log y - x): the divergence of log-probabilities x from probabilities y.

    Args:
        reduction: also "batchmean".
        log_target: whether the target is a logarithm too.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.KLDivLoss(reduction="batchmean")(torch.zeros(1, 1), torch.ones(1, 1))
        tensor(0.)
    """

    __constants__ = ["log_target", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """`F.kl_div`."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class MSELoss(_Loss):
    """(x - y)^2.

    Args:
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MSELoss()(torch.tensor([1.0]), torch.tensor([3.0]))
        tensor(4.)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def forward(self, input: Any, target: Any) -> Any:
        """`F.mse_loss`."""
        return F.mse_loss(input, target, reduction=self.reduction)


class BCELoss(_WeightedLoss):
    """-(y log x + (1 - y) log(1 - x)).

    Args:
        weight: factors.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def forward(self, input: Any, target: Any) -> Any:
        """`F.binary_cross_entropy`."""
        return F.binary_cross_entropy(
            input, target, weight=_buffer(self, "weight"), reduction=self.reduction
        )


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of sigmoid(x), computed without overflow.

    Args:
        weight: factors.
        pos_weight: factor of the positive class.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.BCEWithLogitsLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """`F.binary_cross_entropy_with_logits`."""
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            _buffer(self, "weight"),
            pos_weight=_buffer(self, "pos_weight"),
            reduction=self.reduction,
        )


class HingeEmbeddingLoss(_Loss):
    """x where y is 1, max(0, margin - x) where y is -1.

    Args:
        margin: see above.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.HingeEmbeddingLoss()(torch.tensor([0.5]), torch.tensor([-1.0]))
        tensor(0.5000)
    """

    __constants__ = ["margin", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        margin: float = 1.0,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """`F.hinge_embedding_loss`."""
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """The margin of every true class over every other one.

    Args:
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MultiLabelMarginLoss()(torch.tensor([[0.1, 0.2]]), torch.tensor([[1, -1]]))
        tensor(0.4500)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def forward(self, input: Any, target: Any) -> Any:
        """`F.multilabel_margin_loss`."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """`MSELoss` near zero, `L1Loss` beyond beta.

    Args:
        beta: where one becomes the other.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.SmoothL1Loss()(torch.tensor([1.0]), torch.tensor([3.0]))
        tensor(1.5000)
    """

    __constants__ = ["beta", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """`F.smooth_l1_loss`."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """`SmoothL1Loss` times delta.

    Args:
        delta: where the square becomes linear.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.HuberLoss()(torch.tensor([1.0]), torch.tensor([3.0]))
        tensor(1.5000)
    """

    __constants__ = ["delta", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        reduction: str = "mean",
        delta: float = 1.0,
    ) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(None, None, reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """`F.huber_loss`."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-y x)).

    Args:
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.SoftMarginLoss()(torch.zeros(1), torch.ones(1))
        tensor(0.6931)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def forward(self, input: Any, target: Any) -> Any:
        """`F.soft_margin_loss`."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Minus the log-probability of the target class, from logits.

    Args:
        weight: one for each class.
        ignore_index: targets that do not count.
        label_smoothing: how much of the target is spread evenly.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CrossEntropyLoss()(torch.zeros(1, 2), torch.tensor([1]))
        tensor(0.6931)
    """

    __constants__ = ["ignore_index", "label_smoothing", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """`F.cross_entropy`."""
        return F.cross_entropy(
            input,
            target,
            weight=_buffer(self, "weight"),
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of `BCEWithLogitsLoss`.

    Args:
        weight: one for each class.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MultiLabelSoftMarginLoss()(torch.zeros(1, 2), torch.ones(1, 2))
        tensor(0.6931)
    """

    __constants__ = ["reduction"]  # noqa: RUF012

    def forward(self, input: Any, target: Any) -> Any:
        """`F.multilabel_soft_margin_loss`."""
        return F.multilabel_soft_margin_loss(
            input, target, weight=_buffer(self, "weight"), reduction=self.reduction
        )


class CosineEmbeddingLoss(_Loss):
    """1 - cos where y is 1, max(0, cos - margin) where y is -1.

    Args:
        margin: see above.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CosineEmbeddingLoss()(torch.ones(1, 2), torch.ones(1, 2), -torch.ones(1))
        tensor(1.)
    """

    __constants__ = ["margin", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        margin: float = 0.0,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """`F.cosine_embedding_loss`."""
        return F.cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class MarginRankingLoss(_Loss):
    """max(0, -y (x1 - x2) + margin).

    Args:
        margin: see above.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MarginRankingLoss()(torch.zeros(1), torch.ones(1), torch.ones(1))
        tensor(1.)
    """

    __constants__ = ["margin", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        margin: float = 0.0,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """`F.margin_ranking_loss`."""
        return F.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class MultiMarginLoss(_WeightedLoss):
    """The margin of the target class over the others, to the power p.

    Args:
        p: 1 or 2.
        margin: see above.
        weight: one for each class.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.MultiMarginLoss()(torch.tensor([[0.1, 0.8]]), torch.tensor([1]))
        tensor(0.1500)
    """

    __constants__ = ["p", "margin", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.dim() != 1:
            raise ValueError(
                "MultiMarginLoss: expected weight to be None or 1D tensor, got "
                f"{weight.dim()}D instead"
            )
        self.p = p
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """`F.multi_margin_loss`."""
        return F.multi_margin_loss(
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=_buffer(self, "weight"),
            reduction=self.reduction,
        )


class TripletMarginLoss(_Loss):
    """max(0, |a - p| - |a - n| + margin).

    Args:
        margin: see above.
        p: which norm.
        eps: added to the differences.
        swap: use the nearer of anchor and positive.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.TripletMarginLoss()(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2))
        tensor(1.)
    """

    __constants__ = ["margin", "p", "eps", "swap", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead"
            )
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """`F.triplet_margin_loss`."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any distance.

    Args:
        distance_function: of two tensors; Euclidean by default.
        margin, swap: as for `TripletMarginLoss`.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> x = torch.ones(1, 2)
        >>> torch.nn.TripletMarginWithDistanceLoss()(x, x, x)
        tensor(1.)
    """

    __constants__ = ["margin", "swap", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        *,
        distance_function: Any = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(None, None, reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got "
                f"{margin} instead"
            )
        self.distance_function = (
            PairwiseDistance() if distance_function is None else distance_function
        )
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """`F.triplet_margin_with_distance_loss`."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class CTCLoss(_Loss):
    """Minus the log-probability of a sequence over all its alignments.

    Args:
        blank: number of the blank.
        zero_infinity: losses of targets that do not fit are zero.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> torch.nn.CTCLoss()(torch.zeros(2, 1, 2).log_softmax(2), torch.tensor([[1]]), (2,), (1,))
        tensor(0.2877)
    """

    __constants__ = ["blank", "zero_infinity", "reduction"]  # noqa: RUF012

    def __init__(
        self,
        blank: int = 0,
        reduction: str = "mean",
        zero_infinity: bool = False,
    ) -> None:
        super().__init__(None, None, reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        """`F.ctc_loss`."""
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )


class LinearCrossEntropyLoss(_WeightedLoss):
    """A linear layer and the cross entropy of what it returns.

    Args:
        in_features: size of the input's last dimension.
        num_classes: how many classes.
        out_features: further dimensions of the target.
        bias: whether the layer has one.
        weight: one for each class.
        ignore_index: targets that do not count.
        label_smoothing: how much of the target is spread evenly.
        options: how PyTorch chunks the work; accepted and not needed here.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import chainrule as torch
        >>> loss = torch.nn.LinearCrossEntropyLoss(3, 4)
        >>> loss(torch.zeros(2, 3), torch.tensor([1, 2])).detach()
        tensor(1.3863)
    """

    __constants__ = [  # noqa: RUF012
        "num_classes", "out_features", "reduction", "ignore_index", "label_smoothing"
    ]  # fmt: skip

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Any = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1.0:
            raise RuntimeError(
                f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
            )
        super().__init__(weight, None, None, reduction)
        self.num_classes, self.out_features = num_classes, out_features
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        rows = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, rows, bias, device, dtype)
        self.options = options

    def forward(self, input: Any, target: Any) -> Any:
        """`F.linear_cross_entropy`."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=_buffer(self, "weight"),
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
