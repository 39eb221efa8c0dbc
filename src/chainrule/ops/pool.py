"""Pooling: maxima, means and p-norms of windows, adaptive and fractional windows, and `max_unpool`.

Maxima are closed under differentiation in pairs: `max_pool_backward` puts cotangents where the
maxima were, `max_pool_pick` takes elements from there, and each is the other's vjp; for windows
whose places are known `pool_scatter` and `pool_gather` are the same by position. So the places of
maxima are worked out only when they are asked for. Means are linear; their vjp is
`avg_pool_backward`. One-dimensional pooling is two-dimensional pooling of one row, as in PyTorch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .. import errors
from ..core.batching import batch_rule, front
from ..core.declare import general, linear, public
from ..core.forward import LINEAR_IN
from ..core.levels import lower
from ..core.primitive import PUBLIC, Primitive
from ..core.record import OPS
from ..core.tensor import Tensor
from ..kernels import pool as kernels
from .conv import errors_of_dtype
from .fast import T

Ints = tuple[int, ...]

# ---------------------------------------------------------------- maxima


def _max_kernel(
    x: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Any:
    return kernels.maximum(x, size, kernel, stride, padding, dilation)


def _max_places_kernel(
    x: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Any:
    spatial = x.shape[-len(size) :]
    return kernels.select(x, kernels.windows(spatial, size, kernel, stride, padding, dilation))


def _adaptive_max_kernel(x: Any, size: Ints) -> Any:
    return kernels.select(x, kernels.regions(x.shape[-len(size) :], size))


def _fractional_kernel(x: Any, samples: Any, kernel: Ints, size: Ints) -> Any:
    n = len(size)
    spatial = x.shape[-n:]
    order = (1, 0) if n == 2 else (0, 1, 2)  # PyTorch's first number of two is for the width
    at = [
        kernels.starts(samples[..., order[d]], spatial[d], size[d], kernel[d], x.dtype)
        for d in range(n)
    ]
    return kernels.select(x, at)


def _max_rule(
    xp: Any, g: Any, x: Any, out: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints,
    dilation: Ints,
) -> Any:  # fmt: skip
    return xp.max_pool_backward(g, x, out, size, kernel, stride, padding, dilation)


def _picked(
    xp: Any, g: Any, like: Any, top: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints,
    dilation: Ints,
) -> Any:  # fmt: skip
    return xp.max_pool_pick(g, like, top, size, kernel, stride, padding, dilation)


def _placed(
    xp: Any, g: Any, like: Any, top: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints,
    dilation: Ints,
) -> Any:  # fmt: skip
    return xp.max_pool_backward(g, like, top, size, kernel, stride, padding, dilation)


def _scattered(xp: Any, g: Any, indices: Any, x_shape: Ints) -> Any:
    n = len(g.shape) - len(x_shape)
    return xp.pool_scatter(g, indices, x_shape[n:]) if n else None


def _scatter_rule(n: int) -> Any:
    def rule(xp: Any, g: Any, indices: Any, x_shape: Ints) -> Any:
        return xp.pool_scatter(g, indices, tuple(x_shape[-n:]))

    return rule


def _unpool_kernel(x: Any, indices: Any, spatial: Ints) -> Any:
    return kernels.unpool(x, indices, spatial)


_MAX: dict[int, Any] = {}
_MAX_PLACES: dict[int, Any] = {}
_ADAPTIVE_MAX: dict[int, Any] = {}
_FRACTIONAL: dict[int, Any] = {}
_UNPOOL: dict[int, Any] = {}


def _declare_maxima(n: int) -> None:
    d, D = f"{n}d", f"{n}D"
    rule = {"x": _scatter_rule(n)}
    found = ("out", "indices")
    _MAX[n] = general(
        f"max_pool{d}",
        _max_kernel,
        ("x",),
        rules={"x": _max_rule},
        method=False,
        names=(f"_max_pool{d}",),
        grad_fn=f"MaxPool{D}WithIndicesBackward0",
        doc="The maximum of each window; its vjp puts the cotangent where the maximum was.",
    ).prim
    _MAX_PLACES[n] = general(
        f"max_pool{d}_with_indices",
        _max_places_kernel,
        ("x",),
        rules=rule,
        outputs=found,
        method=False,
        names=(f"_max_pool{d}_with_indices",),
        grad_fn=f"MaxPool{D}WithIndicesBackward0",
        doc="The maximum of each window and its place.",
    ).prim
    _ADAPTIVE_MAX[n] = general(
        f"adaptive_max_pool{d}",
        _adaptive_max_kernel,
        ("x",),
        rules=rule,
        outputs=found,
        method=False,
        names=(f"_adaptive_max_pool{d}",),
        grad_fn=f"AdaptiveMaxPool{D}Backward0",
        doc="The maxima of intervals that cover each dimension evenly, and their places.",
    ).prim
    _FRACTIONAL[n] = general(
        f"fractional_max_pool{d}",
        _fractional_kernel,
        ("x", "samples"),
        rules=rule,
        outputs=found,
        method=False,
        names=(f"_fractional_max_pool{d}",),
        grad_fn=f"FractionalMaxPool{D}Backward0",
        doc="The maxima of windows at random places, and their places.",
    ).prim
    _UNPOOL[n] = general(
        f"max_unpool{d}",
        _unpool_kernel,
        ("x", "indices"),
        rules={"x": lambda xp, g, indices: xp.pool_gather(g, indices, n)},
        method=False,
        names=(f"_max_unpool{d}",),
        grad_fn=f"MaxUnpool{D}Backward0",
        doc="Zeros with elements written where maxima were; its vjp reads there.",
    ).prim
    LINEAR_IN[f"max_unpool{d}"] = ("x",)  # fmt: skip


for _n in (2, 3):
    _declare_maxima(_n)

general(
    "max_pool_backward", kernels.max_back, ("grad", "like", "top"), rules={"grad": _picked},
    method=False, names=("_max_pool_backward",), grad_fn="MaxPool2DWithIndicesBackwardBackward0",
    doc="Elements put where `like` has the maximum of their window.",
)  # fmt: skip
general(
    "max_pool_pick", kernels.max_pick, ("x", "like", "top"), rules={"x": _placed}, method=False,
    names=("_max_pool_pick",), doc="The elements where `like` has the maximum of each window.",
)  # fmt: skip
general(
    "pool_scatter", kernels.scatter, ("grad", "indices"),
    rules={
        "grad": lambda xp, g, indices, spatial: xp.pool_gather(g, indices, len(spatial))
    },
    method=False, names=("_pool_scatter",), grad_fn="MaxPool2DWithIndicesBackwardBackward0",
    doc="Elements added up at their places in the flattened pooled dimensions.",
)  # fmt: skip
general(
    "pool_gather", kernels.gather, ("x", "indices"),
    rules={
        "x": lambda xp, g, indices, x_shape, n: xp.pool_scatter(g, indices, tuple(x_shape[-n:]))
    },
    method=False, names=("_pool_gather",),
    doc="The elements at these places of the n flattened last dimensions.",
)  # fmt: skip
LINEAR_IN |= {
    "max_pool_backward": ("grad",), "max_pool_pick": ("x",),
    "pool_scatter": ("grad",), "pool_gather": ("x",),
}  # fmt: skip


# ---------------------------------------------------------------- means


def _avg_kernel(
    x: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints, include: bool, divisor: Any
) -> Any:
    return kernels.average(x, size, kernel, stride, padding, include, divisor)


def _avg_back_kernel(
    x: Any, spatial: Ints, size: Ints, kernel: Ints, stride: Ints, padding: Ints, include: bool,
    divisor: Any,
) -> Any:  # fmt: skip
    return kernels.average_back(x, spatial, size, kernel, stride, padding, include, divisor)


def _avg_rule(
    xp: Any, g: Any, x_shape: Ints, size: Ints, kernel: Ints, stride: Ints, padding: Ints,
    include: bool, divisor: Any,
) -> Any:  # fmt: skip
    spatial = tuple(x_shape[-len(size) :])
    return xp.avg_pool_backward(g, spatial, size, kernel, stride, padding, include, divisor)


def _avg_again(
    xp: Any, g: Any, size: Ints, kernel: Ints, stride: Ints, padding: Ints, include: bool,
    divisor: Any,
) -> Any:  # fmt: skip
    return xp.avg_pool2d(g, size, kernel, stride, padding, include, divisor)


def _adaptive_rule(xp: Any, g: Any, x_shape: Ints, size: Ints) -> Any:
    return xp.adaptive_avg_pool_backward(g, tuple(x_shape[-len(size) :]), size)


def _adaptive_back_kernel(x: Any, spatial: Ints, size: Ints) -> Any:
    return kernels.adaptive_average_back(x, spatial)


_AVG: dict[int, Any] = {}
_ADAPTIVE_AVG: dict[int, Any] = {}
for _n in (2, 3):
    _AVG[_n] = linear(
        f"avg_pool{_n}d", _avg_kernel, _avg_rule, method=False, names=(f"_avg_pool{_n}d",),
        grad_fn=f"AvgPool{_n}DBackward0", doc="The mean of each window.",
    ).prim  # fmt: skip
    _ADAPTIVE_AVG[_n] = linear(
        f"adaptive_avg_pool{_n}d", kernels.adaptive_average, _adaptive_rule, method=False,
        names=(f"_adaptive_avg_pool{_n}d",), grad_fn=f"AdaptiveAvgPool{_n}DBackward0",
        doc="The means of intervals that cover each dimension evenly.",
    ).prim  # fmt: skip
linear(
    "avg_pool_backward", _avg_back_kernel, _avg_again, method=False, names=("_avg_pool_backward",),
    grad_fn="AvgPool2DBackwardBackward0", doc="Each element shared out over its window.",
)  # fmt: skip
linear(
    "adaptive_avg_pool_backward",
    _adaptive_back_kernel,
    lambda xp, g, size: xp.adaptive_avg_pool2d(g, size),
    method=False,
    names=("_adaptive_avg_pool_backward",),
    grad_fn="AdaptiveAvgPool2DBackwardBackward0",
    doc="Each element shared out over its interval.",
)


@batch_rule(
    *(f"{kind}{n}d{more}" for n in (2, 3) for kind, more in (
        ("max_pool", ""), ("max_pool", "_with_indices"), ("adaptive_max_pool", ""),
        ("fractional_max_pool", ""), ("max_unpool", ""), ("avg_pool", ""),
        ("adaptive_avg_pool", ""),
    )),
    "max_pool_backward", "max_pool_pick", "pool_scatter", "pool_gather", "avg_pool_backward",
    "adaptive_avg_pool_backward",
)  # fmt: skip
def _leading(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The kernels take any number of leading dimensions."""
    operands = tuple(front(t, b, size) for t, b in zip(inputs, batched, strict=True))
    return lower(prim, operands, params)


