"""Every op of the registry, examined because it is declared.

One test per check and call of an op (`samples.py` has the calls, `checking.py` the means). What an
op promises by its
declaration alone: its value, its dtype, a derivative that agrees with differences (twice), the same
rule read on arrays, on recorded tensors, by the recorder and as symbols, memory released and never
shared, in-place and `out=`.
"""

from __future__ import annotations

import gc
import inspect
import weakref
from typing import Any

import numpy as np
import pytest
from ops import calls, references
from ops.checking import (
    active,
    arrays,
    assert_same,
    call,
    cotangents,
    differentiable,
    floating,
    gradient_error,
    gradients,
    inexact,
    is_array,
    leaves,
    narrow,
    outputs,
    run,
    second_order_error,
    tensors_of,
)
from ops.samples import RANDOM, Sample, complex_samples, samples_of

import chainrule as torch
import chainrule.compile as recorder
from chainrule import errors
from chainrule.core import engine
from chainrule.core.declare import METHODS, REQUIRED
from chainrule.core.primitive import PUBLIC, REGISTRY, Primitive
from chainrule.core.tensor import Tensor, wrap
from chainrule.core.views import inplace
from chainrule.explain import formula

Case = tuple[Primitive, Sample]
REFERENCES = references.REFERENCES | calls.REFERENCES


