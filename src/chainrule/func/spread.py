"""What each op does to index sets: which elements of its result depend on which of its operands'.

By kind: an elementwise op unites element by element; an op that moves elements is applied to their
numbers; a reduction unites over its dimensions; a product of matrices over what is summed. Ops that
are none of these are in the tables by name, and what no table knows is dense: every element of the
result depends on everything. So a set may be too large, never too small. Constants are looked at in
two places: the zeros of a constant matrix in `matmul`, and of a constant weight in convolutions.
Called by `func/index_sets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.primitive import REGISTRY, Primitive
from ..core.tensor import Tensor

__all__ = ["spread"]

Ints = np.ndarray[Any, Any]


class Call:
    """One call of an op, as the rules here see it.

    Attributes:
        prim, params: the op and its static parameters (`p[name]` by name).
        values: the operands; shapes: their shapes. sets: their index sets, None for constants.
        out: the shape of the (first) output.
    """

    def __init__(
        self, prim: Primitive, values: Sequence[Any], sets: Sequence[Any], params: Any, out: Any
    ) -> None:
        self.prim, self.values, self.sets, self.params = prim, values, sets, params
        self.shapes = [tuple(t.shape) if isinstance(t, Tensor) else () for t in values]
        self.p = dict(zip(prim.params, params, strict=False))
        self.out = out

    @property
    def size(self) -> int:
        """The number of elements of the result."""
        return int(np.prod(self.out))

    def array(self, i: int) -> Any:
        """A constant operand."""
        t = self.values[i]
        return t._data if isinstance(t, Tensor) else t

    def stretched(self, i: int) -> Any:
        """The sets of operand `i` (of this shape), broadcast to the result; None for a constant."""
        sets = self.sets[i]
        return None if sets is None else self.broadcast(sets, self.shapes[i])

    def broadcast(self, sets: Any, shape: Any) -> Any:
        """Sets of a value of this shape, broadcast to the result."""
        if tuple(shape) == tuple(self.out):
            return sets
        return sets.take(np.broadcast_to(numbers(shape), self.out))


def numbers(shape: Any) -> Ints:
    """Every element's number."""
    return np.arange(int(np.prod(shape))).reshape(shape)


def united(parts: Sequence[Any]) -> Any:
    """The union of sets, element by element; None if all are."""
    total = None
    for part in parts:
        if part is not None:
            total = part if total is None else total | part
    return total


def spread(
    prim: Any, values: Sequence[Any], sets: Sequence[Any], params: Any, outs: Sequence[Any]
) -> list[Any]:
    """The sets of the outputs of one call; None for what does not depend on the input."""
    if all(s is None for s in sets) or not prim.differentiable:
        return [None] * len(outs)
    found = []
    for number, o in enumerate(outs):
        shape = tuple(o.shape) if isinstance(o, Tensor) else ()
        call = Call(prim, values, sets, params, shape)
        rule = RULES.get(prim.name) or KINDS.get(prim.kind, dense)
        found.append(rule(call, number) if isinstance(o, Tensor) else None)
    return found


# ---------------------------------------------------------------- by kind


def dense(call: Call, number: int) -> Any:
    """Everything depends on everything."""
    parts = [s.onto(np.zeros(len(s), int), 1) for s in call.sets if s is not None]
    return united(parts).take(np.zeros(call.size, int))


def elementwise(call: Call, number: int) -> Any:
    """Union of what broadcasts to the same element, of the operands that have a derivative."""
    rules = call.prim.rules
    joint = call.prim.joint or len(rules) != len(call.sets)
    return united(
        [call.stretched(i) for i in range(len(call.sets)) if joint or rules[i] is not None]
    )


def moved(call: Call, number: int) -> Any:
    """The op applied to the elements' numbers."""
    made = call.prim.kernel(numbers(call.shapes[0]), *call.params)
    made = np.asarray(made[number] if call.prim.several else made)
    fits = made.dtype.kind == "i" and made.shape == call.out
    return call.sets[0].take(made) if fits else dense(call, number)


