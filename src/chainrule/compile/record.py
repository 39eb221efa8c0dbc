"""A run of a function written down as a graph, and the graph run again.

`record(f, *examples)` calls `f` once under an interpreter (`_Recorder`) that notes each op as an
`Equation`; with `gradient=True` the backward walk is noted too, because its rules are then read
with ordinary ops. What comes out is
functional: an in-place write gives its tensor a new variable, and a view is computed from its base
when that has changed meanwhile. Tensors that are not inputs are constants, copied at first use.
Shapes, dtypes and the way taken through Python's branches are those of the examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..core import engine
from ..core.interpreter import Interpreter, below
from ..core.node import INFERENCE, LEAF, Node, Output
from ..core.primitive import REGISTRY, Primitive
from ..core.record import OPS
from ..core.tensor import Tensor, wrap
from ..core.views import geometry

__all__ = ["Equation", "Graph", "Var", "record"]


class Var:
    """One value of a graph: its number, shape and dtype. Prints as `%3`."""

    __slots__ = ("dtype", "number", "shape")

    def __init__(self, number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.number, self.shape, self.dtype = number, shape, dtype

    def __repr__(self) -> str:
        return f"%{self.number}"

    @property
    def type(self) -> str:
        """`float32[2, 3]`."""
        return f"{dtypes.from_numpy_dtype(self.dtype).name}{list(self.shape)}"


class Equation(NamedTuple):
    """One op: its name in the registry, operands (variables, numbers, None), static parameters,
    results."""

    op: str
    inputs: tuple[Any, ...]
    params: tuple[Any, ...]
    outputs: tuple[Var, ...]

    def __str__(self) -> str:
        prim = REGISTRY[self.op]
        named = zip(prim.params, self.params, prim.defaults, strict=True)
        words = [_text(i) for i in self.inputs]
        words += [f"{n}={_text(p)}" for n, p, default in named if p is not default]
        return f"{', '.join(map(repr, self.outputs))} = {self.op}({', '.join(words)})"


class Graph:
    """What one run of a function computed.

    Attributes:
        inputs: the variables of the arguments.
        constants: arrays of the tensors that are no arguments, by variable.
        equations: in an order in which they can be evaluated.
        outputs: the result of the function with variables for tensors (nested tuples, lists and
            dicts stay).
    """

    def __init__(
        self,
        inputs: Sequence[Var],
        constants: dict[Var, Any],
        equations: Sequence[Equation],
        outputs: Any,
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), outputs
        self.equations = _used(equations, outputs)
        wanted = {v for eq in self.equations for v in _vars((eq.inputs, eq.params))} | set(
            _vars(outputs)
        )
        self.constants = {v: array for v, array in constants.items() if v in wanted}

    def replay(self, *tensors: Tensor) -> Any:
        """Evaluate the graph on other tensors of the same shapes and dtypes.

        Raises:
            RuntimeError: another number of tensors, another shape or dtype.
        """
        values: dict[Any, Any] = dict(
            zip(self.inputs, map(_contiguous, self._checked(tensors)), strict=True)
        )
        values.update((v, wrap(np.array(array))) for v, array in self.constants.items())
        for eq in self.equations:
            operands, params = _map_vars(values.__getitem__, (eq.inputs, eq.params))
            made = REGISTRY[eq.op].call(*operands, params=params)
            values.update(
                zip(eq.outputs, made if REGISTRY[eq.op].several else (made,), strict=True)
            )
        return _map_vars(values.__getitem__, self.outputs)

    def _checked(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        found = [f"{t.dtype.name}{list(t.shape)}" for t in tensors]
        recorded = [v.type for v in self.inputs]
        if found != recorded:
            raise RuntimeError(
                "the graph was recorded for other inputs\n"
                f"recorded: {', '.join(recorded) or 'none'}\ngiven: {', '.join(found) or 'none'}\n"
                "Hint: shapes and dtypes are part of a graph; record again for these"
            )
        return tensors

    def __str__(self) -> str:
        lines = [f"graph({', '.join(f'{v}: {v.type}' for v in self.inputs)})"]
        lines += [
            f"{v} = constant {_constant_text(v, array)}" for v, array in self.constants.items()
        ]
        lines += [str(eq) for eq in self.equations]
        return "\n  ".join(lines) + f"\n  return {_text(self.outputs)}"

    __repr__ = __str__


def record(f: Callable[..., Any], *examples: Tensor, gradient: bool = False) -> Graph:
    """Run `f` on copies of the example tensors and return what it computed as a graph.

    Args:
        f: a function of tensors that returns tensors (or nested tuples, lists, dicts of them).
        examples: their values only matter where `f` branches on them.
        gradient: `f` returns a scalar; the graph gives `(value, gradients)` with one gradient for
            every floating input, None for the others.

    Returns:
        The graph; equations whose results nobody uses are left out.

    Raises:
        RuntimeError: a tensor shares memory with one that was written in place behind the
            recorder's back.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.compile.record import record
        >>> print(record(lambda a, b: (a * b).sin(), torch.zeros(2), torch.zeros(2)))
        graph(%0: float32[2], %1: float32[2])
          %2 = mul(%0, %1)
          %3 = sin(%2)
          return %3
        >>> print(record(lambda a: (a * a).sum(), torch.zeros(3), gradient=True))
        graph(%0: float32[3])
          %3 = constant float32[] 1.0
          %1 = mul(%0, %0)
          %2 = sum(%1)
          %4 = expand(%3, shape=(3,))
          %5 = mul(%4, %0)
          %6 = mul(%4, %0)
          %7 = add(%5, %6)
          return (%2, (%7,))
    """
    arguments = [wrap(np.array(t._data, order="C")) for t in examples]
    for given, t in zip(examples, arguments, strict=True):
        if (gradient or given._node is not None) and t._data.dtype.kind in "fcV":
            t._node = LEAF
    recorder = _Recorder()
    with recorder:
        inputs = [recorder.define(t) for t in arguments]
        result = f(*arguments)
        if gradient:
            result = result, _gradients(result, arguments)
        outputs = _map_tensors(recorder.var, result)
    return Graph(inputs, recorder.constants, recorder.equations, outputs)


def _gradients(value: Any, arguments: list[Tensor]) -> tuple[Any, ...]:
    leaves = [t for t in arguments if t._node is LEAF]
    found = iter(engine.grad([value], leaves, [None], create_graph=True))
    return tuple(next(found) if t._node is LEAF else None for t in arguments)


class _Recorder(Interpreter):
    """Notes each op and evaluates it one level down.

    A tensor is known by identity, with the version it had when its variable was made; a saved
    output, which the backward walk brings back as another object, by its node. Everything seen is
    held, so identities stay unique.
    """

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self.constants: dict[Var, Any] = {}
        self._known: dict[int, tuple[Tensor, Var, int]] = {}
        self._made: dict[tuple[int, int], tuple[Any, Var]] = {}
        self._count = 0

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Note the op with the variables of its operands, then evaluate it."""
        atoms = tuple(self.var(t) if isinstance(t, Tensor) else t for t in inputs)
        static = _map_tensors(self.var, params)
        with below(self):
            made = prim.call(*inputs, params=params)
        outs = made if prim.several else (made,)
        self.equations.append(Equation(prim.name, atoms, static, tuple(map(self.define, outs))))
        return made

    def assign(self, target: Tensor, value: Tensor) -> None:
        """From now on `target` is what `value` is."""
        self._learn(target, self.var(value))

    def define(self, t: Tensor) -> Var:
        """A new variable for `t`."""
        var = Var(self._count, t._data.shape, t._data.dtype)
        self._count += 1
        self._learn(t, var)
        key = _made_by(t)
        if key is not None:
            self._made[key] = t._node, var
        return var

    def _learn(self, t: Tensor, var: Var) -> None:
        self._known[id(t)] = t, var, _version(t)

    def var(self, t: Tensor) -> Var:
        """The variable that holds what `t` holds now."""
        known = self._known.get(id(t))
        if known is not None and known[2] == _version(t):
            return known[1]
        if t._view is not None and (known is not None or id(t._view[0]) in self._known):
            return self._view_again(t)
        if known is not None:
            raise RuntimeError(
                f"{t.dtype.name}{list(t.shape)} was written in place through another tensor that "
                "shares its memory\n"
                "Hint: detach(), .data and out= are not followed while recording; clone() before "
                "writing"
            )
        made = self._made.get(_made_by(t) or (0, 0))
        return made[1] if made is not None else self._constant(t)

    def _view_again(self, view: Tensor) -> Var:
        """The view computed from its base, which has changed since."""
        base = view._view[0]  # type: ignore[index]
        where = geometry(view, base)
        source = self.var(base)
        var = self.define(view)
        self.equations.append(Equation("as_strided", (source,), where, (var,)))
        return var

    def _constant(self, t: Tensor) -> Var:
        var = self.define(t)
        self.constants[var] = np.array(t._data)
        return var


