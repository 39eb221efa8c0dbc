"""The formula of a derivative rule, by running the rule on symbols.

A rule is `rule(xp, g, ...)`. Here `xp` is `SHOW` and the operands are `Symbol`s: an expression as
text, and beside it an array of an example, computed by the same kernels, so that rules may ask for
shapes. Symbols have the operators that tensors have. They refuse to become a bool, a number or an
array, because a rule that branches on values or calls NumPy by itself could be read neither by the
recorder nor by higher derivatives. Called by `explain/` and the tests; the rules come from
`core/primitive.REGISTRY`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..core.declare import unreduced
from ..core.primitive import REGISTRY, Primitive
from ..core.record import RAW

__all__ = ["SHOW", "Symbol", "formula"]

# how tightly the outermost operator of a text binds
_COMPARE, _ADD, _MATMUL, _MUL, _NEG, _POW, _ATOM = range(7)


class Symbol:
    """An expression and an example of its value.

    Attributes:
        text: how it is written, without sign.
        binds: how tightly its outermost operator binds.
        negative: whether a minus stands before it (signs travel outwards: `a * -b` is `-a * b`).
        value: the example.
    """

    __slots__ = ("binds", "negative", "text", "value")
    __array_ufunc__ = None  # NumPy's functions and scalars refuse

    def __init__(self, text: str, value: Any, binds: int = _ATOM, negative: bool = False) -> None:
        self.text, self.value, self.binds, self.negative = text, value, binds, negative

    def __repr__(self) -> str:
        if not self.negative:
            return self.text
        return f"-({self.text})" if self.binds < _MATMUL else f"-{self.text}"

    def within(self, binds: int) -> str:
        """The text as an operand of an operator that binds so tightly."""
        own = min(self.binds, _NEG) if self.negative else self.binds
        return f"({self!r})" if own < binds else repr(self)

    # ------------------------------------------------------------ facts

    @property
    def shape(self) -> Shape:
        """The shape of the example, which prints as `x.shape`."""
        return Shape(self.value.shape, f"{self.within(_ATOM)}.shape")

    @property
    def ndim(self) -> int:
        """The number of dimensions of the example."""
        return self.value.ndim

    @property
    def dtype(self) -> Any:
        """The dtype of the example."""
        return self.value.dtype

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol(f"{self.within(_ATOM)}[{_text(index)}]", self.value[index])

    # ------------------------------------------------------------ operators

    def __neg__(self) -> Symbol:
        return Symbol(self.text, -self.value, self.binds, not self.negative)

    def __add__(self, other: Any) -> Symbol:
        return _sum(self, other)

    def __radd__(self, other: Any) -> Symbol:
        return _sum(_lifted(other), self)

    def __sub__(self, other: Any) -> Symbol:
        return _sum(self, -_lifted(other))

    def __rsub__(self, other: Any) -> Symbol:
        return _sum(_lifted(other), -self)

    def __mul__(self, other: Any) -> Symbol:
        return _product(self, "*", other, np.multiply)

    def __rmul__(self, other: Any) -> Symbol:
        return _product(_lifted(other), "*", self, np.multiply)

    def __truediv__(self, other: Any) -> Symbol:
        return _product(self, "/", other, np.true_divide)

    def __rtruediv__(self, other: Any) -> Symbol:
        return _product(_lifted(other), "/", self, np.true_divide)

    def __matmul__(self, other: Any) -> Symbol:
        return _matrix_product(self, _lifted(other))

    def __pow__(self, other: Any) -> Symbol:
        return _power(self, other)

    def __rpow__(self, other: Any) -> Symbol:
        return _power(_lifted(other), self)

    def __lt__(self, other: Any) -> Symbol:
        return _comparison(self, "<", other)

    def __le__(self, other: Any) -> Symbol:
        return _comparison(self, "<=", other)

    def __gt__(self, other: Any) -> Symbol:
        return _comparison(self, ">", other)

    def __ge__(self, other: Any) -> Symbol:
        return _comparison(self, ">=", other)

    def __eq__(self, other: object) -> Symbol:  # type: ignore[override]
        return _comparison(self, "==", other)

    def __ne__(self, other: object) -> Symbol:  # type: ignore[override]
        return _comparison(self, "!=", other)

    def __and__(self, other: Any) -> Symbol:
        return Symbol(
            f"({self!r}) & ({_lifted(other)!r})", self.value & _lifted(other).value, _COMPARE
        )

    def __or__(self, other: Any) -> Symbol:
        return Symbol(
            f"({self!r}) | ({_lifted(other)!r})", self.value | _lifted(other).value, _COMPARE
        )

    def __invert__(self) -> Symbol:
        return Symbol(f"~{self.within(_ATOM)}", ~self.value, _NEG)

    def __abs__(self) -> Symbol:
        return Symbol(f"|{self!r}|", abs(self.value))

    # ------------------------------------------------------------ refusals

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the rule branches on the value of {self!r}\n"
            "Hint: a rule must be the same expression for all values; use xp.where(condition, a, b)"
        )

    def _no_number(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"the rule turns {self!r} into a number or an array\n"
            "Hint: a rule uses only xp, operators and Python numbers; put NumPy calls into the "
            "kernel of an op"
        )

    __array__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = __len__ = _no_number
    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"the rule asks {self!r} for .{name}\nHint: a rule uses xp.{name}(...), operators, "
            ".shape, .ndim, .dtype"
        )


class Shape(tuple):
    """A shape that prints as where it came from: `x.shape`."""

    text: str

    def __new__(cls, sizes: Sequence[int], text: str) -> Shape:
        made = super().__new__(cls, sizes)
        made.text = text
        return made


def _lifted(value: Any) -> Symbol:
    if isinstance(value, Symbol):
        return value
    if isinstance(value, (np.generic, np.ndarray)) or not isinstance(value, (int, float, complex)):
        raise TypeError(
            f"the rule computes with {type(value).__name__} {value!r}\n"
            "Hint: a rule uses only xp, operators and Python numbers (NumPy scalars would change "
            "the dtype)"
        )
    if isinstance(value, (bool, complex)) or value != value:
        return Symbol(_number(value), value)
    return Symbol(
        _number(abs(value)), value, _MUL if "/" in _number(abs(value)) else _ATOM, value < 0
    )


_KNOWN = {
    math.pi: "pi",
    math.pi / 2: "pi / 2",
    2 * math.pi: "2 * pi",
    math.log(2): "log(2)",
    math.log(10): "log(10)",
    math.sqrt(2): "sqrt(2)",
    1 / math.sqrt(2): "1 / sqrt(2)",
    2 / math.sqrt(math.pi): "2 / sqrt(pi)",
    math.sqrt(math.pi) / 2: "sqrt(pi) / 2",
    1 / math.sqrt(2 * math.pi): "1 / sqrt(2 * pi)",
    math.sqrt(2 * math.pi): "sqrt(2 * pi)",
    math.sqrt(2 / math.pi): "sqrt(2 / pi)",
    math.pi / 180: "pi / 180",
    180 / math.pi: "180 / pi",
    1 / math.log(2): "1 / log(2)",
    1 / math.log(10): "1 / log(10)",
    math.e: "e",
}


def _number(value: Any) -> str:
    if isinstance(value, float) and value in _KNOWN:
        return _KNOWN[value]
    if isinstance(value, float) and value.is_integer() and value < 1e16:
        return str(int(value))
    return repr(value)


def _sum(a: Symbol, b: Any) -> Symbol:
    b = _lifted(b)
    value = a.value + b.value
    if a.negative and not b.negative:
        a, b = b, a  # -a + b is written b - a
    sign = "-" if b.negative else "+"
    right = Symbol(b.text, b.value, b.binds).within(_MATMUL if b.negative else _ADD)
    return Symbol(f"{a.within(_ADD)} {sign} {right}", value, _ADD)


def _product(a: Symbol, sign: str, b: Any, evaluate: Callable[..., Any]) -> Symbol:
    b = _lifted(b)
    left, right = Symbol(a.text, a.value, a.binds), Symbol(b.text, b.value, b.binds)
    tight = (
        _MUL if sign == "*" else _NEG
    )  # a * (b / c) is a * b / c; a / (b * c) keeps its parentheses
    text = f"{left.within(_MUL)} {sign} {right.within(tight)}"
    return Symbol(text, evaluate(a.value, b.value), _MUL, a.negative is not b.negative)


def _matrix_product(a: Symbol, b: Symbol) -> Symbol:
    left, right = Symbol(a.text, a.value, a.binds), Symbol(b.text, b.value, b.binds)
    text = f"{left.within(_MATMUL if left.binds == _MATMUL else _NEG)} @ {right.within(_NEG)}"
    return Symbol(text, RAW.matmul(a.value, b.value), _MATMUL, a.negative is not b.negative)


def _power(a: Symbol, b: Any) -> Symbol:
    b = _lifted(b)
    return Symbol(f"{a.within(_ATOM)}**{b.within(_NEG)}", RAW.pow(a.value, b.value), _POW)


def _comparison(a: Symbol, sign: str, b: Any) -> Symbol:
    b = _lifted(b)
    compare = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "==": np.equal,
        "!=": np.not_equal,
    }[sign]
    return Symbol(f"{a.within(_ADD)} {sign} {b.within(_ADD)}", compare(a.value, b.value), _COMPARE)


# ---------------------------------------------------------------- xp

_OPERATORS: dict[str, Callable[..., Symbol]] = {
    "add": lambda a, b: _lifted(a) + b,
    "sub": lambda a, b: _lifted(a) - b,
    "rsub": lambda a, b: _lifted(b) - a,
    "mul": lambda a, b: _lifted(a) * b,
    "div": lambda a, b: _lifted(a) / b,
    "matmul": lambda a, b: a @ b,
    "pow": lambda a, b: _lifted(a) ** b,
    "neg": lambda x: -x,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "abs": abs,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}


class _Show:
    """The namespace `xp` of symbols: operators where there is one, `name(...)` otherwise."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        kernel = getattr(RAW, name)  # AttributeError for what is no op
        prim = REGISTRY.get(name)
        if prim is not None and prim.means is not None:
            return prim.means
        written = _OPERATORS.get(name)

        def call(*args: Any) -> Any:
            if written is not None and all(isinstance(a, (Symbol, int, float)) for a in args):
                return written(*args)
            value = kernel(*_values(args))
            text = f"{name}({', '.join(_arguments(name, args))})"
            if type(value) is not tuple and type(value) is not list:
                return Symbol(text, value)
            return type(value)(
                Symbol(f"{text}{part}", v)
                for part, v in zip(_parts(name, value), value, strict=True)
            )

        return call


