"""softmax, log_softmax and the log of a sum of exponentials, all without overflow."""

from __future__ import annotations

import warnings
from typing import Any

from ... import errors
from ..._state import S
from ...core.declare import general, public, reduction, spelled, take_no_out
from ...core.lanes import one_lane
from ...core.primitive import F32, F64, cast
from ...core.record import RAW
from ...core.tensor import Tensor
from ...errors import ABSENT
from ...kernels import reduce
from ...kernels import softmax as kernels
from ..reduce.sums import Dims, dims_of, need_tensor, not_implemented


def _softmax_rule(xp: Any, g: Any, out: Any, dim: int) -> Any:
    if xp is RAW and out.ndim and out.size and g.dtype == out.dtype and out.dtype in (F32, F64):
        return kernels.softmax_back(g, out, dim)
    weighted = g * out
    if not out.shape:
        return weighted - weighted
    return weighted - out * xp.sum(weighted, (dim,), True)


def _log_softmax_rule(xp: Any, g: Any, out: Any, dim: int) -> Any:
    if xp is RAW and out.ndim and out.size and g.dtype == out.dtype and out.dtype in (F32, F64):
        return kernels.log_softmax_back(g, out, dim)
    return g - xp.exp(out) * (xp.sum(g, (dim,), True) if out.shape else g)


_softmax = general(
    "softmax",
    kernels.softmax,
    ("x",),
    rules={"x": _softmax_rule},
    names=("softmax", "special.softmax"),
    doc="e^x over its sum along `dim`; the cotangent is p (g - sum of p g).",
)
_log_softmax = general(
    "log_softmax",
    kernels.log_softmax,
    ("x",),
    rules={"x": _log_softmax_rule},
    names=("log_softmax", "special.log_softmax"),
    doc="log of softmax along `dim`; the cotangent is g - p (sum of g).",
)


def _spelling(function: Any, kernel: str) -> Any:
    prim = function.prim
    lane = one_lane(prim)

    def spelling(
        input: Any, dim: Any = None, dtype: Any = None, *, out: Any = None, axis: Any = None
    ) -> Any:
        if type(dim) is int and dtype is None and out is axis and type(input) is Tensor:
            x = input._data
            if 0 <= dim < x.ndim and x.dtype.kind == "f":  # the usual case
                return lane(input, (dim,))
        need_tensor(prim.name, input)
        if axis is not None:
            dim = errors.one_dim(prim.name, dim, axis)
        if dim is None:
            raise TypeError(
                errors.hinted(
                    f'{prim.name}() missing 1 required positional arguments: "dim"',
                    hint=f"x.{prim.name}(-1) normalises along the last dimension",
                )
            )
        if dtype is not None:
            input = cast(input, dtype)
        params = (errors.checked_dim(dim, input._data.ndim),)
        if input._data.dtype.kind not in "fV":
            raise not_implemented(f"{kernel}_lastdim_kernel_impl", input)
        return lane(input, params) if out is None else prim.call(input, params=params, out=out)

    spelling.__name__ = prim.name
    return spelled(function)(spelling)


softmax = _spelling(_softmax, "softmax")
log_softmax = _spelling(_log_softmax, "log_softmax")


def _implicit(op: str, x: Any, stacklevel: int) -> int:
    """The dimension of nn.functional when none is given: 0 for 0, 1 and 3 dimensions, else 1."""
    need_tensor(op, x)
    warnings.warn(
        f"Implicit dimension choice for {op} has been deprecated. Change the call to include dim=X "
        "as an argument.",
        UserWarning,
        stacklevel=stacklevel,
    )
    return 0 if x.dim() in (0, 1, 3) else 1


def _functional(op: str, of: Any, doc: str) -> None:
    def function(
        input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
    ) -> Any:
        if dim is None:
            dim = _implicit(op, input, _stacklevel)
        return of(input, dim, dtype)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"""{doc}

    Args:
        input: floating point tensor.
        dim: the dimension that is normalised (not giving it is deprecated).
        dtype: convert first.

    Returns:
        A tensor of the shape of `input`.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.{op}(torch.zeros(2), dim=0).shape
        torch.Size([2])
    """
    public(f"nn.functional.{op}")(function)


_functional("softmax", softmax, "e^x over its sum along `dim`.")
_functional("log_softmax", log_softmax, "log of softmax along `dim`.")
_functional("softmin", lambda x, dim, dtype: softmax(-x, dim, dtype), "softmax of -x along `dim`.")


# ---------------------------------------------------------------- logsumexp

_logsumexp = reduction(
    "logsumexp",
    reduce.logsumexp,
    lambda xp, g, x, out: g * xp.conj(xp.exp(x - out)),
    names=("logsumexp", "special.logsumexp"),
    doc="log of the sum of e^x over `dim`; d = softmax(x) dx.",
)
_logsumexp_lane = one_lane(_logsumexp.prim)


@spelled(_logsumexp)
def logsumexp(
    input: Any, dim: Dims = ABSENT, keepdim: bool = False, *, axis: Dims = None, out: Any = None
) -> Any:
    need_tensor("logsumexp", input)
    if axis is not None:
        dim = errors.one_dim("logsumexp", None if dim is ABSENT else dim, axis)
    if dim is None or dim is ABSENT:
        raise errors.wrong_kind("logsumexp", "dim", "tuple of ints", None)
    if input.dtype.category < 2:
        input = cast(input, S.default_dtype)
    keepdim = errors.checked_bool("logsumexp", "keepdim", keepdim)
    params = (dims_of(dim, input._data.ndim, "logsumexp"), keepdim)
    if out is not None:
        return _logsumexp.prim.call(input, params=params, out=out)
    return _logsumexp_lane(input, params)


take_no_out("special.softmax", "special.log_softmax")
