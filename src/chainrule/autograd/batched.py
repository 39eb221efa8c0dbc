"""Gradients of many cotangents in one walk: `is_grads_batched`, and gradcheck's batched checks.

The walk runs under one `vmap` level over the first dimension of the cotangents, so its rules are
read on batches. Called by `autograd/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import engine
from ..core.tensor import Tensor, wrap
from ..core.vmap import vmap

__all__ = ["grads_of_batch"]


def grads_of_batch(
    outs: Sequence[Any],
    ins: Sequence[Any],
    gs: Sequence[Any],
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """As `engine.grad`, for cotangents with one more dimension in front; so have the gradients."""
    used: list[bool] = []

    def vjp(*cotangents: Tensor) -> tuple[Tensor, ...]:
        found = engine.grad(outs, ins, cotangents, retain_graph, create_graph)
        used[:] = [g is not None for g in found]
        return tuple(g for g in found if g is not None)

    given = [_checked(i, t, g) for i, (t, g) in enumerate(zip(outs, gs, strict=True))]
    made = iter(vmap(vjp)(*given))
    return [next(made) if u else None for u in used]


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
    return g  # type: ignore[no-any-return]
