"""What the families of linear algebra share: transposes in rules, checks of operands in PyTorch's
words, batching of ops that take leading dimensions.

Rules follow PyTorch's convention for complex numbers: the gradient of a real loss is that of the
real parts plus i times that of the imaginary parts, so the vjp of X -> A X is A^H g.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.batching import RULES, front, rank_of, ranked, whole
from ...core.declare import elementwise, general, linear
from ...core.levels import lower
from ...core.primitive import PUBLIC
from ...core.tensor import Tensor, wrap
from ...kernels import lapack
from ..fast import not_implemented
from ..math.arithmetic import is_complex
from ..reduce.sums import legacy

PUBLIC["linalg.LinAlgError"] = lapack.LinAlgError

# ---------------------------------------------------------------- in rules


def mT(xp: Any, x: Any) -> Any:
    """The transpose of every matrix."""
    n = x.ndim
    return xp.transpose(x, n - 2, n - 1)


def mH(xp: Any, x: Any) -> Any:
    """The conjugate transpose of every matrix."""
    n = x.ndim
    x = xp.transpose(x, n - 2, n - 1)
    return xp.conj(x) if is_complex(x) else x


def mm(xp: Any, first: Any, *rest: Any) -> Any:
    """A product of matrices, from the left."""
    for x in rest:
        first = xp.matmul(first, x)
    return first


def real(xp: Any, x: Any) -> Any:
    """The real part, of real numbers themselves."""
    return xp.real(x) if is_complex(x) else x


def diagonal(xp: Any, x: Any) -> Any:
    """The diagonal of every matrix."""
    n = x.ndim
    return xp.diagonal(x, 0, n - 2, n - 1)


def diag(xp: Any, v: Any) -> Any:
    """Matrices with these diagonals."""
    n = v.ndim
    return xp.diag_embed(v, 0, n - 1, n)


def row(xp: Any, v: Any) -> Any:
    """Vectors as matrices of one row."""
    return xp.unsqueeze(v, v.ndim - 1)


def column(xp: Any, v: Any) -> Any:
    """Vectors as matrices of one column."""
    return xp.unsqueeze(v, v.ndim)


elementwise(
    "quotient",
    lambda a, b: np.where((a == 0) & (b == 0), a, a / b),
    a=lambda xp, g, b: xp.quotient(g, b),
    b=lambda xp, g, b, out: -xp.quotient(g * out, b),
    names=("_quotient",),
    method=False,
    has_inplace=False,
    lane=False,
    domain=(0.3, 2.0),
    doc="a / b, and 0 / 0 = 0: a cotangent that nobody uses may be divided by a gap of zero.",
)


def _unit_lower(x: Any) -> Any:
    k = min(x.shape[-2:])
    made = np.tril(x, -1)
    i = np.arange(k)
    made[..., i, i] = 1
    return made


_unit = general(
    "unit_lower",
    _unit_lower,
    ("x",),
    rules={"x": lambda xp, g: xp.tril(g, -1)},
    names=("_unit_lower",),
    method=False,
    doc="The part of x below the diagonal, with ones on the diagonal.",
)


def _same_phase(x: Any, message: str) -> Any:
    """x, refused where its diagonal has imaginary parts."""
    d = np.diagonal(x, 0, -2, -1)
    size = abs(d.imag)
    if not np.all(size <= 1e-2 + 1e-2 * abs(d.real)) and not np.isnan(size).any():
        raise RuntimeError(f"{message}\nHint: use the absolute value of the vectors' elements")
    return x


linear(
    "phase_free",
    _same_phase,
    lambda xp, g: g,
    names=("_phase_free",),
    method=False,
    doc="x, refused where its diagonal says that a loss depends on the phase of vectors.",
)

general(
    "identity_like",
    lambda x: np.array(np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape)),
    ("x",),
    names=("_identity_like",),
    method=False,
    doc="Ones on the diagonal, zeros elsewhere, in the shape of x.",
)

# ---------------------------------------------------------------- calls


def called(
    prim: Any, operands: tuple[Any, ...], params: tuple[Any, ...] = (), out: Any = None
) -> Any:
    """`prim.call(*operands, params=params, out=out)` of checked operands, in a short way where
    nothing is recorded and no interpreter runs."""
    if out is None and S.mode is None:
        records = S.grad or grad_enabled()
        arrays = []
        for t in operands:
            x = t._data
            if type(x) is not np.ndarray or (records and t._node is not None):
                break
            arrays.append(x)
        else:
            try:
                made = prim.kernel(*arrays, *params)
            except (ValueError, TypeError, OverflowError):
                pass  # the general way says why
            else:
                return tuple([wrap(m) for m in made]) if prim.several else wrap(made)
    return prim.call(*operands, params=params, out=out)


# ---------------------------------------------------------------- checks


def need_tensors(op: str, **operands: Any) -> None:
    """TypeError where an operand is no tensor."""
    for i, (name, t) in enumerate(operands.items()):
        if not isinstance(t, Tensor):
            raise errors.wrong_type(op, name, i + 1, t)


def need_matrix(op: str, x: Any, name: str = "A") -> None:
    """At least two dimensions."""
    if x._data.ndim < 2:
        raise RuntimeError(
            f"{op}: The input tensor {name} must have at least 2 dimensions.\n"
            f"shape: {list(x._data.shape)}"
        )


def need_square(op: str, x: Any) -> None:
    """Matrices with as many rows as columns."""
    need_matrix(op, x)
    m, n = x._data.shape[-2:]
    if m != n:
        prefix = f"{op}: " if op else ""
        raise RuntimeError(
            f"{prefix}A must be batches of square matrices, but they are {m} by {n} matrices\n"
            f"shape: {list(x._data.shape)}"
        )


def need_floating(op: str, x: Any) -> None:
    """Floating point or complex numbers."""
    if x._data.dtype.kind in "biu":
        raise RuntimeError(
            errors.hinted(
                f"{op}: Expected a floating point or complex tensor as input. Got {legacy(x)}",
                hint="convert it first, as in x.double()",
            )
        )


def need_width(op: str, x: Any) -> None:
    """No half precision."""
    if x._data.dtype.char not in "fdFD":
        raise RuntimeError(
            errors.hinted(
                f"{op}: Low precision dtypes not supported. Got {legacy(x)}",
                hint="convert it first, as in x.float()",
            )
        )


def need_lapack(kernel: str, x: Any) -> None:
    """A dtype that LAPACK has, or PyTorch's word for its lack."""
    if x._data.dtype.char not in "fdFD":
        raise not_implemented(kernel, x.dtype)


