"""Functions of matrices: exponential, powers, pseudoinverse, least squares, rank, condition.

The derivative of the exponential is a block of the exponential of a matrix of twice the size, that
of the pseudoinverse Golub and Pereyra's; most others are composed of other ops.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import dtypes, errors
from ...core.batching import RULES, batch_rule
from ...core.blame import no_combination
from ...core.declare import general, public, spelled
from ...core.lanes import one_lane
from ...core.record import OPS, sum_to
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ...kernels import matrix_functions as kernels
from ..reduce.extremes import return_type
from ..reduce.vector_norm import matrix_norm
from .decompose import eigvalsh, into, svdvals
from .matrices import (
    batched,
    batched_together,
    common_batch,
    mH,
    mm,
    need_floating,
    need_lapack,
    need_matrix,
    need_square,
    need_tensors,
    row,
)
from .products import matmul
from .solve import inv

_Lstsq = return_type("linalg_lstsq", "solution", "residuals", "rank", "singular_values")

# ---------------------------------------------------------------- exponential


def _exp_rule(xp: Any, g: Any, x: Any) -> Any:
    """The upper right block of exp([[A^H, g], [0, A^H]]).

    Source: Mathias, A chain rule for matrix functions and applications, SIAM J. Matrix Anal. Appl.
    17 (1996), p. 611, theorem 2.1.
    """
    h, n, last = mH(xp, x), x.shape[-1], x.ndim - 1
    upper, lower = xp.cat([h, g], last), xp.cat([h * 0, h], last)
    made = xp.linalg_matrix_exp(xp.cat([upper, lower], last - 1))
    return xp.slice(xp.slice(made, last - 1, 0, n, 1), last, n, 2 * n, 1)


_exp = general(
    "linalg_matrix_exp",
    kernels.matrix_exp,
    ("x",),
    rules={"x": _exp_rule},
    names=("linalg.matrix_exp",),
    method=False,
    doc="The exponential of each matrix: the sum of A^k / k!.",
)
_exp_lane = one_lane(_exp.prim)
batched("linalg_matrix_exp")


def _exponential(A: Any) -> Any:
    need_square("linalg.matrix_exp", A)
    need_floating("linalg.matrix_exp", A)
    return _exp_lane(A, ())


@spelled(_exp)
def linalg_matrix_exp(A: Any) -> Any:
    need_tensors("linalg_matrix_exp", input=A)
    return _exponential(A)


@public("matrix_exp", method=True)
def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of each matrix: `torch.linalg.matrix_exp`.

    Example:
        >>> import chainrule as torch
        >>> torch.matrix_exp(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor([[1., 1.],
                [0., 1.]])
    """
    need_tensors("matrix_exp", input=input)
    return _exponential(input)


# ---------------------------------------------------------------- powers


@public("linalg.matrix_power")
def linalg_matrix_power(A: Tensor, n: int, *, out: Any = None) -> Tensor:
    """The n-th power of each matrix, by repeated squaring.

    Args:
        A: (*, m, m).
        n: any integer; negative ones invert A.

    Raises:
        torch.linalg.LinAlgError: n < 0 and a singular matrix.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.matrix_power(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
        tensor([[1., 5.],
                [0., 1.]])
    """
    if not isinstance(A, Tensor):
        need_tensors("linalg_matrix_power", input=A)
    return _power("linalg_matrix_power", A, n, out)


def _power(op: str, A: Any, n: Any, out: Any) -> Tensor:
    if type(n) is not int and (
        isinstance(n, (bool, float, complex)) or not hasattr(n, "__index__")
    ):
        raise TypeError(f"{op}(): argument 'n' (position 2) must be int, not {errors.kind_name(n)}")
    need_square("linalg.matrix_power", A)
    n = n.__index__()
    if n == 0:
        return into(out, OPS.copy(OPS.clone(A), OPS.identity_like(A.detach())))
    if n < 0:
        A, n = inv(A), -n
    if n == 1:
        return into(out, OPS.clone(A))
    made: Any = None
    square = A
    if n == 3:
        return into(out, matmul(matmul(A, A), A))
    while n:
        if n & 1:
            made = square if made is None else matmul(made, square)
        n >>= 1
        square = matmul(square, square) if n else square
    return into(out, made)


