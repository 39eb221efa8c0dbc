"""Products of vectors, matrices and batches: matmul, its special cases, inner and outer products.

`matmul` is one op for all ranks; `mm`, `mv`, `dot`, `bmm` are the same op under stricter checks.
Only
the name of the node differs (`MmBackward0`, `MvBackward0`, ...), as PyTorch shows it. Linear layers
and weighted sums of products are in `ops/linalg/affine.py`, contractions by labels (einsum,
tensordot) in `ops/linalg/einsum.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import METHODS, bilinear, general, public, spelled
from ...core.interpreter import composing, current
from ...core.lane_nodes import _checked
from ...core.lanes import bare, pair_lane
from ...core.primitive import F32, F64, given_out
from ...core.record import OPS, sum_to
from ...core.tensor import Tensor, wrap
from ...kernels import linalg as kernels
from ..reduce.sums import legacy

Ints = tuple[int, ...]

# ---------------------------------------------------------------- matmul


def matmul_a(xp: Any, g: Any, b: Any, a_shape: Ints, b_shape: Ints) -> Any:
    """The vjp of a @ b in a: g b^T, with the cases of vectors and broadcast batches."""
    na, nb = len(a_shape), len(b_shape)
    if nb == 1:
        return g * b if na == 1 else xp.unsqueeze(g, na - 1) * b
    if na > 1:
        return sum_to(xp, xp.matmul(g, xp.transpose(b, nb - 2, nb - 1)), a_shape)
    if nb == 2:
        return xp.matmul(b, g)
    parts = xp.matmul(b, xp.unsqueeze(g, nb - 1))
    return sum_to(xp, xp.reshape(parts, b_shape[:-1]), a_shape)


def matmul_b(xp: Any, g: Any, a: Any, a_shape: Ints, b_shape: Ints) -> Any:
    """The vjp of a @ b in b: a^T g, with the cases of vectors and broadcast batches."""
    na, nb = len(a_shape), len(b_shape)
    if na == 1:
        if nb == 1:
            return g * a
        return xp.outer(a, g) if nb == 2 else xp.unsqueeze(a, 1) * xp.unsqueeze(g, nb - 2)
    if nb > 2:
        return sum_to(xp, xp.matmul(xp.transpose(a, na - 2, na - 1), g), b_shape)
    if na > 2:  # one matrix for all rows of all batches
        rows = size_of(a_shape[:-1])
        a, g = xp.reshape(a, (rows, a_shape[-1])), xp.reshape(g, (rows, *b_shape[1:]))
    return xp.matmul(g, a) if nb == 1 else xp.matmul(xp.transpose(a, 0, 1), g)


def size_of(shape: Ints) -> int:
    """The number of elements of a shape."""
    n = 1
    for d in shape:
        n *= d
    return n


_matmul = bilinear(
    "matmul",
    kernels.matmul,
    a=matmul_a,
    b=matmul_b,
    grad_fn="MmBackward0",
    aliases=("linalg.matmul",),
    doc="Sums of products over the last dimension of a and the last but one of b; d = da @ b + "
    "a @ db.",
)
METHODS.pop("linalg.matmul", None)


def _matmul_rows(node: Any, g: Any, edges: Any) -> Any:
    """The two cotangents for many cotangents g, for vectors and matrices of real numbers."""
    if g.dtype.kind == "c" or type(edges) is not tuple or len(node.p) != 2:
        return None  # a node of the general path keeps no shapes
    a_shape, b_shape = node.p
    found = _ROWS_OF_PRODUCTS.get((len(a_shape), len(b_shape)))
    if found is None:
        return None
    return (
        None if edges[0] is None else found[0](g, _checked(node, "b", node.s1, node.v1)._data),
        None if edges[1] is None else found[1](g, _checked(node, "a", node.s0, node.v0)._data),
    )


_ROWS_OF_PRODUCTS: dict[Any, Any] = {
    (1, 1): (lambda g, b: g[:, None] * b, lambda g, a: g[:, None] * a),
    (2, 1): (lambda g, b: g[:, :, None] * b, kernels.matmul),
    (1, 2): (lambda g, b: kernels.matmul(g, b.T), lambda g, a: a[:, None] * g[:, None, :]),
    (2, 2): (lambda g, b: kernels.matmul(g, b.T), lambda g, a: kernels.matmul(a.T, g)),
}
_matmul.prim.rows = _matmul_rows
_dot, _mv, _mm, _bmm, _batched, _folded = (
    pair_lane(_matmul.prim, title + "Backward0")
    for title in ("Dot", "Mv", "Mm", "Bmm", "UnsafeView", "Clone")
)
_vm = pair_lane(_matmul.prim, "SqueezeBackward4")
_LANES = {(1, 1): _dot, (2, 1): _mv, (1, 2): _vm, (2, 2): _mm}
_LANES |= dict.fromkeys(((3, 3), (3, 2), (3, 1), (4, 4), (4, 3), (4, 2), (1, 3)), _batched)


@spelled(_matmul)
def matmul(input: Any, other: Any = None, *, out: Any = None) -> Any:
    if S.mode is None and out is None and type(input) is Tensor and type(other) is Tensor:
        x, y = input._data, other._data
        dtype = x.dtype
        if dtype is y.dtype and (dtype is F32 or dtype is F64):
            lane = _LANES.get((x.ndim, y.ndim))
            if lane is not None:
                try:
                    return lane(input, other)
                except ValueError:
                    raise mismatch(x.shape, y.shape) from None
    return _any_matmul(input, other, out)


def _any_matmul(a: Any, b: Any, out: Any) -> Any:
    need("matmul", a, b)
    x, y = a._data, b._data
    if not x.ndim or not y.ndim:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, but they are "
            f"{x.ndim}D and {y.ndim}D\nHint: a 0-d tensor is multiplied with *"
        )
    if x.dtype != y.dtype and not (S.mode is not None and getattr(current(), "casts", False)):
        raise unequal_dtypes(a, b)
    if x.dtype.kind == "b":
        raise _no_bool(a, b)
    lane = _LANES.get((x.ndim, y.ndim))
    if lane is None:
        lane = _folded if x.ndim == 2 and a._node is not None else _batched
    return _product(a, b, lane, out)


def _product(a: Tensor, b: Tensor, lane: Any, out: Any) -> Any:
    if S.mode is not None or out is not None:
        _check_matmul(a._data.shape, b._data.shape)
        if out is not None or composing():
            return _matmul.prim.call(a, b, out=out)
        return lane.general(a, b)
    try:
        return lane(a, b)
    except ValueError:
        raise mismatch(a._data.shape, b._data.shape) from None
    except NotImplementedError:  # a sparse operand: the general way knows products of those
        return _matmul.prim.call(a, b)


METHODS["__matmul__"] = lambda self, other: (
    matmul(self, other) if isinstance(other, Tensor) else _operator(self, other, False)
)
METHODS["__rmatmul__"] = lambda self, other: (
    matmul(other, self) if isinstance(other, Tensor) else _operator(self, other, True)
)


def _operator(x: Tensor, other: Any, swapped: bool) -> Any:
    if not isinstance(other, np.ndarray):
        return NotImplemented
    y = wrap(np.array(other))
    return matmul(y, x) if swapped else matmul(x, y)


# ---------------------------------------------------------------- what does not fit


def need(op: str, *operands: Any, names: tuple[str, ...] = ("input", "other")) -> None:
    """TypeError in PyTorch's words when an operand is no tensor."""
    for i, t in enumerate(operands):
        if not isinstance(t, Tensor):
            raise errors.wrong_type(op, names[i], i + 1, t)


