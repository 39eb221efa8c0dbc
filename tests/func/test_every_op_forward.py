"""Forward mode of every op: the same product as reverse mode, and the rule by kind as the
transposed one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from ops.checking import (
    arrays,
    call,
    cotangents,
    differentiable,
    direction,
    floating,
    gradients,
    inner,
    is_array,
    outputs,
    wide,
)
from ops.samples import RANDOM, Sample, complex_samples, samples_of

from chainrule.core import forward
from chainrule.core.forward import Forward
from chainrule.core.primitive import REGISTRY, Primitive
from chainrule.core.tensor import wrap

Case = tuple[Primitive, Sample]


def cases() -> list[Any]:
    found = []
    for prim in REGISTRY.values():
        if prim.name in RANDOM or not prim.differentiable:
            continue
        try:
            samples = [*samples_of(prim), *complex_samples(prim)]
        except LookupError:
            continue
        found += [
            pytest.param((prim, s), id=f"{prim.name}-{i}") for i, s in enumerate(samples) if s.exact
        ]
    return found


def leaves(operands: list[Any]) -> list[Any]:
    """The operands as tensors, floating ones as leaves."""
    made = [wrap(np.array(v)) if is_array(v) else v for v in operands]
    return [
        t.requires_grad_() if is_array(v) and v.dtype.kind in "fc" else t
        for t, v in zip(made, operands, strict=True)
    ]


def run(prim: Primitive, operands: list[Any], params: Any) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return outputs(prim, call(prim, operands, params))


@pytest.mark.parametrize("case", cases())
def test_forward_mode_is_dual_to_reverse_mode(case: Case) -> None:
    prim, sample = case
    operands = [wide(v) for v in sample.operands]
    tensors = leaves(operands)
    outs = differentiable(run(prim, tensors, sample.params))
    if not outs:
        return
    inputs = floating(tensors)
    gs = cotangents(outs)
    pulled = arrays(gradients(outs, inputs, gs))
    along = [direction(x._data, 50 + i) for i, x in enumerate(inputs)]
    moved = push(prim, operands, along, sample.params)
    assert len(moved) == len(outs)
    for t, o in zip(moved, outs, strict=True):
        assert t.shape == o._data.shape
        assert t.dtype == o._data.dtype
    np.testing.assert_allclose(
        inner(arrays(gs), moved), inner(pulled, along), rtol=1e-8, atol=1e-10
    )


def push(prim: Primitive, operands: list[Any], along: list[Any], params: Any) -> list[Any]:
    """The tangents of the outputs that have a derivative (zeros where forward mode says none)."""
    source = iter(along)
    with Forward() as level:
        duals = []
        for v in operands:
            if is_array(v) and v.dtype.kind in "fc":
                duals.append(level.dual(wrap(np.array(v)), wrap(next(source))))
            else:
                duals.append(wrap(np.array(v)) if is_array(v) else v)
        outs = run(prim, duals, params)
        found = [(level.inner(t), level.tangent(t)) for t in outs]
    wanted = [o.requires_grad for o in run(prim, leaves(operands), params)]
    return [
        np.zeros_like(o._data) if t is None else np.asarray(t._data)
        for (o, t), w in zip(found, wanted, strict=True)
        if w
    ]


@pytest.mark.parametrize(
    "name", ["sin", "mul", "sum", "std", "logsumexp", "cat", "index_add", "gather"]
)
def test_the_rule_by_kind_is_the_transposed_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prim = REGISTRY[name]
    for sample in samples_of(prim):
        operands = [wide(v) for v in sample.operands]
        along = [
            direction(v, 7 + i)
            for i, v in enumerate(operands)
            if is_array(v) and v.dtype.kind in "fc"
        ]
        by_kind = push(prim, operands, along, sample.params)
        with monkeypatch.context() as patch:
            for rule in ("_elementwise", "_linear", "_reduction", "_linear_in"):
                patch.setattr(forward, rule, forward._transposed)
            transposed = push(prim, operands, along, sample.params)
        for a, b in zip(by_kind, transposed, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
