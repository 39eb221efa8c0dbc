"""Random programs: values, gradients, second derivatives and replays agree with a naive twin and
with themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property import naive

import chainrule as torch
from chainrule.compile import record

UNARY = sorted(naive.FUNCTIONS)
BINARY = ("add", "sub", "mul", "div")
SHAPES = (
    "t",
    "reshape",
    "sum",
    "sum0",
    "sum_keep",
    "mean",
    "first",
    "reversed_rows",
    "expand",
    "stack",
    "max",
    "cat",
)

Step = tuple[str, int, int]


@st.composite
def programs(draw: Any) -> tuple[list[tuple[int, ...]], list[Step], int]:
    """Shapes of two inputs that broadcast, steps (what, which value, which other), and a seed for
    the numbers."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    shapes = [
        (rows, columns),
        draw(st.sampled_from([(rows, columns), (columns,), (rows, 1), (1, columns), ()])),
    ]
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from((*UNARY, *BINARY, *BINARY, *SHAPES)),
                st.integers(0, 20),
                st.integers(0, 20),
            ),
            min_size=1,
            max_size=9,
        )
    )
    return shapes, steps, draw(st.integers(0, 10_000))


def numbers(shapes: list[tuple[int, ...]], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1.5, 1.5, s) for s in shapes]


def run(values: list[Any], steps: list[Step], lib: Any) -> Any:
    """The sum of all values that the steps make; a step whose shapes do not fit is left out."""
    values = list(values)
    for what, i, j in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        if what in BINARY and not fits(a.shape, b.shape):
            continue
        values.append(lib.step(what, a, b))
    total = lib.total(values[0])
    for v in values[1:]:
        total = total + lib.total(v)
    return total


def fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))


class Ours:
    """The steps in chainrule."""

    @staticmethod
    def total(v: Any) -> Any:
        return (v * 0.5).sum()

    @staticmethod
    def step(what: str, a: Any, b: Any) -> Any:
        if what in UNARY:
            return getattr(torch, what)(a)
        if what in BINARY:
            return (
                {"add": a + b, "sub": a - b, "mul": a * b}.get(what)
                if what != "div"
                else a / (b * b + 1.0)
            )
        return {
            "t": lambda: a.t() if a.ndim == 2 else a,
            "reshape": lambda: a.reshape(-1, 1),
            "sum": lambda: a.sum(),
            "sum0": lambda: a.sum(0) if a.ndim else a,
            "sum_keep": lambda: a.sum(-1, keepdim=True) if a.ndim else a,
            "mean": lambda: a.mean(),
            "first": lambda: a[0] if a.ndim else a,
            "reversed_rows": lambda: a.flip(0) if a.ndim else a,
            "expand": lambda: a.unsqueeze(0).expand(2, *a.shape) if a.ndim < 3 else a,
            "stack": lambda: torch.stack([a, a * 2.0]) if a.ndim < 3 else a,
            "max": lambda: a.max(),
            "cat": lambda: torch.cat([a, a], 0) if a.ndim else a,
        }[what]()


class Naive:
    """The same steps in the twin."""

    @staticmethod
    def total(v: Any) -> Any:
        return np.sum(v * 0.5)

    @staticmethod
    def step(what: str, a: Any, b: Any) -> Any:
        if what in UNARY:
            return naive.mapped(what, np.asarray(a))
        if what in BINARY:
            return np.asarray(
                a + b
                if what == "add"
                else a - b
                if what == "sub"
                else a * b
                if what == "mul"
                else a / (b * b + 1.0)
            )
        a = np.asarray(a)
        return np.asarray(
            {
                "t": lambda: a.T if a.ndim == 2 else a,
                "reshape": lambda: a.reshape(-1, 1),
                "sum": lambda: np.sum(a),
                "sum0": lambda: np.sum(a, 0) if a.ndim else a,
                "sum_keep": lambda: np.sum(a, -1, keepdims=True) if a.ndim else a,
                "mean": lambda: np.sum(a) / a.size,
                "first": lambda: a[0] if a.ndim else a,
                "reversed_rows": lambda: a[::-1] if a.ndim else a,
                "expand": lambda: np.broadcast_to(a, (2, *a.shape)) if a.ndim < 3 else a,
                "stack": lambda: np.stack([a, a * 2.0]) if a.ndim < 3 else a,
                "max": lambda: max(np.ravel(a), key=lambda s: s.value),
                "cat": lambda: np.concatenate([a, a], 0) if a.ndim else a,
            }[what]()
        )


def ties(values: Any) -> bool:
    return len(set(np.ravel(naive.value(values)))) < np.size(values)


@given(programs())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_value_and_gradient_against_the_naive_twin(program: Any) -> None:
    shapes, steps, seed = program
    steps = [s for s in steps if s[0] != "max"]  # ties: the twin gives all to one
    inputs = numbers(shapes, seed)
    twins = [naive.of(a) for a in inputs]
    root = naive.lifted(np.asarray(run(twins, steps, Naive)).item())
    naive.backward(root)
    leaves = [torch.tensor(a, requires_grad=True) for a in inputs]
    total = run(leaves, steps, Ours)
    total.backward()
    np.testing.assert_allclose(total.item(), root.value, rtol=1e-9, atol=1e-9)
    for leaf, twin in zip(leaves, twins, strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), naive.gradient(twin), rtol=1e-7, atol=1e-9)