def _fits(a: Ints, b: Ints) -> bool:
    if a[-1] != (b[-2] if len(b) > 1 else b[0]):
        return False
    pairs = zip(reversed(a[:-2]), reversed(b[:-2]), strict=False)
    return all(m == n or m == 1 or n == 1 for m, n in pairs)


def _check_matmul(a: Ints, b: Ints) -> None:
    if not _fits(a, b):
        raise mismatch(a, b)


def mismatch(a: Ints, b: Ints) -> RuntimeError:
    """Shapes that cannot be multiplied, in PyTorch's words for these ranks."""
    return RuntimeError(
        errors.hinted(
            _mismatch_sentence(a, b),
            f"shapes: {list(a)} @ {list(b)}",
            hint="the last dimension of the first must be the last but one (or only one) of "
            "the second; "
            "transpose one of them?",
        )
    )


def _mismatch_sentence(a: Ints, b: Ints) -> str:
    if len(b) == 1:
        if len(a) == 1:
            return (
                f"inconsistent tensor size, expected tensor {list(a)} and src {list(b)} to "
                "have the "
                f"same number of elements, but got {a[0]} and {b[0]} elements respectively"
            )
        rows = size_of(a[:-1])
        return f"size mismatch, got input ({rows}), mat ({rows}x{a[-1]}), vec ({b[0]})"
    if len(a) == 1 and len(b) > 2:
        rows = size_of(b) // max(b[-2], 1)
        return f"size mismatch, got input ({rows}), mat ({rows}x{b[-2]}), vec ({a[0]})"
    if len(b) == 2:
        return (
            f"mat1 and mat2 shapes cannot be multiplied ({size_of(a[:-1])}x{a[-1]} and "
            f"{b[0]}x{b[1]})"
        )
    if len(a) == 2:
        rows = size_of(b) // max(b[-2], 1)
        return f"mat1 and mat2 shapes cannot be multiplied ({rows}x{b[-2]} and {a[1]}x{a[0]})"
    return _batch_sentence(a, b)


