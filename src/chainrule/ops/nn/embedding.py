"""Rows of a table by their number: embedding and one-hot; and distances between vectors.

`embedding` and `embedding_dense_backward` are linear and each other's transposes (with
`embedding_gather`, which leaves out the padding), so every derivative is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S, grad_enabled
from ...core.declare import general, public
from ...core.interpreter import composing
from ...core.lanes import one_lane
from ...core.node import LEAF
from ...core.primitive import F32, F64, I64, bump, cast
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels.index import inside
from ...kernels.loss import cosine
from ...kernels.norm import embedding_backward
from ..fast import Lane, T
from ..late import load
from ..reduce.vector_norm import vector_norm

# ---------------------------------------------------------------- embedding


def _embedding_kernel(
    weight: Any, indices: Any, padding_idx: int = -1, by_frequency: bool = False
) -> Any:
    if not inside(indices, weight.shape[0]) and indices.size:
        raise IndexError(
            errors.hinted(
                "index out of range in self",
                f"rows: {weight.shape[0]}, smallest index {indices.min()}, largest {indices.max()}",
                hint="make the table larger (num_embeddings), or look for a wrong index",
            )
        )
    return weight.take(indices, 0)


def _gather_kernel(
    weight: Any, indices: Any, padding_idx: int = -1, by_frequency: bool = False
) -> Any:
    rows = weight[indices]
    if by_frequency:
        counts = np.bincount(indices.reshape(-1), minlength=weight.shape[0])[indices]
        rows = rows / counts[..., None].astype(rows.dtype)
    if padding_idx >= 0:
        rows = np.where((indices == padding_idx)[..., None], rows.dtype.type(0), rows)
    return rows


def _to_rows(
    xp: Any, g: Any, indices: Any, padding_idx: int, by_frequency: bool, weight_shape: Any
) -> Any:
    return xp.embedding_dense_backward(g, indices, weight_shape[0], padding_idx, by_frequency)


_lookup = Lane(
    general(
        "embedding",
        _embedding_kernel,
        ("weight", "indices"),
        rules={"weight": _to_rows},
        method=False,
        names=("_embedding",),
        doc="The rows of weight with these numbers; each gets the sum of its cotangents.",
    )
)
general(
    "embedding_dense_backward",
    embedding_backward,
    ("g", "indices"),
    rules={
        "g": lambda xp, g, indices, padding_idx, by_frequency: xp.embedding_gather(
            g, indices, padding_idx, by_frequency
        )
    },
    method=False,
    names=("_embedding_dense_backward",),
    doc="The transpose of embedding.",
)
general(
    "embedding_gather",
    _gather_kernel,
    ("weight", "indices"),
    rules={"weight": _to_rows},
    method=False,
    names=("_embedding_gather",),
    doc="The transpose of embedding_dense_backward: rows, the padding's are zeros.",
)


@public("nn.functional.embedding")
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of `weight` with the numbers in `input`.

    Args:
        input: row numbers, int64 or int32, any shape.
        weight: the table, (rows, width).
        padding_idx: a row that gets no gradient.
        max_norm: rows used whose norm is larger are scaled down first, in place and not recorded.
        norm_type: which norm.
        scale_grad_by_freq: divide each row's gradient by how often the row was used.
        sparse: the gradient of `weight` is a sparse tensor: an entry for every row that was read,
            for `optim.SparseAdam`, `SGD`, `Adagrad`. Dense where `weight` was computed.

    Returns:
        Shape of `input` and one more dimension, width.

    Raises:
        IndexError: there is no such row.

    Example:
        >>> import chainrule as torch
        >>> table = torch.tensor([[0.0, 0.5], [1.0, 1.5]])
        >>> torch.nn.functional.embedding(torch.tensor([1, 0, 1]), table)
        tensor([[1.0000, 1.5000],
                [0.0000, 0.5000],
                [1.0000, 1.5000]])
    """
    if not isinstance(weight, Tensor):
        raise errors.wrong_type("embedding", "weight", 1, weight)
    if not isinstance(input, Tensor):
        raise errors.wrong_type("embedding", "indices", 2, input)
    padding_idx = _padding(padding_idx, weight)
    if max_norm is not None:
        _renormalise(weight, input, float(max_norm), norm_type)
    return _torch_embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def _padding(padding_idx: int | None, weight: Any) -> int:
    if padding_idx is None:
        return -1
    if type(padding_idx) is not int:
        errors.need_int("embedding", padding_idx=padding_idx)
    rows = weight._data.shape[0]
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