@pytest.fixture(autouse=True)
def plain_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors without the names of variables, which take long to find below a test runner."""
    monkeypatch.setattr(errors, "named", lambda thing: ("", ""))


def cases() -> list[Any]:
    """Every call of every op that has samples (a test below demands them)."""
    found = []
    for prim in REGISTRY.values():
        try:
            samples = samples_of(prim)
        except LookupError:
            continue
        found += [pytest.param((prim, s), id=f"{prim.name}-{i}") for i, s in enumerate(samples)]
    return found


CASES = cases()


def that(condition: Any) -> list[Any]:
    """The calls whose op (and sample) fulfil a condition."""
    return [c for c in CASES if condition(*c.values[0])]


def first(condition: Any) -> list[Any]:
    """The first such call of every op."""
    found: dict[str, Any] = {}
    for c in that(condition):
        found.setdefault(c.values[0][0].name, c)
    return list(found.values())


def has_gradient(prim: Primitive, sample: Sample) -> bool:
    """Whether a gradient reaches one of the operands of this call."""
    if not prim.differentiable:
        return False
    return prim.name not in IDENTITY and any(active(prim, sample))


IDENTITY = {"positive"}  # gives its operand itself


def real(prim: Primitive, sample: Sample) -> bool:
    return not any(is_array(v) and v.dtype.kind == "c" for v in sample.operands)


def takes_number(prim: Primitive, sample: Sample) -> bool:
    """Whether users may give a number as the second operand."""
    return prim.kind == "elementwise" and len(prim.args) == 2 and prim.numbers and is_public(prim)


def is_public(prim: Primitive) -> bool:
    names = [path.rpartition(".")[2] for path, f in PUBLIC.items() if f is prim.public]
    return any(not n.startswith("_") for n in names)


DIFFERENTIABLE = that(has_gradient)
EXACT = that(lambda p, s: has_gradient(p, s) and s.exact)


@pytest.mark.parametrize("name", list(REGISTRY))
def test_has_samples(name: str) -> None:
    assert samples_of(REGISTRY[name])


# ---------------------------------------------------------------- forward


@pytest.mark.parametrize("case", that(lambda p, s: p.name in REFERENCES and real(p, s)))
def test_value(case: Case) -> None:
    prim, sample = case
    operands = [list(sample.operands)] if prim.variadic else list(sample.operands)
    expected = REFERENCES[prim.name](*operands, *sample.params)
    found = run(prim, tensors_of(sample.operands), sample.params)
    listed = list(expected) if isinstance(expected, (tuple, list)) else [expected]
    assert len(found) == len(listed)
    for a, b in zip(found, listed, strict=True):
        assert a.shape == np.shape(b)
        np.testing.assert_allclose(a._data, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_both_paths_agree(case: Case) -> None:
    prim, sample = case
    lane = run(prim, tensors_of(sample.operands), sample.params)
    torch.manual_seed(1)
    general = prim.call(*tensors_of(sample.operands), params=sample.params)
    assert_same(lane, outputs(prim, general))


@pytest.mark.parametrize("case", that(real))
def test_float32_stays_float32(case: Case) -> None:
    prim, sample = case
    doubles = run(prim, leaves(prim, sample), sample.params)
    tensors = leaves(prim, sample, [narrow(v) for v in sample.operands])
    outs = run(prim, tensors, sample.params)
    singles = {"float64": "float32", "complex128": "complex64"}
    for a, b in zip(outs, doubles, strict=True):
        expected = (
            b.dtype.name if prim.name in FIXED_DTYPE else singles.get(b.dtype.name, b.dtype.name)
        )
        assert a.dtype.name == expected
        if b.dtype.is_floating_point and prim.name not in RANDOM:
            np.testing.assert_allclose(a._data, b._data, rtol=1e-3, atol=1e-4)
    recorded = differentiable(outs)
    for g, t in zip(
        gradients(recorded, floating(tensors), cotangents(recorded)), floating(tensors), strict=True
    ):
        assert (g.dtype, g.shape) == (t.dtype, t.shape)


FIXED_DTYPE = {"to_dtype", "_view_dtype"}  # the dtype of the result is a parameter


@pytest.mark.parametrize("case", CASES)
def test_operands_are_not_touched(case: Case) -> None:
    prim, sample = case
    tensors = tensors_of(sample.operands)
    before = [np.array(t._data) if isinstance(t, Tensor) else t for t in tensors]
    run(prim, tensors, sample.params)
    for t, b in zip(tensors, before, strict=True):
        if isinstance(t, Tensor):
            assert_same(t, b)
            assert t._version == 0


@pytest.mark.parametrize("case", CASES)
def test_non_contiguous_operands(case: Case) -> None:
    prim, sample = case
    strided = [_scattered(v) if is_array(v) else v for v in sample.operands]
    wanted = active(prim, sample)
    tensors = [
        wrap(v).requires_grad_(w) if is_array(v) else v
        for v, w in zip(strided, wanted, strict=True)
    ]
    plain = leaves(prim, sample)
    outs, expected = (run(prim, ts, sample.params) for ts in (tensors, plain))
    assert_same(outs, expected, rtol=1e-12, atol=1e-12)
    gs = cotangents(differentiable(expected))
    found = gradients(differentiable(outs), floating(tensors), gs)
    assert_same(
        found, gradients(differentiable(expected), floating(plain), gs), rtol=1e-12, atol=1e-12
    )


def _scattered(value: Any) -> Any:
    """The same numbers, every second one of a larger memory, dimensions in reversed order."""
    if not value.ndim:
        return value
    memory = np.zeros(tuple(2 * n for n in reversed(value.shape)), value.dtype)
    made = memory[tuple(slice(None, None, 2) for _ in value.shape)].T
    made[...] = value
    return made


# ---------------------------------------------------------------- derivatives


@pytest.mark.parametrize("case", EXACT)
def test_gradient(case: Case) -> None:
    numeric, by_rule = gradient_error(*case)
    assert by_rule == pytest.approx(numeric, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("case", EXACT)
def test_second_order(case: Case) -> None:
    numeric, by_rule = second_order_error(*case)
    assert by_rule == pytest.approx(numeric, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_both_readings_of_the_rule_agree(case: Case) -> None:
    prim, sample = case
    tensors = leaves(prim, sample)
    outs = differentiable(run(prim, tensors, sample.params))
    gs = cotangents(outs)
    recorded = gradients(outs, floating(tensors), gs, create_graph=True, retain_graph=True)
    raw = gradients(outs, floating(tensors), gs)
    assert_same(recorded, raw, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_result_knows_its_node(case: Case) -> None:
    prim, sample = case
    for t in run(prim, leaves(prim, sample), sample.params):
        assert t.requires_grad == (t.is_floating_point() or t.is_complex())
        if t.requires_grad:
            assert t.grad_fn is not None
            if isinstance(sample.operands[-1], np.ndarray) or prim.kind != "elementwise":
                assert type(t.grad_fn).__name__ == prim.grad_fn
    with torch.no_grad():
        unrecorded = run(prim, leaves(prim, sample), sample.params)
    assert all(t.grad_fn is None for t in unrecorded)


@pytest.mark.parametrize("case", that(lambda p, s: not p.differentiable))
def test_without_rule_nothing_is_recorded(case: Case) -> None:
    prim, sample = case
    assert not any(t.requires_grad for t in run(prim, leaves(prim, sample), sample.params))


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_gradients_have_memory_of_their_own(case: Case) -> None:
    prim, sample = case
    tensors = leaves(prim, sample)
    inputs = floating(tensors)
    outs = differentiable(run(prim, tensors, sample.params))
    gs = cotangents(outs)
    before = arrays(gs)
    engine.backward(outs, gs)
    assert_same(gs, before)
    held = [t._data for t in (*inputs, *outs, *gs) if isinstance(t._data, np.ndarray)]
    grads = [t.grad._data for t in inputs if t.grad is not None]
    for i, g in enumerate(grads):
        others = [a for a in (*held, *grads[:i]) if isinstance(g, np.ndarray)]
        assert not any(np.shares_memory(g, a) for a in others)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_saved_values_are_released(case: Case) -> None:
    prim, sample = case
    tensors = leaves(prim, sample)
    outs = differentiable(run(prim, tensors, sample.params))
    gs = cotangents(outs)
    node = outs[0].grad_fn
    kinds = [kind for kind, _, _ in prim.layout.saves]
    saves = (
        any(isinstance(v, Tensor) for v in node.saved().values())
        or "out" in kinds
        or (prim.variadic and "x" in kinds)
    )
    kept = gradients(outs, floating(tensors), gs, retain_graph=True)
    assert_same(gradients(outs, floating(tensors), gs), kept)
    held = [
        s for s in (getattr(node, n, None) for n in SAVED_IN) if isinstance(s, (Tensor, np.ndarray))
    ]
    assert not held, "the node still holds what it saved"
    if saves:
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            gradients(outs, floating(tensors), gs)
        name = next(n for k, _, n in prim.layout.saves if k in ("x", "out"))
        public = {"x": "self", "a": "self", "b": "other", "out": "result"}.get(name, name)
        with pytest.raises((RuntimeError, AttributeError)):
            getattr(node, f"_saved_{public}")


@pytest.mark.parametrize(
    "case", that(lambda p, s: has_gradient(p, s) and "x" in [k for k, _, _ in p.layout.saves])
)
def test_overwriting_a_saved_operand_is_noticed(case: Case) -> None:
    prim, sample = case
    tensors = [
        t * 1 if isinstance(t, Tensor) and t.requires_grad else t for t in leaves(prim, sample)
    ]
    outs = differentiable(run(prim, tensors, sample.params))
    node = outs[0].grad_fn
    saved = [
        t for t in tensors if isinstance(t, Tensor) and any(t is s for s in _saved_tensors(node))
    ]
    if not saved:
        pytest.skip("nothing of this call was saved")
    with torch.no_grad():
        saved[0].fill_(1)
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        engine.grad(outs, floating(tensors), cotangents(outs))


SAVED_IN = ("s0", "s1")


def _saved_tensors(node: Any) -> list[Any]:
    found: list[Any] = []
    for value in node.saved().values():
        found += value if isinstance(value, list) else [value]
    return found


# ---------------------------------------------------------------- complex numbers


def complex_cases() -> list[Any]:
    found = []
    for prim in REGISTRY.values():
        if prim.differentiable:
            for i, s in enumerate(complex_samples(prim)):
                if s.exact:
                    found.append(pytest.param((prim, s), id=f"{prim.name}-{i}"))
    return found


@pytest.mark.parametrize("case", complex_cases())
def test_complex_gradient(case: Case) -> None:
    numeric, by_rule = gradient_error(*case)
    assert by_rule == pytest.approx(numeric, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("case", complex_cases())
def test_complex_second_order(case: Case) -> None:
    numeric, by_rule = second_order_error(*case)
    assert by_rule == pytest.approx(numeric, rel=1e-5, abs=1e-7)


# ---------------------------------------------------------------- elementwise promises

ELEMENTWISE = first(lambda p, s: p.kind == "elementwise" and real(p, s))


@pytest.mark.parametrize("case", ELEMENTWISE)
def test_scalars_and_empty_tensors(case: Case) -> None:
    prim, sample = case
    for shape in ((), (0,), (3, 0), (1, 1)):
        operands = [np.full(shape, v.flat[0]) if is_array(v) else v for v in sample.operands]
        tensors = leaves(prim, sample, operands)
        (out,) = run(prim, tensors, sample.params)
        assert out.shape == shape
        if out.requires_grad:
            for g in gradients([out], floating(tensors), cotangents([out])):
                assert g.shape == shape


@pytest.mark.parametrize("case", first(lambda p, s: p.kind == "elementwise" and len(p.args) == 2))
def test_broadcasting(case: Case) -> None:
    prim, sample = case
    a, b = (values.flat[:6].reshape(2, 3) for values in (np.resize(v, 6) for v in sample.operands))
    for x, y in ((a, b[:1]), (a[:, :1], b[:1]), (a[0], b), (a[:, None], b)):
        (found,) = run(prim, tensors_of([x, y]), sample.params)
        full = np.broadcast_shapes(x.shape, y.shape)
        wide_operands = [np.array(np.broadcast_to(v, full)) for v in (x, y)]
        assert_same(found, run(prim, tensors_of(wide_operands), sample.params)[0])
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        run(prim, tensors_of([a, b[:, :2]]), sample.params)


@pytest.mark.parametrize("case", first(takes_number))
def test_a_number_is_a_scalar_tensor(case: Case) -> None:
    prim, sample = case
    array, number = sample.operands[0], np.ravel(sample.operands[1])[0].item()
    a, b = (wrap(np.array(array)).requires_grad_(active(prim, sample)[0]) for _ in range(2))
    (with_number,) = run(prim, [a, number], sample.params)
    (with_tensor,) = run(prim, [b, wrap(np.array(number))], sample.params)
    assert_same(with_number, with_tensor, rtol=1e-14)
    if with_number.requires_grad:
        gs = cotangents([with_number])
        assert_same(
            gradients([with_number], [a], gs),
            gradients([with_tensor], [b], gs),
            rtol=1e-14,
            atol=1e-14,
        )


# ---------------------------------------------------------------- in-place, out=


def inplace_form(prim: Primitive) -> Any:
    return METHODS.get(prim.name + "_")


def changes_nothing_but_values(prim: Primitive, sample: Sample) -> bool:
    """Whether the result could be written over the first operand."""
    if inplace_form(prim) is None or prim.several or prim.variadic or prim.kind != "elementwise":
        return False
    (out,) = run(prim, tensors_of(sample.operands), sample.params)
    x = sample.operands[0]
    return is_array(x) and (out.shape, out._data.dtype.kind) == (x.shape, x.dtype.kind)


def inplace_general(prim: Primitive, sample: Sample) -> bool:
    """The same of ops that are not elementwise; PyTorch orders their arguments in its own way."""
    if inplace_form(prim) is None or prim.several or prim.variadic or prim.kind == "elementwise":
        return False
    (out,) = run(prim, tensors_of(sample.operands), sample.params)
    x = sample.operands[0]
    return is_array(x) and not prim.view and (out.shape, out._data.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("case", that(inplace_general))
def test_inplace_of_general_ops(case: Case) -> None:
    prim, sample = case
    there, here = leaves(prim, sample), leaves(prim, sample)
    (expected,) = run(prim, [there[0] * 1, *there[1:]], sample.params)
    x = here[0] * 1
    torch.manual_seed(1)
    assert inplace(prim, x, *here[1:], params=sample.params) is x
    assert_same(x, expected)
    if expected.requires_grad:
        gs = cotangents([expected])
        assert_same(gradients([x], floating(here), gs), gradients([expected], floating(there), gs))


INPLACE = that(changes_nothing_but_values)


@pytest.mark.parametrize("case", INPLACE)
def test_inplace_form(case: Case) -> None:
    prim, sample = case
    there, here = leaves(prim, sample), leaves(prim, sample)
    (expected,) = run(prim, [there[0] * 1, *there[1:]], sample.params)
    x = here[0] * 1
    torch.manual_seed(1)
    assert inplace_form(prim)(x, *here[1:], *sample.params) is x
    assert_same(x, expected)
    assert x._version == 1
    if expected.requires_grad:
        gs = cotangents([expected])
        assert_same(gradients([x], floating(here), gs), gradients([expected], floating(there), gs))


@pytest.mark.parametrize(
    "case", first(lambda p, s: changes_nothing_but_values(p, s) and s.operands[0].ndim == 2)
)
def test_inplace_form_on_a_view(case: Case) -> None:
    prim, sample = case
    there, here = leaves(prim, sample), leaves(prim, sample)
    rest = [np.array(v.T) if is_array(v) and v.ndim == 2 else v for v in sample.operands[1:]]
    (part,) = run(prim, [there[0].t() * 1, *tensors_of(rest)], sample.params)
    expected = part.t() * 2
    base = here[0] * 1
    inplace_form(prim)(base.t(), *tensors_of(rest), *sample.params)
    found = base * 2
    assert_same(found, expected)
    if expected.requires_grad:
        gs = cotangents([expected])
        assert_same(
            gradients([found], here[:1], gs), gradients([expected], there[:1], gs), rtol=1e-15
        )


@pytest.mark.parametrize("case", first(changes_nothing_but_values))
def test_inplace_form_without_recording(case: Case) -> None:
    prim, sample = case
    (expected,) = run(prim, tensors_of(sample.operands), sample.params)
    x, *rest = tensors_of(sample.operands)
    torch.manual_seed(1)
    assert inplace_form(prim)(x, *rest, *sample.params) is x
    assert_same(x, expected)


def takes_out(prim: Primitive, sample: Sample) -> bool:
    if (
        prim.kind != "elementwise"
        or prim.name in NO_OUT
        or not is_public(prim)
        or sample.params != prim.defaults
    ):
        return False
    return "out" in inspect.signature(prim.public).parameters


NO_OUT = {"rsub", "clone", "positive"}


@pytest.mark.parametrize("case", first(takes_out))
def test_out(case: Case) -> None:
    prim, sample = case
    tensors = tensors_of(sample.operands)
    (expected,) = run(prim, tensors, sample.params)
    out = wrap(np.empty_like(np.asarray(expected._data)))
    torch.manual_seed(1)
    assert prim.public(*tensors, out=out) is out
    assert_same(out, expected)
    wrong = wrap(np.empty((7,), expected._data.dtype))
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        prim.public(*tensors, out=wrong)
    assert_same(wrong, expected)
    if prim.differentiable:
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            prim.public(*leaves(prim, sample), out=out)


@pytest.mark.parametrize("case", first(lambda p, s: not p.view and not p.several))
def test_out_of_the_general_path(case: Case) -> None:
    prim, sample = case
    tensors = tensors_of(sample.operands)
    (expected,) = run(prim, tensors, sample.params)
    out = wrap(np.empty_like(np.asarray(expected._data)))
    torch.manual_seed(1)
    assert prim.call(*tensors, params=sample.params, out=out) is out
    assert_same(out, expected)
    assert out._version == 1


# ---------------------------------------------------------------- recorder, symbols, errors


def moved(value: Any) -> Any:
    """Other operands, not far away: the same order, the same signs."""
    return value * 0.99 if inexact(value) else value


@pytest.mark.parametrize("case", that(lambda p, s: has_gradient(p, s) and p.name not in RANDOM))
def test_recorded_graph_is_the_same_function(case: Case) -> None:
    prim, sample = case
    plain = tensors_of(sample.operands)
    where = [i for i, wanted in enumerate(active(prim, sample)) if wanted]
    weights = cotangents(differentiable(run(prim, leaves(prim, sample), sample.params)))

    def loss(*inputs: Tensor) -> Any:
        operands = list(plain)
        for i, t in zip(where, inputs, strict=True):
            operands[i] = t
        outs = differentiable(outputs(prim, call(prim, operands, sample.params)))
        parts = [_real(o * w).sum() for o, w in zip(outs, weights, strict=True)]
        return sum(parts[1:], parts[0])

    graph = recorder.record(loss, *(plain[i] for i in where), gradient=True)
    others = [wrap(np.array(moved(plain[i]._data))).requires_grad_() for i in where]
    expected = loss(*others)
    found, grads = graph.replay(*(t.detach() for t in others))
    assert_same(found, expected, rtol=1e-12, atol=1e-12)
    wanted = gradients([expected], others, [torch.ones_like(expected)])
    for g, w in zip(grads, wanted, strict=True):
        assert_same(torch.zeros_like(w) if g is None else g, w, rtol=1e-12, atol=1e-12)
    assert f"= {prim.name}(" in str(graph)


def _real(t: Tensor) -> Tensor:
    return torch.real(t) if t.is_complex() else t


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_formula(case: Case) -> None:
    prim, sample = case
    torch.manual_seed(1)
    found = formula(prim.name, *sample.operands, params=sample.params)
    assert found
    assert all(isinstance(text, str) and text for text in found.values())


@pytest.mark.parametrize("case", first(lambda p, s: is_public(p)))
def test_wrong_type_of_operand(case: Case) -> None:
    prim, sample = case
    words = "(must be Tensor, not|must be tuple of Tensors, not|but got) str|invalid combination"
    with pytest.raises(TypeError, match=words):
        params = sample.params if REQUIRED in prim.defaults else ()
        prim.public("text", *tensors_of(sample.operands[1:]) if not prim.variadic else (), *params)


@pytest.mark.parametrize("case", first(has_gradient))
def test_freed_without_the_collector(case: Case) -> None:
    prim, sample = case
    gc.disable()
    try:
        tensors = leaves(prim, sample)
        outs = differentiable(run(prim, tensors, sample.params))
        gs = cotangents(outs)
        engine.backward(outs, gs)
        held = [weakref.ref(x) for x in (*floating(tensors), *outs, *(t.grad_fn for t in outs))]
        del outs, tensors, gs
        assert [r() for r in held if r() is not None] == [], "a reference cycle keeps these"
    finally:
        gc.enable()
