"""What pooling is made of: the ops behind the functions in `pool.py` and `unpool.py`.

Maxima are closed under differentiation in pairs: `max_pool_backward` puts cotangents where the
maxima were, `max_pool_pick` takes elements from there, and each is the other's vjp; for windows
whose places are known `pool_scatter` and `pool_gather` are the same by position. So the places of
maxima are worked out only when they are asked for. Means are linear; their vjp is
`avg_pool_backward`.
"""

from __future__ import annotations

from typing import Any

from ...core.batching import batch_rule, front
from ...core.declare import general, linear
from ...core.forward import LINEAR_IN
from ...core.lanes import one_lane
from ...core.levels import lower
from ...core.pick_lane import pick_lane
from ...core.primitive import Primitive
from ...kernels import pool as kernels

Ints = tuple[int, ...]


# ---------------------------------------------------------------- maxima


def _max_rule(
    xp: Any, g: Any, x: Any, out: Any, size: Ints, kernel_size: Ints, stride: Ints, padding: Ints,
    dilation: Ints,
) -> Any:  # fmt: skip
    return xp.max_pool_backward(g, x, out, size, kernel_size, stride, padding, dilation)


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


def _constant(xp: Any, g: Any, like_shape: Ints) -> Any:
    """Moving the compared elements a little moves no maximum: zero, but there, as in PyTorch."""
    return xp.zeros(tuple(like_shape), g.dtype)


def _scatter_rule(n: int) -> Any:
    def rule(xp: Any, g: Any, indices: Any, x_shape: Ints) -> Any:
        return xp.pool_scatter(g, indices, tuple(x_shape[-n:]))

    return rule


def _picked_from(op: Any, n: int) -> Any:
    """The lane of an op that gives maxima of n dimensions and their places."""

    def back(g: Any, places: Any, shape: Ints) -> Any:
        return kernels.scatter(g, places, shape[-n:])

    return pick_lane(op.prim, tuple, back)


def _unpool_kernel(x: Any, indices: Any, spatial: Ints) -> Any:
    return kernels.unpool(x, indices, spatial)


MAX: dict[int, Any] = {}  # calls `(x, params)`, as all but UNPOOL
MAX_PLACES: dict[int, Any] = {}
ADAPTIVE_MAX: dict[int, Any] = {}
FRACTIONAL: dict[int, Any] = {}
UNPOOL: dict[int, Any] = {}


def _declare_maxima(n: int) -> None:
    d, D = f"{n}d", f"{n}D"
    rule = {"x": _scatter_rule(n)}
    found = ("out", "indices")
    MAX[n] = one_lane(general(
        f"max_pool{d}",
        kernels.maximum,
        ("x",),
        rules={"x": _max_rule},
        method=False,
        names=(f"_max_pool{d}",),
        grad_fn=f"MaxPool{D}WithIndicesBackward0",
        doc="The maximum of each window; its vjp puts the cotangent where the maximum was.",
    ).prim)  # fmt: skip
    MAX_PLACES[n] = _picked_from(general(
        f"max_pool{d}_with_indices",
        kernels.max_places,
        ("x",),
        rules=rule,
        outputs=found,
        method=False,
        names=(f"_max_pool{d}_with_indices",),
        grad_fn=f"MaxPool{D}WithIndicesBackward0",
        doc="The maximum of each window and its place.",
    ), n)  # fmt: skip
    ADAPTIVE_MAX[n] = _picked_from(general(
        f"adaptive_max_pool{d}",
        kernels.adaptive_maximum,
        ("x",),
        rules=rule,
        outputs=found,
        method=False,
        names=(f"_adaptive_max_pool{d}",),
        grad_fn=f"AdaptiveMaxPool{D}Backward0",
        doc="The maxima of intervals that cover each dimension evenly, and their places.",
    ), n)  # fmt: skip
    FRACTIONAL[n] = _picked_from(general(
        f"fractional_max_pool{d}",
        kernels.fractional_maximum,
        ("x", "samples"),
        rules=rule,
        outputs=found,
        method=False,
        names=(f"_fractional_max_pool{d}",),
        grad_fn=f"FractionalMaxPool{D}Backward0",
        doc="The maxima of windows at random places, and their places.",
    ), n)  # fmt: skip
    UNPOOL[n] = general(
        f"max_unpool{d}",
        _unpool_kernel,
        ("x", "indices"),
        rules={"x": lambda xp, g, indices: xp.pool_gather(g, indices, n)},
        method=False,
        names=(f"_max_unpool{d}",),
        grad_fn=f"MaxUnpool{D}Backward0",
        doc="Zeros with elements written where maxima were; its vjp reads there.",
    ).prim
    LINEAR_IN[f"max_unpool{d}"] = ("x",)


for _n in (2, 3):
    _declare_maxima(_n)

general(
    "max_pool_backward",
    kernels.max_back,
    ("grad", "like", "top"),
    rules={"grad": _picked, "like": _constant},
    method=False,
    names=("_max_pool_backward",),
    grad_fn="MaxPool2DWithIndicesBackwardBackward0",
    doc="Elements put where `like` has the maximum of their window.",
)
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


def _avg_rule(
    xp: Any, g: Any, x_shape: Ints, size: Ints, kernel_size: Ints, stride: Ints, padding: Ints,
    include: bool, divisor: Any,
) -> Any:  # fmt: skip
    spatial = tuple(x_shape[-len(size) :])
    return xp.avg_pool_backward(g, spatial, size, kernel_size, stride, padding, include, divisor)


def _avg_again(
    xp: Any, g: Any, size: Ints, kernel_size: Ints, stride: Ints, padding: Ints, include: bool,
    divisor: Any,
) -> Any:  # fmt: skip
    return xp.avg_pool2d(g, size, kernel_size, stride, padding, include, divisor)


def _adaptive_rule(xp: Any, g: Any, x_shape: Ints, size: Ints) -> Any:
    return xp.adaptive_avg_pool_backward(g, tuple(x_shape[-len(size) :]), size)


def _adaptive_back_kernel(x: Any, spatial: Ints, size: Ints) -> Any:
    return kernels.adaptive_average_back(x, spatial)


AVG: dict[int, Any] = {}
ADAPTIVE_AVG: dict[int, Any] = {}
for _n in (2, 3):
    AVG[_n] = one_lane(linear(
        f"avg_pool{_n}d", kernels.average, _avg_rule, method=False, names=(f"_avg_pool{_n}d",),
        grad_fn=f"AvgPool{_n}DBackward0", doc="The mean of each window.",
    ).prim)  # fmt: skip
    ADAPTIVE_AVG[_n] = one_lane(linear(
        f"adaptive_avg_pool{_n}d", kernels.adaptive_average, _adaptive_rule, method=False,
        names=(f"_adaptive_avg_pool{_n}d",), grad_fn=f"AdaptiveAvgPool{_n}DBackward0",
        doc="The means of intervals that cover each dimension evenly.",
    ).prim)  # fmt: skip
linear(
    "avg_pool_backward", kernels.average_back, _avg_again, method=False,
    names=("_avg_pool_backward",),
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
