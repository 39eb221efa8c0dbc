"""The message for a name that is not there, and the recorded names of PyTorch."""

from __future__ import annotations

import pytest

from chainrule.compat import missing_name
from chainrule.compat.names import exists_in_pytorch, nearest, pytorch_names


def test_a_name_that_pytorch_has() -> None:
    error = missing_name("chainrule.fft", "hfft2", ["hfft", "fft", "_helper"])
    assert isinstance(error, AttributeError) and error.name == "hfft2"
    assert str(error).splitlines() == [
        "module 'torch.fft' has no attribute 'hfft2'",
        "PyTorch 2.13 has torch.fft.hfft2; chainrule does not have it yet.",
        "Hint: the nearest name that chainrule has is torch.fft.hfft.",
    ]


def test_a_name_of_nobody() -> None:
    assert str(missing_name("torch", "sinn", {"sin": 1, "asin": 2})).splitlines() == [
        "module 'torch' has no attribute 'sinn'",
        "PyTorch 2.13 has no torch.sinn either.",
        "Hint: did you mean torch.sin?",
    ]


def test_a_tensor_without_the_attribute() -> None:
    error = missing_name("torch.Tensor", "bakward", ["backward"])
    assert str(error).startswith("'Tensor' object has no attribute 'bakward'\n")
    assert str(error).endswith("Hint: did you mean torch.Tensor.backward?")


def test_a_module_that_was_not_recorded() -> None:
    assert str(missing_name("torch.strange.place", "x", [])) == (
        "module 'torch.strange.place' has no attribute 'x'"
    )


def test_what_machinery_asks_for_gets_one_line() -> None:
    assert str(missing_name("torch", "__wrapped__", ["wrapped"])) == (
        "module 'torch' has no attribute '__wrapped__'"
    )


@pytest.mark.parametrize(
    ("name", "candidates", "found"),
    [
        ("ReLu", ["relu", "elu"], "relu"),
        ("linear", ["Linear", "Bilinear"], "Linear"),
        ("xyz", ["relu"], None),
        ("relu", [], None),
        ("_relu", ["_relu"], None),
    ],
)
def test_nearest(name: str, candidates: list[str], found: str | None) -> None:
    assert nearest(name, candidates) == found


@pytest.mark.parametrize(
    ("space", "names"),
    [
        ("torch", "tensor sin no_grad float32 Tensor nn optim pi manual_seed"),
        ("torch.Tensor", "backward grad requires_grad_ zero_ grad_fn T"),
        ("torch.nn", "Module Linear CrossEntropyLoss functional"),
        (
            "torch.nn.functional",
            "relu binary_cross_entropy_with_logits scaled_dot_product_attention",
        ),
        ("torch.optim", "SGD Adam lr_scheduler"),
        ("torch.optim.lr_scheduler", "StepLR OneCycleLR"),
        ("torch.autograd", "grad backward Function gradcheck"),
        ("torch.func", "vmap jacrev hessian"),
        ("torch.linalg", "svd solve LinAlgError"),
        ("torch.utils.data", "DataLoader TensorDataset"),
    ],
)
def test_recorded_names(space: str, names: str) -> None:
    assert set(names.split()) <= pytorch_names(space)
    assert not {name for name in pytorch_names(space) if name.startswith("_")}


def test_whether_pytorch_has_a_name() -> None:
    assert exists_in_pytorch("torch.cuda.amp") is True
    assert exists_in_pytorch("torch.sinn") is False
    assert exists_in_pytorch("torch.strange.place") is None
