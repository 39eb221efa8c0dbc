"""Modules beyond PyTorch's answers: the path of the layer in an error, lazy loading, shared memory,
derivatives of every order and transforms through the recurrent layers."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as torch

nn: Any = torch.nn


def notes(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes of exceptions")
def test_an_error_names_the_layer() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(5, 1))
    with pytest.raises(RuntimeError, match="cannot be multiplied") as caught:
        net(torch.ones(2, 3))
    assert notes(caught.value).endswith(
        "in layer '1' of Sequential: Linear(in_features=5, out_features=1, bias=True)\n"
        "called with: float32 [2, 4]\n"
    )
    with pytest.raises(RuntimeError) as caught:
        net(torch.ones(2, 2))
    assert "in layer '0.0' of Sequential: Linear(in_features=3" in notes(caught.value)


def test_layers_are_loaded_when_named() -> None:
    program = (
        "import sys, chainrule as torch\n"
        "before = [m for m in sys.modules if m.startswith('chainrule.nn.modules.')]\n"
        "torch.nn.Linear(2, 1)\n"
        "after = [m for m in sys.modules if m.startswith('chainrule.nn.modules.')]\n"
        "print(before, 'chainrule.nn.modules.conv' in after, 'LSTM' in dir(torch.nn))\n"
        "from chainrule.nn import *\n"
        "print(Conv2d.__name__, Parameter.__name__)\n"
    )
    path = os.pathsep.join(filter(None, [str(Path(torch.__file__).parents[1])]))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[] False True\nConv2d Parameter\n"


def test_every_name_is_found() -> None:
    for name in nn.__all__:
        assert getattr(nn, name) is not None
    for name in nn.modules.__all__:
        assert getattr(nn.modules, name).__module__.startswith("chainrule.nn.modules.")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_shared_memory_outlives_a_fork() -> None:
    layer = nn.Linear(2, 1).share_memory()
    child = os.fork()
    if not child:
        with torch.no_grad():
            layer.weight.fill_(7.0)
        os._exit(0)
    os.waitpid(child, 0)
    assert layer.weight.tolist() == [[7.0, 7.0]]


def test_a_parameter_is_a_tensor() -> None:
    data = torch.ones(2)
    w = nn.Parameter(data)
    with torch.no_grad():
        w.add_(1)
    assert data.tolist() == [2.0, 2.0] and type(w * 2) is torch.Tensor and w.is_leaf


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_gradcheck_of_recurrent_layers(kind: str) -> None:
    torch.manual_seed(0)
    layer = getattr(nn, kind)(2, 3, bidirectional=True).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: layer(v)[0], (x,))
    assert torch.autograd.gradgradcheck(lambda v: layer(v)[0][:2], (x,))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_per_sample_gradients_of_recurrent_layers(kind: str) -> None:
    torch.manual_seed(0)
    layer = getattr(nn, kind)(2, 3)
    weights = {k: v.detach() for k, v in layer.named_parameters()}
    x = torch.randn(5, 4, 2)

    def loss(weights: Any, sample: Any) -> Any:
        return torch.func.functional_call(layer, weights, (sample,))[0].pow(2).sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)
    for i in range(5):
        one = torch.func.grad(loss)(weights, x[i])
        for k in weights:
            np.testing.assert_allclose(each[k][i].tolist(), one[k].tolist(), rtol=1e-4, atol=1e-5)


def test_packed_and_padded_sequences_agree() -> None:
    torch.manual_seed(0)
    layer = nn.LSTM(2, 3, 2, bidirectional=True)
    a, b = torch.randn(4, 2), torch.randn(2, 2)
    packed = nn.utils.rnn.pack_sequence([b, a], enforce_sorted=False)
    outputs, (h, _) = layer(packed)
    short, long = nn.utils.rnn.unpack_sequence(outputs)
    for alone, together, at in ((b, short, 0), (a, long, 1)):
        want, (h_alone, _) = layer(alone)
        np.testing.assert_allclose(together.tolist(), want.tolist(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(h[:, at].tolist(), h_alone.tolist(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("wanted", [False, True])
def test_an_lstm_is_its_cell_step_by_step(n: int, wanted: bool) -> None:
    """Also an empty batch; and without a cotangent for the input, which is left out."""
    torch.manual_seed(0)
    layer, cell = nn.LSTM(2, 6).double(), nn.LSTMCell(2, 6).double()
    for mine, theirs in zip(cell.parameters(), layer.parameters(), strict=True):
        mine.data = theirs.detach().clone()
    x = torch.randn(4, n, 2, dtype=torch.float64, requires_grad=wanted)
    y, (h, c) = layer(x)
    (y.sin().sum() + (h * c).sum()).backward()
    mine, x.grad = x.grad, None
    state, made = None, []
    for step in x:
        state = cell(step, state)
        made.append(state[0])
    outs = torch.stack(made)
    (outs.sin().sum() + (state[0] * state[1]).sum()).backward()
    assert (mine is None) is not wanted
    pairs = [(y, outs), (h[0], state[0]), (c[0], state[1])]
    pairs += [(mine, x.grad)] * wanted
    pairs += [(p.grad, q.grad) for p, q in zip(layer.parameters(), cell.parameters(), strict=True)]
    for a, b in pairs:
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 64, 65])
@pytest.mark.parametrize("turned", [False, True])
def test_linear_of_few_rows(n: int, turned: bool) -> None:
    """Products large enough to be turned around."""
    x = np.random.default_rng(0).standard_normal((n, 512), "f")
    w = np.random.default_rng(1).standard_normal((512, 640), "f")
    weight = torch.from_numpy(w).t() if turned else torch.from_numpy(w.T.copy())
    made = nn.functional.linear(torch.from_numpy(x), weight, torch.ones(640))
    assert made.is_contiguous() and made.dtype is torch.float32
    np.testing.assert_allclose(made.numpy(), x.astype("d") @ w + 1, rtol=1e-3, atol=1e-3)
