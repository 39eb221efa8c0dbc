"""Sums of products by labels: einsum, tensordot, kron.

`contract` is the one op: two operands whose dimensions carry labels, summed over the labels that
the
result has not. Its derivatives are contractions again. Whatever else an equation says (diagonals,
labels of one operand, sizes of 1 that stretch) is done before with sums and views.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ... import dtypes, errors
from ..._state import S
from ...core.declare import SAME, bilinear, linear, public, spelled
from ...core.lanes import one_lane
from ...core.primitive import F32, F64, cast, given_out
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import linalg as kernels
from ..fast import Lane
from .products import need, outer

Ints = tuple[int, ...]

_contract = bilinear(
    "contract",
    kernels.contract,
    a=lambda xp, g, b, a_dims, b_dims, out_dims: xp.contract(g, b, out_dims, b_dims, a_dims),
    b=lambda xp, g, a, a_dims, b_dims, out_dims: xp.contract(a, g, a_dims, out_dims, b_dims),
    names=("_contract",),
    method=False,
    grad_fn="ViewBackward0",
    doc="The sum of products of a and b over the labels that both have and the result has not.",
)


# ---------------------------------------------------------------- einsum


@public("einsum")
def einsum(*args: Any) -> Tensor:
    """The sum of products that an equation over labels says, as in "ij,jk->ik".

    Args:
        equation: labels of every operand's dimensions, separated by commas; after "->" those of the
            result (default: in alphabetical order those that come once). "..." stands for any
            dimensions, which broadcast.
        operands: tensors; or, without an equation, tensors each followed by a list of label
        numbers,
            and last perhaps the list of the result.

    Returns:
        The result. A label that comes twice in one operand takes its diagonal.

    Raises:
        RuntimeError: the equation is malformed or does not fit the operands.

    Example:
        >>> import chainrule as torch
        >>> torch.einsum("ij,j->i", torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1]))
        tensor([3, 7])
    """
    if not args:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    if len(args) == 3 and type(args[0]) is str and type(args[1]) is type(args[2]) is Tensor:
        code = _code_of_pair(args[0], args[1]._data.shape, args[2]._data.shape)
        if code is not None:
            return OPS.contract(args[1], args[2], *code)
    if isinstance(args[0], Tensor):
        labels, output, operands = _from_lists(args)
    else:
        operands = (
            list(args[1])
            if len(args) == 2 and isinstance(args[1], (list, tuple))
            else list(args[1:])
        )
        if not isinstance(args[0], str):
            raise errors.wrong_kind("einsum", "equation", "str", args[0])
        if not operands:
            raise ValueError(
                "einsum(): must specify the equation string and at least one operand, or at least "
                "one operand and its subscripts list"
            )
        labels, output = _parse(args[0], len(operands))
    for i, t in enumerate(operands):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("einsum", "tensors", i + 2, t)
    dims = [
        _expanded(s, t._data.ndim, i) for i, (s, t) in enumerate(zip(labels, operands, strict=True))
    ]
    wanted = _result_dims(labels, dims, output)
    sizes = _sizes(operands, dims)
    return _contracted([_plain(t, d) for t, d in zip(operands, dims, strict=True)], wanted, sizes)


@lru_cache(maxsize=1024)
def _code_of_pair(equation: str, a: Ints, b: Ints) -> tuple[Ints, Ints, Ints] | None:
    """The labels of a plain contraction of two operands; None where more is to be done, or said."""
    left, arrow, out = equation.replace(" ", "").partition("->")
    first, _, second = left.partition(",")
    both = first + second
    if not (first + second + out + "a").isalpha() or not both.isascii():
        return None
    if not arrow:
        out = "".join(sorted(c for c in set(both) if both.count(c) == 1))
    if any(len(set(s)) != len(s) for s in (first, second, out)) or set(out) - set(both):
        return None
    if len(first) != len(a) or len(second) != len(b):
        return None
    sizes = dict(zip(first, a, strict=True))
    for c, n in zip(second, b, strict=True):
        if sizes.setdefault(c, n) != n:
            return None
    if set(first) - set(second + out) or set(second) - set(first + out):
        return None
    names = {c: i for i, c in enumerate(dict.fromkeys(both))}
    return tuple(tuple(names[c] for c in s) for s in (first, second, out))  # type: ignore[return-value]


def _from_lists(args: tuple[Any, ...]) -> tuple[list[list[Any]], Any, list[Any]]:
    def letters(numbers: Any) -> list[Any]:
        made: list[Any] = []
        for n in numbers:
            if n is Ellipsis:
                made.append("...")
            elif not 0 <= n < 52:
                raise ValueError(f"einsum(): subscript {n} is not within the valid range [0, 52)")
            else:
                made.append(chr(ord("A") + n) if n < 26 else chr(ord("a") + n - 26))
        return made

    pairs = len(args) // 2
    output = letters(args[-1]) if len(args) % 2 else None
    return (
        [letters(args[2 * i + 1]) for i in range(pairs)],
        output,
        [args[2 * i] for i in range(pairs)],
    )


def _parse(equation: str, count: int) -> tuple[list[list[str]], list[str] | None]:
    """The labels of every operand and of the result (None: not said)."""
    left, arrow, right = equation.partition("->")
    labels: list[list[str]] = [[]]
    i = 0
    while i < len(left):
        c = left[i]
        if c == ",":
            labels.append([])
            if len(labels) > count:
                raise RuntimeError(
                    "einsum(): fewer operands were provided than specified in the equation"
                )
        elif c == ".":
            if left[i : i + 3] != "..." or "..." in labels[-1]:
                raise RuntimeError(
                    f"einsum(): found '.' for operand {len(labels) - 1} that is not part of "
                    "any ellipsis"
                )
            labels[-1].append("...")
            i += 2
        elif c != " ":
            labels[-1].append(_letter(c, i))
        i += 1
    if len(labels) < count:
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    if not arrow:
        return labels, None
    return labels, _parse_output(right, len(left) + 2)


def _letter(c: str, at: int) -> str:
    if not (c.isascii() and c.isalpha()):
        raise RuntimeError(
            f"einsum(): invalid subscript given at index {at} in the equation string, "
            "subscripts must "
            "be in [a-zA-Z]"
        )
    return c


def _parse_output(text: str, start: int) -> list[str]:
    made: list[str] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == ".":
            if text[i : i + 3] != "..." or "..." in made:
                raise RuntimeError(
                    "einsum(): found '.' for output but an ellipsis (...) was already found"
                )
            made.append("...")
            i += 2
        elif c != " ":
            if c in made:
                raise RuntimeError(
                    f"einsum(): output subscript {c} appears more than once in the output"
                )
            made.append(_letter(c, start + i))
        i += 1
    return made


def _expanded(labels: list[str], ndim: int, number: int) -> list[Any]:
    """Labels with the ellipsis as numbers, -1 the last dimension it covers."""
    plain = len(labels) - ("..." in labels)
    if plain > ndim or ("..." not in labels and plain != ndim):
        none = (
            " and no ellipsis was given"
            if "..." not in labels
            else " even after accounting for the ellipsis"
        )
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({plain}) "
            f"{'does not match' if '...' not in labels else 'is more than'} the number of "
            "dimensions "
            f"({ndim}) for operand {number}{none}"
        )
    covered = list(range(plain - ndim, 0))
    return [d for s in labels for d in (covered if s == "..." else [s])]


def _result_dims(
    labels: list[list[str]], dims: list[list[Any]], output: list[str] | None
) -> list[Any]:
    rank = max((sum(isinstance(d, int) for d in own) for own in dims), default=0)
    covered = list(range(-rank, 0))
    if output is None:
        flat = [s for own in labels for s in own if s != "..."]
        return covered + sorted({s for s in flat if flat.count(s) == 1})
    seen = {s for own in labels for s in own}
    for s in output:
        if s != "..." and s not in seen:
            raise RuntimeError(
                f"einsum(): output subscript {s} does not appear in the equation for any input "
                "operand"
            )
    return [d for s in output for d in (covered if s == "..." else [s])]


def _sizes(operands: list[Tensor], dims: list[list[Any]]) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for i, (t, own) in enumerate(zip(operands, dims, strict=True)):
        mine: dict[Any, int] = {}
        for d, n in zip(own, t._data.shape, strict=True):
            if mine.setdefault(d, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {d} is repeated for operand {i} but the sizes don't "
                    "match, "
                    f"{n} != {mine[d]}"
                )
            have = sizes.get(d, 1)
            if have != 1 and n not in (1, have):
                raise RuntimeError(
                    f"einsum(): subscript {d} has size {n} for operand {i} which does not "
                    "broadcast "
                    f"with previously seen size {have}"
                )
            sizes[d] = have if n == 1 else n
    return sizes


def _plain(t: Tensor, dims: list[Any]) -> tuple[Tensor, list[Any]]:
    """Diagonals of labels that come twice."""
    dims = list(dims)
    for d in dict.fromkeys(dims):
        while dims.count(d) > 1:
            i = dims.index(d)
            j = dims.index(d, i + 1)
            t = OPS.diagonal(t, 0, i, j)
            dims = [*dims[:i], *dims[i + 1 : j], *dims[j + 1 :], d]
    return t, dims


def _contracted(
    parts: list[tuple[Tensor, list[Any]]], wanted: list[Any], sizes: dict[Any, int]
) -> Tensor:
    """Contract from left to right, summing a label as soon as nobody needs it."""
    t, dims = parts[0]
    for i, (other, its) in enumerate(parts[1:], 1):
        later = {d for _, own in parts[i + 1 :] for d in own} | set(wanted)
        t, dims = _pair(t, dims, other, its, later, sizes)
    if len(parts) > 1:
        t, dims = _summed(t, dims, set(wanted))
        return t if dims == wanted else OPS.permute(t, tuple(dims.index(d) for d in wanted))
    gone = [d for d in dims if d not in wanted]
    t = OPS.permute(t, tuple(dims.index(d) for d in wanted + gone))
    return OPS.sum(t, tuple(range(len(wanted), len(dims))), False) if gone else t


def _summed(t: Tensor, dims: list[Any], needed: set[Any]) -> tuple[Tensor, list[Any]]:
    gone = tuple(i for i, d in enumerate(dims) if d not in needed)
    return (OPS.sum(t, gone, False), [d for d in dims if d in needed]) if gone else (t, dims)


def _pair(
    a: Tensor,
    a_dims: list[Any],
    b: Tensor,
    b_dims: list[Any],
    later: set[Any],
    sizes: dict[Any, int],
) -> tuple[Tensor, list[Any]]:
    """The contraction of two operands, after what concerns only one of them is summed."""
    a, a_dims = _squeezed(a, a_dims, b_dims, b)
    b, b_dims = _squeezed(b, b_dims, a_dims, a)
    a, a_dims = _summed(a, a_dims, later | set(b_dims))
    b, b_dims = _summed(b, b_dims, later | set(a_dims))
    out = [d for d in a_dims if d in later] + [d for d in b_dims if d in later and d not in a_dims]
    numbers = {d: i for i, d in enumerate(dict.fromkeys(a_dims + b_dims))}
    code = [tuple(numbers[d] for d in dims) for dims in (a_dims, b_dims, out)]
    return OPS.contract(a, b, *code), out


def _squeezed(
    t: Tensor, dims: list[Any], others: list[Any], other: Tensor
) -> tuple[Tensor, list[Any]]:
    """Without the dimensions of size 1 that stretch to the other operand's size."""
    gone = [
        i
        for i, d in enumerate(dims)
        if t._data.shape[i] == 1 and d in others and other._data.shape[others.index(d)] != 1
    ]
    for i in reversed(gone):
        t = OPS.squeeze(t, i)
    return t, [d for i, d in enumerate(dims) if i not in gone]