SHOW: Any = _Show()


def _values(args: Any) -> Any:
    """The examples of the symbols in nested tuples and lists."""
    if isinstance(args, Symbol):
        return args.value
    return type(args)(map(_values, args)) if type(args) in (tuple, list) else args


def _arguments(name: str, args: tuple[Any, ...]) -> list[str]:
    """Operands as they are, static parameters by name, without those that have their default at the
    end."""
    prim = REGISTRY.get(name)
    if prim is None:
        return [_text(a) for a in args]
    first = len(prim.args)
    static = list(zip(prim.params, args[first:], prim.defaults, strict=False))
    while static and _same(static[-1][1], static[-1][2]):
        static.pop()
    return [_text(a) for a in args[:first]] + [f"{n}={_text(v)}" for n, v, _ in static]


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (int, float, str)) and a == b)


def _parts(name: str, values: Sequence[Any]) -> list[str]:
    prim = REGISTRY.get(name)
    if prim is not None and len(prim.outputs) == len(values) > 1:
        return [f".{output}" for output in prim.outputs]
    return [f"[{i}]" for i in range(len(values))]


def _text(value: Any) -> str:
    if isinstance(value, Shape):
        return value.text
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, np.dtype):
        return value.name
    if type(value) in (tuple, list):
        inner = ", ".join(map(_text, value)) + "," * (type(value) is tuple and len(value) == 1)
        return f"({inner})" if type(value) is tuple else f"[{inner}]"
    return _number(value) if isinstance(value, float) else repr(value)


