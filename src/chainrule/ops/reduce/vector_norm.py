"""Lengths of vectors: |x|_p over one, several or all dimensions.

`norm` (the older function), `linalg.vector_norm` and `linalg.norm` lead to one op. Norms of
matrices that need singular values belong to the decompositions.
"""

from __future__ import annotations

from typing import Any

from ... import errors
from ...core.blame import no_combination
from ...core.declare import public, reduction, spelled
from ...core.lanes import one_lane
from ...core.primitive import PUBLIC, cast, given_out
from ...core.record import OPS
from ...core.tensor import Tensor
from ...errors import ABSENT
from ...kernels import reduce as kernels
from ..late import load
from ..shape.arrange import movedim
from .sums import Dims, Ints, dims_of, legacy, need_tensor, plain

INF = float("inf")
_KERNEL_ORDERS = (2, 1, 3, INF, -INF)  # whose derivative has a kernel


def _norm_rule(xp: Any, g: Any, x: Any, out: Any, dim: Dims, ord: float) -> Any:
    """g sgn(x) |x|^(p-1) / norm^(p-1); 0 where the norm is 0, and what p = 0, 1, inf leave of
    that."""
    if ord == 0:
        return x * 0
    if ord in _KERNEL_ORDERS and plain(xp, x):
        return kernels.norm_back(g, x, out, dim, ord)
    if ord == 1:
        return g * xp.sgn(x)
    if ord == 2:
        return g * xp.masked_fill(x / out, xp.eq(out, 0), 0.0)
    size = xp.abs(x)
    if ord in (INF, -INF):
        ties = xp.to_dtype(xp.same(size, out), size.dtype)
        return xp.sgn(x) * (ties * (g / xp.sum(ties, dim, True)))
    if ord < 1:
        scaled = xp.masked_fill(xp.sgn(x) * xp.pow(size, ord - 1.0), xp.eq(x, 0), 0.0)
        return scaled * (g * xp.pow(out, 1.0 - ord))
    scaled = xp.sgn(x) * xp.pow(size, ord - 1.0) if ord < 2 else x * xp.pow(size, ord - 2.0)
    return scaled * xp.masked_fill(g / xp.pow(out, ord - 1.0), xp.eq(out, 0), 0.0)


_vector_norm = reduction(
    "linalg_vector_norm",
    kernels.norm,
    _norm_rule,
    names=("linalg.vector_norm",),
    method=False,
    doc="(sum of |x|^ord)^(1/ord), of all elements or over `dim`; the largest |x| for ord = inf.",
)
_lane = one_lane(_vector_norm.prim)


def _converted(op: str, x: Any, dtype: Any) -> Any:
    """x in a dtype that holds it."""
    if not hasattr(dtype, "category"):
        raise errors.wrong_kind(op.replace(".", "_"), "dtype", "torch.dtype", dtype)
    if dtype.category < 2:
        raise RuntimeError(
            f"{op}: dtype should be floating point or complex, but got {errors.LEGACY[dtype.name]}"
        )
    if (x.dtype.category > 2) != (dtype.category > 2):
        kind = "complex" if x.dtype.category > 2 else "real"
        raise RuntimeError(
            f"{op}: dtype should be {kind} for {kind} inputs, but got {errors.LEGACY[dtype.name]}"
        )
    if x.dtype.itemsize > dtype.itemsize:
        raise RuntimeError(
            f"{op}: the dtype of the input ({legacy(x)}) should be convertible without narrowing "
            f"to the specified dtype ({errors.LEGACY[dtype.name]})"
        )
    return cast(x, dtype)


def _need_elements(x: Tensor, ord: float, dims: Ints | None) -> None:
    """An empty tensor has no largest element, and 0 to a negative power is infinite."""
    if x._data.size or (0 <= ord < INF):
        return
    name = f"{ord:g}"
    if dims is None:
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {name} norm on an empty tensor because the "
            "operation does not have an identity"
        )
    for d in dims:
        if x._data.shape[d] == 0:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {name} norm on the dimension "
                f"{d}because this "
                "dimension is empty and the operation does not have an identity"
            )


