"""vmap: dimensions in and out, randomness, chunks, the loop, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.func import grad, vmap

x = torch.arange(6.0).reshape(3, 2)


def same(a: Any, b: Any) -> None:
    assert a.shape == b.shape
    np.testing.assert_allclose(np.asarray(a._data), np.asarray(b._data), rtol=1e-6)


def test_dimensions() -> None:
    same(vmap(lambda a: a.sum())(x), x.sum(1))
    same(vmap(lambda a: a.sum(), in_dims=1)(x), x.sum(0))
    same(vmap(lambda a: a.sum(), in_dims=-1)(x), x.sum(0))
    same(vmap(lambda a, b: a * b, in_dims=(0, None))(x, x[0]), x * x[0])
    same(vmap(lambda a: a, out_dims=1)(x), x.t())
    same(vmap(lambda a: a, out_dims=-1)(x), x.t())
    first, second = vmap(lambda a: (a, a.sum()), in_dims=1, out_dims=(1, 0))(x)
    same(first, x)
    same(second, x.sum(0))
    made, three = vmap(lambda a: (a, 3), out_dims=(0, None))(x)
    assert three == 3
    same(made, x)
    same(
        vmap(lambda d: d["a"] + d["b"][0], in_dims=({"a": 0, "b": (None,)},))(
            {"a": x, "b": (x[0],)}
        ),
        x + x[0],
    )
    same(vmap(lambda a: torch.ones(2))(x), torch.ones(3, 2))
    same(vmap(lambda a, k: a * k, in_dims=(0, None))(x, 3), x * 3)
    same(vmap(lambda a, k=None: a * k)(x, k=x[0]), x * x[0])
    assert vmap(lambda a: a * 2)(torch.zeros(0, 2)).shape == (0, 2)


def test_nested() -> None:
    a, b = torch.arange(3.0), torch.arange(4.0)
    outer = vmap(vmap(lambda p, q: p * q, in_dims=(None, 0)), in_dims=(0, None))(a, b)
    same(outer, a[:, None] * b)
    same(
        vmap(vmap(lambda m: m.t() @ m, in_dims=1), in_dims=2)(torch.ones(2, 3, 4)).sum(),
        torch.tensor(24.0),
    )


def test_chunks_and_the_loop() -> None:
    def g(a: Any) -> Any:
        return {"s": a.sum(), "t": a * 2}

    whole = vmap(g)(x)
    for options in ({"chunk_size": 1}, {"chunk_size": 2}, {"chunk_size": 9}, {"fallback": "loop"}):
        made = vmap(g, **options)(x)
        same(made["s"], whole["s"])
        same(made["t"], whole["t"])
    same(vmap(lambda a: a, chunk_size=2, out_dims=1)(x), x.t())


def test_the_loop_may_look_at_values() -> None:
    def g(a: Any) -> Any:
        return a * a.sum().item() if a.sum() > 2 else -a

    expected = torch.stack([g(a) for a in x])
    same(vmap(g, fallback="loop")(x), expected)
    same(vmap(g, in_dims=1, out_dims=1, fallback="loop")(x.t()), expected.t())
    same(grad(lambda a: vmap(g, fallback="loop")(a).sum())(x)[0], -torch.ones(2))
    same(
        vmap(vmap(lambda p: p if p > 2 else p * 0, fallback="loop"), fallback="loop")(x),
        torch.where(x > 2, x, x * 0),
    )
    with pytest.raises(ValueError, match="needs at least one element"):
        vmap(g, fallback="loop")(torch.zeros(0, 2))
    with pytest.raises(ValueError, match="fallback should be None or 'loop'"):
        vmap(g, fallback="slow")


@pytest.mark.parametrize("nested", [False, True])
def test_random_numbers(nested: bool) -> None:
    def draw(randomness: str) -> Any:
        torch.manual_seed(0)
        one = vmap(lambda a: torch.rand(2), randomness=randomness)
        if nested:
            return vmap(lambda a: one(a[None])[0], randomness=randomness)(x)
        return one(x)

    for made, shape in ((draw("different"), (3, 2)), (draw("same"), (2,))):
        torch.manual_seed(0)
        same(made, torch.rand(*shape).expand(3, 2))
    with pytest.raises(
        RuntimeError, match="called random operation while in randomness error mode"
    ):
        draw("error")


@pytest.mark.parametrize(
    "g",
    [
        lambda a: torch.randn(3),
        lambda a: torch.rand_like(a),
        lambda a: torch.randint(0, 10, (2,)),
        lambda a: torch.randperm(4),
        lambda a: torch.normal(0.0, 1.0, (2,)),
        lambda a: a.clone().normal_(),
        lambda a: torch.nn.functional.dropout(a, 0.5),
    ],
)
def test_every_draw_asks(g: Any) -> None:
    ones = torch.ones(3, 8)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(g)(ones)
    one = vmap(g, randomness="same")(ones)._data
    assert (one == one[0]).all()
    many = vmap(g, randomness="different")(ones)._data
    assert many.shape == one.shape
    assert not (many == many[0]).all()


def test_draws_from_batched_distributions() -> None:
    p = torch.full((3, 20), 0.5)
    for g in (
        torch.bernoulli,
        torch.poisson,
        lambda p: torch.normal(p, 1.0),
        lambda p: torch.multinomial(p, 5),
    ):
        made = vmap(g, randomness="different")(p)
        assert made.shape[0] == 3
        with pytest.raises(RuntimeError, match="does not currently support same randomness"):
            vmap(g, randomness="same")(p)


def test_indices() -> None:
    i = torch.tensor([[0, 1], [1, 1], [0, 0]])
    same(vmap(lambda a, j: a[j])(x, i), torch.gather(x, 1, i))
    same(vmap(lambda a, j: a[j])(x, i[:, 0]), torch.gather(x, 1, i[:, :1])[:, 0])
    same(vmap(lambda j: x[j])(i), x[i])
    same(vmap(lambda a: a[torch.tensor([True, False])])(x), x[:, :1])
    big = torch.arange(24.0).reshape(2, 3, 4)
    j = torch.tensor([[0, 2], [1, 1]])
    same(
        vmap(lambda a, j: a[:, j])(big, j),
        torch.stack([a[:, k] for a, k in zip(big, j, strict=True)]),
    )
    same(
        vmap(lambda a, j: a[j, j])(big, j),
        torch.stack([a[k, k] for a, k in zip(big, j, strict=True)]),
    )

    def put(a: Any, j: Any) -> Any:
        a = a.clone()
        a[:, j] = a[:, :2] * 10
        a[a > 50] = 0.0
        return a

    same(vmap(put)(big, j), torch.stack([put(a, k) for a, k in zip(big, j, strict=True)]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: vmap(lambda a: a.sum().item())(x),
            RuntimeError,
            r"vmap: It looks like you're calling .item\(\)",
        ),
        (
            lambda: vmap(lambda a: float(a.sum()))(x),
            RuntimeError,
            r"vmap: It looks like you're calling .item\(\)",
        ),
        (
            lambda: vmap(lambda a: a if a.sum() > 0 else -a)(x),
            RuntimeError,
            "data-dependent control flow",
        ),
        (lambda: vmap(lambda a: a.numpy())(x), RuntimeError, "Cannot access data pointer"),
        (lambda: vmap(lambda a: a.tolist())(x), RuntimeError, "Cannot access data pointer"),
        (
            lambda: vmap(lambda a: torch.tensor(np.asarray(a)))(x),
            RuntimeError,
            "Cannot access data pointer",
        ),
        (lambda: vmap(lambda a: a.data)(x), RuntimeError, "accessing `data` under vmap"),
        (lambda: vmap(lambda a: f"{a.sum():.2f}")(x), RuntimeError, "item"),
        (lambda: vmap(lambda a: a[a > 1])(x), RuntimeError, "support dynamic shape"),
        (
            lambda: vmap(lambda a: torch.zeros(2).add_(a))(x),
            RuntimeError,
            "vmap: inplace arithmetic",
        ),
        (
            lambda: vmap(lambda a: 1.0)(x),
            ValueError,
            "must only return Tensors, got type <class 'float'>",
        ),
        (lambda: vmap(lambda a: a)(torch.tensor(1.0)), ValueError, "Got in_dim=0 for some input"),
        (lambda: vmap(lambda a: a, in_dims=5)(x), ValueError, "Got in_dim=5 for some input"),
        (
            lambda: vmap(lambda a, b: a, in_dims=(0,))(x, x),
            ValueError,
            "in_dims is not compatible with the structure",
        ),
        (
            lambda: vmap(lambda a: a, in_dims=None)(x),
            ValueError,
            "expected `in_dims` to be int or a",
        ),
        (
            lambda: vmap(lambda a: a, in_dims=("a",))(x),
            ValueError,
            "in_dim must be either an integer dimension or None",
        ),
        (lambda: vmap(lambda a: a)(1.0), ValueError, "We cannot vmap over non-Tensor arguments"),
        (
            lambda: vmap(lambda a: a, in_dims=(None,))(x),
            ValueError,
            "Expected at least one Tensor to vmap over",
        ),
        (lambda: vmap(lambda a: a, out_dims=3)(x), IndexError, "Dimension out of range"),
        (
            lambda: vmap(lambda a: a, out_dims=(0, 1))(x),
            ValueError,
            "out_dims is not compatible with the structure",
        ),
        (
            lambda: vmap(lambda a: a, out_dims="a")(x),
            ValueError,
            "`out_dims` must be an int, None or",
        ),
        (
            lambda: vmap(lambda a: a, out_dims=None)(x),
            ValueError,
            "can not return a BatchedTensor when out_dim is None",
        ),
        (
            lambda: vmap(lambda a, b: a)(x, x[:2]),
            ValueError,
            "Expected all tensors to have the same size",
        ),
        (lambda: vmap(lambda: x)(), ValueError, "got no inputs"),
        (
            lambda: vmap(torch.sin, chunk_size=0),
            ValueError,
            "chunk_size should be None or greater than 0",
        ),
        (
            lambda: vmap(torch.sin, randomness="some"),
            RuntimeError,
            "Only allowed values for randomness",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_escaped_tensor_says_so() -> None:
    kept = []
    vmap(lambda a: (kept.append(a), a)[1])(x)
    with pytest.raises(RuntimeError, match="may have escaped from inside a function being vmapped"):
        kept[0] * 2


def test_a_batched_tensor_has_the_shape_of_an_element() -> None:
    seen = []
    vmap(
        lambda a: (
            seen.append((a.shape, a.dim(), a.dtype, len(a), a.numel(), a.is_floating_point())),
            a,
        )[1]
    )(x)
    assert seen == [(torch.Size([2]), 1, torch.float32, 2, 2, True)]


def test_the_loop_keeps_to_the_randomness_asked_for() -> None:
    def draw(a: torch.Tensor) -> torch.Tensor:
        return a + torch.rand(2)

    x = torch.zeros(3, 2)
    same = torch.vmap(draw, randomness="same", fallback="loop")(x)
    assert (same == same[0]).all()
    torch.manual_seed(0)
    different = torch.vmap(draw, randomness="different", fallback="loop")(x)
    assert len(set(different.flatten().tolist())) == 6
    torch.manual_seed(0)
    with pytest.raises(RuntimeError, match="called random operation while in randomness error"):
        torch.vmap(draw, fallback="loop")(x)
    assert torch.equal(torch.rand(2), different[0])  # and nothing was drawn