@public("matrix_power", method=True)
def matrix_power(input: Tensor, n: int, *, out: Any = None) -> Tensor:
    """The n-th power of each matrix: `torch.linalg.matrix_power`.

    Example:
        >>> import chainrule as torch
        >>> torch.matrix_power(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), -1)
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    need_tensors("matrix_power", input=input)
    return _power("matrix_power", input, n, out)


# ---------------------------------------------------------------- pseudoinverse


def _pinv_rule(xp: Any, g: Any, A: Any, out: Any) -> Any:
    """-P^H g P^H + (1 - A P) g^H P P^H + P^H P g^H (1 - P A).

    Source: Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares
    problems whose variables separate, SIAM J. Numer. Anal. 10 (1973), p. 421, theorem 4.3.
    """
    h, gh = mH(xp, out), mH(xp, g)
    right = mm(xp, gh, out, h)
    left = mm(xp, h, out, gh)
    return (
        right - mm(xp, A, mm(xp, out, right)) + left - mm(xp, mm(xp, left, out), A)
        - mm(xp, h, g, h)
    )  # fmt: skip


def _pinv_kernel(A: Any, atol: Any, rtol: Any, hermitian: bool = False) -> Any:
    return kernels.pinv(A, atol, rtol, hermitian)


_pinv = general(
    "linalg_pinv",
    _pinv_kernel,
    ("A", "atol", "rtol"),
    rules={"A": _pinv_rule},
    numbers=True,
    names=("linalg.pinv",),
    method=False,
    doc="The pseudoinverse: the inverse on the range of A, without singular values below a bound.",
)


def _tolerances(x: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """The bounds as PyTorch chooses them where they are not given."""
    if rtol is None:
        default = np.finfo(x._data.dtype).eps * max(x._data.shape[-2:])
        if atol is None:
            rtol = float(default)
        elif isinstance(atol, Tensor):
            rtol = OPS.where(atol > 0, 0.0, float(default))
        else:
            rtol = 0.0 if atol > 0 else float(default)
    return (0.0 if atol is None else atol), rtol


def _real_of(x: Any) -> Any:
    dtype = x._data.dtype
    return np.dtype(dtype.char.lower()) if dtype.kind == "c" else dtype


def _bound(op: str, x: Any, value: Any, name: str) -> Any:
    """A tolerance: a number, or a real tensor in the precision of x."""
    if isinstance(value, Tensor):
        if value._data.dtype.kind == "c":
            raise RuntimeError(
                f"{op}: {name} tensor of complex type is not supported. Got {name}.scalar_type()="
                f"{errors.LEGACY[value.dtype.name]}"
            )
        return OPS.to_dtype(value.detach(), dtypes.from_numpy_dtype(_real_of(x)))
    strange = isinstance(value, (complex, np.ndarray)) or not hasattr(value, "__float__")
    if value is not None and strange:
        named = f"{name}={errors.kind_name(value)}"
        raise TypeError(
            f"{op.replace('.', '_').removeprefix('torch_')}() received an invalid combination of "
            f"arguments - got (Tensor, {named}), but expected one of:\n"
            f"Hint: {name} is a number or a tensor of real numbers"
        )
    return value


def _one_tolerance(
    op: str, A: Any, name: str, old: Any, otherwise: Any, atol: Any, rtol: Any
) -> Any:
    """The tolerance under its older name, which stands alone; `otherwise` where it is not given."""
    if old is ABSENT:
        return otherwise
    if old is None or atol is not None or rtol is not None:
        raise no_combination(op, (A,), {name: old, "atol": atol, "rtol": rtol})
    return old


@spelled(_pinv)
def pinv(
    A: Any, rcond: Any = ABSENT, hermitian: Any = False, more: Any = None, *,
    atol: Any = None, rtol: Any = None, out: Any = None,
) -> Any:  # fmt: skip
    if more is not None:  # canonical: (A, atol, rtol, hermitian)
        return _pinv.prim.call(A, rcond, hermitian, params=(more,))
    if not isinstance(A, Tensor):
        raise TypeError(
            "linalg_pinv() received an invalid combination of arguments - got "
            f"({errors.kind_name(A)}), but expected one of:\nHint: linalg.pinv(A, atol=, rtol=)"
        )
    rtol = _one_tolerance("linalg_pinv", A, "rcond", rcond, rtol, atol, rtol)
    if A._data.dtype.char not in "fdFD" or A._data.ndim < 2:
        raise RuntimeError(
            f"linalg.pinv({errors.LEGACY[A.dtype.name]}{{{list(A._data.shape)}}}): expected a "
            "tensor with 2 or more dimensions of float, double, cfloat or cdouble types"
        )
    if hermitian:
        need_square("linalg.eigh", A)
    atol, rtol = (_bound("linalg.pinv", A, t, n) for t, n in ((atol, "atol"), (rtol, "rtol")))
    atol, rtol = _tolerances(A, atol, rtol)
    return _pinv.prim.call(A, atol, rtol, params=(bool(hermitian),), out=out)


@public("pinverse", method=True)
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudoinverse: `torch.linalg.pinv` with rtol = rcond.

    Example:
        >>> import chainrule as torch
        >>> torch.pinverse(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.0000]])
    """
    need_tensors("pinverse", input=input)
    if type(rcond) is not float:
        errors.need_float("pinverse", rcond=rcond)
    return pinv(input, rcond)