def placed(call: Call, number: int) -> Any:
    """The same for an op that fills the rest with zeros."""
    made = np.asarray(call.prim.kernel(numbers(call.shapes[0]) + 1, *call.params))
    return call.sets[0].take(made - 1)


def same(call: Call, number: int) -> Any:
    """The first operand's, element by element."""
    return call.stretched(0)


def reduced(call: Call, number: int) -> Any:
    """Union over `dim` (None or missing: all)."""
    sets, shape = call.sets[0], call.shapes[0]
    return over(sets, shape, call.p.get("dim"))[0]


def over(sets: Any, shape: Any, dim: Any) -> tuple[Any, tuple[int, ...]]:
    """Sets united over dimensions, and the shape with those of size 1."""
    dims = range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = {d % max(len(shape), 1) for d in dims}
    kept = tuple(1 if i in dims else n for i, n in enumerate(shape))
    target = np.broadcast_to(numbers(kept), shape)
    return sets.onto(target, int(np.prod(kept))), kept


def along(call: Call, number: int) -> Any:
    """Each element depends on its whole line along `dim`."""
    parts = []
    for sets, shape in zip(call.sets, call.shapes, strict=True):
        if sets is not None:
            parts.append(call.broadcast(*over(sets, shape, call.p.get("dim"))))
    return united(parts)


KINDS: dict[str, Callable[[Call, int], Any]] = {
    "elementwise": elementwise,
    "movement": moved,
    "reduction": reduced,
}

# ---------------------------------------------------------------- products


def product(call: Call, i: int, j: int, turned: bool = False) -> Any:
    """`matmul` of operands `i` and `j` (the second transposed if `turned`)."""
    a, b = numbers(call.shapes[i]), numbers(call.shapes[j])
    if turned:
        b = b.swapaxes(-1, -2) if b.ndim > 1 else b
    row, column = a.ndim == 1, b.ndim == 1
    a, b = a[None] if row else a, b[:, None] if column else b
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    full = (*batch, a.shape[-2], b.shape[-1])
    out = numbers(full)
    parts = []
    for mine, numbered, k_axis in ((i, a, -1), (j, b, -2)):
        other, other_k = (j, -2) if mine == i else (i, -1)
        if call.sets[mine] is None:
            continue
        matrix = None
        if call.sets[other] is None:
            matrix = np.broadcast_to(call.array(other) != 0, call.shapes[other])
            matrix = matrix.reshape(-1)[b if mine == i else a]
        parts.append(_side(call.sets[mine], numbered, k_axis, matrix, other_k, out))
    return united(parts)


def _side(sets: Any, numbered: Ints, k_axis: int, matrix: Any, other_k: int, out: Ints) -> Any:
    """What one operand brings to each element: the union over the summed dimension, without the
    terms that a zero of the other, constant operand (`matrix`: where it is not zero) takes out."""
    if matrix is None or 2 * np.count_nonzero(matrix) > matrix.size:
        rows, kept = over(sets, numbered.shape, (k_axis,))
        # `over` numbers elements as they lie, so bring them into that order first
        if not np.array_equal(numbered.reshape(-1), np.arange(numbered.size)):
            rows, kept = over(sets.take(numbered), numbered.shape, (k_axis,))
        return rows.take(np.broadcast_to(numbers(kept), out.shape))
    terms = np.moveaxis(numbered, k_axis, -1)[..., :, None, :]
    factors = np.moveaxis(matrix, other_k, -1)[..., None, :, :]
    target = out if k_axis == -1 else out.swapaxes(-1, -2)
    shape = (*target.shape, terms.shape[-1])
    at = np.nonzero(np.broadcast_to(factors, shape))
    source = np.broadcast_to(terms, shape)[at]
    return sets.take(source).onto(target[at[:-1]], out.size)


def matmul(call: Call, number: int) -> Any:
    """a @ b."""
    return product(call, 0, 1)


def linear(call: Call, number: int) -> Any:
    """a @ b^T."""
    return product(call, 0, 1, turned=True)


def affine(call: Call, number: int) -> Any:
    """bias + input @ weight^T."""
    return united([call.stretched(0), product(call, 1, 2, turned=True)])


