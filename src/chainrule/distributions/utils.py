"""Helpers of distributions: broadcasting of parameters, probabilities and logits, triangular
matrices as vectors, properties computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from ..autograd.grad_mode import enable_grad
from ._torch import Tensor, torch

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape from tensors and numbers.

    Numbers take the dtype of the first tensor, or the default dtype where there is none.

    Raises:
        ValueError: one of the values is neither a tensor nor a number.

    Example:
        >>> import chainrule as torch
        >>> torch.distributions.utils.broadcast_all(torch.zeros(2), 1.0)
        (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not all(isinstance(v, (Tensor, int, float)) for v in values):  # np.float64 is a float
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
            "__torch_function__."
        )
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), torch.get_default_dtype())
    made = [v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype) for v in values]
    return tuple(torch.broadcast_tensors(*made))


def standard_normal(shape: Any, dtype: Any) -> Tensor:
    """Normal numbers of mean 0 and variance 1."""
    return torch.empty(shape, dtype=dtype).normal_()


def sum_rightmost(value: Any, dims: int) -> Any:
    """The sum over the last `dims` dimensions."""
    if dims == 0 or not isinstance(value, Tensor):
        return value
    return value.reshape(value.shape[: value.dim() - dims] + (-1,)).sum(-1)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of log odds (`is_binary`), or of unnormalised log probabilities along the last
    dimension."""
    return torch.sigmoid(logits) if is_binary else torch.F.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities away from 0 and 1 by the dtype's epsilon."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The inverse of `logits_to_probs`; 0 and 1 are moved inside by the dtype's epsilon."""
    inside = clamp_probs(probs)
    if is_binary:
        return torch.log(inside) - torch.log1p(-inside)
    return torch.log(inside)


def one_of(probs: Any, logits: Any) -> None:
    """Exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class lazy_property:
    """A property computed when it is first asked for, with gradients on, and then kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return _LazyOfClass(self.wrapped)
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


class _LazyOfClass(lazy_property, property):
    """What a class gives for a lazy property: both kinds, so that tools see a property."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        property.__init__(self, wrapped)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The entries on and below a diagonal, row by row: (..., n, n) to (..., k).

    Raises:
        ValueError: `diag` is outside the matrix.
    """
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = torch.tril_indices(n, n, offset=diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The inverse of `tril_matrix_to_vec`: zeros elsewhere.

    Raises:
        ValueError: no matrix has this number of entries.
    """
    size = vec.shape[-1]
    if diag <= 0:  # a full triangle of n + diag rows
        n = ((1 + 8 * size) ** 0.5 - 1) / 2 - diag
    else:  # it lacks the corner above the diagonal: n(n + 1)/2 + n diag - diag(diag + 1)/2
        n = (((1 + 2 * diag) ** 2 + 4 * (diag * (diag + 1) + 2 * size)) ** 0.5 - 1 - 2 * diag) / 2
    if not n.is_integer():
        raise ValueError(
            f"The size of last dimension is {size} which cannot be expressed as the lower "
            "triangular part of a square D x D matrix."
        )
    n = round(n)
    rows, columns = torch.tril_indices(n, n, offset=diag)
    places = rows * n + columns
    flat = torch.zeros(vec.shape[:-1] + (n * n,), dtype=vec.dtype)
    return flat.index_copy(-1, places, vec).reshape(vec.shape[:-1] + (n, n))
