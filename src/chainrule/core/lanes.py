"""The fast lanes: `Primitive.call` for the usual case in as few steps as Python allows.

The usual case is float32 or float64, no interpreter, no `out=`; anything else falls back to `call`.
A recorded op costs about 0.5 us beyond its kernel here (a generic path 2 us), so: slots, cell
variables, no keyword calls, no context managers, and the record written out in line. A lane is made
once per op by `core/declare.py` and is the op's public function or operator.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import errors
from .._state import S, grad_enabled
from ..kernels import blocks as _blocks
from .interpreter import composing
from .lane_nodes import binary_node, half_node, number_node, one_node, pair_node, unary_node
from .node import LEAF, next_k
from .primitive import C64, C128, F16, F32, F64, I64, INSTEAD, NONE, NUMBERS, SAME, Primitive
from .tensor import Tensor, blank, wrap

__all__ = ["bare", "binary_lane", "compare_lane", "one_lane", "pair_lane", "unary_lane"]

_ndarray, _new = np.ndarray, object.__new__

_NUMBERS32, _NUMBERS64 = _blocks.NUMBERS[F32], _blocks.NUMBERS[F64]


def unary_lane(prim: Primitive) -> Callable[..., Any]:
    """The public function of a unary elementwise op."""
    kernel, call_general, title = prim.kernel, prim.call, prim.name
    of_complex = prim.promote is not NONE and prim.check is None
    on_arrays = getattr(kernel, "on_arrays", kernel)
    rule = prim.rules[0]
    node_class: Any = unary_node(prim, prim.grad_fn) if rule is not None else None
    saves_x = rule is not None and "x" in rule.names
    saves_out = rule is not None and "out" in rule.names

    def call(input: Any, *, out: Any = None, below: bool = False) -> Any:
        if type(input) is Tensor and (S.mode is None or below) and out is None:
            x = input._data
            dtype = x.dtype
            if dtype is F32 or dtype is F64:
                y = on_arrays(x) if type(x) is _ndarray else kernel(x)
                r = blank()
                r._data = y
                r._grad = r._vc = r._view = r._meta = None
                edge = input._node
                if edge is not None and node_class is not None and (S.grad or grad_enabled()):
                    n = _new(node_class)
                    n.k = next_k()
                    n.e = input if edge is LEAF else edge
                    n.hooks = None
                    if saves_x:
                        n.s0 = input
                        vc = input._vc
                        n.v0 = 0 if vc is None else vc[0]
                    if saves_out:
                        n.s1 = y
                        r._vc = n.v1 = [0]
                    r._node = n
                else:
                    r._node = None
                return r
            plain = of_complex and (dtype is C64 or dtype is C128) and type(x) is _ndarray
            if plain and input._node is None and S.mode is None:
                try:
                    return wrap(kernel(x))
                except _REFUSED:  # the general way says why
                    return call_general(input)
        if not isinstance(input, Tensor):
            raise errors.wrong_type(title, "input", 1, input)
        return call_general(input, out=out)

    prim.lane = call
    return call


def _general(prim: Primitive, title: str | None) -> Callable[..., Any]:
    """`prim.call`; its node has the lane's name for it where interpreters look at nodes only."""
    if title is None or title == prim.grad_fn:
        return prim.call
    named: Any = None

    def call(*inputs: Any, params: tuple[Any, ...] = ()) -> Any:
        nonlocal named
        if S.mode is None or composing():
            return prim.call(*inputs, params=params)
        if named is None:
            named = prim.titled(title)
        return named.call(*inputs, params=params)

    return call


def bare(*operands: Any) -> bool:
    """Whether a call on these is its kernel alone: arrays of float32 or float64, nothing recorded,
    no interpreter."""
    if S.mode is not None:
        return False
    for t in operands:
        if type(t) is not Tensor:
            return False
        x = t._data
        if type(x) is not _ndarray or not (x.dtype is F32 or x.dtype is F64):
            return False
        if t._node is not None and (S.grad or grad_enabled()):
            return False
    return True


