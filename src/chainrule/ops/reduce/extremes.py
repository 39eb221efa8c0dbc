"""The largest and the smallest: over all or some dimensions, along one with their places, running.

`amax` over several dimensions shares the cotangent among ties; `max` along one dimension gives it
to the one place it returns, as PyTorch does. Results with several parts are named tuples that print
as PyTorch's (`torch.return_types.max(values=..., indices=...)`).
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from ... import errors
from ...core.declare import elementwise, general, public, reduction, spelled
from ...core.lanes import one_lane
from ...core.pick_lane import pick_lane
from ...core.primitive import PUBLIC
from ...core.record import OPS, RAW
from ...core.tensor import Tensor
from ...errors import ABSENT
from ...kernels import reduce as kernels
from ...kernels.sort import placed
from .sums import (
    EVERY,
    Dims,
    Ints,
    dims_of,
    need_tensor,
    no_overload,
    not_implemented,
    numpy_names,
    plain,
    spread,
    two_lane,
)

# ---------------------------------------------------------------- named tuples


class ReturnType(tuple):
    """A tuple whose parts have names."""

    __slots__ = ()
    names: tuple[str, ...] = ()
    title = ""

    def __new__(cls, values: Any) -> ReturnType:
        return tuple.__new__(cls, values)

    @property
    def n_fields(self) -> int:
        """How many parts it has."""
        return len(self)

    def __repr__(self) -> str:
        parts = ",\n".join(f"{n}={v!r}" for n, v in zip(self.names, self, strict=True))
        return f"torch.return_types.{self.title}(\n{parts})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self.title, tuple(self))


def _remade(title: str, values: tuple[Any, ...]) -> ReturnType:
    return PUBLIC[f"return_types.{title}"](values)


def return_type(title: str, *names: str) -> Any:
    """The class of `torch.return_types.<title>`."""
    body: dict[str, Any] = {n: property(itemgetter(i)) for i, n in enumerate(names)}
    made = type(title, (ReturnType,), body | {"__slots__": (), "names": names, "title": title})
    made.__module__ = "torch.return_types"
    PUBLIC[f"return_types.{title}"] = made
    return made


named: Any = tuple.__new__  # `named(_Max, values)`: a class call would cost three times as much

_Max, _Min = (return_type(n, "values", "indices") for n in ("max", "min"))
_Aminmax = return_type("aminmax", "min", "max")
_Cummax, _Cummin = (return_type(n, "values", "indices") for n in ("cummax", "cummin"))


# ---------------------------------------------------------------- over several dimensions

elementwise(
    "same",
    lambda a, b: (a == b) | ((a != a) & (b != b)),
    a=None,
    b=None,
    method=False,
    has_inplace=False,
    names=("_same",),
    doc="Whether a = b, by element; a NaN is the same as a NaN.",
)


def _shared(xp: Any, g: Any, x: Any, out: Any, dim: Dims) -> Any:
    """The cotangent in equal parts to all elements that are the extreme."""
    if plain(xp, x):
        return kernels.extreme_back(g, x, out, dim)
    ties = xp.to_dtype(xp.same(x, out), x.dtype)
    return ties * (g / xp.sum(ties, dim, True))


def _aminmax_rule(
    xp: Any, gs: Any, x: Any, x_shape: Ints, min: Any, max: Any, dim: Dims, keepdim: bool
) -> Any:
    if plain(xp, x):
        made = kernels.extreme_back(gs[0], x, min, dim)
        made += kernels.extreme_back(gs[1], x, max, dim)
        return made
    low, high, at_low, at_high = (spread(xp, v, x_shape, dim, keepdim) for v in (*gs, min, max))
    return _shared(xp, low, x, at_low, dim) + _shared(xp, high, x, at_high, dim)


_amax = reduction(
    "amax",
    kernels.amax,
    _shared,
    doc="The largest element, of all or over `dim`; ties share the cotangent.",
)
_amin = reduction(
    "amin",
    kernels.amin,
    _shared,
    doc="The smallest element, of all or over `dim`; ties share the cotangent.",
)
_aminmax = general(
    "aminmax",
    kernels.aminmax,
    ("x",),
    rules={"x": _aminmax_rule},
    outputs=("min", "max"),
    doc="The smallest and the largest element; ties share the cotangent.",
)


_aminmax_lane = two_lane(_aminmax.prim)


def need_size(op: str, x: Tensor, dims: Any) -> None:
    """An extreme needs something to choose from."""
    if x._data.size:
        return
    if dims is None:
        raise RuntimeError(
            f"{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )
    for d in (dims,) if isinstance(dims, int) else dims:
        if x._data.shape[d] == 0:
            raise IndexError(f"{op}(): Expected reduction dim {d} to have non-zero size.")


def _ordered(op: str, kernel: str, x: Any) -> None:
    need_tensor(op, x)
    if x._data.dtype.kind == "c":
        raise not_implemented(kernel, x)


def _extreme(function: Any, kernel: str) -> None:
    prim = function.prim
    lane = one_lane(prim)

    def spelling(
        input: Any, dim: Dims = None, keepdim: bool = False, *, out: Any = None, **more: Any
    ) -> Any:
        if type(dim) is int and keepdim is False and out is None and type(input) is Tensor:
            x = input._data
            if not more and 0 <= dim < x.ndim and x.size and x.dtype.kind == "f":  # the usual case
                return lane(input, ((dim,), False))
        dim, keepdim = _axis(prim.name, dim, keepdim, more)
        _ordered(prim.name, kernel, input)
        if keepdim is not False:
            errors.checked_bool(prim.name, "keepdim", keepdim)
        params = (dims_of(dim, input._data.ndim, prim.name), keepdim)
        if not input._data.size:
            need_size(prim.name, input, params[0])
        return lane(input, params) if out is None else prim.call(input, params=params, out=out)

    spelling.__name__ = prim.name
    spelled(function)(spelling)


def _axis(op: str, dim: Any, keepdim: Any, more: dict[str, Any]) -> Any:
    return numpy_names(op, dim, keepdim, more) if more else (dim, keepdim)


_extreme(_amax, "max_values_cpu")
_extreme(_amin, "min_values_cpu")


_C_NAMES = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}


@spelled(_aminmax)
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Any:
    _ordered("aminmax", "aminmax_cpu", input)
    if isinstance(dim, (tuple, list)):
        raise errors.wrong_kind("aminmax", "dim", "int", dim)
    dims = dims_of(dim, input._data.ndim, "aminmax")
    if not input._data.size:
        if dims is None:
            raise RuntimeError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
                "identity."
            )
        if input._data.shape[dims[0]] == 0:
            raise IndexError(f"aminmax: Expected reduction dim {dims[0]} to have non-zero size.")
    for o in out or ():
        if isinstance(o, Tensor) and o.dtype is not input.dtype:
            have, given = (_C_NAMES.get(t.dtype.name, t.dtype.name) for t in (input, o))
            raise RuntimeError(f"Expected out tensor to have dtype {have}, but got {given} instead")
    params = (dims, errors.checked_bool("aminmax", "keepdim", keepdim))
    if out is None:
        return named(_Aminmax, _aminmax_lane(input, params))
    return named(_Aminmax, _aminmax.prim.call(input, params=params, out=out))


# ---------------------------------------------------------------- along one dimension


def chosen(xp: Any, g: Any, x_shape: Ints, indices: Any, dim: int, keepdim: bool = True) -> Any:
    """The cotangent of elements read at `indices` along `dim`: added where they were read."""
    if xp is RAW:
        return placed(g, x_shape, indices, dim)
    if x_shape and not keepdim:
        g, indices = xp.unsqueeze(g, dim), xp.unsqueeze(indices, dim)
    return xp.scatter_add(xp.zeros(x_shape, g.dtype), dim, indices, g)


def _one_of(name: str, kernel: Any, grad_fn: str) -> Any:
    return general(
        name,
        kernel,
        ("x",),
        rules={"x": chosen},
        outputs=("values", "indices"),
        grad_fn=grad_fn,
        method=False,
        names=("_" + name,),
        doc="The extreme along `dim` and its first place, which gets the cotangent.",
    )


_max_dim = _one_of("max_dim", kernels.max_dim, "MaxBackward0")
_min_dim = _one_of("min_dim", kernels.min_dim, "MinBackward0")


class _Extreme:
    """`torch.max` and `torch.min`: of all elements, along a dimension, or of two tensors."""

    def __init__(self, name: str, amax: Any, along: Any, binary: str, result: Any) -> None:
        self.name, self.along, self.binary, self.result = name, along.prim, binary, result
        self.picked = pick_lane(along.prim, result)
        self.all = one_lane(amax.prim, name.title() + "Backward1")
        self.whole = amax.prim

    def __call__(self, x: Any, dim: Any, keepdim: Any, other: Any, out: Any, more: Any) -> Any:
        if dim is ABSENT and other is None and not more and isinstance(x, Tensor):
            if keepdim is not False:
                raise no_overload(self.name, x, dim, keepdim)
            if x._data.dtype.kind == "c":
                raise not_implemented(f"{self.name}_all", x)
            if not x._data.size:
                need_size(self.name, x, None)
            return self.all(x, EVERY) if out is None else self.whole.call(x, params=EVERY, out=out)
        return self.others(x, dim, keepdim, other, out, more)

    def others(self, x: Any, dim: Any, keepdim: Any, other: Any, out: Any, more: Any) -> Any:
        given = keepdim is not False or bool(more)
        dim, keepdim = _axis(self.name, dim, keepdim, more)
        need_tensor(self.name, x)
        if isinstance(dim, Tensor) and (
            dim._data.dtype.kind not in "iu" or dim._data.ndim or other is None
        ):
            other = dim
        if other is not None:
            if not isinstance(other, Tensor) or given:
                raise no_overload(self.name, x, other, *(() if keepdim is False else (keepdim,)))
            return getattr(OPS, self.binary)(x, other, out=out)
        if not hasattr(dim, "__index__"):
            raise no_overload(self.name, x, dim)
        if x._data.dtype.kind == "c":
            raise not_implemented(f"{self.name}_cpu", x)
        at = errors.checked_dim(dim, x._data.ndim)
        if not x._data.size:
            need_size(self.name, x, at)
        keepdim = errors.checked_bool(self.name, "keepdim", keepdim)
        if out is None:
            return self.picked(x, (at, keepdim))
        return named(self.result, self.along.call(x, params=(at, keepdim), out=out))


_max = _Extreme("max", _amax, _max_dim, "maximum", _Max)
_min = _Extreme("min", _amin, _min_dim, "minimum", _Min)


@public("max", method=True)
def max(
    input: Tensor,
    dim: Any = ABSENT,
    keepdim: bool = False,
    *,
    other: Any = None,
    out: Any = None,
    **more: Any,
) -> Any:
    """The largest element: of all, along `dim` with its place, or of two tensors by element.

    Args:
        input: any shape, real.
        dim: the dimension to reduce; or a second tensor, for the largest by element.
        keepdim: keep the dimension with size 1.

    Returns:
        A 0-d tensor (ties share the gradient); with `dim` a named tuple (values, indices), whose
        gradient goes to the place named; for two tensors what `torch.maximum` gives.

    Raises:
        RuntimeError: `input` is empty. IndexError: dimension `dim` is.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[1.0, 5.0], [7.0, 2.0]])
        >>> x.max(), x.max(1).indices
        (tensor(7.), tensor([1, 0]))
    """
    plain = dim is ABSENT and other is None and out is None and keepdim is False and not more
    if plain and type(input) is Tensor:
        x = input._data
        if x.dtype.kind == "f" and x.size:  # the usual case
            return _max.all(input, EVERY)
    elif type(dim) is int and out is other is None and not more and type(input) is Tensor:
        x = input._data
        if 0 <= dim < x.ndim and x.size and x.dtype.kind == "f" and type(keepdim) is bool:
            return _max.picked(input, (dim, keepdim))
    return _max(input, dim, keepdim, other, out, more)


@public("min", method=True)
def min(
    input: Tensor,
    dim: Any = ABSENT,
    keepdim: bool = False,
    *,
    other: Any = None,
    out: Any = None,
    **more: Any,
) -> Any:
    """The smallest element: of all, along `dim` with its place, or of two tensors by element.

    Args:
        input: any shape, real.
        dim: the dimension to reduce; or a second tensor, for the smallest by element.
        keepdim: keep the dimension with size 1.

    Returns:
        A 0-d tensor (ties share the gradient); with `dim` a named tuple (values, indices), whose
        gradient goes to the place named; for two tensors what `torch.minimum` gives.

    Raises:
        RuntimeError: `input` is empty. IndexError: dimension `dim` is.

    Example:
        >>> import chainrule as torch
        >>> torch.tensor([3.0, 1.0, 2.0]).min()
        tensor(1.)
    """
    plain = dim is ABSENT and other is None and out is None and keepdim is False and not more
    if plain and type(input) is Tensor:
        x = input._data
        if x.dtype.kind == "f" and x.size:  # the usual case
            return _min.all(input, EVERY)
    elif type(dim) is int and out is other is None and not more and type(input) is Tensor:
        x = input._data
        if 0 <= dim < x.ndim and x.size and x.dtype.kind == "f" and type(keepdim) is bool:
            return _min.picked(input, (dim, keepdim))
    return _min(input, dim, keepdim, other, out, more)


# ---------------------------------------------------------------- places

_argmax = general(
    "argmax",
    kernels.argmax,
    ("x",),
    doc="The first place of the largest element, of all or along `dim`.",
)
_argmin = general(
    "argmin",
    kernels.argmin,
    ("x",),
    doc="The first place of the smallest element, of all or along `dim`.",
)


def _place(function: Any) -> None:
    prim = function.prim
    lane = one_lane(prim)

    def spelling(
        input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None, **more: Any
    ) -> Any:
        dim, keepdim = _axis(prim.name, dim, keepdim, more)
        need_tensor(prim.name, input)
        x = input._data
        if x.dtype.kind in "bc":
            kind = "bool" if x.dtype.kind == "b" else "complex"
            raise RuntimeError(f"{prim.name}(): does not support {kind} input")
        if dim is not None:
            dim = errors.checked_dim(dim, x.ndim)
        if not x.size:
            _need_place(prim.name, x.shape, dim)
        params = (dim, errors.checked_bool(prim.name, "keepdim", keepdim))
        return lane(input, params) if out is None else prim.call(input, params=params, out=out)

    spelling.__name__ = prim.name
    spelled(function)(spelling)


def _need_place(op: str, shape: Ints, dim: int | None) -> None:
    if dim is None:
        raise IndexError(f"{op}(): Expected reduction dim to be specified for input.numel() == 0.")
    if shape[dim] == 0:
        raise IndexError(f"{op}(): Expected reduction dim {dim} to have non-zero size.")


_place(_argmax)
_place(_argmin)


# ---------------------------------------------------------------- running extremes

_cummax = general(
    "cummax",
    kernels.cummax,
    ("x",),
    rules={"x": lambda xp, g, x_shape, indices, dim: chosen(xp, g, x_shape, indices, dim)},
    outputs=("values", "indices"),
    doc="The largest of the first 1, 2, ... elements and its last place.",
)
_cummin = general(
    "cummin",
    kernels.cummin,
    ("x",),
    rules={"x": lambda xp, g, x_shape, indices, dim: chosen(xp, g, x_shape, indices, dim)},
    outputs=("values", "indices"),
    doc="The smallest of the first 1, 2, ... elements and its last place.",
)


def _running(function: Any, result: Any) -> None:
    prim = function.prim
    lane = pick_lane(prim, result)

    def spelling(input: Any, dim: Any = None, *, axis: Any = None, out: Any = None) -> Any:
        if type(dim) is int and axis is out is None and type(input) is Tensor:
            x = input._data
            if 0 <= dim < x.ndim and x.dtype.kind == "f":  # the usual case
                return lane(input, (dim,))
        need_tensor(prim.name, input)
        if axis is not None:
            dim = errors.one_dim(prim.name, dim, axis)
        if dim is None:
            raise TypeError(f'{prim.name}() missing 1 required positional arguments: "dim"')
        if input._data.dtype.kind == "c":
            raise not_implemented(f"{prim.name}_helper_cpu", input)
        at = errors.checked_dim(dim, input._data.ndim)
        if out is None:
            return lane(input, (at,))
        return named(result, prim.call(input, params=(at,), out=out))

    spelling.__name__ = prim.name
    spelled(function)(spelling)


_running(_cummax, _Cummax)
_running(_cummin, _Cummin)