def need_pair(op: str, a: Any, b: Any, names: tuple[str, str] = ("A", "B")) -> None:
    """Two operands of one dtype."""
    if a._data.dtype != b._data.dtype:
        first, second = names
        raise RuntimeError(
            errors.hinted(
                f"{op}: Expected {first} and {second} to have the same dtype, but found {first} of "
                f"type {legacy(a)} and {second} of type {legacy(b)} instead",
                hint=f"convert one of them, as in {second}.to({first}.dtype)",
            )
        )


def need_system(op: str, a: Any, b: Any, left: bool = True) -> None:
    """A and B of A X = B (X A = B) fit."""
    need_square(op, a)
    need_matrix(op, b, "B")
    need_sides(op, a._data.shape, b._data.shape, left)


def need_sides(op: str, a: Sequence[int], b: Sequence[int], left: bool) -> None:
    """A and B of A X = B (X A = B) have as many rows (columns)."""
    if a[-2] != (b[-2] if left else b[-1]):
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"{op}: Incompatible shapes of A and B for the equation {equation}"
            f" ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})\nHint: B has a row for every row of A"
        )


def value_of(t: Any) -> Any:
    """The numbers of a tensor, below all transforms."""
    while t._wrapped:
        t = t._inner
    return t._data


def common_batch(a: Sequence[int], b: Sequence[int]) -> None:
    """The leading dimensions of two shapes broadcast."""
    if a == b:
        return
    rank = max(len(a), len(b))
    first, second = ((1,) * (rank - len(s)) + tuple(s) for s in (a, b))
    for dim in range(rank - 1, -1, -1):
        m, n = first[dim], second[dim]
        if m != n and m != 1 and n != 1:
            raise RuntimeError(
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) at "
                f"non-singleton dimension {dim}"
            )


# ---------------------------------------------------------------- batching


def batched(*names: str) -> None:
    """These ops of one operand take any leading dimensions."""
    for name in names:
        RULES[name] = whole


def _aligned_matrices(prim: Any, inputs: Any, has: Any, params: Any, size: int) -> Any:
    """Operands whose leading dimensions broadcast; vectors where the op says so."""
    vector = dict(zip(prim.params, params, strict=True)).get("vector", False)
    tails = [_tail(prim, i, vector) for i in range(len(inputs))]
    extra = max(
        rank_of(t, b) - n for t, b, n in zip(inputs, has, tails, strict=True) if t is not None
    )
    lined = tuple(
        ranked(t, b, extra + n) if isinstance(t, Tensor) else t
        for t, b, n in zip(inputs, has, tails, strict=True)
    )
    return lower(prim, lined, params)


_TAILS = {"tau": 1, "pivots": 1, "atol": 0, "rtol": 0}


def _tail(prim: Any, i: int, vector: bool) -> int:
    return 1 if vector and i == 1 else _TAILS.get(prim.args[i], 2)


def batched_together(*names: str) -> None:
    """These ops of several operands take leading dimensions that broadcast."""
    for name in names:
        RULES[name] = _fronted


def _fronted(prim: Any, inputs: Any, has: Any, params: Any, size: int) -> Any:
    """Every operand gets the batch, and the elements one number of leading dimensions."""
    inputs = tuple(front(t, b, size) for t, b in zip(inputs, has, strict=True))
    return _aligned_matrices(
        prim, inputs, tuple(isinstance(t, Tensor) for t in inputs), params, size
    )


def answered(out: Any, made: Any) -> Any:
    """A result of a composite, copied into `out` where one is given."""
    if out is None:
        return made
    if isinstance(made, tuple):
        for o, m in zip(out, made, strict=True):
            answered(o, m)
        return made.__class__(out)
    if out._data.shape != made._data.shape:
        out.resize_(made._data.shape)
    return out.copy_(made)


batched("identity_like", "unit_lower", "phase_free")
