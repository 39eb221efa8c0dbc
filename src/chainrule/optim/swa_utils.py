"""`torch.optim.swa_utils`: averages of a model's parameters along its path."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from .._state import set_grad
from ..core.tensor import Tensor, wrap
from ..nn import Module
from ..nn.modules.batchnorm import _BatchNorm
from .optimizer import Optimizer
from .schedule_base import LRScheduler, per_group

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """A function (averages, values, count) for AveragedModel: average = decay average +
    (1 - decay) value, in place on lists.

    Example:
        >>> import chainrule as torch
        >>> average = torch.zeros(1)
        >>> torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)([average], [torch.ones(1)], 1)
        >>> average
        tensor([0.1000])
    """
    update = get_ema_avg_fn(decay)
    return lambda averages, values, count: _each(update, averages, values, count)


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """A function (averages, values, count) for AveragedModel: the mean, in place on lists.

    Example:
        >>> import chainrule as torch
        >>> average = torch.zeros(1)
        >>> torch.optim.swa_utils.get_swa_multi_avg_fn()([average], [torch.ones(1)], 1)
        >>> average
        tensor([0.5000])
    """
    update = get_swa_avg_fn()
    return lambda averages, values, count: _each(update, averages, values, count)


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Any]:
    """A function (average, value, count) for AveragedModel: decay average + (1 - decay) value.

    Raises:
        ValueError: decay outside [0, 1].

    Example:
        >>> import chainrule as torch
        >>> torch.optim.swa_utils.get_ema_avg_fn(0.9)(torch.zeros(1), torch.ones(1), 1)
        tensor([0.1000])
    """
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )
    return lambda average, value, count: decay * average + (1 - decay) * value


def get_swa_avg_fn() -> Callable[..., Any]:
    """A function (average, value, count) for AveragedModel: the mean of count + 1 values.

    Example:
        >>> import chainrule as torch
        >>> torch.optim.swa_utils.get_swa_avg_fn()(torch.zeros(1), torch.ones(1), 3)
        tensor([0.2500])
    """
    return lambda average, value, count: average + (value - average) / (count + 1)


def _each(update: Any, averages: Any, values: Any, count: Any) -> None:
    before = set_grad(False)
    try:
        for average, value in zip(averages, values, strict=True):
            average.copy_(update(average, value, count) if average.is_floating_point() else value)
    finally:
        set_grad(before)


class AveragedModel(Module):
    """A copy of a model whose parameters are averages over the calls of `update_parameters`.

    Args:
        model: what is averaged.
        device: accepted; the copy is on the CPU.
        avg_fn: (average, value, count) -> new average; None for the mean.
        multi_avg_fn: the same on lists of tensors, in place.
        use_buffers: average the buffers too; else they are copied.

    Source: Izmailov et al., Averaging weights leads to wider optima and better generalization
        (2018).

    Example:
        >>> import chainrule as torch
        >>> model = torch.nn.Linear(2, 1)
        >>> average = torch.optim.swa_utils.AveragedModel(model)
        >>> average.update_parameters(model)
        >>> average.n_averaged
        tensor(1)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Any,
        device: Any = None,
        avg_fn: Callable[..., Any] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        self.register_buffer("n_averaged", _count(0))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's result."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Any) -> None:
        """Take the present parameters of `model` into the averages."""
        mine, theirs = list(self._tensors(self)), list(self._tensors(model))
        mine = [a.detach() for a in mine]
        theirs = [b.detach() for b in theirs]
        if int(self.n_averaged) == 0:
            for a, b in zip(mine, theirs, strict=True):
                a.copy_(b)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(mine, theirs, self.n_averaged)
        else:
            _each(self.avg_fn or get_swa_avg_fn(), mine, theirs, self.n_averaged)
        if not self.use_buffers:
            for a, b in zip(self.module.buffers(), model.buffers(), strict=True):
                a.detach().copy_(b.detach())
        self.n_averaged += 1

    def _tensors(self, model: Any) -> Iterator[Any]:
        model = self.module if model is self else model
        return chain(model.parameters(), model.buffers() if self.use_buffers else ())


def _count(n: int) -> Tensor:
    return wrap(np.int64(n))


def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of the model's batch normalisations anew.

    Args:
        loader: batches; of tuples and lists the first element is taken.
        model: runs on every batch, in training mode, without recording.
        device: accepted; everything is on the CPU.

    Example:
        >>> import chainrule as torch
        >>> model = torch.nn.BatchNorm1d(1)
        >>> torch.optim.swa_utils.update_bn([torch.tensor([[1.0], [3.0]])], model)
        >>> model.running_mean
        tensor([2.])
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
    if not norms:
        return
    was_training = model.training
    before = set_grad(False)
    try:
        model.train()
        for m in norms:
            m.momentum = None
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        set_grad(before)
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the present rate to swa_lr in `anneal_epochs` epochs, and constant from then on.

    Args:
        optimizer, last_epoch: see `LRScheduler`.
        swa_lr: a number, or one per group.
        anneal_epochs: how many epochs.
        anneal_strategy: "cos" or "linear".

    Example:
        >>> import chainrule as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1)], lr=1.0)
        >>> scheduler = torch.optim.swa_utils.SWALR(optimizer, 0.5, anneal_epochs=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for group, lr in zip(
            optimizer.param_groups, per_group("swa_lr", swa_lr, optimizer), strict=True
        ):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """The share of swa_lr after the share t of the epochs."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[Any]:
        """From the rate of the epoch before: first the share of swa_lr is taken out of it"""
        lrs = self._lrs()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (
            self.anneal_func(max(0.0, min(1.0, s / max(1, self.anneal_epochs))))
            for s in (step - 1, step)
        )
        made = []
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            end = group["swa_lr"]
            start = end if before == 1 else (lr - before * end) / (1 - before)
            made.append(end * now + start * (1 - now))
        return made
