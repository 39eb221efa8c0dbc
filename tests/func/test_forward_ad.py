"""Dual numbers by hand, with plain backward over and under them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule import func
from chainrule.autograd import forward_ad as fwad


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a._data), np.asarray(getattr(b, "_data", b)), rtol=1e-6)


def f(x: Any) -> Any:
    return (x.sin() * x.prod()).sum()


p = torch.tensor([1.0, 2.0, 3.0])
v = torch.tensor([1.0, 0.0, -1.0])


def test_tangents() -> None:
    with fwad.dual_level():
        z = fwad.make_dual(p, v)
        primal, tangent = fwad.unpack_dual(f(z))
        assert fwad.unpack_dual(p) == (p, None)
        assert fwad.unpack_dual(z.detach()).tangent is None
        with torch.no_grad():
            close(fwad.unpack_dual(z * 2).tangent, v * 2)
        after = z * 3
    close(primal, f(p))
    close(tangent, func.jvp(f, (p,), (v,))[1])
    assert type(after) is torch.Tensor
    assert fwad.unpack_dual(after).tangent is None


def test_forward_over_reverse() -> None:
    leaf = p.clone().requires_grad_()
    with fwad.dual_level():
        z = fwad.make_dual(leaf, v)
        (g,) = torch.autograd.grad(f(z), z)
        value, moved = fwad.unpack_dual(g)
        (through,) = torch.autograd.grad(f(z), leaf)
        close(fwad.unpack_dual(through).tangent, moved)
        f(z).backward()
        assert fwad.unpack_dual(leaf.grad).tangent is None
    close(value, func.grad(f)(p))
    close(leaf.grad, value)
    close(moved, func.hessian(f)(p) @ v)


def test_reverse_over_forward() -> None:
    leaf = p.clone().requires_grad_()
    with fwad.dual_level():
        y = f(fwad.make_dual(leaf, v))
        primal, tangent = fwad.unpack_dual(y)
    (g,) = torch.autograd.grad(tangent, leaf, retain_graph=True)
    close(g, func.hessian(f)(p) @ v)
    (g,) = torch.autograd.grad(primal, leaf)
    close(g, func.grad(f)(p))


def test_gradients_of_gradients_with_tangents() -> None:
    leaf = torch.tensor(2.0, requires_grad=True)
    with fwad.dual_level():
        z = fwad.make_dual(leaf, torch.tensor(1.0))
        (g,) = torch.autograd.grad(z**4, z, create_graph=True)
        (h,) = torch.autograd.grad(g, z)
        close(fwad.unpack_dual(g).tangent, 48.0)
        close(fwad.unpack_dual(h).primal, 48.0)
        close(fwad.unpack_dual(h).tangent, 48.0)


def test_writing_in_place() -> None:
    x = torch.arange(6.0).reshape(3, 2)
    with fwad.dual_level():
        z = fwad.make_dual(x, torch.ones(3, 2))
        y = z.clone()
        y[0] *= 2
        y.mul_(z)
        w = y[1]
        w.add_(z[0])
        new = torch.zeros(3, 2)
        new[1] = z[0] * 3
        close(fwad.unpack_dual(y).tangent, [[0.0, 4.0], [5.0, 7.0], [8.0, 10.0]])
        close(fwad.unpack_dual(w).tangent, [5.0, 7.0])
        close(fwad.unpack_dual(new).tangent, [[0.0, 0.0], [3.0, 3.0], [0.0, 0.0]])
        close(fwad.unpack_dual(func.vmap(torch.sin)(z)).tangent, torch.cos(x))
    close(y, [[0.0, 2.0], [4.0, 10.0], [16.0, 25.0]])


def test_printing() -> None:
    with fwad.dual_level():
        z = fwad.make_dual(torch.tensor(1.0), torch.tensor(2.0))
        assert repr(z) == "tensor(1., tangent=2.0)"
        many = fwad.make_dual(torch.ones(2), torch.zeros(2))
        assert repr(many) == "tensor([1., 1.], tangent=tensor([0., 0.]))"


def test_refusals() -> None:
    with pytest.raises(RuntimeError, match="no level exists"):
        fwad.make_dual(p, v)
    with pytest.raises(RuntimeError, match="Dual level must be"):
        fwad.exit_dual_level()
    with fwad.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            fwad.enter_dual_level()
        with pytest.raises(RuntimeError, match="different size"):
            fwad.make_dual(p, v[:2])
        with pytest.raises(ValueError, match="Expected primal to be floating point"):
            fwad.make_dual(torch.arange(3), v)
        with pytest.raises(ValueError, match="Expected tangent to be floating point"):
            fwad.make_dual(p, torch.arange(3))


def test_levels_by_hand_and_as_decorator() -> None:
    assert fwad.enter_dual_level() == 0
    z = fwad.make_dual(p, v)
    fwad.exit_dual_level()
    assert type(z) is torch.Tensor

    @fwad.dual_level()
    def g() -> Any:
        return fwad.unpack_dual(fwad.make_dual(p, v) * 2).tangent

    close(g(), v * 2)