# ---------------------------------------------------------------- least squares


def _lstsq_kernel(A: Any, B: Any, rcond: float, driver: str = "gelsy", vector: bool = False) -> Any:
    b = B[..., None] if vector else B
    x, residuals, rank, values = kernels.lstsq(A, b, rcond, driver)
    if vector:
        x = x[..., 0]
    return x, residuals, rank, values


def _lstsq_vjp(
    xp: Any, g: Any, A: Any, B: Any, solution: Any, A_shape: Any, B_shape: Any, vector: bool,
    rcond: float,
) -> Any:  # fmt: skip
    """Through X = A^+ B, and the residuals |A X - B|^2 of each column."""
    gX, gres = g[0], g[1]
    if vector:
        gX, B, solution = (xp.unsqueeze(t, t.ndim) for t in (gX, B, solution))
    P = xp.linalg_pinv(A, 0.0, rcond, False)
    gA = _pinv_rule(xp, mm(xp, gX, mH(xp, B)), A, P)
    gB = mm(xp, mH(xp, P), gX)
    if gres.shape[-1]:
        rest = (mm(xp, A, solution) - B) * row(xp, gres * 2.0)
        gA, gB = gA + mm(xp, rest, mH(xp, solution)), gB - rest
    if vector:
        gB = xp.reshape(gB, gB.shape[:-1])
    return sum_to(xp, gA, A_shape), sum_to(xp, gB, B_shape)


_lstsq = general(
    "linalg_lstsq",
    _lstsq_kernel,
    ("A", "B"),
    vjp=_lstsq_vjp,
    outputs=("solution", "residuals", "rank", "singular_values"),
    names=("_linalg_lstsq",),
    method=False,
    doc="The shortest X with the least |A X - B|.",
)
batched_together("linalg_pinv", "linalg_lstsq")
_together = RULES["linalg_lstsq"]


@batch_rule("linalg_lstsq")
def _batched_lstsq(prim: Any, inputs: Any, has: Any, params: Any, size: int) -> Any:
    """What a driver does not give is empty for every element."""
    made = _together(prim, inputs, has, params, size)
    return tuple(t if t._data.size else OPS.reshape(t, _empty(t, size)) for t in made)


