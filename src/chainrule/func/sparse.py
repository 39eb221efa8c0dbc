"""`jacobian_sparse` and `hessian_sparse`: derivatives with few entries, in few products.

A matrix whose columns mostly share no row is known from few products: columns of one colour are
added up and come out of one `jvp` (rows: one `vjp`). The pattern comes from a run of the function
on index sets (`func/index_sets.py`), the colours from `func/colouring.py`; the products of all
colours are one `vmap`. Called by users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import errors
from .._state import set_grad
from ..core.record import OPS
from ..core.tensor import Tensor, wrap
from ..core.vmap import name_of, vmap
from .arguments import positions, transformed
from .colouring import alone, columns, star
from .index_sets import Sets, Tracing
from .linear import jvp_of, vjp_of
from .reverse import grad

__all__ = ["SparseDerivative", "SparsityPattern", "hessian_sparse", "jacobian_sparse"]

Ints = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class SparsityPattern:
    """Where a matrix may be different from zero.

    Attributes:
        rows, cols: int64 arrays with the places, row by row.
        shape: (rows, columns) of the matrix.
    """

    def __init__(self, rows: Any, cols: Any, shape: tuple[int, int]) -> None:
        keys = np.unique(np.asarray(rows, np.int64) * max(shape[1], 1) + np.asarray(cols, np.int64))
        self.rows, self.cols = keys // max(shape[1], 1), keys % max(shape[1], 1)
        self.shape = shape

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"SparsityPattern({self.shape[0]} x {self.shape[1]}, {len(self)} entries)"

    def same(self, other: SparsityPattern | None) -> bool:
        """Whether the other one has the same entries."""
        return (
            other is not None
            and self.shape == other.shape
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.cols, other.cols)
        )

    def to_dense(self) -> Tensor:
        """A boolean matrix."""
        made = np.zeros(self.shape, bool)
        made[self.rows, self.cols] = True
        return wrap(made)

    def symmetric(self) -> SparsityPattern:
        """Together with its transpose."""
        rows, cols = np.append(self.rows, self.cols), np.append(self.cols, self.rows)
        return SparsityPattern(rows, cols, self.shape)


class SparseDerivative:
    """A Jacobian or Hessian with its entries only.

    Attributes:
        indices: int64 tensor (2, entries): rows and columns of the matrix whose rows are the
            flattened output's elements and whose columns are the flattened input's.
        values: tensor (entries,); it can be differentiated.
        shape: (rows, columns) of that matrix; out_shape, in_shape: the shapes of output and input.
        pattern: the places, to be given as `pattern=` again.
        colors: the colour of each column (`mode` "forward", "symmetric") or row ("reverse").
        products: how many products with vectors were taken.
        mode: "forward", "reverse" or "symmetric".
    """

    def __init__(self, values: Tensor, plan: _Plan, out_shape: Shape, in_shape: Shape) -> None:
        pattern = plan.pattern
        self.values, self.pattern, self.shape = values, pattern, pattern.shape
        self.indices = wrap(np.stack([pattern.rows, pattern.cols]))
        self.out_shape, self.in_shape = out_shape, in_shape
        self.colors, self.products, self.mode = plan.colours, plan.count, plan.mode

    def __repr__(self) -> str:
        m, n = self.shape
        return (
            f"SparseDerivative({m} x {n}, {len(self.pattern)} entries, "
            f"{self.products} products, {self.mode})"
        )

    def to_dense(self) -> Tensor:
        """The tensor that `jacrev` gives: shape of the output followed by that of the input."""
        m, n = self.shape
        zeros = wrap(np.zeros(m * n, self.values._data.dtype))
        at = wrap(self.pattern.rows * n + self.pattern.cols)
        whole = OPS.scatter(zeros, 0, at, self.values)
        return OPS.reshape(whole, (*self.out_shape, *self.in_shape))

    def to_scipy(self) -> Any:
        """A `scipy.sparse.coo_array` of the matrix.

        Raises:
            ModuleNotFoundError: SciPy is not installed.
        """
        try:
            from scipy.sparse import coo_array
        except ImportError:
            raise ModuleNotFoundError(
                'to_scipy() needs SciPy\nHint: pip install "chainrule[scipy]"', name="scipy"
            ) from None
        at = (self.pattern.rows, self.pattern.cols)
        return coo_array((self.values.detach().numpy(), at), shape=self.shape)


class _Plan:
    """A pattern with its colouring, and how entries are read from the products.

    Attributes:
        count: the number of colours. groups: the colour of each column (row in reverse mode).
        slot, place: entry e is `products[slot[e], place[e]]`.
    """

    def __init__(self, pattern: SparsityPattern, mode: str) -> None:
        self.pattern = pattern
        rows, cols, (m, n) = pattern.rows, pattern.cols, pattern.shape
        if mode == "symmetric":
            colours = star(rows, cols, n)
            direct = alone(rows, cols, colours)
            simple = columns(rows, cols, (m, n))  # greedy colourings: either may be the better one
            if simple.max(initial=-1) <= colours.max(initial=-1):
                colours, direct = simple, np.ones(len(rows), bool)
            self.slot = np.where(direct, colours[cols], colours[rows])
            self.place = np.where(direct, rows, cols)
        else:
            mode, colours = _cheaper(pattern, mode)
            forward = mode == "forward"
            self.slot = colours[cols if forward else rows]
            self.place = rows if forward else cols
        self.mode, self.colours = mode, colours
        self.count = int(colours.max(initial=-1)) + 1

    def seeds(self, shape: Shape, dtype: Any) -> Tensor:
        """One sum of unit vectors for each colour: (count, *shape)."""
        made = np.zeros((self.count, len(self.colours)), dtype)
        used = np.flatnonzero(self.colours >= 0)
        made[self.colours[used], used] = 1
        return wrap(made.reshape(self.count, *shape))

    def read(self, products: Tensor) -> Tensor:
        """The entries, from the products (count, ...)."""
        flat = OPS.reshape(products, (products._data.size,))
        width = products._data.size // max(self.count, 1)
        return OPS.index_select(flat, 0, wrap(self.slot * width + self.place))


def _cheaper(pattern: SparsityPattern, mode: str) -> tuple[str, Ints]:
    rows, cols, (m, n) = pattern.rows, pattern.cols, pattern.shape
    found = {}
    if mode != "reverse":
        found["forward"] = columns(rows, cols, (m, n))
    if mode != "forward":
        found["reverse"] = columns(cols, rows, (n, m))
    best = min(found, key=lambda k: found[k].max(initial=-1))
    return best, found[best]


# ---------------------------------------------------------------- the public functions


def jacobian_sparse(
    func: Callable[..., Any],
    pattern: Any = "auto",
    argnums: int = 0,
    *,
    mode: str = "auto",
    check: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., SparseDerivative]:
    """The function that computes the Jacobian of `func` as a sparse matrix.

    Columns that have no row in common are computed together: as many products with vectors are
    taken as colours are needed, 3 for a tridiagonal Jacobian of any size. All products are one run
    under `vmap` (one after the other where `func` cannot be run so).

    The pattern "auto" is found anew at every call, by following which input elements each element
    of each value depends on. It may be larger than need be (an op that is not known, or a custom
    Function, makes everything depend on everything; both branches of `where` count), and holds for
    the point and the Python branches of that call. It does not see that products of derivatives
    cancel. A pattern that is given is taken as it is at every call.

    Args:
        func: takes tensors, returns one tensor.
        pattern: "auto", or where the matrix (output elements x input elements) may be nonzero: a
            boolean array or tensor of that shape (or the output's shape followed by the input's),
            a SciPy sparse matrix, a pair of index arrays (rows, columns), or the `pattern` of an
            earlier result.
        argnums: which argument.
        mode: "forward" (`jvp`, colours of columns), "reverse" (`vjp`, colours of rows), or "auto":
            the one with fewer colours.
        check: compare with one more product, in a random direction.
        chunk_size: how many products at once (default: all).

    Returns:
        A function of the same arguments that returns a `SparseDerivative`: `indices`, `values`,
        `shape`, `to_dense()`, `to_scipy()`, `colors`, `products`, `pattern`.

    Raises:
        ValueError: an unknown mode; a pattern of another shape.
        TypeError: the argument or the result is no floating point tensor.
        RuntimeError: with `check`, an entry that the pattern has not: row and column are named.

    Example:
        >>> import chainrule as torch
        >>> f = lambda x: x[1:] * x[:-1]
        >>> jacobian = torch.func.jacobian_sparse(f)(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        >>> jacobian
        SparseDerivative(3 x 4, 6 entries, 2 products, forward)
        >>> jacobian.to_dense()
        tensor([[2., 1., 0., 0.],
                [0., 3., 2., 0.],
                [0., 0., 4., 3.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(
            errors.hinted(
                f"jacobian_sparse: unknown mode {mode!r}",
                hint="'forward', 'reverse' or 'auto' (the one that needs fewer products)",
            )
        )
    run = _Run("jacobian_sparse", func, pattern, argnums, mode, check, chunk_size)
    return transformed(func)(lambda *args: run.matrix(*args))


def hessian_sparse(
    func: Callable[..., Any],
    pattern: Any = "auto",
    argnums: int = 0,
    *,
    check: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., SparseDerivative]:
    """The function that computes the Hessian of `func`, which returns one number, as a sparse
    matrix.

    As `jacobian_sparse` of the gradient, with a star colouring: since the matrix is symmetric, an
    entry may be read at either of its two places, which takes fewer products (2 for an arrow of any
    size). A product is one `jvp` of the gradient.

    Args:
        func: takes tensors, returns a 0-d tensor.
        pattern, argnums, check, chunk_size: as in `jacobian_sparse`; a pattern is completed by its
            transpose.

    Returns:
        A function of the same arguments that returns a `SparseDerivative`.

    Raises:
        As `jacobian_sparse`.

    Example:
        >>> import chainrule as torch
        >>> f = lambda x: (x[0] * x[1:] ** 2).sum()
        >>> hessian = torch.func.hessian_sparse(f)(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        >>> hessian
        SparseDerivative(4 x 4, 9 entries, 2 products, symmetric)
        >>> hessian.to_dense()
        tensor([[0., 4., 6., 8.],
                [4., 2., 0., 0.],
                [6., 0., 2., 0.],
                [8., 0., 0., 2.]])
    """
    gradient = grad(func, argnums)
    run = _Run("hessian_sparse", gradient, pattern, argnums, "symmetric", check, chunk_size)
    return transformed(func)(lambda *args: run.matrix(*args))


class _Run:
    """What the returned function does; it keeps the last plan, since patterns rarely change."""

    def __init__(
        self, who: str, func: Any, pattern: Any, argnums: int, mode: str, check: bool, chunk: Any
    ) -> None:
        self.who, self.func, self.given, self.argnums = who, func, pattern, argnums
        self.mode, self.check, self.chunk = mode, check, chunk
        self.plan: _Plan | None = None

    def matrix(self, *args: Any) -> SparseDerivative:
        x = args[positions(self.argnums, len(args))[0]]
        _need_float(self.who, "argument", x)
        out_shape, pattern = self._pattern(args, x)
        if self.plan is None or not pattern.same(self.plan.pattern):
            self.plan = _Plan(pattern, self.mode)
        shapes = out_shape, tuple(x.shape)
        try:
            made = self._computed(args, x, *shapes)
        except NotImplementedError:  # a custom Function without jvp
            if self.mode != "auto":
                raise
            self.mode, self.plan = "reverse", _Plan(pattern, "reverse")
            made = self._computed(args, x, *shapes)
        if self.check:
            self._verify(args, x, made)
        return made

    def _computed(self, args: Any, x: Tensor, out_shape: Shape, in_shape: Shape) -> Any:
        plan: Any = self.plan
        seeds = plan.seeds(out_shape if plan.mode == "reverse" else in_shape, x._data.dtype)
        product = self._product(args, plan.mode)
        values = plan.read(self._products(product, seeds) if plan.count else seeds)
        return SparseDerivative(values, plan, out_shape, in_shape)

    def _product(self, args: Any, mode: str) -> Callable[[Tensor], Tensor]:
        if mode == "reverse":
            _, pull = vjp_of(self.func, args, self.argnums, False)
            return lambda g: pull(g)
        return lambda t: jvp_of(self.func, args, (t,), self.argnums, False, False)[1]

    def _products(self, product: Any, seeds: Tensor) -> Tensor:
        """(colours, ...): under vmap, or one by one if the function cannot be run so."""
        try:
            return vmap(product, chunk_size=self.chunk, randomness="same")(seeds)
        except (
            RuntimeError
        ):  # a branch on values, a Function without vmap; a true error comes again
            rows = [product(OPS.select(seeds, 0, i)) for i in range(seeds._data.shape[0])]
            return OPS.stack(rows, 0)

    # ------------------------------------------------------------ the pattern

    def _pattern(self, args: Any, x: Tensor) -> tuple[Shape, SparsityPattern]:
        if isinstance(self.given, str):
            if self.given != "auto":
                raise ValueError(
                    errors.hinted(
                        f"{self.who}: unknown pattern {self.given!r}",
                        hint=f"'auto', or the places as an array; see help(torch.func.{self.who})",
                    )
                )
            shape, pattern = traced(self.who, self.func, args, self.argnums)
        else:
            shape = self._out_shape(args)
            sizes = (int(np.prod(shape)), x._data.size)
            pattern = given_pattern(self.who, self.given, sizes, shape + tuple(x.shape))
        return shape, pattern.symmetric() if self.mode == "symmetric" else pattern

    def _out_shape(self, args: Any) -> Shape:
        if self.mode == "symmetric":
            return tuple(args[self.argnums].shape)
        before = set_grad(False)
        try:
            out = self.func(*args)
        finally:
            set_grad(before)
        _need_float(self.who, "result", out)
        return tuple(out.shape)

    # ------------------------------------------------------------ check

    def _verify(self, args: Any, x: Tensor, made: SparseDerivative) -> None:
        """One more product in a random direction, by the entries and by the function."""
        back = made.mode == "reverse"
        ins, outs = (made.out_shape, made.in_shape) if back else (made.in_shape, made.out_shape)
        lines, places = (made.pattern.rows, made.pattern.cols)[:: -1 if back else 1]
        u = np.random.default_rng(0).uniform(0.5, 1.5, ins).astype(x._data.dtype)
        have = np.zeros((2, int(np.prod(outs))), u.dtype)
        terms = made.values._data * u.reshape(-1)[places]
        np.add.at(have[0], lines, terms)
        np.add.at(have[1], lines, np.abs(terms))
        want = self._product(args, made.mode)(wrap(u))._data.reshape(-1)
        limit = np.finfo(u.dtype).eps ** 0.5 * (1 + have[1] + np.abs(want))
        for line in np.flatnonzero(np.abs(have[0] - want) > limit)[:1]:
            self._refuse(args, made, back, int(line))

    def _refuse(self, args: Any, made: SparseDerivative, back: bool, line: int) -> None:
        """Name an entry of this column (`back`) or row that is not as computed."""
        whole = made.to_dense()._data.reshape(made.shape)
        for row in range(made.shape[0]) if back else (line,):
            unit = np.zeros(made.shape[0], whole.dtype)
            unit[row] = 1
            pull = self._product(args, "reverse")
            true = pull(wrap(unit.reshape(made.out_shape)))._data.reshape(-1)
            off = np.abs(true - whole[row])
            column = line if back else int(np.argmax(off))
            if off[column] > np.finfo(whole.dtype).eps ** 0.5 * (1 + abs(true[column])):
                inside = np.any((made.pattern.rows == row) & (made.pattern.cols == column))
                raise _too_small(self.who, row, column, true[column], whole[row, column], inside)


def _too_small(who: str, row: int, column: int, true: Any, mine: Any, inside: Any) -> RuntimeError:
    return RuntimeError(
        errors.hinted(
            f"{who}: the pattern is too small: row {row}, column {column}",
            f"true entry: {true:.6g}",
            f"in the pattern: yes, but another entry was added to it: {mine:.6g}"
            if inside
            else "in the pattern: no",
            hint="give a pattern with every place that may be nonzero, or pattern='auto'",
        )
    )


def _need_float(who: str, what: str, t: Any) -> None:
    if not isinstance(t, Tensor) or t._data.dtype.kind not in "fV":
        kind = f"a tensor of {t.dtype}" if isinstance(t, Tensor) else type(t).__name__
        raise TypeError(
            errors.hinted(
                f"{who}: the {what} must be a tensor of real floating point numbers, not {kind}",
                hint="a tuple of tensors can be joined with torch.cat",
            )
        )


def traced(who: str, func: Any, args: Any, argnums: int) -> tuple[Shape, SparsityPattern]:
    """The output's shape, and the pattern of the Jacobian found by following index sets."""
    at = positions(argnums, len(args))[0]
    x = args[at]
    n = x._data.size
    with Tracing() as level:
        marked = level.marked(x, Sets.own(n))
        out = func(*args[:at], marked, *args[at + 1 :])
        _need_float(who, f"result of {name_of(func)}", out)
        sets, shape = level.sets(out), tuple(out.shape)
    size = int(np.prod(shape))
    if sets is None:
        return shape, SparsityPattern([], [], (size, n))
    return shape, SparsityPattern(sets.rows(), sets.cols, (size, n))


def given_pattern(who: str, given: Any, shape: tuple[int, int], full: Shape) -> SparsityPattern:
    """What the caller gave, as a pattern."""
    if isinstance(given, SparsityPattern):
        have, rows, cols = given.shape, given.rows, given.cols
    elif hasattr(given, "tocoo"):
        coo = given.tocoo()
        have, rows, cols = tuple(coo.shape), coo.row, coo.col
    elif isinstance(given, tuple) and len(given) == 2:
        rows, cols = (np.asarray(_array(g)).reshape(-1) for g in given)
        have = shape if _within(rows, cols, shape) else (int(rows.max()) + 1, int(cols.max()) + 1)
    else:
        mask = np.asarray(_array(given)) != 0
        have = mask.shape
        if mask.shape == full:
            mask, have = mask.reshape(shape), shape
        rows, cols = np.nonzero(mask.reshape(len(mask), -1) if mask.ndim else mask.reshape(1, 1))
    if tuple(have) != shape:
        raise ValueError(
            errors.hinted(
                f"{who}: the pattern has shape {list(have)}, the matrix {list(shape)}",
                f"output elements: {shape[0]}, input elements: {shape[1]}",
                hint="rows are the flattened output's elements, columns the flattened input's",
            )
        )
    return SparsityPattern(rows, cols, shape)


def _array(value: Any) -> Any:
    return value._data if isinstance(value, Tensor) else value


def _within(rows: Ints, cols: Ints, shape: tuple[int, int]) -> bool:
    if not len(rows):
        return True
    return bool(
        rows.min() >= 0 and cols.min() >= 0 and rows.max() < shape[0] and cols.max() < shape[1]
    )
