"""`torch.stft` and `torch.istft`: spectra of overlapping frames of a signal, and the way back.

Composites of the Fourier family: frames are a view (`unfold`), its transpose adds them up again.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import errors
from ...core.declare import public
from ...core.lanes import bare
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from . import fourier  # noqa: F401  # declares the transforms used here

# ---------------------------------------------------------------- what both take


def _flag(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _called(op: str, shown: str, facts: dict[str, Any]) -> str:
    """The call as PyTorch's errors of these two functions begin."""
    window = facts["window"]
    if window is not None:
        facts = facts | {"window": f"{errors.type_name(window.dtype)}{{{list(window.shape)}}}"}
    return f"{op}({shown}, {', '.join(f'{k}={_flag(v)}' for k, v in facts.items())})"


def _centered(window: Tensor | None, x: Tensor, win_length: int, n_fft: int) -> Tensor | None:
    """The window in the middle of `n_fft` points; None when it is all ones."""
    if window is None:
        if win_length == n_fft:
            return None
        kind = x._data.dtype
        real = np.empty(0, kind).real.dtype
        window = wrap(np.ones(win_length, real))
    if win_length == n_fft:
        return window
    left = (n_fft - win_length) // 2
    return OPS.slice_backward(window, (n_fft,), 0, left, left + win_length, 1)


def _need_signal(op: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(op, "input", 1, input)
    return input


# ---------------------------------------------------------------- forward


def _padded(x: Tensor, by: int, mode: str) -> Tensor:
    """`by` more elements at both ends of the last dimension."""
    n, last = x._data.shape[-1], x._data.ndim - 1
    if mode == "reflect" and 0 < by < n - 1 and bare(x):
        data = x._data
        ends = data[..., by:0:-1], data[..., -2 : -by - 2 : -1]
        return wrap(np.concatenate((ends[0], data, ends[1]), -1))
    places = np.arange(-by, n + by)
    if mode == "constant":
        shape = (*x._data.shape[:-1], n + 2 * by)
        return OPS.slice_backward(x, shape, last, by, by + n, 1)
    if not n:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {[1, 1, 0]}"
        )
    if mode == "reflect":
        if by >= n:
            raise RuntimeError(
                errors.hinted(
                    "Argument #4: Padding size should be less than the corresponding input "
                    f"dimension, but got: padding ({by}, {by}) at dimension 2 of input "
                    f"{[1, *x._data.shape] if x._data.ndim > 1 else [1, 1, n]}",
                    hint="a smaller n_fft, center=False, or pad_mode='constant'",
                )
            )
        places = np.abs(places)
        places = np.where(places >= n, 2 * (n - 1) - places, places)
    elif mode == "replicate":
        places = places.clip(0, n - 1)
    elif mode == "circular":
        if by > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        places %= n
    else:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    return OPS.index_select(x, last, wrap(places))


def _check_stft(x: Tensor, facts: dict[str, Any]) -> None:
    n_fft, hop, win, window = (facts[k] for k in ("n_fft", "hop_length", "win_length", "window"))
    shape = x._data.shape
    wrong = None
    if x.dtype.category < 2:
        wrong = "expected a tensor of floating point or complex values"
    elif len(shape) not in (1, 2):
        wrong = "expected a 1D or 2D tensor"
    elif not 0 < n_fft <= shape[-1]:
        wrong = f"expected 0 < n_fft < {shape[-1]}, but got n_fft={n_fft}"
    elif hop <= 0:
        wrong = f"expected hop_length > 0, but got hop_length={hop}"
    elif not 0 < win <= n_fft:
        wrong = f"expected 0 < win_length <= n_fft, but got win_length={win}"
    elif window is not None and tuple(window.shape) != (win,):
        wrong = (
            f"expected a 1D window tensor of size equal to win_length={win}, but got window with "
            f"size {list(window.shape)}"
        )
    if wrong is None and x._data.dtype.itemsize == 2:
        title = errors.LEGACY[x.dtype.name]
        raise RuntimeError(f"MKL FFT doesn't support tensors of type: {title}")
    if wrong is not None:
        shown = f"{errors.type_name(x.dtype)}{list(shape)}"
        raise RuntimeError(f"{_called('stft', shown, facts)} : {wrong}")