# ---------------------------------------------------------------- the formulas of an op


def formula(op: str, *examples: Any, params: tuple[Any, ...] | None = None) -> dict[str, str]:
    """The derivative rule of an op as text: for each operand what becomes of the cotangent `g`.

    Args:
        op: name in the registry.
        examples: arrays for the operands, for their shapes and dtypes (default: float64 [2, 2]).
        params: static parameters in their order (default: their defaults).

    Returns:
        Text by operand; empty for an op without derivative.

    Raises:
        TypeError: the rule branches on values or calls NumPy.

    Example:
        >>> import chainrule
        >>> from chainrule.explain import formula
        >>> formula("sin"), formula("mul")
        ({'x': 'g * cos(x)'}, {'a': 'g * b', 'b': 'g * a'})
    """
    prim = REGISTRY[op]
    if not prim.differentiable:
        return {}
    arrays = examples or tuple(_example(prim) for _ in prim.args)
    static = prim.defaults if params is None else params
    made = prim.kernel(list(arrays), *static) if prim.variadic else prim.kernel(*arrays, *static)
    values = _named(prim, arrays, static, made)
    if prim.joint:
        return _joint(prim, values, made, len(arrays))
    found = {}
    for name, array, rule in zip(prim.args, arrays, prim.rules, strict=True):
        if rule is not None and _floating(array):
            found[name] = _text(_apply(prim, rule, values, made))
    return found