# ---------------------------------------------------------------- what fits

_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}
_NAMES = ("T", "H", "W")


def _need(op: str, x: Any) -> None:
    if not isinstance(x, Tensor):
        raise errors.wrong_type(op, "input", 1, x)


def _ints(op: str, name: str, value: Any, at: int) -> Any:
    """An int or a tuple of ints."""
    if type(value) is int:
        return value
    if isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
        return tuple(value)
    if hasattr(value, "__index__") and not isinstance(value, Tensor):
        return value.__index__()
    raise TypeError(
        f"{op}(): argument '{name}' (position {at}) must be tuple of ints, not "
        f"{type(value).__name__}"
    )


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


def _real_only(kernel: str, x: Tensor, integers: str = "") -> None:
    kind = x._data.dtype.kind
    if kind in "bc" or (kind in "iu" and x.dtype.name not in integers.split()):
        raise errors_of_dtype(kernel, x)


# ---------------------------------------------------------------- max_pool

_ALL_INTS = "int64 int32 int16 int8 uint8"


def _max_pool(
    n: int, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, places: bool,
    op: str = "",
) -> Any:  # fmt: skip
    op = op or f"max_pool{n}d"
    _need(op, x)
    kernel = _ints(op, "kernel_size", kernel, 2)
    stride = stride if stride is None else _ints(op, "stride", stride, 3)
    padding, dilation = _ints(op, "padding", padding, 4), _ints(op, "dilation", dilation, 5)
    params = _geometry(
        f"max_pool{n}d", x._data.shape, n, kernel, stride, padding, dilation, bool(ceil)
    )
    _real_only(f"max_pool{n}d", x, _ALL_INTS)
    return (_MAX_PLACES if places else _MAX)[n].call(x, params=params)


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
    _need(op, x)
    kernel = _ints(op, "kernel_size", kernel, 2)
    stride = stride if stride in (None, ()) else _ints(op, "stride", stride, 3)
    padding, dilation = _ints(op, "padding", padding, 4), _ints(op, "dilation", dilation, 5)
    kernel, stride, padding, dilation = _check_row(
        op, x._data.shape, kernel, stride, padding, dilation, bool(ceil), places
    )
    if places:
        _rank_between("max_pool1d", x)
    elif x._data.dtype.kind not in "fV":
        raise errors_of_dtype("max_pool1d_impl", x)
    made = _max_pool(
        2, OPS.unsqueeze(x, -2), (1, kernel), (1, stride), (0, padding), (1, dilation), ceil, places
    )
    return tuple(OPS.squeeze(t, -2) for t in made) if places else OPS.squeeze(made, -2)


