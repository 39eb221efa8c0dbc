"""`torch._weight_norm`: w = g v/|v|, the norms taken over all dimensions but one.

One op where PyTorch has one (the dimension left out is the first or the last), so that a weight
made of the two prints the same `grad_fn`; composed elsewhere. Called by `nn/utils`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.declare import general, spelled
from ..reduce.vector_norm import vector_norm
from ..shape.reshape import need_tensor


def _others(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return tuple(i for i in range(len(shape)) if i != dim)


def _kernel(v: Any, scale: Any, dim: int = 0) -> Any:
    norm = np.sqrt(np.sum(v * v, _others(v.shape, dim), keepdims=True))
    return v * (scale / norm)


def _to_v(xp: Any, g: Any, v: Any, scale: Any, dim: int) -> Any:
    dims = _others(v.shape, dim)
    square = xp.sum(v * v, dims, True)
    return (g - v * (xp.sum(g * v, dims, True) / square)) * (scale / xp.sqrt(square))


def _to_scale(xp: Any, g: Any, v: Any, dim: int) -> Any:
    dims = _others(v.shape, dim)
    return xp.sum(g * v, dims, True) / xp.sqrt(xp.sum(v * v, dims, True))


_weight_norm = general(
    "weight_norm",
    _kernel,
    ("v", "scale"),
    rules={"v": _to_v, "scale": _to_scale},
    grad_fn="WeightNormInterfaceBackward0",
    method=False,
    names=("_weight_norm",),
)


@spelled(_weight_norm)
def weight_norm(v: Any, g: Any, dim: int = 0) -> Any:
    """g v/|v|, the norms taken over all dimensions of v but `dim`.

    Args:
        v: of any shape, floating point.
        g: the norms of the result: the shape of v with size 1 in all dimensions but `dim`.
        dim: the dimension with norms of its own; -1: one norm of all.

    Returns:
        The shape of v. d/dv = (g/|v|)(dw - v <dw, v>/|v|^2), d/dg = <dw, v>/|v|.

    Differs from PyTorch: second derivatives with respect to v are right; PyTorch takes the norms in
    its first derivative for constants.

    Source: Salimans, Kingma (2016), Weight Normalization.

    Example:
        >>> import chainrule as torch
        >>> torch._weight_norm(torch.tensor([[3.0, 4.0]]), torch.tensor([[10.0]]))
        tensor([[6., 8.]])
    """
    need_tensor("_weight_norm", v)
    need_tensor("_weight_norm", g)
    shape = v._data.shape
    kept = tuple(n if i == dim else 1 for i, n in enumerate(shape))
    same = v._data.dtype == g._data.dtype and v._data.dtype.kind == "f"
    if len(shape) > 1 and dim in (0, len(shape) - 1) and g._data.shape == kept and same:
        return _weight_norm.prim.call(v, g, params=(dim,))
    dims = None if dim == -1 else _others(shape, dim % len(shape))
    norm = v.abs() if dims == () else vector_norm(v, 2, dims, dims is not None)
    return v * (g / norm)
