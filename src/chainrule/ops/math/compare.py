"""Comparisons: elementwise (`==`, `<`, ..., `isclose`) and of whole tensors (`equal`, `allclose`).

They make bools, so none has a derivative. `x == something` that is no number, tensor or array is
False, as everywhere in Python; the functions (`torch.eq`) raise TypeError.
"""

from __future__ import annotations

import operator as op
from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.declare import METHODS, elementwise, public
from ...core.primitive import cast
from ...core.tensor import Tensor, wrap
from ...core.views import inplace
from ...kernels import masks
from .arithmetic import unsupported


def _comparison(name: str, kernel: Any, alias: str, sign: str, ordered: bool = True) -> Any:
    function = elementwise(
        name, kernel, a=None, b=None, operator=f"__{name}__", has_inplace=False,
        aliases=(alias,) if alias else (),
        check=unsupported(f"{name}_cpu", "c") if ordered else None,
        doc=f"Whether a {sign} b, by element; an operand may be a number.",
    )  # fmt: skip
    for title in (name, alias):
        if title:
            METHODS[title + "_"] = lambda self, other: inplace(function.prim, self, other)
    return function


eq = _comparison("eq", op.eq, "", "==", ordered=False)
ne = _comparison("ne", op.ne, "not_equal", "!=", ordered=False)
lt = _comparison("lt", op.lt, "less", "<")
le = _comparison("le", op.le, "less_equal", "<=")
gt = _comparison("gt", op.gt, "greater", ">")
ge = _comparison("ge", op.ge, "greater_equal", ">=")


def _close(a: Any, b: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    """`isclose` on arrays."""
    try:
        close = a == b
    except ValueError:
        raise errors.broadcast("isclose", (a.shape, b.shape)) from None
    if equal_nan and a.dtype.kind in "fcV":
        close = close | ((a != a) & (b != b))
    if rtol == 0 and atol == 0:
        return close
    if a.dtype.kind in "bui":
        a, b = a.astype(S.default_dtype.np), b.astype(S.default_dtype.np)
    gap = abs(a - b)
    return close | (np.isfinite(gap) & (gap <= abs(b * rtol) + atol))


@public("isclose", method=True)
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether |input - other| <= atol + rtol |other|, by element; infinities only when equal.

    Args:
        input, other: tensors of one dtype that broadcast.
        rtol, atol: relative and absolute tolerance, not negative.
        equal_nan: whether two NaNs are close.

    Returns:
        A bool tensor.

    Raises:
        RuntimeError: the dtypes differ, or a tolerance is negative.

    Example:
        >>> import chainrule as torch
        >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    for i, t in enumerate((input, other)):
        if not isinstance(t, Tensor):
            raise errors.wrong_type("isclose", ("input", "other")[i], i + 1, t)
    if input.dtype is not other.dtype:
        names = (errors.LEGACY[t.dtype.name] for t in (input, other))
        raise RuntimeError(" did not match ".join(names) + "\nHint: convert one of them")
    errors.need_number("isclose", 3, rtol=rtol, atol=atol)
    rtol, atol = (v.item() if isinstance(v, Tensor) else v for v in (rtol, atol))
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")
    if S.mode is None:
        return wrap(_close(input._data, other._data, rtol, atol, equal_nan))
    a: Any = input.detach()
    b: Any = other.detach()
    close = eq(a, b)
    if equal_nan and a.dtype.category > 1:
        close = close | (ne(a, a) & ne(b, b))
    if rtol == 0 and atol == 0:
        return close
    if a.dtype.category < 2:
        a, b = cast(a, S.default_dtype), cast(b, S.default_dtype)
    gap = (a - b).abs()
    return close | (gap.isfinite() & (gap <= (b * rtol).abs() + atol))


@public("allclose", method=True)
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, see `isclose`.

    Example:
        >>> import chainrule as torch
        >>> torch.allclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]))
        True
    """
    return bool(np.all(isclose(input, other, rtol, atol, equal_nan)._data))


@public("equal", method=True)
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements.

    Example:
        >>> import chainrule as torch
        >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
        True
    """
    if isinstance(input, Tensor) and isinstance(other, Tensor):
        return masks.all_equal(input._data, other._data)
    i = int(isinstance(input, Tensor))
    raise errors.wrong_type("equal", ("input", "other")[i], i + 1, (input, other)[i])