def _check_row(
    op: str, shape: Ints, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool,
    places: bool,
) -> Any:  # fmt: skip
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
            f"{op}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, "
            f"but got:{list(shape)}"
        )
    kernel = _one(op, "kernel_size", kernel, text)
    stride = kernel if stride in (None, ()) else _one(op, "stride", stride, of_stride)
    padding, dilation = _one(op, "padding", padding, text), _one(op, "dilation", dilation, text)
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
    return kernel, stride, padding, dilation


# ---------------------------------------------------------------- avg_pool


def _avg_pool(
    n: int, x: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, include: bool,
    divisor: int | None,
) -> Any:  # fmt: skip
    op = f"avg_pool{n}d"
    _need(op, x)
    kernel = _ints(op, "kernel_size", kernel, 2)
    stride = stride if stride is None else _ints(op, "stride", stride, 3)
    padding = _ints(op, "padding", padding, 4)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    size, kernel, stride, padding, _ = _geometry(
        op, x._data.shape, n, kernel, stride, padding, 1, bool(ceil)
    )
    _real_only(op, x, "int64")
    return _AVG[n].call(x, params=(size, kernel, stride, padding, bool(include), divisor))


def _avg_pool_row(x: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, include: bool) -> Any:
    op = "avg_pool1d"
    _need(op, x)
    text = op + "() argument '{name}' should contain one int (got {size})"
    kernel = _one(op, "kernel_size", _ints(op, "kernel_size", kernel, 2), text)
    stride = None if stride in (None, ()) else _ints(op, "stride", stride, 3)
    stride = kernel if stride is None else _one(op, "stride", stride, text)
    padding = _one(op, "padding", _ints(op, "padding", padding, 4), text)
    _rank_between(op, x)
    row = OPS.unsqueeze(x, -2)
    made = _avg_pool(2, row, (1, kernel), (1, stride), (0, padding), ceil, include, None)
    return OPS.squeeze(made, -2)


