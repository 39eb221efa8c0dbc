"""Higher derivatives, Jacobians and per-sample gradients: programs where transforms are the cost.

As in `tiny.py`: each entry has what it does, and for every candidate a function that sets up and
returns one step. Where PyTorch has a default and a vectorised way, each is a program of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[], Any]

HIDDEN = 10


# ---------------------------------------------------------------- a 2-10-1 tanh network


def _weights(torch: Any) -> Any:
    torch.manual_seed(0)
    return torch.randn(HIDDEN * 4 + 1)


def _network(torch: Any, w: Any, x: Any) -> Any:
    n = HIDDEN
    hidden = torch.tanh(w[: 2 * n].reshape(n, 2) @ x + w[2 * n : 3 * n])
    return w[3 * n : 4 * n] @ hidden + w[4 * n]


def hessian_inputs(transform: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Step]:
    """The Hessian (2, 2) of the network with respect to its inputs."""

    def setup(torch: Any) -> Step:
        w = _weights(torch)
        w1, b1, w2, b2 = w[:20].reshape(10, 2), w[20:30], w[30:40], w[40]
        x = torch.tensor([0.3, -0.7])
        return lambda: transform(torch, lambda x: w2 @ torch.tanh(w1 @ x + b1) + b2, x)

    return setup


def hessian_weights(transform: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Step]:
    """The Hessian (41, 41) of the network with respect to its weights."""

    def setup(torch: Any) -> Step:
        w, x = _weights(torch), torch.tensor([0.3, -0.7])
        return lambda: transform(torch, lambda w: _network(torch, w, x), w)

    return setup


def hessian_inputs_jax(jax: Any) -> Step:
    np = jax.numpy
    w = jax.random.normal(jax.random.PRNGKey(0), (41,))
    w1, b1, w2, b2 = w[:20].reshape(10, 2), w[20:30], w[30:40], w[40]
    f = jax.jit(jax.hessian(lambda x: w2 @ np.tanh(w1 @ x + b1) + b2))
    x = np.asarray([0.3, -0.7])
    return lambda: f(x).block_until_ready()


def hessian_weights_jax(jax: Any) -> Step:
    x = jax.numpy.asarray([0.3, -0.7])

    def network(w: Any) -> Any:
        hidden = jax.numpy.tanh(w[:20].reshape(10, 2) @ x + w[20:30])
        return w[30:40] @ hidden + w[40]

    f, w = jax.jit(jax.hessian(network)), jax.random.normal(jax.random.PRNGKey(0), (41,))
    return lambda: f(w).block_until_ready()


def _functional_hessian(torch: Any, f: Any, x: Any) -> Any:
    return torch.autograd.functional.hessian(f, x)


def _vectorized_hessian(torch: Any, f: Any, x: Any) -> Any:
    return torch.autograd.functional.hessian(f, x, vectorize=True)


def _func_hessian(torch: Any, f: Any, x: Any) -> Any:
    return torch.func.hessian(f)(x)


# ---------------------------------------------------------------- a Jacobian 100 -> 100


def jacobian(transform: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Step]:
    """The Jacobian (100, 100) of a layer."""

    def setup(torch: Any) -> Step:
        torch.manual_seed(0)
        a, x = torch.randn(100, 100) / 10, torch.randn(100)
        return lambda: transform(torch, lambda x: torch.tanh(a @ x), x)

    return setup


def jacobian_jax(jax: Any) -> Step:
    a = jax.random.normal(jax.random.PRNGKey(0), (100, 100)) / 10
    x = jax.random.normal(jax.random.PRNGKey(1), (100,))
    f = jax.jit(jax.jacrev(lambda x: jax.numpy.tanh(a @ x)))
    return lambda: f(x).block_until_ready()


def _functional_jacobian(torch: Any, f: Any, x: Any) -> Any:
    return torch.autograd.functional.jacobian(f, x)


def _vectorized_jacobian(torch: Any, f: Any, x: Any) -> Any:
    return torch.autograd.functional.jacobian(f, x, vectorize=True)


def _jacrev(torch: Any, f: Any, x: Any) -> Any:
    return torch.func.jacrev(f)(x)


# ---------------------------------------------------------------- gradients of every sample


def per_sample(torch: Any) -> Step:
    torch.manual_seed(0)
    shapes = [(16, 8), (16,), (1, 16), (1,)]
    weights = tuple(torch.randn(*s) / 4 for s in shapes)
    x, y = torch.randn(32, 8), torch.randn(32)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = weights
        out = torch.nn.functional.linear(torch.tanh(torch.nn.functional.linear(x, w1, b1)), w2, b2)
        return ((out.squeeze(-1) - y) ** 2).mean()

    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    return lambda: gradients(weights, x, y)


def per_sample_jax(jax: Any) -> Step:
    np, keys = jax.numpy, jax.random.split(jax.random.PRNGKey(0), 6)
    shapes = [(16, 8), (16,), (1, 16), (1,)]
    weights = tuple(jax.random.normal(k, s) / 4 for k, s in zip(keys, shapes, strict=False))
    x, y = jax.random.normal(keys[4], (32, 8)), jax.random.normal(keys[5], (32,))

    def loss(weights: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = weights
        out = w2 @ np.tanh(w1 @ x + b1) + b2
        return ((out.squeeze(-1) - y) ** 2).mean()

    gradients = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))
    return lambda: jax.block_until_ready(gradients(weights, x, y))


# ---------------------------------------------------------------- double backward, nesting, depth


def gradient_penalty(torch: Any) -> Step:
    torch.manual_seed(0)
    w1 = (torch.randn(32, 8) / 4).requires_grad_()
    w2 = (torch.randn(32, 1) / 4).requires_grad_()
    x = torch.randn(16, 8, requires_grad=True)

    def step() -> Any:
        w1.grad = w2.grad = x.grad = None
        out = torch.tanh(x @ w1.t()) @ w2
        (g,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        ((g.norm(2, dim=1) - 1) ** 2).mean().backward()
        return w1.grad

    return step


def gradient_penalty_jax(jax: Any) -> Step:
    np, keys = jax.numpy, jax.random.split(jax.random.PRNGKey(0), 3)
    w1, w2 = jax.random.normal(keys[0], (32, 8)) / 4, jax.random.normal(keys[1], (32, 1)) / 4
    x = jax.random.normal(keys[2], (16, 8))

    def penalty(weights: Any, x: Any) -> Any:
        g = jax.grad(lambda x: (np.tanh(x @ weights[0].T) @ weights[1]).sum())(x)
        return ((np.linalg.norm(g, axis=1) - 1) ** 2).mean()

    f = jax.jit(jax.grad(penalty, (0, 1)))
    return lambda: jax.block_until_ready(f((w1, w2), x))


def nested_tanh(torch: Any) -> Step:
    f = torch.tanh
    for _ in range(10):
        f = torch.func.grad(f)
    x = torch.tensor(0.5)
    return lambda: f(x)


def nested_tanh_jax(jax: Any) -> Step:
    f = jax.numpy.tanh
    for _ in range(10):
        f = jax.grad(f)
    compiled, x = jax.jit(f), jax.numpy.asarray(0.5)
    return lambda: compiled(x).block_until_ready()


def chain(torch: Any) -> Step:
    x = torch.tensor(0.5, requires_grad=True)

    def step() -> Any:
        x.grad = None
        y = x
        for _ in range(2500):
            y = (y * 0.5).sin().cos() + 0.1
        y.backward()
        return x.grad

    return step


def _pair(torch: Any, jax: Any) -> dict[str, Any]:
    return {"torch": torch, "jax": jax}


PROGRAMS: dict[str, tuple[str, dict[str, Callable[[Any], Step]]]] = {
    "hessian_inputs": (
        "Hessian of a 2-10-1 tanh network, its inputs",
        _pair(hessian_inputs(_functional_hessian), hessian_inputs_jax),
    ),
    "hessian_inputs_vectorized": (
        "the same, vectorize=True",
        {"torch": hessian_inputs(_vectorized_hessian)},
    ),
    "hessian_inputs_func": ("the same, func.hessian", {"torch": hessian_inputs(_func_hessian)}),
    "hessian_weights": (
        "Hessian of a 2-10-1 tanh network, its 41 weights",
        _pair(hessian_weights(_functional_hessian), hessian_weights_jax),
    ),
    "hessian_weights_vectorized": (
        "the same, vectorize=True",
        {"torch": hessian_weights(_vectorized_hessian)},
    ),
    "hessian_weights_func": ("the same, func.hessian", {"torch": hessian_weights(_func_hessian)}),
    "jacobian": (
        "Jacobian of a layer 100 -> 100",
        _pair(jacobian(_functional_jacobian), jacobian_jax),
    ),
    "jacobian_vectorized": ("the same, vectorize=True", {"torch": jacobian(_vectorized_jacobian)}),
    "jacobian_func": ("the same, func.jacrev", {"torch": jacobian(_jacrev)}),
    "per_sample": ("gradients of 32 samples, MLP 8-16-1", _pair(per_sample, per_sample_jax)),
    "gradient_penalty": (
        "double backward of a gradient penalty",
        _pair(gradient_penalty, gradient_penalty_jax),
    ),
    "nested_tanh": ("tanh differentiated ten times", _pair(nested_tanh, nested_tanh_jax)),
    "chain": ("a chain of 10,000 scalar ops", {"torch": chain}),
}