# the ellipsis labels have sizes too, so nothing else is needed for broadcasting
@spelled(_contract)
def _contract_spelled(a: Any, b: Any, a_dims: Ints, b_dims: Ints, out_dims: Ints) -> Any:
    if a._data.dtype != b._data.dtype:
        if {*a_dims, *b_dims} - set(out_dims):
            raise RuntimeError(
                f"expected scalar type {errors.LEGACY[a.dtype.name]} but found "
                f"{errors.LEGACY[b.dtype.name]}"
            )
        common = dtypes.promote_types(a.dtype, b.dtype)  # nothing is summed: it is a product
        a, b = cast(a, common), cast(b, common)
    return _contract.prim.call(a, b, params=(tuple(a_dims), tuple(b_dims), tuple(out_dims)))


# ---------------------------------------------------------------- tensordot, kron


@public("tensordot")
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Tensor:
    """Sums of products over several dimensions of two tensors.

    Args:
        a, b: tensors of one dtype.
        dims: how many (the last of `a` with the first of `b`), or two lists of dimensions.

    Returns:
        The remaining dimensions of `a`, then those of `b`.

    Raises:
        RuntimeError: sizes that do not match.

    Example:
        >>> import chainrule as torch
        >>> torch.tensordot(torch.ones(2, 3), torch.ones(3, 4), dims=1).shape
        torch.Size([2, 4])
    """
    if type(dims) is int and dims == 1 and type(a) is Tensor is type(b) and S.mode is None:
        x, y = a._data, b._data
        fits = x.ndim == 2 == y.ndim and x.dtype is y.dtype is F32 and x.shape[1] == y.shape[0]
        if fits and a._node is None is b._node and out is None:
            return wrap(kernels.matmul(x, y))
    need("tensordot", a, b)
    n, m = a._data.ndim, b._data.ndim
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(n, m):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(-dims, 0)), list(range(dims))
    else:
        if not isinstance(dims, (tuple, list)):
            raise RuntimeError(
                "tensordot expects dims to be int or tuple[list[int], list[int]] or "
                f"list[list[int]] containing two lists, but got dims={dims}"
            )
        first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    made = _tensordot(a, b, first, second)
    return given_out("tensordot", out, made)


