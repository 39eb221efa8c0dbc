"""Running reductions along one dimension: cumulative sums and products, differences, trapezoids.

The transpose of a running sum is the running sum from the other end. The derivative of a running
product is a linear recurrence, `recurrence`, which is closed under differentiation and exact where
elements are zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...core.declare import METHODS, general, linear, public, spelled
from ...core.lanes import one_lane
from ...core.primitive import cast, given_out
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels import reduce as kernels
from ..index.indexing import slice_dim
from .sums import need_tensor

# ---------------------------------------------------------------- sums and products


def from_the_end(xp: Any, g: Any, dim: int) -> Any:
    """Running sums that start at the other end."""
    return xp.flip(xp.cumsum(xp.flip(g, (dim,)), dim), (dim,)) if g.shape else g


def shifted(xp: Any, x: Any, dim: int, by: int) -> Any:
    """`x` moved one place on (by = 1) or back (by = -1) along `dim`, a zero where nothing comes
    from."""
    n = x.shape[dim]
    zero = xp.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]), x.dtype)
    if by > 0:
        return xp.cat([zero, xp.slice(x, dim, 0, n - 1, 1)], dim)
    return xp.cat([xp.slice(x, dim, 1, n, 1), zero], dim)


def backwards(xp: Any, u: Any, a: Any, dim: int) -> Any:
    """h[i] = u[i] + a[i+1] h[i+1]: the recurrence from the other end."""
    dims = (dim,)
    return xp.flip(
        xp.recurrence(xp.flip(u, dims), xp.flip(shifted(xp, a, dim, -1), dims), dim), dims
    )


def _recurrence_u(xp: Any, g: Any, a: Any, dim: int) -> Any:
    return backwards(xp, g, xp.conj(a), dim) if a.shape else g


def _recurrence_a(xp: Any, g: Any, a: Any, out: Any, dim: int) -> Any:
    if not a.shape:
        return g * 0
    return backwards(xp, g, xp.conj(a), dim) * xp.conj(shifted(xp, out, dim, 1))


def _cumprod_rule(xp: Any, g: Any, x: Any, out: Any, dim: int) -> Any:
    if not x.shape or 0 in tuple(x.shape):
        return g
    if isinstance(x, np.ndarray) and kernels.divisible(out):
        return from_the_end(xp, g * out, dim) / x
    first = xp.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]), x.dtype) + 1
    before = xp.cat([first, xp.slice(out, dim, 0, x.shape[dim] - 1, 1)], dim)
    return xp.conj(before) * backwards(xp, g, xp.conj(x), dim)


def _logcumsumexp_rule(xp: Any, g: Any, x: Any, out: Any, dim: int) -> Any:
    """sum over i >= j of g[i] exp(x[j] - y[i]), by decays exp(y[i-1] - y[i]) in (0, 1]: no
    overflow."""
    if not x.shape or 0 in tuple(x.shape):
        return g
    n = x.shape[dim]
    decay = xp.exp(xp.slice(out, dim, 0, n - 1, 1) - xp.slice(out, dim, 1, n, 1))
    first = xp.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]), x.dtype)
    return xp.conj(xp.exp(x - out)) * backwards(xp, g, xp.conj(xp.cat([first, decay], dim)), dim)


_cumsum = linear(
    "cumsum",
    kernels.cumsum,
    lambda xp, g, dim: from_the_end(xp, g, dim),
    has_inplace=True,
    doc="The sums of the first 1, 2, ... elements along `dim`.",
)
_cumprod = general(
    "cumprod",
    kernels.cumprod,
    ("x",),
    rules={"x": _cumprod_rule},
    has_inplace=True,
    doc="The products of the first 1, 2, ... elements along `dim`.",
)
_logcumsumexp = general(
    "logcumsumexp",
    kernels.logcumsumexp,
    ("x",),
    rules={"x": _logcumsumexp_rule},
    doc="log of the running sum of exponentials along `dim`.",
)
general(
    "recurrence",
    kernels.recurrence,
    ("u", "a"),
    rules={"u": _recurrence_u, "a": _recurrence_a},
    method=False,
    names=("_recurrence",),
    doc="h[i] = u[i] + a[i] h[i-1] along `dim`.",
)


def _running(function: Any, integers: bool = True) -> None:
    prim = function.prim
    lane = one_lane(prim)

    def spelling(
        input: Any, dim: Any = None, *, dtype: Any = None, axis: Any = None, out: Any = None
    ) -> Any:
        if type(dim) is int and dtype is None and out is None and type(input) is Tensor:
            x = input._data
            if 0 <= dim < x.ndim and x.dtype.kind == "f":  # the usual case
                return lane(input, (dim,))
        need_tensor(prim.name, input)
        dim = axis if dim is None else dim
        if dim is None:
            raise TypeError(f'{prim.name}() missing 1 required positional arguments: "dim"')
        if dtype is not None:
            input = cast(input, dtype)
        if not integers and input.dtype.category < 2:
            name = errors.LEGACY[input.dtype.name]
            raise NotImplementedError(f"\"{prim.name}_out_cpu\" not implemented for '{name}'")
        params = (errors.checked_dim(dim, input._data.ndim),)
        if out is not None:
            if input.dtype.category > out.dtype.category:  # computed in the dtype of `out`
                input = cast(input, out.dtype)
            return prim.call(input, params=params, out=out)
        made = lane(input, params)
        return made if dtype is None else cast(made, dtype)

    spelling.__name__ = prim.name
    spelled(function)(spelling)


_running(_cumsum)
_running(_cumprod)
_running(_logcumsumexp, integers=False)


def _inplace(name: str) -> None:
    plain = METHODS[name + "_"]

    def method(self: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
        return plain(self, errors.checked_dim(dim, self._data.ndim))

    method.__name__ = name + "_"
    METHODS[name + "_"] = method


_inplace("cumsum")
_inplace("cumprod")


# ---------------------------------------------------------------- differences and trapezoids


@public("diff", method=True)
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Any = None,
    append: Any = None,
    *,
    out: Any = None,
) -> Tensor:
    """The n-th differences of neighbours along `dim`: x[i+1] - x[i].

    Args:
        input: at least one dimension.
        n: how many times (default 1).
        prepend, append: tensors to put before and after first.

    Returns:
        A tensor with n elements less along `dim`.

    Raises:
        RuntimeError: a 0-d tensor, or negative `n`.

    Example:
        >>> import chainrule as torch
        >>> torch.diff(torch.tensor([1, 4, 9]))
        tensor([3, 5])
    """
    need_tensor("diff", input)
    if not input._data.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = errors.checked_dim(dim, input._data.ndim)
    parts = [t for t in (prepend, input, append) if t is not None]
    x = OPS.cat(parts, dim) if len(parts) > 1 else input
    if n == 0:
        x = input  # PyTorch leaves the others out too
    n = min(n, x._data.shape[dim])
    for _ in range(n):
        after: Any = slice_dim(x, dim, 1)
        before = slice_dim(x, dim, 0, -1)
        x = OPS.logical_xor(after, before) if x._data.dtype.kind == "b" else after - before
    if n == 0:
        x = OPS.clone(x)
    return given_out("diff", out, x)


def _halves(op: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, Any]:
    """The sums of neighbours (half of them: the trapezoids' heights), and their widths."""
    need_tensor(op, y)
    if any(isinstance(t, Tensor) and t._data.dtype.kind == "b" for t in (y, x)):
        named = "`y`" if x is None else "`x` or `y`"
        raise RuntimeError(f"{op}: received a bool input for {named}, but bool is not supported")
    dim = errors.checked_dim(dim, y._data.ndim)
    heights = OPS.add(slice_dim(y, dim, 1), slice_dim(y, dim, 0, -1))
    if x is None:
        return heights / 2 if dx == 1 else heights * dx / 2, dim
    if x._data.ndim == 1 and y._data.ndim > 1:
        if x._data.shape[0] != y._data.shape[dim]:
            raise RuntimeError(
                f"{op}(): There must be one `x` value for each sample point\n"
                f"points: {y._data.shape[dim]}, x: {x._data.shape[0]}"
            )
        widths = diff(x).reshape(-1, *(1,) * (y._data.ndim - 1 - dim))
        return heights * widths / 2, dim
    if x._data.ndim < y._data.ndim:
        x = x.reshape((1,) * (y._data.ndim - x._data.ndim) + x._data.shape)
    return heights * diff(x, dim=dim) / 2, dim  # with more dimensions than y: PyTorch's `dim` too


@public("trapezoid", "trapz")
def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The integral of samples along `dim` by the trapezoidal rule.

    Args:
        y: the samples.
        x: where they were taken (default: `dx` apart).
        dx: the distance between samples (default 1).

    Returns:
        `y` without dimension `dim`.

    Example:
        >>> import chainrule as torch
        >>> torch.trapezoid(torch.tensor([1.0, 5.0, 10.0]))
        tensor(10.5000)
    """
    parts, dim = _halves("trapezoid", y, x, 1 if dx is None else dx, dim)
    return parts.sum(dim)


@public("cumulative_trapezoid")
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The running integral of samples along `dim` by the trapezoidal rule.

    Example:
        >>> import chainrule as torch
        >>> torch.cumulative_trapezoid(torch.tensor([1.0, 5.0, 10.0]))
        tensor([ 3.0000, 10.5000])
    """
    parts, dim = _halves("cumulative_trapezoid", y, x, 1 if dx is None else dx, dim)
    return parts.cumsum(dim)
