"""Families that are loaded when one of their names is first asked for.

Everybody would pay for them at import and few programs use them. `LATE` lists what each file
brings: public paths below torch, and methods as `Tensor.<name>`. `tests/meta/test_late.py` holds
the table against the files and prints what it should say.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..core.declare import METHODS
from ..core.primitive import PUBLIC
from ..core.tensor import Tensor

# family file -> the names it brings (words, in any order)
LATE: dict[str, str] = {}

LATE["fourier"] = (
    "fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfft2 "
    "fft.irfft2 fft.rfftn fft.irfftn fft.hfft fft.ihfft fft.hfft2 fft.ihfft2 fft.hfftn "
    "fft.ihfftn fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift _fft_c2c _fft_r2c "
    "_fft_c2r _fft_resize _fft_weigh"
)

LATE["polynomials"] = (
    "special.chebyshev_polynomial_t special.chebyshev_polynomial_u "
    "special.chebyshev_polynomial_v special.chebyshev_polynomial_w "
    "special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u "
    "special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w "
    "special.hermite_polynomial_h special.hermite_polynomial_he "
    "special.laguerre_polynomial_l special.legendre_polynomial_p"
)

LATE["special"] = (
    "i0 Tensor.i0 Tensor.i0_ igamma Tensor.igamma Tensor.igamma_ igammac Tensor.igammac "
    "Tensor.igammac_ mvlgamma Tensor.mvlgamma Tensor.mvlgamma_ special.i0 special.i0e "
    "special.i1 special.i1e special.ndtri special.log_ndtr special.erfcx special.gammainc "
    "special.gammaincc special.zeta special.multigammaln special.bessel_j0 "
    "special.bessel_j1 special.bessel_y0 special.bessel_y1 special.modified_bessel_i0 "
    "special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 "
    "special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.airy_ai "
    "special.spherical_bessel_j0"
)

LATE["shuffle"] = (
    "_channel_unshuffle channel_shuffle native_channel_shuffle nn.functional.channel_shuffle "
    "nn.functional.native_channel_shuffle nn.functional.pixel_shuffle "
    "nn.functional.pixel_unshuffle pixel_shuffle pixel_unshuffle"
)

LATE["padding"] = (
    "_circular_pad1d _circular_pad2d _circular_pad3d _pad_by _pad_transpose _reflection_pad1d "
    "_reflection_pad2d _reflection_pad3d _replication_pad1d _replication_pad2d "
    "_replication_pad3d constant_pad_nd nn.functional.pad"
)

LATE["resample"] = (
    "_area1d _area2d _area3d _resample _resample_transpose _upsample_bicubic2d "
    "_upsample_bicubic2d_aa _upsample_bilinear2d _upsample_bilinear2d_aa "
    "_upsample_lanczos2d_aa _upsample_linear1d _upsample_nearest1d _upsample_nearest2d "
    "_upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
    "_upsample_nearest_exact3d _upsample_trilinear3d nn.functional.interpolate "
    "nn.functional.upsample nn.functional.upsample_bilinear nn.functional.upsample_nearest"
)

LATE["spectrogram"] = (
    "stft istft Tensor.stft Tensor.istft"
)

LATE["grid_sample"] = (
    "_affine_grid_transpose _grid_gather _grid_places _grid_scatter affine_grid_generator "
    "grid_sampler grid_sampler_2d grid_sampler_3d nn.functional.affine_grid "
    "nn.functional.grid_sample"
)

LATE["windows"] = (
    "signal.windows.exponential signal.windows.cosine signal.windows.gaussian "
    "signal.windows.kaiser signal.windows.bartlett signal.windows.general_cosine "
    "signal.windows.general_hamming signal.windows.hamming signal.windows.hann "
    "signal.windows.blackman signal.windows.nuttall bartlett_window blackman_window "
    "hamming_window hann_window kaiser_window"
)

LATE["attention"] = (
    "_attention _attention_backward _safe_softmax nn.functional.scaled_dot_product_attention"
)

FAMILY_OF = {path: family for family, paths in LATE.items() for path in paths.split()}


def load(family: str) -> None:
    """Declare the ops of a late family and attach their methods."""
    importlib.import_module("." + family, __package__)
    attach()


def load_all() -> None:
    """Declare every op there is: for what reads the whole registry (tests, docs)."""
    for family in LATE:
        load(family)


def attach() -> None:
    """Give `Tensor` every method declared so far."""
    for name, method in METHODS.items():
        if Tensor.__dict__.get(name) is not method:
            setattr(Tensor, name, method)


class LateMethod:
    """Stands on `Tensor` for a method of a late family until it is first looked up."""

    def __init__(self, family: str, name: str) -> None:
        self.family, self.name = family, name

    def __get__(self, tensor: Any, owner: type) -> Any:
        load(self.family)
        return getattr(owner if tensor is None else tensor, self.name)


def promise_methods() -> None:
    """Put a `LateMethod` where a method will be."""
    for path, family in FAMILY_OF.items():
        if path.startswith("Tensor."):
            name = path.removeprefix("Tensor.")
            setattr(Tensor, name, LateMethod(family, name))


def later(prefix: str, space: dict[str, Any]) -> Callable[[str], Any]:
    """A module's `__getattr__`: loads the family of `torch.<prefix>.<name>`.

    Args:
        prefix: the path of the module below torch, "" for the top.
        space: the module's `globals()`, where the name is kept.
    """
    start = prefix + "." if prefix else ""

    def find(name: str) -> Any:
        family = FAMILY_OF.get(start + name)
        if family is None:
            raise AttributeError(f"module 'torch.{prefix}' has no attribute '{name}'", name=name)
        load(family)
        found = space[name] = PUBLIC[start + name]
        return found

    return find


def promised(prefix: str) -> list[str]:
    """The names below `torch.<prefix>` that late families bring."""
    start = prefix + "." if prefix else ""
    ours = (path[len(start) :] for path in FAMILY_OF if path.startswith(start))
    return [name for name in ours if "." not in name and not name.startswith("Tensor")]