def _empty(t: Tensor, size: int) -> tuple[int, ...]:
    shape = tuple(t._data.shape)
    return (size, 0) if shape == (0,) else shape


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@public("linalg.lstsq")
def lstsq(A: Tensor, B: Tensor, rcond: Any = None, *, driver: Any = None, out: Any = None) -> Any:
    """The shortest X with the least |A X - B|.

    Args:
        A: (*, m, n).
        B: (*, m, k), or (*, m) where A has just these leading dimensions.
        rcond: singular values below rcond times the largest count as zero; default max(m, n) eps.
        driver: "gelsy" (default), "gelsd" or "gelss"; "gels" takes A to be of full rank.

    Returns:
        solution (*, n, k); residuals (*, k), where m > n, A has full rank and the driver is not
        "gelsy"; rank (*), not of "gels"; singular_values of "gelsd" and "gelss". What is not given
        is empty.

    Differs from PyTorch:
        Every driver uses the singular values.

    Example:
        >>> import chainrule as torch
        >>> A, B = torch.tensor([[2.0], [0.0]]), torch.tensor([[4.0], [3.0]])
        >>> torch.linalg.lstsq(A, B).solution
        tensor([[2.]])
    """
    op = "torch.linalg.lstsq"
    need_tensors("linalg_lstsq", input=A, b=B)
    x, b = A._data, B._data
    if x.ndim < 2:
        raise RuntimeError(f"{op}: input must have at least 2 dimensions.")
    if b.ndim < 1:
        raise RuntimeError(f"{op}: other must have at least 1 dimension.")
    if x.dtype != b.dtype:
        raise RuntimeError(
            f"{op}: Expected input and other to have the same dtype, but got input's dtype "
            f"{errors.LEGACY[A.dtype.name]} and other's dtype {errors.LEGACY[B.dtype.name]}"
        )
    need_lapack("linalg_lstsq_cpu", A)
    vector = x.ndim - 1 == b.ndim and x.shape[:-1] == b.shape
    _need_rows(op, x, b, vector)
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(f"{op}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    if rcond is None:
        rcond = float(np.finfo(x.dtype).eps * max(x.shape[-2:]))
    params = (float(rcond), driver or "gelsy", vector)
    solution, residuals, rank, values = _lstsq.prim.call(A, B, params=params, out=out)
    return _Lstsq((solution, residuals, rank, values.detach() if out is None else values))


def _need_rows(op: str, x: Any, b: Any, vector: bool) -> None:
    if vector:
        return
    if b.ndim < 2 or x.shape[-2] != b.shape[-2]:
        at = -1 if b.ndim < 2 else -2
        raise RuntimeError(
            f"{op}: input.size(-2) should match other.size({at})\n"
            f"shapes: {list(x.shape)} and {list(b.shape)}"
        )
    common_batch(x.shape[:-2], b.shape[:-2])


# ---------------------------------------------------------------- rank, condition


@public("linalg.matrix_rank")
def matrix_rank(
    A: Tensor,
    tol: Any = ABSENT,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Any = None,
) -> Tensor:
    """How many singular values are above max(atol, rtol * the largest).

    Args:
        A: (*, m, n).
        tol: the older name of atol, without a relative bound.
        hermitian: take the absolute eigenvalues instead.
        atol, rtol: numbers or real tensors (*); default 0 and max(m, n) eps.

    Returns:
        (*), int64.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.matrix_rank(torch.tensor([[1.0, 2.0], [2.0, 4.0]]))
        tensor(1)
    """
    op = "torch.linalg.matrix_rank"
    if not isinstance(A, Tensor):
        raise TypeError(
            "linalg_matrix_rank() received an invalid combination of arguments - got "
            f"({errors.kind_name(A)}), but expected one of:\n"
            "Hint: linalg.matrix_rank(A, atol=, rtol=)"
        )
    need_matrix(op, A, "input")
    if A._data.dtype.char not in "fdFD":
        raise RuntimeError(
            "This function doesn't handle types other than float and double\n"
            "Hint: convert it first, as in x.double()"
        )
    if tol is not ABSENT:
        atol = _one_tolerance("linalg_matrix_rank", A, "tol", tol, atol, atol, rtol)
        rtol = 0.0
    elif atol is not None and rtol is not None and (
        isinstance(atol, Tensor) is not isinstance(rtol, Tensor)
    ):  # fmt: skip
        raise no_combination("linalg_matrix_rank", (A,), {"atol": atol, "rtol": rtol})
    atol, rtol = (_bound(op, A, t, n) for t, n in ((atol, "atol"), (rtol, "rtol")))
    atol, rtol = _tolerances(A, atol, rtol)
    A = A.detach()
    values = OPS.abs(eigvalsh(A)) if hermitian else svdvals(A)
    if not A._data.size:
        return into(out, OPS.zeros(A._data.shape[:-2], dtypes.int64))
    bound = OPS.maximum(_tensor(atol, values), _tensor(rtol, values) * OPS.amax(values, (-1,)))
    return into(out, OPS.sum(values > OPS.unsqueeze(bound, -1), -1))


def _tensor(value: Any, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(np.asarray(value, like._data.dtype))


_SQUARE = ("fro", "nuc", math.inf, -math.inf, 1, -1)


@public("linalg.cond")
def cond(A: Tensor, p: Any = None, *, out: Any = None) -> Tensor:
    """The condition number |A| |A^-1| of each matrix; inf where it is singular.

    Args:
        A: (*, m, n); square unless p is None, 2 or -2.
        p: the norm: None (as 2), 2, -2, 'fro', 'nuc', inf, -inf, 1, -1.

    Returns:
        (*), real.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.cond(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
        tensor(4.)
    """
    need_tensors("linalg_cond", input=A)
    if A._data.ndim < 2:
        raise RuntimeError(
            "linalg.cond: The input tensor must have at least 2 dimensions.\n"
            f"shape: {list(A._data.shape)}"
        )
    if p is None or p == 2 or p == -2:
        values = svdvals(A)
        if not A._data.size:
            return into(out, OPS.zeros(A._data.shape[:-2], values.dtype))
        ends = [OPS.select(values, values._data.ndim - 1, i) for i in _ends(values, p)]
        return into(out, ends[0] / ends[1])
    if p not in _SQUARE:
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    need_square(f"linalg.cond(ord={p})", A)
    if not A._data.size:
        need_floating("linalg.cond", A)
        return into(out, OPS.zeros(A._data.shape[:-2], dtypes.from_numpy_dtype(_real_of(A))))
    if p == "nuc":
        values, inverse = svdvals(A), OPS.linalg_inv_ex(A)
        both = values.sum(-1) * _nuclear_or_inf(inverse)
    else:
        inverse = OPS.linalg_inv_ex(A)
        safe = _inf_where_singular(inverse)
        both = matrix_norm(A, p) * matrix_norm(safe, p)
    return into(out, OPS.nan_to_num(both, math.inf, math.inf, -math.inf))


def _ends(values: Tensor, p: Any) -> tuple[int, int]:
    last = values._data.shape[-1] - 1
    return (last, 0) if p == -2 else (0, last)


def _inf_where_singular(inverse: Any) -> Tensor:
    made, info = inverse
    bad = OPS.unsqueeze(OPS.unsqueeze(info != 0, -1), -1)
    return OPS.masked_fill(made, bad, math.inf)


def _nuclear_or_inf(inverse: Any) -> Tensor:
    made, info = inverse
    bad = OPS.unsqueeze(OPS.unsqueeze(info != 0, -1), -1)
    finite = OPS.masked_fill(made, bad, 0.0)
    return OPS.masked_fill(svdvals(finite).sum(-1), info != 0, math.inf)