def _example(prim: Primitive) -> Any:
    low, high = prim.domain or (0.5, 1.5)
    return np.linspace(low, high, 6)[1:5].reshape(2, 2)


def _floating(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c", "V")


def _named(
    prim: Primitive, arrays: Sequence[Any], static: Sequence[Any], made: Any
) -> dict[str, Any]:
    """What a rule may ask for, by parameter name."""
    values: dict[str, Any] = dict(zip(prim.params, static, strict=True))
    if prim.variadic:
        name = prim.args[0]
        values[name] = [Symbol(f"{name}[{i}]", a) for i, a in enumerate(arrays)]
        values[f"{name}_shape"] = tuple(
            Shape(a.shape, f"{name}[{i}].shape") for i, a in enumerate(arrays)
        )
        values[f"{name}_dtype"] = tuple(a.dtype for a in arrays)
    else:
        for name, a in zip(prim.args, arrays, strict=True):
            values[name] = (
                a if a is None or isinstance(a, (int, float, complex)) else Symbol(name, a)
            )
            values[f"{name}_shape"] = Shape(getattr(a, "shape", ()), f"{name}.shape")
            values[f"{name}_dtype"] = getattr(a, "dtype", None)
    outs = made if prim.several else (made,)
    values.update((name, Symbol(name, out)) for name, out in zip(prim.outputs, outs, strict=False))
    return values


def _cotangent(prim: Primitive, made: Any) -> Any:
    """`g`, or a tuple of one for every floating output."""
    if not prim.several:
        return Symbol("g", np.ones_like(made))
    names = (
        prim.outputs
        if len(prim.outputs) == len(made)
        else tuple(f"[{i}]" for i in range(len(made)))
    )
    floating = [(n, np.ones_like(m)) for n, m in zip(names, made, strict=True) if _floating(m)]
    if len(floating) == 1 and prim.outputs != ("outs",):
        return Symbol("g", floating[0][1])
    return tuple(Symbol(f"g{n}" if n[0] == "[" else f"g_{n}", m) for n, m in floating)


def _apply(prim: Primitive, rule: Any, values: dict[str, Any], made: Any) -> Any:
    g = _cotangent(prim, made)
    if rule.written is rule.fn:
        return rule.fn(SHOW, g, *[values[n] for n in rule.names])
    # a reduction: its author wrote the rule for values with the reduced dimensions put back
    back = values["x_shape"], values["dim"], values["keepdim"]
    full = {"g": g, **values}
    for name in ("g", "out"):
        full[name] = Symbol(full[name].text, unreduced(RAW, full[name].value, *back))
    return rule.written(
        SHOW, *[full[n] for n in tuple(inspect.signature(rule.written).parameters)[1:]]
    )


def _joint(prim: Primitive, values: dict[str, Any], made: Any, count: int) -> dict[str, str]:
    gradients = _apply(prim, prim.rules[0], values, made)
    names = [f"{prim.args[0]}[{i}]" for i in range(count)] if prim.variadic else prim.args
    return {n: _text(g) for n, g in zip(names, gradients, strict=True) if g is not None}
