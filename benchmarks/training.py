"""Whole training steps: zero_grad, forward, loss, backward, optimizer.

As in `tiny.py`: each entry has what it does, and for every candidate a function that sets up and
returns one step. `torch` is written once and runs on PyTorch and on chainrule; JAX compiles its
whole step. `numpy` is the floor, not a peer: the products of matrices of one step and nothing else,
into memory that is there already.

    chainrule bench training --against torch,jax,numpy
    python benchmarks/training.py NAME ...      where a step's time goes, by function (cProfile)
"""

from __future__ import annotations

import cProfile
import importlib
import os
import pstats
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

Step = Callable[[], Any]
Product = tuple[tuple[int, ...], tuple[int, ...]]


def _training(
    torch: Any, model: Any, optimizer: Any, loss_of: Callable[[Any], Any], *batch: Any
) -> Step:
    """One step as programs write it; `loss_of` takes the model's answer."""

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(*batch))
        loss.backward()
        optimizer.step()
        return loss

    return step


def _products(*shapes: tuple[Product, int]) -> Callable[[Any], Step]:
    """The floor: `a @ b` for every ((shape of a, shape of b), how often)."""

    def setup(numpy: Any) -> Step:
        draw, made = numpy.random.default_rng(0), []
        for (a, b), times in shapes:
            x, y = (draw.standard_normal(s, dtype="float32") for s in (a, b))
            made += [(x, y, numpy.matmul(x, y))] * times

        def step() -> None:
            for x, y, out in made:
                numpy.matmul(x, y, out=out)

        return step

    return setup


def _layers(*sizes: tuple[int, int, int], first: bool = False) -> list[tuple[Product, int]]:
    """The products of linear layers (rows, inputs, outputs); `first`: the first one's input needs
    no gradient."""
    made = []
    for i, (n, k, m) in enumerate(sizes):
        made += [(((n, k), (k, m)), 1), (((m, n), (n, k)), 1)]
        if i or not first:
            made.append((((n, m), (m, k)), 1))
    return made


# ---------------------------------------------------------------- multilayer perceptrons


def mlp(sizes: tuple[int, ...], batch: int, optimizer: str) -> Callable[[Any], Step]:
    """Linear and ReLU in turn, cross-entropy of 10 classes."""

    def setup(torch: Any) -> Step:
        nn = torch.nn
        torch.manual_seed(0)
        layers = []
        for i, (a, b) in enumerate(pairwise(sizes)):
            layers += [nn.ReLU()] * bool(i) + [nn.Linear(a, b)]
        model = nn.Sequential(*layers)
        x, y = torch.randn(batch, sizes[0]), torch.randint(sizes[-1], (batch,))
        kind = getattr(torch.optim, optimizer)
        loss = nn.CrossEntropyLoss()
        return _training(
            torch, model, kind(model.parameters(), lr=1e-3), lambda out: loss(out, y), x
        )

    return setup


def _jax_mlp(jax: Any, sizes: tuple[int, ...], batch: int) -> tuple[Any, Any, Any]:
    """(forward, parameters, input) of the same network."""
    np, keys = jax.numpy, jax.random.split(jax.random.PRNGKey(0), len(sizes))
    parameters = [
        (jax.random.normal(k, (a, b)) / a**0.5, np.zeros(b))
        for k, a, b in zip(keys, sizes, sizes[1:], strict=False)
    ]

    def forward(parameters: Any, x: Any) -> Any:
        for w, b in parameters[:-1]:
            x = np.maximum(x @ w + b, 0)
        w, b = parameters[-1]
        return x @ w + b

    return forward, parameters, jax.random.normal(keys[-1], (batch, sizes[0]))