@public("stft", method=True)
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The short-time Fourier transform: spectra of overlapping frames.

    Args:
        input: signals, (time) or (batch, time), real or complex.
        n_fft: points of a frame.
        hop_length: the distance of frames (default n_fft // 4).
        win_length: points of the window (default n_fft), which stands in the middle of a frame.
        window: factors of shape (win_length,) (default: ones).
        center: frame t is centered at t hop_length; the signal is padded by n_fft // 2.
        pad_mode: "reflect", "constant", "replicate" or "circular".
        normalized: divide by the root of n_fft.
        onesided: only the n_fft // 2 + 1 frequencies that determine a real signal (the default
            when signal and window are real).
        return_complex: complex numbers, else pairs in a last dimension of size 2; must be given
            for real input.
        align_to_window: without `center`, frames begin with the window.

    Returns:
        (frequencies, frames) or (batch, frequencies, frames).

    Raises:
        RuntimeError: lengths that do not fit.

    Example:
        >>> import chainrule as torch
        >>> torch.stft(torch.ones(8), 4, return_complex=True).shape
        torch.Size([3, 9])
    """
    x = _need_signal("stft", input)
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if center:
        x = _padded(x if x._data.ndim else x.reshape(1), n_fft // 2, pad_mode)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    complex_ = x.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        if not complex_:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will "
                "further require that return_complex=True in a future PyTorch release."
            )
        return_complex = True
    facts = {
        "n_fft": n_fft, "hop_length": hop, "win_length": win, "window": window,
        "normalized": int(normalized), "onesided": onesided, "return_complex": return_complex,
        "align_to_window": align_to_window,
    }  # fmt: skip
    if align_to_window:
        x = _padded(x, (n_fft - win) // 2, "constant")
    _check_stft(x, facts)
    if onesided and complex_:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    last = x._data.ndim - 1
    frames = OPS.unfold(x, last, n_fft, hop)
    placed = _centered(window, x, win, n_fft)
    frames = frames if placed is None else frames * placed
    if complex_:
        made = OPS.fft_c2c(frames, (last + 1,), int(normalized), True)
    else:
        made = OPS.fft_r2c(frames, (last + 1,), int(normalized), onesided is not False)
    made = OPS.transpose(made, last, last + 1)
    return made if return_complex else OPS.view_as_real(made)


# ---------------------------------------------------------------- and back


def _check_istft(x: Tensor, facts: dict[str, Any]) -> bool:
    """Whether half the frequencies are given; raises if something does not fit."""
    n_fft, hop, win, window = (facts[k] for k in ("n_fft", "hop_length", "win_length", "window"))
    shape = x._data.shape
    onesided, wrong = facts["onesided"], None
    if not x._data.size:
        wrong = "input tensor cannot be empty."
    elif len(shape) not in (2, 3):
        wrong = f"expected a tensor with 3 or 4 dimensions, but got {len(shape) + 1}"
    else:
        onesided = shape[-2] != n_fft if onesided is None else onesided
        where = "expected the frequency dimension (3rd to the last) of the input tensor to match "
        if shape[-2] != (n_fft // 2 + 1 if onesided else n_fft):
            what = "n_fft / 2 + 1 when onesided=True" if onesided else "n_fft when onesided=False"
            wrong = f"{where}{what}, but got {shape[-2]}"
        elif not 0 < hop <= win:
            wrong = "expected 0 < hop_length <= win_length"
        elif not 0 < win <= n_fft:
            wrong = "expected 0 < win_length <= n_fft"
        elif window is not None and tuple(window.shape) != (win,):
            wrong = "Invalid window shape. window has to be 1D and length of `win_length`"
    if wrong is not None:
        raise RuntimeError(f"{_istft_called(x, facts)} : {wrong}")
    return bool(onesided)


def _istft_called(x: Tensor, facts: dict[str, Any]) -> str:
    title = f"CPU{errors.LEGACY[x.dtype.name]}Type"
    return _called("istft", f"{title}{list(x._data.shape)}", facts)


def _added(frames: Tensor, hop: int, n_fft: int) -> Tensor:
    """(..., frames, n_fft) -> (..., time): the frames added up where they overlap."""
    *lead, count, _ = frames._data.shape
    shape = (*lead, n_fft + hop * (count - 1))
    return OPS.unfold_backward(frames, shape, len(lead), n_fft, hop)


def _signals(x: Tensor, n_fft: int, normalized: bool, onesided: bool, complex_: bool) -> Tensor:
    """The frames of spectra (..., frequencies, frames) as (..., frames, n_fft)."""
    last = x._data.ndim - 1
    x = OPS.transpose(x, last - 1, last)
    mode = 1 if normalized else 2
    if complex_:
        return OPS.fft_c2c(x, (last,), mode, False)
    if not onesided:
        x = OPS.slice(x, last, 0, n_fft // 2 + 1, 1)
    return OPS.fft_c2r(x, (last,), mode, n_fft)


@public("istft", method=True)
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The inverse of `stft`: the signal whose frames are nearest to these spectra.

    Frames are transformed back, weighted with the window again, added up where they overlap and
    divided by the sum of the squared windows.

    Args:
        input: complex, (frequencies, frames) or (batch, frequencies, frames).
        n_fft, hop_length, win_length, window, center, normalized, onesided: as for `stft`.
        length: the number of points wanted (cut, or padded with zeros).
        return_complex: the signal is complex.

    Raises:
        RuntimeError: real input; lengths that do not fit; the windows leave a gap.

    Example:
        >>> import chainrule as torch
        >>> spectra = torch.stft(torch.ones(8), 4, return_complex=True)
        >>> torch.istft(spectra, 4)
        tensor([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    x = _need_signal("istft", input)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    facts = {
        "n_fft": n_fft, "hop_length": hop, "win_length": win, "window": window, "center": center,
        "normalized": normalized, "onesided": onesided, "length": length,
        "return_complex": return_complex,
    }  # fmt: skip
    if not x.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if window is not None and window.is_complex() and not return_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    half = _check_istft(x, facts)
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    frames = _signals(x, n_fft, normalized, half, return_complex)
    weights = _centered(window, x, win, n_fft)
    if weights is None:
        real = x._data.real.dtype if return_complex else frames._data.dtype
        weights = wrap(np.ones(n_fft, real))
    squares = OPS.expand(weights * weights, (x._data.shape[-1], n_fft))
    y, envelope = _added(frames * weights, hop, n_fft), _added(squares, hop, n_fft)
    return _cropped(y, envelope, n_fft // 2 if center else 0, length, x, facts)


def _cropped(
    y: Tensor, envelope: Tensor, start: int, length: int | None, x: Tensor, facts: dict[str, Any]
) -> Tensor:
    """The part of the signal that is wanted, over the windows' weight there."""
    total, last = y._data.shape[-1], y._data.ndim - 1
    end = min(total, total - start if length is None else start + length)
    y = OPS.slice(y, last, start, max(end, start), 1)
    envelope = OPS.slice(envelope, 0, start, max(end, start), 1)
    if not y._data.shape[-1]:
        raise RuntimeError(
            "min(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )
    if not envelope._wrapped and not np.abs(envelope._data).min() > 1e-11:
        raise RuntimeError(
            errors.hinted(
                f"{_istft_called(x, facts)} window overlap add min: 1",
                hint="the squared windows must not add up to 0 anywhere: a smaller hop_length",
            )
        )
    y = y / envelope
    if length is None or length == y._data.shape[-1]:
        return y
    warnings.warn(
        "The length of signal is shorter than the length parameter. Result is being padded with "
        "zeros in the tail. Please check your center and hop_length settings.",
        stacklevel=3,
    )
    return OPS.fft_resize(y, (last,), (length,))