_REFUSED = (ValueError, TypeError, OverflowError)


def one_lane(
    prim: Primitive, title: str | None = None, raw: Any = None
) -> Callable[[Any, tuple[Any, ...]], Any]:
    """`call(x, params)` of an op of one operand with static parameters, not a view, one output; any
    dtype.

    What a `spelled` function returns instead of `prim.call(x, params=params)`. What the kernel
    refuses goes the general way, which says why.

    Args:
        title: name of the node, where it is not the op's `grad_fn` (SumBackward0 without,
            SumBackward1 with `dim`).
        raw: the kernel for float32 and float64, where the declared one also knows other dtypes.
    """
    kernel, call_general = prim.kernel, _general(prim, title)
    raw = raw or kernel
    rule = prim.rules[0]
    node_class: Any = one_node(prim, title or prim.grad_fn) if rule is not None else None
    saves_x, saves_shape, saves_out = (
        rule is not None and n in rule.names for n in ("x", "x_shape", "out")
    )

    def call(x: Any, params: tuple[Any, ...]) -> Any:
        if S.mode is not None or not isinstance(x, Tensor):
            return call_general(x, params=params)
        data = x._data
        dtype = data.dtype
        try:
            if dtype is F32 or dtype is F64:
                y = raw(data, *params)
            elif dtype.kind == "V" or (INSTEAD and x.is_sparse):  # bfloat16: its rules need a cast
                return call_general(x, params=params)
            else:
                y = kernel(data, *params)
        except _REFUSED:
            return call_general(x, params=params)
        r = blank()
        r._data = y
        r._grad = r._vc = r._view = r._meta = None
        edge = x._node
        if edge is not None and node_class is not None and (S.grad or grad_enabled()):
            n = _new(node_class)
            n.k = next_k()
            n.e = x if edge is LEAF else edge
            n.hooks = None
            n.p = params
            if saves_x:
                n.s0 = x
                vc = x._vc
                n.v0 = 0 if vc is None else vc[0]
            elif saves_shape:
                n.s0 = data.shape
            if saves_out:
                n.s1 = y
                r._vc = n.v1 = [0]
            r._node = n
        else:
            r._node = None
        return r

    if title is None or title == prim.grad_fn:
        prim.short = call
    return call


def pair_lane(prim: Primitive, title: str) -> Any:
    """`call(a, b)` of an op of two tensors without parameters that checks shapes and dtypes in its
    kernel (matmul).

    The caller has made sure that both are tensors of one dtype and that no interpreter runs; its
    `general` is the same call where one does.
    """
    kernel = prim.kernel
    node_class: Any = pair_node(prim, title)

    def call(a: Any, b: Any) -> Any:
        x, y = a._data, b._data
        r = blank()
        r._data = kernel(x, y)
        r._grad = r._vc = r._view = r._meta = None
        ea, eb = a._node, b._node
        if (ea is not None or eb is not None) and (S.grad or grad_enabled()):
            n = _new(node_class)
            n.k = next_k()
            n.e = (a if ea is LEAF else ea, b if eb is LEAF else eb)
            n.hooks = n.s0 = n.s1 = None
            n.v0 = n.v1 = 0
            n.p = (x.shape, y.shape)
            if eb is not None:
                n.s0 = a
                vc = a._vc
                if vc is not None:
                    n.v0 = vc[0]
            if ea is not None:
                n.s1 = b
                vc = b._vc
                if vc is not None:
                    n.v1 = vc[0]
            r._node = n
        else:
            r._node = None
        return r

    lane: Any = call
    lane.general = _general(prim, title)
    return lane


