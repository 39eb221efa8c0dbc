"""`jacrev`, `jacfwd` and `hessian`: all derivatives of all outputs, by vmap over a basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._state import modes
from ..core.pytree import flatten
from ..core.record import OPS
from ..core.tape import Tape
from ..core.tensor import Tensor, wrap
from ..core.vmap import vmap
from .arguments import chosen, need_real, outside, replaced, split_aux, transformed
from .linear import jvp_of, need_floating, vjp_of

__all__ = ["hessian", "jacfwd", "jacrev"]


def _sizes(tensors: list[Tensor]) -> list[int]:
    return [t._data.size for t in tensors]


def _basis(tensors: list[Tensor], chunk: int | None) -> Iterator[list[Tensor]]:
    """The unit vectors of the space of all tensors together, cut as the tensors are; `chunk` rows
    at a time."""
    sizes = _sizes(tensors)
    total = sum(sizes)
    chunk = total if chunk is None else min(chunk, max(total, 1))
    for start in range(0, total, max(chunk, 1)) if total else (0,):
        rows = min(chunk, total - start)
        made, column = [], 0
        for t, n in zip(tensors, sizes, strict=True):
            unit = np.eye(rows, n, start - column, t._data.dtype)
            made.append(wrap(unit.reshape((rows, *t._data.shape))))
            column += n
        yield made


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The function that computes the Jacobian of `func`, row by row in reverse mode.

    Args:
        func: takes tensors and returns tensors (nested allowed).
        argnums: which arguments to differentiate with respect to; a tuple gives a tuple for each
            output.
        has_aux: `func` returns (output, aux); the result is (Jacobian, aux).
        chunk_size: how many rows to compute at once (default: all); 1 computes them one by one,
            without vmap.

    Returns:
        A function of the same arguments; the Jacobian of an output of shape s with respect to an
        argument of shape t has shape s + t.

    Raises:
        ValueError: `chunk_size` is not positive.
        RuntimeError: complex inputs or outputs.

    Example:
        >>> import chainrule as torch
        >>> torch.func.jacrev(lambda x: x * x)(torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @transformed(func)
    def jacobian(*args: Any) -> Any:
        need_real("jacrev", args, "inputs")
        if chunk_size is None and not modes():
            return _on_tape(func, args, argnums, has_aux)
        output, pull, *aux = vjp_of(func, args, argnums, has_aux)
        outs, out_spec = flatten(output)
        need_real("jacrev", outs, "outputs")
        inputs, in_spec = flatten(chosen(args, argnums))
        pieces = [
            _rows(pull, out_spec.build(basis), basis, chunk_size)
            for basis in _basis(outs, chunk_size)
        ]
        columns = [p[0] if len(p) == 1 else OPS.cat(list(p), 0) for p in zip(*pieces, strict=True)]
        blocks = [_split_rows(j, outs, x) for j, x in zip(columns, inputs, strict=True)]
        result = out_spec.build([in_spec.build(list(row)) for row in zip(*blocks, strict=True)])
        return (result, aux[0]) if has_aux else result

    return jacobian


def _on_tape(func: Any, args: tuple[Any, ...], argnums: Any, has_aux: bool) -> Any:
    """`jacrev` where no interpreter runs."""
    inputs, in_spec = flatten(chosen(args, argnums))
    with Tape() as tape:
        leaves = [tape.leaf(t) for t in _tensors(inputs)]
        made = func(*replaced(args, in_spec.build(leaves), argnums))
        output, aux = split_aux(made, has_aux, "vjp(f, *primals)")
        outs, out_spec = flatten(output)
        need_floating(outs)
        need_real("jacrev", outs, "outputs")
        edges, aux = [tape.edge(t) for t in outs], outside(tape, aux) if has_aux else None
        outs = [t.detach() for t in outs]
    del made, output
    columns = tape.rows(edges, outs, leaves)
    blocks = [_split_rows(j, outs, x) for j, x in zip(columns, inputs, strict=True)]
    del edges
    tape.close(leaves)
    result = out_spec.build([in_spec.build(list(row)) for row in zip(*blocks, strict=True)])
    return (result, aux) if has_aux else result


def _tensors(found: list[Any]) -> list[Tensor]:
    for t in found:
        if not isinstance(t, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
    return found


def _rows(pull: Any, basis: Any, flat: list[Tensor], chunk_size: int | None) -> list[Tensor]:
    """The cotangents of the inputs for some rows of the basis."""
    if chunk_size != 1 or flat[0]._data.shape[0] != 1:
        return flatten(vmap(pull)(basis))[0]
    found, spec = flatten(basis)
    one = spec.build([OPS.squeeze(t, 0) for t in found])
    return [OPS.unsqueeze(t, 0) for t in flatten(pull(one))[0]]


def _split_rows(j: Tensor, outs: list[Tensor], x: Tensor) -> list[Tensor]:
    """(all elements of all outputs, *x.shape) -> one (*out.shape, *x.shape) for each output."""
    made, start = [], 0
    for t, n in zip(outs, _sizes(outs), strict=True):
        part = OPS.slice(j, 0, start, start + n, 1) if len(outs) > 1 else j
        made.append(OPS.reshape(part, (*t._data.shape, *x._data.shape)))
        start += n
    return made


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """As `jacrev`, column by column in forward mode; cheaper when there are more outputs than
    inputs.

    Args:
        randomness: what random ops in `func` give to the columns (see `vmap`).

    Example:
        >>> import chainrule as torch
        >>> torch.func.jacfwd(lambda x: x * x)(torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    @transformed(func)
    def jacobian(*args: Any) -> Any:
        need_real("jacfwd", args, "inputs")
        inputs = args if argnums is None else chosen(args, argnums)
        if isinstance(argnums, int):
            inputs = (inputs,)
        ins, in_spec = flatten(inputs)
        (basis,) = _basis(ins, None)

        def push(tangents: Any) -> Any:
            made = jvp_of(func, args, tangents, argnums, False, has_aux)
            need_real("jacfwd", made[0], "outputs")
            return made[1:] if has_aux else made[1]

        made = vmap(push, randomness=randomness)(in_spec.build(basis))
        columns, aux = made if has_aux else (made, None)
        outs, out_spec = flatten(columns)
        blocks = [in_spec.build(_split_columns(t, ins)) for t in outs]
        result = out_spec.build([b[0] if isinstance(argnums, int) else b for b in blocks])
        if not has_aux:
            return result
        found, spec = flatten(aux)
        return result, spec.build([OPS.select(t, 0, 0) for t in found])

    return jacobian


def _split_columns(j: Tensor, ins: list[Tensor]) -> list[Tensor]:
    """(all elements of all inputs, *out.shape) -> one (*out.shape, *x.shape) for each input."""
    n = j._data.ndim
    turned = OPS.permute(j, (*range(1, n), 0)) if n > 1 else j
    lead, made, start = tuple(turned._data.shape[:-1]), [], 0
    for x, size in zip(ins, _sizes(ins), strict=True):
        part = OPS.slice(turned, n - 1, start, start + size, 1) if len(ins) > 1 else turned
        made.append(OPS.reshape(part, (*lead, *x._data.shape)))
        start += size
    return made


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that computes the Hessian of `func`: the Jacobian of its Jacobian.

    Args:
        func: takes tensors and returns a tensor, usually with one number.
        argnums: which arguments; a tuple gives a tuple of tuples.

    Example:
        >>> import chainrule as torch
        >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    twice = jacfwd(jacrev(func, argnums), argnums)
    if argnums.__class__ is not int:
        return twice
    in_reverse = jacrev(jacrev(func, argnums), argnums)  # the same numbers, on one tape

    @transformed(func)
    def second(*args: Any) -> Any:
        return (twice if modes() else in_reverse)(*args)

    return second