# ---------------------------------------------------------------- adaptive windows


def _filled(x: Tensor, size: Any) -> Any:
    """An output size with None replaced by the size that is there."""
    if isinstance(size, int):
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
    for d in range(max(first, 1 if len(shape) > 3 else 0), len(shape)):
        if shape[d] == 0:
            raise RuntimeError(
                f"{op}(): Expected input to have non-zero size for non-batch dimensions, but input "
                f"has sizes {list(shape)} with dimension {d} being empty"
            )


def _adaptive_avg(n: int, x: Any, output_size: Any) -> Any:
    op = f"adaptive_avg_pool{n}d"
    _need(op, x)
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
    if all(s == 1 for s in size) and rank in (n + 1, n + 2):
        return OPS.mean(x, tuple(range(rank - n, rank)), True)
    _check_pooled(op, x, n, False)
    _real_only(op, x)
    return _ADAPTIVE_AVG[n].call(x, params=(size,))


def _adaptive_max(n: int, x: Any, output_size: Any, places: bool) -> Any:
    op = f"adaptive_max_pool{n}d"
    _need(op, x)
    size = _filled(x, output_size)
    size = (size,) * n if isinstance(size, int) else size
    if len(size) != n:
        raise RuntimeError(f"{op}(): internal error: output_size.size() must be {n}")
    _check_pooled(op, x, n, True)
    _check_made(x._data.shape, size, n)
    _real_only(op, x)
    made = _ADAPTIVE_MAX[n].call(x, params=(size,))
    return made if places else made[0]


