"""Gradients of many cotangents in one walk: `is_grads_batched`, and gradcheck's batched checks.

The walk runs under one `vmap` level over the first dimension of the cotangents, so its rules are
read on batches. Called by `autograd/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import engine
from ..core.aim import aimed
from ..core.node import LEAF, Output, walk
from ..core.rows import rows
from ..core.tensor import Tensor, wrap
from ..core.vmap import vmap

__all__ = ["grads_of_batch", "rows_of"]


def grads_of_batch(
    outs: Sequence[Any],
    ins: Sequence[Any],
    gs: Sequence[Any],
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """As `engine.grad`, for cotangents with one more dimension in front; so have the gradients."""
    given = [_checked(i, t, g) for i, (t, g) in enumerate(zip(outs, gs, strict=True))]
    if not create_graph and _is_plain(outs, ins, given):
        plain = rows_of(outs, ins, [_cast(g, t) for t, g in zip(outs, given, strict=True)])
        if plain is not None:
            if not retain_graph:
                _release(outs, ins)
            return [None if g is None else wrap(g) for g in plain]
    used: list[bool] = []

    def vjp(*cotangents: Tensor) -> tuple[Tensor, ...]:
        found = engine.grad(outs, ins, cotangents, retain_graph, create_graph)
        used[:] = [g is not None for g in found]
        return tuple(g for g in found if g is not None)

    made = iter(vmap(vjp)(*given))
    return [next(made) if u else None for u in used]


def _is_plain(outs: Sequence[Any], ins: Sequence[Any], gs: Sequence[Tensor]) -> bool:
    """Whether these are ordinary tensors and as many cotangents of each; others `vmap` checks."""
    if not all(isinstance(t, Tensor) and t._node is not None for t in (*outs, *ins)):
        return False
    sizes = {g._data.shape[0] if g._data.ndim else -1 for g in gs}
    same = all((g._data.dtype.kind == "c") == (t._data.dtype.kind == "c") for t, g in zip(outs, gs))  # noqa: B905
    return same and len(sizes) == 1 and -1 not in sizes and not any(g._wrapped for g in gs)


def _cast(g: Tensor, t: Tensor) -> Any:
    return g._data if g._data.dtype == t._data.dtype else g._data.astype(t._data.dtype)


def _release(outs: Sequence[Tensor], ins: Sequence[Tensor]) -> None:
    """Forget what the nodes between have saved, as a walk does that does not retain the graph."""
    roots = [t._node for t in outs if t._node is not LEAF]
    aim = aimed([(r, None) for r in roots], ins)
    passed = () if aim is None else aim[0]
    for root in roots:
        for node in walk(root):
            if node.k in passed and type(node) is not Output:
                node.release()


def rows_of(outs: Sequence[Tensor], ins: Sequence[Tensor], gs: Sequence[Any]) -> Any:
    """The same on arrays, unrecorded, where a bare walk can do it; None elsewhere."""
    edges = [t if t._node is LEAF else t._node for t in outs]
    if any(e is None for e in edges) or any(t._wrapped for t in (*outs, *ins)):
        return None
    count = gs[0].shape[:1]
    if not count:
        return None
    for g, t in zip(gs, outs, strict=True):
        if g.shape != (*count, *t._data.shape):
            return None  # which the general way refuses
    return rows(list(zip(edges, gs, strict=True)), ins, gs[0].shape[0])


def _checked(i: int, t: Any, g: Any) -> Tensor:
    shape = t._data.shape if isinstance(t, Tensor) else None
    if g is None:
        if not isinstance(t, Tensor) or t._data.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs\n"
                f"output {i}: shape {shape}\n"
                "Hint: with is_grads_batched, give grad_outputs of shape (n, *output.shape)"
            )
        return wrap(np.ones(t._data.shape, t._data.dtype))
    if shape is not None and g._data.shape[1:] != shape:
        raise RuntimeError(
            "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as "
            "the batch dimension. The sizes of the remaining dimensions are expected to match the "
            f"shape of corresponding output, but a mismatch was detected: grad_output[{i}] has a "
            f"shape of {g.shape} and output[{i}] has a shape of {t.shape}. If you only want some "
            "tensors in `grad_output` to be considered batched, consider using vmap."
        )
    return g