@spelled(_vector_norm)
def vector_norm(
    x: Any,
    ord: Any = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    if out is dtype is None and type(x) is Tensor and (type(ord) is int or type(ord) is float):
        data = x._data
        if keepdim is False and data.dtype.kind == "f" and data.size:  # the usual case
            if dim is None:
                return _lane(x, (None, False, float(ord)))
            if type(dim) is int and 0 <= dim < data.ndim:
                return _lane(x, ((dim,), False, float(ord)))
    need_tensor("linalg_vector_norm", x)
    if isinstance(ord, str) or not hasattr(ord, "__float__"):
        raise TypeError(
            "linalg_vector_norm(): argument 'ord' (position 2) must be Number, not "
            + errors.kind_name(ord)
        )
    if x.dtype.category < 2 and dtype is None:
        raise RuntimeError(
            errors.hinted(
                "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
                + legacy(x),
                hint="convert it first, as in x.float()",
            )
        )
    if dtype is not None:
        x = _converted("linalg.vector_norm", x, dtype)
    dims = dims_of(dim, x._data.ndim, "linalg_vector_norm")
    if not x._data.size:
        _need_elements(x, float(ord), dims)
    params = (dims, errors.checked_bool("linalg_vector_norm", "keepdim", keepdim), float(ord))
    return _lane(x, params) if out is None else _vector_norm.prim.call(x, params=params, out=out)


@public("norm", method=True)
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """The p-norm of all elements, or over `dim`.

    Args:
        input: floating point or complex tensor.
        p: a number, inf, "fro" (like 2) or "nuc" (the sum of the singular values of a matrix).
        dim: dimensions to reduce (default: all).
        keepdim: keep them with size 1.
        dtype: convert first.

    Returns:
        (sum of |x|^p)^(1/p). Where it is 0 the gradient is 0.

    Raises:
        RuntimeError: an integer tensor, or an unknown `p`.

    Example:
        >>> import chainrule as torch
        >>> torch.norm(torch.tensor([3.0, 4.0]))
        tensor(5.)
    """
    if isinstance(p, str):
        if p not in ("fro", "nuc"):
            raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
        if p == "nuc":
            pair = tuple(range(input._data.ndim)) if dim is None else dim
            return matrix_norm(input, "nuc", pair, keepdim, dtype=dtype, out=out)
        p = 2
    return vector_norm(input, 2 if p is None else p, dim, keepdim, dtype=dtype, out=out)


@public("nuclear_norm")
def nuclear_norm(
    input: Tensor, dim: Dims = ABSENT, keepdim: bool = False, *, dtype: Any = ABSENT,
    out: Any = None,
) -> Tensor:  # fmt: skip
    """The sum of the singular values of a matrix, or of matrices in two dimensions.

    Args:
        input: floating point or complex.
        dim: the two dimensions; default those of a matrix.
        keepdim: keep them with size 1.

    Example:
        >>> import chainrule as torch
        >>> torch.nuclear_norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
        tensor(7.)
    """
    need_tensor("nuclear_norm", input)
    if isinstance(dim, bool):
        dim, keepdim = ABSENT, dim
    listed = dim is ABSENT or isinstance(dim, (tuple, list))
    if dtype is not ABSENT or not (listed or hasattr(dim, "__index__")):
        raise no_combination("nuclear_norm", (input, dim), {})
    if not listed:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim}, {dim})")
    dim, dtype = None if dim is ABSENT else dim, None
    return matrix_norm(
        input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out
    )


def _one_or_two(dim: Any) -> RuntimeError:
    return RuntimeError(
        f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
    )