def _check_made(shape: Ints, size: Ints, n: int) -> None:
    for s in size:
        if s < 0:
            made = [*shape[: len(shape) - n], *size]
            raise RuntimeError(f"Trying to create tensor with negative dimension {s}: {made}")


def _only_int(op: str, value: Any) -> int:
    return _one(
        op, "output_size", _ints(op, "output_size", value, 2),
        op + "() argument '{name}' should contain one int (got {size})",
    )  # fmt: skip


def _adaptive_avg_row(x: Any, output_size: Any) -> Any:
    op = "adaptive_avg_pool1d"
    _need(op, x)
    size = _only_int(op, output_size)
    _rank_between(op, x)
    return OPS.squeeze(_adaptive_avg(2, OPS.unsqueeze(x, -2), (1, size)), -2)


def _adaptive_max_row(x: Any, output_size: Any, places: bool) -> Any:
    op = "adaptive_max_pool1d"
    _need(op, x)
    size = _only_int(op, output_size)
    _rank_between(op, x)
    shape = x._data.shape
    _check_nonempty(op, shape, len(shape) - 2)
    made = _adaptive_max(2, OPS.unsqueeze(x, -2), (1, size), True)
    values, where = (OPS.squeeze(t, -2) for t in made)
    return (values, where) if places else values


# ---------------------------------------------------------------- norms of windows


def _lp_pool(n: int, x: Any, p: Any, kernel: Any, stride: Any, ceil: bool) -> Any:
    _need(f"lp_pool{n}d", x)
    count = 1
    for k in (kernel,) * n if isinstance(kernel, int) else kernel:
        count *= k
    if n == 1:
        mean = _avg_pool_row(x.pow(p), kernel, stride, 0, ceil, True)
    else:
        mean = _avg_pool(n, x.pow(p), kernel, stride, 0, ceil, True, None)
    return (T.sign(mean) * PUBLIC["nn.functional.relu"](T.abs(mean))).mul(count).pow(1.0 / p)


# ---------------------------------------------------------------- fractional windows


def _fractional(
    n: int, x: Any, kernel: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Any, Any]:
    op = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio")
    _need(op, x)
    shape, rank = x._data.shape, x._data.ndim
    errors.checked_dim(-n - 1, rank)
    if output_size is None:
        ratios = (output_ratio,) * n if isinstance(output_ratio, float) else output_ratio
        output_size = tuple(int(shape[rank - n + d] * ratios[d]) for d in range(n))
    if samples is None:
        count = 1 if rank == n + 1 else shape[0]
        samples = T.rand(count, shape[rank - n - 1], n, dtype=x.dtype)
    kernel, size = (
        _fractional_ints(op, name, v, n)
        for name, v in (("kernel_size", kernel), ("output_size", output_size))
    )
    _check_fractional(op, shape, n, kernel, size, samples, x)
    places = OPS.reshape(samples, samples._data.shape[1:]) if rank == n + 1 else samples
    return _FRACTIONAL[n].call(x, places, params=(kernel, size))  # type: ignore[no-any-return]


def _fractional_ints(op: str, name: str, value: Any, n: int) -> Ints:
    value = _ints(op, name, value, 2)
    value = (value,) * n if isinstance(value, int) else value
    if len(value) != n:
        either = "either be a single Int or tuple of Ints" if n == 2 else (
            "either be a single Int or tuple of three Ints"
        )  # fmt: skip
        raise RuntimeError(f"{op}: {name} must {either}")
    return tuple(value)


