"""`check_rules`: every derivative rule that a program uses, against differences of its own op.

`gradcheck` says that a program's gradient is wrong; this says which rule is. An interpreter lets
the program run and looks at each call: the op is evaluated again on its operands moved a little
along one random direction, and the difference is compared with what the op's own vjp says. So one
wrong rule does not make the others look wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import errors
from .._state import set_grad
from ..core import engine
from ..core.interpreter import Interpreter, below
from ..core.record import OPS
from ..core.reverse import cotangents
from ..core.tensor import Tensor, wrap
from .function import Function
from .gradcheck import GradcheckError

__all__ = ["RuleReport", "RuleRow", "check_rules"]


class RuleRow(NamedTuple):
    """One operand of one call.

    Attributes:
        node: the op's name in the graph, as `MulBackward0`. line: where the program calls it.
        operand: which input, by name.
        analytic, numeric: the two derivatives along the direction; error: relative difference.
        status: "right", "wrong", or why it was not compared: "kink", "not finite", "random",
            "no rule" (the op's derivative is not implemented), "convention" (PyTorch's gradient of
            this op is not its derivative, as of ctc_loss).
    """

    node: str
    line: str
    operand: str
    analytic: float
    numeric: float
    error: float
    status: str


class RuleReport:
    """What `check_rules` found. Prints as a table.

    Attributes:
        rows: one `RuleRow` for each operand of each call, in the order of the program.
    """

    def __init__(self, rows: Sequence[RuleRow]) -> None:
        self.rows = list(rows)

    @property
    def wrong(self) -> list[RuleRow]:
        """The rows whose rule is wrong, the first first."""
        return [r for r in self.rows if r.status == "wrong"]

    def __str__(self) -> str:
        counts = {s: sum(r.status == s for r in self.rows) for s in dict.fromkeys(
            r.status for r in self.rows)}  # fmt: skip
        lines = [", ".join(f"{n} {s}" for s, n in counts.items()) or "nothing to compare"]
        for r in self.rows:
            lines.append(
                f"{r.status:10} {r.node:24} {r.operand:10} {r.error:8.1e}  {r.line}".rstrip()
            )
        return "\n".join(lines)

    __repr__ = __str__


def check_rules(
    program: Any,
    inputs: Any = (),
    *,
    rtol: float = 1e-3,
    atol: float = 1e-5,
    eps: float = 1e-6,
    skip: Sequence[str] = (),
    raise_exception: bool = True,
) -> RuleReport:
    """Find the derivative rule that is wrong: each op of a program against its own differences.

    The program runs once. Every op and every custom Function that it calls is evaluated again, in
    float64, at its own operands moved by eps along one random direction; the central difference is
    compared with the vjp of that op alone, on a random cotangent. Where the two one-sided
    differences disagree (a kink), only the elements without kink are compared.

    Args:
        program: a function of the inputs, a class derived from `autograd.Function` (its `apply` is
            called), or any op.
        inputs: its argument, or a tuple of them.
        rtol, atol: right is |analytic - numeric| <= atol + rtol * |numeric|.
        eps: the step, relative to each element's size.
        skip: names of ops, nodes or Functions to leave out, such as a straight-through estimator
            whose backward is not its derivative on purpose.
        raise_exception: raise at the first wrong rule; else go on and return the report.

    Returns:
        A report with `rows` and `wrong`.

    Raises:
        GradcheckError: the first wrong rule: node, line of the program, operand, relative error.
        ValueError: the program calls nothing that has a derivative.

    Example:
        >>> import chainrule as torch
        >>> class Square(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return g * 3 * ctx.saved_tensors[0]
        >>> program = lambda x: Square.apply(x.sin()).sum()
        >>> report = torch.autograd.check_rules(program, torch.ones(3), raise_exception=False)
        >>> [(row.node, row.operand, round(row.error, 2)) for row in report.wrong]
        [('SquareBackward', 'x', 0.5)]
    """
    run = program.apply if isinstance(program, type) and issubclass(program, Function) else program
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    checker = _Checker(_Options(rtol, atol, eps, tuple(skip), raise_exception))
    with checker:
        run(*given)
    if not checker.rows:
        raise ValueError(
            errors.hinted(
                "check_rules: the program called no op that has a derivative",
                hint="give it floating point inputs",
            )
        )
    return RuleReport(checker.rows)


class _Options(NamedTuple):
    rtol: float
    atol: float
    eps: float
    skip: tuple[str, ...]
    raises: bool


class _Checker(Interpreter):
    """Evaluates each op below and checks its rule at once."""

    def __init__(self, options: _Options) -> None:
        self.o, self.rows = options, []  # type: ignore[var-annotated]
        self.rng = np.random.default_rng(0)

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        if self._concerns(prim, inputs):
            line = errors.line_of(errors.user_location())
            with below(self):
                for row in _Call(prim, inputs, params, self.o, self.rng).rows(line):
                    self.rows.append(row)
                    if row.status == "wrong" and self.o.raises:
                        raise _wrong(row)
        with below(self):
            return prim.call(*inputs, params=params)

    def _concerns(self, prim: Any, inputs: Sequence[Any]) -> bool:
        if not prim.differentiable or prim.name in ("to_dtype", *self.o.skip):
            return False
        return prim.grad_fn not in self.o.skip and any(map(_is_float, inputs))


def _wrong(row: RuleRow) -> GradcheckError:
    return GradcheckError(
        errors.hinted(
            f"check_rules: the derivative rule of {row.node} is wrong for its operand "
            f"'{row.operand}'",
            f"called at: {row.line}" if row.line else "",
            f"relative error: {row.error:.3g}",
            f"along one direction: its backward gives {row.analytic:.8g}, differences of its own "
            f"forward {row.numeric:.8g}",
            hint="look at that backward alone: everything before this call was right",
        )
    )


def _is_float(t: Any) -> bool:
    return isinstance(t, Tensor) and t._data.dtype.kind in "fc"


def _doubled(t: Any) -> Any:
    """A copy in double precision."""
    if not _is_float(t):
        return t
    return wrap(np.array(t._data, np.complex128 if t._data.dtype.kind == "c" else np.float64))


def _listed(made: Any) -> tuple[Any, ...]:
    return made if isinstance(made, tuple) else (made,)


# ---------------------------------------------------------------- one call


class _Call:
    """One call of an op, on double precision copies of its operands."""

    def __init__(self, prim: Any, inputs: Any, params: Any, o: _Options, rng: Any) -> None:
        self.prim, self.params, self.o, self.rng = prim, params, o, rng
        self.custom = prim.kind == "custom"
        self.inputs = [_doubled(t) for t in inputs]

    def rows(self, line: str) -> Iterator[RuleRow]:
        """One row for each operand that has a derivative."""
        outs = self._values(self.inputs)
        floats = [i for i, t in enumerate(outs) if _is_float(t)]
        if not floats:
            return
        vs = {i: self._random(outs[i]._data) for i in floats}
        gs = self._analytic(vs)
        precise = all(outs[i]._data.dtype.itemsize >= 8 for i in floats)
        repeated = not self.custom or self._repeats(outs, floats)
        for i, t in enumerate(self.inputs):
            if not _is_float(t) or not self._has_rule(i):
                continue
            if gs[i] is None and self.prim.joint and not self.custom:
                continue  # a joint rule says so of operands without derivative
            found: Any = (0.0, 0.0, 0.0, "random")
            u = self._random(t._data) * np.where(t._data == 0, 1, np.abs(t._data))
            u = allowed(self.prim, i, u, self.params)
            if isinstance(gs[i], str) or u is None:
                found = (0.0, 0.0, 0.0, gs[i] if u is not None else "convention")
            elif repeated:
                found = self._compared(i, u, gs[i], vs, outs, precise)
            yield RuleRow(self.prim.grad_fn, line, self._name(i), *found)

    def _has_rule(self, i: int) -> bool:
        rules = self.prim.rules
        return self.custom or self.prim.joint or rules[i] is not None

    def _random(self, array: Any) -> Any:
        made = self.rng.uniform(0.5, 1.5, array.shape) * self.rng.choice((-1, 1), array.shape)
        if array.dtype.kind == "c":
            made = made + 1j * self.rng.uniform(-1, 1, array.shape)
        return made

    def _values(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        before = set_grad(False)
        try:
            fresh = tuple([_doubled(t) for t in inputs])  # a Function may write its arguments
            return _listed(self.prim.evaluate(fresh, self.params))
        finally:
            set_grad(before)

    def _repeats(self, outs: Sequence[Any], floats: Sequence[int]) -> bool:
        again = self._values(self.inputs)
        return all(np.array_equal(outs[i]._data, again[i]._data, equal_nan=True) for i in floats)

    # ------------------------------------------------------------ the op's own vjp

    def _analytic(self, vs: dict[int, Any]) -> list[Any]:
        """The cotangent of each operand, None for those without; text if its rule refuses."""
        return self._by_backward(vs) if self.custom else self._by_rule(vs)

    def _by_rule(self, vs: dict[int, Any]) -> list[Any]:
        prim, inputs = self.prim, tuple(self.inputs)
        wanted = [_is_float(t) and self._has_rule(i) for i, t in enumerate(inputs)]
        before = set_grad(False)
        try:
            outs = _listed(prim.evaluate(inputs, self.params))
            gs = tuple(wrap(np.asarray(v, outs[i]._data.dtype)) for i, v in vs.items())
            g = gs[0] if len(gs) == 1 and prim.outputs != ("outs",) else gs
            try:
                found = cotangents(prim, inputs, outs, self.params, g, wanted)
            except NotImplementedError:  # of one operand; the others may have a derivative
                found = [self._one(inputs, outs, g, k) if w else None for k, w in enumerate(wanted)]
        finally:
            set_grad(before)
        return [getattr(x, "_data", x) for x in found]

    def _one(self, inputs: Any, outs: Any, g: Any, k: int) -> Any:
        wanted = [j == k for j in range(len(inputs))]
        try:
            return cotangents(self.prim, inputs, outs, self.params, g, wanted)[k]
        except NotImplementedError:
            return "no rule"

    def _by_backward(self, vs: dict[int, Any]) -> list[Any]:
        before = set_grad(True)
        try:
            leaves = [_doubled(t).requires_grad_() if _is_float(t) else t for t in self.inputs]
            inner = tuple([OPS.clone(t) if _is_float(t) else t for t in leaves])
            outs = _listed(self.prim.evaluate(inner, self.params))
            roots = [i for i in vs if outs[i]._node is not None]
            gs = [wrap(np.asarray(vs[i], outs[i]._data.dtype)) for i in roots]
            ends = [t for t in leaves if _is_float(t)]
            found = iter(engine.grad([outs[i] for i in roots], ends, gs) if roots else ())
        finally:
            set_grad(before)
        made = [next(found, None) if _is_float(t) else None for t in leaves]
        return [None if x is None else x._data for x in made]

    # ------------------------------------------------------------ differences

    def _compared(
        self, i: int, u: Any, g: Any, vs: dict[int, Any], outs: Any, precise: bool
    ) -> tuple[float, float, float, str]:
        o = self.o
        eps, rtol = (o.eps, o.rtol) if precise else (max(o.eps, 1e-3), max(o.rtol, 1e-2))
        low, high, kinks = self._slopes(i, u, eps, vs, outs)
        if any(k.any() for k in kinks.values()):
            u = self._without(u, kinks)
            if u is None or not u.any():
                return 0.0, 0.0, 0.0, "kink"
            low, high, kinks = self._slopes(i, u, eps, vs, outs)
            if any(k.any() for k in kinks.values()):
                return 0.0, 0.0, 0.0, "kink"
        numeric = sum(
            float(np.sum(np.conj(v) * (low[k] + high[k]) / 2).real) for k, v in vs.items()
        )
        analytic = 0.0 if g is None else float(np.sum((np.conj(g) * u)[u != 0]).real)
        if not np.isfinite(numeric):
            return analytic, numeric, 0.0, "not finite"
        error = abs(analytic - numeric)
        right = error <= o.atol + rtol * abs(numeric)
        relative = error / max(abs(numeric), o.atol)
        return analytic, numeric, relative, "right" if right else "wrong"

    def _slopes(self, i: int, u: Any, eps: float, vs: Any, outs: Any) -> tuple[Any, Any, Any]:
        """One-sided slopes of every output, and where they disagree."""
        sides = {}
        for sign in (-1, 1):
            moved = list(self.inputs)
            moved[i] = wrap(self.inputs[i]._data + sign * eps * u)
            made = self._values(moved)
            sides[sign] = {k: sign * (made[k]._data - outs[k]._data) / eps for k in vs}
        low, high = sides[-1], sides[1]
        kinks = {}
        for k in vs:
            noise = 1e-3 + np.abs(outs[k]._data) * np.finfo(outs[k]._data.dtype).eps * 10 / eps
            apart = np.abs(low[k] - high[k])
            kinks[k] = apart > 0.05 * (np.abs(low[k]) + np.abs(high[k])) + noise
        return low, high, kinks

    def _without(self, u: Any, kinks: dict[int, Any]) -> Any:
        """The direction without the elements that kink; None where that cannot be told."""
        if any(k.shape != u.shape for k in kinks.values()):
            return None
        return np.where(np.any(list(kinks.values()), axis=0), 0, u)

    # ------------------------------------------------------------ names

    def _name(self, i: int) -> str:
        if not self.custom:
            args = self.prim.args
            name = f"{args[0]}[{i}]" if self.prim.variadic else args[i]
            return {"x": "input", "a": "input", "b": "other"}.get(name, name)
        template, names = self.params[0]
        marks = [object() for _ in self.inputs]
        args, _ = self.prim.arguments(marks, self.params)
        place = next(k for k, a in enumerate(args) if a is marks[i])
        if place >= len(template) - len(names):
            return names[place - len(template) + len(names)]
        known = list(inspect.signature(self.prim.function.forward).parameters)
        known = known if self.prim.separate else known[1:]
        return known[place] if place < len(known) else f"argument {place}"


# ---------------------------------------------------------------- operands that are no free numbers

_SYMMETRIC = {
    "linalg_cholesky", "linalg_cholesky_ex", "legacy_cholesky", "linalg_eigh", "linalg_eigvalsh",
}  # fmt: skip
_PADDED = {"embedding": 0, "embedding_gather": 0}
_BY_CONVENTION = {  # operands by number
    "ctc_loss": 0, "ctc_loss_each": 0,  # the gradient is that of log_softmax before it
    "cholesky_solve": 1, "cholesky_inverse": 0,  # all of the factor, of which one triangle is read
}  # fmt: skip


def allowed(prim: Any, i: int, u: Any, params: Sequence[Any]) -> Any:
    """The direction `u` as operand `i` may be moved: symmetric where the op reads one triangle of a
    symmetric matrix, and so on; None where the rule is another one by convention."""
    known = dict(zip(prim.params, params, strict=False)) if prim.kind != "custom" else {}
    if _BY_CONVENTION.get(prim.name) == i:
        return None
    if prim.name in _SYMMETRIC or (known.get("hermitian") and i == 0):
        return (u + np.conj(np.swapaxes(u, -1, -2))) / 2
    padding = known.get("padding_idx") if prim.name in _PADDED else None
    if padding is not None and padding >= 0:
        u[padding] = 0
    return u