def binary_lane(prim: Primitive, *, constants: bool, dunder: bool) -> Callable[..., Any]:
    """The public function of a binary elementwise op, or its operator (which answers
    NotImplemented).

    Args:
        constants: numbers may reach the kernel as cached 0-d arrays (faster than Python floats).
        dunder: make the operator.
    """
    kernel, call_general = prim.kernel, prim.call
    with_number = _number_path(prim, constants)
    recorded = _pair_recorder(prim)
    on_integers, on_others = _integer_path(prim), _other_path(prim)

    def call(input: Any, other: Any, *, below: bool = False) -> Any:
        if S.mode is None or (below and isinstance(input, Tensor)):
            x = input._data
            dtype = x.dtype
            if dtype is F32 or dtype is F64:
                kind = type(other)
                if kind is Tensor or isinstance(other, Tensor):
                    y = other._data
                    if dtype is y.dtype:
                        a, b = input._node, other._node
                        tracked = (a is not None or b is not None) and (S.grad or grad_enabled())
                        if recorded is not None or not tracked:
                            try:
                                z = kernel(x, y)
                            except ValueError:
                                raise errors.broadcast(prim.name, (x.shape, y.shape)) from None
                            r = blank()
                            r._data = z
                            r._grad = r._vc = r._view = r._meta = None
                            r._node = recorded(input, other, a, b, x, y) if tracked else None  # type: ignore[misc]
                            return r
                elif (kind is float or kind is int) and with_number is not None:
                    return with_number(input, x, dtype, other)
            elif dtype is I64:
                if on_integers is not None:
                    made = on_integers(input, other)
                    if made is not None:
                        return made
            elif (dtype is C64 or dtype is C128 or dtype is F16) and on_others is not None:
                made = on_others(input, other)
                if made is not None:
                    return made
        if dunder and not isinstance(other, (Tensor, *NUMBERS, np.generic)):
            if not isinstance(other, _ndarray):
                return NotImplemented
            other = wrap(np.array(other))
        return call_general(input, other)

    if dunder:
        return call
    prim.lane = call

    def public(input: Any, other: Any, *, out: Any = None) -> Any:
        if out is None and isinstance(input, Tensor):
            return call(input, other)
        return call_general(input, other, out=out)

    return public


_TOO_LARGE = 1 << 63


@cache  # the function and the operator of an op share these
def _integer_path(prim: Primitive) -> Callable[[Any, Any], Any] | None:
    """int64 and int64, tensor or number: what needs no promotion and no record. None for others."""
    if prim.promote is not SAME:
        return None
    kernel, check, numbers = prim.kernel, prim.check, prim.numbers

    def on_integers(input: Any, other: Any) -> Any:
        if type(other) is int and numbers and -_TOO_LARGE <= other < _TOO_LARGE:
            y = other
        elif type(other) is Tensor and other._data.dtype is I64:
            y = other._data
        else:
            return None
        if check is not None:
            check((input, other), (input, other))
        try:
            return wrap(kernel(input._data, y))
        except ValueError:
            return None  # the general way says why

    return on_integers


@cache
def _other_path(prim: Primitive) -> Callable[[Any, Any], Any] | None:
    """Complex tensors, or float16, of one dtype that are not recorded. None for others."""
    if prim.promote is NONE or prim.check is not None:
        return None
    kernel = prim.kernel

    def on_others(input: Any, other: Any) -> Any:
        if type(other) is not Tensor or input._node is not None or other._node is not None:
            return None
        x, y = input._data, other._data
        if x.dtype is not y.dtype or type(x) is not _ndarray or type(y) is not _ndarray:
            return None
        try:
            return wrap(kernel(x, y))
        except _REFUSED:
            return None  # the general way says why

    return on_others