def _batch_sentence(a: Ints, b: Ints) -> str:
    rank = max(len(a), len(b)) - 2
    first = (1,) * (rank + 2 - len(a)) + a[:-2]
    second = (1,) * (rank + 2 - len(b)) + b[:-2]
    count = 1
    for dim, (m, n) in reversed(list(enumerate(zip(first, second, strict=True)))):
        if m != n and m != 1 and n != 1:
            return (
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) at "
                "non-singleton "
                f"dimension {dim}"
            )
        count *= max(m, n) if m and n else 0
    return (
        f"Expected size for first two dimensions of batch2 tensor to be: [{count}, {a[-1]}] but "
        f"got: [{count}, {b[-2]}]."
    )


_C_NAMES = {
    "float32": "float",
    "float64": "double",
    "int64": "long int",
    "int32": "int",
    "int16": "short int",
    "int8": "signed char",
    "uint8": "unsigned char",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
}


def unequal_dtypes(a: Tensor, b: Tensor) -> RuntimeError:
    """Operands of two dtypes, in PyTorch's words for their ranks."""
    na, nb = a._data.ndim, b._data.ndim
    if na == 1 and nb == 1:
        first = (
            f"dot : expected both vectors to have same dtype, but found {legacy(a)} and {legacy(b)}"
        )
    elif nb == 1:
        first = (
            f"addmv input tensors must have the same dtype, but got {legacy(b)}, {legacy(a)}, and "
            + legacy(b)
        )
    elif nb == 2 or na <= 2:
        names = [_C_NAMES.get(t.dtype.name, t.dtype.name) for t in (a, b)]
        first = f"expected m1 and m2 to have the same dtype, but got: {names[0]} != {names[1]}"
    else:
        first = f"expected scalar type {legacy(a)} but found {legacy(b)}"
    return RuntimeError(
        errors.hinted(
            first,
            f"dtypes: {a.dtype} @ {b.dtype}",
            hint="products do not promote; convert one operand, as in x.to(w.dtype)",
        )
    )


def _no_bool(a: Tensor, b: Tensor) -> NotImplementedError:
    ranks = (a._data.ndim, b._data.ndim)
    kernel = {(1, 1): "dot", (2, 1): "addmv_impl_cpu", (3, 3): "bmm"}.get(ranks, "addmm_impl_cpu_")
    return NotImplementedError(
        f"\"{kernel}\" not implemented for 'Bool'\nHint: convert them: x.int()"
    )


# ---------------------------------------------------------------- mm, mv, dot, bmm, vdot


def _strict(a: Tensor, b: Tensor, lane: Any, out: Any) -> Any:
    """The product of operands whose ranks have been checked."""
    x, y = a._data, b._data
    if x.dtype != y.dtype and not (S.mode is not None and getattr(current(), "casts", False)):
        raise unequal_dtypes(a, b)
    if x.dtype.kind == "b":
        raise _no_bool(a, b)
    return _product(a, b, lane, out)


