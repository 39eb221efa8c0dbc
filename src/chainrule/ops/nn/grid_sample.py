"""Reading images and volumes at given places: `grid_sample`, `affine_grid`.

A place has one or more taps in every dimension, each with a weight; the value is the sum over all
combinations of taps. One text says so for arrays and for recorded tensors, forward and backward.
`grid_gather` and `grid_scatter` read and add at flat places and are each other's transposes;
`grid_places` makes the flat places, -1 outside.
Source of the weights: Jaderberg et al., Spatial Transformer Networks (2015), eq. 5 to 7; Keys,
Cubic convolution interpolation (1981), eq. 4.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.batching import RULES, front
from ...core.declare import general, linear, public, spelled
from ...core.lanes import one_lane
from ...core.levels import lower
from ...core.record import OPS, RAW
from ...core.tensor import Tensor, wrap
from ...kernels.compiled import compiled_as
from ..fast import Lane, floats
from ..shape.reshape import need_tensor

Shape = Sequence[int]
_NEW_DEFAULT = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
    "Please specify align_corners=True if the old behavior is desired. See the documentation of "
    "grid_sample for details."
)

# ---------------------------------------------------------------- flat places


def _places_kernel(a: Any, b: Any, c: Any, sizes: Shape) -> Any:
    flat: Any = 0
    inside: Any = True
    for p, n in zip((a, b, c), sizes, strict=False):
        inside = inside & (p >= 0) & (p <= n - 1)
        flat = flat * n + np.where(inside, p, 0).astype(np.int64)
    return np.where(inside, flat, -1)


def _gather_kernel(x: Any, places: Any) -> Any:
    outside = places < 0
    at = np.where(outside, 0, places)
    out = np.empty((*x.shape[:2], places.shape[1]), x.dtype)
    if not out.size:
        return out
    for n in range(len(x)):
        x[n].take(at[n], 1, out[n], mode="clip")
    if outside.any():
        out[np.broadcast_to(outside[:, None], out.shape)] = 0
    return out


def _scatter_kernel(g: Any, places: Any, size: int) -> Any:
    samples, channels, _ = g.shape
    rows = samples * channels
    spare = size + 1  # the last place takes what lies outside
    at = np.where(places < 0, size, places)[:, None]
    at = at + (np.arange(rows) * spare).reshape(samples, channels, 1)
    made = np.bincount(at.reshape(-1), g.reshape(-1), rows * spare)
    return made.reshape(samples, channels, spare)[..., :size].astype(g.dtype)


general(
    "grid_places", _places_kernel, ("a", "b", "c"), method=False, names=("_grid_places",),
    doc="The number of the element at these coordinates, -1 outside.",
)  # fmt: skip
general(
    "grid_gather", _gather_kernel, ("x", "places"),
    rules={"x": lambda xp, g, places, x_shape: xp.grid_scatter(g, places, x_shape[2])},
    method=False, names=("_grid_gather",),
    doc="The elements at flat places, 0 where the place is -1.",
)  # fmt: skip
general(
    "grid_scatter", _scatter_kernel, ("g", "places"),
    rules={"g": lambda xp, g, places: xp.grid_gather(g, places)},
    method=False, names=("_grid_scatter",),
    doc="The transpose of grid_gather: sums at flat places.",
)  # fmt: skip


# ---------------------------------------------------------------- coordinates and taps


def _reflected(xp: Any, c: Any, n: int, aligned: bool) -> Any:
    """Mirrored at the borders until inside, and by what sign it moves then."""
    low, span = (0.0, n - 1.0) if aligned else (-0.5, float(n))
    one = xp.zeros(c.shape, c.dtype) + 1
    if span == 0:
        return one * 0, one * 0
    below = c < low
    far = xp.where(below, low - c, c - low)
    times = xp.floor(far / span)
    rest = far - times * span
    odd = times != 2 * xp.floor(times / 2)
    sign = xp.where(odd == below, one, -one)
    return xp.where(odd, span - rest, rest) + low, sign


def _bounded(xp: Any, c: Any, n: int, padding: str, aligned: bool) -> Any:
    """The coordinate brought inside as the padding says, and its derivative."""
    if padding == "zeros":
        return c, 1.0
    sign: Any = xp.zeros(c.shape, c.dtype) + 1
    if padding == "reflection":
        c, sign = _reflected(xp, c, n, aligned)
    low, high = c <= 0, c >= n - 1
    return xp.where(low, 0.0, xp.where(high, n - 1.0, c)), xp.where(low | high, 0.0, sign)


def _cubic(t: Any) -> tuple[Any, Any]:
    """Weights of the four taps around t, between the second and the third, and their derivatives;
    Keys' kernel with a = -3/4."""
    s = 1 - t
    weights = tuple(f(u) for f, u in ((_far, t + 1), (_near, t), (_near, s), (_far, s + 1)))
    slopes = (_far_slope(t + 1), _near_slope(t), -_near_slope(s), -_far_slope(s + 1))
    return weights, slopes