@cache
def _number_path(prim: Primitive, constants: bool) -> Callable[..., Any] | None:
    """Tensor and number: evaluate, and record with a `NumberNode`; None if the op has no such
    path."""
    rule, kernel = prim.rules[0], prim.kernel
    if not prim.numbers or rule is None or "out" in rule.names:
        return None
    title = prim.number_node.__name__ if prim.number_node else prim.grad_fn
    node_class: Any = number_node(prim, title)
    saves_a = "a" in rule.names

    def with_number(input: Any, x: Any, dtype: Any, other: Any) -> Any:
        number = other
        if constants and type(x) is _ndarray:
            number = (_NUMBERS32 if dtype is F32 else _NUMBERS64).get(other)
            if number is None:
                number = _blocks.number(other, dtype)
        r = blank()
        r._data = kernel(x, number)
        r._grad = r._vc = r._view = r._meta = None
        edge = input._node
        if edge is None or not (S.grad or grad_enabled()):
            r._node = None
            return r
        r._node = n = _new(node_class)
        n.k = next_k()
        n.e = input if edge is LEAF else edge
        n.hooks = None
        n.s1, n.p = number, other
        if saves_a:
            n.s0 = input
            vc = input._vc
            n.v0 = 0 if vc is None else vc[0]
        return r

    return with_number


@cache
def _pair_recorder(prim: Primitive) -> Callable[..., Any] | None:
    """Makes the node of a call on two tensors; None if a rule wants the output (the general path).

    Which operands are saved depends on which edges there are; one edge makes a `HalfNode`.
    """
    rule_a, rule_b = prim.rules
    if rule_a is None or rule_b is None or "out" in rule_a.names + rule_b.names:
        return None
    both: Any = binary_node(prim, prim.grad_fn)
    left: Any = half_node(prim, prim.grad_fn, 0)
    right: Any = half_node(prim, prim.grad_fn, 1)
    a_for_a, b_for_a = "a" in rule_a.names, "b" in rule_a.names
    a_for_b, b_for_b = "a" in rule_b.names, "b" in rule_b.names
    a_for_both, b_for_both = a_for_a or a_for_b, b_for_a or b_for_b

    def recorded(input: Any, other: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
        if b is None:
            n = _new(left)
            n.e = input if a is LEAF else a
            save_a, save_b = a_for_a, b_for_a
        elif a is None:
            n = _new(right)
            n.e = other if b is LEAF else b
            save_a, save_b = a_for_b, b_for_b
        else:
            n = _new(both)
            n.e = (input if a is LEAF else a, other if b is LEAF else b)
            save_a, save_b = a_for_both, b_for_both
        n.k = next_k()
        n.hooks = n.s0 = n.s1 = n.p = None
        if save_a:
            n.s0 = input
            vc = input._vc
            n.v0 = 0 if vc is None else vc[0]
        if save_b:
            n.s1 = other
            vc = other._vc
            n.v1 = 0 if vc is None else vc[0]
        sx, sy = x.shape, y.shape
        if sx != sy:
            n.p = sx if b is None else sy if a is None else (sx, sy)
        return n

    return recorded


def compare_lane(prim: Primitive, *, dunder: bool) -> Callable[..., Any]:
    """The public function of a binary op without derivative, or its operator."""
    kernel, call_general = prim.kernel, prim.call
    on_integers = _integer_path(prim)

    def call(input: Any, other: Any) -> Any:
        if S.mode is None and isinstance(input, Tensor):
            x = input._data
            kind = type(other)
            dtype = x.dtype
            y = other if kind is int or kind is float else other._data if kind is Tensor else None
            if (
                y is not None
                and (dtype is F32 or dtype is F64)
                and (kind is not Tensor or dtype is y.dtype)
            ):
                try:
                    return wrap(kernel(x, y))
                except ValueError:
                    raise errors.broadcast(prim.name, (x.shape, y.shape)) from None
            if dtype is I64 and on_integers is not None:
                made = on_integers(input, other)
                if made is not None:
                    return made
        if dunder and not isinstance(other, (Tensor, *NUMBERS, np.generic)):
            if not isinstance(other, _ndarray):
                return NotImplemented
            other = wrap(np.array(other))
        return call_general(input, other)

    if dunder:
        return call

    def public(input: Any, other: Any, *, out: Any = None) -> Any:
        return call(input, other) if out is None else call_general(input, other, out=out)

    return public