def _tensordot(a: Tensor, b: Tensor, first: list[int], second: list[int]) -> Tensor:
    n, m = a._data.ndim, b._data.ndim
    pairs = [
        (errors.checked_dim(i, n), errors.checked_dim(j, m))
        for i, j in zip(first, second, strict=True)
    ]
    a_dims, b_dims = list(range(n)), list(range(n, n + m))
    for at, (i, j) in enumerate(pairs):
        p, q = a._data.shape[i], b._data.shape[j]
        if p != q and p != 1 and q != 1:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {p} in dim "
                f"{first[at]} and "
                f"second has size {q} in dim {second[at]}"
            )
        if p != q:
            a, b = (OPS.sum(a, (i,), True), b) if q == 1 else (a, OPS.sum(b, (j,), True))
        b_dims[j] = i
    shared = {i for i, _ in pairs}
    out = [d for d in a_dims if d not in shared] + [d for d in b_dims if d not in shared]
    return OPS.contract(a, b, tuple(a_dims), tuple(b_dims), tuple(out))


_flat_lane = one_lane(OPS._unsafe_view.prim)


@public("kron", method=True)
def kron(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
    """The Kronecker product: every element of `input` times all of `other`.

    Example:
        >>> import chainrule as torch
        >>> torch.kron(torch.tensor([1, 2]), torch.tensor([1, 10]))
        tensor([ 1, 10,  2, 20])
    """
    if S.mode is None and out is None and type(input) is Tensor and type(other) is Tensor:
        x, y = input._data, other._data
        if x.dtype is y.dtype is F32:
            p, q = x.shape, y.shape
            if input._node is None is other._node and len(p) == len(q) != 0:
                return wrap(kernels.kron(x, y, p, q))
            if len(p) == 1 == len(q):
                return _flat_lane(outer(input, other), ((p[0] * q[0],),))
    need("kron", input, other)
    n = max(input._data.ndim, other._data.ndim)
    a = (1,) * (n - input._data.ndim) + input._data.shape
    b = (1,) * (n - other._data.ndim) + other._data.shape
    if S.mode is None and out is None and input._node is None and other._node is None:
        x, y = input._data, other._data
        if n and x.dtype is y.dtype and (x.dtype is F32 or x.dtype is F64):
            return wrap(kernels.kron(x, y, a, b))
    left = OPS.reshape(input, tuple(s for d in a for s in (d, 1)))
    right = OPS.reshape(other, tuple(s for d in b for s in (1, d)))
    shape = tuple(p * q for p, q in zip(a, b, strict=True))
    made = OPS._unsafe_view.prim.call(OPS.mul(left, right), params=(shape,))
    return given_out("kron", out, made)


# ---------------------------------------------------------------- cross, trace

_cross = bilinear(
    "linalg_cross",
    kernels.cross,
    a=lambda xp, g, b, dim: xp.linalg_cross(b, g, dim),
    b=lambda xp, g, a, dim: xp.linalg_cross(g, a, dim),
    names=("linalg.cross",),
    method=False,
    broadcasts=True,
    promote=SAME,
    doc="The vector product along `dim`.",
)
_trace = linear(
    "trace",
    kernels.trace,
    lambda xp, g, x_shape: xp.diagonal_backward(xp.expand(g, (min(x_shape),)), x_shape, 0, 0, 1),
    doc="The sum of the main diagonal of a matrix.",
)
_trace_lane, _cross_lane = one_lane(_trace.prim), Lane(_cross)


@spelled(_cross)
def linalg_cross(input: Any, other: Any, dim: int = -1, *, out: Any = None) -> Any:
    if out is None and S.mode is None and type(input) is Tensor and type(other) is Tensor:
        shape = input._data.shape
        plain = shape == other._data.shape and input._data.dtype is other._data.dtype
        if plain and type(dim) is int and -len(shape) <= dim < len(shape):
            at = dim % len(shape)
            if shape[at] == 3:
                return _cross_lane.pair(input, other, (at,))
    need("linalg_cross", input, other)
    errors.need_same_dtype(input, other)
    n, m = input._data.ndim, other._data.ndim
    if n != m:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    at = errors.checked_dim(dim, n)
    p, q = input._data.shape[at], other._data.shape[at]
    if p != 3 or q != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {p} and {q}"
        )
    return _cross.prim.call(input, other, params=(at,), out=out)


@public("cross", method=True)
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Any = None) -> Tensor:
    """The vector product of vectors of 3 numbers along `dim` (default: the first of size 3).

    Example:
        >>> import chainrule as torch
        >>> torch.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]), dim=0)
        tensor([0, 0, 1])
    """
    need("cross", input, other)
    if dim is None:
        shape = input._data.shape
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = shape.index(3)
    return linalg_cross(input, other, dim, out=out)


@spelled(_trace)
def trace(input: Any) -> Any:
    if type(input) is Tensor and input._data.dtype is F32 and input._data.ndim == 2:
        return _trace_lane(input, ())
    need("trace", input)
    if input._data.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input._data.ndim}")
    if input.dtype.name == "bool":
        raise NotImplementedError("\"trace\" not implemented for 'Bool'")
    return _trace_lane(input, ())
