"""Resizing of images, signals and volumes: `interpolate`, `upsample`.

Every mode is one linear map for each dimension (`kernels/resample.py`); all are one op each with
PyTorch's names, and share the transpose `resample_transpose`, whose transpose is `resample`."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.batching import RULES, whole
from ...core.declare import linear, public
from ...core.primitive import F32, F64
from ...core.record import OPS
from ...core.tensor import Tensor
from ...kernels.resample import resample, resample_transpose
from ..fast import Lane, not_implemented

# ---------------------------------------------------------------- the ops


def _back(xp: Any, g: Any, plan: Any) -> Any:
    return xp.resample_transpose(g, plan)


def _declared(name: str, grad_fn: str, doc: str) -> Lane:
    def kernel(x: Any, plan: Any) -> Any:
        return resample(x, plan)

    RULES[name] = whole
    made = linear(name, kernel, _back, method=False, names=("_" + name,), grad_fn=grad_fn, doc=doc)
    return Lane(made)


_PLAIN = (int, float, type(None))
# sizes and modes that passed the checks, by shape and arguments: the call and its parameters
_KNOWN: dict[Any, tuple[Lane, Any]] = {}
_PLACES = {1: "1D", 2: "2D", 3: "3D"}
_TITLES = {
    "nearest": "UpsampleNearest",
    "nearest-exact": "UpsampleNearestExact",
    "linear": "UpsampleLinear",
    "bilinear": "UpsampleBilinear",
    "trilinear": "UpsampleTrilinear",
    "bicubic": "UpsampleBicubic",
    "area": "AdaptiveAvgPool",
}
# mode -> numbers of spatial dimensions, the kind of its steps
_MODES = {
    "nearest": ((1, 2, 3), "nearest"),
    "nearest-exact": ((1, 2, 3), "exact"),
    "linear": ((1,), "linear"),
    "bilinear": ((2,), "linear"),
    "trilinear": ((3,), "linear"),
    "bicubic": ((2,), "cubic"),
    "area": ((1, 2, 3), "area"),
}
_UPSAMPLE: dict[tuple[str, int], Lane] = {}
for _mode, (_ranks, _kind) in _MODES.items():
    for _n in _ranks:
        _name = ("area" if _mode == "area" else "upsample_" + _mode.replace("-", "_")) + f"{_n}d"
        _UPSAMPLE[_mode, _n] = _declared(
            _name,
            f"{_TITLES[_mode]}{_PLACES[_n]}Backward0",
            f"The last {_n} dimension(s) resized in the mode '{_mode}'.",
        )
_SMOOTH = {
    "bilinear": ("linear", "UpsampleBilinear2DAaBackward0"),
    "bicubic": ("cubic", "UpsampleBicubic2DAaBackward0"),
    "lanczos": ("lanczos", "UpsampleLanczos2DAaBackward0"),
}
for _mode, (_, _grad_fn) in _SMOOTH.items():
    _UPSAMPLE[_mode + " smooth", 2] = _declared(
        f"upsample_{_mode}2d_aa",
        _grad_fn,
        f"The last 2 dimensions resized in the mode '{_mode}' with antialiasing.",
    )
linear(
    "resample",
    resample,
    _back,
    method=False,
    names=("_resample",),
    doc="The last dimensions resized by a linear map each.",
)
linear(
    "resample_transpose",
    resample_transpose,
    lambda xp, g, plan: xp.resample(g, plan),
    method=False,
    names=("_resample_transpose",),
    doc="The transpose of resample.",
)
RULES["resample"] = RULES["resample_transpose"] = whole

# ---------------------------------------------------------------- interpolate

_ALL = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"
_NEEDS = {"linear": "3D", "bilinear": "4D", "trilinear": "5D"}
_INTERPOLATING = ("linear", "bilinear", "bicubic", "trilinear", "lanczos")


@public("nn.functional.interpolate")
def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """The dimensions after the first two resized.

    Args:
        input: (N, C, W), (N, C, H, W) or (N, C, D, H, W).
        size: the new sizes, or one for all.
        scale_factor: how many times larger, instead of `size`.
        mode: 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear', 'area' or
            (antialias only) 'lanczos'.
        align_corners: the corner elements of both keep their places, instead of the corners of the
            image.
        recompute_scale_factor: compute the scale again from the sizes, which are whole numbers.
        antialias: with 'bilinear' and 'bicubic', filter as wide as the new elements when
            shrinking.

    Raises:
        ValueError: neither or both of size and scale_factor, or the wrong number of them.
        NotImplementedError: a mode for another number of dimensions.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([[[0.0, 1.0]]])
        >>> torch.nn.functional.interpolate(x, scale_factor=2, mode="linear")
        tensor([[[0.0000, 0.2500, 0.7500, 1.0000]]])
    """
    key = None
    if type(size) in _PLAIN and type(scale_factor) in _PLAIN and type(input) is Tensor:
        data = input._data
        if type(mode) is str and (data.dtype is F32 or data.dtype is F64):
            key = (data.shape, size, scale_factor, mode, align_corners, recompute_scale_factor,
                   antialias)  # fmt: skip
            known = _KNOWN.get(key)
            if known is not None:
                return known[0].one(input, known[1])
    ndim = input.dim()
    if align_corners is not None and mode not in _INTERPOLATING:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if antialias and not (mode in _SMOOTH and ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if mode == "lanczos" and ndim == 4:
        if align_corners:
            raise ValueError("Lanczos mode does not support align_corners=True")
        if not antialias:
            raise ValueError("Lanczos mode requires antialias=True")
    lane = _UPSAMPLE.get((mode + " smooth" if antialias else mode, ndim - 2))
    if lane is None:
        raise _no_mode(mode, ndim)
    plan = _planned(input, sizes, scales, mode, bool(align_corners), antialias)
    if mode == "area" and ndim == 3:  # PyTorch does this one in two dimensions
        wide = (("area", 1, 1, None, False), *plan)
        return OPS.squeeze_dim(_UPSAMPLE["area", 2].one(OPS.unsqueeze(input, 2), (wide,)), 2)
    if key is not None:
        if len(_KNOWN) > 500:
            _KNOWN.clear()
        _KNOWN[key] = lane, (plan,)
    return lane.one(input, (plan,))


def _no_mode(mode: str, ndim: int) -> NotImplementedError:
    if mode in _NEEDS and ndim in (3, 4, 5):
        return NotImplementedError(f"Got {ndim}D input, but {mode} mode needs {_NEEDS[mode]} input")
    return NotImplementedError(
        "Input Error: Only 3D, 4D and 5D input Tensors supported "
        f"(got {ndim}D) for the modes: {_ALL} (got {mode})"
    )


def _sizes(x: Any, size: Any, scale_factor: Any, recompute: Any) -> tuple[Any, Any]:
    """The new sizes, and the scales where they decide the places."""
    have = tuple(x._data.shape[2:])
    rank = len(have)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return _given_sizes(have, size), [None] * rank
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if isinstance(scale_factor, (list, tuple)):
        if len(scale_factor) != rank:
            raise ValueError(
                "Input and scale_factor must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {list(have)} and scale_factor of shape "
                f"{scale_factor}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
                "scale_factor in (s1, s2, ...,sK) format."
            )
        scales = [float(s) for s in scale_factor]
    else:
        scales = [float(scale_factor)] * rank
    sizes = tuple(math.floor(n * s) for n, s in zip(have, scales, strict=True))
    return sizes, [None] * rank if recompute else scales


def _given_sizes(have: tuple[int, ...], size: Any) -> tuple[int, ...]:
    if not isinstance(size, (list, tuple)):
        size = (size,) * len(have)
    elif len(size) != len(have):
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(have)} and output size of {size}. Please provide input "
            "tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format."
        )
    if not all(hasattr(n, "__index__") and not isinstance(n, bool) for n in size):
        raise TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or "
            f"Tuple[int, int, int], but got size with types {[type(n) for n in size]}"
        )
    return tuple(int(n) for n in size)


def _planned(x: Any, sizes: Any, scales: Any, mode: str, aligned: bool, smooth: bool) -> Any:
    """A step for each resized dimension, arguments checked."""
    have = tuple(x._data.shape[2:])
    _check(x, have, sizes, mode)
    kind = "smooth " + _SMOOTH[mode][0] if smooth else _MODES[mode][1]
    return tuple(
        (kind, n, m, None if mode == "area" else s, aligned)
        for n, m, s in zip(have, sizes, scales, strict=True)
    )


_LETTERS = {1: "W", 2: "HW", 3: "DHW"}


def _check(x: Any, have: tuple[int, ...], sizes: tuple[int, ...], mode: str) -> None:
    if mode == "area":
        if x._data.dtype.kind not in "fV":
            raise not_implemented(f"adaptive_avg_pool{max(len(have), 2)}d", x.dtype)
        if min(sizes) < 0 or 0 in have:
            raise RuntimeError(
                f"Expected input to have non-zero size for non-batch dimensions, but input has "
                f"sizes {list(x._data.shape)}"
            )
        return
    if min((*have, *sizes)) <= 0:
        old, new = (
            ", ".join(f"{k}: {v}" for k, v in zip(_LETTERS[len(have)], s, strict=True))
            for s in (have, sizes)
        )
        joint = " and" if len(have) == 1 else ""
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({old}){joint} output "
            f"({new})"
        )
    if x._data.shape[1] == 0:
        raise RuntimeError(
            f"Non-empty {len(have) + 2}D data tensor expected but got a tensor with sizes "
            f"{list(x._data.shape)}"
        )
    dtype = x._data.dtype
    if dtype.kind not in "fV" and not (dtype == "uint8" and _takes_bytes(mode, len(have))):
        raise not_implemented(f"compute_indices_weights_{mode.replace('bi', '')}", x.dtype)


def _takes_bytes(mode: str, rank: int) -> bool:
    return mode.startswith("nearest") or rank == 2


@public("nn.functional.upsample")
def upsample(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """Deprecated: `interpolate`.

    Example:
        >>> import chainrule as torch, warnings
        >>> warnings.simplefilter("ignore")
        >>> torch.nn.functional.upsample(torch.tensor([[[1.0, 2.0]]]), 4)
        tensor([[[1., 1., 2., 2.]]])
    """
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=3,
    )


@public("nn.functional.upsample_nearest")
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Deprecated: `interpolate` in the mode 'nearest'.

    Example:
        >>> import chainrule as torch, warnings
        >>> warnings.simplefilter("ignore")
        >>> torch.nn.functional.upsample_nearest(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
        tensor([[[1., 1., 2., 2.]]])
    """
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


@public("nn.functional.upsample_bilinear")
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Deprecated: `interpolate` in the mode 'bilinear' with `align_corners`.

    Example:
        >>> import chainrule as torch, warnings
        >>> warnings.simplefilter("ignore")
        >>> torch.nn.functional.upsample_bilinear(torch.tensor([[[[0.0, 1.0]]]]), (1, 3))
        tensor([[[[0.0000, 0.5000, 1.0000]]]])
    """
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