@given(programs())
def test_recorded_backward_equals_plain_backward(program: Any) -> None:
    shapes, steps, seed = program
    leaves = [torch.tensor(a, requires_grad=True) for a in numbers(shapes, seed)]
    total = run(leaves, steps, Ours)
    recorded = torch.autograd.grad(total, leaves, create_graph=True)
    plain = torch.autograd.grad(total, leaves)
    for a, b in zip(recorded, plain, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


@given(programs())
def test_second_derivative_by_differences(program: Any) -> None:
    shapes, steps, seed = program
    steps = [s for s in steps if s[0] not in ("relu", "max")]
    inputs = numbers(shapes, seed)
    directions = numbers(shapes, seed + 1)

    def gradients(at: list[Any], create: bool) -> tuple[Any, list[Any]]:
        leaves = [torch.tensor(a, requires_grad=True) for a in at]
        found = torch.autograd.grad(run(leaves, steps, Ours), leaves, create_graph=create)
        return found, leaves

    h = 1e-5
    ahead, _ = gradients([a + h * d for a, d in zip(inputs, directions, strict=True)], False)
    behind, _ = gradients([a - h * d for a, d in zip(inputs, directions, strict=True)], False)
    numeric = sum(
        np.sum((a.numpy() - b.numpy()) / (2 * h)) for a, b in zip(ahead, behind, strict=True)
    )
    firsts, leaves = gradients(inputs, True)
    total = sum((g.sum() for g in firsts), torch.zeros((), dtype=torch.float64))
    by_rule = 0.0
    if total.requires_grad:
        seconds = torch.autograd.grad(total, leaves, allow_unused=True)
        by_rule = sum(
            np.sum(g.numpy() * d) for g, d in zip(seconds, directions, strict=True) if g is not None
        )
    scale = max(1.0, abs(numeric))
    assert abs(by_rule - numeric) < 1e-4 * scale


@given(programs())
def test_recorded_graph_replays(program: Any) -> None:
    shapes, steps, seed = program
    graph = record(
        lambda *ts: run(list(ts), steps, Ours),
        *(torch.tensor(a) for a in numbers(shapes, seed)),
        gradient=True,
    )
    others = [torch.tensor(a, requires_grad=True) for a in numbers(shapes, seed + 1)]
    total = run(others, steps, Ours)
    value, grads = graph.replay(*(t.detach() for t in others))
    np.testing.assert_allclose(value.item(), total.item(), rtol=1e-12, atol=1e-12)
    for found, wanted in zip(grads, torch.autograd.grad(total, others), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), wanted.numpy(), rtol=1e-10, atol=1e-10)


@given(
    programs(),
    st.lists(
        st.tuples(
            st.sampled_from(["mul_", "add_", "sin_", "row", "column", "set"]), st.integers(0, 5)
        ),
        max_size=6,
    ),
)
def test_in_place_programs_equal_functional_ones(program: Any, writes: Any) -> None:
    """Writes into a buffer and its views, against the same writes on fresh copies."""
    shapes, _, seed = program
    array = numbers(shapes, seed)[0]
    results = []
    for functional in (False, True):
        x = torch.tensor(array, requires_grad=True)
        y = x * 1
        for what, i in writes:
            y = written(y, what, i, functional)
        (y * torch.arange(float(y.numel()), dtype=torch.float64).reshape(y.shape)).sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def written(y: Any, what: str, i: int, functional: bool) -> Any:
    row, column = i % y.shape[0], i % y.shape[1]
    if functional:
        mask = torch.zeros(y.shape, dtype=torch.float64)
        if what in ("mul_", "add_", "sin_"):
            return {"mul_": y * 1.5, "add_": y + 0.5, "sin_": y.sin()}[what]
        if what == "row":
            mask[row] = 1.0
            return y * (1 - mask) + y * 2.0 * mask
        if what == "column":
            mask[:, column] = 1.0
            return y * (1 - mask) + y.sin() * mask
        mask[row, column] = 1.0
        return y * (1 - mask) + 0.25 * mask
    if what in ("mul_", "add_"):
        return getattr(y, what)(1.5 if what == "mul_" else 0.5)
    if what == "sin_":
        return y.sin_()
    if what == "row":
        y[row].mul_(2.0)
    elif what == "column":
        y.t()[column].sin_()
    else:
        y[row, column] = 0.25
    return y


@given(
    st.lists(st.integers(0, 3), max_size=4),
    st.lists(st.integers(0, 3), max_size=4),
    st.integers(0, 5),
)
def test_broadcasting_as_numpy(a: list[int], b: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=a), rng.normal(size=b)
    try:
        wanted = np.multiply(x, y)
    except ValueError:
        try:
            torch.tensor(x) * torch.tensor(y)
        except RuntimeError as error:
            assert "must match the size of tensor b" in str(error)
            return
        raise AssertionError("shapes that do not broadcast were accepted") from None
    p, q = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    z = p * q
    np.testing.assert_array_equal(z.detach().numpy(), wanted)
    z.sum().backward()
    assert (p.grad.shape, q.grad.shape) == (x.shape, y.shape)
    full = np.broadcast_shapes(x.shape, y.shape)
    for leaf, array, other in ((p, x, y), (q, y, x)):
        spread = np.broadcast_to(other, full)
        extra = len(full) - array.ndim
        axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(array.shape) if n == 1)
        np.testing.assert_allclose(
            leaf.grad.numpy(), spread.sum(axes).reshape(array.shape), rtol=1e-12, atol=1e-12
        )
