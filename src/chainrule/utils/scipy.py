"""SciPy's minimizers with derivatives from here: `minimize(fun, x0)` on tensors.

PyTorch has nothing like it. The unknowns are one tensor or a nest of tensors of any shapes; SciPy
sees them as one flat float64 vector. The gradient is one backward walk beside the value; a product
with the Hessian is a second one through the recorded gradient, so a Newton method never sees a
matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import autograd
from ..core.pytree import flatten
from ..core.tensor import Tensor, wrap

__all__ = ["minimize"]

WITHOUT_GRADIENT = frozenset(("nelder-mead", "powell", "cobyla", "cobyqa"))
WITH_PRODUCTS = frozenset(("newton-cg", "trust-ncg", "trust-krylov", "trust-constr"))
WITH_MATRIX = frozenset(("dogleg", "trust-exact"))


class _Problem:
    """A function of tensors, as SciPy wants it: of one vector."""

    def __init__(self, fun: Callable[..., Any], x0: Any, args: tuple[Any, ...]) -> None:
        leaves, self.spec = flatten(x0)
        for leaf in leaves:
            if not (isinstance(leaf, Tensor) and leaf.dtype.is_floating_point):
                got = leaf.dtype if isinstance(leaf, Tensor) else type(leaf).__name__
                raise TypeError(
                    f"minimize(): x0 must hold floating point tensors, not {got}\n"
                    "Hint: torch.tensor([1.0, 2.0], dtype=torch.float64)"
                )
        self.fun, self.args = fun, args
        self.shapes = [tuple(t.shape) for t in leaves]
        self.kinds = [t.dtype for t in leaves]
        self.start = self.flat(leaves)

    @staticmethod
    def flat(tensors: Sequence[Tensor]) -> np.ndarray[Any, Any]:
        """All elements in one vector."""
        return np.concatenate([t.numpy(force=True).astype("float64").ravel() for t in tensors])

    def leaves(self, vector: Any) -> list[Tensor]:
        """The tensors that a vector stands for, float64."""
        sizes = [int(np.prod(s)) for s in self.shapes]
        parts = np.split(np.array(vector, "float64"), np.cumsum(sizes)[:-1])
        return [wrap(p.reshape(s)) for p, s in zip(parts, self.shapes, strict=True)]

    def tree(self, vector: Any) -> Any:
        """The unknowns in the structure and dtypes of x0."""
        found = zip(self.leaves(vector), self.kinds, strict=True)
        return self.spec.build([t.to(kind) for t, kind in found])

    def value(self, leaves: list[Tensor]) -> Tensor:
        """The objective, a tensor of one element."""
        made = self.fun(self.spec.build(leaves), *self.args)
        if not isinstance(made, Tensor) or made.numel() != 1:
            got = f"shape {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
            raise RuntimeError(
                f"minimize(): fun must return a tensor of one element, not {got}\n"
                "Hint: reduce it, as in .sum()"
            )
        return made.reshape(())

    def number(self, vector: Any) -> float:
        """The objective without a gradient."""
        with autograd.no_grad():
            return float(self.value(self.leaves(vector)))

    def with_gradient(self, vector: Any) -> tuple[float, Any]:
        """The objective and its gradient."""
        value, gradients, _ = self._recorded(vector, create_graph=False)
        return float(value.detach()), self.flat(gradients)

    def _recorded(self, vector: Any, create_graph: bool) -> tuple[Tensor, list[Tensor], Any]:
        leaves = [t.requires_grad_() for t in self.leaves(vector)]
        with autograd.enable_grad():
            value = self.value(leaves)
            if value.grad_fn is None and not value.requires_grad:
                raise RuntimeError(
                    "minimize(): what fun returned does not depend on x through recorded "
                    "operations\nHint: compute with torch functions; detach() and no_grad() cut"
                )
            found = autograd.grad(value, leaves, create_graph=create_graph, allow_unused=True)
        return value, _zeros_for_none(found, leaves), leaves

    def product(self, vector: Any, direction: Any) -> Any:
        """The Hessian times a direction."""
        _, gradients, leaves = self._recorded(vector, create_graph=True)
        pairs = zip(gradients, self.leaves(direction), strict=True)
        recorded = [(g, d) for g, d in pairs if g.requires_grad]
        if not recorded:
            return np.zeros_like(self.start)
        outputs, cotangents = (list(side) for side in zip(*recorded, strict=True))
        found = autograd.grad(outputs, leaves, cotangents, allow_unused=True)
        return self.flat(_zeros_for_none(found, leaves))

    def matrix(self, vector: Any) -> Any:
        """The Hessian, a column a product."""
        columns = [self.product(vector, e) for e in np.eye(self.start.size)]
        return np.stack(columns)


def _zeros_for_none(found: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    pairs = zip(found, like, strict=True)
    return [wrap(np.zeros(x.shape)) if g is None else g for g, x in pairs]


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[[Any], Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """The x that makes fun(x) smallest, by one of SciPy's methods with exact derivatives.

    Args:
        fun: fun(x, *args) -> tensor of one element, written in torch functions; x has the
            structure of x0 and dtype float64.
        x0: where to start: a floating point tensor, or a nest (tuple, list, dict) of them, of any
            shapes.
        args: more arguments of fun.
        method: any of `scipy.optimize.minimize`; None lets SciPy choose. Newton-CG, trust-ncg,
            trust-krylov and trust-constr get Hessian-vector products, dogleg and trust-exact the
            Hessian.
        bounds, constraints, tol, options: as SciPy's; bounds are for the flat vector.
        callback: called with x, in the structure of x0, after every iteration.

    Returns:
        SciPy's OptimizeResult: `x` and `jac` are tensors in the structure and dtypes of x0, the
        rest is SciPy's (`fun`, `success`, `message`, `nit`, ...).

    Raises:
        ImportError: SciPy is not installed.
        TypeError, RuntimeError: x0 is no floating point tensor; fun gives no single number, or
            nothing that depends on x.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils.scipy import minimize
        >>> def rosenbrock(x):
        ...     return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        >>> found = minimize(rosenbrock, torch.zeros(3, dtype=torch.float64), method="trust-ncg")
        >>> found.success, found.x
        (True, tensor([1.0000, 1.0000, 1.0000], dtype=torch.float64))
    """
    try:
        from scipy import optimize
    except ImportError:
        raise ImportError(
            "chainrule.utils.scipy.minimize needs the optional package SciPy, which is not "
            'installed\nHint: pip install "chainrule[scipy]"'
        ) from None
    problem = _Problem(fun, x0, args)
    named = (method or "").lower()
    gradient = named not in WITHOUT_GRADIENT
    result = optimize.minimize(
        problem.with_gradient if gradient else problem.number,
        problem.start,
        method=method,
        jac=True if gradient else None,
        hess=problem.matrix if named in WITH_MATRIX else None,
        hessp=problem.product if named in WITH_PRODUCTS else None,
        bounds=bounds,
        constraints=constraints,
        tol=tol,
        callback=None if callback is None else _seen(callback, problem),
        options=options,
    )
    return _in_tensors(result, problem)


def _seen(callback: Callable[[Any], Any], problem: _Problem) -> Callable[..., Any]:
    return lambda xk, *state: callback(problem.tree(xk))


def _in_tensors(result: Any, problem: _Problem) -> Any:
    size = problem.start.size
    for name in ("x", "jac"):
        vector = result.get(name)
        if isinstance(vector, np.ndarray) and vector.size == size:
            result[name] = problem.tree(vector)
    return result
