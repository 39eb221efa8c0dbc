"""`func.rearrange`: the dimensions of a tensor named, split, joined and put in another order.

What lives here: the reader of patterns and the three steps it becomes, `reshape`, `permute`,
`reshape`. Who may call: users. Nothing is computed: the result is a view where reshaping gives one.
Source of the patterns: Rogozhnikov, Einops (ICLR 2022).
"""

from __future__ import annotations

import math
import re
from typing import Any

from ..core.tensor import Tensor
from ..ops.fast import T

__all__ = ["DimensionBindError", "rearrange"]

_REST = "…"
Side = list["str | list[str]"]  # an axis, or the axes in parentheses; `1` is no axis in those


class DimensionBindError(Exception):
    """Sizes that do not fit the axes of a pattern."""


def rearrange(tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes: int) -> Any:
    """Give a tensor's dimensions names and say in which order and groups they are to be.

    Args:
        tensor: any dtype; a list of tensors of one shape is stacked first.
        pattern: `"names -> names"`: a name is an axis, `(a b)` one dimension made of several, `1`
            or `()` one of size 1, `...` the dimensions that have no name.
        axes: sizes of axes that cannot be inferred.

    Returns:
        The tensor with the dimensions on the right.

    Raises:
        ValueError: a pattern that is not one, or names that are on one side only.
        DimensionBindError: sizes that do not fit.

    Example:
        >>> import chainrule as torch
        >>> x = torch.arange(6.0).reshape(1, 2, 3)
        >>> torch.func.rearrange(x, "batch row column -> (batch column) row")
        tensor([[0., 3.],
                [1., 4.],
                [2., 5.]])
        >>> torch.func.rearrange(torch.arange(4), "(a b) -> b a", a=2).shape
        torch.Size([2, 2])
    """
    x: Tensor = tensor if isinstance(tensor, Tensor) else T.stack(tensor)
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = (_read(side) for side in sides)
    _check(pattern, left, right, axes)
    unnamed = [f"{_REST}{i}" for i in range(x.dim() - len(left) + 1)] if _REST in left else []
    before, after = _dimensions(left, unnamed), _dimensions(right, unnamed)
    if len(before) != x.dim():
        raise ValueError(
            f"Number of dimensions in pattern ({len(before)}) must be equal to the number of "
            f"dimensions in the tensor ({x.dim()})"
        )
    sizes = dict(axes)
    for dimension, size in zip(before, x.shape, strict=True):
        _bind(dimension, size, sizes)
    names = [n for d in before for n in d]
    order = [names.index(n) for d in after for n in d]
    moved = x.reshape([sizes[n] for n in names]).permute(order)
    return moved.reshape([math.prod(sizes[n] for n in d) for d in after])


def _read(side: str) -> Side:
    text = re.sub(r"(?<![^\s(])\.\.\.(?![^\s)])", _REST, side)
    if text.count(_REST) > 1:
        raise ValueError(
            "Expression may contain dots only inside ellipsis (...); only one ellipsis for tensor "
        )
    found: Side = []
    inside: list[str] | None = None
    for word in re.findall(r"[()]|[^\s()]+", text):
        if word == "(" and inside is None:
            inside = []
            found.append(inside)
        elif word == "(":
            raise ValueError("Axis composition is one-level (brackets inside brackets not allowed)")
        elif word == ")" and inside is not None:
            inside = None
        elif word == ")":
            raise ValueError(f"Imbalanced parentheses in expression: '{side}'")
        elif word == "1" and inside is None:
            found.append([])
        elif word != "1":
            _check_axis(word, found)
            (found if inside is None else inside).append(word)
    if inside is not None:
        raise ValueError(f"Imbalanced parentheses in expression: '{side}'")
    return found


def _axes(side: Side) -> list[str]:
    return [n for item in side for n in (item if isinstance(item, list) else [item])]


def _check_axis(word: str, found: Side) -> None:
    if word in _axes(found):
        raise ValueError(f"Indexing expression contains duplicate dimension '{word}'")
    if word.isdecimal():
        raise ValueError("rearrange only supports unnamed axes of size 1")
    if not word.isidentifier() and word != _REST:
        raise ValueError(f"Invalid axis identifier: {word}\nnot a valid python identifier")
    if "_" in (word[0], word[-1]):
        raise ValueError(
            f"Invalid axis identifier: {word}\n"
            "axis name should should not start or end with underscore"
        )


def _check(pattern: str, left: Side, right: Side, given: dict[str, int]) -> None:
    before, after = set(_axes(left)), set(_axes(right))
    if _REST in after - before:
        raise ValueError(f"Ellipsis found in right side, but not left side of a pattern {pattern}")
    if _REST in before and _REST not in left:
        raise ValueError(f"Ellipsis is parenthesis in the left side is not allowed: {pattern}")
    if before != after:
        raise ValueError(
            "Identifiers only on one side of rearrange expression (should be on both): "
            f"{before ^ after}"
        )
    if set(given) - before:
        raise ValueError(f"Identifiers not found in rearrange expression: {set(given) - before}")


def _dimensions(side: Side, unnamed: list[str]) -> list[list[str]]:
    """The axes of each dimension, `...` replaced by axes with names of their own."""
    found: list[list[str]] = []
    for item in side:
        if isinstance(item, list):
            found.append([m for n in item for m in (unnamed if n == _REST else [n])])
        else:
            found += [[m] for m in (unnamed if item == _REST else [item])]
    return found


def _bind(dimension: list[str], size: int, sizes: dict[str, int]) -> None:
    """Infer the size of the one axis of a dimension that has none."""
    unknown = [n for n in dimension if n not in sizes]
    known = math.prod(sizes[n] for n in dimension if n in sizes)
    if len(unknown) > 1:
        raise DimensionBindError(
            f"cannot infer the sizes of two dimensions at once {unknown[0]} and {unknown[1]}"
        )
    if not unknown and known != size:
        raise DimensionBindError(
            f"Dimension sizes to do not match ({size} != {known}) when matching dimension pack "
            f"({', '.join(dimension)})"
        )
    if unknown and (not known or size % known):
        shown = tuple(sizes.get(n, "?") for n in dimension)
        raise DimensionBindError(
            f"inferred dimension does not evenly fit into larger dimension: {size} vs {shown}"
        )
    for name in unknown:
        sizes[name] = size // known
