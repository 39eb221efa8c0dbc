"""How ops are examined: calls on leaves, differences along one direction, comparison of nested
results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ops.samples import Sample

import chainrule as torch
from chainrule.core import engine
from chainrule.core.primitive import Primitive
from chainrule.core.tensor import Tensor, wrap


def is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def inexact(value: Any) -> bool:
    return is_array(value) and value.dtype.kind in "fc"


def tensors_of(operands: Sequence[Any]) -> list[Any]:
    """The operands as tensors outside the graph; numbers and None stay."""
    return [wrap(np.array(v)) if is_array(v) else v for v in operands]


def active(prim: Primitive, sample: Sample) -> list[bool]:
    """Which operands a gradient reaches: floating ones that have a rule."""
    rules = prim.rules * len(sample.operands) if prim.joint else prim.rules
    pairs = enumerate(zip(rules, sample.operands, strict=True))
    return [r is not None and inexact(v) and i not in sample.constant for i, (r, v) in pairs]


def leaves(prim: Primitive, sample: Sample, operands: Sequence[Any] | None = None) -> list[Any]:
    """The operands (others of their kind, if given) as tensors, those that a gradient reaches as
    leaves."""
    made = tensors_of(sample.operands if operands is None else operands)
    for t, wanted in zip(made, active(prim, sample), strict=True):
        if wanted:
            t.requires_grad_()
    return made


def call(prim: Primitive, operands: Sequence[Any], params: tuple[Any, ...]) -> Any:
    """One call: elementwise ops by their public function (the fast lanes), others with canonical
    parameters."""
    if prim.kind == "elementwise" and not params:
        return prim.public(*operands, *params)
    return prim.call(*operands, params=params)


def outputs(prim: Primitive, result: Any) -> list[Tensor]:
    return list(result) if prim.several else [result]


def differentiable(outs: Sequence[Tensor]) -> list[Tensor]:
    return [t for t in outs if t.requires_grad]


def run(prim: Primitive, operands: Sequence[Any], params: tuple[Any, ...]) -> list[Tensor]:
    """The outputs, always with the same random numbers."""
    torch.manual_seed(1)
    return outputs(prim, call(prim, operands, params))


def direction(like: Any, seed: int) -> Any:
    """A random array of the same shape and dtype, as numbers or as a tensor's data."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal(like.shape)
    if like.dtype.kind == "c":
        made = made + 1j * rng.standard_normal(like.shape)
    return np.asarray(made).astype(like.dtype)


def cotangents(outs: Sequence[Tensor], seed: int = 5) -> list[Tensor]:
    return [wrap(direction(t._data, seed + i)) for i, t in enumerate(outs)]


def gradients(
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    gs: Sequence[Tensor],
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> list[Tensor]:
    """Gradients of all floating inputs, zeros where there is none."""
    if not inputs:
        return []
    found = engine.grad(outs, inputs, gs, create_graph=create_graph, retain_graph=retain_graph)
    return [
        wrap(np.zeros_like(t._data)) if g is None else g for g, t in zip(found, inputs, strict=True)
    ]


def floating(tensors: Sequence[Any]) -> list[Tensor]:
    return [t for t in tensors if isinstance(t, Tensor) and t.requires_grad]


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    """The real inner product of lists of arrays (complex numbers as pairs)."""
    return float(sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(a, b, strict=True)))


def difference(f: Callable[[list[Any]], list[Any]], at: list[Any], along: list[Any]) -> list[Any]:
    """Central difference of `f` along one direction, of fourth order."""

    def moved(step: float) -> list[Any]:
        return f([x + step * v for x, v in zip(at, along, strict=True)])

    h = 1e-3
    near = zip(moved(h), moved(-h), strict=True)
    far = zip(moved(2 * h), moved(-2 * h), strict=True)
    return [(8 * (a - b) - (c - d)) / (12 * h) for (a, b), (c, d) in zip(near, far, strict=True)]


def arrays(tensors: Sequence[Tensor]) -> list[Any]:
    return [np.array(t._data) for t in tensors]


def wide(value: Any) -> Any:
    """Floating arrays in double precision; the rest as it is."""
    if not inexact(value):
        return value
    return np.asarray(value).astype(np.complex128 if value.dtype.kind == "c" else np.float64)


def narrow(value: Any) -> Any:
    """Floating arrays in single precision; the rest as it is."""
    if not inexact(value):
        return value
    return np.asarray(value).astype(np.complex64 if value.dtype.kind == "c" else np.float32)


def with_arrays(prim: Primitive, sample: Sample, new: Sequence[Any]) -> list[Any]:
    """The operands with those that a gradient reaches replaced in order."""
    source = iter(new)
    wanted = active(prim, sample)
    return [next(source) if w else v for v, w in zip(sample.operands, wanted, strict=True)]


def assert_same(found: Any, expected: Any, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Equal shapes, dtypes and values (NaN equals NaN), for a tensor or array or lists of them."""
    if isinstance(found, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b, rtol=rtol, atol=atol)
        return
    a = found._data if isinstance(found, Tensor) else found
    b = expected._data if isinstance(expected, Tensor) else expected
    assert a.dtype == b.dtype, f"dtype {a.dtype}, expected {b.dtype}"
    assert a.shape == b.shape, f"shape {a.shape}, expected {b.shape}"
    if rtol or atol:
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    else:
        np.testing.assert_array_equal(a, b)


def gradient_error(prim: Primitive, sample: Sample) -> tuple[float, float]:
    """(the derivative along a direction by differences, the same by the rule): the inner-product
    identity."""
    tensors = leaves(prim, sample)
    outs = differentiable(run(prim, tensors, sample.params))
    gs = cotangents(outs)
    inputs = floating(tensors)
    at = arrays(inputs)
    along = [direction(a, 50 + i) for i, a in enumerate(at)]

    def f(moved: list[Any]) -> list[Any]:
        made = run(prim, leaves(prim, sample, with_arrays(prim, sample, moved)), sample.params)
        return arrays(differentiable(made))

    numeric = inner(arrays(gs), difference(f, at, along))
    by_rule = inner(arrays(gradients(outs, inputs, gs)), along)
    return numeric, by_rule


def second_order_error(prim: Primitive, sample: Sample) -> tuple[float, float]:
    """The same for the gradient as a function of operands and cotangents."""
    tensors = leaves(prim, sample)
    inputs = floating(tensors)
    outs = differentiable(run(prim, tensors, sample.params))
    gs = [g.requires_grad_() for g in cotangents(outs)]
    first = gradients(outs, inputs, gs, create_graph=True)
    weights = [direction(g._data, 80 + i) for i, g in enumerate(first)]
    at = arrays([*inputs, *gs])
    along = [direction(a, 110 + i) for i, a in enumerate(at)]

    def f(moved: list[Any]) -> list[Any]:
        again = leaves(prim, sample, with_arrays(prim, sample, moved[: len(inputs)]))
        made = differentiable(run(prim, again, sample.params))
        return arrays(gradients(made, floating(again), [wrap(g) for g in moved[len(inputs) :]]))

    numeric = inner(weights, difference(f, at, along))
    recorded = [(g, wrap(w)) for g, w in zip(first, weights, strict=True) if g.requires_grad]
    if not recorded:
        return numeric, 0.0
    second = gradients([g for g, _ in recorded], [*inputs, *gs], [w for _, w in recorded])
    return numeric, inner(arrays(second), along)