def _near(d: Any) -> Any:
    return (1.25 * d - 2.25) * d * d + 1


def _far(d: Any) -> Any:
    return ((-0.75 * d + 3.75) * d - 6) * d + 3


def _near_slope(d: Any) -> Any:
    return (3.75 * d - 4.5) * d


def _far_slope(d: Any) -> Any:
    return (-2.25 * d + 7.5) * d - 6


def _taps(xp: Any, c: Any, n: int, mode: str, padding: str, aligned: bool) -> Any:
    """(place, weight, derivative of the weight in the grid) of every tap along one dimension."""
    scale = (n - 1) / 2 if aligned else n / 2
    c = (c + 1) * scale if aligned else (c + 1) * scale - 0.5
    if mode == "bicubic":
        low = xp.floor(c)
        weights, slopes = _cubic(c - low)
        places = [_bounded(xp, low + k, n, padding, aligned)[0] for k in range(-1, 3)]
        return [(p, w, d * scale) for p, w, d in zip(places, weights, slopes, strict=True)]
    c, moves = _bounded(xp, c, n, padding, aligned)
    if mode == "nearest":
        return [(xp.round(c), 1.0, None)]
    low = xp.floor(c)
    part = c - low
    moves = moves * scale
    return [(low, 1 - part, -moves), (low + 1, part, moves)]


def _product(factors: Sequence[Any]) -> Any:
    made: Any = 1.0
    for f in factors:
        made = f if type(made) is float and made == 1.0 else made * f
    return made


def _all_taps(
    xp: Any, grid: Any, sizes: Shape, grid_shape: Shape, mode: str, padding: str, aligned: bool
) -> Any:
    """Every combination of taps: flat places, weights, slopes in each dimension."""
    n, samples, rank = len(sizes), grid_shape[0], len(grid_shape)
    flat = (samples, math.prod(grid_shape[1:-1]))
    along = []
    for d, size in enumerate(sizes):
        c = xp.reshape(xp.select(grid, rank - 1, n - 1 - d), flat)
        along.append(_taps(xp, c, size, mode, padding, aligned))
    for taps in itertools.product(*along):
        places, weights, slopes = zip(*taps, strict=True)
        yield xp.grid_places(*places, *(None,) * (3 - n), tuple(sizes)), weights, slopes


def _sampled(
    xp: Any, x: Any, grid: Any, mode: str, padding: str, aligned: bool, x_shape: Shape,
    grid_shape: Shape,
) -> Any:  # fmt: skip
    sizes = tuple(x_shape[2:])
    flat = xp.reshape(x, (*x_shape[:2], math.prod(sizes)))
    total: Any = None
    for places, weights, _ in _all_taps(xp, grid, sizes, grid_shape, mode, padding, aligned):
        part = xp.grid_gather(flat, places)
        if mode != "nearest":
            part = part * xp.unsqueeze(_product(weights), 1)
        total = part if total is None else total + part
    return xp.reshape(total, (*x_shape[:2], *grid_shape[1:-1]))