@public("mm", method=True)
def mm(input: Tensor, mat2: Tensor, *, out: Any = None) -> Tensor:
    """The product of two matrices.

    Args:
        input: shape (n, k).
        mat2: shape (k, m), of the same dtype.

    Returns:
        Shape (n, m).

    Raises:
        RuntimeError: no matrices, sizes that do not fit, two dtypes.

    Example:
        >>> import chainrule as torch
        >>> torch.mm(torch.ones(2, 3), torch.ones(3, 1))
        tensor([[3.],
                [3.]])
    """
    if S.mode is None and out is None and type(input) is Tensor and type(mat2) is Tensor:
        x, y = input._data, mat2._data
        if x.dtype is y.dtype is F32 and x.ndim == y.ndim == 2 and x.shape[1] == y.shape[0]:
            return _mm(input, mat2)
    need("mm", input, mat2, names=("input", "mat2"))
    for name, t in (("self", input), ("mat2", mat2)):
        if t._data.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix\nshape: {list(t._data.shape)}")
    return _strict(input, mat2, _mm, out)


@public("mv", method=True)
def mv(input: Tensor, vec: Tensor, *, out: Any = None) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,): shape (n,).

    Example:
        >>> import chainrule as torch
        >>> torch.mv(torch.ones(2, 3), torch.ones(3))
        tensor([3., 3.])
    """
    need("mv", input, vec, names=("input", "vec"))
    n, m = input._data.ndim, vec._data.ndim
    if n != 2 or m != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {n}, {m}")
    return _strict(input, vec, _mv, out)


@public("dot", method=True)
def dot(input: Tensor, tensor: Tensor, *, out: Any = None) -> Tensor:
    """The sum of the products of two vectors' elements (complex ones are not conjugated).

    Example:
        >>> import chainrule as torch
        >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
        tensor(7)
    """
    if S.mode is None and out is None and type(input) is Tensor and type(tensor) is Tensor:
        x, y = input._data, tensor._data
        dtype = x.dtype
        if (
            dtype is y.dtype and (dtype is F32 or dtype is F64)
            and x.ndim == 1 and x.shape == y.shape
        ):  # fmt: skip
            return _dot(input, tensor)
    need("dot", input, tensor, names=("input", "tensor"))
    _need_vectors(input, tensor)
    return _strict(input, tensor, _dot, out)


def _need_vectors(a: Tensor, b: Tensor) -> None:
    n, m = a._data.ndim, b._data.ndim
    if n != 1 or m != 1:
        raise RuntimeError(f"1D tensors expected, but got {n}D and {m}D tensors")


@public("bmm", method=True)
def bmm(input: Tensor, mat2: Tensor, *, out: Any = None) -> Tensor:
    """The products of matrices in two batches: (b, n, k) and (b, k, m) give (b, n, m).

    Example:
        >>> import chainrule as torch
        >>> torch.bmm(torch.ones(2, 1, 3), torch.ones(2, 3, 1)).flatten()
        tensor([3., 3.])
    """
    if S.mode is None and out is None and type(input) is Tensor and type(mat2) is Tensor:
        x, y = input._data, mat2._data
        dtype = x.dtype
        if dtype is y.dtype and (dtype is F32 or dtype is F64) and x.ndim == 3 and y.ndim == 3:
            n, k, _ = y.shape
            if n == x.shape[0] and k == x.shape[2]:
                return _bmm(input, mat2)
    need("bmm", input, mat2, names=("input", "mat2"))
    need_batches(input, mat2)
    return _strict(input, mat2, _bmm, out)


def need_batches(a: Tensor, b: Tensor) -> None:
    """Refuse operands of bmm that are not batches of matrices."""
    for i, t in enumerate((a, b)):
        if t._data.ndim != 3:
            raise RuntimeError(f"batch{i + 1} must be a 3D tensor\nshape: {list(t._data.shape)}")
    x, y = a._data.shape, b._data.shape
    if x[0] != y[0] or x[2] != y[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{x[0]}, {x[2]}] but "
            f"got: [{y[0]}, {y[1]}]."
        )


def _vdot_kernel(a: Any, b: Any) -> Any:
    return kernels.matmul(a.conjugate() if a.dtype.kind == "c" else a, b)


_vdot = general(
    "vdot",
    _vdot_kernel,
    ("a", "b"),
    rules={"a": lambda xp, g, b: xp.conj(g) * b, "b": lambda xp, g, a: g * a},
    doc="The sum of conj(a) b of two vectors.",
)


_vdot_lane = pair_lane(_vdot.prim, "VdotBackward0")


@spelled(_vdot)
def vdot(input: Any, other: Any, *, out: Any = None) -> Any:
    if S.mode is None and out is None and type(input) is Tensor and type(other) is Tensor:
        x, y = input._data, other._data
        dtype = x.dtype
        if (
            dtype is y.dtype and (dtype is F32 or dtype is F64)
            and x.ndim == 1 and x.shape == y.shape
        ):  # fmt: skip
            return _vdot_lane(input, other)
    need("vdot", input, other)
    _need_vectors(input, other)
    if input._data.dtype != other._data.dtype:
        raise RuntimeError(unequal_dtypes(input, other).args[0].replace("dot :", "vdot :"))
    if input._data.shape != other._data.shape:
        raise mismatch(input._data.shape, other._data.shape)
    return _vdot.prim.call(input, other, out=out)


@public("linalg.vecdot")
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Any = None) -> Tensor:
    """The sum of conj(x) y along `dim`, for all vectors of a batch.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.vecdot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
        tensor(11.)
    """
    need("linalg_vecdot", x, y, names=("x", "y"))
    _check_vecdot(x, y)
    if type(dim) is not int:
        errors.need_int("linalg_vecdot", dim=dim)
    if x._data.ndim == y._data.ndim == 1:
        errors.checked_dim(dim, 1)
        return vdot(x, y, out=out)
    made = (OPS.conj(x) * y).sum(dim)
    return given_out("linalg_vecdot", out, made)


def _check_vecdot(x: Tensor, y: Tensor) -> None:
    if x.dtype.category < 2:
        raise RuntimeError(
            errors.hinted(
                "linalg.vecdot: Expected a floating point or complex tensor as input. Got "
                + legacy(x),
                hint="convert it first, as in x.float()",
            )
        )
    if x._data.dtype != y._data.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{legacy(x)} and y of type {legacy(y)} instead"
        )


@public("linalg.diagonal")
def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices: `torch.diagonal` of the last two dimensions.

    Example:
        >>> import chainrule as torch
        >>> torch.linalg.diagonal(torch.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])
    """
    need("linalg_diagonal", A, names=("A",))
    return OPS.diagonal(A, offset, dim1, dim2)


