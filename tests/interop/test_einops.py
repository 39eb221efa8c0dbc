"""einops finds a backend for tensors, in whichever order the two libraries are imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as torch

einops = pytest.importorskip("einops")
SOURCE = str(Path(torch.__file__).parents[1])


def operand() -> tuple[torch.Tensor, np.ndarray]:
    array = np.arange(24.0).reshape(2, 3, 4) % 7
    return torch.from_numpy(array).requires_grad_(), array


@pytest.mark.parametrize(
    ("pattern", "sizes"),
    [("a b c -> c (a b)", {}), ("a b (c d) -> d a (b c)", {"d": 2}), ("... c -> c ...", {})],
)
def test_rearrange(pattern: str, sizes: dict[str, int]) -> None:
    x, array = operand()
    made = einops.rearrange(x, pattern, **sizes)
    assert made.tolist() == einops.rearrange(array, pattern, **sizes).tolist()
    (gradient,) = torch.autograd.grad((made * made).sum(), x)
    assert torch.equal(gradient, 2 * x)


@pytest.mark.parametrize("name", ["sum", "mean", "min", "max", "prod"])
def test_reduce(name: str) -> None:
    x, array = operand()
    made = einops.reduce(x, "a b (c d) -> b c", name, d=2)
    np.testing.assert_allclose(
        made.detach().numpy(), einops.reduce(array, "a b (c d) -> b c", name, d=2)
    )
    assert made.requires_grad


def test_reduce_of_truth_values() -> None:
    x = torch.tensor([[True, False], [True, True]])
    assert einops.reduce(x, "a b -> a", "all").tolist() == [False, True]
    assert einops.reduce(x, "a b -> b", "any").tolist() == [True, True]


def test_repeat_einsum_pack_and_lists() -> None:
    x, array = operand()
    assert einops.repeat(x, "a b c -> a k c b", k=5).shape == (2, 5, 4, 3)
    products = einops.einsum(x, x, "a b c, a d c -> a b d")
    np.testing.assert_allclose(products.tolist(), array @ array.transpose(0, 2, 1))
    packed, shapes = einops.pack([x, x[0]], "* c")
    assert packed.shape == (9, 4)
    assert [t.shape for t in einops.unpack(packed, shapes, "* c")] == [(2, 3, 4), (3, 4)]
    assert einops.rearrange([x, x], "n a b c -> a (n b c)").shape == (2, 24)
    assert einops.parse_shape(x, "a _ c") == {"a": 2, "c": 4}
    assert isinstance(einops.asnumpy(x.detach()), np.ndarray)


def test_array_api_functions() -> None:
    from einops import array_api

    x, _ = operand()
    assert array_api.rearrange(x, "a b c -> (c b) a").shape == (12, 2)
    assert torch.equal(array_api.reduce(x, "a b c -> b", "mean"), x.mean((0, 2)))


def test_transforms_see_through_it() -> None:
    x, _ = operand()
    made = torch.func.vmap(lambda t: einops.rearrange(t, "b c -> c b"))(x)
    assert torch.equal(made, x.transpose(1, 2))


ORDERS = {
    "chainrule first": "import chainrule as torch\nimport einops",
    "einops first": "import einops\nimport chainrule as torch",
    "as torch": "import chainrule\nchainrule.install()\nimport torch, einops",
}
USE = """
import sys
assert einops.rearrange(torch.ones(2, 3), "a b -> b a").shape == (3, 2)
assert not any(type(f).__module__ == "chainrule.compat.einops" for f in sys.meta_path)
assert type(einops._backends.__spec__.loader).__name__ == "SourceFileLoader"
"""
LAYERS = """
from einops.layers.torch import Rearrange, Reduce
net = torch.nn.Sequential(Rearrange("b (h w) -> b h w", h=2), Reduce("b h w -> b w", "max"))
assert net(torch.arange(8.0).reshape(2, 4)).tolist() == [[2, 3], [6, 7]]
"""


@pytest.mark.parametrize("order", ORDERS)
def test_order_of_imports(order: str) -> None:
    program = ORDERS[order] + USE + (LAYERS if order == "as torch" else "")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {SOURCE!r})\n{program}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