def _sampled_back(
    xp: Any, g: Any, x: Any, grid: Any, mode: str, padding: str, aligned: bool, x_shape: Any,
    grid_shape: Any,
) -> Any:  # fmt: skip
    sizes = tuple(x_shape[2:])
    size, rank = math.prod(sizes), len(sizes)
    flat = xp.reshape(x, (*x_shape[:2], size))
    g = xp.reshape(g, (*x_shape[:2], math.prod(grid_shape[1:-1])))
    to_x: Any = None
    to_c: list[Any] = [None] * rank
    for places, weights, slopes in _all_taps(xp, grid, sizes, grid_shape, mode, padding, aligned):
        if mode == "nearest":
            return xp.reshape(xp.grid_scatter(g, places, size), x_shape), grid * 0
        part = xp.grid_scatter(g * xp.unsqueeze(_product(weights), 1), places, size)
        to_x = part if to_x is None else to_x + part
        reached = xp.sum(g * xp.grid_gather(flat, places), (1,), False)
        for d in range(rank):
            others = [*weights[:d], slopes[d], *weights[d + 1 :]]
            part = reached * _product(others)
            to_c[d] = part if to_c[d] is None else to_c[d] + part
    to_grid = xp.stack(to_c[::-1], 2)
    return xp.reshape(to_x, x_shape), xp.reshape(to_grid, grid_shape)


# ---------------------------------------------------------------- the ops

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


@partial(compiled_as, "ops.nn.grid_sample._kernel")
def _kernel(x: Any, grid: Any, mode: str, padding: str, aligned: bool) -> Any:
    return _sampled(RAW, x, grid, mode, padding, aligned, x.shape, grid.shape)


@partial(compiled_as, "ops.nn.grid_sample._back")
def _back(g: Any, x: Any, grid: Any, mode: str, padding: str, aligned: bool) -> Any:
    return _sampled_back(RAW, g, x, grid, mode, padding, aligned, x.shape, grid.shape)


def _rule(
    xp: Any, g: Any, x: Any, grid: Any, mode: str, padding: str, aligned: bool, x_shape: Any,
    grid_shape: Any,
) -> Any:  # fmt: skip
    if xp is RAW:  # the same text, compiled
        return _back(g, x, grid, mode, padding, aligned)
    return _sampled_back(xp, g, x, grid, mode, padding, aligned, x_shape, grid_shape)


def _folded(t: Any, has: bool, size: int) -> Any:
    t = front(t, has, size)
    shape = tuple(t._data.shape)
    return OPS.reshape(t, (shape[0] * shape[1], *shape[2:]))


def _samples(prim: Any, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """The batch joins the samples."""
    flat = [
        None if t is None else _folded(t, b, size) for t, b in zip(inputs, batched, strict=True)
    ]
    made = lower(prim, tuple(flat), params)
    shape = tuple(made._data.shape)
    return OPS.reshape(made, (size, shape[0] // size, *shape[1:]))


_SAMPLERS = {}
for _rank in (2, 3):
    _SAMPLERS[_rank] = Lane(
        general(
            f"grid_sampler_{_rank}d",
            floats(f"grid_sampler_{_rank}d_cpu_kernel_impl", _kernel),
            ("x", "grid"),
            vjp=_rule,
            grad_fn=f"GridSampler{_rank}DBackward0",
            method=False,
        )
    )
for _name in ("grid_sampler_2d", "grid_sampler_3d", "grid_gather", "grid_scatter", "grid_places"):
    RULES[_name] = _samples


def _check(x: Any, grid: Any, bicubic: bool) -> int:
    """How many spatial dimensions there are; raises if the two do not fit."""
    if type(x) is type(grid) is Tensor:  # the usual case at once
        shape, places = x._data.shape, grid._data.shape
        rank = len(shape) - 2
        if (
            (rank == 2 or (rank == 3 and not bicubic))
            and len(places) == rank + 2
            and places[-1] == rank
            and shape[0] == places[0]
            and 0 not in shape[2:]
            and x._data.dtype is grid._data.dtype
        ):
            return rank
    need_tensor("grid_sampler", x)
    need_tensor("grid_sampler", grid, "grid", 2)
    a, b = list(x._data.shape), list(grid._data.shape)
    if a[:1] != b[:1]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {a} and grid with sizes {b}"
        )
    if b[-1] != len(a) - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {len(a) - 2} in last dimension, but got "
            f"grid with sizes {b}\nHint: (x, y), and z of volumes, between -1 and 1"
        )
    for d, n in enumerate(a[2:], 2):
        if not n:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input "
                f"has sizes {a} with dimension {d} being empty"
            )
    if len(a) not in (4, 5) or len(a) != len(b):
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {a} and grid with sizes {b}"
        )
    if bicubic and len(a) == 5:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if x._data.dtype != grid._data.dtype:
        names = [{"float32": "Float", "float64": "Double", "float16": "Half"}.get(
            t.dtype.name, errors.LEGACY[t.dtype.name]
        ) for t in (x, grid)]  # fmt: skip
        raise RuntimeError(
            f"expected scalar type {names[0]} but found {names[1]}\nHint: grid.to(input.dtype)"
        )
    return len(a) - 2