def _jax_training(jax: Any, loss: Any, parameters: Any, adam: bool) -> Step:
    """A compiled step that gives its memory to the next."""
    np, tree = jax.numpy, jax.tree_util

    def update(state: Any) -> Any:
        p, m, v, t = state
        g = jax.grad(loss)(p)
        if not adam:
            return tree.tree_map(lambda p, g: p - 1e-3 * g, p, g), m, v, t
        t = t + 1
        m = tree.tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        size, root = 1e-3 / (1 - 0.9**t), np.sqrt(1 - 0.999**t)
        p = tree.tree_map(lambda p, m, v: p - size * m / (np.sqrt(v) / root + 1e-8), p, m, v)
        return p, m, v, t

    zeros = tree.tree_map(np.zeros_like, parameters)
    state = [(parameters, zeros, tree.tree_map(np.zeros_like, parameters), np.asarray(0.0))]
    compiled = jax.jit(update, donate_argnums=0)

    def step() -> None:
        state[0] = jax.block_until_ready(compiled(state[0]))

    return step


def mlp_jax(sizes: tuple[int, ...], batch: int, adam: bool) -> Callable[[Any], Step]:
    """`mlp` in JAX."""

    def setup(jax: Any) -> Step:
        forward, parameters, x = _jax_mlp(jax, sizes, batch)
        y = jax.random.randint(jax.random.PRNGKey(1), (batch,), 0, sizes[-1])

        def loss(p: Any) -> Any:
            logs = jax.nn.log_softmax(forward(p, x))
            return -logs[jax.numpy.arange(batch), y].mean()

        return _jax_training(jax, loss, parameters, adam)

    return setup


def moons(torch: Any) -> Step:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)
    )
    x, y = torch.randn(64, 2), torch.randint(2, (64, 1)).float()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = nn.BCEWithLogitsLoss()
    return _training(torch, model, optimizer, lambda out: loss(out, y), x)


def moons_jax(jax: Any) -> Step:
    np = jax.numpy
    _, parameters, x = _jax_mlp(jax, (2, 16, 16, 1), 64)
    y = jax.random.randint(jax.random.PRNGKey(1), (64, 1), 0, 2)

    def loss(p: Any) -> Any:
        z = np.tanh(np.tanh(x @ p[0][0] + p[0][1]) @ p[1][0] + p[1][1]) @ p[2][0] + p[2][1]
        return (np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))).mean()

    return _jax_training(jax, loss, parameters, adam=False)


# ---------------------------------------------------------------- a convolutional network


