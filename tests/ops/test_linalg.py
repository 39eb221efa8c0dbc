"""Linear algebra beyond the registry's checks: factors multiply back, with and without SciPy; free
phases; singular matrices; triangular systems in blocks; what fails says where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.kernels import lapack, ldl
from chainrule.kernels import matrix_functions as kernels

KINDS = [np.float32, np.float64, np.complex64, np.complex128]


def random(*shape: int, dtype: Any = np.float64, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    made = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        made = made + 1j * rng.standard_normal(shape)
    return made.astype(dtype)


def near(a: Any, b: Any, dtype: Any = np.float64) -> None:
    eps = np.finfo(dtype).eps
    assert np.asarray(a).dtype == np.asarray(b).dtype
    np.testing.assert_allclose(a, b, rtol=2000 * eps, atol=2000 * eps)


@pytest.fixture(params=["scipy", "numpy"])
def routines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With SciPy's LAPACK where it is installed, and without."""
    if request.param == "numpy":
        for module in (lapack, ldl):
            monkeypatch.setattr(module, "routine", lambda name, dtype: None)
    yield request.param


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize(
    "shape", [(3, 3), (5, 3), (3, 5), (2, 4, 4), (300, 3, 3), (0, 3, 3), (260, 230)]
)
def test_lu_multiplies_back(routines: str, dtype: Any, shape: Any) -> None:
    x = random(*shape, dtype=dtype)
    made = torch.linalg.lu(torch.tensor(x))
    near((made.P @ made.L @ made.U).numpy(), x, dtype)
    LU, pivots = torch.linalg.lu_factor(torch.tensor(x))
    assert pivots.dtype == torch.int32
    for a, b in zip(torch.lu_unpack(LU, pivots), made, strict=True):
        near(a.numpy(), b.numpy(), dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_lu_solve(routines: str, dtype: Any, left: bool, adjoint: bool) -> None:
    a = random(2, 4, 4, dtype=dtype)
    b = random(2, 4, 3, dtype=dtype) if left else random(2, 3, 4, dtype=dtype)
    LU, pivots = torch.linalg.lu_factor(torch.tensor(a))
    x = torch.linalg.lu_solve(LU, pivots, torch.tensor(b), left=left, adjoint=adjoint).numpy()
    a = np.conj(a.swapaxes(-1, -2)) if adjoint else a
    near(a @ x if left else x @ a, b, dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("hermitian", [True, False])
def test_ldl_solves(routines: str, dtype: Any, hermitian: bool) -> None:
    x = random(3, 6, 6, dtype=dtype)
    x[1] = 0
    x[1, np.arange(6), np.arange(6)[::-1]] = 1  # every block has two rows
    x = x + (np.conj(x) if hermitian else x).swapaxes(-1, -2)
    b = random(3, 6, 2, dtype=dtype, seed=1)
    ld, pivots = torch.linalg.ldl_factor(torch.tensor(x), hermitian=hermitian)
    assert (pivots.numpy()[1] < 0).all()
    made = torch.linalg.ldl_solve(ld, pivots, torch.tensor(b), hermitian=hermitian)
    near(x @ made.numpy(), b, dtype)


def test_ldl_is_the_same_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    x = random(5, 7, 7)
    x = x + x.swapaxes(-1, -2)
    expected = ldl.ldl_factor(x)
    monkeypatch.setattr(ldl, "routine", lambda name, dtype: None)
    for a, b in zip(ldl.ldl_factor(x), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [1, 5, 130, 300])
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("left", [True, False])
def test_triangular_systems(n: int, upper: bool, unit: bool, left: bool) -> None:
    a = random(n, n) / n + 2 * np.eye(n)
    b = random(n, 3) if left else random(3, n)
    t = np.triu(a) if upper else np.tril(a)
    if unit:
        np.fill_diagonal(t, 1)
    a[np.tril_indices(n, -1) if upper else np.triu_indices(n, 1)] = np.nan  # is not read
    x = lapack.solve_triangular(a, b, upper, left, unit)
    np.testing.assert_allclose(t @ x if left else x @ t, b, rtol=1e-10, atol=1e-10)


def test_triangular_of_a_batch_broadcasts_and_divides_by_zero() -> None:
    a = torch.stack([torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])])
    x = torch.linalg.solve_triangular(a, torch.ones(2, 1), upper=False)
    assert x[0].flatten().tolist() == [1.0, 1.0]
    assert x[1, 0].item() == 1.0
    assert not torch.isfinite(x[1, 1]).item()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("size", [1e-3, 0.1, 0.6, 1.5, 4.0, 60.0])
def test_exponential(dtype: Any, size: float) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    x = random(2, 5, 5, dtype=dtype)
    x = (x * size / abs(x).sum(-2).max()).astype(dtype)
    x[1] /= 50
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    expected = np.stack([linalg.expm(m.astype(wide)) for m in x])
    found = kernels.matrix_exp(x)
    assert found.dtype == x.dtype
    scale = abs(expected).max((-1, -2), keepdims=True)
    assert (abs(found - expected) / scale).max() < 200 * np.finfo(dtype).eps * max(size, 1)


