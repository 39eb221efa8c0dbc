"""`implicit_function`: derivatives of what a solver finds, from the equation that it satisfies.

If F(x, theta) = 0 defines x(theta), then dx = -(dF/dx)^-1 (dF/dtheta) dtheta: no derivative of the
solver's steps is needed. One Function does it for every problem (`_Implicit`); its backward solves
a linear system, which is itself an equation in the same sense (`_Adjoint`), so higher derivatives
are the same Function again. The systems are solved with the matrix, or from products only.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors
from .._state import set_grad
from ..core.custom_whole import ForwardCtx
from ..core.forward import Forward
from ..core.pytree import TreeSpec, flatten
from ..core.record import OPS
from ..core.reverse import Reverse, pull
from ..core.tensor import Tensor, wrap
from ..core.vmap import vmap
from ..kernels.blas import factored
from .function import Function

__all__ = ["implicit_function"]

_SMALL = 1000  # up to here the matrix is formed


def implicit_function(
    solver: Callable[..., Any],
    *,
    residual: Callable[..., Any] | None = None,
    fixed_point: Callable[..., Any] | None = None,
    solve: str = "auto",
    tol: float | None = None,
    not_converged: str = "raise",
    linear_tol: float | None = None,
    max_iterations: int = 500,
) -> Callable[..., Any]:
    """The function that `solver` computes, with the derivatives of the implicit function theorem.

    `solver(*theta)` returns x with `residual(x, *theta) = 0`, or `x = fixed_point(x, *theta)`; how
    it finds x does not matter and is not recorded (it may use NumPy and loop as it likes). At the
    solution dx = -(dF/dx)^-1 dF/dtheta dtheta, with F the residual, or x - fixed_point. Reverse
    mode solves one system with the transposed Jacobian, forward mode one with the Jacobian.
    Derivatives of any order and the transforms of `func` work; under `vmap` the elements are solved
    one after the other. Gradients go to the tensors in theta; what the functions close over is
    constant.

    Args:
        solver: takes theta, returns x: a tensor, or nested tensors, of one floating point dtype.
        residual: `residual(x, *theta)`, of the structure and shapes of x; zero at the solution.
        fixed_point: instead of `residual`: `fixed_point(x, *theta)`, equal to x at the solution.
        solve: how to solve the linear systems: "dense" forms the Jacobian and factors it; "gmres"
            takes products with it only; "neumann" sums the series of (I - dF/dx)^k, which
            converges for fixed points that contract; "auto": dense up to 1000 numbers, then gmres.
        tol: the largest residual (maximum norm) of a solution, times 1 + the largest |x|; default
            the cube root of the dtype's precision (6e-6 for float64, 5e-3 for float32).
        not_converged: "raise", "warn" or "ignore" when the residual is larger.
        linear_tol: the relative residual at which "gmres" and "neumann" stop; default the
            precision to the power 3/4.
        max_iterations: the most products that one linear system may take.

    Returns:
        A function of theta (tensors, nested as you like, and anything else) that returns x.

    Raises:
        TypeError: not exactly one of `residual` and `fixed_point`.
        ValueError: an unknown `solve` or `not_converged`; a residual of another shape than x.
        RuntimeError: the solver's x has too large a residual (says the norm and the tolerance); in
            backward, the Jacobian is singular at the solution, or an iteration did not converge.

    Source: Krantz, Parks, The Implicit Function Theorem (2002); Blondel et al., Efficient and
    Modular Implicit Differentiation (2022).

    Example:
        >>> import chainrule as torch
        >>> def newton(a):  # the square root of a
        ...     x = torch.ones_like(a)
        ...     for _ in range(30):
        ...         x = (x + a / x) / 2
        ...     return x
        >>> root = torch.autograd.implicit_function(newton, residual=lambda x, a: x * x - a)
        >>> a = torch.tensor(4.0, requires_grad=True)
        >>> root(a).backward()
        >>> a.grad  # 1 / (2 sqrt(a))
        tensor(0.2500)
    """
    if (residual is None) == (fixed_point is None):
        raise TypeError(
            errors.hinted(
                "implicit_function() needs exactly one of `residual` and `fixed_point`",
                hint="residual(x, *theta) is zero at the solution, fixed_point(x, *theta) is x",
            )
        )
    for name, value, known in (
        ("solve", solve, ("auto", "dense", "gmres", "neumann")),
        ("not_converged", not_converged, ("raise", "warn", "ignore")),
    ):
        if value not in known:
            raise ValueError(
                errors.hinted(
                    f"implicit_function(): unknown {name} {value!r}",
                    hint=f"one of {', '.join(map(repr, known))}",
                )
            )
    linear = _Linear(solve, linear_tol, max_iterations)
    form = residual if residual is not None else fixed_point

    def solution(*theta: Any) -> Any:
        found, spec = flatten(theta)
        at = [i for i, t in enumerate(found) if isinstance(t, Tensor)]
        problem = _Equation(solver, form, residual is None, found, at, spec, linear)
        problem.tol, problem.not_converged = tol, not_converged
        flat = _Implicit.apply(problem, *[found[i] for i in at])
        return problem.shaped(flat)

    return solution


class _Implicit(Function):
    """x of a problem and its tensors, with the derivatives of the implicit function theorem."""

    @staticmethod
    def forward(problem: Any, *tensors: Tensor) -> Tensor:
        return problem.solved(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.problem = inputs[0]
        if isinstance(ctx, ForwardCtx):
            ctx.save_for_forward(output, *inputs[1:])
        else:
            ctx.save_for_backward(output, *inputs[1:])

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        x, *tensors = ctx.saved_tensors
        problem = ctx.problem
        u = _Implicit.apply(_Adjoint(problem), x, *tensors, g)
        moving = [i for i, t in enumerate(tensors) if t._data.dtype.kind in "fcV"]

        def of_theta(*new: Tensor) -> Tensor:
            return problem.residual(x, _with(tensors, moving, new))

        found = _pullback(of_theta, [tensors[i] for i in moving])[1](-u)
        gs: list[Any] = [None] * len(tensors)
        for i, made in zip(moving, found, strict=True):
            gs[i] = made
        return (None, *gs)

    @staticmethod
    def jvp(ctx: Any, _: Any, *tangents: Any) -> Tensor:
        x, *tensors = ctx.saved_tensors
        problem = ctx.problem
        with Forward() as level:
            duals = [
                t if v is None else level.dual(t, v) for t, v in zip(tensors, tangents, strict=True)
            ]
            moved = level.tangent(problem.residual(x, duals))
        if moved is None:
            return OPS.zeros(tuple(x.shape), x.dtype)
        return -_Implicit.apply(_Direct(problem), x, *tensors, moved)

    @staticmethod
    def vmap(info: Any, in_dims: Any, problem: Any, *tensors: Tensor) -> tuple[Any, int]:
        made = []
        for i in range(info.batch_size):
            one = [
                t if d is None else OPS.select(t, d, i)
                for t, d in zip(tensors, in_dims[1:], strict=True)
            ]
            made.append(_Implicit.apply(problem, *one))
        return OPS.stack(made, 0), 0


def _with(tensors: Sequence[Any], at: Sequence[int], new: Sequence[Any]) -> list[Any]:
    made = list(tensors)
    for i, t in zip(at, new, strict=True):
        made[i] = t
    return made


def _pullback(f: Callable[..., Any], primals: Sequence[Tensor]) -> tuple[Any, Callable[[Any], Any]]:
    """`f(*primals)`, and its vjp; both are ordinary ops, recorded where those are."""
    with Reverse() as level:
        leaves = [level.leaf(t) for t in primals]  # type: ignore[attr-defined]
        out = f(*leaves)
        edge, ends, value = level.edge(out), [t._node for t in leaves], level.inner(out)  # type: ignore[attr-defined]

    def back(g: Any) -> list[Any]:
        found = pull([edge], [g], ends)
        return [
            OPS.zeros(tuple(t.shape), t.dtype) if x is None else x
            for x, t in zip(found, primals, strict=True)
        ]

    return value, back


# ---------------------------------------------------------------- problems


class _Equation:
    """The user's equation, on x as one flat vector and on the tensors among theta.

    Attributes:
        leaves: theta, flattened; at: which of it are tensors. shapes, x_spec: the structure of x.
        linear: how its linear systems are solved.
    """

    tol: float | None
    not_converged: str

    def __init__(
        self, solver: Any, form: Any, fixed: bool, leaves: Any, at: Any, spec: TreeSpec, linear: Any
    ) -> None:
        self.solver, self.form, self.fixed = solver, form, fixed
        self.leaves = [None if isinstance(t, Tensor) else t for t in leaves]
        self.at, self.spec, self.linear = at, spec, linear
        self.shapes: list[tuple[int, ...]] = []
        self.x_spec: Any = None

    def theta(self, tensors: Sequence[Any]) -> Any:
        """The arguments as the user gave them."""
        return self.spec.build(_with(self.leaves, self.at, tensors))

    def shaped(self, flat: Tensor) -> Any:
        """x as the solver returned it."""
        parts, start = [], 0
        for shape in self.shapes:
            n = int(np.prod(shape))
            part = flat if len(self.shapes) == 1 else OPS.slice(flat, 0, start, start + n, 1)
            parts.append(OPS.reshape(part, shape))
            start += n
        return self.x_spec.build(parts)

    def residual(self, x: Tensor, tensors: Sequence[Any]) -> Tensor:
        """F, flat."""
        found, spec = flatten(self.form(self.shaped(x), *self.theta(tensors)))
        have = [tuple(t.shape) if isinstance(t, Tensor) else None for t in found]
        if spec != self.x_spec or have != self.shapes:
            raise ValueError(
                errors.hinted(
                    f"implicit_function(): {'fixed_point' if self.fixed else 'residual'} must "
                    "return what has the structure and shapes of x",
                    f"x: {[list(s) for s in self.shapes]}",
                    f"returned: {[None if s is None else list(s) for s in have]}",
                    hint="there must be as many equations as unknowns",
                )
            )
        flat = _flat(found)
        return x - flat if self.fixed else flat

    def solved(self, tensors: Sequence[Any]) -> Tensor:
        """What the solver finds, checked."""
        found, self.x_spec = flatten(self.solver(*self.theta(tensors)))
        for t in found:
            if not isinstance(t, Tensor) or t._data.dtype.kind not in "fcV":
                kind = f"a tensor of {t.dtype}" if isinstance(t, Tensor) else type(t).__name__
                raise TypeError(
                    f"implicit_function(): the solver must return floating point tensors, not "
                    f"{kind}"
                )
        self.shapes = [tuple(t.shape) for t in found]
        x = _flat(found).detach()
        self._check(x, tensors)
        return x

    def _check(self, x: Tensor, tensors: Sequence[Any]) -> None:
        if self.not_converged == "ignore":
            return
        norm = float(np.abs(self.residual(x, tensors)._data).max(initial=0))
        tol = np.finfo(x._data.dtype).eps ** (1 / 3) if self.tol is None else self.tol
        limit = float(tol * (1 + np.abs(x._data).max(initial=0)))
        if norm <= limit:
            return
        text = errors.hinted(
            "implicit_function(): the solver did not converge: its x does not satisfy the equation",
            f"residual: {norm:.3g} (maximum norm), tolerance: {limit:.3g}",
            f"equation: {'x = fixed_point(x, theta)' if self.fixed else 'residual(x, theta) = 0'}",
            hint="let the solver run longer, or set tol=; derivatives are those of a solution",
        )
        if self.not_converged == "raise":
            raise RuntimeError(text)
        warnings.warn(text, UserWarning, stacklevel=2)


def _flat(found: Sequence[Tensor]) -> Tensor:
    parts = [OPS.reshape(t, (t._data.size,)) for t in found]
    return parts[0] if len(parts) == 1 else OPS.cat(parts, 0)


class _System:
    """A linear system with the Jacobian A = dF/dx of another problem, as an equation for u."""

    def __init__(self, problem: Any) -> None:
        self.problem, self.linear = problem, problem.linear

    def residual(self, u: Tensor, tensors: Sequence[Any]) -> Tensor:
        """Product minus right hand side; `tensors` are (x, theta..., right hand side)."""
        x, *theta, b = tensors
        return self.product(x, theta)(u) - b

    def product(self, x: Tensor, theta: Any) -> Callable[[Tensor], Tensor]:
        """The product with the matrix of this system."""
        raise NotImplementedError

    def solved(self, tensors: Sequence[Any]) -> Tensor:
        """u, found without recording."""
        x, *theta, b = tensors
        before = set_grad(False)
        try:
            return self.linear.solved(self.product(x, theta), b)
        finally:
            set_grad(before)


class _Adjoint(_System):
    """A^T u = b (for complex numbers the conjugate transpose)."""

    def product(self, x: Tensor, theta: Any) -> Callable[[Tensor], Tensor]:
        back = _pullback(lambda new: self.problem.residual(new, theta), [x])[1]
        return lambda u: back(u)[0]


class _Direct(_System):
    """A u = b."""

    def product(self, x: Tensor, theta: Any) -> Callable[[Tensor], Tensor]:
        def push(u: Tensor) -> Tensor:
            with Forward() as level:
                moved = level.tangent(self.problem.residual(level.dual(x, u), theta))
            return OPS.zeros(tuple(x.shape), x.dtype) if moved is None else moved

        return push


# ---------------------------------------------------------------- linear systems


class _Linear:
    """How linear systems are solved."""

    def __init__(self, how: str, tol: float | None, most: int) -> None:
        self.how, self.tol, self.most = how, tol, most

    def solved(self, product: Callable[[Tensor], Tensor], b: Tensor) -> Tensor:
        """u with `product(u) = b`."""
        array = np.asarray(b._data)
        if not array.size or not array.any():
            return wrap(np.zeros_like(array))
        how = self.how
        if how == "auto":
            how = "dense" if array.size <= _SMALL else "gmres"
        if how == "dense":
            return wrap(_dense(product, array))
        tol = float(np.finfo(array.dtype).eps ** 0.75) if self.tol is None else self.tol

        def times(v: Any) -> Any:
            return np.asarray(product(wrap(np.ascontiguousarray(v, array.dtype)))._data)

        run = _gmres if how == "gmres" else _neumann
        return wrap(run(times, array, tol, self.most))


def _dense(product: Callable[[Tensor], Tensor], b: Any) -> Any:
    units = wrap(np.eye(b.size, dtype=b.dtype))
    matrix = np.asarray(vmap(product, randomness="same")(units)._data).T
    try:
        u = factored(np.linalg.solve, matrix, b)
    except np.linalg.LinAlgError:
        raise _singular(matrix) from None
    eps = np.finfo(b.dtype).eps
    if not np.isfinite(u).all() or (
        np.abs(matrix).max() * np.abs(u).max() * eps * b.size > 0.1 * np.abs(b).max()
    ):
        raise _singular(matrix)
    return u.astype(b.dtype, copy=False)


def _singular(matrix: Any) -> RuntimeError:
    facts = [f"equations: {len(matrix)}"]
    if np.isfinite(matrix).all():
        sizes = factored(np.linalg.svd, matrix, compute_uv=False)
        rank = int((sizes > sizes[0] * len(sizes) * np.finfo(matrix.dtype).eps).sum())
        facts.append(f"rank: {rank}, singular values from {sizes[0]:.3g} to {sizes[-1]:.3g}")
    else:
        facts.append("it has entries that are NaN or infinite")
    return RuntimeError(
        errors.hinted(
            "implicit_function(): the Jacobian of the equation with respect to x is singular at "
            "the solution, so x has no derivative there",
            *facts,
            hint="the equation must determine x: look for equations that say the same, or for a "
            "double root",
        )
    )


def _stuck(how: str, norm: float, tol: float, steps: int) -> RuntimeError:
    why = (
        "the series converges only where fixed_point contracts; solve='gmres' or 'dense' do not "
        "need that"
        if how == "neumann"
        else "raise max_iterations or linear_tol; the Jacobian may be singular: solve='dense' says"
    )
    return RuntimeError(
        errors.hinted(
            f"implicit_function(): the linear system of the derivative did not converge ({how})",
            f"relative residual: {norm:.3g}, tolerance: {tol:.3g}, products: {steps}",
            hint=why,
        )
    )


def _neumann(times: Callable[[Any], Any], b: Any, tol: float, most: int) -> Any:
    """u = sum of (I - A)^k b."""
    u, size, norm, steps = b.copy(), float(factored(np.linalg.norm, b)), np.inf, 0
    while steps < most:
        steps += 1
        rest = b - times(u)
        norm = float(factored(np.linalg.norm, rest)) / size
        if norm <= tol:
            return u
        if not norm < 1e8:
            break
        u = u + rest
    raise _stuck("neumann", norm, tol, steps)


def _gmres(times: Callable[[Any], Any], b: Any, tol: float, most: int) -> Any:
    """Saad, Schultz 1986, restarted every 50 products; least squares by a dense solver."""
    u, size, steps, norm = np.zeros_like(b), float(factored(np.linalg.norm, b)), 0, 1.0
    while steps < most:
        rest = b - times(u) if steps else b
        norm = float(factored(np.linalg.norm, rest)) / size
        if norm <= tol:
            return u
        added, taken = _cycle(times, rest, tol * size, min(50, most - steps, b.size))
        u, steps = u + added, steps + taken
        if not np.isfinite(u).all():
            break
    norm = float(factored(np.linalg.norm, b - times(u))) / size
    if norm <= tol:
        return u
    raise _stuck("gmres", norm, tol, steps)


def _cycle(times: Callable[[Any], Any], rest: Any, goal: float, count: int) -> tuple[Any, int]:
    """One cycle: the best correction in the Krylov space of `rest`."""
    beta = factored(np.linalg.norm, rest)
    basis = [rest / beta]
    hessenberg = np.zeros((count + 1, count), rest.dtype)
    target = np.zeros(count + 1, rest.dtype)
    target[0] = beta
    for k in range(count):
        w = times(basis[k])
        for _ in range(2):  # the second pass keeps the basis orthogonal
            for i, v in enumerate(basis):
                c = factored(np.vdot, v, w)
                hessenberg[i, k] += c
                w = w - c * v
        height = factored(np.linalg.norm, w)
        hessenberg[k + 1, k] = height
        part, aim = hessenberg[: k + 2, : k + 1], target[: k + 2]
        y = np.linalg.lstsq(part, aim, rcond=None)[0]
        done = np.linalg.norm(aim - part @ y) <= goal or height <= np.finfo(rest.dtype).eps * beta
        if done:
            break
        basis.append(w / height)
    return sum(c * v for c, v in zip(y, basis, strict=False)), k + 1
