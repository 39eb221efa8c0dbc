"""`torch.autograd.functional`: Jacobians, Hessians and their products, of functions of tensors.

Everything here is made of `backward` walks: a vjp is one, a jvp is the vjp of the vjp (which is
linear in the cotangent), Hessian products are walks over a recorded gradient. `vectorize=True`
takes all rows of a Jacobian in one walk under `vmap`; `strategy="forward-mode"` takes columns with
dual numbers. `torch.func` has the same without the copies and checks, and nests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import errors
from .._state import grad_enabled, set_grad
from ..core import engine
from ..core.forward import Forward
from ..core.record import OPS
from ..core.tape import unit_vectors
from ..core.tensor import Tensor, wrap
from ..core.vmap import vmap
from .batched import rows_of

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Tensor, ...]


# ---------------------------------------------------------------- in and out


def _as_tuple(value: Any, what: str, who: str) -> tuple[bool, Tensors]:
    """(it was a tuple, the tuple), checked."""
    if type(value) is Tensor:
        return False, (value,)
    many = isinstance(value, tuple)
    found = value if many else (value,)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            where = f"value at index {i}" if many else f"given {what}"
            raise TypeError(
                f"The {what} given to {who} must be either a Tensor or a tuple of Tensors but the "
                f"{where} has type {type(t)}."
            )
    return many, found


def _prepared(inputs: Tensors, create_graph: bool, need_graph: bool) -> Tensors:
    """Fresh tensors, so that an argument and the same tensor captured by the function differ."""
    return tuple([
        OPS.alias(t) if create_graph and t.requires_grad else t.detach().requires_grad_(need_graph)
        for t in inputs
    ])  # fmt: skip


def _finished(value: Any, create_graph: bool) -> Any:
    """Without history, unless it was asked for."""
    if isinstance(value, (tuple, list)):
        return tuple([_finished(v, create_graph) for v in value])
    return value if create_graph else value.detach()


def _unpacked(value: Any, *many: bool) -> Any:
    """`value` without the tuples that the caller did not use, from outside in."""
    if len(many) > 1 and not many[1]:
        value = tuple([v[0] for v in value])
    return value if many[0] else value[0]


def _check_v(v: Tensors, other: Tensors, many: bool) -> None:
    if len(v) != len(other):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(other)} but got {len(v)}."
            if many
            else "The given v should contain a single Tensor."
        )
    for i, (a, b) in enumerate(zip(v, other, strict=True)):
        if a.shape != b.shape:
            where = f"Entry {i} in " if many else ""
            raise RuntimeError(f"{where}v has invalid size: should be {b.shape} but got {a.shape}.")


class _Graded:
    """Recording on inside, as it was outside."""

    def __init__(self, on: bool = True) -> None:
        self.on = on

    def __enter__(self) -> None:
        self.before = set_grad(self.on)

    def __exit__(self, *exc: object) -> None:
        set_grad(self.before)


def _after(create_graph: bool) -> _Graded:
    return _Graded(create_graph or grad_enabled())


# ---------------------------------------------------------------- walks and checks


def _pulled(
    outputs: Any, inputs: Tensors, gs: Any = None, create_graph: bool = False, keep: Any = None
) -> tuple[Any, ...]:
    """Gradients of the outputs that have any, None where nothing flows."""
    gs = (None,) * len(outputs) if gs is None else gs
    pairs = [(o, g) for o, g in zip(outputs, gs, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outs, cotangents = zip(*pairs, strict=True)
    return tuple(engine.grad(outs, inputs, cotangents, keep, create_graph))


_INDEPENDENT = {
    "outputs": "Output {i} of the user-provided function does not require gradients. The outputs "
    "must be computed in a differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {i} is independent of the inputs of the "
    "user-provided function. This is not allowed in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided "
    "function with respect to input {i} is independent of the input. This is not allowed in strict "
    "mode. You should ensure that your function is twice differentiable and that the jacobian "
    "depends on the inputs (this would be violated by a linear function for example).",
    "hessian": "The hessian of the user-provided function with respect to input {i} is independent "
    "of the input. This is not allowed in strict mode. You should ensure that your function is "
    "thrice differentiable and that the hessian depends on the inputs.",
}
_NONE = {
    "back": "The output of the user-provided function is independent of input {i}. This is not "
    "allowed in strict mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {i} in the "
    "grad_outputs when using the double backward trick to compute forward mode gradients. This is "
    "not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {i}. This "
    "is not allowed in strict mode.",
    "double_back_trick": "The hessian of the user-provided function is independent of entry {i} in "
    "the grad_jacobian. This is not allowed in strict mode as it prevents from using the double "
    "backward trick to replace forward mode AD.",
}


def _check_graph(tensors: Any, what: str, strict: bool) -> None:
    """Strict mode: every one of these must depend on the inputs."""
    if not strict:
        return
    for i, t in enumerate(tensors):
        if t is None:
            raise RuntimeError(_NONE["back"].format(i=i))
        if not t.requires_grad:
            raise RuntimeError(_INDEPENDENT[what].format(i=i))


def _filled(gs: Any, like: Tensors, strict: bool, create_graph: bool, stage: str) -> Tensors:
    """Zeros where nothing flows; in strict mode that is an error."""
    made = []
    for i, (g, t) in enumerate(zip(gs, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(_NONE[stage].format(i=i))
            g = _zeros(t)
        elif strict and create_graph and not g.requires_grad:
            name = "hessian" if "double" in stage else "jacobian"
            raise RuntimeError(
                f"The {name} of the user-provided function is independent of input {i}. This is "
                "not allowed in strict mode when create_graph=True."
            )
        made.append(g)
    return tuple(made)


def _zeros(t: Tensor) -> Tensor:
    return wrap(np.zeros(t._data.shape, t._data.dtype))


def _evaluated(
    who: str, func: Callable[..., Any], inputs: Any, create_graph: bool, strict: bool
) -> tuple[bool, Tensors, bool, Tensors]:
    """(inputs were a tuple, fresh inputs, outputs were a tuple, outputs)."""
    many_in, inputs = _as_tuple(inputs, "inputs", who)
    inputs = _prepared(inputs, create_graph, True)
    many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", who)
    _check_graph(outputs, "outputs", strict)
    return many_in, inputs, many_out, outputs


def _vector(v: Any, who: str, create_graph: bool, like: Tensors, many: bool, missing: str) -> Any:
    """The vector of a product, checked; None stands for 1 where there is one number only."""
    if v is None:
        if len(like) != 1 or like[0]._data.size != 1:
            raise RuntimeError(
                errors.hinted(missing, hint="give v, of the shape of what it multiplies")
            )
        return None
    v = _prepared(_as_tuple(v, "v", who)[1], create_graph, False)
    _check_v(v, like, many)
    return v


_ONE_INPUT = (
    "The vector v can only be None if the input to the user-provided function is a single Tensor "
    "with a single element."
)


# ---------------------------------------------------------------- products with the Jacobian


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)` and the product of the vector `v` with its Jacobian.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of tensors.
        v: what has the shapes of the outputs; may be left out for one number.
        create_graph: the results can be differentiated.
        strict: refuse outputs that do not depend on an input, instead of giving zeros.

    Returns:
        (outputs, product): the product has the structure of the inputs.

    Raises:
        RuntimeError: `v` is missing or has other shapes; in strict mode, independence.
        TypeError: inputs or outputs that are no tensors.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.autograd import functional
        >>> functional.vjp(lambda x: x * x, torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    with _Graded():
        many_in, ins, many_out, outs = _evaluated("vjp", func, inputs, create_graph, strict)
        v = _vector(
            v, "vjp", create_graph, outs, many_out,
            "The vector v can only be None if the user-provided function returns a single Tensor "
            "with a single element.",
        )  # fmt: skip
    with _after(create_graph):
        made = _pulled(outs, ins, v, create_graph)
        made = _filled(made, ins, strict, create_graph, "back")
    outs, made = _finished(outs, create_graph), _finished(made, create_graph)
    return _unpacked(outs, many_out), _unpacked(made, many_in)


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)` and the product of its Jacobian with the vector `v`, by two walks backward.

    Args and errors as `vjp`; `v` has the shapes of the inputs, the product those of the outputs.
    `torch.func.jvp` gives the same in one run.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.autograd import functional
        >>> functional.jvp(lambda x: x * x, torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    with _Graded():
        many_in, ins = _as_tuple(inputs, "inputs", "jvp")
        ins = _prepared(ins, create_graph, True)
        v = _vector(v, "jvp", create_graph, ins, many_in, _ONE_INPUT)
        made = func(*ins)
        many_out, outs = _as_tuple(made, "outputs of the user-provided function", "jvp")
        _check_graph(outs, "outputs", strict)
        gs = tuple(_zeros(o).requires_grad_() for o in outs)
        pulled = _pulled(outs, ins, gs, create_graph=True)
        _check_graph(pulled, "grad_inputs", strict)
    with _after(create_graph):
        moved = _pulled(pulled, gs, v, create_graph)
        moved = _filled(moved, outs, strict, create_graph, "back_trick")
    outs, moved = _finished(outs, create_graph), _finished(moved, create_graph)
    return _unpacked(outs, many_out), _unpacked(moved, many_out)


# ---------------------------------------------------------------- products with the Hessian


def _one_number(who: str, outs: Tensors, many: bool) -> None:
    if many:
        raise RuntimeError(f"The function given to {who} should return a single Tensor")
    if outs[0]._data.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {who} should contain a single element"
        )


def _gradient_of(
    who: str, func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[bool, Tensors, Tensors, Any, tuple[Any, ...]]:
    """(inputs were a tuple, inputs, output, v, the recorded gradient)."""
    many, ins = _as_tuple(inputs, "inputs", who)
    ins = _prepared(ins, create_graph, True)
    v = _vector(v, who, create_graph, ins, many, _ONE_INPUT)
    many_out, outs = _as_tuple(func(*ins), "outputs of the user-provided function", who)
    _check_graph(outs, "outputs", strict)
    _one_number(who, outs, many_out)
    jac = _pulled(outs, ins, create_graph=True)
    _check_graph(jac, "jacobian", strict)
    return many, ins, outs, v, jac


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)`, one number, and the product of the vector `v` with its Hessian.

    Args and errors as `vjp`; `v` and the product have the shapes of the inputs.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.autograd import functional
        >>> functional.vhp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with _Graded():
        many, ins, outs, v, jac = _gradient_of("vhp", func, inputs, v, create_graph, strict)
    with _after(create_graph):
        made = _pulled(jac, ins, v, create_graph)
        made = _filled(made, ins, strict, create_graph, "double_back")
    outs, made = _finished(outs, create_graph), _finished(made, create_graph)
    return outs[0], _unpacked(made, many)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)`, one number, and the product of its Hessian with the vector `v`.

    Args and errors as `vjp`. For functions that are twice continuously differentiable it equals
    `vhp`, which is cheaper.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.autograd import functional
        >>> functional.hvp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with _Graded():
        many, ins, outs, v, jac = _gradient_of("hvp", func, inputs, v, create_graph, strict)
        gs = tuple(_zeros(t).requires_grad_() for t in ins)
        double = _pulled(jac, ins, gs, create_graph=True)
        _check_graph(jac, "hessian", strict)
    with _after(create_graph):
        made = _pulled(double, gs, v, create_graph)
        made = _filled(made, ins, strict, create_graph, "double_back_trick")
    outs, made = _finished(outs, create_graph), _finished(made, create_graph)
    return outs[0], _unpacked(made, many)


# ---------------------------------------------------------------- whole matrices


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func` at `inputs`.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of tensors.
        create_graph: the result can be differentiated.
        strict: refuse outputs that do not depend on an input, instead of giving zeros.
        vectorize: all rows (or columns) at once, under vmap.
        strategy: "reverse-mode", or "forward-mode" (only with `vectorize`).

    Returns:
        A tensor of the output's shape followed by the input's; tuples for tuples (outputs outside).

    Raises:
        AssertionError: an unknown strategy.
        RuntimeError: `strict` together with `vectorize` or forward mode; in strict mode,
            independence.
        NotImplementedError: forward mode with `create_graph` or without `vectorize`.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.autograd import functional
        >>> functional.jacobian(lambda x: x * x, torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                "torch.autograd.functional.jacobian: `create_graph=True` and "
                '`strategy="forward-mode"` are not supported together (yet). Please either set '
                '`create_graph=False` or `strategy="reverse-mode"`.'
            )
        return _by_columns(func, inputs, strict, vectorize)
    with _Graded():
        many_in, ins, many_out, outs = _evaluated("jacobian", func, inputs, create_graph, strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
                "supported together. Please either set `strict=False` or `vectorize=False`."
            )
        made = None if strict or create_graph else _bare_rows(outs, ins)
        if made is None:
            rows = _all_rows if vectorize else _rows
            made = _finished(rows(outs, ins, create_graph, strict), create_graph)
    return _unpacked(made, many_out, many_in)


def _bare_rows(outs: Tensors, ins: Tensors) -> tuple[Tensors, ...] | None:
    """One walk for all rows, on arrays, cut as `_blocks` says; None where rules alone are not
    enough."""
    if not all(t._node is not None for t in outs):
        return None
    count = sum([t._data.size for t in outs])
    found = rows_of(outs, ins, unit_vectors([t._data for t in outs], count))
    if found is None:
        return None
    start, blocks = 0, []
    for out in outs:
        end, row = start + out._data.size, []
        for g, t in zip(found, ins, strict=True):
            shape = (*out._data.shape, *t._data.shape)
            if g is None:
                row.append(wrap(np.zeros(shape, t._data.dtype)))
                continue
            part = (g if len(outs) == 1 else g[start:end]).reshape(shape)
            row.append(wrap(part if part.flags.writeable else part.copy()))
        blocks.append(tuple(row))
        start = end
    return tuple(blocks)


def _rows(outs: Tensors, ins: Tensors, create_graph: bool, strict: bool) -> list[Any]:
    """One walk for every element of every output."""
    return [_rows_of(i, out, ins, create_graph, strict) for i, out in enumerate(outs)]


def _rows_of(
    i: int, out: Tensor, ins: Tensors, create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    if out._data.size == 1 and not strict:
        real = out._data.dtype.kind != "c"
        seed = None if real else wrap(np.ones(out._data.shape, out._data.dtype))
        gs = _pulled((out,), ins, (seed,), create_graph, keep=True)
        made = tuple([_zeros(t) if g is None else g for g, t in zip(gs, ins, strict=True)])
        lead = out._data.shape
        return tuple(OPS.reshape(g, (*lead, *g._data.shape)) for g in made) if lead else made
    flat = OPS.reshape(out, (out._data.size,))
    columns: list[list[Tensor]] = [[] for _ in ins]
    for j in range(out._data.size):
        gs = _pulled((OPS.select(flat, 0, j),), ins, None, create_graph, keep=True)
        for k, (g, t) in enumerate(zip(gs, ins, strict=True)):
            if strict and (g is None or (create_graph and not g.requires_grad)):
                raise RuntimeError(_not_strict(i, k, g))
            columns[k].append(_zeros(t) if g is None else g)
    return tuple(_stacked(c, out, t) for c, t in zip(columns, ins, strict=True))


def _stacked(rows: list[Tensor], out: Tensor, t: Tensor) -> Tensor:
    shape = (*out._data.shape, *t._data.shape)
    if not rows:
        return wrap(np.zeros(shape, t._data.dtype))
    return OPS.reshape(OPS.stack(rows, 0), shape)


def _not_strict(i: int, k: int, g: Tensor | None) -> str:
    if g is None:
        return (
            f"Output {i} of the user-provided function is independent of input {k}. This is not "
            "allowed in strict mode."
        )
    return (
        f"The jacobian of the user-provided function is independent of input {i}. This is not "
        "allowed in strict mode when create_graph=True."
    )


def _basis(tensors: Tensors) -> Tensors:
    """The unit vectors of the space of all tensors together, cut as the tensors are."""
    arrays = [t._data for t in tensors]
    return tuple([wrap(x) for x in unit_vectors(arrays, sum([x.size for x in arrays]))])


def _all_rows(outs: Tensors, ins: Tensors, create_graph: bool, strict: bool) -> list[Any]:
    """One walk for all rows, under vmap."""

    def pull(*gs: Tensor) -> tuple[Tensor, ...]:
        found = _pulled(outs, ins, gs, create_graph, keep=True)
        return tuple(_zeros(t) if g is None else g for g, t in zip(found, ins, strict=True))

    return _blocks(outs, ins, vmap(pull)(*_basis(outs)))


def _blocks(outs: Tensors, ins: Tensors, columns: Any) -> list[Any]:
    """(all elements of all outputs, *input) of each input, cut: [(*out, *input), ...] for each
    output."""
    start, blocks = 0, []
    for out in outs:
        n = out._data.size
        blocks.append(
            tuple(
                OPS.reshape(
                    OPS.slice(j, 0, start, start + n, 1) if len(outs) > 1 else j,
                    (*out._data.shape, *t._data.shape),
                )
                for j, t in zip(columns, ins, strict=True)
            )
        )
        start += n
    return blocks


def _by_columns(func: Any, inputs: Any, strict: bool, vectorize: bool) -> Any:
    """One run with dual numbers for all columns, under vmap."""
    if strict:
        raise RuntimeError(
            'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are '
            "not supported together (yet). Please either set `strict=False` or "
            '`strategy="reverse-mode"`.'
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly "
            "implemented for `vectorize=True`."
        )
    many_in, ins = _as_tuple(inputs, "inputs", "jacobian")
    many_out = [False]

    def push(*tangents: Tensor) -> tuple[Tensor, ...]:
        with Forward(taped=True) as level:
            duals = [level.dual(t, v) for t, v in zip(ins, tangents, strict=True)]
            many_out[0], outs = _as_tuple(
                func(*duals), "outputs of the user-provided function", "jacobian"
            )
            moved = [(t, level.tangent(t)) for t in outs]
            return tuple(_zeros(t) if v is None else v for t, v in moved)

    blocks = [_columns_of(j, ins) for j in vmap(push)(*_basis(ins))]
    return _unpacked(blocks, many_out[0], many_in)


def _columns_of(j: Tensor, ins: Tensors) -> list[Tensor]:
    """(all elements of all inputs, *out) -> (*out, *input) for each input; lists, as in PyTorch."""
    n, start, made = j._data.ndim, 0, []
    turned = OPS.permute(j, (*range(1, n), 0)) if n > 1 else j
    for t in ins:
        part = OPS.slice(turned, n - 1, start, start + t._data.size, 1)
        made.append(OPS.reshape(part, (*turned._data.shape[:-1], *t._data.shape)))
        start += t._data.size
    return made


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of `func`, which returns one number: the Jacobian of its gradient.

    Args:
        outer_jacobian_strategy: how to differentiate the gradient; "forward-mode" only with
            `vectorize`. The others as `jacobian`.

    Returns:
        A tensor of the input's shape twice; a tuple of tuples for a tuple of inputs.

    Raises:
        RuntimeError: the function returns several tensors or numbers; in strict mode, independence.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.autograd import functional
        >>> functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    many, _ = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def scalar(*ins: Tensor) -> Tensor:
        made = func(*ins)
        many_out, outs = _as_tuple(made, "outputs of the user-provided function", "hessian")
        _check_graph(outs, "outputs", strict)
        _one_number("hessian", outs, many_out)
        return OPS.reshape(outs[0], ()) if outs[0]._data.ndim else outs[0]

    def gradient(*ins: Tensor) -> Any:
        if outer_jacobian_strategy == "forward-mode":
            ins = tuple(t.requires_grad_(True) for t in ins)
        before = set_grad(True)
        try:
            ins = _prepared(ins, True, True)
            made = _rows_of(0, scalar(*ins), ins, True, False)
        finally:
            set_grad(before)
        _check_graph(made, "jacobian", strict)
        return made

    made = jacobian(
        gradient,
        inputs,
        create_graph=create_graph,
        strict=strict,
        vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )
    return made if many else made[0]