# ---------------------------------------------------------------- inner and outer products


@public("outer", "ger", method=True)
def outer(input: Tensor, vec2: Tensor, *, out: Any = None) -> Tensor:
    """All products of elements of two vectors: (n,) and (m,) give (n, m).

    Example:
        >>> import chainrule as torch
        >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])
    """
    if S.mode is None and out is None and type(input) is Tensor is type(vec2):
        x, y = input._data, vec2._data
        if x.dtype is y.dtype is F32 and x.ndim == 1 == y.ndim:
            return _outer_lane(input, vec2)
    need("outer", input, vec2, names=("input", "vec2"))
    for name, t in (("self", input), ("vec2", vec2)):
        if t._data.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {t._data.ndim}-D")
    if out is None and not composing() and input._data.dtype == vec2._data.dtype:
        return (_outer_lane if S.mode is None else _outer_lane.general)(input, vec2)
    return OPS.mul(OPS.reshape(input, (input._data.size, 1)), vec2, out=out)


_outer = bilinear(
    "outer",
    kernels.outer,
    a=lambda xp, g, b: xp.matmul(g, b),
    b=lambda xp, g, a: xp.matmul(a, g),
    grad_fn="MulBackward0",
    names=("_outer",),
    method=False,
    doc="All products a[i] b[j].",
)
_outer_lane = pair_lane(_outer.prim, "MulBackward0")


METHODS["ger"] = outer


@public("inner", method=True)
def inner(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
    """Sums of products over the last dimension of both; the product when one is 0-d.

    Args:
        input: shape (*A, k).
        other: shape (*B, k).

    Returns:
        Shape (*A, *B).

    Example:
        >>> import chainrule as torch
        >>> torch.inner(torch.tensor([1, 2]), torch.tensor([[3, 4], [5, 6]]))
        tensor([11, 17])
    """
    need("inner", input, other)
    x, y = input._data, other._data
    if not x.ndim or not y.ndim:
        return OPS.mul(input, other, out=out)
    if x.dtype != y.dtype:
        raise RuntimeError("both inputs should have same dtype")
    if x.shape[-1] != y.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    if out is None and x.ndim <= 2 and y.ndim <= 2 and bare(input, other):
        return wrap(kernels.matmul(x, y.T))
    left, right = tuple(range(1, x.ndim)), tuple(range(x.ndim, x.ndim + y.ndim - 1))
    made = OPS.contract(input, other, (*left, 0), (*right, 0), left + right)
    return given_out("inner", out, made)