@public("embedding")
def _torch_embedding(
    weight: Any,
    indices: Any,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of `weight` with the numbers `indices`: see `torch.nn.functional.embedding`."""
    if type(padding_idx) is not int:
        errors.need_int("embedding", padding_idx=padding_idx)
    if weight._data.ndim != 2:
        raise RuntimeError("'weight' must be 2-D\nHint: F.embedding takes (indices, table)")
    at = indices._data
    if at.dtype is not I64 and at.dtype != np.int64 and at.dtype != np.int32:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            "Long, Int; but got "
            f"{errors.type_name(indices.dtype)} instead (while checking arguments for "
            f"embedding)\nHint: input.long()"
        )
    if sparse and weight._node is LEAF:
        return sparse_lookup(weight, indices, padding_idx, scale_grad_by_freq)
    if S.mode is not None:
        return _lookup.prim.call(weight, indices, params=(padding_idx, bool(scale_grad_by_freq)))
    params = (padding_idx, bool(scale_grad_by_freq))
    r = wrap(_embedding_kernel(weight._data, at))
    if weight._node is not None and (S.grad or grad_enabled()):
        _lookup.hang(r, (weight, indices), params)
    return r


def sparse_lookup(weight: Any, indices: Any, padding_idx: int, by_frequency: bool) -> Any:
    """`embedding` with a sparse gradient (ops/sparse/gradients.py)."""
    if not hasattr(OPS, "embedding_sparse"):
        load("sparse.gradients")
    return OPS.embedding_sparse(weight, indices, padding_idx, bool(by_frequency))


def _renormalise(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows used down to `max_norm`, in place."""
    rows = np.unique(indices._data)
    used = weight._data[rows]
    norms = np.add.reduce(abs(used) ** norm_type, axis=1) ** (1.0 / norm_type)
    scale = np.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0)
    weight._data[rows] = used * scale[:, None].astype(used.dtype)
    bump(weight)


@public("nn.functional.one_hot")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """1 at the class, 0 elsewhere.

    Args:
        tensor: class numbers, int64, any shape.
        num_classes: default: the largest number plus 1.

    Returns:
        int64, one more dimension of size `num_classes`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    at = tensor._data
    if at.dtype is not I64 and at.dtype != np.int64:
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor.\nHint: tensor.long()"
        )
    if at.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if at.size and at.item(at.argmin()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = at.item(at.argmax()) if at.size else -1
    if num_classes == -1:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    if S.mode is not None:
        return cast(OPS.class_mask(tensor, num_classes), dtypes.int64)
    made = np.zeros((*at.shape, num_classes), I64)
    made.reshape(-1)[np.arange(0, made.size, num_classes) + at.reshape(-1)] = 1
    return wrap(made)


# ---------------------------------------------------------------- norms and distances

_norm = one_lane(vector_norm.prim, "NormBackward1")


@public("nn.functional.normalize")
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """x divided by its p-norm along `dim`, which counts as at least `eps`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    norm = T.clamp_min(vector_norm(input, 2 if p is None else p, dim, True), eps)
    norm = OPS.expand(norm, tuple(input._data.shape))
    return input / norm if out is None else OPS.div(input, norm, out=out)


@public("nn.functional.cosine_similarity", "cosine_similarity")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 . x2/(max(|x1|, eps) max(|x2|, eps)) along `dim`.

    Args:
        x1, x2: they broadcast.
        dim: which dimension holds the vectors.
        eps: the smallest norm.

    Returns:
        The common shape without `dim`.

    Example:
        >>> import chainrule as torch
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
        >>> torch.nn.functional.cosine_similarity(a, b)
        tensor([0.7071])
    """
    if S.mode is None and type(x1) is Tensor and type(x2) is Tensor:
        a, b, tracked = x1._data, x2._data, x1._node is not None or x2._node is not None
        usual = a.dtype is b.dtype and (a.dtype is F32 or a.dtype is F64) and a.shape == b.shape
        usual = usual and type(dim) is int and -a.ndim <= dim < a.ndim
        if usual and type(eps) is float and eps >= 0:
            dim %= a.ndim
            if not tracked or not (S.grad or grad_enabled()):
                return wrap(cosine(a, b, dim, eps))
            return OPS.sum(_direction(x1, dim, eps) * _direction(x2, dim, eps), dim)
    common = dtypes.promote_types(x1.dtype, x2.dtype)
    if common.category != 2:
        name = errors.LEGACY[common.name]
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {name}"
        )
    x1, x2 = cast(x1, common), cast(x2, common)
    if x1._data.shape != x2._data.shape:
        x1, x2 = T.broadcast_tensors(x1, x2)
    dim = errors.checked_dim(dim, x1._data.ndim)
    errors.need_number("cosine_similarity", 4, eps=eps)
    if not eps >= 0:
        raise RuntimeError(f"eps must be non-negative, got: {eps}")
    return OPS.sum(_direction(x1, dim, eps) * _direction(x2, dim, eps), dim)


def _direction(x: Any, dim: int, eps: float) -> Any:
    """x over its norm; a norm below `eps` is replaced by it in value, the derivative stays the
    norm's.
    """
    norm = vector_norm(x, 2, dim, True)
    if composing() or not (norm._data.size and norm._data.item(norm._data.argmin()) >= eps):
        norm = norm + T.clamp_min(eps - norm.detach(), 0.0)
    return x / norm


@public("nn.functional.pairwise_distance", "pairwise_distance")
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """The p-norm of x1 - x2 + eps along the last dimension.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.pairwise_distance(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
        tensor([5.0000])
    """
    for i, (name, x) in enumerate((("x1", x1), ("x2", x2))):
        if not isinstance(x, Tensor):
            raise errors.wrong_type("pairwise_distance", name, i + 1, x)
    if type(eps) is not float:
        errors.need_float("pairwise_distance", eps=eps)
    z = x1 - x2 + eps
    dims = (z._data.ndim - 1,) if z._data.ndim else None
    keepdim = errors.checked_bool("pairwise_distance", "keepdim", keepdim)
    return _norm(z, (dims, keepdim, float(p)))