def _by_number(op: str, rank: int | None) -> Any:
    """torch.grid_sampler and its kin, which take numbers for the modes."""

    def sampler(
        input: Any,
        grid: Any,
        interpolation_mode: int,
        padding_mode: int,
        align_corners: bool,
    ) -> Any:
        mode, padding = interpolation_mode, padding_mode
        need_tensor(op, input)
        if type(mode) is str:  # as rules call it
            params = (mode, padding, align_corners)
            return _SAMPLERS[input._data.ndim - 2].prim.call(input, grid, params=params)
        found = _check(input, grid, mode == 2)
        if rank is not None and found != rank:
            raise RuntimeError(
                f"{op}(): expected {rank + 2}D input and grid with same number of dimensions, but "
                f"got input with sizes {list(input._data.shape)}"
            )
        if not (0 <= mode < 3 and 0 <= padding < 3):
            raise RuntimeError(f"{op}(): no such interpolation or padding mode")
        return _SAMPLERS[found].prim.call(
            input, grid, params=(_MODES[mode], _PADDINGS[padding], bool(align_corners))
        )

    sampler.__doc__ = f"""The values of `input` at the places `grid`.

    See `torch.nn.functional.grid_sample`.

    Args:
        input: (N, C, {"D, " if rank == 3 else ""}H, W).
        grid: places between -1 and 1.
        interpolation_mode: 0 bilinear, 1 nearest, 2 bicubic.
        padding_mode: 0 zeros, 1 border, 2 reflection.
        align_corners: -1 and 1 are the centers of the corner elements.

    Example:
        >>> import chainrule as torch
        >>> x = torch.ones(1, 1, {"2, " if rank == 3 else ""}2, 2)
        >>> grid = torch.zeros(1, 1, {"1, " if rank == 3 else ""}1, {rank or 2})
        >>> torch.{op}(x, grid, 0, 0, False).flatten()
        tensor([1.])
    """
    sampler.__name__ = op
    return sampler


spelled(_SAMPLERS[2].prim.public)(_by_number("grid_sampler_2d", 2))
spelled(_SAMPLERS[3].prim.public)(_by_number("grid_sampler_3d", 3))
public("grid_sampler")(_by_number("grid_sampler", None))


def _need_choice(op: str, position: int, align_corners: Any) -> None:
    if not (align_corners is None or align_corners is True or align_corners is False):
        raise errors.wrong_kind(op, "align_corners", "bool", align_corners, position)