def _made_by(t: Tensor) -> tuple[int, int] | None:
    """Which output of which node `t` is."""
    node = t._node
    if type(node) is Output:
        return id(node.node), node.number
    return (id(node), 0) if isinstance(node, Node) else None


def _version(t: Tensor) -> int:
    vc = t._vc
    return 0 if vc is None or vc is INFERENCE else vc[0]


def _contiguous(t: Tensor) -> Tensor:
    data = t._data
    return t if type(data) is not np.ndarray or data.flags.c_contiguous else OPS.contiguous(t)


# ---------------------------------------------------------------- nested values


def _map(kind: type, f: Callable[[Any], Any], value: Any) -> Any:
    """`value` with `f` applied to what is of `kind` in nested tuples, lists, dicts and slices."""
    if isinstance(value, kind):
        return f(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map(kind, f, v) for v in value))
    if type(value) in (tuple, list):
        return type(value)(_map(kind, f, v) for v in value)
    if type(value) is dict:
        return {k: _map(kind, f, v) for k, v in value.items()}
    if type(value) is slice:
        return slice(*(_map(kind, f, v) for v in (value.start, value.stop, value.step)))
    return value


def _map_tensors(f: Callable[[Any], Any], value: Any) -> Any:
    return _map(Tensor, f, value)


def _map_vars(f: Callable[[Any], Any], value: Any) -> Any:
    return _map(Var, f, value)


def _vars(value: Any) -> list[Var]:
    found: list[Var] = []
    _map(Var, found.append, value)
    return found


def _used(equations: Sequence[Equation], outputs: Any) -> tuple[Equation, ...]:
    """The equations on whose results the outputs depend."""
    wanted, kept = set(_vars(outputs)), []
    for eq in reversed(equations):
        if not wanted.isdisjoint(eq.outputs):
            kept.append(eq)
            wanted.update(_vars((eq.inputs, eq.params)))
    return tuple(reversed(kept))


# ---------------------------------------------------------------- text


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if type(value) is tuple:
        return f"({', '.join(map(_text, value))}{',' * (len(value) == 1)})"
    if type(value) is list:
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def _constant_text(v: Var, array: Any) -> str:
    return f"{v.type} {array.item()}" if array.size == 1 else v.type
