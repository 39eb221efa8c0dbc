"""Tables whose gradients are sparse: `sparse=True` of embeddings, `sparse_grad=True` of gather.

Forward is what the dense op does; the cotangent of the table has only the rows that were read, one
entry a lookup, not summed. Only for tables that are leaves: rules of other ops know nothing of
sparse cotangents, so a computed table gets the dense op."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.record import RAW
from ...core.tensor import Tensor, wrap
from ...kernels import index as kernels
from ...kernels.coo import Coo
from .layout import is_sparse, unlisted

# ---------------------------------------------------------------- embedding


def _rows_read(g: Any, indices: Any, padding_idx: int, rows: int) -> Coo:
    at = np.asarray(indices).reshape(-1).astype(np.int64)
    values = np.asarray(g).reshape(at.size, g.shape[-1])
    if padding_idx >= 0:
        kept = at != padding_idx
        at, values = at[kept], values[kept]
    return Coo(at[None, :], np.array(values, order="C"), (rows, values.shape[1]))


def _read_again(x: Any, indices: Any, padding_idx: int) -> Any:
    """The transpose: what the rows of a cotangent of the table are at the lookups."""
    made = RAW.coo_at(x, np.asarray(indices).reshape(1, -1))
    made = np.array(made).reshape(*indices.shape, x.shape[1])
    if padding_idx >= 0:
        made[indices == padding_idx] = 0
    return made


def _rows_put_back(xp: Any, g: Any, x: Any, indices: Any, padding_idx: int) -> Any:
    made = xp.embedding_rows(g, indices, padding_idx, x.shape[0])
    return made if is_sparse(x) else xp.coo_dense(made)


unlisted(
    "embedding_rows", _rows_read, ("g", "indices"),
    rules={
        "g": lambda xp, g, indices, padding_idx: xp.embedding_rows_read(g, indices, padding_idx)
    },
)  # fmt: skip
unlisted(
    "embedding_rows_read", _read_again, ("x", "indices"),
    rules={"x": _rows_put_back},
)  # fmt: skip


def _to_table(
    xp: Any, g: Any, indices: Any, padding_idx: int, by_frequency: bool, weight_shape: Any
) -> Any:
    if by_frequency:
        raise _no_frequencies()
    return xp.embedding_rows(g, indices, padding_idx, weight_shape[0])


unlisted(
    "embedding_sparse",
    lambda weight, indices, padding_idx, by_frequency: RAW.embedding(
        weight, indices, padding_idx, False
    ),
    ("weight", "indices"),
    rules={"weight": _to_table},
    grad_fn="EmbeddingBackward0",
)


def _to_bag_table(
    xp: Any, g: Any, scales: Any, indices: Any, bags: Any, by_frequency: bool, padding_idx: int,
    weight_shape: Any,
) -> Any:  # fmt: skip
    if by_frequency:
        raise _no_frequencies()
    rows = xp.bag_spread(g, bags) * xp.unsqueeze(scales, 1)
    return xp.embedding_rows(rows, indices, padding_idx, weight_shape[0])


unlisted(
    "embedding_bag_sparse",
    lambda weight, scales, indices, bags, count, by_frequency, padding_idx: RAW.embedding_bag_sum(
        weight, scales, indices, bags, count
    ),
    ("weight", "scales", "indices", "bags"),
    rules={
        "weight": _to_bag_table,
        "scales": lambda xp, g, weight, indices, bags: xp.sum(
            xp.bag_spread(g, bags) * xp.embedding_gather(weight, indices, -1, False), (1,), False
        ),
    },
    grad_fn="EmbeddingBagBackward0",
)


def _no_frequencies() -> RuntimeError:
    """Sparse gradients are not divided by how often a row was used."""
    return RuntimeError(
        "embedding_backward: scale_grad_by_freq not supported with sparse gradients\n"
        "Hint: sparse=False, or scale_grad_by_freq=False"
    )


# ---------------------------------------------------------------- gather


def _read_places(index: Any, dim: int) -> Any:
    """The index of the element that gather reads for every place of `index`."""
    at = np.indices(index.shape, np.int64).reshape(index.ndim, -1)
    at[dim] = index.reshape(-1)
    return at


def _to_gathered(xp: Any, g: Any, index: Any, dim: int, x_shape: Any) -> Any:
    at = _read_places(np.asarray(getattr(index, "_data", index)), dim)
    values = xp.reshape(g, (at.shape[1],))
    return xp.sparse_coo(wrap(at) if isinstance(g, Tensor) else at, values, x_shape, False)


unlisted(
    "gather_sparse", lambda x, index, dim: kernels.gather(x, index, dim), ("x", "index"),
    rules={"x": _to_gathered}, grad_fn="GatherBackward0",
)  # fmt: skip
