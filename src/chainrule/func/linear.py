"""`vjp`, `jvp` and `linearize`: products with the Jacobian from the left and from the right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import errors
from .._state import grad_enabled, set_grad
from ..core.forward import Forward
from ..core.primitive import cast
from ..core.pytree import TreeSpec, flatten
from ..core.reverse import Reverse, pull
from ..core.tensor import Tensor
from .arguments import (
    chosen,
    floating,
    inside,
    need_tensors,
    outside,
    replaced,
    split_aux,
    zeros_like,
)

__all__ = ["jvp", "linearize", "vjp"]

_JVP = "jvp(f, primals, tangents)"


# ---------------------------------------------------------------- from the left


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """`func(*primals)`, and the function from cotangents of the outputs to those of the inputs.

    Args:
        func: takes tensors (nested allowed) and returns tensors (nested allowed).
        primals: the arguments.
        has_aux: `func` returns (output, aux).

    Returns:
        (output, vjp_fn), or (output, vjp_fn, aux). `vjp_fn(cotangents)` takes what has the
        structure of the output and returns a tuple, one entry per primal; it may be called many
        times, and under `vmap`.

    Raises:
        RuntimeError: outputs that are not floating point; cotangents of another structure or shape.

    Example:
        >>> import chainrule as torch
        >>> y, pull = torch.func.vjp(torch.sin, torch.tensor([0.0, 1.0]))
        >>> pull(torch.ones(2))
        (tensor([1.0000, 0.5403]),)
    """
    return vjp_of(func, primals, None, has_aux)


def vjp_of(func: Any, primals: tuple[Any, ...], argnums: Any, has_aux: bool) -> Any:
    """`vjp` with respect to the arguments `argnums` (None: all)."""
    inputs = primals if argnums is None else chosen(primals, argnums)
    with Reverse() as level:
        new, leaves, spec = inside(inputs, level.leaf)  # type: ignore[attr-defined]
        args = new if argnums is None else replaced(primals, new, argnums)
        made, aux = split_aux(func(*args), has_aux, "vjp(f, *primals)")
        outs, out_spec = flatten(made)
        need_floating(outs)
        pullback = _Pullback(level, leaves, spec, outs, out_spec)
        results, aux = outside(level, made), outside(level, aux)
    return (results, pullback, aux) if has_aux else (results, pullback)


def need_floating(outs: list[Any]) -> None:
    """Outputs that have derivatives, at least one."""
    need_tensors(outs, "vjp(f, *primals)")
    for t in outs:
        if not floating(t.dtype):
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                f"Tensor with dtype {t.dtype!r}"
            )


class _Pullback:
    """What `vjp` returns: the tape of one run, walked for every cotangent."""

    def __init__(
        self, level: Any, leaves: list[Any], spec: TreeSpec, outs: list[Any], out_spec: TreeSpec
    ) -> None:
        self._edges = [level.edge(t) for t in outs]
        self._shapes = [t.shape for t in outs]
        self._dtypes = [t.dtype for t in outs]
        self._leaves, self._spec, self._out_spec = leaves, spec, out_spec
        self._ends = [t._node for t in leaves]

    def __call__(
        self, cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None
    ) -> Any:
        gs, spec = flatten(cotangents)
        if spec != self._out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {spec.short()}, primal output: "
                f"{self._out_spec.short()}"
            )
        for i, (g, shape) in enumerate(zip(gs, self._shapes, strict=True)):
            if isinstance(g, Tensor) and g.shape != shape and self._edges[i] is not None:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] "
                    f"has a shape of {shape}."
                )
        gs = [self._fitted(g, dtype) for g, dtype in zip(gs, self._dtypes, strict=True)]
        before = set_grad(grad_enabled() if create_graph is None else create_graph)
        try:
            found = pull(self._edges, gs, self._ends)
        finally:
            set_grad(before)
        return self._spec.build(
            [zeros_like(t) if g is None else g for g, t in zip(found, self._leaves, strict=True)]
        )

    @staticmethod
    def _fitted(g: Any, dtype: Any) -> Any:
        """A cotangent in the dtype of its output."""
        if not isinstance(g, Tensor) or g.dtype is dtype:
            return g
        return g if g.is_complex() and not dtype.is_complex else cast(g, dtype)


# ---------------------------------------------------------------- from the right


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """`func(*primals)` and its derivative along `tangents`.

    Args:
        func: takes tensors (nested allowed), returns tensors (nested allowed).
        primals: the tuple of arguments.
        tangents: what has the same structure and shapes.
        strict: refuse outputs that do not depend on the inputs (else their tangent is zero).
        has_aux: `func` returns (output, aux).

    Returns:
        (output, tangent of the output), or (output, tangent, aux).

    Raises:
        RuntimeError: `primals` is no tuple; tangents of another structure or shape.

    Example:
        >>> import chainrule as torch
        >>> torch.func.jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
        (tensor(0.), tensor(2.))
    """
    return jvp_of(func, primals, tangents, None, strict, has_aux)


def jvp_of(
    func: Any, primals: Any, tangents: Any, argnums: Any, strict: bool, has_aux: bool
) -> Any:
    """`jvp` with respect to the arguments `argnums` (None: all)."""
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    inputs = primals if argnums is None else _as_tuple(chosen(primals, argnums), argnums)
    ps, spec = flatten(inputs)
    ts, t_spec = flatten(tangents)
    if spec != t_spec:
        raise RuntimeError(
            f"{_JVP}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with "
            "structure "
            f"{spec} and tangents with structure {t_spec}"
        )
    _only_tensors(ps, "primals")
    _only_tensors(ts, "tangents")
    with Forward() as level:
        duals = spec.build([checked_dual(level, p, t) for p, t in zip(ps, ts, strict=True)])
        if argnums is not None:
            duals = replaced(primals, duals[0] if isinstance(argnums, int) else duals, argnums)
        made, aux = split_aux(func(*duals), has_aux, _JVP)
        outs, out_spec = flatten(made)
        need_tensors(outs, _JVP)
        moved = [_moved(level, t, strict) for t in outs]
        outs, aux = [level.inner(t) for t in outs], outside(level, aux)
    result = out_spec.build(outs), out_spec.build(moved)
    return (*result, aux) if has_aux else result


def _as_tuple(value: Any, argnums: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(argnums, int) else value


def _only_tensors(found: list[Any], what: str) -> None:
    if not found:
        raise RuntimeError(f"{_JVP}: Expected {what} to contain at least one Tensor.")
    for t in found:
        if not isinstance(t, Tensor):
            raise RuntimeError(f"{_JVP}: Expected {what} to only contain Tensors, got {type(t)}")


def checked_dual(level: Any, primal: Tensor, tangent: Tensor) -> Any:
    """A dual of the level, after the checks of `forward_ad.make_dual`."""
    level.check(primal, tangent)
    return level.dual(primal, tangent)


def _moved(level: Any, t: Tensor, strict: bool) -> Tensor:
    tangent: Tensor | None = level.tangent(t)
    if tangent is None:
        if strict:
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the "
                "inputs. This is not allowed with strict=True."
            )
        tangent = zeros_like(t)
    return tangent


# ---------------------------------------------------------------- the linear map itself


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """`func(*primals)`, and the function from tangents of the inputs to tangents of the output.

    The function is run once; its vjp, which is linear, is recorded and transposed, so a product
    costs about two runs, without running `func` again.

    Args:
        func: takes tensors (nested allowed), returns tensors (nested allowed).
        primals: the arguments.

    Returns:
        (output, jvp_fn); `jvp_fn(*tangents)` takes what has the structure of `primals`.

    Raises:
        RuntimeError: tangents of another structure, shape or dtype.

    Example:
        >>> import chainrule as torch
        >>> y, push = torch.func.linearize(torch.sin, torch.tensor([0.0, 1.0]))
        >>> push(torch.ones(2))
        tensor([1.0000, 0.5403])
    """
    output, pullback = vjp(func, *primals)
    outs, out_spec = flatten(output)
    with Reverse() as level:
        us = [level.leaf(zeros_like(t)) for t in outs]  # type: ignore[attr-defined]
        gs = flatten(pullback(out_spec.build(us)))[0]
        edges, ends = [level.edge(g) for g in gs], [u._node for u in us]  # type: ignore[attr-defined]
    ps, spec = flatten(primals)
    facts = [(t.shape, t.dtype) for t in ps]

    def push(*tangents: Any) -> Any:
        ts, t_spec = flatten(tangents)
        if t_spec != spec:
            raise RuntimeError(
                f"Expected the tangents {t_spec} to have the same argspec as the primals {spec}"
            )
        for i, (t, fact) in enumerate(zip(ts, facts, strict=True)):
            _check_tangent(i, t, *fact)
        found = pull(edges, ts, ends)
        return out_spec.build(
            [zeros_like(u) if t is None else t for t, u in zip(found, us, strict=True)]
        )

    return output, push


def _check_tangent(i: int, t: Tensor, shape: Any, dtype: Any) -> None:
    for name, have, want in (("shape", t.shape, shape), ("dtype", t.dtype, dtype)):
        if have != want:
            raise RuntimeError(
                errors.hinted(
                    f"tangent:{i} with {name} {have} in flattened pytree doesn't match the {name} "
                    f"{want} of the corresponding primal.",
                    hint="a tangent has the shape and dtype of its primal",
                )
            )