def _check_fractional(
    op: str, shape: Ints, n: int, kernel: Ints, size: Ints, samples: Any, x: Tensor
) -> None:
    rank = len(shape)
    if rank not in (n + 1, n + 2):
        raise RuntimeError(f"{op}(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(shape)}")
    for d in range(rank - n - 1, rank):
        if shape[d] == 0:
            raise RuntimeError(
                f"{op}(): Expected input to have non-zero size for non-batch dimensions, but got"
                f"{list(shape)} with dimension {d} being empty."
            )
    names = ("time", "height", "width")[-n:]
    where = op + ("_out()" if n == 3 else "()")
    for name, h, s, k in zip(names, shape[rank - n :], size, kernel, strict=True):
        if s + k - 1 > h:
            raise RuntimeError(f"{where}: pool {name} {k} too large relative to input {name} {h}")
    given = samples._data.shape
    if samples._data.dtype != x._data.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if len(given) != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {len(given)}")
    batch = 1 if rank == n + 1 else shape[0]
    if given[0] < batch:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if given[1] != shape[rank - n - 1]:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if given[2] != n:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {n}; got {given[2]}.")


# ---------------------------------------------------------------- the way back


def _unpooled_size(
    x: Tensor, kernel: Ints, stride: Ints, padding: Ints, output_size: Any
) -> tuple[int, ...]:
    n = len(kernel)
    shape = x._data.shape
    usual = tuple((shape[-n + d] - 1) * stride[d] + kernel[d] - 2 * padding[d] for d in range(n))
    if output_size is None:
        return usual
    if len(output_size) == n + 2:
        output_size = output_size[2:]
    if len(output_size) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a "
            f"length of '{len(output_size)}'"
        )
    for d in range(n):
        low, high = usual[d] - stride[d], usual[d] + stride[d]
        if not low < output_size[d] < high:
            raise ValueError(
                f'invalid output_size "{output_size}" (dim {d} must be between {low} and {high})'
            )
    return tuple(output_size)


def _unpool(
    n: int, x: Any, indices: Any, kernel: Any, stride: Any, padding: Any, output_size: Any
) -> Any:
    op = f"max_unpool{n}d"
    _need(op, x)
    kernel = _several(kernel, n)
    stride = kernel if stride is None else _several(stride, n)
    size = _unpooled_size(x, kernel, stride, _several(padding, n), output_size)
    if n == 1:
        column = (OPS.unsqueeze(t, -1) for t in (x, indices))
        return OPS.squeeze(_placed_back(2, *column, (*size, 1)), -1)
    return _placed_back(n, x, indices, size)


def _several(value: Any, n: int) -> Ints:
    return (value,) * n if isinstance(value, int) else tuple(value)


def _placed_back(n: int, x: Any, indices: Any, size: Ints) -> Any:
    shape, rank = x._data.shape, x._data.ndim
    if indices.dtype.name != "int64":
        got = f" but got: {errors.LEGACY.get(indices.dtype.name)}" if n == 2 else ""
        raise RuntimeError(f"elements in indices should be type int64{got}")
    if rank not in (n + 1, n + 2):
        raise RuntimeError(
            f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor "
            f"with {rank} dimensions."
        )
    if indices._data.shape != shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(shape)}) but "
            f"got indices tensor with shape: {list(indices._data.shape)}"
        )
    for d in range(1, rank):
        if shape[d] == 0:
            raise RuntimeError(
                f"max_unpooling{n}d_forward_out_cpu(): Expected input to have non-zero size for "
                f"non-batch dimensions, but got {list(shape)} with dimension {d} being empty."
            )
    _real_only(f"max_unpool{n}d", x)
    _check_places(indices, size)
    return _UNPOOL[n].call(x, indices, params=(size,))


def _check_places(indices: Any, size: Ints) -> None:
    count = 1
    for s in size:
        count *= s
    while indices._wrapped:
        indices = indices._inner
    at = indices._data
    wrong = at[(at < 0) | (at >= count)]
    if wrong.size:
        volume = "x".join(map(str, size))
        raise RuntimeError(
            f"Found an invalid max index: {wrong.flat[0]} (output volumes are of size {volume})"
        )


