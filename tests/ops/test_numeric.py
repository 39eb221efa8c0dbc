"""Windows, histograms, `gradient`, masked reductions, and functions made of methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal.windows as sw

import chainrule as torch

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 5))

# ---------------------------------------------------------------- windows


@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("M", [0, 1, 2, 5, 8])
@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("bartlett", {}),
        ("blackman", {}),
        ("cosine", {}),
        ("exponential", {"tau": 2.0}),
        ("gaussian", {"std": 1.5}),
        ("general_cosine", {"a": [0.5, 0.3, 0.2]}),
        ("general_hamming", {"alpha": 0.6}),
        ("hamming", {}),
        ("hann", {}),
        ("kaiser", {"beta": 3.0}),
        ("nuttall", {}),
    ],
)
def test_windows(name: str, rest: dict[str, Any], M: int, sym: bool) -> None:
    found = getattr(torch.signal.windows, name)(M, sym=sym, dtype=torch.float64, **rest)
    expected = getattr(sw, name)(M, sym=sym, **rest)
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hann", "kaiser"])
@pytest.mark.parametrize("periodic", [True, False])
def test_classic_windows(name: str, periodic: bool) -> None:
    rest = {"beta": 12.0} if name == "kaiser" else {}
    found = getattr(torch, f"{name}_window")(7, periodic, dtype=torch.float64)
    expected = getattr(sw, name)(7, sym=not periodic, **rest)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert getattr(torch, f"{name}_window")(3, requires_grad=True).is_leaf


# ---------------------------------------------------------------- counting


def test_histograms_are_those_of_numpy() -> None:
    x, w = torch.tensor(X), np.abs(X)
    for density in (False, True):
        made = torch.histogram(x, 4, weight=torch.tensor(w), density=density)
        hist, edges = np.histogram(X, 4, weights=w, density=density)
        np.testing.assert_allclose(made.hist, hist)
        np.testing.assert_allclose(made.bin_edges, edges)
    edges = np.array([-1.0, 0.0, 0.3, 2.0])
    made = torch.histogram(x, torch.tensor(edges))
    np.testing.assert_allclose(made.hist, np.histogram(X, edges)[0])
    grid = torch.histogramdd(torch.tensor(X[:, :2]), [2, 3])
    np.testing.assert_allclose(grid.hist, np.histogramdd(X[:, :2], [2, 3])[0])
    assert repr(made).startswith("torch.return_types.histogram(\nhist=tensor(")


def test_values_outside_and_nan_are_not_counted() -> None:
    x = torch.tensor([float("nan"), 0.0, 1.0, 2.0, 5.0])
    assert torch.histc(x, 2, 0, 2).tolist() == [1.0, 2.0]
    assert torch.histogram(x, 2, range=(0.0, 2.0)).hist.tolist() == [1.0, 2.0]


def test_bincount() -> None:
    i = torch.tensor([1, 2, 1, 5])
    assert torch.bincount(i).tolist() == [0, 2, 1, 0, 0, 1]
    assert torch.bincount(i, torch.tensor([0.5, 1.0, 2.0, 3.0])).tolist() == [0, 2.5, 1, 0, 0, 3]
    assert torch.bincount(i[:0], minlength=2).tolist() == [0, 0]


def test_places_and_members() -> None:
    rows, columns = torch.unravel_index(torch.tensor([[4, -1]]), (2, 3))
    assert (rows.tolist(), columns.tolist()) == ([[1, 1]], [[1, 2]])
    i = torch.tensor([[1, 2], [3, 4]])
    others = torch.isin(i, torch.tensor([2, 3]), invert=True)
    assert others.tolist() == [[True, False], [False, True]]
    assert torch.isin(2, i).item() is True


def test_hash_is_the_exclusive_or_of_the_bits() -> None:
    assert torch.hash_tensor(torch.tensor([5, 2])).item() == 7
    assert torch.hash_tensor(torch.tensor(3.0)).item() == 4613937818241073152
    x = torch.tensor(X)
    assert torch.hash_tensor(x, 1).shape == (4,)
    assert torch.hash_tensor(torch.stack([x, x])).item() == 0


# ---------------------------------------------------------------- gradient, vander


@pytest.mark.parametrize("order", [1, 2])
def test_gradient_is_that_of_numpy(order: int) -> None:
    x, rows, columns = torch.tensor(X), np.array([0.0, 1.0, 3.0, 3.5]), np.arange(5.0) ** 2
    for found, expected in zip(
        torch.gradient(x, edge_order=order), np.gradient(X, edge_order=order), strict=True
    ):
        np.testing.assert_allclose(found, expected)
    places = (torch.tensor(rows), torch.tensor(columns))
    for found, expected in zip(
        torch.gradient(x, spacing=places, edge_order=order),
        np.gradient(X, rows, columns, edge_order=order),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected)
    assert torch.autograd.gradcheck(
        lambda t: torch.gradient(t, spacing=2.0, edge_order=order), (x.clone().requires_grad_(),)
    )


def test_vander() -> None:
    x = torch.tensor([2.0, 3.0])
    np.testing.assert_array_equal(torch.vander(x, 3), np.vander([2.0, 3.0], 3))
    np.testing.assert_array_equal(torch.vander(x, 3, True), np.vander([2.0, 3.0], 3, True))


# ---------------------------------------------------------------- masked

MASK = RNG.random((4, 5)) < 0.6
MASK[0], MASK[1:3] = False, True


@pytest.mark.parametrize("dim", [None, 0, (0, 1)])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "amax", "amin"])
def test_masked_reductions_are_those_of_masked_arrays(name: str, dim: Any, keepdim: bool) -> None:
    x, mask = torch.tensor(X, requires_grad=True), torch.tensor(MASK)
    made = getattr(torch.masked, name)(x, dim, keepdim=keepdim, mask=mask)
    there = getattr(np.ma, {"amax": "max", "amin": "min"}.get(name, name))
    rest = {"ddof": 1} if name in ("var", "std") else {}
    expected = there(np.ma.array(X, mask=~MASK), axis=dim, keepdims=keepdim, **rest)
    np.testing.assert_allclose(made.detach(), np.ma.getdata(expected))
    (g,) = torch.autograd.grad(made.sum(), x)
    assert (g[~mask] == 0).all()


def test_masked_of_nothing_is_the_neutral_element() -> None:
    x, none = torch.tensor(X), torch.zeros(4, 5, dtype=torch.bool)
    neutral = {"sum": 0.0, "prod": 1.0, "amax": -np.inf, "amin": np.inf, "logsumexp": -np.inf}
    for name, value in neutral.items():
        assert (getattr(torch.masked, name)(x, 1, mask=none) == value).all()
    assert torch.isnan(torch.masked.mean(x, 1, mask=none)).all()
    assert torch.isnan(torch.masked.median(x, 1, mask=none)).all()


def test_masked_softmax_and_normalize() -> None:
    x, mask = torch.tensor(X[1:]), torch.tensor(MASK[1:] | (np.arange(5) == 2))
    made = torch.masked.softmax(x, 1, mask=mask)
    assert (made[~mask] == 0).all()
    np.testing.assert_allclose(made.sum(1), np.ones(3))
    np.testing.assert_allclose(torch.masked.log_softmax(x, 1, mask=mask).exp(), made)
    unit = torch.masked.normalize(x, 2.0, 1, mask=mask)
    np.testing.assert_allclose(torch.masked.norm(unit, 2.0, 1, mask=mask), np.ones(3))


def test_mask_of_too_many_dimensions() -> None:
    with pytest.raises(IndexError, match="expected broadcastable mask"):
        torch.masked.sum(torch.ones(3), mask=torch.ones(2, 3, dtype=torch.bool))


# ---------------------------------------------------------------- methods as functions, layouts


def test_functions_of_methods_write_in_place() -> None:
    x = torch.tensor([1.0, 4.0])
    assert torch.sqrt_(x) is x
    assert x.tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        torch.sin_(3)


def test_zero_has_its_own_node() -> None:
    x = torch.ones(2, requires_grad=True) * 1
    assert type(x.zero_().grad_fn).__name__ == "ZeroBackward0"


def test_python_functions_on_elements() -> None:
    x = torch.tensor([1.0, 2.0])
    assert x.apply_(lambda v: v + 1) is x
    assert x.map_(x, lambda a, b: a * b).tolist() == [4.0, 9.0]
    with pytest.raises(RuntimeError, match=r"Can't call apply_\(\)"):
        torch.ones(2, requires_grad=True).apply_(abs)


def test_layouts() -> None:
    assert torch.empty_permuted((2, 3, 4), (1, 0, 2)).stride() == (4, 8, 1)
    assert torch.ones(2, 3).t().dim_order() == (1, 0)
    x = torch.ones(2, 3)
    assert x.is_set_to(x[:]) and not x.is_set_to(x.clone())
    assert x.sum_to_size(1, 3).tolist() == [[2.0, 2.0, 2.0]]
    with pytest.raises(RuntimeError, match="is not expandable to size"):
        x.sum_to_size(4)


# ---------------------------------------------------------------- special functions


def test_no_derivative_where_pytorch_has_none() -> None:
    a = torch.tensor([2.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match="the derivative for 'igamma: input'"):
        torch.igamma(a, torch.tensor([1.0])).sum().backward()
    assert not torch.special.bessel_j0(a).requires_grad
    assert not torch.special.legendre_polynomial_p(a, 3).requires_grad
    with pytest.raises(NotImplementedError, match='"erfcx_cpu" not implemented for'):
        torch.special.erfcx(a.half())
