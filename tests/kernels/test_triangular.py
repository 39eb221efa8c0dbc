"""Triangular systems by the BLAS, and by LAPACK where the BLAS cannot be reached."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from chainrule.kernels import blas, lapack

rng = np.random.default_rng(0)


def system(kind: str, n: int, columns: int) -> tuple[Any, Any]:
    a, b = rng.standard_normal((n, n)), rng.standard_normal((n, columns))
    if kind in "FD":
        a, b = a + 1j * rng.standard_normal(a.shape), b - 1j * rng.standard_normal(b.shape)
    return (a / n + np.eye(n)).astype(kind), b.astype(kind)


def spread(a: Any) -> Any:
    """The same elements two places apart."""
    wide = np.zeros((2 * len(a), 2 * len(a)), a.dtype)
    wide[::2, ::2] = a
    return wide[::2, ::2]


def inside(a: Any) -> Any:
    """The same elements as a part of a larger matrix."""
    wide = np.zeros((len(a) + 3, len(a) + 5), a.dtype)
    wide[1 : 1 + len(a), 2 : 2 + len(a)] = a
    return wide[1 : 1 + len(a), 2 : 2 + len(a)]


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "spread": spread,
    "inside": inside,
    "inside, across": lambda a: inside(a.T.copy()).T,
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
}


@pytest.mark.parametrize("reached", [True, False])
@pytest.mark.parametrize("kind", "fdFD")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_solves(layout: str, kind: str, reached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not reached:
        monkeypatch.setattr(lapack, "substitution", lambda kind: None)
    for n, columns, upper, unit in product((1, 2, 17, 150), (1, 3), (False, True), (False, True)):
        a, b = system(kind, n, columns)
        one = (np.triu if upper else np.tril)(a)
        if unit:
            np.fill_diagonal(one, 1)
        placed = LAYOUTS[layout](a)
        before = b.copy()
        x = lapack.solve_triangular(placed, b, upper, True, unit)
        assert x.dtype == b.dtype
        assert np.allclose(one @ x, b, atol=300 * np.finfo(kind).eps)
        y = lapack.solve_triangular(placed, b.T, upper, False, unit)
        assert np.allclose(y @ one, b.T, atol=300 * np.finfo(kind).eps)
        assert np.array_equal(b, before)


def test_batches_broadcast() -> None:
    a = rng.standard_normal((3, 1, 20, 20)) / 20 + np.eye(20)
    b = rng.standard_normal((4, 20, 2))
    x = lapack.solve_triangular(a, b, True)
    assert x.shape == (3, 4, 20, 2)
    assert np.allclose(np.triu(a) @ x, b)


def test_a_zero_on_the_diagonal_divides() -> None:
    a = np.eye(3)
    a[1, 1] = 0
    x = lapack.solve_triangular(a, np.ones((3, 1)), False)
    assert x[0, 0] == 1
    assert np.isinf(x[1, 0])


def test_the_solver_of_this_numpy_is_tried() -> None:
    solve = blas.substitution("d")
    if solve is None:
        pytest.skip("this BLAS has no name for it that is known")
    x = np.array([[2.0], [11.0]])
    solve(np.array([[2.0, 9.0], [3.0, 4.0]]), x, False, False)
    assert x.tolist() == [[1.0], [2.0]]
