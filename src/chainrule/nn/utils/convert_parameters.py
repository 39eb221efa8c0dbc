"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core.tensor import Tensor
from ...ops.shape.join import cat

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """All parameters one after the other, recorded.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.Linear(3, 2)
        >>> torch.nn.utils.parameters_to_vector(layer.parameters()).shape
        torch.Size([8])
    """
    parts = [p.reshape(-1) for p in parameters]
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    return cat(parts, 0)


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Write slices of a vector over the parameters, which then are views of it.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.Linear(1, 1)
        >>> torch.nn.utils.vector_to_parameters(torch.tensor([2.0, 3.0]), layer.parameters())
        >>> layer(torch.ones(1)).detach()
        tensor([5.])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for p in parameters:
        n = p.numel()
        p.data = vec[start : start + n].view_as(p).data
        start += n
