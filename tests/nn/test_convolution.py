"""Convolution and pooling: PyTorch's recorded answers, any order of derivatives, large images in
parts."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as torch
import chainrule.nn.functional as F
from chainrule.kernels import conv as kernels

ROOT = Path(__file__).parents[2]


def load_recorder() -> ModuleType:
    path = ROOT / "tools" / "record_convolution.py"
    spec = importlib.util.spec_from_file_location("_record_convolution", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = load_recorder()
RECORDED: dict[str, str] = json.loads(recorder.DATA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_answers_as_pytorch(name: str) -> None:
    answers = recorder.answer(recorder.CASES[name], recorder.names(torch)), RECORDED[name]
    found, expected = (text.partition(", but expected one of")[0] for text in answers)
    if re.search(r"has no len\(\)|tuple index", expected):  # Python's words; here the facts
        found, expected = found.partition(":")[0], expected.partition(":")[0]
    assert found == expected


def test_channels_are_explained() -> None:
    with pytest.raises(RuntimeError, match="to have 3 channels, but got 4 channels") as raised:
        F.conv2d(torch.zeros(1, 4, 5, 5), torch.zeros(8, 3, 3, 3))
    assert "Hint:" in str(raised.value)


CASES = [
    (F.conv2d, (2, 2, 5, 5), (4, 1, 3, 2), {"groups": 2, "stride": (2, 1), "padding": (1, 0)}),
    (F.conv1d, (2, 2, 6), (3, 2, 2), {"padding": "same"}),
    (F.conv_transpose2d, (1, 2, 3, 3), (2, 1, 2, 2), {"stride": 2, "output_padding": 1}),
    (F.conv_transpose1d, (1, 2, 3), (2, 1, 3), {"stride": 2, "dilation": 3, "output_padding": 2}),
    (F.conv3d, (1, 1, 3, 3, 3), (1, 1, 2, 2, 2), {"dilation": (1, 2, 1)}),
]


@pytest.mark.parametrize(("op", "x", "w", "options"), CASES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_derivatives(op: Any, x: Any, w: Any, options: Any, dtype: Any) -> None:
    torch.manual_seed(0)
    leaves = [torch.randn(s, dtype=dtype, requires_grad=True) for s in (x, w)]
    outs = w[1] if "transpose" in op.__name__ else w[0]
    bias = torch.randn(outs, dtype=dtype, requires_grad=True)

    def call(*operands: Any) -> Any:
        return op(*operands, **options)

    assert torch.autograd.gradcheck(call, (*leaves, bias), fast_mode=True)
    assert torch.autograd.gradgradcheck(call, (*leaves, bias), fast_mode=True)


def test_third_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    w = torch.randn(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    one = torch.autograd.grad((F.conv2d(x, w) ** 3).sum(), x, create_graph=True)[0]
    two = torch.autograd.grad((one**2).sum(), w, create_graph=True)[0]

    def after(w: Any) -> Any:
        one = torch.autograd.grad((F.conv2d(x, w) ** 3).sum(), x, create_graph=True)[0]
        return torch.autograd.grad((one**2).sum(), w, create_graph=True)[0]

    assert two.shape == w.shape
    assert torch.autograd.gradcheck(after, (w,), fast_mode=True)


@pytest.mark.parametrize("which", [(0, None), (None, 0), (0, 0)])
@pytest.mark.parametrize("bias", [None, 0, "shared"])
def test_vmap_is_a_loop(which: Any, bias: Any) -> None:
    torch.manual_seed(0)
    x = torch.randn((3, 2, 4, 5, 5) if which[0] == 0 else (2, 4, 5, 5), dtype=torch.float64)
    w = torch.randn((3, 6, 2, 3, 3) if which[1] == 0 else (6, 2, 3, 3), dtype=torch.float64)
    b = None if bias is None else torch.randn((3, 6) if bias == 0 else 6, dtype=torch.float64)
    dims = (*which, 0 if bias == 0 else None)
    made = torch.func.vmap(lambda x, w, b: F.conv2d(x, w, b, groups=2), dims)(x, w, b)
    for i in range(3):
        one = [t if t is None or d is None else t[i] for t, d in zip((x, w, b), dims, strict=True)]
        assert torch.allclose(made[i], F.conv2d(*one, groups=2))


def test_gradient_of_each_sample() -> None:
    torch.manual_seed(0)
    x, w = (torch.randn(s, dtype=torch.float64) for s in ((3, 2, 5, 5), (4, 2, 3, 3)))

    def loss(w: Any, x: Any) -> Any:
        return (F.max_pool2d(F.conv2d(x, w), 2) ** 2).sum()

    made = torch.func.vmap(torch.func.grad(loss), (None, 0))(w, x)
    for i in range(3):
        assert torch.allclose(made[i], torch.func.grad(loss)(w, x[i]))


@pytest.mark.parametrize("limits", [(2_000, 8_000, 3_000), (100, 100, 100)])
def test_parts_of_an_image_give_the_whole(limits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s) for s in ((3, 4, 9, 8), (6, 2, 3, 3), (6,)))
    geometry = ((2, 1), (1, 2), (1, 2), 2)
    size = (5, 8)
    g = rng.standard_normal((3, 6, *size))

    def all_three() -> list[Any]:
        kernels.schedule.cache_clear()
        return [
            kernels.convolution(x, w, size, *geometry, b),
            kernels.convolution_input(g, w, (9, 8), *geometry),
            kernels.convolution_weight(g, x, (3, 3), *geometry),
        ]

    whole = all_three()
    for name, limit in zip(("CACHE", "WHOLE", "ROWS"), limits, strict=True):
        monkeypatch.setattr(kernels, name, limit)
    for a, b2 in zip(whole, all_three(), strict=True):
        np.testing.assert_allclose(a, b2, rtol=1e-12, atol=1e-12)
    kernels.schedule.cache_clear()


@pytest.mark.parametrize("seed", range(40))
def test_input_adjoint_of_many_outputs(seed: int) -> None:
    """<conv(x), g> = <x, adjoint(g)> where there are twice as many outputs as inputs: shifted
    products instead of columns."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(v) for v in rng.integers(low, high, n))

    groups, c = (int(v) for v in rng.integers(1, 4, 2))
    size, out, kernel = draw(1, 8), draw(1, 5), draw(1, 4)
    x = rng.standard_normal((2, groups * c, *size))
    w = rng.standard_normal((groups * c * 2, c, *kernel))
    g = rng.standard_normal((2, groups * c * 2, *out))
    geometry = ((1,) * n, draw(0, 3), draw(1, 3), groups)
    back = kernels.convolution_input(g, w, size, *geometry)
    assert back.shape == x.shape and back.flags.c_contiguous
    forward = kernels.convolution(x, w, out, *geometry)
    np.testing.assert_allclose((back * x).sum(), (forward * g).sum(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_dtype_stays(dtype: Any) -> None:
    x = torch.ones(1, 2, 6, 6, dtype=dtype, requires_grad=True)
    w = torch.ones(2, 2, 3, 3, dtype=dtype, requires_grad=True)
    y = F.avg_pool2d(F.max_pool2d(F.conv2d(x, w, padding=1), 2), 3)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == w.grad.dtype == dtype


def test_infinite_cotangents_stay_where_they_are() -> None:
    x = torch.arange(16.0).reshape(1, 4, 4).requires_grad_()
    F.max_pool2d(x, 2).backward(torch.full((1, 2, 2), float("inf")))
    assert x.grad.isfinite().sum() == 12
    assert not x.grad.isnan().any()


def test_gradient_of_a_nan_maximum() -> None:
    x = torch.tensor([[[1.0, float("nan")], [float("nan"), 3.0]]], requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.flatten().tolist() == [0, 0, 1, 0]


def test_only_the_first_of_equal_maxima_gets_the_gradient() -> None:
    x = torch.ones(1, 4, 4, requires_grad=True)
    F.max_pool2d(x, 3, 1).sum().backward()
    assert x.grad[0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_unpool_is_the_way_back() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 6)
    values, places = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(values, places, 2)
    assert torch.equal(back, torch.where(back != 0, x, torch.zeros(())))
    assert torch.equal(F.max_pool2d(back.abs(), 2), values.abs())


def test_fold_undoes_unfold_where_patches_do_not_overlap() -> None:
    x = torch.arange(24.0).reshape(1, 1, 4, 6)
    assert torch.equal(F.fold(F.unfold(x, 2, stride=2), (4, 6), 2, stride=2), x)
