"""What the transforms of torch.func compute: together, nested, and with everything that programs do
inside."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule import func
from chainrule.core.pytree import broadcast_prefix, flatten, tree_map
from chainrule.func import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap


def close(a: Any, b: Any, rtol: float = 1e-6) -> None:
    """Equal structures of tensors and numbers."""
    (xs, spec), (ys, other) = flatten(a), flatten(b)
    assert spec == other
    for x, y in zip(xs, ys, strict=True):
        np.testing.assert_allclose(
            np.asarray(getattr(x, "_data", x)), np.asarray(getattr(y, "_data", y)), rtol=rtol
        )


def t(*numbers: Any) -> Any:
    return torch.tensor(numbers[0] if len(numbers) == 1 else numbers, dtype=torch.float64)


x3 = t([0.3, -1.2, 2.0])
w3 = t([0.5, 2.0, -0.7])


def f(x: Any) -> Any:
    return (x.sin() * x * w3).sum()


def f1(x: Any) -> Any:
    return (x.cos() * x + x.sin()) * w3


# ---------------------------------------------------------------- nesting

TANH = [  # derivatives of tanh at 0.3
    lambda u: u,
    lambda u: 1 - u**2,
    lambda u: -2 * u * (1 - u**2),
    lambda u: (1 - u**2) * (6 * u**2 - 2),
    lambda u: (1 - u**2) * (16 * u - 24 * u**3),
    lambda u: (1 - u**2) * (16 - 120 * u**2 + 120 * u**4),
]


@pytest.mark.parametrize("depth", range(6))
def test_nested_gradients_of_tanh(depth: int) -> None:
    g: Any = torch.tanh
    for _ in range(depth):
        g = grad(g)
    close(g(t(0.3)), t(float(TANH[depth](np.tanh(0.3)))), 1e-12)


def test_nested_forward_mode_of_tanh() -> None:
    g: Any = torch.tanh
    for depth in range(1, 5):
        g = (lambda h: lambda x: jvp(h, (x,), (t(1.0),))[1])(g)
        close(g(t(0.3)), t(float(TANH[depth](np.tanh(0.3)))), 1e-12)


def test_perturbations_of_different_levels_are_not_confused() -> None:
    one = t(1.0)
    close(grad(lambda x: x * grad(lambda y: x + y)(one))(t(5.0)), t(1.0))
    close(grad(lambda x: grad(lambda y: x * y)(x))(t(3.0)), t(1.0))
    close(
        jvp(lambda x: x * jvp(lambda y: x * y, (one,), (one,))[1], (t(3.0),), (one,)),
        (t(9.0), t(6.0)),
    )
    close(grad(lambda x: x * jvp(lambda y: x * y * y, (x,), (one,))[1])(t(3.0)), t(54.0))
    close(jvp(lambda x: x * grad(lambda y: x * y * y)(x), (t(3.0),), (one,)), (t(54.0), t(54.0)))


def test_all_forms_of_the_hessian_agree() -> None:
    expected = np.diag((2 * np.cos(x3._data) - x3._data * np.sin(x3._data)) * w3._data)
    for made in (
        hessian(f),
        jacrev(jacrev(f)),
        jacfwd(jacfwd(f)),
        jacrev(jacfwd(f)),
        jacrev(grad(f)),
        jacfwd(grad(f)),
        lambda x: vmap(lambda v: jvp(grad(f), (x,), (v,))[1])(torch.eye(3, dtype=torch.float64)),
        lambda x: vmap(lambda v: grad(lambda y: (grad(f)(y) * v).sum())(x))(
            torch.eye(3, dtype=torch.float64)
        ),
    ):
        np.testing.assert_allclose(made(x3)._data, expected, rtol=1e-10, atol=1e-12)


def test_vmap_and_grad_in_either_order() -> None:
    many = torch.stack([x3, x3 * 2, -x3])
    each = torch.stack([grad(f)(x) for x in many])
    close(vmap(grad(f))(many), each)
    close(grad(lambda xs: vmap(f)(xs).sum())(many), each)
    close(vmap(vmap(grad(torch.tanh)))(many), 1 - torch.tanh(many) ** 2)
    close(vmap(hessian(f))(many), torch.stack([hessian(f)(x) for x in many]))


def test_gradients_through_transforms_reach_leaves_outside() -> None:
    x, w = x3.clone().requires_grad_(), w3.clone().requires_grad_()

    def g(x: Any) -> Any:
        return (x.sin() * x * w).sum()

    inner = grad(g)(x)
    assert inner.requires_grad
    gx, gw = torch.autograd.grad(inner.sum(), [x, w])
    close(gx, (2 * x3.cos() - x3 * x3.sin()) * w3, 1e-10)
    close(gw, x3.cos() * x3 + x3.sin(), 1e-10)
    (vw,) = torch.autograd.grad(vmap(lambda a: (a * w).sum())(torch.stack([x3, x3])).sum(), [w])
    close(vw, 2 * x3)
    _, moved = jvp(g, (x,), (w3,))
    (mw,) = torch.autograd.grad(moved, [w])
    close(mw, (x3.cos() * x3 + x3.sin()) * w3, 1e-10)


def test_plain_backward_works_inside() -> None:
    def g(x: Any) -> Any:
        w = torch.ones(3, dtype=torch.float64, requires_grad=True)
        (w * w * 3).sum().backward()
        return (x * w.grad).sum()

    close(grad(g)(x3), t([6.0, 6.0, 6.0]))


def test_autograd_grad_inside_a_transform() -> None:
    def g(x: Any) -> Any:
        (inner,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        return inner.sum()

    close(grad(g)(x3), 6 * x3)


def test_no_grad() -> None:
    def g(x: Any) -> Any:
        with torch.no_grad():
            c = x**2
        return (x - c).sum()

    close(grad(g)(x3), torch.ones(3, dtype=torch.float64))
    with torch.no_grad():
        close(grad(f)(x3), f1(x3), 1e-10)
        assert not torch.is_grad_enabled()
    close(jvp(grad(lambda x: g(x) * x.sum()), (x3,), (w3,))[0], grad(lambda x: g(x) * x.sum())(x3))


# ---------------------------------------------------------------- arguments


def test_argnums() -> None:
    a, b = x3, w3

    def g(a: Any, b: Any) -> Any:
        return (a * a * b).sum()

    close(grad(g)(a, b), 2 * a * b)
    close(grad(g, argnums=-1)(a, b), a * a)
    close(grad(g, argnums=(1, 0))(a, b), (a * a, 2 * a * b))
    close(jacrev(lambda a, b: a * b, argnums=(0, 1))(a, b), (torch.diag(b), torch.diag(a)))
    close(jacfwd(lambda a, b: a * b, argnums=1)(a, b), torch.diag(a))
    for bad, message in (
        (5, "Got argnum=5, but only 2 positional inputs"),
        ((), "argnums must be non-empty"),
        ((0, 0), "argnums elements must be unique"),
        ("a", "argnums must be int or Tuple"),
        ((0.5,), "argnum must be int"),
    ):
        with pytest.raises(RuntimeError, match=message):
            grad(g, argnums=bad)(a, b)


def test_has_aux() -> None:
    close(
        grad(lambda x: (f(x), {"twice": x * 2}), has_aux=True)(x3),
        (f1(x3), {"twice": x3 * 2}),
        1e-10,
    )
    close(grad_and_value(lambda x: (f(x), x), has_aux=True)(x3), (f1(x3), (f(x3), x3)), 1e-10)
    value, pull, aux = vjp(lambda x: (x * 2, x.sum()), x3, has_aux=True)
    close((value, pull(w3), aux), (x3 * 2, (w3 * 2,), x3.sum()))
    close(jvp(lambda x: (x * 2, x.sum()), (x3,), (w3,), has_aux=True), (x3 * 2, w3 * 2, x3.sum()))
    close(
        jacrev(lambda x: (x * 2, x.sum()), has_aux=True)(x3),
        (2 * torch.eye(3, dtype=torch.float64), x3.sum()),
    )
    close(
        jacfwd(lambda x: (x * 2, x.sum()), has_aux=True)(x3),
        (2 * torch.eye(3, dtype=torch.float64), x3.sum()),
    )
    with pytest.raises(
        RuntimeError, match=r"output of function f should be a tuple: \(output, aux\)"
    ):
        grad(f, has_aux=True)(x3)


def test_nested_arguments_and_results() -> None:
    Pair = namedtuple("Pair", "a b")
    d = {"p": Pair(x3, w3), "l": [x3]}
    g = grad(lambda d: (d["p"].a * d["p"].b).sum() + (d["l"][0] ** 2).sum())(d)
    close(g, {"p": Pair(w3, x3), "l": [2 * x3]})
    j = jacrev(lambda d: OrderedDict(o=d["p"].a * 2, q=d["p"].b.sum()))(d)
    assert type(j) is OrderedDict
    close(j["o"]["p"].a, 2 * torch.eye(3, dtype=torch.float64))
    close(j["q"]["p"].b, torch.ones(3, dtype=torch.float64))
    close(grad(lambda x, *, k: (x * k).sum())(x3, k=w3), w3)


def test_vjp_checks_its_cotangents() -> None:
    _, pull = vjp(lambda x: (x, x.sum()), x3)
    close(pull((w3, t(1.0))), (w3 + 1,))
    close(
        vmap(lambda v: pull((v, v.sum())))(torch.eye(3, dtype=torch.float64))[0],
        torch.eye(3, dtype=torch.float64) + 1,
    )
    with pytest.raises(
        RuntimeError, match="Expected pytree structure of cotangents to be the same"
    ):
        pull(w3)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\]"):
        pull((w3[:2], t(1.0)))
    with pytest.raises(
        RuntimeError, match="All outputs of f must be floating-point or complex Tensors"
    ):
        vjp(lambda x: x > 0, x3)


def test_vjp_of_complex_functions() -> None:
    z = torch.tensor([1 + 2j, 3j], dtype=torch.complex128)
    _, pull = vjp(lambda z: (z * z).abs(), z)
    leaf = z.clone().requires_grad_()
    (expected,) = torch.autograd.grad((leaf * leaf).abs().sum(), leaf)
    close(pull(torch.ones(2, dtype=torch.float64))[0], expected)


def test_linearize_runs_the_function_once() -> None:
    calls = []

    def g(x: Any, y: Any) -> Any:
        calls.append(1)
        return {"a": x.sin() * y, "b": (x * y).sum()}

    value, push = linearize(g, x3, w3)
    for tangents in ((w3, x3), (x3, w3)):
        close(push(*tangents), jvp(g, (x3, w3), tangents)[1], 1e-10)
    assert len(calls) == 3
    close(value, g(x3, w3))
    basis = torch.eye(3, dtype=torch.float64)
    close(
        vmap(lambda v: push(v, w3 * 0))(basis)["a"],
        vmap(lambda v: jvp(g, (x3, w3), (v, w3 * 0))[1])(basis)["a"],
        1e-10,
    )
    with pytest.raises(RuntimeError, match="tangent:0 with shape"):
        push(x3[:2], w3)
    with pytest.raises(RuntimeError, match="tangent:0 with dtype"):
        push(x3.float(), w3)
    with pytest.raises(RuntimeError, match="Expected the tangents"):
        push(x3)


def test_chunks_of_jacobians() -> None:
    full = jacrev(torch.sin)(x3)
    for size in (1, 2, 7):
        close(jacrev(torch.sin, chunk_size=size)(x3), full)
    with pytest.raises(ValueError, match="`chunk_size` should be greater than 0"):
        jacrev(torch.sin, chunk_size=0)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: grad(lambda x: x)(x3),
            RuntimeError,
            "to return a scalar Tensor, got tensor with 1 dims",
        ),
        (lambda: grad(lambda x: 1.0)(x3), RuntimeError, "to return a Tensor, got <class 'float'>"),
        (lambda: grad(f)(1.0), ValueError, "Thing passed to transform API must be Tensor"),
        (
            lambda: grad(torch.sum)(torch.arange(3)),
            RuntimeError,
            "only Tensors of floating point dtype can require",
        ),
        (lambda: jvp(f, [x3], [x3]), RuntimeError, "Expected primals to be a tuple"),
        (lambda: jvp(f, (x3,), (x3, x3)), RuntimeError, "to have the same python structure"),
        (
            lambda: jvp(f, (x3,), (x3[:2],)),
            RuntimeError,
            "Trying to set a forward gradient that has a different size",
        ),
        (
            lambda: jvp(f, (torch.arange(3),), (x3,)),
            ValueError,
            "Expected primal to be floating point or complex",
        ),
        (lambda: jvp(f, (1.0,), (1.0,)), RuntimeError, "Expected primals to only contain Tensors"),
        (lambda: jvp(f, (), ()), RuntimeError, "Expected primals to contain at least one Tensor"),
        (
            lambda: jvp(lambda x: w3, (x3,), (x3,), strict=True),
            RuntimeError,
            "The output of f is independent of",
        ),
        (lambda: jvp(lambda x: None, (x3,), (x3,)), RuntimeError, "has non-empty output"),
        (lambda: vjp(lambda x: 1.0, x3), RuntimeError, "to return only tensors"),
        (lambda: jacrev(lambda x: x)(x3 + 0j), RuntimeError, "Expected all inputs to be real"),
        (lambda: jacfwd(lambda x: x + 0j)(x3), RuntimeError, "Expected all outputs to be real"),
        (
            lambda: grad(lambda x: x.requires_grad_().sum())(x3),
            RuntimeError,
            "attempting to call Tensor.requires_grad_",
        ),
        (
            lambda: grad(lambda x: f(x).backward())(x3),
            RuntimeError,
            "called inside a functorch transform",
        ),
        (lambda: grad(lambda x: x.numpy().sum())(x3), RuntimeError, "Can't call numpy"),
        (
            lambda: grad(lambda x: x.mul_(2).sum())(x3.clone()),
            RuntimeError,
            "a leaf Variable that requires grad",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_function_that_fails_leaves_no_level() -> None:
    for transform in (grad, vmap, jacrev, jacfwd):
        with pytest.raises(ZeroDivisionError):
            transform(lambda x: 1 // 0)(x3)
    close(grad(f)(x3), f1(x3), 1e-10)


def test_values_that_do_not_depend_on_the_input() -> None:
    zero = torch.zeros(3, dtype=torch.float64)
    close(grad(lambda x: w3.sum())(x3), zero)
    close(jvp(lambda x: w3, (x3,), (x3,)), (w3, zero))
    close(jacrev(lambda x: (x > 0).double())(x3), torch.zeros(3, 3, dtype=torch.float64))
    close(vjp(lambda x: w3, x3)[1](w3), (zero,))
    close(grad(lambda x: (x * x.detach()).sum())(x3), x3)


def test_control_flow_on_values_under_grad_and_jvp() -> None:
    def g(x: Any) -> Any:
        return x * 3 if x > 0 else x * x.item()

    close(grad(g)(t(2.0)), t(3.0))
    close(grad(g)(t(-2.0)), t(-2.0))
    close(jvp(g, (t(-2.0),), (t(1.0),)), (t(4.0), t(-2.0)))


def test_tensors_that_leave_become_what_they_were() -> None:
    kept = []
    grad(lambda x: (kept.append(x * 2), f(x))[1])(x3)
    assert type(kept[0]) is torch.Tensor
    assert not kept[0].requires_grad
    close(kept[0] + 1, x3 * 2 + 1)
    jvp(lambda x: (kept.append(x * 2), f(x))[1], (x3,), (x3,))
    assert type(kept[1]) is torch.Tensor
    leaf = x3.clone().requires_grad_()
    grad(lambda x: (kept.append(x), f(x))[1])(leaf)
    kept[2].sum().backward()
    close(leaf.grad, torch.ones(3, dtype=torch.float64))


def test_printing() -> None:
    shown = []
    grad(lambda x: (shown.append(repr(x)), x.sum())[1])(torch.ones(2))
    vmap(grad(lambda x: (shown.append(repr(x)), x.sum())[1]))(torch.ones(1, 2))
    assert shown[0] == "GradTrackingTensor(lvl=1, value=\n    tensor([1., 1.])\n)"
    assert shown[1] == (
        "GradTrackingTensor(lvl=2, value=\n    BatchedTensor(lvl=1, bdim=0, value=\n"
        "        tensor([[1., 1.]])\n    )\n)"
    )


# ---------------------------------------------------------------- writing in place


def written(x: Any) -> Any:
    y = x.clone()
    y[0] *= x[1]
    y.t()[1].add_(y[0].sum())
    z = y.view(-1)
    z[2:4] = x.reshape(-1)[:2] ** 2
    y.sub_(z.sum() / 7)
    return (y * x).sum()


def made_new(x: Any) -> Any:
    o = x.new_zeros(2, 3)
    o[:, 1] = x.sum(1)
    o.diagonal().mul_(3).add_(x[0, :2])
    o.unsqueeze_(0)
    o.squeeze_(0)
    o += x
    o.sigmoid_()
    return o.sum() * x[0, 0]


def captured(x: Any) -> Any:
    o = torch.zeros(2, 3, dtype=torch.float64)
    first = o[0]
    o[0] = x[0] * 2
    o[1].copy_(x[1] * x[0])
    return (o * x).sum() + first.sum()


def by_index(x: Any) -> Any:
    y = x * 1
    y.index_put_((torch.tensor([0, 1]), torch.tensor([1, 2])), x[:, 0])
    y.masked_fill_(torch.tensor([True, False, False]), 0.0)
    y.clamp_(max=4)
    return (y * y).sum()


@pytest.mark.parametrize("g", [written, made_new, captured, by_index])
def test_writing_in_place(g: Any) -> None:
    x = t([[1.0, 2.5, 3.0], [4.5, 0.5, 2.0]])
    v = t([[0.3, -1.0, 0.7], [0.2, 0.9, -0.4]])
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(g(leaf), leaf)
    close(grad(g)(x), expected, 1e-10)
    close(jvp(g, (x,), (v,)), (g(x), (expected * v).sum()), 1e-10)
    close(grad(lambda x: (grad(g)(x) * v).sum())(x), jvp(grad(g), (x,), (v,))[1], 1e-9)
    if g is captured:  # under vmap a new tensor without batch cannot take batched values
        with pytest.raises(RuntimeError, match="vmap: inplace arithmetic"):
            vmap(g)(torch.stack([x, v]))
        return
    many = torch.stack([x, x * 0.5])
    close(vmap(g)(many), torch.stack([g(m) for m in many]), 1e-10)
    each = torch.stack([grad(g)(m) for m in many])
    close(vmap(grad(g))(many), each, 1e-10)
    close(grad(lambda m: vmap(g)(m).sum())(many), each, 1e-10)


def test_vmap_writes_into_its_arguments() -> None:
    y = x3.clone()
    vmap(lambda x: x.mul_(2))(y)
    close(y, x3 * 2)
    z = t([[1.0, 2.0], [3.0, 4.0]])
    vmap(lambda x: x[0].copy_(x[1]), in_dims=1)(z)
    close(z, t([[3.0, 4.0], [3.0, 4.0]]))


# ---------------------------------------------------------------- trees


def test_trees() -> None:
    tree = {"a": [1, (2, None)], "b": OrderedDict(c=3)}
    found, spec = flatten(tree)
    assert found == [1, 2, None, 3]
    assert spec.build(found) == tree
    assert tree_map(str, tree) == {"a": ["1", ("2", "None")], "b": OrderedDict(c="3")}
    assert broadcast_prefix({"a": 0, "b": OrderedDict(c=1)}, spec) == [0, 0, 0, 1]
    assert broadcast_prefix((0, 1), spec) is None
    assert repr(flatten((1, 2))[1]) == "TreeSpec(tuple, None, [*,\n  *])"
    assert spec != flatten([1])[1]


def test_public_names() -> None:
    assert set(func.__all__) <= set(dir(func))
    assert grad(f).__name__ == "f"
