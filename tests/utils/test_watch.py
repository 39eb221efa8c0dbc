"""`torch.utils.watch`: the first loss that is no finite number is reported once, with its step."""

from __future__ import annotations

import warnings

import pytest

import chainrule as torch
from chainrule import nn


def test_a_nan_is_reported_once_with_its_step_and_the_last_finite_loss() -> None:
    watched = torch.utils.watch()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for value in (0.5, 0.25, float("nan"), float("nan"), 1.0):
            loss = torch.tensor(value)
            assert watched(loss) is loss
    (one,) = said
    text = str(one.message)
    assert text.startswith("loss is nan at step 2\nlast finite loss: 0.25 at step 1\n")
    assert one.filename == __file__
    assert (watched.step, watched.found, watched.last) == (5, 2, 0.25)


def test_it_names_the_parameters_that_were_spoiled_before() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with torch.no_grad():
        model[1].weight[0, 0] = float("inf")
    watched = torch.utils.watch(model, error=True)
    with pytest.raises(RuntimeError, match=r"not finite in its graph: `1\.weight`\nat: line"):
        watched(model(torch.ones(1, 2)).sum())


def test_it_says_when_the_loss_went_wrong_in_this_step() -> None:
    weight = torch.tensor([-1.0, 2.0], requires_grad=True)
    loss = weight.log().sum()
    with pytest.warns(UserWarning) as said:
        torch.utils.watch()(loss)
    text = str(said[0].message)
    assert "all 1 leaves of its graph are finite" in text
    assert "detect_anomaly(forward=True)" in text


def test_a_variable_is_named_without_a_module() -> None:
    weight = torch.tensor(float("inf"), requires_grad=True)
    loss = weight * 2
    with pytest.warns(UserWarning, match="not finite in its graph: `weight`"):
        torch.utils.watch()(loss)


def test_many_losses_at_once_and_whole_numbers() -> None:
    watched = torch.utils.watch(error=True)
    watched(torch.tensor([1, 2]))
    with pytest.raises(RuntimeError, match="loss is infinite at step 1"):
        watched(torch.tensor([1.0, float("inf")]))


@pytest.mark.parametrize("wrong", [1.0, None, torch.tensor(1j)])
def test_what_is_no_loss_is_refused(wrong: object) -> None:
    watched = torch.utils.watch()
    with pytest.raises(TypeError, match="the loss must be a tensor of real numbers, not"):
        watched(wrong)
    assert watched.step == 0


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"module must be an nn\.Module, not int"):
        torch.utils.watch(3)
