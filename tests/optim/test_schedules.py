"""Schedulers: warnings, errors, saving, tensors as rates; averages of models."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import chainrule as torch
from chainrule.optim import lr_scheduler as L
from chainrule.optim import swa_utils


def sgd(**options: Any) -> Any:
    return torch.optim.SGD([torch.ones(1, requires_grad=True)], **{"lr": 0.1, **options})


def test_the_order_of_the_steps() -> None:
    scheduler = L.StepLR(sgd(), 1)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step\\(\\)` before"):
        scheduler.step()
    scheduler.step()  # said once


def test_no_warning_in_the_right_order() -> None:
    optimizer = sgd()
    scheduler = L.StepLR(optimizer, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            optimizer.step()
            scheduler.step()


def test_an_overridden_step() -> None:
    optimizer = sgd()
    scheduler = L.StepLR(optimizer, 1)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden after learning rate scheduler"):
        scheduler.step()


def test_epoch_is_deprecated_and_uses_the_formula() -> None:
    optimizer = sgd()
    scheduler = L.StepLR(optimizer, 2, 0.5)
    optimizer.step()
    with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
        scheduler.step(5)
    assert scheduler.get_last_lr() == [0.025] and scheduler.last_epoch == 5


def test_get_lr_asked_by_a_user() -> None:
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        L.ExponentialLR(sgd(), 0.5).get_lr()


def test_a_tensor_rate_keeps_its_identity() -> None:
    lr = torch.tensor(0.1)
    optimizer = sgd(lr=lr)
    scheduler = L.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr and abs(lr.item() - 0.05) < 1e-9
    assert abs(scheduler.base_lrs[0].item() - 0.1) < 1e-8


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: L.StepLR(5, 3), TypeError, "int is not an Optimizer"),  # type: ignore[arg-type]
        (lambda: L.LambdaLR(sgd(), []), ValueError, "Expected 1 lr_lambdas, but got 0"),
        (lambda: L.StepLR(sgd(), 3, last_epoch=3), KeyError, "param 'initial_lr' is not specified"),
        (lambda: L.ConstantLR(sgd(), 2.0), ValueError, "expected to be between 0 and 1"),
        (lambda: L.LinearLR(sgd(), 0.0), ValueError, "Starting multiplicative factor"),
        (lambda: L.LinearLR(sgd(), 0.5, 2.0), ValueError, "Ending multiplicative factor"),
        (lambda: L.SequentialLR(sgd(), [], []), ValueError, "at least one scheduler, but got no"),
        (lambda: L.ChainedScheduler([]), ValueError, "at least one scheduler to be chained"),
        (
            lambda: L.ChainedScheduler([L.StepLR(sgd(), 1), L.StepLR(sgd(), 1)]),
            ValueError,
            "expects all schedulers to belong to the same optimizer",
        ),
        (lambda: L.ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "Factor should be < 1.0."),
        (lambda: L.ReduceLROnPlateau(sgd(), "x"), ValueError, "mode x is unknown!"),
        (lambda: L.CyclicLR(sgd(), [1.0, 2.0], 3.0), ValueError, "base_lr must have the same len"),
        (lambda: L.CyclicLR(sgd(), 0.1, 3.0, mode="x"), ValueError, "mode is invalid and scale_fn"),
        (lambda: L.OneCycleLR(sgd(), 0.1), ValueError, "You must define either total_steps"),
        (lambda: L.OneCycleLR(sgd(), 0.1, 10, pct_start=2.0), ValueError, "between 0 and 1 pct_st"),
        (
            lambda: L.CosineAnnealingWarmRestarts(sgd(), 0),
            ValueError,
            "Expected positive integer T_0, but got 0",
        ),
        (
            lambda: L.OneCycleLR(torch.optim.Adagrad([torch.ones(1)]), 0.1, 10),
            ValueError,
            "optimizer must support momentum or beta1",
        ),
        (lambda: swa_utils.SWALR(sgd(), 0.1, -1), ValueError, "anneal_epochs must be equal or"),
    ],
)
def test_refuses(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_one_cycle_ends() -> None:
    optimizer = sgd(momentum=0.9)
    scheduler = L.OneCycleLR(optimizer, 0.1, 3)
    with pytest.raises(ValueError, match="Tried to step 4 times"):
        for _ in range(5):
            optimizer.step()
            scheduler.step()


def test_betas_are_cycled() -> None:
    optimizer = torch.optim.Adam([torch.ones(1)], lr=0.1)
    L.OneCycleLR(optimizer, 0.1, 10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)


class Rate:
    """A callable with state."""

    def __init__(self) -> None:
        self.factor = 0.5

    def __call__(self, epoch: int) -> float:
        return self.factor**epoch


def test_functions_are_saved_by_their_attributes() -> None:
    saved = L.LambdaLR(sgd(), Rate()).state_dict()
    assert saved["lr_lambdas"] == [{"factor": 0.5}]
    assert L.LambdaLR(sgd(), lambda e: 1.0).state_dict()["lr_lambdas"] == [None]
    other = L.LambdaLR(sgd(), Rate())
    other.load_state_dict({**saved, "lr_lambdas": [{"factor": 0.25}]})
    assert other.lr_lambdas[0].factor == 0.25


def test_the_mean_of_a_model_along_its_path() -> None:
    model = torch.nn.Linear(1, 1)
    average = swa_utils.AveragedModel(model)
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update_parameters(model)
    assert average.module.weight.item() == 3.0 and average.n_averaged.item() == 3
    assert average.module.weight.requires_grad
    assert list(average.state_dict()) == ["n_averaged", "module.weight", "module.bias"]


@pytest.mark.parametrize("several", [False, True])
def test_an_exponential_average(several: bool) -> None:
    model = torch.nn.Linear(1, 1)
    how: dict[str, Any] = (
        {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.5)}
        if several
        else {"avg_fn": swa_utils.get_ema_avg_fn(0.5)}
    )
    average = swa_utils.AveragedModel(model, **how)
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update_parameters(model)
    assert average.module.weight.item() == 3.75


def test_statistics_of_batch_normalisation() -> None:
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(1))
    model.eval()
    swa_utils.update_bn([(torch.tensor([[0.0], [2.0]]),), (torch.tensor([[4.0], [6.0]]),)], model)
    assert model[0].running_mean.tolist() == [3.0]
    assert model[0].momentum == 0.1 and not model.training
