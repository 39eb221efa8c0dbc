"""Every op of the registry under vmap, compared with a loop, whichever operands carry the batch and
where."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from ops.checking import call, is_array, outputs
from ops.samples import RANDOM, Sample, samples_of

import chainrule as torch
from chainrule.core import batching
from chainrule.core.primitive import REGISTRY, Primitive
from chainrule.core.tensor import Tensor, wrap
from chainrule.core.vmap import vmap

SIZE = 3
REFUSED = {
    "nonzero",
    "masked_select",
    "unique",
    "unique_dim",
    "unique_consecutive",
}  # shapes depend on values
FRONT = {"as_strided"}  # the function reads the memory; the op itself is examined

Case = tuple[Primitive, Sample]


def cases() -> list[Any]:
    found = []
    for prim in REGISTRY.values():
        if prim.name in REFUSED or prim.name in RANDOM:
            continue
        try:
            samples = samples_of(prim)
        except LookupError:
            continue
        for i, s in enumerate(samples):
            if any(is_array(v) for v in s.operands):
                found.append(pytest.param((prim, s), id=f"{prim.name}-{i}"))
    return found


def elements(value: Any) -> list[Any]:
    """Variants of an operand, one for each element of the batch: scaled, or with its elements in
    another order."""
    value = np.asarray(value)
    if value.dtype.kind in "fc":
        return [value * (1 - 0.03 * i) for i in range(SIZE)]
    return [np.roll(value.reshape(-1), i).reshape(value.shape) for i in range(SIZE)]


def subsets(prim: Primitive, operands: Any) -> list[tuple[bool, ...]]:
    """Which operands carry the batch: each alone, and all together."""
    arrays = [i for i, v in enumerate(operands) if is_array(v)]
    chosen = [{i} for i in arrays] + ([set(arrays)] if len(arrays) > 1 else [])
    if len(arrays) == 3:
        chosen += [set(pair) for pair in itertools.combinations(arrays, 2)]
    return [tuple(i in c for i in range(len(operands))) for c in chosen]


def function(prim: Primitive, sample: Sample) -> Any:
    fixed = list(sample.operands)
    where = [i for i, v in enumerate(fixed) if is_array(v)]

    def f(*tensors: Tensor) -> Any:
        operands = list(fixed)
        for i, t in zip(where, tensors, strict=True):
            operands[i] = t
        if prim.name in FRONT:
            return tuple(outputs(prim, prim.call(*operands, params=sample.params)))
        return tuple(outputs(prim, call(prim, operands, sample.params)))

    return f, where


def needs_value(prim: Primitive, i: int) -> bool:
    """Whether the kernel reads this operand's values to find shapes, so that it cannot carry a
    batch."""
    return (prim.name, i) in {("index", 1), ("index_put_canonical", 2)}


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_vmap_is_a_loop(case: Case, last: bool) -> None:
    prim, sample = case
    f, where = function(prim, sample)
    for subset in subsets(prim, sample.operands):
        if any(
            b
            and np.asarray(v).dtype.kind == "b"
            and needs_value(prim, min(i, 2 if v is not None else i))
            for i, (v, b) in enumerate(zip(sample.operands, subset, strict=True))
            if is_array(v) and "index" in prim.name
        ):
            continue
        tensors, dims, singles = [], [], []
        for i in where:
            value = np.asarray(sample.operands[i])
            if not subset[i]:
                tensors.append(wrap(value.copy()))
                dims.append(None)
                singles.append([value] * SIZE)
                continue
            many = elements(value)
            dim = value.ndim if last else 0
            tensors.append(wrap(np.stack(many, dim)))
            dims.append(dim)
            singles.append(many)
        try:
            expected = [f(*[wrap(np.array(s[k])) for s in singles]) for k in range(SIZE)]
        except (RuntimeError, IndexError):
            continue  # this variant is no valid call
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = vmap(f, in_dims=tuple(dims))(*tensors)
        for j, t in enumerate(found):
            wanted = np.stack([np.asarray(e[j]._data) for e in expected])
            assert t._data.dtype == wanted.dtype, (subset, t._data.dtype, wanted.dtype)
            assert t._data.shape == wanted.shape, (subset, t._data.shape, wanted.shape)
            np.testing.assert_allclose(t._data, wanted, rtol=1e-9, atol=1e-12, err_msg=str(subset))


@pytest.mark.parametrize("name", sorted(REFUSED & set(REGISTRY)))
def test_shapes_that_depend_on_values_are_refused(name: str) -> None:
    prim = REGISTRY[name]
    sample = samples_of(prim)[0]
    f, where = function(prim, sample)
    tensors = [wrap(np.stack([sample.operands[i]] * 2)) for i in where]
    with pytest.raises(RuntimeError, match=r"vmap: (We do not support batching|Attempted to vmap)"):
        vmap(f)(*tensors)


def test_an_op_without_rule_warns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(batching.RULES, "cumsum", batching.loop)
    monkeypatch.setattr(batching, "_warned", set())
    x = torch.ones(2, 3)
    with pytest.warns(
        UserWarning, match="There is a performance drop because we have not yet implemented"
    ):
        first = vmap(lambda a: a.cumsum(0))(x)
    assert torch.equal(first, x.cumsum(1))
    vmap(lambda a: a.cumsum(0))(x)
