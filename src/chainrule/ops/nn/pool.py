"""Pooling: maxima and means of windows, also adaptive ones; what fits, and what is wrong.

The ops are in `pool_ops.py`. One-dimensional pooling is two-dimensional pooling of one row, as in
PyTorch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import public
from ...core.primitive import F32
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import pool as kernels
from ..fast import bare
from .conv import errors_of_dtype
from .pool_ops import ADAPTIVE_AVG, ADAPTIVE_MAX, AVG, MAX, MAX_PLACES

Ints = tuple[int, ...]


# ---------------------------------------------------------------- what fits

_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}
_NAMES = ("T", "H", "W")


def need(op: str, x: Any) -> None:
    """The first argument is a tensor."""
    if not isinstance(x, Tensor):
        raise errors.wrong_type(op, "input", 1, x)


def ints(op: str, name: str, value: Any, at: int) -> Any:
    """An int or a tuple of ints."""
    if type(value) is int:
        return value
    if isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
        return tuple(value)
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if whole and (not isinstance(value, Tensor) or _is_count(value)):
        return value.__index__()
    raise TypeError(
        f"{op}(): argument '{name}' (position {at}) must be tuple of ints, not "
        f"{errors.kind_name(value)}"
    )


def _is_count(value: Tensor) -> bool:
    return not value._data.ndim and value._data.dtype.kind in "iu"


def _wide(op: str, name: str, value: Any, n: int, either: str) -> Ints:
    if type(value) is int:
        return (value,) * n
    if len(value) == 1:
        return tuple(value) * n
    if len(value) != n:
        omitted = "omitted, " if name == "stride" else ""
        raise RuntimeError(
            f"{op}: {name} must {either}be {omitted}a single int, or a tuple of {_WORDS[n]}"
            if not either
            else f"{op}: {name} must {either} {omitted}a single int, or a tuple of {_WORDS[n]}"
        )
    return tuple(value)


def _out_size(h: int, k: int, s: int, p: int, d: int, ceil: bool) -> int:
    """How many windows there are; in ceil mode the last must start inside, or in the left
    padding."""
    if s == 0:
        raise RuntimeError("stride should not be zero")
    if p < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
    if p > ((k - 1) * d + 1) // 2:
        raise RuntimeError(
            "pad should be at most half of effective kernel size, but got pad="
            f"{p}, kernel_size={k} and dilation={d}"
        )
    n = (h + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil else 0)) // s + 1
    return n - 1 if ceil and (n - 1) * s >= h + p else n


@lru_cache(maxsize=1024)
def _geometry(
    op: str, shape: Ints, n: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Ints, ...]:
    """Size of the result, kernel, stride, padding, dilation; raises if it makes no sense."""
    rank = len(shape)
    average = op.startswith("avg")
    either = ("be" if n == 3 else "either be") if average else "either be"
    kernel = _wide(op, "kernel_size", kernel, n, either)
    stride = kernel if stride in (None, ()) else _wide(op, "stride", stride, n, either)
    padding = _wide(op, "padding", padding, n, either)
    dilation = _wide(op, "dilation", dilation, n, "be either")
    if rank not in (n + 1, n + 2) and not (average and n == 2):
        raise RuntimeError(f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")
    if rank < n + 1:
        errors.checked_dim(-n - 1, rank)
    spatial = shape[rank - n :]
    size = tuple(
        _out_size(h, k, s, p, d, ceil)
        for h, k, s, p, d in zip(spatial, kernel, stride, padding, dilation, strict=True)
    )
    _check_positive(kernel, stride, dilation)
    _check_input(op, shape, n, average)
    if (
        average
        and n == 3
        and any(h + 2 * p < k for h, p, k in zip(spatial, padding, kernel, strict=True))
    ):
        image, least = (
            " ".join(f"{prefix}{name}: {v}" for name, v in zip(_NAMES, values, strict=True))
            for prefix, values in (("", spatial), ("k", kernel))
        )
        raise RuntimeError(f"input image ({image}) smaller than kernel size ({least})")
    if min(size) < 1:
        planes = shape[rank - n - 1]
        given, made = ("x".join(map(str, (planes, *v))) for v in (spatial, size))
        raise RuntimeError(
            errors.hinted(
                f"Given input size: ({given}). Calculated output size: ({made}). Output size is "
                "too small",
                hint="the input is smaller than the window: fewer poolings, or padding",
            )
        )
    return size, kernel, stride, padding, dilation


def _check_positive(kernel: Ints, stride: Ints, dilation: Ints) -> None:
    for what, short, values in (
        ("kernel size", "k", kernel), ("stride", "d", stride), ("dilation", "dilation", dilation)
    ):  # fmt: skip
        if min(values) <= 0:
            told = " ".join(
                f"{short}{name}: {v}"
                for name, v in zip(_NAMES[-len(values) :], values, strict=True)
            )
            raise RuntimeError(f"{what} should be greater than zero, but got {told}")


def _check_input(op: str, shape: Ints, n: int, average: bool) -> None:
    rank = len(shape)
    empty = 0 in (shape[1:] if rank == n + 2 else shape)
    if n == 3:
        if empty:
            name = "avg_pool3d()" if average else "max_pool3d_with_indices_out_cpu_template()"
            raise RuntimeError(
                f"{name}: Expected input's non-batch dimensions to have positive length, but input "
                f"has a shape of {list(shape)} and non-batch dimension 0 has length zero!"
            )
    elif empty or rank not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but "
            f"got:{list(shape)}"
        )


def real_only(kernel: str, x: Tensor, integers: str = "") -> None:
    """Refuse complex numbers, bools, and integers but those named."""
    kind = x._data.dtype.kind
    if kind in "bc" or (kind in "iu" and x.dtype.name not in integers.split()):
        raise errors_of_dtype(kernel, x)


# ---------------------------------------------------------------- max_pool

_ALL_INTS = "int64 int32 int16 int8 uint8"


def _max_pool(
    n: int, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, places: bool,
    op: str = "",
) -> Any:  # fmt: skip
    name = _MAX_NAMES[n]
    op = op or name
    need(op, x)
    if not (type(kernel) is int and stride is None and type(padding) is type(dilation) is int):
        kernel = ints(op, "kernel_size", kernel, 2)
        stride = stride if stride is None else ints(op, "stride", stride, 3)
        padding, dilation = ints(op, "padding", padding, 4), ints(op, "dilation", dilation, 5)
    data = x._data
    params = _geometry(name, data.shape, n, kernel, stride, padding, dilation, bool(ceil))
    if data.dtype is not F32:
        real_only(name, x, _ALL_INTS)
    return MAX_PLACES[n](x, params) if places else MAX[n](x, params)


_MAX_NAMES = {n: f"max_pool{n}d" for n in (1, 2, 3)}
_AVG_NAMES = {n: f"avg_pool{n}d" for n in (1, 2, 3)}


def _one(op: str, name: str, value: Any, text: str) -> int:
    if type(value) is int:
        return value
    if len(value) != 1:
        raise RuntimeError(text.format(name=name, size=len(value)))
    return int(value[0])


def _rank_between(op: str, x: Tensor) -> None:
    rank = x._data.ndim
    if rank not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {rank}-dimensional tensor for argument #1 'self' "
            f"(while checking arguments for {op})"
        )


def _max_pool_row(
    x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, places: bool
) -> Any:
    op = "max_pool1d"
    need(op, x)
    if not (type(kernel) is int and stride is None and type(padding) is type(dilation) is int):
        kernel = ints(op, "kernel_size", kernel, 2)
        stride = stride if stride in (None, ()) else ints(op, "stride", stride, 3)
        padding, dilation = ints(op, "padding", padding, 4), ints(op, "dilation", dilation, 5)
    size, kernel, stride, padding, dilation = _check_row(
        op, x._data.shape, kernel, stride, padding, dilation, bool(ceil), places
    )
    if places:
        _rank_between("max_pool1d", x)
    elif x._data.dtype.kind not in "fV":
        raise errors_of_dtype("max_pool1d_impl", x)
    elif bare(x):
        taps = (size,), (kernel,), (stride,), (padding,), (dilation,)
        return wrap(kernels.maximum(x._data, *taps))
    made = _max_pool(
        2, OPS.unsqueeze(x, -2), (1, kernel), (1, stride), (0, padding), (1, dilation), ceil, places
    )
    return tuple(OPS.squeeze(t, -2) for t in made) if places else OPS.squeeze(made, -2)


@lru_cache(maxsize=1024)
def _check_row(
    op: str, shape: Ints, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool,
    places: bool,
) -> Any:  # fmt: skip
    """Number of windows (0 with places, which are counted elsewhere), kernel, stride, padding,
    dilation; raises if it makes no sense."""
    text = (
        op + "() {name} must be an int, list of ints or tuple of ints of size 1 but got size {size}"
    )
    of_stride = (
        op
        + "() stride must be None, an int, list of ints, or tuple of ints of size 1 but got size "
        "{size}"
    )
    rank = len(shape)
    if not places and (rank not in (2, 3) or 0 in (shape[1:] if rank == 3 else shape)):
        raise RuntimeError(
            f"{op}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}"
        )
    kernel = _one(op, "kernel_size", kernel, text)
    stride = kernel if stride in (None, ()) else _one(op, "stride", stride, of_stride)
    padding, dilation = _one(op, "padding", padding, text), _one(op, "dilation", dilation, text)
    size = 0
    if not places:
        for name, v in (("kernel_size", kernel), ("stride", stride)):
            if v <= 0:
                raise RuntimeError(f"{op}() {name} must be greater than zero, but got {v}")
        if padding < 0:
            raise RuntimeError(f"{op}() padding must be non-negative, but got {padding}")
        if padding > kernel // 2:
            raise RuntimeError(
                f"{op}() padding should be at most half of kernel size, but got padding={padding} "
                f"and kernel_size={kernel}"
            )
        if dilation <= 0:
            raise RuntimeError(f"{op}() dilation must be greater than zero, but got {dilation}")
        size = _out_size(shape[-1], kernel, stride, padding, dilation, ceil)
        if size <= 0:
            raise RuntimeError(f"{op}() Invalid computed output size: {size}")
    return size, kernel, stride, padding, dilation


# ---------------------------------------------------------------- avg_pool


@lru_cache(maxsize=1024)
def _averaged(
    n: int, shape: Ints, kernel: int, padding: int, ceil: bool, include: bool
) -> tuple[Any, ...]:
    """The parameters of the op for windows side by side."""
    found = _geometry(_AVG_NAMES[n], shape, n, kernel, None, padding, 1, ceil)
    return (*found[:4], include, None)


def avg_pool_of(
    n: int, x: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, include: bool,
    divisor: int | None,
) -> Any:  # fmt: skip
    """The means of n-dimensional windows, arguments checked."""
    op = _AVG_NAMES[n]
    need(op, x)
    if not (type(kernel) is int and stride is None and type(padding) is int):
        kernel = ints(op, "kernel_size", kernel, 2)
        stride = stride if stride is None else ints(op, "stride", stride, 3)
        padding = ints(op, "padding", padding, 4)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    data = x._data
    size, kernel, stride, padding, _ = _geometry(
        op, data.shape, n, kernel, stride, padding, 1, bool(ceil)
    )
    if data.dtype is not F32:
        real_only(op, x, "int64")
    return AVG[n](x, (size, kernel, stride, padding, bool(include), divisor))


@lru_cache(maxsize=1024)
def _averaged_row(
    shape: Ints, kernel: int, stride: int, padding: int, ceil: bool, include: bool
) -> tuple[Any, ...]:
    """The parameters of the kernel for windows of one dimension."""
    windows = (1, kernel), (1, stride), (0, padding)
    found = _geometry(_AVG_NAMES[2], (*shape[:-1], 1, shape[-1]), 2, *windows, 1, ceil)
    return (*[v[1:] for v in found[:4]], include, None)


def avg_pool_row(x: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, include: bool) -> Any:
    """The means of windows of one dimension, arguments checked."""
    op = "avg_pool1d"
    plain = type(kernel) is type(padding) is int and stride is None
    if plain and bare(x) and x._data.ndim in (2, 3):  # the same in fewer steps
        row = _averaged_row(x._data.shape, kernel, kernel, padding, bool(ceil), bool(include))
        return wrap(kernels.average(x._data, *row))
    need(op, x)
    text = op + "() argument '{name}' should contain one int (got {size})"
    kernel = _one(op, "kernel_size", ints(op, "kernel_size", kernel, 2), text)
    stride = None if stride in (None, ()) else ints(op, "stride", stride, 3)
    if stride is None or (type(stride) is not int and not len(stride)):
        stride = kernel
    stride = _one(op, "stride", stride, text)
    padding = _one(op, "padding", ints(op, "padding", padding, 4), text)
    _rank_between(op, x)
    if bare(x):
        found = _averaged_row(x._data.shape, kernel, stride, padding, bool(ceil), bool(include))
        return wrap(kernels.average(x._data, *found))
    row = OPS.unsqueeze(x, -2)
    made = avg_pool_of(2, row, (1, kernel), (1, stride), (0, padding), ceil, include, None)
    return OPS.squeeze(made, -2)


# ---------------------------------------------------------------- adaptive windows


def _filled(x: Tensor, size: Any) -> Any:
    """An output size with None replaced by the size that is there."""
    if isinstance(size, int):
        if size is True or size is False:
            raise errors.wrong_kind("adaptive_pool", "output_size", "tuple of ints", size)
        return size
    n = len(size)
    shape = x._data.shape
    if len(shape) <= n:
        raise ValueError(f"Input dimension should be at least {n + 1}")
    have = shape[len(shape) - n :]
    return tuple(h if s is None else int(s) for s, h in zip(size, have, strict=True))


def _check_pooled(op: str, x: Tensor, n: int, channels: bool) -> None:
    shape = x._data.shape
    if len(shape) not in (n + 1, n + 2):
        colon = ":" if channels else ""
        raise RuntimeError(
            f"{op}(): Expected {n + 1}D or {n + 2}D tensor, but got{colon} {list(shape)}"
        )
    _check_nonempty(op, shape, len(shape) - n - channels)


def _check_nonempty(op: str, shape: Ints, first: int) -> None:
    for d in range(max(first, 1), len(shape)):
        if shape[d] == 0:
            raise RuntimeError(
                f"{op}(): Expected input to have non-zero size for non-batch dimensions, but input "
                f"has sizes {list(shape)} with dimension {d} being empty"
            )


@lru_cache(maxsize=1024)
def _usual_size(shape: Ints, n: int, size: int, least: int) -> Ints | None:
    """`size` for each dimension, where nothing needs to be looked at more closely."""
    fits = len(shape) in (n + 1, n + 2) and 0 not in shape and size >= least
    return (size,) * n if fits else None


def _adaptive_avg(n: int, x: Any, output_size: Any) -> Any:
    if type(output_size) is int and type(x) is Tensor and x._data.dtype is F32:
        usual = _usual_size(x._data.shape, n, output_size, 2)  # 1 is a mean
        if usual is not None:
            return ADAPTIVE_AVG[n](x, (usual,))
    op = f"adaptive_avg_pool{n}d"
    need(op, x)
    size = _filled(x, output_size)
    size = (size,) * n if isinstance(size, int) else size
    if len(size) != n:
        raise RuntimeError(f"{op}: output_size must be {n}")
    if min(size) < 0:
        told = ", ".join(map(str, size[:2])) + "".join(f",{v}" for v in size[2:])
        raise RuntimeError(
            f"{op}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{told}}}"
        )
    rank = x._data.ndim
    if n > 1 and rank < n and all(s == 1 for s in size):
        errors.checked_dim(-n, rank)
    if all(s == 1 for s in size) and (rank in (n + 1, n + 2) or n > 1):
        return OPS.mean(x, tuple(range(rank - n, rank)), True)
    _check_pooled(op, x, n, False)
    if 0 in size and x._data.dtype.kind in "biuc":  # PyTorch looks at no dtype then
        return wrap(np.zeros((*x._data.shape[:-n], *size), x._data.dtype))
    if x._data.dtype is not F32:
        real_only(op, x)
    return ADAPTIVE_AVG[n](x, (size,))


def _adaptive_max(n: int, x: Any, output_size: Any, places: bool) -> Any:
    if type(output_size) is int and type(x) is Tensor and x._data.dtype is F32:
        usual = _usual_size(x._data.shape, n, output_size, 1)
        if usual is not None:
            made = ADAPTIVE_MAX[n](x, (usual,))
            return made if places else made[0]
    op = f"adaptive_max_pool{n}d"
    need(op, x)
    size = _filled(x, output_size)
    size = (size,) * n if isinstance(size, int) else size
    if len(size) != n:
        raise RuntimeError(f"{op}(): internal error: output_size.size() must be {n}")
    _check_pooled(op, x, n, True)
    _check_made(x._data.shape, size, n)
    real_only(op, x)
    made = ADAPTIVE_MAX[n](x, (size,))
    return made if places else made[0]


def _check_made(shape: Ints, size: Ints, n: int) -> None:
    for s in size:
        if s < 0:
            made = [*shape[: len(shape) - n], *size]
            raise RuntimeError(f"Trying to create tensor with negative dimension {s}: {made}")


def _only_int(op: str, value: Any) -> int:
    return _one(
        op, "output_size", ints(op, "output_size", value, 2),
        op + "() argument '{name}' should contain one int (got {size})",
    )  # fmt: skip


def _adaptive_avg_row(x: Any, output_size: Any) -> Any:
    op = "adaptive_avg_pool1d"
    need(op, x)
    size = _only_int(op, output_size)
    _rank_between(op, x)
    if size > 0 and bare(x) and x._data.size:
        return wrap(kernels.adaptive_average(x._data, (size,)))
    return OPS.squeeze(_adaptive_avg(2, OPS.unsqueeze(x, -2), (1, size)), -2)


def _adaptive_max_row(x: Any, output_size: Any, places: bool) -> Any:
    op = "adaptive_max_pool1d"
    need(op, x)
    size = _only_int(op, output_size)
    _rank_between(op, x)
    shape = x._data.shape
    _check_nonempty(op, shape, len(shape) - 2)
    if size > 0 and bare(x) and x._data.size:
        values, where = map(wrap, kernels.adaptive_maximum(x._data, (size,)))
        return (values, where) if places else values
    made = _adaptive_max(2, OPS.unsqueeze(x, -2), (1, size), True)
    values = OPS.squeeze(made[0], -2)
    return (values, OPS.squeeze(made[1], -2)) if places else values


# ---------------------------------------------------------------- public names

_DOC = """{what}

    Args:
        input: (n, c, {spatial}), or without n.
{args}

    Returns:
        {returns}

    Raises:
        RuntimeError: another rank, or windows that do not fit.

    Example:
        >>> import chainrule as torch
        >>> F, x = torch.nn.functional, torch.arange({count}.0).reshape(1, {ones})
        >>> {example}
        {result}
    """


def publish(
    function: Any, name: str, n: int, words: tuple[str, str, str], example: tuple[str, str],
    top: bool = False,
) -> None:  # fmt: skip
    """Make a function of n-dimensional pooling public, with its documentation.

    Args:
        words: what it computes, its arguments, what it returns.
        example: a call in terms of F and x, and what it prints.
        top: it stands below torch, too.
    """
    function.__name__ = function.__qualname__ = name
    what, args, returns = words
    function.__doc__ = _DOC.format(
        what=what,
        spatial="d, h, w"[-(3 * n - 2) :],
        args="\n".join("        " + line for line in args.split("\n")),
        returns=returns,
        count=4**n,
        ones=", ".join(["4"] * n),
        example=example[0],
        result=example[1].replace("\n", "\n        "),
    )
    paths = (name, f"nn.functional.{name}") if top else (f"nn.functional.{name}",)
    public(*paths)(function)


WINDOW = """kernel_size, stride, padding{more}: ints, or one for each dimension; stride None: \
the kernel.
ceil_mode: also windows that reach over the end."""
_SIZED = "output_size: one int for all dimensions, or one for each; None keeps a dimension."
_PLACES = "return_indices: also the places of the maxima in the flattened input."
_LAST = {
    "max": {
        1: "tensor([[1., 3.]])",
        2: "tensor([[[ 5.,  7.],\n         [13., 15.]]])",
        3: "tensor(63.)",
    },
    "avg": {
        1: "tensor([[0.5000, 2.5000]])",
        2: "tensor([[[ 2.5000,  4.5000],\n         [10.5000, 12.5000]]])",
        3: "tensor(52.5000)",
    },
}


def _example(kind: str, name: str, n: int) -> tuple[str, str]:
    """A call that halves x, and what it prints; of three dimensions the last element."""
    return f"F.{name}(x, 2)" + "[0, 1, 1, 1]" * (n == 3), _LAST[kind][n]


def _publish_max(n: int) -> None:
    def max_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        rest = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return _max_pool_row(input, *rest) if n == 1 else _max_pool(n, input, *rest)

    def with_indices(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
    ) -> Any:
        return max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, True)

    args = WINDOW.format(more=", dilation")
    name = f"max_pool{n}d"
    words = (
        "The maximum of each window.",
        f"{args}\n{_PLACES}",
        "The maxima, or (maxima, places).",
    )
    publish(max_pool, name, n, words, _example("max", name, n), top=True)
    words = (
        "The maximum of each window and its place.",
        args,
        "(maxima, places in the flat input).",
    )
    name += "_with_indices"
    publish(with_indices, name, n, words, _last_place(name, "4", n), top=n == 1)


def _last_place(name: str, size: str, n: int) -> tuple[str, str]:
    return f"F.{name}(x, {size})[1].item()", str(4**n - 1)


def _publish_avg(n: int) -> None:
    def avg_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        plain = stride is divisor_override is None and type(kernel_size) is type(padding) is int
        if plain and type(input) is Tensor and input._data.dtype is F32:
            more = padding, bool(ceil_mode), bool(count_include_pad)
            return AVG[n](input, _averaged(n, input._data.shape, kernel_size, *more))
        rest = (kernel_size, stride, padding, ceil_mode, count_include_pad)
        return avg_pool_of(n, input, *rest, divisor_override)

    def avg_pool1d(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Any:
        return avg_pool_row(input, kernel_size, stride, padding, ceil_mode, count_include_pad)

    name = f"avg_pool{n}d"
    args = WINDOW.format(more="") + "\ncount_include_pad: padding counts as elements that are 0."
    args += "" if n == 1 else "\ndivisor_override: divide by this instead."
    words = ("The mean of each window.", args, "The means.")
    publish(avg_pool1d if n == 1 else avg_pool, name, n, words, _example("avg", name, n), n == 1)


def _publish_adaptive(n: int) -> None:
    def avg_pool(input: Any, output_size: Any) -> Any:
        if n == 1:
            return _adaptive_avg_row(input, output_size)
        return _adaptive_avg(n, input, output_size)

    def max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        if n == 1:
            return _adaptive_max_row(input, output_size, return_indices)
        return _adaptive_max(n, input, output_size, return_indices)

    def with_indices(input: Any, output_size: Any, return_indices: bool = True) -> Any:
        return max_pool(input, output_size, True)

    what, name = "of windows chosen so that the result has a given size", f"adaptive_avg_pool{n}d"
    words = (f"Means {what}.", _SIZED, "The means.")
    publish(avg_pool, name, n, words, _example("avg", name, n), n == 1)
    name = f"adaptive_max_pool{n}d"
    words = (f"Maxima {what}.", f"{_SIZED}\n{_PLACES}", "The maxima, or (maxima, places).")
    publish(max_pool, name, n, words, _example("max", name, n))
    name += "_with_indices"
    words = (f"Maxima {what}, and their places.", _SIZED, "(maxima, places in the flat input).")
    publish(with_indices, name, n, words, _last_place(name, "1", n))
    if n == 1:
        public("adaptive_max_pool1d")(with_indices)


for _n in (1, 2, 3):
    _publish_max(_n)
    _publish_avg(_n)
    _publish_adaptive(_n)