@public("linalg.norm")
def linalg_norm(
    A: Tensor,
    ord: Any = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """The norm of a vector or a matrix.

    Args:
        A: floating point or complex tensor.
        ord: a number, inf, "fro" or "nuc"; None is the 2-norm of all elements.
        dim: one dimension for vectors, two for matrices (default: by the rank of `A`).
        keepdim: keep them with size 1.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.norm(torch.tensor([1.0, -2.0]), 1)
        tensor(3.)
    """
    need_tensor("linalg_norm", A)
    if ord is None:
        if dim is not None and isinstance(dim, (tuple, list)) and len(dim) not in (1, 2):
            raise _one_or_two(dim)
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dim is None and A._data.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A._data.ndim}D."
        )
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if isinstance(dim, (tuple, list)) and len(dim) not in (1, 2):
        raise _one_or_two(dim)
    if isinstance(ord, str) or pair or (dim is None and A._data.ndim == 2):
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


@public("linalg.matrix_norm")
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """The norm of matrices in two dimensions of a tensor.

    Args:
        A: at least two dimensions.
        ord: "fro" (root of the sum of squares), 1 or -1 (of column sums), inf or -inf (of row
            sums), 2, -2 or "nuc" (of singular values).
        dim: the two dimensions.
        keepdim: keep them with size 1.

    Raises:
        RuntimeError: fewer than two dimensions, or an unknown `ord`.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.matrix_norm(torch.tensor([[3.0, 4.0]]))
        tensor(5.)
    """
    usual = type(A) is Tensor and A._data.ndim == 2 and A._data.dtype.kind == "f" and A._data.size
    usual = usual and keepdim is False and out is dtype is None and type(dim) is tuple
    if usual and ord == "fro" and dim == (-2, -1):
        return _lane(A, ((0, 1), False, 2.0))
    need_tensor("linalg_matrix_norm", A)
    if A._data.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    if ord not in ("fro", "nuc", 1, -1, 2, -2, INF, -INF):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if A.dtype.category < 2 and dtype is None:
        raise RuntimeError(
            errors.hinted(
                "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got "
                + legacy(A),
                hint="convert it first, as in x.float()",
            )
        )
    dim = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dim) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}"
        )
    if dtype is not None:
        A = _converted("linalg.matrix_norm", A, dtype)
    rows, cols = (errors.checked_dim(d, A._data.ndim) for d in dim)
    if rows == cols:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({rows}, {cols})")
    if ord == "fro":
        made = vector_norm(A, 2, (rows, cols), keepdim)
    elif ord in (1, -1, INF, -INF):
        along, over = (rows, cols) if abs(ord) == 1 else (cols, rows)
        sums = vector_norm(A, 1, along, keepdim)
        last = over if keepdim or over < along else over - 1
        made = _extreme(sums, ord > 0, last, keepdim)
    else:
        made = _of_singular_values(A, ord, rows, cols, keepdim)
    return given_out("linalg_matrix_norm", out, made)


def _extreme(x: Tensor, largest: bool, dim: int, keepdim: bool) -> Tensor:
    """The largest (smallest) along a dimension; 0 of no elements."""
    if x._data.shape[dim] == 0 and largest:
        return OPS.sum(x, (dim,), keepdim)
    return (OPS.amax if largest else OPS.amin)(x, (dim,), keepdim)


def _of_singular_values(A: Tensor, ord: Any, rows: int, cols: int, keepdim: bool) -> Tensor:
    if A._data.dtype.itemsize == 2:
        raise RuntimeError(
            "linalg.matrix_norm: Low precision dtypes not supported. Got "
            f"{errors.LEGACY[A.dtype.name]}\nHint: convert it first, as in x.float()"
        )
    if "linalg.svdvals" not in PUBLIC:
        load("linalg.decompose")
    values = PUBLIC["linalg.svdvals"](movedim(A, (rows, cols), (-2, -1)))
    if ord == "nuc":
        made = values.sum(-1)
    else:
        made = _extreme(values, ord > 0, values.ndim - 1, False)
    for d in sorted((rows, cols)) if keepdim else ():
        made = OPS.unsqueeze(made, d)
    return made
