"""Linear layers, and weighted sums of products: addmm and its kin.

While an interpreter runs, a linear layer is composed of `matmul` and a sum, so that interpreters
have
one op to know; otherwise it is one op, one node, as in PyTorch (`AddmmBackward0`).
"""

from __future__ import annotations

from typing import Any

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.declare import METHODS, bilinear, general, public, spelled
from ...core.interpreter import casting, lowered
from ...core.lanes import pair_lane
from ...core.node import LEAF, next_k
from ...core.primitive import F32, F64, INSTEAD, cast
from ...core.record import OPS, GeneralNode, record, version_of
from ...core.tensor import Tensor, wrap
from ...kernels import linalg as kernels
from ...kernels.blas import LONG, MANY, product
from ...kernels.reduce import sum as sum_kernel
from ..reduce.sums import legacy
from .products import matmul, matmul_a, matmul_b, mismatch, need, need_batches, size_of

Ints = tuple[int, ...]
_new = object.__new__

# ---------------------------------------------------------------- weighted sums of products


def _added(xp: Any, g: Any, beta: Any) -> Any:
    return g if beta == 1 else g * beta


def _times(g: Any, alpha: Any) -> Any:
    return g if alpha == 1 else g * alpha


def _product_a(xp: Any, g: Any, b: Any, a_shape: Ints, b_shape: Ints, alpha: Any) -> Any:
    return matmul_a(xp, _times(g, alpha), b, a_shape, b_shape)


def _product_b(xp: Any, g: Any, a: Any, a_shape: Ints, b_shape: Ints, alpha: Any) -> Any:
    return matmul_b(xp, _times(g, alpha), a, a_shape, b_shape)