@public("nn.functional.grid_sample")
def grid_sample(
    input: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    """The values of an image or a volume at given places.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: places (x, y) or (x, y, z), from -1 to 1 over the input; (N, ..., 2) or (N, ..., 3).
        mode: 'bilinear', 'nearest', or 'bicubic' (images).
        padding_mode: outside there are 'zeros', the 'border', or a 'reflection'.
        align_corners: -1 and 1 are the centers of the corner elements, not the corners of the
            image.

    Returns:
        (N, C, ...) in the places' shape.

    Raises:
        ValueError: an unknown mode.
        RuntimeError: shapes or dtypes that do not fit.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> grid = torch.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])
        >>> torch.nn.functional.grid_sample(x, grid, align_corners=True)
        tensor([[[[2.5000, 4.0000]]]])
    """
    if mode not in _MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    _need_choice("grid_sampler", 5, align_corners)
    if align_corners is None:
        warnings.warn(_NEW_DEFAULT, stacklevel=2)
    rank = _check(input, grid, mode == "bicubic")
    params = (mode, padding_mode, bool(align_corners))
    if S.mode is None and (
        (input._node is None and grid._node is None) or not (S.grad or grad_enabled())
    ):
        return wrap(_SAMPLERS[rank].raw(input._data, grid._data, *params))
    return _SAMPLERS[rank].prim.call(input, grid, params=params)


# ---------------------------------------------------------------- affine grids


def _line(n: int, aligned: bool) -> Any:
    if n == 1:
        return np.zeros(1)
    line = np.linspace(-1.0, 1.0, n)
    return line if aligned else line * ((n - 1) / n)


def _base(size: Shape, aligned: bool, dtype: Any) -> Any:
    """(x, y, ..., 1) of every place; (places, rank + 1)."""
    axes = np.meshgrid(*(_line(n, aligned) for n in size[2:]), indexing="ij")
    columns = [a.reshape(-1) for a in reversed(axes)]
    return np.stack((*columns, np.ones(columns[0].size)), 1).astype(dtype)


@partial(compiled_as, "ops.nn.grid_sample._affine_kernel")
def _affine_kernel(theta: Any, size: Shape, align_corners: bool) -> Any:
    made = _base(size, align_corners, theta.dtype) @ theta.swapaxes(1, 2)
    return made.reshape(len(theta), *size[2:], len(size) - 2)


@partial(compiled_as, "ops.nn.grid_sample._affine_back_kernel")
def _affine_back_kernel(g: Any, size: Shape, align_corners: bool) -> Any:
    flat = g.reshape(len(g), math.prod(size[2:]), len(size) - 2)
    return flat.swapaxes(1, 2) @ _base(size, align_corners, g.dtype)


_affine = linear(
    "affine_grid_generator",
    floats("affine_grid_generator", _affine_kernel),
    lambda xp, g, size, align_corners: xp.affine_grid_transpose(g, size, align_corners),
    method=False,
)
linear(
    "affine_grid_transpose",
    floats("affine_grid_transpose", _affine_back_kernel),
    lambda xp, g, size, align_corners: xp.affine_grid_generator(g, size, align_corners),
    method=False,
    names=("_affine_grid_transpose",),
    doc="The transpose of affine_grid_generator.",
)
_affine_lane = one_lane(_affine.prim, raw=_affine_kernel)
RULES["affine_grid_generator"] = RULES["affine_grid_transpose"] = _samples


@spelled(_affine)
def affine_grid_generator(theta: Any, size: Any, align_corners: bool) -> Any:
    """See `torch.nn.functional.affine_grid`.

    Example:
        >>> import chainrule as torch
        >>> theta = torch.tensor([[[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
        >>> torch.affine_grid_generator(theta, (1, 1, 1, 2), True)
        tensor([[[[-1.,  0.],
                  [ 3.,  0.]]]])
    """
    need_tensor("affine_grid_generator", theta, "theta", 1)
    size = tuple(int(n) for n in size)
    if len(size) not in (4, 5):
        raise RuntimeError("AffineGridGenerator needs 4d (spatial) or 5d (volumetric) inputs.")
    shape = tuple(theta._data.shape)
    rank = len(size) - 2
    if shape[1:] != (rank, rank + 1):
        raise RuntimeError(
            f"Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
            f"{list(size)}. Got {list(shape)}."
        )
    if theta._wrapped is False and shape[0] != size[0]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{size[0]}, {rank + 1}] but got: [{shape[0]}, {rank + 1}]."
        )
    return _affine_lane(theta, (size, bool(align_corners)))


@public("nn.functional.affine_grid")
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The places to read with `grid_sample` for an affine map of the image.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes: matrix and translation.
        size: of the output, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as in `grid_sample`.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: theta is not floating point or of another shape; a size is not positive.
        NotImplementedError: another number of dimensions.

    Source: Jaderberg et al., Spatial Transformer Networks (2015), eq. 1.

    Example:
        >>> import chainrule as torch
        >>> theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> torch.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=False)
        tensor([[[[-0.5000,  0.0000],
                  [ 0.5000,  0.0000]]]])
    """
    if align_corners is not True and align_corners is not False:
        _need_choice("affine_grid_generator", 3, align_corners)
    if align_corners is None:
        warnings.warn(_NEW_DEFAULT, stacklevel=2)
    need_tensor("affine_grid", theta, "theta", 1)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    _check_affine(theta, tuple(size))
    if not isinstance(size, (tuple, list)):
        raise errors.wrong_kind("affine_grid_generator", "size", "tuple of ints", size, 2)
    if align_corners and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True. This is not an intended use case of affine_grid. See the "
            "documentation of affine_grid for details.",
            stacklevel=2,
        )
    return affine_grid_generator(theta, size, bool(align_corners))


def _check_affine(theta: Any, size: Shape) -> None:
    rank = len(size) - 2
    if rank not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if tuple(theta._data.shape[1:]) != (rank, rank + 1):
        raise ValueError(
            f"Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
            f"{size}. Got {theta.shape!r}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