def added(call: Call, number: int) -> Any:
    """addmm and its kin."""
    return united([call.stretched(0), product(call, 1, 2)])


def outer(call: Call, number: int) -> Any:
    """Rows from a, columns from b."""
    a, b = call.sets
    i, j = (np.broadcast_to(n, call.out) for n in np.ogrid[: call.out[0], : call.out[1]])
    return united([None if a is None else a.take(i), None if b is None else b.take(j)])


def contract(call: Call, number: int) -> Any:
    """A product by labels: unite over the labels that the result has not, stretch the rest."""
    parts = []
    out_dims = call.p["out_dims"]
    for sets, shape, name in zip(call.sets, call.shapes, ("a_dims", "b_dims"), strict=True):
        if sets is None:
            continue
        dims = call.p[name]
        summed = tuple(i for i, d in enumerate(dims) if d not in out_dims)
        rows, kept = over(sets, shape, summed) if summed else (sets, shape)
        left = [d for d in dims if d in out_dims]
        grid = numbers(kept).reshape([n for i, n in enumerate(kept) if i not in summed])
        grid = grid.transpose(sorted(range(len(left)), key=lambda i: out_dims.index(left[i])))
        grid = grid.reshape(
            [n if d in left else 1 for d, n in zip(out_dims, call.out, strict=True)]
        )
        parts.append(rows.take(np.broadcast_to(grid, call.out)))
    return united(parts)


# ---------------------------------------------------------------- reading and writing at indices


def picked(call: Call, number: int) -> Any:
    """The kernel applied to the elements' numbers, with the indices as they are."""
    arrays = [numbers(call.shapes[0]), *[call.array(i) for i in range(1, len(call.values))]]
    made = np.asarray(call.prim.kernel(*arrays, *call.params))
    return call.sets[0].take(made)


def written(call: Call, target: Any, source: int, value_index: Any, keep: bool) -> Any:
    """Operand 0, with operand `source` written at the elements `target`."""
    base = call.stretched(0)
    target = np.asarray(target)
    if base is not None and not keep:
        left = np.arange(call.size)
        left[target.reshape(-1)] = -1
        base = base.take(left)
    sets = call.sets[source]
    if sets is None:
        return base
    return united([base, sets.take(value_index).onto(target, call.size)])


def index_put(call: Call, number: int) -> Any:
    """Writing where `index` would read."""
    indices = [call.array(i) for i in range(2, 10)]
    read: Any = REGISTRY["index"].kernel
    target = np.asarray(read(numbers(call.shapes[0]), *indices, call.p["dims"]))
    values = np.broadcast_to(numbers(call.shapes[1]), target.shape)
    return written(call, target, 1, values, bool(call.p["accumulate"]))


def _scatter(keep: bool) -> Any:
    def rule(call: Call, number: int) -> Any:
        index = np.asarray(call.array(1))
        read: Any = REGISTRY["gather"].kernel
        target = np.asarray(read(numbers(call.shapes[0]), index, call.p["dim"]))
        values = numbers(call.shapes[2])[tuple(map(slice, index.shape))]
        return written(call, target, 2, values, keep)

    return rule


def _index_write(keep: bool) -> Any:
    def rule(call: Call, number: int) -> Any:
        read: Any = REGISTRY["index_select"].kernel
        target = np.asarray(read(numbers(call.shapes[0]), call.array(1), call.p["dim"]))
        return written(call, target, 2, numbers(call.shapes[2]), keep)

    return rule


def _region(reader: str) -> Any:
    """Writing where the view op `reader` would read."""

    def rule(call: Call, number: int) -> Any:
        read: Any = REGISTRY[reader].kernel
        target = np.asarray(read(numbers(call.shapes[0]), *call.params))
        return written(call, target, 1, numbers(call.shapes[1]), False)

    return rule


def masked(call: Call, number: int) -> Any:
    """`masked_fill` with a number."""
    mask = np.broadcast_to(call.array(1), call.out)
    left = np.where(mask, -1, np.broadcast_to(numbers(call.shapes[0]), call.out))
    return call.sets[0].take(left)