# ---------------------------------------------------------------- public names

_DOC = """{what}

    Args:
        input: (n, c, {spatial}) or without n, or without n and with c alone.
{args}

    Returns:
        {returns}

    Raises:
        RuntimeError: another rank, or windows that do not fit.

    Example:
        >>> import chainrule as torch
        >>> x = torch.arange({count}.0).reshape(1, {ones})
        >>> torch.nn.functional.{call}
        {result}
    """


def _publish(function: Any, name: str, n: int, what: str, args: str, returns: str, call: str,
             result: str, top: bool = False) -> None:  # fmt: skip
    function.__name__ = function.__qualname__ = name
    lines = "\n".join("        " + line for line in args.split("\n"))
    function.__doc__ = _DOC.format(
        what=what, spatial="d, h, w"[-(3 * n - 2) :], args=lines, returns=returns, count=4**n,
        ones=", ".join(["4"] * n), call=f"{name}({call})", result=result,
    )  # fmt: skip
    paths = (name, f"nn.functional.{name}") if top else (f"nn.functional.{name}",)
    public(*paths)(function)


_WINDOW = """kernel_size, stride, padding{more}: ints, or one for each dimension; stride None: \
the kernel.
ceil_mode: also windows that reach over the end."""
_SIZED = "output_size: one int for all dimensions, or one for each; None keeps a dimension."
_LAST = {
    "max": {1: "tensor([[1., 3.]])", 2: "tensor([[[ 5.,  7.],\n                 [13., 15.]]])"},
    "avg": {1: "tensor([[0.5000, 2.5000]])",
            2: "tensor([[[ 2.5000,  4.5000],\n                 [10.5000, 12.5000]]])"},
}  # fmt: skip


