"""Fourier transforms of the standard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ._ops import dims_of, op

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfftn", "rfft", "rfftfreq", "rfftn",
]  # fmt: skip


def _one(name: str) -> Callable[..., Tensor]:
    def function(x: Tensor, /, *, n: int | None = None, axis: int = -1,
                 norm: str = "backward") -> Tensor:  # fmt: skip
        return op("fft." + name)(x, n, axis, norm)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The standard's `{name}`: `torch.fft.{name}`."
    return function


def _many(name: str) -> Callable[..., Tensor]:
    def function(x: Tensor, /, *, s: Any = None, axes: Any = None,
                 norm: str = "backward") -> Tensor:  # fmt: skip
        return op("fft." + name)(x, s, axes, norm)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The standard's `{name}`: `torch.fft.{name}`."
    return function


fft, ifft, rfft, irfft, hfft, ihfft = map(_one, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"))
fftn, ifftn, rfftn, irfftn = map(_many, ("fftn", "ifftn", "rfftn", "irfftn"))


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of `fft`."""
    return op("fft.fftfreq")(n, d, dtype=dtype, device=device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of `rfft`."""
    return op("fft.rfftfreq")(n, d, dtype=dtype, device=device)


def fftshift(x: Tensor, /, *, axes: Any = None) -> Tensor:
    """The frequency zero moved to the middle."""
    return op("fft.fftshift")(x, dims_of(x, axes))


def ifftshift(x: Tensor, /, *, axes: Any = None) -> Tensor:
    """The frequency zero moved back to the front."""
    return op("fft.ifftshift")(x, dims_of(x, axes))