def unfold_backward(call: Call, number: int) -> Any:
    """Every window back to where it was read."""
    read: Any = REGISTRY["unfold"].kernel
    target = read(numbers(call.p["shape"]), call.p["dimension"], call.p["size"], call.p["step"])
    return call.sets[0].onto(target, call.size)


def trace(call: Call, number: int) -> Any:
    """The diagonal."""
    return (
        call.sets[0]
        .take(np.diagonal(numbers(call.shapes[0])))
        .onto(np.zeros(min(call.shapes[0]), int), 1)
    )


# ---------------------------------------------------------------- several operands, losses, norms


def joined(call: Call, number: int) -> Any:
    """`cat`, `stack`, `block_diag`: the kernel applied to the numbers of all operands."""
    some = next(s for s in call.sets if s is not None)
    empty = type(some)
    parts = [
        empty(np.zeros(int(np.prod(shape)) + 1, int), some.cols[:0], some.n) if s is None else s
        for s, shape in zip(call.sets, call.shapes, strict=True)
    ]
    starts = np.cumsum([1] + [len(p) for p in parts])
    arrays = [numbers(s) + at for s, at in zip(call.shapes, starts, strict=False)]
    made = np.asarray(call.prim.kernel(arrays, *call.params))
    return empty.joined(parts).take(made - 1)


def loss(call: Call, number: int) -> Any:
    """Element by element without reduction, else everything."""
    shapes = [s for s, t in zip(call.shapes, call.values, strict=True) if isinstance(t, Tensor)]
    whole = tuple(np.broadcast_shapes(*shapes))
    return elementwise(call, number) if call.out == whole else dense(call, number)


def layer_norm(call: Call, number: int) -> Any:
    """Each row by itself; weight and bias element by element."""
    shape = call.shapes[0]
    dims = range(len(shape) - call.p["rank"], len(shape))
    parts = []
    if call.sets[0] is not None:
        rows, kept = over(call.sets[0], shape, tuple(dims))
        parts.append(rows if len(rows) == call.size else call.broadcast(rows, kept))
    if number == 0:
        parts += [call.stretched(i) for i in (1, 2)]
    return united(parts)


def _table() -> dict[str, Callable[[Call, int], Any]]:
    by_rule: list[tuple[Callable[[Call, int], Any], str]] = [
        (same, "to_dtype conj conj_physical real imag index_fill fill_diagonal"),
        (placed, "select_backward slice_backward diagonal_backward diag_embed tril triu"),
        (dense, "_view_dtype view_as_real view_as_complex"),
        (reduced, "sum mean prod var_mean std_mean aminmax max_dim min_dim kthvalue mode "
                  "median_dim nanmedian_dim median nanmedian"),
        (along, "softmax log_softmax cumsum cumprod logcumsumexp cummax cummin sort topk glu "
                "recurrence fft_c2c"),
        (elementwise, "complex polar copy masked_fill_tensor"),
        (lambda call, number: call.stretched(1), "fill"),
        (matmul, "matmul"), (linear, "linear"), (affine, "affine affine_any"),
        (added, "addmm addmv baddbmm"), (outer, "outer"), (contract, "contract"),
        (picked, "index gather index_select take masked_select embedding embedding_gather"),
        (index_put, "index_put_canonical"),
        (_scatter(False), "scatter"), (_scatter(True), "scatter_add scatter_reduce"),
        (_index_write(False), "index_copy"), (_index_write(True), "index_add"),
        (_region("select"), "select_scatter"), (_region("slice"), "slice_scatter"),
        (_region("diagonal"), "diagonal_scatter"),
        (masked, "masked_fill"), (unfold_backward, "unfold_backward"), (trace, "trace"),
        (joined, "cat stack block_diag"), (layer_norm, "native_layer_norm"),
        (loss, "mse_loss huber_loss smooth_l1_loss soft_margin_loss binary_cross_entropy "
               "binary_cross_entropy_with_logits"),
    ]  # fmt: skip
    return {name: rule for rule, names in by_rule for name in names.split()}


RULES = _table()