def test_exponential_of_what_is_not_finite() -> None:
    x = torch.stack([torch.eye(2), torch.full((2, 2), float("nan"))])
    made = torch.matrix_exp(x)
    assert torch.allclose(made[0], torch.eye(2) * np.e)
    assert torch.isnan(made[1]).all()


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_det_of_singular_matrices_twice(rank: int) -> None:
    """Against the derivatives of the polynomial that the determinant is."""
    x = random(3, rank) @ random(rank, 3, seed=1)
    t = torch.tensor(x, requires_grad=True)

    def det(a: Any) -> Any:
        first = a[1, 1] * a[2, 2] - a[1, 2] * a[2, 1]
        second = a[1, 0] * a[2, 2] - a[1, 2] * a[2, 0]
        third = a[1, 0] * a[2, 1] - a[1, 1] * a[2, 0]
        return a[0, 0] * first - a[0, 1] * second + a[0, 2] * third

    found, expected = (torch.func.hessian(f)(t) for f in (torch.linalg.det, det))
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), atol=1e-12)


def test_det_three_times() -> None:
    x = torch.tensor(random(3, 3), requires_grad=True)
    assert gradgradcheck(
        lambda a: torch.autograd.grad(torch.linalg.det(a), a, create_graph=True), x
    )


@pytest.mark.parametrize("kind", [np.float64, np.complex128])
def test_vectors_with_free_phase(kind: Any) -> None:
    """A loss of absolute values has a gradient, one of the numbers themselves is refused."""
    a = torch.tensor(random(4, 4, dtype=kind), requires_grad=True)
    assert gradcheck(lambda x: torch.linalg.eig(x)[1].abs(), a)
    assert gradcheck(lambda x: torch.linalg.svd(x)[0].abs(), a)
    assert gradcheck(lambda x: torch.linalg.eigh(x + x.mH)[1].abs(), a)
    assert gradcheck(lambda x: torch.linalg.eigvals(x).abs(), a)
    if kind is np.complex128:
        with pytest.raises(RuntimeError, match="singular vectors in the complex case"):
            torch.linalg.svd(a)[0].sum().abs().backward()


def test_vectors_that_nobody_uses_may_have_gaps_of_zero() -> None:
    eye = torch.eye(3, requires_grad=True)
    for f in (torch.linalg.eigh, torch.linalg.svd):
        values = next(t for t in f(eye) if t.ndim == 1)
        (g,) = torch.autograd.grad(values.sum(), eye)
        assert torch.equal(g, torch.eye(3))


def test_what_failed_is_named() -> None:
    good, bad = torch.eye(2), torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    batch = torch.stack([good, good, bad])
    with pytest.raises(torch.linalg.LinAlgError, match=r"\(Batch element 2\): The diagonal elem"):
        torch.linalg.inv(batch)
    with pytest.raises(torch.linalg.LinAlgError, match="leading minor of order 2"):
        torch.linalg.cholesky(bad - torch.eye(2) * 0.5)
    assert torch.linalg.inv_ex(batch).info.tolist() == [0, 0, 2]
    assert torch.linalg.cholesky_ex(batch - torch.eye(2) * 0.5).info.tolist() == [0, 0, 2]
    assert issubclass(torch.linalg.LinAlgError, RuntimeError)


@pytest.mark.parametrize("dtype", KINDS)
def test_least_squares_of_any_shape(dtype: Any) -> None:
    for m, n in ((5, 3), (3, 5), (4, 4)):
        a, b = random(2, m, n, dtype=dtype), random(2, m, 2, dtype=dtype, seed=1)
        for driver in ("gels", "gelsy", "gelsd", "gelss"):
            made = torch.linalg.lstsq(torch.tensor(a), torch.tensor(b), driver=driver)
            near(made.solution.numpy(), np.linalg.pinv(a) @ b, dtype)
            assert made.rank.tolist() == ([] if driver == "gels" else [min(m, n)] * 2)


def test_lobpcg_with_a_metric() -> None:
    a, b = random(9, 9), random(9, 9, seed=1)
    A, B = torch.tensor(a + a.T), torch.tensor(b @ b.T + np.eye(9))
    for largest in (True, False):
        values, vectors = torch.lobpcg(A, 2, B, largest=largest)
        assert torch.allclose(A @ vectors, B @ vectors * values)
        assert torch.allclose(vectors.mT @ B @ vectors, torch.eye(2, dtype=torch.float64))
        assert (values[0] > values[1]).item() == largest


def test_low_rank_is_exact_for_low_rank() -> None:
    a = torch.tensor(random(2, 7, 2) @ random(2, 2, 5, seed=1), requires_grad=True)
    U, S, V = torch.svd_lowrank(a, 2)
    assert torch.allclose(U * S.unsqueeze(-2) @ V.mH, a)
    S.sum().backward()
    assert torch.isfinite(a.grad).all()


def test_named_tuples_print_and_pickle() -> None:
    import pickle

    made = torch.linalg.slogdet(torch.eye(2))
    assert repr(made) == (
        "torch.return_types.linalg_slogdet(\nsign=tensor(1.),\nlogabsdet=tensor(0.))"
    )
    again = pickle.loads(pickle.dumps(torch.return_types.linalg_slogdet(made)))
    assert type(again) is type(made)