def _sum_of(name: str, product: Any, a: Any, b: Any, doc: str) -> Any:
    def kernel(input: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
        made = product(a, b)
        return kernels.weighted(
            input, made.astype(input.dtype) if made.dtype != input.dtype else made, beta, alpha
        )

    return general(
        name,
        kernels.added_product if product is kernels.matmul else kernel,
        ("input", "a", "b"),
        rules={"input": _added, "a": a, "b": b},
        broadcasts=True,
        holomorphic=True,
        has_inplace=True,
        doc=doc,
    )


_addmm = _sum_of(
    "addmm", kernels.matmul, _product_a, _product_b, "beta input + alpha (a @ b) of matrices."
)
_addmv = _sum_of(
    "addmv", kernels.matmul, _product_a, _product_b, "beta input + alpha (a @ b), b a vector."
)
_baddbmm = _sum_of(
    "baddbmm", kernels.matmul, _product_a, _product_b, "beta input + alpha (a @ b) of batches."
)


def _batch_sum(a: Any, b: Any) -> Any:
    """The sum of a @ b over a batch: one product of the matrices side by side."""
    (count, n, k), (_, k2, m) = a.shape, b.shape
    return kernels.matmul(a.transpose(1, 0, 2).reshape(n, count * k), b.reshape(count * k2, m))


_addr = _sum_of(
    "addr",
    kernels.outer,
    lambda xp, g, b, alpha: xp.matmul(_times(g, alpha), b),
    lambda xp, g, a, alpha: xp.matmul(xp.transpose(_times(g, alpha), 0, 1), a),
    "beta input + alpha a b^T of vectors.",
)
_addbmm = _sum_of(
    "addbmm",
    _batch_sum,
    lambda xp, g, b, alpha: xp.contract(_times(g, alpha), b, (1, 3), (0, 2, 3), (0, 1, 2)),
    lambda xp, g, a, alpha: xp.contract(a, _times(g, alpha), (0, 1, 2), (1, 3), (0, 2, 3)),
    "beta input + alpha (sum of a @ b over the batch).",
)


def _need_matrix(a: Tensor, b: Tensor) -> None:
    for i, t in enumerate((a, b)):
        if t._data.ndim != 2:
            raise RuntimeError(f"mat{i + 1} must be a matrix, got {t._data.ndim}-D tensor")
    if a._data.shape[1] != b._data.shape[0]:
        raise mismatch(a._data.shape, b._data.shape)


def _need_matrix_vector(a: Tensor, b: Tensor) -> None:
    n, m = a._data.ndim, b._data.ndim
    if n != 2 or m != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {n}, {m}")
    if a._data.shape[1] != b._data.shape[0]:
        raise mismatch(a._data.shape, b._data.shape)


def _need_vector_pair(a: Tensor, b: Tensor) -> None:
    for i, t in enumerate((a, b)):
        if t._data.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument vec{i + 1}, but got {t._data.ndim}-D")


def _check_added(x: Tensor, shape: Ints) -> None:
    have = x._data.shape
    if have == shape:
        return
    extra = len(shape) - len(have)
    if extra >= 0 and have == shape[extra:]:
        return
    if extra >= 0 and all(n in (1, m) for n, m in zip(have, shape[extra:], strict=True)):
        return
    OPS.expand(x.detach(), shape)  # says in PyTorch's words what does not fit


_SUMS: dict[str, tuple[Any, Any, tuple[str, str], Any]] = {
    "addmm": (_addmm, _need_matrix, ("mat1", "mat2"), lambda a, b: (a[0], b[1])),
    "addmv": (_addmv, _need_matrix_vector, ("mat", "vec"), lambda a, b: (a[0],)),
    "addr": (_addr, _need_vector_pair, ("vec1", "vec2"), lambda a, b: (a[0], b[0])),
    "baddbmm": (_baddbmm, need_batches, ("batch1", "batch2"), lambda a, b: (a[0], a[1], b[2])),
    "addbmm": (_addbmm, need_batches, ("batch1", "batch2"), lambda a, b: (a[1], b[2])),
}


def _checked_sum(
    op: str, input: Any, a: Any, b: Any, named: dict[str, Any]
) -> tuple[Any, Any, Any]:
    _, fits, names, result = _SUMS[op]
    if named:
        a, b = named.pop(names[0], a), named.pop(names[1], b)
        if named:
            raise TypeError(f"{op}() got an unexpected keyword argument '{next(iter(named))}'")
    need(op, input, a, b, names=("input", *names))
    fits(a, b)
    for t in (a, b):
        dtype = t._data.dtype
        if dtype is not input._data.dtype and dtype != input._data.dtype and op != "addr":
            raise RuntimeError(
                f"self and {names[1]} must have the same dtype, but got {legacy(input)} and "
                f"{legacy(t)}"
            )
    _check_added(input, result(a._data.shape, b._data.shape))
    return input, a, b


_RANKS = {"addmm": (2, 2), "addmv": (2, 1), "baddbmm": (3, 3), "addr": (1, 1), "addbmm": (3, 3)}
_REAL = (int, float)


def _short_sum(
    prim: Any, ranks: Ints, input: Any, a: Any, b: Any, beta: Any, alpha: Any
) -> Tensor | None:
    """The usual call, whose sizes NumPy checks; None where something must be looked at first."""
    if not (type(input) is Tensor and type(a) is Tensor and type(b) is Tensor):
        return None
    x, y, z = input._data, a._data, b._data
    dtype = x.dtype
    if dtype is not y.dtype or dtype is not z.dtype or (y.ndim, z.ndim) != ranks:
        return None
    if not (dtype is F32 or dtype is F64) or (z.ndim == 3 and len(y) != len(z)):
        return None
    if not beta or type(beta) not in _REAL or type(alpha) not in _REAL:
        return None
    try:
        r = wrap(prim.kernel(x, y, z, beta, alpha))
    except ValueError:
        return None
    tracked = input._node is not None or a._node is not None or b._node is not None
    if tracked and (S.grad or grad_enabled()):
        record(prim, (r,), (input, a, b), (beta, alpha), x.shape == r._data.shape)
    return r


def _promoted(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """In their common dtype: the one sum that takes operands of several."""
    if len({t._data.dtype for t in operands}) == 1:
        return operands
    dims = [t.dtype for t in operands if t._data.ndim]
    zeros = [t.dtype for t in operands if not t._data.ndim]
    common = dtypes.result_type_of(dims, zeros, [])
    return tuple(cast(t, common) for t in operands)


def _no_truth(operands: tuple[Any, ...], **factors: Any) -> None:
    for name, factor in factors.items():
        if isinstance(factor, bool) and operands[0].dtype.category:
            raise RuntimeError(f"Boolean {name} only supported for Boolean results.")


def _spell_sum(op: str) -> None:
    prim = _SUMS[op][0].prim
    ranks = _RANKS.get(op)

    def spelling(
        input: Any,
        a: Any = None,
        b: Any = None,
        *,
        beta: Any = 1,
        alpha: Any = 1,
        out: Any = None,
        **named: Any,
    ) -> Any:
        if ranks is not None and S.mode is None and out is None and not named:
            made = _short_sum(prim, ranks, input, a, b, beta, alpha)
            if made is not None:
                return made
        operands = _checked_sum(op, input, a, b, named)
        if op == "addr":
            operands = _promoted(operands)
            _no_truth(operands, beta=beta, alpha=alpha)
        errors.need_number(op, beta=beta, alpha=alpha)
        if out is not None:
            return prim.call(*operands, params=(beta, alpha), out=out)
        return prim.call(*operands, params=(beta, alpha))

    plain = METHODS[op + "_"]

    def method(
        self: Any, a: Any = None, b: Any = None, *, beta: Any = 1, alpha: Any = 1, **named: Any
    ) -> Any:
        operands = _checked_sum(op, self, a, b, named)
        errors.need_number(op + "_", beta=beta, alpha=alpha)
        if op == "addr":
            wide = max((t.dtype for t in operands), key=lambda d: d.category)
            if wide.category > self.dtype.category:
                raise errors.not_castable(wide, self.dtype)
        return plain(*operands, beta, alpha)

    spelling.__name__, method.__name__ = op, op + "_"
    spelled(_SUMS[op][0])(spelling)
    METHODS[op + "_"] = method


for _name in _SUMS:
    _spell_sum(_name)


# ---------------------------------------------------------------- linear layers


def _linear_b(xp: Any, g: Any, a: Any, a_shape: Ints, b_shape: Ints) -> Any:
    if len(a_shape) == 1:
        return xp.unsqueeze(g, 1) * a
    if len(a_shape) > 2:
        rows = size_of(a_shape[:-1])
        a, g = xp.reshape(a, (rows, a_shape[-1])), xp.reshape(g, (rows, b_shape[0]))
    return xp.matmul(xp.transpose(g, 0, 1), a)


def _linear_a(xp: Any, g: Any, b: Any, a_shape: Ints, b_shape: Ints) -> Any:
    return xp.matmul(g, b)


_linear = bilinear(
    "linear",
    kernels.linear,
    a=_linear_a,
    b=_linear_b,
    names=("_linear",),
    method=False,
    grad_fn="MmBackward0",
    doc="x @ weight^T.",
)


def _affine(name: str, grad_fn: str) -> Any:
    return general(
        name,
        lambda bias, input, weight: kernels.affine(bias, input, weight),
        ("bias", "input", "weight"),
        rules={
            "bias": lambda xp, g: g,
            "input": lambda xp, g, weight: xp.matmul(g, weight),
            "weight": lambda xp, g, input, input_shape, weight_shape: _linear_b(
                xp, g, input, input_shape, weight_shape
            ),
        },
        names=("_" + name,),
        method=False,
        broadcasts=True,
        holomorphic=True,
        grad_fn=grad_fn,
        doc="x @ weight^T + bias.",
    )


_affine_rows = _affine("affine", "AddmmBackward0").prim
_affine_any = _affine("affine_any", "ViewBackward0").prim


def _affine_jvp(primals: Any, tangents: Any, params: Any, outs: Any) -> list[Any]:
    (_, x, weight), (db, dx, dweight) = primals, tangents
    parts = [
        None if dx is None else OPS.linear(dx, weight),
        None if dweight is None else OPS.linear(x, dweight),
        None if db is None else OPS.expand(db, outs[0]._data.shape),
    ]
    total = None
    for part in parts:
        total = part if total is None else total if part is None else total + part
    return [total]


_affine_rows.jvp = _affine_any.jvp = _affine_jvp


class AffineNode(GeneralNode):
    """The node of a linear layer on rows (`nn.Linear`): `GeneralNode` with its `raw` written
    out."""

    __slots__ = ()
    prim = _affine_rows

    def raw(self, g: Any, keep: bool) -> Any:
        (weight, x, _, (n, k)), (eb, ei, ew) = self.s0, self.e
        if (weight is not None and weight._vc is not None and weight._vc[0] != self.v0[0]) or (
            x is not None and x._vc is not None and x._vc[0] != self.v0[1]
        ):
            return GeneralNode.raw(self, g, keep)  # which says what is wrong
        if not keep:
            self.release()
        m, gb = len(g), None if eb is None else sum_kernel(g, (0,))
        if m * n * k <= MANY and m <= LONG and n <= LONG:
            gx = None if ei is None else g.dot(weight._data)
            return gb, gx, None if ew is None else g.T.dot(x._data)
        gx = None if ei is None else product(g, weight._data)
        return gb, gx, None if ew is None else product(g.T, x._data)


AffineNode.__name__ = AffineNode.__qualname__ = _affine_rows.grad_fn


def _affine_lane(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """`x @ weight.T + bias` for float32 and float64, recorded in line: the hot path of networks."""
    a, w, b = x._data, weight._data, bias._data
    shape = p, q = w.shape
    small = len(a) * p * q <= MANY and q <= LONG
    made = a.dot(w.T) if small else kernels.rows_times(a, w)
    made += b
    r = wrap(made)
    eb, ei, ew = bias._node, x._node, weight._node
    if (eb is not None or ei is not None or ew is not None) and (S.grad or grad_enabled()):
        n: Any = _new(AffineNode)
        n.k, n.hooks, n.p, n.v1 = next_k(), None, (), None
        n.e = (bias if eb is LEAF else eb, x if ei is LEAF else ei, weight if ew is LEAF else ew)
        kept, rows = (None if ei is None else weight), (None if ew is None else x)
        n.s0 = (kept, rows, a.shape, shape)
        n.v0 = (
            0 if kept is None else version_of(kept),
            0 if rows is None else version_of(rows),
            0,
            0,
        )
        n.s1 = (b.shape, a.shape, shape)
        r._node = n
    return r


_linear_rows = pair_lane(_linear.prim, "MmBackward0")
_linear_row = pair_lane(_linear.prim, "SqueezeBackward4")
_linear_any = pair_lane(_linear.prim, "UnsafeViewBackward0")


@public("nn.functional.linear")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer: input @ weight^T + bias.

    Args:
        input: shape (*, k).
        weight: shape (m, k), or (k,).
        bias: shape (m,); None for none.

    Returns:
        Shape (*, m), or (*,) for a weight of one dimension.

    Raises:
        RuntimeError: sizes or dtypes that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.linear(torch.ones(2, 3), torch.ones(1, 3), torch.ones(1))
        tensor([[4.],
                [4.]])
    """
    if bias is not None and S.mode is None and _matrices(input, weight, bias):
        return _affine_lane(bias, input, weight)
    if S.mode is not None:
        input, weight, bias = lowered(input, weight, bias)
    if not _usual(input, weight, bias) or (INSTEAD and (input.is_sparse or weight.is_sparse)):
        return _composed(input, weight, bias)
    rank = input._data.ndim
    if bias is None:
        lane = _linear_rows if rank == 2 else _linear_row if rank == 1 else _linear_any
        return (lane if S.mode is None else lane.general)(input, weight)
    if S.mode is not None:
        return (_affine_rows if rank == 2 else _affine_any).call(bias, input, weight)
    prim = _affine_rows if rank == 2 else _affine_any
    return prim.evaluate((bias, input, weight))


def _matrices(x: Any, weight: Any, bias: Any) -> bool:
    """Whether these are tensors in float32 or float64 that fit, `x` in rows: the usual case."""
    try:
        x, weight, bias = x._data, weight._data, bias._data
    except AttributeError:  # no tensors
        return False
    dtype = x.dtype
    return (
        x.ndim == 2
        and weight.ndim == 2
        and (dtype is F32 or dtype is F64)
        and weight.dtype is dtype
        and bias.dtype is dtype
        and x.shape[1] == weight.shape[1]
        and bias.shape == weight.shape[:1]
    )


def _usual(x: Any, weight: Any, bias: Any) -> bool:
    """Whether these are tensors that fit, and the weight is a matrix."""
    if not (isinstance(x, Tensor) and isinstance(weight, Tensor)):
        return False
    x, weight = x._data, weight._data
    if x.dtype != weight.dtype or weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[1]:
        return False
    if bias is not None:
        if not isinstance(bias, Tensor) or bias._data.dtype != x.dtype:
            return False
        return bias._data.shape == weight.shape[:1] and bool(x.dtype.kind != "b")
    return bool(x.dtype.kind != "b")


def _one_dtype(x: Tensor, weight: Tensor, bias: Tensor) -> None:
    if casting():
        return
    for name, t in (("mat1", x), ("self", bias)):
        if t._data.dtype != weight._data.dtype:
            raise RuntimeError(
                errors.hinted(
                    f"{name} and mat2 must have the same dtype, but got "
                    f"{errors.LEGACY[t.dtype.name]} and {errors.LEGACY[weight.dtype.name]}",
                    f"input: {x.dtype}, weight: {weight.dtype}, bias: {bias.dtype}",
                    hint="products do not promote; convert one operand, as in x.to(weight.dtype)",
                )
            )


def _composed(x: Any, weight: Any, bias: Any) -> Any:
    """The same of `matmul` and `+`: for weights of one dimension, and to say what is wrong."""
    need("linear", x, weight, names=("input", "weight"))
    n, m = x._data.ndim, weight._data.ndim
    if not n or not m:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {n}D and {m}D"
        )
    if m > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {m}D")
    if m == 1 and bias is not None:
        raise RuntimeError("mat2 must be a matrix, got 1-D tensor")
    a, b = x._data.shape, weight._data.shape[::-1]
    if m == 2 and x._data.dtype == weight._data.dtype and a[-1] != b[0]:
        raise RuntimeError(
            errors.hinted(
                f"mat1 and mat2 shapes cannot be multiplied ({size_of(a[:-1])}x{a[-1]} and "
                f"{b[0]}x{b[1]})",
                f"input: {list(a)}, weight: {list(b[::-1])}",
                hint=f"the layer takes {b[0]} features, the last dimension of the input has "
                f"{a[-1]}",
            )
        )
    if bias is not None:
        need("linear", x, weight, bias, names=("input", "weight", "bias"))
        _one_dtype(x, weight, bias)
    made = matmul(x, OPS.transpose(weight, 0, 1) if m == 2 else weight)
    if bias is None:
        return made
    if bias._data.ndim <= 1 < made._data.ndim + 1 and bias._data.shape not in ((), (1,), b[1:]):
        OPS.expand(bias.detach(), made._data.shape)
    return made + bias
