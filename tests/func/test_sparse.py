"""Sparse Jacobians and Hessians: the entries are those of the dense ones, in few products; the
pattern of no op is too small."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.checking import is_array, outputs
from ops.samples import RANDOM, Sample, samples_of

import chainrule as torch
from chainrule.core.primitive import REGISTRY, Primitive
from chainrule.core.tensor import wrap
from chainrule.func import colouring, hessian, hessian_sparse, jacobian_sparse, jacrev
from chainrule.func.index_sets import Sets, Tracing

F = torch.nn.functional
D = torch.float64


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=D)


def tridiagonal(n: int) -> torch.Tensor:
    return torch.tensor(np.diag(np.full(n, -2.0)) + np.eye(n, k=1) + np.eye(n, k=-1))


A = tridiagonal(10)
LAPLACE = torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]], dtype=D)


def in_place(x: torch.Tensor) -> torch.Tensor:
    made = torch.zeros(8, dtype=D)
    made[1:-1] = x[2:] * x[:-2]
    made[0] = x[3]
    return made


def through_views(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[3:5] *= 2
    y.add_(x.roll(1))
    tail = y[5:]
    tail.mul_(x[:3])
    return y


# name -> (function, shape of x, entries, products); the numbers are the least where that is known
JACOBIANS: dict[str, tuple[Any, tuple[int, ...], int, int]] = {
    "elementwise": (lambda x: x.sin() * x, (5, 2), 10, 1),
    "broadcast": (lambda x: x[:, None] * torch.ones(3, dtype=D), (4,), 12, 1),
    "constant matrix": (lambda x: A @ x + x**3, (10,), 28, 3),
    "constant matrix on a matrix": (lambda x: A @ x, (10, 3), 84, 3),
    "constant matrix from the right": (lambda x: x @ A, (3, 10), 84, 3),
    "linear": (lambda x: F.linear(x, A, torch.ones(10, dtype=D)), (3, 10), 84, 3),
    "full matrix": (lambda x: x @ torch.ones(4, 2, dtype=D), (3, 4), 24, 2),
    "both": (lambda x: x @ x.T, (3, 4), 60, 6),
    "einsum": (lambda x: torch.einsum("bi,ij->bj", x, torch.ones(4, 2, dtype=D)), (3, 4), 24, 2),
    "moved": (lambda x: torch.roll(x, 1) * x - x.flip(0), (8,), 22, 4),
    "windows": (lambda x: x.unfold(0, 3, 1) @ torch.tensor([1.0, 2, 3], dtype=D), (8,), 18, 3),
    "in place": (in_place, (8,), 13, 2),
    "through views": (through_views, (8,), 19, 4),
    "softmax": (lambda x: torch.softmax(x, 1), (3, 4), 48, 4),
    "layer_norm": (lambda x: F.layer_norm(x, (4,)), (3, 4), 48, 4),
    "cat": (lambda x: torch.cat([x, torch.ones(2, dtype=D), x.sin()]), (4,), 8, 1),
    "stack": (lambda x: torch.stack([x, x.sin()], 1), (4,), 8, 1),
    "gather": (lambda x: x.gather(0, torch.tensor([3, 1, 1])), (4,), 3, 1),
    "index": (lambda x: x[torch.tensor([[0, 1], [2, 3]])], (4, 2), 8, 1),
    "index_add": (
        lambda x: torch.zeros(3, 2, dtype=D).index_add(0, torch.tensor([0, 1, 1, 2]), x),
        (4, 2), 8, 1,
    ),
    "scatter_add": (
        lambda x: torch.zeros(3, dtype=D).scatter_add(0, torch.tensor([0, 1, 1, 2]), x),
        (4,), 4, 1,
    ),
    "reductions": (lambda x: x.sum(0) * x.var(0) + x.logsumexp(0), (3, 4), 12, 1),
    "where": (lambda x: torch.where(x > 0, x, x.roll(1)), (6,), 12, 2),
    "branch": (lambda x: x * 2 if x.sum() > -1e9 else x.roll(1), (6,), 6, 1),
    "masked": (lambda x: x.masked_fill(torch.eye(4) > 0, 0.0).tril(), (4, 4), 6, 1),
    "loss": (lambda x: F.mse_loss(x, torch.ones(5, dtype=D), reduction="none"), (5,), 5, 1),
    "number": (lambda x: (x[:2] ** 2).sum(), (5,), 2, 1),
    "constant": (lambda x: torch.ones(3, dtype=D), (5,), 0, 0),
    "0-d": (lambda x: x * x, (), 1, 1),
    "empty": (lambda x: x * x, (0, 3), 0, 0),
    "gradient": (torch.func.grad(lambda x: (x[1:] * x[:-1]).sum()), (6,), 10, 2),
    "conv1d": (lambda x: F.conv1d(x, torch.ones(2, 1, 3, dtype=D), padding=1), (1, 1, 9), 50, 3),
    "conv2d": (lambda x: F.conv2d(x, torch.ones(1, 1, 2, 2, dtype=D)), (2, 1, 5, 5), 128, 4),
    "conv_transpose": (
        lambda x: F.conv_transpose1d(x, torch.ones(1, 1, 2, dtype=D), stride=2), (1, 1, 5), 10, 1,
    ),
    "max_pool": (lambda x: F.max_pool2d(x, 2), (1, 1, 4, 6), 24, 1),
    "avg_pool": (lambda x: F.avg_pool1d(x, 3, 1), (1, 1, 8), 18, 3),
    "pad": (lambda x: F.pad(x, (1, 1), mode="circular"), (1, 1, 6), 8, 1),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2), (1, 1, 4), 8, 1),
    "inverses": (lambda x: torch.linalg.inv(x + 3 * torch.eye(2, dtype=D)), (3, 2, 2), 48, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", JACOBIANS)
def test_entries_are_those_of_the_dense_jacobian(name: str) -> None:
    f, shape, entries, products = JACOBIANS[name]
    x = randn(*shape)
    made = jacobian_sparse(f, check=True)(x)
    np.testing.assert_allclose(made.to_dense().numpy(), jacrev(f)(x).numpy(), atol=1e-12)
    assert (len(made.values), made.products) == (entries, products)
    assert made.shape == (f(x).numel(), x.numel())
    assert made.indices.shape == (2, entries)
    assert int(max(made.colors, default=-1)) + 1 == products


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", JACOBIANS)
def test_both_modes_agree(name: str, mode: str) -> None:
    f, shape, _, _ = JACOBIANS[name]
    x = randn(*shape)
    made = jacobian_sparse(f, mode=mode)(x)
    assert made.mode == mode
    np.testing.assert_allclose(made.to_dense().numpy(), jacrev(f)(x).numpy(), atol=1e-12)


def test_the_cheaper_colouring_is_taken() -> None:
    column = jacobian_sparse(lambda x: torch.cat([x, x[:1].expand(3)]))(randn(4))
    row = jacobian_sparse(lambda x: torch.stack([x.sum(), x[0]]))(randn(6))
    assert (column.mode, column.products) == ("forward", 1)
    assert (row.mode, row.products) == ("reverse", 2)


def test_tridiagonal_takes_three_products_at_any_size() -> None:
    calls = []

    def f(x: torch.Tensor) -> torch.Tensor:
        calls.append(x)
        return x**2 + F.pad(x[:-1], (1, 0)) * 2 + F.pad(x[1:], (0, 1))

    made = jacobian_sparse(f)(randn(3000))
    assert made.products == 3
    assert len(calls) == 2  # one run for the pattern, one for all products


def test_other_arguments_and_shapes() -> None:
    f = lambda a, b: a * b[None]  # noqa: E731
    a, b = randn(2, 3), randn(3)
    made = jacobian_sparse(f, argnums=1)(a, b)
    assert made.out_shape == (2, 3) and made.in_shape == (3,)
    np.testing.assert_allclose(made.to_dense().numpy(), jacrev(f, 1)(a, b).numpy())


def test_one_by_one_where_vmap_cannot() -> None:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 3 * g * ctx.saved_tensors[0] ** 2

    x = randn(4)
    made = jacobian_sparse(lambda x: Cube.apply(x), check=True)(x)
    assert made.mode == "reverse"  # the Function has no jvp
    np.testing.assert_allclose(made.to_dense().numpy(), np.diag(3 * x.numpy() ** 2))


def test_chunks_and_scipy() -> None:
    x = randn(10)
    made = jacobian_sparse(lambda x: A @ x, chunk_size=2)(x)
    np.testing.assert_allclose(made.to_dense().numpy(), A.numpy())
    scipy_sparse = pytest.importorskip("scipy.sparse")
    matrix = made.to_scipy()
    assert scipy_sparse.issparse(matrix)
    np.testing.assert_allclose(matrix.toarray(), A.numpy())


def test_values_can_be_differentiated() -> None:
    x = randn(4).requires_grad_()
    jacobian_sparse(lambda x: x**3)(x).values.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 6 * x.detach().numpy())
    inner = lambda x: jacobian_sparse(lambda x: x[1:] * x[:-1])(x).values  # noqa: E731
    assert torch.vmap(inner)(randn(2, 4)).shape == (2, 6)


# ---------------------------------------------------------------- patterns that are given


def test_a_given_pattern_is_taken_in_every_form() -> None:
    f, x = (lambda x: A @ x), randn(10)
    mask = A.numpy() != 0
    auto = jacobian_sparse(f)(x)
    given_forms = [mask, torch.tensor(mask), np.nonzero(mask), auto.pattern]
    if importlib.util.find_spec("scipy"):
        given_forms.append(auto.to_scipy())
    for form in given_forms:
        made = jacobian_sparse(f, form)(x)
        np.testing.assert_array_equal(made.to_dense().numpy(), A.numpy())
    assert jacobian_sparse(f, auto.pattern)(x).pattern.same(auto.pattern)
    assert bool((auto.pattern.to_dense() == torch.tensor(mask)).all())


def test_a_pattern_that_is_too_small_is_noticed() -> None:
    f = lambda x: x.roll(1) * x  # noqa: E731
    with pytest.raises(RuntimeError, match="the pattern is too small: row 0, column"):
        jacobian_sparse(f, np.eye(3, dtype=bool), check=True)(torch.tensor([1.0, 2.0, 3.0]))
    with pytest.raises(RuntimeError, match=r"row 1, column 2\ntrue entry: 2\nin the pattern: no"):
        missing = (np.array([0, 1]), np.array([0, 1]))
        jacobian_sparse(lambda x: torch.stack([x[0], x[1] + 2 * x[2]]), missing, check=True)(
            torch.ones(3)
        )
    with pytest.raises(RuntimeError, match="row 0, column 1"):
        jacobian_sparse(
            lambda x: torch.stack([x[0] + x[1], x[1]]), np.eye(2), check=True, mode="reverse"
        )(torch.ones(2))


def test_wrong_arguments_are_named() -> None:
    x = randn(3)
    with pytest.raises(ValueError, match="unknown mode 'columns'"):
        jacobian_sparse(torch.sin, mode="columns")
    with pytest.raises(ValueError, match="unknown pattern 'diagonal'"):
        jacobian_sparse(torch.sin, "diagonal")(x)
    with pytest.raises(ValueError, match=r"the pattern has shape \[2, 3\], the matrix \[3, 3\]"):
        jacobian_sparse(torch.sin, np.ones((2, 3)))(x)
    with pytest.raises(ValueError, match=r"the pattern has shape \[6, 1\]"):
        jacobian_sparse(torch.sin, (np.array([5]), np.array([0])))(x)
    with pytest.raises(TypeError, match=r"argument .* not a tensor of torch.int64"):
        jacobian_sparse(torch.sin)(torch.tensor([1, 2]))
    with pytest.raises(TypeError, match=r"result .* not tuple"):
        jacobian_sparse(lambda x: (x, x))(x)
    with pytest.raises(RuntimeError, match="argnum"):
        jacobian_sparse(torch.sin, argnums=3)(x)


# ---------------------------------------------------------------- Hessians

HESSIANS: dict[str, tuple[Any, tuple[int, ...], int, int]] = {
    "rosenbrock": (
        lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), (12,), 34, 3,
    ),
    "arrow": (lambda x: (x[0] * x[1:] ** 2).sum() + x[0] ** 3, (8,), 22, 2),
    "quadratic": (lambda x: x @ A @ x + x.sin().sum(), (10,), 28, 3),
    "diagonal": (lambda x: (x**4).sum(), (3, 2), 6, 1),
    "linear": (lambda x: x.sum(), (4,), 0, 0),
    "grid": (
        lambda u: ((u[1:] - u[:-1]) ** 4).sum() + ((u[:, 1:] - u[:, :-1]) ** 4).sum(),
        (6, 6), 156, 6,
    ),
    "laplacian": (
        lambda u: (F.conv2d(u[None, None], LAPLACE, padding=1) ** 2).sum(), (7, 7), 501, 14,
    ),
    "dense": (lambda x: x.logsumexp(0), (4,), 16, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", HESSIANS)
def test_entries_are_those_of_the_dense_hessian(name: str) -> None:
    f, shape, entries, most = HESSIANS[name]
    x = randn(*shape)
    made = hessian_sparse(f, check=True)(x)
    np.testing.assert_allclose(made.to_dense().numpy(), hessian(f)(x).numpy(), atol=1e-10)
    assert len(made.values) == entries
    assert made.products <= most


def test_a_hessian_with_a_given_pattern() -> None:
    f, x = HESSIANS["arrow"][0], randn(8)
    upper = np.triu(hessian(f)(x).numpy() != 0)
    made = hessian_sparse(f, upper)(x)  # completed by its transpose
    np.testing.assert_allclose(made.to_dense().numpy(), hessian(f)(x).numpy())
    with pytest.raises(RuntimeError, match="hessian_sparse: the pattern is too small"):
        hessian_sparse(f, np.eye(8), check=True)(x)


# ---------------------------------------------------------------- colourings


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 0.6))
def test_columns_of_one_colour_share_no_row(seed: int, m: int, n: int, density: float) -> None:
    mask = np.random.default_rng(seed).uniform(size=(m, n)) < density
    rows, cols = np.nonzero(mask)
    colour = colouring.columns(rows, cols, (m, n))
    assert ((colour >= 0) == mask.any(0)).all()
    for c in range(colour.max(initial=-1) + 1):
        assert mask[:, colour == c].sum(1).max() <= 1


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.05, 0.6))
def test_star_colours_show_every_entry(seed: int, n: int, density: float) -> None:
    mask = np.random.default_rng(seed).uniform(size=(n, n)) < density
    mask |= mask.T
    rows, cols = np.nonzero(mask)
    colour = colouring.star(rows, cols, n)
    direct = colouring.alone(rows, cols, colour) | colouring.alone(cols, rows, colour)
    assert direct.all()


# ---------------------------------------------------------------- no pattern is too small


def cases() -> list[Any]:
    found = []
    for prim in REGISTRY.values():
        if prim.name in RANDOM or not prim.differentiable:
            continue
        try:
            samples = samples_of(prim)
        except LookupError:
            continue
        found += [pytest.param((prim, s), id=f"{prim.name}-{i}") for i, s in enumerate(samples)]
    return found


@pytest.mark.parametrize("case", cases())
@pytest.mark.filterwarnings("ignore")
def test_what_an_op_depends_on_is_in_its_pattern(case: tuple[Primitive, Sample]) -> None:
    prim, sample = case
    for at, value in enumerate(sample.operands):
        if not is_array(value) or value.dtype.kind != "f" or at in sample.constant:
            continue
        check_pattern(prim, sample, at)


def check_pattern(prim: Primitive, sample: Sample, at: int) -> None:
    """The pattern for one operand against the gradients of every element of every output."""
    tensors = [wrap(np.array(v)) if is_array(v) else v for v in sample.operands]
    x = tensors[at]
    n = x.numel()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Tracing() as level:
            marked = [level.marked(t, Sets.own(n)) if i == at else t for i, t in enumerate(tensors)]
            outs = outputs(prim, prim.call(*marked, params=sample.params))
            sets = [level.sets(o) for o in outs]
        x.requires_grad_()
        true = outputs(prim, prim.call(*tensors, params=sample.params))
    for o, s in zip(true, sets, strict=True):
        if not o.requires_grad or o.is_complex():
            continue
        assert s is None or len(s) == o.numel()
        mask = np.zeros((o.numel(), n), bool)
        if s is not None:
            mask[s.rows(), s.cols] = True
        for row in range(o.numel()):
            unit = np.zeros(o.numel(), o._data.dtype)
            unit[row] = 1
            gradient = wrap(unit.reshape(o.shape))
            (g,) = torch.autograd.grad(o, x, gradient, retain_graph=True, allow_unused=True)
            if g is not None:
                missing = (np.asarray(g._data).reshape(-1) != 0) & ~mask[row]
                assert not missing.any(), f"element {row} depends on {np.flatnonzero(missing)}"
