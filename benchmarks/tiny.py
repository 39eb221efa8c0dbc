"""Six tiny programs, where the engine itself is the cost: what users of small tensors wait for.

Each entry: what it does, and for every candidate a function that sets up and returns one step.
`torch` is written once and runs on PyTorch and on chainrule; JAX and HIPS autograd have their own
idiom (JAX compiled, its best case).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[], Any]


def sin_of_square(torch: Any) -> Step:
    x = torch.tensor(3.0, requires_grad=True)

    def step() -> Any:
        x.grad = None
        torch.sin(x**2).backward()
        return x.grad

    return step


def sin_of_square_jax(jax: Any) -> Step:
    f = jax.jit(jax.grad(lambda x: jax.numpy.sin(x**2)))
    x = jax.numpy.asarray(3.0)
    return lambda: f(x).block_until_ready()


def sin_of_square_autograd(autograd: Any) -> Step:
    f = autograd.grad(lambda x: autograd.numpy.sin(x**2))
    return lambda: f(3.0)


def neuron(torch: Any) -> Step:
    x, y = torch.tensor(6.7), torch.tensor(0.0)
    w, b = torch.tensor(1.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)

    def step() -> Any:
        w.grad = b.grad = None
        p = torch.clamp(torch.sigmoid(w * x + b), 1e-8, 1 - 1e-8)
        loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p))
        loss.backward()
        return w.grad

    return step


def _neuron_loss(np: Any) -> Callable[[Any, Any], Any]:
    def loss(w: Any, b: Any) -> Any:
        p = np.clip(1 / (1 + np.exp(-(w * 6.7 + b))), 1e-8, 1 - 1e-8)
        return -(0.0 * np.log(p) + (1 - 0.0) * np.log(1 - p))

    return loss


def neuron_jax(jax: Any) -> Step:
    f = jax.jit(jax.grad(_neuron_loss(jax.numpy), (0, 1)))
    return lambda: jax.block_until_ready(f(1.0, 0.0))


def neuron_autograd(autograd: Any) -> Step:
    f = autograd.grad(_neuron_loss(autograd.numpy), (0, 1))
    return lambda: f(1.0, 0.0)


def mean_of_square(torch: Any) -> Step:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def step() -> Any:
        x.grad = None
        (x**2).mean().backward()
        return x.grad

    return step


def mean_of_square_jax(jax: Any) -> Step:
    f = jax.jit(jax.grad(lambda x: (x**2).mean()))
    x = jax.numpy.asarray([1.0, 2.0, 3.0])
    return lambda: f(x).block_until_ready()


def mean_of_square_autograd(autograd: Any) -> Step:
    np = autograd.numpy
    f, x = autograd.grad(lambda x: np.mean(x**2)), np.array([1.0, 2.0, 3.0])
    return lambda: f(x)


def hundred_rounds(torch: Any) -> Step:
    weights = torch.ones(4, requires_grad=True)

    def step() -> Any:
        for _ in range(100):
            (weights * 3).sum().backward()
            weights.grad.zero_()
        return weights.grad

    return step


def hundred_rounds_jax(jax: Any) -> Step:
    f = jax.jit(jax.grad(lambda w: (w * 3).sum()))
    w = jax.numpy.ones(4)

    def step() -> Any:
        for _ in range(100):
            f(w).block_until_ready()

    return step


def hundred_rounds_autograd(autograd: Any) -> Step:
    np = autograd.numpy
    f, w = autograd.grad(lambda w: np.sum(w * 3)), np.ones(4)

    def step() -> Any:
        for _ in range(100):
            f(w)

    return step


def cubic_fit(torch: Any) -> Step:
    x = torch.linspace(-3.14159265, 3.14159265, 2000)
    y = torch.sin(x)
    a, b, c, d = (torch.tensor(v, requires_grad=True) for v in (0.1, 0.2, -0.1, 0.05))

    def step() -> Any:
        loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 1e-7 * p.grad
                p.grad = None
        return loss

    return step


def _cubic_loss(np: Any) -> Callable[..., Any]:
    def loss(p: Any, x: Any, y: Any) -> Any:
        a, b, c, d = p
        return ((a + b * x + c * x**2 + d * x**3 - y) ** 2).sum()

    return loss


def cubic_fit_jax(jax: Any) -> Step:
    np = jax.numpy
    x = np.linspace(-3.14159265, 3.14159265, 2000)
    y, loss = np.sin(x), _cubic_loss(np)

    @jax.jit
    def update(p: Any) -> Any:
        return [v - 1e-7 * g for v, g in zip(p, jax.grad(loss)(p, x, y), strict=True)]

    state = [[np.asarray(v) for v in (0.1, 0.2, -0.1, 0.05)]]

    def step() -> Any:
        state[0] = jax.block_until_ready(update(state[0]))

    return step


def cubic_fit_autograd(autograd: Any) -> Step:
    np = autograd.numpy
    x = np.linspace(-3.14159265, 3.14159265, 2000)
    y = np.sin(x)
    gradient = autograd.grad(
        lambda p: np.sum((p[0] + p[1] * x + p[2] * x**2 + p[3] * x**3 - y) ** 2)
    )
    state = [np.array([0.1, 0.2, -0.1, 0.05])]

    def step() -> Any:
        state[0] = state[0] - 1e-7 * gradient(state[0])

    return step


def logits_loss(torch: Any) -> Step:
    torch.manual_seed(0)
    x, y = torch.ones(5), torch.zeros(3)
    w, b = torch.randn(5, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits

    def step() -> Any:
        w.grad = b.grad = None
        loss_of(torch.matmul(x, w) + b, y).backward()
        return w.grad

    return step


def _logits_loss(np: Any) -> Callable[..., Any]:
    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        z = np.dot(x, w) + b
        return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))

    return loss


def logits_loss_jax(jax: Any) -> Step:
    np = jax.numpy
    f = jax.jit(jax.grad(_logits_loss(np), (0, 1)))
    arguments = np.ones((5, 3)), np.ones(3), np.ones(5), np.zeros(3)
    return lambda: jax.block_until_ready(f(*arguments))


def logits_loss_autograd(autograd: Any) -> Step:
    np = autograd.numpy
    f = autograd.grad(_logits_loss(np), (0, 1))
    arguments = np.ones((5, 3)), np.ones(3), np.ones(5), np.zeros(3)
    return lambda: f(*arguments)


PROGRAMS: dict[str, tuple[str, dict[str, Callable[[Any], Step]]]] = {
    "sin_of_square": (
        "sin(x**2) and backward",
        {"torch": sin_of_square, "jax": sin_of_square_jax, "autograd": sin_of_square_autograd},
    ),
    "neuron": (
        "a scalar neuron with clamp and logs, by hand",
        {"torch": neuron, "jax": neuron_jax, "autograd": neuron_autograd},
    ),
    "mean_of_square": (
        "(x**2).mean() on 3 elements",
        {"torch": mean_of_square, "jax": mean_of_square_jax, "autograd": mean_of_square_autograd},
    ),
    "hundred_rounds": (
        "100 rounds of (w*3).sum().backward() with zero_",
        {"torch": hundred_rounds, "jax": hundred_rounds_jax, "autograd": hundred_rounds_autograd},
    ),
    "cubic_fit": (
        "a cubic fit on 2,000 points, update under no_grad",
        {"torch": cubic_fit, "jax": cubic_fit_jax, "autograd": cubic_fit_autograd},
    ),
    "logits_loss": (
        "binary_cross_entropy_with_logits of x @ w + b, 5 -> 3",
        {"torch": logits_loss, "jax": logits_loss_jax, "autograd": logits_loss_autograd},
    ),
}
