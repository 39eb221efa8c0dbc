"""Calls of the ops of linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls.sample import Sample, on, positive, values

x33, x43, x34, x233 = values(3, 3), values(4, 3), values(3, 4), values(2, 3, 3)
b32, b3, c33 = values(3, 2, seed=1), values(3, seed=2), values(3, 3, seed=3)
square = x33 + 3 * np.eye(3)
squares = x233 + 3 * np.eye(3)
lower = np.tril(x33) * 0.3 + 2 * np.eye(3)
upper = lower.T + 0.1 * np.tril(x33, -1)
definite = square @ square.T
spread = np.diag([1.0, 2.5, 4.5]) + 0.1 * (x33 + x33.T)
low, high = values(4, 1, seed=4), values(1, 3, seed=5)
pivots = np.array([2, 3, 3], np.int32)
ordered = np.array([[0, 1, 2.0], [1, 0, 3], [2, 3, 1]])
ld_pivots = np.array([-3, -3, 3], np.int32)
ld = np.array([[0, 0, 0], [2, 1, 0], [1.25, 0.5, -2.75]])
tau2, tau3 = positive(2) * 0.5, positive(3) * 0.5


def alone(*operands: Any) -> Any:
    """A call whose rule is PyTorch's convention: only symmetric changes keep an operand in the
    domain."""
    return lambda *params: Sample(operands, params, exact=False)


def value_only(*operands: Any) -> Any:
    """A call whose vectors have a free phase, so that no random cotangent is allowed."""
    constant = tuple(range(len(operands)))
    return lambda *params: Sample(operands, params, constant, exact=False)


BY_HAND: dict[str, list[Sample]] = {
    "quotient": [on(x33, positive(3, 3))()],
    "unit_lower": [on(x33)(), on(x43)(), on(x34)()],
    "phase_free": [on(x33)("no")],
    "identity_like": [on(x43)()],
    "permutation_of": [on(pivots, x33)()],
    "linalg_inv": [on(square)(), on(squares)()],
    "linalg_inv_ex": [on(square)(), on(squares)()],
    "linalg_solve": [
        on(square, b32)(False),
        on(square, b3)(True),
        on(squares, values(2, 3))(True),
        on(squares, b32)(False),
    ],
    "linalg_solve_ex": [on(square, b32)(False), on(square, b3)(True)],
    "linalg_solve_triangular": [
        on(lower, b32)(False, True, False),
        on(upper, b32.T)(True, False, False),
        on(squares, b32)(True, True, True),
    ],
    "triangular_solve": [
        on(b32, upper)(True, False, False),
        on(b32, lower)(False, True, False),
        on(b32, square)(True, True, True),
    ],
    "cholesky_solve": [alone(b32, lower)(False), alone(b32, upper)(True)],
    "cholesky_inverse": [alone(lower)(False), alone(upper)(True)],
    "linalg_cholesky": [alone(definite)(False), alone(np.stack([definite, spread]))(True)],
    "legacy_cholesky": [alone(definite)(False), alone(definite)(True)],
    "linalg_cholesky_ex": [alone(definite)(False)],
    "linalg_qr": [
        on(square)("reduced"),
        on(x43)("reduced"),
        on(x34)("reduced"),
        on(x34)("complete"),
        value_only(x43)("complete"),
        value_only(x43)("r"),
    ],
    "linalg_eigh": [
        alone(spread)("L"),
        alone(spread)("U"),
        alone(np.stack([spread, definite]))("L"),
    ],
    "linalg_eigvalsh": [alone(spread)("L"), alone(np.stack([spread, definite]))("U")],
    "linalg_eigvals": [on(square)(), on(squares)()],
    "linalg_svdvals": [on(square)(), on(x43)(), on(x34)()],
    "linalg_eig": [value_only(square)(), value_only(squares)()],
    "linalg_svd": [on(square)(False), on(x43)(False), on(x34)(False), on(square)(True)],
    "linalg_det": [on(x33)(), on(x233)(), on(values(3, 1) @ values(1, 3))()],
    "cofactor": [on(x33)(), on(x233)()],
    "cofactor_vjp": [on(c33, x33)(), on(values(2, 3, 3, seed=6), x233)()],
    "linalg_slogdet": [on(x33)(), on(x233)()],
    "linalg_lu_factor_ex": [on(square)(), on(x43)(), on(x34)()],
    "linalg_lu": [on(square)(), on(x43)(), on(x34)()],
    "lu_unpack": [on(x33)(), on(x43)(), on(x34)()],
    "linalg_lu_solve": [
        on(square, pivots, b32)(left, adjoint) for left, adjoint in ((True, False), (True, True))
    ]
    + [on(square, pivots, b32.T)(False, adjoint) for adjoint in (False, True)],
    "linalg_ldl_factor_ex": [value_only(ordered)(False)],
    "linalg_ldl_solve": [value_only(ld, ld_pivots, b32)(False)],
    "linalg_householder_product": [
        on(x43, tau2)(),
        on(x43, tau3)(),
        on(np.stack([x43, x43 * 0.5]), np.stack([tau3, tau3 * 2]))(),
    ],
    "ormqr": [
        on(x43, tau3, values(4, 2))(True, False),
        on(x43, tau3, values(4, 2))(True, True),
        on(x43, tau3, values(2, 4))(False, False),
        on(x43, tau3, values(2, 4))(False, True),
    ],
    "geqrf": [value_only(x43)()],
    "linalg_matrix_exp": [on(x33)(), on(x233 * 4)(), on(x33 * 0.01)()],
    "linalg_pinv": [
        on(x43, 0.0, 1e-12)(False),
        on(x34, 0.0, 1e-12)(False),
        alone(spread, 0.0, 1e-12)(True),
    ],
    "linalg_lstsq": [
        on(x43, values(4, 2, seed=7))(1e-12, "gels", False),
        alone(x43, values(4, 2, seed=7))(1e-12, "gelsd", False),
        on(x43, values(4, seed=7))(1e-12, "gelsy", True),
    ],
}

COMPLEX = set(
    """
    linalg_inv linalg_solve linalg_solve_triangular linalg_det cofactor cofactor_vjp
    linalg_lu_factor_ex linalg_lu lu_unpack linalg_lu_solve linalg_householder_product ormqr
    linalg_svdvals linalg_matrix_exp unit_lower quotient triangular_solve
    """.split()
)


def _exp(x: Any) -> Any:
    values, vectors = np.linalg.eig(x)
    return ((vectors * np.exp(values)[..., None, :]) @ np.linalg.inv(vectors)).real


def _minors(x: Any) -> Any:
    out = np.empty_like(x)
    for at in np.ndindex(x.shape):
        *batch, i, j = at
        rest = np.delete(np.delete(x[tuple(batch)], i, 0), j, 1)
        out[at] = (-1) ** (i + j) * np.linalg.det(rest)
    return out


def _inverse_of_product(lower: Any) -> Any:
    return np.linalg.inv(lower @ lower.T)


REFERENCES = {
    "linalg_matrix_exp": _exp,
    "cofactor": _minors,
    "linalg_inv": lambda x: np.linalg.solve(x, np.broadcast_to(np.eye(3), x.shape)),
    "linalg_det": lambda x: np.prod(np.linalg.eigvals(x), -1).real,
    "linalg_pinv": lambda x, atol, rtol, hermitian: np.linalg.pinv(x, rtol, hermitian),
    "cholesky_inverse": lambda x, up: _inverse_of_product(np.triu(x).T if up else np.tril(x)),
}
