"""Running reductions along one dimension: cumulative sums and products, differences, trapezoids.

The transpose of a running sum is the running sum from the other end. The derivative of a running
product is a linear recurrence, `recurrence`, which is closed under differentiation and exact where
elements are zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import METHODS, general, linear, public, spelled
from ...core.lanes import bare, one_lane
from ...core.primitive import F32, cast, given_out
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ...kernels import reduce as kernels
from ...kernels.shape import part
from ..index.indexing import slice_dim
from .sums import need_tensor

# ---------------------------------------------------------------- sums and products


def from_the_end(xp: Any, g: Any, dim: int) -> Any:
    """Running sums that start at the other end."""
    if xp is RAW and g.ndim:
        return kernels.cumsum_back(g, dim)
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
    if xp is RAW and x.dtype is F32:
        return kernels.cumprod_back(g, x, out, dim)
    if xp is RAW and kernels.divisible(out):
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
        if type(dim) is int and dtype is None and out is axis and type(input) is Tensor:
            x = input._data
            if 0 <= dim < x.ndim and x.dtype.kind == "f":  # the usual case
                return lane(input, (dim,))
        need_tensor(prim.name, input)
        if axis is not None:
            dim = errors.one_dim(prim.name, dim, axis)
        if dim is None:
            raise TypeError(f'{prim.name}() missing 1 required positional arguments: "dim"')
        if dtype is not None:
            if not integers:
                raise TypeError(f"{prim.name}() got an unexpected keyword argument 'dtype'")
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
        if dtype is not None and dtype is not self.dtype:
            if not hasattr(dtype, "category"):
                raise errors.wrong_kind(name + "_", "dtype", "torch.dtype", dtype)
            have, want = (errors.C_NAMES.get(d.name, d.name) for d in (self.dtype, dtype))
            raise RuntimeError(
                f"Bad in-place call: input tensor dtype {have} and output tensor dtype {want} "
                "should match"
            )
        return plain(self, errors.checked_dim(dim, self._data.ndim))

    method.__name__ = name + "_"
    METHODS[name + "_"] = method


_inplace("cumsum")
_inplace("cumprod")


# ---------------------------------------------------------------- differences and trapezoids


def _difference(x: Any, dim: int) -> Any:
    """x[i+1] - x[i] along a dimension, of an array."""
    n = x.shape[dim]
    return np.subtract(part(x, dim, 1, n, 1), part(x, dim, 0, n - 1, 1))


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
    if type(n) is not int:
        n = errors.checked_int("diff", "n", n)
    if not input._data.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:  # PyTorch looks at no sizes
        for name, t in (("prepend", prepend), ("append", append)):
            if t is not None and not isinstance(t, Tensor):
                raise errors.wrong_type("diff", name, 4 if name == "append" else 3, t)
        errors.need_int("diff", dim=dim)
        return given_out("diff", out, OPS.clone(input))
    dim = errors.checked_dim(dim, input._data.ndim)
    parts = [t for t in (prepend, input, append) if t is not None]
    x = OPS.cat(parts, dim) if len(parts) > 1 else input
    n = min(n, x._data.shape[dim])
    data = x._data
    bare = n == 1 and S.mode is None and x._node is None and out is None
    if bare and type(data) is np.ndarray and data.dtype is F32:  # three nodes as none
        return wrap(_difference(data, dim))
    for _ in range(n):
        after: Any = slice_dim(x, dim, 1)
        before = slice_dim(x, dim, 0, -1)
        x = OPS.logical_xor(after, before) if x._data.dtype.kind == "b" else after - before
    if n == 0:
        x = OPS.clone(x)
    return given_out("diff", out, x)


def _checked_samples(op: str, y: Any, x: Any, dx: Any, dim: int) -> int:
    """The dimension the samples lie along."""
    need_tensor(op, y)
    if dx is None or x is None or (x is not ABSENT and dx is not ABSENT):
        raise no_combination(op, (y,), {"x": x, "dx": dx})
    if dx is True or dx is False or isinstance(dx, complex):
        raise RuntimeError(f"{op}: Currently, we only support dx as a real number.")
    if dx is not ABSENT and type(dx) is not float:
        errors.need_float(op, dx=dx)
    if any(isinstance(t, Tensor) and t._data.dtype.kind == "b" for t in (y, x)):
        named = "`y`" if x is ABSENT else "`x` or `y`"
        raise RuntimeError(f"{op}: received a bool input for {named}, but bool is not supported")
    return errors.checked_dim(dim, y._data.ndim)


def _areas(op: str, y: Any, x: Any, dim: int) -> Any:
    """Twice the areas of the trapezoids, of width 1 where there is no `x`."""
    heights = OPS.add(slice_dim(y, dim, 1), slice_dim(y, dim, 0, -1))
    if x is ABSENT:
        return heights
    if x._data.ndim == 1:
        if x._data.shape[0] != y._data.shape[dim] and (y._data.ndim > 1 or len(x._data) != 1):
            raise RuntimeError(
                f"{op}: There must be one `x` value for each sample point\n"
                f"points: {y._data.shape[dim]}, x: {x._data.shape[0]}"
            )
        if y._data.ndim == 1:
            return heights * diff(x)
        widths = diff(x).reshape(-1, *(1,) * (y._data.ndim - 1 - dim))
        return heights * widths
    if x._data.ndim < y._data.ndim:
        x = x.reshape((1,) * (y._data.ndim - x._data.ndim) + x._data.shape)
    return heights * diff(x, dim=dim)  # with more dimensions than y: PyTorch's `dim` too


@public("trapezoid", "trapz")
def trapezoid(y: Tensor, x: Tensor = ABSENT, *, dx: float = ABSENT, dim: int = -1) -> Tensor:
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
    dim = _checked_samples("trapezoid", y, x, dx, dim)
    if x is not ABSENT:
        return _areas("trapezoid", y, x, dim).sum(dim) / 2
    whole = y.sum(dim)
    if y._data.shape[dim]:  # as PyTorch rounds it, which shows in half precision
        whole = whole - (OPS.select(y, dim, 0) + OPS.select(y, dim, -1)) * 0.5
    return whole if dx is ABSENT or dx == 1 else whole * dx


@public("cumulative_trapezoid")
def cumulative_trapezoid(
    y: Tensor, x: Tensor = ABSENT, *, dx: float = ABSENT, dim: int = -1
) -> Tensor:
    """The running integral of samples along `dim` by the trapezoidal rule.

    Example:
        >>> import chainrule as torch
        >>> torch.cumulative_trapezoid(torch.tensor([1.0, 5.0, 10.0]))
        tensor([ 3.0000, 10.5000])
    """
    dim = _checked_samples("cumulative_trapezoid", y, x, dx, dim)
    if x is dx is ABSENT and dim == y._data.ndim - 1 and bare(y):
        data = y._data
        areas = data[..., 1:] + data[..., :-1]
        areas *= 0.5
        return wrap(areas).cumsum(dim)
    parts = _areas("cumulative_trapezoid", y, x, dim)
    if x is not ABSENT:
        return parts.cumsum(dim) / 2
    return (parts * (0.5 if dx is ABSENT else dx / 2)).cumsum(dim)
