"""`AdaptiveLogSoftmaxWithLoss`: a softmax over many classes of which few are frequent."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from ...ops.shape.join import cat
from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax in two steps: frequent classes and clusters first, then within a cluster.

    Args:
        in_features: size of the input.
        n_classes: how many classes, most frequent first.
        cutoffs: the classes at which a new cluster begins.
        div_value: how much smaller each further cluster's projection is.
        head_bias: whether the first layer has a bias.

    Shapes: input (N, in_features) or (in_features); target (N) or ().

    Returns:
        (output, loss): log-probability of each target, and minus their mean.

    Source: Grave et al. (2017), Efficient softmax approximation for GPUs.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10])
        >>> layer(torch.ones(2, 16), torch.tensor([0, 12])).output.shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        bounds = list(cutoffs)
        if not bounds:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            bounds != sorted(set(bounds))
            or min(bounds) <= 0
            or max(bounds) > n_classes - 1
            or any(int(c) != c for c in bounds)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an "
                "increasing order, where each value is between 1 and n_classes-1"
            )
        self.in_features, self.n_classes = in_features, n_classes
        self.cutoffs = [*bounds, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, width, False, device, dtype),
                    Linear(width, size, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for projection, output in self.tail:
            projection.reset_parameters()
            output.reset_parameters()

    def forward(self, input_: Any, target_: Any) -> Any:
        """Log-probabilities of the targets, and the loss."""
        rank = target_.dim()
        self._check(input_, target_)
        x, target = (input_, target_) if rank else (input_.unsqueeze(0), target_.unsqueeze(0))
        used, output = 0, x.new_zeros(target.size(0))
        place = target.new_empty(target.size(0))
        for i, high in enumerate(self.cutoffs):
            low = self.cutoffs[i - 1] if i else 0
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            used += rows.numel()
            if i == 0:
                place.index_copy_(0, rows, target[rows])
                continue
            within = F.log_softmax(self.tail[i - 1](x.index_select(0, rows)), dim=1)
            local = within.gather(1, (target[rows] - low).unsqueeze(1))
            output.index_copy_(0, rows, local.squeeze(1))
            place.index_fill_(0, rows, self.shortlist_size + i - 1)
        if used != target.size(0):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        head = F.log_softmax(self.head(x), dim=1)
        output = output + head.gather(1, place.unsqueeze(1)).squeeze()
        loss = (-output).mean()
        return _ASMoutput(output if rank else output.squeeze(0), loss)

    def _check(self, input_: Any, target_: Any) -> None:
        rank = target_.dim()
        if rank == 1:
            if input_.size(0) != target_.size(0):
                raise RuntimeError(
                    "Input and target should have the same size in the batch dimension."
                )
            if input_.dim() != 2:
                raise RuntimeError(
                    "1D target tensor expects 2D input tensors, but found inputs with size",
                    input_.size(),
                )
        elif rank == 0:
            if input_.dim() != 1:
                raise RuntimeError(
                    "0D target tensor expects 1D input tensors, but found inputs with size",
                    input_.size(),
                )
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")

    def log_prob(self, input: Any) -> Any:
        """Log-probabilities of all classes, (N, n_classes)."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            at = self.shortlist_size + i
            parts.append(F.log_softmax(tail(input), dim=1) + head[:, at : at + 1])
        return cat(parts, 1)

    def predict(self, input: Any) -> Any:
        """The class of largest probability, (N)."""
        return self.log_prob(input).argmax(dim=1)