def _example(kind: str, n: int, call: str) -> tuple[str, str]:
    """A call and what it prints; of three dimensions only the last element."""
    if n < 3:
        return call, _LAST[kind][n]
    return call + ")[0, 1, 1, 1].item(", "63.0" if kind == "max" else "52.5"


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

    args = _WINDOW.format(more=", dilation")
    name = f"max_pool{n}d"
    call, result = _example("max", n, "x, 2")
    _publish(max_pool, name, n, "The maximum of each window.",
             args + "\nreturn_indices: also the places of the maxima in the flattened input.",
             "The maxima, or (maxima, places).", call, result, top=True)  # fmt: skip
    last = "(x, 4)[1]" if n == 1 else "(x, 4)[1].flatten()"
    _publish(with_indices, name + "_with_indices", n, "The maximum of each window and its place.",
             args, "(maxima, places in the flattened input).", last[1:] + " if True else (None",
             "", top=n == 1)  # fmt: skip
    with_indices.__doc__ = (with_indices.__doc__ or "").replace(
        f"max_pool{n}d_with_indices({last[1:]} if True else (None)\n        ",
        f"max_pool{n}d_with_indices{last}\n        "
        + ("tensor([[3]])" if n == 1 else f"tensor([{4**n - 1}])"),
    )


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
        rest = (kernel_size, stride, padding, ceil_mode, count_include_pad)
        return _avg_pool(n, input, *rest, divisor_override)

    def avg_pool1d(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Any:
        return _avg_pool_row(input, kernel_size, stride, padding, ceil_mode, count_include_pad)

    args = _WINDOW.format(more="") + "\ncount_include_pad: padding counts as elements that are 0."
    args += "" if n == 1 else "\ndivisor_override: divide by this instead."
    call, result = _example("avg", n, "x, 2")
    _publish(avg_pool1d if n == 1 else avg_pool, f"avg_pool{n}d", n, "The mean of each window.",
             args, "The means.", call, result, top=n == 1)  # fmt: skip


def _publish_adaptive(n: int) -> None:
    def avg_pool(input: Any, output_size: Any) -> Any:
        return (
            _adaptive_avg_row(input, output_size)
            if n == 1
            else _adaptive_avg(n, input, output_size)
        )

    def max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        if n == 1:
            return _adaptive_max_row(input, output_size, return_indices)
        return _adaptive_max(n, input, output_size, return_indices)

    def with_indices(input: Any, output_size: Any, return_indices: bool = True) -> Any:
        return max_pool(input, output_size, True)

    call, result = _example("avg", n, "x, 2")
    _publish(avg_pool, f"adaptive_avg_pool{n}d", n,
             "Means of windows chosen so that the result has a given size.", _SIZED, "The means.",
             call, result, top=n == 1)  # fmt: skip
    call, result = _example("max", n, "x, 2")
    _publish(max_pool, f"adaptive_max_pool{n}d", n,
             "Maxima of windows chosen so that the result has a given size.",
             _SIZED + "\nreturn_indices: also the places of the maxima in the flattened input.",
             "The maxima, or (maxima, places).", call, result)  # fmt: skip
    _publish(with_indices, f"adaptive_max_pool{n}d_with_indices", n,
             "Maxima of windows chosen so that the result has a given size, and their places.",
             _SIZED, "(maxima, places in the flattened input).", "x, 1)[1].item(",
             str(4**n - 1))  # fmt: skip
    if n == 1:
        public("adaptive_max_pool1d")(_tuple_always(with_indices))


def _tuple_always(with_indices: Any) -> Any:
    """`torch.adaptive_max_pool1d`, unlike the function of nn.functional, always gives places."""

    def adaptive_max_pool1d(input: Any, output_size: Any) -> Any:
        return with_indices(input, output_size)

    adaptive_max_pool1d.__doc__ = with_indices.__doc__
    return adaptive_max_pool1d


def _publish_others(n: int) -> None:
    def lp_pool(
        input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Any:
        return _lp_pool(n, input, norm_type, kernel_size, stride, ceil_mode)

    def max_unpool(
        input: Any,
        indices: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Any:
        return _unpool(n, input, indices, kernel_size, stride, padding, output_size)

    _publish(lp_pool, f"lp_pool{n}d", n,
             "The p-norm of each window: (sum of x^p)^(1/p), p given as norm_type.",
             _WINDOW.format(more="").replace(", padding", ""), "The norms.",
             "x, 1, 4).item(", {1: "6.0", 2: "120.0", 3: "2016.0"}[n])  # fmt: skip
    _publish(max_unpool, f"max_unpool{n}d", n,
             "The way back of max_pool: zeros, with the maxima where they were.",
             "indices: the places max_pool gave.\nkernel_size, stride, padding: those of max_pool.\n"
             "output_size: of the result, where several sizes are possible.", "The larger tensor.",
             f"*torch.nn.functional.max_pool{n}d(x, 4, return_indices=True), 4).sum().item(",
             f"{4**n - 1}.0")  # fmt: skip


def _publish_fractional(n: int) -> None:
    def with_indices(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        return _fractional(n, input, kernel_size, output_size, output_ratio, _random_samples)

    def fractional_max_pool(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        made = _fractional(n, input, kernel_size, output_size, output_ratio, _random_samples)
        return made if return_indices else made[0]

    name = f"fractional_max_pool{n}d"
    what = "Maxima of windows at random places that cover the input with a given number of windows"
    args = """kernel_size: an int, or one for each dimension.
output_size, output_ratio: the size of the result, or its ratio to that of the input.
_random_samples: (n, c, dimensions) numbers in [0, 1); drawn if None."""
    ones = "x.unsqueeze(0), 2, output_size=1"
    shape = ", ".join(["1"] * (n + 2))
    _publish(fractional_max_pool, name, n, what + ".", args + "\nreturn_indices: also places.",
             "The maxima, or (maxima, places).", ones + ").shape if x.numel() else (x",
             f"torch.Size([{shape}])")  # fmt: skip
    _publish(with_indices, name + "_with_indices", n, what + ", and their places.", args,
             "(maxima, places in the flattened input).", ones + ")[0].shape if x.numel() else (x",
             f"torch.Size([{shape}])")  # fmt: skip


for _n in (1, 2, 3):
    _publish_max(_n)
    _publish_avg(_n)
    _publish_adaptive(_n)
    _publish_others(_n)
for _n in (2, 3):
    _publish_fractional(_n)