def cnn(torch: Any) -> Step:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 12 * 12, 10),
    )  # fmt: skip
    x, y = torch.randn(32, 1, 28, 28), torch.randint(10, (32,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss = nn.CrossEntropyLoss()
    return _training(torch, model, optimizer, lambda out: loss(out, y), x)


CNN_PRODUCTS: list[tuple[Product, int]] = [
    (((32, 9), (9, 676)), 32),
    (((32, 676), (676, 9)), 32),
    (((64, 288), (288, 576)), 32),
    (((288, 64), (64, 576)), 32),
    (((64, 576), (576, 288)), 32),
    *_layers((32, 9216, 10)),
]


# ---------------------------------------------------------------- a recurrent network


def lstm(torch: Any) -> Step:
    nn = torch.nn
    torch.manual_seed(0)

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(32, 128, batch_first=True)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            y, _ = self.lstm(x)
            return self.head(y[:, -1])

    model = Network()
    x, y = torch.randn(16, 32, 32), torch.randint(10, (16,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()
    return _training(torch, model, optimizer, lambda out: loss(out, y), x)


LSTM_PRODUCTS: list[tuple[Product, int]] = [
    *_layers((512, 32, 512), first=True),
    (((16, 128), (128, 512)), 32),
    (((16, 512), (512, 128)), 32),
    (((512, 512), (512, 128)), 1),
    *_layers((16, 128, 10)),
]


# ---------------------------------------------------------------- a transformer


VOCABULARY, WIDTH, HEADS, BLOCK, BATCH, DEPTH = 65, 128, 4, 64, 12, 4


def gpt(torch: Any) -> Step:
    """A decoder with learned positions, layer norm first, and AdamW."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)

    class Attention(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            n, t, c = x.shape
            q, k, v = (
                part.view(n, t, HEADS, c // HEADS).transpose(1, 2)
                for part in self.qkv(x).split(c, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).contiguous().view(n, t, c))

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attention = Attention()
            self.mlp = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
            )

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(BLOCK, WIDTH)
            self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
            self.norm = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

        def forward(self, x: Any) -> Any:
            x = self.tokens(x) + self.places(torch.arange(x.shape[1]))
            return self.head(self.norm(self.blocks(x)))

    model = Network()
    x, y = (torch.randint(VOCABULARY, (BATCH, BLOCK)) for _ in range(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return _training(
        torch, model, optimizer, lambda z: F.cross_entropy(z.view(-1, VOCABULARY), y.view(-1)), x
    )


_ROWS, _PAIRS, _HEAD = BATCH * BLOCK, BATCH * HEADS, WIDTH // HEADS
GPT_PRODUCTS: list[tuple[Product, int]] = [
    *_layers(
        (_ROWS, WIDTH, 3 * WIDTH), (_ROWS, WIDTH, WIDTH),
        (_ROWS, WIDTH, 4 * WIDTH), (_ROWS, 4 * WIDTH, WIDTH),
    ),
    (((_PAIRS, BLOCK, _HEAD), (_PAIRS, _HEAD, BLOCK)), 2),
    (((_PAIRS, BLOCK, BLOCK), (_PAIRS, BLOCK, _HEAD)), 4),
] * DEPTH + _layers((_ROWS, WIDTH, VOCABULARY))  # fmt: skip


PROGRAMS: dict[str, tuple[str, dict[str, Callable[[Any], Step]]]] = {
    "mlp_sgd": (
        "MLP 784-256-10, batch 64, SGD",
        {
            "torch": mlp((784, 256, 10), 64, "SGD"),
            "jax": mlp_jax((784, 256, 10), 64, adam=False),
            "numpy": _products(*_layers((64, 784, 256), (64, 256, 10), first=True)),
        },
    ),
    "mlp_adam": (
        "MLP 784-1024-10, batch 128, Adam",
        {
            "torch": mlp((784, 1024, 10), 128, "Adam"),
            "jax": mlp_jax((784, 1024, 10), 128, adam=True),
            "numpy": _products(*_layers((128, 784, 1024), (128, 1024, 10), first=True)),
        },
    ),
    "moons": (
        "MLP 2-16-16-1, tanh, batch 64, SGD",
        {
            "torch": moons,
            "jax": moons_jax,
            "numpy": _products(*_layers((64, 2, 16), (64, 16, 16), (64, 16, 1), first=True)),
        },
    ),
    "cnn": (
        "CNN 1-32-64, 3x3, batch 32 of 28x28, SGD with momentum",
        {"torch": cnn, "numpy": _products(*CNN_PRODUCTS)},
    ),
    "lstm": (
        "LSTM 32-128, 32 steps, batch 16, Adam",
        {"torch": lstm, "numpy": _products(*LSTM_PRODUCTS)},
    ),
    "gpt": (
        "GPT of 4 layers, width 128, 12 x 64 tokens, AdamW",
        {"torch": gpt, "numpy": _products(*GPT_PRODUCTS)},
    ),
}


def profile(name: str, lines: int = 10, seconds: float = 2.0) -> None:
    """Print what takes the time of one program's steps in chainrule; the profiler itself makes
    Python's share look larger than it is."""
    step = PROGRAMS[name][1]["torch"](importlib.import_module("chainrule"))
    profiler = cProfile.Profile()
    count, used = 0, 0.0
    step()
    while used < seconds:
        profiler.enable()
        for _ in range(10):
            step()
        profiler.disable()
        count += 10
        used = pstats.Stats(profiler).total_tt  # type: ignore[attr-defined]
    print(f"{name}: {used / count * 1e6:.0f} us a step under the profiler")
    found: Any = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    rows = sorted(((own, calls, key) for key, (_, calls, own, *_) in found.items()), reverse=True)
    for own, calls, (file, line, function) in rows[:lines]:
        place = function if file == "~" else f"{Path(file).parent.name}/{Path(file).name}:{line}"
        label = "" if file == "~" else function
        print(f"  {own / used:6.1%} {own / count * 1e6:9.1f} us {calls / count:8.1f} calls  "
              f"{place} {label}")  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
    for given in sys.argv[1:] or PROGRAMS:
        profile(given)
